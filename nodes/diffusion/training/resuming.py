"""Between a training in memory and its state: which tensors are kept, and whether they fit."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.training.checkpointing import Recipe, State, StateError

MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW keeps of each weight
TOLD = 4  # faults named, of many
MEASURED = 0.005  # how far measured numbers may be off: machines round differently
FROZEN = 0.01
OTHER = "Train it as it was, or begin anew: give another folder, or delete this one"


def collect(
    modules: Mapping[str, nn.Module], weights: Mapping[str, Tensor], optimizer: torch.optim.AdamW
) -> dict[str, Tensor]:
    """Every tensor that decides how the training goes on, by name."""
    tensors = _tensors_of(modules)
    for name, weight in weights.items():
        for key, value in optimizer.state[weight].items():
            tensors[f"optimizer.{name}.{key}"] = value
    return tensors


def restore(
    state: State,
    recipe: Recipe,
    modules: Mapping[str, nn.Module],
    weights: Mapping[str, Tensor],
    optimizer: torch.optim.AdamW,
) -> None:
    """Fill modules and optimizer from `state`; nothing of them where anything does not fit.

    `weights` are those that are trained, by the names they have among the modules' tensors.

    Raises:
        StateError: with what does not fit.
    """
    _check_recipe(state.recipe, recipe)
    kept = dict(state.tensors)
    moments = {name: _take_moments(kept, name) for name in weights}
    current = _tensors_of(modules)
    expected = {**current, **_expected_moments(weights, moments)}
    _check_tensors(state.tensors, expected)
    _check_frozen(kept, modules, weights)
    for name, module in modules.items():
        module.load_state_dict({key: kept[f"{name}.{key}"] for key in module.state_dict()})
    blank = optimizer.state_dict()
    filled = {i: found for i, found in enumerate(moments.values()) if found}
    optimizer.load_state_dict({**blank, "state": filled})


def _tensors_of(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }


def _take_moments(kept: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The optimizer's part of one weight, taken out of `kept`: of its own memory, not the file's.
    A weight that no loss has reached yet has none."""
    found = {}
    for key in MOMENTS:
        value = kept.pop(f"optimizer.{name}.{key}", None)
        if value is not None:
            found[key] = value.clone()
    return found


def _expected_moments(
    weights: Mapping[str, Tensor], moments: Mapping[str, Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    return {
        f"optimizer.{name}.{key}": torch.zeros(()) if key == "step" else weight
        for name, weight in weights.items()
        if moments[name]
        for key in MOMENTS
    }


def _check_recipe(kept: Recipe, asked: Recipe) -> None:
    names = [name for name in {**asked, **kept} if not _same(kept.get(name), asked.get(name))]
    if "training" in names:  # of another kind, so that all else differs too
        names = ["training"]
    if names:
        got = ", ".join(f"{name} {_shown(kept.get(name))}" for name in names)
        expected = ", ".join(f"{name} {_shown(asked.get(name))}" for name in names)
        raise StateError(f"the state of another training: {got}", expected, OTHER)


def _same(kept: Any, asked: Any) -> bool:
    """Whether two values of a recipe are one. Lists are of measured numbers."""
    if isinstance(kept, list) and isinstance(asked, list):
        numbers = all(isinstance(value, (int, float)) for value in kept)
        return (
            numbers
            and len(kept) == len(asked)
            and all(
                math.isclose(a, b, rel_tol=MEASURED, abs_tol=MEASURED)
                for a, b in zip(kept, asked, strict=True)
            )
        )
    return bool(kept == asked)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "[" + " ".join(f"{number:.3g}" for number in value) + "]"
    return "none" if value is None else str(value)


def _check_tensors(kept: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Names, shapes and types; all faults at once."""
    got = [f"no {name}" for name in expected if name not in kept]
    wanted = [f"{name} {_form(expected[name])}" for name in expected if name not in kept]
    got += [f"{name} {_form(kept[name])}" for name in kept if name not in expected]
    wanted += [f"no {name}" for name in kept if name not in expected]
    for name in (name for name in kept if name in expected):
        if _form(kept[name]) != _form(expected[name]):
            got.append(f"{name} {_form(kept[name])}")
            wanted.append(f"{name} {_form(expected[name])}")
    if got:
        raise StateError(f"a state with {_some(got)}", _some(wanted), OTHER)


def _check_frozen(
    kept: Mapping[str, Tensor], modules: Mapping[str, nn.Module], weights: Mapping[str, Tensor]
) -> None:
    """Weights beside those that are trained have to be those that were there, as far as machines
    round alike. Averages of trained ones are not asked: they are of the training itself."""
    trained = {name.partition(".")[0] for name in weights}
    for part in trained:
        for key, value in modules[part].named_parameters():
            name = f"{part}.{key}"
            if name in weights:
                continue
            same = torch.allclose(kept[name], value.detach().cpu(), FROZEN, FROZEN)
            if not same:
                raise StateError(
                    f"a state trained beside other weights, as {name}", "those given", OTHER
                )


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _some(faults: list[str]) -> str:
    more = len(faults) - TOLD
    return ", ".join(faults[:TOLD]) + (f" and {more} more" if more > 0 else "")
