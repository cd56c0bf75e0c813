// Resolves one variant of a scenario: doorbells, agencies and partners with defaults, then steps and expectations.
import type { Jurisdiction } from '@doorsill/contract/request';
import { parseDeviceConfig } from '@doorsill/device/config';
import { QUIET_PORCH } from '../../client/options.ts';
import { DEMO_AGENCY } from '../../officer/registration.ts';
import { DEMO_HOME } from '../../world/home-identity.ts';
import { type Located, positionOf, valueAt } from './located.ts';
import { asProblem, type Faults, faultAt, problemAt, unknownName } from './mistakes.ts';
import { isEndless, resolveCamera } from './resolve-camera.ts';
import { resolveExpectations } from './resolve-expectations.ts';
import { type ScenarioScope, StepResolver } from './resolve-steps.ts';
import type {
  CameraPart,
  Scenario,
  ScenarioAgency,
  ScenarioDoorbell,
  ScenarioPartner,
  ScenarioSettings,
} from './scenario.ts';
import type { ScenarioFolder } from './scenario-folder.ts';
import type { WrittenScenario } from './written-scenario.ts';

const TIMEOUT_US_DEFAULT = 60_000_000;
/** 2026-01-15T12:00:00Z. */
const START_US_DEFAULT = 1_768_478_400_000_000;
const DOORBELL_DEFAULT = 'front';
const OWNER_DEFAULT = 'robin';
const AGENCY_DEFAULT = 'police';

export interface Context {
  folder: ScenarioFolder;
  variant: Record<string, string>;
  faults: Faults;
}

/** The resolved scenario; `root` has the positions. Faults are collected in the context. */
export function resolveScenario(
  written: WrittenScenario,
  root: Located,
  { folder, variant, faults }: Context,
): Scenario {
  const partners = partnersOf(written);
  const agencies = agenciesOf(written, root, partners, faults);
  const doorbells = doorbellsOf(written, root, folder, faults);
  const scope: ScenarioScope = { doorbells, agencies, partners, folder, faults };
  const resolver = new StepResolver(scope);
  const steps = resolver.resolve(written.steps ?? [], itemsOf(root, 'steps'), written.for);
  const expect = resolveExpectations(written.expect ?? [], itemsOf(root, 'expect'), scope, resolver);
  const { name, description, tags = [], seed = 1, timeout = TIMEOUT_US_DEFAULT, start, broker = 'embedded' } = written;
  const time = written.time ?? (broker === 'mosquitto' ? 'real' : 'virtual');
  if (broker === 'mosquitto' && time === 'virtual') {
    const place = valueAt(root, 'time') ?? root;
    faults.add(
      faultAt('scenario_needs_real_time', positionOf(place), 'broker: mosquitto is a real program, whose time is real'),
    );
  }
  if (written.for === undefined && !written.steps?.length && doorbells.some(({ camera }) => camera.some(isEndless))) {
    const detail = 'the camera never ends, and no step does; say how long it runs: for: 30s';
    faults.add(faultAt('scenario_value_refused', positionOf(root), detail));
  }
  return {
    name,
    position: positionOf(root),
    folder: folder.root,
    variant,
    ...(description === undefined ? {} : { description }),
    tags,
    seed,
    timeoutMs: Math.ceil(timeout / 1_000),
    time,
    startUs: start?.wallUs ?? START_US_DEFAULT,
    ...(start?.zone === undefined ? {} : { zone: start.zone }),
    ...(written.for === undefined ? {} : { forUs: written.for }),
    doorbells,
    agencies,
    partners,
    broker,
    steps,
    expect,
  };
}

function itemsOf(root: Located, word: string): readonly Located[] {
  const node = valueAt(root, word);
  return node?.kind === 'list' ? node.items : [];
}

type WrittenDoorbell = NonNullable<WrittenScenario['doorbells']>[string];

/** The doorbells; the scenario's own camera and settings are their defaults. */
function doorbellsOf(
  written: WrittenScenario,
  root: Located,
  folder: ScenarioFolder,
  faults: Faults,
): ScenarioDoorbell[] {
  const named: [string, WrittenDoorbell][] = Object.entries(written.doorbells ?? {});
  const all = named.length > 0 ? named : [[DOORBELL_DEFAULT, {}] satisfies [string, WrittenDoorbell]];
  return all.map(([name, said]) => {
    const node = valueAt(valueAt(root, 'doorbells'), name) ?? root;
    const settings = { ...written.settings, ...said.settings };
    const place = valueAt(node, 'settings') ?? valueAt(root, 'settings') ?? node;
    return {
      name,
      camera: cameraOf(said, node, written, root, folder, faults),
      settings: faults.catch(() => checkedSettings(settings, place)) ?? {},
      owners: [...new Set(said.owners ?? [OWNER_DEFAULT])],
      place: said.place ?? DEMO_HOME.place,
    };
  });
}

function cameraOf(
  said: WrittenDoorbell,
  node: Located,
  written: WrittenScenario,
  root: Located,
  folder: ScenarioFolder,
  faults: Faults,
): CameraPart[] {
  const [camera, from] = said.camera === undefined ? [written.camera, root] : [said.camera, node];
  if (camera === undefined) return [{ kind: 'synthetic', source: QUIET_PORCH, fromUs: 0, loop: 1 }];
  return faults.catch(() => resolveCamera(camera, valueAt(from, 'camera') ?? from, folder)) ?? [{ kind: 'none' }];
}

/** Checks them with the device's own schema, which knows the limits that depend on each other. */
function checkedSettings(settings: Partial<WrittenDoorbell['settings']>, place: Located): ScenarioSettings {
  const said = Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== undefined));
  const home = { url: 'mqtt://127.0.0.1', user: 'scenario', password: 'scenario' };
  try {
    const whole = parseDeviceConfig({ ...said, home }, 'of the scenario');
    return Object.fromEntries(Object.keys(said).map((key) => [key, whole[key as keyof ScenarioSettings]]));
  } catch (thrown) {
    throw asProblem(place, thrown);
  }
}

function partnersOf({ partners = {} }: WrittenScenario): ScenarioPartner[] {
  return Object.entries(partners).map(([id, standing]) => ({ id, name: id, standing }));
}

type WrittenAgency = NonNullable<WrittenScenario['agencies']>[string];

function agenciesOf(
  { agencies }: WrittenScenario,
  root: Located,
  partners: readonly ScenarioPartner[],
  faults: Faults,
): ScenarioAgency[] {
  const named: [string, WrittenAgency][] = Object.entries(agencies ?? {});
  if (named.length === 0) return [agencyOf(AGENCY_DEFAULT, {})];
  return named.flatMap(([id, said]) => {
    const node = valueAt(valueAt(root, 'agencies'), id) ?? root;
    const known = partners.map((partner) => partner.id);
    if (said.partner !== undefined && !known.includes(said.partner)) {
      faults.add(unknownName(valueAt(node, 'partner') ?? node, 'partner', said.partner, known));
    }
    const agency = faults.catch(() => {
      if (said.jurisdiction !== FEDERAL || said.standing === undefined || said.standing === 'unregistered')
        return agencyOf(id, said);
      const detail =
        'no registry admits a federal agency; leave it unregistered, and let a step try: agency, with fails: agency_federal';
      throw problemAt('scenario_value_refused', valueAt(node, 'standing') ?? node, detail);
    });
    return agency ? [agency] : [];
  });
}

const FEDERAL: Jurisdiction = 'federal';

function agencyOf(id: string, said: WrittenAgency): ScenarioAgency {
  const isDemo = id === AGENCY_DEFAULT;
  const domain = said.domain ?? (isDemo ? DEMO_AGENCY.domain : `${id.replace(/-+$/, '')}.example`);
  const words = id.split('-').map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`);
  const jurisdiction = said.jurisdiction ?? DEMO_AGENCY.jurisdiction;
  return {
    id,
    name:
      said.name ??
      (isDemo ? DEMO_AGENCY.name : `${words.join(' ')}${/police|sheriff/.test(id) ? '' : ' Police Department'}`),
    jurisdiction,
    domain,
    contact: said.contact ?? { name: DEMO_AGENCY.contact.name, email: `desk@${domain}` },
    profiles: said.profiles ?? [...DEMO_AGENCY.profiles],
    retention: said.retention ?? [...DEMO_AGENCY.retention],
    standing: said.standing ?? (jurisdiction === FEDERAL ? 'unregistered' : 'approved'),
    ...(said.partner === undefined ? {} : { partner: said.partner }),
  };
}
