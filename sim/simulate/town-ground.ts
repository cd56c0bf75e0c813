// Owns: what every simulated town of a process begins with: footage, and services that have been started, entered their agencies and stopped
// once. Not here: a town (town.ts), the services (town-services.ts).
import { type Log, SeededRandom } from '../../device/index.ts';
import { pinBridge } from '../officer/evidence-desk.ts';
import { MemoryNetwork } from '../world/memory-network.ts';
import { settled } from '../world/quiet.ts';
import { replacePlatform } from '../world/replace-platform.ts';
import { VirtualClock } from '../world/virtual-clock.ts';
import type { Footage } from './ffmpeg-twin.ts';
import type { ServiceFolders } from './service-folders.ts';
import { enterAgencies } from './town-agencies.ts';
import { type Prepared, serviceDisk, TownServices } from './town-services.ts';

/** 2026-10-05 10:00 UTC, when the ground is prepared. */
export const PREPARED_US = Date.UTC(2026, 9, 5, 10) * 1_000;
const PREPARING_SEED = 1;

/** What every town of a process begins with. */
export interface TownGround {
  readonly footage: Footage;
  readonly folders: ServiceFolders;
  readonly prepared: Prepared;
}

/** Prepares the ground: registry with its agencies, vault, bridge, as they are kept for every town. `lists`: the registry's shipped lists. */
export async function prepareGround(footage: Footage, folders: ServiceFolders, lists: string): Promise<TownGround> {
  const world = new VirtualClock({ startUs: PREPARED_US, quiet: settled });
  const random = new SeededRandom(PREPARING_SEED);
  const network = new MemoryNetwork({ clock: world, random });
  const disk = await serviceDisk({ clock: world, random }, lists);
  const services = new TownServices(folders.live, disk, { clock: world, random, network, log: () => quietLog });
  const restore = replacePlatform(network.at('services'), world);
  const prepare = async (): Promise<TownGround> => {
    await services.start();
    await enterAgencies({ clock: world, random, services });
    const vault = { url: services.url('vault'), folder: services.path('vault') };
    await pinBridge({ disk }, vault, services.part('bridge').publicKey);
    const prepared = {
      disk,
      bridgeKey: services.part('bridge').publicKey,
      registryKey: services.part('registry').publicKey,
      vaultKey: services.part('vault').publicKey,
    };
    await services.stop();
    folders.keep();
    return { footage, folders, prepared };
  };
  const running = world.run();
  // Without time nothing here would come to its end.
  const died = running.then(() => new Promise<never>(() => undefined));
  try {
    return await Promise.race([prepare(), died]);
  } finally {
    world.stop();
    await running;
    restore();
  }
}

const quietLog: Log = {
  ...{ debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  child: () => quietLog,
};
