// This browser's answers in IndexedDB. A signed grant is stored before it is sent, so that a retry sends the same token and never a second
// grant.
import { z } from 'zod';
import { inStore } from '../kit/browser-database.ts';
import { Draft, KeptGrant } from './kept-answers.ts';

const [DRAFTS, GRANTS] = ['drafts', 'grants'];
const DATABASE = { name: 'doorsill-answers', stores: [DRAFTS, GRANTS] };
/** Of each kind; the oldest go first, and of grants only those that are over. */
const ROWS_MAX = 200;

/** The answers of one owner key: after pairing again, this browser has another key and none of the old answers. */
export class AnswerStore {
  private readonly owner: string;

  constructor(owner: string) {
    this.owner = owner;
  }

  drafts(): Promise<Draft[]> {
    return this.rows(DRAFTS, Draft);
  }

  grants(): Promise<KeptGrant[]> {
    return this.rows(GRANTS, KeptGrant);
  }

  async keepDraft(draft: Draft): Promise<void> {
    await inStore(DATABASE, DRAFTS, 'readwrite', (store) => store.put(draft, this.keyOf(draft.request)));
  }

  /** Keeps a signed grant unless one of the same request is kept that is not over; returns the one that is kept then. */
  async keepGrant(grant: KeptGrant): Promise<KeptGrant> {
    const key = this.keyOf(grant.request);
    let kept = grant;
    // In one transaction: two tabs that sign at the same moment keep one grant.
    await inStore(DATABASE, GRANTS, 'readwrite', (store) => {
      const asked = store.get(key);
      asked.onsuccess = () => {
        const before = KeptGrant.safeParse(asked.result);
        if (before.success && !before.data.isOver) kept = before.data;
        else store.put(grant, key);
      };
      return asked;
    });
    return kept;
  }

  /** Changes a stored grant, unless another token is stored for its request by now. Returns what is stored; null if nothing is. */
  async changeGrant(token: string, request: string, changes: Partial<KeptGrant>): Promise<KeptGrant | null> {
    const key = this.keyOf(request);
    let kept: KeptGrant | null = null;
    await inStore(DATABASE, GRANTS, 'readwrite', (store) => {
      const asked = store.get(key);
      asked.onsuccess = () => {
        const before = KeptGrant.safeParse(asked.result);
        if (!before.success) return;
        kept = before.data.token === token ? { ...before.data, ...changes } : before.data;
        store.put(kept, key);
      };
      return asked;
    });
    return kept;
  }

  private keyOf(request: string): string {
    return `${this.owner} ${request}`;
  }

  /** What is of another owner or form is left where it is, and not read. */
  private async rows<S extends z.ZodType>(name: string, schema: S): Promise<z.output<S>[]> {
    const range = IDBKeyRange.bound(`${this.owner} `, `${this.owner} \uffff`);
    const found = z
      .array(z.unknown())
      .parse(await inStore(DATABASE, name, 'readonly', (store) => store.getAll(range, ROWS_MAX)));
    return found.flatMap((row) => {
      const read = schema.safeParse(row);
      return read.success ? [read.data] : [];
    });
  }
}
