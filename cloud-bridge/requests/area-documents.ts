// Owns: signing a cell's open requests as documents. Not here: dividing them (area-parts.ts), when to publish (area-board.ts).
import { PUBLIC_AUDIENCE } from '../../device/protocol/claims.ts';
import { signToken } from '../../device/protocol/jws.ts';
import { type AreaDocument, areaDocumentSchema, type PublishedRequest } from '../../device/protocol/request.ts';
import { type CellContent, keptEnded } from './area-parts.ts';

export const REQUESTS_PER_PART_MAX = 100;

/** Signs one token per part, in order. */
export function signParts(
  content: CellContent<PublishedRequest>,
  parts: readonly PublishedRequest[][],
  stamp: { revision: number; iat: number; exp: number },
  key: { publicKey: string; sign(data: Uint8Array): Uint8Array },
): string[] {
  return parts.map((requests, at) => {
    const claims: AreaDocument = {
      iss: key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: stamp.iat,
      exp: stamp.exp,
      cell: content.cell,
      revision: stamp.revision,
      part: at + 1,
      parts: parts.length,
      requests,
      cancelled: at === 0 ? keptEnded(content) : [],
    };
    return signToken('doorsill-area+jws', areaDocumentSchema.parse(claims), key);
  });
}
