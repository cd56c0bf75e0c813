// How many rows a change of the registry's book writes, in a book of many agencies.
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Agency, Book } from '../../../cloud-bridge/registry/agency-book.ts';
import { openRegistryStore, REGISTRY_FILES } from '../../../cloud-bridge/registry/sql-registry-store.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { PLACE_SEAMS } from '../../support/bridge-database.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { Sqlite } from '../../support/sqlite.ts';

const folder = temporaryFolder('book');
afterAll(() => folder.dispose());

const MANY = 500;
const agencyOf = (n: number): Agency => ({
  agency: `agency-${n}`,
  key: 'A'.repeat(43),
  name: `Town ${n} Police`,
  jurisdiction: 'municipal',
  domain: `town-${n}.example`,
  contact: null,
  profiles: ['nothing'],
  retention: ['theft'],
  sealing: null,
  state: 'pending',
  scopes: [],
  except: [],
  wasApproved: false,
  refusals: 0,
  revision: 1,
});

it('writes one row for an agency that applies, changes or is removed, and for an entry of the list, however many others there are', async () => {
  const place = { folder: folder.path, files: REGISTRY_FILES, address: null };
  const store = await openRegistryStore(place, { ...PLACE_SEAMS, random: new SystemRandom() });
  const event = { kind: 'agency' as const, event: 'applied' as const, agency: 'agency-0', revision: 1 };
  const change = (next: (book: Book) => Book) => store.change((book) => ({ book: next(book), event }));
  await change((book) => ({ ...book, agencies: Array.from({ length: MANY }, (_, n) => agencyOf(n)) }));
  const file = new Sqlite(join(folder.path, 'custody.sqlite'));
  file.exec('create table touched (what text) strict');
  for (const table of ['registry_agencies', 'registry_revoked']) {
    for (const how of ['insert', 'update', 'delete']) {
      const says = `insert into touched values ('${how} ${table}')`;
      file.exec(`create trigger t_${how}_${table} after ${how} on ${table} begin ${says}; end`);
    }
  }
  const touched = () => {
    const rows = file.prepare('select what from touched').pluck().all();
    file.exec('delete from touched');
    return rows;
  };
  await change((book) => ({ ...book, agencies: [...book.agencies, agencyOf(MANY)] }));
  expect(touched()).toEqual(['insert registry_agencies']);
  const renamed = (agency: Agency) => (agency.agency === 'agency-7' ? { ...agency, name: 'Another' } : agency);
  await change((book) => ({ ...book, agencies: book.agencies.map(renamed) }));
  expect(touched()).toEqual(['update registry_agencies']);
  await change((book) => ({ ...book, agencies: book.agencies.filter(({ agency }) => agency !== 'agency-9') }));
  expect(touched()).toEqual(['delete registry_agencies']);
  const entries = (upTo: number[]) => upTo.map((n) => ({ agency: `agency-${n}`, upToRevision: 1, atS: n }));
  await change((book) => ({ ...book, revoked: entries([1, 2, 3]) }));
  touched();
  await change((book) => ({ ...book, revoked: [...book.revoked, ...entries([4])] }));
  expect(touched()).toEqual(['insert registry_revoked']);
  await change((book) => ({ ...book, revoked: book.revoked.slice(1) }));
  expect(touched()).toEqual(['delete registry_revoked']);
  file.close();
  await store.close();
  const again = await openRegistryStore(place, { ...PLACE_SEAMS, random: new SystemRandom() });
  const book = await again.load();
  expect(book.agencies.map(({ agency }) => agency)).toEqual(
    Array.from({ length: MANY + 1 }, (_, n) => `agency-${n}`).filter((id) => id !== 'agency-9'),
  );
  expect(book.revoked).toEqual(entries([2, 3, 4]));
  await again.close();
});
