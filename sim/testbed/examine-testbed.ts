// The doctor's findings in a testbed: whether it runs, each of its doorbells, the services, and whether its owner reaches each doorbell.
import { folderHolder } from '@doorsill/base/folder-lock';
import { exchangeJson } from '@doorsill/contract/json-client';
import { examineDevice } from '@doorsill/device/doctor/device';
import { type Diagnosis, look, note, ok, type Seams } from '@doorsill/device/doctor/diagnosis';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import { listPairedDevices, type PairedDevice } from '@doorsill/device/owner/paired-devices';
import { type DoorbellFolder, listDoorbells } from './doorbell-folders.ts';
import { readTestbedFile, testbedPaths } from './testbed-folder.ts';

const ANSWER_MS_MAX = 10_000;

/** The doctor's findings in a testbed's folder; null if it is not one. Throws `state_damaged`. */
export async function examineTestbed(seams: Seams, folder: string): Promise<Diagnosis[] | null> {
  const testbed = await readTestbedFile(seams.disk, folder);
  if (!testbed) return null;
  const pid = folderHolder(folder);
  if (pid === null) return [note('testbed', `${folder} is not running`, 'Start it with `npm start`.')];
  const paths = testbedPaths(folder);
  const homes = await listPairedDevices(seams.disk, paths.owner);
  // A fleet's doorbells are not listed here: the fleet itself reports their state.
  const doorbells = testbed.kind === 'doorsill-fleet' ? [] : await listDoorbells(seams.disk, folder);
  const looks = [
    ...doorbells.map((doorbell) => examineDoorbell(seams, doorbell, doorbells.length > 1)),
    look('registry', () => answers('registry', testbed.registry?.url, '/v1/key')),
    look('vault', () => answers('vault', testbed.vault?.url, '/v1/vault')),
    ...homes.map((home) => look('owner', () => ownerReaches(seams, home))),
  ];
  return [ok('testbed', `runs as process ${pid}`), ...(await Promise.all(looks)).flat()];
}

/** Examines a testbed's doorbell; if there are several, each finding names it. */
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

/** Asks the device for its state over its broker, as its owner does: both must answer. */
async function ownerReaches(seams: Seams, home: PairedDevice): Promise<Diagnosis> {
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
