"""Train nodes: examples for adapters, drawn and from pictures, encoded by a few-channel vae."""

import pytest
import torch

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import train_data, train_examples
from nodes.diffusion.training.autoencoder import new_autoencoder
from nodes.types import Examples, Image, Vae


@pytest.fixture(scope="module")
def vae() -> Vae:
    return Vae(new_autoencoder((8, 8, 8, 16)).requires_grad_(False).eval(), 0.18215)


@pytest.fixture(scope="module")
def edged(vae: Vae) -> Examples:
    return train_examples.edges(train_data.scenes(2, 0, 1, seed=4), vae, ctx=RunContext())


def test_outlined(vae: Vae) -> None:
    seen: list[int] = []
    context = RunContext(on_progress=lambda value, total, info: seen.append(value))
    made = train_examples.outlined(train_data.scenes(2, 1, 0, seed=4), vae, ctx=context)
    assert made.latents.shape == (3, 4, 16, 16)
    assert [len(said) for said in made.captions] == [8, 8, 8]
    assert seen == [1, 2, 3]
    assert made.hints is None


def test_named_says_the_word_and_never_what_it_stands_for(vae: Vae) -> None:
    made = train_examples.named(vae, "<house>", count=9, ctx=RunContext())
    said = [text for row in made.captions for text in row]
    assert all("<house>" in text for text in said)
    assert not any(word in text for text in said for word in ("triangle", "square", "above"))
    assert len({text.split(" on ")[-1] for text in said}) > 8  # several backgrounds
    with pytest.raises(InputError, match="word"):
        train_examples.named(vae, " ", ctx=RunContext())


def test_edges_are_white_lines_on_black(edged: Examples) -> None:
    assert edged.hints is not None
    assert (edged.hints.shape, edged.hints.dtype) == ((3, 128, 128, 1), torch.uint8)
    assert set(edged.hints.unique().tolist()) == {0, 255}
    share = (edged.hints > 0).float().mean(dim=(1, 2, 3))
    assert bool(((share > 0.003) & (share < 0.06)).all())  # thin lines


def test_pictures(vae: Vae) -> None:
    image = Image(torch.rand(2, 64, 32, 3, generator=torch.Generator().manual_seed(0)))
    made = train_examples.pictures(image, ["a cat", "a dog"], vae, ctx=RunContext())
    assert made.latents.shape == (2, 4, 8, 4)
    assert made.captions == (("a cat",), ("a dog",))
    with pytest.raises(InputError, match="captions"):
        train_examples.pictures(image, ["a cat"], vae, ctx=RunContext())
    with pytest.raises(InputError, match="multiples of 8"):
        train_examples.pictures(Image(torch.rand(1, 60, 32, 3)), ["a"], vae, ctx=RunContext())


def test_hinted(vae: Vae) -> None:
    image = Image(torch.rand(2, 64, 32, 3, generator=torch.Generator().manual_seed(0)))
    plain = train_examples.pictures(image, ["a cat", "a dog"], vae, ctx=RunContext())
    made = train_examples.hinted(plain, image)
    assert made.hints is not None
    torch.testing.assert_close(made.hints / 255, image.pixels, atol=0.5 / 255 + 1e-6, rtol=0)
    with pytest.raises(InputError, match="2 x 64 x 32"):
        train_examples.hinted(plain, Image(image.pixels[:1]))


def test_hints_are_those_of_the_latents(edged: Examples) -> None:
    hints = train_examples.hints(edged, 2).pixels
    assert edged.hints is not None
    assert hints.shape == (2, 128, 128, 3)
    torch.testing.assert_close(hints[..., 0] * 255, edged.hints[[0, 1], ..., 0].float())
    with pytest.raises(InputError, match="no hints"):
        train_examples.hints(Examples(edged.latents, edged.captions))


def test_latents_are_spread_over_all(edged: Examples) -> None:
    torch.testing.assert_close(train_examples.latents(edged, 2).samples, edged.latents[[0, 1]])
    torch.testing.assert_close(train_examples.latents(edged, 99).samples, edged.latents)
