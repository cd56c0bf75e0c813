// A device that is started with its code again and again, as a service is, keeps its enrolment.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureEnrolled } from '../../../device/area-link/enrolment.ts';
import { type Clock, ManualClock } from '../../../device/base/clock.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';

let fixture: BridgeFixture;
beforeEach(async () => {
  fixture = await BridgeFixture.open();
});
afterEach(() => fixture.close());

const enrolment = (code: string | undefined, clock: Clock = fixture.clock) => {
  const { random, disk, cast, folder } = fixture;
  return ensureEnrolled({ clock, random, disk, ...cast.device }, join(folder, 'enrolment.json'), code);
};

it('keeps the enrolment when the code is the one it was made with, although that is used up and its bridge unreachable', async () => {
  const { code } = await fixture.bridge.printEnrolmentCode();
  expect(await enrolment(undefined)).toBeNull();
  const first = await enrolment(code);
  expect(first?.bridge).toBe(fixture.cast.bridge.id);
  await fixture.bridge.stop();
  expect(await enrolment(code)).toEqual(first);
  expect(await enrolment(undefined)).toEqual(first);
  await fixture.startBridge();
});

it('enrols again with another code, also over a damaged file', async () => {
  await enrolment((await fixture.bridge.printEnrolmentCode()).code);
  const { code } = await fixture.bridge.printEnrolmentCode();
  const second = await enrolment(code);
  await writeFile(join(fixture.folder, 'enrolment.json'), '{', { mode: 0o600 });
  await expect(enrolment(undefined)).rejects.toMatchObject({ code: 'state_damaged' });
  const third = await enrolment((await fixture.bridge.printEnrolmentCode()).code);
  expect(third).toMatchObject({ bridge: second?.bridge, bridgeKey: second?.bridgeKey });
  expect(third?.codeSha256).not.toBe(second?.codeSha256);
});

it('waits for the time where the clock is not set, and can use the code afterwards', async () => {
  const { code } = await fixture.bridge.printEnrolmentCode();
  const unset = new ManualClock(0);
  unset.setWallUs(0, false);
  await expect(enrolment(code, unset)).rejects.toMatchObject({ code: 'enrolment_clock_unset' });
  expect((await enrolment(code))?.bridge).toBe(fixture.cast.bridge.id);
});
