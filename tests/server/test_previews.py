"""Pictures of a run while it goes on: of what, how often, and that they look like what comes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

import traced as support
from nodeflow.context import RunContext
from nodeflow.events import LoopStep, NodeProgress
from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph
from nodeflow.server import previews
from nodeflow.server.frames import Frame
from nodeflow.server.previews import Previewer, jpeg, together
from nodeflow.server.protocol import PreviewHead
from nodes import previews as drawers
from nodes.diffusion.latent_colours import TABLES, as_colours, table_of
from nodes.types import Denoised, Image, Latent, Mask, Model, NoisePrediction, Step
from traced import loop, one_node


class Clock:
    """Seconds that pass when told to, and `per_look` with each look."""

    def __init__(self, per_look: float = 0.0) -> None:
        self.now, self.per_look = 0.0, per_look

    def __call__(self) -> float:
        self.now += self.per_look
        return self.now


def shown(frame: Frame) -> np.ndarray[Any, Any]:
    assert frame.kind == 101
    pixels = np.asarray(Pillow.open(io.BytesIO(frame.data)))
    head = PreviewHead(**frame.head)
    assert pixels.shape == (head.height, head.width, 3)
    return pixels


def watch(graph: Any) -> list[Frame]:
    """All pictures of a run in which as much time passes as is needed."""
    frames: list[Frame] = []
    previewer = Previewer(frames.append, "run", clock=Clock(1000.0))
    previewer.spent = -1e12
    run(graph, registry=support.REGISTRY, on_event=previewer.event, **together(previewer))
    return frames


# ── of what ─────────────────────────────────────────────────────────────────────────────────────


def test_a_loop_is_drawn_by_its_estimates() -> None:
    frames = watch(loop(3, estimate=True))
    assert {f.head["path"] for f in frames[:-1]} <= {
        f"denoise[{k}]/{name}" for k in range(3) for name in ("move", "clean")
    }
    assert frames[-1].head | {"width": 0, "height": 0} == {
        "run": "run",
        "node": "show",
        "path": "show",
        "step": 0,
        "steps": 0,
        "width": 0,
        "height": 0,
    }


def test_a_loop_without_estimates_is_drawn_by_what_it_steps_along() -> None:
    frames = watch(loop(3))
    assert [(f.head["path"], f.head["step"], f.head["steps"]) for f in frames] == [
        ("denoise[0]/move", 0, 3),
        ("denoise[1]/move", 1, 3),
        ("denoise[2]/move", 2, 3),
        ("show", 0, 0),
    ]


def test_the_estimate_is_where_the_prediction_leads() -> None:
    drawn: list[Any] = []
    previewer = Previewer(lambda frame: None, clock=Clock())
    previewer._draw = lambda path, value: drawn.append(value)  # type: ignore[method-assign]
    step = Step(0, 1, 2.0, 1.0, 0.0, 0.0)
    latent, noise = support.latent(1), NoisePrediction(support.latent(2).samples)
    previewer.inputs("denoise[0]/move", {"latent": latent, "noise": noise, "step": step})
    torch.testing.assert_close(drawn[0].samples, latent.samples - 2.0 * noise.samples)


def test_latents_are_drawn_where_there_is_nothing_better() -> None:
    frames: list[Frame] = []
    previewer = Previewer(frames.append, clock=Clock(1.0))
    for k in range(3):
        previewer.event(LoopStep("loop", k, 3, 0))
        previewer.value(f"loop[{k}]/edit", "latent", support.latent(k), None)
    assert [f.head["path"] for f in frames] == ["loop[1]/edit", "loop[2]/edit"]


def test_a_sampler_in_one_node_is_drawn_step_by_step() -> None:
    frames = watch(one_node(3))
    assert [(f.head["node"], f.head["path"], f.head["step"], f.head["steps"]) for f in frames] == [
        ("sampler", "sampler[0]", 0, 3),
        ("sampler", "sampler[1]", 1, 3),
        ("sampler", "sampler[2]", 2, 3),
        ("show", "show", 0, 0),
    ]


def test_what_has_no_picture_is_passed_by() -> None:
    frames: list[Frame] = []
    previewer = Previewer(frames.append, clock=Clock(1.0))
    previewer.value("n", "value", 3, None)
    previewer.value("n", "noise", NoisePrediction(torch.zeros(1, 4, 2, 2)), None)
    previewer.value("n", "latent", support.latent(), None)  # at rest
    previewer.event(NodeProgress("n", 1, 2, {"loss": 0.5}))
    assert frames == []


def test_a_fault_in_drawing_is_none_of_the_run(caplog: pytest.LogCaptureFixture) -> None:
    previewer = Previewer(lambda frame: None, clock=Clock(1.0))
    previewer.value("n", "image", Image(torch.zeros(0, 2, 2, 3)), None)
    step, short = Step(0, 1, 1.0, 0.0, 0.0, 0.0), NoisePrediction(torch.zeros(1, 3, 1, 7))
    previewer.inputs("l[0]/n", {"a": support.latent(), "b": short, "c": step})
    assert "no preview of n" in caplog.text


# ── how often ───────────────────────────────────────────────────────────────────────────────────


def test_at_most_eight_a_second() -> None:
    frames: list[Frame] = []
    clock = Clock()
    previewer = Previewer(frames.append, clock=clock)
    for k in range(1000):
        clock.now = k / 100  # ten seconds
        previewer.value(f"n{k}", "image", Image(torch.zeros(1, 2, 2, 3)), None)
    assert 70 <= len(frames) <= 81


def test_the_last_step_is_what_stays_on_the_screen() -> None:
    frames: list[Frame] = []
    clock = Clock()
    previewer = Previewer(frames.append, clock=clock)
    for index in range(20):
        clock.now = 1 + index / 50  # faster than pictures may follow each other
        previewer.event(LoopStep("denoise", index, 20, 0))
        previewer.value(
            f"denoise[{index}]/guess", "denoised", Denoised(torch.zeros(1, 4, 2, 2)), None
        )
    steps = [frame.head["step"] for frame in frames]
    assert len(steps) < 8
    assert steps[-1] == 19


def test_at_most_a_hundredth_of_the_time() -> None:
    clock = Clock(per_look=0.02)  # each look at the clock costs so much: a picture about 0.04 s
    count = [0]

    def emit(frame: Frame) -> None:
        count[0] += 1

    previewer = Previewer(emit, clock=clock)
    while clock.now < 60:
        previewer.value("n", "image", Image(torch.zeros(1, 2, 2, 3)), None)
    assert previewer.spent <= 0.01 * 60 + 0.05
    assert 10 <= count[0] <= 40


# ── how they look ───────────────────────────────────────────────────────────────────────────────


def test_table_of_a_latent_is_that_of_the_model_seen() -> None:
    class Network:
        class config:  # noqa: N801 - diffusers' own name
            cross_attention_dim = 128

    assert table_of(4) == "sd1"
    assert table_of(4, "sd1", Network()) == "tiny"
    assert table_of(4, "sd2") == "sd1"
    assert table_of(4, "sdxl_refiner") == "sdxl"
    assert table_of(16) == "flux"
    assert table_of(16, "sd3") == "sd3"
    assert table_of(4, "flux") == "sd1", "a latent of another model than the one last asked"
    assert table_of(3) == ""
    for rows, _ in TABLES.values():
        assert len(rows) in (4, 16)


def test_any_latent_can_be_drawn() -> None:
    broken = torch.zeros(1, 4, 2, 2)
    broken[0, 1, 0, 1] = float("nan")
    broken[0, 1, 1, 1] = float("inf")
    drawn = as_colours(broken, "sd1")
    assert [tuple(drawn[at]) for at in ((0, 1), (1, 1))] == [(255, 0, 255)] * 2
    assert tuple(drawn[0, 0]) == (128, 128, 128)
    for channels in (1, 3, 4, 8, 16):
        drawn = as_colours(torch.randn(2, channels, 3, 5), table_of(channels))
        assert (drawn.shape, drawn.dtype) == ((3, 5, 3), np.uint8)
    assert as_colours(torch.zeros(1, 5, 2, 2), "").max() == 0
    half = as_colours(torch.ones(1, 4, 2, 2, dtype=torch.bfloat16), "sdxl")
    np.testing.assert_array_equal(half, as_colours(torch.ones(1, 4, 2, 2), "sdxl"))


def test_images_and_masks() -> None:
    pixels = torch.zeros(1, 2, 2, 4)
    pixels[..., 0] = 1
    pixels[0, 0, 0, 3] = 1
    drawn = drawers.of_image(Image(pixels))
    assert tuple(drawn[0, 0]) == (255, 0, 0)
    assert tuple(drawn[1, 1]) == (255, 255, 255), "transparent is white"
    assert drawers.of_image(Image(torch.zeros(1, 2000, 10, 3))).shape[0] <= 2 * drawers.SIDE
    mask = drawers.of_mask(Mask(torch.tensor([[[0.0, 1.0]]])))
    np.testing.assert_array_equal(mask, [[[0] * 3, [255] * 3]])


def test_a_jpeg_keeps_the_shape_of_what_it_shows() -> None:
    for height, width in ((16, 16), (16, 8), (1, 300), (1000, 700)):
        data, w, h = jpeg(np.zeros((height, width, 3), np.uint8))
        assert Pillow.open(io.BytesIO(data)).size == (w, h)
        assert max(w, h) == previews.SIDE
        assert min(w, h) == max(1, round(min(height, width) * previews.SIDE / max(height, width)))
    assert jpeg(Pillow.new("RGB", (256, 256)))[1:] == (256, 256)


def test_previews_of_the_shipped_model_look_like_its_picture() -> None:
    """The estimate of the last step, drawn without a decoder, beside what the decoder makes."""
    frames: list[Frame] = []
    previewer = Previewer(frames.append, clock=Clock(1000.0))
    previewer.spent = -1e12
    graph = read_graph(support.ROOT / "graphs" / "text_to_image.json")
    graph = graph.with_inputs({"steps": 6, "seed": 1})
    result = run(graph, context=RunContext(), on_event=previewer.event, **together(previewer))
    image = result.outputs["image"].pixels[0]  # [128, 128, 3]
    last = shown(frames[-2]).astype(float) / 255
    pooled = image.reshape(16, 8, 16, 8, 3).mean(dim=(1, 3)).numpy()
    drawn = last.reshape(16, 16, 16, 16, 3).mean(axis=(1, 3))
    # A red circle on blue: which places are red, and that in the main colours they agree.
    assert np.corrcoef(drawn.ravel(), pooled.ravel())[0, 1] > 0.8
    assert abs(drawn - pooled).mean() < 0.2
    red = drawn[..., 0] > drawn[..., 2]
    wanted = pooled[..., 0] > pooled[..., 2]
    assert (red == wanted).mean() > 0.9
    assert isinstance(result.outputs["image"], Image)


def test_the_numbers_of_the_shipped_model_are_those_of_its_decoder() -> None:
    import diffusers

    from nodes.diffusion.training.latent_colours import TINY, fit
    from nodes.diffusion.training.scenes import draw, sample_scenes

    vae = diffusers.AutoencoderKL.from_pretrained(TINY).eval()
    scenes = [s for kind in ("centered", "positioned", "pair") for s in sample_scenes(kind, 21, 0)]
    factors, explained = fit(vae, np.stack([draw(scene) for scene in scenes]))
    rows, constant = TABLES["tiny"]
    np.testing.assert_allclose([*rows, constant], factors, atol=2e-3)
    assert explained > 0.7


def test_a_model_is_seen_through_a_guider_too() -> None:
    model = Model(torch.nn.Identity(), None, family="sdxl")  # type: ignore[arg-type]

    class Guider:
        pass

    guider = Guider()
    guider.model = model  # type: ignore[attr-defined]
    latent = Denoised(torch.ones(1, 4, 2, 2))
    drawn = drawers.of_latent(latent, guider)
    np.testing.assert_array_equal(drawn, drawers.of_latent(latent, model))
    assert (drawn != drawers.of_latent(Latent(latent.samples))).any()
