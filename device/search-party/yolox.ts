// A likeness model with a detector: a YOLOX model in ONNX form that the user names, run by onnxruntime-node, which the user installs.
// It finds animals and people; colours are compared as in the built-in model. Nothing is reported of a scene or photo with a person.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Log } from '@doorsill/base/log';
import { failure } from '@doorsill/contract/errors';
import { PetKind } from '@doorsill/contract/search';
import { z } from 'zod';
import { ColourAndSize } from './colour-and-size.ts';
import { coloursOf } from './colours.ts';
import type { Features, Picture, SceneView, Shown, Subject } from './likeness-interfaces.ts';
import { blobsOf, groundOf } from './motion-blobs.ts';

const PACKAGE = 'onnxruntime-node';

/** The model's input: a square of this side in pixels, in planes of blue, green and red from 0 to 255, padded with gray. */
const SIDE = 416;
const PADDING = 114;
/** Side of a cell in each of the model's three grids, in pixels. */
const STRIDES = [8, 16, 32] as const;
/** Numbers of one box: x, y, width, height, objectness, then one for each of COCO's 80 classes. */
const BOX_NUMBERS = 85;
const CLASSES_AT = 5;
/** COCO's class numbers. */
const PERSON_CLASS = 0;
const CLASS_OF: Readonly<Record<PetKind, number>> = { cat: 15, dog: 16 };

/** Minimum scores: a pet must be likely, a person only possible. */
const PET_SCORE = 0.3;
const PERSON_SCORE = 0.2;

/** A box in shares of the picture's sides. */
interface Found {
  kind: PetKind | 'person';
  score: number;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const tensorSchema = z.object({ data: z.instanceof(Float32Array), dims: z.array(z.number()) });
/** The classes of the runtime that are used. */
const runtimeSchema = z.object({
  InferenceSession: z.custom<{ create: (...told: unknown[]) => Promise<unknown> }>(
    (value) => isFunction(value) && 'create' in Object(value),
  ),
  Tensor: z.custom<new (type: string, data: Float32Array, dims: number[]) => unknown>(isFunction),
});
type Runtime = z.infer<typeof runtimeSchema>;
const sessionSchema = z.object({
  inputNames: z.array(z.string()).length(1),
  outputNames: z.array(z.string()).length(1),
  run: z.custom<(feeds: Record<string, unknown>) => Promise<Record<string, unknown>>>(isFunction),
  release: z.custom<() => Promise<void>>(isFunction),
});

/** A loaded model: finds pets and people on a picture. */
type Detector = (picture: Picture) => Promise<Found[]>;

export class Yolox extends ColourAndSize {
  override readonly name = 'yolox';
  private readonly file: string;
  private readonly log: Log;
  private detector: { find: Detector; release: () => Promise<void> } | null = null;

  constructor(file: string, log: Log) {
    super();
    this.file = file;
    this.log = log;
  }

  override async start(): Promise<void> {
    const unusable = (detail: string, cause?: unknown) =>
      failure('search_model_unusable', { file: this.file, detail: detail.slice(0, 200) }, cause);
    const runtime = await loadRuntime(this.file);
    const words = (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown));
    const options = { executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1 };
    const session = await runtime.InferenceSession.create(this.file, options).catch((thrown: unknown) => {
      throw unusable(words(thrown), thrown);
    });
    const parsed = sessionSchema.safeParse(session);
    if (!parsed.success) throw unusable('it has not one input and one output');
    const { inputNames, outputNames, run, release } = parsed.data;
    const [input = '', output = ''] = [inputNames[0], outputNames[0]];
    const find: Detector = async (picture) => {
      const tensor = new runtime.Tensor('float32', inputOf(picture), [1, 3, SIDE, SIDE]);
      const answer = tensorSchema.safeParse((await run.call(session, { [input]: tensor }))[output]);
      if (!answer.success) throw unusable('its output is not a tensor of numbers');
      const found = boxesIn(answer.data, picture);
      if (!found) throw unusable('its output is not that of a YOLOX trained on COCO at 416 pixels');
      return found;
    };
    this.detector = { find, release: () => release.call(session) };
    // A first run finds an unsuitable model now, not during a search.
    await find({ width: 2, height: 2, rgb: new Uint8Array(12) }).catch((thrown: unknown) => {
      throw unusable(words(thrown), thrown);
    });
    this.log.info('the model that finds pets is loaded', { file: this.file });
  }

  override async stop(): Promise<void> {
    const { detector } = this;
    this.detector = null;
    await detector?.release();
  }

  override async featuresOf(photo: Picture, kind: PetKind): Promise<Features | null> {
    const found = await this.find(photo);
    if (found.some((one) => one.kind === 'person')) return null;
    const best = found.filter((one) => one.kind === kind).sort((one, other) => other.score - one.score)[0];
    if (!best) return null;
    const features = coloursOf(photo, (x, y) => (isInside(best, photo, x, y) ? 1 : 0));
    return features && { colours: features, kind };
  }

  override async show(scene: SceneView): Promise<Shown> {
    const ground = groundOf(scene);
    const subjects: Subject[] = [];
    for (const frame of scene.frames) {
      if (frame.atUs < scene.motionUs) continue;
      const found = await this.find(frame);
      if (found.some(({ kind }) => kind === 'person')) return { label: 'person' };
      const moved = ground ? blobsOf(frame, ground) : [];
      for (const one of found) {
        if (one.kind === 'person') continue;
        // The animal is what moved in the box or, where nothing moved, the whole box.
        const isIt = (x: number, y: number) => isInside(one, frame, x, y);
        const isMoved = (x: number, y: number) =>
          isIt(x, y) && moved.some(({ mask }) => mask[y * frame.width + x] === 1);
        const colours =
          coloursOf(frame, (x, y) => (isMoved(x, y) ? 1 : 0)) ?? coloursOf(frame, (x, y) => (isIt(x, y) ? 1 : 0));
        const [width, height] = [one.right - one.left, one.bottom - one.top];
        if (colours) subjects.push({ frame, features: { colours, kind: one.kind }, width, height });
      }
    }
    return { label: 'other', subjects };
  }

  override likeness(features: Features, kind: PetKind, subject: Subject): number {
    return subject.features.kind === kind ? super.likeness(features, kind, subject) : 0;
  }

  private async find(picture: Picture): Promise<Found[]> {
    if (!this.detector) throw failure('search_model_unusable', { file: this.file, detail: 'it is not loaded' });
    return this.detector.find(picture);
  }
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** Loads the runtime from this program's packages or the working folder's. Throws `search_runtime_missing`. */
async function loadRuntime(file: string): Promise<Runtime> {
  const here = createRequire(join(process.cwd(), 'package.json'));
  const attempts = [() => import.meta.resolve(PACKAGE), () => pathToFileURL(here.resolve(PACKAGE)).href];
  for (const attempt of attempts) {
    try {
      const loaded: unknown = await import(attempt());
      const found = runtimeSchema.safeParse(loaded);
      if (found.success) return found.data;
    } catch {
      // Missing, or not for this machine: try the next place.
    }
  }
  throw failure('search_runtime_missing', { file });
}

/** Pixels of the model's input per pixel of the picture. */
function scaleOf({ width, height }: Picture): number {
  return Math.min(SIDE / width, SIDE / height);
}

/** The model's input, with the picture at its upper left. */
function inputOf(picture: Picture): Float32Array {
  const { width, height, rgb } = picture;
  const scale = scaleOf(picture);
  const planes = new Float32Array(3 * SIDE * SIDE).fill(PADDING);
  const [columns, rows] = [Math.round(width * scale), Math.round(height * scale)];
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      const from =
        (Math.min(height - 1, Math.floor(y / scale)) * width + Math.min(width - 1, Math.floor(x / scale))) * 3;
      for (let plane = 0; plane < 3; plane += 1)
        planes[plane * SIDE * SIDE + y * SIDE + x] = rgb[from + 2 - plane] ?? 0;
    }
  }
  return planes;
}

/** The pets and people in the model's output; null when it has another form. */
function boxesIn({ data, dims }: z.infer<typeof tensorSchema>, picture: Picture): Found[] | null {
  const cells = STRIDES.flatMap((stride) => {
    const side = SIDE / stride;
    return Array.from({ length: side * side }, (_, at) => ({ stride, x: at % side, y: Math.floor(at / side) }));
  });
  if (dims.join() !== [1, cells.length, BOX_NUMBERS].join()) return null;
  const scale = scaleOf(picture);
  const kinds = [
    { kind: 'person' as const, number: PERSON_CLASS },
    ...PetKind.options.map((kind) => ({ kind, number: CLASS_OF[kind] })),
  ];
  return cells.flatMap((cell, index) => {
    const box = data.subarray(index * BOX_NUMBERS, (index + 1) * BOX_NUMBERS);
    const [x = 0, y = 0, width = 0, height = 0, objectness = 0] = box;
    return kinds.flatMap(({ kind, number }) => {
      const score = objectness * (box[CLASSES_AT + number] ?? 0);
      if (score < (kind === 'person' ? PERSON_SCORE : PET_SCORE)) return [];
      const [middleX, middleY] = [(x + cell.x) * cell.stride, (y + cell.y) * cell.stride];
      const [halfWidth, halfHeight] = [(Math.exp(width) * cell.stride) / 2, (Math.exp(height) * cell.stride) / 2];
      const across = (value: number) => Math.min(1, Math.max(0, value / scale / picture.width));
      const down = (value: number) => Math.min(1, Math.max(0, value / scale / picture.height));
      return {
        kind,
        score,
        left: across(middleX - halfWidth),
        right: across(middleX + halfWidth),
        top: down(middleY - halfHeight),
        bottom: down(middleY + halfHeight),
      };
    });
  });
}

function isInside({ left, right, top, bottom }: Found, { width, height }: Picture, x: number, y: number): boolean {
  return x >= left * width && x < right * width && y >= top * height && y < bottom * height;
}
