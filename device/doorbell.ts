// The order in which a doorbell's parts are made (assembly.ts), connected, started and stopped.

import { CountingDisk } from '@doorsill/base/counting-disk';
import { UndoSteps } from '@doorsill/base/undo-steps';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { AreaMessage } from './area-link/area-link.ts';
import {
  type Base,
  type DoorbellOptions,
  type DoorbellSeams,
  makeConsent,
  makeDoor,
  makeLinks,
  makeMedia,
  makeOwnServer,
  makeServers,
  openStorage,
  type Parts,
} from './assembly.ts';
import type { GateEffects } from './consent/gate-interfaces.ts';
import { type Press, provesPresence } from './hardware/button.ts';
import type { ConsoleAddress } from './owner/pairing-wire.ts';
import { pairingSocketPath } from './owner/private-socket.ts';

export type { DoorbellOptions, DoorbellSeams, SimulatedFaults } from './assembly.ts';

/** One doorbell: starts, runs and stops all its parts. */
export class Doorbell {
  private readonly base: Base;
  private readonly undo = new UndoSteps();
  private device: string | null = null;
  /** Null while it does not run. */
  private parts: Parts | null = null;

  constructor(options: DoorbellOptions, seams: DoorbellSeams) {
    const disk = new CountingDisk(seams.disk, options.folder);
    this.base = { options, seams: { ...seams, disk }, startedMs: seams.clock.monotonicMs() };
  }

  /** The device's id; known once started. */
  get id(): string {
    if (this.device === null) throw this.notRunning();
    return this.device;
  }

  get pairingSocket(): string {
    return pairingSocketPath(this.base.options.folder);
  }

  /** Address of its HTTP server; null where the settings turn it off. */
  get console(): ConsoleAddress | null {
    return this.running.ownServer?.address ?? null;
  }

  get isEnrolled(): boolean {
    return this.running.enrolment !== null;
  }

  /** Whether it has an owner; true where that cannot be told. */
  get isPaired(): boolean {
    const { gate } = this.running;
    return gate.damaged !== null || gate.owners().length > 0;
  }

  /**
   * Starts every part and resumes unfinished work. Throws coded failures for faults that must be fixed first (a damaged key,
   * an invalid code); starts without a camera or a broker if they are unavailable.
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
   * For a watchdog: the fault that only a restart can fix, or null. The promise stays pending while a decision cannot be stored.
   */
  async fault(): Promise<string | null> {
    await this.running.gate.idle();
    return this.running.recorder.isWedged() ? 'the camera records, but its footage does not arrive' : null;
  }

  /** Ends the camera until the next start; its recordings stay visible. */
  endCamera(): Promise<void> {
    return this.running.recorder.stop();
  }

  /** Stops the parts in reverse order; only the state on disk remains. */
  async stop(): Promise<void> {
    await this.undo.run();
    this.parts = null;
  }

  /** Reports a press, which is published before all other reactions, the chime included. */
  pressed(press: Press): void {
    this.running.events.pressed(press);
  }

  private async build(): Promise<void> {
    const door = makeDoor(this.base);
    const storage = await openStorage(door, this.undo);
    this.device = storage.device.id;
    const media = makeMedia(storage);
    const consent = makeConsent(media);
    const links = makeLinks(consent);
    const parts = makeServers(links, await makeOwnServer(links));
    this.parts = parts;
    connect(parts);
    await startParts(parts, this.undo);
  }

  private get running(): Parts {
    if (!this.parts) throw this.notRunning();
    return this.parts;
  }

  private notRunning(): Failure {
    return failure('not_running', { folder: this.base.options.folder });
  }
}

/** Subscribes parts to parts that were made after them, before any is started. The gate gets its effects when it opens. */
function connect(parts: Parts): void {
  const { options, device, enrolment, status, events, peripherals, searchParty } = parts;
  const { gate, home, area, pairing, ownServer } = parts;
  const bridge = enrolment?.bridge ?? null;
  const simulatedFaults = () => options.simulatedFaults?.now() ?? [];
  status.publishFor({ ...parts, ...device, bridge, simulatedFaults });
  options.simulatedFaults?.onChange(() => status.state());
  events.onEvent((event, atUs) => {
    status.event(event, atUs);
    searchParty.happened(event, atUs);
  });
  events.onPress(({ source }) => {
    peripherals.ring();
    if (!provesPresence(source)) return;
    pairing.unlock();
    ownServer?.buttonPressed();
  });
  home.onMessage((message) => void gate.onOwnerMessage(message));
  let isBack = false;
  home.onConnect(() => {
    // Messages are queued before the first connection; a broken connection or a long absence of the broker may lose some.
    if (isBack || home.dropped > 0) void gate.announce();
    isBack = true;
  });
  if (!area) return;
  area.onState(() => status.state());
  const heard = (message: AreaMessage) => {
    if (message.kind === 'revocations') return gate.onRevocations(message.token);
    if (message.kind === 'requests') return gate.onAreaDocument(message.part, message.token);
    return gate.onSearchDocument(message.part, message.token);
  };
  area.onMessage(async (message) => {
    // A board without a battery-backed clock receives retained messages before its clock is set.
    if ((await heard(message)) === 'consent_not_yet_valid') area.keepUntilSet(message);
  });
}

function effectsOf(parts: Parts): GateEffects {
  const { seams, status, events, ring, history, recorder } = parts;
  const { gate, deliveries, recent, held, searchParty, home, accounts, ownServer } = parts;
  return {
    receipt: (body) => status.receipt(body),
    requestNotice: (notice) => void home.publishRequest(notice).catch(() => undefined),
    sighting: (notice) => void home.publishSighting(notice).catch(() => undefined),
    searches: (open) => searchParty.searches(open),
    makeClip: (live) => deliveries.make(live),
    resumeClip: (live, clip) => deliveries.resume(live, clip),
    removeClip: (grant) => deliveries.remove(grant),
    sendRevocation: (grant, token, bridge) => deliveries.revoke(grant, token, bridge),
    press: (button) => events.pressed({ button, source: 'command', atUs: seams.clock.wallUs() }),
    privacy: (on) => {
      if (on) gate.previews.endAll('privacy is on');
      recorder.privacy(on);
      ownServer?.changed();
    },
    settings: () => {
      applyMotionSettings(parts);
      void applyRetention(parts);
    },
    forget: async (window) => {
      // All previews, whatever their window: they are copies of footage.
      gate.previews.endAll('footage was forgotten');
      recent.forget();
      searchParty.forget(window);
      // If one fails, the other is still erased, and the order stays unfinished.
      const erased = Promise.all([ring.forget(window), history.forget(window)]);
      const [segments] = await erased.finally(() => held.forget());
      return segments;
    },
    tamper: (what, detail) => status.event({ type: 'tamper', what, detail }),
    changed: () => {
      status.state();
      accounts.follow();
      ownServer?.changed();
    },
  };
}

/** Starts the parts in order of dependency. */
async function startParts(parts: Parts, undo: UndoSteps): Promise<void> {
  const { status, events, peripherals, enrolment, cursor, recorder, gate, deliveries, recent, searchParty } = parts;
  const { home, homeAssistant, notifications, area, accounts, pairing, ownServer } = parts;
  await searchParty.start();
  undo.add(() => searchParty.stop());
  await startStorage(parts, undo);
  await status.tolerate('folder', () => homeAssistant.start());
  undo.add(() => cursor.idle());
  undo.add(() => homeAssistant.idle());
  undo.add(() => home.stop());
  undo.add(() => homeAssistant.stop());
  undo.add(() => recent.forget());
  undo.add(() => deliveries.stop());
  await notifications.start();
  undo.add(() => notifications.stop());
  await cursor.start();
  await gate.start();
  undo.add(() => gate.stop());
  if (gate.damaged !== null) {
    status.storageIs('consent', failure('consent_ledger_damaged', { detail: gate.damaged }));
  }
  // Only after the gate, which would miss an order that arrives at once.
  home.start();
  if (enrolment) {
    const { bridge, bridgeKey, registryKey } = enrolment;
    await status.tolerate('folder', () => gate.enrol({ bridge, bridgeKey, registryKey }));
  }
  await dropFinishedClips(parts);
  undo.add(() => accounts.idle());
  await status.tolerate('folder', () => pairing.start());
  undo.add(() => pairing.stop());
  if (area) {
    area.start();
    undo.add(() => area.stop());
  }
  applyMotionSettings(parts);
  events.start();
  undo.add(() => events.stop());
  peripherals.start();
  undo.add(() => peripherals.stop());
  recorder.start(gate.privacyOn);
  undo.add(() => recorder.stop());
  await startOwnServer(parts);
  undo.add(() => ownServer?.stop());
  status.state();
}

/** Starts the parts with data on disk; first the gate, because the owners' orders decide how long footage and events are kept. */
async function startStorage(parts: Parts, undo: UndoSteps): Promise<void> {
  const { status, ring, history, outbox, gate, previews } = parts;
  await gate.open(effectsOf(parts));
  undo.add(() => gate.stop());
  await applyRetention(parts);
  await status.tolerate('ring', () => ring.start());
  undo.add(() => ring.stop());
  await status.tolerate('events', () => history.start());
  undo.add(() => history.stop());
  await status.tolerate('outbox', () => previews.start());
  undo.add(() => previews.stop());
  await status.tolerate('outbox', () => outbox.start());
  undo.add(() => outbox.stop());
}

/** Applies the retention settings in force to footage and events. */
async function applyRetention({ gate, ring, held, history }: Parts): Promise<void> {
  const { ring: footage, events } = gate.settings;
  ring.keepFor(footage.retentionS);
  held.forget(); // It may hold footage that is too old now.
  await history.keepFor(events.keepDays);
}

/** Applies the motion settings in force. */
function applyMotionSettings({ seams, events, gate }: Parts): void {
  const { byOwners, motion } = gate.settings;
  events.setMotionSettings(motion);
  if (byOwners.length > 0)
    seams.log.info('settings that owners have changed are in force instead of those in device.json', {
      settings: byOwners.join(', '),
    });
}

/** Removes clips whose grant has ended according to the ledger: a crash may have prevented it. */
async function dropFinishedClips({ status, outbox, gate }: Parts): Promise<void> {
  // A damaged ledger cannot tell which grants have ended.
  if (gate.damaged !== null) return;
  const { items, damaged, unread } = outbox.list();
  const needed = new Set(gate.unfinishedGrants());
  for (const grant of [...items.map((item) => item.grant), ...damaged, ...unread]) {
    if (!needed.has(grant)) await status.tolerate('outbox', () => outbox.remove(grant));
  }
  await status.tolerate('outbox', () => outbox.keepOnly('recall', new Set(gate.revocableGrants())));
  await status.tolerate('outbox', () => outbox.keepOnly('content key', new Set(gate.heldGrants())));
}

/** A port in use or a damaged certificate is logged, and the doorbell runs without its page. */
async function startOwnServer({ seams, ownServer }: Parts): Promise<void> {
  try {
    await ownServer?.start();
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    seams.log.error('the doorbell’s HTTP server cannot start; the doorbell runs without its console', {
      code: thrown.code,
      detail: thrown.message,
    });
  }
}
