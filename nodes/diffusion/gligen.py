"""GLIGEN: layers in a UNet that look at boxes with words.

Li et al. 2023, arXiv 2301.07093, eq. 8: behind each self-attention of a block a gated one over its
places and the boxes' tokens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.finite import check_finite
from nodes.diffusion.checkpoints.header import Header, read_header
from nodes.diffusion.checkpoints.stream import Weights
from nodes.diffusion.cloning import clone_modules
from nodes.types import Conditioning, Gligen

BOXES = 30  # as many as the published models were trained with
_EXPECTED = "GLIGEN's layers for a UNet of Stable Diffusion (position_net.… and ….fuser.…)"
_PLACES = (
    (r"input_blocks\.(\d+)\.1\.", "input"),
    (r"middle_block\.1\.", "mid"),
    (r"output_blocks\.(\d+)\.1\.", "output"),
)
_FUSER = re.compile(r"(.*)\.transformer_blocks\.0\.fuser\.(.+)")
_LAYERS = 2  # of each block of Stable Diffusion 1 and 2, in whose count the authors name places


def load(path: Path, device: str = "cpu") -> Gligen:
    """The layers in a file, under their authors' names or those of a diffusers UNet; what else is
    in it is left out.

    Raises:
        CheckpointError: there are none, or the file is damaged; says what was found.
    """
    header = read_header(path)
    position = _names(header, r"(?:.*\.)?position_net\.(.+)")
    fusers: dict[tuple[str, int, int], dict[str, str]] = {}
    for name in header.tensors:
        match = _FUSER.match(name)
        place = _place(match[1] + ".") if match else None
        if match and place:
            fusers.setdefault(place, {})[match[2]] = name
    if "null_positive_feature" not in position or not fusers:
        from nodes.diffusion.checkpoints.recognise import describe

        raise CheckpointError(f"{path}: expected {_EXPECTED}, found {describe(header)}")
    weights = Weights(header)
    try:
        found = Gligen(
            _read(weights, position, device),
            {place: _read(weights, names, device) for place, names in sorted(fusers.items())},
        )
    finally:
        weights.close()
    _check(path, found)
    return found


def _check(path: Path, gligen: Gligen) -> None:
    """Layers of numbers that fit each other; for which network they are shows when they meet it."""
    from diffusers.models.attention import GatedSelfAttentionDense
    from diffusers.models.embeddings import GLIGENTextBoundingboxProjection

    own, last = gligen.position["null_positive_feature"], gligen.position.get("linears.4.bias")
    out = 0 if last is None else len(last)
    with torch.device("meta"):
        faults = _misfits(GLIGENTextBoundingboxProjection(len(own), out), gligen.position)
        for weights in gligen.fusers.values():
            wide = len(weights.get("norm1.weight", ()))
            faults += _misfits(GatedSelfAttentionDense(wide, out, 1, wide), weights)
    if faults:
        found = "; ".join(faults[:3])
        raise CheckpointError(f"{path}: expected {_EXPECTED}, found {found}")
    for weights in (gligen.position, *gligen.fusers.values()):
        check_finite(path, weights, _EXPECTED)


def _misfits(module: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Where the weights are not those of a module, in words."""
    wanted = {name: list(tensor.shape) for name, tensor in module.state_dict().items()}
    given = {name: list(tensor.shape) for name, tensor in weights.items()}
    odd = sorted(wanted.keys() ^ given.keys())
    faults = [f"{name} {'missing' if name in wanted else 'that has no place'}" for name in odd]
    both = ((name, shape) for name, shape in given.items() if name in wanted)
    return faults + [f"{n} {s} and not {wanted[n]}" for n, s in both if s != wanted[n]]


def _names(header: Header, pattern: str) -> dict[str, str]:
    found = ((re.fullmatch(pattern, name), name) for name in header.tensors)
    return {match[1]: name for match, name in found if match}


def _read(weights: Weights, names: Mapping[str, str], device: str) -> dict[str, Tensor]:
    return {n: weights.read(old, torch.float32).to(device) for n, old in names.items()}


def _place(name: str) -> tuple[str, int, int] | None:
    """Where a layer stands: the way, the block in it, the attention in that."""
    if match := re.search(r"(down|up)_blocks\.(\d+)\.attentions\.(\d+)\.", name + "."):
        return match[1], int(match[2]), int(match[3])
    if "mid_block.attentions.0" in name:
        return "mid", 0, 0
    for pattern, way in _PLACES:
        match = re.search(pattern, name)
        if match is None:
            continue
        if way == "mid":
            return "mid", 0, 0
        number = int(match[1]) - (way == "input")
        block, layer = divmod(number, _LAYERS + 1)
        return ("down" if way == "input" else "up"), block, layer
    return None


def attached(network: nn.Module, gligen: Gligen) -> nn.Module:
    """A clone with the layers in it; without boxes it is as the network.

    Raises:
        ValueError: they are for a network of another shape.
    """
    from diffusers.models.attention import GatedSelfAttentionDense
    from diffusers.models.embeddings import GLIGENTextBoundingboxProjection

    clone: Any = clone_modules(network)
    like = next(clone.parameters())
    try:
        width = int(clone.config.cross_attention_dim)
        made = GLIGENTextBoundingboxProjection(
            positive_len=len(gligen.position["null_positive_feature"]), out_dim=width
        )
        clone.position_net = _filled(made, gligen.position, like)
        for place, weights in gligen.fusers.items():
            block = _block(clone, place)
            attn = block.attn1
            size = attn.to_q.out_features // attn.heads
            fuser = GatedSelfAttentionDense(attn.to_q.in_features, width, attn.heads, size)
            block.fuser = _filled(fuser, weights, like)
    except (RuntimeError, AttributeError, IndexError, TypeError) as error:
        raise ValueError(f"GLIGEN's layers do not fit the network: {error}") from None
    return clone  # type: ignore[no-any-return]


def _filled(module: nn.Module, weights: Mapping[str, Tensor], like: Tensor) -> nn.Module:
    faults = _misfits(module, weights)
    if faults:
        raise RuntimeError("; ".join(faults[:3]))
    module.load_state_dict({name: tensor.to(like) for name, tensor in weights.items()})
    return module.requires_grad_(False).eval().to(like.device, like.dtype)


def _block(network: Any, place: tuple[str, int, int]) -> Any:
    way, block, layer = place
    inside = network.mid_block if way == "mid" else getattr(network, f"{way}_blocks")[block]
    return inside.attentions[layer].transformer_blocks[0]


Boxes = tuple[Tensor, Tensor, Tensor]


def no_boxes(width: int) -> Boxes:
    """Room for boxes: corners [1, 30, 4], words [1, 30, width], and which are there [1, 30]."""
    return torch.zeros(1, BOXES, 4), torch.zeros(1, BOXES, width), torch.zeros(1, BOXES)


def boxes_of(text: Conditioning, width: int) -> Boxes:
    """The boxes that a text has, or none."""
    found = dict(dict(text.extra("cross_attention") or ()).get("gligen") or ())
    if not found:
        return no_boxes(width)
    return found["boxes"], found["positive_embeddings"], found["masks"]


def with_boxes(text: Conditioning, boxes: Boxes) -> Conditioning:
    """A text with these boxes in the place of those that it has."""
    others = [p for p in text.extra("cross_attention") or () if p[0] != "gligen"]
    corners, words, there = boxes
    found = (("boxes", corners), ("positive_embeddings", words), ("masks", there))
    return text.with_extra("cross_attention", (*others, ("gligen", found)))


def one_more(boxes: Boxes, corners: tuple[float, float, float, float], words: Tensor) -> Boxes:
    """These boxes and another, [left, top, right, bottom] in shares of the picture, of which the
    words [1, width] tell what is in it.

    Raises:
        ValueError: there are as many as there can be.
    """
    old_corners, old_words, there = (tensor.clone() for tensor in boxes)
    place = int(there.sum())
    if place >= BOXES:
        raise ValueError(f"{BOXES} boxes are as many as there can be")
    old_corners[:, place] = torch.tensor(corners)
    old_words[:, place] = words.to(old_words)
    there[:, place] = 1
    return old_corners, old_words, there
