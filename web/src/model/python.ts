/** A graph as a Python program that builds the same graph with `GraphBuilder`, and runs it. */

import { freshName } from "./files";
import { GROUP, type GraphFile, type Json, type LinkText, type NodeFile } from "./graph";
import { innerGraph, isLoop, sourcesOf, splitLink } from "./links";

const KEYWORDS = new Set(
  (
    "False None True and as assert async await break class continue def del elif else except " +
    "finally for from global if import in is lambda nonlocal not or pass raise return try while " +
    "with yield match case type graph result nodeflow GraphBuilder print list dict str int float"
  ).split(" "),
);

/** A JSON value as a Python literal. */
export function literal(value: Json): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "None";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  const entries = Object.entries(value).map(([key, item]) => `${literal(key)}: ${literal(item)}`);
  return `{${entries.join(", ")}}`;
}

class Writer {
  readonly lines: string[] = [];
  readonly modules = new Set<string>();
  readonly #taken = new Set(KEYWORDS);

  name(wanted: string): string {
    const word = wanted.replace(/\W/gu, "_").replace(/^(?=\d)/, "n") || "node";
    const name = freshName(word, (other) => this.#taken.has(other));
    this.#taken.add(name);
    return name;
  }

  /** The graph of a file under a new name; that name. */
  graph(file: GraphFile, wanted: string): string {
    const builder = this.name(wanted);
    const about = [
      file.title ? `title=${literal(file.title)}` : "",
      file.description ? `description=${literal(file.description)}` : "",
    ].filter(Boolean);
    this.lines.push(`${builder} = GraphBuilder(${about.join(", ")})`);
    const names = this.#scope(file.nodes, builder, new Map(), false);
    for (const [name, targets] of Object.entries(file.inputs ?? {})) {
      const list = typeof targets === "string" ? [targets] : targets;
      this.lines.push(`${builder}.input(${[name, ...list].map(literal).join(", ")})`);
    }
    for (const [name, link] of Object.entries(file.outputs ?? {})) {
      if (link) this.lines.push(`${builder}.output(${literal(name)}, ${wire(link, names)})`);
    }
    return builder;
  }

  #scope(
    nodes: Record<string, NodeFile>,
    builder: string,
    given: ReadonlyMap<string, string>,
    inLoop: boolean,
  ): Map<string, string> {
    const names = new Map(given);
    for (const id of order(nodes, inLoop)) {
      const node = nodes[id];
      if (!node) continue;
      if (isLoop(node)) this.#loop(id, node, builder, names);
      else this.#node(id, node, builder, names);
    }
    return names;
  }

  #node(id: string, node: NodeFile, builder: string, names: Map<string, string>): void {
    const ports = [
      ...Object.entries(node.params ?? {}).map(([port, value]) => [port, literal(value)] as const),
      ...Object.entries(node.links ?? {}).map(
        ([port, link]) => [port, wires(link, names)] as const,
      ),
    ];
    const rest = ports.map(([port, text]) => `, ${port}=${text}`).join("");
    if (node.mode) this.lines.push(`# in the editor the next node has the mode ${node.mode}`);
    if (node.type === GROUP) {
      const inner = innerGraph(node);
      const made = inner ? `${this.graph(inner, `${id}_graph`)}.build()` : loaded(node);
      names.set(id, this.name(id));
      this.lines.push(`${names.get(id)} = ${builder}.graph(${made}, ${literal(id)}${rest})`);
      return;
    }
    const cut = node.type.lastIndexOf(".");
    const module = node.type.slice(0, cut);
    this.modules.add(module);
    const call = `${moduleName(module)}.${node.type.slice(cut + 1)}`;
    names.set(id, this.name(id));
    this.lines.push(`${names.get(id)} = ${builder}.add(${call}, ${literal(id)}${rest})`);
  }

  #loop(id: string, node: NodeFile, outer: string, names: Map<string, string>): void {
    const loop = this.name(`${id}_loop`);
    this.lines.push("", `${loop} = ${outer}.loop(${literal(id)})`);
    const given = new Map<string, string>();
    const enter = (kind: "each" | "const" | "state", name: string, link: LinkText) => {
      const inside = this.name(`${id}_${name}`);
      given.set(`${kind}.${name}`, inside);
      this.lines.push(`${inside} = ${loop}.${kind}(${literal(name)}, ${wire(link, names)})`);
    };
    for (const [name, link] of Object.entries(node.each ?? {})) enter("each", name, link);
    for (const [name, link] of Object.entries(node.const ?? {})) enter("const", name, link);
    for (const [name, { init }] of Object.entries(node.state ?? {})) enter("state", name, init);
    const inner = this.#scope(node.body ?? {}, loop, given, true);
    const pairs = (entries: [string, LinkText][]) =>
      entries.map(([name, link]) => `${literal(name)}: ${wire(link, inner)}`).join(", ");
    const states = Object.entries(node.state ?? {});
    const next = pairs(states.map(([name, { next: link }]) => [name, link]));
    const collect = pairs(Object.entries(node.collect ?? {}));
    const ends = [next ? `next={${next}}` : "", collect ? `collect={${collect}}` : ""];
    names.set(id, this.name(id));
    this.lines.push(`${names.get(id)} = ${loop}.close(${ends.filter(Boolean).join(", ")})`, "");
  }
}

function moduleName(module: string): string {
  return `${module.replace(/\W/g, "_")}_nodes`;
}

function loaded(node: NodeFile): string {
  return typeof node.graph === "string" ? `nodeflow.load(${literal(node.graph)})` : "None";
}

function wire(link: LinkText, names: ReadonlyMap<string, string>): string {
  const given = names.get(link);
  if (given !== undefined) return given;
  const { node, port } = splitLink(link);
  return `${names.get(node) ?? "missing"}[${literal(port)}]`;
}

function wires(link: LinkText | LinkText[], names: ReadonlyMap<string, string>): string {
  if (typeof link === "string") return wire(link, names);
  return `[${link.map((one) => wire(one, names)).join(", ")}]`;
}

/** Ids, each after what it reads; as in the file where that leaves it open. */
function order(nodes: Record<string, NodeFile>, inLoop: boolean): string[] {
  const done = new Set<string>();
  const ordered: string[] = [];
  for (const first of Object.keys(nodes)) {
    const pending = [first];
    const open = new Set<string>();
    while (pending.length) {
      const id = pending.at(-1) ?? "";
      const node = nodes[id];
      const ahead =
        node && !open.has(id)
          ? sourcesOf(id, node, inLoop).filter((source) => source in nodes && !done.has(source))
          : [];
      open.add(id);
      if (ahead.length) {
        pending.push(...ahead.reverse());
        continue;
      }
      pending.pop();
      if (!done.has(id)) ordered.push(id);
      done.add(id);
    }
  }
  return ordered;
}

/** The program, whole. */
export function pythonOf(graph: GraphFile): string {
  const writer = new Writer();
  const builder = writer.graph(graph, "builder");
  const imports = [...writer.modules].sort().map((module) => {
    // A pack's module is where the operator put it; there the line needs a hand.
    const path = module.includes(":") ? module.split(":").join(".") : `nodes.${module}`;
    return `import ${path} as ${moduleName(module)}`;
  });
  const body = writer.lines.join("\n").replace(/\n{3,}/g, "\n\n");
  const title = (graph.title ?? "A graph").replaceAll("\\", "\\\\").replaceAll('"', "'");
  return [
    `"""${title}"""`,
    "",
    "import nodeflow",
    ...imports,
    "from nodeflow.builder import GraphBuilder",
    "",
    body,
    "",
    `graph = ${builder}.build()`,
    "",
    'if __name__ == "__main__":',
    "    result = nodeflow.run(graph)",
    "    print(result)",
    "",
  ].join("\n");
}
