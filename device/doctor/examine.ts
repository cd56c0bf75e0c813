// Runs the doctor's checks: the machine, the board if it is one, then the contents of the folder.
import { examineBoard } from './board.ts';
import { examineDevice } from './device.ts';
import { type Diagnosis, look, note, type Seams } from './diagnosis.ts';
import { examineMachine } from './machine.ts';

/**
 * Checks this machine and a data folder, which `testbed` examines if it holds several doorbells. Never throws; each check ends within
 * seconds.
 */
export async function examine(
  seams: Seams,
  folder: string,
  testbed: (seams: Seams, folder: string) => Promise<Diagnosis[] | null>,
): Promise<Diagnosis[]> {
  const found = await Promise.all([
    examineMachine(seams, folder),
    examineBoard(seams, folder, '/'),
    look('data', async () => (await testbed(seams, folder)) ?? examineFolder(seams, folder)),
  ]);
  return found.flat();
}

async function examineFolder(seams: Seams, folder: string): Promise<Diagnosis[]> {
  const names = await seams.disk.list(folder).catch(() => []);
  if (names.some((name) => name === 'device.json' || name === 'device.key')) return examineDevice(seams, folder);
  return [note('data', `${folder} holds no testbed and no doorbell yet`, 'Start a testbed with `npm start`.')];
}
