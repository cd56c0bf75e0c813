// Declares the routes of the device's own server: roles, schemas of request and answer. The declaration is enforced, and the OpenAPI
// document is made of it.
import { Readable } from 'node:stream';
import type { Clock } from '@doorsill/base/clock';
import { networkOf } from '@doorsill/base/http/address-networks';
import { FixedWindowLimit, WindowCounts } from '@doorsill/base/http/fixed-window-limit';
import { isAnswered, parseBody } from '@doorsill/base/http/http-server';
import { documentOf } from '@doorsill/base/http/openapi';
import { type Content, type Declared, isSchema, statusOf } from '@doorsill/base/http/route-declaration';
import { failure } from '@doorsill/contract/errors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type Caller, type CallerHeaders, type Callers, SESSION_HEADER } from './callers.ts';
import { type OriginRules, ownOrigin } from './request-origin.ts';

export type LocalRole = 'public' | 'owner' | 'viewer';

const SCHEMES = {
  public: null,
  owner: {
    type: 'apiKey',
    in: 'header',
    name: SESSION_HEADER,
    description: 'The secret from the answer that opened the session. The cookie from that answer must be sent, too.',
  },
  viewer: { type: 'http', scheme: 'basic', description: 'A viewer’s id and token.' },
} as const;

export interface LocalRoute<P extends z.ZodType, Q extends z.ZodType, B extends Content, A extends Content>
  extends Omit<Declared, 'roles'> {
  roles: readonly LocalRole[];
  params?: P;
  query?: Q;
  body?: B;
  answer: A;
}

/** One call that satisfies the route's declaration. */
export interface LocalCall<P extends z.ZodType, Q extends z.ZodType, B extends Content> {
  /** Null on public routes. */
  caller: Caller | null;
  /** The server's origin as the caller addressed it. */
  origin: string;
  params: z.output<P>;
  query: z.output<Q>;
  body: B extends z.ZodType ? z.output<B> : undefined;
  request: FastifyRequest;
  reply: FastifyReply;
}

type AnswerOf<A> = A extends z.ZodType ? z.input<A> : undefined;

export interface LocalRouterDeps {
  clock: Clock;
  callers: Callers;
  origins: OriginRules;
  title: string;
  version: string;
}

/** Calls a minute of one caller, or of one unauthenticated address. Scrubbing asks for ten pictures a second. */
const CALLS_MAX = 1_500;
/** Refused logins a minute of one address. Correct logins still succeed, because a whole home may share one address. */
const REFUSALS_MAX = 30;
const MINUTE_MS = 60_000;

const BASIC_CHALLENGE = 'Basic realm="doorsill", charset="UTF-8"';

/** The page loads nothing from other origins, sends nothing to them, and cannot be framed. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

export class LocalRouter {
  private readonly server: FastifyInstance;
  private readonly deps: LocalRouterDeps;
  private readonly declared: Declared[] = [];
  private built: object | null = null;
  private readonly calls: FixedWindowLimit;
  private readonly refusals: FixedWindowLimit;

  constructor(server: FastifyInstance, deps: LocalRouterDeps) {
    this.server = server;
    this.deps = deps;
    this.calls = new FixedWindowLimit(new WindowCounts(deps.clock, MINUTE_MS), CALLS_MAX);
    this.refusals = new FixedWindowLimit(new WindowCounts(deps.clock, MINUTE_MS), REFUSALS_MAX);
    // First of all checks, also for unknown paths: another page must learn nothing from the kind of refusal.
    server.addHook('onRequest', async (request, reply) => {
      reply.headers(SECURITY_HEADERS);
      ownOrigin(request.headers, deps.origins, isPage(request));
    });
    // A HEAD answer must not read footage; bodies that are not streams are omitted by Node itself.
    server.addHook('onSend', async ({ method }, _reply, payload) => {
      if (method !== 'HEAD' || !(payload instanceof Readable)) return payload;
      payload.destroy();
      return null;
    });
  }

  /**
   * Adds a route. The result of `handle` is validated against `answer` and sent; a reply that `handle` sent itself is not validated. `HEAD`
   * answers like `GET`, without the body (RFC 9110 §9.3.2).
   */
  route<
    A extends Content,
    P extends z.ZodType = z.ZodUndefined,
    Q extends z.ZodType = z.ZodUndefined,
    B extends Content = null,
  >(
    shape: LocalRoute<P, Q, B, A>,
    handle: (call: LocalCall<P, Q, B>) => Promise<AnswerOf<A> | FastifyReply> | AnswerOf<A> | FastifyReply,
  ): void {
    this.declared.push(shape);
    this.server.route({
      method: shape.method === 'GET' ? ['GET', 'HEAD'] : shape.method,
      url: shape.path,
      handler: async (request, reply) => {
        const answer = await handle(this.open(shape, request, reply));
        // Ends an endless answer to a HEAD request.
        if (request.method === 'HEAD' && reply.raw.headersSent) reply.raw.end();
        if (answer === reply || isAnswered(reply)) return reply;
        return reply.code(statusOf(shape)).send(isSchema(shape.answer) ? shape.answer.parse(answer) : undefined);
      },
    });
  }

  /** The caller, if one of the roles allows it; null for public routes. Throws the refusal. */
  admit(roles: readonly LocalRole[], headers: CallerHeaders, ip: string): Caller | null {
    if (roles.includes('public')) return null;
    return this.counted(ip, () => {
      const caller = this.deps.callers.callerOf(headers);
      if (!caller)
        throw failure('console_session_refused', {
          detail: 'the call has neither a session nor a viewer’s credentials',
        });
      if (!roles.includes(caller.role))
        throw failure('console_session_refused', { detail: 'the route needs an owner’s session' });
      return caller;
    });
  }

  /** Runs a login and counts its refusal. An address with too many refusals in a minute gets the rate limit's error instead. */
  counted<Result>(ip: string, login: () => Result): Result {
    try {
      return login();
    } catch (thrown) {
      this.refusals.take(networkOf(ip));
      throw thrown;
    }
  }

  /** The same for an asynchronous login. */
  async countedAsync<Result>(ip: string, login: () => Promise<Result>): Promise<Result> {
    return login().catch((thrown: unknown) => {
      this.refusals.take(networkOf(ip));
      throw thrown;
    });
  }

  /** The OpenAPI document of the declared routes. Built once, on demand: it is expensive, and anyone may ask for it. */
  document(): object {
    this.built ??= documentOf(this.deps.title, this.deps.version, this.declared, SCHEMES);
    return this.built;
  }

  private open<P extends z.ZodType, Q extends z.ZodType, B extends Content>(
    shape: LocalRoute<P, Q, B, Content>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): LocalCall<P, Q, B> {
    // Players and `curl -u` answer this challenge (RFC 7617 §2). The page's own calls get none, or the browser would ask for a password.
    const isFromPage = request.headers[SESSION_HEADER] !== undefined || request.headers['sec-fetch-mode'] === 'cors';
    if (shape.roles.includes('viewer') && !isFromPage) reply.header('www-authenticate', BASIC_CHALLENGE);
    const caller = this.admit(shape.roles, request.headers, request.ip);
    reply.removeHeader('www-authenticate');
    this.calls.take(caller?.id ?? networkOf(request.ip));
    return {
      caller,
      origin: ownOrigin(request.headers, this.deps.origins, isPage(request)),
      params: parsed(shape.params, request.params),
      query: parsed(shape.query, request.query),
      body: parsedBody(shape.body, request.body),
      request,
      reply,
    };
  }
}

/** Whether the page itself is requested: the only thing that a link on another site may open. */
function isPage({ method, url }: FastifyRequest): boolean {
  return method === 'GET' && url === '/';
}

function parsed<S extends z.ZodType>(schema: S | undefined, value: unknown): z.output<S>;
function parsed(schema: z.ZodType | undefined, value: unknown): unknown {
  return schema && parseBody(schema, value);
}

function parsedBody<B extends Content>(
  content: B | undefined,
  value: unknown,
): B extends z.ZodType ? z.output<B> : undefined;
function parsedBody(content: Content | undefined, value: unknown): unknown {
  return isSchema(content) ? parseBody(content, value) : undefined;
}
