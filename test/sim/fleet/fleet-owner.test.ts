import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DrawnOwner } from '../../../sim/fleet/draw-fleet.ts';
import { FleetOwner, type OwnerCounts, type OwnerMoment } from '../../../sim/fleet/fleet-owner.ts';
import { clipFacts } from '../../device/consent/clip-facts.ts';
import { OwnedDoor } from './support/owned-door.ts';

const DRAWN: DrawnOwner = {
  ...{ answer: 'share', delayMs: 3_000, revokes: false, revokesAfterMs: 10_000, isOffline: false },
  disclose: ['name', 'email'],
};
const NOTHING: OwnerCounts = {
  ...{ seen: 0, ignored: 0, withoutFootage: 0, granted: 0, denied: 0, sent: 0, failed: 0 },
  ...{ revoked: 0, erased: 0, recalled: 0, refused: 0, unanswered: 0 },
};

let door: OwnedDoor;
const owners: FleetOwner[] = [];
let moments: OwnerMoment[];
beforeEach(async () => {
  moments = [];
  door = await OwnedDoor.open();
});
afterEach(async () => {
  for (const owner of owners.splice(0)) await owner.stop();
  await door.close();
});

async function owner(changes: Partial<DrawnOwner> = {}): Promise<FleetOwner> {
  const made = new FleetOwner({ ...DRAWN, ...changes }, door.seams, (moment) => moments.push(moment));
  owners.push(made);
  await made.pair(door.socket);
  await made.start();
  return made;
}

/** The doorbell's decisions, without requests for its state. */
const outcomes = () =>
  door.rig.effects.receipts.map(({ outcome }) => outcome).filter((outcome) => outcome !== 'command-done');
const becomes = (of: FleetOwner, counts: Partial<OwnerCounts>) =>
  expect.poll(() => of.counts, { timeout: 5_000 }).toEqual({ ...NOTHING, ...counts });

describe('an owner of a fleet', () => {
  it('shares after its delay: the newest seconds that the doorbell has, and the values that it was drawn to disclose', async () => {
    const robin = await owner();
    const window = door.rig.cast.window();
    door.held = { startUs: window.startUs + 60_000_000, endUs: window.startUs + 70_000_000 };
    const request = await door.ask({ window });
    await becomes(robin, { seen: 1 });
    await door.pass(2_900);
    expect(outcomes()).toEqual([]);
    await door.pass(100);
    await becomes(robin, { seen: 1, granted: 1 });
    const [live] = door.rig.effects.made;
    expect(live?.cut).toMatchObject({
      request,
      window: { startUs: door.held.endUs - 4_000_000, endUs: door.held.endUs },
      // The agency asks only for address and email.
      ...{ disclose: ['email'], audio: false },
    });
    expect(moments.map(({ what }) => what)).toEqual(['seen', 'granted']);
    expect(moments[1]?.request).toBe(request);
  });

  it('shares all that the doorbell has of the window if that is less', async () => {
    const robin = await owner();
    const window = door.rig.cast.window();
    door.held = { startUs: window.endUs - 1_500_000, endUs: window.endUs + 5_000_000 };
    await door.ask({ window });
    await becomes(robin, { seen: 1 });
    await door.pass(3_000);
    await becomes(robin, { seen: 1, granted: 1 });
    expect(door.rig.effects.made[0]?.cut.window).toEqual({ startUs: window.endUs - 1_500_000, endUs: window.endUs });
  });

  it('counts a clip once the bridge has it, with the time that it took', async () => {
    const robin = await owner();
    await door.ask();
    await becomes(robin, { seen: 1 });
    await door.pass(3_000);
    await becomes(robin, { seen: 1, granted: 1 });
    await door.pass(700);
    await send();
    await becomes(robin, { seen: 1, granted: 1, sent: 1 });
    expect(moments.at(-1)).toMatchObject({ what: 'sent', afterMs: 700 });
  });

  it('revokes its grant when it was drawn to, and counts that the bridge has erased the clip', async () => {
    const robin = await owner({ revokes: true });
    await door.ask();
    await becomes(robin, { seen: 1 });
    await door.pass(3_000);
    await becomes(robin, { seen: 1, granted: 1 });
    const grant = await send();
    await becomes(robin, { seen: 1, granted: 1, sent: 1 });
    await door.pass(10_000);
    await becomes(robin, { seen: 1, granted: 1, sent: 1, revoked: 1 });
    await door.rig.gate.revocationAnswered(grant, door.rig.cast.intakeReceipt(grant, { outcome: 'deleted' }));
    await becomes(robin, { seen: 1, granted: 1, sent: 1, revoked: 1, erased: 1 });
  });

  it('declines', async () => {
    const robin = await owner({ answer: 'decline' });
    await door.ask();
    await becomes(robin, { seen: 1 });
    await door.pass(3_000);
    await becomes(robin, { seen: 1, denied: 1 });
    expect(outcomes()).toEqual(['denied']);
  });

  it('ignores: sees the request, and does not answer', async () => {
    const robin = await owner({ answer: 'ignore' });
    await door.ask();
    await becomes(robin, { seen: 1, ignored: 1 });
    await door.pass(60_000);
    await door.ask();
    await becomes(robin, { seen: 2, ignored: 2 });
    expect(outcomes()).toEqual([]);
  });

  it('is offline: paired, and nothing else', async () => {
    const robin = await owner({ isOffline: true });
    expect(door.rig.gate.owners().map(({ key }) => key)).toContain(robin.publicKey);
    expect(robin.home?.device).toBe(door.rig.cast.device.id);
    expect(door.broker.broker.connected).toHaveLength(1);
    await door.ask();
    await door.pass(60_000);
    expect(robin.counts).toEqual(NOTHING);
  });

  it('counts that there is no footage, or no longer any, and not as a refusal', async () => {
    const robin = await owner();
    door.held = { startUs: 1, endUs: 2 };
    await door.ask();
    await becomes(robin, { seen: 1 });
    await door.pass(3_000);
    await becomes(robin, { seen: 1, withoutFootage: 1 });
    expect(outcomes()).toEqual([]);
    door.held = null;
    await door.ask();
    await becomes(robin, { seen: 2, withoutFootage: 1 });
    door.held = { startUs: 1, endUs: 2 };
    await door.pass(3_000);
    await becomes(robin, { seen: 2, withoutFootage: 2 });
    expect(door.rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'consent_window_no_footage' });
  });

  it('counts refusals of the doorbell, with their code', async () => {
    const robin = await owner();
    await door.ask({ exp: door.rig.cast.nowS() + 2 });
    await becomes(robin, { seen: 1 });
    await door.pass(3_000);
    await becomes(robin, { seen: 1, refused: 1 });
    expect(moments.at(-1)?.code).toMatch(/^consent_/);
  });

  it('answers each request once, however often the doorbell repeats it', async () => {
    const robin = await owner();
    await door.ask();
    await becomes(robin, { seen: 1 });
    await door.rig.gate.announce();
    await door.pass(3_000);
    await becomes(robin, { seen: 1, granted: 1 });
    for (let times = 0; times < 3; times += 1) await door.rig.gate.announce();
    await door.pass(60_000);
    await becomes(robin, { seen: 1, granted: 1 });
    expect(door.rig.effects.made).toHaveLength(1);
  });
});

describe('when something is away', () => {
  it('an owner repeats an order without an answer', async () => {
    const robin = await owner({ answer: 'decline' });
    await door.ask();
    await becomes(robin, { seen: 1 });
    door.isDeaf = true;
    await door.pass(3_000);
    await expect.poll(() => door.unheard).toBe(1);
    door.isDeaf = false;
    await door.pass(14_000);
    expect(robin.counts.denied).toBe(0);
    await door.pass(1_000);
    await becomes(robin, { seen: 1, denied: 1 });
    await door.pass(60_000);
    expect(door.heard.filter((topic) => topic.endsWith('/deny'))).toHaveLength(2);
  });

  it('it does not repeat an order for ever', async () => {
    const robin = await owner({ answer: 'decline' });
    await door.ask();
    await becomes(robin, { seen: 1 });
    door.isDeaf = true;
    await door.pass(3_000 + 80 * 15_000);
    await becomes(robin, { seen: 1, unanswered: 1 });
    await expect.poll(() => door.unheard).toBe(80);
    await door.pass(60_000);
    expect(door.unheard).toBe(80);
  });

  it('it receives messages from while it was away, and continues where it was', async () => {
    const robin = await owner();
    await robin.stop();
    await door.ask();
    await robin.start();
    await becomes(robin, { seen: 1 });
    await robin.stop();
    await door.pass(60_000);
    expect(outcomes()).toEqual([]);
    await robin.start();
    await door.pass(1);
    await becomes(robin, { seen: 1, granted: 1 });
  });

  it('it cannot start without its broker, and can when that is back; after it has stopped nothing stays connected', async () => {
    const robin = await owner({ isOffline: false });
    await robin.stop();
    expect(door.broker.broker.connected).toHaveLength(1);
    await door.broker.pause();
    const starting = expect(robin.start()).rejects.toMatchObject({ code: 'unreachable' });
    await passing(starting);
    await door.broker.resume();
    await passing(robin.start());
    await door.ask();
    await passing(becomes(robin, { seen: 1 }));
  });
});

it('believes only its own doorbell: another key’s receipt counts as unbelieved', async () => {
  const robin = await owner({ answer: 'decline' });
  await door.ask();
  await becomes(robin, { seen: 1 });
  door.isForging = true;
  await door.pass(3_000);
  await expect.poll(() => robin.unbelieved).toBe(1);
  expect(robin.counts.denied).toBe(0);
});

/** Reports the clip of the one live grant as sealed and stored. Returns its grant. */
async function send(): Promise<string> {
  const { gate, cast, effects } = door.rig;
  const grant = effects.made[0]?.id ?? expect.fail('nothing was granted');
  const clip = clipFacts('a');
  await gate.clipSealed(grant, clip);
  await gate.tokenPresented(grant);
  const facts = { clipSha256: clip.sha256, clipBytes: clip.bytes, manifestSha256: clip.manifestSha256 };
  await gate.delivered(grant, cast.intakeReceipt(grant, facts));
  return grant;
}

/** Moves the door's time on until `done`; the machine's time must pass, too, where connections are made. */
async function passing<Result>(done: Promise<Result>): Promise<Result> {
  const ended = done.then(
    (result) => () => result,
    (thrown: unknown) => () => {
      throw thrown;
    },
  );
  let isDone = false;
  void ended.then(() => {
    isDone = true;
  });
  while (!isDone) {
    await door.pass(50);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return (await ended)();
}
