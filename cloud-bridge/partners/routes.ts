// Owns: the HTTP routes of partners: the public list, the operator's decisions, and the partner's own channel.
// Not here: what they decide (partners.ts), what a request must keep (requests/).
import { z } from 'zod';
import { idSchema } from '../../device/protocol/ids.ts';
import type { Api } from '../http/api.ts';
import type { Requests } from '../requests/requests.ts';
import { viewSchema } from '../requests/routes.ts';
import type { Partners } from './partners.ts';
import { PARTNER_STATUSES } from './store.ts';

const paramsSchema = z.strictObject({ partner: idSchema });
const newPartnerSchema = z.strictObject({ partner: idSchema, name: z.string().trim().min(1).max(120) });
const statusSchema = z.strictObject({ status: z.enum(PARTNER_STATUSES), revision: z.int().positive() });
const postSchema = z.strictObject({ request: z.string().max(16_384) });
/** The one thing a partner tells: that the investigation behind a request of its channel is over. */
const webhookSchema = z.strictObject({
  meta: z.strictObject({ version: z.literal('1'), request_id: z.string().min(1).max(128) }),
  data: z.strictObject({ type: z.literal('request_resolved'), id: idSchema }),
});
const signatureSchema = z.object({ 'x-signature': z.string().optional() });

const factsSchema = z.strictObject({
  partner: idSchema,
  name: z.string(),
  status: z.enum(PARTNER_STATUSES),
  since: z.iso.date(),
});
const listSchema = z.strictObject({ partners: z.array(factsSchema) });
const seenSchema = factsSchema.extend({ revision: z.int().positive() });
const changedSchema = factsSchema.extend({ cancelled: z.int().nonnegative() });
const secretsSchema = factsSchema.extend({ token: z.string(), webhookSecret: z.string() });

/** Adds the routes. */
export function partnerRoutes(api: Api, deps: { partners: Partners; requests: Requests }): void {
  const { partners } = deps;
  const operator = { roles: ['admin'], params: paramsSchema } as const;
  api.route(
    {
      ...{ method: 'GET', path: '/v1/partners', roles: ['public'], answer: listSchema },
      about: 'All partners, those included whose partnership is over.',
    },
    async () => ({ partners: await partners.list() }),
  );
  api.route(
    {
      ...{ method: 'POST', path: '/v1/partners', roles: ['admin'], body: newPartnerSchema },
      ...{ answer: secretsSchema, status: 201, about: 'Enters a partner; its secrets are shown this once.' },
    },
    ({ body }) => partners.add(body.partner, body.name),
  );
  api.route(
    { method: 'GET', path: '/v1/partners/:partner', ...operator, answer: seenSchema, about: 'One partner.' },
    ({ params }) => partners.see(params.partner),
  );
  api.route(
    {
      ...{ method: 'POST', path: '/v1/partners/:partner/status', ...operator, body: statusSchema },
      ...{ answer: changedSchema, about: 'Suspends a partner, lets it go on, or ends it for good.' },
    },
    ({ params, body }) => partners.setStatus(params.partner, body.status, body.revision),
  );
  api.route(
    {
      ...{ method: 'POST', path: '/v1/partners/:partner/tokens', ...operator, answer: secretsSchema, status: 201 },
      about: 'Gives a partner other secrets; those before are dead.',
    },
    ({ params }) => partners.renewSecrets(params.partner),
  );
  channelRoutes(api, deps);
}

function channelRoutes(api: Api, { partners, requests }: { partners: Partners; requests: Requests }): void {
  api.route(
    {
      ...{ method: 'POST', path: '/v1/partners/:partner/requests', roles: ['partner'], params: paramsSchema },
      ...{ body: postSchema, answer: viewSchema, status: 201 },
      about: 'Takes in a request that an agency signed for this channel.',
      repeatable: ({ params }) => params.partner,
      admit: ({ params, bearer }) => partners.enter(params.partner, bearer),
    },
    ({ params, body }) => requests.post(body.request, { partner: params.partner }),
  );
  api.route(
    {
      ...{ method: 'POST', path: '/v1/partners/:partner/webhooks', roles: ['partner-signature'] },
      ...{ params: paramsSchema, headers: signatureSchema, body: webhookSchema, answer: viewSchema },
      about: 'A partner tells that the investigation behind a request of its channel is over.',
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
