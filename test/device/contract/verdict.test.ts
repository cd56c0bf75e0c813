// Holds: of an encrypted clip that is not exactly what its statement says, nothing is given to whoever opens it, and the verdict says which
// check failed first.
import { describe, expect, it } from 'vitest';
import { sha256, sha256Hex, sha256Stream } from '../../../device/base/keys.ts';
import { concatBytes, toBase64url } from '../../../device/contract/bytes.ts';
import type { ClipFacts } from '../../../device/contract/clip-facts.ts';
import { SALT_BYTES } from '../../../device/contract/commitment.ts';
import { failure } from '../../../device/contract/errors.ts';
import { checkDecrypted, clipIn } from '../../../device/contract/media/check-decrypted.ts';
import {
  commitmentsOf,
  SEALED_CONTENTS_BYTES,
  type SealedClip,
  type SealedContents,
  VerdictOutcome,
  writeContents,
} from '../../../device/contract/sealing.ts';
import { outcomeOf, unopened } from '../../../device/contract/verdict.ts';
import { fillerBox, plainMp4 } from '../../support/plain-mp4.ts';

const FRAMES = { frames: 30, audioPackets: 12 };
const clip = plainMp4({ ...FRAMES, frameBytes: 40_000 });
const window = { startUs: 5_000_000, endUs: 7_000_000 };
const facts: ClipFacts = {
  ...{ window, coverage: window, gaps: [], ...FRAMES },
  ...{ method: 're-encode', encodedFrames: FRAMES.frames, redacted: true },
};
const salt = (byte: number) => toBase64url(new Uint8Array(SALT_BYTES).fill(byte));
const contents: SealedContents = {
  disclosed: { address: '12 Elm Street' },
  zones: [{ left: 0, top: 0, width: 5_000, height: 5_000 }],
  salts: { address: salt(1), zones: salt(2) },
};

/** What the statement says of these contents and this clip. */
const stated = (of = contents, bytes = clip): SealedClip => ({
  ...{ clipSha256: sha256Hex(bytes), clipBytes: bytes.length, recipientKey: '', contentKey: '', grantSha256: '' },
  ...commitmentsOf(of, sha256),
});

/** The file as it is decrypted, with the largest piece that was asked for. */
function decrypted(parts: Uint8Array[]) {
  const bytes = concatBytes(parts);
  const asked = { most: 0 };
  const read = async (position: number, length: number) => {
    asked.most = Math.max(asked.most, length);
    if (position + length > bytes.length) throw new RangeError('beyond the end');
    return bytes.subarray(position, position + length);
  };
  return { sizeBytes: bytes.length, read, asked };
}

const check = (parts: Uint8Array[], changes: { facts?: Partial<ClipFacts>; sealed?: Partial<SealedClip> } = {}) =>
  checkDecrypted(
    decrypted(parts),
    { ...facts, ...changes.facts, sealed: { ...stated(), ...changes.sealed } },
    100_000,
    { sha256, sha256Stream },
  );

it('gives facts and zones of a clip that is what its statement says, reading it in pieces', async () => {
  expect(await check([writeContents(contents), clip])).toEqual(contents);
  const file = decrypted([writeContents(contents), clip]);
  await checkDecrypted(file, { ...facts, sealed: stated() }, 100_000, { sha256, sha256Stream });
  expect(file.asked.most).toBeLessThan(clip.length);
  expect(clipIn(file).sizeBytes).toBe(clip.length);
  expect(await clipIn(file).read(4, 4)).toEqual(clip.subarray(4, 8));
});

describe('nothing is given of a clip', () => {
  const block = writeContents(contents);
  const more = plainMp4({ ...FRAMES, frames: 31 });
  const hiding = concatBytes([clip, fillerBox('free', 100)]);
  const changed = (bytes: Uint8Array, at: number) => bytes.map((byte, place) => (place === at ? byte ^ 1 : byte));
  it.each<[string, VerdictOutcome, Uint8Array[], Parameters<typeof check>[1]]>([
    ['a byte shorter', 'file', [block, clip.subarray(1)], {}],
    ['a byte longer', 'file', [block, clip, Uint8Array.of(0)], {}],
    ['without a block', 'contents', [clip.subarray(0, SEALED_CONTENTS_BYTES), clip], {}],
    ['with something behind its facts', 'contents', [changed(block, SEALED_CONTENTS_BYTES - 1), clip], {}],
    [
      'with a fact that was not disclosed',
      'contents',
      [
        writeContents({
          ...contents,
          disclosed: { ...contents.disclosed, phone: '+1 555 0100' },
          salts: { ...contents.salts, phone: salt(3) },
        }),
        clip,
      ],
      {},
    ],
    ['with another address', 'contents', [writeContents({ ...contents, disclosed: { address: 'here' } }), clip], {}],
    ['with other zones', 'contents', [writeContents({ ...contents, zones: [] }), clip], {}],
    ['that is said not to be redacted', 'contents', [block, clip], { facts: { redacted: false } }],
    ['with another byte', 'clip', [block, changed(clip, clip.length - 1)], {}],
    ['with more frames than are stated', 'recording', [block, more], { sealed: stated(contents, more) }],
    ['with a hidden box', 'recording', [block, hiding], { sealed: stated(contents, hiding) }],
    ['that is garbage', 'recording', [block, new Uint8Array(900)], { sealed: stated(contents, new Uint8Array(900)) }],
    [
      'that lasts longer than it is said to',
      'recording',
      [block, clip],
      { facts: { coverage: { ...window, endUs: window.startUs + 500_000 } } },
    ],
  ])('%s', async (_what, outcome, parts, changes) => {
    const thrown = await check(parts, changes).catch((refusal: unknown) => refusal);
    expect(thrown).toMatchObject({ code: 'clip_unopened' });
    expect(outcomeOf(thrown)).toBe(outcome);
  });
});

it('tells a refused clip from a machine that failed', () => {
  expect(outcomeOf(unopened('key', 'it does not open'))).toBe('key');
  expect(outcomeOf(failure('outbox_unusable'))).toBeNull();
  expect(outcomeOf(new Error('EIO'))).toBeNull();
  expect(outcomeOf(failure('clip_unopened', { outcome: 'as-granted', detail: '' }))).toBeNull();
  expect(VerdictOutcome.options).toContain('zones');
});
