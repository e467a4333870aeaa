"""The graph file as Pydantic models: the schema of the format, from which the JSON Schema is made.

Imports nothing of nodeflow.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
"""The version of the graph file that this nodeflow writes."""


class StateFile(BaseModel):
    """A value that a loop carries."""

    model_config = ConfigDict(extra="forbid")

    init: str = Field(description="`node.port` outside the loop: the value before the first pass")
    next: str = Field(description="`node.port` in the body: the value for the next pass")


class NodeFile(BaseModel):
    """One node. The fields from `each` on belong to loops and maps, `graph` to groups."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="`module.function`, `flow.loop`, `flow.map` or `flow.graph`")
    version: int = Field(1, ge=1, description="version of the node type; 1 if left out")
    params: dict[str, Any] = Field(default_factory=dict, description="literals by port")
    links: dict[str, str | list[str]] = Field(
        default_factory=dict, description="`node.port` by port; several are gathered into a list"
    )
    mode: Literal["mute", "bypass"] | None = Field(
        None, description="`mute`: it does not run; `bypass`: it hands on what comes in"
    )
    each: dict[str, str] | None = Field(None, description="lists to walk, in step")
    const: dict[str, str] | None = Field(None, description="values every pass reads")
    state: dict[str, StateFile] | None = Field(None, description="values carried from pass to pass")
    collect: dict[str, str] | None = Field(None, description="values of each pass, as a list")
    body: dict[str, NodeFile] | None = Field(None, description="the nodes of one pass")
    graph: str | GraphFile | None = Field(None, description="a graph, or the path of its file")


class GraphFile(BaseModel):
    """A graph. `view` is layout and notes; nothing in it changes what is computed."""

    model_config = ConfigDict(extra="forbid")

    nodeflow: int = Field(FORMAT, description="version of the file format")
    title: str = ""
    description: str = ""
    inputs: dict[str, str | list[str]] = Field(
        default_factory=dict, description="names for `node.port`, the graph's own parameters"
    )
    outputs: dict[str, str] = Field(default_factory=dict, description="what the graph is for")
    nodes: dict[str, NodeFile] = Field(description="the nodes by id; ids have no . / [ ]")
    view: dict[str, Any] = Field(default_factory=dict)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a graph file, for editors and other programs.

    A file must say its format; a graph inside another has the format of its file.
    """
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"nodeflow-graph-{FORMAT}",
        "title": "nodeflow graph",
        "required": ["nodeflow"],
    }
    return {**head, **GraphFile.model_json_schema()}
