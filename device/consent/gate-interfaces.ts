// The gate's interfaces to the rest of the firmware, and its dependencies.
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

/** An open search with its photo in base64url, not decoded yet. */
export interface ReceivedSearch extends OpenedSearch {
  photo: string;
}

/** The gate's questions about the recorded footage. Answers must be quick and from memory. */
export interface Footage {
  /** Spans of the window that can be cut, oldest first. */
  coverage(window: Window): Window[];
  /** Whether the clock was untrusted or jumped during any of the window's footage. */
  ambiguous(window: Window): boolean;
  /** Whether the clip that a grant names by its hash is in a live preview of the grant's own terms. */
  isPreviewed(grant: Grant): boolean;
  /** Why these zones cannot be applied to the window's stream; null when they can. */
  zonesFault(window: Window, zones: readonly Zone[]): string | null;
}

/** The gate's effects on the rest of the firmware, in the order of events. None may throw; all but `forget` must return at once. */
export interface GateEffects {
  /** Stamp the receipt with `ConsentGate.head`, sign and publish it. During this call the head is the one of this decision. */
  receipt(body: ReceiptBody): void;
  requestNotice(notice: RequestNotice): void;
  /** Tell owners that a searched pet may have been seen here. */
  sighting(notice: SightingNotice): void;
  /** Compare footage with these open searches of the home's cell; none while Search Party is off. */
  searches(open: readonly ReceivedSearch[]): void;
  /** Cut, seal, then upload a clip. Called again after a restart if the clip was not sealed yet. */
  makeClip(live: LiveGrant): void;
  /** Continue with a sealed clip after a restart. `presented`: its upload token may already have been shown to the bridge. */
  resumeClip(live: LiveGrant, clip: ReceiptClip, presented: boolean): void;
  /** Delete the clip of a finished grant, complete or not. */
  removeClip(grantId: string): void;
  /**
   * Deliver the owner's revocation to the bridge with this id and no other, with retries until it answers; the answer goes to
   * `ConsentGate.revocationAnswered`.
   */
  sendRevocation(grantId: string, revokeToken: string, bridge: string): void;
  press(button: string): void;
  privacy(on: boolean): void;
  /** Put these settings in force: an owner changed some. */
  settings(inForce: SettingsInForce): void;
  /** Delete the window's footage, or all footage without one; returns the number of segments. May be called twice for one order. */
  forget(window: Window | undefined): Promise<number>;
  /** Report that the device's records were altered. */
  tamper(what: string, detail: string): void;
  /** Publish the retained state: owners, requests, counters, privacy or trust changed. */
  changed(): void;
}

export interface GateLimits {
  openRequestsMax: number;
  /** Maximum number of unfinished grants over all requests. */
  grantsMax: number;
  ownersMax: number;
  viewersMax: number;
  /** Maximum number of queued authentic messages; more are dropped and counted. Revocations are always queued. */
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
  /** The exact location of the home. It is compared with areas here and never sent. */
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
  /** The marks of the same folder, not started: the gate reads and advances them. */
  marks: HighWaterMarks;
  /** The values in device.json of the settings that owners may change. */
  settings: BaseSettings;
  /** Names of the buttons that a command may press. */
  buttons: readonly string[];
  /**
   * The number of ledger entries from which on receipts may not have reached the owner's broker; null when all have. Reading it
   * clears it: it is called right before those receipts are sent again.
   */
  missedReceiptsFrom?(): number | null;
  limits?: Partial<GateLimits>;
  /** Whether Search Party is on until an owner's order decides. Off unless set. */
  searchParty?: boolean;
  /** Serve state agencies besides those of cities and counties. Off unless set; federal agencies are never served. */
  serveStateAgencies?: boolean;
}
