// A camera's ONVIF server over HTTP: limits, routing of calls to services, the still.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Clock } from '@doorsill/base/clock';
import type { ConnectionLimit } from '@doorsill/base/http/connection-limit';
import type { Log } from '@doorsill/base/log';
import { freshId, type Random } from '@doorsill/base/random';
import { failure } from '../../errors.ts';
import { answering, assertMayServe, isLoopback, limitConnections, listenAt } from '../served-address.ts';
import { deviceOperations, identityOf, SERVICE_PATHS, scopesOf } from './device-service.ts';
import { Discovery } from './discovery.ts';
import { eventOperations, SUBSCRIPTION_PATH, subscriptionOperations } from './event-service.ts';
import { mediaOperations } from './media-service.ts';
import type { OnvifCamera } from './onvif-camera.ts';
import { PullPoints } from './pull-points.ts';
import {
  MESSAGE_BYTES_MAX,
  type Message,
  type Operations,
  readMessage,
  SOAP_TYPE,
  SoapFault,
  writeAnswer,
  writeFault,
} from './soap.ts';
import { type Account, Logins } from './username-token.ts';
import { XmlFault } from './xml.ts';

const LOOPBACK = '127.0.0.1';

/** Every service answers at each of these: go2rtc requests the still from an imaging service that was never announced. */
const SERVICE_PATH = /^\/onvif\/[a-z]{1,20}_service$/;

const LIMITS = {
  headerBytes: 8 * 1024,
  headersMs: 10_000,
  requestMs: 20_000,
  keepAliveMs: 5_000,
  /** An oversized message is read up to here, so that its sender reads the fault instead of a connection reset. */
  readBytes: 2 * 1024 * 1024,
  snapshotBytes: 8 * 1024 * 1024,
  snapshotMs: 10_000,
} as const;

export interface OnvifOptions {
  /** An address or `localhost`. Anything but loopback needs an account or `isOpenToAll`. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Null: no login is needed. */
  account: Account | null;
  /** Whether everybody may call it, also from other machines. */
  isOpenToAll?: boolean;
  /** Absent: no discovery. `interfaceAddress` is an IPv4 address; the default is loopback. */
  discovery?: { interfaceAddress?: string };
  version: string;
}

export interface OnvifSeams {
  clock: Clock;
  random: Random;
  log: Log;
}

/** Parses `http://127.0.0.1:8080`. Throws `usage`. */
export function parseOnvifAddress(text: string): { host: string; port: number } {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url?.protocol === 'http:' && url.href === `http://${url.host}/`;
  if (!url || !isPlain) throw failure('usage', { detail: `"${text}" is no address like http://127.0.0.1:8080` });
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 80 : Number(url.port) };
}

export class OnvifServer {
  private readonly camera: OnvifCamera;
  private readonly options: OnvifOptions;
  private readonly seams: OnvifSeams;
  private readonly points: PullPoints;
  private readonly logins: Logins | null;
  private readonly snapshotPath: string;
  private operations: Operations = new Map();
  private subscriptions: Operations = new Map();
  private server: Server | null = null;
  private connectionLimit: ConnectionLimit | null = null;
  private discovery: Discovery | null = null;
  private unlisten: (() => void) | null = null;
  private taking: Promise<Uint8Array | null> | null = null;

  constructor(camera: OnvifCamera, options: OnvifOptions, seams: OnvifSeams) {
    this.camera = camera;
    this.options = options;
    this.seams = seams;
    this.points = new PullPoints(seams);
    this.logins = options.account && new Logins(options.account, seams.clock);
    // The still has no login: its random path is known only to clients that were allowed to ask for it.
    this.snapshotPath = `/${freshId(seams.random, 'snapshot')}.jpg`;
  }

  /**
   * Listens, and starts discovery if configured; returns the device service's address. May be called once. Throws `port_in_use`,
   * `camera_address_unserved`, `camera_open_to_all`, `onvif_discovery_impossible`.
   */
  async start(): Promise<string> {
    const { camera, options, seams } = this;
    const interfaceAddress = options.discovery ? (options.discovery.interfaceAddress ?? LOOPBACK) : null;
    assertMayServe(options.host, { hasLogin: options.account !== null, isOpenToAll: options.isOpenToAll === true });
    if (interfaceAddress !== null && !isLoopback(interfaceAddress) && isLoopback(options.host))
      throw failure('onvif_discovery_impossible', {
        address: interfaceAddress,
        detail: `the camera listens on ${options.host}, which no other machine reaches`,
      });
    const port = await this.listen();
    const isAnywhere = /^(0\.0\.0\.0|::)$/.test(options.host);
    const host = isAnywhere ? (interfaceAddress ?? LOOPBACK) : options.host;
    const url = `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
    const identity = identityOf(camera.facts.name, url, options.version);
    this.operations = new Map([
      ...deviceOperations(camera.facts, identity, seams.clock),
      ...mediaOperations(camera, this.snapshotPath),
      ...eventOperations(this.points, seams.clock),
    ]);
    this.subscriptions = subscriptionOperations(this.points, seams.clock);
    this.unlisten = camera.onEvent((event) => this.points.notice(event));
    const address = `${url}${SERVICE_PATHS.tds}`;
    if (interfaceAddress !== null) {
      const scopes = scopesOf(camera.facts);
      this.discovery = new Discovery({ interfaceAddress, uuid: identity.uuid, scopes, address }, seams);
      await this.discovery.start().catch(async (thrown) => {
        this.discovery = null;
        await this.stop();
        throw thrown;
      });
    }
    seams.log.info('ONVIF is served', { address, discovery: interfaceAddress });
    return address;
  }

  /** Sends the bye, ends all subscriptions and closes the port. */
  async stop(): Promise<void> {
    await this.discovery?.stop();
    this.discovery = null;
    this.unlisten?.();
    this.unlisten = null;
    this.points.stop();
    const { server } = this;
    this.server = null;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  private async listen(): Promise<number> {
    const { host, port } = this.options;
    const server = createServer(
      {
        maxHeaderSize: LIMITS.headerBytes,
        headersTimeout: LIMITS.headersMs,
        requestTimeout: LIMITS.requestMs,
        keepAliveTimeout: LIMITS.keepAliveMs,
      },
      answering((request, response) => this.answer(request, response), this.seams.log),
    );
    this.connectionLimit = limitConnections(server);
    const bound = await listenAt(server, { host, port }, this.seams.log);
    this.server = server;
    return bound;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ''] = (request.url ?? '').split('?', 1);
    const isStill = path === this.snapshotPath && (request.method === 'GET' || request.method === 'HEAD');
    if (isStill && request.headers.origin === undefined) return this.sendStill(response);
    const isSubscription = path.startsWith(SUBSCRIPTION_PATH);
    if (!isSubscription && !SERVICE_PATH.test(path)) return void response.writeHead(404).end();
    const operations = isSubscription ? this.subscriptions : this.operations;
    const resource = isSubscription ? path.slice(SUBSCRIPTION_PATH.length) : '';
    let message: Message | null = null;
    try {
      // Browsers send `Origin` with a cross-site POST, also after DNS rebinding.
      if (request.headers.origin !== undefined) throw new SoapFault('page');
      if (request.method !== 'POST') throw new SoapFault('method');
      const bytes = await readBody(request);
      if (!bytes) throw new SoapFault('size');
      message = readMessage(bytes, request.headers['content-type']);
      send(response, 200, await this.perform(message, operations, resource, request.socket, response));
    } catch (thrown) {
      const fault = thrown instanceof XmlFault ? new SoapFault('malformed', thrown.message) : thrown;
      if (!(fault instanceof SoapFault)) throw fault;
      this.seams.log.debug('an ONVIF call was refused', {
        path: isSubscription ? SUBSCRIPTION_PATH : path,
        why: fault.message,
      });
      send(response, fault.rule.http, writeFault(fault, message?.messageId ?? null));
    }
  }

  private async perform(
    message: Message,
    operations: Operations,
    resource: string,
    socket: Socket,
    response: ServerResponse,
  ): Promise<string> {
    const { call } = message;
    const operation = operations.get(`{${call.namespace}}${call.name}`);
    if (!operation) throw new SoapFault('action', call.name);
    if (operation.needsLogin) this.logins?.accept(message.header);
    const left = new AbortController();
    this.connectionLimit?.work(socket);
    response.once('close', () => {
      this.connectionLimit?.wait(socket);
      left.abort();
    });
    const baseUrl = baseUrlOf(socket);
    const content = await operation.answer({ request: call, baseUrl, resource, gone: left.signal });
    return writeAnswer(message, operation, content);
  }

  private async sendStill(response: ServerResponse): Promise<void> {
    this.taking ??= this.take().finally(() => {
      this.taking = null;
    });
    const jpeg = await this.taking;
    if (!jpeg) return void response.writeHead(503).end();
    response.writeHead(200, {
      'content-type': 'image/jpeg',
      'content-length': jpeg.length,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.end(jpeg);
  }

  /** Takes one still for all concurrent requests; null if there is none in time. */
  private take(): Promise<Uint8Array | null> {
    return new Promise((resolve) => {
      const refuse = (detail: string) => {
        this.seams.log.warn('the camera gave no still picture; the request was answered with status 503', { detail });
        resolve(null);
      };
      const timer = this.seams.clock.after(LIMITS.snapshotMs, () => refuse('it took too long'));
      const settle = (jpeg: Uint8Array | null, detail: string) => {
        timer.cancel();
        if (jpeg && jpeg.length <= LIMITS.snapshotBytes) resolve(jpeg);
        else refuse(detail);
      };
      this.camera.snapshot().then(
        (jpeg) => settle(jpeg, jpeg ? 'it is too large' : 'there is none yet'),
        (thrown) => settle(null, thrown instanceof Error ? thrown.message : String(thrown)),
      );
    });
  }
}

/** The body; null if it exceeds the maximum. */
function readBody(request: IncomingMessage): Promise<Uint8Array | null> {
  return new Promise((resolve) => {
    const parts: Uint8Array[] = [];
    let length = 0;
    request.on('data', (part: Uint8Array) => {
      length += part.length;
      if (length <= MESSAGE_BYTES_MAX) parts.push(part);
      else if (length > LIMITS.readBytes) resolve(null);
    });
    request.once('end', () => resolve(length <= MESSAGE_BYTES_MAX ? Buffer.concat(parts) : null));
    // A client that disconnects while sending gets no answer.
    request.once('close', () => resolve(null));
  });
}

function send(response: ServerResponse, status: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  const rest = response.req.complete ? {} : { connection: 'close' };
  response.writeHead(status, { 'content-type': SOAP_TYPE, 'content-length': bytes.length, ...rest }).end(bytes);
}

/** The server's address from the client's connection; a `Host` header could contain anything. */
function baseUrlOf({ localAddress = '', localPort = 0 }: Socket): string {
  const [address = ''] = localAddress.replace(/^::ffff:(?=\d+\.)/i, '').split('%');
  return `http://${isIP(address) === 6 ? `[${address}]` : address}:${localPort}`;
}
