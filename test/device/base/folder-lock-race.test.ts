// Holds: a lock has one holder while many processes start at the same moment on a folder whose last holder was killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { root } from '../../layout/source-tree.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const CONTENDERS = 6;
const ROUNDS = 500;

/** A process that locks a folder at a given moment, prints its holder, and releases it on request. */
const CONTENDER = `
const { lockFolder } = await import(process.argv[1]);
let lock = null;
process.on('message', ({ folder, atMs }) => {
  if (folder === null) {
    lock?.release?.();
    return process.send({ released: true });
  }
  while (Date.now() < atMs) {}
  lock = lockFolder(folder);
  process.send({ holds: 'release' in lock, heldBy: lock.heldBy ?? null });
});
process.send({ ready: true });
`;

const folder = temporaryFolder('lock-race');
const contenders: ChildProcess[] = [];
afterAll(() => {
  for (const each of contenders) each.kill('SIGKILL');
  folder.dispose();
});

async function answers<Answer>(message: object): Promise<Answer[]> {
  const heard = contenders.map(async (each): Promise<Answer> => (await once(each, 'message'))[0]);
  for (const each of contenders) each.send(message);
  return Promise.all(heard);
}

/** The link of a holder that was killed, with a process id that is not in use now. */
async function killed(): Promise<string> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return `${child.pid} 1 left-by-a-crash`;
}

it(`has one holder among ${CONTENDERS} processes that find a killed holder's lock, ${ROUNDS} times`, {
  tags: ['long'],
  timeout: 180_000,
}, async () => {
  const program = pathToFileURL(join(root, 'device/base/dist/folder-lock.js')).href;
  for (let count = 0; count < CONTENDERS; count += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', CONTENDER, program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    contenders.push(child);
    await once(child, 'message');
  }
  const stale = await killed();
  const holders: number[] = [];
  const left = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const place = join(folder.path, String(round));
    mkdirSync(place, { mode: 0o700 });
    symlinkSync(stale, join(place, 'process.lock'));
    const said = await answers<{ holds: boolean; heldBy: number | null }>({ folder: place, atMs: Date.now() + 2 });
    const holds = said.filter((each) => each.holds);
    holders.push(holds.length);
    const holder = contenders[said.findIndex((each) => each.holds)]?.pid;
    if (holds.length === 1) expect(new Set(said.map(({ heldBy }) => heldBy ?? holder))).toEqual(new Set([holder]));
    await answers({ folder: null });
    for (const name of readdirSync(place)) left.add(name);
  }
  expect(
    holders.filter((count) => count !== 1),
    'rounds without exactly one holder',
  ).toEqual([]);
  expect([...left], 'nothing stays behind').toEqual([]);
});
