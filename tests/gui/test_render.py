"""Pictures of drawings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.errors import MoeStudioError, SaveError
from moe_studio.export.color import PATH
from moe_studio.export.svg import svg_text
from moe_studio.gui.render import SCALE, render_svg
from moe_studio.locator import resource
from moe_studio.storage.loader import load_project
from moe_studio.view.view import view

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate(load_project(resource("examples", "seed1.moe.yaml")))


def test_a_png_shows_the_drawing_at_twice_its_size(evaluation: Evaluation, tmp_path: Path) -> None:
    text = svg_text(view(evaluation, "attention"))
    render_svg(text, tmp_path / "a.png")
    image = QImage(str(tmp_path / "a.png"))
    assert f'width="{image.width() / SCALE:.0f}"' in text
    colors = {image.pixelColor(x, y).name() for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    assert {"#ffffff", PATH.lower()} <= colors


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_the_same_drawing_gives_the_same_bytes(suffix: str, evaluation: Evaluation, tmp_path: Path) -> None:
    text = svg_text(view(evaluation, "overview"))
    for name in ("a", "b"):
        render_svg(text, tmp_path / f"{name}.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()
    assert content == (tmp_path / f"b.{suffix}").read_bytes()
    assert content.startswith(b"%PDF" if suffix == "pdf" else b"\x89PNG")


def test_another_process_draws_the_same_pdf(tmp_path: Path) -> None:
    project = str(resource("examples", "seed1.moe.yaml"))
    for name, seed in (("a", "1"), ("b", "2")):
        words = [sys.executable, "-m", "moe_studio", "export", project, "-o", str(tmp_path / f"{name}.pdf")]
        done = subprocess.run(words, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=False)
        assert done.returncode in (0, 1), done.stderr
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_a_pdf_carries_no_date_of_today(evaluation: Evaluation, tmp_path: Path) -> None:
    render_svg(svg_text(view(evaluation, "overview")), tmp_path / "a.pdf")
    content = (tmp_path / "a.pdf").read_bytes()
    assert content.count(b"20000101000000") == 2
    assert content.count(b'Date="2000-01-01T00:00:00') == 3


def test_what_cannot_be_drawn_is_refused(evaluation: Evaluation, tmp_path: Path) -> None:
    text = svg_text(view(evaluation, "overview"))
    with pytest.raises(MoeStudioError, match=r"a\.gif: pictures are \.png or \.pdf"):
        render_svg(text, tmp_path / "a.gif")
    with pytest.raises(MoeStudioError, match="too large"):
        render_svg(text.replace('height="', 'height="999', 1), tmp_path / "a.png")
    with pytest.raises(SaveError, match="No such file"):
        render_svg(text, tmp_path / "none" / "a.png")
