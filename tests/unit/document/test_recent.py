"""The list of recent files."""

from pathlib import Path

import pytest

from moe_studio.document.recent import FILE, MOST, forget, recent_files, remember


def test_the_newest_comes_first_and_each_file_once(tmp_path: Path) -> None:
    for name in ("a", "b", "a"):
        remember(tmp_path, tmp_path / f"{name}.yaml", name.upper())
    assert [item.title for item in recent_files(tmp_path)] == ["A", "B"]


def test_the_list_is_bounded(tmp_path: Path) -> None:
    for number in range(MOST + 5):
        remember(tmp_path, tmp_path / f"{number}.yaml", str(number))
    assert len(recent_files(tmp_path)) == MOST
    assert recent_files(tmp_path)[0].title == str(MOST + 4)


def test_a_file_that_is_gone_stays_in_the_list_as_missing_until_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("")
    remember(tmp_path, path, "A")
    assert not recent_files(tmp_path)[0].is_missing
    path.unlink()
    [item] = recent_files(tmp_path)
    assert item.is_missing
    forget(tmp_path, item.path)
    assert recent_files(tmp_path) == ()


@pytest.mark.parametrize("damage", ["", "{", "{}", "[1]", '[{"path": "x"}]', "null", "[" * 100_000])
def test_a_damaged_list_is_an_empty_one(tmp_path: Path, damage: str) -> None:
    (tmp_path / FILE).write_text(damage)
    assert recent_files(tmp_path) == ()
    remember(tmp_path, tmp_path / "a.yaml", "A")
    assert len(recent_files(tmp_path)) == 1


def test_a_folder_that_cannot_be_written_bothers_nobody(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    remember(tmp_path / "state", tmp_path / "a.yaml", "A")
