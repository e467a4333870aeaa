const __vite__mapDeps=(i,m=__vite__mapDeps,d=(m.f||(m.f=["./PromptEditor.js","./rolldown-runtime.js","./codemirror.js","./vendor.js","./vendor.css"])))=>i.map(i=>d[i]);
import { n as __toESM } from "./rolldown-runtime.js";
import { $ as FileBraces, $t as require_react_dom, A as Pencil, At as Ban, B as LoaderCircle, Bt as Handle, C as SaveAll, Ct as ChevronDown, D as Plus, Dt as CaretsToAxisDashedHorizontal, E as Redo2, Et as ChartLine, F as Maximize, Ft as T, G as Image, Gt as useReactFlow, H as ListPlus, Ht as NodeResizer, I as Map$1, It as stringify, J as Grid3x3, Jt as Position, K as HardDrive, Kt as useStore, L as LogIn, Lt as parse$2, M as Moon, Mt as ArrowDown, N as Monitor, Nt as create, O as Play, Ot as Brush, P as Minus, Pt as Oe, Q as FilePlusCorner, Qt as require_client, R as Lock, Rt as Background, S as Save, St as ChevronLast, T as RotateCcwClock, Tt as Check, U as Info, Ut as ReactFlowProvider, V as ListOrdered, Vt as NodeResizeControl, W as Images, Wt as index, X as FolderOpen, Xt as SelectionMode, Y as GraduationCap, Yt as ResizeControlVariant, Z as FileQuestionMark, Zt as require_jsx_runtime, _ as SkipForward, _t as CircleExclamationPoint, a as VolumeX, at as Diff, b as Settings, bt as ChevronUp, c as TriangleExclamationPoint, ct as CornerDownRight, d as Sun, dt as Columns2, en as require_react, et as FastForward, f as StepForward, ft as Clock, g as SlidersHorizontal, gt as CirclePause, h as SquareDashed, ht as CircleQuestionMark, i as WifiOff, it as Download, j as Pause, jt as ArrowUp, k as Pin, kt as BookOpen, l as Trash, lt as CornerDownLeft, m as SquarePlus, mt as CircleSlash, n as X, nt as Eraser, o as Upload, ot as Dices, p as Square, pt as Circle, q as GripVertical, qt as useStoreApi, r as Workflow, rt as Ellipsis, s as Undo2, st as Database, t as ZoomIn, tt as EyeOff, u as TextCursorInput, ut as Copy, v as Shuffle, vt as CircleDashed, w as RotateCcw, wt as ChevronFirst, x as Search$1, xt as ChevronRight, y as Share, yt as CircleCheck, z as LocateFixed, zt as BackgroundVariant } from "./vendor.js";
// src/styles/canvas.css
var import_react = /* @__PURE__ */ __toESM(require_react(), 1);
var import_client = require_client();
var GROUP = "flow.graph";
var PAD_OUT = "$out";
function emptyGraph() {
	return {
		nodeflow: 1,
		nodes: {}
	};
}
function pathOf(scope, id) {
	return [...scope, id].join("/");
}
/** The nodes that stand in a scope; undefined if there is no such place. */
function nodesIn(graph, scope) {
	let nodes = graph.nodes;
	for (const id of scope) {
		const node = nodes?.[id];
		nodes = node?.body ?? (typeof node?.graph === "object" ? node.graph.nodes : void 0);
	}
	return nodes;
}
/** The graph with the nodes of a scope replaced by what `change` makes of them. */
function withNodes(graph, scope, change) {
	const [id, ...rest] = scope;
	if (id === void 0) return {
		...graph,
		nodes: change(graph.nodes)
	};
	return {
		...graph,
		nodes: within(graph.nodes, id, rest, change)
	};
}
function within(nodes, id, rest, change) {
	const node = nodes[id];
	if (!node) throw new Error(`there is no node ${id}`);
	const [next, ...deeper] = rest;
	const inner = (of) => next === void 0 ? change(of) : within(of, next, deeper, change);
	if (node.body) return {
		...nodes,
		[id]: {
			...node,
			body: inner(node.body)
		}
	};
	if (typeof node.graph === "object") return {
		...nodes,
		[id]: {
			...node,
			graph: {
				...node.graph,
				nodes: inner(node.graph.nodes)
			}
		}
	};
	throw new Error(`${id} has no inside`);
}
// src/model/links.ts
/** Links in the file (`node.port`, `const.model`) and the wires that they are on the canvas. */
var RESERVED$2 = /* @__PURE__ */ new Set([
	"each",
	"const",
	"state"
]);
function isLoop(node) {
	return node?.type === "flow.loop" || node?.type === "flow.map";
}
function innerGraph(node) {
	return node?.type === "flow.graph" && typeof node.graph === "object" ? node.graph : void 0;
}
/** The loop or group whose inside a scope is; undefined at the top. */
function holderOf(graph, scope) {
	const id = scope.at(-1);
	return id === void 0 ? void 0 : nodesIn(graph, scope.slice(0, -1))?.[id];
}
function nodeAt(graph, scope, id) {
	return nodesIn(graph, scope)?.[id];
}
/** The node at a path `denoise/guide`. */
function nodeByPath(graph, path) {
	const parts = path.split("/");
	return nodeAt(graph, parts.slice(0, -1), parts.at(-1) ?? "");
}
/** A path cut into where it stands and its id. */
function splitPath(path) {
	const parts = path.split("/");
	return {
		scope: parts.slice(0, -1),
		id: parts.at(-1) ?? ""
	};
}
var ends = /* @__PURE__ */ new Map();
/** Links cut before, so that each is cut once: there are no more than a graph has wires. */
var MOST_ENDS = 5e4;
/** `node.port` cut at its first dot, as the engine does: `denoise/guide.scale` too. */
function splitLink(text) {
	const known = ends.get(text);
	if (known) return known;
	const dot = text.indexOf(".");
	const made = dot < 0 ? {
		node: text,
		port: ""
	} : {
		node: text.slice(0, dot),
		port: text.slice(dot + 1)
	};
	if (ends.size >= MOST_ENDS) ends.clear();
	ends.set(text, Object.freeze(made));
	return made;
}
/** A link as the end of a wire: what a loop gives its body comes from the pad. */
function endOf(link, inLoop) {
	const end = splitLink(link);
	return inLoop && RESERVED$2.has(end.node) ? {
		node: "$in",
		port: link
	} : end;
}
/** The end of a wire as the file writes it. */
function linkOf(end) {
	return end.node === "$in" ? end.port : `${end.node}.${end.port}`;
}
/** Cut an edge id into the port it ends at and, of a gathered list, which one it is. */
function wireEnd(id) {
	const hash = id.lastIndexOf("#");
	const index = hash < 0 ? NaN : Number(id.slice(hash + 1));
	if (Number.isInteger(index)) return {
		to: splitLink(id.slice(0, hash)),
		index
	};
	return { to: splitLink(id) };
}
/** What feeds a port, in the order of the file; [] where nothing does. */
function linksAt(graph, scope, to) {
	if (to.node === "$out") {
		const holder = holderOf(graph, scope);
		const inner = innerGraph(holder);
		if (inner) return present(inner.outputs?.[to.port]);
		const { node: kind, port: name } = splitLink(to.port);
		if (kind === "next") return present(holder?.state?.[name]?.next);
		return kind === "collect" ? present(holder?.collect?.[name]) : [];
	}
	const node = nodeAt(graph, scope, to.node);
	if (node && isLoop(node)) {
		const { node: kind, port: name } = splitLink(to.port);
		if (kind === "each") return present(node.each?.[name]);
		if (kind === "const") return present(node.const?.[name]);
		return kind === "state" ? present(node.state?.[name]?.init) : [];
	}
	const links = node?.links?.[to.port];
	return Array.isArray(links) ? links : present(links);
}
function present(link) {
	return link ? [link] : [];
}
var keptWires = /* @__PURE__ */ new WeakMap();
/** The wires that end at a node; the same array as long as the node is the same object. */
function wiresOfNode(id, node, inLoop) {
	const known = keptWires.get(node);
	if (known && known.id === id && known.inLoop === inLoop) return known.wires;
	const wires = [];
	const add = (port, link) => {
		if (link) wires.push({
			id: `${id}.${port}`,
			from: endOf(link, inLoop),
			to: {
				node: id,
				port
			}
		});
	};
	for (const [port, links] of Object.entries(node.links ?? {})) if (typeof links === "string") add(port, links);
	else for (const [index, link] of links.entries()) {
		const from = endOf(link, inLoop);
		wires.push({
			id: `${id}.${port}#${index}`,
			from,
			to: {
				node: id,
				port
			},
			index
		});
	}
	for (const [name, link] of Object.entries(node.each ?? {})) add(`each.${name}`, link);
	for (const [name, link] of Object.entries(node.const ?? {})) add(`const.${name}`, link);
	for (const [name, state] of Object.entries(node.state ?? {})) add(`state.${name}`, state.init);
	keptWires.set(node, {
		id,
		inLoop,
		wires
	});
	return wires;
}
/** The wires that end at the pads of a scope, or begin at those of a group. */
function padWires(graph, scope) {
	const holder = holderOf(graph, scope);
	const wires = [];
	const end = (port, link, inLoop) => {
		if (!link) return;
		const to = {
			node: PAD_OUT,
			port
		};
		wires.push({
			id: `${PAD_OUT}.${port}`,
			from: endOf(link, inLoop),
			to
		});
	};
	const inner = innerGraph(holder);
	if (inner) {
		for (const [name, link] of Object.entries(inner.outputs ?? {})) end(name, link, false);
		for (const [name, targets] of Object.entries(inner.inputs ?? {})) for (const target of typeof targets === "string" ? [targets] : targets) {
			const to = splitTarget(target);
			if (to.node.includes("/") || !inner.nodes[to.node]) continue;
			wires.push({
				id: target,
				from: {
					node: "$in",
					port: name
				},
				to
			});
		}
		return wires;
	}
	for (const [name, state] of Object.entries(holder?.state ?? {})) end(`next.${name}`, state.next, true);
	for (const [name, link] of Object.entries(holder?.collect ?? {})) end(`collect.${name}`, link, true);
	return wires;
}
/** A declared input's target, cut at its last dot: `denoise/guide.scale`. */
function splitTarget(target) {
	const dot = target.lastIndexOf(".");
	return dot < 0 ? {
		node: target,
		port: ""
	} : {
		node: target.slice(0, dot),
		port: target.slice(dot + 1)
	};
}
/** Every wire of a scope, those of its pads last. */
function wiresIn(graph, scope) {
	const nodes = nodesIn(graph, scope) ?? {};
	const inLoop = isLoop(holderOf(graph, scope));
	const wires = [];
	for (const id in nodes) {
		const node = nodes[id];
		if (node) for (const wire of wiresOfNode(id, node, inLoop)) wires.push(wire);
	}
	return scope.length ? wires.concat(padWires(graph, scope)) : wires;
}
/** Ids of nodes that a node reads, within its scope. */
function sourcesOf(id, node, inLoop) {
	return wiresOfNode(id, node, inLoop).map((wire) => wire.from.node);
}
// src/model/view.ts
var FRAME = "frame:";
var NOTE = "note:";
var WIRE = "wire:";
/** What is known of how a node looks; undefined if it has no place yet. A group that came with
* a view of its own is read from that where the outer graph says nothing. */
function viewOf(graph, scope, id) {
	const own = read$1(graph.view, pathOf(scope, id));
	if (own || scope.length === 0) return own;
	for (let depth = scope.length; depth > 0; depth -= 1) {
		const inner = innerGraph(nodeAt(graph, scope.slice(0, depth - 1), scope[depth - 1] ?? ""));
		const found = inner && read$1(inner.view, pathOf(scope.slice(depth), id));
		if (found) return found;
	}
}
function read$1(view, path) {
	const entry = view?.[path];
	if (!entry) return void 0;
	if (!Array.isArray(entry)) return isNodeView(entry) ? entry : void 0;
	const [x, y] = entry;
	return typeof x === "number" && typeof y === "number" ? { at: [x, y] } : void 0;
}
function isNodeView(entry) {
	return "at" in entry && Array.isArray(entry.at) && typeof entry.at[0] === "number";
}
/** The graph with a node's view changed; a view that is a place alone is written as `[x, y]`. */
function withView(graph, scope, id, change) {
	const after = {
		...viewOf(graph, scope, id) ?? { at: [0, 0] },
		...change
	};
	for (const name of [
		"size",
		"title",
		"colour",
		"collapsed"
	]) if (after[name] === void 0 || after[name] === "" || after[name] === false) delete after[name];
	const path = pathOf(scope, id);
	const entry = Object.keys(after).length === 1 ? after.at : after;
	if (JSON.stringify(graph.view?.[path]) === JSON.stringify(entry)) return graph;
	return {
		...graph,
		view: {
			...graph.view,
			[path]: entry
		}
	};
}
function framesIn(graph, scope) {
	const at = scope.join("/");
	return graph.view?.$frames?.filter((frame) => frame.scope === at) ?? [];
}
function notesIn(graph, scope) {
	const at = scope.join("/");
	return graph.view?.$notes?.filter((note) => note.scope === at) ?? [];
}
/** The graph with another view; one that holds nothing is left out. */
function setView(graph, view) {
	if (Object.keys(view).length) return {
		...graph,
		view
	};
	const { view: _, ...rest } = graph;
	return rest;
}
// src/model/files.ts
/** Pieces that edits are made of: changes in every file around a scope, and of every reader. */
/** `record` with each value changed; undefined leaves one out. The same object if none changed. */
function mapRecord(record, change) {
	if (!record) return record;
	let changed = false;
	const made = {};
	for (const [name, value] of Object.entries(record)) {
		const next = change(value, name);
		changed ||= next !== value;
		if (next !== void 0) made[name] = next;
	}
	return changed ? made : record;
}
/** An object with one field set, or left out where it is undefined or holds nothing. */
function withField(of, name, value) {
	if (of[name] === value) return of;
	if (!(value === void 0 || typeof value === "object" && value !== null && !Object.keys(value).length)) return {
		...of,
		[name]: value
	};
	const { [name]: _, ...rest } = of;
	return rest;
}
/** A node replaced by what `change` makes of it; undefined removes it. */
function changeNode(graph, scope, id, change) {
	const node = nodesIn(graph, scope)?.[id];
	if (!node) return graph;
	const next = change(node);
	return next === node ? graph : withNodes(graph, scope, (nodes) => ({
		...nodes,
		[id]: next
	}));
}
/** The loop or group around a scope replaced. */
function changeHolder(graph, scope, change) {
	const id = scope.at(-1);
	return id === void 0 ? graph : changeNode(graph, scope.slice(0, -1), id, change);
}
/** Every graph file that a scope passes (the whole, and inline groups) changed; `change` is told
* the rest of the scope as that file sees it. */
function inFiles(file, scope, change) {
	const changed = change(file, scope);
	for (let depth = 1; depth <= scope.length; depth += 1) {
		const at = scope.slice(0, depth - 1);
		const id = scope[depth - 1] ?? "";
		const node = nodesIn(changed, at)?.[id];
		const inner = innerGraph(node);
		if (!node || !inner) continue;
		const next = inFiles(inner, scope.slice(depth), change);
		if (next === inner) return changed;
		return withNodes(changed, at, (nodes) => ({
			...nodes,
			[id]: {
				...node,
				graph: next
			}
		}));
	}
	return changed;
}
/** A node with every link it reads changed. A loop keeps a port that lost its wire. */
function relinkNode(node, relink) {
	let made = node;
	const links = mapRecord(node.links, (link) => {
		if (typeof link === "string") return relink(link);
		const kept = link.map(relink).filter((other) => other !== void 0);
		if (kept.length === link.length && kept.every((other, k) => other === link[k])) return link;
		return kept.length ? kept : void 0;
	});
	made = withField(made, "links", links);
	if (!isLoop(node)) return made;
	const outer = (link) => link ? relink(link) ?? "" : link;
	made = withField(made, "each", mapRecord(node.each, outer));
	made = withField(made, "const", mapRecord(node.const, outer));
	const state = mapRecord(node.state, (carried) => {
		const init = outer(carried.init);
		return init === carried.init ? carried : {
			...carried,
			init
		};
	});
	return withField(made, "state", state);
}
/** Every reader in a scope changed: its nodes, and what leaves it by loop, group or outputs. */
function relinkScope(graph, scope, relink) {
	const nodes = nodesIn(graph, scope);
	if (!nodes) return graph;
	const changed = mapRecord(nodes, (node) => relinkNode(node, relink));
	return relinkLeaving(changed && changed !== nodes ? withNodes(graph, scope, () => changed) : graph, scope, relink);
}
function relinkLeaving(graph, scope, relink) {
	if (scope.length === 0) return withField(graph, "outputs", mapRecord(graph.outputs, relink));
	return changeHolder(graph, scope, (holder) => {
		const inner = innerGraph(holder);
		if (inner) {
			const next = withField(inner, "outputs", mapRecord(inner.outputs, relink));
			return next === inner ? holder : {
				...holder,
				graph: next
			};
		}
		const leaving = (link) => link ? relink(link) ?? "" : link;
		const collect = mapRecord(holder.collect, leaving);
		const state = mapRecord(holder.state, (carried) => {
			const next = leaving(carried.next);
			return next === carried.next ? carried : {
				...carried,
				next
			};
		});
		return withField(withField(holder, "collect", collect), "state", state);
	});
}
/** Declared inputs of every file around a scope: the targets at nodes of that scope, or inside
* them, changed. `change` is told the id in the scope, the path below it and the port. */
function retarget(graph, scope, change) {
	return inFiles(graph, scope, (file, rest) => {
		const prefix = rest.length ? `${rest.join("/")}/` : "";
		const one = (target) => {
			if (!target.startsWith(prefix)) return target;
			const { node: path, port } = splitTarget(target.slice(prefix.length));
			const slash = path.indexOf("/");
			const next = change(slash < 0 ? path : path.slice(0, slash), slash < 0 ? "" : path.slice(slash), port);
			return next === void 0 ? void 0 : prefix + next;
		};
		return withField(file, "inputs", mapRecord(file.inputs, (targets) => {
			if (typeof targets === "string") return one(targets);
			const kept = targets.map(one).filter((target) => target !== void 0);
			if (kept.length === targets.length && kept.every((t, k) => t === targets[k])) return targets;
			return kept.length ? kept : void 0;
		}));
	});
}
/** What `view` says of nodes under these ids changed: `change` gives the new id, or undefined to
* forget them. */
function reviewIds(graph, scope, change) {
	const view = graph.view;
	if (!view) return graph;
	const prefix = scope.length ? `${scope.join("/")}/` : "";
	const key = (path) => {
		if (!path.startsWith(prefix)) return path;
		const rest = path.slice(prefix.length);
		const end = rest.search(/[/.]/);
		const next = change(end < 0 ? rest : rest.slice(0, end));
		return next === void 0 ? void 0 : prefix + next + (end < 0 ? "" : rest.slice(end));
	};
	const made = {};
	let changed = false;
	for (const [path, entry] of Object.entries(view)) {
		if (path.startsWith("$")) {
			made[path] = entry;
			continue;
		}
		const next = key(path);
		changed ||= next !== path;
		if (next !== void 0) made[next] = entry;
	}
	const reroutes = view.$reroutes && renameKeys(view.$reroutes, key);
	const frames = rescoped(view.$frames, key);
	const notes = rescoped(view.$notes, key);
	if (reroutes) made.$reroutes = reroutes;
	if (frames) made.$frames = frames;
	if (notes) made.$notes = notes;
	const random = view.$random && rekeyed(view.$random, key);
	if (random) made.$random = random;
	changed ||= random !== view.$random || reroutes !== view.$reroutes || frames !== view.$frames || notes !== view.$notes;
	return changed ? setView(graph, made) : graph;
}
function rekeyed(list, key) {
	const made = list.flatMap((name) => key(name) ?? []);
	return made.length === list.length && made.every((name, k) => name === list[k]) ? list : made;
}
function renameKeys(record, key) {
	const entries = Object.entries(record);
	if (entries.every(([name]) => key(name) === name)) return record;
	return Object.fromEntries(entries.flatMap(([name, value]) => {
		const next = key(name);
		return next === void 0 ? [] : [[next, value]];
	}));
}
function rescoped(list, key) {
	if (!list) return list;
	let changed = false;
	const made = list.flatMap((item) => {
		const scope = item.scope && key(item.scope);
		changed ||= scope !== item.scope;
		if (scope === void 0) return [];
		return scope === item.scope ? [item] : [{
			...item,
			scope
		}];
	});
	return changed ? made : list;
}
/** A name that none of `taken` has: `wanted`, `wanted_2` … */
function freshName(wanted, taken) {
	if (!taken(wanted)) return wanted;
	const base = wanted.replace(/_\d+$/, "");
	for (let count = 2;; count += 1) if (!taken(`${base}_${count}`)) return `${base}_${count}`;
}
var RESERVED$1 = /* @__PURE__ */ new Set([
	"each",
	"const",
	"state"
]);
/** An id of a new node in a scope. */
function freshId(nodes, wanted, also = /* @__PURE__ */ new Set()) {
	return freshName(wanted.replace(/[./[\]\s$#:]+/g, "_") || "node", (name) => name in nodes || also.has(name) || RESERVED$1.has(name));
}
var PLAIN = /* @__PURE__ */ new Set([
	"bool",
	"int",
	"float",
	"str"
]);
var NONE$3 = "none";
var parsed = /* @__PURE__ */ new Map();
/** A type's text as a tree; kept, as there are few hundred of them. */
function parseType(text) {
	const known = parsed.get(text);
	if (known) return known;
	const made = parse$1(text.trim());
	parsed.set(text, made);
	return made;
}
function parse$1(text) {
	const parts = atTop(text);
	if (parts.length > 1) return {
		kind: "union",
		of: parts.map((part) => parse$1(part.trim()))
	};
	if (text.startsWith("list[") && text.endsWith("]")) return {
		kind: "list",
		of: parse$1(text.slice(5, -1).trim())
	};
	return {
		kind: "name",
		name: text
	};
}
/** Split at `|` outside of brackets. */
function atTop(text) {
	const parts = [];
	let depth = 0;
	let start = 0;
	for (let k = 0; k < text.length; k += 1) {
		const sign = text[k];
		if (sign === "[") depth += 1;
		else if (sign === "]") depth -= 1;
		else if (sign === "|" && depth === 0) {
			parts.push(text.slice(start, k));
			start = k + 1;
		}
	}
	return [...parts, text.slice(start)];
}
function typeText(type) {
	if (type.kind === "name") return type.name;
	if (type.kind === "list") return `list[${typeText(type.of)}]`;
	return type.of.map(typeText).join(" | ");
}
/** A name that is neither plain nor a socket type stands for any type. */
function isVariable(type, catalogue) {
	if (type.kind !== "name" || PLAIN.has(type.name) || type.name === NONE$3) return false;
	return !catalogue.types.has(type.name);
}
function hasVariable(type, catalogue) {
	if (type.kind === "list") return hasVariable(type.of, catalogue);
	if (type.kind === "union") return type.of.some((member) => hasVariable(member, catalogue));
	return isVariable(type, catalogue);
}
/** The members of a union without none, or the type alone. */
function members$1(type) {
	if (type.kind !== "union") return [type];
	return type.of.filter((member) => !isNone(member));
}
function isNone(type) {
	return type.kind === "name" && type.name === NONE$3;
}
function acceptsNone(type) {
	return type.kind === "union" && type.of.some(isNone);
}
/** The element that a port gathers, if it takes a list: `A` of `list[A]` or `list[A] | none`. */
function listElement(type) {
	for (const member of members$1(type)) if (member.kind === "list") return member.of;
}
/** Whether a literal in a graph file can be of this type. */
function isPlain(type) {
	if (type.kind === "list") return isPlain(type.of);
	return members$1(type).some((m) => m.kind === "name" ? PLAIN.has(m.name) : m.kind === "list" && isPlain(m));
}
/** Whether a wire of type `source` fits a port of type `target`. */
function typeFits(source, target, catalogue) {
	if (isVariable(target, catalogue) || isVariable(source, catalogue) || same$1(source, target)) return true;
	if (source.kind === "union") return (acceptsNone(target) || !acceptsNone(source)) && members$1(source).every((member) => typeFits(member, target, catalogue));
	if (target.kind === "union") return members$1(target).some((member) => typeFits(source, member, catalogue));
	if (source.kind === "list" || target.kind === "list") return source.kind === "list" && target.kind === "list" && typeFits(source.of, target.of, catalogue);
	if (source.name === "int" && target.name === "float") return true;
	if (source.name === "bool") return target.name === "bool";
	return derives(source.name, target.name, catalogue);
}
function same$1(a, b) {
	return a === b || a.kind === b.kind && typeText(a) === typeText(b);
}
function derives(name, base, catalogue) {
	if (name === base) return true;
	return (catalogue.types.get(name)?.bases ?? []).some((other) => other === base || derives(other, base, catalogue));
}
/** Fit `source` to a generic `target`, noting in `bound` what each variable stands for. */
function bind(source, target, bound, catalogue) {
	if (target.kind === "name" && isVariable(target, catalogue)) {
		const before = bound.get(target.name);
		if (!before || typeFits(before, source, catalogue)) {
			bound.set(target.name, source);
			return true;
		}
		return typeFits(source, before, catalogue);
	}
	if (target.kind === "list" && source.kind === "list") return bind(source.of, target.of, bound, catalogue);
	const options = members$1(target);
	const variable = options.find((member) => isVariable(member, catalogue));
	if (variable && target.kind === "union") {
		if (options.filter((member) => !isVariable(member, catalogue)).some((member) => typeFits(source, member, catalogue))) return true;
		return bind(source, variable, bound, catalogue);
	}
	return typeFits(source, target, catalogue);
}
/** `type` with its variables replaced by what they are bound to. */
function substitute(type, bound) {
	if (type.kind === "name") return bound.get(type.name) ?? type;
	if (type.kind === "list") return {
		kind: "list",
		of: substitute(type.of, bound)
	};
	return {
		kind: "union",
		of: type.of.map((member) => substitute(member, bound))
	};
}
/** The type a literal says a variable is, where no wire does. */
function literalType(value) {
	if (typeof value === "boolean") return "bool";
	if (typeof value === "bigint") return "int";
	if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
	return typeof value === "string" ? "str" : "?";
}
// src/model/ports.ts
var NOTHING = {
	title: "",
	category: "",
	known: false,
	inputs: [],
	outputs: []
};
/** Worked out once per definition. */
var ofSpec = /* @__PURE__ */ new WeakMap();
/** Worked out anew with each graph, but handed out again where nothing changed. */
var ofNode = /* @__PURE__ */ new WeakMap();
var ofPads = /* @__PURE__ */ new WeakMap();
/** The ports of a node, a loop, a group or a pad; the same object as long as they are the same. */
function portsOf(graph, scope, id, catalogue) {
	if (id === "$in" || id === "$out") return padPorts(graph, scope, id, catalogue);
	const node = nodeAt(graph, scope, id);
	if (!node) return NOTHING;
	const spec = catalogue.nodes.get(node.type);
	if (spec) {
		const plain = specPorts(spec, catalogue);
		const extra = unknownInputs(node, plain);
		return extra.length ? kept(node, {
			...plain,
			inputs: [...plain.inputs, ...extra]
		}) : plain;
	}
	const inner = innerGraph(node);
	if (!isLoop(node) && !inner) return kept(node, placeholder$1(graph, scope, id, node));
	const own = steady(nodesIn(graph, scope) ?? {}, id, node, graph, scope, catalogue);
	if (own?.ports) return own.ports;
	const same = kept(node, inner ? groupPorts(graph, scope, id, inner, catalogue) : loopPorts(graph, scope, id, node, catalogue));
	if (own) own.ports = same;
	return same;
}
function kept(node, made) {
	const before = ofNode.get(node);
	if (before && samePorts(before, made)) return before;
	ofNode.set(node, made);
	return made;
}
function samePorts(a, b) {
	return a.title === b.title && a.known === b.known && samePortList(a.inputs, b.inputs) && samePortList(a.outputs, b.outputs);
}
function samePortList(a, b) {
	return a.length === b.length && a.every((port, k) => {
		const other = b[k];
		return other !== void 0 && port.name === other.name && port.type === other.type && port.required === other.required && port.widget === other.widget && port.default === other.default;
	});
}
function specPorts(spec, catalogue) {
	const known = ofSpec.get(spec);
	if (known) return known;
	const made = {
		title: spec.title,
		category: spec.category,
		known: true,
		inputs: spec.inputs.map((input) => inputPort(input, catalogue)),
		outputs: spec.outputs.map((output) => plainPort(output.name, output.type))
	};
	ofSpec.set(spec, made);
	return made;
}
function inputPort(input, catalogue) {
	const type = parseType(input.type);
	const port = {
		name: input.name,
		type: input.type,
		required: input.required,
		isList: listElement(type) !== void 0,
		spec: input
	};
	const literal = isPlain(type) || isVariable(type, catalogue);
	if (input.widget) port.widget = input.widget;
	else if (literal && isPlain(type)) port.widget = plainWidget(input.type);
	if (input.default !== void 0) port.default = input.default;
	return port;
}
var WIDGETS = /* @__PURE__ */ new Map();
/** The widget of a port whose signature names none; one object per type. */
function plainWidget(type) {
	const known = WIDGETS.get(type);
	if (known) return known;
	const made = { widget: widgetName(type) };
	if (type === "int") made.step = 1;
	WIDGETS.set(type, made);
	return made;
}
function widgetName(type) {
	if (type.startsWith("list[")) return "List";
	if (type === "bool") return "Toggle";
	if (type === "str") return "Text";
	return type.includes("str") ? "Any" : "Number";
}
function plainPort(name, type, required = false) {
	return {
		name,
		type,
		required,
		isList: parseType(type).kind === "list"
	};
}
/** Ports that a node's file names and its definition does not have: kept and shown. */
function unknownInputs(node, ports) {
	const extra = [];
	for (const record of [node.params, node.links]) for (const name in record) if (!ports.inputs.some((port) => port.name === name) && !extra.some((port) => port.name === name)) extra.push(plainPort(name, "?"));
	return extra;
}
function loopPorts(graph, scope, id, node, catalogue) {
	const outside = (link) => link ? typeOfSource(graph, scope, link, catalogue) : "?";
	const inputs = [
		...Object.entries(node.each ?? {}).map(([n, l]) => plainPort(`each.${n}`, outside(l), true)),
		...Object.entries(node.const ?? {}).map(([n, l]) => plainPort(`const.${n}`, outside(l), true)),
		...Object.entries(node.state ?? {}).map(([n, s]) => plainPort(`state.${n}`, outside(s.init), true))
	];
	const outputs = [...Object.keys(node.state ?? {}), ...Object.keys(node.collect ?? {})].map((name) => plainPort(name, typeOfSource(graph, scope, `${id}.${name}`, catalogue)));
	return {
		title: node.type === "flow.map" ? "For each" : "Loop",
		category: "flow",
		known: true,
		inputs,
		outputs
	};
}
function groupPorts(graph, scope, id, inner, catalogue) {
	const inside = [...scope, id];
	const inputs = Object.keys(inner.inputs ?? {}).map((name) => declaredPort(graph, inside, inner, name, catalogue));
	const outputs = Object.keys(inner.outputs ?? {}).map((name) => plainPort(name, typeOfSource(graph, scope, `${id}.${name}`, catalogue)));
	return {
		title: inner.title || "Group",
		category: "flow",
		known: true,
		inputs,
		outputs
	};
}
/** A declared input of a graph as a port: what the first port is that it feeds. */
function declaredPort(graph, scope, file, name, catalogue) {
	const targets = file.inputs?.[name] ?? [];
	const { node: path, port } = splitTarget(typeof targets === "string" ? targets : targets[0] ?? "");
	const parts = path.split("/");
	const at = [...scope, ...parts.slice(0, -1)];
	const id = parts.at(-1) ?? "";
	const found = portsOf(graph, at, id, catalogue).inputs.find((input) => input.name === port);
	if (!found) return plainPort(name, "?");
	const node = nodeAt(graph, at, id);
	const literal = node?.params?.[port];
	const fed = literal !== void 0 || node?.links?.[port] !== void 0;
	const made = {
		...found,
		name,
		required: found.required && !fed
	};
	if (literal !== void 0) made.default = literal;
	return made;
}
function placeholder$1(graph, scope, id, node) {
	const none = {
		...NOTHING,
		title: node.type
	};
	const outputs = readPorts(nodesIn(graph, scope) ?? {}, id);
	for (const link of Object.values(fileOf(graph, scope)?.outputs ?? {})) {
		const end = splitLink(link);
		if (end.node === id) outputs.add(end.port);
	}
	return {
		title: node.type === "flow.graph" && typeof node.graph === "string" ? node.graph : node.type,
		category: node.type.split(".").slice(0, -1).join("."),
		known: false,
		inputs: unknownInputs(node, none),
		outputs: [...outputs].map((name) => plainPort(name, "?"))
	};
}
/** The graph file whose own nodes a scope's are, if it is one. */
function fileOf(graph, scope) {
	return scope.length ? innerGraph(holderOf(graph, scope)) : graph;
}
var readers = /* @__PURE__ */ new WeakMap();
/** The outputs of a node that others of its scope read. */
function readPorts(nodes, id) {
	let index = readers.get(nodes);
	if (!index) {
		index = /* @__PURE__ */ new Map();
		for (const node of Object.values(nodes)) for (const link of everyLink(node)) {
			const end = splitLink(link);
			const ports = index.get(end.node) ?? /* @__PURE__ */ new Set();
			index.set(end.node, ports.add(end.port));
		}
		readers.set(nodes, index);
	}
	return new Set(index.get(id));
}
function everyLink(node) {
	return [
		...Object.values(node.links ?? {}).flat(),
		...Object.values(node.each ?? {}),
		...Object.values(node.const ?? {}),
		...Object.values(node.state ?? {}).map((state) => state.init)
	];
}
function padPorts(graph, scope, id, catalogue) {
	const holder = holderOf(graph, scope);
	if (!holder) return NOTHING;
	const pads = ofPads.get(holder) ?? {};
	const side = id === "$in" ? "in" : "out";
	const made = side === "in" ? padInPorts(graph, scope, holder, catalogue) : padOutPorts(graph, scope, holder, catalogue);
	const before = pads[side];
	if (before && samePorts(before, made)) return before;
	ofPads.set(holder, {
		...pads,
		[side]: made
	});
	return made;
}
function padInPorts(graph, scope, holder, catalogue) {
	const pad = {
		title: isLoop(holder) ? "Each pass is given" : "Inputs",
		category: "flow",
		known: true,
		inputs: []
	};
	const inner = innerGraph(holder);
	if (inner) {
		const outputs = Object.keys(inner.inputs ?? {}).map((name) => {
			return plainPort(name, declaredPort(graph, scope, inner, name, catalogue).type);
		});
		return {
			...pad,
			outputs
		};
	}
	const outputs = [
		...Object.keys(holder.each ?? {}).map((name) => `each.${name}`),
		...Object.keys(holder.const ?? {}).map((name) => `const.${name}`),
		...Object.keys(holder.state ?? {}).map((name) => `state.${name}`)
	].map((name) => plainPort(name, typeOfSource(graph, scope, name, catalogue)));
	return {
		...pad,
		outputs
	};
}
function padOutPorts(graph, scope, holder, catalogue) {
	const pad = {
		title: isLoop(holder) ? "Each pass gives" : "Outputs",
		category: "flow",
		known: true,
		outputs: []
	};
	const inner = innerGraph(holder);
	const type = (link) => link ? typeOfSource(graph, scope, link, catalogue) : "?";
	if (inner) {
		const inputs = Object.entries(inner.outputs ?? {}).map(([name, link]) => plainPort(name, type(link), true));
		return {
			...pad,
			inputs
		};
	}
	const next = Object.keys(holder.state ?? {}).map((name) => plainPort(`next.${name}`, type(`state.${name}`), true));
	const collect = Object.entries(holder.collect ?? {}).map(([name, link]) => plainPort(`collect.${name}`, type(link), true));
	return {
		...pad,
		inputs: [...next, ...collect]
	};
}
var knownTypes = /* @__PURE__ */ new WeakMap();
/** Chains of generic nodes longer than this are not followed to their end. */
var FAR$1 = 400;
/** The socket type that a link carries, variables resolved where they can be; `?` unknown. */
function typeOfSource(graph, scope, link, catalogue) {
	return follow$1(graph, scope, link, catalogue, 0);
}
/** The same for a wire's end, which is cut already: the quick way for all wires of a canvas. */
function typeOfEnd(graph, scope, end, catalogue) {
	return followEnd(graph, scope, end, catalogue, 0);
}
function follow$1(graph, scope, link, catalogue, depth) {
	return link ? followEnd(graph, scope, splitLink(link), catalogue, depth) : "?";
}
function followEnd(graph, scope, end, catalogue, depth) {
	if (depth > FAR$1) return "?";
	const nodes = nodesIn(graph, scope);
	const node = nodes?.[end.node];
	const spec = node && catalogue.nodes.get(node.type);
	if (spec) {
		const fixed = fixedTypes(spec, catalogue).get(end.port);
		if (fixed !== null) return fixed ?? "?";
	}
	const steady = nodes && node ? steadyTypes(nodes, end.node, node, graph, scope, catalogue) : null;
	const kept = steady?.get(end.port);
	if (kept !== void 0) return kept;
	let known = knownTypes.get(graph);
	if (known?.catalogue !== catalogue) {
		known = {
			catalogue,
			types: /* @__PURE__ */ new Map()
		};
		knownTypes.set(graph, known);
	}
	const key = `${scope.join("/")}/${end.node}.${end.port}`;
	const before = known.types.get(key);
	if (before !== void 0) return before;
	known.types.set(key, "?");
	const found = resolve(graph, scope, end, node, catalogue, depth + 1);
	known.types.set(key, found);
	steady?.set(end.port, found);
	return found;
}
var ofOutputs = /* @__PURE__ */ new WeakMap();
/** The types of a definition's outputs; null where one depends on what is connected. */
function fixedTypes(spec, catalogue) {
	let known = ofOutputs.get(spec);
	if (!known) {
		known = /* @__PURE__ */ new Map();
		for (const { name, type } of spec.outputs) known.set(name, hasVariable(parseType(type), catalogue) ? null : type);
		ofOutputs.set(spec, known);
	}
	return known;
}
var steadies = /* @__PURE__ */ new WeakMap();
/** What is kept of a node whose types follow from itself and from nodes whose own are fixed; null
* where they follow from more. An edit elsewhere leaves it as it is. */
function steady(nodes, id, node, graph, scope, catalogue) {
	const wires = wiresOfNode(id, node, isLoop(holderOf(graph, scope)));
	const known = steadies.get(node);
	if (known?.catalogue === catalogue && known.id === id && wires.every((wire, k) => nodes[wire.from.node] === known.sources[k])) return known;
	if (scope.length && innerGraph(holderOf(graph, scope))) return null;
	const sources = [];
	for (const { from } of wires) {
		const source = nodes[from.node];
		const spec = source && catalogue.nodes.get(source.type);
		if (!source || typeof fixedTypes(spec ?? NO_SPEC, catalogue).get(from.port) !== "string") return null;
		sources.push(source);
	}
	const made = {
		catalogue,
		id,
		sources,
		types: /* @__PURE__ */ new Map()
	};
	steadies.set(node, made);
	return made;
}
var NO_SPEC = {
	id: "",
	version: 1,
	title: "",
	category: "",
	doc: "",
	inputs: [],
	outputs: [],
	writes: false,
	volatile: false,
	source: ""
};
function steadyTypes(...of) {
	return steady(...of)?.types ?? null;
}
function resolve(graph, scope, end, node, catalogue, depth) {
	if (!node) return givenType(graph, scope, end, catalogue, depth);
	if (isLoop(node)) {
		const state = node.state?.[end.port];
		if (state) return follow$1(graph, scope, state.init, catalogue, depth);
		const collected = node.collect?.[end.port];
		if (!collected) return "?";
		const inner = follow$1(graph, [...scope, end.node], collected, catalogue, depth);
		return inner === "?" ? "?" : `list[${inner}]`;
	}
	const inner = innerGraph(node);
	if (inner) {
		const link = inner.outputs?.[end.port];
		return link ? follow$1(graph, [...scope, end.node], link, catalogue, depth) : "?";
	}
	const spec = catalogue.nodes.get(node.type);
	const output = spec?.outputs.find((port) => port.name === end.port);
	if (!spec || !output) return "?";
	const bound = boundBy(graph, scope, end.node, spec, catalogue, depth);
	const type = substitute(parseType(output.type), bound);
	return hasVariable(type, catalogue) ? "?" : typeText(type);
}
/** What a loop gives its body, or a group what comes in. */
function givenType(graph, scope, end, catalogue, depth) {
	const holder = holderOf(graph, scope);
	const id = scope.at(-1);
	if (!holder || id === void 0) return "?";
	const outside = scope.slice(0, -1);
	if (end.node === "$in") {
		const inner = innerGraph(holder);
		if (inner) return declaredPort(graph, scope, inner, end.port, catalogue).type;
		return follow$1(graph, scope, end.port, catalogue, depth);
	}
	if (!isLoop(holder)) return "?";
	if (end.node === "const") return follow$1(graph, outside, holder.const?.[end.port] ?? "", catalogue, depth);
	if (end.node === "state") return follow$1(graph, outside, holder.state?.[end.port]?.init ?? "", catalogue, depth);
	if (end.node !== "each") return "?";
	const list = parseType(follow$1(graph, outside, holder.each?.[end.port] ?? "", catalogue, depth));
	return list.kind === "list" ? typeText(list.of) : "?";
}
/** What the variables of a generic node stand for, by its wires and then by its literals. */
function boundBy(graph, scope, id, spec, catalogue, depth = 0, without = "") {
	const bound = /* @__PURE__ */ new Map();
	const node = nodeAt(graph, scope, id);
	for (const input of spec.inputs) {
		const target = parseType(input.type);
		if (input.name === without || !hasVariable(target, catalogue)) continue;
		const links = linksFromGroup(graph, scope, id, input.name) ?? {
			scope,
			links: linksAt(graph, scope, {
				node: id,
				port: input.name
			})
		};
		const gathered = Array.isArray(node?.links?.[input.name]);
		for (const link of links.links) {
			const text = follow$1(graph, links.scope, link, catalogue, depth + 1);
			if (text === "?") continue;
			const source = parseType(text);
			bind(gathered ? {
				kind: "list",
				of: source
			} : source, target, bound, catalogue);
		}
	}
	for (const input of spec.inputs) {
		const value = node?.params?.[input.name];
		if (value !== void 0 && input.name !== without) bindLiteral(value, input.type, bound, catalogue);
	}
	return bound;
}
/** A node directly inside a group may be fed through the group's declared input. */
function linksFromGroup(graph, scope, id, port) {
	const inner = innerGraph(holderOf(graph, scope));
	const group = scope.at(-1);
	if (!inner || group === void 0) return void 0;
	const target = `${id}.${port}`;
	for (const [name, targets] of Object.entries(inner.inputs ?? {})) {
		if (targets !== target && !(Array.isArray(targets) && targets.includes(target))) continue;
		const outside = scope.slice(0, -1);
		const links = linksAt(graph, outside, {
			node: group,
			port: name
		});
		if (links.length) return {
			scope: outside,
			links
		};
	}
}
function bindLiteral(value, type, bound, catalogue) {
	const target = parseType(type);
	if (target.kind === "list") {
		if (Array.isArray(value) && value[0] !== void 0) bindLiteral(value[0], typeText(target.of), bound, catalogue);
		return;
	}
	if (target.kind !== "name" || !isVariable(target, catalogue) || bound.has(target.name)) return;
	const found = literalType(value);
	if (found !== "?") bound.set(target.name, parseType(found));
}
// src/model/fit.ts
/** Whether a wire of type `source` fits a port of type `target`, as `nodeflow.sockets` says. */
function assignable(source, target, catalogue) {
	return typeFits(parseType(source), parseType(target), catalogue);
}
/** The node type that makes `target` of `source`, if the server knows one. */
function conversionOf(source, target, catalogue) {
	const exact = catalogue.conversions.find((c) => c.source === source && c.target === target);
	if (exact) return exact.node;
	return catalogue.conversions.find((c) => assignable(source, c.source, catalogue) && assignable(c.target, target, catalogue))?.node;
}
/** What would happen if a wire were drawn. */
function judge(graph, scope, from, to, catalogue) {
	const source = portsOf(graph, scope, from.node, catalogue);
	const target = portsOf(graph, scope, to.node, catalogue);
	const output = source.outputs.find((port) => port.name === from.port);
	const input = target.inputs.find((port) => port.name === to.port);
	if (!output && (source.known || !exists(graph, scope, from.node))) return {
		ok: false,
		reason: `${from.node} has no output ${from.port}`
	};
	if (!input && (target.known || !exists(graph, scope, to.node))) return {
		ok: false,
		reason: `${to.node} has no input ${to.port}`
	};
	if (innerGraph(holderOf(graph, scope)) && from.node === "$in" && to.node === "$out") return {
		ok: false,
		reason: "an input cannot be handed straight on as an output"
	};
	const ring = cycle(graph, scope, from.node, to.node);
	if (ring) return {
		ok: false,
		reason: `this would be a cycle: ${ring.join(" → ")}; to repeat something use a loop`
	};
	return judgeTypes(graph, scope, from, to, catalogue);
}
function exists(graph, scope, id) {
	return id === "$in" || id === "$out" ? holderOf(graph, scope) !== void 0 : nodeAt(graph, scope, id) !== void 0;
}
function judgeTypes(graph, scope, from, to, catalogue) {
	const link = linkOf(from);
	const before = linksAt(graph, scope, to);
	const got = parseType(typeOfSource(graph, scope, link, catalogue));
	const wanted = wantedType(graph, scope, to, catalogue);
	const item = takesOne(graph, scope, to) ? void 0 : listElement(wanted);
	const fitsItem = item !== void 0 && bind(got, item, /* @__PURE__ */ new Map(), catalogue);
	if (Array.isArray(nodeAt(graph, scope, to.node)?.links?.[to.port]) && fitsItem) return before.includes(link) ? {
		ok: true,
		replaces: link
	} : {
		ok: true,
		gathers: true
	};
	if (bind(got, wanted, /* @__PURE__ */ new Map(), catalogue)) return replacing(before, link);
	if (fitsItem) return {
		...replacing(before, link),
		gathers: true
	};
	return refusal$1(got, wanted, to, catalogue);
}
function replacing(before, link) {
	const old = before.find((other) => other !== link);
	return old === void 0 ? { ok: true } : {
		ok: true,
		replaces: old
	};
}
/** Only ports of nodes gather several wires; loops, groups' outputs and pads take one. */
function takesOne(graph, scope, to) {
	return to.node === "$out" || isLoop(nodeAt(graph, scope, to.node));
}
/** The type that a port wants, what its variables stand for taken from its node's other wires. */
function wantedType(graph, scope, to, catalogue) {
	const node = nodeAt(graph, scope, to.node);
	const { name: kind, rest: name } = cut$4(to.port);
	if (isLoop(node)) return loopInput(graph, scope, to.node, kind, name, catalogue);
	if (to.node === "$out" && kind === "collect") return parseType("?");
	const type = parseType(portsOf(graph, scope, to.node, catalogue).inputs.find((p) => p.name === to.port)?.type ?? "?");
	const spec = node && catalogue.nodes.get(node.type);
	if (!spec || !hasVariable(type, catalogue)) return type;
	return substitute(type, boundBy(graph, scope, to.node, spec, catalogue, 0, to.port));
}
function cut$4(port) {
	const dot = port.indexOf(".");
	return dot < 0 ? {
		name: port,
		rest: ""
	} : {
		name: port.slice(0, dot),
		rest: port.slice(dot + 1)
	};
}
/** `each` walks lists of anything; a state must hold what its next is; what is constant may be
* anything: its readers in the body are judged by themselves. */
function loopInput(graph, scope, id, kind, name, catalogue) {
	if (kind === "each") return {
		kind: "list",
		of: parseType("?")
	};
	if (kind !== "state") return parseType("?");
	const node = nodeAt(graph, scope, id);
	const next = node?.state?.[name]?.next;
	const init = node?.state?.[name]?.init;
	if (!next || init) return parseType(init ? typeOfSource(graph, scope, init, catalogue) : "?");
	return parseType(typeOfSource(graph, [...scope, id], next, catalogue));
}
function refusal$1(got, wanted, to, catalogue) {
	const source = typeText(got);
	const target = typeText(wanted);
	if (target === `list[?]`) return {
		ok: false,
		reason: `${to.port} walks a list, and this is one ${source}`
	};
	const conversion = conversionOf(source, target, catalogue);
	const base = `${source} does not fit ${to.port}, which takes ${named(wanted, catalogue)}`;
	if (conversion) return {
		ok: false,
		reason: `${base}; ${conversion} converts`,
		conversion
	};
	if (got.kind === "list" && typeFits(got.of, wanted, catalogue)) return {
		ok: false,
		reason: `${base}: the wire carries a list`,
		conversion: "list.choose"
	};
	return {
		ok: false,
		reason: base
	};
}
function named(type, catalogue) {
	return members(type, catalogue).join(" or ");
}
function members(type, catalogue) {
	if (type.kind === "union") return type.of.flatMap((member) => members(member, catalogue));
	if (type.kind === "list") return [`list of ${named(type.of, catalogue)}`];
	if (isVariable(type, catalogue)) return ["anything"];
	return [type.name];
}
/** The ring that a wire from one node to another would close, or undefined. */
function cycle(graph, scope, from, to) {
	if (from === "$in" || to === "$out") return void 0;
	const nodes = nodesIn(graph, scope) ?? {};
	const inLoop = isLoop(holderOf(graph, scope));
	const came = /* @__PURE__ */ new Map([[from, ""]]);
	const pending = [from];
	for (let id = pending.pop(); id !== void 0; id = pending.pop()) {
		if (id === to) return ringFrom(came, to);
		const node = nodes[id];
		if (!node) continue;
		for (const source of sourcesOf(id, node, inLoop)) {
			if (came.has(source)) continue;
			came.set(source, id);
			pending.push(source);
		}
	}
}
function ringFrom(came, to) {
	const ring = [to];
	for (let id = came.get(to); id; id = came.get(id)) ring.push(id);
	return [...ring, to];
}
// src/model/json.ts
/**
* JSON whose whole numbers stay what they are. Seeds go up to 2^64 - 1, and a browser's numbers are
* exact to 2^53: what is above is a `bigint`. Texts without such a number, which are nearly all,
* are read and written by the browser itself.
*/
/** Sixteen figures in a row that are not behind a point; some of them are still exact. */
var LONG = /(?<![\d.])\d{16}/;
var WHOLE = /^-?\d+$/;
function read(text) {
	const value = Number(text);
	return WHOLE.test(text) && !Number.isSafeInteger(value) ? BigInt(text) : value;
}
/** What a text of JSON says. Throws a SyntaxError where it is none. */
function readJson(text) {
	return LONG.test(text) ? parse$2(text, null, { parseNumber: read }) : JSON.parse(text);
}
/** The text of a value, as `JSON.stringify` writes it. */
function writeJson(value, indent) {
	try {
		return JSON.stringify(value, null, indent);
	} catch (error) {
		if (!(error instanceof TypeError)) throw error;
		return stringify(value, null, indent) ?? "null";
	}
}
/** A whole number as a plain one where that is exact. */
function asNumber(value) {
	const plain = Number(value);
	return Number.isSafeInteger(plain) ? plain : value;
}
// src/model/clip.ts
/** Copying a part of a graph, and putting it in elsewhere: text that any clipboard takes. */
function copyItems(graph, scope, ids) {
	const all = nodesIn(graph, scope) ?? {};
	const nodes = {};
	const view = {};
	for (const [id, node] of Object.entries(all)) {
		if (!ids.includes(id)) continue;
		nodes[id] = node;
		const own = viewOf(graph, scope, id);
		if (own) view[id] = own;
		Object.assign(view, viewsBelow(graph, scope, id));
	}
	return {
		nodeflow_clip: 1,
		nodes,
		view,
		frames: copied(graph.view?.$frames ?? [], scope, (id) => ids.includes(FRAME + id), nodes),
		notes: copied(graph.view?.$notes ?? [], scope, (id) => ids.includes(NOTE + id), nodes)
	};
}
/** What is drawn beside the nodes and chosen, or inside of a copied node. */
function copied(drawn, scope, chosen, nodes) {
	const at = scope.join("/");
	const prefix = at ? `${at}/` : "";
	return drawn.flatMap((item) => {
		if (item.scope === at) return chosen(item.id) ? [{
			...item,
			scope: ""
		}] : [];
		if (!item.scope.startsWith(prefix)) return [];
		const below = item.scope.slice(prefix.length);
		return (below.split("/")[0] ?? "") in nodes ? [{
			...item,
			scope: below
		}] : [];
	});
}
function viewsBelow(graph, scope, id) {
	const from = `${pathOf(scope, id)}/`;
	const found = {};
	for (const [path, entry] of Object.entries(graph.view ?? {})) {
		if (!path.startsWith(from) || !entry) continue;
		const inner = viewOf(graph, path.split("/").slice(0, -1), path.split("/").at(-1) ?? "");
		if (inner) found[id + path.slice(from.length - 1)] = inner;
	}
	return found;
}
/** The clip that a text holds, or undefined. */
function readClip(text) {
	if (!text.includes("nodeflow_clip")) return void 0;
	try {
		const data = readJson(text);
		return isClip(data) ? data : void 0;
	} catch {
		return;
	}
}
function isClip(data) {
	if (typeof data !== "object" || data === null) return false;
	const clip = data;
	if (clip.nodeflow_clip !== 1 || typeof clip.nodes !== "object" || clip.nodes === null) return false;
	return Object.values(clip.nodes).every((node) => typeof node?.type === "string") && typeof clip.view === "object" && clip.view !== null && Array.isArray(clip.frames) && Array.isArray(clip.notes);
}
/** A clip put in with its left upper corner at `at`. Wires among what was copied stay; those from
* outside stay only where `keep` says so. */
function pasteItems(graph, scope, clip, at, keep = () => false) {
	const before = nodesIn(graph, scope);
	if (!before) return {
		graph,
		ids: []
	};
	const [left, top] = corner$1(clip);
	const shift = (place) => [Math.round(place[0] - left + at[0]), Math.round(place[1] - top + at[1])];
	const renamed = /* @__PURE__ */ new Map();
	for (const id of Object.keys(clip.nodes)) renamed.set(id, freshId(before, id, new Set(renamed.values())));
	const given = givenLinks(graph, scope);
	const relink = (link) => {
		const end = splitLink(link);
		const now = renamed.get(end.node);
		if (now !== void 0) return `${now}.${end.port}`;
		return given.has(link) || keep(link) ? link : void 0;
	};
	const added = {};
	for (const [id, node] of Object.entries(clip.nodes)) added[renamed.get(id) ?? id] = relinkNode(node, relink);
	return withDrawn(Object.keys(added).length ? withNodes(graph, scope, (nodes) => ({
		...nodes,
		...added
	})) : graph, scope, clip, renamed, shift);
}
/** What a body may read of its loop. */
function givenLinks(graph, scope) {
	const holder = holderOf(graph, scope);
	if (!holder || !isLoop(holder)) return /* @__PURE__ */ new Set();
	return /* @__PURE__ */ new Set([
		...Object.keys(holder.each ?? {}).map((name) => `each.${name}`),
		...Object.keys(holder.const ?? {}).map((name) => `const.${name}`),
		...Object.keys(holder.state ?? {}).map((name) => `state.${name}`)
	]);
}
function corner$1(clip) {
	const places = [...Object.entries(clip.view).filter(([path]) => !path.includes("/")).map(([, view]) => view.at), ...[...clip.frames, ...clip.notes].filter((item) => !item.scope).map((item) => item.at)];
	if (!places.length) return [0, 0];
	return [Math.min(...places.map((p) => p[0])), Math.min(...places.map((p) => p[1]))];
}
function withDrawn(graph, scope, clip, renamed, shift) {
	const view = { ...graph.view };
	for (const [path, entry] of Object.entries(clip.view)) {
		const slash = path.indexOf("/");
		const id = slash < 0 ? path : path.slice(0, slash);
		const below = slash < 0 ? "" : path.slice(slash);
		const now = pathOf(scope, (renamed.get(id) ?? id) + below);
		const moved = below ? entry : {
			...entry,
			at: shift(entry.at)
		};
		view[now] = Object.keys(moved).length === 1 ? moved.at : moved;
	}
	const ids = [...renamed.values()];
	const put = (list, item, prefix) => {
		const id = freshName(item.id, (name) => list.some((other) => other.id === name));
		const [first = "", ...rest] = item.scope.split("/");
		const inside = item.scope ? [
			...scope,
			renamed.get(first) ?? first,
			...rest
		] : scope;
		const at = item.scope ? item.at : shift(item.at);
		list.push({
			...item,
			id,
			scope: inside.join("/"),
			at
		});
		if (!item.scope) ids.push(prefix + id);
	};
	const frames = [...view.$frames ?? []];
	for (const frame of clip.frames) put(frames, frame, FRAME);
	const notes = [...view.$notes ?? []];
	for (const note of clip.notes) put(notes, note, NOTE);
	if (frames.length) view.$frames = frames;
	if (notes.length) view.$notes = notes;
	return ids.length ? {
		graph: setView(graph, view),
		ids
	} : {
		graph,
		ids
	};
}
/** The same once more beside itself; it reads what the first one reads. */
function duplicate(graph, scope, ids, shift) {
	const clip = copyItems(graph, scope, ids);
	const [left, top] = corner$1(clip);
	return pasteItems(graph, scope, clip, [left + shift[0], top + shift[1]], () => true);
}
// src/model/group.ts
/** A selection made one node (`flow.graph`), and taken apart again. */
/** Hands on what it is given: stands where a group's input could not reach a port by itself. */
var PASS = "flow.pass_through";
/** The selected nodes as one. Wires into them become inputs, wires out of them outputs. */
function group$1(graph, scope, ids) {
	const all = nodesIn(graph, scope) ?? {};
	const chosen = new Set(ids.filter((id) => id in all));
	if (!chosen.size || wouldRing(graph, scope, chosen)) return {
		graph,
		id: ""
	};
	const draft = {
		nodes: {},
		inputs: {},
		links: {},
		passes: /* @__PURE__ */ new Map()
	};
	for (const [id, node] of Object.entries(all)) if (chosen.has(id)) draft.nodes[id] = enter$1(draft, all, id, node, chosen);
	const outputs = {};
	const leaving = /* @__PURE__ */ new Map();
	for (const link of readOutside(graph, scope, chosen)) {
		const name = freshName(splitLink(link).port || "value", (other) => other in outputs);
		outputs[name] = link;
		leaving.set(link, name);
	}
	const rest = Object.fromEntries(Object.entries(all).filter(([id]) => !chosen.has(id)));
	const id = freshId(rest, "group");
	const inner = {
		nodeflow: graph.nodeflow,
		nodes: draft.nodes
	};
	if (Object.keys(draft.inputs).length) inner.inputs = draft.inputs;
	if (leaving.size) inner.outputs = outputs;
	const node = {
		type: GROUP,
		graph: inner
	};
	if (Object.keys(draft.links).length) node.links = draft.links;
	let made = withNodes(graph, scope, () => ({
		...rest,
		[id]: node
	}));
	made = relinkScope(made, scope, (link) => {
		const name = leaving.get(link);
		return name === void 0 ? link : `${id}.${name}`;
	});
	made = retarget(made, scope, (k, below, port) => chosen.has(k) ? `${id}/${k}${below}.${port}` : `${k}${below}.${port}`);
	return {
		graph: movedIn(made, graph, scope, id, chosen),
		id
	};
}
/** Whether something outside reads the selection and feeds it too: as one node it would feed
* itself. */
function wouldRing(graph, scope, chosen) {
	const readers = /* @__PURE__ */ new Map();
	for (const wire of wiresIn(graph, scope)) {
		const list = readers.get(wire.from.node);
		if (list) list.push(wire.to.node);
		else readers.set(wire.from.node, [wire.to.node]);
	}
	const pending = [...chosen].flatMap((id) => readers.get(id) ?? []).filter((id) => !chosen.has(id));
	const seen = new Set(pending);
	for (let id = pending.pop(); id !== void 0; id = pending.pop()) for (const reader of readers.get(id) ?? []) {
		if (chosen.has(reader)) return true;
		if (!seen.has(reader)) {
			seen.add(reader);
			pending.push(reader);
		}
	}
	return false;
}
/** A node as it stands inside: what it read from outside now comes from the group's inputs. */
function enter$1(draft, all, id, node, chosen) {
	const outside = (link) => link !== "" && !chosen.has(splitLink(link).node);
	if (isLoop(node)) return relinkNode(node, (link) => outside(link) ? pass(draft, all, link) : link);
	const links = {};
	for (const [port, link] of Object.entries(node.links ?? {})) {
		const list = typeof link === "string" ? [link] : link;
		if (!list.some(outside)) links[port] = link;
		else if (list.every(outside)) feed(draft, `${id}.${port}`, port, link);
		else links[port] = list.map((one) => outside(one) ? pass(draft, all, one) : one);
	}
	const { links: _, ...bare } = node;
	return Object.keys(links).length ? {
		...bare,
		links
	} : bare;
}
/** A port fed through an input of the group; what is fed alike shares one. */
function feed(draft, target, port, link) {
	const same = Object.keys(draft.links).find((name) => JSON.stringify(draft.links[name]) === JSON.stringify(link));
	if (same !== void 0) {
		const before = draft.inputs[same] ?? [];
		draft.inputs[same] = [...typeof before === "string" ? [before] : before, target];
		return;
	}
	const name = freshName(port, (other) => other in draft.inputs);
	draft.inputs[name] = target;
	draft.links[name] = link;
}
/** A link inside the group to a node that hands on what comes from outside. */
function pass(draft, all, link) {
	const known = draft.passes.get(link);
	if (known !== void 0) return `${known}.value`;
	const wanted = splitLink(link).port.split(".").at(-1) || "value";
	const id = freshId({
		...all,
		...draft.nodes
	}, wanted);
	draft.nodes[id] = { type: PASS };
	draft.passes.set(link, id);
	const name = freshName(wanted, (other) => other in draft.inputs);
	draft.inputs[name] = `${id}.value`;
	draft.links[name] = link;
	return `${id}.value`;
}
/** Links to the selection that are read by what is not in it. */
function readOutside(graph, scope, chosen) {
	const found = /* @__PURE__ */ new Set();
	const others = Object.entries(nodesIn(graph, scope) ?? {}).filter(([id]) => !chosen.has(id));
	relinkScope(withNodes(graph, scope, () => Object.fromEntries(others)), scope, (link) => {
		if (chosen.has(splitLink(link).node)) found.add(link);
		return link;
	});
	return found;
}
function movedIn(graph, before, scope, id, chosen) {
	const view = {};
	const prefix = scope.length ? `${scope.join("/")}/` : "";
	for (const [path, entry] of Object.entries(graph.view ?? {})) {
		const first = path.startsWith(prefix) ? path.slice(prefix.length).split("/")[0] : void 0;
		const moves = first !== void 0 && chosen.has(first) && !path.startsWith("$");
		view[moves ? `${prefix}${id}/${path.slice(prefix.length)}` : path] = entry;
	}
	return withView(setView(graph, view), scope, id, { at: middle(before, scope, chosen) });
}
function middle(graph, scope, ids) {
	const places = [...ids].map((id) => viewOf(graph, scope, id)?.at ?? [0, 0]);
	const xs = places.map((place) => place[0] ?? 0);
	const ys = places.map((place) => place[1] ?? 0);
	return [Math.round((Math.min(...xs) + Math.max(...xs)) / 2), Math.round((Math.min(...ys) + Math.max(...ys)) / 2)];
}
/** A group's nodes put in its place. The same graph if it is kept in a file of its own. */
function ungroup(graph, scope, id) {
	const outer = nodesIn(graph, scope)?.[id];
	const inner = innerGraph(outer);
	if (!outer || !inner) return {
		graph,
		ids: []
	};
	const filled = withLiterals(inner, outer);
	const others = { ...nodesIn(graph, scope) };
	delete others[id];
	const renamed = /* @__PURE__ */ new Map();
	for (const k of Object.keys(filled.nodes)) renamed.set(k, freshId(others, k, new Set(renamed.values())));
	const inside = (link) => {
		const end = splitLink(link);
		return `${renamed.get(end.node) ?? end.node}.${end.port}`;
	};
	const added = {};
	for (const [k, node] of Object.entries(filled.nodes)) added[renamed.get(k) ?? k] = relinkNode(node, inside);
	let made = withNodes(graph, scope, () => ({
		...others,
		...added
	}));
	for (const [name, link] of Object.entries(outer.links ?? {})) for (const target of targetsOf$1(inner, name)) {
		const { node: path, port } = splitTarget(target);
		made = changeNode(made, scope, renamed.get(path) ?? path, (node) => {
			const { [port]: _, ...params } = node.params ?? {};
			const { params: __, ...bare } = node;
			const linked = {
				...bare,
				links: {
					...node.links,
					[port]: link
				}
			};
			return Object.keys(params).length ? {
				...linked,
				params
			} : linked;
		});
	}
	made = relinkScope(made, scope, (link) => {
		const end = splitLink(link);
		const from = end.node === id ? inner.outputs?.[end.port] : void 0;
		return end.node !== id ? link : from === void 0 ? void 0 : inside(from);
	});
	made = retarget(made, scope, (k, below, port) => {
		if (k !== id) return `${k}${below}.${port}`;
		const within = below ? `${below.slice(1)}.${port}` : targetsOf$1(inner, port)[0];
		if (within === void 0) return void 0;
		const first = within.split(/[/.]/)[0] ?? "";
		return (renamed.get(first) ?? first) + within.slice(first.length);
	});
	return {
		graph: movedOut(made, graph, scope, id, inner, renamed),
		ids: [...renamed.values()]
	};
}
function targetsOf$1(file, name) {
	const targets = file.inputs?.[name] ?? [];
	return typeof targets === "string" ? [targets] : targets;
}
/** The inner graph with the literals that the group sets. */
function withLiterals(inner, outer) {
	let made = inner;
	for (const [name, value] of Object.entries(outer.params ?? {})) for (const target of targetsOf$1(inner, name)) {
		const { node: path, port } = splitTarget(target);
		const parts = path.split("/");
		made = setParam(made, parts.slice(0, -1), parts.at(-1) ?? "", port, value);
	}
	return made;
}
function movedOut(graph, before, scope, id, inner, renamed) {
	const inside = [...scope, id];
	const places = [...renamed.keys()].map((k) => viewOf(before, inside, k)?.at ?? [0, 0]);
	const left = Math.min(...places.map((place) => place[0] ?? 0));
	const top = Math.min(...places.map((place) => place[1] ?? 0));
	const at = viewOf(before, scope, id)?.at ?? [0, 0];
	const own = pathOf(scope, id);
	const view = {};
	const moved = (below) => {
		const first = below.split("/")[0] ?? "";
		return pathOf(scope, (renamed.get(first) ?? first) + below.slice(first.length));
	};
	for (const [path, entry] of Object.entries({
		...prefixed(inner.view, own),
		...graph.view
	})) {
		if (path === own || path.startsWith(`${own}/$`)) continue;
		view[path.startsWith(`${own}/`) ? moved(path.slice(own.length + 1)) : path] = entry;
	}
	let made = setView(graph, view);
	for (const [k, now] of renamed) {
		const place = viewOf(before, inside, k)?.at ?? [0, 0];
		const to = [place[0] - left + at[0], place[1] - top + at[1]];
		made = withView(made, scope, now, { at: to });
	}
	return made;
}
function prefixed(view, own) {
	const made = {};
	for (const [path, entry] of Object.entries(view ?? {})) if (!path.startsWith("$")) made[`${own}/${path}`] = entry;
	return made;
}
// src/model/edit.ts
function addNode(graph, scope, type, at, catalogue, params) {
	const nodes = nodesIn(graph, scope);
	if (!nodes) return {
		graph,
		id: ""
	};
	const id = freshId(nodes, type.split(".").at(-1) ?? type);
	const node = { type };
	const version = catalogue.nodes.get(type)?.version ?? 1;
	if (version !== 1) node.version = version;
	if (params && Object.keys(params).length) node.params = params;
	if (type === "flow.loop" || type === "flow.map") node.body = {};
	if (type === "flow.graph") node.graph = {
		nodeflow: graph.nodeflow,
		nodes: {}
	};
	return {
		graph: withView(withNodes(graph, scope, (before) => ({
			...before,
			[id]: node
		})), scope, id, { at: rounded$1(at) }),
		id
	};
}
/** Removes nodes, frames, notes and wires (`wire:…`), and every wire at a removed node. */
function removeItems(graph, scope, ids) {
	const nodes = nodesIn(graph, scope) ?? {};
	const gone = new Set(ids.filter((id) => id in nodes));
	let made = removeWires(graph, scope, ids);
	if (gone.size) {
		made = withNodes(made, scope, (before) => mapRecord(before, keepUnless(gone)) ?? before);
		made = relinkScope(made, scope, (link) => gone.has(splitLink(link).node) ? void 0 : link);
		made = retarget(made, scope, (id, below, port) => gone.has(id) ? void 0 : `${id}${below}.${port}`);
		made = reviewIds(made, scope, (id) => gone.has(id) ? void 0 : id);
	}
	return removeDrawn(made, ids);
}
function keepUnless(gone) {
	return (node, id) => gone.has(id) ? void 0 : node;
}
function removeWires(graph, scope, ids) {
	const wires = ids.filter((id) => id.startsWith(WIRE)).map((id) => wireEnd(id.slice(WIRE.length)));
	wires.sort((a, b) => (b.index ?? 0) - (a.index ?? 0));
	return wires.reduce((made, { to, index }) => disconnect(made, scope, to, index), graph);
}
function removeDrawn(graph, ids) {
	const frames = new Set(drawnIds(ids, FRAME));
	const notes = new Set(drawnIds(ids, NOTE));
	if (!graph.view || !(frames.size || notes.size)) return graph;
	const kept = graph.view.$frames?.filter((frame) => !frames.has(frame.id));
	const left = graph.view.$notes?.filter((note) => !notes.has(note.id));
	let view = withField(graph.view, "$frames", kept);
	view = withField(view, "$notes", left);
	return setView(graph, view);
}
function drawnIds(ids, prefix) {
	return ids.filter((id) => id.startsWith(prefix)).map((id) => id.slice(prefix.length));
}
/** A literal set, or taken back to its default by undefined. It takes the place of a wire. */
function setParam(graph, scope, id, port, value) {
	return changeNode(graph, scope, id, (node) => {
		const before = node.params?.[port];
		if (sameJson(before, value) && (value === void 0 || !node.links?.[port])) return node;
		const { [port]: _, ...others } = node.params ?? {};
		const made = withField(node, "params", value === void 0 ? others : {
			...node.params,
			[port]: value
		});
		if (value === void 0) return made;
		return withField(made, "links", mapRecord(node.links, (l, name) => name === port ? void 0 : l));
	});
}
function sameJson(a, b) {
	return a === b || writeJson(a) === writeJson(b);
}
function setMode(graph, scope, ids, mode) {
	return ids.reduce((made, id) => changeNode(made, scope, id, (node) => withField(node, "mode", mode)), graph);
}
/** A wire drawn. Where it does not fit (ask `judge`) the graph stays as it is. A port that takes a
* list gathers what does not fill it whole. */
function connect(graph, scope, from, to, catalogue) {
	const verdict = judge(graph, scope, from, to, catalogue);
	if (!verdict.ok) return graph;
	const link = linkOf(from);
	if (from.node === "$in" && innerGraph(holderOf(graph, scope))) return feedFromGroup(graph, scope, from.port, to);
	const before = linksAt(graph, scope, to);
	if (before.length === 1 && before[0] === link) return graph;
	if (before.includes(link)) return graph;
	const made = unfeed(graph, scope, to);
	if (!verdict.gathers) return setLink(made, scope, to, link);
	const gathered = verdict.replaces === void 0 ? [...before, link] : [link];
	return changeNode(made, scope, to.node, (node) => withLink(node, to.port, gathered));
}
/** A port inside a group is fed by one thing: what the group's input gave it is let go of. */
function unfeed(graph, scope, to) {
	const file = scope.length ? fileOf(graph, scope) : void 0;
	if (!file?.inputs || to.node === "$out") return graph;
	return changeHolder(graph, scope, (holder) => {
		const inner = withTargets(file, (target) => target !== `${to.node}.${to.port}`);
		return inner === file ? holder : {
			...holder,
			graph: inner
		};
	});
}
function withTargets(file, keep) {
	return withField(file, "inputs", mapRecord(file.inputs, (targets) => {
		const list = typeof targets === "string" ? [targets] : targets;
		const kept = list.filter(keep);
		return kept.length === list.length ? targets : kept;
	}));
}
function feedFromGroup(graph, scope, name, to) {
	return changeHolder(disconnect(graph, scope, to), scope, (holder) => {
		const inner = innerGraph(holder);
		return inner ? {
			...holder,
			graph: withTarget(inner, name, `${to.node}.${to.port}`)
		} : holder;
	});
}
function withTarget(file, name, target) {
	const before = file.inputs?.[name];
	const list = before === void 0 ? [] : typeof before === "string" ? [before] : before;
	if (list.includes(target)) return file;
	const targets = list.length ? [...list, target] : target;
	return {
		...file,
		inputs: {
			...file.inputs,
			[name]: targets
		}
	};
}
function setLink(graph, scope, to, link) {
	if (to.node === "$out") return setLeaving(graph, scope, to.port, link);
	return changeNode(graph, scope, to.node, (node) => isLoop(node) ? withLoopLink(node, to.port, link) : withLink(node, to.port, link));
}
function withLink(node, port, link) {
	const made = {
		...node,
		links: {
			...node.links,
			[port]: link
		}
	};
	const { [port]: _, ...params } = node.params ?? {};
	return withField(made, "params", params);
}
function withLoopLink(node, port, link) {
	const { node: kind, port: name } = splitLink(port);
	if (kind === "each" || kind === "const") return {
		...node,
		[kind]: {
			...node[kind],
			[name]: link
		}
	};
	if (kind !== "state") return node;
	const next = node.state?.[name]?.next ?? "";
	return {
		...node,
		state: {
			...node.state,
			[name]: {
				init: link,
				next
			}
		}
	};
}
function setLeaving(graph, scope, port, link) {
	return changeHolder(graph, scope, (holder) => {
		const inner = innerGraph(holder);
		if (inner) {
			const outputs = {
				...inner.outputs,
				[port]: link
			};
			return {
				...holder,
				graph: {
					...inner,
					outputs
				}
			};
		}
		const { node: kind, port: name } = splitLink(port);
		if (kind === "collect") return {
			...holder,
			collect: {
				...holder.collect,
				[name]: link
			}
		};
		const state = holder.state?.[name];
		if (kind !== "next" || !state) return holder;
		return {
			...holder,
			state: {
				...holder.state,
				[name]: {
					...state,
					next: link
				}
			}
		};
	});
}
/** The wire at a port removed; of a gathered list the one of that index alone. Ports of loops,
* pads and groups stay, without a wire. */
function disconnect(graph, scope, to, index) {
	if (!linksAt(graph, scope, to).length) return unfeed(graph, scope, to);
	const made = dropReroutes(graph, scope, to);
	if (to.node === "$out" || isLoop(nodesIn(graph, scope)?.[to.node])) return setLink(made, scope, to, "");
	return changeNode(made, scope, to.node, (node) => {
		const links = node.links?.[to.port];
		const left = Array.isArray(links) && index !== void 0 ? links.filter((_, k) => k !== index) : [];
		const kept = left.length ? left : void 0;
		return withField(node, "links", mapRecord(node.links, (l, name) => name === to.port ? kept : l));
	});
}
function dropReroutes(graph, scope, to) {
	const port = pathOf(scope, `${to.node}.${to.port}`);
	const reroutes = graph.view?.$reroutes;
	if (!graph.view || !reroutes) return graph;
	const kept = mapRecord(reroutes, (points, wire) => wire === port || wire.startsWith(`${port}#`) ? void 0 : points);
	return kept === reroutes ? graph : setView(graph, withField(graph.view, "$reroutes", kept));
}
/** A node put into a wire: what fed the wire feeds its first port that fits, and the first output
* that fits feeds what the wire fed. The same graph if it does not fit. */
function insertOnWire(graph, scope, wireId, id, catalogue) {
	const wire = wiresIn(graph, scope).find((one) => one.id === wireId);
	if (!wire || wire.from.node === id || wire.to.node === id) return graph;
	const cut = disconnect(graph, scope, wire.to, wire.index);
	const ports = portsOf(cut, scope, id, catalogue);
	const free = ports.inputs.filter((port) => !linksAt(cut, scope, {
		node: id,
		port: port.name
	}).length);
	for (const input of free) {
		const entered = connect(cut, scope, wire.from, {
			node: id,
			port: input.name
		}, catalogue);
		if (entered === cut) continue;
		for (const output of ports.outputs) {
			const made = connect(entered, scope, {
				node: id,
				port: output.name
			}, wire.to, catalogue);
			if (made !== entered) return made;
		}
	}
	return graph;
}
function rounded$1(at) {
	return [Math.round(at[0]), Math.round(at[1])];
}
/** Nodes, pads (`$in`), frames and notes moved to where they are told. */
function moveItems(graph, scope, to) {
	let made = graph;
	for (const [id, at] of Object.entries(to)) {
		const drawn = drawnId(id);
		made = drawn ? changeDrawn(made, drawn, { at: rounded$1(at) }) : withView(made, scope, id, { at: rounded$1(at) });
	}
	return made;
}
function drawnId(id) {
	if (id.startsWith("frame:")) return {
		kind: "$frames",
		id: id.slice(FRAME.length)
	};
	return id.startsWith("note:") ? {
		kind: "$notes",
		id: id.slice(NOTE.length)
	} : void 0;
}
function changeDrawn(graph, drawn, change) {
	const swap = (list) => {
		const made = list.map((item) => {
			const next = {
				...item,
				...change
			};
			return item.id !== drawn.id || sameJson(item, next) ? item : next;
		});
		return made.every((item, k) => item === list[k]) ? list : made;
	};
	const view = graph.view;
	if (!view) return graph;
	const frames = drawn.kind === "$frames" ? swap(view.$frames ?? []) : view.$frames;
	const notes = drawn.kind === "$notes" ? swap(view.$notes ?? []) : view.$notes;
	if (sameJson(frames, view.$frames) && sameJson(notes, view.$notes)) return graph;
	return setView(graph, withField(withField(view, "$frames", frames), "$notes", notes));
}
function resizeItem(graph, scope, id, size, at) {
	const drawn = drawnId(id);
	const place = at ? { at: rounded$1(at) } : {};
	if (!drawn) return withView(graph, scope, id, {
		...place,
		size: size && rounded$1(size)
	});
	return size ? changeDrawn(graph, drawn, {
		...place,
		size: rounded$1(size)
	}) : graph;
}
/** What is written above a node or frame; "" is its own title again. */
function setTitle(graph, scope, id, title) {
	const drawn = drawnId(id);
	if (drawn?.kind === "$frames") return changeDrawn(graph, drawn, { title });
	return drawn ? graph : withView(graph, scope, id, { title: title || void 0 });
}
function setCollapsed(graph, scope, ids, on) {
	return ids.reduce((made, id) => drawnId(id) ? made : withView(made, scope, id, { collapsed: on || void 0 }), graph);
}
function addFrame(graph, scope, at, size, title = "") {
	const frames = graph.view?.$frames ?? [];
	const id = freshName("frame", (name) => frames.some((frame) => frame.id === name));
	const frame = {
		id,
		scope: scope.join("/"),
		at: rounded$1(at),
		size: rounded$1(size),
		title
	};
	const view = {
		...graph.view,
		$frames: [...frames, frame]
	};
	return {
		graph: {
			...graph,
			view
		},
		id: FRAME + id
	};
}
function addNote(graph, scope, at, text = "", size = [260, 120]) {
	const notes = graph.view?.$notes ?? [];
	const id = freshName("note", (name) => notes.some((note) => note.id === name));
	const note = {
		id,
		scope: scope.join("/"),
		at: rounded$1(at),
		size: rounded$1(size),
		text
	};
	const view = {
		...graph.view,
		$notes: [...notes, note]
	};
	return {
		graph: {
			...graph,
			view
		},
		id: NOTE + id
	};
}
/** `id` with or without its `note:`. */
function setNoteText(graph, id, text) {
	return changeDrawn(graph, {
		kind: "$notes",
		id: id.startsWith("note:") ? id.slice(NOTE.length) : id
	}, { text });
}
/** Points that a wire passes; [] takes the straight way again. */
function setReroute(graph, scope, wire, points) {
	const key = pathOf(scope, wire.startsWith("wire:") ? wire.slice(WIRE.length) : wire);
	const { [key]: before, ...others } = graph.view?.$reroutes ?? {};
	const next = points.map(rounded$1);
	if (sameJson(before ?? [], next)) return graph;
	const reroutes = next.length ? {
		...others,
		[key]: next
	} : others;
	return setView(graph, withField(graph.view ?? {}, "$reroutes", reroutes));
}
/** `target` (`denoise/guide.scale`) made one of what the graph's input `name` feeds. */
function expose(graph, name, target) {
	return withTarget(graph, name, target);
}
/** A declared input removed, or one of its targets alone. */
function unexpose(graph, name, target) {
	const before = graph.inputs?.[name];
	if (before === void 0) return graph;
	const list = typeof before === "string" ? [before] : before;
	const kept = target === void 0 ? [] : list.filter((one) => one !== target);
	if (kept.length === list.length) return graph;
	const next = kept.length > 1 ? kept : kept[0];
	return withField(graph, "inputs", mapRecord(graph.inputs, (one, k) => k === name ? next : one));
}
/** What the graph is for: `link` under `name`; undefined takes it back. */
function setOutput(graph, name, link) {
	if (graph.outputs?.[name] === link) return graph;
	const { [name]: _, ...others } = graph.outputs ?? {};
	return withField(graph, "outputs", link === void 0 ? others : {
		...graph.outputs,
		[name]: link
	});
}
function setAbout(graph, about) {
	let made = graph;
	if (about.title !== void 0) made = withField(made, "title", about.title || void 0);
	if (about.description !== void 0) made = withField(made, "description", about.description || void 0);
	return made;
}
// src/widgets/rows.ts
function widgetRows(widget) {
	return widget?.widget === "Prompt" || widget?.widget === "TextArea" ? 3 : 1;
}
/** Whether the port shows a field for its literal when no wire ends at it. */
function hasField(port) {
	return port.widget !== void 0;
}
function isLinked(node, port) {
	const link = node?.links?.[port];
	return Array.isArray(link) ? link.length > 0 : link !== void 0;
}
/** Rows from the top: sockets of inputs beside those of outputs, then one field per literal. */
function cardLayout(ports, state = {}) {
	const width = Math.max(180, state.view?.size?.[0] ?? 248);
	if (state.view?.collapsed) return collapsed(ports, width);
	const sockets = ports.inputs.filter((port) => !hasField(port));
	const fields = ports.inputs.filter(hasField);
	const rows = [];
	let y = 41;
	for (let k = 0; k < Math.max(sockets.length, ports.outputs.length); k += 1) {
		const row = {
			y,
			height: 26,
			widget: false
		};
		if (sockets[k]) row.input = sockets[k];
		if (ports.outputs[k]) row.output = ports.outputs[k];
		rows.push(row);
		y += 26;
	}
	for (const port of fields) {
		const linked = isLinked(state.node, port.name) || (state.fed?.[port.name]?.length ?? 0) > 0;
		const many = linked ? 1 : widgetRows(port.widget);
		const height = many > 1 ? many * 26 + 20 + 4 : 26;
		rows.push({
			y,
			height,
			input: port,
			widget: !linked
		});
		y += height;
	}
	const inside = state.inside ? 44 : 0;
	return {
		width,
		height: y + 7 + inside,
		rows,
		handles: places(rows, width)
	};
}
function places(rows, width) {
	const handles = [];
	for (const row of rows) {
		const y = row.y + (Math.min(row.height, 26) - 22) / 2;
		if (row.input) handles.push(place(row.input.name, "target", -6, y));
		if (row.output) handles.push(place(row.output.name, "source", width + 6 - 22, y));
	}
	return handles;
}
function place(id, type, x, y) {
	return {
		id,
		type,
		x,
		y,
		width: 22,
		height: 22
	};
}
/** A title alone: all wires meet at the middle of its sides. */
function collapsed(ports, width) {
	const y = 6;
	return {
		width,
		height: 34,
		rows: [],
		handles: [...ports.inputs.map((port) => place(port.name, "target", -6, y)), ...ports.outputs.map((port) => place(port.name, "source", width + 6 - 22, y))]
	};
}
/** Width and height alone, for layouts. */
function nodeSize(ports, view, state = {}) {
	const { width, height } = cardLayout(ports, {
		...state,
		view
	});
	return {
		width,
		height
	};
}
/** Places by the wires among `ids`, from left to right; the upper left corner stays where it is. */
function arrange(graph, scope, ids, sizes) {
	const chosen = new Set(ids);
	if (!chosen.size) return {};
	const plan = new T();
	plan.setGraph({
		rankdir: "LR",
		nodesep: 32,
		ranksep: 80,
		ranker: "network-simplex"
	});
	plan.setDefaultEdgeLabel(() => ({}));
	for (const id of chosen) plan.setNode(id, { ...sizes[id] ?? {
		width: 260,
		height: 120
	} });
	for (const wire of wiresIn(graph, scope)) if (chosen.has(wire.from.node) && chosen.has(wire.to.node)) plan.setEdge(wire.from.node, wire.to.node);
	Oe(plan);
	const placed = {};
	for (const id of chosen) {
		const { x, y, width, height } = plan.node(id);
		placed[id] = [x - width / 2, y - height / 2];
	}
	const before = [...chosen].map((id) => viewOf(graph, scope, id)?.at).filter((at) => !!at);
	const [left, top] = before.length ? corner(before) : [0, 0];
	const [madeLeft, madeTop] = corner(Object.values(placed));
	return mapPlaces(placed, ([x, y]) => [Math.round(x - madeLeft + left), Math.round(y - madeTop + top)]);
}
function corner(places) {
	return [Math.min(...places.map((p) => p[0])), Math.min(...places.map((p) => p[1]))];
}
function mapPlaces(places, change) {
	return Object.fromEntries(Object.entries(places).map(([id, at]) => [id, change(at)]));
}
function sizesOf(graph, scope, ids, catalogue) {
	const nodes = nodesIn(graph, scope) ?? {};
	return Object.fromEntries(ids.map((id) => {
		const node = nodes[id];
		const inside = isLoop(node) || innerGraph(node) !== void 0;
		return [id, nodeSize(portsOf(graph, scope, id, catalogue), viewOf(graph, scope, id), {
			node,
			inside
		})];
	}));
}
/** A graph in which nothing has a place (made by a program) arranged, in every scope; places that
* somebody chose stay. Pads stand beside what their body has. */
function placeMissing(graph, catalogue) {
	let made = graph;
	const pending = [[]];
	for (let scope = pending.pop(); scope; scope = pending.pop()) {
		made = placeScope(made, scope, catalogue);
		for (const [id, node] of Object.entries(nodesIn(made, scope) ?? {})) if (isLoop(node) || innerGraph(node)) pending.push([...scope, id]);
	}
	return made;
}
function placeScope(graph, scope, catalogue) {
	const ids = Object.keys(nodesIn(graph, scope) ?? {});
	const missing = ids.filter((id) => !viewOf(graph, scope, id));
	let made = graph;
	if (missing.length) {
		const sizes = sizesOf(graph, scope, ids, catalogue);
		const places = arrange(graph, scope, missing, sizes);
		const below = missing.length < ids.length ? bottom(graph, scope, ids, sizes) + 60 : 0;
		for (const [id, [x, y]] of Object.entries(places)) made = withView(made, scope, id, { at: [x, y + below] });
	}
	return scope.length && holderOf(made, scope) ? placePads(made, scope, ids, catalogue) : made;
}
function bottom(graph, scope, ids, sizes) {
	const ends = ids.map((id) => {
		const at = viewOf(graph, scope, id)?.at;
		return at ? at[1] + (sizes[id]?.height ?? 0) : Number.NEGATIVE_INFINITY;
	});
	return Math.max(...ends);
}
function placePads(graph, scope, ids, catalogue) {
	let made = graph;
	const sizes = sizesOf(graph, scope, [...ids, "$in"], catalogue);
	const places = ids.map((id) => ({
		at: viewOf(graph, scope, id)?.at ?? [0, 0],
		size: sizes[id]
	}));
	const left = Math.min(0, ...places.map(({ at }) => at[0] ?? 0));
	const top = places.length ? Math.min(...places.map(({ at }) => at[1] ?? 0)) : 0;
	const right = Math.max(0, ...places.map(({ at, size }) => (at[0] ?? 0) + (size?.width ?? 0)));
	const width = sizes["$in"]?.width ?? 200;
	if (!viewOf(graph, scope, "$in")) made = withView(made, scope, "$in", { at: [left - width - 80, top] });
	if (!viewOf(graph, scope, "$out")) made = withView(made, scope, PAD_OUT, { at: [right + 80, top] });
	return made;
}
/** Boxes brought into line at one edge, or on their common centre or middle line. */
function align(boxes, edge) {
	const all = Object.values(boxes);
	if (!all.length) return {};
	const left = Math.min(...all.map((box) => box.at[0]));
	const right = Math.max(...all.map((box) => box.at[0] + box.width));
	const top = Math.min(...all.map((box) => box.at[1]));
	const bottomEdge = Math.max(...all.map((box) => box.at[1] + box.height));
	const place = ({ at: [x, y], width, height }) => {
		if (edge === "left") return [left, y];
		if (edge === "right") return [right - width, y];
		if (edge === "top") return [x, top];
		if (edge === "bottom") return [x, bottomEdge - height];
		if (edge === "centre") return [Math.round((left + right - width) / 2), y];
		return [x, Math.round((top + bottomEdge - height) / 2)];
	};
	return Object.fromEntries(Object.entries(boxes).map(([id, box]) => [id, place(box)]));
}
/** Boxes with equal gaps between them; the outermost two stay. */
function distribute(boxes, along) {
	const axis = along === "x" ? 0 : 1;
	const extent = (box) => axis === 0 ? box.width : box.height;
	const sorted = Object.entries(boxes).sort(([, a], [, b]) => a.at[axis] - b.at[axis]);
	const first = sorted[0]?.[1];
	const last = sorted.at(-1)?.[1];
	if (!first || !last || sorted.length < 3) return {};
	const gap = (last.at[axis] + extent(last) - first.at[axis] - sorted.reduce((sum, [, box]) => sum + extent(box), 0)) / (sorted.length - 1);
	const places = {};
	let at = first.at[axis];
	for (const [id, box] of sorted) {
		const here = Math.round(at);
		places[id] = axis === 0 ? [here, box.at[1]] : [box.at[0], here];
		at += extent(box) + gap;
	}
	return places;
}
function snap$1(at, grid = 20) {
	return [Math.round(at[0] / grid) * grid, Math.round(at[1] / grid) * grid];
}
// src/store/catalogue.ts
/** The catalogue, once it is loaded. */
var EMPTY = {
	version: "",
	nodes: /* @__PURE__ */ new Map(),
	types: /* @__PURE__ */ new Map(),
	conversions: []
};
var useCatalogue = create()(() => ({
	catalogue: EMPTY,
	loaded: false,
	fault: ""
}));
// src/store/editor.ts
/**
* The document: one graph file, where in it one looks, what is selected, and every step back.
* Nodes on the canvas hold no state of their own; all of it is here or in the other stores.
*/
var useEditor = create()((set, get) => ({
	graph: emptyGraph(),
	scope: [],
	selection: [],
	past: [],
	future: [],
	name: "",
	etag: "",
	origin: "",
	saved: emptyGraph(),
	loads: 0,
	edit(label, change, options = {}) {
		const { graph, scope, selection, past } = get();
		const next = change(graph);
		if (next === graph) return;
		const merge = options.merge ?? "";
		const last = past.at(-1);
		const joins = merge !== "" && last?.merge === merge && get().future.length === 0;
		const step = {
			label,
			graph,
			scope,
			selection,
			merge
		};
		set({
			graph: next,
			past: joins ? past : [...past, step].slice(-300),
			future: [],
			selection: options.select ?? selection
		});
	},
	undo() {
		const { past, future, graph, scope, selection } = get();
		const step = past.at(-1);
		if (!step) return;
		const now = {
			...step,
			graph,
			scope,
			selection
		};
		set({
			graph: step.graph,
			scope: step.scope,
			selection: step.selection,
			past: past.slice(0, -1),
			future: [...future, now]
		});
	},
	redo() {
		const { past, future, graph, scope, selection } = get();
		const step = future.at(-1);
		if (!step) return;
		const now = {
			...step,
			graph,
			scope,
			selection,
			merge: ""
		};
		set({
			graph: step.graph,
			scope: step.scope,
			selection: step.selection,
			past: [...past, now],
			future: future.slice(0, -1)
		});
	},
	load(graph, from = {}) {
		set((state) => ({
			graph,
			saved: graph,
			scope: [],
			selection: [],
			past: [],
			future: [],
			name: from.name ?? "",
			etag: from.etag ?? "",
			origin: from.origin ?? "",
			loads: state.loads + 1
		}));
	},
	markSaved(graph, name, etag) {
		set({
			saved: graph,
			name,
			etag
		});
	},
	select(ids) {
		const before = get().selection;
		if (ids.length === before.length && ids.every((id, k) => id === before[k])) return;
		set({ selection: ids });
	},
	enter(id) {
		const { graph, scope } = get();
		const inside = [...scope, id];
		if (nodesIn(graph, inside)) set({
			scope: inside,
			selection: []
		});
	},
	leave() {
		const { scope } = get();
		const left = scope.at(-1);
		if (left !== void 0) set({
			scope: scope.slice(0, -1),
			selection: [left]
		});
	},
	goTo(scope) {
		if (nodesIn(get().graph, scope)) set({
			scope,
			selection: []
		});
	}
}));
/** Whether there is something that the server does not have. */
function isDirty(state) {
	return state.graph !== state.saved;
}
// src/store/ui.ts
/** What is open, and how it looks. Kept in this browser; nothing of the graph is here. */
var counter = 0;
var useUi = create()((set) => ({
	theme: "system",
	right: "",
	overlay: "",
	subject: null,
	drawer: false,
	minimap: true,
	previews: true,
	notices: [],
	wire: null,
	hoverWire: (wire) => set((state) => state.wire === wire ? state : { wire }),
	setTheme: (theme) => set({ theme }),
	openRight: (right) => set({ right }),
	openOverlay: (overlay, subject = null) => set({
		overlay,
		subject
	}),
	closeOverlay: () => set({
		overlay: "",
		subject: null
	}),
	setDrawer: (drawer) => set({ drawer }),
	setMinimap: (minimap) => set({ minimap }),
	setPreviews: (previews) => set({ previews }),
	notify: (kind, text, action) => {
		counter += 1;
		const notice = action ? {
			id: counter,
			kind,
			text,
			action
		} : {
			id: counter,
			kind,
			text
		};
		set((state) => ({ notices: [...state.notices, notice] }));
	},
	dismiss: (id) => set((state) => ({ notices: state.notices.filter((n) => n.id !== id) }))
}));
// src/store/runs.ts
/**
* What the server tells of runs: the queue, and of each run the state of every node and step.
* Filled by `api/socket.ts` alone, through `apply`; everything else reads.
*/
/** Finished runs whose nodes are remembered; others are asked for again when they are shown. */
var REMEMBERED = 60;
var FINISHED$1 = /* @__PURE__ */ new Set([
	"done",
	"failed",
	"cancelled"
]);
var useRuns = create()((set) => ({
	connection: "connecting",
	paused: false,
	running: [],
	queued: [],
	runs: {},
	graphs: {},
	shown: "",
	previews: {},
	breakpoints: [],
	show: (run) => set({ shown: run }),
	toggleBreakpoint: (place) => set(({ breakpoints }) => ({ breakpoints: breakpoints.includes(place) ? breakpoints.filter((other) => other !== place) : [...breakpoints, place] })),
	apply: (messages) => set((state) => {
		if (!messages.length) return state;
		const drafts = /* @__PURE__ */ new Map();
		for (const message of messages) {
			const id = message.data.run;
			let draft = drafts.get(id);
			if (!draft) {
				draft = draftOf(state.runs[id] ?? blank(id));
				drafts.set(id, draft);
			}
			happen(draft, message);
		}
		return { runs: pruned({
			...state.runs,
			...Object.fromEntries(drafts)
		}, state.shown) };
	}),
	know: (summaries) => set(({ runs, shown }) => {
		const made = { ...runs };
		for (const summary of summaries) made[summary.run] = fromSummary(summary, runs[summary.run]);
		return { runs: pruned(made, shown) };
	}),
	keepGraph: (run, graph) => set(({ graphs }) => ({ graphs: {
		...graphs,
		[run]: graph
	} })),
	forget: (run) => set((state) => {
		const { [run]: _, ...runs } = state.runs;
		const { [run]: __, ...graphs } = state.graphs;
		return {
			runs,
			graphs,
			shown: state.shown === run ? "" : state.shown
		};
	}),
	setQueue: ({ paused, running, queued }) => set({
		paused,
		running,
		queued
	}),
	setConnection: (connection) => set({ connection }),
	setPreviews: (previews) => set((state) => {
		const made = { ...state.previews };
		for (const preview of previews) {
			const before = made[preview.node];
			if (before) URL.revokeObjectURL(before.url);
			made[preview.node] = preview;
		}
		return { previews: made };
	})
}));
function draftOf(run) {
	return {
		...run,
		nodes: { ...run.nodes },
		steps: { ...run.steps },
		outputs: [...run.outputs],
		errors: [...run.errors]
	};
}
function blank(run) {
	return {
		run,
		number: 0,
		title: "",
		state: "queued",
		reason: "",
		acceptedAt: 0,
		startedAt: null,
		finishedAt: null,
		lastSeq: 0,
		peakBytes: 0,
		total: null,
		trace: "off",
		nodes: {},
		steps: {},
		outputs: [],
		errors: [],
		pausedAt: "",
		pausedPath: ""
	};
}
function fromSummary(told, before) {
	const run = before ?? blank(told.run);
	const known = {
		...run,
		number: told.number,
		title: told.title,
		trace: told.trace,
		acceptedAt: told.accepted_at
	};
	if (before && before.lastSeq > told.last_seq) return known;
	return {
		...known,
		state: told.state,
		reason: told.reason,
		startedAt: told.started_at,
		finishedAt: told.finished_at,
		peakBytes: told.peak_bytes || run.peakBytes,
		total: told.nodes.total ?? run.total,
		outputs: told.outputs.length ? told.outputs : run.outputs
	};
}
function happen(run, message) {
	run.lastSeq = Math.max(run.lastSeq, message.data.seq);
	switch (message.type) {
		case "nf.run":
			runChanged(run, message.data);
			return;
		case "nf.node":
			nodeChanged(run, message.data);
			return;
		case "nf.step":
			stepBegun(run, message.data);
			return;
		case "nf.output": {
			const { output } = message.data;
			run.outputs = [...run.outputs.filter((other) => other.name !== output.name), output];
			return;
		}
		case "nf.error": {
			const { run: _, seq: __, ...error } = message.data;
			if (error.port && error.message.startsWith(`${error.port}: `)) error.message = error.message.slice(error.port.length + 2);
			run.errors.push(error);
			return;
		}
		case "nf.paused":
			run.state = "paused";
			run.pausedAt = message.data.node;
			run.pausedPath = message.data.path;
	}
}
function runChanged(run, event) {
	if (event.state === "queued" && !run.acceptedAt) run.acceptedAt = event.at;
	if (event.state === "running" && run.state !== "paused") {
		run.nodes = {};
		run.steps = {};
		run.outputs = [];
		run.errors = [];
		run.startedAt = event.at;
		run.finishedAt = null;
	}
	if (event.state !== "paused") {
		run.pausedAt = "";
		run.pausedPath = "";
	}
	if (FINISHED$1.has(event.state)) {
		run.finishedAt = event.at;
		if (event.state !== "done") settle$1(run, event.reason);
	}
	run.state = event.state;
	run.reason = event.reason;
	if (event.total !== null) run.total = event.total;
	if (event.peak_bytes !== null) run.peakBytes = event.peak_bytes;
}
/** Nodes that were on their way tell no more: they were stopped, or fell with what failed. */
function settle$1(run, reason) {
	for (const [path, node] of Object.entries(run.nodes)) {
		if (node.state !== "running" && node.state !== "queued") continue;
		const fault = run.errors.find((error) => error.node === path || error.node.startsWith(`${path}/`));
		const state = fault ? "error" : "stopped";
		run.nodes[path] = {
			...node,
			state,
			why: fault?.message ?? reason
		};
	}
}
function nodeChanged(run, event) {
	const before = run.nodes[event.node];
	const made = {
		state: event.state,
		why: event.why
	};
	const sum = event.path !== event.node ? before?.ms ?? 0 : 0;
	const ms = event.ms === null ? sum ? sum : void 0 : sum + event.ms;
	if (ms !== void 0) made.ms = ms;
	const bytes = event.bytes ?? (event.path !== event.node ? before?.bytes : void 0);
	if (bytes !== void 0 && bytes !== null) made.bytes = bytes;
	if (before?.why && !made.why) made.why = before.why;
	if (before?.step !== void 0) made.step = before.step;
	if (before?.steps !== void 0) made.steps = before.steps;
	run.nodes[event.node] = made;
}
function stepBegun(run, event) {
	const { node, step, steps, sigma, cfg } = event;
	const before = run.nodes[node] ?? {
		state: "running",
		why: ""
	};
	run.nodes[node] = {
		...before,
		step,
		steps
	};
	const known = run.steps[node] ?? [];
	const made = {
		step,
		steps,
		sigma,
		cfg
	};
	const last = known.at(-1);
	if (last && last.step === step) {
		const told = {
			...made,
			sigma: sigma ?? last.sigma,
			cfg: cfg ?? last.cfg
		};
		run.steps[node] = [...known.slice(0, -1), told];
	} else if (last && last.step > step) run.steps[node] = [made];
	else run.steps[node] = [...known, made];
}
function pruned(runs, shown) {
	const finished = Object.values(runs).filter((run) => FINISHED$1.has(run.state));
	if (finished.length <= REMEMBERED) return runs;
	finished.sort((a, b) => b.acceptedAt - a.acceptedAt);
	const gone = new Set(finished.slice(REMEMBERED).map((run) => run.run).filter((run) => run !== shown));
	return Object.fromEntries(Object.entries(runs).filter(([id]) => !gone.has(id)));
}
// src/canvas/navigate.ts
/** How much a step aside counts against a step ahead. */
var ASIDE = 2.2;
function between(a, b, direction) {
	const dx = b.x + b.width / 2 - (a.x + a.width / 2);
	const dy = b.y + b.height / 2 - (a.y + a.height / 2);
	const apart = (gap) => Math.max(0, gap);
	const gapX = apart(Math.max(a.x - (b.x + b.width), b.x - (a.x + a.width)));
	const gapY = apart(Math.max(a.y - (b.y + b.height), b.y - (a.y + a.height)));
	if (direction === "left") return {
		ahead: -dx,
		aside: gapY,
		skew: Math.abs(dy)
	};
	if (direction === "right") return {
		ahead: dx,
		aside: gapY,
		skew: Math.abs(dy)
	};
	if (direction === "up") return {
		ahead: -dy,
		aside: gapX,
		skew: Math.abs(dx)
	};
	return {
		ahead: dy,
		aside: gapX,
		skew: Math.abs(dx)
	};
}
/** The id of the node reached from `from`, or "" at the rim. */
function neighbour(boxes, from, direction) {
	const start = boxes.find((box) => box.id === from);
	if (!start) return "";
	let best = "";
	let least = Number.POSITIVE_INFINITY;
	for (const box of boxes) {
		if (box.id === from) continue;
		const { ahead, aside, skew } = between(start, box, direction);
		if (ahead <= 1) continue;
		const cost = ahead + ASIDE * aside + .2 * skew;
		if (cost < least) {
			least = cost;
			best = box.id;
		}
	}
	return best;
}
/** Where the keyboard begins: the node nearest to the top left. */
function first(boxes) {
	let best = "";
	let least = Number.POSITIVE_INFINITY;
	for (const box of boxes) if (box.x + box.y < least) {
		least = box.x + box.y;
		best = box.id;
	}
	return best;
}
// src/canvas/scene.ts
var current = {
	nodes: [],
	edges: []
};
function scene() {
	return current;
}
function setScene(next) {
	current = next;
}
// src/canvas/store.ts
var useCanvasStore = create()((set) => ({
	moving: null,
	sizing: null,
	bending: null,
	linking: null,
	search: null,
	menu: null,
	targets: null,
	refusal: null,
	writing: "",
	dropWire: "",
	said: "",
	snap: false,
	boxing: false,
	say: (text) => set((s) => ({ said: s.said === text ? `${text}\u00a0` : text })),
	close: () => set({
		search: null,
		menu: null,
		targets: null,
		refusal: null
	})
}));
var flow = null;
var pane = null;
/** Set by the canvas when it is there; null where it is not (tests, before the first paint). */
function setFlow(instance, element) {
	flow = instance;
	pane = element;
}
function theFlow() {
	return flow;
}
/** The canvas on the screen. */
function paneBox() {
	return pane?.getBoundingClientRect() ?? new DOMRect(0, 0, 800, 600);
}
function focusPane() {
	pane?.focus({ preventScroll: true });
}
/** Whether keys go to the canvas itself and to nothing on it. */
function isPaneFocused() {
	return pane !== null && document.activeElement === pane;
}
/** The middle of what one sees, on the screen. */
function centre() {
	const box = paneBox();
	return [box.x + box.width / 2, box.y + box.height / 2];
}
function toCanvas(screen) {
	const place = flow?.screenToFlowPosition({
		x: screen[0],
		y: screen[1]
	}, { snapToGrid: false });
	return place ? [Math.round(place.x), Math.round(place.y)] : [0, 0];
}
function toScreen(at) {
	const place = flow?.flowToScreenPosition({
		x: at[0],
		y: at[1]
	});
	return place ? [place.x, place.y] : [0, 0];
}
// src/canvas/actions.ts
/** What keys, menus and buttons do on the canvas: each is one undoable step. */
var say = (text) => useCanvasStore.getState().say(text);
var editor$1 = () => useEditor.getState();
var catalogue$1 = () => useCatalogue.getState().catalogue;
function isPad(id) {
	return id === "$in" || id === "$out";
}
/** Ids of selected nodes, without pads, frames, notes and wires. */
function selectedNodes() {
	const { graph, scope, selection } = editor$1();
	const nodes = nodesIn(graph, scope) ?? {};
	return selection.filter((id) => id in nodes);
}
/** All that has a place: nodes, frames, notes. */
function selectedItems() {
	return editor$1().selection.filter((id) => !id.startsWith("wire:"));
}
function many(ids, what = "node") {
	return ids.length === 1 ? `1 ${what}` : `${ids.length} ${what}s`;
}
function boxes() {
	return scene().nodes.map(boxOf);
}
function boxOf(node) {
	const { width = 0, height = 0 } = node.measured ?? {};
	return {
		id: node.id,
		x: node.position.x,
		y: node.position.y,
		width,
		height
	};
}
function bounds(ids) {
	const chosen = boxes().filter((box) => ids.includes(box.id));
	if (!chosen.length) return null;
	const x = Math.min(...chosen.map((box) => box.x));
	const y = Math.min(...chosen.map((box) => box.y));
	return {
		x,
		y,
		width: Math.max(...chosen.map((box) => box.x + box.width)) - x,
		height: Math.max(...chosen.map((box) => box.y + box.height)) - y
	};
}
/** Farther out than this nothing can be told apart. */
var LEAST_ZOOM = .05;
function fit(ids, least = LEAST_ZOOM) {
	const flow = theFlow();
	const all = boxes().map((box) => box.id);
	const box = bounds(ids?.length ? ids : all);
	if (!flow || !box) return;
	const pane = paneBox();
	const pad = pane.width < 600 ? 16 : 48;
	const zoom = Math.min((pane.width - 2 * pad) / box.width, (pane.height - 2 * pad - 40) / box.height, 1);
	const shown = Math.max(least, zoom);
	const wide = box.width * shown > pane.width - 2 * pad;
	const high = box.height * shown > pane.height - 2 * pad;
	const x = wide ? pad - box.x * shown : (pane.width - box.width * shown) / 2 - box.x * shown;
	const y = high ? pad + 30 - box.y * shown : (pane.height + 20 - box.height * shown) / 2 - box.y * shown;
	flow.setViewport({
		x,
		y,
		zoom: shown
	});
}
function zoomBy(factor) {
	const flow = theFlow();
	if (flow) flow.zoomTo(flow.getZoom() * factor);
}
function zoomToFull() {
	theFlow()?.zoomTo(1);
}
/** Show a node of any scope, select it and put the keyboard there. */
function zoomTo(path) {
	const { scope, id } = splitPath(path);
	if (editor$1().scope.join("/") !== scope.join("/")) editor$1().goTo(scope);
	editor$1().select([id]);
	requestAnimationFrame(() => reveal(id, true));
}
/** Bring a node into sight, and focus it there once it is drawn. */
function reveal(id, centred = false) {
	const flow = theFlow();
	const node = scene().nodes.find((one) => one.id === id);
	if (!flow || !node) return;
	const box = boxOf(node);
	const pane = paneBox();
	const { x, y, zoom } = flow.getViewport();
	const left = box.x * zoom + x;
	const top = box.y * zoom + y;
	if (!(left >= 0 && top >= 36 && left + box.width * zoom <= pane.width && top + box.height * zoom <= pane.height) || centred) {
		const closer = Math.max(zoom, .5);
		flow.setViewport({
			x: pane.width / 2 - (box.x + box.width / 2) * closer,
			y: pane.height / 2 - (box.y + Math.min(box.height, 300) / 2) * closer,
			zoom: closer
		});
	}
	focusNode(id, 12);
}
/** Only what is in sight is drawn: wait for it some frames. */
function focusNode(id, tries) {
	const element = document.querySelector(`.react-flow__node[data-id="${CSS.escape(id)}"]`);
	if (element) element.focus({ preventScroll: true });
	else if (tries > 0) requestAnimationFrame(() => focusNode(id, tries - 1));
}
var RECENT = "nodeflow.recent";
var RECENT_KEPT = 12;
function recentTypes() {
	try {
		const list = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
		return Array.isArray(list) ? list.filter((one) => typeof one === "string") : [];
	} catch {
		return [];
	}
}
function remember$1(type) {
	const kept = [type, ...recentTypes().filter((one) => one !== type)].slice(0, RECENT_KEPT);
	try {
		localStorage.setItem(RECENT, JSON.stringify(kept));
	} catch {}
}
/** Add a node as the search asked: connected to the socket a link came from, or on the wire. */
function addAsked(type, ask, port) {
	const { scope, edit, graph } = editor$1();
	const types = catalogue$1();
	const made = addNode(graph, scope, type, ask.at, types);
	if (!made.id) return;
	let next = made.graph;
	let told = "";
	if (ask.link) {
		const linked = connectNew(next, made.id, ask.link, port);
		if (linked) {
			next = linked.graph;
			told = `, connected to ${ask.link.node}.${ask.link.port}`;
			next = moveItems(next, scope, { [made.id]: linked.at(ask.at) });
		}
	}
	if (ask.wire) next = insertOnWire(next, scope, ask.wire, made.id, types);
	edit(`Add ${type}`, () => next, { select: [made.id] });
	remember$1(type);
	useCanvasStore.getState().close();
	say(`Added ${types.nodes.get(type)?.title ?? type}${told}`);
	requestAnimationFrame(() => reveal(made.id));
}
function connectNew(graph, id, link, port) {
	const { scope } = editor$1();
	const types = catalogue$1();
	const ports = portsOf(graph, scope, id, types);
	const list = link.side === "source" ? ports.inputs : ports.outputs;
	const names = port ? [port, ...list.map((one) => one.name)] : list.map((one) => one.name);
	for (const name of names) {
		const own = {
			node: id,
			port: name
		};
		const other = {
			node: link.node,
			port: link.port
		};
		const [from, to] = link.side === "source" ? [other, own] : [own, other];
		if (!judge(graph, scope, from, to, types).ok) continue;
		const at = (drop) => [drop[0] + (link.side === "source" ? 24 : -272), drop[1] - 50];
		return {
			graph: connect(graph, scope, from, to, types),
			at
		};
	}
	return null;
}
/** Add a node where there is room near the middle of what one sees. */
function addAtCentre(type) {
	const screen = centre();
	const at = toCanvas(screen);
	addAsked(type, {
		screen,
		at: freePlace([at[0] - 124, at[1] - 60])
	});
}
/** The place, moved down and right until it covers no card's corner. */
function freePlace(at) {
	const all = boxes();
	let [x, y] = at;
	for (let k = 0; k < 40; k += 1) {
		if (!all.some((box) => Math.abs(box.x - x) < 20 && Math.abs(box.y - y) < 20)) break;
		x += 28;
		y += 28;
	}
	return [x, y];
}
function startSearch(screen, more = {}) {
	const at = screen ?? centre();
	useCanvasStore.setState({
		search: {
			screen: at,
			at: toCanvas(at),
			...more
		},
		menu: null,
		targets: null,
		refusal: null,
		linking: null
	});
}
function putOnWire(node, wire) {
	const { scope, edit } = editor$1();
	const put = (graph) => insertOnWire(graph, scope, wire, node, catalogue$1());
	edit("Insert on wire", put, { merge: `drop on ${wire}` });
	say(`Put ${node} on the wire to ${wire}`);
}
/** A converting node between two sockets that do not fit. */
function convert() {
	const { refusal } = useCanvasStore.getState();
	if (!refusal?.conversion) return;
	const { conversion, from, to } = refusal;
	const { graph, scope, edit } = editor$1();
	const types = catalogue$1();
	const places = new Map(boxes().map((box) => [box.id, box]));
	const a = places.get(from.node);
	const b = places.get(to.node);
	const made = addNode(graph, scope, conversion, a && b ? [(a.x + a.width + b.x) / 2 - 124, (a.y + b.y) / 2 + 40] : toCanvas(refusal.screen), types);
	const ports = portsOf(made.graph, scope, made.id, types);
	let next = made.graph;
	const input = ports.inputs.find((port) => {
		const end = {
			node: made.id,
			port: port.name
		};
		return judge(next, scope, from, end, types).ok;
	});
	if (input) next = connect(next, scope, from, {
		node: made.id,
		port: input.name
	}, types);
	const output = ports.outputs.find((port) => {
		const start = {
			node: made.id,
			port: port.name
		};
		return judge(next, scope, start, to, types).ok;
	});
	if (output) next = connect(next, scope, {
		node: made.id,
		port: output.name
	}, to, types);
	edit(`Convert with ${conversion}`, () => next, { select: [made.id] });
	useCanvasStore.setState({ refusal: null });
	say(`Put ${conversion} between ${from.node} and ${to.node}`);
}
function note(screen) {
	const { graph, scope, edit } = editor$1();
	const made = addNote(graph, scope, screen ? toCanvas(screen) : freePlace(toCanvas(centre())), "");
	const id = itemId("note", made.id);
	edit("Add note", () => made.graph, { select: [id] });
	useCanvasStore.setState({ writing: id });
}
var ROOM$2 = 28;
/** A frame around the selection, or an empty one. */
function frame(screen) {
	const { graph, scope, edit } = editor$1();
	const around = bounds(selectedItems());
	const made = addFrame(graph, scope, around ? [around.x - ROOM$2, around.y - ROOM$2 - 34] : toCanvas(screen ?? centre()), around ? [around.width + 56, around.height + 56 + 34] : [420, 280], "Frame");
	const id = itemId("frame", made.id);
	edit("Add frame", () => made.graph, { select: [id] });
	useCanvasStore.setState({ writing: id });
}
function itemId(kind, id) {
	return id.startsWith(`${kind}:`) ? id : `${kind}:${id}`;
}
function remove(ids = editor$1().selection) {
	const { scope, edit } = editor$1();
	const gone = ids.filter((id) => !isPad(id));
	if (!gone.length) return;
	edit(`Delete ${many(gone, "item")}`, (graph) => removeItems(graph, scope, gone), { select: [] });
	say(`Deleted ${many(gone, "item")}`);
	focusPane();
}
/** The last thing copied, for browsers that keep the clipboard from us. */
var own = "";
/** The selection as text for a clipboard; "" if nothing is selected. */
function copyText() {
	const { graph, scope } = editor$1();
	const ids = selectedItems().filter((id) => !isPad(id));
	if (!ids.length) return "";
	own = writeJson(copyItems(graph, scope, ids));
	say(`Copied ${many(ids, "item")}`);
	return own;
}
function copy$1() {
	const text = copyText();
	if (text) navigator.clipboard?.writeText(text).catch(() => void 0);
}
function cut$3() {
	copy$1();
	remove(selectedItems());
}
var pastes = 0;
async function paste(screen) {
	let text = own;
	try {
		text = await navigator.clipboard?.readText() || own;
	} catch {}
	pasteText(readClip(text) ? text : own, screen);
}
function pasteText(text, screen) {
	const clip = readClip(text);
	if (!clip) return false;
	const { graph, scope, edit } = editor$1();
	pastes += 1;
	const at = toCanvas(screen ?? centre());
	const made = pasteItems(graph, scope, clip, screen ? at : freePlace([at[0] - 200 + pastes % 8 * 28, at[1] - 120]));
	if (!made.ids.length) return false;
	edit("Paste", () => made.graph, { select: made.ids });
	say(`Pasted ${many(made.ids, "item")}`);
	return true;
}
function duplicateSelection() {
	const { graph, scope, edit } = editor$1();
	const ids = selectedItems().filter((id) => !isPad(id));
	if (!ids.length) return;
	const made = duplicate(graph, scope, ids, [36, 36]);
	edit("Duplicate", () => made.graph, { select: made.ids });
	say(`Duplicated ${many(made.ids, "item")}`);
}
function selectAll() {
	const ids = scene().nodes.map((one) => one.id);
	editor$1().select(ids);
	say(`Selected ${many(ids, "item")}`);
}
function selectNone() {
	editor$1().select([]);
}
function move(by) {
	const { scope, edit } = editor$1();
	const to = {};
	for (const box of boxes()) if (editor$1().selection.includes(box.id)) to[box.id] = [box.x + by[0], box.y + by[1]];
	edit("Move", (graph) => moveItems(graph, scope, to), { merge: "move by key" });
}
function sizes(ids) {
	const found = {};
	for (const { id, x, y, width, height } of boxes()) if (ids.includes(id)) found[id] = {
		at: [x, y],
		width,
		height
	};
	return found;
}
function alignSelection(how) {
	const ids = selectedItems();
	if (ids.length < 2) return;
	const { scope, edit } = editor$1();
	edit(`Align ${how}`, (graph) => moveItems(graph, scope, align(sizes(ids), how)));
	say(`Aligned ${many(ids, "item")}: ${how}`);
}
function distributeSelection(axis) {
	const ids = selectedItems();
	if (ids.length < 3) return;
	const { scope, edit } = editor$1();
	edit("Distribute", (graph) => moveItems(graph, scope, distribute(sizes(ids), axis)));
	say(`Distributed ${many(ids, "item")}`);
}
/** Lay out the selection, or all: about where it stands now. */
function arrangeSelection() {
	const { scope, edit, graph } = editor$1();
	const chosen = editor$1().selection.filter((id) => !id.includes(":"));
	const ids = chosen.length > 1 ? chosen : scene().nodes.map((one) => one.id).filter((id) => !id.includes(":"));
	const before = bounds(ids);
	if (!before) return;
	const places = arrange(graph, scope, ids, sizes(ids));
	const left = Math.min(...Object.values(places).map((at) => at[0]));
	const top = Math.min(...Object.values(places).map((at) => at[1]));
	const to = {};
	for (const [id, at] of Object.entries(places)) to[id] = [at[0] - left + before.x, at[1] - top + before.y];
	edit("Arrange", (now) => moveItems(now, scope, to));
	say(`Arranged ${many(ids)}`);
}
function toggleMode(mode) {
	const { graph, scope, edit } = editor$1();
	const ids = selectedNodes();
	if (!ids.length) return;
	const nodes = nodesIn(graph, scope) ?? {};
	const on = !ids.every((id) => nodes[id]?.mode === mode);
	const word = mode === "mute" ? "Mute" : "Bypass";
	edit(on ? word : `Un${word.toLowerCase()}`, (now) => setMode(now, scope, ids, on ? mode : void 0));
	say(`${many(ids)} ${on ? mode === "mute" ? "muted" : "bypassed" : "active again"}`);
}
function toggleBreakpoints() {
	const { scope } = editor$1();
	for (const id of selectedNodes()) useRuns.getState().toggleBreakpoint(pathOf(scope, id));
}
function toggleCollapsed() {
	const { scope, edit } = editor$1();
	const ids = selectedNodes();
	if (!ids.length) return;
	const on = !scene().nodes.filter((one) => ids.includes(one.id)).every((one) => one.type === "card" && one.data.view.collapsed);
	edit(on ? "Collapse" : "Expand", (graph) => setCollapsed(graph, scope, ids, on));
	say(`${on ? "Collapsed" : "Expanded"} ${many(ids)}`);
}
function groupSelection() {
	const { graph, scope, edit } = editor$1();
	const ids = selectedNodes();
	if (!ids.length) return;
	const made = group$1(graph, scope, ids);
	if (!made.id) {
		useUi.getState().notify("warning", "These nodes cannot be one group: a wire leaves them and comes back.");
		return;
	}
	edit("Group", () => made.graph, { select: [made.id] });
	say(`Grouped ${many(ids)}`);
}
function ungroupSelection() {
	const { graph, scope, edit } = editor$1();
	const nodes = nodesIn(graph, scope) ?? {};
	const id = selectedNodes().find((one) => nodes[one]?.type === GROUP);
	if (!id) return;
	const made = ungroup(graph, scope, id);
	edit("Ungroup", () => made.graph, { select: made.ids });
	say(`Ungrouped ${id}`);
}
/** Begin to write the title or text of what is selected. */
function beginRename() {
	const id = selectedItems().find((one) => !isPad(one));
	if (id) useCanvasStore.setState({ writing: id });
}
function enterSelected() {
	const [id] = selectedNodes();
	if (id) enter(id);
}
function enter(id) {
	const before = editor$1().scope.length;
	editor$1().enter(id);
	if (editor$1().scope.length > before) say(`Inside ${id}`);
}
function leave() {
	const { scope } = editor$1();
	if (!scope.length) return;
	editor$1().leave();
	say(scope.length > 1 ? `Back in ${scope.at(-2)}` : "Back in the graph");
}
/** Make an input of the graph out of a node's: its port's name, or one near it that is free. */
function toggleExposed(id, port) {
	const { graph, scope, edit } = editor$1();
	const target = `${pathOf(scope, id)}.${port}`;
	for (const [name, targets] of Object.entries(graph.inputs ?? {})) if (targets === target || Array.isArray(targets) && targets.includes(target)) {
		edit(`Take back input ${name}`, (now) => unexpose(now, name, target));
		say(`${name} is no input of the graph any more`);
		return;
	}
	const name = freeName(port, id, graph.inputs ?? {});
	edit(`Expose ${name}`, (now) => expose(now, name, target));
	say(`${target} is the graph's input ${name} now`);
}
function toggleOutput(id, port) {
	const { graph, scope, edit } = editor$1();
	if (scope.length) return;
	const found = `${id}.${port}`;
	const old = Object.entries(graph.outputs ?? {}).find(([, link]) => link === found);
	if (old) {
		edit(`Take back output ${old[0]}`, (now) => setOutput(now, old[0], void 0));
		say(`${old[0]} is no output of the graph any more`);
		return;
	}
	const name = freeName(port, id, graph.outputs ?? {});
	edit(`Output ${name}`, (now) => setOutput(now, name, found));
	say(`${found} is the graph's output ${name} now`);
}
function freeName(port, id, taken) {
	const base = port.split(".").at(-1) ?? port;
	for (const name of [base, `${id}_${base}`]) if (!(name in taken)) return name;
	let k = 2;
	while (`${base}_${k}` in taken) k += 1;
	return `${base}_${k}`;
}
function bend(wire, points, label = "Bend wire") {
	const { scope, edit } = editor$1();
	edit(label, (graph) => setReroute(graph, scope, wire, points));
}
/** Where the keyboard begins when nothing is selected. */
function firstNode() {
	return first(boxes().filter((box) => !box.id.startsWith("frame:")));
}
function menuAtSelection() {
	const [id] = selectedItems();
	const box = id ? boxes().find((one) => one.id === id) : void 0;
	const screen = box ? toScreen([box.x + box.width / 2, box.y + 40]) : centre();
	useCanvasStore.setState({ menu: {
		screen,
		at: toCanvas(screen),
		about: id ? {
			kind: "nodes",
			id
		} : { kind: "canvas" }
	} });
}
// src/canvas/Bars.tsx
var import_jsx_runtime = require_jsx_runtime();
/** Where in the graph one is; each part goes there. */
function Breadcrumb() {
	const scope = useEditor((s) => s.scope);
	const graph = useEditor((s) => s.graph);
	const goTo = useEditor((s) => s.goTo);
	if (!scope.length) return null;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("nav", {
		className: "crumbs",
		"aria-label": "Where you are",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				onClick: () => goTo([]),
				children: graph.title || "Graph"
			}),
			scope.map((id, k) => {
				const outer = scope.slice(0, k);
				const title = viewOf(graph, outer, id)?.title || id;
				const here = k === scope.length - 1;
				return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChevronRight, {
					size: 14,
					"aria-hidden": "true"
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					"aria-current": here ? "page" : void 0,
					onClick: () => goTo(scope.slice(0, k + 1)),
					children: title
				})] }, [...outer, id].join("/"));
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "crumbs-leave",
				onClick: leave,
				children: ["Leave ", /* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: "Esc" })]
			})
		]
	});
}
/** Zoom and what helps the hand, at the lower left. */
function Tools() {
	const zoom = useStore((s) => Math.round(s.transform[2] * 100));
	const minimap = useUi((s) => s.minimap);
	const setMinimap = useUi((s) => s.setMinimap);
	const snap = useCanvasStore((s) => s.snap);
	const boxing = useCanvasStore((s) => s.boxing);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "tools",
		role: "toolbar",
		"aria-label": "View",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				"aria-label": "Add a node (Tab)",
				title: "Add a node (Tab)",
				onClick: () => startSearch(),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(SquarePlus, {
					size: 16,
					"aria-hidden": "true"
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "tools-line" }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				"aria-label": "Zoom out",
				title: "Zoom out (−)",
				onClick: () => zoomBy(1 / 1.25),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Minus, {
					size: 16,
					"aria-hidden": "true"
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "tools-zoom",
				"aria-label": `Zoom ${zoom} percent: back to 100`,
				title: "100 % (1)",
				onClick: zoomToFull,
				children: [zoom, "%"]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				"aria-label": "Zoom in",
				title: "Zoom in (+)",
				onClick: () => zoomBy(1.25),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Plus, {
					size: 16,
					"aria-hidden": "true"
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				"aria-label": "Fit to view",
				title: "Fit to view (F)",
				onClick: () => fit(),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Maximize, {
					size: 16,
					"aria-hidden": "true"
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "tools-line" }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				"aria-label": "Drag selects",
				"aria-pressed": boxing,
				title: "A drag on the canvas selects (else with Shift)",
				onClick: () => useCanvasStore.setState({ boxing: !boxing }),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(SquareDashed, {
					size: 16,
					"aria-hidden": "true"
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				"aria-label": "Snap to grid",
				"aria-pressed": snap,
				title: "Snap to grid",
				onClick: () => useCanvasStore.setState({ snap: !snap }),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Grid3x3, {
					size: 16,
					"aria-hidden": "true"
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				"aria-label": "Minimap",
				"aria-pressed": minimap,
				title: "Minimap (M)",
				onClick: () => setMinimap(!minimap),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Map$1, {
					size: 16,
					"aria-hidden": "true"
				})
			})
		]
	});
}
/** What is read out, and the line that says how to go on with a link taken up by a tap. */
function Told() {
	const said = useCanvasStore((s) => s.said);
	const linking = useCanvasStore((s) => s.linking);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "unseen",
		role: "status",
		"aria-live": "polite",
		children: said
	}), linking?.tap && /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "tap-hint",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [
			"Linking from",
			" ",
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("strong", { children: [
				linking.node,
				".",
				linking.port
			] }),
			": tap a socket that lights up"
		] }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
			type: "button",
			onClick: () => useCanvasStore.setState({ linking: null }),
			children: "Cancel"
		})]
	})] });
}
/** An empty canvas says how to begin. */
function EmptyHint() {
	const empty = useEditor((s) => !Object.keys(nodesIn(s.graph, s.scope) ?? {}).length);
	const openOverlay = useUi((s) => s.openOverlay);
	if (!empty) return null;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "empty",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h2", { children: "Nothing here yet" }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", { children: [
				"Double-click or press ",
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: "Tab" }),
				" to add a node."
			] }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "empty-buttons",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					onClick: () => startSearch(),
					children: "Add a node"
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					onClick: () => openOverlay("templates"),
					children: "Browse templates"
				})]
			})
		]
	});
}
// src/canvas/colour.ts
/** The grounds of cards (`--panel`) and of the canvas (`--ground`), per theme. */
var GROUNDS = {
	light: ["#ffffff", "#f4f2ee"],
	dark: ["#1f2126", "#17181c"]
};
function parse(hex) {
	const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(hex);
	const full = short ? `#${short.slice(1).map((c) => c + c).join("")}` : hex;
	const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(full);
	if (!match) return [
		154,
		154,
		154
	];
	return [
		1,
		2,
		3
	].map((k) => Number.parseInt(match[k] ?? "9a", 16));
}
function written(rgb) {
	return `#${rgb.map((c) => Math.round(c).toString(16).padStart(2, "0")).join("")}`;
}
/** Relative luminance of WCAG 2: 0 is black, 1 is white. */
function luminance(hex) {
	const [r, g, b] = parse(hex).map((c) => {
		const s = c / 255;
		return s <= .04045 ? s / 12.92 : ((s + .055) / 1.055) ** 2.4;
	});
	return .2126 * r + .7152 * g + .0722 * b;
}
function contrast(a, b) {
	const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
	return (high + .05) / (low + .05);
}
function mixed$1(hex, other, share) {
	const a = parse(hex);
	const b = parse(other);
	return written(a.map((c, k) => c + ((b[k] ?? 0) - c) * share));
}
var found$1 = /* @__PURE__ */ new Map();
/** The colour nearest to `hex` that stands out from both grounds of a theme. */
function readable(hex, theme, least = 3) {
	const key = `${hex} ${theme} ${least}`;
	let colour = found$1.get(key);
	if (colour === void 0) {
		colour = sought(hex, theme, least);
		found$1.set(key, colour);
	}
	return colour;
}
function sought(hex, theme, least) {
	const far = theme === "light" ? "#000000" : "#ffffff";
	for (let k = 0; k <= 40; k += 1) {
		const tried = mixed$1(hex, far, k / 40);
		if (GROUNDS[theme].every((ground) => contrast(tried, ground) >= least)) return tried;
	}
	return far;
}
var both = /* @__PURE__ */ new Map();
/** For CSS: the colour as each theme needs it; the browser picks by `color-scheme`. */
function themed(hex, least = 3) {
	const key = `${hex} ${least}`;
	let text = both.get(key);
	if (text === void 0) {
		text = `light-dark(${readable(hex, "light", least)}, ${readable(hex, "dark", least)})`;
		both.set(key, text);
	}
	return text;
}
var PLAIN_COLOURS = {
	int: "#4f9d8f",
	float: "#5b8def",
	str: "#b98a3d",
	bool: "#a06cc0"
};
/** `A` of `list[A]` and of `A | none`. */
function elementOf(type) {
	const member = type.split(" | ").find((m) => m !== "none") ?? type;
	const list = /^list\[(.*)\]$/.exec(member);
	return list ? elementOf(list[1] ?? "") : member;
}
function ownColour(type, catalogue) {
	const name = elementOf(type);
	return catalogue.types.get(name)?.colour ?? PLAIN_COLOURS[name] ?? "#8d8d8d";
}
function typeColour(type, catalogue) {
	return themed(ownColour(type, catalogue));
}
/** The same for what is painted and cannot ask the browser for the theme. */
function typeColourIn(type, catalogue, theme) {
	return readable(ownColour(type, catalogue), theme);
}
/** Lists have a shape of their own, whatever is in them; so have plain values. */
function typeShape(type, catalogue) {
	if (type.split(" | ").some((m) => m.startsWith("list["))) return "list";
	const name = elementOf(type);
	const shape = catalogue.types.get(name)?.shape;
	if (shape === "square" || shape === "diamond") return shape;
	return /^(int|float|str|bool)$/.test(name) ? "plain" : "circle";
}
/** Families of nodes whose colour says what they do; others have one made of their name. */
var FAMILIES = {
	load: 262,
	model: 262,
	lora: 40,
	text: 42,
	prompt: 42,
	string: 42,
	conditioning: 30,
	clip: 50,
	latent: 312,
	noise: 285,
	forward: 285,
	sigmas: 140,
	schedule: 140,
	timesteps: 140,
	sample: 200,
	sampler: 200,
	guidance: 330,
	guider: 330,
	vae: 4,
	image: 214,
	mask: 120,
	save: 170,
	control: 158,
	flow: 232,
	train: 20
};
/** The colour of a category: all its nodes wear it. */
function categoryColour(category) {
	const family = category.split(/[_.:]/)[0] ?? "";
	let hue = FAMILIES[family];
	if (hue === void 0) {
		hue = 0;
		for (const letter of family) hue = (hue * 31 + letter.charCodeAt(0)) % 360;
	}
	return themed(fromHsl(hue, .46, .52));
}
function fromHsl(hue, saturation, light) {
	const reach = saturation * Math.min(light, 1 - light);
	const channel = (n) => {
		const k = (n + hue / 30) % 12;
		return 255 * (light - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
	};
	return written([
		channel(0),
		channel(8),
		channel(4)
	]);
}
// src/store/commands.ts
/**
* All commands: the palette, the shortcut sheet and the key handler are made from this one list.
* Whoever can do something registers it here.
*/
var useCommands = create()(() => ({ commands: [] }));
/** Returns what takes them out again. */
function registerCommands(added) {
	const ids = new Set(added.map((command) => command.id));
	useCommands.setState(({ commands }) => ({ commands: [...commands.filter((command) => !ids.has(command.id)), ...added] }));
	return () => {
		const mine = new Set(added);
		useCommands.setState(({ commands }) => ({ commands: commands.filter((command) => !mine.has(command)) }));
	};
}
var MAC = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");
/** Keys as people read them: `⌘ S` on a Mac, `Ctrl S` elsewhere. */
function keysText(keys) {
	const named = MAC ? {
		Mod: "⌘",
		Shift: "⇧",
		Alt: "⌥"
	} : {
		Mod: "Ctrl",
		Shift: "Shift",
		Alt: "Alt"
	};
	const signs = {
		ArrowLeft: "←",
		ArrowRight: "→",
		ArrowUp: "↑",
		ArrowDown: "↓",
		Escape: "Esc",
		Delete: "Del",
		" ": "Space"
	};
	return cut$2(keys).map((part) => named[part] ?? signs[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join(" ");
}
function cut$2(keys) {
	if (keys === "+") return ["+"];
	return keys.endsWith("++") ? [...keys.slice(0, -2).split("+"), "+"] : keys.split("+");
}
/** Whether pressed keys are those of a command. A sign that needs Shift (`?`) is named without. */
function matchesKeys(keys, pressed) {
	const parts = cut$2(keys);
	const key = parts.at(-1) ?? "";
	const has = (part) => parts.slice(0, -1).includes(part);
	const mod = MAC ? pressed.metaKey : pressed.ctrlKey;
	const other = MAC ? pressed.ctrlKey : pressed.metaKey;
	if (mod !== has("Mod") || other || pressed.altKey !== has("Alt")) return false;
	if (!(key.length === 1 && !/[a-z0-9 ]/i.test(key)) && pressed.shiftKey !== has("Shift")) return false;
	return same(key, pressed);
}
function same(key, pressed) {
	if (pressed.key.toLowerCase() === key.toLowerCase()) return true;
	return pressed.key.length === 1 && pressed.key.charCodeAt(0) > 127 && /^[a-z]$/i.test(key) && pressed.code === `Key${key.toUpperCase()}`;
}
var FIELDS$2 = "input, textarea, select, [contenteditable=''], [contenteditable='true']";
/** Inputs in which nothing is written: keys of the canvas may go through. */
var NO_TEXT = "input[type=checkbox], input[type=radio], input[type=range], input[type=button]";
function inText$1(target) {
	return target instanceof Element && target.closest(FIELDS$2) !== null && !target.matches(NO_TEXT);
}
function inDialog(target) {
	return target instanceof Element && target.closest("[role=dialog], dialog") !== null;
}
/** Let the keys of all commands work. Returns what ends it. */
function listenForKeys(target = window) {
	const pressed = (event) => {
		if (event.defaultPrevented || event.isComposing) return;
		const text = inText$1(event.target);
		const dialog = inDialog(event.target);
		const command = useCommands.getState().commands.findLast((one) => one.keys?.some((keys) => matchesKeys(keys, event)) && (one.inText || !(text || dialog)) && one.when?.() !== false);
		if (!command) return;
		event.preventDefault();
		command.run();
	};
	target.addEventListener("keydown", pressed);
	return () => target.removeEventListener("keydown", pressed);
}
// src/canvas/commands.ts
/** The canvas's commands: the palette, the shortcut sheet and the keys are made from these. */
var some = () => useEditor.getState().selection.length > 0;
var nodes = () => selectedNodes().length > 0;
var several = (least) => () => selectedItems().length >= least;
var inside = () => useEditor.getState().scope.length > 0;
/** Text somebody marked on the page is copied by the browser. */
var noText = () => !String(window.getSelection?.() ?? "");
function selectedType(test) {
	const { graph, scope } = useEditor.getState();
	const all = nodesIn(graph, scope) ?? {};
	return selectedNodes().some((id) => test(all[id]?.type ?? ""));
}
function registerCanvasCommands() {
	const edit = { group: "Edit" };
	const view = { group: "View" };
	const nodesGroup = { group: "Nodes" };
	return registerCommands([
		{
			...nodesGroup,
			id: "canvas.add",
			title: "Add a node…",
			keys: ["Tab"],
			words: "new search insert",
			when: isPaneFocused,
			hidden: true,
			run: () => startSearch()
		},
		{
			...nodesGroup,
			id: "canvas.addAnywhere",
			title: "Add a node…",
			keys: ["Shift+A"],
			words: "new search insert",
			run: () => startSearch()
		},
		{
			...nodesGroup,
			id: "canvas.note",
			title: "Add a note",
			keys: ["Shift+N"],
			run: () => note()
		},
		{
			...nodesGroup,
			id: "canvas.frame",
			title: "Frame around the selection",
			keys: ["Mod+Alt+F"],
			words: "group comment box",
			run: () => frame()
		},
		{
			...edit,
			id: "canvas.delete",
			title: "Delete",
			keys: ["Delete", "Backspace"],
			when: some,
			run: () => remove()
		},
		{
			...edit,
			id: "canvas.duplicate",
			title: "Duplicate",
			keys: ["Mod+D"],
			when: several(1),
			run: duplicateSelection
		},
		{
			...edit,
			id: "canvas.copy",
			title: "Copy",
			when: several(1),
			run: copy$1
		},
		{
			...edit,
			id: "canvas.cut",
			title: "Cut",
			when: several(1),
			run: cut$3
		},
		{
			...edit,
			id: "canvas.paste",
			title: "Paste",
			run: () => paste()
		},
		{
			...edit,
			id: "canvas.all",
			title: "Select all",
			keys: ["Mod+A"],
			when: noText,
			run: selectAll
		},
		{
			...edit,
			id: "canvas.none",
			title: "Select nothing",
			when: some,
			run: selectNone
		},
		{
			...nodesGroup,
			id: "canvas.rename",
			title: "Rename",
			keys: ["F2"],
			when: several(1),
			run: beginRename
		},
		{
			...nodesGroup,
			id: "canvas.bypass",
			title: "Bypass, or take it back",
			keys: ["Mod+B"],
			words: "skip hand through",
			when: nodes,
			run: () => toggleMode("bypass")
		},
		{
			...nodesGroup,
			id: "canvas.mute",
			title: "Mute, or take it back",
			keys: ["Mod+M"],
			words: "disable off",
			when: nodes,
			run: () => toggleMode("mute")
		},
		{
			...nodesGroup,
			id: "canvas.collapse",
			title: "Collapse or expand",
			keys: ["H", "Alt+C"],
			when: nodes,
			run: toggleCollapsed
		},
		{
			...nodesGroup,
			id: "canvas.group",
			title: "Group the selection",
			keys: ["Mod+G"],
			words: "subgraph",
			when: nodes,
			run: groupSelection
		},
		{
			...nodesGroup,
			id: "canvas.ungroup",
			title: "Ungroup",
			keys: ["Mod+Shift+G"],
			when: () => selectedType((type) => type === GROUP),
			run: ungroupSelection
		},
		{
			...nodesGroup,
			id: "canvas.enter",
			title: "Enter the loop or group",
			when: () => selectedType((type) => type.startsWith("flow.")),
			run: enterSelected
		},
		{
			...nodesGroup,
			id: "canvas.leave",
			title: "Leave the loop or group",
			keys: ["Escape"],
			when: () => inside() && useUi.getState().overlay === "",
			run: leave
		},
		{
			...nodesGroup,
			id: "canvas.breakpoint",
			title: "Stop before this node, or no more",
			keys: ["F9"],
			words: "breakpoint pause debug",
			when: nodes,
			run: toggleBreakpoints
		},
		{
			...view,
			id: "canvas.fit",
			title: "Fit all to view",
			keys: ["F"],
			run: () => fit()
		},
		{
			...view,
			id: "canvas.fitSelection",
			title: "Fit the selection to view",
			keys: ["Shift+F"],
			when: several(1),
			run: () => fit(selectedItems())
		},
		{
			...view,
			id: "canvas.full",
			title: "Zoom to 100 %",
			keys: ["1"],
			run: zoomToFull
		},
		{
			...view,
			id: "canvas.in",
			title: "Zoom in",
			keys: ["+", "="],
			run: () => zoomBy(1.25)
		},
		{
			...view,
			id: "canvas.out",
			title: "Zoom out",
			keys: ["-"],
			run: () => zoomBy(1 / 1.25)
		},
		{
			...view,
			id: "canvas.minimap",
			title: "Show or hide the minimap",
			keys: ["M"],
			run: () => useUi.getState().setMinimap(!useUi.getState().minimap)
		},
		{
			...view,
			id: "canvas.snap",
			title: "Snap to the grid, or no more",
			keys: ["Shift+S"],
			run: () => useCanvasStore.setState(({ snap }) => ({ snap: !snap }))
		},
		{
			...view,
			id: "canvas.error",
			title: "Go to the node that failed",
			words: "problem",
			when: () => failed() !== "",
			run: () => zoomTo(failed())
		},
		{
			...nodesGroup,
			id: "canvas.arrange",
			title: "Arrange the selection, or all",
			keys: ["Mod+Shift+L"],
			words: "layout tidy",
			run: arrangeSelection
		},
		...[
			["left", "Alt+A"],
			["right", "Alt+D"],
			["top", "Alt+W"],
			["bottom", "Alt+S"],
			["centre", ""],
			["middle", ""]
		].map(([line, keys]) => ({
			...nodesGroup,
			id: `canvas.align.${line}`,
			title: `Align ${line}`,
			...keys ? { keys: [keys] } : {},
			when: several(2),
			run: () => alignSelection(line)
		})),
		{
			...nodesGroup,
			id: "canvas.distribute.x",
			title: "Distribute across",
			when: several(3),
			run: () => distributeSelection("x")
		},
		{
			...nodesGroup,
			id: "canvas.distribute.y",
			title: "Distribute down",
			when: several(3),
			run: () => distributeSelection("y")
		}
	]);
}
function failed() {
	const { runs, shown } = useRuns.getState();
	return runs[shown]?.errors.find((error) => error.node)?.node ?? "";
}
// src/canvas/derive.ts
/**
* The canvas's nodes and wires, worked out from the document. What did not change keeps its
* object, so that only changed cards are drawn anew.
*/
var NOWHERE = [0, 0];
var NONE$2 = {};
var NO_POINTS = [];
/** One per canvas: it remembers what it made last. */
var Derivation = class {
	scope = "";
	cards = /* @__PURE__ */ new Map();
	nodes = /* @__PURE__ */ new Map();
	edges = /* @__PURE__ */ new Map();
	placed = {
		key: "",
		at: {}
	};
	scene(graph, scope, catalogue, passing) {
		const where = scope.join("/");
		if (where !== this.scope) {
			this.scope = where;
			this.cards.clear();
			this.nodes.clear();
			this.edges.clear();
		}
		const wires = wiresIn(graph, scope);
		const cards = this.allCards(graph, scope, catalogue, wires, passing);
		const places = this.places(graph, scope, cards, catalogue);
		const chosen = new Set(passing.selection);
		const nodes = [];
		for (const item of itemsIn(graph, scope)) nodes.push(this.item(item, passing, chosen));
		for (const [id, data] of cards) {
			const at = passing.moving?.[id] ?? places[id] ?? [0, 0];
			nodes.push(this.card(id, data, at, chosen.has(id)));
		}
		prune(this.nodes, nodes);
		return {
			nodes,
			edges: this.allEdges(graph, scope, catalogue, wires, cards, passing, chosen)
		};
	}
	allCards(graph, scope, catalogue, wires, passing) {
		const ties = tiesOf(graph, scope, wires);
		const cards = /* @__PURE__ */ new Map();
		const ids = Object.keys(nodesIn(graph, scope) ?? {});
		if (scope.length) ids.push("$in", PAD_OUT);
		for (const id of ids) cards.set(id, this.data(graph, scope, id, catalogue, ties, passing));
		for (const id of this.cards.keys()) if (!cards.has(id)) this.cards.delete(id);
		return cards;
	}
	data(graph, scope, id, catalogue, ties, passing) {
		const node = nodesIn(graph, scope)?.[id];
		const path = pathOf(scope, id);
		const ports = portsOf(graph, scope, id, catalogue);
		const before = viewOf(graph, scope, id);
		const view = {
			at: NOWHERE,
			...before
		};
		const size = passing.sizing?.[id] ?? before?.size;
		if (size) view.size = size;
		const { title = "", colour = "", collapsed = false } = view;
		const told = `${title}\n${colour}\n${collapsed}\n${size}\n${ties.text(id, path)}`;
		const known = this.cards.get(id);
		if (known && known.node === node && known.ports === ports && known.told === told) return known.data;
		const inside = insideOf(node);
		const fed = ties.fed.get(id) ?? NONE$2;
		const data = {
			path,
			id,
			node,
			ports,
			view,
			layout: cardLayout(ports, {
				node,
				view,
				fed,
				inside: inside >= 0
			}),
			title: title || ports.title,
			fed,
			readers: ties.readers.get(id) ?? NONE$2,
			exposed: ties.exposed.get(path) ?? NONE$2,
			declared: ties.declared.get(path) ?? NONE$2,
			inside
		};
		this.cards.set(id, {
			node,
			ports,
			told,
			data
		});
		return data;
	}
	card(id, data, at, selected) {
		const known = this.nodes.get(id);
		if (known && known.data === data && known.position.x === at[0] && known.position.y === at[1] && known.selected === selected) return known;
		const { width, height } = data.layout;
		const made = {
			id,
			type: "card",
			position: {
				x: at[0],
				y: at[1]
			},
			data,
			selected,
			initialWidth: width,
			initialHeight: height,
			measured: {
				width,
				height
			},
			handles: handlesOf(data.layout),
			zIndex: selected ? 20 : 0,
			domAttributes: {
				"aria-labelledby": `name:${data.path}`,
				"aria-roledescription": "node"
			}
		};
		this.nodes.set(id, made);
		return made;
	}
	item(item, passing, chosen) {
		const { id, what } = item;
		const at = passing.moving?.[id] ?? what.at;
		const size = passing.sizing?.[id] ?? what.size;
		const selected = chosen.has(id);
		const known = this.nodes.get(id);
		const before = known?.type === "frame" ? known.data.frame : void 0;
		const told = known?.type === "note" ? known.data.note : before;
		if (known && told === what && known.position.x === at[0] && known.position.y === at[1] && known.width === size[0] && known.height === size[1] && known.selected === selected) return known;
		const shared = {
			id,
			position: {
				x: at[0],
				y: at[1]
			},
			selected,
			width: size[0],
			height: size[1],
			measured: {
				width: size[0],
				height: size[1]
			}
		};
		const made = item.kind === "frame" ? {
			...shared,
			type: "frame",
			zIndex: -2,
			dragHandle: ".frame-title",
			data: { frame: item.what }
		} : {
			...shared,
			type: "note",
			zIndex: selected ? 20 : 0,
			data: { note: item.what }
		};
		this.nodes.set(id, made);
		return made;
	}
	allEdges(graph, scope, catalogue, wires, cards, passing, chosen) {
		const reroutes = graph.view?.$reroutes;
		const edges = [];
		for (const wire of wires) {
			const source = cards.get(wire.from.node);
			if (!source || !cards.has(wire.to.node)) continue;
			const declared = source.ports.outputs.find((port) => port.name === wire.from.port)?.type;
			const type = declared && settled$1(declared, catalogue) ? declared : typeOfSource(graph, scope, linkOf(wire.from), catalogue);
			const to = pathOf(scope, wire.id);
			const points = passing.bending?.wire === wire.id ? passing.bending.points : reroutes?.[to] ?? NO_POINTS;
			const selected = chosen.has(`wire:${wire.id}`);
			edges.push(this.edge(wire, scope, type, points, selected, catalogue));
		}
		prune(this.edges, edges);
		return edges;
	}
	edge(wire, scope, type, points, selected, catalogue) {
		const known = this.edges.get(wire.id);
		const { from, to } = wire;
		if (known?.data && known.source === from.node && known.sourceHandle === from.port && known.target === to.node && known.targetHandle === to.port && known.data.type === type && known.data.points === points && known.selected === selected) return known;
		const made = {
			id: wire.id,
			type: "wire",
			source: from.node,
			sourceHandle: from.port,
			target: to.node,
			targetHandle: to.port,
			selected,
			ariaLabel: `Wire ${linkOf(from)} to ${to.node}.${to.port}, ${type}`,
			data: {
				from: pathOf(scope, `${from.node}.${from.port}`),
				to: pathOf(scope, `${to.node}.${to.port}`),
				type,
				colour: typeColour(type, catalogue),
				points,
				list: type.startsWith("list[")
			}
		};
		this.edges.set(wire.id, made);
		return made;
	}
	/** Places from the file; what has none is laid out for the eye, and nothing of it is saved. */
	places(graph, scope, cards, catalogue) {
		const places = {};
		const lost = [];
		for (const id of cards.keys()) {
			const at = viewOf(graph, scope, id)?.at;
			if (at) places[id] = at;
			else if (id !== "$in" && id !== "$out") lost.push(id);
		}
		if (lost.length) this.arrangeLost(graph, scope, lost, places, cards, catalogue);
		setPads(places, cards);
		return places;
	}
	arrangeLost(graph, scope, lost, places, cards, catalogue) {
		const key = `${this.scope} ${catalogue.version} ${lost.join(" ")}`;
		if (this.placed.key !== key) {
			const sizes = {};
			for (const id of lost) {
				const layout = cards.get(id)?.layout;
				if (layout) sizes[id] = {
					width: layout.width,
					height: layout.height
				};
			}
			this.placed = {
				key,
				at: arrange(graph, scope, lost, sizes)
			};
		}
		let low = 0;
		for (const [id, at] of Object.entries(places)) low = Math.max(low, at[1] + (cards.get(id)?.layout.height ?? 0) + 80);
		for (const id of lost) {
			const at = this.placed.at[id] ?? [0, 0];
			places[id] = [at[0], at[1] + low];
		}
	}
};
/** Pads nobody has placed stand to the left and to the right of the body. */
function setPads(places, cards) {
	let left = Number.POSITIVE_INFINITY;
	let right = Number.NEGATIVE_INFINITY;
	let top = Number.POSITIVE_INFINITY;
	for (const [id, at] of Object.entries(places)) {
		if (id === "$in" || id === "$out") continue;
		left = Math.min(left, at[0]);
		top = Math.min(top, at[1]);
		right = Math.max(right, at[0] + (cards.get(id)?.layout.width ?? 0));
	}
	if (left > right) [left, right, top] = [
		0,
		0,
		0
	];
	const width = cards.get("$in")?.layout.width ?? 0;
	if (cards.has("$in") && !places["$in"]) places["$in"] = [left - width - 90, top];
	if (cards.has("$out") && !places["$out"]) places[PAD_OUT] = [right + 90, top];
}
function tiesOf(graph, scope, wires) {
	const fed = /* @__PURE__ */ new Map();
	const readers = /* @__PURE__ */ new Map();
	for (const { from, to } of wires) {
		push$1(entry(fed, to.node), to.port, linkOf(from));
		push$1(entry(readers, from.node), from.port, `${to.node}.${to.port}`);
	}
	const exposed = /* @__PURE__ */ new Map();
	for (const [name, targets] of Object.entries(graph.inputs ?? {})) for (const target of typeof targets === "string" ? [targets] : targets) {
		const end = splitTarget(target);
		entry(exposed, end.node)[end.port] = name;
	}
	const declared = /* @__PURE__ */ new Map();
	for (const [name, link] of Object.entries(scope.length ? {} : graph.outputs ?? {})) {
		const end = splitTarget(link);
		entry(declared, end.node)[end.port] = name;
	}
	const text = (id, path) => {
		const parts = [
			fed.get(id),
			readers.get(id),
			exposed.get(path),
			declared.get(path)
		];
		return parts.some(Boolean) ? JSON.stringify(parts) : "";
	};
	return {
		fed,
		readers,
		exposed,
		declared,
		text
	};
}
function push$1(of, key, text) {
	const list = of[key];
	if (list) list.push(text);
	else of[key] = [text];
}
function entry(map, key) {
	let of = map.get(key);
	if (!of) {
		of = {};
		map.set(key, of);
	}
	return of;
}
function insideOf(node) {
	if (!node) return -1;
	if (isLoop(node)) return Object.keys(node.body ?? {}).length;
	if (node.type === "flow.graph") return Object.keys(innerGraph(node)?.nodes ?? {}).length;
	return -1;
}
function itemsIn(graph, scope) {
	return [...framesIn(graph, scope).map((what) => ({
		id: `frame:${what.id}`,
		kind: "frame",
		what
	})), ...notesIn(graph, scope).map((what) => ({
		id: `note:${what.id}`,
		kind: "note",
		what
	}))];
}
var handles = /* @__PURE__ */ new WeakMap();
function handlesOf(layout) {
	let made = handles.get(layout);
	if (!made) {
		made = layout.handles.map((place) => ({
			...place,
			position: place.type === "source" ? Position.Right : Position.Left
		}));
		handles.set(layout, made);
	}
	return made;
}
/** Whether a type says all: `T` must be looked up along the wires. */
function settled$1(type, catalogue) {
	return type.split(" | ").every((member) => {
		const name = member.replace(/^(list\[)+|\]+$/g, "");
		return catalogue.types.has(name) || /^(int|float|str|bool|none)$/.test(name);
	});
}
function prune(known, kept) {
	if (known.size === kept.length) return;
	const ids = new Set(kept.map((item) => item.id));
	for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
}
// src/canvas/wirePath.ts
/** How far a curve leaves a socket before it turns. */
function reachOf(from, to) {
	const ahead = to[0] - from[0];
	if (ahead >= 0) return Math.max(24, ahead / 2);
	return Math.min(180, 24 + Math.sqrt(-ahead) * 8);
}
function curve(from, to) {
	const r = reachOf(from, to);
	return [[from[0] + r, from[1]], [to[0] - r, to[1]]];
}
function wirePath(from, to, through = []) {
	const stops = [
		from,
		...through,
		to
	];
	let path = `M${from[0]},${from[1]}`;
	for (let k = 1; k < stops.length; k += 1) {
		const [a, b] = curve(stops[k - 1], stops[k]);
		const end = stops[k];
		path += ` C${a[0]},${a[1]} ${b[0]},${b[1]} ${end[0]},${end[1]}`;
	}
	return path;
}
function at(from, to, t) {
	const [a, b] = curve(from, to);
	const s = 1 - t;
	const along = (k) => s * s * s * from[k] + 3 * s * s * t * a[k] + 3 * s * t * t * b[k] + t * t * t * to[k];
	return [along(0), along(1)];
}
/** Where on the wire `point` is nearest: the distance, and after how many of its points. */
function nearest$1(point, from, to, through = []) {
	const stops = [
		from,
		...through,
		to
	];
	let best = {
		distance: Number.POSITIVE_INFINITY,
		index: 0,
		at: from
	};
	for (let k = 0; k + 1 < stops.length; k += 1) for (let n = 0; n <= 24; n += 1) {
		const place = at(stops[k], stops[k + 1], n / 24);
		const distance = Math.hypot(place[0] - point[0], place[1] - point[1]);
		if (distance < best.distance) best = {
			distance,
			index: k,
			at: place
		};
	}
	return best;
}
// src/canvas/wires.ts
/** The point where a wire leaves or meets a card. */
function socketAt(node, port, side) {
	if (node.type !== "card") return null;
	const handle = node.data.layout.handles.find((h) => h.id === port && h.type === side);
	if (!handle) return null;
	return [node.position.x + handle.x + (side === "source" ? handle.width : 0), node.position.y + handle.y + handle.height / 2];
}
function endsOf(edge, nodes) {
	const source = nodes.get(edge.source);
	const target = nodes.get(edge.target);
	const from = source && socketAt(source, edge.sourceHandle ?? "", "source");
	const to = target && socketAt(target, edge.targetHandle ?? "", "target");
	return from && to ? [from, to] : null;
}
/** The wire that passes nearest to a point, if one does within `reach`. */
function wireNear(point, reach, nodes, edges, but) {
	let found;
	let least = reach;
	for (const edge of edges) {
		if (edge.source === but || edge.target === but) continue;
		const ends = endsOf(edge, nodes);
		if (!ends || outside$1(point, ends, edge.data?.points ?? [], reach + 180)) continue;
		const { distance } = nearest$1(point, ends[0], ends[1], edge.data?.points);
		if (distance < least) {
			least = distance;
			found = edge;
		}
	}
	return found;
}
/** Whether a point is surely farther than `reach` from a wire. */
function outside$1(point, ends, points, reach) {
	const stops = [...ends, ...points];
	return [0, 1].some((k) => {
		const values = stops.map((stop) => stop[k] ?? 0);
		const here = point[k] ?? 0;
		return here < Math.min(...values) - reach || here > Math.max(...values) + reach;
	});
}
// src/canvas/FarWires.tsx
/** From afar, where there are many, wires and their sockets are one painting: thousands of
* elements too small to work on would only slow the hand. */
function FarWires({ scene }) {
	const canvas = (0, import_react.useRef)(null);
	const transform = useStore((s) => s.transform);
	const width = useStore((s) => s.width);
	const height = useStore((s) => s.height);
	const catalogue = useCatalogue((s) => s.catalogue);
	const dark = document.documentElement.dataset.theme === "dark";
	const lines = (0, import_react.useMemo)(() => linesOf(scene, catalogue, dark ? "dark" : "light"), [
		scene,
		catalogue,
		dark
	]);
	(0, import_react.useEffect)(() => {
		if (canvas.current) paint$1(canvas.current, lines, transform, width, height);
	}, [
		lines,
		transform,
		width,
		height
	]);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "far-wires",
		"aria-hidden": "true",
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("canvas", { ref: canvas })
	});
}
/** Wires by colour, in the canvas's own measure. */
function linesOf(scene, catalogue, theme) {
	const nodes = new Map(scene.nodes.map((node) => [node.id, node]));
	const lines = /* @__PURE__ */ new Map();
	for (const edge of scene.edges) {
		const ends = endsOf(edge, nodes);
		if (!ends) continue;
		const stops = [
			ends[0],
			...edge.data?.points ?? [],
			ends[1]
		];
		const xs = stops.map((stop) => stop[0]);
		const ys = stops.map((stop) => stop[1]);
		const line = {
			stops,
			left: Math.min(...xs) - 180,
			top: Math.min(...ys) - 10,
			right: Math.max(...xs) + 180,
			bottom: Math.max(...ys) + 10
		};
		const colour = typeColourIn(edge.data?.type ?? "?", catalogue, theme);
		const list = lines.get(colour);
		if (list) list.push(line);
		else lines.set(colour, [line]);
	}
	return lines;
}
function paint$1(canvas, lines, [x, y, zoom], width, height) {
	const sharp = Math.min(2, window.devicePixelRatio || 1);
	const w = Math.round(width * sharp);
	const h = Math.round(height * sharp);
	if (canvas.width !== w || canvas.height !== h) {
		canvas.width = w;
		canvas.height = h;
	}
	const pen = canvas.getContext("2d");
	if (!pen) return;
	pen.setTransform(1, 0, 0, 1, 0, 0);
	pen.clearRect(0, 0, w, h);
	pen.setTransform(zoom * sharp, 0, 0, zoom * sharp, x * sharp, y * sharp);
	pen.lineWidth = Math.max(2.5, .9 / zoom);
	const left = -x / zoom;
	const top = -y / zoom;
	const right = left + width / zoom;
	const bottom = top + height / zoom;
	for (const [colour, list] of lines) {
		const seen = list.filter((line) => line.right > left && line.left < right && line.bottom > top && line.top < bottom);
		pen.strokeStyle = colour;
		pen.fillStyle = colour;
		pen.globalAlpha = .75;
		pen.beginPath();
		for (const line of seen) trace(pen, line.stops);
		pen.stroke();
		pen.globalAlpha = 1;
		for (const { stops } of seen) {
			const a = stops[0];
			const b = stops.at(-1);
			pen.fillRect(a[0] - 12, a[1] - 8, 16, 16);
			pen.fillRect(b[0] - 4, b[1] - 8, 16, 16);
		}
	}
}
function trace(pen, stops) {
	const first = stops[0];
	pen.moveTo(first[0], first[1]);
	for (let k = 1; k < stops.length; k += 1) {
		const from = stops[k - 1];
		const to = stops[k];
		const r = reachOf(from, to);
		pen.bezierCurveTo(from[0] + r, from[1], to[0] - r, to[1], to[0], to[1]);
	}
}
// src/canvas/style.ts
/** Custom properties for `style`: set one by one through the CSSOM, as the page's policy wants. */
function vars(values) {
	return values;
}
// src/canvas/FrameCard.tsx
/** A frame with a title: what lies in it moves with it. */
var FrameCard = (0, import_react.memo)(function FrameCard({ id, data, selected }) {
	const { frame } = data;
	const writing = useCanvasStore((s) => s.writing === id);
	const done = (text) => {
		useCanvasStore.setState({ writing: "" });
		const { scope, edit } = useEditor.getState();
		edit("Rename frame", (graph) => setTitle(graph, scope, id, text.trim()));
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
		className: "frame",
		"data-selected": selected,
		"aria-label": `Frame ${frame.title || "without a title"}`,
		style: frame.colour ? vars({ "--cat": frame.colour }) : void 0,
		children: [selected && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NodeResizer, {
			minWidth: 140,
			minHeight: 90
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("header", {
			className: "frame-title",
			children: writing ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
				className: "card-name-field nodrag nopan",
				"aria-label": "Title of the frame",
				defaultValue: frame.title,
				autoFocus: true,
				onFocus: (event) => event.target.select(),
				onBlur: (event) => done(event.target.value),
				onKeyDown: (event) => {
					event.stopPropagation();
					if (event.key === "Escape") event.currentTarget.value = frame.title;
					if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
				}
			}) : frame.title || "Frame"
		})]
	});
});
// src/canvas/links.ts
/** What would come of a link between two sockets, whichever of them it was drawn from. */
function verdict(a, b) {
	const { graph, scope } = useEditor.getState();
	const { catalogue } = useCatalogue.getState();
	if (a.side === b.side) return {
		ok: false,
		reason: `Both are ${a.side === "source" ? "outputs" : "inputs"}: a wire goes from an output to an input`
	};
	const [from, to] = a.side === "source" ? [a, b] : [b, a];
	return judge(graph, scope, from, to, catalogue);
}
var judged = /* @__PURE__ */ new WeakMap();
/** Whether the link being made may end at a socket; worked out once per link. */
function fits(linking, node, port, side) {
	if (linking.side === side) return false;
	let known = judged.get(linking);
	if (!known) {
		known = /* @__PURE__ */ new Map();
		judged.set(linking, known);
	}
	const key = `${node}.${port}`;
	let ok = known.get(key);
	if (ok === void 0) {
		ok = verdict(linking, {
			node,
			port,
			side
		}).ok;
		known.set(key, ok);
	}
	return ok;
}
/** Connect two sockets: one undoable step, or the reason why not. */
function link(a, b, screen) {
	const [from, to] = a.side === "source" ? [a, b] : [b, a];
	const found = verdict(a, b);
	const { say } = useCanvasStore.getState();
	if (!found.ok) {
		const refusal = {
			screen: [screen[0], screen[1]],
			reason: found.reason,
			from,
			to,
			...found.conversion ? { conversion: found.conversion } : {}
		};
		useCanvasStore.setState({
			refusal,
			linking: null
		});
		say(found.reason);
		return false;
	}
	const { scope, edit } = useEditor.getState();
	const { catalogue } = useCatalogue.getState();
	edit("Connect", (graph) => connect(graph, scope, plain(from), plain(to), catalogue));
	say(`Connected ${from.node}.${from.port} to ${to.node}.${to.port}`);
	return true;
}
/** Move one end of a wire to another socket: one undoable step. */
function relink(wire, from, to) {
	const { scope, edit } = useEditor.getState();
	const { catalogue } = useCatalogue.getState();
	const old = wireEnd(wire);
	edit("Reconnect", (graph) => connect(cut$1(graph, scope, old), scope, plain(from), plain(to), catalogue));
	useCanvasStore.getState().say(`Connected ${from.node}.${from.port} to ${to.node}.${to.port}`);
}
function unlink(wire) {
	const { scope, edit } = useEditor.getState();
	const old = wireEnd(wire);
	edit("Disconnect", (graph) => cut$1(graph, scope, old));
	useCanvasStore.getState().say(`Disconnected ${old.to.node}.${old.to.port}`);
}
function cut$1(graph, scope, old) {
	return disconnect(graph, scope, old.to, old.index);
}
function plain({ node, port }) {
	return {
		node,
		port
	};
}
/** All sockets of the scope that fit one, those that are free first. */
function candidates(of) {
	const { graph, scope } = useEditor.getState();
	const { catalogue } = useCatalogue.getState();
	const side = of.side === "source" ? "target" : "source";
	const found = [];
	const ids = Object.keys(nodesIn(graph, scope) ?? {});
	if (scope.length) ids.push(side === "source" ? "$in" : PAD_OUT);
	for (const id of ids) {
		if (id === of.node) continue;
		const ports = portsOf(graph, scope, id, catalogue);
		for (const port of side === "source" ? ports.outputs : ports.inputs) {
			const result = verdict(of, {
				node: id,
				port: port.name,
				side
			});
			if (!result.ok) continue;
			found.push({
				node: id,
				port: port.name,
				side,
				title: ports.title,
				type: port.type,
				replaces: result.replaces ?? ""
			});
		}
	}
	return found.sort((a, b) => Number(Boolean(a.replaces)) - Number(Boolean(b.replaces)));
}
/** The first socket of a node that fits a link dropped on its card: a free one if there is one. */
function best(linking, node) {
	const { graph, scope } = useEditor.getState();
	const { catalogue } = useCatalogue.getState();
	const side = linking.side === "source" ? "target" : "source";
	const ports = portsOf(graph, scope, node, catalogue);
	let taken;
	for (const port of side === "source" ? ports.outputs : ports.inputs) {
		const name = {
			node,
			port: port.name,
			side
		};
		const result = verdict(linking, name);
		if (!result.ok) continue;
		if (!result.replaces) return name;
		taken ??= name;
	}
	return taken;
}
/** The type at a socket, as the search needs it. */
function typeAt(name, graph, scope, catalogue) {
	const ports = portsOf(graph, scope, name.node, catalogue);
	return (name.side === "source" ? ports.outputs : ports.inputs).find((port) => port.name === name.port)?.type ?? "?";
}
// src/api/client.ts
/** Where the API is: beside the page, so that a reverse proxy may put both anywhere. */
var BASE = new URL("api/v1/", document.baseURI).href;
/** Tells the events of this page's doing from those of others. */
var CLIENT = randomId();
/** An id that nobody else has; pages over plain HTTP have no `crypto.randomUUID`. */
function randomId() {
	const bytes = crypto.getRandomValues(/* @__PURE__ */ new Uint8Array(12));
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
var ApiError = class extends Error {
	status;
	problems;
	/** On a conflict (412): what the server has. */
	etag;
	constructor(status, problems, etag = "") {
		const [first, ...others] = problems;
		const more = others.length ? ` (and ${others.length} more)` : "";
		super(first ? `${first.message}${more}` : `the server answered ${status}`);
		this.name = "ApiError";
		this.status = status;
		this.problems = problems;
		this.etag = etag;
	}
};
/** The server could not be reached at all. */
var Unreachable = class extends ApiError {
	constructor() {
		super(0, [{
			code: "unreachable",
			where: "",
			message: "the server cannot be reached",
			hint: "",
			severity: "error"
		}]);
		this.name = "Unreachable";
	}
};
/** A URL of the API; what stands between slashes is encoded. */
function apiUrl(path, query) {
	const parts = path.split("/").map(encodeURIComponent);
	const url = new URL(parts.join("/"), BASE);
	for (const [name, value] of Object.entries(query ?? {})) if (value !== void 0 && value !== null && value !== "") url.searchParams.set(name, String(value));
	return url.href;
}
async function ask$1(path, { method, json, form, query, headers, signal } = {}) {
	const request = {
		method: method ?? (json === void 0 && !form ? "GET" : "POST"),
		headers: {
			"X-Nodeflow-Client": CLIENT,
			...headers
		},
		credentials: "same-origin"
	};
	if (json !== void 0) {
		request.body = writeJson(json);
		request.headers = {
			...request.headers,
			"Content-Type": "application/json"
		};
	}
	if (form) request.body = form;
	if (signal) request.signal = signal;
	let answer;
	try {
		answer = await fetch(apiUrl(path, query), request);
	} catch (error) {
		if (error instanceof DOMException && error.name === "AbortError") throw error;
		throw new Unreachable();
	}
	if (!answer.ok && answer.status !== 304) throw await refusal(answer);
	return answer;
}
async function refusal(answer) {
	const etag = bare$1(answer.headers.get("ETag"));
	try {
		const body = readJson(await answer.text());
		if (Array.isArray(body.problems)) return new ApiError(answer.status, body.problems, etag);
	} catch {}
	return new ApiError(answer.status, [], etag);
}
function bare$1(etag) {
	return (etag ?? "").replace(/^W\//, "").replace(/^"|"$/g, "");
}
async function told$1(path, options) {
	return readJson(await (await ask$1(path, options)).text());
}
async function done(path, options) {
	await ask$1(path, options);
}
var info = () => told$1("info");
async function loadCatalogue() {
	const got = await (await ask$1("nodes")).json();
	const nodes = got.nodes;
	return {
		catalogue: {
			version: got.version,
			nodes: new Map(nodes.map((node) => [node.id, node])),
			types: new Map(got.types.map((type) => [type.name, type])),
			conversions: got.conversions
		},
		problems: got.problems
	};
}
var templates = async () => (await told$1("templates")).templates;
var template = (name) => told$1(`templates/${name}`);
var graphs = async () => (await told$1("graphs")).graphs;
async function graph(name) {
	const answer = await ask$1(`graphs/${name}`, { headers: { "Cache-Control": "no-cache" } });
	const etag = bare$1(answer.headers.get("ETag"));
	return {
		graph: readJson(await answer.text()),
		etag
	};
}
/** Saves over exactly the version `etag`; without one only where nothing is yet, unless `over`. A
* conflict is an ApiError 412 with the etag of what is there. */
function putGraph(name, file, etag, over = false) {
	const headers = {};
	if (!over) headers[etag ? "If-Match" : "If-None-Match"] = etag ? `"${etag}"` : "*";
	return told$1(`graphs/${name}`, {
		method: "PUT",
		json: file,
		headers
	});
}
function deleteGraph(name, etag = "") {
	const headers = etag ? { "If-Match": `"${etag}"` } : {};
	return done(`graphs/${name}`, {
		method: "DELETE",
		headers
	});
}
var validate = (request, signal) => told$1("validate", {
	json: request,
	signal
});
/** The graph as a prompt for ComfyUI, and what cannot go over. */
var exportComfyui = (request) => told$1("export/comfyui", { json: request });
/** How the text encoders of a checkpoint see a text. */
function tokenize(text, checkpoint = "tiny", signal) {
	return told$1("tokenize", {
		json: {
			text,
			checkpoint
		},
		signal
	});
}
/** A sampler node as the loop of its steps, and back. */
var explode = (request) => told$1("explode", { json: request });
var collapse = (request) => told$1("collapse", { json: request });
/** The latents of runs on the two axes along which they spread most. */
var trajectory = (request) => told$1("trajectory", { json: request });
var submitRun = (request) => told$1("runs", { json: request });
var runs = (page = {}) => told$1("runs", { query: page });
/** A run with its graph and those of its events that come after `after`. */
var run = (id, after = 0) => told$1(`runs/${id}`, { query: { after } });
var cancel = (id) => told$1(`runs/${id}/cancel`, { method: "POST" });
var goOn = (id, how = {}) => told$1(`runs/${id}/continue`, { json: how });
var changeRun = (id, change) => told$1(`runs/${id}`, {
	method: "PATCH",
	json: change
});
var deleteRun = (id) => done(`runs/${id}`, { method: "DELETE" });
var clearHistory = () => done("runs", { method: "DELETE" });
var queue = () => told$1("queue");
var clearQueue = () => done("queue", { method: "DELETE" });
var setPaused = (paused) => told$1("queue", {
	method: "PATCH",
	json: { paused }
});
/** Where a picture is shown from; `thumb` is the side of a small one. */
var fileUrl = (kind, path, thumb) => apiUrl(`files/${kind}/${path}`, { thumb });
function upload(file) {
	return told$1("files", { form: formOf(file) });
}
/** What a dropped file is, and the graph in it; the server keeps nothing. */
function open(file) {
	return told$1("open", { form: formOf(file) });
}
function formOf(file) {
	const form = new FormData();
	form.set("file", file, file.name);
	return form;
}
/** Pictures of a folder, newest first; `after` is the `next` of the page before. With a `name` only
* that file, if it is there. */
var outputs = (page = {}) => told$1("outputs", { query: page });
var deleteOutput = (path) => done(`outputs/${path}`, { method: "DELETE" });
var tensors = (id, after = 0) => told$1(`runs/${id}/tensors`, { query: { after } });
/** The elements, raw and little-endian; `from` and `to` in bytes, `to` not included. */
async function tensor(id, tid, from, to) {
	const headers = {};
	if (from !== void 0) headers.Range = `bytes=${from}-${to === void 0 ? "" : to - 1}`;
	return (await ask$1(`runs/${id}/tensors/${tid}`, { headers })).arrayBuffer();
}
var tensorPicture = (id, tid, look = {}) => apiUrl(`runs/${id}/tensors/${tid}.png`, { ...look });
var tensorStats = (id, tid, bins = 64) => told$1(`runs/${id}/tensors/${tid}/stats`, { query: { bins } });
/** Where the networks of a run listened to their prompts, at trace level `full`; `node` is who
* asked, or the loop that it is in. */
var attention = (id, node = "") => told$1(`runs/${id}/attention`, { query: { node } });
/** One token's map, in the colours of a map from 0 to its largest value. */
var attentionPicture = (id, look) => apiUrl(`runs/${id}/attention.png`, { ...look });
// src/store/scrub.ts
/** Which step of which loop the page shows, and the steps held beside it for comparison. Every node
* card, wire, plot and preview reads it. */
var useScrub = create()((set) => ({
	node: "",
	step: 0,
	steps: 0,
	follow: true,
	playing: false,
	pins: [],
	family: "",
	tab: "steps",
	choose: (node, steps, step) => set({
		node,
		steps,
		step: clamp$1(step ?? steps - 1, steps),
		follow: step === void 0
	}),
	setSteps: (steps) => set((state) => {
		const step = state.follow ? Math.max(0, steps - 1) : clamp$1(state.step, steps);
		return state.steps === steps && state.step === step ? state : {
			steps,
			step
		};
	}),
	goTo: (to) => set((state) => {
		const step = clamp$1(to, state.steps);
		return step === state.step && !state.follow ? state : {
			step,
			follow: false
		};
	}),
	play: (playing) => set({ playing }),
	pin: (pin) => set(({ pins }) => {
		const same = (one) => one.run === pin.run && one.node === pin.node && one.step === pin.step;
		return pins.some(same) ? {} : { pins: [...pins.slice(0, 1), pin] };
	}),
	unpin: (index) => set(({ pins }) => ({ pins: pins.filter((_, k) => k !== index) })),
	setFamily: (family) => set({ family }),
	setTab: (tab) => set({ tab })
}));
function clamp$1(step, steps) {
	return Math.max(0, Math.min(Math.round(step), steps - 1));
}
// src/store/traces.ts
/** What is traced of runs: how much is asked for, and the tensors that were pushed. */
/** Of pushed tensors at most so many bytes are kept; the oldest run's go first. */
var MOST_BYTES$2 = 256 << 20;
var useTraces = create()((set) => ({
	level: "off",
	every: 1,
	pushed: {},
	bytes: 0,
	setLevel: (level, every = 1) => set({
		level,
		every
	}),
	push: (tensors) => set((state) => {
		const pushed = { ...state.pushed };
		let { bytes } = state;
		for (const tensor of tensors) {
			const { run, tid } = tensor.head;
			const of = pushed[run] ?? {};
			bytes += tensor.data.byteLength - (of[tid]?.data.byteLength ?? 0);
			pushed[run] = {
				...of,
				[tid]: tensor
			};
		}
		for (const run of Object.keys(pushed)) {
			if (bytes <= MOST_BYTES$2 || Object.keys(pushed).length < 2) break;
			bytes -= sizeOf(pushed[run] ?? {});
			delete pushed[run];
		}
		return {
			pushed,
			bytes
		};
	}),
	clear: (run) => set((state) => {
		const { [run]: gone, ...pushed } = state.pushed;
		return gone ? {
			pushed,
			bytes: state.bytes - sizeOf(gone)
		} : state;
	})
}));
function sizeOf(tensors) {
	return Object.values(tensors).reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
}
// src/inspect/numbers.ts
var SIZES = {
	float64: 8,
	float32: 4,
	float16: 2,
	bfloat16: 2,
	int64: 8,
	int32: 4,
	int16: 2,
	int8: 1,
	uint8: 1,
	bool: 1
};
/** Bytes of one element; 0 for a dtype that is not known. */
function elementSize(dtype) {
	return SIZES[dtype] ?? 0;
}
/** Half precision as a number: 1 sign, 5 exponent, 10 fraction bits. */
function halfToNumber(bits) {
	const sign = bits & 32768 ? -1 : 1;
	const exponent = bits >> 10 & 31;
	const fraction = bits & 1023;
	if (exponent === 31) return fraction ? NaN : sign * Number.POSITIVE_INFINITY;
	if (exponent === 0) return sign * fraction * 2 ** -24;
	return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
/** Little-endian elements as numbers; float32 where that holds them exactly, else float64. */
function unpack(data, dtype) {
	const size = elementSize(dtype);
	if (!size) throw new Error(`elements of ${dtype} are not known here`);
	const count = Math.floor(data.byteLength / size);
	const view = new DataView(data);
	if (dtype === "float32") {
		if (LITTLE) return new Float32Array(data, 0, count);
		return Float32Array.from({ length: count }, (_, k) => view.getFloat32(4 * k, true));
	}
	if (dtype === "float64") {
		if (LITTLE) return new Float64Array(data, 0, count);
		return Float64Array.from({ length: count }, (_, k) => view.getFloat64(8 * k, true));
	}
	if (dtype === "bfloat16") {
		const words = new Uint32Array(count);
		for (let k = 0; k < count; k += 1) words[k] = view.getUint16(2 * k, true) << 16;
		return new Float32Array(words.buffer);
	}
	const at = {
		float16: (k) => halfToNumber(view.getUint16(2 * k, true)),
		int64: (k) => Number(view.getBigInt64(8 * k, true)),
		int32: (k) => view.getInt32(4 * k, true),
		int16: (k) => view.getInt16(2 * k, true),
		int8: (k) => view.getInt8(k),
		uint8: (k) => view.getUint8(k),
		bool: (k) => view.getUint8(k)
	}[dtype];
	const made = dtype === "int64" || dtype === "int32" ? new Float64Array(count) : new Float32Array(count);
	for (let k = 0; k < count; k += 1) made[k] = at(k);
	return made;
}
var LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
/** Of the finite elements, with the population's standard deviation; others are counted. */
function statistics(values) {
	let [nan, inf, count, sum, squares] = [
		0,
		0,
		0,
		0,
		0
	];
	let min = Number.POSITIVE_INFINITY;
	let max = Number.NEGATIVE_INFINITY;
	for (let k = 0; k < values.length; k += 1) {
		const value = values[k];
		if (Number.isNaN(value)) nan += 1;
		else if (!Number.isFinite(value)) inf += 1;
		else {
			count += 1;
			sum += value;
			squares += value * value;
			if (value < min) min = value;
			if (value > max) max = value;
		}
	}
	if (!count) return {
		min: null,
		max: null,
		mean: null,
		std: null,
		norm: null,
		nan,
		inf
	};
	const mean = sum / count;
	let spread = 0;
	for (let k = 0; k < values.length; k += 1) {
		const value = values[k];
		if (Number.isFinite(value)) spread += (value - mean) ** 2;
	}
	return {
		min,
		max,
		mean,
		std: Math.sqrt(spread / count),
		norm: Math.sqrt(squares),
		nan,
		inf
	};
}
/** How two tensors of one shape differ; undefined where their sizes differ. */
function difference(a, b) {
	if (a.length !== b.length || !a.length) return void 0;
	const values = new Float64Array(a.length);
	let [largest, sum, squares, dot, aa, bb] = [
		0,
		0,
		0,
		0,
		0,
		0
	];
	let identical = true;
	for (let k = 0; k < a.length; k += 1) {
		const [x, y] = [a[k], b[k]];
		const d = x - y;
		values[k] = d;
		if (!Object.is(x, y)) identical = false;
		if (Math.abs(d) > largest || Number.isNaN(d)) largest = Math.abs(d);
		sum += Math.abs(d);
		squares += d * d;
		dot += x * y;
		aa += x * x;
		bb += y * y;
	}
	const cosine = aa > 0 && bb > 0 ? dot / Math.sqrt(aa * bb) : null;
	return {
		values,
		largest,
		mean: sum / a.length,
		rms: Math.sqrt(squares / a.length),
		cosine,
		identical
	};
}
/** Four significant digits; the whole number stands in a title beside it. */
function told(value) {
	if (value === null || value === void 0) return "–";
	if (Number.isNaN(value)) return "nan";
	if (!Number.isFinite(value)) return value > 0 ? "inf" : "−inf";
	if (value === 0) return "0";
	const size = Math.abs(value);
	if (size >= 1e6 || size < .001) return minus(value.toExponential(3).replace("e+", "e"));
	return minus(String(Number(value.toPrecision(4))));
}
/** Every digit. */
function exactly(value) {
	return value === null || value === void 0 ? "no finite value" : String(value);
}
function minus(text) {
	return text.replaceAll("-", "−");
}
function shapeText(shape) {
	return shape.length ? shape.join(" × ") : "one number";
}
/** As the server draws: [B, C, H, W]; pixels [B, H, W, C]; [B, H, W] one plane; matrices, rows and
* single numbers as they are. More axes count as channels. */
function planes(shape, item = 0, pixels = false) {
	const sides = shape.length;
	const width = shape[sides - 1] ?? 1;
	const height = sides > 1 ? shape[sides - 2] ?? 1 : 1;
	if (sides >= 4 && pixels) {
		const [items = 1, h = 1, w = 1, c = 1] = shape;
		return {
			items,
			channels: c,
			height: h,
			width: w,
			from: item * h * w * c,
			channel: 1,
			row: w * c,
			column: c,
			place: (ch, y, x) => [
				item,
				y,
				x,
				ch
			]
		};
	}
	if (sides >= 4) {
		const middle = shape.slice(1, -2);
		const channels = middle.reduce((product, side) => product * side, 1);
		const plane = height * width;
		return {
			items: shape[0] ?? 1,
			channels,
			height,
			width,
			from: item * channels * plane,
			channel: plane,
			row: width,
			column: 1,
			place: (c, y, x) => [
				item,
				...unravel(c, middle),
				y,
				x
			]
		};
	}
	return {
		items: sides === 3 ? shape[0] ?? 1 : 1,
		channels: 1,
		height,
		width,
		from: item * height * width,
		channel: height * width,
		row: width,
		column: 1,
		place: (_, y, x) => sides === 3 ? [
			item,
			y,
			x
		] : [y, x].slice(2 - sides)
	};
}
function unravel(index, sides) {
	const made = [];
	let rest = index;
	for (let k = sides.length - 1; k >= 0; k -= 1) {
		const side = sides[k] ?? 1;
		made.unshift(rest % side);
		rest = Math.floor(rest / side);
	}
	return made;
}
/** Whether the last axis holds colours, as the server judges it. */
function arePixels(part, shape) {
	const last = shape[3];
	return part.endsWith("pixels") && shape.length === 4 && (last === 3 || last === 4);
}
// src/inspect/trace.ts
/** What a run traced, indexed by port and step, and which of it a wire or a node shows at a step. */
function indexed(told) {
	const byPort = /* @__PURE__ */ new Map();
	const byNode = /* @__PURE__ */ new Map();
	const unsound = /* @__PURE__ */ new Set();
	const latents = /* @__PURE__ */ new Map();
	let textWidth = 0;
	let pooledWidth = 0;
	for (const tensor of told.tensors) {
		const port = `${tensor.node}.${tensor.port}`;
		push(byPort, port, tensor);
		push(byNode, tensor.node, tensor);
		if (tensor.stats.nan || tensor.stats.inf) unsound.add(port);
		if (tensor.role === "x_t" && tensor.part === "samples" && tensor.step !== null) {
			const loop = loopOf(tensor.path);
			latents.set(loop, Math.max(latents.get(loop) ?? 0, tensor.step + 1));
		}
		const last = tensor.shape.at(-1) ?? 0;
		if (tensor.part.endsWith("embeddings")) textWidth = Math.max(textWidth, last);
		if (tensor.part.endsWith("pooled")) pooledWidth = Math.max(pooledWidth, last);
	}
	return {
		run: told.run,
		level: told.level,
		tensors: told.tensors,
		guidance: told.guidance,
		evicted: told.evicted,
		byPort,
		byNode,
		unsound,
		latents,
		textWidth,
		pooledWidth
	};
}
function push(map, key, tensor) {
	const list = map.get(key);
	if (list) list.push(tensor);
	else map.set(key, [tensor]);
}
/** The innermost loop or sampler that a path with passes lies in, without the passes around it:
* `outer[1]/denoise[3]/cond` → `outer/denoise`. */
function loopOf(path) {
	const end = path.lastIndexOf("[");
	return end < 0 ? "" : bare(path.slice(0, end));
}
function bare(path) {
	return path.replace(/\[\d+\]/g, "");
}
/** Which pass of a loop a path lies in; undefined if it lies in none of it. */
function passOf(path, loop) {
	if (!loop) return void 0;
	for (const found of path.matchAll(/\[(\d+)\]/g)) if (bare(path.slice(0, found.index)) === loop) return Number(found[1]);
}
/** Of the tensors of one port those that a step shows: of the pass itself, or, where not each was
* traced, of the one before. What lies in no pass of the loop is shown as it was at the last. */
function atStep(tensors, loop, step) {
	let best = -1;
	let outside = false;
	for (const { path } of tensors) {
		const pass = passOf(path, loop);
		if (pass === void 0) outside = true;
		else if (pass <= step && pass > best) best = pass;
	}
	if (best >= 0) return lastPath(tensors.filter(({ path }) => passOf(path, loop) === best));
	return outside ? lastPath(tensors.filter(({ path }) => passOf(path, loop) === void 0)) : [];
}
/** All parts of the value that was made last. */
function lastPath(tensors) {
	const last = tensors.at(-1)?.path;
	return tensors.filter(({ path }) => path === last);
}
/** Where a wire's value is made: wires from pads begin where their loop gets it from, and at which
* step. Of state the first step has its beginning. */
function originOf(graph, from, loop, step) {
	let at = {
		port: from,
		back: 0
	};
	for (let depth = 0; depth < 32; depth += 1) {
		const cut = cutEnd(at.port);
		const { scope, id } = splitPath(cut.node);
		if (id !== "$in") return at;
		const holder = holderOf(graph, scope);
		if (!holder) return at;
		const outer = scope.slice(0, -1);
		const own = scope.at(-1) ?? "";
		const [kind = "", ...rest] = cut.port.split(".");
		const name = rest.join(".");
		const within = scope.join("/") === loop;
		if (isLoop(holder) && kind === "state" && within && step - at.back > 0) {
			const next = holder.state?.[name]?.next;
			if (!next) return at;
			at = {
				port: joined$1(scope, next),
				back: at.back + 1
			};
			continue;
		}
		const [link] = linksAt(graph, outer, {
			node: own,
			port: cut.port
		});
		if (!link) return at;
		at = {
			port: joined$1(outer, link),
			back: at.back
		};
	}
	return at;
}
/** A link of a scope with its path; what a body's pad gives, from the pad. */
function joined$1(scope, link) {
	const pad = /^(each|const|state)\./.test(link) && scope.length > 0;
	return [...scope, pad ? `\$in.${link}` : link].join("/");
}
/** `a/b.port` or `a/$in.state.latent` cut at the first dot after the last slash. */
function cutEnd(end) {
	const dot = end.indexOf(".", end.lastIndexOf("/") + 1);
	return dot < 0 ? {
		node: end,
		port: ""
	} : {
		node: end.slice(0, dot),
		port: end.slice(dot + 1)
	};
}
/** What a wire carries at a step. */
function carried$1(trace, graph, from, loop, step) {
	const { port, back } = originOf(graph, from, loop, step);
	const end = cutEnd(port);
	const next = end.node === loop ? nodeByPath(graph, loop)?.state?.[end.port]?.next : void 0;
	if (next) {
		const { scope, id } = splitPath(loop);
		const inside = joined$1([...scope, id], next);
		if (inside !== from) {
			const found = carried$1(trace, graph, inside, loop, step - back);
			if (found.length) return found;
		}
	}
	const tensors = trace.byPort.get(port);
	return tensors ? atStep(tensors, loop, step - back) : [];
}
/** What a step did, of a loop or a one-node sampler. */
function stepTensors(trace, graph, loop, step) {
	const node = graph ? nodeByPath(graph, loop) : void 0;
	const made = {};
	if (node?.body && graph) {
		const { scope, id } = splitPath(loop);
		const inside = [...scope, id];
		for (const [name, state] of Object.entries(node.state ?? {})) {
			const after = samples(carriedAt(trace, graph, joined$1(inside, state.next), loop, step));
			if (after?.role !== "x_t") continue;
			put$1(made, "after", after);
			put$1(made, "before", samples(carried$1(trace, graph, `${loop}/\$in.state.${name}`, loop, step)));
			break;
		}
		const guide = guideOf(trace, loop);
		if (guide) {
			const asked = nodeByPath(graph, guide);
			for (const port of ["cond", "uncond"]) {
				const link = asked?.links?.[port];
				if (typeof link !== "string") continue;
				put$1(made, port, samples(carriedAt(trace, graph, joined$1(splitPath(guide).scope, link), loop, step)));
			}
		}
	}
	const inStep = trace.tensors.filter((tensor) => passOf(tensor.path, loop) === step && tensor.part === "samples");
	const latest = (role, port) => inStep.findLast((tensor) => tensor.role === role && (!port || tensor.port === port));
	if (!made.after) put$1(made, "after", latest("x_t"));
	if (!node?.body) {
		put$1(made, "cond", latest("eps", "cond"));
		put$1(made, "uncond", latest("eps", "uncond"));
		if (step > 0) put$1(made, "before", stepTensorsBefore(trace, loop, step));
	}
	put$1(made, "x0", latest("x0"));
	const noise = latest("eps");
	if (noise && noise !== made.cond && noise !== made.uncond) put$1(made, "eps", noise);
	else if (noise && !made.uncond) put$1(made, "eps", noise);
	return made;
}
function stepTensorsBefore(trace, loop, step) {
	return trace.tensors.findLast((tensor) => tensor.role === "x_t" && tensor.part === "samples" && passOf(tensor.path, loop) === step - 1);
}
function put$1(made, name, tensor) {
	if (tensor) made[name] = tensor;
}
function carriedAt(trace, graph, from, loop, step) {
	return carried$1(trace, graph, from, loop, step).filter(({ path }) => passOf(path, loop) === void 0 || passOf(path, loop) === step);
}
function samples(tensors) {
	return tensors.find((tensor) => tensor.part === "samples");
}
/** The node that weighs the two predictions in a loop. */
function guideOf(trace, loop) {
	const row = trace.guidance.find(({ path }) => passOf(path, loop) !== void 0);
	return row && row.node !== loop ? row.node : "";
}
// src/inspect/store.ts
/** Traces of runs as the page has them: their indexes, and the elements of tensors, each fetched
* once. Keeps the scrubber in step with the run that is shown. */
var useTraceIndex = create()(() => ({
	of: {},
	faults: {}
}));
var fetching = /* @__PURE__ */ new Map();
/** Ask for what a run has traced; again where it goes on. */
function fetchTrace(run) {
	const known = fetching.get(run);
	if (known) return known;
	const asked = (async () => {
		try {
			const trace = indexed(await tensors(run));
			useTraceIndex.setState(({ of, faults }) => {
				const { [run]: _, ...others } = of;
				const kept = Object.entries(others).slice(-12);
				const { [run]: __, ...left } = faults;
				return {
					of: {
						...Object.fromEntries(kept),
						[run]: trace
					},
					faults: left
				};
			});
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			const message = error.message;
			useTraceIndex.setState(({ faults }) => ({ faults: {
				...faults,
				[run]: message
			} }));
		} finally {
			fetching.delete(run);
		}
	})();
	fetching.set(run, asked);
	return asked;
}
function useRunTrace(run) {
	return useTraceIndex((state) => state.of[run]);
}
function useShownTrace() {
	return useRunTrace(useRuns((state) => state.shown));
}
/** The graph that a run ran, or what is on the canvas. */
function graphOf(run) {
	return useRuns.getState().graphs[run] ?? useEditor.getState().graph;
}
function useGraphOf(run) {
	const ran = useRuns((state) => state.graphs[run]);
	const drawn = useEditor((state) => state.graph);
	return ran ?? drawn;
}
/** Kept of all tensors together. */
var MOST_BYTES$1 = 256 << 20;
var MOST_AT_ONCE = 4;
var held = /* @__PURE__ */ new Map();
var faults = /* @__PURE__ */ new Map();
var waiting = [];
var asked$1 = /* @__PURE__ */ new Set();
var listeners = /* @__PURE__ */ new Set();
var active = 0;
var bytes = 0;
/** The elements, if they are here; else they are asked for. */
function elements(run, tensor) {
	const key = `${run}/${tensor.tid}`;
	const known = held.get(key);
	if (known) return known.values;
	want(run, tensor);
}
/** Ask for elements that are not here yet. */
function want(run, tensor$1, first = true) {
	const key = `${run}/${tensor$1.tid}`;
	if (held.has(key) || asked$1.has(key) || !tensor$1.kept || tensor$1.bytes > 16777216) return;
	asked$1.add(key);
	const pushed = useTraces.getState().pushed[run]?.[tensor$1.tid];
	if (pushed) {
		keep$2(key, pushed.data, tensor$1);
		announce();
		return;
	}
	const fetch = async () => {
		try {
			keep$2(key, await tensor(run, tensor$1.tid), tensor$1);
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			faults.set(key, error.message);
		}
	};
	if (first) waiting.unshift(fetch);
	else waiting.push(fetch);
	begin$2();
}
function begin$2() {
	while (active < MOST_AT_ONCE) {
		const next = waiting.shift();
		if (!next) return;
		active += 1;
		next().finally(() => {
			active -= 1;
			announce();
			begin$2();
		});
	}
}
function keep$2(key, data, tensor) {
	held.set(key, {
		values: unpack(data, tensor.dtype),
		bytes: data.byteLength
	});
	bytes += data.byteLength;
	for (const [oldest, one] of held) {
		if (bytes <= MOST_BYTES$1 || oldest === key) break;
		held.delete(oldest);
		asked$1.delete(oldest);
		bytes -= one.bytes;
	}
}
var version = 0;
var announcing = false;
/** Those who wait look again, at most once per task. */
function announce() {
	if (announcing) return;
	announcing = true;
	queueMicrotask(() => {
		announcing = false;
		version += 1;
		for (const listener of listeners) listener();
	});
}
function subscribe(listener) {
	listeners.add(listener);
	return () => listeners.delete(listener);
}
/** A tensor's elements; undefined until they are here. */
function useElements(run, tensor) {
	const values = (0, import_react.useSyncExternalStore)(subscribe, () => tensor ? held.get(`${run}/${tensor.tid}`)?.values : void 0);
	(0, import_react.useEffect)(() => {
		if (tensor) want(run, tensor);
	}, [run, tensor]);
	return values;
}
/** Counts up with each tensor that comes. */
function useArrived() {
	return (0, import_react.useSyncExternalStore)(subscribe, () => version);
}
/** All latents of a run, once. */
function prefetch(trace) {
	for (const tensor of trace.tensors) {
		if (tensor.role === "value" || tensor.role === "attention" || tensor.bytes > 1 << 20) continue;
		want(trace.run, tensor, false);
	}
}
/** Loops and samplers of a run that have steps, those with most latents first. */
function steppingOf(run, trace) {
	const found = /* @__PURE__ */ new Map();
	for (const [node, steps] of Object.entries(run?.steps ?? {})) {
		const last = steps.at(-1);
		if (last && last.steps > 1) found.set(node, Math.max(last.step + 1, trace ? 0 : 1));
	}
	for (const [node, steps] of trace?.latents ?? []) found.set(node, Math.max(found.get(node) ?? 0, steps));
	const latents = (node) => trace?.latents.get(node) ?? 0;
	return [...found].map(([node, steps]) => ({
		node,
		steps
	})).sort((a, b) => latents(b.node) - latents(a.node) || b.steps - a.steps);
}
/** The noise level at which a step begins. */
function sigmaAt(run, trace, node, step) {
	const told = run?.steps[node]?.find((one) => one.step === step)?.sigma;
	if (told !== null && told !== void 0) return told;
	return (trace?.guidance.find((one) => one.step === step && (one.node === node || one.node.startsWith(`${node}/`))))?.sigma ?? null;
}
/** The tensors of the step that is shown. */
function useStepTensors(run, node, step) {
	const trace = useRunTrace(run);
	const graph = useGraphOf(run);
	return (0, import_react.useMemo)(() => trace && node ? stepTensors(trace, graph, node, step) : {}, [
		trace,
		graph,
		node,
		step
	]);
}
function follow() {
	const { shown, runs } = useRuns.getState();
	const trace = useTraceIndex.getState().of[shown];
	const found = steppingOf(runs[shown], trace);
	const scrub = useScrub.getState();
	const same = found.find((one) => one.node === scrub.node);
	const traced = trace?.latents.size ? trace.latents.has(scrub.node) : true;
	const best = found[0];
	if (same && traced) scrub.setSteps(same.steps);
	else if (best) scrub.choose(best.node, best.steps);
	else if (scrub.node) useScrub.setState({
		node: "",
		steps: 0,
		step: 0,
		playing: false
	});
}
var AGAIN_MS = 1500;
/** Watch the run that is shown. Returns what ends it. */
function watchTraces() {
	let timer;
	let seen = "";
	const look = () => {
		const { shown, runs } = useRuns.getState();
		const run = runs[shown];
		const state = run?.state ?? "";
		const now = `${shown}:${FINISHED$1.has(run?.state ?? "queued")}`;
		const may = run?.trace !== "off" || !run.number || FINISHED$1.has(run.state);
		if (shown && run && may && now !== seen && state !== "queued") {
			seen = now;
			fetchTrace(shown).then(() => {
				const trace = useTraceIndex.getState().of[shown];
				if (trace) prefetch(trace);
			});
		}
		if (timer === void 0 && state === "running" && may) timer = setTimeout(() => {
			timer = void 0;
			seen = "";
			look();
		}, AGAIN_MS);
		follow();
	};
	const stops = [
		useRuns.subscribe((state, before) => {
			if (state.runs[state.shown] !== before.runs[before.shown] || state.shown !== before.shown) look();
		}),
		useTraceIndex.subscribe(follow),
		() => clearTimeout(timer)
	];
	look();
	return () => {
		for (const stop of stops) stop();
	};
}
// src/inspect/quiet.ts
/** Runs that this page makes for itself: after all that waits, and not shown on the canvas. */
/** After every other run. */
var LAST = -10;
/** Queue such a run. Its id; "" where it was refused, which is told. Its trace is fetched once it
* has ended. */
async function quietRun({ graph, title, trace, outputs, inputs }) {
	try {
		const { run } = await submitRun({
			graph: { ...graph },
			title,
			trace,
			priority: LAST,
			client: CLIENT,
			previews: false,
			...outputs ? {
				outputs,
				temporary: outputs
			} : {},
			...inputs ? { inputs: { ...inputs } } : {}
		});
		useRuns.getState().keepGraph(run, graph);
		ended(run).then((state) => {
			if (state === "done") fetchTrace(run);
			else tellFault(run, title);
		});
		return run;
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		useUi.getState().notify("error", `Not queued — ${title}: ${error.message}`);
		return "";
	}
}
function tellFault(run, title) {
	const view = useRuns.getState().runs[run];
	const why = view?.errors[0]?.message || view?.reason || view?.state || "";
	useUi.getState().notify("warning", `${title}: ${why}`);
}
/** The state in which a run ends. */
function ended(run) {
	return new Promise((resolve) => {
		const look = () => {
			const state = useRuns.getState().runs[run]?.state;
			if (!state || !FINISHED$1.has(state)) return false;
			resolve(state);
			return true;
		};
		if (look()) return;
		const stop = useRuns.subscribe(() => {
			if (look()) stop();
		});
	});
}
// src/inspect/explode.ts
/** A sampler in one node as the loop of its steps, and back; with a check that both make the same
* picture. */
/** The one selected node, as a path; "" for none or several. */
function selectedNode() {
	const { selection, scope } = useEditor.getState();
	const ids = selection.filter((id) => !id.startsWith("wire:"));
	return ids.length === 1 ? pathOf(scope, ids[0] ?? "") : "";
}
function canExplode(path = selectedNode()) {
	const node = path ? nodeByPath(useEditor.getState().graph, path) : void 0;
	return node?.type === "sampler.sample" || node?.type === "sampler.resume";
}
function canCollapse(path = selectedNode()) {
	return (path ? nodeByPath(useEditor.getState().graph, path) : void 0)?.type === "flow.loop";
}
var LABELS = {
	explode: "Show every step",
	collapse: "Collapse into one node"
};
/** Replace the node, in one step back. With `check` both graphs run. */
async function change(way, check = false, path = selectedNode()) {
	const { graph: before } = useEditor.getState();
	const { notify } = useUi.getState();
	try {
		const request = {
			graph: { ...before },
			node: path
		};
		const told = way === "explode" ? await explode(request) : await collapse(request);
		const made = placeMissing(told.graph, useCatalogue.getState().catalogue);
		if (useEditor.getState().graph !== before) {
			notify("warning", "The graph was changed meanwhile: try again");
			return;
		}
		const id = told.node.split("/").at(-1) ?? "";
		useEditor.getState().edit(LABELS[way], () => made, { select: [id] });
		requestAnimationFrame(() => reveal(id));
		if (check) await sameOutputs(before, made);
		else {
			const differs = "identical" in told && !told.identical;
			notify("info", `${LABELS[way]}: done${differs ? ". The picture may differ slightly" : ""}`, {
				label: "Check",
				run: () => void sameOutputs(before, made)
			});
		}
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		const hint = error.problems[0]?.hint;
		notify("error", `${LABELS[way]}: ${error.message}${hint ? ` — ${hint}` : ""}`);
	}
}
/** Run both, and tell whether every output is the same to the bit. */
async function sameOutputs(before, after) {
	const { notify } = useUi.getState();
	notify("info", "Both graphs run, to compare what they make …");
	const names = Object.keys(after.outputs ?? {}).filter((name) => before.outputs?.[name]);
	if (!names.length) {
		notify("warning", "Nothing to compare: the graph declares no outputs");
		return;
	}
	const runs = [];
	for (const [graph, title] of [[before, "check: before"], [after, "check: after"]]) {
		const run = await quietRun({
			graph,
			title,
			trace: "full",
			outputs: names
		});
		if (!run || await ended(run) !== "done") {
			notify("warning", `Not compared: ${title} did not finish`);
			return;
		}
		runs.push(run);
	}
	const [a = "", b = ""] = runs;
	const different = [];
	let bytes = 0;
	for (const name of names) {
		const one = await outputBytes(a, before.outputs?.[name] ?? "");
		const other = await outputBytes(b, after.outputs?.[name] ?? "");
		bytes += one.length;
		if (!one.length || !sameBytes(one, other)) different.push(name);
	}
	if (different.length) notify("warning", `Different: ${different.join(", ")}`);
	else notify("good", `Identical to the bit: ${names.join(", ")} (${bytes} bytes compared)`);
}
/** The raw elements of an output, as they were before any file was written. */
async function outputBytes(run, link) {
	const { node, port } = splitLink(link);
	const { tensors: tensors$1 } = await tensors(run);
	const own = tensors$1.filter((one) => one.node === node && one.port === port && one.kept);
	const path = own.at(-1)?.path;
	const parts = [];
	for (const one of own) if (one.path === path) parts.push(new Uint8Array(await tensor(run, one.tid)));
	const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
	let at = 0;
	for (const part of parts) {
		made.set(part, at);
		at += part.length;
	}
	return made;
}
function sameBytes(a, b) {
	return a.length === b.length && a.every((byte, k) => byte === b[k]);
}
// src/inspect/look.ts
/** What the panel "Look" shows: a wire's value, and how it is drawn. */
var useLook = create()((set) => ({
	from: "",
	type: "",
	part: "",
	item: 0,
	channel: null,
	map: "viridis",
	focused: null,
	look: (from, type) => {
		set((state) => state.from === from ? { type } : {
			from,
			type,
			part: "",
			item: 0,
			channel: null
		});
		useUi.getState().openRight("look");
	}
}));
/** The wire of an edge id in the scope that is shown. */
function wireOf(edge) {
	const { to, index } = wireEnd(edge);
	return sourceOf(to.node, to.port, index ?? 0);
}
/** What feeds a port in the scope that is shown. */
function sourceOf(node, port, index = 0) {
	const { graph, scope } = useEditor.getState();
	const link = linksAt(graph, scope, {
		node,
		port
	})[index];
	if (!link) return void 0;
	const end = endOf(link, isLoop(holderOf(graph, scope)));
	const type = typeOfEnd(graph, scope, end, useCatalogue.getState().catalogue);
	return {
		from: pathOf(scope, `${end.node}.${end.port}`),
		type
	};
}
/** The value at a socket: what it gives, or what it is given. */
function atSocket(element) {
	const node = element.getAttribute("data-nodeid");
	const port = element.getAttribute("data-handleid");
	if (!node || !port) return void 0;
	if (element.classList.contains("target")) return sourceOf(node, port);
	const { graph, scope } = useEditor.getState();
	const type = typeOfEnd(graph, scope, {
		node,
		port
	}, useCatalogue.getState().catalogue);
	return {
		from: pathOf(scope, `${node}.${port}`),
		type
	};
}
// src/api/feed.ts
var KINDS$1 = /* @__PURE__ */ new Set([
	"nf.run",
	"nf.node",
	"nf.step",
	"nf.output",
	"nf.error",
	"nf.paused"
]);
/** Whether something from the socket or the replay is an event of a run. */
function isMessage(told) {
	if (typeof told.type !== "string" || !KINDS$1.has(told.type)) return false;
	const data = told.data;
	return typeof data?.run === "string" && typeof data.seq === "number";
}
var Feed = class {
	#target;
	/** The `seq` of the last event handed on. */
	#last = /* @__PURE__ */ new Map();
	/** Events that wait for those before them. */
	#waiting = /* @__PURE__ */ new Map();
	constructor(target) {
		this.#target = target;
	}
	/** Events up to `seq` are known in sum; they are not asked for. */
	startAt(run, seq) {
		if (!this.#last.has(run) && !this.#waiting.has(run)) this.#last.set(run, seq);
	}
	receive(message) {
		const { run, seq } = message.data;
		const waiting = this.#waiting.get(run);
		if (waiting) {
			waiting.push(message);
			return;
		}
		const last = this.#last.get(run) ?? 0;
		if (seq <= last) return;
		if (seq > last + 1) {
			this.replay(run, message);
			return;
		}
		this.#last.set(run, seq);
		this.#target.emit(message);
	}
	/** Ask for what is missing of a run. What comes meanwhile waits. */
	async replay(run, first) {
		const before = this.#waiting.get(run);
		if (before) {
			if (first) before.push(first);
			return;
		}
		this.#waiting.set(run, first ? [first] : []);
		let detail;
		try {
			detail = await this.#target.fetch(run, this.#last.get(run) ?? 0);
		} catch (error) {
			if (error instanceof ApiError && error.status === 404) this.#target.gone(run);
		}
		const waiting = this.#waiting.get(run) ?? [];
		this.#waiting.delete(run);
		if (!detail) return;
		for (const event of detail.events) if (isMessage(event)) this.#pass(event);
		this.#target.know(detail.summary);
		waiting.sort((a, b) => a.data.seq - b.data.seq);
		for (const message of waiting) this.receive(message);
	}
	/** Hand on what the server has kept; there a number may be missing for good. */
	#pass(message) {
		const { run, seq } = message.data;
		if (seq <= (this.#last.get(run) ?? 0)) return;
		this.#last.set(run, seq);
		this.#target.emit(message);
	}
	/** A run is looked at from its beginning again. */
	restart(run) {
		this.#last.delete(run);
	}
};
// src/api/frames.ts
/** The frame that a message holds; undefined if it is cut short or its head is no JSON. */
function readFrame(message) {
	if (message.byteLength < 8) return void 0;
	const view = new DataView(message);
	const end = 8 + view.getUint32(4);
	if (end > message.byteLength) return void 0;
	try {
		const head = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 8, end - 8)));
		if (typeof head !== "object" || head === null) return void 0;
		return {
			kind: view.getUint32(0),
			head,
			data: message.slice(end)
		};
	} catch {
		return;
	}
}
// src/api/socket.ts
/** Milliseconds until the first try to connect again, and at most between two. */
var SOON = 250;
var LATE = 5e3;
/** Where no frames are drawn (a hidden tab) events are applied after this many milliseconds. */
var HIDDEN = 200;
/** Where a tab keeps which run it shows. */
var SHOWN$1 = "nodeflow.shown";
var Connection = class {
	#socket;
	#tries = 0;
	#timer;
	#ended = false;
	#messages = [];
	#previews = /* @__PURE__ */ new Map();
	#tensors = [];
	#frame = 0;
	#fallback;
	#queueTimer;
	#stops = [];
	graphsListeners = /* @__PURE__ */ new Set();
	feed = new Feed({
		fetch: async (run$2, after) => {
			const detail = await run(run$2, after);
			const { graphs, keepGraph, shown } = useRuns.getState();
			if (run$2 === shown && !graphs[run$2]) keepGraph(run$2, detail.graph);
			return detail;
		},
		emit: (message) => {
			this.#messages.push(message);
			this.#soon();
		},
		know: (summary) => {
			this.#flush();
			useRuns.getState().know([summary]);
		},
		gone: (run) => useRuns.getState().forget(run)
	});
	start() {
		const again = () => {
			if (!this.#socket && !this.#ended) this.#connect();
		};
		window.addEventListener("online", again);
		document.addEventListener("visibilitychange", again);
		this.#stops.push(() => window.removeEventListener("online", again), () => document.removeEventListener("visibilitychange", again), useTraces.subscribe((state, before) => {
			if (state.level !== before.level || state.every !== before.every) this.#subscribe();
		}), useRuns.subscribe((state, before) => {
			if (state.shown === before.shown) return;
			sessionStorage.setItem(SHOWN$1, state.shown);
			if (state.shown) this.look(state.shown);
		}));
		const shown = sessionStorage.getItem(SHOWN$1);
		if (shown && !useRuns.getState().shown) useRuns.getState().show(shown);
		this.#connect();
	}
	stop() {
		this.#ended = true;
		clearTimeout(this.#timer);
		clearTimeout(this.#fallback);
		clearTimeout(this.#queueTimer);
		cancelAnimationFrame(this.#frame);
		for (const stop of this.#stops) stop();
		this.#socket?.close();
	}
	/** A run's events are brought, if they are not here: of one that was never looked at, or is not
	* remembered. */
	look(run) {
		const known = useRuns.getState().runs[run];
		if (!(!known || known.lastSeq === 0 && known.state !== "queued")) return;
		this.feed.restart(run);
		this.feed.replay(run);
	}
	#connect() {
		clearTimeout(this.#timer);
		const url = apiUrl("ws").replace(/^http/, "ws");
		const socket = new WebSocket(url);
		this.#socket = socket;
		socket.binaryType = "arraybuffer";
		socket.onopen = () => {
			this.#tries = 0;
			useRuns.getState().setConnection("open");
			this.#subscribe();
			this.#catchUp();
		};
		socket.onmessage = ({ data }) => {
			if (typeof data === "string") this.#text(data);
			else if (data instanceof ArrayBuffer) this.#binary(data);
		};
		socket.onclose = () => {
			if (this.#socket !== socket) return;
			this.#socket = void 0;
			if (this.#ended) return;
			useRuns.getState().setConnection("lost");
			const pause = Math.min(LATE, SOON * 2 ** this.#tries) * (.75 + Math.random() / 2);
			this.#tries += 1;
			this.#timer = setTimeout(() => this.#connect(), pause);
		};
	}
	#subscribe() {
		const { level, every } = useTraces.getState();
		const data = {
			run: "",
			trace: level,
			every
		};
		if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({
			type: "subscribe",
			data
		}));
	}
	/** After (re)connecting: how the queue is, and what happened meanwhile to runs known here. */
	async #catchUp() {
		const unfinished = await this.#readQueue();
		const { runs, shown } = useRuns.getState();
		for (const run of Object.values(runs)) if (run.state === "queued" || run.state === "running" || run.state === "paused") unfinished.add(run.run);
		if (shown) unfinished.add(shown);
		for (const run of unfinished) this.feed.replay(run);
	}
	/** The ids of what runs, or should. */
	async #readQueue() {
		try {
			const state = await queue();
			for (const run of state.queued) this.feed.startAt(run.run, run.last_seq);
			useRuns.getState().know([...state.running, ...state.queued]);
			useRuns.getState().setQueue({
				paused: state.paused,
				running: state.running.map((run) => run.run),
				queued: state.queued.map((run) => run.run)
			});
			return new Set(state.running.map((run) => run.run));
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			return /* @__PURE__ */ new Set();
		}
	}
	#text(data) {
		let told;
		try {
			told = readJson(data);
		} catch {
			return;
		}
		if (isMessage(told)) this.feed.receive(told);
		else if (told.type === "nf.queue") this.#queueChanged(told.data);
		else if (told.type === "nf.graphs") for (const listener of this.graphsListeners) listener(told.data);
	}
	#queueChanged(event) {
		const store = useRuns.getState();
		store.setQueue(event);
		if (![...event.running, ...event.queued].some((id) => !store.runs[id]?.number)) return;
		clearTimeout(this.#queueTimer);
		this.#queueTimer = setTimeout(() => void this.#readQueue(), HIDDEN);
	}
	#binary(message) {
		const frame = readFrame(message);
		if (frame?.kind === 101) {
			const { run, node, step, steps } = frame.head;
			const stale = this.#previews.get(node);
			if (stale) URL.revokeObjectURL(stale.url);
			const url = URL.createObjectURL(new Blob([frame.data], { type: "image/jpeg" }));
			this.#previews.set(node, {
				run,
				node,
				step,
				steps,
				url
			});
		} else if (frame?.kind === 100) this.#tensors.push({
			head: frame.head,
			data: frame.data
		});
		this.#soon();
	}
	#soon() {
		if (this.#frame) return;
		this.#frame = requestAnimationFrame(() => this.#flush());
		this.#fallback = setTimeout(() => this.#flush(), HIDDEN);
	}
	#flush() {
		cancelAnimationFrame(this.#frame);
		clearTimeout(this.#fallback);
		this.#frame = 0;
		const messages = this.#messages;
		const previews = [...this.#previews.values()];
		const tensors = this.#tensors;
		this.#messages = [];
		this.#previews = /* @__PURE__ */ new Map();
		this.#tensors = [];
		if (messages.length) useRuns.getState().apply(messages);
		if (previews.length) useRuns.getState().setPreviews(previews);
		if (tensors.length) useTraces.getState().push(tensors);
	}
};
var connection;
/** Connect, and stay so. Returns what ends it. */
function startSocket() {
	connection?.stop();
	const mine = new Connection();
	connection = mine;
	mine.start();
	return () => {
		mine.stop();
		if (connection === mine) connection = void 0;
	};
}
/** Be told when somebody saves or deletes a graph. */
function onGraphs(listener) {
	const listeners = connection?.graphsListeners;
	listeners?.add(listener);
	return () => listeners?.delete(listener);
}
/** Bring what the server knows of a run, from its beginning. */
function lookAt(run) {
	connection?.look(run);
}
// src/model/python.ts
/** A graph as a Python program that builds the same graph with `GraphBuilder`, and runs it. */
var KEYWORDS = new Set("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield match case type graph result nodeflow GraphBuilder print list dict str int float".split(" "));
/** A JSON value as a Python literal. */
function literal(value) {
	if (value === null) return "None";
	if (typeof value === "boolean") return value ? "True" : "False";
	if (typeof value === "string") return JSON.stringify(value);
	if (typeof value === "bigint") return String(value);
	if (typeof value === "number") return Number.isFinite(value) ? String(value) : "None";
	if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
	return `{${Object.entries(value).map(([key, item]) => `${literal(key)}: ${literal(item)}`).join(", ")}}`;
}
var Writer = class {
	lines = [];
	modules = /* @__PURE__ */ new Set();
	#taken = new Set(KEYWORDS);
	name(wanted) {
		const name = freshName(wanted.replace(/\W/gu, "_").replace(/^(?=\d)/, "n") || "node", (other) => this.#taken.has(other));
		this.#taken.add(name);
		return name;
	}
	/** The graph of a file under a new name; that name. */
	graph(file, wanted) {
		const builder = this.name(wanted);
		const about = [file.title ? `title=${literal(file.title)}` : "", file.description ? `description=${literal(file.description)}` : ""].filter(Boolean);
		this.lines.push(`${builder} = GraphBuilder(${about.join(", ")})`);
		const names = this.#scope(file.nodes, builder, /* @__PURE__ */ new Map(), false);
		for (const [name, targets] of Object.entries(file.inputs ?? {})) {
			const list = typeof targets === "string" ? [targets] : targets;
			this.lines.push(`${builder}.input(${[name, ...list].map(literal).join(", ")})`);
		}
		for (const [name, link] of Object.entries(file.outputs ?? {})) if (link) this.lines.push(`${builder}.output(${literal(name)}, ${wire(link, names)})`);
		return builder;
	}
	#scope(nodes, builder, given, inLoop) {
		const names = new Map(given);
		for (const id of order(nodes, inLoop)) {
			const node = nodes[id];
			if (!node) continue;
			if (isLoop(node)) this.#loop(id, node, builder, names);
			else this.#node(id, node, builder, names);
		}
		return names;
	}
	#node(id, node, builder, names) {
		const rest = [...Object.entries(node.params ?? {}).map(([port, value]) => [port, literal(value)]), ...Object.entries(node.links ?? {}).map(([port, link]) => [port, wires(link, names)])].map(([port, text]) => `, ${port}=${text}`).join("");
		if (node.mode) this.lines.push(`# in the editor the next node has the mode ${node.mode}`);
		if (node.type === "flow.graph") {
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
	#loop(id, node, outer, names) {
		const loop = this.name(`${id}_loop`);
		this.lines.push("", `${loop} = ${outer}.loop(${literal(id)})`);
		const given = /* @__PURE__ */ new Map();
		const enter = (kind, name, link) => {
			const inside = this.name(`${id}_${name}`);
			given.set(`${kind}.${name}`, inside);
			this.lines.push(`${inside} = ${loop}.${kind}(${literal(name)}, ${wire(link, names)})`);
		};
		for (const [name, link] of Object.entries(node.each ?? {})) enter("each", name, link);
		for (const [name, link] of Object.entries(node.const ?? {})) enter("const", name, link);
		for (const [name, { init }] of Object.entries(node.state ?? {})) enter("state", name, init);
		const inner = this.#scope(node.body ?? {}, loop, given, true);
		const pairs = (entries) => entries.map(([name, link]) => `${literal(name)}: ${wire(link, inner)}`).join(", ");
		const next = pairs(Object.entries(node.state ?? {}).map(([name, { next: link }]) => [name, link]));
		const collect = pairs(Object.entries(node.collect ?? {}));
		const ends = [next ? `next={${next}}` : "", collect ? `collect={${collect}}` : ""];
		names.set(id, this.name(id));
		this.lines.push(`${names.get(id)} = ${loop}.close(${ends.filter(Boolean).join(", ")})`, "");
	}
};
function moduleName(module) {
	return `${module.replace(/\W/g, "_")}_nodes`;
}
function loaded(node) {
	return typeof node.graph === "string" ? `nodeflow.load(${literal(node.graph)})` : "None";
}
function wire(link, names) {
	const given = names.get(link);
	if (given !== void 0) return given;
	const { node, port } = splitLink(link);
	return `${names.get(node) ?? "missing"}[${literal(port)}]`;
}
function wires(link, names) {
	if (typeof link === "string") return wire(link, names);
	return `[${link.map((one) => wire(one, names)).join(", ")}]`;
}
/** Ids, each after what it reads; as in the file where that leaves it open. */
function order(nodes, inLoop) {
	const done = /* @__PURE__ */ new Set();
	const ordered = [];
	for (const first of Object.keys(nodes)) {
		const pending = [first];
		const open = /* @__PURE__ */ new Set();
		while (pending.length) {
			const id = pending.at(-1) ?? "";
			const node = nodes[id];
			const ahead = node && !open.has(id) ? sourcesOf(id, node, inLoop).filter((source) => source in nodes && !done.has(source)) : [];
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
function pythonOf(graph) {
	const writer = new Writer();
	const builder = writer.graph(graph, "builder");
	const imports = [...writer.modules].sort().map((module) => {
		return `import ${module.includes(":") ? module.split(":").join(".") : `nodes.${module}`} as ${moduleName(module)}`;
	});
	const body = writer.lines.join("\n").replace(/\n{3,}/g, "\n\n");
	return [
		`"""${(graph.title ?? "A graph").replaceAll("\\", "\\\\").replaceAll("\"", "'")}"""`,
		"",
		"import nodeflow",
		...imports,
		"from nodeflow.builder import GraphBuilder",
		"",
		body,
		"",
		`graph = ${builder}.build()`,
		"",
		"if __name__ == \"__main__\":",
		"    result = nodeflow.run(graph)",
		"    print(result)",
		""
	].join("\n");
}
// src/store/problems.ts
/** What is wrong with the graph, by node path and port; and the types of its wires. */
var NONE$1 = [];
var useProblems = create()((set) => ({
	all: NONE$1,
	byNode: {},
	types: {},
	pending: false,
	set: (told, isNode) => set((state) => {
		const all = told.map((one) => located(one, isNode));
		if (JSON.stringify(all) === JSON.stringify(state.all)) return { pending: false };
		const byNode = {};
		for (const problem of all) {
			if (!problem.node) continue;
			const list = byNode[problem.node];
			if (list) list.push(problem);
			else byNode[problem.node] = [problem];
		}
		for (const [node, list] of Object.entries(byNode)) {
			const before = state.byNode[node];
			if (before && JSON.stringify(before) === JSON.stringify(list)) byNode[node] = before;
		}
		return {
			all,
			byNode,
			pending: false
		};
	}),
	setTypes: (types) => set({ types }),
	setPending: (pending) => set({ pending })
}));
/** A place told by the server as node and port: `denoise/guide.scale`, `denoise.state.latent`, or
* within the file `nodes/denoise/body/guide/params/scale`. */
function located(told, isNode) {
	const { code, where, message, hint, severity } = told;
	return {
		code,
		where,
		...placeOf$1(where, isNode),
		message,
		hint,
		severity
	};
}
function placeOf$1(where, isNode) {
	if (isNode(where)) return {
		node: where,
		port: ""
	};
	const name = where.lastIndexOf("/") + 1;
	const dot = where.indexOf(".", name);
	if (dot > 0 && isNode(where.slice(0, dot))) return {
		node: where.slice(0, dot),
		port: where.slice(dot + 1)
	};
	return inFile(where.split("/"), isNode);
}
var FIELDS$1 = /* @__PURE__ */ new Set([
	"params",
	"links",
	"each",
	"const",
	"state",
	"collect"
]);
function inFile(parts, isNode) {
	if (parts[0] !== "nodes") return {
		node: "",
		port: ""
	};
	const ids = [];
	let k = 0;
	for (; k < parts.length; k += 2) {
		if (parts[k] === "graph" && parts[k + 1] === "nodes") k += 1;
		const id = parts[k + 1];
		if (parts[k] !== "nodes" && parts[k] !== "body" || id === void 0) break;
		ids.push(id);
	}
	const node = ids.join("/");
	if (!node || !isNode(node)) return {
		node: "",
		port: ""
	};
	const field = parts[k] ?? "";
	const name = parts[k + 1] ?? "";
	if (!FIELDS$1.has(field)) return {
		node,
		port: ""
	};
	return {
		node,
		port: field === "params" || field === "links" ? name : `${field}.${name}`
	};
}
/** The problems of a node; the same list as long as they are the same. */
function problemsOf(state, node) {
	return state.byNode[node] ?? NONE$1;
}
// src/model/validate.ts
/** Asks the server what is wrong with the graph after each edit; the latest answer counts. */
/** Milliseconds without an edit before the server is asked. */
var PAUSE$2 = 300;
var timer;
var asking;
/** Whether a path names a node of a graph. */
function isNodeOf(graph) {
	return (path) => path !== "" && nodeByPath(graph, path) !== void 0;
}
async function ask(graph) {
	asking?.abort();
	const mine = new AbortController();
	asking = mine;
	const store = useProblems.getState();
	try {
		const answer = await validate({ graph: { ...graph } }, mine.signal);
		if (mine.signal.aborted) return;
		store.set(answer.problems, isNodeOf(graph));
		store.setTypes(answer.types);
	} catch (error) {
		if (mine.signal.aborted || !(error instanceof ApiError)) return;
		if (error.status) store.set(error.problems, isNodeOf(graph));
		else store.setPending(false);
	}
}
/** Ask soon; a later call takes the place of an earlier one. */
function validateSoon(graph, pause = PAUSE$2) {
	clearTimeout(timer);
	useProblems.getState().setPending(true);
	timer = setTimeout(() => void ask(graph), pause);
}
/** Watch the document. Returns what ends it. */
function watchProblems() {
	validateSoon(useEditor.getState().graph, 0);
	const stop = useEditor.subscribe((state, before) => {
		if (computes(state.graph, before.graph)) validateSoon(state.graph);
	});
	return () => {
		stop();
		clearTimeout(timer);
		asking?.abort();
	};
}
function computes(a, b) {
	return a.nodes !== b.nodes || a.inputs !== b.inputs || a.outputs !== b.outputs;
}
// src/store/conflict.ts
/** Two hands on one named graph: what was found on the server, until somebody says what counts. */
var useConflict = create()(() => ({ conflict: null }));
// src/store/documents.ts
/** Putting another graph in the place of the one that is open, so that it can be brought back. */
function keep$1() {
	const { graph, scope, selection, past, future, name, etag, origin, saved } = useEditor.getState();
	return {
		graph,
		scope,
		selection,
		past,
		future,
		name,
		etag,
		origin,
		saved
	};
}
function bringBack(kept) {
	useEditor.setState(({ loads }) => ({
		...kept,
		loads: loads + 1
	}));
}
/** Open a graph. What was open before is offered again in the notice; nodes without a place get
* one. */
function openDocument(graph, from = {}, told = "") {
	const before = keep$1();
	const lost = hasNodes(before.graph);
	useConflict.setState({ conflict: null });
	const placed = placeMissing(graph, useCatalogue.getState().catalogue);
	useEditor.getState().load(placed, from);
	const { shown, show } = useRuns.getState();
	show("");
	const what = told || (from.origin ?? from.name ?? graph.title ?? "");
	const { notify } = useUi.getState();
	if (lost) {
		const run = () => {
			bringBack(before);
			show(shown);
		};
		notify("info", what ? `Opened ${what}` : "Opened", {
			label: "Bring back",
			run
		});
	} else if (what) notify("info", `Opened ${what}`);
}
/** Whether parsed JSON has the shape of a graph file, as far as the editor relies on it. */
function isGraphFile(data) {
	if (typeof data !== "object" || data === null) return false;
	const { nodeflow, nodes, view } = data;
	if (typeof nodeflow !== "number" || typeof nodes !== "object" || nodes === null) return false;
	if (view !== void 0 && (typeof view !== "object" || view === null)) return false;
	return areNodes(nodes, 0);
}
function areNodes(nodes, depth) {
	if (typeof nodes !== "object" || nodes === null || Array.isArray(nodes) || depth > 64) return false;
	return Object.values(nodes).every((node) => isNode(node, depth));
}
function isNode(data, depth) {
	if (typeof data !== "object" || data === null) return false;
	const node = data;
	if (typeof node.type !== "string") return false;
	if (![
		"params",
		"links",
		"each",
		"const",
		"state",
		"collect"
	].every((name) => node[name] === void 0 || isRecord(node[name]))) return false;
	if (node.body !== void 0 && node.body !== null && !areNodes(node.body, depth + 1)) return false;
	const inner = node.graph;
	if (typeof inner !== "object" || inner === null) return true;
	return areNodes(inner.nodes, depth + 1);
}
function isRecord(value) {
	return typeof value === "object" && !Array.isArray(value);
}
/** A name for a file made of a graph's own. */
function fileStem(graph, name) {
	return (name.split("/").at(-1) || graph.title || "graph").replace(/[^\p{L}\p{N} ._-]+/gu, "_").slice(0, 80) || "graph";
}
function hasNodes(graph) {
	return Object.keys(nodesIn(graph, []) ?? {}).length > 0;
}
// src/store/actions.ts
/** What buttons, keys and the palette call. Each tells by a notice what came of it. */
var notify = (...told) => useUi.getState().notify(...told);
/** Tell what went wrong; what is no refusal of the server's is a fault of ours and goes on. */
function tell(what, error) {
	if (!(error instanceof ApiError)) throw error;
	const hint = error.problems[0]?.hint;
	notify("error", `${what}: ${error.message}${hint ? ` — ${hint}` : ""}`);
}
/** Seeds that the graph wants drawn anew before each run (`view.$random`); those that a wire feeds
* stay. */
function drawSeeds(graph, draw = drawSeed$1) {
	return (graph.view?.$random ?? []).reduce((made, where) => {
		const { node, port } = splitTarget(where);
		const { scope, id } = splitPath(node);
		return nodeByPath(made, node)?.links?.[port] !== void 0 ? made : setParam(made, scope, id, port, draw());
	}, graph);
}
/** Short enough to be read and told, exact in every browser. */
function drawSeed$1() {
	return crypto.getRandomValues(/* @__PURE__ */ new Uint32Array(1))[0] ?? 0;
}
/** Queue a run of the graph as it is. Its id, or "" where it was refused. */
async function runGraph(options = {}) {
	const { edit, graph: before, name } = useEditor.getState();
	if (!hasNodes(before)) {
		notify("warning", "There is nothing to run yet: add a node, or open a template");
		return "";
	}
	const { overlay, closeOverlay } = useUi.getState();
	if (overlay === "welcome") closeOverlay();
	if (!options.sameSeeds) edit("New seed", (drawn) => drawSeeds(drawn));
	const { graph } = useEditor.getState();
	const { level, every } = useTraces.getState();
	const breakpoints = [...options.breakpoints ?? useRuns.getState().breakpoints];
	const looked = breakpoints.length && level === "off" ? "full" : level;
	const request = {
		graph: { ...graph },
		title: (graph.title || name || "").slice(0, 200),
		front: options.front ?? false,
		client: CLIENT,
		trace: options.trace ?? looked,
		every: options.every ?? every,
		breakpoints,
		previews: useUi.getState().previews
	};
	if (options.outputs) request.outputs = options.outputs;
	try {
		const accepted = await submitRun(request);
		const runs = useRuns.getState();
		runs.keepGraph(accepted.run, graph);
		runs.show(accepted.run);
		return accepted.run;
	} catch (error) {
		refused(error, graph);
		return "";
	}
}
function refused(error, graph) {
	if (!(error instanceof ApiError)) throw error;
	const errors = error.problems.filter((problem) => problem.severity === "error");
	if (error.status !== 400) {
		tell("Not queued", error);
		return;
	}
	useProblems.getState().set(error.problems, isNodeOf(graph));
	const [first, ...others] = errors;
	const where = first?.where ? `${first.where}: ` : "";
	const more = others.length ? ` (and ${others.length} more)` : "";
	notify("error", `Not queued — ${where}${first?.message ?? error.message}${more}`, {
		label: "Show",
		run: () => useUi.getState().openRight("problems")
	});
}
/** Cancel a run; without an id the one that runs, else the one that is shown. */
async function cancelRun(id) {
	const { running, shown, runs } = useRuns.getState();
	const run = id ?? running[0] ?? shown;
	if (!run || FINISHED$1.has(runs[run]?.state ?? "queued")) return;
	try {
		await cancel(run);
	} catch (error) {
		tell("Not cancelled", error);
	}
}
/** Go on from a breakpoint; `step` stops again before the next node. */
async function continueRun(id, how = {}) {
	try {
		await goOn(id, how);
	} catch (error) {
		tell("Not continued", error);
	}
}
/** The graph of a run as it ran, and the run shown with it. */
async function restoreRun(id) {
	try {
		const detail = await run(id, Number.MAX_SAFE_INTEGER);
		const title = detail.summary.title || `run ${detail.summary.number}`;
		const graph = detail.graph;
		openDocument(graph, { origin: title }, `the graph of ${title}`);
		useRuns.getState().know([detail.summary]);
		useRuns.getState().keepGraph(id, useEditor.getState().graph);
		showRun(id);
	} catch (error) {
		tell("Not restored", error);
	}
}
/** Let the canvas show a run's states. */
function showRun(id) {
	useRuns.getState().show(id);
	lookAt(id);
}
function newGraph() {
	openDocument(emptyGraph(), {}, "an empty graph");
}
async function openTemplate(name) {
	try {
		const graph = await template(name);
		openDocument(graph, { origin: graph.title || name });
		return true;
	} catch (error) {
		tell("Not opened", error);
		return false;
	}
}
async function openGraph(name) {
	try {
		const { graph: graph$3, etag } = await graph(name);
		openDocument(graph$3, {
			name,
			etag
		}, name);
		return true;
	} catch (error) {
		tell("Not opened", error);
		return false;
	}
}
/** Save on the server; without a name under the one it has, or ask for one. */
async function saveGraph(name) {
	const { graph, name: own, etag } = useEditor.getState();
	const target = name ?? own;
	if (!target) {
		useUi.getState().openOverlay("graphs", { save: true });
		return false;
	}
	return put(target, graph, target === own ? etag : "");
}
async function put(name, graph, etag, over = false) {
	try {
		const saved = await putGraph(name, graph, etag, over);
		useEditor.getState().markSaved(graph, name, saved.etag);
		useConflict.setState({ conflict: null });
		notify("good", `Saved ${name}`);
		return true;
	} catch (error) {
		if (error instanceof ApiError && error.status === 412) useConflict.setState({ conflict: {
			name,
			etag: error.etag,
			saving: true
		} });
		else tell("Not saved", error);
		return false;
	}
}
/** Of a conflict: what is here counts. The server keeps the version before in its `.bak`. */
async function keepMine() {
	const { conflict } = useConflict.getState();
	if (conflict) await put(conflict.name, useEditor.getState().graph, conflict.etag, true);
}
/** Of a conflict: what is on the server counts. What was here can be brought back. */
async function takeTheirs() {
	const { conflict } = useConflict.getState();
	if (!conflict) return;
	const before = keep$1();
	try {
		const { graph: graph$2, etag } = await graph(conflict.name);
		useConflict.setState({ conflict: null });
		useEditor.getState().load(graph$2, {
			name: conflict.name,
			etag
		});
		const run = () => bringBack(before);
		notify("info", `Took ${conflict.name} as it is on the server`, {
			label: "Bring back",
			run
		});
	} catch (error) {
		tell("Not opened", error);
	}
}
/** Of a conflict: both stay; what is here is saved under another name. */
async function saveAsCopy(name) {
	const { conflict } = useConflict.getState();
	const own = conflict?.name ?? useEditor.getState().name;
	return saveGraph(name ?? `${own || "graph"} copy ${(/* @__PURE__ */ new Date()).toISOString().slice(11, 19).replaceAll(":", "-")}`);
}
/** Larger files are not looked into. */
var MOST_BYTES = 64 << 20;
var ACCEPTED = "Graph files (JSON) of nodeflow or ComfyUI, and pictures that carry their graph";
/** Open what somebody dropped or chose: a graph in JSON, or in a picture. Nothing of the current
* graph is lost, whatever it is. */
async function openFile(file) {
	if (file.size > MOST_BYTES) {
		notify("error", `${file.name} has ${Math.round(file.size / 2 ** 20)} MB. ${ACCEPTED} are taken.`);
		return false;
	}
	const own = await ownGraph(file);
	if (own) {
		openDocument(own, { origin: file.name });
		return true;
	}
	try {
		return opened(file, await open(file));
	} catch (error) {
		tell(`${file.name} cannot be opened`, error);
		return false;
	}
}
/** A graph file of ours needs no server. */
async function ownGraph(file) {
	if (file.type.startsWith("image/")) return void 0;
	if (!(await file.slice(0, 512).text()).trimStart().startsWith("{")) return void 0;
	try {
		const data = readJson(await file.text());
		return isGraphFile(data) ? data : void 0;
	} catch {
		return;
	}
}
var FOUND = {
	nodeflow: "a graph of nodeflow",
	"comfyui-api": "a ComfyUI prompt",
	"comfyui-ui": "a ComfyUI workflow",
	a1111: "A1111 parameters",
	picture: "a picture without a graph",
	unknown: "nothing that is known"
};
function opened(file, answer) {
	const said = answer.problems[0];
	if (isGraphFile(answer.graph)) {
		openDocument(answer.graph, { origin: file.name }, `${file.name}, ${FOUND[answer.kind]}`);
		if (said) {
			const more = answer.problems.length > 1 ? ` (and ${answer.problems.length - 1} more)` : "";
			notify("warning", `${said.where ? `${said.where}: ` : ""}${said.message}${more}`);
		}
		return true;
	}
	const why = said ? `: ${said.message}` : "";
	const text = `${file.name} is ${FOUND[answer.kind]}${why}. ${ACCEPTED} are taken.`;
	const inputs = answer.inputs;
	if (Object.keys(inputs).length) notify("warning", text, {
		label: "Use its settings",
		run: () => applySettings(inputs)
	});
	else if (answer.kind === "picture") notify("warning", text, {
		label: "Load as image",
		run: () => void addPicture(file)
	});
	else notify("error", text);
	return false;
}
/** Values for the graph's declared inputs, by name. What the graph does not declare is told. */
function applySettings(values) {
	const { edit, graph } = useEditor.getState();
	const unknown = Object.keys(values).filter((name) => !graph.inputs?.[name]);
	edit("Use settings", (before) => {
		let made = before;
		for (const [name, value] of Object.entries(values)) made = setInput(made, name, value);
		return made;
	});
	if (unknown.length) notify("info", `This graph has no input ${unknown.join(", ")}`);
}
/** A declared input of the graph set: the literal of every port that it feeds. */
function setInput(graph, name, value) {
	const targets = graph.inputs?.[name] ?? [];
	return (typeof targets === "string" ? [targets] : targets).reduce((made, target) => {
		const { node, port } = splitTarget(target);
		const { scope, id } = splitPath(node);
		return setParam(made, scope, id, port, value);
	}, graph);
}
/** A picture taken in by the server, and a node that loads it. */
async function addPicture(file, at = [0, 0]) {
	try {
		const { param } = await upload(file);
		const { catalogue } = useCatalogue.getState();
		const { edit, scope } = useEditor.getState();
		edit("Load image", (graph) => {
			return addNode(graph, scope, "load.image", at, catalogue, { path: param }).graph;
		});
	} catch (error) {
		tell(`${file.name} was not taken in`, error);
	}
}
function download(name, text, type) {
	const url = URL.createObjectURL(new Blob([text], { type }));
	const link = document.createElement("a");
	link.href = url;
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 1e4);
}
/** The graph file itself, as the command line runs it. */
function exportJson() {
	const { graph, name } = useEditor.getState();
	download(`${fileStem(graph, name)}.json`, `${writeJson(graph, 2)}\n`, "application/json");
}
/** The graph as a prompt for ComfyUI's API. What has no counterpart there is shown. */
async function exportComfyUI() {
	const { graph, name } = useEditor.getState();
	try {
		const { prompt, problems } = await exportComfyui({ graph: { ...graph } });
		const file = `${fileStem(graph, name)}.comfyui.json`;
		download(file, `${writeJson(prompt, 2)}\n`, "application/json");
		if (problems?.length) useUi.getState().openOverlay("leftOut", {
			file,
			problems
		});
		else notify("good", `Saved ${file}`);
	} catch (error) {
		tell("Not exported", error);
	}
}
/** A Python program that builds and runs the same graph. */
function exportPython() {
	const { graph, name } = useEditor.getState();
	download(`${fileStem(graph, name).replace(/[^\w-]+/g, "_")}.py`, pythonOf(graph), "text/x-python");
}
var KEY$1 = "nodeflow.breakpoints";
/** The loop for which a step is asked; "" for none. */
var useStepAsk = create()(() => ({ loop: "" }));
/** Ask before which step of a loop to stop. */
function askStep(loop) {
	useStepAsk.setState({ loop });
}
/** A place without the numbers of passes: `denoise[3]/guide` → `denoise/guide`. */
function nodeOf$1(place) {
	return place.replace(/\[\d+\]/g, "");
}
/** The innermost step of a place, counted from 0; undefined in no pass. */
function stepOf$1(place) {
	const last = place.match(/\[(\d+)\]/g)?.at(-1);
	return last === void 0 ? void 0 : Number(last.slice(1, -1));
}
/** A place as people read it: `denoise, step 4`, `guide in denoise, step 4`. */
function placeText(place) {
	return place.split("/").map((part) => {
		const step = stepOf$1(part);
		return step === void 0 ? nodeOf$1(part) : `${nodeOf$1(part)}, step ${step + 1}`;
	}).reverse().join(" in ");
}
/** Steps of a loop to stop before, counted from 0. */
function stepsOf(breakpoints, loop) {
	return breakpoints.filter((place) => place.endsWith("]") && nodeOf$1(place) === loop).map((place) => stepOf$1(place) ?? 0).sort((a, b) => a - b);
}
/** Stop before a step of a loop, counted from 0, or no more. */
function toggleStep(loop, step) {
	useRuns.getState().toggleBreakpoint(`${loop}[${step}]`);
}
function clearBreakpoints() {
	useRuns.setState({ breakpoints: [] });
}
/** Those that the graph has a node for, as many as the server takes. */
function standing(breakpoints, graph) {
	return breakpoints.filter((place) => nodeByPath(graph, nodeOf$1(place))).slice(0, 100);
}
/** The run that waits at a breakpoint: the one shown, else any. */
function pausedRun(state = useRuns.getState()) {
	const shown = state.runs[state.shown];
	if (shown?.state === "paused") return shown;
	return Object.values(state.runs).find((run) => run.state === "paused");
}
/** Whether the graph on the canvas is another than the run's. */
function isEdited(run) {
	const ran = useRuns.getState().graphs[run.run];
	return ran !== void 0 && meaning(ran) !== meaning(useEditor.getState().graph);
}
var known$2 = /* @__PURE__ */ new WeakMap();
/** What counts for a run: not where the nodes stand. */
function meaning(graph) {
	let text = known$2.get(graph);
	if (text === void 0) {
		const { view: _, ...rest } = graph;
		text = writeJson(rest);
		known$2.set(graph, text);
	}
	return text;
}
/** What the run is begun again with, so that it stops where it waits now. */
function stopsAgain(breakpoints, waits) {
	return !waits || breakpoints.includes(waits) || breakpoints.includes(nodeOf$1(waits)) ? [...breakpoints] : [waits, ...breakpoints].slice(0, 100);
}
/**
* Inspect, edit, go on: a run that has begun takes no edits, for the cache would no longer tell the
* truth. So the graph as it is now is queued in front, to stop at the same place, and the run that
* waits is cancelled; what the edits do not reach comes from the cache at once. Its id.
*/
async function restartHere(run = pausedRun()) {
	if (!run || FINISHED$1.has(run.state)) return "";
	const { graph } = useEditor.getState();
	const breakpoints = stopsAgain(useRuns.getState().breakpoints, run.pausedPath);
	const again = await runGraph({
		front: true,
		sameSeeds: true,
		trace: run.trace,
		breakpoints: standing(breakpoints, graph)
	});
	if (again) await cancelRun(run.run);
	return again;
}
/** Keep them over a reload of the page; another document begins without. Returns what ends it. */
function keepBreakpoints() {
	const before = remembered();
	if (before.length && !useRuns.getState().breakpoints.length) useRuns.setState({ breakpoints: before });
	const stops = [useRuns.subscribe(({ breakpoints }, old) => {
		if (breakpoints !== old.breakpoints) remember(breakpoints);
	}), useEditor.subscribe(({ loads, graph }, old) => {
		if (loads === old.loads) return;
		const { breakpoints } = useRuns.getState();
		const left = standing(breakpoints, graph);
		if (left.length !== breakpoints.length) useRuns.setState({ breakpoints: left });
	})];
	return () => {
		for (const stop of stops) stop();
	};
}
function remembered() {
	try {
		const told = JSON.parse(sessionStorage.getItem(KEY$1) ?? "[]");
		return Array.isArray(told) ? told.filter((one) => typeof one === "string") : [];
	} catch {
		return [];
	}
}
function remember(breakpoints) {
	try {
		sessionStorage.setItem(KEY$1, JSON.stringify(breakpoints));
	} catch {}
}
// src/model/search.ts
var entries = /* @__PURE__ */ new WeakMap();
function entriesOf(catalogue) {
	let known = entries.get(catalogue);
	if (!known) {
		known = [...catalogue.nodes.values()].map((spec) => ({
			spec,
			title: spec.title.toLowerCase(),
			id: spec.id.toLowerCase(),
			doc: spec.doc.toLowerCase(),
			words: [...new Set(`${spec.title} ${spec.id}`.toLowerCase().split(/[\s._:-]+/))]
		}));
		entries.set(catalogue, known);
	}
	return known;
}
/** Node types that match every word typed, best first, those of which a word seems mistyped after
* all others; all of them for an empty text. */
function search(catalogue, text, filter = {}, limit = 100) {
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	const found = [];
	for (const entry of entriesOf(catalogue)) {
		const port = fittingPort(entry.spec, filter, catalogue);
		if ((filter.takes || filter.gives) && port === void 0) continue;
		const matched = match(entry, words);
		if (!matched) continue;
		const score = matched.score + (port ? port.bonus : 0);
		const { typos, ranges } = matched;
		const one = {
			spec: entry.spec,
			score,
			typos,
			ranges
		};
		if (port) one.port = port.name;
		found.push(one);
	}
	found.sort((a, b) => a.typos - b.typos || b.score - a.score || (a.spec.id < b.spec.id ? -1 : 1));
	return found.slice(0, limit);
}
function match(entry, words) {
	let score = 0;
	let typos = 0;
	const ranges = [];
	for (const word of words) {
		const title = inText(entry.title, word);
		const id = inText(entry.id, word);
		const best = Math.max(title ? title.score * 1.2 : 0, id?.score ?? 0);
		const doc = best < 20 && word.length > 2 ? docScore(entry.doc, word) : 0;
		if (best === 0 && doc === 0) {
			const near = mistyped(entry.words, word);
			if (!near) return null;
			typos += 1;
			const at = entry.title.indexOf(near);
			if (at >= 0) ranges.push([at, at + near.length]);
			score += at >= 0 ? 4 : 2;
			continue;
		}
		score += Math.max(best, doc);
		if (title && title.score * 1.2 >= best) ranges.push(...title.ranges);
	}
	return {
		score: score - entry.title.length / 100,
		typos,
		ranges: merged(ranges)
	};
}
/** The word, or the begin of one, that was meant: one slip away, two from a long one. */
function mistyped(known, word) {
	if (word.length < 4) return void 0;
	const allowed = word.length < 8 ? 1 : 2;
	for (const one of known) {
		if (one.length < word.length - allowed) continue;
		const found = slips(word, one, allowed);
		if (found >= 0) return one.slice(0, found);
	}
}
/** How many letters of `text`'s begin are `word` with at most so many slips: a letter wrong, left
* out, too many, or two of them swapped. -1 if none are. */
function slips(word, text, allowed) {
	let older = [];
	let last = Array.from({ length: text.length + 1 }, (_, k) => k);
	for (let i = 1; i <= word.length; i += 1) {
		const row = [i];
		for (let k = 1; k <= text.length; k += 1) {
			const same = word[i - 1] === text[k - 1];
			let least = Math.min((last[k] ?? 0) + 1, (row[k - 1] ?? 0) + 1, (last[k - 1] ?? 0) + (same ? 0 : 1));
			if (i > 1 && k > 1 && word[i - 1] === text[k - 2] && word[i - 2] === text[k - 1]) least = Math.min(least, (older[k - 2] ?? 0) + 1);
			row.push(least);
		}
		older = last;
		last = row;
	}
	const best = Math.min(...last);
	return best <= allowed ? last.lastIndexOf(best) : -1;
}
function docScore(doc, word) {
	const at = doc.indexOf(word);
	if (at < 0) return 0;
	const line = doc.indexOf("\n");
	return line < 0 || at < line ? 12 : 6;
}
/** A whole word, the begin of one, any part, or letters in order; null if none. */
function inText(text, word) {
	if (text === word) return {
		score: 120,
		ranges: [[0, text.length]]
	};
	let at = text.indexOf(word);
	if (at >= 0) {
		let best = at;
		let score = 40;
		for (; at >= 0; at = text.indexOf(word, at + 1)) {
			const begins = at === 0 || /[\s._-]/.test(text[at - 1] ?? "");
			const after = text[at + word.length];
			const ends = after === void 0 || /[\s._-]/.test(after);
			const here = begins ? (ends ? 90 : 70) + (at === 0 ? 10 : 0) : 40;
			if (here > score) {
				score = here;
				best = at;
			}
		}
		return {
			score,
			ranges: [[best, best + word.length]]
		};
	}
	return word.length > 1 ? letters(text, word) : null;
}
/** Letters in order, as `tti` in "Text to image": the more begin words or stand together, the
* better. */
function letters(text, word) {
	const ranges = [];
	let from = 0;
	let score = 0;
	for (const letter of word) {
		let at = text.indexOf(letter, from);
		if (at < 0) return null;
		for (let k = at; k >= 0; k = text.indexOf(letter, k + 1)) if (k === 0 || /[\s._-]/.test(text[k - 1] ?? "")) {
			at = k;
			break;
		}
		const begins = at === 0 || /[\s._-]/.test(text[at - 1] ?? "");
		score += begins ? 8 : at === from ? 4 : -3;
		ranges.push([at, at + 1]);
		from = at + 1;
	}
	const share = score / word.length;
	return share > 2 ? {
		score: Math.min(35, share * 5),
		ranges
	} : null;
}
function merged(ranges) {
	const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
	const made = [];
	for (const [from, to] of sorted) {
		const last = made.at(-1);
		if (last && from <= last[1]) last[1] = Math.max(last[1], to);
		else made.push([from, to]);
	}
	return made;
}
/** The first port that fits, required ones before others; ports of exactly that type are worth
* more than those that take anything. */
function fittingPort(spec, filter, catalogue) {
	let best;
	const offer = (name, bonus) => {
		if (!best || bonus > best.bonus) best = {
			name,
			bonus
		};
	};
	if (filter.takes) {
		const source = parseType(filter.takes);
		for (const input of spec.inputs) {
			const target = parseType(input.type);
			const item = listElement(target);
			if (!(bind(source, target, /* @__PURE__ */ new Map(), catalogue) || item !== void 0 && bind(source, item, /* @__PURE__ */ new Map(), catalogue))) continue;
			offer(input.name, (input.type === filter.takes ? 30 : 5) + (input.required ? 10 : 0));
		}
	}
	if (filter.gives) {
		const target = parseType(filter.gives);
		const item = listElement(target);
		for (const output of spec.outputs) {
			const source = parseType(output.type);
			if (bind(source, target, /* @__PURE__ */ new Map(), catalogue) || item !== void 0 && bind(source, item, /* @__PURE__ */ new Map(), catalogue)) offer(output.name, output.type === filter.gives ? 30 : 5);
		}
	}
	return best;
}
// src/canvas/Search.tsx
var SHOWN = 60;
var WIDTH$1 = 620;
var HEIGHT$2 = 420;
/** The field that adds a node: typed, chosen with arrows, taken with Enter. */
function Search() {
	const ask = useCanvasStore((s) => s.search);
	return ask ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Field, { ask }, `${ask.screen}`) : null;
}
function results(catalogue, text, ask) {
	const found = search(catalogue, text, ask.link?.side === "source" ? { takes: ask.link.type } : ask.link ? { gives: ask.link.type } : {}, text ? SHOWN : 600);
	if (text) return found;
	const { graph, scope } = useEditor.getState();
	const used = Object.values(nodesIn(graph, scope) ?? {}).map((node) => node.type);
	const order = [.../* @__PURE__ */ new Set([...recentTypes(), ...used])];
	const rank = (one) => {
		const k = order.indexOf(one.spec.id);
		return k < 0 ? order.length : k;
	};
	return found.sort((a, b) => rank(a) - rank(b) || (a.spec.id < b.spec.id ? -1 : 1)).slice(0, SHOWN);
}
function Field({ ask }) {
	const catalogue = useCatalogue((s) => s.catalogue);
	const [text, setText] = (0, import_react.useState)("");
	const [chosen, setChosen] = (0, import_react.useState)(0);
	const asked = (0, import_react.useDeferredValue)(text);
	const found = (0, import_react.useMemo)(() => results(catalogue, asked, ask), [
		catalogue,
		asked,
		ask
	]);
	const input = (0, import_react.useRef)(null);
	const list = (0, import_react.useRef)(null);
	const at = Math.min(chosen, found.length - 1);
	(0, import_react.useEffect)(() => input.current?.focus(), []);
	(0, import_react.useEffect)(() => {
		list.current?.children[at]?.scrollIntoView({ block: "nearest" });
	}, [at]);
	const close = () => {
		useCanvasStore.setState({ search: null });
		focusPane();
	};
	const take = (one) => {
		if (one) addAsked(one.spec.id, ask, one.port);
	};
	const onKeyDown = (event) => {
		event.stopPropagation();
		const last = found.length - 1;
		const next = {
			ArrowDown: at >= last ? 0 : at + 1,
			ArrowUp: at <= 0 ? last : at - 1,
			PageDown: Math.min(last, at + 8),
			PageUp: Math.max(0, at - 8)
		}[event.key];
		if (next !== void 0) setChosen(next);
		else if (event.key === "Enter") take(asked === text ? found[at] : results(catalogue, text, ask)[0]);
		else if (event.key === "Escape" || event.key === "Tab") close();
		else return;
		event.preventDefault();
	};
	const one = found[at];
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "veil",
		onPointerDown: close,
		"aria-hidden": "true"
	}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "search",
		role: "dialog",
		"aria-label": "Add a node",
		style: placed(ask.screen, WIDTH$1, HEIGHT$2),
		onKeyDown,
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
				ref: input,
				className: "search-field",
				type: "text",
				role: "combobox",
				"aria-label": "Search nodes",
				"aria-expanded": "true",
				"aria-controls": "search-list",
				"aria-activedescendant": one ? `found-${one.spec.id}` : void 0,
				placeholder: placeholder(ask),
				value: text,
				autoComplete: "off",
				spellCheck: false,
				onChange: (event) => {
					setText(event.target.value);
					setChosen(0);
				}
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "search-body",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
						className: "search-list",
						id: "search-list",
						role: "listbox",
						"aria-label": "Nodes",
						ref: list,
						children: found.map((result, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Result, {
							result,
							chosen: k === at,
							onPoint: () => setChosen(k),
							onTake: () => take(result)
						}, result.spec.id))
					}),
					!found.length && /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
						className: "search-none",
						children: catalogue.nodes.size ? "No node fits that." : "The nodes are still being loaded."
					}),
					one && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(About, {
						spec: one.spec,
						catalogue,
						port: one.port
					})
				]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
				className: "search-hint",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: "↑" }),
					" ",
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: "↓" }),
					" choose ",
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: "Enter" }),
					" add ",
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: "Esc" }),
					" close"
				]
			})
		]
	})] });
}
function placeholder(ask) {
	if (ask.link?.side === "source") return `What takes ${ask.link.type}?`;
	if (ask.link) return `What gives ${ask.link.type}?`;
	return ask.wire ? "Node to put on the wire" : "Add a node: name, category, what it does";
}
function Result({ result, chosen, onPoint, onTake }) {
	const { spec, ranges, port } = result;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		id: `found-${spec.id}`,
		className: "search-result",
		role: "option",
		"aria-selected": chosen,
		tabIndex: -1,
		onPointerMove: chosen ? void 0 : onPoint,
		onClick: onTake,
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "card-swatch",
				style: vars({ "--cat": categoryColour(spec.category) }),
				"aria-hidden": "true"
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "search-title",
				children: marked(spec.title, ranges)
			}),
			port && /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "search-port",
				children: port
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "search-category",
				children: spec.category.replaceAll("_", " ")
			})
		]
	});
}
function marked(title, ranges) {
	const parts = [];
	let end = 0;
	for (const [from, to] of ranges) {
		if (from > end) parts.push(title.slice(end, from));
		parts.push(/* @__PURE__ */ (0, import_jsx_runtime.jsx)("mark", { children: title.slice(from, to) }, from));
		end = to;
	}
	parts.push(title.slice(end));
	return parts;
}
function About({ spec, catalogue, port }) {
	const firstLine = spec.doc.split("\n")[0] ?? "";
	const side = (list, word) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", {
		"aria-label": word,
		children: list.map((one) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
			"data-fits": one.name === port,
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("i", {
					className: "dot-mark",
					"data-shape": typeShape(one.type, catalogue),
					style: vars({ "--socket": typeColour(one.type, catalogue) })
				}),
				one.name,
				" ",
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("small", { children: one.type })
			]
		}, one.name))
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("aside", {
		className: "search-about",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h3", { children: spec.title }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("code", { children: spec.id }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", { children: firstLine }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h4", { children: "Takes" }),
			spec.inputs.length ? side(spec.inputs, "Inputs") : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", { children: "nothing" }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h4", { children: "Gives" }),
			side(spec.outputs, "Outputs")
		]
	});
}
/** A box at a point of the screen, moved until all of it can be seen. */
function placed(screen, width, height) {
	const rim = 8;
	const w = Math.min(width, window.innerWidth - 16);
	const h = Math.min(height, window.innerHeight - 16);
	return {
		left: Math.max(rim, Math.min(screen[0], window.innerWidth - w - rim)),
		top: Math.max(rim, Math.min(screen[1], window.innerHeight - h - rim)),
		width: w,
		maxHeight: h
	};
}
// src/canvas/Menus.tsx
/** What a right click, a long press or the menu key opens. */
function ContextMenu() {
	const ask = useCanvasStore((s) => s.menu);
	if (!ask) return null;
	const entries = entriesFor(ask);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(List$1, {
		label: labelFor(ask),
		screen: ask.screen,
		entries
	}, `${ask.screen}`);
}
function labelFor({ about }) {
	if (about.kind === "canvas") return "Canvas menu";
	if (about.kind === "wire") return `Menu of the wire to ${about.id}`;
	if (about.kind === "socket") return `Menu of ${about.node}.${about.port}`;
	return `Menu of ${about.id}`;
}
function entriesFor(ask) {
	const { about } = ask;
	if (about.kind === "canvas") return canvasEntries(ask);
	if (about.kind === "wire") return wireEntries(ask, about.id);
	if (about.kind === "socket") return socketEntries(ask, about);
	return nodeEntries(ask, about.id);
}
function canvasEntries(ask) {
	const inside = useEditor.getState().scope.length > 0;
	return [
		{
			label: "Add node…",
			keys: "Tab",
			run: () => startSearch(ask.screen)
		},
		{
			label: "Add note",
			run: () => note(ask.screen)
		},
		{
			label: "Add frame",
			run: () => frame(ask.screen)
		},
		"line",
		{
			label: "Paste",
			keys: "Ctrl V",
			run: () => void paste(ask.screen)
		},
		{
			label: "Select all",
			keys: "Ctrl A",
			run: selectAll
		},
		{
			label: "Arrange all",
			keys: "Ctrl Shift L",
			run: arrangeSelection
		},
		"line",
		{
			label: "Fit to view",
			keys: "F",
			run: () => fit()
		},
		{
			label: "100 %",
			keys: "1",
			run: zoomToFull
		},
		...inside ? [{
			label: "Leave",
			keys: "Esc",
			run: leave
		}] : []
	];
}
function nodeEntries(ask, id) {
	const { graph, scope, selection } = useEditor.getState();
	const node = nodesIn(graph, scope)?.[id];
	const count = selection.filter((one) => !one.startsWith("wire:")).length;
	if (!node) return drawnEntries(ask, id);
	const entries = [];
	if (node.body || node.graph) entries.push({
		label: "Enter",
		keys: "Enter",
		run: () => enter(id)
	}, "line");
	const path = pathOf(scope, id);
	if (canExplode(path)) {
		entries.push({
			label: "Show every step",
			run: () => void change("explode", false, path)
		});
		const run = () => void change("explode", true, path);
		entries.push({
			label: "Show every step, and check",
			run
		}, "line");
	} else if (canCollapse(path)) {
		const into = "Collapse into one node";
		entries.push({
			label: into,
			run: () => void change("collapse", false, path)
		});
		entries.push({
			label: `${into}, and check`,
			run: () => void change("collapse", true, path)
		});
		entries.push("line");
	}
	entries.push({
		label: "Rename",
		keys: "F2",
		run: beginRename,
		off: count > 1
	}, {
		label: "Details",
		run: () => useUi.getState().openRight("node")
	}, "line", {
		label: "Copy",
		keys: "Ctrl C",
		run: copy$1
	}, {
		label: "Cut",
		keys: "Ctrl X",
		run: cut$3
	}, {
		label: "Duplicate",
		keys: "Ctrl D",
		run: duplicateSelection
	}, "line", {
		label: node.mode === "mute" ? "Unmute" : "Mute",
		keys: "Ctrl M",
		run: () => toggleMode("mute")
	}, {
		label: node.mode === "bypass" ? "Take back bypass" : "Bypass",
		keys: "Ctrl B",
		run: () => toggleMode("bypass")
	}, {
		label: "Stop before it, or no more",
		keys: "F9",
		run: toggleBreakpoints
	}, ...isLoop(node) ? [{
		label: "Stop before step…",
		run: () => askStep(pathOf(scope, id)),
		off: count > 1
	}] : [], {
		label: "Collapse or expand",
		keys: "H",
		run: toggleCollapsed
	}, "line", {
		label: "Group",
		keys: "Ctrl G",
		run: groupSelection
	});
	if (innerGraph(node)) entries.push({
		label: "Ungroup",
		keys: "Ctrl Shift G",
		run: ungroupSelection
	});
	entries.push({
		label: "Frame around",
		keys: "Ctrl Alt F",
		run: () => frame()
	});
	if (count > 1) entries.push("line", ...alignEntries(count));
	entries.push("line", {
		label: "Delete",
		keys: "Del",
		run: () => remove(),
		danger: true
	});
	return entries;
}
function alignEntries(count) {
	return [
		{
			label: "Arrange",
			keys: "Ctrl Shift L",
			run: arrangeSelection
		},
		{
			label: "Align left",
			keys: "Alt A",
			run: () => alignSelection("left")
		},
		{
			label: "Align right",
			keys: "Alt D",
			run: () => alignSelection("right")
		},
		{
			label: "Align top",
			keys: "Alt W",
			run: () => alignSelection("top")
		},
		{
			label: "Align bottom",
			keys: "Alt S",
			run: () => alignSelection("bottom")
		},
		{
			label: "Distribute across",
			run: () => distributeSelection("x"),
			off: count < 3
		},
		{
			label: "Distribute down",
			run: () => distributeSelection("y"),
			off: count < 3
		}
	];
}
function drawnEntries(ask, id) {
	if (id === "$in" || id === "$out") return [{
		label: "Leave",
		keys: "Esc",
		run: leave
	}];
	return [
		{
			label: id.startsWith("note:") ? "Write" : "Rename",
			keys: "F2",
			run: beginRename
		},
		{
			label: "Copy",
			keys: "Ctrl C",
			run: copy$1
		},
		{
			label: "Duplicate",
			keys: "Ctrl D",
			run: duplicateSelection
		},
		"line",
		{
			label: "Add node here…",
			run: () => startSearch(ask.screen)
		},
		{
			label: "Delete",
			keys: "Del",
			run: () => remove(),
			danger: true
		}
	];
}
function wireEntries(ask, id) {
	const edge = scene().edges.find((one) => one.id === id);
	const points = edge?.data?.points ?? [];
	const wire = wireOf(id);
	return [
		...wire ? [{
			label: "Look inside",
			keys: "L",
			run: () => useLook.getState().look(wire.from, wire.type)
		}] : [],
		{
			label: "Insert a node…",
			run: () => startSearch(ask.screen, { wire: id })
		},
		{
			label: "Add a point",
			run: () => bend(id, [...points, ask.at], "Bend wire")
		},
		{
			label: "Straighten",
			run: () => bend(id, [], "Straighten wire"),
			off: !points.length
		},
		"line",
		{
			label: "Go to its source",
			run: () => edge && reveal(edge.source)
		},
		{
			label: "Go to its target",
			run: () => edge && reveal(edge.target)
		},
		"line",
		{
			label: "Disconnect",
			keys: "Del",
			run: () => unlink(id),
			danger: true
		}
	];
}
function socketEntries(ask, about) {
	const { node, port, side } = about;
	const { graph, scope } = useEditor.getState();
	const type = typeAt(about, graph, scope, useCatalogue.getState().catalogue);
	const edges = scene().edges.filter((edge) => side === "source" ? edge.source === node && edge.sourceHandle === port : edge.target === node && edge.targetHandle === port);
	const asked = {
		node,
		port,
		side,
		type
	};
	const entries = [{
		label: "Connect to…",
		keys: "Enter",
		run: () => useCanvasStore.setState({ targets: {
			node,
			port,
			side,
			screen: ask.screen
		} })
	}, {
		label: "Add a node that fits…",
		run: () => startSearch(ask.screen, { link: asked })
	}];
	const carried = side === "target" ? sourceOf(node, port) : {
		from: pathOf(scope, `${node}.${port}`),
		type
	};
	if (carried) {
		const { from, type: of } = carried;
		entries.push({
			label: "Look inside",
			keys: "L",
			run: () => useLook.getState().look(from, of)
		});
	}
	if (node !== "$in" && node !== "$out") {
		entries.push("line");
		if (side === "target") {
			const target = `${pathOf(scope, node)}.${port}`;
			const shown = Object.values(graph.inputs ?? {}).flat().includes(target);
			entries.push({
				label: shown ? "No input of the graph any more" : "Make it an input of the graph",
				run: () => toggleExposed(node, port)
			});
		} else if (!scope.length) {
			const marked = Object.values(graph.outputs ?? {}).includes(`${node}.${port}`);
			entries.push({
				label: marked ? "No output of the graph any more" : "Make it an output of the graph",
				run: () => toggleOutput(node, port)
			});
		}
	}
	if (edges.length) {
		entries.push("line");
		for (const edge of edges.slice(0, 12)) {
			const other = side === "source" ? edge.id : `${edge.source}.${edge.sourceHandle}`;
			entries.push({
				label: `Disconnect ${other}`,
				run: () => unlink(edge.id),
				danger: true
			});
		}
	}
	return entries;
}
/** Every socket that fits one, for keys and for those who do not drag. */
function Targets() {
	const ask = useCanvasStore((s) => s.targets);
	if (!ask) return null;
	const { graph, scope } = useEditor.getState();
	const type = typeAt(ask, graph, scope, useCatalogue.getState().catalogue);
	const entries = candidates(ask).map((one) => ({
		label: `${one.title} · ${one.node}.${one.port}`,
		keys: one.replaces ? `instead of ${one.replaces}` : one.type,
		run: () => {
			link(ask, one, ask.screen);
			reveal(ask.node);
		}
	}));
	entries.push("line", {
		label: "Add a node that fits…",
		run: () => startSearch(ask.screen, { link: {
			...ask,
			type
		} })
	});
	const label = `Connect ${ask.node}.${ask.port} to`;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(List$1, {
		label,
		heading: label,
		screen: ask.screen,
		entries
	});
}
/** A menu: arrows, Home, End, first letters; Escape closes it. */
function List$1({ label, heading, screen, entries }) {
	const menu = (0, import_react.useRef)(null);
	const stops = () => [...menu.current?.querySelectorAll("button:not(:disabled)") ?? []];
	(0, import_react.useEffect)(() => stops()[0]?.focus(), []);
	const close = () => {
		useCanvasStore.setState({
			menu: null,
			targets: null
		});
		focusPane();
	};
	const onKeyDown = (event) => {
		event.stopPropagation();
		const all = stops();
		const at = all.indexOf(document.activeElement);
		let next;
		if (event.key === "ArrowDown") next = all[(at + 1) % all.length];
		else if (event.key === "ArrowUp") next = all[(at - 1 + all.length) % all.length];
		else if (event.key === "Home") next = all[0];
		else if (event.key === "End") next = all.at(-1);
		else if (event.key === "Escape" || event.key === "Tab") close();
		else if (/^\S$/.test(event.key) && !event.ctrlKey && !event.metaKey) {
			const letter = event.key.toLowerCase();
			next = [...all.slice(at + 1), ...all.slice(0, at + 1)].find((stop) => stop.textContent?.toLowerCase().startsWith(letter));
		} else return;
		event.preventDefault();
		next?.focus();
	};
	const height = 16 + entries.length * 32;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "veil",
		onPointerDown: close,
		onContextMenu: (event) => event.preventDefault(),
		"aria-hidden": "true"
	}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		ref: menu,
		className: "menu",
		role: "menu",
		"aria-label": label,
		tabIndex: -1,
		style: {
			...placed(screen, 280, height),
			height: "auto"
		},
		onKeyDown,
		children: [heading && /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
			className: "menu-heading",
			children: heading
		}), entries.map((entry, k) => entry === "line" ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("hr", {}, `line${k}`) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(import_react.Fragment, { children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
			type: "button",
			role: "menuitem",
			tabIndex: -1,
			className: "menu-item",
			"data-danger": entry.danger,
			disabled: entry.off,
			onClick: () => {
				useCanvasStore.setState({
					menu: null,
					targets: null
				});
				focusPane();
				entry.run();
			},
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: entry.label }), entry.keys && /* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: entry.keys })]
		}) }, entry.label))]
	})] });
}
/** Why a wire was refused, with the node that would help. */
function RefusalNote() {
	const refusal = useCanvasStore((s) => s.refusal);
	const button = (0, import_react.useRef)(null);
	if (!refusal) return null;
	const close = () => useCanvasStore.setState({ refusal: null });
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "refusal",
		role: "alert",
		style: placed(refusal.screen, 320, 120),
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", { children: refusal.reason }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "refusal-buttons",
			children: [refusal.conversion && /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "refusal-help",
				ref: button,
				onClick: convert,
				children: [
					"Put ",
					refusal.conversion,
					" between"
				]
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				onClick: close,
				children: "Close"
			})]
		})]
	});
}
// src/canvas/MiniMap.tsx
var WIDTH = 176;
var HEIGHT$1 = 116;
/** All of the scope in one small picture, coloured by how the run stands. One canvas, so that
* thousands of nodes cost one pass of rectangles. */
function MiniMap({ scene }) {
	return useUi((s) => s.minimap) && scene.nodes.length > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Drawn, { scene }) : null;
}
function Drawn({ scene }) {
	const canvas = (0, import_react.useRef)(null);
	const sight = (0, import_react.useRef)(null);
	const scale = (0, import_react.useRef)({
		by: 1,
		x: 0,
		y: 0
	});
	const transform = useStore((s) => s.transform);
	const width = useStore((s) => s.width);
	const height = useStore((s) => s.height);
	const latest = (0, import_react.useRef)(transform);
	latest.current = transform;
	const run = useRuns((s) => s.runs[s.shown]?.nodes);
	const theme = useUi((s) => s.theme);
	(0, import_react.useEffect)(() => {
		const frame = requestAnimationFrame(() => {
			if (canvas.current) scale.current = draw$1(canvas.current, scene, run);
			if (sight.current) show$1(sight.current, scale.current, seenOf(latest.current, width, height));
		});
		return () => cancelAnimationFrame(frame);
	}, [
		scene,
		run,
		theme
	]);
	(0, import_react.useEffect)(() => {
		if (sight.current) show$1(sight.current, scale.current, seenOf(transform, width, height));
	}, [
		transform,
		width,
		height
	]);
	const go = (event) => {
		const box = event.currentTarget.getBoundingClientRect();
		const { by, x, y } = scale.current;
		const zoom = transform[2];
		const at = [(event.clientX - box.x) / by + x, (event.clientY - box.y) / by + y];
		theFlow()?.setViewport({
			x: width / 2 - at[0] * zoom,
			y: height / 2 - at[1] * zoom,
			zoom
		});
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "minimap",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("canvas", {
			ref: canvas,
			role: "img",
			"aria-label": `Minimap: ${scene.nodes.length} items; click to go there`,
			width: 352,
			height: 232,
			onPointerDown: (event) => {
				event.currentTarget.setPointerCapture(event.pointerId);
				go(event);
			},
			onPointerMove: (event) => {
				if (event.currentTarget.hasPointerCapture(event.pointerId)) go(event);
			}
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
			ref: sight,
			className: "minimap-sight"
		})]
	});
}
function seenOf([x, y, zoom], w, h) {
	return {
		x: -x / zoom,
		y: -y / zoom,
		width: w / zoom,
		height: h / zoom
	};
}
function show$1(box, { by, x, y }, seen) {
	box.style.transform = `translate(${(seen.x - x) * by}px, ${(seen.y - y) * by}px)`;
	box.style.width = `${seen.width * by}px`;
	box.style.height = `${seen.height * by}px`;
}
function draw$1(canvas, scene, run) {
	const pen = canvas.getContext("2d");
	if (!pen) return {
		by: 1,
		x: 0,
		y: 0
	};
	const style = getComputedStyle(document.documentElement);
	const colour = (name) => style.getPropertyValue(name).trim();
	const boxes = scene.nodes.map(boxOf);
	const left = Math.min(...boxes.map((box) => box.x));
	const top = Math.min(...boxes.map((box) => box.y));
	const right = Math.max(...boxes.map((box) => box.x + box.width));
	const bottom = Math.max(...boxes.map((box) => box.y + box.height));
	const by = Math.min(160 / Math.max(1, right - left), 100 / Math.max(1, bottom - top), .2);
	const x = (left + right) / 2 - WIDTH / 2 / by;
	const y = (top + bottom) / 2 - HEIGHT$1 / 2 / by;
	pen.setTransform(2, 0, 0, 2, 0, 0);
	pen.clearRect(0, 0, WIDTH, HEIGHT$1);
	const states = {
		running: colour("--busy"),
		done: colour("--good"),
		cached: colour("--cached"),
		error: colour("--bad")
	};
	const rest = colour("--line-strong");
	const accent = colour("--accent");
	for (const [k, box] of boxes.entries()) {
		const node = scene.nodes[k];
		const state = node?.type === "card" ? run?.[node.data.path]?.state : void 0;
		pen.globalAlpha = node?.type === "frame" ? .25 : 1;
		pen.fillStyle = node?.selected ? accent : states[state ?? ""] ?? rest;
		const w = Math.max(1.5, box.width * by);
		const h = Math.max(1.5, box.height * by);
		pen.fillRect((box.x - x) * by, (box.y - y) * by, w, h);
	}
	pen.globalAlpha = 1;
	return {
		by,
		x,
		y
	};
}
// src/inspect/colours.ts
/** The colours the server draws with, in even steps from the least to the largest value; of
* `diverging` from −m to m, m the largest magnitude. */
var MAPS = {
	grey: "000000 ffffff",
	viridis: "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
	diverging: "2166ac 67a9cf d1e5f0 f7f7f7 fddbc7 ef8a62 b2182b"
};
var tables = /* @__PURE__ */ new Map();
/** 256 colours, three bytes each. */
function mapTable(name) {
	const known = tables.get(name);
	if (known) return known;
	const anchors = MAPS[name].split(" ").map((text) => [
		0,
		2,
		4
	].map((at) => hex(text, at)));
	const table = /* @__PURE__ */ new Uint8Array(768);
	for (let k = 0; k < 256; k += 1) {
		const place = k / 255 * (anchors.length - 1);
		const below = Math.min(anchors.length - 2, Math.floor(place));
		for (let c = 0; c < 3; c += 1) {
			const [a, b] = [anchors[below]?.[c] ?? 0, anchors[below + 1]?.[c] ?? 0];
			table[3 * k + c] = Math.round(a + (b - a) * (place - below));
		}
	}
	tables.set(name, table);
	return table;
}
function hex(text, at) {
	return Number.parseInt(text.slice(at, at + 2), 16);
}
/** The server's own table (`nodes/diffusion/latent_colours.py`), from InvokeAI (Apache-2.0); those
* of `tiny` were measured on it. */
var FACTORS = {
	tiny: {
		rows: [
			[
				-.5376,
				.3336,
				.3836
			],
			[
				-.1969,
				-.0224,
				-.1818
			],
			[
				.6287,
				.1532,
				-.3137
			],
			[
				.7993,
				.1732,
				.123
			]
		],
		constant: [
			.1827,
			.0346,
			.0053
		]
	},
	sd1: {
		rows: [
			[
				.3444,
				.1385,
				.067
			],
			[
				.1247,
				.4027,
				.1494
			],
			[
				-.3192,
				.2513,
				.2103
			],
			[
				-.1307,
				-.1874,
				-.7445
			]
		],
		constant: [
			0,
			0,
			0
		]
	},
	sdxl: {
		rows: [
			[
				.3816,
				.493,
				.532
			],
			[
				-.3753,
				.1631,
				.1739
			],
			[
				.177,
				.3588,
				-.2048
			],
			[
				-.435,
				-.2644,
				-.4289
			]
		],
		constant: [
			0,
			0,
			0
		]
	},
	sd3: {
		rows: [
			[
				-.0524,
				.0325,
				.0749
			],
			[
				-.0581,
				.0076,
				.0573
			],
			[
				.1614,
				.0127,
				-.0377
			],
			[
				.1442,
				.0846,
				.1594
			],
			[
				.0489,
				.0056,
				-.0669
			],
			[
				.0519,
				.1922,
				.0626
			],
			[
				.1539,
				.0482,
				.071
			],
			[
				-.086,
				.0901,
				.1089
			],
			[
				-.124,
				-.0677,
				.0034
			],
			[
				-.044,
				.0783,
				.0226
			],
			[
				.031,
				.0638,
				.0775
			],
			[
				-.0132,
				.0855,
				-.0877
			],
			[
				.0646,
				.0591,
				.1326
			],
			[
				-.0786,
				-.0226,
				-.1276
			],
			[
				-.0992,
				-.0801,
				-.0626
			],
			[
				-.0339,
				-.0804,
				-.0608
			]
		],
		constant: [
			0,
			0,
			0
		]
	},
	flux: {
		rows: [
			[
				-.0412,
				.0149,
				.0521
			],
			[
				.0056,
				.0291,
				.0768
			],
			[
				.0342,
				-.0681,
				-.0427
			],
			[
				-.0258,
				.0092,
				.0463
			],
			[
				.0863,
				.0784,
				.0547
			],
			[
				-.0017,
				.0402,
				.0158
			],
			[
				.0501,
				.1058,
				.1152
			],
			[
				-.0209,
				-.0218,
				-.0329
			],
			[
				-.0314,
				.0083,
				.0896
			],
			[
				.0851,
				.0665,
				-.0472
			],
			[
				-.0534,
				.0238,
				-.0024
			],
			[
				.0452,
				-.0026,
				.0048
			],
			[
				.0892,
				.0831,
				.0881
			],
			[
				-.1117,
				-.0304,
				-.0789
			],
			[
				.0027,
				-.0479,
				-.0043
			],
			[
				-.1146,
				-.0827,
				-.0598
			]
		],
		constant: [
			0,
			0,
			0
		]
	}
};
/** Which factors fit a run's latents: by their channels, and by how wide the texts are that its
* model reads, which tells the families apart. "" where none fit. */
function familyOf(channels, textWidth, pooledWidth) {
	if (channels === 4) {
		if (textWidth === 128) return "tiny";
		return textWidth === 2048 || textWidth === 1280 ? "sdxl" : "sd1";
	}
	if (channels === 16) return pooledWidth === 2048 ? "sd3" : "flux";
	return "";
}
/** A latent's item as RGBA: the sum over its channels of value × factors, plus a constant, −1..1
* as 0..255; nan and inf are magenta. Without fitting factors the mean in grey, stretched. */
function latentPixels(values, at, factors) {
	const { channels, height, width, from, channel } = at;
	const out = new Uint8ClampedArray(height * width * 4);
	const { rows, constant } = (factors && factors.rows.length === channels ? factors : void 0) ?? stretched(values, at);
	const plane = height * width;
	for (let p = 0; p < plane; p += 1) {
		let [r, g, b] = [
			constant[0],
			constant[1],
			constant[2]
		];
		for (let c = 0; c < channels; c += 1) {
			const value = values[from + c * channel + p];
			const row = rows[c];
			r += value * row[0];
			g += value * row[1];
			b += value * row[2];
		}
		const sound = Number.isFinite(r + g + b);
		out[4 * p] = sound ? (r + 1) * 127.5 : 255;
		out[4 * p + 1] = sound ? (g + 1) * 127.5 : 0;
		out[4 * p + 2] = sound ? (b + 1) * 127.5 : 255;
		out[4 * p + 3] = 255;
	}
	return out;
}
/** Factors that draw the mean over the channels in grey, from its least to its largest. */
function stretched(values, at) {
	const { channels, height, width, from, channel } = at;
	let low = Number.POSITIVE_INFINITY;
	let high = Number.NEGATIVE_INFINITY;
	for (let p = 0; p < height * width; p += 1) {
		let sum = 0;
		for (let c = 0; c < channels; c += 1) sum += values[from + c * channel + p];
		if (!Number.isFinite(sum)) continue;
		low = Math.min(low, sum);
		high = Math.max(high, sum);
	}
	const factor = 2 / (high > low ? high - low : 1);
	const offset = Number.isFinite(low) ? -(low * factor) - 1 : -1;
	return {
		rows: Array.from({ length: channels }, () => [
			factor,
			factor,
			factor
		]),
		constant: [
			offset,
			offset,
			offset
		]
	};
}
/** What the ends of a map stand for. */
function rangeOf(values, name) {
	let low = Number.POSITIVE_INFINITY;
	let high = Number.NEGATIVE_INFINITY;
	for (let k = 0; k < values.length; k += 1) {
		const value = values[k];
		if (!Number.isFinite(value)) continue;
		if (value < low) low = value;
		if (value > high) high = value;
	}
	if (high < low) return {
		low: 0,
		high: 1
	};
	if (name !== "diverging") return {
		low,
		high
	};
	const most = Math.max(Math.abs(low), Math.abs(high));
	return {
		low: -most,
		high: most
	};
}
/** One channel as RGBA in a colour map. */
function planePixels(values, at, c, name, { low, high }) {
	const { height, width } = at;
	const table = mapTable(name);
	const out = new Uint8ClampedArray(height * width * 4);
	const span = high > low ? high - low : 1;
	for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
		const value = values[at.from + c * at.channel + y * at.row + x * at.column];
		const to = 4 * (y * width + x);
		out[to + 3] = 255;
		if (Number.isFinite(value)) {
			const share = Math.min(1, Math.max(0, (value - low) / span));
			const index = 3 * Math.round(share * 255);
			out[to] = table[index];
			out[to + 1] = table[index + 1];
			out[to + 2] = table[index + 2];
		} else {
			out[to] = 255;
			out[to + 2] = 255;
		}
	}
	return out;
}
/** Pixels in 0..1 as they are. */
function picturePixels(values, at) {
	const { height, width, channels } = at;
	const out = new Uint8ClampedArray(height * width * 4);
	for (let p = 0; p < height * width; p += 1) {
		const from = at.from + p * at.column;
		for (let c = 0; c < 3; c += 1) out[4 * p + c] = values[from + c] * 255;
		out[4 * p + 3] = channels === 4 ? values[from + 3] * 255 : 255;
	}
	return out;
}
/** How far two predictions lie apart at each place: the norm of their difference over channels. */
function apart(a, b, at) {
	const plane = at.height * at.width;
	const made = new Float64Array(plane);
	for (let p = 0; p < plane; p += 1) {
		let sum = 0;
		for (let c = 0; c < at.channels; c += 1) {
			const place = at.from + c * at.channel + p;
			sum += (a[place] - b[place]) ** 2;
		}
		made[p] = Math.sqrt(sum);
	}
	return made;
}
// src/inspect/Draw.tsx
/** Tensors on canvases: drawn when their elements are here, at their own size, enlarged by CSS. */
/** The name by which drawing is measured. */
var MEASURE = "nf.draw";
function paint(canvas, width, height, make) {
	const begin = performance.now();
	const context = canvas.getContext("2d");
	if (!context) return;
	if (canvas.width !== width) canvas.width = width;
	if (canvas.height !== height) canvas.height = height;
	const pixels = make();
	context.putImageData(new ImageData(pixels, width, height), 0, 0);
	performance.measure(MEASURE, {
		start: begin,
		end: performance.now()
	});
}
function factorsFor(trace, chosen, channels) {
	return FACTORS[chosen || familyOf(channels, trace?.textWidth ?? 0, trace?.pooledWidth ?? 0)];
}
/** A latent in colours. */
function LatentCanvas({ run, values, shape, item = 0, label, className }) {
	const canvas = (0, import_react.useRef)(null);
	const trace = useRunTrace(run);
	const family = useScrub((state) => state.family);
	(0, import_react.useLayoutEffect)(() => {
		if (!canvas.current || !values) return;
		const at = planes(shape, item);
		const factors = factorsFor(trace, family, at.channels);
		paint(canvas.current, at.width, at.height, () => latentPixels(values, at, factors));
	}, [
		values,
		shape,
		item,
		trace,
		family
	]);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("canvas", {
		ref: canvas,
		role: "img",
		"aria-label": label,
		className: `nfi-canvas ${className ?? ""}`
	});
}
/** One plane of numbers in a colour map. */
function MapCanvas({ values, width, height, map, label, className }) {
	const canvas = (0, import_react.useRef)(null);
	(0, import_react.useLayoutEffect)(() => {
		if (!canvas.current || !values) return;
		const at = planes([height, width]);
		paint(canvas.current, width, height, () => planePixels(values, at, 0, map, rangeOf(values, map)));
	}, [
		values,
		width,
		height,
		map
	]);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("canvas", {
		ref: canvas,
		role: "img",
		"aria-label": label,
		className: `nfi-canvas ${className ?? ""}`
	});
}
/** Whatever a tensor is, as a picture: latents in colours, pixels as they are, masks in grey. */
function TensorCanvas(props) {
	const { run, tensor, label, className } = props;
	const values = useElements(run, tensor);
	const shape = tensor.shape;
	if (tensor.role !== "value" && shape.length === 4) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(LatentCanvas, {
		run,
		values,
		shape,
		label,
		...className ? { className } : {}
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(PlainCanvas, {
		values,
		tensor,
		label,
		...className ? { className } : {}
	});
}
function PlainCanvas(props) {
	const { values, tensor, label, className } = props;
	const canvas = (0, import_react.useRef)(null);
	const pixels = arePixels(tensor.part, tensor.shape);
	const at = (0, import_react.useMemo)(() => planes(tensor.shape, 0, pixels), [tensor, pixels]);
	(0, import_react.useLayoutEffect)(() => {
		if (!canvas.current || !values) return;
		const mask = tensor.type.includes("Mask");
		paint(canvas.current, at.width, at.height, () => {
			if (pixels) return picturePixels(values, at);
			const range = mask ? {
				low: 0,
				high: 1
			} : rangeOf(values, "viridis");
			return planePixels(values, at, 0, mask ? "grey" : "viridis", range);
		});
	}, [
		values,
		at,
		pixels,
		tensor
	]);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("canvas", {
		ref: canvas,
		role: "img",
		"aria-label": label,
		className: `nfi-canvas ${className ?? ""}`
	});
}
// src/inspect/Scrubber.tsx
/** The one slider: which step of which loop everything shows. */
/** Milliseconds of one step while it plays. */
var PACE = 160;
function Scrubber() {
	const trace = useShownTrace();
	const run = useRuns((state) => state.runs[state.shown]);
	const { node, step, steps, playing } = useScrub();
	const choices = steppingOf(run, trace);
	usePlaying();
	if (!node || !steps) return null;
	const sigma = sigmaAt(run, trace, node, step);
	const { goTo, play, choose } = useScrub.getState();
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("fieldset", {
		className: "nfi-scrub",
		"aria-label": "Step",
		children: [
			choices.length > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("select", {
				className: "nfi-select",
				"aria-label": "steps of",
				value: node,
				onChange: (event) => {
					const found = choices.find((one) => one.node === event.target.value);
					if (found) choose(found.node, found.steps);
				},
				children: choices.map((one) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", { children: one.node }, one.node))
			}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "nfi-scrub-node",
				children: node
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-icon",
				"aria-label": "first step",
				onClick: () => goTo(0),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChevronFirst, {
					size: 16,
					"aria-hidden": true
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-icon",
				"aria-label": playing ? "pause" : "play the steps",
				title: playing ? "Pause (K)" : "Play (K)",
				onClick: togglePlay,
				children: playing ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Pause, {
					size: 16,
					"aria-hidden": true
				}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Play, {
					size: 16,
					"aria-hidden": true
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-icon",
				"aria-label": "last step",
				onClick: () => goTo(steps - 1),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChevronLast, {
					size: 16,
					"aria-hidden": true
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
				type: "range",
				className: "nfi-slider",
				"aria-label": `step of ${node}`,
				"aria-valuetext": `step ${step + 1} of ${steps}${sigma === null ? "" : `, sigma ${told(sigma)}`}`,
				min: 0,
				max: steps - 1,
				step: 1,
				value: step,
				onChange: (event) => {
					play(false);
					goTo(Number(event.target.value));
				}
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("output", {
				className: "nfi-step",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("b", { children: step + 1 }),
					"/",
					steps
				]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
				className: "nfi-sigma",
				title: `sigma ${exactly(sigma)}`,
				children: ["σ ", told(sigma)]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "nf-button nfi-pin",
				title: "Hold this step to compare",
				onClick: pinHere,
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Pin, {
					size: 14,
					"aria-hidden": true
				}), " Pin"]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Pins, {})
		]
	});
}
function Pins() {
	const pins = useScrub((state) => state.pins);
	const unpin = useScrub((state) => state.unpin);
	return pins.map((pin, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: "nfi-chip",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("b", { children: k ? "B" : "A" }),
			" ",
			pin.title,
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				"aria-label": `let go of ${pin.title}`,
				onClick: () => unpin(k),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(X, {
					size: 12,
					"aria-hidden": true
				})
			})
		]
	}, `${pin.run}${pin.node}${pin.step}`));
}
/** Hold the step that is shown. */
function pinHere() {
	const { shown, runs } = useRuns.getState();
	const { node, step, steps, pin } = useScrub.getState();
	if (!shown || !steps) return;
	pin({
		run: shown,
		node,
		step,
		title: `run ${runs[shown]?.number ?? ""}, step ${step + 1}`
	});
}
function togglePlay() {
	const { playing, step, steps, play, goTo } = useScrub.getState();
	if (!playing && step >= steps - 1) goTo(0);
	play(!playing);
}
function usePlaying() {
	const playing = useScrub((state) => state.playing);
	(0, import_react.useEffect)(() => {
		if (!playing) return;
		const timer = setInterval(() => {
			const { step, steps, goTo, play } = useScrub.getState();
			if (step >= steps - 1) play(false);
			else goTo(step + 1);
		}, PACE);
		return () => clearInterval(timer);
	}, [playing]);
}
/** Told where there is nothing to show, with the way to get it. */
function NoTrace({ what, level = "latents" }) {
	const shown = useRuns((state) => state.shown);
	const state = useRuns((all) => all.runs[all.shown]?.state);
	const trace = useShownTrace();
	const under = state === "queued" || state === "running";
	const asked = useRuns((all) => all.runs[all.shown]?.trace ?? "off");
	if (under && asked !== "off") return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "nfi-empty",
		role: "status",
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", { children: [
			"The run is ",
			state,
			": what it keeps will stand here."
		] })
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nfi-empty",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", { children: [shown && trace && trace.evicted > 0 ? `${trace.evicted} tensors of this run were let go for want of room. ` : "", what] }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
			type: "button",
			className: "nf-button nf-primary",
			onClick: () => void runGraph({ trace: level }),
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Play, {
				size: 14,
				"aria-hidden": true,
				fill: "currentColor"
			}), " Run with trace"]
		})]
	});
}
// src/inspect/Steps.tsx
/** What a step did: the latent after it, the estimate of the clean one, the noise; and how two
* steps differ. */
function Steps$1() {
	const run = useRuns((state) => state.shown);
	const { node, step, steps, pins } = useScrub();
	const trace = useShownTrace();
	useMeasured(step);
	if (!trace?.latents.size) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NoTrace, { what: "Every step can be looked at if the run keeps its latents." });
	const [a, b] = pins;
	const here = {
		run,
		node,
		step,
		title: `step ${step + 1}`
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nfi-steps",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nfi-figures-row",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(StepFigures, { pin: here }), a ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Compared, {
					a,
					b: b ?? here,
					both: Boolean(b)
				}) : null]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Strip, {
				run,
				node,
				steps
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Colours, {})
		]
	});
}
/** From a step to its drawing, for `performance.getEntriesByName("nf.scrub")`. */
function useMeasured(step) {
	(0, import_react.useLayoutEffect)(() => {
		const begin = begun$1.at;
		if (!begin) return;
		begun$1.at = 0;
		performance.measure("nf.scrub", {
			start: begin,
			end: performance.now()
		});
	}, [step]);
}
var begun$1 = { at: 0 };
useScrub.subscribe((state, before) => {
	if (state.step !== before.step && state.node === before.node) begun$1.at = performance.now();
});
function StepFigures({ pin }) {
	const found = useStepTensors(pin.run, pin.node, pin.step);
	const estimate = useEstimate(pin);
	const after = useElements(pin.run, found.after);
	const noise = useElements(pin.run, found.eps);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Figure, {
			title: "x after the step",
			run: pin.run,
			tensor: found.after,
			values: after
		}),
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Figure, {
			title: "x₀ as estimated",
			run: pin.run,
			tensor: estimate.tensor,
			values: estimate.values,
			...estimate.made ? { note: "x − σ·ε, worked out here" } : {}
		}),
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Figure, {
			title: "ε predicted",
			run: pin.run,
			tensor: found.eps,
			values: noise
		})
	] });
}
/** The estimate of the clean latent: as the run tells it, or x − σ·ε. */
function useEstimate(pin) {
	const trace = useRunTrace(pin.run);
	const view = useRuns((state) => state.runs[pin.run]);
	const found = useStepTensors(pin.run, pin.node, pin.step);
	const own = useElements(pin.run, found.x0);
	const before = useElements(pin.run, found.x0 ? void 0 : found.before);
	const noise = useElements(pin.run, found.x0 ? void 0 : found.eps);
	const sigma = sigmaAt(view, trace, pin.node, pin.step);
	const made = (0, import_react.useMemo)(() => before && noise && sigma !== null ? estimated(before, noise, sigma) : void 0, [
		before,
		noise,
		sigma
	]);
	if (found.x0) return {
		tensor: found.x0,
		values: own,
		made: false
	};
	return {
		tensor: made ? found.before : void 0,
		values: made,
		made: true
	};
}
/** x0 = x − σ · ε */
function estimated(x, noise, sigma) {
	if (x.length !== noise.length) return void 0;
	const made = new Float32Array(x.length);
	for (let k = 0; k < x.length; k += 1) made[k] = x[k] - sigma * noise[k];
	return made;
}
function Figure({ title, run, tensor, values, note }) {
	const stats = (0, import_react.useMemo)(() => values && note ? statistics(values) : void 0, [values, note]) ?? tensor?.stats;
	if (!tensor) return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", {
		className: "nfi-figure nfi-none",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
			className: "nfi-canvas",
			"aria-hidden": "true"
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figcaption", { children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: title }),
			" ",
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("small", { children: "not kept" })
		] })]
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", {
		className: "nfi-figure",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(LatentCanvas, {
			run,
			values,
			shape: tensor.shape,
			label: `${title}: ${spoken$1(stats)}`
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figcaption", { children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: title }),
			" ",
			note ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("small", { children: note }) : null,
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Stats, { stats })
		] })]
	});
}
function spoken$1(stats) {
	if (!stats) return "no figures";
	const { min, max, mean, std, nan } = stats;
	const broken = nan ? `, ${nan} nan` : "";
	return `least ${told(min)}, largest ${told(max)}, mean ${told(mean)}, spread ${told(std)}${broken}`;
}
var NAMES = [
	["min", "min"],
	["max", "max"],
	["mean", "mean"],
	["std", "std"]
];
function Stats({ stats }) {
	if (!stats) return null;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("dl", {
		className: "nfi-stats",
		children: [NAMES.map(([name, key]) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("dt", { children: name }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("dd", {
			title: exactly(stats[key]),
			children: told(stats[key])
		})] }, name)), stats.nan || stats.inf ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nfi-bad",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("dt", { children: "nan, inf" }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("dd", { children: [
				stats.nan,
				", ",
				stats.inf
			] })]
		}) : null]
	});
}
/** Two steps, of one run or two, and A − B. */
function Compared({ a, b, both }) {
	const first = useStepTensors(a.run, a.node, a.step).after;
	const second = useStepTensors(b.run, b.node, b.step).after;
	const one = useElements(a.run, first);
	const other = useElements(b.run, second);
	const found = (0, import_react.useMemo)(() => one && other ? difference(one, other) : void 0, [one, other]);
	const shape = first?.shape;
	const [height, width] = [shape?.at(-2) ?? 1, shape?.at(-1) ?? 1];
	const plane = (0, import_react.useMemo)(() => {
		if (!found || !shape || shape.length !== 4) return void 0;
		const channels = shape[1] ?? 1;
		const made = new Float64Array(height * width);
		for (let p = 0; p < made.length; p += 1) {
			for (let c = 0; c < channels; c += 1) made[p] = made[p] + found.values[c * made.length + p];
			made[p] = made[p] / channels;
		}
		return made;
	}, [
		found,
		shape,
		height,
		width
	]);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Figure, {
			title: `A: ${a.title}`,
			run: a.run,
			tensor: first,
			values: one
		}),
		both ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Figure, {
			title: `B: ${b.title}`,
			run: b.run,
			tensor: second,
			values: other
		}) : null,
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", {
			className: "nfi-figure",
			children: [plane ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(MapCanvas, {
				values: plane,
				width,
				height,
				map: "diverging",
				label: `A − B: ${found?.identical ? "identical" : `largest ${told(found?.largest)}`}`
			}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
				className: "nfi-canvas",
				"aria-hidden": "true"
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figcaption", { children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("strong", { children: ["A − ", both ? "B" : b.title] }),
				" ",
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("small", { children: "mean over channels" }),
				found ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("dl", {
					className: "nfi-stats",
					children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Pair, {
							name: "largest",
							value: found.largest
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Pair, {
							name: "mean",
							value: found.mean
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Pair, {
							name: "rms",
							value: found.rms
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Pair, {
							name: "cos",
							value: found.cosine
						}),
						found.identical ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", { children: "identical to the bit" }) : null
					]
				}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
					className: "nf-quiet",
					children: one && other ? "They differ in size." : "not kept"
				})
			] })]
		})
	] });
}
function Pair({ name, value }) {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("dt", { children: name }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("dd", {
		title: exactly(value),
		children: told(value)
	})] });
}
var MOST_FRAMES = 40;
function Strip({ run, node, steps }) {
	const every = Math.max(1, Math.ceil(steps / MOST_FRAMES));
	const shown = Array.from({ length: steps }, (_, k) => k).filter((k) => k % every === 0 || k === steps - 1);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "nfi-strip",
		children: shown.map((step) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Frame, {
			run,
			node,
			step
		}, step))
	});
}
var Frame = (0, import_react.memo)(function Frame({ run, node, step }) {
	const here = useScrub((state) => state.step === step);
	const { after } = useStepTensors(run, node, step);
	const values = useElements(run, after);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
		type: "button",
		className: "nfi-frame",
		tabIndex: -1,
		"aria-label": `step ${step + 1}`,
		"aria-current": here,
		onClick: () => useScrub.getState().goTo(step),
		children: [after ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(LatentCanvas, {
			run,
			values,
			shape: after.shape,
			label: ""
		}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nfi-canvas" }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("small", { children: step + 1 })]
	});
});
var FAMILY_NAMES = {
	tiny: "tiny model",
	sd1: "Stable Diffusion 1, 2",
	sdxl: "SDXL",
	sd3: "Stable Diffusion 3",
	flux: "Flux"
};
/** Which factors the colours are made with. */
function Colours() {
	const trace = useShownTrace();
	const family = useScrub((state) => state.family);
	const latent = trace?.tensors.find((tensor) => tensor.role === "x_t");
	const guessed = familyOf(latent?.shape[1] ?? 0, trace?.textWidth ?? 0, trace?.pooledWidth ?? 0);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
		className: "nfi-colours",
		children: ["colours of", /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("select", {
			className: "nfi-select",
			value: family,
			onChange: (event) => useScrub.getState().setFamily(event.target.value),
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", {
				value: "",
				children: guessed ? `${FAMILY_NAMES[guessed]} (as traced)` : "mean in grey"
			}), Object.keys(FACTORS).map((name) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", {
				value: name,
				children: FAMILY_NAMES[name] ?? name
			}, name))]
		})]
	});
}
// src/inspect/StepFace.tsx
/** Below a node's card: what it made at the step that is shown. */
function StepFace({ path }) {
	const open = useUi((state) => state.drawer);
	const run = useRuns((state) => state.shown);
	const trace = useTraceIndex((state) => open ? state.of[run] : void 0);
	const traced = trace && (trace.byNode.has(path) || trace.latents.has(path));
	const loop = useScrub((state) => traced ? state.node : "");
	const step = useScrub((state) => traced ? state.step : 0);
	const out = useRuns((state) => state.runs[run]?.outputs.some((one) => one.node === path));
	if (!traced || out) return null;
	const { graph } = useEditor.getState();
	const tensor = path === loop ? stepTensors(trace, graph, loop, step).after : atStep(trace.byNode.get(path) ?? [], loop, step).find(isPicture$1);
	if (!tensor?.kept) return null;
	const pass = passOf(tensor.path, loop);
	const when = pass === void 0 ? "" : `step ${pass + 1}`;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nfi-face",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(TensorCanvas, {
			run,
			tensor,
			label: `${[tensor.port, when].filter(Boolean).join(" ")}: ${spoken$1(tensor.stats)}`
		}), when]
	});
}
/** Latents, pictures and masks; not what a text is encoded as. */
function isPicture$1({ role, part, shape, type }) {
	if (shape.length < 3) return false;
	return role !== "value" || part.endsWith("pixels") || type.includes("Mask");
}
// src/widgets/Combobox.tsx
var import_react_dom = require_react_dom();
/** Those that have all words of the search, the ones that begin with it first. */
function narrowed(options, search) {
	const words = search.toLowerCase().split(/[\s_./-]+/).filter(Boolean);
	const whole = search.trim().toLowerCase();
	const found = options.filter((option) => {
		const text = option.toLowerCase();
		return words.every((word) => text.includes(word));
	});
	const rank = (option) => {
		const at = option.toLowerCase().indexOf(whole);
		return at === 0 ? 0 : at > 0 ? 1 : 2;
	};
	return whole === "" ? found : found.sort((a, b) => rank(a) - rank(b));
}
/** A field that is searched while one types; the list lies over everything. */
function Combobox(props) {
	const { label, value, options, onPick, free } = props;
	const [search, setSearch] = (0, import_react.useState)(null);
	const [active, setActive] = (0, import_react.useState)(-1);
	const field = (0, import_react.useRef)(null);
	const list = (0, import_react.useId)();
	const open = search !== null;
	const found = (0, import_react.useMemo)(() => search === null ? [] : narrowed(options, search === value ? "" : search), [
		options,
		search,
		value
	]);
	const show = () => {
		if (props.disabled || open) return;
		setSearch(value);
		setActive(options.indexOf(value));
		field.current?.select();
	};
	const hide = () => {
		setSearch(null);
		setActive(-1);
	};
	const pick = (option) => {
		hide();
		if (option !== void 0) onPick(option);
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: "w-combo",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
				ref: field,
				id: props.id,
				type: "text",
				role: "combobox",
				"aria-label": label,
				"aria-expanded": open,
				"aria-controls": open ? list : void 0,
				"aria-autocomplete": "list",
				"aria-activedescendant": open && found[active] ? `${list}-${active}` : void 0,
				"aria-invalid": props.invalid || void 0,
				title: props.title || (open ? void 0 : value) || void 0,
				autoComplete: "off",
				spellCheck: false,
				disabled: props.disabled,
				placeholder: props.placeholder ?? (options.length === 0 ? "nothing here" : "choose …"),
				value: search ?? value,
				onClick: show,
				onChange: (event) => {
					setSearch(event.currentTarget.value);
					setActive(event.currentTarget.value === "" ? -1 : 0);
				},
				onBlur: () => {
					if (open && free && search !== value) pick(search ?? void 0);
					else hide();
				},
				onKeyDown: (event) => {
					if (event.key === "ArrowDown" || event.key === "ArrowUp") {
						event.preventDefault();
						if (!open) return show();
						const by = event.key === "ArrowDown" ? 1 : -1;
						const count = found.length;
						setActive(count === 0 ? -1 : (active + by + count) % count);
					} else if (event.key === "Enter" && !(event.ctrlKey || event.metaKey)) {
						event.preventDefault();
						if (!open) show();
						else if (free && active < 0) pick(search ?? void 0);
						else pick(found[active]);
					} else if (event.key === "Escape" && open) {
						event.stopPropagation();
						event.nativeEvent.stopImmediatePropagation();
						hide();
					} else if (open && (event.key === "Home" || event.key === "End") && event.ctrlKey) {
						event.preventDefault();
						setActive(event.key === "Home" ? 0 : found.length - 1);
					}
				}
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChevronDown, {
				size: 14,
				"aria-hidden": true
			}),
			open && field.current ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Floating, {
				anchor: field.current,
				onAway: hide,
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
					role: "listbox",
					id: list,
					"aria-label": label,
					className: "w-list",
					tabIndex: -1,
					children: [found.length === 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
						className: "w-none",
						children: "nothing found"
					}) : null, found.map((option, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
						id: `${list}-${k}`,
						role: "option",
						tabIndex: -1,
						"aria-selected": option === value,
						className: k === active ? "w-option w-active" : "w-option",
						ref: k === active ? keepSeen : void 0,
						onPointerDown: (event) => event.preventDefault(),
						onClick: () => pick(option),
						onKeyDown: () => void 0,
						children: option === "" ? "none" : option
					}, option))]
				})
			}) : null
		]
	});
}
function keepSeen(element) {
	element?.scrollIntoView?.({ block: "nearest" });
}
/** Lies under an element, or above it where there is no room; closed by a press elsewhere. */
function Floating(props) {
	const { anchor, onAway, align = "start" } = props;
	const box = (0, import_react.useRef)(null);
	(0, import_react.useLayoutEffect)(() => {
		const own = box.current;
		if (!own) return;
		const at = anchor.getBoundingClientRect();
		const room = window.innerHeight - at.bottom - 12;
		const above = room < 180 && at.top > room;
		own.style.minWidth = `${Math.max(140, at.width)}px`;
		own.style.maxHeight = `${Math.max(120, Math.min(420, above ? at.top - 12 : room))}px`;
		own.style[above ? "bottom" : "top"] = above ? `${window.innerHeight - at.top + 4}px` : `${at.bottom + 4}px`;
		const width = own.offsetWidth;
		const left = align === "end" ? at.right - width : at.left;
		own.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`;
	}, [anchor, align]);
	(0, import_react.useEffect)(() => {
		const press = (event) => {
			const target = event.target;
			if (!box.current?.contains(target) && !anchor.contains(target)) onAway();
		};
		document.addEventListener("pointerdown", press, true);
		document.addEventListener("wheel", press, true);
		window.addEventListener("resize", onAway);
		return () => {
			document.removeEventListener("pointerdown", press, true);
			document.removeEventListener("wheel", press, true);
			window.removeEventListener("resize", onAway);
		};
	}, [anchor, onAway]);
	return (0, import_react_dom.createPortal)(/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		ref: box,
		className: `w-floating ${props.className ?? ""}`,
		children: props.children
	}), document.body);
}
// src/widgets/field.ts
function shownOf$1(props) {
	return props.value === void 0 ? props.port.default : props.value;
}
function asText(value) {
	return value === void 0 || value === null ? "" : String(value);
}
// src/widgets/gesture.ts
/** Edits of one gesture carry one key, so that they are one step back. */
var count = 0;
/** Keys pressed or held within this time belong together. */
var PAUSE_MS = 1200;
function newGesture(where) {
	let key = "";
	let last = 0;
	const begin = () => {
		count += 1;
		key = `${where}#${count}`;
		last = Date.now();
	};
	return {
		begin,
		key: () => {
			if (key === "" || Date.now() - last > PAUSE_MS) begin();
			last = Date.now();
			return key;
		}
	};
}
function useGesture(where) {
	return (0, import_react.useMemo)(() => newGesture(where), [where]);
}
/** One of a few names; also names of model files, some of which may not be here. */
function Choice(props) {
	const { path, port, onChange, label, compact, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	const options = port.widget?.options ?? [];
	const value = asText(shownOf$1(props));
	const kind = port.widget?.kind;
	const optional = port.widget?.optional === true;
	const lacking = value !== "" && !options.includes(value);
	const pick = (next) => {
		gesture.begin();
		if (next !== value) onChange(next, { merge: gesture.key() });
	};
	const note = lacking ? kind ? `${value} is not in the ${kind} folder` : `${value} is not offered` : options.length === 0 ? kind ? `there is no file in the ${kind} folder yet` : "nothing is offered" : "";
	const few = options.length <= 8 && !(kind && lacking);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: `w-choice nodrag ${compact ? "w-compact" : ""}`,
		children: [few ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
			className: "w-select",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("select", {
				id: props.id,
				"aria-label": label,
				"aria-invalid": lacking || void 0,
				title: note || void 0,
				value,
				disabled,
				onChange: (event) => pick(event.currentTarget.value),
				children: [
					value === "" && !options.includes("") ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", {
						value: "",
						disabled: !optional,
						children: options.length === 0 ? `no ${kind ?? "choice"} here` : "choose …"
					}) : null,
					lacking ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", {
						value,
						children: `${value} (missing)`
					}) : null,
					options.map((option) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", {
						value: option,
						children: option === "" ? "none" : option
					}, option))
				]
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChevronDown, {
				size: 14,
				"aria-hidden": true
			})]
		}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Combobox, {
			id: props.id,
			label,
			value,
			options,
			disabled,
			invalid: lacking,
			title: note,
			onPick: pick
		}), compact || note === "" ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
			className: "w-note",
			children: note
		})]
	});
}
// src/widgets/Colour.tsx
/** `#rrggbb` of `#rgb`, `rrggbb` and `#RRGGBB`; "" of anything else. */
function readColour(text) {
	const digits = text.trim().replace(/^#/, "").toLowerCase();
	if (/^[0-9a-f]{6}$/.test(digits)) return `#${digits}`;
	if (/^[0-9a-f]{3}$/.test(digits)) return `#${digits.replace(/./g, "$&$&")}`;
	return "";
}
function Colour(props) {
	const { path, port, onChange, label, compact, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	const [draft, setDraft] = (0, import_react.useState)(null);
	const value = asText(shownOf$1(props));
	const invalid = draft !== null && readColour(draft) === "";
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: `w-colour nodrag ${compact ? "w-compact" : ""}`,
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
			type: "color",
			"aria-label": `${label}, pick`,
			disabled,
			value: readColour(value) || "#000000",
			onFocus: gesture.begin,
			onChange: (event) => onChange(event.currentTarget.value, { merge: gesture.key() })
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
			id: props.id,
			type: "text",
			className: "w-text w-mono",
			"aria-label": label,
			"aria-invalid": invalid || void 0,
			title: invalid ? "write #rrggbb" : void 0,
			autoComplete: "off",
			spellCheck: false,
			disabled,
			value: draft ?? value,
			onFocus: gesture.begin,
			onBlur: () => setDraft(null),
			onChange: (event) => {
				const text = event.currentTarget.value;
				setDraft(text);
				const read = readColour(text);
				if (read && read !== value) onChange(read, { merge: gesture.key() });
			}
		})]
	});
}
// src/widgets/FilePath.tsx
var PICTURE = /\.(png|jpe?g|webp|avif|bmp|gif|tiff?)$/i;
var ABSENT = "not found in input/";
/** Milliseconds after the last letter until the server is asked. */
var PAUSE$1 = 200;
/** A file that is read: uploaded by button, drop or paste, or picked from what is there. */
function FilePath(props) {
	const { path, port, onChange, label, compact, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	const notify = useUi((state) => state.notify);
	const openOverlay = useUi((state) => state.openOverlay);
	const chooser = (0, import_react.useRef)(null);
	const picker = (0, import_react.useRef)(null);
	const [busy, setBusy] = (0, import_react.useState)(false);
	const [picking, setPicking] = (0, import_react.useState)(false);
	const [over, setOver] = (0, import_react.useState)(false);
	const suffixes = port.widget?.suffixes ?? [];
	const value = asText(shownOf$1(props));
	const pictures = suffixes.length === 0 || suffixes.some((suffix) => PICTURE.test(`a${suffix}`));
	const set = (text) => {
		gesture.begin();
		onChange(text, { merge: gesture.key() });
	};
	const send = async (file) => {
		if (!file || disabled) return;
		if (suffixes.length > 0 && !suffixes.some((s) => file.name.toLowerCase().endsWith(s))) {
			notify("warning", `${file.name} is none of ${suffixes.join(", ")}`);
			return;
		}
		setBusy(true);
		try {
			set((await upload(file)).param);
		} catch (error) {
			notify("error", `${file.name} could not be uploaded: ${error.message}`);
		} finally {
			setBusy(false);
		}
	};
	const close = (0, import_react.useCallback)(() => setPicking(false), []);
	const field = (0, import_react.useRef)(null);
	(0, import_react.useEffect)(() => {
		const own = field.current;
		if (own && own !== document.activeElement) own.scrollLeft = own.scrollWidth;
	}, [value]);
	const named = pictures ? inputPath(value) : "";
	const there = useThere(named);
	const shown = there ? named : "";
	const absent = there === false;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: `w-file nodrag ${compact ? "w-compact" : ""} ${over ? "w-over" : ""}`,
		onDragOver: (event) => {
			if (![...event.dataTransfer.types].includes("Files")) return;
			event.preventDefault();
			event.stopPropagation();
			setOver(true);
		},
		onDragLeave: () => setOver(false),
		onDrop: (event) => {
			setOver(false);
			if (event.dataTransfer.files.length === 0) return;
			event.preventDefault();
			event.stopPropagation();
			send(event.dataTransfer.files[0]);
		},
		onPaste: (event) => {
			const file = [...event.clipboardData.files][0];
			if (!file) return;
			event.preventDefault();
			event.stopPropagation();
			send(file);
		},
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
				className: "w-file-row",
				children: [
					compact && shown ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
						className: "w-chip",
						src: fileUrl("input", shown, 48),
						alt: "",
						draggable: false
					}) : null,
					compact && absent ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
						className: "w-absent",
						role: "img",
						"aria-label": ABSENT,
						title: ABSENT,
						children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(FileQuestionMark, {
							size: 16,
							"aria-hidden": true
						})
					}) : null,
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
						ref: field,
						id: props.id,
						type: "text",
						className: "w-text",
						"aria-label": label,
						"aria-invalid": absent || void 0,
						autoComplete: "off",
						spellCheck: false,
						disabled,
						placeholder: port.widget?.folder ? "a folder" : "drop a file here",
						title: value || void 0,
						value,
						onFocus: gesture.begin,
						onChange: (event) => onChange(event.currentTarget.value, { merge: gesture.key() })
					}),
					port.widget?.folder ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
							type: "button",
							className: "w-button",
							"aria-label": `upload a file for ${label}`,
							title: "Upload a file",
							"aria-busy": busy,
							disabled: disabled || busy,
							onClick: () => chooser.current?.click(),
							children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Upload, {
								size: 14,
								"aria-hidden": true
							})
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
							ref: picker,
							type: "button",
							className: "w-button",
							"aria-label": `pick a file for ${label}`,
							"aria-expanded": picking,
							title: "Files that are here",
							disabled,
							onClick: () => setPicking(!picking),
							children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(FolderOpen, {
								size: 14,
								"aria-hidden": true
							})
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
							ref: chooser,
							type: "file",
							hidden: true,
							tabIndex: -1,
							accept: suffixes.join(","),
							onChange: (event) => {
								send(event.currentTarget.files?.[0]);
								event.currentTarget.value = "";
							}
						})
					] })
				]
			}),
			!compact && absent ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: "w-absent",
				role: "status",
				children: ABSENT
			}) : null,
			!compact && shown ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
				className: "w-picture",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
					src: fileUrl("input", shown),
					alt: `chosen for ${label}`
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					className: "w-link",
					onClick: () => openOverlay("mask", {
						picture: fileUrl("input", shown),
						path,
						port: port.name
					}),
					children: "paint a mask"
				})]
			}) : null,
			picking && picker.current ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Floating, {
				anchor: picker.current,
				onAway: close,
				align: "end",
				className: "w-files",
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Files, {
					suffixes,
					onClose: () => {
						close();
						picker.current?.focus();
					},
					onPick: (param) => {
						set(param);
						close();
						picker.current?.focus();
					}
				})
			}) : null
		]
	});
}
/** Files that were there when asked: they are shown at once where a node comes into sight again. */
var known$1 = /* @__PURE__ */ new Set();
/** Whether a file is below input/; undefined as long as that is not known, or where none is named.
* A list is asked, as a picture that is missing would be an error on the console. */
function useThere(path) {
	const [asked, setAsked] = (0, import_react.useState)();
	(0, import_react.useEffect)(() => {
		if (!path || known$1.has(path)) return;
		let wanted = true;
		const ask = () => {
			outputs({
				kind: "input",
				name: path,
				limit: 1
			}).then(({ files }) => {
				const found = files.some((file) => file.path === path);
				if (found) known$1.add(path);
				if (wanted) setAsked({
					path,
					found
				});
			}, () => void 0);
		};
		const timer = setTimeout(ask, PAUSE$1);
		return () => {
			wanted = false;
			clearTimeout(timer);
		};
	}, [path]);
	if (!path) return void 0;
	if (known$1.has(path)) return true;
	return asked?.path === path ? asked.found : void 0;
}
/** The part of a parameter below input/, "" if it points elsewhere. */
function inputPath(value) {
	const parts = value.replaceAll("\\", "/").split("/");
	const at = parts.lastIndexOf("input");
	return at >= 0 && PICTURE.test(value) ? parts.slice(at + 1).join("/") : "";
}
function Files(props) {
	const { suffixes } = props;
	const [files, setFiles] = (0, import_react.useState)(null);
	const first = (0, import_react.useRef)(null);
	(0, import_react.useEffect)(() => {
		let wanted = true;
		outputs({
			kind: "input",
			limit: 60
		}).then((page) => wanted && setFiles(page.files), () => wanted && setFiles([]));
		return () => {
			wanted = false;
		};
	}, []);
	(0, import_react.useEffect)(() => {
		if (files) (first.current?.querySelector("button") ?? first.current)?.focus();
	}, [files]);
	const fitting = (files ?? []).filter(({ path }) => suffixes.length === 0 || suffixes.some((s) => path.toLowerCase().endsWith(s)));
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		ref: first,
		tabIndex: -1,
		className: "w-files-grid",
		onKeyDown: (event) => {
			if (event.key !== "Escape") return;
			event.stopPropagation();
			props.onClose();
		},
		children: [
			files === null ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: "w-none",
				children: "looking …"
			}) : null,
			files !== null && fitting.length === 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: "w-none",
				children: "nothing was uploaded yet"
			}) : null,
			fitting.map(({ path, param }) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "w-thumb-pick",
				onClick: () => props.onPick(param),
				children: [PICTURE.test(path) ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
					src: fileUrl("input", path, 96),
					alt: "",
					loading: "lazy"
				}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Image, {
					size: 18,
					"aria-hidden": true
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: path })]
			}, path))
		]
	});
}
// src/widgets/number.ts
function boundsOf(type, widget) {
	const whole = type.replace(/^list\[(.*)\]$/, "$1").split(" | ")[0] === "int";
	const top = widget?.maximum ?? null;
	return {
		minimum: widget?.minimum ?? null,
		maximum: whole && top !== null ? exactTop(top) : top,
		step: widget?.step ?? null,
		whole,
		multiple: widget?.widget === "Multiple"
	};
}
/** The catalogue's numbers are the browser's own: 2^63 - 1, as far as seeds go, is read as 2^63. */
function exactTop(top) {
	const power = Math.log2(top);
	return top > Number.MAX_SAFE_INTEGER && Number.isInteger(power) ? 2n ** BigInt(power) - 1n : top;
}
/** A number, or a small sum such as `1024/8*3`; a comma may stand for the point. */
function readNumber(text, bounds) {
	const value = wholeOf(text) ?? evaluate(text);
	if (value === null || !isFigure(value)) return { fault: `“${text}” is no number` };
	if (bounds.whole && typeof value === "number" && !Number.isInteger(value)) return { fault: "a whole number is needed" };
	if (bounds.minimum !== null && value < bounds.minimum) return { fault: `${figure(bounds.minimum)} or more is needed` };
	if (bounds.maximum !== null && value > bounds.maximum) return { fault: `${figure(bounds.maximum)} or less is needed` };
	if (bounds.multiple && bounds.step && Number(value) % bounds.step !== 0) return { fault: `a multiple of ${bounds.step} is needed` };
	return { value };
}
/** The nearest value that is taken; null if the text is no number at all. */
function mend(text, bounds) {
	const value = wholeOf(text) ?? evaluate(text);
	return value === null || Number.isNaN(value) ? null : settle(value, bounds);
}
/** A whole number written out, to its last figure. */
function wholeOf(text) {
	const plain = text.trim();
	return /^[+-]?\d{16,40}$/.test(plain) ? asNumber(BigInt(plain.replace("+", ""))) : null;
}
function isNumber(value) {
	return typeof value === "number" || typeof value === "bigint";
}
function isFigure(value) {
	return typeof value === "bigint" || Number.isFinite(value);
}
function settle(value, bounds) {
	const { minimum, maximum } = bounds;
	if (minimum !== null && value < minimum) return minimum;
	if (maximum !== null && value > maximum) return maximum;
	return typeof value === "bigint" && bounds.whole ? value : settled(Number(value), bounds);
}
function settled(value, bounds) {
	let settled = value;
	if (bounds.multiple && bounds.step) settled = Math.round(settled / bounds.step) * bounds.step;
	if (bounds.whole) settled = Math.round(settled);
	if (bounds.minimum !== null) settled = Math.max(bounds.minimum, settled);
	return bounds.maximum !== null && settled > bounds.maximum ? bounds.maximum : settled;
}
/** A value on the grid of steps that begins at the lower end. */
function snap(value, bounds, fine = false) {
	const step = stepOf(bounds, value) * (fine && !bounds.whole ? .1 : 1);
	const origin = bounds.multiple ? 0 : bounds.minimum ?? 0;
	return settle(rounded(origin + Math.round((value - origin) / step) * step, decimals(step) + decimals(origin)), bounds);
}
/** One step up or down; coarse is ten, fine a tenth where there are parts of one. */
function nudge(value, steps, bounds, size) {
	const plain = typeof value === "number" ? value : Number(value);
	const far = Math.abs(plain) + Math.abs(steps) * 10 * stepOf(bounds, plain);
	if (bounds.whole && !bounds.multiple && Number.isInteger(plain) && !Number.isSafeInteger(far)) {
		const by = BigInt(Math.round(steps * stepOf(bounds, plain) * (size === "coarse" ? 10 : 1)));
		return settle(asNumber(BigInt(value) + by), bounds);
	}
	return nudged(plain, steps, bounds, size);
}
function nudged(value, steps, bounds, size) {
	let step = stepOf(bounds, value);
	if (size === "coarse") step *= 10;
	if (size === "fine" && !bounds.whole) step /= 10;
	const next = rounded(value + steps * step, Math.max(decimals(step), decimals(value)));
	if (!bounds.multiple || !bounds.step) return settle(next, bounds);
	const grid = bounds.step;
	return settle(steps > 0 ? Math.floor(next / grid) * grid : Math.ceil(next / grid) * grid, bounds);
}
/** A bar over very many whole numbers gives the small ones more room. */
function bendOf(bounds) {
	const range = Number(bounds.maximum ?? 1) - (bounds.minimum ?? 0);
	return bounds.whole && range > 250 ? 3 : 1;
}
/** Where on its bar a value stands, 0..1. */
function shareOf(value, bounds) {
	const low = bounds.minimum ?? 0;
	const range = Number(bounds.maximum ?? 1) - low || 1;
	return Math.min(1, Math.max(0, (Number(value) - low) / range)) ** (1 / bendOf(bounds));
}
/** The value at a place of the bar, on the grid of steps. */
function valueAt(share, bounds, fine = false) {
	const low = bounds.minimum ?? 0;
	return snap(low + (Number(bounds.maximum ?? 1) - low) * Math.min(1, Math.max(0, share)) ** bendOf(bounds), bounds, fine);
}
/** What a key makes of a value on a bar; null for a key that means nothing there. */
function keyed(key, value, bounds, size) {
	if (key === "ArrowRight" || key === "ArrowUp") return nudge(value, 1, bounds, size);
	if (key === "ArrowLeft" || key === "ArrowDown") return nudge(value, -1, bounds, size);
	if (key === "PageUp") return nudge(value, 1, bounds, "coarse");
	if (key === "PageDown") return nudge(value, -1, bounds, "coarse");
	if (key === "Home") return bounds.minimum;
	return key === "End" ? bounds.maximum : null;
}
function stepOf(bounds, value) {
	if (bounds.step) return bounds.step;
	if (bounds.whole) return 1;
	if (bounds.minimum !== null && bounds.maximum !== null) {
		const range = Number(bounds.maximum) - bounds.minimum;
		if (range <= 20) return 10 ** Math.floor(Math.log10(range / 50));
	}
	const size = Math.abs(value);
	return size === 0 ? .1 : 10 ** (Math.floor(Math.log10(size)) - 1);
}
function decimals(value) {
	const [mantissa = "", exponent = "0"] = String(value).toLowerCase().split("e");
	const places = (mantissa.split(".")[1] ?? "").length - Number(exponent);
	return Math.min(12, Math.max(0, places));
}
function rounded(value, places) {
	return Number(value.toFixed(Math.min(12, places)));
}
/** As short as can be without telling another number. */
function figure(value) {
	if (typeof value === "bigint") return String(value);
	if (!Number.isFinite(value)) return String(value);
	if (Number.isInteger(value)) return String(value);
	return String(Number(value.toPrecision(10)));
}
function evaluate(text) {
	const tokens = (/^[^.]*,[^.,]*$/.test(text) ? text.replace(",", ".") : text).match(/\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|[-+*/()]|\S/gi);
	if (!tokens || tokens.length > 200) return null;
	let at = 0;
	const sum = () => {
		let left = product();
		while (tokens[at] === "+" || tokens[at] === "-") left = tokens[at++] === "+" ? left + product() : left - product();
		return left;
	};
	const product = () => {
		let left = factor();
		while (tokens[at] === "*" || tokens[at] === "/") left = tokens[at++] === "*" ? left * factor() : left / factor();
		return left;
	};
	const factor = () => {
		const token = tokens[at++];
		if (token === "-") return -factor();
		if (token === "+") return factor();
		if (token === "(") {
			const inner = sum();
			return tokens[at++] === ")" ? inner : NaN;
		}
		return token && /^[\d.]/.test(token) ? Number(token) : NaN;
	};
	const value = sum();
	return at === tokens.length && !Number.isNaN(value) ? value : null;
}
// src/widgets/Lists.tsx
/** Numbers with commas or spaces between; texts one in a line, or with `|` between on a node. */
function ListField(props) {
	const { path, port, onChange, label, compact, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	const [draft, setDraft] = (0, import_react.useState)(null);
	const member = port.type.replace(/^list\[(.*)\]$/, "$1");
	const numbers = member === "int" || member === "float";
	const shown = shownOf$1(props);
	const items = Array.isArray(shown) ? shown : shown === void 0 || shown === null ? [] : [shown];
	const between = numbers ? ", " : compact ? " | " : "\n";
	const text = draft ?? items.map((i) => isNumber(i) ? figure(i) : String(i)).join(between);
	const read = readList(text, port.type, props.port.widget);
	const fault = "fault" in read ? read.fault : "";
	const shared = {
		id: props.id,
		"aria-label": label,
		"aria-invalid": fault ? true : void 0,
		title: fault || void 0,
		disabled,
		value: text,
		onFocus: gesture.begin,
		onBlur: () => setDraft(null),
		onChange: (event) => {
			setDraft(event.currentTarget.value);
			const now = readList(event.currentTarget.value, port.type, port.widget);
			if ("value" in now) onChange(now.value, { merge: gesture.key() });
		}
	};
	return numbers || compact ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: "w-listfield",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
			type: "text",
			className: "w-text w-mono nodrag",
			autoComplete: "off",
			placeholder: numbers ? "1, 2, 3" : "one | another",
			...shared
		}), !compact && fault ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
			className: "w-note",
			children: fault
		}) : null]
	}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("textarea", {
		className: "w-area nodrag nowheel",
		rows: 4,
		placeholder: "one in a line",
		...shared
	});
}
function readList(text, type, widget) {
	const member = type.replace(/^list\[(.*)\]$/, "$1");
	if (member !== "int" && member !== "float") {
		const parts = text.split(text.includes("\n") ? "\n" : /\s*\|\s*/);
		return { value: text === "" ? [] : parts };
	}
	const bounds = boundsOf(type, widget);
	const value = [];
	for (const part of text.split(/[\s,;]+/).filter(Boolean)) {
		const read = readNumber(part, bounds);
		if ("fault" in read) return { fault: `${part}: ${read.fault}` };
		value.push(read.value);
	}
	return { value };
}
// src/widgets/NumberField.tsx
/** A number that is typed or stepped; a sum such as `512*2` is worked out. */
function NumberField(props) {
	const { label, value, bounds, gesture, onChange, onEmpty } = props;
	const [draft, setDraft] = (0, import_react.useState)(null);
	const field = (0, import_react.useRef)(null);
	const shown = draft ?? (value === null ? "" : figure(value));
	const read = draft === null ? null : readNumber(draft, bounds);
	const fault = read && "fault" in read && draft?.trim() !== "" ? read.fault : "";
	const type = (text) => {
		setDraft(text);
		const now = readNumber(text, bounds);
		if ("value" in now && now.value !== value) onChange(now.value, gesture.key());
	};
	const settle = () => {
		if (draft === null) return;
		setDraft(null);
		if (draft.trim() === "" && onEmpty) return onEmpty(gesture.key());
		const mended = mend(draft, bounds);
		if (mended !== null && mended !== value) onChange(mended, gesture.key());
	};
	const step = (steps, size) => {
		const from = (draft === null ? null : mend(draft, bounds)) ?? value ?? bounds.minimum ?? 0;
		setDraft(null);
		const next = nudge(from, steps, bounds, size);
		if (next !== value) onChange(next, gesture.key());
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: `w-number nodrag ${props.className ?? ""}`,
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
			ref: field,
			id: props.id,
			type: "text",
			inputMode: bounds.whole ? "numeric" : "decimal",
			autoComplete: "off",
			spellCheck: false,
			role: "spinbutton",
			"aria-label": label,
			"aria-valuenow": value === null ? void 0 : Number(value),
			"aria-valuemin": bounds.minimum ?? void 0,
			"aria-valuemax": bounds.maximum === null ? void 0 : Number(bounds.maximum),
			"aria-valuetext": value === null ? "empty" : `${figure(value)} ${props.unit ?? ""}`.trim(),
			"aria-invalid": fault ? true : void 0,
			title: fault || void 0,
			placeholder: props.placeholder,
			disabled: props.disabled,
			value: shown,
			onFocus: (event) => {
				gesture.begin();
				event.currentTarget.select();
			},
			onChange: (event) => type(event.currentTarget.value),
			onBlur: settle,
			onKeyDown: (event) => {
				if (event.ctrlKey || event.metaKey) return;
				const size = event.altKey ? "fine" : event.shiftKey ? "coarse" : "";
				if (event.key === "ArrowUp") step(1, size);
				else if (event.key === "ArrowDown") step(-1, size);
				else if (event.key === "PageUp") step(1, "coarse");
				else if (event.key === "PageDown") step(-1, "coarse");
				else if (event.key === "Enter") {
					settle();
					event.currentTarget.select();
					return;
				} else if (event.key === "Escape" && draft !== null) {
					setDraft(null);
					event.stopPropagation();
					return;
				} else return;
				event.preventDefault();
			}
		}), props.unit ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
			className: "w-unit",
			children: props.unit
		}) : null]
	});
}
// src/widgets/Numeric.tsx
/** A number typed or stepped. An optional one can be emptied, which is `null`. */
function Numeric(props) {
	const { path, port, onChange, label, compact, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	const bounds = boundsOf(port.type, port.widget);
	const shown = shownOf$1(props);
	const value = isNumber(shown) ? shown : null;
	const optional = / \| none\b/.test(port.type);
	const step = (steps) => {
		gesture.begin();
		const next = nudge(value ?? bounds.minimum ?? 0, steps, bounds, "");
		if (next !== value) onChange(next, { merge: gesture.key() });
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: `w-numeric nodrag ${compact ? "w-compact" : ""}`,
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(NumberField, {
			id: props.id,
			label,
			value,
			bounds,
			gesture,
			unit: port.widget?.unit,
			placeholder: optional ? "none" : port.required ? "needed" : "",
			disabled,
			onChange: (next, merge) => onChange(next, { merge }),
			onEmpty: optional ? (merge) => onChange(null, { merge }) : void 0
		}), compact ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
			type: "button",
			className: "w-button",
			"aria-label": `less ${label}`,
			disabled: disabled || value !== null && value === bounds.minimum,
			onClick: () => step(-1),
			children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Minus, {
				size: 14,
				"aria-hidden": true
			})
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
			type: "button",
			className: "w-button",
			"aria-label": `more ${label}`,
			disabled: disabled || value !== null && value === bounds.maximum,
			onClick: () => step(1),
			children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Plus, {
				size: 14,
				"aria-hidden": true
			})
		})] })]
	});
}
// src/widgets/Texts.tsx
/** One line: Text, Expression, NewPath, and plain `str`. */
function TextLine(props) {
	const { path, port, onChange, label, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	const kind = port.widget?.widget ?? "Text";
	const value = asText(shownOf$1(props));
	const fault = kind === "NewPath" ? outside(value) : "";
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
		id: props.id,
		type: "text",
		className: `w-text nodrag ${kind === "Expression" || kind === "NewPath" ? "w-mono" : ""}`,
		"aria-label": label,
		"aria-invalid": fault ? true : void 0,
		title: fault || void 0,
		autoComplete: "off",
		spellCheck: kind === "Text",
		disabled,
		placeholder: placeholderOf(props),
		value,
		onFocus: gesture.begin,
		onChange: (event) => onChange(event.currentTarget.value, { merge: gesture.key() })
	});
}
/** Several lines; on a node of fixed height, in a panel one can pull it larger. */
function TextBlock(props) {
	const { path, port, onChange, label, compact, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("textarea", {
		id: props.id,
		className: `w-area nodrag nowheel ${compact ? "w-compact" : ""}`,
		"aria-label": label,
		disabled,
		rows: compact ? 3 : 5,
		placeholder: placeholderOf(props),
		value: asText(shownOf$1(props)),
		onFocus: gesture.begin,
		onChange: (event) => onChange(event.currentTarget.value, { merge: gesture.key() })
	});
}
function placeholderOf(props) {
	const { port } = props;
	if (port.widget?.placeholder) return port.widget.placeholder;
	if (port.required) return "needed";
	return port.widget?.widget === "Prompt" ? "a prompt" : "";
}
/** As `nodeflow.widgets.NewPath` judges. */
function outside(path) {
	const parts = path.replaceAll("\\", "/").split("/");
	return /^[/\\]/.test(path) || (parts[0] ?? "").includes(":") || parts.includes("..") || path.includes("\0") ? "a path below the output folder, without “..”" : "";
}
/** Of a type that takes texts, numbers and truth: what is typed is taken for what it looks like. */
function AnyLine(props) {
	const { path, port, onChange, label, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	const shown = shownOf$1(props);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
		id: props.id,
		type: "text",
		className: "w-text nodrag",
		"aria-label": label,
		autoComplete: "off",
		disabled,
		placeholder: /\bnone\b/.test(port.type) ? "none" : "",
		value: asText(shown),
		onFocus: gesture.begin,
		onChange: (event) => onChange(guess(event.currentTarget.value, port.type), { merge: gesture.key() })
	});
}
/** A value of one of the types `str | int | …` that a text can stand for. */
function guess(text, type) {
	const members = type.split(" | ");
	if (text === "" && members.includes("none")) return null;
	if (members.includes("bool") && (text === "true" || text === "false")) return text === "true";
	if (members.includes("int") && /^-?\d{1,15}$/.test(text) && String(Number(text)) === text) return Number(text);
	if (members.includes("float") && /^-?\d+\.\d*[1-9]$/.test(text)) return Number(text);
	return text;
}
// src/widgets/TokenCount.tsx
function counted(text) {
	const own = text.pieces.filter((piece) => !piece.special);
	const chunks = text.pieces.reduce((most, piece) => Math.max(most, piece.chunk + 1), 1);
	return {
		encoder: text.encoder,
		pieces: own.length,
		chunks,
		room: Math.max(1, text.length - 2)
	};
}
/** The checkpoint whose tokenizer reads a node's prompt: the nearest one upstream. */
function checkpointOf(graph, path) {
	let { scope, id } = splitPath(path);
	for (let depth = 0; depth <= 8; depth += 1) {
		const nodes = nodesIn(graph, scope) ?? {};
		const seen = /* @__PURE__ */ new Set([id]);
		for (const next of seen) {
			const node = nodes[next];
			if (!node) continue;
			const name = node.params?.name;
			if (node.type.startsWith("load.checkpoint") && typeof name === "string") return name;
			for (const source of sourcesOf(next, node, false)) seen.add(source);
		}
		if (scope.length === 0) break;
		id = scope[scope.length - 1] ?? "";
		scope = scope.slice(0, -1);
	}
	return "tiny";
}
var WAIT_MS = 350;
/** Set once a server says that it cannot count: then it is not asked again. */
var unable = false;
/** How many pieces a prompt has, and how many chunks of 77 slots they fill. */
function TokenCount({ text, path }) {
	const checkpoint = useEditor((state) => nodeByPath(state.graph, path) ? checkpointOf(state.graph, path) : "tiny");
	const [count, setCount] = (0, import_react.useState)(null);
	(0, import_react.useEffect)(() => {
		if (unable) return;
		let wanted = true;
		const timer = setTimeout(() => {
			tokenize(text, checkpoint).then((answer) => {
				const first = answer.texts[0];
				if (wanted) setCount(first ? counted(first) : null);
			}, (error) => {
				if (wanted) setCount(null);
				unable ||= error instanceof ApiError && error.problems[0]?.code === "no-such-tool";
			});
		}, WAIT_MS);
		return () => {
			wanted = false;
			clearTimeout(timer);
		};
	}, [text, checkpoint]);
	if (!count) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "w-count" });
	const whole = count.chunks * count.room;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: "w-count",
		title: `${count.pieces} pieces in ${count.chunks} ${count.chunks === 1 ? "chunk" : "chunks"} of ${count.room + 2} slots, ${count.encoder}`,
		children: [
			count.pieces,
			" / ",
			whole,
			count.chunks > 1 ? ` · ${count.chunks} chunks` : ""
		]
	});
}
// \0vite/preload-helper.js
var scriptRel = /* @__PURE__ */ (function detectScriptRel() {
	const relList = typeof document !== "undefined" && document.createElement("link").relList;
	return relList && relList.supports && relList.supports("modulepreload") ? "modulepreload" : "preload";
})();
var assetsURL = function(dep, importerUrl) {
	return new URL(dep, importerUrl).href;
};
var seen = {};
var isCssPreloadUrl = function isCssPreloadUrl(url) {
	return url.pathname.endsWith(".css");
};
var preloadOnce = function preloadOnce(seen, href, preload) {
	if (href in seen) return seen[href];
	const promise = preload();
	if (!promise) {
		seen[href] = void 0;
		return;
	}
	const preloadPromise = promise.then(() => {
		seen[href] = void 0;
	}, (err) => {
		seen[href] = void 0;
		throw err;
	});
	seen[href] = preloadPromise;
	return preloadPromise;
};
var __vitePreload = function preload(baseModule, deps, importerUrl) {
	let promise = Promise.resolve();
	if (deps && deps.length > 0) {
		let preloadedHrefs;
		const cspNonceMeta = document.querySelector("meta[property=csp-nonce]");
		const cspNonce = cspNonceMeta?.nonce || cspNonceMeta?.getAttribute("nonce");
		function allSettled(promises) {
			return Promise.all(promises.map((p) => Promise.resolve(p).then((value) => ({
				status: "fulfilled",
				value
			}), (reason) => ({
				status: "rejected",
				reason
			}))));
		}
		function importMetaResolve(specifier) {
			if (import.meta.resolve) return new URL(import.meta.resolve(specifier));
			return new URL(
				specifier,
				/** #__KEEP__ */
				import.meta.url
			);
		}
		promise = allSettled(deps.map((depString) => {
			depString = assetsURL(depString, importerUrl);
			const dep = importMetaResolve(depString);
			const isCss = isCssPreloadUrl(dep);
			return preloadOnce(seen, dep.href, () => {
				if (preloadedHrefs === void 0) {
					preloadedHrefs = {
						all: /* @__PURE__ */ new Set(),
						styles: /* @__PURE__ */ new Set()
					};
					const links = document.getElementsByTagName("link");
					for (let i = links.length - 1; i >= 0; i--) {
						const link = links[i];
						preloadedHrefs.all.add(link.href);
						if (link.rel === "stylesheet") preloadedHrefs.styles.add(link.href);
					}
				}
				if ((isCss ? preloadedHrefs.styles : preloadedHrefs.all).has(dep.href)) return;
				const link = document.createElement("link");
				link.rel = isCss ? "stylesheet" : scriptRel;
				if (!isCss) link.as = "script";
				link.crossOrigin = "";
				link.href = dep.href;
				if (cspNonce) link.setAttribute("nonce", cspNonce);
				document.head.appendChild(link);
				if (isCss) return new Promise((res, rej) => {
					const handleSettle = (e) => {
						link.removeEventListener("load", handleSettle);
						link.removeEventListener("error", handleSettle);
						if (e.type === "error") rej(/* @__PURE__ */ new Error(`Unable to preload CSS for ${dep}`));
						else res(e);
					};
					link.addEventListener("load", handleSettle);
					link.addEventListener("error", handleSettle);
				});
			});
		}).filter((p) => p !== void 0));
	}
	function handlePreloadError(err) {
		const e = new Event("vite:preloadError", { cancelable: true });
		e.payload = err;
		window.dispatchEvent(e);
		if (!e.defaultPrevented) throw err;
	}
	return promise.then((res) => {
		for (const item of res || []) {
			if (item.status !== "rejected") continue;
			handlePreloadError(item.reason);
		}
		return baseModule().catch(handlePreloadError);
	});
};
// src/widgets/Prompt.tsx
/** Drawn without a boundary that waits: between the one field and the other no key may be lost. */
var PromptEditor = null;
var load = async () => {
	PromptEditor = (await __vitePreload(async () => {
		const { default: __vite_default__ } = await import("./PromptEditor.js");
		return { default: __vite_default__ };
	}, __vite__mapDeps([0,1,2,3,4]), import.meta.url)).default;
};
/**
* A prompt. It looks and behaves as a text area until it has the focus; then the editor with
* weights and completions takes its place, with what is typed and selected as it was.
*/
function Prompt(props) {
	const { path, port, onChange, label, compact, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	const area = (0, import_react.useRef)(null);
	const [selection, setSelection] = (0, import_react.useState)(null);
	const [focused, setFocused] = (0, import_react.useState)(false);
	const composing = (0, import_react.useRef)(false);
	const pressed = (0, import_react.useRef)(false);
	const wanted = (0, import_react.useRef)(false);
	const syntax = useEditor((state) => nodeByPath(state.graph, path)?.type ?? "").includes("a1111") ? "a1111" : "comfyui";
	const value = asText(shownOf$1(props));
	(0, import_react.useEffect)(() => () => {
		wanted.current = false;
	}, []);
	const swap = () => {
		const own = area.current;
		if (!wanted.current || composing.current || pressed.current || !PromptEditor || !own || document.activeElement !== own) return;
		setSelection([own.selectionStart, own.selectionEnd]);
	};
	const done = () => {
		setSelection(null);
		setFocused(false);
	};
	const plain = /* @__PURE__ */ (0, import_jsx_runtime.jsx)("textarea", {
		ref: area,
		id: props.id,
		className: "w-area",
		"aria-label": label,
		disabled,
		rows: compact ? 3 : 5,
		placeholder: placeholderOf(props),
		value,
		onFocus: () => {
			gesture.begin();
			setFocused(true);
			wanted.current = true;
			load().then(swap, () => void 0);
		},
		onBlur: () => {
			wanted.current = false;
			pressed.current = false;
			setFocused(false);
		},
		onKeyDown: () => {
			pressed.current = true;
		},
		onKeyUp: () => {
			pressed.current = false;
			swap();
		},
		onCompositionStart: () => {
			composing.current = true;
		},
		onCompositionEnd: () => {
			composing.current = false;
			swap();
		},
		onChange: (event) => onChange(event.currentTarget.value, { merge: gesture.key() })
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: `w-prompt nodrag nowheel ${compact ? "w-compact" : ""}`,
		children: [selection === null || !PromptEditor ? plain : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(PromptEditor, {
			label,
			value,
			selection,
			syntax,
			words: embeddings,
			onChange: (text) => onChange(text, { merge: gesture.key() }),
			onDone: done
		}), compact && !focused ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(TokenCount, {
			text: value,
			path
		})]
	});
}
var asked = null;
/** Names of the textual inversions that the server has, asked for once. */
function embeddings() {
	asked ??= fetch(new URL("api/embeddings", document.baseURI), { credentials: "same-origin" }).then((answer) => answer.ok ? answer.json() : []).then((names) => Array.isArray(names) ? names.map(String) : []).catch(() => []);
	return asked;
}
// src/widgets/seeds.ts
/**
* Seeds that are drawn anew before each run. Which ones stands in the graph's view; `runGraph`
* writes the new number into the graph before it runs: what made a picture is what one sees.
*/
/** Short enough to be read and told to somebody. */
function drawSeed() {
	const drawn = /* @__PURE__ */ new Uint32Array(1);
	crypto.getRandomValues(drawn);
	return drawn[0] ?? 0;
}
function isRandom(graph, path, port) {
	return randomOf(graph).includes(`${path}.${port}`);
}
function randomOf(graph) {
	return graph.view?.$random ?? [];
}
function setRandom(graph, path, port, on) {
	const place = `${path}.${port}`;
	const rest = randomOf(graph).filter((p) => p !== place);
	const { $random: _, ...view } = graph.view ?? {};
	const now = on ? [...rest, place] : rest;
	return setView(graph, now.length > 0 ? {
		...view,
		$random: now
	} : view);
}
/** The graph with a new number for each of its random seeds; one that a wire feeds stays. */
function rolled(graph, draw = drawSeed) {
	return randomOf(graph).reduce((made, place) => {
		const { node: path, port } = splitTarget(place);
		const node = nodeByPath(made, path);
		if (!node || node.links?.[port] !== void 0) return made;
		const { scope, id } = splitPath(path);
		return setParam(made, scope, id, port, draw());
	}, graph);
}
// src/widgets/Seed.tsx
/** A seed: typed, stepped, drawn once by the die, or drawn before each run. */
function Seed(props) {
	const { path, port, onChange, label, compact, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	const random = useEditor((state) => isRandom(state.graph, path, port.name));
	const edit = useEditor((state) => state.edit);
	const bounds = boundsOf(port.type, port.widget);
	const shown = shownOf$1(props);
	const value = isNumber(shown) ? shown : null;
	const set = (next) => {
		gesture.begin();
		onChange(next, { merge: gesture.key() });
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: `w-seed nodrag ${compact ? "w-compact" : ""}`,
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(NumberField, {
				id: props.id,
				label,
				value,
				bounds,
				gesture,
				disabled,
				onChange: (next, merge) => onChange(next, { merge })
			}),
			compact ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "w-button",
				"aria-label": `seed before, ${label}`,
				title: "The seed before",
				disabled,
				onClick: () => set(nudge(value ?? 0, -1, bounds, "")),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChevronDown, {
					size: 14,
					"aria-hidden": true
				})
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "w-button",
				"aria-label": `seed after, ${label}`,
				title: "The seed after",
				disabled,
				onClick: () => set(nudge(value ?? 0, 1, bounds, "")),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChevronUp, {
					size: 14,
					"aria-hidden": true
				})
			})] }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "w-button",
				"aria-label": `draw a new ${label}`,
				title: "Draw a new one now",
				disabled,
				onClick: () => set(drawSeed()),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Dices, {
					size: 14,
					"aria-hidden": true
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "w-button",
				"aria-pressed": random,
				"aria-label": `random ${label} each run`,
				title: random ? "A new one is written here before each run. Press to keep it." : "Kept. Press to draw a new one before each run.",
				disabled,
				onClick: () => edit(random ? "Keep the seed" : "Random seed each run", (graph) => setRandom(graph, path, port.name, !random)),
				children: random ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Shuffle, {
					size: 14,
					"aria-hidden": true
				}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Lock, {
					size: 14,
					"aria-hidden": true
				})
			})
		]
	});
}
// src/widgets/Slider.tsx
/** A bar that is dragged and a number that is typed; Shift moves finely, or by ten with keys. */
function Slider(props) {
	const { path, port, onChange, label, compact, disabled } = props;
	const gesture = useGesture(`${path}.${port.name}`);
	const drag = (0, import_react.useRef)(null);
	const bounds = boundsOf(port.type, port.widget);
	const low = bounds.minimum ?? 0;
	const high = Number(bounds.maximum ?? 1);
	const shown = shownOf$1(props);
	const value = isNumber(shown) ? shown : null;
	const share = value === null ? 0 : shareOf(value, bounds);
	const set = (next) => {
		if (next !== value) onChange(next, { merge: gesture.key() });
	};
	const down = (event) => {
		if (event.button !== 0 || disabled) return;
		event.stopPropagation();
		gesture.begin();
		const box = event.currentTarget.getBoundingClientRect();
		const width = box.width || 1;
		const from = event.shiftKey ? share : (event.clientX - box.left) / width;
		drag.current = {
			x: event.clientX,
			share: from,
			width,
			fine: event.shiftKey
		};
		event.currentTarget.setPointerCapture?.(event.pointerId);
		event.currentTarget.focus();
		if (!event.shiftKey) set(valueAt(from, bounds));
	};
	const move = (event) => {
		const from = drag.current;
		if (!from) return;
		if (from.fine !== event.shiftKey) {
			drag.current = {
				...from,
				x: event.clientX,
				share,
				fine: event.shiftKey
			};
			return;
		}
		const moved = (event.clientX - from.x) / from.width * (from.fine ? .1 : 1);
		set(valueAt(from.share + moved, bounds, from.fine));
	};
	const key = (event) => {
		if (event.ctrlKey || event.metaKey || disabled) return;
		const size = event.altKey ? "fine" : event.shiftKey ? "coarse" : "";
		const next = keyed(event.key, value ?? low, bounds, size);
		if (next === null) return;
		event.preventDefault();
		event.stopPropagation();
		set(next);
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: `w-slider nodrag nowheel ${compact ? "w-compact" : ""}`,
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "w-track",
			role: "slider",
			tabIndex: disabled ? -1 : 0,
			"aria-label": `${label}, drag`,
			"aria-valuemin": low,
			"aria-valuemax": high,
			"aria-valuenow": Number(value ?? low),
			"aria-valuetext": value === null ? "not set" : `${figure(value)} ${port.widget?.unit ?? ""}`,
			"aria-disabled": disabled || void 0,
			onPointerDown: down,
			onPointerMove: move,
			onPointerUp: () => {
				drag.current = null;
			},
			onPointerCancel: () => {
				drag.current = null;
			},
			onFocus: () => {
				if (!drag.current) gesture.begin();
			},
			onKeyDown: key,
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "w-fill",
				style: { width: `${share * 100}%` }
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "w-thumb",
				style: { left: `${share * 100}%` }
			})]
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NumberField, {
			id: props.id,
			label,
			value,
			bounds,
			gesture,
			unit: compact ? void 0 : port.widget?.unit,
			disabled,
			onChange: (next, merge) => onChange(next, { merge })
		})]
	});
}
// src/widgets/Toggle.tsx
function Toggle(props) {
	const { path, port, onChange, label, disabled } = props;
	const on = shownOf$1(props) === true;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
		type: "button",
		id: props.id,
		role: "switch",
		"aria-checked": on,
		"aria-label": label,
		className: "w-toggle nodrag",
		disabled,
		onClick: () => onChange(!on, { merge: newGesture(`${path}.${port.name}`).key() }),
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "w-knob" }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
			className: "w-toggle-text",
			children: on ? "on" : "off"
		})]
	});
}
// src/widgets/Widget.tsx
/** The one thing that edits a literal, on nodes and in panels. */
function Widget({ compact = false, ...rest }) {
	const props = {
		...rest,
		compact,
		label: rest.label ?? rest.port.name
	};
	const Field = fieldOf(props.port);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Field, { ...props });
}
function fieldOf(port) {
	const kind = port.widget?.widget ?? "";
	if (port.type.startsWith("list[")) return ListField;
	const simple = KINDS[kind];
	if (simple) return simple;
	if (port.widget?.options) return Choice;
	const members = port.type.split(" | ").filter((member) => member !== "none");
	if (members.length > 1) return AnyLine;
	if (members[0] === "bool") return Toggle;
	if (members[0] === "int" || members[0] === "float") return Numeric;
	return port.type.includes("none") ? AnyLine : TextLine;
}
var KINDS = {
	Slider: (props) => hasEnds(props.port) ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Slider, { ...props }) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Numeric, { ...props }),
	Number: Numeric,
	Multiple: Numeric,
	Seed,
	Choice,
	Text: TextLine,
	Expression: TextLine,
	NewPath: TextLine,
	TextArea: TextBlock,
	Prompt,
	Colour,
	FilePath
};
function hasEnds(port) {
	return typeof port.widget?.minimum === "number" && typeof port.widget.maximum === "number";
}
// src/model/compare.ts
function compare(before, after) {
	const found = {
		added: [],
		removed: [],
		changed: [],
		ports: []
	};
	compareNodes(before.nodes, after.nodes, "", found);
	return found;
}
function compareNodes(before, after, prefix, found) {
	if (before === after) return;
	for (const [id, old] of Object.entries(before)) {
		const path = prefix + id;
		const now = after[id];
		if (!now) found.removed.push(path);
		else if (now !== old) compareNode(old, now, path, found);
	}
	for (const id of Object.keys(after)) if (!before[id]) found.added.push(prefix + id);
}
function compareNode(old, now, path, found) {
	const ports = /* @__PURE__ */ new Set();
	for (const field of [
		"params",
		"links",
		"each",
		"const",
		"state",
		"collect"
	]) {
		const before = old[field] ?? {};
		const after = now[field] ?? {};
		for (const name of /* @__PURE__ */ new Set([...Object.keys(before), ...Object.keys(after)])) if (!equal(before[name], after[name])) ports.add(field === "params" || field === "links" ? name : `${field}.${name}`);
	}
	const inner = [innerGraph(old), innerGraph(now)];
	const declared = !equal(inner[0]?.inputs, inner[1]?.inputs) || !equal(inner[0]?.outputs, inner[1]?.outputs);
	const otherFile = (typeof old.graph === "string" || typeof now.graph === "string") && old.graph !== now.graph;
	const other = old.type !== now.type || (old.version ?? 1) !== (now.version ?? 1);
	if (ports.size || other || declared || otherFile || old.mode !== now.mode) {
		found.changed.push(path);
		found.ports.push(...[...ports].map((port) => `${path}.${port}`));
	}
	const below = `${path}/`;
	const inside = (node) => node.body ?? innerGraph(node)?.nodes ?? {};
	compareNodes(inside(old), inside(now), below, found);
}
function equal(a, b) {
	if (a === b) return true;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
	const keys = Object.keys(a);
	if (Array.isArray(a) !== Array.isArray(b) || keys.length !== Object.keys(b).length) return false;
	const left = a;
	const right = b;
	return keys.every((key) => equal(left[key], right[key]));
}
// src/canvas/changed.ts
/** Whether a node differs from what the run one looks at was made of. */
var NONE = /* @__PURE__ */ new Set();
var last = null;
/** Compared once per edit, however many nodes ask. */
function changedPaths(before, after) {
	if (!before || before === after) return NONE;
	if (last?.before === before && last.after === after) return last.paths;
	const { added, changed } = compare(before, after);
	last = {
		before,
		after,
		paths: /* @__PURE__ */ new Set([...added, ...changed])
	};
	return last.paths;
}
function useChanged(path) {
	const before = useRuns((s) => s.graphs[s.shown]);
	return useEditor((s) => changedPaths(before, s.graph).has(path));
}
// src/canvas/problems.ts
/** What the checker says of a node, by port. */
function useNodeProblems(path) {
	return useProblems((s) => problemsOf(s, path));
}
function problemAt(all, port) {
	return all.find((problem) => problem.port === port);
}
function problemText(problem) {
	return problem.hint ? `${problem.message} ${problem.hint}` : problem.message;
}
// src/canvas/runState.ts
/** What a run says of a node, in words and by path. */
function useNodeRun(path) {
	return useRuns((s) => s.runs[s.shown]?.nodes[path]);
}
function useNodeState(path) {
	return useRuns((s) => {
		const run = s.runs[s.shown];
		if (run?.state === "paused" && run.pausedAt === path) return "paused";
		return run?.nodes[path]?.state ?? "";
	});
}
function useRunError(path) {
	return useRuns((s) => s.runs[s.shown]?.errors.find((error) => error.node === path));
}
/** How it stands with a node, for those who read or hear it. */
function useNodeTold(path) {
	const run = useNodeRun(path);
	return useNodeState(path) === "paused" ? "waits at a breakpoint" : stateText(run);
}
/** 12 ms, 3.4 s, 2 min 5 s. */
function duration$1(ms) {
	if (ms < 1) return "<1 ms";
	if (ms < 1e3) return `${Math.round(ms)} ms`;
	if (ms < 6e4) return `${(ms / 1e3).toFixed(ms < 1e4 ? 1 : 0)} s`;
	const seconds = Math.round(ms / 1e3);
	return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
/** Why it was taken from the cache, or why it had to run again. */
function because(why) {
	return why ? `: ${why}` : "";
}
function stateText(run) {
	if (!run) return "not run";
	switch (run.state) {
		case "running": return run.steps ? `running, step ${run.step ?? 0} of ${run.steps}` : "running";
		case "done": return `done${run.ms === void 0 ? "" : ` in ${duration$1(run.ms)}`}${because(run.why)}`;
		case "cached": return `cached${because(run.why)}`;
		case "stopped": return `stopped${because(run.why)}`;
		case "skipped": return `skipped${because(run.why)}`;
		case "error": return `error${because(run.why)}`;
		default: return run.state;
	}
}
// src/canvas/Socket.tsx
/** A socket: colour and shape say its type; it is a button for keys and taps. */
var Socket = (0, import_react.memo)(function Socket({ node, port, side, y, ends, tabbable }) {
	const catalogue = useCatalogue((s) => s.catalogue);
	const fit = useCanvasStore((s) => {
		if (!s.linking) return "";
		if (s.linking.node === node && s.linking.port === port.name && s.linking.side === side) return "origin";
		return fits(s.linking, node, port.name, side) ? "fits" : "unfit";
	});
	const word = side === "source" ? "output" : "input";
	const connected = ends.length ? `connected to ${ends.join(", ")}` : "not connected";
	const needed = side === "target" && port.required && !ends.length ? ", required" : "";
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Handle, {
		id: port.name,
		type: side,
		position: side === "source" ? Position.Right : Position.Left,
		className: `socket ${side === "source" ? "socket-out" : "socket-in"}`,
		style: {
			...vars({ "--socket": typeColour(port.type, catalogue) }),
			top: y,
			height: 22
		},
		role: "button",
		tabIndex: tabbable ? 0 : -1,
		"aria-label": `${word} ${port.name}, ${port.type}, ${connected}${needed}`,
		title: `${port.name}: ${port.type}`,
		"data-shape": typeShape(port.type, catalogue),
		"data-fit": fit,
		"data-used": ends.length > 0,
		onClick: (event) => tapped(event, node, port, side),
		onContextMenu: (event) => openMenu$1(event, node, port.name, side),
		onKeyDown: (event) => pressed(event, node, port.name, side)
	});
});
/** A tap takes the link up, a second one on another socket lays it down. */
function tapped(event, node, port, side) {
	event.stopPropagation();
	const { linking, say } = useCanvasStore.getState();
	const here = {
		node,
		port: port.name,
		side
	};
	if (!linking) {
		useCanvasStore.setState({
			linking: {
				...here,
				type: port.type,
				tap: true
			},
			refusal: null
		});
		say(`Linking from ${node}.${port.name}: choose a socket that fits, Escape to cancel`);
		return;
	}
	const same = linking.node === node && linking.port === port.name && linking.side === side;
	useCanvasStore.setState({ linking: null });
	if (!same) link(linking, here, [event.clientX, event.clientY]);
}
function openMenu$1(event, node, port, side) {
	event.preventDefault();
	event.stopPropagation();
	const screen = [event.clientX, event.clientY];
	useCanvasStore.setState({ menu: {
		screen,
		at: [0, 0],
		about: {
			kind: "socket",
			node,
			port,
			side
		}
	} });
}
function pressed(event, node, port, side) {
	if (event.key !== "Enter" && event.key !== " ") return;
	event.preventDefault();
	event.stopPropagation();
	const box = event.currentTarget.getBoundingClientRect();
	const screen = [box.right + 4, box.top];
	useCanvasStore.setState({
		targets: {
			node,
			port,
			side,
			screen
		},
		linking: null
	});
}
/** What a link is called where a port shows it: the wire's name. */
function wireName(links) {
	return links.length > 2 ? `${links[0]} and ${links.length - 1} more` : links.join(", ");
}
// src/canvas/NodeCard.tsx
/** "far": one is so far away that only titles and sockets are drawn; "painted": and these with the
* wires, in one picture. */
var Far = (0, import_react.createContext)("");
/** Drawn anew only if what it shows changed: not when it is moved. */
var NodeCard = (0, import_react.memo)(Card$1, (a, b) => a.data === b.data && a.selected === b.selected);
function Card$1({ data, selected }) {
	const far = (0, import_react.useContext)(Far);
	const state = useNodeState(data.path);
	const { layout, node, ports } = data;
	const kind = kindOf(data);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: `card card-${kind}`,
		"data-state": state,
		"data-mode": node?.mode ?? "",
		"data-known": ports.known,
		"data-selected": selected,
		"data-far": far !== "",
		style: {
			...vars({ "--cat": data.view.colour || categoryColour(ports.category) }),
			width: layout.width,
			height: layout.height
		},
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Name, {
			data,
			selected
		}), far ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(FarFace, {
			data,
			painted: far === "painted"
		}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NearFace, {
			data,
			selected
		})]
	});
}
function kindOf(data) {
	if (data.id === "$in" || data.id === "$out") return "pad";
	return data.inside >= 0 ? "group" : "node";
}
/** The node's name for those who hear it: "Title id, type, state", and whether it is selected: a
* group has no attribute that says so. */
function Name({ data, selected }) {
	const told = useNodeTold(data.path);
	const mode = data.node?.mode;
	const parts = [`${data.title} ${toldId(data)}`.trim(), data.node?.type ?? ""];
	if (mode) parts.push(mode === "mute" ? "muted" : "bypassed");
	if (!data.ports.known) parts.push("unknown type");
	if (data.node) parts.push(told);
	if (selected) parts.push("selected");
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
		id: `name:${data.path}`,
		className: "unseen",
		children: parts.filter(Boolean).join(", ")
	});
}
function FarFace({ data, painted }) {
	const catalogue = useCatalogue((s) => s.catalogue);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "card-far-title",
		children: data.title
	}), (painted ? [] : data.layout.handles).map((place) => {
		const type = (place.type === "source" ? data.ports.outputs : data.ports.inputs).find((port) => port.name === place.id)?.type ?? "?";
		return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("i", {
			className: `dot ${place.type}`,
			"data-handleid": place.id,
			"data-handlepos": place.type === "source" ? "right" : "left",
			"data-shape": typeShape(type, catalogue),
			style: {
				...vars({ "--socket": typeColour(type, catalogue) }),
				left: place.x,
				top: place.y,
				width: place.width,
				height: place.height
			}
		}, `${place.type}.${place.id}`);
	})] });
}
function NearFace({ data, selected }) {
	const { layout } = data;
	const collapsed = Boolean(data.view.collapsed);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Title, { data }),
		collapsed ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(CollapsedSockets, {
			data,
			selected
		}) : layout.rows.map((row) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Row, {
			data,
			row,
			selected
		}, `${row.input?.name ?? ""}|${row.output?.name ?? ""}`)),
		data.inside >= 0 && !collapsed && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Inside, { data }),
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Below, { data }),
		selected && data.node && !collapsed && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NodeResizeControl, {
			position: "right",
			variant: ResizeControlVariant.Line,
			minWidth: 180,
			maxWidth: 640,
			resizeDirection: "horizontal",
			className: "card-resize"
		})
	] });
}
/** The id tells two of a kind apart, and wires are named by it; "" where the title says it. */
function toldId(data) {
	const same = data.title.toLowerCase().replaceAll(" ", "_") === data.id;
	return data.node && !same ? data.id : "";
}
function Title({ data }) {
	const writing = useCanvasStore((s) => s.writing === data.id);
	const changed = useChanged(data.path);
	const told = toldId(data);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("header", {
		className: "card-title",
		title: data.node ? `${data.node.type} · ${data.id}` : data.title,
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "card-swatch",
				"aria-hidden": "true"
			}),
			writing ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(TitleField, { data }) : /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
				className: "card-name",
				children: [
					data.title,
					data.ports.known ? "" : " (unknown)",
					told && /* @__PURE__ */ (0, import_jsx_runtime.jsx)("small", {
						className: "card-id",
						children: told
					})
				]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Breakpoint, { path: data.path }),
			changed && /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "card-changed",
				title: "Changed since this run",
				role: "img",
				"aria-label": "changed since this run"
			}),
			data.node?.mode && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Mode, { mode: data.node.mode }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(StateMark, { path: data.path })
		]
	});
}
function TitleField({ data }) {
	const done = (text) => {
		useCanvasStore.setState({ writing: "" });
		if (text === null || text === data.title) return;
		const { scope, edit } = useEditor.getState();
		edit("Rename", (graph) => setTitle(graph, scope, data.id, text.trim()));
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
		className: "card-name-field nodrag nopan",
		"aria-label": `Title of ${data.id}`,
		defaultValue: data.title,
		placeholder: data.ports.title,
		autoFocus: true,
		onFocus: (event) => event.target.select(),
		onBlur: (event) => done(event.target.value),
		onKeyDown: (event) => {
			event.stopPropagation();
			if (event.key === "Enter") event.currentTarget.blur();
			if (event.key === "Escape") {
				event.currentTarget.value = data.title;
				event.currentTarget.blur();
			}
		}
	});
}
function Mode({ mode }) {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
		className: "card-mode",
		title: mode === "mute" ? "Muted: it does not run" : "Bypassed: its input is handed straight through",
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(mode === "mute" ? VolumeX : CornerDownRight, {
			size: 14,
			"aria-hidden": "true"
		})
	});
}
function Breakpoint({ path }) {
	const breakpoints = useRuns((s) => s.breakpoints);
	const steps = stepsOf(breakpoints, path).map((step) => step + 1);
	const whole = breakpoints.includes(path);
	if (!whole && !steps.length) return null;
	const inside = steps.length ? `step ${steps.join(", ")}` : "";
	const text = `The run stops before ${[whole ? "this node" : "", inside].filter(Boolean).join(" and ")}`;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
		className: "card-break",
		title: text,
		role: "img",
		"aria-label": text
	});
}
var MARKS = {
	queued: CircleDashed,
	done: Check,
	cached: Database,
	error: CircleExclamationPoint,
	skipped: SkipForward,
	stopped: CircleSlash,
	paused: Pause
};
/** How it stands with the node in the run one looks at. */
function StateMark({ path }) {
	const run = useNodeRun(path);
	const state = useNodeState(path);
	const told = useNodeTold(path);
	if (!run && !state) return null;
	if (state === "running") {
		const share = run?.steps ? (run.step ?? 0) / run.steps : 0;
		return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
			className: "card-state",
			"data-state": "running",
			title: told,
			children: [run?.steps ? `${run.step ?? 0}/${run.steps}` : "", /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "ring",
				style: vars({ "--share": share }),
				"data-known": Boolean(run?.steps)
			})]
		});
	}
	const Icon = MARKS[state] ?? Clock;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: "card-state",
		"data-state": state,
		title: told,
		children: [
			state === "done" && run?.ms !== void 0 ? duration$1(run.ms) : "",
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Icon, {
				size: 14,
				"aria-hidden": "true"
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "unseen",
				children: told
			})
		]
	});
}
function endsAt(data, port, side) {
	return (side === "source" ? data.readers[port.name] : data.fed[port.name]) ?? [];
}
function Row({ data, row, selected }) {
	const problem = useNodeProblems(data.path);
	const error = useRunError(data.path);
	const { input, output } = row;
	const middle = 2;
	const wrong = input ? problemAt(problem, input.name) : void 0;
	const failed = Boolean(input && error?.port === input.name);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "row",
		"data-bad": failed || wrong?.severity === "error",
		"data-tall": row.height > 40,
		style: {
			top: row.y,
			height: row.height
		},
		children: [
			input && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Socket, {
				node: data.id,
				port: input,
				side: "target",
				y: middle,
				ends: endsAt(data, input, "target"),
				tabbable: selected
			}),
			input && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(PortName, { port: input }),
			input && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Badge, {
				data,
				port: input.name
			}),
			input && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Value$1, {
				data,
				port: input,
				row
			}),
			wrong && /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "row-problem",
				title: problemText(wrong),
				role: "img",
				"aria-label": problemText(wrong),
				children: "!"
			}),
			output && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Declared, {
				data,
				port: output.name
			}),
			output && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(PortName, {
				port: output,
				out: true
			}),
			output && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Socket, {
				node: data.id,
				port: output,
				side: "source",
				y: middle,
				ends: endsAt(data, output, "source"),
				tabbable: selected
			})
		]
	});
}
/** `each.step` as what it is and which one. */
function PortName({ port, out = false }) {
	const match = /^(each|const|state|next|collect)\.(.*)$/.exec(port.name);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
		className: `row-name ${out ? "row-out" : "row-in"}`,
		children: match ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("small", { children: match[1] }),
			" ",
			match[2]
		] }) : port.name.replaceAll("_", " ")
	});
}
/** The port's value: a field, or where it comes from. */
function Value$1({ data, port, row }) {
	const links = data.fed[port.name];
	const literal = data.node?.params?.[port.name];
	if (row.widget) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "row-field nodrag nopan nowheel",
		style: row.height > 40 ? { top: 20 } : void 0,
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Widget, {
			path: data.path,
			port,
			value: literal,
			onChange: (value, { merge }) => write$1(data.id, port.name, value, merge),
			compact: true
		})
	});
	if (links && port.widget) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
		className: "row-wire",
		children: wireName(links)
	});
	if (!links && literal !== void 0) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("code", {
		className: "row-kept",
		children: short$1(literal)
	});
	return null;
}
function write$1(id, port, value, merge) {
	const { scope, edit } = useEditor.getState();
	edit(`Set ${port}`, (graph) => setParam(graph, scope, id, port, value), { merge });
}
function short$1(value) {
	const text = typeof value === "string" ? value : writeJson(value);
	return text.length > 28 ? `${text.slice(0, 27)}…` : text;
}
function Badge({ data, port }) {
	const name = data.exposed[port];
	if (name === void 0) return null;
	const text = `Input “${name}” of the graph`;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
		className: "row-badge",
		title: text,
		role: "img",
		"aria-label": text,
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Pin, {
			size: 11,
			"aria-hidden": "true"
		})
	});
}
function Declared({ data, port }) {
	const name = data.declared[port];
	if (name === void 0) return null;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
		className: "row-badge row-badge-out",
		title: `Output “${name}” of the graph`,
		children: name
	});
}
function CollapsedSockets({ data, selected }) {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "row",
		style: {
			top: 0,
			height: data.layout.height
		},
		children: [data.ports.inputs.map((port) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Socket, {
			node: data.id,
			port,
			side: "target",
			y: 6,
			ends: endsAt(data, port, "target"),
			tabbable: selected
		}, `in.${port.name}`)), data.ports.outputs.map((port) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Socket, {
			node: data.id,
			port,
			side: "source",
			y: 6,
			ends: endsAt(data, port, "source"),
			tabbable: selected
		}, `out.${port.name}`))]
	});
}
function Inside({ data }) {
	const run = useNodeRun(data.path);
	const many = `${data.inside} ${data.inside === 1 ? "node" : "nodes"}`;
	const steps = run?.steps ? ` · ${run.steps} steps` : " inside";
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "card-inside",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
				className: "card-inside-told",
				children: [many, steps]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "card-enter nodrag nopan",
				onClick: (event) => {
					event.stopPropagation();
					useEditor.getState().enter(data.id);
				},
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(LogIn, {
					size: 14,
					"aria-hidden": "true"
				}), " Enter"]
			}),
			run?.state === "running" && run.steps ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("progress", {
				className: "card-progress",
				max: run.steps,
				value: run.step ?? 0,
				"aria-label": `Steps of ${data.title}`
			}) : null
		]
	});
}
function Below({ data }) {
	const error = useRunError(data.path);
	if (!data.node) return null;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "card-below",
		children: [
			error && /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "card-error nodrag nopan",
				role: "alert",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Ban, {
					size: 14,
					"aria-hidden": "true"
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", { children: [
					error.port && /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("strong", { children: [error.port, ": "] }),
					error.message,
					error.hint && /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("em", { children: [" ", error.hint] }),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
						type: "button",
						onClick: () => {
							useEditor.getState().select([data.id]);
							useUi.getState().openRight("problems");
						},
						children: "Details"
					})
				] })]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Picture$1, { data }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(StepFace, { path: data.path })
		]
	});
}
function Picture$1({ data }) {
	const preview = useRuns((s) => {
		const newest = s.previews[data.path];
		return newest?.run === s.shown ? newest : void 0;
	});
	const state = useNodeState(data.path);
	const file = useRuns((s) => pictureOf$1(s.runs[s.shown]?.outputs, data.path));
	const finished = file && state !== "running";
	const url = finished ? fileUrl(file.kind, file.path) : preview?.url;
	if (!url) return null;
	const told = finished ? `Picture from ${data.title}` : preview?.steps ? `${data.title} at step ${preview.step} of ${preview.steps}` : `Preview of ${data.title}`;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
		type: "button",
		className: "card-picture nodrag nopan",
		"aria-label": `${told}: open it`,
		onClick: () => {
			const picture = {
				url,
				title: finished ? file.path : told,
				hasGraph: finished
			};
			useUi.getState().openOverlay("lightbox", {
				pictures: [picture],
				index: 0
			});
		},
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
			src: url,
			alt: told,
			draggable: false
		})
	});
}
function pictureOf$1(outputs, path) {
	return outputs?.find((output) => output.node === path)?.files.find((file) => file.media_type.startsWith("image/"));
}
// src/canvas/markdown.ts
var INLINE = /`([^`]+)`|\*\*(.+?)\*\*|~~(.+?)~~|\*([^*\s][^*]*?)\*|\b_([^_\s][^_]*?)_\b|\[([^\]]+)\]\(([^)\s]+)\)/;
/** Emphasis within emphasis, to this depth: no text makes the parser dig. */
var DEPTH = 4;
/** Only addresses that open a page; `javascript:` and its like stay text. */
function safeHref(href) {
	return /^https?:\/\//i.test(href) || href.startsWith("#") ? href : "";
}
function inline(text, depth = 0) {
	const parts = [];
	let rest = text;
	while (rest) {
		const match = depth < DEPTH ? INLINE.exec(rest) : null;
		if (!match) break;
		if (match.index > 0) parts.push({
			kind: "text",
			text: rest.slice(0, match.index)
		});
		parts.push(piece(match, depth));
		rest = rest.slice(match.index + match[0].length);
	}
	if (rest) parts.push({
		kind: "text",
		text: rest
	});
	return parts;
}
function piece(match, depth) {
	const [whole, code, strong, strike, em, em2, label, href] = match;
	if (code !== void 0) return {
		kind: "code",
		text: code
	};
	if (strong !== void 0) return {
		kind: "strong",
		parts: inline(strong, depth + 1)
	};
	if (strike !== void 0) return {
		kind: "strike",
		parts: inline(strike, depth + 1)
	};
	const slanted = em ?? em2;
	if (slanted !== void 0) return {
		kind: "em",
		parts: inline(slanted, depth + 1)
	};
	const safe = safeHref(href ?? "");
	if (!safe) return {
		kind: "text",
		text: whole
	};
	return {
		kind: "link",
		href: safe,
		parts: inline(label ?? "", depth + 1)
	};
}
function markdown(text) {
	const blocks = [];
	const lines = text.replace(/\r\n?/g, "\n").split("\n");
	let k = 0;
	while (k < lines.length) {
		const line = lines[k] ?? "";
		if (!line.trim()) k += 1;
		else if (line.startsWith("```")) {
			const end = lines.findIndex((l, n) => n > k && l.startsWith("```"));
			const last = end < 0 ? lines.length : end;
			blocks.push({
				kind: "code",
				text: lines.slice(k + 1, last).join("\n")
			});
			k = last + 1;
		} else if (/^ {0,3}([-*_])( *\1){2,} *$/.test(line)) {
			blocks.push({ kind: "rule" });
			k += 1;
		} else if (/^#{1,6} /.test(line)) {
			const level = line.indexOf(" ");
			blocks.push({
				kind: "heading",
				level,
				parts: inline(line.slice(level + 1).trim())
			});
			k += 1;
		} else if (ITEM.test(line)) {
			const items = taken(lines, k, (l) => ITEM.test(l));
			const ordered = /^\s*\d/.test(line);
			blocks.push({
				kind: "list",
				ordered,
				items: items.map((item) => inline(item.replace(ITEM, "")))
			});
			k += items.length;
		} else if (line.startsWith(">")) {
			const quoted = taken(lines, k, (l) => l.startsWith(">"));
			const joined = quoted.map((l) => l.replace(/^> ?/, "")).join("\n");
			blocks.push({
				kind: "quote",
				parts: inline(joined)
			});
			k += quoted.length;
		} else {
			const told = taken(lines, k, (l, n) => n === 0 || !STARTS.test(l));
			blocks.push({
				kind: "paragraph",
				parts: inline(told.join("\n"))
			});
			k += told.length;
		}
	}
	return blocks;
}
var ITEM = /^\s{0,3}(?:[-*+]|\d{1,3}[.)])\s+/;
/** What ends a paragraph. */
var STARTS = /^(?:\s*$|```|#{1,6} |>|\s{0,3}(?:[-*+]|\d{1,3}[.)])\s+)/;
function taken(lines, from, belongs) {
	let end = from;
	while (end < lines.length && belongs(lines[end] ?? "", end - from)) end += 1;
	return lines.slice(from, end);
}
// src/canvas/Markdown.tsx
/** Markdown drawn as elements of ours: text stays text. */
function Markdown({ text }) {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(import_jsx_runtime.Fragment, { children: markdown(text).map((block, k) => drawn$1(block, k)) });
}
function drawn$1(block, key) {
	switch (block.kind) {
		case "heading": {
			const Heading = `h${Math.min(6, block.level + 2)}`;
			return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Heading, { children: inlines(block.parts) }, key);
		}
		case "list": {
			const List = block.ordered ? "ol" : "ul";
			return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(List, { children: block.items.map((item, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("li", { children: inlines(item) }, k)) }, key);
		}
		case "code": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("pre", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("code", { children: block.text }) }, key);
		case "quote": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("blockquote", { children: inlines(block.parts) }, key);
		case "rule": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("hr", {}, key);
		default: return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", { children: inlines(block.parts) }, key);
	}
}
function inlines(parts) {
	return parts.map((part, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(import_react.Fragment, { children: one(part) }, k));
}
function one(part) {
	switch (part.kind) {
		case "code": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("code", { children: part.text });
		case "strong": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: inlines(part.parts) });
		case "em": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("em", { children: inlines(part.parts) });
		case "strike": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("s", { children: inlines(part.parts) });
		case "link": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("a", {
			href: part.href,
			target: "_blank",
			rel: "noreferrer noopener",
			children: inlines(part.parts)
		});
		default: return part.text;
	}
}
// src/canvas/NoteCard.tsx
/** A note in Markdown: double click writes, Escape or a click elsewhere ends it. */
var NoteCard = (0, import_react.memo)(function NoteCard({ id, data, selected }) {
	const { note } = data;
	const writing = useCanvasStore((s) => s.writing === id);
	const done = (text) => {
		useCanvasStore.setState({ writing: "" });
		useEditor.getState().edit("Write note", (graph) => setNoteText(graph, id, text));
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("article", {
		className: "note",
		"data-selected": selected,
		"aria-label": "Note",
		style: note.colour ? vars({ "--cat": note.colour }) : void 0,
		children: [selected && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NodeResizer, {
			minWidth: 120,
			minHeight: 60
		}), writing ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("textarea", {
			className: "note-field nodrag nopan nowheel",
			"aria-label": "Text of the note, in Markdown",
			defaultValue: note.text,
			autoFocus: true,
			onBlur: (event) => done(event.target.value),
			onKeyDown: (event) => {
				event.stopPropagation();
				if (event.key === "Escape") event.currentTarget.blur();
			}
		}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
			className: "note-text nowheel",
			children: note.text ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Markdown, { text: note.text }) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", { children: "Double-click to write" })
		})]
	});
});
// src/canvas/touch.ts
var HOLD_MS = 550;
var STILL = 8;
/** A long press is a right click, in browsers that do not make one of it themselves. */
function useLongPress(pane) {
	(0, import_react.useEffect)(() => {
		const element = pane.current;
		if (!element) return;
		let timer = 0;
		let from = {
			x: 0,
			y: 0
		};
		let opened = 0;
		let held = false;
		const stop = () => window.clearTimeout(timer);
		const onDown = (event) => {
			stop();
			held = false;
			if (event.pointerType !== "touch" || !event.isPrimary) return;
			from = {
				x: event.clientX,
				y: event.clientY
			};
			const target = event.target;
			if (target.closest("input, textarea, .menu, .search")) return;
			timer = window.setTimeout(() => {
				if (Date.now() - opened < 1e3) return;
				const { x, y } = from;
				held = true;
				const init = {
					bubbles: true,
					cancelable: true,
					clientX: x,
					clientY: y
				};
				target.dispatchEvent(new MouseEvent("contextmenu", init));
			}, HOLD_MS);
		};
		const onMove = (event) => {
			if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL) stop();
		};
		const onTouchEnd = (event) => {
			if (held && event.cancelable) event.preventDefault();
			held = false;
		};
		const onMenu = (event) => {
			if (event.isTrusted) stop();
			opened = Date.now();
		};
		element.addEventListener("pointerdown", onDown, true);
		element.addEventListener("pointermove", onMove, true);
		element.addEventListener("pointerup", stop, true);
		element.addEventListener("pointercancel", stop, true);
		element.addEventListener("contextmenu", onMenu, true);
		element.addEventListener("touchend", onTouchEnd, {
			capture: true,
			passive: false
		});
		return () => {
			stop();
			element.removeEventListener("pointerdown", onDown, true);
			element.removeEventListener("pointermove", onMove, true);
			element.removeEventListener("pointerup", stop, true);
			element.removeEventListener("pointercancel", stop, true);
			element.removeEventListener("contextmenu", onMenu, true);
			element.removeEventListener("touchend", onTouchEnd, true);
		};
	}, [pane]);
}
// src/inspect/health.ts
/** Whether what a wire carried was sound at the step that is shown. */
function useHealth(from) {
	const trace = useTraceIndex((state) => state.of[useRuns.getState().shown]);
	const shown = useRuns((state) => state.shown);
	const unsound = trace?.run === shown && trace.unsound.size > 0;
	const node = useScrub((state) => unsound ? state.node : "");
	const step = useScrub((state) => unsound ? state.step : 0);
	const graph = useEditor((state) => unsound ? state.graph : null);
	if (!unsound || !graph || !from) return "";
	const { port } = originOf(graph, from, node, step);
	if (!trace.unsound.has(port)) return "";
	const here = carried$1(trace, graph, from, node, step);
	if (here.some(({ stats }) => stats.nan)) return "nan";
	return here.some(({ stats }) => stats.inf) ? "inf" : "";
}
// src/canvas/Wire.tsx
/** A wire: its colour says the type, its motion that what it feeds is at work. */
var Wire = (0, import_react.memo)(function Wire(props) {
	const { id, sourceX, sourceY, targetX, targetY, data, selected } = props;
	const busy = useRuns((s) => {
		const nodes = s.runs[s.shown]?.nodes;
		return nodes !== void 0 && nodes[nodeOf(data?.to ?? "")]?.state === "running";
	});
	const dropped = useCanvasStore((s) => s.dropWire === id);
	const health = useHealth(data?.from ?? "");
	if (!data) return null;
	const path = wirePath([sourceX, sourceY], [targetX, targetY], data.points);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("g", {
		className: "wire",
		"data-busy": busy,
		"data-selected": selected,
		"data-list": data.list,
		"data-drop": dropped,
		"data-health": health,
		style: vars({ "--wire": data.colour }),
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
				className: "wire-hit",
				d: path
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
				className: "wire-line",
				d: path
			}),
			busy && /* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
				className: "wire-flow",
				d: path
			}),
			data.points.map((point, index) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Bend, {
				wire: id,
				points: data.points,
				index,
				at: point
			}, index))
		]
	});
});
function nodeOf(end) {
	const slash = end.lastIndexOf("/");
	const dot = end.indexOf(".", slash + 1);
	return dot < 0 ? end : end.slice(0, dot);
}
/** A point that a wire passes: drag it, move it by arrows, double-click or Delete takes it out. */
function Bend({ wire, points, index, at }) {
	const flow = useStoreApi();
	const put = (place) => points.map((point, k) => k === index ? place : point);
	const take = () => bend(wire, points.filter((_, k) => k !== index), "Straighten wire");
	const onPointerDown = (event) => {
		if (event.button !== 0) return;
		event.stopPropagation();
		event.currentTarget.setPointerCapture(event.pointerId);
		useCanvasStore.setState({ bending: {
			wire,
			points
		} });
	};
	const onPointerMove = (event) => {
		if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
		const place = toCanvas([event.clientX, event.clientY]);
		useCanvasStore.setState({ bending: {
			wire,
			points: put(place)
		} });
	};
	const onPointerUp = () => {
		const { bending } = useCanvasStore.getState();
		useCanvasStore.setState({ bending: null });
		if (bending) bend(wire, bending.points);
	};
	const onKeyDown = (event) => {
		const step = 10 / flow.getState().transform[2];
		const shift = {
			ArrowLeft: [-step, 0],
			ArrowRight: [step, 0],
			ArrowUp: [0, -step],
			ArrowDown: [0, step]
		}[event.key];
		if (shift) bend(wire, put([at[0] + shift[0], at[1] + shift[1]]));
		else if (event.key === "Delete" || event.key === "Backspace") take();
		else return;
		event.preventDefault();
		event.stopPropagation();
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("circle", {
		className: "wire-bend nopan nodrag",
		cx: at[0],
		cy: at[1],
		r: 7,
		role: "button",
		tabIndex: 0,
		"aria-label": `Point ${index + 1} of the wire to ${wire}`,
		onPointerDown,
		onPointerMove,
		onPointerUp,
		onPointerCancel: onPointerUp,
		onDoubleClick: (event) => {
			event.stopPropagation();
			take();
		},
		onKeyDown
	});
}
// src/canvas/Canvas.tsx
var nodeTypes = {
	card: NodeCard,
	frame: FrameCard,
	note: NoteCard
};
var edgeTypes = { wire: Wire };
/** Below this zoom only titles and sockets are drawn. */
var FAR = .35;
/** With more wires than this, they are painted when one is far. */
var MANY$1 = 120;
var NO_EDGES = [];
var NO_NODES = [];
var ADDING_KEYS = [
	"Meta",
	"Control",
	"Shift"
];
registerCanvasCommands();
/** The canvas: what the document says, as cards and wires that hands and keys can work on. */
function Canvas() {
	const graph = useEditor((s) => s.graph);
	const scope = useEditor((s) => s.scope);
	const selection = useEditor((s) => s.selection);
	const catalogue = useCatalogue((s) => s.catalogue);
	const moving = useCanvasStore((s) => s.moving);
	const sizing = useCanvasStore((s) => s.sizing);
	const bending = useCanvasStore((s) => s.bending);
	const linking = useCanvasStore((s) => s.linking);
	const snap = useCanvasStore((s) => s.snap);
	const boxing = useCanvasStore((s) => s.boxing);
	const far = useStore((s) => s.transform[2] < FAR);
	const derivation = (0, import_react.useRef)(null);
	derivation.current ??= new Derivation();
	const made = derivation.current;
	const scene = (0, import_react.useMemo)(() => {
		const passing = {
			selection,
			moving,
			sizing,
			bending
		};
		const next = made.scene(graph, scope, catalogue, passing);
		setScene(next);
		return next;
	}, [
		made,
		graph,
		scope,
		catalogue,
		selection,
		moving,
		sizing,
		bending
	]);
	const painted = far && scene.edges.length > MANY$1;
	const nodes = useCards(scene.nodes, painted);
	const pane = (0, import_react.useRef)(null);
	const flow = useReactFlow();
	(0, import_react.useEffect)(() => {
		setFlow(flow, pane.current);
		return () => setFlow(null, null);
	}, [flow]);
	const ready = useViewports();
	useClipboard();
	useLongPress(pane);
	const onFocus = useKeptKeyboard(graph);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Far.Provider, {
		value: painted ? "painted" : far ? "far" : "",
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
			ref: pane,
			className: "canvas",
			"aria-label": "Graph",
			tabIndex: -1,
			"data-linking": linking?.side ?? "",
			onFocus,
			onKeyDown,
			onPointerDown,
			onMouseDownCapture: onPress,
			onTouchStartCapture: onTouch,
			onClickCapture,
			onDoubleClick: onPaneDoubleClick,
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)(index, {
					"aria-label": "Graph, nodes and wires",
					nodes: ready ? nodes : NO_NODES,
					edges: ready && !painted ? scene.edges : NO_EDGES,
					nodeTypes,
					edgeTypes,
					onlyRenderVisibleElements: true,
					minZoom: .05,
					maxZoom: 2.5,
					zoomOnDoubleClick: false,
					deleteKeyCode: null,
					disableKeyboardA11y: true,
					edgesFocusable: false,
					elevateNodesOnSelect: false,
					connectOnClick: false,
					connectionRadius: 28,
					connectionDragThreshold: 5,
					nodeDragThreshold: 3,
					paneClickDistance: 4,
					multiSelectionKeyCode: ADDING_KEYS,
					selectionMode: SelectionMode.Partial,
					selectionOnDrag: boxing,
					panOnDrag: boxing ? PAN_OTHERS : PAN_FIRST,
					snapToGrid: snap,
					snapGrid: GRID,
					reconnectRadius: 14,
					connectionLineComponent: ConnectionLine,
					isValidConnection: isValid,
					onNodesChange,
					onEdgesChange,
					onNodeDragStart: onDragStart,
					onNodeDrag: onDrag,
					onNodeDragStop: onDragStop,
					onSelectionDragStart,
					onSelectionDragStop: () => commitMove(),
					onConnectStart,
					onConnect,
					onConnectEnd,
					onReconnectStart,
					onReconnect,
					onReconnectEnd,
					onPaneClick,
					onMoveStart,
					onPaneContextMenu: onPaneMenu,
					onNodeContextMenu: onNodeMenu,
					onSelectionContextMenu: onSelectionMenu,
					onEdgeContextMenu: onWireMenu,
					onNodeDoubleClick,
					onEdgeDoubleClick: onWireDoubleClick,
					onEdgeMouseEnter: onWireEnter,
					onEdgeMouseLeave: onWireLeave,
					onError: nothing,
					children: [!far && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Background, {
						variant: BackgroundVariant.Dots,
						gap: 24,
						size: 1.6,
						color: "var(--ground-dots)"
					}), painted && /* @__PURE__ */ (0, import_jsx_runtime.jsx)(FarWires, { scene })]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Breadcrumb, {}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Tools, {}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(MiniMap, { scene }),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(EmptyHint, {}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Told, {}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(RefusalNote, {}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Search, {}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(ContextMenu, {}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Targets, {})
			]
		})
	});
}
/** A large graph is first shown from its beginning, near enough to read its titles. */
var FIRST_LOOK = .25;
/** On a phone one begins with what can be touched. */
var FIRST_LOOK_NARROW = .6;
var NARROW = 600;
var PAN_FIRST = [0, 1];
var PAN_OTHERS = [1];
var GRID = [20, 20];
/** A wire to a port that is gone is told at the port, not on the console. */
var nothing = () => void 0;
/** Each scope keeps its own view; a newly opened document is fitted. Whether that is done: before
* it, nothing is drawn that would be thrown away at once. */
function useViewports() {
	const [ready, setReady] = (0, import_react.useState)(false);
	const loads = useEditor((s) => s.loads);
	const where = useEditor((s) => s.scope.join("/"));
	const loaded = useCatalogue((s) => s.loaded);
	const width = useStore((s) => s.width);
	const known = (0, import_react.useRef)(/* @__PURE__ */ new Map());
	const last = (0, import_react.useRef)({
		loads: -1,
		where: "",
		loaded: false,
		fitted: false
	});
	const flow = useReactFlow();
	(0, import_react.useEffect)(() => {
		if (!width) return;
		const before = last.current;
		if (before.loads !== loads) known.current.clear();
		const anew = before.loads !== loads || before.loaded !== loaded || !before.fitted;
		if (!anew && before.where === where) return;
		if (!anew) known.current.set(before.where, flow.getViewport());
		last.current = {
			loads,
			where,
			loaded,
			fitted: true
		};
		const kept = known.current.get(where);
		if (kept && !anew) flow.setViewport(kept);
		else fit([], width < NARROW ? FIRST_LOOK_NARROW : FIRST_LOOK);
		setReady(true);
		if (document.activeElement === document.body) focusPane();
	}, [
		loads,
		where,
		loaded,
		width,
		flow
	]);
	return ready;
}
/** While wires are painted cards have no sockets, and the library may have measured that none are
* there: once one is near again it is given every card anew, and takes the places we know. */
function useCards(nodes, painted) {
	const before = (0, import_react.useRef)(painted);
	const anew = (0, import_react.useRef)(null);
	return (0, import_react.useMemo)(() => {
		if (before.current && !painted) anew.current = /* @__PURE__ */ new WeakMap();
		before.current = painted;
		const known = anew.current;
		if (painted || !known) return nodes;
		return nodes.map((node) => {
			const copy = known.get(node) ?? { ...node };
			known.set(node, copy);
			return copy;
		});
	}, [nodes, painted]);
}
function onNodesChange(changes) {
	select(changes);
	const { moving, sizing } = useCanvasStore.getState();
	let places = null;
	let sizes = null;
	let sized = null;
	for (const change of changes) if (change.type === "position" && change.position) {
		places ??= { ...moving };
		const at = [change.position.x, change.position.y];
		places[change.id] = at;
		carry(change.id, at, places);
	} else if (change.type === "dimensions" && change.dimensions) {
		const size = [change.dimensions.width, change.dimensions.height];
		if (change.resizing) sizes = {
			...sizing,
			[change.id]: size
		};
		else if (change.resizing === false) sized = {
			id: change.id,
			size
		};
	}
	if (places) useCanvasStore.setState({ moving: places });
	if (sizes) useCanvasStore.setState({ sizing: sizes });
	if (sized) commitSize(sized.id, sizing?.[sized.id] ?? sized.size);
}
function select(changes, prefix = "") {
	const { selection, select: choose } = useEditor.getState();
	let chosen = null;
	for (const change of changes) {
		if (change.type !== "select" || !change.id) continue;
		chosen ??= new Set(selection);
		if (change.selected) chosen.add(prefix + change.id);
		else chosen.delete(prefix + change.id);
	}
	if (chosen) choose([...chosen]);
}
function onEdgesChange(changes) {
	select(changes, "wire:");
}
/** What frames that are dragged carry: how far each item is from its frame. */
var carried = /* @__PURE__ */ new Map();
function onDragStart(_event, _node, nodes) {
	begin$1(nodes);
}
function onSelectionDragStart(_event, nodes) {
	begin$1(nodes);
}
function begin$1(nodes) {
	carried = /* @__PURE__ */ new Map();
	const dragged = new Set(nodes.map((node) => node.id));
	const boxes$2 = boxes();
	for (const node of nodes) {
		if (node.type !== "frame") continue;
		const frame = boxOf(node);
		const held = boxes$2.filter((box) => {
			const x = box.x + box.width / 2;
			const y = box.y + box.height / 2;
			return x > frame.x && x < frame.x + frame.width && y > frame.y && y < frame.y + frame.height && !dragged.has(box.id);
		});
		for (const box of held) dragged.add(box.id);
		carried.set(node.id, held.map((box) => ({
			id: box.id,
			by: [box.x - frame.x, box.y - frame.y]
		})));
	}
}
function carry(id, at, places) {
	if (useCanvasStore.getState().sizing?.[id]) return;
	for (const item of carried.get(id) ?? []) places[item.id] = [at[0] + item.by[0], at[1] + item.by[1]];
}
/** A single node that no wire holds may be put on a wire by dropping it there. */
function onDrag(_event, node, nodes) {
	const free = nodes.length === 1 && node.type === "card" && node.data.node !== void 0 && !scene().edges.some((e) => e.source === node.id || e.target === node.id);
	let wire = "";
	if (free) {
		const { width = 0 } = node.measured ?? {};
		wire = wireNear([node.position.x + width / 2, node.position.y + 17], 34, new Map(scene().nodes.map((one) => [one.id, one])), scene().edges, node.id)?.id ?? "";
	}
	if (useCanvasStore.getState().dropWire !== wire) useCanvasStore.setState({ dropWire: wire });
}
function onDragStop(_event, node) {
	const { dropWire } = useCanvasStore.getState();
	commitMove(dropWire);
	useCanvasStore.setState({ dropWire: "" });
	if (dropWire) putOnWire(node.id, dropWire);
}
function commitMove(onto = "") {
	const { moving, snap } = useCanvasStore.getState();
	carried = /* @__PURE__ */ new Map();
	useCanvasStore.setState({ moving: null });
	if (!moving) return;
	const { scope, edit } = useEditor.getState();
	const places = snap ? Object.fromEntries(Object.entries(moving).map(([id, at]) => [id, snap$1(at)])) : moving;
	const merge = onto ? `drop on ${onto}` : "";
	const there = {
		...unplaced(),
		...places
	};
	edit("Move", (graph) => moveItems(graph, scope, there), { merge });
}
/** What stands only where the eye needed it gets that place for good once something is moved. */
function unplaced() {
	const { graph, scope } = useEditor.getState();
	const places = {};
	for (const node of scene().nodes) {
		if (node.type !== "card" || viewOf(graph, scope, node.id)) continue;
		places[node.id] = [node.position.x, node.position.y];
	}
	return places;
}
function commitSize(id, size) {
	const at = useCanvasStore.getState().moving?.[id];
	useCanvasStore.setState({
		sizing: null,
		moving: null
	});
	const { scope, edit } = useEditor.getState();
	const whole = [Math.round(size[0]), Math.round(size[1])];
	edit("Resize", (graph) => resizeItem(graph, scope, id, whole, at));
}
var reconnecting = "";
/** Escape was pressed while a link was drawn: what the library tells of its end is nothing. */
var givenUp = false;
/** A link was drawn since the last press: the click that ends it is no tap on the socket. */
var drew = false;
function onPress(event) {
	drew = false;
	if (event.button === 0) takeOff(event, [event.clientX, event.clientY]);
}
function onTouch(event) {
	drew = false;
	const touch = event.touches[0];
	if (touch && event.touches.length === 1) takeOff(event, [touch.clientX, touch.clientY]);
}
function onClickCapture(event) {
	const element = event.target;
	if (drew && event.detail > 0 && element.closest(".socket")) event.stopPropagation();
}
/** Who drags from an input that has a wire has its end in the hand, of several the last one's. */
function takeOff(event, at) {
	const socket = event.target.closest(".socket-in");
	const { nodeid: node, handleid: port } = socket?.dataset ?? {};
	if (!socket || useCanvasStore.getState().linking) return;
	const wire = scene().edges.findLast((e) => e.target === node && e.targetHandle === port);
	if (!wire) return;
	const end = event.currentTarget.querySelector(`[data-id="${CSS.escape(wire.id)}"] .react-flow__edgeupdater-target`);
	if (!end) return;
	event.stopPropagation();
	const [clientX, clientY] = at;
	const press = {
		bubbles: true,
		cancelable: true,
		view: window,
		clientX,
		clientY
	};
	end.dispatchEvent(new window.MouseEvent("mousedown", press));
}
/** Leave all as it was before the drag. */
function giveUp() {
	givenUp = true;
	document.dispatchEvent(new window.MouseEvent("mouseup"));
	givenUp = false;
	reconnecting = "";
	useCanvasStore.setState({ linking: null });
}
function sockets(ends) {
	return {
		from: {
			node: ends.source,
			port: ends.sourceHandle ?? "",
			side: "source"
		},
		to: {
			node: ends.target,
			port: ends.targetHandle ?? "",
			side: "target"
		}
	};
}
function isValid(ends) {
	const { from, to } = sockets(ends);
	return verdict(from, to).ok;
}
function onConnectStart(_event, { nodeId, handleId, handleType }) {
	if (!nodeId || !handleId || !handleType) return;
	drew = true;
	const { graph, scope } = useEditor.getState();
	const name = {
		node: nodeId,
		port: handleId,
		side: handleType
	};
	const type = typeAt(name, graph, scope, useCatalogue.getState().catalogue);
	useCanvasStore.setState({
		linking: {
			...name,
			type,
			tap: false,
			...reconnecting ? { wire: reconnecting } : {}
		},
		refusal: null,
		menu: null,
		search: null,
		targets: null
	});
}
function onConnect(ends) {
	if (givenUp) return;
	const { from, to } = sockets(ends);
	link(from, to, [0, 0]);
}
function placeOf(event) {
	const touch = "changedTouches" in event ? event.changedTouches[0] : event;
	return [touch?.clientX ?? 0, touch?.clientY ?? 0];
}
function onConnectEnd(event, state) {
	const { linking } = useCanvasStore.getState();
	useCanvasStore.setState({ linking: null });
	if (!linking || linking.tap || reconnecting || givenUp || state.isValid) return;
	const screen = placeOf(event);
	const over = under(screen, state);
	if (over?.socket) {
		if (over.node !== linking.node) link(linking, over.socket, screen);
	} else if (over) {
		const socket = over.node === linking.node ? void 0 : best(linking, over.node);
		if (socket) link(linking, socket, screen);
		else if (over.node !== linking.node) refuseNode(linking, over.node, screen);
	} else startSearch(screen, { link: linking });
}
/** The socket or card that a link was dropped on. */
function under(screen, state) {
	const handle = state.toHandle;
	if (handle?.id) return {
		node: handle.nodeId,
		socket: {
			node: handle.nodeId,
			port: handle.id,
			side: handle.type
		}
	};
	const card = document.elementFromPoint(screen[0], screen[1])?.closest(".react-flow__node-card");
	return card?.dataset.id ? {
		node: card.dataset.id,
		socket: void 0
	} : void 0;
}
function refuseNode(linking, node, screen) {
	const reason = `No socket of ${node} fits ${linking.type}`;
	const from = {
		node: linking.node,
		port: linking.port
	};
	useCanvasStore.setState({ refusal: {
		screen,
		reason,
		from,
		to: {
			node,
			port: ""
		}
	} });
	useCanvasStore.getState().say(reason);
}
function onReconnectStart(_event, edge) {
	reconnecting = edge.id;
}
function onReconnect(edge, ends) {
	const { from, to } = sockets(ends);
	const same = edge.source === from.node && edge.sourceHandle === from.port && edge.target === to.node && edge.targetHandle === to.port;
	if (!givenUp && !same) relink(edge.id, from, to);
}
function onReconnectEnd(event, edge, side, state) {
	reconnecting = "";
	useCanvasStore.setState({ linking: null });
	if (givenUp || state.isValid) return;
	const screen = placeOf(event);
	const over = under(screen, state);
	if (!over) {
		unlink(edge.id);
		return;
	}
	const ends = sockets(edge);
	const kept = side === "source" ? ends.from : ends.to;
	const socket = over.socket ?? best(kept, over.node);
	if (!socket) refuseNode({
		...kept,
		type: edge.data?.type ?? ""
	}, over.node, screen);
	else if (verdict(kept, socket).ok) {
		const [from, to] = side === "source" ? [kept, socket] : [socket, kept];
		relink(edge.id, from, to);
	} else link(kept, socket, screen);
}
function ConnectionLine({ fromX, fromY, toX, toY, fromPosition, connectionStatus }) {
	const type = useCanvasStore((s) => s.linking?.type ?? "?");
	const catalogue = useCatalogue((s) => s.catalogue);
	const here = [fromX, fromY];
	const there = [toX, toY];
	const path = fromPosition === "left" ? wirePath(there, here) : wirePath(here, there);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("g", {
		className: "wire wire-drawn",
		"data-status": connectionStatus ?? "",
		style: vars({ "--wire": typeColour(type, catalogue) }),
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
			className: "wire-line",
			d: path
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("circle", {
			className: "wire-tip",
			cx: toX,
			cy: toY,
			r: 5
		})]
	});
}
function onPaneClick() {
	useCanvasStore.setState({
		linking: null,
		refusal: null,
		menu: null,
		targets: null
	});
}
/** A press on the empty canvas takes the keyboard there. */
function onPointerDown(event) {
	if (event.target.classList.contains("react-flow__pane")) event.currentTarget.focus({ preventScroll: true });
}
function onMoveStart() {
	const { refusal, menu, targets } = useCanvasStore.getState();
	if (refusal || menu || targets) useCanvasStore.setState({
		refusal: null,
		menu: null,
		targets: null
	});
	useUi.getState().hoverWire(null);
}
function openMenu(event, about) {
	event.preventDefault();
	const screen = [event.clientX, event.clientY];
	useCanvasStore.setState({
		menu: {
			screen,
			at: toCanvas(screen),
			about
		},
		refusal: null
	});
}
function onPaneMenu(event) {
	openMenu(event, { kind: "canvas" });
}
function onNodeMenu(event, node) {
	if (event.target.closest("input, textarea, [contenteditable=true]")) return;
	const { selection, select: choose } = useEditor.getState();
	if (!selection.includes(node.id)) choose([node.id]);
	openMenu(event, {
		kind: "nodes",
		id: node.id
	});
}
function onSelectionMenu(event, nodes) {
	const [node] = nodes;
	if (node) openMenu(event, {
		kind: "nodes",
		id: node.id
	});
}
function onWireMenu(event, edge) {
	useEditor.getState().select([`wire:${edge.id}`]);
	openMenu(event, {
		kind: "wire",
		id: edge.id
	});
}
function onNodeDoubleClick(event, node) {
	const element = event.target;
	if (element.closest("input, textarea, button, [role=slider], [contenteditable=true], .row-field")) return;
	if (node.type !== "card") useCanvasStore.setState({ writing: node.id });
	else if (node.data.inside >= 0 && !element.closest(".card-name")) enter(node.id);
	else if (element.closest(".card-title") && node.data.node) useCanvasStore.setState({ writing: node.id });
}
function onPaneDoubleClick(event) {
	if (event.target.classList.contains("react-flow__pane")) startSearch([event.clientX, event.clientY]);
}
function onWireDoubleClick(event, edge) {
	const ends = endsOf(edge, new Map(scene().nodes.map((one) => [one.id, one])));
	if (!ends) return;
	const at = toCanvas([event.clientX, event.clientY]);
	const points = edge.data?.points ?? [];
	const { index } = nearest$1(at, ends[0], ends[1], points);
	bend(edge.id, [
		...points.slice(0, index),
		at,
		...points.slice(index)
	], "Bend wire");
}
function onWireEnter(event, edge) {
	if (!edge.data) return;
	const { from, to, type } = edge.data;
	useUi.getState().hoverWire({
		from,
		to,
		type,
		at: [event.clientX, event.clientY]
	});
}
function onWireLeave() {
	useUi.getState().hoverWire(null);
}
var ARROWS = {
	ArrowLeft: "left",
	ArrowRight: "right",
	ArrowUp: "up",
	ArrowDown: "down"
};
var STEP = 10;
/** Arrows go from node to node, with Alt they move the selection; Enter goes in, Escape comes out. */
function onKeyDown(event) {
	const element = event.target;
	if (element.closest(".menu, .search, .refusal, .tools, .crumbs")) return;
	if (event.key === "Escape") {
		stepBack(element);
		event.preventDefault();
		return;
	}
	const onNode = element.classList.contains("react-flow__node");
	if (!onNode && element.closest(".react-flow__node")) return;
	const direction = ARROWS[event.key];
	if (direction && !event.ctrlKey && !event.metaKey) {
		event.preventDefault();
		event.stopPropagation();
		if (event.altKey) shift(direction, event.shiftKey ? 50 : STEP);
		else go$1(direction, onNode ? element.dataset.id ?? "" : "", event.shiftKey);
	} else if (event.key === "Enter" && onNode && !event.ctrlKey && !event.metaKey) {
		event.preventDefault();
		enterNode(element);
	} else if (event.key === " " && onNode) {
		event.preventDefault();
		toggle(element.dataset.id ?? "");
	} else if (event.key === "ContextMenu" || event.key === "F10" && event.shiftKey) {
		event.preventDefault();
		if (onNode && element.dataset.id) useEditor.getState().select([element.dataset.id]);
		menuAtSelection();
	}
}
/** One step back at a time: a link, a field, the selection, the loop. */
function stepBack(element) {
	const { linking, refusal } = useCanvasStore.getState();
	const { selection, select: choose, scope } = useEditor.getState();
	const node = element.closest(".react-flow__node");
	if (linking && !linking.tap) giveUp();
	else if (linking || refusal) useCanvasStore.setState({
		linking: null,
		refusal: null
	});
	else if (node && node !== element) node.focus({ preventScroll: true });
	else if (selection.length) choose([]);
	else if (scope.length) leave();
}
function go$1(direction, from, adding) {
	const { selection, select: choose } = useEditor.getState();
	const start = from || selection.find((id) => !id.startsWith("wire:")) || "";
	const boxes$1 = boxes().filter((box) => !box.id.startsWith("frame:"));
	const next = start ? neighbour(boxes$1, start, direction) : firstNode();
	if (!next) return;
	choose(adding ? [.../* @__PURE__ */ new Set([...selection, next])] : [next]);
	reveal(next);
}
function shift(direction, by) {
	move({
		left: [-by, 0],
		right: [by, 0],
		up: [0, -by],
		down: [0, by]
	}[direction]);
}
function toggle(id) {
	const { selection, select: choose } = useEditor.getState();
	choose(selection.includes(id) ? selection.filter((one) => one !== id) : [...selection, id]);
}
/** Enter on a loop goes inside; on another node to the first thing one can work on. */
function enterNode(element) {
	const id = element.dataset.id ?? "";
	const { graph, scope, select: choose } = useEditor.getState();
	if (!useEditor.getState().selection.includes(id)) choose([id]);
	const node = nodesIn(graph, scope)?.[id];
	if (id.startsWith("note:") || id.startsWith("frame:")) useCanvasStore.setState({ writing: id });
	else if (node?.body || typeof node?.graph === "object") enter(id);
	else element.querySelector(".row-field :is(input, textarea, button, [tabindex='0'])")?.focus();
}
/** A card that had the keyboard and is gone, as after an undo, leaves it to the canvas. */
function useKeptKeyboard(graph) {
	const last = (0, import_react.useRef)(null);
	(0, import_react.useEffect)(() => {
		let left = 12;
		let frame = 0;
		const look = () => {
			if (last.current && !last.current.isConnected && document.activeElement === document.body) focusPane();
			else if (left > 0) frame = requestAnimationFrame(look);
			left -= 1;
		};
		look();
		return () => cancelAnimationFrame(frame);
	}, [graph]);
	return (0, import_react.useCallback)((event) => {
		last.current = event.target;
	}, []);
}
/** The browser's own copy, cut and paste: no permission is asked for, and it works on any page. */
function useClipboard() {
	(0, import_react.useEffect)(() => {
		const elsewhere = (event) => {
			const typed = event.target?.closest?.("input, textarea, [contenteditable=true], [role=dialog]");
			return Boolean(typed) || String(window.getSelection() ?? "") !== "";
		};
		const onCopy = (event) => {
			if (elsewhere(event)) return;
			const text = copyText();
			if (!text) return;
			event.clipboardData?.setData("text/plain", text);
			event.preventDefault();
			if (event.type === "cut") remove();
		};
		const onPaste = (event) => {
			if (elsewhere(event)) return;
			if (pasteText(event.clipboardData?.getData("text/plain") ?? "")) event.preventDefault();
		};
		document.addEventListener("copy", onCopy);
		document.addEventListener("cut", onCopy);
		document.addEventListener("paste", onPaste);
		return () => {
			document.removeEventListener("copy", onCopy);
			document.removeEventListener("cut", onCopy);
			document.removeEventListener("paste", onPaste);
		};
	}, []);
}
// src/inspect/commands.ts
/** What can be done with steps and wires, for the palette, the keys and the shortcut sheet. */
var has = () => useScrub.getState().steps > 0;
var by = (count) => () => {
	const { step, goTo, play } = useScrub.getState();
	play(false);
	goTo(step + count);
};
var group = "Look inside";
var TABS$2 = [
	[
		"steps",
		"Steps of the run",
		"scrubber latents"
	],
	[
		"schedule",
		"Schedule plot",
		"sigma sigmas"
	],
	[
		"guidance",
		"Guidance plot",
		"cfg cond uncond"
	],
	[
		"tokens",
		"Tokens of the prompt",
		"clip attention words"
	],
	[
		"trajectory",
		"Trajectory of the latents",
		"pca samplers reference"
	]
];
function registerInspect() {
	return registerCommands([
		{
			id: "scrub.next",
			title: "Next step",
			keys: ["."],
			group,
			when: has,
			run: by(1)
		},
		{
			id: "scrub.before",
			title: "Step before",
			keys: [","],
			group,
			when: has,
			run: by(-1)
		},
		{
			id: "scrub.play",
			title: "Play the steps, or pause",
			keys: ["K"],
			group,
			when: has,
			run: togglePlay
		},
		{
			id: "scrub.first",
			title: "First step",
			group,
			when: has,
			run: () => useScrub.getState().goTo(0)
		},
		{
			id: "scrub.last",
			title: "Last step",
			group,
			when: has,
			run: () => useScrub.getState().goTo(useScrub.getState().steps - 1)
		},
		{
			id: "scrub.pin",
			title: "Hold this step to compare",
			words: "pin",
			group,
			when: has,
			run: pinHere
		},
		{
			id: "look.wire",
			title: "Look at what this wire carries",
			keys: ["L"],
			group,
			when: () => Boolean(useUi.getState().wire ?? useLook.getState().focused),
			run: () => {
				const wire = useUi.getState().wire ?? useLook.getState().focused;
				if (wire) useLook.getState().look(wire.from, wire.type);
			}
		},
		{
			id: "sampler.explode",
			title: "Show every step of the sampler",
			words: "explode loop unroll",
			group,
			when: () => canExplode(),
			run: () => change("explode")
		},
		{
			id: "sampler.explode.check",
			title: "Show every step of the sampler, and check that the picture is the same",
			words: "explode identical",
			group,
			when: () => canExplode(),
			run: () => change("explode", true)
		},
		{
			id: "sampler.collapse",
			title: "Collapse the loop into one node",
			words: "sampler",
			group,
			when: () => canCollapse(),
			run: () => change("collapse")
		},
		{
			id: "sampler.collapse.check",
			title: "Collapse the loop into one node, and check that the picture is the same",
			words: "sampler identical",
			group,
			when: () => canCollapse(),
			run: () => change("collapse", true)
		},
		...TABS$2.map(([tab, title, words]) => ({
			id: `look.${tab}`,
			title,
			words,
			group,
			run: () => {
				useScrub.getState().setTab(tab);
				useUi.getState().setDrawer(true);
			}
		}))
	]);
}
// src/inspect/scales.ts
function linear(low, high, count = 5) {
	const [a, b] = high > low ? [low, high] : [low - .5, low + .5];
	return {
		place: (value) => (value - a) / (b - a),
		value: (place) => a + place * (b - a),
		ticks: roundTicks(a, b, count)
	};
}
/** Of positive values; what is 0 or less stands at the edge below. */
function logarithmic(low, high) {
	const least = Math.max(low, Number.MIN_VALUE);
	const [a, b] = high > least ? [Math.log(least), Math.log(high)] : [Math.log(least) - 1, Math.log(least) + 1];
	return {
		place: (value) => value > 0 ? (Math.log(value) - a) / (b - a) : 0,
		value: (place) => Math.exp(a + place * (b - a)),
		ticks: decades(Math.exp(a), Math.exp(b))
	};
}
/** Steps of 1, 2 or 5 times a power of ten. */
function roundTicks(low, high, count) {
	const raw = (high - low) / Math.max(1, count);
	const power = 10 ** Math.floor(Math.log10(raw));
	const step = [
		1,
		2,
		5,
		10
	].map((n) => n * power).find((n) => n >= raw * .999) ?? power;
	const made = [];
	for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) made.push(Number((k * step).toPrecision(12)));
	return made;
}
function decades(low, high) {
	const made = [];
	const first = Math.floor(Math.log10(low));
	const last = Math.ceil(Math.log10(high));
	const steps = last - first > 4 ? [1] : [1, 3];
	for (let power = first; power <= last; power += 1) for (const step of steps) {
		const value = Number((step * 10 ** power).toPrecision(6));
		if (value >= low * .999 && value <= high * 1.001) made.push(value);
	}
	return made;
}
/** The least and the largest finite value. */
function extent(values) {
	let low = Number.POSITIVE_INFINITY;
	let high = Number.NEGATIVE_INFINITY;
	for (const value of values) {
		if (!Number.isFinite(value)) continue;
		low = Math.min(low, value);
		high = Math.max(high, value);
	}
	return high >= low ? [low, high] : void 0;
}
/** A point of a schedule moved: each sigma stays below the one before and above the one after, a
* thousandth away; a last 0 stays 0. The same list where nothing changes. */
function movedPoint(values, index, to) {
	const before = values[index - 1];
	const here = values[index];
	const after = values[index + 1];
	if (here === void 0 || index === values.length - 1 && here === 0) return values;
	const most = before === void 0 ? 1e4 : before * .999;
	const least = after === void 0 ? 0 : after > 0 ? after * 1.001 : 1e-4;
	if (least > most) return values;
	const value = Number(Math.min(most, Math.max(least, to)).toPrecision(6));
	if (value === here || value >= (before ?? Infinity) || value <= (after ?? -1)) return values;
	return values.map((old, k) => k === index ? value : old);
}
/** The two predictions and what guidance makes of them in the plane they span: uncond lies along
* the first axis, cond at the angle between them. */
function guidancePlane(told, scale) {
	const cos = Math.min(1, Math.max(-1, told.cos));
	const cond = [told.cond * cos, told.cond * Math.sqrt(1 - cos * cos)];
	const uncond = [told.uncond, 0];
	return {
		cond,
		uncond,
		guided: [uncond[0] + scale * (cond[0] - uncond[0]), scale * cond[1]]
	};
}
// src/inspect/Plot.tsx
/** Lines over steps, as a drawing that keys can walk through, with its figures as a table. */
/** The width that an element has on the screen. */
function useWidth(start = 360) {
	const ref = (0, import_react.useRef)(null);
	const [width, setWidth] = (0, import_react.useState)(start);
	(0, import_react.useEffect)(() => {
		const element = ref.current;
		if (!element || typeof ResizeObserver === "undefined") return;
		const observer = new ResizeObserver(([entry]) => {
			const now = Math.round(entry?.contentRect.width ?? 0);
			if (now > 0) setWidth(now);
		});
		observer.observe(element);
		return () => observer.disconnect();
	}, []);
	return [ref, width];
}
var ROOM$1 = {
	left: 52,
	right: 12,
	top: 10,
	bottom: 34
};
function Plot(props) {
	const { title, series, mark, onMark, height = 200 } = props;
	const [ref, width] = useWidth();
	const box = {
		left: ROOM$1.left,
		top: ROOM$1.top,
		width: Math.max(40, width - ROOM$1.left - ROOM$1.right),
		height: height - ROOM$1.top - ROOM$1.bottom
	};
	const { x, y } = scalesOf(props);
	const xs = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
	const px = (value) => box.left + x.place(value) * box.width;
	const py = (value) => box.top + (1 - y.place(value)) * box.height;
	const near = (clientX, target) => {
		const left = target.getBoundingClientRect().left;
		const value = x.value((clientX - left - box.left) / box.width);
		return xs.reduce((best, at) => Math.abs(at - value) < Math.abs(best - value) ? at : best, xs[0] ?? 0);
	};
	const drag = (event) => {
		if (!onMark || !(event.buttons & 1) || event.target.closest(".nfi-point")) return;
		onMark(near(event.clientX, event.currentTarget));
	};
	const keys = (event) => {
		if (!onMark || !xs.length) return;
		const at = xs.findLastIndex((value) => value <= (mark ?? 0));
		const next = {
			ArrowLeft: at - 1,
			ArrowDown: at - 1,
			ArrowRight: at + 1,
			ArrowUp: at + 1,
			Home: 0,
			End: xs.length - 1
		}[event.key];
		if (next === void 0 || event.target.closest(".nfi-point")) return;
		event.preventDefault();
		event.stopPropagation();
		const value = xs[Math.max(0, Math.min(xs.length - 1, next))];
		if (value !== void 0) onMark(value);
	};
	const figures = mark === void 0 ? "" : atMark(series, mark);
	const slider = onMark ? {
		role: "slider",
		tabIndex: 0,
		"aria-valuemin": xs[0] ?? 0,
		"aria-valuemax": xs.at(-1) ?? 0,
		"aria-valuenow": mark ?? 0,
		"aria-valuetext": figures,
		onPointerDown: drag,
		onPointerMove: drag,
		onKeyDown: keys
	} : { role: "img" };
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", {
		className: "nfi-plot",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figcaption", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: title }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Legend, {
				series,
				...mark === void 0 ? {} : { mark }
			})] }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
				ref,
				className: "nfi-plot-area",
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("svg", {
					width,
					height,
					"aria-label": `${title}: ${series.map((one) => spoken(one)).join("; ")}`,
					className: onMark ? "nfi-svg nfi-live" : "nfi-svg",
					...slider,
					children: [
						y.ticks.map((value) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("g", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("line", {
							className: "nfi-grid",
							x1: box.left,
							x2: box.left + box.width,
							y1: py(value),
							y2: py(value)
						}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("text", {
							className: "nfi-tick",
							x: box.left - 6,
							y: py(value) + 4,
							textAnchor: "end",
							children: told(value)
						})] }, value)),
						x.ticks.filter(Number.isInteger).map((value) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("text", {
							className: "nfi-tick",
							x: px(value),
							y: box.top + box.height + 15,
							textAnchor: "middle",
							children: value
						}, value)),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("text", {
							className: "nfi-axis",
							x: box.left + box.width,
							y: height - 4,
							textAnchor: "end",
							children: props.xLabel
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("text", {
							className: "nfi-axis",
							x: 4,
							y: height - 4,
							children: props.yLabel
						}),
						mark !== void 0 && /* @__PURE__ */ (0, import_jsx_runtime.jsx)("line", {
							className: "nfi-mark",
							x1: px(mark),
							x2: px(mark),
							y1: box.top,
							y2: box.top + box.height
						}),
						series.map((one) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("g", {
							className: `nfi-s${one.colour % 6}`,
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
								className: "nfi-line",
								strokeDasharray: one.dashed ? "5 4" : void 0,
								d: one.points.filter(([, value]) => Number.isFinite(value)).map(([at, value], k) => `${k ? "L" : "M"}${px(at).toFixed(1)} ${py(value).toFixed(1)}`).join("")
							}), one.points.filter(([at, value]) => at === mark && Number.isFinite(value)).map(([at, value]) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("circle", {
								className: "nfi-dot",
								cx: px(at),
								cy: py(value),
								r: 4
							}, at))]
						}, one.name)),
						props.over?.({
							...x,
							place: px,
							value: x.value
						}, {
							...y,
							place: py,
							value: y.value
						}, box)
					]
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Figures, {
				title,
				xLabel: props.xLabel,
				series,
				xs
			})
		]
	});
}
function scalesOf({ series, log, include = [] }) {
	const xs = extent(series.flatMap((one) => one.points.map(([at]) => at))) ?? [0, 1];
	const all = [...series.flatMap((one) => one.points.map(([, value]) => value)), ...include];
	if (log) {
		const range = extent(all.filter((value) => value > 0)) ?? [.1, 1];
		const zero = all.some((value) => value === 0);
		return {
			x: linear(...xs),
			y: logarithmic(range[0] * (zero ? .6 : .9), range[1] * 1.1)
		};
	}
	const [low, high] = extent(all) ?? [0, 1];
	const room = (high - low) * .06;
	return {
		x: linear(...xs),
		y: linear(low - room, high + room)
	};
}
function atMark(series, mark) {
	return `${mark}: ${series.flatMap(({ name, points }) => {
		const point = points.find(([at]) => at === mark);
		return point ? [`${name} ${told(point[1])}`] : [];
	}).join(", ")}`;
}
function spoken({ name, points }) {
	const [first, last] = [points[0], points.at(-1)];
	if (!first || !last) return `${name}: nothing`;
	return `${name} from ${told(first[1])} at ${first[0]} to ${told(last[1])} at ${last[0]}`;
}
function Legend({ series, mark }) {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", {
		className: "nfi-legend",
		children: series.map(({ name, colour, points }) => {
			const here = points.find(([at]) => at === mark);
			return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
				className: `nfi-s${colour % 6}`,
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("i", { "aria-hidden": "true" }),
					" ",
					name,
					here ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("output", {
						title: exactly(here[1]),
						children: [" ", told(here[1])]
					}) : null
				]
			}, name);
		})
	});
}
function Figures(props) {
	const [open, setOpen] = (0, import_react.useState)(false);
	const id = (0, import_react.useId)();
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("details", {
		className: "nfi-figures",
		onToggle: (event) => setOpen(event.currentTarget.open),
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("summary", { children: "Figures" }), open ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("table", {
			"aria-labelledby": id,
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("caption", {
					id,
					className: "nf-sr",
					children: props.title
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("thead", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("tr", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
					scope: "col",
					children: props.xLabel
				}), props.series.map(({ name }) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
					scope: "col",
					children: name
				}, name))] }) }),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("tbody", { children: props.xs.map((at) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("tr", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
					scope: "row",
					children: at
				}), props.series.map(({ name, points }) => {
					const value = points.find(([x]) => x === at)?.[1];
					return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("td", {
						title: exactly(value),
						children: told(value)
					}, name);
				})] }, at)) })
			]
		}) : null]
	});
}
// src/inspect/Guidance.tsx
/** What guidance does over the steps: how long the two predictions are, how they lie to each other,
* and where in the picture they differ. */
function Guidance() {
	const trace = useShownTrace();
	const run = useRuns((state) => state.shown);
	const steps = useRuns((state) => state.runs[state.shown]?.steps);
	const { node, step, goTo } = useScrub();
	const graph = useGraphOf(run);
	const rows = (0, import_react.useMemo)(() => rowsOf(trace, steps?.[node] ?? [], node), [
		trace,
		steps,
		node
	]);
	if (!rows.length) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NoTrace, { what: "What guidance does is told by a traced run in which two predictions are weighed." });
	const here = rows.findLast((row) => row.at <= step) ?? rows[0];
	const line = (name, key, colour) => ({
		name,
		colour,
		points: rows.map((row) => [row.at + 1, row[key]])
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nfi-plots",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Plot, {
				title: "Norms",
				xLabel: "step",
				yLabel: "L2 norm, log axis",
				log: true,
				series: [
					line("cond", "cond", 0),
					line("uncond", "uncond", 1),
					line("cond − uncond", "delta", 2)
				],
				mark: step + 1,
				onMark: (at) => goTo(at - 1)
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Plot, {
				title: "Cosine of cond and uncond",
				xLabel: "step",
				yLabel: "cos",
				series: [line("cosine", "cos", 3)],
				mark: step + 1,
				onMark: (at) => goTo(at - 1)
			}),
			here ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Plane$1, {
				row: here,
				scale: scaleOf(graph, trace, node)
			}) : null,
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Where, {})
		]
	});
}
function rowsOf(trace, steps, node) {
	const found = (trace?.guidance ?? []).flatMap((row) => {
		const at = passOf(row.path, node);
		return at === void 0 ? [] : [{
			...row,
			at
		}];
	});
	if (found.length) return found;
	return steps.flatMap(({ step, cfg }) => cfg ? [{
		...cfg,
		at: step
	}] : []);
}
/** The guidance scale of a loop or sampler, where it is a literal; else null. */
function scaleOf(graph, trace, loop) {
	const node = nodeByPath(graph, trace && guideOf(trace, loop) || loop);
	if (!node) return null;
	for (const port of ["scale", "guidance_scale"]) {
		if (node.links?.[port]) return null;
		const value = node.params?.[port];
		if (typeof value === "number") return value;
		const preset = useCatalogue.getState().catalogue.nodes.get(node.type)?.inputs.find((input) => input.name === port)?.default;
		if (typeof preset === "number") return preset;
	}
	return null;
}
var SIDE = 152;
/** The two predictions as arrows in the plane they span; beside it their tips, enlarged. */
function Plane$1({ row, scale }) {
	const vectors = guidancePlane(row, scale ?? 1);
	const angle = Math.acos(Math.min(1, Math.max(-1, row.cos))) * 180 / Math.PI;
	const told_ = `|cond| ${told(row.cond)}, |uncond| ${told(row.uncond)}, |difference| ${told(row.delta)}, angle ${told(angle)}°`;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", {
		className: "nfi-plot",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figcaption", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: "The plane they span" }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("ul", {
			className: "nfi-legend",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
					className: "nfi-s0",
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("i", { "aria-hidden": "true" }), " cond"]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
					className: "nfi-s1",
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("i", { "aria-hidden": "true" }), " uncond"]
				}),
				scale === null ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
					className: "nfi-s3",
					children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("i", { "aria-hidden": "true" }),
						" guided, scale ",
						told(scale)
					]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
					title: exactly(angle),
					children: [
						"angle ",
						told(angle),
						"°"
					]
				})
			]
		})] }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nfi-maps",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Arrows, {
				vectors,
				guided: scale !== null,
				label: told_
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Tips, {
				vectors,
				guided: scale !== null
			})]
		})]
	});
}
function shownOf({ vectors, guided }) {
	const made = [[1, vectors.uncond], [0, vectors.cond]];
	if (guided) made.push([3, vectors.guided]);
	return made;
}
function Arrows(props) {
	const shown = shownOf(props);
	const most = Math.max(...shown.map(([, [x, y]]) => Math.hypot(x, y)), 1e-12);
	const place = ([x, y]) => [14 + x / most * 118, 112 - y / most * 118];
	const [ox, oy] = place([0, 0]);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("svg", {
		width: SIDE,
		height: 132,
		role: "img",
		"aria-label": props.label,
		className: "nfi-svg",
		children: [shown.map(([colour, to]) => {
			const [x, y] = place(to);
			const turn = Math.atan2(y - oy, x - ox);
			const wing = (by) => `${x - 9 * Math.cos(turn + by)},${y - 9 * Math.sin(turn + by)}`;
			return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("g", {
				className: `nfi-s${colour}`,
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
					className: "nfi-arrow",
					d: `M${ox} ${oy}L${x} ${y}`
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
					className: "nfi-arrow-head",
					d: `M${x},${y}L${wing(.4)}L${wing(-.4)}Z`
				})]
			}, colour);
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("text", {
			className: "nfi-axis",
			x: 14,
			y: 128,
			children: "from zero, along uncond"
		})]
	});
}
/** Around the tips: how far guidance goes, where the angle is too small to see. */
function Tips(props) {
	const shown = shownOf(props);
	const xs = shown.map(([, [x]]) => x);
	const ys = shown.map(([, [, y]]) => y);
	const [left, bottom] = [Math.min(...xs), Math.min(...ys)];
	const span = Math.max(Math.max(...xs) - left, Math.max(...ys) - bottom, 1e-12);
	const place = ([x, y]) => [20 + (x - left) / span * 92, 112 - (y - bottom) / span * 92];
	const [ux, uy] = place(props.vectors.uncond);
	const [cx, cy] = place(props.vectors.cond);
	const [gx, gy] = place(props.vectors.guided);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("svg", {
		width: SIDE,
		height: 132,
		role: "img",
		"aria-label": `Around the tips, ${told(span)} across`,
		className: "nfi-svg",
		children: [
			props.guided ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
				className: "nfi-arrow nfi-s3",
				d: `M${ux} ${uy}L${gx} ${gy}`,
				strokeDasharray: "4 3"
			}) : null,
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
				className: "nfi-arrow nfi-s2",
				d: `M${ux} ${uy}L${cx} ${cy}`
			}),
			shown.map(([colour, to]) => {
				const [x, y] = place(to);
				return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("circle", {
					className: `nfi-dot nfi-s${colour}`,
					cx: x,
					cy: y,
					r: 6
				}, colour);
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("text", {
				className: "nfi-axis",
				x: 8,
				y: 128,
				children: [
					"the tips, ",
					told(span),
					" across"
				]
			})
		]
	});
}
/** Where in the picture the two predictions differ, over the estimate of the picture. */
function Where() {
	const run = useRuns((state) => state.shown);
	const { node, step } = useScrub();
	const found = useStepTensors(run, node, step);
	const estimate = useEstimate((0, import_react.useMemo)(() => ({
		run,
		node,
		step,
		title: ""
	}), [
		run,
		node,
		step
	]));
	const cond = useElements(run, found.cond);
	const uncond = useElements(run, found.uncond);
	const shape = found.cond?.shape;
	const heat = (0, import_react.useMemo)(() => {
		if (!cond || !uncond || !shape || cond.length !== uncond.length) return void 0;
		return apart(cond, uncond, planes(shape));
	}, [
		cond,
		uncond,
		shape
	]);
	const stats = heat && statistics(heat);
	const [height, width] = [shape?.at(-2) ?? 1, shape?.at(-1) ?? 1];
	if (!found.cond || !found.uncond) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-quiet",
		children: "Where guidance acts is drawn from both predictions, which a run with trace keeps."
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", {
		className: "nfi-plot",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figcaption", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: "Where guidance acts" }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
			className: "nf-quiet",
			title: exactly(stats?.max),
			children: ["|cond − uncond| per place, up to ", told(stats?.max)]
		})] }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nfi-maps",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(MapCanvas, {
				values: heat,
				width,
				height,
				map: "viridis",
				label: `Norm of cond − uncond per place, mean ${told(stats?.mean)}, largest ${told(stats?.max)}`
			}), "heat"] }), estimate.tensor ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nfi-heat",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(LatentCanvas, {
					run,
					values: estimate.values,
					shape: estimate.tensor.shape,
					label: "The estimate of the picture"
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(MapCanvas, {
					values: heat,
					width,
					height,
					map: "viridis",
					label: ""
				})]
			}), "over x₀"] }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(LatentCanvas, {
				run,
				values: estimate.values,
				shape: estimate.tensor.shape,
				label: "The estimate of the picture"
			}), "x₀"] })] }) : null]
		})]
	});
}
// src/inspect/schedules.ts
var FROM_LIST = "sigmas.from_list";
/** Paths of the nodes that give `Sigmas`, everywhere in the graph. */
function scheduleNodes(graph, catalogue) {
	const found = [];
	const walk = (scope) => {
		for (const [id, node] of Object.entries(nodesIn(graph, scope) ?? {})) if (node.body || typeof node.graph === "object") walk([...scope, id]);
		else if (portsOf(graph, scope, id, catalogue).outputs.some((one) => one.type === "Sigmas")) found.push(pathOf(scope, id));
	};
	walk([]);
	return found;
}
/** The levels that a node was given by hand. */
function ownLevels(node) {
	const values = node?.type === "sigmas.from_list" ? node.params?.values : void 0;
	return Array.isArray(values) && values.every((one) => typeof one === "number") ? values : void 0;
}
/** The clock that a schedule is made for: its own, or of a node beside it. */
function betasFor(graph, path) {
	const { scope } = splitPath(path);
	const own = nodeByPath(graph, path)?.links?.betas;
	if (typeof own === "string") return own;
	const beside = Object.values(nodesIn(graph, scope) ?? {});
	for (const node of beside) {
		const link = node.links?.betas;
		if (typeof link === "string") return link;
	}
	return "";
}
/** Whether a schedule can be drawn by hand; if not, why. */
function whyNotDrawn(graph, path) {
	return betasFor(graph, path) ? "" : `${path} is not told the model's clock (betas), which levels of one's own need`;
}
/** The graph with a schedule's node as `sigmas.from_list` of these levels. What fed its settings is
* taken off; the node keeps its id and place. The same graph where that cannot be. */
function withLevels(graph, path, levels) {
	const { scope, id } = splitPath(path);
	const node = nodeByPath(graph, path);
	const betas = betasFor(graph, path);
	if (!node) return graph;
	if (node.type === "sigmas.from_list") return setParam(graph, scope, id, "values", [...levels]);
	if (!betas) return graph;
	const made = {
		type: FROM_LIST,
		params: { values: [...levels] },
		links: { betas }
	};
	const port = outputPort(graph, scope, id);
	let next = withNodes(graph, scope, (nodes) => ({
		...nodes,
		[id]: made
	}));
	if (port && port !== "sigmas") next = renamed(next, scope, `${id}.${port}`, `${id}.sigmas`);
	for (const [name, targets] of Object.entries(graph.inputs ?? {})) for (const target of typeof targets === "string" ? [targets] : targets) if (splitTarget(target).node === path) next = unexpose(next, name, target);
	return next;
}
/** The port that others read of a node. */
function outputPort(graph, scope, id) {
	const text = JSON.stringify(nodesIn(graph, scope));
	return new RegExp(`"${id}\\.(\\w+)"`).exec(text)?.[1] ?? "";
}
function renamed(graph, scope, from, to) {
	return withNodes(graph, scope, (nodes) => {
		const text = JSON.stringify(nodes).replaceAll(`"${from}"`, `"${to}"`);
		return JSON.parse(text);
	});
}
// src/inspect/Schedule.tsx
/** Sigma over steps, of every schedule of the graph; its points can be moved. */
function Schedule() {
	const found = useLevels();
	const { node, step } = useScrub();
	const walked = useWalked();
	const [dragged, setDragged] = (0, import_react.useState)(null);
	if (!found.length && !walked.length) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NoTrace, { what: "Noise levels are known once a schedule was made in a traced run." });
	const shown = found.map((one) => one.path === dragged?.path ? dragged : one);
	const series = shown.map(({ path, values, edited }, k) => ({
		name: edited ? `${path} (not run yet)` : path,
		colour: k,
		points: values.map((value, index) => [index + 1, value])
	}));
	if (walked.length) series.push({
		name: `walked by ${node}`,
		colour: shown.length,
		points: walked,
		dashed: true
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nfi-plots nfi-single",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Plot, {
			title: "Noise levels",
			xLabel: "step that begins there",
			yLabel: "σ, log axis",
			series,
			log: true,
			height: 230,
			mark: step + 1,
			onMark: (at) => useScrub.getState().goTo(at - 1),
			over: (x, y, box) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Points, {
				x,
				y,
				box,
				schedules: shown,
				drag: setDragged
			})
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
			className: "nf-quiet",
			children: "Drag a point, or walk to it by Tab and move it by the arrow keys (with Shift further): the schedule's node becomes a list of levels of your own. A last 0 stands at the lower edge."
		})]
	});
}
/** What each schedule's node gave in the run, or was told by hand since. */
function useLevels() {
	const trace = useShownTrace();
	const run = useRuns((state) => state.shown);
	const graph = useEditor((state) => state.graph);
	const catalogue = useCatalogue((state) => state.catalogue);
	const arrived = useArrived();
	return (0, import_react.useMemo)(() => {
		return scheduleNodes(graph, catalogue).flatMap((path) => {
			const own = ownLevels(nodeByPath(graph, path));
			const tensor = trace?.byNode.get(path)?.findLast((one) => one.type === "Sigmas" && one.part === "values");
			const values = tensor && elements(run, tensor);
			const traced = values ? Array.from(values) : void 0;
			if (own) return [{
				path,
				values: own,
				edited: !(traced?.length === own.length && traced.every((one, k) => one === own[k]))
			}];
			return traced ? [{
				path,
				values: traced,
				edited: false
			}] : [];
		});
	}, [
		trace,
		run,
		graph,
		catalogue,
		arrived
	]);
}
/** The levels at which the steps of the loop began, as the run told them. */
function useWalked() {
	const steps = useRuns((state) => state.runs[state.shown]?.steps);
	const node = useScrub((state) => state.node);
	return (steps?.[node] ?? []).flatMap(({ step, sigma }) => sigma === null ? [] : [[step + 1, sigma]]);
}
function Points({ x, y, box, schedules, drag }) {
	return schedules.map((levels, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("g", {
		className: `nfi-s${k % 6}`,
		children: levels.values.map((value, index) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Point, {
			levels,
			value,
			index,
			drag,
			cx: x.place(index + 1),
			cy: value > 0 ? y.place(value) : box.top + box.height,
			valueAt: (py) => y.value(1 - (py - box.top) / box.height)
		}, index))
	}, levels.path));
}
function Point({ levels, value, index, cx, cy, valueAt, drag }) {
	const { path, values } = levels;
	const fixed = index === values.length - 1 && value === 0;
	const moved = (event) => {
		const top = event.currentTarget.ownerSVGElement?.getBoundingClientRect().top ?? 0;
		return movedPoint(values, index, valueAt(event.clientY - top));
	};
	const keys = (event) => {
		const way = {
			ArrowUp: 1,
			ArrowDown: -1
		}[event.key];
		if (way === void 0) return;
		event.preventDefault();
		event.stopPropagation();
		const factor = (event.shiftKey ? 1.25 : 1.02) ** way;
		apply(path, movedPoint(values, index, value * factor), `levels:${path}:${index}`);
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("circle", {
		className: "nfi-point",
		r: fixed ? 3 : 5,
		cx,
		cy,
		role: "slider",
		tabIndex: fixed ? -1 : 0,
		"aria-label": `${path}, level ${index + 1}`,
		"aria-valuenow": value,
		"aria-valuetext": told(value),
		"aria-valuemin": values[index + 1] ?? 0,
		"aria-valuemax": values[index - 1] ?? 1e4,
		"aria-disabled": fixed,
		onPointerDown: (event) => {
			if (event.button !== 0 || fixed) return;
			event.stopPropagation();
			event.currentTarget.setPointerCapture(event.pointerId);
		},
		onPointerMove: (event) => {
			if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
			event.currentTarget.dataset.moved = "yes";
			drag({
				path,
				values: moved(event),
				edited: true
			});
		},
		onPointerUp: (event) => {
			if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
			event.currentTarget.releasePointerCapture(event.pointerId);
			if (event.currentTarget.dataset.moved) apply(path, moved(event));
			delete event.currentTarget.dataset.moved;
			drag(null);
		},
		onPointerCancel: () => drag(null),
		onKeyDown: keys,
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("title", { children: `${path}, level ${index + 1}: ${exactly(value)}` })
	});
}
function apply(path, levels, merge) {
	const { graph, edit } = useEditor.getState();
	const why = whyNotDrawn(graph, path);
	if (why) {
		useUi.getState().notify("warning", why);
		return;
	}
	edit("Levels by hand", (before) => withLevels(before, path, levels), merge ? { merge } : {});
}
// src/inspect/asks.ts
/** Which of the nodes that asked a model did so under a prompt, told from the graph's wires. */
/** Deeper than any graph that people wire. */
var MOST$2 = 5e3;
/** Of these asks those whose text comes from the node at path `prompt`. */
function asksWith(graph, asks, prompt) {
	return asks.filter((ask) => textsOf(graph, ask).has(prompt));
}
/** Paths of all nodes before the port of an ask. A guider's port is one of a node before it. */
function textsOf(graph, { node, prompt }) {
	const { scope, id } = splitPath(node);
	const port = prompt.replace(/ \d+$/, "");
	const own = {
		scope,
		node: id,
		port
	};
	if (feeding(graph, own).length) return upstream(graph, own);
	const found = /* @__PURE__ */ new Set();
	for (const path of upstream(graph, {
		scope,
		node: id
	})) {
		const at = splitPath(path);
		for (const one of upstream(graph, {
			scope: at.scope,
			node: at.id,
			port
		})) found.add(one);
	}
	return found;
}
function upstream(graph, start) {
	const found = /* @__PURE__ */ new Set();
	const seen = /* @__PURE__ */ new Set();
	const pending = feeding(graph, start);
	while (pending.length && seen.size < MOST$2) {
		const place = pending.pop();
		const key = `${pathOf(place.scope, place.node)}.${place.port}`;
		if (seen.has(key)) continue;
		seen.add(key);
		const holder = place.scope.at(-1);
		if (place.node === "$in" && holder !== void 0) {
			const outside = place.scope.slice(0, -1);
			pending.push(...feeding(graph, {
				...place,
				scope: outside,
				node: holder
			}));
			continue;
		}
		found.add(pathOf(place.scope, place.node));
		if (innerGraph(nodeAt(graph, place.scope, place.node))) {
			const inside = [...place.scope, place.node];
			pending.push(...feeding(graph, {
				...place,
				scope: inside,
				node: PAD_OUT
			}));
		}
		pending.push(...feeding(graph, {
			scope: place.scope,
			node: place.node
		}));
	}
	return found;
}
/** Where the wires to a port, or to any port of a node, come from. */
function feeding(graph, { scope, node, port }) {
	const file = nodeAt(graph, scope, node);
	const own = file ? wiresOfNode(node, file, isLoop(holderOf(graph, scope))) : [];
	const pads = scope.length ? padWires(graph, scope).filter(({ to }) => to.node === node) : [];
	return [...own, ...pads].filter(({ to }) => port === void 0 || to.port === port).map(({ from }) => ({
		scope,
		node: from.node,
		port: from.port
	}));
}
// src/inspect/TokenAttention.tsx
/** Where the picture listens to one token, at a step: the maps of a run that was traced whole, by
* layer, over what the model took the picture to be. */
var useIndexes = create()(() => ({ of: {} }));
function keep(key, index) {
	useIndexes.setState(({ of }) => {
		const { [key]: _, ...others } = of;
		return { of: {
			...Object.fromEntries(Object.entries(others).slice(-8)),
			[key]: index
		} };
	});
}
/** What a run that has ended, or waits, told of attention in a loop or sampler; undefined until it
* is here. */
function useAttention(run, node) {
	const told = useRuns(({ runs }) => {
		const view = runs[run];
		if (!view) return "";
		return view.state === "paused" ? view.pausedPath : FINISHED$1.has(view.state) ? "ended" : "";
	});
	const key = `${run} ${node} ${told}`;
	const index = useIndexes(({ of }) => of[key]);
	(0, import_react.useEffect)(() => {
		if (!run || !node || !told || useIndexes.getState().of[key] !== void 0) return;
		keep(key, null);
		attention(run, node).then((answer) => keep(key, answer), (error) => {
			if (!(error instanceof ApiError)) throw error;
			useIndexes.setState(({ of: { [key]: _, ...of } }) => ({ of }));
		});
	}, [
		run,
		node,
		told,
		key
	]);
	return index ?? void 0;
}
/** The nodes that asked, each with the ports by which its texts came. */
function asksOf(index) {
	const made = /* @__PURE__ */ new Map();
	for (const { node, prompt } of index.maps) made.set(`${node} ${prompt}`, {
		node,
		prompt
	});
	return [...made.values()];
}
/** Nothing where the run has no map of the token; why not is in the index's `note`. */
function TokenAttention(props) {
	const { run, node, slot, step, prompt = "", word = `slot ${slot}`, item = 0 } = props;
	const index = useAttention(run, node);
	const graph = useGraphOf(run);
	const x0 = useStepTensors(run, node, step);
	const [asked, setAsked] = (0, import_react.useState)("");
	const [layer, setLayer] = (0, import_react.useState)("");
	const [over, setOver] = (0, import_react.useState)(70);
	if (!index?.maps.length) return null;
	const all = asksOf(index);
	const fitting = prompt ? asksWith(graph, all, prompt) : all;
	const asks = fitting.length ? fitting : all;
	const ask = asks.find((one) => nameOf$2(one) === asked) ?? asks[0];
	const here = index.maps.filter((map) => map.node === ask?.node && map.prompt === ask?.prompt);
	const shown = nearest(here.map((map) => map.step), step);
	const maps = here.filter((map) => map.step === shown && map.tokens > slot);
	if (!ask || !maps.length) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-quiet",
		children: "No map of this token was traced."
	});
	if (maps.some((map) => !map.kept)) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-quiet",
		children: "There was no room to keep all maps of this step; trace fewer steps, or fewer runs."
	});
	const chosen = maps.some((map) => map.layer === layer) ? layer : "";
	const behind = x0.x0 ?? x0.after;
	const url = (name) => attentionPicture(run, {
		...ask,
		step: shown,
		slot,
		layer: name,
		item
	});
	const text = `where “${word}” is listened to, ${chosen || "mean of all layers"}`;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
		className: "nfa",
		"aria-label": `attention to ${word}`,
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", {
			className: "nfa-whole",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nfa-stack",
				children: [behind ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(TensorCanvas, {
					run,
					tensor: behind,
					label: "what the model sees at this step"
				}) : null, /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
					src: url(chosen),
					alt: text,
					className: "nfa-map",
					style: behind ? { opacity: over / 100 } : {},
					"data-over": behind !== void 0
				})]
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figcaption", { children: [shown === null ? "" : `step ${shown + 1}, `, chosen || "mean of all layers"] })]
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nfa-beside",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nfa-fields",
				children: [behind ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
					className: "nfa-field",
					children: ["map over the picture", /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
						type: "range",
						min: 0,
						max: 100,
						value: over,
						"aria-label": "how strongly the map covers the picture",
						onChange: (event) => setOver(Number(event.target.value))
					})]
				}) : null, asks.length > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
					className: "nfa-field",
					children: ["asked by", /* @__PURE__ */ (0, import_jsx_runtime.jsx)("select", {
						className: "nfi-select",
						value: nameOf$2(ask),
						onChange: (event) => setAsked(event.target.value),
						children: asks.map((one) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", { children: nameOf$2(one) }, nameOf$2(one)))
					})]
				}) : null]
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("fieldset", {
				className: "nfa-layers",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("legend", { children: "layer" }), ["", ...maps.map((map) => map.layer)].map((name) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Layer, {
					name,
					size: index.layers.find((one) => one.name === name),
					src: url(name),
					group: `${run} ${node}`,
					chosen: name === chosen,
					choose: () => setLayer(name)
				}, name))]
			})]
		})]
	});
}
function Layer({ name, size, src, group, chosen, choose }) {
	const grid = size ? ` ${size.height} × ${size.width}` : "";
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
		className: "nfa-layer",
		"data-chosen": chosen,
		title: `${name || "mean of all"}${grid}`,
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
				type: "radio",
				name: `layer of ${group}`,
				checked: chosen,
				onChange: choose
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
				src,
				alt: "",
				loading: "lazy"
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [name ? shortLayer(name) : "mean of all", /* @__PURE__ */ (0, import_jsx_runtime.jsx)("small", { children: grid })] })
		]
	});
}
function nameOf$2({ node, prompt }) {
	return `${node}, ${prompt}`;
}
/** `up_blocks.1.attentions.0.transformer_blocks.0.attn2` → `up 1 · 0`. */
function shortLayer(name) {
	const block = name.match(/^(down|mid|up)_blocks?(?:\.(\d+))?/);
	if (!block) return name;
	const rest = name.slice(block[0].length).match(/\.\d+/g)?.map((part) => part.slice(1)) ?? [];
	const inner = rest.length > 1 && rest.at(-1) === "0" ? rest.slice(0, -1) : rest;
	return [block[2] === void 0 ? block[1] : `${block[1]} ${block[2]}`, ...block[1] === "mid" ? [] : inner].join(" · ");
}
/** The traced step that tells of a step: itself, else the last before it, else the first. */
function nearest(steps, step) {
	const known = steps.filter((one) => one !== null);
	if (!known.length) return null;
	const before = known.filter((one) => one <= step);
	return before.length ? Math.max(...before) : Math.min(...known);
}
// src/inspect/words.ts
/** Paths of nodes with a prompt field, everywhere in the graph. */
function promptNodes(graph, catalogue) {
	const found = [];
	const walk = (scope) => {
		for (const [id, node] of Object.entries(nodesIn(graph, scope) ?? {})) {
			const inputs = catalogue.nodes.get(node.type)?.inputs ?? [];
			for (const { name, widget } of inputs) {
				const text = typeof node.params?.[name] === "string";
				if (widget?.widget === "Prompt" && text) found.push({
					path: pathOf(scope, id),
					port: name
				});
			}
			if (node.body || typeof node.graph === "object") walk([...scope, id]);
		}
	};
	walk([]);
	return found;
}
// src/inspect/Tokens.tsx
/** A prompt as its text encoders read it, and where in the picture one piece is listened to. */
function Tokens() {
	const graph = useEditor((state) => state.graph);
	const selection = useEditor((state) => state.selection);
	const catalogue = useCatalogue((state) => state.catalogue);
	const prompts = (0, import_react.useMemo)(() => promptNodes(graph, catalogue), [graph, catalogue]);
	const [asked, setAsked] = (0, import_react.useState)("");
	const selected = prompts.find(({ path }) => selection.includes(path));
	const prompt = prompts.find(({ path }) => path === asked) ?? selected ?? prompts[0];
	const [chosen, setChosen] = (0, import_react.useState)(null);
	const node = prompt && nodeByPath(graph, prompt.path);
	const { answer, fault } = useTokens(prompt ? String(node?.params?.[prompt.port] ?? "") : "", prompt ? checkpointOf(graph, prompt.path) : "");
	if (!prompt) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-quiet",
		children: "No node of this graph has a prompt."
	});
	const encoder = answer?.texts[chosen?.encoder ?? -1];
	const piece = encoder?.pieces[chosen?.piece ?? -1];
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nfi-tokens",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nfi-row",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
					className: "nfi-field",
					children: ["prompt", /* @__PURE__ */ (0, import_jsx_runtime.jsx)("select", {
						className: "nfi-select",
						value: prompt.path,
						onChange: (event) => {
							setAsked(event.target.value);
							setChosen(null);
						},
						children: prompts.map(({ path, port }) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", { children: path }, `${path}.${port}`))
					})]
				}), fault ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
					className: "nf-fault",
					children: fault
				}) : null]
			}),
			piece && encoder ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Attention, {
				prompt: prompt.path,
				piece,
				length: encoder.length
			}) : null,
			answer?.texts.map((one, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Encoder, {
				text: one,
				chosen: chosen?.encoder === k ? chosen.piece : -1,
				choose: (at) => setChosen(at < 0 ? null : {
					encoder: k,
					piece: at
				})
			}, k))
		]
	});
}
function useTokens(text, checkpoint) {
	const [told, setTold] = (0, import_react.useState)({ fault: "" });
	(0, import_react.useEffect)(() => {
		if (!checkpoint) return;
		const stop = new AbortController();
		const timer = setTimeout(() => {
			tokenize(text, checkpoint, stop.signal).then((answer) => setTold({
				answer,
				fault: ""
			}), (error) => {
				if (error instanceof ApiError) setTold({ fault: error.message });
			});
		}, 250);
		return () => {
			clearTimeout(timer);
			stop.abort();
		};
	}, [text, checkpoint]);
	return told;
}
function Encoder(props) {
	const { text, chosen, choose } = props;
	const chunks = [...grouped$1(text.pieces)];
	const own = text.pieces.filter((piece) => !piece.special).length;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("h3", {
		className: "nfi-h",
		children: [
			text.encoder,
			": ",
			own,
			" pieces in ",
			chunks.length,
			" × ",
			text.length,
			" slots",
			text.note ? ` (${text.note})` : ""
		]
	}), chunks.map(([number, entries]) => {
		const shown = entries.filter(([, piece]) => piece.special !== "pad");
		const padding = entries.length - shown.length;
		return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("ul", {
			className: "nfi-chunk",
			"aria-label": `chunk ${number + 1}`,
			children: [shown.map(([at, piece]) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("li", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Token, {
				piece,
				pressed: at === chosen,
				press: () => choose(at === chosen ? -1 : at)
			}) }, at)), padding ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("li", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
				className: "nfi-token",
				"data-special": "true",
				children: [
					"+ ",
					padding,
					" ",
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("small", { children: "padding" })
				]
			}) }) : null]
		}, number);
	})] });
}
function grouped$1(pieces) {
	const made = /* @__PURE__ */ new Map();
	for (const [at, piece] of pieces.entries()) {
		const list = made.get(piece.chunk) ?? [];
		list.push([at, piece]);
		made.set(piece.chunk, list);
	}
	return made;
}
/** Without the tokenizer's marks of where a word ends or begins. */
function bareText(text) {
	return text.replace("</w>", "").replace("▁", "") || "␣";
}
function Token(props) {
	const { piece, pressed, press } = props;
	const weight = piece.weight === 1 ? "" : ` × ${piece.weight}`;
	const name = piece.special || bareText(piece.text);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
		type: "button",
		className: "nfi-token",
		"data-special": piece.special !== "",
		"aria-pressed": pressed,
		"aria-label": `${name}, id ${piece.id}, slot ${piece.slot}${weight ? `, weight ${piece.weight}` : ""}`,
		title: `${piece.text} · id ${piece.id} · slot ${piece.slot} of chunk ${piece.chunk + 1}`,
		onClick: press,
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("b", { children: name }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("small", { children: [piece.id, weight ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
			className: "nfi-weight",
			children: weight
		}) : null] })]
	});
}
/** Where in the picture a piece is listened to, where the run was traced whole. */
function Attention(props) {
	const { prompt, piece, length } = props;
	const run = useRuns((state) => state.shown);
	const { node, step } = useScrub();
	const index = useAttention(run, node);
	const slot = piece.chunk * length + piece.slot;
	const word = bareText(piece.text);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("h3", {
		className: "nfi-h",
		children: [
			"Attention to “",
			word,
			"”, slot ",
			slot
		]
	}), index?.maps.length ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(TokenAttention, {
		run,
		node,
		slot,
		step,
		prompt,
		word
	}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NoTrace, {
		what: `${index?.note ? `${index.note}. ` : ""}Where a word is listened to is kept by a run that keeps every value.`,
		level: "full"
	})] });
}
// src/inspect/Trajectory.tsx
/** Where the latents of runs go, on the two axes along which they spread most, and how far they are
* from a reference of many steps. */
/** Steps of a reference. */
var MANY = 200;
var MOST$1 = 8;
function Trajectory() {
	const shown = useRuns((state) => state.shown);
	const trace = useShownTrace();
	const all = useRuns((state) => state.runs);
	const [chosen, setChosen] = (0, import_react.useState)([]);
	const [references, setReferences] = (0, import_react.useState)({});
	const node = useStepTensors(shown, useScrub((state) => state.node), 0).after?.node ?? "";
	useNewest();
	const runs = (0, import_react.useMemo)(() => traced(all, shown), [all, shown]);
	const reference = references[shown] ?? "";
	const ready = all[reference]?.state === "done" ? reference : "";
	const asked = (0, import_react.useMemo)(() => [.../* @__PURE__ */ new Set([shown, ...chosen])].slice(0, MOST$1), [shown, chosen]);
	const { answer, fault } = useTrajectory(trace?.latents.size ? asked : [], shown, node, ready);
	if (!trace?.latents.size) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NoTrace, { what: "Where the latents go is drawn from those that a run keeps." });
	const make = async () => {
		const made = await makeReference(shown);
		if (made) setReferences((before) => ({
			...before,
			[shown]: made
		}));
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("fieldset", {
			className: "nfi-runs nfi-scrub",
			"aria-label": "runs drawn over each other",
			children: [
				runs.map((run) => {
					const at = asked.indexOf(run.run);
					return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
						className: at < 0 ? "" : `nfi-s${at % 6}`,
						children: [
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
								type: "checkbox",
								checked: at >= 0,
								disabled: run.run === shown,
								onChange: (event) => setChosen((before) => event.target.checked ? [...before, run.run] : before.filter((one) => one !== run.run))
							}),
							at < 0 ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("i", { "aria-hidden": "true" }),
							nameOf$1(run)
						]
					}, run.run);
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button",
					disabled: Boolean(reference && !FINISHED$1.has(all[reference]?.state ?? "queued")),
					onClick: () => void make(),
					title: `Runs the same graph with ${MANY} steps, after all that waits`,
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Play, {
						size: 13,
						"aria-hidden": true
					}), " Make a reference"]
				}),
				reference ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: ["reference: ", all[reference]?.state ?? "queued"] }) : null
			]
		}),
		fault ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
			className: "nf-fault",
			children: fault
		}) : null,
		answer ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nfi-plots",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Plane, {
				answer,
				names: all
			}), ready ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ErrorPlot, {
				answer,
				names: all
			}) : /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
				className: "nf-quiet",
				children: [
					"With a reference of ",
					MANY,
					" steps the distance of each latent from its end is drawn too."
				]
			})]
		}) : null
	] });
}
/** Runs of before this page was opened are there to compare, too. */
function useNewest() {
	(0, import_react.useEffect)(() => {
		runs({
			limit: 40,
			state: "done"
		}).then((page) => useRuns.getState().know(page.runs), () => void 0);
	}, []);
}
function cut(text) {
	return text.length > 26 ? `${text.slice(0, 25)}…` : text;
}
function nameOf$1(run) {
	return run ? `run ${run.number}${run.title ? `: ${cut(run.title)}` : ""}` : "run";
}
/** The run shown, and others that kept latents, newest first. */
function traced(runs, shown) {
	const own = runs[shown];
	const others = Object.values(runs).filter((run) => run.trace === "latents" || run.trace === "full").filter((run) => run.state === "done" && run.run !== shown).sort((a, b) => b.number - a.number);
	return [...own ? [own] : [], ...others].slice(0, MOST$1);
}
async function makeReference(run) {
	const graph = graphOf(run);
	if (!graph.inputs?.steps) {
		useUi.getState().notify("warning", "A reference needs an input “steps” of the graph: make the port with the steps one (in the menu of its socket)");
		return "";
	}
	return quietRun({
		graph,
		title: `${MANY} steps`,
		trace: "latents",
		inputs: { steps: MANY }
	});
}
function useTrajectory(runs, shown, node, reference) {
	const [found, setFound] = (0, import_react.useState)({ fault: "" });
	(0, import_react.useEffect)(() => {
		if (!runs.length) return;
		let gone = false;
		trajectory({
			runs: runs.map((run) => ({
				run,
				node: run === shown ? node : ""
			})),
			reference: reference ? {
				run: reference,
				node: ""
			} : null
		}).then((answer) => gone || setFound({
			answer,
			fault: ""
		}), (error) => {
			if (!gone && error instanceof ApiError) setFound({ fault: error.message });
		});
		return () => {
			gone = true;
		};
	}, [
		runs,
		shown,
		node,
		reference
	]);
	return found;
}
var HEIGHT = 240;
function Plane({ answer, names }) {
	const [ref, width] = useWidth();
	const { step, goTo } = useScrub();
	const shown = useRuns((state) => state.shown);
	const points = answer.trajectories.flatMap((one) => one.points);
	const [xs, ys] = [extent(points.map(({ x }) => x)), extent(points.map(({ y }) => y))];
	const x = linear(...xs ?? [0, 1]);
	const y = linear(...ys ?? [0, 1]);
	const px = (value) => 20 + x.place(value) * (width - 40);
	const py = (value) => 200 - y.place(value) * 180;
	const [first, second] = answer.explained;
	const share = (value) => `${((value ?? 0) * 100).toFixed(1)} %`;
	const words = answer.trajectories.map(({ run, points: all }) => {
		const [a, b] = [all[0], all.at(-1)];
		return `${nameOf$1(names[run])} from (${told(a?.x)}, ${told(a?.y)}) to (${told(b?.x)}, ${told(b?.y)}) in ${all.length} steps`;
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", {
		className: "nfi-plot",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figcaption", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: "Path of the latents" }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("ul", {
				className: "nfi-legend",
				children: [
					answer.trajectories.map(({ run }, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
						className: `nfi-s${k % 6}`,
						children: [
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("i", { "aria-hidden": "true" }),
							" ",
							nameOf$1(names[run])
						]
					}, run)),
					/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", { children: [
						"axes explain ",
						share(first),
						" and ",
						share(second),
						" of the variance"
					] }),
					answer.every > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", { children: [
						"each ",
						answer.every,
						"th step"
					] }) : null
				]
			})] }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
				ref,
				className: "nfi-plot-area",
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("svg", {
					width,
					height: HEIGHT,
					role: "img",
					"aria-label": words.join("; "),
					className: "nfi-svg",
					children: [
						answer.trajectories.map(({ run, points: all }, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("g", {
							className: `nfi-s${k % 6}`,
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
								className: "nfi-line",
								d: all.map((one, at) => `${at ? "L" : "M"}${px(one.x).toFixed(1)} ${py(one.y).toFixed(1)}`).join("")
							}), all.map((one) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("circle", {
								className: "nfi-dot",
								cx: px(one.x),
								cy: py(one.y),
								r: one.step === step && run === shown ? 6.5 : 3,
								onClick: () => run === shown ? goTo(one.step) : showRun(run),
								children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("title", { children: `step ${one.step + 1}: ${told(one.x)}, ${told(one.y)}` })
							}, one.tid))]
						}, run)),
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("text", {
							className: "nfi-axis",
							x: width - 12,
							y: 234,
							textAnchor: "end",
							children: ["first component, ", share(first)]
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("text", {
							className: "nfi-axis",
							x: 4,
							y: 12,
							children: ["second, ", share(second)]
						})
					]
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Table, {
				answer,
				names
			})
		]
	});
}
function Table({ answer, names }) {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("details", {
		className: "nfi-figures",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("summary", { children: "Figures" }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("table", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("thead", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("tr", { children: [
			"run",
			"step",
			"first",
			"second",
			"error"
		].map((name) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
			scope: "col",
			children: name
		}, name)) }) }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("tbody", { children: answer.trajectories.flatMap(({ run, points }) => points.map((one) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("tr", { children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
				scope: "row",
				children: names[run]?.number ?? ""
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("td", { children: one.step + 1 }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("td", {
				title: String(one.x),
				children: told(one.x)
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("td", {
				title: String(one.y),
				children: told(one.y)
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("td", {
				title: String(one.error),
				children: told(one.error)
			})
		] }, `${run}${one.tid}`))) })] })]
	});
}
function ErrorPlot({ answer, names }) {
	const { step, goTo } = useScrub();
	const series = answer.trajectories.map(({ run, points }, k) => ({
		name: nameOf$1(names[run]),
		colour: k,
		points: points.flatMap((one) => one.error === null ? [] : [[one.step + 1, one.error]])
	}));
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Plot, {
		title: `Distance from the end of ${MANY} steps`,
		xLabel: "step",
		yLabel: "rms, log axis",
		log: true,
		series,
		mark: step + 1,
		onMark: (at) => goTo(at - 1),
		height: 230
	});
}
// src/inspect/WireCard.tsx
/** The card that tells what a wire carries, a moment after the pointer or the keyboard came to it.
* A click on a wire, or L at a socket, opens the panel that shows it whole. */
var AFTER_MS = 250;
function WireCard() {
	useWireEvents();
	const hovered = useUi((state) => state.wire);
	const focused = useLook((state) => state.focused);
	const wire = hovered ?? focused;
	const [shown, setShown] = (0, import_react.useState)(null);
	(0, import_react.useEffect)(() => {
		if (!wire) {
			setShown(null);
			return;
		}
		const timer = setTimeout(() => setShown(wire), AFTER_MS);
		return () => clearTimeout(timer);
	}, [wire]);
	return shown && wire ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Card, { wire: shown }) : null;
}
/** What a wire carries at the step that is shown. */
function useCarried(from) {
	const trace = useShownTrace();
	const graph = useEditor((state) => state.graph);
	const node = useScrub((state) => state.node);
	const step = useScrub((state) => state.step);
	return trace && from ? carried$1(trace, graph, from, node, step) : [];
}
function Card({ wire }) {
	const tensors = useCarried(wire.from);
	const trace = useShownTrace();
	const run = useRuns((state) => state.shown);
	const [first] = tensors;
	const [x, y] = wire.at;
	const left = Math.max(8, Math.min(x + 14, window.innerWidth - 268));
	const top = y + 300 > window.innerHeight ? Math.max(8, y - 250) : y + 16;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nfi-wire",
		role: "status",
		style: {
			left,
			top
		},
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
			className: "nfi-wire-type",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: wire.type }),
				" ",
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: wire.from })
			]
		}), first ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", { children: [
				shapeText(first.shape),
				" · ",
				first.dtype,
				" · ",
				first.device,
				first.step === null ? "" : ` · step ${first.step + 1}`
			] }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Stats, { stats: first.stats }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: "nf-sr",
				children: spoken$1(first.stats)
			}),
			first.kept && first.shape.length >= 3 && first.bytes < 1 << 22 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(TensorCanvas, {
				run,
				tensor: first,
				label: "",
				className: "nfi-wire-picture"
			}) : null,
			tensors.length > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
				className: "nf-quiet",
				children: [
					"and ",
					tensors.length - 1,
					" more tensors"
				]
			}) : null
		] }) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
			className: "nf-quiet",
			children: trace ? "Nothing of this was traced." : "Run with trace to see what it carries."
		})]
	});
}
/** Clicks on wires, the keyboard at a socket. */
function useWireEvents() {
	(0, import_react.useEffect)(() => {
		const open = (event) => {
			const target = event.target;
			const id = (target.closest?.(".react-flow__edge"))?.getAttribute("data-id");
			if (!id || target.closest(".wire-bend")) return;
			const wire = wireOf(id);
			if (wire) useLook.getState().look(wire.from, wire.type);
		};
		const focus = (event) => {
			const socket = event.target.closest?.(".socket");
			const at = socket?.matches(":focus-visible") ? atSocket(socket) : void 0;
			if (!socket || !at) {
				if (useLook.getState().focused) useLook.setState({ focused: null });
				return;
			}
			const box = socket.getBoundingClientRect();
			useLook.setState({ focused: {
				...at,
				to: "",
				at: [box.right, box.bottom]
			} });
		};
		document.addEventListener("click", open);
		document.addEventListener("focusin", focus);
		return () => {
			document.removeEventListener("click", open);
			document.removeEventListener("focusin", focus);
		};
	}, []);
}
// src/inspect/Drawer.tsx
var TABS$1 = [
	{
		id: "steps",
		title: "Steps",
		Body: Steps$1
	},
	{
		id: "schedule",
		title: "Schedule",
		Body: Schedule
	},
	{
		id: "guidance",
		title: "Guidance",
		Body: Guidance
	},
	{
		id: "tokens",
		title: "Tokens",
		Body: Tokens
	},
	{
		id: "trajectory",
		title: "Trajectory",
		Body: Trajectory
	}
];
/** Below the canvas: the step scrubber and what is plotted over steps. */
function Drawer() {
	const open = useUi((state) => state.drawer);
	(0, import_react.useEffect)(() => {
		const stops = [watchTraces(), registerInspect()];
		return () => {
			for (const stop of stops) stop();
		};
	}, []);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(WireCard, {}), open ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Open, {}) : null] });
}
function Open() {
	const tab = useScrub((state) => state.tab);
	const setTab = useScrub((state) => state.setTab);
	const Body = TABS$1.find((one) => one.id === tab)?.Body ?? Steps$1;
	const keys = (event) => {
		const at = TABS$1.findIndex((one) => one.id === tab);
		const next = TABS$1[{
			ArrowLeft: (at + TABS$1.length - 1) % TABS$1.length,
			ArrowRight: (at + 1) % TABS$1.length,
			Home: 0,
			End: TABS$1.length - 1
		}[event.key] ?? -1];
		if (!next) return;
		event.preventDefault();
		event.stopPropagation();
		setTab(next.id);
		document.getElementById(`nfi-tab-${next.id}`)?.focus();
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
		className: "nfi-drawer",
		"aria-label": "Look inside",
		onKeyDown: (event) => {
			if (event.key !== "Escape" || event.defaultPrevented) return;
			event.stopPropagation();
			useUi.getState().setDrawer(false);
		},
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("header", {
			className: "nfi-head",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
					role: "tablist",
					"aria-label": "What is shown",
					className: "nfi-tabs",
					onKeyDown: keys,
					children: TABS$1.map(({ id, title }) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
						id: `nfi-tab-${id}`,
						type: "button",
						role: "tab",
						"aria-selected": id === tab,
						"aria-controls": "nfi-body",
						tabIndex: id === tab ? 0 : -1,
						onClick: () => setTab(id),
						children: title
					}, id))
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Scrubber, {}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					className: "nf-icon nfi-close",
					"aria-label": "close what looks inside",
					onClick: () => useUi.getState().setDrawer(false),
					children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(X, {
						size: 17,
						"aria-hidden": true
					})
				})
			]
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
			id: "nfi-body",
			role: "tabpanel",
			"aria-labelledby": `nfi-tab-${tab}`,
			className: "nfi-body",
			children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Body, {})
		})]
	});
}
// src/panels/Notices.tsx
/** How long a line stays; errors stay until they are closed. */
var STAY_MS = {
	info: 5e3,
	good: 4e3,
	warning: 8e3,
	error: 0
};
var ICONS = {
	info: Info,
	good: CircleCheck,
	warning: TriangleExclamationPoint,
	error: CircleExclamationPoint
};
function Notices() {
	const notices = useUi((state) => state.notices);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("section", {
		className: "nf-notices",
		"aria-label": "notices",
		"aria-live": "polite",
		"aria-relevant": "additions",
		children: notices.slice(-4).map((notice) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NoticeLine, { notice }, notice.id))
	});
}
function NoticeLine({ notice }) {
	const dismiss = useUi((state) => state.dismiss);
	const { id, kind, text, action } = notice;
	(0, import_react.useEffect)(() => {
		const stay = STAY_MS[kind];
		if (stay === 0) return;
		const timer = setTimeout(() => dismiss(id), action ? stay * 2 : stay);
		return () => clearTimeout(timer);
	}, [
		id,
		kind,
		action,
		dismiss
	]);
	const Icon = ICONS[kind];
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: `nf-notice nf-${kind}`,
		role: kind === "error" ? "alert" : "status",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Icon, {
				size: 16,
				"aria-hidden": true
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "nf-notice-text",
				children: text
			}),
			action ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-button nf-small",
				onClick: () => {
					dismiss(id);
					action.run();
				},
				children: action.label
			}) : null,
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-icon nf-small",
				"aria-label": "close",
				onClick: () => dismiss(id),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(X, {
					size: 14,
					"aria-hidden": true
				})
			})
		]
	});
}
// src/panels/appearance.ts
/** How the page looks, kept in this browser: the theme, and what is shown. */
var KEY = "nodeflow.appearance";
/** What was kept, as far as it makes sense. */
function readAppearance(text) {
	let told;
	try {
		told = JSON.parse(text ?? "{}");
	} catch {
		return {};
	}
	if (typeof told !== "object" || told === null) return {};
	const { theme, minimap, previews, snap } = told;
	const kept = {};
	if (theme === "light" || theme === "dark" || theme === "system") kept.theme = theme;
	if (typeof minimap === "boolean") kept.minimap = minimap;
	if (typeof previews === "boolean") kept.previews = previews;
	if (typeof snap === "boolean") kept.snap = snap;
	return kept;
}
function stored() {
	try {
		return localStorage.getItem(KEY);
	} catch {
		return null;
	}
}
function store(appearance) {
	try {
		localStorage.setItem(KEY, JSON.stringify(appearance));
	} catch {}
}
/** Let the theme hold on the page, and keep what is chosen. Returns what ends it. */
function startAppearance() {
	const { snap, ...ui } = readAppearance(stored());
	useUi.setState(ui);
	if (snap !== void 0) useCanvasStore.setState({ snap });
	const dark = window.matchMedia?.("(prefers-color-scheme: dark)");
	const show = () => {
		const { theme } = useUi.getState();
		const now = theme === "system" ? dark?.matches ? "dark" : "light" : theme;
		document.documentElement.dataset.theme = now;
	};
	const keep = () => {
		const { theme, minimap, previews } = useUi.getState();
		store({
			theme,
			minimap,
			previews,
			snap: useCanvasStore.getState().snap
		});
	};
	show();
	dark?.addEventListener("change", show);
	const ends = [useUi.subscribe((now, before) => {
		if (now.theme !== before.theme) show();
		if (now.theme !== before.theme || now.minimap !== before.minimap || now.previews !== before.previews) keep();
	}), useCanvasStore.subscribe((now, before) => {
		if (now.snap !== before.snap) keep();
	})];
	return () => {
		dark?.removeEventListener("change", show);
		for (const end of ends) end();
	};
}
// src/panels/selected.ts
/** The outputs of the one selected node, as what a run is asked for; [] if that makes no sense. */
function outputsOfSelection() {
	const { graph, scope, selection } = useEditor.getState();
	const [id] = selection;
	if (selection.length !== 1 || !id || id.includes(":") || scope.length > 0) return [];
	return portsOf(graph, scope, id, useCatalogue.getState().catalogue).outputs.slice(0, 1).map((port) => `${pathOf(scope, id)}.${port.name}`);
}
// src/panels/commands.ts
/** The commands of what stands around the canvas: panels, dialogs, documents, ways to run. */
var ui = () => useUi.getState();
/** Open a panel, or close it where it is open. */
function panel(name, title, key) {
	return {
		id: `view.${name}`,
		title,
		group: "View",
		keys: [key],
		run: () => ui().openRight(ui().right === name ? "" : name)
	};
}
function overlay(id, name, title, more = {}) {
	return {
		id,
		title,
		group: "View",
		run: () => ui().openOverlay(name),
		...more
	};
}
/** The browser's own dialog; a picture gives the graph that made it. */
function chooseFile() {
	const chooser = document.createElement("input");
	chooser.type = "file";
	chooser.accept = ".json,.png,.webp,.jpg,.jpeg";
	chooser.addEventListener("change", () => {
		const [file] = chooser.files ?? [];
		if (file) openFile(file);
	});
	chooser.click();
}
function saveAs() {
	ui().openOverlay("graphs", { save: true });
}
var RUN$1 = [
	{
		id: "run.toSelected",
		title: "Run to the selected node",
		group: "Run",
		when: () => outputsOfSelection().length > 0,
		run: () => runGraph({ outputs: outputsOfSelection() })
	},
	{
		id: "run.trace",
		title: "Run and keep every step",
		group: "Run",
		words: "run with trace latents look inside",
		run: () => runGraph({ trace: "latents" })
	},
	{
		id: "run.traceAll",
		title: "Run and keep every value",
		group: "Run",
		words: "run with trace full look inside",
		run: () => runGraph({ trace: "full" })
	},
	{
		id: "edit.drawSeeds",
		title: "Draw the random seeds now",
		group: "Edit",
		words: "dice die",
		when: () => (useEditor.getState().graph.view?.$random ?? []).length > 0,
		run: () => useEditor.getState().edit("New seed", (graph) => rolled(graph))
	}
];
var GRAPH$1 = [
	{
		id: "graph.saveAs",
		title: "Save as …",
		group: "Graph",
		keys: ["Mod+Shift+S"],
		inText: true,
		run: saveAs
	},
	overlay("graph.open", "graphs", "Saved graphs", {
		group: "Graph",
		keys: ["Mod+O"],
		inText: true
	}),
	{
		id: "graph.file",
		title: "Open a file or picture …",
		group: "Graph",
		words: "load import json png comfyui",
		run: chooseFile
	},
	{
		id: "graph.new",
		title: "New, empty graph",
		group: "Graph",
		words: "clear",
		run: newGraph
	},
	overlay("graph.templates", "templates", "Templates and lessons", {
		group: "Graph",
		keys: ["T"],
		words: "examples learn"
	})
];
var VIEW = [
	overlay("view.palette", "palette", "Command palette", {
		keys: ["Mod+K", "Mod+Shift+P"],
		inText: true,
		hidden: true
	}),
	overlay("view.shortcuts", "shortcuts", "Keys", {
		keys: ["?"],
		words: "keyboard shortcuts help"
	}),
	overlay("view.settings", "settings", "Settings", {
		keys: ["Mod+,"],
		inText: true
	}),
	overlay("view.welcome", "welcome", "Welcome", { words: "help begin" }),
	panel("node", "About the node", "N"),
	panel("form", "The graph as a form", "I"),
	panel("gallery", "Gallery", "G"),
	panel("queue", "Queue", "Q"),
	panel("history", "History of runs", "R"),
	panel("problems", "Problems", "P"),
	{
		id: "view.drawer",
		title: "Steps and plots",
		group: "View",
		keys: ["D"],
		words: "scrubber inspector drawer look inside",
		run: () => ui().setDrawer(!ui().drawer)
	},
	...[
		"light",
		"dark",
		"system"
	].map((theme) => ({
		id: `view.theme.${theme}`,
		title: `Theme: ${theme === "system" ? "as the system's" : theme}`,
		group: "View",
		run: () => ui().setTheme(theme)
	}))
];
function panelCommands() {
	return [
		...RUN$1,
		...GRAPH$1,
		...VIEW
	];
}
/** Returns what takes them out again. */
var registerPanelCommands = () => registerCommands(panelCommands());
/** The keys of a command as people read them, "" for none. */
function keysOf(id) {
	const keys = useCommands.getState().commands.find((one) => one.id === id)?.keys?.[0];
	return keys ? keysText(keys) : "";
}
/** A tooltip: what a button does, and its keys. */
function titled(title, id) {
	const keys = keysOf(id);
	return keys ? `${title} (${keys})` : title;
}
// src/panels/Dialog.tsx
var FOCUSABLE = "a[href], button:not(:disabled), input:not(:disabled):not([hidden]), select:not(:disabled), textarea:not(:disabled), [tabindex=\"0\"]";
/** Lies over everything, keeps the focus, closes on Escape and gives the focus back. */
function Dialog({ title, onClose, children, aside, size = "medium", bare, className }) {
	const box = (0, import_react.useRef)(null);
	const name = (0, import_react.useId)();
	(0, import_react.useLayoutEffect)(() => {
		const before = document.activeElement;
		const own = box.current;
		(own?.querySelector("[data-autofocus]") ?? own)?.focus();
		return () => {
			if (before instanceof HTMLElement && before.isConnected && before !== document.body) before.focus();
			else focusPane();
		};
	}, []);
	const close = (0, import_react.useRef)(onClose);
	close.current = onClose;
	(0, import_react.useEffect)(() => {
		const press = (event) => {
			if (event.key !== "Escape" || event.defaultPrevented) return;
			if (box.current?.contains(document.activeElement)) return;
			close.current();
		};
		document.addEventListener("keydown", press);
		return () => document.removeEventListener("keydown", press);
	}, []);
	const key = (event) => {
		if (event.key === "Escape") {
			event.stopPropagation();
			event.preventDefault();
			onClose();
		}
		if (event.key !== "Tab" || !box.current?.contains(document.activeElement)) return;
		const stops = [...box.current.querySelectorAll(FOCUSABLE)].filter((element) => element.offsetParent !== null || element === document.activeElement);
		const first = stops[0];
		const last = stops.at(-1);
		const at = document.activeElement;
		if (event.shiftKey && (at === first || at === box.current)) {
			event.preventDefault();
			last?.focus();
		} else if (!event.shiftKey && at === last) {
			event.preventDefault();
			first?.focus();
		}
	};
	return (0, import_react_dom.createPortal)(/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "nf-scrim",
		role: "presentation",
		onPointerDown: (event) => {
			if (event.target === event.currentTarget) onClose();
		},
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			ref: box,
			role: "dialog",
			"aria-modal": "true",
			"aria-labelledby": name,
			tabIndex: -1,
			className: `nf-dialog nf-dialog-${size} ${className ?? ""}`,
			onKeyDown: key,
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: bare ? "nf-sr" : "nf-dialog-head",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h2", {
						id: name,
						children: title
					}),
					aside,
					bare ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
						type: "button",
						className: "nf-icon",
						"aria-label": "close",
						onClick: onClose,
						children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(X, {
							size: 18,
							"aria-hidden": true
						})
					})
				]
			}), children]
		})
	}), document.body);
}
// src/panels/PausedBanner.tsx
/** A run that waits at a breakpoint: what one can do with it; and the steps to stop before. */
var waits = () => pausedRun() !== void 0;
function go(step) {
	const run = pausedRun();
	return run && continueRun(run.run, { step });
}
function registerBreakpointCommands() {
	const group = {
		group: "Run",
		words: "breakpoint paused debug"
	};
	return registerCommands([
		{
			...group,
			id: "run.continue",
			title: "Continue the run that waits",
			keys: ["F8"],
			inText: true,
			when: waits,
			run: () => go(false)
		},
		{
			...group,
			id: "run.step",
			title: "Step: run one node of the run that waits",
			keys: ["F10"],
			inText: true,
			when: waits,
			run: () => go(true)
		},
		{
			...group,
			id: "run.restart",
			title: "Restart the run that waits, with my edits",
			keys: ["Shift+F8"],
			inText: true,
			when: waits,
			run: () => restartHere()
		},
		{
			...group,
			id: "run.noBreakpoints",
			title: "Take back all breakpoints",
			when: () => useRuns.getState().breakpoints.length > 0,
			run: clearBreakpoints
		}
	]);
}
/** Mounted once: the banner, its commands, and the question for a step. */
function PausedBanner() {
	(0, import_react.useEffect)(registerBreakpointCommands, []);
	(0, import_react.useEffect)(keepBreakpoints, []);
	const run = useRuns(pausedRun);
	useEditor((state) => state.graph);
	const place = run?.pausedPath ?? "";
	const id = run?.run ?? "";
	const traced = run !== void 0 && run.trace !== "off";
	(0, import_react.useEffect)(() => {
		if (id && place && traced) fetchTrace(id);
	}, [
		id,
		place,
		traced
	]);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [run ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Paused, {
		id,
		number: run.number,
		place,
		node: run.pausedAt
	}) : null, /* @__PURE__ */ (0, import_jsx_runtime.jsx)(StepQuestion, {})] });
}
function Paused(props) {
	const { id, number, place, node } = props;
	const run = useRuns((state) => state.runs[id]);
	const edited = run !== void 0 && isEdited(run);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
		className: "nf-paused",
		"aria-label": "run at a breakpoint",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
			role: "status",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(CirclePause, {
				size: 16,
				"aria-hidden": true
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [
				"Run ",
				number || "",
				" waits before ",
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: placeText(place) || "…" })
			] })]
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-paused-buttons",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small",
					title: titled("Run on, to the next breakpoint", "run.continue"),
					onClick: () => void continueRun(id),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(FastForward, {
						size: 14,
						"aria-hidden": true
					}), " Continue"]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small",
					title: titled("Run this node and stop before the next", "run.step"),
					onClick: () => void continueRun(id, { step: true }),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(StepForward, {
						size: 14,
						"aria-hidden": true
					}), " Step"]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: `nf-button nf-small${edited ? " nf-primary" : ""}`,
					title: titled("Cancel it and run the graph as it is now to the same place: what the edits do not reach is cached", "run.restart"),
					onClick: () => void restartHere(),
					children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)(RotateCcw, {
							size: 14,
							"aria-hidden": true
						}),
						" ",
						edited ? "Restart with my edits" : "Restart"
					]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small",
					title: titled("Cancel the run", "run.cancel"),
					onClick: () => void cancelRun(id),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Square, {
						size: 13,
						"aria-hidden": true
					}), " Cancel run"]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small",
					title: "Show the node on the canvas",
					onClick: () => zoomTo(node),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(LocateFixed, {
						size: 14,
						"aria-hidden": true
					}), " Show"]
				})
			]
		})]
	});
}
function StepQuestion() {
	const { loop } = useStepAsk();
	return loop ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(StepDialog, { loop }, loop) : null;
}
function StepDialog({ loop }) {
	const breakpoints = useRuns((state) => state.breakpoints);
	const steps = useRuns((state) => state.runs[state.shown]?.nodes[loop]?.steps);
	const [step, setStep] = (0, import_react.useState)("");
	const set = stepsOf(breakpoints, loop);
	const number = Number(step);
	const fits = Number.isInteger(number) && number >= 1 && (!steps || number <= steps);
	const close = () => askStep("");
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Dialog, {
		title: `Stop in ${loop}`,
		onClose: close,
		size: "small",
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-stop-body",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("form", {
					className: "nf-stop",
					onSubmit: (event) => {
						event.preventDefault();
						if (!fits) return;
						if (!set.includes(number - 1)) toggleStep(loop, number - 1);
						close();
					},
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", { children: [
						"before step",
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
							className: "w-text",
							type: "number",
							min: 1,
							max: steps,
							value: step,
							"data-autofocus": true,
							onChange: (event) => setStep(event.target.value)
						}),
						steps ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
							className: "nf-quiet",
							children: ["of ", steps]
						}) : null
					] }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
						type: "submit",
						className: "nf-button nf-primary",
						disabled: !fits,
						children: "Stop there"
					})]
				}),
				set.length ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", {
					className: "nf-stops",
					"aria-label": "steps it stops before",
					children: set.map((one) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", { children: [
						"step ",
						one + 1,
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
							type: "button",
							className: "nf-button nf-small",
							"aria-label": `stop before step ${one + 1} no more`,
							onClick: () => toggleStep(loop, one),
							children: "Take back"
						})
					] }, one))
				}) : null,
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
					className: "nf-quiet",
					children: [
						"With ",
						keysOf("canvas.breakpoint") || "F9",
						" the run stops before the loop itself."
					]
				})
			]
		})
	});
}
// src/panels/Banners.tsx
/** What holds for a while, above the canvas: no server, or somebody else's version of the graph. */
function Banners() {
	const lost = useRuns((state) => state.connection === "lost");
	const fault = useCatalogue((state) => state.fault);
	const conflict = useConflict((state) => state.conflict);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nf-banners",
		"aria-live": "assertive",
		children: [
			lost ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nf-banner nf-warning",
				role: "alert",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(WifiOff, {
					size: 16,
					"aria-hidden": true
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: "The server is away. You can go on editing; nothing is lost, and it is called again." })]
			}) : null,
			conflict ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nf-banner nf-warning",
				role: "alert",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)(TriangleExclamationPoint, {
						size: 16,
						"aria-hidden": true
					}),
					/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [
						conflict.etag === "" ? `${conflict.name} was deleted on the server.` : `${conflict.name} was saved from another place too.`,
						" ",
						conflict.saving ? "Yours is not saved yet; nothing is lost." : "Nothing is lost."
					] }),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
						type: "button",
						className: "nf-button nf-small",
						onClick: () => void saveAsCopy(),
						children: "Save mine as a copy"
					}),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
						type: "button",
						className: "nf-button nf-small",
						onClick: () => void keepMine(),
						children: "Mine counts"
					}),
					conflict.etag === "" ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
						type: "button",
						className: "nf-button nf-small",
						onClick: () => void takeTheirs(),
						children: "Take theirs"
					})
				]
			}) : null,
			fault ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nf-banner nf-error",
				role: "alert",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)(TriangleExclamationPoint, {
						size: 16,
						"aria-hidden": true
					}),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: fault }),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
						type: "button",
						className: "nf-button nf-small",
						onClick: () => location.reload(),
						children: "Try again"
					})
				]
			}) : null,
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(PausedBanner, {})
		]
	});
}
// src/panels/format.ts
/** Figures as people read them. */
function duration(ms) {
	if (ms === null || ms === void 0 || !Number.isFinite(ms)) return "";
	if (ms < 1) return "< 1 ms";
	if (ms < 1e3) return `${Math.round(ms)} ms`;
	const seconds = ms / 1e3;
	if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
	if (seconds < 59.5) return `${Math.round(seconds)} s`;
	const whole = Math.round(seconds);
	const minutes = Math.floor(whole / 60);
	if (minutes < 60) return `${minutes} min ${whole % 60} s`;
	return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
function size(bytes) {
	if (bytes === null || bytes === void 0) return "";
	if (bytes < 1e3) return `${bytes} B`;
	const units = [
		"kB",
		"MB",
		"GB",
		"TB"
	];
	let value = bytes;
	let unit = -1;
	do {
		value /= 1e3;
		unit += 1;
	} while (value >= 999.5 && unit < units.length - 1);
	return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
/** How long ago, roughly; a date when it is more than a week. `now` and `then` in seconds. */
function ago(then, now = Date.now() / 1e3) {
	const seconds = Math.max(0, now - then);
	if (seconds < 45) return "just now";
	if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
	if (seconds < 86400) return plural(Math.round(seconds / 3600), "hour", " ago");
	if (seconds < 604800) return plural(Math.round(seconds / 86400), "day", " ago");
	return (/* @__PURE__ */ new Date(then * 1e3)).toLocaleDateString();
}
function plural(count, word, after = "") {
	return `${count} ${word}${count === 1 ? "" : "s"}${after}`;
}
// src/panels/progress.ts
function progressOf(run) {
	const entries = Object.entries(run.nodes);
	const at = entries.filter(([, node]) => node.state === "running");
	const running = at.sort(([a], [b]) => b.split("/").length - a.split("/").length)[0]?.[0] ?? "";
	const stepping = at.find(([, node]) => (node.steps ?? 0) > 1)?.[1];
	const top = entries.filter(([path]) => !path.includes("/"));
	const over = top.filter(([, node]) => [
		"done",
		"cached",
		"skipped",
		"error"
	].includes(node.state));
	const part = stepping?.steps ? (stepping.step ?? 0) / stepping.steps : 0;
	const total = Math.max(run.total ?? top.length, over.length);
	return {
		share: total > 0 ? Math.min(1, (over.length + Math.min(1, part)) / total) : null,
		node: running,
		text: [running, stepping?.steps ? `step ${stepping.step ?? 0} of ${stepping.steps}` : ""].filter(Boolean).join(" · ")
	};
}
// src/panels/State.tsx
var WORDS = {
	queued: "waiting",
	running: "running",
	paused: "at a breakpoint",
	done: "done",
	failed: "failed",
	cancelled: "cancelled",
	cached: "kept from before",
	error: "failed",
	skipped: "skipped",
	stopped: "stopped"
};
/** A state as a word and a sign, never by its colour alone. */
function State({ state }) {
	const Icon = state === "running" ? LoaderCircle : state === "queued" ? Clock : state === "paused" ? Pause : state === "failed" || state === "error" ? CircleExclamationPoint : state === "cancelled" || state === "skipped" || state === "stopped" ? CircleSlash : CircleCheck;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: `nf-state nf-state-${state}`,
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Icon, {
			size: 14,
			"aria-hidden": true
		}), WORDS[state]]
	});
}
// src/panels/Queue.tsx
/** The id that a run is put before, when it takes the place `to` of those that wait; "" the end. */
function beforeOf(queued, run, to) {
	return queued.filter((id) => id !== run)[Math.max(0, to)] ?? "";
}
function useSafely() {
	const notify = useUi((state) => state.notify);
	return async (what, act) => {
		try {
			await act();
			return true;
		} catch (error) {
			notify("error", `${what}: ${error.message}`);
			return false;
		}
	};
}
function QueuePanel() {
	const running = useRuns((state) => state.running);
	const queued = useRuns((state) => state.queued);
	const paused = useRuns((state) => state.paused);
	const runs = useRuns((state) => state.runs);
	const [dragged, setDragged] = (0, import_react.useState)("");
	const [over, setOver] = (0, import_react.useState)(-1);
	const safely = useSafely();
	const place = (run, to) => safely("The queue could not be changed", () => changeRun(run, { before: beforeOf(queued, run, to) }));
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-row",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button",
					"aria-pressed": paused,
					onClick: () => void safely("The queue", () => setPaused(!paused)),
					children: [paused ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Play, {
						size: 15,
						"aria-hidden": true
					}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Pause, {
						size: 15,
						"aria-hidden": true
					}), paused ? "Go on" : "Pause the queue"]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
				queued.length > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-danger",
					onClick: () => {
						if (queued.length === 1 || window.confirm(`Remove all ${queued.length} that wait?`)) safely("The queue could not be cleared", clearQueue);
					},
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Trash, {
						size: 15,
						"aria-hidden": true
					}), " Clear"]
				}) : null
			]
		}),
		paused ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
			className: "nf-hint",
			children: "Paused: what waits does not begin."
		}) : null,
		running.map((id) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Running, {
			id,
			run: runs[id]
		}, id)),
		queued.length > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("ol", {
			className: "nf-list",
			"aria-label": "waiting runs",
			children: queued.map((id, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Waiting, {
				id,
				run: runs[id],
				at: k,
				last: queued.length - 1,
				over: over === k && dragged !== "" && dragged !== id,
				onMove: (to) => void place(id, to),
				onDrag: () => setDragged(id),
				onOver: () => setOver(k),
				onDrop: () => {
					if (dragged && dragged !== id) place(dragged, k);
					setDragged("");
					setOver(-1);
				},
				onEnd: () => {
					setDragged("");
					setOver(-1);
				},
				onDelete: () => void safely("The run could not be removed", () => deleteRun(id))
			}, id))
		}) : null,
		running.length + queued.length === 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-empty",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", { children: "Nothing waits." }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
				className: "nf-quiet",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: "Ctrl" }),
					" ",
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: "Enter" }),
					" runs the graph; several runs wait here for their turn."
				]
			})]
		}) : null
	] });
}
function Running({ id, run }) {
	const { share, text } = run ? progressOf(run) : {
		share: null,
		text: ""
	};
	const percent = share === null ? void 0 : Math.round(share * 100);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("article", {
		className: "nf-card",
		"aria-label": `run ${run?.number ?? ""}`,
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nf-row",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", {
						className: "nf-cut",
						children: titleOf(run, id)
					}),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)(State, { state: run?.state ?? "running" })
				]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
				className: "nf-bar",
				role: "progressbar",
				"aria-label": `progress of ${titleOf(run, id)}`,
				"aria-valuemin": 0,
				"aria-valuemax": 100,
				"aria-valuenow": percent,
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
					className: share === null ? "nf-unknown" : "",
					style: { width: `${percent ?? 100}%` }
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nf-row",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
						className: "nf-quiet nf-cut",
						children: text || "beginning …"
					}),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
					/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
						type: "button",
						className: "nf-button nf-small",
						onClick: () => void cancelRun(id),
						children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(X, {
							size: 14,
							"aria-hidden": true
						}), " Cancel"]
					})
				]
			})
		]
	});
}
function Waiting(props) {
	const { id, run, at, last } = props;
	const title = titleOf(run, id);
	const key = (event) => {
		if (event.target !== event.currentTarget) return;
		if (event.altKey && event.key === "ArrowUp" && at > 0) props.onMove(at - 1);
		else if (event.altKey && event.key === "ArrowDown" && at < last) props.onMove(at + 1);
		else if (event.key === "Delete" || event.key === "Backspace") props.onDelete();
		else return;
		event.preventDefault();
		event.stopPropagation();
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
		className: `nf-card nf-waiting ${props.over ? "nf-drop" : ""}`,
		"aria-label": `${title}, ${at + 1} of ${last + 1}`,
		tabIndex: 0,
		title: "Alt ↑ and Alt ↓ move it, Delete removes it",
		draggable: true,
		onKeyDown: key,
		onDragStart: (event) => {
			event.dataTransfer.setData("text/plain", id);
			event.dataTransfer.effectAllowed = "move";
			props.onDrag();
		},
		onDragOver: (event) => {
			event.preventDefault();
			props.onOver();
		},
		onDrop: (event) => {
			event.preventDefault();
			props.onDrop();
		},
		onDragEnd: props.onEnd,
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(GripVertical, {
				size: 15,
				"aria-hidden": true,
				className: "nf-grip"
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
				className: "nf-cut",
				children: [title, /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
					className: "nf-quiet",
					children: [" ", run ? ago(run.acceptedAt) : ""]
				})]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-icon nf-small",
				"aria-label": `${title} earlier`,
				disabled: at === 0,
				onClick: () => props.onMove(at - 1),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ArrowUp, {
					size: 14,
					"aria-hidden": true
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-icon nf-small",
				"aria-label": `${title} later`,
				disabled: at === last,
				onClick: () => props.onMove(at + 1),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ArrowDown, {
					size: 14,
					"aria-hidden": true
				})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-icon nf-small",
				"aria-label": `remove ${title}`,
				onClick: props.onDelete,
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Trash, {
					size: 14,
					"aria-hidden": true
				})
			})
		]
	});
}
function titleOf(run, id) {
	if (!run) return id.slice(0, 8);
	return `${run.number ?? ""}${run.title ? `  ${run.title}` : ""}`.trim() || id.slice(0, 8);
}
// src/panels/Graphs.tsx
var PART = "[\\p{L}\\p{N}][\\p{L}\\p{N}_ .()+-]{0,99}";
var NAME = new RegExp(`^${PART}(?:/${PART})?$`, "u");
/** Names that Windows keeps for devices, and ends that it cuts off. */
var RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)|[ .]$/i;
/** What is wrong with a name for a saved graph, "" if nothing: as the server will judge. */
function nameFault(name) {
	if (name.trim() === "") return "a name is needed";
	if (!NAME.test(name)) return "letters, digits, spaces and - _ . ( ) +; one folder at most";
	return name.split("/").some((part) => RESERVED.test(part)) ? "not this name" : "";
}
/** Graphs saved on the server: open, rename, delete; or save this one under a name. */
function Graphs({ saving }) {
	const close = useUi((state) => state.closeOverlay);
	const title = useEditor((state) => state.graph.title ?? "");
	const own = useEditor((state) => state.name);
	const [list, setList] = (0, import_react.useState)(null);
	const [fault, setFault] = (0, import_react.useState)("");
	const [name, setName] = (0, import_react.useState)(own || slug(title));
	const [renamed, setRenamed] = (0, import_react.useState)(null);
	const safely = useSafely();
	const load = (0, import_react.useCallback)(() => {
		graphs().then(setList, (error) => setFault(error.message));
	}, []);
	(0, import_react.useEffect)(load, [load]);
	const wrong = nameFault(name);
	const there = (list ?? []).find((one) => one.name === name);
	const save = async () => {
		if (wrong) return;
		if (there && name !== own && !window.confirm(`${name} is there already. Save over it?`)) return;
		close();
		await saveGraph(name);
	};
	const rename = async (one, to) => {
		setRenamed(null);
		if (to === one.name || nameFault(to)) return;
		if (await safely("The graph could not be renamed", async () => {
			const { graph: graph$1, etag } = await graph(one.name);
			const saved = await putGraph(to, graph$1, "");
			await deleteGraph(one.name, etag);
			const editor = useEditor.getState();
			if (editor.name === one.name) editor.markSaved(editor.saved, to, saved.etag);
		})) load();
	};
	const remove = async (one) => {
		if (!window.confirm(`Delete ${one.name}?`)) return;
		if (await safely("The graph could not be deleted", () => deleteGraph(one.name, one.etag))) load();
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(Dialog, {
		title: saving ? "Save as" : "Saved graphs",
		onClose: close,
		size: "medium",
		children: [saving ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("form", {
			className: "nf-saveas",
			onSubmit: (event) => {
				event.preventDefault();
				save();
			},
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("label", {
					htmlFor: "save-name",
					children: "Name"
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
					id: "save-name",
					className: "w-text",
					"data-autofocus": true,
					autoComplete: "off",
					"aria-invalid": wrong ? true : void 0,
					value: name,
					onChange: (event) => setName(event.currentTarget.value),
					onFocus: (event) => event.currentTarget.select()
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "submit",
					className: "nf-button nf-primary",
					disabled: wrong !== "",
					children: "Save"
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
					className: "nf-quiet",
					children: wrong || (there && name !== own ? "there already" : "a / makes a folder")
				})
			]
		}) : null, /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-scroll",
			children: [
				fault ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
					className: "nf-fault",
					children: fault
				}) : null,
				list !== null && list.length === 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
					className: "nf-empty",
					children: "Nothing is saved on this server yet."
				}) : null,
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", {
					className: "nf-list nf-graphs",
					"aria-label": "saved graphs",
					children: (list ?? []).map((one) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
						className: "nf-row",
						children: [
							renamed?.from === one.name ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
								className: "w-text",
								"aria-label": `new name of ${one.name}`,
								autoFocus: true,
								value: renamed.to,
								onChange: (event) => setRenamed({
									from: one.name,
									to: event.currentTarget.value
								}),
								onBlur: () => setRenamed(null),
								onKeyDown: (event) => {
									if (event.key === "Enter") rename(one, renamed.to);
									if (event.key !== "Escape") return;
									event.stopPropagation();
									setRenamed(null);
								}
							}) : /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
								type: "button",
								className: "nf-open",
								onClick: () => {
									if (saving) return setName(one.name);
									close();
									openGraph(one.name);
								},
								children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", {
									className: "nf-cut",
									children: one.name
								}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
									className: "nf-quiet nf-cut",
									children: [one.title && one.title !== one.name ? `${one.title} · ` : "", ago(one.saved_at)]
								})]
							}),
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
								type: "button",
								className: "nf-icon",
								"aria-label": `rename ${one.name}`,
								title: "Rename",
								onClick: () => setRenamed({
									from: one.name,
									to: one.name
								}),
								children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Pencil, {
									size: 15,
									"aria-hidden": true
								})
							}),
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
								type: "button",
								className: "nf-icon",
								"aria-label": `delete ${one.name}`,
								title: "Delete",
								onClick: () => void remove(one),
								children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Trash, {
									size: 15,
									"aria-hidden": true
								})
							})
						]
					}, one.name))
				})
			]
		})]
	});
}
/** A name that will do, made of a title. */
function slug(title) {
	const name = title.replace(/[^\p{L}\p{N}_ .()+-]+/gu, " ").replace(/\s+/g, " ").replace(/^[^\p{L}\p{N}]+/u, "").slice(0, 80).replace(/[ .]+$/, "");
	return nameFault(name) === "" ? name : "untitled";
}
// src/panels/places.ts
/** From a problem or an error to where it is. */
/** `denoise[7]/guide` as the graph knows it. */
function withoutPasses(path) {
	return path.replace(/\[\d+\]/g, "");
}
/** Show a node, select it, and open its panel. */
function goToNode(path, port = "") {
	const place = withoutPasses(path);
	if (!nodeByPath(useEditor.getState().graph, place)) {
		useUi.getState().notify("warning", `There is no node ${place} in this graph`);
		return;
	}
	zoomTo(place);
	if (!port || window.matchMedia?.("(max-width: 700px)").matches) return;
	useUi.getState().openRight("node");
	requestAnimationFrame(() => document.getElementById(fieldId(place, port))?.focus());
}
function fieldId(path, port) {
	return `field-${path.replaceAll("/", "-")}-${port}`;
}
// src/panels/LeftOut.tsx
/** What an export could not take over, or takes over as something near. */
function LeftOut({ subject }) {
	const close = useUi((state) => state.closeOverlay);
	const { file, problems } = subject;
	const missing = problems.filter((problem) => problem.severity === "error");
	const near = problems.filter((problem) => problem.severity !== "error");
	const told = missing.length ? "The rest is there; these stand in it under our own names, which ComfyUI does not know." : "ComfyUI can run it.";
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Dialog, {
		title: "Exported for ComfyUI",
		onClose: close,
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-scroll",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", { children: [
					"Saved ",
					file,
					". ",
					told
				] }),
				missing.length ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(List, {
					title: `${plural(missing.length, "node")} without a counterpart`,
					of: missing
				}) : null,
				near.length ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(List, {
					title: "Not quite the same",
					of: near
				}) : null
			]
		})
	});
}
function List({ title, of }) {
	const graph = useEditor((state) => state.graph);
	const close = useUi((state) => state.closeOverlay);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h3", { children: title }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", {
		className: "nf-list",
		"aria-label": title,
		children: of.map((problem) => {
			const Icon = problem.severity === "warning" ? TriangleExclamationPoint : CircleExclamationPoint;
			return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("li", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: `nf-problem nf-${problem.severity}`,
				disabled: !nodeByPath(graph, problem.where),
				onClick: () => {
					close();
					goToNode(problem.where);
				},
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Icon, {
					size: 16,
					"aria-hidden": true
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: problem.where }),
					" ",
					problem.message,
					problem.hint ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("em", { children: problem.hint }) : null
				] })]
			}) }, `${problem.where} ${problem.message}`);
		})
	})] });
}
// src/panels/useZoom.ts
/** Zooming and panning by wheel, drag, pinch and keys, for the lightbox and the mask painter. */
var FIT = {
	scale: 1,
	x: 0,
	y: 0
};
var MOST = 32;
var LEAST = .2;
/** Zoomed by a factor so that the point under (px, py), from the middle of the stage, stays. */
function zoomedAt(zoom, factor, px, py) {
	const scale = Math.min(MOST, Math.max(LEAST, zoom.scale * factor));
	const ratio = scale / zoom.scale;
	return {
		scale,
		x: px - (px - zoom.x) * ratio,
		y: py - (py - zoom.y) * ratio
	};
}
function useZoom({ panWithOne, about }) {
	const [zoom, setZoom] = (0, import_react.useState)(FIT);
	const stage = (0, import_react.useRef)(null);
	const pointers = (0, import_react.useRef)(/* @__PURE__ */ new Map());
	(0, import_react.useEffect)(() => setZoom(FIT), [about]);
	const middle = (0, import_react.useCallback)((x, y) => {
		const box = stage.current?.getBoundingClientRect();
		return box ? [x - box.left - box.width / 2, y - box.top - box.height / 2] : [0, 0];
	}, []);
	(0, import_react.useEffect)(() => {
		const own = stage.current;
		const wheel = (event) => {
			event.preventDefault();
			const [px, py] = middle(event.clientX, event.clientY);
			const factor = Math.exp(-event.deltaY * (event.ctrlKey ? .01 : .0015));
			setZoom((now) => zoomedAt(now, factor, px, py));
		};
		own?.addEventListener("wheel", wheel, { passive: false });
		return () => own?.removeEventListener("wheel", wheel);
	}, [middle]);
	const down = (event) => {
		pointers.current.set(event.pointerId, [event.clientX, event.clientY]);
	};
	/** True if the movement was one of the view. */
	const move = (event) => {
		const before = pointers.current.get(event.pointerId);
		if (!before) return false;
		const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
		const now = [event.clientX, event.clientY];
		pointers.current.set(event.pointerId, now);
		if (other) {
			const factor = distance(now, other) / Math.max(1, distance(before, other));
			const [px, py] = middle((now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
			const dx = (now[0] - before[0]) / 2;
			const dy = (now[1] - before[1]) / 2;
			setZoom((z) => {
				const zoomed = zoomedAt(z, factor, px, py);
				return {
					...zoomed,
					x: zoomed.x + dx,
					y: zoomed.y + dy
				};
			});
			return true;
		}
		if (!panWithOne) return false;
		setZoom((z) => ({
			...z,
			x: z.x + now[0] - before[0],
			y: z.y + now[1] - before[1]
		}));
		return true;
	};
	const up = (event) => {
		pointers.current.delete(event.pointerId);
	};
	const by = (factor) => setZoom((now) => zoomedAt(now, factor, 0, 0));
	const fingers = () => pointers.current.size;
	return {
		zoom,
		setZoom,
		stage,
		down,
		move,
		up,
		by,
		fingers
	};
}
function distance(a, b) {
	return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
function transformOf(zoom) {
	return `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`;
}
// src/panels/Lightbox.tsx
/** What an overlay was given, which may be one address alone. */
function subjectOf(subject) {
	if (typeof subject === "string") return {
		pictures: [{
			url: subject,
			title: ""
		}],
		index: 0
	};
	return subject;
}
function Lightbox({ subject }) {
	const close = useUi((state) => state.closeOverlay);
	const notify = useUi((state) => state.notify);
	const [pictures, setPictures] = (0, import_react.useState)(subject.pictures);
	const [index, setIndex] = (0, import_react.useState)(subject.index);
	const [other, setOther] = (0, import_react.useState)(subject.other ?? null);
	const [way, setWay] = (0, import_react.useState)("slider");
	const [split, setSplit] = (0, import_react.useState)(50);
	const picture = pictures[index];
	const second = other === null ? void 0 : pictures[other];
	const { zoom, setZoom, stage, down, move, up, by } = useZoom({
		panWithOne: true,
		about: second ? "compare" : picture?.url ?? ""
	});
	const moved = (0, import_react.useRef)(false);
	if (!picture) return null;
	const go = (to) => setIndex(Math.min(pictures.length - 1, Math.max(0, to)));
	const openGraph = async (one) => {
		const answer = await fetch(one.url);
		const name = one.title.split("/").at(-1) || "picture.png";
		await openFile(new File([await answer.blob()], name, { type: "image/png" }));
		close();
	};
	const remove = async (one) => {
		if (!one.remove || !window.confirm(`Delete ${one.title} for good?`)) return;
		try {
			await one.remove();
		} catch (error) {
			notify("error", `${one.title} could not be deleted: ${error.message}`);
			return;
		}
		const rest = pictures.filter((p) => p !== one);
		if (rest.length === 0) return close();
		setPictures(rest);
		setOther(null);
		setIndex(Math.min(index, rest.length - 1));
	};
	const key = (event) => {
		if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey) return;
		if (event.key === "ArrowRight") go(index + 1);
		else if (event.key === "ArrowLeft") go(index - 1);
		else if (event.key === "Home") go(0);
		else if (event.key === "End") go(pictures.length - 1);
		else if (event.key === "+" || event.key === "=") by(1.25);
		else if (event.key === "-") by(.8);
		else if (event.key === "0") setZoom(FIT);
		else if (event.key === "c" && pictures.length > 1) setOther(other === null ? (index + 1) % pictures.length : null);
		else return;
		event.preventDefault();
		event.stopPropagation();
	};
	const transform = transformOf(zoom);
	const shown = (one, className = "") => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
		className,
		src: one.url,
		alt: one.title || "picture",
		draggable: false
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Dialog, {
		title: "Picture",
		onClose: close,
		size: "full",
		className: "nf-lightbox",
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-lightbox-body",
			onKeyDown: key,
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
					ref: stage,
					className: "nf-stage",
					role: "application",
					"aria-label": `${picture.title || "picture"}: arrows turn pages, plus and minus zoom`,
					tabIndex: 0,
					"data-autofocus": true,
					onPointerDown: (event) => {
						moved.current = false;
						down(event);
						event.currentTarget.setPointerCapture?.(event.pointerId);
					},
					onPointerMove: (event) => {
						if (move(event)) moved.current = true;
					},
					onPointerUp: up,
					onPointerCancel: up,
					onDoubleClick: () => setZoom(zoom.scale === 1 ? {
						...FIT,
						scale: 3
					} : FIT),
					children: second ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
						className: `nf-compare nf-compare-${way}`,
						children: [
							/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
								className: "nf-zoomed",
								style: { transform },
								children: shown(picture)
							}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("figcaption", { children: picture.title })] }),
							/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", {
								style: way === "slider" ? { clipPath: `inset(0 0 0 ${split}%)` } : void 0,
								children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
									className: "nf-zoomed",
									style: { transform },
									children: shown(second)
								}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("figcaption", { children: second.title })]
							}),
							way === "slider" ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
								className: "nf-split",
								style: { left: `${split}%` }
							}) : null
						]
					}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
						className: "nf-zoomed",
						style: { transform },
						children: shown(picture, zoom.scale > 3 ? "nf-pixels" : "")
					})
				}),
				second ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
					className: "nf-lightbox-bar",
					children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
							className: "nf-segments",
							role: "radiogroup",
							"aria-label": "how to compare",
							children: [
								/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Segment, {
									way: "slider",
									now: way,
									set: setWay,
									label: "Slider",
									children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(SlidersHorizontal, {
										size: 15,
										"aria-hidden": true
									})
								}),
								/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Segment, {
									way: "side",
									now: way,
									set: setWay,
									label: "Side by side",
									children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Columns2, {
										size: 15,
										"aria-hidden": true
									})
								}),
								/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Segment, {
									way: "difference",
									now: way,
									set: setWay,
									label: "Difference",
									children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Diff, {
										size: 15,
										"aria-hidden": true
									})
								})
							]
						}),
						way === "slider" ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
							type: "range",
							className: "nf-range",
							"aria-label": "where the second picture begins",
							min: 0,
							max: 100,
							step: .5,
							value: split,
							onChange: (event) => setSplit(Number(event.currentTarget.value))
						}) : null,
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
							type: "button",
							className: "nf-button",
							onClick: () => setOther(null),
							children: "One picture"
						})
					]
				}) : /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
					className: "nf-lightbox-bar",
					children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
							className: "nf-file-name",
							title: picture.title,
							children: picture.title
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
							className: "nf-quiet",
							children: [picture.width && picture.height ? `${picture.width} × ${picture.height}` : "", pictures.length > 1 ? ` · ${index + 1} of ${pictures.length}` : ""]
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
							type: "button",
							className: "nf-icon",
							"aria-label": zoom.scale === 1 ? "zoom in" : "whole picture",
							title: zoom.scale === 1 ? "Zoom in (+)" : "Whole picture (0)",
							onClick: () => zoom.scale === 1 ? by(2) : setZoom(FIT),
							children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ZoomIn, {
								size: 17,
								"aria-hidden": true
							})
						}),
						pictures.length > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
							type: "button",
							className: "nf-button",
							onClick: () => setOther((index + 1) % pictures.length),
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Columns2, {
								size: 16,
								"aria-hidden": true
							}), " Compare"]
						}) : null,
						picture.run ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
							type: "button",
							className: "nf-button",
							onClick: () => {
								close();
								restoreRun(picture.run ?? "");
							},
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(RotateCcwClock, {
								size: 16,
								"aria-hidden": true
							}), " Restore its run"]
						}) : null,
						picture.hasGraph ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
							type: "button",
							className: "nf-button",
							onClick: () => void openGraph(picture),
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(FileBraces, {
								size: 16,
								"aria-hidden": true
							}), " Open its graph"]
						}) : null,
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("a", {
							className: "nf-icon",
							href: picture.url,
							download: picture.title.split("/").at(-1) || "picture.png",
							"aria-label": "download",
							title: "Download",
							children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Download, {
								size: 17,
								"aria-hidden": true
							})
						}),
						picture.remove ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
							type: "button",
							className: "nf-icon nf-danger",
							"aria-label": "delete",
							title: "Delete",
							onClick: () => void remove(picture),
							children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Trash, {
								size: 17,
								"aria-hidden": true
							})
						}) : null
					]
				}),
				pictures.length > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
					className: "nf-strip",
					role: "listbox",
					"aria-label": second ? "second picture" : "pictures",
					children: pictures.map((one, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
						type: "button",
						role: "option",
						"aria-selected": k === index || k === other,
						"aria-label": one.title || `picture ${k + 1}`,
						className: k === index ? "nf-now" : k === other ? "nf-other" : "",
						onClick: () => other === null || k === index ? go(k) : setOther(k),
						children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
							src: one.thumb ?? one.url,
							alt: "",
							loading: "lazy"
						})
					}, one.url))
				}) : null
			]
		})
	});
}
function Segment(props) {
	const on = props.way === props.now;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
		type: "button",
		role: "radio",
		"aria-checked": on,
		className: "nf-segment",
		onClick: () => props.set(props.way),
		children: [props.children, /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: props.label })]
	});
}
// src/panels/maskStrokes.ts
var BLANK = {
	acts: [],
	undone: []
};
function did(sheet, act) {
	return {
		acts: [...sheet.acts, act],
		undone: []
	};
}
function undone(sheet) {
	const last = sheet.acts.at(-1);
	return last ? {
		acts: sheet.acts.slice(0, -1),
		undone: [...sheet.undone, last]
	} : sheet;
}
function redone(sheet) {
	const last = sheet.undone.at(-1);
	return last ? {
		acts: [...sheet.acts, last],
		undone: sheet.undone.slice(0, -1)
	} : sheet;
}
/** What is painted is white, the rest transparent. */
function draw(context, acts) {
	const { width, height } = context.canvas;
	context.clearRect(0, 0, width, height);
	for (const act of acts) drawAct(context, act);
}
function drawAct(context, act) {
	const { width, height } = context.canvas;
	context.save();
	context.fillStyle = "#fff";
	if (act.kind === "stroke") drawStroke(context, act);
	else if (act.kind === "clear") context.clearRect(0, 0, width, height);
	else {
		if (act.kind === "invert") context.globalCompositeOperation = "source-out";
		context.fillRect(0, 0, width, height);
	}
	context.restore();
}
/** The line is drawn beside the canvas and its shadow on it: the shadow alone has a soft edge. */
function drawStroke(context, stroke) {
	const aside = context.canvas.width + stroke.size * 4;
	const blur = stroke.soft * stroke.size;
	context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
	context.lineCap = "round";
	context.lineJoin = "round";
	context.strokeStyle = "#fff";
	context.lineWidth = Math.max(1, stroke.size - blur / 2);
	let shift = 0;
	if (blur > .5) {
		shift = aside;
		context.shadowColor = "#fff";
		context.shadowBlur = blur;
		context.shadowOffsetX = aside;
	}
	const [first, ...rest] = stroke.points;
	if (!first) return;
	context.beginPath();
	context.moveTo(first[0] - shift, first[1]);
	for (const [x, y] of rest.length > 0 ? rest : [first]) context.lineTo(x - shift + .01, y);
	context.stroke();
}
/** The mask as a file: white where it was painted, black elsewhere. */
function maskFile(canvas, name) {
	const out = document.createElement("canvas");
	out.width = canvas.width;
	out.height = canvas.height;
	const context = out.getContext("2d");
	if (context) {
		context.fillStyle = "#000";
		context.fillRect(0, 0, out.width, out.height);
		context.drawImage(canvas, 0, 0);
	}
	return new Promise((give, fail) => {
		out.toBlob((blob) => blob ? give(new File([blob], name, { type: "image/png" })) : fail(/* @__PURE__ */ new Error("no picture")), "image/png");
	});
}
// src/panels/Mask.tsx
/** The node that reads a mask from a file. */
var LOADER = "load.mask";
/** Mask loaders beside a node, by path. */
function loadersNear(graph, path) {
	const { scope } = splitPath(path);
	const prefix = scope.length > 0 ? `${scope.join("/")}/` : "";
	const parent = scope.length > 0 ? nodeByPath(graph, scope.join("/")) : void 0;
	const inner = typeof parent?.graph === "object" ? parent.graph.nodes : parent?.body;
	const nodes = scope.length > 0 ? inner ?? {} : graph.nodes;
	return Object.entries(nodes).filter(([, node]) => node.type === LOADER).map(([id]) => prefix + id);
}
function Mask({ subject }) {
	const { picture } = subject;
	const close = useUi((state) => state.closeOverlay);
	const notify = useUi((state) => state.notify);
	const graph = useEditor((state) => state.graph);
	const canvas = (0, import_react.useRef)(null);
	const base = (0, import_react.useMemo)(() => document.createElement("canvas"), []);
	const [shape, setShape] = (0, import_react.useState)(null);
	const [sheet, setSheet] = (0, import_react.useState)(BLANK);
	const [size, setSize] = (0, import_react.useState)(40);
	const [soft, setSoft] = (0, import_react.useState)(.2);
	const [erase, setErase] = (0, import_react.useState)(false);
	const [busy, setBusy] = (0, import_react.useState)(false);
	const [cursor, setCursor] = (0, import_react.useState)(null);
	const stroke = (0, import_react.useRef)(null);
	const { zoom, stage, down, move, up, by, fingers, setZoom } = useZoom({
		panWithOne: false,
		about: picture
	});
	const loaders = (0, import_react.useMemo)(() => {
		const own = nodeByPath(graph, subject.path)?.type === "load.mask" ? [subject.path] : [];
		return own.length > 0 ? own : loadersNear(graph, subject.path);
	}, [graph, subject.path]);
	const [target, setTarget] = (0, import_react.useState)(loaders[0] ?? "");
	(0, import_react.useEffect)(() => {
		const own = canvas.current;
		if (!shape || !own) return;
		for (const c of [own, base]) if (c.width !== shape[0] || c.height !== shape[1]) [c.width, c.height] = shape;
		const [below, above] = [base.getContext("2d"), own.getContext("2d")];
		if (!below || !above) return;
		draw(below, sheet.acts);
		show(above, base);
	}, [
		sheet,
		shape,
		base
	]);
	const place = (event) => {
		const box = canvas.current?.getBoundingClientRect();
		if (!box || !shape) return [0, 0];
		return [(event.clientX - box.left) / (box.width || 1) * shape[0], (event.clientY - box.top) / (box.height || 1) * shape[1]];
	};
	const preview = () => {
		const context = canvas.current?.getContext("2d");
		if (!context || !stroke.current) return;
		show(context, base, stroke.current);
	};
	const finish = () => {
		const done = stroke.current;
		stroke.current = null;
		if (done) setSheet((now) => did(now, done));
	};
	const dab = (points) => setSheet((now) => did(now, {
		kind: "stroke",
		points,
		size,
		soft,
		erase
	}));
	const save = async () => {
		if (!canvas.current) return;
		setBusy(true);
		try {
			const { param } = await upload(await maskFile(base, "mask.png"));
			writeMask(subject, target, param);
			notify("good", "The mask is saved and set");
			close();
		} catch (error) {
			notify("error", `The mask could not be saved: ${error.message}`);
			setBusy(false);
		}
	};
	const key = (event) => {
		const ctrl = event.ctrlKey || event.metaKey;
		const typed = event.target instanceof HTMLInputElement;
		if (ctrl && event.key.toLowerCase() === "z") setSheet(event.shiftKey ? redone(sheet) : undone(sheet));
		else if (ctrl && event.key.toLowerCase() === "y") setSheet(redone(sheet));
		else if (ctrl || typed) return;
		else if (event.key === "[") setSize(Math.max(1, Math.round(size / 1.25)));
		else if (event.key === "]") setSize(Math.min(400, Math.round(size * 1.25) + 1));
		else if (event.key === "e") setErase(!erase);
		else if (event.key === "i") setSheet(did(sheet, { kind: "invert" }));
		else if (event.key === "0") setZoom({
			scale: 1,
			x: 0,
			y: 0
		});
		else if (event.key === "+") by(1.25);
		else if (event.key === "-") by(.8);
		else return;
		event.preventDefault();
		event.stopPropagation();
	};
	const paintByKey = (event) => {
		if (!shape || event.ctrlKey || event.metaKey) return;
		const at = cursor ?? [shape[0] / 2, shape[1] / 2];
		const way = {
			ArrowLeft: [-1, 0],
			ArrowRight: [1, 0],
			ArrowUp: [0, -1],
			ArrowDown: [0, 1]
		}[event.key];
		if (way) {
			const next = [Math.min(shape[0], Math.max(0, at[0] + (way[0] ?? 0) * size / 2)), Math.min(shape[1], Math.max(0, at[1] + (way[1] ?? 0) * size / 2))];
			setCursor(next);
			if (event.shiftKey) dab([at, next]);
		} else if (event.key === " " || event.key === "Enter") {
			setCursor(at);
			dab([at]);
		} else return;
		event.preventDefault();
		event.stopPropagation();
	};
	const option = (value) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", {
		value,
		children: value === "" ? "a new mask node" : value
	}, value);
	const ports = {
		size: {
			name: "size",
			type: "int",
			required: false,
			isList: false,
			widget: SIZE
		},
		soft: {
			name: "softness",
			type: "float",
			required: false,
			isList: false,
			widget: SOFT
		}
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Dialog, {
		title: "Paint a mask",
		onClose: close,
		size: "full",
		className: "nf-mask",
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-mask-body",
			onKeyDown: key,
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
					className: "nf-mask-tools",
					role: "toolbar",
					"aria-label": "mask tools",
					children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
							type: "button",
							className: "nf-button",
							"aria-pressed": !erase,
							onClick: () => setErase(false),
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Brush, {
								size: 16,
								"aria-hidden": true
							}), " Paint"]
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
							type: "button",
							className: "nf-button",
							"aria-pressed": erase,
							title: "E",
							onClick: () => setErase(true),
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Eraser, {
								size: 16,
								"aria-hidden": true
							}), " Erase"]
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
							className: "nf-tool",
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: "Size" }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Slider, {
								path: "mask",
								port: ports.size,
								value: size,
								label: "brush size",
								compact: false,
								onChange: (v) => setSize(Number(v))
							})]
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
							className: "nf-tool",
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: "Soft" }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Slider, {
								path: "mask",
								port: ports.soft,
								value: soft,
								label: "softness",
								compact: false,
								onChange: (v) => setSoft(Number(v))
							})]
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
							type: "button",
							className: "nf-button",
							title: "I",
							onClick: () => setSheet(did(sheet, { kind: "invert" })),
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(CaretsToAxisDashedHorizontal, {
								size: 16,
								"aria-hidden": true
							}), " Invert"]
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
							type: "button",
							className: "nf-button",
							onClick: () => setSheet(did(sheet, { kind: "clear" })),
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Trash, {
								size: 16,
								"aria-hidden": true
							}), " Clear"]
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
							type: "button",
							className: "nf-icon",
							"aria-label": "undo",
							disabled: sheet.acts.length === 0,
							onClick: () => setSheet(undone(sheet)),
							children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Undo2, {
								size: 16,
								"aria-hidden": true
							})
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
							type: "button",
							className: "nf-icon",
							"aria-label": "redo",
							disabled: sheet.undone.length === 0,
							onClick: () => setSheet(redone(sheet)),
							children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Redo2, {
								size: 16,
								"aria-hidden": true
							})
						})
					]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
					ref: stage,
					className: "nf-stage nf-mask-stage",
					role: "application",
					"aria-label": "the picture: arrows move the brush, space paints, shift and arrows draw",
					tabIndex: 0,
					"data-autofocus": true,
					onKeyDown: paintByKey,
					onPointerDown: (event) => {
						down(event);
						event.currentTarget.setPointerCapture?.(event.pointerId);
						if (fingers() > 1 || event.button !== 0) {
							stroke.current = null;
							setSheet((now) => ({ ...now }));
							return;
						}
						stroke.current = {
							kind: "stroke",
							points: [place(event)],
							size,
							soft,
							erase
						};
						preview();
					},
					onPointerMove: (event) => {
						setCursor(place(event));
						if (move(event) || !stroke.current) return;
						const points = [...stroke.current.points, place(event)];
						stroke.current = {
							...stroke.current,
							points
						};
						preview();
					},
					onPointerUp: (event) => {
						up(event);
						finish();
					},
					onPointerCancel: (event) => {
						up(event);
						stroke.current = null;
					},
					children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
						className: "nf-zoomed",
						style: { transform: transformOf(zoom) },
						children: [
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
								src: picture,
								alt: "",
								draggable: false,
								onLoad: (event) => {
									const { naturalWidth, naturalHeight } = event.currentTarget;
									setShape([naturalWidth || 512, naturalHeight || 512]);
								}
							}),
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("canvas", {
								ref: canvas,
								className: "nf-mask-canvas"
							}),
							cursor && shape ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
								className: "nf-brush",
								style: brushBox(canvas.current, shape, cursor, size)
							}) : null
						]
					})
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("footer", {
					className: "nf-dialog-foot",
					children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
							className: "nf-target",
							children: [
								"set it in",
								" ",
								/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("select", {
									value: target,
									onChange: (event) => setTarget(event.currentTarget.value),
									children: [loaders.map(option), loaders.includes(subject.path) ? null : option("")]
								})
							]
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
							type: "button",
							className: "nf-button",
							onClick: close,
							children: "Cancel"
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
							type: "button",
							className: "nf-button nf-primary",
							disabled: busy || sheet.acts.length === 0,
							onClick: () => void save(),
							children: "Save the mask"
						})
					]
				})
			]
		})
	});
}
/** What is on the sheet, and the stroke being drawn, in a colour that stands out. */
function show(context, base, stroke) {
	const { width, height } = context.canvas;
	context.clearRect(0, 0, width, height);
	context.drawImage(base, 0, 0);
	if (stroke) drawAct(context, stroke);
	context.globalCompositeOperation = "source-in";
	context.fillStyle = "#e8304f";
	context.fillRect(0, 0, width, height);
	context.globalCompositeOperation = "source-over";
}
/** Where the brush lies over the drawn picture, which fills only part of the stage. */
function brushBox(canvas, shape, at, size) {
	if (!canvas) return {};
	const scale = canvas.offsetWidth / shape[0];
	return {
		left: canvas.offsetLeft + at[0] * scale,
		top: canvas.offsetTop + at[1] * scale,
		width: size * scale,
		height: size * scale
	};
}
var SIZE = {
	widget: "Slider",
	minimum: 1,
	maximum: 400,
	step: 1,
	unit: "px"
};
var SOFT = {
	widget: "Slider",
	minimum: 0,
	maximum: 1,
	step: .05
};
/** One step: the file's name in a mask loader, or a new loader beside the picture's node. */
function writeMask(subject, target, param) {
	const { edit } = useEditor.getState();
	const { catalogue } = useCatalogue.getState();
	if (target) {
		const { scope, id } = splitPath(target);
		const port = target === subject.path ? subject.port : "path";
		edit("Paint a mask", (graph) => {
			const named = setParam(graph, scope, id, port, param);
			return nodeByPath(graph, target)?.type === "load.mask" ? setParam(named, scope, id, "channel", "red") : named;
		});
		return;
	}
	const { scope, id } = splitPath(subject.path);
	edit("Paint a mask", (graph) => {
		const [x, y] = viewOf(graph, scope, id)?.at ?? [0, 0];
		return addNode(graph, scope, LOADER, [x, y + 160], catalogue, {
			path: param,
			channel: "red"
		}).graph;
	});
}
// src/panels/Palette.tsx
/** How well a text answers to what is typed; 0 for not at all. */
function rank(text, typed) {
	const whole = typed.trim().toLowerCase();
	if (whole === "") return 1;
	const lower = text.toLowerCase();
	if (lower.startsWith(whole)) return 4;
	const words = whole.split(/\s+/);
	if (words.every((word) => lower.split(/[\s:./_-]+/).some((part) => part.startsWith(word)))) return 3;
	if (words.every((word) => lower.includes(word))) return 2;
	return 0;
}
function commandsFor(commands, typed) {
	return commands.filter((command) => !command.hidden && command.when?.() !== false).map((command) => ({
		command,
		score: Math.max(rank(command.title, typed) * 2, rank(`${command.group ?? ""} ${command.title} ${command.words ?? ""}`, typed))
	})).filter(({ score }) => score > 0).sort((a, b) => b.score - a.score || (typed.trim() === "" ? 0 : a.command.title.length - b.command.title.length)).map(({ command }) => command);
}
/** Paths of all nodes, inside loops and groups too. */
function pathsOf(graph) {
	const paths = [];
	const walk = (nodes, prefix) => {
		for (const [id, node] of Object.entries(nodes)) {
			paths.push(prefix + id);
			const inside = node.body ?? (typeof node.graph === "object" ? node.graph.nodes : void 0);
			if (inside) walk(inside, `${prefix}${id}/`);
		}
	};
	walk(graph.nodes, "");
	return paths;
}
function Palette() {
	const close = useUi((state) => state.closeOverlay);
	const commands = useCommands((state) => state.commands);
	const catalogue = useCatalogue((state) => state.catalogue);
	const graph = useEditor((state) => state.graph);
	const [typed, setTyped] = (0, import_react.useState)("");
	const [active, setActive] = (0, import_react.useState)(0);
	const list = (0, import_react.useId)();
	const entries = (0, import_react.useMemo)(() => {
		const found = commandsFor(commands, typed).map((command) => ({
			id: command.id,
			title: command.title,
			group: command.group ?? "",
			keys: command.keys?.[0] ? keysText(command.keys[0]) : "",
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(CornerDownLeft, {
				size: 14,
				"aria-hidden": true
			}),
			run: () => void command.run()
		}));
		if (typed.trim() === "") return found;
		const here = pathsOf(graph).filter((path) => rank(path.replaceAll("/", " "), typed) > 0).slice(0, 6).map((path) => ({
			id: `go ${path}`,
			title: `Go to ${path}`,
			group: "This graph",
			keys: "",
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(LocateFixed, {
				size: 14,
				"aria-hidden": true
			}),
			run: () => goToNode(path)
		}));
		const nodes = search(catalogue, typed.replace(/^add\s+/i, "")).slice(0, 8).map(({ spec }) => ({
			id: `add ${spec.id}`,
			title: `Add ${spec.title}`,
			group: spec.id,
			keys: "",
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Plus, {
				size: 14,
				"aria-hidden": true
			}),
			run: () => addAtCentre(spec.id)
		}));
		return [
			...found,
			...here,
			...nodes
		];
	}, [
		commands,
		catalogue,
		graph,
		typed
	]);
	const run = (entry) => {
		if (!entry) return;
		close();
		requestAnimationFrame(() => entry.run());
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(Dialog, {
		title: "Commands",
		bare: true,
		onClose: close,
		size: "small",
		className: "nf-palette",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-search nf-palette-search",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Search$1, {
				size: 17,
				"aria-hidden": true
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
				type: "text",
				role: "combobox",
				"data-autofocus": true,
				"aria-label": "command",
				"aria-expanded": "true",
				"aria-controls": list,
				"aria-autocomplete": "list",
				"aria-activedescendant": entries[active] ? `${list}-${active}` : void 0,
				autoComplete: "off",
				spellCheck: false,
				placeholder: "A command, a node to add, a node of this graph",
				value: typed,
				onChange: (event) => {
					setTyped(event.currentTarget.value);
					setActive(0);
				},
				onKeyDown: (event) => {
					const count = entries.length;
					if (event.key === "ArrowDown") setActive((now) => (now + 1) % Math.max(1, count));
					else if (event.key === "ArrowUp") setActive((now) => (now - 1 + count) % Math.max(1, count));
					else if (event.key === "Enter") run(entries[active]);
					else return;
					event.preventDefault();
					event.stopPropagation();
				}
			})]
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			role: "listbox",
			id: list,
			"aria-label": "commands",
			className: "nf-palette-list",
			tabIndex: -1,
			children: [entries.length === 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: "w-none",
				children: "nothing found"
			}) : null, entries.map((entry, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				id: `${list}-${k}`,
				role: "option",
				tabIndex: -1,
				"aria-selected": k === active,
				className: k === active ? "nf-entry w-active" : "nf-entry",
				ref: k === active ? (own) => own?.scrollIntoView?.({ block: "nearest" }) : void 0,
				onPointerMove: () => setActive(k),
				onClick: () => run(entry),
				onKeyDown: () => void 0,
				children: [
					entry.icon,
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
						className: "nf-cut",
						children: entry.title
					}),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
						className: "nf-quiet nf-cut nf-entry-group",
						children: entry.group
					}),
					entry.keys ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: entry.keys }) : null
				]
			}, entry.id))]
		})]
	});
}
// src/panels/Settings.tsx
var THEMES = [
	{
		theme: "light",
		label: "Light",
		Icon: Sun
	},
	{
		theme: "dark",
		label: "Dark",
		Icon: Moon
	},
	{
		theme: "system",
		label: "As the system",
		Icon: Monitor
	}
];
function SettingsDialog() {
	const { closeOverlay, setTheme, setMinimap, setPreviews } = useUi.getState();
	const theme = useUi((state) => state.theme);
	const minimap = useUi((state) => state.minimap);
	const previews = useUi((state) => state.previews);
	const snap = useCanvasStore((state) => state.snap);
	const [server, setServer] = (0, import_react.useState)(null);
	(0, import_react.useEffect)(() => {
		let wanted = true;
		info().then((got) => wanted && setServer(got), () => void 0);
		return () => {
			wanted = false;
		};
	}, []);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Dialog, {
		title: "Settings",
		onClose: closeOverlay,
		size: "small",
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-scroll nf-settings",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
					className: "nf-segments",
					role: "radiogroup",
					"aria-label": "theme",
					children: THEMES.map(({ theme: one, label, Icon }) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
						type: "button",
						role: "radio",
						"aria-checked": theme === one,
						className: "nf-segment",
						"data-autofocus": theme === one || void 0,
						onClick: () => setTheme(one),
						children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Icon, {
							size: 16,
							"aria-hidden": true
						}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: label })]
					}, one))
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Switch, {
					label: "Minimap",
					on: minimap,
					set: setMinimap
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Switch, {
					label: "Previews while it runs",
					note: "Small pictures of the latent; off saves a little time.",
					on: previews,
					set: setPreviews
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Switch, {
					label: "Snap to the grid",
					on: snap,
					set: (on) => useCanvasStore.setState({ snap: on })
				}),
				server ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
					className: "nf-quiet",
					children: [
						"nodeflow ",
						server.version,
						" · ",
						server.device,
						server.torch ? ` · torch ${server.torch}` : ""
					]
				}) : null
			]
		})
	});
}
function Switch(props) {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nf-switch",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [props.label, props.note ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("small", { children: props.note }) : null] }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
			type: "button",
			role: "switch",
			"aria-checked": props.on,
			"aria-label": props.label,
			className: "w-toggle",
			onClick: () => props.set(!props.on),
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "w-knob" }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "w-toggle-text",
				children: props.on ? "on" : "off"
			})]
		})]
	});
}
// src/panels/Shortcuts.tsx
var ORDER = [
	"Run",
	"Graph",
	"Edit",
	"Select",
	"View"
];
function grouped(commands) {
	const groups = /* @__PURE__ */ new Map();
	for (const command of commands) {
		if (!command.keys?.length) continue;
		const name = command.group ?? "Other";
		groups.set(name, [...groups.get(name) ?? [], command]);
	}
	const place = (name) => ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length;
	return [...groups].sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b));
}
/** What fields do with keys, which are no commands of the page. */
var FIELDS = [
	["Ctrl ↑ / Ctrl ↓", "in a prompt: the word or selection weighs more or less"],
	["Shift", "dragging a slider: finely; with arrows: ten steps"],
	["Alt + arrows", "on a number: a tenth of a step"],
	["512*2", "in a number: worked out"]
];
function Shortcuts() {
	const close = useUi((state) => state.closeOverlay);
	const commands = useCommands((state) => state.commands);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Dialog, {
		title: "Keys",
		onClose: close,
		size: "large",
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-scroll nf-keys",
			children: [grouped(commands).map(([name, list]) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
				"aria-label": name,
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h3", {
					className: "nf-section",
					children: name
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("dl", { children: list.map((command) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("dt", { children: command.title }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("dd", { children: command.keys?.map((keys) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: keysText(keys) }, keys)) })] }, command.id)) })]
			}, name)), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
				"aria-label": "Fields",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h3", {
					className: "nf-section",
					children: "Fields"
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("dl", { children: FIELDS.map(([keys, what]) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("dt", { children: what }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("dd", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: keys }) })] }, keys)) })]
			})]
		})
	});
}
// src/panels/Templates.tsx
/** Lessons first; the others in the order of the server, which is one of learning. */
function sectioned(list) {
	const sections = /* @__PURE__ */ new Map();
	for (const template of list) {
		const own = sections.get(template.section);
		if (own) own.push(template);
		else sections.set(template.section, [template]);
	}
	const lesson = (name) => /^(learn|lessons?)$/i.test(name) ? 0 : 1;
	return [...sections].sort(([a], [b]) => lesson(a) - lesson(b));
}
function found(list, search) {
	const words = search.toLowerCase().split(/\s+/).filter(Boolean);
	return list.filter((one) => {
		const text = `${one.name} ${one.title} ${one.description} ${one.section}`.toLowerCase();
		return words.every((word) => text.includes(word));
	});
}
function useTemplates() {
	const [list, setList] = (0, import_react.useState)(null);
	const [fault, setFault] = (0, import_react.useState)("");
	(0, import_react.useEffect)(() => {
		let wanted = true;
		templates().then((got) => wanted && setList(got), (error) => wanted && setFault(error.message));
		return () => {
			wanted = false;
		};
	}, []);
	return {
		list,
		fault
	};
}
function Templates() {
	const close = useUi((state) => state.closeOverlay);
	const { list, fault } = useTemplates();
	const [search, setSearch] = (0, import_react.useState)("");
	const shown = (0, import_react.useMemo)(() => sectioned(found(list ?? [], search)), [list, search]);
	const [section, setSection] = (0, import_react.useState)("");
	const all = (0, import_react.useMemo)(() => sectioned(list ?? []).map(([name]) => name), [list]);
	const open = (template) => {
		close();
		openTemplate(template.name);
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(Dialog, {
		title: "Templates and lessons",
		onClose: close,
		size: "large",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-browse",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nf-search",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Search$1, {
					size: 16,
					"aria-hidden": true
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
					type: "search",
					"data-autofocus": true,
					"aria-label": "search templates",
					placeholder: "Search",
					value: search,
					onChange: (event) => setSearch(event.currentTarget.value),
					onKeyDown: (event) => {
						const [first] = shown[0]?.[1] ?? [];
						if (event.key === "Enter" && first) open(first);
					}
				})]
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
				className: "nf-chips",
				role: "radiogroup",
				"aria-label": "section",
				children: ["", ...all].map((name) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					role: "radio",
					"aria-checked": section === name,
					className: "nf-filter",
					onClick: () => setSection(name),
					children: name || "all"
				}, name))
			})]
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-scroll",
			children: [
				fault ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
					className: "nf-fault",
					children: fault
				}) : null,
				list === null && !fault ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
					className: "nf-quiet",
					children: "looking …"
				}) : null,
				list !== null && shown.length === 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
					className: "nf-empty",
					children: [
						"Nothing is called “",
						search,
						"”."
					]
				}) : null,
				shown.filter(([name]) => section === "" || section === name).map(([name, templates]) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
					"aria-label": name,
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h3", {
						className: "nf-section",
						children: name
					}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
						className: "nf-cards",
						children: templates.map((template) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(TemplateCard, {
							template,
							onOpen: open
						}, template.name))
					})]
				}, name))
			]
		})]
	});
}
function TemplateCard(props) {
	const { template, onOpen } = props;
	const missing = template.missing ?? [];
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
		type: "button",
		className: "nf-template",
		onClick: () => onOpen(template),
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
			className: "nf-template-picture",
			children: template.picture ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
				src: template.picture,
				alt: "",
				loading: "lazy"
			}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Workflow, {
				size: 22,
				"aria-hidden": true
			})
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
			className: "nf-template-text",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: template.title || template.name }),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
					className: "nf-clamp",
					children: template.description
				}),
				missing.length > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
					className: "nf-missing",
					children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)(CircleExclamationPoint, {
							size: 13,
							"aria-hidden": true
						}),
						" needs ",
						missing.slice(0, 2).join(", "),
						missing.length > 2 ? ` and ${missing.length - 2} more` : ""
					]
				}) : null
			]
		})]
	});
}
// src/panels/Welcome.tsx
/** The first visit: one key from a picture, and what else there is. */
function Welcome() {
	const close = useUi((state) => state.closeOverlay);
	const openOverlay = useUi((state) => state.openOverlay);
	const { list } = useTemplates();
	const few = sectioned(list ?? []).flatMap(([, templates]) => templates).filter((template) => (template.missing ?? []).length === 0).slice(0, 6);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(Dialog, {
		title: "Welcome to nodeflow",
		onClose: close,
		size: "medium",
		className: "nf-welcome",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-scroll",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
					className: "nf-lead",
					children: "A graph is already on the canvas. It makes a picture of what you write, out of noise, and every step of that is a box you can open. Change the prompt, press one key, watch."
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
					className: "nf-row nf-wrap nf-hero",
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
						type: "button",
						className: "nf-button nf-primary nf-big",
						"data-autofocus": true,
						onClick: () => {
							close();
							runGraph();
						},
						children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Play, {
							size: 17,
							"aria-hidden": true,
							fill: "currentColor"
						}), " Make the first picture"]
					}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
						className: "nf-quiet",
						children: [
							"or ",
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: "Ctrl" }),
							" ",
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: "Enter" }),
							" at any time"
						]
					})]
				}),
				few.length > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h3", {
					className: "nf-section",
					children: "Or begin with one of these"
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
					className: "nf-cards",
					children: few.map((template) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(TemplateCard, {
						template,
						onOpen: (one) => {
							close();
							openTemplate(one.name);
						}
					}, template.name))
				})] }) : null
			]
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("footer", {
			className: "nf-dialog-foot",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					className: "nf-button",
					onClick: () => openOverlay("templates"),
					children: "All templates"
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					className: "nf-button",
					onClick: () => openOverlay("shortcuts"),
					children: "Keys"
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					className: "nf-button",
					onClick: close,
					children: "Look around"
				})
			]
		})]
	});
}
// src/panels/watchRuns.ts
/** Tells when a run that was begun here fails, with the way to the node. */
/** Runs that failed between two states of the store. */
function failedSince(now, before) {
	if (now === before) return [];
	return Object.values(now).filter((run) => {
		const was = before[run.run];
		return run.state === "failed" && was !== void 0 && was.state !== "failed";
	});
}
/** Returns what ends it. */
function watchRuns() {
	return useRuns.subscribe((now, before) => {
		for (const run of failedSince(now.runs, before.runs)) {
			if (!now.graphs[run.run] && now.shown !== run.run) continue;
			const [error, ...others] = run.errors;
			const more = others.length > 0 ? ` (and ${others.length} more)` : "";
			const { notify, openRight } = useUi.getState();
			if (error?.node) notify("error", `${error.path || error.node}: ${error.message}${more}`, {
				label: "Go to node",
				run: () => {
					goToNode(error.node, error.port);
					openRight("node");
				}
			});
			else notify("error", `Run ${run.number} failed: ${error?.message || run.reason || "unknown"}`, {
				label: "Show",
				run: () => openRight("history")
			});
		}
	});
}
// src/panels/Overlays.tsx
/** What lies over everything; one at a time, and the banners under it. */
function Overlays() {
	(0, import_react.useLayoutEffect)(startAppearance, []);
	(0, import_react.useEffect)(registerPanelCommands, []);
	(0, import_react.useEffect)(watchRuns, []);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Banners, {}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Overlay, {})] });
}
function Overlay() {
	const overlay = useUi((state) => state.overlay);
	const subject = useUi((state) => state.subject);
	switch (overlay) {
		case "templates": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Templates, {});
		case "welcome": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Welcome, {});
		case "shortcuts": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Shortcuts, {});
		case "palette": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Palette, {});
		case "settings": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(SettingsDialog, {});
		case "graphs": return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Graphs, { saving: subject?.save === true });
		case "leftOut": return subject ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(LeftOut, { subject }) : null;
		case "lightbox": return subject ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Lightbox, { subject: subjectOf(subject) }) : null;
		case "mask": return subject ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Mask, { subject }) : null;
		default: return null;
	}
}
// src/inspect/Look.tsx
/** The panel that shows a wire's value whole: figures, histogram, channels, single values. */
function Look() {
	const { from, type, part } = useLook();
	const run = useRuns((state) => state.shown);
	const trace = useShownTrace();
	const tensors = useCarried(from);
	if (!from) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-quiet",
		children: "Click a wire to see what it carries."
	});
	const tensor = tensors.find((one) => one.part === part) ?? tensors[0];
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nfi-look",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
			className: "nfi-look-name",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: type }),
				" ",
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("code", { children: from })
			]
		}), tensor ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
			tensors.length > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Parts, {
				tensors,
				part: tensor.part
			}) : null,
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Facts, { tensor }),
			tensor.kept ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Picture, {
				run,
				tensor
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(HistogramOf, {
				run,
				tensor
			})] }) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NoTrace, {
				what: "Its figures were kept, its elements were not.",
				level: "full"
			})
		] }) : trace ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NoTrace, {
			what: `Nothing of this wire was traced at level “${trace.level}”: a ${type} may hold no tensors.`,
			level: "full"
		}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(NoTrace, {
			what: "What it carries is known once a run is traced.",
			level: "full"
		})]
	});
}
function Parts({ tensors, part }) {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
		className: "nfi-field",
		children: ["part", /* @__PURE__ */ (0, import_jsx_runtime.jsx)("select", {
			className: "nfi-select",
			value: part,
			onChange: (event) => useLook.setState({
				part: event.target.value,
				item: 0,
				channel: null
			}),
			children: tensors.map((one) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("option", {
				value: one.part,
				children: [
					one.part || "value",
					" (",
					shapeText(one.shape),
					")"
				]
			}, one.tid))
		})]
	});
}
function Facts({ tensor }) {
	const rows = [
		["shape", shapeText(tensor.shape)],
		["type", tensor.dtype],
		["device", tensor.device],
		["made at", tensor.path]
	];
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("dl", {
		className: "nfi-facts",
		children: rows.map(([name, value]) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("dt", { children: name }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("dd", { children: value })] }, name))
	}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Stats, { stats: tensor.stats })] });
}
var MAP_NAMES = [
	"grey",
	"diverging",
	"viridis"
];
function Picture({ run, tensor }) {
	const { item, channel, map } = useLook();
	const pixels = arePixels(tensor.part, tensor.shape);
	const at = planes(tensor.shape, 0, pixels);
	const latent = tensor.role !== "value" && tensor.shape.length === 4;
	const whole = latent || pixels || at.channels === 1;
	const shown = channel ?? (whole ? null : 0);
	const kept = Math.min(item, at.items - 1);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nfi-look-picture",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nfi-row",
			children: [
				at.channels > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
					className: "nfi-field",
					children: ["channel", /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("select", {
						className: "nfi-select",
						value: shown ?? "",
						onChange: (event) => useLook.setState({ channel: event.target.value === "" ? null : Number(event.target.value) }),
						children: [whole ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", {
							value: "",
							children: "all, in colours"
						}) : null, Array.from({ length: Math.min(at.channels, 1024) }, (_, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", {
							value: k,
							children: k
						}, k))]
					})]
				}) : null,
				at.items > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
					className: "nfi-field",
					children: ["item", /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
						className: "nfi-number",
						type: "number",
						min: 0,
						max: at.items - 1,
						value: kept,
						onChange: (event) => useLook.setState({ item: Math.max(0, Number(event.target.value)) })
					})]
				}) : null,
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("label", {
					className: "nfi-field",
					children: ["map", /* @__PURE__ */ (0, import_jsx_runtime.jsx)("select", {
						className: "nfi-select",
						value: map,
						disabled: shown === null && (latent || pixels),
						onChange: (event) => useLook.setState({ map: event.target.value }),
						children: MAP_NAMES.map((name) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("option", { children: name }, name))
					})]
				})
			]
		}), tensor.bytes > 16777216 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
			className: "nfi-canvas",
			alt: `${tensor.path}.${tensor.port}`,
			src: tensorPicture(run, tensor.tid, {
				item: kept,
				channel: shown,
				map
			})
		}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Values, {
			run,
			tensor,
			item: kept,
			channel: shown,
			map
		})]
	});
}
/** The picture, with the value under the pointer or the arrow keys. */
function Values({ run, tensor, item, channel, map }) {
	const values = useElements(run, tensor);
	const trace = useRunTrace(run);
	const family = useScrub((state) => state.family);
	const canvas = (0, import_react.useRef)(null);
	const [cursor, setCursor] = (0, import_react.useState)(null);
	const pixels = arePixels(tensor.part, tensor.shape);
	const at = (0, import_react.useMemo)(() => planes(tensor.shape, item, pixels), [
		tensor,
		item,
		pixels
	]);
	(0, import_react.useLayoutEffect)(() => {
		if (!canvas.current || !values) return;
		paint(canvas.current, at.width, at.height, () => {
			if (channel === null && pixels) return picturePixels(values, at);
			if (channel === null && at.channels > 1) return latentPixels(values, at, factorsFor(trace, family, at.channels));
			const from = at.from + (channel ?? 0) * at.channel;
			const plane = pixels ? values : values.subarray(from, from + at.height * at.width);
			return planePixels(values, at, channel ?? 0, map, rangeOf(plane, map));
		});
	}, [
		values,
		at,
		channel,
		map,
		pixels,
		trace,
		family
	]);
	const move = (event) => {
		const box = canvas.current?.getBoundingClientRect() ?? new DOMRect(0, 0, 1, 1);
		const x = Math.floor((event.clientX - box.left) / box.width * at.width);
		const y = Math.floor((event.clientY - box.top) / box.height * at.height);
		setCursor([clamp(x, at.width), clamp(y, at.height)]);
	};
	const by = {
		ArrowLeft: [-1, 0],
		ArrowRight: [1, 0],
		ArrowUp: [0, -1],
		ArrowDown: [0, 1]
	};
	const [x, y] = cursor ?? [0, 0];
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "nfi-look-values",
		tabIndex: 0,
		role: "application",
		"aria-label": `Values of ${tensor.path}.${tensor.port}: arrow keys move over them`,
		"aria-describedby": "nfi-value",
		onPointerMove: move,
		onPointerDown: move,
		onFocus: () => setCursor((before) => before ?? [0, 0]),
		onKeyDown: (event) => {
			const step = by[event.key];
			if (!step) return;
			event.preventDefault();
			event.stopPropagation();
			setCursor([clamp(x + step[0], at.width), clamp(y + step[1], at.height)]);
		},
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("canvas", {
			ref: canvas,
			className: "nfi-canvas nfi-look-canvas"
		})
	}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Value, {
		values,
		tensor,
		at,
		channel,
		x,
		y,
		none: !cursor
	})] });
}
function clamp(value, side) {
	return Math.max(0, Math.min(side - 1, value));
}
function Value(props) {
	const { values, at, channel, x, y, none } = props;
	if (none || !values) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		id: "nfi-value",
		className: "nf-quiet",
		children: values ? "Point at the picture for its values." : "fetching …"
	});
	const first = channel ?? 0;
	const count = channel === null ? Math.min(at.channels, 4) : 1;
	const read = (c) => values[at.from + c * at.channel + y * at.row + x * at.column];
	const found = Array.from({ length: count }, (_, k) => read(first + k));
	const place = at.place(first, y, x);
	const text = `[${place.join(", ")}] = ${found.join(", ")}`;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
		id: "nfi-value",
		className: "nfi-value",
		"aria-live": "polite",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("code", { children: [
				"[",
				place.join(", "),
				"]"
			] }),
			" ",
			found.map((value, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("output", {
				title: exactly(value),
				children: [told(value), " "]
			}, k)),
			channel === null && at.channels > 4 ? "…" : "",
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-icon",
				"aria-label": "copy this value",
				title: `Copy ${text}`,
				onClick: () => void copy(text),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Copy, {
					size: 14,
					"aria-hidden": true
				})
			})
		]
	});
}
async function copy(text) {
	const { notify } = useUi.getState();
	try {
		await navigator.clipboard.writeText(text);
		notify("good", `Copied ${text}`);
	} catch {
		notify("warning", `The browser does not let this page copy: ${text}`);
	}
}
function HistogramOf({ run, tensor }) {
	const [found, setFound] = (0, import_react.useState)(null);
	const [fault, setFault] = (0, import_react.useState)("");
	(0, import_react.useEffect)(() => {
		let gone = false;
		setFault("");
		const timer = setTimeout(() => {
			tensorStats(run, tensor.tid).then((histogram) => gone || setFound({
				tid: tensor.tid,
				histogram
			}), (error) => gone || setFault(error instanceof Error ? error.message : String(error)));
		}, 120);
		return () => {
			gone = true;
			clearTimeout(timer);
		};
	}, [run, tensor]);
	if (fault) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-fault",
		children: fault
	});
	if (!found) return null;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Bars, {
		histogram: found.histogram,
		stale: found.tid !== tensor.tid
	});
}
function Bars({ histogram, stale }) {
	const { counts, edges, channels } = histogram;
	const most = Math.max(1, ...counts);
	const width = 100 / Math.max(1, counts.length);
	const [low, high] = [edges[0] ?? 0, edges.at(-1) ?? 0];
	const peak = counts.indexOf(most);
	const label = `Histogram from ${told(low)} to ${told(high)}, most (${most}) from ${told(edges[peak])} to ${told(edges[peak + 1])}`;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figure", {
		className: "nfi-histogram",
		"data-stale": stale,
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("svg", {
				viewBox: "0 0 100 40",
				preserveAspectRatio: "none",
				role: "img",
				"aria-label": label,
				children: [low < 0 && high > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("line", {
					className: "nfi-mark",
					x1: -low / (high - low) * 100,
					x2: -low / (high - low) * 100,
					y1: 0,
					y2: 40,
					vectorEffect: "non-scaling-stroke"
				}) : null, counts.map((count, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("rect", {
					className: "nfi-bar",
					x: k * width,
					width: width * .9,
					y: 40 - count / most * 40,
					height: count / most * 40,
					children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("title", { children: `${told(edges[k])} to ${told(edges[k + 1])}: ${count}` })
				}, k))]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("figcaption", { children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
					title: exactly(low),
					children: told(low)
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [counts.reduce((sum, count) => sum + count, 0), " values"] }),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
					title: exactly(high),
					children: told(high)
				})
			] }),
			channels.length > 1 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("table", {
				className: "nfi-table",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("caption", { children: "By channel" }),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("thead", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("tr", { children: [
						"",
						"min",
						"max",
						"mean",
						"std"
					].map((name) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
						scope: "col",
						children: name
					}, name)) }) }),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("tbody", { children: channels.map((one, k) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("tr", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
						scope: "row",
						children: k
					}), [
						one.min,
						one.max,
						one.mean,
						one.std
					].map((value, c) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("td", {
						title: exactly(value),
						children: told(value)
					}, c))] }, k)) })
				]
			}) : null
		]
	});
}
// src/panels/literals.ts
/** Reading and writing a node's literals, by path. */
function write(path, port, value, merge) {
	const { scope, id } = splitPath(path);
	const label = value === void 0 ? `Reset ${port}` : `Set ${port}`;
	useEditor.getState().edit(label, (graph) => setParam(graph, scope, id, port, value), { merge });
}
/** The places that a declared input of the graph feeds. */
function targetsOf(graph, name) {
	const targets = graph.inputs?.[name] ?? [];
	return typeof targets === "string" ? [targets] : targets;
}
function declaredValue(graph, name) {
	const { node, port } = splitTarget(targetsOf(graph, name)[0] ?? "");
	return nodeByPath(graph, node)?.params?.[port];
}
/** One step, however many places the input feeds. */
function writeDeclared(name, value, merge) {
	useEditor.getState().edit(`Set ${name}`, (graph) => targetsOf(graph, name).reduce((made, target) => {
		const { node, port } = splitTarget(target);
		const { scope, id } = splitPath(node);
		return setParam(made, scope, id, port, value);
	}, graph), { merge });
}
// src/panels/pictures.ts
/** Files that runs made, as pictures to show. */
function isPicture(file) {
	return file.media_type.startsWith("image/") || /\.(png|jpe?g|webp|gif|avif)$/i.test(file.path);
}
function pictureOf(file) {
	return {
		url: fileUrl(file.kind, file.path),
		thumb: fileUrl(file.kind, file.path, 256),
		title: file.path,
		hasGraph: file.kind === "output" && /\.png$/i.test(file.path),
		width: file.width,
		height: file.height
	};
}
function picturesOf(outputs) {
	const seen = /* @__PURE__ */ new Set();
	const pictures = [];
	for (const output of outputs) for (const file of output.files) {
		const picture = pictureOf(file);
		if (!isPicture(file) || seen.has(picture.url)) continue;
		seen.add(picture.url);
		pictures.push(picture);
	}
	return pictures;
}
// src/panels/Menu.tsx
/** A button and its menu: arrows, Home and End, first letters, Escape. */
function Menu({ label, children, items, className, align = "start", title }) {
	const button = (0, import_react.useRef)(null);
	const [open, setOpen] = (0, import_react.useState)(false);
	const close = (0, import_react.useCallback)(() => setOpen(false), []);
	const leave = () => {
		close();
		button.current?.focus();
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
		ref: button,
		type: "button",
		className: className ?? "nf-icon",
		"aria-label": label,
		"aria-haspopup": "menu",
		"aria-expanded": open,
		title: title ?? label,
		onClick: () => setOpen(!open),
		onKeyDown: (event) => {
			if (event.key !== "ArrowDown" || open) return;
			event.preventDefault();
			setOpen(true);
		},
		children
	}), open && button.current ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Floating, {
		anchor: button.current,
		onAway: close,
		align,
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Items, {
			label,
			items,
			onLeave: leave
		})
	}) : null] });
}
function Items(props) {
	const { label, items, onLeave } = props;
	const list = (0, import_react.useRef)(null);
	const stops = () => [...list.current?.querySelectorAll("button:not(:disabled)") ?? []];
	(0, import_react.useEffect)(() => stops()[0]?.focus(), []);
	const key = (event) => {
		const all = stops();
		const at = all.indexOf(document.activeElement);
		let next;
		if (event.key === "ArrowDown") next = all[(at + 1) % all.length];
		else if (event.key === "ArrowUp") next = all[(at - 1 + all.length) % all.length];
		else if (event.key === "Home") next = all[0];
		else if (event.key === "End") next = all.at(-1);
		else if (event.key === "Escape" || event.key === "Tab") onLeave();
		else if (event.key.length === 1 && /\S/.test(event.key) && !event.ctrlKey && !event.metaKey) {
			const begins = (stop) => stop.textContent?.trim().toLowerCase().startsWith(event.key.toLowerCase());
			next = [...all.slice(at + 1), ...all.slice(0, at + 1)].find(begins);
			if (!next) return;
		} else return;
		event.preventDefault();
		event.stopPropagation();
		next?.focus();
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		ref: list,
		role: "menu",
		"aria-label": label,
		tabIndex: -1,
		className: "nf-menu",
		onKeyDown: key,
		children: items.map((item) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
			type: "button",
			role: "menuitem",
			tabIndex: -1,
			disabled: item.disabled,
			className: `nf-menu-item ${item.divided ? "nf-divided" : ""} ${item.danger ? "nf-danger" : ""}`,
			onClick: () => {
				onLeave();
				item.run();
			},
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
					className: "nf-menu-icon",
					children: item.icon
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: item.label }),
				item.keys ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("kbd", { children: item.keys }) : null
			]
		}, item.label))
	});
}
// src/panels/RunButton.tsx
/** Run, and beside it the other ways to; while something runs also what stops it. */
function RunButton({ wide }) {
	const running = useRuns((state) => state.running[0] ?? "");
	const one = useEditor((state) => state.selection.length === 1 && state.scope.length === 0);
	const [busy, setBusy] = (0, import_react.useState)(false);
	const go = async (how = {}) => {
		setBusy(true);
		try {
			await runGraph(how);
		} finally {
			setBusy(false);
		}
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: wide ? "nf-run nf-wide" : "nf-run",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "nf-button nf-primary nf-run-main",
				title: titled("Run", "run.queue"),
				"aria-busy": busy,
				onClick: () => void go(),
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Play, {
					size: 15,
					"aria-hidden": true,
					fill: "currentColor"
				}), " Run"]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Menu, {
				label: "more ways to run",
				className: "nf-button nf-primary nf-run-more",
				align: "end",
				items: [
					{
						label: "Run before all that waits",
						keys: keysOf("run.front"),
						run: () => void go({ front: true })
					},
					{
						label: "Run to the selected node",
						disabled: !one,
						run: () => void go({ outputs: outputsOfSelection() })
					},
					{
						label: "Run and keep every step",
						run: () => void go({ trace: "latents" }),
						divided: true
					},
					{
						label: "Run and keep every value",
						run: () => void go({ trace: "full" })
					}
				],
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChevronDown, {
					size: 15,
					"aria-hidden": true
				})
			}),
			running ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "nf-button nf-cancel",
				title: titled("Cancel what runs", "run.cancel"),
				onClick: () => void cancelRun(running),
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Square, {
					size: 13,
					"aria-hidden": true,
					fill: "currentColor"
				}), " Cancel"]
			}) : null
		]
	});
}
// src/panels/RunFault.tsx
/** What went wrong in a node: in words, what to do, and the traceback for who wants it. */
function RunFault({ error, here }) {
	const notify = useUi((state) => state.notify);
	const copy = async () => {
		const text = [
			`${error.path || error.node}${error.port ? `.${error.port}` : ""}: ${error.message}`,
			error.hint,
			error.traceback
		];
		try {
			await navigator.clipboard.writeText(text.filter(Boolean).join("\n\n"));
			notify("good", "Copied");
		} catch {
			notify("warning", "The browser did not let the page copy");
		}
	};
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("article", {
		className: "nf-card nf-error",
		"aria-label": `error of ${error.node || "the run"}`,
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
				className: "nf-row nf-top-align",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(CircleExclamationPoint, {
					size: 16,
					"aria-hidden": true
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [here ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("strong", { children: [
					error.path || error.node || "The run",
					error.port ? `.${error.port}` : "",
					" "
				] }), error.message] })]
			}),
			error.hint ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: "nf-hint",
				children: error.hint
			}) : null,
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nf-row nf-wrap",
				children: [error.node && !here ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small",
					onClick: () => goToNode(error.node, error.port),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(LocateFixed, {
						size: 14,
						"aria-hidden": true
					}), " Go to node"]
				}) : null, /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small",
					onClick: () => void copy(),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Copy, {
						size: 14,
						"aria-hidden": true
					}), " Copy"]
				})]
			}),
			error.traceback ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("details", {
				className: "nf-trace",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("summary", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChevronRight, {
					size: 14,
					"aria-hidden": true
				}), " Traceback"] }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("pre", {
					tabIndex: 0,
					children: error.traceback
				})]
			}) : null
		]
	});
}
// src/panels/Thumbs.tsx
/** Small pictures; each opens large, with its neighbours beside it. */
function Thumbs({ pictures, large }) {
	const openOverlay = useUi((state) => state.openOverlay);
	if (pictures.length === 0) return null;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: large ? "nf-thumbs nf-thumbs-large" : "nf-thumbs",
		children: pictures.map((picture, index) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
			type: "button",
			className: "nf-thumb",
			"aria-label": `open ${picture.title}`,
			title: picture.title,
			onClick: () => openOverlay("lightbox", {
				pictures,
				index
			}),
			children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
				src: large ? picture.url : picture.thumb ?? picture.url,
				alt: picture.title,
				loading: "lazy"
			})
		}, picture.url))
	});
}
// src/panels/Form.tsx
/** `guidance_scale` as a label. */
function labelOf(name) {
	const text = name.replaceAll("_", " ");
	return text.charAt(0).toUpperCase() + text.slice(1);
}
/** The graph as a form: what it asks for, a button, and its pictures. */
function Form() {
	const graph = useEditor((state) => state.graph);
	const catalogue = useCatalogue((state) => state.catalogue);
	const names = Object.keys(graph.inputs ?? {});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nf-form",
		children: [
			graph.title ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("h3", { children: graph.title }) : null,
			graph.description ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: "nf-quiet",
				children: graph.description
			}) : null,
			names.length === 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nf-empty",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", { children: "This graph asks for nothing yet." }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
					className: "nf-quiet",
					children: "Select a node and press “in the form” beside one of its values; it appears here."
				})]
			}) : null,
			names.map((name) => {
				const port = declaredPort(graph, [], graph, name, catalogue);
				const first = targetsOf(graph, name)[0] ?? "";
				const { node } = splitTarget(first);
				if (!hasField(port)) return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
					className: "nf-quiet",
					children: [
						labelOf(name),
						" (",
						port.type,
						") is given by a wire only."
					]
				}, name);
				const id = `form-${name}`;
				return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
					className: "nf-field",
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("label", {
						htmlFor: id,
						children: labelOf(name)
					}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Widget, {
						id,
						path: node,
						port: {
							...port,
							name: splitTarget(first).port
						},
						label: labelOf(name),
						value: declaredValue(graph, name),
						onChange: (value, { merge }) => writeDeclared(name, value, merge)
					})]
				}, name);
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
				className: "nf-form-run",
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(RunButton, { wide: true })
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Results, {})
		]
	});
}
/** What the last run makes or made. */
function Results() {
	const run = useRuns((state) => state.runs[state.shown]);
	const preview = useRuns((state) => Object.values(state.previews).find((one) => one.run === state.shown));
	if (!run) return null;
	const pictures = picturesOf(run.outputs);
	const values = run.outputs.filter((output) => output.files.length === 0 && output.value !== null);
	const busy = run.state === "running" || run.state === "queued" || run.state === "paused";
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
		"aria-label": "results",
		className: "nf-results",
		children: [
			busy ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Running, {
				id: run.run,
				run
			}) : null,
			busy && preview && pictures.length === 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
				className: "nf-live",
				src: preview.url,
				alt: `step ${preview.step} of ${preview.steps}`
			}) : null,
			run.errors.map((error) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(RunFault, { error }, `${error.path} ${error.port} ${error.code}`)),
			run.state === "failed" && run.errors.length === 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: "nf-fault",
				children: run.reason || `${titleOf(run, run.run)} failed`
			}) : null,
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Thumbs, {
				pictures,
				large: true
			}),
			values.map((output) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nf-value",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: labelOf(output.name) }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("pre", { children: typeof output.value === "string" ? output.value : writeJson(output.value, 2) })]
			}, output.name))
		]
	});
}
// src/panels/Gallery.tsx
var PAGE$1 = 48;
function Gallery() {
	const [files, setFiles] = (0, import_react.useState)(null);
	const [next, setNext] = (0, import_react.useState)("");
	const [fault, setFault] = (0, import_react.useState)("");
	const [chosen, setChosen] = (0, import_react.useState)([]);
	const running = useRuns((state) => state.running.join(" "));
	const openOverlay = useUi((state) => state.openOverlay);
	const safely = useSafely();
	const grid = (0, import_react.useRef)(null);
	const load = (0, import_react.useCallback)(async (after) => {
		try {
			const page = await outputs({
				limit: PAGE$1,
				after
			});
			const pictures = page.files.filter(isPicture);
			setFiles((now) => after === void 0 ? pictures : [...now ?? [], ...pictures]);
			setNext(page.next ?? "");
			setFault("");
		} catch (error) {
			setFault(error.message);
		}
	}, []);
	(0, import_react.useEffect)(() => void load(), [load, running]);
	const forget = (path) => {
		setFiles((now) => (now ?? []).filter((file) => file.path !== path));
		setChosen((now) => now.filter((one) => one !== path));
	};
	const pictures = (files ?? []).map((file) => ({
		url: fileUrl(file.kind, file.path),
		thumb: fileUrl(file.kind, file.path, 256),
		title: file.path,
		hasGraph: file.has_graph,
		run: file.run ?? "",
		width: file.width,
		height: file.height,
		remove: async () => {
			await deleteOutput(file.path);
			forget(file.path);
		}
	}));
	const choose = (path) => setChosen((now) => now.includes(path) ? now.filter((one) => one !== path) : [...now, path].slice(-2));
	const compare = () => {
		const [index, other] = chosen.map((path) => (files ?? []).findIndex((file) => file.path === path));
		if (index === void 0 || other === void 0) return;
		openOverlay("lightbox", {
			pictures,
			index,
			other
		});
	};
	const removeChosen = async () => {
		if (!window.confirm(`Delete ${chosen.join(" and ")} for good?`)) return;
		for (const file of (files ?? []).filter((one) => chosen.includes(one.path))) if (await safely(`${file.path} could not be deleted`, () => deleteOutput(file.path))) forget(file.path);
	};
	const arrows = (event) => {
		const stops = [...grid.current?.querySelectorAll(".nf-shot") ?? []];
		const at = stops.indexOf(event.target);
		if (at < 0) return;
		const top = stops[0]?.offsetTop;
		const columns = Math.max(1, stops.filter((stop) => stop.offsetTop === top).length);
		const by = {
			ArrowLeft: -1,
			ArrowRight: 1,
			ArrowUp: -columns,
			ArrowDown: columns
		}[event.key];
		if (by === void 0) return;
		event.preventDefault();
		stops[at + by]?.focus();
	};
	if (fault) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-fault",
		children: fault
	});
	if (!files) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-quiet",
		children: "looking …"
	});
	if (files.length === 0) return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nf-empty",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", { children: "No picture yet." }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
			className: "nf-quiet",
			children: "Every picture carries the graph that made it, and opens it again."
		})]
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		chosen.length > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-row nf-sticky",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
					className: "nf-quiet",
					children: chosen.length === 1 ? "one chosen" : "two chosen"
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small",
					disabled: chosen.length < 2,
					onClick: compare,
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Columns2, {
						size: 14,
						"aria-hidden": true
					}), " Compare"]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small nf-danger",
					onClick: () => void removeChosen(),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Trash, {
						size: 14,
						"aria-hidden": true
					}), " Delete"]
				})
			]
		}) : null,
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", {
			ref: grid,
			className: "nf-grid",
			"aria-label": "pictures",
			onKeyDown: arrows,
			children: files.map((file, index) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
				className: chosen.includes(file.path) ? "nf-chosen" : "",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					className: "nf-shot",
					"aria-label": `open ${file.path}`,
					title: `${file.path}\n${file.width} × ${file.height}, ${size(file.bytes)}, ${ago(file.saved_at)}`,
					onClick: () => openOverlay("lightbox", {
						pictures,
						index
					}),
					children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
						src: fileUrl(file.kind, file.path, 256),
						alt: file.path,
						loading: "lazy"
					})
				}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("label", {
					className: "nf-pick",
					children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
						type: "checkbox",
						"aria-label": `choose ${file.path}`,
						checked: chosen.includes(file.path),
						onChange: () => choose(file.path)
					})
				})]
			}, file.path))
		}),
		next ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
			type: "button",
			className: "nf-button",
			onClick: () => void load(next),
			children: "Older ones"
		}) : null
	] });
}
// src/panels/Differences.tsx
/** What the second graph does otherwise than the first, node by node. */
function Differences({ before, after }) {
	const { added, removed, changed, ports } = (0, import_react.useMemo)(() => compare(before, after), [before, after]);
	if (added.length + removed.length + changed.length === 0) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-quiet",
		children: "The graph is the same now."
	});
	const loose = changed.filter((path) => !ports.some((port) => splitTarget(port).node === path));
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("table", {
		className: "nf-table",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("caption", {
				className: "nf-sr",
				children: "then and now"
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("thead", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("tr", { children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
					scope: "col",
					children: "where"
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
					scope: "col",
					children: "then"
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
					scope: "col",
					children: "now"
				})
			] }) }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("tbody", { children: [
				ports.map((place) => {
					const { node, port } = splitTarget(place);
					return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("tr", { children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
							scope: "row",
							children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
								type: "button",
								className: "nf-link",
								onClick: () => goToNode(node, port),
								children: place
							})
						}),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("td", { children: shown(before, node, port) }),
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("td", { children: shown(after, node, port) })
					] }, place);
				}),
				loose.map((path) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Whole, {
					path,
					before: "otherwise",
					after: "changed",
					there: true
				}, path)),
				added.map((path) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Whole, {
					path,
					before: "–",
					after: "added",
					there: true
				}, path)),
				removed.map((path) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Whole, {
					path,
					before: "there",
					after: "removed"
				}, path))
			] })
		]
	});
}
function Whole(props) {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("tr", { children: [
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)("th", {
			scope: "row",
			children: props.there ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-link",
				onClick: () => goToNode(props.path),
				children: props.path
			}) : props.path
		}),
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)("td", { children: props.before }),
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)("td", { children: props.after })
	] });
}
/** A literal or what is wired there, in short. */
function shown(graph, path, port) {
	const node = nodeByPath(graph, path);
	const link = node?.links?.[port];
	if (link !== void 0) return `← ${Array.isArray(link) ? link.join(", ") : link}`;
	const value = node?.params?.[port];
	if (value === void 0) return "default";
	return short(value);
}
function short(value) {
	const text = typeof value === "string" ? value : writeJson(value);
	return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
// src/panels/History.tsx
var PAGE = 20;
var FINISHED = "done,failed,cancelled";
function HistoryPanel() {
	const [runs$1, setRuns] = (0, import_react.useState)(null);
	const [next, setNext] = (0, import_react.useState)(null);
	const [compared, setCompared] = (0, import_react.useState)(null);
	const [fault, setFault] = (0, import_react.useState)("");
	const running = useRuns((state) => state.running.join(" "));
	const shown = useRuns((state) => state.shown);
	const safely = useSafely();
	const load = (0, import_react.useCallback)(async (before) => {
		try {
			const page = await runs({
				state: FINISHED,
				limit: PAGE,
				before
			});
			setRuns((now) => before === void 0 ? page.runs : [...now ?? [], ...page.runs]);
			setNext(page.before ?? null);
			setFault("");
		} catch (error) {
			setFault(error.message);
		}
	}, []);
	(0, import_react.useEffect)(() => void load(), [load, running]);
	const compare = (run$1) => safely("The run could not be read", async () => {
		if (compared?.run === run$1.run) return setCompared(null);
		const detail = await run(run$1.run);
		setCompared({
			run: run$1.run,
			graph: detail.graph
		});
	});
	const remove = async (run) => {
		if (await safely("The run could not be removed", () => deleteRun(run.run))) setRuns((now) => (now ?? []).filter((one) => one.run !== run.run));
	};
	if (fault) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-fault",
		children: fault
	});
	if (!runs$1) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-quiet",
		children: "looking …"
	});
	if (runs$1.length === 0) return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nf-empty",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", { children: "No run has ended yet." }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
			className: "nf-quiet",
			children: "Each is kept here with its graph and its pictures."
		})]
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-row",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "nf-button nf-small nf-danger",
				onClick: () => {
					if (window.confirm("Forget all finished runs? Their pictures stay.")) safely("The history could not be cleared", clearHistory).then(() => load());
				},
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Trash, {
					size: 14,
					"aria-hidden": true
				}), " Forget all"]
			})]
		}),
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)("ol", {
			className: "nf-list",
			"aria-label": "finished runs",
			children: runs$1.map((run) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("li", {
				className: `nf-card ${run.run === shown ? "nf-shown" : ""}`,
				"aria-current": run.run === shown || void 0,
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
						className: "nf-row",
						children: [
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
								type: "button",
								className: "nf-name nf-cut",
								onClick: () => showRun(run.run),
								children: titleOf(run, run.run)
							}),
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)(State, { state: run.state })
						]
					}),
					/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
						className: "nf-row",
						children: [
							/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
								className: "nf-facts",
								children: [
									ago(run.finished_at ?? run.accepted_at),
									run.started_at && run.finished_at ? ` · ${duration((run.finished_at - run.started_at) * 1e3)}` : "",
									run.nodes?.cached ? ` · ${run.nodes.cached} of ${run.nodes.total} kept` : ""
								]
							}),
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
							/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
								type: "button",
								className: "nf-icon nf-small",
								"aria-label": `forget ${titleOf(run, run.run)}`,
								title: "Forget; its pictures stay",
								onClick: () => void remove(run),
								children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Trash, {
									size: 14,
									"aria-hidden": true
								})
							})
						]
					}),
					run.reason && run.state !== "done" ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
						className: "nf-fault",
						children: run.reason
					}) : null,
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Thumbs, { pictures: picturesOf(run.outputs ?? []) }),
					/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
						className: "nf-row nf-wrap",
						children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
							type: "button",
							className: "nf-button nf-small",
							onClick: () => void restoreRun(run.run),
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(RotateCcw, {
								size: 14,
								"aria-hidden": true
							}), " Restore its graph"]
						}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
							type: "button",
							className: "nf-button nf-small",
							"aria-expanded": compared?.run === run.run,
							onClick: () => void compare(run),
							children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Diff, {
								size: 14,
								"aria-hidden": true
							}), " Compare to now"]
						})]
					}),
					compared?.run === run.run ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(CompareNow, { graph: compared.graph }) : null
				]
			}, run.run))
		}),
		next === null ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
			type: "button",
			className: "nf-button",
			onClick: () => void load(next),
			children: "Older ones"
		})
	] });
}
function CompareNow({ graph }) {
	const now = useEditor((state) => state.graph);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Differences, {
		before: graph,
		after: now
	});
}
// src/panels/docstring.ts
function docstring(doc) {
	const blocks = [];
	for (const [k, part] of doc.trim().split(/\n\s*\n/).entries()) {
		const lines = part.split("\n");
		if (k === 0) blocks.push({
			kind: "lead",
			pieces: pieces(joined(lines))
		});
		else if (lines.every((line) => /^ {2,}\S/.test(line))) blocks.push({
			kind: "formula",
			text: outdented(lines)
		});
		else if (lines.every((line) => /^\s*[-*] |^\s{2,}/.test(line)) && /^\s*[-*] /.test(part)) {
			const items = part.split(/\n(?=\s*[-*] )/);
			blocks.push({
				kind: "list",
				items: items.map((item) => pieces(joined(item.split("\n")).replace(/^[-*] /, "")))
			});
		} else blocks.push(...mixed(lines));
	}
	return blocks;
}
/** Lines of a paragraph, among which indented ones are formulas. */
function mixed(lines) {
	const blocks = [];
	let k = 0;
	while (k < lines.length) {
		const indented = /^ {4,}\S/.test(lines[k] ?? "");
		let end = k;
		while (end < lines.length && /^ {4,}\S/.test(lines[end] ?? "") === indented) end += 1;
		const run = lines.slice(k, end);
		blocks.push(...indented ? [{
			kind: "formula",
			text: outdented(run)
		}] : prose(joined(run)));
		k = end;
	}
	return blocks;
}
function prose(text) {
	const blocks = [];
	let plain = "";
	const flush = () => {
		if (plain.trim()) blocks.push({
			kind: "paragraph",
			pieces: pieces(plain.trim())
		});
		plain = "";
	};
	for (const sentence of sentences(text)) {
		const found = formulaOf(sentence);
		if (!found) {
			plain += `${sentence} `;
			continue;
		}
		flush();
		blocks.push({
			kind: "formula",
			text: found.formula
		});
		plain = found.rest ? `${found.rest} ` : "";
	}
	flush();
	return blocks;
}
/** Cut at `. ` before a capital and at `; `, not in brackets and not after `eq` and the like. */
function sentences(text) {
	const found = [];
	let depth = 0;
	let from = 0;
	for (let at = 0; at < text.length; at += 1) {
		const sign = text[at] ?? "";
		if ("([".includes(sign)) depth += 1;
		if (")]".includes(sign)) depth = Math.max(0, depth - 1);
		if (!(depth === 0 && text[at + 1] === " " && (sign === ";" || sign === "." && !/(?:\beqs?|\bal|\bFig|\bsec|\be\.g|\bi\.e)$/.test(text.slice(from, at))))) continue;
		found.push(text.slice(from, at + 1));
		from = at + 2;
	}
	if (from < text.length) found.push(text.slice(from));
	return found;
}
/** The formula that a sentence begins with, if that is what it does. */
function formulaOf(sentence) {
	const cut = endOfFormula(sentence);
	const formula = sentence.slice(0, cut).replace(/[.,;:]$/, "");
	const rest = sentence.slice(cut).replace(/^[,:;]?\s*/, "").trim();
	if (formula.length > 200 || !isFormula(formula)) return null;
	return {
		formula: formula.replaceAll("`", ""),
		rest: rest === "." ? "" : rest
	};
}
function endOfFormula(sentence) {
	let depth = 0;
	for (let at = 0; at < sentence.length; at += 1) {
		const sign = sentence[at] ?? "";
		if (sign === "(" && /^\([A-Z][a-z]+\b/.test(sentence.slice(at)) && depth === 0) return at;
		if ("([".includes(sign)) depth += 1;
		if (")]".includes(sign)) depth -= 1;
		if (depth > 0 || !/^[,:;] |^ (?:where|with|for|if|as|after|by|in|on|to) /.test(sentence.slice(at))) continue;
		if (/^, \S+ =/.test(sentence.slice(at))) continue;
		return at;
	}
	return sentence.length;
}
var SIGN = /^(?:[=+\-*/^·×≤≥<>@]|==|<=|>=|\*\*|:=|->|→)$/;
function isFormula(text) {
	const tokens = text.split(/\s+/).filter(Boolean);
	const signs = tokens.filter((token) => SIGN.test(token)).length;
	if (/^\[.*\]$/.test(text) || /^[A-Z][a-z]+\b/.test(text) || /\b(?:the|is|are|gives)\b/.test(text)) return false;
	if (/^[a-z_]{3,}$/.test(tokens[0] ?? "") && !/^(?:log|exp|sin|cos|sqrt)$/.test(tokens[0] ?? "") && !SIGN.test(tokens[1] ?? "")) return false;
	if (signs === 0 || SIGN.test(tokens[0] ?? "") || SIGN.test(tokens.at(-1) ?? "")) return false;
	let run = 0;
	for (const token of tokens) {
		run = SIGN.test(token) ? 0 : run + 1;
		if (run > 3) return false;
	}
	return tokens.filter((token) => /^[a-z]{2,}$/i.test(token)).length <= signs * 2;
}
/** Text with `code` and arXiv numbers found. */
function pieces(text) {
	const found = [];
	const pattern = /`([^`]+)`|\barXiv[: ](\d{4}\.\d{4,5})/g;
	let from = 0;
	for (const match of text.matchAll(pattern)) {
		if (match.index > from) found.push({
			kind: "text",
			text: text.slice(from, match.index)
		});
		if (match[1] !== void 0) found.push({
			kind: "code",
			text: match[1]
		});
		else found.push({
			kind: "link",
			text: match[0],
			href: `https://arxiv.org/abs/${match[2]}`
		});
		from = match.index + match[0].length;
	}
	if (from < text.length) found.push({
		kind: "text",
		text: text.slice(from)
	});
	return found;
}
function joined(lines) {
	return lines.map((line) => line.trim()).join(" ").trim();
}
function outdented(lines) {
	const depth = Math.min(...lines.map((line) => /^ */.exec(line)?.[0].length ?? 0));
	return lines.map((line) => line.slice(depth).trimEnd()).join("\n");
}
// src/panels/Docstring.tsx
/** A node's help: text stays text; a paper's page opens only when it is clicked. */
function Docstring({ text }) {
	const blocks = (0, import_react.useMemo)(() => docstring(text), [text]);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		className: "nf-doc",
		children: blocks.map((block, k) => {
			const key = `${k} ${block.kind}`;
			if (block.kind === "formula") return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("pre", {
				className: "nf-formula",
				children: block.text
			}, key);
			if (block.kind === "list") return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", { children: block.items.map((item) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("li", { children: drawn(item) }, item.map((piece) => piece.text).join(""))) }, key);
			return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: block.kind === "lead" ? "nf-lead" : void 0,
				children: drawn(block.pieces)
			}, key);
		})
	});
}
function drawn(pieces) {
	return pieces.map((piece, k) => {
		const key = `${k} ${piece.text}`;
		if (piece.kind === "code") return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("code", { children: piece.text }, key);
		if (piece.kind === "link") return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("a", {
			href: piece.href,
			target: "_blank",
			rel: "noreferrer noopener",
			children: piece.text
		}, key);
		return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(import_react.Fragment, { children: piece.text }, key);
	});
}
// src/panels/NodePanel.tsx
function NodePanel() {
	const selection = useEditor((state) => state.selection);
	const scope = useEditor((state) => state.scope);
	const nodes = selection.filter((id) => !id.includes(":") && id !== "$in" && id !== "$out");
	const [only] = nodes;
	if (nodes.length === 1 && only) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(OneNode, {
		scope,
		id: only
	}, pathOf(scope, only));
	if (nodes.length > 1) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Several, {
		scope,
		ids: nodes
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(AboutGraph, {});
}
function Several({ scope, ids }) {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("h3", { children: [ids.length, " nodes are selected"] }),
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-row nf-wrap",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "nf-button nf-small",
				onClick: () => toggleMode("mute"),
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(EyeOff, {
					size: 14,
					"aria-hidden": true
				}), " Mute"]
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
				type: "button",
				className: "nf-button nf-small",
				onClick: () => toggleMode("bypass"),
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(SkipForward, {
					size: 14,
					"aria-hidden": true
				}), " Bypass"]
			})]
		}),
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", {
			className: "nf-list",
			children: ids.map((id) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("li", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-link",
				onClick: () => goToNode(pathOf(scope, id)),
				children: id
			}) }, id))
		})
	] });
}
function OneNode({ scope, id }) {
	const graph = useEditor((state) => state.graph);
	const edit = useEditor((state) => state.edit);
	const catalogue = useCatalogue((state) => state.catalogue);
	const path = pathOf(scope, id);
	const gesture = useGesture(`title ${path}`);
	const node = nodeAt(graph, scope, id);
	if (!node) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(AboutGraph, {});
	const ports = portsOf(graph, scope, id, catalogue);
	const spec = catalogue.nodes.get(node.type);
	const title = viewOf(graph, scope, id)?.title ?? "";
	const inside = isLoop(node) || innerGraph(node) !== void 0;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-node-head",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
				className: "nf-title-field",
				"aria-label": "title",
				placeholder: ports.title,
				value: title,
				onFocus: gesture.begin,
				onChange: (event) => {
					const text = event.currentTarget.value;
					edit("Rename", (now) => setTitle(now, scope, id, text), { merge: gesture.key() });
				}
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
				className: "nf-quiet nf-ids",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("code", { children: path }),
					" ",
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
						"aria-hidden": true,
						children: "·"
					}),
					" ",
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("code", { children: node.type }),
					spec && spec.version > 1 ? ` v${spec.version}` : ""
				]
			})]
		}),
		ports.known ? null : /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
			className: "nf-fault",
			children: [
				"Nobody here knows ",
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("code", { children: node.type }),
				". Its values are kept; it cannot run."
			]
		}),
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-row nf-wrap",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small",
					"aria-pressed": node.mode === "mute",
					title: "It does not run, nor does what needs it",
					onClick: () => toggleMode("mute"),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(EyeOff, {
						size: 14,
						"aria-hidden": true
					}), " Mute"]
				}),
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small",
					"aria-pressed": node.mode === "bypass",
					title: "It hands its first fitting input through",
					onClick: () => toggleMode("bypass"),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(SkipForward, {
						size: 14,
						"aria-hidden": true
					}), " Bypass"]
				}),
				inside ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: "nf-button nf-small",
					onClick: () => enter(id),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(CornerDownLeft, {
						size: 14,
						"aria-hidden": true
					}), " Look inside"]
				}) : null
			]
		}),
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)(RunFacts, { path }),
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)(NodeProblems, { path }),
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)("section", {
			"aria-label": "inputs",
			children: ports.inputs.map((port) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Input, {
				graph,
				scope,
				id,
				port
			}, port.name))
		}),
		ports.outputs.length > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
			"aria-label": "outputs",
			className: "nf-ports",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h3", { children: "Gives" }), ports.outputs.map((port) => /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
				className: "nf-port",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: port.name }),
					" ",
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)(TypeName, { type: port.type })
				]
			}, port.name))]
		}) : null,
		spec ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
			"aria-label": "help",
			className: "nf-help",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("h3", { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(BookOpen, {
					size: 15,
					"aria-hidden": true
				}), " What it does"] }),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Docstring, { text: spec.doc }),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Example, { type: node.type })
			]
		}) : null
	] });
}
function TypeName({ type }) {
	const catalogue = useCatalogue((state) => state.catalogue);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
		className: "nf-type",
		style: vars({ "--type": typeColour(type, catalogue) }),
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Circle, {
				size: 8,
				"aria-hidden": true,
				fill: "currentColor"
			}),
			" ",
			type
		]
	});
}
function Input(props) {
	const { graph, scope, id, port } = props;
	const path = pathOf(scope, id);
	const links = linksAt(graph, scope, {
		node: id,
		port: port.name
	});
	const value = nodeAt(graph, scope, id)?.params?.[port.name];
	const exposed = inputFor(graph, `${path}.${port.name}`);
	const field = hasField(port) && links.length === 0;
	const own = value !== void 0 && writeJson(value) !== writeJson(port.default);
	const htmlId = fieldId(path, port.name);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nf-field",
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-row",
			children: [
				field ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("label", {
					htmlFor: htmlId,
					children: port.name
				}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { children: port.name }),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)(TypeName, { type: port.type }),
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
				field && own && !port.required ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					className: "nf-icon nf-small",
					"aria-label": `reset ${port.name}`,
					title: `Back to ${short(port.default ?? null)}`,
					onClick: () => write(path, port.name, void 0, ""),
					children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(RotateCcw, {
						size: 13,
						"aria-hidden": true
					})
				}) : null,
				field ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
					type: "button",
					className: "nf-icon nf-small",
					"aria-pressed": exposed !== "",
					"aria-label": `${port.name} in the form`,
					title: exposed ? `In the form as “${exposed}”` : "Put it in the form",
					onClick: () => toggleExposed(id, port.name),
					children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ListPlus, {
						size: 14,
						"aria-hidden": true
					})
				}) : null
			]
		}), field ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Widget, {
			id: htmlId,
			path,
			port,
			value,
			onChange: (next, { merge }) => write(path, port.name, next, merge)
		}) : links.length > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
			className: "nf-wires",
			children: links.map((link) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Source, {
				link,
				scope
			}, link))
		}) : /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
			className: port.required ? "nf-fault nf-wires" : "nf-quiet nf-wires",
			children: port.required ? "a wire is needed" : "no wire"
		})]
	});
}
function Source({ link, scope }) {
	const { node } = splitLink(link);
	if ([
		"each",
		"const",
		"state"
	].includes(node)) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("code", { children: link });
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
		type: "button",
		className: "nf-link",
		title: "Go to it",
		onClick: () => goToNode(pathOf(scope, node)),
		children: link
	});
}
/** The graph's input that a port is fed by, "" for none. */
function inputFor(graph, target) {
	return Object.entries(graph.inputs ?? {}).find(([, targets]) => typeof targets === "string" ? targets === target : targets.includes(target))?.[0] ?? "";
}
function RunFacts({ path }) {
	const run = useRuns((state) => state.runs[state.shown]);
	const preview = useRuns((state) => state.previews[path]);
	const facts = run?.nodes[path];
	const error = run?.errors.find((one) => one.node === path);
	const pictures = (0, import_react.useMemo)(() => picturesOf((run?.outputs ?? []).filter((output) => output.node.replace(/\..*/, "") === path)), [run?.outputs, path]);
	if (!facts && !error) return null;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("section", {
		className: "nf-card",
		"aria-label": "in the last run",
		children: [
			facts ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
				className: "nf-row nf-wrap",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(State, { state: facts.state }), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
					className: "nf-quiet",
					children: [
						facts.ms === void 0 ? "" : duration(facts.ms),
						size(facts.bytes),
						facts.steps ? `step ${facts.step ?? 0} of ${facts.steps}` : ""
					].filter(Boolean).join(" · ")
				})]
			}) : null,
			facts?.why ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: "nf-why",
				children: facts.why
			}) : null,
			error ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)(RunFault, {
				error,
				here: true
			}) : null,
			preview ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("img", {
				className: "nf-live",
				src: preview.url,
				alt: "as it is now"
			}) : null,
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Thumbs, { pictures })
		]
	});
}
function NodeProblems({ path }) {
	const own = useProblems((state) => problemsOf(state, path));
	if (own.length === 0) return null;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", {
		className: "nf-list",
		"aria-label": "problems of this node",
		children: own.map((problem) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("li", {
			className: `nf-problem nf-${problem.severity}`,
			children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: problem.port }),
				" ",
				problem.message,
				problem.hint ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("em", { children: problem.hint }) : null
			] })
		}, `${problem.where} ${problem.message}`))
	});
}
/** Whether a node of a type stands anywhere in a graph. */
function uses(graph, type) {
	const within = (nodes) => Object.values(nodes).some((node) => node.type === type || node.body !== void 0 && within(node.body) || typeof node.graph === "object" && within(node.graph.nodes));
	return within(graph.nodes);
}
var known = null;
/** All templates with their graphs, read once when somebody asks for an example. */
async function allTemplates() {
	known ??= templates().then(async (list) => {
		const ready = list.filter((one) => (one.missing ?? []).length === 0);
		return Promise.all(ready.map(async ({ name, title }) => ({
			name,
			title,
			graph: await template(name)
		})));
	});
	known.catch(() => {
		known = null;
	});
	return known;
}
function Example({ type }) {
	const notify = useUi((state) => state.notify);
	const [found, setFound] = (0, import_react.useState)(null);
	const [busy, setBusy] = (0, import_react.useState)(false);
	const look = async () => {
		setBusy(true);
		try {
			setFound((await allTemplates()).filter(({ graph }) => uses(graph, type)).slice(0, 6));
		} catch (error) {
			notify("error", `The templates could not be read: ${error.message}`);
		}
		setBusy(false);
	};
	if (found === null) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
		type: "button",
		className: "nf-button nf-small",
		"aria-busy": busy,
		disabled: busy,
		onClick: () => void look(),
		children: "Example graphs"
	});
	if (found.length === 0) return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
		className: "nf-quiet",
		children: "No template uses it yet."
	});
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", {
		className: "nf-examples",
		"aria-label": "example graphs",
		children: found.map(({ name, title }) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)("li", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
			type: "button",
			className: "nf-link",
			onClick: () => void openTemplate(name),
			children: title
		}) }, name))
	});
}
/** With nothing selected: what the graph itself is. */
function AboutGraph() {
	const graph = useEditor((state) => state.graph);
	const edit = useEditor((state) => state.edit);
	const gesture = useGesture("about");
	const count = Object.keys(graph.nodes).length;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
			className: "nf-hint",
			children: "Select a node to see its help, its values and what its run told."
		}),
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-field",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("label", {
				htmlFor: "graph-title",
				children: "Title of the graph"
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("input", {
				id: "graph-title",
				className: "w-text",
				value: graph.title ?? "",
				onFocus: gesture.begin,
				onChange: (event) => {
					const title = event.currentTarget.value;
					edit("Title", (now) => setAbout(now, { title }), { merge: gesture.key() });
				}
			})]
		}),
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
			className: "nf-field",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("label", {
				htmlFor: "graph-about",
				children: "Description"
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("textarea", {
				id: "graph-about",
				className: "w-area",
				rows: 4,
				value: graph.description ?? "",
				onFocus: gesture.begin,
				onChange: (event) => {
					const description = event.currentTarget.value;
					edit("Description", (now) => setAbout(now, { description }), { merge: gesture.key() });
				}
			})]
		}),
		/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("p", {
			className: "nf-quiet",
			children: [
				count,
				" ",
				count === 1 ? "node" : "nodes",
				" ·",
				" ",
				Object.keys(graph.inputs ?? {}).join(", ") || "nothing in the form"
			]
		})
	] });
}
// src/panels/Problems.tsx
var NO_ERRORS = [];
function ProblemsPanel() {
	const problems = useProblems((state) => state.all);
	const errors = useRuns((state) => state.runs[state.shown]?.errors ?? NO_ERRORS);
	if (problems.length + errors.length === 0) return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "nf-empty",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(CircleCheck, {
				size: 28,
				"aria-hidden": true,
				className: "nf-good-mark"
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", { children: "Nothing is wrong." }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("p", {
				className: "nf-quiet",
				children: "The whole graph is checked while you edit, before anything runs."
			})
		]
	});
	const sorted = [...problems].sort((a, b) => Number(a.severity === "warning") - Number(b.severity === "warning"));
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [
		errors.length > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("h3", { children: "In the last run" }) : null,
		errors.map((error) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(RunFault, { error }, `${error.path} ${error.port} ${error.code}`)),
		sorted.length > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("h3", { children: [plural(sorted.length, "problem"), " in the graph"] }) : null,
		/* @__PURE__ */ (0, import_jsx_runtime.jsx)("ul", {
			className: "nf-list",
			"aria-label": "problems",
			children: sorted.map((problem) => {
				const Icon = problem.severity === "warning" ? TriangleExclamationPoint : CircleExclamationPoint;
				return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("li", { children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
					type: "button",
					className: `nf-problem nf-${problem.severity}`,
					disabled: !problem.node,
					onClick: () => goToNode(problem.node, problem.port),
					children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Icon, {
						size: 16,
						"aria-hidden": true
					}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", { children: [
						/* @__PURE__ */ (0, import_jsx_runtime.jsx)("strong", { children: problem.where || "graph" }),
						" ",
						problem.message,
						problem.hint ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("em", { children: problem.hint }) : null
					] })]
				}) }, `${problem.where} ${problem.code} ${problem.message}`);
			})
		})
	] });
}
// src/panels/RightPanel.tsx
var PANELS$1 = {
	node: {
		title: "Node",
		Body: NodePanel
	},
	queue: {
		title: "Queue",
		Body: QueuePanel
	},
	history: {
		title: "History",
		Body: HistoryPanel
	},
	gallery: {
		title: "Gallery",
		Body: Gallery
	},
	problems: {
		title: "Problems",
		Body: ProblemsPanel
	},
	form: {
		title: "Form",
		Body: Form
	},
	look: {
		title: "Look",
		Body: Look
	}
};
/** One panel at a time beside the canvas; on a phone it lies over it. */
function RightPanel() {
	const right = useUi((state) => state.right);
	const openRight = useUi((state) => state.openRight);
	const head = (0, import_react.useRef)(null);
	const before = (0, import_react.useRef)(right);
	const panel = PANELS$1[right];
	(0, import_react.useEffect)(() => {
		if (right && right !== before.current && window.matchMedia?.("(max-width: 700px)").matches) head.current?.focus();
		before.current = right;
	}, [right]);
	if (!panel) return null;
	const { title, Body } = panel;
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("aside", {
		className: "nf-right",
		"aria-label": title,
		onKeyDown: (event) => {
			if (event.key !== "Escape" || event.defaultPrevented) return;
			event.stopPropagation();
			openRight("");
		},
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("header", {
			className: "nf-panel-head",
			children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h2", {
				ref: head,
				tabIndex: -1,
				children: title
			}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
				type: "button",
				className: "nf-icon",
				"aria-label": `close ${title.toLowerCase()}`,
				onClick: () => openRight(""),
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(X, {
					size: 17,
					"aria-hidden": true
				})
			})]
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
			className: "nf-panel-body",
			children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Body, {})
		})]
	});
}
// src/panels/fileMenu.tsx
function fileItems() {
	const { openOverlay } = useUi.getState();
	return [
		{
			label: "New graph",
			run: newGraph,
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(FilePlusCorner, { size: 15 })
		},
		{
			label: "Templates and lessons …",
			run: () => openOverlay("templates"),
			keys: keysOf("graph.templates"),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(GraduationCap, { size: 15 })
		},
		{
			label: "Open a saved graph …",
			run: () => openOverlay("graphs"),
			keys: keysOf("graph.open"),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(HardDrive, { size: 15 })
		},
		{
			label: "Open a file or picture …",
			run: chooseFile,
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(FolderOpen, { size: 15 })
		},
		{
			label: "Save",
			run: () => void saveGraph(),
			keys: keysOf("graph.save"),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Save, { size: 15 }),
			divided: true
		},
		{
			label: "Save as …",
			run: saveAs,
			keys: keysOf("graph.saveAs"),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(SaveAll, { size: 15 })
		},
		{
			label: "Export as JSON",
			run: () => void exportJson(),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Share, { size: 15 }),
			divided: true
		},
		{
			label: "Export for ComfyUI",
			run: () => void exportComfyUI()
		},
		{
			label: "Export as Python",
			run: () => exportPython()
		}
	];
}
// src/panels/TopBar.tsx
var PANELS = [
	{
		id: "node",
		label: "Node",
		Icon: SlidersHorizontal
	},
	{
		id: "form",
		label: "Form",
		Icon: TextCursorInput
	},
	{
		id: "gallery",
		label: "Gallery",
		Icon: Images
	},
	{
		id: "queue",
		label: "Queue",
		Icon: ListOrdered
	},
	{
		id: "history",
		label: "History",
		Icon: RotateCcwClock
	},
	{
		id: "problems",
		label: "Problems",
		Icon: CircleExclamationPoint
	}
];
function TopBar() {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("header", {
		className: "nf-top",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Mark, {}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("h1", {
				className: "nf-sr",
				children: "nodeflow"
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(GraphName, {}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "nf-pair nf-wide-only",
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Steps, {})
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(QueueChip, {}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(RunButton, {}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-grow" }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("nav", {
				className: "nf-toggles nf-wide-only",
				"aria-label": "panels",
				children: [PANELS.map((panel) => /* @__PURE__ */ (0, import_jsx_runtime.jsx)(PanelToggle, { ...panel }, panel.id)), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(DrawerToggle, {})]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
				className: "nf-pair nf-wide-only nf-tools",
				children: [
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)(OverlayButton, {
						overlay: "palette",
						label: "Commands",
						Icon: Search$1
					}),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)(OverlayButton, {
						overlay: "shortcuts",
						label: "Keys",
						Icon: CircleQuestionMark
					}),
					/* @__PURE__ */ (0, import_jsx_runtime.jsx)(OverlayButton, {
						overlay: "settings",
						label: "Settings",
						Icon: Settings
					})
				]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "nf-narrow-only",
				children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(MoreMenu, {})
			})
		]
	}), /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("nav", {
		className: "nf-bottom nf-narrow-only",
		"aria-label": "panels and run",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(PanelToggle, { ...PANELS[1] }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(PanelToggle, { ...PANELS[2] }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(RunButton, {}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(PanelToggle, { ...PANELS[3] }),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(PanelToggle, { ...PANELS[0] })
		]
	})] });
}
function Mark() {
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("svg", {
		className: "nf-mark",
		viewBox: "0 0 32 32",
		"aria-hidden": "true",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("path", {
				d: "M9 9 C18 9 14 23 23 23",
				fill: "none",
				stroke: "currentColor",
				strokeWidth: "3"
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("circle", {
				cx: "8",
				cy: "9",
				r: "4.5",
				fill: "currentColor"
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("circle", {
				cx: "24",
				cy: "23",
				r: "4.5",
				fill: "currentColor"
			})
		]
	});
}
/** What the document is called: its name on the server, its title, where it came from. */
function nameOf(state) {
	return state.name || state.graph.title || state.origin || "Untitled";
}
function GraphName() {
	const name = useEditor(nameOf);
	const origin = useEditor((state) => state.origin);
	const saved = useEditor((state) => state.name !== "");
	const dirty = useEditor(isDirty);
	const state = dirty ? "not saved" : saved ? "saved" : "as opened";
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(Menu, {
		label: `graph ${name}, ${state}`,
		title: origin ? `${name}: ${origin}` : name,
		className: "nf-graph-name",
		items: fileItems(),
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("span", {
			className: "nf-name-text",
			children: [
				/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
					className: "nf-cut",
					children: name
				}),
				" ",
				/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("small", { children: [dirty ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { className: "nf-dot" }) : null, state] })
			]
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChevronDown, {
			size: 15,
			"aria-hidden": true
		})]
	});
}
function Steps() {
	const past = useEditor((state) => state.past.at(-1)?.label);
	const future = useEditor((state) => state.future.at(-1)?.label);
	const undo = useEditor((state) => state.undo);
	const redo = useEditor((state) => state.redo);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)(import_jsx_runtime.Fragment, { children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
		type: "button",
		className: "nf-icon",
		"aria-label": "undo",
		title: past ? `Undo: ${past} (${keysOf("edit.undo")})` : "Nothing to undo",
		disabled: past === void 0,
		onClick: undo,
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Undo2, {
			size: 17,
			"aria-hidden": true
		})
	}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
		type: "button",
		className: "nf-icon",
		"aria-label": "redo",
		title: future ? `Redo: ${future} (${keysOf("edit.redo")})` : "Nothing to redo",
		disabled: future === void 0,
		onClick: redo,
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Redo2, {
			size: 17,
			"aria-hidden": true
		})
	})] });
}
function QueueChip() {
	const running = useRuns((state) => state.running[0] ?? "");
	const run = useRuns((state) => state.runs[running]);
	const waiting = useRuns((state) => state.queued.length);
	const paused = useRuns((state) => state.paused);
	const open = useUi((state) => state.right === "queue");
	const openRight = useUi((state) => state.openRight);
	if (!running && waiting === 0 && !paused) return null;
	const { share, text } = run ? progressOf(run) : {
		share: null,
		text: ""
	};
	const percent = share === null ? 0 : Math.round(share * 100);
	const words = [running ? `${percent} %` : paused ? "paused" : "", waiting > 0 ? `${waiting} waiting` : ""].filter(Boolean);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
		type: "button",
		className: "nf-chip",
		"aria-label": `queue: ${words.join(", ")}`,
		title: text || "Queue",
		"aria-pressed": open,
		onClick: () => openRight(open ? "" : "queue"),
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
			className: "nf-bar",
			children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", { style: { width: `${running ? percent : 0}%` } })
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
			className: "nf-chip-text",
			children: words.join(" · ")
		})]
	});
}
function PanelToggle({ id, label, Icon }) {
	const open = useUi((state) => state.right === id);
	const openRight = useUi((state) => state.openRight);
	const count = useProblems((state) => id === "problems" ? state.all.length : 0) + useRuns((state) => id === "problems" ? state.runs[state.shown]?.errors.length ?? 0 : 0);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
		type: "button",
		className: "nf-icon nf-toggle",
		"aria-pressed": open,
		"aria-label": count > 0 ? `${label}, ${count}` : label,
		title: titled(label, `view.${id}`),
		onClick: () => openRight(open ? "" : id),
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Icon, {
				size: 18,
				"aria-hidden": true
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "nf-toggle-label",
				children: label
			}),
			count > 0 ? /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
				className: "nf-badge",
				children: count > 99 ? "99+" : count
			}) : null
		]
	});
}
function DrawerToggle() {
	const open = useUi((state) => state.drawer);
	const setDrawer = useUi((state) => state.setDrawer);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("button", {
		type: "button",
		className: "nf-icon nf-toggle",
		"aria-pressed": open,
		"aria-label": "Look inside",
		title: titled("Look inside: steps, wires, plots", "view.drawer"),
		onClick: () => setDrawer(!open),
		children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChartLine, {
			size: 18,
			"aria-hidden": true
		}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)("span", {
			className: "nf-toggle-label",
			children: "Inside"
		})]
	});
}
function OverlayButton(props) {
	const openOverlay = useUi((state) => state.openOverlay);
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("button", {
		type: "button",
		className: "nf-icon",
		"aria-label": props.label,
		title: titled(props.label, `view.${props.overlay}`),
		onClick: () => openOverlay(props.overlay),
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(props.Icon, {
			size: 18,
			"aria-hidden": true
		})
	});
}
/** What has no room on a phone. */
function MoreMenu() {
	const problems = useProblems((state) => state.all.length);
	const { openRight, openOverlay, setDrawer } = useUi.getState();
	const { undo, redo } = useEditor.getState();
	const past = useEditor((state) => state.past.length > 0);
	const future = useEditor((state) => state.future.length > 0);
	const items = [
		{
			label: "Undo",
			run: undo,
			disabled: !past,
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Undo2, { size: 15 })
		},
		{
			label: "Redo",
			run: redo,
			disabled: !future,
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Redo2, { size: 15 })
		},
		{
			label: problems > 0 ? `Problems (${problems})` : "Problems",
			run: () => openRight("problems"),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(CircleExclamationPoint, { size: 15 }),
			divided: true
		},
		{
			label: "History",
			run: () => openRight("history"),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(RotateCcwClock, { size: 15 })
		},
		{
			label: "Look inside",
			run: () => setDrawer(true),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ChartLine, { size: 15 })
		},
		{
			label: "Commands",
			run: () => openOverlay("palette"),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Search$1, { size: 15 }),
			divided: true
		},
		{
			label: "Keys",
			run: () => openOverlay("shortcuts"),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(CircleQuestionMark, { size: 15 })
		},
		{
			label: "Settings",
			run: () => openOverlay("settings"),
			icon: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Settings, { size: 15 })
		}
	];
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Menu, {
		label: "more",
		items,
		align: "end",
		children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(Ellipsis, {
			size: 19,
			"aria-hidden": true
		})
	});
}
/** A version is only put beside the one before, instead of over it, after so many milliseconds:
* else twelve versions would be the last five seconds. */
var APART = 6e4;
var DATABASE = "nodeflow";
var STORE = "versions";
var HEADS = "heads";
/** A transaction writes a version and says where it is, or does neither: that is all the care that
* a crash asks for. */
var IndexedVault = class {
	#open;
	constructor(factory = indexedDB) {
		this.#open = new Promise((resolve, reject) => {
			const request = factory.open(DATABASE, 1);
			request.onupgradeneeded = () => {
				request.result.createObjectStore(STORE, { keyPath: ["tab", "slot"] });
				request.result.createObjectStore(HEADS, { keyPath: "tab" });
			};
			request.onsuccess = () => resolve(request.result);
			request.onerror = () => reject(request.error);
			request.onblocked = () => reject(/* @__PURE__ */ new Error("another page holds the store"));
		});
	}
	async put(tab, version) {
		const change = (await this.#open).transaction([STORE, HEADS], "readwrite");
		const heads = change.objectStore(HEADS);
		const head = nextHead(tab, await answer(heads.get(tab)), version.at);
		change.objectStore(STORE).put({
			...version,
			tab,
			slot: head.slot
		});
		heads.put(head);
		await finished(change);
	}
	async versions(tab) {
		const database = await this.#open;
		const range = IDBKeyRange.bound([tab, 0], [tab, 12]);
		return (await answer(database.transaction(STORE).objectStore(STORE).getAll(range))).sort((a, b) => b.at - a.at);
	}
	async tabs() {
		return (await answer((await this.#open).transaction(HEADS).objectStore(HEADS).getAll())).sort((a, b) => b.at - a.at).map((head) => head.tab);
	}
	async forget(tab) {
		const change = (await this.#open).transaction([STORE, HEADS], "readwrite");
		change.objectStore(STORE).delete(IDBKeyRange.bound([tab, 0], [tab, 12]));
		change.objectStore(HEADS).delete(tab);
		await finished(change);
	}
};
function nextHead(tab, before, at) {
	if (!before) return {
		tab,
		slot: 0,
		begun: at,
		at
	};
	if (at - before.begun < APART) return {
		...before,
		at
	};
	return {
		tab,
		slot: (before.slot + 1) % 12,
		begun: at,
		at
	};
}
function answer(request) {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}
function finished(change) {
	return new Promise((resolve, reject) => {
		change.oncomplete = () => resolve();
		change.onabort = () => reject(change.error);
		change.onerror = () => reject(change.error);
	});
}
var PREFIX = "nodeflow.document.";
/** Characters up to which a version keeps its steps back: all of local storage has some millions. */
var ROOM = 2e5;
/** Where there is no IndexedDB (some private windows): the last version alone, and what is written
* while the page closes, for which IndexedDB has no time. Two places take turns; the other one
* stays whole while one is written. */
var LocalVault = class {
	#storage;
	constructor(storage = localStorage) {
		this.#storage = storage;
	}
	/** At once, for a page that is about to close. Whether there was room. */
	putNow(tab, version) {
		const turn = (this.#turn(tab) + 1) % 2;
		let text = writeJson(version);
		if (text.length > ROOM) text = writeJson({
			...version,
			past: []
		});
		try {
			this.#storage.setItem(`${PREFIX}${tab}.${turn}`, text);
			this.#storage.setItem(`${PREFIX}${tab}`, String(turn));
			return true;
		} catch {
			return false;
		}
	}
	put(tab, version) {
		this.putNow(tab, version);
		return Promise.resolve();
	}
	versions(tab) {
		const turn = this.#turn(tab);
		const found = [turn, (turn + 1) % 2].map((k) => this.#read(tab, k));
		return Promise.resolve(found.filter((version) => version !== void 0));
	}
	tabs() {
		const found = /* @__PURE__ */ new Set();
		for (let k = 0; k < this.#storage.length; k += 1) {
			const key = this.#storage.key(k);
			if (key?.startsWith(PREFIX)) found.add(key.slice(18).replace(/\.[01]$/, ""));
		}
		const at = (tab) => this.#read(tab, this.#turn(tab))?.at ?? 0;
		return Promise.resolve([...found].sort((a, b) => at(b) - at(a)));
	}
	forget(tab) {
		for (const end of [
			"",
			".0",
			".1"
		]) this.#storage.removeItem(PREFIX + tab + end);
		return Promise.resolve();
	}
	#turn(tab) {
		return this.#storage.getItem(PREFIX + tab) === "1" ? 1 : 0;
	}
	#read(tab, turn) {
		const text = this.#storage.getItem(`${PREFIX}${tab}.${turn}`);
		if (text === null) return void 0;
		try {
			const version = readJson(text);
			return isVersion(version) ? version : void 0;
		} catch {
			return;
		}
	}
};
function isVersion(data) {
	const graph = data?.graph;
	return typeof data?.at === "number" && typeof graph?.nodes === "object" && graph.nodes !== null;
}
// src/store/autosave.ts
/**
* No edit is lost: the document is kept in this browser half a second after each edit, for each
* tab by itself, and comes back after a reload or a crash. Two tabs on one saved graph learn of each
* other's saving.
*/
/** Milliseconds from an edit until it is kept. */
var PAUSE = 400;
/** Steps back that are kept, and nodes in all of them together. */
var STEPS = 40;
var STEP_NODES = 2e4;
var TAB = "nodeflow.tab";
var CHANNEL = "nodeflow";
/** Documents of closed tabs that are kept. */
var TABS = 8;
/** What is kept of the document now. */
function snapshot(at) {
	const { graph, scope, past, name, etag, origin, saved } = useEditor.getState();
	const nodes = Math.max(1, Object.keys(graph.nodes).length);
	const steps = Math.min(STEPS, Math.floor(STEP_NODES / nodes));
	return {
		at,
		graph,
		scope,
		past: steps ? past.slice(-steps) : [],
		name,
		etag,
		origin,
		saved
	};
}
function restored(version) {
	const { at: _, ...kept } = version;
	const text = writeJson(kept.saved);
	const one = (graph) => writeJson(graph) === text ? kept.saved : graph;
	const past = (kept.past ?? []).map((step) => ({
		...step,
		graph: one(step.graph)
	}));
	return {
		...kept,
		graph: one(kept.graph),
		past,
		selection: [],
		future: []
	};
}
/** Keeps the document of one tab. */
var Autosave = class {
	#tab;
	#vault;
	#quick;
	#timer;
	#kept;
	/** Writing ends in order: a slow one never puts an old version over a new one. */
	#last = Promise.resolve();
	constructor(tab, vault, quick) {
		this.#tab = tab;
		this.#vault = vault;
		this.#quick = quick;
	}
	start() {
		const stop = useEditor.subscribe((state, before) => {
			if (state.graph !== before.graph || state.scope !== before.scope || state.etag !== before.etag || state.name !== before.name) this.#soon();
		});
		const leave = () => this.now();
		const hide = () => {
			if (document.visibilityState === "hidden") leave();
		};
		window.addEventListener("pagehide", leave);
		document.addEventListener("visibilitychange", hide);
		return () => {
			stop();
			window.removeEventListener("pagehide", leave);
			document.removeEventListener("visibilitychange", hide);
			clearTimeout(this.#timer);
		};
	}
	#soon() {
		this.#timer ??= setTimeout(() => void this.write(), PAUSE);
	}
	async write() {
		clearTimeout(this.#timer);
		this.#timer = void 0;
		const version = snapshot(Date.now());
		this.#kept = version.graph;
		this.#last = this.#last.then(() => this.#vault.put(this.#tab, version)).catch(() => {
			this.#quick.putNow(this.#tab, version);
		});
		await this.#last;
	}
	/** At once: the page may be gone in a moment. */
	now() {
		const { graph } = useEditor.getState();
		if (this.#timer === void 0 && graph === this.#kept) return;
		this.#quick.putNow(this.#tab, snapshot(Date.now()));
		this.write();
	}
};
/** The newest of what both places hold. */
async function newest(tab, ...vaults) {
	return (await Promise.all(vaults.map((vault) => vault.versions(tab).catch(() => [])))).flat().sort((a, b) => b.at - a.at)[0];
}
/** This tab's name: it survives a reload; a tab that was made a copy of gets another. */
async function thisTab() {
	const before = sessionStorage.getItem(TAB);
	if (before && await take(before)) return {
		id: before,
		known: true
	};
	const id = randomId();
	sessionStorage.setItem(TAB, id);
	await take(id);
	return {
		id,
		known: false
	};
}
/** Hold a tab's name as long as the page lives; false if another page does. */
function take(id) {
	if (!navigator.locks) return Promise.resolve(true);
	return new Promise((resolve) => {
		const hold = (lock) => {
			resolve(lock !== null);
			return lock ? new Promise(() => {}) : void 0;
		};
		navigator.locks.request(`nodeflow.tab.${id}`, { ifAvailable: true }, hold).catch(() => resolve(true));
	});
}
/** The document of a tab that is no more (its browser crashed, or it was closed). */
async function orphan(vault, quick) {
	const tabs = await vault.tabs().catch(() => []);
	const all = [.../* @__PURE__ */ new Set([...tabs, ...await quick.tabs()])];
	for (const old of all.slice(TABS)) {
		vault.forget(old).catch(() => void 0);
		quick.forget(old);
	}
	for (const id of all.slice(0, TABS)) {
		if (!await free(id)) continue;
		const version = await newest(id, vault, quick);
		if (version && Object.keys(version.graph.nodes).length) return version;
	}
}
async function free(id) {
	if (!navigator.locks) return true;
	const { held } = await navigator.locks.query();
	return !held?.some((lock) => lock.name === `nodeflow.tab.${id}`);
}
var vault;
var quick;
var tab = "";
/** Begin to keep the document. What was kept before, if anything: the caller opens it. */
async function startAutosave() {
	quick = new LocalVault();
	vault = typeof indexedDB === "undefined" ? quick : new IndexedVault();
	await vault.tabs().catch(() => {
		vault = quick;
	});
	const mine = await thisTab();
	tab = mine.id;
	const found = (mine.known ? await newest(tab, vault, quick) : void 0) ?? await orphan(vault, quick);
	new Autosave(tab, vault, quick).start();
	watchOthers();
	return found;
}
/** Somebody saved or deleted a graph: if it is the one that is open, that is a conflict. */
function othersSaved({ name, etag, client }) {
	const state = useEditor.getState();
	if (client === CLIENT || !state.name || state.name !== name || etag === state.etag) return;
	const { conflict } = useConflict.getState();
	useConflict.setState({ conflict: {
		name,
		etag,
		saving: conflict?.name === name ? conflict.saving : isDirty(state)
	} });
}
function watchOthers() {
	onGraphs(othersSaved);
	if (typeof BroadcastChannel !== "undefined") {
		const channel = new BroadcastChannel(CHANNEL);
		channel.onmessage = ({ data }) => othersSaved(data);
		useEditor.subscribe((state, before) => {
			if (state.etag === before.etag || !state.etag || state.saved === before.saved) return;
			const told = {
				name: state.name,
				etag: state.etag,
				client: CLIENT
			};
			channel.postMessage(told);
		});
	}
	useRuns.subscribe((state, before) => {
		if (state.connection === "open" && before.connection === "lost") askAgain();
	});
}
async function askAgain() {
	const { name } = useEditor.getState();
	if (!name) return;
	const all = await graphs().catch(() => void 0);
	if (!all) return;
	const now = all.find((one) => one.name === name);
	if (now) othersSaved({
		name,
		etag: now.etag,
		client: ""
	});
}
// src/store/base.ts
/** The commands that need no more than the stores. */
var editor = () => useEditor.getState();
var RUN = [
	{
		id: "run.queue",
		title: "Run",
		group: "Run",
		keys: ["Mod+Enter"],
		inText: true,
		words: "queue start execute",
		run: () => runGraph()
	},
	{
		id: "run.front",
		title: "Run before all that waits",
		group: "Run",
		keys: ["Mod+Shift+Enter"],
		inText: true,
		words: "front queue",
		run: () => runGraph({ front: true })
	},
	{
		id: "run.cancel",
		title: "Cancel the run",
		group: "Run",
		keys: ["Mod+Alt+Enter"],
		inText: true,
		words: "stop interrupt abort",
		when: () => useRuns.getState().running.length > 0,
		run: () => cancelRun()
	}
];
var EDIT = [{
	id: "edit.undo",
	title: "Undo",
	group: "Edit",
	keys: ["Mod+Z"],
	when: () => editor().past.length > 0,
	run: () => editor().undo()
}, {
	id: "edit.redo",
	title: "Redo",
	group: "Edit",
	keys: ["Mod+Shift+Z", "Mod+Y"],
	when: () => editor().future.length > 0,
	run: () => editor().redo()
}];
var GRAPH = [
	{
		id: "graph.save",
		title: "Save",
		group: "Graph",
		keys: ["Mod+S"],
		inText: true,
		run: () => saveGraph()
	},
	{
		id: "graph.json",
		title: "Export the graph file",
		group: "Graph",
		words: "download json",
		when: () => hasNodes(editor().graph),
		run: exportJson
	},
	{
		id: "graph.comfyui",
		title: "Export for ComfyUI",
		group: "Graph",
		words: "download prompt api",
		when: () => hasNodes(editor().graph),
		run: exportComfyUI
	},
	{
		id: "graph.python",
		title: "Export as Python",
		group: "Graph",
		words: "download script",
		when: () => hasNodes(editor().graph),
		run: exportPython
	}
];
function registerBase() {
	return registerCommands([
		...RUN,
		...EDIT,
		...GRAPH
	]);
}
// src/store/drop.ts
/** Files dropped anywhere on the page are opened; a field that takes files comes first. */
function holdsFiles(event) {
	return event.dataTransfer?.types.includes("Files") ?? false;
}
/** Returns what ends it. Without it the browser would leave the page for the dropped file. */
function listenForFiles(target = window) {
	const over = (event) => {
		if (!holdsFiles(event) || event.defaultPrevented) return;
		event.preventDefault();
		if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
	};
	const drop = (event) => {
		const file = event.dataTransfer?.files[0];
		if (!file || event.defaultPrevented) return;
		event.preventDefault();
		openFile(file);
	};
	target.addEventListener("dragover", over);
	target.addEventListener("drop", drop);
	return () => {
		target.removeEventListener("dragover", over);
		target.removeEventListener("drop", drop);
	};
}
// src/panels/useStart.ts
/** What lies on the canvas at a first visit: one key from a picture. */
var FIRST = "text_to_image";
/** Milliseconds between two tries to reach the server. */
var AGAIN = 1500;
var begun = false;
/** What happens once when the page opens. */
function useStart() {
	(0, import_react.useEffect)(() => {
		if (begun) return;
		begun = true;
		registerBase();
		listenForKeys();
		listenForFiles();
		startSocket();
		begin();
	}, []);
}
async function begin() {
	const [version] = await Promise.all([startAutosave(), catalogue()]);
	if (version) bringBack(restored(version));
	const asked = await openAsked();
	if (!version && !asked) {
		const opened = await openTemplate(FIRST);
		const { notices, dismiss, overlay, openOverlay } = useUi.getState();
		if (opened) for (const notice of notices) dismiss(notice.id);
		if (overlay === "") openOverlay("welcome");
	}
	watchProblems();
}
/** `?template=…`, `?graph=…` or `?run=…` in the address say what to open. */
async function openAsked() {
	const asked = new URLSearchParams(location.search);
	const [template, graph, run] = [
		"template",
		"graph",
		"run"
	].map((name) => asked.get(name));
	if (!template && !graph && !run) return false;
	history.replaceState(null, "", location.pathname + location.hash);
	if (template) return openTemplate(template);
	if (graph) return openGraph(graph);
	await restoreRun(run ?? "");
	return true;
}
/** The node types; asked for again until the server answers. */
async function catalogue() {
	for (;;) try {
		const { catalogue: found, problems } = await loadCatalogue();
		useCatalogue.setState({
			catalogue: found,
			loaded: true,
			fault: ""
		});
		placeAll();
		const [first, ...others] = problems;
		if (first) {
			const more = others.length ? ` (and ${others.length} more)` : "";
			useUi.getState().notify("warning", `A node pack did not load: ${first.message}${more}`);
		}
		return;
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		useCatalogue.setState({ fault: error.message });
		await new Promise((resolve) => setTimeout(resolve, AGAIN));
	}
}
/** Nodes without a place got none while their sizes were not known. */
function placeAll() {
	const { graph, saved } = useEditor.getState();
	const placed = placeMissing(graph, useCatalogue.getState().catalogue);
	if (placed !== graph) useEditor.setState({
		graph: placed,
		saved: saved === graph ? placed : saved
	});
}
// src/App.tsx
/** The page: a bar, the canvas, one panel beside it and one drawer below, and what lies over all. */
function App() {
	useStart();
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)(ReactFlowProvider, { children: /* @__PURE__ */ (0, import_jsx_runtime.jsxs)("div", {
		className: "app",
		children: [
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(TopBar, {}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsxs)("main", {
				className: "app-main",
				children: [/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Canvas, {}), /* @__PURE__ */ (0, import_jsx_runtime.jsx)(RightPanel, {})]
			}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Drawer, {}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Overlays, {}),
			/* @__PURE__ */ (0, import_jsx_runtime.jsx)(Notices, {})
		]
	}) });
}
// src/main.tsx
var root = document.getElementById("root");
if (root) (0, import_client.createRoot)(root).render(/* @__PURE__ */ (0, import_jsx_runtime.jsx)(import_react.StrictMode, { children: /* @__PURE__ */ (0, import_jsx_runtime.jsx)(App, {}) }));
