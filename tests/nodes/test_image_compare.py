"""How far two pictures are apart."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from nodeflow.errors import InputError
from nodes import image_compare as nodes
from nodes.types import Image


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


ONE, TWO = noise(2, 5, 6, 3), noise(2, 5, 6, 3, seed=1)
GAP = np.abs(ONE.pixels.double().numpy() - TWO.pixels.double().numpy())


def test_mean_absolute_difference() -> None:
    assert nodes.mean_absolute_difference(ONE, ONE) == 0
    assert nodes.mean_absolute_difference(ONE, TWO) == pytest.approx(GAP.mean(), rel=1e-6)
    assert nodes.mean_absolute_difference(TWO, ONE) == nodes.mean_absolute_difference(ONE, TWO)


def test_largest_difference() -> None:
    assert nodes.largest_difference(ONE, ONE) == 0
    assert nodes.largest_difference(ONE, TWO) == pytest.approx(GAP.max(), rel=1e-6)


def test_psnr() -> None:
    expected = 10 * math.log10(1 / (GAP**2).mean())
    assert nodes.psnr(ONE, TWO) == pytest.approx(expected, rel=1e-6)
    assert nodes.psnr(ONE, ONE) == 200
    black, white = (Image(torch.full((1, 2, 2, 3), v)) for v in (0.0, 1.0))
    assert nodes.psnr(black, white) == 0


def test_difference_is_black_where_they_agree() -> None:
    assert nodes.difference(ONE, ONE, 64.0).pixels.max() == 0
    torch.testing.assert_close(
        nodes.difference(ONE, TWO, 2.0).pixels, torch.from_numpy(GAP * 2).clamp(max=1).float()
    )


def test_difference_refuses_other_sizes() -> None:
    with pytest.raises(InputError, match="other: got 5 x 5 pixels, expected 6 x 5"):
        nodes.difference(ONE, noise(2, 5, 5, 3))


def test_difference_leaves_alpha_out() -> None:
    one, two = (torch.cat([ONE.pixels, torch.full((2, 5, 6, 1), a)], -1) for a in (0.0, 1.0))
    assert torch.equal(nodes.difference(Image(one), Image(two)).pixels, torch.zeros(2, 5, 6, 3))


BIG, OTHER = noise(1, 20, 30, 3), noise(1, 20, 30, 3, seed=1)


def oracle(one: Image, two: Image) -> tuple[float, np.ndarray]:
    mean, where = structural_similarity(
        one.pixels[0].double().numpy(),
        two.pixels[0].double().numpy(),
        data_range=1.0,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(mean), where


def test_ssim_equals_scikit_image() -> None:
    near = Image((BIG.pixels + 0.1 * OTHER.pixels).clamp(0, 1))
    for two in (OTHER, near):
        # The window's weights are float32 here: the seventh digit.
        assert nodes.ssim(BIG, two) == pytest.approx(oracle(BIG, two)[0], abs=1e-5)
    assert nodes.ssim(BIG, BIG) == pytest.approx(1, abs=1e-9)


def test_ssim_of_a_batch_is_the_mean() -> None:
    both = Image(torch.cat([OTHER.pixels, BIG.pixels]))
    assert nodes.ssim(BIG, both) == pytest.approx((nodes.ssim(BIG, OTHER) + 1) / 2)
    with pytest.raises(InputError, match="6 x 5 pixels, expected sides of at least 11"):
        nodes.ssim(ONE, TWO)


def test_ssim_map_equals_scikit_image_inside() -> None:
    near = Image((BIG.pixels + 0.3 * OTHER.pixels).clamp(0, 1))
    out = nodes.ssim_map(BIG, near).pixels[0, 5:-5, 5:-5, 0].numpy()
    expected = oracle(BIG, near)[1].mean(-1)[5:-5, 5:-5].clip(0, 1)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-5)
    assert nodes.ssim_map(ONE, ONE).pixels.min() == 1


def test_wipe_shows_one_and_then_the_other() -> None:
    out = nodes.wipe(ONE, TWO, 0.5, line=0).pixels
    assert torch.equal(out[:, :, :3], ONE.pixels[:, :, :3])
    assert torch.equal(out[:, :, 3:], TWO.pixels[:, :, 3:])
    assert torch.equal(nodes.wipe(ONE, TWO, 0.0).pixels, TWO.pixels)
    assert torch.equal(nodes.wipe(ONE, TWO, 1.0, "down").pixels, ONE.pixels)
    down = nodes.wipe(ONE, TWO, 0.4, "down", 2, "#ff0000").pixels
    assert torch.equal(down[:, :1], ONE.pixels[:, :1])
    assert torch.equal(down[:, 1:3], torch.tensor([1.0, 0, 0]).expand(2, 2, 6, 3))
    assert torch.equal(down[:, 3:], TWO.pixels[:, 3:])
