import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { nalType } from '../../../device/contract/media/nal.ts';
import type { AccessUnit } from '../../../sim/camera-server/access-units.ts';
import { FaultSet, parseFault } from '../../../sim/camera-server/faults.ts';
import { UnitFaults } from '../../../sim/camera-server/unit-faults.ts';
import { packet, picture } from './support/fake-stream.ts';

/** Sends six seconds of pictures or sound through faults in real order; returns the output and its times. */
async function through(texts: readonly string[], units = Array.from({ length: 90 }, (_, at) => picture(at))) {
  const clock = new ManualClock(0);
  const faults = new FaultSet();
  for (const text of texts) faults.add(parseFault(text));
  const sent: { unit: AccessUnit; atMs: number }[] = [];
  const stage = new UnitFaults({
    ...{ faults, random: new SeededRandom(7) },
    later: (us, call) => clock.after(us / 1_000, call),
    send: (unit) => void sent.push({ unit, atMs: clock.monotonicMs() }),
  });
  for (const unit of units) {
    await clock.advance(Math.max(0, unit.dueUs / 1_000 - clock.monotonicMs()));
    stage.take(unit);
  }
  await clock.advance(60_000);
  return sent;
}

const frameOf = ({ unit }: { unit: AccessUnit }) => Math.round(unit.dueUs / 66_667);
const all = Array.from({ length: 90 }, (_, at) => at);

describe('faults of pictures', () => {
  it('change nothing if there are none', async () => {
    const sent = await through([]);
    expect(sent.map(({ unit }) => unit)).toEqual(all.map((at) => picture(at)));
  });

  it('drop a period, a share, or every keyframe', async () => {
    expect((await through(['gap@2s+2s'])).map(frameOf)).toEqual(all.filter((at) => at < 30 || at >= 60));
    const share = (await through(['lost-frames=20%'])).length;
    expect(share).toBeGreaterThan(60);
    expect(share).toBeLessThan(85);
    expect((await through(['lost-keyframes@2s'])).map(frameOf)).toEqual(all.filter((at) => at < 30 || at % 15 !== 0));
  });

  it('repeat or swap some pictures, and lose none', async () => {
    const twice = (await through(['duplicate-frames=20%'])).map(frameOf);
    expect(twice.length).toBeGreaterThan(95);
    expect([...new Set(twice)]).toEqual(all);
    const swapped = (await through(['reordered-frames=20%'])).map(frameOf);
    expect(swapped).not.toEqual(all);
    expect([...swapped].sort((a, b) => a - b)).toEqual(all);
    expect(swapped.every((frame, at) => Math.abs(frame - at) <= 1)).toBe(true);
  });

  it('delay pictures without changing their order or timestamps', async () => {
    const sent = await through(['late-frames=400ms@2s+2s']);
    expect(sent.map(frameOf)).toEqual(all);
    const lateMs = sent.map(({ unit, atMs }) => Math.round(atMs - unit.dueUs / 1_000));
    expect(lateMs.slice(0, 30)).toEqual(Array(30).fill(0));
    expect(lateMs.slice(30, 60)).toEqual(Array(30).fill(400));
    expect(lateMs[66]).toBe(0);
    expect(sent.every(({ unit }) => unit.ptsUs === unit.dueUs)).toBe(true);
  });

  it('hold pictures back, then send all at once (stutter)', async () => {
    const sent = await through(['stutter=1s@0s+4s']);
    expect(sent.map(frameOf)).toEqual(all);
    expect(new Set(sent.slice(0, 60).map(({ atMs }) => atMs)).size).toBeLessThan(6);
  });

  it('change timestamps', async () => {
    const jump = await through(['pts-jump=10s@2s']);
    expect(jump.map(({ unit }) => unit.ptsUs - unit.dueUs)).toEqual(all.map((at) => (at < 30 ? 0 : 10_000_000)));
    const drift = await through(['clock-drift=2000@1s+4s']);
    expect(Math.round((drift.at(-1)?.unit.ptsUs ?? 0) - (drift.at(-1)?.unit.dueUs ?? 0))).toBeGreaterThan(7_700);
    expect(Math.round((drift.at(-1)?.unit.ptsUs ?? 0) - (drift.at(-1)?.unit.dueUs ?? 0))).toBeLessThan(8_200);
    const stuck = await through(['stuck-clock@2s']);
    expect(new Set(stuck.slice(30).map(({ unit }) => unit.ptsUs))).toEqual(new Set([2_000_000]));
  });

  it('cut pictures in half or flip bits, without changing their NAL unit types', async () => {
    const cut = await through(['cut-frames=100%']);
    expect(cut.map(({ unit }) => unit.parts.at(-1)?.length)).toEqual(Array(90).fill(50));
    const flipped = await through(['flipped-bits=100%']);
    const differing = flipped.filter(({ unit }, at) => String(unit.parts.at(-1)) !== String(picture(at).parts.at(-1)));
    expect(differing.length).toBeGreaterThan(80);
    expect(flipped.every(({ unit }) => unit.parts.at(-1)?.length === 100 && !unit.parts.at(-1)?.includes(0))).toBe(
      true,
    );
  });

  it('insert an SEI text between parameter sets and picture', async () => {
    const [key, other] = await through(['hidden-text=serial 4711']);
    expect(key?.unit.parts.map(nalType)).toEqual([7, 8, 6, 5]);
    expect(other?.unit.parts.map(nalType)).toEqual([6, 1]);
    expect(Buffer.from(other?.unit.parts[0] ?? []).toString('latin1')).toContain('serial 4711');
    expect((await through(['sets-once']))[0]?.unit.parts.map(nalType)).toEqual([5]);
  });
});

describe('faults of sound', () => {
  const sound = Array.from({ length: 100 }, (_, at) => packet(at));

  it('drop sound or change its timestamps, without touching pictures', async () => {
    expect(await through(['no-sound@0s'], sound)).toEqual([]);
    expect(
      (await through(['sound-off=1500ms'], sound)).every(({ unit }) => unit.ptsUs - unit.dueUs === 1_500_000),
    ).toBe(true);
    expect((await through(['no-sound', 'sound-off'])).map(({ unit }) => unit.ptsUs)).toEqual(
      all.map((at) => picture(at).ptsUs),
    );
  });

  it('are separate from those of pictures', async () => {
    expect((await through(['lost-frames=100%', 'cut-frames=100%'], sound)).length).toBe(100);
  });
});
