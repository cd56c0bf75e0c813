// Updates a doorbell by the command in real folders, with small releases whose program prints its version; and kills the command meanwhile.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { printMinisignKey, signAsMinisign } from '../../../device/update/minisign.ts';
import { packArchive } from '../../../sim/release/pack-archive.ts';
import { LAUNCHER, processesNaming } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const MINUTES_MS = 60_000;
const KILLS = 20;
const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-update-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const random = new SystemRandom();
const signing = generateSigningKey(random);
const key = { id: random.bytes(8), publicKey: signing.publicKey };

/** Ends at once unless the other file of its version is there; else prints its version, or runs as a doorbell does. */
const program = (version: string, isBroken: boolean) => `
import { readFileSync } from 'node:fs';
const other = readFileSync(new URL('../../node_modules/other/index.js', import.meta.url), 'utf8');
if (other.length !== 300000 || !other.startsWith('// ${version}')) process.exit(9);
if (process.argv.includes('--version')) console.log('${version}');
else if (${isBroken}) process.exit(1);
else {
  console.log('{"event":"ready"}');
  setInterval(() => undefined, 1_000);
}
`;

function release(version: string, { isBroken = false, arch = process.arch } = {}): string {
  const manifest = { kind: 'doorsill-release', version, platform: 'linux', arch, node: '20.19.0', format: 4 };
  const files = {
    'release.json': JSON.stringify({ ...manifest, commit: '0'.repeat(40), madeS: 1 }),
    'node_modules/other/index.js': `// ${version}`.padEnd(300_000),
    'device/cli/doorsill-device.mjs': program(version, isBroken),
    ...Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`node_modules/many/${at}.js`, `// ${at}`])),
  };
  const archive = packArchive(
    Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) })),
    1,
  );
  const path = join(folder, `doorsill-${version}-linux-${arch}.tar.gz`);
  writeFileSync(path, archive);
  writeFileSync(`${path}.minisig`, signAsMinisign(archive, key.id, signing, 'a release'));
  return path;
}

function doorsill(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, 'device', 'update', ...args, '--json'], {
    encoding: 'utf8',
  });
  const last = `${stdout}${stderr}`.split('\n').findLast((line) => line.startsWith('{')) ?? '';
  return { status, said: last === '' ? null : JSON.parse(last) };
}

/** The version that is started, as its program says it. */
function started(programs: string, link = 'current'): string {
  const done = spawnSync(process.execPath, [join(programs, link, 'device/cli/doorsill-device.mjs'), '--version'], {
    encoding: 'utf8',
  });
  return done.status === 0 ? done.stdout.trim() : `ended with ${done.status}`;
}

describe.runIf(process.platform === 'linux')('device update', { timeout: 10 * MINUTES_MS, tags: ['setpriv'] }, () => {
  const data = join(folder, 'porch');
  const programs = join(folder, 'programs');
  const options = ['--programs', programs, '--data', data];
  let later = '';
  beforeAll(() => {
    mkdirSync(data);
    writeFileSync(join(data, 'format.json'), '{"kind":"doorsill-device","format":4}');
    writeFileSync(join(folder, 'release.pub'), printMinisignKey(key));
    const pinned = doorsill(release('1.0.0'), '--pin', join(folder, 'release.pub'), '--programs', programs);
    expect(pinned).toMatchObject({ status: 0, said: { outcome: 'installed', version: '1.0.0' } });
    later = release('1.1.0');
  }, 2 * MINUTES_MS);

  it('switches to a healthy release, and says when there is nothing to do', () => {
    const copy = join(folder, 'updated');
    cpSync(programs, copy, { recursive: true, verbatimSymlinks: true });
    const there = ['--programs', copy, '--data', data];
    expect(doorsill(folder, ...there)).toMatchObject({
      status: 0,
      said: { outcome: 'updated', from: '1.0.0', to: '1.1.0' },
    });
    expect([started(copy), started(copy, 'keeper')]).toEqual(['1.1.0', '1.1.0']);
    expect(doorsill(later, ...there)).toMatchObject({ status: 0, said: { outcome: 'unchanged' } });
    expect(processesNaming(copy)).toEqual([]);
  });

  it('rolls back one that is not healthy', () => {
    const refused = doorsill(release('1.2.0', { isBroken: true }), ...options);
    expect(refused).toMatchObject({ status: 3, said: { error: { code: 'update_unhealthy' } } });
    expect([started(programs), started(programs, 'keeper')]).toEqual(['1.0.0', '1.0.0']);
    expect(readdirSync(join(programs, 'versions'))).toEqual(['1.0.0']);
    rmSync(join(folder, `doorsill-1.2.0-linux-${process.arch}.tar.gz`));
  });

  it('refuses a release for another processor, an unsigned one, and an older one', () => {
    const other = release('1.3.0', { arch: process.arch === 'x64' ? 'arm64' : 'x64' });
    expect(doorsill(other, ...options).said.error.code).toBe('update_machine_foreign');
    expect(doorsill(release('0.9.0'), ...options).said.error.code).toBe('update_older');
    rmSync(`${other}.minisig`);
    expect(doorsill(other, ...options).said.error.code).toBe('update_unsigned');
    expect(started(programs)).toBe('1.0.0');
  });

  it(`killed ${KILLS} times, leaves one whole version each time, and can be done again`, async (test) => {
    /** The state in which the kills, spread over the duration of an update, found it. */
    const found = new Map<string, number>();
    const wholeMs = await timed(join(folder, 'timed'));
    for (let kill = 0; kill < KILLS; kill += 1) {
      const killed = join(folder, `killed-${kill}`);
      cpSync(programs, killed, { recursive: true, verbatimSymlinks: true });
      const update = spawn(process.execPath, [
        LAUNCHER,
        'device',
        'update',
        later,
        '--programs',
        killed,
        '--data',
        data,
      ]);
      const ended = once(update, 'exit');
      await new Promise((resolve) => setTimeout(resolve, (wholeMs * (kill + 0.5)) / KILLS));
      update.kill('SIGKILL');
      await ended;
      const version = started(killed);
      expect(['1.0.0', '1.1.0']).toContain(version);
      expect(['1.0.0', '1.1.0']).toContain(started(killed, 'keeper'));
      expect(doorsill('--settle', '--programs', killed).status).toBe(0);
      expect(started(killed)).toBe(started(killed, 'keeper'));
      const note = readdirSync(killed).includes('update.json') ? 'noted' : 'before the switch';
      const at = `${version}, ${note}, then ${readlinkSync(join(killed, 'current')).slice('versions/'.length)}`;
      found.set(at, (found.get(at) ?? 0) + 1);
      await expect.poll(() => processesNaming(killed), { timeout: 30_000 }).toEqual([]);
    }
    proved(test, 'updates killed at once', [...found].map(([at, times]) => `${times} at ${at}`).join('; '));
    expect(doorsill(later, '--programs', join(folder, 'killed-0'), '--data', data).status).toBe(0);
  });

  /** Duration of an update that is not killed, in milliseconds. */
  const timed = async (into: string): Promise<number> => {
    cpSync(programs, into, { recursive: true, verbatimSymlinks: true });
    const startedMs = performance.now();
    expect(doorsill(later, '--programs', into, '--data', data).status).toBe(0);
    return performance.now() - startedMs;
  };
});
