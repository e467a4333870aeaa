/** Where documents are kept in this browser: versions in a ring, the newest one never half written. */

import type { GraphFile } from "../model/graph";
import { readJson, writeJson } from "../model/json";
import type { Kept } from "./documents";

/** A document as it was at some moment. */
export interface Version extends Omit<Kept, "selection" | "future"> {
  at: number;
}

export interface Vault {
  /** Keep a version; the oldest of a full ring gives way. */
  put(tab: string, version: Version): Promise<void>;
  /** Versions of a tab, newest first. */
  versions(tab: string): Promise<Version[]>;
  /** Tabs that kept something, the one with the newest version first. */
  tabs(): Promise<string[]>;
  forget(tab: string): Promise<void>;
}

/** Versions kept of each tab. */
export const RING = 12;
/** A version is only put beside the one before, instead of over it, after so many milliseconds:
 * else twelve versions would be the last five seconds. */
const APART = 60_000;

// ── IndexedDB ───────────────────────────────────────────────────────────────────────────────────

const DATABASE = "nodeflow";
const STORE = "versions";
const HEADS = "heads";

interface Head {
  tab: string;
  /** The slot of the newest version, and when that slot was begun. */
  slot: number;
  begun: number;
  at: number;
}

/** A transaction writes a version and says where it is, or does neither: that is all the care that
 * a crash asks for. */
export class IndexedVault implements Vault {
  readonly #open: Promise<IDBDatabase>;

  constructor(factory: IDBFactory = indexedDB) {
    this.#open = new Promise((resolve, reject) => {
      const request = factory.open(DATABASE, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(STORE, { keyPath: ["tab", "slot"] });
        request.result.createObjectStore(HEADS, { keyPath: "tab" });
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("another page holds the store"));
    });
  }

  async put(tab: string, version: Version): Promise<void> {
    const database = await this.#open;
    const change = database.transaction([STORE, HEADS], "readwrite");
    const heads = change.objectStore(HEADS);
    const before = (await answer(heads.get(tab))) as Head | undefined;
    const head = nextHead(tab, before, version.at);
    change.objectStore(STORE).put({ ...version, tab, slot: head.slot });
    heads.put(head);
    await finished(change);
  }

  async versions(tab: string): Promise<Version[]> {
    const database = await this.#open;
    const range = IDBKeyRange.bound([tab, 0], [tab, RING]);
    const store = database.transaction(STORE).objectStore(STORE);
    const found = (await answer(store.getAll(range))) as Version[];
    return found.sort((a, b) => b.at - a.at);
  }

  async tabs(): Promise<string[]> {
    const database = await this.#open;
    const store = database.transaction(HEADS).objectStore(HEADS);
    const heads = (await answer(store.getAll())) as Head[];
    return heads.sort((a, b) => b.at - a.at).map((head) => head.tab);
  }

  async forget(tab: string): Promise<void> {
    const database = await this.#open;
    const change = database.transaction([STORE, HEADS], "readwrite");
    change.objectStore(STORE).delete(IDBKeyRange.bound([tab, 0], [tab, RING]));
    change.objectStore(HEADS).delete(tab);
    await finished(change);
  }
}

function nextHead(tab: string, before: Head | undefined, at: number): Head {
  if (!before) return { tab, slot: 0, begun: at, at };
  if (at - before.begun < APART) return { ...before, at };
  return { tab, slot: (before.slot + 1) % RING, begun: at, at };
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function finished(change: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    change.oncomplete = () => resolve();
    change.onabort = () => reject(change.error);
    change.onerror = () => reject(change.error);
  });
}

// ── local storage ───────────────────────────────────────────────────────────────────────────────

const PREFIX = "nodeflow.document.";

/** Characters up to which a version keeps its steps back: all of local storage has some millions. */
const ROOM = 200_000;

/** Where there is no IndexedDB (some private windows): the last version alone, and what is written
 * while the page closes, for which IndexedDB has no time. Two places take turns; the other one
 * stays whole while one is written. */
export class LocalVault implements Vault {
  readonly #storage: Storage;

  constructor(storage: Storage = localStorage) {
    this.#storage = storage;
  }

  /** At once, for a page that is about to close. Whether there was room. */
  putNow(tab: string, version: Version): boolean {
    const turn = (this.#turn(tab) + 1) % 2;
    let text = writeJson(version);
    if (text.length > ROOM) text = writeJson({ ...version, past: [] });
    try {
      this.#storage.setItem(`${PREFIX}${tab}.${turn}`, text);
      this.#storage.setItem(`${PREFIX}${tab}`, String(turn));
      return true;
    } catch {
      return false; // full: what was kept before is still there
    }
  }

  put(tab: string, version: Version): Promise<void> {
    this.putNow(tab, version);
    return Promise.resolve();
  }

  versions(tab: string): Promise<Version[]> {
    const turn = this.#turn(tab);
    const found = [turn, (turn + 1) % 2].map((k) => this.#read(tab, k));
    return Promise.resolve(found.filter((version) => version !== undefined));
  }

  tabs(): Promise<string[]> {
    const found = new Set<string>();
    for (let k = 0; k < this.#storage.length; k += 1) {
      const key = this.#storage.key(k);
      if (key?.startsWith(PREFIX)) found.add(key.slice(PREFIX.length).replace(/\.[01]$/, ""));
    }
    const at = (tab: string) => this.#read(tab, this.#turn(tab))?.at ?? 0;
    return Promise.resolve([...found].sort((a, b) => at(b) - at(a)));
  }

  forget(tab: string): Promise<void> {
    for (const end of ["", ".0", ".1"]) this.#storage.removeItem(PREFIX + tab + end);
    return Promise.resolve();
  }

  #turn(tab: string): number {
    return this.#storage.getItem(PREFIX + tab) === "1" ? 1 : 0;
  }

  #read(tab: string, turn: number): Version | undefined {
    const text = this.#storage.getItem(`${PREFIX}${tab}.${turn}`);
    if (text === null) return undefined;
    try {
      const version = readJson(text) as Version;
      return isVersion(version) ? version : undefined;
    } catch {
      return undefined;
    }
  }
}

function isVersion(data: Partial<Version> | null): data is Version {
  const graph: Partial<GraphFile> | undefined = data?.graph;
  return typeof data?.at === "number" && typeof graph?.nodes === "object" && graph.nodes !== null;
}
