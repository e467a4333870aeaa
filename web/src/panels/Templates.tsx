import { CircleAlert, Search, Workflow } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { templates } from "../api/client";
import type { Template } from "../protocol";
import { openTemplate } from "../store/actions";
import { useUi } from "../store/ui";
import { Dialog } from "./Dialog";

/** Lessons first; the others in the order of the server, which is one of learning. */
export function sectioned(list: readonly Template[]): [string, Template[]][] {
  const sections = new Map<string, Template[]>();
  for (const template of list) {
    const own = sections.get(template.section);
    if (own) own.push(template);
    else sections.set(template.section, [template]);
  }
  const lesson = (name: string) => (/^(learn|lessons?)$/i.test(name) ? 0 : 1);
  return [...sections].sort(([a], [b]) => lesson(a) - lesson(b));
}

export function found(list: readonly Template[], search: string): Template[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return list.filter((one) => {
    const text = `${one.name} ${one.title} ${one.description} ${one.section}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export function useTemplates(): { list: readonly Template[] | null; fault: string } {
  const [list, setList] = useState<readonly Template[] | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    let wanted = true;
    templates().then(
      (got) => wanted && setList(got),
      (error: Error) => wanted && setFault(error.message),
    );
    return () => {
      wanted = false;
    };
  }, []);
  return { list, fault };
}

export function Templates() {
  const close = useUi((state) => state.closeOverlay);
  const { list, fault } = useTemplates();
  const [search, setSearch] = useState("");
  const shown = useMemo(() => sectioned(found(list ?? [], search)), [list, search]);
  const [section, setSection] = useState("");
  const all = useMemo(() => sectioned(list ?? []).map(([name]) => name), [list]);
  const open = (template: Template) => {
    close();
    void openTemplate(template.name);
  };
  return (
    <Dialog title="Templates and lessons" onClose={close} size="large">
      <div className="nf-browse">
        <div className="nf-search">
          <Search size={16} aria-hidden />
          <input
            type="search"
            data-autofocus
            aria-label="search templates"
            placeholder="Search"
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
            onKeyDown={(event) => {
              const [first] = shown[0]?.[1] ?? [];
              if (event.key === "Enter" && first) open(first);
            }}
          />
        </div>
        <div className="nf-chips" role="radiogroup" aria-label="section">
          {["", ...all].map((name) => (
            // biome-ignore lint/a11y/useSemanticElements: a chip is no round button
            <button
              key={name}
              type="button"
              role="radio"
              aria-checked={section === name}
              className="nf-filter"
              onClick={() => setSection(name)}
            >
              {name || "all"}
            </button>
          ))}
        </div>
      </div>
      <div className="nf-scroll">
        {fault ? <p className="nf-fault">{fault}</p> : null}
        {list === null && !fault ? <p className="nf-quiet">looking …</p> : null}
        {list !== null && shown.length === 0 ? (
          <p className="nf-empty">Nothing is called “{search}”.</p>
        ) : null}
        {shown
          .filter(([name]) => section === "" || section === name)
          .map(([name, templates]) => (
            <section key={name} aria-label={name}>
              <h3 className="nf-section">{name}</h3>
              <div className="nf-cards">
                {templates.map((template) => (
                  <TemplateCard key={template.name} template={template} onOpen={open} />
                ))}
              </div>
            </section>
          ))}
      </div>
    </Dialog>
  );
}

export function TemplateCard(props: { template: Template; onOpen(template: Template): void }) {
  const { template, onOpen } = props;
  const missing = template.missing ?? [];
  return (
    <button type="button" className="nf-template" onClick={() => onOpen(template)}>
      <span className="nf-template-picture">
        {template.picture ? (
          <img src={template.picture} alt="" loading="lazy" />
        ) : (
          <Workflow size={22} aria-hidden />
        )}
      </span>
      <span className="nf-template-text">
        <strong>{template.title || template.name}</strong>
        <span className="nf-clamp">{template.description}</span>
        {missing.length > 0 ? (
          <span className="nf-missing">
            <CircleAlert size={13} aria-hidden /> needs {missing.slice(0, 2).join(", ")}
            {missing.length > 2 ? ` and ${missing.length - 2} more` : ""}
          </span>
        ) : null}
      </span>
    </button>
  );
}
