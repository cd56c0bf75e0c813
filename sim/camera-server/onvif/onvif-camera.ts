// Owns: what ONVIF needs to know of a camera: its facts, its stream, its pictures, its events. Not here: the camera itself.

/** What a doorbell's camera notices, at a time in microseconds since 1970 by its own clock. */
export interface CameraEvent {
  readonly type: 'press' | 'motion-start' | 'motion-end';
  readonly atUs: number;
}

/** What a camera is, in the terms of ONVIF's media service. */
export interface CameraFacts {
  /** Shown to people. */
  name: string;
  /** In pixels. */
  size: { width: number; height: number };
  framesPerSecond: number;
  /** ONVIF's first media service knows no newer codec. */
  codec: 'H264' | 'JPEG';
  /** The most that the stream takes, in kbit/s; not said when it is not known. */
  bitrateKbpsMax?: number;
  /** How H.264 is coded; not said when it is not known. */
  h264?: { framesPerGop: number; profile: 'Baseline' | 'Main' | 'Extended' | 'High' };
}

/** A camera that somebody serves by RTSP, and that ONVIF tells clients about. */
export interface OnvifCamera {
  readonly facts: CameraFacts;
  /** Where the stream is, `rtsp://...`. A host of `0.0.0.0` or `[::]` is told as the address that the client called. */
  readonly streamUri: string;
  /** The picture of now, a JPEG; null, or a rejection, when there is none. */
  snapshot(): Promise<Uint8Array | null>;
  /** Calls `listener` at each event until the function that is returned is called. */
  onEvent(listener: (event: CameraEvent) => void): () => void;
}

/** The one profile of a camera and the one of each thing in it: what clients name them by. */
export const TOKENS = { profile: 'main', source: 'camera', sourceConfiguration: 'camera', encoder: 'stream' } as const;
