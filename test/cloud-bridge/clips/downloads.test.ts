// The bridge checks a reader's access before each piece of a download: an owner's revocation, or the end of the agency's access, ends a
// running download within 256 KiB.
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { errorLog } from '../../support/error-log.ts';
import { makeParty } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';
import { BARE_JPEG, Searching } from '../../support/searches.ts';
import { CountingDisk, type SlowReader, slowReader } from '../../support/slow-reader.ts';

const FURTHER_BYTES_MAX = 256 * 1024;
// More than the buffers of two kernels hold.
const big = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 800_000 });
const disk = new CountingDisk(/\/clips\//);
const { log, errors } = errorLog();
let fixture: BridgeFixture;
let request: string;

beforeAll(async () => {
  fixture = await BridgeFixture.open({ log });
  await fixture.bridge.stop();
  fixture.bridgeDisk = disk;
  await fixture.startBridge();
  request = await fixture.ready();
});
afterAll(() => fixture.close());

let parcel: Parcel;
beforeEach(async () => {
  parcel = fixture.parcel(request, { clip: big });
  await fixture.deliver(parcel);
});

// A download that was ended, or that its reader left, is not an error.
afterEach(() => expect(errors.splice(0)).toEqual([]));

const read = (path: string, bearer: string) =>
  slowReader(`${fixture.bridge.url}${path}`, { authorization: `Bearer ${bearer}` }, 500_000);
const byAgency = () => read(`/v1/clips/${parcel.clipId}`, fixture.access(parcel.clipId));

async function expectEnd(reading: SlowReader, before: number): Promise<void> {
  await reading.rest();
  await disk.quiet();
  expect(disk.bytesRead - before).toBeLessThanOrEqual(FURTHER_BYTES_MAX);
}

/** Bytes of the clip that were read from the disk once the reader's buffers are full. */
async function settled(reading: SlowReader): Promise<number> {
  expect(reading.seen()).toBeGreaterThan(400_000);
  await disk.quiet();
  return disk.bytesRead;
}

it('a revocation ends an agency’s download at once, and drops what the kernel still has to send', {
  tags: ['long'],
}, async () => {
  const reading = await byAgency();
  const before = await settled(reading);
  expect((await fixture.revoke(parcel)).body['state']).toBe('deleted');
  await expectEnd(reading, before);
});

it('the end of the agency’s access ends it with the next piece', { tags: ['long'] }, async () => {
  const reading = await byAgency();
  const before = await settled(reading);
  await fixture.registry.revoke(fixture.cast.agency.id);
  await fixture.bridge.refreshRevocations();
  await expectEnd(reading, before);
  await fixture.registry.reinstate(fixture.cast.agency.id);
  await fixture.bridge.refreshRevocations();
  // Its requests stay withdrawn, so it needs a new one.
  request = fixture.cast.request({ investigation: 'SPD-2026-0118' });
  expect((await fixture.post('/v1/requests', { request })).status).toBe(201);
});

it('continues to its end although the token it was started with has expired', { tags: ['long'] }, async () => {
  const reading = await byAgency();
  fixture.clock.shiftS += 600;
  const { bytes, head } = await reading.rest();
  expect(bytes).toBe(head.length + 4 + big.length);
});

it('a revocation ends a pet owner’s download at once, too', { tags: ['long'] }, async () => {
  const searching = new Searching(fixture.cast);
  const home = makeParty('device', new SystemRandom());
  await fixture.enrol(home);
  const search = searching.search();
  const pairing = fixture.cast.pairing({ device: home.id, key: searching.poster.key.publicKey }, home);
  await fixture.post('/v1/search-party/searches', { search, photo: toBase64url(BARE_JPEG), pairing });
  const manifest = { aud: searching.poster.id, disclosed: {} };
  const sent = fixture.parcel(search, { clip: big, grantToken: searching.grant(search), manifest });
  expect((await fixture.deliver(sent)).status).toBe(204);
  const call = searching.call({ action: 'see', clip: sent.clipId });
  const reading = await read(`/v1/search-party/clips/${sent.clipId}`, call);
  const before = await settled(reading);
  expect((await fixture.revoke(sent)).body['state']).toBe('deleted');
  await expectEnd(reading, before);
});
