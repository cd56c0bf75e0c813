// A scenario's agencies and partners: keys, standings, requests.
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import { freshId, SystemRandom } from '@doorsill/base/random';
import { cellOf, type Place } from '@doorsill/contract/area-cells';
import type { Window } from '@doorsill/contract/shared-claims';
import { failure, isFailure } from '../../errors.ts';
import {
  agencyId,
  callAboutRequest,
  loadAgencyKey,
  type PartnerChannel,
  postRequest,
  type RequestView,
  signFootageRequest,
} from '../../officer/agency-client.ts';
import { chooseSealing } from '../../officer/agency-sealing.ts';
import { addPartner, listPartners, setPartnerStatus } from '../../officer/bridge-operator.ts';
import { type AgencyDecision, applyToRegistry, decideAgency, writeDomainProof } from '../../officer/registration.ts';
import { areaAround } from '../../story/demo-request.ts';
import type { AgencyStanding, PartnerStanding, ScenarioAgency, ScenarioPartner, Step } from '../language/scenario.ts';
import type { ServiceParts } from './service-parts.ts';

type RequestStep = Extract<Step, { verb: 'request' }>;

/** A few streets from the doorbell, mostly in the same cell: the doorbell has to find out itself that it is not meant. */
const ELSEWHERE_DEG = 0.012;
/** The shortest window that an agency may request. */
const WINDOW_US_MIN = 15 * 60 * 1_000_000;
const WHY = { reason: 'the scenario says so' };

export interface AgenciesDeps {
  clock: Clock;
  disk: Disk;
  services: ServiceParts;
}

export class ScenarioAgencies {
  private readonly folder: string;
  private readonly deps: AgenciesDeps & { random: SystemRandom };
  private readonly agencies = new Map<string, { facts: ScenarioAgency; key: SigningKey }>();
  /** Each agency's standing by its id at the registry, if a moderator has decided. */
  private readonly standings = new Map<string, AgencyStanding>();
  /** Codes with which the registry refused agencies at the start. */
  readonly refusals: string[] = [];
  /** Each partner's channel at the bridge. */
  private readonly channels = new Map<string, PartnerChannel>();
  /** The signer of each request, by the request's id. */
  private readonly askers = new Map<string, SigningKey>();

  constructor(folder: string, deps: AgenciesDeps) {
    this.folder = folder;
    this.deps = { ...deps, random: new SystemRandom() };
  }

  /** Registers partners and agencies with their standings. An agency that the registry refuses stays unregistered. */
  async start(agencies: readonly ScenarioAgency[], partners: readonly ScenarioPartner[]): Promise<void> {
    const { disk, services } = this.deps;
    for (const { id, name, standing } of partners) {
      if (standing === 'ended' && (await endedPartners(services)).has(id)) continue;
      const { token } = await addPartner(disk, services.bridge, id, name);
      this.channels.set(id, { partner: id, bearer: token });
      if (standing !== 'active') await setPartnerStatus(disk, services.bridge, id, standing);
    }
    for (const facts of agencies) {
      const key = await loadAgencyKey(this.deps, join(this.folder, facts.id));
      this.agencies.set(facts.id, { facts, key });
      if (facts.standing === 'unregistered') continue;
      await this.register(facts, key).catch((thrown: unknown) => {
        // A scenario may let a federal agency ask although the registry refuses it.
        if (!isFailure(thrown)) throw thrown;
        this.refusals.push(thrown.code);
      });
    }
  }

  /** Applies for an agency, and decides as the registry's moderator. Throws the registry's refusal. */
  private async register(facts: ScenarioAgency, key: SigningKey): Promise<void> {
    const { disk, services } = this.deps;
    await writeDomainProof(disk, services.registry.folder, facts.domain, agencyId(key));
    const { name, jurisdiction, domain, contact, profiles, retention } = facts;
    const sealing = await chooseSealing(this.deps, { folder: join(this.folder, facts.id), vault: services.vault });
    const said = { name, jurisdiction, domain, contact, profiles, retention, ...(sealing ? { sealing } : {}) };
    await applyToRegistry(this.deps, services.registry, key, said);
    if (facts.standing === 'pending') return;
    const first = facts.standing === 'refused' ? 'refused' : 'approved';
    await this.decide(key, first);
    if (facts.standing !== first) await this.decide(key, facts.standing);
  }

  /** Decides about an agency as the moderator. Throws the registry's refusal. */
  async set(id: string, standing: AgencyStanding): Promise<void> {
    const { facts, key } = this.agency(id);
    if (standing === 'pending') await this.register({ ...facts, standing }, key);
    else await this.decide(key, standing);
    await this.deps.services.refreshRevocations();
  }

  async setPartner(id: string, standing: PartnerStanding): Promise<void> {
    const { disk, services } = this.deps;
    await setPartnerStatus(disk, services.bridge, id, standing);
  }

  /** Requests footage, through its partner if it has one; returns the bridge's view of the request. Throws the bridge's refusal. */
  async ask(step: RequestStep, window: Window, place: Place): Promise<RequestView> {
    const { services, random } = this.deps;
    const { facts, key } = this.agency(step.agency);
    const { investigation, incidentType, text, profile, retention, expiresUs } = step;
    const at = step.area === 'here' ? place : elsewhere(place);
    const { id, token } = signFootageRequest(this.deps, key, services.bridge.id, {
      incidentType,
      text,
      profile,
      retention,
      area: areaAround(at),
      contact: facts.contact,
      investigation: investigation === '' ? freshId(random, 'case') : investigation,
      window: { ...window, startUs: Math.min(window.startUs, window.endUs - WINDOW_US_MIN) },
      expiresInS: Math.round(expiresUs / 1_000_000),
      ...(facts.partner === undefined ? {} : { partner: facts.partner }),
    });
    this.askers.set(id, key);
    const view = await postRequest(services.bridge.url, token, this.channels.get(facts.partner ?? ''));
    return { ...view, request: id };
  }

  async withdraw(request: string): Promise<void> {
    const key = this.askers.get(request);
    if (!key) throw failure('consent_request_unknown');
    await callAboutRequest(this.deps, key, this.deps.services.bridge, request, 'withdraw');
  }

  private agency(id: string): { facts: ScenarioAgency; key: SigningKey } {
    const agency = this.agencies.get(id);
    if (agency) return agency;
    throw failure('scenario_name_unknown', { place: id, detail: 'there is no such agency.' });
  }

  private async decide(key: SigningKey, standing: AgencyStanding): Promise<void> {
    const { disk, services } = this.deps;
    const id = agencyId(key);
    const decide = (decision: AgencyDecision, body: object = {}) =>
      decideAgency(disk, services.registry, id, decision, body);
    const before = this.standings.get(id);
    if (standing === 'approved') await decide(before === undefined ? 'approve' : 'reinstate');
    else if (standing === 'revoked') await decide('revoke');
    else if (standing === 'refused') await decide('refuse', WHY);
    else if (standing === 'suspended') await decide('suspend', WHY);
    this.standings.set(id, standing);
  }
}

/** North or south of a place, on the side where its cell does not end first. */
function elsewhere(place: Place): Place {
  const [north, south] = [ELSEWHERE_DEG, -ELSEWHERE_DEG].map((deg) => ({ ...place, latitude: place.latitude + deg }));
  return [north, south].find((at) => at && cellOf(at) === cellOf(place)) ?? north ?? place;
}

/** Ids of partners whose end the bridge has known since its start. */
async function endedPartners({ bridge }: ServiceParts): Promise<ReadonlySet<string>> {
  const partners = await listPartners(bridge);
  return new Set(partners.flatMap(({ partner, status }) => (status === 'ended' ? [partner] : [])));
}
