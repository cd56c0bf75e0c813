// A set-up page's server on a folder of its own, with the drawn porch as its camera; and its browser as a program.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Clock, SystemClock } from '../../../../device/base/clock.ts';
import { type Disk, SystemDisk } from '../../../../device/base/disk.ts';
import { generateSigningKey } from '../../../../device/base/keys.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { SystemRandom } from '../../../../device/base/random.ts';
import { SystemPrograms } from '../../../../device/base/system-programs.ts';
import { CAMERA_KINDS } from '../../../../device/camera/sources.ts';
import type { DeviceConfigInput } from '../../../../device/config.ts';
import { toBase64url } from '../../../../device/contract/bytes.ts';
import { pairingProofInput } from '../../../../device/contract/console-messages.ts';
import { deviceIdOf } from '../../../../device/identity.ts';
import { SetupServer, type SetupServerDeps } from '../../../../device/setup/setup-server.ts';
import type { SetupChoice } from '../../../../device/setup/write-choice.ts';
import { porchKind } from '../../../../sim/porch/porch-camera.ts';
import { npmFfmpeg } from '../../../support/each-ffmpeg.ts';

export const PORCH = 'synthetic?size=320x240';
const random = new SystemRandom();

export interface SetupAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  json: Record<string, unknown>;
}

interface CallOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  /** Without it: the code's. Null: none. */
  token?: string | null;
  /** Without it: that of the rig's browser. Null: none. */
  cookie?: string | null;
}

export class SetupRig {
  readonly server: SetupServer;
  readonly folder: string;
  readonly key = generateSigningKey(random);
  readonly ownerKey = generateSigningKey(random);
  readonly disk = new SystemDisk();
  private cookie: string | null = null;

  private constructor(folder: string, changes: Partial<SetupServerDeps>) {
    this.folder = folder;
    this.server = new SetupServer({
      clock: new SystemClock(),
      random,
      disk: this.disk,
      log: silentLog(),
      ffmpeg: npmFfmpeg,
      programs: new SystemPrograms(),
      cameras: [porchKind, ...CAMERA_KINDS],
      folder,
      key: this.key,
      listen: 'this-machine',
      port: 0,
      // A test films with no camera of its machine.
      machine: { dev: '/nowhere', sysfs: '/nowhere', proc: '/nowhere' },
      offered: [{ source: PORCH, label: 'porch', sizes: [] }],
      ...changes,
    });
  }

  /** Starts one that ends with its test. */
  static async start(changes: { clock?: Clock; disk?: Disk } & Partial<SetupServerDeps> = {}): Promise<SetupRig> {
    const rig = new SetupRig(await mkdtemp(join(tmpdir(), 'doorsill-setup-')), changes);
    onTestFinished(() => rig.stop());
    await rig.server.start();
    return rig;
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  get token(): string {
    return new URLSearchParams(new URL(this.server.address.pairingUrl).hash.slice(1)).get('setup') ?? '';
  }

  get device(): string {
    return deviceIdOf(this.key);
  }

  /** The settings that were written. */
  async settings(): Promise<DeviceConfigInput> {
    return JSON.parse(await readFile(join(this.folder, 'device.json'), 'utf8'));
  }

  files(): Promise<string[]> {
    return readdir(this.folder);
  }

  call(path: string, options: CallOptions = {}): Promise<SetupAnswer> {
    const { method = 'GET', headers = {}, body, token = this.token, cookie = this.cookie } = options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const { url } = this.server.address;
    const request = url.startsWith('https:') ? httpsRequest : httpRequest;
    const all = {
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { 'x-doorsill-setup': token }),
      ...(cookie === null ? {} : { cookie }),
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(url);
      // The path as it is written: URL would normalize it.
      const sent = request({ hostname, port, path, method, headers: all, rejectUnauthorized: false }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () => {
          const bytes = Buffer.concat(parts);
          const isJson = String(answer.headers['content-type'] ?? '').includes('json') && bytes.length > 0;
          const [set] = answer.headers['set-cookie'] ?? [];
          if (set !== undefined && options.cookie === undefined) this.cookie = set.split(';')[0] ?? null;
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: bytes,
            json: isJson ? JSON.parse(bytes.toString()) : {},
          });
        });
        answer.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }

  post(path: string, body: unknown, options: CallOptions = {}): Promise<SetupAnswer> {
    return this.call(path, { method: 'POST', body, ...options });
  }

  /** The owner's part of a choice, with the challenge of the server. */
  async owner(): Promise<NonNullable<SetupChoice['owner']>> {
    const challenge = String((await this.call('/api/v1/setup')).json['challenge']);
    const [key, name] = [this.ownerKey.publicKey, 'Anna’s phone'];
    const proof = toBase64url(this.ownerKey.sign(pairingProofInput(this.device, challenge, key, name)));
    return { key, name, challenge, proof };
  }

  /** A whole choice. */
  async choice(changes: Partial<SetupChoice> = {}): Promise<SetupChoice> {
    const owner = await this.owner();
    await this.call('/api/v1/setup/cameras');
    return {
      name: 'Porch',
      camera: PORCH,
      size: null,
      microphone: null,
      footage: { kind: 'file', bytes: 16 * 1024 * 1024, retentionS: 3_600 },
      listen: 'this-machine',
      announce: false,
      broker: null,
      owner,
      ...changes,
    };
  }
}
