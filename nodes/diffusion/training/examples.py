"""Pictures with captions become examples for an adapter's training."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from nodes.diffusion import autoencode
from nodes.diffusion.training.scenes import Scene, caption
from nodes.diffusion.training.styles import Pixels
from nodes.types import Examples, Vae

PHRASINGS = 8  # captions of each drawn picture

Draw = Callable[[Scene], Pixels]
Say = Callable[[Scene, np.random.Generator], str]
Progress = Callable[[int, int], object]


def drawn_examples(
    scenes: Sequence[Scene],
    vae: Vae,
    draw: Draw,
    say: Say = caption,
    hint: Draw | None = None,
    progress: Progress | None = None,
) -> Examples:
    """Scenes drawn, encoded and described in several ways; `hint` draws what a ControlNet gets.

    Captions of scene k depend on k and what is said of it alone.
    """
    latents = []
    for k, scene in enumerate(scenes):
        pixels = torch.from_numpy(draw(scene))[None].float() / 255  # [1, H, W, 3]
        latents.append(autoencode.encode(vae, pixels).mean.cpu())
        if progress:
            progress(k + 1, len(scenes))
    captions = [phrasings(scene, k, say) for k, scene in enumerate(scenes)]
    hints = np.stack([hint(scene) for scene in scenes]) if hint else None
    return Examples(torch.cat(latents), tuple(captions), as_tensor(hints))


def phrasings(scene: Scene, index: int, say: Say) -> tuple[str, ...]:
    """Several captions of one scene."""
    rng = np.random.default_rng([scene.tint_seed, index])
    return tuple(say(scene, rng) for _ in range(PHRASINGS))


def as_tensor(hints: Pixels | None) -> Tensor | None:
    return None if hints is None else torch.from_numpy(hints)
