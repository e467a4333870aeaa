"""Looking into values that hold tensors: which, how many bytes, what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nodeflow.memory import (
    BASE_BYTES,
    HASHED_BYTES,
    content_key,
    is_module,
    is_tensor,
    nbytes,
    short,
    tensor_bytes,
    tensors,
)
from nodes.types import Conditioning, Image, Latent, Model, Step


@dataclass(frozen=True, eq=False)
class Box:
    inside: Any


def ids(value: Any) -> set[int]:
    return {id(tensor) for tensor in tensors(value)}


def test_tensors_and_modules_are_told_by_what_they_can_do() -> None:
    linear = torch.nn.Linear(2, 2)
    assert is_tensor(torch.zeros(1))
    assert is_tensor(linear.weight)
    assert is_module(linear)
    for other in (linear, torch.float32, torch.Size([1]), torch.device("cpu"), 1, None, torch):
        assert not is_tensor(other)
    assert not is_module(torch.zeros(1))


def test_every_tensor_in_a_value_is_found_once() -> None:
    a, b, c, d = (torch.zeros(1) for _ in range(4))
    value = [a, (b, {"c": c}), Box(Box([a, d])), Latent(a, noise_mask=None), "text", 1]
    assert ids(value) == {id(a), id(b), id(c), id(d)}
    assert len(list(tensors(value))) == 4
    loop: list[Any] = [a]
    loop.append(loop)
    assert ids(loop) == {id(a)}


def test_the_parameters_and_buffers_of_a_module_are_found() -> None:
    norm = torch.nn.BatchNorm1d(3)
    found = ids(Model(norm, None))  # type: ignore[arg-type]
    assert found == {id(t) for t in (*norm.parameters(), *norm.buffers())}


def test_bytes_are_those_of_the_storages_each_once() -> None:
    whole = torch.zeros(100, 4)
    assert nbytes(whole) == BASE_BYTES + 1600
    assert nbytes(whole[:1]) == BASE_BYTES + 1600  # a view holds all of it
    assert nbytes(Latent(whole, whole[1:])) == BASE_BYTES + 1600
    assert nbytes(Box([whole, whole.clone()])) == BASE_BYTES + 3200 + 2 * 8  # and two places
    assert nbytes(torch.zeros(0)) == BASE_BYTES
    assert nbytes(torch.zeros(100, dtype=torch.bfloat16)) == BASE_BYTES + 200
    assert nbytes([torch.zeros(0), torch.zeros(0)]) == BASE_BYTES + 16
    assert nbytes(torch.nn.Linear(10, 5)) == BASE_BYTES + 4 * 55


def test_tensors_without_memory_count_what_they_would_hold() -> None:
    two = [torch.zeros(10, device="meta"), torch.zeros(10, device="meta")]
    assert nbytes(two) == BASE_BYTES + 16 + 80


@settings(deadline=None)
@given(
    shape=st.lists(st.integers(0, 3), max_size=4),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.int64, torch.uint8]),
    data=st.data(),
)
def test_bytes_of_a_view_are_those_of_its_copy(
    shape: list[int], dtype: torch.dtype, data: st.DataObject
) -> None:
    tensor = torch.arange(torch.Size(shape).numel()).to(dtype).reshape(shape)
    view = tensor.permute(data.draw(st.permutations(range(len(shape)))))
    if view.dim():
        view = view[:: data.draw(st.integers(1, 3))]
    expected = view.contiguous().clone(memory_format=torch.contiguous_format)
    assert tensor_bytes(view) == tensor_bytes(expected)
    assert content_key(view) == content_key(expected)
    assert len(tensor_bytes(view)) == view.numel() * view.element_size()
    if dtype is torch.uint8:
        assert list(tensor_bytes(view)) == view.flatten().tolist()


def test_bytes_of_one_element_with_an_odd_stride() -> None:
    odd = torch.tensor([1.0, 2.0])[::2]
    assert odd.stride() == (2,)
    assert odd.is_contiguous()
    assert tensor_bytes(odd) == tensor_bytes(torch.tensor([1.0]))


def test_bytes_of_lazy_conjugates_and_gradients() -> None:
    z = torch.tensor([1 + 2j, 3 - 4j])
    assert tensor_bytes(z.conj()) == tensor_bytes(torch.tensor([1 - 2j, 3 + 4j]))
    assert tensor_bytes(z.conj().imag) == tensor_bytes(torch.tensor([-2.0, 4.0]))
    assert tensor_bytes(torch.ones(2, requires_grad=True)) == tensor_bytes(torch.ones(2))


def test_content_keys_tell_dtype_shape_and_bits() -> None:
    zeros = [
        torch.zeros(4),
        torch.zeros(2, 2),
        torch.zeros(4, dtype=torch.int32),
        torch.zeros(4, dtype=torch.bfloat16),
        torch.zeros(8, dtype=torch.float16),
        -torch.zeros(4),
        torch.zeros(0),
        torch.zeros(0, 3),
        torch.zeros(()),
        [torch.zeros(4)],
        Latent(torch.zeros(4)),
        Image(torch.zeros(4)),
        Latent(torch.zeros(4), torch.zeros(4)),
        Conditioning(torch.zeros(4)),
    ]
    keys = [content_key(value) for value in zeros]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert content_key(torch.full((2,), float("nan"))) == content_key(
        torch.full((2,), float("nan"))
    )


def test_equal_tensors_have_equal_content_keys_however_they_lie() -> None:
    a = torch.arange(24.0).reshape(2, 3, 4)
    same = (a.clone(), a.mT.contiguous().mT, torch.cat([a, a])[:2], a.detach().requires_grad_())
    assert {content_key(t) for t in same} == {content_key(a)}
    assert {content_key(Latent(t)) for t in same} == {content_key(Latent(a))}


def test_large_tensors_and_models_have_no_content_key() -> None:
    assert content_key(torch.zeros(HASHED_BYTES // 4)) is not None
    assert content_key(torch.zeros(HASHED_BYTES // 4 + 1)) is None
    assert content_key(torch.zeros(1).expand(HASHED_BYTES)) is None
    assert content_key(Model(torch.nn.Linear(1, 1), None)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (torch.zeros(2, 3), "Tensor[2, 3] float32 cpu"),
        (Latent(torch.zeros(1, 4, 8, 8)), "Latent[1, 4, 8, 8] float32 cpu"),
        (Image(torch.zeros(1, 2, 2, 3, dtype=torch.float16)), "Image[1, 2, 2, 3] float16 cpu"),
        ([Latent(torch.zeros(1))] * 5, "[" + "Latent[1] float32 cpu, " * 3 + "… 5 in all]"),
        (torch.nn.Linear(1, 1), "Linear"),
        (
            Model(torch.nn.Linear(1, 1), None),
            "Model(prediction='epsilon', family='sd1', sigma_data=1.0)",
        ),  # type: ignore[arg-type]
        (
            Step(0, 2, 1.0, 0.5, 9.0, 5.0),
            "Step(index=0, count=2, sigma=1.0, sigma_next=0.5, timestep=9.0, timestep_next=5.0, "
            "flow=False)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_short_describes_what_a_value_holds(value: Any, text: str) -> None:
    assert short(value) == text


def test_sparse_tensors_and_texts_count() -> None:
    sparse = torch.eye(4).to_sparse()
    assert nbytes([sparse]) >= 64
    assert nbytes(["x" * 1000]) > nbytes(["x"]) + 900
