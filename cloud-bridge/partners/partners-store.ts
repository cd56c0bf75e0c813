// Owns: what the bridge stores about partners whose channels agencies use. Not here: how (sql-partners.ts).

export const PARTNER_STATUSES = ['active', 'suspended', 'ended'] as const;
export type PartnerStatus = (typeof PARTNER_STATUSES)[number];

export interface Partner {
  partner: string;
  name: string;
  status: PartnerStatus;
  /** When the status began, in seconds since 1970. */
  sinceS: number;
  /** Grows with every change. */
  revision: number;
  /** Hash of the token that opens its channel, the only form kept; empty when it has none. */
  tokenSha256: string;
  /** The secret of its webhooks' HMAC; empty when it has none. */
  webhookSecret: string;
}

export interface PartnerStore {
  /** Adds a partner; false when the id is taken. */
  add(partner: Partner): Promise<boolean>;
  find(partner: string): Promise<Partner | null>;
  list(): Promise<Partner[]>;
  /**
   * Changes a partner in one step, by what `decide` returns for its current values; null leaves it. With another status every
   * request that came through it and is open is cancelled in the same step, and with the status `ended` what is waiting, too.
   * Returns the partner after the change, and the number of cancelled requests; null when there is no such partner.
   */
  change(
    partner: string,
    decide: (now: Partner) => Partner | null,
    nowS: number,
  ): Promise<{ partner: Partner; cancelled: number } | null>;
  /** Cancels, in one step, what is open through partners that are suspended; resolves with how many requests that were. */
  cancelLeftOpen(nowS: number): Promise<number>;
}
