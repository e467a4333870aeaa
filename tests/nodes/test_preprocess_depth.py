"""Depth by a tiny network against transformers' own pipeline of steps; normals of known bodies."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image as Pillow

from nodeflow.context import RunContext
from nodes import load_preprocess
from nodes import preprocess_depth as nodes
from nodes.types import DepthModel, Image


@pytest.fixture(scope="module")
def model(networks_folder: Path) -> DepthModel:
    path = networks_folder / "preprocessors" / "depth"
    return load_preprocess.depth(str(path), ctx=RunContext())


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


def by_transformers(model: DepthModel, pixels: torch.Tensor) -> np.ndarray:
    """Prepared, asked and enlarged as the model's page shows it, [H, W]."""
    picture = Pillow.fromarray((pixels * 255).round().byte().numpy())
    inputs = model.processor(images=picture, return_tensors="pt")
    with torch.no_grad():
        found = model.network(**inputs).predicted_depth
    height, width, _ = pixels.shape
    large = F.interpolate(found[None], (height, width), mode="bicubic", align_corners=False)
    large = large[0, 0].numpy()
    return (large - large.min()) / (large.max() - large.min())


def test_estimate_equals_transformers(model: DepthModel) -> None:
    image = noise(2, 56, 56, 3)
    out = nodes.estimate(image, model).pixels
    assert out.shape == image.pixels.shape
    for k in range(2):
        np.testing.assert_allclose(
            out[k, ..., 1].numpy(), by_transformers(model, image.pixels[k]), rtol=0, atol=2e-3
        )


def test_estimate_reaches_from_black_to_white_at_any_size(model: DepthModel) -> None:
    out = nodes.estimate(noise(1, 40, 75, 4), model).pixels
    assert out.shape == (1, 40, 75, 3)
    assert out.max() > 0.9
    assert out.min() < 0.1


def test_estimate_turns_metres_over(networks_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(networks_folder / "preprocessors" / "depth", tmp_path / "metric")
    config = json.loads((tmp_path / "metric" / "config.json").read_text())
    config.update(depth_estimation_type="metric", max_depth=20)
    (tmp_path / "metric" / "config.json").write_text(json.dumps(config))
    model = load_preprocess.depth(str(tmp_path / "metric"), ctx=RunContext())
    image = noise(1, 56, 56, 3)
    picture = Pillow.fromarray((image.pixels[0] * 255).round().byte().numpy())
    with torch.no_grad():
        metres = model.network(**model.processor(images=picture, return_tensors="pt"))
    near = 1 / metres.predicted_depth[0]
    expected = (near - near.min()) / (near.max() - near.min())
    out = nodes.estimate(image, model).pixels[0, ..., 0]
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-4)


def hemisphere(radius: int) -> tuple[Image, torch.Tensor, torch.Tensor]:
    """Its depth as a picture, its true normals, and where they can be told."""
    size = 2 * radius + 20
    place = torch.arange(size) + 0.5 - size / 2
    x, y = place[None, :] / radius, place[:, None] / radius
    z = (1 - x**2 - y**2).clamp(min=0).sqrt()
    true = torch.stack([x.expand(size, size), -y.expand(size, size), z], -1)
    return (
        Image(z[None, ..., None].expand(1, -1, -1, 3).contiguous()),
        true,
        torch.hypot(x, y) < 0.8,
    )


def test_normals_of_a_sphere() -> None:
    image, true, inside = hemisphere(40)
    reach = 40 / image.pixels.shape[2]  # its height is its radius
    out = nodes.normals(image, reach, sigma=0.0).pixels[0]
    # A difference over neighbouring pixels, where the surface bends by 1 / 40 a pixel.
    np.testing.assert_allclose((2 * out - 1)[inside], true[inside], rtol=0, atol=0.03)
    torch.testing.assert_close(out[0, 0], torch.tensor([0.5, 0.5, 1.0]))


def test_normals_of_a_ramp_face_away_from_what_is_near() -> None:
    ramp = torch.linspace(0, 1, 65).view(1, 1, -1, 1).expand(1, 20, 65, 3)
    out = 2 * nodes.normals(Image(ramp), 1.0, 0.0).pixels[0, 10, 30] - 1
    slope = 65 / 64
    expected = torch.tensor([-slope, 0.0, 1.0]) / (1 + slope**2) ** 0.5
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-4)
    left = 2 * nodes.normals(Image(ramp), 1.0, 0.0, red="left").pixels[0, 10, 30] - 1
    torch.testing.assert_close(left, expected * torch.tensor([-1.0, 1, 1]), rtol=0, atol=1e-4)
    down = ramp.transpose(1, 2)
    up = 2 * nodes.normals(Image(down), 65 / 20, 0.0).pixels[0, 30, 10] - 1
    assert up[1] > 0.5  # what is near lies below, so the surface looks up
    flipped = 2 * nodes.normals(Image(down), 65 / 20, 0.0, green="down").pixels[0, 30, 10] - 1
    assert flipped[1] == -up[1]
