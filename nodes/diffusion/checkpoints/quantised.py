"""GGUF's blocks of quantised numbers become floats again, by diffusers' GGUF code."""

from __future__ import annotations

from torch import Tensor

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.header import TensorInfo


def dequantise(data: Tensor, info: TensorInfo, name: str) -> Tensor:
    """The numbers of a quantised tensor from its bytes, uint8 [n]; in the shape of `info`.

    Raises:
        CheckpointError: the package `gguf` is not installed, or it is an unknown method.
    """
    try:
        import gguf
        from diffusers.quantizers.gguf.utils import GGUFParameter, dequantize_gguf_tensor
    except ImportError:
        raise CheckpointError(
            f"{info.file} is quantised as GGUF, which needs the package gguf: "
            "pip install 'nodeflow[gguf]'"
        ) from None
    kind = gguf.GGMLQuantizationType[info.dtype]
    _, size = gguf.GGML_QUANT_SIZES[kind]
    rows = data.reshape(-1, size)  # one block a row: a tensor's rows are whole blocks
    try:
        values = dequantize_gguf_tensor(GGUFParameter(rows, quant_type=kind))
    except KeyError:
        raise CheckpointError(
            f"{info.file}: {name} is quantised as {info.dtype}, which diffusers does not read"
        ) from None
    found: Tensor = values.reshape(info.shape)
    return found
