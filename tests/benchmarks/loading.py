"""What loading a denoiser from a single file takes: time and peak memory, beside diffusers' loader.

    python tests/benchmarks/loading.py [--channels 128] [--repeats 3] [--json]

A random UNet of Stable Diffusion 1's shape is written in the original layout, in float32 and in
float16, and loaded in processes of their own, the file warm in the page cache, by nodeflow and by
`UNet2DConditionModel.from_single_file`, turn about. Then every weight is read once, so that what is
mapped and not yet read counts too. Memory is the process' peak of resident pages above what it held
with the libraries imported; mapped pages of the file count. Seconds are those of the clock, and of
the processor in this process, which other work on the machine changes little. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CASES = (("float32", "float32"), ("float16", "float32"), ("float16", "float16"))


def write(folder: Path, channels: int) -> int:
    """Both files and the configuration; how many weights there are."""
    import torch
    from diffusers import UNet2DConditionModel
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = UNet2DConditionModel(
        block_out_channels=[channels * times for times in (1, 2, 4, 4)],
        cross_attention_dim=768,
        attention_head_dim=8,
        sample_size=64,
    )
    network.save_config(folder / "unet")
    weights = {f"model.diffusion_model.{n}": w for n, w in original(network).items()}
    for dtype in ("float32", "float16"):
        kind = getattr(torch, dtype)
        saved = {name: w.detach().to(kind).contiguous() for name, w in weights.items()}
        save_file(saved, folder / f"{dtype}.safetensors")
    return sum(w.numel() for w in weights.values())


def original(network: Any) -> dict[str, Any]:
    """The weights by the original layout's names: the loader's own table, turned round."""
    from nodes.diffusion.checkpoints import unets

    weights = network.state_dict()
    rows = {"down_blocks": "input_blocks", "up_blocks": "output_blocks"}
    inner = {new: old for old, new in unets._RESNET.items()}
    whole = {new: old for old, new in unets._WHOLE.items()}
    found = {}
    for name, weight in weights.items():
        module, _, last = name.rpartition(".")
        parts = name.split(".")
        if module in whole:
            found[f"{whole[module]}.{last}"] = weight
            continue
        if parts[0] == "mid_block":
            place = "middle_block", {"attentions": 1, "resnets": 2 * int(parts[2])}[parts[1]]
            start, rest, kind = f"{place[0]}.{place[1]}", parts[3:-1], parts[1]
        else:
            level, kind, at = int(parts[1]), parts[2], int(parts[3])
            down = parts[0] == "down_blocks"
            number = 3 * level + at + (1 if down else 0)
            slot = {"resnets": 0, "attentions": 1, "downsamplers": 0, "upsamplers": 2}[kind]
            if kind == "downsamplers":
                number = 3 * level + 3
            if kind == "upsamplers":
                number, slot = 3 * level + 2, 1 if level == 0 else 2
            start, rest = f"{rows[parts[0]]}.{number}.{slot}", parts[4:-1]
        path = ".".join(rest)
        if kind == "resnets":
            path = inner[path]
        if kind == "downsamplers":
            path = "op"
        found[".".join(filter(None, (start, path, last)))] = weight
    return found


def load(who: str, folder: Path, stored: str, wanted: str) -> dict[str, float]:
    """Load in this process, and what it took."""
    from time import perf_counter, process_time

    import torch
    import transformers  # noqa: F401
    from diffusers import UNet2DConditionModel
    from diffusers.utils import logging

    from nodes.diffusion import loading

    logging.disable_progress_bar()
    path = folder / f"{stored}.safetensors"
    path.read_bytes()
    # A tiny load first: what the libraries import and set up once does not count.
    loading.load_model(folder / "tiny.safetensors")
    UNet2DConditionModel.from_single_file(
        str(folder / "tiny.safetensors"),
        config=str(folder),
        subfolder="tiny",
        local_files_only=True,
    )
    reset_peak()
    before = current()
    start, busy = perf_counter(), process_time()
    if who == "nodeflow":
        network = loading.load_model(path, dtype=wanted).network
    else:
        network = UNet2DConditionModel.from_single_file(
            str(path),
            config=str(folder),
            subfolder="unet",
            torch_dtype=getattr(torch, wanted),
            local_files_only=True,
        )
    loaded, worked = perf_counter() - start, process_time() - busy
    for parameter in network.parameters():
        parameter.sum()
    touched = process_time() - busy
    weights = sum(p.numel() * p.element_size() for p in network.parameters())
    return {"load": loaded, "cpu": worked, "touched": touched, "peak": (peak() - before) / weights}


def reset_peak() -> None:
    """Linux: forget the peak so far."""
    Path("/proc/self/clear_refs").write_text("5")


def current() -> int:
    """Resident bytes now."""
    return _status("VmRSS")


def peak() -> int:
    """The most that was resident since the peak was forgotten."""
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def write_tiny(folder: Path) -> None:
    """A file of a few channels for the first load."""
    from diffusers import UNet2DConditionModel
    from safetensors.torch import save_file

    network = UNet2DConditionModel(
        block_out_channels=[32] * 4, cross_attention_dim=768, attention_head_dim=8
    )
    network.save_config(folder / "tiny")
    weights = {f"model.diffusion_model.{n}": w for n, w in original(network).items()}
    save_file({n: w.detach().contiguous() for n, w in weights.items()}, folder / "tiny.safetensors")


def measure(folder: Path, repeats: int) -> list[dict[str, Any]]:
    found = []
    for stored, wanted in CASES:
        runs: dict[str, list[dict[str, float]]] = {"nodeflow": [], "diffusers": []}
        for _ in range(repeats):
            for who, results in runs.items():
                command = [sys.executable, __file__, "--child", who, stored, wanted, str(folder)]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                results.append(json.loads(output.splitlines()[-1]))
        for who, results in runs.items():
            row = {key: statistics.median(run[key] for run in results) for key in results[0]}
            found.append({"stored": stored, "wanted": wanted, "loader": who, **row})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=4)
    options = parser.parse_args()
    if options.child:
        who, stored, wanted, folder = options.child
        print(json.dumps(load(who, Path(folder), stored, wanted)))
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as name:
        count = write(Path(name), options.channels)
        write_tiny(Path(name))
        rows = measure(Path(name), options.repeats)
    if options.json:
        print(json.dumps({"weights": count, "rows": rows}, indent=1))
        return
    print(f"{count / 1e6:.0f} million weights, median of {options.repeats} runs")
    print("stored   wanted   loader     load s   cpu s  cpu s and read  peak / weights")
    for row in rows:
        print(
            f"{row['stored']:8} {row['wanted']:8} {row['loader']:10} {row['load']:6.2f}"
            f"  {row['cpu']:6.2f}  {row['touched']:14.2f}  {row['peak']:14.2f}"
        )


if __name__ == "__main__":
    main()
