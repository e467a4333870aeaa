"""Many prompts from one: choices, wildcards from files, and the prompt matrix. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Prompt, Seed, Text
from nodes.diffusion.prompts.faults import PromptError
from nodes.diffusion.prompts.variants import Variants
from nodes.prompt_source import CheckedPrompt, prompt_fault
from nodes.prompt_wildcards import Wildcards, wildcard_files

_Folder = Annotated[str, Text(placeholder="models/wildcards")]
_MOST = 10000


@node("prompt_variants.random", output="text", reads=wildcard_files)
def random(
    text: Annotated[str, CheckedPrompt(syntax="dynamic")] = "",
    seed: Annotated[int, Seed()] = 0,
    folder: _Folder = "",
) -> str:
    """Choose one of the texts that a dynamic prompt stands for; a seed always chooses the same.

    `{a|b}` is a or b, `{0.3::a|b}` a with weight 0.3 against 1, `{2$$a|b|c}` two of three, joined
    by `, `, `{1-2$$ and $$a|b|c}` one or two joined by ` and `; they stay in the order written.
    `__name__` is a line of `name.txt` in `folder`, or in `wildcards/` of the models' folders, where
    `#` begins a comment; `__birds/*__` is one of several files. All nest. `\\{` is the sign itself.
    Everything else is left to the node that encodes the prompt.
    """
    return _variants(text, folder).random(seed)


@node("prompt_variants.several", output="texts", reads=wildcard_files)
def several(
    text: Annotated[str, CheckedPrompt(syntax="dynamic")] = "",
    seed: Annotated[int, Seed()] = 0,
    count: Annotated[int, Number(1, _MOST)] = 4,
    folder: _Folder = "",
) -> list[str]:
    """Choose several of the texts that a dynamic prompt stands for, by `count` seeds in a row.

    Text k is what `prompt_variants.random` gives for seed + k: as picture k of a batch is that of
    seed + k. Equal ones may come.
    """
    if not 1 <= count <= _MOST:
        raise InputError("count", str(count), f"1..{_MOST}")
    variants = _variants(text, folder)
    return [variants.random(seed + k) for k in range(count)]


@node("prompt_variants.all", output="texts", reads=wildcard_files)
def all(
    text: Annotated[str, CheckedPrompt(syntax="dynamic")] = "",
    limit: Annotated[int, Number(1, _MOST)] = 100,
    folder: _Folder = "",
) -> list[str]:
    """List all texts that a dynamic prompt stands for, each once; what stands left changes slowest.

    Written as in `prompt_variants.random`; weights play no part, but 0 leaves an option out. More
    than `limit` of them are an error that says how many there are.
    """
    variants = _variants(text, folder)
    count = variants.count()
    if count > limit:
        hint = "raise the limit, or take some by prompt_variants.several"
        raise InputError("text", f"{count} texts", f"at most {limit}", hint)
    return variants.every()


@node("prompt_variants.matrix", output="texts")
def matrix(
    text: Annotated[str, Prompt()] = "", between: Annotated[str, Text()] = ", "
) -> list[str]:
    """Combine the parts of `a | b | c` in every way: a, `a, b`, `a, c`, and `a, b, c`.

    The first part is in all of them, each further one doubles their number: 2^n texts for n further
    parts, as AUTOMATIC1111's prompt matrix. `|` inside of brackets does not part.
    """
    from nodes.diffusion.prompts import matrix as prompt_matrix

    count = len(prompt_matrix.options(text)) - 1
    if count > 10:
        raise InputError("text", f"{count} further parts", "at most 10, which are 1024 texts")
    return prompt_matrix.matrix(text, between)


@node("prompt_variants.lines", output="texts", reads=wildcard_files)
def lines(name: Annotated[str, Text(placeholder="animals")], folder: _Folder = "") -> list[str]:
    """List the lines of a wildcard file as they stand, without comments and empty lines."""
    try:
        return Wildcards(folder).lines(name.strip().removeprefix("__").removesuffix("__"))
    except LookupError as error:
        raise InputError("name", repr(name), "a wildcard", str(error.args[0])) from None


@node("prompt_variants.wildcards", output="names", volatile=True)
def wildcards(folder: _Folder = "") -> list[str]:
    """List the names of all wildcard files, sorted; sub-folders with `/`."""
    return list(Wildcards(folder).files)


def _variants(text: str, folder: str) -> Variants:
    try:
        return Variants(text, Wildcards(folder).lines)
    except PromptError as error:
        raise prompt_fault("text", error) from None
