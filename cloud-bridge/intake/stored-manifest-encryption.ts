// Full manifests are encrypted at rest with a key derived from the bridge's key file, so that the database alone names no home.

import type { SigningKey } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { deriveSealKey, open, type SealKey, seal } from '@doorsill/base/seal';
import { fromBase64url, fromUtf8, utf8 } from '@doorsill/contract/bytes';
import { CERTIFICATE_LETTERS_MAX, MANIFEST_LETTERS_MAX } from '@doorsill/contract/manifest';
import { parseJson } from '@doorsill/contract/parse-json';
import { z } from 'zod';
import type { GrantKey } from './intake-store.ts';

/** Evidence for a dispute, signed by the device. Without a certificate the clip is older than statements. */
export const SealedPapers = z.strictObject({
  manifest: z.string().max(MANIFEST_LETTERS_MAX),
  certificate: z.string().max(CERTIFICATE_LETTERS_MAX).optional(),
});
export type SealedPapers = z.infer<typeof SealedPapers>;

/** An unencrypted full manifest, with its clip. */
export interface FormerManifest extends GrantKey {
  clip: string;
  manifest: string;
}

export interface FormerManifests {
  former(most: number): Promise<FormerManifest[]>;
  /** Stores the sealed one and deletes the unencrypted one, in one step. */
  replace(key: GrantKey, sealed: Uint8Array): Promise<void>;
}

const PAGE = 100;

export class ManifestEncryption {
  private readonly key: SealKey;
  private readonly random: Random;

  constructor(bridgeKey: SigningKey, random: Random) {
    const secret = fromBase64url(bridgeKey.exportSecret()) ?? new Uint8Array();
    this.key = deriveSealKey({ cipher: 'aes-256-gcm', secret }, new Uint8Array(), 'bridge manifests');
    this.random = random;
  }

  /** Seals for one grant of one device: it opens for no other. */
  seal(of: GrantKey, papers: SealedPapers): Uint8Array {
    return seal(this.key, utf8(JSON.stringify(papers)), boundTo(of), this.random);
  }

  /** Null when it was sealed with another bridge's key, for another grant, or was altered. */
  open(of: GrantKey, sealed: Uint8Array): SealedPapers | null {
    const plain = open(this.key, sealed, boundTo(of));
    const papers = SealedPapers.safeParse(parseJson((plain && fromUtf8(plain)) ?? ''));
    return papers.success ? papers.data : null;
  }

  /** Seals the manifests that an earlier version stored unencrypted; `seen` receives each clip, whose files may hold one, too. */
  async sealFormer(store: FormerManifests, seen: (clip: string) => Promise<void>): Promise<void> {
    for (;;) {
      const rows = await store.former(PAGE);
      for (const { clip, manifest, ...of } of rows) {
        await seen(clip);
        await store.replace(of, this.seal(of, { manifest }));
      }
      if (rows.length < PAGE) return;
    }
  }
}

function boundTo({ device, grant }: GrantKey): Uint8Array {
  return utf8(`manifest ${device}/${grant}`);
}
