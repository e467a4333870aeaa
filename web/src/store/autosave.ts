/**
 * No edit is lost: the document is kept in this browser half a second after each edit, for each
 * tab by itself, and comes back after a reload or a crash. Two tabs on one saved graph learn of each
 * other's saving.
 */

import { CLIENT, graphs, randomId } from "../api/client";
import { onGraphs } from "../api/socket";
import { writeJson } from "../model/json";
import { useConflict } from "./conflict";
import type { Kept } from "./documents";
import { isDirty, useEditor } from "./editor";
import { useRuns } from "./runs";
import { IndexedVault, LocalVault, type Vault, type Version } from "./vault";

/** Milliseconds from an edit until it is kept. */
const PAUSE = 400;
/** Steps back that are kept, and nodes in all of them together. */
const STEPS = 40;
const STEP_NODES = 20_000;
const TAB = "nodeflow.tab";
const CHANNEL = "nodeflow";
/** Documents of closed tabs that are kept. */
const TABS = 8;

/** What is kept of the document now. */
export function snapshot(at: number): Version {
  const { graph, scope, past, name, etag, origin, saved } = useEditor.getState();
  const nodes = Math.max(1, Object.keys(graph.nodes).length);
  const steps = Math.min(STEPS, Math.floor(STEP_NODES / nodes));
  return { at, graph, scope, past: steps ? past.slice(-steps) : [], name, etag, origin, saved };
}

export function restored(version: Version): Kept {
  const { at: _, ...kept } = version;
  // After JSON the saved graph is another object with the same content, in the steps back too.
  const text = writeJson(kept.saved);
  const one = (graph: Kept["graph"]) => (writeJson(graph) === text ? kept.saved : graph);
  const past = (kept.past ?? []).map((step) => ({ ...step, graph: one(step.graph) }));
  return { ...kept, graph: one(kept.graph), past, selection: [], future: [] };
}

/** Keeps the document of one tab. */
export class Autosave {
  readonly #tab: string;
  readonly #vault: Vault;
  readonly #quick: LocalVault;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #kept: Kept["graph"] | undefined;
  /** Writing ends in order: a slow one never puts an old version over a new one. */
  #last: Promise<void> = Promise.resolve();

  constructor(tab: string, vault: Vault, quick: LocalVault) {
    this.#tab = tab;
    this.#vault = vault;
    this.#quick = quick;
  }

  start(): () => void {
    const stop = useEditor.subscribe((state, before) => {
      const moved = state.graph !== before.graph || state.scope !== before.scope;
      if (moved || state.etag !== before.etag || state.name !== before.name) this.#soon();
    });
    const leave = () => this.now();
    const hide = () => {
      if (document.visibilityState === "hidden") leave();
    };
    window.addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", hide);
    return () => {
      stop();
      window.removeEventListener("pagehide", leave);
      document.removeEventListener("visibilitychange", hide);
      clearTimeout(this.#timer);
    };
  }

  #soon(): void {
    // Not put off by the next edit: who types on and on is kept, too.
    this.#timer ??= setTimeout(() => void this.write(), PAUSE);
  }

  async write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const version = snapshot(Date.now());
    this.#kept = version.graph;
    this.#last = this.#last
      .then(() => this.#vault.put(this.#tab, version))
      .catch(() => {
        this.#quick.putNow(this.#tab, version);
      });
    await this.#last;
  }

  /** At once: the page may be gone in a moment. */
  now(): void {
    const { graph } = useEditor.getState();
    if (this.#timer === undefined && graph === this.#kept) return;
    this.#quick.putNow(this.#tab, snapshot(Date.now()));
    void this.write();
  }
}

/** The newest of what both places hold. */
export async function newest(tab: string, ...vaults: Vault[]): Promise<Version | undefined> {
  const found = await Promise.all(vaults.map((vault) => vault.versions(tab).catch(() => [])));
  return found.flat().sort((a, b) => b.at - a.at)[0];
}

interface Tab {
  id: string;
  /** Whether this page had a document before (it was reloaded). */
  known: boolean;
}

/** This tab's name: it survives a reload; a tab that was made a copy of gets another. */
async function thisTab(): Promise<Tab> {
  const before = sessionStorage.getItem(TAB);
  if (before && (await take(before))) return { id: before, known: true };
  const id = randomId();
  sessionStorage.setItem(TAB, id);
  await take(id);
  return { id, known: false };
}

/** Hold a tab's name as long as the page lives; false if another page does. */
function take(id: string): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const hold = (lock: Lock | null) => {
      resolve(lock !== null);
      return lock ? new Promise<void>(() => {}) : undefined;
    };
    navigator.locks
      .request(`nodeflow.tab.${id}`, { ifAvailable: true }, hold)
      .catch(() => resolve(true));
  });
}

/** The document of a tab that is no more (its browser crashed, or it was closed). */
async function orphan(vault: Vault, quick: LocalVault): Promise<Version | undefined> {
  const tabs = await vault.tabs().catch(() => []);
  const all = [...new Set([...tabs, ...(await quick.tabs())])];
  for (const old of all.slice(TABS)) {
    void vault.forget(old).catch(() => undefined);
    void quick.forget(old);
  }
  for (const id of all.slice(0, TABS)) {
    if (!(await free(id))) continue;
    const version = await newest(id, vault, quick);
    if (version && Object.keys(version.graph.nodes).length) return version;
  }
  return undefined;
}

async function free(id: string): Promise<boolean> {
  if (!navigator.locks) return true;
  const { held } = await navigator.locks.query();
  return !held?.some((lock) => lock.name === `nodeflow.tab.${id}`);
}

let vault: Vault | undefined;
let quick: LocalVault | undefined;
let tab = "";

/** Begin to keep the document. What was kept before, if anything: the caller opens it. */
export async function startAutosave(): Promise<Version | undefined> {
  quick = new LocalVault();
  vault = typeof indexedDB === "undefined" ? quick : new IndexedVault();
  await vault.tabs().catch(() => {
    vault = quick;
  });
  const mine = await thisTab();
  tab = mine.id;
  const own = mine.known ? await newest(tab, vault as Vault, quick) : undefined;
  const found = own ?? (await orphan(vault as Vault, quick));
  new Autosave(tab, vault as Vault, quick).start();
  watchOthers();
  return found;
}

/** Versions of this tab's document, newest first. */
export async function versions(): Promise<Version[]> {
  return vault ? vault.versions(tab) : [];
}

// ── others on the same graph ────────────────────────────────────────────────────────────────────

interface Saved {
  name: string;
  etag: string;
  client: string;
}

/** Somebody saved or deleted a graph: if it is the one that is open, that is a conflict. */
export function othersSaved({ name, etag, client }: Saved): void {
  const state = useEditor.getState();
  if (client === CLIENT || !state.name || state.name !== name || etag === state.etag) return;
  const { conflict } = useConflict.getState();
  useConflict.setState({
    conflict: { name, etag, saving: conflict?.name === name ? conflict.saving : isDirty(state) },
  });
}

function watchOthers(): void {
  onGraphs(othersSaved);
  if (typeof BroadcastChannel !== "undefined") {
    const channel = new BroadcastChannel(CHANNEL);
    channel.onmessage = ({ data }) => othersSaved(data as Saved);
    useEditor.subscribe((state, before) => {
      if (state.etag === before.etag || !state.etag || state.saved === before.saved) return;
      const told: Saved = { name: state.name, etag: state.etag, client: CLIENT };
      channel.postMessage(told);
    });
  }
  // What was saved while the connection was lost.
  useRuns.subscribe((state, before) => {
    if (state.connection === "open" && before.connection === "lost") void askAgain();
  });
}

async function askAgain(): Promise<void> {
  const { name } = useEditor.getState();
  if (!name) return;
  const all = await graphs().catch(() => undefined);
  if (!all) return;
  const now = all.find((one) => one.name === name);
  if (now) othersSaved({ name, etag: now.etag, client: "" });
}
