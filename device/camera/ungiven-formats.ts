// Owns: the formats and sizes that a wired camera lists and does not give, as its runs show; the next runs pass them over.
// Not here: choosing among the others (v4l2-formats.ts), what else ffmpeg's messages mean (wired-faults.ts).
import { type Failure, failure } from '@doorsill/contract/errors';
import type { RunEvidence } from './replan-capture.ts';
import { type ChosenFormat, printFormat, type UngivenFormat, type Wanted } from './v4l2-formats.ts';
import { cameraFault } from './wired-faults.ts';
import type { Size } from './wired-options.ts';

/** More are not tried in a row: a camera of which eight fail has another fault. */
const FORMATS_MAX = 8;
/** Runs in a row without a picture, and without a word about the format: one may be a hiccup. */
const BARREN_RUNS = 2;
const WHY_LETTERS_MAX = 120;

/** The driver could not begin to stream: mostly the bus has no room. A camera that is away or in use is another fault. */
const NOT_BEGUN =
  /(ioctl\(VIDIOC_STREAMON\): (?!No such device|Device or resource busy|Permission denied|Operation not permitted).*)/;
/** What ffmpeg tells and goes on with. */
const CHANGED = /(The V4L2 driver changed the video from \d{1,5}x\d{1,5} to (\d{1,5})x(\d{1,5}))/;

export class UngivenFormats {
  private readonly source: Wanted & { readonly shown: string };
  private found: UngivenFormat[] = [];
  /** What the driver gave in place of a size that nobody had named. */
  private given: Size | null = null;
  /** Of the run at hand: its format, how far footage had come before it, and what was said of the format. */
  private format: ChosenFormat | null = null;
  private cameUntilUs = 0;
  private said: string | null = null;
  /** Why the run ended, if the format may be the cause; and such runs in a row. */
  private fault: string | null = null;
  private barrenRuns = 0;
  /** Formats of which footage has come: their silence has another cause. */
  private readonly proven = new Set<string>();

  constructor(source: Wanted & { readonly shown: string }) {
    this.source = source;
  }

  /** What is wanted by now, and what is not asked for any more. */
  get wanted(): Wanted & { readonly passedOver: readonly UngivenFormat[] } {
    const { source, found } = this;
    return { size: source.size ?? this.given, format: source.format, passedOver: found };
  }

  /** Judges the run before, of which footage came until `cameUntilUs`. To be called before the next format is chosen. */
  judge(cameUntilUs: number): void {
    const format = this.format && printFormat(this.format);
    if (format !== null && cameUntilUs > this.cameUntilUs) this.proven.add(format);
    this.cameUntilUs = cameUntilUs;
    const counts = this.fault !== null && format !== null && !this.proven.has(format);
    this.barrenRuns = counts ? this.barrenRuns + 1 : 0;
    if (this.barrenRuns >= BARREN_RUNS) this.said ??= this.fault;
    this.fault = null;
    this.settle();
  }

  /** A run in this format begins. */
  begin(format: ChosenFormat): void {
    if (this.format && printFormat(this.format) !== printFormat(format)) this.barrenRuns = 0;
    this.format = format;
    this.said = null;
  }

  /** Reads a line of ffmpeg's; returns why the run must not go on: its pictures are of another size than was asked for. */
  heard(line: string): string | null {
    const begun = NOT_BEGUN.exec(line)?.[1];
    const [, changed, width, height] = CHANGED.exec(line) ?? [];
    this.said ??= (begun ?? changed ?? null)?.slice(0, WHY_LETTERS_MAX) ?? null;
    if (changed === undefined) return null;
    this.given = { width: Number(width), height: Number(height) };
    return changed;
  }

  /** Learns from a run that ended without giving anything; true when another one may do better. */
  learn({ barren }: Pick<RunEvidence, 'barren'>): boolean {
    return barren && this.settle();
  }

  /** Why the run at hand ended, given `detail`, if what was said of its format tells that; null when it does not. */
  ended(detail: string): Failure | null {
    const { source, format, said } = this;
    if (format !== null && said !== null) return this.failure(told({ ...format, why: said }));
    const { code } = cameraFault(source.shown, detail);
    const isKilled = detail.startsWith('ffmpeg was ended by');
    const mayBeFormat = code === 'camera_unreachable' || code === 'camera_format_unsupported';
    this.fault = mayBeFormat && !isKilled ? detail.slice(0, WHY_LETTERS_MAX) : null;
    return null;
  }

  /** What is told while `format` is recorded in place of others; null when none was passed over. */
  trouble(format: ChosenFormat): Failure | null {
    if (this.found.length === 0) return null;
    return this.failure(`${this.found.map(told).join(', ')}; ${printFormat(format)} is recorded instead`);
  }

  /** The failure when nothing is left, after which all are tried anew; null when none was passed over. */
  exhausted(): Failure | null {
    const { found } = this;
    this.forget();
    return found.length === 0
      ? null
      : this.failure(`${found.map(told).join(', ')}; nothing else that was asked for is left`);
  }

  /** Another camera, or this one plugged in anew, may give what this one did not. */
  forget(): void {
    this.found = [];
    this.given = null;
    this.format = null;
    this.barrenRuns = 0;
  }

  /** Passes the format over of which something was said; false when nothing was, or too many have been. */
  private settle(): boolean {
    const { format, said } = this;
    this.said = null;
    if (format === null || said === null || this.found.length >= FORMATS_MAX) return false;
    this.found.push({ ...format, why: said });
    this.format = null;
    this.barrenRuns = 0;
    return true;
  }

  private failure(detail: string): Failure {
    return failure('camera_size_ungiven', { source: this.source.shown, detail });
  }
}

function told(format: UngivenFormat): string {
  return `${printFormat(format)} (${format.why})`;
}
