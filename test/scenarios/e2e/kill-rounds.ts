// Repeats the story in one testbed, with a kill -9 in each round at a random time between the grant and the stored clip. The seed is
// printed first, and a failure has the command that repeats the times.
import { expect } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { integerBelow, SeededRandom, SystemRandom } from '../../../device/base/random.ts';
import { type Part, RunningTestbed } from '../../support/running-testbed.ts';

const clock = new SystemClock();
/** Small, for fast restarts; cut in mid-GOP, so that the head is encoded. */
const CAMERA = 'synthetic?size=320x180';
const CLIP_US = 3_000_000;
const LEDGER_OF_A_GRANT = ['granted', 'sealed', 'token-presented', 'delivered'];

export interface KillPlan {
  rounds: number;
  /** The victims are drawn from this list; repeated parts are hit more often. */
  victims: readonly Part[];
  /** The test's own file, for the command that repeats it. */
  file: string;
}

/** Runs the rounds; throws with the command that repeats them. */
export async function killRounds(plan: KillPlan): Promise<void> {
  const seed = Number(process.env['DOORSILL_SEED'] ?? integerBelow(new SystemRandom(), 2 ** 31));
  const slow = process.env['DOORSILL_SLOW'] === '1' ? 'DOORSILL_SLOW=1 ' : '';
  const replay = `${slow}DOORSILL_SEED=${seed} npx vitest run --config test/vitest.config.ts ${plan.file}`;
  console.log(`kills: seed ${seed}`);
  const testbed = new RunningTestbed(CAMERA);
  try {
    await testbed.start();
    await play(testbed, plan, new SeededRandom(seed));
  } catch (thrown) {
    throw new Error(`${thrown instanceof Error ? thrown.message : thrown}\nreplay: ${replay}`, { cause: thrown });
  } finally {
    await testbed.stop();
    testbed.dispose();
  }
}

async function play(testbed: RunningTestbed, { rounds, victims }: KillPlan, random: SeededRandom): Promise<void> {
  const newest = await testbed.footage(CLIP_US + 1_000_000);
  const window = { startUs: newest.startUs + 400_000, endUs: newest.startUs + 400_000 + CLIP_US };
  const order = shuffled(victims, rounds, random);
  // First an undisturbed round: its duration limits the random times of the kills.
  const notice = await testbed.ask();
  const startMs = clock.monotonicMs();
  const first = testbed.grant(notice, window);
  const firstSent = await first.sent;
  const spanMs = (clock.monotonicMs() - startMs) * 1.1;
  const frames = (await testbed.verify(first, firstSent)).frames;
  const grants = [first.jti];
  const stages: string[] = [];
  for (const [round, victim] of order.entries()) {
    const grant = testbed.grant(await testbed.ask(), window);
    grants.push(grant.jti);
    const delayMs = random.fraction() * spanMs;
    await clock.sleep(delayMs);
    const pid = await testbed.signal(victim, 'SIGKILL');
    stages.push(`${victim} ${testbed.receipts.findLast((receipt) => receipt.grant === grant.jti)?.outcome ?? 'asked'}`);
    const sent = await grant.sent;
    await testbed.restarted(victim, pid);
    const what = `round ${round + 1}: ${victim} killed after ${Math.round(delayMs)} ms`;
    expect((await testbed.verify(grant, sent)).frames, what).toBe(frames);
    expect(testbed.clips(), what).toHaveLength(grants.length);
  }
  console.log(`kills: within ${Math.round(spanMs)} ms, at ${stages.join(', ')}`);
  await testbed.orphansGone();
  await testbed.stop();
  const ledger = await testbed.ledger();
  expect([...ledger.keys()].sort()).toEqual([...grants].sort());
  for (const types of ledger.values()) expect(types).toEqual(LEDGER_OF_A_GRANT);
}

/** Every victim equally often, in random order. */
function shuffled(victims: readonly Part[], rounds: number, random: SeededRandom): Part[] {
  const order = Array.from({ length: rounds }, (_, round) => victims[round % victims.length] ?? 'doorbell');
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = integerBelow(random, at + 1);
    const [a, b] = [order[at], order[other]];
    if (a && b) [order[at], order[other]] = [b, a];
  }
  return order;
}
