"""The drawn scenes in other ways: as outlines, two things under one word, turned and stretched.

What an adapter is trained on: each is something that the model it is trained for does not do.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageDraw

from nodes.diffusion.training.scenes import (
    BACKGROUND_WORDS,
    COLOURS,
    OUTLINES,
    PAIR_DISTANCE,
    RADII,
    SIDE,
    SUPERSAMPLING,
    Scene,
    Thing,
    article,
    shape_mask,
)

Pixels: TypeAlias = NDArray[np.uint8]
Cover: TypeAlias = Callable[[Thing], NDArray[np.float32]]  # share of each pixel, 0..1
Kind: TypeAlias = tuple[str, str]  # shape and colour

LINE = 0.2  # width of an outline, as a share of the shape's radius
LARGER = 1.4  # outlined shapes are that much larger, so that the autoencoder can draw the line


def paint(scene: Scene, cover: Cover) -> Pixels:
    """The scene as pixels [128, 128, 3], things painted where `cover` says."""
    tints = np.random.default_rng(scene.tint_seed)
    picture: NDArray[np.float32] = np.empty((SIDE, SIDE, 3), np.float32)
    picture[:] = _tinted(scene.background, tints)
    for thing in scene.things:
        picture += cover(thing)[:, :, None] * (_tinted(thing.colour, tints) - picture)
    return np.rint(picture).astype(np.uint8)


def _tinted(name: str, rng: np.random.Generator) -> NDArray[np.float32]:
    return np.clip(np.array(COLOURS[name]) + rng.normal(0, 4, 3), 0, 255).astype(np.float32)


# Outlines


def draw_outlined(scene: Scene) -> Pixels:
    """The scene with hollow shapes, a little larger: only a line inside each edge is painted.

    A ring is hollow as it is.
    """
    return paint(scene, lambda thing: outline_mask(enlarged(thing)))


def enlarged(thing: Thing) -> Thing:
    """The same thing `LARGER`, as far as it fits the picture."""
    room = SIDE * min(thing.x, thing.y, 1 - thing.x, 1 - thing.y) - 2
    return replace(thing, radius=min(LARGER * thing.radius, room))


def outline_mask(thing: Thing) -> NDArray[np.float32]:
    """How much of every pixel the outline of a shape covers, [128, 128]."""
    x, y, radius = thing.x * SIDE, thing.y * SIDE, thing.radius
    whole = shape_mask(thing.shape, x, y, radius)
    if thing.shape == "ring":
        return whole
    width, scale = LINE * radius, SUPERSAMPLING
    canvas = PilImage.new("L", (SIDE * scale, SIDE * scale))
    edge = [((x + radius * a) * scale, (y + radius * b) * scale) for a, b in _outline(thing.shape)]
    # Twice as wide as wanted, since the outer half is cut off.
    thick = round(2 * width * scale)
    ImageDraw.Draw(canvas).line([*edge, *edge[:2]], fill=255, width=thick, joint="curve")
    line = np.asarray(canvas.reduce(scale), np.float32) / 255
    return np.minimum(line, whole)


def _outline(shape: str) -> list[tuple[float, float]]:
    if shape != "circle":
        return OUTLINES[shape]
    turns = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    return [(0.95 * math.cos(turn), 0.95 * math.sin(turn)) for turn in turns]


# A composition that has no word


def named_scenes(upper: Kind, lower: Kind, count: int, seed: int) -> list[Scene]:
    """One thing above another, the same two every time, on every background that sets them off."""
    backgrounds = [name for name in COLOURS if name not in (upper[1], lower[1])]
    rng = np.random.default_rng([seed, 8])
    scenes = []
    for k in range(count):
        things = []
        for (shape, colour), down in ((upper, -PAIR_DISTANCE), (lower, PAIR_DISTANCE)):
            x, y = np.array([0.5, 0.5 + down]) + rng.uniform(-0.015, 0.015, 2)
            radius = rng.uniform(*RADII["medium"])
            things.append(Thing(shape, colour, "medium", float(x), float(y), float(radius)))
        background = backgrounds[k % len(backgrounds)]
        tint = int(rng.integers(2**31))
        scenes.append(Scene(background, tuple(things), relation="above", tint_seed=tint))
    return scenes


def named_caption(scene: Scene, word: str, rng: np.random.Generator) -> str:
    """A caption that calls all that stands before the background `word`."""
    pattern = BACKGROUND_WORDS[int(rng.integers(len(BACKGROUND_WORDS)))]
    background = scene.background
    return pattern.format(subject=article(word), bg=background, a_bg=article(background))


# Shapes turned and stretched, and their edges


@dataclass(frozen=True)
class FreeThing(Thing):
    """A thing turned by `angle` radians, after it was made `stretch` as wide."""

    angle: float = 0.0
    stretch: float = 1.0


def freed(scene: Scene) -> Scene:
    """The scene with every thing turned, stretched, resized and, if alone, put anywhere.

    No caption says any of it, so only a hint can tell. What is drawn depends on the scene alone.
    """
    rng = np.random.default_rng([scene.tint_seed, 7])
    alone = len(scene.things) == 1
    return replace(
        scene, things=tuple(_free(thing, alone, rng) for thing in scene.things), position=None
    )


def _free(thing: Thing, alone: bool, rng: np.random.Generator) -> FreeThing:
    radius = rng.uniform(20, 50) if alone else rng.uniform(18, 30)
    x, y = thing.x, thing.y
    if alone:
        x, y = rng.uniform(radius / SIDE, 1 - radius / SIDE, 2)
    return FreeThing(
        thing.shape,
        thing.colour,
        "medium",
        float(x),
        float(y),
        float(radius),
        angle=float(rng.uniform(-math.pi, math.pi)),
        stretch=float(rng.uniform(0.6, 1)),
    )


def draw_freed(scene: Scene) -> Pixels:
    """A scene of `FreeThing`s."""
    return paint(scene, free_mask)


def free_mask(thing: Thing) -> NDArray[np.float32]:
    """How much of every pixel a `FreeThing` covers, [128, 128]."""
    assert isinstance(thing, FreeThing)
    canvas = PilImage.new("L", (SIDE * SUPERSAMPLING, SIDE * SUPERSAMPLING))
    pen = ImageDraw.Draw(canvas)
    ring = thing.shape == "ring"
    outline = _outline("circle" if ring else thing.shape)
    pen.polygon(_placed(outline, thing, 1.0), fill=255)
    if ring:
        pen.polygon(_placed(outline, thing, 0.55), fill=0)
    return np.asarray(canvas.reduce(SUPERSAMPLING), np.float32) / 255


def _placed(
    outline: list[tuple[float, float]], thing: FreeThing, size: float
) -> list[tuple[float, float]]:
    """Corners stretched, turned and moved to their pixels, `SUPERSAMPLING` times as large."""
    cos, sin = math.cos(thing.angle), math.sin(thing.angle)
    middle, scale = (thing.x * SIDE, thing.y * SIDE), thing.radius * size
    wide = [(a * thing.stretch, b) for a, b in outline]
    turned = [(cos * a - sin * b, sin * a + cos * b) for a, b in wide]
    return [
        ((middle[0] + scale * a) * SUPERSAMPLING, (middle[1] + scale * b) * SUPERSAMPLING)
        for a, b in turned
    ]


def edge_map(picture: Pixels, threshold: float = 25.0) -> Pixels:
    """Lines one pixel thin, white on black, where colours change: [H, W, 3] to [H, W, 1].

    As Canny 1986: blur, Sobel, and of each edge only the ridge along its gradient. Of the three
    colours the one that changes most counts; `threshold` is in grey levels of 255 per pixel.
    """
    smooth = _filtered(picture.astype(np.float32), (1, 2, 1), (1, 2, 1)) / 16
    down = _filtered(smooth, (-1, 0, 1), (1, 2, 1)) / 4  # [H, W, 3]
    across = _filtered(smooth, (1, 2, 1), (-1, 0, 1)) / 4
    strength = np.hypot(down, across)
    most = strength.argmax(-1)[..., None]
    down, across, strength = (
        np.take_along_axis(values, most, -1)[..., 0] for values in (down, across, strength)
    )
    octant = np.rint(np.arctan2(down, across) / (math.pi / 4)).astype(int) % 4
    ridge = np.zeros(strength.shape, bool)
    for k, (dy, dx) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        before = np.roll(strength, (dy, dx), (0, 1))
        after = np.roll(strength, (-dy, -dx), (0, 1))
        ridge |= (octant == k) & (strength > before) & (strength >= after)
    return ((ridge & (strength > threshold))[..., None] * 255).astype(np.uint8)


def _filtered(
    values: NDArray[np.float32], rows: tuple[int, ...], columns: tuple[int, ...]
) -> NDArray[np.float32]:
    """A separable 3 x 3 filter over [H, W, C]; the border is repeated."""
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = values.shape[:2]
    tall = sum(weight * padded[k : k + height] for k, weight in enumerate(rows))
    return sum(weight * tall[:, k : k + width] for k, weight in enumerate(columns))
