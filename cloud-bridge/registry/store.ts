// Owns: what the registry must store: its book, and the log of each change of it. Not here: how (sql-registry-store.ts), what the book
// says (agency-standing.ts).
import { parseJson } from '../../device/base/parse-json.ts';
import { failure } from '../../device/protocol/errors.ts';
import type { CustodyEvent, CustodyStore } from '../custody/store.ts';
import { type Book, bookSchema } from './agency-standing.ts';

export interface RegistryStore {
  /** Heads, proofs and leaves of the log. */
  history: CustodyStore;
  /** The book as last saved; null when there is none yet. Throws `state_damaged`: an empty book would reinstate revoked agencies. */
  load(): Promise<Book | null>;
  /** Saves the book with the leaf that records the change; durable when it resolves. There is never a change that nobody can prove. */
  save(book: Book, told: CustodyEvent): Promise<void>;
  close(): Promise<void>;
}

/** Parses a book; throws `state_damaged`, naming where the text was. */
export function readBook(text: string, where: string): Book {
  const read = bookSchema.safeParse(parseJson(text));
  if (read.success) return read.data;
  throw failure('state_damaged', { file: where, detail: 'it is not the registry’s book' }, read.error);
}
