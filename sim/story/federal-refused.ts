// The story of federal agencies and their local branches that apply, and of what revoking an agency does to an open request.
import { generateSigningKey } from '@doorsill/base/keys';
import { agencyId, postRequest, signFootageRequest } from '../officer/agency-client.ts';
import {
  type AgencyFacts,
  applyToRegistry,
  DEMO_AGENCY,
  decideAgency,
  writeDomainProof,
} from '../officer/registration.ts';
import { DEMO_HOME } from '../testbed/testbed.ts';
import { demoAsk } from './demo-request.ts';
import type { StoryDeps } from './story-deps.ts';
import { Stage } from './story-testbed.ts';

/** Fictional applicants, each recognisable as federal in one way. */
const FEDERAL: readonly [how: string, facts: Partial<AgencyFacts>][] = [
  ['by its jurisdiction', { name: 'Regional Protective Agency', jurisdiction: 'federal' }],
  ['by its name', { name: 'ICE Springfield Field Office' }],
  ['by its name, spelled with dots', { name: 'H.S.I. Task Force of Springfield' }],
  ['by its name, as a local branch', { name: 'U.S. Marshals, Sangamon County' }],
  ['by its domain', { name: 'Springfield Community Office', domain: 'springfield.ice.gov' }],
];
const LOCAL: readonly Partial<AgencyFacts>[] = [
  { name: 'Pierce County Sheriff’s Department', jurisdiction: 'county', domain: 'sheriff.pierce.example' },
  { name: 'Alice Police Department', domain: 'police.alice.example' },
];

export function runFederalRefusedStory(deps: StoryDeps & { logLevel: string }, signal: AbortSignal): Promise<void> {
  return Stage.run({ name: 'federal-refused', logLevel: deps.logLevel }, deps, signal, async (stage) => {
    await applications(stage);
    await pretence(stage);
    await revocation(stage);
  });
}

async function applications(stage: Stage): Promise<void> {
  const { deps, registry } = stage;
  for (const [how, facts] of FEDERAL) {
    const key = generateSigningKey(deps.random);
    await stage.refused(`“${facts.name}” (federal ${how})`, 'agency_federal', () =>
      applyToRegistry(deps, registry, key, { ...DEMO_AGENCY, ...facts }),
    );
  }
  for (const facts of LOCAL) {
    const key = generateSigningKey(deps.random);
    const local = { ...DEMO_AGENCY, ...facts };
    await writeDomainProof(deps.disk, registry.folder, local.domain, agencyId(key));
    const { state } = await applyToRegistry(deps, registry, key, local);
    const approved = await decideAgency(deps.disk, registry, agencyId(key), 'approve');
    stage.say(`“${local.name}” applies (${state}) and is ${approved.state}.`);
    stage.prove(`${local.name} is a local agency, whatever its letters`, approved.state === 'approved');
  }
}

/** An applicant that hides that it is federal still needs a proven domain, a person's approval and the registry's signature. */
async function pretence(stage: Stage): Promise<void> {
  const { deps, registry, bridge } = stage;
  const key = generateSigningKey(deps.random);
  const facts = { ...DEMO_AGENCY, name: 'Springfield Safety Office', domain: 'safety.springfield.example' };
  const nowUs = deps.clock.wallUs();
  const about = { startUs: nowUs, endUs: nowUs };
  const { token } = signFootageRequest(deps, key, bridge.id, demoAsk(deps.clock, DEMO_HOME.place, about, 'nothing'));
  const post = () => postRequest(bridge.url, token);
  await stage.refused('A request of an agency nobody has heard of', 'agency_unknown', post);
  await applyToRegistry(deps, registry, key, facts);
  stage.say(`One applies as “${facts.name}”, which gives nothing away.`);
  await stage.refused('A request of it before a person has looked', 'agency_pending', post);
  await stage.refused('Its approval without a domain of its own', 'agency_domain_unproven', () =>
    decideAgency(deps.disk, registry, agencyId(key), 'approve'),
  );
  await decideAgency(deps.disk, registry, agencyId(key), 'refuse', { reason: 'It is run by a federal agency.' });
  await stage.refused('A request of it after a person has looked', 'agency_refused', post);
}

/** An approved agency that let others use its access. */
async function revocation(stage: Stage): Promise<void> {
  const { deps, registry, bridge, facts } = stage;
  const window = await stage.footage();
  const asked = stage.ask();
  const notice = await stage.notified(asked.id, () => postRequest(bridge.url, asked.token));
  stage.say(`${notice.credential.name} asks; the doorbell shows it to its owner.`);
  await decideAgency(deps.disk, registry, agencyId(facts.agencyKey), 'revoke');
  stage.say('It turns out to have asked for a federal agency, and the registry revokes it.');
  await stage.until('refusal at the bridge', async () =>
    postRequest(bridge.url, stage.ask().token).then(
      () => false,
      (thrown: { code?: string }) => thrown.code === 'agency_revoked',
    ),
  );
  stage.prove('the bridge refuses it from then on', true);
  await stage.closedAtDoorbell(asked.id);
  const late = await stage.grant(notice, window).then(
    () => 'sent',
    (thrown: { code?: string }) => thrown.code,
  );
  stage.say(`The owner grants all the same; the doorbell answers ${late}.`, { code: late });
  stage.prove(
    'the doorbell lets nothing out for it',
    late === 'consent_agency_revoked' || late === 'consent_request_cancelled',
  );
}
