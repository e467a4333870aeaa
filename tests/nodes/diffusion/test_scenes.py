"""Drawn scenes: their pixels, their captions, and what is kept from training."""

import numpy as np
import pytest

from nodes.diffusion.training.scenes import (
    BACKGROUND_WORDS,
    COLOURS,
    INVERSE,
    KINDS,
    RELATION_WORDS,
    SHAPES,
    Scene,
    Thing,
    caption,
    draw,
    is_held_out,
    near_miss,
    sample_scenes,
    shape_mask,
)


@pytest.mark.parametrize("kind", KINDS)
def test_scene_k_depends_on_seed_kind_and_k_only(kind: str) -> None:
    few, many = sample_scenes(kind, 3, seed=5), sample_scenes(kind, 9, seed=5)
    assert few == many[:3]
    assert sample_scenes(kind, 3, seed=6) != few
    assert (draw(few[0]) == draw(many[0])).all()


@pytest.mark.parametrize("kind", KINDS)
def test_objects_are_whole_and_differ_from_the_background(kind: str) -> None:
    for scene in sample_scenes(kind, 200, seed=1):
        for thing in scene.things:
            assert thing.colour != scene.background
            assert thing.x * 128 - thing.radius >= -2
            assert thing.x * 128 + thing.radius <= 130
            assert thing.radius * 2 >= 36
        assert draw(scene).shape == (128, 128, 3)


def test_all_shapes_colours_positions_and_relations_occur() -> None:
    things = [t for kind in KINDS for s in sample_scenes(kind, 300, 2) for t in s.things]
    assert {t.shape for t in things} == set(SHAPES)
    assert {t.colour for t in things} == set(COLOURS)
    assert len({s.position for s in sample_scenes("positioned", 300, 2)}) == 9
    assert len({s.relation for s in sample_scenes("pair", 100, 2)}) == 4


def test_a_circle_covers_its_area_and_is_antialiased() -> None:
    mask = shape_mask("circle", 64, 64, 40)
    assert mask.sum() == pytest.approx(np.pi * (0.95 * 40) ** 2, rel=0.02)
    assert ((mask > 0.1) & (mask < 0.9)).sum() > 100
    assert np.allclose(mask, mask[::-1], atol=0.3)


def test_a_shape_outside_the_picture_covers_nothing() -> None:
    assert shape_mask("star", -50, 64, 20).sum() == 0


def test_captions_of_a_simple_scene() -> None:
    scene = Scene("orange", (Thing("star", "blue", "medium", 0.5, 0.5, 26),), "center")
    rng = np.random.default_rng(0)
    captions = {caption(scene, rng) for _ in range(400)}
    assert "a blue star on an orange background" in captions
    assert len(captions) > 60
    assert not any("a orange" in text or "top" in text for text in captions)


def test_held_out_wordings_are_never_training_captions() -> None:
    rng = np.random.default_rng(1)
    scenes = [scene for kind in KINDS for scene in sample_scenes(kind, 150, 3)]
    assert not any(is_held_out(caption(scene, rng)) for scene in scenes)
    asked = [caption(scene, rng, held_out=True) for scene in scenes]
    assert all(is_held_out(text) for text in asked)
    for scene, text in zip(scenes, asked, strict=True):  # what is asked for is said
        assert scene.background in text
        assert all(t.colour in text and t.shape in text for t in scene.things)


def test_a_pair_is_told_from_both_sides() -> None:
    things = (
        Thing("ring", "red", "small", 0.3, 0.5, 20),
        Thing("cross", "blue", "small", 0.7, 0.5, 20),
    )
    scene = Scene("white", things, relation="left of")
    rng = np.random.default_rng(2)
    captions = [caption(scene, rng) for _ in range(200)]
    forward = "a red ring to the left of a blue cross"
    backward = "a blue cross to the right of a red ring"
    assert any(forward in text for text in captions)
    assert any(backward in text for text in captions)
    wrong = "a red ring to the right of a blue cross"
    assert not any(wrong in text for text in captions)


@pytest.mark.parametrize("kind", KINDS)
def test_a_near_miss_differs_in_words_that_matter(kind: str) -> None:
    rng = np.random.default_rng(3)
    different = [near_miss(scene, rng) != scene for scene in sample_scenes(kind, 60, 4)]
    assert sum(different) > 50  # two equal shapes that trade places stay what they are


def test_the_tables_fit_together() -> None:
    assert set(INVERSE) == set(RELATION_WORDS)
    assert all(INVERSE[INVERSE[name]] == name for name in INVERSE)
    assert all("{subject}" in pattern for pattern in BACKGROUND_WORDS)
