"""Nodes that sleep, fail, crash and count, for tests of the server."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path
from typing import TypeVar

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node

T = TypeVar("T")


@node("testpack:acts.number")
def number(value: int = 1) -> int:
    """Give a number."""
    return value


@node("testpack:acts.add")
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@node("testpack:acts.sleep", volatile=True)
def sleep(ctx: RunContext, value: int = 0, seconds: float = 1.0, parts: int = 20) -> int:
    """Sleep in parts, telling of each; stops when it is asked to."""
    for part in range(parts):
        time.sleep(seconds / parts)
        ctx.progress(part + 1, parts, sigma=1.0 - part / parts)
    return value


@node("testpack:acts.sleep_deaf", volatile=True)
def sleep_deaf(value: int = 0, seconds: float = 1.0) -> int:
    """Sleep without ever asking whether to stop."""
    time.sleep(seconds)
    return value


@node("testpack:acts.fail")
def fail(value: int = 0) -> int:
    """Fail."""
    raise InputError("value", str(value), "anything else", "Give another")


@node("testpack:acts.leave", volatile=True)
def leave(value: int = 0, code: int = 7) -> int:
    """Call sys.exit."""
    sys.exit(code)


@node("testpack:acts.end_process", volatile=True)
def end_process(value: int = 0, code: int = 7) -> int:
    """End the process without a word."""
    os._exit(code)


@node("testpack:acts.abort", volatile=True)
def abort(value: int = 0) -> int:
    """End the process by SIGABRT."""
    os.abort()


@node("testpack:acts.segfault", volatile=True)
def segfault(value: int = 0) -> int:
    """Read what is at address 0."""
    return len(ctypes.string_at(0))


@node("testpack:acts.kill", volatile=True)
def kill(value: int = 0) -> int:
    """End the process as the system does that wants for memory."""
    os.kill(os.getpid(), 9)
    return value


@node("testpack:acts.allocate", volatile=True)
def allocate(megabytes: int = 1) -> int:
    """Hold memory for a moment."""
    return len(bytearray(megabytes << 20))


@node("testpack:acts.count", volatile=True)
def count(path: str, value: int = 0) -> int:
    """Add a line to a file."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{value}\n")
    return value


@node("testpack:acts.write", writes=True, output="paths")
def write(
    value: int = 0, name: str = "number", size: int = 10_000, *, ctx: RunContext
) -> list[str]:
    """Write a number many times, whole, as the saving nodes do."""
    from nodes.whole_files import write_whole

    path = Path(ctx.output_dir) / f"{name}.txt"
    write_whole(path, f"{value}\n".encode() * size)
    return [str(path)]


@node("testpack:acts.write_into", writes=True, output="path")
def write_into(folder: str, value: int = 0, size: int = 10_000) -> str:
    """As `write`, to a folder that is named: asking the run for its own brings torch along."""
    from nodes.whole_files import write_whole

    path = Path(folder) / f"file-{value}.txt"
    write_whole(path, f"{value}\n".encode() * size)
    return str(path)


@node("testpack:acts.say", volatile=True)
def say(text: str = "hello") -> str:
    """Print, and read what was not meant for it."""
    print(text)
    print(sys.stdin.read(), file=sys.stderr)
    return text


@node("testpack:acts.numbers")
def numbers(count: int = 3) -> list[int]:
    """Give 0..count-1."""
    return list(range(count))


@node("testpack:acts.odd", volatile=True)
def odd() -> float:
    """Give what JSON has no word for."""
    return float("nan")
