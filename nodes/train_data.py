"""Train nodes: the data. Drawn scenes with captions, and their latents."""

from __future__ import annotations

from typing import Annotated

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Seed
from nodes.types import EncodedScenes, Image, SceneSet, Vae

Count = Annotated[int, Number(0, 1_000_000, 1)]


@node("train_data.scenes")
def scenes(
    centered: Count = 10_000,
    positioned: Count = 16_000,
    pairs: Count = 22_000,
    seed: Annotated[int, Seed()] = 0,
) -> SceneSet:
    """Make up scenes: one shape in the middle, one anywhere, or two beside or above each other.

    Eight shapes, ten colours, three sizes, nine positions, four relations. Only specifications are
    made; pixels and captions are drawn from them when they are needed.
    """
    from nodes.diffusion.training.scenes import sample_scenes

    counts = {"centered": centered, "positioned": positioned, "pair": pairs}
    if not any(counts.values()):
        raise InputError("centered", "0, as positioned and pairs", "at least one scene in all")
    parts = {kind: tuple(sample_scenes(kind, count, seed)) for kind, count in counts.items()}
    return SceneSet(parts)


@node("train_data.draw")
def draw(scenes: SceneSet, count: Annotated[int, Number(1, 256, 1)] = 16) -> Image:
    """Draw scenes from all over the set, to look at what a model is trained on.

    Antialiased, [count, 128, 128, 3].
    """
    import numpy as np
    import torch

    from nodes.diffusion.training.scenes import draw as picture_of

    every = scenes.scenes
    chosen = [every[k * len(every) // count] for k in range(min(count, len(every)))]
    pictures = np.stack([picture_of(scene) for scene in chosen])
    return Image(torch.from_numpy(pictures).float() / 255)


@node("train_data.encode")
def encode(scenes: SceneSet, vae: Vae, *, ctx: RunContext) -> EncodedScenes:
    """Draw every scene once and keep its latent: the denoiser is trained on those.

    `(mean - shift) * scaling` as in `vae.encode`, [N, 3, 128, 128] to [N, 4, 16, 16].
    """
    from nodes.diffusion.training import autoencoder as training

    total, done, parts = len(scenes.scenes), 0, {}
    for kind, part in scenes.by_kind.items():

        def count(encoded: int, before: int = done) -> None:
            ctx.progress(before + encoded, total)

        latents = training.encode_scenes(vae.autoencoder, part, count)
        parts[kind] = (part, (latents - vae.shift) * vae.scaling)
        done += len(part)
    return EncodedScenes(parts)
