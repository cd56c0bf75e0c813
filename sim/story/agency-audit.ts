// Owns: the story of an audit: an export of queries is read, the worst agency loses access to one area's homes, a device
// refuses it, it is reinstated and can ask again. Not here: the audit (cloud-bridge/query-audit), the export (query-export/).
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuditReport,
  auditQueries,
  type Finding,
  httpRegistryDesk,
  makeRevocations,
  parseAuditSettings,
  planRevocations,
  reinstateAgency,
  reportText,
} from '../../cloud-bridge/index.ts';
import {
  AREA_SCOPE,
  cellOf,
  failure,
  freshId,
  isFailure,
  makeGrant,
  OwnerSession,
  type SigningKey,
  type VerifiedNotice,
  type Window,
} from '../../device/index.ts';
import { answered, fetchNotices } from '../cli/owner-notice.ts';
import { agencyId, loadAgencyKey, postRequest, signRequest } from '../officer/officer.ts';
import { adminBearer, applyAs, DEMO_AGENCY, decideAgency, vouchForDomain } from '../officer/registration.ts';
import { type Score, scoreFindings, scoreText } from '../query-export/score.ts';
import { writeExport } from '../query-export/write.ts';
import { DEMO_HOME, Town, type TownFacts } from '../supervisor/town.ts';
import { demoAsk } from './ask.ts';
import type { StoryDeps } from './up.ts';

/** The export: held-out words, so that the figures mean something. */
const PLAN = { seed: 2026, agencies: 4_000, rows: 200_000, vocabulary: 'held-out' } as const;
/** Letters of the area whose homes' data is taken: about 39 by 20 km, a county. */
const AREA_LETTERS = 4;
const WORST_SHOWN = 8;
const WAIT_MS_MAX = 30_000;
const CLIP_US = 2_000_000;
const LOOK_AGAIN_MS = 300;

/** What the story ends with. */
export interface AgencyAuditResult {
  queries: number;
  agencies: number;
  score: Score;
  agency: string;
  scope: string;
  /** The device's code for the grant to the revoked agency. */
  refused: string;
  /** Who reached the same doorbell meanwhile. */
  served: string;
  clip: { frames: number; sha256: string };
}

/** Runs the story to its end. Throws a coded failure when something did not go as it must; leaves no process in any case. */
export async function runAgencyAuditStory(
  deps: StoryDeps & { logLevel: string },
  signal: AbortSignal,
): Promise<AgencyAuditResult> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-agency-audit-'));
  const closers: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const scope = `${AREA_SCOPE}${cellOf(DEMO_HOME.place).slice(0, AREA_LETTERS)}`;
    const { report, score } = await auditAnExport(deps, join(folder, 'export.csv'), scope, signal);
    const worst = report.findings.find((finding) => finding.verdict === 'revoke' && finding.scope === scope);
    if (!worst) throw failure('internal', { detail: 'the audit proposes nobody for this scope' });

    deps.output.say('\nA town: broker, registry, bridge and a doorbell, each a process of its own.');
    const town = new Town(
      {
        folder: join(folder, 'town'),
        kind: 'doorsill-demo',
        camera: 'synthetic',
        logLevel: deps.logLevel,
        bridge: { revocationsEveryS: 1 },
      },
      { ...deps, say: (text) => deps.output.progress(text) },
    );
    closers.unshift(() => town.stop());
    const facts = await town.start();
    const session = new OwnerSession(facts.home, deps);
    closers.unshift(() => session.stop());
    await session.start();
    signal.throwIfAborted();
    const street = new Street(deps, town, facts, session, signal);
    return await playOut(deps, street, { report, score, worst, scope });
  } finally {
    for (const close of closers) await close();
  }
}

async function auditAnExport(deps: StoryDeps, path: string, scope: string, signal: AbortSignal) {
  const labels = await writeExport(PLAN, path, signal);
  const open = labels.misusing.filter(({ how }) => how === 'open').length;
  deps.output.say(
    `An export of ${labels.queries} searches by ${PLAN.agencies} agencies. ${labels.misusing.length} misuse them, ${open} openly; the audit is not told which.`,
  );
  const report = await auditQueries(createReadStream(path), parseAuditSettings({ scope }), { signal });
  const score = scoreFindings(report.findings, labels);
  const revoked = report.findings.filter(({ verdict }) => verdict === 'revoke');
  deps.output.say(`The audit, for the homes of ${scope}; the worst of ${revoked.length}:\n`);
  deps.output.say(reportText({ ...report, findings: revoked.slice(0, WORST_SHOWN) }, 1));
  deps.output.say(['\nFigures, on words that were frozen before there was a rule:', ...scoreText(score)].join('\n'));
  return { report, score };
}

interface Cast {
  report: AuditReport;
  score: Score;
  worst: Finding;
  scope: string;
}

async function playOut(deps: StoryDeps, street: Street, cast: Cast): Promise<AgencyAuditResult> {
  const { output } = deps;
  const { worst, scope, report } = cast;
  const key = await street.register(worst.agency);
  output.say(`${worst.agency} is registered here as ${agencyId(key)}, and asks residents for footage.`);
  const first = await street.ask(key);
  output.say(`  the doorbell shows its owner the request ${first.request.jti}`);

  const desk = await street.desk();
  const { planned, unmatched } = planRevocations(report.findings, await desk.agencies());
  await makeRevocations(desk, planned);
  output.say(
    `Revoked: ${planned.map(({ name, scope: what }) => `${name} for ${what ?? 'everything'}`).join(', ')}; ${unmatched.length} of the proposals are about agencies that are not registered here.`,
  );
  const refused = await street.grantUntilRefused(first);
  output.say(`  the owner grants all the same; the device refuses: ${refused}`);
  const other = await street.ask(street.facts.agencyKey);
  output.say(`  ${other.credential.name}, of which the export says nothing, still reaches the same doorbell`);

  await reinstateAgency(desk, worst.agency);
  output.say(`Reinstated: ${worst.agency}.`);
  const second = await street.ask(key);
  const clip = await street.grant(second);
  output.say(`  it asks anew, the owner grants, and the clip is at the bridge: ${clip.frames} frames`);
  const result: AgencyAuditResult = {
    queries: report.rows,
    agencies: report.agencies,
    score: cast.score,
    agency: worst.agency,
    scope,
    refused,
    served: other.credential.name,
    clip,
  };
  const { revoke, review } = cast.score;
  output.result(
    result,
    [
      '',
      'Proved:',
      `  ${revoke.true} of ${revoke.found} proposed revocations are of agencies that misuse searches, of ${revoke.wanted} that say so openly (precision ${revoke.precision.toFixed(3)}, recall ${revoke.recall.toFixed(3)}).`,
      `  By behaviour alone ${review.true} of ${review.found} are right, of ${review.wanted} that hide it; those are for a person to look at, and lose nothing.`,
      `  A revocation for ${scope} holds at the device (${refused}), leaves others alone, and can be undone.`,
    ].join('\n'),
  );
  return result;
}

/** The town with its owner, as the story needs it. */
class Street {
  readonly facts: TownFacts;
  private readonly deps: StoryDeps;
  private readonly town: Town;
  private readonly session: OwnerSession;
  private readonly signal: AbortSignal;

  constructor(deps: StoryDeps, town: Town, facts: TownFacts, session: OwnerSession, signal: AbortSignal) {
    this.deps = deps;
    this.town = town;
    this.facts = facts;
    this.session = session;
    this.signal = signal;
  }

  private get signer() {
    return { key: this.facts.ownerKey, clock: this.deps.clock, random: this.deps.random };
  }

  private get place() {
    const { url, id } = this.facts.registry;
    return { registryUrl: url, registry: id, folder: join(this.town.folder, 'registry') };
  }

  /** Has an agency of this name apply, prove its domain, and be approved. */
  async register(name: string): Promise<SigningKey> {
    const { disk } = this.deps;
    const key = await loadAgencyKey(this.deps, join(this.town.folder, 'agency', 'audited'));
    const domain = `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.example`;
    await vouchForDomain(disk, this.place.folder, domain, key);
    const contact = { ...DEMO_AGENCY.contact, email: `records@${domain}` };
    await applyAs(this.deps, this.place, key, { ...DEMO_AGENCY, name, domain, contact });
    await decideAgency(disk, this.place, agencyId(key), 'approve');
    return key;
  }

  async desk() {
    const { url, key } = this.facts.registry;
    const adminToken = await adminBearer(this.deps.disk, this.place.folder);
    return httpRegistryDesk({ url, key, adminToken, signal: this.signal });
  }

  /** Asks for the last quarter of an hour, as often as it takes until the bridge has heard of a change; resolves with the notice. */
  async ask(key: SigningKey): Promise<VerifiedNotice> {
    const nowUs = this.deps.clock.wallUs();
    const base = demoAsk(this.deps.clock, DEMO_HOME.place, { startUs: nowUs, endUs: nowUs }, 'nothing');
    const domain = key === this.facts.agencyKey ? DEMO_AGENCY.domain : await this.domainOf(key);
    const contact = { ...DEMO_AGENCY.contact, email: `records@${domain}` };
    const ask = { ...base, contact, investigation: freshId(this.deps.random, 'case').slice(0, 20) };
    const { id, token } = signRequest(this.deps, key, this.facts.bridge.id, ask);
    return this.session.waitFor<VerifiedNotice>(
      `the request of ${agencyId(key)} at the doorbell`,
      WAIT_MS_MAX,
      (found) => ({ notice: (notice) => notice.request.jti === id && found(notice) }),
      () => this.post(token),
      this.signal,
    );
  }

  private async domainOf(key: SigningKey): Promise<string> {
    const found = (await (await this.desk()).agencies()).find(({ agency }) => agency === agencyId(key));
    return `${(found?.name ?? '').toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.example`;
  }

  private async post(token: string): Promise<void> {
    const endMs = this.deps.clock.monotonicMs() + WAIT_MS_MAX;
    for (;;) {
      try {
        await postRequest(this.facts.bridge.url, token);
        return;
      } catch (thrown) {
        const isLate = this.deps.clock.monotonicMs() > endMs;
        // The bridge hears of a reinstatement when it looks at the list next.
        if (!isFailure(thrown) || thrown.code !== 'agency_revoked' || isLate) throw thrown;
        await this.deps.clock.sleep(LOOK_AGAIN_MS, this.signal);
      }
    }
  }

  private async window(): Promise<Window> {
    return this.session.waitFor<Window>(
      'footage',
      WAIT_MS_MAX,
      (found) => ({
        state: ({ ring }) => {
          const last = ring.coverage.at(-1);
          if (last && last.endUs - last.startUs >= CLIP_US) found({ startUs: last.endUs - CLIP_US, endUs: last.endUs });
        },
      }),
      undefined,
      this.signal,
    );
  }

  /** Grants footage of this request; resolves with the clip at the bridge. Throws the device's refusal. */
  async grant(notice: VerifiedNotice): Promise<{ frames: number; sha256: string }> {
    const { start, end } = { start: notice.request.window.startUs, end: notice.request.window.endUs };
    const recorded = notice.coverage.at(-1);
    const endUs = Math.min(end, recorded?.endUs ?? (await this.window()).endUs);
    const window = { startUs: Math.max(start, endUs - CLIP_US), endUs };
    const grant = makeGrant(this.signer, notice, { window });
    const request = notice.request.jti;
    const { receipt } = await answered(
      this.session,
      { jti: grant.jti, request, send: () => this.session.answer(request, 'grant', grant.token) },
      WAIT_MS_MAX,
      ({ outcome }) => outcome === 'sent',
    );
    if (!receipt.clip) throw failure('internal', { detail: 'the receipt names no clip' });
    return { frames: receipt.clip.frames, sha256: receipt.clip.sha256 };
  }

  /** Grants once the device has heard of the revocation; resolves with its refusal's code, or throws when it obeys. */
  async grantUntilRefused(notice: VerifiedNotice): Promise<string> {
    const endMs = this.deps.clock.monotonicMs() + WAIT_MS_MAX;
    // What may not be answered any more is not offered to the owner again.
    while ((await fetchNotices(this.session, this.signer)).some(({ request }) => request.jti === notice.request.jti)) {
      if (this.deps.clock.monotonicMs() > endMs) {
        throw failure('timed_out', { what: 'the revocation at the doorbell', seconds: WAIT_MS_MAX / 1_000 });
      }
      await this.deps.clock.sleep(LOOK_AGAIN_MS, this.signal);
    }
    try {
      await this.grant(notice);
    } catch (thrown) {
      if (isFailure(thrown) && REFUSALS.has(thrown.code)) return thrown.code;
      throw thrown;
    }
    throw failure('internal', { detail: 'the device obeyed a grant to a revoked agency' });
  }
}

/** The device's own word, or the bridge's cancellation that follows from the same list. */
const REFUSALS = new Set<string>(['consent_agency_revoked', 'consent_request_cancelled']);
