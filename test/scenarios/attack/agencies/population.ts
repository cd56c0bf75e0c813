// Generated agencies, good and bad, each with the expected answers of registry, bridge and device. The same seed makes the same agencies.
import type { Registry } from '../../../../cloud-bridge/registry/registry.ts';
import { integerBelow, type Random } from '../../../../device/base/random.ts';
import type { ErrorCode } from '../../../../device/contract/errors.ts';
import type { Credential, Request } from '../../../../device/contract/request.ts';
import { type Cast, makeParty, type Party } from '../../../support/parties.ts';
import type { Papers } from './device-verdict.ts';

/** The dependencies of each agency. */
export interface Scene {
  cast: Cast;
  registry: Registry;
  random: Random;
  /** A registration signed by `by`. */
  registration(facts: object, by: Party): string;
  rotation(from: Party, to: Party): string;
}

export interface Verdicts {
  /** To its application; null: accepted. */
  registry: ErrorCode | null;
  /** To its request at the bridge. */
  bridge: ErrorCode | null;
  /** To its request at a device, published regardless. */
  device: ErrorCode | null;
}

export interface Kind {
  name: string;
  expected: Verdicts;
  /** Makes an agency of this kind: applies, and is decided on; returns its key, and what a captured bridge would publish for it. */
  make(scene: Scene): Promise<{ party: Party; papers: Papers; applied: ErrorCode | null }>;
}

const TOWNS = [
  'Springfield',
  'Alice',
  'Mercer',
  'Price',
  'Venice',
  'Iceland Park',
  'Federal Way',
  'Marshalltown',
  'Dean',
];
const BODIES = ['Police Department', 'Sheriff’s Office', 'Testbed Police', 'Department of Public Safety', 'Constable'];
const FEDERAL_NAMES = [
  ...['ICE # Field Office', 'I.C.E. #', 'HSI #', 'H.S.I. Task Force of #', 'ERO # Field Office', 'FBI # Field Office'],
  ...['U.S. Marshals, #', 'US Marshals Service, #', 'CBP #', 'Border Patrol, # Sector', 'DEA # Division', 'ATF #'],
  ...[
    'Secret Service, #',
    'United States Attorney, #',
    'Immigration & Customs Enforcement, #',
    'USPS Postal Inspector #',
  ],
  ...['Department of Homeland Security, #', 'Joint Terrorism Task Force #', 'Federal Bureau of Investigation #'],
];
const FEDERAL_DOMAINS = [
  'ice.gov',
  'dhs.gov',
  'fbi.gov',
  'usdoj.gov',
  'usmarshals.gov',
  'army.mil',
  'cbp.gov',
  'atf.gov',
];
/** The same names in a spelling that a person still recognizes. */
const DISGUISED = [
  ...['F-B-I #', 'F·B·I #', 'F_B_I, #', 'F/B/I #', 'FB\u0131 #', 'D.H.S.’s # Office', 'I-C-E #', '# Police H/S/I'],
  ...['USMarshals #', '#FBI', 'BorderPatrol #', 'Dpt of Homeland Sec, #', 'Secret Svc #', '\uff26\uff22\uff29 #'],
  ...['Immig & Cust Enf, #', 'Fed Bur of Investigation, #', 'Nat’l Park Svc #'],
];
/** Similar enough to need a person's decision. */
const NEAR = [
  ...[
    'HSl',
    '1CE',
    'FB1',
    'F8I',
    'D H5',
    'FB I',
    'Irnmigration',
    'U5 Marshals',
    'H0meland Security',
    'Homelandsecurity',
  ],
  ...['Cust0ms', 'Task-Force', 'lnterpol', 'Na5a'],
];
const NEAR_HOSTS = [
  'ice.gov',
  'fbi',
  'ice-police',
  '1ce',
  'f.b.i',
  'usmarshals',
  'home-land-security',
  'police.dhs',
  'gov',
];
const FREE_MAIL = ['gmail.com', 'outlook.com', 'yahoo.com', 'proton.me', 'aol.com', 'gmx.de'];
const LOOKALIKES = ['\u0406CE #', 'F\u0412I #', 'I\u200bCE #', 'IC\u0395 #', 'H\u0405I #'];

const pick = <Value>(random: Random, values: readonly Value[]): Value => {
  const value = values[integerBelow(random, values.length)];
  if (value === undefined) throw new Error('nothing to pick from');
  return value;
};
const named = (random: Random, form: string) => form.replace('#', pick(random, TOWNS));

/** Facts of a valid agency. */
function localFacts(random: Random) {
  const number = integerBelow(random, 1_000_000);
  return {
    name: `${pick(random, TOWNS)} ${pick(random, BODIES)}`,
    jurisdiction: pick(random, ['municipal', 'county']),
    domain: `agency-${number}.example`,
  };
}

const REFUSED: Verdicts = {
  registry: 'agency_federal',
  bridge: 'agency_unknown',
  device: 'consent_credential_invalid',
};
const GOOD: Verdicts = { registry: null, bridge: null, device: null };

/** An agency that is refused at its application; a captured bridge signs its credential. */
function neverServed(name: string, code: ErrorCode, facts: (random: Random) => object): Kind {
  return {
    name,
    expected: { ...REFUSED, registry: code },
    make: async (scene) => {
      const { cast, random, registry } = scene;
      const party = makeParty('agency', random);
      const applied = await codeOf(
        registry.register(scene.registration({ ...localFacts(random), ...facts(random) }, party)),
      );
      const minted = { agency: party.id, key: party.key.publicKey, iss: cast.bridge.key.publicKey };
      return {
        party,
        applied,
        papers: { request: cast.request({}, party), credential: cast.credential(minted, cast.bridge) },
      };
    },
  };
}

/** Police of a city on the list of government domains. Here every domain shows every id. */
const SEATTLE = { name: 'Seattle Police Department', jurisdiction: 'municipal', domain: 'seattle.gov' };

/** An agency without a person's decision; a captured bridge signs its credential. */
function neverAdmittedAlone(name: string, facts: (random: Random) => object): Kind {
  return {
    name,
    expected: { registry: null, bridge: 'agency_pending', device: 'consent_credential_invalid' },
    make: async (scene) => {
      const { cast, random, registry } = scene;
      const party = makeParty('agency', random);
      const applied = await codeOf(registry.register(scene.registration(facts(random), party)));
      const credential = credentialOf(scene, party, {}, cast.bridge);
      return { party, applied, papers: { request: cast.request({}, party), credential } };
    },
  };
}

/** An admitted agency; `then` happens after it has its credential. */
function admitted(
  name: string,
  expected: Partial<Verdicts>,
  then: (scene: Scene, party: Party, papers: Papers) => Promise<Papers | undefined>,
): Kind {
  return {
    name,
    expected: { ...GOOD, ...expected },
    make: async (scene) => {
      const { cast, random, registry } = scene;
      const party = makeParty('agency', random);
      const applied = await codeOf(registry.register(scene.registration(localFacts(random), party)));
      await registry.approve(party.id);
      const papers = { request: cast.request({}, party), credential: await registry.credential(party.id) };
      return { party, applied, papers: (await then(scene, party, papers)) ?? papers };
    },
  };
}

/** An admitted agency and a later decision about it. */
const dealtWith = (name: string, expected: Partial<Verdicts>, deal: (scene: Scene, party: Party) => Promise<unknown>) =>
  admitted(name, expected, async (scene, party) => {
    await deal(scene, party);
    return undefined;
  });

/** An agency with documents changed by a captured bridge, which the bridge's own rules do not see. */
const bent = (name: string, device: ErrorCode, bend: (scene: Scene, party: Party, papers: Papers) => Papers) =>
  admitted(name, { device }, async (scene, party, papers) => bend(scene, party, papers));

const credentialOf = ({ cast }: Scene, party: Party, changes: Partial<Credential>, by: Party = cast.registry) =>
  cast.credential({ agency: party.id, key: party.key.publicKey, iss: by.key.publicKey, ...changes }, by);

const HOUR_S = 3_600;

export const KINDS: readonly Kind[] = [
  // Good agencies occur often: refusing everybody would prove nothing.
  ...['', ' again', ' and again'].map((times) => dealtWith(`a local agency${times}`, {}, async () => undefined)),
  dealtWith(
    'one that was suspended and reinstated',
    { device: 'consent_agency_revoked' },
    async ({ registry }, { id }) => {
      await registry.suspend(id, 'is looked into');
      await registry.reinstate(id);
    },
  ),
  admitted(
    'one that was revoked and reinstated, under its new credential',
    {},
    async ({ registry }, { id }, papers) => {
      await registry.revoke(id);
      await registry.reinstate(id);
      return { ...papers, credential: await registry.credential(id) };
    },
  ),
  dealtWith('one that is kept from homes elsewhere', {}, ({ registry }, { id }) => registry.revoke(id, 'area-u0n')),
  admitted('one with another key, under that key', {}, async (scene, party) => {
    const next = makeParty('agency', scene.random);
    await scene.registry.rotate(party.id, scene.rotation(party, next));
    Object.assign(party, next);
    return { request: scene.cast.request({}, next), credential: await scene.registry.credential(next.id) };
  }),

  neverServed('federal by jurisdiction', 'agency_federal', () => ({ jurisdiction: 'federal' })),
  neverServed('federal by name', 'agency_federal', (random) => ({ name: named(random, pick(random, FEDERAL_NAMES)) })),
  neverServed('federal by name, in capitals', 'agency_federal', (random) => ({
    name: named(random, pick(random, FEDERAL_NAMES)).toUpperCase(),
  })),
  neverServed('federal by name, disguised', 'agency_federal', (random) => ({
    name: named(random, pick(random, DISGUISED)),
  })),
  neverAdmittedAlone('of a listed city, near a federal name', (random) => ({
    ...SEATTLE,
    name: `Seattle Police ${pick(random, NEAR)}`,
  })),
  neverAdmittedAlone('of a listed city, at a host with a federal name', (random) => ({
    ...SEATTLE,
    domain: `${pick(random, NEAR_HOSTS)}.${SEATTLE.domain}`,
  })),
  {
    name: 'one of a listed city, which needs no person',
    expected: GOOD,
    make: async (scene) => {
      const { cast, random, registry } = scene;
      const party = makeParty('agency', random);
      const from = `10.${integerBelow(random, 256)}.${integerBelow(random, 256)}.0/24`;
      const applied = await codeOf(registry.register(scene.registration(SEATTLE, party), from));
      const papers = { request: cast.request({}, party), credential: await registry.credential(party.id) };
      return { party, applied, papers };
    },
  },
  neverServed('federal by domain', 'agency_federal', (random) => ({ domain: pick(random, FEDERAL_DOMAINS) })),
  neverServed('federal by a domain below one', 'agency_federal', (random) => ({
    domain: `office-${integerBelow(random, 99)}.${pick(random, FEDERAL_DOMAINS)}`,
  })),
  neverServed('with letters of another alphabet', 'agency_ineligible', (random) => ({
    name: named(random, pick(random, LOOKALIKES)),
  })),
  neverServed('of a state', 'agency_ineligible', () => ({ jurisdiction: 'state' })),
  neverServed('with free mail', 'agency_ineligible', (random) => ({ domain: pick(random, FREE_MAIL) })),

  {
    name: 'unknown: it never applied',
    expected: { registry: null, bridge: 'agency_unknown', device: 'consent_credential_invalid' },
    make: async ({ cast, random }) => {
      const party = makeParty('agency', random);
      const minted = { agency: party.id, key: party.key.publicKey, iss: party.key.publicKey };
      return {
        party,
        applied: null,
        papers: { request: cast.request({}, party), credential: cast.credential(minted, party) },
      };
    },
  },
  neverAdmittedAlone('pending: no person has looked', localFacts),
  {
    name: 'turned down by a person',
    expected: { registry: null, bridge: 'agency_refused', device: 'consent_credential_invalid' },
    make: async (scene) => {
      const { cast, random, registry } = scene;
      const party = makeParty('agency', random);
      const applied = await codeOf(registry.register(scene.registration(localFacts(random), party)));
      await registry.refuse(party.id, 'nobody knows it');
      const credential = credentialOf(scene, party, {}, cast.bridge);
      return { party, applied, papers: { request: cast.request({}, party), credential } };
    },
  },

  dealtWith('suspended', { bridge: 'agency_suspended', device: 'consent_agency_revoked' }, ({ registry }, { id }) =>
    registry.suspend(id, 'is looked into'),
  ),
  ...(['suspend', 'refuse'] as const).map((verb) =>
    dealtWith(
      `one that applies again before a person can ${verb} it`,
      {
        bridge: verb === 'suspend' ? 'agency_suspended' : 'agency_refused',
        device: 'consent_agency_revoked',
      },
      async (scene, party) => {
        await scene.registry.register(scene.registration(localFacts(scene.random), party));
        await scene.registry[verb](party.id, 'is looked into');
      },
    ),
  ),
  dealtWith('one that has applied again, on which nobody has decided', {}, (scene, party) =>
    scene.registry.register(scene.registration(localFacts(scene.random), party)),
  ),
  dealtWith('revoked', { bridge: 'agency_revoked', device: 'consent_agency_revoked' }, ({ registry }, { id }) =>
    registry.revoke(id),
  ),
  dealtWith(
    'revoked for requests to residents',
    { bridge: 'agency_ineligible', device: 'consent_agency_revoked' },
    ({ registry }, { id }) => registry.revoke(id, 'community-request'),
  ),
  admitted(
    'revoked for requests to residents, with a fresh credential',
    { bridge: 'agency_ineligible', device: 'consent_credential_invalid' },
    async ({ registry }, { id }, papers) => {
      await registry.revoke(id, 'community-request');
      return { ...papers, credential: await registry.credential(id) };
    },
  ),
  dealtWith(
    'revoked for this county',
    { bridge: 'agency_revoked', device: 'consent_agency_revoked' },
    ({ registry, cast }, { id }) => registry.revoke(id, `area-${cast.cell.slice(0, 3)}`),
  ),
  admitted(
    'revoked for this county, with a fresh credential',
    { bridge: 'agency_revoked', device: 'consent_agency_revoked' },
    async ({ registry, cast }, { id }, papers) => {
      await registry.revoke(id, `area-${cast.cell.slice(0, 4)}`);
      return { ...papers, credential: await registry.credential(id) };
    },
  ),
  dealtWith(
    'one with another key since, under the old one',
    { bridge: 'agency_key_rotated', device: 'consent_agency_revoked' },
    async (scene, party) => scene.registry.rotate(party.id, scene.rotation(party, makeParty('agency', scene.random))),
  ),
  bent(
    'one with another key since, with the new credential over the old key’s request',
    'consent_credential_invalid',
    (scene, _party, papers) => ({
      ...papers,
      credential: credentialOf(scene, makeParty('agency', scene.random), {}),
    }),
  ),

  bent('cross-signed: its credential by another registry', 'consent_credential_invalid', (scene, party, papers) => ({
    ...papers,
    credential: credentialOf(scene, party, {}, makeParty('registry', scene.random)),
  })),
  bent('cross-signed: its credential by itself', 'consent_credential_invalid', (scene, party, papers) => ({
    ...papers,
    credential: credentialOf(scene, party, {}, party),
  })),
  bent(
    'cross-signed: its request by another agency',
    'consent_credential_invalid',
    ({ cast, random }, party, papers) => ({
      ...papers,
      request: cast.request({ agency: party.id }, makeParty('agency', random)),
    }),
  ),
  bent(
    'cross-signed: another agency’s credential over its request',
    'consent_credential_invalid',
    (scene, _party, papers) => ({
      ...papers,
      credential: credentialOf(scene, scene.cast.agency, {}),
    }),
  ),
  bent(
    'cross-signed: the registry’s signature over another agency’s key',
    'consent_credential_invalid',
    (scene, party, papers) => ({
      ...papers,
      credential: credentialOf(scene, party, { key: scene.cast.agency.key.publicKey }),
    }),
  ),
  bent('addressed to another bridge', 'token_wrong_audience', ({ cast, random }, party, papers) => ({
    ...papers,
    request: cast.request({ aud: makeParty('bridge', random).id }, party),
  })),

  bent('expired: its credential', 'consent_credential_expired', (scene, party, papers) => ({
    ...papers,
    credential: credentialOf(scene, party, { iat: scene.cast.nowS() - 2 * HOUR_S, exp: scene.cast.nowS() }),
  })),
  bent('with a credential that lives for more than a day', 'consent_credential_invalid', (scene, party, papers) => ({
    ...papers,
    credential: credentialOf(scene, party, { exp: scene.cast.nowS() + 25 * HOUR_S }),
  })),
  bent('with a credential from the future', 'consent_credential_invalid', (scene, party, papers) => ({
    ...papers,
    credential: credentialOf(scene, party, { iat: scene.cast.nowS() + HOUR_S, exp: scene.cast.nowS() + 2 * HOUR_S }),
  })),
  bent('that the registry itself took for federal', 'consent_agency_ineligible', (scene, party, papers) => ({
    ...papers,
    credential: credentialOf(scene, party, { jurisdiction: 'federal' }),
  })),
  bent('that asks beyond what it is registered for', 'consent_request_beyond', ({ cast }, party, papers) => ({
    ...papers,
    request: cast.request({ retention: 'anything' } satisfies Partial<Request>, party),
  })),
  bent('that asks through an ended partner', 'consent_partner_ended', ({ cast }, party, papers) => ({
    ...papers,
    request: cast.request({ partner: 'flock-safety' }, party),
  })),
];

/** The code of a rejection; null if the promise resolves. */
export async function codeOf(work: Promise<unknown>): Promise<ErrorCode | null> {
  return work.then(
    () => null,
    (thrown: { code: ErrorCode }) => thrown.code,
  );
}
