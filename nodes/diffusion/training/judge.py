"""An automatic judge of pictures: what is on them, measured by classical means, without a network.

`measure` looks at a picture without knowing what was asked: the background is the colour of the
border, objects are connected regions of another colour, a shape is the template that the region
overlaps best. `judge` then compares with the scene that was asked for.
"""

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nodes.diffusion.training.scenes import COLOURS, POSITIONS, SHAPES, Scene, Thing, shape_mask

Mask: TypeAlias = NDArray[np.bool_]
GRID = 32  # regions are compared with templates on this many cells a side
FAR = 40.0  # RGB distance from the background at which something is there
SMALLEST = 150  # pixels of an object
SURE = 0.72  # overlap under which a region is no known shape


@dataclass(frozen=True)
class Seen:
    """One object as measured; `x` and `y` are the middle of its box, as shares of the side."""

    colour: str
    shape: str | None
    x: float
    y: float
    area: int


@dataclass(frozen=True)
class Measured:
    """A picture as measured, largest object first."""

    background: str
    objects: tuple[Seen, ...]


@dataclass(frozen=True)
class Verdict:
    """What of the scene asked for is on the picture. `place` is the position, or the relation."""

    background: bool
    colour: bool
    shape: bool
    place: bool
    count: bool

    @property
    def simple(self) -> bool:
        """Background, colour and shape are all right."""
        return self.background and self.colour and self.shape

    @property
    def everything(self) -> bool:
        return self.simple and self.place and self.count


def judge(picture: NDArray[np.uint8], scene: Scene) -> Verdict:
    """Compare a picture [H, W, 3] with the scene that its prompt describes."""
    seen = measure(picture)
    background = seen.background == scene.background
    count = len(seen.objects) == len(scene.things)
    if scene.relation:
        return _judge_pair(seen, scene, background, count)
    if not seen.objects:
        return Verdict(background, False, False, False, False)
    thing, main = scene.things[0], seen.objects[0]
    place = nearest_position(main) == scene.position
    return Verdict(background, main.colour == thing.colour, main.shape == thing.shape, place, count)


def _judge_pair(seen: Measured, scene: Scene, background: bool, count: bool) -> Verdict:
    """Colours: both are there. Shapes: each colour has its shape. Place: the relation holds."""
    found = [_of_colour(seen, thing) for thing in scene.things]
    colour = all(found)
    shape = all(s and s.shape == t.shape for s, t in zip(found, scene.things, strict=True))
    first, second = found
    place = bool(first and second) and relation_of(first, second) == scene.relation
    return Verdict(background, colour, shape, place, count)


def _of_colour(seen: Measured, thing: Thing) -> Seen | None:
    return next((item for item in seen.objects if item.colour == thing.colour), None)


def nearest_position(item: Seen) -> str:
    """Which of the nine positions the object is nearest to."""
    return min(POSITIONS, key=lambda name: _distance((item.x, item.y), POSITIONS[name]))


def relation_of(first: Seen | None, second: Seen | None) -> str | None:
    """Where the first object lies, seen from the second, along the axis that parts them most."""
    if first is None or second is None:
        return None
    across, down = first.x - second.x, first.y - second.y
    if abs(across) > abs(down):
        return "left of" if across < 0 else "right of"
    return "above" if down < 0 else "below"


def _distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(np.hypot(a[0] - b[0], a[1] - b[1]))


def measure(picture: NDArray[np.uint8]) -> Measured:
    """Background and objects of a picture [H, W, 3]."""
    pixels = picture.astype(np.float32)
    border = np.concatenate([pixels[:3].reshape(-1, 3), pixels[-3:].reshape(-1, 3)])
    border = np.concatenate([border, pixels[:, :3].reshape(-1, 3), pixels[:, -3:].reshape(-1, 3)])
    background = np.median(border, axis=0)
    foreground = np.linalg.norm(pixels - background, axis=-1) > FAR
    regions = [part for region in components(foreground) for part in _by_colour(pixels, region)]
    objects = [_seen(pixels, background, region) for region in regions]
    kept = [item for item in objects if item.area >= SMALLEST]
    ordered = sorted(kept, key=lambda item: item.area, reverse=True)
    return Measured(colour_name(background), tuple(ordered))


def colour_name(rgb: NDArray[np.floating]) -> str:
    """The nearest colour of the palette."""
    names = list(COLOURS)
    table = np.array([COLOURS[name] for name in names], np.float32)
    return names[int(np.linalg.norm(table - rgb, axis=1).argmin())]


def components(mask: Mask) -> list[Mask]:
    """Connected regions (4 neighbours) of at least `SMALLEST` pixels."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:  # every pixel takes the largest label around it until nothing changes
        grown = labels.copy()
        for axis in (0, 1):
            grown = np.maximum(grown, _shifted(grown, 1, axis))
            grown = np.maximum(grown, _shifted(grown, -1, axis))
        grown[~mask] = 0
        if (grown == labels).all():
            break
        labels = grown
    names, counts = np.unique(labels[mask], return_counts=True)
    return [labels == name for name, count in zip(names, counts, strict=True) if count >= SMALLEST]


def _shifted(values: NDArray[np.int64], by: int, axis: int) -> NDArray[np.int64]:
    """Moved by one pixel, zeros moved in."""
    moved = np.roll(values, by, axis)
    edge = [slice(None), slice(None)]
    edge[axis] = slice(0, 1) if by > 0 else slice(-1, None)
    moved[tuple(edge)] = 0
    return moved


def eroded(mask: Mask) -> Mask:
    """Without its outermost pixels: what is left has no colours mixed by antialiasing."""
    inner = mask.copy()
    for axis in (0, 1):
        for by in (1, -1):
            inner &= _shifted(mask.astype(np.int64), by, axis) > 0
    return inner


def _by_colour(pixels: NDArray[np.float32], region: Mask) -> list[Mask]:
    """A region of two objects that touch falls apart by their colours; another stays whole."""
    inside = eroded(region)
    table = np.array(list(COLOURS.values()), np.float32)
    colours = np.linalg.norm(pixels[inside][:, None] - table, axis=-1).argmin(1)
    names, counts = np.unique(colours, return_counts=True)
    large = names[counts >= max(SMALLEST, 0.2 * len(colours))] if len(colours) else names
    if len(large) < 2:
        return [region]
    nearest = np.linalg.norm(pixels[:, :, None] - table[large], axis=-1).argmin(-1)
    parts = [components(region & (nearest == k)) for k in range(len(large))]
    return [part for found in parts for part in found]


def _seen(pixels: NDArray[np.float32], background: NDArray[np.float32], region: Mask) -> Seen:
    """Colour from the inside; the outline where the colour is half way to the background."""
    inside = eroded(region)
    colour = np.median(pixels[inside if inside.any() else region], axis=0)
    way = colour - background
    share = ((pixels - background) @ way) / (way @ way)
    mask = region & (share > 0.5)
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    if len(rows) == 0:
        return Seen(colour_name(colour), None, 0.5, 0.5, 0)
    side = pixels.shape[0]
    x, y = (columns[0] + columns[-1] + 1) / 2 / side, (rows[0] + rows[-1] + 1) / 2 / side
    return Seen(colour_name(colour), shape_name(mask), float(x), float(y), int(mask.sum()))


def on_grid(mask: Mask) -> Mask:
    """The mask's bounding box, sampled on `GRID` x `GRID` cells."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    steps = (np.arange(GRID) + 0.5) / GRID
    at_row = (rows[0] + steps * (rows[-1] + 1 - rows[0])).astype(int)
    at_column = (columns[0] + steps * (columns[-1] + 1 - columns[0])).astype(int)
    return mask[np.ix_(at_row, at_column)]


@cache
def templates() -> dict[str, Mask]:
    """Every shape, large and on the same grid."""
    return {name: on_grid(shape_mask(name, 64, 64, 50) > 0.5) for name in SHAPES}


def shape_name(mask: Mask) -> str | None:
    """The template of the largest overlap (intersection over union), None if all are poor."""
    cells = on_grid(mask)
    overlaps = {
        name: (cells & shape).sum() / (cells | shape).sum() for name, shape in templates().items()
    }
    best = max(overlaps, key=lambda name: overlaps[name])
    return best if overlaps[best] >= SURE else None
