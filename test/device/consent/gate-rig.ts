// A gate on a real folder with a clock that stands still; every effect is recorded.
import { deepStrictEqual } from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { ManualClock } from '../../../device/base/clock.ts';
import { type Disk, SystemDisk } from '../../../device/base/disk.ts';
import type { Log, LogFacts } from '../../../device/base/log.ts';
import { type Random, SystemRandom } from '../../../device/base/random.ts';
import { ConsentGate } from '../../../device/consent/gate.ts';
import type { GateDeps, GateEffects, ReceivedSearch } from '../../../device/consent/gate-interfaces.ts';
import type { LiveGrant } from '../../../device/consent/live-grant.ts';
import type { BaseSettings } from '../../../device/consent/owner-settings.ts';
import { fromUtf8 } from '../../../device/contract/bytes.ts';
import {
  Receipt,
  type ReceiptBody,
  type ReceiptClip,
  RequestNotice,
  SightingNotice,
} from '../../../device/contract/home-messages.ts';
import type { SettingsInForce } from '../../../device/contract/owner-settings.ts';
import type { Window, Zone } from '../../../device/contract/shared-claims.ts';
import { topicsUnder } from '../../../device/contract/topics.ts';
import { HighWaterMarks } from '../../../device/ledger/high-water-marks.ts';
import { Ledger } from '../../../device/ledger/ledger.ts';
import { Cast, textClaim } from '../../support/parties.ts';

export { clipFacts } from './clip-facts.ts';

export const PREFIX = 'doorsill/v1';
const START_US = Date.UTC(2026, 10, 25, 12) * 1_000;

/** A receipt without the fields that the link adds. */
const receiptBodySchema = Receipt.omit({
  ...({ iss: true, aud: true, iat: true, jti: true } as const),
  ...({ device: true, ledger: true, lastOrder: true } as const),
});

/** Throws unless a message of the gate fits the contract, without undefined fields: the links publish it as it is. */
function asPublished<Said extends object>(said: Said, schema: z.ZodType): Said {
  schema.parse(said);
  deepStrictEqual(JSON.parse(JSON.stringify(said)), said);
  return said;
}

/** A line of the log. */
export interface Logged {
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  facts: LogFacts;
}

/** A log that a test can read. */
function keptLog(lines: Logged[]): Log {
  const on =
    (level: Logged['level']) =>
    (message: string, facts: LogFacts = {}) =>
      void lines.push({ level, message, facts });
  const log: Log = { debug: on('debug'), info: on('info'), warn: on('warn'), error: on('error'), child: () => log };
  return log;
}

/** The effects that the gate asked for, in order. */
export class Effects implements GateEffects {
  readonly receipts: ReceiptBody[] = [];
  readonly notices: RequestNotice[] = [];
  readonly sightings: SightingNotice[] = [];
  /** Ids of the open searches, each time they are reported. */
  readonly searched: string[][] = [];
  readonly made: LiveGrant[] = [];
  readonly resumed: { live: LiveGrant; clip: ReceiptClip; presented: boolean }[] = [];
  readonly removed: string[] = [];
  readonly revocations: { grant: string; token: string }[] = [];
  /** The bridge of each revocation. */
  readonly addressees: string[] = [];
  readonly presses: string[] = [];
  readonly privacies: boolean[] = [];
  readonly forgotten: (Window | undefined)[] = [];
  readonly tampers: string[] = [];
  /** The detail of each. */
  readonly tamperDetails: string[] = [];
  /** Names of effects in order. */
  readonly order: string[] = [];
  forgetFails = false;
  /** Called during every receipt, e.g. to read the head. */
  onReceipt: (body: ReceiptBody) => void = () => undefined;

  receipt(body: ReceiptBody): void {
    this.order.push(`receipt ${body.outcome}`);
    this.receipts.push(asPublished(body, receiptBodySchema));
    this.onReceipt(body);
  }
  requestNotice(notice: RequestNotice): void {
    this.notices.push(asPublished(notice, RequestNotice));
  }
  sighting(notice: SightingNotice): void {
    this.sightings.push(asPublished(notice, SightingNotice));
  }
  searches(open: readonly ReceivedSearch[]): void {
    this.searched.push(open.map(({ request }) => request.jti));
  }
  makeClip(live: LiveGrant): void {
    this.order.push('make-clip');
    this.made.push(live);
  }
  resumeClip(live: LiveGrant, clip: ReceiptClip, presented: boolean): void {
    this.resumed.push({ live, clip, presented });
  }
  removeClip(grantId: string): void {
    this.order.push('remove-clip');
    this.removed.push(grantId);
  }
  sendRevocation(grant: string, token: string, bridge: string): void {
    this.order.push('send-revocation');
    this.revocations.push({ grant, token });
    this.addressees.push(bridge);
  }
  press(button: string): void {
    this.presses.push(button);
  }
  privacy(on: boolean): void {
    this.privacies.push(on);
  }
  async forget(window: Window | undefined): Promise<number> {
    if (this.forgetFails) throw new Error('the ring is gone');
    this.forgotten.push(window);
    return 3;
  }
  tamper(what: string, detail: string): void {
    this.tampers.push(what);
    this.tamperDetails.push(detail);
  }
  /** Settings as they came in force. */
  readonly settled: SettingsInForce[] = [];
  settings(inForce: SettingsInForce): void {
    this.order.push('settings');
    this.settled.push(inForce);
  }
  changed(): void {}

  last(): ReceiptBody {
    const receipt = this.receipts.at(-1);
    if (!receipt) throw new Error('no receipt');
    return receipt;
  }
}

/** A device's consent side with its surroundings. `boot` starts it, again on the same folder. */
export class GateRig {
  readonly clock = new ManualClock(START_US);
  readonly cast: Cast;
  readonly topics = topicsUnder(PREFIX);
  readonly folder: string;
  effects = new Effects();
  gate: ConsentGate;
  disk: Disk = new SystemDisk();
  /** The answers of the recording side. */
  footage = {
    covers: true,
    isAmbiguous: false,
    zonesDetail: null as string | null,
    /** The hash of the previewed clip. */
    previewed: null as string | null,
  };
  /** The settings of device.json. */
  settings: BaseSettings = {
    disclosure: { name: 'A. Resident', address: '1 Elm Street', email: 'home@example.org' },
    motion: { enabled: true, sensitivity: 50, zones: [] },
    ring: { retentionS: 86_400, retentionSMin: 10, bytes: 268_435_456 },
    events: { keepDays: 30 },
  };
  limits: NonNullable<GateDeps['limits']> = {};
  serveStateAgencies = false;
  /** Dependencies that a test adds or replaces. */
  otherwise: Partial<GateDeps> = {};
  readonly logged: Logged[] = [];
  /** The entry from which on receipts were not sent; read once. */
  missedReceiptsFrom: number | null = null;
  private boots = 0;

  private constructor(folder: string, random: Random) {
    this.folder = folder;
    this.cast = new Cast(this.clock, random);
    this.gate = this.build();
    this.cast.lastOrder = () => this.gate.lastOrder;
  }

  /** `random` makes the keys and ids of its cast. */
  static async open(random: Random = new SystemRandom()): Promise<GateRig> {
    return new GateRig(await mkdtemp(join(tmpdir(), 'doorsill-gate-')), random);
  }

  private build(): ConsentGate {
    return new ConsentGate(this.deps());
  }

  /** The dependencies of the next boot's gate. */
  deps(): GateDeps {
    this.boots += 1;
    return {
      device: this.cast.device,
      place: this.cast.place,
      prefix: PREFIX,
      boot: `boot-${this.boots}`,
      folder: this.folder,
      clock: this.clock,
      disk: this.disk,
      log: keptLog(this.logged),
      footage: {
        coverage: (window: Window) => (this.footage.covers ? [window] : []),
        ambiguous: () => this.footage.isAmbiguous,
        isPreviewed: (grant) => grant.clipSha256 === this.footage.previewed,
        zonesFault: (_window: Window, _zones: readonly Zone[]) => this.footage.zonesDetail,
      },
      marks: new HighWaterMarks(this.disk, this.clock, this.folder),
      settings: this.settings,
      buttons: ['front'],
      missedReceiptsFrom: () => {
        const untold = this.missedReceiptsFrom;
        this.missedReceiptsFrom = null;
        return untold;
      },
      limits: this.limits,
      ...(this.serveStateAgencies ? { serveStateAgencies: true } : {}),
      ...this.otherwise,
    };
  }

  /** Starts the gate with empty records of effects on the same folder. */
  async boot(effects = new Effects()): Promise<ConsentGate> {
    this.effects = effects;
    this.gate = this.build();
    await this.gate.open(effects);
    await this.gate.start();
    return this.gate;
  }

  /** A gate on the same folder that has read its records but was not started. */
  async opened(): Promise<ConsentGate> {
    await this.gate.stop();
    this.effects = new Effects();
    this.gate = this.build();
    await this.gate.open(this.effects);
    return this.gate;
  }

  async reboot(): Promise<ConsentGate> {
    await this.gate.stop();
    return this.boot();
  }

  /** A paired, enrolled gate with a fresh revocation list. */
  async ready(): Promise<this> {
    await this.boot();
    const { bridge, registry, owner } = this.cast;
    await this.gate.enrol({ bridge: bridge.id, bridgeKey: bridge.key.publicKey, registryKey: registry.key.publicKey });
    await this.gate.pair(owner.key.publicKey, 'Alex');
    await this.revocations();
    return this;
  }

  async revocations(token = this.cast.revocations()): Promise<void> {
    await this.deliver(this.topics.revocations, token, true);
  }

  /** Publishes a request to the cell; returns its token. */
  async publish(requestToken = this.cast.request(), credential = this.cast.credential()): Promise<string> {
    await this.area(this.cast.areaDocument([this.cast.published(requestToken, credential)]));
    return requestToken;
  }

  async area(token: string, topic = this.topics.areaRequests(this.cast.cell, 1)): Promise<void> {
    await this.deliver(topic, token, true);
  }

  /** Delivers a message to the device. A test may put a real broker in between. */
  deliver: (topic: string, payload: string, retained?: boolean) => Promise<void> = (topic, payload, retained = false) =>
    this.hand({ topic, payload, retained });

  /** Passes a message to the gate, as the link with that topic would. */
  async hand(message: { topic: string; payload: string | Uint8Array; retained: boolean }): Promise<void> {
    const { topic, payload } = message;
    const text = typeof payload === 'string' ? payload : fromUtf8(payload);
    const part = topic.startsWith(this.topics.areaRequests(this.cast.cell, 1)) ? (topic.split('/')[5] ?? '1') : null;
    if (topic !== this.topics.revocations && part === null) await this.gate.onOwnerMessage(message);
    else if (!text) return;
    else if (part === null) await this.gate.onRevocations(text);
    else await this.gate.onAreaDocument(Number(part), text);
  }

  async send(action: 'grant' | 'deny' | 'revoke', token: string): Promise<void> {
    await this.deliver(this.topics.consent(this.cast.device.id, textClaim(token, 'request'), action), token);
  }

  async command(token: string): Promise<void> {
    await this.deliver(this.topics.command(this.cast.device.id), token);
  }

  /** The same over the device's own server, where no broker reads it. */
  async privately(token: string): Promise<void> {
    const topic = this.topics.command(this.cast.device.id);
    await this.gate.onOwnerMessage({ topic, payload: token, retained: false, isPrivate: true });
  }

  /** A request, granted; returns both tokens and the grant's id. */
  async granted(): Promise<{ requestToken: string; grantToken: string; grant: string }> {
    const requestToken = await this.publish();
    const grantToken = this.cast.grant(requestToken);
    await this.send('grant', grantToken);
    return { requestToken, grantToken, grant: textClaim(grantToken, 'jti') };
  }

  /** Appends the ledger entry of a restore from a backup, and pairs the same owner again. */
  async restored(): Promise<void> {
    await this.gate.stop();
    const { clock, disk, folder, cast } = this;
    const ledger = new Ledger({ disk, clock, folder, device: cast.device, boot: 'boot-restore' });
    await ledger.start(() => undefined);
    await ledger.append({ type: 'restored', body: { floorS: cast.nowS() } });
    await ledger.stop();
    await this.boot();
    await this.gate.pair(cast.owner.key.publicKey, 'Alex');
    await this.revocations();
  }

  async close(): Promise<void> {
    await this.gate.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Keeps the random generator in one place for tests that need a second cast. */
export function otherCast(rig: GateRig): Cast {
  return new Cast(rig.clock, new SystemRandom(), rig.cast.place);
}
