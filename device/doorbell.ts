// Owns: putting one doorbell together and taking it apart: which part hears which, and in which order they start and stop.
// Not here: what any part does; the process around it (main.ts).
import { join } from 'node:path';
import type { AreaLink } from './area-link/area-link.ts';
import { type Enrolment, ensureEnrolled } from './area-link/enrolment.ts';
import type { Clock } from './base/clock.ts';
import { CountingDisk } from './base/counting-disk.ts';
import { type Disk, removeTemporaries } from './base/disk.ts';
import type { SigningKey } from './base/keys.ts';
import type { Log } from './base/log.ts';
import type { Programs } from './base/program.ts';
import { freshId, type Random } from './base/random.ts';
import { fittingCipher } from './base/seal.ts';
import { tlsSource } from './base/tls.ts';
import type { CaptureChange } from './camera/capture.ts';
import type { Ffmpeg } from './camera/ffmpeg.ts';
import { parseCameraSource } from './camera/sources.ts';
import type { DeviceConfig } from './config.ts';
import { ConsentGate } from './consent/gate.ts';
import type { GateEffects } from './consent/gate-effects.ts';
import { EventDetector } from './event-detector.ts';
import { FolderFormat } from './format.ts';
import type { Press } from './hardware/button.ts';
import { Peripherals } from './hardware/peripherals.ts';
import type { HomeLink } from './home-link/home-link.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from './identity.ts';
import { makeAreaLink, makeHomeLink, pinnedBridge } from './link-factory.ts';
import { HomeAccounts } from './owner/home-accounts.ts';
import type { PairingServer } from './owner/pairing-server.ts';
import { pairingSocketPath } from './owner/pairing-wire.ts';
import { makePairing } from './pairing-service.ts';
import { partsInside } from './protocol/claims.ts';
import { failure } from './protocol/errors.ts';
import type { DeviceEvent } from './protocol/home.ts';
import { ReceiptCursor } from './receipt-cursor.ts';
import { Recorder } from './recorder.ts';
import { FileDeviceKey, keptSealKey } from './ring/keys.ts';
import { makeRing } from './ring/make-ring.ts';
import type { Ring } from './ring/ring.ts';
import { makeSearchParty } from './search-party/make-search-party.ts';
import type { SearchParty, Settled } from './search-party/search-party.ts';
import { StatusPublisher, type StoredPart } from './status-publisher.ts';
import { Deliveries } from './upload/delivery.ts';
import { Outbox } from './upload/outbox.ts';
import { Uploader } from './upload/upload.ts';

export interface DoorbellOptions {
  config: DeviceConfig;
  /** The device's own data folder, absolute; its lock is held by the caller. */
  folder: string;
  /** A bridge's one-time code, for a device that is not enrolled yet. */
  enrolmentCode?: string;
  /** Called with every event, as the home link publishes it: for a program that runs the doorbell. */
  heard?: (event: DeviceEvent) => void;
}

export interface DoorbellSeams {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  ffmpeg: Ffmpeg;
  programs: Programs;
}

/** Everything that exists only while the doorbell runs. */
interface Parts {
  enrolment: Enrolment | null;
  ring: Ring;
  outbox: Outbox;
  gate: ConsentGate;
  deliveries: Deliveries;
  home: HomeLink;
  told: ReceiptCursor;
  area: AreaLink | null;
  accounts: HomeAccounts;
  pairing: PairingServer;
  recorder: Recorder;
  searchParty: SearchParty;
}

/** A home that does not say where it is has no area link and hears no request. */
const NOWHERE = { longitude: 0, latitude: -90 };

/** One doorbell. */
export class Doorbell {
  private readonly options: DoorbellOptions;
  private readonly seams: DoorbellSeams;
  private readonly disk: CountingDisk;
  private readonly startedMs: number;
  private key: SigningKey | null = null;
  private parts: Parts | null = null;
  /** What undoes each step of the start, last first. */
  private undo: (() => Promise<void> | void)[] = [];
  private readonly voice: StatusPublisher;
  private readonly door: EventDetector;
  private readonly body: Peripherals;

  constructor(options: DoorbellOptions, seams: DoorbellSeams) {
    this.options = options;
    this.disk = new CountingDisk(seams.disk, options.folder);
    this.seams = { ...seams, disk: this.disk };
    this.startedMs = seams.clock.monotonicMs();
    this.voice = new StatusPublisher(options.config.name, seams, options.heard);
    this.door = new EventDetector({
      clock: seams.clock,
      config: options.config,
      happened: (event, atUs) => {
        this.voice.event(event, atUs);
        this.parts?.searchParty.happened(event, atUs);
      },
    });
    this.body = new Peripherals({
      ...seams,
      settings: options.config,
      pressed: (press) => this.pressed(press),
      changed: ({ part, name, detail }) => {
        const state = detail === undefined ? ({ state: 'ok' } as const) : ({ state: 'failed', detail } as const);
        this.voice.event({ type: 'hardware', part, name, ...state });
        this.voice.state();
      },
    });
  }

  /** The device's id; known once started. */
  get id(): string {
    return deviceIdOf(this.signingKey);
  }

  get pairingSocket(): string {
    return pairingSocketPath(this.options.folder);
  }

  get isEnrolled(): boolean {
    return this.up.enrolment !== null;
  }

  /**
   * Starts every part; what was unfinished goes on. Throws coded failures for what must be mended first (a damaged key,
   * a code that is not valid); a camera or a broker that is away is no reason not to start.
   */
  async start(): Promise<void> {
    try {
      await this.build();
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /**
   * What is wrong that only a new start can mend, or null: for a watchdog. It does not resolve while a decision cannot be
   * stored, however long that takes.
   */
  async fault(): Promise<string | null> {
    await this.up.gate.idle();
    return this.up.recorder.isWedged() ? 'the camera records, but its footage does not arrive' : null;
  }

  /** Stops in reverse: nothing is left but what is on disk. */
  async stop(): Promise<void> {
    for (const step of this.undo.reverse()) await step();
    this.undo = [];
    this.parts = null;
  }

  /** Somebody pressed a button. The press is told before anything else is done about it, the chime included. */
  pressed(press: Press): void {
    this.door.pressed(press);
    this.body.ring();
    this.parts?.pairing.unlock();
  }

  private get up(): Parts {
    if (!this.parts) throw failure('not_running', { folder: this.options.folder });
    return this.parts;
  }

  private get signingKey(): SigningKey {
    if (!this.key) throw failure('not_running', { folder: this.options.folder });
    return this.key;
  }

  private async build(): Promise<void> {
    const { config, folder } = this.options;
    const { clock, random, disk, log, ffmpeg, programs } = this.seams;
    const format = new FolderFormat({ disk, clock, folder, storage: (fault) => this.voice.storageIs('format', fault) });
    await format.start();
    this.undo.push(() => format.stop());
    for (const each of [folder, join(folder, 'consent')])
      await this.tolerate('folder', () => removeTemporaries(disk, each));
    this.key = await loadOrCreateDeviceKey(disk, random, folder);
    const device = { id: this.id, key: this.key };
    const boot = freshId(random, 'boot');
    const enrolment = await ensureEnrolled(
      { ...this.seams, ...device, tls: tlsSource(disk, folder, config.bridgeTls) },
      join(folder, 'enrolment.json'),
      this.options.enrolmentCode,
    );
    const wrapper = new FileDeviceKey(disk, random, join(folder, 'wrapping.key'));
    const cipher = fittingCipher(clock);
    const clockTrusted = () => gate.clockTrusted;
    const ring = makeRing(config.ring, folder, { disk, clock, random, log, wrapper, cipher, clockTrusted });
    const outboxKey = await keptSealKey(disk, random, wrapper, join(folder, 'outbox.key'), 'outbox', cipher);
    const outbox = new Outbox({ disk, random, log, folder: join(folder, 'outbox'), key: outboxKey });
    const told = new ReceiptCursor(disk, join(folder, 'consent'), log);
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
      },
      values: () => config.disclosure,
      buttons: this.body.buttonNames,
      untoldFrom: () => told.takeMissed(),
      effects: this.effects(),
      serveStateAgencies: config.stateAgencies,
      searchParty: config.searchParty.enabled,
    });
    const deliveries = new Deliveries({
      device,
      gate,
      outbox,
      sender: new Uploader({
        device,
        outbox,
        clock,
        random,
        log,
        bridge: () => pinnedBridge(config, folder, this.up.enrolment, disk),
        progress: (progress) => this.voice.upload(progress),
      }),
      clip: { segments: (window) => ring.read(window), ffmpeg, clock, log, recode: config.clip.recode },
      footageSettled: (window, signal) => this.up.recorder.settled(window.endUs, signal),
      values: () => config.disclosure,
      storage: (fault) => this.voice.storageIs('outbox', fault),
      clock,
      random,
      log,
    });
    const home = makeHomeLink(config, folder, device.id, this.seams);
    const area = makeAreaLink(config, folder, enrolment, this.seams);
    const accounts = new HomeAccounts({
      ...{ disk, random, log, folder: config.home.accounts, device: device.id },
      owners: () => (gate.damaged === null ? gate.owners().map((owner) => owner.key) : null),
    });
    const settled: Settled = (window, signal) => this.up.recorder.settled(window.endUs, signal);
    const searchParty = makeSearchParty(config.searchParty, this.seams, { ring, gate }, settled);
    this.undo.push(() => searchParty.stop());
    await searchParty.start();
    const path = this.pairingSocket;
    const pairing = makePairing({
      ...{ config, folder, path, seams: this.seams, startedMs: this.startedMs, gate, home, accounts, searchParty },
      ...{ device: { id: device.id, publicKey: device.key.publicKey }, voice: this.voice },
      written: () => this.disk.written(),
    });
    const source = parseCameraSource(config.camera, { loop: true });
    const recorder = new Recorder({
      camera: { source, ffmpeg, clock, random, log, programs, boot, clockTrusted: () => gate.clockTrusted },
      ...{ ring, clock, log },
      sinks: {
        gray: (frame) => this.door.seen(frame),
        scenePress: (atUs) => this.pressed({ button: 'front', source: 'scene', atUs }),
        camera: (change) => this.onCamera(change),
        shutter: (closed) => this.body.shut(closed),
        storage: (fault) => this.voice.storageIs('ring', fault),
      },
    });
    this.parts = {
      enrolment,
      ring,
      outbox,
      gate,
      deliveries,
      home,
      told,
      area,
      accounts,
      pairing,
      recorder,
      searchParty,
    };
    const bridge = enrolment?.bridge ?? null;
    this.voice.speaksFor({ ...device, home, gate, ring, told, area, bridge, body: this.body, source: source.shown });
    await this.startParts(this.parts);
  }

  /** In order of the flow: what others lean on comes first. */
  private async startParts(parts: Parts): Promise<void> {
    const { ring, outbox, gate, deliveries, home, area, pairing, recorder, enrolment } = parts;
    await this.tolerate('ring', () => ring.start());
    this.undo.push(() => ring.stop());
    await this.tolerate('outbox', () => outbox.start());
    this.undo.push(() => outbox.stop());
    home.onMessage((message) => void gate.onOwnerMessage(message));
    let isBack = false;
    home.onConnect(() => {
      // What is said before a connection waits for it; of what was said around a lost one, or in a long absence, some may be lost.
      if (isBack || home.dropped > 0) void gate.announce();
      isBack = true;
    });
    this.undo.push(() => parts.told.idle());
    this.undo.push(() => home.stop());
    this.undo.push(() => deliveries.stop());
    await parts.told.start();
    await gate.start();
    this.undo.push(() => gate.stop());
    if (gate.damaged !== null) {
      this.voice.storageIs('consent', failure('consent_ledger_damaged', { detail: gate.damaged }));
    }
    // Not before the gate: it would not hear an order that comes at once.
    home.start();
    if (enrolment) {
      const { bridge, bridgeKey, registryKey } = enrolment;
      await this.tolerate('folder', () => gate.enrol({ bridge, bridgeKey, registryKey }));
    }
    await this.dropFinishedClips(parts);
    this.undo.push(() => parts.accounts.idle());
    await this.tolerate('folder', () => pairing.start());
    this.undo.push(() => pairing.stop());
    if (area) {
      area.onState(() => this.voice.state());
      area.onMessage((message) => {
        if (message.kind === 'revocations') void gate.onRevocations(message.token);
        else if (message.kind === 'requests') void gate.onAreaDocument(message.part, message.token);
        else void gate.onSearchDocument(message.part, message.token);
      });
      area.start();
      this.undo.push(() => area.stop());
    }
    this.door.start();
    this.undo.push(() => this.door.stop());
    this.body.start();
    this.undo.push(() => this.body.stop());
    recorder.start(gate.privacyOn);
    this.undo.push(() => recorder.stop());
    this.voice.state();
  }

  private effects(): GateEffects {
    return {
      receipt: (body) => this.voice.receipt(body),
      requestNotice: (notice) => void this.up.home.publishRequest(notice).catch(() => undefined),
      sighting: (notice) => void this.up.home.publishSighting(notice).catch(() => undefined),
      searches: (open) => this.parts?.searchParty.searches(open),
      makeClip: (live) => this.up.deliveries.make(live),
      resumeClip: (live, clip) => this.up.deliveries.resume(live, clip),
      removeClip: (grant) => this.up.deliveries.remove(grant),
      sendRevocation: (grant, token, bridge) => this.up.deliveries.revoke(grant, token, bridge),
      press: (button) => this.pressed({ button, source: 'command', atUs: this.seams.clock.wallUs() }),
      privacy: (on) => this.up.recorder.privacy(on),
      forget: async (window) => {
        this.up.searchParty.forget(window);
        return this.up.ring.forget(window);
      },
      tamper: (what, detail) => this.voice.event({ type: 'tamper', what, detail }),
      changed: () => {
        this.voice.state();
        this.parts?.accounts.follow();
      },
    };
  }

  private onCamera(change: CaptureChange): void {
    if (change.state !== 'recording') this.door.unseen();
    this.voice.cameraIs(change);
  }

  /** A clip whose grant has ended, as the ledger knows, must not stay: a crash may have come between the two. */
  private async dropFinishedClips({ outbox, gate }: Parts): Promise<void> {
    // Whose grants those are is not known then.
    if (gate.damaged !== null) return;
    const { items, damaged, unread } = outbox.list();
    const needed = new Set(gate.unfinishedGrants());
    for (const grant of [...items.map((item) => item.grant), ...damaged, ...unread]) {
      if (!needed.has(grant)) await this.tolerate('outbox', () => outbox.remove(grant));
    }
    await this.tolerate('outbox', () => outbox.keepRecalls(new Set(gate.revocableGrants())));
  }

  /** For steps whose failure the owner sees in the state, while the rest of the doorbell goes on. */
  private async tolerate(part: StoredPart, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (thrown) {
      this.voice.storageIs(part, thrown);
      this.seams.log.error(thrown instanceof Error ? thrown.message : '', { part });
    }
  }
}
