// Signs the statement that a clip's recipient gets instead of the full manifest, under a key made for one grant; the device's
// certificate for that key, for the bridge only; and the recall. The key is discarded after signing statement and recall.

import { generateSigningKey, type SigningKey, sha256, sha256Hex } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { toBase64url } from '@doorsill/contract/bytes';
import { commitmentOf, SALT_BYTES } from '@doorsill/contract/commitment';
import { actorId } from '@doorsill/contract/ids';
import { parseToken, signToken } from '@doorsill/contract/jws';
import { Certificate, HomeRecall, Manifest, Statement } from '@doorsill/contract/manifest';
import { statementClaims } from '@doorsill/contract/statement-from-manifest';
import { assertLiveGrant, type LiveGrant } from '../consent/live-grant.ts';

/** Documents about a clip besides its full manifest. */
export interface StatementDocuments {
  /** For the recipient: vault, agency or pet owner. */
  statement: string;
  /** For the bridge alone. */
  certificate: string;
  /** Stays on the device until the owner revokes the clip. */
  homeRecall: string;
}

export interface StatementDeps {
  device: { id: string; key: SigningKey };
  random: Random;
}

/** The key of one grant's statement and recall, which is not stored, and the pseudonym that follows from it. */
export interface StatementSigner {
  key: SigningKey;
  home: string;
}

/** Makes the key of one more statement. */
export function freshStatementSigner(random: Random): StatementSigner {
  const key = generateSigningKey(random);
  return { key, home: actorId('home', sha256Hex(key.publicKey)) };
}

/** Signs statement, certificate and recall for the clip of a full manifest. Throws `grant_dead`. */
export function makeStatement(
  live: LiveGrant,
  manifestToken: string,
  deps: StatementDeps,
  { key, home }: StatementSigner = freshStatementSigner(deps.random),
): StatementDocuments {
  assertLiveGrant(live);
  const { device, random } = deps;
  const manifest = Manifest.parse(parseToken(manifestToken)?.claims);
  const salt = random.bytes(SALT_BYTES);
  const commitment = commitmentOf(salt, manifestToken, sha256);
  const under = { key: key.publicKey, home, grant: live.id, commitment };
  const claims = Statement.parse(statementClaims(manifest, under));
  const statement = signToken('doorsill-statement+jws', claims, key);
  const about = { grant: live.id, clip: manifest.jti, statementSha256: sha256Hex(statement) };
  const certificate: Certificate = {
    iss: device.key.publicKey,
    aud: live.facts.request.aud,
    iat: manifest.iat,
    jti: freshId(random, 'certificate'),
    device: device.id,
    ...about,
    key: key.publicKey,
    manifestSha256: sha256Hex(manifestToken),
    salt: toBase64url(salt),
  };
  const { iss, aud, iat } = claims;
  const homeRecall: HomeRecall = { iss, aud, iat, jti: freshId(random, 'recall'), home, ...about };
  return {
    statement,
    certificate: signToken('doorsill-certificate+jws', Certificate.parse(certificate), device.key),
    homeRecall: signToken('doorsill-home-recall+jws', HomeRecall.parse(homeRecall), key),
  };
}
