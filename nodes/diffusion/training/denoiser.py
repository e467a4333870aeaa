"""Training of the UNet that predicts the noise in a latent, [B, 4, 16, 16], from step and caption.

Ho et al. 2020, arXiv 2006.11239; Rombach et al. 2021, arXiv 2112.10752; captions are dropped for
guidance as in Ho & Salimans 2022, arXiv 2207.12598.
"""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from transformers import CLIPTextModel

from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.diffusion.training.loop import History, Loop, OnStep, Progress, ShareGradients, train
from nodes.diffusion.training.recipes import of_items, of_latents, of_weights
from nodes.diffusion.training.scenes import KINDS, Scene, caption
from nodes.diffusion.training.text_image import SHORT, tokenize
from nodes.diffusion.training.tokenizer import CONTEXT
from nodes.types import BetaSchedule

STEPS = 1000
WIDTHS = (64, 96, 160)
EARLY_MIX = {"centered": 0.7, "positioned": 0.15, "pair": 0.15}  # of every batch
LATE_MIX = {"centered": 0.2, "positioned": 0.3, "pair": 0.5}


@dataclass(frozen=True)
class Recipe:
    """What is particular to this training; the defaults are what was measured to work."""

    batch: int = 32
    early: float = 0.4  # share of the run that is mostly single, centred objects
    dropped: float = 0.1  # captions replaced by "" so that guidance has an unconditional side
    short: float = 0.8  # share of steps with captions cut to 24 tokens
    offset: float = 0.5  # noise shared by a whole channel, at the noisiest steps only
    swapped: float = 0.5  # captions that belong to another picture, at the cleanest steps
    swapped_below: int = 300  # so there the model believes the picture, and image-to-image keeps it
    ema: float = 0.999
    ema_every: int = 4  # steps; the average is as slow as if it were taken after each


@dataclass(frozen=True)
class EncodedScenes:
    """Scenes of one kind and their scaled latents [N, 4, 16, 16], same order."""

    scenes: Sequence[Scene]
    latents: Tensor


def new_unet(
    widths: Sequence[int] = WIDTHS, cross: int = 128, seed: int = 0
) -> UNet2DConditionModel:
    """An untrained UNet with cross-attention at its lower levels, in plain attention."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(
            sample_size=16,
            in_channels=4,
            out_channels=4,
            layers_per_block=1,
            block_out_channels=tuple(widths),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=(2, 2, 4),  # diffusers' old name: this is the number of heads
            cross_attention_dim=cross,
            norm_num_groups=16,
        )
    unet.set_attn_processor(AttnProcessor())
    return unet


def alphas_cumprod(steps: int = STEPS, start: float = 0.00085, end: float = 0.012) -> Tensor:
    """Stable Diffusion's "scaled linear" schedule: the betas are linear in their square root."""
    betas = torch.linspace(start**0.5, end**0.5, steps, dtype=torch.float64).square()
    return torch.cumprod(1 - betas, dim=0).float()  # [steps]


def beta_schedule() -> BetaSchedule:
    """The schedule that this training uses, for the model that comes out."""
    return BetaSchedule(tuple(alphas_cumprod().tolist()))


def loss_weight(alpha_bar: Tensor, limit: float = 5.0) -> Tensor:
    """sqrt(min(SNR, limit)) / SNR with SNR = alpha_bar / (1 - alpha_bar), mean 1 over all steps.

    Between plain epsilon MSE and min-SNR-5 (Hang et al. 2023, arXiv 2303.09556) for x0, it stresses
    the noisiest steps, where the shape is decided.
    """
    ratio = alpha_bar / (1 - alpha_bar)
    weight = ratio.clamp(max=limit).sqrt() / ratio
    return weight / weight.mean()


def draw_timesteps(count: int, rng: np.random.Generator, steps: int = STEPS) -> Tensor:
    """Stratified: one from each of `count` equal parts of u, then t = steps * u^0.75, [count]."""
    u = (np.arange(count) + rng.random(count)) / count
    return torch.from_numpy(np.minimum(steps * u**0.75, steps - 1).astype(np.int64))


def offset_strength(timesteps: Tensor, most: float) -> Tensor:
    """0 up to t = 300, then rising linearly to `most` at t = 700."""
    return most * ((timesteps.float() - 300) / 400).clamp(0, 1)


def draw_noise(
    timesteps: Tensor, shape: Sequence[int], most: float, rng: np.random.Generator
) -> Tensor:
    """Normal noise [B, 4, 16, 16] plus an offset per channel that grows with the timestep.

    The schedule never reaches pure noise, so the picture's mean would leak to the last step and
    the background would ignore the text (Lin et al. 2023, arXiv 2305.08891): the offset hides it.
    At low noise there is none, so image-to-image keeps its colours.
    """
    noise = torch.from_numpy(rng.standard_normal(shape, np.float32))
    offset = torch.from_numpy(rng.standard_normal((*shape[:2], 1, 1), np.float32))
    return noise + offset_strength(timesteps, most)[:, None, None, None] * offset


def add_noise(latents: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) noise, per sample; [B, 4, 16, 16]."""
    signal = alpha_bar[:, None, None, None]
    return signal.sqrt() * latents + (1 - signal).sqrt() * noise


def update_ema(average: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """average += (1 - d) (model - average), d = min(decay, (1 + step) / (10 + step))."""
    with torch.no_grad():
        share = 1 - min(decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), share)


def draw_batch(
    data: dict[str, EncodedScenes], recipe: Recipe, done: float, rng: np.random.Generator
) -> tuple[Tensor, list[str]]:
    """Latents [B, 4, 16, 16] and a fresh caption of each, "" for those dropped."""
    mix = EARLY_MIX if done < recipe.early else LATE_MIX
    shares = np.array([mix[kind] if len(data[kind].scenes) else 0.0 for kind in KINDS])
    kinds = rng.choice(list(KINDS), recipe.batch, p=shares / shares.sum())
    latents, captions = [], []
    for kind in kinds:
        pool = data[str(kind)]
        index = int(rng.integers(len(pool.scenes)))
        latents.append(pool.latents[index])
        text = caption(pool.scenes[index], rng)
        captions.append("" if rng.random() < recipe.dropped else text)
    return torch.stack(latents).float(), captions


def swap_captions(
    states: Tensor, timesteps: Tensor, recipe: Recipe, rng: np.random.Generator
) -> Tensor:
    """Give some of the nearly clean pictures their neighbour's caption, [B, tokens, cross].

    A caption that is always true teaches the model to redraw a picture whose prompt is another.
    """
    drawn = torch.from_numpy(rng.random(len(timesteps))) < recipe.swapped
    swapped = drawn & (timesteps < recipe.swapped_below)
    return torch.where(swapped[:, None, None], states.roll(1, 0), states)


def denoiser_loss(
    unet: UNet2DConditionModel,
    latents: Tensor,
    states: Tensor,  # [B, tokens, cross]
    recipe: Recipe,
    rng: np.random.Generator,
) -> Tensor:
    """Weighted MSE between the noise that was added and the noise predicted."""
    timesteps = draw_timesteps(len(latents), rng)
    states = swap_captions(states, timesteps, recipe, rng)
    noise = draw_noise(timesteps, latents.shape, recipe.offset, rng)
    noisy = add_noise(latents, noise, alphas_cumprod()[timesteps])
    with torch.autocast("cpu", torch.bfloat16):
        predicted = unet(noisy, timesteps, encoder_hidden_states=states).sample
    error = (predicted.float() - noise).square().mean(dim=(1, 2, 3))  # [B]
    return (loss_weight(alphas_cumprod())[timesteps] * error).mean()


def encode_captions(
    encoder: CLIPTextModel, tokenizer: ClipTokenizer, captions: Sequence[str], length: int
) -> Tensor:
    """Last hidden states, [B, length, hidden]."""
    with torch.no_grad():
        states = encoder(tokenize(tokenizer, captions, length)).last_hidden_state
        assert isinstance(states, Tensor)
        return states


def train_denoiser(
    unet: UNet2DConditionModel,
    encoder: CLIPTextModel,
    tokenizer: ClipTokenizer,
    data: dict[str, EncodedScenes],
    loop: Loop,
    recipe: Recipe | None = None,
    *,
    folder: Path | None = None,
    on_step: OnStep | None = None,
    progress: Progress | None = None,
    share_gradients: ShareGradients | None = None,
) -> tuple[UNet2DConditionModel, History]:
    """Train `unet` in place; the text encoder stays frozen. Returns the EMA of the weights."""
    recipe = recipe or Recipe()
    average = copy.deepcopy(unet).requires_grad_(False).eval()

    def loss(step: int, done: float) -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng([loop.seed, 3, step])
        latents, captions = draw_batch(data, recipe, done, rng)
        length = SHORT if rng.random() < recipe.short else CONTEXT
        states = encode_captions(encoder, tokenizer, captions, length)
        return denoiser_loss(unet, latents, states, recipe, rng), {}

    def average_now(step: int) -> None:
        if (step + 1) % recipe.ema_every == 0:
            update_ema(average, unet, step, recipe.ema**recipe.ema_every)

    unet.train()
    history = train(
        {"unet": unet},
        loss,
        loop,
        kept={"ema": average},
        after_step=average_now,
        recipe={
            "training": "denoiser",
            **asdict(recipe),
            "text_encoder": of_weights(encoder),
            **{kind: of_items(part.scenes) for kind, part in data.items()},
            "latents": [number for part in data.values() for number in of_latents(part.latents)],
        },
        folder=folder,
        on_step=on_step,
        progress=progress,
        share_gradients=share_gradients,
    )
    return average, history
