"""Make the small pictures that the editor shows of the shipped graphs: graphs/pictures/NAME.webp.

    python tests/support/template_pictures.py [NAME …]

A graph is run as it is. Its first output that is a picture is kept, at most 256 pixels long.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import nodeflow

FOLDER = Path(__file__).parents[2] / "graphs"
PICTURES = FOLDER / "pictures"
LONGEST = 256


def main(names: list[str]) -> int:
    cache = nodeflow.Cache()
    for file in sorted(FOLDER.rglob("*.json")):
        name = file.relative_to(FOLDER).with_suffix("").as_posix()
        skipped = name.startswith(("models/", "train/"))
        if skipped or (names and name not in names):
            continue
        with tempfile.TemporaryDirectory() as folder:
            context = nodeflow.RunContext(output_dir=Path(folder))
            result = nodeflow.run(nodeflow.load(file), cache=cache, context=context)
        found = [value for value in result.outputs.values() if hasattr(value, "pixels")]
        if not found:
            print(f"{name}: no picture among its outputs", file=sys.stderr)
            continue
        print(name, _save(found[0].pixels[0], PICTURES / f"{name}.webp"))
    return 0


def _save(pixels: object, path: Path) -> int:
    array = (np.asarray(pixels)[..., :3] * 255).round().astype(np.uint8)
    image = Image.fromarray(array)
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=82, method=6)
    return path.stat().st_size


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
