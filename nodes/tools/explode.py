"""`explode` and `collapse`: a sampler in one node becomes the loop that it stands for, and back.

Both work on graph files as data. The loop asks both prompts in one batch (`model.predict_pair`), as
the sampler does, so that on the CPU the picture is the same to the bit.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nodeflow.errors import InputError
from nodes.tools.steps import LOOPS, Loop, body_of, recognised

Data = dict[str, Any]

WHOLE = ("sampler.sample", "sampler.resume")
_DEFAULTS = {"sampler": "euler", "guidance_scale": 7.5, "seed": 0}
_WIDE = 340
"""Between the columns of a drawn graph."""


@dataclass
class Scope:
    """Where a node stands: the nodes beside it, and the path of what they are in (`""` on top)."""

    nodes: dict[str, Data]
    prefix: str

    def path(self, name: str) -> str:
        return self.prefix + name


def explode(arguments: Mapping[str, Any]) -> Data:
    """The graph with one sampler node as a loop of steps, under the sampler's own id, with the
    nodes that it takes beside it.

    Arguments: `graph`, `node` (a path, `sampler` or `outer/sampler`). Answers `graph`, `node`, the
    ids `added`.

    Raises:
        InputError: it is no such node, or a sampler that has no nodes for its steps.
    """
    graph, path = copy.deepcopy(dict(arguments["graph"])), str(arguments["node"])
    scope, name = _find(graph, path)
    sampler = scope.nodes[name]
    loop = _explodable(scope, name, sampler)
    params = {**_DEFAULTS, **sampler.get("params", {})}
    links = dict(sampler.get("links", {}))
    names = {part: _free(scope, f"{name}_{part}") for part in ("steps", "noise", "start")}
    starts = sampler["type"] == "sampler.sample"
    added: dict[str, Data] = {
        names["steps"]: {"type": "schedule.steps", "links": {"sigmas": links["sigmas"]}}
    }
    first = links["latent"]
    if starts:
        noise: Data = {"type": "noise.gaussian", "links": {"latent": links["latent"]}}
        _give(noise, "seed", params, links)
        added[names["noise"]] = noise
        wires = {"latent": links["latent"], "noise": f"{names['noise']}.noise"}
        start = {"type": "forward.start", "links": {**wires, "sigmas": links["sigmas"]}}
        added[names["start"]] = start
        first = f"{names['start']}.latent"
    guided = "guidance_scale" in links or params["guidance_scale"] != 1
    const = {port: links[port] for port in ("model", "positive", "negative") if port in links}
    if not guided:
        const.pop("negative", None)
    body = body_of(loop, guided)
    _into_body(body, loop, params, links, const)
    state = {"latent": {"init": first, "next": "move.latent"}}
    if loop.remembers:
        names["history"] = _free(scope, f"{name}_history")
        added[names["history"]] = {"type": "sample_multistep.no_history"}
        state["history"] = {"init": f"{names['history']}.history", "next": "move.history"}
    if loop.asks_schedule:
        names["betas"] = _free(scope, f"{name}_betas")
        added[names["betas"]] = {"type": "schedule.of_model", "links": {"model": links["model"]}}
        const["betas"] = f"{names['betas']}.betas"
    scope.nodes.update(added)
    scope.nodes[name] = {
        "type": "flow.loop",
        "each": {"step": f"{names['steps']}.steps"},
        "const": const,
        "state": state,
        "body": body,
    }
    seeds = [f"{names['noise']}.seed"] if starts else []
    seeds += [f"{name}/move.seed"] if loop.seeded else []
    guides = [f"{name}/{inner}.scale" for inner in body if inner.startswith("guide")]
    moved = {"seed": seeds, "guidance_scale": guides}
    _move_inputs(graph, scope, name, moved)
    _draw(graph, scope, name, list(added), body)
    return {"graph": graph, "node": path, "added": [scope.path(new) for new in added]}


def collapse(arguments: Mapping[str, Any]) -> Data:
    """The graph with one loop of steps as a sampler node: what `explode` makes, and loops by hand
    that do the same.

    Answers `graph`, `node`, the ids `removed` (those that fed the loop alone), and whether the
    picture will be `identical` to the bit: not where the loop asks its prompts one by one.

    Raises:
        InputError: the loop does something else as well, or something of it is used elsewhere.
    """
    graph, path = copy.deepcopy(dict(arguments["graph"])), str(arguments["node"])
    scope, name = _find(graph, path)
    loop = scope.nodes[name]
    found = recognised(loop, scope.nodes, path)
    _unread(graph, scope, name, loop)
    params: Data = {"sampler": found.sampler, "seed": 0}
    links = dict(found.links)
    type_ = "sampler.resume"
    removed = [found.steps]
    noise = scope.nodes.get(found.noise)
    if noise is not None:
        type_ = "sampler.sample"
        removed += [found.start, found.noise]
    removed += [other for other in (found.history, found.betas) if other]
    for source in (noise, found.move if found.seeded else None):
        if source is None:
            continue
        if "seed" in source.get("links", {}):
            seed = str(source["links"]["seed"])
            links["seed"] = loop.get("const", {}).get(seed.removeprefix("const."), seed)
        params["seed"] = source.get("params", {}).get("seed", 0)
    params["guidance_scale"] = found.scale
    if found.scale_link:
        links["guidance_scale"] = found.scale_link
    for port in ("seed", "guidance_scale"):
        if port in links:
            params.pop(port)
    scope.nodes[name] = {"type": type_, "version": 2, "params": params, "links": links}
    gone = []
    for other in removed:  # each after what reads it
        if not _reads(graph, scope, other):
            del scope.nodes[other]
            gone.append(other)
    targets = {f"{name}/{guide}.scale": f"{name}.guidance_scale" for guide in found.guides}
    for source_id in (found.noise,) if noise is not None else ():
        targets[f"{source_id}.seed"] = f"{name}.seed"
    targets[f"{name}/{found.move_id}.seed"] = f"{name}.seed"
    _rename_inputs(graph, scope, targets)
    view = graph.get("view", {})
    inside = [key for key in view if key.startswith(f"{scope.path(name)}/")]
    for key in (*inside, *map(scope.path, gone)):
        view.pop(key, None)
    told = [scope.path(other) for other in gone]
    return {"graph": graph, "node": path, "removed": told, "identical": found.identical}


# ── what can be exploded ────────────────────────────────────────────────────────────────────────


def _find(graph: Data, path: str) -> tuple[Scope, str]:
    nodes, prefix = graph.get("nodes", {}), ""
    *outer, name = path.split("/")
    for part in outer:
        node = nodes.get(part)
        inner = node.get("body") if isinstance(node, dict) else None
        if not isinstance(inner, dict):
            raise InputError("node", repr(path), "a node of the graph or of a loop's body")
        nodes, prefix = inner, f"{prefix}{part}/"
    if not isinstance(nodes.get(name), dict):
        raise InputError("node", repr(path), "a node of the graph or of a loop's body")
    return Scope(nodes, prefix), name


def _explodable(scope: Scope, name: str, sampler: Data) -> Loop:
    """How the sampler's steps are made, if they can be.

    Raises:
        InputError: they cannot; says why.
    """
    if sampler.get("type") not in WHOLE:
        got = f"a node of type {sampler.get('type')}"
        hint = "guiders and samplers on wires hold how to ask and to step: read them off there"
        raise InputError("node", got, f"one of {', '.join(WHOLE)}", hint)
    if sampler.get("mode"):
        raise InputError("node", f"a node that is set to {sampler['mode']}", "one that runs")
    links = sampler.get("links", {})
    if "sampler" in links:
        raise InputError("node", "a sampler chosen by a wire", "one chosen in the node itself")
    chosen = str(sampler.get("params", {}).get("sampler", _DEFAULTS["sampler"]))
    if chosen not in LOOPS:
        hint = "its steps have no nodes of their own that do the same to the bit"
        raise InputError("sampler", chosen, f"one of {', '.join(LOOPS)}", hint)
    missing = [port for port in ("model", "positive", "latent", "sigmas") if port not in links]
    if missing:
        raise InputError("node", f"nothing on {', '.join(missing)}", "a node that can run")
    masked = next(_masked(scope, str(links["latent"])), None)
    if masked is not None:
        hint = "in a loop, sample.keep_unmasked puts the rest back after each step"
        raise InputError("latent", f"a noise mask from {masked!r}", "a latent without one", hint)
    return LOOPS[chosen]


def _masked(scope: Scope, source: str) -> Iterator[str]:
    """The nodes before a latent that give it a noise mask."""
    seen: set[str] = set()
    pending = [source]
    while pending:
        name = pending.pop().partition(".")[0]
        node = scope.nodes.get(name)
        if name in seen or node is None:
            continue
        seen.add(name)
        if node.get("type", "") == "latent.set_noise_mask" or node["type"].startswith("inpaint."):
            yield name
        wires = [*node.get("links", {}).values(), *(node.get("const") or {}).values()]
        wires += [state["init"] for state in (node.get("state") or {}).values()]
        for wire in wires:
            pending.extend(wire if isinstance(wire, list) else [wire])


def _free(scope: Scope, wanted: str) -> str:
    name, number = wanted, 2
    while name in scope.nodes:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _give(node: Data, port: str, params: Data, links: Mapping[str, Any]) -> None:
    """A node's port as the sampler has it: by a wire, or as a literal."""
    if port in links:
        node.setdefault("links", {})[port] = links[port]
    else:
        node.setdefault("params", {})[port] = params[port]


def _into_body(
    body: dict[str, Data],
    loop: Loop,
    params: Data,
    links: Mapping[str, Any],
    const: Data,
) -> None:
    """The sampler's scale and seed, as they are given, at the nodes in the loop that read them."""
    guides = [node for node in body if node.startswith("guide")]
    wanted = [(node, "scale", "guidance_scale") for node in guides]
    wanted += [("move", "seed", "seed")] if loop.seeded else []
    for node, port, given in wanted:
        if given in links:
            const[given] = links[given]
            body[node]["links"][port] = f"const.{given}"
        else:
            body[node].setdefault("params", {})[port] = params[given]


def _move_inputs(graph: Data, scope: Scope, name: str, moved: Mapping[str, list[str]]) -> None:
    """Let the graph's declared inputs set what the sampler's ports became; those that set what is
    fixed now (which sampler) go."""
    inputs = graph.get("inputs", {})
    for told, targets in list(inputs.items()):
        several = isinstance(targets, list)
        found: list[str] = []
        for target in targets if several else [targets]:
            port = target.removeprefix(f"{scope.path(name)}.")
            if port == target:
                found.append(target)
            else:
                found += [scope.path(new) for new in moved.get(port, ())]
        if not found:
            del inputs[told]
        else:
            inputs[told] = found if several or len(found) > 1 else found[0]


def _rename_inputs(graph: Data, scope: Scope, targets: Mapping[str, str]) -> None:
    inputs = graph.get("inputs", {})
    whole = {scope.path(old): scope.path(new) for old, new in targets.items()}
    for told, places in list(inputs.items()):
        several = isinstance(places, list)
        found = dict.fromkeys(whole.get(p, p) for p in (places if several else [places]))
        inputs[told] = list(found) if len(found) > 1 else next(iter(found))


def _draw(graph: Data, scope: Scope, name: str, added: list[str], body: Mapping[str, Data]) -> None:
    """Places for the new nodes: two columns where the sampler stood, what came after moved on."""
    view = graph.get("view", {})
    here = view.get(scope.path(name))
    if not isinstance(here, list):
        return
    x, y = here
    for key, place in view.items():
        beside = key.startswith(scope.prefix) and "/" not in key[len(scope.prefix) :]
        if beside and isinstance(place, list) and place[0] > x:
            view[key] = [place[0] + 2 * _WIDE, place[1]]
    for row, new in enumerate(new for new in added if not new.endswith("_start")):
        view[scope.path(new)] = [x, y + 200 * row]
    for new in added:
        if new.endswith("_start"):
            view[scope.path(new)] = [x + _WIDE, y]
    view[scope.path(name)] = [x + 2 * _WIDE, y]
    for column, inner in enumerate(body):
        view[f"{scope.path(name)}/{inner}"] = [column * _WIDE, 0]


# ── what can be collapsed ───────────────────────────────────────────────────────────────────────


def _sources(node: Data) -> Iterator[str]:
    for table in ("links", "each", "const", "collect"):
        for wire in (node.get(table) or {}).values():
            yield from wire if isinstance(wire, list) else [wire]
    for state in (node.get("state") or {}).values():
        yield state["init"]


def _reads(graph: Data, scope: Scope, name: str) -> bool:
    """Whether anybody in the scope, or who asks for outputs, reads a node."""
    start = f"{name}."
    wires = [wire for node in scope.nodes.values() for wire in _sources(node)]
    if not scope.prefix:
        wires += [str(wire) for wire in graph.get("outputs", {}).values()]
    else:
        wires += _next_of(graph, scope)
    return any(wire.startswith(start) for wire in wires)


def _next_of(graph: Data, scope: Scope) -> list[str]:
    """What the loop around a scope takes out of its body."""
    *outer, last = scope.prefix.rstrip("/").split("/")
    nodes = graph["nodes"]
    for part in outer:
        nodes = nodes[part]["body"]
    around = nodes[last]
    wires = [state["next"] for state in (around.get("state") or {}).values()]
    return wires + list((around.get("collect") or {}).values())


def _unread(graph: Data, scope: Scope, name: str, loop: Data) -> None:
    """Raise `InputError` where more of the loop is used than its latent."""
    wires = [wire for node in scope.nodes.values() for wire in _sources(node)]
    wires += list(graph.get("outputs", {}).values()) if not scope.prefix else _next_of(graph, scope)
    read = {wire for wire in wires if wire.startswith(f"{name}.")} - {f"{name}.latent"}
    if read:
        got = f"{', '.join(sorted(read))} is read"
        hint = "sampler.sample_advanced gives a list of every step"
        raise InputError("node", got, "a loop of which the latent alone is used", hint)
