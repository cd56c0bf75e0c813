// Owns: what the bridge remembers of agencies' webhooks and of the events on their way. Not here: how (sql-webhooks.ts).
import type { WebhookEvent } from './events.ts';

/** Where an agency is told of its own requests and clips. */
export interface Webhook {
  /** The agency across its keys. */
  organisation: string;
  /** The agency that registered it: it is told only while that may act. */
  agency: string;
  /** Null: it was removed. */
  url: string | null;
  /** The HMAC's secret. */
  secret: string;
  /** When the agency signed what is kept here, in seconds since 1970. */
  saidS: number;
}

export const EVENT_STATES = ['waiting', 'delivered', 'given-up'] as const;
export type EventState = (typeof EVENT_STATES)[number];

/** One event and how telling it went. */
export interface KeptEvent {
  event: string;
  organisation: string;
  type: WebhookEvent['type'];
  /** What is sent, byte for byte, at every attempt. */
  body: string;
  madeS: number;
  attempts: number;
  /** When it is tried again. */
  nextS: number;
  state: EventState;
  /** How the last attempt ended: a status or a short reason; empty before there was one. */
  detail: string;
  /** Grows with each event. */
  place: number;
}

export interface WebhookStore {
  /** Sets or removes a webhook; false when something signed later is kept. Events that wait go to the new address. */
  set(webhook: Webhook): Promise<boolean>;
  find(organisation: string): Promise<Webhook | null>;
  /**
   * Makes events of what has happened since the last time, for agencies that have a webhook, in one step with noting how far
   * that is: each event is made once, whatever crashes. Returns whether there is more.
   */
  gather(nowS: number, seams: Gathering): Promise<boolean>;
  /** Events to be told by now: those tried least often first, so that one that is never taken holds up no other. */
  due(nowS: number, most: number): Promise<(KeptEvent & { url: string; secret: string; agency: string })[]>;
  /** Notes how an attempt went. One that is to be tried again puts off whatever else waits for the same agency. */
  settle(event: string, how: Pick<KeptEvent, 'state' | 'attempts' | 'nextS' | 'detail'>): Promise<void>;
  /** An agency's events, the last one first, behind a place. */
  page(organisation: string, behind: number | null, most: number): Promise<KeptEvent[]>;
  /** Events about requests, by state. */
  counts(): Promise<Readonly<Record<EventState, number>>>;
  /** Forgets events that were settled and are older than `beforeS`. */
  forget(beforeS: number): Promise<void>;
}

/** How leaves of the log of custody become events. */
export interface Gathering {
  /** What a leaf tells an agency; null: nothing. `facts`: its opening, where it has one. */
  toldBy: (leaf: { leaf: number; entry: string; facts: string | null }) => WebhookEvent | null;
  expired: (request: string, atS: number) => WebhookEvent;
}
