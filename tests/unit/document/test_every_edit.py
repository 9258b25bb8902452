"""Whatever kinds of edits follow each other, undoing all of them gives the file byte by byte."""

from collections import Counter
from pathlib import Path
from shutil import copy

import pytest

from moe_studio.document.document import Document
from moe_studio.storage.catalogue import example_path
from tests.unit.document.editor import Editor

EXAMPLES = ("seed0-proposed-dp", "seed0-baseline", "seed1", "seed4-proposed")
USUAL, LONG, STEPS = 120, 10_000, 25


def play(folder: Path, sequences: range) -> tuple[Counter[str], set[str]]:
    """Edit, undo all and save, again and again; which kinds of edits came about, and which there are."""
    met: Counter[str] = Counter()
    for seed in sequences:
        path = Path(copy(example_path(EXAMPLES[seed % len(EXAMPLES)]), folder / "design.moe.yaml"))
        before = path.read_bytes()
        editor = Editor(Document.load(path), seed, folder)
        for _ in range(STEPS):
            editor.edit()
        editor.check()
        editor.document.save()
        assert path.read_bytes() == before, f"sequence {seed}"
        met += editor.kinds
    return met, editor.all_kinds


def test_undoing_edits_of_every_kind_gives_the_file_byte_by_byte(tmp_path: Path) -> None:
    met, kinds = play(tmp_path, range(USUAL))
    assert kinds - set(met) - {"cancel", "preview"} == set(), "every kind came about"


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_sequences_undone_give_the_file_byte_by_byte(tmp_path: Path, part: int) -> None:
    share = LONG // 10
    play(tmp_path, range(1_000_000 + part * share, 1_000_000 + (part + 1) * share))
