import { writeJson } from "../model/json";
import { splitTarget } from "../model/links";
import { declaredPort } from "../model/ports";
import { hasField } from "../model/size";
import { useCatalogue } from "../store/catalogue";
import { useEditor } from "../store/editor";
import { useRuns } from "../store/runs";
import { Widget } from "../widgets/Widget";
import { declaredValue, targetsOf, writeDeclared } from "./literals";
import { picturesOf } from "./pictures";
import { Running, titleOf } from "./Queue";
import { RunButton } from "./RunButton";
import { RunFault } from "./RunFault";
import { Thumbs } from "./Thumbs";

/** `guidance_scale` as a label. */
export function labelOf(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The graph as a form: what it asks for, a button, and its pictures. */
export function Form() {
  const graph = useEditor((state) => state.graph);
  const catalogue = useCatalogue((state) => state.catalogue);
  const names = Object.keys(graph.inputs ?? {});
  return (
    <div className="nf-form">
      {graph.title ? <h3>{graph.title}</h3> : null}
      {graph.description ? <p className="nf-quiet">{graph.description}</p> : null}
      {names.length === 0 ? (
        <div className="nf-empty">
          <p>This graph asks for nothing yet.</p>
          <p className="nf-quiet">
            Select a node and press “in the form” beside one of its values; it appears here.
          </p>
        </div>
      ) : null}
      {names.map((name) => {
        const port = declaredPort(graph, [], graph, name, catalogue);
        const first = targetsOf(graph, name)[0] ?? "";
        const { node } = splitTarget(first);
        if (!hasField(port))
          return (
            <p key={name} className="nf-quiet">
              {labelOf(name)} ({port.type}) is given by a wire only.
            </p>
          );
        const id = `form-${name}`;
        return (
          <div key={name} className="nf-field">
            <label htmlFor={id}>{labelOf(name)}</label>
            <Widget
              id={id}
              path={node}
              // Seeds are told apart by the port they stand at.
              port={{ ...port, name: splitTarget(first).port }}
              label={labelOf(name)}
              value={declaredValue(graph, name)}
              onChange={(value, { merge }) => writeDeclared(name, value, merge)}
            />
          </div>
        );
      })}
      <div className="nf-form-run">
        <RunButton wide />
      </div>
      <Results />
    </div>
  );
}

/** What the last run makes or made. */
export function Results() {
  const run = useRuns((state) => state.runs[state.shown]);
  const preview = useRuns((state) =>
    Object.values(state.previews).find((one) => one.run === state.shown),
  );
  if (!run) return null;
  const pictures = picturesOf(run.outputs);
  const values = run.outputs.filter((output) => output.files.length === 0 && output.value !== null);
  const busy = run.state === "running" || run.state === "queued" || run.state === "paused";
  return (
    <section aria-label="results" className="nf-results">
      {busy ? <Running id={run.run} run={run} /> : null}
      {busy && preview && pictures.length === 0 ? (
        <img
          className="nf-live"
          src={preview.url}
          alt={`step ${preview.step} of ${preview.steps}`}
        />
      ) : null}
      {run.errors.map((error) => (
        <RunFault key={`${error.path} ${error.port} ${error.code}`} error={error} />
      ))}
      {run.state === "failed" && run.errors.length === 0 ? (
        <p className="nf-fault">{run.reason || `${titleOf(run, run.run)} failed`}</p>
      ) : null}
      <Thumbs pictures={pictures} large />
      {values.map((output) => (
        <div key={output.name} className="nf-value">
          <strong>{labelOf(output.name)}</strong>
          <pre>{typeof output.value === "string" ? output.value : writeJson(output.value, 2)}</pre>
        </div>
      ))}
    </section>
  );
}
