// @module-tag long
// @module-tag namespaces
// @module-tag root
// A crash leaves no frame and no key, with core dumps, node's reports and stderr enabled. A dump exists only if its limit is lifted again,
// and even then contains no memory.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { descendants } from '../../support/processes.ts';
import { proved } from '../../support/proved.ts';
import { mayMakeNamespaces } from './support/namespace.ts';
import { printed } from './support/places.ts';
import { Secrets } from './support/secrets.ts';
import { World } from './support/world.ts';

const PATTERN = '/proc/sys/kernel/core_pattern';
/** If the kernel passes dumps to a program or writes them elsewhere, this test cannot read them. */
const dumpsHere = existsSync(PATTERN) && !/[|/]/.test(readFileSync(PATTERN, 'utf8'));
const PT_LOAD = 1;
const filterOf = (pid: number) => readFileSync(`/proc/${pid}/coredump_filter`, 'utf8').trim();

/**
 * A core dump without its notes (elf(5), PT_NOTE), which have each thread's registers: they may contain 16 bytes that were just being
 * copied.
 */
function memoryIn(dump: Buffer): Buffer {
  const [headers, size, count] = [Number(dump.readBigUInt64LE(32)), dump.readUInt16LE(54), dump.readUInt16LE(56)];
  const parts = Array.from({ length: count }, (_, at) => dump.subarray(headers + at * size));
  return Buffer.concat(
    parts
      .filter((part) => part.readUInt32LE(0) === PT_LOAD)
      .map((part) => [part.readBigUInt64LE(8), part.readBigUInt64LE(32)].map(Number))
      .map(([from = 0, length = 0]) => dump.subarray(from, from + length)),
  );
}

describe.skipIf(!mayMakeNamespaces())(
  'a device that crashes (needs hardware: a Linux machine of one’s own, as root)',
  () => {
    it('leaves neither footage nor keys in core dumps, reports and output', async (test) => {
      const world = await World.open({
        secure: false,
        camera: { kind: 'synthetic' },
        ring: 'file',
        motion: true,
        tellsAllOnCrash: true,
      });
      try {
        const { device } = world.up;
        const secrets = await Secrets.of(world);
        const left = { dumps: 0, reports: 0, bytes: 0 };
        const look = async (): Promise<string[]> => {
          await secrets.gather();
          return readdirSync(world.cwd).flatMap((name) => {
            const bytes = readFileSync(join(world.cwd, name));
            rmSync(join(world.cwd, name));
            left[name.startsWith('report') ? 'reports' : 'dumps'] += 1;
            left.bytes += bytes.length;
            if (name.startsWith('report')) return printed(bytes.toString(), secrets).found;
            const memory = memoryIn(bytes);
            return [...secrets.footage.findBare(memory), ...secrets.never.findBare(memory)];
          });
        };
        const letDump = () => execFileSync('prlimit', ['--pid', String(device.pid), '--core=unlimited:']);
        const family = () => [device.pid, ...descendants(device.pid)];

        // Killed by a signal that dumps core, like a failed assertion in node or a broken library.
        expect(family().length).toBeGreaterThan(1);
        expect(family().map(filterOf)).toEqual(family().map(() => '00000000'));
        await device.end('SIGABRT');
        expect([await look(), left]).toEqual([[], { dumps: 0, reports: 0, bytes: 0 }]);

        // With the limit lifted, there is a dump, without memory.
        await device.start();
        letDump();
        await device.end('SIGABRT');
        expect(await look()).toEqual([]);
        if (dumpsHere) expect(left.dumps).toBe(1);

        // A bug of ours, aborted at once: node's report and a dump.
        const bug = join(world.folder, 'bug.cjs');
        writeFileSync(bug, "process.on('SIGHUP', () => { throw new Error('a bug'); });");
        await device.start([], ['--require', bug, '--abort-on-uncaught-exception']);
        letDump();
        await device.end('SIGHUP');
        expect(await look()).toEqual([]);
        await device.start([], ['--require', bug]);
        await device.end('SIGHUP');
        expect(await look()).toEqual([]);
        expect(device.printed).toContain('Error: a bug');
        expect(printed(device.printed, secrets).found).toEqual([]);
        expect(left.reports).toBeGreaterThan(0);
        if (dumpsHere) expect(left.dumps).toBe(2);
        const figure = `0 in ${left.dumps} dumps, ${left.reports} reports, ${left.bytes} bytes`;

        // The control: with memory in the dump, the same search finds plenty.
        await device.start();
        const segments = world.state?.ring.segments ?? 0;
        await world.until('more footage', () => ((world.state?.ring.segments ?? 0) > segments + 1 ? true : null));
        writeFileSync(`/proc/${device.pid}/coredump_filter`, '0x33');
        letDump();
        await device.end('SIGABRT');
        const found = await look();
        if (dumpsHere) expect(found.length).toBeGreaterThan(0);
        proved(test, 'pieces of footage and keys in what a crash leaves', `${figure} (control: ${found.length} found)`);
      } finally {
        await world.close();
      }
    }, 180_000);
  },
);
