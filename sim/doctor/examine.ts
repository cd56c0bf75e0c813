// Owns: the doctor's round: the machine, then whatever the folder holds. Not here: the looks (beside), printing (sim/cli).
import { readTownFile, type TownFile } from '../supervisor/town-file.ts';
import { examineDevice } from './device.ts';
import { type Finding, look, note, type Seams } from './finding.ts';
import { examineMachine } from './machine.ts';
import { examineTown } from './town.ts';

/** Looks at this machine and at a town's or a doorbell's data folder. Never throws; each look ends within seconds. */
export async function examine(seams: Seams, folder: string): Promise<Finding[]> {
  let town: TownFile | null = null;
  const unreadable = await look('data', async () => {
    town = await readTownFile(seams.disk, folder);
    return [];
  });
  const [machine, inside] = await Promise.all([examineMachine(seams, folder), whatIsInside(seams, folder, town)]);
  return [...machine, ...unreadable, ...(unreadable.length === 0 ? inside : [])];
}

async function whatIsInside(seams: Seams, folder: string, town: TownFile | null): Promise<Finding[]> {
  if (town) return examineTown(seams, folder, town);
  const names = await seams.disk.list(folder).catch(() => []);
  if (names.some((name) => name === 'device.json' || name === 'device.key')) return examineDevice(seams, folder);
  return [note('data', `${folder} holds no town and no doorbell yet`, 'Start a town with `npm start`.')];
}
