// Routes of the vault's operator (bridges, clients, agencies' new keys), and the token endpoint of clients (RFC 6749 §4.4).

import type { Clock } from '@doorsill/base/clock';
import { isPublicKey, sha256Hex } from '@doorsill/base/keys';
import { failure } from '@doorsill/contract/errors';
import { actorId, idSchema, publicKeySchema } from '@doorsill/contract/ids';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ClipDownloads } from '../http/revocable-downloads.ts';
import type { Router } from '../http/router.ts';
import { type Clients, clientBodySchema } from './clients.ts';
import type { AccessStore, SuccessionStore } from './vault-store.ts';

const agencySchema = z.strictObject({ agency: idSchema });
const clientSchema = agencySchema.extend({ client: idSchema });
const secretSchema = z.string().max(128);
const tokenBodySchema = z.strictObject({
  grant_type: z.literal('client_credentials'),
  scope: z.string().max(400).optional(),
  client_id: secretSchema.optional(),
  client_secret: secretSchema.optional(),
});
/** OAuth's error codes for refusals (RFC 6749 §5.2); `invalid_request` for all others. */
const OAUTH_WORDS = new Map<string, 'invalid_client' | 'invalid_scope'>([
  ['vault_client_invalid', 'invalid_client'],
  ['vault_scope_missing', 'invalid_scope'],
]);
const BASIC = /^Basic ([A-Za-z0-9+/=]{4,512})$/;

const bridgeSchema = z.strictObject({ key: publicKeySchema.refine(isPublicKey) });
const enteredSchema = z.strictObject({ bridge: idSchema });
const successorSchema = z.strictObject({ agency: idSchema, organisation: idSchema });
const issuedSchema = z.strictObject({ client: idSchema, secret: secretSchema, scopes: z.array(z.string()).readonly() });
/** RFC 6749 §5.1. */
const tokenAnswerSchema = z.strictObject({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.int().positive(),
  scope: z.string(),
});

const sealingKeySchema = z.strictObject({ sealingKey: publicKeySchema });

export interface OperatorRoutesDeps {
  clock: Clock;
  /** Adds a key that clips are encrypted to from then on; returns the public key. */
  addSealingKey: () => Promise<string>;
  access: AccessStore;
  successions: SuccessionStore;
  clients: Clients;
  downloads: ClipDownloads;
}

export function operatorRoutes(api: Router, deps: OperatorRoutesDeps): void {
  const { access, clients, downloads, addSealingKey } = deps;
  const admin = { roles: ['admin'] } as const;
  api.route(
    {
      method: 'POST',
      path: '/v1/bridges',
      ...admin,
      body: bridgeSchema,
      status: 201,
      answer: enteredSchema,
      about: 'Admits a bridge, by its key, for hand-overs.',
    },
    async ({ body: { key } }) => {
      const bridge = actorId('bridge', sha256Hex(key));
      await access.addBridge(bridge, key);
      return { bridge };
    },
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/agencies/:agency/clients',
      ...admin,
      params: agencySchema,
      body: clientBodySchema,
      answer: issuedSchema,
      status: 201,
      about: 'Creates a client of an agency; its secret is shown only in this answer.',
    },
    ({ params, body }) => clients.issue(params.agency, body),
  );
  api.route(
    {
      method: 'DELETE',
      path: '/v1/agencies/:agency/clients/:client',
      ...admin,
      params: clientSchema,
      answer: null,
      about: 'Removes a client with its tokens and links, and ends their downloads.',
    },
    async ({ params }) => {
      if (!(await access.removeClient(params.agency, params.client))) throw failure('http_not_found');
      await downloads.recheck();
      return undefined;
    },
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/sealing-keys',
      ...admin,
      status: 201,
      answer: sealingKeySchema,
      about:
        'Adds a key for agencies to have clips encrypted to; the former ones still open what was encrypted to them.',
    },
    async () => ({ sealingKey: await addSealingKey() }),
  );
  successionRoute(api, deps);
  api.route(
    {
      method: 'POST',
      path: '/oauth2/token',
      roles: ['credentials'],
      body: tokenBodySchema,
      form: true,
      answer: tokenAnswerSchema,
      about: 'An access token for a client (RFC 6749 §4.4) that authenticates in the body or by HTTP Basic.',
      refuse: (problem) => ({ ...problem, error: OAUTH_WORDS.get(problem.code) ?? 'invalid_request' }),
    },
    async ({ body, request }) => {
      const { id, secret } = credentialsOf(request, body);
      const wanted = body.scope === undefined ? null : body.scope.split(' ').filter((scope) => scope !== '');
      const { token, expiresInS, scopes } = await clients.token(id, secret, wanted, request.ip);
      return { access_token: token, token_type: 'Bearer' as const, expires_in: expiresInS, scope: scopes.join(' ') };
    },
  );
}

/** Only the operator may state that an agency has a new key: a bridge could give evidence to an agency of its choice. */
function successionRoute(api: Router, { clock, successions, downloads }: OperatorRoutesDeps): void {
  const shape = { method: 'PUT', path: '/v1/agencies/:agency/successor', roles: ['admin'] } as const;
  api.route(
    {
      ...shape,
      params: agencySchema,
      body: agencySchema,
      answer: successorSchema,
      about: 'Records that an agency has a new key: its evidence stays its own, clients of the former id are removed.',
    },
    async ({ params, body: { agency } }) => {
      const who = { by: 'operator', officer: '', reason: '' };
      const what = { item: '', cases: [], event: 'key-rotated', detail: `${params.agency} ${agency}` };
      const line = { ...who, ...what, atUs: clock.wallUs() };
      const organisation = await successions.succeed(params.agency, agency, line);
      await downloads.recheck();
      return { agency, organisation };
    },
  );
}

/** Client id and secret, from the `Authorization` header or the body (RFC 6749 §2.3.1). Throws `vault_client_invalid`. */
function credentialsOf(request: FastifyRequest, body: z.infer<typeof tokenBodySchema>): { id: string; secret: string } {
  const basic = BASIC.exec(request.headers.authorization ?? '')?.[1];
  if (basic === undefined) return { id: body.client_id ?? '', secret: body.client_secret ?? '' };
  const [, id, secret] = /^([^:]{1,128}):(.{1,128})$/.exec(Buffer.from(basic, 'base64').toString()) ?? [];
  if (id === undefined || secret === undefined) throw failure('vault_client_invalid');
  return { id, secret };
}
