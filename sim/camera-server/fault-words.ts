// Owns: rows of the table of faults as people read them. Not here: the table (fault-table.ts).
import { FAULTS, type FaultRow, faultRow, isFaultName, type ValueKind } from './fault-table.ts';

const TAKES: Record<ValueKind, string> = {
  nothing: '',
  percent: 'a share, such as 5%',
  time: 'a time, such as 300ms or 10s',
  'signed-time': 'a time, such as 10s or -2s',
  ppm: 'millionths',
  size: 'WIDTHxHEIGHT',
  text: 'a text',
  address: 'an address',
};

/** What a row takes, for people. */
export function takesWords({ takes, usual }: FaultRow): string {
  return takes === 'nothing' ? '' : `${TAKES[takes]} (${usual === undefined ? 'needed' : `default: ${usual}`})`;
}

/** The table as a document shows it. */
export function faultTableMarkdown(): string {
  const rows = Object.keys(FAULTS)
    .filter(isFaultName)
    .map((name) => {
      const row = faultRow(name);
      return `| \`${name}\` | ${takesWords(row)} | ${row.does} | ${row.device.verdict}: ${row.device.says} |`;
    });
  return ['| Fault | Takes | What the camera does | What our device does |', '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}
