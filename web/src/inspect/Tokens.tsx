/** A prompt as its text encoders read it, and where in the picture one piece is listened to. */

import { useEffect, useMemo, useState } from "react";
import * as api from "../api/client";
import { nodeByPath } from "../model/links";
import type * as wire from "../protocol";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import { useScrub } from "../store/scrub";
import { checkpointOf } from "../widgets/TokenCount";
import { NoTrace } from "./Scrubber";
import { TokenAttention, useAttention } from "./TokenAttention";
import { promptNodes } from "./words";

interface Chosen {
  encoder: number;
  piece: number;
}

export function Tokens() {
  const graph = useEditor((state) => state.graph);
  const selection = useEditor((state) => state.selection);
  const catalogue = useCatalogue((state) => state.catalogue);
  const prompts = useMemo(() => promptNodes(graph, catalogue), [graph, catalogue]);
  const [asked, setAsked] = useState("");
  const selected = prompts.find(({ path }) => selection.includes(path));
  const prompt = prompts.find(({ path }) => path === asked) ?? selected ?? prompts[0];
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const node = prompt && nodeByPath(graph, prompt.path);
  const text = prompt ? String(node?.params?.[prompt.port] ?? "") : "";
  const { answer, fault } = useTokens(text, prompt ? checkpointOf(graph, prompt.path) : "");
  if (!prompt) return <p className="nf-quiet">No node of this graph has a prompt.</p>;
  const encoder = answer?.texts[chosen?.encoder ?? -1];
  const piece = encoder?.pieces[chosen?.piece ?? -1];
  return (
    <div className="nfi-tokens">
      <div className="nfi-row">
        <label className="nfi-field">
          prompt
          <select
            className="nfi-select"
            value={prompt.path}
            onChange={(event) => {
              setAsked(event.target.value);
              setChosen(null);
            }}
          >
            {prompts.map(({ path, port }) => (
              <option key={`${path}.${port}`}>{path}</option>
            ))}
          </select>
        </label>
        {fault ? <span className="nf-fault">{fault}</span> : null}
      </div>
      {piece && encoder ? (
        <Attention prompt={prompt.path} piece={piece} length={encoder.length} />
      ) : null}
      {answer?.texts.map((one, k) => (
        <Encoder
          // biome-ignore lint/suspicious/noArrayIndexKey: an encoder reads several texts
          key={k}
          text={one}
          chosen={chosen?.encoder === k ? chosen.piece : -1}
          choose={(at) => setChosen(at < 0 ? null : { encoder: k, piece: at })}
        />
      ))}
    </div>
  );
}

function useTokens(text: string, checkpoint: string) {
  const [told, setTold] = useState<{ answer?: wire.TokenizeAnswer; fault: string }>({ fault: "" });
  useEffect(() => {
    if (!checkpoint) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      api.tokenize(text, checkpoint, stop.signal).then(
        (answer) => setTold({ answer, fault: "" }),
        (error: unknown) => {
          if (error instanceof api.ApiError) setTold({ fault: error.message });
        },
      );
    }, 250);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, checkpoint]);
  return told;
}

function Encoder(props: {
  text: wire.TokenizedText;
  chosen: number;
  choose: (piece: number) => void;
}) {
  const { text, chosen, choose } = props;
  const chunks = [...grouped(text.pieces)];
  const own = text.pieces.filter((piece) => !piece.special).length;
  return (
    <section>
      <h3 className="nfi-h">
        {text.encoder}: {own} pieces in {chunks.length} × {text.length} slots
        {text.note ? ` (${text.note})` : ""}
      </h3>
      {chunks.map(([number, entries]) => {
        const shown = entries.filter(([, piece]) => piece.special !== "pad");
        const padding = entries.length - shown.length;
        return (
          <ul key={number} className="nfi-chunk" aria-label={`chunk ${number + 1}`}>
            {shown.map(([at, piece]) => (
              <li key={at}>
                <Token
                  piece={piece}
                  pressed={at === chosen}
                  press={() => choose(at === chosen ? -1 : at)}
                />
              </li>
            ))}
            {padding ? (
              <li>
                <span className="nfi-token" data-special="true">
                  + {padding} <small>padding</small>
                </span>
              </li>
            ) : null}
          </ul>
        );
      })}
    </section>
  );
}

function grouped(pieces: readonly wire.TokenPiece[]): Map<number, [number, wire.TokenPiece][]> {
  const made = new Map<number, [number, wire.TokenPiece][]>();
  for (const [at, piece] of pieces.entries()) {
    const list = made.get(piece.chunk) ?? [];
    list.push([at, piece]);
    made.set(piece.chunk, list);
  }
  return made;
}

/** Without the tokenizer's marks of where a word ends or begins. */
function bareText(text: string): string {
  return text.replace("</w>", "").replace("▁", "") || "␣";
}

function Token(props: { piece: wire.TokenPiece; pressed: boolean; press: () => void }) {
  const { piece, pressed, press } = props;
  const weight = piece.weight === 1 ? "" : ` × ${piece.weight}`;
  const name = piece.special || bareText(piece.text);
  return (
    <button
      type="button"
      className="nfi-token"
      data-special={piece.special !== ""}
      aria-pressed={pressed}
      aria-label={`${name}, id ${piece.id}, slot ${piece.slot}${weight ? `, weight ${piece.weight}` : ""}`}
      title={`${piece.text} · id ${piece.id} · slot ${piece.slot} of chunk ${piece.chunk + 1}`}
      onClick={press}
    >
      <b>{name}</b>
      <small>
        {piece.id}
        {weight ? <span className="nfi-weight">{weight}</span> : null}
      </small>
    </button>
  );
}

// ── attention ───────────────────────────────────────────────────────────────────────────────────

/** Where in the picture a piece is listened to, where the run was traced whole. */
function Attention(props: { prompt: string; piece: wire.TokenPiece; length: number }) {
  const { prompt, piece, length } = props;
  const run = useRuns((state) => state.shown);
  const { node, step } = useScrub();
  const index = useAttention(run, node);
  const slot = piece.chunk * length + piece.slot;
  const word = bareText(piece.text);
  return (
    <section>
      <h3 className="nfi-h">
        Attention to “{word}”, slot {slot}
      </h3>
      {index?.maps.length ? (
        <TokenAttention {...{ run, node, slot, step, prompt, word }} />
      ) : (
        <NoTrace
          what={`${index?.note ? `${index.note}. ` : ""}Where a word is listened to is kept by a run that keeps every value.`}
          level="full"
        />
      )}
    </section>
  );
}
