// Owns: telling when this process has nothing left to do: no file, socket or program is being waited for. Not here: time (virtual-clock.ts).
import { performance } from 'node:perf_hooks';
import { SystemClock } from '@doorsill/base/clock';

/** Turns of the event loop without anything new before it counts as quiet: what one end of a connection sends, the other reads in the next. */
const CALM_TURNS = 3;

/** After so many turns it waits for longer: another program works, and should have the processor. */
const SPINNING_TURNS = 200;
const PAUSE_MS = 1;

/**
 * What Node calls a thing that is waited for, or is to be called in the next turn, as brokers and streams pass messages on. Writing is not among
 * them: a pipe to a program may stay full for as long as that likes.
 */
const AWAITED = /Req|ConnectWrap$|ShutdownWrap$|^Immediate$/;

/** Turns in which a world that has nothing of the machine's does all that is to be done now; what is left goes on in the same order anyway. */
const SETTLING_TURNS = 2;

const machine = new SystemClock();

/** Resolves in the next turn of the event loop, once everything that is ready has been dealt with. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** How many events the event loop has had: connections, data, answers of the disk, ends of programs. */
const events = () => performance.nodeTiming.uvMetricsInfo.events;

/** Whether a file, a connection or a program is waited for, besides `programs` that run for as long as they like. */
function isBusy(programs: number): boolean {
  let running = 0;
  for (const name of process.getActiveResourcesInfo()) {
    if (AWAITED.test(name)) return true;
    if (name === 'ProcessWrap') running += 1;
  }
  return running > programs;
}

/**
 * Resolves when this process is quiet. `programs`: how many programs it runs that never end by themselves, such as a camera's ffmpeg, which
 * waits for us.
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
 * The same in a world without any file, connection or program of the machine: nothing can come from outside, so it is not looked for. What
 * happens then depends on nothing but what happened before.
 */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < SETTLING_TURNS; turns += 1) await turn();
}
