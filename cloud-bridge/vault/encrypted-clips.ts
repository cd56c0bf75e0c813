// What the vault does with clips that were encrypted to one of its keys: it checks each one when it arrives, before it is evidence, and
// decrypts it while it is read.

import type { SealingKeyPair } from '@doorsill/base/hpke';
import type { Span } from '@doorsill/base/http/byte-range';
import { sha256, sha256Stream } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { readSealedFile, type SealedFile, sealedSpan } from '@doorsill/base/sealed-file';
import { openContentKey } from '@doorsill/base/sealing-keys';
import { TaskQueue } from '@doorsill/base/task-queue';
import { assert } from '@doorsill/contract/assert';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { STATEMENT_TIME_STEP_US, type Statement } from '@doorsill/contract/manifest';
import { checkDecrypted, clipIn, type DecryptedFile } from '@doorsill/contract/media/check-decrypted';
import {
  readContents,
  SEALED_CONTENTS_BYTES,
  type SealedContents,
  type VerdictOutcome,
} from '@doorsill/contract/sealing';
import type { Zone } from '@doorsill/contract/shared-claims';
import { outcomeOf, unopened } from '@doorsill/contract/verdict';
import type { OpenBytes } from '../http/revocable-downloads.ts';
import type { Blobs } from './evidence-blobs.ts';
import { clipOfItem, type ItemClip, type SealedStatement } from './item-clip.ts';
import type { VaultSealingKeys } from './vault-sealing-keys.ts';
import type { Item } from './vault-store.ts';

/**
 * Decodes every frame of a clip and looks at its zones. Throws `verify_failed` when a frame does not decode or a zone is not black; every
 * other failure is the machine's, and says nothing about the clip.
 */
export type CheckZones = (
  clip: DecryptedFile,
  due: { frames: number; audioPackets: number; zones: readonly Zone[] },
  signal: AbortSignal,
) => Promise<void>;

export interface EncryptedClipsDeps {
  log: Log;
  keys: VaultSealingKeys;
  blobs: Pick<Blobs, 'open'>;
  /** Null: the vault has no ffmpeg. Clips with zones then stay at the bridge. */
  checkZones: CheckZones | null;
}

export class EncryptedClips {
  private readonly deps: EncryptedClipsDeps;
  /** One clip is decoded at a time: decoding takes all processors. */
  private readonly decoding = new TaskQueue();
  /** Items whose zones are being checked, or wait for it. */
  private readonly checked = new Set<string>();
  private readonly stopping = new AbortController();

  constructor(deps: EncryptedClipsDeps) {
    this.deps = deps;
  }

  /** Breaks off checks of zones; the bridge sends those clips again. */
  stop(): void {
    this.stopping.abort(failure('vault_unreachable', { detail: 'it is stopping' }));
  }

  /** Throws `vault_unreachable` for a clip that cannot be judged now, before its bytes are sent. */
  async assertCanJudge(statement: Statement, item: string): Promise<void> {
    const { keys, checkZones, log } = this.deps;
    if (!statement.sealed || !statement.redacted || !(await keys.find(statement.sealed.recipientKey))) return;
    if (!checkZones) {
      log.warn('a clip with blacked-out zones stays at the bridge: this vault has no ffmpeg to check them with', {
        item,
      });
      throw failure('vault_unreachable', {
        detail: 'it has no ffmpeg to check the blacked-out zones of this clip with',
      });
    }
    if (this.checked.has(item)) throw failure('vault_unreachable', { detail: 'it is still checking this clip' });
  }

  /**
   * Decrypts a clip that has arrived and compares it with its statement; null for a clip that was not encrypted to this vault. Throws what
   * says nothing about the clip, such as a failing disk. Call `assertCanJudge` first.
   */
  async judge(statement: Statement, item: string, stored: () => Promise<OpenBytes>): Promise<VerdictOutcome | null> {
    const { keys, log } = this.deps;
    const { sealed } = statement;
    const pair = sealed && (await keys.find(sealed.recipientKey));
    if (!pair) return null;
    const bytes = await stored();
    try {
      await this.check({ ...statement, sealed }, item, bytes, pair);
      return 'as-granted';
    } catch (thrown) {
      const outcome = outcomeOf(thrown);
      if (!outcome || !isFailure(thrown)) throw thrown;
      const detail = String(thrown.facts['detail']);
      log.warn('an encrypted clip is not what its statement says; nothing of it is shown', { item, outcome, detail });
      return outcome;
    } finally {
      await bytes.close();
    }
  }

  /**
   * Opens a span of what a reader of the item's clip gets: decrypted where the vault has its key and found it as granted, otherwise as
   * stored. Throws `evidence_unopened` for a clip that was refused.
   */
  async open(item: Item, span: Span): Promise<OpenBytes> {
    const { decrypting } = readableClip(item);
    if (!decrypting) return this.deps.blobs.open(item, span);
    const file = await this.decrypted(item, decrypting, {
      start: SEALED_CONTENTS_BYTES + span.start,
      end: SEALED_CONTENTS_BYTES + span.end,
    });
    return { read: (at, length) => file.read(SEALED_CONTENTS_BYTES + at, length), close: () => file.close() };
  }

  /** The facts and zones in front of an item's clip, where the vault can decrypt them; else null. Throws as `open`. */
  async contents(item: Item): Promise<SealedContents | null> {
    const { decrypting } = readableClip(item);
    if (!decrypting) return null;
    const file = await this.decrypted(item, decrypting, { start: 0, end: SEALED_CONTENTS_BYTES });
    try {
      return readContents(await file.read(0, SEALED_CONTENTS_BYTES));
    } finally {
      await file.close();
    }
  }

  /** The decrypted file of an item, of which `span` will be read. */
  private async decrypted(item: Item, statement: SealedStatement, span: Span): Promise<SealedFile> {
    const { keys, blobs } = this.deps;
    const pair = await keys.find(statement.sealed.recipientKey);
    if (!pair) throw failure('state_damaged', { file: keys.path, detail: `it lacks the key of ${item.item}` });
    const { start, end } = sealedSpan(span);
    const bytes = await blobs.open(item, { start, end: Math.min(end, item.clipBytes) });
    try {
      return await decrypt(statement, bytes, pair);
    } catch (thrown) {
      await bytes.close();
      throw thrown;
    }
  }

  private async check(statement: SealedStatement, item: string, bytes: OpenBytes, pair: SealingKeyPair): Promise<void> {
    // A file that does not open was made so by its home: its bytes have the hash that the home has signed.
    const file = await decrypt(statement, bytes, pair, (detail) => unopened('file', detail));
    const { zones } = await checkDecrypted(file, statement, STATEMENT_TIME_STEP_US, { sha256, sha256Stream });
    if (zones.length > 0) await this.lookAtZones(clipIn(file), { ...statement, zones }, item);
  }

  private async lookAtZones(clip: DecryptedFile, due: Statement & { zones: readonly Zone[] }, item: string) {
    const { checkZones } = this.deps;
    assert(checkZones !== null, 'assertCanJudge refused it');
    const { frames, audioPackets, zones } = due;
    const { signal } = this.stopping;
    this.checked.add(item);
    try {
      await this.decoding.run(async () => {
        signal.throwIfAborted();
        await checkZones(clip, { frames, audioPackets, zones }, signal);
      });
    } catch (thrown) {
      if (!isFailure(thrown) || thrown.code !== 'verify_failed') throw thrown;
      throw unopened('zones', String(thrown.facts['detail']));
    } finally {
      this.checked.delete(item);
    }
  }
}

/** What a reader of an item's clip gets. Throws `evidence_unopened` for a clip that the vault's verdict refuses. */
export function readableClip(item: Item): ItemClip {
  const clip = clipOfItem(item);
  if (clip.readableBy === 'nobody') throw failure('evidence_unopened', { outcome: clip.outcome ?? 'unknown' });
  return clip;
}

/** Throws `clip_unopened`; `damaged`, by default `state_damaged`, for a file that does not open. */
function decrypt(
  statement: SealedStatement,
  bytes: OpenBytes,
  pair: SealingKeyPair,
  damaged?: (detail: string) => Failure,
): Promise<SealedFile> {
  const secret = openContentKey(pair, statement);
  if (!secret) throw unopened('key', 'its content key does not open');
  const key = { cipher: 'aes-256-gcm', secret } as const;
  return readSealedFile(bytes, { path: 'the encrypted clip', key, id: statement.grant }, statement.clipBytes, damaged);
}
