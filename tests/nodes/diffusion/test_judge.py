"""The judge is itself judged, on drawn pictures of which everything is known."""

from dataclasses import replace

import numpy as np
import pytest

from nodes.diffusion.training.judge import components, judge, measure, shape_name
from nodes.diffusion.training.scenes import (
    COLOURS,
    INVERSE,
    KINDS,
    SHAPES,
    Scene,
    Thing,
    draw,
    sample_scenes,
    shape_mask,
)


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_yes_to_drawn_pictures(kind: str) -> None:
    scenes = sample_scenes(kind, 120, seed=71)
    right = [judge(draw(scene), scene).everything for scene in scenes]
    assert np.mean(right) >= 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_it_stands_some_noise_and_blur(kind: str) -> None:
    rng = np.random.default_rng(5)
    right = []
    for scene in sample_scenes(kind, 40, seed=72):
        picture = draw(scene).astype(np.float64)
        blurred = sum(np.roll(picture, (dy, dx), (0, 1)) for dy in (0, 1) for dx in (0, 1)) / 4
        noisy = np.clip(blurred + rng.normal(0, 5, picture.shape), 0, 255).astype(np.uint8)
        right.append(judge(noisy, scene).everything)
    assert np.mean(right) >= 0.95


def test_it_says_no_to_each_wrong_attribute() -> None:
    for scene in sample_scenes("positioned", 60, seed=73):
        picture, thing = draw(scene), scene.things[0]
        colour = next(c for c in COLOURS if c not in (thing.colour, scene.background))
        shape = next(s for s in SHAPES if s != thing.shape)
        position = "top" if scene.position != "top" else "bottom left"
        assert not judge(picture, replace(scene, background=colour)).background
        assert not judge(picture, replace(scene, things=(replace(thing, colour=colour),))).colour
        assert not judge(picture, replace(scene, things=(replace(thing, shape=shape),))).shape
        assert not judge(picture, replace(scene, position=position)).place


def test_it_says_no_to_wrong_pairs() -> None:
    for scene in sample_scenes("pair", 60, seed=74):
        picture, (one, two) = draw(scene), scene.things
        assert scene.relation is not None
        assert not judge(picture, replace(scene, relation=INVERSE[scene.relation])).place
        swapped = replace(
            scene, things=(replace(one, colour=two.colour), replace(two, colour=one.colour))
        )
        assert not judge(picture, swapped).place
        other = next(s for s in SHAPES if s not in (one.shape, two.shape))
        assert not judge(picture, replace(scene, things=(replace(one, shape=other), two))).shape
        lone = replace(scene, things=(one,))
        verdict = judge(draw(lone), scene)
        assert not verdict.colour
        assert not verdict.count


def test_an_empty_picture_shows_nothing() -> None:
    scene = sample_scenes("centered", 1, seed=75)[0]
    verdict = judge(draw(replace(scene, things=())), scene)
    assert verdict.background
    assert not any((verdict.colour, verdict.shape, verdict.place, verdict.count))


def test_noise_is_no_object_asked_for() -> None:
    rng = np.random.default_rng(6)
    scenes = sample_scenes("centered", 20, seed=76)
    pictures = rng.integers(0, 256, (20, 128, 128, 3)).astype(np.uint8)
    assert not any(judge(p, s).simple for p, s in zip(pictures, scenes, strict=True))


def test_the_same_shape_in_two_widths_has_one_name() -> None:
    for name in SHAPES:
        tall = shape_mask(name, 64, 64, 40) > 0.5
        assert shape_name(tall) == name
        assert shape_name(tall[::2]) == name  # squeezed to half its height


def test_objects_that_touch_are_told_apart_by_colour() -> None:
    things = (
        Thing("square", "red", "medium", 0.3, 0.5, 26),
        Thing("square", "blue", "medium", 0.3 + 44.2 / 128, 0.5, 26),
    )
    seen = measure(draw(Scene("white", things, relation="left of")))
    assert {(item.colour, item.shape) for item in seen.objects} == {
        ("red", "square"),
        ("blue", "square"),
    }


def test_components_are_apart_until_a_bridge_joins_them() -> None:
    mask = np.zeros((40, 40), bool)
    mask[2:14, 2:18] = True
    mask[20:36, 20:36] = True
    assert sorted(int(part.sum()) for part in components(mask)) == [192, 256]
    mask[13:21, 17:21] = True
    assert len(components(mask)) == 1
