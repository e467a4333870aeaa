"""What an autoencoder of Stable Diffusion's shape takes beside its weights, whole and in tiles.

    python tests/benchmarks/tiled_vae.py [--side 512,1024] [--tile 256] [--overlap 64] [--json]

Random weights; each case in a process of its own with one thread: the autoencoder is built, asked
once for a picture of 64 pixels, and then encodes or decodes one of `side`, whole and in tiles.
Memory is the process' peak of resident pages above what it held before. Linux only.

What grows with the picture is 16 bytes a pixel while decoding: the result's three numbers, and one
weight. While encoding it is 1.1: eight numbers, twice, and a weight for 8 × 8 pixels, beside the 12
bytes a pixel of the picture itself, which is counted too. All else is one tile's. Measured in MiB:

    side   decode whole  in tiles of 256   encode whole  in tiles of 256
    512            1027              413            640              235
    1024                             376                             268

1024 was measured with an overlap of 0. The tile's share scatters by some 40, with what the
allocator gives back: 360 to 410 to decode, 230 to 255 to encode. So 4096 × 4096 in tiles of 256 is
reckoned to take 16 * 4096^2 = 256 MiB and a tile's 410 to decode, about 670; and 13.1 * 4096^2 =
210 MiB and a tile's 255 to encode, about 465. Whole, by the share of 512: 64 and 40 GiB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MIB = 1 << 20
WAYS = ("decode", "encode")


def autoencoder() -> Any:
    """Stable Diffusion 1.5's: 84 million weights, four levels of 128 to 512 channels."""
    import torch
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    return AutoencoderKL(
        block_out_channels=[128, 256, 512, 512],
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    )


def run(way: str, side: int, tile: int, overlap: int) -> dict[str, float]:
    """One picture through in this process, and what it took; a tile of 0 is the whole picture."""
    from time import perf_counter

    import torch

    from nodes.diffusion import autoencode
    from nodes.diffusion.tiling import Tiling
    from nodes.types import Vae

    vae = Vae(autoencoder().requires_grad_(False).eval(), 0.18215)
    tiling = Tiling(tile // 8, overlap // 8) if tile else None
    chance = torch.Generator().manual_seed(0)

    def through(length: int) -> torch.Tensor:
        if way == "decode":
            latent = torch.randn(1, 4, length // 8, length // 8, generator=chance)
            return autoencode.decode(vae, latent, tiling)
        pixels = torch.rand(1, length, length, 3, generator=chance)
        return autoencode.encode(vae, pixels, tiling).mean

    through(64)  # what the libraries set up once does not count
    before = reset()
    start = perf_counter()
    through(side)
    return {"peak": peak() - before, "seconds": perf_counter() - start}


def reset() -> int:
    """Forget the peak so far; the bytes that are resident now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak() -> int:
    """The most that was resident since."""
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def measure(sides: list[int], tile: int, overlap: int) -> list[dict[str, Any]]:
    found = []
    for side in sides:
        for way in WAYS:
            for size in (0, tile):
                words = ["--child", way, str(side), str(size), str(overlap)]
                command = [sys.executable, __file__, *words]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                row = json.loads(output.splitlines()[-1])
                found.append({"side": side, "way": way, "tile": size, **row})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", default="512,1024", help="pixels; several with commas")
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--overlap", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=4)
    options = parser.parse_args()
    if options.child:
        way, *figures = options.child
        print(json.dumps(run(way, *map(int, figures))))
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    rows = measure([int(side) for side in options.side.split(",")], options.tile, options.overlap)
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("  side  way     tile    peak MiB   picture MiB   seconds")
    for row in rows:
        picture = 12 * row["side"] ** 2 / MIB
        print(
            f"{row['side']:6}  {row['way']}  {row['tile'] or 'whole':>5}  {row['peak'] / MIB:10.0f}"
            f"  {picture:12.1f}  {row['seconds']:8.1f}"
        )


if __name__ == "__main__":
    main()
