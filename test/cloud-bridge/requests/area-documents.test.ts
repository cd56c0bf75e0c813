// A cell's documents fit an MQTT payload, hold every request once, and a device can open each of them.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { REQUESTS_PER_PART_MAX, signParts } from '../../../cloud-bridge/requests/area-board.ts';
import { packParts } from '../../../cloud-bridge/requests/cell-document-parts.ts';
import { generateSigningKey, verifySignature } from '../../../device/base/keys.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { AreaDocument } from '../../../device/contract/request.ts';
import { PAYLOAD_BYTES_MAX } from '../../../device/contract/topics.ts';

const key = generateSigningKey(new SeededRandom(1));

it('packs any requests and cancelled ids into documents within the limit, each of them once', () => {
  const request = fc
    .record({ request: fc.integer({ min: 1, max: 16_384 }), rest: fc.integer({ min: 1, max: 2_048 }) })
    .map(({ request: length, rest }) => ({
      request: 'r'.repeat(length),
      credential: 'c'.repeat(rest * 2),
      publication: 'p'.repeat(rest),
    }));
  fc.assert(
    fc.property(fc.array(request, { maxLength: 60 }), fc.integer({ min: 0, max: 450 }), (requests, ended) => {
      const cancelled = Array.from({ length: ended }, (_, at) => `request-${'f'.repeat(50)}-${at}`);
      const content = { cell: '9q8yy', entries: requests, ended: cancelled };
      const parts = packParts(content, REQUESTS_PER_PART_MAX);
      expect(parts.flat()).toEqual(requests);
      const tokens = signParts(content, parts, { revision: 4, iat: 1_800_000_000, exp: 1_800_003_600 }, key);
      for (const [at, token] of tokens.entries()) {
        expect(token.length).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX);
        const opened = openToken(token, {
          typ: 'doorsill-area+jws',
          schema: AreaDocument,
          audience: 'public',
          keys: [key.publicKey],
          verify: verifySignature,
        });
        expect(opened).toMatchObject({ ok: true, claims: { part: at + 1, parts: tokens.length, revision: 4 } });
        if (opened.ok && at === 0) expect(opened.claims.cancelled).toEqual(cancelled.slice(-400));
      }
    }),
    { numRuns: 40 },
  );
});
