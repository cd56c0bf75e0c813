// Owns: the agencies of a simulated town: who they are at the registry, what they ask, and how they end. Not here: whether they may (registry, bridge).
import {
  actorId,
  type Clock,
  failure,
  freshId,
  generateSigningKey,
  isFailure,
  type Random,
  SeededRandom,
  type SigningKey,
  sha256Hex,
} from '../../device/index.ts';
import { callAboutRequest, postRequest, signRequest } from '../officer/agency-client.ts';
import { type AgencyFacts, applyAs, DEMO_AGENCY, decideAgency, vouchForDomain } from '../officer/registration.ts';
import { demoAsk } from '../story/demo-request.ts';
import type { AgencyPlan } from './plan.ts';
import { TOWN_PLACE } from './town-home.ts';
import type { TownServices } from './town-services.ts';

/** Keys of agencies are the same in every town: their standing is part of what was prepared. */
const KEYS_SEED = 4_711;
const ENTERED = 2;
const STRANGERS = 2;
const ASKED_US = 15 * 60_000_000;

export interface AgencySeams {
  clock: Clock;
  random: Random;
  services: TownServices;
}

/** The agencies that a prepared town has entered, and some that no registry knows. */
function agencyKeys(): { entered: SigningKey[]; strangers: SigningKey[] } {
  const random = new SeededRandom(KEYS_SEED);
  const keys = (count: number) => Array.from({ length: count }, () => generateSigningKey(random));
  return { entered: keys(ENTERED), strangers: keys(STRANGERS) };
}

function factsOf(at: number): AgencyFacts {
  const town = ['springfield', 'shelbyville'][at] ?? 'ogdenville';
  return {
    ...DEMO_AGENCY,
    name: `${town.charAt(0).toUpperCase()}${town.slice(1)} Police Department`,
    domain: `police.${town}.example`,
    contact: { name: 'Det. J. Rivera', email: `rivera@police.${town}.example` },
  };
}

/** A federal agency, which a registry must turn away. */
const FEDERAL: AgencyFacts = { ...DEMO_AGENCY, name: 'Federal Bureau of Investigation', jurisdiction: 'municipal' };

/** Enters the agencies of every town; throws unless the registry turns the federal one away. */
export async function enterAgencies({ clock, random, services }: AgencySeams): Promise<void> {
  const { disk } = services;
  const { entered, strangers } = agencyKeys();
  const where = registryOf(services);
  const deps = { clock, random, disk };
  for (const [at, key] of entered.entries()) {
    const id = actorId('agency', sha256Hex(key.publicKey));
    const facts = factsOf(at);
    await vouchForDomain(disk, where.folder, facts.domain, id);
    const { state } = await applyAs(deps, where, key, facts);
    if (state === 'pending') await decideAgency(disk, where, id, 'approve');
  }
  const [stranger] = strangers;
  if (!stranger) throw failure('internal', { detail: 'no federal agency tries' });
  const refused = await applyAs(deps, where, stranger, FEDERAL).catch((thrown: unknown) => thrown);
  if (!isFailure(refused)) throw failure('internal', { detail: 'the registry took in a federal agency' });
}

function registryOf(services: TownServices) {
  const { id } = services.part('registry');
  return { registryUrl: services.url('registry'), registry: id, folder: services.path('registry') };
}

interface Asked {
  readonly request: string;
  readonly key: SigningKey;
}

export class TownAgencies {
  private readonly plans: readonly AgencyPlan[];
  private readonly seams: AgencySeams;
  private readonly keys = agencyKeys();
  private readonly asked = new Map<number, Asked>();
  /** Requests of agencies that should never have been served. */
  readonly unlawful = new Set<string>();

  constructor(plans: readonly AgencyPlan[], seams: AgencySeams) {
    this.plans = plans;
    this.seams = seams;
  }

  /** Asks everyone in town. Throws the bridge's refusal. */
  async ask(at: number): Promise<string> {
    const { clock, random, services } = this.seams;
    const key = this.keyOf(at);
    const nowUs = clock.wallUs();
    const ask = demoAsk(clock, TOWN_PLACE, { startUs: nowUs - ASKED_US, endUs: nowUs }, 'address-and-email');
    const deps = { clock, random, disk: services.disk };
    const { id, token } = signRequest(deps, key, services.part('bridge').id, {
      ...ask,
      investigation: freshId(random, 'case'),
    });
    if (!this.isServed(at)) this.unlawful.add(id);
    await postRequest(services.url('bridge'), token);
    this.asked.set(at, { request: id, key });
    return id;
  }

  /** Takes the last request back; does nothing when there is none. Throws the bridge's refusal. */
  async withdraw(at: number): Promise<void> {
    const { clock, random, services } = this.seams;
    const asked = this.asked.get(at);
    if (!asked) return;
    const bridge = { id: services.part('bridge').id, url: services.url('bridge') };
    await callAboutRequest({ clock, random, disk: services.disk }, asked.key, bridge, asked.request, 'withdraw');
  }

  /** The registry ends the agency. Throws the registry's refusal. */
  async end(at: number): Promise<void> {
    const { services } = this.seams;
    const id = actorId('agency', sha256Hex(this.keyOf(at).publicKey));
    await decideAgency(services.disk, registryOf(services), id, 'revoke');
    await services.part('bridge').refreshRevocations();
  }

  private isServed(at: number): boolean {
    const kind = this.plans[at]?.kind;
    return kind === 'honest' || kind === 'revoked';
  }

  private keyOf(at: number): SigningKey {
    const { entered, strangers } = this.keys;
    const key = this.isServed(at) ? entered[at] : strangers[at];
    if (!key) throw failure('internal', { detail: `no agency has the number ${at}` });
    return key;
  }
}
