"""Two pictures become one: ends of the scale, formulas written out in Python, what is refused."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodeflow.widgets import Choice
from nodes import image_blend as nodes
from nodes.diffusion.blending import BLENDS, OPERATORS
from nodes.types import Image, Mask

UNIT = st.floats(0, 1, width=32)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def exact(value: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=0)


def hard_light(b: float, s: float) -> float:
    return b * 2 * s if s <= 0.5 else b + (2 * s - 1) - b * (2 * s - 1)


def soft_light(b: float, s: float) -> float:
    if s <= 0.5:
        return b - (1 - 2 * s) * b * (1 - b)
    d = ((16 * b - 12) * b + 4) * b if b <= 0.25 else math.sqrt(b)
    return b + (2 * s - 1) * (d - b)


def dodge(b: float, s: float) -> float:
    if b == 0:
        return 0.0
    return 1.0 if s == 1 else min(1.0, b / (1 - s))


def burn(b: float, s: float) -> float:
    if b == 1:
        return 1.0
    return 0.0 if s == 0 else 1 - min(1.0, (1 - b) / s)


# As the paper writes them, for one channel: b the backdrop, s the source.
FORMULAS: dict[str, Callable[[float, float], float]] = {
    "normal": lambda b, s: s,
    "multiply": lambda b, s: b * s,
    "screen": lambda b, s: 1 - (1 - b) * (1 - s),
    "overlay": lambda b, s: hard_light(s, b),
    "hard_light": hard_light,
    "soft_light": soft_light,
    "darken": min,
    "lighten": max,
    "dodge": dodge,
    "burn": burn,
    "difference": lambda b, s: abs(b - s),
    "exclusion": lambda b, s: b + s - 2 * b * s,
    "add": lambda b, s: min(1, b + s),
    "subtract": lambda b, s: max(0, b - s),
    "divide": lambda b, s: 0.0 if b == 0 else 1.0 if s <= b else b / s,
    "linear_burn": lambda b, s: max(0, b + s - 1),
    "linear_light": lambda b, s: min(1, max(0, b + 2 * s - 1)),
    "vivid_light": lambda b, s: burn(b, 2 * s) if s <= 0.5 else dodge(b, 2 * s - 1),
    "pin_light": lambda b, s: min(b, 2 * s) if s <= 0.5 else max(b, 2 * s - 1),
}

Colour = list[float]


def lum(c: Colour) -> float:
    return 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2]


def set_lum(c: Colour, wanted: float) -> Colour:
    c = [v + wanted - lum(c) for v in c]
    grey, low, high = lum(c), min(c), max(c)
    if low < 0:
        c = [grey + (v - grey) * grey / (grey - low) for v in c]
    if high > 1:
        c = [grey + (v - grey) * (1 - grey) / (high - grey) for v in c]
    return c


def sat(c: Colour) -> float:
    return max(c) - min(c)


def set_sat(c: Colour, wanted: float) -> Colour:
    low, middle, high = sorted(range(3), key=lambda k: c[k])
    result = [0.0, 0.0, 0.0]
    if c[high] > c[low]:
        result[middle] = (c[middle] - c[low]) * wanted / (c[high] - c[low])
        result[high] = wanted
    return result


# The four that look at all channels at once, again as the paper writes them.
WHOLE: dict[str, Callable[[Colour, Colour], Colour]] = {
    "hue": lambda b, s: set_lum(set_sat(s, sat(b)), lum(b)),
    "saturation": lambda b, s: set_lum(set_sat(b, sat(s)), lum(b)),
    "colour": lambda b, s: set_lum(s, lum(b)),
    "luminosity": lambda b, s: set_lum(b, lum(s)),
}

# Shares of base and top by their alphas, from the table of Porter & Duff's paper.
SHARES: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "clear": lambda b, s: (0, 0),
    "base": lambda b, s: (1, 0),
    "top": lambda b, s: (0, 1),
    "over": lambda b, s: (1 - s, 1),
    "under": lambda b, s: (1, 1 - b),
    "in": lambda b, s: (0, b),
    "held_in": lambda b, s: (s, 0),
    "out": lambda b, s: (0, 1 - b),
    "held_out": lambda b, s: (1 - s, 0),
    "atop": lambda b, s: (1 - s, b),
    "held_atop": lambda b, s: (s, 1 - b),
    "xor": lambda b, s: (1 - s, 1 - b),
    "plus": lambda b, s: (1, 1),
}


def test_mix_ends_are_exactly_the_pictures() -> None:
    base, top = Image(noise(2, 3, 4, 3)), Image(noise(1, 3, 4, 3, seed=1))
    exact(nodes.mix(base, top, 0.0).pixels, base.pixels)
    exact(nodes.mix(base, top, 1.0).pixels, top.pixels.expand(2, -1, -1, -1))
    expected = 0.75 * base.pixels + 0.25 * top.pixels
    torch.testing.assert_close(nodes.mix(base, top, 0.25).pixels, expected)


def test_mix_says_which_node_makes_the_channels_agree() -> None:
    with pytest.raises(InputError, match=r"expected 3 channels .* image_channels\.remove_alpha"):
        nodes.mix(Image(noise(1, 2, 2, 3)), Image(noise(1, 2, 2, 4)))
    with pytest.raises(InputError, match=r"image_channels\.add_alpha"):
        nodes.mix(Image(noise(1, 2, 2, 4)), Image(noise(1, 2, 2, 3)))


def test_blend_offers_the_table() -> None:
    widget = definition_of(nodes.blend).inputs["mode"].widget
    assert isinstance(widget, Choice)
    assert widget.options == tuple(BLENDS)
    assert set(BLENDS) == {*FORMULAS, *WHOLE}


@settings(max_examples=60, deadline=None)
@given(b=UNIT, s=UNIT)
def test_blend_follows_the_formulas(b: float, s: float) -> None:
    base, top = (Image(torch.full((1, 1, 1, 3), x)) for x in (b, s))
    for mode, formula in FORMULAS.items():
        if (
            mode in ("dodge", "burn", "vivid_light", "divide")
            and min(abs(b - x) for x in (0, 1)) < 1e-6
        ):
            continue  # there the quotient of two nearly vanishing float32 numbers is anything
        value = nodes.blend(base, top, mode).pixels.flatten()[0].item()
        assert 0 <= value <= 1
        assert value == pytest.approx(formula(b, s), abs=1e-4), mode


@pytest.mark.parametrize("mode", FORMULAS)
def test_blend_at_the_corners(mode: str) -> None:
    for b in (0.0, 1.0):
        for s in (0.0, 1.0):
            base, top = (Image(torch.full((1, 1, 1, 3), x)) for x in (b, s))
            assert nodes.blend(base, top, mode).pixels.flatten()[0].item() == FORMULAS[mode](b, s)


def test_blend_without_opacity_is_the_base() -> None:
    base, top = Image(noise(1, 3, 4, 3)), Image(noise(1, 3, 4, 3, seed=1))
    exact(nodes.blend(base, top, "screen", 0.0).pixels, base.pixels)
    with pytest.raises(InputError, match="base: got 4 channels"):
        nodes.blend(Image(noise(1, 2, 2, 4)), Image(noise(1, 2, 2, 4)))


def test_composite_takes_each_picture_where_the_mask_says() -> None:
    base, top = Image(noise(1, 4, 4, 3)), Image(noise(3, 4, 4, 3, seed=1))
    values = (noise(1, 4, 4, seed=2) > 0.5).float()
    out = nodes.composite(base, top, Mask(values)).pixels
    assert out.shape == (3, 4, 4, 3)
    exact(out, torch.where(values[..., None] == 1, top.pixels, base.pixels))
    swapped = nodes.composite(Image(out), base, Mask(values)).pixels
    exact(swapped, base.pixels.expand(3, -1, -1, -1))


def test_composite_repeats_one_picture_over_many_masks() -> None:
    base, top = Image(noise(1, 4, 4, 3)), Image(noise(1, 4, 4, 3, seed=1))
    assert nodes.composite(base, top, Mask(noise(5, 4, 4))).pixels.shape == (5, 4, 4, 3)
    with pytest.raises(InputError, match="mask: got 5 x 4 pixels, expected 4 x 4 pixels as base"):
        nodes.composite(base, top, Mask(noise(1, 4, 5)))


def test_over_shows_the_base_through_what_is_transparent() -> None:
    base, colours = noise(1, 3, 3, 3), noise(1, 3, 3, 3, seed=1)
    for alpha, expected in ((0.0, base), (1.0, colours)):
        top = torch.cat([colours, torch.full((1, 3, 3, 1), alpha)], -1)
        exact(nodes.over(Image(base), Image(top)).pixels, expected)
    with pytest.raises(InputError, match="top: got 3 channels, expected 4"):
        nodes.over(Image(base), Image(colours))


def test_gradient_runs_from_start_to_end() -> None:
    pixels = nodes.gradient(3, 2, "#ff0000", "#0000ff", 0.0).pixels
    assert pixels.tolist() == [[[[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]]] * 2]


def test_gradient_runs_downwards_at_ninety_degrees() -> None:
    pixels = nodes.gradient(2, 3, "#ff0000", "#0000ff", 90.0).pixels
    assert pixels[0, :, 0].tolist() == [[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]]
    exact(pixels[:, :, 0], pixels[:, :, 1])


@pytest.mark.parametrize("mode", WHOLE)
def test_blend_of_whole_colours_follows_the_paper(mode: str) -> None:
    base, top = noise(1, 6, 7, 3), noise(1, 6, 7, 3, seed=1)
    base[0, 0, 0], top[0, 0, 1] = torch.tensor([0.4] * 3), torch.tensor([0.9] * 3)  # greys
    out = nodes.blend(Image(base), Image(top), mode).pixels
    pairs = zip(base.reshape(-1, 3).tolist(), top.reshape(-1, 3).tolist(), strict=True)
    expected = torch.tensor([WHOLE[mode](b, s) for b, s in pairs]).view_as(out)
    torch.testing.assert_close(out, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("operator", SHARES)
def test_porter_duff_follows_the_paper(operator: str) -> None:
    base, top = noise(1, 4, 5, 4), noise(1, 4, 5, 4, seed=1)
    base[0, 0, 0, 3], top[0, 0, :2, 3] = 0, 0
    out = nodes.porter_duff(Image(base), Image(top), operator).pixels
    for found, b, s in zip(*(x.reshape(-1, 4).tolist() for x in (out, base, top)), strict=True):
        fb, fs = SHARES[operator](b[3], s[3])
        alpha = min(1, b[3] * fb + s[3] * fs)
        assert found[3] == pytest.approx(alpha, abs=1e-6)
        for c in range(3):
            light = min(b[c] * b[3] * fb + s[c] * s[3] * fs, alpha if operator != "plus" else 9)
            whole = b[3] * fb + s[3] * fs
            assert found[c] == pytest.approx(light / whole if whole else 0, abs=1e-5)


def test_porter_duff_offers_every_operator_and_is_over_by_default() -> None:
    widget = definition_of(nodes.porter_duff).inputs["operator"].widget
    assert isinstance(widget, Choice)
    assert set(widget.options) == set(SHARES) == set(OPERATORS)
    base = torch.cat([noise(1, 3, 3, 3), torch.ones(1, 3, 3, 1)], -1)
    top = noise(1, 3, 3, 4, seed=2)
    over = nodes.over(Image(base[..., :3]), Image(top)).pixels
    torch.testing.assert_close(nodes.porter_duff(Image(base), Image(top)).pixels[..., :3], over)
