// Owns: what is told of every change of an agency's standing, for whoever keeps a record of it. Not here: the record.

/** One change. Ids only: no name, domain or contact. */
export interface RegistryEvent {
  type:
    | 'agency-applied'
    | 'agency-approved'
    | 'agency-refused'
    | 'agency-suspended'
    | 'agency-revoked'
    | 'agency-reinstated'
    | 'agency-key-rotated';
  agency: string;
  /** Of the agency, after the change. */
  revision: number;
  /** Of the revocation list, after the change. */
  listRevision: number;
  atS: number;
  /** What part of its access the change is about; absent: all of it. */
  scope?: string;
}

/** Called before the change is written and counts; one that fails stops the change. A crash in between leaves a record too many, never one too few. */
export type RecordRegistryEvent = (event: RegistryEvent) => Promise<void>;
