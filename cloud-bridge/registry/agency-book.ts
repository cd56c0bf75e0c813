// The data of the registry: agencies and the revocation list. Pure.

import { domainSchema } from '@doorsill/contract/agency-calls';
import { failure } from '@doorsill/contract/errors';
import { idSchema, publicKeySchema } from '@doorsill/contract/ids';
import { areaPrefixSchema, Contact, Jurisdiction, registeredTerms } from '@doorsill/contract/request';
import { Sealing } from '@doorsill/contract/sealing';
import { z } from 'zod';
import { PROOF_KINDS } from './domain-proof.ts';
import { nextStanding, STANDINGS, type StandingInput } from './standing-machine.ts';

export const AGENCIES_MAX = 10_000;
export const REVOKED_MAX = 400;
export const EXCEPT_MAX = 64;

const saidFields = {
  name: z.string().min(1).max(120),
  jurisdiction: Jurisdiction,
  domain: domainSchema,
};
/** How clips for it are encrypted; null: not at all, as for agencies from before clips could be. */
const sealing = Sealing.nullable().default(null);
const waits = z.string().max(600);
const appliedS = z.int().nonnegative();

/** The facts with which an approved agency has applied again. */
const amendmentSchema = z.strictObject({
  ...saidFields,
  contact: Contact,
  ...registeredTerms,
  sealing,
  waits,
  appliedS,
});

export const Agency = z.strictObject({
  agency: idSchema,
  key: publicKeySchema,
  ...saidFields,
  /** Null for agencies admitted before contacts were required. */
  contact: Contact.nullable().default(null),
  profiles: registeredTerms.profiles.default(['address-and-email']),
  retention: registeredTerms.retention.default(['uncategorized']),
  sealing,
  /** `retired`: its key was rotated; `successor` is the same agency under its new key. */
  state: z.enum(STANDINGS),
  /** Whether it was ever approved, so that credentials may exist. Older entries do not have it: assumed true. */
  wasApproved: z.boolean().default(true),
  /** Of an approved one that has applied again: its new facts, and why they wait. They count only once approved. */
  amendment: amendmentSchema.optional(),
  /** Why a moderator refused or suspended it. */
  reason: z.string().max(200).optional(),
  /** For a pending agency: why a person must review it. */
  waits: waits.optional(),
  appliedS: appliedS.optional(),
  /** For a pending agency: the network from which it applied. */
  appliedFrom: z.string().max(64).optional(),
  /** How often a moderator has refused it. */
  refusals: z.int().nonnegative().default(0),
  domainProof: z.enum(PROOF_KINDS).optional(),
  scopes: z.array(idSchema).max(16),
  /** Prefixes of cells whose homes it may not ask. */
  except: z.array(areaPrefixSchema).max(EXCEPT_MAX).default([]),
  organisation: idSchema.optional(),
  successor: idSchema.optional(),
  revision: z.int().positive(),
});
export type Agency = z.infer<typeof Agency>;

const entrySchema = z.strictObject({
  agency: idSchema,
  upToRevision: z.int().positive(),
  scope: idSchema.optional(),
  atS: z.int().nonnegative(),
});

export const Book = z.strictObject({
  agencies: z.array(Agency).max(AGENCIES_MAX),
  revoked: z.array(entrySchema).max(REVOKED_MAX),
  /** Revision of the revocation list. */
  listRevision: z.int().positive(),
  /** The highest revision of any deleted agency: a new agency starts above it. */
  forgottenRevision: z.int().nonnegative().default(0),
});
/** All agencies and the revocation list. Immutable: every function returns a new book. */
export type Book = z.infer<typeof Book>;

export const EMPTY_BOOK: Book = { agencies: [], revoked: [], listRevision: 1, forgottenRevision: 0 };

/** The facts of an application. */
export type AgencyFacts = Pick<
  Agency,
  'agency' | 'key' | 'name' | 'jurisdiction' | 'domain' | 'profiles' | 'retention' | 'sealing'
> & { contact: NonNullable<Agency['contact']> };

/** The agency; throws `agency_unknown`. */
export function agencyIn(book: Book, id: string): Agency {
  const agency = book.agencies.find((entry) => entry.agency === id);
  if (!agency) throw failure('agency_unknown');
  return agency;
}

/** The agency with the facts that wait for a decision (its application or amendment); null when none do. */
export function waitingOf(agency: Agency): Agency | null {
  const { amendment, ...kept } = agency;
  if (amendment) return { ...kept, ...amendment };
  return agency.state === 'pending' ? agency : null;
}

type Said = Pick<AgencyFacts, 'name' | 'jurisdiction' | 'domain' | 'profiles' | 'retention' | 'sealing'> &
  Pick<Agency, 'contact'>;

export function isSame(one: Said, other: Said): boolean {
  return statedOf(one) === statedOf(other) && JSON.stringify(one.contact) === JSON.stringify(other.contact);
}

/** The facts that a credential states. */
function statedOf({ name, jurisdiction, domain, profiles, retention, sealing }: Said): string {
  return JSON.stringify([name, jurisdiction, domain, profiles, retention, sealing?.key, sealing?.keeper]);
}

/** The machine's answer to an input; throws the failure for one that it does not allow. */
export function step(agency: Agency, input: StandingInput) {
  const { state, wasApproved, refusals, amendment } = agency;
  const changes = amendment && (statedOf(amendment) === statedOf(agency) ? 'contact' : 'credential');
  const answer = nextStanding({ state, wasApproved, wasRefused: refusals > 0, amendment: changes ?? 'none' }, input);
  if (answer.ok) return answer;
  if (answer.code === 'agency_key_rotated') throw rotated(agency);
  throw answer.code === 'agency_changed' ? changed(agency) : failure(answer.code);
}

/** Throws the failure of an agency that was suspended, revoked or given another key. */
export function assertNotBarred(agency: Agency): void {
  if (agency.state === 'revoked') throw failure('agency_revoked');
  if (agency.state === 'suspended') throw failure('agency_suspended');
  if (agency.state === 'retired') throw rotated(agency);
}

function rotated(agency: Agency) {
  return failure('agency_key_rotated', { successor: agency.successor ?? 'another one' });
}

/** The failure of a decision on an outdated revision. */
export function changed({ state, revision }: Agency) {
  return failure('agency_changed', { state, revision });
}

/** The book with a changed entry of an agency. */
export function replace(book: Book, agency: Agency): Book {
  return { ...book, agencies: book.agencies.map((other) => (other.agency === agency.agency ? agency : other)) };
}
