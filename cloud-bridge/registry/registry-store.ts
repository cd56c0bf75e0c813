// Owns: what the registry must store: its book, and the log of each change of it. Not here: how (sql-registry-store.ts), what the book
// says (agency-book.ts).

import { failure } from '@doorsill/contract/errors';
import { parseJson } from '@doorsill/contract/parse-json';
import type { z } from 'zod';
import type { CustodyEvent, CustodyStore } from '../custody/custody-store.ts';
import type { AnswerStore } from '../http/idempotency.ts';
import type { LotStore } from '../http/rate-limits.ts';
import type { SharedPart, Turns } from '../persistence/instance-turns.ts';
import { Agency, Book } from './agency-book.ts';

/** A changed book, and the event that the log is told. What has not changed in it are the same objects as before. */
export interface BookChange {
  book: Book;
  told: CustodyEvent;
}

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
  change(next: (book: Book) => BookChange | null): Promise<Book>;
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

/** Parses a book from before it had rows; throws `state_damaged`, naming where the text was. */
export function readFormerBook(text: string, where: string, nowS: number): Book {
  const book = read(Book, parseJson(text), where);
  const noted = (one: Agency): Agency => ({
    ...one,
    wasApproved: mayHaveBeenApproved(one),
    // It did not say since when an application waits either.
    ...(one.state === 'pending' ? { appliedS: nowS } : {}),
  });
  return { ...book, agencies: book.agencies.map(noted) };
}

/** A former book does not say: an approval is a change, and so was applying again. */
function mayHaveBeenApproved({ state, revision }: Agency): boolean {
  return !(state === 'pending' && revision === 1) && !(state === 'refused' && revision === 2);
}

/** Parses an agency's entry; throws `state_damaged` for one that is another's, too. */
export function readAgency(entry: string, id: string, where: string): Agency {
  const agency = read(Agency, parseJson(entry), where);
  if (agency.agency === id) return agency;
  throw failure('state_damaged', { file: where, detail: `the entry of ${id} is that of ${agency.agency}` });
}

/** Checks a book's revocation list. Throws `state_damaged`. */
export function readList(book: Book, where: string): Book {
  const { agencies, ...list } = book;
  return { agencies, ...read(listSchema, list, where) };
}

const listSchema = Book.omit({ agencies: true });

function read<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  throw failure('state_damaged', { file: where, detail: 'it is not the registry’s book' }, checked.error);
}
