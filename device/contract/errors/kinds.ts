// A kind of failure says who is at fault, which sets a command's exit status, and whether the same attempt may succeed later.
import type { ErrorRule } from './coded-error.ts';

type MakeRule = (http: number, message: string, advice: string) => ErrorRule;

const kind =
  (exit: number, retryable: boolean): MakeRule =>
  (http, message, advice) => ({ message, advice, retryable, http, exit });

/** Wrong usage: the caller's input was wrong. Exit status 2. */
export const wrongUsage = kind(2, false);

/** Refused by a rule. Exit status 3. */
export const refused = kind(3, false);
/** Refused by a rule for now: the same may be allowed later. */
export const refusedForNow = kind(3, true);

/** Not reachable, and nothing will change that by itself. Exit status 4. */
export const notReachable = kind(4, false);
/** Not reachable for now. */
export const notReachableForNow = kind(4, true);

/** This machine lacks something. Exit status 5. */
export const machineFault = kind(5, false);
/** This machine lacks something for now: room, a free device. */
export const machineFaultForNow = kind(5, true);

/** Input that cannot be used. Exit status 6. */
export const unusableInput = kind(6, false);
/** Input that cannot be used as it is now. */
export const unusableInputForNow = kind(6, true);
