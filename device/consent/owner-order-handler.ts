// Carries out or refuses an owner's authentic order: grant, deny, revoke, command. Runs inside the gate's queue.
import { sha256Hex } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { ReceiptBody } from '@doorsill/contract/home-messages';
import { mustNameLastOrder } from '@doorsill/contract/owner-orders';
import { RevocationReserve } from '../ledger/revocation-reserve.ts';
import type { CommandHandler } from './command-handler.ts';
import type { ConsentContext } from './consent-context.ts';
import { type EffectRunner, rejection } from './effect-runner.ts';
import { type Step, unfinishedGrant } from './request-machine.ts';
import {
  denialFault,
  grantFault,
  isMomentary,
  type OwnerOrder,
  openRevocation,
  type RevokeOrder,
} from './verify-owner.ts';

type Order<Kind extends OwnerOrder['kind']> = Extract<OwnerOrder, { kind: Kind }>;

const DETAIL_LETTERS_MAX = 600;

/** The refusal receipt for an authentic message, with the advice on what to do. */
function refusalReceipt(order: OwnerOrder, why: Failure): ReceiptBody {
  const detail = `${why.message} ${why.advice}`.slice(0, DETAIL_LETTERS_MAX);
  const about = { outcome: 'refused', answers: order.claims.jti, code: why.code, detail } as const;
  switch (order.kind) {
    case 'command':
      return about;
    case 'deny':
      return { ...about, request: order.claims.request };
    case 'grant':
      return { ...about, request: order.claims.request, grant: order.claims.jti };
    case 'revoke':
      return { ...about, request: order.claims.request, grant: order.claims.grant };
  }
}

export class OwnerMessageHandler {
  private readonly context: ConsentContext;
  private readonly runner: EffectRunner;
  private readonly commands: CommandHandler;
  /** Revocations that were acted on without being in the ledger, by their ids. */
  private readonly unrecorded = new Set<string>();
  /** Grants whose revocation arrived before them and is not in the ledger yet. */
  private readonly unrecordedAhead = new Set<string>();
  private readonly reserve: RevocationReserve;

  constructor(context: ConsentContext, runner: EffectRunner, commands: CommandHandler) {
    this.context = context;
    this.runner = runner;
    this.commands = commands;
    this.reserve = new RevocationReserve(context.deps.disk, context.deps.folder);
  }

  /**
   * Puts revocations in force that an earlier boot could not record; `retryRevokes` then carries them out. Throws the disk's
   * error when they cannot be read: one of them may name a grant that would otherwise resume.
   */
  async start(): Promise<void> {
    const { state, deps } = this.context;
    const { device, log } = deps;
    const tokens = await this.reserve.start();
    await this.reserve.makeRoom().catch((thrown: unknown) => {
      log.warn('disk space to record revocations could not be reserved; on a full disk a restart could lose one', {
        error: String(thrown),
      });
    });
    for (const token of tokens) {
      const order = openRevocation(token, { device: device.id, owners: [...state.owners.keys()] });
      if (order) this.runner.pendingRevokes.set(order.claims.grant, order);
    }
  }

  async stop(): Promise<void> {
    await this.reserve.stop();
  }

  /** Carries out an order or refuses it; either way the owner gets a receipt. */
  async carryOut(order: OwnerOrder): Promise<void> {
    const refusal = await this.attempt(order);
    const failed = refusal && order.kind === 'revoke' ? await this.settleRefused(order, refusal) : refusal;
    if (failed) this.context.effects.receipt(refusalReceipt(order, failed));
    else if (order.kind === 'revoke') await this.forgetRevoke(order);
    this.context.effects.changed();
  }

  /** Retries revocations that could not be recorded. */
  async retryRevokes(): Promise<void> {
    for (const order of [...this.runner.pendingRevokes.values()]) {
      const refusal = await this.attempt(order);
      if (refusal) await this.settleRefused(order, refusal);
      else await this.forgetRevoke(order);
    }
  }

  private async attempt(order: OwnerOrder): Promise<Failure | null> {
    try {
      return await this.dispatch(order);
    } catch (thrown) {
      if (isFailure(thrown)) return thrown;
      throw thrown;
    }
  }

  private async dispatch(order: OwnerOrder): Promise<Failure | null> {
    const { state, damage: detail } = this.context;
    if (detail !== null && !(order.kind === 'command' && isMomentary(order.claims)))
      return failure('consent_ledger_damaged', { detail });
    // The signer may have been removed while the order was queued. A revocation is carried out even then: it is always safe.
    if (order.kind !== 'revoke' && !state.owners.has(order.claims.iss)) return failure('owner_unknown');
    // An order signed before the restore may have been carried out or revoked since, or come from a former owner.
    if (order.claims.iat <= state.restoredS && !isSafeAnytime(order)) return failure('consent_before_restore');
    // Orders signed before their owner's removal, which a broker may have kept, stay invalid when that owner is added again.
    const formerS = state.formerS.get(order.claims.iss) ?? 0;
    if (order.claims.iat <= formerS && !isSafeAnytime(order)) return failure('consent_too_old');
    if (order.kind === 'command') return this.command(order);
    const usedAs = state.used.get(order.claims.jti);
    if (usedAs !== undefined && usedAs !== sha256Hex(order.token)) return failure('consent_replayed');
    switch (order.kind) {
      case 'grant':
        return this.grant(order);
      case 'deny':
        return this.deny(order);
      case 'revoke':
        return this.revoke(order);
    }
  }

  private async command(order: Order<'command'>): Promise<Failure | null> {
    const { refused, detail } = await this.commands.carryOut(order);
    if (refused) return refused;
    const answers = order.claims.jti;
    this.context.effects.receipt({
      outcome: 'command-done',
      answers,
      ...(detail === undefined ? {} : { detail }),
    });
    if (order.claims.command.action === 'remove-owner') await this.runner.sweep();
    return null;
  }

  private async grant({ claims, token }: Order<'grant'>): Promise<Failure | null> {
    const { state, answerable, limits, marks } = this.context;
    const { clock, footage } = this.context.deps;
    const { runner } = this;
    const { request, jti } = claims;
    if (state.revokedAhead.has(jti)) return failure('consent_revoked_before');
    const step = runner.step(request, { type: 'grant', grant: { id: jti, sha256: sha256Hex(token) } });
    const early = this.rejectionOf(step, request);
    if (early) return early;
    const opened = answerable.find(request);
    if (isNew(step)) {
      // A broker can delay a grant until a later one was revoked: only the owners' latest message on a request is valid.
      if (claims.iat < (state.lastSignedOfRequestS.get(request) ?? 0)) return failure('consent_too_old');
      const clockTrusted = marks.clockTrusted();
      const values = this.context.settings.disclosure;
      const fault = grantFault(claims, { clock, clockTrusted, answerable, footage, values });
      if (fault) return fault;
      const unfinished = [...state.requests.values()].filter((record) => unfinishedGrant(record.state));
      if (unfinished.length >= limits.grantsMax) return failure('consent_too_many');
    }
    const requestToken = opened?.requestToken ?? '';
    const credential = opened && answerable.credentialTokenOf(opened);
    const owner = state.owners.get(claims.iss);
    assert(owner !== undefined, 'the signer of a grant was checked to be an owner when it left the queue');
    const body = {
      request,
      grant: jti,
      grantToken: token,
      requestToken,
      pairingToken: owner.statement,
      ...(credential === null ? {} : { credentialToken: credential }),
    };
    await runner.perform(step, { request, body: { type: 'granted', body }, answers: jti });
    return null;
  }

  private async deny({ claims, token }: Order<'deny'>): Promise<Failure | null> {
    const { answerable, marks, deps } = this.context;
    const { runner } = this;
    const { request, jti } = claims;
    const step = runner.step(request, { type: 'deny' });
    const early = this.rejectionOf(step, request);
    if (early) return early;
    const fault = isNew(step) ? denialFault(claims, deps.clock, marks.clockTrusted(), answerable) : null;
    if (fault) return fault;
    const requestToken = answerable.find(request)?.requestToken ?? '';
    await runner.perform(step, {
      request,
      body: { type: 'denied', body: { request, jti, token, requestToken } },
      answers: jti,
    });
    return null;
  }

  private async revoke({ claims, token }: RevokeOrder): Promise<Failure | null> {
    const { state } = this.context;
    const { runner } = this;
    const { request, grant, jti } = claims;
    const step = runner.step(request, { type: 'revoke', grant: { id: grant, sha256: claims.grantSha256 } });
    const isAhead = !state.revokedAhead.has(grant) || this.unrecordedAhead.has(grant);
    // For a grant that this device never accepted the step is a rejection.
    if (!state.requestOf.has(grant) && isAhead) {
      // A broker can deliver the grant after its revocation; it will be refused.
      state.revokedAhead.add(grant);
      this.unrecordedAhead.add(grant);
      await runner.record({ type: 'revoked-ahead', body: { request, grant, jti, token } });
      this.unrecordedAhead.delete(grant);
    }
    // Throws if the step is a rejection.
    await runner.perform(step, {
      request,
      body: { type: 'revoked', body: { request, grant, jti, token } },
      answers: jti,
    });
    return null;
  }

  /**
   * Settles a revocation that was not carried out: one that could not be recorded stays in force, goes to the bridge, and is
   * retried; one refused for another reason is dropped. Returns the failure for the owner's receipt.
   */
  private async settleRefused(order: RevokeOrder, refusal: Failure): Promise<Failure> {
    const { state } = this.context;
    const { grant, jti } = order.claims;
    if (refusal.code !== 'consent_storage_failed') {
      await this.forgetRevoke(order);
      return refusal;
    }
    const isKept = await this.reserve.keep(order.token);
    if (!this.unrecorded.has(jti) && state.requestOf.has(grant)) this.actUnrecorded(order);
    if (!isKept && !state.requestOf.has(grant)) await this.forgetRevoke(order);
    return isKept ? failure('consent_revocation_unrecorded') : refusal;
  }

  /** Carries out the effects of an unrecorded revocation, once. */
  private actUnrecorded({ claims, token }: RevokeOrder): void {
    const { state, effects } = this.context;
    const { request, grant, jti } = claims;
    this.unrecorded.add(jti);
    const { at } = this.runner.stateOf(request);
    // Without its clip the grant cannot resume after a restart that loses the revocation. It also frees disk space.
    if (at === 'granted' || at === 'sealed' || at === 'presented') effects.removeClip(grant);
    if (at === 'presented' || at === 'delivered') effects.sendRevocation(grant, token, state.record(request).bridge);
  }

  private async forgetRevoke(order: RevokeOrder): Promise<void> {
    const { pendingRevokes } = this.runner;
    const { grant, jti } = order.claims;
    if (pendingRevokes.get(grant) === order) pendingRevokes.delete(grant);
    this.unrecorded.delete(jti);
    await this.reserve.drop(order.token);
  }

  private rejectionOf(step: Step, request: string): Failure | null {
    const reject = step.effects.find((effect) => effect.do === 'reject');
    if (!reject) return null;
    const isUnknown = reject.code === 'consent_request_unknown';
    const why = isUnknown ? this.context.answerable.whyNotOpen(request) : null;
    return why === null ? rejection(reject) : failure(why);
  }
}

/** Whether a step makes a new decision rather than repeating an answer. */
function isNew(step: Step): boolean {
  return step.effects.some((effect) => effect.do === 'record');
}

/** Whether an order releases nothing, deletes nothing and removes no owner: then it is safe whenever it was signed. */
function isSafeAnytime(order: OwnerOrder): boolean {
  if (order.kind !== 'command') return order.kind !== 'grant';
  const { command } = order.claims;
  return !mustNameLastOrder(command) && command.action !== 'remove-owner';
}
