"""Areas: scikit-image's own, shown in colours; a tiny network against transformers' own steps."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from skimage import segmentation

from nodeflow.context import RunContext
from nodeflow.errors import InputError, NodeflowError
from nodes import load_preprocess
from nodes import preprocess_segment as nodes
from nodes.diffusion.segments import ade20k, distinct
from nodes.types import Image, SegmentationModel


@pytest.fixture(scope="module")
def model(networks_folder: Path) -> SegmentationModel:
    path = networks_folder / "preprocessors" / "segmentation"
    return load_preprocess.segmentation(str(path), ctx=RunContext())


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


def halves() -> Image:
    """Left dark, right bright, with a little noise."""
    pixels = 0.05 * noise(1, 40, 60, 3).pixels
    pixels[:, :, 30:] += 0.8
    return Image(pixels)


def by_label(labels: np.ndarray, out: torch.Tensor) -> list[torch.Tensor]:
    return [out[torch.from_numpy(labels == k)] for k in range(labels.max() + 1)]


def test_felzenszwalb_shows_scikit_images_areas_in_their_means() -> None:
    image = noise(1, 30, 40, 3)
    out = nodes.felzenszwalb(image, 5.0, 0.8, 10).pixels[0]
    labels = segmentation.felzenszwalb(
        image.pixels[0].double().numpy(), 5.0, 0.8, 10, channel_axis=-1
    )
    assert labels.max() > 3
    for shown, own in zip(by_label(labels, out), by_label(labels, image.pixels[0]), strict=True):
        torch.testing.assert_close(shown, own.mean(0).expand_as(shown), rtol=0, atol=1e-5)


def test_felzenszwalb_in_distinct_colours() -> None:
    out = nodes.felzenszwalb(halves(), look="distinct").pixels[0]
    assert len(out.reshape(-1, 3).unique(dim=0)) == 2
    assert torch.equal(out[:, 0], out[0, 0].expand(40, 3))
    assert not torch.equal(out[0, 0], out[0, -1])


def test_superpixels_makes_about_so_many() -> None:
    ramp = torch.linspace(0, 1, 60)
    smooth = torch.stack([ramp.expand(60, 60), ramp[:, None].expand(60, 60)] * 2, -1)[None]
    out = nodes.superpixels(Image(smooth), 36, 20.0, "mean").pixels
    assert 20 <= len(out.reshape(-1, 3).unique(dim=0)) <= 60
    along = nodes.superpixels(halves(), 24, 10.0).pixels[0]
    assert along[:, :29].max() < 0.2  # no area reaches over the edge
    assert along[:, 31:].min() > 0.6


@pytest.mark.parametrize("node", [nodes.felzenszwalb, nodes.superpixels])
def test_without_scikit_image_it_says_what_to_install(
    node: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(node)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(NodeflowError, match=r"needs skimage, .*'nodeflow\[preprocess\]'"):
        node(halves())


def expected_classes(model: SegmentationModel, pixels: torch.Tensor) -> torch.Tensor:
    """As transformers' own post-processing finds them, [H, W]."""
    picture = Pillow.fromarray((pixels[..., :3] * 255).round().byte().numpy())
    inputs = model.processor(images=picture, return_tensors="pt")
    with torch.no_grad():
        found = model.network(**inputs)
    return model.processor.post_process_semantic_segmentation(found, [pixels.shape[:2]])[0]


def test_semantic_equals_transformers(model: SegmentationModel) -> None:
    image = noise(2, 48, 32, 4)
    out = nodes.semantic(image, model).pixels
    assert out.shape == (2, 48, 32, 3)
    for k in range(2):
        wanted = ade20k()[expected_classes(model, image.pixels[k])]
        assert torch.equal(out[k], wanted)


def test_mask_is_one_class_by_name_or_number(model: SegmentationModel) -> None:
    image = noise(1, 48, 32, 3)
    classes = expected_classes(model, image.pixels[0])
    for k, label in enumerate((" sky", "PERSON", "2")):
        assert torch.equal(nodes.mask(image, model, label).values[0], (classes == k).float())
    with pytest.raises(InputError, match=r"3 classes.*did you mean 'tree'"):
        nodes.mask(image, model, "trees")


def test_the_colour_codes_tell_classes_apart() -> None:
    assert ade20k().shape == (150, 3)
    # wall, building, sky … and the last, flag, as everybody's tables of ADE20K have them.
    assert (ade20k()[[0, 1, 2, 149]] * 255).round().int().tolist() == [
        *([120, 120, 120], [180, 120, 120], [6, 230, 230], [92, 0, 255])
    ]
    table = distinct(40)
    gaps = torch.cdist(table, table) + 9 * torch.eye(40)
    assert gaps.min() > 0.04
    assert gaps.diagonal(1).min() > 0.3
