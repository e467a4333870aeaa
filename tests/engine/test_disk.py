"""The disk tier without tensors: values come back the same, or not at all."""

from __future__ import annotations

import json
import logging
import math
import os
import random
import string
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodeflow.cache import MISS, Cache, MadeFrom
from nodeflow.disk import DiskTier
from nodeflow.sockets import socket

ROOT = Path(__file__).parents[2]
KEY = bytes(range(16))
OTHER = bytes(range(1, 17))


@socket("thing")
@dataclass(frozen=True)
class Thing:
    name: str
    parts: Any = ()


@socket("secret", persist=False)
@dataclass(frozen=True)
class Secret:
    word: str


@socket("loose")
@dataclass
class Loose:
    """Not frozen."""

    word: str


@socket("counted")
@dataclass(frozen=True)
class Counted:
    word: str
    length: int = field(init=False, default=0)


class Child(Thing):
    """A subclass that nobody declared."""


class Word(str):
    pass


@dataclass(frozen=True)
class Undeclared:
    word: str


def put(tier: DiskTier, key: bytes, value: Any) -> None:
    tier.put(key, value, seconds=1.0, nbytes=64)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def only_file(folder: Path) -> Path:
    (path,) = files(folder)
    return path


def same(a: Any, b: Any) -> bool:
    """Equal in type, order and bits, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, Thing):
        return same(a.name, b.name) and same(a.parts, b.parts)
    return bool(a == b)


# ── round trip ─────────────────────────────────────────────────────────────────────────────────

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
texts = st.text(st.characters(exclude_categories=()), max_size=8)  # lone surrogates too
values = st.recursive(
    leaves | texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(texts, inner, max_size=4)
        | st.builds(Thing, texts, inner)
    ),
    max_leaves=20,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=values)
def test_values_come_back_the_same_in_another_tier(tmp_path: Path, value: Any) -> None:
    put(DiskTier(tmp_path), KEY, value)
    assert same(DiskTier(tmp_path).get(KEY), value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        math.nan,
        -math.inf,
        -0.0,
        5e-324,
        10**400,
        [],
        (),
        {},
        [()],
        {"t": "t0"},
        {"socket": "os:system", "fields": {}},
        {"tuple": [1]},
        {"": {"float": "x"}},
        '"checksum":"' + "0" * 32,
        Thing('"checksum":"', ('"checksum":"',)),
        Thing("nested", [Thing("a", {"b": (Thing("c"),)})]),
    ],
    ids=repr,
)
def test_values_that_look_like_the_format_come_back_the_same(tmp_path: Path, value: Any) -> None:
    put(DiskTier(tmp_path), KEY, value)
    assert same(DiskTier(tmp_path).get(KEY), value)


def test_a_value_without_tensors_is_one_json_file_named_by_its_key(tmp_path: Path) -> None:
    put(DiskTier(tmp_path), KEY, {"a": (1, 2.5)})
    assert only_file(tmp_path) == tmp_path / "v1" / "00" / f"{KEY.hex()}.json"
    told = json.loads(only_file(tmp_path).read_text())
    assert told["structure"] == {"dict": {"a": {"tuple": [1, 2.5]}}}


def test_what_was_never_put_misses(tmp_path: Path) -> None:
    assert DiskTier(tmp_path / "nowhere").get(KEY) is MISS
    assert not (tmp_path / "nowhere").exists()


def endless() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    "value",
    [
        object(),
        b"bytes",
        {1, 2},
        {1: "a number as a name"},
        {Word("a"): 1},
        Word("a"),
        len,
        Thing,
        Secret("word"),
        [Thing("outer", (Secret("word"),))],
        Loose("word"),
        Counted("word"),
        Child("child"),
        Undeclared("word"),
        os.stat_result(range(10)),
        endless(),
        10**5000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_could_not_come_back_the_same_is_declined(tmp_path: Path, value: Any) -> None:
    if isinstance(value, int) and not hasattr(sys, "get_int_max_str_digits"):
        value = object()  # old Pythons write integers of any length
    put(DiskTier(tmp_path), KEY, value)
    assert files(tmp_path) == []
    assert DiskTier(tmp_path).get(KEY) is MISS


def test_cheap_and_oversized_values_are_declined(tmp_path: Path) -> None:
    tier = DiskTier(tmp_path, max_bytes=1000, min_seconds=0.5)
    tier.put(KEY, "cheap", seconds=0.4, nbytes=64)
    tier.put(KEY, "said to be large", seconds=1, nbytes=1001)
    tier.put(KEY, "x" * 1000, seconds=1, nbytes=64)
    assert files(tmp_path) == []
    tier.put(KEY, "dear", seconds=0.5, nbytes=64)
    assert tier.get(KEY) == "dear"


def test_what_is_made_faster_than_it_could_be_read_is_declined(tmp_path: Path) -> None:
    tier = DiskTier(tmp_path)
    tier.put(KEY, "large", seconds=0.1, nbytes=400_000_000)
    assert files(tmp_path) == []
    tier.put(KEY, "large and dear", seconds=10.0, nbytes=400_000_000)
    assert tier.get(KEY) == "large and dear"


def test_it_stands_behind_a_ram_cache(tmp_path: Path) -> None:
    first = Cache(budget=1000, behind=DiskTier(tmp_path))
    first.put(KEY, Thing("kept"), 1.0, 64, persist=True)
    first.put(OTHER, Thing("not kept"), 1.0, 64, persist=False)
    second = Cache(budget=1000, behind=DiskTier(tmp_path))
    assert second.get(KEY) == Thing("kept")
    assert second.get(OTHER) is MISS
    assert (second.counts.hits, second.counts.misses) == (1, 1)


# ── damage ─────────────────────────────────────────────────────────────────────────────────────


SMALL = Thing("small", (1, 2.5, [None, True]))


def stored(folder: Path) -> tuple[Path, bytes]:
    put(DiskTier(folder), KEY, SMALL)
    path = only_file(folder)
    return path, path.read_bytes()


def test_truncation_at_every_length_misses_and_is_dropped(tmp_path: Path) -> None:
    path, data = stored(tmp_path)
    tier = DiskTier(tmp_path)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert tier.get(KEY) is MISS
        assert not path.exists()
    path.write_bytes(data)
    assert tier.get(KEY) == SMALL


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF], ids=hex)
def test_a_flipped_byte_at_every_position_misses_and_is_dropped(tmp_path: Path, mask: int) -> None:
    path, data = stored(tmp_path)
    tier = DiskTier(tmp_path)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= mask
        path.write_bytes(damaged)
        assert tier.get(KEY) is MISS, position
        assert not path.exists()


def test_bytes_too_many_miss(tmp_path: Path) -> None:
    path, data = stored(tmp_path)
    for more in (b" ", b"\n", b"\0" * 100):
        path.write_bytes(data + more)
        assert DiskTier(tmp_path).get(KEY) is MISS


def test_an_entry_under_another_key_misses_and_is_dropped(tmp_path: Path) -> None:
    path, data = stored(tmp_path)
    other = tmp_path / "v1" / OTHER.hex()[:2] / f"{OTHER.hex()}.json"
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(data)
    assert DiskTier(tmp_path).get(OTHER) is MISS
    assert not other.exists()
    assert path.exists()


def test_json_under_the_name_of_tensors_misses(tmp_path: Path) -> None:
    path, _ = stored(tmp_path)
    path.rename(path.with_suffix(".safetensors"))
    assert DiskTier(tmp_path).get(KEY) is MISS


def test_a_folder_where_an_entry_should_be_misses(tmp_path: Path) -> None:
    (tmp_path / "v1" / "00" / f"{KEY.hex()}.json").mkdir(parents=True)
    assert DiskTier(tmp_path).get(KEY) is MISS


def test_a_damaged_entry_is_made_whole_by_the_next_put(tmp_path: Path) -> None:
    path, data = stored(tmp_path)
    path.write_bytes(data[:-1])
    put(DiskTier(tmp_path), KEY, "whole")
    assert DiskTier(tmp_path).get(KEY) == "whole"


@pytest.mark.parametrize("name", ["os:system", "nodeflow.cache:Cache", "builtins:eval", "no:where"])
def test_a_class_that_is_no_declared_socket_is_never_made(tmp_path: Path, name: str) -> None:
    from nodeflow.stored import _BLANK, _sealed

    path, _ = stored(tmp_path)
    forged = {"checksum": _BLANK.decode(), "structure": {"socket": name, "fields": {}}}
    text = json.dumps(forged, separators=(",", ":")).encode()
    path.write_bytes(b"".join(_sealed(KEY, text)))
    assert DiskTier(tmp_path).get(KEY) is MISS


def test_a_class_with_other_fields_than_today_misses(tmp_path: Path) -> None:
    @socket("changing")
    @dataclass(frozen=True)
    class Changing:
        before: int

    put(DiskTier(tmp_path), KEY, Changing(1))
    assert DiskTier(tmp_path).get(KEY) == Changing(1)

    @socket("changing")
    @dataclass(frozen=True)
    class Renewed:
        after: int = 2

    Renewed.__qualname__ = Changing.__qualname__
    socket("changing")(Renewed)
    assert DiskTier(tmp_path).get(KEY) is MISS


def test_a_class_that_lets_values_be_stored_no_more_misses(tmp_path: Path) -> None:
    @socket("moody")
    @dataclass(frozen=True)
    class Moody:
        word: str

    put(DiskTier(tmp_path), KEY, Moody("a"))
    socket("moody", persist=False)(Moody)
    assert DiskTier(tmp_path).get(KEY) is MISS


# ── many processes ─────────────────────────────────────────────────────────────────────────────

WORKER = """
import random, sys
from pathlib import Path
from nodeflow.cache import MISS
from nodeflow.disk import DiskTier

folder, seed = Path(sys.argv[1]), int(sys.argv[2])
tier, chance = DiskTier(folder, max_bytes=20_000), random.Random(seed)
hits = 0
for _ in range(150):
    number = chance.randrange(8)
    key, value = bytes([number] * 16), [number] * 500 * (number + 1)
    found = tier.get(key)
    if found is not MISS:
        hits += 1
        assert found == value, f"wrong value under {number}"
    if chance.random() < 0.7:
        tier.put(key, value, 1.0, 64)
    elif chance.random() < 0.2:
        for path in folder.glob(f"v1/*/{key.hex()}.*"):
            path.unlink(missing_ok=True)
print(hits)
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_four_processes_on_the_same_keys_never_read_a_wrong_value(tmp_path: Path) -> None:
    workers = [start(WORKER, tmp_path, seed) for seed in range(4)]
    ended = [worker.communicate(timeout=60) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4, ended
    assert [error for _, error in ended] == [""] * 4  # nor did a tier turn itself off
    assert sum(int(out) for out, _ in ended) > 0
    assert not [path for path in files(tmp_path) if path.suffix == ".tmp"]
    tier = DiskTier(tmp_path)
    for number in range(8):
        assert tier.get(bytes([number] * 16)) in (MISS, [number] * 500 * (number + 1))


KILLED = """
import sys
from pathlib import Path
from nodeflow.disk import DiskTier

tier, number = DiskTier(Path(sys.argv[1])), 0
print("ready", flush=True)
while True:
    number += 1
    tier.put(bytes([number % 4] * 16), str(number % 4) * 2_000_000, 1.0, 64)
"""


def test_a_writer_killed_at_any_moment_leaves_no_wrong_entry(tmp_path: Path) -> None:
    chance = random.Random(0)
    half_written = whole = 0
    for kill in range(50):
        if kill >= 12 and half_written and whole:
            break
        writer = start(KILLED, tmp_path)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.0, 0.1))
        writer.kill()  # SIGKILL: it can neither finish nor clean up
        writer.communicate(timeout=20)
        half_written += any(path.suffix == ".tmp" for path in files(tmp_path))
        reader = DiskTier(tmp_path)
        for number in range(4):
            found = reader.get(bytes([number] * 16))
            assert found is MISS or found == str(number) * 2_000_000
            whole += found is not MISS
    assert half_written > 0, "the writer was never killed in the middle of a file"
    assert whole > 0


def test_temporary_files_of_the_dead_are_removed_when_they_are_old(tmp_path: Path) -> None:
    shard = tmp_path / "v1" / "00"
    shard.mkdir(parents=True)
    old, young = shard / ".1-aa.tmp", shard / ".2-bb.tmp"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 4000,) * 2)
    put(DiskTier(tmp_path), KEY, 1)
    assert not old.exists()
    assert young.exists()


# ── the budget ─────────────────────────────────────────────────────────────────────────────────


def key_of(number: int) -> bytes:
    return number.to_bytes(2, "big") * 8


def test_the_least_recently_used_go_first_until_a_tenth_is_free(tmp_path: Path) -> None:
    tier = DiskTier(tmp_path, max_bytes=10_000)
    for number in range(9):
        put(tier, key_of(number), "x" * 930)  # 993 bytes each, as a file
        os.utime(only(tmp_path, number), (1000 + number,) * 2)
    assert tier.get(key_of(0)) == "x" * 930  # touched: now the youngest
    put(tier, key_of(9), "x" * 930)
    assert len(files(tmp_path)) == 10
    put(tier, key_of(10), "x" * 930)
    kept = [number for number in range(11) if tier.get(key_of(number)) is not MISS]
    assert kept == [0, 3, 4, 5, 6, 7, 8, 9, 10]
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 9_000


def only(folder: Path, number: int) -> Path:
    (path,) = folder.rglob(f"{key_of(number).hex()}.*")
    return path


def test_what_an_earlier_process_left_counts(tmp_path: Path) -> None:
    for number in range(20):
        put(DiskTier(tmp_path), key_of(number), "x" * 1000)
    put(DiskTier(tmp_path, max_bytes=5_000), key_of(20), "x" * 1000)
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 4_500
    assert DiskTier(tmp_path).get(key_of(20)) == "x" * 1000


def test_random_puts_never_leave_more_than_the_budget(tmp_path: Path) -> None:
    chance = random.Random(1)
    tier = DiskTier(tmp_path, max_bytes=8_000)
    for _ in range(200):
        put(tier, key_of(chance.randrange(40)), "x" * chance.randrange(3000))
        if chance.random() < 0.2:  # someone else cleans up
            for path in chance.sample(files(tmp_path), k=1):
                path.unlink()
        assert sum(path.stat().st_size for path in files(tmp_path)) <= 8_000


def test_what_other_processes_write_is_noticed(tmp_path: Path) -> None:
    mine, theirs = (DiskTier(tmp_path, max_bytes=16_000) for _ in range(2))
    for number in range(200):
        put(mine if number % 2 else theirs, key_of(number), "x" * 200)
        held = sum(path.stat().st_size for path in files(tmp_path))
        assert held <= 16_000 + 2 * 1_300  # each looks again after a sixteenth, and one value more


# ── a folder that cannot be written ────────────────────────────────────────────────────────────


def test_a_folder_that_cannot_be_made_turns_writing_off_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    tier = DiskTier(tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            put(tier, key_of(number), 1)
            tier.save_journal("graph", {})
    assert [tier.get(key_of(number)) for number in range(3)] == [MISS] * 3
    assert len(caplog.records) == 1
    assert "the disk cache is off" in caplog.text


READ_ONLY = """
import os, sys
from pathlib import Path
from nodeflow.disk import DiskTier

if os.geteuid() == 0:
    os.seteuid(65534)  # root may write anywhere
tier = DiskTier(Path(sys.argv[1]))
print(tier.get(bytes(range(16))))
for number in (1, 2, 3):
    tier.put(bytes([number] * 16), number, 1.0, 64)
print(tier.get(bytes([1] * 16)))
tier.save_journal("graph", {})
print(tier.load_journal("graph"))
"""


def test_where_one_value_cannot_be_written_others_are_still_read(tmp_path: Path) -> None:
    tier = DiskTier(tmp_path)
    put(tier, KEY, "shared")
    (tmp_path / "v1" / OTHER.hex()[:2]).write_text("in the way")
    put(tier, OTHER, 1)
    assert (tier.get(KEY), tier.get(OTHER)) == ("shared", MISS)


def test_a_read_only_folder_is_still_read(tmp_path: Path) -> None:
    put(DiskTier(tmp_path / "cache"), KEY, "shared")
    for folder in (tmp_path / "cache", *(tmp_path / "cache").rglob("*")):
        folder.chmod(0o555 if folder.is_dir() else 0o444)
    for parent in (tmp_path, *tmp_path.parents):  # pytest keeps its folders to their owner
        if "pytest" in str(parent):
            parent.chmod(parent.stat().st_mode | 0o055)
    ended = start(READ_ONLY, tmp_path / "cache")
    out, error = ended.communicate(timeout=20)
    for folder in (tmp_path / "cache", *(tmp_path / "cache").rglob("*")):
        folder.chmod(0o755)  # or it could not be removed
    assert ended.returncode == 0, error
    assert out == "shared\nMISS\n{}\n"
    assert error.count("the disk cache is off") == 1


def test_a_folder_that_may_not_be_entered_turns_writing_off(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o000)
    ended = start(READ_ONLY, tmp_path / "closed" / "cache")
    out, error = ended.communicate(timeout=20)
    assert ended.returncode == 0, error
    assert out == "MISS\nMISS\n{}\n"


def test_a_full_disk_turns_writing_off_and_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(DiskTier(tmp_path), KEY, "before")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    tier = DiskTier(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    put(tier, OTHER, "after")
    monkeypatch.undo()
    put(tier, OTHER, "after")
    assert (tier.get(KEY), tier.get(OTHER)) == ("before", MISS)
    assert len(files(tmp_path)) == 1
    assert "No space left" in caplog.text


def test_a_folder_removed_in_mid_run_is_made_again(tmp_path: Path) -> None:
    import shutil

    tier = DiskTier(tmp_path)
    put(tier, KEY, 1)
    shutil.rmtree(tmp_path / "v1")
    assert tier.get(KEY) is MISS
    put(tier, KEY, 2)
    assert tier.get(KEY) == 2


# ── the journal ────────────────────────────────────────────────────────────────────────────────

MADE = {
    "denoise/cond": MadeFrom(
        "model.predict_noise", 2, {"scale": 7.5, "words": ["a"]}, {"latent": KEY, "step": None}, KEY
    ),
    "save": MadeFrom("image.save", 1, {}, {}, b""),
}


def test_a_journal_comes_back(tmp_path: Path) -> None:
    DiskTier(tmp_path).save_journal("graph", MADE)
    assert DiskTier(tmp_path).load_journal("graph") == MADE
    assert DiskTier(tmp_path).load_journal("other") == {}
    assert only_file(tmp_path) == tmp_path / "v1" / "journal" / "graph.json"


def test_params_that_are_no_json_are_left_out_of_a_journal(tmp_path: Path) -> None:
    made = {"a": MadeFrom("t.t", 1, {"keep": 1, "drop": object()}, {}, b"")}
    DiskTier(tmp_path).save_journal("graph", made)
    assert DiskTier(tmp_path).load_journal("graph")["a"].params == {"keep": 1}


@pytest.mark.parametrize(
    "name", ["../../out", "a/b", "", "C:\\x", "." * 3, "é" * 300, "\0", "\ud800"]
)
def test_any_name_of_a_journal_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    tier = DiskTier(tmp_path / "cache")
    tier.save_journal(name, MADE)
    assert tier.load_journal(name) == MADE
    assert only_file(tmp_path).parent == tmp_path / "cache" / "v1" / "journal"


def test_a_journal_of_a_vast_graph_is_not_stored(tmp_path: Path) -> None:
    made = {str(number): MADE["save"] for number in range(5001)}
    DiskTier(tmp_path).save_journal("graph", made)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"a":1}', '{"a":{"type":"t"}}', "\xff", "[" * 100_000]
)
def test_a_broken_journal_is_empty_and_dropped(tmp_path: Path, text: str) -> None:
    tier = DiskTier(tmp_path)
    tier.save_journal("graph", MADE)
    only_file(tmp_path).write_text(text, encoding="latin-1")
    assert tier.load_journal("graph") == {}
    assert files(tmp_path) == []


def test_names_of_entries_are_lower_case_hex(tmp_path: Path) -> None:
    put(DiskTier(tmp_path), b"\xab" * 16, 1)
    assert set(only_file(tmp_path).stem) <= set(string.hexdigits.lower())
