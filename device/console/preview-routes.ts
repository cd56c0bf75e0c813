// The routes of previews: an owner sees a clip exactly as it would be sent, before granting it.
import { Readable } from 'node:stream';
import { rangeOf } from '@doorsill/base/http/byte-range';
import { keepForTransfer } from '@doorsill/base/http/connection-limit';
import type { Random } from '@doorsill/base/random';
import { Preview, PreviewAsk, PreviewList } from '@doorsill/contract/console-messages';
import { idSchema } from '@doorsill/contract/ids';
import { CLIP_BYTES_DEFAULT } from '@doorsill/contract/owner-orders';
import { z } from 'zod';
import type { ConsentGate } from '../consent/gate.ts';
import type { PreviewClips } from '../upload/preview-clips.ts';
import type { LocalRouter } from './local-router.ts';
import type { PictureAccess } from './picture-access.ts';
import { bindToView } from './view-answer.ts';

export interface PreviewRoutesDeps {
  access: PictureAccess;
  random: Random;
  gate: Pick<ConsentGate, 'previews'>;
  clips: PreviewClips;
}

const PIECE_BYTES = 256 * 1024;
const paramsSchema = z.strictObject({ preview: idSchema });

export function previewRoutes(router: LocalRouter, { access, random, gate, clips }: PreviewRoutesDeps): void {
  router.route(
    {
      method: 'POST',
      path: '/api/v1/previews',
      roles: ['owner'],
      body: PreviewAsk,
      answer: Preview,
      about: 'Cuts a clip for a request exactly as it would be sent, for the owner to see. It is kept for 15 minutes.',
    },
    async ({ body }) => {
      const live = gate.previews.open({ ...body, byteLimit: CLIP_BYTES_DEFAULT }, random);
      try {
        const { id, sha256, facts } = await clips.make(live);
        const { sizeBytes: bytes, frames, coverage, gaps, audioPackets, method } = facts;
        return { preview: id, sha256, bytes, frames, coverage, gaps, audioPackets, method };
      } catch (thrown) {
        gate.previews.end(live.id, 'it could not be made');
        throw thrown;
      }
    },
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/previews',
      roles: ['owner'],
      answer: PreviewList,
      about:
        'The existing previews of all owners. Their number is limited; one can be removed to make room for another.',
    },
    () => ({
      previews: gate.previews
        .list()
        .map(({ id, cut: { request, window } }) => ({ preview: id, request, window: { ...window } })),
    }),
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/previews/:preview/clip.mp4',
      roles: ['owner'],
      params: paramsSchema,
      answer: { media: 'video/mp4' },
      also: { 206: { media: 'video/mp4' } },
      about: 'The clip of a preview, byte for byte. Supports `Range`.',
    },
    async ({ caller, params, request, reply }) => {
      const signal = bindToView(reply, await access.open(caller, 'history'));
      const reader = await clips.reader(params.preview);
      reply.raw.once('close', () => void reader.close().catch(() => undefined));
      const range = rangeOf(request.headers.range, reader.sizeBytes);
      const span = range ?? { start: 0, end: reader.sizeBytes };
      if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end - 1}/${reader.sizeBytes}`);
      reply
        .type('video/mp4')
        .header('accept-ranges', 'bytes')
        .header('content-length', span.end - span.start);
      keepForTransfer(reply.raw.socket);
      return reply.send(Readable.from(piecesOf(reader, span, signal)));
    },
  );

  router.route(
    {
      method: 'DELETE',
      path: '/api/v1/previews/:preview',
      roles: ['owner'],
      params: paramsSchema,
      answer: null,
      about: 'Removes a preview.',
    },
    ({ params }) => {
      gate.previews.end(params.preview, 'its owner removed it');
      return undefined;
    },
  );
}

async function* piecesOf(
  reader: { read(position: number, length: number): Promise<Uint8Array> },
  span: { start: number; end: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let at = span.start; at < span.end; at += PIECE_BYTES) {
    signal.throwIfAborted();
    yield await reader.read(at, Math.min(PIECE_BYTES, span.end - at));
  }
}
