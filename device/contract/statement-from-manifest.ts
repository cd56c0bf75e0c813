// Derives the claims of a statement, the manifest for a clip's recipients, from the full manifest: the same facts without what names the
// home, times rounded to whole steps. Device, bridge and whoever settles a dispute derive the same claims.
import { type Manifest, STATEMENT_TIME_STEP_US, type Statement } from './manifest.ts';
import type { Window } from './shared-claims.ts';

/** The claims of a statement that the manifest does not give. */
interface StatementKey {
  /** The key that signs the statement. */
  key: string;
  /** The home's pseudonym, which is derived from `key`. */
  home: string;
  /** The grant's id. */
  grant: string;
  /** The salted hash of the full manifest. */
  commitment: string;
}

/** The claims of the one statement that follows from a full manifest. */
export function statementClaims(manifest: Manifest, { key, home, grant, commitment }: StatementKey): Statement {
  const { window } = manifest;
  return {
    iss: key,
    aud: manifest.aud,
    iat: Math.floor(window.endUs / 1_000_000),
    jti: manifest.jti,
    home,
    grant,
    request: manifest.request,
    clipSha256: manifest.clipSha256,
    clipBytes: manifest.clipBytes,
    window,
    frames: manifest.frames,
    coverage: coarseSpan(manifest.coverage, window),
    gaps: coarseSpans(manifest.gaps, window),
    audioPackets: manifest.audioPackets,
    method: manifest.method,
    encodedFrames: manifest.encodedFrames,
    redacted: manifest.redacted,
    disclosed: manifest.disclosed,
    ...(manifest.sealed ? { sealed: manifest.sealed } : {}),
    manifestCommitment: commitment,
  };
}

/** The smallest span of whole steps around `span`, but never beyond the window, whose times the statement does not round. */
function coarseSpan(span: Window, window: Window): Window {
  const step = STATEMENT_TIME_STEP_US;
  return {
    startUs: Math.max(window.startUs, Math.floor(span.startUs / step) * step),
    endUs: Math.min(window.endUs, Math.ceil(span.endUs / step) * step),
  };
}

/** The same for several spans in order; rounded spans that touch are merged. */
function coarseSpans(spans: readonly Window[], window: Window): Window[] {
  const coarse: Window[] = [];
  for (const span of spans) {
    const next = coarseSpan(span, window);
    const last = coarse.at(-1);
    if (last && next.startUs <= last.endUs) last.endUs = Math.max(last.endUs, next.endUs);
    else coarse.push(next);
  }
  return coarse;
}
