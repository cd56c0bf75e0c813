import { CustodyBundle } from '@doorsill/contract/custody';
import { failure } from '@doorsill/contract/errors';
import { idSchema, sha256Schema } from '@doorsill/contract/ids';
import { VERDICT_LETTERS_MAX } from '@doorsill/contract/verdict';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Custody } from '../custody/custody-proofs.ts';
import { nextSchema, pageFields } from '../http/paging.ts';
import type { Router } from '../http/router.ts';
import { CLIP_MEDIA, sendClip } from '../http/send-clip.ts';
import type { Intake } from '../intake/intake-store.ts';
import type { Clips } from './clips.ts';

const paramsSchema = z.strictObject({ clip: idSchema });
/** A signed verdict on an encrypted clip, from an agency or a pet's owner; the answer is its leaf in the log of custody. */
export const verdictBodySchema = z.strictObject({ verdict: z.string().max(VERDICT_LETTERS_MAX) });
export const verdictAnswerSchema = z.strictObject({ leaf: z.int().nonnegative() });
/** The statement of a clip: the same for agencies and pets' owners. */
export const statementSchema = z.strictObject({ manifest: z.string() });
/** Query and entries of the clip list: the same for agencies and pets' owners. */
export const clipPageSchema = z.strictObject(pageFields(100, 500));
export const clipListSchema = z.strictObject({
  clips: z.array(
    z.strictObject({
      clip: idSchema,
      request: idSchema,
      bytes: z.int().positive(),
      sha256: sha256Schema,
      /** It is encrypted: no player can show it, and bytes and hash are those of the encrypted file. */
      sealed: z.literal(true).optional(),
      /** Its address in the vault, once it was handed over. */
      evidence: z.url().optional(),
    }),
  ),
  next: nextSchema,
});
/** The clip was handed over: its address in the vault. */
const elsewhereSchema = z.strictObject({ clip: idSchema, evidence: z.url() });

export function clipRoutes(api: Router, clips: Clips, custody: Custody): void {
  const officer = { method: 'GET', roles: ['officer'] } as const;
  api.route(
    {
      ...officer,
      path: '/v1/clips',
      query: clipPageSchema,
      answer: clipListSchema,
      about: "The agency's own clips, newest first (access to `all`).",
    },
    ({ bearer, query }) => clips.list(bearer, query),
  );
  api.route(
    {
      ...officer,
      path: '/v1/clips/:clip',
      params: paramsSchema,
      answer: CLIP_MEDIA,
      also: { 206: CLIP_MEDIA, 303: elsewhereSchema },
      about: 'The clip, whole or a range of it; one that is encrypted as plain bytes.',
    },
    async ({ bearer, params: { clip }, request, reply }) => {
      // A player asks for ranges; a request for the whole clip is a download.
      const action = request.headers.range === undefined ? 'download' : 'stream';
      const seen = await clips.see(bearer, clip, 'clip', action);
      if (seen.evidence) return elsewhere(reply, clip, seen.evidence);
      const { clipBytes, clipSha256, isSealed } = seen.intake;
      const sent = { name: clip, bytes: clipBytes, sha256: clipSha256, range: request.headers.range, isSealed };
      return sendClip(reply, sent, (span) => clips.read(seen, span));
    },
  );
  api.route(
    {
      ...officer,
      path: '/v1/clips/:clip/manifest',
      params: paramsSchema,
      also: { 303: elsewhereSchema },
      answer: statementSchema,
      about: 'The statement that the home signed about the clip.',
    },
    async ({ bearer, params: { clip }, reply }) => {
      const { intake, evidence } = await clips.see(bearer, clip, 'manifest', 'view');
      return evidence ? elsewhere(reply, clip, `${evidence}/manifest`) : { manifest: storedStatementOf(intake) };
    },
  );
  api.route(
    {
      ...officer,
      path: '/v1/clips/:clip/custody',
      params: paramsSchema,
      answer: CustodyBundle,
      about: 'The receipt, and the proof of the leaf about the clip.',
    },
    async ({ bearer, params: { clip } }) => {
      const { intake } = await clips.see(bearer, clip, 'custody', 'view');
      if (intake.receipt === null) throw failure('clip_unknown');
      if (intake.statementReceipt === null) throw failure('statement_missing');
      return custody.bundle(intake.receipt, intake.statementReceipt);
    },
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/clips/:clip/verdict',
      roles: ['officer'],
      params: paramsSchema,
      body: verdictBodySchema,
      answer: verdictAnswerSchema,
      about: 'What the agency found when it opened an encrypted clip, signed; the same outcome again changes nothing.',
    },
    ({ bearer, params, body }) => clips.judge(bearer, params.clip, body.verdict),
  );
}

/** The statement, which the recipient gets in place of the full manifest. Throws `statement_missing`. */
export function storedStatementOf({ statement }: Pick<Intake, 'statement'>): string {
  if (statement === '') throw failure('statement_missing');
  return statement;
}

/** The clip was handed over: redirects to its address, which needs a token of its own (RFC 9110 §15.4.4). */
function elsewhere(reply: FastifyReply, clip: string, evidence: string): FastifyReply {
  return reply.code(303).header('location', evidence).send(elsewhereSchema.parse({ clip, evidence }));
}
