import { failure } from '@doorsill/contract/errors';
import { z } from 'zod';
import type { AgencyTokens } from '../agencies/verify-agency-token.ts';
import { pageOf, positionIn } from '../http/paging.ts';
import { webhookAddress } from './address.ts';
import type { KeptEvent, Webhook, WebhookStore } from './webhooks-store.ts';

export interface WebhooksDeps {
  store: WebhookStore;
  tokens: AgencyTokens;
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
    await this.keep({ organisation, agency, url, secret: call.secret, saidS });
    return { url, sinceS: saidS };
  }

  /** The caller's webhook. Throws `token_...`, `agency_...`, `webhook_unknown`. */
  async see(callToken: string): Promise<WebhookView> {
    const webhook = await this.deps.store.find(await this.seer(callToken));
    if (!webhook || webhook.url === null) throw failure('webhook_unknown');
    return { url: webhook.url, sinceS: webhook.saidS };
  }

  /** Removes the caller's webhook; waiting events are not sent any more. Throws `token_...`, `agency_...`. */
  async remove(callToken: string): Promise<void> {
    const { organisation, agency, saidS, call } = await this.deps.tokens.readCall(callToken);
    if (call.action !== 'remove-webhook') throw failure('token_unknown_claims');
    await this.keep({ organisation, agency, url: null, secret: '', saidS });
  }

  /** A page of the caller's events, newest first. Throws `token_...`, `agency_...`, `http_body_invalid`. */
  async events(
    callToken: string,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<{ events: EventView[]; next: string | null }> {
    const behind = positionIn(placeSchema, page.cursor);
    const found = await this.deps.store.page(await this.seer(callToken), behind, page.limit + 1);
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

  private async keep(webhook: Webhook): Promise<void> {
    // A later setting is stored: this call is an old one, repeated.
    if (!(await this.deps.store.set(webhook))) throw failure('token_expired');
  }

  private async seer(callToken: string): Promise<string> {
    const { organisation, call } = await this.deps.tokens.readCall(callToken);
    if (call.action !== 'see-webhook') throw failure('token_unknown_claims');
    return organisation;
  }
}
