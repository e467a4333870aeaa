"""GGUF's blocks of quantised numbers: kept as they are, and floats again when they are used.

The arithmetic is diffusers' GGUF code. A linear layer keeps its blocks and makes its weight from
them at each use, so that a quantised network takes no more memory than its file; what is no linear
layer becomes floats when it is loaded.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.header import TensorInfo


class QuantisedLinear(nn.Linear):  # type: ignore[misc]  # torch is not typed here
    """A linear layer whose weight lies in blocks, uint8 [out, bytes]; `weight` gives the numbers.

    A weight that is put in the blocks' place, as one with a LoRA baked into it, is used from then.
    """

    def __init__(self, layer: nn.Linear, blocks: Tensor, kind: str, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.kind, self.dtype = kind, dtype
        self.register_buffer("blocks", blocks, persistent=False)
        self.register_parameter("bias", layer.bias)

    def ends(self) -> Tensor:
        """The numbers of the first row and the last."""
        return _numbers(self.blocks[[0, -1]], self.kind)

    @property
    def weight(self) -> Any:
        """The weight's numbers, [out, in]."""
        given = self._parameters.get("weight")
        return _numbers(self.blocks, self.kind).to(self.dtype) if given is None else given

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "weight":  # a property that the parent's bookkeeping would stumble over
            self._parameters["weight"] = value
        else:
            super().__setattr__(name, value)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if "weight" not in self._parameters:
            destination[prefix + "weight"] = self.weight


def dequantise(data: Tensor, info: TensorInfo, name: str) -> Tensor:
    """The numbers of a quantised tensor from its bytes, uint8 [n]; in the shape of `info`.

    Raises:
        CheckpointError: the package `gguf` is not installed, or it is an unknown method.
    """
    check_installed(info)
    try:
        return _numbers(data.reshape(1, -1), info.dtype).reshape(info.shape)
    except KeyError:
        raise CheckpointError(
            f"{info.file}: {name} is quantised as {info.dtype}, which diffusers does not read"
        ) from None


def row_bytes(columns: int, kind: str) -> int:
    """The bytes of a row of so many numbers; 0 where it is no whole number of blocks."""
    import gguf

    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    return columns // block * size if columns % block == 0 else 0


def check_installed(info: TensorInfo) -> None:
    """Raise `CheckpointError` where the package that reads GGUF is not installed."""
    try:
        import gguf  # noqa: F401
    except ImportError:
        raise CheckpointError(
            f"{info.file} is quantised as GGUF, which needs the package gguf: "
            "pip install 'nodeflow[gguf]'"
        ) from None


def _numbers(blocks: Tensor, kind: str) -> Tensor:
    """uint8 [rows, bytes] as floats [rows, columns]."""
    import gguf
    from diffusers.quantizers.gguf.utils import GGUFParameter, dequantize_gguf_tensor

    found: Tensor = dequantize_gguf_tensor(
        GGUFParameter(blocks, quant_type=gguf.GGMLQuantizationType[kind])
    )
    return found
