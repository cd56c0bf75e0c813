// Owns: one doorbell: how its parts are connected, and in which order they start and stop. Not here: creating them (assembly.ts),
// what each part does, the process around it (start-device.ts).

import { CountingDisk } from '@doorsill/base/counting-disk';
import type { SigningKey } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { UndoSteps } from '@doorsill/base/undo-steps';
import type { OtherDoor } from '@doorsill/contract/console-messages';
import { failure, isFailure } from '@doorsill/contract/errors';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import {
  type Base,
  type Consent,
  type DoorbellSeams,
  hearArea,
  type Links,
  type Media,
  makeConsent,
  makeConsole,
  makeLinks,
  makeMedia,
  makeStorage,
  type Storage,
} from './assembly.ts';
import type { CaptureChange } from './camera/capture.ts';
import type { CameraKind } from './camera/source-interfaces.ts';
import type { DeviceConfig } from './config.ts';
import type { GateEffects } from './consent/gate-interfaces.ts';
import type { ConsoleServer } from './console/console-server.ts';
import { EventDetector } from './events/event-detector.ts';
import { isPressedThere, type Press } from './hardware/button.ts';
import { Peripherals } from './hardware/peripherals.ts';
import { HELD_S } from './hardware/switch-contact.ts';
import { deviceIdOf } from './identity.ts';
import { GrayPictures } from './motion/gray-pictures.ts';
import { type ConsoleAddress, pairingSocketPath } from './owner/pairing-wire.ts';
import type { RecorderSinks } from './recorder.ts';
import { StatusPublisher } from './status-publisher.ts';

export type { DoorbellSeams } from './assembly.ts';

export interface DoorbellOptions {
  config: DeviceConfig;
  /** The device's own data folder, absolute; its lock is held by the caller. */
  folder: string;
  /** A bridge's one-time code, for a device that is not enrolled yet. */
  enrolmentCode?: string;
  /** Camera kinds besides the built-in ones: `synthetic`, the default, is `porchKind` of doorsill/sim. */
  cameraKinds?: readonly CameraKind[];
  /** The other doorbells that the page links to, as the settings name them now; absent: as `config` names them. */
  otherDoors?: () => Promise<readonly OtherDoor[]>;
  /** `none`: it does not connect to the home broker of its settings; for a program that hears it and orders by its own server. */
  homeBroker?: 'none';
  /** Where the secrets of its own server come from, if not from the seams: a simulation's seed must not open it. */
  serverRandom?: Random;
  /** Called with every event, as the home link publishes it: for a program that runs the doorbell. */
  heard?: (event: DeviceEvent) => void;
  /** Called when somebody holds a button that resets: whoever runs the doorbell ends it, then does `factoryReset` to its folder. */
  factoryReset?: () => void;
  /** What the program that runs a virtual doorbell makes go wrong with the disk and the clock that it gave: its owners are told in the state. */
  simulatedFaults?: SimulatedFaults;
  /** Called when footage of a window is in the ring: for a program that measures how late that is, or reports what was kept. */
  stored?: (window: Window) => void;
}

export interface SimulatedFaults {
  /** Those that last now, as they were asked for. */
  now(): readonly string[];
  /** Calls `listener` whenever one has begun or ended. */
  onChange(listener: () => void): void;
}

/** Everything that exists only while the doorbell runs. */
type Parts = Storage & Consent & Media & Links & { ownServer: ConsoleServer | null };

/** One doorbell. */
export class Doorbell {
  private readonly options: DoorbellOptions;
  private readonly seams: DoorbellSeams;
  private readonly disk: CountingDisk;
  private readonly startedMs: number;
  private key: SigningKey | null = null;
  private parts: Parts | null = null;
  private readonly undo = new UndoSteps();
  private readonly status: StatusPublisher;
  private readonly events: EventDetector;
  private readonly gray = new GrayPictures();
  private readonly peripherals: Peripherals;

  constructor(options: DoorbellOptions, seams: DoorbellSeams) {
    this.options = options;
    this.disk = new CountingDisk(seams.disk, options.folder);
    this.seams = { ...seams, disk: this.disk };
    this.startedMs = seams.clock.monotonicMs();
    this.status = new StatusPublisher(options.config.name, seams, options.heard);
    this.events = new EventDetector({
      clock: seams.clock,
      settings: options.config,
      happened: (event, atUs) => {
        this.status.event(event, atUs);
        this.up.searchParty.happened(event, atUs);
      },
    });
    this.peripherals = new Peripherals({
      ...seams,
      settings: options.config,
      pressed: (press) => this.pressed(press),
      resetHeld: (button) => this.resetHeld(button),
      changed: (change) => this.status.hardwareIs(change),
    });
  }

  /** The device's id; known once started. */
  get id(): string {
    return deviceIdOf(this.signingKey);
  }

  get pairingSocket(): string {
    return pairingSocketPath(this.options.folder);
  }

  /** Where its own server is reached; null where the settings ask for none. */
  get console(): ConsoleAddress | null {
    return this.up.ownServer?.address ?? null;
  }

  get isEnrolled(): boolean {
    return this.up.enrolment !== null;
  }

  /**
   * Starts every part and resumes unfinished work. Throws coded failures for what must be fixed first (a damaged key,
   * an invalid code); it starts even when a camera or a broker is unavailable.
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
   * The fault that only a restart can fix, or null: for a watchdog. It does not resolve while a decision cannot be
   * stored, however long that takes.
   */
  async fault(): Promise<string | null> {
    await this.up.gate.idle();
    return this.up.recorder.isWedged() ? 'the camera records, but its footage does not arrive' : null;
  }

  /** Ends the camera until the next start; what it recorded stays, and can be seen. For a program that runs the doorbell. */
  endCamera(): Promise<void> {
    return this.up.recorder.stop();
  }

  /** Stops the parts in reverse order; only the state on disk remains. */
  async stop(): Promise<void> {
    await this.undo.run();
    this.parts = null;
  }

  /** Somebody pressed a button. The press is published before all other reactions, the chime included. */
  pressed(press: Press): void {
    const { pairing, ownServer } = this.up;
    this.events.pressed(press);
    this.peripherals.ring();
    if (!isPressedThere(press.source)) return;
    pairing.unlock();
    ownServer?.buttonPressed();
  }

  private resetHeld(button: string): void {
    this.status.event({
      type: 'tamper',
      what: 'factory-reset',
      detail: `the button ${button} was held for ${HELD_S} s`,
    });
    this.options.factoryReset?.();
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
    const base: Base = {
      config: this.options.config,
      folder: this.options.folder,
      enrolmentCode: this.options.enrolmentCode,
      hasBroker: this.options.homeBroker !== 'none',
      serverRandom: this.options.serverRandom ?? this.seams.random,
      cameraKinds: this.options.cameraKinds ?? [],
      otherDoors: this.options.otherDoors ?? (async () => this.options.config.console.others),
      seams: this.seams,
      disk: this.disk,
      startedMs: this.startedMs,
      status: this.status,
      gray: this.gray,
      peripherals: this.peripherals,
      pressed: (press) => this.pressed(press),
      settled: (window, signal) => this.up.recorder.settled(window.endUs, signal),
      clockTrusted: () => this.up.gate.clockTrusted,
      ownServer: () => this.up.ownServer,
    };
    const storage = await makeStorage(base, this.undo);
    this.key = storage.device.key;
    const consent = makeConsent(base, storage, this.effects());
    const media = makeMedia(base, storage, consent, this.sinks());
    const links = makeLinks(base, storage, consent, media);
    const ownServer = await makeConsole(base, storage, consent, media, links);
    this.parts = { ...storage, ...consent, ...media, ...links, ownServer };
    const { peripherals } = this;
    const bridge = storage.enrolment?.bridge ?? null;
    const simulatedFaults = () => this.options.simulatedFaults?.now() ?? [];
    this.status.publishFor({ ...this.parts, ...storage.device, bridge, peripherals, simulatedFaults });
    this.options.simulatedFaults?.onChange(() => this.status.state());
    await this.startParts(this.parts);
  }

  private sinks(): RecorderSinks {
    return {
      gray: (frame) => {
        this.events.seen(frame);
        this.gray.give(frame);
      },
      scenePress: (atUs) => this.pressed({ button: 'front', source: 'scene', atUs }),
      sceneMotion: (motion) => this.events.sceneMotion(motion),
      camera: (change) => this.onCamera(change),
      films: (films, privacy) => this.peripherals.show({ films, privacy }),
      shutter: (closed) => this.peripherals.shut(closed),
      storage: (fault) => this.status.storageIs('ring', fault),
      stored: (window) => this.options.stored?.(window),
    };
  }

  /** What is on disk, the owners' orders first of all: they decide how long footage and events are kept. */
  private async startStorage(parts: Parts): Promise<void> {
    const { ring, history, outbox, gate } = parts;
    await gate.open();
    this.undo.add(() => gate.stop());
    await this.keepAsSet(parts);
    await this.status.tolerate('ring', () => ring.start());
    this.undo.add(() => ring.stop());
    await this.status.tolerate('events', () => history.start());
    this.undo.add(() => history.stop());
    await this.status.tolerate('outbox', () => parts.previews.start());
    this.undo.add(() => parts.previews.stop());
    await this.status.tolerate('outbox', () => outbox.start());
    this.undo.add(() => outbox.stop());
  }

  /** Starts the parts in order of dependency. */
  private async startParts(parts: Parts): Promise<void> {
    const { gate, deliveries, recent, home, homeAssistant, area, pairing, recorder, enrolment, searchParty, cursor } =
      parts;
    await searchParty.start();
    this.undo.add(() => searchParty.stop());
    await this.startStorage(parts);
    home.onMessage((message) => void gate.onOwnerMessage(message));
    let isBack = false;
    home.onConnect(() => {
      // Messages before the first connection are queued; some may be lost when a connection breaks or the broker is away for long.
      if (isBack || home.dropped > 0) void gate.announce();
      isBack = true;
    });
    await this.status.tolerate('folder', () => homeAssistant.start());
    this.undo.add(() => cursor.idle());
    this.undo.add(() => homeAssistant.idle());
    this.undo.add(() => home.stop());
    this.undo.add(() => homeAssistant.stop());
    this.undo.add(() => recent.forget());
    this.undo.add(() => deliveries.stop());
    await parts.notifications.start();
    this.undo.add(() => parts.notifications.stop());
    await cursor.start();
    await gate.start();
    this.undo.add(() => gate.stop());
    if (gate.damaged !== null) {
      this.status.storageIs('consent', failure('consent_ledger_damaged', { detail: gate.damaged }));
    }
    // Only after the gate, which would miss an order that arrives at once.
    home.start();
    if (enrolment) {
      const { bridge, bridgeKey, registryKey } = enrolment;
      await this.status.tolerate('folder', () => gate.enrol({ bridge, bridgeKey, registryKey }));
    }
    await this.dropFinishedClips(parts);
    this.undo.add(() => parts.accounts.idle());
    await this.status.tolerate('folder', () => pairing.start());
    this.undo.add(() => pairing.stop());
    if (area) {
      area.onState(() => this.status.state());
      hearArea(area, gate);
      area.start();
      this.undo.add(() => area.stop());
    }
    this.lookAsSet(parts);
    this.events.start();
    this.undo.add(() => this.events.stop());
    this.peripherals.start();
    this.undo.add(() => this.peripherals.stop());
    recorder.start(gate.privacyOn);
    this.undo.add(() => recorder.stop());
    await this.startOwnServer(parts);
    this.undo.add(() => parts.ownServer?.stop());
    this.status.state();
  }

  private lookAsSet({ gate }: Parts): void {
    const { byOwners, motion } = gate.settings;
    this.events.lookBy(motion);
    if (byOwners.length > 0)
      this.seams.log.info('owners changed settings of device.json', { settings: byOwners.join(', ') });
  }

  /** Footage and events are kept as long as the settings in force say. */
  private async keepAsSet({ gate, ring, held, history }: Parts): Promise<void> {
    const { ring: footage, events } = gate.settings;
    ring.keepFor(footage.retentionS);
    held.forget(); // Some of it may be older than that.
    await history.keepFor(events.keepDays);
  }

  /** A port in use or a damaged certificate costs its owners the page, never the bell: it is told, and everything else goes on. */
  private async startOwnServer({ ownServer }: Parts): Promise<void> {
    try {
      await ownServer?.start();
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      this.seams.log.error('the doorbell’s own server cannot start', { code: thrown.code, detail: thrown.message });
    }
  }

  private effects(): GateEffects {
    return {
      receipt: (body) => this.status.receipt(body),
      requestNotice: (notice) => void this.up.home.publishRequest(notice).catch(() => undefined),
      sighting: (notice) => void this.up.home.publishSighting(notice).catch(() => undefined),
      searches: (open) => this.up.searchParty.searches(open),
      makeClip: (live) => this.up.deliveries.make(live),
      resumeClip: (live, clip) => this.up.deliveries.resume(live, clip),
      removeClip: (grant) => this.up.deliveries.remove(grant),
      sendRevocation: (grant, token, bridge) => this.up.deliveries.revoke(grant, token, bridge),
      press: (button) => this.pressed({ button, source: 'command', atUs: this.seams.clock.wallUs() }),
      privacy: (on) => {
        if (on) this.up.gate.previews.endAll('privacy is on');
        this.up.recorder.privacy(on);
        this.up.ownServer?.changed();
      },
      settings: () => {
        this.lookAsSet(this.up);
        void this.keepAsSet(this.up);
      },
      forget: async (window) => {
        const { searchParty, ring, history, gate, recent, held } = this.up;
        // Whatever window it shows: an owner who has footage forgotten means its copies, too.
        gate.previews.endAll('footage was forgotten');
        recent.forget();
        searchParty.forget(window);
        // Whichever disk fails, the other is erased, and the order stays unfinished.
        const erased = Promise.all([ring.forget(window), history.forget(window)]);
        const [segments] = await erased.finally(() => held.forget());
        return segments;
      },
      tamper: (what, detail) => this.status.event({ type: 'tamper', what, detail }),
      changed: () => {
        this.status.state();
        this.up.accounts.follow();
        this.up.ownServer?.changed();
      },
    };
  }

  private onCamera(change: CaptureChange): void {
    if (change.state !== 'recording') this.events.unseen();
    this.status.cameraIs(change);
  }

  /** Removes clips whose grant has ended according to the ledger: a crash may have prevented it. */
  private async dropFinishedClips({ outbox, gate }: Parts): Promise<void> {
    // A damaged ledger cannot tell which grants have ended.
    if (gate.damaged !== null) return;
    const { items, damaged, unread } = outbox.list();
    const needed = new Set(gate.unfinishedGrants());
    for (const grant of [...items.map((item) => item.grant), ...damaged, ...unread]) {
      if (!needed.has(grant)) await this.status.tolerate('outbox', () => outbox.remove(grant));
    }
    await this.status.tolerate('outbox', () => outbox.keepRecalls(new Set(gate.revocableGrants())));
  }
}
