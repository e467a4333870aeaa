"""Outputs on disk by key: a folder that processes share, now and after a restart.

One file a value. It is written beside its place and moved there, so that whoever is killed leaves
either all of an entry or none; an entry that does not prove itself by its checksum is dropped.
Imports `cache`, `fingerprint`, `stored`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nodeflow.cache import GIB, MISS, MadeFrom
from nodeflow.fingerprint import Key, digest
from nodeflow.stored import PLAIN, TENSORS, DeclinedError, NotHereError, pack, unpack

LAYOUT = "v1"
JOURNAL_NODES = 5000
"""A graph of more nodes keeps no journal: it would take longer to read than it tells."""
READ_BYTES_PER_SECOND = 200e6
"""About what reading and checking a file takes; what is made faster is not worth its room."""
KEPT_AT_TRIM = 0.9
"""Trimming goes on to this part of the budget, so that it happens seldom."""
STALE_SECONDS = 3600.0
"""A temporary file this old belongs to nobody."""

_SHARD = re.compile(r"[0-9a-f]{2}")
_SAFE_NAME = re.compile(r"\w[\w-]{0,99}", re.ASCII)
_log = logging.getLogger(__name__)


class DiskTier:
    """A tier for `Cache.behind`: values in `folder`, at most about `max_bytes` of them.

    What took less than `min_seconds` to make, or less than it would take to read, is declined, and
    so is what cannot come back bit for bit: models, and objects of unknown kinds. Where the folder
    cannot be written, the tier says so once in the log and goes on reading.
    """

    def __init__(
        self, folder: Path, *, max_bytes: int = 10 * GIB, min_seconds: float = 0.005
    ) -> None:
        self.folder = Path(folder) / LAYOUT
        self.max_bytes = max_bytes
        self.min_seconds = min_seconds
        self._writing = True
        self._total: int | None = None  # bytes in the folder as far as known; None: not looked yet
        self._since = 0  # bytes written since we looked

    def get(self, key: bytes) -> Any:
        """The value, or MISS. What is found and not sound is removed."""
        for suffix in (TENSORS, PLAIN):
            path = self._path(key, suffix)
            try:
                data = path.read_bytes()
                value = unpack(key, suffix, data)
            except FileNotFoundError:
                continue
            except (NotHereError, MemoryError):
                return MISS
            except Exception:  # whatever is wrong with it, the value can be made again
                _unlink(path)
                continue
            with contextlib.suppress(OSError):
                os.utime(path)  # what is asked for stays longest
            return value
        return MISS

    def put(self, key: bytes, value: Any, seconds: float, nbytes: int) -> None:
        """Keep a value, unless it is cheap to make, too large, or of a kind that is not stored."""
        largest = self.max_bytes * KEPT_AT_TRIM
        cheap = seconds < max(self.min_seconds, nbytes / READ_BYTES_PER_SECOND)
        if not self._writing or cheap or nbytes > largest:
            return
        try:
            suffix, parts = pack(key, value)
        except DeclinedError:
            return
        size = sum(len(part) for part in parts)
        if size <= largest and self._write(self._path(key, suffix), parts):
            _unlink(self._path(key, PLAIN if suffix == TENSORS else TENSORS))
            self._account(size)

    def load_journal(self, name: str) -> dict[str, MadeFrom]:
        """What `save_journal` kept under this name; nothing where that is missing or broken."""
        path = self._journal(name)
        try:
            told = json.loads(path.read_bytes())
            return {node: _made_from(entry) for node, entry in told.items()}
        except FileNotFoundError:
            return {}
        except Exception:
            _unlink(path)
            return {}

    def save_journal(self, name: str, made: Mapping[str, MadeFrom]) -> None:
        """Keep what the nodes of a graph were made from; params that are not JSON are left out."""
        if not self._writing or len(made) > JOURNAL_NODES:
            return
        told = {node: _told(entry) for node, entry in made.items()}
        text = json.dumps(told, separators=(",", ":")).encode()
        self._write(self._journal(name), [text])

    def _path(self, key: bytes, suffix: str) -> Path:
        name = key.hex()
        return self.folder / name[:2] / (name + suffix)

    def _journal(self, name: str) -> Path:
        if not _SAFE_NAME.fullmatch(name):
            name = digest(name.encode("utf-8", "surrogatepass")).hex()
        return self.folder / "journal" / f"{name}.json"

    def _write(self, path: Path, parts: list[Any]) -> bool:
        """Put a whole file in its place; whether that was done."""
        temporary = path.with_name(f".{os.getpid()}-{os.urandom(8).hex()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "xb") as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            return True
        except FileNotFoundError:  # someone emptied the folder meanwhile
            return False
        except OSError as error:
            _unlink(temporary)
            # Windows does not replace a file that someone reads; what is there is as good.
            if not (isinstance(error, PermissionError) and os.path.exists(path)):
                self._writing = False
                _log.warning("the disk cache is off: %s cannot be written: %s", self.folder, error)
            return False

    def _account(self, size: int) -> None:
        """Note what was written, and make room. Others write too, so look again now and then."""
        self._since += size
        if self._total is None or self._since > self.max_bytes / 16:
            self._total = sum(size for _, size, _ in self._entries())
            self._since = 0
        else:
            self._total += size
        if self._total > self.max_bytes:
            self._trim()

    def _trim(self) -> None:
        entries = sorted(self._entries())
        self._total = sum(size for _, size, _ in entries)
        self._since = 0
        if self._total <= self.max_bytes:
            return
        for _, size, path in entries:
            if self._total <= self.max_bytes * KEPT_AT_TRIM:
                break
            _unlink(path)
            self._total -= size

    def _entries(self) -> Iterator[tuple[int, int, str]]:
        """(time of last use, bytes, path) of every entry; removes old temporary files it meets."""
        stale = time.time() - STALE_SECONDS
        for shard in _scan(self.folder):
            if not _SHARD.fullmatch(shard.name):
                continue
            for file in _scan(shard.path):
                try:
                    stat = file.stat(follow_symlinks=False)
                except OSError:  # gone
                    continue
                if not file.name.endswith(".tmp"):
                    yield stat.st_mtime_ns, stat.st_size, file.path
                elif stat.st_mtime < stale:
                    _unlink(file.path)


def _scan(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # gone, or no folder
        return []


def _unlink(path: str | Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


# ── the journal ────────────────────────────────────────────────────────────────────────────────


def _told(made: MadeFrom) -> dict[str, Any]:
    return {
        "type": made.type,
        "version": made.version,
        "params": {name: value for name, value in made.params.items() if _is_json(value)},
        "inputs": {name: None if key is None else key.hex() for name, key in made.inputs.items()},
        "static_key": made.static_key.hex(),
    }


def _made_from(told: Any) -> MadeFrom:
    inputs: dict[str, Key] = {
        name: None if key is None else bytes.fromhex(key) for name, key in told["inputs"].items()
    }
    static_key = bytes.fromhex(told["static_key"])
    return MadeFrom(told["type"], told["version"], dict(told["params"]), inputs, static_key)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
