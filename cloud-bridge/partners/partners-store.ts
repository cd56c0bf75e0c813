export const PARTNER_STATUSES = ['active', 'suspended', 'ended'] as const;
export type PartnerStatus = (typeof PARTNER_STATUSES)[number];

export interface Partner {
  partner: string;
  name: string;
  status: PartnerStatus;
  /** When the status began, in seconds since 1970. */
  sinceS: number;
  revision: number;
  /** Hash of the token for its channel; the token itself is not stored. Empty when it has none. */
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
   * Changes a partner in one step to the result of `decide`; null changes nothing. A changed status cancels its open requests in the same
   * step, and the status `ended` also those that wait. Returns the partner after the change and the number of cancelled requests; null when
   * there is no such partner.
   */
  change(
    partner: string,
    decide: (now: Partner) => Partner | null,
    nowS: number,
  ): Promise<{ partner: Partner; cancelled: number } | null>;
  /** Cancels, in one step, open requests of suspended partners; returns their number. */
  cancelLeftOpen(nowS: number): Promise<number>;
}
