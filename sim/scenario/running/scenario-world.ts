// The world of one scenario: time, services, homes, agencies, and requests by the names that steps gave them.

import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { SeededRandom } from '@doorsill/base/random';
import type { Grant } from '@doorsill/contract/owner-orders';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { VerifiedSighting } from '@doorsill/contract/read-sighting';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import type { Signed } from '@doorsill/device/owner/sign-owner-messages';
import { FaultSet } from '../../camera-server/faults.ts';
import { failure } from '../../errors.ts';
import type { PetOwner } from '../../pet-owner/pet-owner.ts';
import { parseSyntheticSource } from '../../porch/porch-camera.ts';
import type { CameraFaults } from '../../replay/faulty-footage.ts';
import { type FootagePart, sourcesOfFiles } from '../../replay/footage.ts';
import { VirtualClock } from '../../world/virtual-clock.ts';
import type { CameraPart, Scenario, Span } from '../language/scenario.ts';
import { ScenarioAgencies } from './scenario-agencies.ts';
import { ScenarioHome } from './scenario-home.ts';
import { ServiceParts } from './service-parts.ts';

export interface WorldDeps {
  disk: Disk;
  log: Log;
  ffmpeg: Ffmpeg;
}

/** A request that a step has made. */
export interface KnownRequest {
  /** Its id; empty if it was refused. */
  id: string;
  /** The home that was asked; for a lost pet, the one that granted. */
  home: ScenarioHome;
  /** The requested window. */
  window: Window;
  /** The recipient of a lost pet's clip; absent for an agency's request. */
  petOwner?: PetOwner;
  grant?: Signed<Grant>;
}

/** The verbs and expectations that need a broker, a bridge and an agency. */
const WITH_BRIDGE = new Set(['request', 'grant', 'deny', 'ignore', 'revoke', 'recall', 'withdraw', 'lost-pet']);

/** The faults of a doorbell's camera in the scenario, or null. */
function faultsOf({ steps, seed }: Scenario, doorbell: string, { log }: WorldDeps): CameraFaults | null {
  const set = new FaultSet();
  let isAny = false;
  for (const step of steps) {
    if (step.verb !== 'camera-fault' || step.doorbell !== doorbell) continue;
    set.add(step.fault);
    isAny = true;
  }
  return isAny ? { set, seed, log } : null;
}

export class ScenarioWorld {
  readonly scenario: Scenario;
  readonly disk: Disk;
  readonly clock: VirtualClock;
  readonly services: ServiceParts;
  readonly agencies: ScenarioAgencies;
  readonly homes: readonly ScenarioHome[];
  private readonly requests = new Map<string, KnownRequest>();
  /** Bytes on each home's link to the bridge when the scenario began, from enrolment. */
  private readonly bytesBefore = new Map<ScenarioHome, number>();
  private bytesAtGrant: number | null = null;

  constructor(scenario: Scenario, folder: string, deps: WorldDeps) {
    this.scenario = scenario;
    this.clock = new VirtualClock({ startUs: scenario.startUs, ...(scenario.time === 'real' ? { speed: 1 } : {}) });
    const { broker } = scenario;
    this.services = new ServiceParts(join(folder, 'services'), { ...deps, world: this.clock, broker });
    this.disk = this.services.disk;
    this.agencies = new ScenarioAgencies(join(folder, 'agencies'), {
      ...deps,
      disk: this.disk,
      clock: this.clock,
      services: this.services,
    });
    const random = new SeededRandom(scenario.seed);
    const hasBridge = scenario.steps.some(({ verb }) => WITH_BRIDGE.has(verb));
    const ownServer =
      scenario.steps.some(({ verb }) => verb === 'settings') ||
      scenario.expect.some(({ kind }) => kind === 'state' || kind === 'ring-holds');
    this.homes = scenario.doorbells.map(
      (setup) =>
        new ScenarioHome(setup, footageOf(setup.camera), join(folder, 'homes', setup.name), {
          ...deps,
          disk: this.disk,
          world: this.clock,
          random,
          services: this.services,
          hasBridge,
          ownServer,
          faults: faultsOf(scenario, setup.name, deps),
        }),
    );
  }

  /** Starts everything, before any time passes. */
  async start(): Promise<void> {
    const { scenario, services, agencies } = this;
    await services.start();
    await agencies.start(scenario.agencies, scenario.partners);
    for (const home of this.homes) await home.start();
    for (const home of this.homes) this.bytesBefore.set(home, home.links.bridge.sentBytes);
  }

  async stop(): Promise<void> {
    for (const home of this.homes) await home.stop();
    await this.services.stop();
  }

  home(name: string): ScenarioHome {
    const home = this.homes.find((one) => one.name === name) ?? this.homes[0];
    if (home) return home;
    throw failure('scenario_name_unknown', { place: name, detail: 'there is no such doorbell.' });
  }

  /** A span of the scenario's time, or the last microseconds, as wall time. */
  windowOf(span: Span | { lastUs: number }): Window {
    const { startUs } = this.scenario;
    if (!('lastUs' in span)) return { startUs: startUs + span.fromUs, endUs: startUs + span.toUs };
    const endUs = this.clock.wallUs();
    return { startUs: endUs - span.lastUs, endUs };
  }

  openRequest(as: string, request: Omit<KnownRequest, 'id'> & { id?: string }): void {
    this.requests.set(as, { id: '', ...request });
  }

  /** The request that a step made under this name. Throws `consent_request_unknown` if it was refused or never made. */
  request(as: string): KnownRequest {
    const request = this.requests.get(as);
    if (request && request.id !== '') return request;
    throw failure('consent_request_unknown');
  }

  /** The same, or null. */
  find(as: string): KnownRequest | null {
    return this.requests.get(as) ?? null;
  }

  /** The request with this id, or null. */
  withId(id: string | undefined): KnownRequest | null {
    return [...this.requests.values()].find((request) => request.id === id) ?? null;
  }

  /** The names of requests. */
  get requestNames(): string[] {
    return [...this.requests.keys()];
  }

  /** Notes that an owner of this home has signed this grant. */
  granted(as: string, home: ScenarioHome, grant: Signed<Grant>): void {
    const request = this.request(as);
    this.bytesAtGrant ??= this.bridgeBytes();
    this.requests.set(as, { ...request, home, grant });
  }

  /** Bytes sent to the bridge before the first grant, or in all without one. */
  get bytesBeforeGrant(): number {
    return this.bytesAtGrant ?? this.bridgeBytes();
  }

  /** The owner's notice of a request, or of a sighting of a lost pet, at one home. Throws `timed_out`. */
  noticeOf(home: ScenarioHome, as: string, withinMs: number): Promise<VerifiedNotice | VerifiedSighting> {
    const { id } = this.request(as);
    const isIt = (message: ScenarioHome['messages'][number]) =>
      message.kind === 'notice' && message.notice.request.jti === id
        ? message.notice
        : message.kind === 'sighting' && message.sighting.request.jti === id
          ? message.sighting
          : null;
    const earlier = home.messages.map(isIt).findLast((notice) => notice !== null);
    if (earlier) return Promise.resolve(earlier);
    return new Promise((resolve, reject) => {
      const stop = home.onMessage((message) => {
        const notice = isIt(message);
        if (!notice) return;
        end();
        resolve(notice);
      });
      const timer = this.clock.after(withinMs, () => {
        end();
        reject(failure('timed_out', { what: `the request ${as} at ${home.name}`, seconds: withinMs / 1_000 }));
      });
      const end = () => {
        stop();
        timer.cancel();
      };
    });
  }

  private bridgeBytes(): number {
    return this.homes.reduce((sum, home) => sum + home.links.bridge.sentBytes - (this.bytesBefore.get(home) ?? 0), 0);
  }
}

const FPS_DEFAULT = 15;

/**
 * A scenario camera's parts as footage of a replay; none for a doorbell without one. Throws `camera_option_invalid`,
 * `replay_footage_mixed`.
 */
export function footageOf(camera: readonly CameraPart[]): FootagePart[] {
  return camera.flatMap((part): FootagePart[] => {
    if (part.kind === 'none') return [];
    const { fromUs, toUs, loop, atUs } = part;
    const cut = { fromUs, loop, ...(toUs === undefined ? {} : { toUs }), ...(atUs === undefined ? {} : { atUs }) };
    if (part.kind === 'synthetic') {
      const source = parseSyntheticSource(part.source, { pace: 'own' });
      if (!source) throw failure('camera_unsupported', { source: part.source });
      return [{ source: { kind: 'porch', source }, audio: true, ...cut }];
    }
    const sound = part.sound === undefined ? {} : { sound: part.sound };
    const sources = sourcesOfFiles(part.files, part.fps ?? FPS_DEFAULT);
    // Only the first file of a part begins at the part's time.
    return sources.map((source, at) => {
      const { atUs: _at, ...later } = cut;
      return { source, audio: true, ...(at === 0 ? cut : later), ...sound };
    });
  });
}
