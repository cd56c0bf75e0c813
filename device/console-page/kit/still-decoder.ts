// Decodes one picture of recorded footage in the browser (https://www.w3.org/TR/webcodecs/), so that the device only reads its ring and
// starts no decoder for each move of a scrubbing finger.
import { isFailure } from '@doorsill/contract/errors';

import { type InitInfo, parseFragment, parseInit, type Sample } from '@doorsill/contract/media/fragment';
import { codecsParameter } from '@doorsill/contract/media/init-segment';
import { clock } from './browser-seams.ts';
import type { DeviceClient } from './device-client.ts';

/** A GOP begins with its keyframe, which at 2 Mbit/s mostly fits into this. */
const KEYFRAME_BYTES = 96 * 1024;
const GROUP_BYTES_MAX = 32 * 1024 * 1024;
const DECODE_MS_MAX = 4_000;
const JPEG_QUALITY = 0.85;

export interface Still {
  blob: Blob;
  /** Wall time of the frame. */
  atUs: number;
}

interface StillDecoderDeps {
  /** Fetches `footage.mp4` of the GOP that holds a moment, or a byte range of it. */
  fetch(atUs: number, range: string | null, signal: AbortSignal): Promise<Response>;
  /** Greatest width of the picture, in pixels. */
  widthMax: number;
}

/** Becomes false when this browser fails to decode the camera's footage. */
let decodesHere = 'VideoDecoder' in globalThis && 'OffscreenCanvas' in globalThis;

/**
 * The picture of a recorded moment, at most `widthMax` pixels wide: decoded here if the browser can, else by the device. Throws the
 * device's refusal, or the signal's reason.
 */
export async function momentStill(
  client: DeviceClient,
  us: number,
  { precision, widthMax }: { precision: 'key' | 'exact'; widthMax: number },
  signal: AbortSignal,
): Promise<Still> {
  const atUs = Math.round(us);
  if (decodesHere) {
    const fetch = (fromUs: number, range: string | null, ending: AbortSignal) =>
      client.fetch(`/api/v1/footage.mp4?fromUs=${fromUs}&toUs=${fromUs + 1}`, ending, range === null ? {} : { range });
    try {
      return await decodeStill({ fetch, widthMax }, atUs, precision, signal);
    } catch (thrown) {
      if (signal.aborted || isFailure(thrown)) throw thrown;
      decodesHere = false;
    }
  }
  const query = new URLSearchParams({ atUs: String(atUs), precision, width: String(widthMax) });
  const answer = await client.fetch(`/api/v1/snapshot.jpg?${query}`, signal);
  return { blob: await answer.blob(), atUs: Number(answer.headers.get('x-doorsill-at-us')) };
}

/**
 * The picture of a moment: the keyframe of its GOP (`key`), or the frame that was shown then (`exact`). Throws the device's refusal, or the
 * browser's decoding error.
 */
async function decodeStill(
  deps: StillDecoderDeps,
  atUs: number,
  precision: 'key' | 'exact',
  signal: AbortSignal,
): Promise<Still> {
  const range = precision === 'key' ? `bytes=0-${KEYFRAME_BYTES - 1}` : null;
  const answer = await deps.fetch(atUs, range, signal);
  let group = await groupOf(answer);
  const isWhole = (at: number) => (group.samples[at]?.end ?? Number.POSITIVE_INFINITY) <= group.received;
  const last = precision === 'key' ? 0 : group.shownAt(atUs);
  if (!isWhole(last)) group = await groupOf(await deps.fetch(atUs, null, signal));
  signal.throwIfAborted();
  const wanted = group.samples[last];
  if (!wanted) throw new Error('the footage has no frames');
  const frame = await decoded(group.info, group.samples, last, signal);
  try {
    return { blob: await jpegOf(frame, deps.widthMax), atUs: group.startUs + wanted.atUs };
  } finally {
    frame.close();
  }
}

/** A coded frame. */
interface Coded {
  sample: Sample;
  /** Presentation time after the GOP's start, in microseconds. */
  atUs: number;
  /** End of its bytes in the answer. */
  end: number;
}

interface Group {
  info: InitInfo;
  /** In decoding order. */
  samples: Coded[];
  /** Wall time of the GOP's start. */
  startUs: number;
  /** Number of bytes received; the rest is zero. */
  received: number;
  /** Index of the frame shown at a moment. */
  shownAt(atUs: number): number;
}

async function groupOf(answer: Response): Promise<Group> {
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const total = Number(/\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1] ?? bytes.length);
  if (total > GROUP_BYTES_MAX) throw new Error('the group of pictures is too large');
  // Padded to its full length, so that its sample table can be parsed; samples that were not received are not used.
  const whole = new Uint8Array(Math.max(total, bytes.length));
  whole.set(bytes);
  const initBytes = fragmentStart(whole);
  const info = parseInit(whole.subarray(0, initBytes));
  const { timescale } = info.video;
  const samples = parseFragment(info, whole.subarray(initBytes)).video.map((sample): Coded => {
    const atUs = Math.round((sample.pts * 1_000_000) / timescale);
    return { sample, atUs, end: initBytes + sample.offset + sample.size };
  });
  const startUs = Number(answer.headers.get('x-doorsill-start-us'));
  const shownAt = (us: number) => {
    const shown = samples.filter((one) => startUs + one.atUs <= us);
    const latest = shown.reduce<Coded | null>((best, one) => (best && best.atUs > one.atUs ? best : one), null);
    return latest ? samples.indexOf(latest) : 0;
  };
  return { info, samples, startUs, received: bytes.length, shownAt };
}

/** Offset of the first `moof` (ISO/IEC 14496-12 §4.2). */
function fragmentStart(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 8 <= bytes.length; at += view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x6d6f6f66) return at;
    if (view.getUint32(at) < 8) break;
  }
  throw new Error('the footage has no fragment');
}

/** Decodes up to the frame at index `last` and returns that frame. The caller must close it. */
async function decoded(
  info: InitInfo,
  samples: readonly Coded[],
  last: number,
  signal: AbortSignal,
): Promise<VideoFrame> {
  const { avc } = info.video;
  if (!avc) throw new Error('the footage is no H.264');
  const wantedUs = samples[last]?.atUs;
  const found: { frame: VideoFrame | null; failure: Error | null } = { frame: null, failure: null };
  const decoder = new VideoDecoder({
    output: (frame) => {
      if (frame.timestamp === wantedUs && !found.frame) found.frame = frame;
      else frame.close();
    },
    error: (thrown) => {
      found.failure = thrown;
    },
  });
  const close = () => decoder.state !== 'closed' && decoder.close();
  const late = clock.after(DECODE_MS_MAX, close);
  signal.addEventListener('abort', close);
  try {
    const codec = codecsParameter({ video: info.video, audio: null });
    decoder.configure({ codec, description: new Uint8Array(avc.record), optimizeForLatency: true });
    for (const { sample, atUs } of samples.slice(0, last + 1)) {
      const data = new Uint8Array(sample.data);
      decoder.decode(new EncodedVideoChunk({ type: sample.key ? 'key' : 'delta', timestamp: atUs, data }));
    }
    await decoder.flush();
  } catch (thrown) {
    found.frame?.close();
    signal.throwIfAborted();
    throw found.failure ?? thrown;
  } finally {
    late.cancel();
    signal.removeEventListener('abort', close);
    close();
  }
  if (!found.frame) throw found.failure ?? new Error('the browser decoded no such frame');
  return found.frame;
}

function jpegOf(frame: VideoFrame, widthMax: number): Promise<Blob> {
  const { displayWidth, displayHeight } = frame;
  const width = Math.min(displayWidth, widthMax);
  const canvas = new OffscreenCanvas(width, Math.round((displayHeight * width) / displayWidth));
  canvas.getContext('2d')?.drawImage(frame, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: 'image/jpeg', quality: JPEG_QUALITY });
}
