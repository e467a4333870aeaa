"""Libraries that nodeflow does without until a node asks for one: helpers, no nodes."""

from __future__ import annotations

import importlib
from typing import Any

from nodeflow.errors import NodeflowError


class MissingExtraError(NodeflowError):
    """A node needs a library that comes with an extra of nodeflow, which is not installed."""


def needed(module: str, extra: str, why: str) -> Any:
    """The module, imported.

    Raises:
        MissingExtraError: it is not installed, or broken; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"{why} needs {module.split('.')[0]}, which cannot be imported ({error})"
        raise MissingExtraError(f"{message}: pip install 'nodeflow[{extra}]'") from error
