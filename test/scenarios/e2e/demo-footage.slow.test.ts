// @module-tag footage
// @module-tag long
// `doorsill demo` on real footage puts exactly the window's frames into the vault, with another camera, another container, and a film with
// sound.
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { temporaryFolder } from '../../support/command-line.ts';
import { mediaFile } from '../../support/media.ts';
import { demoOf } from './demo-run.ts';

const folder = temporaryFolder('demo-footage');
afterAll(() => folder.dispose());

describe('demo', () => {
  for (const { name, ...window } of [
    { name: 'persons-one-by-one.mp4', fromS: 20.35, toS: 24.05 },
    { name: 'porch-man-leaves.mkv', fromS: 1.25, toS: 4.1 },
    { name: 'speech-1940.mp4', fromS: 1.5, toS: 4.5 },
  ]) {
    const file = mediaFile(name);
    it.skipIf(file === null)(
      `cuts ${name} to exactly the frames of the window`,
      () => demoOf(join(folder.path, name), { file: file ?? '', ...window }),
      120_000,
    );
  }
});
