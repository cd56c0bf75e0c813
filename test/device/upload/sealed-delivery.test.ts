// A clip is encrypted to its recipient where the grant says so, cut for the grant or previewed before it; what the device reports about it
// is what was granted, whatever was set since.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { mintLivePreview } from '../../../device/consent/live-preview.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { ReceiptClip } from '../../../device/contract/home-messages.ts';
import { IntakeReceipt, Manifest, Statement } from '../../../device/contract/manifest.ts';
import type { Grant } from '../../../device/contract/owner-orders.ts';
import { ClipKeeper, sealedBytesOf } from '../../../device/contract/sealing.ts';
import { type DisclosedValues, Window } from '../../../device/contract/shared-claims.ts';
import { Deliveries, type DeliveryGate } from '../../../device/upload/delivery.ts';
import { PreviewClips } from '../../../device/upload/preview-clips.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { claimsOf, textClaim } from '../../support/parties.ts';
import { depsFor } from '../clip/support/cutting.ts';
import { makeFootage, x264 } from '../clip/support/footage.ts';
import { captureFile, frameTimesUs } from '../clip/support/segmenter.ts';
import { GRANTED_VALUES, HOME_VALUES, openedByRecipient, sealedGrant } from './support/sealed-errand.ts';
import { liveFor, Sender } from './support/sender.ts';

const ffmpeg = await findFfmpeg();
const NOWHERE = 'http://127.0.0.1:9';
let fixture: BridgeFixture;
let request: string;
let folder: string;
let cut: ReturnType<typeof depsFor>;
/** What a grant of these tests names of the footage. */
let terms: Pick<Grant, 'window' | 'audio' | 'zones' | 'byteLimit'>;
let sender: Sender;
let previews: PreviewClips;

beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
  folder = await mkdtemp(join(tmpdir(), 'doorsill-sealed-delivery-'));
  const startUs = Window.parse(claimsOf(request)['window']).startUs + 120_000_000;
  const source = await makeFootage(ffmpeg.path, folder, { video: x264(15), frames: 50 });
  const segments = await captureFile(ffmpeg.path, source, { startUs });
  const times = frameTimesUs(segments);
  cut = depsFor(ffmpeg, segments);
  const window = { startUs: times[5] ?? 0, endUs: times[33] ?? 0 };
  terms = { window, audio: false, zones: [], byteLimit: 10_000_000 };
}, 60_000);
afterAll(async () => {
  await fixture.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  sender = await Sender.open(fixture);
  previews = new PreviewClips({
    ...{ disk: fixture.disk, random: fixture.random, log: sender.log, folder: join(folder, 'previews') },
    ...{ cipher: 'aes-256-gcm', clip: cut, alone: (work) => work(), footageSettled: async () => undefined },
  });
  await previews.start();
});
afterEach(() => sender.close());

/** A delivery's reports, by name, in order. */
class Reports implements DeliveryGate {
  readonly names: string[] = [];
  clip: ReceiptClip | null = null;
  disclosed: DisclosedValues | null = null;
  /** Grants of clips that somebody has, or may get. */
  held: string[] = [];
  intake = '';

  async clipSealed(_grant: string, clip: ReceiptClip, disclosed: DisclosedValues): Promise<void> {
    this.names.push('sealed');
    this.clip = ReceiptClip.parse(clip);
    this.disclosed = disclosed;
  }
  async tokenPresented(): Promise<void> {
    this.names.push('presented');
  }
  async delivered(_grant: string, intake: string): Promise<void> {
    this.names.push('delivered');
    this.intake = intake;
  }
  async revocationAnswered(): Promise<void> {
    this.names.push('answered');
  }
  async failed(_grant: string, code: string): Promise<void> {
    this.names.push(code);
  }
  heldGrants(): string[] {
    return this.held;
  }
}

/** Deliveries of a device that holds these values about its home, and what they report. */
function deliveriesOf(values: DisclosedValues): { deliveries: Deliveries; reports: Reports } {
  const reports = new Reports();
  const { cast, clock, random } = fixture;
  const deliveries = new Deliveries({
    ...{ device: cast.device, gate: reports, outbox: sender.outbox, sender: sender.uploader, clip: cut, previews },
    ...{ alone: (work) => work(), isCutting: () => false, footageSettled: async () => undefined },
    held: {
      hold: () => {
        throw new Error('nothing waits here');
      },
    },
    ...{ values: () => values, storage: () => undefined, clock, random, log: sender.log },
  });
  return { deliveries, reports };
}

const ENOUGH = ['sealed', 'presented', 'delivered'];

/** The clip that the bridge has, as its recipient reads it with the statement's claims. */
async function received(grantToken: string) {
  const grant = textClaim(grantToken, 'jti');
  const item = sender.outbox.item(grant);
  const manifest = Manifest.parse(claimsOf(item?.manifest ?? ''));
  const bytes = await readFile(join(fixture.bridgeFolder, 'clips', manifest.jti, 'clip.mp4'));
  return { grant, item, manifest, bytes, statement: item?.papers?.statement ?? '' };
}

const openedWith = (bytes: Uint8Array, grant: string, statement: string) => {
  const { home, sealed: claims } = Statement.parse(claimsOf(statement));
  if (!claims) throw new Error('the statement names no encrypted clip');
  return openedByRecipient(fixture, bytes, grant, { home, claims });
};

async function* once(bytes: Uint8Array) {
  yield bytes;
}

it('keeps the content key once the clip is deleted, until nobody has the clip', async () => {
  const grantToken = sealedGrant(fixture, request, terms);
  const { live } = liveFor(fixture, request, grantToken);
  const { deliveries, reports } = deliveriesOf(HOME_VALUES);
  reports.held = [live.id];
  deliveries.make(live);
  await expect.poll(() => reports.names).toEqual(ENOUGH);
  const { clipSha256 } = (await received(grantToken)).manifest;
  const removed = async () => {
    deliveries.remove(live.id);
    await expect.poll(() => sender.outbox.item(live.id)).toBeNull();
  };
  await removed();
  expect(await sender.outbox.contentKeyOf(live.id)).toMatchObject({ clipSha256 });
  const revocation = fixture.cast.revoke(grantToken);
  deliveries.revoke(live.id, revocation, fixture.bridge.id);
  await expect.poll(() => reports.names).toContain('answered');
  expect(await sender.outbox.contentKeyOf(live.id)).toMatchObject({ clipSha256 });
  // As when the bridge has signed that it erased the clip.
  reports.held = [];
  deliveries.revoke(live.id, revocation, fixture.bridge.id);
  await expect.poll(() => sender.outbox.contentKeyOf(live.id)).toBeNull();
  await deliveries.stop();
});

it('destroys the content key of a clip that never left', async () => {
  const grantToken = sealedGrant(fixture, request, terms);
  const { live } = liveFor(fixture, request, grantToken);
  const { deliveries, reports } = deliveriesOf(HOME_VALUES);
  deliveries.make(live);
  await expect.poll(() => reports.names).toEqual(ENOUGH);
  expect(await sender.outbox.contentKeyOf(live.id)).not.toBeNull();
  deliveries.remove(live.id);
  await expect.poll(() => sender.outbox.contentKeyOf(live.id)).toBeNull();
  await deliveries.stop();
});

describe('a delivery', () => {
  it.each(ClipKeeper.options)('encrypts the clip where its recipient has a key that the %s keeps', async (keeper) => {
    const grantToken = sealedGrant(fixture, request, terms, keeper);
    const { deliveries, reports } = deliveriesOf(HOME_VALUES);
    deliveries.make(liveFor(fixture, request, grantToken).live);
    await expect.poll(() => reports.names).toEqual(ENOUGH);
    await deliveries.stop();
    const { grant, item, manifest, bytes, statement } = await received(grantToken);
    const { contents, clip } = await openedWith(bytes, grant, statement);
    expect(reports.clip).toEqual({
      ...{ id: manifest.jti, sha256: sha256Hex(bytes), bytes: sealedBytesOf(clip.length) },
      sealed: { clipSha256: sha256Hex(clip), clipBytes: clip.length, keeper },
      ...{ frames: 28, window: terms.window, method: manifest.method, disclosed: ['address', 'email'] },
      manifestSha256: item?.manifestSha256,
    });
    expect(reports.disclosed).toEqual(GRANTED_VALUES);
    expect(contents).toMatchObject({ disclosed: GRANTED_VALUES, zones: [] });
    expect(manifest).toMatchObject({ disclosed: {}, clipSha256: item?.clipSha256, clipBytes: bytes.length });
    expect(IntakeReceipt.parse(claimsOf(reports.intake))).toMatchObject({ outcome: 'stored', unopened: true });
    expect((await verifyClip(once(clip), statement)).chain).toBe('statement');
    expect((await verifyClip(once(clip), item?.manifest ?? '')).chain).toBe('manifest');
  });

  it('sends the clip as it is where its recipient has none', async () => {
    const grantToken = fixture.cast.grant(request, terms);
    const { deliveries, reports } = deliveriesOf(HOME_VALUES);
    deliveries.make(liveFor(fixture, request, grantToken).live);
    await expect.poll(() => reports.names).toEqual(ENOUGH);
    await deliveries.stop();
    const { manifest, bytes, statement } = await received(grantToken);
    expect(manifest).not.toHaveProperty('sealed');
    expect(reports.clip).toMatchObject({
      sha256: sha256Hex(bytes),
      bytes: bytes.length,
      disclosed: ['address', 'email'],
    });
    expect(reports.clip).not.toHaveProperty('sealed');
    expect([reports.disclosed, manifest.disclosed]).toEqual([GRANTED_VALUES, GRANTED_VALUES]);
    expect(IntakeReceipt.parse(claimsOf(reports.intake))).not.toHaveProperty('unopened');
    expect((await verifyClip(once(bytes), statement)).chain).toBe('statement');
  });

  it.each(['resume', 'make'] as const)(
    'reports after a restart the facts that were granted, whatever was set since (%s)',
    async (how) => {
      const grantToken = sealedGrant(fixture, request, terms);
      sender.bridgeUrl = NOWHERE;
      const first = deliveriesOf(HOME_VALUES);
      const { live, end } = liveFor(fixture, request, grantToken);
      first.deliveries.make(live);
      await expect.poll(() => first.reports.names).toEqual(['sealed', 'presented']);
      end('the device stops');
      await first.deliveries.stop();
      await sender.restart();
      sender.bridgeUrl = fixture.bridge.url;
      const { deliveries, reports } = deliveriesOf({ address: '99 Oak Avenue', email: 'other@home.example' });
      const again = liveFor(fixture, request, grantToken).live;
      if (how === 'resume' && first.reports.clip) deliveries.resume(again, first.reports.clip);
      else deliveries.make(again);
      await expect.poll(() => reports.names).toEqual(ENOUGH);
      await deliveries.stop();
      expect(reports.clip).toEqual(first.reports.clip);
      expect([first.reports.disclosed, reports.disclosed]).toEqual([GRANTED_VALUES, GRANTED_VALUES]);
      const { grant, bytes, statement } = await received(grantToken);
      expect((await openedWith(bytes, grant, statement)).contents?.disclosed).toEqual(GRANTED_VALUES);
      expect(sha256Hex(bytes)).toBe(first.reports.clip?.sha256);
    },
  );

  it('encrypts the very clip that its owner previewed', async () => {
    const preview = await previews.make(
      mintLivePreview('preview-1', { ...terms, request: textClaim(request, 'jti') }).live,
    );
    const grantToken = sealedGrant(fixture, request, { ...terms, clipSha256: preview.sha256 });
    const { deliveries, reports } = deliveriesOf(HOME_VALUES);
    deliveries.make(liveFor(fixture, request, grantToken).live);
    await expect.poll(() => reports.names).toEqual(ENOUGH);
    await deliveries.stop();
    const { sizeBytes: clipBytes } = preview.facts;
    expect(reports.clip?.sealed).toEqual({ clipSha256: preview.sha256, clipBytes, keeper: 'vault' });
    const { grant, bytes, statement } = await received(grantToken);
    const { contents, clip } = await openedWith(bytes, grant, statement);
    expect([sha256Hex(clip), contents?.disclosed]).toEqual([preview.sha256, GRANTED_VALUES]);
    expect(previews.isPreviewed({ ...liveFor(fixture, request, grantToken).live.facts.grant })).toBe(false);
  });

  it.each<[string, DisclosedValues, Partial<Grant>, string]>([
    ['a granted fact is not set', { address: HOME_VALUES.address }, {}, 'consent_disclosure_missing'],
    [
      'the recipient’s key is none',
      HOME_VALUES,
      { recipient: { kind: 'agency', key: '', sealing: { key: toBase64url(new Uint8Array(32)), keeper: 'vault' } } },
      'consent_sealing_key',
    ],
    ['the clip is larger than granted', HOME_VALUES, { byteLimit: 1_000 }, 'clip_over_limit'],
  ])('leaves nothing in the outbox where %s', async (_what, values, changes, code) => {
    const named = changes.recipient && { recipient: { ...changes.recipient, key: textClaim(request, 'iss') } };
    const grantToken = sealedGrant(fixture, request, { ...terms, ...changes, ...named });
    const { deliveries, reports } = deliveriesOf(values);
    deliveries.make(liveFor(fixture, request, grantToken).live);
    await expect.poll(() => reports.names).toEqual([code]);
    await deliveries.stop();
    expect(await fixture.disk.list(sender.folder)).toEqual([]);
  });
});
