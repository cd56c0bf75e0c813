// Owns: former partners, through whose channels agencies can no longer ask: built into every part, so that no compromised
// bridge brings one back. Pure. Not here: partners that are active or suspended (the bridge's store).

/** A partnership that is over, and since when. */
interface EndedPartner {
  id: string;
  name: string;
  /** The day, as ISO 8601 writes it. */
  since: string;
}

/** The former partners. */
export const ENDED_PARTNERS: readonly EndedPartner[] = [
  { id: 'flock-safety', name: 'Flock Safety', since: '2026-02-12' },
];

/** Whether a request's partner is one of those; false for a request without one. */
export function partnerHasEnded(partner: string | undefined): boolean {
  return ENDED_PARTNERS.some(({ id }) => id === partner);
}
