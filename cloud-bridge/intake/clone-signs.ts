// Detects indications ("clone signs") that a device was copied from its memory card or a backup, and reports them to the bridge's operator.
// The bridge sees them in the tokens and clips that a device sends anyway. It refuses no call because of them, and stores no IP address.

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import type { UploadToken } from '@doorsill/contract/manifest';
import { z } from 'zod';
import { pageOf, positionIn } from '../http/paging.ts';

export const CLONE_SIGNS = ['device_clone_clip', 'device_clone_turns'] as const;

/** Times in seconds since 1970. */
export interface CloneSign {
  device: string;
  code: (typeof CLONE_SIGNS)[number];
  firstS: number;
  lastS: number;
  times: number;
}
export type ClonePosition = Pick<CloneSign, 'lastS' | 'device' | 'code'>;

export interface CloneSignStore {
  /** Counts a sign of a device; returns how often it was seen, this time included. */
  note(device: string, code: CloneSign['code'], nowS: number): Promise<number>;
  /** Signs, last seen first, after `behind`. */
  list(behind: ClonePosition | null, most: number): Promise<CloneSign[]>;
}

const positionSchema = z.strictObject({ lastS: z.int(), device: z.string(), code: z.enum(CLONE_SIGNS) });

/**
 * A device uses one token at a time for a grant. When it changes to a new token, a request with the old one may still be under way, and
 * arrive late once. If an old token comes back this often, a second device uses it.
 */
const RETURNS = 2;
/** Grants watched at a time, and older tokens remembered of each. */
const GRANTS_MAX = 1_000;
const TOKENS_MAX = 16;

interface Shown {
  latest: string;
  /** How often each token came after a newer one, the oldest first. */
  returns: Map<string, number>;
  isReported: boolean;
}

export interface CloneSignsDeps {
  clock: Clock;
  log: Log;
  store: CloneSignStore;
}

export class CloneSigns {
  private readonly deps: CloneSignsDeps;
  /** By device and grant; the least recently used is dropped first. */
  private readonly shown = new Map<string, Shown>();

  constructor(deps: CloneSignsDeps) {
    this.deps = deps;
  }

  /** The device has signed another clip for a grant that has one. A device never makes two: it sends the clip it has sealed. */
  async otherClip({ device }: Pick<UploadToken, 'device'>): Promise<void> {
    await this.note(device, 'device_clone_clip');
  }

  /** A request has presented this verified token. */
  async presented({ device, grant, jti }: Pick<UploadToken, 'device' | 'grant' | 'jti'>): Promise<void> {
    if (this.alternate(`${device}/${grant}`, jti)) await this.note(device, 'device_clone_turns');
  }

  /** Signs, last seen first. Throws `http_body_invalid` for a cursor of another list. */
  async list(page: {
    limit: number;
    cursor?: string | undefined;
  }): Promise<{ signs: CloneSign[]; next: string | null }> {
    const found = await this.deps.store.list(positionIn(positionSchema, page.cursor), page.limit + 1);
    const { shown: signs, next } = pageOf(found, page.limit, ({ lastS, device, code }) => ({ lastS, device, code }));
    return { signs, next };
  }

  /** Whether two devices are seen to use tokens of one grant in turn; true once for each grant. */
  private alternate(grant: string, token: string): boolean {
    const known = this.shown.get(grant) ?? { latest: token, returns: new Map<string, number>(), isReported: false };
    this.shown.delete(grant);
    this.shown.set(grant, known);
    dropFirst(this.shown, GRANTS_MAX);
    const { latest, returns, isReported } = known;
    if (token === latest) return false;
    const before = returns.get(token);
    if (before === undefined) {
      returns.set(latest, 0);
      dropFirst(returns, TOKENS_MAX);
      known.latest = token;
      return false;
    }
    returns.set(token, before + 1);
    known.isReported ||= before + 1 >= RETURNS;
    return known.isReported && !isReported;
  }

  private async note(device: string, code: CloneSign['code']): Promise<void> {
    const { clock, log, store } = this.deps;
    const times = await store.note(device, code, wallSeconds(clock));
    if (times === 1)
      log.warn('two doorbells seem to act as one (was a memory card copied?); nothing is refused because of it', {
        code,
        device,
      });
  }
}

/** Removes the oldest entries beyond `most`. */
function dropFirst(entries: Map<string, unknown>, most: number): void {
  for (const first of entries.keys()) {
    if (entries.size <= most) return;
    entries.delete(first);
  }
}
