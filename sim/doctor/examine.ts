// Owns: the doctor's round: the machine, then whatever the folder holds. Not here: the looks (beside), printing (sim/cli).
import { readTestbedFile, type TestbedFile } from '../testbed/testbed-file.ts';
import { examineDevice } from './device.ts';
import { type Diagnosis, look, note, type Seams } from './diagnosis.ts';
import { examineMachine } from './machine.ts';
import { examineTestbed } from './testbed.ts';

/** Looks at this machine and at a testbed's or a doorbell's data folder. Never throws; each look ends within seconds. */
export async function examine(seams: Seams, folder: string): Promise<Diagnosis[]> {
  let testbed: TestbedFile | null = null;
  const unreadable = await look('data', async () => {
    testbed = await readTestbedFile(seams.disk, folder);
    return [];
  });
  const [machine, inside] = await Promise.all([examineMachine(seams, folder), whatIsInside(seams, folder, testbed)]);
  return [...machine, ...unreadable, ...(unreadable.length === 0 ? inside : [])];
}

async function whatIsInside(seams: Seams, folder: string, testbed: TestbedFile | null): Promise<Diagnosis[]> {
  if (testbed) return examineTestbed(seams, folder, testbed);
  const names = await seams.disk.list(folder).catch(() => []);
  if (names.some((name) => name === 'device.json' || name === 'device.key')) return examineDevice(seams, folder);
  return [note('data', `${folder} holds no testbed and no doorbell yet`, 'Start a testbed with `npm start`.')];
}
