import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { ENDED_PARTNERS } from '@doorsill/contract/built-in-ended-partners';
import { toBase64url, utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import type { Partner, PartnerStatus, PartnerStore } from './partners-store.ts';

export interface PartnersDeps {
  clock: Clock;
  random: Random;
  log: Log;
  store: PartnerStore;
  /** Called when requests may have been cancelled; need not be awaited. */
  changed: () => void;
}

/** The public facts about a partner. */
export interface PartnerFacts {
  partner: string;
  name: string;
  status: PartnerStatus;
  since: string;
}

/** Shown once, to the operator who hands it to the partner. */
export interface PartnerSecrets extends PartnerFacts {
  token: string;
  webhookSecret: string;
}

export class Partners {
  private readonly deps: PartnersDeps;

  constructor(deps: PartnersDeps) {
    this.deps = deps;
  }

  /**
   * Cancels open requests of suspended partners. An earlier version left them open: a suspension only hid them, and homes that had received
   * them could answer.
   */
  async start(): Promise<void> {
    const cancelled = await this.deps.store.cancelLeftOpen(wallSeconds(this.deps.clock));
    if (cancelled > 0)
      this.deps.log.info('requests that suspended partners still had open are cancelled', { cancelled });
  }

  /** All partners, including those that ended before this program existed (contract/built-in-ended-partners.ts). */
  async list(): Promise<PartnerFacts[]> {
    const ended = ENDED_PARTNERS.map(({ id, name, since }) => ({ partner: id, name, status: 'ended' as const, since }));
    return [...ended, ...(await this.deps.store.list()).map(factsOf)];
  }

  /** Adds a partner as active. Throws `partner_ended`, `partner_changed`. */
  async add(partner: string, name: string): Promise<PartnerSecrets> {
    assertNotOver(partner);
    const { made, secrets } = this.withSecrets({
      partner,
      name,
      status: 'active',
      sinceS: wallSeconds(this.deps.clock),
      revision: 1,
      tokenSha256: '',
      webhookSecret: '',
    });
    if (!(await this.deps.store.add(made))) throw changed(await this.known(partner));
    return secrets;
  }

  /** Gives a partner new secrets; the former ones stop working. Throws `partner_unknown`, `partner_ended`. */
  async renewSecrets(partner: string): Promise<PartnerSecrets> {
    let secrets: PartnerSecrets | null = null;
    await this.change(partner, (now) => {
      if (now.status === 'ended') throw ended(now);
      const renewed = this.withSecrets(now);
      secrets = renewed.secrets;
      return { ...renewed.made, revision: now.revision + 1 };
    });
    if (secrets === null) throw failure('partner_unknown', { partner });
    return secrets;
  }

  /**
   * Sets a partner's status if its revision is still `revision`, and cancels its open requests, in one step and for good. Ending it also
   * deletes its secrets and cancels waiting requests. Throws `partner_unknown`, `partner_changed`, `partner_ended`.
   */
  async setStatus(
    partner: string,
    status: PartnerStatus,
    revision: number,
  ): Promise<PartnerFacts & { cancelled: number }> {
    const done = await this.change(partner, (now) => {
      if (now.status === status) return null;
      if (now.status === 'ended') throw ended(now);
      if (now.revision !== revision) throw changed(now);
      const secrets = status === 'ended' ? { tokenSha256: '', webhookSecret: '' } : {};
      return { ...now, ...secrets, status, sinceS: wallSeconds(this.deps.clock), revision: now.revision + 1 };
    });
    this.deps.log.info('the status of a partner has changed', { partner, status, cancelled: done.cancelled });
    this.deps.changed();
    return { ...factsOf(done.partner), cancelled: done.cancelled };
  }

  /** One partner, for the operator. Throws `partner_unknown`, `partner_ended`. */
  async see(partner: string): Promise<PartnerFacts & { revision: number }> {
    const known = await this.known(partner);
    return { ...factsOf(known), revision: known.revision };
  }

  /** Accepts an active partner's token. Throws `partner_unknown`, `partner_ended`, `partner_suspended`, `http_unauthorised`. */
  async enter(partner: string, token: string): Promise<void> {
    const known = await this.usable(partner);
    if (!timingSafeEqual(utf8(sha256Hex(token)), utf8(known.tokenSha256))) throw failure('http_unauthorised');
  }

  /** Throws unless a webhook's exact bytes are signed with an active partner's secret: as `enter`, and `partner_signature`. */
  async assertSigned(partner: string, body: string, signature: string | undefined): Promise<void> {
    const known = await this.usable(partner);
    if (!isSignedBy(known.webhookSecret, body, signature)) throw failure('partner_signature');
  }

  /** The partner, if its channel is open. Throws `partner_unknown`, `partner_ended`, `partner_suspended`. */
  async usable(partner: string): Promise<Partner> {
    const known = await this.known(partner);
    assertOpen(known);
    return known;
  }

  private async known(partner: string): Promise<Partner> {
    assertNotOver(partner);
    const known = await this.deps.store.find(partner);
    if (!known) throw failure('partner_unknown', { partner });
    return known;
  }

  private async change(partner: string, decide: (now: Partner) => Partner | null) {
    assertNotOver(partner);
    const done = await this.deps.store.change(partner, decide, wallSeconds(this.deps.clock));
    if (!done) throw failure('partner_unknown', { partner });
    return done;
  }

  private withSecrets(partner: Partner): { made: Partner; secrets: PartnerSecrets } {
    const [token, webhookSecret] = [this.secret(), this.secret()];
    const made = { ...partner, tokenSha256: sha256Hex(token), webhookSecret };
    return { made, secrets: { ...factsOf(made), token, webhookSecret } };
  }

  private secret(): string {
    return toBase64url(this.deps.random.bytes(32));
  }
}

/** Throws `partner_ended` or `partner_suspended` unless a partner's channel is open. */
export function assertOpen(partner: Pick<Partner, 'name' | 'status' | 'sinceS'>): void {
  if (partner.status === 'ended') throw ended(partner);
  if (partner.status === 'suspended') throw failure('partner_suspended', { partner: partner.name });
}

function factsOf({ partner, name, status, sinceS }: Partner): PartnerFacts {
  return { partner, name, status, since: dayOf(sinceS) };
}

/** Throws `partner_ended` for one of the built-in ended partners. */
function assertNotOver(partner: string): void {
  const over = ENDED_PARTNERS.find(({ id }) => id === partner);
  if (over) throw failure('partner_ended', { partner: over.name, since: over.since });
}

function dayOf(atS: number): string {
  return new Date(atS * 1000).toISOString().slice(0, 10);
}

function ended({ name, sinceS }: Pick<Partner, 'name' | 'sinceS'>) {
  return failure('partner_ended', { partner: name, since: dayOf(sinceS) });
}

function changed({ status, revision }: Partner) {
  return failure('partner_changed', { state: status, revision });
}

/** The signature header's value for a body. */
export function signatureOf(secret: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** Whether a header is the body's signature under the secret; an empty secret signs nothing. */
export function isSignedBy(secret: string, body: string, header: string | undefined): boolean {
  const [wanted, given] = [Buffer.from(signatureOf(secret, body)), Buffer.from(header ?? '')];
  return secret !== '' && wanted.length === given.length && timingSafeEqual(wanted, given);
}
