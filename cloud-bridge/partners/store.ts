// Owns: what the bridge remembers of partners through whose channels agencies ask. Not here: how (sql-partners.ts).

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
  /** Only the hash of the token that opens its channel is kept; empty when it has none. */
  tokenSha256: string;
  /** The secret of its webhooks' HMAC; empty when it has none. */
  webhookSecret: string;
}

export interface PartnerStore {
  /** Enters a partner; false when the id is taken. */
  add(partner: Partner): Promise<boolean>;
  find(partner: string): Promise<Partner | null>;
  list(): Promise<Partner[]>;
  /**
   * Changes a partner in one step, by what `decide` makes of it as it stands; null leaves it. With the status `ended` every
   * request that came through it and waits or is open is cancelled in the same step. Returns it as it is then, and how many
   * requests were cancelled; null when there is none.
   */
  change(
    partner: string,
    decide: (now: Partner) => Partner | null,
    nowS: number,
  ): Promise<{ partner: Partner; cancelled: number } | null>;
}
