"""unCLIP nodes: a picture's embedding in the place of, or beside, the text's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Seed, Slider
from nodes import checks, model_files
from nodes.diffusion.checkpoints.examine import DTYPES
from nodes.types import ClipVision, Conditioning, ImageEmbedding, UnclipNoise

_SHARE = Slider(0, 1, step=0.01)


@dataclass(frozen=True)
class UnclipName(model_files.ModelName):
    """An unCLIP checkpoint; refuses one that lacks what such a checkpoint has beside the rest."""

    def examine(self, path: Path) -> None:
        super().examine(path)
        from nodes.diffusion.checkpoints import recognise

        recognise.check_unclip(path)


class LoadedUnclip(NamedTuple):
    clip_vision: ClipVision
    noise: UnclipNoise


def _files(params: Mapping[str, Any]) -> list[Path]:
    from nodes.diffusion.unclip import files_of

    if not params.get("name"):
        return []  # it arrives by wire
    return files_of(model_files.find("checkpoints", str(params["name"])))


@node("unclip.load", title="Load unCLIP", reads=_files)
def load(
    name: Annotated[str, UnclipName("checkpoints")],
    dtype: Annotated[str, Choice(*DTYPES)] = "auto",
    *,
    ctx: RunContext,
) -> LoadedUnclip:
    """Load what an unCLIP checkpoint has beside the usual parts, which `load.checkpoint` loads.

    The CLIP vision model that it was trained with, and the mean and spread of embeddings by which
    noise is added to them. A single file (`sd21-unclip-h` …) or a diffusers folder with
    `image_encoder/` and `image_normalizer/`.
    """
    from nodes.diffusion import unclip

    with model_files.opened("checkpoints", name) as path:
        return LoadedUnclip(*unclip.load(path, ctx.device, dtype))


@node("unclip.apply", title="Apply unCLIP")
def apply(
    conditioning: Conditioning,
    noise: UnclipNoise,
    embedding: ImageEmbedding,
    strength: Annotated[float, Slider(-10, 10, step=0.05)] = 1.0,
    noise_augmentation: Annotated[float, _SHARE] = 0.0,
    seed: Annotated[int, Seed()] = 0,
) -> Conditioning:
    """Ask an unCLIP model for variations of a picture, beside the text.

    The embedding [B, D], scaled to mean 0 and spread 1, gets noise of the level
    `noise_augmentation` * 999, is scaled back, and goes in with that level's waves: [B, 2 D], times
    `strength`. More noise, freer variations. Replaces an earlier one; `clip_vision.mix` blends
    pictures. A text without any is answered as with zeros. Ramesh et al. 2022, arXiv 2204.06125.
    """
    from nodes.diffusion import noise as noises
    from nodes.diffusion import unclip

    checks.fraction("noise_augmentation", noise_augmentation)
    wide, wanted = embedding.pooled.shape[1], noise.mean.shape[1]
    if wide != wanted:
        hint = "Encode the picture with the CLIP vision that unclip.load gives"
        raise InputError("embedding", f"width {wide}", f"the checkpoint's {wanted}", hint)
    seeds = noises.batch_seeds(seed, len(embedding.pooled))
    checks.seeds("seed", seeds)
    labels = strength * unclip.told(embedding.pooled, noise, noise_augmentation, seeds)
    return _everywhere(conditioning, lambda text: text.with_extra("class_labels", labels))


@node("unclip.revision", title="Revision")
def revision(
    conditioning: Conditioning,
    embedding: ImageEmbedding,
    amount: Annotated[float, _SHARE] = 1.0,
) -> Conditioning:
    """Tell Stable Diffusion XL a picture in the place of the text as a whole ("Revision").

    pooled' = (1 - amount) * pooled + amount * the picture's, [B, D], which the bigG encoder lays
    into the same space; the words' own embeddings stay. Zero them by `text.zero_out` for the
    picture alone.
    """
    checks.fraction("amount", amount)

    def changed(text: Conditioning) -> Conditioning:
        if text.pooled is None or text.pooled.shape[1] != embedding.pooled.shape[1]:
            have = "none" if text.pooled is None else f"one of width {text.pooled.shape[1]}"
            got = f"width {embedding.pooled.shape[1]}"
            hint = "Stable Diffusion XL's is that of the vision half of CLIP ViT-bigG (1280)"
            raise InputError("embedding", got, f"that of the text's pooled embedding: {have}", hint)
        return replace(text, pooled=(1 - amount) * text.pooled + amount * embedding.pooled)

    return _everywhere(conditioning, changed)


def _everywhere(conditioning: Conditioning, change: Any) -> Conditioning:
    more = tuple(change(text) for text in conditioning.more)
    changed: Conditioning = change(conditioning)
    return replace(changed, more=more)
