"""Saved files in every format: what is in them, and that the graph comes back."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from nodeflow.context import RunContext
from nodeflow.errors import GraphFormatError, InputError, NodeflowError
from nodeflow.formats.picture import is_picture, read_picture_metadata, read_texts
from nodes import image, save
from nodes.types import Image

TOLD = {"graph": {"nodeflow": 1, "nodes": {}}, "prompt": 'a "red" circle, 猫'}
TEXTS = {"nodeflow": json.dumps(TOLD)}
SINGLE = [save.jpeg, save.webp, save.avif]
MOVING = [save.animated_webp, save.animated_gif, save.animated_png]
EVERY = [*SINGLE, *MOVING]


def smooth(count: int = 1, channels: int = 3) -> Image:
    """Pictures that a lossy format keeps well: ramps in different directions."""
    x, y = torch.linspace(0, 1, 32), torch.linspace(0, 1, 24)[:, None]
    planes = [x.expand(24, 32), y.expand(24, 32), (x + y) / 2, torch.ones(24, 32)]
    one = torch.stack(planes[:channels], -1)
    return Image(torch.stack([one * (1 - k / 8) for k in range(count)]))


@pytest.fixture
def ctx(tmp_path: Path) -> RunContext:
    return RunContext(output_dir=tmp_path, metadata=TEXTS)


def read(path: str, frame: int = 0) -> torch.Tensor:
    with Pillow.open(path) as picture:
        picture.seek(frame)
        mode = "RGBA" if picture.has_transparency_data else "RGB"
        return torch.from_numpy(np.asarray(picture.convert(mode)).astype(np.float32) / 255)


def check(paths: list[str], suffix: str, pictures: Image, tolerance: float) -> None:
    assert [Path(p).name for p in paths] == [
        f"picture_{k:05}{suffix}" for k in range(1, len(pictures.pixels) + 1)
    ]
    for path, pixels in zip(paths, pictures.pixels, strict=True):
        assert float((read(path) - pixels).abs().mean()) < tolerance


def test_jpeg(ctx: RunContext) -> None:
    check(save.jpeg(smooth(2), quality=95, ctx=ctx), ".jpg", smooth(2), 0.01)
    small, large = (save.jpeg(smooth(), f"q{q}", q, ctx=ctx)[0] for q in (10, 100))
    assert Path(small).stat().st_size < Path(large).stat().st_size
    with pytest.raises(InputError, match=r"image_channels\.remove_alpha"):
        save.jpeg(smooth(channels=4), ctx=ctx)


def test_webp(ctx: RunContext) -> None:
    check(save.webp(smooth(2), ctx=ctx), ".webp", smooth(2), 0.02)
    picture = Image(torch.rand(1, 9, 8, 4, generator=torch.Generator().manual_seed(0)))
    [path] = save.webp(picture, "exact", lossless=True, ctx=ctx)
    torch.testing.assert_close(read(path), picture.pixels[0], rtol=0, atol=0.5001 / 255)


def test_avif(ctx: RunContext) -> None:
    check(save.avif(smooth(2), ctx=ctx), ".avif", smooth(2), 0.02)
    assert read(save.avif(smooth(channels=4), "alpha", ctx=ctx)[0]).shape[-1] == 3  # all opaque
    half = smooth(channels=4).pixels * 0.5
    assert read(save.avif(Image(half), "half", ctx=ctx)[0]).shape[-1] == 4


@pytest.mark.parametrize(("node", "format"), [(save.avif, "AVIF"), (save.webp, "WEBP")])
def test_a_pillow_without_the_format_says_what_to_install(
    node: object, format: str, ctx: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(node)
    Pillow.init()
    monkeypatch.delitem(Pillow.SAVE, format, raising=False)
    with pytest.raises(NodeflowError, match=f"cannot write {format}: pip install --upgrade"):
        node(smooth(), ctx=ctx)


def durations(path: str) -> list[int]:
    with Pillow.open(path) as picture:
        found = []
        for k in range(getattr(picture, "n_frames", 1)):
            picture.seek(k)
            picture.load()
            found.append(round(picture.info["duration"]))
        return found


def test_animated_webp(ctx: RunContext) -> None:
    [path] = save.animated_webp(smooth(3), fps=10.0, hold=0.5, lossless=True, ctx=ctx)
    assert durations(path) == [100, 100, 600]
    for k in range(3):
        torch.testing.assert_close(read(path, k), smooth(3).pixels[k], rtol=0, atol=0.51 / 255)


def test_animated_gif(ctx: RunContext) -> None:
    [path] = save.animated_gif(smooth(3), fps=10.0, hold=0.5, ctx=ctx)
    assert durations(path) == [100, 100, 600]
    with Pillow.open(path) as picture:
        assert picture.info["loop"] == 0
    for k in range(3):
        assert float((read(path, k) - smooth(3).pixels[k]).abs().mean()) < 0.03
    with pytest.raises(InputError, match="4 channels"):
        save.animated_gif(smooth(channels=4), ctx=ctx)


def test_animated_png(ctx: RunContext) -> None:
    [path] = save.animated_png(smooth(3), fps=10.0, hold=0.0, loops=2, ctx=ctx)
    assert durations(path) == [100, 100, 100]
    with Pillow.open(path) as picture:
        assert picture.info["loop"] == 2
    for k in range(3):
        torch.testing.assert_close(read(path, k), smooth(3).pixels[k], rtol=0, atol=0.51 / 255)


@pytest.mark.parametrize("node", EVERY)
def test_the_graph_comes_back(node: object, ctx: RunContext) -> None:
    [path] = node(smooth(), "a/b", ctx=ctx)  # type: ignore[operator]
    assert Path(path).parent == ctx.output_dir / "a"
    assert is_picture(Path(path))
    assert read_texts(Path(path)) == TEXTS
    assert read_picture_metadata(Path(path)) == TOLD


@pytest.mark.parametrize("node", EVERY)
def test_without_a_graph_it_says_so(node: object, tmp_path: Path) -> None:
    [path] = node(smooth(), ctx=RunContext(output_dir=tmp_path))  # type: ignore[operator]
    with pytest.raises(GraphFormatError, match="a picture without a graph inside"):
        read_picture_metadata(Path(path))


@pytest.mark.parametrize("node", EVERY)
def test_the_same_run_twice_keeps_one_file(node: object, ctx: RunContext) -> None:
    first = node(smooth(2), ctx=ctx)  # type: ignore[operator]
    assert node(smooth(2), ctx=ctx) == first  # type: ignore[operator]
    other = node(Image(smooth(2).pixels.flip(1)), ctx=ctx)  # type: ignore[operator]
    assert not set(first) & set(other)
    assert len(list(ctx.output_dir.iterdir())) == len(first) + len(other)


def test_jpeg_packs_a_long_graph_and_refuses_a_longer_one(ctx: RunContext) -> None:
    long = {"nodeflow": json.dumps({**TOLD, "notes": "many words " * 20_000})}
    roomy = RunContext(output_dir=ctx.output_dir, metadata=long)
    [path] = save.jpeg(smooth(), ctx=roomy)
    assert read_texts(Path(path)) == long
    source = random.Random(0)
    noise = "".join(source.choice("0123456789abcdef") for _ in range(200_000))
    hopeless = RunContext(output_dir=ctx.output_dir, metadata={"nodeflow": noise})
    with pytest.raises(InputError, match="save as PNG, WebP or AVIF"):
        save.jpeg(smooth(), ctx=hopeless)
    [path] = save.webp(smooth(), ctx=hopeless)
    assert read_texts(Path(path)) == {"nodeflow": noise}


def test_names_end_as_the_format_or_not_at_all(ctx: RunContext) -> None:
    for name in ("x.jpg", "x.JPEG", "x"):
        [path] = save.jpeg(smooth(), name, ctx=ctx)
        assert Path(path).name == "x_00001.jpg"
    assert Path(save.webp(smooth(), "x.jpg", ctx=ctx)[0]).name == "x.jpg_00001.webp"
    with pytest.raises(InputError, match=r"name: got '\.webp', expected a file name"):
        save.webp(smooth(), ".webp", ctx=ctx)


def test_several_at_once_never_get_one_name(ctx: RunContext) -> None:
    pictures = [Image(torch.full((1, 4, 4, 3), k / 16)) for k in range(16)]
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda p: save.webp(p, lossless=True, ctx=ctx)[0], pictures))
    assert len(set(paths)) == 16
    assert sorted(round(float(read(path)[0, 0, 0]) * 16) for path in paths) == list(range(16))


def test_a_number_that_is_none_is_refused(ctx: RunContext) -> None:
    bad = smooth()
    bad.pixels[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="NaN"):
        save.webp(bad, ctx=ctx)
    assert list(ctx.output_dir.iterdir()) == []


def test_png_counts_apart_from_the_others(ctx: RunContext) -> None:
    save.webp(smooth(3), ctx=ctx)
    assert Path(image.save(smooth(), ctx=ctx)[0]).name == "picture_00001.png"
