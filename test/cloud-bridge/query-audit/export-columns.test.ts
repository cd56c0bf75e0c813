// Columns are found by name, in any order and spelling; a file without the needed columns is refused with the reason.
import { expect, it } from 'vitest';
import { EXPORT_COLUMNS, readHeader } from '../../../cloud-bridge/query-audit/export-columns.ts';

it('recognises the usual thirteen columns and the wider variant', () => {
  expect(EXPORT_COLUMNS).toHaveLength(13);
  expect(readHeader(EXPORT_COLUMNS)).toEqual({
    positions: { agency: 2, reason: 6, caseNumber: 7, prompt: 11 },
    width: 13,
  });
  expect(readHeader([...EXPORT_COLUMNS, 'Offense Type'])).toMatchObject({ positions: { offense: 13 }, width: 14 });
});

it('finds columns by name, not by order', () => {
  expect(readHeader(['reason', 'X', 'ORG_NAME', 'Case Number'])).toEqual({
    positions: { reason: 0, agency: 2, caseNumber: 3 },
    width: 4,
  });
});

it.each([
  ['no agency', ['Reason', 'ID'], 'org name'],
  ['no reason', ['Org Name'], 'reason'],
  ['a column twice', ['Org Name', 'Reason', 'Search Reason'], 'twice'],
  ['too many columns', Array.from({ length: 65 }, () => 'x'), '64'],
  ['no text', ['\u0000\u0001'], 'org name'],
])('refuses a header with %s', (_what, cells, detail) => {
  expect(() => readHeader(cells)).toThrow(
    expect.objectContaining({ code: 'query_export_invalid', message: expect.stringContaining(detail) }),
  );
});
