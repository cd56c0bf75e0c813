// Owns: what likeness is to Search Party: the interface that a model fills, and the pictures and looks it speaks of. Interfaces
// and constants only. Not here: the built-in model (colour-and-size.ts), the one that runs a detector (yolox.ts).
import type { PetKind } from '@doorsill/contract/search';

/** A small picture: 3 bytes a pixel, red, green, blue, row by row. */
export interface Picture {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/** A frame of this home's own footage. `atUs`: its wall time. */
export interface Frame extends Picture {
  atUs: number;
}

/** Pictures of one motion event in order of time, the first ones from before it. */
export interface SceneView {
  frames: readonly Frame[];
  /** Wall time at which the motion began: frames before it show the place without whoever moved. */
  motionUs: number;
}

/** How something looks, as far as a pet's photo and a porch can be compared by it: shares of colours that sum to 1. */
export interface Looks {
  colours: Float32Array;
  /** What it is, where a model knows. */
  kind?: PetKind;
}

/** Something that moved. `height` and `width` in shares of the picture's. */
export interface Subject {
  frame: Frame;
  looks: Looks;
  width: number;
  height: number;
}

/** What a scene shows: `person` as soon as there may be one in any frame of it, and then nothing is said of it at all. */
export type Shown = { label: 'person' } | { label: 'other'; subjects: Subject[] };

/** Measures how similar something on the porch is to a pet on a photo. About people it only reports that they are there. */
export interface LikenessModel {
  readonly name: string;
  /** Loads what it needs. Throws `search_model_unusable`, `search_runtime_missing`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** How the pet on a photo looks; null when none can be made out, or when there is a person on it. */
  looksOf(photo: Picture, kind: PetKind): Promise<Looks | null>;
  show(scene: SceneView): Promise<Shown>;
  /** 0 to 1. */
  likeness(looks: Looks, kind: PetKind, subject: Subject): number;
}

/** Minimum likeness for telling the camera's owner. */
export const LIKENESS_TOLD = 0.5;
