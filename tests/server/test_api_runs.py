"""Runs and the queue over HTTP and the websocket, with a worker that really runs them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from nodeflow.server.protocol import QueueState, RunDetail, RunPage, RunSummary
from serving import application, chain, events_of, is_over

API = "/api/v1"
ENDS = ("done", "failed", "cancelled")
Client = TestClient[Any, Any]


@pytest.fixture
async def client(aiohttp_client: Any, tmp_path: Path) -> Client:
    return await aiohttp_client(application(tmp_path, limits={"queued_runs": 5}))  # type: ignore[no-any-return]


async def submit(http: Client, graph: Any = None, **more: Any) -> str:
    data = {"graph": chain(2) if graph is None else graph, **more}
    response = await http.post(f"{API}/runs", json=data)
    body = await response.json()
    assert response.status == 202, body
    return str(body["run"])


async def hold(client: Client) -> None:
    """Nothing begins from now on."""
    assert (await client.patch(f"{API}/queue", json={"paused": True})).status == 200


async def detail(client: Client, run: str, after: int = 0) -> RunDetail:
    response = await client.get(f"{API}/runs/{run}", params={"after": after})
    assert response.status == 200, await response.text()
    return RunDetail.model_validate(await response.json())


async def ended(client: Client, run: str) -> RunDetail:
    """A run once it has ended, as its socket tells."""
    socket = await client.ws_connect(f"{API}/ws")
    await socket.receive_json()
    found = await detail(client, run)
    while found.summary.state not in ENDS:
        message = await socket.receive_json(timeout=30)
        if is_over([message], run):
            found = await detail(client, run)
    await socket.close()
    return found


async def codes(response: Any, status: int) -> list[str]:
    body = await response.json()
    assert response.status == status, body
    return [problem["code"] for problem in body["problems"]]


async def test_a_run_from_end_to_end(client: Client) -> None:
    socket = await client.ws_connect(f"{API}/ws")
    run = await submit(client, chain(3, start=2.0), title="mine", client="me")
    messages: list[Any] = []
    while not is_over(messages, run):
        messages.append(await socket.receive_json(timeout=30))
    events = events_of(messages, run)
    assert [event["data"]["seq"] for event in events] == list(range(1, len(events) + 1))
    states = [e["data"]["state"] for e in events if e["type"] == "nf.run"]
    assert list(dict.fromkeys(states)) == ["queued", "running", "done"]
    found = await detail(client, run)
    assert found.events == events  # what is replayed is what was told
    assert found.summary.title == "mine"
    assert found.summary.client == "me"
    assert found.summary.last_seq == len(events)
    assert [output.value for output in found.summary.outputs] == [5.0]
    assert found.graph == chain(3, start=2.0)
    middle = len(events) // 2
    assert (await detail(client, run, middle)).events == events[middle:]
    assert (await detail(client, run, 10_000)).events == []


async def test_declared_inputs_and_chosen_outputs(client: Client) -> None:
    graph = {**chain(3), "inputs": {"start": "n0.a"}}
    run = await submit(client, graph, inputs={"start": 10.0}, outputs=["n1.value"])
    found = await ended(client, run)
    assert [(o.name, o.value) for o in found.summary.outputs] == [("n1.value", 12.0)]
    assert found.inputs == {"start": 10.0}


async def test_a_wrong_graph_is_refused_with_all_faults(client: Client) -> None:
    graph = chain(2)
    graph["nodes"]["n0"]["type"] = "math.ad"
    graph["nodes"]["n1"]["params"]["b"] = "two"
    response = await client.post(f"{API}/runs", json={"graph": graph})
    assert sorted(await codes(response, 400)) == ["unknown-type", "wrong-literal"]
    response = await client.post(f"{API}/runs", json={"graph": chain(1), "outputs": ["som"]})
    assert await codes(response, 400) == ["unknown-output"]
    response = await client.post(f"{API}/runs", json={"graph": chain(1), "inputs": {"x": 1}})
    assert await codes(response, 400) == ["unknown-input"]
    state = QueueState.model_validate(await (await client.get(f"{API}/queue")).json())
    assert state.queued == []


async def test_a_graph_cannot_name_other_files(client: Client) -> None:
    graph = {"nodeflow": 1, "nodes": {"g": {"type": "flow.graph", "graph": "../../etc/passwd"}}}
    response = await client.post(f"{API}/runs", json={"graph": graph})
    assert await codes(response, 400) == ["group-file"]


async def test_a_failing_node(client: Client) -> None:
    graph = {
        "nodeflow": 1,
        "nodes": {"div": {"type": "math.divide", "params": {"a": 1.0, "b": 0.0}}},
        "outputs": {"x": "div.value"},
    }
    found = await ended(client, await submit(client, graph))
    assert found.summary.state == "failed"
    errors = [event["data"] for event in found.events if event["type"] == "nf.error"]
    assert errors[0]["node"] == "div"
    assert str(Path.cwd()) not in str(found.events)


async def test_the_queue(client: Client) -> None:
    await hold(client)
    runs = [await submit(client, title=str(number)) for number in range(4)]
    state = QueueState.model_validate(await (await client.get(f"{API}/queue")).json())
    assert state.paused
    assert [run.run for run in state.queued] == runs
    response = await client.patch(f"{API}/runs/{runs[3]}", json={"before": runs[0]})
    assert RunSummary.model_validate(await response.json()).run == runs[3]
    await client.patch(f"{API}/runs/{runs[2]}", json={"priority": 5})
    assert (await client.delete(f"{API}/runs/{runs[1]}")).status == 204
    state = QueueState.model_validate(await (await client.get(f"{API}/queue")).json())
    assert [run.run for run in state.queued] == [runs[2], runs[3], runs[0]]
    first = await submit(client, front=True)
    state = QueueState.model_validate(await (await client.get(f"{API}/queue")).json())
    assert [run.run for run in state.queued] == [runs[2], first, runs[3], runs[0]]
    response = await client.post(f"{API}/runs/{first}/cancel")
    assert (await response.json())["state"] == "cancelled"
    assert (await client.delete(f"{API}/queue")).status == 204
    response = await client.patch(f"{API}/queue", json={"paused": False})
    assert await response.json() == {"paused": False, "running": [], "queued": []}
    found = await ended(client, runs[0])
    assert found.summary.state == "cancelled"
    assert await codes(await client.get(f"{API}/runs/{runs[1]}"), 404) == ["no-such-run"]


async def test_a_full_queue(client: Client) -> None:
    await hold(client)
    for _ in range(5):
        await submit(client)
    response = await client.post(f"{API}/runs", json={"graph": chain(1)})
    assert await codes(response, 429) == ["queue-full"]
    page = RunPage.model_validate(await (await client.get(f"{API}/runs")).json())
    assert page.total == 5


async def test_pages_of_runs(client: Client) -> None:
    runs = []
    for _ in range(5):
        runs.append(await submit(client))
        await ended(client, runs[-1])
    seen: list[str] = []
    before: int | None = None
    while before is not None or not seen:
        query = {"limit": 2, **({} if before is None else {"before": before})}
        response = await client.get(f"{API}/runs", params=query)
        page = RunPage.model_validate(await response.json())
        seen += [run.run for run in page.runs]
        before = page.before
    assert seen == runs[::-1]
    for state, count in (("done", 5), ("failed,cancelled", 0), ("done,queued", 5)):
        response = await client.get(f"{API}/runs", params={"state": state})
        assert len((await response.json())["runs"]) == count
    assert await codes(await client.get(f"{API}/runs?state=dead"), 400) == ["schema"]
    assert await codes(await client.get(f"{API}/runs?limit=0"), 400) == ["schema"]
    assert await codes(await client.get(f"{API}/runs?before=x"), 400) == ["schema"]
    assert (await client.delete(f"{API}/runs")).status == 204
    page = RunPage.model_validate(await (await client.get(f"{API}/runs")).json())
    assert page.runs == []


async def test_runs_that_are_not_there(client: Client) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("PATCH", "", {"priority": 1}),
        ("POST", "/cancel", None),
        ("POST", "/continue", {}),
    ):
        response = await client.request(method, f"{API}/runs/none{path}", json=body)
        assert await codes(response, 404) == ["no-such-run"], (method, path)


async def test_states_that_do_not_go_with_it(client: Client) -> None:
    run = await submit(client)
    await ended(client, run)
    response = await client.patch(f"{API}/runs/{run}", json={"priority": 1})
    assert await codes(response, 409) == ["wrong-state"]
    response = await client.post(f"{API}/runs/{run}/continue", json={})
    assert await codes(response, 409) == ["wrong-state"]
    response = await client.post(f"{API}/runs/{run}/cancel")
    assert (await response.json())["state"] == "done"  # there is nothing to stop


async def test_breakpoints(client: Client) -> None:
    socket = await client.ws_connect(f"{API}/ws")
    run = await submit(client, chain(3), breakpoints=["n1"])

    async def paused() -> str:
        while True:
            message = await socket.receive_json(timeout=30)
            if message["type"] == "nf.paused" and message["data"]["run"] == run:
                return str(message["data"]["node"])

    assert await asyncio.wait_for(paused(), 30) == "n1"
    assert (await detail(client, run)).summary.state == "paused"
    response = await client.post(f"{API}/runs/{run}/continue", json={"step": True})
    assert response.status == 200
    assert await asyncio.wait_for(paused(), 30) == "n2"
    await client.post(f"{API}/runs/{run}/continue", json={})
    assert (await ended(client, run)).summary.state == "done"


async def test_two_pages_hear_the_same(client: Client) -> None:
    sockets = [await client.ws_connect(f"{API}/ws") for _ in range(2)]
    run = await submit(client, client="one of them")
    heard = []
    for socket in sockets:
        messages: list[Any] = []
        while not is_over(messages, run):
            messages.append(await socket.receive_json(timeout=30))
        heard.append(events_of(messages, run))
    assert heard[0] == heard[1]
