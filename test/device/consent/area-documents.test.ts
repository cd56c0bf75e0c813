import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TaskQueue } from '../../../device/base/task-queue.ts';
import { DocumentQueue } from '../../../device/consent/area-documents.ts';
import { CLOCK_SKEW_S_MAX } from '../../../device/contract/owner-orders.ts';
import { LIFE_S_MAX } from '../../../device/contract/shared-claims.ts';
import { textClaim } from '../../support/parties.ts';
import { Searching } from '../../support/searches.ts';
import { FullDisk } from './full-disk.ts';
import { GateRig, otherCast } from './gate-rig.ts';

let rig: GateRig;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
});
afterEach(() => rig.close());

const counts = () => rig.gate.unbelievedCounts();
const open = () => rig.gate.openRequests().map(({ request }) => request);

describe('documents', () => {
  it('are accepted two hundred at once and then one per second, whatever the bridge signs', {
    tags: ['long'],
  }, async () => {
    await rig.clock.advance(60_000);
    for (let count = 0; count < 201; count += 1) await rig.area(rig.cast.areaDocument([]));
    expect(counts()).toEqual({ consent_too_many: 1 });
    await rig.clock.advance(500);
    await rig.area(rig.cast.areaDocument([]));
    expect(counts()).toEqual({ consent_too_many: 2 });
    await rig.clock.advance(500);
    await rig.area(rig.cast.areaDocument([]));
    expect(counts()).toEqual({ consent_too_many: 2 });
  });

  it('of an older revision use up none of the rate that newer ones need, however often a broker repeats them', async () => {
    const old = rig.cast.areaDocument([]);
    await rig.area(rig.cast.areaDocument([]));
    for (let count = 0; count < 250; count += 1) await rig.area(old);
    await rig.publish();
    expect([counts(), open().length]).toEqual([{ consent_too_old: 250 }, 1]);
  });

  it('use up none of the rate when the same one is repeated', async () => {
    const document = rig.cast.areaDocument([]);
    for (let count = 0; count < 300; count += 1) await rig.area(document);
    expect(counts()).toEqual({});
  });

  it('that wait in the queue are the newest of each part alone, and those of another bridge are never compared by revision', async () => {
    const queue = new TaskQueue();
    let goOn = (): void => undefined;
    const isFree = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const busy = queue.run(() => isFree);
    const taken: string[] = [];
    const turns = new DocumentQueue<{ part: number; revision: number }>(queue, async ({ token }) => {
      taken.push(token);
    });
    const pins = { bridge: '', bridgeKey: '', registryKey: '' };
    const others = { ...pins };
    const add = (part: number, revision: number, by = pins) =>
      turns.add({ document: { part, revision }, token: `${part}/${revision}`, pins: by });
    const added = [add(1, 1), add(1, 7), add(2, 3), add(1, 7), add(2, 4)];
    expect([add(1, 6), queue.waiting, turns.waits(1), turns.waits(3)]).toEqual([null, 3, true, false]);
    added.push(add(2, 1, others));
    goOn();
    await Promise.all([busy, ...added]);
    expect([taken, turns.waits(1), turns.waits(2)]).toEqual([['1/7', '2/1'], false, false]);
  });

  it('take up one place in the queue while the disk is busy, however many arrive', async () => {
    const written = vi.spyOn(rig.disk, 'replaceFile');
    const request = rig.cast.request();
    const documents = Array.from({ length: 180 }, () => rig.cast.areaDocument([]));
    await Promise.all([...documents, rig.cast.areaDocument([rig.cast.published(request)])].map((one) => rig.area(one)));
    expect([open(), counts(), written.mock.calls.length]).toEqual([[textClaim(request, 'jti')], {}, 1]);
  });

  it('are refused when a newer one overtook them in the queue, for requests and for searches', async () => {
    const [old, newer] = [rig.cast.request(), rig.cast.request()].map((request) => rig.cast.published(request));
    await Promise.all([
      rig.area(rig.cast.areaDocument(newer ? [newer] : [], { revision: 9 })),
      rig.area(rig.cast.areaDocument(old ? [old] : [], { revision: 8 })),
    ]);
    expect([open(), counts()]).toEqual([[textClaim(newer?.request ?? '', 'jti')], { consent_too_old: 1 }]);
    const searching = new Searching(rig.cast);
    await rig.command(rig.cast.command({ action: 'search-party', on: true }));
    const hear = (revision: number) =>
      rig.gate.onSearchDocument(1, searching.document([searching.published()], { revision }));
    await Promise.all([hear(9), hear(8)]);
    expect([rig.effects.searched.at(-1)?.length, counts()]).toEqual([1, { consent_too_old: 2 }]);
  });

  it('are accepted even when the mark of their revision cannot be stored', async () => {
    const disk = new FullDisk();
    rig.disk = disk;
    await rig.reboot();
    await rig.revocations();
    disk.stuckFile = 'marks.json';
    await rig.publish();
    expect(open()).toHaveLength(1);
  });

  it('of two parts are independent: each can be repeated alone', async () => {
    const [first, second] = [1, 2].map((part) => rig.cast.areaDocument([], { part, parts: 2, revision: 5 }));
    const topic = (part: number) => rig.topics.areaRequests(rig.cast.cell, part);
    for (const [part, token] of [
      [1, first],
      [2, second],
      [1, first],
    ] as const) {
      await rig.area(token ?? '', topic(part));
    }
    expect(counts()).toEqual({});
  });

  it('are read again, byte for byte the same, after the device was enrolled elsewhere or left Search Party', async () => {
    const searching = new Searching(rig.cast);
    const { bridge, registry } = rig.cast;
    const pins = { bridge: bridge.id, bridgeKey: bridge.key.publicKey, registryKey: registry.key.publicKey };
    const turn = (on: boolean) => rig.command(rig.cast.command({ action: 'search-party', on }));
    const documents = [rig.cast.areaDocument([rig.cast.published()]), searching.document([searching.published()])];
    const hear = async () => {
      await rig.area(documents[0] ?? '');
      await rig.gate.onSearchDocument(1, documents[1] ?? '');
    };
    await turn(true);
    await hear();
    await rig.gate.enrol({ ...pins, registryKey: otherCast(rig).registry.key.publicKey });
    expect([open(), rig.effects.searched.at(-1)]).toEqual([[], []]);
    await rig.gate.enrol(pins);
    await hear();
    expect([open().length, rig.effects.searched.at(-1)?.length]).toEqual([1, 1]);
    await turn(false);
    await turn(true);
    await hear();
    expect(rig.effects.searched.at(-1)).toHaveLength(1);
  });

  it('that name a part beyond their last one are refused', async () => {
    const parts = { part: 2, parts: 1 };
    await rig.area(rig.cast.areaDocument([], parts), rig.topics.areaRequests(rig.cast.cell, 2));
    expect(counts()).toEqual({ message_topic_mismatch: 1 });
  });

  it('may be dated ahead by as much as clocks may differ', async () => {
    await rig.area(rig.cast.areaDocument([rig.cast.published()], { iat: rig.cast.nowS() + CLOCK_SKEW_S_MAX }));
    expect(open()).toHaveLength(1);
  });

  it('fill at most half of the queue: the other half is for owners’ orders', async () => {
    rig.limits = { waitingMax: 4 };
    await rig.reboot();
    await rig.command(rig.cast.command({ action: 'search-party', on: true }));
    const searching = new Searching(rig.cast);
    const press = () => rig.command(rig.cast.command({ action: 'press', button: 'front' }));
    const requests = [1, 2, 3, 4, 1].map((part) =>
      rig.area(rig.cast.areaDocument([], { part, parts: 9 }), rig.topics.areaRequests(rig.cast.cell, part)),
    );
    const searches = [1, 2].map((part) =>
      rig.gate.onSearchDocument(part, searching.document([], { revision: 5, part, parts: 9 })),
    );
    await Promise.all([...requests, ...searches, press(), press(), press()]);
    expect([rig.effects.presses.length, counts()]).toEqual([2, { consent_too_many: 5 }]);
    // A document that replaces another one needs no more room.
    const parts = [3, 4, 5, 4].map((part) => ({
      part,
      token: searching.document([], { revision: 9, part, parts: 9 }),
    }));
    await Promise.all(parts.map(({ part, token }) => rig.gate.onSearchDocument(part, token)));
    expect(counts()).toEqual({ consent_too_many: 6 });
  });
});

describe('a revocation list', () => {
  const list = (changes: object) => rig.revocations(rig.cast.revocations({ revision: 5, ...changes }));
  beforeEach(() => list({}));

  it('replaces one of an earlier signing only by a newer revision', async () => {
    const iat = rig.cast.nowS() - 1;
    await list({ iat, exp: iat + 3_600 });
    expect(counts()).toEqual({ consent_too_old: 1 });
    const revoked = [{ agency: rig.cast.agency.id, upToRevision: 1 }];
    await list({ iat, exp: iat + 3_600, revision: 6, revoked });
    await rig.send('grant', rig.cast.grant(await rig.publish()));
    expect(rig.effects.last().code).toBe('consent_agency_revoked');
  });

  it('replaces another one of the same revision and second', async () => {
    await list({ exp: rig.cast.nowS() + 60 });
    expect(counts()).toEqual({});
    await rig.clock.advance(60_000);
    await rig.send('grant', rig.cast.grant(await rig.publish()));
    expect(rig.effects.last().code).toBe('consent_revocations_stale');
  });

  it('may live a day from its signing, and be dated ahead by as much as clocks may differ', async () => {
    const iat = rig.cast.nowS() + CLOCK_SKEW_S_MAX;
    await list({ iat, exp: iat + LIFE_S_MAX.credential });
    expect(counts()).toEqual({});
    await list({ iat, exp: iat + LIFE_S_MAX.credential + 1 });
    expect(counts()).toEqual({ token_unknown_claims: 1 });
  });
});

describe('a request', () => {
  it('that cannot be read is counted, also when its id cannot be read', async () => {
    const published = rig.cast.published();
    await rig.area(rig.cast.areaDocument([{ ...published, request: 'x.y.z' }, published]));
    expect(open()).toHaveLength(1);
    expect(Object.values(counts())).toEqual([1]);
  });

  it('that had expired on arrival is not open, and its owner is told', async () => {
    const request = rig.cast.request({ iat: rig.cast.nowS() - 60, exp: rig.cast.nowS() });
    await rig.publish(request);
    await rig.publish(request);
    await rig.send('grant', rig.cast.grant(request));
    expect([open(), counts(), rig.effects.last().code]).toEqual([
      [],
      { consent_request_expired: 2 },
      'consent_request_expired',
    ]);
  });

  it('that expired is dropped by the next upkeep, and its owner is told; others stay', async () => {
    const over = await rig.publish(rig.cast.request({ exp: rig.cast.nowS() + 10 }));
    const other = await rig.publish();
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect(open()).toEqual([textClaim(other, 'jti')]);
    await rig.send('grant', rig.cast.grant(over));
    expect(rig.effects.last().code).toBe('consent_request_expired');
  });

  it('that is open stays open when another one with its id is refused', async () => {
    const request = await rig.publish();
    const jti = textClaim(request, 'jti');
    await rig.publish(rig.cast.request({ jti, text: 'Something else.' }));
    await rig.send('grant', rig.cast.grant(request));
    expect(rig.effects.last().outcome).toBe('granted');
  });

  it('that was ended is remembered among two thousand, and the oldest is forgotten after that', async () => {
    const ids = Array.from({ length: 2_001 }, (_, number) => `request-${number}`);
    const end = (some: string[]) => rig.area(rig.cast.areaDocument([], { cancelled: some }));
    for (let from = 0; from < 2_000; from += 400) await end(ids.slice(from, from + 400));
    await end([ids[1_999] ?? '']);
    const first = rig.cast.request({ jti: ids[0] ?? '' });
    await rig.publish(first);
    expect(open()).toEqual([]);
    await end(ids.slice(2_000));
    await rig.publish(first);
    await rig.publish(rig.cast.request({ jti: ids[1] ?? '' }));
    expect(open()).toEqual([ids[0]]);
  });

  it('that was refused is remembered with the reason among two thousand, and the oldest is forgotten after that', async () => {
    const ids = Array.from({ length: 2_001 }, (_, number) => `request-${number}`);
    const refuse = (some: string[]) => {
      const published = some.map((jti) => ({
        ...{ request: rig.cast.sign('doorsill-request+jws', { jti }, rig.cast.agency), credential: 'x' },
        publication: 'x',
      }));
      return rig.area(rig.cast.areaDocument(published));
    };
    const why = async (jti = '') => {
      await rig.send('grant', rig.cast.grant(rig.cast.request({ jti })));
      return rig.effects.last().code;
    };
    for (let from = 0; from < 2_000; from += 100) await refuse(ids.slice(from, from + 100));
    await refuse(ids.slice(1_999, 2_000));
    expect(await why(ids[0])).toBe('consent_credential_invalid');
    await refuse(ids.slice(2_000));
    expect([await why(ids[0]), await why(ids[1])]).toEqual(['consent_request_unknown', 'consent_credential_invalid']);
  });

  it('that ends with this second is dropped by the upkeep of this second', async () => {
    await rig.publish(rig.cast.request({ exp: rig.cast.nowS() + 30 }));
    await rig.clock.advance(30_000);
    await rig.gate.idle();
    expect(open()).toEqual([]);
  });

  it('that is open and expired, but not dropped yet, is not refused as a new one would be', async () => {
    const request = await rig.publish(rig.cast.request({ exp: rig.cast.nowS() + 10 }));
    await rig.clock.advance(10_000);
    await rig.publish(request);
    expect(counts()).toEqual({});
  });

  it('is shown with at most its last twenty spans of footage', async () => {
    const spans = Array.from({ length: 25 }, (_, at) => ({ startUs: at * 10, endUs: at * 10 + 5 }));
    rig.otherwise = { footage: { ...rig.deps().footage, coverage: () => spans } };
    await rig.reboot();
    await rig.revocations();
    await rig.publish();
    expect(rig.effects.notices[0]?.coverage).toEqual(spans.slice(5));
  });

  it('that was decided in an earlier boot is not announced again', async () => {
    const { requestToken } = await rig.granted();
    await rig.reboot();
    await rig.revocations();
    await rig.publish(requestToken);
    expect(rig.effects.notices).toEqual([]);
  });

  it('of a state agency is refused unless the settings allow state agencies', async () => {
    const credential = rig.cast.credential({ jurisdiction: 'state' });
    await rig.send('grant', rig.cast.grant(await rig.publish(rig.cast.request(), credential)));
    expect(rig.effects.last().code).toBe('consent_agency_ineligible');
  });

  it('is shown with the footage of its window, and the facts that were asked for and can be disclosed', async () => {
    rig.settings.disclosure = { address: '1 Elm Street', phone: '+1 555 0100' };
    await rig.reboot();
    await rig.revocations();
    const request = await rig.publish();
    const [notice] = rig.effects.notices;
    expect(notice).toMatchObject({ wouldDisclose: { address: '1 Elm Street' }, coverage: [rig.cast.window()] });
    expect(notice?.published.request).toBe(request);
  });

  it('that awaits an answer is in the notices until it is answered, and again when its grant failed', async () => {
    const { grant, requestToken } = await rig.granted();
    expect(rig.gate.notices()).toEqual([]);
    await rig.gate.failed(grant, 'clip_no_frames');
    expect(rig.gate.notices().map(({ published }) => published.request)).toEqual([requestToken]);
    await rig.send('deny', rig.cast.denial(requestToken));
    expect(rig.gate.notices()).toEqual([]);
  });

  it('whose agency may not be answered is in no notice', async () => {
    await rig.publish();
    const revoked = [{ agency: rig.cast.agency.id, upToRevision: 1 }];
    await rig.revocations(rig.cast.revocations({ revision: 2, revoked }));
    expect([rig.gate.notices(), open().length]).toEqual([[], 1]);
  });
});
