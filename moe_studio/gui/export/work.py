"""What a child process does for an export: write it, or show how it begins and how large it will be."""

import io
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from moe_studio.api import Design, Result, compare, report_format
from moe_studio.errors import MoeStudioError
from moe_studio.export.export import VIEW_WRITERS, WHOLE_WRITERS
from moe_studio.gui.export.order import COMPARISON, Order
from moe_studio.gui.printing import report_pdf
from moe_studio.gui.render import render_svg, svg_picture
from moe_studio.project.project import Project
from moe_studio.storage.atomic import save_text
from moe_studio.view.view import view

HEAD = 24_000
"""Characters of a preview."""

COUNTING_S = 1.5
"""How long the size of a text is counted before it is only known to be larger."""

LONGEST_SIDE = 1600
"""Pixels of a preview's picture."""

MOST_NODES = 6000
"""Larger views are previewed by the beginning of their text, not drawn."""

PICTURES = (".png", ".pdf")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """How an export looks. ``byte`` is its size, at least that if not ``is_exact``, -1 when unknown."""

    text: str = ""
    picture: bytes = b""
    byte: int = -1
    is_exact: bool = True


def write(project: Project, home: Path | None, order: Order, path: Path, tell: Tell) -> int:
    """Write an export to ``path``; returns its size in bytes. ``home`` is the project's own file."""
    tell("Evaluating")
    result = _result(project, home)
    tell(f"Writing {path.name}")
    if order.is_document and order.format.suffix == ".pdf":
        report_pdf(_document(result, order, ".md"), path)
    elif order.is_document:
        save_text(path, _document(result, order, order.format.suffix))
    elif order.format.suffix in PICTURES:
        render_svg(_svg(result, order), path)
    else:
        result.export(path, view=order.subject.view or "overview", layer=order.layer, gpu=order.gpu)
    return path.stat().st_size


def preview(project: Project, home: Path | None, order: Order, tell: Tell) -> Preview:
    """How an export would look, without writing it where it belongs."""
    tell("Evaluating")
    result = _result(project, home)
    tell("Drawing" if order.format.is_picture else "Reading the beginning")
    if order.is_document and order.format.suffix == ".pdf":
        return Preview(text=_document(result, order, ".md")[:HEAD])
    if order.is_document:
        return _of_text(_document(result, order, order.format.suffix))
    if order.subject.name == "project":
        return _of_text(result.design.to_yaml())
    if order.format.is_picture:
        return _picture(result, order)
    return _beginning(result, order, order.format.suffix)


def _result(project: Project, home: Path | None) -> Result:
    return Design(project=project, path=home).evaluate()


def _document(result: Result, order: Order, suffix: str) -> str:
    """The report, the report beside the reference, or the comparison with it."""
    kind, known = report_format(Path(f"report{suffix}")), order.reference
    other = None if known is None else _result(known.project, known.path)
    if order.subject == COMPARISON and other is not None:
        return compare(other, result).report(format=kind)
    return result.report(format=kind, reference=other)


def _svg(result: Result, order: Order) -> str:
    return result.svg(view=order.subject.view, layer=order.layer, gpu=order.gpu)


def _of_text(text: str) -> Preview:
    return Preview(text=text[:HEAD], byte=len(text.encode()))


def _picture(result: Result, order: Order) -> Preview:
    shown = view(result.evaluation, order.subject.view, layer=order.layer, gpu=order.gpu)
    is_drawing = order.format.suffix == ".svg"
    if sum(len(section.nodes) for section in shown.sections) > MOST_NODES:
        return _beginning(result, order, ".svg") if is_drawing else Preview(text=TOO_LARGE)
    svg = _svg(result, order)
    picture = svg_picture(svg, LONGEST_SIDE)
    return Preview(picture=picture, byte=len(svg.encode()) if is_drawing else _size(svg, order.format.suffix))


TOO_LARGE = "This view is too large for a preview, and perhaps for a picture. SVG has no such limit."


def _size(svg: str, suffix: str) -> int:
    """The size of a picture, found by drawing it where nobody looks; -1 for one that cannot be drawn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"picture{suffix}"
        try:
            render_svg(svg, path)
        except MoeStudioError:
            return -1
        return path.stat().st_size


def _beginning(result: Result, order: Order, suffix: str) -> Preview:
    file = _Beginning()
    try:
        if suffix in WHOLE_WRITERS:
            WHOLE_WRITERS[suffix](result.evaluation, file)
        else:
            shown = view(result.evaluation, order.subject.view, layer=order.layer, gpu=order.gpu)
            VIEW_WRITERS[suffix](shown, file)
    except _EnoughError:
        return Preview(text=file.text, byte=file.byte, is_exact=False)
    return Preview(text=file.text, byte=file.byte)


class _EnoughError(Exception):
    """The beginning is known, and counting has taken long enough."""


class _Beginning(io.StringIO):
    """A file that keeps the beginning of what is written and counts the rest for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.byte = 0
        self._until = time.monotonic() + COUNTING_S

    @override
    def write(self, text: str, /) -> int:
        if len(self.text) < HEAD:
            self.text += text[: HEAD - len(self.text)]
        self.byte += len(text) if text.isascii() else len(text.encode())
        if self.byte > HEAD and time.monotonic() > self._until:
            raise _EnoughError
        return len(text)
