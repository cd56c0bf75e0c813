import { Readable } from 'node:stream';
import { rangeOf, type Span } from '@doorsill/base/http/byte-range';
import { keepForTransfer } from '@doorsill/base/http/connection-limit';
import type { FastifyReply } from 'fastify';
import type { ClipDownload } from './revocable-downloads.ts';

export interface SentClip {
  name: string;
  bytes: number;
  sha256: string;
  range: string | undefined;
  /** Default: an MP4 file. */
  media?: ClipMedia;
}

/** The form of a clip's bytes: an MP4 file, or one that only its recipient can decrypt. */
export type ClipMedia = keyof typeof ENDINGS;

const ENDINGS = { 'video/mp4': 'mp4', 'application/octet-stream': 'sealed' } as const;
/** The same for a route's document. */
export const CLIP_MEDIA = Object.keys(ENDINGS);

/**
 * Sends the clip, or the requested range, with headers that stop a browser from treating it as anything else. When the download is revoked
 * after the first bytes were sent, the connection is reset, not closed: the kernel drops unsent data (RFC 9293 §3.10.4, ABORT).
 */
export function sendClip(reply: FastifyReply, clip: SentClip, read: (span: Span) => ClipDownload): FastifyReply {
  const { media = 'video/mp4' } = clip;
  const range = rangeOf(clip.range, clip.bytes);
  const span = range ?? { start: 0, end: clip.bytes };
  const { bytes, ended } = read(span);
  const reset = () => {
    if (reply.raw.headersSent) reply.raw.socket?.resetAndDestroy();
  };
  keepForTransfer(reply.raw.socket);
  ended.addEventListener('abort', reset, { once: true });
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end - 1}/${clip.bytes}`);
  return reply
    .type(media)
    .headers({
      'accept-ranges': 'bytes',
      etag: `"${clip.sha256}"`,
      'content-length': span.end - span.start,
      'content-disposition': `attachment; filename="${clip.name}.${ENDINGS[media]}"`,
      'x-content-type-options': 'nosniff',
    })
    .send(Readable.from(bytes));
}
