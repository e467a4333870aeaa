"""Pictures in tiles, as pictures of their own: for what is made for smaller ones, tile by tile.

With `flow.map` over the tiles, each may be encoded, denoised and decoded by itself.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number
from nodes import checks
from nodes.types import Image, Mask, TileGrid

_TILE = Number(8, 8192, 8, "px")


class Tiles(NamedTuple):
    """The tiles row by row, and where they lie."""

    images: list[Image]
    grid: TileGrid


@node("tiles.cut")
def cut(
    image: Image,
    tile: Annotated[int, _TILE] = 512,
    overlap: Annotated[int, Number(0, 4096, 8, "px")] = 64,
) -> Tiles:
    """Cut a picture into tiles of one size that overlap, from edge to edge.

    [B, H, W, C] → tiles [B, tile, tile, C], row by row, evenly spread, with at least `overlap`
    pixels in common; a side that is no longer than a tile is not cut.
    """
    from nodes.diffusion import tile_grids

    checks.some_pictures("image", image.pixels)
    if not 0 <= overlap < tile:
        raise InputError("overlap", f"{overlap} px", f"less than the tile's {tile} px")
    height, width = image.pixels.shape[1:3]
    grid = tile_grids.grid(height, width, tile, overlap)
    return Tiles([Image(part) for part in tile_grids.cut(image.pixels, grid)], grid)


@node("tiles.cut_between")
def cut_between(image: Image, grid: TileGrid) -> Tiles:
    """Cut tiles that lie half-way between those of a grid, each over the seams of the first.

    For a second pass that mends what differs from tile to tile: denoise these a little, and lay
    them over the picture by `tiles.lay_over`.
    """
    from nodes.diffusion import tile_grids

    _fits(image, grid)
    found = tile_grids.between(grid)
    return Tiles([Image(part) for part in tile_grids.cut(image.pixels, found)], found)


@node("tiles.join")
def join(images: list[Image], grid: TileGrid) -> Image:
    """Put the tiles of `tiles.cut` together; where they overlap they fade into each other.

    A mean in which a tile counts less towards its edges. Tiles that were enlarged by a whole factor
    give a picture enlarged by it.
    """
    from nodes.diffusion import tile_grids

    scale = _scale(images, grid)
    return Image(tile_grids.joined([image.pixels for image in images], grid, scale))


@node("tiles.lay_over")
def lay_over(original: Image, images: list[Image], grid: TileGrid) -> Image:
    """Lay the tiles of `tiles.cut_between` over the picture, fading out towards its edges."""
    from nodes.diffusion import tile_grids

    _fits(original, grid)
    if _scale(images, grid) != 1:
        raise InputError("images", "enlarged tiles", "tiles of the size that they were cut")
    tiles = [image.pixels for image in images]
    return Image(tile_grids.laid_over(tiles, grid, original.pixels))


@node("tiles.seams")
def seams(grid: TileGrid, width: Annotated[int, _TILE] = 64) -> Mask:
    """Mark where tiles meet: 1 within half of `width` pixels of a seam, [1, H, W].

    As a noise mask, it lets a sampler repaint the seams and leave the rest alone.
    """
    from nodes.diffusion import tile_grids

    return Mask(tile_grids.seams(grid, width))


def _fits(image: Image, grid: TileGrid) -> None:
    if image.pixels.shape[1:3] != (grid.height, grid.width):
        got = f"{image.pixels.shape[2]} × {image.pixels.shape[1]} px"
        raise InputError("image", got, f"{grid.width} × {grid.height} px, as the grid's picture")


def _scale(images: list[Image], grid: TileGrid) -> int:
    """How many times larger the tiles are than in their grid; all alike."""
    count = len(grid.rows) * len(grid.columns)
    if len(images) != count:
        raise InputError("images", f"{len(images)} tiles", f"the grid's {count}")
    high, wide = (first[1] - first[0] for first in (grid.rows[0], grid.columns[0]))
    sizes = {tuple(image.pixels.shape) for image in images}
    height, width = images[0].pixels.shape[1:3]
    scale = int(height // high)
    if len(sizes) != 1 or scale < 1 or (height, width) != (high * scale, wide * scale):
        got = f"{width} × {height} px"
        raise InputError("images", got, f"{wide} × {high} px, or a whole multiple of that")
    return scale
