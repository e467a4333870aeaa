"""Names turned into others by a table."""

from __future__ import annotations

import torch

from nodes.diffusion.checkpoints import layouts
from nodes.diffusion.checkpoints.layouts import Split, Swapped, split

TABLE: layouts.Table = {
    "in": "first",
    "places": "pos.places",
    "out.1": Swapped("last"),
    "row.#.qkv": split("blocks.#.attn", "q", "k"),
    "row.#.norm.scale": "blocks.#.norm.weight",
    "row.#.joint": Split((("blocks.#.a", 1), ("blocks.#.b", 3))),
}


def laid(shapes: dict[str, tuple[int, ...]]) -> layouts.Laid:
    return layouts.lay(shapes, TABLE, ("row",), frozenset(["ignored"]))


def test_stems_keep_their_last_word() -> None:
    found = laid({"in.weight": (2, 3), "in.bias": (2,), "places": (1, 4)})
    assert found.shapes == {"first.weight": (2, 3), "first.bias": (2,), "pos.places": (1, 4)}
    assert {name: source.names for name, source in found.sources.items()} == {
        "first.weight": ("in.weight",),
        "first.bias": ("in.bias",),
        "pos.places": ("places",),
    }


def test_numbers_of_blocks_are_carried_over() -> None:
    found = laid({"row.12.norm.scale": (4,), "row.0.norm.scale": (4,)})
    assert found.shapes.keys() == {"blocks.12.norm.weight", "blocks.0.norm.weight"}


def test_joint_tensors_are_cut_along_their_first_side() -> None:
    found = laid({"row.3.qkv.weight": (4, 5), "row.3.joint.bias": (8,)})
    assert found.shapes == {
        "blocks.3.attn.q.weight": (2, 5),
        "blocks.3.attn.k.weight": (2, 5),
        "blocks.3.a.bias": (2,),
        "blocks.3.b.bias": (6,),
    }
    joint = torch.arange(8)
    parts = [found.sources[name].change for name in ("blocks.3.a.bias", "blocks.3.b.bias")]
    assert [part(joint).tolist() for part in parts if part] == [[0, 1], [2, 3, 4, 5, 6, 7]]


def test_halves_are_swapped() -> None:
    change = laid({"out.1.weight": (4,)}).sources["last.weight"].change
    assert change is not None
    assert change(torch.arange(4)).tolist() == [2, 3, 0, 1]


def test_what_is_not_known_keeps_its_name_and_what_is_not_read_is_left_out() -> None:
    found = laid({"row.1.strange.weight": (2,), "ignored": (3,)})
    assert found.shapes == {"row.1.strange.weight": (2,)}
    assert found.unread == {"ignored"}


def test_count_is_of_the_highest_number() -> None:
    assert layouts.count({"row.0.x": (), "row.11.x": (), "rows.20.x": ()}, "row") == 12
    assert layouts.count({}, "row") == 0
