"""A patched network: its own modules, the base's weights.

What changes a model here never touches the model it was given: it works on a copy of the tree of
modules whose parameters and buffers are the very tensors of the base. So a graph may run a model
with a patch and without it, at the same time, with the weights in memory once.
"""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn

_M = TypeVar("_M", bound=nn.Module)


def clone_modules(network: _M) -> _M:
    """A copy of a network's modules that shares all parameters and buffers with it.

    Submodules may be replaced, attention processors set and hooks registered on the copy; writing
    into one of its weights would write into the base's.
    """
    shared = [*network.parameters(), *network.buffers()]
    return copy.deepcopy(network, {id(tensor): tensor for tensor in shared})


def with_children(network: _M, **children: nn.Module) -> _M:
    """A copy of the outermost module alone, with some of its children replaced.

    All other children are the base's own, so this costs next to nothing; what is not named must not
    be changed on the copy.
    """
    clone = copy.copy(network)
    clone._modules = {**network._modules, **children}
    return clone
