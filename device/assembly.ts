// Creates the parts of one doorbell, each from those before it: door, storage, media, consent, links, servers. doorbell.ts starts
// them. Only the check of the folder's format starts here, because it decides whether the folder may be written.
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { CountingDisk } from '@doorsill/base/counting-disk';
import { type Disk, removeTemporaries } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Network } from '@doorsill/base/network';
import { freshId, type Random } from '@doorsill/base/random';
import { fittingCipher } from '@doorsill/base/seal';
import type { Programs } from '@doorsill/base/system-programs';
import { TaskQueue } from '@doorsill/base/task-queue';
import { tlsSource } from '@doorsill/base/tls';
import type { UndoSteps } from '@doorsill/base/undo-steps';
import type { OtherDoor } from '@doorsill/contract/console-messages';
import type { DeviceEvent, UploadProgress } from '@doorsill/contract/home-messages';
import { partsInside, type Window } from '@doorsill/contract/shared-claims';
import { ensureEnrolled } from './area-link/enrolment.ts';
import type { Ffmpeg } from './camera/find-ffmpeg.ts';
import { FramePace } from './camera/frame-pace.ts';
import type { CameraKind } from './camera/source-interfaces.ts';
import { CAMERA_KINDS, parseCameraSource } from './camera/sources.ts';
import { HeldFootage } from './clip/held-footage.ts';
import { RecentEncodings } from './clip/recent-encodings.ts';
import { baseSettings, type DeviceConfig } from './config.ts';
import { ConsentGate } from './consent/gate.ts';
import type { ConsoleServer } from './console/console-server.ts';
import { EventDetector } from './events/event-detector.ts';
import { EventHistory } from './events/event-history.ts';
import { FolderFormat } from './folder-format.ts';
import { Peripherals } from './hardware/peripherals.ts';
import { HELD_S } from './hardware/switch-contact.ts';
import { ensureOwnAccount } from './home-account.ts';
import { HomeAssistant } from './home-link/home-assistant.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from './identity.ts';
import { HighWaterMarks } from './ledger/high-water-marks.ts';
import { makeAreaLink, makeHomeLink, pinnedBridge } from './link-factory.ts';
import { GrayPictures } from './motion/gray-pictures.ts';
import { Notifications } from './notifications/notifications.ts';
import { OwnerBrokerAccounts } from './owner/owner-broker-accounts.ts';
import { pairingSocketPath } from './owner/private-socket.ts';
import { makePairing } from './pairing-service.ts';
import { ReceiptCursor } from './receipt-cursor.ts';
import { ContinuousRecorder, type RecorderSinks } from './recorder.ts';
import { makeRing } from './ring/make-ring.ts';
import { FileDeviceKey, loadOrCreateSealKey } from './ring/wrapped-key-files.ts';
import type { Settled } from './search-party/search-party.ts';
import { makeSearchParty } from './search-party/search-party.ts';
import { StatusPublisher } from './status-publisher.ts';
import { Deliveries } from './upload/delivery.ts';
import { CustodyFetcher } from './upload/fetch-custody.ts';
import { Outbox } from './upload/outbox.ts';
import { PreviewClips } from './upload/preview-clips.ts';
import { Uploader } from './upload/upload.ts';

/** Settings and callbacks of one doorbell. */
export interface DoorbellOptions {
  config: DeviceConfig;
  /** The device's own data folder, absolute; its lock is held by the caller. */
  folder: string;
  /** A bridge's one-time code, for a device that is not enrolled yet. */
  enrolmentCode?: string;
  /** Camera kinds besides the built-in ones: `synthetic`, the default, is `porchKind` of doorsill/sim. */
  cameraKinds?: readonly CameraKind[];
  /** Returns the other doorbells that the page links to, from the current settings file; absent: those of `config`. */
  otherDoors?: () => Promise<readonly OtherDoor[]>;
  /** `none`: do not connect to the home broker; for a program that receives events by `heard` and gives orders by the HTTP server. */
  homeBroker?: 'none';
  /** Randomness for the HTTP server's secrets; absent: the seams'. A simulation's published seed must not reveal them. */
  serverRandom?: Random;
  /** Called with every event that is published on the home link. */
  heard?: (event: DeviceEvent) => void;
  /** Called when somebody holds a reset button. The caller must stop the doorbell, then run `factoryReset` on its folder. */
  factoryReset?: () => void;
  /** Faults that the caller simulates in the disk and the clock it passed in; the published state lists them. */
  simulatedFaults?: SimulatedFaults;
  /** Called when footage of a window is in the ring: for programs that measure the delay or report what was kept. */
  stored?: (window: Window) => void;
}

/** Simulated faults, as the state lists them. */
export interface SimulatedFaults {
  /** The faults in effect now, spelled as they were requested. */
  now(): readonly string[];
  /** Calls `listener` whenever a fault begins or ends. */
  onChange(listener: () => void): void;
}

/** The machine's own parts, or a simulation's. */
export interface DoorbellSeams {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  ffmpeg: Ffmpeg;
  programs: Programs;
  /** Mount point of sysfs; absent: /sys. */
  sysfs?: string;
  /** Network to connect and listen on; absent: the machine's own. */
  network?: Network;
  /** Queue for cutting clips, shared by the doorbells of one processor; absent: a queue of its own. */
  cuts?: TaskQueue;
}

export interface Base {
  options: DoorbellOptions;
  /** The disk counts the bytes written. */
  seams: DoorbellSeams & { disk: CountingDisk };
  startedMs: number;
}

/** Stands for a missing `place`. Without a place the device does not connect to the area broker, so no agency's request arrives. */
const NOWHERE = { longitude: 0, latitude: -90 };

/** Hardware, event detector and status publisher. */
export function makeDoor(base: Base) {
  const { config, heard, factoryReset } = base.options;
  const status = new StatusPublisher(config.name, base.seams, heard);
  const events = new EventDetector({ clock: base.seams.clock, settings: config });
  const peripherals = new Peripherals({
    ...base.seams,
    settings: config,
    pressed: (press) => events.pressed(press),
    resetHeld: (button) => {
      const detail = `the button ${button} was held for ${HELD_S} s`;
      status.event({ type: 'tamper', what: 'factory-reset', detail });
      factoryReset?.();
    },
    changed: (change) => status.hardwareIs(change),
  });
  return { ...base, status, events, peripherals };
}
type Door = ReturnType<typeof makeDoor>;

/** Opens the folder: format, device key, enrolment. Throws coded failures for faults that must be fixed first. */
export async function openStorage(door: Door, undo: UndoSteps) {
  const { options, seams, status } = door;
  const { config, folder } = options;
  const { clock, random, disk, log } = seams;
  const format = new FolderFormat({ disk, clock, folder, storage: (fault) => status.storageIs('format', fault) });
  await format.start();
  undo.add(() => format.stop());
  for (const each of [folder, join(folder, 'consent')])
    await status.tolerate('folder', () => removeTemporaries(disk, each));
  const key = await loadOrCreateDeviceKey(disk, random, folder);
  const device = { id: deviceIdOf(key), key };
  const homeSettings = await ensureOwnAccount({ ...seams, folder, device: device.id }, config.home);
  const enrolment = await ensureEnrolled(
    { ...seams, ...device, tls: tlsSource(disk, folder, config.bridgeTls) },
    join(folder, 'enrolment.json'),
    options.enrolmentCode,
  );
  const marks = new HighWaterMarks(disk, clock, join(folder, 'consent'));
  const clockTrusted = () => marks.clockTrusted();
  const wrapper = new FileDeviceKey(disk, random, join(folder, 'wrapping.key'));
  const cipher = fittingCipher(clock);
  const ring = makeRing(config.ring, folder, { disk, clock, random, log, wrapper, cipher, clockTrusted });
  const history = new EventHistory({
    ...seams,
    folder: join(folder, 'events'),
    device: device.id,
    keepDays: config.events.keepDays,
    clockTrusted,
    storage: (fault) => status.storageIs('events', fault),
  });
  const outboxKey = await loadOrCreateSealKey(disk, random, wrapper, join(folder, 'outbox.key'), 'outbox', cipher);
  const outbox = new Outbox({ disk, random, log, folder: join(folder, 'outbox'), key: outboxKey });
  const cursor = new ReceiptCursor(disk, join(folder, 'consent'), log);
  const boot = freshId(random, 'boot');
  return { ...door, device, homeSettings, boot, enrolment, marks, ring, history, outbox, cursor };
}
type Storage = Awaited<ReturnType<typeof openStorage>>;

/** The camera, and the recorder that moves its footage into the ring. */
export function makeMedia(storage: Storage) {
  const { options, seams, status, events, peripherals, boot, marks, ring } = storage;
  const { clock, random, log, ffmpeg, programs } = seams;
  const { config, cameraKinds = [], stored } = options;
  const source = parseCameraSource(config.camera, { loop: true }, [...cameraKinds, ...CAMERA_KINDS]);
  const pace = new FramePace(clock, () => peripherals.isSlowed);
  const camera = { source, ffmpeg, clock, random, log, programs, boot, pace, clockTrusted: () => marks.clockTrusted() };
  const gray = new GrayPictures();
  const sinks: RecorderSinks = {
    gray: (frame) => {
      events.grayFrame(frame);
      gray.publish(frame);
    },
    scenePress: (atUs) => events.pressed({ button: 'front', source: 'scene', atUs }),
    sceneMotion: (motion) => events.sceneMotion(motion),
    camera: (change) => {
      if (change.state !== 'recording') events.cameraStopped();
      status.cameraIs(change);
    },
    filming: (isFilming, privacy) => peripherals.show({ isFilming, privacy }),
    shutter: (closed) => peripherals.shut(closed),
    storage: (fault) => status.storageIs('ring', fault),
    stored: (window) => stored?.(window),
  };
  const recorder = new ContinuousRecorder({ camera, ring, clock, log, sinks });
  return { ...storage, recorder, gray, source: source.shown };
}
type Media = ReturnType<typeof makeMedia>;

/** The consent gate, and the parts that act on its decisions: previews, deliveries, custody, search party. */
export function makeConsent(media: Media) {
  const { options, seams, status, peripherals, device, boot, enrolment, marks, ring, outbox, cursor, recorder } = media;
  const { config, folder } = options;
  const { clock, random, disk, log, ffmpeg, network, cuts = new TaskQueue() } = seams;
  // Cuts one clip at a time.
  const alone = <Result>(work: () => Promise<Result>) => cuts.run(work);
  const recent = new RecentEncodings(clock);
  const settled: Settled = (window, signal) => recorder.settled(window.endUs, signal);
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
    boot,
    folder: join(folder, 'consent'),
    clock,
    disk,
    log,
    footage: {
      coverage: (window) => partsInside(ring.coverage(), window),
      ambiguous: (window) => ring.ambiguous(window),
      // Zones can be blacked out in any footage: with zones, the whole window is encoded again.
      zonesFault: () => null,
      isPreviewed: (grant) => previews.isPreviewed(grant),
    },
    marks,
    settings: baseSettings(config),
    buttons: peripherals.buttonNames,
    missedReceiptsFrom: () => cursor.takeMissed(),
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
  const custody = new CustodyFetcher({ device, bridge, network, clock, random });
  const searchParty = makeSearchParty(config.searchParty, seams, { ring, gate }, settled);
  return { ...media, gate, previews, deliveries, recent, held, custody, searchParty };
}
type Consent = ReturnType<typeof makeConsent>;

/** The links to the home broker (owners) and to the area broker (requests), and the parts that use the home link. */
export function makeLinks(consent: Consent) {
  const { options, seams, events, device, homeSettings, enrolment, gate } = consent;
  const { clock, disk, random, log } = seams;
  const { folder } = options;
  const config = { ...options.config, home: homeSettings };
  const home = makeHomeLink(config, folder, device.id, seams, options.homeBroker !== 'none');
  const homeAssistant = new HomeAssistant({
    settings: config.homeAssistant,
    home,
    clock,
    disk,
    log,
    folder,
    device: device.id,
    name: config.name,
    prefix: config.home.prefix,
    issuesAccounts: config.home.accounts !== undefined,
    seesMotion: config.motion.enabled,
    pressed: (press) => events.pressed(press),
    turnPrivacyOn: () => gate.turnPrivacyOn(),
  });
  const notifications = new Notifications({ ...seams, targets: config.notifications, home, folder });
  const accounts = new OwnerBrokerAccounts({
    disk,
    random,
    log,
    folder: config.home.accounts,
    device: device.id,
    owners: () => (gate.damaged === null ? gate.owners().map((owner) => owner.key) : null),
    hadOthers: () => gate.hadOtherOwners,
  });
  const area = makeAreaLink(config, folder, enrolment, seams);
  return { ...consent, home, homeAssistant, notifications, area, accounts };
}
type Links = ReturnType<typeof makeLinks>;

/** The HTTP server; null where the settings turn it off, and its code is not loaded then. */
export async function makeOwnServer(links: Links): Promise<ConsoleServer | null> {
  const { options, seams, status, events, peripherals, device, ring, history, recorder, gray } = links;
  const { gate, previews, outbox, custody, searchParty, home } = links;
  const { config, folder, serverRandom = seams.random, otherDoors = async () => config.console.others } = options;
  if (config.console.listen === 'off') return null;
  const { ConsoleServer } = await import('./console/console-server.ts');
  return new ConsoleServer({
    ...seams,
    random: serverRandom,
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
    gray,
    previews,
    custody,
    outbox,
    sightingStill: (search) => searchParty.still(search),
    events: (query) => history.page(query),
    state: () => status.stateNow(),
    watched: (watched) => peripherals.show({ watched }),
    press: (button) => events.pressed({ button, source: 'console', atUs: seams.clock.wallUs() }),
    buttons: peripherals.buttonNames,
    others: () => otherDoors(),
    onHomeMessage: (listener) => home.onHomeMessage(listener),
  });
}

/** Adds the HTTP server and the pairing socket, which reports the server's address. */
export function makeServers(links: Links, ownServer: ConsoleServer | null) {
  const { options, seams, startedMs, status, device, homeSettings, gate, custody, searchParty, home, accounts } = links;
  const { config, folder } = options;
  const pairing = makePairing({
    config: { ...config, home: homeSettings },
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
    written: () => seams.disk.written(),
    ownServer,
  });
  return { ...links, ownServer, pairing };
}

/** All parts of a doorbell. */
export type Parts = ReturnType<typeof makeServers>;
