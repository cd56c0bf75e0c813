import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { DeviceConfig } from '../../../device/config.ts';
import type { DeviceEventBody } from '../../../device/contract/home-messages.ts';
import { EventDetector } from '../../../device/events/event-detector.ts';
import type { Press } from '../../../device/hardware/button.ts';

const START_US = 1_800_000_000_000_000;
const motion = DeviceConfig.shape.motion;

function detector(settings: object = {}) {
  const clock = new ManualClock(START_US);
  const happened: (DeviceEventBody & { atUs: number })[] = [];
  const events = new EventDetector({
    clock,
    settings: { motion: motion.parse(settings), preRollS: 4, postRollS: 6 },
  });
  events.onEvent((event, atUs) => happened.push({ ...event, atUs }));
  events.start();
  return { clock, events, happened };
}

it('makes an event of motion that a source reports itself', async () => {
  const { clock, events, happened } = detector();
  events.sceneMotion({ moves: true, atUs: START_US });
  await clock.advance(3_000);
  events.sceneMotion({ moves: false, atUs: START_US + 3_000_000 });
  await clock.advance(20_000);
  expect(happened).toMatchObject([
    { type: 'motion-start', atUs: START_US, zones: [] },
    { type: 'motion-end', startUs: START_US, atUs: START_US + 3_000_000, zones: [] },
    { type: 'event-window', window: { startUs: START_US - 4_000_000, endUs: START_US + 9_000_000 } },
  ]);
});

it('counts each start and end once, and an end only after a start', () => {
  const { events, happened } = detector();
  for (const moves of [false, true, true, false, false]) events.sceneMotion({ moves, atUs: START_US });
  expect(happened.map(({ type }) => type)).toEqual(['motion-start', 'motion-end']);
});

it('ends reported motion when the camera stops', async () => {
  const { clock, events, happened } = detector();
  events.cameraStopped();
  events.sceneMotion({ moves: true, atUs: START_US });
  await clock.advance(2_000);
  events.cameraStopped();
  events.cameraStopped();
  expect(happened).toMatchObject([{ type: 'motion-start' }, { type: 'motion-end', atUs: START_US + 2_000_000 }]);
});

it('ignores reported motion if motion detection is off', () => {
  const { events, happened } = detector({ enabled: false });
  events.sceneMotion({ moves: true, atUs: START_US });
  expect(happened).toEqual([]);
});

it('reports a press to listeners of events first, then to listeners of presses', () => {
  const { events, happened } = detector();
  const press: Press = { button: 'front', source: 'gpio', atUs: START_US };
  const pressed: { press: Press; events: number }[] = [];
  events.onPress((one) => pressed.push({ press: one, events: happened.length }));
  events.pressed(press);
  expect(happened).toEqual([{ type: 'ring', button: 'front', source: 'gpio', atUs: START_US }]);
  expect(pressed).toEqual([{ press, events: 1 }]);
});
