"""Values that share tensors (a model, and the same with a LoRA over it) count them once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from torch import Tensor, nn

from nodeflow.cache import MISS, Cache
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.frame import Ledger
from nodeflow.memory import BASE_BYTES, Account, Bytes, nbytes
from nodeflow.node import definition_of, node
from nodeflow.registry import Registry, default_registry
from nodeflow.sockets import socket
from nodes.diffusion.cloning import clone_modules

WIDE = 512
HEAVY = 4 * WIDE * WIDE
"""Bytes of a network's weights."""


@socket("net")
@dataclass(frozen=True, eq=False)
class Net:
    network: nn.Module
    extra: Tensor | None = None


def new_net(seed: int = 0) -> Net:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Net(nn.Sequential(nn.Linear(WIDE, WIDE, bias=False)))


@node("share.load")
def load(seed: int = 0) -> Net:
    """Make a network."""
    return new_net(seed)


@node("share.patch")
def patch(net: Net, number: int = 0) -> Net:
    """A clone that shares all weights, and a tensor of its own."""
    return Net(clone_modules(net.network), torch.full((100,), float(number)))


@node("share.use")
def use(nets: list[Net]) -> int:
    """Count."""
    return len(nets)


NODES: tuple[Any, ...] = (load, patch, use)
REGISTRY = Registry({d.id: d for d in map(definition_of, NODES)})


def patched(count: int) -> Any:
    nodes: dict[str, Any] = {"load": {"type": "share.load"}}
    for number in range(count):
        nodes[f"p{number}"] = {
            "type": "share.patch",
            "params": {"number": number},
            "links": {"net": "load.net"},
        }
    links = ["load.net", *(f"p{number}.net" for number in range(count))]
    nodes["use"] = {"type": "share.use", "links": {"nets": links}}
    return graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"n": "use.value"}})


# ── a sum over values ──────────────────────────────────────────────────────────────────────────


def test_bytes_tell_the_storages() -> None:
    net = new_net()
    size = nbytes(net)
    assert isinstance(size, Bytes)
    assert (size, size.own) == (BASE_BYTES + HEAVY, BASE_BYTES)
    (weight,) = net.network.parameters()
    assert size.storages == {weight.data_ptr(): HEAVY}
    assert type(nbytes([1, "a"])) is int
    assert type(nbytes(torch.zeros(3, device="meta"))) is int  # no memory: nothing to share


def test_an_account_counts_a_storage_as_long_as_one_value_holds_it() -> None:
    base, account = new_net(), Account()
    clone = Net(clone_modules(base.network), torch.zeros(10))
    first, second = nbytes(base), nbytes(clone)
    account.add(first)
    assert account.growth(second) == BASE_BYTES + 40
    account.add(second)
    assert account.held == 2 * BASE_BYTES + HEAVY + 40
    assert (account.relief(first), account.relief(second)) == (BASE_BYTES, BASE_BYTES + 40)
    account.remove(first)
    assert account.held == account.relief(second) == BASE_BYTES + HEAVY + 40
    account.remove(second)
    assert account.held == 0
    assert account.growth(first) == first


STORAGES = [torch.zeros(size) for size in (1, 10, 100, 1000)]


def value_of(members: frozenset[int], text: str) -> list[Any]:
    return [text, *(STORAGES[k].view(-1)[:1] for k in members)]


MEMBERS = st.frozensets(st.integers(0, len(STORAGES) - 1))


def union(values: list[list[Any]]) -> int:
    """Bytes of values held at once, worked out from scratch."""
    storages: dict[int, int] = {}
    own = 0
    for value in values:
        own += BASE_BYTES + 8 * len(value) + len(value[0])
        for tensor in value[1:]:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return own + sum(storages.values())


@settings(deadline=None)
@given(st.lists(st.tuples(MEMBERS, st.text(max_size=3, alphabet="ab")), max_size=8), st.data())
def test_an_account_is_the_union_of_what_is_held(
    described: list[tuple[frozenset[int], str]], data: st.DataObject
) -> None:
    ledger, held = Ledger(), list[list[Any]]()
    for members, text in described:
        value = value_of(members, text)
        assert ledger.growth(nbytes(value)) == union([*held, value]) - union(held)
        held.append(value)
        ledger.add(nbytes(value))
        assert ledger.held == union(held)
    assert ledger.peak == union(held)
    for value in data.draw(st.permutations(held)):
        before = ledger.held
        relief = ledger.relief(nbytes(value))
        held = [other for other in held if other is not value]
        ledger.remove(nbytes(value))
        assert ledger.held == union(held) == before - relief


# ── a run ──────────────────────────────────────────────────────────────────────────────────────


def test_the_peak_of_a_run_has_shared_weights_once() -> None:
    for count in (1, 10):
        result = run(patched(count), registry=REGISTRY)
        assert result.outputs == {"n": count + 1}
        own = (count + 1) * BASE_BYTES + count * 400
        assert result.peak_bytes == HEAVY + own + BASE_BYTES  # and the number that comes out


def test_what_a_loop_collects_has_shared_weights_once() -> None:
    nodes = {
        "load": {"type": "share.load"},
        "numbers": {"type": "value.integers", "params": {"values": list(range(10))}},
        "loop": {
            "type": "flow.map",
            "each": {"number": "numbers.value"},
            "const": {"net": "load.net"},
            "collect": {"nets": "p.net"},
            "body": {
                "p": {
                    "type": "share.patch",
                    "links": {"net": "const.net", "number": "each.number"},
                }
            },
        },
        "use": {"type": "share.use", "links": {"nets": "loop.nets"}},
    }
    registry = Registry({**default_registry().definitions, **REGISTRY.definitions})
    graph = graph_from_data({"nodeflow": 1, "nodes": nodes})
    result = run(graph, outputs=["use.value"], registry=registry)
    assert result.outputs == {"use.value": 10}
    assert HEAVY <= result.peak_bytes < HEAVY + 20_000


# ── the cache ──────────────────────────────────────────────────────────────────────────────────


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def put(cache: Cache, number: int, value: Any, seconds: float) -> None:
    cache.put(key(number), value, seconds, nbytes(value), persist=True)


def kept(cache: Cache) -> list[int]:
    return [number for number in range(200) if key(number) in cache]


def test_a_cache_keeps_many_values_on_one_model_within_a_budget_for_one() -> None:
    cache, base = Cache(budget=2 * HEAVY), new_net()
    put(cache, 0, base, 1.0)
    for number in range(1, 50):
        put(cache, number, Net(clone_modules(base.network)), 0.001)
    assert len(cache) == 50
    assert cache.nbytes == HEAVY + 50 * BASE_BYTES
    cache.clear()
    assert cache.nbytes == 0
    put(cache, 0, base, 1.0)
    assert cache.nbytes == HEAVY + BASE_BYTES


def test_a_value_that_adds_little_is_kept_whatever_it_holds() -> None:
    base = new_net()
    cache = Cache(budget=HEAVY + 1000)
    put(cache, 0, base, 1.0)
    put(cache, 1, Net(clone_modules(base.network), torch.zeros(200)), 1.0)
    assert kept(cache) == [0, 1]
    put(cache, 2, Net(new_net(1).network, torch.zeros(1000)), 1.0)  # more than the budget alone
    assert kept(cache) == [0, 1]


def test_what_would_free_nothing_stays_while_others_hold_its_weights() -> None:
    """The model is large and its patched clone dear: letting the model go would free 64 bytes, so a
    cheap picture goes first."""
    cache, base = Cache(budget=HEAVY + 6000), new_net()
    put(cache, 0, base, 0.001)
    put(cache, 1, Net(clone_modules(base.network)), 10.0)
    for number in range(2, 12):
        put(cache, number, torch.zeros(250), 0.0001)
        assert {0, 1} <= set(kept(cache))
    assert cache.counts.evicted > 0
    assert cache.nbytes <= cache.budget


def test_the_last_holder_of_weights_weighs_all_of_them() -> None:
    """A model cheap to load stays while its clone does; once that has gone, it goes too."""
    cache, base = Cache(budget=HEAVY + 3000), new_net()
    put(cache, 0, base, 0.01)  # worth 0.01 s / 1 MiB alone, 0.01 s / 64 B while it is shared
    put(cache, 1, Net(clone_modules(base.network), torch.zeros(300)), 1e-7)
    put(cache, 2, torch.zeros(250), 1.0)
    put(cache, 3, torch.zeros(250), 1.0)
    assert kept(cache) == [0, 2, 3]
    put(cache, 4, torch.zeros(250), 1.0)
    assert kept(cache) == [2, 3, 4]
    assert cache.nbytes == 3 * (BASE_BYTES + 1000)


class SharedUse(RuleBasedStateMachine):
    """However it is used, the books are those of a union, and within the budget."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = Cache(budget=3000)
        self.values: dict[int, list[Any]] = {}

    @rule(number=st.integers(0, 12), members=MEMBERS, seconds=st.floats(0, 100))
    def put(self, number: int, members: frozenset[int], seconds: float) -> None:
        value = value_of(members, "a")
        if key(number) not in self.cache:
            self.values[number] = value
        put(self.cache, number, value, seconds)

    @rule(number=st.integers(0, 12))
    def get(self, number: int) -> None:
        known = key(number) in self.cache
        found = self.cache.get(key(number))
        assert found is self.values[number] if known else found is MISS

    @rule()
    def clear(self) -> None:
        self.cache.clear()

    @invariant()
    def books_are_right(self) -> None:
        kept = [value for number, value in self.values.items() if key(number) in self.cache]
        assert self.cache.nbytes == union(kept) <= 3000
        queued = {(entry.queued, k) for k, entry in self.cache._entries.items()}
        assert queued <= set(self.cache._heap)


SharedUse.TestCase.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
TestSharedUse = SharedUse.TestCase


@pytest.mark.parametrize("budget", [0, HEAVY // 2, HEAVY + 700, 1 << 30])
def test_with_any_budget_a_run_gives_the_same(budget: int) -> None:
    cache = Cache(budget=budget)
    for count in (3, 5, 3):
        assert run(patched(count), registry=REGISTRY, cache=cache).outputs == {"n": count + 1}
        assert cache.nbytes <= budget
