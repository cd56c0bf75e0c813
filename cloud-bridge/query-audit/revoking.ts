// Carries out an audit's proposals at the registry, or undoes one, and checks that the registry's own list shows the result. A person has
// confirmed them before.
import { failure } from '@doorsill/contract/errors';
import { AREA_SCOPE } from '@doorsill/contract/request';
import { wordsOf } from './normalize-text.ts';
import type { RegisteredAgency, RegistryAdmin, RevokedEntry } from './registry-admin-client.ts';
import type { AuditFinding } from './verdict.ts';

/** One revocation that can be carried out. */
export interface PlannedRevocation {
  name: string;
  agency: string;
  /** Null: the whole access. */
  scope: string | null;
}

/** Which accesses the registry would revoke for an audit's findings. */
export interface RevocationPlan {
  planned: PlannedRevocation[];
  /** Proposed, but the registry has no such agency, or more than one. */
  unmatched: string[];
}

/**
 * Finds the registry's agencies for the proposals: first by `names` (maps an export's name to a registry's id or name), then by their
 * names, ignoring case and punctuation.
 */
export function planRevocations(
  findings: readonly AuditFinding[],
  registered: readonly RegisteredAgency[],
  names: Readonly<Record<string, string>> = {},
): RevocationPlan {
  const plan: RevocationPlan = { planned: [], unmatched: [] };
  for (const { agency: name, scope } of findings) {
    const found = agencyNamed(registered, Object.hasOwn(names, name) ? (names[name] ?? name) : name);
    if (found) plan.planned.push({ name, agency: found.agency, scope });
    else plan.unmatched.push(name);
  }
  return plan;
}

/** The one agency with this id or name; null when there is none, or when it is ambiguous. */
export function agencyNamed(registered: readonly RegisteredAgency[], text: string): RegisteredAgency | null {
  const byId = registered.find(({ agency }) => agency === text);
  if (byId) return byId;
  const words = wordsOf(text);
  const named = registered.filter(({ name, state }) => wordsOf(name) === words && state !== 'retired');
  return named.length === 1 ? (named[0] ?? null) : null;
}

/** Whether an agency has lost this scope, according to the registry. */
function hasLost(standing: RegisteredAgency, scope: string | null): boolean {
  if (standing.state === 'revoked') return true;
  if (scope === null) return false;
  if (scope.startsWith(AREA_SCOPE)) return standing.except?.includes(scope.slice(AREA_SCOPE.length)) ?? false;
  return !standing.scopes.includes(scope);
}

/**
 * Makes the revocations, one after the other, and then reads the signed list. Throws `audit_not_taken` when an agency or the list does not
 * show a revocation; earlier ones stay, and repeating all of them is safe.
 */
export async function carryOutRevocations(
  registry: RegistryAdmin,
  planned: readonly PlannedRevocation[],
): Promise<void> {
  const changed: PlannedRevocation[] = [];
  const before = new Map((await registry.agencies()).map((known) => [known.agency, known]));
  for (const one of planned) {
    const known = before.get(one.agency);
    if (known && hasLost(known, one.scope)) continue;
    const standing = await registry.revoke(one.agency, one.scope);
    if (!hasLost(standing, one.scope)) throw notTaken(one);
    changed.push(one);
  }
  if (changed.length === 0) return;
  const list = await registry.revoked();
  const missing = changed.find((one) => !list.some((entry) => covers(entry, one)));
  if (missing) throw notTaken(missing);
}

function covers(entry: RevokedEntry, { agency, scope }: PlannedRevocation): boolean {
  return entry.agency === agency && (entry.scope === undefined || entry.scope === scope);
}

function notTaken({ agency, scope }: PlannedRevocation) {
  return failure('audit_not_taken', { detail: `${agency} keeps ${scope ?? 'its access'}` });
}

/** Reinstates all access of an agency, named by id or name. Throws `audit_agency_unmatched`, and the registry's refusals. */
export async function reinstateAgency(registry: RegistryAdmin, text: string): Promise<RegisteredAgency> {
  const found = agencyNamed(await registry.agencies(), text);
  if (!found) throw failure('audit_agency_unmatched', { name: text });
  const standing = await registry.reinstate(found);
  if (standing.state !== 'approved') {
    throw failure('audit_not_taken', { detail: `${found.agency} is ${standing.state}` });
  }
  return standing;
}
