// Owns: the HTTP routes of the vault's operator (bridges, clients) and of the clients' tokens (RFC 6749 §4.4).
// Not here: what they decide (clients.ts).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isPublicKey, sha256Hex } from '../../device/base/keys.ts';
import { failure, isFailure } from '../../device/protocol/errors.ts';
import { actorId, idSchema, publicKeySchema } from '../../device/protocol/ids.ts';
import { PROBLEM_TYPE, problemOf } from '../../device/protocol/problem.ts';
import { assertAdmin } from '../http/bearer.ts';
import { parseBody } from '../http/server.ts';
import { type Clients, clientBodySchema } from './clients.ts';
import type { AccessStore } from './store.ts';

const agencySchema = z.strictObject({ agency: idSchema });
const clientSchema = agencySchema.extend({ client: idSchema });
const secretSchema = z.string().max(128);
const tokenBodySchema = z.strictObject({
  grant_type: z.literal('client_credentials'),
  scope: z.string().max(400).optional(),
  client_id: secretSchema.optional(),
  client_secret: secretSchema.optional(),
});
const FORM_TYPE = 'application/x-www-form-urlencoded';
const BASIC = /^Basic ([A-Za-z0-9+/=]{4,512})$/;

export interface OperatorRoutesDeps {
  access: AccessStore;
  clients: Clients;
  adminToken: string;
}

export function operatorRoutes(server: FastifyInstance, { access, clients, adminToken }: OperatorRoutesDeps): void {
  server.post('/v1/bridges', async (request, reply) => {
    assertAdmin(request, adminToken);
    const { key } = parseBody(z.strictObject({ key: publicKeySchema.refine(isPublicKey) }), request.body);
    const bridge = actorId('bridge', sha256Hex(key));
    await access.addBridge(bridge, key);
    return reply.code(201).send({ bridge });
  });
  server.post('/v1/agencies/:agency/clients', async (request, reply) => {
    assertAdmin(request, adminToken);
    const { agency } = parseBody(agencySchema, request.params);
    return reply.code(201).send(await clients.issue(agency, parseBody(clientBodySchema, request.body)));
  });
  server.delete('/v1/agencies/:agency/clients/:client', async (request, reply) => {
    assertAdmin(request, adminToken);
    const { agency, client } = parseBody(clientSchema, request.params);
    if (!(await access.removeClient(agency, client))) throw failure('http_not_found');
    return reply.code(204).send();
  });

  server.addContentTypeParser(FORM_TYPE, { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body.toString())));
  });
  server.post('/oauth2/token', async (request, reply) => {
    try {
      const body = parseBody(tokenBodySchema, request.body);
      const { id, secret } = credentialsOf(request, body);
      const wanted = body.scope === undefined ? null : body.scope.split(' ').filter((scope) => scope !== '');
      const { token, expiresInS, scopes } = await clients.token(id, secret, wanted, request.ip);
      return { access_token: token, token_type: 'Bearer', expires_in: expiresInS, scope: scopes.join(' ') };
    } catch (thrown) {
      return refuse(request, reply, thrown);
    }
  });
}

/** Client id and secret, from the `Authorization` header or the body (RFC 6749 §2.3.1). Throws `vault_client_invalid`. */
function credentialsOf(request: FastifyRequest, body: z.infer<typeof tokenBodySchema>): { id: string; secret: string } {
  const basic = BASIC.exec(request.headers.authorization ?? '')?.[1];
  if (basic === undefined) return { id: body.client_id ?? '', secret: body.client_secret ?? '' };
  const [, id, secret] = /^([^:]{1,128}):(.{1,128})$/.exec(Buffer.from(basic, 'base64').toString()) ?? [];
  if (id === undefined || secret === undefined) throw failure('vault_client_invalid');
  return { id, secret };
}

/** A problem document that has OAuth's own word for it, too (RFC 6749 §5.2). */
function refuse(request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  if (!isFailure(thrown)) throw thrown;
  const error =
    { vault_client_invalid: 'invalid_client', vault_scope_missing: 'invalid_scope' }[String(thrown.code)] ??
    'invalid_request';
  return reply
    .code(thrown.http)
    .type(PROBLEM_TYPE)
    .send({ ...problemOf(thrown, request.url), error });
}
