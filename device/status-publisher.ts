// Stamps events, signs receipts and assembles the state that the doorbell publishes on its home link.

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { isNoSpace, systemCode } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import { whyOffline } from '@doorsill/base/link-failure';
import type { Log } from '@doorsill/base/log';
import { freshId, type Random } from '@doorsill/base/random';
import { failure, isFailure } from '@doorsill/contract/errors';
import type {
  DeviceEvent,
  DeviceEventBody,
  DeviceState,
  Receipt,
  ReceiptBody,
  UploadProgress,
} from '@doorsill/contract/home-messages';
import { signToken } from '@doorsill/contract/jws';
import type { AreaLink } from './area-link/area-link.ts';
import type { CaptureChange } from './camera/capture.ts';
import type { ConsentGate } from './consent/gate.ts';
import type { EventHistory } from './events/event-history.ts';
import type { HardwareTrouble, Peripherals } from './hardware/peripherals.ts';
import type { HomeAssistant } from './home-link/home-assistant.ts';
import type { HomeLink } from './home-link/home-link.ts';
import type { ReceiptCursor } from './receipt-cursor.ts';
import type { Ring } from './ring/ring-interface.ts';

/** Sources of the state: the parts of a running doorbell. */
export interface StatusSources {
  key: SigningKey;
  id: string;
  home: HomeLink;
  homeAssistant: HomeAssistant;
  gate: ConsentGate;
  ring: Ring;
  history: EventHistory;
  area: AreaLink | null;
  peripherals: Peripherals;
  cursor: ReceiptCursor;
  bridge: string | null;
  /** The camera's name without credentials, used until it reports. */
  source: string;
  /** Faults that are simulated now. */
  simulatedFaults: () => readonly string[];
}

/** Parts that store data and can continue when storing fails. */
export type StoredPart = 'folder' | 'format' | 'consent' | 'ring' | 'outbox' | 'events';
type StorageState = DeviceState['storage']['state'];
const FULL: ReadonlySet<string> = new Set(['ring_full_disk', 'outbox_full']);

/** How often the state is published while only the ring's figures change. */
const FIGURES_EVERY_MS = 10_000;
const DETAIL_LETTERS_MAX = 300;
const COVERAGE_SPANS_MAX = 20;
/** Longest normal time between two segments in the ring: twice a GOP and its way through ffmpeg. */
const STORED_AGO_MS_MAX = 16_000;
const REQUESTS_MAX = 200;

export class StatusPublisher {
  private readonly name: string;
  private readonly seams: { clock: Clock; random: Random; log: Log };
  private readonly heard: (event: DeviceEvent) => void;
  private sources: StatusSources | null = null;
  private camera: CaptureChange | null = null;
  private sourceStartUs: number | null = null;
  /** Monotonic time of the last published state, its number of footage spans, and whether it said `recording`. */
  private publishedMs = Number.NEGATIVE_INFINITY;
  private publishedSpans = 0;
  private publishedRecording = false;
  /** Monotonic time at which the ring last took footage. */
  private storedMs = Number.NEGATIVE_INFINITY;
  private readonly faults = new Map<StoredPart, DeviceState['storage']>();

  /** `heard` is called locally with every event, whether or not the home broker is connected. */
  constructor(
    name: string,
    seams: { clock: Clock; random: Random; log: Log },
    heard: (event: DeviceEvent) => void = () => {},
  ) {
    this.name = name;
    this.seams = seams;
    this.heard = heard;
  }

  /** Nothing is published before this call. */
  publishFor(sources: StatusSources): void {
    this.sources = sources;
  }

  /** Takes in a camera change; publishes an event if the camera's state or failure changed, and publishes the state. */
  cameraIs(change: CaptureChange): void {
    const isNews = change.state !== this.camera?.state || change.failure?.code !== this.camera?.failure?.code;
    this.camera = change;
    if (change.recording) this.sourceStartUs = change.recording.sourceStartUs;
    if (isNews) this.event({ type: 'camera', state: change.state, ...detailOf(change) });
    this.state();
  }

  /** Takes in that a part of the hardware has failed (`detail` says why) or works again; publishes the event and the state. */
  hardwareIs({ part, name, detail }: { part: HardwareTrouble['part']; name: string; detail?: string }): void {
    const state = detail === undefined ? ({ state: 'ok' } as const) : ({ state: 'failed', detail } as const);
    this.event({ type: 'hardware', part, name, ...state });
    this.state();
  }

  /**
   * Takes in why a part cannot store, or null once it can; null comes with each stored segment, too. Rethrows errors that do not
   * come from the disk.
   */
  storageIs(part: StoredPart, fault: unknown): void {
    if (fault !== null) {
      const code = isFailure(fault) ? fault.code : systemCode(fault);
      if (!(fault instanceof Error) || code === null) throw fault;
      const state = isNoSpace(fault) || isNoSpace(fault.cause) || FULL.has(code) ? 'full' : 'failed';
      this.faults.set(part, { state, detail: fault.message.slice(0, DETAIL_LETTERS_MAX) });
      this.state();
      return;
    }
    if (part === 'ring') this.storedMs = this.seams.clock.monotonicMs();
    if (this.faults.delete(part)) this.state();
    else this.figures();
  }

  /** Whether the camera's footage arrives in the ring. */
  private get isRecording(): boolean {
    const isFresh = this.seams.clock.monotonicMs() - this.storedMs <= STORED_AGO_MS_MAX;
    return this.camera?.state === 'recording' && !this.faults.has('ring') && isFresh;
  }

  /** Runs a step; a disk failure is reported in the state and the log, not thrown. */
  async tolerate(part: StoredPart, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (thrown) {
      this.storageIs(part, thrown);
      const detail = thrown instanceof Error ? thrown.message : '';
      this.seams.log.error('a step on the disk failed; the doorbell goes on without it', { part, detail });
    }
  }

  /** The fault to publish: one of the ledger first, one of the event history last. */
  private storage(ledger: StorageState): DeviceState['storage'] {
    if (ledger !== 'ok') return { state: ledger, detail: failure('consent_storage_failed').message };
    const worst = [...this.faults].find(([part]) => part !== 'events')?.[1];
    return worst ?? this.faults.get('events') ?? { state: 'ok' };
  }

  /** Publishes an event. `atUs`: wall time at which it happened; now if absent. */
  event(body: DeviceEventBody, atUs = this.seams.clock.wallUs()): void {
    const { sources } = this;
    if (!sources) return;
    const event: DeviceEvent = { id: freshId(this.seams.random, 'event'), device: sources.id, atUs, ...body };
    this.heard(event);
    sources.home.publishEvent(event).catch(() => undefined);
    sources.homeAssistant.event(event);
    // Last: a fault of the history must not keep an event from being published.
    sources.history.append(event);
  }

  upload(progress: Omit<UploadProgress, 'device'>): void {
    const { sources } = this;
    sources?.home.publishUpload({ device: sources.id, ...progress }).catch(() => undefined);
  }

  /** Stamps a receipt with the ledger's head, signs it and publishes it. */
  receipt(body: ReceiptBody): void {
    const { sources } = this;
    if (!sources) return;
    const { random, clock, log } = this.seams;
    const { key, id, gate, home, cursor } = sources;
    const receipt: Receipt = {
      iss: key.publicKey,
      aud: 'owner',
      iat: wallSeconds(clock),
      jti: freshId(random, 'receipt'),
      device: id,
      ...body,
      ledger: gate.head,
      lastOrder: gate.lastOrder,
    };
    const sent = home.publishReceipt(signToken('doorsill-receipt+jws', receipt, key));
    cursor.follow(receipt.ledger.entries, sent);
    sent.catch(() =>
      log.warn('a receipt did not reach the home broker; it is sent again later', { outcome: body.outcome }),
    );
  }

  /** Publishes the state, after a change or on request. */
  state(): void {
    const state = this.stateNow();
    if (!state) return;
    this.publishedMs = this.seams.clock.monotonicMs();
    this.publishedSpans = state.ring.coverage.length;
    this.publishedRecording = this.isRecording;
    this.sources?.home.publishState(state);
    this.sources?.homeAssistant.state(state);
  }

  /**
   * Publishes the state when only the ring's figures may have changed, as they do with every segment: at most
   * every ten seconds, unless a span of footage appeared or disappeared, or recording stopped or resumed.
   */
  private figures(): void {
    const spans = Math.min(this.sources?.ring.coverage().length ?? 0, COVERAGE_SPANS_MAX);
    const isDue = this.seams.clock.monotonicMs() - this.publishedMs >= FIGURES_EVERY_MS;
    if (isDue || spans !== this.publishedSpans || this.isRecording !== this.publishedRecording) this.state();
  }

  /** The current state; null before `publishFor`. */
  stateNow(): DeviceState | null {
    const { sources, camera, sourceStartUs } = this;
    if (!sources) return null;
    const { id, home, homeAssistant, gate, ring, area, peripherals, bridge, source } = sources;
    const { trouble } = peripherals;
    const simulatedFaults = [...sources.simulatedFaults()];
    const unasked = gate.unasked();
    return {
      device: id,
      name: this.name,
      atUs: this.seams.clock.wallUs(),
      camera: {
        state: camera?.state ?? 'off',
        source: camera?.source ?? source,
        ...(camera ? detailOf(camera) : {}),
        ...(sourceStartUs === null ? {} : { sourceStartUs }),
      },
      recording: this.isRecording && !gate.privacyOn,
      privacy: gate.privacyOn,
      searchParty: gate.searchPartyOn,
      ring: { ...ring.stats(), coverage: ring.coverage().slice(-COVERAGE_SPANS_MAX) },
      storage: this.storage(gate.storage),
      ...(trouble.length === 0 ? {} : { hardware: trouble }),
      clockTrusted: gate.clockTrusted,
      ...(simulatedFaults.length === 0 ? {} : { simulatedFaults }),
      ...areaOf(area),
      ...(home.dropped === 0 ? {} : { dropped: home.dropped }),
      ...(bridge === null ? {} : { bridge }),
      owners: gate.owners().length,
      requests: gate.openRequests().slice(-REQUESTS_MAX),
      ...(unasked.length === 0 ? {} : { unasked }),
      refused: { ...gate.unbelievedCounts(), ...homeAssistant.refusedCounts() },
      ledger: gate.head,
      lastOrder: gate.lastOrder,
    };
  }
}

function areaOf(area: AreaLink | null): Pick<DeviceState, 'area' | 'areaDetail'> {
  if (area === null) return { area: 'none' };
  const { state } = area;
  const why = whyOffline((state.online ? state.trouble : state.error) ?? null);
  return {
    area: state.online ? 'online' : 'offline',
    ...(why === '' ? {} : { areaDetail: why.slice(0, DETAIL_LETTERS_MAX) }),
  };
}

function detailOf({ failure: why, detail: said }: CaptureChange): { detail?: string; code?: string } {
  const detail = why?.message ?? said;
  return { ...(detail ? { detail: detail.slice(0, DETAIL_LETTERS_MAX) } : {}), ...(why ? { code: why.code } : {}) };
}
