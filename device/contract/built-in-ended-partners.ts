// Built into every program, so that no compromised bridge can bring a former partner back.

/** A former partner: agencies can no longer ask through its channel. */
interface EndedPartner {
  id: string;
  name: string;
  /** An ISO 8601 date. */
  since: string;
}

/** All former partners. */
export const ENDED_PARTNERS: readonly EndedPartner[] = [
  { id: 'flock-safety', name: 'Flock Safety', since: '2026-02-12' },
];

/** Whether a request's partner is a former one; false for a request without a partner. */
export function partnerHasEnded(partner: string | undefined): boolean {
  return ENDED_PARTNERS.some(({ id }) => id === partner);
}
