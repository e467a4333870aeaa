import { Play } from "lucide-react";
import { openTemplate, runGraph } from "../store/actions";
import { useUi } from "../store/ui";
import { Dialog } from "./Dialog";
import { sectioned, TemplateCard, useTemplates } from "./Templates";

/** The first visit: one key from a picture, and what else there is. */
export function Welcome() {
  const close = useUi((state) => state.closeOverlay);
  const openOverlay = useUi((state) => state.openOverlay);
  const { list } = useTemplates();
  const few = sectioned(list ?? [])
    .flatMap(([, templates]) => templates)
    .filter((template) => (template.missing ?? []).length === 0)
    .slice(0, 6);
  return (
    <Dialog title="Welcome to nodeflow" onClose={close} size="medium" className="nf-welcome">
      <div className="nf-scroll">
        <p className="nf-lead">
          A graph is already on the canvas. It makes a picture of what you write, out of noise, and
          every step of that is a box you can open. Change the prompt, press one key, watch.
        </p>
        <div className="nf-row nf-wrap nf-hero">
          <button
            type="button"
            className="nf-button nf-primary nf-big"
            data-autofocus
            onClick={() => {
              close();
              void runGraph();
            }}
          >
            <Play size={17} aria-hidden fill="currentColor" /> Make the first picture
          </button>
          <span className="nf-quiet">
            or <kbd>Ctrl</kbd> <kbd>Enter</kbd> at any time
          </span>
        </div>
        {few.length > 0 ? (
          <>
            <h3 className="nf-section">Or begin with one of these</h3>
            <div className="nf-cards">
              {few.map((template) => (
                <TemplateCard
                  key={template.name}
                  template={template}
                  onOpen={(one) => {
                    close();
                    void openTemplate(one.name);
                  }}
                />
              ))}
            </div>
          </>
        ) : null}
      </div>
      <footer className="nf-dialog-foot">
        <button type="button" className="nf-button" onClick={() => openOverlay("templates")}>
          All templates
        </button>
        <button type="button" className="nf-button" onClick={() => openOverlay("shortcuts")}>
          Keys
        </button>
        <span className="nf-grow" />
        <button type="button" className="nf-button" onClick={close}>
          Look around
        </button>
      </footer>
    </Dialog>
  );
}
