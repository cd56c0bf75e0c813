import type { AccessAction, AccessPart } from '@doorsill/contract/custody';
import type { Reader } from '../intake/intake-store.ts';

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

export interface LoggedAccess extends Access {
  number: number;
  /** Its leaf in the custody log; null for accesses from before that log existed. */
  leaf: number | null;
}

/** Selects accesses after a number, oldest first; null matches all agencies, or all clips. */
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
