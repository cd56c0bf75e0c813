// The finding of one check, and the conversion of a check's failure into a finding.
import type { Clock } from '@doorsill/base/clock';
import { type Disk, systemCode } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import type { CameraKind } from '../camera/source-interfaces.ts';
import { type Failure, failure, isFailure } from '../terminal/errors.ts';

/** One finding: ok, a note, or a fault with advice. */
export interface Diagnosis {
  what: string;
  level: 'ok' | 'note' | 'fault';
  detail: string;
  /** Of a fault: its code in the error table. */
  code?: string;
  advice?: string;
}

/** The parts of the machine that the checks read. */
export interface Seams {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  /** All kinds of cameras that a doorbell here may have. */
  cameras: readonly CameraKind[];
}

/** A finding without a fault. */
export const ok = (what: string, detail: string): Diagnosis => ({ what, level: 'ok', detail });

/** A finding that is not a fault, with optional advice. */
export const note = (what: string, detail: string, advice?: string): Diagnosis => ({
  what,
  level: 'note',
  detail,
  ...(advice === undefined ? {} : { advice }),
});

/** A fault with its code and the advice of the error table, or better advice from the caller. */
export function failed(what: string, failed: Failure, advice = failed.advice): Diagnosis {
  return { what, level: 'fault', detail: failed.message, code: failed.code, advice };
}

/** A fault without a code of the error table. */
export const wrong = (what: string, detail: string, advice: string): Diagnosis => ({
  what,
  level: 'fault',
  detail,
  advice,
  code: 'doctor',
});

/** Runs a check; a failure that it throws becomes a fault. */
export async function look(what: string, run: () => Promise<Diagnosis | Diagnosis[]>): Promise<Diagnosis[]> {
  try {
    const found = await run();
    return Array.isArray(found) ? found : [found];
  } catch (thrown) {
    // The check `secrets` alone reports files that other users could read or change; the other checks do not read them.
    if (isFailure(thrown) && what !== 'secrets' && /^(data_folder|secret_file)_exposed$/.test(thrown.code))
      return [note(what, 'was not checked: see `secrets`')];
    if (isFailure(thrown)) return [failed(what, thrown)];
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    return [failed(what, failure(systemCode(thrown) === null ? 'internal' : 'file_unusable', { detail }, thrown))];
  }
}
