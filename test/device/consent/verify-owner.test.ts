import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { OWNER_MESSAGE_AGE_S_MAX, timeFault } from '../../../device/consent/verify-owner.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { CLOCK_SKEW_S_MAX } from '../../../device/contract/owner-orders.ts';
import type { Sealing } from '../../../device/contract/sealing.ts';
import { claimsOf, textClaim } from '../../support/parties.ts';
import { Searching } from '../../support/searches.ts';
import { GateRig, otherCast } from './gate-rig.ts';

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(() => rig.close());

const counts = () => rig.gate.unbelievedCounts();
const outcome = () => rig.effects.last().code ?? rig.effects.last().outcome;

describe('a message', () => {
  it('of bytes that are not text is refused', async () => {
    const topic = rig.topics.command(rig.cast.device.id);
    await rig.gate.onOwnerMessage({ topic, payload: new Uint8Array([0xff, 0xfe]), retained: false });
    expect(counts()).toEqual({ token_malformed: 1 });
  });

  it('is accepted as bytes and as text, up to its limit', async () => {
    const topic = rig.topics.command(rig.cast.device.id);
    const token = () => rig.cast.command({ action: 'press', button: 'front' });
    await rig.gate.onOwnerMessage({ topic, payload: new TextEncoder().encode(token()), retained: false });
    await rig.gate.onOwnerMessage({ topic, payload: token(), retained: false });
    expect(rig.effects.presses).toEqual(['front', 'front']);
    await rig.gate.onOwnerMessage({ topic, payload: 'x'.repeat(65_536), retained: false });
    await rig.gate.onOwnerMessage({ topic, payload: 'x'.repeat(65_537), retained: false });
    expect(counts()).toEqual({ token_malformed: 1, token_too_large: 1 });
  });

  it('on a topic of another device is refused', async () => {
    const payload = rig.cast.command({ action: 'press', button: 'front' });
    await rig.gate.onOwnerMessage({ topic: rig.topics.command('device-other'), payload, retained: false });
    expect([counts(), rig.effects.presses]).toEqual([{ message_topic_mismatch: 1 }, []]);
  });

  it.each(['grant', 'deny', 'revoke'] as const)(
    'to %s is accepted only when an owner of this device signed it',
    async (action) => {
      const requestToken = await rig.publish();
      const grantToken = rig.cast.grant(requestToken);
      const stranger = otherCast(rig).owner;
      const signed = {
        grant: rig.cast.grant(requestToken, {}, stranger),
        deny: rig.cast.denial(requestToken, {}, stranger),
        revoke: rig.cast.revoke(grantToken, {}, stranger),
      };
      await rig.send(action, signed[action]);
      expect([counts(), rig.effects.receipts]).toEqual([{ token_unknown_signer: 1 }, []]);
    },
  );

  it.each(['deny', 'revoke'] as const)('to %s on another request’s topic is refused', async (action) => {
    const requestToken = await rig.publish();
    const token = action === 'deny' ? rig.cast.denial(requestToken) : rig.cast.revoke(rig.cast.grant(requestToken));
    await rig.deliver(rig.topics.consent(rig.cast.device.id, 'request-other', action), token);
    expect([counts(), rig.effects.receipts]).toEqual([{ message_topic_mismatch: 1 }, []]);
  });
});

describe('times of signing', () => {
  const NOW_S = 1_800_000_000;
  it.each([
    [NOW_S, null],
    [NOW_S + CLOCK_SKEW_S_MAX, null],
    [NOW_S + CLOCK_SKEW_S_MAX + 1, 'consent_not_yet_valid'],
    [NOW_S - OWNER_MESSAGE_AGE_S_MAX, null],
    [NOW_S - OWNER_MESSAGE_AGE_S_MAX - 1, 'consent_too_old'],
  ])('%d is judged as %s', (iat, code) => {
    expect(timeFault({ iat }, NOW_S, OWNER_MESSAGE_AGE_S_MAX)).toBe(code);
  });
});

describe('a grant at the limits', () => {
  const window = () => rig.cast.window();
  it.each<[string, (asked: { startUs: number; endUs: number }) => object, string]>([
    ['the whole of the asked window', (asked) => ({ window: asked }), 'granted'],
    [
      'a microsecond more at its end',
      ({ startUs, endUs }) => ({ window: { startUs, endUs: endUs + 1 } }),
      'consent_window_outside',
    ],
    [
      'a microsecond more at its start',
      ({ startUs, endUs }) => ({ window: { startUs: startUs - 1, endUs } }),
      'consent_window_outside',
    ],
    ['a millisecond', ({ startUs }) => ({ window: { startUs, endUs: startUs + 1_000 } }), 'granted'],
    [
      'a microsecond less',
      ({ startUs }) => ({ window: { startUs, endUs: startUs + 999 } }),
      'consent_window_too_short',
    ],
    ['a week of life', () => ({ exp: rig.cast.nowS() + 7 * 86_400 }), 'granted'],
    ['a second more of life', () => ({ exp: rig.cast.nowS() + 7 * 86_400 + 1 }), 'consent_grant_lifetime'],
    ['a second of life left', () => ({ exp: rig.cast.nowS() + 1 }), 'granted'],
    [
      'a life that was over before',
      () => ({ iat: rig.cast.nowS() - 20, exp: rig.cast.nowS() - 10 }),
      'consent_grant_expired',
    ],
    [
      'an age of more than a day',
      () => ({ iat: rig.cast.nowS() - 86_401, exp: rig.cast.nowS() + 60 }),
      'consent_too_old',
    ],
    ['a second in the future', () => ({ iat: rig.cast.nowS() + 301 }), 'consent_not_yet_valid'],
    ['other bytes of the request', () => ({ requestSha256: 'a'.repeat(64) }), 'consent_request_changed'],
    ['a fact that was not asked for', () => ({ disclose: ['phone'] }), 'consent_disclosure_beyond'],
    ['a clip that nobody has looked at', () => ({ clipSha256: 'a'.repeat(64) }), 'preview_changed'],
    ['no second of life left', () => ({ iat: rig.cast.nowS() - 1, exp: rig.cast.nowS() }), 'consent_grant_expired'],
    ['a day of age', () => ({ iat: rig.cast.nowS() - 86_400, exp: rig.cast.nowS() + 60 }), 'granted'],
    ['nothing disclosed', () => ({ disclose: [] }), 'granted'],
    ['one of two facts disclosed', () => ({ disclose: ['email'] }), 'granted'],
  ])('of %s is answered rightly', async (_what, changes, due) => {
    await rig.send('grant', rig.cast.grant(await rig.publish(), changes(window())));
    expect(outcome()).toBe(due);
  });

  it('may end with this microsecond, and not with the next', async () => {
    const startUs = rig.clock.wallUs() - 60_000_000;
    const asked = { startUs, endUs: rig.clock.wallUs() + 60_000_000 };
    const grantTo = async (endUs: number) => {
      const requestToken = await rig.publish(rig.cast.request({ window: asked }));
      await rig.send('grant', rig.cast.grant(requestToken, { window: { startUs, endUs } }));
      return outcome();
    };
    expect(await grantTo(rig.clock.wallUs())).toBe('granted');
    expect(await grantTo(rig.clock.wallUs() + 1)).toBe('consent_window_future');
  });

  it('of a request that ends with this second is refused, and one that ends with the next is not', async () => {
    const requestToken = await rig.publish(rig.cast.request({ exp: rig.cast.nowS() + 2 }));
    await rig.clock.advance(1_000);
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(outcome()).toBe('granted');
    const second = await rig.publish(rig.cast.request({ exp: rig.cast.nowS() + 1 }));
    await rig.clock.advance(1_000);
    await rig.send('grant', rig.cast.grant(second));
    expect(outcome()).toBe('consent_request_expired');
  });

  it('is refused by an untrusted clock, and of footage that is missing or uncertain', async () => {
    rig.footage.covers = false;
    await rig.send('grant', rig.cast.grant(await rig.publish()));
    expect(outcome()).toBe('consent_window_no_footage');
    Object.assign(rig.footage, { covers: true, isAmbiguous: true });
    await rig.send('grant', rig.cast.grant(await rig.publish()));
    expect(outcome()).toBe('consent_window_ambiguous');
    const requestToken = await rig.publish();
    rig.clock.setWallUs(rig.clock.wallUs() - 60_000_000);
    await rig.send('grant', rig.cast.grant(requestToken));
    expect(outcome()).toBe('consent_clock_untrusted');
  });

  it('to another recipient than the requester is refused', async () => {
    const requestToken = await rig.publish();
    for (const recipient of [
      { kind: 'agency', key: otherCast(rig).agency.key.publicKey },
      { kind: 'neighbor', key: rig.cast.agency.key.publicKey },
    ] as const) {
      await rig.send('grant', rig.cast.grant(requestToken, { recipient }));
      expect(outcome()).toBe('consent_wrong_recipient');
    }
  });

  it('has zones that the stream supports', async () => {
    const zones = [{ left: 0, top: 0, width: 100, height: 100 }];
    await rig.send('grant', rig.cast.grant(await rig.publish(), { zones }));
    expect(outcome()).toBe('granted');
    rig.footage.zonesDetail = 'the picture is too small';
    await rig.send('grant', rig.cast.grant(await rig.publish()));
    expect(outcome()).toBe('granted');
    await rig.send('grant', rig.cast.grant(await rig.publish(), { zones }));
    expect(rig.effects.last()).toMatchObject({
      code: 'consent_zones_unsupported',
      detail: expect.stringContaining('the picture is too small'),
    });
  });

  it('that names a fact which the device lacks is told which', async () => {
    rig.settings.disclosure = { address: '1 Elm Street' };
    await rig.reboot();
    await rig.revocations();
    await rig.send('grant', rig.cast.grant(await rig.publish()));
    expect(rig.effects.last()).toMatchObject({
      code: 'consent_disclosure_missing',
      detail: expect.stringContaining('email'),
    });
  });
});

describe.each(['agency', 'neighbor'] as const)('a grant to an encrypting %s', (kind) => {
  const random = new SystemRandom();
  const [key, another] = [generateSealingKey(random).publicKey, generateSealingKey(random).publicKey];
  const LOW_ORDER = toBase64url(new Uint8Array(32));
  /** 43 letters, but the last one has bits that no 32 bytes have. */
  const NO_BYTES = `${'A'.repeat(42)}B`;

  /** A request or search of a recipient who wants clips so, which can be answered. */
  async function asked(sealing: Sealing | null): Promise<string> {
    const wanted = sealing ? { sealing } : {};
    if (kind === 'agency') return rig.publish(rig.cast.request(), rig.cast.credential(wanted));
    const searching = new Searching(rig.cast);
    const token = searching.search(wanted);
    await rig.command(rig.cast.command({ action: 'search-party', on: true }));
    await rig.gate.onSearchDocument(1, searching.document([searching.published(token)]));
    const endUs = rig.cast.nowS() * 1_000_000 - 60_000_000;
    const window = { startUs: endUs - 10_000_000, endUs };
    await rig.gate.sighted(textClaim(token, 'jti'), { window, stillUs: endUs - 4_000_000, likeness: 0.8 });
    return token;
  }

  async function answer(token: string, sealing: Sealing | null): Promise<string> {
    const recipient = { kind, key: textClaim(token, 'iss'), ...(sealing ? { sealing } : {}) };
    const changes = { recipient, disclose: [] };
    const grant = kind === 'agency' ? rig.cast.grant(token, changes) : new Searching(rig.cast).grant(token, changes);
    await rig.send('grant', grant);
    return outcome();
  }

  it.each<[string, Sealing | null, Sealing | null, string]>([
    ['as the recipient asks', { key, keeper: 'vault' }, { key, keeper: 'vault' }, 'granted'],
    [
      'as a recipient asks who opens clips alone',
      { key, keeper: 'recipient' },
      { key, keeper: 'recipient' },
      'granted',
    ],
    ['not at all, for one who does not ask', null, null, 'granted'],
    ['not at all, for one who asks', { key, keeper: 'vault' }, null, 'consent_sealing_changed'],
    ['for one who does not ask', null, { key, keeper: 'vault' }, 'consent_sealing_changed'],
    ['to another key', { key, keeper: 'vault' }, { key: another, keeper: 'vault' }, 'consent_sealing_changed'],
    ['for another keeper', { key, keeper: 'vault' }, { key, keeper: 'recipient' }, 'consent_sealing_changed'],
    [
      'to a key of low order instead',
      { key, keeper: 'vault' },
      { key: LOW_ORDER, keeper: 'vault' },
      'consent_sealing_changed',
    ],
    [
      'to a key of low order, as asked',
      { key: LOW_ORDER, keeper: 'vault' },
      { key: LOW_ORDER, keeper: 'vault' },
      'consent_sealing_key',
    ],
    [
      'to a key that is no bytes, as asked',
      { key: NO_BYTES, keeper: 'recipient' },
      { key: NO_BYTES, keeper: 'recipient' },
      'consent_sealing_key',
    ],
  ])('of a clip encrypted %s is answered rightly', async (_what, wanted, granted, due) => {
    expect(await answer(await asked(wanted), granted)).toBe(due);
    const made = due === 'granted' ? [granted ?? undefined] : [];
    expect(rig.effects.made.map((live) => live.facts.grant.recipient.sealing)).toEqual(made);
    await rig.reboot();
    expect([rig.gate.damaged, rig.gate.unfinishedGrants().length]).toEqual([null, made.length]);
  });

  it.each<[string, object]>([
    ['of another keeper than the two', { key, keeper: 'bridge' }],
    ['without a keeper', { key }],
    ['with a claim that nobody knows', { key, keeper: 'vault', also: another }],
    ['to a key of other letters', { key: '='.repeat(43), keeper: 'vault' }],
  ])('of a clip encrypted %s is not believed', async (_what, sealing) => {
    const token = await asked({ key, keeper: 'vault' });
    const before = rig.effects.receipts.length;
    await answer(token, sealing as Sealing).catch(() => undefined);
    expect([rig.effects.receipts.length, rig.effects.made]).toEqual([before, []]);
    expect(counts()).toEqual({ token_unknown_claims: 1 });
  });
});

it('a grant that was signed before its agency changed its key is refused, and one signed afterwards is not', async () => {
  const random = new SystemRandom();
  const before: Sealing = { key: generateSealingKey(random).publicKey, keeper: 'vault' };
  const after: Sealing = { key: generateSealingKey(random).publicKey, keeper: 'vault' };
  const request = rig.cast.request();
  const grant = (sealing: Sealing) =>
    rig.cast.grant(request, { recipient: { kind: 'agency', key: rig.cast.agency.key.publicKey, sealing } });
  const publish = (sealing: Sealing, revision: number) =>
    rig.publish(request, rig.cast.credential({ revision, sealing }));
  await publish(before, 1);
  const early = grant(before);
  await publish(after, 2);
  await rig.send('grant', early);
  expect(outcome()).toBe('consent_sealing_changed');
  await rig.send('grant', grant(after));
  expect(outcome()).toBe('granted');
});

describe('a grant to an agency whose new key came with another of its requests', () => {
  const random = new SystemRandom();
  const before: Sealing = { key: generateSealingKey(random).publicKey, keeper: 'vault' };
  const after: Sealing = { key: generateSealingKey(random).publicKey, keeper: 'vault' };

  /** Two requests of an agency; the first one's document still has the credential of before. */
  async function changed() {
    const { cast } = rig;
    const [first, second] = [cast.request(), cast.request()];
    const early = cast.published(first, cast.credential({ revision: 1, sealing: before }));
    const late = cast.published(second, cast.credential({ revision: 2, sealing: after }));
    await rig.area(cast.areaDocument([early]));
    await rig.area(cast.areaDocument([early, late]));
    return first;
  }

  const answer = async (token: string, sealing: Sealing) => {
    const recipient = { kind: 'agency', key: rig.cast.agency.key.publicKey, sealing } as const;
    await rig.send('grant', rig.cast.grant(token, { recipient }));
    return outcome();
  };

  it('is accepted with the key that its notice names', async () => {
    const token = await changed();
    const notice = rig.effects.notices.findLast(({ published }) => published.request === token);
    expect(claimsOf(notice?.published.credential ?? '')['sealing']).toEqual(after);
    expect(await answer(token, after)).toBe('granted');
  });

  it('is refused with the key of before, and the ledger stays whole', async () => {
    expect(await answer(await changed(), before)).toBe('consent_sealing_changed');
    await rig.reboot();
    expect(rig.gate.damaged).toBeNull();
  });
});

describe('the credential from before an agency changed its key, which a captured bridge publishes again', () => {
  const random = new SystemRandom();
  const after: Sealing = { key: generateSealingKey(random).publicKey, keeper: 'vault' };

  /** The registry's list once it has approved the change. */
  const changedList = () =>
    rig.cast.revocations({ revision: 2, revoked: [{ agency: rig.cast.agency.id, upToRevision: 1 }] });

  /** What becomes of an unencrypted grant that answers a request under the credential of before; null: owners are not asked. */
  async function answered(): Promise<string | null> {
    const { cast } = rig;
    const request = await rig.publish(cast.request(), cast.credential({ revision: 1 }));
    const [notice] = rig.effects.notices.filter(({ published }) => published.request === request);
    if (!notice) return null;
    await rig.send('grant', cast.grant(request, { recipient: { kind: 'agency', key: cast.agency.key.publicKey } }));
    return outcome();
  }

  it.each<[string, string | null, () => Promise<void>]>([
    ['while the device runs', 'consent_sealing_changed', async () => undefined],
    [
      'after a restart with the list of the change',
      null,
      async () => {
        await rig.reboot();
        await rig.revocations(changedList());
      },
    ],
    [
      'after a restart, when the broker offers the list of before',
      null,
      async () => {
        await rig.reboot();
        await rig.revocations();
      },
    ],
  ])('is of no use once the device has had the registry’s list of the change, %s', async (_what, due, then) => {
    const { cast } = rig;
    await rig.publish(cast.request(), cast.credential({ revision: 2, sealing: after }));
    await rig.revocations(changedList());
    await then();
    expect(await answered()).toBe(due);
    expect(rig.effects.made).toEqual([]);
  });

  it('counts for a device that has not heard of the change: its notice says that the bridge can read the clip', async () => {
    expect(await answered()).toBe('granted');
    const { published } = rig.effects.notices.at(-1) ?? {};
    expect(claimsOf(published?.credential ?? '')).not.toHaveProperty('sealing');
  });
});

describe('a command at the limits of its time', () => {
  it.each([
    ['a press of a minute ago', { action: 'press', button: 'front' }, { iat: -60 }, 'consent_too_old'],
    ['a press of now', { action: 'press', button: 'front' }, { iat: 0 }, 'command-done'],
    ['privacy of a day ago', { action: 'privacy', on: true }, { iat: -86_400 }, 'command-done'],
    ['privacy of a day and a second ago', { action: 'privacy', on: true }, { iat: -86_401 }, 'consent_too_old'],
    ['privacy of the future', { action: 'privacy', on: true }, { iat: 301 }, 'consent_not_yet_valid'],
    ['privacy that ends with this second', { action: 'privacy', on: true }, { iat: 0, exp: 0 }, 'token_expired'],
    ['privacy that ends with the next', { action: 'privacy', on: true }, { iat: 0, exp: 1 }, 'command-done'],
  ] as const)('%s is answered rightly', async (_what, command, { iat, ...rest }, due) => {
    const nowS = rig.cast.nowS();
    const exp = nowS + ('exp' in rest ? rest.exp : 600);
    await rig.command(rig.cast.command(command, { iat: nowS + iat, exp }));
    expect(outcome()).toBe(due);
  });
});

describe('a preview at the limits', () => {
  const open = (request: string) => {
    const terms = { request, window: rig.cast.window(), audio: false, zones: [], byteLimit: 1_000 };
    return () => rig.gate.previews.open(terms, new SystemRandom());
  };
  const refused = (request: string, code: string) => expect(open(request)).toThrow(expect.objectContaining({ code }));

  it('is refused for a request that is cancelled, expired, or of an agency that may not be answered', async () => {
    const cancelled = textClaim(await rig.publish(), 'jti');
    await rig.area(rig.cast.areaDocument([], { cancelled: [cancelled] }));
    refused(cancelled, 'consent_request_cancelled');
    const over = textClaim(await rig.publish(rig.cast.request({ exp: rig.cast.nowS() + 1 })), 'jti');
    await rig.clock.advance(1_000);
    refused(over, 'consent_request_expired');
    const narrow = rig.cast.credential({ revision: 2, profiles: ['nothing'] });
    refused(textClaim(await rig.publish(rig.cast.request(), narrow), 'jti'), 'consent_request_beyond');
  });

  it('is refused while the clock is not trusted', async () => {
    const request = textClaim(await rig.publish(), 'jti');
    rig.clock.setWallUs(rig.clock.wallUs() - 3_600_000_000);
    refused(request, 'consent_clock_untrusted');
  });
});
