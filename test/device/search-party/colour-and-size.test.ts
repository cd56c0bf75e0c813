// What the built-in likeness calls alike, and that it says nothing of a scene in which a person may be.
import { describe, expect, it } from 'vitest';
import type { PetKind } from '../../../device/contract/search.ts';
import { ColourAndSize } from '../../../device/search-party/colour-and-size.ts';
import { LIKENESS_MIN } from '../../../device/search-party/likeness-interfaces.ts';
import {
  animal,
  BLACK,
  BLUE,
  BROWN,
  FLOOR,
  GINGER,
  LAWN,
  person,
  petPhoto,
  picture,
  type Rgb,
  type Shape,
  scene,
  WHITE,
} from './pictures.ts';

const model = new ColourAndSize();

async function likeness(photo: Rgb, shapes: Shape[], kind: PetKind = 'dog'): Promise<number | 'person'> {
  const features = await model.featuresOf(petPhoto(photo), kind);
  const shown = await model.show(scene(shapes));
  if (!features) throw new Error('no features');
  if (shown.label === 'person') return 'person';
  return Math.max(0, ...shown.subjects.map((subject) => model.likeness(features, kind, subject)));
}

describe('something that moved is reported as like a pet', () => {
  it.each([
    ['brown', BROWN],
    ['black', BLACK],
    ['white', WHITE],
    ['ginger', GINGER],
  ] as const)('when it has its colours: %s', async (_name, colour) => {
    expect(await likeness(colour, [animal(colour)])).toBeGreaterThan(0.8);
  });

  it('in darker and in warmer light', async () => {
    expect(await likeness(GINGER, [animal([150, 84, 28])])).toBeGreaterThan(LIKENESS_MIN);
    expect(await likeness(GINGER, [animal([225, 112, 30])])).toBeGreaterThan(LIKENESS_MIN);
  });

  it.each([
    ['a brown one for a black one', BLACK, BROWN],
    ['a ginger one for a white one', WHITE, GINGER],
    ['something blue', BROWN, BLUE],
    ['something of the colour of the photo’s ground', BROWN, LAWN],
  ] as const)('but not %s', async (_what, wanted, there) => {
    expect(await likeness(wanted, [animal(there)])).toBeLessThan(LIKENESS_MIN);
  });

  it('but not if it is too small or too large for its kind', async () => {
    expect(await likeness(BROWN, [{ left: 100, top: 160, width: 40, height: 8, colour: BROWN }])).toBe(0);
    const large: Shape = { left: 60, top: 90, width: 160, height: 70, colour: BROWN };
    expect([await likeness(BROWN, [large]), await likeness(BROWN, [large], 'cat')]).toEqual([expect.closeTo(1, 1), 0]);
  });

  it('but not if it was there before, nor without an earlier frame', async () => {
    const still = picture(320, 180, FLOOR, [animal(BROWN)]);
    const frames = [0, 1, 2].map((at) => ({ ...still, atUs: at * 1_000_000 }));
    expect(await model.show({ frames, motionUs: 2_000_000 })).toEqual({ label: 'other', subjects: [] });
    expect(await model.show({ ...scene([animal(BROWN)]), motionUs: 0 })).toEqual({ label: 'other', subjects: [] });
  });

  it('by the photo’s middle: a photo without a pet is like anything of its background’s colour', async () => {
    const features = await model.featuresOf(picture(60, 60, LAWN), 'dog');
    expect(features?.colours.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 3);
  });
});

describe('nothing is reported of people', () => {
  it.each<[string, Shape[]]>([
    ['somebody upright', [person(BROWN)]],
    ['somebody upright in one frame among many', [person(BLACK)]],
    ['somebody with a dog', [person(BLUE, 20), animal(BROWN, 200)]],
    ['somebody close by, who fills the picture', [{ left: 0, top: 20, width: 300, height: 160, colour: BROWN }]],
    ['somebody tall who is cut off by the side', [{ left: 290, top: 50, width: 30, height: 120, colour: BROWN }]],
    [
      'somebody in parts, because the clothes have the wall’s colour',
      [
        { left: 100, top: 60, width: 30, height: 30, colour: BROWN },
        { left: 100, top: 98, width: 30, height: 50, colour: BROWN },
      ],
    ],
  ])('%s', async (_what, shapes) => {
    expect(await likeness(BROWN, shapes)).toBe('person');
    const shown = await model.show(scene([animal(BROWN)], [animal(BROWN, 150)], shapes, [animal(BROWN, 200)]));
    expect(shown).toEqual({ label: 'person' });
  });
});
