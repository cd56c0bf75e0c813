// Owns: which checks the doctor runs: the machine, the board if it is one, then whatever the folder holds: one doorbell, or a testbed with all of its
// parts. Not here: the single checks (the files beside), printing (sim/cli).

import { folderHolder } from '@doorsill/base/folder-lock';
import { exchangeJson } from '@doorsill/contract/json-client';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import { type Home, listHomes } from '@doorsill/device/owner/paired-devices';
import { type DoorbellFolder, listDoorbells } from '../testbed/doorbell-folders.ts';
import { readTestbedFile, type TestbedFile, testbedPaths } from '../testbed/testbed-folder.ts';
import { examineBoard } from './board.ts';
import { examineDevice } from './device.ts';
import { type Diagnosis, look, note, ok, type Seams } from './diagnosis.ts';
import { examineMachine } from './machine.ts';

/** Checks this machine and a testbed's or a doorbell's data folder. Never throws; each check ends within seconds. */
export async function examine(seams: Seams, folder: string): Promise<Diagnosis[]> {
  let testbed: TestbedFile | null = null;
  const unreadable = await look('data', async () => {
    testbed = await readTestbedFile(seams.disk, folder);
    return [];
  });
  const [machine, board, inside] = await Promise.all([
    examineMachine(seams, folder),
    examineBoard(seams, folder, '/'),
    whatIsInside(seams, folder, testbed),
  ]);
  return [...machine, ...board, ...unreadable, ...(unreadable.length === 0 ? inside : [])];
}

async function whatIsInside(seams: Seams, folder: string, testbed: TestbedFile | null): Promise<Diagnosis[]> {
  if (testbed) return examineTestbed(seams, folder, testbed);
  const names = await seams.disk.list(folder).catch(() => []);
  if (names.some((name) => name === 'device.json' || name === 'device.key')) return examineDevice(seams, folder);
  return [note('data', `${folder} holds no testbed and no doorbell yet`, 'Start a testbed with `npm start`.')];
}

const ANSWER_MS_MAX = 10_000;

export async function examineTestbed(seams: Seams, folder: string, testbed: TestbedFile): Promise<Diagnosis[]> {
  const pid = folderHolder(folder);
  if (pid === null) return [note('testbed', `${folder} is not running`, 'Start it with `npm start`.')];
  const paths = testbedPaths(folder);
  const homes = await listHomes(seams.disk, paths.owner);
  // A fleet's doorbells have no folder that looks like one doorbell's; the fleet itself tells how they are.
  const doorbells = testbed.kind === 'doorsill-fleet' ? [] : await listDoorbells(seams.disk, folder);
  const looks = [
    ...doorbells.map((doorbell) => examineDoorbell(seams, doorbell, doorbells.length > 1)),
    look('registry', () => answers('registry', testbed.registry?.url, '/v1/key')),
    look('vault', () => answers('vault', testbed.vault?.url, '/v1/vault')),
    ...homes.map((home) => look('owner', () => heard(seams, home))),
  ];
  return [ok('testbed', `runs as process ${pid}`), ...(await Promise.all(looks)).flat()];
}

/** A testbed's doorbell; where there are several, each finding says which one it is about. */
async function examineDoorbell(
  seams: Seams,
  { name, path }: Pick<DoorbellFolder, 'name' | 'path'>,
  isOneOfSeveral: boolean,
): Promise<Diagnosis[]> {
  const found = await examineDevice(seams, path);
  return isOneOfSeveral ? found.map((finding) => ({ ...finding, detail: `${name}: ${finding.detail}` })) : found;
}

async function answers(part: string, url: string | undefined, path: string): Promise<Diagnosis | Diagnosis[]> {
  if (url === undefined) return [];
  await exchangeJson(`${url}${path}`, { method: 'GET' });
  return ok(part, `answers at ${url}`);
}

/** Asks the device over its broker, as its owner: both must answer. */
async function heard(seams: Seams, home: Home): Promise<Diagnosis> {
  const session = new OwnerSession(home, seams);
  try {
    await session.waitFor(
      `device ${home.device}`,
      ANSWER_MS_MAX,
      (found) => ({ state: found }),
      () => session.start(),
    );
    return ok('owner', `hears ${home.name} (${home.device})`);
  } finally {
    await session.stop();
  }
}
