// Tells when this process has nothing left to do: it waits for no file, socket or program.
import { performance } from 'node:perf_hooks';
import { SystemClock } from '@doorsill/base/clock';

/** Turns of the event loop without an event until it is quiet: bytes sent on a connection are read at its other end in the next turn. */
const CALM_TURNS = 3;

/** After this many turns each one waits for PAUSE_MS: another program works, and should get the processor. */
const SPINNING_TURNS = 200;
const PAUSE_MS = 1;

/**
 * Node's names of resources that are waited for, or are called in the next turn, by which brokers and streams pass messages on. Writes are
 * not among them: a pipe to a program may stay full for as long as that program likes.
 */
const AWAITED = /Req|ConnectWrap$|ShutdownWrap$|^Immediate$/;

/** Turns in which a fully simulated world does everything that is due now; the rest follows in the same order anyway. */
const SETTLING_TURNS = 2;

const machine = new SystemClock();

/** Resolves in the next turn of the event loop, after everything that is ready. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Number of events of the event loop so far: connections, data, answers of the disk, ends of programs. */
const events = () => performance.nodeTiming.uvMetricsInfo.events;

/** Whether a file, a connection or a program is waited for, besides this number of `programs` that never end by themselves. */
function isBusy(programs: number): boolean {
  let running = 0;
  for (const name of process.getActiveResourcesInfo()) {
    if (AWAITED.test(name)) return true;
    if (name === 'ProcessWrap') running += 1;
  }
  return running > programs;
}

/**
 * Resolves when this process is quiet. `programs`: the number of running programs that never end by themselves, such as a camera's ffmpeg,
 * which waits for this process.
 */
export async function quiet(programs: () => number): Promise<void> {
  let before = events();
  for (let turns = 1, calm = 0; calm < CALM_TURNS; turns += 1) {
    await (turns > SPINNING_TURNS ? machine.sleep(PAUSE_MS) : turn());
    const now = events();
    calm = now === before && !isBusy(programs()) ? calm + 1 : 0;
    before = now;
  }
}

/**
 * The same for a fully simulated world, without files, connections or programs of the machine: no event can come from outside, so its
 * course depends only on what happened before.
 */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < SETTLING_TURNS; turns += 1) await turn();
}
