import { countSchema } from '@doorsill/base/http/http-server';
import { DeviceEvent, eventPageSchema } from '@doorsill/contract/home-messages';
import { z } from 'zod';
import { type EventPage, type EventQuery, PAGE_EVENTS_MAX } from '../events/event-history.ts';
import type { LocalRouter } from './local-router.ts';
import { momentSchema } from './moment-schema.ts';

export interface HistoryRoutesDeps {
  events(query: EventQuery): EventPage;
}

const TYPES = DeviceEvent.options.map((option) => option.shape.type.value);
const PAGE_DEFAULT = 100;

const querySchema = z.strictObject({
  /** The `next` of the page before. */
  before: countSchema.optional(),
  afterUs: momentSchema.optional(),
  beforeUs: momentSchema.optional(),
  /** Types, separated by commas. */
  types: z
    .string()
    .max(200)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(TYPES)).min(1))
    .optional(),
  limit: countSchema.pipe(z.int().min(1).max(PAGE_EVENTS_MAX)).default(PAGE_DEFAULT),
});

export function historyRoutes(router: LocalRouter, { events }: HistoryRoutesDeps): void {
  router.route(
    {
      method: 'GET',
      path: '/api/v1/events',
      roles: ['owner'],
      query: querySchema,
      answer: eventPageSchema,
      about: 'What happened at the door, newest first, in pages; `next` is the `before` of the following page.',
    },
    ({ query }) => events(query),
  );
}
