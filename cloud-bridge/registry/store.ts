// Owns: what the registry must store: its book, and the log of each change of it. Not here: how (sql-registry-store.ts), what the book
// says (agency-standing.ts).
import { parseJson } from '../../device/base/parse-json.ts';
import { failure } from '../../device/protocol/errors.ts';
import type { CustodyEvent, CustodyStore } from '../custody/store.ts';
import type { AnswerStore } from '../http/idempotency.ts';
import type { LotStore } from '../http/rate-limits.ts';
import type { SharedPart, Turns } from '../persistence/instance-turns.ts';
import { type Book, bookSchema } from './agency-standing.ts';

export interface RegistryStore {
  /** Heads, proofs and leaves of the log. */
  history: CustodyStore;
  /** Answers to calls that may be repeated. */
  answers: AnswerStore;
  /**
   * The book as last saved, by whichever instance; an empty one when there is none yet. Throws `state_damaged`: an empty book would
   * reinstate revoked agencies.
   */
  load(): Promise<Book>;
  /**
   * Saves what `next` makes of the book as last saved, with the leaf that records the change; durable when it resolves, with the book as it
   * is then. Nobody else changes it meanwhile, and there is never a change that nobody can prove. Null: nothing is changed. Throws what `next` throws.
   */
  change(next: (book: Book) => { book: Book; told: CustodyEvent } | null): Promise<Book>;
  /** What instances share; null without a database that they could share. */
  shared: RegistryInstances | null;
  close(): Promise<void>;
}

/** What registries that share a database have in common. */
export interface RegistryInstances {
  turns: Turns & { stop(): void };
  sharedPart: SharedPart;
  callCounts: LotStore;
}

/** Parses a book; throws `state_damaged`, naming where the text was. */
export function readBook(text: string, where: string): Book {
  const read = bookSchema.safeParse(parseJson(text));
  if (read.success) return read.data;
  throw failure('state_damaged', { file: where, detail: 'it is not the registry’s book' }, read.error);
}
