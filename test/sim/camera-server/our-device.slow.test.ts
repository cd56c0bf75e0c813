// Our device's reaction to each fault: the last column of the table in the README, observed at the device's own capture.
import { describe, expect, it } from 'vitest';
import { FAULTS, type FaultName, faultRow, isFaultName, type Verdict } from '../../../sim/camera-server/fault-table.ts';
import { Recorder } from '../../device/camera/support/recorder.ts';
import { compared, ffmpeg, recordedPictures, StartedCamera } from './support/started-camera.ts';

/** Those that take long run together, because a group takes as long as its longest. */
const names = (process.env['DOORSILL_FAULTS']?.split(',') ?? Object.keys(FAULTS))
  .filter(isFaultName)
  .sort((one, other) => lengthMs(other) - lengthMs(one));
/** Cameras in parallel, each with its own device. */
const AT_ONCE = 4;

/** A fault of connections is active from the beginning, any other after the device has recorded for a while. */
function faultsFor(name: FaultName): string[] {
  if (name === 'no-keyframe') return ['no-keyframe@8s'];
  if (name === 'dies') return ['dies=8s@0s'];
  // The default drift would take hours to show.
  if (name === 'clock-drift') return ['clock-drift=300000@8s'];
  return faultRow(name).layer === 'service' ? [name] : [`${name}@8s`];
}

/** How long a device runs, in ms: long enough for its reaction. */
function lengthMs(name: FaultName): number {
  if (name === 'no-keyframe' || name === 'half-open' || name === 'gap' || name === 'lost-keyframes') return 45_000;
  if (name === 'long-gop') return 34_000;
  return 20_000;
}

async function tried(name: FaultName): Promise<{ verdict: Verdict; codes: string[]; told: object }> {
  const camera = await StartedCamera.start({ faults: faultsFor(name) });
  const recorder = new Recorder(ffmpeg, camera.url, { retryMs: 500, retryMsMax: 2_000 });
  try {
    await recorder.capture.start(new AbortController().signal);
    await new Promise((resolve) => setTimeout(resolve, lengthMs(name)));
  } finally {
    await recorder.capture.stop();
    await camera.stop();
  }
  const comparison = compared(recordedPictures(recorder), camera.made);
  const codes = [...new Set(recorder.changes.flatMap(({ failure }) => failure?.code ?? []))];
  const recordings = new Set(recorder.segments.map(({ recording }) => recording)).size;
  const isEncoded = recorder.changes.some(({ recording }) => recording?.video === 'encode');
  const isTold = codes.length > 0 || recordings > 1;
  const isWhole = comparison.foreign === 0 && comparison.missing === 0;
  const verdict =
    recorder.segments.length === 0
      ? 'refused'
      : isEncoded
        ? 'encoded'
        : isWhole && codes.length === 0
          ? 'exact'
          : isTold
            ? 'reported'
            : 'unnoticed';
  // After a jump, no picture's date is wrong by more than a mapping's tolerance.
  if (name === 'pts-jump') for (const off of camera.offMs(recorder)) expect(Math.abs(off)).toBeLessThan(1_500);
  // Pictures with one timestamp have no trusted dates.
  if (name === 'stuck-clock') expect(recorder.segments.some(({ clockTrusted }) => !clockTrusted)).toBe(true);
  return {
    verdict,
    codes,
    told: { ...comparison, offMs: camera.offMs(recorder), recordings, states: recorder.states() },
  };
}

describe('our device’s reaction to', () => {
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE);
    it(some.join(', '), { timeout: 90_000 }, async () => {
      const found = await Promise.all(some.map(tried));
      const shown = found.map(({ verdict, codes }, n) => [some[n], verdict, ...codes]);
      for (const [n, { told }] of found.entries())
        if (process.env['DOORSILL_SHOW']) console.log(some[n], JSON.stringify(shown[n]), JSON.stringify(told));
      expect(shown.map(([name, verdict]) => [name, verdict])).toEqual(
        some.map((name) => [name, faultRow(name).device.verdict]),
      );
      // Every code in the row was reported by the device, and the other way round.
      for (const [n, { codes }] of found.entries()) {
        const named = [...(faultRow(some[n] ?? 'frozen').device.says.matchAll(/`(camera_[a-z_]+)`/g) ?? [])].map(
          ([, code]) => code,
        );
        expect([some[n], ...named]).toEqual([some[n], ...codes]);
      }
    });
  }
});
