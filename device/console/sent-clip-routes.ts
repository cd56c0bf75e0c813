// The routes of sent clips, for owners: the list, and the bridge's proofs of one clip. The page checks the proofs itself, because it trusts
// neither the bridge nor anything in between.

import type { Clock } from '@doorsill/base/clock';
import { countSchema } from '@doorsill/base/http/http-server';
import { assert } from '@doorsill/contract/assert';
import { idSchema } from '@doorsill/contract/ids';
import { OwnersContentKey } from '@doorsill/contract/sealing';
import { contentKeyAskSchema, SENT_CLIPS_PAGE_MAX, SentClipCustody, SentClipPage } from '@doorsill/contract/sent-clips';
import { z } from 'zod';
import type { ConsentGate } from '../consent/gate.ts';
import { sentClipsOf } from '../consent/sent-clips.ts';
import type { CustodyFetcher } from '../upload/fetch-custody.ts';
import { type ContentKeyDeps, releaseContentKey } from '../upload/release-content-key.ts';
import type { LocalRouter } from './local-router.ts';

export interface SentClipRoutesDeps {
  gate: Pick<ConsentGate, 'sentClips' | 'damaged'>;
  custody: Pick<CustodyFetcher, 'fetch'>;
  outbox: ContentKeyDeps['outbox'];
  clock: Clock;
  device: { id: string };
}

const PAGE_DEFAULT = 20;

const querySchema = z.strictObject({
  /** The `next` of the preceding page. */
  before: countSchema.optional(),
  limit: countSchema.pipe(z.int().min(1).max(SENT_CLIPS_PAGE_MAX)).default(PAGE_DEFAULT),
});

export function sentClipRoutes(router: LocalRouter, deps: SentClipRoutesDeps): void {
  const { gate, custody } = deps;
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

  router.route(
    {
      method: 'POST',
      path: '/api/v1/departures/:grant/content-key',
      roles: ['owner'],
      params: z.strictObject({ grant: idSchema }),
      body: contentKeyAskSchema,
      answer: OwnersContentKey,
      about:
        'The content key of an encrypted clip, for the owner who granted it and signs the call: it opens the file that was sent.',
    },
    ({ caller, params, body, reply }) => {
      assert(caller?.role === 'owner', 'the route is for owners');
      reply.header('cache-control', 'no-store');
      return releaseContentKey(deps, caller.id, { ...params, ...body });
    },
  );
}
