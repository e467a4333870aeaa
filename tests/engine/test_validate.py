"""Every kind of fault is found, told once, with its place and what to do; several at the same
time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nodeflow.errors import GraphError, Problem
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph
from nodeflow.registry import Registry
from nodeflow.validate import program, validate


def made(nodes: dict[str, Any], **rest: Any) -> Graph:
    return graph_from_data({"nodeflow": 1, "nodes": nodes, **rest})


def problems(registry: Registry, nodes: dict[str, Any], **rest: Any) -> list[Problem]:
    return validate(made(nodes, **rest), registry)


def only(found: list[Problem]) -> Problem:
    assert len(found) == 1, [str(p) for p in found]
    return found[0]


ONE = {"type": "t.number"}


def test_a_good_graph_has_no_problems(registry: Registry) -> None:
    nodes = {"a": ONE, "b": {"type": "t.add", "links": {"a": "a.value"}}}
    assert problems(registry, nodes, outputs={"sum": "b.value"}) == []


def test_unknown_type_names_the_nearest(registry: Registry) -> None:
    found = only(problems(registry, {"a": {"type": "t.nummber"}}))
    assert (found.code, found.where) == ("unknown-type", "a")
    assert "t.number" in found.hint


def test_a_node_newer_than_installed(registry: Registry) -> None:
    found = only(problems(registry, {"a": {"type": "t.number", "version": 3}}))
    assert found.code == "newer-node"
    assert "3" in found.message
    assert "1" in found.message


def test_missing_input_says_how_to_give_it(registry: Registry) -> None:
    found = only(problems(registry, {"a": {"type": "t.add"}}))
    assert (found.code, found.where) == ("missing-input", "a.a")
    assert "params" in found.hint
    wire = only(problems(registry, {"a": {"type": "t.weigh"}}))
    assert "params" not in wire.hint


def test_unknown_port_of_a_node(registry: Registry) -> None:
    found = only(problems(registry, {"a": {"type": "t.number", "params": {"valeu": 2}}}))
    assert (found.code, found.where) == ("unknown-port", "a.valeu")
    assert "'value'" in found.hint


def test_unknown_output_of_a_source(registry: Registry) -> None:
    nodes = {"a": ONE, "b": {"type": "t.add", "links": {"a": "a.valeu"}}}
    found = only(problems(registry, nodes))
    assert (found.code, found.where) == ("unknown-port", "b.a")
    assert "'value'" in found.hint


def test_unknown_node_names_the_nearest(registry: Registry) -> None:
    nodes = {"first": ONE, "b": {"type": "t.add", "links": {"a": "frist.value"}}}
    found = only(problems(registry, nodes))
    assert (found.code, found.where) == ("unknown-node", "b.a")
    assert "first.value" in found.hint


def test_type_mismatch_names_the_node_that_converts(registry: Registry) -> None:
    nodes = {"a": {"type": "t.apple"}, "w": {"type": "t.weigh", "links": {"pear": "a.apple"}}}
    found = only(problems(registry, nodes))
    assert (found.code, found.where) == ("type-mismatch", "w.pear")
    assert "Apple" in found.message
    assert "Pear" in found.message
    assert "t.graft" in found.hint


def test_what_needs_several_other_things_is_no_conversion() -> None:
    """A sampler takes a conditioning and gives a latent, but makes it of four other things."""
    from nodeflow.registry import default_registry

    nodes = {
        "checkpoint": {"type": "load.checkpoint", "params": {"name": "tiny"}},
        "text": {
            "type": "text.encode",
            "params": {"text": ""},
            "links": {"clip": "checkpoint.clip"},
        },
        "decode": {
            "type": "vae.decode",
            "links": {"vae": "checkpoint.vae", "latent": "text.conditioning"},
        },
        "model": {"type": "sigmas.karras", "links": {"betas": "checkpoint.model"}},
    }
    hints = {p.where: p.hint for p in problems(default_registry(), nodes)}
    assert hints["decode.latent"] == "no node converts Conditioning to Latent"
    assert hints["model.betas"] == "schedule.of_model converts Model to NoiseSchedule"


def test_a_wrong_literal_says_what_to_write(registry: Registry) -> None:
    nodes = {
        "n": {"type": "t.numbers", "params": {"values": 7}},
        "c": {"type": "t.count", "params": {"n": 2.5}},
    }
    hints = {p.where: p.hint for p in problems(registry, nodes)}
    assert hints == {"n.values": "write a list: [7]", "c.n": "write a whole number"}


def test_a_subclass_fits_its_base_and_int_fits_float(registry: Registry) -> None:
    nodes = {
        "red": {"type": "t.red_apple"},
        "p": {"type": "t.graft", "links": {"apple": "red.apple"}},
        "n": ONE,
        "s": {"type": "t.scaled", "params": {"value": 2}, "links": {"by": "n.value"}},
    }
    assert problems(registry, nodes) == []


def test_float_does_not_fit_int(registry: Registry) -> None:
    nodes = {
        "s": {"type": "t.scaled", "params": {"value": 2}},
        "b": {"type": "t.add", "links": {"a": "s.value"}},
    }
    assert only(problems(registry, nodes)).code == "type-mismatch"


def test_a_list_at_a_single_port(registry: Registry) -> None:
    nodes = {"c": {"type": "t.count"}, "b": {"type": "t.add", "links": {"a": "c.value"}}}
    found = only(problems(registry, nodes))
    assert found.code == "type-mismatch"
    assert "flow.map" in found.hint


def test_a_single_value_at_a_list_port(registry: Registry) -> None:
    nodes = {"n": ONE, "t": {"type": "t.total", "links": {"values": "n.value"}}}
    assert "list" in only(problems(registry, nodes)).hint
    nodes["t"]["links"]["values"] = ["n.value", "n.value"]  # type: ignore[index]
    assert problems(registry, nodes) == []


def test_several_wires_at_a_port_that_takes_one(registry: Registry) -> None:
    nodes = {"n": ONE, "b": {"type": "t.add", "links": {"a": ["n.value", "n.value"]}}}
    assert only(problems(registry, nodes)).code == "type-mismatch"


def test_a_gathered_list_of_mixed_types(registry: Registry) -> None:
    nodes = {
        "n": ONE,
        "a": {"type": "t.apple"},
        "t": {"type": "t.total", "links": {"values": ["n.value", "a.apple"]}},
    }
    found = only(problems(registry, nodes))
    assert "a.apple" in found.message


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"by": 11}, "out-of-range"),
        ({"by": -0.5}, "out-of-range"),
        ({"by": float("nan")}, "out-of-range"),
        ({"by": "2"}, "wrong-literal"),
        ({"by": True}, "wrong-literal"),
        ({"by": None}, "wrong-literal"),
        ({"by": [1]}, "wrong-literal"),
    ],
)
def test_literals_are_checked(registry: Registry, params: dict[str, Any], code: str) -> None:
    nodes = {"s": {"type": "t.scaled", "params": {"value": 1, **params}}}
    found = only(problems(registry, nodes))
    assert (found.code, found.where) == (code, "s.by")


def test_a_choice_names_what_is_offered(registry: Registry) -> None:
    found = only(problems(registry, {"f": {"type": "t.flavour", "params": {"name": "swet"}}}))
    assert "'sweet'" in found.hint


def test_a_literal_where_only_a_wire_fits(registry: Registry) -> None:
    found = only(problems(registry, {"w": {"type": "t.weigh", "params": {"pear": 3}}}))
    assert found.code == "needs-wire"


def test_literal_and_wire_at_one_port(registry: Registry) -> None:
    nodes = {"n": ONE, "b": {"type": "t.add", "params": {"a": 1}, "links": {"a": "n.value"}}}
    assert only(problems(registry, nodes)).code == "two-sources"


def test_files_that_do_not_exist(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    nodes = {"r": {"type": "t.read", "params": {"path": str(tmp_path / "note.txt")}}}
    found = only(problems(registry, nodes))
    assert found.where == "r.path"
    assert "notes.txt" in found.hint


@pytest.mark.parametrize("id", ["a.b", "a/b", "a[0]", "", "a b"])
def test_forbidden_ids(registry: Registry, id: str) -> None:
    assert only(problems(registry, {id: ONE})).code == "bad-id"


def test_a_cycle_is_written_out(registry: Registry) -> None:
    nodes = {
        "a": {"type": "t.add", "links": {"a": "c.value"}},
        "b": {"type": "t.add", "links": {"a": "a.value"}},
        "c": {"type": "t.add", "links": {"a": "b.value"}},
        "after": {"type": "t.add", "links": {"a": "c.value"}},
    }
    found = only(problems(registry, nodes))
    assert found.code == "cycle"
    assert "a → b → c → a" in found.message


def test_a_node_that_reads_itself(registry: Registry) -> None:
    nodes = {"a": {"type": "t.add", "links": {"a": "a.value"}}}
    assert "a → a" in only(problems(registry, nodes)).message


def test_two_cycles_are_both_told(registry: Registry) -> None:
    nodes = {
        x: {"type": "t.add", "links": {"a": f"{y}.value"}}
        for x, y in [("a", "b"), ("b", "a"), ("p", "q"), ("q", "p")]
    }
    assert [p.code for p in problems(registry, nodes)] == ["cycle", "cycle"]


def test_declared_outputs_must_be_there(registry: Registry) -> None:
    found = problems(registry, {"a": ONE}, outputs={"x": "a.valu", "y": "b.value"})
    told = [(p.code, p.where) for p in found]
    assert told == [("unknown-port", "outputs.x"), ("unknown-node", "outputs.y")]


def test_declared_inputs_must_be_there(registry: Registry) -> None:
    found = problems(registry, {"a": ONE}, inputs={"x": "a.valu", "y": "b.value", "z": "a.value"})
    assert [(p.code, p.where) for p in found] == [
        ("unknown-port", "inputs.x"),
        ("unknown-node", "inputs.y"),
    ]


def test_a_node_that_nothing_needs_is_a_warning(registry: Registry) -> None:
    found = only(problems(registry, {"a": ONE, "b": ONE}, outputs={"x": "a.value"}))
    assert (found.code, found.where, found.severity) == ("unused", "b", "warning")


def test_what_hangs_on_a_fault_is_not_called_unused(registry: Registry) -> None:
    nodes = {"a": ONE, "b": {"type": "t.ad", "links": {"a": "a.value"}}}
    found = only(problems(registry, nodes, outputs={"x": "b.value"}))
    assert (found.code, found.where) == ("unknown-type", "b")


def test_generic_ports_agree_with_each_other(registry: Registry) -> None:
    nodes = {
        "n": ONE,
        "a": {"type": "t.apple"},
        "r": {"type": "t.red_apple"},
        "same": {
            "type": "t.choose",
            "params": {"which": True},
            "links": {"yes": "r.apple", "no": "a.apple"},
        },
        "pear": {"type": "t.graft", "links": {"apple": "same.value"}},
    }
    assert problems(registry, nodes) == []
    nodes["same"]["links"]["no"] = "n.value"  # type: ignore[index]
    found = problems(registry, nodes)
    assert [p.where for p in found] == ["same.no"]
    assert "RedApple" in found[0].message


def test_a_generic_output_carries_the_bound_type(registry: Registry) -> None:
    nodes = {
        "c": {"type": "t.count"},
        "f": {"type": "t.first", "links": {"values": "c.value"}},
        "w": {"type": "t.weigh", "links": {"pear": "f.value"}},
    }
    found = only(problems(registry, nodes))
    assert (found.code, found.where) == ("type-mismatch", "w.pear")
    assert "int" in found.message


def test_one_fault_is_told_once_not_downstream(registry: Registry) -> None:
    nodes = {
        "a": {"type": "t.nothing"},
        "b": {"type": "t.add", "links": {"a": "a.value"}},
        "c": {"type": "t.add", "links": {"a": "b.value"}},
    }
    assert only(problems(registry, nodes)).where == "a"


LOOP: dict[str, Any] = {
    "c": {"type": "t.count"},
    "n": ONE,
    "a": {"type": "t.apple"},
    "l": {
        "type": "flow.loop",
        "each": {"i": "c.value"},
        "const": {"k": "n.value"},
        "state": {"sum": {"init": "n.value", "next": "s.value"}},
        "collect": {"all": "s.value"},
        "body": {"s": {"type": "t.add", "links": {"a": "state.sum", "b": "each.i"}}},
    },
}


def loop_with(**changes: Any) -> dict[str, Any]:
    return {**LOOP, "l": {**LOOP["l"], **changes}}


def test_a_good_loop(registry: Registry) -> None:
    nodes = {**LOOP, "t": {"type": "t.total", "links": {"values": "l.all"}}}
    assert problems(registry, nodes) == []


def test_nothing_outside_may_read_into_a_body(registry: Registry) -> None:
    reader = {"type": "t.add", "links": {"a": "s.value"}}
    found = only(problems(registry, {**LOOP, "t": reader}))
    assert (found.code, found.where) == ("inside-body", "t.a")
    assert found.message == "s is inside the body of l, which is closed"
    assert found.hint == "read l.sum, which is it after the last pass"
    without = loop_with(state={"sum": {"init": "n.value", "next": "state.sum"}})
    found = only(problems(registry, {**without, "t": reader}))
    assert found.hint == 'write "collect": {"value": "s.value"} in the loop, and read l.value'


def test_a_body_may_not_read_outside(registry: Registry) -> None:
    body = {"s": {"type": "t.add", "links": {"a": "state.sum", "b": "n.value"}}}
    found = only(problems(registry, loop_with(body=body)))
    assert (found.code, found.where) == ("outside-body", "l/s.b")
    assert "const" in found.hint


def test_a_body_reads_only_what_it_is_given(registry: Registry) -> None:
    body = {"s": {"type": "t.add", "links": {"a": "state.summ", "b": "const.kk"}}}
    found = problems(registry, loop_with(body=body))
    assert [p.where for p in found] == ["l/s.a", "l/s.b"]
    assert "state.sum" in found[0].hint


def test_nothing_leaks_out_of_a_body(registry: Registry) -> None:
    nodes = {**LOOP, "t": {"type": "t.add", "links": {"a": "s.value"}}}
    assert [p.where for p in problems(registry, nodes)] == ["t.a"]


def test_each_needs_a_list(registry: Registry) -> None:
    found = only(problems(registry, loop_with(each={"i": "n.value"})))
    assert (found.code, found.where) == ("type-mismatch", "l.each.i")
    assert "const" in found.hint


def test_state_next_must_fit_its_init(registry: Registry) -> None:
    found = only(problems(registry, loop_with(state={"sum": {"init": "a.apple", "next": "s.value"}},
        body={"s": {"type": "t.add", "links": {"a": "each.i"}}})))  # fmt: skip
    assert (found.code, found.where) == ("state-mismatch", "l.state.sum")
    assert "int" in found.message
    assert "Apple" in found.message


def test_loops_that_cannot_be(registry: Registry) -> None:
    assert "loop-each" in [p.code for p in problems(registry, loop_with(each={}, body={}))]
    nothing = loop_with(state={}, collect={}, body={})
    assert [p.code for p in problems(registry, nothing)] == ["loop-output"]
    double = loop_with(collect={"sum": "s.value"})
    assert [p.code for p in problems(registry, double)] == ["loop-names"]
    lost = loop_with(collect={"all": "x.value"})
    assert [p.where for p in problems(registry, lost)] == ["l.collect.all"]


def test_problems_in_bodies_of_bodies_have_their_path(registry: Registry) -> None:
    inner = {**LOOP["l"], "each": {"i": "const.list"}, "const": {}}
    inner["state"] = {"sum": {"init": "each.j", "next": "s.value"}}
    inner["body"] = {"s": {"type": "t.add", "links": {"a": "state.sum"}, "params": {"b": "x"}}}
    nodes = {
        "c": {"type": "t.count"},
        "o": {
            "type": "flow.map",
            "each": {"j": "c.value"},
            "const": {"list": "c.value"},
            "collect": {"sums": "in.sum"},
            "body": {"in": inner},
        },
    }
    found = only(problems(registry, nodes))
    assert found.where == "o/in/s.b"


def test_all_problems_at_once(registry: Registry) -> None:
    nodes = {
        "a.b": ONE,
        "unknown": {"type": "t.nothing"},
        "missing": {"type": "t.add"},
        "range": {"type": "t.scaled", "params": {"value": 1, "by": 99}},
        "apple": {"type": "t.apple"},
        "mismatch": {"type": "t.weigh", "links": {"pear": "apple.apple"}},
        "ring": {"type": "t.add", "links": {"a": "ring.value"}},
    }
    graph = made(nodes, outputs={"x": "gone.value"})
    codes = {p.code for p in validate(graph, registry) if p.severity == "error"}
    assert codes == {
        "bad-id",
        "unknown-type",
        "missing-input",
        "out-of-range",
        "type-mismatch",
        "cycle",
        "unknown-node",
    }
    with pytest.raises(GraphError, match="7 problems"):
        raise GraphError(program(graph, registry).errors)


def test_a_program_is_worked_out_once(registry: Registry) -> None:
    graph = made({"a": ONE})
    assert program(graph, registry) is program(graph, registry)
