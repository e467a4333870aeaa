"""Train nodes: what comes out. A plot of the loss, a checkpoint on disk, and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import NewPath, Text
from nodes import model_files, training_runs
from nodes.types import Clip, Image, Losses, Model, SceneSet, Vae


@node("train_output.loss_plot")
def loss_plot(losses: Losses, title: Annotated[str, Text()] = "loss") -> Image:
    """Draw the loss over the steps: faint as it was, strong as a moving average, log scale.

    [1, 360, 640, 3].
    """
    import torch

    from nodes.diffusion.training.plot import plot_curve

    return Image(torch.tensor(plot_curve(losses.values, title))[None].float() / 255)


@node("train_output.save_checkpoint", writes=True, output="path")
def save_checkpoint(
    model: Model, clip: Clip, vae: Vae, folder: Annotated[str, NewPath()], *, ctx: RunContext
) -> str:
    """Write the three networks as a folder that `load.checkpoint` and diffusers read.

    Half precision, safetensors, with the scheduler and the tokenizer of the training: a model of
    another schedule or prediction is refused. The folder lies under the run's output folder; its
    path comes out.
    """
    from nodes.diffusion.training.export import save_checkpoint as save

    if not folder:
        raise InputError("folder", "no name", "a name for the folder")
    _check_as_trained(model, vae)
    path = ctx.output_dir / folder
    save(path, vae.autoencoder, clip.encoder, model.network, _tokenizer_folder())
    return str(path)


@node("train_output.judge_pictures")
def judge_pictures(image: Image, scenes: SceneSet) -> float:
    """Count on how many pictures everything is right: picture k should show scene k.

    Background, colours, shapes and places are measured without a network; 0..1 comes out.
    """
    import numpy as np

    from nodes.diffusion.training.judge import judge

    wanted = scenes.scenes[: len(image.pixels)]
    if len(wanted) < len(image.pixels):
        raise InputError("scenes", f"{len(wanted)}", f"the {len(image.pixels)} of the pictures")
    pictures = (image.pixels[..., :3].cpu().numpy() * 255).round().astype(np.uint8)
    right = [judge(p, scene).everything for p, scene in zip(pictures, wanted, strict=True)]
    return sum(right) / len(right)


def _check_as_trained(model: Model, vae: Vae) -> None:
    """What the files say of a model is what the training makes; of another they would tell lies."""
    same = training_runs.on_trained_schedule(model)
    if model.prediction != "epsilon" or not same:
        got = f"{model.prediction} on {'the' if same else 'another'} schedule"
        raise InputError("model", got, "epsilon on the schedule of train.denoiser")
    written = float(vae.autoencoder.config.scaling_factor)
    if vae.scaling != written or vae.shift:
        got = f"scaling {vae.scaling:g} and shift {vae.shift:g}"
        raise InputError("vae", got, f"scaling {written:g} and shift 0, as its files will say")


def _tokenizer_folder() -> Path:
    """CLIP's tokenizer, as it comes with nodeflow."""
    return model_files.shipped_models() / "tiny" / "tokenizer"
