// The story of an audit: an export of queries is read, the worst agency loses access to one area's homes, a device refuses it, it is
// reinstated and can ask again.
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SigningKey } from '@doorsill/base/keys';
import { freshId } from '@doorsill/base/random';
import {
  type AuditFinding,
  type AuditReport,
  auditQueries,
  carryOutRevocations,
  httpRegistryAdmin,
  parseAuditSettings,
  planRevocations,
  reinstateAgency,
  reportText,
} from '@doorsill/cloud-bridge';
import { cellOf } from '@doorsill/contract/area-cells';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import { AREA_SCOPE } from '@doorsill/contract/request';
import type { Window } from '@doorsill/contract/shared-claims';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import { makeGrant } from '@doorsill/device/owner/sign-owner-messages';
import { fetchNotices } from '@doorsill/device/terminal/owner-requests';
import { failure, isFailure } from '../errors.ts';
import { agencyId, loadAgencyKey, postRequest, signFootageRequest } from '../officer/agency-client.ts';
import { adminBearer, DEMO_AGENCY, enterAgency } from '../officer/registration.ts';
import { writeExport } from '../query-export/query-export.ts';
import { DEMO_HOME, Testbed, type TestbedFacts } from '../testbed/testbed.ts';
import { demoAsk } from './demo-request.ts';
import { Narrator } from './narrator.ts';
import { sendDecision } from './send-decision.ts';
import type { StoryDeps } from './story-deps.ts';

const PLAN = { seed: 2026, agencies: 4_000, rows: 200_000 } as const;
/** Geohash letters of the area in which access is revoked: about 39 by 20 km, a county. */
const AREA_LETTERS = 4;
/** As many as one published audit found. */
const MISUSING = 47;
const WORST_SHOWN = 8;
const WAIT_MS_MAX = 30_000;
const CLIP_US = 2_000_000;
const LOOK_AGAIN_MS = 300;

/** Runs it with real processes. Throws `story_failed` when a check fails. */
export async function runAgencyAuditStory(deps: StoryDeps & { logLevel: string }, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-agency-audit-'));
  const closers: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const scope = `${AREA_SCOPE}${cellOf(DEMO_HOME.place).slice(0, AREA_LETTERS)}`;
    const story = new Narrator(deps.output, 'agency-audit');
    const report = await auditAnExport(deps, story, { path: join(folder, 'export.csv'), scope }, signal);
    const worst = report.findings.find((finding) => finding.scope === scope);
    if (!worst) throw failure('story_failed', { story: 'agency-audit', detail: 'the audit proposes nobody' });

    deps.output.progress('Starting broker, registry, vault, bridge and a doorbell ...');
    const testbed = new Testbed(
      {
        folder: join(folder, 'testbed'),
        kind: 'doorsill-demo',
        camera: 'synthetic',
        logLevel: deps.logLevel,
        bridge: { revocationsEveryS: 1 },
      },
      { ...deps, say: (text) => deps.output.progress(text) },
    );
    closers.unshift(() => testbed.stop());
    const facts = await testbed.start();
    const session = new OwnerSession(facts.home, deps);
    closers.unshift(() => session.stop());
    await session.start();
    signal.throwIfAborted();
    const homes = new AuditTestbed(deps, testbed, facts, session, signal);
    await playOut(deps, story, homes, { report, worst, scope });
  } finally {
    for (const close of closers) await close();
  }
}

async function auditAnExport(
  deps: StoryDeps,
  story: Narrator,
  { path, scope }: { path: string; scope: string },
  signal: AbortSignal,
): Promise<AuditReport> {
  const { searches, open, hidden } = await writeExport(PLAN, path, signal);
  story.tell(
    `An export of ${searches} searches by ${PLAN.agencies} agencies. ${open.length + hidden.length} misuse them: ${open.length} say so in their reasons, ${hidden.length} say nothing. The audit is not told which.`,
    open.length + hidden.length === MISUSING,
  );
  const report = await auditQueries(createReadStream(path), parseAuditSettings({ scope }), { signal });
  story.tell(
    `It is audited for the homes of ${scope}. ${report.broken.rows} rows are broken, and read as far as they go; ${report.flagged} are flagged.`,
    report.rows === searches && report.broken.rows > 0,
  );
  deps.output.say(`\n${reportText({ ...report, findings: report.findings.slice(0, WORST_SHOWN) }, 1)}\n`);
  const found = new Set(report.findings.map(({ agency }) => agency));
  story.tell(
    `All ${open.length} that say so are proposed for revocation, and nobody else; of the ${hidden.length} that say nothing the audit finds none.`,
    found.size === open.length && open.every((agency) => found.has(agency)),
  );
  return report;
}

interface Audited {
  report: AuditReport;
  worst: AuditFinding;
  scope: string;
}

async function playOut(deps: StoryDeps, story: Narrator, homes: AuditTestbed, audited: Audited): Promise<void> {
  const { worst, scope, report } = audited;
  const key = await homes.register(worst.agency);
  const first = await homes.ask(key);
  story.tell(
    `${worst.agency}, the worst of those, is registered in a testbed in ${scope} and asks residents for footage: the doorbell shows its owner ${first.request.jti}.`,
    first.credential.agency === agencyId(key),
  );

  const registry = await homes.registryAdmin();
  const { planned, unmatched } = planRevocations(report.findings, await registry.agencies());
  await carryOutRevocations(registry, planned);
  const [only] = planned;
  story.tell(
    `The revocations are made: ${only?.name} loses ${only?.scope}, by the registry's signed list. ${unmatched.length} others are not registered here.`,
    planned.length === 1 && only?.agency === agencyId(key) && only.scope === scope,
  );
  const refused = await homes.grantUntilRefused(first);
  story.tell(`Its owner grants it footage all the same; the device refuses: ${refused}.`, REFUSALS.has(refused));
  const other = await homes.ask(homes.facts.agencyKey);
  story.tell(
    `${other.credential.name}, of which the export says nothing, still reaches the same doorbell.`,
    other.credential.agency === agencyId(homes.facts.agencyKey),
  );

  const standing = await reinstateAgency(registry, worst.agency);
  const second = await homes.ask(key);
  const clip = await homes.grant(second);
  story.tell(
    `${worst.agency} is reinstated and asks anew; the owner grants, and ${clip.frames} frames arrive.`,
    standing.state === 'approved' && clip.frames > 0,
  );
  if (deps.output.json)
    deps.output.result(
      {
        event: 'audited',
        agency: worst.agency,
        scope,
        refused,
        served: other.credential.name,
        found: report.findings.length,
      },
      '',
    );
  story.proved(
    `the audit finds all ${report.findings.length} that say openly what they do and suspects nobody else; a revocation for one area holds at the device, leaves others alone, and can be undone.`,
  );
}

/** The story's testbed, with its owner and its registry. */
class AuditTestbed {
  readonly facts: TestbedFacts;
  private readonly deps: StoryDeps;
  private readonly testbed: Testbed;
  private readonly session: OwnerSession;
  private readonly signal: AbortSignal;

  constructor(deps: StoryDeps, testbed: Testbed, facts: TestbedFacts, session: OwnerSession, signal: AbortSignal) {
    this.deps = deps;
    this.testbed = testbed;
    this.facts = facts;
    this.session = session;
    this.signal = signal;
  }

  private get signer() {
    return { key: this.facts.ownerKey, clock: this.deps.clock, random: this.deps.random };
  }

  private get place() {
    const { url, id } = this.facts.registry;
    return { registryUrl: url, registry: id, folder: join(this.testbed.folder, 'registry') };
  }

  /** Registers an agency of this name: it applies, proves its domain and is approved. */
  async register(name: string): Promise<SigningKey> {
    const key = await loadAgencyKey(this.deps, join(this.testbed.folder, 'agency', 'audited'));
    const domain = `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.example`;
    const contact = { ...DEMO_AGENCY.contact, email: `records@${domain}` };
    await enterAgency(this.deps, this.place, key, { ...DEMO_AGENCY, name, domain, contact });
    return key;
  }

  async registryAdmin() {
    const { url, key } = this.facts.registry;
    const adminToken = await adminBearer(this.deps.disk, this.place.folder);
    return httpRegistryAdmin({ url, key, adminToken, signal: this.signal });
  }

  /** Asks for the last quarter of an hour, repeatedly until the bridge knows of a reinstatement; resolves with the notice. */
  async ask(key: SigningKey): Promise<VerifiedNotice> {
    const nowUs = this.deps.clock.wallUs();
    const base = demoAsk(this.deps.clock, DEMO_HOME.place, { startUs: nowUs, endUs: nowUs }, 'nothing');
    const domain = key === this.facts.agencyKey ? DEMO_AGENCY.domain : await this.domainOf(key);
    const contact = { ...DEMO_AGENCY.contact, email: `records@${domain}` };
    const ask = { ...base, contact, investigation: freshId(this.deps.random, 'case').slice(0, 20) };
    const { id, token } = signFootageRequest(this.deps, key, this.facts.bridge.id, ask);
    return this.session.waitFor<VerifiedNotice>(
      `the request of ${agencyId(key)} at the doorbell`,
      WAIT_MS_MAX,
      (found) => ({ notice: (notice) => notice.request.jti === id && found(notice) }),
      () => this.post(token),
      this.signal,
    );
  }

  private async domainOf(key: SigningKey): Promise<string> {
    const found = (await (await this.registryAdmin()).agencies()).find(({ agency }) => agency === agencyId(key));
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
        // The bridge learns of a reinstatement when it next fetches the registry's list.
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
    const { clip } = await sendDecision(this.session, 'grant', grant, WAIT_MS_MAX, ['sent']);
    if (!clip) throw failure('internal', { detail: 'the receipt names no clip' });
    return { frames: clip.frames, sha256: clip.sealed?.clipSha256 ?? clip.sha256 };
  }

  /** Grants once the device knows of the revocation; resolves with the refusal's code, or throws if the grant is accepted. */
  async grantUntilRefused(notice: VerifiedNotice): Promise<string> {
    const endMs = this.deps.clock.monotonicMs() + WAIT_MS_MAX;
    // The device no longer shows its owner a request of a revoked agency.
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

/** The device's own refusal, or the bridge's cancellation that follows from the same list. */
const REFUSALS = new Set<string>(['consent_agency_revoked', 'consent_request_cancelled']);
