// Reads length, streams and codecs of an input from ffmpeg's stderr, because ffprobe is not bundled.

/** One stream of the input. `profile` is ffmpeg's name for it, e.g. 'LC'. */
export interface InputStream {
  readonly index: number;
  readonly kind: 'video' | 'audio';
  /** ffmpeg's codec name; 'none' if it has no decoder. */
  readonly codec: string;
  readonly profile: string;
}

/** Further streams are ignored. */
const STREAMS_MAX = 64;

const DURATION = /^Duration: (\d{1,4}):(\d\d):(\d\d)\.(\d\d), /;
const START = /^Duration: [^,]{1,20}, start: (-?\d{1,15})\.(\d{6})/;
const MADE = /^creation_time\s*: (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)$/;
const STREAM = /^Stream #0:(\d{1,4})\S*: (Video|Audio): (\w+)(?: \(([^)]*)\))?(.*)$/;

/** Collects facts line by line. A file's author may forge lines, which at worst choose a worse plan. */
export class StreamFacts {
  private found: InputStream[] = [];
  private lengthUs: number | null = null;
  private firstUs: number | null = null;
  private madeUs: number | null = null;
  private reading = true;

  /** Takes one line of stderr, written at `-loglevel level+info`. */
  read(line: string): void {
    const text = line.replaceAll(/\[[^\]]*\] ?/g, (tag) => (/^\[(info|.* @ .*)\] ?$/.test(tag) ? '' : tag)).trim();
    // The same lines follow for the outputs.
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

  /** Length of the input in microseconds, cut to 10 ms by ffmpeg; null if the container does not state it. */
  get durationUs(): number | null {
    return this.lengthUs;
  }

  /** Timestamp of the first input's first packet in microseconds; null if it has none. */
  get startUs(): number | null {
    return this.firstUs;
  }

  /** The input's stated creation time, wall time in microseconds, unverified; null if it states none. */
  get creationUs(): number | null {
    return this.madeUs;
  }

  get streams(): readonly InputStream[] {
    return this.found;
  }

  /** The first video stream that can be decoded. */
  get video(): InputStream | null {
    return this.found.find((stream) => stream.kind === 'video' && stream.codec !== 'none') ?? null;
  }

  /** The first audio stream that can be decoded. */
  get audio(): InputStream | null {
    return this.found.find((stream) => stream.kind === 'audio' && stream.codec !== 'none') ?? null;
  }
}
