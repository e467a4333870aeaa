"""What patches of a model cost and save: seconds of one prediction, as ratios to the plain model.

    python tests/benchmarks/patches.py --side 512 --repeats 3

A UNet of Stable Diffusion 1.5's real shapes with random weights, two texts in one batch, float32.
Every round asks each variant once, in turn, so that a machine's moods fall on all of them; the
ratio of each round is taken, and their median is shown.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import torch
from safetensors.torch import save_file
from torch import Tensor

from nodes import patch, perturb
from nodes.diffusion import deep_caching, schedules
from nodes.diffusion.adapters.apply import lay
from nodes.diffusion.adapters.bake import baked
from nodes.diffusion.adapters.load import load_lora
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import Conditioning, Lora, Model, Step

STEP = Step(1, 20, 5.0, 4.0, 800.0, 750.0)


def model() -> Model:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(0)
    network = UNet2DConditionModel(cross_attention_dim=768).eval().requires_grad_(False)
    betas = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
    return Model(network, betas)


def lora(base: Model, rank: int) -> Lora:
    """A LoRA of every attention projection, as people train them."""
    tensors: dict[str, Tensor] = {}
    for name, module in base.network.named_modules():
        if isinstance(module, torch.nn.Linear) and ".attn" in name:
            flat = "lora_unet_" + name.replace(".", "_")
            tensors[f"{flat}.lora_down.weight"] = torch.randn(rank, module.in_features) * 0.01
            tensors[f"{flat}.lora_up.weight"] = torch.randn(module.out_features, rank) * 0.01
            tensors[f"{flat}.alpha"] = torch.tensor(float(rank))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "attention.safetensors"
        save_file(tensors, file)
        return load_lora(file)


def variants(base: Model, x: Tensor) -> dict[str, Callable[[], object]]:
    texts = [Conditioning(torch.randn(1, 77, 768)) for _ in range(2)]

    def asking(changed: Model) -> Callable[[], object]:
        return lambda: predict_epsilons(changed, x, STEP, texts)

    laid = lay(lora(base, 16), base, None, 1.0, 0.0).model
    found = deep_caching.predict(base, x, STEP, texts, None, 3)[1]
    return {
        "plain": asking(base),
        "FreeU": asking(patch.freeu(base)),
        "attention in tiles of 32": asking(patch.hypertile(base, 32, 0)),
        "half the tokens merged": asking(patch.token_merging(base, 0.5, 0)),
        "blind self-attention in the middle": asking(perturb.identity_attention(base, "mid")),
        "LoRA of rank 16": asking(laid),
        "the same, merged": asking(Model(baked(laid.network), base.betas)),
        "deep cache, a step that reuses": lambda: deep_caching.predict(
            base, x, STEP, texts, found, 3
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=512, help="of the picture, px")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(1)
    x = 5 * torch.randn(1, 4, options.side // 8, options.side // 8)
    asked = variants(model(), x)
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(options.repeats + 1):  # the first round warms up
        for name, ask in asked.items():
            start = perf_counter()
            ask()
            seconds[name].append(perf_counter() - start)
    plain = seconds["plain"][1:]
    for name, found in seconds.items():
        ratios = [each / base for each, base in zip(found[1:], plain, strict=True)]
        print(f"{name:36} {statistics.median(found[1:]):7.2f} s  × {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
