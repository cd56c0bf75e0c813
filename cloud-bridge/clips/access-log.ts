// Owns: the record of who was shown which clip and why. Not here: how it is stored (sql-access-log.ts), reading it (access-audit/).
import type { AccessAction, AccessPart } from '../../device/protocol/custody.ts';
import type { Reader } from '../intake/store.ts';

/** One reading. */
export interface Access {
  atUs: number;
  agency: string;
  clip: string;
  part: AccessPart;
  action: AccessAction;
  /** Name or badge, as the agency's token says. Empty for what was read before officers were named. */
  officer: string;
  reason: string;
  token: string;
}

/** A reading as it was written down. */
export interface LoggedAccess extends Access {
  /** Grows with each reading. */
  number: number;
  /** Its leaf in the log of custody; null for what was read before there was one. */
  leaf: number | null;
}

/** Which readings: those after a number, oldest first; null: of all agencies, of all clips. */
export interface AccessPage {
  /** An agency under any of its keys. */
  reader: Reader | null;
  clip: string | null;
  after: number;
  most: number;
}

export interface AccessLog {
  /** Durable when it resolves: nothing is shown before. */
  add(access: Access): Promise<void>;
  page(of: AccessPage): Promise<LoggedAccess[]>;
}
