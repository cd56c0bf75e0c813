// Owns: one transaction in this browser's own database (Indexed Database API, https://www.w3.org/TR/IndexedDB/), durable when it resolves.
// Not here: what is kept (owner-key.ts, answer-store.ts).

/** A database and the stores that it has from its first opening on. */
export interface Database {
  name: string;
  stores: readonly string[];
}

/** Does `work` in one store; resolves with its result once the transaction is on the disk. Throws the browser's error. */
export async function inStore(
  database: Database,
  store: string,
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest,
): Promise<unknown> {
  const opening = indexedDB.open(database.name, 1);
  opening.onupgradeneeded = () => {
    for (const name of database.stores) opening.result.createObjectStore(name);
  };
  const opened = await new Promise<IDBDatabase>((resolve, reject) => {
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  try {
    const transaction = opened.transaction(store, mode, { durability: 'strict' });
    const asked = work(transaction.objectStore(store));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return asked.result;
  } finally {
    opened.close();
  }
}
