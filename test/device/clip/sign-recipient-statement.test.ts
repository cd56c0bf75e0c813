// The device's documents for a clip's recipient: a statement under a key of one grant, without facts about device and owner, with times in
// steps, and with a commitment to the full manifest that only the certificate opens.
import { expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { sha256, sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { buildManifest, disclose } from '../../../device/clip/disclosure.ts';
import { makeStatement } from '../../../device/clip/sign-recipient-statement.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { mintLiveGrant } from '../../../device/consent/live-grant.ts';
import { fromBase64url } from '../../../device/contract/bytes.ts';
import { commitmentOf } from '../../../device/contract/commitment.ts';
import { actorId } from '../../../device/contract/ids.ts';
import { openToken, signToken } from '../../../device/contract/jws.ts';
import { Certificate, HomeRecall, Statement } from '../../../device/contract/manifest.ts';
import { Grant } from '../../../device/contract/owner-orders.ts';
import { Request } from '../../../device/contract/request.ts';
import { Cast, claimsOf } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';

const random = new SystemRandom();
const SECOND_US = 1_000_000;

/** A live grant that discloses nothing, and all its signers. */
function granted() {
  const clock = new SystemClock();
  const cast = new Cast(clock);
  const requestToken = cast.request();
  const grantToken = cast.grant(requestToken, { disclose: [], audio: false });
  const facts = {
    grant: Grant.parse(claimsOf(grantToken)),
    grantToken,
    request: Request.parse(claimsOf(requestToken)),
    requestToken,
    pairingToken: cast.pairing(),
  };
  return { cast, ...mintLiveGrant(facts, { clock, held: () => null }) };
}

function made(changes: { coverage?: [number, number]; gaps?: [number, number][] } = {}) {
  const { live, cast } = granted();
  const { device } = cast;
  const { window } = live.facts.grant;
  const at = ([startUs, endUs]: [number, number]) => ({
    startUs: window.startUs + startUs,
    endUs: window.startUs + endUs,
  });
  // Two seconds of 15 frames.
  const clip = plainMp4({ frames: 30, audioPackets: 0 });
  const [fromUs, toUs] = [123_457, 2_123_457];
  const manifest = signToken(
    'doorsill-manifest+jws',
    buildManifest(live, {
      clipId: 'clip-1',
      clip: {
        sizeBytes: clip.length,
        frames: 30,
        audioPackets: 0,
        method: 'smart-cut',
        encodedFrames: 3,
        redacted: false,
        coverage: at(changes.coverage ?? [fromUs, toUs]),
        gaps: (changes.gaps ?? [[toUs, window.endUs - window.startUs]]).map(at),
      },
      clipSha256: sha256Hex(clip),
      disclosed: disclose(live, {}),
      device: { id: device.id, publicKey: device.key.publicKey },
      iat: cast.nowS(),
    }),
    device.key,
  );
  return { live, cast, window, manifest, clip, papers: makeStatement(live, manifest, { device, random }) };
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}

it('signs a statement without device, owner, grant token or time of signing', () => {
  const { live, cast, window, manifest, papers } = made();
  const statement = Statement.parse(claimsOf(papers.statement));
  const text = JSON.stringify(statement);
  const { device, owner } = cast;
  for (const secret of [device.id, device.key.publicKey, owner.id, owner.key.publicKey, live.facts.grantToken])
    expect(text).not.toContain(secret);
  expect(statement).toMatchObject({
    grant: live.id,
    jti: 'clip-1',
    window,
    iat: Math.floor(window.endUs / SECOND_US),
    disclosed: {},
    home: actorId('home', sha256Hex(statement.iss)),
    aud: claimsOf(manifest)['aud'],
  });
});

it('certifies it to the bridge only, and the certificate opens its commitment', () => {
  const { live, cast, manifest, papers } = made();
  const expected = { verify: verifySignature, audience: live.facts.request.aud, keys: [cast.device.key.publicKey] };
  const opened = openToken(papers.certificate, {
    ...expected,
    typ: 'doorsill-certificate+jws',
    schema: Certificate,
  });
  if (!opened.ok) throw new Error(opened.fault);
  const { salt, key, statementSha256, manifestSha256 } = opened.claims;
  const statement = Statement.parse(claimsOf(papers.statement));
  expect([key, statementSha256, manifestSha256]).toEqual([
    statement.iss,
    sha256Hex(papers.statement),
    sha256Hex(manifest),
  ]);
  expect(commitmentOf(fromBase64url(salt) ?? new Uint8Array(), manifest, sha256)).toBe(statement.manifestCommitment);
  expect(statement.manifestCommitment).not.toBe(sha256Hex(manifest));
});

it('signs the recall under the statement’s own key, about this statement', () => {
  const { papers } = made();
  const statement = Statement.parse(claimsOf(papers.statement));
  const opened = openToken(papers.homeRecall, {
    typ: 'doorsill-home-recall+jws',
    schema: HomeRecall,
    audience: statement.aud,
    keys: [statement.iss],
    verify: verifySignature,
  });
  expect(opened).toMatchObject({
    ok: true,
    claims: {
      home: statement.home,
      grant: statement.grant,
      clip: 'clip-1',
      statementSha256: sha256Hex(papers.statement),
    },
  });
});

it('makes another key each time, also for the same clip', () => {
  const { live, cast, manifest, papers } = made();
  const again = makeStatement(live, manifest, { device: cast.device, random });
  const [one, other] = [papers, again].map(({ statement }) => Statement.parse(claimsOf(statement)));
  expect(one?.iss).not.toBe(other?.iss);
  expect(one?.manifestCommitment).not.toBe(other?.manifestCommitment);
});

it('states coverage and gaps in tenths of a second, rounded outwards, never beyond the window', () => {
  const { window, papers } = made({
    coverage: [1, 4_999_999],
    gaps: [
      [1_050_001, 1_060_000],
      [1_110_000, 1_190_000],
      [3_000_000, 3_000_001],
    ],
  });
  const { coverage, gaps } = Statement.parse(claimsOf(papers.statement));
  const step = (us: number) => us % 100_000 === 0;
  for (const { startUs, endUs } of [coverage, ...gaps]) {
    expect(step(startUs) || startUs === window.startUs).toBe(true);
    expect(step(endUs) || endUs === window.endUs).toBe(true);
    expect(startUs).toBeGreaterThanOrEqual(window.startUs);
    expect(endUs).toBeLessThanOrEqual(window.endUs);
  }
  // The first two touch after rounding and are stated as one.
  expect(gaps.length).toBe(2);
});

it('is refused for a dead grant', () => {
  const { live, end, cast } = granted();
  end('revoked');
  expect(() => makeStatement(live, 'none', { device: cast.device, random })).toThrow(
    expect.objectContaining({ code: 'grant_dead' }),
  );
});

it('verifies offline alone, and with documents disclosed in a dispute, and not if any part belongs to another clip', async () => {
  const { cast, manifest, clip, papers } = made();
  const other = made();
  const opened = (parts: object = {}) => JSON.stringify({ manifest, certificate: papers.certificate, ...parts });
  const verify = (token: string, expected: object = {}, bytes = clip) =>
    verifyClip(once(bytes), token, expected).then(
      ({ chain }) => chain,
      (thrown: { facts?: { detail?: string } }) => thrown.facts?.detail,
    );
  expect(await verify(papers.statement)).toBe('statement');
  expect(await verify(manifest, { device: cast.device.id })).toBe('manifest');
  expect(await verify(papers.statement, { opened: opened(), device: cast.device.id })).toBe('statement and manifest');
  const again = cast.statement(manifest, String(claimsOf(papers.statement)['grant']));
  const finer = cast.statement(manifest, String(claimsOf(papers.statement)['grant']), { statement: { frames: 29 } });
  expect([
    await verify(papers.statement, {}, new Uint8Array(clip.length)),
    await verify(papers.statement, { device: cast.device.id }),
    await verify(manifest, { opened: opened() }),
    await verify(papers.statement, { opened: '{}' }),
    await verify(papers.statement, { opened: JSON.stringify({ manifest }) }),
    await verify(papers.statement, { opened: opened({ certificate: other.papers.certificate }) }),
    await verify(papers.statement, { opened: opened({ certificate: again.certificate }) }),
    await verify(papers.statement, {
      opened: opened({ manifest: other.manifest, certificate: other.papers.certificate }),
    }),
    await verify(finer.statement, { opened: opened({ certificate: finer.certificate }) }),
    await verify(papers.statement, { opened: opened(), device: 'device-other' }),
  ]).toEqual([
    'the clip is not the one its manifest names',
    'a statement names no device: only the full manifest does, which its bridge can disclose',
    'documents disclosed in a dispute belong to a statement, and this is the full manifest',
    'the disclosed documents hold no certificate',
    'the disclosed documents hold no certificate',
    'the certificate is of another device than the manifest',
    'the certificate is for another statement',
    'the certificate is for another statement',
    'statement and manifest differ about the clip',
    'the manifest is of another device',
  ]);
});
