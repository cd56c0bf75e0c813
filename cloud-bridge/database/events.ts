// Owns: what is told of each change of requests and partners inside the transaction that makes it, so that a record of it and
// the change are durable together or not at all. Not here: the record.
import type { Transaction } from 'kysely';
import type { PartnerStatus } from '../partners/store.ts';
import type { RequestState } from '../requests/machine.ts';
import type { Tables } from './schema.ts';

/** One change. Ids and states only: no name, text or address. */
export type BridgeEvent =
  | {
      type: 'request';
      request: string;
      organisation: string;
      state: RequestState;
      revision: number;
      tokenSha256: string;
    }
  | { type: 'partner'; partner: string; status: PartnerStatus; revision: number };

/** What throws undoes the change. */
export type NoteEvent = (step: Transaction<Tables>, event: BridgeEvent) => Promise<void>;
