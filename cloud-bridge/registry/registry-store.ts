import { failure } from '@doorsill/contract/errors';
import { parseJson } from '@doorsill/contract/parse-json';
import type { z } from 'zod';
import type { CustodyEvent, CustodyStore } from '../custody/custody-store.ts';
import type { AnswerStore } from '../http/idempotency.ts';
import type { CallBatchStore } from '../http/rate-limits.ts';
import type { SharedPart, Turns } from '../persistence/instance-turns.ts';
import { Agency, Book } from './agency-book.ts';

/** A changed book and the event for the log. Unchanged entries must be the same objects as before. */
export interface BookChange {
  book: Book;
  event: CustodyEvent;
}

export interface RegistryStore {
  history: CustodyStore;
  answers: AnswerStore;
  /**
   * The book that was last saved by any instance; an empty one when there is none yet. Throws `state_damaged`: an empty book would reinstate
   * revoked agencies.
   */
  load(): Promise<Book>;
  /**
   * Saves the result of `next` for the last saved book, in one transaction with the leaf that records the change. Returns the resulting
   * book when it is durable. Null from `next` changes nothing. Throws what `next` throws.
   */
  change(next: (book: Book) => BookChange | null): Promise<Book>;
  /** Null with an SQLite file, which instances cannot share. */
  shared: RegistryInstances | null;
  close(): Promise<void>;
}

export interface RegistryInstances {
  turns: Turns & { stop(): void };
  sharedPart: SharedPart;
  callCounts: CallBatchStore;
}

/** Parses a book from before it had rows. Throws `state_damaged`; `where` names the text. */
export function readFormerBook(text: string, where: string, nowS: number): Book {
  const book = read(Book, parseJson(text), where);
  const noted = (one: Agency): Agency => ({
    ...one,
    wasApproved: mayHaveBeenApproved(one),
    // Nor does a former book say since when an application waits.
    ...(one.state === 'pending' ? { appliedS: nowS } : {}),
  });
  return { ...book, agencies: book.agencies.map(noted) };
}

/** A former book does not say; it follows from the revision, which grew with an approval and with applying again. */
function mayHaveBeenApproved({ state, revision }: Agency): boolean {
  return !(state === 'pending' && revision === 1) && !(state === 'refused' && revision === 2);
}

/** Parses an agency's entry; throws `state_damaged`, also for the entry of another agency. */
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
