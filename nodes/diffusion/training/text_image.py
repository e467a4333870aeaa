"""A small CLIP: the text encoder learns to find a caption's picture, then stays as it is.

Radford et al. 2021, arXiv 2103.00020: symmetric cross entropy over the cosine similarities of a
batch (InfoNCE, van den Oord et al. 2018, arXiv 1807.03748). Half of every batch are near misses of
the other half, so that words which change little in the picture are learnt too.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.diffusion.training.autoencoder import to_tensor
from nodes.diffusion.training.loop import History, Loop, OnStep, Progress, ShareGradients, train
from nodes.diffusion.training.recipes import of_items
from nodes.diffusion.training.scenes import Scene, caption, draw, near_miss
from nodes.diffusion.training.tokenizer import CONTEXT, END_ID, START_ID

HIDDEN = 128
SHORT = 24  # tokens that hold every caption; the encoder is causal, so cutting changes nothing
VIEW = 32  # side of the pictures that the image tower sees


def new_text_encoder(hidden: int = HIDDEN, layers: int = 3, seed: int = 0) -> CLIPTextModel:
    """An untrained CLIP text encoder over the whole vocabulary."""
    config = CLIPTextConfig(
        vocab_size=END_ID + 1,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        projection_dim=hidden,
        bos_token_id=START_ID,
        eos_token_id=END_ID,
        pad_token_id=END_ID,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIPTextModel(config)


class ContrastHead(nn.Module):  # type: ignore[misc]
    """What the contrast needs beside the text encoder: an image tower and a temperature."""

    def __init__(self, hidden: int = HIDDEN, width: int = 32, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.tower = image_tower(hidden, width)
            self.text_projection = nn.Linear(hidden, hidden, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(2.66))  # log of 1 / 0.07

    def image_features(self, pixels: Tensor) -> Tensor:
        """[B, 3, 32, 32] in -1..1 to unit vectors [B, hidden]."""
        return F.normalize(self.tower(pixels), dim=-1)

    def text_features(self, pooled: Tensor) -> Tensor:
        """The text encoder's pooled output [B, hidden] to unit vectors [B, hidden]."""
        return F.normalize(self.text_projection(pooled), dim=-1)


def image_tower(hidden: int, width: int) -> nn.Sequential:
    """Convolutions that halve the picture three times, then one linear map that sees positions."""
    widths = (width, 2 * width, 3 * width, 4 * width)
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, padding=1), nn.SiLU()]
    for narrow, wide in pairwise(widths):
        layers += [nn.Conv2d(narrow, wide, 3, stride=2, padding=1), nn.GroupNorm(8, wide)]
        layers += [nn.SiLU(), nn.Conv2d(wide, wide, 3, padding=1), nn.SiLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * 16, hidden))


def tokenize(tokenizer: ClipTokenizer, captions: Sequence[str], length: int) -> Tensor:
    """Token ids [B, length]: start mark, pieces, end mark, padded with end marks."""
    rows = []
    for text in captions:
        ids = tokenizer.split(text)[0][: length - 2]
        rows.append([START_ID, *ids, *[END_ID] * (length - 1 - len(ids))])
    return torch.tensor(rows)


def contrast_batch(
    scenes: Sequence[Scene], size: int, rng: np.random.Generator
) -> tuple[Tensor, list[str]]:
    """`size` pictures [size, 3, 32, 32] and a caption of each; the second half are near misses."""
    chosen = [scenes[k] for k in rng.integers(len(scenes), size=size // 2)]
    chosen += [near_miss(scene, rng) for scene in chosen]
    pictures = np.stack([draw(scene, VIEW) for scene in chosen])
    return to_tensor(pictures), [caption(scene, rng) for scene in chosen]


def contrast_loss(
    encoder: CLIPTextModel, head: ContrastHead, pixels: Tensor, ids: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Mean of both directions' cross entropy; the matching pairs are the diagonal, [B, B]."""
    with torch.autocast("cpu", torch.bfloat16):
        pooled = encoder(ids).pooler_output
        texts, images = head.text_features(pooled), head.image_features(pixels)
    similarity = texts.float() @ images.float().T * head.log_scale.clamp(max=4.6).exp()
    target = torch.arange(len(ids))
    loss = (F.cross_entropy(similarity, target) + F.cross_entropy(similarity.T, target)) / 2
    found = (similarity.argmax(1) == target).float().mean().item()
    return loss, {"found": found, "scale": head.log_scale.exp().item()}


def train_text_encoder(
    encoder: CLIPTextModel,
    head: ContrastHead,
    tokenizer: ClipTokenizer,
    scenes: Sequence[Scene],
    loop: Loop,
    *,
    batch: int = 192,
    folder: Path | None = None,
    on_step: OnStep | None = None,
    progress: Progress | None = None,
    share_gradients: ShareGradients | None = None,
) -> History:
    """Train `encoder` and `head` in place; every use of a scene draws it a new caption."""

    def loss(step: int, done: float) -> tuple[Tensor, dict[str, float]]:
        pixels, captions = contrast_batch(
            scenes, batch, np.random.default_rng([loop.seed, 2, step])
        )
        return contrast_loss(encoder, head, pixels, tokenize(tokenizer, captions, SHORT))

    encoder.train()
    parts = {"text_encoder": encoder, "head": head}
    history = train(
        parts,
        loss,
        loop,
        recipe={"training": "text encoder", "batch": batch, "scenes": of_items(scenes)},
        folder=folder,
        on_step=on_step,
        progress=progress,
        share_gradients=share_gradients,
    )
    encoder.eval()
    return history
