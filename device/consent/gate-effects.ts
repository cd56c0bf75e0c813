// Owns: what the gate asks of the rest of the firmware, and what it is built from. Interfaces only.
// Not here: when it asks (gate.ts).
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import type { SigningKey } from '../base/keys.ts';
import type { Log } from '../base/log.ts';
import type { Place } from '../protocol/area.ts';
import type { DisclosedValues, Window, Zone } from '../protocol/claims.ts';
import type { ReceiptBody, RequestNotice, SightingNotice } from '../protocol/home.ts';
import type { OpenedSearch } from '../protocol/search.ts';
import type { ReceiptClip } from './ledger-entry.ts';
import type { LiveGrant } from './live-grant.ts';

/** An open search with its photo as it arrived: base64url, not decoded yet. */
export interface HeardSearch extends OpenedSearch {
  photo: string;
}

/** What the gate asks the recording side about a window. Answers must be quick and from memory. */
export interface Footage {
  /** Spans of the window that can be cut, oldest first. */
  coverage(window: Window): Window[];
  /** Whether the clock was untrusted or jumped in any footage of the window. */
  ambiguous(window: Window): boolean;
  /** Why these zones cannot be applied to the stream of the window; null when they can. */
  zonesFault(window: Window, zones: readonly Zone[]): string | null;
}

/** Called in the order things happen. None may throw; all but `forget` must return at once. */
export interface GateEffects {
  /** To be stamped with `ConsentGate.head`, signed and published. The head is this decision's own while this call runs. */
  receipt(body: ReceiptBody): void;
  requestNotice(notice: RequestNotice): void;
  /** A pet that is looked for may have been seen here. */
  sighting(notice: SightingNotice): void;
  /** Which searches are open in this home's cell; none while it takes no part. */
  searches(open: readonly HeardSearch[]): void;
  /** Cut, seal, then upload a clip. Called again after a restart that came before the clip was sealed. */
  makeClip(live: LiveGrant): void;
  /** Go on with a sealed clip after a restart. `presented`: its upload token may have been shown to the bridge before. */
  resumeClip(live: LiveGrant, clip: ReceiptClip, presented: boolean): void;
  /** Destroy the clip of a grant that is finished, and whatever was being made for it. */
  removeClip(grantId: string): void;
  /**
   * Get the owner's revocation to the bridge with this id and no other, however long that takes; its answer goes to
   * `ConsentGate.revocationAnswered`.
   */
  sendRevocation(grantId: string, revokeToken: string, bridge: string): void;
  press(button: string): void;
  privacy(on: boolean): void;
  /** Destroy footage in the window, all of it without one; how many segments that were. May be asked twice for one order. */
  forget(window: Window | undefined): Promise<number>;
  /** Something about the device's own records is not as it was left. */
  tamper(what: string, detail: string): void;
  /** Owners, requests, counters, privacy or trust changed: the retained state is due. */
  changed(): void;
}

export interface GateLimits {
  openRequestsMax: number;
  /** Grants that are not finished, over all requests. */
  grantsMax: number;
  ownersMax: number;
  /** Authentic messages that wait to be carried out; more are dropped and counted. Revocations always get in. */
  waitingMax: number;
  ledgerBytesMax: number;
}

export const GATE_LIMITS: GateLimits = {
  openRequestsMax: 100,
  grantsMax: 16,
  ownersMax: 8,
  waitingMax: 256,
  ledgerBytesMax: 32 * 1024 * 1024,
};

export interface GateDeps {
  device: { id: string; key: SigningKey };
  /** The exact place of the home. It is compared with areas here and goes nowhere. */
  place: Place;
  /** Topic prefix of the home link. */
  prefix: string;
  /** Id of this run of the device. */
  boot: string;
  folder: string;
  clock: Clock;
  disk: Disk;
  log: Log;
  footage: Footage;
  /** What the device holds to disclose, now. */
  values(): DisclosedValues;
  /** Names of the buttons that a command may press. */
  buttons: readonly string[];
  /**
   * From which count of ledger entries on receipts may not have reached the owner's broker; null when all have. Asked right
   * before they are said again, so each answer is given once.
   */
  untoldFrom?(): number | null;
  effects: GateEffects;
  limits?: Partial<GateLimits>;
  /** Whether the home takes part in Search Party as long as no owner's order says so. Off unless set. */
  searchParty?: boolean;
  /** Serve agencies of a state besides those of cities and counties. Off unless set; federal ones never. */
  serveStateAgencies?: boolean;
}
