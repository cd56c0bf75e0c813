// One run from opening its source to the verdict on its end: judges copies, makes segments, watches for stalls.

import type { Log } from '@doorsill/base/log';
import { assert } from '@doorsill/contract/assert';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { FragmentSamples, InitInfo, Sample } from '@doorsill/contract/media/fragment';
import { SilenceWatch } from '@doorsill/contract/silence-watch';
import type { CaptureInput } from './capture-machine.ts';
import { type RunSinks, runCapture } from './capture-run.ts';
import { chooseEncoder, choosePreset } from './choose-encoder.ts';
import { faultOfGop, faultOfTrack, gopTooLong, isCutOff } from './copy-rules.ts';
import { type CapturePlan, captureCommand, GRAY_FPS } from './ffmpeg-capture-command.ts';
import type { ProcessEnd } from './ffmpeg-process.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';
import { FootageInStep } from './footage-in-step.ts';
import { bootWallUsOf, endOf, Recording, type RecordingContext, type RecordingPlace } from './fragments-to-segments.ts';
import type { LiveFragments } from './live-fragments.ts';
import { isPictureMissing, reportsDamage } from './picture-damage.ts';
import type { SegmentQueue } from './segment-queue.ts';
import type { RunInput, SourceDriver } from './source-interfaces.ts';
import type { SourceTimeline } from './source-timeline.ts';
import { StreamFacts } from './stream-facts.ts';

/** How a run ended, for the state machine; `failure` is set for expected failures. */
export interface RunVerdict {
  readonly how: Extract<CaptureInput, { type: 'run-ended' }>['how'];
  readonly detail: string;
  readonly failure: Failure | null;
}

export interface SessionContext extends RecordingContext {
  readonly ffmpeg: Ffmpeg;
  readonly log: Log;
  readonly driver: SourceDriver;
  readonly queue: SegmentQueue;
  readonly live: LiveFragments;
  /** The source's name without credentials. */
  readonly shown: string;
  readonly stallMs: number;
}

/** A recording, whether its video is copied from the source, and its shortcomings (no sound, a refused control). */
export interface RunPlace extends RecordingPlace {
  readonly video: CapturePlan['video'];
  readonly troubles: readonly Failure[];
}

export interface SessionSinks {
  /** ffmpeg has started. */
  opened(): void;
  /** A segment was put into the queue; `place` is set for the first of a recording. */
  segment(endUs: number, place: RunPlace | null): void;
  /** A segment was dropped because the queue was full. */
  dropped(): void;
  /** The recorded pictures have a fault. Called with each segment while it lasts. */
  pictureFault(why: Failure): void;
  /** No segment came in time: the run must be ended. */
  stalled(detail: string): void;
  gray(pixels: Uint8Array, atUs: number): void;
}

type FootageSinks = Pick<RunSinks, 'fragment' | 'fragmentsOver' | 'gray' | 'grayOver'>;

/** Thrown inside a run that needs another plan. */
class Replanned extends Error {}

/** Rounding difference between the start of a segment in a first run and in a repeated one. */
const SAME_PLACE_US = 1_000;

/** Fragments held at most, however slowly the mapping settles. */
const HELD_MAX = 8;

export class RunSession {
  private readonly context: SessionContext;
  private readonly sinks: SessionSinks;
  private readonly facts = new StreamFacts();
  private recording: Recording | null = null;
  private init: InitInfo | null = null;
  private timeline: SourceTimeline | null = null;
  private bootWallUs = 0;
  private place: RecordingPlace | null = null;
  /** The first picture's time on the run's timeline; null before it. */
  private beginsUs: number | null = null;
  private segments = 0;
  /** Whether the decoder reported damage since the last fragment, or before it; and the number of lost packets at that time. */
  private isDamaged = false;
  private wasDamaged = false;
  private lostPackets = 0;
  private readonly watch: SilenceWatch;
  private live: ReturnType<LiveFragments['open']> | null = null;
  /** For footage with a clock of its own; else null. */
  private inStep: FootageInStep | null = null;
  /** Fragments of a live source's first second, whose wall time is not known yet. */
  private held: { bytes: Uint8Array; video: readonly [Sample, ...Sample[]] }[] = [];

  constructor(context: SessionContext, sinks: SessionSinks) {
    this.context = context;
    this.sinks = sinks;
    const stalled = (ms: number) => sinks.stalled(`nothing came for ${Math.round(ms / 1000)} s`);
    this.watch = new SilenceWatch(context.clock, stalled);
  }

  /** Runs to the end. Rejects only for bugs; ffmpeg is gone in any case. `signal` ends the run early. */
  async execute(signal: AbortSignal, deliveredUntilUs: number): Promise<RunVerdict> {
    const { driver, ffmpeg, clock, log } = this.context;
    let input: RunInput | null = null;
    try {
      const opened = await driver.open(signal, deliveredUntilUs);
      input = opened;
      const encoder = opened.plan.video === 'encode' ? await chooseEncoder(ffmpeg, { clock, log }) : 'libx264';
      const { picture } = opened;
      const preset =
        picture && encoder === 'libx264' ? await choosePreset(ffmpeg, picture, { clock, log }) : 'ultrafast';
      const command = captureCommand(opened.inputs, opened.plan, ffmpeg, encoder, {
        preset,
        live: opened.isReadFast !== true,
        unhurried: opened.reach !== undefined,
      });
      const end = await runCapture(
        { ffmpeg, command, feed: opened.feed, clock, signal },
        {
          started: () => this.onStarted(opened, signal),
          line: (line) => this.onLine(line),
          init: (init, bytes) => this.onInit(opened, init, bytes),
          live: (chunk) => this.live?.write(chunk),
          ...this.footageSinks(opened, signal),
        },
      );
      await this.inStep?.delivered();
      await this.deliver(opened, signal);
      return this.judge(end, signal);
    } catch (thrown) {
      if (thrown instanceof Replanned) return { how: 'replan', detail: thrown.message, failure: null };
      if (signal.aborted) return this.broken('it had stalled');
      if (!isFailure(thrown)) throw thrown;
      return this.judgeFailure(thrown);
    } finally {
      this.watch.stop();
      input?.release?.();
    }
  }

  /** Sinks for pictures and fragments: immediate, or delayed until the footage's clock has reached their time. */
  private footageSinks(input: RunInput, signal: AbortSignal): FootageSinks {
    if (!input.reach) {
      return {
        fragment: (bytes, samples) => this.onFragment(input, bytes, samples, signal),
        gray: (pixels, index) => this.onGray(pixels, index),
      };
    }
    const inStep = new FootageInStep(input.reach, signal);
    this.inStep = inStep;
    return {
      fragment: async (bytes, samples) => {
        const [first, ...more] = samples.video;
        if (!first || !this.init) return;
        const { timescale } = this.init.video;
        const atUs = (endOf([first, ...more], timescale) * 1_000_000) / timescale;
        await inStep.add('fragments', atUs, () => this.onFragment(input, bytes, samples, signal));
      },
      fragmentsOver: () => inStep.over('fragments'),
      gray: (pixels, index) => inStep.add('pictures', (index * 1_000_000) / GRAY_FPS, () => this.onGray(pixels, index)),
      grayOver: () => inStep.over('pictures'),
    };
  }

  private onStarted(input: RunInput, signal: AbortSignal): void {
    this.timeline = input.timeline();
    this.bootWallUs = bootWallUsOf(this.context.clock);
    // Twice: the source has to be opened and analysed before the first segment.
    this.watchFor(2 * this.context.stallMs);
    // A run that is already being ended shows nothing.
    if (!signal.aborted) this.openLive(input);
    this.sinks.opened();
  }

  private onLine(line: string): void {
    this.facts.read(line);
    // Before the first fragment the decoder may have begun in the middle of a GOP.
    if (this.segments > 0 && reportsDamage(line)) this.isDamaged = true;
    const why = this.context.driver.endedBy?.(line) ?? null;
    if (why !== null) this.sinks.stalled(why);
  }

  private onInit(input: RunInput, init: InitInfo, bytes: Uint8Array): void {
    assert(this.timeline, 'a run starts before it writes');
    this.init = init;
    const fault = input.plan.video === 'copy' ? faultOfTrack(init) : null;
    this.learn(fault);
    const { bootWallUs } = this;
    // If all pictures have the same time, their true times are unknown, and no clip may be cut from them.
    const clockTrusted = () => this.context.clockTrusted() && !input.packets?.stillUs;
    this.recording = new Recording({ ...this.context, clockTrusted }, this.timeline, {
      init,
      initBytes: bytes,
      bootWallUs,
    });
  }

  /** Passes the run's findings to the driver; throws Replanned when another plan is needed. */
  private learn(fault: string | null): void {
    const { driver } = this.context;
    if (driver.learn({ facts: this.facts, init: this.init, fault, barren: false })) {
      throw new Replanned(fault ?? 'the sound must be encoded');
    }
  }

  private async onFragment(
    input: RunInput,
    bytes: Uint8Array,
    samples: FragmentSamples,
    signal: AbortSignal,
  ): Promise<void> {
    assert(this.init && this.recording, 'fragments come after the init segment');
    this.watch.rest();
    const [first, ...more] = samples.video;
    // A fragment of sound alone, before the first or after the last picture, belongs to no GOP.
    if (!first) return this.watchFor(this.context.stallMs);
    const copied = input.plan.video === 'copy';
    if (copied && isCutOff(this.init, samples.video)) return this.watchFor(this.context.stallMs);
    if (copied) this.learn(faultOfGop(this.init, samples.video));
    const video = [first, ...more] as const;
    if (this.context.driver.live || input.mayBeDamaged) {
      this.reportFaults(input, copied && isPictureMissing(this.init, video));
    }
    this.held.push({ bytes, video });
    this.segments += 1;
    const settled = this.recording.arrived(video) || this.held.length >= HELD_MAX;
    if (settled) await this.deliver(input, signal);
    if (copied && gopTooLong(this.init, samples.video)) this.learn('keyframes are too far apart');
    if (input.isOutdated?.()) {
      // The run ends with a complete GOP.
      await this.deliver(input, signal);
      throw new Replanned('the camera is asked for another rate');
    }
    if (!signal.aborted) this.watchFor(this.context.stallMs);
  }

  /** Reports faults of the pictures since the last fragment. */
  private reportFaults({ packets }: RunInput, isMissing: boolean): void {
    const { sinks, context } = this;
    const lost = packets?.lost ?? 0;
    const words = [
      ...(lost > this.lostPackets ? ['packets were lost on the way'] : []),
      ...(isMissing ? ['some are missing or out of order'] : []),
      ...(this.wasDamaged ? ['some cannot be decoded completely'] : []),
    ];
    this.lostPackets = lost;
    // Reported with the next fragment, because the last picture of a connection that ends is often cut off.
    this.wasDamaged = this.isDamaged;
    this.isDamaged = false;
    const source = context.shown;
    if (words.length > 0) sinks.pictureFault(failure('camera_pictures_damaged', { source, detail: words.join('; ') }));
    if (packets && packets.stillUs > 0)
      sinks.pictureFault(failure('camera_clock_wrong', { source, detail: 'it gives all pictures the same time' }));
  }

  /** Makes segments of the held fragments and puts them into the queue. */
  private async deliver(input: RunInput, signal: AbortSignal): Promise<void> {
    const { driver, queue } = this.context;
    for (const { bytes, video } of this.held.splice(0)) {
      assert(this.recording, 'fragments come after the init segment');
      const { segment, place } = this.recording.next(bytes, video);
      if (place && this.beginsUs !== null && input.endsWhenClockIsSet) throw new Replanned('the clock was set');
      this.beginsUs ??= input.zeroIsFirstPicture ? segment.startUs - segment.wallOffsetUs : 0;
      if (place) this.place = { ...place, sourceStartUs: place.sourceStartUs + this.beginsUs };
      if (segment.startUs < input.skipBeforeUs - SAME_PLACE_US) continue;
      if (!driver.live) await queue.room(bytes.length, signal);
      if (queue.offer(segment)) {
        const { plan, troubles = [] } = input;
        this.sinks.segment(segment.endUs, this.place && { ...this.place, video: plan.video, troubles });
        this.place = null;
      } else this.sinks.dropped();
    }
  }

  private onGray(pixels: Uint8Array, index: number): void {
    assert(this.timeline, 'a run starts before it writes');
    const { clock } = this.context;
    // ffmpeg writes the n-th frame once it has a picture past the middle between this frame and the next.
    this.timeline.arrived(((index + 0.5) * 1_000_000) / GRAY_FPS, clock.wallUs());
    const offsetUs = (this.recording?.mapping ?? this.timeline).offsetUs;
    this.sinks.gray(pixels, offsetUs === null ? clock.wallUs() : offsetUs + Math.round((index * 1_000_000) / GRAY_FPS));
  }

  private openLive(input: RunInput): void {
    this.live = this.context.live.open({
      offsetUs: () => (this.recording?.mapping ?? this.timeline)?.offsetUs ?? null,
      // A copy that cannot be kept is about to be replaced.
      accepts: (info) => input.plan.video === 'encode' || faultOfTrack(info) === null,
      broken: ({ message }) =>
        this.context.log.warn('there is no live picture until the camera starts again; recording goes on', {
          detail: message,
        }),
    });
  }

  private watchFor(ms: number): void {
    if (!this.inStep) this.watch.wait(ms);
  }

  private judgeFailure(thrown: Failure): RunVerdict {
    const malformed = thrown.code === 'fragment_malformed';
    // A copy of a reordered RTSP stream has no usable decoding times; an encoded one has.
    const evidence = { facts: this.facts, init: this.init, fault: thrown.message, barren: false };
    if (malformed && this.context.driver.learn(evidence))
      return { how: 'replan', detail: thrown.message, failure: null };
    return { how: malformed || thrown.retryable ? 'broken' : 'hopeless', detail: thrown.message, failure: thrown };
  }

  private judge(end: ProcessEnd, signal: AbortSignal): RunVerdict {
    const { driver, shown } = this.context;
    // Ended by a stall, or by `stop`, which ignores the verdict.
    if (signal.aborted) return this.broken('it had stalled');
    const detail = end.signal === null ? end.words : `ffmpeg was ended by ${end.signal}`;
    // A program that did not start or was killed proves nothing about its source.
    const barren = this.segments === 0 && end.status !== null;
    if (barren && driver.learn({ facts: this.facts, init: this.init, fault: null, barren })) {
      return { how: 'replan', detail, failure: null };
    }
    if (driver.policy.atEnd === 'lost') return this.broken(end.status === 0 ? 'it ended the stream' : detail);
    if (barren && driver.unchanging) {
      const why = { source: shown, detail: `no picture can be read: ${detail}` };
      return { how: 'hopeless', detail: why.detail, failure: failure('camera_no_video', why) };
    }
    return end.status === 0 && !barren ? { how: 'complete', detail: 'it ended', failure: null } : this.broken(detail);
  }

  private broken(detail: string): RunVerdict {
    return { how: 'broken', detail, failure: this.context.driver.explain(detail) };
  }
}
