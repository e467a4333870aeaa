"""Textual inversion: a word for what no word says, learnt as vectors while all networks are frozen.

Gal et al. 2022, arXiv 2208.01618, eq. 2: the vectors of the text encoder's input that make the
denoiser's loss smallest on pictures of the new thing.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextModel

from nodes.diffusion.cloning import clone_modules
from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.diffusion.training.adapters import AdapterRecipe, draw_batch, noise_loss
from nodes.diffusion.training.loop import History, Loop, OnStep, train
from nodes.diffusion.training.recipes import of_examples
from nodes.diffusion.training.tokenizer import CONTEXT, END_ID, START_ID
from nodes.types import Clip, Examples, Model

NEW_ID = END_ID + 1  # of the first new vector; the others follow


class ExtendedEmbedding(nn.Module):  # type: ignore[misc]
    """A frozen table of vectors with a few new ones behind its last id."""

    def __init__(self, table: nn.Embedding, vectors: Tensor) -> None:
        super().__init__()
        self.table = table
        self.vectors = nn.Parameter(vectors.clone())  # [n, D]

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [B, tokens] to vectors [B, tokens, D]."""
        new = ids >= NEW_ID
        known: Tensor = self.table(ids.masked_fill(new, 0))
        added = self.vectors[(ids - NEW_ID).clamp(0, len(self.vectors) - 1)]
        return torch.where(new[..., None], added, known)


def with_vectors(encoder: CLIPTextModel, vectors: Tensor) -> tuple[CLIPTextModel, nn.Parameter]:
    """A copy that shares the encoder's weights and knows `vectors` [n, D] as new ids."""
    clone = clone_modules(encoder)
    extended = ExtendedEmbedding(clone.get_input_embeddings(), vectors)
    clone.set_input_embeddings(extended)
    return clone, extended.vectors


def first_vectors(clip: Clip, words: str, count: int) -> Tensor:
    """Where the training begins: the mean of some words' vectors, `count` times, [count, D]."""
    ids = torch.tensor(clip.tokenizer.split(words)[0])
    table = clip.encoder.get_input_embeddings().weight
    return table[ids.to(table.device)].detach().float().mean(0).repeat(count, 1)


def tokenize_with(
    tokenizer: ClipTokenizer, captions: Sequence[str], token: str, vectors: int
) -> Tensor:
    """Ids [B, 77], the new ids wherever a caption says `token`."""
    rows = []
    for text in captions:
        ids: list[int] = []
        for k, part in enumerate(text.split(token)):
            ids += [*range(NEW_ID, NEW_ID + vectors)] if k else []
            ids += tokenizer.split(part)[0]
        ids = ids[: CONTEXT - 2]
        rows.append([START_ID, *ids, *[END_ID] * (CONTEXT - 1 - len(ids))])
    return torch.tensor(rows)


def train_embedding(
    model: Model,
    clip: Clip,
    examples: Examples,
    token: str,
    loop: Loop,
    *,
    words: str = "shape",
    vectors: int = 1,
    recipe: AdapterRecipe | None = None,
    folder: Path | None = None,
    on_step: OnStep | None = None,
) -> tuple[Tensor, History]:
    """The vectors [n, D] for `token`, which all captions contain; nothing else changes."""
    recipe = recipe or AdapterRecipe(dropped=0.0)
    encoder, learnt = with_vectors(clip.encoder, first_vectors(clip, words, vectors))
    device = learnt.device

    def loss(step: int, done: float) -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng([loop.seed, 5, step])
        batch = draw_batch(examples, recipe, rng)
        ids = tokenize_with(clip.tokenizer, batch.captions, token, vectors)
        states = encoder(ids.to(device)).last_hidden_state

        def predict(noisy: Tensor, timesteps: Tensor) -> Tensor:
            return model.network(noisy, timesteps, encoder_hidden_states=states).sample

        return noise_loss(predict, batch.latents, recipe, rng, device), {}

    parts = {"embedding": nn.ParameterList([learnt])}
    kept = {
        "training": "embedding",
        "word": token,
        "begin_with": words,
        **asdict(recipe),
        **of_examples(model.network, clip.encoder, examples),
    }
    history = train(parts, loss, loop, recipe=kept, folder=folder, on_step=on_step)
    return learnt.detach().clone(), history


def save_embedding(path: Path, vectors: Tensor) -> None:
    """One tensor `emb_params` [n, D], as AUTOMATIC1111's web UI and ComfyUI write and read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"emb_params": vectors.float().cpu().contiguous()}, path, {"format": "pt"})
    path.chmod(0o644)  # as any other file, not for its writer alone
