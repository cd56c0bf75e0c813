// The server of the set-up page: for one browser with the token, for a quarter of an hour, until the settings are written. It ends by itself,
// and leaves no port, no camera in use and no file behind that it did not find.
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Timer } from '@doorsill/base/clock';
import { HTTP_LIMITS, listenOn, makeHttpServer } from '@doorsill/base/http/http-server';
import type { SigningKey } from '@doorsill/base/keys';
import type { Programs } from '@doorsill/base/system-programs';
import { TaskQueue } from '@doorsill/base/task-queue';
import { toBase64url } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { setupMessages } from '@doorsill/contract/setup-messages';
import { type FoundCamera, findCameras, findMicrophones, type Machine } from '../camera/find-cameras.ts';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import { parseCameraSource } from '../camera/sources.ts';
import { Callers } from '../console/callers.ts';
import { CERTIFICATE_NAME, serverCertificate } from '../console/certificate.ts';
import { homeAddress, listenOnAll } from '../console/listen-address.ts';
import { LocalRouter } from '../console/local-router.ts';
import { OwnerSessions } from '../console/owner-sessions.ts';
import { pageRoutes, readPageFiles } from '../console/page-files.ts';
import type { Seams } from '../doctor/diagnosis.ts';
import { deviceIdOf } from '../identity.ts';
import type { ConsoleAddress } from '../owner/pairing-wire.ts';
import { SETUP_HEADER, SetupGuard } from './setup-guard.ts';
import { tryCamera } from './try-camera.ts';
import { cameraOf, type Offered, type SetupChoice, writeChoice } from './write-choice.ts';

export interface SetupServerDeps extends Seams {
  ffmpeg: Ffmpeg;
  programs: Programs;
  /** The doorbell's folder, which the caller has locked. */
  folder: string;
  /** The doorbell's key, which is stored with its settings. */
  key: SigningKey;
  listen: SetupChoice['listen'];
  /** 0 takes a free one. The doorbell's page has the same port afterwards. */
  port: number;
  /** Where devices are looked for; absent: this machine. */
  machine?: Machine;
  /** Cameras that are offered besides those that are found. */
  offered: readonly FoundCamera[];
}

/** What a set-up wrote. */
export interface SetupOutcome {
  device: string;
  name: string;
  listen: SetupChoice['listen'];
  paired: boolean;
}

const LIFE_MS = 15 * 60_000;
const BODY_BYTES_MAX = 16 * 1024;
const CHALLENGE_BYTES = 16;
/** The page and its files, which hold nothing of this doorbell. Every other route needs the token, and so do unknown ones. */
const WITHOUT_TOKEN: readonly (string | undefined)[] = ['/', '/assets/:name'];

export class SetupServer {
  private readonly deps: SetupServerDeps;
  private readonly guard: SetupGuard;
  private readonly challenge: string;
  private readonly ending = new AbortController();
  /** One camera is used at a time: a small board encodes no two. */
  private readonly cameras = new TaskQueue();
  /** Ends pictures that nobody waits for any more. */
  private pictures = new AbortController();
  private found: Offered = { cameras: [], microphones: [] };
  private server: ReturnType<typeof makeHttpServer> | null = null;
  private shown: { url: string; fingerprint: string | null } | null = null;
  private timer: Timer | null = null;
  private writing: Promise<SetupOutcome> | null = null;
  private outcome: SetupOutcome | null = null;
  private isFresh = false;
  private finish: (outcome: SetupOutcome) => void = () => undefined;
  private giveUp: (why: unknown) => void = () => undefined;
  /** Resolves once the settings are written and the browser has been told. Rejects with `setup_expired`, `setup_guessed`. */
  readonly done: Promise<SetupOutcome>;

  constructor(deps: SetupServerDeps) {
    this.deps = deps;
    this.done = new Promise((resolve, reject) => {
      this.finish = resolve;
      this.giveUp = reject;
    });
    // The caller may stop without awaiting it.
    this.done.catch(() => undefined);
    this.guard = new SetupGuard(deps.random, () => this.giveUp(failure('setup_guessed')));
    this.challenge = toBase64url(deps.random.bytes(CHALLENGE_BYTES));
  }

  /** Listens. Throws `setup_without_network`, `port_in_use`, `tls_file_unusable`, and the disk's errors. */
  async start(): Promise<void> {
    const { clock, random, disk, log, folder, listen, port, key } = this.deps;
    const onNetwork = listen === 'home-network';
    const address = homeAddress();
    if (onNetwork && address === null) throw failure('setup_without_network');
    const page = await readPageFiles(disk);
    if (!page) throw failure('console_unusable', { detail: 'its page is not built (npm run build)' });
    const certificate = onNetwork ? await serverCertificate(this.deps, join(folder, 'console')) : null;
    this.isFresh = certificate?.fresh === true;
    const limits = { ...HTTP_LIMITS, bodyBytes: BODY_BYTES_MAX };
    const server = makeHttpServer({ clock, log, limits, ...(certificate ? { tls: certificate } : {}) });
    this.server = server;
    const host = hostname().toLowerCase();
    const device = deviceIdOf(key);
    const nobody = new OwnerSessions({ clock, random, device, owners: () => [] });
    const router = new LocalRouter(server, {
      clock,
      callers: new Callers(device, nobody, () => null),
      origins: {
        scheme: onNetwork ? 'https:' : 'http:',
        loopbackOnly: !onNetwork,
        names: onNetwork ? [CERTIFICATE_NAME, host, `${host}.local`] : [],
      },
      title: 'doorsill: set-up of a doorbell',
      version: '1',
    });
    // By the route that was found, not by the address, of which one route has several spellings.
    server.addHook('onRequest', async (request, reply) => {
      if (WITHOUT_TOKEN.includes(request.routeOptions.url)) return;
      const cookie = this.guard.admit(request.headers[SETUP_HEADER], request.headers.cookie);
      if (cookie === null) return;
      reply.header('set-cookie', `${cookie}; Path=/; HttpOnly; SameSite=Strict${onNetwork ? '; Secure' : ''}`);
    });
    pageRoutes(router, page);
    this.addRoutes(router);
    const own = onNetwork ? await listenOnAll(server, port) : await listenOn(server, '127.0.0.1', port);
    const url = onNetwork ? `https://${address}:${new URL(own).port}` : own;
    this.shown = { url, fingerprint: certificate?.fingerprint ?? null };
    this.timer = clock.after(LIFE_MS, () => this.giveUp(failure('setup_expired', { minutes: LIFE_MS / 60_000 })));
  }

  /** Its address, and the link of the code in the terminal. */
  get address(): ConsoleAddress {
    if (!this.shown) throw failure('console_starting');
    const { url, fingerprint } = this.shown;
    const fragment = new URLSearchParams({
      setup: this.guard.token,
      ...(fingerprint === null ? {} : { sha256: fingerprint }),
    });
    return { url, fingerprint, pairingUrl: `${url}/#${fragment}`, announced: null };
  }

  /** Ends it: closes the port, ends cameras, waits for settings that are being written. Returns what was written; null if nothing was. */
  async stop(): Promise<SetupOutcome | null> {
    this.timer?.cancel();
    this.guard.end();
    this.endPictures();
    this.ending.abort(failure('setup_over'));
    await this.writing?.catch(() => undefined);
    await this.cameras.idle();
    await this.server?.close();
    const { disk, folder } = this.deps;
    if (this.outcome === null && this.isFresh) await disk.remove(join(folder, 'console'));
    return this.outcome;
  }

  private addRoutes(router: LocalRouter): void {
    const { disk, folder, key, listen } = this.deps;
    router.route(
      {
        method: 'GET',
        path: '/api/v1/setup',
        roles: ['public'],
        answer: setupMessages.facts,
        about: 'The future doorbell.',
      },
      async () => ({
        device: deviceIdOf(key),
        deviceKey: key.publicKey,
        challenge: this.challenge,
        listen,
        freeBytes: await disk.freeBytes(folder),
      }),
    );
    router.route(
      {
        method: 'GET',
        path: '/api/v1/setup/cameras',
        roles: ['public'],
        answer: setupMessages.cameras,
        about: 'The cameras and microphones that are connected now.',
      },
      () => this.cameras.run(() => this.look()),
    );
    router.route(
      {
        method: 'POST',
        path: '/api/v1/setup/pictures',
        roles: ['public'],
        body: setupMessages.attempt,
        answer: setupMessages.tried,
        about: 'A picture that one of them takes now, and how much its footage takes.',
      },
      ({ body }) => this.cameras.run(() => this.try(body)),
    );
    router.route(
      {
        method: 'POST',
        path: '/api/v1/setup',
        roles: ['public'],
        body: setupMessages.choice,
        answer: setupMessages.done,
        about: 'Writes the settings, pairs this browser, and ends the set-up.',
      },
      async ({ body, reply }) => {
        const { device, paired } = await this.write(body);
        // The connection is closed by `stop` else before the browser has its answer.
        reply.raw.once('close', () => this.outcome && this.finish(this.outcome));
        return { device, paired };
      },
    );
  }

  private async look() {
    const { offered, machine } = this.deps;
    this.ending.signal.throwIfAborted();
    const [found, microphones] = await Promise.all([findCameras(this.deps, machine), findMicrophones(machine)]);
    this.found = { cameras: [...found, ...offered], microphones };
    return { cameras: [...this.found.cameras], microphones };
  }

  private async try(view: Parameters<typeof cameraOf>[0]) {
    const { signal } = this.pictures;
    signal.throwIfAborted();
    const source = parseCameraSource(cameraOf(view, this.found), { loop: true }, this.deps.cameras);
    const { jpeg, ...facts } = await tryCamera(this.deps, source, signal);
    return { ...facts, jpeg: toBase64url(jpeg) };
  }

  private endPictures(): void {
    this.pictures.abort(failure('setup_over'));
  }

  /** Writes what was chosen, once: a second call meanwhile is refused, as is one that comes after it. */
  private async write(choice: SetupChoice): Promise<SetupOutcome> {
    if (this.writing) throw failure('setup_over');
    const { folder, key, ...seams } = this.deps;
    const port = Number(new URL(this.address.url).port);
    const doorbell = { folder, key, challenge: this.challenge, port };
    const write = async () => {
      this.ending.signal.throwIfAborted();
      const written = await writeChoice(seams, doorbell, choice, this.found);
      this.guard.end();
      this.outcome = { ...written, name: choice.name, listen: choice.listen };
      return this.outcome;
    };
    this.endPictures();
    this.writing = this.cameras.run(write);
    this.pictures = new AbortController();
    try {
      return await this.writing;
    } catch (thrown) {
      // Something in it can be mended, so it may be tried again.
      this.writing = null;
      throw thrown;
    }
  }
}
