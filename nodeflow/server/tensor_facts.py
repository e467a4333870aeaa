"""Numbers about tensors, exactly as NumPy's in float64: by the worker as values are made, and by
the server of what was kept. NumPy is imported where it is used. Imports nothing of nodeflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

DTYPES = {
    "float64": "<f8",
    "float32": "<f4",
    "float16": "<f2",
    "bfloat16": "<u2",
    "int64": "<i8",
    "int32": "<i4",
    "int16": "<i2",
    "int8": "|i1",
    "uint8": "|u1",
    "bool": "|b1",
}
"""How elements are written, by the tensor's dtype; others are written as float32. NumPy has no
bfloat16: it is the upper half of a float32."""


def array_of(tensor: Any) -> tuple[np.ndarray[Any, Any], str]:
    """A tensor's elements in memory, and the dtype that they are told by."""
    import torch

    dense = tensor.detach().cpu()
    name = str(dense.dtype).removeprefix("torch.")
    if name == "bfloat16":
        return dense.contiguous().view(torch.int16).numpy().view("<u2"), name
    if name not in DTYPES:
        dense = dense.to(torch.float32)
        name = "float32"
    return dense.resolve_conj().resolve_neg().numpy(), name


def numbers(array: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    """The elements as float64."""
    import numpy as np

    if dtype == "bfloat16":
        array = (array.astype("<u4") << 16).view("<f4")
    return array.astype(np.float64)


def statistics(values: np.ndarray[Any, Any]) -> dict[str, float | int | None]:
    """`Statistics` of float64 numbers: of the finite ones; nan and inf are counted."""
    import numpy as np

    flat = values.ravel()
    finite = np.isfinite(flat)
    found: dict[str, float | int | None] = {"nan": 0, "inf": 0}
    if not finite.all():
        nan = int(np.isnan(flat).sum())
        found = {"nan": nan, "inf": int(flat.size - finite.sum()) - nan}
        flat = flat[finite]
    names = ("min", "max", "mean", "std", "norm")
    if not flat.size:
        return {**dict.fromkeys(names), **found}
    with np.errstate(over="ignore", invalid="ignore"):
        told = (flat.min(), flat.max(), flat.mean(), flat.std(), np.linalg.norm(flat))
    # Only of numbers near the largest there are can one of these be infinite.
    return {**{n: _number(v) for n, v in zip(names, told, strict=True)}, **found}


def _number(value: Any) -> float | None:
    import math

    return float(value) if math.isfinite(value) else None


def guidance(cond: Any, uncond: Any) -> dict[str, float] | None:
    """`Guidance` of two predictions [B, ...]: per picture, then the mean over the batch; None where
    they do not fit or hold no numbers."""
    import numpy as np

    first, second = (numbers(*array_of(tensor)) for tensor in (cond, uncond))
    if first.shape != second.shape or not first.size:
        return None
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return None
    first, second = (a.reshape(len(a), -1) for a in (first, second))
    sides = np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)
    product = sides[0] * sides[1]
    dot = (first * second).sum(axis=1)
    cos = np.divide(dot, product, out=np.zeros_like(dot), where=product != 0)
    told = (*sides, np.linalg.norm(first - second, axis=1), cos.clip(-1, 1))
    means = [float(part.mean()) for part in told]
    return dict(zip(("cond", "uncond", "delta", "cos"), means, strict=True))
