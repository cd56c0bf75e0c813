// Scenarios between an agency, an owner and a device, and the traffic that each allows.

import { sha256Hex } from '../../../../device/base/keys.ts';
import { freshId, integerBelow, type Random } from '../../../../device/base/random.ts';
import { cellOf } from '../../../../device/contract/area-cells.ts';
import { fromUtf8 } from '../../../../device/contract/bytes.ts';
import type { Receipt } from '../../../../device/contract/home-messages.ts';
import type { CommandAction } from '../../../../device/contract/owner-orders.ts';
import type { VerifiedNotice } from '../../../../device/contract/read-request-notice.ts';
import type { Request } from '../../../../device/contract/request.ts';
import type { DisclosureKey, Window, Zone } from '../../../../device/contract/shared-claims.ts';
import { topicsUnder } from '../../../../device/contract/topics.ts';
import { giveOrder } from '../../../../device/owner/give-command.ts';
import { makeCommand, makeDenial, makeGrant, makeRevoke } from '../../../../device/owner/sign-owner-messages.ts';
import { makeParty, squareAround } from '../../../support/parties.ts';
import { Phone } from './phone.ts';
import type { Granted } from './sent-clip.ts';
import type { Allowance } from './verdict.ts';
import { seams, type World } from './world.ts';

const PATIENCE_MS = 60_000;
const MINUTE_US = 60_000_000;

/** A testbed with the owner's actions. */
export class Stage {
  readonly world: World;
  private readonly random: Random;

  constructor(world: World, random: Random) {
    this.world = world;
    this.random = random;
  }

  get signer() {
    return { ...seams, key: this.world.up.fixture.cast.owner.key };
  }

  below(limit: number): number {
    return integerBelow(this.random, limit);
  }

  /** A request of the admitted agency about the last twenty minutes; resolves when the owner has read it. */
  async ask(changes: Partial<Request> = {}): Promise<VerifiedNotice> {
    const { fixture } = this.world.up;
    const request = fixture.cast.request({ ...this.about(), ...changes });
    return this.noticed(sha256Hex(request), async () => {
      const { status, body } = await fixture.post('/v1/requests', { request });
      if (status !== 201) throw new Error(`the request was refused: ${JSON.stringify(body)}`);
    });
  }

  /** Runs `act`; resolves with the device's notice of the request. */
  noticed(requestSha256: string, act: () => Promise<void>): Promise<VerifiedNotice> {
    return this.world.up.session.waitFor<VerifiedNotice>(
      'the request',
      PATIENCE_MS,
      (found) => ({ notice: (notice) => notice.requestSha256 === requestSha256 && found(notice) }),
      act,
    );
  }

  private about(): Pick<Request, 'area' | 'window' | 'investigation' | 'profile'> {
    const { longitude, latitude } = this.world.privates.place;
    const endUs = seams.clock.wallUs();
    const profiles = ['nothing', 'address-and-email', 'name-email-phone'] as const;
    return {
      // Not centred at the home: no coordinate of the area has the home's digits.
      area: squareAround({ longitude: longitude + 0.001_37, latitude: latitude - 0.001_19 }),
      window: { startUs: endUs - 20 * MINUTE_US, endUs },
      investigation: freshId(seams.random, 'case'),
      profile: profiles[this.below(3)] ?? 'nothing',
    };
  }

  /** A window of past footage, at most `seconds` long. */
  async window(seconds: number, asked: Window): Promise<Window> {
    const span = await this.world.until('footage', () => {
      const { startUs, endUs } = this.world.footage();
      return Math.min(endUs, asked.endUs) - startUs >= 1_500_000
        ? { startUs, endUs: Math.min(endUs, asked.endUs) }
        : null;
    });
    const lengthUs = Math.min(seconds * 1_000_000, span.endUs - span.startUs);
    const startUs = span.startUs + this.below(span.endUs - span.startUs - lengthUs + 1);
    return { startUs, endUs: startUs + lengthUs };
  }

  /** Some of the requested facts that the home has. */
  keys(notice: VerifiedNotice): DisclosureKey[] {
    const keys = notice.askedKeys.filter(() => this.below(2) === 0);
    for (const key of keys) this.world.disclosed.add(key);
    return keys;
  }

  /** Sends an order and resolves with the device's receipt. */
  async order(
    notice: { request: { jti: string } },
    action: 'grant' | 'deny' | 'revoke',
    signed: { token: string; jti: string },
  ) {
    const after = this.world.receipts.length;
    await this.world.up.session.answer(notice.request.jti, action, signed.token);
    return this.world.receipt(`answer to the ${action}`, (receipt) => receipt.answers === signed.jti, after);
  }

  async command(action: CommandAction): Promise<Receipt> {
    return giveOrder(this.world.up.session, this.signer, action, PATIENCE_MS);
  }

  /** Resolves when the device has sent everything before: its answers are in order. */
  async settle(): Promise<void> {
    await this.command({ action: 'press', button: 'front' });
  }

  /** Publishes as another account of the broker. */
  async say(
    role: 'owner' | 'bridge',
    messages: readonly { topic: string; payload: string | Uint8Array; retain?: boolean }[],
  ) {
    const { broker, deviceId } = this.world.up;
    const party = makeParty(role, seams.random);
    const link = await broker.link({ role, id: party.id, ...(role === 'owner' ? { homes: [deviceId] } : {}) });
    link.start();
    await link.reached(PATIENCE_MS);
    for (const { topic, payload, retain } of messages) await link.publish(topic, payload, { retain: retain ?? false });
    await link.stop();
  }
}

type Play = (stage: Stage) => Promise<Allowance>;

/** Downloads everything that an owner can see on a phone, and a preview clip. Returns the number of bytes. */
async function lookAround(stage: Stage, notice: VerifiedNotice, window: Window) {
  const { namespace, deviceId, fixture } = stage.world.up;
  const phone = await Phone.open(namespace.device, deviceId, fixture.cast.owner.key);
  const { startUs, endUs } = window;
  const looks = [
    await phone.look(`snapshot.jpg?atUs=${startUs}`),
    await phone.look(`footage.mp4?fromUs=${startUs}&toUs=${endUs}`),
  ];
  const terms = { request: notice.request.jti, window, audio: false, zones: [] };
  const preview = await phone.preview(terms);
  const clip = await phone.look(`previews/${preview.preview}/clip.mp4`);
  if (sha256Hex(clip) !== preview.sha256) throw new Error('the preview is another clip');
  if (looks.some((bytes) => bytes.length < 2_000)) throw new Error('the phone saw nothing');
  return { phone, preview };
}

function expectOutcome(receipt: Receipt, outcome: Receipt['outcome'], codes?: RegExp): void {
  if (receipt.outcome === outcome && (!codes || codes.test(receipt.code ?? ''))) return;
  throw new Error(
    `heard ${receipt.outcome} ${receipt.code ?? ''} ${receipt.detail ?? ''}, not ${outcome} ${codes ?? ''}`,
  );
}

/** Grants a window; resolves with the grant once its `outcome` is published. */
async function grant(stage: Stage, seconds: number, outcome: 'sent' | 'failed' | null, zones: Zone[] = []) {
  const { world } = stage;
  const notice = await stage.ask();
  const window = await stage.window(seconds, notice.request.window);
  const keys = stage.keys(notice);
  const signed = makeGrant(stage.signer, notice, { window, disclose: keys, audio: stage.below(2) === 0, zones });
  const granted: Granted = { grant: signed.jti, window, keys, clip: null, revoked: false, zones };
  const after = world.receipts.length;
  expectOutcome(await stage.order(notice, 'grant', signed), 'granted');
  if (outcome) {
    const last = await world.receipt(
      `end of ${signed.jti}`,
      (receipt) => receipt.grant === signed.jti && ['sent', 'failed'].includes(receipt.outcome),
      after,
    );
    expectOutcome(last, outcome);
    if (last.clip) granted.clip = { sha256: last.clip.sha256, bytes: last.clip.bytes };
  }
  const revoke = async () => {
    const named = { request: notice.request.jti, grant: signed.jti, grantSha256: sha256Hex(signed.token) };
    expectOutcome(await stage.order(notice, 'revoke', makeRevoke(stage.signer, notice.device, named)), 'revoked');
  };
  return { granted, revoke, after };
}

/** A grant that must be refused. */
async function refused(stage: Stage, codes: RegExp, changes: Parameters<typeof makeGrant>[2] | 'expired' | 'widened') {
  const notice = await stage.ask();
  const { cast } = stage.world.up.fixture;
  const window = await stage.window(3, notice.request.window);
  const { startUs, endUs } = notice.request.window;
  const nowS = Math.floor(seams.clock.wallUs() / 1_000_000);
  const base = makeGrant(stage.signer, notice, { window });
  const claims =
    changes === 'expired'
      ? { ...base.claims, iat: nowS - 100, exp: nowS - 50 }
      : changes === 'widened'
        ? { ...base.claims, window: { startUs: startUs - 1, endUs } }
        : base.claims;
  const token = cast.sign('doorsill-grant+jws', claims, cast.owner);
  expectOutcome(await stage.order(notice, 'grant', { token, jti: base.jti }), 'refused', codes);
  return {};
}

/** Each scenario plays and returns the traffic that it allows. */
export const PLAYS = {
  ignored: async (stage) => {
    await stage.ask();
    return {};
  },
  /** Nothing goes to the bridge, whatever an owner downloads. */
  'looked at on a phone': async (stage) => {
    const notice = await stage.ask();
    const { phone, preview } = await lookAround(stage, notice, await stage.window(3, notice.request.window));
    await phone.removePreview(preview);
    return { isWatched: true };
  },
  'looked at on a phone, then granted there': async (stage) => {
    const { world } = stage;
    const notice = await stage.ask();
    const window = await stage.window(3, notice.request.window);
    const { phone, preview } = await lookAround(stage, notice, window);
    const before = await world.up.namespace.mark();
    const keys = stage.keys(notice);
    const { token, jti } = makeGrant(stage.signer, notice, { window, disclose: keys, clipSha256: preview.sha256 });
    const after = world.receipts.length;
    await phone.order({ kind: 'grant', request: notice.request.jti, token });
    const last = await world.receipt(
      `end of ${jti}`,
      ({ grant: id, outcome }) => id === jti && ['sent', 'failed'].includes(outcome),
      after,
    );
    expectOutcome(last, 'sent');
    const clip = last.clip ? { sha256: last.clip.sha256, bytes: last.clip.bytes } : null;
    const { clipSha256 } = last.clip?.sealed ?? { clipSha256: clip?.sha256 };
    if (clipSha256 !== preview.sha256) throw new Error('what was sent is another clip than was looked at');
    return {
      isWatched: true,
      granted: { grant: jti, window, keys, clip, revoked: false, zones: [] },
      silentUntil: before,
    };
  },
  denied: async (stage) => {
    const notice = await stage.ask();
    expectOutcome(await stage.order(notice, 'deny', makeDenial(stage.signer, notice)), 'denied');
    return {};
  },
  granted: async (stage) => {
    const { granted } = await grant(stage, 2 + stage.below(4), 'sent');
    return { granted };
  },
  'granted with a zone': async (stage) => {
    const zone = { left: 1_000 + stage.below(3_000), top: 2_000, width: 4_000, height: 5_000 };
    const { granted } = await grant(stage, 3, 'sent', [zone]);
    return { granted };
  },
  'revoked while sent': async (stage) => {
    const { bridge } = stage.world.fronts;
    const held = bridge.hold(20_000);
    const { granted, revoke, after } = await grant(stage, 8, null);
    await held;
    await stage.world.backUp();
    await revoke();
    bridge.release();
    const { world } = stage;
    const sealed = await world.receipt(
      'seal',
      ({ grant, outcome }) => grant === granted.grant && outcome === 'sealed',
      after,
    );
    await world.receipt('deletion', ({ grant, outcome }) => grant === granted.grant && outcome === 'deleted', after);
    if (sealed.clip) granted.clip = { sha256: sealed.clip.sha256, bytes: sealed.clip.bytes };
    return { granted: { ...granted, revoked: true } };
  },
  'revoked while the bridge is away': async (stage) => {
    const { bridge } = stage.world.fronts;
    await bridge.stop();
    const { granted, revoke, after } = await grant(stage, 3, null);
    await stage.world.receipt('seal', ({ grant, outcome }) => grant === granted.grant && outcome === 'sealed', after);
    await revoke();
    await bridge.start();
    // A token may have been in transit when the bridge was gone: the bridge gets only its end.
    await stage.world.receipt(
      'deletion',
      ({ grant, outcome }) => grant === granted.grant && outcome === 'deleted',
      after,
    );
    return { granted: { ...granted, revoked: true } };
  },
  'granted too late': (stage) => refused(stage, /expired/, 'expired'),
  'granted after the request': async (stage) => {
    const notice = await stage.ask({ exp: Math.floor(seams.clock.wallUs() / 1_000_000) + 2 });
    const window = await stage.window(3, notice.request.window);
    const leftMs = notice.request.exp * 1_000 - seams.clock.wallUs() / 1_000;
    await seams.clock.sleep(Math.max(0, leftMs) + 1);
    const signed = makeGrant(stage.signer, notice, { window });
    expectOutcome(await stage.order(notice, 'grant', signed), 'refused', /expired|unknown/);
    return {};
  },
  'granted too widely': (stage) => refused(stage, /window/, 'widened'),
  'granted by a stranger': async (stage) => {
    const notice = await stage.ask();
    const { session, fixture } = stage.world.up;
    const stranger = makeParty('owner', seams.random);
    const window = await stage.window(3, notice.request.window);
    const { token } = makeGrant({ ...stage.signer, key: stranger.key }, notice, { window });
    await session.answer(notice.request.jti, 'grant', token);
    // And one that the agency itself signed.
    const own = makeGrant({ ...stage.signer, key: fixture.cast.agency.key }, notice, { window });
    await session.answer(notice.request.jti, 'grant', own.token);
    return {};
  },
  'asked by a stranger': async (stage) => {
    const { deviceId, fixture } = stage.world.up;
    const { cast } = fixture;
    const stranger = makeParty('agency', seams.random);
    const endUs = seams.clock.wallUs();
    const request = cast.request(
      { window: { startUs: endUs - 20 * MINUTE_US, endUs }, area: squareAround(stage.world.privates.place) },
      stranger,
    );
    const credential = cast.credential({ agency: stranger.id, key: stranger.key.publicKey }, stranger);
    const cell = cellOf(stage.world.privates.place);
    const document = cast.areaDocument([cast.published(request, credential)], { cell, revision: 1_000_000 }, stranger);
    await stage.say('bridge', [
      { topic: topicsUnder('doorsill/v1').areaRequests(cell, 1), payload: document, retain: true },
    ]);
    const claims = cast.grant(request, { aud: deviceId, window: { startUs: endUs - 5_000_000, endUs } });
    const jti = String(JSON.parse(fromUtf8(Buffer.from(claims.split('.')[1] ?? '', 'base64url')) ?? '').jti);
    const id = String(JSON.parse(Buffer.from(request.split('.')[1] ?? '', 'base64url').toString()).jti);
    expectOutcome(
      await stage.order({ request: { jti: id } }, 'grant', { token: claims, jti }),
      'refused',
      /request_unknown/,
    );
    return {};
  },
  'flooded with orders': async (stage) => {
    const { deviceId } = stage.world.up;
    const topics = topicsUnder('doorsill/v1');
    const good = makeCommand(stage.signer, deviceId, { action: 'privacy', on: true }).token;
    const bad = (at: number) => {
      const bytes = Buffer.from(good);
      // The same letter would leave the order valid.
      const place = stage.below(bytes.length);
      bytes[place] = bytes[place] === 33 + (at % 90) ? 34 + (at % 90) : 33 + (at % 90);
      return (
        [bytes, '', '{}', `${good}${'.'.repeat(at)}x`, 'A'.repeat(2_000 + at), seams.random.bytes(500)][at % 6] ?? ''
      );
    };
    const messages = Array.from({ length: 24 }, (_, at) => ({
      topic:
        at % 2 === 0 ? topics.command(deviceId) : topics.consent(deviceId, freshId(seams.random, 'request'), 'grant'),
      payload: bad(at),
    }));
    await stage.say('owner', messages);
    return {};
  },
  'asked for what is forgotten': async (stage) => {
    const notice = await stage.ask();
    const window = await stage.window(2, notice.request.window);
    await stage.command({ action: 'forget', window });
    const inner = { startUs: window.startUs + 1, endUs: window.endUs - 1 };
    const signed = makeGrant(stage.signer, notice, { window: inner });
    expectOutcome(await stage.order(notice, 'grant', signed), 'refused', /footage/);
    return {};
  },
  'the broker is away': async (stage) => {
    const { world } = stage;
    const before = world.timesOnline;
    await world.fronts.broker.stop();
    await world.fronts.broker.start();
    await world.until('return', () => (world.timesOnline > before && world.state?.area === 'online' ? true : null));
    return {};
  },
  'somebody rings': async (stage) => {
    await stage.settle();
    return {};
  },
  'privacy on and off': async (stage) => {
    await stage.command({ action: 'privacy', on: true });
    await stage.world.until('camera off', () => (stage.world.state?.camera.state === 'off' ? true : null));
    await stage.ask();
    await stage.command({ action: 'privacy', on: false });
    await stage.world.until('camera on', () => (stage.world.state?.camera.state === 'recording' ? true : null));
    return {};
  },
  'the device crashes': async (stage) => {
    const { world } = stage;
    const notice = await stage.ask();
    await world.up.device.end('SIGABRT');
    // A connected area link has not received the request again yet.
    await stage.noticed(notice.requestSha256, async () => void (await world.up.device.start()));
    expectOutcome(await stage.order(notice, 'deny', makeDenial(stage.signer, notice)), 'denied');
    return {};
  },
} satisfies Record<string, Play>;

export type PlayName = keyof typeof PLAYS;

/** Scenarios for a device with its own server. */
export const PLAYS_WATCHED: readonly PlayName[] = ['looked at on a phone', 'looked at on a phone, then granted there'];

/** Scenarios that keep the footage of a file. */
export const PLAYS_ON_FILE: readonly PlayName[] = [
  'granted',
  'ignored',
  'denied',
  'granted with a zone',
  'revoked while sent',
  'granted by a stranger',
  'granted too late',
  'granted after the request',
  'granted',
  'asked by a stranger',
  'granted too widely',
  'flooded with orders',
  'revoked while the bridge is away',
  'asked for what is forgotten',
  'somebody rings',
  'the broker is away',
];

/** Scenarios for a continuous camera. */
export const PLAYS_LIVE: readonly PlayName[] = [
  'granted',
  'the device crashes',
  'privacy on and off',
  'granted',
  'denied',
  'ignored',
  'granted by a stranger',
  'flooded with orders',
  'somebody rings',
  'the broker is away',
];
