// Owns: the HTTP routes of partners: the public list and the operator's decisions. Not here: what they decide (partners.ts), the
// partner's own channel (requests/partner-channel-routes.ts).

import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import type { Router } from '../http/router.ts';
import type { Partners } from './partners.ts';
import { PARTNER_STATUSES } from './partners-store.ts';

const paramsSchema = z.strictObject({ partner: idSchema });
const newPartnerSchema = z.strictObject({ partner: idSchema, name: z.string().trim().min(1).max(120) });
const statusSchema = z.strictObject({ status: z.enum(PARTNER_STATUSES), revision: z.int().positive() });
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
export function partnerRoutes(api: Router, partners: Partners): void {
  const operator = { roles: ['admin'], params: paramsSchema } as const;
  api.route(
    {
      method: 'GET',
      path: '/v1/partners',
      roles: ['public'],
      answer: listSchema,
      about: 'All partners, those included whose partnership is over.',
    },
    async () => ({ partners: await partners.list() }),
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/partners',
      roles: ['admin'],
      body: newPartnerSchema,
      answer: secretsSchema,
      status: 201,
      about: 'Enters a partner; its secrets are shown this once.',
    },
    ({ body }) => partners.add(body.partner, body.name),
  );
  api.route(
    { method: 'GET', path: '/v1/partners/:partner', ...operator, answer: seenSchema, about: 'One partner.' },
    ({ params }) => partners.see(params.partner),
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/partners/:partner/status',
      ...operator,
      body: statusSchema,
      answer: changedSchema,
      about: 'Suspends a partner, lets it go on, or ends it for good.',
    },
    ({ params, body }) => partners.setStatus(params.partner, body.status, body.revision),
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/partners/:partner/tokens',
      ...operator,
      answer: secretsSchema,
      status: 201,
      about: 'Gives a partner other secrets; those before are dead.',
    },
    ({ params }) => partners.renewSecrets(params.partner),
  );
}
