// One testbed from its first packet to its last: scenarios, a planted leak after each, and the verdict.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type TestContext } from 'vitest';
import { integerBelow, SeededRandom } from '../../../../device/base/random.ts';
import type { ClipKeeper } from '../../../../device/contract/sealing.ts';
import { proved } from '../../../support/proved.ts';
import { searchBehind } from './behind-places.ts';
import { compilePlanter, type Planted, Planter, pieceOf } from './control.ts';
import { Fingerprints } from './fingerprints.ts';
import { type Place, searchPlaces } from './places.ts';
import { PLAYS, type PlayName, Stage } from './scenarios.ts';
import { Secrets } from './secrets.ts';
import { clipBreaches, encryptedBreaches, type Granted } from './sent-clip.ts';
import type { HandedOver } from './vault-side.ts';
import { type Allowance, Evidence } from './verdict.ts';
import { type Setting, World } from './world.ts';

/** How officers of the vault see each clip, by who opens it. */
const IN_VAULT = {
  vault: { readableBy: 'vault', verdict: 'as-granted' },
  recipient: { readableBy: 'recipient', verdict: null },
  off: { readableBy: 'vault', verdict: null },
};

export interface TrialResult {
  scenarios: number;
  /** All breaches, by scenario. */
  breaches: string[];
  controlsFound: number;
  /** Planted leaks that were not found. */
  controlsMissed: string[];
  packets: number;
  searchedBytes: number;
  decryptedBytes: number;
  /** Plain bytes at a front that the capture does not have. */
  unseenBytes: number;
  fingerprints: number;
  /** Share of footage too uniform to be searched for. */
  skippedShare: number;
  clips: number;
  clipBytes: number;
  /** Clips in which footage of the window was recognized. */
  clipsRecognised: number;
  /** Clips with blacked-out zones, of which no frame may be recognized: they are encoded anew. */
  clipsRedacted: number;
  notifications: number;
  announcements: number;
  places: Place[];
  /** Who opens the clips; `off`: they are not encrypted. */
  sealing: ClipKeeper | 'off';
  /** What the vault's officers have in the end. */
  handedOver: HandedOver[];
}

interface Played {
  name: string;
  from: string;
  to: string;
  allowance: Allowance;
  planted: Planted;
  controlTo: string;
}

/** Runs one testbed. `seed` chooses windows, disclosures and leaks. `planter`: its compiled program (control.ts). */
export async function runTrial(
  setting: Setting,
  plays: readonly PlayName[],
  seed: number,
  planter: string,
): Promise<TrialResult> {
  const world = await World.open(setting);
  try {
    return await playAll(world, planter, plays, new SeededRandom(seed));
  } finally {
    await world.close();
  }
}

async function playAll(
  world: World,
  program: string,
  plays: readonly PlayName[],
  random: SeededRandom,
): Promise<TrialResult> {
  const secrets = await Secrets.of(world);
  const planter = Planter.start(world, program);
  const stage = new Stage(world, random);
  const { namespace } = world.up;
  const played: Played[] = [];
  try {
    let from = world.firstMarker;
    const isLive = world.setting.camera.kind !== 'file';
    const finish = async (name: string, allowance: Allowance) => {
      const to = await namespace.mark();
      if (isLive) await secrets.gather();
      const planted = await planter.plant(secrets, random);
      const controlTo = await namespace.mark();
      played.push({ name, from, to, allowance, planted, controlTo });
      from = controlTo;
    };
    await finish('enrols, is paired and records', { enrolment: true });
    for (const name of plays) {
      const allowance = await PLAYS[name](stage).catch((thrown: Error) => {
        throw new Error(`${name}: ${thrown.message}\n${world.story()}`);
      });
      await stage.settle();
      await finish(name, allowance);
    }
  } finally {
    await planter.stop();
  }
  await secrets.gather();
  const end = await world.end();
  return judgeAll(world, secrets, played, end, random);
}

async function judgeAll(
  world: World,
  secrets: Secrets,
  played: readonly Played[],
  end: string,
  random: SeededRandom,
): Promise<TrialResult> {
  const evidence = await Evidence.of(world, secrets);
  const { footage, never } = secrets;
  footage.tellApart(secrets.samples.values());
  for (const { grant, secret } of evidence.contentKeys()) secrets.addContentKey(grant, secret);
  const result: TrialResult = {
    scenarios: played.length,
    breaches: [],
    controlsFound: 0,
    controlsMissed: [],
    packets: 0,
    searchedBytes: 0,
    decryptedBytes: evidence.decryptedBytes,
    unseenBytes: evidence.unseenBytes,
    fingerprints: footage.size + never.size,
    skippedShare: footage.skipped / Math.max(1, footage.offered),
    clips: 0,
    clipBytes: 0,
    clipsRecognised: 0,
    clipsRedacted: 0,
    notifications: 0,
    announcements: 0,
    places: [],
    sealing: world.up.sealing?.keeper ?? 'off',
    handedOver: [],
  };
  const clips: { grant: string; clip: Uint8Array }[] = [];
  for (const { name, from, to, allowance, planted, controlTo } of played) {
    const verdict = await evidence.judge(from, to, allowance);
    result.breaches.push(...verdict.breaches.map((breach) => `${name}: ${breach}`));
    if (allowance.silentUntil) {
      const before = await evidence.judge(from, allowance.silentUntil, { isWatched: allowance.isWatched ?? false });
      result.breaches.push(...before.breaches.map((breach) => `${name}, before it was granted: ${breach}`));
    }
    result.packets += verdict.packets;
    result.searchedBytes += verdict.searchedBytes;
    result.clipBytes += verdict.clipBytes;
    result.notifications += verdict.notifications;
    result.announcements += verdict.announcements;
    const control = await evidence.judge(to, controlTo, {});
    let isFound = control.breaches.some((breach) => planted.isFound(breach));
    const { granted } = allowance;
    if (granted && isAtBridge(granted)) {
      result.clips += 1;
      if (granted.zones.length > 0) result.clipsRedacted += 1;
      else if (footage.find(verdict.clip).length > 0) result.clipsRecognised += 1;
      // The same clip with an additional frame, or with an additional packet of sound that occurs only once.
      const { startUs, endUs } = granted.window;
      const foreign = [...secrets.samples.values()].filter(
        ({ name, ...sample }) =>
          (sample.startUs < startUs || sample.startUs >= endUs) &&
          (name.startsWith('frame') || secrets.soundCycleUs === null),
      );
      // A distinct one: still pictures are the same at any time.
      const offset = integerBelow(random, foreign.length);
      const extra = [...foreign.slice(offset), ...foreign.slice(0, offset)].find(({ name, bytes }) =>
        footage.findBare(bytes).includes(name),
      );
      const leaky = Buffer.concat([verdict.clip, extra?.bytes ?? Buffer.alloc(0)]);
      isFound &&= clipBreaches(leaky, secrets, granted).length > 0;
      if (world.up.sealing) {
        clips.push({ grant: granted.grant, clip: verdict.clip });
        // The encrypted file with a piece of its own clip, or with a fact.
        const own = new Fingerprints();
        own.add('its own clip', verdict.clip);
        isFound &&= [pieceOf(random, () => verdict.clip, 0, own), Buffer.from(world.privates.values.address)].every(
          (piece) => {
            const leaky = Buffer.concat([verdict.sent, piece]);
            return encryptedBreaches(leaky, verdict.clip, secrets).length > 0;
          },
        );
      }
    }
    if (isFound) result.controlsFound += 1;
    else result.controlsMissed.push(`${name}: ${planted.what}; seen: ${control.breaches.join(', ') || 'nothing'}`);
  }
  const last = played.at(-1)?.controlTo ?? world.firstMarker;
  const { breaches } = await evidence.judge(last, end, {});
  result.breaches.push(...breaches.map((breach) => `at the end: ${breach}`));
  for (const { grant, clip } of clips) secrets.addClip(grant, clip);
  const grants = played.flatMap(({ allowance: { granted } }) => granted ?? []);
  const behind = await searchBehind(world, secrets, grants, result.clips);
  result.places = [...(await searchPlaces(world, secrets)), ...behind.places];
  result.handedOver = behind.handedOver;
  return result;
}

/** Whether the bridge has the whole clip of a grant, until it is handed over. */
function isAtBridge({ clip, revoked }: Granted): boolean {
  return clip !== null && !revoked;
}

/** The trials of one test file. */
export class TrialSeries {
  /** Of the footage (noise.ts). */
  readonly folder: string;
  private readonly planter: string;
  private readonly results: TrialResult[] = [];

  private constructor(folder: string, planter: string) {
    this.folder = folder;
    this.planter = planter;
  }

  static async open(): Promise<TrialSeries> {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-noise-'));
    return new TrialSeries(folder, await compilePlanter(join(folder, 'planter')));
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  /** Runs a trial; fails unless it is clean. */
  async run(setting: Setting, plays: readonly PlayName[], seed: number): Promise<TrialResult> {
    const result = await runTrial(setting, plays, seed, this.planter);
    this.results.push(result);
    expectClean(result);
    return result;
  }

  /** Records what all of them have proved; returns the number of scenarios. */
  prove(test: TestContext): number {
    const { scenarios, wire, controls, places } = figuresOf(this.results);
    proved(test, 'foreign packets and pieces of secrets on the wire', `0 in ${scenarios} scenarios, ${wire}`);
    proved(test, 'leaks planted on the wire and found', controls);
    proved(test, 'pieces of secrets beside the wire', places);
    return scenarios;
  }
}

/** Fails if a trial had a breach, did not search what it claims, or missed a planted leak. */
export function expectClean(result: TrialResult): void {
  expect(result.breaches).toEqual([]);
  expect(result.controlsMissed).toEqual([]);
  expect(result.controlsFound).toBe(result.scenarios);
  expect(result.places.flatMap(({ found }) => found)).toEqual([]);
  expect(result.places.filter(({ controlFound }) => !controlFound)).toEqual([]);
  // The capture, decrypted where needed, has everything that arrived.
  expect(result.unseenBytes).toBe(0);
  // There are fingerprints, and clips are recognized by them.
  expect(result.fingerprints).toBeGreaterThan(1_000);
  expect(result.skippedShare).toBeLessThan(0.5);
  expect(result.clipsRecognised + result.clipsRedacted).toBe(result.clips);
  // Bridge and backups had the clips, and the vault got them: where they are not encrypted, the same search finds them.
  const shown = result.places.flatMap(({ shown }) => shown ?? []);
  const isReadable = result.sealing === 'off' && result.clips > 0;
  expect(shown.map((pieces) => pieces > 0)).toEqual([isReadable, isReadable, isReadable]);
  expect(result.handedOver.map(({ readableBy, verdict }) => ({ readableBy, verdict }))).toEqual(
    Array.from({ length: result.clips }, () => IN_VAULT[result.sealing]),
  );
}

/** Several trials in words for the table of proofs. */
export function figuresOf(results: readonly TrialResult[]) {
  const sum = (of: (result: TrialResult) => number) => results.reduce((total, result) => total + of(result), 0);
  const scenarios = sum((result) => result.scenarios);
  const clips = sum((result) => result.clips);
  const names = [...new Set(results.flatMap(({ places }) => places.map(({ name }) => name)))];
  const megabytes = sum(({ places }) => places.reduce((total, { bytes }) => total + bytes, 0)) / 1e6;
  return {
    scenarios,
    wire: `${sum((result) => result.packets)} packets, ${clips} clips`,
    controls: `${sum((result) => result.controlsFound)} of ${scenarios}`,
    places: `0 in ${megabytes.toFixed(0)} MB of ${names.join(', ')}`,
  };
}
