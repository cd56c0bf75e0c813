import { sha256, sha256Hex } from '@doorsill/base/keys';
import { fromBase64url } from '@doorsill/contract/bytes';
import { commitmentOf, SALT_BYTES } from '@doorsill/contract/commitment';
import { failure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';
import { Certificate, type Manifest, Statement } from '@doorsill/contract/manifest';
import { statementClaims } from '@doorsill/contract/statement-from-manifest';
import { readLink } from '../signing/verify-token.ts';
import type { Presented } from './verify-upload-token.ts';

/** The documents a device opens an intake with. */
export interface PostedPapers {
  manifest: string;
  statement: string;
  certificate: string;
}

/**
 * Checks statement and certificate against a verified manifest: the statement must be exactly the one derived from the manifest (an extra
 * claim or a finer time could link two clips of a home), signed with a key that the device certifies for this very grant. Returns the
 * statement; throws `intake_statement_invalid`.
 */
export function checkStatement(
  papers: PostedPapers,
  manifest: Manifest,
  { token, deviceKey }: Presented,
  bridgeId: string,
): Statement {
  const refuse = (detail: string) => failure('intake_statement_invalid', { detail });
  const certificate = readLink(
    papers.certificate,
    { typ: 'doorsill-certificate+jws', schema: Certificate, audience: bridgeId, keys: [deviceKey] },
    'intake_statement_invalid',
    'certificate',
  );
  const { key, salt } = certificate;
  if (certificate.device !== token.device || certificate.grant !== token.grant || certificate.clip !== manifest.jti) {
    throw refuse('the certificate is for another clip');
  }
  if (certificate.manifestSha256 !== token.manifestSha256) throw refuse('the certificate is for another manifest');
  if (certificate.statementSha256 !== sha256Hex(papers.statement)) {
    throw refuse('the certificate is for another statement');
  }
  const saltBytes = fromBase64url(salt);
  if (saltBytes?.length !== SALT_BYTES) throw refuse(`the salt has not ${SALT_BYTES} bytes`);
  const statement = readLink(
    papers.statement,
    { typ: 'doorsill-statement+jws', schema: Statement, audience: manifest.aud, keys: [key] },
    'intake_statement_invalid',
    'statement',
  );
  if (key === deviceKey) throw refuse("its key is the device's own, which would link its clips");
  const commitment = commitmentOf(saltBytes, papers.manifest, sha256);
  const home = actorId('home', sha256Hex(key));
  const due = Statement.parse(statementClaims(manifest, { key, home, grant: token.grant, commitment }));
  const [dueClaims, saidClaims] = [new Map(Object.entries(due)), new Map(Object.entries(statement))];
  for (const name of new Set([...dueClaims.keys(), ...saidClaims.keys()])) {
    if (JSON.stringify(saidClaims.get(name)) !== JSON.stringify(dueClaims.get(name)))
      throw refuse(`its ${name} does not follow from the manifest`);
  }
  return statement;
}
