// What ONVIF needs to know of a camera.
/** A camera's event, in microseconds since 1970 by its own clock. */
export interface CameraEvent {
  readonly type: 'press' | 'motion-start' | 'motion-end';
  readonly atUs: number;
}

/** The camera's facts, in the terms of ONVIF's media service. */
export interface CameraFacts {
  name: string;
  /** In pixels. */
  size: { width: number; height: number };
  framesPerSecond: number;
  /** ONVIF's first media service has no newer codec. */
  codec: 'H264' | 'JPEG';
  /** The maximum bit rate in kbit/s, if known. */
  bitrateKbpsMax?: number;
  /** Omitted if unknown. */
  h264?: { framesPerGop: number; profile: 'Baseline' | 'Main' | 'Extended' | 'High' };
}

/** An RTSP camera that ONVIF announces. */
export interface OnvifCamera {
  readonly facts: CameraFacts;
  /** The stream, `rtsp://...`. A host of `0.0.0.0` or `[::]` is replaced by the address that the client called. */
  readonly streamUri: string;
  /** A current JPEG; null or a rejection if there is none. */
  snapshot(): Promise<Uint8Array | null>;
  /** Calls `listener` at each event until the returned function is called. */
  onEvent(listener: (event: CameraEvent) => void): () => void;
}

/** ONVIF tokens of the camera's only profile and of its parts. */
export const TOKENS = { profile: 'main', source: 'camera', sourceConfiguration: 'camera', encoder: 'stream' } as const;
