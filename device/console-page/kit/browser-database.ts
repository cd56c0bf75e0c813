/** A database of this browser (https://www.w3.org/TR/IndexedDB/); its stores are made when it is first opened. */
export interface Database {
  name: string;
  stores: readonly string[];
}

/** Runs `work` in one transaction; resolves with its result once the transaction is durable. Throws the browser's error. */
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
