// An independent reader (mediabunny) finds a clip's frames, times, keyframes and pixel shape as in the ring.
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny';
import { describe, expect, it } from 'vitest';
import { layOut } from '../../../device/clip/mp4-layout.ts';
import { selfCheck } from '../../../device/clip/self-check.ts';
import { FTYP_BYTES, readMoov } from '../../../device/contract/media/clip-file-check.ts';
import type { Sps } from '../../../device/contract/media/parameter-sets.ts';
import { npmFfmpeg as ffmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { cut, depsFor, readerOf } from './support/cutting.ts';
import { type Style, x264 } from './support/footage.ts';
import { capturedFootage, frameTimesUs } from './support/segmenter.ts';
import { turnedInit } from './support/turned.ts';

async function clipOf(style: Style, from: number, to: number, turn = false) {
  const captured = await capturedFootage(ffmpeg.path, style);
  const segments = turn ? captured.map((segment) => ({ ...segment, init: turnedInit(segment.init, 90) })) : captured;
  const times = frameTimesUs(segments);
  const { live } = liveGrantFor({
    window: { startUs: times[from] ?? 0, endUs: times[to] ?? 0 },
    audio: style.sound !== undefined,
  });
  const deps = depsFor(ffmpeg, segments);
  const { clip, bytes } = await cut(live, deps);
  await selfCheck(live, clip, readerOf(bytes), deps);
  const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(bytes) });
  return { clip, times: times.slice(from, to), input };
}

async function packetsOf(input: Input) {
  const track = await input.getPrimaryVideoTrack();
  if (!track) throw new Error('no video');
  const packets: { timestamp: number; type: string }[] = [];
  for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet);
  return packets;
}

describe('a clip in an independent reader', () => {
  it('has its frames at their exact distances, however uneven, and its keyframes', async () => {
    const style = { video: x264(15), frames: 60, setpts: "'(N+mod(N*7,5)/8)/12/TB'" };
    const { input, times } = await clipOf(style, 20, 55);
    const packets = await packetsOf(input);
    expect(packets.length).toBe(35);
    packets.forEach((packet, at) => {
      expect(Math.abs(packet.timestamp * 1e6 + (times[0] ?? 0) - (times[at] ?? 0))).toBeLessThan(2);
    });
    const keys = packets.flatMap((packet, at) => (packet.type === 'key' ? [at] : []));
    expect(keys).toEqual([0, 10, 25]);
  });

  it('is as long as its window, with sound that starts in step', async () => {
    const style = { video: x264(15), frames: 60, sound: 'sine=r=48000' };
    const { clip, input } = await clipOf(style, 20, 50);
    expect(await (await input.getPrimaryVideoTrack())?.computeDuration()).toBeCloseTo(2, 4);
    const sound = await input.getPrimaryAudioTrack();
    expect(sound?.codec).toBe('aac');
    expect((await sound?.computePacketStats())?.packetCount).toBe(clip.audioPackets);
    const start = (await sound?.getFirstTimestamp()) ?? -1;
    expect(start).toBeGreaterThanOrEqual(0);
    expect(start).toBeLessThan(1024 / 48_000);
  });

  it('keeps its pixel shape and rotation', async () => {
    const style = { video: ['-vf', 'setsar=4/3', ...x264(15)], frames: 40 };
    const { input } = await clipOf(style, 4, 30, true);
    const track = await input.getPrimaryVideoTrack();
    expect(track?.rotation).toBe(90);
    expect([track?.codedWidth, track?.codedHeight]).toEqual([320, 176]);
    expect([track?.displayWidth, track?.displayHeight]).toEqual([176, 427]);
  });
});

describe('a clip beyond 4 GiB and 2^32 ticks', () => {
  it('has wide offsets and times', () => {
    const sps: Sps = {
      bytes: Uint8Array.of(0x67, 66, 0, 30),
      id: 0,
      profileIdc: 66,
      constraints: 0,
      levelIdc: 30,
      chromaFormat: 1,
      bitDepthLuma: 8,
      bitDepthChroma: 8,
      frameNumBits: 4,
      gapsAllowed: false,
      progressive: true,
      width: 320,
      height: 176,
      aspect: [1, 1],
      colour: null,
      clean: true,
    };
    const video = {
      timescale: 10_000_000,
      ticks: [0, 4_000_000_000, 8_000_000_000],
      sizes: [3_000_000_000, 2_000_000_000, 7],
      lastDuration: 1_000,
      keys: [0, 2],
      sps: [sps],
      pps: [Uint8Array.of(0x68, 0)],
      rotation: 0 as const,
    };
    const { header, sizeBytes } = layOut(video, null, [
      { track: 'video', samples: 1 },
      { track: 'video', samples: 2 },
    ]);
    const moovBytes = Buffer.from(header).readUInt32BE(FTYP_BYTES);
    const tables = readMoov(header.subarray(FTYP_BYTES, FTYP_BYTES + moovBytes));
    expect([...tables.video.times]).toEqual(video.ticks);
    expect([...tables.video.offsets]).toEqual([header.length, header.length + 3e9, header.length + 5e9]);
    expect(sizeBytes).toBe(header.length + 5_000_000_007);
    const mdat = Buffer.from(header.subarray(FTYP_BYTES + moovBytes));
    expect([mdat.readUInt32BE(0), mdat.toString('latin1', 4, 8)]).toEqual([1, 'mdat']);
    expect(mdat.readBigUInt64BE(8)).toBe(5_000_000_023n);
  });
});
