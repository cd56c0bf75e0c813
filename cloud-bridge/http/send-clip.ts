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
  /** It is encrypted: no player can show it. */
  isSealed?: boolean;
}

/** The media types of clips as they are sent. */
export const CLIP_MEDIA = { media: ['video/mp4', 'application/octet-stream'] } as const;

/**
 * Sends the clip, or the requested range, with headers that stop a browser from treating it as anything else. When the download is revoked
 * after the first bytes were sent, the connection is reset, not closed: the kernel drops unsent data (RFC 9293 §3.10.4, ABORT).
 */
export function sendClip(reply: FastifyReply, clip: SentClip, read: (span: Span) => ClipDownload): FastifyReply {
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
    .type(CLIP_MEDIA.media[clip.isSealed ? 1 : 0])
    .headers({
      'accept-ranges': 'bytes',
      etag: `"${clip.sha256}"`,
      'content-length': span.end - span.start,
      'content-disposition': `attachment; filename="${clip.name}.${clip.isSealed ? 'sealed' : 'mp4'}"`,
      'x-content-type-options': 'nosniff',
    })
    .send(Readable.from(bytes));
}
