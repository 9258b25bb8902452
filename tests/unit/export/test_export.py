"""One entry for every format: the suffix decides, and a failed export leaves what was there."""

import json
from pathlib import Path

import pytest

from moe_studio.engine.evaluation import evaluate
from moe_studio.errors import MoeStudioError, SaveError
from moe_studio.export.export import FORMATS, export, save_stream
from tests.unit.export.drawing import example


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_written_and_the_same_again(suffix: str, tmp_path: Path) -> None:
    first = example("seed1")
    written = export(first, tmp_path / f"a{suffix}", view="layer 1")
    export(evaluate(first.project), tmp_path / f"b{suffix}", view="layer 1")
    content = written.path.read_bytes()
    assert len(content) == written.byte > 0
    assert (tmp_path / f"b{suffix}").read_bytes() == content
    assert b"\r" not in content
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_the_suffix_of_a_trace_is_not_taken_for_that_of_a_summary(tmp_path: Path) -> None:
    export(example("seed1"), tmp_path / "a.trace.json")
    export(example("seed1"), tmp_path / "a.json")
    assert "traceEvents" in json.loads((tmp_path / "a.trace.json").read_text("utf-8"))
    assert "metrics" in json.loads((tmp_path / "a.json").read_text("utf-8"))


def test_a_format_may_be_named_apart_from_the_suffix(tmp_path: Path) -> None:
    written = export(example("seed1"), tmp_path / "drawing.txt", format="svg", view="attention", layer=2, gpu=9)
    assert (written.format, written.view) == ("svg", "attention 2 gpu 9")


def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(MoeStudioError, match=r"a\.xyz has no known suffix; the known ones are \.dot, .*\.csv"):
        export(example("seed1"), tmp_path / "a.xyz")
    assert not list(tmp_path.iterdir())


def test_a_failed_export_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    old = tmp_path / "a.dot"
    old.write_text("old")

    def full_disk(file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(SaveError, match=r"a\.dot was not written: No space left on device"):
        save_stream(old, full_disk)
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_a_missing_folder_is_named_as_the_cause(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="No such file or directory"):
        export(example("seed1"), tmp_path / "none" / "a.dot")
