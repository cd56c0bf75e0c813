import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { FragmentSplitter } from '../../../device/contract/media/fragment-splitter.ts';
import { splitSample } from '../../../device/contract/media/nal.ts';
import { LiveMp4 } from '../../../sim/camera-server/live-mp4.ts';
import { FORMAT, packet, picture } from './support/fake-stream.ts';

/** The file as the device's own parser reads it. */
function read(bytes: Uint8Array) {
  const [init, ...fragments] = new FragmentSplitter().push(bytes);
  if (init?.kind !== 'init') throw new Error('no init segment');
  const info = parseInit(init.bytes);
  const samples = fragments.map((part) => parseFragment(info, part.bytes));
  return { info, video: samples.flatMap(({ video }) => video), audio: samples.flatMap(({ audio }) => audio) };
}

describe('a live MP4', () => {
  it('begins with the first keyframe and contains every unit at its time', () => {
    const file = new LiveMp4(FORMAT);
    const units = [
      ...Array.from({ length: 40 }, (_, at) => picture(at + 5)),
      ...Array.from({ length: 80 }, (_, at) => packet(at)),
    ];
    units.sort((a, b) => a.dueUs - b.dueUs);
    const { info, video, audio } = read(concatBytes(units.map((unit) => file.push(unit))));
    expect([info.video.width, info.video.height, info.audio?.sampleRate]).toEqual([640, 480, 48_000]);
    // The last unit of each track waits for the next.
    expect(video.length).toBe(40 - 10 - 1);
    expect(video.map(({ key }) => key)).toEqual(video.map((_, at) => at % 15 === 0));
    expect(video.map(({ dts }) => dts)).toEqual(video.map((_, at) => Math.round((at * 66_667 * 90_000) / 1_000_000)));
    expect(splitSample(video[0]?.data ?? new Uint8Array(), 4).map((nal) => nal[0])).toEqual([0x65]);
    const [first = { dts: 0 }] = audio;
    expect(audio.length).toBeGreaterThan(30);
    expect(audio.map(({ dts }) => dts - first.dts)).toEqual(audio.map((_, at) => at * 1_024));
  });

  it('keeps the display order of pictures', () => {
    const file = new LiveMp4(FORMAT);
    const units = [picture(0), { ...picture(1), ptsUs: 200_000 }, { ...picture(2), ptsUs: 66_667 }, picture(3)];
    const { video } = read(concatBytes(units.map((unit) => file.push(unit))));
    expect(video.map(({ pts }) => pts)).toEqual([0, 18_000, 6_000]);
  });

  it('has no audio track without sound', () => {
    const file = new LiveMp4({ ...FORMAT, sound: null });
    expect(read(concatBytes([file.push(picture(0)), file.push(picture(1))])).info.audio).toBeNull();
  });
});
