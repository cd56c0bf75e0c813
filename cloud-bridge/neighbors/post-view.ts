// What the public sees of a post: the agency's own words, without characters that could distort a page. Pure.
import { Request } from '@doorsill/contract/request';
import { type PublicationState, stateAt } from '../requests/publication-machine.ts';
import { peekToken } from '../signing/verify-token.ts';
import type { Post } from './neighbors-store.ts';

/** A post with all its public fields. Times as RFC 3339. */
export interface PostView {
  request: string;
  organisation: string;
  agencyName: string;
  incidentType: string;
  investigation: string;
  text: string;
  contact: { name: string; email?: string; phone?: string };
  window: { from: string; to: string };
  /** Names of coarse cells (geohash), about 5 km wide. */
  cells: string[];
  state: PublicationState;
  published: string;
  expires: string;
}

export function viewOf(post: Post, nowS: number): PostView {
  const claims = peekToken(post.token, Request);
  const { name, email, phone } = claims.contact;
  return {
    request: post.request,
    organisation: post.organisation,
    agencyName: line(post.agencyName),
    incidentType: line(claims.incidentType),
    investigation: line(claims.investigation),
    text: plain(claims.text),
    contact: {
      name: line(name),
      ...(email === undefined ? {} : { email: line(email) }),
      ...(phone === undefined ? {} : { phone: line(phone) }),
    },
    window: { from: momentOf(claims.window.startUs / 1_000_000), to: momentOf(claims.window.endUs / 1_000_000) },
    cells: post.cells,
    state: stateAt(post, nowS),
    published: momentOf(post.publishedS),
    expires: momentOf(post.expiresS),
  };
}

/** One line of `plain` text. */
function line(text: string): string {
  return plain(text).replaceAll('\n', ' ');
}

/** RFC 3339, in whole milliseconds. */
export function momentOf(atS: number): string {
  return new Date(atS * 1000).toISOString();
}

/**
 * Text without control characters, unpaired surrogates, and characters that change the reading direction (Unicode TR 9, TR 36): XML forbids
 * some, and the others can make a text look like another one.
 */
export function plain(text: string): string {
  return text.replaceAll(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\ufffe\uffff]/gu, ' ');
}
