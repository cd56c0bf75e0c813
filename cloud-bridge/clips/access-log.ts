// Owns: the record of who was shown which clip and why. Not here: how it is stored (sql-access-log.ts), reading it (clip-access-log/).
import type { AccessAction, AccessPart } from '@doorsill/contract/custody';
import type { Reader } from '../intake/intake-store.ts';

/** One access. */
export interface Access {
  atUs: number;
  agency: string;
  clip: string;
  part: AccessPart;
  action: AccessAction;
  /** Name or badge, as the agency's token says. Empty for accesses from before officers were named. */
  officer: string;
  reason: string;
  token: string;
}

/** An access as it was logged. */
export interface LoggedAccess extends Access {
  /** Grows with each access. */
  number: number;
  /** Its leaf in the custody log; null for accesses from before that log existed. */
  leaf: number | null;
}

/** Which accesses: those after a number, oldest first; null matches all agencies, or all clips. */
export interface AccessPage {
  /** An agency, under whichever of its keys. */
  reader: Reader | null;
  clip: string | null;
  after: number;
  most: number;
}

export interface AccessLog {
  /** Durable when it resolves: nothing is shown before that. */
  add(access: Access): Promise<void>;
  page(of: AccessPage): Promise<LoggedAccess[]>;
}
