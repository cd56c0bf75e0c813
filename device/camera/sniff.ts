// Chooses the demuxer that may open a file, by its first bytes. ffmpeg trusts content, not names: a playlist, manifest or script
// inside a `.mp4` would make it open other files or the network, so their demuxers are never allowed.
import { type FileHandle, open, stat } from 'node:fs/promises';
import { systemCode } from '@doorsill/base/disk';
import { failure } from '@doorsill/contract/errors';

const HEAD_BYTES = 4_096;
const BOX_HEADER_BYTES = 8;

/** Types of the first box of MP4, QuickTime and 3GP files, complete or cut. */
const MP4_TYPES = ['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide', 'styp', 'moof', 'pnot', 'sidx'];

/** Demuxers by the bytes at a file's start. None of them opens other files. */
const MAGIC: readonly { readonly at: number; readonly bytes: string; readonly demuxer: string }[] = [
  ...MP4_TYPES.map((type) => ({ at: 4, bytes: type, demuxer: 'mov' })),
  { at: 0, bytes: '\x1a\x45\xdf\xa3', demuxer: 'matroska' },
  { at: 8, bytes: 'AVI ', demuxer: 'avi' },
  { at: 0, bytes: 'FLV\x01', demuxer: 'flv' },
  { at: 0, bytes: 'OggS', demuxer: 'ogg' },
  { at: 0, bytes: '\x30\x26\xb2\x75\x8e\x66\xcf\x11', demuxer: 'asf' },
  { at: 0, bytes: '\x00\x00\x01\xba', demuxer: 'mpeg' },
  { at: 0, bytes: '\x00\x00\x01\xb3', demuxer: 'mpegvideo' },
  { at: 0, bytes: 'nut/multimedia container\0', demuxer: 'nut' },
  { at: 0, bytes: 'DKIF\0\0', demuxer: 'ivf' },
  { at: 0, bytes: 'YUV4MPEG2 ', demuxer: 'yuv4mpegpipe' },
  { at: 0, bytes: 'GIF89a', demuxer: 'gif' },
  { at: 0, bytes: '\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02', demuxer: 'mxf' },
  { at: 0, bytes: '\xff\xd8\xff', demuxer: 'mjpeg' },
];

/** How ffmpeg must open a file. */
export interface Container {
  readonly demuxer: string;
  /** Bytes to skip at the start, because the demuxer would refuse the file for them. */
  readonly skipBytes: number;
}

/**
 * How to open a file. `shown` is the file's name in errors. Throws `camera_not_found`, and `camera_refused_format` unless it is a
 * regular file of a known media container.
 */
export async function sniffFile(path: string, shown: string): Promise<Container> {
  const head = await readHead(path, shown);
  if (!head) throw failure('camera_refused_format', { source: shown, detail: 'it is not a regular file' });
  const demuxer = demuxerOf(head);
  if (!demuxer) throw failure('camera_refused_format', { source: shown, detail: 'it is not a known media container' });
  return { demuxer, skipBytes: demuxer === 'mov' ? malformedFillers(head) : 0 };
}

/** Types of filler boxes (ISO/IEC 14496-12 §8.1.2). */
const FILLER_TYPES = ['free', 'skip', 'wide'];

/**
 * Bytes up to the end of the last filler box among the first boxes whose size field is less than its header. Some writers make such
 * boxes; nothing before them is needed, but ffmpeg refuses the whole file.
 */
function malformedFillers(head: Uint8Array): number {
  const fields = new DataView(head.buffer, head.byteOffset, head.length);
  let skipBytes = 0;
  for (let at = 0; at + BOX_HEADER_BYTES <= head.length; ) {
    const sizeBytes = fields.getUint32(at);
    const type = String.fromCharCode(...head.subarray(at + 4, at + BOX_HEADER_BYTES));
    // 0 means "to the end of the file", 1 "the size follows": neither is malformed, and the search ends there.
    if (sizeBytes < 2) break;
    if (sizeBytes < BOX_HEADER_BYTES) {
      if (!FILLER_TYPES.includes(type)) break;
      at += BOX_HEADER_BYTES;
      skipBytes = at;
    } else at += sizeBytes;
  }
  return skipBytes;
}

/** The first bytes of a regular file; null for a folder, a pipe or a device. */
async function readHead(path: string, shown: string): Promise<Uint8Array | null> {
  let handle: FileHandle | null = null;
  try {
    // Checked before opening, because opening a named pipe would wait for its writer.
    if (!(await stat(path)).isFile()) return null;
    handle = await open(path, 'r');
    const { buffer, bytesRead } = await handle.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (thrown) {
    const code = systemCode(thrown);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw failure('camera_not_found', { source: shown });
    throw failure('camera_failed', { source: shown, times: 1, detail: code ?? 'it cannot be read' }, thrown);
  } finally {
    await handle?.close();
  }
}

/** The demuxer for a file's first bytes; null if they are not on the list. */
function demuxerOf(head: Uint8Array): string | null {
  const text = String.fromCharCode(...head);
  const found = MAGIC.find((magic) => text.startsWith(magic.bytes, magic.at));
  if (found) return found.demuxer;
  if (isTransportStream(head)) return 'mpegts';
  return elementaryStream(head);
}

/** Packets of 188 bytes, or 192 with a time in front (M2TS), each with the sync byte (ISO/IEC 13818-1 §2.4.3.2). */
function isTransportStream(head: Uint8Array): boolean {
  return [
    { start: 0, step: 188 },
    { start: 4, step: 192 },
  ].some(({ start, step }) => [0, 1, 2, 3].every((packet) => head[start + packet * step] === 0x47));
}

/** Bare H.264 or HEVC in Annex B form: begins with a parameter set or a delimiter. */
function elementaryStream(head: Uint8Array): string | null {
  const start = head[2] === 1 ? 3 : 4;
  if (head[0] !== 0 || head[1] !== 0 || head[start - 1] !== 1 || (start === 4 && head[2] !== 0)) return null;
  const header = head[start];
  if (header === undefined || (header & 0x80) !== 0) return null;
  if ([7, 9].includes(header & 31)) return 'h264';
  return [32, 33, 35].includes((header >> 1) & 63) ? 'hevc' : null;
}
