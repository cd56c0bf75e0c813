// Clips cut for their owner to look at, sealed on disk under keys that are in memory alone: after a restart none can be read. A grant
// that names one by its hash takes exactly its bytes.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { sha256Stream } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { generateSealKey, type SealCipher, wipeSealKey } from '@doorsill/base/seal';
import { openSealedFile, type SealedFileIdentity, writeSealedFile } from '@doorsill/base/sealed-file';
import { failure } from '@doorsill/contract/errors';
import type { Grant } from '@doorsill/contract/owner-orders';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Clip, ClipReader, CutFacts } from '../clip/finished-clip.ts';
import type { CutDeps } from '../clip/recent-encodings.ts';
import { SelfCheck } from '../clip/self-check.ts';
import { trim } from '../clip/trim.ts';
import { assertLivePreview, type LivePreview } from '../consent/live-preview.ts';

export interface PreviewClip {
  id: string;
  sha256: string;
  facts: CutFacts;
}

interface Kept extends PreviewClip {
  live: LivePreview;
  identity: SealedFileIdentity;
  /** Whether a grant is taking its bytes: then the preview's end does not remove it. */
  isTaken: boolean;
}

export interface PreviewClipsDeps {
  disk: Disk;
  random: Random;
  log: Log;
  folder: string;
  cipher: SealCipher;
  clip: CutDeps;
  /** Runs one cut at a time: each uses all of a small board's processor. */
  alone<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Resolves once the ring will get no more footage of the window. */
  footageSettled(window: Window, signal: AbortSignal): Promise<void>;
}

/** Size of a read when a grant takes the clip's bytes. */
const PIECE_BYTES = 512 * 1024;
/** Space that must stay free on the disk beside the clip. */
const SPARE_BYTES = 1_048_576;

export class PreviewClips {
  private readonly deps: PreviewClipsDeps;
  private readonly kept = new Map<string, Kept>();

  constructor(deps: PreviewClipsDeps) {
    this.deps = deps;
  }

  /** Removes the files of an earlier run, whose keys are gone. Throws the disk's error. */
  async start(): Promise<void> {
    const { disk, folder } = this.deps;
    await disk.makeFolder(folder);
    for (const name of await disk.list(folder)) await disk.remove(join(folder, name));
  }

  async stop(): Promise<void> {
    for (const id of [...this.kept.keys()]) await this.remove(id);
  }

  /**
   * Cuts, seals and checks the clip of a preview: the very clip that a grant would upload. It is removed when the preview ends.
   * Throws the errors of cutting, `outbox_full`, `clip_check_failed`, `preview_ended`.
   */
  async make(live: LivePreview): Promise<PreviewClip> {
    assertLivePreview(live);
    const { signal } = live;
    await this.deps.footageSettled(live.cut.window, signal);
    const made = await this.deps.alone(() => this.cutAndSeal(live));
    this.kept.set(made.id, made);
    const onEnd = () => void this.remove(made.id);
    signal.addEventListener('abort', onEnd, { once: true });
    if (signal.aborted) await this.remove(made.id);
    signal.throwIfAborted();
    return { id: made.id, sha256: made.sha256, facts: made.facts };
  }

  /** Random access to a preview's bytes; each read fails once the preview has ended. Throws `preview_unknown`. Close it. */
  async reader(id: string): Promise<ClipReader & { close(): Promise<void> }> {
    const kept = this.kept.get(id);
    if (!kept) throw failure('preview_unknown');
    const opened = await openSealedFile(this.deps.disk, kept.identity);
    const read = async (position: number, length: number, into?: Uint8Array) => {
      const bytes = await opened.read(position, length, into);
      // Checked after reading, too: bytes read while the preview ended are not shown.
      assertLivePreview(kept.live);
      return bytes;
    };
    return { sizeBytes: opened.sizeBytes, read, close: () => opened.close() };
  }

  /** Whether the clip that a grant names by its hash is here, cut to exactly the grant's terms. */
  isPreviewed(grant: Grant): boolean {
    return this.fitting(grant) !== null;
  }

  /**
   * The previewed clip, to be sealed for its grant. Call `done` afterwards, which removes the preview. Throws `preview_changed` when
   * it is not here.
   */
  take(grant: Grant): { clip: Clip; done(): Promise<void> } {
    const kept = this.fitting(grant);
    if (!kept) throw failure('preview_changed');
    kept.isTaken = true;
    const done = async () => {
      kept.isTaken = false;
      await this.remove(kept.id);
    };
    return { clip: { ...kept.facts, parts: () => this.parts(kept) }, done };
  }

  /** Destroys a preview's clip, unless a grant is taking its bytes: overwrites its key and removes its file. */
  async remove(id: string): Promise<void> {
    const kept = this.kept.get(id);
    if (!kept || kept.isTaken) return;
    this.kept.delete(id);
    await this.destroy(kept.identity);
  }

  private fitting(grant: Grant): Kept | null {
    const found = [...this.kept.values()].find(({ sha256, live, facts }) => {
      const { request, window, audio, zones } = live.cut;
      const isSame =
        request === grant.request &&
        window.startUs === grant.window.startUs &&
        window.endUs === grant.window.endUs &&
        audio === grant.audio &&
        JSON.stringify(zones) === JSON.stringify(grant.zones);
      return isSame && sha256 === grant.clipSha256 && facts.sizeBytes <= grant.byteLimit;
    });
    return found ?? null;
  }

  private async cutAndSeal(live: LivePreview): Promise<Kept> {
    const { disk, random, folder, cipher } = this.deps;
    const deps = { ...this.deps.clip, signal: live.signal };
    const clip = await trim(live, deps);
    if ((await disk.freeBytes(folder)) < clip.sizeBytes + SPARE_BYTES) throw failure('outbox_full', { path: folder });
    const identity = { path: join(folder, `${live.id}.clip`), key: generateSealKey(random, cipher), id: live.id };
    const check = new SelfCheck(live, clip, deps);
    try {
      const hash = sha256Stream();
      const bytes = await writeSealedFile(disk, random, identity, hashed(live, clip, hash));
      if (bytes !== clip.sizeBytes) throw failure('clip_check_failed', { detail: `it has ${bytes} bytes` });
      const file = await openSealedFile(disk, identity);
      await check.run(file).finally(() => file.close());
      const { parts: _parts, ...facts } = clip;
      return { id: live.id, sha256: hash.digestHex(), facts, live, identity, isTaken: false };
    } catch (thrown) {
      await this.destroy(identity);
      throw thrown;
    } finally {
      await check.stop();
    }
  }

  private async destroy({ key, path }: SealedFileIdentity): Promise<void> {
    wipeSealKey(key);
    await this.deps.disk.remove(path).catch((thrown: unknown) => {
      this.deps.log.warn(
        'the encrypted file of a preview could not be removed; its key is destroyed, and the next start removes it',
        { error: String(thrown) },
      );
    });
  }

  private async *parts(kept: Kept): AsyncGenerator<Uint8Array> {
    const file = await openSealedFile(this.deps.disk, kept.identity);
    try {
      for (let at = 0; at < file.sizeBytes; at += PIECE_BYTES) {
        yield await file.read(at, Math.min(PIECE_BYTES, file.sizeBytes - at));
      }
    } finally {
      await file.close();
    }
  }
}

/** A clip's parts on their way to disk: hashed, and only while its preview lives. */
async function* hashed(
  live: LivePreview,
  clip: Clip,
  hash: { update(part: Uint8Array): void },
): AsyncGenerator<Uint8Array> {
  for await (const part of clip.parts()) {
    assertLivePreview(live);
    hash.update(part);
    yield part;
  }
}
