// Owns: what ffmpeg tells on stderr about an input it has opened: length, streams and their codecs.
// Not here: whether the streams can be copied (copy-rules.ts). ffprobe is not bundled, so these lines are all there is.

/** One stream of the input. `profile` as ffmpeg words it, e.g. 'LC'. */
export interface InputStream {
  readonly index: number;
  readonly kind: 'video' | 'audio';
  /** ffmpeg's codec name; 'none' when it knows no decoder. */
  readonly codec: string;
  readonly profile: string;
}

/** Streams past this many are not looked at. */
const STREAMS_MAX = 64;

const DURATION = /^Duration: (\d{1,4}):(\d\d):(\d\d)\.(\d\d), /;
const START = /^Duration: [^,]{1,20}, start: (-?\d{1,15})\.(\d{6})/;
const MADE = /^creation_time\s*: (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)$/;
const STREAM = /^Stream #0:(\d{1,4})\S*: (Video|Audio): (\w+)(?: \(([^)]*)\))?(.*)$/;

/** Collects facts line by line. Lines come from a file's author too: a forged one can at worst choose a worse plan. */
export class StreamFacts {
  private found: InputStream[] = [];
  private lengthUs: number | null = null;
  private firstUs: number | null = null;
  private madeUs: number | null = null;
  private reading = true;

  /** Takes one line of stderr, written at `-loglevel level+info`. */
  read(line: string): void {
    const text = line.replaceAll(/\[[^\]]*\] ?/g, (tag) => (/^\[(info|.* @ .*)\] ?$/.test(tag) ? '' : tag)).trim();
    // The same words come again for the outputs.
    if (text.startsWith('Output #0') || text.startsWith('Stream mapping:')) this.reading = false;
    if (!this.reading) return;
    const duration = DURATION.exec(text);
    if (duration) {
      const [hours = 0, minutes = 0, seconds = 0, hundredths = 0] = duration.slice(1).map(Number);
      this.lengthUs ??= ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + hundredths * 10_000;
    }
    const made = MADE.exec(text)?.[1];
    if (made !== undefined && !Number.isNaN(Date.parse(made))) this.madeUs ??= Date.parse(made) * 1_000;
    const start = START.exec(text);
    if (start) this.firstUs ??= Number(`${start[1]}${start[2]}`);
    const stream = STREAM.exec(text);
    if (!stream || this.found.length === STREAMS_MAX) return;
    const [, index, kind, codec = 'none', profile = '', rest = ''] = stream;
    // A cover picture is a video stream to ffmpeg.
    if (rest.includes('(attached pic)')) return;
    this.found.push({ index: Number(index), kind: kind === 'Video' ? 'video' : 'audio', codec, profile });
  }

  /** Length of the input in microseconds, rounded to 10 ms by ffmpeg; null when the container does not tell. */
  get durationUs(): number | null {
    return this.lengthUs;
  }

  /** Time of the first input's first packet as the input stamps it, in microseconds; null when it does not. */
  get startUs(): number | null {
    return this.firstUs;
  }

  /** When the input says that it was shot, wall time in microseconds; null when it does not. Anybody may have written it there. */
  get creationUs(): number | null {
    return this.madeUs;
  }

  get streams(): readonly InputStream[] {
    return this.found;
  }

  /** The first video stream. */
  get video(): InputStream | null {
    return this.found.find((stream) => stream.kind === 'video' && stream.codec !== 'none') ?? null;
  }

  /** The first audio stream that can be decoded. */
  get audio(): InputStream | null {
    return this.found.find((stream) => stream.kind === 'audio' && stream.codec !== 'none') ?? null;
  }
}
