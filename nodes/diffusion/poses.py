"""Bodies as points, and drawn as ControlNets know them.

A body is OpenPose's 18 points (Cao et al. 2019, arXiv 1812.08008, COCO model): nose, neck, right
shoulder, elbow, wrist, left shoulder, elbow, wrist, right hip, knee, ankle, left hip, knee, ankle,
right eye, left eye, right ear, left ear; each (x, y, score) in pixels, score 0 where not seen.
A hand is a wrist and four points of each finger, thumb first; a face any number of points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

Point = tuple[float, float, float]

LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11)),
    *((11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
"""Which points of a body are joined, in the order of their colours."""
COLOURS = tuple(
    tuple(int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4))
    for digits in (
        *("ff0000", "ff5500", "ffaa00", "ffff00", "aaff00", "55ff00", "00ff00", "00ff55"),
        *("00ffaa", "00ffff", "00aaff", "0055ff", "0000ff", "5500ff", "aa00ff", "ff00ff"),
        *("ff00aa", "ff0055"),
    )
)
"""Of the points of a body, and of its limbs, which are drawn at 0.6 of it."""
FINGERS = tuple((0 if k % 4 == 1 else k - 1, k) for k in range(1, 21))
# Of each of OpenPose's points but the neck, the same point among COCO's 17.
_FROM_COCO = (0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)


@dataclass(frozen=True)
class Person:
    """A body of 18 points, and what was found of its hands and its face."""

    body: tuple[Point, ...]
    hands: tuple[tuple[Point, ...], ...] = ()
    face: tuple[Point, ...] = ()


class PoseError(ValueError):
    """A text is no pose in OpenPose's JSON."""


def from_coco(points: Sequence[Point]) -> tuple[Point, ...]:
    """OpenPose's 18 points of COCO's 17; the neck is between the shoulders, if both were seen."""
    left, right = points[5], points[6]
    neck = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2, min(left[2], right[2]))
    return tuple(neck if k is None else points[k] for k in _FROM_COCO)


def read_people(data: Any) -> tuple[list[Person], tuple[int, int] | None]:
    """The people of OpenPose's JSON, and the size of the canvas (width, height) if it tells one.

    Raises:
        PoseError: says what is wrong.
    """
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, dict) or not isinstance(data.get("people"), list):
        raise PoseError("it has no list called 'people'")
    people = []
    for k, person in enumerate(data["people"]):
        if not isinstance(person, dict):
            raise PoseError(f"person {k} is no object")
        body = _points(person.get("pose_keypoints_2d"), f"pose_keypoints_2d of person {k}")
        if len(body) not in (0, 18):
            raise PoseError(f"person {k} has {len(body)} points of a body; expected 18")
        names = ("hand_left_keypoints_2d", "hand_right_keypoints_2d")
        hands = [_points(person.get(name), f"{name} of person {k}") for name in names]
        if any(len(hand) not in (0, 21) for hand in hands):
            raise PoseError(f"a hand of person {k} has other than 21 points")
        face = _points(person.get("face_keypoints_2d"), f"face_keypoints_2d of person {k}")
        people.append(Person(body, tuple(hand for hand in hands if hand), face))
    width, height = data.get("canvas_width"), data.get("canvas_height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return people, (width, height)
    return people, None


def _points(values: Any, where: str) -> tuple[Point, ...]:
    if values is None:
        return ()
    numbers = isinstance(values, list) and all(
        isinstance(v, (int, float)) and math.isfinite(v) for v in values
    )
    if not numbers or len(values) % 3:
        raise PoseError(f"{where} is no list of x, y, score for each point")
    return tuple(zip(*(iter(map(float, values)),) * 3, strict=True))


def as_data(people: Sequence[Person], width: int, height: int) -> dict[str, Any]:
    """OpenPose's JSON of people on a canvas; a point that was not seen is 0, 0, 0."""

    def flat(points: Sequence[Point]) -> list[float]:
        return [
            round(v, 3) for x, y, score in points for v in ((x, y, score) if score else (0,) * 3)
        ]

    return {
        "people": [{"pose_keypoints_2d": flat(person.body)} for person in people],
        "canvas_width": width,
        "canvas_height": height,
    }


def scaled(
    people: Sequence[Person], canvas: tuple[int, int], target: tuple[int, int]
) -> list[Person]:
    """People moved from one canvas (width, height) to another.

    Where no point lies beyond 1, places are shares of the canvas, as some programs write them.
    """
    every = [p for person in people for part in _parts(person) for p in part if p[2] > 0]
    shares = bool(every) and max(max(x, y) for x, y, _ in every) <= 1
    base = (1, 1) if shares else canvas
    across, down = target[0] / base[0], target[1] / base[1]

    def moved(points: Sequence[Point]) -> tuple[Point, ...]:
        return tuple((x * across, y * down, score) for x, y, score in points)

    return [Person(moved(p.body), tuple(map(moved, p.hands)), moved(p.face)) for p in people]


def _parts(person: Person) -> tuple[tuple[Point, ...], ...]:
    return (person.body, *person.hands, person.face)


def drawn(people: Sequence[Person], width: int, height: int, stick: float) -> torch.Tensor:
    """People as coloured skeletons on black, [1, height, width, 3].

    A limb is an ellipse of `stick` pixels to each side at 0.6 of its colour; over it each point is
    a disc of that radius in full. Fingers are thin lines through all hues, faces white dots. What
    is drawn later lies above; edges are a pixel soft.
    """
    sheet = torch.zeros(height, width, 3)
    for person in people:
        for limb, colour in zip(LIMBS, COLOURS, strict=False):
            if person.body and all(person.body[k][2] > 0 for k in limb):
                ends = person.body[limb[0]], person.body[limb[1]]
                _lay(sheet, _ellipse(sheet, *ends, stick), [0.6 * c for c in colour])
    for person in people:
        for point, colour in zip(person.body, COLOURS, strict=False):
            if point[2] > 0:
                _lay(sheet, _disc(sheet, point, stick), colour)
        for hand in person.hands:
            _draw_hand(sheet, hand, stick)
        for point in person.face:
            if point[2] > 0:
                _lay(sheet, _disc(sheet, point, max(1.0, 0.75 * stick)), (1.0, 1.0, 1.0))
    return sheet.unsqueeze(0)


def _draw_hand(sheet: torch.Tensor, hand: Sequence[Point], stick: float) -> None:
    from colorsys import hsv_to_rgb

    for k, (start, end) in enumerate(FINGERS):
        if hand[start][2] > 0 and hand[end][2] > 0:
            shape = _ellipse(sheet, hand[start], hand[end], max(1.0, stick / 2), even=True)
            _lay(sheet, shape, hsv_to_rgb(k / len(FINGERS), 1.0, 1.0))
    for point in hand:
        if point[2] > 0:
            _lay(sheet, _disc(sheet, point, stick), (0.0, 0.0, 1.0))


def _lay(sheet: torch.Tensor, share: torch.Tensor, colour: Sequence[float]) -> None:
    """Paint on the sheet (ours alone, and not yet given to anybody) where `share` says."""
    sheet.lerp_(torch.tensor(colour, dtype=sheet.dtype).expand_as(sheet), share.unsqueeze(-1))


def _disc(sheet: torch.Tensor, point: Point, radius: float) -> torch.Tensor:
    x, y = _places(sheet)
    return (radius + 0.5 - torch.hypot(x - point[0], y - point[1])).clamp(0, 1)


def _ellipse(
    sheet: torch.Tensor, start: Point, end: Point, half: float, even: bool = False
) -> torch.Tensor:
    """An ellipse from point to point, `half` wide to each side; `even` makes it a thick line."""
    x, y = _places(sheet)
    length = max(math.hypot(end[0] - start[0], end[1] - start[1]), 1e-3)
    cos, sin = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    across, down = x - (start[0] + end[0]) / 2, y - (start[1] + end[1]) / 2
    along, beside = cos * across + sin * down, cos * down - sin * across
    if even:
        beyond = (along.abs() - length / 2).clamp(min=0)
        return (half + 0.5 - torch.hypot(beyond, beside)).clamp(0, 1)
    # Coverage by the distance to first order, as in `masks.ellipse`.
    radii = max(length / 2, half / 2), half
    k0 = torch.hypot(along / radii[0], beside / radii[1])
    k1 = torch.hypot(along / radii[0] ** 2, beside / radii[1] ** 2)
    return (0.5 - k0 * (k0 - 1) / k1.clamp(min=1e-12)).clamp(0, 1)


def _places(sheet: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    height, width, _ = sheet.shape
    return torch.arange(width) + 0.5, (torch.arange(height) + 0.5)[:, None]
