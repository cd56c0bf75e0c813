// Holds: Ctrl-C ends a fleet in each of its phases with the right exit status, and leaves no file and no process.
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type Line, Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { untilFound } from '../../support/until-found.ts';

const folder = temporaryFolder('fleet-ctrl-c');
afterAll(() => folder.dispose());
const TIMEOUT = { timeout: 240_000 };

/** A fleet with its own temporary folder. */
async function fleet(name: string, ...args: string[]): Promise<{ running: Running; temporary: string }> {
  const temporary = join(folder.path, name);
  await mkdir(temporary);
  const profile = join(folder.path, `${name}.yaml`);
  const scene = 'porch: { camera: "synthetic?size=640x360", width: 320, height: 180, kbitPerS: 200 }';
  await writeFile(
    profile,
    `scenes: { ${scene} }\nramp: 5s\nowners: { share: 100 }\nanswerAfter: { from: 8s, to: 8s }\n`,
  );
  const words = ['fleet', '--doorbells', '6', '--profile', profile, ...args, '--json'];
  return { running: new Running(words, { TMPDIR: temporary }), temporary };
}

/** The processes that a fleet has started, by their programs. */
async function childrenOf({ child }: Running): Promise<Map<number, string>> {
  const pids = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim().split(' ');
  const commands = await Promise.all(
    pids.map(async (pid) => [Number(pid), await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')] as const),
  );
  return new Map(commands);
}

/** Whether it has a pending signal: another one of the same kind would be lost. */
const isSignalled = ({ child }: Running) =>
  !/^ShdPnd:\s*0+$/m.test(readFileSync(`/proc/${child.pid}/status`, 'latin1'));

const isThere = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const untilGone = (pids: Iterable<number>) =>
  untilFound(() => ([...pids].some(isThere) ? null : true), {
    ...{ mostMs: 25_000, everyMs: 100 },
    missing: () => 'a process of the fleet is still there',
  });

it.each<[string, (line: Line) => boolean, number]>([
  ['encodes its scene', ({ event }) => event === 'begins', 130],
  ['enrols its doorbells', ({ event }) => event === 'ready', 0],
  ['starts them', ({ event, up }) => event === 'second' && Number(up) > 0 && Number(up) < 6, 0],
  ['runs', ({ event, up }) => event === 'second' && up === 6, 0],
])('while it %s', TIMEOUT, async (phase, isThen, status) => {
  const { running, temporary } = await fleet(phase.replaceAll(' ', '-'));
  await running.line(phase, isThen);
  const children = await childrenOf(running);
  running.child.kill('SIGINT');
  expect(await running.ended(120)).toBe(status);
  const ends = running.lines.filter(({ event }) => event === 'ended');
  expect(ends).toHaveLength(status === 0 ? 1 : 0);
  if (status === 0) expect(ends[0]).toMatchObject({ failed: 0, died: 0, segmentsLost: 0, clipsUnderWay: 0 });
  await untilGone(children.keys());
  expect(await readdir(temporary)).toEqual([]);
});

it('during uploads: a second Ctrl-C does not wait for them, and the summary shows that', TIMEOUT, async () => {
  const { running, temporary } = await fleet('drains', '--data', join(folder.path, 'data'));
  await running.line('footage', ({ up, segmentsStored }) => up === 6 && Number(segmentsStored) > 40);
  const children = await childrenOf(running);
  const pidOf = (what: string) => [...children].find(([, command]) => command.includes(what))?.[0] ?? 0;
  const [bridge, worker] = [pidOf('\0bridge\0--data'), pidOf('fleet-process-program')];
  expect([isThere(bridge), isThere(worker)]).toEqual([true, true]);
  const asked = await runCommand(['agency', 'request', '--data', join(folder.path, 'data'), '--json']);
  expect(asked.stderr).toBe('');
  await running.line('requests', ({ requests }) => Number(requests) > 0);
  // Owners grant within seconds, and no clip arrives.
  process.kill(bridge, 'SIGSTOP');
  try {
    await running.line('grants', ({ requests, grants }) => Number(grants) > 0 && grants === requests);
    running.child.kill('SIGINT');
    await untilFound(() => (isSignalled(running) ? null : true), {
      ...{ mostMs: 10_000, everyMs: 10 },
      missing: () => 'the first Ctrl-C is not taken',
    });
    running.child.kill('SIGINT');
    await untilGone([worker]);
  } finally {
    process.kill(bridge, 'SIGCONT');
  }
  expect(await running.ended(120)).toBe(0);
  const [ended] = running.lines.filter(({ event }) => event === 'ended');
  expect(ended).toMatchObject({ doorbells: 6, up: 6, failed: 0, died: 0, clipsStored: 0, segmentsLost: 0 });
  expect(Number(ended?.['clipsUnderWay'])).toBeGreaterThan(0);
  expect(ended?.['clipsUnderWay']).toBe(ended?.['grants']);
  await untilGone(children.keys());
  expect(await readdir(temporary)).toEqual([]);
});
