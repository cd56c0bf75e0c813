// A contact reports one press for each press of a finger, however it bounces.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Clock, ManualClock } from '../../../device/base/clock.ts';
import { Debouncer } from '../../../device/hardware/button.ts';
import { Contact } from '../../../device/hardware/switch-contact.ts';
import { proved } from '../../support/proved.ts';
import { NOON_US } from './button-contract.ts';

const STEADY_MS = 30;

/** A press of a real contact: it chatters while closing, stays closed, chatters while opening; then a pause. */
const press = fc.record({
  closing: fc.array(fc.integer({ min: 1, max: STEADY_MS - 1 }), { maxLength: 7 }),
  heldMs: fc.integer({ min: STEADY_MS + 1, max: 5_000 }),
  opening: fc.array(fc.integer({ min: 1, max: STEADY_MS - 1 }), { maxLength: 7 }),
  pauseMs: fc.integer({ min: 1_500, max: 20_000 }),
});

it('makes exactly one press of each, over generated trains of bounces', async (test) => {
  let trains = 0;
  let made = 0;
  let told = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(press, { minLength: 1, maxLength: 6 }), async (presses) => {
      const clock = new ManualClock(NOON_US);
      let count = 0;
      const debouncer = new Debouncer({ clock, button: 'front', pressed: () => (count += 1) });
      const stuck = () => undefined;
      const contact = new Contact({ clock, steadyMs: STEADY_MS, pressed: () => debouncer.signal('gpio'), stuck });
      for (const { closing, heldMs, opening, pauseMs } of presses) {
        let isClosed = false;
        for (const gapMs of closing) {
          isClosed = !isClosed;
          contact.level(isClosed);
          await clock.advance(gapMs);
        }
        contact.level(true);
        await clock.advance(heldMs);
        for (const gapMs of opening) {
          isClosed = !isClosed;
          contact.level(isClosed);
          await clock.advance(gapMs);
        }
        contact.level(false);
        await clock.advance(pauseMs);
      }
      expect(count).toBe(presses.length);
      trains += 1;
      made += presses.length;
      told += count;
    }),
    { numRuns: 500, seed: 20_261_125 },
  );
  proved(
    test,
    'Presses lost or doubled over trains of bouncing contacts',
    `${made - told} of ${made} in ${trains} trains`,
  );
});

describe('a contact that is held', () => {
  function held(clock: Clock) {
    const told: string[] = [];
    const contact = new Contact({
      ...{ clock, steadyMs: STEADY_MS },
      pressed: () => void told.push('pressed'),
      held: () => void told.push('held'),
      stuck: (isStuck) => void told.push(isStuck ? 'stuck' : 'free'),
    });
    return { contact, told };
  }

  it('is reported once, after ten seconds without a break; its press is reported at once', async () => {
    const clock = new ManualClock(NOON_US);
    const { contact, told } = held(clock);
    contact.level(true);
    await clock.advance(STEADY_MS + 9_999);
    expect(told).toEqual(['pressed']);
    await clock.advance(1);
    expect(told).toEqual(['pressed', 'held']);
    await clock.advance(49_999);
    expect(told).toEqual(['pressed', 'held']);
    await clock.advance(1);
    contact.level(false);
    expect(told).toEqual(['pressed', 'held', 'stuck', 'free']);
    await clock.advance(100_000);
    expect(told).toHaveLength(4);
  });

  it('is not reported if it opens for a moment or watching ends', async () => {
    const clock = new ManualClock(NOON_US);
    const { contact, told } = held(clock);
    for (let time = 0; time < 3; time += 1) {
      contact.level(true);
      await clock.advance(STEADY_MS + 9_999);
      contact.level(false);
    }
    contact.level(true);
    await clock.advance(STEADY_MS + 9_999);
    contact.reset();
    await clock.advance(100_000);
    expect(told).toEqual(Array(4).fill('pressed'));
  });

  it('is not reported if the process was suspended while the finger let go', () => {
    // All timers are due after the suspension; the level changes are read between them.
    const timers: (() => void)[] = [];
    const after = (_delayMs: number, call: () => void) => {
      timers.push(call);
      return { cancel: () => void timers.splice(timers.indexOf(call), 1) };
    };
    const { contact, told } = held(Object.assign(new ManualClock(NOON_US), { after }));
    contact.level(true);
    timers.shift()?.();
    for (const due of timers.splice(0)) due();
    contact.level(false);
    for (const due of timers.splice(0)) due();
    expect([told, timers]).toEqual([['pressed'], []]);
  });
});
