"""Files are whole, take free names only where told so, and stay in their folder."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nodeflow.errors import InputError
from nodes.whole_files import stem_inside, write_new, write_whole


def test_write_whole_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "p.png"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [p.name for p in path.parent.iterdir()] == ["p.png"]


def test_a_written_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "p.png", b"")
    (tmp_path / "q.png").touch()
    assert (tmp_path / "p.png").stat().st_mode == (tmp_path / "q.png").stat().st_mode


def test_of_many_writers_one_gets_the_name(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    contents = [bytes([k]) * 1000 for k in range(16)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda data: write_new(path, data), contents))
    assert sum(won) == 1
    assert path.read_bytes() == contents[won.index(True)]
    assert len(list(tmp_path.iterdir())) == 1


def test_write_new_never_replaces(tmp_path: Path) -> None:
    assert write_new(tmp_path / "p.png", b"first")
    assert not write_new(tmp_path / "p.png", b"second")
    assert (tmp_path / "p.png").read_bytes() == b"first"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../p", "a/../../p", "/p", "a/", "C:/p", "a\0", "a\nb", "x" * 300]
)
def test_names_that_leave_the_folder_or_are_no_name_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        stem_inside(tmp_path, name)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="symbolic link"):
        stem_inside(tmp_path / "inside", "link/p")


def test_names_may_have_folders_and_a_suffix(tmp_path: Path) -> None:
    assert stem_inside(tmp_path, "a/b.PNG") == tmp_path / "a" / "b"
    assert stem_inside(tmp_path, "v1.5") == tmp_path / "v1.5"
