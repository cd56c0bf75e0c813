// Shows stored clips to those they were granted to and to nobody else; every access is logged first.

import type { Clock } from '@doorsill/base/clock';
import type { Span } from '@doorsill/base/http/byte-range';
import { ALL_CLIPS } from '@doorsill/contract/agency-calls';
import type { AccessAction, AccessPart } from '@doorsill/contract/custody';
import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import type { AccessToken } from '@doorsill/contract/manifest';
import { z } from 'zod';
import { pageOf, positionIn } from '../http/paging.ts';
import { type AssertShown, type ClipDownload, ClipDownloads, type OpenBytes } from '../http/revocable-downloads.ts';
import type { Intake, IntakeStore, Reader } from '../intake/intake-store.ts';
import { readVerdict, type VerdictStore } from '../intake/verdict-check.ts';
import type { AccessLog } from './access-log.ts';

export interface ClipsDeps {
  clock: Clock;
  store: Pick<IntakeStore, 'findClip' | 'storedClips'>;
  /** Verifies readers' tokens: officers of agencies, or pets' owners. */
  tokens: AccessReader;
  log: AccessLog;
  openClip: (intake: Intake) => Promise<OpenBytes>;
  /** Address of a handed-over clip in the vault, as this agency reaches it there. */
  evidenceUrl: (intake: Intake, agency: string) => string;
  /** The agency that a clip was granted to, across its keys. */
  organisationOf: (intake: Intake) => Promise<string>;
  verdicts: Pick<VerdictStore, 'add'>;
  bridgeId: string;
}

/** A reader's verified claims; `organisation`: the agency across its keys, whose clips they read. */
type Access = Pick<AccessToken, 'iss' | 'agency' | 'clip' | 'officer' | 'reason' | 'jti'> & Reader;

/** Verifies a reader's token. */
export interface AccessReader {
  readAccess(token: string): Promise<Access>;
  /** Throws once the reader of an accepted token may not read any more. The expiry of the short-lived token itself is no reason. */
  assertStanding(access: Access): Promise<void>;
}

/** A clip that its reader may see, and the check that is repeated during the download. */
export interface SeenClip {
  intake: Intake;
  /** Its address in the vault, once it was handed over. */
  evidence?: string;
  stillShown: AssertShown;
}

export interface ClipEntry {
  clip: string;
  request: string;
  bytes: number;
  sha256: string;
  /** It is encrypted, so that only its recipient can read it; bytes and hash are those of the encrypted file. */
  sealed?: true;
  /** Its address in the vault, once it was handed over. */
  evidence?: string;
}

const positionSchema = z.strictObject({ storedS: z.int(), clip: idSchema });

export class Clips {
  private readonly deps: ClipsDeps;
  private readonly downloads = new ClipDownloads();

  constructor(deps: ClipsDeps) {
    this.deps = deps;
  }

  /**
   * Lets an agency read what is kept about all its own clips; the access is logged when this resolves. Returns the reader.
   * Throws `token_...`, `agency_...`, `clip_unknown`.
   */
  async seeAll(bearer: string, part: 'list' | 'audit'): Promise<Reader> {
    const access = await this.deps.tokens.readAccess(bearer);
    if (access.clip !== ALL_CLIPS) throw failure('clip_unknown');
    await this.note(access, part, 'view');
    return { agency: access.agency, organisation: access.organisation };
  }

  /** A page of the caller's own clips, newest first. Throws `token_...`, `agency_...`, `clip_unknown`, `http_body_invalid`. */
  async list(
    bearer: string,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<{ clips: ClipEntry[]; next: string | null }> {
    const behind = positionIn(positionSchema, page.cursor);
    const reader = await this.seeAll(bearer, 'list');
    const found = await this.deps.store.storedClips(reader, behind, page.limit + 1);
    const { shown, next } = pageOf(found, page.limit, ({ clip, storedS }) => ({ storedS, clip }));
    const clips = shown.map((intake) => {
      const { clip, request, clipBytes: bytes, clipSha256: sha256 } = intake;
      const sealed = intake.isSealed ? { sealed: true as const } : {};
      return { clip, request, bytes, sha256, ...sealed, ...this.evidenceOf(intake, reader.agency) };
    });
    return { clips, next };
  }

  /**
   * The clip if the caller may see it now, and its address once it was handed over; the access is logged when this
   * resolves. Throws `clip_unknown` for a clip of another agency just as for one that does not exist, `token_...`, `agency_...`.
   */
  async see(bearer: string, clip: string, part: AccessPart, action: AccessAction): Promise<SeenClip> {
    const { tokens } = this.deps;
    const { access, stored } = await this.granted(bearer, clip);
    // For a clip in the vault only its address is returned; the bridge's own documents about it stay here.
    const isElsewhere = stored.state === 'handed-over' && part !== 'custody';
    await this.note(access, part, isElsewhere ? 'link' : action);
    // Checked again: the owner may have revoked while the access was being logged.
    const now = await this.deps.store.findClip(clip);
    if (!isShown(now)) throw failure('clip_unknown');
    const stillShown = async () => {
      if ((await this.deps.store.findClip(clip))?.state !== 'stored') throw failure('clip_unknown');
      await tokens.assertStanding(access);
    };
    return { intake: now, ...this.evidenceOf(now, access.agency), stillShown };
  }

  /**
   * Records what the caller found when they opened their encrypted clip; the same again changes nothing. `verdict`: signed with the key
   * that the clip was granted to, so that its home can verify it. Returns its leaf in the custody log. Throws as `see`, and `verdict_refused`.
   */
  async judge(bearer: string, clip: string, verdict: string): Promise<{ leaf: number }> {
    const { verdicts, bridgeId } = this.deps;
    const { access, stored } = await this.granted(bearer, clip);
    if (access.agency !== stored.agency)
      throw failure('verdict_refused', { detail: 'the clip was granted to another key of the agency' });
    const pinned = { key: access.iss, by: 'recipient', bridgeId } as const;
    const leaf = await verdicts.add(stored, readVerdict(verdict, stored, pinned, 'verdict_refused'));
    if (leaf === 'gone') throw failure('clip_unknown');
    if (leaf === 'too-many') throw failure('verdict_refused', { detail: 'no more verdicts of it are recorded' });
    return { leaf };
  }

  /** The caller, and the clip if it was granted to them and is not deleted. */
  private async granted(bearer: string, clip: string): Promise<{ access: Access; stored: Intake }> {
    const access = await this.deps.tokens.readAccess(bearer);
    const stored = await this.deps.store.findClip(clip);
    if (!isShown(stored) || access.clip !== clip) throw failure('clip_unknown');
    if ((await this.deps.organisationOf(stored)) !== access.organisation) throw failure('clip_unknown');
    return { access, stored };
  }

  private evidenceOf(intake: Intake, agency: string): { evidence?: string } {
    return intake.state === 'handed-over' ? { evidence: this.deps.evidenceUrl(intake, agency) } : {};
  }

  /** The clip's bytes, as long as `stillShown` resolves. */
  read({ intake, stillShown }: SeenClip, span: Span): ClipDownload {
    return this.downloads.read(intake.clip, () => this.deps.openClip(intake), span, stillShown);
  }

  /** Ends every running download of a clip, or of any, whose reader may not see it any more. */
  recheckReaders(clip?: string): Promise<void> {
    return this.downloads.recheck(clip);
  }

  private async note(access: Access, part: AccessPart, action: AccessAction): Promise<void> {
    const { agency, clip, officer, reason, jti } = access;
    const atUs = this.deps.clock.wallUs();
    await this.deps.log.add({ atUs, agency, clip, part, action, officer, reason, token: jti });
  }
}

function isShown(intake: Intake | null): intake is Intake {
  return intake?.state === 'stored' || intake?.state === 'handed-over';
}
