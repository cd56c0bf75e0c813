// A range of ports that one test holds while it runs. A killed part leaves its port free until it is started again; without the range,
// another test's testbed that starts meanwhile could take it.
import { mkdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../../device/base/disk.ts';
import { isPortFree } from '../../sim/testbed/start-doorbell-part.ts';

/** Above the ports that `doorsill up` takes by itself, below those that Linux gives to connections. */
const FIRST = 20_000;
const END = 32_000;
/** More than a testbed with all its pages needs. */
const RANGE = 40;

export interface OwnPorts {
  first: number;
  release(): void;
}

/** Holds a range, by a folder in this run's folder of temporary files, whose name only one process can make. */
export async function ownPorts(): Promise<OwnPorts> {
  for (let first = FIRST; first < END; first += RANGE) {
    const mark = join(tmpdir(), `doorsill-ports-${first}`);
    if (!make(mark)) continue;
    if (await isRangeFree(first)) return { first, release: () => rmdirSync(mark) };
    rmdirSync(mark);
  }
  throw new Error(`no range of ports is free; folders doorsill-ports-* of an ended run in ${tmpdir()} can be removed`);
}

function make(mark: string): boolean {
  try {
    mkdirSync(mark);
    return true;
  } catch (thrown) {
    if (systemCode(thrown) === 'EEXIST') return false;
    throw thrown;
  }
}

/** Whether no program of another kind uses one of the ports. */
async function isRangeFree(first: number): Promise<boolean> {
  for (let port = first; port < first + RANGE; port += 1) if (!(await isPortFree(port))) return false;
  return true;
}
