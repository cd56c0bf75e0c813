// The doorbell's state, events and connection. Follows the device's stream of messages, and reconnects when it breaks or falls silent.

import { type Failure, isFailure } from '@doorsill/contract/errors';
import { DeviceEvent, DeviceState, eventPageSchema } from '@doorsill/contract/home-messages';
import { parseJson } from '@doorsill/contract/parse-json';
import type { Window } from '@doorsill/contract/shared-claims';
import { SilenceWatch } from '@doorsill/contract/silence-watch';
import type { z } from 'zod';
import { clock } from './browser-seams.ts';
import type { DeviceClient } from './device-client.ts';
import { sentEvents, textOf } from './server-sent-events.ts';

type EventPage = z.output<typeof eventPageSchema>;

export interface DoorView {
  /** `gone`: the device is unreachable; the page shows the last known state. */
  link: 'connecting' | 'online' | 'gone';
  /** Whether the browser reports that it has no network itself. */
  isOffline: boolean;
  /** Number of connections so far: after a new one, some data has to be asked for again. */
  connections: number;
  /** Wall time of the device's last message, by this browser's clock; null before the first. */
  heardUs: number | null;
  state: DeviceState | null;
  /** Newest first, of the types in `SHOWN`. */
  events: readonly DeviceEvent[];
  /** Whether older events can be loaded. */
  hasOlder: boolean;
  /** Why no session can be opened: this browser's key is not an owner's any more. */
  refused: Failure | null;
}

/** Event types that are shown; event windows are for programs. */
const SHOWN = [
  'ring',
  'motion-start',
  'motion-end',
  'camera',
  'hardware',
  'tamper',
] as const satisfies DeviceEvent['type'][];
const PAGE_EVENTS = 120;
const EVENTS_MAX = 2_000;
const RETRY_MS_MIN = 400;
const RETRY_MS_MAX = 8_000;
/** The device sends at least every two seconds (console/owner-routes.ts). */
export const SILENT_MS = 5_000;
/** Longest wait for the first answer of a connection. */
const ANSWER_MS_MAX = 15_000;

export class Door {
  readonly client: DeviceClient;
  private readonly listeners = new Set<() => void>();
  private readonly messageListeners = new Set<(kind: string, value: unknown) => void>();
  private readonly stopping = new AbortController();
  /** Where the next page of older events begins; null if there is none. */
  private older: number | null = null;
  private heardUs: number | null = null;
  /** Ends the current connection attempt, connection, or pause between two. */
  private turn = new AbortController();
  private current: DoorView = {
    link: 'connecting',
    isOffline: !navigator.onLine,
    connections: 0,
    heardUs: null,
    state: null,
    events: [],
    hasOlder: false,
    refused: null,
  };

  constructor(client: DeviceClient) {
    this.client = client;
  }

  get view(): DoorView {
    return this.current;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Calls `listener` with each message of the stream, unvalidated; returns a function that ends it. */
  onMessage(listener: (kind: string, value: unknown) => void): () => void {
    this.messageListeners.add(listener);
    return () => void this.messageListeners.delete(listener);
  }

  start(): void {
    const { signal } = this.stopping;
    // Reconnects at once, even when offline: the device may be this same machine, and then needs no network.
    const changed = () => {
      this.show({ isOffline: !navigator.onLine });
      this.turn.abort();
    };
    addEventListener('offline', changed, { signal });
    addEventListener('online', changed, { signal });
    void this.follow();
  }

  stop(): void {
    this.stopping.abort();
  }

  /** Fetches the state now, so that the effect of an order shows at once. */
  async refresh(): Promise<void> {
    this.show({ state: await this.client.call(DeviceState, '/api/v1/state') });
  }

  /** Adds a page of older events. */
  async loadOlder(): Promise<void> {
    if (this.older !== null) await this.loadEvents(this.older);
  }

  /** Events from `startUs` to `endUs`, in no order; at most as many as the page holds. */
  async eventsIn({ startUs, endUs }: Window, types: readonly DeviceEvent['type'][]): Promise<DeviceEvent[]> {
    const found: DeviceEvent[] = [];
    const range = { afterUs: String(startUs), beforeUs: String(endUs) };
    for (let before: number | null = null; ; ) {
      const { events, next }: EventPage = await this.eventPage(types, before, range);
      found.push(...events.map(({ event }) => event));
      if (next === null || found.length >= EVENTS_MAX) return found;
      before = next;
    }
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    let waitMs = RETRY_MS_MIN;
    while (!signal.aborted) {
      this.turn = new AbortController();
      const { signal: turn } = this.turn;
      let wasOpen = false;
      try {
        await this.listen(AbortSignal.any([signal, turn]), () => {
          waitMs = RETRY_MS_MIN;
          wasOpen = true;
        });
      } catch (thrown) {
        if (isFailure(thrown) && thrown.code === 'console_session_refused') return this.show({ refused: thrown });
      }
      if (signal.aborted) return;
      // The browser's network has changed while connected: try again before calling the device gone.
      if (wasOpen && turn.aborted) continue;
      this.show({ link: 'gone', heardUs: this.heardUs });
      await clock.pause(waitMs, AbortSignal.any([signal, turn]));
      waitMs = Math.min(waitMs * 2, RETRY_MS_MAX);
    }
  }

  /**
   * Follows one stream of messages until it ends or falls silent. State and events are fetched once it is open, so no change is missed.
   */
  private async listen(signal: AbortSignal, opened: () => void): Promise<void> {
    const silence = new AbortController();
    const watch = new SilenceWatch(clock, () => silence.abort());
    watch.wait(ANSWER_MS_MAX);
    try {
      const answer = await this.client.fetch('/api/v1/messages', AbortSignal.any([signal, silence.signal]));
      if (!answer.body) return;
      await Promise.all([this.refresh(), this.loadEvents(null)]);
      opened();
      this.show({ link: 'online', connections: this.current.connections + 1 });
      const received = () => {
        this.heardUs = clock.wallUs();
        watch.wait(SILENT_MS);
      };
      received();
      for await (const { event, data } of sentEvents(textOf(answer.body, received))) this.take(event, parseJson(data));
    } finally {
      watch.stop();
    }
  }

  private take(kind: string, value: unknown): void {
    for (const listener of this.messageListeners) listener(kind, value);
    if (kind === 'state') {
      const state = DeviceState.safeParse(value);
      if (state.success) this.show({ state: state.data });
    } else if (kind === 'event') {
      const event = DeviceEvent.safeParse(value);
      if (event.success && SHOWN.some((type) => type === event.data.type)) this.merge([event.data]);
    }
  }

  private eventPage(
    types: readonly DeviceEvent['type'][],
    before: number | null,
    range: Record<string, string> = {},
  ): Promise<EventPage> {
    const query = new URLSearchParams({ ...range, limit: String(PAGE_EVENTS), types: types.join(',') });
    if (before !== null) query.set('before', String(before));
    return this.client.call(eventPageSchema, `/api/v1/events?${query}`);
  }

  private async loadEvents(before: number | null): Promise<void> {
    const page = await this.eventPage(SHOWN, before);
    if (before !== null || this.current.events.length === 0) this.older = page.next;
    this.merge(page.events.map(({ event }) => event));
  }

  private merge(more: readonly DeviceEvent[]): void {
    const known = new Map([...this.current.events, ...more].map((event) => [event.id, event]));
    const events = [...known.values()].sort((a, b) => b.atUs - a.atUs).slice(0, EVENTS_MAX);
    this.show({ events, hasOlder: this.older !== null && events.length < EVENTS_MAX });
  }

  private show(changes: Partial<DoorView>): void {
    this.current = { ...this.current, ...changes };
    for (const listener of this.listeners) listener();
  }
}
