// Answers of the custody routes, and what a witness posts. Anyone can check heads, cosignatures and proofs with contract/custody.ts.

import { CosignedHead, TreeHead } from '@doorsill/contract/custody';
import { sha256Schema } from '@doorsill/contract/ids';
import { z } from 'zod';

/** `GET /v1/custody/head`: the newest head, and the newest that witnesses have cosigned. */
export const headAnswerSchema = z.strictObject({
  head: CosignedHead.shape.head,
  cosigned: CosignedHead.nullable(),
});

/** `GET /v1/custody/consistency`. */
export const consistencyAnswerSchema = z.strictObject({
  from: TreeHead.shape.size,
  to: TreeHead.shape.size,
  path: z.array(sha256Schema).max(64),
});

/** What a witness posts to `/v1/custody/cosignatures`. */
export const cosignatureBodySchema = z.strictObject({
  head: CosignedHead.shape.head,
  cosignature: z.string().max(1_024),
});
