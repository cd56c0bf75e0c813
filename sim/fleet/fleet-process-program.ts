// The program of a process that runs a part of a fleet for its parent, and ends with it.
import { SystemClock, type Timer } from '@doorsill/base/clock';
import { isFailure } from '../errors.ts';
import type { PartAnswer, PartOrder } from './fleet-process-children.ts';
import { RunningPart } from './fleet-process-part.ts';

const REPORT_MS = 1_000;
const clock = new SystemClock();
let part: RunningPart | null = null;
/** The part while it ends. */
let ending: RunningPart | null = null;
let next: Timer | null = null;

/** Does nothing when the parent is gone. */
const send = (answer: PartAnswer) => process.send?.(answer, () => undefined);

function reportLater(): void {
  next = clock.after(REPORT_MS, () => {
    if (part) send({ report: part.report() });
    reportLater();
  });
}

async function obey(order: PartOrder): Promise<void> {
  if ('begin' in order) {
    part = await RunningPart.start(order.begin);
    reportLater();
    return;
  }
  if ('hurry' in order) {
    ending?.hurry();
    return;
  }
  next?.cancel();
  next = null;
  ending = part;
  part = null;
  if (ending) send({ ended: await ending.stop() });
  else process.exit(0);
}

/** A bug ends the process; its parent notices. */
process.on('message', (order: PartOrder) => {
  obey(order).catch((thrown: unknown) => {
    if (isFailure(thrown)) send({ failed: { code: thrown.code, facts: thrown.facts } });
    else process.stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
    process.exitCode = 1;
    process.disconnect();
  });
});
process.on('disconnect', () => process.exit());
// The terminal's Ctrl-C reaches the whole process group, but the parent decides.
process.on('SIGINT', () => undefined);
