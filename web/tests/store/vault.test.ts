import { beforeEach, describe, expect, test, vi } from "vitest";
import { setParam } from "../../src/model/edit";
import { Autosave, newest, othersSaved, restored, snapshot } from "../../src/store/autosave";
import { useConflict } from "../../src/store/conflict";
import { bringBack } from "../../src/store/documents";
import { isDirty, useEditor } from "../../src/store/editor";
import { LocalVault } from "../../src/store/vault";
import { shippedGraph } from "../model/support";

const state = () => useEditor.getState();
const seed = (value: number) =>
  state().edit("seed", (graph) => setParam(graph, [], "noise", "seed", value));

beforeEach(() => {
  localStorage.clear();
  state().load(shippedGraph("text_to_image"), { name: "mine", etag: "e1" });
  useConflict.setState({ conflict: null });
});

describe("what is kept", () => {
  test("comes back as it was, with its name and whether it was saved", async () => {
    seed(4);
    state().enter("denoise");
    const vault = new LocalVault();
    await vault.put("tab", snapshot(1));
    const before = JSON.stringify(state().graph);
    state().load(shippedGraph("attention"));
    const version = await newest("tab", vault);
    if (!version) throw new Error("nothing was kept");
    bringBack(restored(version));
    expect(JSON.stringify(state().graph)).toBe(before);
    expect(state()).toMatchObject({ name: "mine", etag: "e1", scope: ["denoise"] });
    expect(isDirty(state())).toBe(true);
  });

  test("a saved document comes back as saved", async () => {
    const vault = new LocalVault();
    await vault.put("tab", snapshot(1));
    const version = await newest("tab", vault);
    if (version) bringBack(restored(version));
    expect(isDirty(state())).toBe(false);
  });

  test("undoing back to the saved version after a reload is saved", async () => {
    seed(4);
    seed(5);
    const vault = new LocalVault();
    await vault.put("tab", snapshot(1));
    const version = await newest("tab", vault);
    if (!version) throw new Error("nothing was kept");
    bringBack(restored(JSON.parse(JSON.stringify(version))));
    expect(isDirty(state())).toBe(true);
    state().undo();
    expect(isDirty(state())).toBe(true);
    state().undo();
    expect(isDirty(state())).toBe(false);
    state().redo();
    expect(isDirty(state())).toBe(true);
  });

  test("undoing to the version saved between two edits is saved, too", async () => {
    seed(4);
    useEditor.setState({ saved: state().graph });
    seed(5);
    const vault = new LocalVault();
    await vault.put("tab", snapshot(1));
    const version = await newest("tab", vault);
    if (version) bringBack(restored(version));
    expect(isDirty(state())).toBe(true);
    state().undo();
    expect(isDirty(state())).toBe(false);
    state().undo();
    expect(isDirty(state())).toBe(true);
  });

  test("a write that was cut leaves the version before it", async () => {
    const vault = new LocalVault();
    await vault.put("tab", snapshot(1));
    await vault.put("tab", snapshot(2));
    // As if the browser had died while it wrote the third.
    localStorage.setItem("nodeflow.document.tab.1", '{"at":3,"graph":{"no');
    expect((await newest("tab", vault))?.at).toBe(2);
    localStorage.setItem("nodeflow.document.tab.0", "null");
    expect(await newest("tab", vault)).toBeUndefined();
  });

  test("a full store keeps what it had", async () => {
    const vault = new LocalVault();
    await vault.put("tab", snapshot(1));
    const full = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    expect(vault.putNow("tab", snapshot(2))).toBe(false);
    full.mockRestore();
    expect((await newest("tab", vault))?.at).toBe(1);
  });

  test("tabs are told apart, the newest first", async () => {
    const vault = new LocalVault();
    await vault.put("old", snapshot(1));
    await vault.put("new", snapshot(2));
    expect(await vault.tabs()).toEqual(["new", "old"]);
    await vault.forget("new");
    expect(await vault.tabs()).toEqual(["old"]);
  });
});

test("every edit is kept within half a second, also while more come", async () => {
  vi.useFakeTimers();
  const vault = new LocalVault();
  const stop = new Autosave("tab", vault, vault).start();
  for (let k = 1; k <= 10; k += 1) {
    seed(k);
    await vi.advanceTimersByTimeAsync(90);
    const kept = (await newest("tab", vault))?.graph.nodes.noise?.params?.seed ?? 0;
    expect(Number(kept)).toBeGreaterThanOrEqual(k - 5);
  }
  await vi.advanceTimersByTimeAsync(500);
  expect((await newest("tab", vault))?.graph.nodes.noise?.params?.seed).toBe(10);
  stop();
  vi.useRealTimers();
});

test("a page that closes keeps its last edit at once", async () => {
  const vault = new LocalVault();
  const stop = new Autosave("tab", vault, vault).start();
  seed(77);
  window.dispatchEvent(new Event("pagehide"));
  expect((await newest("tab", vault))?.graph.nodes.noise?.params?.seed).toBe(77);
  stop();
});

describe("somebody else saved", () => {
  test("the graph that is open: a conflict, which says whether something here is unsaved", () => {
    seed(5);
    othersSaved({ name: "mine", etag: "e2", client: "other" });
    expect(useConflict.getState().conflict).toEqual({ name: "mine", etag: "e2", saving: true });
  });

  test("another graph, the same version or oneself: none", () => {
    othersSaved({ name: "yours", etag: "e2", client: "other" });
    othersSaved({ name: "mine", etag: "e1", client: "other" });
    expect(useConflict.getState().conflict).toBeNull();
  });
});
