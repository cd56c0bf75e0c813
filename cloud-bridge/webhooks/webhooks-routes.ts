import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import { nextSchema, pageFields } from '../http/paging.ts';
import type { Router } from '../http/router.ts';
import type { Webhooks } from './agency-webhooks.ts';
import { EVENT_TYPES } from './events.ts';
import { EVENT_STATES } from './webhooks-store.ts';

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
