import { n as __toESM } from "./rolldown-runtime.js";
import { a as completionKeymap, c as keymap, d as Prec, f as StateField, i as autocompletion, l as Annotation, n as history, o as Decoration, r as historyKeymap, s as EditorView, t as defaultKeymap, u as EditorState } from "./codemirror.js";
import { Zt as require_jsx_runtime, en as require_react } from "./vendor.js";
// src/widgets/weights.ts
var import_react = /* @__PURE__ */ __toESM(require_react(), 1);
var MORE = 1.1;
var WRITTEN = /:\s*(-?\d+\.?\d*|-?\.\d+)\s*$/;
/** The brackets that are closed, inner ones first. Escaped ones are text. */
function brackets(text, syntax) {
	const found = [];
	const open = [];
	for (let at = 0; at < text.length; at += 1) {
		const sign = text[at];
		if (sign === "\\") at += 1;
		else if (sign === "(" || sign === "[" && syntax === "a1111") open.push({
			sign,
			at,
			plain: true
		});
		else if (sign === "|" || sign === ":") {
			const last = open.at(-1);
			if (last?.sign === "[") last.plain = false;
		} else if (sign === ")" || sign === "]" && syntax === "a1111") {
			const last = open.at(-1);
			if (last?.sign !== (sign === ")" ? "(" : "[")) continue;
			open.pop();
			if (!last.plain) continue;
			const written = last.sign === "(" ? WRITTEN.exec(text.slice(last.at + 1, at)) : null;
			found.push({
				open: last.at,
				inner: written ? last.at + 1 + written.index : at,
				close: at,
				weight: written ? Number(written[1]) : last.sign === "(" ? MORE : 1 / MORE,
				written: written !== null,
				sign: last.sign
			});
		}
	}
	return found;
}
/** Stretches of the text that weigh other than 1, with their whole weight. */
function spans(text, syntax) {
	const all = brackets(text, syntax);
	const cuts = /* @__PURE__ */ new Set([0, text.length]);
	for (const b of all) cuts.add(b.open).add(b.close + 1);
	const places = [...cuts].sort((a, b) => a - b);
	const result = [];
	for (let k = 0; k + 1 < places.length; k += 1) {
		const from = places[k] ?? 0;
		const to = places[k + 1] ?? 0;
		const over = all.filter((b) => b.open <= from && b.close >= to - 1);
		const weight = over.reduce((product, b) => product * b.weight, 1);
		if (over.length > 0) result.push({
			from,
			to,
			weight
		});
	}
	return result;
}
/** The change that makes what is selected, or the word at the cursor, weigh more or less. */
function weigh(text, from, to, by, syntax) {
	let [start, end] = from <= to ? [from, to] : [to, from];
	const around = brackets(text, syntax).filter((b) => b.sign === "(").filter((b) => start === end ? b.open < start && b.close + 1 >= end : isWhole(b, start, end)).sort((a, b) => a.close - a.open - (b.close - b.open))[0];
	if (around) return reweigh(text, around, by);
	if (start === end) [start, end] = wordAt(text, start);
	while (start < end && /\s/.test(text[start] ?? "")) start += 1;
	while (start < end && /\s/.test(text[end - 1] ?? "")) end -= 1;
	if (start === end) return null;
	const inner = text.slice(start, end);
	const insert = `(${inner}:${show(1 + by)})`;
	return {
		from: start,
		to: end,
		insert,
		select: [start + 1, start + 1 + inner.length]
	};
}
function isWhole(b, start, end) {
	return start === b.open && end === b.close + 1 || start === b.open + 1 && (end === b.inner || end === b.close);
}
function reweigh(text, b, by) {
	const inner = text.slice(b.open + 1, b.inner);
	const weight = Math.round((b.weight + by) * 100) / 100;
	const whole = {
		from: b.open,
		to: b.close + 1
	};
	if (weight === 1) return {
		...whole,
		insert: inner,
		select: [b.open, b.open + inner.length]
	};
	const insert = `(${inner}:${show(weight)})`;
	return {
		...whole,
		insert,
		select: [b.open + 1, b.open + 1 + inner.length]
	};
}
function wordAt(text, at) {
	const within = /[^\s,.;:()[\]|{}\\]/;
	let start = at;
	let end = at;
	while (start > 0 && within.test(text[start - 1] ?? "")) start -= 1;
	while (end < text.length && within.test(text[end] ?? "")) end += 1;
	return [start, end];
}
function show(weight) {
	return String(Math.round(weight * 100) / 100);
}
// src/widgets/PromptEditor.tsx
/** The prompt editor proper: a chunk of its own, loaded when a prompt is first edited. */
var import_jsx_runtime = require_jsx_runtime();
/** What one press of Ctrl-Up or Ctrl-Down adds. */
var STEP = .05;
function PromptEditor(props) {
	const place = (0, import_react.useRef)(null);
	const view = (0, import_react.useRef)(null);
	const latest = (0, import_react.useRef)(props);
	latest.current = props;
	(0, import_react.useLayoutEffect)(() => {
		if (!place.current) return;
		const { value, selection, label } = latest.current;
		const within = (at) => Math.min(at, value.length);
		const own = new EditorView({
			parent: place.current,
			root: strict(),
			state: EditorState.create({
				doc: value,
				selection: {
					anchor: within(selection[0]),
					head: within(selection[1])
				},
				extensions: [
					history(),
					weights(() => latest.current.syntax),
					Prec.highest(keymap.of([{
						key: "Ctrl-ArrowUp",
						mac: "Mod-ArrowUp",
						run: reweigh(STEP)
					}, {
						key: "Ctrl-ArrowDown",
						mac: "Mod-ArrowDown",
						run: reweigh(-.05)
					}])),
					autocompletion({
						override: [complete],
						icons: false
					}),
					keymap.of([
						...completionKeymap,
						...historyKeymap,
						...defaultKeymap.filter((binding) => binding.key !== "Mod-Enter")
					]),
					EditorView.lineWrapping,
					EditorView.contentAttributes.of({
						"aria-label": label,
						spellcheck: "true"
					}),
					EditorView.updateListener.of((update) => {
						if (update.docChanged && !update.transactions.some((t) => t.annotation(fromOutside))) latest.current.onChange(update.state.doc.toString());
					}),
					EditorView.domEventHandlers({ blur: () => {
						queueMicrotask(() => latest.current.onDone());
					} })
				]
			})
		});
		view.current = own;
		own.focus();
		return () => {
			view.current = null;
			own.destroy();
		};
	}, []);
	(0, import_react.useLayoutEffect)(() => {
		const own = view.current;
		if (!own || own.state.doc.toString() === props.value) return;
		own.dispatch({
			changes: {
				from: 0,
				to: own.state.doc.length,
				insert: props.value
			},
			annotations: fromOutside.of(true)
		});
	}, [props.value]);
	function reweigh(by) {
		return (own) => {
			const { from, to } = own.state.selection.main;
			const change = weigh(own.state.doc.toString(), from, to, by, latest.current.syntax);
			if (change) own.dispatch({
				changes: {
					from: change.from,
					to: change.to,
					insert: change.insert
				},
				selection: {
					anchor: change.select[0],
					head: change.select[1]
				},
				userEvent: "input.weigh"
			});
			return true;
		};
	}
	async function complete(context) {
		const word = context.matchBefore(/(?:embedding:)?[\w.-]*/);
		if (!word || word.from === word.to && !context.explicit) return null;
		const names = await latest.current.words();
		if (names.length === 0) return null;
		const options = names.map((name) => ({
			label: `embedding:${name.replace(/\.(safetensors|pt|bin)$/, "")}`,
			detail: "embedding"
		}));
		return {
			from: word.from,
			options,
			validFor: /^[\w:.-]*$/
		};
	}
	return /* @__PURE__ */ (0, import_jsx_runtime.jsx)("div", {
		ref: place,
		className: "w-editor"
	});
}
/**
* The document, seen as if it had no head. CodeMirror then hands its rules over by the CSSOM, which
* the page's policy allows; into a head it would write a style element, which the policy refuses.
*/
function strict() {
	if (!("adoptedStyleSheets" in document)) return document;
	return new Proxy(document, {
		get: (own, name) => {
			const value = name === "head" ? void 0 : Reflect.get(own, name, own);
			return typeof value === "function" ? value.bind(own) : value;
		},
		set: (own, name, value) => Reflect.set(own, name, value, own)
	});
}
var fromOutside = Annotation.define();
/** Words that weigh more are warm, those that weigh less cool; the figures stand back. */
function weights(syntax) {
	const marks = (state) => {
		const ranges = spans(state.doc.toString(), syntax()).map(({ from, to, weight }) => Decoration.mark({
			class: `w-weight w-weight-${degree(weight)}`,
			attributes: { title: `weight ${Math.round(weight * 1e3) / 1e3}` }
		}).range(from, to));
		return Decoration.set(ranges, true);
	};
	return StateField.define({
		create: marks,
		update: (old, transaction) => transaction.docChanged ? marks(transaction.state) : old,
		provide: (field) => EditorView.decorations.from(field)
	});
}
function degree(weight) {
	if (weight >= 1.3) return "more-2";
	if (weight > 1) return "more-1";
	if (weight === 1) return "even";
	return weight <= .7 ? "less-2" : "less-1";
}
export { PromptEditor as default };
