// The detector on real footage, and on drawn scenes that isolate one effect each.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MotionWatch } from '../../../device/events/event-detector.ts';
import { changeMotion, initialMotion, type MotionEffect, nextMotion } from '../../../device/motion/detector.ts';
import { mediaFile } from '../../support/media.ts';
import { drawn, grayOf, START_US, seenOf, visitorAt, watch } from './gray.ts';

const porch = mediaFile('porch-visit-day.mp4');
const porchTruth = mediaFile('porch-visit-events.json');
const persons = mediaFile('persons-one-by-one.mp4');
const exposure = mediaFile('street-exposure-jump.avi');
const cars = mediaFile('cars-from-above.mp4');

const truthSchema = z.object({ segments: z.array(z.object({ t0: z.number(), t1: z.number(), label: z.string() })) });

describe('on real footage', { tags: ['footage'] }, () => {
  it.skipIf(!porch || !porchTruth).each([20, 50, 80])(
    'detects the visitor at the porch coming and going (sensitivity %i)',
    async (sensitivity) => {
      const truth = truthSchema.parse(JSON.parse(readFileSync(porchTruth ?? '', 'utf8')));
      const person = truth.segments.find(({ label }) => label === 'person');
      const seen = watch(await grayOf(porch ?? ''), { sensitivity });
      expect(seen.map(({ type }) => type)).toEqual(['motion-start', 'motion-end']);
      expect(Math.abs((seen[0]?.atS ?? 0) - (person?.t0 ?? 0))).toBeLessThanOrEqual(1);
      expect(Math.abs((seen[1]?.atS ?? 0) - (person?.t1 ?? 0))).toBeLessThanOrEqual(1);
      expect(seen[1]?.startS).toBe(seen[0]?.atS);
    },
  );

  it.skipIf(!persons).each([20, 50, 80])(
    'detects six people who come one by one as six events, although each stands still for long (sensitivity %i)',
    async (sensitivity) => {
      const seen = watch(await grayOf(persons ?? ''), { sensitivity });
      expect(seen.filter(({ type }) => type === 'motion-start')).toHaveLength(6);
      expect(seen.filter(({ type }) => type === 'motion-end')).toHaveLength(6);
    },
  );

  it.skipIf(!exposure).each([20, 50])(
    'detects nothing when the sun comes out and the exposure jumps (sensitivity %i)',
    async (sensitivity) => {
      expect(watch(await grayOf(exposure ?? ''), { sensitivity })).toEqual([]);
    },
  );

  it.skipIf(!cars)('detects passing cars', async () => {
    const starts = watch(await grayOf(cars ?? '')).filter(({ type }) => type === 'motion-start');
    expect(starts).toHaveLength(3);
  });
});

/** `count` pictures from number `from` on. */
const scene = (from: number, count: number, change?: (number: number) => Parameters<typeof drawn>[1]) =>
  Array.from({ length: count }, (_, at) => drawn(from + at, change?.(from + at)));

/** Noise of a pixel in a picture: -3 to 3 gray levels. */
const grain = (number: number, x: number, y: number) =>
  ((Math.imul(number * 7_919 + x * 104_729 + y * 1_299_721, 0x9e3779b1) >>> 16) % 7) - 3;

/** A visitor who walks two pixels a picture. */
const walking = (number: number) => visitorAt(20 + 2 * (number % 40), 30);

describe('on drawn scenes', () => {
  it('starts with the first of two pictures with motion, ends after a while without motion', () => {
    const seen = watch([...scene(0, 20), ...scene(20, 10, walking), ...scene(30, 20)]);
    expect(seen).toEqual([
      { type: 'motion-start', atS: 4, zones: [] },
      { type: 'motion-end', atS: 6, startS: 4, zones: [] },
    ]);
  });

  it('detects nothing in noise, at any sensitivity', () => {
    for (const sensitivity of [1, 50, 100]) expect(watch(scene(0, 60), { sensitivity })).toEqual([]);
  });

  it('does not start on a single picture', () => {
    expect(watch([...scene(0, 20), ...scene(20, 1, walking), ...scene(21, 20)])).toEqual([]);
  });

  it('detects somebody walking in the first pictures, and learns no ghost of them', () => {
    const seen = watch([...scene(0, 10, walking), ...scene(10, 40)]);
    expect(seen.map(({ type }) => type)).toEqual(['motion-start', 'motion-end']);
    expect(seen[0]?.atS).toBeLessThanOrEqual(0.6);
    expect(seen[1]?.atS).toBeLessThanOrEqual(4);
  });

  it('takes somebody standing still in the first pictures for the scene', () => {
    expect(watch(scene(0, 20, () => walking(3)))).toEqual([]);
  });

  it('detects nothing when the light changes: at once, slowly, or in a part of the scene', () => {
    const brighter = (factor: number) => () => (gray: number) => gray * factor;
    expect(watch([...scene(0, 20), ...scene(20, 30, brighter(1.6)), ...scene(50, 20, brighter(0.5))])).toEqual([]);
    const dusk = (number: number) => (gray: number) => gray * (1 - number / 120);
    expect(watch([...scene(0, 20), ...scene(20, 60, dusk)])).toEqual([]);
    const sunOnTheLeft = () => (gray: number, x: number) => (x < 70 ? gray * 1.5 : gray);
    expect(watch([...scene(0, 20), ...scene(20, 30, sunOnTheLeft)])).toEqual([]);
  });

  it('learns the scene again when most of a flat scene changes at once', () => {
    const flat = () => () => 80;
    // Three lamps of different strength: no single exposure explains them, and there is no pattern.
    const lamps = () => (_: number, x: number) => 80 * (x < 53 ? 1 : x < 106 ? 1.6 : 2.4);
    expect(watch([...scene(0, 20, flat), ...scene(20, 30, lamps)])).toEqual([]);
  });

  it('still detects a visitor after the light has changed', () => {
    const lit = (number: number) => (gray: number, x: number, y: number) =>
      number < 40 ? gray * 1.5 : walking(number)(gray * 1.5, x, y);
    const seen = watch([...scene(0, 20), ...scene(20, 35, lit), ...scene(55, 20, () => (gray) => gray * 1.5)]);
    expect(seen.map(({ type, atS }) => [type, atS])).toEqual([
      ['motion-start', 8],
      ['motion-end', 11],
    ]);
  });

  it('detects a visitor in a tenth of the light, and nothing in the sensor’s noise', () => {
    const night = (number: number) => (gray: number, x: number, y: number) => gray / 10 + grain(number, x, y);
    const visited = (number: number) => (gray: number, x: number, y: number) =>
      walking(number)(gray, x, y) / 10 + grain(number, x, y);
    const settings = { sensitivity: 65 };
    expect(watch(scene(0, 100, night), settings)).toEqual([]);
    const seen = watch([...scene(0, 20, night), ...scene(20, 10, visited), ...scene(30, 20, night)], settings);
    expect(seen.map(({ type, atS }) => [type, atS])).toEqual([
      ['motion-start', 4],
      ['motion-end', 6],
    ]);
  });

  it('detects nothing when a sensor’s noise rises in the dark, and still detects motion afterwards', () => {
    const dark = (number: number) => (gray: number, x: number, y: number) => gray / 5 + grain(number, x, y);
    const noisier = (number: number) => (gray: number, x: number, y: number) => gray / 5 + 4 * grain(number, x, y);
    const visited = (number: number) => (gray: number, x: number, y: number) =>
      walking(number)(gray / 5, x, y) + 4 * grain(number, x, y);
    const quiet = [...scene(0, 30, dark), ...scene(30, 60, noisier)];
    expect(watch(quiet, { sensitivity: 65 })).toEqual([]);
    const seen = watch([...quiet, ...scene(90, 10, visited)], { sensitivity: 65 });
    expect(seen.map(({ type, atS }) => [type, atS])).toEqual([['motion-start', 18]]);
  });

  it('detects nothing in an encoder’s artefacts in the dark: patches that come and go, a few levels off', () => {
    const dark = () => (gray: number) => gray / 10;
    const patchy = (number: number) => (gray: number, x: number, y: number) =>
      gray / 10 + (x >= 2 * (number - 20) && x < 2 * (number - 20) + 32 && y >= 24 && y < 56 ? 3 : 0);
    expect(watch([...scene(0, 20, dark), ...scene(20, 40, patchy)], { sensitivity: 65 })).toEqual([]);
  });

  it('detects somebody standing before leaves that have swayed since the first picture', () => {
    const swaying = (number: number) => (gray: number, x: number, y: number) => {
      const isLeaf = ((x >> 1) + (y >> 1) + number) % 2 === 0;
      return x < 40 || x >= 120 || y < 8 || y >= 80 ? gray : isLeaf ? 90 : 120;
    };
    const visited = (number: number) => (gray: number, x: number, y: number) =>
      visitorAt(64, 24)(swaying(number)(gray, x, y), x, y);
    const seen = watch([...scene(0, 80, swaying), ...scene(80, 20, visited), ...scene(100, 20, swaying)], {
      sensitivity: 65,
    });
    expect(seen.map(({ type, atS }) => [type, atS])).toEqual([
      ['motion-start', 16],
      ['motion-end', 20],
    ]);
  });

  it('does not take noise in the dark for motion of an object left behind', () => {
    const box = (number: number) => (gray: number, x: number, y: number) =>
      visitorAt(60, 40, 24, 24)(gray, x, y) / 5 + grain(number, x, y);
    const night = (number: number) => (gray: number, x: number, y: number) => gray / 5 + grain(number, x, y);
    const seen = watch([...scene(0, 20, night), ...scene(20, 60, box)], { sensitivity: 65 });
    expect(seen.map(({ type }) => type)).toEqual(['motion-start', 'motion-end']);
  });

  it('detects nothing in swaying leaves', () => {
    const swaying = (number: number) => (gray: number, x: number, y: number) => {
      const isLeaf = ((x >> 1) + (y >> 1) + Math.floor(number / 3)) % 2 === 0;
      return x < 40 || x >= 88 || y < 16 || y >= 64 ? gray : isLeaf ? 60 : 150;
    };
    const calm = () => swaying(0);
    expect(watch([...scene(0, 20, calm), ...scene(20, 60, swaying)], { sensitivity: 65 })).toEqual([]);
  });

  it('detects a distant walking figure smaller than a block', () => {
    const far = (number: number) => (gray: number, x: number, y: number) => {
      const left = 20 + 1.5 * (number - 20);
      return x >= left && x < left + 4 && y >= 36 && y < 46 ? 10 : gray;
    };
    const seen = watch([...scene(0, 20), ...scene(20, 40, far), ...scene(60, 20)], { sensitivity: 65 });
    expect(seen.map(({ type }) => type)).toEqual(['motion-start', 'motion-end']);
    expect(seen[0]?.atS).toBeLessThanOrEqual(5);
    expect(seen[1]?.atS).toBeGreaterThanOrEqual(11);
  });

  it('soon ignores something small that moves in its place', () => {
    const twig = (number: number) => (gray: number, x: number, y: number) =>
      x >= 64 + (number % 4) && x < 72 && y >= 32 && y < 46 ? 230 - 30 * (number % 3) : gray;
    const seen = watch([...scene(0, 20), ...scene(20, 300, twig)], { sensitivity: 65 });
    expect(seen.map(({ type }) => type)).toEqual(['motion-start', 'motion-end']);
    expect(seen[1]?.atS).toBeLessThanOrEqual(12);
  });

  it('detects nothing when the sun falls on a flat floor', () => {
    const floor = (gray: number, x: number, y: number) => (x >= 112 && y >= 48 ? 60 : gray) / 3;
    const dim = (number: number) => (gray: number, x: number, y: number) => floor(gray, x, y) + grain(number, x, y);
    const sunny = (number: number) => (gray: number, x: number, y: number) =>
      floor(gray, x, y) * (x >= 64 && y >= 48 ? 1.5 : 1) + grain(number, x, y);
    expect(watch([...scene(0, 30, dim), ...scene(30, 30, sunny)], { sensitivity: 65 })).toEqual([]);
  });

  it('finally takes an unmoving object left behind for background', () => {
    const box = () => visitorAt(60, 40, 24, 24);
    const seen = watch([...scene(0, 20), ...scene(20, 400, box), ...scene(420, 300)]);
    // Once when the box comes, once when it goes: it is the scene by then.
    expect(seen.map(({ type }) => type)).toEqual(['motion-start', 'motion-end', 'motion-start', 'motion-end']);
    expect(seen[1]?.atS).toBeLessThan(20);
    expect(seen[2]?.atS).toBe(84);
  });

  it('needs a larger or stronger change at lower sensitivity', () => {
    const sized = (size: number) => [
      ...scene(0, 20),
      ...scene(20, 10, (number) => visitorAt(32 + (number % 2), 32, size, size)),
    ];
    const least = [1, 25, 50, 75, 100].map((sensitivity) =>
      [4, 8, 16, 24, 32, 40, 48, 56].find((size) => watch(sized(size), { sensitivity }).length > 0),
    );
    expect(least).toEqual([...least].sort((a, b) => (b ?? 99) - (a ?? 99)));
    expect(least[0]).toBeGreaterThan(least[4] ?? 99);
    expect(least[4]).toBeLessThanOrEqual(16);
  });
});

describe('zones', () => {
  const left = { name: 'path', zone: { left: 0, top: 0, width: 3_000, height: 10_000 } };
  const right = {
    name: 'gate',
    zone: {
      corners: [
        { x: 10_000, y: 0 },
        { x: 10_000, y: 10_000 },
        { x: 5_000, y: 10_000 },
        { x: 5_000, y: 0 },
      ],
    },
  };
  const crossing = (number: number) => visitorAt(4 * (number - 20), 30);

  it('are named in the start event, and all of them in the end event', () => {
    const seen = watch([...scene(0, 20), ...scene(20, 36, crossing), ...scene(56, 20)], { zones: [left, right] });
    expect(seen.map(({ type, zones }) => [type, zones])).toEqual([
      ['motion-start', ['path']],
      ['motion-end', ['path', 'gate']],
    ]);
  });

  it('exclude motion outside them', () => {
    const middle = scene(20, 20, (number) => visitorAt(56 + (number % 2), 30));
    expect(watch([...scene(0, 20), ...middle], { zones: [left, right] })).toEqual([]);
    expect(watch([...scene(0, 20), ...middle])).toHaveLength(1);
  });
});

describe('the machine', () => {
  const moving = () => {
    const events: MotionEffect[] = [];
    const motion = new MotionWatch({ sensitivity: 50, zones: [] }, (event) => events.push(event));
    const frames = [...scene(0, 20), ...scene(20, 10, walking)];
    for (const [number, pixels] of frames.entries()) motion.frame({ pixels, atUs: START_US + number * 200_000 });
    return { events, motion };
  };

  it('ends motion when the pictures stop, and learns the scene again afterwards', () => {
    const { events, motion } = moving();
    motion.stopped(START_US + 30e6);
    expect(events.map(seenOf).at(-1)).toEqual({ type: 'motion-end', atS: 5.8, startS: 4, zones: [] });
    motion.stopped(START_US + 31e6);
    for (let number = 0; number < 20; number += 1) {
      motion.frame({ pixels: drawn(number, walking(3)), atUs: START_US + 40e6 + number * 200_000 });
    }
    expect(events).toHaveLength(2);
  });

  it.each([
    ['after a gap', 60e6],
    ['after the clock was set back', -60e6],
    ['at the very same time', 5.8e6],
  ])('ends motion and learns the scene again %s', (_, atUs) => {
    const { events, motion } = moving();
    motion.frame({ pixels: drawn(1), atUs: START_US + atUs });
    expect(events.map(seenOf).at(-1)).toEqual({ type: 'motion-end', atS: 5.8, startS: 4, zones: [] });
  });

  it('refuses pictures of another size and invalid sensitivities', () => {
    const state = initialMotion({ sensitivity: 50, zones: [] });
    expect(() => nextMotion(state, { type: 'frame', pixels: new Uint8Array(10), atUs: 1 })).toThrow('has its size');
    expect(() => initialMotion({ sensitivity: 0, zones: [] })).toThrow('sensitivity');
  });
});

describe('changed settings', () => {
  const step = (state: ReturnType<typeof initialMotion>, number: number, change?: Parameters<typeof drawn>[1]) =>
    nextMotion(state, { type: 'frame', pixels: drawn(number, change), atUs: START_US + number * 200_000 });
  /** A detector that has learnt the scene and sees a visitor walk. */
  function moving(zones: Parameters<typeof initialMotion>[0]['zones'] = []) {
    let state = initialMotion({ sensitivity: 50, zones });
    const effects: MotionEffect[] = [];
    for (let number = 0; number < 24; number += 1) {
      const next = step(state, number, number < 15 ? undefined : walking(number));
      state = next.state;
      effects.push(...next.effects);
    }
    return { state, effects };
  }

  it('end ongoing motion, and detect it again without learning the scene again', () => {
    const { state, effects } = moving();
    expect(effects.map(({ type }) => type)).toEqual(['motion-start']);
    const zones = [{ name: 'all', zone: { left: 0, top: 0, width: 10_000, height: 10_000 } }];
    const changed = changeMotion(state, { sensitivity: 60, zones });
    expect(changed.effects.map(({ type }) => type)).toEqual(['motion-end']);
    const first = step(changed.state, 24, walking(24));
    const second = step(first.state, 25, walking(25));
    expect([...first.effects, ...second.effects].map(seenOf)).toMatchObject([{ type: 'motion-start', zones: ['all'] }]);
  });

  it('exclude motion outside the new zones', () => {
    const zones = [{ name: 'corner', zone: { left: 9_000, top: 9_000, width: 1_000, height: 1_000 } }];
    let { state } = changeMotion(moving().state, { sensitivity: 50, zones });
    for (let number = 24; number < 40; number += 1) {
      const next = step(state, number, walking(number));
      expect(next.effects).toEqual([]);
      state = next.state;
    }
  });
});
