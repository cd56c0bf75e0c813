// The list of local governments' domains is a file in a public format that can be replaced; a list with a fault is refused with the line
// instead of used in part.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadEligibility } from '../../../cloud-bridge/registry/data-files.ts';
import { SystemDisk } from '../../../device/base/disk.ts';

const dataFolder = mkdtempSync(join(tmpdir(), 'doorsill-lists-'));
afterAll(() => rmSync(dataFolder, { recursive: true }));

const HEAD = 'Domain name,Domain type,Organization name,Suborganization name,City,State,Security contact email';

async function domainsOf(text: string | Uint8Array) {
  writeFileSync(join(dataFolder, 'list.csv'), text);
  const settings = { stateAgencies: false, namesAllowed: [], dataFolder, localGovernments: 'list.csv' };
  return (await loadEligibility(new SystemDisk(), settings)).domains;
}

it('reads another list in CISA’s format, with its byte order mark, line ends, quotes and further columns', async () => {
  const row = '"CITYOFALICE.GOV",City,"Alice, City of",,Alice,TX,(blank),more';
  const domains = await domainsOf(`\ufeff${HEAD},Another\r\n${row}\r\n`);
  const alice = { domain: 'cityofalice.gov', type: 'City', organization: 'Alice, City of' };
  expect(domains.find('police.cityofalice.gov')).toEqual(alice);
  expect(domains.find('boston.gov')).toBeNull();
});

it.each([
  ['no such column', 'Domain,Type\na.gov,City\n', /does not name the column “Domain name”/],
  ['a row with a cell too few', `${HEAD}\na.gov,City,A,,A,TX\n`, /line 2 has 6 cells/],
  ['a name that is no domain', `${HEAD}\nb.gov,City,B,,B,TX,x\nno domain,City,A,,A,TX,x\n`, /line 3 names no domain/],
  ['no type', `${HEAD}\na.gov,,A,,A,TX,x\n`, /line 2 names no type/],
  ['a domain twice', `${HEAD}\na.gov,City,A,,A,TX,x\nA.gov,County,A,,A,TX,x\n`, /line 3 names a\.gov a second time/],
  ['a cell that is too long', `${HEAD}\na.gov,City,${'A'.repeat(301)},,A,TX,x\n`, /line 2 has a cell of more than 300/],
  ['broken quotes', `${HEAD}\na.gov,City,"A"b",,A,TX,x\n`, /line 2 is not CSV \(quotes\)/],
  ['too many rows', `${HEAD}\n${'a.gov,City,A,,A,TX,x\n'.repeat(100_001)}`, /more than 100000 rows/],
  ['bytes that are no text', new Uint8Array([0xff, 0xfe, 0x41]), /not UTF-8/],
  ['more than 16 MiB', new Uint8Array(16 * 1024 * 1024 + 1), /larger than 16777216 bytes/],
])('refuses a list with %s', async (_what, text, detail) => {
  await expect(domainsOf(text)).rejects.toMatchObject({
    code: 'registry_list_invalid',
    facts: { file: join(dataFolder, 'list.csv'), detail: expect.stringMatching(detail) },
  });
});

it('refuses a list that does not exist', async () => {
  const settings = { stateAgencies: false, namesAllowed: [], dataFolder, localGovernments: 'none.csv' };
  await expect(loadEligibility(new SystemDisk(), settings)).rejects.toMatchObject({
    code: 'registry_list_invalid',
    facts: { detail: 'there is no such file' },
  });
});
