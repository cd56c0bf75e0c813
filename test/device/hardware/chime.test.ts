// The contract of chimes: they sound at once, one at a time, stop on request, and never throw.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock, SystemClock } from '../../../device/base/clock.ts';
import { SystemPrograms } from '../../../device/base/system-programs.ts';
import type { Failure } from '../../../device/contract/errors.ts';
import { type Chime, CommandChime, chimeSchema, VirtualChime } from '../../../device/hardware/chime.ts';
import { NOON_US, settle } from './button-contract.ts';
import { StandInPrograms } from './stand-in-programs.ts';

interface ChimeHarness {
  chime: Chime;
  /** Number of times it started. */
  sounded(): number;
  /** Waits until the current sound ends. */
  finish(): Promise<void>;
}

const CHIMES: Record<string, (clock: ManualClock) => ChimeHarness> = {
  virtual: (clock) => {
    let count = 0;
    const chime = new VirtualChime(clock, () => (count += 1));
    return { chime, sounded: () => count, finish: () => clock.advance(2_000) };
  },
  command: (clock) => {
    const programs = new StandInPrograms();
    const settings = chimeSchema.parse({ command: ['aplay', 'ding.wav'] });
    const chime = new CommandChime({ settings, clock, programs, trouble: () => undefined });
    const finish = async () => {
      programs.last.end();
      await settle();
    };
    return { chime, sounded: () => programs.runs.length, finish };
  },
};

describe.each(Object.entries(CHIMES))('a %s chime', (_kind, make) => {
  let harness: ChimeHarness;

  beforeEach(() => {
    harness = make(new ManualClock(NOON_US));
  });

  it('sounds at once, and ignores rings while it sounds', () => {
    harness.chime.ring();
    expect(harness.sounded()).toBe(1);
    harness.chime.ring();
    harness.chime.ring();
    expect(harness.sounded()).toBe(1);
    harness.chime.stop();
  });

  it('sounds again once it has ended', async () => {
    harness.chime.ring();
    await harness.finish();
    harness.chime.ring();
    expect(harness.sounded()).toBe(2);
    harness.chime.stop();
  });

  it('is silent once stopped, and can be rung again at once', async () => {
    harness.chime.ring();
    harness.chime.stop();
    harness.chime.ring();
    expect(harness.sounded()).toBe(2);
    await settle();
    harness.chime.ring();
    expect(harness.sounded()).toBe(2);
    harness.chime.stop();
    harness.chime.stop();
  });
});

describe('a command chime', () => {
  it('reports why it did not sound, and when it works again', async () => {
    const clock = new ManualClock(NOON_US);
    const programs = new StandInPrograms();
    const heard: (Failure | null)[] = [];
    const settings = chimeSchema.parse({ command: ['aplay', 'ding.wav'], timeoutS: 3 });
    const chime = new CommandChime({ settings, clock, programs, trouble: (why) => heard.push(why) });
    chime.ring();
    programs.last.end({ status: 1, words: 'audio open error: Device or resource busy' });
    await settle();
    chime.ring();
    programs.last.end({ status: null, missing: true });
    await settle();
    chime.ring();
    await clock.advance(3_000);
    expect(programs.last.isOver).toBe(true);
    await settle();
    chime.ring();
    programs.last.end();
    await settle();
    expect(heard.map((why) => why?.code ?? null)).toEqual([...Array(3).fill('hardware_unavailable'), null]);
    expect(heard.map((why) => why?.message)).toEqual([
      expect.stringContaining('Device or resource busy'),
      expect.stringContaining('was not found'),
      expect.stringContaining('longer than 3 s'),
      undefined,
    ]);
  });

  it('by aplay reports a missing sound card, and can be rung again', { tags: ['alsa', 'setpriv'] }, async () => {
    const heard: (Failure | null)[] = [];
    const settings = chimeSchema.parse({ command: ['aplay', '-q', '-D', 'plughw:CARD=Nobody', '/dev/null'] });
    const seams = { clock: new SystemClock(), programs: new SystemPrograms() };
    const chime = new CommandChime({ settings, ...seams, trouble: (why) => heard.push(why) });
    for (const rings of [1, 2]) {
      chime.ring();
      await vi.waitFor(() => expect(heard).toHaveLength(rings), 10_000);
    }
    expect(heard.map((why) => why?.code)).toEqual(Array(2).fill('hardware_unavailable'));
    expect(heard[0]?.message).toMatch(/chime does not work: .*audio open error: No such/s);
    chime.stop();
  });
});
