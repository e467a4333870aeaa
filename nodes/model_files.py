"""Where models lie, by kind and name: the folders that are searched, and what to say of one that is
missing or damaged.

Imports no torch, so that a graph is checked, keyed and planned without it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from nodeflow.confinement import told, why_no_weights, why_not
from nodeflow.widgets import Widget
from nodes import settings
from nodes.diffusion import checkpoint_files
from nodes.diffusion.checkpoint_files import CheckpointError

ENVIRONMENT = settings.MODELS

KINDS: dict[str, tuple[str, ...]] = {
    "checkpoints": ("checkpoints",),
    "diffusion_models": ("diffusion_models", "unet"),
    "vae": ("vae",),
    "text_encoders": ("text_encoders", "clip"),
    "loras": ("loras",),
    "controlnet": ("controlnet", "t2i_adapter"),
    "embeddings": ("embeddings",),
    "upscale_models": ("upscale_models",),
    "clip_vision": ("clip_vision",),
    "hypernetworks": ("hypernetworks",),
    "gligen": ("gligen",),
    "ipadapter": ("ipadapter",),
    "style_models": ("style_models",),
    "vae_approx": ("vae_approx",),
    "preprocessors": ("preprocessors",),
    "wildcards": ("wildcards",),  # text files, which lie beside the models and are none
}
"""What models are for, and the folders that each kind lies in, as ComfyUI names them."""

_CALLED = {
    "checkpoints": "checkpoint",
    "diffusion_models": "denoiser",
    "vae": "autoencoder",
    "text_encoders": "text encoder",
    "loras": "LoRA",
    "controlnet": "ControlNet",
    "embeddings": "embedding",
    "upscale_models": "upscaler",
}
_LISTED = (".safetensors", ".gguf")
_OPENED = (*_LISTED, ".pth", ".pt", ".ckpt", ".bin")  # found by name; whoever loads it judges it
_IN_CHECKPOINTS = ("diffusion_models", "vae", "text_encoders")  # a checkpoint has such parts too
_OTHERS_LISTED = {"hypernetworks": (".safetensors", ".pt")}


def model_folders(kind: str) -> list[Path]:
    """The folders searched for models of a kind (`checkpoints`), the first one first.

    Each folder of the environment variable NODEFLOW_MODELS, those of the settings file, `./models`,
    then those of ComfyUI's extra_model_paths.yaml, its default section before all.
    """
    found = settings.read(frozenset(KINDS))
    named = [part for part in os.environ.get(settings.MODELS, "").split(os.pathsep) if part]
    roots = [*(Path(part).expanduser() for part in named), *found.roots, Path("models")]
    places = [root / folder for root in roots for folder in KINDS[kind]]
    return [*found.first.get(kind, ()), *places, *found.folders.get(kind, ())]


def every_folder() -> list[Path]:
    """All folders that models are looked for in: what a server may read besides its own."""
    places = [place for kind in KINDS for place in model_folders(kind)]
    return list(dict.fromkeys([*places, shipped_models()]))


def shipped_models() -> Path:
    """The folder of the models that come with nodeflow: checkpoints directly in it, what is of
    another kind in a folder of the kind's name."""
    return Path(__file__).parent / "models"


def find(kind: str, name: str) -> Path:
    """The file or folder of the model called `name`, with or without its suffix, or at that path.

    Raises:
        FileNotFoundError: with where it looked, the nearest name, and what to do.
        CheckpointError: it is a pickle, and a server runs this graph.
    """
    for path in _candidates(kind, name) if name.strip() else []:
        if why_not(path) is None and _is_model(kind, path):
            fault = why_no_weights(path)
            if fault:
                raise CheckpointError(f"{told(path)} {fault}")
            return path
    raise FileNotFoundError(
        f"no {called(kind)} {name!r} in {_looked(kind)}. {_what_to_do(kind, name)}"
    )


@contextmanager
def opened(kind: str, name: str) -> Iterator[Path]:
    """The file or folder of a model, for as long as it is loaded: each fault that is found in it is
    told with the file, what was expected and what was found.

    Raises:
        FileNotFoundError: as `find` does.
    """
    path = find(kind, name)
    with telling(kind, path):
        yield path


@contextmanager
def telling(kind: str, *paths: Path) -> Iterator[None]:
    """Complete what is said of files that are no whole models of a kind."""
    try:
        yield
    except ValueError as error:  # CheckpointError, LoraError …
        error.args = (_told(kind, str(error), *paths),)
        raise


def _told(kind: str, fault: str, *paths: Path) -> str:
    """A fault with the file and with what was expected, unless it says so itself."""
    from nodes.diffusion.checkpoints import kinds

    if not any(str(path) in fault for path in paths):
        fault = f"{', '.join(map(str, paths))}: {fault}"
    return fault if "expected" in fault else f"{fault}; expected {kinds.CALLED[kind]}"


def list_models(kind: str) -> list[str]:
    """The names of all models of a kind that are found, sorted; sub-folders with `/`."""
    found: set[str] = set()
    for folder in model_folders(kind):
        found.update(path.relative_to(folder).as_posix() for path in _models_under(kind, folder))
    found.update(path.name for path in _shipped(kind))
    return sorted(found)


def files_of(kind: str, port: str = "name") -> Callable[[Mapping[str, Any]], list[Path]]:
    """A node's `reads`: the files whose content makes the model named by `port` what it is."""

    def reads(params: Mapping[str, Any]) -> list[Path]:
        return model_content(kind, str(params[port])) if params.get(port) else []

    return reads


def model_content(kind: str, name: str) -> list[Path]:
    """All files of a model, sorted: itself, or what a folder holds of weights and configs."""
    from nodes.diffusion.checkpoints import examine

    return examine.files(find(kind, name))


def called(kind: str) -> str:
    """A kind in the singular, for messages."""
    return _CALLED.get(kind, kind.removesuffix("s").replace("_", " "))


def _is_model(kind: str, path: Path) -> bool:
    if kind == "checkpoints" and checkpoint_files.is_checkpoint(path):
        return True
    if kind in _IN_CHECKPOINTS and checkpoint_files.is_checkpoint(path):
        return True
    if kind != "checkpoints" and (path / "config.json").is_file():
        return True
    return path.suffix.lower() in _OPENED and path.is_file()


def _is_listed(kind: str, path: Path) -> bool:
    listed = _OTHERS_LISTED.get(kind, _LISTED)
    if why_no_weights(path):
        return False
    return _is_model(kind, path) and (path.is_dir() or path.suffix.lower() in listed)


def _models_under(kind: str, folder: Path, depth: int = 3) -> Iterator[Path]:
    """Models in `folder` and its sub-folders; nothing inside a model is one."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if _is_listed(kind, path):
            yield path
        elif depth > 1 and path.is_dir():
            yield from _models_under(kind, path, depth - 1)


def _shipped(kind: str) -> list[Path]:
    folder = shipped_models() if kind == "checkpoints" else shipped_models() / kind
    return list(_models_under(kind, folder, depth=1))


def _searched(kind: str) -> list[Path]:
    own = shipped_models() if kind == "checkpoints" else shipped_models() / kind
    return [*model_folders(kind), own]


def _candidates(kind: str, name: str) -> Iterator[Path]:
    further = _searched("checkpoints") if kind in _IN_CHECKPOINTS else []
    for place in (*_searched(kind), *further, None):
        path = Path(name).expanduser() if place is None else place / name
        yield path
        yield from (path.with_name(path.name + suffix) for suffix in _LISTED if path.name)


def _looked(kind: str) -> str:
    return ", ".join(told(folder) for folder in _searched(kind))


def _what_to_do(kind: str, name: str) -> str:
    known = list_models(kind)
    near = difflib.get_close_matches(name, known, n=1)
    near = near or difflib.get_close_matches(name, [Path(k).stem for k in known], n=1)
    path = Path(name).expanduser()
    wanted = "model_index.json" if kind == "checkpoints" else "config.json"
    barred = why_not(path) if name.strip() else None
    if barred:
        advice = f"A path of that name {barred}"
    elif name.strip() and path.is_file():
        advice = f"That file is none of {', '.join(_LISTED)}"
    elif name.strip() and path.is_dir():
        advice = f"That path is no folder with a {wanted}, which diffusers' layout has"
    elif near:
        advice = f"Did you mean {near[0]!r}?"
    else:
        advice = f"Found: {', '.join(known) or 'none'}"
    stop = "" if advice.endswith("?") else "."
    return f"{advice}{stop} Put a .safetensors file or a diffusers folder there, or name its path"


def list_checkpoints() -> list[str]:
    """The names of all checkpoints that are found."""
    return list_models("checkpoints")


def find_checkpoint(name: str) -> Path:
    """The file or folder of the checkpoint called `name`, or at the path `name`.

    Raises:
        FileNotFoundError: with where it looked, the nearest name, and what to do.
    """
    return find("checkpoints", name)


def checkpoint_files_of(params: Mapping[str, Any]) -> list[Path]:
    """The files whose content makes `load.checkpoint` what it is: weights, configs, tokenizer."""
    return model_content("checkpoints", str(params["name"]))


def checkpoint_bytes(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
    """Bytes in memory of model, clip and vae, from the files' headers."""
    from nodes.diffusion.checkpoints import examine

    if "name" not in params:
        return {}  # it arrives by wire
    path = find_checkpoint(str(params["name"]))
    return examine.checkpoint_bytes(path, str(params.get("dtype", "auto")))


@dataclass(frozen=True)
class ModelName(Widget):
    """A model of a kind by name or path; offers those that are found, refuses one that is not.

    Where `optional`, no name at all is fine. What is in a file is looked at as far as its header
    goes: one that is cut short, empty or no weight file is refused before anything runs.
    """

    code: ClassVar[str] = "no-such-model"
    looks_outside: ClassVar[bool] = True

    kind: str = "checkpoints"
    optional: bool = False

    def check(self, value: Any) -> str | None:
        if self.optional and not value:
            return None
        try:
            with opened(self.kind, str(value)) as path:
                self.examine(path)
        except FileNotFoundError:
            return f"there is no {called(self.kind)} {str(value)!r}"
        except CheckpointError as error:
            return str(error)
        return None

    def examine(self, path: Path) -> None:
        """Raise `CheckpointError` unless what is at `path` can be read, as far as shows now."""
        from nodes.diffusion.checkpoints import examine

        examine.check(self.kind, path)

    def hint(self, value: Any) -> str:
        try:
            find(self.kind, str(value))
        except FileNotFoundError:
            return f"looked in {_looked(self.kind)}. {_what_to_do(self.kind, str(value))}"
        return "fetch the file again, or choose another"

    def as_json(self) -> dict[str, Any]:
        return {**super().as_json(), "options": list_models(self.kind)}


@dataclass(frozen=True)
class CheckpointName(ModelName):
    """A whole checkpoint, a file or a folder."""

    code: ClassVar[str] = "no-such-checkpoint"

    def hint(self, value: Any) -> str:
        return super().hint(value).replace("fetch the file", "fetch the checkpoint")
