// Takes a clip over from a bridge so that a crash at any point neither loses nor doubles it: offered; its bytes durable and acknowledged;
// then confirmed or withdrawn.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { TaskQueue } from '@doorsill/base/task-queue';
import { failure } from '@doorsill/contract/errors';
import type { Statement } from '@doorsill/contract/manifest';
import type { VerdictOutcome } from '@doorsill/contract/sealing';
import {
  clipOf,
  type HandOver,
  type HandOverBody,
  type HandOverStatus,
  sameClip,
} from '../signing/hand-over-documents.ts';
import type { EncryptedClips } from './encrypted-clips.ts';
import type { Blobs } from './evidence-blobs.ts';
import { afterStep, type ItemState } from './retention.ts';
import type { VaultReceiptSigner } from './sign-vault-receipts.ts';
import type { Item, ItemStore, OfferStore, TrailLine } from './vault-store.ts';
import type { OfferReader, ReadStep } from './verify-hand-over.ts';

export interface EvidenceReceiverDeps {
  clock: Clock;
  log: Log;
  items: ItemStore;
  offers: OfferStore;
  reader: OfferReader;
  blobs: Blobs;
  encrypted: EncryptedClips;
  receipts: VaultReceiptSigner;
  freeBytesMin: number;
}

export class EvidenceReceiver {
  private readonly deps: EvidenceReceiverDeps;
  /** Decisions about items are serialised; bytes are received in parallel. */
  private readonly turns = new TaskQueue();

  constructor(deps: EvidenceReceiverDeps) {
    this.deps = deps;
  }

  /** Resolves when no decision is in progress. */
  idle(): Promise<void> {
    return this.turns.idle();
  }

  /** Accepts an offer, or reports the item's status. Throws `hand_over_refused`, `token_expired`, `vault_unreachable`. */
  async offer(body: HandOverBody): Promise<HandOverStatus> {
    const { reader, items, offers, encrypted, clock } = this.deps;
    const { step } = await reader.readStep(body.offer, 'offer');
    const statement = reader.readPapers(step, body);
    const known = await items.find(step.item);
    if (known) return this.known(known, step);
    await encrypted.assertCanJudge(statement, step.item);
    await this.assertRoom(step.clipBytes);
    await offers.put(step.item, body, wallSeconds(clock));
    return { item: step.item, state: 'open' };
  }

  /**
   * Receives the bytes of an offered clip. Returns the signed acknowledgement once they are verified, durable and in the database, with the
   * verdict on a clip that was encrypted to this vault. Throws `hand_over_refused` for other bytes, `evidence_unknown` without an offer,
   * `vault_unreachable` for a clip that cannot be judged now. It goes on when the bridge stops waiting, whose next call gets the result.
   */
  async take(offerToken: string, item: string, bytes: AsyncIterable<Uint8Array>): Promise<HandOverStatus> {
    const { reader, items, offers, blobs, encrypted } = this.deps;
    const { step, bridge } = await reader.readStep(offerToken, 'offer');
    if (step.item !== item) throw failure('hand_over_refused', { detail: 'the offer is for another item' });
    const known = await items.find(item);
    if (known) return this.known(known, step);
    const body = await offers.find(item);
    if (!body) throw failure('evidence_unknown');
    const statement = reader.readPapers(step, body);
    await encrypted.assertCanJudge(statement, item);
    const staged = await blobs.stage();
    try {
      let count = 0;
      for await (const part of bytes) {
        count += part.length;
        if (count > step.clipBytes) throw failure('hand_over_refused', { detail: 'it has more bytes than announced' });
        await staged.write(part);
      }
      const { sha256 } = await staged.seal();
      if (count !== step.clipBytes || sha256 !== step.clipSha256) {
        throw failure('hand_over_refused', { detail: 'the bytes do not have the announced length and hash' });
      }
      const outcome = await encrypted.judge(statement, item, () => staged.open());
      const object = await staged.prepare(item, body.statement);
      return await this.turns.run(async () => {
        // It may have been withdrawn meanwhile, or received over another connection.
        const raced = await items.find(item);
        if (raced?.state === 'erased') await blobs.erase({ item, object });
        if (raced) return this.known(raced, step);
        await staged.publish(item, body.statement);
        return this.enter({ step, bridge }, { token: body.statement, statement, object, outcome });
      });
    } finally {
      await staged.close();
    }
  }

  /** The bridge has handed the clip over: the item is evidence from now on. Throws `hand_over_refused`, `evidence_unknown`. */
  async confirm(token: string): Promise<HandOverStatus> {
    const { step, bridge } = await this.deps.reader.readStep(token, 'confirm');
    return this.turns.run(async () => {
      const now = await this.step(step, bridge, 'confirm');
      if (!now) throw failure('evidence_unknown');
      return this.standing(now);
    });
  }

  /**
   * The owner revoked before the hand-over: the clip is erased, and bytes that arrive late are refused. Throws `hand_over_refused`, and
   * `evidence_state` once the hand-over was confirmed.
   */
  async withdraw(token: string): Promise<HandOverStatus> {
    const { step, bridge } = await this.deps.reader.readStep(token, 'withdraw');
    const { items, offers, blobs, receipts, log } = this.deps;
    return this.turns.run(async () => {
      const deletion = receipts.deleted({ ...clipOf(step), agency: step.agency }, 'withdrawn');
      const gone = await this.step(step, bridge, 'withdraw', deletion);
      let after = gone;
      if (!gone) {
        const record = tombstone(step, bridge, deletion, wallSeconds(this.deps.clock));
        // Another instance may have received its bytes meanwhile.
        const isAdded = await items.add(record, this.line(step, bridge, 'withdrawn'));
        if (!isAdded) after = await this.step(step, bridge, 'withdraw', deletion);
      }
      await offers.remove(step.item);
      await blobs.erase({ item: step.item, object: after?.object ?? '' });
      log.info('a clip is erased: its owner revoked it before the hand-over was complete', { item: step.item });
      return { item: step.item, state: 'erased' };
    });
  }

  private async step(
    step: HandOver,
    bridge: string,
    what: 'confirm' | 'withdraw',
    deletion: string | null = null,
  ): Promise<Item | null> {
    return this.deps.items.change(
      step.item,
      (now) => {
        if (!sameClip(now, step)) throw failure('hand_over_refused', { detail: 'the item is another clip' });
        const state = afterStep(now.state, what);
        if (state === null) throw failure('evidence_state', { state: now.state, detail: 'it was handed over' });
        if (state === now.state) return {};
        return what === 'confirm' ? { state } : { state, statement: '', deletion };
      },
      () => this.line(step, bridge, what === 'confirm' ? 'handed-over' : 'withdrawn'),
    );
  }

  private async enter(
    { step, bridge }: ReadStep,
    { token, statement, object, outcome }: Arrived,
  ): Promise<HandOverStatus> {
    const { items, blobs, receipts, clock, log } = this.deps;
    const item = {
      ...fromStep(step, bridge),
      object,
      key: statement.iss,
      ownerKey: '',
      grantSha256: '',
      statement: token,
      recordedS: Math.floor(statement.coverage.startUs / 1_000_000),
      uploadedS: wallSeconds(clock),
      state: 'held',
      acknowledgement: receipts.acknowledge(clipOf(step), bridge),
      verdict: outcome === null ? '' : receipts.verdict(clipOf(step), bridge, outcome),
    } as const;
    const isAdded = await items.add(item, this.line(step, bridge, 'received'), 'offered');
    if (!isAdded) {
      // Another instance was faster: it has received the bytes, or the withdrawal.
      const other = await items.find(step.item);
      if (other?.state === 'erased') await blobs.erase({ item: step.item, object });
      if (other) return this.known(other, step);
      throw failure('evidence_unknown');
    }
    log.info('a clip has arrived from the bridge and is held', { item: step.item, bytes: step.clipBytes });
    return this.standing(item);
  }

  private known(item: Item, step: HandOver): HandOverStatus {
    if (!sameClip(item, step)) throw failure('hand_over_refused', { detail: 'this item is another clip here' });
    return this.standing(item);
  }

  /** An item's status for its bridge. A new version of the database empties acknowledgements of the old form; they are signed again. */
  private standing(item: Omit<Item, 'dueS'>): HandOverStatus {
    const state = wireState(item.state);
    const isKept = item.state !== 'erased' && item.acknowledgement === '';
    const acknowledgement = isKept ? this.deps.receipts.acknowledge(item, item.bridge) : item.acknowledgement;
    const verdict = item.verdict === '' ? {} : { verdict: item.verdict };
    return { item: item.item, state, ...(acknowledgement === '' ? {} : { acknowledgement }), ...verdict };
  }

  private line(step: HandOver, bridge: string, event: string): TrailLine {
    const who = { by: bridge, officer: '', reason: '' };
    const { item, agency, clipSha256 } = step;
    return { ...who, atUs: this.deps.clock.wallUs(), agency, item, cases: [], event, detail: clipSha256 };
  }

  private async assertRoom(bytes: number): Promise<void> {
    const { blobs, freeBytesMin } = this.deps;
    if ((await blobs.freeBytes()) < bytes + freeBytesMin)
      throw failure('vault_unreachable', { detail: 'it has no space' });
  }
}

/** A clip whose bytes are in their final place, invisible yet. `outcome`: of an encrypted clip that the vault has opened. */
interface Arrived {
  token: string;
  statement: Statement;
  object: string;
  outcome: VerdictOutcome | null;
}

/** The bridge does not learn that an item is deleted but restorable. */
function wireState(state: ItemState): HandOverStatus['state'] {
  return state === 'active' || state === 'deleted' ? 'confirmed' : state;
}

function fromStep(step: HandOver, bridge: string) {
  return {
    ...clipOf(step),
    agency: step.agency,
    bridge,
    request: step.request,
    investigation: step.investigation,
    source: step.source,
    accessClass: 'none',
    triage: 'pending',
    categories: [step.retention],
    cases: [],
    deletedS: null,
    deletedBy: null,
    restoredS: null,
    recall: null,
    deletion: null,
  } as const satisfies Partial<Item>;
}

/** The record of a clip that was withdrawn before its bytes arrived, so that late ones are refused. */
function tombstone(step: HandOver, bridge: string, deletion: string, nowS: number): Omit<Item, 'dueS'> {
  const nobody = {
    key: '',
    ownerKey: '',
    grantSha256: '',
    statement: '',
    object: '',
    acknowledgement: '',
    verdict: '',
  };
  return { ...fromStep(step, bridge), ...nobody, recordedS: nowS, uploadedS: nowS, state: 'erased', deletion };
}
