// Rows are parsed as RFC 4180 says wherever the stream is cut. A broken row is reported with its line and spoils no other row; hostile
// input costs bounded memory.
// @own-process: it measures its memory

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CSV_LIMITS, type CsvRow, CsvRows } from '../../../cloud-bridge/persistence/csv-rows.ts';

function read(text: string, limits = CSV_LIMITS, pieceChars = text.length): CsvRow[] {
  const rows = new CsvRows(limits);
  const found: CsvRow[] = [];
  for (let at = 0; at < text.length; at += pieceChars) found.push(...rows.push(text.slice(at, at + pieceChars)));
  return [...found, ...rows.end()];
}

const row = (line: number, cells: string[], fault: CsvRow['fault'] = null) => ({ line, cells, fault });

describe('whole rows', () => {
  it.each([
    ['line feeds', 'a,b\nc,d\n', [row(1, ['a', 'b']), row(2, ['c', 'd'])]],
    ['carriage returns too', 'a,b\r\nc,"d"\r\n', [row(1, ['a', 'b']), row(2, ['c', 'd'])]],
    ['no end of line at the end', 'a\nb', [row(1, ['a']), row(2, ['b'])]],
    ['a quote at the very end', 'a\n"b"', [row(1, ['a']), row(2, ['b'])]],
    ['cells of several lines', 'a,"x\r\ny\nz",b\nc\n', [row(1, ['a', 'x\r\ny\nz', 'b']), row(4, ['c'])]],
    ['doubled quotes', '"say ""hi""",""\n', [row(1, ['say "hi"', ''])]],
    ['commas in quotes', '"a,b",c\n', [row(1, ['a,b', 'c'])]],
    ['empty lines', '\na\n\r\n\nb\n', [row(2, ['a']), row(5, ['b'])]],
  ])('are read with %s', (_what, text, expected) => expect(read(text)).toEqual(expected));

  it('are the same wherever the stream is cut, and equal what was written', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é'), maxLength: 6 });
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(table, fc.integer({ min: 1, max: 7 }), (rows, pieceChars) => {
        const text = rows
          .map((cells) => `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\r\n`)
          .join('');
        const whole = read(text);
        expect(whole.map(({ cells }) => cells)).toEqual(rows);
        expect(whole.every(({ fault }) => fault === null)).toBe(true);
        expect(read(text, CSV_LIMITS, pieceChars)).toEqual(whole);
      }),
    );
  });

  it('are the same for any text, wherever it is cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r'), maxLength: 60 });
    const limits = { cellCharsMax: 8, rowCharsMax: 24, cellsMax: 5 };
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), (chars, pieceChars) => {
        expect(read(chars, CSV_LIMITS, pieceChars)).toEqual(read(chars));
        expect(read(chars, limits, pieceChars).every(({ cells }) => cells.every((cell) => cell.length <= 8))).toBe(
          true,
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('broken rows', () => {
  it.each([
    [
      'a quote inside a quoted cell',
      '"He said "ok" and left",2\n3,4\n',
      [row(1, ['"He said "ok" and left"', '2'], 'quotes'), row(2, ['3', '4'])],
    ],
    [
      'a quote that never closes',
      '1,"never,x\n3,4\n5,"6"\n',
      [row(1, ['1', '"never', 'x'], 'quotes'), row(2, ['3', '4']), row(3, ['5', '6'])],
    ],
    [
      'a quote that never closes, before a cell of two lines',
      '1,"J,x,"a\nb",y\n3,4\n',
      [row(1, ['1', '"J', 'x', 'a\nb', 'y'], 'quotes'), row(3, ['3', '4'])],
    ],
    ['a quote in the middle of an unquoted cell, which is text', 'a"b,c\n', [row(1, ['a"b', 'c'])]],
    [
      'more bad quotes than are tolerated',
      `${'"a"b,'.repeat(12)}c\nd\n`,
      [row(1, [...Array.from({ length: 12 }, () => '"a"b'), 'c'], 'quotes'), row(2, ['d'])],
    ],
  ])('are kept, and so are the rows after them: %s', (_what, text, expected) => {
    expect(read(text)).toEqual(expected);
    expect(read(text, CSV_LIMITS, 3)).toEqual(expected);
  });

  it('are cut where a cell, a row or the number of cells is too large', () => {
    const limits = { cellCharsMax: 4, rowCharsMax: 20, cellsMax: 3 };
    expect(read('a,bbbbbb\nc\n', limits)).toEqual([row(1, ['a', 'bbbb'], 'cell-too-long'), row(2, ['c'])]);
    expect(read('1,2,3,4\nc\n', limits)).toEqual([row(1, ['1', '2', '3'], 'width'), row(2, ['c'])]);
    const [first, second] = read(`${'ab,'.repeat(20)}\nc\n`, limits);
    expect([first?.fault, second]).toEqual(['row-too-long', row(2, ['c'])]);
  });
});

describe('bombs', { tags: ['long'] }, () => {
  const MIB = 1024 * 1024;
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  /** The largest growth of the heap in MiB, without garbage, whose amount varies from run to run. */
  function cost(piece: string, times: number) {
    const rows = new CsvRows();
    const held = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = held();
    const startedAt = process.cpuUsage();
    let most = 0;
    let count = 0;
    const faults = new Set<string>();
    for (let at = 0; at <= times; at += 1) {
      const found = at === times ? rows.end() : rows.push(piece);
      count += found.length;
      for (const { fault } of found) if (fault) faults.add(fault);
      if (at % (times / 8) === 0) most = Math.max(most, held() - before);
    }
    const { user } = process.cpuUsage(startedAt);
    return { mib: most / MIB, count, faults: [...faults], seconds: user / 1e6 };
  }

  it.each([
    ['a quote that never closes', () => cost(`"${'x'.repeat(64 * 1024)}`, 512), 1],
    ['a line that never ends', () => cost('x'.repeat(64 * 1024), 512), 1],
    ['nothing but commas', () => cost(','.repeat(64 * 1024), 512), 1],
    ['nothing but quotes', () => cost('"'.repeat(64 * 1024), 512), 1],
    ['quotes and line feeds', () => cost('"\n'.repeat(32 * 1024), 32), 0],
    ['an opening quote on each line', () => cost(`${',"a\n'.repeat(16 * 1024)}`, 32), 0],
  ])('end in reported rows, in bounded memory and time: %s', (_what, explode, least) => {
    const { mib, count, faults, seconds } = explode();
    expect(count).toBeGreaterThanOrEqual(least);
    if (least > 0) expect(faults.length).toBeGreaterThan(0);

    expect(mib).toBeLessThan(16);
    expect(seconds).toBeLessThan(10);
  });
});
