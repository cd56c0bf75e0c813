// Which requests are published, what an agency sees of its own, and what is retained at a real broker.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import type { MqttLink } from '../../../device/base/mqtt-link.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { AreaDocument, Revocations } from '../../../device/contract/request.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../device/contract/topics.ts';
import { openPublished } from '../../../device/contract/verify-published-request.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { collector, startBroker, type TestBroker } from '../../support/broker.ts';
import { describeOnEachBrokerAndCluster } from '../../support/each-broker.ts';
import { claimsOf, HOME, makeParty, squareAround } from '../../support/parties.ts';

const minuteUs = 60_000_000;
const topics = topicsUnder(DEFAULT_PREFIX);
const crypto = { verify: verifySignature, sha256Hex };

describe('a request', () => {
  let fixture: BridgeFixture;
  const open = async () => {
    fixture = await BridgeFixture.open();
    await fixture.admitAgency();
  };
  const close = () => fixture.close();

  const post = async (request: string) => {
    const { status, body } = await fixture.post('/v1/requests', { request });
    return status === 201 ? String(body['state']) : `${String(body['code'])}: ${String(body['title'])}`;
  };
  const window = (lengthUs: number, endsAgoUs = 0) => {
    const endUs = fixture.cast.nowS() * 1_000_000 - endsAgoUs;
    return { startUs: endUs - lengthUs, endUs };
  };

  describe('that breaks a rule', () => {
    beforeAll(open);
    afterAll(close);

    it.each(['search-1', 'case-7', 'request'])(
      'is refused under the id %s, which is not one of a request',
      async (jti) => {
        expect(await post(fixture.cast.request({ jti }))).toMatch(/^id_kind_wrong/);
      },
    );

    it.each<[string, () => object, RegExp]>([
      ['a window under 15 minutes', () => ({ window: window(15 * minuteUs - 1) }), /900/],
      ['a window over 12 hours', () => ({ window: window(12 * 60 * minuteUs + 1) }), /43200/],
      ['a window that has not ended', () => ({ window: window(20 * minuteUs, -2 * minuteUs) }), /not ended/],
      ['an area under 0.025 square miles', () => ({ area: squareAround(HOME, 0.0011) }), /64750/],
      ['an area over 0.5 square miles', () => ({ area: squareAround(HOME, 0.006) }), /1294994/],
      ['a life over 7 days', () => ({ exp: fixture.cast.nowS() + 7 * 24 * 3600 + 60 }), /lives longer/],
      ['an expiry in the past', () => ({ exp: fixture.cast.nowS() - 1 }), /expired/],
      ['a date in the future', () => ({ iat: fixture.cast.nowS() + 1_000 }), /future/],
      ['an old date', () => ({ iat: fixture.cast.nowS() - 2 * 24 * 3600 }), /too long ago/],
      ['a contact elsewhere', () => ({ contact: { name: 'R', email: 'rivera@gmail.com' } }), /springfield\.example/],
      [
        'a contact at a look-alike',
        () => ({ contact: { name: 'R', email: 'r@notspringfield.example' } }),
        /springfield\.example/,
      ],
      ['a blank incident type', () => ({ incidentType: '  ' }), /mandatory/],
    ])('is refused with %s', async (_what, changes, detail) => {
      const answer = await post(fixture.cast.request(changes()));
      expect(answer).toMatch(/^request_limits/);
      expect(answer).toMatch(detail);
    });

    it('is refused with an area that is long and thin or crosses itself', async () => {
      const { longitude: x, latitude: y } = HOME;
      const ring = (corners: [number, number][]) => ({
        type: 'Polygon' as const,
        coordinates: [corners] as [[number, number][]],
      });
      const thin = ring([
        [x, y],
        [x + 0.5, y],
        [x + 0.5, y + 0.00001],
        [x, y + 0.00001],
        [x, y],
      ]);
      const eight = ring([
        [x, y],
        [x + 0.008, y + 0.008],
        [x + 0.008, y],
        [x, y + 0.008],
        [x, y],
      ]);
      const wide = ring([
        [x, y],
        [x + 0.5, y],
        [x + 0.5, y + 0.00002],
        [x, y + 0.00002],
        [x, y],
      ]);
      expect(await post(fixture.cast.request({ area: thin }))).toMatch(/^request_limits/);
      expect(await post(fixture.cast.request({ area: wide }))).toMatch(/too long and thin/);
      expect(await post(fixture.cast.request({ area: eight }))).toMatch(/crosses/);
    });
  });

  describe('that keeps them', () => {
    beforeEach(open);
    afterEach(close);

    it('is published once, and the same bytes sent again change nothing', async () => {
      const request = fixture.cast.request();
      expect(await post(request)).toBe('published');
      expect(await post(request)).toBe('published');
    });

    it('is refused as the third post of an investigation, however its code is spelled', async () => {
      expect(await post(fixture.cast.request({ investigation: 'SPD 17' }))).toBe('published');
      expect(await post(fixture.cast.request({ investigation: 'spd-17' }))).toBe('published');
      expect(await post(fixture.cast.request({ investigation: ' S.P.D. 17 ' }))).toMatch(/^request_limits.*at most 2/);
      expect(await post(fixture.cast.request({ investigation: 'SPD 18' }))).toBe('published');
    });

    it('cannot be edited: its id with other content is refused', async () => {
      const request = fixture.cast.request();
      await post(request);
      const jti = String(claimsOf(request)['jti']);
      expect(await post(fixture.cast.request({ jti, text: 'Another text.' }))).toMatch(/^request_exists/);
    });

    it('is refused from another bridge’s agency, an unknown, unapproved or revoked one', async () => {
      const stranger = makeParty('agency', new SystemRandom());
      expect(await post(fixture.cast.request({ aud: 'bridge-other' }))).toMatch(/^token_wrong_audience/);
      expect(await post(fixture.cast.request({}, stranger))).toMatch(/^agency_unknown/);
      expect(await post(fixture.cast.request({ agency: fixture.cast.agency.id }, stranger))).toMatch(
        /^token_unknown_signer/,
      );
      await fixture.registry.register(fixture.registration({}, stranger));
      expect(await post(fixture.cast.request({}, stranger))).toMatch(/^agency_pending/);
      await fixture.registry.revoke(fixture.cast.agency.id);
      await fixture.bridge.refreshRevocations();
      expect(await post(fixture.cast.request())).toMatch(/^agency_revoked/);
    });

    it('is refused while the registry is down and no credential is cached; later a cached one is used', async () => {
      await fixture.registry.stop();
      expect(await post(fixture.cast.request())).toMatch(/^credential_unavailable/);
      await fixture.startRegistry();
      expect(await post(fixture.cast.request())).toBe('published');
      await fixture.registry.stop();
      expect(await post(fixture.cast.request())).toBe('published');
    });

    it('shows its agency its state alone, and nobody else anything', async () => {
      const request = fixture.cast.request();
      await post(request);
      const id = String(claimsOf(request)['jti']);
      const see = (party = fixture.cast.agency, asked = id) =>
        fixture.get(`/v1/requests/${id}`, fixture.agencyCall({ action: 'see-request', request: asked }, party));
      expect((await see()).body).toEqual({ request: id, state: 'published' });
      expect((await see(fixture.cast.agency, 'request-other')).body['code']).toBe('token_unknown_claims');
      const other = makeParty('agency', new SystemRandom());
      await fixture.registry.register(fixture.registration({}, other));
      await fixture.registry.approve(other.id);
      expect((await see(other)).body['code']).toBe('request_not_live');
      const resolve = fixture.agencyCall({ action: 'resolve-request', request: id });
      const seen = fixture.agencyCall({ action: 'see-request', request: id });
      expect((await fixture.post(`/v1/requests/${id}/resolve`, {}, seen)).body['code']).toBe('token_unknown_claims');
      expect((await fixture.post(`/v1/requests/${id}/resolve`, {}, resolve)).body).toEqual({
        request: id,
        state: 'resolved',
      });
      expect((await fixture.post(`/v1/requests/${id}/resolve`, {}, resolve)).body).toEqual({
        request: id,
        state: 'resolved',
      });
      expect((await see()).body).toEqual({ request: id, state: 'resolved' });
    });

    it('looks the same for its agency whether a home has answered or not', async () => {
      await fixture.enrol();
      const [answered, ignored] = [fixture.cast.request(), fixture.cast.request()];
      await post(answered);
      await post(ignored);
      await fixture.deliver(fixture.parcel(answered));
      const state = async (request: string) => {
        const id = String(claimsOf(request)['jti']);
        const { body } = await fixture.get(
          `/v1/requests/${id}`,
          fixture.agencyCall({ action: 'see-request', request: id }),
        );
        return { ...body, request: '' };
      };
      expect(await state(answered)).toEqual(await state(ignored));
    });

    it('counts as expired from its expiry on', async () => {
      const request = fixture.cast.request({ exp: fixture.cast.nowS() + 60 });
      await post(request);
      fixture.clock.shiftS = 61;
      const id = String(claimsOf(request)['jti']);
      const seen = await fixture.get(`/v1/requests/${id}`, fixture.agencyCall({ action: 'see-request', request: id }));
      expect(seen.body['state']).toBe('expired');
    });
  });
});

describeOnEachBrokerAndCluster('the board at the area broker, %s', (kind) => {
  let broker: TestBroker;
  let fixture: BridgeFixture;
  let device: MqttLink;

  beforeEach(async () => {
    broker = await startBroker({ kind });
    fixture = await BridgeFixture.open({ areaUrl: broker.url, accounts: broker.accounts });
    await fixture.admitAgency();
    device = await broker.link({ role: 'device-area', id: fixture.cast.device.id });
  });
  afterEach(async () => {
    await fixture.close();
    await broker.stop();
  });

  /** Messages retained or published on a topic, in order. */
  function listen(topic: string): () => Promise<{ text: string; retained: boolean }> {
    const heard = collector<{ text: string; retained: boolean }>();
    device.subscribe([topic], ({ payload, retained }) =>
      heard.take({ text: new TextDecoder().decode(payload), retained }),
    );
    return heard.next;
  }

  function openArea(token: string): AreaDocument {
    const opened = openToken(token, {
      typ: 'doorsill-area+jws',
      schema: AreaDocument,
      audience: 'public',
      keys: [fixture.cast.bridge.key.publicKey],
      verify: verifySignature,
    });
    if (!opened.ok) throw new Error(`the document does not open: ${opened.fault}`);
    return opened.claims;
  }

  /** The first received document that matches. */
  async function until(
    next: () => Promise<{ text: string }>,
    fits: (document: AreaDocument) => boolean,
  ): Promise<AreaDocument> {
    for (;;) {
      const document = openArea((await next()).text);
      if (fits(document)) return document;
    }
  }

  it('has a published request retained for its cell, with a credential and countersignature that a device accepts', async () => {
    const request = fixture.cast.request();
    await fixture.post('/v1/requests', { request });
    const next = listen(topics.areaRequests(fixture.cast.cell, 1));
    device.start();
    const document = await until(next, (found) => found.requests.length > 0);
    const [published] = document.requests;
    expect(published?.request).toBe(request);
    const trust = { bridgeKey: fixture.cast.bridge.key.publicKey, registryKey: fixture.cast.registry.key.publicKey };
    expect(published && openPublished(published, trust, crypto)).toMatchObject({ ok: true });
  });

  it('removes a resolved request and lists it as cancelled, under a higher revision', async () => {
    const request = fixture.cast.request();
    await fixture.post('/v1/requests', { request });
    const next = listen(topics.areaRequests(fixture.cast.cell, 1));
    device.start();
    const before = await until(next, (found) => found.requests.length > 0);
    const id = String(claimsOf(request)['jti']);
    await fixture.post(
      `/v1/requests/${id}/resolve`,
      {},
      fixture.agencyCall({ action: 'resolve-request', request: id }),
    );
    const after = await until(next, (found) => found.cancelled.includes(id));
    expect(after.requests).toEqual([]);
    expect(after.revision).toBeGreaterThan(before.revision);
  });

  it('cancels a revoked agency’s requests and carries the registry’s list', async () => {
    const request = fixture.cast.request();
    await fixture.post('/v1/requests', { request });
    const next = listen(topics.areaRequests(fixture.cast.cell, 1));
    const nextList = listen(topics.revocations);
    device.start();
    await until(next, (found) => found.requests.length > 0);
    await fixture.registry.revoke(fixture.cast.agency.id);
    await fixture.bridge.refreshRevocations();
    const id = String(claimsOf(request)['jti']);
    await until(next, (found) => found.requests.length === 0 && found.cancelled.includes(id));
    for (;;) {
      const list = openToken((await nextList()).text, {
        typ: 'doorsill-revocations+jws',
        schema: Revocations,
        audience: 'public',
        keys: [fixture.cast.registry.key.publicKey],
        verify: verifySignature,
      });
      if (list.ok && list.claims.revoked.some((entry) => entry.agency === fixture.cast.agency.id)) break;
    }
  });

  it('is published again when the broker has lost everything', async () => {
    await fixture.post('/v1/requests', { request: fixture.cast.request() });
    const next = listen(topics.areaRequests(fixture.cast.cell, 1));
    device.start();
    const before = await until(next, (found) => found.requests.length > 0);
    await broker.pause();
    await broker.resume();
    const again = await until(next, (found) => found.revision > before.revision);
    expect(again.requests.length).toBe(1);
  });

  it('continues with higher revisions after the bridge has restarted', async () => {
    await fixture.post('/v1/requests', { request: fixture.cast.request() });
    const next = listen(topics.areaRequests(fixture.cast.cell, 1));
    device.start();
    await until(next, (found) => found.requests.length > 0);
    await fixture.bridge.stop();
    // The newest revision of the first bridge: it may have published once more while it stopped.
    const before = await until(listen(topics.areaRequests(fixture.cast.cell, 1)), () => true);
    await fixture.startBridge();
    // It has a password of its own, so a broker with password files has to reload them.
    await broker.reload();
    const after = await until(next, (found) => found.revision > before.revision);
    expect(after.requests.length).toBe(1);
  });

  // At a slow cluster the bridge has cached the agency's credential by then and does not need the registry.
  const ifNothingIsKept = kind === 'nats' ? () => undefined : it;
  ifNothingIsKept(
    'is complete soon after a registry that was down when the bridge started is back',
    { tags: ['long'] },
    async () => {
      await fixture.post('/v1/requests', { request: fixture.cast.request() });
      const next = listen(topics.areaRequests(fixture.cast.cell, 1));
      device.start();
      await until(next, (found) => found.requests.length === 1);
      await fixture.bridge.stop();
      await fixture.registry.stop();
      await fixture.startBridge();
      await until(next, (found) => found.requests.length === 0);
      await fixture.startRegistry();
      await until(next, (found) => found.requests.length === 1);
    },
  );

  it('continues on further topics beyond 64 KiB and removes them when they are not needed', async () => {
    // The retained message of each topic. It subscribes before: a cluster node may not have another node's newest message yet.
    const parts = new Map<number, AreaDocument>();
    for (const part of [1, 2]) {
      const next = listen(topics.areaRequests(fixture.cast.cell, part));
      void (async () => {
        for (;;) {
          const { text } = await next();
          if (text === '') parts.delete(part);
          else parts.set(part, openArea(text));
        }
      })();
    }
    device.start();
    await device.reached(20_000);
    const ids: string[] = [];
    for (let count = 0; count < 14; count += 1) {
      const request = fixture.cast.request({ investigation: `SPD-${count}`, text: 'x'.repeat(2_000) });
      ids.push(String(claimsOf(request)['jti']));
      expect((await fixture.post('/v1/requests', { request })).status).toBe(201);
    }
    const sum = () => [...parts.values()].reduce((all, { requests }) => all + requests.length, 0);
    await vi.waitFor(() => expect(sum()).toBe(14), 20_000);
    expect([...parts.values()].map((document) => document.parts)).toEqual([2, 2]);
    for (const id of ids) {
      await fixture.post(
        `/v1/requests/${id}/resolve`,
        {},
        fixture.agencyCall({ action: 'resolve-request', request: id }),
      );
    }
    await vi.waitFor(() => {
      expect([...parts.keys()]).toEqual([1]);
      expect(parts.get(1)).toMatchObject({ parts: 1, cancelled: { length: 14 } });
    }, 20_000);
  });
});
