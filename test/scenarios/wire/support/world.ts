// A testbed for one device in a network namespace: registry, bridge, broker and camera outside, an owner and an agency, each behind a proxy
// whose name the device must resolve.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../../../device/base/clock.ts';
import { SystemDisk } from '../../../../device/base/disk.ts';
import type { SealingKeyPair } from '../../../../device/base/hpke.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { integerBelow, type Random, SystemRandom } from '../../../../device/base/random.ts';
import type { DeviceConfigInput } from '../../../../device/config.ts';
import { cellOf, type Place } from '../../../../device/contract/area-cells.ts';
import { toBase64url } from '../../../../device/contract/bytes.ts';
import type { DeviceState, Receipt } from '../../../../device/contract/home-messages.ts';
import type { ClipKeeper } from '../../../../device/contract/sealing.ts';
import type { DisclosureKey, Window } from '../../../../device/contract/shared-claims.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../../device/contract/topics.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../../../../device/identity.ts';
import { NOTIFICATION_KINDS } from '../../../../device/notifications/notifications-settings.ts';
import { OwnerSession } from '../../../../device/owner/owner-session.ts';
import type { PairedDevice } from '../../../../device/owner/paired-devices.ts';
import { pairWithDevice } from '../../../../device/owner/pairing-client.ts';
import { BridgeFixture } from '../../../support/bridge-fixture.ts';
import { startBroker, type TestBroker } from '../../../support/broker.ts';
import { makeParty } from '../../../support/parties.ts';
import { type RtspServer, startRtspServer } from '../../../support/rtsp-server.ts';
import { untilFound } from '../../../support/until-found.ts';
import { DeviceProcess } from './device-process.ts';
import { DiskImage } from './disk-image.ts';
import { type Certificate, Front, makeCertificate } from './front.ts';
import { LOOPBACK, NOTICES } from './home-flows.ts';
import { DOMAIN, Namespace } from './namespace.ts';
import { CONSOLE_PORT } from './phone.ts';
import { VaultSide } from './vault-side.ts';

export interface Setting {
  /** TLS for MQTT and HTTP. */
  secure: boolean;
  camera: { kind: 'file'; path: string } | { kind: 'rtsp'; launch: string } | { kind: 'synthetic' };
  ring: 'file' | 'memory';
  motion: boolean;
  /** Who opens the agency's clips; `off`: they are not encrypted. Default: its vault. */
  sealing?: ClipKeeper | 'off';
  /** Whether the device has its own server for phones, announces it, and notifies two targets. Needs `secure`. */
  console?: boolean;
  /** Crashes leave as much as possible: a core dump without limit, and node's own reports. */
  tellsAllOnCrash?: boolean;
}

export const seams = {
  clock: new SystemClock(),
  random: new SystemRandom(),
  disk: new SystemDisk(),
  log: silentLog(),
};

const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 20;

/** Private values, new for every testbed, so that none occurs anywhere by chance. */
export interface Privates {
  values: { name: string; address: string; email: string; phone: string };
  place: Place;
  cameraUser: string;
  cameraPassword: string;
  /** Signs the webhook's calls; never sent. */
  webhookSecret: string;
  /** Sent only to the ntfy target. */
  ntfyToken: string;
}

function makePrivates(random: Random): Privates {
  const word = () => toBase64url(random.bytes(9)).replaceAll(/[-_]/g, 'x');
  const degrees = (from: number, span: number) => from + Math.round(random.fraction() * span * 1e6) / 1e6 + 0.000_001;
  return {
    values: {
      name: `Robin ${word()}`,
      address: `${integerBelow(random, 9_000) + 1_000} ${word()} Street`,
      email: `${word().toLowerCase()}@home.example`,
      phone: `+1 217 ${integerBelow(random, 9e11) + 1e11}`,
    },
    place: { longitude: Number(degrees(20, 60).toFixed(6)), latitude: Number(degrees(20, 30).toFixed(6)) },
    cameraUser: `viewer${word()}`,
    cameraPassword: word(),
    webhookSecret: word(),
    ntfyToken: word(),
  };
}

/** Parts of a started testbed. */
interface Parts {
  namespace: Namespace;
  certificate: Certificate | null;
  broker: TestBroker;
  fixture: BridgeFixture;
  device: DeviceProcess;
  camera: RtspServer | null;
  deviceId: string;
  homeAccount: { user: string; password: string };
  home: PairedDevice;
  session: OwnerSession;
  /** What stands behind the bridge. */
  vaultSide: VaultSide;
  /** What the agency's clips are encrypted to, and who opens them; null if they are not. */
  sealing: { pair: SealingKeyPair; keeper: ClipKeeper } | null;
}

export class World {
  readonly setting: Setting;
  readonly privates = makePrivates(seams.random);
  readonly folder: string;
  /** Everything delivered to accounts other than the device's. */
  readonly delivered: { topic: string; payload: Uint8Array }[] = [];
  /** Facts that went with a clip, as recorded in the device's ledger. */
  readonly disclosed = new Set<DisclosureKey>();
  /** The disk with everything that the device writes; null if the kernel has no loop device. */
  image: DiskImage | null = null;
  readonly fronts: { broker: Front; bridge: Front; camera: Front; notices: Front };
  /** Everything that the owner received, in order. */
  readonly receipts: Receipt[] = [];
  state: DeviceState | null = null;
  /** How often the device was online: its subscriptions exist then. */
  timesOnline = 0;
  /** The marker before the device's first packet. */
  firstMarker = '';
  private readonly undo: (() => Promise<unknown>)[] = [];
  private parts: Parts | null = null;

  private constructor(setting: Setting, folder: string, namespace: Namespace, certificate: Certificate | null) {
    this.setting = setting;
    this.folder = folder;
    this.fronts = {
      broker: new Front('broker', namespace.host, certificate),
      bridge: new Front('bridge', namespace.host, certificate),
      camera: new Front('camera', namespace.host, null),
      notices: new Front('notices', namespace.host, certificate),
    };
  }

  /** Starts everything: the agency is admitted, the device enrolled, paired and recording. */
  static async open(setting: Setting): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-wire-'));
    const namespace = await Namespace.open(folder).catch(async (thrown: unknown) => {
      await rm(folder, { recursive: true });
      throw thrown;
    });
    const certificate = setting.secure ? await makeCertificate(folder) : null;
    const world = new World(setting, folder, namespace, certificate);
    world.undo.push(
      () => rm(folder, { recursive: true, force: true }),
      () => namespace.close(),
    );
    try {
      await world.build(namespace, certificate);
      return world;
    } catch (thrown) {
      await world.close();
      throw thrown;
    }
  }

  get up(): Parts {
    if (!this.parts) throw new Error('the testbed is not up');
    return this.parts;
  }

  /** Where the device's process logs its TLS keys. */
  get keyLog(): string {
    return join(this.folder, 'tls-keys');
  }

  /** The device's own disk: its data and its temporary files. */
  get disk(): string {
    return join(this.folder, 'disk');
  }

  get data(): string {
    return join(this.disk, 'doorbell');
  }

  get tmp(): string {
    return join(this.disk, 'tmp');
  }

  /** The device's working folder. */
  get cwd(): string {
    return join(this.folder, 'cwd');
  }

  private async build(namespace: Namespace, certificate: Certificate | null): Promise<void> {
    const { setting, privates, fronts, undo } = this;
    this.image = await DiskImage.mount(this.folder, this.disk);
    undo.push(async () => this.image?.unmount());
    for (const each of [this.data, this.tmp, this.cwd]) await mkdir(each, { recursive: true });
    await writeFile(this.keyLog, '');
    this.firstMarker = await namespace.mark();
    for (const front of Object.values(fronts)) {
      await front.start();
      undo.push(() => front.stop());
    }
    const broker = await startBroker();
    undo.push(() => broker.stop());
    fronts.broker.targetPort = broker.port;
    const publicUrl = this.addressOf(setting.secure ? 'https' : 'http', fronts.bridge);
    const vaultSide = await VaultSide.open(this.folder);
    undo.push(() => vaultSide.stop());
    const { log } = vaultSide;
    const fixture = await BridgeFixture.open({
      areaUrl: broker.url,
      accounts: broker.accounts,
      bridge: { publicUrl, requests: { openPerCellMax: 99 }, vault: vaultSide.setting() },
      ...{ log, registryLog: log },
    });
    undo.push(() => fixture.close());
    fronts.bridge.targetPort = Number(new URL(fixture.bridge.url).port);
    const keeper = setting.sealing ?? 'vault';
    const sealing = keeper === 'off' ? null : { pair: await vaultSide.key(keeper), keeper };
    await fixture.admitAgency(fixture.cast.agency, sealing ? { sealing: { key: sealing.pair.publicKey, keeper } } : {});
    const camera = await this.startCamera();
    if (camera) undo.push(() => camera.stop());
    const notifications = setting.console ? await this.startNotices() : [];
    const key = await loadOrCreateDeviceKey(seams.disk, seams.random, this.data);
    const deviceId = deviceIdOf(key);
    const homeAccount = await broker.issue({ role: 'device-home', id: deviceId });
    const brokerUrl = this.addressOf(setting.secure ? 'mqtts' : 'mqtt', fronts.broker);
    const config: DeviceConfigInput = {
      camera: this.cameraName(),
      place: privates.place,
      disclosure: privates.values,
      ring: { kind: setting.ring, bytes: 64 * 1024 * 1024 },
      motion: { enabled: setting.motion },
      home: { url: brokerUrl, ...homeAccount, accounts: broker.accounts },
      bridgeUrl: publicUrl,
      areaUrl: brokerUrl,
      notifications,
      ...(setting.console
        ? {
            console: {
              listen: 'home-network',
              port: CONSOLE_PORT,
              announce: { enabled: true, interfaces: [namespace.deviceLink] },
            },
          }
        : {}),
    };
    await writeFile(join(this.data, 'device.json'), JSON.stringify(config));
    const environment = {
      TMPDIR: this.tmp,
      ...(certificate
        ? { NODE_EXTRA_CA_CERTS: certificate.authorityFile, NODE_OPTIONS: `--tls-keylog=${this.keyLog}` }
        : {}),
    };
    const tellsAll = setting.tellsAllOnCrash ?? false;
    const device = new DeviceProcess({ namespace, folder: this.data, cwd: this.cwd, environment, tellsAll });
    undo.push(() => device.end('SIGTERM'));
    const { code } = await fixture.bridge.printEnrolmentCode();
    const codeFile = join(this.folder, 'code');
    await writeFile(codeFile, code, { mode: 0o600 });
    const ready = await device.start(['--enrol', codeFile]);
    const paired = await pairWithDevice(seams, ready.socket, fixture.cast.owner.key, 'owner');
    // The owner is outside the namespace and needs no proxy.
    const home = { ...paired, account: { ...paired.account, url: broker.url } };
    const session = new OwnerSession(home, seams);
    session.listen({
      receipt: (receipt) => this.receipts.push(receipt),
      state: (state) => {
        this.state = state;
      },
      status: (status) => {
        if (status === 'online') this.timesOnline += 1;
      },
    });
    undo.push(() => session.stop());
    const behind = { fixture, vaultSide, sealing };
    this.parts = { namespace, certificate, broker, ...behind, device, camera, deviceId, homeAccount, home, session };
    await session.start();
    await this.spy();
    await this.until('footage', () => ((this.state?.ring.segments ?? 0) >= 2 ? true : null));
    if (setting.camera.kind === 'file') {
      await this.until('end of the file', () => (this.state?.camera.state === 'ended' ? true : null));
    }
    await this.until('area link', () => (this.state?.area === 'online' ? true : null));
  }

  /** Subscribes as a second owner and as a neighbour's device to everything allowed. */
  private async spy(): Promise<void> {
    const { broker, deviceId } = this.up;
    const topics = topicsUnder(DEFAULT_PREFIX);
    const home = ['status', 'state', 'event', 'request', 'receipt', 'upload'] as const;
    const cell = cellOf(this.privates.place);
    const ears = [
      { role: 'owner', filters: home.map((name) => topics[name](deviceId)) },
      { role: 'device-area', filters: [topics.areaRequests(cell, 1), topics.revocations] },
    ] as const;
    for (const { role, filters } of ears) {
      const { id } = makeParty(role === 'owner' ? 'owner' : 'device', seams.random);
      const link = await broker.link({ role, id, ...(role === 'owner' ? { homes: [deviceId] } : {}) });
      link.subscribe(filters, ({ topic, payload }) => this.delivered.push({ topic, payload }));
      link.start();
      await link.reached(PATIENCE_MS);
    }
  }

  private async startCamera(): Promise<RtspServer | null> {
    const { camera } = this.setting;
    if (camera.kind !== 'rtsp') return null;
    const { cameraUser: user, cameraPassword: password } = this.privates;
    const server = await startRtspServer(camera.launch, { user, password });
    this.fronts.camera.targetPort = server.port;
    return server;
  }

  /** A server that accepts every notification; returns the targets for it. */
  private async startNotices(): Promise<NonNullable<DeviceConfigInput['notifications']>> {
    const { fronts, privates, undo } = this;
    const server = createServer((request, response) => request.resume().on('end', () => response.end()));
    await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
    undo.push(async () => void server.close());
    const address = server.address();
    if (address && typeof address === 'object') fronts.notices.targetPort = address.port;
    // Outside the device's disk, which must not contain them.
    const files = { secretFile: join(this.folder, 'webhook.secret'), tokenFile: join(this.folder, 'ntfy.token') };
    await writeFile(files.secretFile, privates.webhookSecret, { mode: 0o600 });
    await writeFile(files.tokenFile, privates.ntfyToken, { mode: 0o600 });
    const url = this.addressOf('https', fronts.notices);
    const on = [...NOTIFICATION_KINDS];
    return [
      { format: 'webhook', url: `${url}${NOTICES.webhook}`, secretFile: files.secretFile, on },
      { format: 'ntfy', url: `${url}${NOTICES.ntfy}`, tokenFile: files.tokenFile, on, link: NOTICES.link },
    ];
  }

  private cameraName(): string {
    const { camera } = this.setting;
    if (camera.kind === 'file') return `file:${camera.path}?once&pace=fast`;
    if (camera.kind === 'synthetic') return 'synthetic?size=320x180';
    const { cameraUser, cameraPassword } = this.privates;
    return `rtsp://${cameraUser}:${cameraPassword}@camera.${DOMAIN}:${this.fronts.camera.port}/porch`;
  }

  private addressOf(scheme: string, front: Front): string {
    return `${scheme}://${front.name}.${DOMAIN}:${front.port}`;
  }

  /** Polls until `look` finds something. */
  until<Found>(what: string, look: () => Found | null): Promise<Found> {
    const missing = () => `no ${what}\n${this.story()}`;
    return untilFound(look, { mostMs: PATIENCE_MS, everyMs: LOOK_AGAIN_MS, missing });
  }

  /** Waits for a receipt from the `after`-th on. */
  receipt(what: string, pick: (receipt: Receipt) => boolean, after = 0): Promise<Receipt> {
    return this.until(what, () => this.receipts.slice(after).find(pick) ?? null);
  }

  /** The longest available span of footage. */
  footage(): Window {
    const spans = this.state?.ring.coverage ?? [];
    const [span] = spans.toSorted((a, b) => b.endUs - b.startUs - (a.endUs - a.startUs));
    if (!span) throw new Error(`no footage\n${this.story()}`);
    return span;
  }

  /** The last messages, for a failing test's output. */
  story(): string {
    const heard = this.receipts.slice(-6).map(({ outcome, grant, code }) => `heard ${outcome} ${grant} ${code ?? ''}`);
    return [...heard, JSON.stringify(this.state?.camera), this.parts?.device.printed.slice(-3_000) ?? ''].join('\n');
  }

  /** Makes a backup of the bridge as it is. */
  backUp(): Promise<void> {
    return this.up.vaultSide.backUp(this.up.fixture);
  }

  /** Stops the device and the capture; their files stay until `close`. Returns the last marker. */
  async end(): Promise<string> {
    const { device, namespace } = this.up;
    await device.end('SIGTERM');
    const marker = await namespace.mark();
    await namespace.endCapture();
    return marker;
  }

  /** Removes everything, in any state. */
  async close(): Promise<void> {
    const faults: unknown[] = [];
    for (const step of this.undo.splice(0).reverse()) await step().catch((thrown: unknown) => faults.push(thrown));
    if (faults.length > 0) throw faults[0];
  }
}
