import type { WebhookEvent } from './webhook-events.ts';

export interface Webhook {
  /** The agency across its keys. */
  organisation: string;
  /** The id that registered it; events are sent only while it may act. */
  agency: string;
  /** Null: it was removed. */
  url: string | null;
  /** Key of the HMAC. */
  secret: string;
  /** When the agency signed this setting, in seconds since 1970. */
  saidS: number;
}

export const EVENT_STATES = ['waiting', 'delivered', 'given-up'] as const;
export type EventState = (typeof EVENT_STATES)[number];

export interface KeptEvent {
  event: string;
  organisation: string;
  type: WebhookEvent['type'];
  /** The body as sent, byte for byte the same at every attempt. */
  body: string;
  madeS: number;
  attempts: number;
  /** Time of the next attempt. */
  nextS: number;
  state: EventState;
  /** How the last attempt ended: a status or a short reason; empty before the first. */
  detail: string;
  /** Order of creation. */
  place: number;
}

export interface WebhookStore {
  /** Sets or removes a webhook; false when a setting that was signed later is stored. Waiting events go to the new address. */
  set(webhook: Webhook): Promise<boolean>;
  find(organisation: string): Promise<Webhook | null>;
  /**
   * Makes events from new leaves of the log, for agencies with a webhook, and stores the position in the log in the same step: each event
   * is made once, despite crashes. Returns whether there are more leaves.
   */
  gather(nowS: number, seams: EventMakers): Promise<boolean>;
  /** Due events, those with the fewest attempts first, so that one that is never accepted blocks no other. */
  due(nowS: number, most: number): Promise<(KeptEvent & { url: string; secret: string; agency: string })[]>;
  /** Stores the result of an attempt. An event to be retried delays all other waiting events of its agency. */
  settle(event: string, how: Pick<KeptEvent, 'state' | 'attempts' | 'nextS' | 'detail'>): Promise<void>;
  /** An agency's events, newest first, after a position. */
  page(organisation: string, behind: number | null, most: number): Promise<KeptEvent[]>;
  /** Events about requests, by state. */
  counts(): Promise<Readonly<Record<EventState, number>>>;
  /** Deletes settled events that are older than `beforeS`. */
  forget(beforeS: number): Promise<void>;
}

export interface EventMakers {
  /** The event made from a leaf; null: none. `facts`: its opened facts, if it has them. */
  eventOf: (leaf: { leaf: number; entry: string; facts: string | null }) => WebhookEvent | null;
  expired: (request: string, atS: number) => WebhookEvent;
}
