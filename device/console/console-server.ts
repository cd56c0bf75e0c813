// The device's own server: listens, serves the routes, announces itself on the home network, and ends views and sessions.
import type { IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Timer } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { HTTP_LIMITS, listenOn, makeHttpServer } from '@doorsill/base/http/http-server';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { assert } from '@doorsill/contract/assert';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { FastifyInstance } from 'fastify';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import type { LiveFragments } from '../camera/live-fragments.ts';
import type { ConsentGate } from '../consent/gate.ts';
import type { Pins } from '../consent/gate-state.ts';
import { Announcer } from '../mdns/announcer.ts';
import { linksOf } from '../mdns/links.ts';
import { namesOf } from '../mdns/records.ts';
import type { GrayPictures } from '../motion/gray-pictures.ts';
import type { ConsoleAddress } from '../owner/pairing-wire.ts';
import type { Ring } from '../ring/ring-interface.ts';
import type { PreviewClips } from '../upload/preview-clips.ts';
import { accessRoutes } from './access-routes.ts';
import { Callers, SESSION_HEADER } from './callers.ts';
import { CERTIFICATE_NAME, type ServerCertificate, serverCertificate } from './certificate.ts';
import { shownCommandLine } from './command-line.ts';
import type { ConsoleSettings } from './console-settings.ts';
import { hlsRoutes } from './hls-routes.ts';
import { homeAddress, listenOnAll } from './listen-address.ts';
import { LiveViews } from './live-views.ts';
import { LocalRouter } from './local-router.ts';
import { motionRoutes } from './motion-routes.ts';
import { NetworkPairing } from './network-pairing.ts';
import { type OwnerRoutesDeps, ownerRoutes } from './owner-routes.ts';
import { OwnerSessions } from './owner-sessions.ts';
import { type PageFiles, pageRoutes, readPageFiles } from './page-files.ts';
import { PictureAccess } from './picture-access.ts';
import { type PictureRoutesDeps, pictureRoutes } from './picture-routes.ts';
import { previewRoutes } from './preview-routes.ts';
import { type OriginRules, ownOrigin } from './request-origin.ts';
import { type SentClipRoutesDeps, sentClipRoutes } from './sent-clip-routes.ts';
import { sightingRoutes } from './sighting-routes.ts';

export interface ConsoleServerDeps
  extends Omit<
    OwnerRoutesDeps,
    'device' | 'order' | 'notices' | 'answered' | 'pins' | 'owners' | 'viewers' | 'looks' | 'settings' | 'program'
  > {
  settings: ConsoleSettings;
  /** The owner's name for the doorbell, under which it is announced. */
  name: string;
  random: Random;
  disk: Disk;
  log: Log;
  ffmpeg: Ffmpeg;
  device: { id: string; publicKey: string };
  gate: ConsentGate;
  serveStateAgencies: boolean;
  ring: Pick<Ring, 'read' | 'coverage' | 'segmentTimes'>;
  newest: PictureRoutesDeps['newest'];
  live: LiveFragments;
  /** Called when the first viewer begins to look at pictures, and after the last one has stopped. */
  watched(isWatched: boolean): void;
  /** The camera's small gray pictures for motion detection. */
  gray: GrayPictures;
  previews: PreviewClips;
  /** Asks the bridge about sent clips. */
  custody: SentClipRoutesDeps['custody'];
  outbox: SentClipRoutesDeps['outbox'];
  /** The still of a sighting; null if there is none. */
  sightingStill(search: string): { jpeg: Uint8Array; atUs: number } | null;
}

const BODY_BYTES_MAX = 96 * 1024;
/** How often the views of expired viewers are ended. */
const SWEEP_MS = 5_000;
const LIVE_PATH = '/api/v1/live';
const LIVE_PROTOCOL = 'doorsill-live';
/** The session's secret as a second subprotocol: the only header that a browser's WebSocket can set. */
const SECRET_PROTOCOL = /^session\.([A-Za-z0-9_-]{22})$/;

export class ConsoleServer {
  private readonly deps: ConsoleServerDeps;
  private readonly sessions: OwnerSessions;
  private readonly callers: Callers;
  readonly pairing: NetworkPairing;
  private readonly access: PictureAccess;
  private readonly views: LiveViews;
  private readonly sockets = new WebSocketServer({
    noServer: true,
    maxPayload: 1_024,
    handleProtocols: () => LIVE_PROTOCOL,
  });
  /** Why it could not listen; null if it could, or has not tried. */
  private fault: Failure | null = null;
  private running: { server: FastifyInstance; url: string; certificate: ServerCertificate | null } | null = null;
  private announcer: Announcer | null = null;
  private timer: Timer | null = null;

  constructor(deps: ConsoleServerDeps) {
    const { clock, random, device, gate } = deps;
    this.deps = deps;
    const owners = () => (gate.damaged === null ? gate.owners() : []);
    this.sessions = new OwnerSessions({ clock, random, device: device.id, owners });
    this.callers = new Callers(device.id, this.sessions, (id) => gate.viewer(id));
    this.pairing = new NetworkPairing({ clock, random, device: device.id, pair: (key, name) => gate.pair(key, name) });
    this.access = new PictureAccess({
      clock,
      privacyOn: () => gate.privacyOn,
      looked: (by, what) => gate.looked(by, what),
      watched: deps.watched,
    });
    this.views = new LiveViews(deps.live);
  }

  /** Listens by the settings. Throws `port_in_use`, `tls_file_unusable`, the disk's error. */
  async start(): Promise<void> {
    try {
      await this.listen();
    } catch (thrown) {
      if (isFailure(thrown)) this.fault = thrown;
      throw thrown;
    }
  }

  private async listen(): Promise<void> {
    const { settings, folder, clock, log } = this.deps;
    const onNetwork = settings.listen === 'home-network';
    const certificate = onNetwork ? await serverCertificate(this.deps, join(folder, 'console')) : null;
    if (certificate?.fresh)
      log.info('the console has a new certificate, which browsers do not trust yet', {
        sha256: certificate.fingerprint,
      });
    const limits = { ...HTTP_LIMITS, bodyBytes: BODY_BYTES_MAX };
    const server = makeHttpServer({ clock, log, limits, ...(certificate ? { tls: certificate } : {}) });
    const host = hostname().toLowerCase();
    const announced = namesOf(this.deps.name, this.deps.device.id);
    const isAnnounced = onNetwork && settings.announce.enabled;
    const hosts = isAnnounced ? announced.map((names) => `${names.host}.local`) : [];
    const origins: OriginRules = {
      scheme: onNetwork ? 'https:' : 'http:',
      loopbackOnly: !onNetwork,
      names: onNetwork ? [CERTIFICATE_NAME, ...settings.names, ...hosts, host, `${host}.local`] : [],
    };
    const page = await readPageFiles(this.deps.disk);
    if (!page) log.warn('the console’s page is not built, so only its API is served (npm run build)');
    const router = this.addRoutes(server, origins, page);
    server.server.on('upgrade', (request, socket, head) => this.upgrade(router, origins, request, socket, head));
    const url = onNetwork
      ? await listenOnAll(server, settings.port)
      : await listenOn(server, '127.0.0.1', settings.port);
    this.running = { server, url, certificate };
    this.watch();
    if (!isAnnounced) return;
    const links = () => linksOf(this.deps.disk, settings.announce.interfaces);
    this.announcer = new Announcer({ ...this.deps, names: announced, port: Number(new URL(url).port), links });
    this.announcer.start();
  }

  /** Ends every view, session and connection. */
  async stop(): Promise<void> {
    this.timer?.cancel();
    await this.announcer?.stop();
    this.announcer = null;
    this.sessions.stop();
    this.access.stop();
    for (const socket of this.sockets.clients) socket.terminate();
    await this.running?.server.close();
    this.running = null;
  }

  /** Its address and pairing link; null before it has started. */
  get address(): ConsoleAddress | null {
    if (!this.running) return null;
    const { url, certificate } = this.running;
    const { port } = new URL(url);
    const own = certificate
      ? `https://${homeAddress() ?? hostname().toLowerCase()}:${port}`
      : `http://127.0.0.1:${port}`;
    const { token } = this.pairing;
    const fragment = new URLSearchParams({ pair: token, ...(certificate ? { sha256: certificate.fingerprint } : {}) });
    const { host, fault } = this.announcer?.state ?? { host: null, fault: null };
    // A browser stores its key under the opened name: the router may assign another IP address later.
    const named = host === null ? own : `https://${host}:${port}`;
    return {
      url: own,
      fingerprint: certificate?.fingerprint ?? null,
      pairingUrl: `${named}/#${fragment}`,
      announced: this.announcer && { host, fault: fault && { code: fault.code, detail: fault.message.slice(0, 300) } },
    };
  }

  /** Like `address`. Throws `console_starting` before it has started, `console_unusable` if it could not. */
  reached(): ConsoleAddress {
    if (this.fault) throw failure('console_unusable', { detail: this.fault.message });
    if (!this.address) throw failure('console_starting');
    return this.address;
  }

  /** Owners, viewers or privacy may have changed: ends every view and session that is no longer allowed. */
  changed(): void {
    if (this.deps.gate.privacyOn) this.access.privacyTurnedOn();
    this.sessions.sweep();
    this.callers.sweep();
  }

  /** A real button was pressed: unlocks pairing, and confirms a waiting new owner. */
  buttonPressed(): void {
    this.pairing.buttonPressed().catch((thrown: unknown) => {
      this.deps.log.warn('a new owner could not be paired at the press of the button; begin the pairing again', {
        error: String(thrown),
      });
    });
  }

  private watch(): void {
    this.timer = this.deps.clock.after(SWEEP_MS, () => {
      this.callers.sweep();
      this.watch();
    });
  }

  private addRoutes(server: FastifyInstance, origins: OriginRules, page: PageFiles | null): LocalRouter {
    const { clock, random, device, gate, ring, previews } = this.deps;
    const title = 'doorsill: a doorbell’s own server';
    const commandLine = shownCommandLine({
      node: process.execPath,
      program: process.argv[1] ?? '',
      folder: this.deps.folder,
      calledAs: process.env['DOORSILL_CALLED_AS'],
    });
    const router = new LocalRouter(server, { clock, callers: this.callers, origins, title, version: '1' });
    accessRoutes(router, {
      device,
      sessions: this.sessions,
      pairing: this.pairing,
      ownerName: (key) => gate.owners().find((owner) => owner.key === key)?.name ?? '',
      onNetwork: this.deps.settings.listen === 'home-network',
      commandLine,
    });
    const settings = () => gate.settings;
    ownerRoutes(router, {
      ...this.deps,
      settings,
      program: commandLine.program,
      device: device.id,
      order: (message) => gate.onOwnerMessage({ ...message, isPrivate: true }),
      notices: () => gate.notices(),
      answered: () => gate.answered(),
      pins: () => ({ trust: trustOf(gate.pins), serveStateAgencies: this.deps.serveStateAgencies }),
      owners: () => gate.owners(),
      viewers: () => gate.viewers(),
      looks: () => gate.looks(),
    });
    motionRoutes(router, { ...this.deps, access: this.access, settings });
    if (page) pageRoutes(router, page);
    const still = this.deps.sightingStill;
    sightingRoutes(router, { access: this.access, sightings: () => gate.sightings(), still });
    previewRoutes(router, { access: this.access, random, gate, clips: previews });
    sentClipRoutes(router, this.deps);
    hlsRoutes(router, { clock, access: this.access, ring });
    pictureRoutes(router, { ...this.deps, access: this.access, views: this.views });
    router.route(
      {
        method: 'GET',
        path: '/api/v1/openapi.json',
        roles: ['public'],
        answer: z.record(z.string(), z.unknown()),
        about: 'This document.',
      },
      () => ({ ...router.document() }),
    );
    return router;
  }

  /** The live picture's WebSocket: the request passes the checks of every other request before the upgrade. */
  private upgrade(
    router: LocalRouter,
    origins: OriginRules,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): void {
    // Node leaves a refused connection open until its client closes it.
    const refuse = (status: number) =>
      void socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`, () => socket.destroy());
    const open = async () => {
      ownOrigin(request.headers, origins);
      if (request.url !== LIVE_PATH) return refuse(404);
      const offered = String(request.headers['sec-websocket-protocol'] ?? '').split(/, */);
      const secret = offered.map((one) => SECRET_PROTOCOL.exec(one)?.[1]).find((one) => one !== undefined);
      const headers = { ...request.headers, ...(secret === undefined ? {} : { [SESSION_HEADER]: secret }) };
      const caller = router.admit(['owner', 'viewer'], headers, request.socket.remoteAddress ?? '');
      assert(caller !== null, 'no public role was named');
      const view = await this.access.open(caller, 'live');
      // Also if the client is gone already, or its request turns out not to be a WebSocket.
      socket.once('close', view.close);
      if (socket.destroyed) return view.close();
      this.sockets.handleUpgrade(request, socket, head, (opened) => {
        try {
          this.views.overSocket(opened, request.socket, view);
        } catch (thrown) {
          view.close();
          opened.close(1013, isFailure(thrown) ? thrown.code : 'internal');
        }
      });
    };
    socket.on('error', () => socket.destroy());
    open().catch((thrown: unknown) => refuse(isFailure(thrown) ? thrown.http : 500));
  }
}

function trustOf(pins: Pins | null): { bridgeKey: string; registryKey: string } | null {
  return pins && { bridgeKey: pins.bridgeKey, registryKey: pins.registryKey };
}
