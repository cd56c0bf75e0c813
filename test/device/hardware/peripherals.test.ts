// Only a button configured for it does a factory reset when it is held.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { parseDeviceConfig } from '../../../device/config.ts';
import { Peripherals } from '../../../device/hardware/peripherals.ts';
import { NOON_US, settle } from './button-contract.ts';
import { StandInPrograms } from './stand-in-programs.ts';

const HOME = { url: 'mqtt://127.0.0.1:1', user: 'porch', password: 'secret' };

it('rings for every button, and resets only for the configured one', async () => {
  const clock = new ManualClock(NOON_US);
  const programs = new StandInPrograms();
  const told: string[] = [];
  const buttons = [
    { kind: 'gpio', name: 'front', line: 17 },
    { kind: 'gpio', name: 'inside', line: 27, holdToReset: true },
  ];
  const peripherals = new Peripherals({
    ...{ clock, programs, random: new SeededRandom(1), log: silentLog(), disk: new SystemDisk() },
    settings: parseDeviceConfig({ buttons, home: HOME }, 'device.json'),
    pressed: ({ button }) => told.push(`${button} pressed`),
    resetHeld: (button) => told.push(`${button} resets`),
    changed: () => undefined,
  });
  peripherals.start();
  await settle();
  for (const watching of programs.runs) {
    watching.print('1\n');
    await clock.advance(20_000);
    watching.print('2\n');
  }
  expect(told).toEqual(['front pressed', 'inside pressed', 'inside resets']);
  await peripherals.stop();
});
