// Viewers, people besides owners who may see pictures on the device's own server, and the log of views: folded from the ledger.
import type { Look, Viewer } from '@doorsill/contract/console-messages';
import { publicKeySchema } from '@doorsill/contract/ids';
import { parseToken } from '@doorsill/contract/jws';
import { z } from 'zod';
import type { LedgerEntry } from '../ledger/ledger-entry.ts';

/** Maximum number of views kept in memory, the newest; the ledger has all of them. */
const LOOKS_MAX = 1_000;

export class Viewers {
  private readonly byId = new Map<string, Viewer>();
  /** By viewer: the key of the owner who added them. */
  private readonly addedBy = new Map<string, string>();
  private readonly latest: Look[] = [];

  get size(): number {
    return this.byId.size;
  }

  list(): Viewer[] {
    return [...this.byId.values()];
  }

  /** The viewer of this id, unless expired. `nowS`: null while the clock is untrusted; then only viewers without expiry count. */
  find(id: string, nowS: number | null): Viewer | null {
    const viewer = this.byId.get(id);
    if (!viewer) return null;
    const isOver = viewer.expiresS !== undefined && (nowS === null || nowS >= viewer.expiresS);
    return isOver ? null : viewer;
  }

  has(id: string): boolean {
    return this.byId.has(id);
  }

  /** Views, newest first. */
  looks(): Look[] {
    return this.latest.toReversed();
  }

  apply(entry: Extract<LedgerEntry, { type: 'viewer-added' | 'viewer-removed' | 'looked' }>): null {
    switch (entry.type) {
      case 'viewer-added': {
        const { jti: _jti, token, ...viewer } = entry.body;
        this.byId.set(viewer.viewer, viewer);
        this.addedBy.set(viewer.viewer, signerOf(token));
        return null;
      }
      case 'viewer-removed':
        this.drop(entry.body.viewer);
        return null;
      case 'looked':
        this.latest.push({ ...entry.body, atUs: entry.atUs });
        if (this.latest.length > LOOKS_MAX) this.latest.shift();
        return null;
    }
  }

  /** Removes the viewers whom a removed owner had added. */
  ownerRemoved(key: string): void {
    for (const [viewer, by] of this.addedBy) if (by === key) this.drop(viewer);
  }

  /** Removes all viewers after a restore from a backup: former owners had added them. */
  clear(): void {
    for (const viewer of [...this.byId.keys()]) this.drop(viewer);
  }

  private drop(viewer: string): void {
    this.byId.delete(viewer);
    this.addedBy.delete(viewer);
  }
}

const signedSchema = z.object({ iss: publicKeySchema });

/** The signer of an order in the ledger; '' when it names none. */
function signerOf(token: string): string {
  return signedSchema.safeParse(parseToken(token)?.claims).data?.iss ?? '';
}
