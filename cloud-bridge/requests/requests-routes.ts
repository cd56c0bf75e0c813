import { idSchema } from '@doorsill/contract/ids';
import { reasonSchema } from '@doorsill/contract/manifest';
import { Request } from '@doorsill/contract/request';
import { z } from 'zod';
import { nextSchema, pageFields } from '../http/paging.ts';
import type { Router } from '../http/router.ts';
import type { Partners } from '../partners/partners.ts';
import { peekToken } from '../signing/verify-token.ts';
import { REQUEST_STATES } from './publication-machine.ts';
import type { Requests } from './requests.ts';
import { TextFinding } from './text-check.ts';

const postSchema = z.strictObject({ request: z.string().max(16_384), draft: z.boolean().optional() });
const paramsSchema = z.strictObject({ request: idSchema });
const pageSchema = z.strictObject(pageFields(100, 200));
const approvalSchema = z.strictObject({ revision: z.int().positive() });
const refusalSchema = z.strictObject({ revision: z.int().positive(), reason: reasonSchema });

/** All that an agency learns about its own request. */
export const viewSchema = z.strictObject({
  request: idSchema,
  state: z.enum(REQUEST_STATES),
  findings: z.array(TextFinding).optional(),
  reason: z.string().optional(),
});
const listSchema = z.strictObject({ requests: z.array(viewSchema), next: nextSchema });
const waitingSchema = z.strictObject({
  requests: z.array(
    viewSchema.extend({
      agency: idSchema,
      agencyName: z.string(),
      revision: z.int().positive(),
      claims: Request,
    }),
  ),
  next: nextSchema,
});

/** The agency that a request claims to be from; proven once the request was accepted. */
export function claimedAgency(token: string): string {
  return peekToken(token, Request).agency;
}

export function requestRoutes(api: Router, requests: Requests): void {
  api.route(
    {
      method: 'POST',
      path: '/v1/requests',
      roles: ['signed'],
      body: postSchema,
      answer: viewSchema,
      status: 201,
      about: 'Posts a request that an agency signed; it is published, or waits for a moderator.',
      repeatable: ({ body }) => claimedAgency(body.request),
    },
    ({ body }) => requests.post(body.request, { draft: body.draft ?? false }),
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/requests',
      roles: ['agency'],
      query: pageSchema,
      answer: listSchema,
      about: "The agency's own requests, newest first (call `list-requests`).",
    },
    ({ bearer, query }) => requests.list(bearer, query),
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/requests/:request',
      roles: ['agency'],
      params: paramsSchema,
      answer: viewSchema,
      about: "One of the agency's own requests (call `see-request`).",
    },
    ({ bearer, params }) => requests.see(params.request, bearer),
  );
  for (const verb of ['submit', 'withdraw', 'resolve'] as const) {
    api.route(
      {
        method: 'POST',
        path: `/v1/requests/:request/${verb}`,
        roles: ['agency'],
        params: paramsSchema,
        answer: viewSchema,
        about: `${ABOUT[verb]} (call \`${verb}-request\`).`,
      },
      ({ bearer, params }) => requests[verb](params.request, bearer),
    );
  }
  moderationRoutes(api, requests);
}

const ABOUT = {
  submit: 'Submits a draft',
  withdraw: 'Withdraws a request before it is published',
  resolve: 'Ends a published request early',
} as const;

function moderationRoutes(api: Router, requests: Requests): void {
  const moderators = { roles: ['moderator', 'admin'] } as const;
  api.route(
    {
      method: 'GET',
      path: '/v1/moderation',
      ...moderators,
      query: pageSchema,
      answer: waitingSchema,
      about: 'Requests that wait for a moderator, oldest first.',
    },
    ({ query }) => requests.waiting(query),
  );
  const decision = { method: 'POST', ...moderators, params: paramsSchema, answer: viewSchema } as const;
  api.route(
    {
      ...decision,
      path: '/v1/moderation/:request/approve',
      body: approvalSchema,
      about: 'Publishes a request that is still at the given revision.',
    },
    ({ params, body, who }) => requests.approve(params.request, body.revision, who.name),
  );
  api.route(
    {
      ...decision,
      path: '/v1/moderation/:request/refuse',
      body: refusalSchema,
      about: 'Refuses a request; its agency is told the reason.',
    },
    ({ params, body, who }) => requests.refuse(params.request, body.reason, body.revision, who.name),
  );
}

const partnerSchema = z.strictObject({ partner: idSchema });
const partnerPostSchema = z.strictObject({ request: z.string().max(16_384) });
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
      params: partnerSchema,
      body: partnerPostSchema,
      answer: viewSchema,
      status: 201,
      about: 'Submits a request that an agency signed and that names this partner.',
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
      params: partnerSchema,
      headers: signatureSchema,
      body: webhookSchema,
      answer: viewSchema,
      about: 'Reports that the investigation behind a request that names this partner has ended.',
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
