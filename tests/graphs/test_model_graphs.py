"""The examples of other models run end to end, on networks of few channels with random weights that
lie in a models folder under the names that the graphs ask for; what each shows, it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import nodeflow
from nodeflow.cache import Cache
from nodeflow.context import RunContext
from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph
from nodeflow.validate import validate
from nodes import model_files
from small import OLD_NUMPY
from small_models import write_models

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "graphs" / "models"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
SMALL = {"steps": 2, "width": 64, "height": 64, "switch_at": 1, "batch": 1}
OWN: dict[str, dict[str, Any]] = {
    "controlnet_tile_upscale": {"size": 96, "tile": 64, "overlap": 16, "steps": 5},  # 2 by strength
    "dit": {"size": 64},
    "separate_files": {"clip_l": "xl/clip_l", "clip_g": "xl/clip_g"},
    "skip_layer_guidance": {"layers": [0], "start": 0.0, "end": 1.0},  # of two layers, two steps
    "upscale_model": {"size": 100},
}
LARGER = {
    "controlnet_tile_upscale": (80, 96),
    "lora_extract": (108, 136),
    "merge_models": (89, 208),
    "upscale_model": (89, 100),
}
"""Height and width of what is no picture of 64 × 64."""

pytestmark = [
    OLD_NUMPY,
    # FluxControlNetModel itself makes it.
    pytest.mark.filterwarnings("ignore:`FluxPosEmbed` is deprecated:FutureWarning"),
]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("users"))


@pytest.fixture(autouse=True)
def folder(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder: two photographs, of the first of which the middle is erased."""
    from PIL import Image as Pictures

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(model_files.ENVIRONMENT, str(models))
    for seed, name in enumerate(("photo.png", "other.png")):
        coarse = torch.rand(1, 4, 8, 9, generator=torch.Generator().manual_seed(seed))
        coarse[:, 3] = 1
        coarse[:, 3, 3:5, 3:6] = seed
        pixels = torch.nn.functional.interpolate(coarse, scale_factor=8)[0].movedim(0, -1)
        Pictures.fromarray((pixels * 255).round().byte().numpy()).save(tmp_path / name)
    return tmp_path


class Draw:
    """Runs graphs, small and in few steps unless told otherwise; a model that is loaded stays."""

    def __init__(self) -> None:
        self.cache = Cache(512 * 2**20)

    def outputs(self, name: str, *ports: str, **inputs: Any) -> list[Any]:
        graph = read_graph(FOLDER / f"{name}.json")
        given = {key: value for key, value in SMALL.items() if key in graph.inputs}
        given |= {**OWN.get(name, {}), **inputs}
        made = run(graph, given, ports, cache=self.cache, check=True).outputs
        return [made[port] for port in ports]

    def picture(self, name: str, **inputs: Any) -> Tensor:
        pixels: Tensor = self.outputs(name, "image", **inputs)[0].pixels
        return pixels


@pytest.fixture(scope="module")
def draw() -> Draw:
    return Draw()


def differ(one: Tensor, other: Tensor, by: float = 1e-3) -> bool:
    assert one.shape == other.shape
    return bool((one - other).abs().mean() > by)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_valid_and_planned_where_its_files_are_and_gives_a_picture(
    name: str, draw: Draw
) -> None:
    graph = read_graph(FOLDER / f"{name}.json")
    if name != "separate_files":  # its encoders' names are the test's, as they are of other sizes
        assert validate(graph) == []
        assert nodeflow.plan(graph).peak > 0
    made = draw.picture(name)
    assert made.shape == (1, *LARGER.get(name, (64, 64)), 3)
    assert made.isfinite().all()
    assert made.std() > 0.003  # no single colour
    assert 0 <= float(made.min()) <= float(made.max()) <= 1


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("sdxl", {"prompt": "an owl"}),
        ("sdxl", {"negative_prompt": "an owl"}),
        ("sdxl_turbo", {"prompt": "an owl"}),
        ("sd_turbo", {"prompt": "an owl"}),
        ("sd2_v", {"prediction": "epsilon"}),
        ("sd2_v", {"zero_snr": True}),
        ("sd2_v", {"rescale": 0.7}),
        ("lcm", {"guidance_scale": 1.0}),
        ("lcm_lora", {"lora_strength": 0.0}),
        ("sd3", {"prompt": "an owl"}),
        ("sd3", {"shift": 1.0}),
        ("flux_dev", {"guidance": 1.0}),
        ("flux_dev", {"prompt": "an owl"}),
        ("flux_schnell", {"prompt": "an owl"}),
        ("auraflow", {"prompt": "an owl"}),
        ("auraflow", {"shift": 3.0}),
        ("pixart_sigma", {"prompt": "an owl"}),
        ("dit", {"label": 417}),
        ("inpaint_model", {"prompt": "an owl"}),
        ("instruct_pix2pix", {"picture": "other.png"}),
        ("instruct_pix2pix", {"image_scale": 5.0}),
        ("ip_adapter", {"picture": "other.png"}),
        ("unclip", {"picture": "other.png"}),
        ("unclip", {"noise_augmentation": 1.0}),
        ("sdxl_revision", {"picture": "other.png"}),
        ("gligen", {"left_text": "an owl"}),
        ("gligen", {"end": 0.0}),
        ("controlnet_two", {"first_strength": 0.0}),
        ("controlnet_two", {"second_strength": 0.0}),
        ("controlnet_two", {"second_start": 1.0}),
        ("t2i_adapter", {"picture": "other.png"}),
        ("controlnet_in_the_loop", {"picture": "other.png"}),
        ("controlnet_in_the_loop", {"fine": 1.0}),
        ("hypernetwork", {"strength": 0.0}),
        ("controlnet_tile_upscale", {"control_strength": 0.0}),
        ("controlnet_depth_and_pose", {"depth_strength": 0.0}),
        ("controlnet_depth_and_pose", {"pose_strength": 0.0}),
        ("controlnet_inpaint", {"strength": 0.0}),
        ("flux_controlnet_union", {"mode": "pose"}),
        ("flux_controlnet_union", {"picture": "other.png"}),
        ("ip_adapter_two_pictures", {"left": "other.png"}),
        ("ip_adapter_two_pictures", {"right": "photo.png"}),
        ("playground", {"prompt": "an owl"}),
        ("sdxl_lightning", {"prompt": "an owl"}),
        ("sdxl_loras", {"strengths": [0.0, 0.5]}),
        ("sdxl_loras", {"strengths": [0.8, 0.0]}),
        ("make_inpainting_model", {"multiplier": 0.0}),
        ("unclip_two_pictures", {"other": "photo.png"}),
        ("skip_layer_guidance", {"layer_scale": 0.0}),
        ("skip_layer_guidance", {"layers": [1]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_what_it_shows_changes_the_picture(name: str, inputs: dict[str, Any], draw: Draw) -> None:
    assert differ(draw.picture(name), draw.picture(name, **inputs), 1e-5)


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("ip_adapter", {"strength": 0.0}),
        ("unclip", {"strength": 0.0}),
        ("sdxl_revision", {"amount": 0.0}),
        ("controlnet_two", {"first_strength": 0.0, "second_strength": 0.0}),
        ("t2i_adapter", {"strength": 0.0}),
        ("controlnet_in_the_loop", {"strength": 0.0}),
        ("controlnet_depth_and_pose", {"depth_strength": 0.0, "pose_strength": 0.0}),
        ("flux_controlnet_union", {"strength": 0.0}),
    ],
)
def test_at_strength_0_the_photograph_has_no_say(
    name: str, off: dict[str, float], draw: Draw
) -> None:
    assert torch.equal(draw.picture(name, **off), draw.picture(name, **off, picture="other.png"))


def test_the_refiner_ends_what_the_base_begins(draw: Draw) -> None:
    refined, base = draw.outputs("sdxl_base_and_refiner", "image", "base", steps=3, switch_at=1)
    assert differ(refined.pixels, base.pixels)
    assert differ(refined.pixels, draw.picture("sdxl_base_and_refiner", steps=3, switch_at=2))
    assert torch.equal(base.pixels, draw.picture("sdxl_base_and_refiner", steps=3, switch_at=3))


def test_inpainting_leaves_what_is_not_erased(draw: Draw) -> None:
    from nodes.image_edit import cover
    from nodes.load import image

    pasted, painted = draw.outputs("inpaint_model", "image", "painted", blur=0.0)
    photograph = cover(image("photo.png", ctx=RunContext()).image, 64, 64).pixels
    assert torch.equal(pasted.pixels[:, :8], photograph[:, :8])
    middle = (slice(None), slice(28, 36), slice(28, 36))
    torch.testing.assert_close(pasted.pixels[middle], painted.pixels[middle])
    assert differ(pasted.pixels[middle], photograph[middle])


def test_separate_files_are_the_whole_checkpoint(draw: Draw) -> None:
    torch.testing.assert_close(
        draw.picture("separate_files"), draw.picture("sdxl"), rtol=0, atol=1e-4
    )  # of one set of weights


def test_enlarging_by_a_network_keeps_the_sides_proportions(draw: Draw) -> None:
    made, enlarged, plain = draw.outputs("upscale_model", "image", "enlarged", "bicubic")
    assert enlarged.pixels.shape == (1, 4 * 64, 4 * 72, 3)
    assert made.pixels.shape == plain.pixels.shape


def test_tiles_are_redrawn_and_then_their_seams(draw: Draw) -> None:
    whole, joined, result = draw.outputs("controlnet_tile_upscale", "enlarged", "joined", "image")
    assert differ(whole.pixels, joined.pixels)
    assert differ(joined.pixels, result.pixels)


def test_the_loop_s_residuals_are_shown(draw: Draw) -> None:
    (shown,) = draw.outputs("controlnet_in_the_loop", "residuals")
    assert shown.pixels.std() > 0.01


def test_a_merged_model_is_written_and_read_again(draw: Draw) -> None:
    from nodes.load import checkpoint

    (path,) = draw.outputs("merge_models", "path", input=0.25, precision="float32")
    merged, first, second = (
        checkpoint(name, ctx=RunContext()).model.network.state_dict()
        for name in (path, "v1-5-pruned-emaonly", "dreamshaper_8")
    )
    name = "down_blocks.0.resnets.0.conv1.weight"
    torch.testing.assert_close(merged[name], 0.75 * first[name] + 0.25 * second[name])


def test_a_merge_of_nothing_of_the_second_model_draws_what_the_first_does(draw: Draw) -> None:
    amounts = {"input": 0.0, "middle": 0.0, "output": 0.0, "rest": 0.0, "text_amount": 0.0}
    (merged,) = draw.outputs("merge_models", "merged")
    (nothing,) = draw.outputs("merge_models", "merged", **amounts)
    (alone,) = draw.outputs("merge_models", "merged", second="v1-5-pruned-emaonly")
    torch.testing.assert_close(nothing.pixels, alone.pixels, rtol=0, atol=1e-5)
    assert differ(merged.pixels, alone.pixels)


def test_an_extracted_lora_is_the_tuning_and_is_written(draw: Draw) -> None:
    """What no LoRA holds, differences of biases and norms, is what is left at the whole rank."""
    made, wanted, path = draw.outputs("lora_extract", "with_lora", "wanted", "path", rank=128)
    (small,) = draw.outputs("lora_extract", "with_lora", rank=1)
    (base,) = draw.outputs("lora_extract", "with_lora", strength=0.0)
    whole, near, none = ((p.pixels - wanted.pixels).abs().mean() for p in (made, small, base))
    assert whole < 0.5 * none
    assert whole < near
    tuned = draw.picture("lcm_lora", lora=path, lora_strength=1.0)
    assert differ(tuned, draw.picture("lcm_lora", lora=path, lora_strength=0.0), 1e-5)


def test_a_mix_of_two_pictures_ends_at_each_of_them(draw: Draw) -> None:
    ends = [draw.picture("unclip_two_pictures", amount=amount) for amount in (0.0, 1.0)]
    assert torch.equal(ends[0], draw.picture("unclip"))
    assert torch.equal(ends[1], draw.picture("unclip", picture="other.png"))


def test_a_model_made_for_inpainting_is_one(draw: Draw) -> None:
    made, path = draw.outputs("make_inpainting_model", "image", "path", precision="float32")
    inputs = {"checkpoint": path, "prompt": "an owl", "negative_prompt": ""}
    painted = draw.outputs("inpaint_model", "painted", **inputs)[0].pixels
    assert differ(
        painted,
        draw.outputs("inpaint_model", "painted", **{**inputs, "checkpoint": "sd-v1-5-inpainting"})[
            0
        ].pixels,
    )
    assert painted.isfinite().all()
    assert made.pixels.isfinite().all()


def test_hints_of_networks_are_laid_out_beside_the_photograph(draw: Draw) -> None:
    (sheet,) = draw.outputs("controlnet_depth_and_pose", "hints")
    assert sheet.pixels.shape[2] > 2 * 64
