// Turns an event into a leaf that anyone may read: the home becomes a pseudonym, the facts a salted commitment.

import { hmacSha256, sha256 } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { toHex, utf8 } from '@doorsill/contract/bytes';
import { commitmentOf, SALT_BYTES } from '@doorsill/contract/commitment';
import { CustodyEntry, FACTS, type HiddenKind } from '@doorsill/contract/custody';
import type { CustodyEvent, CustodySubject } from './custody-store.ts';

/** A leaf before it has a number. */
export interface CommittedEvent {
  /** The published text, whose bytes are the leaf. */
  entry: string;
  /** What opens the commitment; null when nothing is hidden. */
  opening: { salt: Uint8Array; facts: string } | null;
  /** SHA-256 of the receipt it is about, where there is one. */
  receiptSha256: string | null;
  /** Pseudonym of the home to which the leaf is opened; null for none. */
  shownTo: string | null;
}

/** Length of the bridge's secret that pseudonyms are derived from. */
export const SECRET_BYTES = 32;

/** Pseudonym of a device under one grant. Without the secret, two grants of one device cannot be linked. */
export function pseudonymOf({ device, grant }: CustodySubject, secret: Uint8Array): string {
  // Ids contain no slash, so no other pair yields the same text.
  return toHex(hmacSha256(secret, utf8(`${device}/${grant}`)).subarray(0, 16));
}

/** The leaf of an event at a moment. */
export function commitEvent(
  event: CustodyEvent,
  atS: number,
  seams: { secret: Uint8Array; random: Random },
): CommittedEvent {
  if (!('facts' in event)) {
    return { entry: printEntry({ ...event, atS }), opening: null, receiptSha256: null, shownTo: null };
  }
  const { kind, about } = event;
  const facts = JSON.stringify(FACTS[kind].parse(event.facts));
  const salt = seams.random.bytes(SALT_BYTES);
  const home = about ? pseudonymOf(about, seams.secret) : null;
  const entry = printEntry({
    kind,
    atS,
    ...(home === null ? {} : { home }),
    commitment: commitmentOf(salt, facts, sha256),
  });
  const receiptSha256 = 'receiptSha256' in event.facts ? event.facts.receiptSha256 : null;
  return { entry, opening: { salt, facts }, receiptSha256, shownTo: isShownToHome(kind) ? home : null };
}

function printEntry(entry: CustodyEntry): string {
  return JSON.stringify(CustodyEntry.parse(entry));
}

/** Leaves that are opened to the clip's home. Accesses are not among them. */
const SHOWN_TO_HOME: readonly HiddenKind[] = ['intake', 'hand-over', 'opening', 'recall', 'deletion'];

function isShownToHome(kind: HiddenKind): boolean {
  return SHOWN_TO_HOME.includes(kind);
}
