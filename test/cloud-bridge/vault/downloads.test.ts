// The vault checks a reader's access before each piece: a running download ends within 256 KiB of the change that ends the access, and an
// unused link does not work any more.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SCOPES } from '../../../cloud-bridge/vault/clients.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';
import { CountingDisk, type SlowReader, slowReader } from '../../support/slow-reader.ts';
import type { OfferedClip, Officer, VaultAnswer, VaultFixture } from '../../support/vault-fixture.ts';
import { sealedClip } from '../support/sealed-clip.ts';
import { VaultRig } from '../support/vault-rig.ts';

const FURTHER_BYTES_MAX = 256 * 1024;
/** The least that a kernel buffers of an answer that is not read. */
const KERNEL_BYTES = 1024 * 1024;
const disk = new CountingDisk(/\/blobs\/.*\/clip\.mp4$/);
// More than the buffers of two kernels hold.
const big = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 800_000 });
let rig: VaultRig;
let vault: VaultFixture;
/** The officer who decides; the reader is another one. */
let chief: Officer;
let reader: Officer;
let readersClient: string;
let clip: OfferedClip;
let at: string;

beforeAll(async () => {
  rig = await VaultRig.open('downloads', { requestsPerMinuteMax: 100_000 }, disk);
  ({ vault, officer: chief } = rig);
});
afterAll(() => rig.close());
/** Hands over a clip of these bytes; without them a small one. */
const handOver = (bytes?: Uint8Array) => async () => {
  vault.clock.shiftS = 0;
  clip = await rig.clip(vault, bytes).handOver();
  at = `/evidence/${clip.item}`;
  const plain = SCOPES.filter((scope) => !/restricted|confidential/.test(scope));
  const issued = await vault.client(chief.agency, plain);
  readersClient = issued.client;
  reader = { token: String((await vault.token(issued)).body['access_token']), agency: chief.agency };
};

const code = ({ status, body }: VaultAnswer) => `${status} ${body['code']}`;
const linkOf = async (officer: Officer) => String((await vault.as(officer, 'POST', `${at}/links`)).body['url']);
const follow = async (url: string) => code(await vault.send('GET', url, {}));
const recalled = (answer: 'restrict' | 'erase') => async () => {
  await vault.as(chief, 'PUT', '/policy', { recall: { answer, reason: 'the owner asked' } });
  expect((await clip.recall()).status).toBe(200);
};
const endClient = async () => {
  const path = `/v1/agencies/${chief.agency}/clients/${readersClient}`;
  expect((await vault.operator('DELETE', path, {})).status).toBe(204);
};

const DOORS: [string, (officer: Officer) => Promise<SlowReader>][] = [
  ...['clip', 'stream'].map((part): (typeof DOORS)[number] => [
    `a ${part === 'clip' ? 'download' : 'stream'}`,
    ({ token, agency }) => {
      const who = { authorization: `Bearer ${token}`, 'x-officer': 'Det. Rivera', 'x-reason': 'case 117' };
      return slowReader(`${vault.vault.url}/v1/agencies/${agency}${at}/${part}`, who, 500_000);
    },
  ]),
  ['a link in use', async (officer) => slowReader(await linkOf(officer), {}, 500_000)],
];
const ENDS: [string, () => Promise<void>][] = [
  ['a recall that restricts', recalled('restrict')],
  ['a recall that erases', recalled('erase')],
  ['a deletion', async () => expect((await vault.as(chief, 'DELETE', at)).status).toBe(200)],
  [
    'a class that the reader is not cleared for',
    async () => {
      const confidential = { accessClass: 'confidential' };
      expect((await vault.as(chief, 'PUT', `${at}/access-class`, confidential)).status).toBe(200);
    },
  ],
  ['the removal of the client', endClient],
];

describe.each(DOORS)('%s', { tags: ['long'] }, (_name, open) => {
  beforeEach(handOver(big));

  it.each(ENDS)('ends at once with %s', async (_what, end) => {
    const start = disk.bytesRead;
    const reading = await open(reader);
    expect(reading.seen()).toBeGreaterThan(400_000);
    await disk.quiet();
    const before = disk.bytesRead - start;
    await end();
    const { bytes } = await reading.rest();
    // Less than the server had given to its kernel, so unsent bytes were dropped.
    expect(bytes).toBeLessThan(before - KERNEL_BYTES);
    await disk.quiet();
    expect(disk.bytesRead - start - before).toBeLessThanOrEqual(FURTHER_BYTES_MAX);
  });

  it('is complete when nothing happens, and when another item changes', async () => {
    const reading = await open(reader);
    const other = await rig.clip().handOver();
    await vault.as(chief, 'DELETE', `/evidence/${other.item}`);
    const { bytes, head } = await reading.rest();
    expect(head).toContain('HTTP/1.1 200');
    expect(bytes).toBe(head.length + 4 + big.length);
  });
});

it('of a decrypted clip ends at once with a deletion', { tags: ['long'] }, async () => {
  clip = (await sealedClip(rig, { plain: big })).clip;
  await clip.handOver();
  at = `/evidence/${clip.item}`;
  reader = chief;
  const [, open] = DOORS[0] as (typeof DOORS)[number];
  const start = disk.bytesRead;
  const reading = await open(reader);
  await disk.quiet();
  const before = disk.bytesRead - start;
  expect((await vault.as(chief, 'DELETE', at)).status).toBe(200);
  expect((await reading.rest()).bytes).toBeLessThan(before - KERNEL_BYTES);
  await disk.quiet();
  // Each piece is read with the tag of one more chunk.
  expect(disk.bytesRead - start - before).toBeLessThanOrEqual(FURTHER_BYTES_MAX + 4 * 16);
});

it('ends when the token that it was started with expires', { tags: ['long'] }, async () => {
  await handOver(big)();
  const [, open] = DOORS[0] as (typeof DOORS)[number];
  const reading = await open(reader);
  vault.clock.shiftS = 5 * 3600;
  await disk.quiet();
  const before = disk.bytesRead;
  expect((await reading.rest()).bytes).toBeLessThan(big.length);
  expect(disk.bytesRead - before).toBeLessThanOrEqual(FURTHER_BYTES_MAX);
});

describe('an unused link', { tags: ['long'] }, () => {
  beforeEach(handOver());

  it.each(ENDS)('does not work after %s, nor when that is undone', async (_what, end) => {
    const [url, chiefs] = [await linkOf(reader), await linkOf(chief)];
    await end();
    expect(await follow(url)).toBe('410 download_link_invalid');
    await vault.as(chief, 'POST', `${at}/restoration`);
    await vault.as(chief, 'PUT', `${at}/access-class`, { accessClass: 'none' });
    expect(await follow(url)).toBe('410 download_link_invalid');
    // The end of an item ends all links to it; the end of a client ends only its own.
    const stays = end === endClient;
    expect(await follow(chiefs)).toBe(stays ? '200 undefined' : '410 download_link_invalid');
  });

  it('works after a recall that the department answers with keeping, but only as a new link', async () => {
    await vault.as(chief, 'PUT', '/policy', { recall: { answer: 'keep', reason: 'trial' } });
    const url = await linkOf(reader);
    await clip.recall();
    expect(await follow(url)).toBe('410 download_link_invalid');
    expect(await follow(await linkOf(reader))).toBe('200 undefined');
  });
});
