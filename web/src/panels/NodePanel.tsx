import {
  BookOpen,
  Circle,
  CornerDownLeft,
  EyeOff,
  ListPlus,
  RotateCcw,
  SkipForward,
} from "lucide-react";
import { useMemo, useState } from "react";
import { template, templates } from "../api/client";
import { enter, toggleExposed, toggleMode } from "../canvas/actions";
import { typeColour } from "../canvas/colour";
import { vars } from "../canvas/style";
import { setAbout, setTitle } from "../model/edit";
import { type GraphFile, type Json, PAD_IN, PAD_OUT, pathOf, type Scope } from "../model/graph";
import { writeJson } from "../model/json";
import { innerGraph, isLoop, linksAt, nodeAt, splitLink } from "../model/links";
import { type Port, portsOf } from "../model/ports";
import { hasField } from "../model/size";
import { viewOf } from "../model/view";
import { openTemplate } from "../store/actions";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { problemsOf, useProblems } from "../store/problems";
import { useRuns } from "../store/runs";
import { useUi } from "../store/ui";
import { useGesture } from "../widgets/gesture";
import { Widget } from "../widgets/Widget";
import { short } from "./Differences";
import { Docstring } from "./Docstring";
import { duration, size } from "./format";
import { write } from "./literals";
import { picturesOf } from "./pictures";
import { fieldId, goToNode } from "./places";
import { RunFault } from "./RunFault";
import { State } from "./State";
import { Thumbs } from "./Thumbs";

export function NodePanel() {
  const selection = useEditor((state) => state.selection);
  const scope = useEditor((state) => state.scope);
  const nodes = selection.filter((id) => !id.includes(":") && id !== PAD_IN && id !== PAD_OUT);
  const [only] = nodes;
  if (nodes.length === 1 && only)
    return <OneNode key={pathOf(scope, only)} scope={scope} id={only} />;
  if (nodes.length > 1) return <Several scope={scope} ids={nodes} />;
  return <AboutGraph />;
}

function Several({ scope, ids }: { scope: Scope; ids: readonly string[] }) {
  return (
    <>
      <h3>{ids.length} nodes are selected</h3>
      <div className="nf-row nf-wrap">
        <button type="button" className="nf-button nf-small" onClick={() => toggleMode("mute")}>
          <EyeOff size={14} aria-hidden /> Mute
        </button>
        <button type="button" className="nf-button nf-small" onClick={() => toggleMode("bypass")}>
          <SkipForward size={14} aria-hidden /> Bypass
        </button>
      </div>
      <ul className="nf-list">
        {ids.map((id) => (
          <li key={id}>
            <button type="button" className="nf-link" onClick={() => goToNode(pathOf(scope, id))}>
              {id}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function OneNode({ scope, id }: { scope: Scope; id: string }) {
  const graph = useEditor((state) => state.graph);
  const edit = useEditor((state) => state.edit);
  const catalogue = useCatalogue((state) => state.catalogue);
  const path = pathOf(scope, id);
  const gesture = useGesture(`title ${path}`);
  const node = nodeAt(graph, scope, id);
  if (!node) return <AboutGraph />;
  const ports = portsOf(graph, scope, id, catalogue);
  const spec = catalogue.nodes.get(node.type);
  const title = viewOf(graph, scope, id)?.title ?? "";
  const inside = isLoop(node) || innerGraph(node) !== undefined;
  return (
    <>
      <div className="nf-node-head">
        <input
          className="nf-title-field"
          aria-label="title"
          placeholder={ports.title}
          value={title}
          onFocus={gesture.begin}
          onChange={(event) => {
            const text = event.currentTarget.value;
            edit("Rename", (now) => setTitle(now, scope, id, text), { merge: gesture.key() });
          }}
        />
        <p className="nf-quiet nf-ids">
          <code>{path}</code> <span aria-hidden>·</span> <code>{node.type}</code>
          {spec && spec.version > 1 ? ` v${spec.version}` : ""}
        </p>
      </div>
      {ports.known ? null : (
        <p className="nf-fault">
          Nobody here knows <code>{node.type}</code>. Its values are kept; it cannot run.
        </p>
      )}
      <div className="nf-row nf-wrap">
        <button
          type="button"
          className="nf-button nf-small"
          aria-pressed={node.mode === "mute"}
          title="It does not run, nor does what needs it"
          onClick={() => toggleMode("mute")}
        >
          <EyeOff size={14} aria-hidden /> Mute
        </button>
        <button
          type="button"
          className="nf-button nf-small"
          aria-pressed={node.mode === "bypass"}
          title="It hands its first fitting input through"
          onClick={() => toggleMode("bypass")}
        >
          <SkipForward size={14} aria-hidden /> Bypass
        </button>
        {inside ? (
          <button type="button" className="nf-button nf-small" onClick={() => enter(id)}>
            <CornerDownLeft size={14} aria-hidden /> Look inside
          </button>
        ) : null}
      </div>
      <RunFacts path={path} />
      <NodeProblems path={path} />
      <section aria-label="inputs">
        {ports.inputs.map((port) => (
          <Input key={port.name} graph={graph} scope={scope} id={id} port={port} />
        ))}
      </section>
      {ports.outputs.length > 0 ? (
        <section aria-label="outputs" className="nf-ports">
          <h3>Gives</h3>
          {ports.outputs.map((port) => (
            <p key={port.name} className="nf-port">
              <span>{port.name}</span> <TypeName type={port.type} />
            </p>
          ))}
        </section>
      ) : null}
      {spec ? (
        <section aria-label="help" className="nf-help">
          <h3>
            <BookOpen size={15} aria-hidden /> What it does
          </h3>
          <Docstring text={spec.doc} />
          <Example type={node.type} />
        </section>
      ) : null}
    </>
  );
}

export function TypeName({ type }: { type: string }) {
  const catalogue = useCatalogue((state) => state.catalogue);
  return (
    <span className="nf-type" style={vars({ "--type": typeColour(type, catalogue) })}>
      <Circle size={8} aria-hidden fill="currentColor" /> {type}
    </span>
  );
}

function Input(props: { graph: GraphFile; scope: Scope; id: string; port: Port }) {
  const { graph, scope, id, port } = props;
  const path = pathOf(scope, id);
  const links = linksAt(graph, scope, { node: id, port: port.name });
  const value = nodeAt(graph, scope, id)?.params?.[port.name];
  const exposed = inputFor(graph, `${path}.${port.name}`);
  const field = hasField(port) && links.length === 0;
  const own = value !== undefined && writeJson(value) !== writeJson(port.default);
  const htmlId = fieldId(path, port.name);
  return (
    <div className="nf-field">
      <div className="nf-row">
        {field ? <label htmlFor={htmlId}>{port.name}</label> : <span>{port.name}</span>}
        <TypeName type={port.type} />
        <span className="nf-grow" />
        {field && own && !port.required ? (
          <button
            type="button"
            className="nf-icon nf-small"
            aria-label={`reset ${port.name}`}
            title={`Back to ${short((port.default ?? null) as Json)}`}
            onClick={() => write(path, port.name, undefined, "")}
          >
            <RotateCcw size={13} aria-hidden />
          </button>
        ) : null}
        {field ? (
          <button
            type="button"
            className="nf-icon nf-small"
            aria-pressed={exposed !== ""}
            aria-label={`${port.name} in the form`}
            title={exposed ? `In the form as “${exposed}”` : "Put it in the form"}
            onClick={() => toggleExposed(id, port.name)}
          >
            <ListPlus size={14} aria-hidden />
          </button>
        ) : null}
      </div>
      {field ? (
        <Widget
          id={htmlId}
          path={path}
          port={port}
          value={value}
          onChange={(next, { merge }) => write(path, port.name, next, merge)}
        />
      ) : links.length > 0 ? (
        <p className="nf-wires">
          {links.map((link) => (
            <Source key={link} link={link} scope={scope} />
          ))}
        </p>
      ) : (
        <p className={port.required ? "nf-fault nf-wires" : "nf-quiet nf-wires"}>
          {port.required ? "a wire is needed" : "no wire"}
        </p>
      )}
    </div>
  );
}

function Source({ link, scope }: { link: string; scope: Scope }) {
  const { node } = splitLink(link);
  const inLoop = ["each", "const", "state"].includes(node);
  if (inLoop) return <code>{link}</code>;
  return (
    <button
      type="button"
      className="nf-link"
      title="Go to it"
      onClick={() => goToNode(pathOf(scope, node))}
    >
      {link}
    </button>
  );
}

/** The graph's input that a port is fed by, "" for none. */
export function inputFor(graph: GraphFile, target: string): string {
  const found = Object.entries(graph.inputs ?? {}).find(([, targets]) =>
    typeof targets === "string" ? targets === target : targets.includes(target),
  );
  return found?.[0] ?? "";
}

function RunFacts({ path }: { path: string }) {
  const run = useRuns((state) => state.runs[state.shown]);
  const preview = useRuns((state) => state.previews[path]);
  const facts = run?.nodes[path];
  const error = run?.errors.find((one) => one.node === path);
  const pictures = useMemo(
    () =>
      picturesOf((run?.outputs ?? []).filter((output) => output.node.replace(/\..*/, "") === path)),
    [run?.outputs, path],
  );
  if (!facts && !error) return null;
  return (
    <section className="nf-card" aria-label="in the last run">
      {facts ? (
        <div className="nf-row nf-wrap">
          <State state={facts.state} />
          <span className="nf-quiet">
            {[
              facts.ms === undefined ? "" : duration(facts.ms),
              size(facts.bytes),
              facts.steps ? `step ${facts.step ?? 0} of ${facts.steps}` : "",
            ]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </div>
      ) : null}
      {facts?.why ? <p className="nf-why">{facts.why}</p> : null}
      {error ? <RunFault error={error} here /> : null}
      {preview ? <img className="nf-live" src={preview.url} alt="as it is now" /> : null}
      <Thumbs pictures={pictures} />
    </section>
  );
}

function NodeProblems({ path }: { path: string }) {
  const own = useProblems((state) => problemsOf(state, path));
  if (own.length === 0) return null;
  return (
    <ul className="nf-list" aria-label="problems of this node">
      {own.map((problem) => (
        <li
          key={`${problem.where} ${problem.message}`}
          className={`nf-problem nf-${problem.severity}`}
        >
          <span>
            <strong>{problem.port}</strong> {problem.message}
            {problem.hint ? <em>{problem.hint}</em> : null}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Whether a node of a type stands anywhere in a graph. */
export function uses(graph: GraphFile, type: string): boolean {
  const within = (nodes: GraphFile["nodes"]): boolean =>
    Object.values(nodes).some(
      (node) =>
        node.type === type ||
        (node.body !== undefined && within(node.body)) ||
        (typeof node.graph === "object" && within(node.graph.nodes)),
    );
  return within(graph.nodes);
}

let known: Promise<{ name: string; title: string; graph: GraphFile }[]> | null = null;

/** All templates with their graphs, read once when somebody asks for an example. */
async function allTemplates() {
  known ??= templates().then(async (list) => {
    const ready = list.filter((one) => (one.missing ?? []).length === 0);
    return Promise.all(
      ready.map(async ({ name, title }) => ({ name, title, graph: await template(name) })),
    );
  });
  known.catch(() => {
    known = null;
  });
  return known;
}

function Example({ type }: { type: string }) {
  const notify = useUi((state) => state.notify);
  const [found, setFound] = useState<{ name: string; title: string }[] | null>(null);
  const [busy, setBusy] = useState(false);
  const look = async () => {
    setBusy(true);
    try {
      setFound((await allTemplates()).filter(({ graph }) => uses(graph, type)).slice(0, 6));
    } catch (error) {
      notify("error", `The templates could not be read: ${(error as Error).message}`);
    }
    setBusy(false);
  };
  if (found === null)
    return (
      <button
        type="button"
        className="nf-button nf-small"
        aria-busy={busy}
        disabled={busy}
        onClick={() => void look()}
      >
        Example graphs
      </button>
    );
  if (found.length === 0) return <p className="nf-quiet">No template uses it yet.</p>;
  return (
    <ul className="nf-examples" aria-label="example graphs">
      {found.map(({ name, title }) => (
        <li key={name}>
          <button type="button" className="nf-link" onClick={() => void openTemplate(name)}>
            {title}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** With nothing selected: what the graph itself is. */
function AboutGraph() {
  const graph = useEditor((state) => state.graph);
  const edit = useEditor((state) => state.edit);
  const gesture = useGesture("about");
  const count = Object.keys(graph.nodes).length;
  return (
    <>
      <p className="nf-hint">Select a node to see its help, its values and what its run told.</p>
      <div className="nf-field">
        <label htmlFor="graph-title">Title of the graph</label>
        <input
          id="graph-title"
          className="w-text"
          value={graph.title ?? ""}
          onFocus={gesture.begin}
          onChange={(event) => {
            const title = event.currentTarget.value;
            edit("Title", (now) => setAbout(now, { title }), { merge: gesture.key() });
          }}
        />
      </div>
      <div className="nf-field">
        <label htmlFor="graph-about">Description</label>
        <textarea
          id="graph-about"
          className="w-area"
          rows={4}
          value={graph.description ?? ""}
          onFocus={gesture.begin}
          onChange={(event) => {
            const description = event.currentTarget.value;
            edit("Description", (now) => setAbout(now, { description }), { merge: gesture.key() });
          }}
        />
      </div>
      <p className="nf-quiet">
        {count} {count === 1 ? "node" : "nodes"} ·{" "}
        {Object.keys(graph.inputs ?? {}).join(", ") || "nothing in the form"}
      </p>
    </>
  );
}
