// Answers an owner who recalls a handed-over clip, by the department's policy. The bridge's claim alone erases nothing: erasing needs the
// signature of the clip's own key, so that a captured bridge cannot destroy evidence.
import type { Clock } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { failure } from '@doorsill/contract/errors';
import type { RecallDecision } from '@doorsill/contract/hand-over-documents';
import { HomeRecall } from '@doorsill/contract/manifest';
import { Pairing, Revoke } from '@doorsill/contract/owner-orders';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { type RecallBody, sameClip } from '../signing/hand-over-documents.ts';
import { readLink } from '../signing/verify-token.ts';
import type { Blobs } from './evidence-blobs.ts';
import { afterStep } from './retention.ts';
import type { VaultReceiptSigner } from './sign-vault-receipts.ts';
import type { Item, ItemChange, ItemStore, PolicyStore, RecallPolicy } from './vault-store.ts';
import type { OfferReader } from './verify-hand-over.ts';

export interface RecallsDeps {
  clock: Clock;
  log: Log;
  items: ItemStore;
  policies: PolicyStore;
  reader: OfferReader;
  blobs: Blobs;
  receipts: VaultReceiptSigner;
}

export class Recalls {
  private readonly deps: RecallsDeps;

  constructor(deps: RecallsDeps) {
    this.deps = deps;
  }

  /**
   * Applies the department's policy; returns the vault's signed answer once it is durable. A repeat gets the same answer. Throws
   * `hand_over_refused`, `evidence_unknown`, `recall_refused`.
   */
  async answer(body: RecallBody): Promise<{ item: string; answer: string }> {
    const { items, policies, reader, blobs, clock, log } = this.deps;
    const recall = await reader.readRecall(body.recall);
    const found = await items.find(recall.item);
    if (!found || found.key === '') throw failure('evidence_unknown');
    if (!sameClip(found, recall)) throw failure('hand_over_refused', { detail: 'the item is another clip' });
    const isProven = proves(found, body);
    const { recall: policy } = await policies.policyOf(found.agency);
    let decided = '';
    const after = await items.change(
      recall.item,
      (now) => {
        if (now.recall !== null) return {};
        const { decision, reason } = decide(now, policy, isProven);
        decided = decision;
        return this.carriedOut(now, decision, reason);
      },
      (now) => ({
        by: now.bridge,
        officer: '',
        reason: 'the owner recalled it',
        atUs: clock.wallUs(),
        agency: now.agency,
        item: now.item,
        cases: now.cases,
        event: 'recalled',
        detail: decided,
      }),
    );
    if (!after?.recall) throw failure('evidence_unknown');
    if (after.state === 'erased') await blobs.erase(after);
    if (decided !== '')
      log.info('the vault has decided on an owner’s recall of a clip', { item: after.item, decision: decided });
    return { item: after.item, answer: after.recall };
  }

  private carriedOut(now: Item, decision: RecallDecision, reason: string | null): ItemChange {
    const { receipts } = this.deps;
    const recall = receipts.answerRecall(now, decision, reason);
    // The bridge recalls only a clip that it has handed over: even a `held` one is the vault's by now.
    const confirmed = now.state === 'held' ? { state: afterStep(now.state, 'confirm') ?? now.state } : {};
    switch (decision) {
      case 'erased':
        if (now.state === 'erased') return { recall };
        return { recall, state: 'erased', statement: '', deletion: receipts.deleted(now, 'recall') };
      case 'restricted':
        return { recall, ...confirmed, ...(now.accessClass === 'none' ? { accessClass: 'restricted' } : {}) };
      case 'kept':
        return { recall, ...confirmed };
    }
  }
}

/**
 * The decision of a policy on a recall. Instead of being erased, an item is restricted if it is in a case, which suspends deletion, or if
 * only the bridge recalls it (`isProven` is false).
 */
export function decide(
  item: Pick<Item, 'state' | 'cases'>,
  policy: RecallPolicy,
  isProven: boolean,
): { decision: RecallDecision; reason: string | null } {
  if (item.state === 'erased') return { decision: 'erased', reason: null };
  if (policy.answer === 'keep') return { decision: 'kept', reason: policy.reason };
  if (policy.answer === 'restrict') return { decision: 'restricted', reason: policy.reason };
  if (item.cases.length > 0) return { decision: 'restricted', reason: 'it belongs to a case, which suspends deletion' };
  if (!isProven) {
    return {
      decision: 'restricted',
      reason: "only the bridge recalls it: the recall under the clip's own key is missing",
    };
  }
  return { decision: 'erased', reason: policy.reason };
}

/** Whether the recall has the home's own signature; a reset or lost device has none. Throws `recall_refused` for an invalid one. */
function proves(item: Item, body: RecallBody): boolean {
  // A clip older than statements has the owner's revocation instead, which names the device.
  if (item.ownerKey !== '') {
    assertOwners(item, body);
    return true;
  }
  if (body.homeRecall === undefined) return false;
  const { home, grant, clip, statementSha256 } = readLink(
    body.homeRecall,
    { typ: 'doorsill-home-recall+jws', schema: HomeRecall, audience: item.agency, keys: [item.key] },
    'recall_refused',
    'recall under the clip’s key',
  );
  const isSame =
    home === item.home && grant === item.grant && clip === item.clip && statementSha256 === item.statementSha256;
  if (!isSame) throw failure('recall_refused', { detail: 'it is about another clip' });
  return true;
}

/** Throws `recall_refused` unless the revocation is signed by an owner of this device and names this grant. */
function assertOwners(item: Item, { revocation = '', pairing }: RecallBody): void {
  const vouched =
    pairing === undefined
      ? null
      : readLink(
          pairing,
          { typ: 'doorsill-pairing+jws', schema: Pairing, audience: PUBLIC_AUDIENCE, keys: [item.key] },
          'recall_refused',
          'pairing',
        );
  if (vouched && vouched.device !== item.home)
    throw failure('recall_refused', { detail: 'the pairing is another device’s' });
  const claims = readLink(
    revocation,
    {
      typ: 'doorsill-revoke+jws',
      schema: Revoke,
      audience: item.home,
      keys: [item.ownerKey, ...(vouched ? [vouched.key] : [])],
    },
    'recall_refused',
    'revocation',
  );
  if (claims.grant !== item.grant || claims.grantSha256 !== item.grantSha256) {
    throw failure('recall_refused', {
      detail: `it names grant ${sha256Hex(claims.grant).slice(0, 8)}..., not this item's`,
    });
  }
}
