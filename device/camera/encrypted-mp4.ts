// Detects encrypted MP4 video (ISO/IEC 23001-7) by the type of its sample entry. ffmpeg does not report it: it decodes the encrypted
// bytes into noise.
import { type FileHandle, open } from 'node:fs/promises';
import { type Box, readBox } from '@doorsill/contract/media/read-boxes';

/** Boxes read at most. */
const BOXES_MAX = 10_000;

const HEADER_BYTES_MAX = 16;

/** Fields of `stsd` before its entries: version, flags and count (§8.5.2). */
const STSD_FIELDS_BYTES = 8;

/** Where the handler type lies in `hdlr` (§8.4.3): behind version, flags and a reserved field. */
const HANDLER_AT = 8;

/** Whether the first video track of an MP4 is encrypted. False if the file cannot be read up to there: ffmpeg reports that. */
export async function isEncryptedMp4(path: string): Promise<boolean> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, 'r');
    const { size } = await handle.stat();
    return await new BoxFile(handle).videoIsEncrypted(size);
  } catch {
    return false;
  } finally {
    await handle?.close();
  }
}

/** A range of the file that holds boxes: the whole file, or a box. */
type Span = Pick<Box, 'contentStart' | 'end'>;

/** Reads only the headers of a file's boxes, whatever their length. */
class BoxFile {
  private readonly handle: FileHandle;
  private looked = 0;

  constructor(handle: FileHandle) {
    this.handle = handle;
  }

  async videoIsEncrypted(sizeBytes: number): Promise<boolean> {
    const moov = await this.find(['moov'], { contentStart: 0, end: sizeBytes });
    if (!moov) return false;
    for await (const trak of this.boxes('trak', moov)) {
      const hdlr = await this.find(['mdia', 'hdlr'], trak);
      if (!hdlr || (await this.text(hdlr.contentStart + HANDLER_AT)) !== 'vide') continue;
      const stsd = await this.find(['mdia', 'minf', 'stbl', 'stsd'], trak);
      return stsd !== null && (await this.text(stsd.contentStart + STSD_FIELDS_BYTES + 4)) === 'encv';
    }
    return false;
  }

  /** The first box at the end of a path of types. */
  private async find([type, ...inner]: readonly string[], within: Span): Promise<Span | null> {
    if (type === undefined) return within;
    for await (const box of this.boxes(type, within)) return this.find(inner, box);
    return null;
  }

  private async *boxes(type: string, { contentStart, end }: Span): AsyncGenerator<Span> {
    for (let at = contentStart; at < end && this.looked < BOXES_MAX; this.looked += 1) {
      const box = readBox(await this.bytes(at, Math.min(HEADER_BYTES_MAX, end - at)), 0);
      if (!box) return;
      const next = Math.min(end, at + box.end);
      if (box.type === type) yield { contentStart: at + box.contentStart, end: next };
      at = next;
    }
  }

  private async text(at: number): Promise<string> {
    return String.fromCharCode(...(await this.bytes(at, 4)));
  }

  private async bytes(at: number, length: number): Promise<Uint8Array> {
    const { buffer, bytesRead } = await this.handle.read(new Uint8Array(length), 0, length, at);
    return buffer.subarray(0, bytesRead);
  }
}
