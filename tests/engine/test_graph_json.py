"""Graph files: what is written is read again, what is wrong is told by place and all at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.errors import GraphFormatError, Problem
from nodeflow.formats.graph_json import (
    MAX_NESTING,
    dump_graph,
    graph_from_data,
    graph_to_data,
    migrate_format,
    parse_graph,
    read_graph,
)
from nodeflow.formats.schema import FORMAT, json_schema
from nodeflow.graph import Graph, Group, Link, Loop, Node, State, walk
from nodeflow.node import definition_of, node
from nodeflow.registry import Registry

HERE = Path(__file__).parent
SCHEMA_FILE = HERE.parents[1] / "docs" / "graph.schema.json"

# ── graphs of every kind ───────────────────────────────────────────────────────────────────────

ids = st.text("abcxyz_-0é", min_size=1, max_size=4)
types = st.sampled_from(["t.add", "pack:blur.box", "old.gone"])
versions = st.integers(1, 3)
link = st.builds(Link, ids, ids)
source = link | st.lists(link, max_size=3).map(tuple)
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
literals = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)
plain_node = st.builds(
    Node,
    types,
    versions,
    st.dictionaries(ids, literals, max_size=3),
    st.dictionaries(ids, source, max_size=3),
)
links = st.dictionaries(ids, link, max_size=2)
states = st.dictionaries(ids, st.builds(State, link, link), min_size=1, max_size=2)


def _nested(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    nodes = st.dictionaries(ids, inner, max_size=3)
    loop = st.builds(
        Loop, st.just("flow.loop"), each=links, const=links, state=states, collect=links, body=nodes
    )
    mapped = st.builds(
        Loop, st.just("flow.map"), each=links, const=links, collect=links, body=nodes
    )
    group = st.builds(
        Group,
        st.just("flow.graph"),
        params=st.dictionaries(ids, literals, max_size=2),
        links=st.dictionaries(ids, source, max_size=2),
        graph=_graphs(nodes),
    )
    return loop | mapped | group


def _graphs(nodes: st.SearchStrategy[dict[str, Node]]) -> st.SearchStrategy[Graph]:
    port = st.builds("{}.{}".format, ids, ids)
    return st.builds(
        Graph,
        nodes=nodes,
        inputs=st.dictionaries(ids, st.lists(port, max_size=3).map(tuple), max_size=2),
        outputs=links,
        title=st.text(max_size=8),
        description=st.text(max_size=8),
        view=st.dictionaries(ids, st.lists(st.integers(), max_size=2), max_size=2),
    )


any_node = st.recursive(plain_node, _nested, max_leaves=5)
graphs = _graphs(st.dictionaries(ids, any_node, max_size=4))


@given(graphs)
def test_what_is_written_is_read_as_the_same_graph(graph: Graph) -> None:
    text = dump_graph(graph)
    again = parse_graph(text)
    assert again == graph
    assert dump_graph(again) == text


@given(graphs, st.sampled_from([None, 0, 4]))
def test_layout_of_the_text_does_not_matter(graph: Graph, indent: int | None) -> None:
    assert parse_graph(dump_graph(graph, indent=indent)) == graph


@given(graphs)
def test_order_of_the_nodes_is_kept(graph: Graph) -> None:
    assert list(parse_graph(dump_graph(graph)).nodes) == list(graph.nodes)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a.b", "t.add", ""]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["nodeflow", "nodes", "type", "params", "links", "each", "body", "graph", "a"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_junk_is_a_graph_or_a_format_error(data: Any) -> None:
    try:
        found = parse_graph(json.dumps(data))
    except GraphFormatError as error:
        assert error.problems  # noqa: PT017 - either way out is right
    else:
        assert isinstance(found, Graph)


def test_fields_that_say_nothing_are_not_written() -> None:
    graph = Graph(nodes={"a": Node("t.number")})
    assert graph_to_data(graph) == {"nodeflow": 1, "nodes": {"a": {"type": "t.number"}}}


def test_one_link_and_a_list_of_one_are_kept_apart() -> None:
    graph = Graph(nodes={"a": Node("t.x", links={"p": Link("b", "v"), "q": (Link("b", "v"),)})})
    data = graph_to_data(graph)["nodes"]["a"]["links"]
    assert data == {"p": "b.v", "q": ["b.v"]}
    assert parse_graph(dump_graph(graph)) == graph


def test_integers_and_floats_stay_what_they_are() -> None:
    graph = Graph(nodes={"a": Node("t.x", params={"i": 1, "f": 1.0, "b": True, "big": 2**70})})
    params = parse_graph(dump_graph(graph)).nodes["a"].params
    assert [type(value) for value in params.values()] == [int, float, bool, int]
    assert params["big"] == 2**70


def test_text_that_no_file_could_hold_is_escaped() -> None:
    graph = Graph(nodes={"a": Node("t.x", params={"v": "é\ud800"})})
    text = dump_graph(graph)
    text.encode()
    assert parse_graph(text) == graph
    assert "é" in dump_graph(Graph(nodes={}, title="é"))  # else it stands as it is


# ── faults ─────────────────────────────────────────────────────────────────────────────────────


def _problems(data: Any, **how: Any) -> tuple[Problem, ...]:
    with pytest.raises(GraphFormatError) as caught:
        parse_graph(data if isinstance(data, str) else json.dumps(data), **how)
    return caught.value.problems


def _by_place(data: Any, **how: Any) -> dict[str, Problem]:
    problems = _problems(data, **how)
    found = {problem.where: problem for problem in problems}
    assert len(found) == len(problems), "each place is told once"
    return found


def test_every_fault_of_the_schema_is_told_at_once_by_place() -> None:
    found = _by_place(
        {
            "nodeflow": 1,
            "titel": "x",
            "inputs": {"seed": 3},
            "nodes": {
                "a": {"type": "t.add", "version": 0, "links": {"x": 3, "y": ["a.b", 4]}},
                "b": {"params": []},
                "c": 3,
                "d": {"type": "flow.loop", "state": {"s": {"init": "a.value"}}, "body": {"e": {}}},
                "g": {"type": "flow.graph", "graph": {"nodeflow": 1, "nodes": {"k": {"typ": "t"}}}},
                "h": {"type": "flow.graph", "graph": 5},
            },
        }
    )
    assert set(found) == {
        "titel",
        "inputs/seed",
        "nodes/a/version",
        "nodes/a/links/x",
        "nodes/a/links/y/1",
        "nodes/b/type",
        "nodes/b/params",
        "nodes/c",
        "nodes/d/state/s/next",
        "nodes/d/body/e/type",
        "nodes/g/graph/nodes/k/type",
        "nodes/g/graph/nodes/k/typ",
        "nodes/h/graph",
    }
    assert all(problem.code == "schema" for problem in found.values())
    assert found["titel"].hint == "did you mean 'title'?"
    assert found["nodes/b/type"].message == "'type' is missing"
    assert "got 0" in found["nodes/a/version"].message
    assert "a text or a list of texts; got 3" in found["nodes/a/links/x"].message
    assert "an object; got 3" in found["nodes/c"].message
    assert "path of a file or a graph; got 5" in found["nodes/h/graph"].message


def test_nodes_named_like_pydantics_branches_are_told_by_their_names() -> None:
    found = _by_place({"nodeflow": 1, "nodes": {"str": {"links": {"GraphFile": 3}}}})
    assert set(found) == {"nodes/str/type", "nodes/str/links/GraphFile"}


def test_faults_beyond_the_schema_are_told_at_once() -> None:
    found = _by_place(
        {
            "nodeflow": 1,
            "nodes": {
                "no_body": {"type": "flow.loop"},
                "wired": {
                    "type": "flow.loop",
                    "links": {"a": "b.c"},
                    "params": {"d": 1},
                    "body": {},
                },
                "carries": {
                    "type": "flow.map",
                    "state": {"s": {"init": "a.b", "next": "c.d"}},
                    "body": {},
                },
                "no_graph": {"type": "flow.graph"},
                "plain": {"type": "t.add", "each": {}, "graph": "x.json"},
                "in_file": {"type": "flow.graph", "graph": "x.json"},
                "newer": {"type": "flow.graph", "graph": {"nodeflow": 2, "nodes": {}}},
                "deep": {"type": "flow.map", "body": {"inner": {"type": "flow.loop"}}},
            },
        }
    )
    assert {where: problem.code for where, problem in found.items()} == {
        "no_body": "no-body",
        "wired": "loop-links",
        "carries": "map-state",
        "no_graph": "no-graph",
        "plain": "unknown-field",
        "in_file": "group-file",
        "newer": "newer-format",
        "deep/inner": "no-body",
    }
    assert "a, d" in found["wired"].message
    assert "each, graph" in found["plain"].message


@pytest.mark.parametrize("text", ["", "{", "nodes:", '{"nodeflow": 1,}', "\0", '{"nodeflow": NaN}'])
def test_no_json(text: str) -> None:
    (problem,) = _problems(text, where="my.json")
    assert (problem.code, problem.where) == ("not-json", "my.json")


def test_a_number_that_json_does_not_know() -> None:
    (problem,) = _problems('{"nodeflow": 1, "nodes": {"a": {"type": "t", "params": {"x": NaN}}}}')
    assert "NaN is no JSON number" in problem.message


def test_a_number_without_end_is_told_by_its_place() -> None:
    """JSON has no bound; Python reads what is too large for a float as infinity."""
    text = '{"nodeflow": 1, "nodes": {"a": {"type": "t", "params": {"x": [0, -1e999]}}}}'
    (problem,) = _problems(text)
    assert (problem.code, problem.where) == ("no-number", "nodes/a/params/x/1")


def test_a_number_of_too_many_digits() -> None:
    """Python refuses to read integers of more than 4300 digits from text."""
    (problem,) = _problems('{"nodeflow": %s}' % ("1" * 5000))
    assert problem.code == "not-json"


@pytest.mark.parametrize("data", [[], 3, "graph", None, True])
def test_json_but_no_object(data: Any) -> None:
    (problem,) = _problems(json.dumps(data), where="my.json")
    assert (problem.code, problem.where) == ("no-graph", "my.json")


def test_names_that_stand_twice_are_told() -> None:
    text = (
        '{"nodeflow": 1, "title": "a", "title": "b", "nodes": {"n": {"type": "t.a"}, '
        '"n": {"type": "t.b"}, "m": {"type": "t.c", "params": {"x": 1, "x": 2, "x": 3}, "odd": 1}}}'
    )
    found = _by_place(text)
    assert {where: problem.code for where, problem in found.items()} == {
        "title": "double-id",
        "nodes/n": "double-id",
        "nodes/m/params/x": "double-id",
        "nodes/m/odd": "schema",
    }


@pytest.mark.parametrize("depth", [MAX_NESTING + 1, 200, 1000, 10_000])
@pytest.mark.parametrize(
    "nest",
    [
        ('{"type":"flow.map","body":{"a":', "}}"),
        ('{"type":"flow.graph","graph":{"nodeflow":1,"nodes":{"a":', "}}}"),
    ],
    ids=["bodies", "graphs"],
)
def test_nesting_without_end_is_a_format_error(
    nest: tuple[str, str, str, bool], depth: int
) -> None:
    text = nest[0] * depth + '{"type":"t.a"}' + nest[1] * depth
    problems = _problems(f'{{"nodeflow": 1, "nodes": {{"a": {text}}}}}')
    assert {problem.code for problem in problems} <= {"too-deep", "not-json"}
    assert all(len(str(problem)) < 300 for problem in problems)


@pytest.mark.parametrize("depth", [300, 900, 3000, 10_000, 100_000])
@pytest.mark.parametrize("brackets", ["[]", ('{"a":', "}")], ids=["lists", "objects"])
def test_literals_without_end_are_a_format_error(brackets: tuple[str, str], depth: int) -> None:
    text = brackets[0] * depth + ("1" if len(brackets[0]) > 1 else "") + brackets[1] * depth
    for where in ('{"nodeflow":1,"nodes":{"a":{"type":"t.a","params":{"x":%s}}}}', "%s"):
        (problem,) = _problems(where % text)
        assert problem.code in ("too-deep", "not-json", "no-graph")


@pytest.mark.parametrize("depth", [1, MAX_NESTING // 2, MAX_NESTING - 1])
def test_nesting_within_reason_is_read_and_written(depth: int) -> None:
    inner: Node = Node("t.number")
    for level in range(depth):
        nodes = {"a": inner}
        inner = (
            Loop("flow.loop", body=nodes)
            if level % 2
            else Group("flow.graph", graph=Graph(nodes=nodes))
        )
    graph = Graph(nodes={"a": inner})
    assert parse_graph(dump_graph(graph)) == graph


def test_huge_junk_is_told_shortly() -> None:
    data = {"nodeflow": 1, "nodes": {"a": ["x" * 100_000] * 10, "b": {"type": "y" * 100, "q": {}}}}
    for problem in _problems(data):
        assert len(str(problem)) < 300


# ── formats, old and new ───────────────────────────────────────────────────────────────────────


def test_newer_format_is_refused_with_both_numbers() -> None:
    (problem,) = _problems({"nodeflow": FORMAT + 1, "nodes": "whatever comes then"})
    assert problem.code == "newer-format"
    assert f"format {FORMAT + 1}" in problem.message
    assert problem.hint == "update nodeflow"


@pytest.mark.parametrize("version", [None, 0, -1, "1", 1.0, True, []])
def test_no_format(version: Any) -> None:
    (problem,) = _problems({"nodeflow": version, "nodes": {}})
    assert problem.code == "no-format"


def test_comfyui_prompt_is_recognised() -> None:
    data = {"3": {"class_type": "KSampler", "inputs": {}}}
    (problem,) = _problems(data)
    assert problem.code == "no-format"
    assert "ComfyUI" in problem.hint


def test_format_migrations_run_one_after_another_on_a_copy() -> None:
    def rename(data: dict[str, Any]) -> dict[str, Any]:
        return {("nodes" if key == "steps" else key): value for key, value in data.items()}

    def count(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "title": f"{data['title']} of {len(data['nodes'])}"}

    old = {"nodeflow": 1, "title": "graph", "steps": {"a": {}}}
    new = migrate_format(old, {1: rename, 2: count}, 3, "")
    assert new == {"nodeflow": 3, "title": "graph of 1", "nodes": {"a": {}}}
    assert old == {"nodeflow": 1, "title": "graph", "steps": {"a": {}}}
    between = {"nodeflow": 2, "title": "graph", "nodes": {}}
    assert migrate_format(between, {1: rename, 2: count}, 3, "")["title"] == "graph of 0"
    assert migrate_format(new, {1: rename, 2: count}, 3, "") == new


# ── versions of nodes ──────────────────────────────────────────────────────────────────────────


def _amount_to_factor(data: dict[str, Any]) -> dict[str, Any]:
    params = dict(data.get("params", {}))
    params["factor"] = params.pop("amount")
    return {**data, "params": params}


def _factor_to_float(data: dict[str, Any]) -> dict[str, Any]:
    params = {**data["params"], "factor": float(data["params"]["factor"])}
    return {**data, "params": params}


def _a_to_value(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "links": {"value": data["links"]["a"]}}


@node("old.scale", version=3, migrations={1: _amount_to_factor, 2: _factor_to_float})
def scale(value: float = 1.0, factor: float = 1.0) -> float:
    """Multiply; `factor` was `amount` once, and an integer."""
    return value * factor


@node("old.shift", version=3, migrations={1: dict, 2: _a_to_value})
def shift(value: float, by: float = 0.0) -> float:
    """Add; `value` was `a` once."""
    return value + by


@node("old.list")
def old_list() -> list[int]:
    """Give a list; never changed."""
    return [0]


@node("old.broken", version=2, migrations={1: lambda data: {"no": data["such"]}})
def broken(value: int = 1) -> int:
    """Has a migration that cannot work."""
    return value


@node("old.nonsense", version=2, migrations={1: lambda data: {"type": 3}})
def nonsense(value: int = 1) -> int:
    """Has a migration that gives no node."""
    return value


@pytest.fixture
def old_nodes() -> Registry:
    found = Registry()
    for function in (scale, shift, old_list, broken, nonsense):
        found.add(definition_of(function))
    return found


def test_old_file_is_brought_to_todays_versions(old_nodes: Registry) -> None:
    graph = read_graph(HERE / "fixtures" / "versions_1.json", old_nodes)
    assert graph.nodes["scale"] == Node("old.scale", 3, {"factor": 3.0})
    assert graph.nodes["shift"] == Node(
        "old.shift", 3, {"by": 4}, {"value": Link("scale", "value")}
    )
    assert graph.nodes["list"] == Node("old.list")
    again = graph.node("loop/again")
    assert again == Node("old.scale", 3, {"factor": 2.0}, {"value": Link("state", "sum")})
    assert graph_to_data(graph)["nodes"]["scale"]["version"] == 3
    assert parse_graph(dump_graph(graph), old_nodes) == graph


def test_without_a_registry_nothing_is_migrated() -> None:
    graph = read_graph(HERE / "fixtures" / "versions_1.json")
    assert graph.nodes["scale"] == Node("old.scale", 1, {"amount": 3})


def test_newer_and_unknown_types_are_left_to_the_checker(old_nodes: Registry) -> None:
    data = {
        "nodeflow": 1,
        "nodes": {"a": {"type": "old.list", "version": 9}, "b": {"type": "x.y", "version": 2}},
    }
    graph = graph_from_data(data, old_nodes)
    assert graph.nodes["a"].version == 9
    assert graph.nodes["b"].version == 2


def test_migrations_that_fail_are_told_with_their_error(old_nodes: Registry) -> None:
    found = _by_place(
        {
            "nodeflow": 1,
            "nodes": {
                "a": {"type": "old.broken"},
                "b": {"type": "old.nonsense"},
                "c": {"type": "old.scale"},
            },
        },
        registry=old_nodes,
    )
    assert {where: problem.code for where, problem in found.items()} == dict.fromkeys(
        "abc", "bad-migration"
    )
    assert "old.broken: version 1 cannot be brought to 2" in found["a"].message
    assert "KeyError: 'such'" in found["a"].hint


# ── files, and groups in files ─────────────────────────────────────────────────────────────────


def _write(folder: Path, **files: Any) -> Path:
    for name, data in files.items():
        text = data if isinstance(data, str) else json.dumps({"nodeflow": 1, **data})
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(files))}.json"


def _use(*files: str) -> dict[str, Any]:
    return {"nodes": {f"g{i}": {"type": "flow.graph", "graph": f} for i, f in enumerate(files)}}


def _read_problems(path: Path) -> dict[str, Problem]:
    with pytest.raises(GraphFormatError) as caught:
        read_graph(path)
    return {problem.where: problem for problem in caught.value.problems}


def test_missing_file(tmp_path: Path) -> None:
    found = _read_problems(tmp_path / "none.json")
    assert [p.code for p in found.values()] == ["unreadable"]
    assert _read_problems(tmp_path)[str(tmp_path)].code == "unreadable"  # a folder


def test_file_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "latin.json"
    path.write_bytes('{"nodeflow": 1, "title": "é", "nodes": {}}'.encode("latin-1"))
    assert _read_problems(path)[str(path)].code == "unreadable"


def test_a_mark_before_the_text_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "marked.json"
    path.write_text('{"nodeflow": 1, "title": "é", "nodes": {}}', encoding="utf-8-sig")
    assert read_graph(path).title == "é"


def test_groups_are_read_from_files_beside_the_one_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    _write(
        tmp_path / "sub", inner=_use("deeper.json"), deeper={"nodes": {"n": {"type": "t.number"}}}
    )
    graph = read_graph(_write(tmp_path, outer=_use("sub/inner.json", "sub/deeper.json")))
    assert graph.node("g0/g0/n") == graph.node("g1/n") == Node("t.number")
    group = graph.nodes["g0"]
    assert isinstance(group, Group)
    assert group.file == "sub/inner.json"


def test_groups_in_files_are_written_as_their_names(tmp_path: Path) -> None:
    path = _write(tmp_path, outer=_use("inner.json"), inner={"nodes": {"n": {"type": "t.number"}}})
    graph = read_graph(path)
    assert json.loads(dump_graph(graph)) == json.loads(path.read_text())
    assert parse_graph(dump_graph(graph), folder=tmp_path) == graph


def test_files_that_contain_each_other(tmp_path: Path) -> None:
    found = _read_problems(_write(tmp_path, a=_use("b.json"), b=_use("c.json"), c=_use("b.json")))
    (problem,) = found.values()
    assert problem.code == "group-cycle"
    assert problem.where == "g0/g0/g0"
    assert "b.json → c.json → b.json" in problem.message


def test_file_that_contains_itself(tmp_path: Path) -> None:
    (problem,) = _read_problems(_write(tmp_path, a=_use("./a.json"))).values()
    assert problem.code == "group-cycle"


def test_one_file_used_twice_is_no_cycle(tmp_path: Path) -> None:
    path = _write(tmp_path, a=_use("b.json", "b.json"), b={"nodes": {}})
    assert len(read_graph(path).nodes) == 2


def test_every_fault_of_every_file_is_told_under_the_group_that_reads_it(tmp_path: Path) -> None:
    found = _read_problems(
        _write(
            tmp_path,
            a=_use("gone.json", "broken.json", "odd.json", "newer.json", "nul\0.json", "list.json"),
            broken="{",
            odd={"nodes": {"n": {}, "m": {"type": "flow.loop", "bdy": {}}}},
            newer='{"nodeflow": 99}',
            list="[]",
        )
    )
    assert {where: problem.code for where, problem in found.items()} == {
        "g0": "unreadable",
        "g1": "unreadable",
        "g2/nodes/n/type": "schema",
        "g2/nodes/m/bdy": "schema",
        "g3": "newer-format",
        "g4": "unreadable",
        "g5": "no-graph",
    }
    assert "gone.json" in found["g0"].message


def test_a_long_chain_of_files_is_refused(tmp_path: Path) -> None:
    files = {f"f{i}": _use(f"f{i + 1}.json") for i in range(100)}
    (problem,) = _read_problems(_write(tmp_path, **files, f100={"nodes": {}})).values()
    assert problem.code in ("too-deep", "group-cycle")


def test_a_group_of_files_without_a_folder_is_refused() -> None:
    (problem,) = _problems({"nodeflow": 1, **_use("/etc/hostname")})
    assert problem.code == "group-file"


# ── the published schema ───────────────────────────────────────────────────────────────────────


def test_published_schema_is_up_to_date() -> None:
    """If this fails, write `json_schema()` to the file anew, as indented JSON."""
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    assert SCHEMA_FILE.read_text(encoding="utf-8") == text


def test_schema_says_what_matters() -> None:
    schema = json_schema()
    node_file = schema["$defs"]["NodeFile"]
    root = schema["$defs"]["GraphFile"]
    assert schema["$ref"] == "#/$defs/GraphFile"
    assert schema["required"] == ["nodeflow"]
    assert "$id" not in root  # it would be the base of the references inside
    assert root["required"] == ["nodes"]
    assert set(root["properties"]) == {
        "nodeflow",
        "title",
        "description",
        "inputs",
        "outputs",
        "nodes",
        "view",
    }
    assert root["additionalProperties"] is node_file["additionalProperties"] is False
    assert node_file["required"] == ["type"]
    assert node_file["properties"]["version"]["minimum"] == 1
    assert schema["$defs"]["StateFile"]["required"] == ["init", "next"]


def test_files_that_multiply_are_refused_at_once(tmp_path: Path) -> None:
    for level in range(40):
        inner = {"type": "flow.graph", "graph": f"{level + 1}.json"}
        nodes = {"a": inner, "b": inner}
        (tmp_path / f"{level}.json").write_text(json.dumps({"nodeflow": 1, "nodes": nodes}))
    last = {"nodeflow": 1, "nodes": {"n": {"type": "t.number"}}}
    (tmp_path / "40.json").write_text(json.dumps(last))
    with pytest.raises(GraphFormatError, match="more than 1,000,000 nodes") as caught:
        read_graph(tmp_path / "0.json")
    assert [problem.code for problem in caught.value.problems] == ["too-large"]
    small = read_graph(tmp_path / "36.json")
    assert len(list(walk(small))) == 2 + 4 + 8 + 16 + 16
