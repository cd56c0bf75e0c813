// What the device makes of a detector's boxes, and what it says when the runtime or a fitting model is not there. A stand-in
// for the runtime gives the boxes; the real one runs in yolox.slow.test.ts.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../../device/base/log.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import { Yolox } from '../../../device/search-party/yolox.ts';
import { animal, BLACK, BROWN, petPhoto, scene } from './pictures.ts';

/** Answers each picture with the test's boxes in pixels of the 416 x 416 input, each in one cell of its grid. */
const RUNTIME = `
const state = globalThis.doorsillStandIn;
export class Tensor { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
export class InferenceSession {
  static async create(file) { if (file.endsWith('.txt')) throw new Error('no model'); return new InferenceSession(); }
  inputNames = ['images'];
  outputNames = ['output'];
  async run({ images }) {
    state.inputs.push(images);
    return { output: { data: state.output(), dims: state.dims } };
  }
  async release() { state.released += 1; }
}
`;

interface Box {
  kind: 'person' | 'cat' | 'dog' | 'car';
  score: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

const CLASSES = { person: 0, car: 2, cat: 15, dog: 16 };
const standIn = {
  boxes: [] as Box[],
  inputs: [] as { data: Float32Array; dims: number[] }[],
  dims: [1, 3549, 85],
  released: 0,
  output(): Float32Array {
    const data = new Float32Array(3549 * 85);
    for (const { kind, score, x, y, width, height } of this.boxes) {
      // The grid of stride 8 comes first: 52 by 52 cells.
      const [column, row] = [Math.floor(x / 8), Math.floor(y / 8)];
      const at = (row * 52 + column) * 85;
      data.set([x / 8 - column, y / 8 - row, Math.log(width / 8), Math.log(height / 8), score], at);
      data[at + 5 + CLASSES[kind]] = 1;
    }
    return data;
  },
};
Object.assign(globalThis, { doorsillStandIn: standIn });

const here = process.cwd();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-stand-in-'));
  process.chdir(folder);
});
afterEach(() => {
  standIn.boxes = [];
  standIn.dims = [1, 3549, 85];
});
afterAll(async () => {
  process.chdir(here);
  await rm(folder, { recursive: true });
});

const refusal = (file: string) =>
  new Yolox(file, silentLog())
    .start()
    .catch((thrown: unknown) => (isFailure(thrown) ? `${thrown.message} ${thrown.advice}` : thrown));

it('without the runtime the failure names the package to install', async () => {
  expect(await refusal('/models/pets.onnx')).toMatch(
    /pets\.onnx needs .* onnxruntime-node\. Add it with `ONNXRUNTIME_NODE_INSTALL=skip npm install/,
  );
});

describe('with a runtime', () => {
  let yolox: Yolox;
  beforeAll(async () => {
    const home = join(folder, 'node_modules', 'onnxruntime-node');
    await mkdir(home, { recursive: true });
    await writeFile(join(home, 'package.json'), '{"name":"onnxruntime-node","type":"module","main":"index.js"}');
    await writeFile(join(home, 'index.js'), RUNTIME);
    yolox = new Yolox('/models/pets.onnx', silentLog());
    await yolox.start();
  });
  afterAll(() => yolox.stop());

  it.each([
    ['a file that the runtime refuses', '/models/notes.txt', [1, 3549, 85], /no model/],
    ['a model of another form', '/models/other.onnx', [1, 8400, 84], /not that of a YOLOX/],
  ])('%s is refused by its code', async (_what, file, dims, words) => {
    standIn.dims = dims;
    expect(await refusal(file)).toMatch(words);
  });

  it('the picture is put into the upper left of the square, blue first, the rest gray', async () => {
    await yolox.show(scene([animal(BROWN)]));
    const { data, dims } = standIn.inputs.at(-1) ?? { data: [], dims: [] };
    expect(dims).toEqual([1, 3, 416, 416]);
    // 320 by 180 becomes 416 by 234; the animal's upper left corner is at 100, 120.
    const at = (plane: number, x: number, y: number) => data[plane * 416 * 416 + y * 416 + x];
    expect([0, 1, 2].map((plane) => at(plane, 140, 165))).toEqual([21, 54, 97]);
    expect([0, 1, 2].map((plane) => at(plane, 140, 300))).toEqual([114, 114, 114]);
  });

  /** Around the animal of `pictures.ts`, whose middle is at 136, 142 of 320 by 180. */
  const around = (kind: Box['kind'], score = 0.8): Box => ({
    kind,
    score,
    x: 136 * 1.3,
    y: 142 * 1.3,
    width: 72 * 1.3,
    height: 44 * 1.3,
  });

  it('a dog in the picture is a subject with the colours of what moved in its box, and like the photo of a dog', async () => {
    standIn.boxes = [{ kind: 'dog', score: 0.9, x: 208, y: 167, width: 208, height: 125 }];
    const features = await yolox.featuresOf(petPhoto(BROWN), 'dog');
    standIn.boxes = [around('dog')];
    const shown = await yolox.show(scene([animal(BROWN)]));
    expect(shown).toMatchObject({
      label: 'other',
      subjects: [{ width: expect.closeTo(72 / 320, 2), height: expect.closeTo(44 / 180, 2) }],
    });
    if (shown.label === 'person' || !features) throw new Error('nothing to compare');
    const [subject] = shown.subjects;
    if (!subject) throw new Error('no subject');
    expect(yolox.likeness(features, 'dog', subject)).toBeGreaterThan(0.8);
    expect(yolox.likeness(features, 'cat', subject)).toBe(0);
    const other = await yolox.show(scene([animal(BLACK)]));
    expect(other.label === 'other' && other.subjects.map((one) => yolox.likeness(features, 'dog', one) < 0.3)).toEqual([
      true,
    ]);
  });

  it('a person in any frame, however doubtful, ends everything; a car is ignored', async () => {
    standIn.boxes = [around('dog'), around('person', 0.21)];
    expect(await yolox.show(scene([animal(BROWN)], [animal(BROWN)]))).toEqual({ label: 'person' });
    standIn.boxes = [around('car'), around('dog', 0.2)];
    expect(await yolox.show(scene([animal(BROWN)]))).toEqual({ label: 'other', subjects: [] });
  });

  it('a photo with a person on it, or without such a pet, is not compared', async () => {
    standIn.boxes = [around('dog'), { ...around('person'), x: 40 }];
    expect(await yolox.featuresOf(petPhoto(BROWN), 'dog')).toBeNull();
    standIn.boxes = [around('cat')];
    expect(await yolox.featuresOf(petPhoto(BROWN), 'dog')).toBeNull();
  });

  it('is released when the device stops', async () => {
    const one = new Yolox('/models/pets.onnx', silentLog());
    await one.start();
    const before = standIn.released;
    await one.stop();
    expect(standIn.released).toBe(before + 1);
  });
});
