"""The disk tier with tensors: bit for bit, as they lay in memory, or not at all."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from nodeflow.cache import MISS
from nodeflow.disk import DiskTier
from nodeflow.memory import tensor_bytes
from nodeflow.sockets import socket
from nodes.types import Conditioning, History, Image, Latent, Model, Tokens

ROOT = Path(__file__).parents[2]
KEY = bytes(range(16))
OTHER = bytes(range(1, 17))

NAMES = """
    float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz
    float8_e8m0fnu float4_e2m1fn_x2 complex64 complex128
    int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool
"""
DTYPES = [getattr(torch, name) for name in NAMES.split() if hasattr(torch, name)]  # newer ones too


def put(tier: DiskTier, key: bytes, value: Any) -> None:
    tier.put(key, value, seconds=1.0, nbytes=64)


def back(folder: Path, value: Any) -> Any:
    put(DiskTier(folder), KEY, value)
    return DiskTier(folder).get(KEY)


def only_file(folder: Path) -> Path:
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    return path


def bits(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    """A tensor of random bits: NaN of all kinds, infinities and denormals among them."""
    generator = torch.Generator().manual_seed(seed)
    count = torch.empty(shape, dtype=dtype).nelement() * torch.empty((), dtype=dtype).element_size()
    high = 2 if dtype is torch.bool else 256
    raw = torch.randint(0, high, (count,), generator=generator, dtype=torch.uint8)
    return raw.view(dtype).reshape(shape)


def assert_same(got: torch.Tensor, expected: torch.Tensor) -> None:
    assert type(got) is torch.Tensor
    assert (got.dtype, got.shape, got.device) == (expected.dtype, expected.shape, expected.device)
    assert tensor_bytes(got) == tensor_bytes(expected)


@pytest.mark.parametrize("shape", [(3, 4, 2), (), (0,), (2, 0, 3), (5,)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype_comes_back_bit_for_bit(
    tmp_path: Path, dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    tensor = bits(*shape, dtype=dtype)
    assert_same(back(tmp_path, tensor), tensor)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_views_come_back_with_their_values_and_order_in_memory(
    tmp_path: Path, data: st.DataObject
) -> None:
    shape = data.draw(st.lists(st.integers(0, 4), max_size=4))
    tensor = bits(*shape, dtype=data.draw(st.sampled_from([torch.float32, torch.bfloat16])))
    axes = data.draw(st.permutations(range(len(shape))))
    permuted = tensor.permute(axes)
    assert_same(found := back(tmp_path, permuted), permuted)
    if 0 not in shape and 1 not in shape:
        assert found.stride() == permuted.stride()
    if shape and shape[axes[0]] > 1:
        sliced = permuted[1:]
        assert_same(back(tmp_path, sliced), sliced)
        assert_same(back(tmp_path, permuted[::2]), permuted[::2])
        assert_same(back(tmp_path, permuted.flip(0)), permuted.flip(0))


def test_channels_last_stays_channels_last(tmp_path: Path) -> None:
    tensor = bits(2, 3, 4, 5).to(memory_format=torch.channels_last)
    found = back(tmp_path, tensor)
    assert_same(found, tensor)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_an_expanded_tensor_and_lazy_conjugates_come_back(tmp_path: Path) -> None:
    expanded = bits(1, 3).expand(4, 3)
    assert_same(back(tmp_path, expanded), expanded)
    z = bits(3, 4, dtype=torch.complex64)
    for lazy in (z.conj(), z.mT.conj(), z.imag, z.conj().imag):
        found = back(tmp_path, lazy)
        assert_same(found, lazy.resolve_conj().resolve_neg())


def test_lazy_conjugates_of_several_tensors_are_not_mixed_up(tmp_path: Path) -> None:
    tensors = [bits(64, dtype=torch.complex64, seed=seed).conj() for seed in range(20)]
    for found, tensor in zip(back(tmp_path, tensors), tensors, strict=True):
        assert_same(found, tensor.resolve_conj())


def test_a_tensor_that_occurs_twice_is_stored_once(tmp_path: Path) -> None:
    tensor = bits(1000)
    value = [tensor, (tensor, tensor.view_as(tensor)), {"again": tensor.detach()}]
    found = back(tmp_path, value)
    assert only_file(tmp_path).stat().st_size < 2 * tensor.nbytes
    for each in (found[0], *found[1], found[2]["again"]):
        assert_same(each, tensor)


def test_overlapping_tensors_come_back_apart(tmp_path: Path) -> None:
    whole = bits(4, 4)
    found = back(tmp_path, (whole, whole[1:], whole.mT, whole.view(torch.int32), whole[:0]))
    parts = (whole, whole[1:], whole.mT, whole.view(torch.int32), whole[:0])
    for got, expected in zip(found, parts, strict=True):
        assert_same(got, expected)


def test_the_file_is_plain_safetensors(tmp_path: Path) -> None:
    tensor = bits(2, 3, dtype=torch.float16)
    put(DiskTier(tmp_path), KEY, Latent(tensor))
    path = only_file(tmp_path)
    assert path == tmp_path / "v1" / "00" / f"{KEY.hex()}.safetensors"
    assert_same(load_file(path)["t0"], tensor)


def test_socket_types_come_back(tmp_path: Path) -> None:
    more = Conditioning(bits(1, 7, 4, seed=1))
    found = back(tmp_path, Conditioning(bits(1, 7, 4), pooled=None, more=(more,)))
    assert type(found) is Conditioning
    assert found.pooled is None
    assert_same(found.embeddings, bits(1, 7, 4))
    assert_same(found.more[0].embeddings, more.embeddings)

    found = back(
        tmp_path, [History(((1.5, bits(2)), (float("inf"), bits(3)))), Image(bits(1, 2, 2, 3))]
    )
    assert [sigma for sigma, _ in found[0].entries] == [1.5, float("inf")]
    assert_same(found[0].entries[1][1], bits(3))
    assert_same(found[1].pixels, bits(1, 2, 2, 3))

    ids = torch.arange(77)[None]
    found = back(tmp_path, Tokens("a \ud800 circle", ids, (("a</w>",),)))
    assert (found.text, found.pieces) == ("a \ud800 circle", (("a</w>",),))
    assert_same(found.ids, ids)


class Subclass(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "value",
    [
        torch.nn.Linear(2, 2),
        Model(torch.nn.Linear(2, 2), None),  # type: ignore[arg-type]
        torch.nn.Parameter(torch.zeros(2)),
        torch.zeros(2, requires_grad=True),
        torch.zeros(2, device="meta"),
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(2).as_subclass(Subclass),
        torch.zeros(2).untyped_storage(),
        torch.Generator(),
        torch.float32,
        torch.Size([1]),
        OrderedDict(a=torch.zeros(2)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_could_not_come_back_the_same_is_declined(tmp_path: Path, value: Any) -> None:
    put(DiskTier(tmp_path), KEY, [torch.zeros(1), value])
    assert list(tmp_path.iterdir()) == []


def test_what_comes_back_does_not_mind_what_becomes_of_the_file(tmp_path: Path) -> None:
    tier, tensor = DiskTier(tmp_path), bits(300_000)
    put(tier, KEY, tensor)
    first = tier.get(KEY)
    put(tier, KEY, tensor + 1)
    path = only_file(tmp_path)
    path.write_bytes(b"\0" * 100)
    assert_same(first, tensor)
    path.unlink()
    assert_same(first, tensor)


def test_what_comes_back_holds_no_more_memory_than_it_needs(tmp_path: Path) -> None:
    one, two = back(tmp_path, (bits(10), bits(1000)[:5]))
    assert one.untyped_storage().nbytes() == 40
    assert two.untyped_storage().nbytes() == 20


def test_the_value_itself_is_left_as_it_was(tmp_path: Path) -> None:
    tensor = bits(3, 4).mT
    before, version = tensor_bytes(tensor), tensor._version
    back(tmp_path, [tensor, tensor])
    assert (tensor_bytes(tensor), tensor._version, tensor.stride()) == (before, version, (1, 4))


# ── damage ─────────────────────────────────────────────────────────────────────────────────────


def small(folder: Path) -> tuple[Path, bytes]:
    put(DiskTier(folder), KEY, Latent(bits(2, 3), bits(1, 2, dtype=torch.float8_e5m2)))
    path = only_file(folder)
    return path, path.read_bytes()


def test_truncation_at_every_length_misses_and_is_dropped(tmp_path: Path) -> None:
    path, data = small(tmp_path)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert DiskTier(tmp_path).get(KEY) is MISS
        assert not path.exists()


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF], ids=hex)
def test_a_flipped_byte_at_every_position_misses_and_is_dropped(tmp_path: Path, mask: int) -> None:
    path, data = small(tmp_path)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= mask
        path.write_bytes(damaged)
        assert DiskTier(tmp_path).get(KEY) is MISS, position
        assert not path.exists()
    path.write_bytes(data)
    assert_same(DiskTier(tmp_path).get(KEY).samples, bits(2, 3))


def test_an_entry_under_another_key_or_suffix_misses(tmp_path: Path) -> None:
    path, data = small(tmp_path)
    other = tmp_path / "v1" / OTHER.hex()[:2] / f"{OTHER.hex()}.safetensors"
    other.parent.mkdir()
    other.write_bytes(data)
    assert DiskTier(tmp_path).get(OTHER) is MISS
    path.rename(path.with_suffix(".json"))
    assert DiskTier(tmp_path).get(KEY) is MISS
    assert not path.with_suffix(".json").exists()


def test_any_other_safetensors_file_misses(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path, _ = small(tmp_path)
    for metadata in (None, {"checksum": "0" * 32, "structure": '{"t":"t0"}'}):
        save_file({"t0": bits(3)}, path, metadata)
        assert DiskTier(tmp_path).get(KEY) is MISS
        assert not path.exists()


# ── many processes ─────────────────────────────────────────────────────────────────────────────

WORKER = """
import random, sys
from pathlib import Path
import torch
from nodeflow.cache import MISS
from nodeflow.disk import DiskTier
from nodes.types import Latent

tier, chance, hits = DiskTier(Path(sys.argv[1]), max_bytes=300_000), random.Random(sys.argv[2]), 0
for _ in range(80):
    number = chance.randrange(6)
    samples = torch.full((1, 4, 16, 16 * (number + 1)), float(number))
    found = tier.get(bytes([number] * 16))
    if found is not MISS:
        hits += 1
        assert torch.equal(found.samples, samples)
    if chance.random() < 0.7:
        tier.put(bytes([number] * 16), Latent(samples), 1.0, 64)
print(hits)
"""

KILLED = """
import sys
from pathlib import Path
import torch
from nodeflow.disk import DiskTier

tier, number = DiskTier(Path(sys.argv[1])), 0
print("ready", flush=True)
while True:
    number += 1
    tier.put(bytes([number % 4] * 16), torch.full((500_000,), float(number % 4)), 1.0, 64)
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_on_the_same_keys_never_read_a_wrong_value(tmp_path: Path) -> None:
    workers = [start(WORKER, tmp_path, seed) for seed in range(2)]
    ended = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], ended
    assert sum(int(out) for out, _ in ended) > 0


def test_a_writer_killed_at_any_moment_leaves_no_wrong_entry(tmp_path: Path) -> None:
    chance = random.Random(0)
    half_written = whole = 0
    for kill in range(50):
        if kill >= 4 and half_written and whole:
            break
        writer = start(KILLED, tmp_path)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(chance.uniform(0.02, 0.15))
        writer.kill()  # SIGKILL: it can neither finish nor clean up
        writer.communicate(timeout=20)
        half_written += any(path.suffix == ".tmp" for path in tmp_path.rglob("*"))
        for number in range(4):
            found = DiskTier(tmp_path).get(bytes([number] * 16))
            assert found is MISS or torch.equal(found, torch.full((500_000,), float(number)))
            whole += found is not MISS
    assert half_written > 0, "the writer was never killed in the middle of a file"
    assert whole > 0


# ── devices and processes that cannot hold a value ─────────────────────────────────────────────


def forged(folder: Path, device: str) -> None:
    """An entry as a process with another device writes it."""
    from nodeflow import stored

    encode = stored._Encoder._tensor
    told = {"device": device}
    put_tensor = lambda self, tensor: {**encode(self, tensor), **told}  # noqa: E731
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored._Encoder, "_tensor", put_tensor)
        put(DiskTier(folder), KEY, bits(3))


def test_a_tensor_of_a_device_that_is_not_here_misses_and_is_kept(tmp_path: Path) -> None:
    forged(tmp_path, "mps" if torch.cuda.is_available() else "cuda:0")
    assert DiskTier(tmp_path).get(KEY) is MISS
    assert only_file(tmp_path).exists()
    put(DiskTier(tmp_path), KEY, bits(3))
    assert_same(DiskTier(tmp_path).get(KEY), bits(3))


def test_a_tensor_goes_back_to_the_device_where_it_was(tmp_path: Path) -> None:
    forged(tmp_path, "meta")  # the one other device that every torch has
    assert DiskTier(tmp_path).get(KEY).device.type == "meta"


def test_without_torch_an_entry_misses_and_is_kept(tmp_path: Path) -> None:
    small(tmp_path)
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from nodeflow.disk import DiskTier\n"
        "print(DiskTier(Path(sys.argv[1])).get(bytes(range(16))))"
    )
    out, error = start(program, tmp_path).communicate(timeout=20)
    assert (out, error) == ("MISS\n", "")
    assert only_file(tmp_path).exists()


def test_a_value_of_a_class_that_is_not_declared_here_misses_and_is_kept(tmp_path: Path) -> None:
    small(tmp_path)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from nodeflow.disk import DiskTier\n"
        "print(DiskTier(Path(sys.argv[1])).get(bytes(range(16))), 'nodes.types' in sys.modules)"
    )
    out, error = start(program, tmp_path).communicate(timeout=60)
    assert (out, error) == ("MISS False\n", "")
    assert only_file(tmp_path).exists()


def test_values_without_tensors_load_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from nodeflow.disk import DiskTier\n"
        "tier = DiskTier(Path(sys.argv[1]))\n"
        "tier.put(b'k' * 16, [1, 'a'], 1.0, 64)\n"
        "print(tier.get(b'k' * 16), 'torch' in sys.modules, 'safetensors' in sys.modules)"
    )
    out, error = start(program, tmp_path).communicate(timeout=20)
    assert (out, error) == ("[1, 'a'] False False\n", "")


@socket("pair")
@dataclass(frozen=True, eq=False)
class Pair:
    a: Any
    b: Any


tensors = st.builds(
    bits,
    st.integers(0, 3),
    st.integers(0, 3),
    dtype=st.sampled_from(DTYPES[:4]),
    seed=st.integers(0, 5),
)
nested = st.recursive(
    tensors | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return (a.dtype, a.shape) == (b.dtype, b.shape) and tensor_bytes(a) == tensor_bytes(b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, Pair):
        return same(a.a, b.a) and same(a.b, b.b)
    return bool(a == b)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=nested)
def test_nested_values_come_back_the_same(tmp_path: Path, value: Any) -> None:
    assert same(back(tmp_path, value), value)
    assert DiskTier(tmp_path).get(OTHER) is MISS
