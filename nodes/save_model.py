"""Save model nodes: a denoiser, its text encoders and its autoencoder as files for any program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, NewPath
from nodes.types import Clip, Model, Vae

Precision = Annotated[str, Choice("float32", "float16", "bfloat16")]


@contextmanager
def _writable() -> Iterator[None]:
    from nodes.diffusion.export.original import ExportError

    try:
        yield
    except ExportError as error:
        raise InputError("model", str(error), "a model that this layout has a place for") from None


def _place(ctx: RunContext, name: str) -> Path:
    if not name.strip():
        raise InputError("name", "no name", "a name")
    path = ctx.output_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@node("save_model.checkpoint", writes=True, output="path")
def checkpoint(
    model: Model,
    clip: Clip,
    vae: Vae,
    name: Annotated[str, NewPath()] = "checkpoints/mine.safetensors",
    precision: Precision = "float16",
    *,
    ctx: RunContext,
) -> str:
    """Write a model as one safetensors file, in the layout that its family was published in.

    `model.diffusion_model.…`, `first_stage_model.…`, `cond_stage_model.…` and so on: ComfyUI,
    A1111, diffusers' `from_single_file` and `load.checkpoint` read it. LoRAs that lie over the
    networks become part of their weights; quantised ones are written as they are computed with. It
    lies under the run's output folder; its path comes out.

    Raises InputError where no such file could say what the model is: a family without a layout, a
    prediction other than epsilon, v or a flow's.
    """
    from nodes.diffusion.adapters.save import DTYPES
    from nodes.diffusion.export.single_file import save_single_file

    path = _place(ctx, name)
    if path.suffix != ".safetensors":
        path = path.with_name(path.name + ".safetensors")
    with _writable():
        save_single_file(path, model, clip, vae, DTYPES[precision])
    return str(path)


@node("save_model.folder", writes=True, output="path")
def folder(
    model: Model,
    clip: Clip,
    vae: Vae,
    name: Annotated[str, NewPath()] = "checkpoints/mine",
    precision: Precision = "float16",
    *,
    ctx: RunContext,
) -> str:
    """Write a model as a folder in diffusers' layout, with tokenizers and scheduler.

    `DiffusionPipeline.from_pretrained` and `load.checkpoint` read it. The scheduler's configuration
    tells the noise schedule and what the model predicts. LoRAs that lie over the networks become
    part of their weights. It lies under the run's output folder; its path comes out.

    Raises InputError where the family has no pipeline, or no scheduler says what it was trained on.
    """
    from nodes.diffusion.adapters.save import DTYPES
    from nodes.diffusion.export.folder import save_folder

    path = _place(ctx, name)
    with _writable():
        save_folder(path, model, clip, vae, DTYPES[precision])
    return str(path)
