// The contract of the vault's stores on any kind of database: what each keeps, in which order, each change with its line of the trail.
import { expect, it } from 'vitest';
import type { VaultDatabase } from '../../../cloud-bridge/vault/vault-database.ts';
import { cursorOf, type Item, type TrailLine } from '../../../cloud-bridge/vault/vault-store.ts';
import { plainItem as item } from './plain-item.ts';
import type { StoresGround } from './stores-ground.ts';

const line: TrailLine = {
  atUs: 1_790_000_000_123_456,
  agency: 'agency-a',
  item: 'item-a',
  cases: ['case-1'],
  by: 'client-a',
  officer: 'Det. O’Neil',
  reason: 'case "9"; --',
  event: 'viewed',
  detail: '',
};
const EVERYTHING = { after: undefined, limit: 9 };
const any = {
  states: ['active', 'held', 'deleted', 'erased'],
  classes: ['none', 'restricted', 'confidential'],
} as const;

/** The item of a grant of its own. */
function other(name: string, changes: Partial<Item> = {}): Omit<Item, 'dueS'> {
  return { ...item, item: name, grant: `grant-of-${name}`, ...changes };
}

/** `vault`: a fresh one for each test; `reopen` closes it and opens it again. */
export function vaultStoresContract(
  ground: () => StoresGround,
  vault: () => VaultDatabase,
  reopen: () => Promise<void>,
): void {
  it('keeps an item whole over a restart, once', async () => {
    const { items, trail } = vault();
    expect(await items.add(item, line)).toBe(true);
    expect(await items.add(item, line)).toBe(false);
    await expect(items.add({ ...item, item: 'item-b' }, line)).rejects.toThrow(/unique/i);
    await reopen();
    expect(await vault().items.find('item-a')).toEqual({ ...item, dueS: null });
    expect(await items.find('item-b').catch(() => null)).toBeNull();
    expect(await vault().trail.list('agency-a', null, EVERYTHING)).toEqual([{ ...line, sequence: 1 }]);
    expect(trail).toBeDefined();
  });

  it('changes an item together with its line, or not at all', async () => {
    const { items, trail } = vault();
    await items.add(item, line);
    const change = () => ({ triage: 'accepted' as const, categories: ['theft', 'arson', 'theft'], cases: ['case-9'] });
    const allow = await ground().refuseRows('vault', 'trail');
    await expect(items.change('item-a', change, () => line)).rejects.toThrow('no row');
    expect(await items.find('item-a')).toMatchObject({ triage: 'pending', categories: ['theft'], cases: [] });
    await allow();
    expect(await items.change('item-a', change, () => line)).toMatchObject({ triage: 'accepted' });
    expect(await items.find('item-a')).toMatchObject({ categories: ['arson', 'theft'], cases: ['case-9'] });
    await items.change(
      'item-a',
      () => ({}),
      () => line,
    );
    expect((await trail.list('agency-a', 'item-a', EVERYTHING)).length).toBe(2);
    expect(await items.change('item-x', change, () => line)).toBeNull();
    const refuse = () => {
      throw new Error('refused');
    };
    await expect(items.change('item-a', refuse, () => line)).rejects.toThrow('refused');
  });

  it('lists an agency’s items newest first, by what they are, page after page', async () => {
    const { items } = vault();
    for (const [name, uploadedS] of [
      ['item-b', 20],
      ['item-B', 20],
      ['item-a', 20],
      ['item-c', 30],
    ] as const) {
      await items.add(other(name, { uploadedS }), line);
    }
    await items.add(other('item-x', { agency: 'agency-x' }), line);
    await items.change(
      'item-b',
      () => ({ cases: ['case-1'], accessClass: 'restricted' }),
      () => line,
    );
    const names = async (filter: object, page = EVERYTHING as { after: string | undefined; limit: number }) =>
      (await items.list('agency-a', { ...any, ...filter }, page)).map(({ item: name }) => name);
    expect(await names({})).toEqual(['item-c', 'item-B', 'item-a', 'item-b']);
    const [first] = await items.list('agency-a', any, { after: undefined, limit: 2 });
    expect(await names({}, { after: first && cursorOf(first), limit: 2 })).toEqual(['item-B', 'item-a']);
    expect(await names({ case: 'case-1' })).toEqual(['item-b']);
    expect(await names({ classes: ['restricted'] })).toEqual(['item-b']);
    expect(await names({ category: 'theft', triage: 'pending' })).toHaveLength(4);
    expect(await names({ category: 'arson' })).toEqual([]);
    expect(await names({ states: ['erased'] })).toEqual([]);
  });

  it('recalculates when each item is due when its department’s rules change', async () => {
    const { items, policies } = vault();
    await items.add(item, line);
    await items.add(other('item-x', { agency: 'agency-x' }), line);
    expect(await policies.policyOf('agency-a')).toMatchObject({ recall: { answer: 'erase', reason: null } });
    await policies.change('agency-a', { set: 'category', category: 'theft', periodS: 100 }, line);
    expect(await items.find('item-a')).toMatchObject({ dueS: 120 });
    expect(await items.find('item-x')).toMatchObject({ dueS: null });
    await policies.change('agency-a', { set: 'category', category: 'theft', periodS: 50 }, line);
    expect((await items.overdue(70, 0, 9)).map(({ item: name }) => name)).toEqual(['item-a']);
    expect(await items.overdue(69, 0, 9)).toEqual([]);
    await policies.change('agency-a', { set: 'declined', periodS: 7 }, line);
    await items.change(
      'item-a',
      () => ({ triage: 'declined' }),
      () => line,
    );
    expect(await items.find('item-a')).toMatchObject({ dueS: 27 });
    await policies.change('agency-a', { set: 'declined', periodS: undefined }, line);
    expect(await items.find('item-a')).toMatchObject({ dueS: 70 });
    await policies.change('agency-a', { set: 'recall', recall: { answer: 'keep', reason: 'statute' } }, line);
    expect((await policies.policyOf('agency-a')).recall).toEqual({ answer: 'keep', reason: 'statute' });
    await expect(
      policies.change('agency-a', { set: 'recall', recall: { answer: 'keep', reason: null } }, line),
    ).rejects.toThrow(/constraint/i);
    await policies.change('agency-a', { set: 'no-category', category: 'theft' }, line);
    expect(await items.find('item-a')).toMatchObject({ categories: [], dueS: null });
  });

  it('lists the items whose bytes must exist, and those that were deleted long enough ago', async () => {
    const { items } = vault();
    await items.add(item, line);
    expect((await items.bytesOf('item-a')).state).toBe('kept');
    expect((await items.bytesOf('item-x')).state).toBe('unknown');
    await items.change(
      'item-a',
      () => ({ state: 'deleted', deletedS: 40, deletedBy: 'officer' }),
      () => line,
    );
    expect(await items.overdue(0, 39, 9)).toEqual([]);
    expect(await items.overdue(0, 40, 9)).toMatchObject([{ item: 'item-a', deletedBy: 'officer' }]);
    await items.change(
      'item-a',
      () => ({ state: 'erased', statement: '', deletion: 'd' }),
      () => line,
    );
    expect((await items.bytesOf('item-a')).state).toBe('erased');
    expect(await items.overdue(99, 99, 9)).toEqual([]);
  });

  it('adds an item only while its offer stands, and ends the offer', async () => {
    const { items, offers } = vault();
    const body = { offer: 'o', statement: 's', receipt: 'r' };
    expect(await items.add(item, line, 'offered')).toBe(false);
    await offers.put('item-a', body, 10);
    expect(await items.bytesOf('item-a')).toEqual({ state: 'arriving', object: '' });
    expect(await items.add(item, line, 'offered')).toBe(true);
    expect(await offers.find('item-a')).toBeNull();
    expect(await items.bytesOf('item-a')).toEqual({ state: 'kept', object: 'staged-a' });
    await offers.put('item-a', body, 20);
    expect(await items.add(item, line, 'offered')).toBe(false);
    expect(await items.bytesOf('item-a')).toEqual({ state: 'kept', object: 'staged-a' });
  });

  it('only adds to the trail, lists it newest first, and refuses to delete or change a line', async () => {
    const { trail } = vault();
    for (const detail of ['1', '2', '3']) await trail.add({ ...line, detail });
    await trail.add({ ...line, item: '', cases: [] });
    const lines = await trail.list('agency-a', 'item-a', { after: undefined, limit: 2 });
    expect(lines.map(({ detail }) => detail)).toEqual(['3', '2']);
    expect(lines[0]).toEqual({ ...line, detail: '3', sequence: 3 });
    const rest = await trail.list('agency-a', 'item-a', { after: String(lines[1]?.sequence), limit: 9 });
    expect(rest.map(({ detail }) => detail)).toEqual(['1']);
    for (const statement of ['delete from trail', `update trail set officer = ''`]) {
      await expect(ground().tamper('vault', statement), statement).rejects.toThrow('the trail is only added to');
    }
  });

  it('finds clients, tokens and bridges, each by its own key', async () => {
    const { access } = vault();
    const client = {
      client: 'client-a',
      agency: 'agency-a',
      secretSha256: 's',
      scopes: ['a', 'b'],
      addresses: ['::1'],
    };
    await access.addClient(client);
    expect(await access.findClient('client-a')).toEqual(client);
    const token = { tokenSha256: 't', client: 'client-a', agency: 'agency-a', scopes: ['a'], expiresS: 50 };
    await access.addToken(token, 10);
    expect(await access.findToken('t')).toEqual(token);
    await access.addToken({ ...token, tokenSha256: 'u', expiresS: 90 }, 50);
    expect(await access.findToken('t')).toBeNull();
    expect(await access.removeClient('agency-x', 'client-a')).toBe(false);
    expect(await access.removeClient('agency-a', 'client-a')).toBe(true);
    expect([await access.findClient('client-a'), await access.findToken('u')]).toEqual([null, null]);
    await access.addBridge('bridge-a', 'k');
    await access.addBridge('bridge-a', 'k');
    expect(await access.bridges()).toEqual([{ bridge: 'bridge-a', key: 'k' }]);
  });

  it('lets a link be used once, also when two ask at the same moment', async () => {
    const { access, items, trail } = vault();
    await items.add(item, line);
    const link = {
      linkSha256: 'l',
      item: 'item-a',
      agency: 'agency-a',
      by: 'c',
      officer: 'o',
      reason: 'r',
      expiresS: 50,
    };
    expect(await access.addLink(link, item, 10)).toBe(true);
    expect(await access.findLink('l', 10)).toEqual(link);
    expect(await access.findLink('l', 50)).toBeNull();
    expect(await access.useLink('l', 50, line)).toBe(false);
    const used = await Promise.all(Array.from({ length: 5 }, () => access.useLink('l', 20, line)));
    expect(used.filter(Boolean)).toEqual([true]);
    expect((await trail.list('agency-a', null, EVERYTHING)).length).toBe(2);
  });

  it('ends an item’s links with every change of its access rules, and makes none for an item that changed meanwhile', async () => {
    const { access, items } = vault();
    const link = { item: 'item-a', agency: 'agency-a', by: 'c', officer: 'o', reason: 'r', expiresS: 50 };
    await items.add(item, line);
    const changes: [Partial<Item>, boolean][] = [
      [{ triage: 'accepted' }, true],
      [{ accessClass: 'restricted' }, false],
      [{ recall: 'answer' }, false],
      [{ state: 'deleted' }, false],
    ];
    for (const [change, stays] of changes) {
      const linkSha256 = JSON.stringify(change);
      const seen = await items.find('item-a');
      if (!seen) throw new Error('the item is gone');
      expect(await access.addLink({ ...link, linkSha256 }, seen, 10)).toBe(true);
      await items.change(
        'item-a',
        () => change,
        () => line,
      );
      expect([change, (await access.findLink(linkSha256, 10)) !== null]).toEqual([change, stays]);
      expect(await access.addLink({ ...link, linkSha256: `${linkSha256} later` }, seen, 10)).toBe(stays);
    }
  });

  it('keeps an offer until its bytes have arrived, or until it expires', async () => {
    const { offers } = vault();
    const body = { offer: 'o', statement: 'm', receipt: 'r' };
    await offers.put('item-a', body, 10);
    await offers.put('item-a', { ...body, offer: 'again' }, 20);
    await offers.put('item-b', body, 20);
    await offers.removeOlder(20);
    expect(await offers.find('item-a')).toEqual({ ...body, offer: 'again' });
    await offers.remove('item-a');
    expect(await offers.find('item-a')).toBeNull();
    await offers.removeOlder(21);
    expect(await offers.find('item-b')).toBeNull();
  });
}
