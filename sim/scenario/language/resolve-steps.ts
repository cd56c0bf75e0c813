// Resolves steps: the doorbell, owner, agency and request that each names, its time, and defaults.

import { nearestWord, readBySchema } from '@doorsill/base/schema-fault';
import { FaultSet, isReplayed, parseFault } from '../../camera-server/faults.ts';
import { ERRORS, isErrorCode } from '../../errors.ts';
import { type LinkTrouble, printTrouble } from '../../world/link-proxy.ts';
import { durationSchema } from './durations.ts';
import { type Located, type Place, positionOf, valueAt } from './located.ts';
import { asProblem, type Faults, faultAt, problemAt, ScenarioProblem, shown, unknownName } from './mistakes.ts';
import {
  type ScenarioAgency,
  type ScenarioDoorbell,
  type ScenarioPartner,
  type Span,
  STEP_EVENTS,
  type Step,
  type StepAction,
  type When,
} from './scenario.ts';
import type { ScenarioFolder } from './scenario-folder.ts';
import { STEP_VERBS, type WrittenStep } from './written-steps.ts';

/** The names that steps and expectations may use. */
export interface ScenarioScope {
  doorbells: readonly ScenarioDoorbell[];
  agencies: readonly ScenarioAgency[];
  partners: readonly ScenarioPartner[];
  folder: ScenarioFolder;
  faults: Faults;
}

const MINUTE_US = 60_000_000;
/** The shortest window that a bridge accepts. */
const WINDOW_US_DEFAULT = 15 * MINUTE_US;
const EXPIRES_US_DEFAULT = 7 * 24 * 60 * MINUTE_US;
/** As in the wire contract. */
const INVESTIGATION_LENGTH_MAX = 64;
const POWER_CUT_US_DEFAULT = 1_000_000;

export class StepResolver {
  readonly #scope: ScenarioScope;
  /** Names of steps and requests so far. */
  readonly #ids = new Set<string>();
  readonly requests = new Set<string>();
  /** Each doorbell's owners at this step. */
  readonly #owners: Map<string, Set<string>>;
  /** Each camera's faults so far. */
  readonly #cameras: Map<string, FaultSet>;
  /** The latest time of a step so far. */
  #latestUs = 0;

  constructor(scope: ScenarioScope) {
    this.#scope = scope;
    this.#owners = new Map(scope.doorbells.map(({ name, owners }) => [name, new Set(owners)]));
    this.#cameras = new Map(scope.doorbells.map(({ name }) => [name, new FaultSet()]));
  }

  get ids(): ReadonlySet<string> {
    return this.#ids;
  }

  /** Resolves all steps; collects faults. `all` has the ids of the whole list, for references to later steps. */
  resolve(written: readonly WrittenStep[], nodes: readonly Located[], forUs: number | undefined): Step[] {
    const later = new Set(written.flatMap(({ id, request, 'lost-pet': pet }) => [id, request?.as, pet?.as]));
    const steps: Step[] = [];
    for (const [at, step] of written.entries()) {
      const node = nodes[at];
      const resolved = node && this.#scope.faults.catch(() => this.#step(step, node, later, forUs));
      if (resolved) steps.push(resolved);
    }
    return steps;
  }

  #step(written: WrittenStep, node: Located, later: ReadonlySet<string | undefined>, forUs: number | undefined): Step {
    const when = this.#when(written, node, later);
    if ('atUs' in when) this.#inOrder(when.atUs, valueAt(node, 'at') ?? node, forUs);
    const doorbell = this.doorbellOf(written.doorbell, node);
    const owners = [...(this.#owners.get(doorbell.name) ?? [])];
    const owner = written.owner ?? owners[0] ?? '';
    if (!owners.includes(owner))
      this.#scope.faults.add(unknownName(valueAt(node, 'owner') ?? node, 'owner', owner, owners));
    const { fails } = written;
    if (fails !== undefined) checkCode(fails, valueAt(node, 'fails') ?? node, this.#scope.faults);
    const action = this.#action(written, node, doorbell.name);
    const id = written.id ?? ('as' in action ? action.as : undefined);
    if (id !== undefined) this.#name(id, valueAt(node, 'id') ?? node);
    if ('as' in action) this.requests.add(action.as);
    return {
      when,
      ...(id === undefined ? {} : { id }),
      doorbell: doorbell.name,
      owner,
      ...(fails === undefined ? {} : { fails }),
      position: positionOf(node),
      ...action,
    };
  }

  #name(id: string, place: Place): void {
    const isEvent = STEP_EVENTS.some((event) => event === id);
    if (isEvent)
      throw problemAt('scenario_name_twice', place, `"${id}" is the name of an event, so no step can have it`);
    if (this.#ids.has(id))
      throw problemAt('scenario_name_twice', place, `a step before has the name "${shown(id)}" already`);
    this.#ids.add(id);
  }

  #when({ at, after }: WrittenStep, node: Located, later: ReadonlySet<string | undefined>): When {
    if (at !== undefined) return { atUs: at };
    if (after === undefined) return { next: true };
    const place = valueAt(node, 'after') ?? node;
    const [, name = '', , plus] = /^([a-z0-9][a-z0-9-]*)(\s*\+\s*(\S+))?$/.exec(after.trim()) ?? [];
    if (name === '')
      throw problemAt('scenario_value_refused', place, 'after takes an id or an event, as in `visit + 2s`');
    const parsed = readBySchema(durationSchema, plus ?? 0);
    if (!parsed.ok) throw problemAt('scenario_value_refused', place, parsed.fault);
    const event = STEP_EVENTS.find((known) => known === name);
    if (event) return { after: { event }, plusUs: parsed.data };
    if (!this.#ids.has(name)) {
      if (later.has(name))
        throw problemAt('scenario_name_unknown', place, `the step "${shown(name)}" comes later in the list`);
      const known = [...this.#ids, ...STEP_EVENTS];
      this.#scope.faults.add(unknownName(place, 'earlier step or event', name, known));
    }
    return { after: { step: name }, plusUs: parsed.data };
  }

  #inOrder(atUs: number, place: Place, forUs: number | undefined): void {
    const seconds = (us: number) => `${us / 1_000_000}s`;
    if (atUs < this.#latestUs) {
      const detail = `${seconds(atUs)} is before a step above, at ${seconds(this.#latestUs)}; steps stand in order of time`;
      throw problemAt('scenario_value_refused', place, detail);
    }
    if (forUs !== undefined && atUs > forUs) {
      throw problemAt('scenario_value_refused', place, `the scenario ends before, after ${seconds(forUs)} (for)`);
    }
    this.#latestUs = atUs;
  }

  /** The named doorbell, or the first without a name. Throws a ScenarioProblem for an unknown name. */
  doorbellOf(name: string | undefined, node: Located): ScenarioDoorbell {
    const { doorbells, faults } = this.#scope;
    const found = name === undefined ? doorbells[0] : doorbells.find((doorbell) => doorbell.name === name);
    if (found) return found;
    const known = doorbells.map((doorbell) => doorbell.name);
    faults.add(unknownName(valueAt(node, 'doorbell') ?? node, 'doorbell', name ?? '', known));
    return doorbells[0] as ScenarioDoorbell;
  }

  /** Adds a fault unless an earlier step made a request with this name. */
  checkRequest(name: string, place: Place): void {
    if (!this.requests.has(name)) this.#scope.faults.add(unknownName(place, 'request', name, [...this.requests]));
  }

  #action(written: WrittenStep, node: Located, doorbell: string): StepAction {
    const verb = Object.keys(STEP_VERBS).find((key) => key in written) as keyof typeof STEP_VERBS;
    const place = valueAt(node, verb) ?? node;
    switch (verb) {
      case 'request':
        return this.#request(written, place);
      case 'lost-pet':
        return this.#lostPet(written, place);
      case 'grant':
        return this.#grant(written, place);
      case 'deny':
      case 'ignore':
      case 'revoke':
      case 'withdraw':
      case 'recall': {
        const of = written[verb] ?? '';
        this.checkRequest(of, place);
        return { verb, of };
      }
      case 'add-owner':
      case 'remove-owner':
        return this.#changeOwner(verb, written[verb] ?? '', doorbell, place);
      case 'agency': {
        const { name = '', standing = 'approved' } = written.agency ?? {};
        const known = this.#scope.agencies.map(({ id }) => id);
        if (!known.includes(name))
          this.#scope.faults.add(unknownName(valueAt(place, 'name') ?? place, 'agency', name, known));
        return { verb, id: name, standing };
      }
      case 'partner': {
        const { name = '', is = 'active' } = written.partner ?? {};
        const known = this.#scope.partners.map(({ id }) => id);
        if (!known.includes(name))
          this.#scope.faults.add(unknownName(valueAt(place, 'name') ?? place, 'partner', name, known));
        return { verb, id: name, standing: is };
      }
      case 'camera-fault':
        return this.#cameraFault(written, doorbell, place);
      default:
        return plainAction(verb, written);
    }
  }

  /** Footage is read ahead of time, so its faults must be known from the start. */
  #cameraFault({ at, 'camera-fault': text = '' }: WrittenStep, doorbell: string, place: Place): StepAction {
    if (at === undefined)
      throw problemAt('scenario_value_refused', place, 'a camera-fault needs at: its time from the start');
    try {
      const fault = parseFault(text, at);
      if (fault.fromUs !== at) {
        const detail = `${shown(text)}: give its start with at, not after the fault`;
        throw problemAt('scenario_value_refused', place, detail);
      }
      if (!isReplayed(fault.name)) {
        const detail = `${fault.name} is a fault of connections or clocks, and footage has neither; doorsill camera serves a camera with it`;
        throw problemAt('scenario_value_refused', place, detail);
      }
      this.#cameras.get(doorbell)?.add(fault);
      return { verb: 'camera-fault', fault };
    } catch (thrown) {
      throw thrown instanceof ScenarioProblem ? thrown : asProblem(place, thrown);
    }
  }

  #request({ request }: WrittenStep, place: Located): StepAction {
    const { agencies, faults } = this.#scope;
    const known = agencies.map(({ id }) => id);
    const id = request?.agency ?? known[0] ?? '';
    if (!known.includes(id)) faults.add(unknownName(valueAt(place, 'agency') ?? place, 'agency', id, known));
    const agency = agencies.find((one) => one.id === id);
    return {
      verb: 'request',
      as: request?.as ?? '',
      agency: id,
      window: windowOf(request?.window),
      investigation: request?.investigation ?? `SPD-${request?.as}`.slice(0, INVESTIGATION_LENGTH_MAX),
      incidentType: request?.incident ?? 'package theft',
      text: request?.text ?? 'A parcel was taken from a porch on Maple Street. If your camera saw it, please share it.',
      profile: request?.disclosure ?? 'address-and-email',
      retention: request?.category ?? agency?.retention[0] ?? 'package-theft',
      area: request?.area ?? 'here',
      expiresUs: request?.expires ?? EXPIRES_US_DEFAULT,
    };
  }

  #lostPet(written: WrittenStep, place: Located): StepAction {
    const pet = written['lost-pet'];
    return {
      verb: 'lost-pet',
      as: pet?.as ?? '',
      photo: this.#scope.folder.fileAt(valueAt(place, 'photo') ?? place, pet?.photo ?? ''),
      pet: pet?.pet ?? 'dog',
      text: pet?.text ?? 'Our dog has run away. Has anybody seen it?',
      window: windowOf(pet?.window),
      profile: pet?.disclosure ?? 'nothing',
    };
  }

  #grant({ grant }: WrittenStep, place: Located): StepAction {
    const terms = typeof grant === 'string' || grant === undefined ? { request: grant ?? '' } : grant;
    this.checkRequest(terms.request, valueAt(place, 'request') ?? place);
    const { from, to, disclose = [], audio = false, zones = [] } = terms;
    if ((from === undefined) !== (to === undefined)) {
      throw problemAt(
        'scenario_value_refused',
        place,
        'a granted window has both from and to, or neither: all of the request’s',
      );
    }
    if (from !== undefined && to !== undefined && from >= to) {
      throw problemAt('scenario_value_refused', place, 'a window ends after it begins');
    }
    const window = from === undefined || to === undefined ? {} : { window: { fromUs: from, toUs: to } };
    return { verb: 'grant', of: terms.request, ...window, disclose: [...new Set(disclose)], audio, zones };
  }

  #changeOwner(verb: 'add-owner' | 'remove-owner', name: string, doorbell: string, place: Place): StepAction {
    const owners = this.#owners.get(doorbell) ?? new Set();
    if (verb === 'add-owner') {
      if (owners.has(name)) throw problemAt('scenario_name_twice', place, `${doorbell} has an owner "${name}" already`);
      owners.add(name);
    } else {
      if (!owners.has(name)) this.#scope.faults.add(unknownName(place, 'owner', name, [...owners]));
    }
    return { verb, name };
  }
}

/** Adds a fault unless the code is in the table of errors. */
export function checkCode(code: string, place: Place, faults: Faults): void {
  if (isErrorCode(code)) return;
  const meant = nearestWord(code, Object.keys(ERRORS));
  faults.add(faultAt('scenario_word_unknown', positionOf(place), `there is no error code "${shown(code)}"`, meant));
}

type Window = Span | { last: number } | undefined;

function windowOf(window: Window): Span | { lastUs: number } {
  if (window === undefined) return { lastUs: WINDOW_US_DEFAULT };
  return 'last' in window ? { lastUs: window.last } : window;
}

type PlainVerb =
  | 'press'
  | 'privacy'
  | 'forget'
  | 'settings'
  | 'reboot'
  | 'power-cut'
  | 'clock'
  | 'disk'
  | 'link'
  | 'broker'
  | 'bridge'
  | 'vault'
  | 'registry'
  | 'camera'
  | 'wait';

/** Steps without references. */
function plainAction(verb: PlainVerb, written: WrittenStep): StepAction {
  switch (verb) {
    case 'press':
      return { verb, button: typeof written.press === 'string' ? written.press : 'front' };
    case 'privacy':
      return { verb, on: written.privacy === 'on' };
    case 'forget':
      return { verb, ...(typeof written.forget === 'object' ? { span: written.forget } : {}) };
    case 'settings':
      return { verb, change: written.settings ?? {} };
    case 'reboot':
      return { verb };
    case 'power-cut': {
      const cut = written['power-cut'];
      const said = typeof cut === 'object' ? cut : null;
      return { verb, forUs: said?.for ?? POWER_CUT_US_DEFAULT, leaves: said?.leaves ?? 'lost' };
    }
    case 'clock':
      return clockAction(written.clock);
    case 'disk':
      return { verb, is: written.disk ?? 'ok' };
    case 'link':
      return linkAction(written.link);
    case 'broker':
    case 'bridge':
    case 'vault':
    case 'registry':
      return { verb: 'part', part: verb, is: written[verb] ?? 'back' };
    case 'camera':
      return { verb, is: written.camera ?? 'back' };
    case 'wait':
      return { verb, forUs: written.wait ?? 0 };
  }
}

function clockAction(clock: WrittenStep['clock']): StepAction {
  if (typeof clock !== 'object') return { verb: 'clock', trusted: clock !== 'untrusted' };
  if ('set' in clock) return { verb: 'clock', set: clock.set.wallUs };
  if ('step' in clock) return { verb: 'clock', stepUs: clock.step };
  return { verb: 'clock', driftPpm: clock['drift-ppm'] };
}

/** Delay of each piece on a slow link. */
const SLOW_MS = 1_500;

const LINK_TROUBLES = {
  ok: {},
  lost: { gone: 'lost' },
  slow: { delayMs: SLOW_MS },
  'half-open': { gone: 'half-open' },
  reset: 'reset',
} as const satisfies Record<string, LinkTrouble | 'reset'>;

function linkAction(link: WrittenStep['link']): StepAction {
  const { which, is, delay, jitter, rate, corrupt } = link ?? { which: 'home', is: 'ok' };
  if (is !== undefined) return { verb: 'link', which, is, trouble: LINK_TROUBLES[is] };
  const trouble: LinkTrouble = {
    ...(delay === undefined ? {} : { delayMs: delay / 1_000 }),
    ...(jitter === undefined ? {} : { jitterMs: jitter / 1_000 }),
    ...(rate === undefined ? {} : { bytesPerS: rate }),
    ...(corrupt === undefined ? {} : { corrupt }),
  };
  return { verb: 'link', which, is: printTrouble(trouble), trouble };
}
