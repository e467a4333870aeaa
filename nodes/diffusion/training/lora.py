"""LoRA: a low-rank change of the denoiser's transformer blocks, learnt while the base is frozen.

Hu et al. 2021, arXiv 2106.09685: W + (alpha / r) B A. The file has the names that kohya's trainer
gave them, which every program reads.
"""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

from nodes.diffusion.cloning import clone_modules
from nodes.diffusion.training.adapters import AdapterRecipe, draw_batch, noise_loss
from nodes.diffusion.training.denoiser import encode_captions
from nodes.diffusion.training.loop import History, Loop, OnStep, train
from nodes.diffusion.training.recipes import of_examples
from nodes.diffusion.training.tokenizer import CONTEXT
from nodes.types import Clip, Examples, Model

# What kohya's trainer changes by default: every linear layer and 1 x 1 convolution of the
# transformer blocks.
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
TARGETS = (*ATTENTION, "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out")


def with_lora(unet: UNet2DConditionModel, rank: int, seed: int) -> UNet2DConditionModel:
    """A copy that shares the base's weights, with fresh low-rank matrices beside them.

    B begins as zeros, so the copy begins as the base; alpha is the rank. Only the new matrices are
    trained.
    """
    network = clone_modules(unet)
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=list(TARGETS))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network.add_adapter(config)
    return network


def train_lora(
    model: Model,
    clip: Clip,
    examples: Examples,
    loop: Loop,
    *,
    rank: int = 8,
    recipe: AdapterRecipe | None = None,
    folder: Path | None = None,
    on_step: OnStep | None = None,
) -> tuple[UNet2DConditionModel, History]:
    """The model's network with the LoRA in it; what was given stays as it was."""
    recipe = recipe or AdapterRecipe()
    unet = with_lora(model.network, rank, loop.seed)
    device = next(unet.parameters()).device

    def loss(step: int, done: float) -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng([loop.seed, 4, step])
        batch = draw_batch(examples, recipe, rng)
        states = encode_captions(clip.encoder, clip.tokenizer, batch.captions, CONTEXT)

        def predict(noisy: Tensor, timesteps: Tensor) -> Tensor:
            return unet(noisy, timesteps, encoder_hidden_states=states.to(device)).sample

        return noise_loss(predict, batch.latents, recipe, rng, device), {}

    # The matrices alone: a state on disk holds no weight of the base.
    matrices = nn.ParameterList([p for p in unet.parameters() if p.requires_grad])
    kept = {
        "training": "LoRA",
        "rank": rank,
        **asdict(recipe),
        **of_examples(model.network, clip.encoder, examples),
    }
    history = train({"lora": matrices}, loss, loop, recipe=kept, folder=folder, on_step=on_step)
    return unet.eval().requires_grad_(False), history


def kohya_names(unet: UNet2DConditionModel, rank: int) -> dict[str, Tensor]:
    """The low-rank matrices under the names of kohya's trainer, in half precision.

    `mid_block.attentions.0.proj_in.lora_A.weight` becomes
    `lora_unet_mid_block_attentions_0_proj_in.lora_down.weight`; each layer has an `alpha` too.
    """
    renamed: dict[str, Tensor] = {}
    for name, value in get_peft_model_state_dict(unet).items():
        layer, _, matrix = name.rpartition(".lora_")  # matrix: A.weight or B.weight
        new = "lora_unet_" + layer.replace(".", "_")
        side = "lora_down" if matrix.startswith("A") else "lora_up"
        renamed[f"{new}.{side}.weight"] = value.detach().half().cpu().contiguous()
        renamed[f"{new}.alpha"] = torch.tensor(float(rank), dtype=torch.float16)
    return renamed


def save_lora(path: Path, unet: UNet2DConditionModel, rank: int) -> None:
    """One safetensors file with the metadata that other programs show."""
    metadata = {
        "format": "pt",
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": str(rank),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(kohya_names(unet, rank), path, metadata)
    path.chmod(0o644)  # as any other file, not for its writer alone
