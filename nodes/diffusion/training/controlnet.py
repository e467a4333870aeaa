"""ControlNet: a second encoder that reads a hint and adds to the frozen denoiser's features.

Zhang et al. 2023, arXiv 2302.05543, section 3. The encoder has no attention, as in the "small"
ControlNets of SDXL: the base reads the prompt, the hint says where things are.
"""

import copy
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor

from nodes.diffusion.training.adapters import AdapterRecipe, draw_batch, noise_loss
from nodes.diffusion.training.denoiser import encode_captions
from nodes.diffusion.training.loop import History, Loop, OnStep, train
from nodes.diffusion.training.recipes import of_examples
from nodes.diffusion.training.tokenizer import CONTEXT
from nodes.types import Clip, Examples, Model

HINT_WIDTHS = (16, 32, 48, 64)  # channels of the hint at full size, 1/2, 1/4 and 1/8
DROPPED = 0.3  # captions left out: what the hint shows must be seen in the hint


def new_controlnet(unet: UNet2DConditionModel, seed: int = 0) -> ControlNetModel:
    """A ControlNet that begins as the base's encoder without attention, and adds nothing yet."""
    config = unet.config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        controlnet = ControlNetModel(
            in_channels=config.in_channels,
            down_block_types=("DownBlock2D",) * len(config.down_block_types),
            mid_block_type="UNetMidBlock2D",
            block_out_channels=config.block_out_channels,
            layers_per_block=config.layers_per_block,
            attention_head_dim=config.attention_head_dim,
            cross_attention_dim=config.cross_attention_dim,
            norm_num_groups=config.norm_num_groups,
            flip_sin_to_cos=config.flip_sin_to_cos,
            freq_shift=config.freq_shift,
            conditioning_embedding_out_channels=HINT_WIDTHS,
        )
    weights = controlnet.state_dict()
    shared = {name: value for name, value in unet.state_dict().items() if name in weights}
    controlnet.load_state_dict({**weights, **shared})  # a copy of the base's values
    return controlnet


def train_controlnet(
    model: Model,
    clip: Clip,
    examples: Examples,
    loop: Loop,
    *,
    recipe: AdapterRecipe | None = None,
    folder: Path | None = None,
    on_step: OnStep | None = None,
) -> tuple[ControlNetModel, History]:
    """A ControlNet for the examples' hints; the model stays as it was."""
    recipe = recipe or AdapterRecipe(dropped=DROPPED)
    unet = model.network
    device = next(unet.parameters()).device
    controlnet = new_controlnet(unet, loop.seed).to(device).train()

    def loss(step: int, done: float) -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng([loop.seed, 6, step])
        batch = draw_batch(examples, recipe, rng)
        states = encode_captions(clip.encoder, clip.tokenizer, batch.captions, CONTEXT).to(device)
        hint = hints_of(examples, batch.indices).to(device)

        def predict(noisy: Tensor, timesteps: Tensor) -> Tensor:
            down, mid = controlnet(noisy, timesteps, states, hint, return_dict=False)
            return unet(
                noisy,
                timesteps,
                encoder_hidden_states=states,
                down_block_additional_residuals=down,
                mid_block_additional_residual=mid,
            ).sample

        return noise_loss(predict, batch.latents, recipe, rng, device), {}

    kept = {
        "training": "ControlNet",
        **asdict(recipe),
        **of_examples(unet, clip.encoder, examples),
    }
    history = train(
        {"controlnet": controlnet}, loss, loop, recipe=kept, folder=folder, on_step=on_step
    )
    return controlnet.eval().requires_grad_(False), history


def hints_of(examples: Examples, indices: list[int]) -> Tensor:
    """The hints of some examples in 0..1, [B, 3, 8 H, 8 W]."""
    assert examples.hints is not None
    hints = examples.hints[indices].permute(0, 3, 1, 2).float() / 255
    return hints.expand(-1, 3, -1, -1)


def save_controlnet(folder: Path, controlnet: ControlNetModel) -> None:
    """A folder in diffusers' layout, half precision, without the path it was loaded from."""
    half = copy.deepcopy(controlnet).half()
    half.save_pretrained(folder, variant="fp16", safe_serialization=True)
    config_file = folder / "config.json"
    config = json.loads(config_file.read_text("utf-8"))
    config.pop("_name_or_path", None)
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)
