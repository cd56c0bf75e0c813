// Running clip downloads. Before each piece, and whenever something has changed, each checks whether its reader may still be shown the
// clip.
import type { Span } from '@doorsill/base/http/byte-range';

/** Bytes with random access, such as a file. */
export interface OpenBytes {
  read(at: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Resolves while the reader may be shown the clip; otherwise throws the reason. */
export type AssertShown = () => Promise<void>;

/** One download. */
export interface ClipDownload {
  /** The bytes, in pieces; throws what `AssertShown` threw. */
  bytes: AsyncGenerator<Uint8Array>;
  /** Aborts as soon as the reader may not be shown the clip any more, also while a piece waits to be sent. */
  ended: AbortSignal;
}

/**
 * Four of these may be in flight when a download ends: one being read, one waiting in the stream, two in the socket's buffers.
 * Together they are the 256 KiB of DESIGN's invariant 8.
 */
const PIECE_BYTES = 64 * 1024;

interface RunningDownload {
  name: string;
  assertShown: AssertShown;
  ended: AbortController;
}

/** The downloads of one server. */
export class ClipDownloads {
  private readonly underWay = new Set<RunningDownload>();

  /** Reads a span of the bytes of `name` until `assertShown` rejects. `open` is called when the first piece is requested. */
  read(name: string, open: () => Promise<OpenBytes>, span: Span, assertShown: AssertShown): ClipDownload {
    const download: RunningDownload = { name, assertShown, ended: new AbortController() };
    return { bytes: this.pieces(download, open, span), ended: download.ended.signal };
  }

  /** Checks the downloads of `name`, or all, now; those that may not go on have ended when this resolves. Never rejects. */
  async recheck(name?: string): Promise<void> {
    const checked = [...this.underWay].filter((download) => name === undefined || download.name === name);
    await Promise.all(checked.map((download) => assertAllowed(download).catch(() => undefined)));
  }

  private async *pieces(
    download: RunningDownload,
    open: () => Promise<OpenBytes>,
    span: Span,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    this.underWay.add(download);
    try {
      // Before opening: a deleted clip has no file.
      await assertAllowed(download);
      const file = await open();
      try {
        for (let at = span.start; at < span.end; at += PIECE_BYTES) {
          const bytes = await file.read(at, Math.min(PIECE_BYTES, span.end - at));
          // After reading the piece, which may take long when the bytes are remote.
          await assertAllowed(download);
          yield bytes;
        }
      } finally {
        await file.close();
      }
    } finally {
      this.underWay.delete(download);
    }
  }
}

/** Ends a download for good when it may not go on, whatever the reason. */
async function assertAllowed({ assertShown, ended }: RunningDownload): Promise<void> {
  await assertShown().catch((why: unknown) => ended.abort(why));
  ended.signal.throwIfAborted();
}
