// Holds: parameter sets of real encoders are read correctly, and data after them is noticed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concatBytes } from '../../../../device/contract/bytes.ts';
import { parseInit } from '../../../../device/contract/media/fragment.ts';
import { parsePps, parseSps } from '../../../../device/contract/media/parameter-sets.ts';
import { ffmpegs } from '../../../support/each-ffmpeg.ts';
import { makeFootage } from '../../clip/support/footage.ts';
import { captureFile } from '../../clip/support/segmenter.ts';

const [ffmpeg] = ffmpegs;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-sets-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function setsOf(...video: string[]) {
  if (!ffmpeg) throw new Error('no ffmpeg');
  const source = await makeFootage(ffmpeg.path, folder, { video: ['-c:v', 'libx264', ...video], frames: 3 });
  const [first] = await captureFile(ffmpeg.path, source);
  const avc = first && parseInit(first.init).video.avc;
  const [spsUnit] = avc?.sps ?? [];
  const [ppsUnit] = avc?.pps ?? [];
  if (!spsUnit || !ppsUnit) throw new Error('no parameter sets');
  const sps = parseSps(spsUnit);
  return { sps, pps: parsePps(ppsUnit, () => sps.chromaFormat) };
}

describe('parameter sets', () => {
  it('of a baseline stream are read to their last bit', async () => {
    const { sps, pps } = await setsOf('-profile:v', 'baseline', '-level', '3.1', '-pix_fmt', 'yuv420p');
    expect(sps).toMatchObject({ id: 0, profileIdc: 66, levelIdc: 31, width: 320, height: 176, progressive: true });
    expect([sps.clean, pps.clean, pps.sliceGroups]).toEqual([true, true, false]);
  });

  it('of a cropped, stretched, full-range picture say so', async () => {
    const vf = 'crop=318:170:0:0,setsar=4/3';
    const { sps, pps } = await setsOf('-vf', vf, '-pix_fmt', 'yuvj420p', '-colorspace', 'bt709', '-color_trc', 'bt709');
    expect(sps).toMatchObject({ width: 318, height: 170, aspect: [4, 3], colour: { fullRange: true, matrix: 1 } });
    expect([sps.clean, pps.clean]).toEqual([true, true]);
  });

  it('with scaling lists, buffer models and ids of their own are read to their last bit', async () => {
    const x264 = 'sps-id=5:cqm=jvt:nal-hrd=vbr:vbv-maxrate=2000:vbv-bufsize=2000';
    const { sps, pps } = await setsOf('-profile:v', 'high', '-pix_fmt', 'yuv420p', '-x264-params', x264);
    expect([sps.id, pps.id, pps.spsId]).toEqual([5, 5, 5]);
    expect([sps.clean, pps.clean]).toEqual([true, true]);
  });

  it('of interlaced and of ten-bit 4:2:2 streams differ from plain ones', async () => {
    const interlaced = await setsOf('-x264-params', 'tff=1', '-pix_fmt', 'yuv420p');
    expect(interlaced.sps).toMatchObject({ progressive: false, width: 320, height: 176, clean: true });
    const deep = await setsOf('-pix_fmt', 'yuv422p10le');
    expect(deep.sps).toMatchObject({ chromaFormat: 2, bitDepthLuma: 10, bitDepthChroma: 10, clean: true });
  });

  it('with data after them are not clean', async () => {
    const { sps, pps } = await setsOf('-pix_fmt', 'yuv420p');
    const secret = Uint8Array.of(0x53, 0x4e);
    expect(parseSps(concatBytes([sps.bytes, secret])).clean).toBe(false);
    expect(parsePps(concatBytes([pps.bytes, secret]), () => 1).clean).toBe(false);
  });

  it('that are torn or of another type are refused', async () => {
    const { sps } = await setsOf('-pix_fmt', 'yuv420p');
    expect(() => parseSps(sps.bytes.subarray(0, 6))).toThrow(/ends too early/);
    expect(() => parseSps(Uint8Array.of(0x68, 1, 2, 3))).toThrow(/is none/);
    expect(() => parsePps(Uint8Array.of(0x67, 1, 2, 3), () => 1)).toThrow(/is none/);
  });
});
