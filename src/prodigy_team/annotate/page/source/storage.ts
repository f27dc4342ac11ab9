/** The browser's own database: answers that the server has not confirmed, kept until it has. */

/** One answer on its way. `owner` is whose it is (team, dataset, annotator as JSON); it is sent to that identity only. */
export interface Entry {
  id: string;
  owner: string;
  session: string;
  /** Milliseconds, rising within a page: the order of sending. */
  at: number;
  hash: number;
  /** The answer as JSON, exactly as it is sent. */
  json: string;
  /** Why the server refused it; such an entry is kept and not sent again. */
  refusal?: string;
}

/** Where entries are kept. */
export interface Storage {
  /** Whether they outlive the page. */
  readonly lasting: boolean;
  all(): Promise<Entry[]>;
  put(entries: Entry[]): Promise<void>;
  remove(ids: string[]): Promise<void>;
}

const STORE = "outbox";
const PATIENCE = 3000; // milliseconds until the browser has opened its database

/** Open the browser's database; where it has none (some private windows), entries live as long as the page. */
export async function open_storage(): Promise<Storage> {
  try {
    return new LastingStorage(await open_database());
  } catch {
    return new PassingStorage();
  }
}

function open_database(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("prodigy-team", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
    // Some browsers never answer: the page does without, and says so.
    setTimeout(() => reject(new Error("late")), PATIENCE);
    opening.onblocked = () => reject(new Error("blocked"));
  });
}

class LastingStorage implements Storage {
  readonly lasting = true;
  constructor(private readonly database: IDBDatabase) {
    database.onversionchange = () => database.close();
  }

  all(): Promise<Entry[]> {
    return new Promise((resolve, reject) => {
      const asking = this.database.transaction(STORE).objectStore(STORE).getAll();
      asking.onsuccess = () => resolve(asking.result as Entry[]);
      asking.onerror = () => reject(asking.error);
    });
  }

  put(entries: Entry[]): Promise<void> {
    return this.change((store) => entries.forEach((entry) => store.put(entry)));
  }

  remove(ids: string[]): Promise<void> {
    return this.change((store) => ids.forEach((id) => store.delete(id)));
  }

  private change(work: (store: IDBObjectStore) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(STORE, "readwrite");
      transaction.oncomplete = () => resolve();
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
      work(transaction.objectStore(STORE));
      // Without waiting for the queue to run dry: the page may be closed within this millisecond.
      transaction.commit?.();
    });
  }
}

/** Entries in memory, for browsers without a database and for tests. */
export class PassingStorage implements Storage {
  readonly lasting = false;
  private readonly entries = new Map<string, Entry>();

  async all(): Promise<Entry[]> {
    return [...this.entries.values()];
  }

  async put(entries: Entry[]): Promise<void> {
    entries.forEach((entry) => this.entries.set(entry.id, entry));
  }

  async remove(ids: string[]): Promise<void> {
    ids.forEach((id) => this.entries.delete(id));
  }
}
