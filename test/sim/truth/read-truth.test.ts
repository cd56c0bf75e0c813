import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SystemDisk } from '../../../device/base/disk.ts';
import { checkFootage, parseTruth, readTruth } from '../../../sim/truth/read-truth.ts';
import { SPANS_MAX, TruthFile, truthToFile } from '../../../sim/truth/truth-file.ts';
import { root } from '../../layout/source-tree.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('truth');
afterAll(folder.dispose);

const GOOD = {
  format: 'doorsill-truth-1',
  durationS: 22.8,
  spans: [{ event: 'motion', fromS: 7.2, toS: 15.5, label: 'person' }],
};

const parse = (value: unknown) => parseTruth(JSON.stringify(value), 'porch.truth.json');
const withSpans = (...spans: unknown[]) => ({ ...GOOD, spans });
const motion = (fromS: unknown, toS: unknown, more = {}) => ({ event: 'motion', fromS, toS, ...more });

/** Code and message of the error that `run` throws. */
function thrownBy(run: () => unknown): string {
  try {
    run();
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? `${thrown.code}: ${thrown.message}` : String(thrown);
  }
  return 'nothing';
}

describe('a truth file', () => {
  it('is read in microseconds, by the spans’ start', () => {
    const truth = parse(
      withSpans({ event: 'ring', atS: 9 }, motion(7.2, 15.5, { label: 'person' }), motion(0, 1, { optional: true })),
    );
    expect(truth).toEqual({
      durationUs: 22_800_000,
      toleranceUs: 500_000,
      judge: ['motion', 'ring'],
      spans: [
        { event: 'motion', startUs: 0, endUs: 1_000_000, optional: true },
        { event: 'motion', startUs: 7_200_000, endUs: 15_500_000, label: 'person', optional: false },
        { event: 'ring', startUs: 9_000_000, endUs: 9_000_000, optional: false },
      ],
    });
  });

  it('may be written by an editor on another system', () => {
    expect(parse({ ...GOOD, $schema: './truth.schema.json' }).spans).toHaveLength(1);
  });

  it('judges labelled kinds, every kind without spans, and kinds named in `judge`', () => {
    expect(parse(GOOD).judge).toEqual(['motion']);
    expect(parse(withSpans()).judge).toEqual(['motion', 'ring']);
    expect(parse({ ...GOOD, judge: ['ring', 'motion', ...[]] }).judge).toEqual(['ring', 'motion']);
  });

  it('is written as it was read', () => {
    const spanArbitrary = fc.record({
      event: fc.constantFrom('motion', 'ring'),
      length: fc.integer({ min: 1, max: 9e6 }),
      gap: fc.integer({ min: 0, max: 9e6 }),
      optional: fc.boolean(),
      moment: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(spanArbitrary, { maxLength: 20 }),
        fc.integer({ min: 0, max: 60_000_000 }),
        (made, toleranceUs) => {
          let atUs = 0;
          const spans = made.map(({ event, length, gap, optional, moment }) => {
            const fromS = (atUs + gap + 1) / 1e6;
            atUs += gap + length + 1;
            const when = event === 'ring' && moment ? { atS: fromS } : { fromS, toS: (atUs + 1) / 1e6 };
            return { event, ...when, ...(optional ? { optional } : {}) };
          });
          const file = {
            format: 'doorsill-truth-1',
            durationS: (atUs + 5) / 1e6,
            toleranceS: toleranceUs / 1e6,
            spans,
          };
          expect(truthToFile(parse(file))).toEqual(file);
          expect(parse(truthToFile(parse({ ...file, judge: ['motion', 'ring'] })))).toEqual(
            parse({ ...file, judge: ['motion', 'ring'] }),
          );
        },
      ),
    );
  });

  it('can be the README’s example', () => {
    const note = readFileSync(join(root, 'sim/truth/README.md'), 'utf8');
    const [, example = ''] = /```json\n(.*?)```/s.exec(note) ?? [];
    expect(parseTruth(example, 'README.md').spans).toHaveLength(3);
  });

  it('has a published schema for editors', async () => {
    const schema = {
      $id: 'doorsill-truth-1',
      title: 'doorsill ground truth',
      ...z.toJSONSchema(TruthFile, { io: 'input' }),
    };
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(join(root, 'sim/truth/truth.schema.json'));
  });
});

describe('a truth file that is wrong', () => {
  const many = Array.from({ length: SPANS_MAX + 1 }, (_, at) => motion(at / 1e3, at / 1e3 + 0.001));
  it.each<[string, unknown, RegExp]>([
    ['another format', { ...GOOD, format: 'doorsill-truth-2' }, /truth_invalid: .*format/],
    [
      'another tool’s file',
      { source: 'x', segments: [{ t0: 0, t1: 7.2, label: 'empty' }] },
      /truth_invalid: .*segments/,
    ],
    [
      'an unknown key, with the one that was meant',
      withSpans(motion(1, 2, { camra: 'front' })),
      /truth_invalid: .*camra.*did you mean "camera"/,
    ],
    ['an unknown event', withSpans({ event: 'movement', fromS: 1, toS: 2 }), /truth_invalid: .*spans\[0\]\.event/],
    ['a negative time', withSpans(motion(-1, 2)), /truth_invalid: .*spans\[0\]\.fromS/],
    ['a time as text', withSpans(motion('1', 2)), /truth_invalid: .*spans\[0\]\.fromS/],
    [
      'an end before the start',
      withSpans(motion(1, 2), motion(5, 4)),
      /truth_invalid: .*spans\[1\] begins at 5 s.*4 s/,
    ],
    ['no length', withSpans(motion(5, 5)), /truth_invalid: .*spans\[0\]/],
    ['less than a microsecond', withSpans(motion(5, 5.000_000_1)), /truth_invalid: .*spans\[0\]/],
    ['motion at a moment', withSpans({ event: 'motion', atS: 3 }), /truth_invalid: .*fromS and toS/],
    [
      'two ways to say when',
      withSpans({ event: 'ring', atS: 3, toS: 4 }),
      /truth_invalid: .*spans\[0\] has atS beside/,
    ],
    ['no time', withSpans({ event: 'ring' }), /truth_invalid: .*no fromS, nor atS/],
    ['half a time', withSpans({ event: 'motion', fromS: 1 }), /truth_invalid: .*no toS/],
    [
      'a span after the end',
      withSpans(motion(20, 23.5)),
      /truth_invalid: .*spans\[0\] ends at 23.5 s, after durationS \(22.8\)/,
    ],
    ['milliseconds', withSpans(motion(7200, 15_500)), /truth_wrong_units: .*15500.*milliseconds/],
    ['microseconds', withSpans(motion(7.2e6, 15.5e6)), /truth_wrong_units: .*microseconds/],
    ['frame numbers', withSpans(motion(108, 232)), /truth_wrong_units: .*frame numbers/],
    [
      'milliseconds that could be frames',
      withSpans(motion(1_000, 2_000)),
      /truth_wrong_units: .*milliseconds or frame numbers/,
    ],
    [
      'an overlap, whatever the order',
      withSpans(motion(10, 14), motion(7, 11)),
      /truth_overlap: .*spans\[1\].*7 s to 11 s.*spans\[0\]/,
    ],
    ['the same ring twice', withSpans({ event: 'ring', atS: 3 }, { event: 'ring', atS: 3 }), /truth_overlap/],
    ['a span inside another one', withSpans(motion(1, 9), motion(2, 3), motion(4, 5)), /truth_overlap/],
    ['a kind that it does not judge', { ...GOOD, judge: ['ring'] }, /truth_invalid: .*spans\[0\] is a motion/],
    [
      'some spans without a camera',
      withSpans(motion(1, 2, { camera: 'front' }), motion(3, 4)),
      /truth_invalid: .*spans\[1\] names no camera/,
    ],
    ['too many spans', { ...GOOD, durationS: 60, spans: many }, /truth_invalid: .*10,?000/],
    ['no footage', { ...GOOD, durationS: 0, spans: [] }, /truth_invalid: .*durationS/],
    ['over a month', { ...GOOD, durationS: 43_200_000 }, /truth_invalid: .*over 31 days/],
    ['a list', [], /truth_invalid/],
    ['nothing', null, /truth_invalid/],
  ])('is refused for %s', (_, value, said) => {
    expect(thrownBy(() => parse(value))).toMatch(said);
  });

  it('is refused if it is not JSON', () => {
    expect(thrownBy(() => parseTruth('{"format": ', 'a.json'))).toMatch(/truth_unreadable: .*a\.json.*not JSON/);
  });

  it('allows spans to touch, and to overlap for different cameras or kinds', () => {
    expect(parse(withSpans(motion(1, 2), motion(2, 3))).spans).toHaveLength(2);
    expect(parse(withSpans(motion(1, 3), { event: 'ring', atS: 2 })).spans).toHaveLength(2);
    expect(parse(withSpans(motion(1, 3, { camera: 'front' }), motion(2, 4, { camera: 'gate' }))).spans).toHaveLength(2);
  });
});

describe('on a disk', () => {
  const disk = new SystemDisk();
  const write = async (name: string, text: string | Uint8Array) => {
    const path = join(folder.path, name);
    await writeFile(path, text);
    return path;
  };

  it('is read, with or without a byte order mark', async () => {
    const path = await write('bom.json', `\uFEFF${JSON.stringify(GOOD)}`);
    expect((await readTruth(path, disk)).durationUs).toBe(22_800_000);
  });

  it.each<[string, () => Promise<string>, RegExp]>([
    ['is not there', async () => join(folder.path, 'nothing.json'), /no such file/],
    ['is empty', () => write('empty.json', ''), /empty/],
    ['is a device', async () => '/dev/zero', /empty/],
    ['is a folder', async () => join(folder.path, 'folder'), /folder/],
    ['is over 4 MB', () => write('large.json', ' '.repeat(4 * 1024 * 1024 + 1)), /too large/],
    ['is no text', () => write('bytes.json', new Uint8Array([0xff, 0xfe, 0])), /not UTF-8/],
    ['lies in a file', async () => join(await write('file', 'x'), 'truth.json'), /not a folder/],
  ])('is refused when it %s', async (_, make, said) => {
    await mkdir(join(folder.path, 'folder'), { recursive: true });
    await expect(make().then((path) => readTruth(path, disk))).rejects.toMatchObject({
      code: 'truth_unreadable',
      message: expect.stringMatching(said),
    });
  });

  it('is compared with the footage', async () => {
    const path = await write('good.json', JSON.stringify(GOOD));
    await expect(readTruth(path, disk, { durationUs: 139_000_000 })).rejects.toMatchObject({
      code: 'truth_other_footage',
    });
    expect(await readTruth(path, disk, { durationUs: 22_850_000, cameras: ['front'] })).toEqual(parse(GOOD));
  });
});

describe('compared with footage', () => {
  const check = (durationS: number, footage: Parameters<typeof checkFootage>[1]) =>
    thrownBy(() => checkFootage(parse({ ...GOOD, durationS, spans: [] }), footage, 'a.json'));

  it('may differ by two frames, and by usual rounding', () => {
    expect(check(22.8, { durationUs: 22_930_000, frameUs: 66_667 })).toBe('nothing');
    expect(check(22.8, { durationUs: 22_940_000, frameUs: 66_667 })).toMatch(/truth_other_footage: .*22.8.*22.94/);
    expect(check(22.8, { durationUs: 22_840_000, frameUs: 4_167 })).toBe('nothing');
    expect(check(22.8, { durationUs: 22_600_000, frameUs: 4_167 })).toMatch(/truth_other_footage/);
  });

  it('distinguishes wrong units from other footage', () => {
    expect(check(22_800, { durationUs: 22_800_000 })).toMatch(/truth_wrong_units: .*milliseconds/);
    expect(check(342, { durationUs: 22_800_000, frameUs: 66_667 })).toMatch(/truth_wrong_units: .*frames/);
    expect(check(342, { durationUs: 22_800_000 })).toMatch(/truth_other_footage/);
  });

  it('is refused if it names a camera that the replay lacks', () => {
    const truth = parse(withSpans(motion(1, 2, { camera: 'gate' })));
    expect(thrownBy(() => checkFootage(truth, { cameras: ['front', 'back'] }, 'a.json'))).toMatch(
      /truth_other_footage: .*camera gate.*front, back/,
    );
    expect(thrownBy(() => checkFootage(truth, { cameras: ['gate'] }, 'a.json'))).toBe('nothing');
  });
});
