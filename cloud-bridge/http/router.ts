// The one way to declare a route. What is declared is what is enforced, and what the OpenAPI document is generated from.

import { isAnswered, listenOn, parseBody } from '@doorsill/base/http/http-server';
import { documentOf } from '@doorsill/base/http/openapi';
import {
  type Content,
  type Declared,
  FORM_TYPE,
  IDEMPOTENCY_KEY,
  isSchema,
  statusOf,
} from '@doorsill/base/http/route-declaration';
import { assert } from '@doorsill/contract/assert';
import { isFailure } from '@doorsill/contract/errors';
import { parseJson } from '@doorsill/contract/parse-json';
import { PROBLEM_TYPE, type ProblemDocument, problemOf } from '@doorsill/contract/problem';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Counted, countedRole, type Rates } from './call-rate-limits.ts';
import type { IdempotentCalls } from './idempotency.ts';
import { CallCounts } from './prometheus.ts';
import { bearerOf, hasBearer, type RecogniseStaff, ROLES, type Role, type Who, whoPresents } from './roles.ts';

export interface RouteShape<P extends z.ZodType, Q extends z.ZodType, B extends Content, A extends Content, M>
  extends Omit<Declared, 'roles'> {
  /** Who may call it; the first role that fits the token applies. */
  roles: readonly Role[];
  params?: P;
  query?: Q;
  body?: B;
  answer: A;
  /**
   * Runs before the body is parsed, for proofs that do not need it or that sign its exact bytes: `exactBody` then passes
   * the body as text. Its result is passed to the route as `admitted`.
   */
  admit?: (call: Admission<P>) => Promise<M>;
  exactBody?: boolean;
  /** The body has one of these types, not JSON: it is read whole into `request.body`, and only after `admit` has accepted the call. */
  whole?: { types: RegExp; bytesMax: number };
  /**
   * The call may carry an `Idempotency-Key`. Returns the caller's identity, which is proven once the call succeeds. Never set it on
   * a route whose answer holds a secret: answers are stored.
   */
  repeatable?: (call: { params: z.output<P>; body: BodyOf<B> }) => string;
  /** Never rate limited: for process monitoring, which would otherwise be refused because of other callers' calls. */
  uncounted?: boolean;
  /** Adds fields to the problem document of a refusal. */
  refuse?: (problem: ProblemDocument) => ProblemDocument;
}

/** A call before its body is parsed. */
export interface Admission<P extends z.ZodType> {
  params: z.output<P>;
  /** The bearer token; empty for roles that have none. */
  bearer: string;
  who: Who;
  /** The body's exact text, for routes with `exactBody`; empty otherwise. */
  exact: string;
  request: FastifyRequest;
}

type BodyOf<B> = B extends z.ZodType ? z.output<B> : undefined;
type AnswerOf<A> = A extends z.ZodType ? z.input<A> : undefined;

/** `admitted`: the result of the route's `admit`. */
interface Admitted<P extends z.ZodType, M> extends Admission<P> {
  admitted: M;
}

/** One call, checked against everything in the declaration. */
export interface Call<P extends z.ZodType, Q extends z.ZodType, B extends Content, M = undefined>
  extends Admitted<P, M> {
  query: z.output<Q>;
  body: BodyOf<B>;
  reply: FastifyReply;
}

const NO_QUERY = z.strictObject({});
const documentSchema = z.record(z.string(), z.unknown());

export interface RouterDeps {
  rates: Rates;
  /** Stores answers to repeatable calls; without it idempotency keys are ignored. */
  repeats?: IdempotentCalls;
  staff: RecogniseStaff;
  title: string;
  version: string;
}

/** The routes of one server. */
export class Router {
  private readonly server: FastifyInstance;
  private readonly deps: RouterDeps;
  private readonly declared: (Declared & { roles: readonly Role[] })[] = [];
  private readonly registered = new Set<string>();
  private readonly counted = new WeakMap<FastifyRequest, Counted>();
  private readonly underWay = new Set<FastifyReply>();
  private onIdle: () => void = () => undefined;
  /** Counts of calls. */
  readonly calls = new CallCounts();

  constructor(server: FastifyInstance, deps: RouterDeps) {
    this.server = server;
    this.deps = deps;
    server.addHook('onRequest', async (_request, reply) => {
      this.underWay.add(reply);
      reply.raw.once('close', () => {
        this.underWay.delete(reply);
        if (this.underWay.size === 0) this.onIdle();
      });
    });
    server.addHook('onResponse', async ({ method, routeOptions }, reply) => {
      const called = this.declared.find((one) => one.method === method && one.path === routeOptions.url);
      if (called) this.calls.note(called.roles[0] ?? 'public', method, reply.statusCode);
    });
    server.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) this.registered.add(`${one} ${url}`);
    });
  }

  /** Adds a route. The result of `handle` is checked against `answer` before it is sent; a reply that `handle` sent itself is not. */
  route<
    A extends Content,
    P extends z.ZodType = z.ZodUndefined,
    Q extends z.ZodType = z.ZodUndefined,
    B extends Content = null,
    M = undefined,
  >(
    shape: RouteShape<P, Q, B, A, M>,
    handle: (call: Call<P, Q, B, M>) => Promise<AnswerOf<A> | FastifyReply> | AnswerOf<A> | FastifyReply,
  ): void {
    this.declared.push(shape);
    const handler = async (request: FastifyRequest, reply: FastifyReply) => {
      try {
        const admission = early.get(request) ?? (await this.admit(shape, request, reply));
        const call = this.open(shape, admission, reply);
        const work = async () => {
          const answer = await handle(call);
          return answer === reply ? reply : isSchema(shape.answer) ? shape.answer.parse(answer) : undefined;
        };
        const answer = await this.onceOnly(shape, call, work);
        const counted = this.counted.get(request);
        if (counted) this.deps.rates.served(counted);
        return answer === reply || isAnswered(reply) ? reply : reply.code(statusOf(shape)).send(answer);
      } catch (thrown) {
        const refused = this.refusalOf(request, thrown);
        if (!shape.refuse || !isFailure(refused)) throw refused;
        return reply
          .code(refused.http)
          .type(PROBLEM_TYPE)
          .send(shape.refuse(problemOf(refused, request.url)));
      }
    };
    const early = new WeakMap<FastifyRequest, Admitted<P, M>>();
    const whole = shape.whole && {
      bodyLimit: shape.whole.bytesMax,
      onRequest: async (request: FastifyRequest, reply: FastifyReply) =>
        void early.set(
          request,
          await this.admit(shape, request, reply).catch((thrown: unknown) => {
            throw this.refusalOf(request, thrown);
          }),
        ),
    };
    const add = (server: FastifyInstance) => server.route({ method: shape.method, url: shape.path, handler, ...whole });
    if (!shape.whole && shape.exactBody !== true && shape.form !== true) return void add(this.server);
    this.server.register(async (server) => {
      if (shape.whole) takeWhole(server, shape.whole.types);
      if (shape.exactBody === true) takeExactly(server);
      if (shape.form === true) takeForms(server);
      add(server);
    });
  }

  /** Opens the server; returns its base address. A route that was added without declaration is a bug. Throws `port_in_use`. */
  async listen(host: string, port: number): Promise<string> {
    let document: object | null = null;
    this.route(
      {
        method: 'GET',
        path: '/openapi.json',
        roles: ['public'],
        answer: documentSchema,
        about: 'This document.',
      },
      () => {
        // Built once, at the first call: it never changes, and building it is expensive.
        document ??= this.document();
        return { ...document };
      },
    );
    await this.server.ready();
    assertSame(this.registered, new Set(this.declared.map(({ method, path }) => `${method} ${path}`)));
    return listenOn(this.server, host, port);
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.onIdle = resolve;
      if (this.underWay.size === 0) resolve();
    });
  }

  /** The OpenAPI document of the declared routes. */
  document(): object {
    const { title, version } = this.deps;
    return documentOf(title, version, this.declared, ROLES);
  }

  /** Does the work; a repeatable call with an idempotency key only once. */
  private async onceOnly<P extends z.ZodType, Q extends z.ZodType, B extends Content, M>(
    shape: RouteShape<P, Q, B, Content, M>,
    call: Call<P, Q, B, M>,
    work: () => Promise<unknown>,
  ): Promise<unknown> {
    const { repeats } = this.deps;
    const header = call.request.headers[IDEMPOTENCY_KEY];
    if (!shape.repeatable || !repeats || header === undefined) return work();
    const caller = `${shape.method} ${shape.path} ${shape.repeatable(call)}`;
    const asked = { header: String(header), caller, body: call.body, status: statusOf(shape) };
    const { answer, isRepeat } = await repeats.run(asked, work);
    if (isRepeat) call.reply.header('idempotent-replayed', 'true');
    return answer;
  }

  /** The failure to answer a refused call with, after counting the refusal. */
  private refusalOf(request: FastifyRequest, thrown: unknown): unknown {
    const counted = this.counted.get(request);
    if (!counted || !isFailure(thrown)) return thrown;
    try {
      this.deps.rates.refused(counted, thrown);
      return thrown;
    } catch (limited) {
      return limited;
    }
  }

  /** Authenticates the caller and checks whether they may go on, before the body is parsed. */
  private async admit<P extends z.ZodType, Q extends z.ZodType, B extends Content, M>(
    { roles, params, admit, exactBody, uncounted }: RouteShape<P, Q, B, Content, M>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Admitted<P, M>> {
    const bearer = roles.every(hasBearer) ? bearerOf(request) : '';
    if (uncounted !== true) {
      this.counted.set(request, await this.deps.rates.open(countedRole(roles, bearer), request, bearer, reply));
    }
    const who =
      bearer === '' ? { role: roles[0] ?? 'public', name: '' } : await whoPresents(bearer, roles, this.deps.staff);
    const exact = exactBody === true && typeof request.body === 'string' ? request.body : '';
    const admission = { params: checked(params, request.params), bearer, who, exact, request };
    return { ...admission, admitted: await admitBy(admit, admission) };
  }

  private open<P extends z.ZodType, Q extends z.ZodType, B extends Content, M>(
    { params, query, body, exactBody }: RouteShape<P, Q, B, Content, M>,
    admission: Admitted<P, M>,
    reply: FastifyReply,
  ): Call<P, Q, B, M> {
    const { request, exact } = admission;
    if (!params || !query) parseBody(query ?? NO_QUERY, request.query);
    return {
      ...admission,
      reply,
      query: checked(query, request.query),
      body: checkedBody(body, exactBody === true ? parseJson(exact) : request.body),
    };
  }
}

function takeWhole(server: FastifyInstance, types: RegExp): void {
  server.addContentTypeParser(types, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

function takeExactly(server: FastifyInstance): void {
  server.removeContentTypeParser('application/json');
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));
}

function takeForms(server: FastifyInstance): void {
  server.addContentTypeParser(FORM_TYPE, { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body.toString())));
  });
}

function admitBy<P extends z.ZodType, M>(
  admit: ((call: Admission<P>) => Promise<M>) | undefined,
  call: Admission<P>,
): Promise<M>;
async function admitBy<P extends z.ZodType>(
  admit: ((call: Admission<P>) => Promise<unknown>) | undefined,
  call: Admission<P>,
): Promise<unknown> {
  return admit?.(call);
}

function checked<S extends z.ZodType>(schema: S | undefined, value: unknown): z.output<S>;
function checked(schema: z.ZodType | undefined, value: unknown): unknown {
  return schema && parseBody(schema, value);
}

function checkedBody<B extends Content>(content: B | undefined, value: unknown): BodyOf<B>;
function checkedBody(content: Content | undefined, value: unknown): unknown {
  return isSchema(content) ? parseBody(content, value) : undefined;
}

function assertSame(registered: ReadonlySet<string>, declared: ReadonlySet<string>): void {
  const odd = [...registered, ...declared].filter((route) => registered.has(route) !== declared.has(route));
  assert(odd.length === 0, `every route is declared: ${odd.join(', ')}`);
}
