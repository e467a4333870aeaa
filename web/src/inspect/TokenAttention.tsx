/** Where the picture listens to one token, at a step: the maps of a run that was traced whole, by
 * layer, over what the model took the picture to be. */

import { useEffect, useState } from "react";
import { create } from "zustand";
import * as api from "../api/client";
import type * as wire from "../protocol";
import { FINISHED, useRuns } from "../store/runs";
import "../styles/attention.css";
import { asksWith } from "./asks";
import { TensorCanvas } from "./Draw";
import { useGraphOf, useStepTensors } from "./store";

interface Indexes {
  /** By run and node; null where it is being fetched. */
  of: Readonly<Record<string, wire.AttentionIndex | null>>;
}

const useIndexes = create<Indexes>()(() => ({ of: {} }));
const KEPT = 8;

function keep(key: string, index: wire.AttentionIndex | null): void {
  useIndexes.setState(({ of }) => {
    const { [key]: _, ...others } = of;
    return { of: { ...Object.fromEntries(Object.entries(others).slice(-KEPT)), [key]: index } };
  });
}

/** What a run that has ended, or waits, told of attention in a loop or sampler; undefined until it
 * is here. */
export function useAttention(run: string, node: string): wire.AttentionIndex | undefined {
  // Where a run waits there is more to see after each step.
  const told = useRuns(({ runs }) => {
    const view = runs[run];
    if (!view) return "";
    return view.state === "paused" ? view.pausedPath : FINISHED.has(view.state) ? "ended" : "";
  });
  const key = `${run} ${node} ${told}`;
  const index = useIndexes(({ of }) => of[key]);
  useEffect(() => {
    if (!run || !node || !told || useIndexes.getState().of[key] !== undefined) return;
    keep(key, null);
    api.attention(run, node).then(
      (answer) => keep(key, answer),
      (error: unknown) => {
        if (!(error instanceof api.ApiError)) throw error;
        useIndexes.setState(({ of: { [key]: _, ...of } }) => ({ of }));
      },
    );
  }, [run, node, told, key]);
  return index ?? undefined;
}

/** The nodes that asked, each with the ports by which its texts came. */
function asksOf(index: wire.AttentionIndex): { node: string; prompt: string }[] {
  const made = new Map<string, { node: string; prompt: string }>();
  for (const { node, prompt } of index.maps) made.set(`${node} ${prompt}`, { node, prompt });
  return [...made.values()];
}

export interface TokenAttentionProps {
  run: string;
  /** Path of the node that asks the model, or of the loop that it is in. */
  node: string;
  /** Of the token in all of the text: 0 is the start mark. */
  slot: number;
  step: number;
  /** Path of the node with the text; without, of any. */
  prompt?: string;
  /** What people call the token. */
  word?: string;
  item?: number;
}

/** Nothing where the run has no map of the token; why not is in the index's `note`. */
export function TokenAttention(props: TokenAttentionProps) {
  const { run, node, slot, step, prompt = "", word = `slot ${slot}`, item = 0 } = props;
  const index = useAttention(run, node);
  const graph = useGraphOf(run);
  const x0 = useStepTensors(run, node, step);
  const [asked, setAsked] = useState("");
  const [layer, setLayer] = useState("");
  const [over, setOver] = useState(70);
  if (!index?.maps.length) return null;
  const all = asksOf(index);
  const fitting = prompt ? asksWith(graph, all, prompt) : all;
  const asks = fitting.length ? fitting : all;
  const ask = asks.find((one) => nameOf(one) === asked) ?? asks[0];
  const here = index.maps.filter((map) => map.node === ask?.node && map.prompt === ask?.prompt);
  const shown = nearest(
    here.map((map) => map.step),
    step,
  );
  const maps = here.filter((map) => map.step === shown && map.tokens > slot);
  if (!ask || !maps.length) return <p className="nf-quiet">No map of this token was traced.</p>;
  const lost = maps.some((map) => !map.kept);
  if (lost) {
    return (
      <p className="nf-quiet">
        There was no room to keep all maps of this step; trace fewer steps, or fewer runs.
      </p>
    );
  }
  const chosen = maps.some((map) => map.layer === layer) ? layer : "";
  const behind = x0.x0 ?? x0.after;
  const url = (name: string) =>
    api.attentionPicture(run, { ...ask, step: shown, slot, layer: name, item });
  const text = `where “${word}” is listened to, ${chosen || "mean of all layers"}`;
  return (
    <section className="nfa" aria-label={`attention to ${word}`}>
      <figure className="nfa-whole">
        <div className="nfa-stack">
          {behind ? (
            <TensorCanvas run={run} tensor={behind} label="what the model sees at this step" />
          ) : null}
          <img
            src={url(chosen)}
            alt={text}
            className="nfa-map"
            style={behind ? { opacity: over / 100 } : {}}
            data-over={behind !== undefined}
          />
        </div>
        <figcaption>
          {shown === null ? "" : `step ${shown + 1}, `}
          {chosen || "mean of all layers"}
        </figcaption>
      </figure>
      <div className="nfa-beside">
        <div className="nfa-fields">
          {behind ? (
            <label className="nfa-field">
              map over the picture
              <input
                type="range"
                min={0}
                max={100}
                value={over}
                aria-label="how strongly the map covers the picture"
                onChange={(event) => setOver(Number(event.target.value))}
              />
            </label>
          ) : null}
          {asks.length > 1 ? (
            <label className="nfa-field">
              asked by
              <select
                className="nfi-select"
                value={nameOf(ask)}
                onChange={(event) => setAsked(event.target.value)}
              >
                {asks.map((one) => (
                  <option key={nameOf(one)}>{nameOf(one)}</option>
                ))}
              </select>
            </label>
          ) : null}
        </div>
        <fieldset className="nfa-layers">
          <legend>layer</legend>
          {["", ...maps.map((map) => map.layer)].map((name) => (
            <Layer
              key={name}
              name={name}
              size={index.layers.find((one) => one.name === name)}
              src={url(name)}
              group={`${run} ${node}`}
              chosen={name === chosen}
              choose={() => setLayer(name)}
            />
          ))}
        </fieldset>
      </div>
    </section>
  );
}

interface LayerProps {
  name: string;
  size: wire.AttentionLayer | undefined;
  src: string;
  group: string;
  chosen: boolean;
  choose: () => void;
}

function Layer({ name, size, src, group, chosen, choose }: LayerProps) {
  const grid = size ? ` ${size.height} × ${size.width}` : "";
  return (
    <label className="nfa-layer" data-chosen={chosen} title={`${name || "mean of all"}${grid}`}>
      <input type="radio" name={`layer of ${group}`} checked={chosen} onChange={choose} />
      <img src={src} alt="" loading="lazy" />
      <span>
        {name ? shortLayer(name) : "mean of all"}
        <small>{grid}</small>
      </span>
    </label>
  );
}

function nameOf({ node, prompt }: { node: string; prompt: string }): string {
  return `${node}, ${prompt}`;
}

/** `up_blocks.1.attentions.0.transformer_blocks.0.attn2` → `up 1 · 0`. */
export function shortLayer(name: string): string {
  const block = name.match(/^(down|mid|up)_blocks?(?:\.(\d+))?/);
  if (!block) return name;
  const rest =
    name
      .slice(block[0].length)
      .match(/\.\d+/g)
      ?.map((part) => part.slice(1)) ?? [];
  const inner = rest.length > 1 && rest.at(-1) === "0" ? rest.slice(0, -1) : rest;
  const place = block[2] === undefined ? block[1] : `${block[1]} ${block[2]}`;
  return [place, ...(block[1] === "mid" ? [] : inner)].join(" · ");
}

/** The traced step that tells of a step: itself, else the last before it, else the first. */
export function nearest(steps: readonly (number | null)[], step: number): number | null {
  const known = steps.filter((one): one is number => one !== null);
  if (!known.length) return null;
  const before = known.filter((one) => one <= step);
  return before.length ? Math.max(...before) : Math.min(...known);
}
