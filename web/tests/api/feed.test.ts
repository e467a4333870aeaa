import { describe, expect, test } from "vitest";
import { ApiError } from "../../src/api/client";
import { Feed, isMessage } from "../../src/api/feed";
import { readFrame } from "../../src/api/frames";
import type * as wire from "../../src/protocol";
import type { Message } from "../../src/store/runs";

function node(seq: number, run = "r"): Message {
  const data = { run, seq, node: "a", path: "a", state: "running", why: "", ms: null, bytes: null };
  return { type: "nf.node", data: data as wire.NodeEvent };
}

const summary = { run: "r", last_seq: 0 } as wire.RunSummary;

/** A server that has the first `count` events of each run. */
function server(count: number) {
  const asked: number[] = [];
  const seen: number[] = [];
  const gone: string[] = [];
  const state = { count, down: false, unknown: false };
  const waiting: (() => void)[] = [];
  const feed = new Feed({
    fetch: async (_run, after) => {
      asked.push(after);
      await new Promise<void>((resolve) => waiting.push(resolve));
      if (state.down) throw new ApiError(0, []);
      if (state.unknown) throw new ApiError(404, []);
      const events = Array.from({ length: state.count }, (_, k) => node(k + 1));
      const left = events.filter((event) => event.data.seq > after);
      return {
        summary,
        graph: {},
        inputs: {},
        events: left as unknown as wire.RunDetail["events"],
      };
    },
    emit: (message) => seen.push(message.data.seq),
    know: () => undefined,
    gone: (run) => gone.push(run),
  });
  const answer = async () => {
    for (const go of waiting.splice(0)) go();
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { feed, asked, seen, gone, state, answer };
}

describe("a run's events", () => {
  test("in order are handed on at once, and none twice", () => {
    const { feed, asked, seen } = server(0);
    for (const seq of [1, 2, 2, 1, 3]) feed.receive(node(seq));
    expect(seen).toEqual([1, 2, 3]);
    expect(asked).toEqual([]);
  });

  test("a gap is filled before what follows it", async () => {
    const { feed, asked, seen, answer } = server(6);
    feed.receive(node(1));
    feed.receive(node(5));
    feed.receive(node(6));
    feed.receive(node(7));
    expect(seen).toEqual([1]);
    await answer();
    expect(asked).toEqual([1]);
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test("what comes during a replay, doubled or beyond it, is neither lost nor told twice", async () => {
    const { feed, seen, answer } = server(4);
    void feed.replay("r");
    for (const seq of [3, 4, 5, 6]) feed.receive(node(seq));
    await answer();
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("a gap that begins during a replay is asked for after it", async () => {
    const { feed, asked, seen, state, answer } = server(2);
    void feed.replay("r");
    feed.receive(node(5));
    await answer();
    state.count = 5;
    await answer();
    expect(asked).toEqual([0, 2]);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  test("an unreachable server is asked again by the next replay", async () => {
    const { feed, seen, state, answer } = server(3);
    state.down = true;
    feed.receive(node(3));
    await answer();
    expect(seen).toEqual([]);
    state.down = false;
    void feed.replay("r");
    await answer();
    expect(seen).toEqual([1, 2, 3]);
  });

  test("a run the server does not know is told to be gone", async () => {
    const { feed, gone, state, answer } = server(0);
    state.unknown = true;
    void feed.replay("r");
    await answer();
    expect(gone).toEqual(["r"]);
  });

  test("from a queued run only what comes after its sum is wanted", () => {
    const { feed, asked, seen } = server(0);
    feed.startAt("r", 4);
    feed.receive(node(4));
    feed.receive(node(5));
    expect([asked, seen]).toEqual([[], [5]]);
  });

  test("in any order of arrival each is told once, in order", async () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    for (let round = 0; round < 100; round += 1) {
      const { feed, seen, answer } = server(20);
      for (let k = 0; k < 30; k += 1) {
        feed.receive(node(1 + random(20)));
        if (random(4) === 0) await answer();
      }
      void feed.replay("r");
      await answer();
      await answer();
      expect(seen).toEqual(Array.from({ length: 20 }, (_, k) => k + 1));
    }
  });
});

test("only events of runs are messages", () => {
  expect(isMessage(node(1))).toBe(true);
  for (const other of [{}, { type: "nf.queue", data: {} }, { type: "nf.node", data: null }]) {
    expect(isMessage(other)).toBe(false);
  }
});

describe("binary frames", () => {
  function packed(kind: number, head: string, data: number[]): ArrayBuffer {
    const text = new TextEncoder().encode(head);
    const bytes = new Uint8Array(8 + text.length + data.length);
    new DataView(bytes.buffer).setUint32(0, kind);
    new DataView(bytes.buffer).setUint32(4, text.length);
    bytes.set(text, 8);
    bytes.set(data, 8 + text.length);
    return bytes.buffer;
  }

  test("head and data are read", () => {
    const frame = readFrame(packed(100, '{"tid":"t1"}', [1, 2, 3]));
    expect(frame?.kind).toBe(100);
    expect(frame?.head).toEqual({ tid: "t1" });
    expect([...new Uint8Array(frame?.data ?? new ArrayBuffer(0))]).toEqual([1, 2, 3]);
  });

  test("what is cut short or no JSON is dropped", () => {
    expect(readFrame(new ArrayBuffer(7))).toBeUndefined();
    expect(readFrame(packed(100, '{"tid"', []))).toBeUndefined();
    expect(readFrame(packed(100, "3", []))).toBeUndefined();
    const long = packed(100, "{}", []);
    new DataView(long).setUint32(4, 99);
    expect(readFrame(long)).toBeUndefined();
  });
});
