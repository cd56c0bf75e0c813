import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { truthFromCvatXml } from '../../../sim/truth/cvat-xml.ts';
import type { ConversionOptions } from '../../../sim/truth/presence-spans.ts';
import { parseTruth } from '../../../sim/truth/read-truth.ts';
import { truthToFile } from '../../../sim/truth/truth-file.ts';
import { root } from '../../layout/source-tree.ts';

const porch = readFileSync(join(root, 'test/sim/truth/fixtures/cvat-video.xml'), 'utf8');
const convert = (text: string, options: Partial<ConversionOptions> = {}) =>
  truthFromCvatXml(text, { frameRate: 10, ...options }, 'annotations.xml');
const spansOf = (text: string, options: Partial<ConversionOptions> = {}) =>
  convert(text, options).spans.map(({ startUs, endUs }) => [startUs / 1e6, endUs / 1e6]);

function fileOf(tracks: string, meta = '<task><size>100</size></task>'): string {
  return `<annotations><version>1.1</version><meta>${meta}</meta>${tracks}</annotations>`;
}
function box(frame: number | string, [xtl, ytl, xbr, ybr]: readonly number[] = [0, 0, 10, 10], outside = 0): string {
  return `<box frame="${frame}" outside="${outside}" occluded="0" keyframe="1" xtl="${xtl}" ytl="${ytl}" xbr="${xbr}" ybr="${ybr}"/>`;
}
const track = (...shapes: string[]) => `<track id="3" label="person">${shapes.join('')}</track>`;

describe('CVAT for video', () => {
  it('makes motion of each track until it is outside', () => {
    const truth = convert(porch);
    expect(truth).toEqual({
      durationUs: 10_000_000,
      toleranceUs: 500_000,
      judge: ['motion'],
      spans: [
        { event: 'motion', startUs: 2_000_000, endUs: 5_000_000, label: 'person', optional: false },
        { event: 'motion', startUs: 8_000_000, endUs: 9_000_000, label: 'car', optional: false },
      ],
    });
    expect(parseTruth(JSON.stringify(truthToFile(truth)), 'x')).toEqual(truth);
  });

  it('counts only the given labels, and labels a span with all that made it', () => {
    expect(spansOf(porch, { labels: ['car'] })).toEqual([[8, 9]]);
    expect(convert(porch, { gapUs: 4_000_000 }).spans[0]?.label).toBe('car, person');
  });

  it('interpolates a box between its frames, so that it is in a zone for part of them', () => {
    // The person's right edge is at 160 of 640 after 6 of 20 frames, the left one at 320 after 16.
    const middle = { left: 2_500, top: 0, width: 2_500, height: 10_000 };
    expect(spansOf(porch, { zone: middle })).toEqual([[2.7, 3.6]]);
    expect(spansOf(porch, { zone: { left: 0, top: 0, width: 10_000, height: 2_000 } })).toEqual([[8, 9]]);
    expect(spansOf(porch, { zone: { left: 0, top: 9_000, width: 10_000, height: 1_000 } })).toEqual([]);
  });

  it('misses no zone between two frames, and keeps a box until one that is outside', () => {
    const meta = '<task><size>100</size><original_size><width>100</width><height>100</height></original_size></task>';
    const left = { left: 0, top: 0, width: 2_000, height: 10_000 };
    const middle = { left: 4_000, top: 0, width: 2_000, height: 10_000 };
    expect(spansOf(fileOf(track(box(20), box(21, [90, 0, 99, 9])), meta), { zone: middle })).toEqual([]);
    expect(spansOf(fileOf(track(box(20), box(30, [80, 0, 90, 10], 1)), meta), { zone: left })).toEqual([[2, 3]]);
  });

  it('agrees with checking each frame', () => {
    const edge = fc.integer({ min: -50, max: 150 });
    const size = fc.integer({ min: 1, max: 60 });
    const boxes = fc.tuple(edge, edge, size, size).map(([x, y, w, h]) => [x, y, x + w, y + h]);
    const zone = { left: 2_500, top: 3_000, width: 3_000, height: 2_500 };
    const meta = '<task><size>100</size><original_size><width>100</width><height>100</height></original_size></task>';
    fc.assert(
      fc.property(boxes, boxes, (a, b) => {
        const found = spansOf(fileOf(track(box(10, a), box(50, b), box(51, b, 1)), meta), { zone, gapUs: 0 });
        for (const [from = 0, to = 0] of found) expect(to).toBeGreaterThan(from);
        for (let frame = 10; frame <= 50; frame += 1) {
          const [left = 0, top = 0, right = 0, bottom = 0] = a.map(
            (from, at) => from + ((b[at] ?? 0) - from) * ((frame - 10) / 40),
          );
          const inside = Math.min(55 - left, right - 25, 55 - top, bottom - 30);
          // Rounding decides at exact contact of edges.
          if (Math.abs(inside) < 1e-9) continue;
          const isFound = found.some(([from = 0, to = 0]) => from * 10 <= frame + 1e-6 && frame + 1e-6 < to * 10);
          expect(isFound, `frame ${frame}`).toBe(inside > 0);
        }
      }),
    );
  });

  it('keeps a track for one step of frames after its last shape, but not beyond the video', () => {
    expect(spansOf(fileOf(track(box(20))))).toEqual([[2, 2.1]]);
    const stepped = '<task><size>20</size><stop_frame>97</stop_frame><frame_filter>step=5</frame_filter></task>';
    expect(spansOf(fileOf(track(box(20)), stepped))).toEqual([[2, 2.5]]);
    expect(spansOf(fileOf(track(box(95)), stepped))).toEqual([[9.5, 9.8]]);
    expect(convert(fileOf(track(box(95)), stepped)).durationUs).toBe(9_800_000);
  });

  it('takes the length from the option, the file, or the last shape', () => {
    expect(convert(porch, { durationUs: 22_800_000 }).durationUs).toBe(22_800_000);
    expect(convert(fileOf(track(box(20)))).durationUs).toBe(10_000_000);
    expect(convert(fileOf(track(box(20)), '')).durationUs).toBe(2_100_000);
    expect(spansOf(fileOf(''))).toEqual([]);
  });

  it('reads shapes in any order, and a job’s export', () => {
    expect(spansOf(fileOf(track(box(30, [0, 0, 1, 1], 1), box(20)), '<job><size>100</size></job>'))).toEqual([[2, 3]]);
  });
});

describe('what is not CVAT for video', () => {
  const bomb = `<!DOCTYPE a [<!ENTITY x "${'lol'.repeat(9)}"><!ENTITY y "&x;&x;&x;">]>`;
  it.each<[string, string, RegExp]>([
    ['an entity bomb', `${bomb}${fileOf('<track label="&y;"/>')}`, /entity/i],
    [
      'a file of this machine',
      `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>${fileOf('<track>&x;</track>')}`,
      /entity/i,
    ],
    ['cut XML', porch.slice(0, 900), /line \d+, column \d+/],
    ['no XML', '{"format": 1}', /line 1/],
    ['nested elements without end', '<a>'.repeat(200_000), /annotations_invalid|nested|line/],
    ['another document', '<html/>', /outermost element/],
    ['another version', fileOf('').replace('1.1', '2.0'), /<version> is "2.0"/],
    ['no version', '<annotations/>', /<version> is ""/],
    ['CVAT for images', fileOf('<image id="0" name="a.png"/>'), /for images.*video/],
    ['a whole project', fileOf('', '<project><id>1</id></project>'), /project/],
    ['a frame in words', fileOf(track(box('first'))), /track 3, frame first: frame="first"/],
    ['a negative frame', fileOf(track(box(-1))), /not a frame/],
    ['half a frame', fileOf(track(box('1.5'))), /not a frame/],
    ['a frame of another age', fileOf(track(box('9e15'))), /not a frame/],
    ['a frame twice', fileOf(track(box(1), box(1))), /two shapes in frame 1/],
    ['a box inside out', fileOf(track(box(1, [9, 0, 1, 1]))), /ends before it begins/],
    [
      'a box without an edge',
      fileOf('<track id="1"><box frame="1" xtl="1" ytl="1" xbr="2"/></track>'),
      /ybr="" is no number/,
    ],
    [
      'points that are none',
      fileOf('<track id="1"><points frame="1" points="1,2;x"/></track>'),
      /not pairs of numbers/,
    ],
    [
      'a shape that is not understood',
      fileOf('<track id="1"><mask frame="1" rle="1"/></track>'),
      /<mask> is not understood/,
    ],
    ['a track after the end', fileOf(track(box(50), box(120)), '<task><size>100</size></task>'), /until 12\.1 s.*10 s/],
    ['no length', fileOf('', ''), /the length of the footage is unknown/],
    ['a size in words', fileOf('', '<task><size>many</size></task>'), /<size> is "many"/],
  ])('is refused: %s', (_, text, said) => {
    expect(() => convert(text)).toThrow(expect.objectContaining({ code: 'annotations_invalid' }));
    expect(() => convert(text)).toThrow(said);
  });

  it('is refused for a label that no track has', () => {
    expect(() => convert(porch, { labels: ['person', 'persn'] })).toThrow(
      /no object is labelled "persn"; there is car, person/,
    );
  });

  it('is refused if a zone needs the missing picture size', () => {
    const zone = { left: 0, top: 0, width: 100, height: 100 };
    expect(() => convert(fileOf(track(box(1))), { zone })).toThrow(/original_size/);
  });
});
