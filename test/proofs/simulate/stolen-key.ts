// An attacker at the bridge with the key of a home's doorbell, without footage: forged papers and bytes that a bridge must refuse, each for
// a different reason.

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { generateSigningKey, type SigningKey, sha256, sha256Hex } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { toBase64url } from '@doorsill/contract/bytes';
import { commitmentOf, SALT_BYTES } from '@doorsill/contract/commitment';
import { signToken } from '@doorsill/contract/jws';
import type { Manifest } from '@doorsill/contract/manifest';
import type { Grant } from '@doorsill/contract/owner-orders';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { statementClaims } from '@doorsill/contract/statement-from-manifest';
import { makeRevoke, type Signer } from '@doorsill/device/owner/sign-owner-messages';
import { failure } from 'doorsill/errors';
import { FORGERIES, type ForgedClip, forgeClip, freshStatementKey } from './forged-clip.ts';
import { grantOf, type SignedGrant } from './owner-mistakes.ts';
import type { SealedAsk } from './simulated-agencies.ts';

const CLIP_BYTES = 2_048;
const TOKEN_LIFE_S = 600;
const TOO_LONG_S = 3 * 24 * 3_600;

const ZONES = [{ left: 0, top: 0, width: 5_000, height: 5_000 }];

type Facts = Pick<Manifest, 'frames' | 'coverage' | 'gaps' | 'method' | 'encodedFrames' | 'redacted'>;
type Lie = (window: Manifest['window']) => Partial<Facts>;
/** Claims that no clip can have. */
const LIES: readonly [string, Lie][] = [
  ['more frames than its window holds', () => ({ frames: 1_000_000 })],
  ['a copy of which frames were encoded', () => ({ encodedFrames: 1 })],
  ['more frames than it covers', ({ startUs }) => ({ frames: 2, coverage: { startUs, endUs: startUs + 1 } })],
  ['a gap over all of it', (window) => ({ gaps: [window] })],
];

export interface StolenKey {
  readonly key: SigningKey;
  readonly device: string;
  readonly bridge: { readonly id: string; readonly url: string };
  /** An open request, as signed by its agency. */
  readonly request: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Called with each upload that the bridge has begun for it. */
  readonly begun: (upload: string) => void;
  /** An open request about encrypted clips, if any. */
  readonly sealed: SealedAsk | null;
  /** Called with each encrypted clip that it sends. */
  readonly forged: (clip: string) => void;
}

/** The body that opens an intake, and the claims of its token. */
interface Papers {
  /** The clip's id. */
  readonly id: string;
  readonly grant: SignedGrant;
  readonly pairing: string;
  readonly clip: Uint8Array<ArrayBuffer>;
  readonly manifest: string;
  readonly statement: string;
  readonly certificate: string;
}

interface Answer {
  readonly isTaken: boolean;
  readonly location: string;
}

/** Tries all of it. Returns what the bridge accepted wrongly. Throws `unreachable`. */
export async function useStolenKey(stolen: StolenKey): Promise<string[]> {
  const thief = new Thief(stolen);
  const taken: string[] = [];
  await thief.sendForged();
  const mustRefuse = async (what: string, asked: Promise<Answer>) => {
    if ((await asked).isTaken) taken.push(what);
  };
  const [good, other, revoked] = [thief.papers(), thief.papers(), thief.papers()];
  await mustRefuse('a token that lives too long', thief.open(good, TOO_LONG_S));
  await mustRefuse('a manifest that its token does not name', thief.open({ ...good, manifest: other.manifest }, null));
  await mustRefuse('a grant of an owner who is vouched for by nobody', thief.open(thief.papers({ isVouched: false })));
  await mustRefuse('the statement of another clip', thief.open({ ...good, statement: other.statement }));
  for (const [what, lie] of LIES) await mustRefuse(what, thief.open(thief.papers({ lie })));
  const redacted = thief.papers({ grant: thief.grant(ZONES), lie: () => ({ redacted: true }) });
  await mustRefuse('a copy with its zones blacked out', thief.open(redacted));
  await thief.revoke(revoked);
  await mustRefuse('a clip that was taken back', thief.open(revoked));
  // A former agency is not served, so there is nothing to send.
  if (!(await thief.open(good)).isTaken) return taken;
  await mustRefuse('a second clip of one grant', thief.open(thief.papers({ grant: good.grant })));
  await mustRefuse('a clip of another length', thief.create(good, 1));
  const { location } = await thief.create(good);
  stolen.begun(uploadAt(location));
  await mustRefuse('bytes at another place', thief.send(good, location, { at: 1 }));
  await mustRefuse('other bytes', thief.send(good, location, { at: 0, bytes: other.clip }));
  const again = await thief.create(good);
  await mustRefuse('a clip that is no video', thief.send(good, again.location, { at: 0 }));
  return taken;
}

function uploadAt(location: string): string {
  return location.slice(location.lastIndexOf('/') + 1);
}

class Thief {
  private readonly stolen: StolenKey;
  private readonly owner: Signer;

  constructor(stolen: StolenKey) {
    const { clock, random } = stolen;
    this.stolen = stolen;
    this.owner = { key: generateSigningKey(random), clock, random };
  }

  /** Papers of an invented clip. `isVouched`: whether the stolen key vouches for the granting owner. */
  papers({
    grant = this.grant(),
    isVouched = true,
    lie = () => ({}),
    forged = null,
  }: {
    grant?: SignedGrant;
    isVouched?: boolean;
    lie?: Lie;
    forged?: ForgedClip | null;
  } = {}): Papers {
    const { key, device, random, clock } = this.stolen;
    const clip = forged?.file ?? new Uint8Array(random.bytes(CLIP_BYTES));
    const voucher = isVouched ? key : this.owner.key;
    const vouched = { iss: voucher.publicKey, aud: PUBLIC_AUDIENCE, iat: wallSeconds(clock), device };
    const pairing = signToken('doorsill-pairing+jws', { ...vouched, key: this.owner.key.publicKey }, voucher);
    const claims = {
      ...this.manifestOf(grant, pairing, clip),
      ...lie(grant.request.window),
      ...(forged ? { sealed: forged.claims } : {}),
    };
    const manifest = signToken('doorsill-manifest+jws', claims, key);
    return {
      id: claims.jti,
      grant,
      pairing,
      clip,
      manifest,
      ...this.statementOf(claims, manifest, grant.jti, forged?.signer),
    };
  }

  /** Posts papers. `lifeS`: the token's lifetime; null: the token names another manifest. */
  open(papers: Papers, lifeS: number | null = TOKEN_LIFE_S): Promise<Answer> {
    const { manifest, statement, certificate } = papers;
    const named = lifeS === null ? sha256Hex('') : sha256Hex(manifest);
    return this.ask('POST', '/v1/intakes', {
      ...{ bearer: this.bearer(papers, lifeS ?? TOKEN_LIFE_S, named), type: 'application/json' },
      body: JSON.stringify({ manifest, statement, certificate }),
    });
  }

  async revoke({ grant, pairing }: Papers): Promise<void> {
    const named = { request: grant.request.jti, grant: grant.jti, grantSha256: sha256Hex(grant.token) };
    const { token: revocation } = makeRevoke(this.owner, this.stolen.device, named);
    const body = JSON.stringify({ revocation, pairing });
    await this.ask('POST', `/v1/intakes/${grant.jti}/revocation`, { type: 'application/json', body });
  }

  /** Sends encrypted clips that are not what they say they are. The bridge cannot know. */
  async sendForged(): Promise<void> {
    const { sealed, device, forged, begun, clock, random } = this.stolen;
    if (!sealed) return;
    const { request, sealing } = sealed;
    for (const forgery of FORGERIES) {
      const grant = grantOf(this.owner, device, request, { sealing });
      const papers = this.papers({ grant, forged: await forgeClip(forgery, grant, sealing, { clock, random }) });
      if (!(await this.open(papers)).isTaken) continue;
      const { location } = await this.create(papers);
      begun(uploadAt(location));
      forged(papers.id);
      await this.send(papers, location, { at: 0 });
    }
  }

  /** Begins an upload of `moreBytes` more than the papers name. */
  create(papers: Papers, moreBytes = 0): Promise<Answer> {
    const headers = { 'tus-resumable': '1.0.0', 'upload-length': String(papers.clip.length + moreBytes) };
    return this.ask('POST', '/v1/uploads', { bearer: this.bearer(papers), headers });
  }

  send(
    papers: Papers,
    location: string,
    { at, bytes = papers.clip }: { at: number; bytes?: Papers['clip'] },
  ): Promise<Answer> {
    const headers = { 'tus-resumable': '1.0.0', 'upload-offset': String(at) };
    const type = 'application/offset+octet-stream';
    return this.ask('PATCH', location, { bearer: this.bearer(papers), headers, type, body: bytes.slice(at) });
  }

  grant(zones: Grant['zones'] = []): SignedGrant {
    return grantOf(this.owner, this.stolen.device, this.stolen.request, { zones });
  }

  private manifestOf({ token, request }: SignedGrant, pairing: string, clip: Uint8Array): Manifest {
    const { key, device, random, clock } = this.stolen;
    const { window } = request;
    return {
      ...{ iss: key.publicKey, aud: request.agency, iat: wallSeconds(clock), jti: freshId(random, 'clip'), device },
      ...{ grant: token, pairing, request: request.jti, clipSha256: sha256Hex(clip), clipBytes: clip.length, window },
      ...{ frames: 1, coverage: window, gaps: [], audioPackets: 0, method: 'copy', encodedFrames: 0, redacted: false },
      disclosed: {},
    };
  }

  private statementOf(
    manifest: Manifest,
    token: string,
    grant: string,
    { key, home } = freshStatementKey(this.stolen.random),
  ) {
    const { key: stolen, device, bridge, random } = this.stolen;
    const salt = random.bytes(SALT_BYTES);
    const under = { key: key.publicKey, home, grant };
    const claims = statementClaims(manifest, { ...under, commitment: commitmentOf(salt, token, sha256) });
    const statement = signToken('doorsill-statement+jws', claims, key);
    const certificate = {
      ...{ iss: stolen.publicKey, aud: bridge.id, iat: manifest.iat, jti: freshId(random, 'certificate'), device },
      ...{ grant, clip: manifest.jti, statementSha256: sha256Hex(statement), key: key.publicKey },
      ...{ manifestSha256: sha256Hex(token), salt: toBase64url(salt) },
    };
    return { statement, certificate: signToken('doorsill-certificate+jws', certificate, stolen) };
  }

  private bearer(
    { grant, clip, manifest }: Papers,
    lifeS = TOKEN_LIFE_S,
    manifestSha256 = sha256Hex(manifest),
  ): string {
    const { key, device, bridge, clock, random } = this.stolen;
    const iat = wallSeconds(clock);
    const claims = {
      ...{ iss: key.publicKey, aud: bridge.id, iat, exp: iat + lifeS, jti: freshId(random, 'upload'), device },
      ...{ grant: grant.jti, clipSha256: sha256Hex(clip), clipBytes: clip.length, manifestSha256 },
    };
    return signToken('doorsill-upload+jws', claims, key);
  }

  private async ask(
    method: string,
    path: string,
    asked: {
      bearer?: string;
      type?: string;
      headers?: Record<string, string>;
      body?: string | Uint8Array<ArrayBuffer>;
    },
  ): Promise<Answer> {
    const { url } = this.stolen.bridge;
    const { bearer, type, headers, body } = asked;
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...headers,
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
          ...(type === undefined ? {} : { 'content-type': type }),
        },
        ...(body === undefined ? {} : { body }),
      });
      await response.text();
      return { isTaken: response.ok, location: response.headers.get('location') ?? '' };
    } catch (thrown) {
      throw failure('unreachable', { what: 'the bridge', where: url, detail: String(thrown) }, thrown);
    }
  }
}
