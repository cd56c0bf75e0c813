// Remembers the formats and sizes that a wired camera lists but did not deliver; the next runs exclude them.
import { type Failure, failure } from '@doorsill/contract/errors';
import type { RunEvidence } from './replan-capture.ts';
import { type ChosenFormat, printFormat, type UngivenFormat, type Wanted } from './v4l2-formats.ts';
import { cameraFault } from './wired-faults.ts';
import type { Size } from './wired-options.ts';

/** Formats excluded at most: a camera with eight failing formats has another fault. */
const FORMATS_MAX = 8;
/** Consecutive runs without a picture or a message about the format that exclude it: a single one may be a hiccup. */
const BARREN_RUNS = 2;
const WHY_LETTERS_MAX = 120;

/** The driver could not start streaming, mostly for lack of bus bandwidth. A camera that is gone or in use is another fault. */
const NOT_BEGUN =
  /(ioctl\(VIDIOC_STREAMON\): (?!No such device|Device or resource busy|Permission denied|Operation not permitted).*)/;
/** ffmpeg reports another size, and continues with it. */
const CHANGED = /(The V4L2 driver changed the video from \d{1,5}x\d{1,5} to (\d{1,5})x(\d{1,5}))/;

export class UngivenFormats {
  private readonly source: Wanted & { readonly shown: string };
  private found: UngivenFormat[] = [];
  /** The size that the driver delivered instead, used if the options name none. */
  private given: Size | null = null;
  /** The current run's format, the end of the footage before it, and why the format does not work. */
  private format: ChosenFormat | null = null;
  private cameUntilUs = 0;
  private why: string | null = null;
  /** Why the run ended, if the format may be the cause; and the number of such runs in a row. */
  private fault: string | null = null;
  private barrenRuns = 0;
  /** Formats that have delivered footage: if they stop, the cause is another one. */
  private readonly proven = new Set<string>();

  constructor(source: Wanted & { readonly shown: string }) {
    this.source = source;
  }

  /** The size and format to choose, and the excluded formats. */
  get wanted(): Wanted & { readonly excluded: readonly UngivenFormat[] } {
    const { source, found } = this;
    return { size: source.size ?? this.given, format: source.format, excluded: found };
  }

  /** Judges the last run, whose footage ended at `cameUntilUs`. To be called before the next format is chosen. */
  judge(cameUntilUs: number): void {
    const format = this.format && printFormat(this.format);
    if (format !== null && cameUntilUs > this.cameUntilUs) this.proven.add(format);
    this.cameUntilUs = cameUntilUs;
    const counts = this.fault !== null && format !== null && !this.proven.has(format);
    this.barrenRuns = counts ? this.barrenRuns + 1 : 0;
    if (this.barrenRuns >= BARREN_RUNS) this.why ??= this.fault;
    this.fault = null;
    this.exclude();
  }

  /** Begins a run in this format. */
  begin(format: ChosenFormat): void {
    if (this.format && printFormat(this.format) !== printFormat(format)) this.barrenRuns = 0;
    this.format = format;
    this.why = null;
  }

  /** Takes a line of ffmpeg's stderr; returns why the run must end if the driver delivers another size than requested. */
  endedBy(line: string): string | null {
    const begun = NOT_BEGUN.exec(line)?.[1];
    const [, changed, width, height] = CHANGED.exec(line) ?? [];
    this.why ??= (begun ?? changed ?? null)?.slice(0, WHY_LETTERS_MAX) ?? null;
    if (changed === undefined) return null;
    this.given = { width: Number(width), height: Number(height) };
    return changed;
  }

  /** Learns from a run that ended without a segment; returns whether another run may succeed. */
  learn({ barren }: Pick<RunEvidence, 'barren'>): boolean {
    return barren && this.exclude();
  }

  /** Why the current run ended, if its format is the cause; null if it is not. */
  ended(detail: string): Failure | null {
    const { source, format, why } = this;
    if (format !== null && why !== null) return this.failure(printUngiven({ ...format, why }));
    const { code } = cameraFault(source.shown, detail);
    const isKilled = detail.startsWith('ffmpeg was ended by');
    const mayBeFormat = code === 'camera_unreachable' || code === 'camera_format_unsupported';
    this.fault = mayBeFormat && !isKilled ? detail.slice(0, WHY_LETTERS_MAX) : null;
    return null;
  }

  /** The failure to report while `format` is recorded in place of excluded ones; null if there are none. */
  trouble(format: ChosenFormat): Failure | null {
    if (this.found.length === 0) return null;
    return this.failure(`${this.found.map(printUngiven).join(', ')}; ${printFormat(format)} is recorded instead`);
  }

  /** The failure when no format is left, after which all are tried again; null if none was excluded. */
  exhausted(): Failure | null {
    const { found } = this;
    this.forget();
    return found.length === 0
      ? null
      : this.failure(`${found.map(printUngiven).join(', ')}; no other format fits the options`);
  }

  /** Forgets all results: another camera, or this one plugged in again, may deliver excluded formats. */
  forget(): void {
    this.found = [];
    this.given = null;
    this.format = null;
    this.barrenRuns = 0;
  }

  /** Excludes the current format if there is a reason; returns whether it did. */
  private exclude(): boolean {
    const { format, why } = this;
    this.why = null;
    if (format === null || why === null || this.found.length >= FORMATS_MAX) return false;
    this.found.push({ ...format, why });
    this.format = null;
    this.barrenRuns = 0;
    return true;
  }

  private failure(detail: string): Failure {
    return failure('camera_size_ungiven', { source: this.source.shown, detail });
  }
}

function printUngiven(format: UngivenFormat): string {
  return `${printFormat(format)} (${format.why})`;
}
