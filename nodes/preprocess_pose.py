"""People as skeletons for ControlNets: found, and drawn from JSON. Imports no torch."""

from __future__ import annotations

import difflib
import json
import re
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider, Text, TextArea
from nodes.types import DetectionModel, Image, PoseModel

Side = Annotated[int, Number(0, 16384, unit="px")]
_BOX = re.compile(r"\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)\s*")


@node("preprocess_pose.draw")
def draw(
    pose: Annotated[str, TextArea()],
    width: Side = 0,
    height: Side = 0,
    stick: Annotated[float, Slider(1, 32, step=0.5, unit="px")] = 4.0,
) -> Image:
    """Draw people from OpenPose's JSON as coloured skeletons on black, [1, height, width, 3].

    `pose` is `{"people": [{"pose_keypoints_2d": [x, y, score, …]}], "canvas_width": …}` with 18
    points a body, as pose editors and `preprocess_pose.estimate` write it; hands of 21 points and
    faces are drawn where they are told. Points are in pixels of the canvas, or all in 0..1. A size
    of 0 is the canvas's own; another one scales the people with it. Colours as OpenPose ControlNets
    know them. Cao et al. 2019, arXiv 1812.08008.
    """
    from nodes.diffusion import poses

    try:
        people, canvas = poses.read_people(json.loads(pose))
    except (ValueError, RecursionError) as error:
        raise InputError("pose", f"{pose[:60]!r}: {error}", "OpenPose's JSON") from error
    if canvas is None and not (width and height):
        hint = "give width and height, or canvas_width and canvas_height in the JSON"
        raise InputError("width", f"{width} x {height}", "a size", hint)
    canvas = canvas or (width, height)
    target = width or canvas[0], height or canvas[1]
    people = poses.scaled(people, canvas, target)
    return Image(poses.drawn(people, *target, stick))


@node("preprocess_pose.people", output="boxes")
def people(
    image: Image,
    detection_model: DetectionModel,
    label: str = "person",
    threshold: Annotated[float, Slider(0, 1, step=0.01)] = 0.5,
    most: Annotated[int, Number(1, 1000)] = 20,
) -> str:
    """Find where people are, the surest first, as the `boxes` of `preprocess_pose.estimate`.

    `left,top,width,height` in pixels, parted by semicolons; "" where nobody is, which that node
    takes for the whole picture. `label` is the class as the network names it. One picture.
    """
    from nodes.diffusion import perception

    _check_one(image)
    names = [name.lower() for name in detection_model.labels]
    if label.lower() not in names:
        near = difflib.get_close_matches(label.lower(), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"among them: {', '.join(names[:12])}"
        raise InputError("label", repr(label), f"one of the network's {len(names)} classes", hint)
    number = names.index(label.lower())
    found = perception.boxes(detection_model, image.pixels, number, threshold)
    return "; ".join(",".join(f"{v:.1f}" for v in box) for box in found[:most])


@node("preprocess_pose.estimate", output="pose")
def estimate(
    image: Image,
    pose_model: PoseModel,
    boxes: Annotated[str, Text(placeholder="left,top,width,height; …")] = "",
    threshold: Annotated[float, Slider(0, 1, step=0.01)] = 0.3,
) -> str:
    """Find the joints of people, as OpenPose's JSON for `preprocess_pose.draw`; one picture.

    `boxes` tells where people are, as `preprocess_pose.people` finds them; without one, the whole
    picture is taken for one person. Points below `threshold` count as not seen. The neck, which
    COCO does not know, is put between the shoulders.
    """
    from nodes.diffusion import perception, poses

    _check_one(image)
    _, height, width, _ = image.pixels.shape
    places = _boxes(boxes) if boxes.strip() else [(0.0, 0.0, float(width), float(height))]
    people = []
    for points in perception.points(pose_model, image.pixels, places):
        seen = [(x, y, score if score >= threshold else 0.0) for x, y, score in points]
        people.append(poses.Person(poses.from_coco(seen)))
    return json.dumps(poses.as_data(people, width, height))


def _check_one(image: Image) -> None:
    if image.pixels.shape[0] != 1:
        got = f"{image.pixels.shape[0]} pictures"
        raise InputError("image", got, "one", "map over image.split, or take one by image.pick")


def _boxes(text: str) -> list[tuple[float, ...]]:
    found = [_BOX.fullmatch(part) for part in text.split(";") if part.strip()]
    try:
        boxes = [tuple(map(float, box.groups())) for box in found if box]
    except ValueError:
        boxes = []
    if len(boxes) < len(found) or any(box[2] <= 0 or box[3] <= 0 for box in boxes):
        raise InputError("boxes", repr(text), "left,top,width,height of each person")
    return boxes
