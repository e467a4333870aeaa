"""The RAM tier: what leaves first, what stays, and how a run says why a node ran again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nodeflow.cache import GIB, MISS, Cache, MadeFrom, default_budget, why_run


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def fill(cache: Cache, *entries: tuple[int, float, int]) -> None:
    for number, seconds, nbytes in entries:
        cache.put(key(number), f"value {number}", seconds, nbytes, persist=True)


def kept(cache: Cache, count: int = 20) -> list[int]:
    return [number for number in range(count) if key(number) in cache]


# ── looking up ─────────────────────────────────────────────────────────────────────────────────


def test_what_was_put_is_found_and_shared() -> None:
    cache, value = Cache(budget=100), object()
    cache.put(key(1), value, 1.0, 10, persist=True)
    assert cache.get(key(1)) is value
    assert cache.get(key(2)) is MISS
    assert (len(cache), cache.nbytes) == (1, 10)
    assert (cache.counts.hits, cache.counts.misses, cache.counts.evicted) == (1, 1, 0)


def test_none_and_false_are_values() -> None:
    cache = Cache(budget=1000)
    for number, value in enumerate((None, False, 0, "", ())):
        cache.put(key(number), value, 1.0, 64, persist=True)
        assert cache.get(key(number)) is value


def test_what_cannot_be_told_in_advance_is_not_kept() -> None:
    cache = Cache(budget=100)
    cache.put(None, "value", 1.0, 10, persist=True)
    assert cache.get(None) is MISS
    assert len(cache) == 0


def test_a_value_larger_than_the_budget_drives_nothing_out() -> None:
    cache = Cache(budget=100)
    fill(cache, (1, 1.0, 60), (2, 1000.0, 101))
    assert kept(cache) == [1]
    fill(cache, (3, 1000.0, 100))
    assert kept(cache) == [3]


def test_the_same_key_counts_once() -> None:
    cache = Cache(budget=100)
    fill(cache, (1, 1.0, 60), (1, 1.0, 60))
    assert cache.nbytes == 60
    assert kept(cache) == [1]


def test_a_cache_without_budget_keeps_nothing() -> None:
    cache = Cache(budget=0)
    fill(cache, (1, 1.0, 1))
    assert (len(cache), cache.nbytes) == (0, 0)


def test_clear_lets_everything_go_and_the_cache_works_on() -> None:
    cache = Cache(budget=100)
    fill(cache, (1, 1.0, 60))
    cache.clear()
    assert (len(cache), cache.nbytes, cache.get(key(1))) == (0, 0, MISS)
    fill(cache, (2, 1.0, 60), (3, 2.0, 60))
    assert kept(cache) == [3]


def test_the_default_budget_is_a_part_of_the_machine() -> None:
    assert 0 < default_budget() <= 4 * GIB


# ── what leaves first: worth = clock + seconds / bytes ─────────────────────────────────────────


def test_of_two_of_equal_size_the_cheaper_leaves_first() -> None:
    for order in ([1, 2], [2, 1]):
        cache = Cache(budget=100)
        fill(cache, *((number, float(number), 50) for number in order), (3, 3.0, 50))
        assert kept(cache) == [2, 3]


def test_of_two_of_equal_cost_the_larger_leaves_first() -> None:
    for order in ([30, 60], [60, 30]):
        cache = Cache(budget=100)
        fill(cache, *((size, 1.0, size) for size in order))
        cache.put(key(1), None, 10.0, 20, persist=True)
        assert kept(cache, 100) == [1, 30]


def test_a_newcomer_worth_less_than_all_others_leaves_at_once() -> None:
    cache = Cache(budget=100)
    fill(cache, (1, 5.0, 50), (2, 5.0, 50), (3, 0.001, 50))
    assert kept(cache) == [1, 2]


def test_what_is_asked_for_often_stays() -> None:
    cache = Cache(budget=100)
    fill(cache, (0, 1.0, 50))
    for number in range(1, 200):
        fill(cache, (number, 1.0, 50))
        assert cache.get(key(0)) == "value 0", number


def test_what_is_asked_for_no_more_ages_however_dear_it_was() -> None:
    cache = Cache(budget=100)
    fill(cache, (0, 20.0, 50))
    survived = 0
    for number in range(1, 200):
        fill(cache, (number, 1.0, 50))
        cache.get(key(number))
        survived += key(0) in cache
    # The clock rises by 1/50 with each that leaves; a worth of 20/50 is reached after twenty.
    assert 15 <= survived <= 25


def test_among_equals_the_least_recently_used_leaves() -> None:
    for first, second, third in ((1, 2, 3), (3, 2, 1)):  # whatever their keys
        cache = Cache(budget=300)
        fill(cache, *((number, 1.0, 100) for number in (first, second, third)))
        cache.get(key(first))
        fill(cache, (4, 1.0, 100))
        assert kept(cache) == sorted([first, third, 4])
        cache.get(key(third))
        fill(cache, (5, 1.0, 100))
        assert kept(cache) == sorted([third, 4, 5])


class RandomUse(RuleBasedStateMachine):
    """However it is used: bytes add up, stay within the budget, and each key has its value."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = Cache(budget=1000)
        self.sizes: dict[int, int] = {}
        self.asked = 0

    @rule(
        number=st.integers(0, 12),
        seconds=st.floats(0, 100),
        nbytes=st.integers(1, 1200),
    )
    def put(self, number: int, seconds: float, nbytes: int) -> None:
        if key(number) not in self.cache:
            self.sizes[number] = nbytes
        self.cache.put(key(number), number, seconds, nbytes, persist=True)

    @rule(number=st.integers(0, 12))
    def get(self, number: int) -> None:
        known = key(number) in self.cache
        self.asked += 1
        assert self.cache.get(key(number)) == (number if known else MISS)

    @rule()
    def clear(self) -> None:
        self.cache.clear()

    @invariant()
    def books_are_right(self) -> None:
        held = sum(self.sizes[number] for number in range(13) if key(number) in self.cache)
        assert self.cache.nbytes == held <= 1000
        assert self.cache.counts.hits + self.cache.counts.misses == self.asked
        assert len(self.cache._heap) == len(self.cache)  # nothing is left behind in the queue


RandomUse.TestCase.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
TestRandomUse = RandomUse.TestCase


def test_it_saves_more_work_than_least_recently_used_would() -> None:
    """A few dear small values amid a stream of cheap large ones: the mix of a diffusion graph."""
    chance = random.Random(0)
    cache, spent, spent_lru = Cache(budget=1000), 0.0, 0.0
    lru: dict[int, int] = {}
    for _ in range(2000):
        number = chance.randrange(60)
        dear = number < 10
        seconds, nbytes = (1.0, 20) if dear else (0.01, 200)
        if cache.get(key(number)) is MISS:
            spent += seconds
            cache.put(key(number), number, seconds, nbytes, persist=True)
        spent_lru += 0.0 if number in lru else seconds
        lru.pop(number, None)
        lru[number] = nbytes
        while sum(lru.values()) > 1000:
            del lru[next(iter(lru))]
    assert spent < spent_lru / 5


# ── a tier behind ──────────────────────────────────────────────────────────────────────────────


class Shelf:
    """A tier that keeps all it is given."""

    def __init__(self) -> None:
        self.values: dict[bytes, Any] = {}
        self.asked = 0

    def get(self, key: bytes) -> Any:
        self.asked += 1
        return self.values.get(key, MISS)

    def put(self, key: bytes, value: Any, seconds: float, nbytes: int) -> None:
        self.values[key] = value

    def load_journal(self, name: str) -> dict[str, MadeFrom]:
        return {}

    def save_journal(self, name: str, made: Mapping[str, MadeFrom]) -> None:
        pass


def test_what_the_tier_behind_holds_is_a_hit_in_a_new_cache() -> None:
    shelf = Shelf()
    fill(Cache(budget=1000, behind=shelf), (1, 1.0, 64))
    second = Cache(budget=1000, behind=shelf)
    assert second.get(key(1)) == "value 1"
    assert second.get(key(2)) is MISS
    assert (second.counts.hits, second.counts.misses) == (1, 1)


def test_what_came_from_the_tier_behind_is_at_hand_from_then_on() -> None:
    shelf = Shelf()
    fill(Cache(budget=1000, behind=shelf), (1, 1.0, 64), (2, 1.0, 64))
    cache = Cache(budget=100, behind=shelf)  # room for one
    assert [cache.get(key(1)) for _ in range(5)] == ["value 1"] * 5
    assert shelf.asked == 1
    assert cache.get(key(2)) == "value 2"
    assert 0 < cache.nbytes <= 100


def test_only_what_may_persist_reaches_the_tier_behind() -> None:
    shelf = Shelf()
    cache = Cache(budget=1000, behind=shelf)
    cache.put(key(1), "a model", 1.0, 64, persist=False)
    cache.put(None, "untold", 1.0, 64, persist=True)
    assert shelf.values == {}
    assert cache.get(key(1)) == "a model"


def test_what_is_too_large_for_memory_still_reaches_the_tier_behind() -> None:
    cache = Cache(budget=10, behind=Shelf())
    fill(cache, (1, 1.0, 64))
    assert len(cache) == 0
    assert cache.get(key(1)) == "value 1"


def test_clear_leaves_the_tier_behind_alone() -> None:
    cache = Cache(budget=1000, behind=Shelf())
    fill(cache, (1, 1.0, 64))
    cache.clear()
    assert cache.get(key(1)) == "value 1"


# ── why a node ran ─────────────────────────────────────────────────────────────────────────────

BEFORE = MadeFrom("m.f", 1, {"scale": 7.5, "text": "a"}, {"latent": key(1), "step": None}, key(9))


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (MadeFrom("m.g", 1, {}, {}, b""), "type changed: m.f → m.g"),
        (MadeFrom("m.f", 2, {}, {}, b""), "m.f changed: version 1 → 2"),
        (
            MadeFrom("m.f", 1, {"scale": 8.0, "text": "a"}, BEFORE.inputs, key(8)),
            "scale changed: 7.5 → 8.0; step cannot be told in advance",
        ),
        (
            MadeFrom("m.f", 1, {"text": "b"}, {"latent": key(1)}, key(8)),
            "scale changed: 7.5 → None; text changed: 'a' → 'b'",
        ),
        (
            MadeFrom("m.f", 1, BEFORE.params, {"latent": key(2), "step": key(3)}, key(9)),
            "latent changed; step changed",
        ),
        (
            MadeFrom("m.f", 1, BEFORE.params, {"latent": key(1)}, key(8)),
            "a file it reads, or the device, changed",
        ),
        (
            MadeFrom("m.f", 1, BEFORE.params, {"latent": key(1)}, key(9)),
            "nothing changed; its result had been let go",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_why_run_names_what_changed(now: MadeFrom, why: str) -> None:
    assert why_run(BEFORE, now) == why


def test_why_run_says_when_a_result_is_here_but_not_taken() -> None:
    same = replace(BEFORE, inputs={})
    assert why_run(same, same) == "nothing changed; its result had been let go"
    assert why_run(same, same, True) == "nothing changed; made again to be looked at"
    assert "version" in why_run(same, replace(same, version=same.version + 1), True)


def test_why_run_says_when_there_was_no_run_before() -> None:
    assert why_run(None, BEFORE) == "first run"


def test_why_run_keeps_long_values_short() -> None:
    now = MadeFrom("m.f", 1, {**BEFORE.params, "text": "b" * 500}, {"latent": key(1)}, key(9))
    why = why_run(BEFORE, now)
    assert why.startswith("text changed: 'a' → 'bbb")
    assert len(why) < 80
