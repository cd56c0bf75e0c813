import type { HandedClip } from '@doorsill/contract/hand-over-documents';
import type { EvidenceSource, HandOverBody } from '../signing/hand-over-documents.ts';
import type { ItemState, RetentionRules } from './retention.ts';

export const ACCESS_CLASSES = ['none', 'restricted', 'confidential'] as const;
export type AccessClass = (typeof ACCESS_CLASSES)[number];

export interface Item extends HandedClip {
  agency: string;
  bridge: string;
  request: string;
  investigation: string;
  source: EvidenceSource;
  /** The key that signed its statement, and must sign a recall. For a clip older than statements: the device's key. */
  key: string;
  /** For a clip older than statements: who may recall it, and the grant they must name. Otherwise empty. */
  ownerKey: string;
  grantSha256: string;
  /** Its statement (for older clips the full manifest), with the facts that the home disclosed; empty once erased. */
  statement: string;
  /** The name of its bytes in the bucket; empty: they are in a folder, or older than such names. */
  object: string;
  recordedS: number;
  uploadedS: number;
  state: ItemState;
  accessClass: AccessClass;
  triage: 'pending' | 'accepted' | 'declined';
  categories: readonly string[];
  cases: readonly string[];
  deletedS: number | null;
  deletedBy: 'retention' | 'officer' | null;
  restoredS: number | null;
  /** When it is deleted automatically; null: never. */
  dueS: number | null;
  /** The vault's signed statements about it. */
  acknowledgement: string;
  recall: string | null;
  deletion: string | null;
  /** The same for a clip that was encrypted to the vault; empty for others. */
  verdict: string;
}

export type ItemChange = Partial<
  Pick<
    Item,
    | 'state'
    | 'accessClass'
    | 'triage'
    | 'categories'
    | 'cases'
    | 'deletedS'
    | 'deletedBy'
    | 'restoredS'
    | 'statement'
    | 'recall'
    | 'deletion'
  >
>;

export const TRAIL_EVENTS = [
  ...['received', 'handed-over', 'withdrawn', 'recalled'],
  ...['listed', 'viewed', 'manifest-viewed', 'streamed', 'downloaded', 'link-made', 'link-used', 'trail-viewed'],
  ...['triaged', 'categories-changed', 'class-changed', 'case-added', 'case-removed', 'policy-changed', 'key-rotated'],
  ...['deleted', 'restored', 'erased'],
] as const;

/** A bridge, the vault itself, or an officer through a client. */
export interface Doer {
  by: string;
  officer: string;
  reason: string;
}

export interface TrailLine extends Doer {
  atUs: number;
  agency: string;
  /** Empty if it is about no single item. */
  item: string;
  cases: readonly string[];
  event: string;
  detail: string;
}

export type TrailEntry = TrailLine & { sequence: number };

export interface Page {
  after: string | undefined;
  limit: number;
}

export interface ItemFilter {
  states: readonly ItemState[];
  classes: readonly AccessClass[];
  category?: string | undefined;
  case?: string | undefined;
  triage?: Item['triage'] | undefined;
}

/** `kept`: the item's bytes must exist, as `object`; `arriving`: they may be on their way; `unknown`: the item was never added. */
export interface BytesStanding {
  state: 'kept' | 'erased' | 'arriving' | 'unknown';
  object: string;
}

export interface ItemStore {
  find(item: string): Promise<Item | null>;
  /**
   * Adds an item with its trail line and ends its offer, in one step; false when it exists already, and, with `offered`, when there is no
   * offer any more. `dueS` is calculated here.
   */
  add(item: Omit<Item, 'dueS'>, line: TrailLine, offered?: 'offered'): Promise<boolean>;
  /**
   * Changes an item in one step with its line. `alter` receives the current item and may throw to refuse; an empty change writes nothing.
   * A change of who may see it (state, class, an owner's recall) ends every link to it in the same step. Returns the changed item; null
   * when there is none.
   */
  change(item: string, alter: (now: Item) => ItemChange, line: (now: Item) => TrailLine): Promise<Item | null>;
  /** An agency's items, newest first; `after` is the last one's `cursorOf`. */
  list(agency: string, filter: ItemFilter, page: Page): Promise<Item[]>;
  /** Active items that are due at `nowS`, and items deleted up to `deletedUntilS`. */
  overdue(nowS: number, deletedUntilS: number, most: number): Promise<Item[]>;
  bytesOf(item: string): Promise<BytesStanding>;
}

export interface RecallPolicy {
  answer: 'erase' | 'restrict' | 'keep';
  /** Mandatory for `keep`. */
  reason: string | null;
}

export interface Policy extends RetentionRules {
  recall: RecallPolicy;
}

export interface PolicyStore {
  policyOf(agency: string): Promise<Policy>;
  /** Changes a policy and recalculates when each of the agency's items is due, in one step with its line. */
  change(agency: string, change: PolicyChange, line: TrailLine): Promise<void>;
}

export type PolicyChange =
  | { set: 'category'; category: string; periodS: number | null }
  /** Its items keep their other categories, or have none. */
  | { set: 'no-category'; category: string }
  | { set: 'recall'; recall: RecallPolicy }
  | { set: 'declined'; periodS: number | null | undefined };

export interface TrailStore {
  /** Durable when it resolves: nothing is shown before that. */
  add(line: TrailLine): Promise<void>;
  /** Newest first; of one item, or of the whole agency. */
  list(agency: string, item: string | null, page: Page): Promise<TrailEntry[]>;
}

export interface Client {
  client: string;
  agency: string;
  secretSha256: string;
  scopes: readonly string[];
  /** Addresses and networks that the client may call from. */
  addresses: readonly string[];
}

export interface Token {
  tokenSha256: string;
  client: string;
  agency: string;
  scopes: readonly string[];
  expiresS: number;
}

export interface Link extends Doer {
  linkSha256: string;
  item: string;
  agency: string;
  expiresS: number;
}

export interface AccessStore {
  addClient(client: Client): Promise<void>;
  findClient(client: string): Promise<Client | null>;
  /** Removes a client and all its tokens; false when there is none. */
  removeClient(agency: string, client: string): Promise<boolean>;
  /** Stores a token as its hash; deletes those that have expired. */
  addToken(token: Token, nowS: number): Promise<void>;
  findToken(tokenSha256: string): Promise<Token | null>;
  /** Stores a link as its hash, if the item's visibility is still as in `seen`; otherwise returns false. Deletes expired links. */
  addLink(link: Link, seen: Pick<Item, 'state' | 'accessClass' | 'recall'>, nowS: number): Promise<boolean>;
  /** The link, used or not; null once it has expired or the item's links have ended. */
  findLink(linkSha256: string, nowS: number): Promise<Link | null>;
  /** Marks a link as used and writes `line`; false for all but the first of concurrent calls. */
  useLink(linkSha256: string, nowS: number, line: TrailLine): Promise<boolean>;
  addBridge(bridge: string, key: string): Promise<void>;
  bridges(): Promise<{ bridge: string; key: string }[]>;
}

export interface AgencyKey {
  /** The agency's first id, under which everything of the agency is stored. */
  organisation: string;
  /** The id that replaced it; null: it is the newest. */
  successor: string | null;
}

export interface SuccessionStore {
  agencyKey(agency: string): Promise<AgencyKey>;
  /**
   * Records that an agency has a new key: in one step the clients, tokens and links of the old id are removed, and evidence of either id
   * is the agency's. A repeat changes nothing. Returns the organisation. Throws `agency_key_rotated` when the old id has another
   * successor, `agency_ineligible` when the new id belongs to another agency or was replaced itself.
   */
  succeed(agency: string, successor: string, line: Omit<TrailLine, 'agency'>): Promise<string>;
}

/** Offers whose bytes have not arrived yet. */
export interface OfferStore {
  put(item: string, body: HandOverBody, nowS: number): Promise<void>;
  find(item: string): Promise<HandOverBody | null>;
  remove(item: string): Promise<void>;
  removeOlder(thanS: number): Promise<void>;
}

/** The cursor of the page after this item. */
export function cursorOf(item: Pick<Item, 'uploadedS' | 'item'>): string {
  return `${item.uploadedS}.${item.item}`;
}
