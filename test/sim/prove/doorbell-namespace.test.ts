// A proof removes the namespaces of killed proofs, except those in which a process runs, and none of a running proof.
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { SystemPrograms } from '../../../device/base/system-programs.ts';
import { DoorbellNamespace } from '../../../sim/prove/doorbell-namespace.ts';
import { root } from '../../layout/source-tree.ts';

const deps = { clock: new SystemClock(), random: new SystemRandom(), programs: new SystemPrograms(), log: silentLog() };
const built = (path: string) => JSON.stringify(pathToFileURL(join(root, path)).href);
const OPENS = `
import { SystemClock } from ${built('device/base/dist/clock.js')};
import { silentLog } from ${built('device/base/dist/log.js')};
import { SystemRandom } from ${built('device/base/dist/random.js')};
import { SystemPrograms } from ${built('device/base/dist/system-programs.js')};
import { DoorbellNamespace } from ${built('sim/dist/prove/doorbell-namespace.js')};
const deps = { clock: new SystemClock(), random: new SystemRandom(), programs: new SystemPrograms(), log: silentLog() };
const made = await DoorbellNamespace.open(deps);
console.log(made.inside[3]);
setInterval(() => undefined, 1_000);`;

/** Names of namespaces and links of this machine. */
const there = () => ['netns', 'link'].map((kind) => execFileSync('ip', [kind, 'list'], { encoding: 'utf8' })).join('');
const linkOf = (name: string) => name.replace(/^.*-/, 'dsp');

/** Opens one and ends it, as a proof does. */
async function openOnce(): Promise<void> {
  const made = await DoorbellNamespace.open(deps);
  if (!(made instanceof DoorbellNamespace)) throw new Error(made.why);
  await made.end();
}

const firstWords = (from: Readable) =>
  new Promise<string>((resolve) => from.once('data', (text) => resolve(`${text}`.trim())));
const children: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
const ended = (child: ReturnType<typeof spawn>) => new Promise((resolve) => child.once('close', resolve));

describe('a network namespace', { tags: ['namespaces', 'root'] }, () => {
  it('of a killed process is removed by the next one, unless a process runs in it', async () => {
    const maker = spawn(process.execPath, ['--input-type=module', '--eval', OPENS], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(maker);
    const name = await firstWords(maker.stdout);
    await openOnce();
    expect(there()).toContain(name);
    expect(there()).toContain(linkOf(name));

    const inside = spawn('ip', ['netns', 'exec', name, 'sh', '-c', 'echo inside; exec sleep 60']);
    children.push(inside);
    await firstWords(inside.stdout);
    const [isOver, insideIsOver] = [ended(maker), ended(inside)];
    maker.kill('SIGKILL');
    await isOver;
    await openOnce();
    expect(there()).toContain(name);

    inside.kill('SIGKILL');
    await insideIsOver;
    await openOnce();
    expect(there()).not.toContain(name);
    expect(there()).not.toContain(linkOf(name));
  });
});
