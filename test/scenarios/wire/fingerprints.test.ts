// The search of the wire proof finds any 31 bytes of a secret at any offset, under every supported encoding.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../device/base/random.ts';
import { Fingerprints, SEVERAL_SECRETS } from './support/fingerprints.ts';

const random = new SeededRandom(5);
const secret = Buffer.from(random.bytes(4_000));
const noise = (bytes: number) => Buffer.from(random.bytes(bytes));

function looking(): Fingerprints {
  const prints = new Fingerprints();
  prints.add('film', secret);
  return prints;
}

const found = (prints: Fingerprints, bytes: Uint8Array) => prints.find(bytes).map(({ secret: name }) => name);

describe('the search for fingerprints', () => {
  it('finds any 31 bytes of a secret at any offset, and nothing in noise', () => {
    const prints = looking();
    for (let at = 0; at < 200; at += 1) {
      const slice = secret.subarray(at, at + 31);
      expect(found(prints, Buffer.concat([noise(at % 23), slice, noise(40)])), `from ${at}`).toEqual(['film']);
    }
    expect(found(prints, noise(500_000))).toEqual([]);
  });

  it('decodes base64, base64url, hex, dumps, number lists, deflate, and combinations', () => {
    const prints = looking();
    const slice = secret.subarray(77, 77 + 31);
    const spelled: Record<string, string | Buffer> = {
      base64: `{"a":"${slice.toString('base64')}"}`,
      'base64 inside a longer one': Buffer.concat([noise(7), slice, noise(5)]).toString('base64'),
      base64url: `x.${slice.toString('base64url')}.y`,
      hex: `0x${slice.toString('hex')}`,
      'hex with an odd letter before it': `f${slice.toString('hex')}`,
      'a dump': slice.toString('hex').replaceAll(/(..)/g, '$1 '),
      'labels of a DNS name': `\x1e${slice.toString('hex').slice(0, 30)}\x20${slice.toString('hex').slice(30)}`,
      numbers: JSON.stringify(slice),
      'numbers over several lines of a log': `Uint8Array(31) [\\n  ${[...slice].join(', ').replaceAll(', 1', ',\\n  1')}]`,
      gzip: gzipSync(slice),
      'base64 in base64': Buffer.from(`{"b":"${slice.toString('base64')}"}`).toString('base64url'),
      'hex in gzip in base64': Buffer.from(`pad ${gzipSync(slice.toString('hex')).toString('base64')}`).toString(),
    };
    for (const [name, text] of Object.entries(spelled))
      expect(found(prints, Buffer.from(text)), name).toEqual(['film']);
  });

  it('finds private texts as JSON, URLs or UTF-16 encode them', () => {
    const prints = new Fingerprints();
    prints.addText('address', '12 Élm Street');
    for (const text of ['at 12 Élm Street.', '12%20%C3%89lm%20Street', '12+Élm+Street', '"12 \\u00c9lm Street"']) {
      expect(found(prints, Buffer.from(text)), text).toEqual(['address']);
    }
    expect(found(prints, Buffer.from('12 Élm Street', 'utf16le'))).toEqual(['address']);
    expect(found(prints, Buffer.from(Buffer.from('{"at":"12 Élm Street"}').toString('base64')))).toEqual(['address']);
    // The length byte of a DNS label may itself be a digit.
    expect(found(prints, Buffer.from(`2${Buffer.from('12 Élm Street').toString('hex')}`))).toEqual(['address']);
    expect(found(prints, Buffer.from('13 Élm Street'))).toEqual([]);
  });

  it('finds any 16 bytes of a key', () => {
    const prints = new Fingerprints();
    const key = noise(32);
    prints.addKey('key', key);
    for (let at = 0; at <= 16; at += 1) expect(found(prints, key.subarray(at, at + 16))).toEqual(['key']);
    expect(found(prints, key.subarray(0, 15))).toEqual([]);
  });

  it('ignores the runs of ones that encode the loudest sound', () => {
    const prints = new Fingerprints();
    const loud = Buffer.from('47fdffffefff27fefffff7ff93ff7fff', 'hex');
    prints.add('sound', Buffer.concat([noise(64), loud]));
    expect(found(prints, loud)).toEqual([]);
    expect([prints.size, prints.skipped]).toEqual([4, 1]);
  });

  it('does not name a picture if two are alike', () => {
    const prints = new Fingerprints();
    const [one, two, both] = [noise(64), noise(64), noise(64)];
    const frames = [
      { name: 'one', bytes: Buffer.concat([one, both]) },
      { name: 'two', bytes: Buffer.concat([two, noise(3), both]) },
    ];
    for (const { name, bytes } of frames) prints.add(name, bytes);
    prints.tellApart(frames);
    expect(prints.findBare(both)).toEqual([SEVERAL_SECRETS]);
    expect(prints.findBare(one)).toEqual(['one']);
    expect(prints.findBare(two)).toEqual(['two']);
  });
});
