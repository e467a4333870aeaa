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
