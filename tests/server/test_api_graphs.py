"""Graphs, templates, the catalogue, and what is told of a graph without running it."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from yarl import URL

from nodeflow.commands.prepare import shipped_folders
from nodeflow.registry import default_registry
from nodeflow.server.api.catalogue import catalogue
from nodeflow.server.api.graphs import GraphFiles
from nodeflow.server.api.templates import Templates, section
from nodeflow.server.keys import SETTINGS
from nodeflow.server.protocol import (
    Catalogue,
    ComfyuiExport,
    GraphList,
    GraphName,
    PlanAnswer,
    TemplateList,
    ValidateAnswer,
)
from serving import application, chain

API = "/api/v1"
Client = TestClient[Any, Any]


@pytest.fixture
async def client(aiohttp_client: Any, tmp_path: Path) -> Client:
    return await aiohttp_client(application(tmp_path))  # type: ignore[no-any-return]


async def codes(response: Any, status: int) -> list[str]:
    body = await response.json()
    assert response.status == status, body
    return [problem["code"] for problem in body["problems"]]


async def put(http: Client, name: str, graph: Any, **headers: str) -> Any:
    told = {key.replace("_", "-"): value for key, value in headers.items()}
    return await http.put(f"{API}/graphs/{name}", json=graph, headers=told)


# ── saved graphs ────────────────────────────────────────────────────────────────────────────────


async def test_a_graph_is_saved_read_listed_and_deleted(client: Client) -> None:
    graph = {**chain(2), "title": "Two ä"}
    saved = GraphName.model_validate(await (await put(client, "my/first one", graph)).json())
    assert (saved.name, saved.title) == ("my/first one", "Two ä")
    read = await client.get(f"{API}/graphs/my/first one")
    assert await read.json() == graph
    assert read.headers["ETag"] == f'"{saved.etag}"'
    listed = GraphList.model_validate(await (await client.get(f"{API}/graphs")).json())
    assert listed.graphs == [saved]
    known = await client.get(
        f"{API}/graphs/my/first one", headers={"If-None-Match": read.headers["ETag"]}
    )
    assert known.status == 304
    assert (await client.delete(f"{API}/graphs/my/first one")).status == 204
    assert await codes(await client.get(f"{API}/graphs/my/first one"), 404) == ["no-such-graph"]
    assert await codes(await client.delete(f"{API}/graphs/my/first one"), 404) == ["no-such-graph"]
    folder = client.app[SETTINGS].graphs  # type: ignore[union-attr]
    assert json.loads((folder / "my" / "first one.json.bak").read_bytes()) == graph


async def test_two_tabs_do_not_overwrite_each_other(client: Client) -> None:
    first = await (await put(client, "g", chain(1))).json()
    again = await put(client, "g", chain(2), If_None_Match="*")
    assert await codes(again, 412) == ["conflict"]
    second = await (await put(client, "g", chain(2), If_Match=f'"{first["etag"]}"')).json()
    late = await put(client, "g", chain(3), If_Match=f'"{first["etag"]}"')
    assert await codes(late, 412) == ["conflict"]
    assert late.headers["ETag"] == f'"{second["etag"]}"'
    message = (await late.json())["problems"][0]["message"]
    assert first["etag"] in message
    assert second["etag"] in message
    gone = await client.delete(f"{API}/graphs/g", headers={"If-Match": first["etag"]})
    assert await codes(gone, 412) == ["conflict"]
    assert await (await client.get(f"{API}/graphs/g")).json() == chain(2)
    missing = await put(client, "other", chain(1), If_Match=first["etag"])
    assert await codes(missing, 412) == ["conflict"]


async def test_many_at_once_and_one_wins(client: Client) -> None:
    first = await (await put(client, "g", chain(1))).json()
    answers = await asyncio.gather(
        *(put(client, "g", chain(n), If_Match=first["etag"]) for n in range(2, 12))
    )
    assert sorted(answer.status for answer in answers) == [200] + [412] * 9
    (winner,) = [answer for answer in answers if answer.status == 200]
    read = await client.get(f"{API}/graphs/g")
    assert read.headers["ETag"] == f'"{(await winner.json())["etag"]}"'
    folder = client.app[SETTINGS].graphs  # type: ignore[union-attr]
    assert sorted(path.name for path in folder.iterdir()) == ["g.json", "g.json.bak"]
    assert json.loads((folder / "g.json.bak").read_bytes()) == chain(1)


async def test_others_hear_of_it(client: Client) -> None:
    socket = await client.ws_connect(f"{API}/ws")
    saved = await (await put(client, "g", chain(1), X_Nodeflow_Client="me")).json()
    await client.delete(f"{API}/graphs/g")
    heard: list[Any] = []
    while len(heard) < 2:
        message = await socket.receive_json(timeout=10)
        heard += [message["data"]] if message["type"] == "nf.graphs" else []
    assert heard == [
        {"name": "g", "etag": saved["etag"], "client": "me"},
        {"name": "g", "etag": "", "client": ""},
    ]


BAD_NAMES = [
    *("..", "../x", "a/../../x", "/etc/passwd", "a/b/c", ".hidden", "a/.hidden", "a\\b", "a\0b"),
    *("con", "a/NUL", "nul.x", "com1", "a ", "a.", "a.json", "a.bak", "a:b", "c:/x", "x" * 101),
    *("a//b", "a/", "~", "$HOME", "a\nb", "<b>", "a*", "a|b", '"', "\u202e"),
]


async def test_names_stay_in_the_folder(client: Client) -> None:
    folder = client.app[SETTINGS].graphs  # type: ignore[union-attr]
    for name in BAD_NAMES:
        quoted = "".join(f"%{byte:02x}" for byte in name.encode())
        url = URL(f"{API}/graphs/{quoted}", encoded=True)
        for method in ("GET", "PUT", "DELETE"):
            response = await client.request(method, url, json=chain(1) if method == "PUT" else None)
            assert response.status in (400, 404), (method, name, response.status)
            assert "problems" in await response.json()
    assert list(folder.rglob("*")) == []


async def test_a_link_out_of_the_folder_is_not_followed(client: Client, tmp_path: Path) -> None:
    folder = client.app[SETTINGS].graphs  # type: ignore[union-attr]
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    (folder / "link.json").symlink_to(outside)
    (folder / "way").symlink_to(tmp_path)
    for name in ("link", "way/outside"):
        assert (await client.get(f"{API}/graphs/{name}")).status in (400, 404)
        assert (await put(client, name, chain(1))).status in (400, 404)
        assert (await client.delete(f"{API}/graphs/{name}")).status in (400, 404)
    assert outside.read_text() == "{}"
    listed = await (await client.get(f"{API}/graphs")).json()
    assert listed == {"graphs": []}


async def test_only_graphs_are_saved(client: Client) -> None:
    assert await codes(await put(client, "g", {"x": 1}), 400) == ["no-format"]
    assert await codes(await put(client, "g", [1]), 400) == ["schema"]
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"x": deep}
    assert await codes(await put(client, "g", {**chain(1), "view": deep}), 400) == ["too-deep"]
    unfinished = chain(1)
    unfinished["nodes"]["new"] = {"type": "somebody:elses.node", "params": {"x": [1, {"y": 2}]}}
    assert (await put(client, "g", unfinished)).status == 200
    assert await (await client.get(f"{API}/graphs/g")).json() == unfinished


def test_a_write_that_fails_leaves_what_was(tmp_path: Path, monkeypatch: Any) -> None:
    files = GraphFiles(tmp_path)
    files.write("g", b"one")

    def fail(source: Any, target: Any) -> None:
        if str(target).endswith(".json"):
            raise OSError(28, "No space left on device")
        Path(source).rename(target)

    monkeypatch.setattr("nodeflow.server.api.graphs.os.replace", fail)
    with pytest.raises(OSError, match="No space"):
        files.write("g", b"two")
    assert files.read("g") == b"one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g.json", "g.json.bak"]


def test_files_put_there_by_hand_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"title": "A"}')
    (tmp_path / "b.json").write_text("[]")
    (tmp_path / "c.json").write_text("{" * 100)
    (tmp_path / "a.json.bak").write_text("{}")
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "y" / "deep.json").write_text("{}")
    files = GraphFiles(tmp_path)
    assert [(g.name, g.title) for g in files.all()] == [("a", "A"), ("b", ""), ("c", "")]
    (tmp_path / "a.json").write_text('{"title": "Another"}')
    assert files.all()[0].title == "Another"


# ── templates ───────────────────────────────────────────────────────────────────────────────────


async def test_templates(client: Client) -> None:
    body = await (await client.get(f"{API}/templates")).json()
    templates = {t.name: t for t in TemplateList.model_validate(body).templates}
    first = next(iter(templates.values()))
    assert first.section == "start"
    assert first.missing == []
    assert templates["text_to_image"].inputs[:1] == ["prompt"]
    assert templates["models/sdxl"].section == "models"
    assert templates["models/sdxl"].missing == ["sd_xl_base_1.0.safetensors"]
    assert not [t.name for t in templates.values() if t.section != "models" and t.missing]
    graph = await (await client.get(f"{API}/templates/models/sdxl")).json()
    assert graph["nodeflow"] == 1
    answer = await client.post(f"{API}/validate", json={"graph": graph})
    problems = ValidateAnswer.model_validate(await answer.json()).problems
    assert [problem.code for problem in problems] == ["no-such-checkpoint"]


async def test_only_templates_are_read(client: Client) -> None:
    for name in ("none", "../pyproject", "models/%2e%2e/text_to_image", "%2e%2e/x", "/etc/passwd"):
        response = await client.get(URL(f"{API}/templates/{name}", encoded=True))
        assert response.status in (400, 404)


def test_every_template_stands_on_a_shelf() -> None:
    names = [t.name for t in Templates(default_registry()).all()]
    assert len(names) == len(list(shipped_folders()[0].rglob("*.json")))
    assert [name for name in names if section(name) == "more"] == []


def test_templates_are_read_again_when_they_change(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({**chain(1), "title": "One"}))
    templates = Templates(default_registry(), [tmp_path])
    assert [t.title for t in templates.all()] == ["One"]
    (tmp_path / "a.json").write_text(json.dumps({**chain(1), "title": "Another"}))
    (tmp_path / "broken.json").write_text("{")
    templates.listed_at = -1e9
    assert [t.title for t in templates.all()] == ["Another"]
    assert templates.data("broken") is None


# ── the catalogue ───────────────────────────────────────────────────────────────────────────────


async def test_the_catalogue(client: Client) -> None:
    response = await client.get(f"{API}/nodes")
    told = Catalogue.model_validate(await response.json())
    by_id = {node["id"]: node for node in told.nodes}
    assert set(by_id) == set(default_registry().definitions)
    assert by_id["math.add"]["source"].startswith("nodes/math.py:")
    types = {tp.name: tp for tp in told.types}
    assert types["int"].bases == ["float"]
    assert types["Latent"].colour == "#ff9cf9"
    known = {f"{c.source}→{c.target}": c.node for c in told.conversions}
    assert known["Denoised→Latent"] == "model.denoised_to_latent"
    assert not [c for c in told.conversions if c.source == "str" and c.target == "Model"]
    etag = response.headers["ETag"]
    again = await client.get(f"{API}/nodes", headers={"If-None-Match": etag})
    assert again.status == 304
    plain = await client.get(f"{API}/nodes", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert await plain.read() == await response.read()


async def test_every_type_of_a_port_is_told(client: Client) -> None:
    told = Catalogue.model_validate(await (await client.get(f"{API}/nodes")).json())
    names = {tp.name for tp in told.types} | {"none"}
    ports = [p for d in default_registry() for p in [*d.inputs.values(), *d.outputs]]
    names |= {name for port in ports for name in re.findall(r"~(\w+)", repr(port.type))}
    for node in told.nodes:
        for port in [*node["inputs"], *node["outputs"]]:
            parts = port["type"].replace("list[", "").replace("]", "").split(" | ")
            for part in parts:
                assert part in names, (node["id"], part)


def test_the_catalogue_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    from nodeflow.registry import load_registry

    pack = tmp_path / "broken"
    pack.mkdir()
    (pack / "x.py").write_text("raise RuntimeError(__file__)")
    text = json.dumps(catalogue(load_registry([pack])))
    assert "broken-pack" in text
    assert str(tmp_path) not in text
    assert str(Path(__file__).parents[2]) not in text


def test_the_catalogue_is_small_when_packed() -> None:
    packed = gzip.compress(json.dumps(catalogue(default_registry())).encode(), 6)
    assert len(packed) < 200_000


# ── checks ──────────────────────────────────────────────────────────────────────────────────────


async def test_export_for_comfyui(client: Client) -> None:
    path = Path(__file__).parents[2] / "graphs" / "text_to_image_simple.json"
    graph = json.loads(path.read_text(encoding="utf-8"))
    body = {"graph": graph, "inputs": {"seed": 9007199254740993}}
    answer = await client.post(f"{API}/export/comfyui", json=body)
    told = ComfyuiExport.model_validate(await answer.json())
    sampler = next(n for n in told.prompt.values() if n["class_type"] == "KSampler")
    assert sampler["inputs"]["seed"] == 9007199254740993
    assert {problem.severity for problem in told.problems} == {"warning"}
    answer = await client.post(f"{API}/export/comfyui", json={"graph": chain(2)})
    told = ComfyuiExport.model_validate(await answer.json())
    missing = [p.where for p in told.problems if p.code == "no-counterpart"]
    assert set(missing) <= set(chain(2)["nodes"])
    assert missing
    assert answer.status == 200


async def test_validate(client: Client) -> None:
    answer = await client.post(f"{API}/validate", json={"graph": chain(2)})
    told = ValidateAnswer.model_validate(await answer.json())
    assert told.valid
    assert told.types == {"n0": {"value": "float"}, "n1": {"value": "float"}}
    graph = chain(2)
    graph["nodes"]["n1"]["params"]["c"] = 1.0
    answer = await client.post(f"{API}/validate", json={"graph": graph})
    told = ValidateAnswer.model_validate(await answer.json())
    assert not told.valid
    assert [(p.code, p.where) for p in told.problems] == [("unknown-port", "n1.c")]
    answer = await client.post(f"{API}/validate", json={"graph": {"x": 1}})
    assert (await answer.json())["problems"][0]["code"] == "no-format"
    answer = await client.post(f"{API}/validate", json={"graph": chain(1), "outputs": ["none"]})
    assert (await answer.json())["problems"][0]["code"] == "unknown-output"


async def test_validate_looks_into_bodies(client: Client) -> None:
    graph = await (await client.get(f"{API}/templates/text_to_image")).json()
    answer = await client.post(f"{API}/validate", json={"graph": graph})
    told = ValidateAnswer.model_validate(await answer.json())
    assert told.valid
    assert any("/" in node for node in told.types)


async def test_plan(client: Client) -> None:
    answer = await client.post(f"{API}/plan", json={"graph": chain(3)})
    told = PlanAnswer.model_validate(await answer.json())
    assert [step.node for step in told.steps] == ["n0", "n1", "n2"]
    graph = await (await client.get(f"{API}/templates/text_to_image")).json()
    told = PlanAnswer.model_validate(
        await (await client.post(f"{API}/plan", json={"graph": graph})).json()
    )
    assert told.peak_bytes > 1_000_000
    assert any(step.body for step in told.steps)
    refused = await client.post(
        f"{API}/plan", json={"graph": {"nodeflow": 1, "nodes": {"a": {"type": "math.ad"}}}}
    )
    assert await codes(refused, 400) == ["unknown-type"]


async def test_large_graphs(aiohttp_client: Any, tmp_path: Path) -> None:
    client = await aiohttp_client(application(tmp_path, limits={"graph_nodes": 10_000}))
    answer = await client.post(f"{API}/validate", json={"graph": chain(10_000)})
    assert (await answer.json())["valid"]
    for path in ("validate", "plan", "runs"):
        response = await client.post(f"{API}/{path}", json={"graph": chain(10_001)})
        assert response.status in (400, 413)
        assert (await response.json())["problems"][0]["code"] == "too-large"


async def test_no_path_of_this_machine_is_told(client: Client) -> None:
    graph = {
        "nodeflow": 1,
        "nodes": {"load": {"type": "load.image", "params": {"path": "no/such.png"}}},
        "outputs": {"image": "load.image"},
    }
    answer = await client.post(f"{API}/validate", json={"graph": graph})
    text = await answer.text()
    assert "no-such-file" in text
    assert str(Path.cwd()) not in text
    for path in ("/etc/passwd", "/etc/nothing", "../../../etc/passwd"):
        graph["nodes"]["load"]["params"]["path"] = path  # type: ignore[index]
        answer = await client.post(f"{API}/validate", json={"graph": graph})
        told = (await answer.json())["problems"][0]
        assert "does not exist" not in told["message"], told  # it is not even looked for
