// @module-tag long
// @module-tag openssl
// A broker is away for a simulated day: a whole device with a real camera, over TLS, with a real bridge. Recording goes on; all results of
// the owner's decisions are reported afterwards, once.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSigningKey, sha256Hex } from '../../../device/base/keys.ts';
import { type Log, silentLog } from '../../../device/base/log.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import { parseDeviceConfig } from '../../../device/config.ts';
import type { DeviceEvent, DeviceState, Receipt } from '../../../device/contract/home-messages.ts';
import type { VerifiedNotice } from '../../../device/contract/read-request-notice.ts';
import type { Doorbell } from '../../../device/doorbell.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../../../device/identity.ts';
import { walkLedger } from '../../../device/ledger/ledger.ts';
import { OwnerSession } from '../../../device/owner/owner-session.ts';
import type { PairedDevice } from '../../../device/owner/paired-devices.ts';
import { pairWithDevice } from '../../../device/owner/pairing-client.ts';
import { makeCommand, makeDenial, makeGrant, makeRevoke } from '../../../device/owner/sign-owner-messages.ts';
import { startDevice } from '../../../device/start-device.ts';
import { porchKind } from '../../../sim/porch/porch-camera.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { startBroker, type TestBroker } from '../../support/broker.ts';
import { type CertificateFiles, CertificateMaker } from '../../support/certificates.ts';
import { type CountingProxy, startCountingProxy } from '../../support/counting-proxy.ts';
import { LapseClock } from '../../support/lapse-clock.ts';
import { HOME, textClaim } from '../../support/parties.ts';
import { proved } from '../../support/proved.ts';

const HOUR_MS = 3_600_000;
const PART_HOURS = 8;
/** Each leap of the clock looks like a stall to the camera, and a drawn one is given up after a few. */
const PARTS = 3;
/** Together more than the queue of unsent messages holds. */
const PRESSES_PER_PART = 500;
const CLIPS = 3;
const PATIENCE_MS = 60_000;
const CLIP_US = 2_000_000;

const random = new SystemRandom();
const disk = new SystemDisk();
const clock = new LapseClock();
/** How often the camera has reported that it records. */
let recordings = 0;
const log: Log = {
  ...silentLog(),
  info: (message, facts) => {
    if (message === 'camera state' && facts?.['state'] === 'recording') recordings += 1;
  },
  child: () => log,
};
const seams = { clock, random, disk, log };

describe('a doorbell whose broker is away for a day', () => {
  let maker: CertificateMaker;
  let authority: CertificateFiles;
  let broker: TestBroker;
  let proxy: CountingProxy;
  let fixture: BridgeFixture;
  let folder: string;
  let doorbell: Doorbell;
  let home: PairedDevice;
  let session: OwnerSession;
  const signer = { key: generateSigningKey(random), clock, random };
  const heard = {
    receipts: [] as Receipt[],
    events: [] as DeviceEvent[],
    notices: [] as VerifiedNotice[],
    state: null as DeviceState | null,
  };

  beforeAll(async () => {
    maker = new CertificateMaker();
    authority = maker.authority('authority');
    const certificate = maker.signed(authority, { name: 'broker', altNames: 'IP:127.0.0.1' });
    broker = await startBroker({
      tls: { certificate: maker.text(certificate.certificate), key: maker.text(certificate.key) },
    });
    proxy = await startCountingProxy(broker.port);
    const area = { url: broker.url, accounts: broker.accounts, tls: { ca: authority.certificate } };
    fixture = await BridgeFixture.open({ bridge: { area } });
    await fixture.admitAgency();
    folder = await mkdtemp(join(tmpdir(), 'doorsill-away-'));
    const device = deviceIdOf(await loadOrCreateDeviceKey(disk, random, folder));
    const proxied = `mqtts://127.0.0.1:${proxy.port}`;
    const account = await broker.issue({ role: 'device-home', id: device });
    const config = parseDeviceConfig(
      {
        camera: 'synthetic?size=320x180&audio=off',
        ring: { bytes: 32 * 1024 * 1024, retentionS: 3 * 86_400 },
        place: HOME,
        disclosure: { address: '1 Elm Street', email: 'home@example.org' },
        home: { url: proxied, ...account, tls: { ca: authority.certificate }, accounts: broker.accounts },
        areaUrl: proxied,
        areaTls: { ca: maker.file('area.pem', maker.text(maker.authority('stranger').certificate)) },
      },
      'device.json',
    );
    const { code } = await fixture.bridge.printEnrolmentCode();
    doorbell = await startDevice({ config, folder, enrolmentCode: code, cameraKinds: [porchKind] }, seams);
    const paired = await pairWithDevice(seams, doorbell.pairingSocket, signer.key, 'Alex');
    // The device's own connection to the broker breaks.
    home = { ...paired, account: { ...paired.account, url: broker.url } };
    await openSession();
  }, 90_000);

  afterAll(async () => {
    await session?.stop();
    await doorbell?.stop();
    await fixture?.close();
    await proxy?.stop();
    await broker?.stop();
    await rm(folder, { recursive: true });
    maker.dispose();
  });

  async function openSession(): Promise<void> {
    session = new OwnerSession(home, { ...seams, clock: fixture.clock });
    session.listen({
      receipt: (receipt) => heard.receipts.push(receipt),
      event: (event) => heard.events.push(event),
      notice: (notice) => heard.notices.push(notice),
      state: (state) => {
        heard.state = state;
      },
    });
    await session.start();
  }

  async function until<Found>(what: string, look: () => Found | null | undefined | false): Promise<Found> {
    const endMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = look();
      if (found) return found;
      if (performance.now() > endMs) {
        throw new Error(
          `no ${what}; heard ${heard.receipts.map(({ outcome, code }) => `${outcome} ${code}`)}; ${JSON.stringify(heard.state)}`,
        );
      }
      await fixture.clock.sleep(20);
    }
  }

  /** Advances the clocks of device and bridge together. */
  function skip(ms: number): void {
    clock.skip(ms);
    fixture.clock.shiftS += ms / 1000;
  }

  async function post(): Promise<string> {
    const nowUs = clock.wallUs();
    const window = { startUs: nowUs - 15 * 60_000_000, endUs: nowUs };
    const token = fixture.cast.request({ window, investigation: freshId(random, 'case') });
    const answer = await fixture.post('/v1/requests', { request: token });
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    return textClaim(token, 'jti');
  }

  const noticeOf = (request: string) =>
    until(`notice of ${request}`, () => heard.notices.find((notice) => notice.request.jti === request));
  const receiptOf = (outcome: string, about: { grant?: string; request?: string; answers?: string }) =>
    until(`${outcome} receipt`, () =>
      heard.receipts.find(
        (receipt) =>
          receipt.outcome === outcome &&
          (about.grant === undefined || receipt.grant === about.grant) &&
          (about.request === undefined || receipt.request === about.request) &&
          (about.answers === undefined || receipt.answers === about.answers),
      ),
    );
  async function ledger(): Promise<Map<string, string[]>> {
    const types = new Map<string, string[]>();
    const device = { id: home.device, key: home.deviceKey };
    await walkLedger(disk, join(folder, 'consent'), device, ({ type, body }) => {
      if ('grant' in body) types.set(body.grant, [...(types.get(body.grant) ?? []), type]);
    });
    return types;
  }

  it('reports why the area broker is unreachable, and connects once the file is corrected', async () => {
    const state = await until('state', () => heard.state?.areaDetail !== undefined && heard.state);
    expect(state).toMatchObject({
      area: 'offline',
      areaDetail: expect.stringContaining('no authority that is trusted'),
    });
    maker.file('area.pem', maker.text(authority.certificate));
    await until('area link', () => heard.state?.area === 'online');
    expect(heard.state?.areaDetail).toBeUndefined();
  });

  it('goes on recording, keeps every receipt, drops only the oldest events, and reports everything once', async (test) => {
    const footage = await until('footage', () => {
      const last = heard.state?.ring.coverage.at(-1);
      return last && last.endUs - last.startUs >= CLIP_US && last;
    });
    const window = { startUs: footage.endUs - CLIP_US, endUs: footage.endUs };
    const requests = await Promise.all(Array.from({ length: CLIPS + 2 }, () => post()));
    const notices = await Promise.all(requests.map(noticeOf));
    const [toDeny, toRevoke, ...toSend] = notices;
    if (!toDeny || !toRevoke) throw new Error('too few requests');
    // Clips wait for the bridge, which comes back while the broker is away: their results are known only then.
    await fixture.bridge.stop();
    const grants = [toRevoke, ...toSend].map((notice) => ({ notice, ...makeGrant(signer, notice, { window }) }));
    for (const { notice, token } of grants) await session.answer(notice.request.jti, 'grant', token);
    for (const { jti } of grants) {
      await receiptOf('sealed', { grant: jti });
      await untilLedger(jti, 'token-presented');
    }
    const [revoked, ...sent] = grants;
    if (!revoked) throw new Error('no grant');
    const revoke = makeRevoke(signer, home.device, {
      request: toRevoke.request.jti,
      grant: revoked.jti,
      grantSha256: sha256Hex(revoked.token),
    });
    await session.answer(toDeny.request.jti, 'deny', makeDenial(signer, toDeny).token);
    await session.answer(toRevoke.request.jti, 'revoke', revoke.token);
    await receiptOf('denied', { request: toDeny.request.jti });
    await receiptOf('revoked', { grant: revoked.jti });

    await session.stop();
    proxy.refuse = true;
    await broker.pause();
    proxy.cut();
    await fixture.startBridge();
    for (const { jti } of sent) await untilLedger(jti, 'delivered');
    await untilLedger(revoked.jti, 'deleted');
    const made: number[] = [];
    const parts: number[] = [];
    for (let part = 0; part < PARTS; part += 1) {
      skip(PART_HOURS * HOUR_MS);
      parts.push(clock.wallUs());
      for (let press = 0; press < PRESSES_PER_PART; press += 1) {
        const atUs = clock.wallUs();
        made.push(atUs);
        doorbell.pressed({ button: 'front', source: 'local', atUs });
        skip(1_000);
      }
      const before = recordings;
      await until('recording', () => recordings > before);
    }
    const asked = await post();

    await broker.resume();
    await openSession();
    const [receiptsBefore, eventsBefore] = [heard.receipts.length, heard.events.length];
    proxy.refuse = false;
    skip(60_000);
    await noticeOf(asked);
    // Everything queued comes before the answer to this.
    const last = makeCommand(signer, home.device, { action: 'announce' });
    await session.command(last.token);
    await receiptOf('command-done', { answers: last.jti });
    const state = await until(
      'state',
      () => heard.state?.requests.some(({ request }) => request === asked) && heard.state,
    );

    // Receipts: the result of each clip while the broker was away, once.
    const late = heard.receipts.slice(receiptsBefore);
    // A receipt whose acknowledgement was lost is repeated unchanged: it counts once.
    const told = (grant: string) =>
      new Set(
        late
          .filter((receipt) => /^(sent|deleted)$/.test(receipt.outcome) && receipt.grant === grant)
          .map(({ jti }) => jti),
      ).size;
    const lost = grants.filter(({ jti }) => told(jti) === 0).length;
    const doubled = grants.filter(({ jti }) => told(jti) > 1).length;
    const first = new Map(heard.receipts.toReversed().map((receipt) => [receipt.jti, receipt]));
    expect(heard.receipts).toEqual(heard.receipts.map(({ jti }) => first.get(jti)));
    expect({ lost, doubled }).toEqual({ lost: 0, doubled: 0 });

    // Orders: each executed once, also when repeated.
    const ways = await ledger();
    for (const { jti } of sent) expect(ways.get(jti)).toEqual(['granted', 'sealed', 'token-presented', 'delivered']);
    expect(ways.get(revoked.jti)).toEqual(['granted', 'sealed', 'token-presented', 'revoked', 'deleted']);
    for (const { notice, token, jti } of sent) {
      await session.answer(notice.request.jti, 'grant', token);
      await receiptOf('sent', { grant: jti, answers: jti });
    }
    expect(await ledger()).toEqual(ways);
    expect(await disk.list(join(fixture.bridgeFolder, 'clips'))).toHaveLength(CLIPS);

    // Events: the newest, in order and once; dropped ones are reported. The drawn visitor presses, too, whenever the scene reaches that
    // point.
    const rings = heard.events
      .slice(eventsBefore)
      .flatMap((event) => (event.type === 'ring' && event.source === 'local' ? [event.atUs] : []));
    const gone = made.length - rings.length;
    expect(rings.length).toBeGreaterThan(100);
    expect(rings).toEqual(made.slice(gone));
    expect(gone).toBeGreaterThan(0);
    expect(state.dropped).toBeGreaterThanOrEqual(gone);

    // Footage: some of every part of the day.
    const covered = parts.filter((fromUs) =>
      state.ring.coverage.some(
        ({ startUs, endUs }) => endUs > fromUs && startUs < fromUs + PART_HOURS * HOUR_MS * 1000,
      ),
    ).length;
    expect(covered).toBe(PARTS);
    proved(
      test,
      'broker away for 24 h (simulated clock)',
      `${covered} of ${PARTS} parts of the day recorded; ${grants.length} receipts due, lost ${lost}, doubled ${doubled}; ` +
        `${rings.length} of ${made.length} presses told, the oldest ${gone} given up and said so`,
    );
  }, 120_000);

  async function untilLedger(grant: string, type: string): Promise<void> {
    const endMs = performance.now() + PATIENCE_MS;
    // A read during a write may find a ledger without its head.
    const look = () => ledger().catch(() => new Map<string, string[]>());
    while (!(await look()).get(grant)?.includes(type)) {
      if (performance.now() > endMs) throw new Error(`no ${type} of ${grant} in the ledger`);
      await fixture.clock.sleep(50);
    }
  }
});
