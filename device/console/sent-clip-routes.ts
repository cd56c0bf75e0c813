// The routes of sent clips, for owners: the list, and the bridge's proofs of one clip. The page checks the proofs itself, because it trusts
// neither the bridge nor anything in between.

import { countSchema } from '@doorsill/base/http/http-server';
import { idSchema } from '@doorsill/contract/ids';
import { SENT_CLIPS_PAGE_MAX, SentClipCustody, SentClipPage } from '@doorsill/contract/sent-clips';
import { z } from 'zod';
import type { ConsentGate } from '../consent/gate.ts';
import { sentClipsOf } from '../consent/sent-clips.ts';
import type { CustodyFetcher } from '../upload/fetch-custody.ts';
import type { LocalRouter } from './local-router.ts';

export interface SentClipRoutesDeps {
  gate: Pick<ConsentGate, 'sentClips' | 'damaged'>;
  custody: Pick<CustodyFetcher, 'fetch'>;
}

const PAGE_DEFAULT = 20;

const querySchema = z.strictObject({
  /** The `next` of the preceding page. */
  before: countSchema.optional(),
  limit: countSchema.pipe(z.int().min(1).max(SENT_CLIPS_PAGE_MAX)).default(PAGE_DEFAULT),
});

export function sentClipRoutes(router: LocalRouter, { gate, custody }: SentClipRoutesDeps): void {
  router.route(
    {
      method: 'GET',
      path: '/api/v1/departures',
      roles: ['owner'],
      query: querySchema,
      answer: SentClipPage,
      about:
        'Every clip that has left this device, or of which a part may have, newest first, in pages; `next` is the `before` of the following page.',
    },
    ({ query }) => sentClipsOf(gate).page(query.before ?? null, query.limit),
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/departures/:grant/custody',
      roles: ['owner'],
      params: z.strictObject({ grant: idSchema }),
      answer: SentClipCustody,
      about:
        'Receipt and proofs of one clip as the bridge shows them now, asked in the device’s name. Nothing is stored.',
    },
    async ({ params, reply }) => {
      const departure = sentClipsOf(gate).under(params.grant);
      reply.header('cache-control', 'no-store');
      return custody.fetch(departure);
    },
  );
}
