"""What the prompt nodes share: parsing with a port's name in the error, and the files that a prompt
names. Helpers, no nodes. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nodeflow.errors import InputError
from nodeflow.widgets import Prompt as PromptArea
from nodes import model_files
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.prompts import variants
from nodes.diffusion.prompts.faults import PromptError, PromptProblem
from nodes.diffusion.prompts.syntax import SYNTAXES, Embedding, Prompt, parse, walk

if TYPE_CHECKING:
    from nodes.diffusion.prompts.chunks import Inversions
    from nodes.types import Clip

_PICKLES = (".pt", ".bin")


@dataclass(frozen=True)
class CheckedPrompt(PromptArea):
    """A prompt of a syntax, whose faults show before anything runs: in its signs, and embeddings
    that are not there or no embeddings. `dynamic` is the syntax of choices and wildcards; "" is
    either, where another port says which, so that only what both refuse is a fault."""

    code: ClassVar[str] = "prompt-fault"
    looks_outside: ClassVar[bool] = True

    syntax: str = "comfyui"

    def check(self, value: Any) -> str | None:
        faults = [_fault(str(value), each) for each in ([self.syntax] if self.syntax else SYNTAXES)]
        return faults[0] if all(faults) else None

    def as_json(self) -> dict[str, Any]:
        return {**super().as_json(), "widget": "Prompt"}


def _fault(text: str, syntax: str) -> str | None:
    try:
        if syntax == "dynamic":
            variants.parse(text)
        else:
            _named(parse(text, syntax), examine=True)
    except PromptError as error:
        return str(error)
    return None


def parsed(port: str, text: str, syntax: str) -> Prompt:
    """A port's prompt, read.

    Raises:
        InputError: with every fault and its column, or there is no such syntax.
    """
    check_syntax(syntax)
    try:
        return parse(text, syntax)
    except PromptError as error:
        raise prompt_fault(port, error) from None


def check_syntax(syntax: str) -> None:
    """A name that there is."""
    if syntax not in SYNTAXES:
        raise InputError("syntax", repr(syntax), f"one of {', '.join(SYNTAXES)}")


def prompt_fault(port: str, error: PromptError) -> InputError:
    """All faults of a prompt as the one error that a node raises."""
    first, *others = error.problems
    hints = [first.hint] if first.hint else []
    if others:
        hints.append("Also at " + "; ".join(error.told(problem) for problem in others))
    return InputError(
        port, f"{first.got} at {error.where(first)}", first.expected, ". ".join(hints)
    )


def inversions(clip: Clip, prompts: Mapping[str, Prompt]) -> Mapping[str, Inversions]:
    """The textual inversions that the prompts, by port, name; for each of the encoders.

    Raises:
        InputError: there is none of that name, with the column; one is for another text encoder.
    """
    from nodes.diffusion.prompts.embeddings import inversions_for

    files = {}
    for port, prompt in prompts.items():
        try:
            files.update(_named(prompt))
        except PromptError as error:
            raise prompt_fault(port, error) from None
    bare = {name: model_files.find("embeddings", name) for name in _bare(prompts.values())}
    try:
        return inversions_for(clip, files, bare) if files or bare else {}
    except CheckpointError as error:
        port = " or ".join(prompts)
        got, wanted = "an embedding that cannot be used", "one for this model"
        raise InputError(port, got, wanted, str(error)) from None


def _named(prompt: Prompt, examine: bool = False) -> dict[str, Path]:
    """The files of the embeddings that a prompt names.

    Raises:
        PromptError: there is none of that name or, where they are examined, it is no embedding; all
            such are told.
    """
    from nodes.diffusion.checkpoints.examine import check

    found, problems = {}, []
    for node in _embeddings_in(prompt):
        wanted = "one that is there"
        try:
            found[node.name] = _file_of(node.name)
            if examine:
                wanted = "a textual inversion"
                check("embeddings", found[node.name])
        except (FileNotFoundError, CheckpointError) as error:
            problems.append(PromptProblem(node.at, f"embedding {node.name!r}", wanted, str(error)))
    if problems:
        raise PromptError(prompt.text, problems)
    return found


def _embeddings_in(prompt: Prompt) -> list[Embedding]:
    nodes = (node for part in prompt.parts for node in walk(part.nodes))
    return [node for node in nodes if isinstance(node, Embedding)]


def _file_of(name: str) -> Path:
    """The file of an embedding; one that is a pickle too, so that whoever opens it can say so."""
    try:
        return model_files.find("embeddings", name)
    except FileNotFoundError:
        for suffix in _PICKLES:
            try:
                return model_files.find("embeddings", name + suffix)
            except FileNotFoundError:
                continue
        raise


def _bare(prompts: Iterable[Prompt]) -> list[str]:
    """The embeddings whose file's name may stand in an a1111 prompt as a word, without a prefix."""
    texts = [
        "".join(prompt.text.lower().replace("\\", "").split())
        for prompt in prompts
        if prompt.syntax == "a1111"
    ]
    if not texts:
        return []
    names = model_files.list_models("embeddings")
    return [name for name in names if any(_word(name) in text for text in texts)]


def _word(name: str) -> str:
    return "".join(Path(name).stem.lower().split())


def embeddings_read(*ports: str, syntax: str = "") -> Callable[[Mapping[str, Any]], list[Path]]:
    """A node's `reads`: the embeddings that its prompts name. A prompt that arrives by wire may
    name any of them."""

    def reads(params: Mapping[str, Any]) -> list[Path]:
        if any(port not in params for port in ports):
            return [
                model_files.find("embeddings", n) for n in model_files.list_models("embeddings")
            ]
        found: dict[Path, None] = {}
        for port in ports:
            found.update(dict.fromkeys(_read_by(str(params[port]), syntax or params["syntax"])))
        return list(found)

    return reads


def _read_by(text: str, syntax: str) -> list[Path]:
    if syntax not in SYNTAXES:
        return []
    try:
        prompt = parse(text, syntax)
        named = list(_named(prompt).values())
    except PromptError:
        return []  # the node says what is wrong
    return [*named, *(model_files.find("embeddings", name) for name in _bare([prompt]))]
