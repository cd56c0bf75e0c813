// What an agency's officers may do with evidence: view, download, classify, delete, restore. The trail records each access, with person and
// reason, before anything is shown.

import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Span } from '@doorsill/base/http/byte-range';
import { sha256Hex } from '@doorsill/base/keys';
import type { Random } from '@doorsill/base/random';
import { toBase64url } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import type { SealedContents } from '@doorsill/contract/sealing';
import type { AssertShown, ClipDownload, ClipDownloads } from '../http/revocable-downloads.ts';
import { type Actor, assertScope, type Caller } from './clients.ts';
import { type EncryptedClips, readableClip } from './encrypted-clips.ts';
import { clipOfItem, type ItemClip } from './item-clip.ts';
import { afterStep, erasedAtS, type ItemStep, UNCATEGORIZED } from './retention.ts';
import {
  ACCESS_CLASSES,
  type AccessClass,
  type AccessStore,
  cursorOf,
  type Item,
  type ItemChange,
  type ItemFilter,
  type ItemStore,
  type Link,
  type Page,
  type TRAIL_EVENTS,
  type TrailEntry,
  type TrailLine,
  type TrailStore,
} from './vault-store.ts';

export interface EvidenceDeps {
  clock: Clock;
  random: Random;
  items: ItemStore;
  trail: TrailStore;
  access: AccessStore;
  encrypted: EncryptedClips;
  downloads: ClipDownloads;
  linkLifeS: number;
}

/** How an item's bytes are read. Each needs its own scope. */
export type Taking = 'streamed' | 'downloaded';

type Event = (typeof TRAIL_EVENTS)[number];

export type ItemView = ReturnType<typeof viewOf>;

/** An item whose clip may be sent, and what its reader gets. */
export interface ShownClip extends ItemClip {
  item: Item;
}

const SCOPE_OF = { streamed: 'evidence.any.read', downloaded: 'evidence.any.download' } as const;

/** States in lists by default. A `held` item is not the vault's yet, and never shown. */
const SHOWN_STATES = ['active', 'deleted'] as const;

export class Evidence {
  private readonly deps: EvidenceDeps;

  constructor(deps: EvidenceDeps) {
    this.deps = deps;
  }

  /** A page of the agency's items that the actor is cleared for, newest first. Throws `vault_scope_missing`. */
  async list(
    actor: Actor,
    wanted: Omit<ItemFilter, 'states' | 'classes'> & { state?: 'active' | 'deleted' | undefined },
    page: Page,
  ): Promise<{ items: ItemView[]; next: string | null }> {
    assertScope(actor, 'evidence.any.read');
    const { state, ...filter } = wanted;
    const states = state === undefined ? SHOWN_STATES : [state];
    await this.deps.trail.add(this.line(actor, null, 'listed', JSON.stringify(wanted)));
    const items = await this.deps.items.list(actor.agency, { ...filter, states, classes: clearances(actor) }, page);
    const last = items.length === page.limit ? items.at(-1) : undefined;
    return { items: items.map(viewOf), next: last ? cursorOf(last) : null };
  }

  /** One item's facts. Throws `evidence_unknown`, `vault_scope_missing`. */
  async view(actor: Actor, id: string): Promise<ItemView> {
    return viewOf(await this.show(actor, id, 'evidence.any.read', 'viewed'));
  }

  /**
   * The item's statement; the facts that the home disclosed are in it or, for an encrypted clip that the vault has opened, in `contents`.
   * Throws as `view`; `evidence_state` once it is erased, `evidence_unopened` for a clip that the vault refused.
   */
  async manifest(actor: Actor, id: string): Promise<{ statement: string; contents: SealedContents | null }> {
    const item = readable(await this.show(actor, id, 'evidence.any.read', 'manifest-viewed'));
    return { statement: item.statement, contents: await this.deps.encrypted.contents(item) };
  }

  /** The item whose bytes may be sent now. Throws as `manifest`; `evidence_sealed` to stream what the vault cannot decrypt. */
  async bytes(actor: Actor, id: string, taking: Taking): Promise<ShownClip> {
    const shown = shownClip(readable(await this.show(actor, id, SCOPE_OF[taking], taking)));
    if (taking === 'streamed') assertDecrypted(shown);
    return shown;
  }

  /** The item's bytes. While they are sent, `caller` is asked again who reads; they stop once that one may not read them. */
  read(caller: () => Promise<Caller>, item: Item, taking: Taking, span: Span): ClipDownload {
    return this.readAs(item, span, async () => {
      const now = await caller();
      assertScope(now, SCOPE_OF[taking]);
      readable(await this.find(now, item.item));
    });
  }

  /**
   * A link with which anyone can download once, for a limited time; the download is attributed to the link's maker. Throws as `manifest`;
   * `evidence_sealed` for what the vault cannot decrypt, `evidence_state` when the item changed meanwhile.
   */
  async link(actor: Actor, id: string): Promise<{ secret: string; expiresS: number }> {
    const { random, access, clock, linkLifeS } = this.deps;
    const item = readable(await this.show(actor, id, 'evidence.any.download', 'link-made'));
    assertDecrypted(shownClip(item));
    const secret = toBase64url(random.bytes(32));
    const nowS = wallSeconds(clock);
    const { by, officer, reason, agency } = actor;
    const expiresS = nowS + linkLifeS;
    const link = { linkSha256: sha256Hex(secret), item: item.item, agency, by, officer, reason, expiresS };
    if (!(await access.addLink(link, item, nowS))) {
      throw failure('evidence_state', { state: item.state, detail: 'it has just changed; view it again' });
    }
    return { secret, expiresS };
  }

  /** Marks a link as used and returns its item. Throws `download_link_invalid`. */
  async followLink(secret: string): Promise<ShownClip> {
    const linkSha256 = sha256Hex(secret);
    const { link, item } = await this.linked(linkSha256);
    const line = this.line({ ...link, scopes: [] }, item, 'link-used', '');
    const isFirst = await this.deps.access.useLink(linkSha256, wallSeconds(this.deps.clock), line);
    if (!isFirst) throw failure('download_link_invalid');
    return shownClip(item);
  }

  /** The bytes behind a link that `followLink` has marked as used. They stop once it has expired or its maker may not see the item. */
  readLinked(secret: string, item: Item, span: Span): ClipDownload {
    const linkSha256 = sha256Hex(secret);
    return this.readAs(item, span, async () => void (await this.linked(linkSha256)));
  }

  async triage(actor: Actor, id: string, triage: 'accepted' | 'declined'): Promise<ItemView> {
    return this.update(actor, id, 'triaged', triage, () => ({ triage }));
  }

  async categorise(actor: Actor, id: string, categories: readonly string[]): Promise<ItemView> {
    // `uncategorized` is not stored: it means that there is no other category.
    const named = [...new Set(categories)].filter((category) => category !== UNCATEGORIZED);
    return this.update(actor, id, 'categories-changed', named.join(' '), () => ({ categories: named }));
  }

  /** Sets the class. Throws `vault_scope_missing` for a class that the actor could not read afterwards. */
  async classify(actor: Actor, id: string, accessClass: AccessClass): Promise<ItemView> {
    if (!clearances(actor).includes(accessClass)) {
      throw failure('vault_scope_missing', { scope: `evidence.${accessClass}.read` });
    }
    return this.update(actor, id, 'class-changed', accessClass, () => ({ accessClass }));
  }

  async addCase(actor: Actor, id: string, caseId: string): Promise<ItemView> {
    return this.update(actor, id, 'case-added', caseId, ({ cases }) => ({ cases: [...new Set([...cases, caseId])] }));
  }

  async removeCase(actor: Actor, id: string, caseId: string): Promise<ItemView> {
    return this.update(actor, id, 'case-removed', caseId, ({ cases }) => ({
      cases: cases.filter((one) => one !== caseId),
    }));
  }

  /** Marks for deletion; it can be restored for seven days. Throws `evidence_state` when a case suspends deletion. */
  async delete(actor: Actor, id: string): Promise<ItemView> {
    assertScope(actor, 'evidence.any.delete');
    const nowS = wallSeconds(this.deps.clock);
    return this.change(actor, id, 'deleted', '', (now) => {
      if (now.cases.length > 0) {
        throw failure('evidence_state', { state: now.state, detail: 'it belongs to a case, which suspends deletion' });
      }
      return { state: stateAfter(now, 'delete'), deletedS: nowS, deletedBy: 'officer' };
    });
  }

  /** Restores a deleted item. Throws `evidence_state` when it is not deleted, or can no longer be restored. */
  async restore(actor: Actor, id: string): Promise<ItemView> {
    assertScope(actor, 'evidence.any.delete');
    const nowS = wallSeconds(this.deps.clock);
    return this.change(actor, id, 'restored', '', (now) => {
      const state = stateAfter(now, 'restore');
      if (nowS >= erasedAtS(now.deletedS ?? 0)) {
        throw failure('evidence_state', { state: now.state, detail: 'its seven days are over' });
      }
      return { state, deletedS: null, deletedBy: null, restoredS: nowS };
    });
  }

  /** A page of an item's trail, or of the agency's, newest first. */
  async trail(actor: Actor, id: string | null, page: Page): Promise<{ entries: TrailEntry[]; next: string | null }> {
    assertScope(actor, 'trail.any.read');
    const item = id === null ? null : await this.find(actor, id);
    await this.deps.trail.add(this.line(actor, item, 'trail-viewed', ''));
    const entries = await this.deps.trail.list(actor.agency, id, page);
    const last = entries.length === page.limit ? entries.at(-1) : undefined;
    return { entries, next: last ? String(last.sequence) : null };
  }

  /** A valid link and its item, if its maker, still a client, could download it now. Throws `download_link_invalid`. */
  private async linked(linkSha256: string): Promise<{ link: Link; item: Item }> {
    const { access, items, clock } = this.deps;
    const link = await access.findLink(linkSha256, wallSeconds(clock));
    const maker = link && (await access.findClient(link.by));
    const item = link && (await items.find(link.item));
    const isOpen = maker && item?.state === 'active' && isCleared({ ...maker, agency: link.agency }, item);
    if (!isOpen) throw failure('download_link_invalid');
    return { link, item };
  }

  private readAs(item: Item, span: Span, recheck: AssertShown): ClipDownload {
    const { encrypted, downloads } = this.deps;
    return downloads.read(item.item, () => encrypted.open(item, span), span, recheck);
  }

  private async show(
    actor: Actor,
    id: string,
    scope: 'evidence.any.read' | 'evidence.any.download',
    event: Event,
  ): Promise<Item> {
    assertScope(actor, scope);
    const item = await this.find(actor, id);
    await this.deps.trail.add(this.line(actor, item, event, ''));
    // Checked again: it may have been erased or classified while the trail was being written.
    return this.find(actor, id);
  }

  private update(
    actor: Actor,
    id: string,
    event: Event,
    detail: string,
    alter: (now: Item) => ItemChange,
  ): Promise<ItemView> {
    assertScope(actor, 'evidence.any.update');
    return this.change(actor, id, event, detail, (now) => {
      if (now.state !== 'active') throw failure('evidence_state', { state: now.state, detail: 'it can be restored' });
      return alter(now);
    });
  }

  private async change(
    actor: Actor,
    id: string,
    event: Event,
    detail: string,
    alter: (now: Item) => ItemChange,
  ): Promise<ItemView> {
    await this.find(actor, id);
    const changed = await this.deps.items.change(
      id,
      (now) => {
        assertShown(actor, now);
        if (now.state === 'erased')
          throw failure('evidence_state', { state: 'erased', detail: 'its bytes are destroyed' });
        return alter(now);
      },
      (now) => this.line(actor, now, event, detail),
    );
    if (!changed) throw failure('evidence_unknown');
    return viewOf(changed);
  }

  /** The item if the actor may see it: another agency's, or one above their clearance, looks as if it did not exist. */
  private async find(actor: Pick<Actor, 'agency' | 'scopes'>, id: string): Promise<Item> {
    const item = await this.deps.items.find(id);
    if (!item) throw failure('evidence_unknown');
    assertShown(actor, item);
    return item;
  }

  private line(actor: Actor, item: Item | null, event: Event, detail: string): TrailLine {
    const { by, officer, reason, agency } = actor;
    const about = { item: item?.item ?? '', cases: item?.cases ?? [] };
    return { atUs: this.deps.clock.wallUs(), by, officer, reason, agency, event, detail, ...about };
  }
}

function assertShown(actor: Pick<Actor, 'agency' | 'scopes'>, item: Item): void {
  if (item.state === 'held' || !isCleared(actor, item)) throw failure('evidence_unknown');
}

function isCleared(actor: Pick<Actor, 'agency' | 'scopes'>, item: Item): boolean {
  return item.agency === actor.agency && clearances(actor).includes(item.accessClass);
}

/** The access classes an actor may see. */
function clearances({ scopes }: Pick<Actor, 'scopes'>): AccessClass[] {
  return ACCESS_CLASSES.filter((each) => each === 'none' || scopes.includes(`evidence.${each}.read`));
}

function readable(item: Item): Item {
  if (item.state === 'active') return item;
  const detail = item.state === 'erased' ? 'its bytes are gone' : 'a deleted item can be restored for seven days';
  throw failure('evidence_state', { state: item.state, detail });
}

/** Throws `evidence_unopened`. */
function shownClip(item: Item): ShownClip {
  return { ...readableClip(item), item };
}

/** Throws `evidence_sealed` for a clip that a browser or player could not show. */
function assertDecrypted({ readableBy }: ItemClip): void {
  if (readableBy === 'recipient') throw failure('evidence_sealed');
}

function stateAfter(item: Item, step: ItemStep): Item['state'] {
  const state = afterStep(item.state, step);
  if (state === null) throw failure('evidence_state', { state: item.state, detail: `${step} does not apply` });
  return state;
}

function viewOf(item: Item) {
  const { state, deletedS } = item;
  const { readableBy, outcome, decrypting } = clipOfItem(item);
  return {
    item: item.item,
    clip: item.clip,
    request: item.request,
    investigation: item.investigation,
    source: item.source,
    state,
    accessClass: item.accessClass,
    triage: item.triage,
    categories: item.categories.length > 0 ? item.categories : [UNCATEGORIZED],
    cases: item.cases,
    sha256: item.clipSha256,
    bytes: item.clipBytes,
    readableBy,
    verdict: outcome,
    opened: decrypting && { sha256: decrypting.sealed.clipSha256, bytes: decrypting.sealed.clipBytes },
    statementSha256: item.statementSha256,
    recordedS: item.recordedS,
    uploadedS: item.uploadedS,
    deletesS: state === 'active' ? item.dueS : null,
    erasesS: state === 'deleted' && deletedS !== null ? erasedAtS(deletedS) : null,
    recall: item.recall,
    deletion: item.deletion,
  };
}
