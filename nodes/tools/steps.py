"""What the steps of each sampler are made of, as nodes of a loop's body; and which loops are those.

`explode` writes these bodies, `collapse` recognises them by their wires, whatever their ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nodeflow.errors import InputError

Data = dict[str, Any]


@dataclass(frozen=True)
class Loop:
    """A sampler's step: the node that moves, or that tries and then corrects after a second
    look."""

    node: str
    trial: str = ""
    seeded: bool = False
    remembers: bool = False
    asks_schedule: bool = False


LOOPS: dict[str, Loop] = {
    "euler": Loop("sample.euler_step"),
    "euler_ancestral": Loop("sample.euler_ancestral_step", seeded=True),
    "heun": Loop("sample_two_stage.heun_correct", trial="sample_two_stage.heun_trial"),
    "dpm_2": Loop(
        "sample_two_stage.dpm2_correct", trial="sample_two_stage.dpm2_trial", asks_schedule=True
    ),
    "ddim": Loop("sample.ddim_step"),
    "ddpm": Loop("sample.ddpm_step", seeded=True),
    "lcm": Loop("sample.lcm_step", seeded=True),
    "lms": Loop("sample_multistep.lms_step", remembers=True),
    "dpmpp_2m": Loop("sample_multistep.dpmpp_2m_step", remembers=True),
    "dpmpp_2m_sde": Loop("sample_multistep.dpmpp_2m_sde_step", seeded=True, remembers=True),
}
"""Samplers whose steps are nodes that do the same to the bit."""


def body_of(loop: Loop, guided: bool) -> dict[str, Data]:
    """The nodes of one pass: `ask`, `guide` where there is guidance, `move`; before the move
    `trial`, `ask_there` and `guide_there` where it looks twice."""
    body: dict[str, Data] = {}
    first = _look(body, "", "state.latent", "each.step", guided)
    links = {"latent": "state.latent", "noise": first, "step": "each.step"}
    if loop.remembers:
        links["history"] = "state.history"
    if loop.trial:
        tries = dict(links)
        if loop.asks_schedule:
            tries["betas"] = "const.betas"
        body["trial"] = {"type": loop.trial, "links": tries}
        links["noise_there"] = _look(body, "_there", "trial.latent", "trial.step", guided)
    body["move"] = {"type": loop.node, "links": links}
    return body


def _look(body: dict[str, Data], suffix: str, latent: str, step: str, guided: bool) -> str:
    """Nodes that ask the model at a place; where their answer is."""
    ask, guide = f"ask{suffix}", f"guide{suffix}"
    links = {"model": "const.model", "latent": latent, "step": step}
    if not guided:
        links["conditioning"] = "const.positive"
        body[ask] = {"type": "model.predict_noise", "links": links}
        return f"{ask}.noise"
    links |= {"cond": "const.positive", "uncond": "const.negative"}
    body[ask] = {"type": "model.predict_pair", "links": links}
    pair = {"cond": f"{ask}.cond", "uncond": f"{ask}.uncond"}
    body[guide] = {"type": "guidance.cfg_combine", "links": pair}
    return f"{guide}.noise"


@dataclass
class Recognised:
    """A loop as a sampler: what feeds it from outside, by the sampler's ports; the ids of the nodes
    that it takes beside it, "" where there is none."""

    sampler: str
    links: dict[str, Any]
    scale: float
    scale_link: str
    seeded: bool
    move: Data
    move_id: str
    guides: tuple[str, ...]
    identical: bool
    """Whether the sampler does the same to the bit."""
    steps: str
    noise: str = ""
    start: str = ""
    history: str = ""
    betas: str = ""


class _Reader:
    """One loop being read; raises where it is no sampler's."""

    def __init__(self, loop: Data, beside: Mapping[str, Data], path: str) -> None:
        self.loop, self.beside, self.path = loop, beside, path
        self.body: dict[str, Data] = loop.get("body") or {}
        self.used: set[str] = set()
        self.guides: list[str] = []

    def no(self, got: str) -> InputError:
        return InputError("node", f"{self.path!r}: {got}", "a loop that a sampler stands for")

    def outer(self, source: object) -> Any:
        """What a wire in the body reads of the outside by `const`."""
        place, _, name = str(source).partition(".")
        const = self.loop.get("const") or {}
        if place != "const" or name not in const:
            raise self.no(f"{source} where a value from outside belongs")
        return const[name]

    def node(self, source: object, port: str, *types: str) -> tuple[str, Data]:
        """The node of the body that a wire comes from, of one of these types."""
        name, _, out = str(source).partition(".")
        node = self.body.get(name)
        if node is None or out != port or node.get("type") not in types or node.get("mode"):
            raise self.no(f"{source} where {' or '.join(types)} belongs")
        self.used.add(name)
        return name, node

    def look(self, source: object, latent: str, step: str) -> Data:
        """Who is asked, for what and how strongly guided, in the answer that a wire brings."""
        name = str(source).partition(".")[0]
        if self.body.get(name, {}).get("type") == "model.predict_noise":
            _, ask = self.node(source, "noise", "model.predict_noise")
            found = self._asked(ask, latent, step)
            prompts = {"positive": self.outer(ask["links"]["conditioning"])}
            return {**found, **prompts, "scale": 1.0, "link": "", "guide": "", "batch": True}
        guide_id, guide = self.node(source, "noise", "guidance.cfg_combine")
        self.guides.append(guide_id)
        wires = guide.get("links", {})
        name = str(wires.get("cond")).partition(".")[0]
        if self.body.get(name, {}).get("type") == "model.predict_pair":
            _, ask = self.node(wires["cond"], "cond", "model.predict_pair")
            if wires.get("uncond") != f"{name}.uncond":
                raise self.no(f"{wires.get('uncond')} beside {wires['cond']}")
            found, batch = self._asked(ask, latent, step), True
            prompts = {
                "positive": self.outer(ask["links"]["cond"]),
                "negative": self.outer(ask["links"]["uncond"]),
            }
        else:
            found, batch, prompts = {}, False, {}
            for port, prompt in (("cond", "positive"), ("uncond", "negative")):
                _, ask = self.node(wires.get(port), "noise", "model.predict_noise")
                asked = self._asked(ask, latent, step)
                if found and asked != found:
                    raise self.no("two models are asked")
                found = asked
                prompts[prompt] = self.outer(ask["links"]["conditioning"])
        link = str(wires.get("scale", ""))
        scale = guide.get("params", {}).get("scale", 7.5)
        told = {"scale": scale, "link": self.outer(link) if link else "", "guide": guide_id}
        return {**found, **prompts, **told, "batch": batch}

    def _asked(self, ask: Data, latent: str, step: str) -> Data:
        wires = ask.get("links", {})
        if (wires.get("latent"), wires.get("step")) != (latent, step):
            raise self.no(f"a prediction at {wires.get('latent')}, {wires.get('step')}")
        return {"model": self.outer(wires.get("model"))}

    def feeder(self, source: object, port: str, type_: str) -> str:
        """The node beside the loop that a wire comes from, if it is of a type; else ""."""
        name, _, out = str(source).partition(".")
        return name if out == port and self.beside.get(name, {}).get("type") == type_ else ""


def recognised(loop: Data, beside: Mapping[str, Data], path: str) -> Recognised:
    """A loop as the sampler that does the same.

    Raises:
        InputError: it does something else.
    """
    reader = _Reader(loop, beside, path)
    if loop.get("type") != "flow.loop" or loop.get("mode"):
        raise reader.no(f"a node of type {loop.get('type')}")
    each, state = loop.get("each") or {}, loop.get("state") or {}
    if len(each) != 1 or "latent" not in state or set(state) - {"latent", "history"}:
        raise reader.no(f"it walks {', '.join(each)} and carries {', '.join(state)}")
    step = f"each.{next(iter(each))}"
    types = {kind.node: name for name, kind in LOOPS.items()}
    move_id, move = reader.node(state["latent"]["next"], "latent", *types)
    sampler = types[move["type"]]
    kind, wires = LOOPS[sampler], move.get("links", {})
    _plain(reader, move, kind)
    if (wires.get("latent"), wires.get("step")) != ("state.latent", step):
        raise reader.no(f"a step from {wires.get('latent')}, {wires.get('step')}")
    look = reader.look(wires.get("noise"), "state.latent", step)
    betas = _second_look(reader, kind, wires, look, step) if kind.trial else ""
    if reader.used != set(reader.body):
        raise reader.no(f"it has {', '.join(sorted(set(reader.body) - reader.used))} too")
    steps = reader.feeder(next(iter(each.values())), "steps", "schedule.steps")
    if not steps:
        raise reader.no("it walks no schedule.steps")
    sigmas = beside[steps]["links"]["sigmas"]
    found = Recognised(
        sampler=sampler,
        links={"model": look["model"], "positive": look["positive"]},
        scale=look["scale"],
        scale_link=look["link"],
        seeded=kind.seeded,
        move=move,
        move_id=move_id,
        guides=tuple(reader.guides),
        # A guide at scale 1 asks for what the sampler does not.
        identical=look["batch"] and not (look["guide"] and look["scale"] == 1),
        steps=steps,
        betas=betas,
        history=_no_history(reader, kind, wires, state, move_id),
    )
    # Without guidance nobody asks for what is unwanted; the sampler's port wants something on it.
    found.links["negative"] = look.get("negative", look["positive"])
    found.links["sigmas"] = sigmas
    _beginning(reader, found, state["latent"]["init"], sigmas, kind)
    return found


def _plain(reader: _Reader, move: Data, kind: Loop) -> None:
    """The sampler has no place for other literals than the seed."""
    usual = {"eta": {"sample.ddim_step": 0.0}.get(kind.node, 1.0), "order": 4}
    for port, value in move.get("params", {}).items():
        if port != "seed" and value != usual.get(port):
            raise reader.no(f"{port} {value} of its step, which the sampler has at {usual[port]}")
    if set(move.get("links", {})) & {"eta", "order"}:
        raise reader.no("a setting of its step that comes by a wire")


def _second_look(reader: _Reader, kind: Loop, wires: Data, look: Data, step: str) -> str:
    """Check the trial and the look from there; the id of the schedule that the trial asks, if it
    does."""
    there = str(wires.get("noise_there"))
    asked = reader.body.get(there.partition(".")[0], {}).get("links", {})
    if "cond" in asked:
        asked = reader.body.get(str(asked["cond"]).partition(".")[0], {}).get("links", {})
    trial_id, trial = reader.node(asked.get("latent"), "latent", kind.trial)
    second = reader.look(there, f"{trial_id}.latent", f"{trial_id}.step")
    tried = trial.get("links", {})
    same = {key: value for key, value in second.items() if key != "guide"}
    wanted = ("state.latent", wires.get("noise"), step)
    if (tried.get("latent"), tried.get("noise"), tried.get("step")) != wanted:
        raise reader.no("a trial from elsewhere")
    if same != {key: value for key, value in look.items() if key != "guide"}:
        raise reader.no("a second look that asks otherwise than the first")
    if not kind.asks_schedule:
        return ""
    source = reader.outer(tried.get("betas"))
    name = reader.feeder(source, "betas", "schedule.of_model")
    if not name or reader.beside[name]["links"]["model"] != look["model"]:
        raise reader.no("a trial in another schedule than the model's")
    return name


def _no_history(reader: _Reader, kind: Loop, wires: Data, state: Data, move_id: str) -> str:
    if not kind.remembers:
        if "history" in state:
            raise reader.no("it carries a history that its steps do not read")
        return ""
    carried = state.get("history", {})
    if wires.get("history") != "state.history" or carried.get("next") != f"{move_id}.history":
        raise reader.no("a history that is not carried on")
    name = reader.feeder(carried.get("init"), "history", "sample_multistep.no_history")
    if not name:
        raise reader.no("it begins with a history")
    return name


def _beginning(
    reader: _Reader, found: Recognised, init: object, sigmas: object, kind: Loop
) -> None:
    """Where the first latent comes from: noised by the sampler, if its seed is that of the steps;
    else by others."""
    start = reader.feeder(init, "latent", "forward.start")
    wires = reader.beside[start]["links"] if start else {}
    noise = reader.feeder(wires.get("noise"), "noise", "noise.gaussian") if start else ""
    drawn = reader.beside[noise] if noise else {}
    same = (
        noise
        and wires["sigmas"] == sigmas
        and drawn["links"].get("latent") == wires["latent"]
        and (not kind.seeded or _seed_of(reader, found.move) == _seed_of(reader, drawn))
    )
    if same:
        found.start, found.noise = start, noise
        found.links["latent"] = wires["latent"]
    else:
        found.links["latent"] = init


def _seed_of(reader: _Reader, node: Data) -> Any:
    link = str(node.get("links", {}).get("seed", ""))
    if link.startswith("const."):
        return reader.outer(link)
    return link or node.get("params", {}).get("seed", 0)
