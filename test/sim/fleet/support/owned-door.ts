// A doorbell without a camera for an owner of a fleet: the device's own gate, home link and pairing socket at a real broker, with a clock
// that the test moves. The test sets its footage.

import { wallSeconds } from '../../../../device/base/clock.ts';
import { sha256Hex } from '../../../../device/base/keys.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { freshId, SystemRandom } from '../../../../device/base/random.ts';
import type { ReceiptBody } from '../../../../device/contract/home-messages.ts';
import { actorId } from '../../../../device/contract/ids.ts';
import type { Window } from '../../../../device/contract/shared-claims.ts';
import { DEFAULT_PREFIX } from '../../../../device/contract/topics.ts';
import { HomeLink } from '../../../../device/home-link/home-link.ts';
import { PairingServer } from '../../../../device/owner/pairing-server.ts';
import { pairingSocketPath } from '../../../../device/owner/private-socket.ts';
import { isFailure } from '../../../../sim/errors.ts';
import { GateRig } from '../../../device/consent/gate-rig.ts';
import { startBroker, type TestBroker } from '../../../support/broker.ts';

const notHere = () => {
  throw new Error('not here');
};

/** The detail of messages that a stopped link has not sent. */
const notDelivered = (thrown: unknown) => {
  if (!isFailure(thrown)) throw thrown;
};

/** The network needs the machine's time: messages of one step must arrive before the next one. */
const STEP_MS = 2_000;
const TURNS_OF_A_STEP = 8;

export class OwnedDoor {
  readonly rig: GateRig;
  readonly broker: TestBroker;
  readonly socket: string;
  readonly random = new SystemRandom();
  readonly log = silentLog();
  private readonly home: HomeLink;
  private readonly pairing: PairingServer;
  /** Coverage of the ring; null: every requested window. */
  held: Window | null = null;
  /** Ignores all messages, and counts them. */
  isDeaf = false;
  unheard = 0;
  /** Topics of received messages. */
  readonly heard: string[] = [];
  /** Whether its receipts are signed by another key. */
  isForging = false;

  private constructor(rig: GateRig, broker: TestBroker, account: { user: string; password: string }) {
    this.rig = rig;
    this.broker = broker;
    this.socket = pairingSocketPath(rig.folder);
    const { cast, clock, disk } = rig;
    const device = cast.device.id;
    const seams = { clock, random: this.random, log: this.log };
    this.home = new HomeLink({ ...seams, ...account, device, prefix: DEFAULT_PREFIX, url: broker.url });
    this.pairing = new PairingServer({
      ...seams,
      ...{ disk, path: this.socket, owners: () => [], issuesAccounts: true },
      about: () => ({
        ...{ device, deviceKey: cast.device.key.publicKey, name: 'Front door' },
        trust: { bridgeKey: cast.bridge.key.publicKey, registryKey: cast.registry.key.publicKey },
      }),
      pair: (key, name) => rig.gate.pair(key, name),
      issueAccount: async (key) => ({
        ...{ url: broker.url, prefix: DEFAULT_PREFIX },
        ...(await broker.issue({ role: 'owner', id: actorId('owner', sha256Hex(key)), homes: [device] })),
      }),
      ...{ health: notHere, still: notHere, viewers: notHere, sentClips: notHere, custody: notHere, confirm: notHere },
      console: () => null,
    });
  }

  static async open(): Promise<OwnedDoor> {
    const [rig, broker] = await Promise.all([GateRig.open(), startBroker()]);
    const door = new OwnedDoor(rig, broker, await broker.issue({ role: 'device-home', id: rig.cast.device.id }));
    rig.otherwise = {
      footage: {
        coverage: (window) => door.covered(window),
        ...{ ambiguous: () => false, isPreviewed: () => false, zonesFault: () => null },
      },
    };
    await rig.ready();
    rig.effects.onReceipt = (body) => door.publishReceipt(body);
    const { requestNotice } = rig.effects;
    rig.effects.requestNotice = (notice) => {
      requestNotice.call(rig.effects, notice);
      door.home.publishRequest(notice).catch(notDelivered);
    };
    await door.pairing.start();
    door.comeBack();
    return door;
  }

  /** Seams for its owner. */
  get seams() {
    const { clock, disk } = this.rig;
    return { clock, disk, random: this.random, log: this.log };
  }

  /** An agency's request reaches it; returns the request's id. */
  async ask(changes: Parameters<GateRig['cast']['request']>[0] = {}): Promise<string> {
    const { cast } = this.rig;
    const id = freshId(this.random, 'request');
    await this.rig.publish(cast.request({ jti: id, ...changes }));
    return id;
  }

  /** Lets time pass for the doorbell and its owner. */
  async pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= STEP_MS) {
      await this.rig.clock.advance(Math.min(leftMs, STEP_MS));
      for (let turns = 0; turns < TURNS_OF_A_STEP; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private comeBack(): void {
    this.home.onMessage((message) => {
      if (message.topic.endsWith('/command')) return void this.rig.gate.onOwnerMessage(message);
      this.heard.push(message.topic);
      if (this.isDeaf) this.unheard += 1;
      else void this.rig.gate.onOwnerMessage(message);
    });
    this.home.onConnect(() => void this.rig.gate.announce());
    this.home.start();
  }

  private covered(window: Window): Window[] {
    if (!this.held) return [window];
    const part = {
      startUs: Math.max(window.startUs, this.held.startUs),
      endUs: Math.min(window.endUs, this.held.endUs),
    };
    return part.startUs < part.endUs ? [part] : [];
  }

  private publishReceipt(body: ReceiptBody): void {
    const { cast, clock, gate } = this.rig;
    const receipt = {
      ...{ iss: cast.device.key.publicKey, aud: 'owner', iat: wallSeconds(clock) },
      ...{ jti: freshId(this.random, 'receipt'), device: cast.device.id, ...body },
      ...{ ledger: gate.head, lastOrder: gate.lastOrder },
    };
    void this.home.publishReceipt(
      cast.sign('doorsill-receipt+jws', receipt, this.isForging ? cast.agency : cast.device),
    );
  }

  async close(): Promise<void> {
    await this.pairing.stop();
    await this.home.stop();
    await this.rig.close();
    await this.broker.stop();
  }
}
