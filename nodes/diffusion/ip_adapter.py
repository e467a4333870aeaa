"""IP-Adapters: a picture's tokens, and attention to them beside that to the text.

Ye et al. 2023, arXiv 2308.06721, eq. 5: the text's attention plus `strength` times that of the same
queries to the picture's keys and values.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nodes.diffusion.attention import side_lengths
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.header import Header, read_header
from nodes.diffusion.checkpoints.stream import Weights
from nodes.diffusion.cloning import clone_modules
from nodes.diffusion.image_prompts import ARGUMENT, PromptRows
from nodes.types import ImageEmbedding, IpAdapter

_FAMILIES = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
_EXPECTED = "an IP-Adapter of Stable Diffusion 1 or XL (tensors image_proj.… and ip_adapter.…)"


def load(path: Path, device: str = "cpu") -> IpAdapter:
    """The adapter in a file: plain, plus (with a resampler) or full face.

    Raises:
        CheckpointError: it is damaged or another thing; names the file and what was found.
    """
    header = read_header(path)
    projection = _read(header, "image_proj.")
    layers = _read(header, "ip_adapter.")
    if not projection or not layers:
        from nodes.diffusion.checkpoints.recognise import describe

        raise CheckpointError(f"{path}: expected {_EXPECTED}, found {describe(header)}")
    if any("lora" in name for name in layers) or _is_face_id(projection):
        raise CheckpointError(
            f"{path}: expected {_EXPECTED}, found a FaceID one, which reads the vectors of a face "
            "recogniser and no picture"
        )
    numbers = sorted({int(name.split(".")[0]) for name in layers if name[0].isdigit()})
    try:
        keys = tuple(layers[f"{k}.to_k_ip.weight"].to(device) for k in numbers)
        values = tuple(layers[f"{k}.to_v_ip.weight"].to(device) for k in numbers)
        network = _projection(projection).to(device)
    except (KeyError, RuntimeError, AttributeError) as error:
        raise CheckpointError(f"{path}: expected {_EXPECTED}, found it damaged: {error}") from None
    width = keys[0].shape[-1]
    for name, weight in layers.items():
        if weight.ndim != 2 or weight.shape[1] != width:
            got = f"found ip_adapter.{name} of shape {list(weight.shape)}"
            raise CheckpointError(f"{path}: expected matrices for texts of width {width}, {got}")
    reads = "pooled" if "proj.weight" in projection else "hidden"
    family = _FAMILIES.get(width, "sd1")
    return IpAdapter(_name_of(path), network, keys, values, reads, family)


def _read(header: Header, prefix: str) -> dict[str, Tensor]:
    weights, faults = Weights(header), list[str]()
    try:
        found = {
            name.removeprefix(prefix): weights.read(name, torch.float32, faults)
            for name in header.tensors
            if name.startswith(prefix)
        }
    finally:
        weights.close()
    if faults:
        raise CheckpointError(f"{header.path}: " + "; ".join(faults[:3]))
    return found


def _is_face_id(projection: dict[str, Tensor]) -> bool:
    plain_face = "norm.weight" in projection and "proj.2.weight" in projection
    return plain_face or "perceiver_resampler.proj_in.weight" in projection


def _projection(state: dict[str, Tensor]) -> nn.Module:
    """diffusers' module for the names in the file; it reads nothing of the loader that it is
    a method of as long as it may use memory."""
    from diffusers.loaders.unet import UNet2DConditionLoadersMixin

    convert = UNet2DConditionLoadersMixin._convert_ip_adapter_image_proj_to_diffusers
    made: nn.Module = convert(None, state, low_cpu_mem_usage=False)
    return made.requires_grad_(False).eval()


def _name_of(path: Path) -> str:
    """A name that a file has wherever it lies: the hash of its header, which tells its tensors, and
    of the last bytes of its weights."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        stream.seek(8)
        digest = hashlib.sha256(stream.read(length))
        stream.seek(-min(4096, path.stat().st_size), 2)
        digest.update(stream.read())
    return f"ip_{digest.hexdigest()[:16]}"


def tokens_of(adapter: IpAdapter, embedding: ImageEmbedding, blank: bool) -> Tensor:
    """What a denoiser attends to, [B, t, D]; `blank` is for no picture.

    As in training: a plain adapter's is an embedding of zeros, the others' that of an empty
    picture.

    Raises:
        ValueError: the embedding is of another vision model than the adapter was trained with.
    """
    given = embedding.pooled if adapter.reads == "pooled" else embedding.hidden
    if blank:
        plain = adapter.reads == "pooled"
        given = torch.zeros_like(given[:1]) if plain else embedding.blank
    weight = next(p for p in adapter.projection.parameters())
    wanted = _width(adapter.projection)
    if given.shape[-1] != wanted:
        raise ValueError(f"an embedding of width {given.shape[-1]}, the adapter reads {wanted}")
    with torch.no_grad():
        # One by one, so that a picture's tokens are those it has alone, to the bit.
        return torch.cat([adapter.projection(one) for one in given.to(weight).split(1)])


def _width(projection: nn.Module) -> int:
    """How wide the embeddings are that it reads: what its first linear layer takes."""
    named = dict(projection.named_modules())
    first: Any = named.get("image_embeds") or named.get("proj_in") or named["ff.net.0.proj"]
    return int(first.in_features)


class ImageAttention(nn.Module):  # type: ignore[misc]
    """The further projections of one attention module, by the adapters' names."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = nn.ParameterDict()
        self.values = nn.ParameterDict()

    def add(self, name: str, key: Tensor, value: Tensor, like: Tensor) -> None:
        """One adapter's two matrices."""
        self.keys[name] = nn.Parameter(key.to(like), requires_grad=False)
        self.values[name] = nn.Parameter(value.to(like), requires_grad=False)

    def forward(self, attn: Any, hidden: Tensor, prompts: list[PromptRows]) -> Tensor:
        """What attention to pictures adds to the module's output, [n, places, C]."""
        query = _heads(attn.to_q(hidden), attn.heads)
        total = torch.zeros_like(query)
        for prompt in prompts:
            tokens = prompt.tokens.to(query)
            key = _heads(F.linear(tokens, self.keys[prompt.name]), attn.heads)
            value = _heads(F.linear(tokens, self.values[prompt.name]), attn.heads)
            looked = F.scaled_dot_product_attention(query, key, value)
            total = total + looked * _weights(prompt, looked)
        joined = total.transpose(1, 2).flatten(2)
        out = attn.to_out[0]
        # The layer's bias is in what the text's attention gave.
        moved: Tensor = out(joined) - out(torch.zeros_like(joined[:1, :1]))
        return moved / float(attn.rescale_output_factor)


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(2, (heads, -1)).transpose(1, 2)  # [n, heads, places, size]


def _weights(prompt: PromptRows, looked: Tensor) -> Tensor:
    """How much a prompt counts in each row, and at each place where it has a mask."""
    weights = prompt.weights.to(looked)[:, None, None, None]
    if prompt.mask is None:
        return weights
    grid = side_lengths(looked.shape[2], *prompt.mask.shape[-2:])
    mask = F.interpolate(prompt.mask, grid, mode="area")  # [n, 1, rows, columns]
    return weights * mask.flatten(2)[..., None].to(looked)


def _look(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> Any:
    prompts = kwargs.get(ARGUMENT)
    if not prompts:
        return output
    hidden = args[0] if args else kwargs["hidden_states"]
    return output + module.image_attention(module, hidden, prompts)


def attached(network: nn.Module, adapter: IpAdapter) -> nn.Module:
    """A clone that can attend to an adapter's tokens; without any it is as the network.

    Raises:
        ValueError: the adapter is for a network with other attention.
    """
    clone: Any = clone_modules(network)
    if type(network).__name__ != "UNet2DConditionModel":
        raise ValueError(f"the adapter is for a UNet, not for a {type(network).__name__}")
    places = [n for n in clone.attn_processors if n.endswith("attn2.processor")]
    width = clone.config.cross_attention_dim
    if len(places) != len(adapter.keys) or adapter.keys[0].shape[1] != width:
        raise ValueError(
            f"the adapter has {len(adapter.keys)} layers for texts of width "
            f"{adapter.keys[0].shape[1]}, the model {len(places)} of {width}"
        )
    for place, key, value in zip(places, adapter.keys, adapter.values, strict=True):
        module = clone.get_submodule(place.removesuffix(".processor"))
        if not hasattr(module, "image_attention"):
            module.image_attention = ImageAttention()
            module.register_forward_hook(_look, with_kwargs=True)
        module.image_attention.add(adapter.name, key, value, module.to_k.weight)
    clone.image_adapters = names_in(network) | {adapter.name}
    return clone  # type: ignore[no-any-return]


def names_in(network: Any) -> frozenset[str]:
    """The adapters that a network can attend by."""
    return getattr(network, "image_adapters", frozenset())
