// The lock on an upload: tus requests and the bridge's own steps take turns. Each newcomer asks the holder to release it: a tus client may
// reconnect while its old connection still hangs.

import { failure } from '@doorsill/contract/errors';
import type { Locker } from '@tus/server';

type Lock = ReturnType<Locker['newLock']>;
type Release = () => void | Promise<void>;

interface Turn {
  requestRelease: Release;
  begin: () => void;
}

/** Locks by upload id. The first in a queue holds the lock. */
export class UploadLocks implements Locker {
  private readonly queues = new Map<string, Turn[]>();

  newLock(id: string): Lock {
    let turn: Turn | null = null;
    return {
      lock: async (signal, requestRelease) => {
        turn = await this.take(id, requestRelease, signal);
      },
      unlock: async () => {
        if (turn) this.release(id, turn);
        turn = null;
      },
    };
  }

  /** Runs `work` under the upload's lock; its holder is asked to release it first. */
  async hold<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
    const turn = await this.take(id, () => undefined, null);
    try {
      return await work();
    } finally {
      this.release(id, turn);
    }
  }

  /** Resolves when nobody holds or waits for a lock. */
  async idle(): Promise<void> {
    for (const id of this.queues.keys()) await this.hold(id, async () => undefined);
  }

  private async take(id: string, requestRelease: Release, signal: AbortSignal | null): Promise<Turn> {
    const queue = this.queues.get(id) ?? [];
    this.queues.set(id, queue);
    const turn: Turn = { requestRelease, begin: () => undefined };
    queue.push(turn);
    const [holder] = queue;
    if (!holder || holder === turn) return turn;
    const begun = new Promise<void>((resolve, reject) => {
      const giveUp = () => {
        this.release(id, turn);
        reject(failure('upload_unreachable', { detail: 'the request was given up' }));
      };
      turn.begin = () => {
        // From now on the holder handles aborts itself: it keeps the lock until it has cleaned up.
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      if (signal?.aborted) giveUp();
      else signal?.addEventListener('abort', giveUp, { once: true });
    });
    void holder.requestRelease();
    await begun;
    return turn;
  }

  private release(id: string, turn: Turn): void {
    const queue = this.queues.get(id);
    const at = queue?.indexOf(turn) ?? -1;
    if (!queue || at < 0) return;
    queue.splice(at, 1);
    const [next] = queue;
    if (!next) this.queues.delete(id);
    else if (at === 0) {
      next.begin();
      if (queue.length > 1) void next.requestRelease();
    }
  }
}
