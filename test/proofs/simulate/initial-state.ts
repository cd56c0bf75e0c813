// The initial state of all runs of a process: footage, services with registered agencies, and enrolled, paired homes.

import type { Log } from '@doorsill/base/log';
import { SeededRandom } from '@doorsill/base/random';
import { failure } from 'doorsill/errors';
import { pinBridge } from 'doorsill/officer/evidence-client';
import { settled } from 'doorsill/world/quiet';
import { VirtualClock } from 'doorsill/world/virtual-clock';
import { watchCiphers } from './cipher-watch.ts';
import type { Footage } from './ffmpeg-twin.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { MemoryNetwork } from './memory-network.ts';
import { HOMES_MAX, type HomePlan } from './plan.ts';
import { replacePlatform } from './replace-platform.ts';
import type { ServiceFolders } from './service-folders.ts';
import { enterAgencies } from './simulated-agencies.ts';
import { type SettledHome, SimulatedHome } from './simulated-home.ts';
import { type Prepared, type SimulatedSeams, SimulatedServices, serviceDisk } from './simulated-services.ts';

/** 2026-10-05 10:00 UTC, when it is prepared. */
export const PREPARED_US = Date.UTC(2026, 9, 5, 10) * 1_000;
/** When homes are prepared. */
const SETTLED_US = PREPARED_US + 1_800_000_000;
const PREPARING_SEED = 1;
/** No run has this seed: a home must not draw the same random values again. */
const SETTLING_SEED = 2 ** 31;
/** Only the names of prepared homes matter. */
const SETTLING: Omit<HomePlan, 'name'> = {
  ...{ manner: 'away', regret: 'never', again: false, onFailure: 'nothing', answerAfterMs: 0, grantLifeS: 0 },
  ...{ ring: 'memory', gops: 1, part: 0, disclose: [], hasEmail: false, mistakes: [] },
};

/** The initial state of every run of a process. */
export interface InitialState {
  readonly footage: Footage;
  readonly folders: ServiceFolders;
  readonly prepared: Prepared;
  /** The maximum number of homes of a run. */
  readonly homes: readonly SettledHome[];
  /** Tags of all records sealed so far, by key and nonce. */
  readonly sealed: ReadonlyMap<string, string>;
}

/** Prepares registry with agencies, vault, bridge and homes for all runs. `lists`: the registry's shipped lists. */
export async function prepareInitialState(
  footage: Footage,
  folders: ServiceFolders,
  lists: string,
): Promise<InitialState> {
  const sealed = new Map<string, string>();
  const unwatch = watchCiphers((detail) => {
    throw failure('internal', { detail });
  }, sealed);
  try {
    const prepared = await inWorld(PREPARED_US, PREPARING_SEED, (seams) => prepareServices(seams, folders, lists));
    // A separate simulation: modules that are loaded at first use, in the machine's time, are loaded afterwards.
    const { homes, disk } = await inWorld(SETTLED_US, SETTLING_SEED, (seams) =>
      prepareHomes(seams, { footage, folders, prepared }),
    );
    return { footage, folders, prepared: { ...prepared, disk }, homes, sealed };
  } finally {
    unwatch();
  }
}

interface WorldSeams extends SimulatedSeams {
  readonly clock: VirtualClock;
}

/** Does a part of the preparation in a simulation of its own. */
async function inWorld<Result>(
  startUs: number,
  seed: number,
  work: (seams: WorldSeams) => Promise<Result>,
): Promise<Result> {
  const clock = new VirtualClock({ startUs, quiet: settled });
  const random = new SeededRandom(seed);
  const network = new MemoryNetwork({ clock, random });
  const restore = replacePlatform(network.at('services'), clock);
  const running = clock.run();
  // Fails if the clock stops.
  const died = running.then(() => new Promise<never>(() => undefined));
  try {
    return await Promise.race([work({ clock, random, network, log: () => quietLog }), died]);
  } finally {
    clock.stop();
    await running;
    restore();
  }
}

/** Starts services that know each other, and registers their agencies; stores their rows. */
async function prepareServices(seams: WorldSeams, folders: ServiceFolders, lists: string): Promise<Prepared> {
  const disk = await serviceDisk(seams, lists);
  const services = new SimulatedServices(folders.live, disk, seams);
  await services.start();
  await enterAgencies({ ...seams, services });
  const bridgeKey = services.part('bridge').publicKey;
  await pinBridge({ disk }, { url: services.url('vault'), folder: services.path('vault') }, bridgeKey);
  const registryKey = services.part('registry').publicKey;
  const vaultKey = services.part('vault').publicKey;
  await services.stop();
  folders.keep();
  return { disk, bridgeKey, registryKey, vaultKey };
}

/** Homes known to these services: enrolled in turn, paired, and stopped; stores the services' rows. */
async function prepareHomes(
  seams: WorldSeams,
  { footage, folders, prepared }: Pick<InitialState, 'footage' | 'folders' | 'prepared'>,
): Promise<{ homes: SettledHome[]; disk: MemoryDisk }> {
  folders.restore();
  const disk = prepared.disk.copy(seams);
  const services = new SimulatedServices(folders.live, disk, seams, prepared);
  await services.start();
  const homes: SettledHome[] = [];
  for (let number = 1; number <= HOMES_MAX; number += 1) {
    const name = `home-${number}`;
    const home = new SimulatedHome({ ...SETTLING, name }, `/${name}`, {
      ...seams,
      world: seams.clock,
      services,
      footage,
    });
    await home.start(await services.enrolmentCode());
    homes.push(await home.settle());
  }
  await services.stop();
  folders.keep();
  return { homes, disk };
}

const quietLog: Log = {
  ...{ debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  child: () => quietLog,
};
