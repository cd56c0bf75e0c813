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

export function partnerRoutes(api: Router, partners: Partners): void {
  const operator = { roles: ['admin'], params: paramsSchema } as const;
  api.route(
    {
      method: 'GET',
      path: '/v1/partners',
      roles: ['public'],
      answer: listSchema,
      about: 'All partners, including those whose partnership has ended.',
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
      about: 'Adds a partner; its secrets are shown only in this answer.',
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
      about: 'Suspends or reactivates a partner, or ends it for good.',
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
      about: 'Gives a partner new secrets; the former ones stop working.',
    },
    ({ params }) => partners.renewSecrets(params.partner),
  );
}
