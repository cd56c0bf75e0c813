// Opens an encrypted clip with its recipient's private key, checks all that its statement says, and signs the recipient's verdict. Nothing of
// the clip is given to the caller before every check has passed.
import { wallSeconds } from '@doorsill/base/clock';
import type { SealingKeyPair } from '@doorsill/base/hpke';
import { sha256Hex } from '@doorsill/base/keys';
import { freshId } from '@doorsill/base/random';
import { keyAmong, openContentKey } from '@doorsill/base/sealing-keys';
import { toBase64url } from '@doorsill/contract/bytes';
import { parseToken, signToken } from '@doorsill/contract/jws';
import { Statement } from '@doorsill/contract/manifest';
import type { DecryptedFile } from '@doorsill/contract/media/check-decrypted';
import type { OwnersContentKey, SealedClip, SealedContents, VerdictOutcome } from '@doorsill/contract/sealing';
import { outcomeOf, unopened, Verdict } from '@doorsill/contract/verdict';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { type EncryptedFile, openWithContentKey, partsOf } from '@doorsill/device/clip/open-with-content-key';
import { verifyClip } from '@doorsill/device/clip/verify-clip';
import { verifyZones } from '@doorsill/device/clip/verify-zones';
import { failure, isFailure } from '../errors.ts';
import type { OfficerDeps, VerdictReport } from './agency-client.ts';

/** The recipient of a clip. */
export interface ClipRecipient {
  keys: readonly SealingKeyPair[];
  /** Tells the clip's bridge, which tells its home. */
  report: VerdictReport;
}

/** A clip of which everything that its statement says has been checked. */
export interface OpenedClip {
  statement: Statement & { sealed: SealedClip };
  /** The disclosed facts, and the zones, which are black in every frame. */
  contents: Pick<SealedContents, 'disclosed' | 'zones'>;
  /** The clip itself. It is read from the encrypted file, which has to stay open. */
  clip: DecryptedFile;
  /** Whether the bridge has recorded that the clip is as granted. */
  isReported: boolean;
}

/** The claims of a statement whose signature is not verified yet. Throws `verify_failed` for another document. */
export function peekStatement(token: string): Statement {
  const read = Statement.safeParse(parseToken(token)?.claims);
  if (!read.success) throw failure('verify_failed', { detail: 'it is not the statement of a clip' });
  return read.data;
}

/**
 * Opens the encrypted clip that a statement names, and reports the verdict to its bridge. Throws `clip_unopened` with the first check that
 * failed, which is reported; and unreported, where nothing is known about the clip: `verify_failed` for a statement that does not verify, or
 * is for another file; `clip_unopened` without its private key; `ffmpeg_missing` for a clip with zones; the failures of disk and machine.
 */
export async function openSealedClip(
  deps: Pick<OfficerDeps, 'clock' | 'random'>,
  file: EncryptedFile,
  token: string,
  recipient: ClipRecipient,
): Promise<OpenedClip> {
  const stated = peekStatement(token);
  const { sealed } = stated;
  if (!sealed) throw failure('verify_failed', { detail: 'its statement says that the clip is not encrypted' });
  const statement = { ...stated, sealed };
  const found: Omit<OpenedClip, 'isReported'>[] = [];
  /** A bridge that cannot be told is no reason to keep a clip from its recipient. */
  const report = (outcome: VerdictOutcome) =>
    recipient.report.send(stated.jti, signVerdict(deps, token, statement, recipient.report, outcome)).then(
      () => true,
      () => false,
    );
  /** The clip's bytes. Statement and signature have been verified when the first one is asked for. */
  async function* checkedBytes(): AsyncGenerator<Uint8Array> {
    const clip = await openChecked(deps, file, statement, recipient.keys);
    found.push(clip);
    yield* partsOf(clip.clip);
  }
  try {
    await verifyClip(checkedBytes(), token);
  } catch (thrown) {
    const outcome = outcomeOf(thrown);
    const isOfTheClip = outcome !== null && keyAmong(recipient.keys, sealed.recipientKey) !== null;
    if (isOfTheClip) await report(outcome);
    throw thrown;
  }
  const [clip] = found;
  if (!clip) throw failure('verify_failed', { detail: 'the clip was not read' });
  return { ...clip, isReported: await report('as-granted') };
}

/** Decrypts the file of a verified statement, and makes every check but those of `verifyClip`. Throws `clip_unopened`, `ffmpeg_missing`. */
async function openChecked(
  { clock }: Pick<OfficerDeps, 'clock'>,
  file: EncryptedFile,
  statement: OpenedClip['statement'],
  keys: readonly SealingKeyPair[],
): Promise<Omit<OpenedClip, 'isReported'>> {
  const { clip, contents } = await openWithContentKey(file, statement, contentKeyOf(statement, keys));
  const { disclosed, zones } = contents;
  if (zones.length > 0) await checkZones(clip, { ...statement, zones }, clock);
  return { statement, contents: { disclosed, zones }, clip };
}

/** The content key of the clip that a statement is about, by one of its recipient's keys. Throws `clip_unopened`. */
export function contentKeyOf(
  { home, grant, clipSha256, sealed }: OpenedClip['statement'],
  keys: readonly SealingKeyPair[],
): OwnersContentKey {
  const pair = keyAmong(keys, sealed.recipientKey);
  if (!pair) throw unopened('key', `the private key of ${sealed.recipientKey} is not there`);
  const secret = openContentKey(pair, { home, sealed });
  if (!secret) throw unopened('key', 'its content key does not open');
  return { grant, clipSha256, contentKey: toBase64url(secret) };
}

async function checkZones(
  clip: DecryptedFile,
  due: Parameters<typeof verifyZones>[1],
  clock: OfficerDeps['clock'],
): Promise<void> {
  const ffmpeg = await findFfmpeg().catch((thrown: unknown) => {
    if (!isFailure(thrown) || thrown.code !== 'ffmpeg_missing') throw thrown;
    const detail = `${String(thrown.facts['detail'])}. Nothing of this clip is shown before its blacked out zones are checked`;
    throw failure('ffmpeg_missing', { detail }, thrown);
  });
  try {
    await verifyZones(clip, due, { ffmpeg, clock });
  } catch (thrown) {
    if (!isFailure(thrown) || thrown.code !== 'verify_failed') throw thrown;
    throw unopened('zones', String(thrown.facts['detail'] ?? thrown.message));
  }
}

function signVerdict(
  { clock, random }: Pick<OfficerDeps, 'clock' | 'random'>,
  token: string,
  { jti: clip, grant, clipSha256 }: Statement,
  { key, bridge }: VerdictReport,
  outcome: VerdictOutcome,
): string {
  const claims = Verdict.parse({
    iss: key.publicKey,
    aud: bridge,
    iat: wallSeconds(clock),
    jti: freshId(random, 'verdict'),
    grant,
    clip,
    clipSha256,
    statementSha256: sha256Hex(token),
    outcome,
  });
  return signToken('doorsill-verdict+jws', claims, key);
}
