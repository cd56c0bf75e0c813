// A partner's own channel: it submits requests that an agency signed for it, and reports that an investigation has ended.

import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import type { Router } from '../http/router.ts';
import type { Partners } from '../partners/partners.ts';
import type { Requests } from './requests.ts';
import { viewSchema } from './requests-routes.ts';

const paramsSchema = z.strictObject({ partner: idSchema });
const postSchema = z.strictObject({ request: z.string().max(16_384) });
/** A partner can report only this: the investigation behind a request of its channel has ended. */
const webhookSchema = z.strictObject({
  meta: z.strictObject({ version: z.literal('1'), request_id: z.string().min(1).max(128) }),
  data: z.strictObject({ type: z.literal('request_resolved'), id: idSchema }),
});
const signatureSchema = z.object({ 'x-signature': z.string().optional() });

export function partnerChannelRoutes(
  api: Router,
  { partners, requests }: { partners: Partners; requests: Requests },
): void {
  api.route(
    {
      method: 'POST',
      path: '/v1/partners/:partner/requests',
      roles: ['partner'],
      params: paramsSchema,
      body: postSchema,
      answer: viewSchema,
      status: 201,
      about: 'Submits a request that an agency signed for this channel.',
      repeatable: ({ params }) => params.partner,
      admit: ({ params, bearer }) => partners.enter(params.partner, bearer),
    },
    ({ params, body }) => requests.post(body.request, { partner: params.partner }),
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/partners/:partner/webhooks',
      roles: ['partner-signature'],
      params: paramsSchema,
      headers: signatureSchema,
      body: webhookSchema,
      answer: viewSchema,
      about: 'Reports that the investigation behind a request of this channel has ended.',
      repeatable: ({ params }) => params.partner,
      // The signature is over the exact bytes.
      exactBody: true,
      admit: ({ params, exact, request }) => {
        const signature = request.headers['x-signature'];
        return partners.assertSigned(params.partner, exact, typeof signature === 'string' ? signature : undefined);
      },
    },
    ({ params, body }) => requests.resolveFor(params.partner, body.data.id),
  );
}
