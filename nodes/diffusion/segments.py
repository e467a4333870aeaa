"""Segments shown in colours: their means, distinct ones, or the colour code of ADE20K."""

from __future__ import annotations

import torch

# The colours in which segmentation ControlNets were shown ADE20K's 150 classes (Zhou et al. 2017,
# "Scene parsing through ADE20K dataset"), one after the other as rrggbb.
_ADE20K = """
787878b4787806e6e650323204c8037878508c8c8ccc05ffe6e6e604fa07e005ffebff0796053d78784608ff33ff0652
8fff8cccff04ff3307cc46030066c83de6faff06330b66ffff0747ff09e00907e6dcdcdcff095c7009ff08ffd607ffe0
ffb8060aff47ff290a07ffffe0ff086608ffff3d06ffc207ff7a0800ff14ff0829ff05990633ffeb0cffa0961400a3ff
8c8c8cfa0a0f14ff001fff00ff1f00ffe00099ff000000ffff470000ebff00adff1f00ff0bc8c8ff520000fff5003dff
00ff7000ff85ff0000ffa300ff6600c2ff00008fff33ff000052ff00ff2900ffad0a00ffadff0000ff99ff5c00ff00ff
ff00f5ff0066ffad00ff0014ffb8b8001fff00ff3d0047ffff00cc00ffc200ff52000aff0070ff3300ff00c2ff007aff
00ffa3ff990000ff0aff70008fff005200ffa3ff00ffeb0008b8aa8500ff00ff5cb800ffff001f00b8ff00d6ffff0070
5cff0000e0ff70e0ff46b8a0a300ff9900ff47ff00ff00a3ffcc00ff008f00ffeb85ff00ff00ebf500ffff007afff500
0abed4d6ff0000ccff1400ffffff000099ff0029ff00ffcc2900ff29ff00ad00ff00f5ff4700ff7a00ff00ffb8005cff
b8ff000085ffffd60019c2c266ff005c00ff
"""


def ade20k() -> torch.Tensor:
    """The colours of ADE20K's classes, [150, 3] in 0..1."""
    digits = bytes.fromhex("".join(_ADE20K.split()))
    return torch.tensor(list(digits), dtype=torch.float32).view(-1, 3) / 255


def distinct(count: int) -> torch.Tensor:
    """So many colours that neighbours in number are easily told apart, [count, 3] in 0..1.

    Hues go round by the golden section, which leaves even gaps however many there are; brightness
    and saturation take turns.
    """
    from colorsys import hsv_to_rgb

    golden = (5**0.5 - 1) / 2
    tones = ((0.85, 1.0), (0.55, 0.95), (0.9, 0.65))
    found = [hsv_to_rgb(k * golden % 1, *tones[k % len(tones)]) for k in range(count)]
    return torch.tensor(found, dtype=torch.float32).view(-1, 3)


def in_mean_colours(pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Each segment (labels int64 [B, H, W]) in the mean of its own colours, [B, H, W, 3].

    Summed in double on the CPU: an accelerator adds in whatever order comes.
    """
    result = torch.empty_like(pixels[..., :3])
    for k, (picture, numbers) in enumerate(zip(pixels[..., :3].cpu(), labels.cpu(), strict=True)):
        flat = numbers.flatten()
        count = int(flat.max()) + 1
        sums = torch.zeros(count, 3, dtype=torch.float64)
        sums.index_add_(0, flat, picture.flatten(0, 1).double())
        area = torch.bincount(flat, minlength=count).clamp(min=1)
        result[k] = (sums / area[:, None])[numbers].to(result)
    return result


def coloured(labels: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Each label's colour of the table, which begins anew where labels go beyond; [B, H, W, 3]."""
    return table.to(labels.device)[labels % len(table)]
