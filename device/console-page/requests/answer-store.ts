// This browser's answers in IndexedDB. A signed grant is stored before it is sent, so that a retry sends the same token and never a second
// grant.
import { z } from 'zod';
import { inStore } from '../kit/browser-database.ts';
import { Draft, KeptGrant, surplusDrafts, surplusGrants } from './kept-answers.ts';

const [DRAFTS, GRANTS] = ['drafts', 'grants'];
const DATABASE = { name: 'doorsill-answers', stores: [DRAFTS, GRANTS] };
/** Of drafts and of grants each. More are stored only while they are still needed. */
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

  /** Stores a signed grant unless an unsettled one is stored for its request; returns the stored one. */
  async keepGrant(grant: KeptGrant): Promise<KeptGrant> {
    const key = this.keyOf(grant.request);
    let kept = grant;
    // In one transaction: of two tabs that sign at the same moment only one stores its grant.
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

  /** Deletes the oldest answers above the limit, but none that is still needed: see `surplusGrants` and `surplusDrafts`. */
  async prune(nowS: number): Promise<void> {
    await this.drop(GRANTS, KeptGrant, (grants) => surplusGrants(grants, ROWS_MAX));
    await this.drop(DRAFTS, Draft, (drafts) => surplusDrafts(drafts, ROWS_MAX, nowS));
  }

  private keyOf(request: string): string {
    return `${this.owner} ${request}`;
  }

  private get range(): IDBKeyRange {
    return IDBKeyRange.bound(`${this.owner} `, `${this.owner} \uffff`);
  }

  /** In one transaction, so that no row changes between the choice and its deletion. */
  private async drop<S extends z.ZodType>(
    name: string,
    schema: S,
    surplus: (rows: z.output<S>[]) => readonly { request: string }[],
  ): Promise<void> {
    await inStore(DATABASE, name, 'readwrite', (store) => {
      const asked = store.getAll(this.range);
      asked.onsuccess = () => {
        for (const { request } of surplus(rowsOf(schema, asked.result))) store.delete(this.keyOf(request));
      };
      return asked;
    });
  }

  private async rows<S extends z.ZodType>(name: string, schema: S): Promise<z.output<S>[]> {
    return rowsOf(schema, await inStore(DATABASE, name, 'readonly', (store) => store.getAll(this.range)));
  }
}

/** The rows that match the schema. Others, of another version of the page, stay stored and are ignored. */
function rowsOf<S extends z.ZodType>(schema: S, found: unknown): z.output<S>[] {
  return z
    .array(z.unknown())
    .parse(found)
    .flatMap((row) => {
      const read = schema.safeParse(row);
      return read.success ? [read.data] : [];
    });
}
