import { networkOf, siteOf } from '@doorsill/base/http/address-networks';
import { agencyCallSchema } from '@doorsill/contract/agency-calls';
import { failure, isFailure } from '@doorsill/contract/errors';
import { idSchema, publicKeySchema } from '@doorsill/contract/ids';
import { reasonSchema } from '@doorsill/contract/manifest';
import { z } from 'zod';
import { nextSchema, pageFields, pageOf, positionIn } from '../http/paging.ts';
import type { RateLimits } from '../http/rate-limits.ts';
import type { Router } from '../http/router.ts';
import { peekToken } from '../signing/verify-token.ts';
import { Agency } from './agency-book.ts';
import type { RegistryDecisions } from './registry-decisions.ts';

const registrationSchema = z.strictObject({ registration: z.string().max(8_192) });
const idParamsSchema = z.strictObject({ agency: idSchema });
const pageSchema = z.strictObject(pageFields(500, 1_000));
const listSchema = z.strictObject({ agencies: z.array(Agency), next: nextSchema });
/** The revision that a moderator saw, so that two moderators do not overwrite each other. */
const seen = z.int().positive();
const approvalSchema = z.strictObject({ revision: seen });
const reasonedSchema = z.strictObject({ revision: seen, reason: reasonSchema });
/** Without a required revision: repeated applications of an agency must not delay its suspension. */
const suspensionSchema = z.strictObject({ revision: seen.optional(), reason: reasonSchema });
const reinstatementSchema = z.strictObject({ revision: seen, scope: idSchema.optional() });
const revocationSchema = z.strictObject({ revision: seen.optional(), scope: idSchema.optional() }).nullish();
const keySchema = z.strictObject({ id: idSchema, key: publicKeySchema });
const revocationsSchema = z.strictObject({ revocations: z.string() });
const credentialSchema = z.strictObject({ credential: z.string() });
const rotationSchema = z.strictObject({ revision: seen, rotation: z.string().max(8_192) });

const FAILURES_MAX = 20;
const FAILURE_SPAN_MS = 10 * 60_000;

export function registryRoutes(api: Router, registry: RegistryDecisions, limits: RateLimits): void {
  const open = { method: 'GET', roles: ['public'] } as const;
  api.route(
    {
      ...open,
      path: '/v1/key',
      answer: keySchema,
      about: 'Id and key of this registry.',
    },
    () => ({ id: registry.id, key: registry.publicKey }),
  );
  api.route(
    {
      ...open,
      path: '/v1/revocations',
      answer: revocationsSchema,
      about: 'The signed revocation list.',
    },
    async () => ({ revocations: await registry.revocations() }),
  );
  api.route(
    {
      ...open,
      path: '/v1/credentials/:agency',
      params: idParamsSchema,
      answer: credentialSchema,
      about: 'A fresh signed credential of an agency.',
    },
    async ({ params }) => ({ credential: await registry.credential(params.agency) }),
  );

  // Anyone may apply. After too many refusals a network gets `http_rate_limited` instead of the reason; valid calls are still served.
  const attempts = limits.limit('refused applications', FAILURES_MAX, FAILURE_SPAN_MS);
  api.route(
    {
      method: 'POST',
      path: '/v1/agencies',
      roles: ['signed'],
      body: registrationSchema,
      answer: Agency,
      status: 201,
      about: 'Stores an agency’s application; a moderator decides.',
      repeatable: ({ body }) => peekToken(body.registration, agencyCallSchema).agency,
    },
    async ({ body, request }) => {
      try {
        return await registry.register(body.registration, siteOf(request.ip));
      } catch (thrown) {
        if (isFailure(thrown)) await attempts.take(networkOf(request.ip));
        throw thrown;
      }
    },
  );
  standingRoutes(api, registry);
}

function standingRoutes(api: Router, registry: RegistryDecisions): void {
  const admin = { roles: ['admin'] } as const;
  api.route(
    {
      method: 'GET',
      path: '/v1/agencies',
      ...admin,
      query: pageSchema,
      answer: listSchema,
      about: 'All agencies, oldest application first.',
    },
    async ({ query }) => {
      const all = await registry.agencies();
      // Agencies are added at the end. The last one shown may have been deleted since: then there is no position to continue from.
      const last = positionIn(idSchema, query.cursor);
      const from = last === null ? 0 : all.findIndex(({ agency }) => agency === last) + 1;
      if (last !== null && from === 0) throw failure('http_body_invalid', { detail: 'cursor: start again without it' });
      const page = pageOf(all.slice(from, from + query.limit + 1), query.limit, ({ agency }) => agency);
      return { agencies: page.shown, next: page.next };
    },
  );
  const one = { ...admin, params: idParamsSchema, answer: Agency } as const;
  api.route({ method: 'GET', path: '/v1/agencies/:agency', ...one, about: 'One agency.' }, ({ params }) =>
    registry.agency(params.agency),
  );
  const decision = <Verb extends string>(verb: Verb, about: string) =>
    ({ ...one, method: 'POST', path: `/v1/agencies/:agency/${verb}`, about }) as const;
  api.route(
    { ...decision('approve', 'Approves an agency whose domain shows its id.'), body: approvalSchema },
    ({ params, body }) => registry.approve(params.agency, body.revision),
  );
  api.route(
    {
      ...decision('refuse', 'Refuses an application and revokes the access of its agency, which is told the reason.'),
      body: reasonedSchema,
    },
    ({ params, body }) => registry.refuse(params.agency, body.reason, body.revision),
  );
  api.route(
    { ...decision('suspend', 'Suspends all access until it is reinstated.'), body: suspensionSchema },
    ({ params, body }) => registry.suspend(params.agency, body.reason, body.revision),
  );
  api.route(
    { ...decision('revoke', 'Revokes all access, or one scope.'), body: revocationSchema },
    ({ params, body }) => registry.revoke(params.agency, body?.scope, body?.revision),
  );
  api.route(
    { ...decision('reinstate', 'Reinstates all access, or one scope.'), body: reinstatementSchema },
    ({ params, body }) => registry.reinstate(params.agency, body.scope, body.revision),
  );
  api.route(
    { ...decision('rotate', 'Replaces an agency’s key with the one that signed this rotation.'), body: rotationSchema },
    ({ params, body }) => registry.rotate(params.agency, body.rotation, body.revision),
  );
}
