// Makes a clip's sound: decodes the packets that lie wholly inside the window, and encodes the samples that they fully determine. So
// no byte of the camera's own AAC is sent: no data stream, fill element or extension.
import { PassThrough } from 'node:stream';
import { concatBytes } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import {
  AdtsSplitter,
  adtsPacket,
  PACKET_SAMPLES,
  type SoundConfig,
  soundConfigOf,
} from '@doorsill/contract/media/aac';
import { runFfmpeg, writeTo } from '../camera/ffmpeg-run.ts';
import type { ClipDeps } from './clip-deps.ts';
import type { EncodedSample } from './encoded-sample-buffer.ts';

/** A packet of the ring that lies wholly inside the window. */
export interface SoundPacket {
  data: Uint8Array;
  /** Whether it continues the packet before it. If not, its first half cannot be decoded: it overlaps a missing packet. */
  follows: boolean;
}

export interface SoundJob {
  /** Configuration of the packets. */
  source: SoundConfig;
  packets: AsyncIterable<SoundPacket>;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Maximum bit rate of one channel, and bits per sample. */
const BITS_PER_CHANNEL_MAX = 96_000;
const BITS_PER_SAMPLE = 3;

const SAMPLE_BYTES = 4;
/** Limits: twelve hours of stereo at 96 kHz, as decoded samples and as packets of the largest size. */
const STDOUT_BYTES_MAX = 1e12;

/**
 * Input arguments for AAC from a pipe. `skip_manual`: without it ffmpeg's decoder drops the first packet when a fill element has
 * libfaac's name; here every packet is needed.
 */
const AAC_FROM_PIPE = [
  ...['-flags2', '+skip_manual'],
  ...['-protocol_whitelist', 'pipe', '-format_whitelist', 'aac', '-probesize', '32', '-analyzeduration', '0'],
  ...['-f', 'aac', '-i', 'pipe:0', '-map', '0:a:0'],
] as const;

/** The output configuration for a camera's sound: the same rate, at most two channels. */
export function clipSoundOf(source: SoundConfig): SoundConfig {
  return soundConfigOf(source.sampleRate, Math.min(source.channels, 2));
}

/**
 * Decodes packets and encodes the samples they fully determine. Of each run of consecutive packets the first 1024 samples are dropped,
 * because they also need the packet before; the last 1024 never come out of a decoder. `onSample` gets first the packet with the
 * encoder's priming, at the position of the first packet, then one packet for each that follows another. Throws `clip_not_exact`
 * when packets do not decode to 1024 samples each, `ffmpeg_failed`, or the signal's reason.
 */
export async function encodeSound(
  deps: ClipDeps,
  job: SoundJob,
  onSample: (sample: EncodedSample) => void | Promise<void>,
): Promise<void> {
  const target = clipSoundOf(job.source);
  const failed = new AbortController();
  const signal = AbortSignal.any([job.signal, failed.signal]);
  const known = new KnownSamples(target.channels);
  const samples = new PassThrough();
  const base = { stdoutBytesMax: STDOUT_BYTES_MAX, timeoutMs: job.timeoutMs, clock: deps.clock, signal };
  const decode = async () => {
    await runFfmpeg(deps.ffmpeg, {
      ...base,
      doing: 'decoding the sound',
      args: [
        ...AAC_FROM_PIPE,
        '-ac',
        String(target.channels),
        '-ar',
        String(target.sampleRate),
        '-f',
        'f32le',
        'pipe:1',
      ],
      stdin: known.watch(job.packets, job.source),
      onStdout: async (part) => {
        for (const block of known.take(part)) await writeTo(samples, block);
      },
    });
    known.end();
    samples.end();
  };
  const splitter = new AdtsSplitter(target);
  let packets = 0;
  const encode = () =>
    runFfmpeg(deps.ffmpeg, {
      ...base,
      doing: 'encoding the sound',
      args: encodeArgs(target),
      stdin: samples,
      onStdout: async (part) => {
        for (const bytes of splitter.push(part)) {
          packets += 1;
          await onSample({ bytes, key: true });
        }
      },
    });
  const steps = [decode(), encode()].map((step) =>
    step.catch((thrown: unknown) => {
      // The first failure stops the other process, whose own failure is then irrelevant.
      failed.abort(thrown);
      samples.destroy();
    }),
  );
  await Promise.all(steps);
  signal.throwIfAborted();
  if (packets !== known.blocks + 1 || !splitter.isEmpty)
    throw undecodable('the encoder wrote another number of packets');
}

/**
 * The number of samples per channel that packets decode to; the decoder stops at the first error. Throws `ffmpeg_failed` or the
 * signal's reason.
 */
export async function countSamples(
  deps: ClipDeps,
  job: { sound: SoundConfig; packets: AsyncIterable<Uint8Array>; timeoutMs: number; signal: AbortSignal },
): Promise<number> {
  let bytes = 0;
  await runFfmpeg(deps.ffmpeg, {
    doing: 'counting samples',
    args: ['-xerror', '-err_detect', 'explode', ...AAC_FROM_PIPE, '-f', 'f32le', 'pipe:1'],
    stdin: asAdts(job.packets, job.sound),
    onStdout: (part) => {
      bytes += part.length;
    },
    stdoutBytesMax: STDOUT_BYTES_MAX,
    timeoutMs: job.timeoutMs,
    clock: deps.clock,
    signal: job.signal,
  });
  return bytes / SAMPLE_BYTES / job.sound.channels;
}

async function* asAdts(packets: AsyncIterable<Uint8Array>, sound: SoundConfig): AsyncGenerator<Uint8Array> {
  for await (const packet of packets) yield adtsPacket(sound, packet);
}

/** Without `+bitexact` ffmpeg would write its name and version into a fill element. */
function encodeArgs({ sampleRate, channels }: SoundConfig): string[] {
  const bits = channels * Math.min(BITS_PER_CHANNEL_MAX, sampleRate * BITS_PER_SAMPLE);
  return [
    ...['-protocol_whitelist', 'pipe', '-format_whitelist', 'f32le'],
    ...['-f', 'f32le', '-ar', String(sampleRate), '-ac', String(channels), '-i', 'pipe:0'],
    ...['-c:a', 'aac', '-profile:a', 'aac_low', '-b:a', String(bits), '-flags:a', '+bitexact'],
    ...['-map_metadata', '-1', '-f', 'adts', 'pipe:1'],
  ];
}

/** Splits decoded samples by their packets, and keeps those that two consecutive packets determine. */
class KnownSamples {
  /** Blocks of 1024 samples that were kept. */
  blocks = 0;
  private readonly blockBytes: number;
  private readonly follows: boolean[] = [];
  private packets = 0;
  private rest: Uint8Array = new Uint8Array(0);

  constructor(channels: number) {
    this.blockBytes = PACKET_SAMPLES * channels * SAMPLE_BYTES;
  }

  /** Passes the packets to the decoder; records which of them follow another. */
  async *watch(packets: AsyncIterable<SoundPacket>, sound: SoundConfig): AsyncGenerator<Uint8Array> {
    for await (const { data, follows } of packets) {
      this.follows.push(follows);
      yield adtsPacket(sound, data);
    }
  }

  *take(part: Uint8Array): Generator<Uint8Array> {
    const all = this.rest.length > 0 ? concatBytes([this.rest, part]) : part;
    let at = 0;
    for (; at + this.blockBytes <= all.length; at += this.blockBytes) {
      const follows = this.follows[this.packets];
      if (follows === undefined) throw undecodable('the decoder gave too much sound');
      this.packets += 1;
      if (!follows) continue;
      this.blocks += 1;
      yield all.subarray(at, at + this.blockBytes);
    }
    this.rest = all.slice(at);
  }

  end(): void {
    if (this.rest.length > 0 || this.packets !== this.follows.length)
      throw undecodable('the decoder gave too little sound');
  }
}

function undecodable(detail: string): Error {
  return failure('clip_not_exact', {
    detail: `its sound does not decode (${detail}); it can be granted without sound`,
  });
}
