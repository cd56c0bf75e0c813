// Pulls a doorbell's plug again and again at random times while it records, grants, cuts, uploads, revokes and erases; and checks what must
// hold whenever it has power again.
import { expect, type TestContext } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { integerBelow, SeededRandom, SystemRandom } from '../../../device/base/random.ts';
import type { DeviceState } from '../../../device/contract/home-messages.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { proved } from '../../support/proved.ts';
import { PulledDisk } from '../../support/pulled-disk.ts';
import type { DoorProcess } from '../../support/strace.ts';
import { clipsOf, consistent, RECORDED, recorded, rings } from './device-rounds.ts';
import { type DoorDisk, DoorStory, type Round } from './door-story.ts';

const DISK_BYTES = 64 * 1024 * 1024;
const CAMERA = 'synthetic?size=320x180';
/** Every third pull happens during a start. */
const STARTING_EVERY = 3;
const STARTING_MS_MAX = 1_500;
const RUNNING_MS_MAX = 4_000;
const ACT_EVERY_MS_MAX = 400;
/** How many rounds answer one request. */
const ASK_EVERY = 5;
/** Maximum length of clips and erased spans, which begin within a GOP. */
const SPAN_US_MAX = 2_500_000;
const SPAN_US_MIN = 500_000;
/** Erasing removes whole segments; this is their maximum length. */
const SEGMENT_US_MAX = 2_000_000;
const COVERAGE_SPANS_MAX = 20;
const SETTLED_MS_MAX = 60_000;
/** Ledger entries that end a grant. */
const ENDINGS = ['delivered', 'failed', 'ended', 'revoked', 'revoked-ahead'];

const clock = new SystemClock();

/** A disk whose plug can be pulled. */
interface PluggedDisk extends DoorDisk {
  /** Makes `outside` the state that a killed doorbell left; `ended` resolves when it is gone. */
  pull(ended: Promise<unknown>): Promise<void>;
}

/** Pulls the plug this many times on this machine; throws with the command that repeats the same times. */
export async function pullPlugs(test: TestContext, pulls: number, file: string): Promise<void> {
  const disk = await PulledDisk.open(DISK_BYTES);
  try {
    const figure = await pullPlugsOf(disk, pulls, file);
    proved(test, 'a plug pulled at any moment: decisions kept, footage kept, no clip twice', figure);
  } finally {
    await disk.close();
  }
}

/** Pulls a disk's plug this many times; returns a summary. */
export async function pullPlugsOf(disk: PluggedDisk, pulls: number, file: string): Promise<string> {
  const seed = Number(process.env['DOORSILL_SEED'] ?? integerBelow(new SystemRandom(), 2 ** 31));
  const slow = process.env['DOORSILL_SLOW'] === '1' ? 'DOORSILL_SLOW=1 ' : '';
  console.log(`plugs: seed ${seed}`);
  try {
    const story = await DoorStory.open(disk);
    try {
      const door = new PluggedDoor(story, disk, new SeededRandom(seed));
      const figure = await door.live(pulls);
      console.log(`plugs: ${figure}`);
      return figure;
    } finally {
      await story.close();
    }
  } catch (thrown) {
    const replay = `${slow}DOORSILL_SEED=${seed} npx vitest run --config=test/vitest.config.ts ${file}`;
    throw new Error(`${thrown instanceof Error ? thrown.message : thrown}\nagain: ${replay}`, { cause: thrown });
  }
}

class PluggedDoor {
  private readonly story: DoorStory;
  private readonly disk: PluggedDisk;
  private readonly random: SeededRandom;
  private readonly rounds: Round[] = [];
  /** Sent orders to erase, by id; they may have been executed. */
  private readonly forgets = new Map<string, Window>();
  /** The last ring state published before the plug was pulled. */
  private promised: DeviceState['ring'] | null = null;
  private readonly hit = { starting: 0, running: 0 };

  constructor(story: DoorStory, disk: PluggedDisk, random: SeededRandom) {
    this.story = story;
    this.disk = disk;
    this.random = random;
  }

  /** Runs with this many pulls, and once to the end; returns a summary. */
  async live(pulls: number): Promise<string> {
    // The prepared folder; from here on one doorbell on one disk.
    this.rounds.push(await this.story.newRound());
    for (let pull = 0; pull < pulls; pull += 1) {
      await this.untilPulled(pull % STARTING_EVERY === STARTING_EVERY - 1);
    }
    await this.toTheEnd();
    const { starting, running } = this.hit;
    const heard = (outcome: string) => this.story.heard.filter((receipt) => receipt.outcome === outcome).length;
    const told = ['granted', 'sent', 'revoked', 'command-done'].map((outcome) => `${heard(outcome)} ${outcome}`);
    return `${pulls} pulls (${running} running, ${starting} starting), ${told.join(', ')}, 0 lost`;
  }

  private async untilPulled(whileStarting: boolean): Promise<void> {
    const { story, random } = this;
    story.state = null;
    const door = story.startDoor({ camera: this.disk.board?.camera ?? CAMERA });
    if (whileStarting) {
      await clock.sleep(random.fraction() * STARTING_MS_MAX * story.slower);
    } else {
      await this.checkRing(door);
      await this.act(door, random.fraction() * RUNNING_MS_MAX * story.slower);
    }
    this.hit[door.pid === null ? 'starting' : 'running'] += 1;
    const ended = door.stop('SIGKILL');
    await this.disk.pull(ended);
    // A doorbell that was pulled before it published anything must still hold the earlier state.
    this.promised = this.saidRing() ?? this.promised;
    for (const round of this.rounds) await consistent(story, round);
    this.oneClipEach();
  }

  private saidRing(): DeviceState['ring'] | null {
    return this.story.state?.ring ?? null;
  }

  /** The owner's occasional actions: ring, grant, revoke, erase. */
  private async act(door: DoorProcess, ms: number): Promise<void> {
    const { story, random } = this;
    if (story.state?.privacy) {
      const isOff = () => story.state?.privacy === false;
      expect(await story.say(door, () => story.sayPrivacy(false), isOff), door.stderr).toBe(true);
    }
    // A request covers only earlier footage; a slow round records more.
    if (this.hit.running % ASK_EVERY === 0 || story.slower > 1) await story.ask();
    for (const endMs = clock.monotonicMs() + ms; clock.monotonicMs() < endMs; ) {
      const window = this.someWindow();
      const revocable = this.rounds.filter(({ takenBack }) => !takenBack);
      const chance = random.fraction();
      if (chance < 0.15) await story.sayPress();
      else if (chance < 0.7 && window) {
        const round = story.newGrant(window);
        this.rounds.push(round);
        await story.sayGrant(round);
      } else if (chance < 0.85) {
        const round = revocable[integerBelow(random, Math.max(1, revocable.length))];
        if (round) await story.sayRevoke(round);
      } else if (window) this.forgets.set(await story.sayForget(window), window);
      await clock.sleep(random.fraction() * ACT_EVERY_MS_MAX * story.slower);
    }
  }

  /** A few seconds within the ring. */
  private someWindow(): Window | null {
    const { random } = this;
    const spans = (this.story.state?.ring.coverage ?? []).filter((span) => span.endUs - span.startUs > SPAN_US_MAX);
    const span = spans[integerBelow(random, Math.max(1, spans.length))];
    if (!span) return null;
    const lengthUs = SPAN_US_MIN + integerBelow(random, SPAN_US_MAX - SPAN_US_MIN);
    const startUs = span.startUs + integerBelow(random, span.endUs - span.startUs - lengthUs);
    return { startUs, endUs: startUs + lengthUs };
  }

  /** The ring serves everything published, except what was to be erased, and nothing that was erased. */
  private async checkRing(door: DoorProcess): Promise<void> {
    const { story, promised } = this;
    expect(await door.ready(), door.stderr).not.toBeNull();
    const state = await story.until('state', () => story.state);
    expect(state.ring.damaged, JSON.stringify(state.ring)).toBe(0);
    const forgotten = story.heard.flatMap(({ outcome, answers }) =>
      outcome === 'command-done' ? (this.forgets.get(answers ?? '') ?? []) : [],
    );
    for (const { startUs, endUs } of forgotten) {
      const still = state.ring.coverage.filter((span) => span.startUs < endUs && span.endUs > startUs);
      expect(still, `it serves what was forgotten, ${startUs} to ${endUs}`).toEqual([]);
    }
    const isCutShort = state.ring.coverage.length === COVERAGE_SPANS_MAX;
    const fromUs = isCutShort ? (state.ring.coverage[0]?.startUs ?? 0) : 0;
    const gone = [...this.forgets.values()].map(({ startUs, endUs }) => ({
      startUs: startUs - SEGMENT_US_MAX,
      endUs: endUs + SEGMENT_US_MAX,
    }));
    const missing = (promised?.coverage ?? [])
      .flatMap((span) => without([span], [...gone, ...state.ring.coverage]))
      .filter((span) => span.endUs > fromUs);
    expect(missing, `of ${JSON.stringify(promised?.coverage)} it has ${JSON.stringify(state.ring.coverage)}`).toEqual(
      [],
    );
  }

  /** No grant ever has two clips at the bridge. */
  private oneClipEach(): void {
    for (const round of this.rounds) expect(clipsOf(this.story, round).length, round.grant).toBeLessThanOrEqual(1);
  }

  /** Without further pulls, every grant ends, a sent clip exists once, and a revoked one not at all. */
  private async toTheEnd(): Promise<void> {
    const { story } = this;
    story.state = null;
    const door = story.startDoor({ camera: this.disk.board?.camera ?? CAMERA });
    await this.checkRing(door);
    // Everything that the broker has queued for it arrives before this.
    await rings(story, door);
    const endMs = clock.monotonicMs() + SETTLED_MS_MAX * story.patience;
    for (const round of this.rounds) {
      while (!(await this.isSettled(round))) {
        const types = (await recorded(story, round)).join(', ');
        expect(clock.monotonicMs(), `${round.grant} does not end: ${types}; ${door.stderr}`).toBeLessThan(endMs);
        await clock.sleep(100);
      }
    }
    const ended = door.stop();
    expect(await ended, door.stderr).toBe('status 0');
    if (this.disk.board) await this.disk.pull(ended);
    for (const round of this.rounds) {
      const types = await consistent(story, round);
      const isThere = types.includes('delivered') && !types.includes('revoked');
      expect(clipsOf(story, round).length, `${round.grant}: ${types.join(', ')}`).toBe(isThere ? 1 : 0);
    }
  }

  private async isSettled(round: Round): Promise<boolean> {
    // On a board only the ledger at the last pull, and later receipts, are known.
    const heard = round.heard.filter(({ grant }) => grant === round.grant).map(({ outcome }) => outcome);
    const types = [
      ...(await recorded(this.story, round)),
      ...heard.flatMap((outcome) => (outcome === 'failed' ? outcome : (RECORDED[outcome] ?? []))),
    ];
    if (types.length > 0 && !ENDINGS.some((ending) => types.includes(ending))) return false;
    return !types.includes('revoked') || clipsOf(this.story, round).length === 0;
  }
}

/** Spans minus others. */
function without(spans: readonly Window[], others: readonly Window[]): Window[] {
  let left = [...spans];
  for (const { startUs, endUs } of others) {
    left = left.flatMap((span) =>
      startUs >= span.endUs || endUs <= span.startUs
        ? [span]
        : [
            { startUs: span.startUs, endUs: startUs },
            { startUs: endUs, endUs: span.endUs },
          ].filter((part) => part.endUs > part.startUs),
    );
  }
  return left;
}
