// The CSV follows RFC 4180, and no cell of it is a formula in a spreadsheet.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { csvCell, csvRow } from '../../../cloud-bridge/clip-access-log/access-log-export.ts';

/** A parser of RFC 4180 that shares no code with the writer. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  let at = 0;
  while (at < text.length) {
    let cell = '';
    if (text[at] === '"') {
      for (at += 1; text[at] !== '"' || text[at + 1] === '"'; at += 1) {
        if (text[at] === '"') at += 1;
        cell += text[at] ?? '';
        if (at > text.length) throw new Error('a quote is left open');
      }
      at += 1;
    } else {
      while (at < text.length && text[at] !== ',' && text[at] !== '\r') {
        if (text[at] === '"' || text[at] === '\n') throw new Error('a bare quote or line end');
        cell += text[at++];
      }
    }
    rows.at(-1)?.push(cell);
    if (text[at] === ',') {
      at += 1;
      if (at === text.length) rows.at(-1)?.push('');
    } else if (text.startsWith('\r\n', at)) {
      at += 2;
      if (at < text.length) rows.push([]);
    } else if (at < text.length) throw new Error(`a stray ${JSON.stringify(text[at])}`);
  }
  return rows;
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({
    unit: fc.constantFrom('"', ',', ';', '\r', '\n', '=', '+', '-', '@', '\t', ' ', "'", 'a'),
    maxLength: 12,
  }),
);

it('is parsed to the same cells, but for the apostrophe before a formula', () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyText, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 5 }), (rows) => {
      const read = readCsv(rows.map(csvRow).join(''));
      expect(read.map((row) => row.length)).toEqual(rows.map((row) => row.length));
      for (const [at, row] of rows.entries()) {
        for (const [column, cell] of row.entries()) {
          const found = read[at]?.[column] ?? '';
          expect(found.replaceAll("'", '')).toBe(cell.replaceAll("'", ''));
          expect(found.length - cell.length).toBeLessThanOrEqual(1 + cell.split(/[;\t\r\n]/).length);
          expect(found).not.toMatch(/^\s*[=+\-@]|^[\t\r\n]/);
          // Programs that split at `;`, at tabs or at each line end see its parts as cells.
          for (const part of found.split(/[;\t\r\n]/)) expect(part).not.toMatch(/^[\s"]*[=+\-@]/);
        }
      }
    }),
    { numRuns: 300 },
  );
});

it('disarms cells that a spreadsheet would run as formulas, and leaves all others as they are', () => {
  for (const formula of [
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    ' =1',
    '\u00a0=1',
    '\uff1d1',
    "=HYPERLINK('x')",
  ]) {
    expect(csvCell(formula).replace(/^"/, '')).toMatch(/^'/);
  }
  expect(csvCell('=cmd|"/c calc"!A1')).toBe('"\'=cmd|""/c calc""!A1"');
  expect(csvCell('case 7;=HYPERLINK(A1)')).toBe("case 7;'=HYPERLINK(A1)");
  expect(csvCell('x; "=1+1')).toBe('"x;\' ""=1+1"');
  expect(csvCell('x\n@SUM(A1);ok; no')).toBe('"x\n\'@SUM(A1);ok; no"');
  expect(csvCell('=1;\uff1d1')).toBe("'=1;'\uff1d1");
  expect([csvCell('case 12-b'), csvCell("O'Hara"), csvCell(7), csvCell(null), csvCell('a,b')]).toEqual([
    ...['case 12-b', "O'Hara", '7', '', '"a,b"'],
  ]);
});
