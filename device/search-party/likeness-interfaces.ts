// The interface of a likeness model, and the pictures and features that it works with.
import type { PetKind } from '@doorsill/contract/search';

/** A small picture in rows of pixels, 3 bytes each: red, green, blue. */
export interface Picture {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/** A frame of this home's own footage. `atUs`: its wall time. */
export interface Frame extends Picture {
  atUs: number;
}

/** Pictures of one motion event in order of time, beginning before the motion. */
export interface SceneView {
  frames: readonly Frame[];
  /** Wall time of the motion's start: earlier frames show the background. */
  motionUs: number;
}

/** Features by which a pet's photo and something on the porch are compared. `colours`: shares that sum to 1. */
export interface Features {
  colours: Float32Array;
  /** The animal's kind, where a model detects it. */
  kind?: PetKind;
}

/** Something that moved. `height` and `width` are shares of the picture's. */
export interface Subject {
  frame: Frame;
  features: Features;
  width: number;
  height: number;
}

/** The content of a scene: `person` if any frame may show one, and then nothing else is reported. */
export type Shown = { label: 'person' } | { label: 'other'; subjects: Subject[] };

/** Measures how similar something on the porch is to a pet on a photo. Of people it reports nothing but their presence. */
export interface LikenessModel {
  readonly name: string;
  /** Loads the model. Throws `search_model_unusable`, `search_runtime_missing`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The features of the pet on a photo; null when none is found, or when the photo shows a person. */
  featuresOf(photo: Picture, kind: PetKind): Promise<Features | null>;
  show(scene: SceneView): Promise<Shown>;
  /** From 0 to 1. */
  likeness(features: Features, kind: PetKind, subject: Subject): number;
}

/** Minimum likeness at which the camera's owners are told. */
export const LIKENESS_MIN = 0.5;
