// The check that every clip must pass before it may leave: the finished file, byte by byte, against a second read of the ring. It
// shares no decision with the cut: it determines anew which frames belong in it, its allowed content, and which frames were encoded.

import { faultOfFacts } from '@doorsill/contract/clip-facts';
import { isFailure } from '@doorsill/contract/errors';
import { clipFault } from '@doorsill/contract/media/clip-file-check';
import { faultOfTimes } from '@doorsill/contract/media/clip-times';
import { joinAnnexB } from '@doorsill/contract/media/nal';
import { readClipFile } from '@doorsill/contract/media/read-clip-file';
import { assertCutPermit, type CutPermit } from '../consent/live-preview.ts';
import type { ClipDeps } from './clip-deps.ts';
import { countDecoded } from './encode-frames.ts';
import type { ClipReader, CutFacts } from './finished-clip.ts';
import { SampleCheck } from './frame-check.ts';
import { SampleReader } from './read-ahead.ts';
import { readRing, ringChanged, stopSignal, widened } from './read-ring.ts';
import { checkSound } from './sound-check.ts';
import { checkZones } from './zone-check.ts';

/** Frames of a reordered stream, and sound, may lie in a segment this far from the window. */
const MARGIN_BEFORE_US = 12_000_000;
const MARGIN_AFTER_US = 5_000_000;

/** Failures that blame the clip. */
const OF_THE_CLIP = new Set(['clip_check_failed', 'fragment_malformed', 'clip_not_exact', 'ffmpeg_failed']);

const DECODE_TIMEOUT_MS = 120_000;
const DECODE_TIMEOUT_MS_PER_FRAME = 1_000;
/** The decoder starts while the clip is still being written, on the slowest card at a kilobyte per millisecond. */
const WRITE_MS_PER_BYTE = 1 / 1_000;

/**
 * Checks a finished clip. Throws `clip_check_failed` unless: the file is `ftyp`, `moov`, `mdat` and nothing else; every byte of `moov`
 * is an expected one; every byte of `mdat` belongs to exactly one sample; the samples are exactly the window's frames at their times;
 * every copied slice is bit for bit the ring's; the encoded frames decode to exactly that many; zones to be blacked out are black in
 * each of them, and the rest is the ring's; there is sound only if granted, and it equals the ring's packets inside the window encoded
 * again; the samples contain only slices and sound.
 * Throws `clip_footage_gone` if it fails and the ring no longer has the clip's first frame; `grant_dead` or the caller's reason when
 * stopped.
 */
export async function selfCheck(live: CutPermit, clip: CutFacts, reader: ClipReader, deps: ClipDeps): Promise<void> {
  const check = new SelfCheck(live, clip, deps);
  await check.run(reader).finally(() => check.stop());
}

/**
 * The check of one clip in two steps, so that the decoder starts while the clip is still being written. The creator must call `stop`.
 */
export class SelfCheck {
  private readonly live: CutPermit;
  private readonly clip: CutFacts;
  private readonly deps: ClipDeps;
  private readonly stopped = new AbortController();
  private readonly decoding: Promise<number>;
  /** Start of the ring's footage when the check read it; null before that. */
  private ringStartUs: number | null = null;
  /** Resolves the promise that the decoder waits for. */
  private feed: (frames: AsyncIterable<Uint8Array>) => void = () => undefined;

  /** Starts the decoder if the clip states encoded frames. */
  constructor(live: CutPermit, clip: CutFacts, deps: ClipDeps) {
    assertCutPermit(live);
    this.live = live;
    this.clip = clip;
    this.deps = deps;
    // With zones `checkZones` decodes every picture.
    this.decoding = clip.encodedFrames > 0 && live.cut.zones.length === 0 ? this.decode() : Promise.resolve(0);
    // The result is awaited at the end; a rejection before that must not count as unhandled.
    this.decoding.catch(() => undefined);
  }

  /** Checks the finished file; call once. Throws like `selfCheck`. */
  async run(reader: ClipReader): Promise<void> {
    assertCutPermit(this.live);
    try {
      await this.check(reader);
    } catch (thrown) {
      if (!isFailure(thrown) || !OF_THE_CLIP.has(thrown.code)) throw thrown;
      // Without the ring's footage to compare with, the clip cannot be judged.
      if (this.ringStartUs !== null && this.ringStartUs > this.clip.coverage.startUs) throw ringChanged();
      // A parser's error about a damaged clip becomes this check's failure.
      throw thrown.code === 'clip_check_failed' ? thrown : clipFault(thrown.message);
    }
  }

  /** Stops the decoder if it still runs; resolves when it has exited. */
  async stop(): Promise<void> {
    this.stopped.abort(clipFault('the check was cancelled'));
    await this.decoding.catch(() => undefined);
  }

  private async check(reader: ClipReader): Promise<void> {
    const { live, clip, deps } = this;
    const { cut: grant } = live;
    if (reader.sizeBytes !== clip.sizeBytes || clip.sizeBytes > grant.byteLimit)
      throw clipFault('an unexpected length');
    const tables = await readClipFile(reader, clip);
    if (tables.audio && !grant.audio) throw clipFault('sound that was not granted');
    if (deps.recode === 'always' && clip.method !== 're-encode')
      throw clipFault('frames are copied against the settings');
    const isZoned = grant.zones.length > 0;
    if (clip.redacted !== isZoned) throw clipFault('a redaction flag that does not match the grant');
    if (isZoned && clip.method !== 're-encode') throw clipFault('frames are copied where zones are to be black');
    const readWindow = widened(grant.window, MARGIN_BEFORE_US, MARGIN_AFTER_US);
    const samples = new SampleCheck(grant.window, clip, tables, new SampleReader(reader));
    let isFed = false;
    this.ringStartUs = Number.POSITIVE_INFINITY;
    for await (const segment of readRing(live, deps, readWindow)) {
      this.ringStartUs = Math.min(this.ringStartUs, segment.startUs);
      await samples.compare(segment);
      if (isFed || !samples.encodedKnown) continue;
      isFed = true;
      this.feed(encodedFrames(samples, new SampleReader(reader)));
    }
    samples.finish();
    await checkSound({ live, deps, clip, tables, reader, readWindow, signal: this.stopped.signal });
    if (isZoned) {
      const frames = encodedFrames(samples, new SampleReader(reader));
      await checkZones({ live, deps, video: tables.video, frames, readWindow, signal: this.stopped.signal });
      return;
    }
    if (!isFed) this.feed(encodedFrames(samples, new SampleReader(reader)));
    const decoded = await this.decoding;
    if (decoded !== samples.encodedFrames)
      throw clipFault(`${decoded} of ${samples.encodedFrames} encoded frames decode`);
    // The bridge checks this, too.
    const facts = { ...clip, window: grant.window };
    const fault = faultOfFacts(facts, 0) ?? faultOfTimes(tables, facts, 0);
    if (fault) throw clipFault(fault.detail);
  }

  /** Decodes the encoded frames strictly once `feed` provides them; resolves with their number. */
  private decode(): Promise<number> {
    const { live, clip, deps } = this;
    const given = new Promise<AsyncIterable<Uint8Array>>((resolve) => {
      this.feed = resolve;
    });
    async function* source() {
      yield* await given;
    }
    return countDecoded(deps, {
      source: source(),
      strict: true,
      timeoutMs:
        DECODE_TIMEOUT_MS + clip.encodedFrames * DECODE_TIMEOUT_MS_PER_FRAME + clip.sizeBytes * WRITE_MS_PER_BYTE,
      signal: AbortSignal.any([stopSignal(live, deps), this.stopped.signal]),
    });
  }
}

/** The encoded frames of the file, after their parameter sets. */
async function* encodedFrames(samples: SampleCheck, reader: SampleReader): AsyncGenerator<Uint8Array> {
  yield joinAnnexB(samples.encoderSets());
  for (let at = 0; at < samples.encodedFrames; at += 1) yield joinAnnexB(await samples.unitsOf(reader, at));
}
