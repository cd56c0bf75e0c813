// Carries out retention at intervals: deletes overdue items, and destroys the bytes of those deleted long enough ago.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { Repeater } from '@doorsill/base/repeater';
import { isFailure } from '@doorsill/contract/errors';
import type { Turns } from '../persistence/instance-turns.ts';
import type { Blobs } from './evidence-blobs.ts';
import { afterStep, RECOVERABLE_S } from './retention.ts';
import type { VaultReceiptSigner } from './sign-vault-receipts.ts';
import type { Item, ItemStore, OfferStore, TrailLine } from './vault-store.ts';

export interface RetentionSweeperDeps {
  clock: Clock;
  log: Log;
  items: ItemStore;
  offers: OfferStore;
  blobs: Blobs;
  receipts: VaultReceiptSigner;
  turns: Turns;
  sweepEveryMs: number;
}

const PAGE_ITEMS = 200;
/** An offer without bytes is dropped after this time; the bridge offers the clip again. */
const OFFER_LIFE_S = 24 * 3600;

export class RetentionSweeper {
  private readonly deps: RetentionSweeperDeps;
  private readonly sweeping: Repeater;

  constructor(deps: RetentionSweeperDeps) {
    this.deps = deps;
    this.sweeping = new Repeater(deps, 'keep retention', deps.sweepEveryMs, () => this.turn());
  }

  start(): void {
    this.sweeping.start();
    void this.sweeping.now();
  }

  async stop(): Promise<void> {
    await this.sweeping.stop();
  }

  /** Carries out retention now; used after a policy change. Never rejects. */
  now(): Promise<void> {
    return this.sweeping.now();
  }

  private async turn(): Promise<void> {
    const { turns, blobs, items } = this.deps;
    await turns.run('retention', () => this.sweep());
    await blobs.eraseOwed();
    await blobs.sweep((item) => items.bytesOf(item));
  }

  private async sweep(): Promise<void> {
    const { clock, items, offers } = this.deps;
    const nowS = wallSeconds(clock);
    await offers.removeOlder(nowS - OFFER_LIFE_S);
    for (;;) {
      const due = await items.overdue(nowS, nowS - RECOVERABLE_S, PAGE_ITEMS);
      for (const item of due) await (item.state === 'active' ? this.delete(item, nowS) : this.erase(item, nowS));
      if (due.length < PAGE_ITEMS) break;
    }
  }

  private async delete(item: Item, nowS: number): Promise<void> {
    await this.deps.items.change(
      item.item,
      (now) => {
        // Checked again: an officer may have put it into a case meanwhile.
        if (now.state !== 'active' || now.dueS === null || now.dueS > nowS) return {};
        return { state: afterStep(now.state, 'delete') ?? now.state, deletedS: nowS, deletedBy: 'retention' };
      },
      (now) => this.line(now, 'deleted', 'its retention period is over'),
    );
  }

  private async erase(item: Item, nowS: number): Promise<void> {
    const { items, blobs, receipts, log } = this.deps;
    const after = await items.change(
      item.item,
      (now) => {
        if (now.state !== 'deleted' || now.deletedS === null || now.deletedS > nowS - RECOVERABLE_S) return {};
        const deletion = receipts.deleted(now, now.deletedBy ?? 'retention');
        return { state: afterStep(now.state, 'erase') ?? now.state, statement: '', deletion };
      },
      (now) => this.line(now, 'erased', now.clipSha256),
    );
    if (after?.state !== 'erased') return;
    // Retried at the end of each turn in a bucket, at the next start on a disk; other due items must not wait for it.
    const isDestroyed = await blobs.erase(item).then(
      () => true,
      (thrown: unknown) => {
        const code = isFailure(thrown) ? thrown.code : 'internal';
        log.warn(
          'nobody can get erased evidence any more, but its bytes could not be destroyed yet (check the store)',
          {
            item: item.item,
            code,
          },
        );
        return false;
      },
    );
    if (isDestroyed) log.info('evidence is erased for good', { item: item.item, by: item.deletedBy ?? 'retention' });
  }

  private line(item: Item, event: string, detail: string): TrailLine {
    const { agency, cases } = item;
    const who = { by: 'vault', officer: '', reason: '' };
    return { ...who, atUs: this.deps.clock.wallUs(), agency, item: item.item, cases, event, detail };
  }
}
