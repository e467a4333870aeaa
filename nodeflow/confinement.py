"""What this process may read and write when it runs graphs of strangers.

A server's worker confines itself once: from then on file widgets, model look-ups and savers ask
`why_not(path)` before they touch anything, also before they say whether it is there. A process that
never confined itself, as `nodeflow run` is, may do what its user may. Lowest layers: imports
`errors`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodeflow.errors import NodeflowError

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
GROUP = "nodeflow.readable"
"""Entry points of packages that know of folders to read from: a function → paths."""
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"}
_DEVICES |= {f"{name}{number}" for name in ("com", "lpt") for number in (*range(10), *"¹²³")}


class ConfinedError(NodeflowError, PermissionError):
    """A confined process was about to read or write where it may not."""


@dataclass(frozen=True)
class _Rules:
    read: tuple[str, ...]
    write: tuple[str, ...]
    follow: tuple[str, ...]


_rules: _Rules | None = None
_hooked = False


def confine(
    read: Iterable[Path], write: Path | Sequence[Path], *, follow: Iterable[Path] = ()
) -> None:
    """From now on, graphs of this process read only below `read`, `follow` and `write`, and write
    only below `write`, the first of which is the output folder. Whoever set up `follow` meant its
    symbolic links, as model folders have them: they may lead out; elsewhere none may."""
    global _rules
    writable = [write] if isinstance(write, Path) else list(write)
    readable = [*read, *follow, *writable]
    _rules = _Rules(_real(readable), _real(writable), tuple(_absolute(p) for p in follow))


def release() -> None:
    """Lift what `confine` set: for a server that has stopped, and for tests."""
    global _rules
    _rules = None


def confined() -> bool:
    """Whether this process runs graphs of strangers."""
    return _rules is not None


def why_not(path: str | os.PathLike[str], *, writing: bool = False) -> str | None:
    """Why this process may not read (or write) a path, or None. Says nothing of what is there."""
    rules = _rules
    if rules is None:
        return None
    text = os.path.expanduser(os.fspath(path))
    odd = _odd(text, writing)
    if odd:
        return odd
    roots = rules.write if writing else rules.read
    real = _resolved(text)
    if real is None:
        return "is no path"
    if any(_below(real, root) for root in roots):
        return None
    follows = not writing and ".." not in text.replace("\\", "/").split("/")
    if follows and any(_below(_absolute(text), root) for root in rules.follow):
        return None
    return f"is outside of what this server may {'write to' if writing else 'read from'}"


def why_not_output(name: str) -> str | None:
    """Why nothing can be written under `name` in the output folder, or None."""
    if _rules is None:
        return None
    return why_not(os.path.join(_rules.write[0], name), writing=True)


def why_no_weights(path: str | os.PathLike[str]) -> str | None:
    """Why a file of weights is not opened whatever folder it is in, or None."""
    if _rules is None or not os.fspath(path).lower().endswith(PICKLES):
        return None
    return "is a pickle, and this server opens none; convert it to .safetensors"


def odd_name(parts: Iterable[str]) -> str | None:
    """What Windows would make of the parts of a path that is no mere file or folder, or None."""
    for part in parts:
        if part.split(".")[0].rstrip(" ").lower() in _DEVICES:
            return "names a device"
        if part not in ("", ".", "..") and (part[-1] in " ." or (os.name == "nt" and ":" in part)):
            return "is no name on Windows"
    return None


def told(path: str | os.PathLike[str]) -> str:
    """A path as it may be told to others: as it is; of a confined process, without what stands
    above the folder it works in, the home folder or its own name."""
    text = os.fspath(path)
    if _rules is None or not os.path.isabs(text):
        return text
    for base, prefix in ((os.getcwd(), ""), (os.path.expanduser("~"), "~/")):
        if _below(text, base):
            return prefix + Path(os.path.relpath(text, base)).as_posix()
    return os.path.join("…", *Path(text).parts[-2:])


def readable() -> list[Path]:
    """Folders that installed packages read from by themselves: those of models."""
    from importlib.metadata import entry_points

    found: list[Path] = []
    for entry in entry_points(group=GROUP):
        folders: Callable[[], Iterable[Path]] = entry.load()
        found.extend(folders())
    return found


def install_audit_hook() -> None:
    """A second net under `why_not`: whatever code in this process opens a file to write, makes,
    moves or removes one elsewhere than below `write` and the temporary folder gets a
    `ConfinedError`; and no pickle is read that makes objects of classes.

    Reading is not held: Python and its libraries read all over the machine to load code. A hook
    cannot be taken out again; it does nothing while the process is not confined. It does not hold
    what compiled code does by itself.
    """
    global _hooked
    if not _hooked:
        _hooked = True
        tempfile.gettempdir()  # finds it by writing to it, once
        sys.addaudithook(_audit)


# ── paths ───────────────────────────────────────────────────────────────────────────────────────


def _odd(text: str, writing: bool) -> str | None:
    """What is wrong with a path whatever folder it leads to. A graph travels: it is judged as
    Windows would judge where that costs nothing."""
    if not text or "\0" in text:
        return "is no path"
    windows = os.name == "nt"
    if not windows and (text.startswith("\\") or (text[1:2] == ":" and text[0].isalpha())):
        return "is a path of Windows"
    if windows and text.replace("/", "\\").startswith("\\\\"):  # asking for it would log in there
        return "is on another machine"
    if not (windows or writing):
        return None
    return odd_name(os.path.splitdrive(text)[1].replace("\\", "/").split("/"))


def _absolute(path: str | os.PathLike[str]) -> str:
    return os.path.normcase(os.path.abspath(os.path.expanduser(os.fspath(path))))


def _resolved(path: str | os.PathLike[str]) -> str | None:
    """The path with every symbolic link and `..` followed; None where that is impossible."""
    try:
        return os.path.normcase(os.path.realpath(os.path.expanduser(os.fspath(path))))
    except (OSError, ValueError):
        return None


def _real(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(real for path in paths if (real := _resolved(path))))


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root if root.endswith(os.sep) else root + os.sep)


# ── the hook ────────────────────────────────────────────────────────────────────────────────────

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    "os.chmod": (1, 2),
    "os.link": (2, 2),
    "os.mkdir": (1, 2),
    "os.remove": (1, 1),
    "os.rename": (2, 2),
    "os.rmdir": (1, 1),
    "os.truncate": (1, 2),
    "os.utime": (1, 3),
}
"""Events that change the world: how many of their first arguments are paths, and where those begin
that may say the paths count from an open folder, which was held when it was opened."""


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _rules is None:
        return
    if event == "open":
        path, mode, flags = arguments
        if isinstance(mode, str):
            writes = any(sign in mode for sign in "wax+")
        else:
            writes = bool((flags or 0) & _WRITES)
        if writes:
            _hold(path)
    elif event in _CHANGES:
        count, folders = _CHANGES[event]
        if all(number == -1 for number in arguments[folders:]):
            for path in arguments[:count]:
                _hold(path)
    elif event == "os.symlink":
        target, link = (os.fsdecode(path) for path in arguments[:2])
        _hold(link)
        _hold(os.path.join(os.path.dirname(link), target))
    elif event == "pickle.find_class":
        module, name = arguments
        raise ConfinedError(f"a pickle names {module}.{name}, and this server opens none")


def _hold(path: Any) -> None:
    if not isinstance(path, (str, bytes)):  # a number: opened before, or by a parent
        return
    text = os.fsdecode(path)
    if text in (os.devnull, "nul", "NUL"):
        return
    real = _resolved(text)
    if real is None:
        raise ConfinedError(f"{told(text)!r} is no path")
    if _below(real, os.path.normcase(os.path.realpath(tempfile.gettempdir()))):
        return
    fault = why_not(real, writing=True)
    if fault:
        raise ConfinedError(f"{told(text)!r} {fault}")
