"""Procedural scenes: flat shapes on a flat background, each with captions in many phrasings.

A `Scene` is a specification; `draw` turns it into pixels and `caption` into words, so one picture
has as many captions as there are phrasings. About one caption in fifty is held out from training
(`is_held_out`), by a hash of its wording: the evaluation asks for those only.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageDraw

SIDE = 128  # pixels
SUPERSAMPLING = 4  # shapes are drawn this much larger, then averaged: that is the antialiasing
PAIR_DISTANCE = 0.23  # of two objects from the middle, as a share of the side

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (215, 40, 40),
    "orange": (245, 140, 30),
    "yellow": (250, 220, 50),
    "green": (40, 150, 70),
    "cyan": (60, 205, 220),
    "blue": (40, 80, 210),
    "purple": (125, 50, 170),
    "pink": (245, 150, 190),
    "white": (245, 245, 245),
    "black": (25, 25, 25),
}
SHAPES = ("circle", "square", "triangle", "star", "heart", "ring", "cross", "diamond")
RADII = {"small": (19.0, 21.0), "medium": (25.0, 28.0), "large": (37.0, 41.0)}  # pixels
POSITIONS: dict[str, tuple[float, float]] = {  # centre (x, y) as shares of the side
    "top left": (0.25, 0.25),
    "top": (0.5, 0.25),
    "top right": (0.75, 0.25),
    "left": (0.25, 0.5),
    "center": (0.5, 0.5),
    "right": (0.75, 0.5),
    "bottom left": (0.25, 0.75),
    "bottom": (0.5, 0.75),
    "bottom right": (0.75, 0.75),
}
RELATIONS: dict[str, tuple[float, float]] = {  # direction of the first object seen from the second
    "left of": (-1.0, 0.0),
    "right of": (1.0, 0.0),
    "above": (0.0, -1.0),
    "below": (0.0, 1.0),
}
INVERSE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}

POSITION_WORDS: dict[str, tuple[str, ...]] = {
    "top left": ("in the top left", "in the top left corner", "at the top left"),
    "top": ("at the top", "near the top", "in the top middle"),
    "top right": ("in the top right", "in the top right corner", "at the top right"),
    "left": ("on the left", "at the left", "on the left side"),
    "center": ("in the center", "in the middle", "at the center"),
    "right": ("on the right", "at the right", "on the right side"),
    "bottom left": ("in the bottom left", "in the bottom left corner", "at the bottom left"),
    "bottom": ("at the bottom", "near the bottom", "in the bottom middle"),
    "bottom right": ("in the bottom right", "in the bottom right corner", "at the bottom right"),
}
RELATION_WORDS: dict[str, tuple[str, ...]] = {
    "left of": ("to the left of", "left of", "on the left of"),
    "right of": ("to the right of", "right of", "on the right of"),
    "above": ("above", "over", "on top of"),
    "below": ("below", "under", "beneath"),
}
BACKGROUND_WORDS = (
    "{subject} on {a_bg} background",
    "{subject} on {a_bg} background",
    "{subject} on {a_bg} background",
    "{subject} on {bg}",
    "{subject}, {bg} background",
    "{subject} against {a_bg} background",
    "{subject} in front of {a_bg} background",
    "{bg} background, {subject}",
    "{a_bg} background with {subject}",
)
OPENINGS = ("", "", "", "", "a picture of ", "a drawing of ", "an image of ", "a photo of ")


@dataclass(frozen=True)
class Thing:
    """One flat object: what it is, and where (shares of the side; radius in pixels)."""

    shape: str
    colour: str
    size: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Scene:
    """What a picture shows. One thing has a `position`; of two, the first has a `relation`."""

    background: str
    things: tuple[Thing, ...]
    position: str | None = None
    relation: str | None = None
    tint_seed: int = 0


def sample_scene(kind: str, rng: np.random.Generator) -> Scene:
    """A random scene of one `kind`: "centered", "positioned" or "pair"."""
    return _SAMPLERS[kind](rng)


def sample_scenes(kind: str, count: int, seed: int) -> list[Scene]:
    """`count` scenes; scene k depends on (`seed`, kind, k) only."""
    code = KINDS.index(kind)
    return [sample_scene(kind, np.random.default_rng([seed, code, k])) for k in range(count)]


def near_miss(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same scene with one attribute changed: what words must tell apart."""
    things = scene.things
    if scene.relation and rng.random() < 0.67:
        one, two = things
        if rng.random() < 0.5:  # the colours trade places, or the shapes do
            one, two = replace(one, colour=two.colour), replace(two, colour=one.colour)
        else:
            one, two = replace(one, shape=two.shape), replace(two, shape=one.shape)
        return replace(scene, things=(one, two))
    which = int(rng.integers(len(things)))
    others = [shape for shape in SHAPES if shape != things[which].shape]
    changed = replace(things[which], shape=_pick(rng, others))
    return replace(scene, things=(*things[:which], changed, *things[which + 1 :]))


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _tint(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _sample_centered(rng: np.random.Generator) -> Scene:
    background, colour = _two_colours(rng)
    size = "medium" if rng.random() < 0.5 else _pick(rng, ("small", "large"))
    x, y = 0.5 + rng.uniform(-0.015, 0.015, 2)
    thing = Thing(_pick(rng, SHAPES), colour, size, x, y, rng.uniform(*RADII[size]))
    return Scene(background, (thing,), "center", tint_seed=_tint(rng))


def _sample_positioned(rng: np.random.Generator) -> Scene:
    background, colour = _two_colours(rng)
    position = _pick(rng, tuple(POSITIONS))
    size = _pick(rng, ("small", "medium"))
    x, y = np.array(POSITIONS[position]) + rng.uniform(-0.015, 0.015, 2)
    thing = Thing(_pick(rng, SHAPES), colour, size, x, y, rng.uniform(*RADII[size]))
    return Scene(background, (thing,), position, tint_seed=_tint(rng))


def _sample_pair(rng: np.random.Generator) -> Scene:
    background, first, second = rng.permutation(list(COLOURS))[:3]
    relation = _pick(rng, tuple(RELATIONS))
    direction = np.array(RELATIONS[relation])
    size = _pick(rng, ("small", "medium"))
    things = []
    for colour, sign in ((first, 1.0), (second, -1.0)):
        x, y = 0.5 + sign * PAIR_DISTANCE * direction + rng.uniform(-0.015, 0.015, 2)
        radius = rng.uniform(*RADII[size])
        things.append(Thing(_pick(rng, SHAPES), str(colour), size, x, y, radius))
    return Scene(str(background), tuple(things), relation=relation, tint_seed=_tint(rng))


def _two_colours(rng: np.random.Generator) -> tuple[str, str]:
    background, colour = rng.permutation(list(COLOURS))[:2]
    return str(background), str(colour)


_SAMPLERS: dict[str, Callable[[np.random.Generator], Scene]] = {
    "centered": _sample_centered,
    "positioned": _sample_positioned,
    "pair": _sample_pair,
}
KINDS = tuple(_SAMPLERS)


# Drawing


def shape_mask(
    shape: str, x: float, y: float, radius: float, side: int = SIDE
) -> NDArray[np.float32]:
    """How much of every pixel the shape covers, 0..1, [side, side]; centre and radius in pixels."""
    mask: NDArray[np.float32] = np.zeros((side, side), np.float32)
    left, top = max(0, math.floor(x - radius) - 1), max(0, math.floor(y - radius) - 1)
    right = min(side, math.ceil(x + radius) + 1)
    bottom = min(side, math.ceil(y + radius) + 1)
    if right <= left or bottom <= top:
        return mask
    size = (right - left, bottom - top)
    canvas = PilImage.new("L", (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING))
    _paint(ImageDraw.Draw(canvas), shape, (x - left, y - top), radius)
    mask[top:bottom, left:right] = np.asarray(canvas.reduce(SUPERSAMPLING), np.float32) / 255
    return mask


def _paint(
    pen: ImageDraw.ImageDraw, shape: str, center: tuple[float, float], radius: float
) -> None:
    scale = SUPERSAMPLING
    cx, cy, r = center[0] * scale, center[1] * scale, radius * scale
    if shape in ("circle", "ring"):
        pen.ellipse(_box(cx, cy, 0.95 * r), fill=255)
        if shape == "ring":
            pen.ellipse(_box(cx, cy, 0.52 * r), fill=0)
        return
    pen.polygon([(cx + r * px, cy + r * py) for px, py in OUTLINES[shape]], fill=255)


def _box(x: float, y: float, r: float) -> tuple[float, float, float, float]:
    return (x - r, y - r, x + r, y + r)


def _star() -> list[tuple[float, float]]:
    angles = [math.pi * (k / 5 - 0.5) for k in range(10)]
    radii = [1.0 if k % 2 == 0 else 0.42 for k in range(10)]
    return [(r * math.cos(a), r * math.sin(a) + 0.05) for r, a in zip(radii, angles, strict=True)]


def _heart() -> list[tuple[float, float]]:
    turns = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    x = 16 * np.sin(turns) ** 3
    y = 13 * np.cos(turns) - 5 * np.cos(2 * turns) - 2 * np.cos(3 * turns) - np.cos(4 * turns)
    return [(float(px) / 17, float(-py - 2.5) / 15.5) for px, py in zip(x, y, strict=True)]


OUTLINES: dict[str, list[tuple[float, float]]] = {
    "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    "triangle": [(0.0, -0.92), (0.98, 0.82), (-0.98, 0.82)],
    "star": _star(),
    "heart": _heart(),
    "cross": [
        *[(-0.3, -0.95), (0.3, -0.95), (0.3, -0.3), (0.95, -0.3), (0.95, 0.3), (0.3, 0.3)],
        *[(0.3, 0.95), (-0.3, 0.95), (-0.3, 0.3), (-0.95, 0.3), (-0.95, -0.3), (-0.3, -0.3)],
    ],
    "diamond": [(0.0, -1.0), (0.72, 0.0), (0.0, 1.0), (-0.72, 0.0)],
}


def draw(scene: Scene, side: int = SIDE) -> NDArray[np.uint8]:
    """The scene as pixels, [side, side, 3]; every colour varies a little from scene to scene."""
    tints = np.random.default_rng(scene.tint_seed)
    picture: NDArray[np.float32] = np.empty((side, side, 3), np.float32)
    picture[:] = _jittered(scene.background, tints)
    scale = side / SIDE
    for thing in scene.things:
        mask = shape_mask(thing.shape, thing.x * side, thing.y * side, thing.radius * scale, side)
        picture += mask[:, :, None] * (_jittered(thing.colour, tints) - picture)
    return np.rint(picture).astype(np.uint8)


def _jittered(colour: str, rng: np.random.Generator) -> NDArray[np.float32]:
    return np.clip(np.array(COLOURS[colour]) + rng.normal(0, 4, 3), 0, 255).astype(np.float32)


# Captions


def caption(scene: Scene, rng: np.random.Generator, *, held_out: bool = False) -> str:
    """One of the scene's captions, drawn until it is held out from training or not, as asked.

    For training an attribute is sometimes left out; a held-out caption names them all.
    """
    while True:
        text = _phrase(scene, rng, complete=held_out)
        if is_held_out(text) == held_out:
            return text


def is_held_out(text: str) -> bool:
    """Whether this exact wording is kept from training: one in fifty, by its hash."""
    return hashlib.sha256(text.encode()).digest()[0] < 5


def article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def _phrase(scene: Scene, rng: np.random.Generator, complete: bool) -> str:
    subject = _pair_words(scene, rng) if scene.relation else _single_words(scene, rng, complete)
    text = subject
    if complete or rng.random() > 0.06:
        pattern = _pick(rng, BACKGROUND_WORDS)
        bg = scene.background
        text = pattern.format(subject=subject, bg=bg, a_bg=article(bg))
    unnatural = text.startswith((scene.background, "in the ", "at the ", "on the ", "near the "))
    return text if unnatural else _pick(rng, OPENINGS) + text


def _single_words(scene: Scene, rng: np.random.Generator, complete: bool) -> str:
    thing, position = scene.things[0], scene.position
    noun = _noun(thing, rng, drop_colour=not complete and rng.random() < 0.04)
    subject = noun if rng.random() < 0.15 else article(noun)
    if position and (rng.random() < 0.95 if position != "center" else rng.random() < 0.2):
        where = _pick(rng, POSITION_WORDS[position])
        return f"{where}, {subject}" if rng.random() < 0.1 else f"{subject} {where}"
    return subject


def _noun(thing: Thing, rng: np.random.Generator, drop_colour: bool = False) -> str:
    words = [thing.shape] if drop_colour else [thing.colour, thing.shape]
    named = 0.85 if thing.size != "medium" else 0.15
    return " ".join([thing.size, *words] if rng.random() < named else words)


def _pair_words(scene: Scene, rng: np.random.Generator) -> str:
    (first, second), relation = scene.things, scene.relation
    assert relation is not None
    if rng.random() < 0.5:
        first, second, relation = second, first, INVERSE[relation]
    one, two = (article(f"{thing.colour} {thing.shape}") for thing in (first, second))
    if relation in ("left of", "right of") and rng.random() < 0.2:
        sides = ("left", "right") if relation == "left of" else ("right", "left")
        return f"{one} on the {sides[0]} and {two} on the {sides[1]}"
    return f"{one} {_pick(rng, RELATION_WORDS[relation])} {two}"
