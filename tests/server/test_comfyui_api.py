"""ComfyUI's API on a real server with a real worker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, FormData, WSMsgType
from PIL import Image as Pillow

from serving import Server, serving

Client = ClientSession


def picture_prompt(**ksampler: Any) -> dict[str, Any]:
    """Text to picture on the shipped model, two steps."""
    sampler = {
        "model": ["4", 0],
        "seed": 7,
        "steps": 2,
        "cfg": 5.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "positive": ["6", 0],
        "negative": ["7", 0],
        "latent_image": ["5", 0],
        "denoise": 1.0,
        **ksampler,
    }
    return {
        "3": {"class_type": "KSampler", "inputs": sampler, "_meta": {"title": "KSampler"}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny"}},
        "5": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1},
        },
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red circle", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {
            "class_type": "SaveImage",
            "inputs": {"images": ["8", 0], "filename_prefix": "ComfyUI"},
            "_meta": {"title": "Save Image"},
        },
    }


def value_prompt(text: str = "hello") -> dict[str, Any]:
    """A prompt that needs no model."""
    return {
        "1": {"class_type": "PrimitiveString", "inputs": {"value": text}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }


def image_prompt(name: str) -> dict[str, Any]:
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {
            "class_type": "SaveImage",
            "inputs": {"images": ["2", 0], "filename_prefix": "sub/inverted"},
        },
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(base: Path) -> Iterator[Server]:
    with serving(base, "--headless") as found:
        yield found


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with ClientSession(server.url) as session:
        yield session


async def post(client: Client, path: str, data: Any, status: int = 200) -> Any:
    answer = await client.post(path, data=BytesIO(json.dumps(data).encode()))
    assert answer.status == status, await answer.text()
    return await answer.json()


async def get(client: Client, path: str, status: int = 200) -> Any:
    answer = await client.get(path)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def run(client: Client, prompt: Any, **more: Any) -> tuple[str, list[Any], list[bytes]]:
    """Post a prompt as a client of its own; the messages until its end, and the frames."""
    name = "tester"
    texts: list[Any] = []
    frames: list[bytes] = []
    async with client.ws_connect(f"/ws?clientId={name}") as socket:
        if more.pop("flags", False):
            flags = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
            await socket.send_json(flags)
        accepted = await post(client, "/prompt", {"prompt": prompt, "client_id": name, **more})
        assert accepted["node_errors"] == {}
        while True:
            message = await socket.receive(timeout=120)
            if message.type is WSMsgType.BINARY:
                frames.append(message.data)
                continue
            assert message.type is WSMsgType.TEXT, message
            texts.append(json.loads(message.data))
            last = texts[-1]
            if last["type"] == "executing" and last["data"]["node"] is None:
                return accepted["prompt_id"], texts, frames


def of_type(messages: list[Any], type: str) -> list[Any]:
    return [message["data"] for message in messages if message["type"] == type]


async def test_a_picture(client: Client, base: Path) -> None:
    workflow = {"nodes": [], "links": [], "version": 0.4}
    extra = {"extra_pnginfo": {"workflow": workflow}}
    prompt = picture_prompt()
    prompt["9"]["inputs"]["filename_prefix"] = "sub/first"
    id, told, frames = await run(client, prompt, extra_data=extra)
    kinds = [message["type"] for message in told]
    assert kinds[0] == "status"
    assert told[0]["data"]["sid"] == "tester"
    assert kinds.index("execution_start") < kinds.index("executing") < kinds.index("executed")
    assert kinds[-2:] == ["execution_success", "executing"]
    assert frames == []  # nobody asked for previews
    remaining = [s["status"]["exec_info"]["queue_remaining"] for s in of_type(told, "status")]
    assert max(remaining) >= 1
    assert {d["node"] for d in of_type(told, "executing")} == {
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        None,
    }
    steps = [(d["value"], d["max"]) for d in of_type(told, "progress") if d["node"] == "3"]
    assert steps[-1] == (2, 2)
    states = of_type(told, "progress_state")[-1]["nodes"]
    assert {state["state"] for state in states.values()} == {"finished"}
    (executed,) = of_type(told, "executed")
    image = {"filename": "first_00001_.png", "subfolder": "sub", "type": "output"}
    assert executed == {
        "node": "9",
        "display_node": "9",
        "output": {"images": [image]},
        "prompt_id": id,
    }
    saved = (base / "output" / "sub" / "first_00001_.png").read_bytes()
    answer = await client.get("/view", params=image)
    assert await answer.read() == saved
    with Pillow.open(BytesIO(saved)) as picture:
        assert picture.size == (64, 64)
        texts: dict[str, Any] = picture.text  # type: ignore[attr-defined]
    assert json.loads(texts["prompt"]) == prompt
    assert json.loads(texts["workflow"]) == workflow
    assert any("nodeflow" in name for name in texts)
    history = (await get(client, f"/history/{id}"))[id]
    assert history["outputs"] == {"9": {"images": [image]}}
    assert history["status"]["status_str"] == "success"
    assert history["status"]["completed"] is True
    assert history["prompt"][1:3] == [id, prompt]
    assert history["prompt"][4] == ["9"]
    assert id in await get(client, "/api/history?max_items=5")
    assert await get(client, "/history?max_items=0") == {}


async def test_previews_for_those_who_ask(client: Client) -> None:
    _, _, frames = await run(
        client, picture_prompt(seed=70), extra_data={"preview_method": "latent2rgb"}
    )
    assert frames
    assert {frame[:8] for frame in frames} == {bytes([0, 0, 0, 1, 0, 0, 0, 1])}
    with Pillow.open(BytesIO(frames[0][8:])) as picture:
        assert picture.format == "JPEG"
    id, _, frames = await run(client, picture_prompt(seed=8), flags=True)
    assert frames
    length = int.from_bytes(frames[0][4:8], "big")
    head = json.loads(frames[0][8 : 8 + length])
    assert frames[0][:4] == bytes([0, 0, 0, 4])
    assert (head["node_id"], head["prompt_id"], head["image_type"]) == ("3", id, "image/jpeg")


async def test_a_value(client: Client) -> None:
    id, told, _ = await run(client, value_prompt())
    assert of_type(told, "executed")[0]["output"] == {"text": ["hello"]}
    history = await get(client, f"/history/{id}")
    assert history[id]["outputs"] == {"2": {"text": ["hello"]}}


async def test_upload_load_and_preview(client: Client, base: Path) -> None:
    buffer = BytesIO()
    Pillow.new("RGB", (16, 8), (255, 0, 0)).save(buffer, "PNG")
    form = FormData()
    form.add_field("image", buffer.getvalue(), filename="../red.png", content_type="image/png")
    form.add_field("type", "input")
    answer = await client.post("/upload/image", data=form)
    assert answer.status == 200
    named = await answer.json()
    assert named["type"] == "input"
    assert (base / "input" / named["name"]).is_file()
    _, told, _ = await run(client, image_prompt(named["name"]))
    shown = {d["node"]: d["output"]["images"][0] for d in of_type(told, "executed")}
    assert shown["3"]["subfolder"] == "sub"
    assert shown["3"]["filename"] == "inverted_00001_.png"
    assert shown["4"]["type"] == "temp"
    temp = await client.get("/view", params=shown["4"])
    assert temp.status == 200
    with Pillow.open(base / "output" / "sub" / "inverted_00001_.png") as picture:
        assert picture.getpixel((0, 0)) == (0, 255, 255)
    small = await client.get("/view", params={**shown["3"], "preview": "webp;80"})
    assert small.content_type == "image/webp"
    alpha = await client.get("/view", params={**shown["3"], "channel": "a"})
    assert alpha.content_type == "image/png"


async def test_mask_becomes_alpha(client: Client, base: Path) -> None:
    (base / "input").mkdir(exist_ok=True)
    Pillow.new("RGB", (4, 4), (1, 2, 3)).save(base / "input" / "a.png")
    buffer = BytesIO()
    Pillow.new("RGBA", (4, 4), (0, 0, 0, 77)).save(buffer, "PNG")
    form = FormData()
    form.add_field("image", buffer.getvalue(), filename="mask.png", content_type="image/png")
    form.add_field("original_ref", json.dumps({"filename": "a.png", "type": "input"}))
    answer = await client.post("/api/upload/mask", data=form)
    assert answer.status == 200, await answer.text()
    named = await answer.json()
    with Pillow.open(base / "input" / named["name"]) as picture:
        assert picture.getpixel((0, 0)) == (1, 2, 3, 77)


async def test_everything_wrong_is_told(client: Client) -> None:
    prompt = picture_prompt(steps=0, sampler_name="eulr", cfg=1000)
    del prompt["6"]["inputs"]["text"]
    prompt["9"]["inputs"]["images"] = ["3", 0]
    answer = await post(client, "/prompt", {"prompt": prompt}, 400)
    assert answer["error"]["type"] == "prompt_outputs_failed_validation"
    assert answer["error"]["details"]
    errors = answer["node_errors"]
    assert [e["type"] for e in errors["3"]["errors"]] == [
        "value_smaller_than_min",
        "value_bigger_than_max",
        "value_not_in_list",
    ]
    assert errors["3"]["errors"][2]["extra_info"]["input_name"] == "sampler_name"
    assert "'euler'" in errors["3"]["errors"][2]["details"]
    assert errors["3"]["class_type"] == "KSampler"
    assert errors["3"]["dependent_outputs"] == ["9"]
    assert errors["6"]["errors"][0]["type"] == "required_input_missing"


@pytest.mark.parametrize(
    ("body", "type"),
    [
        ({}, "no_prompt"),
        ({"prompt": []}, "invalid_prompt"),
        ({"prompt": 3}, "invalid_prompt"),
        ({"prompt": {"1": {"inputs": {}}}}, "invalid_prompt"),
        ({"prompt": {"1": {"class_type": "NoSuchThing", "inputs": {}}}}, "invalid_prompt"),
        ({"prompt": {"1": {"class_type": "StyleModelLoader", "inputs": {}}}}, "invalid_prompt"),
        ({"prompt": {"nodes": [], "links": []}}, "invalid_prompt"),
        (
            {"prompt": {"1": {"class_type": "PrimitiveInt", "inputs": {"value": 1}}}},
            "prompt_no_outputs",
        ),
        ({"prompt": {}}, "prompt_no_outputs"),
    ],
)
async def test_refusals(client: Client, body: Any, type: str) -> None:
    answer = await post(client, "/prompt", body, 400)
    assert answer["error"]["type"] == type
    assert answer["error"]["details"]


async def test_no_json_is_no_mistake_of_the_server(client: Client) -> None:
    for body in (b"{", b"[1, 2]", b'"x"', b"\xff\xfe"):
        answer = await client.post("/prompt", data=body)
        assert answer.status == 400
        assert (await answer.json())["error"]["message"]


async def test_queue_is_shown_and_emptied(client: Client) -> None:
    paused = await client.patch("/api/v1/queue", json={"paused": True})
    assert paused.ok, await paused.text()
    first = await post(client, "/prompt", {"prompt": value_prompt("a"), "client_id": "me"})
    second = await post(client, "/prompt", {"prompt": value_prompt("b"), "front": True})
    queue = await get(client, "/queue")
    assert [item[1] for item in queue["queue_pending"]] == [
        second["prompt_id"],
        first["prompt_id"],
    ]
    assert queue["queue_pending"][1][2] == value_prompt("a")
    assert queue["queue_pending"][1][4] == ["2"]
    assert await get(client, "/prompt") == {"exec_info": {"queue_remaining": 2}}
    await post(client, "/queue", {"delete": [first["prompt_id"]]})
    assert len((await get(client, "/queue"))["queue_pending"]) == 1
    await post(client, "/api/queue", {"clear": True})
    assert await get(client, "/queue") == {"queue_running": [], "queue_pending": []}
    await client.patch("/api/v1/queue", json={"paused": False})


async def test_prompt_id_of_the_client(client: Client) -> None:
    id = "5f0c54a9-0d40-4a4e-8d7b-000000000001"
    answer = await post(client, "/prompt", {"prompt": value_prompt(), "prompt_id": id})
    assert answer["prompt_id"] == id
    assert isinstance(answer["number"], int)


async def test_our_node_types_beside_theirs(client: Client) -> None:
    prompt = {
        "1": {"class_type": "image.solid", "inputs": {"width": 8, "height": 8}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "image_adjust.invert", "inputs": {"image": ["2", 0]}},
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
    }
    _, told, _ = await run(client, prompt)
    assert of_type(told, "executed")[0]["output"]["images"][0]["type"] == "temp"


async def test_object_info(client: Client) -> None:
    infos = await get(client, "/object_info")
    sampler = infos["KSampler"]
    assert sampler["input"]["required"]["sampler_name"][0][:2] == ["euler", "euler_cfg_pp"]
    assert sampler["input"]["required"]["steps"] == ["INT", {"default": 20, "min": 1, "max": 10000}]
    assert sampler["output"] == ["LATENT"]
    assert infos["SaveImage"]["output_node"] is True
    assert "tiny" in infos["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    assert infos["vae.decode"]["output"] == ["IMAGE"]
    assert infos["vae.decode"]["input"]["required"]["latent"][0] == "LATENT"
    one = await get(client, "/api/object_info/VAEDecode")
    assert list(one) == ["VAEDecode"]
    assert await get(client, "/object_info/NoSuchThing") == {}


async def test_what_there_is(client: Client) -> None:
    assert (await get(client, "/system_stats"))["system"]["argv"] == []
    assert (await get(client, "/features"))["supports_preview_metadata"] is True
    assert "checkpoints" in await get(client, "/models")
    assert "tiny" in await get(client, "/models/checkpoints")
    assert await get(client, "/models/nothing", 404) == []
    assert await get(client, "/embeddings") is not None
    assert await get(client, "/extensions") == []
    assert await get(client, "/history/none") == {}
    assert await get(client, "/users") == {"storage": "server", "migrated": True}
    assert await post(client, "/free", {"unload_models": True}) == {}
    assert await post(client, "/interrupt", {}) == {}
    gone = await client.get("/view_metadata/checkpoints", params={"filename": "../../x"})
    assert gone.status == 404


@pytest.mark.parametrize(
    "query",
    [
        {"filename": "../secret.txt"},
        {"filename": "/etc/passwd"},
        {"filename": "a.png", "subfolder": ".."},
        {"filename": "a.png", "subfolder": "x/../../.."},
        {"filename": "a\0.png"},
        {"filename": "secret.txt", "type": "base"},
        {"filename": ""},
    ],
)
async def test_view_stays_in_its_folder(client: Client, base: Path, query: dict[str, str]) -> None:
    (base / "secret.txt").write_text("secret")
    answer = await client.get("/view", params=query)
    assert answer.status in (400, 404)
    assert "secret" not in (await answer.text()).replace("secret.txt", "")


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "C:/x.png", "nothing.png", ""])
async def test_load_image_stays_in_its_folder(client: Client, base: Path, name: str) -> None:
    Pillow.new("RGB", (4, 4)).save(base / "secret.png")
    answer = await post(client, "/prompt", {"prompt": image_prompt(name)}, 400)
    assert answer["node_errors"]["1"]["errors"][0]["type"] == "custom_validation_failed"
    assert str(base) not in json.dumps(answer)


async def test_an_error_in_a_node(client: Client) -> None:
    prompt = picture_prompt()
    prompt["10"] = {
        "class_type": "ImageCrop",
        "inputs": {"image": ["8", 0], "width": 999, "height": 999, "x": 0, "y": 0},
    }
    prompt["9"]["inputs"]["images"] = ["10", 0]
    id, told, _ = await run(client, prompt)
    (error,) = of_type(told, "execution_error")
    assert (error["node_id"], error["node_type"], error["prompt_id"]) == ("10", "ImageCrop", id)
    assert error["exception_message"]
    assert error["traceback"]
    assert not of_type(told, "execution_success")
    history = (await get(client, f"/history/{id}"))[id]
    assert history["status"]["status_str"] == "error"
    assert history["status"]["completed"] is False


async def test_interrupt(client: Client) -> None:
    async with client.ws_connect("/ws?clientId=other") as socket:
        prompt = picture_prompt(steps=1000)
        accepted = await post(client, "/prompt", {"prompt": prompt, "client_id": "other"})
        id = accepted["prompt_id"]
        interrupted = False
        while True:
            message = await socket.receive_json(timeout=120)
            if message["type"] == "progress" and not interrupted:
                interrupted = True
                await post(client, "/interrupt", {"prompt_id": "somebody else's"})
                await post(client, "/interrupt", {"prompt_id": id})
            if message["type"] == "execution_interrupted":
                assert message["data"]["prompt_id"] == id
                break
    history = (await get(client, f"/history/{id}"))[id]
    assert history["status"]["status_str"] == "error"
    await post(client, "/history", {"delete": [id]})
    assert await get(client, f"/history/{id}") == {}


@pytest.mark.parametrize("path", ["/prompt", "/api/prompt", "/queue", "/history", "/interrupt"])
async def test_pages_of_strangers_are_refused(client: Client, path: str) -> None:
    """Also those that send what a form may send, for which no browser asks for leave."""
    headers = {"Origin": "https://example.com", "Content-Type": "text/plain"}
    answer = await client.post(path, data=json.dumps({"prompt": value_prompt()}), headers=headers)
    assert answer.status == 403


async def test_a_prompt_beyond_the_limits(client: Client) -> None:
    deep = {str(k): {"class_type": "ImageInvert", "inputs": {}} for k in range(20_001)}
    answer = await post(client, "/prompt", {"prompt": deep}, 400)
    assert "20001 nodes" in answer["error"]["details"]
    wrong = {str(k): {"class_type": f"Nothing{k}", "inputs": {}} for k in range(5_000)}
    answer = await post(client, "/prompt", {"prompt": wrong}, 400)
    assert len(answer["node_errors"]) <= 500


async def test_a_deep_prompt(client: Client) -> None:
    """Two thousand nodes in a row, which ComfyUI refuses with no reason."""
    prompt: dict[str, Any] = {
        "0": {"class_type": "image.solid", "inputs": {"width": 2, "height": 2}}
    }
    for k in range(1, 2000):
        prompt[str(k)] = {"class_type": "ImageInvert", "inputs": {"image": [str(k - 1), 0]}}
    prompt["end"] = {"class_type": "PreviewImage", "inputs": {"images": ["1999", 0]}}
    _, told, _ = await run(client, prompt)
    assert len(of_type(told, "executed")) == 1
    assert told[-2]["type"] == "execution_success"
