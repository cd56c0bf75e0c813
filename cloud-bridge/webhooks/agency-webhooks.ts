import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import type { AgencyTokenVerifier } from '../agencies/verify-agency-token.ts';
import { nextSchema, pageFields, pageOf, positionIn } from '../http/paging.ts';
import type { Router } from '../http/router.ts';
import { webhookAddress } from './send-webhook.ts';
import { EVENT_TYPES } from './webhook-events.ts';
import { EVENT_STATES, type KeptEvent, type Webhook, type WebhookStore } from './webhooks-store.ts';

export interface WebhooksDeps {
  store: WebhookStore;
  tokens: AgencyTokenVerifier;
  /** Whether receivers on this machine are allowed. */
  loopback: boolean;
}

/** Without the secret. */
export interface WebhookView {
  url: string;
  sinceS: number;
}

export type EventView = Pick<KeptEvent, 'event' | 'type' | 'madeS' | 'attempts' | 'state' | 'detail'> & {
  nextS: number | null;
};

const placeSchema = z.int().nonnegative();

export class Webhooks {
  private readonly deps: WebhooksDeps;

  constructor(deps: WebhooksDeps) {
    this.deps = deps;
  }

  /**
   * Sets the caller's webhook to the address and secret in its call; the same call again changes nothing. Throws
   * `token_...`, `agency_...`, `webhook_address_refused`.
   */
  async set(callToken: string): Promise<WebhookView> {
    const { organisation, agency, saidS, call } = await this.deps.tokens.readCall(callToken);
    if (call.action !== 'set-webhook') throw failure('token_unknown_claims');
    const url = webhookAddress(call.url, this.deps.loopback).href;
    await this.store({ organisation, agency, url, secret: call.secret, saidS });
    return { url, sinceS: saidS };
  }

  /** The caller's webhook. Throws `token_...`, `agency_...`, `webhook_unknown`. */
  async see(callToken: string): Promise<WebhookView> {
    const webhook = await this.deps.store.find(await this.organisationOf(callToken));
    if (!webhook || webhook.url === null) throw failure('webhook_unknown');
    return { url: webhook.url, sinceS: webhook.saidS };
  }

  /** Removes the caller's webhook; waiting events are not sent any more. Throws `token_...`, `agency_...`. */
  async remove(callToken: string): Promise<void> {
    const { organisation, agency, saidS, call } = await this.deps.tokens.readCall(callToken);
    if (call.action !== 'remove-webhook') throw failure('token_unknown_claims');
    await this.store({ organisation, agency, url: null, secret: '', saidS });
  }

  /** A page of the caller's events, newest first. Throws `token_...`, `agency_...`, `http_body_invalid`. */
  async events(
    callToken: string,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<{ events: EventView[]; next: string | null }> {
    const behind = positionIn(placeSchema, page.cursor);
    const found = await this.deps.store.page(await this.organisationOf(callToken), behind, page.limit + 1);
    const { shown, next } = pageOf(found, page.limit, ({ place }) => place);
    const events = shown.map(({ event, type, madeS, attempts, state, detail, nextS }) => ({
      event,
      type,
      madeS,
      attempts,
      state,
      detail,
      nextS: state === 'waiting' ? nextS : null,
    }));
    return { events, next };
  }

  private async store(webhook: Webhook): Promise<void> {
    // A later setting is stored: this call is an old one, repeated.
    if (!(await this.deps.store.set(webhook))) throw failure('token_expired');
  }

  private async organisationOf(callToken: string): Promise<string> {
    const { organisation, call } = await this.deps.tokens.readCall(callToken);
    if (call.action !== 'see-webhook') throw failure('token_unknown_claims');
    return organisation;
  }
}

const viewSchema = z.strictObject({ url: z.string(), sinceS: z.int().nonnegative() });
const pageSchema = z.strictObject(pageFields(50, 200));
const eventsSchema = z.strictObject({
  events: z.array(
    z.strictObject({
      event: idSchema,
      type: z.enum(EVENT_TYPES),
      state: z.enum(EVENT_STATES),
      madeS: z.int(),
      attempts: z.int().nonnegative(),
      /** Time of the next attempt; null once delivered or given up. */
      nextS: z.int().nullable(),
      /** How the last attempt ended. */
      detail: z.string(),
    }),
  ),
  next: nextSchema,
});

export function webhookRoutes(api: Router, webhooks: Webhooks): void {
  const own = { path: '/v1/webhook', roles: ['agency'] } as const;
  api.route(
    {
      method: 'PUT',
      ...own,
      answer: viewSchema,
      about:
        'Sets the webhook for events about requests and clips (call `set-webhook`, which holds address and secret).',
    },
    ({ bearer }) => webhooks.set(bearer),
  );
  api.route(
    { method: 'GET', ...own, answer: viewSchema, about: "The agency's webhook (call `see-webhook`)." },
    ({ bearer }) => webhooks.see(bearer),
  );
  api.route(
    { method: 'DELETE', ...own, answer: null, about: 'Removes the webhook (call `remove-webhook`).' },
    async ({ bearer }) => {
      await webhooks.remove(bearer);
      return undefined;
    },
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/webhook/events',
      roles: ['agency'],
      query: pageSchema,
      answer: eventsSchema,
      about: 'Events of the last days and the state of their delivery, newest first (call `see-webhook`).',
    },
    ({ bearer, query }) => webhooks.events(bearer, query),
  );
}
