// Owns: what the doctor finds in a testbed: whether it runs, each of its doorbells, the services, and whether its owner hears them. Not here: the
// checks of one doorbell, of the machine, of a board (device/doctor).

import { folderHolder } from '@doorsill/base/folder-lock';
import { exchangeJson } from '@doorsill/contract/json-client';
import { examineDevice } from '@doorsill/device/doctor/device';
import { type Diagnosis, look, note, ok, type Seams } from '@doorsill/device/doctor/diagnosis';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import { type Home, listHomes } from '@doorsill/device/owner/paired-devices';
import { type DoorbellFolder, listDoorbells } from './doorbell-folders.ts';
import { readTestbedFile, testbedPaths } from './testbed-folder.ts';

const ANSWER_MS_MAX = 10_000;

/** What the doctor finds in a testbed's folder; null where there is none. Throws `state_damaged`. */
export async function examineTestbed(seams: Seams, folder: string): Promise<Diagnosis[] | null> {
  const testbed = await readTestbedFile(seams.disk, folder);
  if (!testbed) return null;
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
