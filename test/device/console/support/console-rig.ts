// A doorbell with its own server and a synthetic camera, without broker and bridge; and an owner's browser as a program.
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type Clock, SystemClock } from '../../../../device/base/clock.ts';
import { type Disk, SystemDisk } from '../../../../device/base/disk.ts';
import { generateSigningKey, type SigningKey, sha256Hex } from '../../../../device/base/keys.ts';
import { type Log, silentLog } from '../../../../device/base/log.ts';
import { freshId, SystemRandom } from '../../../../device/base/random.ts';
import { SystemPrograms } from '../../../../device/base/system-programs.ts';
import type { Ffmpeg } from '../../../../device/camera/find-ffmpeg.ts';
import { type DeviceConfigInput, parseDeviceConfig } from '../../../../device/config.ts';
import { toBase64url } from '../../../../device/contract/bytes.ts';
import { pairingProofInput, sessionProofInput, type Viewer } from '../../../../device/contract/console-messages.ts';
import { parseToken, signToken } from '../../../../device/contract/jws.ts';
import { type CommandAction, mustNameLastOrder } from '../../../../device/contract/owner-orders.ts';
import { Doorbell, type DoorbellOptions } from '../../../../device/doorbell.ts';
import { porchKind } from '../../../../sim/porch/porch-camera.ts';
import { npmFfmpeg } from '../../../support/each-ffmpeg.ts';

const clock = new SystemClock();
const random = new SystemRandom();

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  json: Record<string, unknown>;
}

/** A running doorbell with its own server. */
export class ConsoleRig {
  readonly doorbell: Doorbell;
  readonly folder: string;

  private constructor(doorbell: Doorbell, folder: string) {
    this.doorbell = doorbell;
    this.folder = folder;
  }

  static async start(
    settings: Partial<DeviceConfigInput> = {},
    kept?: string,
    changes: { disk?: Disk; log?: Log; clock?: Clock; ffmpeg?: Ffmpeg } = {},
    more: Pick<DoorbellOptions, 'otherDoors'> = {},
  ): Promise<ConsoleRig> {
    const folder = kept ?? (await mkdtemp(join(tmpdir(), 'doorsill-console-')));
    const config = parseDeviceConfig(
      {
        camera: 'synthetic?size=320x240',
        ring: { kind: 'memory', bytes: 16 * 1024 * 1024 },
        home: { url: 'mqtt://127.0.0.1:1', user: 'porch', password: 'secret' },
        console: { listen: 'this-machine', port: 0 },
        ...settings,
      },
      'device.json',
    );
    const machine = { clock, random, disk: new SystemDisk(), log: silentLog(), programs: new SystemPrograms() };
    const seams = { ...machine, ffmpeg: npmFfmpeg, ...changes };
    const options = { config, folder, cameraKinds: [porchKind], ...more };
    const doorbell = new Doorbell(options, seams);
    await doorbell.start();
    return new ConsoleRig(doorbell, folder);
  }

  async stop(keep = false): Promise<void> {
    await this.doorbell.stop();
    if (!keep) await rm(this.folder, { recursive: true });
  }

  get url(): string {
    return this.address.url;
  }

  get address() {
    const address = this.doorbell.console;
    if (!address) throw new Error('the console is off');
    return address;
  }

  /** The token of the current pairing code. */
  get token(): string {
    return new URLSearchParams(new URL(this.address.pairingUrl).hash.slice(1)).get('pair') ?? '';
  }

  /** One call. Reads the whole body, or until `until` returns true. */
  call(
    path: string,
    options: {
      method?: string;
      headers?: Record<string, string>;
      body?: unknown;
      until?: (bytes: Buffer) => boolean;
    } = {},
  ): Promise<Answer> {
    const { method = 'GET', headers = {}, body, until } = options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const url = new URL(path, this.url);
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const all = { ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers };
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers: all, rejectUnauthorized: false }, (answer) => {
        const parts: Buffer[] = [];
        const done = () => {
          const bytes = Buffer.concat(parts);
          const isJson = bytes.length > 0 && String(answer.headers['content-type'] ?? '').includes('json');
          const json = isJson ? z.record(z.string(), z.unknown()).parse(JSON.parse(bytes.toString())) : {};
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes, json });
        };
        answer.on('data', (part: Buffer) => {
          parts.push(part);
          if (until?.(Buffer.concat(parts)) !== true) return;
          done();
          sent.destroy();
        });
        answer.on('end', done);
        // An answer that is cut off is returned as far as it was received.
        answer.on('error', done);
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }

  async challenge(): Promise<string> {
    return String((await this.call('/api/v1/challenges', { method: 'POST' })).json['challenge']);
  }

  /** Offers a key for pairing with a token. */
  async offer(key: SigningKey, token = this.token, name = 'Anna’s phone'): Promise<Answer> {
    const challenge = await this.challenge();
    const proof = toBase64url(key.sign(pairingProofInput(this.doorbell.id, challenge, key.publicKey, name)));
    const body = { token, key: key.publicKey, name, challenge, proof };
    return this.call('/api/v1/pairings', { method: 'POST', body });
  }

  /** Opens a session of a paired key. */
  async session(key: SigningKey): Promise<OwnerBrowser> {
    const challenge = await this.challenge();
    const proof = toBase64url(key.sign(sessionProofInput(this.doorbell.id, this.url, challenge, key.publicKey)));
    const opened = await this.call('/api/v1/sessions', {
      method: 'POST',
      body: { key: key.publicKey, challenge, proof },
    });
    if (opened.status !== 200) throw new Error(`no session: ${opened.body.toString()}`);
    const cookie = String(opened.headers['set-cookie']?.[0]).split(';')[0] ?? '';
    return new OwnerBrowser(this, key, { cookie, 'x-doorsill-session': String(opened.json['session']) });
  }

  /** A new owner, paired on this machine, with a session. */
  async owner(): Promise<OwnerBrowser> {
    const key = generateSigningKey(random);
    const paired = await this.offer(key);
    if (paired.json['state'] !== 'paired') throw new Error(`not paired: ${paired.body.toString()}`);
    return this.session(key);
  }
}

/** An owner's session. */
export class OwnerBrowser {
  readonly rig: ConsoleRig;
  readonly key: SigningKey;
  readonly headers: Record<string, string>;

  constructor(rig: ConsoleRig, key: SigningKey, headers: Record<string, string>) {
    this.rig = rig;
    this.key = key;
    this.headers = headers;
  }

  get(
    path: string,
    options: { headers?: Record<string, string>; until?: (bytes: Buffer) => boolean } = {},
  ): Promise<Answer> {
    return this.rig.call(path, { ...options, headers: { ...this.headers, ...options.headers } });
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.rig.call(path, { method: 'POST', body, headers: this.headers });
  }

  /** Sends a signed command; returns the claims of the receipt. */
  async command(action: CommandAction): Promise<Record<string, unknown>> {
    const state = (await this.get('/api/v1/state')).json;
    const nowS = Math.floor(clock.wallUs() / 1_000_000);
    const claims = {
      iss: this.key.publicKey,
      aud: this.rig.doorbell.id,
      iat: nowS,
      exp: nowS + 60,
      jti: freshId(random, 'command'),
      command: action,
      ...(mustNameLastOrder(action) ? { after: String(state['lastOrder']) } : {}),
    };
    const token = signToken('doorsill-command+jws', claims, this.key);
    const answer = await this.post('/api/v1/orders', { kind: 'command', token });
    if (answer.status !== 200) throw new Error(answer.body.toString());
    return z.record(z.string(), z.unknown()).parse(parseToken(String(answer.json['receipt']))?.claims);
  }

  /** Adds a viewer; returns the headers of its calls. */
  async viewer(changes: Partial<Viewer> = {}): Promise<Record<string, string>> {
    const token = toBase64url(random.bytes(16));
    const viewer: Viewer = {
      viewer: freshId(random, 'viewer').slice(0, 20),
      name: 'kitchen tablet',
      rights: ['live', 'stills', 'history'],
      tokenSha256: sha256Hex(token),
      ...changes,
    };
    const { outcome } = await this.command({ action: 'add-viewer', ...viewer });
    if (outcome !== 'command-done') throw new Error(`no viewer: ${String(outcome)}`);
    return { authorization: `Basic ${Buffer.from(`${viewer.viewer}:${token}`).toString('base64')}` };
  }
}

/** Waits until a condition holds. */
export async function soon(holds: () => Promise<boolean> | boolean, ms = 10_000): Promise<void> {
  const endMs = clock.monotonicMs() + ms;
  while (!(await holds())) {
    if (clock.monotonicMs() > endMs) throw new Error('it did not come to be');
    await clock.sleep(50, new AbortController().signal);
  }
}
