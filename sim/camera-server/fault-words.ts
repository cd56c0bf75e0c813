import { FAULTS, type FaultRow, faultRow, isFaultName, type ValueKind } from './fault-table.ts';

const TAKES: Record<ValueKind, string> = {
  nothing: '',
  percent: 'a share, such as 5%',
  time: 'a time, such as 300ms or 10s',
  'signed-time': 'a time, such as 10s or -2s',
  ppm: 'a number of ppm',
  size: 'WIDTHxHEIGHT',
  text: 'a text',
  address: 'an address',
};

/** The value that a fault takes, for people. */
export function takesWords({ takes, usual }: FaultRow): string {
  return takes === 'nothing' ? '' : `${TAKES[takes]} (${usual === undefined ? 'needed' : `default: ${usual}`})`;
}

/** The table of the README. */
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
