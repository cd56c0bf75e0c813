import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type MotOptions, truthFromMotCsv } from '../../../sim/truth/mot-csv.ts';
import { parseTruth } from '../../../sim/truth/read-truth.ts';
import { truthToFile } from '../../../sim/truth/truth-file.ts';
import { root } from '../../layout/source-tree.ts';

const people = readFileSync(join(root, 'test/sim/truth/fixtures/pets-like.csv'), 'utf8');
const spansOf = (text: string, options: Partial<MotOptions> = {}) =>
  truthFromMotCsv(text, { frameRate: 10, ...options }, 'gt.txt').spans.map(({ startUs, endUs }) => [
    startUs / 1e6,
    endUs / 1e6,
  ]);

describe('MOT’s CSV', () => {
  it('makes motion of the pictures with an object, the first being number 1', () => {
    const truth = truthFromMotCsv(people, { frameRate: 10 }, 'gt.txt');
    expect(truth).toEqual({
      durationUs: 4_400_000,
      toleranceUs: 500_000,
      judge: ['motion'],
      spans: [
        { event: 'motion', startUs: 1_000_000, endUs: 2_000_000, label: 'object', optional: false },
        { event: 'motion', startUs: 4_000_000, endUs: 4_300_000, label: 'object', optional: false },
      ],
    });
    expect(parseTruth(JSON.stringify(truthToFile(truth)), 'x')).toEqual(truth);
  });

  it('bridges gaps shorter than the option, and none when it is 0', () => {
    expect(spansOf(people, { gapUs: 200_000 })).toEqual([
      [1, 1.5],
      [1.7, 2],
      [4, 4.3],
    ]);
    expect(spansOf(people, { gapUs: 200_001 })).toEqual([
      [1, 2],
      [4, 4.3],
    ]);
    expect(spansOf(people, { gapUs: 0 })).toEqual([
      [1, 1.5],
      [1.7, 2],
      [4, 4.3],
    ]);
    expect(spansOf(people, { gapUs: 5_000_000 })).toEqual([[1, 4.3]]);
  });

  it('drops short spans, and rows of low confidence or another class', () => {
    expect(spansOf(people, { shortestUs: 300_001 })).toEqual([[1, 2]]);
    expect(spansOf(people, { confidenceLeast: 0.5 })).toEqual([
      [1, 2],
      [4, 4.2],
    ]);
    expect(spansOf(people, { confidenceLeast: 0 })).toEqual([
      [1, 2],
      [4, 4.4],
    ]);
    const classes = '1,1,0,0,9,9,1,1,0.9\n20,2,0,0,9,9,1,3,0.9\n';
    expect(spansOf(classes, { labels: ['3'] })).toEqual([[1.9, 2]]);
  });

  it('counts only objects that overlap the zone', () => {
    const picture = { width: 640, height: 360 };
    const left = { left: 0, top: 0, width: 2_500, height: 10_000 };
    expect(spansOf(people, { zone: left, picture, gapUs: 0 })).toEqual([
      [1, 1.5],
      [1.7, 1.8],
    ]);
    expect(spansOf(people, { zone: { ...left, height: 2_777 }, picture })).toEqual([]);
    expect(spansOf(people, { zone: { ...left, top: 6_112, height: 3_000 }, picture })).toEqual([]);
    expect(spansOf(people, { zone: { ...left, left: 9_000, width: 1_000 }, picture })).toEqual([[4, 4.3]]);
    expect(() => spansOf(people, { zone: left })).toThrow(/picture’s size/);
  });

  it('accepts another first frame, rate, length, label and camera', () => {
    const truth = truthFromMotCsv(
      '0,1,1,1,2,2\n',
      { frameRate: 30_000 / 1_001, firstFrame: 0, durationUs: 9_000_000, label: 'cat', camera: 'front' },
      'gt.txt',
    );
    expect(truth.durationUs).toBe(9_000_000);
    expect(truth.spans).toEqual([
      { event: 'motion', startUs: 0, endUs: 33_367, label: 'cat', camera: 'front', optional: false },
    ]);
  });

  it('accepts headings, blank lines, and the line ends of any system', () => {
    expect(spansOf('frame,id,x,y,w,h\r\n\r\n1,1,0,0,9,9\r\n')).toEqual([[0, 0.1]]);
    expect(spansOf('1,1,0,0,9,9\r20,1,0,0,9,9')).toEqual([
      [0, 0.1],
      [1.9, 2],
    ]);
  });

  it.each<[string, string, Partial<MotOptions>, RegExp]>([
    ['nothing in it', '\n# nothing\n', {}, /no row/],
    ['a frame before the first', '0,1,0,0,9,9\n', {}, /line 1: "0" is not a frame.*from 1/],
    ['half a frame', '1,1,0,0,9,9\n1.5,1,0,0,9,9\n', {}, /line 2: "1.5" is not a frame/],
    ['a frame of another age', '9e15,1,0,0,9,9\n', {}, /is not a frame/],
    ['too few columns', '1,1,0,0,9\n', {}, /line 1: it has 5 columns/],
    ['other separators', '1;1;0;0;9;9\n', {}, /line 1: it has 1 columns/],
    ['a box of no size', '1,1,0,0,0,9\n', {}, /not a box/],
    ['words for a box', '1,1,a,0,9,9\n', {}, /not a box/],
    ['an empty cell', '1,1,,0,9,9\n', {}, /not a box/],
    ['a heading in the middle', '1,1,0,0,9,9\nframe,id,x,y,w,h\n', {}, /line 2: "frame" is not a frame/],
    ['a confidence in words', '1,1,0,0,9,9,high\n', {}, /"high" is not a confidence/],
    ['more than the footage', '31,1,0,0,9,9\n', { durationUs: 3_000_000 }, /until 3.1 s.*3 s.*frame rate/],
    ['a frame rate of 0', '1,1,0,0,9,9\n', { frameRate: 0 }, /frame rate/],
    ['no frame rate', '1,1,0,0,9,9\n', { frameRate: Number.NaN }, /frame rate/],
    [
      'a class that no row has',
      '1,1,0,0,9,9,1,1,1\n2,1,0,0,9,9,1,7,1\n',
      { labels: ['1', '2'] },
      /labelled "2"; there is 1, 7/,
    ],
    ['a class where rows have none', '1,1,0,0,9,9\n', { labels: ['1'] }, /no label at all/],
    ['over a month', '1,1,0,0,9,9\n', { durationUs: 32 * 86_400e6 }, /31 days/],
  ])('is refused for %s', (_, text, options, said) => {
    expect(() => spansOf(text, options)).toThrow(said);
    expect(() => spansOf(text, options)).toThrow(expect.objectContaining({ code: 'annotations_invalid' }));
  });

  it('is refused if it has more spans than a truth file may have', () => {
    const rows = Array.from({ length: 10_001 }, (_, at) => `${at * 100 + 1},1,0,0,9,9`).join('\n');
    expect(() => spansOf(rows)).toThrow(/10001 spans/);
  });
});
