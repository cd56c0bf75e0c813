// Owns: creating the parts of one doorbell: storage, then consent on top of it, then media, then links. Starts only the check of
// the folder's format, which decides whether the folder may be written. Not here: connecting, starting and stopping the parts
// (doorbell.ts); what each part does.
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { CountingDisk } from '@doorsill/base/counting-disk';
import { type Disk, removeTemporaries } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Network } from '@doorsill/base/network';
import { freshId, type Random } from '@doorsill/base/random';
import { fittingCipher } from '@doorsill/base/seal';
import type { Programs } from '@doorsill/base/system-programs';
import { TaskQueue } from '@doorsill/base/task-queue';
import { tlsSource } from '@doorsill/base/tls';
import type { UndoSteps } from '@doorsill/base/undo-steps';
import type { OtherDoor } from '@doorsill/contract/console-messages';
import type { UploadProgress } from '@doorsill/contract/home-messages';
import { partsInside, type Window } from '@doorsill/contract/shared-claims';
import type { AreaLink, AreaMessage } from './area-link/area-link.ts';
import { type Enrolment, ensureEnrolled } from './area-link/enrolment.ts';
import type { Ffmpeg } from './camera/find-ffmpeg.ts';
import { FramePace } from './camera/frame-pace.ts';
import type { CameraKind } from './camera/source-interfaces.ts';
import { CAMERA_KINDS, parseCameraSource } from './camera/sources.ts';
import { HeldFootage } from './clip/held-footage.ts';
import { RecentEncodings } from './clip/recent-encodings.ts';
import { baseSettings, type DeviceConfig } from './config.ts';
import { ConsentGate } from './consent/gate.ts';
import type { GateEffects } from './consent/gate-interfaces.ts';
import type { ConsoleServer } from './console/console-server.ts';
import { EventHistory } from './events/event-history.ts';
import { FolderFormat } from './folder-format.ts';
import type { Press } from './hardware/button.ts';
import type { Peripherals } from './hardware/peripherals.ts';
import { withOwnAccount } from './home-account.ts';
import { HomeAssistant } from './home-link/home-assistant.ts';
import type { HomeLink } from './home-link/home-link.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from './identity.ts';
import { makeAreaLink, makeHomeLink, pinnedBridge } from './link-factory.ts';
import type { GrayPictures } from './motion/gray-pictures.ts';
import { Notifications } from './notifications/notifications.ts';
import { HomeAccounts } from './owner/owner-broker-accounts.ts';
import type { PairingServer } from './owner/pairing-server.ts';
import { pairingSocketPath } from './owner/pairing-wire.ts';
import { makePairing } from './pairing-service.ts';
import { ReceiptCursor } from './receipt-cursor.ts';
import { Recorder, type RecorderSinks } from './recorder.ts';
import { makeRing } from './ring/make-ring.ts';
import type { Ring } from './ring/ring-interface.ts';
import { FileDeviceKey, keptSealKey } from './ring/wrapped-key-files.ts';
import { makeSearchParty } from './search-party/make-search-party.ts';
import type { SearchParty, Settled } from './search-party/search-party.ts';
import type { StatusPublisher } from './status-publisher.ts';
import { Deliveries } from './upload/delivery.ts';
import { CustodyFetcher } from './upload/fetch-custody.ts';
import { Outbox } from './upload/outbox.ts';
import { PreviewClips } from './upload/preview-clips.ts';
import { Uploader } from './upload/upload.ts';

export interface DoorbellSeams {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  ffmpeg: Ffmpeg;
  programs: Programs;
  /** Where the kernel's tree of devices is; absent: /sys. */
  sysfs?: string;
  /** Where it connects and listens; absent: the machine's own network. */
  network?: Network;
  /** Where it waits for its turn to cut a clip, if other doorbells run on the same processor; absent: its own cuts alone. */
  cuts?: TaskQueue;
}

/** What every part is created from. */
export interface Base {
  config: DeviceConfig;
  /** The device's own data folder, absolute. */
  folder: string;
  enrolmentCode: string | undefined;
  /** Whether it connects to its home broker. */
  hasBroker: boolean;
  /** Where the secrets of its own server come from. */
  serverRandom: Random;
  /** Camera kinds besides the built-in ones. */
  cameraKinds: readonly CameraKind[];
  /** Other doorbells of this owner, as the settings name them now. */
  otherDoors(): Promise<readonly OtherDoor[]>;
  seams: DoorbellSeams;
  /** The disk of the seams, which counts the bytes written. */
  disk: CountingDisk;
  startedMs: number;
  status: StatusPublisher;
  /** The camera's small pictures for whoever watches them for a while. */
  gray: GrayPictures;
  peripherals: Peripherals;
  /** A button was pressed. */
  pressed(press: Press): void;
  /** Resolves when footage up to the window's end is in the ring, or will not arrive. */
  settled: Settled;
  /** The device's own server, once it is made; null where there is none. */
  ownServer(): ConsoleServer | null;
  /** Whether windows and expiries can be judged now. */
  clockTrusted(): boolean;
}

/** What is on disk. */
export interface Storage {
  device: { id: string; key: SigningKey };
  /** The settings of the home broker, with this device's own account. */
  homeBroker: DeviceConfig['home'];
  boot: string;
  enrolment: Enrolment | null;
  ring: Ring;
  history: EventHistory;
  outbox: Outbox;
  cursor: ReceiptCursor;
}

export interface Consent {
  gate: ConsentGate;
  previews: PreviewClips;
  deliveries: Deliveries;
  recent: RecentEncodings;
  held: HeldFootage;
  custody: CustodyFetcher;
}

export interface Media {
  recorder: Recorder;
  searchParty: SearchParty;
  /** The camera's name without credentials. */
  source: string;
}

export interface Links {
  home: HomeLink;
  homeAssistant: HomeAssistant;
  notifications: Notifications;
  area: AreaLink | null;
  accounts: HomeAccounts;
  pairing: PairingServer;
}

/** A home without a configured place has no area link and gets no requests. */
const NOWHERE = { longitude: 0, latitude: -90 };

/** Opens the folder: its format, the device's key, its enrolment. Throws coded failures for what must be fixed first. */
export async function makeStorage(base: Base, undo: UndoSteps): Promise<Storage> {
  const { config, folder, status, clockTrusted } = base;
  const { clock, random, disk, log } = base.seams;
  const format = new FolderFormat({ disk, clock, folder, storage: (fault) => status.storageIs('format', fault) });
  await format.start();
  undo.add(() => format.stop());
  for (const each of [folder, join(folder, 'consent')])
    await status.tolerate('folder', () => removeTemporaries(disk, each));
  const key = await loadOrCreateDeviceKey(disk, random, folder);
  const device = { id: deviceIdOf(key), key };
  const homeBroker = await withOwnAccount({ ...base.seams, folder, device: device.id }, config.home);
  const enrolment = await ensureEnrolled(
    { ...base.seams, ...device, tls: tlsSource(disk, folder, config.bridgeTls) },
    join(folder, 'enrolment.json'),
    base.enrolmentCode,
  );
  const wrapper = new FileDeviceKey(disk, random, join(folder, 'wrapping.key'));
  const cipher = fittingCipher(clock);
  const ring = makeRing(config.ring, folder, { disk, clock, random, log, wrapper, cipher, clockTrusted });
  const history = new EventHistory({
    ...base.seams,
    folder: join(folder, 'events'),
    device: device.id,
    keepDays: config.events.keepDays,
    clockTrusted,
    storage: (fault) => status.storageIs('events', fault),
  });
  const outboxKey = await keptSealKey(disk, random, wrapper, join(folder, 'outbox.key'), 'outbox', cipher);
  const outbox = new Outbox({ disk, random, log, folder: join(folder, 'outbox'), key: outboxKey });
  const cursor = new ReceiptCursor(disk, join(folder, 'consent'), log);
  return { device, homeBroker, boot: freshId(random, 'boot'), enrolment, ring, history, outbox, cursor };
}

/** The gate, and the parts that make, send and recall clips for it. */
export function makeConsent(base: Base, storage: Storage, effects: GateEffects): Consent {
  const { config, folder, status, settled } = base;
  const { clock, random, disk, log, ffmpeg, network, cuts = new TaskQueue() } = base.seams;
  const { device, boot, enrolment, ring, outbox, cursor } = storage;
  const alone = <Result>(work: () => Promise<Result>) => cuts.run(work);
  const recent = new RecentEncodings(clock);
  const segments = (window: Window) => ring.read(window);
  const clip = { segments, ffmpeg, clock, log, recode: config.clip.recode, recent };
  const cipher = fittingCipher(clock);
  const held = new HeldFootage({ segments, clock, random, cipher });
  const previews = new PreviewClips({
    disk,
    random,
    log,
    clip,
    alone,
    footageSettled: settled,
    folder: join(folder, 'previews'),
    cipher,
  });
  const gate = new ConsentGate({
    device,
    place: config.place ?? NOWHERE,
    prefix: config.home.prefix,
    ...(enrolment ? { areaPrefix: enrolment.area.prefix } : {}),
    boot,
    folder: join(folder, 'consent'),
    clock,
    disk,
    log,
    footage: {
      coverage: (window) => partsInside(ring.coverage(), window),
      ambiguous: (window) => ring.ambiguous(window),
      zonesFault: () => null,
      isPreviewed: (grant) => previews.isPreviewed(grant),
    },
    settings: baseSettings(config),
    buttons: base.peripherals.buttonNames,
    untoldFrom: () => cursor.takeMissed(),
    effects,
    serveStateAgencies: config.stateAgencies,
    searchParty: config.searchParty.enabled,
  });
  const bridge = () => pinnedBridge(config, folder, enrolment, disk);
  const progress = (made: UploadProgress) => status.upload(made);
  const deliveries = new Deliveries({
    device,
    gate,
    outbox,
    clock,
    random,
    log,
    sender: new Uploader({ device, outbox, clock, random, log, network, bridge, progress }),
    clip,
    previews,
    alone,
    isCutting: () => cuts.waiting > 0,
    held,
    footageSettled: settled,
    values: () => gate.settings.disclosure,
    storage: (fault) => status.storageIs('outbox', fault),
  });
  return {
    gate,
    previews,
    deliveries,
    recent,
    held,
    custody: new CustodyFetcher({ device, bridge, network, clock, random }),
  };
}

/** The camera, and the parts that analyse its footage. */
export function makeMedia(base: Base, { boot, ring }: Storage, { gate }: Consent, sinks: RecorderSinks): Media {
  const { config, seams, settled, clockTrusted } = base;
  const { clock, random, log, ffmpeg, programs } = seams;
  const searchParty = makeSearchParty(config.searchParty, seams, { ring, gate }, settled);
  const source = parseCameraSource(config.camera, { loop: true }, [...base.cameraKinds, ...CAMERA_KINDS]);
  const pace = new FramePace(clock, () => base.peripherals.isSlowed);
  const camera = { source, ffmpeg, clock, random, log, programs, boot, clockTrusted, pace };
  return { recorder: new Recorder({ camera, ring, clock, log, sinks }), searchParty, source: source.shown };
}

/** The device's own server; null where the settings do not ask for one. Its code is loaded only then. */
export async function makeConsole(
  base: Base,
  { device, ring, history }: Storage,
  { gate, previews, custody }: Consent,
  { recorder, searchParty }: Media,
  { home }: Links,
): Promise<ConsoleServer | null> {
  const { config, folder, seams, status, peripherals } = base;
  if (config.console.listen === 'off') return null;
  const { ConsoleServer } = await import('./console/console-server.ts');
  return new ConsoleServer({
    ...seams,
    random: base.serverRandom,
    settings: config.console,
    name: config.name,
    folder,
    device: { id: device.id, publicKey: device.key.publicKey },
    prefix: config.home.prefix,
    gate,
    serveStateAgencies: config.stateAgencies,
    ring,
    live: recorder.live,
    newest: () => recorder.newest,
    gray: base.gray,
    previews,
    custody,
    sightingStill: (search) => searchParty.still(search),
    events: (query) => history.page(query),
    state: () => status.stateNow(),
    watched: (watched) => peripherals.show({ watched }),
    press: (button) => base.pressed({ button, source: 'console', atUs: seams.clock.wallUs() }),
    buttons: peripherals.buttonNames,
    others: () => base.otherDoors(),
    onTell: (listener) => home.onTell(listener),
  });
}

/** The links to the owners and to the area. */
export function makeLinks(base: Base, storage: Storage, { gate, custody }: Consent, { searchParty }: Media): Links {
  const { folder, seams, startedMs, status } = base;
  const { disk, random, log } = seams;
  const { device, enrolment } = storage;
  const config = { ...base.config, home: storage.homeBroker };
  const home = makeHomeLink(config, folder, device.id, seams, base.hasBroker);
  const homeAssistant = new HomeAssistant({
    settings: config.homeAssistant,
    home,
    clock: seams.clock,
    disk,
    log,
    folder,
    device: device.id,
    name: config.name,
    prefix: config.home.prefix,
    issuesAccounts: config.home.accounts !== undefined,
    seesMotion: config.motion.enabled,
    pressed: (press) => base.pressed(press),
    turnPrivacyOn: () => gate.turnPrivacyOn(),
  });
  const notifications = new Notifications({ ...seams, targets: config.notifications, home, folder });
  const accounts = new HomeAccounts({
    disk,
    random,
    log,
    folder: config.home.accounts,
    device: device.id,
    owners: () => (gate.damaged === null ? gate.owners().map((owner) => owner.key) : null),
    hadOthers: () => gate.hadOtherOwners,
  });
  const pairing = makePairing({
    config,
    folder,
    path: pairingSocketPath(folder),
    seams,
    startedMs,
    gate,
    custody,
    home,
    accounts,
    searchParty,
    device: { id: device.id, publicKey: device.key.publicKey },
    status,
    written: () => base.disk.written(),
    ownServer: () => base.ownServer(),
  });
  return {
    home,
    homeAssistant,
    notifications,
    area: makeAreaLink(config, folder, enrolment, seams),
    accounts,
    pairing,
  };
}

/** Gives the gate what the area link hears. */
export function hearArea(area: AreaLink, gate: ConsentGate): void {
  const heard = (message: AreaMessage) => {
    if (message.kind === 'revocations') return gate.onRevocations(message.token);
    if (message.kind === 'requests') return gate.onAreaDocument(message.part, message.token);
    return gate.onSearchDocument(message.part, message.token);
  };
  area.onMessage(async (message) => {
    // A board without a battery hears what its broker has kept before its clock is set.
    if ((await heard(message)) === 'consent_not_yet_valid') area.keepUntilSet(message);
  });
}
