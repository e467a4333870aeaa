"""Prints the JSON Schema of everything on the wire, from which the editor's types are made:
`python -m nodeflow.server.schema`. Imports `server.protocol`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from nodeflow.server import protocol

SENT = ("Request", "Change", "Continue", "Subscribe")
"""Ends of the names of what clients send: there a field with a default may be left out. In what
they are sent every field is there."""


class _Plain(GenerateJsonSchema):
    """Without a title for each field, which would become a type of its own."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema() -> dict[str, Any]:
    """One object with a property for each model, by its name."""
    models = sorted(
        (
            (name, model)
            for name, model in vars(protocol).items()
            if isinstance(model, type)
            and issubclass(model, BaseModel)
            and model.__module__ == protocol.__name__
            and model is not protocol.Message
        ),
        key=lambda pair: pair[0],
    )
    refs, found = models_json_schema(
        [(model, _mode(name)) for name, model in models], schema_generator=_Plain
    )
    for name, model in models:
        if _mode(name) == "serialization":
            found["$defs"][name]["required"] = list(model.model_fields)
    properties = {name: refs[model, _mode(name)] for name, model in models}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Protocol",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": found["$defs"],
    }


def _mode(name: str) -> Literal["validation", "serialization"]:
    return "validation" if name.endswith(SENT) else "serialization"


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))
