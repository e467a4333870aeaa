"""Every shipped graph on a device beside the CPU: does it run, how near are the pictures, how long.

    python tests/benchmarks/devices.py --device cuda [--only text_to_image …] [--json FILE]

The CPU is the oracle. Differences are of pictures in 0..1; samplers that draw noise as they go, or
step by the error they see, may end elsewhere and are told by `far`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import nodeflow
from nodeflow.errors import NodeError

ROOT = Path(__file__).parents[2]
FAR = 0.02
"""Mean difference from which on a picture is another one."""


def main() -> int:
    options = _options()
    rows = []
    for file in sorted((ROOT / "graphs").glob("*.json")):
        if options.only and file.stem not in options.only:
            continue
        row = _compare(file, options.device)
        rows.append(row)
        print(_line(row), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    failed = [row["graph"] for row in rows if row["error"]]
    far = [row["graph"] for row in rows if row["mean"] is not None and row["mean"] > FAR]
    print(f"{len(rows)} graphs, failed: {failed or 'none'}, far: {far or 'none'}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _compare(file: Path, device: str) -> dict[str, Any]:
    graph = nodeflow.load(file)
    row: dict[str, Any] = {"graph": file.stem, "error": "", "mean": None, "largest": None}
    try:
        expected, row["cpu"] = _run(graph, "cpu")
        _run(graph, device)  # the first run on a device pays for its libraries
        found, row["device"] = _run(graph, device)
    except NodeError as error:
        row["error"] = str(error)
        traceback.print_exception(error.__cause__ or error, file=sys.stderr)
        return row
    pairs = [
        (expected[name].pixels, found[name].pixels.cpu())
        for name in expected
        if hasattr(expected[name], "pixels")
    ]
    differences = [(a - b).abs() for a, b in pairs if a.shape == b.shape]
    if len(differences) < len(pairs):
        row["error"] = "pictures of other sizes"
    elif differences:
        row["mean"] = max(float(d.mean()) for d in differences)
        row["largest"] = max(float(d.max()) for d in differences)
    return row


def _run(graph: nodeflow.Graph, device: str) -> tuple[dict[str, Any], float]:
    with tempfile.TemporaryDirectory() as folder:
        context = nodeflow.RunContext(device=device, output_dir=Path(folder))
        start = time.perf_counter()
        result = nodeflow.run(graph, context=context)
        return result.outputs, time.perf_counter() - start


def _line(row: dict[str, Any]) -> str:
    if row["error"]:
        return f"{row['graph']:28} FAILED {row['error'].splitlines()[0][:160]}"
    told = (
        "no pictures" if row["mean"] is None else f"mean {row['mean']:.2e} max {row['largest']:.2e}"
    )
    return f"{row['graph']:28} cpu {row['cpu']:6.2f} s  device {row['device']:6.2f} s  {told}"


if __name__ == "__main__":
    raise SystemExit(main())
