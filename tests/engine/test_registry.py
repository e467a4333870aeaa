"""Finding node packs: in folders, by entry points; one that is broken does not stop the others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeflow.errors import RegistrationError
from nodeflow.node import definition_of, node
from nodeflow.registry import Registry, add_folder, default_registry, load_registry, pack_name

ROOT = Path(__file__).parents[2]

GOOD = '''
from nodeflow.node import node

@node("{pack}:{name}.double", version=1)
def double(value: int) -> int:
    """Double."""
    return 2 * value
'''


@pytest.fixture(autouse=True)
def modules_as_before() -> Iterator[None]:
    """Packs of one test are not at hand in the next."""
    before, path = dict(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - set(before):
        if name.startswith(("nodeflow_pack_", "fake_")):
            del sys.modules[name]


def pack(parent: Path, name: str = "fruit", **files: str) -> Path:
    folder = parent / name
    folder.mkdir()
    for stem, text in files.items():
        (folder / f"{stem}.py").write_text(text.replace("{pack}", name).replace("{name}", stem))
    return folder


def loaded(*folders: Path) -> Registry:
    registry = Registry()
    for folder in folders:
        add_folder(registry, folder)
    return registry


def double(value: int) -> int:
    """Double."""
    return 2 * value


def triple(value: int) -> int:
    """Triple."""
    return 3 * value


# ── the registry itself ────────────────────────────────────────────────────────────────────────


def test_types_are_found_by_id_and_listed_in_order() -> None:
    registry = Registry()
    for id in ("m.z", "m.a"):
        registry.add(definition_of(node(id)(double)))
    assert [definition.id for definition in registry] == ["m.a", "m.z"]
    assert "m.a" in registry
    assert "m.b" not in registry
    assert registry.get("m.b") is None
    assert registry.versions() == {"m.a": 1, "m.z": 1}


def test_two_functions_of_one_id_are_refused_and_the_same_twice_is_not() -> None:
    registry = Registry()
    registry.add(definition_of(node("m.f")(double)))
    registry.add(definition_of(node("m.f")(double)))
    with pytest.raises(RegistrationError, match=r"'m.f' is declared twice: .*, .*test_registry"):
        registry.add(definition_of(node("m.f")(triple)))
    assert registry.get("m.f") is not None
    assert registry.definitions["m.f"].function is double


def test_names_that_look_alike_are_offered() -> None:
    registry = Registry()
    for id in ("image.blur", "mask.blur", "image.sharpen", "latent.blank"):
        registry.add(definition_of(node(id)(double)))
    assert registry.nearest("image.blurr")[0] == "image.blur"
    assert set(registry.nearest("picture.blur")) >= {"image.blur", "mask.blur"}
    assert registry.nearest("flow.lop")[0] == "flow.loop"
    assert registry.nearest("completely.different") == []
    assert len(registry.nearest("image.b")) <= 3


# ── folders ────────────────────────────────────────────────────────────────────────────────────


def test_every_file_of_a_folder_is_searched(tmp_path: Path) -> None:
    registry = loaded(pack(tmp_path, apple=GOOD, pear=GOOD))
    assert registry.failures == []
    assert [definition.id for definition in registry] == ["fruit:apple.double", "fruit:pear.double"]
    found = registry.definitions["fruit:apple.double"]
    assert found.function(4) == 8
    assert found.pack == "fruit"
    assert found.source == f"{tmp_path / 'fruit' / 'apple.py'}:4"


BROKEN = {
    "syntax": ("def (", "SyntaxError"),
    "missing": ("import no_such_module_anywhere", "ModuleNotFoundError"),
    "raises": ("1 / 0", "ZeroDivisionError"),
    "exits": ("import sys; sys.exit(3)", "SystemExit"),
    "annotation": (GOOD.replace("value: int", "value"), "has no annotation"),
    "prefix": (GOOD.replace("{pack}:", ""), "must begin with 'fruit:'"),
    "other": (GOOD.replace("{pack}", "vegetable"), "must begin with 'fruit:'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_and_stops_no_other(tmp_path: Path, name: str) -> None:
    text, fault = BROKEN[name]
    registry = loaded(pack(tmp_path, apple=GOOD, **{name: text}, zucchini=GOOD))
    assert [definition.id for definition in registry] == [
        "fruit:apple.double",
        "fruit:zucchini.double",
    ]
    (problem,) = registry.failures
    assert (problem.code, problem.severity) == ("broken-pack", "warning")
    assert problem.where == str(tmp_path / "fruit" / f"{name}.py")
    assert fault in problem.message


def test_ctrl_c_while_a_pack_loads_is_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        loaded(pack(tmp_path, apple="raise KeyboardInterrupt"))


def test_a_folder_without_python_files_is_told(tmp_path: Path) -> None:
    registry = loaded(tmp_path / "none", pack(tmp_path, "empty"), pack(tmp_path, apple=GOOD))
    assert [problem.where for problem in registry.failures] == [
        str(tmp_path / "none"),
        str(tmp_path / "empty"),
    ]
    assert "fruit:apple.double" in registry


def test_helpers_are_not_searched_and_can_be_imported(tmp_path: Path) -> None:
    user = GOOD + "\nfrom ._shared import FACTOR, double as helper\n"
    helper = GOOD.replace("{name}", "hidden") + "\nFACTOR = 2\n"
    registry = loaded(pack(tmp_path, apple=user, _shared=helper, __init__="1 / 0"))
    assert registry.failures == []
    assert [definition.id for definition in registry] == ["fruit:apple.double"]


def test_what_is_imported_from_another_file_belongs_to_that_file(tmp_path: Path) -> None:
    registry = loaded(pack(tmp_path, apple=GOOD, pear="from .apple import double"))
    assert registry.failures == []
    assert [definition.id for definition in registry] == ["fruit:apple.double"]


def test_two_files_that_declare_one_id_are_told(tmp_path: Path) -> None:
    registry = loaded(pack(tmp_path, apple=GOOD, pear=GOOD.replace("{name}", "apple")))
    assert "fruit:apple.double" in registry
    (problem,) = registry.failures
    assert "declared twice" in problem.message


def test_a_folder_that_changed_is_read_again(tmp_path: Path) -> None:
    folder = pack(tmp_path, apple=GOOD)
    assert loaded(folder).definitions["fruit:apple.double"].function(1) == 2
    text = GOOD.replace("2 *", "200 *").format(pack="fruit", name="apple")
    (folder / "apple.py").write_text(text)  # of another length: Python's own cache looks at it
    assert loaded(folder).definitions["fruit:apple.double"].function(1) == 200


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("fruit", "fruit"),
        ("My Fruit", "my-fruit"),
        ("fruit.v2", "fruit-v2"),
        ("_fruit_", "fruit"),
        ("3d", "pack-3d"),
        ("Äpfel", "pfel"),
        ("果物", "pack"),
    ],
)
def test_any_folder_gives_a_name_that_ids_can_carry(tmp_path: Path, folder: str, name: str) -> None:
    path = tmp_path / folder
    path.mkdir()
    (path / "apple.py").write_text(GOOD.format(pack=name, name="apple"), encoding="utf-8")
    registry = loaded(path)
    assert registry.failures == []
    assert pack_name(path) == name
    assert f"{name}:apple.double" in registry


# ── entry points ───────────────────────────────────────────────────────────────────────────────


def install(site: Path, entries: dict[str, str], **files: str) -> None:
    """A distribution as pip leaves it: modules and a dist-info that names entry points."""
    info = site / "fake-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake\nVersion: 1.0\n")
    lines = [f"{name} = {module}" for name, module in entries.items()]
    (info / "entry_points.txt").write_text("[nodeflow.nodes]\n" + "\n".join(lines) + "\n")
    for path, text in files.items():
        file = site / f"{path.replace('__', '/')}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    sys.path.insert(0, str(site))


def test_an_installed_module_is_found_by_its_entry_point(tmp_path: Path) -> None:
    install(tmp_path, {"shop": "fake_shop"}, fake_shop=GOOD.format(pack="shop", name="till"))
    assert "shop:till.double" in load_registry()
    assert "shop:till.double" not in load_registry(installed=False)


def test_an_installed_package_is_searched_with_its_modules(tmp_path: Path) -> None:
    (tmp_path / "fake_shop").mkdir()
    (tmp_path / "fake_shop" / "__init__.py").write_text(GOOD.format(pack="shop", name="top"))
    (tmp_path / "fake_shop" / "till.py").write_text(GOOD.format(pack="shop", name="till"))
    install(tmp_path, {"shop": "fake_shop"})
    registry = load_registry()
    assert {"shop:top.double", "shop:till.double"} <= set(registry.definitions)


def test_a_broken_entry_point_is_told_and_stops_no_other(tmp_path: Path) -> None:
    install(
        tmp_path,
        {
            "a": "fake_absent",
            "b": "fake_broken",
            "c": "fake_exits",
            "d": "fake_alien",
            "e": "fake_e",
        },
        fake_broken="1 / 0",
        fake_exits="raise SystemExit(1)",
        fake_alien=GOOD.format(pack="other", name="x"),
        fake_e=GOOD.format(pack="e", name="x"),
    )
    registry = load_registry()
    assert "e:x.double" in registry
    assert "other:x.double" not in registry
    told = {p.where: p.message for p in registry.failures if p.where.startswith("entry point")}
    assert list(told) == [f"entry point {name}" for name in "abcd"]
    assert "fake_absent" in told["entry point a"]
    assert "ZeroDivisionError" in told["entry point b"]
    assert "SystemExit" in told["entry point c"]
    assert "must begin with 'd:'" in told["entry point d"]


# ── the standard nodes ─────────────────────────────────────────────────────────────────────────


def test_the_standard_nodes_load_whole_and_carry_no_pack() -> None:
    registry = load_registry(installed=False)
    assert registry.failures == []
    assert len(registry.definitions) > 100
    assert {definition.pack for definition in registry} == {""}


def test_a_standard_node_is_found_in_the_file_that_its_id_names() -> None:
    for definition in load_registry(installed=False):
        module, _, function = definition.id.rpartition(".")
        assert definition.function.__module__ == f"nodes.{module}"
        assert definition.function.__name__ == function


def test_the_default_registry_is_made_once() -> None:
    assert default_registry() is default_registry()


def test_listing_the_nodes_imports_none_of_the_heavy_libraries() -> None:
    program = (
        "import sys\n"
        "from nodeflow.registry import load_registry\n"
        "registry = load_registry()\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'peft', 'numpy', 'PIL'}\n"
        "print(sorted(heavy & set(sys.modules)), len(registry.definitions) > 100)"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert out.stdout == "[] True\n"


def test_two_folders_of_one_name_are_not_mixed(tmp_path: Path) -> None:
    for place, value in (("a", 1), ("b", 2)):
        folder = tmp_path / place / "pack"
        folder.mkdir(parents=True)
        (folder / "m.py").write_text(
            "from nodeflow.node import node\n"
            f"@node('pack:m.f{value}')\ndef f{value}() -> int:\n    'Give.'\n    return {value}\n"
        )
    registry = Registry()
    add_folder(registry, tmp_path / "a" / "pack")
    add_folder(registry, tmp_path / "b" / "pack")
    assert list(registry.definitions) == ["pack:m.f1"]
    assert "rename one of the folders" in registry.failures[0].message
