// Holds: each fault of a virtual doorbell begins and ends at its time, on the doorbell's disk and clock; an unreadable fault, or one that
// contradicts another, is refused.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { type Log, silentLog } from '../../../device/base/log.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { DeviceFaults, listDeviceFaults, parseDeviceFault } from '../../../sim/world/device-faults.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const START_US = Date.UTC(2026, 9, 5) * 1_000;
const HOUR_US = 3_600_000_000;
const bytes = (text: string) => new TextEncoder().encode(text);

let folder = temporaryFolder('device-faults');
let clock = new ManualClock(START_US);
let cuts = 0;
let logged: string[] = [];
beforeEach(() => {
  folder = temporaryFolder('device-faults');
  clock = new ManualClock(START_US);
  cuts = 0;
  logged = [];
});
afterEach(() => folder.dispose());
const path = () => join(folder.path, 'file');

function makeFaults(): DeviceFaults {
  const log: Log = { ...silentLog(), warn: (message, facts) => void logged.push(`${message}: ${facts?.['fault']}`) };
  const cutOff = () => {
    cuts += 1;
  };
  return new DeviceFaults({ clock, disk: new SystemDisk(), random: new SeededRandom(1), log, cutOff });
}

/** The disk's answer to a write. */
const written = (faults: DeviceFaults) =>
  faults.disk.replaceFile(path(), bytes('x')).then(
    () => 'written',
    ({ code }) => code,
  );
const aheadUs = (faults: DeviceFaults) => faults.clock.wallUs() - clock.wallUs();

describe('a fault', () => {
  it.each([
    ['disk-full', '', 7, Number.POSITIVE_INFINITY],
    ['disk-full@30s+10s', '', 30_000_000, 40_000_000],
    ['disk-slow', 400_000, 7, Number.POSITIVE_INFINITY],
    ['disk-slow=1.5s@2m', 1_500_000, 120_000_000, Number.POSITIVE_INFINITY],
    ['power-cut', 'lost', 7, Number.POSITIVE_INFINITY],
    ['power-cut=torn@500ms', 'torn', 500_000, Number.POSITIVE_INFINITY],
    ['clock-set=1970+1h', 0, 7, 7 + HOUR_US],
    ['clock-set=2031-05-01', Date.UTC(2031, 4, 1) * 1_000, 7, Number.POSITIVE_INFINITY],
    ['clock-set=2026-03-29T01:59:50+02:00', Date.UTC(2026, 2, 28, 23, 59, 50) * 1_000, 7, Number.POSITIVE_INFINITY],
    ['clock-ahead=3h', 3 * HOUR_US, 7, Number.POSITIVE_INFINITY],
    ['clock-drift=-250@1s', -250, 1_000_000, Number.POSITIVE_INFINITY],
  ])('is read from %s', (text, value, fromUs, untilUs) => {
    expect(parseDeviceFault(text, 7)).toMatchObject({ value, fromUs, untilUs, text });
  });

  it.each([
    ['disk-ful', 'device_fault_unknown', 'did you mean disk-full?'],
    ['constructor', 'device_fault_unknown', 'constructor'],
    ['disk-full=yes', 'device_fault_invalid', 'no value'],
    ['disk-slow=fast', 'device_fault_invalid', '400ms'],
    ['disk-slow=0s', 'device_fault_invalid', '400ms'],
    ['disk-full@', 'device_fault_invalid', '=VALUE, @START'],
    ['disk-full+0s', 'device_fault_invalid', 'more than 0'],
    ['disk-full@9999999999h', 'device_fault_invalid', 'more than 0'],
    ['power-cut=half', 'device_fault_invalid', 'lost|torn|kept'],
    ['power-cut+5s', 'device_fault_invalid', 'no length'],
    ['clock-set', 'device_fault_invalid', 'it takes 1970,'],
    ['clock-set=2026-02-30', 'device_fault_invalid', '28 days'],
    ['clock-set=2026-03-29T01:59:50', 'device_fault_invalid', 'neither an offset nor a zone'],
    ['clock-drift=0', 'device_fault_invalid', 'millionths'],
    ['clock-drift=1000000', 'device_fault_invalid', 'millionths'],
    [`disk-full${'x'.repeat(400)}`, 'device_fault_invalid', '300 letters'],
  ])('is refused when it is %s', (text, code, words) => {
    expect(() => parseDeviceFault(text, 0)).toThrow(expect.objectContaining({ code }));
    expect(() => parseDeviceFault(text, 0)).toThrow(words);
  });

  it('is refused if it would already be over, and not a moment earlier', () => {
    expect(parseDeviceFault('disk-full@1s+5s', 5_999_999).untilUs).toBe(6_000_000);
    expect(() => parseDeviceFault('disk-full@1s+5s', 6_000_000)).toThrow(
      'over by now, 6.0 s after the start: leave @1s out',
    );
  });

  it('is in the list, with its values', () => {
    const listed = listDeviceFaults();
    for (const { name, does } of listed) expect([name, does.length > 10]).toEqual([name, true]);
    expect(listed.map(({ name }) => name)).toContain('disk-read-only');
  });
});

describe('the faults of a doorbell', () => {
  it('begin and end on the disk at their times, and notify listeners', async () => {
    const faults = makeFaults();
    let told = 0;
    faults.onChange(() => {
      told += 1;
    });
    faults.add(['disk-full@10s+5s', 'disk-failing@15s+5s', 'disk-read-only@20s+5s']);
    expect([await written(faults), faults.now(), told]).toEqual(['written', [], 0]);
    await clock.advance(10_000);
    expect([await written(faults), faults.now()]).toEqual(['ENOSPC', ['disk-full@10s+5s']]);
    await clock.advance(5_000);
    expect([await written(faults), faults.now()]).toEqual(['EIO', ['disk-failing@15s+5s']]);
    await clock.advance(5_000);
    expect(await written(faults)).toBe('EROFS');
    await clock.advance(5_000);
    expect([await written(faults), faults.now(), faults.list(), told]).toEqual(['written', [], [], 4]);
    expect(logged).toHaveLength(6);
    expect(logged[0]).toContain('begins: disk-full@10s+5s');
    expect(logged[1]).toContain('ends: disk-full@10s+5s');
  });

  it('make a slow disk as slow as their value', async () => {
    const faults = makeFaults();
    faults.add(['disk-slow=2s']);
    let answer = '';
    const asked = written(faults).then((said) => {
      answer = said;
    });
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(1_900);
    expect(answer).toBe('');
    await clock.advance(200);
    await asked;
    expect(answer).toBe('written');
  });

  it('set, move and slow the clock, and set it right in the end, without delaying timers', async () => {
    const faults = makeFaults();
    faults.add(['clock-set=1970+10s', 'clock-ahead=3h@20s+5s', 'clock-behind=1m@30s']);
    expect(faults.clock.wallUs()).toBe(0);
    expect(faults.clock.synchronised()).toBe(false);
    await clock.advance(4_000);
    expect(faults.clock.wallUs()).toBe(4_000_000);
    expect(faults.clock.monotonicMs()).toBe(clock.monotonicMs());
    await clock.advance(6_000);
    expect([aheadUs(faults), faults.clock.synchronised()]).toEqual([0, true]);
    await clock.advance(10_000);
    expect(aheadUs(faults)).toBe(3 * HOUR_US);
    await clock.advance(5_000);
    expect(aheadUs(faults)).toBe(0);
    await clock.advance(5_000);
    expect(aheadUs(faults)).toBe(-60_000_000);
  });

  it('make the clock drift, and unsure whether it is right', async () => {
    const faults = makeFaults();
    faults.add(['clock-drift=500@10s+20s', 'clock-unsure+1s']);
    expect(faults.clock.synchronised()).toBe(false);
    await clock.advance(20_000);
    expect([aheadUs(faults), faults.clock.synchronised()]).toEqual([5_000, true]);
    await clock.advance(10_000);
    expect(aheadUs(faults)).toBe(0);
    await clock.advance(10_000);
    expect(aheadUs(faults)).toBe(0);
  });

  it('cut the power: unsynced writes are lost, and then the process ends', async () => {
    const faults = makeFaults();
    const file = await faults.disk.open(path(), { create: true });
    await file.write(0, bytes('kept'));
    await file.sync();
    await file.write(0, bytes('LOST and more'));
    let told = 0;
    faults.onChange(() => {
      told += 1;
    });
    faults.add(['power-cut@5s']);
    expect(readFileSync(path(), 'utf8')).toBe('LOST and more');
    await clock.advance(5_000);
    await expect.poll(() => cuts).toBe(1);
    expect([told, faults.now()]).toEqual([0, []]);
    expect(readFileSync(path(), 'utf8')).toBe('kept');
  });

  it('refuse one that contradicts another at the same time, and accept others', () => {
    const faults = makeFaults();
    faults.add(['disk-full@10s+5s', 'clock-ahead=1h']);
    expect(() => faults.add(['disk-slow@12s'])).toThrow(expect.objectContaining({ code: 'device_faults_contradict' }));
    expect(() => faults.add(['clock-set=1970'])).toThrow(expect.objectContaining({ code: 'device_faults_contradict' }));
    faults.add(['disk-slow@15s', 'clock-drift=20']);
    expect(() => faults.add(['disk-full+1s', 'disk-nothing'])).toThrow(
      expect.objectContaining({ code: 'device_fault_unknown' }),
    );
    expect(faults.list().map(({ fault }) => fault)).toEqual([
      ...['disk-full@10s+5s', 'clock-ahead=1h', 'disk-slow@15s', 'clock-drift=20'],
    ]);
    const many = Array.from({ length: 61 }, (_, at) => `clock-unsure@${at + 1}h+1s`);
    expect(() => faults.add(many)).toThrow(expect.objectContaining({ code: 'device_faults_too_many' }));
  });

  it('end when they are cleared, by name or all of them, future ones, too', async () => {
    const faults = makeFaults();
    faults.add(['clock-ahead=1h', 'disk-failing@1h']);
    faults.add(['disk-full+10s']);
    faults.clear('disk-full');
    expect([await written(faults), aheadUs(faults)]).toEqual(['written', HOUR_US]);
    expect(() => faults.clear('disk-full')).toThrow(expect.objectContaining({ code: 'device_fault_not_set' }));
    faults.clear('all');
    expect([aheadUs(faults), faults.list()]).toEqual([0, []]);
    await clock.advance(3_700_000);
    expect(await written(faults)).toBe('written');
    faults.clear('all');
  });

  it('do not begin after they were stopped', async () => {
    const faults = makeFaults();
    faults.add(['disk-full@10s']);
    faults.stop();
    await clock.advance(20_000);
    expect(await written(faults)).toBe('written');
  });
});
