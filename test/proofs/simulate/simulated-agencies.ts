// The agencies of a run: their registration, their requests, and how they end.

import type { Clock } from '@doorsill/base/clock';
import { generateSigningKey, type SigningKey, sha256Hex } from '@doorsill/base/keys';
import { freshId, type Random, SeededRandom } from '@doorsill/base/random';
import { exchangeJson } from '@doorsill/contract/json-client';
import { parseToken, signToken } from '@doorsill/contract/jws';
import { Request } from '@doorsill/contract/request';
import type { Sealing } from '@doorsill/contract/sealing';
import { failure, isFailure } from 'doorsill/errors';
import {
  agencyId,
  callAboutRequest,
  listClips,
  type OfficerDeps,
  postRequest,
  signFootageRequest,
} from 'doorsill/officer/agency-client';
import { chooseSealing } from 'doorsill/officer/agency-sealing';
import { type EvidenceClient, openEvidenceClient } from 'doorsill/officer/evidence-client';
import {
  type AgencyFacts,
  adminBearer,
  applyToRegistry,
  DEMO_AGENCY,
  decideAgency,
  enterAgency,
} from 'doorsill/officer/registration';
import { demoAsk } from 'doorsill/story/demo-request';
import { gathered } from './held-clip.ts';
import { type AgencyPlan, SEALED_AGENCY } from './plan.ts';
import { HOMES_PLACE } from './simulated-home.ts';
import type { SimulatedServices } from './simulated-services.ts';

/** Agencies have the same keys in every run: their registration is part of the initial state. */
const KEYS_SEED = 4_711;
const ENTERED = 2;
const STRANGERS = 2;
const ASKED_US = 15 * 60_000_000;
const CLIP_BYTES_MAX = 64 * 1024 * 1024;
const OFFICER = { officer: 'Det. Rivera', reason: 'looking after what was granted' };

export interface AgencySeams {
  clock: Clock;
  random: Random;
  services: SimulatedServices;
}

/** The same request under an id of a search. */
function misnamed(token: string, key: SigningKey): { id: string; token: string } {
  const claims = Request.parse(parseToken(token)?.claims);
  const id = claims.jti.replace(/^request-/, 'search-');
  return { id, token: signToken('doorsill-request+jws', { ...claims, jti: id }, key) };
}

/** Registered agencies of the initial state, and unregistered ones. */
const AGENCY_KEYS = agencyKeys();

function agencyKeys(): { entered: readonly SigningKey[]; strangers: readonly SigningKey[]; state: SigningKey } {
  const random = new SeededRandom(KEYS_SEED);
  const keys = (count: number) => Array.from({ length: count }, () => generateSigningKey(random));
  return { entered: keys(ENTERED), strangers: keys(STRANGERS), state: generateSigningKey(random) };
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

/** An agency of the state, which registry and bridge serve. */
const STATE: AgencyFacts = {
  ...DEMO_AGENCY,
  name: 'Evergreen State Police',
  jurisdiction: 'state',
  domain: 'police.evergreen.example',
  contact: { name: 'Det. J. Rivera', email: 'rivera@police.evergreen.example' },
};

/** A federal agency, which a registry must refuse. */
const FEDERAL: AgencyFacts = { ...DEMO_AGENCY, name: 'Federal Bureau of Investigation', jurisdiction: 'municipal' };

/** Registers the agencies of every run; throws unless the registry refuses the federal one. */
export async function enterAgencies({ clock, random, services }: AgencySeams): Promise<void> {
  const { disk } = services;
  const { entered, strangers, state: ofState } = AGENCY_KEYS;
  const where = registryOf(services);
  const deps = { clock, random, disk };
  const sealing = await vaultSealing(services, { random, disk });
  const all = [
    ...entered.map((key, at) => ({ key, facts: at === SEALED_AGENCY ? { ...factsOf(at), sealing } : factsOf(at) })),
    { key: ofState, facts: STATE },
  ];
  for (const { key, facts } of all) await enterAgency(deps, where, key, facts);
  const [stranger] = strangers;
  if (!stranger) throw failure('internal', { detail: 'no federal agency tries' });
  const refused = await applyToRegistry(deps, where, stranger, FEDERAL).catch((thrown: unknown) => thrown);
  if (!isFailure(refused)) throw failure('internal', { detail: 'the registry took in a federal agency' });
}

function registryOf(services: SimulatedServices) {
  const { id } = services.part('registry');
  return { registryUrl: services.url('registry'), registry: id, folder: services.path('registry') };
}

/** How clips are encrypted that the vault opens with its newest key. Throws `unreachable`. */
async function vaultSealing(services: SimulatedServices, deps: Pick<OfficerDeps, 'disk' | 'random'>): Promise<Sealing> {
  const vault = { url: services.url('vault') };
  const sealing = await chooseSealing(deps, { folder: services.path('vault'), vault, choice: 'vault' });
  if (!sealing) throw failure('internal', { detail: 'the vault has no key that clips can be encrypted to' });
  return sealing;
}

/** A request about clips that are encrypted. */
export interface SealedAsk {
  readonly request: string;
  readonly sealing: Sealing;
}

interface Asked {
  readonly request: string;
  readonly token: string;
  readonly key: SigningKey;
}

export class SimulatedAgencies {
  private readonly plans: readonly AgencyPlan[];
  private readonly seams: AgencySeams;
  private readonly asked = new Map<number, Asked>();
  /** Hashes of requests that must not be published. Ids are not enough: another agency may use the same. */
  readonly unlawful = new Set<string>();
  /** Requests of agencies in good standing that the bridge has accepted. */
  private readonly accepted = new Map<string, SigningKey>();
  /** Ids of agencies that the registry has revoked. */
  private readonly ended = new Set<string>();
  /** Each registered agency's requests, by its key. */
  private readonly requests: ReadonlyMap<string, Set<string>>;

  constructor(plans: readonly AgencyPlan[], seams: AgencySeams) {
    this.plans = plans;
    this.seams = seams;
    this.requests = new Map(AGENCY_KEYS.entered.map(({ publicKey }) => [publicKey, new Set()]));
  }

  /** Keys of captured agencies; unregistered ones are not among them. */
  get enteredKeys(): readonly SigningKey[] {
    return AGENCY_KEYS.entered;
  }

  get strangerKeys(): readonly SigningKey[] {
    return AGENCY_KEYS.strangers;
  }

  /** Sets the departments' policies at the vault, if not the default. Throws the vault's refusal. */
  async open(): Promise<void> {
    for (const [at, { name, onRecall }] of this.plans.entries()) {
      if (onRecall === 'erase') continue;
      const desk = await this.deskOf(this.keyOf(at), `/${name}`);
      const recall = { answer: onRecall, reason: 'It is evidence in a trial.' };
      await desk.call('setPolicy', OFFICER, {}, { recall });
    }
  }

  /** Requests footage from all homes, for `lifeS`. Throws the bridge's refusal. */
  async ask(at: number, lifeS: number): Promise<string> {
    const { clock, random, services } = this.seams;
    const key = this.keyOf(at);
    const nowUs = clock.wallUs();
    const ask = demoAsk(clock, HOMES_PLACE, { startUs: nowUs - ASKED_US, endUs: nowUs }, 'address-and-email');
    const kind = this.plans[at]?.kind;
    const signed = signFootageRequest(this.deps, key, services.bridgeId, {
      ...ask,
      contact: (kind === 'state' ? STATE : factsOf(at)).contact,
      expiresInS: lifeS,
      investigation: freshId(random, 'case'),
    });
    const { id, token } = kind === 'misnaming' ? misnamed(signed.token, key) : signed;
    if (kind !== 'honest' && kind !== 'revoked') this.unlawful.add(sha256Hex(token));
    this.requests.get(key.publicKey)?.add(id);
    await postRequest(services.url('bridge'), token);
    this.asked.set(at, { request: id, token, key });
    if (kind === 'honest') this.accepted.set(id, key);
    return id;
  }

  /** Lists what the bridge shows an agency beyond its own requests. A refused agency is shown nothing. */
  async shownBeyond(): Promise<string[]> {
    const { bridge } = this.seams.services;
    const lines: string[] = [];
    for (const [at, key] of AGENCY_KEYS.entered.entries()) {
      const shown = await listClips(this.deps, key, bridge, OFFICER).catch((thrown: unknown) => {
        if (!isFailure(thrown)) throw thrown;
        return [];
      });
      for (const request of shown) {
        if (!this.requests.get(key.publicKey)?.has(request))
          lines.push(`agency ${at + 1} is shown a clip of ${request}`);
      }
    }
    return lines;
  }

  /** Lists what registry and bridge have confirmed and no longer know. Throws `unreachable`. */
  async forgotten(): Promise<string[]> {
    const { services } = this.seams;
    const lines: string[] = [];
    const bearer = await adminBearer(services.disk, services.path('registry'));
    for (const id of this.ended) {
      const url = `${services.url('registry')}/v1/agencies/${id}`;
      const standing = await exchangeJson(url, { method: 'GET', bearer });
      const state = typeof standing === 'object' && standing !== null && 'state' in standing ? standing.state : null;
      if (state !== 'revoked') lines.push(`the registry had ended ${id}, and says that it is ${String(state)}`);
    }
    const { bridge } = services;
    for (const [request, key] of this.accepted) {
      const refused = await callAboutRequest(this.deps, key, bridge, request, 'see').then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (refused === null) continue;
      if (!isFailure(refused)) throw refused;
      lines.push(`the bridge had accepted ${request}, and answers ${refused.code}`);
    }
    return lines;
  }

  /** An agency's last request that the bridge accepted, as it was signed; null without one. */
  askedToken(at: number): string | null {
    return this.asked.get(at)?.token ?? null;
  }

  /** The last request of the agency whose clips are encrypted; null before. Throws `unreachable`. */
  async sealedAsk(): Promise<SealedAsk | null> {
    const asked = this.asked.get(SEALED_AGENCY);
    if (!asked || asked.key !== AGENCY_KEYS.entered[SEALED_AGENCY]) return null;
    return { request: asked.token, sealing: await vaultSealing(this.seams.services, this.deps) };
  }

  /** The vault gets a new key, and the agency has its clips encrypted to that from now on. Throws the refusals of vault and registry. */
  async changeSealing(): Promise<void> {
    const { services } = this.seams;
    const bearer = await adminBearer(services.disk, services.path('vault'));
    await exchangeJson(`${services.url('vault')}/v1/sealing-keys`, { method: 'POST', bearer });
    const facts = { ...factsOf(SEALED_AGENCY), sealing: await vaultSealing(services, this.deps) };
    const key = AGENCY_KEYS.entered[SEALED_AGENCY];
    if (key) await enterAgency(this.deps, registryOf(services), key, facts);
  }

  /** What the vault shows the officers of the agency whose clips are encrypted: an item's clip, or why not. Throws `unreachable`. */
  async shownAtVault(item: string): Promise<Uint8Array | string> {
    const key = AGENCY_KEYS.entered[SEALED_AGENCY];
    if (!key) return 'agency_unknown';
    try {
      const desk = await this.deskOf(key, '/officers');
      const { parts } = await desk.clip(item, OFFICER, CLIP_BYTES_MAX);
      return await gathered(parts);
    } catch (thrown) {
      if (!isFailure(thrown) || thrown.code === 'unreachable') throw thrown;
      return thrown.code;
    }
  }

  /** An agency's access to the vault, with credentials in `folder`. */
  private async deskOf(key: SigningKey, folder: string): Promise<EvidenceClient> {
    const { services } = this.seams;
    await services.disk.makeFolder(folder);
    const vault = { url: services.url('vault'), folder: services.path('vault') };
    return openEvidenceClient(this.deps, vault, { id: agencyId(key), folder });
  }

  /** Withdraws the last request, if any. Throws the bridge's refusal. */
  async withdraw(at: number): Promise<void> {
    const asked = this.asked.get(at);
    if (asked) await callAboutRequest(this.deps, asked.key, this.seams.services.bridge, asked.request, 'resolve');
  }

  /** The registry revokes the agency. Throws the registry's refusal. */
  async end(at: number): Promise<void> {
    const { services } = this.seams;
    const id = agencyId(this.keyOf(at));
    await decideAgency(services.disk, registryOf(services), id, 'revoke');
    this.ended.add(id);
    await services.part('bridge').refreshRevocations();
  }

  private get deps(): OfficerDeps {
    const { clock, random, services } = this.seams;
    return { clock, random, disk: services.disk };
  }

  private keyOf(at: number): SigningKey {
    const { entered, strangers, state } = AGENCY_KEYS;
    if (this.plans[at]?.kind === 'state') return state;
    const isEntered = /^(honest|revoked|misnaming)$/.test(this.plans[at]?.kind ?? '');
    const key = isEntered ? entered[at] : strangers[at];
    if (!key) throw failure('internal', { detail: `no agency has the number ${at}` });
    return key;
  }
}
