// @module-tag footage
// @module-tag long
// On real footage of people, from a front door and from a hallway, not one event is looked at any further: each is
// labelled as a person's, and of such a scene the model gives out nothing. With the likeness that is built in.
import { expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { ColourAndSize } from '../../../device/search-party/colour-and-size.ts';
import { mediaFile } from '../../support/media.ts';
import { proved } from '../../support/proved.ts';
import { motionScenes } from './events.ts';

const FILES = { 'porch-visit-day.mp4': 1, 'porch-man-leaves.mkv': 1, 'persons-one-by-one.mp4': 6 };

it.skipIf(Object.keys(FILES).some((name) => mediaFile(name) === null))(
  'no event of real people is looked at',
  async (test) => {
    const ffmpeg = await findFfmpeg();
    let count = 0;
    for (const [name, events] of Object.entries(FILES)) {
      const shown: string[] = [];
      for await (const scene of motionScenes(ffmpeg, `file:${mediaFile(name)}?pace=fast&audio=off`))
        shown.push(JSON.stringify(await new ColourAndSize().show(scene)));
      expect([name, shown.length >= events]).toEqual([name, true]);
      expect([name, new Set(shown)]).toEqual([name, new Set(['{"label":"person"}'])]);
      count += shown.length;
    }
    proved(test, 'motion events of real people that Search Party looks at', `0 of ${count}`);
  },
  120_000,
);
