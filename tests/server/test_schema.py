"""The editor's types are made from the schema that this module prints."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

from nodeflow.server import protocol
from nodeflow.server.schema import schema

WEB = Path(__file__).resolve().parents[2] / "web"


def test_schema_has_every_model_and_answers_leave_no_field_out() -> None:
    found = schema()
    assert set(found["properties"]) >= {"RunRequest", "RunDetail", "NodeEvent", "TensorHead"}
    assert "Message" not in found["properties"]
    summary = found["$defs"]["RunSummary"]
    assert set(summary["required"]) == set(protocol.RunSummary.model_fields)
    assert found["$defs"]["RunRequest"]["required"] == ["graph"]


def test_schema_is_printed_without_the_nodes() -> None:
    code = "import runpy, sys; runpy.run_module('nodeflow.server.schema', run_name='__main__');"
    code += "assert not {'torch', 'nodes', 'aiohttp'} & set(sys.modules), 'too much is imported'"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(printed.stdout) == schema()


def test_every_model_of_the_protocol_has_its_type_in_the_editor() -> None:
    text = (WEB / "src" / "protocol.ts").read_text(encoding="utf-8")
    found = schema()
    for name in found["properties"]:
        start = text.index(f"export interface {name} {{")
        body = text[start : text.index("\n}", start)]
        for field in found["$defs"][name].get("properties", {}):
            assert f"  {field}:" in body or f"  {field}?:" in body, (
                f"{name}.{field} is not in web/src/protocol.ts: run `npm run protocol` in web/"
            )


def test_the_editors_table_of_types_is_what_python_says() -> None:
    made = runpy.run_path(str(WEB / "scripts" / "fixtures.py"))["tables"]()
    kept = (WEB / "tests" / "fixtures" / "types.json").read_text(encoding="utf-8")
    assert made["types.json"] == kept, "stale: run python web/scripts/fixtures.py"
