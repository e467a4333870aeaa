"""Drawn scenes in other ways: what is painted where, and where edges are found."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nodes.diffusion.training import styles
from nodes.diffusion.training.scenes import COLOURS, SHAPES, SIDE, Thing, sample_scenes, shape_mask


def thing(shape: str, radius: float = 36.0) -> Thing:
    return Thing(shape, "red", "large", 0.5, 0.5, radius)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_outline_lies_inside_its_shape_and_is_hollow(shape: str) -> None:
    whole = shape_mask(shape, 64, 64, 36)
    line = styles.outline_mask(thing(shape))
    assert (line <= whole + 1e-6).all()
    assert line[64, 64] == 0
    if shape == "ring":
        np.testing.assert_array_equal(line, whole)
    else:
        assert 0.2 < line.sum() / whole.sum() < 0.85


def test_a_circles_line_is_as_wide_as_it_says() -> None:
    line = styles.outline_mask(thing("circle"))
    assert line[64, 64:].sum() == pytest.approx(styles.LINE * 36, abs=0.5)


def test_enlarged_things_stay_in_the_picture() -> None:
    for scene in sample_scenes("positioned", 40, 1):
        grown = styles.enlarged(scene.things[0])
        reach = np.array([grown.x, grown.y, 1 - grown.x, 1 - grown.y]) * SIDE
        assert (reach > grown.radius).all()
        assert grown.radius > scene.things[0].radius


@pytest.mark.parametrize("shape", SHAPES)
def test_a_free_thing_that_is_not_turned_is_the_thing(shape: str) -> None:
    plain = thing(shape)
    free = styles.FreeThing(**{f: getattr(plain, f) for f in Thing.__dataclass_fields__})
    ours, whole = styles.free_mask(free) > 0.5, shape_mask(shape, 64, 64, 36) > 0.5
    assert (ours & whole).sum() / (ours | whole).sum() > 0.96  # circles are polygons, rings thinner


def test_a_turned_thing_is_turned() -> None:
    free = styles.FreeThing(
        "cross", "red", "medium", 0.5, 0.5, 36.0, angle=math.pi / 2, stretch=0.7
    )
    upright = replace(free, angle=0.0)
    turned = np.rot90(styles.free_mask(upright))
    assert np.abs(turned - styles.free_mask(free)).mean() < 0.03


def test_freed_scenes_depend_on_the_scene_alone_and_stay_in_the_picture() -> None:
    for scene in sample_scenes("centered", 40, 2):
        free = styles.freed(scene)
        assert free == styles.freed(scene)
        assert free.position is None
        alone = free.things[0]
        reach = np.array([alone.x, alone.y, 1 - alone.x, 1 - alone.y]) * SIDE
        assert reach.min() >= alone.radius - 1e-6
        assert styles.free_mask(alone).sum() > 100


def test_edges_of_a_circle_lie_on_it() -> None:
    picture = np.full((SIDE, SIDE, 3), COLOURS["blue"], np.uint8)
    inside = shape_mask("circle", 64, 64, 40) > 0.5
    picture[inside] = COLOURS["red"]
    rows, columns, _ = np.nonzero(styles.edge_map(picture))
    distance = np.hypot(rows + 0.5 - 64, columns + 0.5 - 64)
    assert np.abs(distance - 0.95 * 40).max() < 1.5  # pixels
    around = 2 * math.pi * 0.95 * 40
    assert 0.8 * around < len(rows) < 1.3 * around  # one line, one pixel thin
    angles = np.sort(np.arctan2(rows + 0.5 - 64, columns + 0.5 - 64))
    assert np.diff(angles).max() < math.radians(6)  # without gaps


@pytest.mark.parametrize("axis", [0, 1])
def test_an_edge_is_one_line_where_the_colour_changes(axis: int) -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[(slice(None),) * axis + (slice(20, None),)] = 200
    lines = styles.edge_map(picture)[..., 0]
    found = np.nonzero(lines.any(axis=1 - axis))[0]
    assert found.tolist() in ([19], [20])
    assert (np.take(lines, found[0], axis) == 255).all()


def test_a_flat_picture_has_no_edges() -> None:
    assert not styles.edge_map(np.full((32, 32, 3), 90, np.uint8)).any()


def test_named_scenes_set_off_both_things() -> None:
    scenes = styles.named_scenes(("triangle", "red"), ("square", "white"), 20, 0)
    assert {scene.background for scene in scenes} == set(COLOURS) - {"red", "white"}
    assert all(scene.things[0].y < scene.things[1].y for scene in scenes)
    assert scenes == styles.named_scenes(("triangle", "red"), ("square", "white"), 20, 0)
