"""Whose model a file is: each family's module is asked in turn. Imports no torch.

A family's module is added to one of the three tuples below. What it offers is told by their types.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints import (
    auraflow,
    autoencoders,
    clip_encoders,
    dit,
    flux,
    kinds,
    pixart,
    sd3,
    t5_encoders,
    unets,
)
from nodes.diffusion.checkpoints.families import Detected, Family, Part, Shapes
from nodes.diffusion.checkpoints.header import Header, read_header

DENOISERS: tuple[Callable[[Shapes, str, Header], Detected | None], ...] = (
    unets.recognise,
    flux.recognise,
    sd3.recognise,
    auraflow.recognise,
    pixart.recognise,
    dit.recognise,
)
"""(shapes under a prefix, the prefix, the whole header) → what it is, with the part `denoiser`."""

ENCODERS: tuple[Callable[[Shapes, str], tuple[str, Part] | None], ...] = (
    clip_encoders.recognise,
    t5_encoders.recognise,
)
"""(shapes under a prefix, the prefix) → the encoder's kind (`clip_l`, `t5` ...) and its part."""

AUTOENCODERS: tuple[Callable[[Shapes, str], Part | None], ...] = (autoencoders.recognise,)
"""(shapes under a prefix, the prefix) → the autoencoder's part."""

FAMILIES: dict[str, Family] = {
    family.name: family
    for module in (unets, flux, sd3, auraflow, pixart, dit)
    for family in module.FAMILIES
}

_DENOISER_PREFIXES = (
    "model.diffusion_model.",
    "model.model.",
    "diffusion_model.",
    "net.",
    "unet.",
    "model.",
)
_VAE_PREFIXES = ("first_stage_model.", "vae.", "")
_ENCODER_PREFIXES = (
    "cond_stage_model.transformer.",
    "cond_stage_model.model.",
    "cond_stage_model.",
    "conditioner.embedders.0.transformer.",
    "conditioner.embedders.0.model.",
    "conditioner.embedders.1.model.",
    "text_encoders.clip_l.transformer.",
    "text_encoders.clip_g.transformer.",
    "text_encoders.t5xxl.transformer.",
    "text_encoders.pile_t5xl.transformer.",
    "text_encoder.",
    "text_encoder_2.",
)


def recognise(header: Header) -> Detected:
    """What is in a checkpoint: its family and all networks that are found.

    Raises:
        CheckpointError: no denoiser of a known family is in it; says what was found instead.
    """
    detected = recognise_denoiser(header)
    if detected is None:
        raise CheckpointError(
            f"{header.path}: expected a denoiser of {_known()}, found {describe(header)}"
        )
    parts = dict(detected.parts)
    denoiser = parts["denoiser"].prefix
    if denoiser:  # without a prefix it is alone in its file
        vae = recognise_vae(header, alone=False)
        if vae is not None:
            parts["vae"] = vae
        parts.update(recognise_encoders(header))
    return replace(detected, parts=parts)


def recognise_denoiser(header: Header) -> Detected | None:
    """The denoiser in a file under any of the usual prefixes, the most frequent first."""
    counts = {p: sum(n.startswith(p) for n in header.tensors) for p in _DENOISER_PREFIXES}
    prefixes = sorted((p for p in counts if counts[p]), key=lambda p: -counts[p])
    for prefix in (*prefixes, ""):
        shapes = header.under(prefix)
        for ask in DENOISERS:
            found = ask(shapes, prefix, header)
            if found is not None:
                return found
    return None


def recognise_vae(header: Header, alone: bool = True) -> Part | None:
    """The autoencoder in a file; where `alone`, also one whose names have no prefix."""
    for prefix in _VAE_PREFIXES if alone else _VAE_PREFIXES[:-1]:
        shapes = header.under(prefix)
        for ask in AUTOENCODERS:
            part = ask(shapes, prefix)
            if part is not None:
                return part
    return None


def recognise_encoders(header: Header, alone: bool = False) -> dict[str, Part]:
    """The text encoders in a file by kind; where `alone`, also one without a prefix."""
    return dict(_encoders(header, (*_ENCODER_PREFIXES, "") if alone else _ENCODER_PREFIXES))


def _encoders(header: Header, prefixes: tuple[str, ...]) -> Iterator[tuple[str, Part]]:
    for prefix in prefixes:
        shapes = header.under(prefix)
        found = next((f for ask in ENCODERS if shapes and (f := ask(shapes, prefix))), None)
        if found is not None:
            yield found


def describe(header: Header) -> str:
    """What a file holds, in words, for an error that expected something else."""
    if not header.tensors:
        return "no tensors at all"
    return known(header) or _first_names(header)


def known(header: Header) -> str:
    """The same where it is of a kind that is known, else ""."""
    detected = recognise_denoiser(header)
    found = [f"the denoiser of {detected.family.title}"] if detected else []
    if recognise_vae(header):
        found.append("an autoencoder")
    found += [f"a text encoder ({kind})" for kind in recognise_encoders(header, alone=True)]
    return " and ".join(found) or kinds.other_kind(header)


def _first_names(header: Header) -> str:
    names = sorted(header.tensors)
    return f"{len(names)} tensors of no kind that is known: {', '.join(names[:3])} …"


def _known() -> str:
    return ", ".join(family.title for family in FAMILIES.values())


def check_whole(header: Header, detected: Detected) -> None:
    """Raise `CheckpointError` unless a file has all that its family needs, naming what it lacks."""
    family = detected.family
    wanted = [k for k in (*family.encoders, "vae") if k not in family.optional]
    missing = [_CALLED.get(k, k) for k in wanted if k not in detected.parts]
    if missing:
        raise CheckpointError(
            f"{header.path}: expected a whole checkpoint of {family.title}, found its denoiser "
            f"without {' and '.join(missing)}: load the parts with load_parts.unet, "
            "load_parts.clip and load_parts.vae"
        )


UNCLIP = ("noise_augmentor.data_mean", "noise_augmentor.data_std")
"""The tensors by which an unCLIP checkpoint in one file is known: how its embeddings spread."""
UNCLIP_FOLDER = Path("image_normalizer") / "diffusion_pytorch_model.safetensors"
"""The file that has them in a folder."""


def check_unclip(path: Path) -> None:
    """Raise `CheckpointError` unless a file or folder has what unCLIP's have beside the rest."""
    expected = "an unCLIP checkpoint, with a CLIP vision model and the spread of its embeddings"
    if path.is_dir():
        if not (path / UNCLIP_FOLDER).is_file():
            raise CheckpointError(f"{path}: expected {expected}, found no {path / UNCLIP_FOLDER}")
        return
    header = read_header(path)
    if not all(name in header.tensors for name in UNCLIP):
        raise CheckpointError(f"{path}: expected {expected}, found {describe(header)}")


def wanted_denoiser(header: Header) -> Detected:
    """The denoiser in a file; an error says what it is instead."""
    found = recognise_denoiser(header)
    if found is None:
        raise _other(header, "a denoiser")
    return found


def wanted_vae(header: Header) -> Part:
    """The autoencoder in a file; an error says what it is instead."""
    found = recognise_vae(header)
    if found is None:
        raise _other(header, "an autoencoder")
    return found


def wanted_encoders(header: Header) -> dict[str, Part]:
    """The text encoders in a file; an error says what it is instead."""
    found = recognise_encoders(header, alone=True)
    if not found:
        raise _other(header, "a text encoder")
    return found


def family_of_latents(part: Part) -> Family:
    """The first family whose latents have as many channels as an autoencoder gives."""
    channels = part.config["latent_channels"]
    found = next((f for f in FAMILIES.values() if f.latent_channels == channels), None)
    if found is None:
        raise CheckpointError(f"no family that is known has latents of {channels} channels")
    return found


def family_of_encoders(found: Collection[str]) -> Family:
    """The first family that reads its texts by these kinds of encoders, no more and no less."""
    for family in FAMILIES.values():
        if set(family.encoders) - set(family.optional) <= set(found) <= set(family.encoders):
            return family
    raise CheckpointError(f"no family that is known reads its texts by {' and '.join(found)}")


def _other(header: Header, expected: str) -> CheckpointError:
    return CheckpointError(f"{header.path}: expected {expected}, found {describe(header)}")


_CALLED = {"vae": "autoencoder"}
