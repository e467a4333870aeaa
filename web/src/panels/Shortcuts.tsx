import { type Command, keysText, useCommands } from "../store/commands";
import { useUi } from "../store/ui";
import { Dialog } from "./Dialog";

const ORDER = ["Run", "Graph", "Edit", "Select", "View"];

export function grouped(commands: readonly Command[]): [string, Command[]][] {
  const groups = new Map<string, Command[]>();
  for (const command of commands) {
    if (!command.keys?.length) continue;
    const name = command.group ?? "Other";
    groups.set(name, [...(groups.get(name) ?? []), command]);
  }
  const place = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return [...groups].sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b));
}

/** What fields do with keys, which are no commands of the page. */
const FIELDS: [string, string][] = [
  ["Ctrl ↑ / Ctrl ↓", "in a prompt: the word or selection weighs more or less"],
  ["Shift", "dragging a slider: finely; with arrows: ten steps"],
  ["Alt + arrows", "on a number: a tenth of a step"],
  ["512*2", "in a number: worked out"],
];

export function Shortcuts() {
  const close = useUi((state) => state.closeOverlay);
  const commands = useCommands((state) => state.commands);
  return (
    <Dialog title="Keys" onClose={close} size="large">
      <div className="nf-scroll nf-keys">
        {grouped(commands).map(([name, list]) => (
          <section key={name} aria-label={name}>
            <h3 className="nf-section">{name}</h3>
            <dl>
              {list.map((command) => (
                <div key={command.id}>
                  <dt>{command.title}</dt>
                  <dd>
                    {command.keys?.map((keys) => (
                      <kbd key={keys}>{keysText(keys)}</kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <section aria-label="Fields">
          <h3 className="nf-section">Fields</h3>
          <dl>
            {FIELDS.map(([keys, what]) => (
              <div key={keys}>
                <dt>{what}</dt>
                <dd>
                  <kbd>{keys}</kbd>
                </dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </Dialog>
  );
}
