"""The lessons run, and their pictures show what the lessons say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import nodeflow

FOLDER = Path(__file__).parents[2] / "graphs" / "learn"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@pytest.fixture(scope="module")
def cache() -> nodeflow.Cache:
    """The model is loaded once for all lessons."""
    return nodeflow.Cache()


def _outputs(cache: nodeflow.Cache, name: str, *ports: str, **inputs: Any) -> dict[str, Any]:
    graph = nodeflow.load(FOLDER / f"{name}.json")
    return nodeflow.run(graph, inputs, ports or None, cache=cache).outputs


def _apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().mean())


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_explains_itself(name: str) -> None:
    graph = nodeflow.load(FOLDER / f"{name}.json")
    notes = graph.view["$notes"]
    assert notes[0]["text"].startswith("# ")
    assert graph.title.startswith(f"{name[0]} · ")
    assert {note["scope"] for note in notes} <= {"", *graph.nodes}


def test_latents_come_back_nearly_as_they_were(cache: nodeflow.Cache) -> None:
    found = _outputs(cache, "1_latents", "psnr", "encode.latent")
    assert found["psnr"] > 25
    assert found["encode.latent"].samples.numel() == 1024


def test_noise_takes_the_picture_away_little_by_little(cache: nodeflow.Cache) -> None:
    images = _outputs(cache, "2_noise", "all.image", sigmas="0, 0.5, 2, 8")["all.image"].pixels
    away = [_apart(images[0], image) for image in images]
    assert away == sorted(away)
    assert away[-1] > 0.2


def test_the_guess_is_nearer_to_the_picture_than_the_noisy_latent(cache: nodeflow.Cache) -> None:
    picture, noisy, guess = _outputs(cache, "3_one_step", "row.image")["row.image"].pixels
    assert _apart(picture, guess) < 0.2 * _apart(picture, noisy)


def test_the_latent_arrives_where_the_guesses_were(cache: nodeflow.Cache) -> None:
    images = _outputs(cache, "4_steps", "all.image", steps=4)["all.image"].pixels
    noisy, seen = images[:4], images[4:]
    away = [_apart(image, seen[-1]) for image in noisy]
    assert away == sorted(away, reverse=True)


def test_without_guidance_the_prompt_is_not_heard(cache: nodeflow.Cache) -> None:
    images = _outputs(cache, "5_guidance", "all.image", steps=4, scales="0, 3, 5")
    none, some, more = images["all.image"].pixels
    assert _apart(none, some) > 3 * _apart(some, more)


def test_three_steps_tell_schedules_apart_and_many_do_not(cache: nodeflow.Cache) -> None:
    few, many = (
        _outputs(cache, "6_schedules", "decode.image", steps=steps)["decode.image"].pixels
        for steps in (3, 16)
    )
    assert _apart(few[0], few[2]) > 2 * _apart(many[0], many[2])


def test_circle_and_background_are_heard_in_different_places(cache: nodeflow.Cache) -> None:
    maps = _outputs(cache, "7_words", "large.image")["large.image"].pixels[..., 0]
    circle, background = maps[2], maps[6]
    middle, corner = (slice(56, 72),) * 2, (slice(0, 16),) * 2
    assert circle[middle].mean() > circle[corner].mean()
    assert background[middle].mean() < background[corner].mean()


def test_strength_decides_whether_the_circle_stays(cache: nodeflow.Cache) -> None:
    ports = ("all.image", "picture.image")
    found = _outputs(cache, "8_image_to_image", *ports, strengths="0.2, 1", steps=8)
    kept, new = found["all.image"].pixels
    drawn = found["picture.image"].pixels[0]
    assert _apart(kept, drawn) < 0.5 * _apart(new, drawn)
