// Holds, of any place for the registry's word: the book that was saved last is what is loaded, each change has its leaf, and a
// damaged book is refused. Not here: what a book says (registry.test.ts), which place it is (../stores*.test.ts).
import { expect, it } from 'vitest';
import { type Book, EMPTY_BOOK } from '../../../cloud-bridge/registry/agency-standing.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { makeParty } from '../../support/parties.ts';
import type { StoresGround } from '../support/stores-ground.ts';

const { id: agency, key } = makeParty('agency', new SystemRandom());
const book: Book = {
  agencies: [
    {
      agency,
      key: key.publicKey,
      name: 'Polizei ‘Süd’ -- 100 %',
      jurisdiction: 'municipal',
      domain: 'pd.example',
      contact: null,
      profiles: ['nothing'],
      retention: ['theft'],
      state: 'revoked',
      scopes: [],
      except: [],
      refusals: 0,
      revision: 3,
    },
  ],
  revoked: [{ agency, upToRevision: 2, atS: 7 }],
  listRevision: 4,
};

const told = (revision: number) => ({ kind: 'agency' as const, event: 'revoked' as const, agency, revision });

export function registryStoreContract(ground: () => StoresGround): void {
  it('has the book that was saved last, over a restart, and a leaf for each change', async () => {
    const store = await ground().registry();
    expect(await store.load()).toBeNull();
    await store.save({ ...book, listRevision: 3 }, told(2));
    await store.save(book, told(3));
    expect(await store.load()).toEqual(book);
    await store.close();
    const again = await ground().registry();
    expect(await again.load()).toEqual(book);
    const entries = await again.history.entries(0, 9);
    expect(entries.map(({ entry }) => JSON.parse(entry))).toMatchObject([told(2), told(3)]);
    await again.close();
  });

  it('changes nothing that could not be proved', async () => {
    const store = await ground().registry();
    await store.save(book, told(3));
    const allow = await ground().refuseRows('registry', 'custody_nodes');
    await expect(store.save({ ...book, listRevision: 5 }, told(4))).rejects.toThrow('no row');
    expect(await store.load()).toEqual(book);
    expect(await store.history.size()).toBe(1);
    await allow();
    await store.save({ ...book, listRevision: 5 }, told(4));
    expect((await store.load())?.listRevision).toBe(5);
    await store.close();
  });

  it('refuses a damaged book: an empty one would revive whom it revoked', async () => {
    const store = await ground().registry();
    await store.save(book, told(3));
    for (const text of [
      '',
      '{"agencies": [',
      '{"agencies": [], "revoked": []}',
      JSON.stringify({ ...EMPTY_BOOK, more: 1 }),
    ]) {
      await ground().writeBook(text);
      await expect(store.load(), text).rejects.toMatchObject({ code: 'state_damaged' });
    }
    await store.close();
  });
}
