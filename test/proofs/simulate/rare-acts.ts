// Performs rare acts at a home, its owner or the bridge: they show only one thing each, or are expensive.

import { systemCode } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import { isFailure } from 'doorsill/errors';
import type { VirtualClock } from 'doorsill/world/virtual-clock';
import type { Act } from './plan.ts';
import type { SimulatedAgencies } from './simulated-agencies.ts';
import type { SimulatedHome } from './simulated-home.ts';
import type { SimulatedServices } from './simulated-services.ts';
import { useStolenKey } from './stolen-key.ts';

export interface RareSeams {
  world: VirtualClock;
  random: Random;
  services: SimulatedServices;
  agencies: SimulatedAgencies;
  /** Reports a broken promise. */
  breach(rule: string, what: string): void;
  /** Notes an upload that was begun with a stolen key. */
  stolen(upload: string): void;
  /** Notes a clip that no home has filmed, which the bridge could not know because it is encrypted. */
  forged(clip: string): void;
}

/** Performs the act, and undoes lasting effects. Throws coded failures; a disk that prevents the act is no error. */
export async function happenRarely(
  { what, agency, forMs }: Extract<Act, { do: 'rare' }>,
  home: SimulatedHome,
  seams: RareSeams,
): Promise<void> {
  const { world, services, agencies } = seams;
  const request = agencies.askedToken(agency);
  switch (what) {
    case 'its ledger is altered, and put right':
      // A power cut may leave the first attempt unfinished.
      world.after(forMs, () => void home.restoreLedger());
      return unlessDisk(home.alterLedger());
    case 'it comes back from a backup on another card':
      return unlessDisk(home.restoreFromBackup());
    case 'its card is filled to the last byte':
      world.after(forMs, () => void home.emptyCard());
      return unlessDisk(home.fillCard());
    case 'it does not know whether its clock is right':
      home.trustClock(false);
      await world.sleep(forMs);
      return home.trustClock(true);
    case 'its owner is talked into a grant':
      return request === null ? undefined : home.owner.talkedInto(request, 0);
    case 'somebody has its key':
      return request === null ? undefined : tryKey(request, home, seams);
    case 'clips are encrypted to a new key':
      await agencies.changeSealing();
      // It would ask the registry again only after some minutes.
      return services.restartBridge();
    case 'the bridge refuses what it can read':
      await services.setUnencryptedClips('refused');
      await world.sleep(forMs);
      return services.setUnencryptedClips('admitted');
    case 'the bridge’s disk is full': {
      const { disk } = services;
      disk.set('full');
      await world.sleep(forMs);
      return disk.set('ok');
    }
  }
}

async function tryKey(
  request: string,
  home: SimulatedHome,
  { world, random, services, agencies, stolen, forged, breach }: RareSeams,
): Promise<void> {
  const key = await home.stolenKey();
  if (!key) return;
  const taken = await useStolenKey({
    key,
    device: home.device.id,
    bridge: services.bridge,
    request,
    clock: world,
    random,
    begun: stolen,
    sealed: await agencies.sealedAsk(),
    forged,
  });
  for (const one of taken)
    breach('a stolen key opens nothing', `the bridge took ${one} under the key of ${home.plan.name}`);
}

async function unlessDisk(happening: Promise<void>): Promise<void> {
  await happening.catch((thrown: unknown) => {
    if (isFailure(thrown) || systemCode(thrown) === null) throw thrown;
  });
}
