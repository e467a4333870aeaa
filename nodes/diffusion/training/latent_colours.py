"""Fit the colours of the tiny model's latent channels, which previews are drawn by.

    python -m nodes.diffusion.training.latent_colours [--pictures 64]

Prints the numbers that `nodes.diffusion.latent_colours.TABLES["tiny"]` holds: least squares from
latents to the decoder's own pictures, each 8 × 8 pixels averaged.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from nodes.diffusion.training.autoencoder import to_tensor
from nodes.diffusion.training.scenes import draw, sample_scenes

TINY = Path(__file__).parents[2] / "models" / "tiny" / "vae"


def fit(vae: AutoencoderKL, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
    """[C + 1, 3], the last row where all channels are 0, in -1..1; and the share of the spread of
    the colours that they explain."""
    with torch.no_grad():
        codes = vae.encode(to_tensor(pictures)).latent_dist.mean
        drawn = vae.decode(codes).sample.clamp(-1, 1)
    colours = torch.nn.functional.avg_pool2d(drawn, drawn.shape[-1] // codes.shape[-1])
    flat = [t.movedim(1, 3).flatten(0, 2).double().numpy() for t in (codes, colours)]
    latents, wanted = flat[0] * vae.config.scaling_factor, flat[1]
    given = np.hstack([latents, np.ones((len(latents), 1))])
    factors = np.linalg.lstsq(given, wanted, rcond=None)[0]
    left = wanted - given @ factors
    return factors, float(1 - (left**2).sum() / ((wanted - wanted.mean(axis=0)) ** 2).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=64)
    count = parser.parse_args().pictures
    vae = AutoencoderKL.from_pretrained(TINY).eval()
    kinds = ("centered", "positioned", "pair")
    scenes = [scene for kind in kinds for scene in sample_scenes(kind, count // 3, seed=0)]
    factors, explained = fit(vae, np.stack([draw(scene) for scene in scenes]))
    for row in factors:
        print("(" + ", ".join(f"{value:.4f}" for value in row) + "),")
    print(f"explains {explained:.3f} of the colours' spread over {len(scenes)} pictures")


if __name__ == "__main__":
    main()
