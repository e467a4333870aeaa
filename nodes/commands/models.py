"""`nodeflow models`: what is there, what a file is, and getting more of them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from nodes import model_facts, model_files, settings
from nodes.diffusion.checkpoint_files import PICKLES, CheckpointError

app = typer.Typer(
    help="List models, tell what a file is, add, convert and fetch them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
WRONG = 1
_T = TypeVar("_T")

Kind = Annotated[
    str,
    typer.Option("--kind", help="checkpoints, loras, vae, controlnet ...; by default as it looks."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_command(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="checkpoints, loras, vae ...; all of them.")
    ] = "",
    json: Json = False,
) -> None:
    """List the models that are found, by kind, with the folders that are searched."""
    kinds = [_known_kind(kind)] if kind else list(model_files.KINDS)
    found = {each: _or_fail(model_files.list_models, each) for each in kinds}
    folders = {each: [str(p) for p in model_files.model_folders(each)] for each in kinds}
    if json:
        _print({"models": found, "folders": folders})
        return
    for each, names in found.items():
        if names or kind:
            print(each)
            for name in names:
                print(f"  {name}")
    if not any(found.values()):
        print(f"none in {', '.join(folders[kinds[0]])}")


@app.command()
def info(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="A model's name, or a path.")],
    kind: Kind = "",
    hashes: Annotated[bool, typer.Option("--hash", help="Work out SHA-256 too.")] = False,
    json: Json = False,
) -> None:
    """Tell what a model is: family, prediction, precision, size, trigger words, hashes."""
    path = _find(name, kind)
    found = model_facts.facts(path, hashes)
    if json:
        _print(found.as_json())
    elif not found.problem:
        for word, told in _lines(found):
            print(f"{word:<12} {told}")
    if found.problem:
        if not json:
            print(f"error: {found.problem}", file=sys.stderr)
        raise typer.Exit(WRONG)


@app.command()
def add(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Model files.")],
    kind: Kind = "",
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The models folder; by default the first.")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="Link instead of copying.")] = False,
) -> None:
    """Put files where they are found: each into the folder of its kind, told from its content."""
    failed = False
    for file in files:
        try:
            print(f"{file} -> {_added(file, kind, to, link)}")
        except (OSError, CheckpointError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            failed = True
    if failed:
        raise typer.Exit(WRONG)


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .ckpt, .pt, .pth or .bin file.")
    ],
    target: Annotated[
        Path | None, typer.Argument(metavar="TARGET", help="By default beside it.")
    ] = None,
) -> None:
    """Make a safetensors file of a pickle, reading nothing but numbers and names from it."""
    from nodes.diffusion.checkpoints import pickles

    out = target or source.with_suffix(".safetensors")
    if out.exists():
        raise _fault(f"{out} is there already; name another file")
    try:
        pickles.convert(source, out)
    except (OSError, CheckpointError) as error:
        raise _fault(str(error)) from None
    print(f"{source} -> {out}")


@app.command()
def pull(
    repository: Annotated[
        str, typer.Argument(metavar="OWNER/NAME", help="On the Hugging Face hub.")
    ],
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE...", help="By default the whole folder.")
    ] = None,
    kind: Kind = "",
    revision: Annotated[str, typer.Option(help="A branch, tag or commit.")] = "main",
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The models folder; by default the first.")
    ] = None,
) -> None:
    """Fetch models from the Hugging Face hub; what broke off goes on where it stopped."""
    from nodes.commands import fetching

    folder = _folder(kind or "checkpoints", to)
    try:
        for path in fetching.pull(repository, files or [], revision, folder):
            print(path)
    except fetching.FetchError as error:
        raise _fault(str(error)) from None


def _added(file: Path, kind: str, to: Path | None, link: bool) -> Path:
    found = _known_kind(kind) if kind else _kind_of(file)
    folder = _folder(found, to)
    target = folder / file.name
    if target.exists():
        raise ValueError(f"{target} is there already")
    folder.mkdir(parents=True, exist_ok=True)
    if link:
        target.symlink_to(file.resolve())
    elif file.is_dir():
        shutil.copytree(file, target)
    else:
        part = target.with_name(target.name + ".part")
        shutil.copyfile(file, part)
        part.replace(target)  # nobody ever sees half a file
    return target


def _kind_of(file: Path) -> str:
    if file.suffix.lower() in PICKLES:
        raise ValueError(f"{file} is a pickle: `nodeflow models convert {file}` first")
    found = model_facts.facts(file)
    if found.problem or not found.kind:
        raise ValueError(found.problem or f"{file}: what it is does not show; say so with --kind")
    return found.kind


def _folder(kind: str, to: Path | None) -> Path:
    """Where a model of a kind is put."""
    if to is not None:
        return to / model_files.KINDS[_known_kind(kind)][0]
    return _or_fail(model_files.model_folders, _known_kind(kind))[0]


def _find(name: str, kind: str) -> Path:
    if Path(name).exists() and not kind:
        return Path(name)
    faults = []
    for each in [_known_kind(kind)] if kind else model_files.KINDS:
        try:
            return model_files.find(each, name)
        except FileNotFoundError as error:
            faults.append(str(error))
    if kind:
        raise _fault(faults[0])
    raise _fault(f"no model {name!r} of any kind. `nodeflow models list` tells what there is")


def _lines(found: model_facts.Facts) -> list[tuple[str, str]]:
    numbers = ", ".join(f"{dtype} ({count:,})" for dtype, count in found.dtypes.items())
    lines = [
        ("path", found.path),
        ("kind", found.kind),
        ("family", f"{found.title} ({found.family})" if found.family else found.title),
        ("prediction", found.prediction),
        ("parts", ", ".join(found.parts)),
        ("numbers", numbers),
        ("tensors", str(found.tensors)),
        ("size", f"{found.nbytes:,} bytes"),
        ("words", ", ".join(found.trigger_words)),
        ("sha256", found.sha256),
        ("autov2", found.autov2),
    ]
    return [(word, told) for word, told in lines if told]


def _known_kind(kind: str) -> str:
    if kind not in model_files.KINDS:
        raise _fault(f"there is no kind {kind!r}; there are {', '.join(model_files.KINDS)}")
    return kind


def _or_fail(function: Callable[..., _T], *args: Any) -> _T:
    try:
        return function(*args)
    except settings.SettingsError as error:
        raise _fault(str(error)) from None


def _print(data: dict[str, Any]) -> None:
    print(json.dumps(data, indent=2))


def _fault(message: str) -> typer.Exit:
    """Tell what is wrong; raised, it ends the command."""
    print(f"error: {message}", file=sys.stderr)
    return typer.Exit(WRONG)
