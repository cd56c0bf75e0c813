// Owns: what the gate calls in the rest of the firmware, and what it is built from. Interfaces only.
// Not here: when it calls (gate.ts).
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Place } from '@doorsill/contract/area-cells';
import type { ReceiptBody, ReceiptClip, RequestNotice, SightingNotice } from '@doorsill/contract/home-messages';
import type { Grant } from '@doorsill/contract/owner-orders';
import type { SettingsInForce } from '@doorsill/contract/owner-settings';
import type { OpenedSearch } from '@doorsill/contract/search';
import type { Window, Zone } from '@doorsill/contract/shared-claims';
import type { HighWaterMarks } from '../ledger/high-water-marks.ts';
import type { LiveGrant } from './live-grant.ts';
import type { BaseSettings } from './owner-settings.ts';

/** An open search with its photo as it arrived: base64url, not decoded yet. */
export interface HeardSearch extends OpenedSearch {
  photo: string;
}

/** What the gate asks the recording side about a window. Answers must be quick and from memory. */
export interface Footage {
  /** Spans of the window that can be cut, oldest first. */
  coverage(window: Window): Window[];
  /** Whether the clock was untrusted or jumped during any of the window's footage. */
  ambiguous(window: Window): boolean;
  /** Whether the clip that a grant names by its hash is here: previewed under the grant's own terms, and not ended. */
  isPreviewed(grant: Grant): boolean;
  /** Why these zones cannot be applied to the window's stream; null when they can. */
  zonesFault(window: Window, zones: readonly Zone[]): string | null;
}

/** Called from `ConsentGate.open` on, in the order of events. None may throw; all but `forget` must return at once. */
export interface GateEffects {
  /** To be stamped with `ConsentGate.head`, signed and published. During this call the head is the one of this decision. */
  receipt(body: ReceiptBody): void;
  requestNotice(notice: RequestNotice): void;
  /** A searched pet may have been seen here. */
  sighting(notice: SightingNotice): void;
  /** The open searches in this home's cell; empty while the home takes no part. */
  searches(open: readonly HeardSearch[]): void;
  /** Cut, seal, then upload a clip. Called again after a restart if the clip was not sealed yet. */
  makeClip(live: LiveGrant): void;
  /** Continue with a sealed clip after a restart. `presented`: its upload token may already have been shown to the bridge. */
  resumeClip(live: LiveGrant, clip: ReceiptClip, presented: boolean): void;
  /** Delete the clip of a finished grant, and whatever was being made for it. */
  removeClip(grantId: string): void;
  /**
   * Deliver the owner's revocation to the bridge with this id and no other, however long that takes; its answer goes to
   * `ConsentGate.revocationAnswered`.
   */
  sendRevocation(grantId: string, revokeToken: string, bridge: string): void;
  press(button: string): void;
  privacy(on: boolean): void;
  /** An owner changed settings: these are in force now. */
  settings(inForce: SettingsInForce): void;
  /** Delete the window's footage, or all footage without one; returns the number of segments. May be called twice for one order. */
  forget(window: Window | undefined): Promise<number>;
  /** The device's own records differ from what it last wrote. */
  tamper(what: string, detail: string): void;
  /** Owners, requests, counters, privacy or trust changed: the retained state must be published. */
  changed(): void;
}

export interface GateLimits {
  openRequestsMax: number;
  /** Maximum number of unfinished grants over all requests. */
  grantsMax: number;
  ownersMax: number;
  viewersMax: number;
  /** Authentic messages that may be queued; more are dropped and counted. Revocations are always queued. */
  waitingMax: number;
  ledgerBytesMax: number;
}

export const GATE_LIMITS: GateLimits = {
  openRequestsMax: 100,
  grantsMax: 16,
  ownersMax: 8,
  viewersMax: 32,
  waitingMax: 256,
  ledgerBytesMax: 32 * 1024 * 1024,
};

export interface GateDeps {
  device: { id: string; key: SigningKey };
  /** The exact place of the home. It is compared with areas here and never sent. */
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
  /** Of the same folder, not started: the gate reads and moves them. */
  marks: HighWaterMarks;
  /** What device.json says of the settings that owners may change. */
  settings: BaseSettings;
  /** Names of the buttons that a command may press. */
  buttons: readonly string[];
  /**
   * The count of ledger entries from which on receipts may not have reached the owner's broker; null when all have. Called right
   * before they are sent again, so each answer is given once.
   */
  untoldFrom?(): number | null;
  limits?: Partial<GateLimits>;
  /** Whether the home takes part in Search Party until an owner's order decides. Off unless set. */
  searchParty?: boolean;
  /** Serve state agencies besides those of cities and counties. Off unless set; federal agencies are never served. */
  serveStateAgencies?: boolean;
}
