// An HTTP server with our limits, without routes: sizes, idle sockets, slow senders, coded refusals.
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { PROBLEM_TYPE, problemOf } from '@doorsill/contract/problem';
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerFactory,
  fastify,
} from 'fastify';
import { z } from 'zod';
import type { Clock, Timer } from '../clock.ts';
import { isNoSpace, systemCode } from '../disk.ts';
import type { Log } from '../log.ts';
import type { Network } from '../network.ts';
import { readBySchema } from '../schema-fault.ts';
import { TLS_VERSION_MIN } from '../tls.ts';
import { addressList } from './address-networks.ts';
import { ConnectionLimit, type ConnectionLimits } from './connection-limit.ts';
import { takeProxyHeaders } from './proxy-protocol.ts';

/** Limits of one server. */
export interface HttpLimits extends ConnectionLimits {
  /** Longest JSON body in bytes. */
  bodyBytes: number;
  /** Longest time for a request's headers, from its first byte. */
  headersMs: number;
  /** Longest time for a whole JSON body. Uploads have no such limit, but must bring `uploadBytesMin` in each span of `idleMs`. */
  bodyMs: number;
  /** Closes a socket after this long without traffic. */
  idleMs: number;
  /** Least bytes of an upload's body in each span of `idleMs`: a slower upload is ended. */
  uploadBytesMin: number;
}

/** The limits of a server whose settings name no others. */
export const HTTP_LIMITS: HttpLimits = {
  bodyBytes: 65_536,
  headersMs: 15_000,
  bodyMs: 30_000,
  idleMs: 60_000,
  uploadBytesMin: 65_536,
  connections: 1_000,
  connectionsPerAddress: 200,
  connectionsReserved: 100,
};

/** Additional connections that Node accepts while others are being closed for them. */
const ACCEPTED_MAX = 512;

interface HttpDeps {
  clock: Clock;
  log: Log;
  limits?: HttpLimits | undefined;
  /** Addresses of proxies whose X-Forwarded-For is trusted. */
  proxies?: readonly string[];
  /** Addresses of proxies that begin each connection with a header of the PROXY protocol; nobody else may. */
  proxyProtocol?: readonly string[];
  /** The network to listen on; absent: the machine's own. */
  network?: Network | undefined;
  /** PEM; absent: plain HTTP. */
  tls?: { key: string; certificate: string };
}

/** Bodies of this type are read by the upload store itself, at the sender's pace (tus 1.0.0, PATCH). */
export const UPLOAD_BODY_TYPE = 'application/offset+octet-stream';

/** A server without routes; `listenOn` opens it. */
export function makeHttpServer(deps: HttpDeps): FastifyInstance {
  const { clock, log, limits = HTTP_LIMITS, proxies = [], proxyProtocol = [], tls, network } = deps;
  const timeouts = { headersTimeout: limits.headersMs, connectionsCheckingInterval: Math.min(limits.headersMs, 5_000) };
  const server = fastify({
    logger: false,
    exposeHeadRoutes: false,
    bodyLimit: limits.bodyBytes,
    connectionTimeout: limits.idleMs,
    keepAliveTimeout: limits.idleMs,
    requestTimeout: 0,
    forceCloseConnections: true,
    return503OnClosing: false,
    trustProxy: proxies.length > 0 && [...proxies],
    // For a path that cannot be parsed, or is longer than any of ours.
    frameworkErrors: (_thrown, request, reply) => answer(request, reply, failure('http_not_found')),
    clientErrorHandler: (thrown, socket) => answerUnreadable(systemCode(thrown), socket, limits),
    ...(tls ? { serverFactory: tlsServer(tls, timeouts, limits.idleMs) } : { http: timeouts }),
  });
  server.server.maxConnections = limits.connections + ACCEPTED_MAX;
  network?.adopt(server.server);
  const connectionLimit = new ConnectionLimit(limits, addressList(proxies));
  server.server.on('connection', (socket) => connectionLimit.admit(socket));
  if (tls) server.server.on('secureConnection', (socket) => connectionLimit.secure(socket));
  if (proxyProtocol.length > 0) {
    const isPeer = addressList(proxyProtocol);
    const refuse = (socket: Socket) => endUnreadable(socket, failure('http_body_invalid', { detail: NO_PROXY_HEADER }));
    const drop = takeProxyHeaders(server.server, { clock, isPeer, headerMs: limits.headersMs, refuse });
    server.addHook('preClose', async () => drop());
  }
  server.addContentTypeParser(UPLOAD_BODY_TYPE, (request, _body, done) => {
    keepPace(request.raw, clock, limits);
    done(null);
  });

  const deadlines = new WeakMap<object, Timer>();
  server.addHook('onRequest', async (request, reply) => {
    if (request.headers['content-encoding'] !== undefined) throw failure('http_body_invalid', { detail: COMPRESSED });
    const deadline = clock.after(limits.bodyMs, () => request.raw.destroy());
    deadlines.set(request, deadline);
    request.raw.once('close', () => deadline.cancel());
    const { socket } = request.raw;
    reply.raw.once('close', () => connectionLimit.wait(socket));
  });
  // Uploads have no deadline: their parser does not read the body, so this hook runs right after the headers.
  server.addHook('preHandler', async (request) => {
    deadlines.get(request)?.cancel();
    connectionLimit.work(request.raw.socket);
  });
  server.addHook('onSend', async (request, reply) => {
    connectionLimit.answer(request.raw.socket);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });

  server.setErrorHandler((thrown, request, reply) => {
    let refused = refusalOf(thrown);
    if (!refused) {
      const detail = thrown instanceof Error ? thrown.message : 'not an error';
      log.error('a request failed unexpectedly; it was answered with the code internal', {
        route: request.routeOptions.url,
        detail,
      });
      refused = failure('internal', { detail: 'see the server’s log' });
    }
    // The rest of an upload's body is not read: the connection ends with the answer.
    if (request.headers['content-type'] === UPLOAD_BODY_TYPE) reply.header('connection', 'close');
    const { retryAfterS } = refused.facts;
    if (refused.code === 'http_rate_limited') reply.header('retry-after', retryAfterS ?? RETRY_AFTER_S);
    log.debug('refused a request', { route: request.routeOptions.url, code: refused.code });
    return answer(request, reply, refused);
  });
  server.setNotFoundHandler((request, reply) => answer(request, reply, failure('http_not_found')));
  return server;
}

/**
 * Whether a route's answer is on its way, complete, or cut off. A handler that returns its reply resolves when the answer has ended
 * (fastify awaits it), with nothing to send; sending that on a connection that was cut off would be a second answer.
 */
export function isAnswered({ raw }: FastifyReply): boolean {
  return raw.headersSent || raw.destroyed;
}

/** A factory for fastify, which sets no time-outs on a server that it did not make itself. */
function tlsServer(
  { key, certificate }: { key: string; certificate: string },
  timeouts: { headersTimeout: number; connectionsCheckingInterval: number },
  idleMs: number,
): FastifyServerFactory {
  return (handler) => {
    const settings = { key, cert: certificate, minVersion: TLS_VERSION_MIN, keepAliveTimeout: idleMs, ...timeouts };
    const server = createServer({ ...settings, requestTimeout: 0 }, handler);
    server.timeout = idleMs;
    return server;
  };
}

/** Used when it is not known when the limit allows calls again. */
const RETRY_AFTER_S = 60;

const NO_PROXY_HEADER =
  'the settings name this proxy in http.proxyProtocol, and it began a connection without a header of the PROXY protocol';

const COMPRESSED = 'it is compressed; send it without Content-Encoding';

function answer(request: Pick<FastifyRequest, 'url'>, reply: FastifyReply, refused: Failure): FastifyReply {
  return reply.code(refused.http).type(PROBLEM_TYPE).send(problemOf(refused, request.url));
}

/** Gives a request that the HTTP parser refuses a coded answer, and closes its connection. */
function answerUnreadable(code: string | null, socket: Socket, { headersMs }: HttpLimits): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const refused =
    code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? failure('http_too_slow', { seconds: headersMs / 1_000 })
      : failure('http_body_invalid', { detail: 'the request is not well-formed HTTP/1.1' });
  endUnreadable(socket, refused, code === 'HPE_HEADER_OVERFLOW' ? 431 : refused.http);
}

/** Answers on a connection from which nothing more is read, and closes it. */
function endUnreadable(socket: Socket, refused: Failure, status = refused.http): void {
  const body = JSON.stringify({ ...problemOf(refused), status });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${body.length}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** Ends an upload that is too slow; its bytes are kept, and its sender resumes from there. */
function keepPace(body: IncomingMessage, clock: Clock, limits: HttpLimits): void {
  let seen = body.socket.bytesRead;
  const look = () => {
    const { bytesRead } = body.socket;
    if (body.complete) return;
    if (bytesRead - seen < limits.uploadBytesMin) return void body.destroy();
    seen = bytesRead;
    timer = clock.after(limits.idleMs, look);
  };
  let timer = clock.after(limits.idleMs, look);
  body.once('close', () => timer.cancel());
}

/** Opens the server; returns its base address. Port 0 takes a free one. Throws `port_in_use`. */
export async function listenOn(server: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await server.listen({ host, port });
  } catch (thrown) {
    if (systemCode(thrown) === 'EADDRINUSE') throw failure('port_in_use', { port, host }, thrown);
    throw thrown;
  }
}

/** Validates a body or the parts of a path; throws `http_body_invalid`. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const read = readBySchema(schema, body, 'body');
  if (read.ok) return read.data;
  throw failure('http_body_invalid', { detail: read.fault });
}

/** A count in an address: only one spelling is valid, and only safe integers. */
export const countSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,13})$/)
  .transform(Number)
  .meta({ type: 'integer', minimum: 0 });

/** A refusal may quote what was sent (a media type, a key), up to this length. */
const DETAIL_LETTERS_MAX = 200;

const frameworkErrorSchema = z.object({ statusCode: z.int().min(400).max(499), message: z.string() });

/** Whether a thrown value means that the disk or the database is full. */
export function isDiskFull(thrown: unknown): boolean {
  return isNoSpace(thrown) || systemCode(thrown) === 'SQLITE_FULL';
}

/** The refusal for a thrown value; null for a bug of ours, whose message goes only into the log. */
function refusalOf(thrown: unknown): Failure | null {
  if (isFailure(thrown)) return thrown;
  if (isDiskFull(thrown)) return failure('intake_full');
  // fastify's own refusals (size, form, media type) carry a 4xx statusCode.
  const framework = frameworkErrorSchema.safeParse(thrown);
  return framework.success
    ? failure('http_body_invalid', { detail: framework.data.message.slice(0, DETAIL_LETTERS_MAX) })
    : null;
}
