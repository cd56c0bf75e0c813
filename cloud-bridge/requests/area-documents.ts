// Owns: packing a cell's requests into documents that fit an MQTT payload. Pure but for the signature.
// Not here: when to publish (area-board.ts).
import { utf8 } from '../../device/base/bytes.ts';
import { PUBLIC_AUDIENCE } from '../../device/protocol/claims.ts';
import { failure } from '../../device/protocol/errors.ts';
import { signToken } from '../../device/protocol/jws.ts';
import { type AreaDocument, areaDocumentSchema, type PublishedRequest } from '../../device/protocol/request.ts';
import { PAYLOAD_BYTES_MAX } from '../../device/protocol/topics.ts';

/** Room that a token's header, signature, other claims and base64 leave for the requests' and ids' JSON. */
const JSON_BYTES_MAX = Math.floor(((PAYLOAD_BYTES_MAX - 200) * 3) / 4) - 600;
const CANCELLED_MAX = 400;
const REQUESTS_PER_PART_MAX = 100;
const PARTS_MAX = 99;

/** What one cell has to say. */
export interface CellContent {
  cell: string;
  requests: readonly PublishedRequest[];
  cancelled: readonly string[];
}

/** The requests of each part; at least one part. Ids that were cancelled ride in the first. Throws `request_limits`. */
export function packParts(content: CellContent): PublishedRequest[][] {
  const parts: PublishedRequest[][] = [[]];
  let room = JSON_BYTES_MAX - jsonBytes(keptCancelled(content));
  for (const request of content.requests) {
    const bytes = jsonBytes(request) + 1;
    const last = parts.at(-1);
    if (last && bytes <= room && last.length < REQUESTS_PER_PART_MAX) last.push(request);
    else {
      parts.push([request]);
      room = JSON_BYTES_MAX;
    }
    room -= bytes;
  }
  if (parts.length > PARTS_MAX) throw failure('request_limits', { detail: 'too many open requests in one cell' });
  return parts;
}

/** Signs one token per part, in order. */
export function signParts(
  content: CellContent,
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
      cancelled: at === 0 ? keptCancelled(content) : [],
    };
    return signToken('doorsill-area+jws', areaDocumentSchema.parse(claims), key);
  });
}

/** The newest ones, should there be more than a document can hold: the older ones have been announced for longest. */
function keptCancelled(content: CellContent): string[] {
  return content.cancelled.slice(-CANCELLED_MAX);
}

function jsonBytes(value: unknown): number {
  return utf8(JSON.stringify(value)).length;
}
