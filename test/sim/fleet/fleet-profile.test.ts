import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SystemDisk } from '../../../device/base/disk.ts';
import { utf8 } from '../../../device/contract/bytes.ts';
import { isFailure } from '../../../sim/errors.ts';
import { DEFAULT_PROFILE, FleetProfile, ringBytes } from '../../../sim/fleet/fleet-profile.ts';
import { parseFleetProfile, readFleetProfile } from '../../../sim/fleet/read-fleet-profile.ts';
import { root } from '../../layout/source-tree.ts';

const PUBLISHED = join(root, 'sim/fleet/fleet-profile.schema.json');
const NOTE = join(root, 'sim/fleet/README.md');
const read = (text: string) => parseFleetProfile('town.yaml', utf8(text));

/** The detail of a refused profile's failure. */
function told(text: string): string {
  try {
    read(text);
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    expect(thrown.code).toBe('fleet_profile_invalid');
    return thrown.message.replace('The fleet profile is not valid: ', '');
  }
  return 'nothing';
}

describe('a fleet profile', () => {
  it('needs no key', () => {
    expect(read('{}')).toEqual(DEFAULT_PROFILE);
    expect(DEFAULT_PROFILE.scenes).toEqual({
      porch: { camera: 'synthetic', width: 1280, height: 720, fps: 15, kbitPerS: 1000, loop: 24_000_000, percent: 100 },
    });
    expect(DEFAULT_PROFILE.presses).toEqual(new Array(24).fill(1));
    expect(DEFAULT_PROFILE.ring).toEqual({ kind: 'memory', length: 60_000_000 });
  });

  it('is read from YAML and from JSON alike', () => {
    const yaml = read('owners: { share: 60, ignore: 40 }\nring: { kind: file, length: 8s }\npresses: 0.5');
    const json = read('{"owners":{"share":60,"ignore":40},"ring":{"kind":"file","length":8},"presses":0.5}');
    expect(yaml).toEqual(json);
    expect(yaml.owners).toEqual({ share: 60, decline: 0, ignore: 40, slow: 0, revoke: 0, offline: 0 });
    expect(yaml.ring).toEqual({ kind: 'file', length: 8_000_000 });
  });

  it('may have percentages of thirds', () => {
    expect(read('owners: { share: 33.3, decline: 33.3, ignore: 33.4 }').owners.decline).toBe(33.3);
  });

  it('is valid in the README’s example', () => {
    const [, example = ''] = /```yaml\n(.*?)```/s.exec(readFileSync(NOTE, 'utf8')) ?? [];
    expect(Object.keys(read(example).scenes)).toEqual(['day', 'night']);
  });

  it('has each of its keys in the README', () => {
    const note = readFileSync(NOTE, 'utf8');
    const words = Object.keys(FleetProfile.shape).filter((word) => word !== '$schema');
    expect(words.filter((word) => !note.includes(`| \`${word}\` |`))).toEqual([]);
  });

  it('is refused if its file is missing or too large', async () => {
    const gone = readFleetProfile(new SystemDisk(), join(root, 'none.yaml'));
    await expect(gone).rejects.toMatchObject({ code: 'fleet_profile_unreadable' });
    await expect(readFleetProfile(new SystemDisk(), root)).rejects.toMatchObject({ code: 'fleet_profile_unreadable' });
  });
});

describe('an invalid profile is refused with the fault’s position and the values that its key takes', () => {
  it.each([
    ['', 'town.yaml:1:1: this YAML is not allowed here: it is empty'],
    ['[]', 'town.yaml:1:1: a profile is a map of words'],
    ['ownrs: { share: 100 }', 'town.yaml:1:1: there is no word "ownrs" here (did you mean "owners"?)'],
    ['owners: { share: 60, decline: 30 }', 'town.yaml:1:9: owners: the percentages take 100 in all, not 90'],
    ['owners: { share: 60, decline: 41 }', 'town.yaml:1:9: owners: the percentages take 100 in all, not 101'],
    ['owners: { share: -1, decline: 101 }', 'town.yaml:1:18: owners.share: it takes 0 to 100 percent'],
    ['owners: {}', 'town.yaml:1:9: owners: the percentages take 100 in all, not 0'],
    ['owners: { share: many }', 'town.yaml:1:18: owners.share: it takes a number'],
    ['scenes: {}', 'town.yaml:1:9: scenes: it has no name; leave it out, or name one'],
    ['scenes: { a: { percent: 50 } }', 'town.yaml:1:9: scenes: the percentages take 100 in all, not 50'],
    [
      'scenes: { A B: {} }',
      'town.yaml:1:11: scenes.A B: a name is at most 63 small letters, digits and hyphens, not "A B"',
    ],
    ['scenes: { a: { fps: 0 } }', 'town.yaml:1:21: scenes.a.fps: it takes a whole number of 1 to 60 pictures a second'],
    ['scenes: { a: { fps: 14.5 } }', 'town.yaml:1:21: scenes.a.fps: it takes a whole number'],
    [
      'scenes: { a: { kbitPerS: 1e9 } }',
      'town.yaml:1:26: scenes.a.kbitPerS: it takes a whole number of 32 to 20000 kbit/s',
    ],
    ['scenes: { a: { width: 1281 } }', 'town.yaml:1:23: scenes.a.width: it takes an even number of pixels'],
    ['scenes: { a: { loop: 0s } }', 'town.yaml:1:22: scenes.a.loop: it takes 2s to 10m'],
    ['ring: { length: -8s }', 'town.yaml:1:17: ring.length: this duration cannot be negative and has no sign'],
    ['ring: { length: 1e9 }', 'town.yaml:1:17: ring.length: '],
    ['ring: { kind: disk }', 'town.yaml:1:15: ring.kind: "disk" is not one of memory, file'],
    ['presses: -1', 'town.yaml:1:10: presses: it takes 0 to 3600 an hour'],
    ['presses: 1e9', 'town.yaml:1:10: presses: it takes 0 to 3600 an hour'],
    ['presses: [1, 2, 3]', 'town.yaml:1:10: presses: it takes one number, or a list of 24, from 0 to 1 o’clock on'],
    ['presses: .inf', 'town.yaml:1:10: this YAML is not allowed here: this value is not a plain kind'],
    ['startHour: 24', 'town.yaml:1:12: startHour: it takes a whole number of 0 to 23 o’clock'],
    [
      'answerAfter: { from: 9s, to: 3s }',
      'town.yaml:1:30: answerAfter.to: it takes a duration that is not shorter than "from"',
    ],
    ['answerAfter: { from: 9s }', 'town.yaml:1:14: answerAfter: "to" is missing'],
    ['town: { latitude: 90 }', 'town.yaml:1:19: town.latitude: it takes -85 to 85 degrees'],
    ['ramp: 2h', 'town.yaml:1:7: ramp: it takes 0s to 1h'],
  ])('%j', (text, says) => {
    expect(told(text)).toContain(says);
  });

  it.each([
    [
      'a ring that no machine has',
      'ring: { length: 24h }',
      'ring.length: with the 1000 kbit/s of the scene "porch" a ring takes 11845 MiB, and may take 1024 MiB',
    ],
    [
      'slow owners who are quicker than others',
      'slowAnswerAfter: { from: 1s, to: 2s }',
      'slowAnswerAfter.from: it takes a duration that is not shorter than "answerAfter" has in "to"',
    ],
    [
      'doorbells that are never there',
      'churn: { perDay: 100, away: 1h }',
      'churn.perDay: a doorbell would be gone for 100 hours of a day, and may be for 12',
    ],
    [
      'doorbells that only start',
      'reboots: { perDay: 200, takes: 10m }',
      'reboots.perDay: a doorbell would be gone for 33 hours of a day, and may be for 12',
    ],
    [
      'clocks that are wrong by nothing',
      'clocks: { wrongPercent: 5, offset: 0s }',
      'clocks.wrongPercent: clocks that are wrong take an "offset" or a "driftPpm" above 0',
    ],
  ])('although each value is valid by itself: %s', (_what, text, says) => {
    expect(told(text)).toContain(says);
  });

  it('with the first of several faults, and their number', () => {
    const text = Array.from({ length: 14 }, (_, at) => `word${at}: 1`).join('\n');
    expect(told(text)).toMatch(/^town\.yaml:1:1: there is no word "word0" here.* \(and 13 more\)$/);
  });

  it('also after a long path', () => {
    const file = `${'folder/'.repeat(60)}town.yaml`;
    expect(() => parseFleetProfile(file, utf8('presses: -1'))).toThrow('presses: it takes 0 to 3600 an hour');
  });
});

describe('the published schema of profiles', () => {
  it('is up to date', async () => {
    const schema = {
      title: 'A fleet of doorsill',
      ...z.toJSONSchema(FleetProfile, { io: 'input', target: 'draft-07', unrepresentable: 'any' }),
    };
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(PUBLISHED);
  });

  it.each([
    [true, {}],
    [true, { presses: 3, motions: new Array(24).fill(2), ring: { length: '8s' } }],
    [true, { scenes: { day: { camera: 'file:porch.mp4' } }, owners: { share: 100 } }],
    [false, { presses: -3 }],
    [false, { motions: new Array(23).fill(2) }],
    [false, { ring: { length: '8 seconds' } }],
    [false, { sceens: {} }],
    [false, { scenes: { day: { fps: 0 } } }],
  ])('takes (%s) %j', (isTaken, value) => {
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(
      JSON.parse(readFileSync(PUBLISHED, 'utf8')),
    );
    expect(validate(value)).toBe(isTaken);
  });
});

it('gives a ring room for its length, and for at least two segments', () => {
  expect(ringBytes(60_000_000, 1_000)).toBeGreaterThan(7_500_000);
  expect(ringBytes(4_000_000, 32)).toBe(65_536);
});
