// Delivers many forgeries of every kind to one gate, with valid grants in between that must succeed, and counts the results.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';

import { SeededRandom } from '../../../../device/base/random.ts';
import { AREA_KINDS } from './kinds-area.ts';
import { CLAIM_KINDS } from './kinds-claims.ts';
import { ORDER_KINDS } from './kinds-orders.ts';
import { REQUEST_KINDS } from './kinds-requests.ts';
import { SIGNATURE_KINDS } from './kinds-signature.ts';
import { SPELLING_KINDS } from './kinds-spelling.ts';
import { Scene } from './scene.ts';
import { type Deliver, Draw, type Kind, Striker } from './strike.ts';
import { Wire } from './wire.ts';

export const KINDS: readonly Kind[] = [
  ...SPELLING_KINDS,
  ...SIGNATURE_KINDS,
  ...CLAIM_KINDS,
  ...ORDER_KINDS,
  ...AREA_KINDS,
  ...REQUEST_KINDS,
];

export interface Campaign {
  forgeries: number;
  /** Forgeries between two valid grants. */
  perScene: number;
  seed: number;
  kinds?: readonly Kind[];
  /** How messages reach the gate; without it directly, as the links would deliver them. */
  deliver?: (scene: Scene) => Promise<Deliver>;
}

export interface Tally {
  forgeries: number;
  /** For each kind its fates, with their counts. */
  kinds: Map<string, Map<string, number>>;
  /** Growth of the ledger by forgeries, in bytes. */
  ledgerGrowth: number;
  /** Valid grants that succeeded in between. */
  controls: number;
  /** Heap after the first scene and after the last, garbage collected. */
  heap: { first: number; last: number };
}

/** The used heap after garbage collection. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  return process.memoryUsage().heapUsed;
}

/** Throws at the first forgery with another fate than expected. */
export async function run(campaign: Campaign): Promise<Tally> {
  const { forgeries, perScene, seed, kinds = KINDS } = campaign;
  const random = new SeededRandom(seed);
  const scene = await Scene.open(random);
  const draw = new Draw(random);
  const tally: Tally = { forgeries: 0, kinds: new Map(), ledgerGrowth: 0, controls: 0, heap: { first: 0, last: 0 } };
  try {
    const striker = new Striker(scene, (await campaign.deliver?.(scene)) ?? ((message) => scene.rig.hand(message)));
    while (tally.forgeries < forgeries) {
      if (tally.forgeries > 0) await scene.renew();
      striker.settle();
      const before = await ledgerBytes(scene);
      for (let left = Math.min(perScene, forgeries - tally.forgeries); left > 0; left -= 1) {
        const kind = kinds[tally.forgeries % kinds.length];
        if (!kind) throw new Error('no kinds');
        // A device processes one document of a bridge a second; at this rate each is processed.
        if (kind.needs === 'paced') await scene.rig.clock.advance(1_001);
        const fate = await striker.strike(kind, kind.make(scene, draw));
        const fates = tally.kinds.get(kind.name) ?? new Map<string, number>();
        tally.kinds.set(kind.name, fates.set(fate, (fates.get(fate) ?? 0) + 1));
        tally.forgeries += 1;
      }
      tally.ledgerGrowth += (await ledgerBytes(scene)) - before;
      await control(scene);
      tally.controls += 1;
      tally.heap.last = heapInUse();
      if (tally.controls === 1) tally.heap.first = tally.heap.last;
    }
    return tally;
  } catch (thrown) {
    throw new Error(`seed ${seed}, forgery ${tally.forgeries}`, { cause: thrown });
  } finally {
    await scene.close();
  }
}

/** A campaign through a broker, of all kinds that a broker can deliver. */
export async function throughWire(campaign: Omit<Campaign, 'kinds' | 'deliver'>): Promise<Tally> {
  const wire = new Wire();
  try {
    return await run({
      ...campaign,
      kinds: KINDS.filter(({ needs }) => needs !== 'local'),
      deliver: async (scene) => {
        await wire.start(scene);
        return (message) => wire.deliver(scene, message);
      },
    });
  } finally {
    await wire.stop();
  }
}

/** After all forgeries the gate executes valid orders, once. */
async function control(scene: Scene): Promise<void> {
  const { rig, pending, other, cast } = scene;
  const { effects, gate } = rig;
  const noticed = gate.notices().map(({ published }) => published.request);
  expect(noticed).toEqual(expect.arrayContaining([pending.token, other.token]));
  expect(gate.owners().map(({ key }) => key)).toEqual([cast.owner.key.publicKey]);
  expect(gate.privacyOn).toBe(false);
  expect(scene.live.signal.aborted).toBe(false);
  const token = scene.sign('doorsill-grant+jws', scene.grantClaims(pending), cast.owner);
  await rig.send('grant', token);
  await rig.send('grant', token);
  expect(effects.made.map((live) => live.facts.grantToken)).toEqual([token]);
  expect(effects.receipts.map(({ outcome }) => outcome)).toEqual(['granted', 'granted']);
  await rig.send('revoke', cast.revoke(token));
  expect(effects.made[0]?.signal.aborted).toBe(true);
}

async function ledgerBytes({ rig }: Scene): Promise<number> {
  return (await stat(join(rig.folder, 'ledger.jsonl'))).size;
}
