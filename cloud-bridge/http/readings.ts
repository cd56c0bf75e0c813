// Owns: readings of clips that are under way, so that they can be ended the moment nobody may be shown the clip any more; and
// which span of a clip a request asks for. Not here: who may read (clips/, vault/).

/** A span of bytes to read. `end` is exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** Bytes that can be read from any place; a file is one. */
export interface OpenBytes {
  read(at: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

const STEP_BYTES = 256 * 1024;

export class Readings {
  private readonly underWay = new Map<string, Set<AbortController>>();

  /** The bytes that `open` opens, as `name`'s. `assertShown` is asked once the reading can be ended. */
  async *read(
    name: string,
    open: () => Promise<OpenBytes>,
    span: Span,
    assertShown: () => Promise<void>,
  ): AsyncGenerator<Uint8Array> {
    const ended = new AbortController();
    const readings = this.underWay.get(name) ?? new Set();
    this.underWay.set(name, readings);
    readings.add(ended);
    try {
      const file = await open();
      try {
        await assertShown();
        for (let at = span.start; at < span.end; at += STEP_BYTES) {
          const bytes = await file.read(at, Math.min(STEP_BYTES, span.end - at));
          ended.signal.throwIfAborted();
          yield bytes;
        }
      } finally {
        await file.close();
      }
    } finally {
      readings.delete(ended);
      if (readings.size === 0) this.underWay.delete(name);
    }
  }

  /** Ends every reading of `name`; each throws `why`. */
  end(name: string, why: Error): void {
    for (const reading of this.underWay.get(name) ?? []) reading.abort(why);
  }
}

/** The span a `Range` header asks for (RFC 9110 §14.1.2); null for none, several, or one that cannot be had: all is sent. */
export function rangeOf(header: string | undefined, sizeBytes: number): Span | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? null : { start: sizeBytes - length, end: sizeBytes };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return start < end ? { start, end } : null;
}
