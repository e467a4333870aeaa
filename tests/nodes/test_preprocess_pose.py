"""People as points: JSON there and back, drawings, and a tiny ViTPose against transformers."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as Pillow

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import load_preprocess
from nodes import preprocess_pose as nodes
from nodes.diffusion.poses import COLOURS, LIMBS
from nodes.types import DetectionModel, Image, PoseModel

# A person who stands with arms spread, in a canvas of 64 x 96.
STANDING = [
    *((32, 12), (32, 24), (22, 24), (14, 34), (8, 44), (42, 24), (50, 34), (56, 44), (26, 52)),
    *((24, 68), (24, 86), (38, 52), (40, 68), (40, 86), (29, 9), (35, 9), (26, 11), (38, 11)),
]


def pose(points: list[Any], **more: Any) -> str:
    flat = [float(v) for x, y, *s in points for v in (x, y, s[0] if s else 1)]
    return json.dumps({"people": [{"pose_keypoints_2d": flat, **more}], **CANVAS})


CANVAS = {"canvas_width": 64, "canvas_height": 96}


def at(image: Image, x: float, y: float) -> torch.Tensor:
    return image.pixels[0, int(y), int(x)]


def test_draw_shows_each_point_in_its_colour() -> None:
    out = nodes.draw(pose(STANDING), stick=1.5)
    assert out.pixels.shape == (1, 96, 64, 3)
    assert at(out, 2, 2).max() == 0
    for k, (x, y) in enumerate(STANDING):
        torch.testing.assert_close(at(out, x, y), torch.tensor(COLOURS[k]))


def test_draw_joins_points_by_darker_limbs() -> None:
    out = nodes.draw(pose(STANDING), stick=1.5)
    for limb in (2, 6, 7, 8):  # an upper arm, the trunk, a thigh, a shin: nothing else lies there
        (x0, y0), (x1, y1) = (STANDING[k] for k in LIMBS[limb])
        middle = at(out, (x0 + x1) / 2, (y0 + y1) / 2)
        torch.testing.assert_close(middle, 0.6 * torch.tensor(COLOURS[limb]), rtol=0, atol=0.02)


def test_draw_leaves_out_what_was_not_seen() -> None:
    hidden = [(*p, 0 if k in (3, 4) else 1) for k, p in enumerate(STANDING)]
    out = nodes.draw(pose(hidden), stick=1.5)
    assert at(out, *STANDING[3]).max() == 0
    assert at(out, *STANDING[4]).max() == 0
    assert at(out, *STANDING[2]).max() == 1
    nobody = json.dumps({"people": [], **CANVAS})
    assert nodes.draw(nobody).pixels.max() == 0


def test_draw_scales_to_the_size_and_reads_shares() -> None:
    large = nodes.draw(pose(STANDING), 128, 192, stick=2.0)
    for k, (x, y) in enumerate(STANDING):
        torch.testing.assert_close(at(large, 2 * x, 2 * y), torch.tensor(COLOURS[k]))
    shares = nodes.draw(pose([(x / 64, y / 96) for x, y in STANDING]), 128, 192, stick=2.0)
    torch.testing.assert_close(shares.pixels, large.pixels, rtol=0, atol=1e-3)


def test_draw_shows_hands_and_faces() -> None:
    hand = [v for k in range(21) for v in (10.0 + 2 * (k % 5), 60.0 + 2 * (k // 5), 1.0)]
    face = [50.0, 60.0, 1.0, 54.0, 60.0, 1.0]
    out = nodes.draw(pose(STANDING, hand_left_keypoints_2d=hand, face_keypoints_2d=face), stick=1.0)
    blue, white = torch.tensor([0.0, 0, 1]), torch.ones(3)
    # A place on the corner of four pixels: each of them is a little beyond a disc of one pixel.
    torch.testing.assert_close(at(out, 10, 60), blue, rtol=0, atol=0.3)
    torch.testing.assert_close(at(out, 50, 60), white, rtol=0, atol=0.3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "OpenPose's JSON"),
        ("{}", "no list called 'people'"),
        ('{"people": [3]}', "person 0 is no object"),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "no list of x, y, score"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, "3"]}]}', "no list of x, y, score"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 1]}]}', "1 points of a body; expected 18"),
        ('{"people": [{"hand_left_keypoints_2d": [1, 2, 1]}]}', "other than 21 points"),
        ('{"people": []}', "give width and height"),
    ],
)
def test_draw_refuses_what_is_no_pose(text: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        nodes.draw(text)


@pytest.fixture(scope="module")
def model(networks_folder: Path) -> PoseModel:
    path = networks_folder / "preprocessors" / "pose"
    return load_preprocess.pose(str(path), ctx=RunContext())


@pytest.fixture(scope="module")
def detector(networks_folder: Path) -> DetectionModel:
    path = networks_folder / "preprocessors" / "detection"
    return load_preprocess.detection(str(path), ctx=RunContext())


def noise() -> Image:
    return Image(torch.rand(1, 80, 60, 3, generator=torch.Generator().manual_seed(0)))


def body(text: str, person: int = 0) -> list[list[float]]:
    flat = json.loads(text)["people"][person]["pose_keypoints_2d"]
    return [flat[k : k + 3] for k in range(0, len(flat), 3)]


@pytest.mark.parametrize("label", ["person", "Dog"])
def test_people_equals_transformers(detector: DetectionModel, label: str) -> None:
    picture = Pillow.fromarray((noise().pixels[0] * 255).round().byte().numpy())
    inputs = detector.processor(images=picture, return_tensors="pt")
    with torch.no_grad():
        found = detector.network(**inputs)
    [told] = detector.processor.post_process_object_detection(found, 0.0, [(80, 60)])
    number = ("person", "dog").index(label.lower())
    mine = [k for k, found in enumerate(told["labels"].tolist()) if found == number]
    mine.sort(key=lambda k: -float(told["scores"][k]))
    text = nodes.people(noise(), detector, label, 0.0)
    boxes = [list(map(float, box.split(","))) for box in text.split(";") if box]
    assert len(boxes) == len(mine)
    for box, k in zip(boxes, mine, strict=True):
        x0, y0, x1, y1 = told["boxes"][k].tolist()
        x0, y0, x1, y1 = max(0, x0), max(0, y0), min(60, x1), min(80, y1)
        assert box == pytest.approx([x0, y0, x1 - x0, y1 - y0], abs=0.06)
    assert nodes.people(noise(), detector, label, 0.0, most=1) == text.split(";")[0]
    assert nodes.people(noise(), detector, label, 1.0) == ""


def test_people_of_an_unknown_kind_names_the_nearest(detector: DetectionModel) -> None:
    with pytest.raises(InputError, match=r"2 classes.*did you mean 'person'"):
        nodes.people(noise(), detector, "persons")


def test_people_are_what_estimate_takes(detector: DetectionModel, model: PoseModel) -> None:
    boxes = nodes.people(noise(), detector, "person", 0.0) or nodes.people(
        noise(), detector, "dog", 0.0
    )
    found = json.loads(nodes.estimate(noise(), model, boxes))
    assert len(found["people"]) == boxes.count(";") + 1


def test_estimate_equals_transformers(model: PoseModel) -> None:
    boxes = [[0.0, 0.0, 60.0, 80.0], [5.0, 10.0, 30.0, 50.0]]
    text = nodes.estimate(noise(), model, "0,0,60,80; 5,10,30,50", 0.0)
    picture = Pillow.fromarray((noise().pixels[0] * 255).round().byte().numpy())
    inputs = model.processor(picture, boxes=[boxes], return_tensors="pt")
    with torch.no_grad():
        found = model.network(**inputs)
    [people] = model.processor.post_process_pose_estimation(found, boxes=[boxes])
    coco = {0: 0, 5: 5, 2: 6, 3: 8, 4: 10, 8: 12, 13: 15, 14: 2, 15: 1, 16: 4, 17: 3}
    for k, person in enumerate(people):
        points = body(text, k)
        assert len(points) == 18
        for ours, theirs in coco.items():
            expected = [*person["keypoints"][theirs].tolist(), float(person["scores"][theirs])]
            assert points[ours] == pytest.approx(expected if expected[2] > 0 else [0] * 3, abs=2e-3)


def test_estimate_takes_the_whole_picture_for_one_person(model: PoseModel) -> None:
    whole = nodes.estimate(noise(), model, "", 0.0)
    assert whole == nodes.estimate(noise(), model, "0,0,60,80", 0.0)
    found = json.loads(whole)
    assert (found["canvas_width"], found["canvas_height"]) == (60, 80)
    neck, right, left = (body(whole)[k] for k in (1, 2, 5))
    if neck[2] > 0:
        assert neck[0] == pytest.approx((right[0] + left[0]) / 2, abs=2e-3)
    assert nodes.draw(whole).pixels.shape == (1, 80, 60, 3)


def test_estimate_leaves_out_what_is_unsure(model: PoseModel) -> None:
    assert not any(map(any, body(nodes.estimate(noise(), model, "", 1.0))))


@pytest.mark.parametrize("boxes", ["1,2,3", "a", "0,0,0,5", "1.2.3,4,5,6"])
def test_estimate_refuses_what_is_no_box(model: PoseModel, boxes: str) -> None:
    with pytest.raises(InputError, match="left,top,width,height of each person"):
        nodes.estimate(noise(), model, boxes)
    with pytest.raises(InputError, match="got 2 pictures, expected one"):
        nodes.estimate(Image(torch.zeros(2, 8, 8, 3)), model)
