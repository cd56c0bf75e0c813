// The built-in likeness model: something that moved is like a pet if it has its photo's colours and a pet's size and shape. It detects
// people by shape only, and reports nothing about a scene that may show one. It needs no model file and no package.
import type { PetKind } from '@doorsill/contract/search';
import { coloursOf, commonShare, without } from './colours.ts';
import type { Features, LikenessModel, Picture, SceneView, Shown, Subject } from './likeness-interfaces.ts';
import { type Blob, blobsOf, groundOf } from './motion-blobs.ts';

/** Height of an animal of each kind as a share of a doorbell picture's height. */
const HEIGHTS: Readonly<Record<PetKind, { least: number; most: number }>> = {
  dog: { least: 0.06, most: 0.5 },
  cat: { least: 0.04, most: 0.3 },
};
/** A blob taller than this share of the picture may be a person close by. */
const TALL = 0.52;
/** A blob at least this high, and taller than wide by this factor, counts as a person. */
const UPRIGHT = 1.15;
const UPRIGHT_HEIGHT_LEAST = 0.16;

/** The share of a photo on each side that is used as background, and the share in the middle that contains the pet. */
const BORDER = 0.08;
const INNER = 0.7;

export class ColourAndSize implements LikenessModel {
  readonly name: string = 'colour-and-size';

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  async featuresOf(photo: Picture, _kind: PetKind): Promise<Features | null> {
    const { width, height } = photo;
    const isBorder = (x: number, y: number) =>
      Math.min(x / width, y / height, 1 - (x + 1) / width, 1 - (y + 1) / height) < BORDER;
    const inner = (x: number, y: number) => {
      const [across, down] = [((x + 0.5) / width) * 2 - 1, ((y + 0.5) / height) * 2 - 1];
      return Math.hypot(across, down) < INNER ? 1 : 0;
    };
    const ground = coloursOf(photo, (x, y) => (isBorder(x, y) ? 1 : 0));
    const colours = coloursOf(photo, inner);
    return ground && colours ? { colours: without(colours, ground) } : null;
  }

  async show(scene: SceneView): Promise<Shown> {
    const ground = groundOf(scene);
    if (!ground) return { label: 'other', subjects: [] };
    const subjects: Subject[] = [];
    for (const frame of scene.frames) {
      if (frame.atUs < scene.motionUs) continue;
      for (const blob of blobsOf(frame, ground)) {
        if (mayBePerson(blob, frame)) return { label: 'person' };
        const colours = blob.isCut ? null : coloursOf(frame, (x, y) => blob.mask[y * frame.width + x] ?? 0);
        if (!colours) continue;
        const [width, height] = [blob.width / frame.width, blob.height / frame.height];
        subjects.push({ frame, features: { colours }, width, height });
      }
    }
    return { label: 'other', subjects };
  }

  likeness(features: Features, kind: PetKind, subject: Subject): number {
    const { least, most } = HEIGHTS[kind];
    if (subject.height < least || subject.height > most) return 0;
    return commonShare(features.colours, subject.features.colours);
  }
}

/** Whether a blob is upright like a person, or too large to tell. Of a cut-off blob only the height is known. */
function mayBePerson(blob: Blob, { height }: Picture): boolean {
  const share = blob.height / height;
  return share > TALL || (share > UPRIGHT_HEIGHT_LEAST && !blob.isCut && blob.height > UPRIGHT * blob.width);
}
