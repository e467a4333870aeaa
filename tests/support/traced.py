"""A small graph of real values for tests of what looks inside runs: a loop that guides and steps,
over networks of arithmetic. Imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nodeflow.cache import Cache
from nodeflow.context import RunContext
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph
from nodeflow.node import definition_of, node
from nodeflow.registry import Registry
from nodeflow.server.frames import Frame
from nodeflow.server.previews import together
from nodeflow.server.trace_files import Trace, read
from nodeflow.server.tracing import TraceMemory, Tracer
from nodes.types import Conditioning, Denoised, Image, Latent, Model, NoisePrediction, Step


@node("t.model")
def model() -> Model:
    """Give a model whose weights nobody is to trace."""
    return Model(torch.nn.Linear(4, 4), None)  # type: ignore[arg-type]


@node("t.steps")
def steps(count: int = 4) -> list[Step]:
    """Give steps from sigma `count` down to 0."""
    return [Step(i, count, float(count - i), float(count - i - 1), 0.0, 0.0) for i in range(count)]


@node("t.latent")
def latent(seed: int = 0) -> Latent:
    """Give a latent of a seed, with a mask."""
    generator = torch.Generator().manual_seed(seed)
    return Latent(torch.randn(2, 4, 6, 5, generator=generator), torch.ones(2, 1, 6, 5))


@node("t.text")
def text() -> Conditioning:
    """Give a text with a second one."""
    return Conditioning(torch.ones(1, 3, 8), more=(Conditioning(torch.zeros(1, 3, 8)),))


@node("t.ask")
def ask(model: Model, latent: Latent, step: Step, scale: float = 1.0) -> NoisePrediction:
    """Predict a share of what is there; at scale 0 nothing that is a number."""
    if scale == 0:
        return NoisePrediction(latent.samples * float("nan"))
    return NoisePrediction(latent.samples * scale + step.sigma)


@node("t.guide")
def guide(cond: NoisePrediction, uncond: NoisePrediction, scale: float = 2.0) -> NoisePrediction:
    """Weigh two predictions."""
    return NoisePrediction(uncond.samples + scale * (cond.samples - uncond.samples))


@node("t.clean")
def clean(latent: Latent, noise: NoisePrediction, step: Step) -> Denoised:
    """Estimate the clean latent."""
    return Denoised(latent.samples - step.sigma * noise.samples)


@node("t.move")
def move(latent: Latent, noise: NoisePrediction, step: Step) -> Latent:
    """Step along a prediction."""
    moved = latent.samples + (step.sigma_next - step.sigma) * noise.samples / 10
    return Latent(moved, latent.noise_mask)


@node("t.sampler")
def sampler(latent: Latent, steps: list[Step], *, ctx: RunContext) -> Latent:
    """Take all steps in one node, telling of each."""
    for step in steps:
        cond, uncond = NoisePrediction(latent.samples), NoisePrediction(latent.samples * 0.5)
        told: dict[str, Any] = {"step": step, "cond": cond, "uncond": uncond}
        latent = move(latent, cond, step)
        told |= {"sigma": step.sigma_next, "latent": latent, "denoised": Denoised(latent.samples)}
        ctx.progress(step.index + 1, step.count, **told)
    return latent


@node("t.picture")
def picture(latent: Latent) -> Image:
    """Show a latent's first three channels."""
    return Image(latent.samples[:, :3].permute(0, 2, 3, 1).sigmoid())


NODES = (model, steps, latent, text, ask, guide, clean, move, sampler, picture)
ROOT = Path(__file__).parents[2]
REGISTRY = Registry({d.id: d for d in map(definition_of, NODES)})


def loop(count: int = 4, estimate: bool = False, **params: float) -> Graph:
    """Guided steps as a loop; `params` are the scales of cond, uncond and guide."""
    body: dict[str, Any] = {
        name: {
            "type": "t.ask",
            "params": {"scale": params.get(name, default)},
            "links": {"model": "const.model", "latent": "state.latent", "step": "each.step"},
        }
        for name, default in (("cond", 1.0), ("uncond", 0.5))
    }
    body["guide"] = {"type": "t.guide", "links": {"cond": "cond.noise", "uncond": "uncond.noise"}}
    links = {"latent": "state.latent", "noise": "guide.noise", "step": "each.step"}
    body["move"] = {"type": "t.move", "links": links}
    collect = {}
    if estimate:
        body["clean"] = {"type": "t.clean", "links": links}
        collect = {"estimates": "clean.denoised"}
    nodes = {
        "model": {"type": "t.model"},
        "steps": {"type": "t.steps", "params": {"count": count}},
        "start": {"type": "t.latent"},
        "denoise": {
            "type": "flow.loop",
            "each": {"step": "steps.step"},
            "const": {"model": "model.model"},
            "state": {"latent": {"init": "start.latent", "next": "move.latent"}},
            "collect": collect,
            "body": body,
        },
        "show": {"type": "t.picture", "links": {"latent": "denoise.latent"}},
    }
    outputs = {"image": "show.image"}
    if estimate:
        outputs["estimates"] = "denoise.estimates"
    return graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": outputs})


def one_node(count: int = 4) -> Graph:
    """The steps as one node."""
    nodes = {
        "steps": {"type": "t.steps", "params": {"count": count}},
        "start": {"type": "t.latent"},
        "sampler": {
            "type": "t.sampler",
            "links": {"latent": "start.latent", "steps": "steps.step"},
        },
        "show": {"type": "t.picture", "links": {"latent": "sampler.latent"}},
    }
    return graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"image": "show.image"}})


def traced(
    graph: Graph,
    traces: Path,
    run_id: str = "run",
    level: str = "latents",
    *,
    every: int = 1,
    limit_bytes: int = 1 << 20,
    frames: list[Frame] | None = None,
    told: list[dict[str, Any]] | None = None,
    memory: TraceMemory | None = None,
    cache: Cache | None = None,
) -> Trace:
    """Run a graph and read back what was traced of it."""
    tracer = Tracer(
        run_id,
        level,
        every,
        traces / run_id,
        limit_bytes,
        (frames if frames is not None else []).append,
        memory=memory,
        on_step=(told if told is not None else []).append,
    )
    run(graph, registry=REGISTRY, cache=cache, on_event=tracer.event, **together(tracer))
    tracer.finished()
    found = read(traces / run_id)
    assert found is not None
    return found
