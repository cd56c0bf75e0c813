// Owns: having whoever reads an item asked again after every change of it, wherever the change comes from. Not here: what is asked
// (evidence.ts), how items are stored (sql-items.ts).
import type { ClipDownloads } from '../http/clip-downloads.ts';
import type { Item, ItemStore } from './store.ts';

/** The same items; a change resolves only once nobody reads on who may not. */
export function watchedItems(items: ItemStore, readings: ClipDownloads): ItemStore {
  const asked = async (item: string, changed: Promise<Item | null>) => {
    const after = await changed;
    await readings.askAgain(item);
    return after;
  };
  return {
    find: (item) => items.find(item),
    add: (item, line) => items.add(item, line),
    change: (item, alter, line) => asked(item, items.change(item, alter, line)),
    list: (agency, filter, page) => items.list(agency, filter, page),
    overdue: (nowS, deletedUntilS, most) => items.overdue(nowS, deletedUntilS, most),
    bytesOf: (item) => items.bytesOf(item),
  };
}
