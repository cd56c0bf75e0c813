// Owns: showing stored clips to the agency they were granted to, and to nobody else; every reading is logged first.
// Not here: how a clip came to be stored (intake/); reading the log out (access-audit/); the vault, which will take over.
import type { Clock } from '../../device/base/clock.ts';
import type { Disk } from '../../device/base/disk.ts';
import { ALL_CLIPS } from '../../device/protocol/agency.ts';
import type { AccessAction, AccessPart } from '../../device/protocol/custody.ts';
import { failure } from '../../device/protocol/errors.ts';
import type { AccessToken } from '../../device/protocol/manifest.ts';
import type { AgencyTokens } from '../agencies/agency-tokens.ts';
import type { Intake, IntakeStore } from '../intake/store.ts';
import type { AccessLog } from './access-log.ts';

export interface ClipsDeps {
  clock: Clock;
  disk: Disk;
  store: IntakeStore;
  tokens: AgencyTokens;
  log: AccessLog;
  clipPath: (clip: string) => string;
}

/** What the list says of a clip. */
export interface ClipEntry {
  clip: string;
  request: string;
  bytes: number;
  sha256: string;
}

/** A span of bytes to read. `end` is exclusive. */
export interface Span {
  start: number;
  end: number;
}

const LIST_MAX = 1_000;
const STEP_BYTES = 256 * 1024;

export class Clips {
  private readonly deps: ClipsDeps;
  /** Readings under way, by clip. */
  private readonly readings = new Map<string, Set<AbortController>>();

  constructor(deps: ClipsDeps) {
    this.deps = deps;
  }

  /**
   * Lets an agency read what is kept about all its own clips; the reading is in the log when this resolves. Returns the agency.
   * Throws `token_...`, `agency_...`, `clip_unknown`.
   */
  async seeAll(bearer: string, part: 'list' | 'audit'): Promise<string> {
    const access = await this.deps.tokens.readAccess(bearer);
    if (access.clip !== ALL_CLIPS) throw failure('clip_unknown');
    await this.note(access, part, 'view');
    return access.agency;
  }

  /** The caller's own clips, newest first. Throws `token_...`, `agency_...`, `clip_unknown`. */
  async list(bearer: string): Promise<ClipEntry[]> {
    const clips = await this.deps.store.storedClips(await this.seeAll(bearer, 'list'), LIST_MAX);
    return clips.map(({ clip, request, clipBytes, clipSha256 }) => ({
      clip,
      request,
      bytes: clipBytes,
      sha256: clipSha256,
    }));
  }

  /**
   * The clip if the caller may see it now; the reading is in the log when this resolves. Throws `clip_unknown` for a clip
   * of another agency just as for one that does not exist, `token_...`, `agency_...`.
   */
  async see(bearer: string, clip: string, part: AccessPart, action: AccessAction): Promise<Intake> {
    const access = await this.deps.tokens.readAccess(bearer);
    const stored = await this.deps.store.findClip(clip);
    const isTheirs = stored?.state === 'stored' && stored.agency === access.agency && access.clip === clip;
    if (!isTheirs) throw failure('clip_unknown');
    await this.note(access, part, action);
    // Asked again: the owner may have revoked while the reading was written down, and the manifest names the home.
    if ((await this.deps.store.findClip(clip))?.state !== 'stored') throw failure('clip_unknown');
    return stored;
  }

  /** The clip's bytes; ends with `clip_unknown` the moment the clip is revoked. */
  async *read(clip: string, span: Span): AsyncGenerator<Uint8Array> {
    const ended = new AbortController();
    const readings = this.readings.get(clip) ?? new Set();
    this.readings.set(clip, readings);
    readings.add(ended);
    try {
      const file = await this.deps.disk.open(this.deps.clipPath(clip), { create: false });
      try {
        // Asked again after this reading can be stopped: a revocation in between would have missed it.
        if ((await this.deps.store.findClip(clip))?.state !== 'stored') throw failure('clip_unknown');
        for (let at = span.start; at < span.end; at += STEP_BYTES) {
          const bytes = await file.read(at, Math.min(STEP_BYTES, span.end - at));
          ended.signal.throwIfAborted();
          yield bytes;
        }
      } finally {
        await file.close();
      }
    } finally {
      readings.delete(ended);
      if (readings.size === 0) this.readings.delete(clip);
    }
  }

  /** Ends every reading of a clip. */
  stopReading(clip: string): void {
    for (const reading of this.readings.get(clip) ?? []) reading.abort(failure('clip_unknown'));
  }

  private async note(access: AccessToken, part: AccessPart, action: AccessAction): Promise<void> {
    const { agency, clip, reason, jti } = access;
    const atUs = this.deps.clock.wallUs();
    await this.deps.log.add({ atUs, agency, clip, part, action, reason, token: jti });
  }
}

/** The span a `Range` header asks for (RFC 9110 §14.1.2); null for none, several, or one that cannot be had: all is sent. */
export function rangeOf(header: string | undefined, sizeBytes: number): Span | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? null : { start: sizeBytes - length, end: sizeBytes };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return start < end ? { start, end } : null;
}
