// The contract of the registry's store on any database: the book that was saved last is loaded, each change has its leaf, and a damaged
// book is refused.
import { describe, expect, it } from 'vitest';
import { type Agency, type Book, EMPTY_BOOK } from '../../../cloud-bridge/registry/agency-book.ts';
import type { RegistryStore } from '../../../cloud-bridge/registry/registry-store.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { makeParty } from '../../support/parties.ts';
import type { StoresGround } from '../support/stores-ground.ts';

const { id: agency, key } = makeParty('agency', new SystemRandom());
const entry: Agency = {
  agency,
  key: key.publicKey,
  name: 'Polizei ‘Süd’ -- 100 %',
  jurisdiction: 'municipal',
  domain: 'pd.example',
  contact: null,
  profiles: ['nothing'],
  retention: ['theft'],
  sealing: null,
  state: 'revoked',
  scopes: [],
  except: [],
  wasApproved: true,
  refusals: 0,
  revision: 3,
};
const book: Book = {
  agencies: [entry],
  revoked: [{ agency, upToRevision: 2, atS: 7 }],
  listRevision: 4,
  forgottenRevision: 0,
};

const told = (revision: number) => ({ kind: 'agency' as const, event: 'revoked' as const, agency, revision });

/** Saves a book as the next revision. */
const save = (store: RegistryStore, next: Book, revision: number) =>
  store.change(() => ({ book: next, event: told(revision) }));

export function registryStoreContract(ground: () => StoresGround): void {
  it('loads the book that was saved last, over a restart, and has a leaf for each change', async () => {
    const store = await ground().registry();
    expect(await store.load()).toEqual(EMPTY_BOOK);
    await save(store, { ...book, listRevision: 3 }, 2);
    await save(store, book, 3);
    expect(await store.load()).toEqual(book);
    await store.close();
    const again = await ground().registry();
    expect(await again.load()).toEqual(book);
    const entries = await again.history.entries(0, 9);
    expect(entries.map(({ entry }) => JSON.parse(entry))).toMatchObject([told(2), told(3)]);
    await again.close();
  });

  it('changes nothing when the leaf cannot be written', async () => {
    const store = await ground().registry();
    await save(store, book, 3);
    const allow = await ground().refuseRows('registry', 'custody_nodes');
    await expect(save(store, { ...book, listRevision: 5 }, 4)).rejects.toThrow('no row');
    expect(await store.load()).toEqual(book);
    expect(await store.history.size()).toBe(1);
    await allow();
    await save(store, { ...book, listRevision: 5 }, 4);
    expect((await store.load()).listRevision).toBe(5);
    await store.close();
  });

  it('writes nothing when the change is empty or refused', async () => {
    const store = await ground().registry();
    await save(store, book, 3);
    expect(await store.change(() => null)).toEqual(book);
    const refused = store.change(() => {
      throw new Error('refused');
    });
    await expect(refused).rejects.toThrow('refused');
    expect([await store.load(), await store.history.size()]).toEqual([book, 1]);
    await store.close();
  });

  it('refuses a damaged book: an empty one would restore revoked agencies', async () => {
    const store = await ground().registry();
    await save(store, book, 3);
    await store.close();
    const damages = [
      `update registry_agencies set entry = ''`,
      `update registry_agencies set entry = '{"agency": "agency-other"}'`,
      `update registry_agencies set entry = '${JSON.stringify({ ...book.agencies[0], more: 1 })}'`,
      `update registry_agencies set entry = '${JSON.stringify({ ...book.agencies[0], agency: 'agency-other' })}'`,
      `update registry_revoked set up_to_revision = 0`,
    ];
    for (const damage of damages) {
      await ground().tamper('registry', 'update registry_revoked set up_to_revision = 2', damage);
      const again = await ground().registry();
      await expect(again.load(), damage).rejects.toMatchObject({ code: 'state_damaged' });
      await expect(save(again, book, 4), damage).rejects.toMatchObject({ code: 'state_damaged' });
      await again.close();
    }
  });

  it('removes an agency that is no longer in the book', async () => {
    const store = await ground().registry();
    const other = { ...entry, agency: makeParty('agency', new SystemRandom()).id };
    await save(store, { ...book, agencies: [entry, other] }, 3);
    await save(store, { ...book, agencies: [other] }, 3);
    expect((await store.load()).agencies).toEqual([other]);
    await store.close();
    const again = await ground().registry();
    expect((await again.load()).agencies).toEqual([other]);
    await again.close();
  });

  describe('a book from before it had rows', () => {
    const former = async (text: string) => {
      // Its database exists already, with the log.
      await (await ground().registry()).close();
      await ground().writeFormerBook(text);
    };

    it('is imported once', async () => {
      await former(JSON.stringify(book));
      const store = await ground().registry();
      expect(await store.load()).toEqual(book);
      await save(store, { ...book, agencies: [] }, 3);
      await store.close();
      const again = await ground().registry();
      expect((await again.load()).agencies).toEqual([]);
      await again.close();
    });

    it('does not record who was ever approved; any agency whose state has changed may have been', async () => {
      const of = (state: Agency['state'], revision: number) => {
        const { wasApproved, ...former } = { ...entry, agency: `agency-${state}-${revision}`, state, revision };
        return former;
      };
      const agencies = [of('pending', 1), of('pending', 3), of('refused', 2), of('refused', 4), of('approved', 2)];
      await former(JSON.stringify({ ...book, agencies }));
      const store = await ground().registry();
      const read = (await store.load()).agencies;
      expect(read.map(({ wasApproved }) => wasApproved)).toEqual([false, true, false, true, true]);
      await store.close();
    });

    it('replaces no existing rows', async () => {
      const store = await ground().registry();
      await save(store, book, 3);
      await store.close();
      await ground().writeFormerBook(JSON.stringify({ ...book, agencies: [], revoked: [] }));
      const again = await ground().registry();
      expect(await again.load()).toEqual(book);
      await again.close();
    });

    it.each(['', '{"agencies": [', '{"agencies": [], "revoked": []}', JSON.stringify({ ...EMPTY_BOOK, more: 1 })])(
      'that is damaged is refused: %s',
      async (text) => {
        await former(text);
        await expect(ground().registry()).rejects.toMatchObject({ code: 'state_damaged' });
        // The damaged text is kept.
        await ground().writeFormerBook(JSON.stringify(book));
        const again = await ground().registry();
        expect(await again.load()).toEqual(book);
        await again.close();
      },
    );
  });
}
