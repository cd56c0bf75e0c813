// Owns: looking at a whole testbed's folder: whether it runs, its registry, its vault, its doorbell, and its doorbell as its owner sees it.
// Not here: the doorbell's own folder (device.ts), the machine (machine.ts).
import { exchangeJson, folderHolder, type Home, listHomes, OwnerSession } from '../../device/index.ts';
import { type TestbedFile, testbedPaths } from '../testbed/testbed-file.ts';
import { examineDevice } from './device.ts';
import { type Diagnosis, look, note, ok, type Seams } from './diagnosis.ts';

const ANSWER_MS_MAX = 4_000;

export async function examineTestbed(seams: Seams, folder: string, testbed: TestbedFile): Promise<Diagnosis[]> {
  const pid = folderHolder(folder);
  if (pid === null) return [note('testbed', `${folder} is not running`, 'Start it with `npm start`.')];
  const paths = testbedPaths(folder);
  const homes = await listHomes(seams.disk, paths.owner);
  const looks = [
    examineDevice(seams, paths.doorbell),
    look('registry', () => answers('registry', testbed.registry?.url, '/v1/key')),
    look('vault', () => answers('vault', testbed.vault?.url, '/v1/vault')),
    ...homes.map((home) => look('owner', () => heard(seams, home))),
  ];
  return [ok('testbed', `runs as process ${pid}`), ...(await Promise.all(looks)).flat()];
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
    return ok('owner', `hears ${home.device}`);
  } finally {
    await session.stop();
  }
}
