"""Where models lie beside `./models`: a settings file, and ComfyUI's extra_model_paths.yaml.

    # nodeflow.yaml
    models: [/data/models, ~/more]        # folders that hold checkpoints/, loras/ ...
    loras: [/data/my-loras]               # a folder of one kind
    extra_model_paths: ../ComfyUI/extra_model_paths.yaml

It is the file that the environment variable NODEFLOW_SETTINGS names, or `nodeflow.yaml` in the
current folder, or `~/.config/nodeflow/nodeflow.yaml`. Relative paths count from the file. An
`extra_model_paths.yaml` in the current folder is honoured without being named. Imports no torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

SETTINGS = "NODEFLOW_SETTINGS"
MODELS = "NODEFLOW_MODELS"
_FILE, _EXTRA = "nodeflow.yaml", "extra_model_paths.yaml"
_OTHER_NAMES = {"unet": "diffusion_models", "clip": "text_encoders", "t2i_adapter": "controlnet"}


class SettingsError(ValueError):
    """A settings file says something that cannot be read, or names what there is not."""


@dataclass(frozen=True)
class Settings:
    """Folders to search, the first one first: whole ones, and those of one kind."""

    roots: tuple[Path, ...] = ()
    folders: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    first: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    """Folders that come before all others: ComfyUI's `is_default`."""


def settings_file() -> Path | None:
    """The file that holds the settings here, if there is one.

    Raises:
        SettingsError: NODEFLOW_SETTINGS names a file that is missing.
    """
    named = os.environ.get(SETTINGS)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise SettingsError(f"{SETTINGS} names {path}, which is no file")
        return path
    home = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    places = (Path(_FILE), home / "nodeflow" / _FILE)
    return next((path for path in places if path.is_file()), None)


def read(kinds: frozenset[str]) -> Settings:
    """The settings that hold here; `kinds` are the kinds of model there are.

    Raises:
        SettingsError: a file is damaged, or holds a word that means nothing.
    """
    file, extra = settings_file(), Path(_EXTRA)
    content = _loaded(file) if file else {}
    found = _own(file, content, kinds) if file else Settings()
    named = content.get(_EXTRA.removesuffix(".yaml")) or ()
    others = [_from(file, text) for text in _texts(file, named)] if file else []
    if extra.is_file() and all(extra.resolve() != other.resolve() for other in others):
        others.append(extra)
    for other in others:
        found = _joined(found, _comfyui(other, kinds))
    return found


def _own(file: Path, content: Mapping[str, Any], kinds: frozenset[str]) -> Settings:
    known = {"models", "extra_model_paths", *kinds}
    for word in content:
        if word not in known:
            raise SettingsError(
                f"{file}: {word!r} means nothing here; known are {', '.join(sorted(known))}"
            )
    roots = tuple(_from(file, text) for text in _texts(file, content.get("models") or ()))
    folders = {
        kind: tuple(_from(file, text) for text in _texts(file, content[kind] or ()))
        for kind in kinds
        if kind in content
    }
    return Settings(roots, folders)


def _comfyui(file: Path, kinds: frozenset[str]) -> Settings:
    """Sections of `base_path`, `is_default` and a folder, or lines of folders, for each kind."""
    folders: dict[str, list[Path]] = {}
    first: dict[str, list[Path]] = {}
    for name, section in _loaded(file).items():
        if section is None:
            continue
        if not isinstance(section, Mapping):
            raise SettingsError(f"{file}: section {name!r} is no list of names and folders")
        base = _from(file, str(section.get("base_path") or "."))
        target = first if section.get("is_default") is True else folders
        for word, value in section.items():
            kind = _OTHER_NAMES.get(word, word)
            if kind in kinds and value:
                places = [base / Path(text).expanduser() for text in _texts(file, value)]
                target.setdefault(kind, []).extend(places)
    return Settings((), _frozen(folders), _frozen(first))


def _joined(a: Settings, b: Settings) -> Settings:
    def both(
        x: Mapping[str, tuple[Path, ...]], y: Mapping[str, tuple[Path, ...]]
    ) -> dict[str, tuple[Path, ...]]:
        return {kind: (*x.get(kind, ()), *y.get(kind, ())) for kind in {*x, *y}}

    return Settings((*a.roots, *b.roots), both(a.folders, b.folders), both(a.first, b.first))


def _frozen(folders: Mapping[str, list[Path]]) -> dict[str, tuple[Path, ...]]:
    return {kind: tuple(places) for kind, places in folders.items()}


def _texts(file: Path, value: Any) -> Iterator[str]:
    """One path, lines of paths, or a list of them."""
    if isinstance(value, str):
        yield from (line.strip() for line in value.splitlines() if line.strip())
    elif isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        yield from value
    else:
        raise SettingsError(f"{file}: expected a path or a list of paths, got {value!r}")


def _from(file: Path, text: str) -> Path:
    path = Path(os.path.expandvars(text)).expanduser()
    return path if path.is_absolute() else file.parent / path


def _loaded(file: Path) -> Mapping[str, Any]:
    status = file.stat()
    return _parsed(file.resolve(), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _parsed(file: Path, changed: int, size: int) -> Mapping[str, Any]:
    """A YAML file's names and values; read once as long as it stays as it is."""
    import yaml

    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is no YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise SettingsError(f"{file}: expected names with values, got {type(content).__name__}")
    return content
