// Owns: what every simulated town of a process begins with: footage, services that have been started, entered their agencies and stopped
// once, and homes that are enrolled and paired. Not here: a town (town.ts), the services (town-services.ts), a home (town-home.ts).

import type { Log } from '@doorsill/base/log';
import { SeededRandom } from '@doorsill/base/random';
import { failure } from 'doorsill/errors';
import { pinBridge } from 'doorsill/officer/evidence-desk';
import { settled } from 'doorsill/world/quiet';
import { VirtualClock } from 'doorsill/world/virtual-clock';
import { watchCiphers } from './cipher-watch.ts';
import type { Footage } from './ffmpeg-twin.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { MemoryNetwork } from './memory-network.ts';
import { HOMES_MAX, type HomePlan } from './plan.ts';
import { replacePlatform } from './replace-platform.ts';
import type { ServiceFolders } from './service-folders.ts';
import { enterAgencies } from './town-agencies.ts';
import { type SettledHome, TownHome } from './town-home.ts';
import { type Prepared, serviceDisk, type TownSeams, TownServices } from './town-services.ts';

/** 2026-10-05 10:00 UTC, when the ground is prepared. */
export const PREPARED_US = Date.UTC(2026, 9, 5, 10) * 1_000;
/** When homes settle there. */
const SETTLED_US = PREPARED_US + 1_800_000_000;
const PREPARING_SEED = 1;
/** No town has this seed: a home may not draw again in a town what it drew before. */
const SETTLING_SEED = 2 ** 31;
/** Of homes that are prepared nothing but their names is seen. */
const SETTLING: Omit<HomePlan, 'name'> = {
  ...{ manner: 'away', regret: 'never', again: false, onFailure: 'nothing', answerAfterMs: 0, grantLifeS: 0 },
  ...{ ring: 'memory', gops: 1, part: 0, disclose: [], hasEmail: false, slips: [] },
};

/** What every town of a process begins with. */
export interface TownGround {
  readonly footage: Footage;
  readonly folders: ServiceFolders;
  readonly prepared: Prepared;
  /** As many homes as a town may have. */
  readonly homes: readonly SettledHome[];
  /** The tag of what was sealed until then, by key and nonce. */
  readonly sealed: ReadonlyMap<string, string>;
}

/** Prepares the ground: registry with its agencies, vault, bridge and homes, as they are kept for every town. `lists`: the registry's shipped lists. */
export async function prepareGround(footage: Footage, folders: ServiceFolders, lists: string): Promise<TownGround> {
  const sealed = new Map<string, string>();
  const unwatch = watchCiphers((detail) => {
    throw failure('internal', { detail });
  }, sealed);
  try {
    const prepared = await inWorld(PREPARED_US, PREPARING_SEED, (seams) => prepareServices(seams, folders, lists));
    // A world of its own: what is loaded at its first use, which takes the machine's time, has been loaded by then.
    const { homes, disk } = await inWorld(SETTLED_US, SETTLING_SEED, (seams) =>
      prepareHomes(seams, { footage, folders, prepared }),
    );
    return { footage, folders, prepared: { ...prepared, disk }, homes, sealed };
  } finally {
    unwatch();
  }
}

interface WorldSeams extends TownSeams {
  readonly clock: VirtualClock;
}

/** Does a part of the preparation in a world of its own. */
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
  // Without time nothing here would come to its end.
  const died = running.then(() => new Promise<never>(() => undefined));
  try {
    return await Promise.race([work({ clock, random, network, log: () => quietLog }), died]);
  } finally {
    clock.stop();
    await running;
    restore();
  }
}

/** Services that have started, know each other and have entered their agencies; their rows are kept. */
async function prepareServices(seams: WorldSeams, folders: ServiceFolders, lists: string): Promise<Prepared> {
  const disk = await serviceDisk(seams, lists);
  const services = new TownServices(folders.live, disk, seams);
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

/** Homes that services like those know: enrolled one after the other, paired, and stopped; their rows are kept. */
async function prepareHomes(
  seams: WorldSeams,
  { footage, folders, prepared }: Pick<TownGround, 'footage' | 'folders' | 'prepared'>,
): Promise<{ homes: SettledHome[]; disk: MemoryDisk }> {
  folders.restore();
  const disk = prepared.disk.copy(seams);
  const services = new TownServices(folders.live, disk, seams, prepared);
  await services.start();
  const homes: SettledHome[] = [];
  for (let number = 1; number <= HOMES_MAX; number += 1) {
    const name = `home-${number}`;
    const home = new TownHome({ ...SETTLING, name }, `/${name}`, { ...seams, world: seams.clock, services, footage });
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
