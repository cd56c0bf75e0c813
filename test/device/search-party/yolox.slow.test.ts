// @module-tag footage
// @module-tag long
// With a model named and onnxruntime-node added, likeness runs on it; without the package, or with a file that is no such
// model, the device says what to add or name. The package is installed here, in a folder of its own, as a user would.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../../device/base/log.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import { Yolox } from '../../../device/search-party/yolox.ts';
import { mediaFile } from '../../support/media.ts';
import { motionScenes } from './events.ts';
import { animal, BROWN, petPhoto, scene } from './pictures.ts';

const media = mediaFile('porch-visit-day.mp4');
const model = media === null ? '' : resolve(dirname(media), '../models/yolox_nano.onnx');
const here = process.cwd();
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-onnx-'));
  await writeFile(join(folder, 'package.json'), '{"private":true}');
}, 120_000);
afterAll(async () => {
  process.chdir(here);
  await rm(folder, { recursive: true });
});

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing was thrown',
    (thrown: unknown) => (isFailure(thrown) ? `${thrown.code}: ${thrown.message} ${thrown.advice}` : String(thrown)),
  );
}

describe.skipIf(media === null)('a model that the user names', () => {
  it('without the package is answered with the package to install', async () => {
    process.chdir(folder);
    const told = await codeOf(new Yolox(model, silentLog()).start());
    expect(told).toMatch(
      /^search_runtime_missing: .*yolox_nano\.onnx.*ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node/,
    );
  });

  describe('with the package', () => {
    beforeAll(async () => {
      const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
      await promisify(execFile)('npm', ['install', '--no-audit', '--no-fund', 'onnxruntime-node'], {
        cwd: folder,
        env,
      });
      process.chdir(folder);
    }, 300_000);

    it.each([
      ['a missing file', async () => join(folder, 'none.onnx')],
      ['a file that is not a model', async () => written('junk.onnx', new Uint8Array(3_000).fill(7))],
      ['an empty file', async () => written('empty.onnx', new Uint8Array())],
    ])('%s is refused by a code', async (_what, make) => {
      expect(await codeOf(new Yolox(await make(), silentLog()).start())).toMatch(/^search_model_unusable/);
    });

    it('people are found, and nothing else is reported of their scene', async () => {
      const yolox = new Yolox(model, silentLog());
      await yolox.start();
      try {
        const shown: unknown[] = [];
        for await (const one of motionScenes(await findFfmpeg(), `file:${media}?pace=fast&audio=off`))
          shown.push(await yolox.show(one));
        expect(shown.length).toBeGreaterThan(0);
        for (const one of shown) expect(one).toEqual({ label: 'person' });
      } finally {
        await yolox.stop();
      }
    }, 120_000);

    it('a scene in which it finds neither pets nor people has no subjects, and a coloured patch is no pet', async () => {
      const yolox = new Yolox(model, silentLog());
      await yolox.start();
      try {
        expect(await yolox.show(scene([animal(BROWN)]))).toEqual({ label: 'other', subjects: [] });
        expect(await yolox.featuresOf(petPhoto(BROWN), 'dog')).toBeNull();
      } finally {
        await yolox.stop();
      }
    }, 60_000);

    async function written(name: string, bytes: Uint8Array): Promise<string> {
      await writeFile(join(folder, name), bytes);
      return join(folder, name);
    }
  });
});
