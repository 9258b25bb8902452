"""Defects anywhere in the window: an exception in whatever paints or answers leaves a window that works."""

import os
import subprocess
import sys

import pytest

from tests.gui.screen import ROOT


def injured(seed: int, share: float) -> int:
    """How many functions were injured in a window of its own; all of them without lasting harm."""
    words = [sys.executable, "-X", "faulthandler", "-m", "tests.gui.injure", str(seed), str(share)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=3600)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[-1] == "end", f"ended after {lines[-1:]}:\n{done.stderr[-3000:]}"
    told = list(zip(lines[1:-1:2], lines[2:-1:2], strict=True))
    assert [pair for pair in told if not pair[1].endswith("well")] == []
    return sum(verdict.startswith("hit") for _, verdict in told)


def test_an_exception_in_any_paint_or_slot_leaves_a_window_that_works() -> None:
    assert injured(1, 0.04) > 30


@pytest.mark.long
def test_an_exception_in_any_function_leaves_a_window_that_works() -> None:
    assert injured(2, 1.0) > 400
