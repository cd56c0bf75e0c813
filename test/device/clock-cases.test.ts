// Every fault of a wall clock: how footage is recorded and dated, which grants are possible, and how the fault is mended.
import { afterEach, describe, expect, it } from 'vitest';
import { proved } from '../support/proved.ts';
import { Shooting } from './shooting.ts';

const SECOND = 1_000_000;
const HOUR = 3_600 * SECOND;

let shooting: Shooting;
afterEach(() => shooting.close());

/** The window of the last `lengthS` seconds before `endUs`. */
const upTo = (endUs: number, lengthS: number) => ({ startUs: endUs - lengthS * SECOND, endUs });
const errorsS = (shots: { errorUs: number }[]) => shots.map(({ errorUs }) => Math.round(errorUs / SECOND));
const recordings = () => new Set(shooting.shots.map(({ segment }) => segment.recording)).size;
const reset = () => shooting.rig.command(shooting.rig.cast.command({ action: 'reset-clock-mark' }));

describe('a doorbell whose clock', () => {
  it('starts in 1970 and is set later records always, grants nothing before, and dates footage correctly afterwards', async (test) => {
    shooting = await Shooting.open(5 * SECOND, false);
    await shooting.shoot(20);
    const old = shooting.wallUs;
    expect(await shooting.grant(upTo(old, 10))).toBe('consent_clock_untrusted');
    const count = shooting.shots.length;
    shooting.set(shooting.trueUs);
    await shooting.shoot(20);
    const [seam, ...after] = shooting.since(count);
    expect(seam?.segment.clockTrusted).toBe(false);
    expect(errorsS(after)).toEqual(after.map(() => 0));
    expect(await shooting.grant(upTo(old, 10))).toBe('consent_window_ambiguous');
    expect(await shooting.grant(upTo(shooting.wallUs, 15))).toBe('granted');
    expect(shooting.shots).toHaveLength(40);
    proved(test, 'clock case: no battery, 1970 at boot, set decades forward', 'before: refused; after: granted');
  });

  it('shows the day of the last shutdown at boot is not trusted until it is set', async (test) => {
    shooting = await Shooting.open();
    await shooting.shoot(700);
    const saved = shooting.wallUs - 24 * HOUR;
    shooting.set(saved);
    await shooting.rig.reboot();
    await shooting.shoot(10);
    expect(await shooting.grant(upTo(shooting.wallUs, 5))).toBe('consent_clock_untrusted');
    shooting.set(shooting.trueUs);
    await shooting.shoot(10);
    expect(await shooting.grant(upTo(shooting.wallUs, 8))).toBe('granted');
    expect(await shooting.grant(upTo(saved + 10 * SECOND, 5))).toBe('consent_window_ambiguous');
    proved(test, 'clock case: yesterday at boot', 'until set: refused; after: granted');
  });

  it('jumps back records on and grants nothing until its owner resets the mark', async (test) => {
    shooting = await Shooting.open();
    await shooting.shoot(60);
    const count = shooting.shots.length;
    shooting.set(shooting.wallUs - 2 * HOUR);
    await shooting.shoot(30);
    expect(shooting.since(count)).toHaveLength(30);
    expect(shooting.since(count).every(({ segment }) => !segment.clockTrusted)).toBe(true);
    const doubtful = shooting.wallUs;
    expect(await shooting.grant(upTo(doubtful, 10))).toBe('consent_clock_untrusted');
    await reset();
    await shooting.shoot(30);
    expect(await shooting.grant(upTo(shooting.wallUs, 20))).toBe('granted');
    expect(await shooting.grant(upTo(doubtful, 10))).toBe('consent_window_ambiguous');
    // Dated by the new time from the first second on.
    expect(errorsS(shooting.since(count + 1))).toEqual(Array.from({ length: 59 }, () => -7200));
    proved(test, 'clock case: back 2 h', 'refused until the owner resets the mark; recording went on');
  });

  it('jumps back over recorded footage grants neither of two spans with the same time', async (test) => {
    shooting = await Shooting.open();
    await shooting.shoot(120);
    const end = shooting.wallUs;
    shooting.set(end - 60 * SECOND);
    await reset();
    await shooting.shoot(30);
    expect(await shooting.grant(upTo(shooting.wallUs - SECOND, 10))).toBe('consent_window_ambiguous');
    expect(await shooting.grant(upTo(end - 70 * SECOND, 20))).toBe('granted');
    proved(test, 'clock case: back 1 min, mark reset', 'the minute that was twice: refused; before it: granted');
  });

  it('jumps forward dates by the new time at once, and grants windows on either side but not across', async (test) => {
    shooting = await Shooting.open();
    await shooting.shoot(60);
    const jump = shooting.wallUs;
    const count = shooting.shots.length;
    shooting.set(jump + HOUR);
    await shooting.shoot(60);
    const [seam, ...after] = shooting.since(count);
    expect(seam?.segment.clockTrusted).toBe(false);
    expect(errorsS(after)).toEqual(after.map(() => 3600));
    expect(await shooting.grant(upTo(jump - SECOND, 30))).toBe('granted');
    expect(await shooting.grant(upTo(shooting.wallUs, 30))).toBe('granted');
    expect(await shooting.grant({ startUs: jump - 30 * SECOND, endUs: shooting.wallUs })).toBe(
      'consent_window_ambiguous',
    );
    proved(test, 'clock case: forward 1 h', 'either side: granted; across: refused');
  });

  it.each([
    ['fast', 200],
    ['slow', -200],
  ])(
    'is right while its camera’s runs %s by 200 ppm for a day stays within 2 s of the truth',
    async (name, cameraPpm) => {
      shooting = await Shooting.open();
      await shooting.shoot(86_400, { gopS: 30, cameraPpm });
      const worstUs = Math.max(...shooting.shots.map(({ errorUs }) => Math.abs(errorUs)));
      expect(worstUs).toBeLessThanOrEqual(2 * SECOND);
      // 17.28 s of drift in steps of more than 1.5 s: at most one new recording for each.
      expect(recordings()).toBeLessThanOrEqual(12);
      expect(await shooting.grant(upTo(shooting.wallUs - 5 * 60 * SECOND, 60)), name).toBe('granted');
    },
  );

  it('runs fast by 200 ppm for a day and is then corrected grants again by itself within the error', async (test) => {
    shooting = await Shooting.open();
    await shooting.shoot(60);
    shooting.set(shooting.wallUs + 17_280_000);
    await shooting.shoot(60);
    shooting.set(shooting.wallUs - 17_280_000);
    await shooting.shoot(2);
    expect(await shooting.grant(upTo(shooting.wallUs - 60 * SECOND, 10))).toBe('consent_clock_untrusted');
    await shooting.shoot(40);
    expect(await shooting.grant(upTo(shooting.wallUs, 10))).toBe('granted');
    proved(test, 'clock case: 200 ppm for a day, then set back by 17.28 s', 'grants wait 17 s, without a command');
  });

  it('repeats a second (23:59:60) stays trusted; only windows that touch that second are refused', async (test) => {
    shooting = await Shooting.open();
    await shooting.shoot(60);
    const leap = shooting.wallUs;
    const count = shooting.shots.length;
    shooting.set(leap - SECOND);
    await shooting.shoot(60);
    expect(shooting.rig.gate.clockTrusted).toBe(true);
    expect(errorsS(shooting.since(count + 1))).toEqual(Array.from({ length: 59 }, () => -1));
    expect(await shooting.grant({ startUs: leap - 3 * SECOND, endUs: leap + 3 * SECOND })).toBe(
      'consent_window_ambiguous',
    );
    expect(await shooting.grant(upTo(leap - 2 * SECOND, 30))).toBe('granted');
    expect(await shooting.grant(upTo(shooting.wallUs, 50))).toBe('granted');
    proved(test, 'clock case: leap second repeated', 'the second: refused; all else: granted');
  });

  it('smears a leap second over a day begins no new recording', async (test) => {
    shooting = await Shooting.open();
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      await shooting.shoot(60, { gopS: 60 });
      shooting.set(shooting.wallUs - Math.round(SECOND / (24 * 60)));
    }
    expect(recordings()).toBe(1);
    expect(await shooting.grant(upTo(shooting.wallUs - 12 * HOUR, 3_600))).toBe('granted');
    proved(test, 'clock case: leap second smeared over a day', `${recordings()} recording, granted`);
  });

  it('was years ahead at boot and is corrected accepts the owner’s press at once', async (test) => {
    const shown = Date.UTC(2040, 0, 1) * 1000;
    shooting = await Shooting.open(shown);
    shooting.set(shooting.trueUs);
    await shooting.shoot(5);
    await shooting.rig.command(shooting.rig.cast.command({ action: 'press', button: 'front' }));
    expect(shooting.rig.effects.last()).toMatchObject({ outcome: 'command-done' });
    expect(shooting.rig.effects.presses).toEqual(['front']);
    expect(await shooting.grant(upTo(shooting.wallUs, 3))).toBe('consent_clock_untrusted');
    await reset();
    await shooting.shoot(5);
    expect(await shooting.grant(upTo(shooting.wallUs, 3))).toBe('granted');
    proved(test, 'clock case: 2040 at boot, then set right', 'press: at once; grants: after the owner’s reset');
  });

  it('is in a time zone that leaves summer time dates and grants as in any other zone', async (test) => {
    const zone = process.env['TZ'];
    const dates: number[][] = [];
    try {
      for (const name of ['UTC', 'America/New_York', 'Australia/Lord_Howe']) {
        process.env['TZ'] = name;
        if (dates.length > 0) await shooting.close();
        // An hour before New York's clocks are put back, and on through it.
        shooting = await Shooting.open(Date.UTC(2026, 10, 25, 12) * 1000);
        shooting.set(Date.UTC(2027, 10, 7, 5) * 1000);
        await shooting.shoot(2 * 3600, { gopS: 10 });
        dates.push(shooting.shots.map(({ segment }) => segment.startUs));
        expect(await shooting.grant(upTo(shooting.wallUs, 3_600))).toBe('granted');
      }
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
    expect(dates[1]).toEqual(dates[0]);
    expect(dates[2]).toEqual(dates[0]);
    proved(test, 'clock case: daylight saving ends', 'same times in 3 zones, granted over the hour');
  });
});
