"""Training of the small AutoencoderKL: pixels [B, 3, 128, 128] to latents [B, 4, 16, 16] and back.

Kingma & Welling 2013, arXiv 1312.6114; Rombach et al. 2021, arXiv 2112.10752, section 3.1.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor, nn

from nodes.diffusion.training.loop import History, Loop, OnStep, Progress, ShareGradients, train
from nodes.diffusion.training.recipes import of_items
from nodes.diffusion.training.scenes import Scene, draw

WIDTHS = (24, 40, 64, 128)


def new_autoencoder(widths: Sequence[int] = WIDTHS, seed: int = 0) -> AutoencoderKL:
    """An untrained autoencoder that starts near "shrink by averaging, enlarge by repeating"."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = AutoencoderKL(
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * len(widths),
            up_block_types=("UpDecoderBlock2D",) * len(widths),
            block_out_channels=tuple(widths),
            layers_per_block=1,
            norm_num_groups=8,
            sample_size=128,
        )
        _initialise(vae)
    return vae


def _initialise(vae: AutoencoderKL) -> None:
    """Average pooling and identity plus 0.3 of the usual noise; quiet residual branches."""
    with torch.no_grad():
        for name, module in vae.named_modules():
            if name.endswith("downsamplers.0.conv"):
                _add_kernel(module, torch.full((3, 3), 1 / 9))
            elif name.endswith("upsamplers.0.conv"):
                identity = torch.zeros(3, 3)
                identity[1, 1] = 1.0
                _add_kernel(module, identity)
            elif name.endswith("conv2"):
                module.weight.mul_(0.15)
        channels = vae.config.latent_channels
        vae.quant_conv.bias[channels:] = -4.0
        vae.quant_conv.weight[channels:] *= 0.1


def _add_kernel(conv: nn.Conv2d, kernel: Tensor) -> None:
    conv.weight.mul_(0.3)
    for channel in range(min(conv.in_channels, conv.out_channels)):
        conv.weight[channel, channel] += kernel


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """[B, H, W, 3] in 0..255 to [B, 3, H, W] in -1..1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pictures(tensor: Tensor) -> NDArray[np.uint8]:
    """[B, 3, H, W] in -1..1 to [B, H, W, 3] in 0..255."""
    bounded = ((tensor.float().clamp(-1, 1) + 1) * 127.5).round()
    return bounded.permute(0, 2, 3, 1).to(torch.uint8).numpy()


def draw_crops(scenes: Sequence[Scene], side: int, rng: np.random.Generator) -> Tensor:
    """Each scene drawn, and a square cut near one of its objects, [B, 3, side, side]."""
    crops = []
    for scene in scenes:
        picture = draw(scene)
        room = picture.shape[0] - side
        thing = scene.things[int(rng.integers(len(scene.things)))]
        point = np.array([thing.y, thing.x]) * picture.shape[0] + rng.normal(0, thing.radius, 2)
        top, left = np.clip(np.rint(point - side / 2), 0, room).astype(int)
        crops.append(picture[top : top + side, left : left + side])
    return to_tensor(np.stack(crops))


def gradient_l1(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring-pixel differences: what keeps edges crisp."""
    difference = a - b
    across = difference[..., :, 1:] - difference[..., :, :-1]
    down = difference[..., 1:, :] - difference[..., :-1, :]
    return across.abs().mean() + down.abs().mean()


def kl_to_normal(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, var) || N(0, 1)) per latent element: (mean² + var - 1 - log var) / 2."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()


def autoencoder_loss(
    vae: AutoencoderKL,
    pixels: Tensor,  # [B, 3, H, W]
    noise: Tensor,  # [B, 4, H/8, W/8]
    kl_weight: float,
) -> tuple[Tensor, dict[str, float]]:
    """L1 + MSE + gradient L1 of the reconstruction, + `kl_weight` of the posterior's KL."""
    with torch.autocast("cpu", torch.bfloat16):
        moments = vae.quant_conv(vae.encoder(pixels))  # [B, 8, H/8, W/8]
        mean, logvar = moments.float().chunk(2, dim=1)
        logvar = logvar.clamp(-12, 4)
        latent = mean + (0.5 * logvar).exp() * noise
        rebuilt = vae.decoder(vae.post_quant_conv(latent)).float()
    mse = F.mse_loss(rebuilt, pixels)
    kl = kl_to_normal(mean, logvar)
    rebuild = F.l1_loss(rebuilt, pixels) + mse + gradient_l1(rebuilt, pixels)
    values = {
        "rebuild": rebuild.item(),
        "psnr": psnr(mse.item()),
        "kl": kl.item(),
        "spread": mean.std().item(),
        "posterior": (0.5 * logvar).exp().mean().item() / (mean.std().item() + 1e-6),
    }
    return rebuild + kl_weight * kl, values


CROPS = ((0.25, 32, 64), (0.7, 64, 16), (1.0, 128, 4))  # until this progress: side, batch


def train_autoencoder(
    vae: AutoencoderKL,
    scenes: Sequence[Scene],
    loop: Loop,
    *,
    kl_weight: float = 2e-3,
    crops: Sequence[tuple[float, int, int]] = CROPS,
    decoder_only: bool = False,
    folder: Path | None = None,
    on_step: OnStep | None = None,
    progress: Progress | None = None,
    share_gradients: ShareGradients | None = None,
) -> History:
    """Train `vae` in place on ever larger crops of the drawn scenes; sets no scaling factor.

    With `decoder_only` the encoder stays as it is, so latents made before stay valid: pictures
    become crisper without a word to the denoiser.
    """
    for part in (vae.encoder, vae.quant_conv):
        part.requires_grad_(not decoder_only)

    def loss(step: int, done: float) -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng([loop.seed, 1, step])
        _, side, batch = next(crop for crop in crops if done < crop[0] or crop is crops[-1])
        chosen = [scenes[k] for k in rng.integers(len(scenes), size=batch)]
        noise = rng.standard_normal((batch, 4, side // 8, side // 8), np.float32)
        pixels = draw_crops(chosen, side, rng)
        return autoencoder_loss(vae, pixels, torch.from_numpy(noise), kl_weight)

    vae.train()
    history = train(
        {"vae": vae},
        loss,
        loop,
        recipe={
            "training": "decoder" if decoder_only else "autoencoder",
            "kl_weight": kl_weight,
            "crops": " ".join(f"{side}x{batch}<{share:g}" for share, side, batch in crops),
            "scenes": of_items(scenes),
        },
        folder=folder,
        on_step=on_step,
        progress=progress,
        share_gradients=share_gradients,
    )
    vae.eval()
    return history


def psnr(mse: float) -> float:
    """Decibels for pixels in -1..1: 10 log10(2² / MSE)."""
    return float(10 * np.log10(4 / max(mse, 1e-12)))


def encode_mean(vae: AutoencoderKL, pixels: Tensor) -> Tensor:
    """The posterior's mean, not yet scaled, [B, 4, H/8, W/8]."""
    with torch.no_grad():
        with torch.autocast("cpu", torch.bfloat16):
            moments = vae.quant_conv(vae.encoder(pixels))
        return moments.float().chunk(2, dim=1)[0]


def encode_scenes(
    vae: AutoencoderKL, scenes: Sequence[Scene], on_encoded: Callable[[int], None] | None = None
) -> Tensor:
    """Posterior means of the drawn scenes, not yet scaled, [N, 4, 16, 16]."""
    parts = []
    for start in range(0, len(scenes), 32):
        pixels = to_tensor(np.stack([draw(scene) for scene in scenes[start : start + 32]]))
        parts.append(encode_mean(vae, pixels))
        if on_encoded:
            on_encoded(min(start + 32, len(scenes)))
    return torch.cat(parts) if parts else torch.zeros(0, 4, 16, 16)


def decode_mean(vae: AutoencoderKL, latent: Tensor) -> Tensor:
    """Latents that are not scaled, to pixels in -1..1, [B, 3, 8H, 8W]."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return vae.decoder(vae.post_quant_conv(latent)).float()
