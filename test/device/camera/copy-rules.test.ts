import { describe, expect, it } from 'vitest';
import { faultOfGop, isCutOff } from '../../../device/camera/copy-rules.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { Recorder } from './support/recorder.ts';

/** An access unit delimiter alone, behind its length (ISO/IEC 14496-10 §7.3.2.4). */
const DELIMITER = new Uint8Array([0, 0, 0, 2, 9, 0xf0]);

describe('a copied GOP', async () => {
  const source = 'synthetic?pace=fast&seconds=1&size=320x180&audio=off';
  const { segments } = await new Recorder(npmFfmpeg, source).whole();
  const init = parseInit(segments[0]?.init ?? new Uint8Array());
  const { video } = parseFragment(init, segments[0]?.fragment ?? new Uint8Array());

  it('is complete if its last sample holds a picture', () => {
    expect(video.length).toBeGreaterThan(1);
    expect(isCutOff(init, video)).toBe(false);
    expect(faultOfGop(init, video)).toBeNull();
  });

  it('is cut off if its last sample holds none: no reason to encode, but not kept', () => {
    const cut = video.map((sample, at) => (at === video.length - 1 ? { ...sample, data: DELIMITER } : sample));
    expect(isCutOff(init, cut)).toBe(true);
    expect(faultOfGop(init, cut)).toBeNull();
  });

  it('must be encoded if it does not begin with an IDR picture', () => {
    expect(faultOfGop(init, video.slice(1))).toMatch(/IDR/);
  });
});
