import { type Node, type NodeProps, NodeResizeControl, ResizeControlVariant } from "@xyflow/react";
import {
  AlertCircle,
  Ban,
  Check,
  CircleDashed,
  CircleSlash,
  Clock,
  CornerDownRight,
  Database,
  LogIn,
  type LucideIcon,
  Pause,
  Pin,
  SkipForward,
  VolumeX,
} from "lucide-react";
import { createContext, type MouseEvent, memo, useContext } from "react";
import { fileUrl } from "../api/client";
import { StepFace } from "../inspect/StepFace";
import { setParam, setTitle } from "../model/edit";
import { type Json, PAD_IN, PAD_OUT } from "../model/graph";
import { writeJson } from "../model/json";
import type { Port } from "../model/ports";
import { type CardRow, LABEL, MINIMUM_WIDTH } from "../model/size";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { type OutputFile, useRuns } from "../store/runs";
import { useUi } from "../store/ui";
import { Widget } from "../widgets/Widget";
import { stepsOf } from "./breakpoints";
import { useChanged } from "./changed";
import { categoryColour, typeColour, typeShape } from "./colour";
import type { CardData } from "./derive";
import { problemAt, problemText, useNodeProblems } from "./problems";
import { duration, useNodeRun, useNodeState, useNodeTold, useRunError } from "./runState";
import { Socket, wireName } from "./Socket";
import { useCanvasStore } from "./store";
import { vars } from "./style";

/** "far": one is so far away that only titles and sockets are drawn; "painted": and these with the
 * wires, in one picture. */
export const Far = createContext<"" | "far" | "painted">("");

type Props = NodeProps<Node<CardData, "card">>;

/** Drawn anew only if what it shows changed: not when it is moved. */
export const NodeCard = memo(Card, (a, b) => a.data === b.data && a.selected === b.selected);

function Card({ data, selected }: Props) {
  const far = useContext(Far);
  const state = useNodeState(data.path);
  const { layout, node, ports } = data;
  const kind = kindOf(data);
  return (
    <div
      className={`card card-${kind}`}
      data-state={state}
      data-mode={node?.mode ?? ""}
      data-known={ports.known}
      data-selected={selected}
      data-far={far !== ""}
      style={{
        ...vars({ "--cat": data.view.colour || categoryColour(ports.category) }),
        width: layout.width,
        height: layout.height,
      }}
    >
      <Name data={data} selected={selected} />
      {far ? (
        <FarFace data={data} painted={far === "painted"} />
      ) : (
        <NearFace data={data} selected={selected} />
      )}
    </div>
  );
}

function kindOf(data: CardData): string {
  if (data.id === PAD_IN || data.id === PAD_OUT) return "pad";
  return data.inside >= 0 ? "group" : "node";
}

/** The node's name for those who hear it: "Title id, type, state", and whether it is selected: a
 * group has no attribute that says so. */
function Name({ data, selected }: { data: CardData; selected: boolean }) {
  const told = useNodeTold(data.path);
  const mode = data.node?.mode;
  const parts = [`${data.title} ${toldId(data)}`.trim(), data.node?.type ?? ""];
  if (mode) parts.push(mode === "mute" ? "muted" : "bypassed");
  if (!data.ports.known) parts.push("unknown type");
  if (data.node) parts.push(told);
  if (selected) parts.push("selected");
  return (
    <span id={`name:${data.path}`} className="unseen">
      {parts.filter(Boolean).join(", ")}
    </span>
  );
}

function FarFace({ data, painted }: { data: CardData; painted: boolean }) {
  const catalogue = useCatalogue((s) => s.catalogue);
  return (
    <>
      <div className="card-far-title">{data.title}</div>
      {(painted ? [] : data.layout.handles).map((place) => {
        const list = place.type === "source" ? data.ports.outputs : data.ports.inputs;
        const type = list.find((port) => port.name === place.id)?.type ?? "?";
        // The canvas measures wires' ends at elements of these classes.
        return (
          <i
            key={`${place.type}.${place.id}`}
            className={`dot ${place.type}`}
            data-handleid={place.id}
            data-handlepos={place.type === "source" ? "right" : "left"}
            data-shape={typeShape(type, catalogue)}
            style={{
              ...vars({ "--socket": typeColour(type, catalogue) }),
              left: place.x,
              top: place.y,
              width: place.width,
              height: place.height,
            }}
          />
        );
      })}
    </>
  );
}

function NearFace({ data, selected }: { data: CardData; selected: boolean }) {
  const { layout } = data;
  const collapsed = Boolean(data.view.collapsed);
  return (
    <>
      <Title data={data} />
      {collapsed ? (
        <CollapsedSockets data={data} selected={selected} />
      ) : (
        layout.rows.map((row) => (
          <Row
            key={`${row.input?.name ?? ""}|${row.output?.name ?? ""}`}
            data={data}
            row={row}
            selected={selected}
          />
        ))
      )}
      {data.inside >= 0 && !collapsed && <Inside data={data} />}
      <Below data={data} />
      {selected && data.node && !collapsed && (
        <NodeResizeControl
          position="right"
          variant={ResizeControlVariant.Line}
          minWidth={MINIMUM_WIDTH}
          maxWidth={640}
          resizeDirection="horizontal"
          className="card-resize"
        />
      )}
    </>
  );
}

/** The id tells two of a kind apart, and wires are named by it; "" where the title says it. */
function toldId(data: CardData): string {
  const same = data.title.toLowerCase().replaceAll(" ", "_") === data.id;
  return data.node && !same ? data.id : "";
}

// ── title ───────────────────────────────────────────────────────────────────────────────────────

function Title({ data }: { data: CardData }) {
  const writing = useCanvasStore((s) => s.writing === data.id);
  const changed = useChanged(data.path);
  const told = toldId(data);
  return (
    <header
      className="card-title"
      title={data.node ? `${data.node.type} · ${data.id}` : data.title}
    >
      <span className="card-swatch" aria-hidden="true" />
      {writing ? (
        <TitleField data={data} />
      ) : (
        <span className="card-name">
          {data.title}
          {data.ports.known ? "" : " (unknown)"}
          {told && <small className="card-id">{told}</small>}
        </span>
      )}
      <Breakpoint path={data.path} />
      {changed && (
        <span
          className="card-changed"
          title="Changed since this run"
          role="img"
          aria-label="changed since this run"
        />
      )}
      {data.node?.mode && <Mode mode={data.node.mode} />}
      <StateMark path={data.path} />
    </header>
  );
}

function TitleField({ data }: { data: CardData }) {
  const done = (text: string | null) => {
    useCanvasStore.setState({ writing: "" });
    if (text === null || text === data.title) return;
    const { scope, edit } = useEditor.getState();
    edit("Rename", (graph) => setTitle(graph, scope, data.id, text.trim()));
  };
  return (
    <input
      className="card-name-field nodrag nopan"
      aria-label={`Title of ${data.id}`}
      defaultValue={data.title}
      placeholder={data.ports.title}
      // biome-ignore lint/a11y/noAutofocus: the person asked to write here
      autoFocus
      onFocus={(event) => event.target.select()}
      onBlur={(event) => done(event.target.value)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key === "Escape") {
          event.currentTarget.value = data.title;
          event.currentTarget.blur();
        }
      }}
    />
  );
}

function Mode({ mode }: { mode: "mute" | "bypass" }) {
  const Icon = mode === "mute" ? VolumeX : CornerDownRight;
  const text =
    mode === "mute" ? "Muted: it does not run" : "Bypassed: its input is handed straight through";
  return (
    <span className="card-mode" title={text}>
      <Icon size={14} aria-hidden="true" />
    </span>
  );
}

function Breakpoint({ path }: { path: string }) {
  const breakpoints = useRuns((s) => s.breakpoints);
  const steps = stepsOf(breakpoints, path).map((step) => step + 1);
  const whole = breakpoints.includes(path);
  if (!whole && !steps.length) return null;
  const inside = steps.length ? `step ${steps.join(", ")}` : "";
  const text = `The run stops before ${[whole ? "this node" : "", inside].filter(Boolean).join(" and ")}`;
  return <span className="card-break" title={text} role="img" aria-label={text} />;
}

const MARKS: Record<string, LucideIcon> = {
  queued: CircleDashed,
  done: Check,
  cached: Database,
  error: AlertCircle,
  skipped: SkipForward,
  stopped: CircleSlash,
  paused: Pause,
};

/** How it stands with the node in the run one looks at. */
function StateMark({ path }: { path: string }) {
  const run = useNodeRun(path);
  const state = useNodeState(path);
  const told = useNodeTold(path);
  if (!run && !state) return null;
  if (state === "running") {
    const share = run?.steps ? (run.step ?? 0) / run.steps : 0;
    return (
      <span className="card-state" data-state="running" title={told}>
        {run?.steps ? `${run.step ?? 0}/${run.steps}` : ""}
        <span
          className="ring"
          style={vars({ "--share": share })}
          data-known={Boolean(run?.steps)}
        />
      </span>
    );
  }
  const Icon = MARKS[state] ?? Clock;
  return (
    <span className="card-state" data-state={state} title={told}>
      {state === "done" && run?.ms !== undefined ? duration(run.ms) : ""}
      <Icon size={14} aria-hidden="true" />
      <span className="unseen">{told}</span>
    </span>
  );
}

// ── rows ────────────────────────────────────────────────────────────────────────────────────────

function endsAt(data: CardData, port: Port, side: "source" | "target"): readonly string[] {
  return (side === "source" ? data.readers[port.name] : data.fed[port.name]) ?? [];
}

function Row({ data, row, selected }: { data: CardData; row: CardRow; selected: boolean }) {
  const problem = useNodeProblems(data.path);
  const error = useRunError(data.path);
  const { input, output } = row;
  const middle = 2;
  const wrong = input ? problemAt(problem, input.name) : undefined;
  const failed = Boolean(input && error?.port === input.name);
  return (
    <div
      className="row"
      data-bad={failed || wrong?.severity === "error"}
      data-tall={row.height > 40}
      style={{ top: row.y, height: row.height }}
    >
      {input && (
        <Socket
          node={data.id}
          port={input}
          side="target"
          y={middle}
          ends={endsAt(data, input, "target")}
          tabbable={selected}
        />
      )}
      {input && <PortName port={input} />}
      {input && <Badge data={data} port={input.name} />}
      {input && <Value data={data} port={input} row={row} />}
      {wrong && (
        <span
          className="row-problem"
          title={problemText(wrong)}
          role="img"
          aria-label={problemText(wrong)}
        >
          !
        </span>
      )}
      {output && <Declared data={data} port={output.name} />}
      {output && <PortName port={output} out />}
      {output && (
        <Socket
          node={data.id}
          port={output}
          side="source"
          y={middle}
          ends={endsAt(data, output, "source")}
          tabbable={selected}
        />
      )}
    </div>
  );
}

/** `each.step` as what it is and which one. */
function PortName({ port, out = false }: { port: Port; out?: boolean }) {
  const match = /^(each|const|state|next|collect)\.(.*)$/.exec(port.name);
  return (
    <span className={`row-name ${out ? "row-out" : "row-in"}`}>
      {match ? (
        <>
          <small>{match[1]}</small> {match[2]}
        </>
      ) : (
        port.name.replaceAll("_", " ")
      )}
    </span>
  );
}

/** The port's value: a field, or where it comes from. */
function Value({ data, port, row }: { data: CardData; port: Port; row: CardRow }) {
  const links = data.fed[port.name];
  const literal = data.node?.params?.[port.name];
  if (row.widget) {
    return (
      <div
        className="row-field nodrag nopan nowheel"
        style={row.height > 40 ? { top: LABEL } : undefined}
      >
        <Widget
          path={data.path}
          port={port}
          value={literal}
          onChange={(value, { merge }) => write(data.id, port.name, value, merge)}
          compact
        />
      </div>
    );
  }
  if (links && port.widget) return <span className="row-wire">{wireName(links)}</span>;
  // A placeholder keeps the values of ports that nobody here knows.
  if (!links && literal !== undefined) return <code className="row-kept">{short(literal)}</code>;
  return null;
}

function write(id: string, port: string, value: Json | undefined, merge: string): void {
  const { scope, edit } = useEditor.getState();
  edit(`Set ${port}`, (graph) => setParam(graph, scope, id, port, value), { merge });
}

function short(value: Json): string {
  const text = typeof value === "string" ? value : writeJson(value);
  return text.length > 28 ? `${text.slice(0, 27)}…` : text;
}

function Badge({ data, port }: { data: CardData; port: string }) {
  const name = data.exposed[port];
  if (name === undefined) return null;
  const text = `Input “${name}” of the graph`;
  return (
    <span className="row-badge" title={text} role="img" aria-label={text}>
      <Pin size={11} aria-hidden="true" />
    </span>
  );
}

function Declared({ data, port }: { data: CardData; port: string }) {
  const name = data.declared[port];
  if (name === undefined) return null;
  return (
    <span className="row-badge row-badge-out" title={`Output “${name}” of the graph`}>
      {name}
    </span>
  );
}

function CollapsedSockets({ data, selected }: { data: CardData; selected: boolean }) {
  return (
    <div className="row" style={{ top: 0, height: data.layout.height }}>
      {data.ports.inputs.map((port) => (
        <Socket
          key={`in.${port.name}`}
          node={data.id}
          port={port}
          side="target"
          y={6}
          ends={endsAt(data, port, "target")}
          tabbable={selected}
        />
      ))}
      {data.ports.outputs.map((port) => (
        <Socket
          key={`out.${port.name}`}
          node={data.id}
          port={port}
          side="source"
          y={6}
          ends={endsAt(data, port, "source")}
          tabbable={selected}
        />
      ))}
    </div>
  );
}

// ── loops, groups ───────────────────────────────────────────────────────────────────────────────

function Inside({ data }: { data: CardData }) {
  const run = useNodeRun(data.path);
  const many = `${data.inside} ${data.inside === 1 ? "node" : "nodes"}`;
  const steps = run?.steps ? ` · ${run.steps} steps` : " inside";
  return (
    <div className="card-inside">
      <span className="card-inside-told">
        {many}
        {steps}
      </span>
      <button
        type="button"
        className="card-enter nodrag nopan"
        onClick={(event: MouseEvent) => {
          event.stopPropagation();
          useEditor.getState().enter(data.id);
        }}
      >
        <LogIn size={14} aria-hidden="true" /> Enter
      </button>
      {run?.state === "running" && run.steps ? (
        <progress
          className="card-progress"
          max={run.steps}
          value={run.step ?? 0}
          aria-label={`Steps of ${data.title}`}
        />
      ) : null}
    </div>
  );
}

// ── below the card: pictures and what went wrong; never part of its size ────────────────────────

function Below({ data }: { data: CardData }) {
  const error = useRunError(data.path);
  if (!data.node) return null;
  return (
    <div className="card-below">
      {error && (
        <div className="card-error nodrag nopan" role="alert">
          <Ban size={14} aria-hidden="true" />
          <div>
            {error.port && <strong>{error.port}: </strong>}
            {error.message}
            {error.hint && <em> {error.hint}</em>}
            <button
              type="button"
              onClick={() => {
                useEditor.getState().select([data.id]);
                useUi.getState().openRight("problems");
              }}
            >
              Details
            </button>
          </div>
        </div>
      )}
      <Picture data={data} />
      <StepFace path={data.path} />
    </div>
  );
}

function Picture({ data }: { data: CardData }) {
  const preview = useRuns((s) => {
    const newest = s.previews[data.path];
    return newest?.run === s.shown ? newest : undefined;
  });
  const state = useNodeState(data.path);
  const file = useRuns((s) => pictureOf(s.runs[s.shown]?.outputs, data.path));
  const finished = file && state !== "running";
  const url = finished ? fileUrl(file.kind, file.path) : preview?.url;
  if (!url) return null;
  const told = finished
    ? `Picture from ${data.title}`
    : preview?.steps
      ? `${data.title} at step ${preview.step} of ${preview.steps}`
      : `Preview of ${data.title}`;
  return (
    <button
      type="button"
      className="card-picture nodrag nopan"
      aria-label={`${told}: open it`}
      onClick={() => {
        const picture = { url, title: finished ? file.path : told, hasGraph: finished };
        useUi.getState().openOverlay("lightbox", { pictures: [picture], index: 0 });
      }}
    >
      <img src={url} alt={told} draggable={false} />
    </button>
  );
}

function pictureOf(
  outputs: readonly { node: string; files: OutputFile[] }[] | undefined,
  path: string,
): OutputFile | undefined {
  return outputs
    ?.find((output) => output.node === path)
    ?.files.find((file) => file.media_type.startsWith("image/"));
}
