"""A report of one design, or of one beside another, as Markdown or as one self-contained HTML page.

Names come from project files, which anybody may have written: they are escaped in both
formats, and the page's content security policy allows neither scripts nor anything from outside.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Literal

from moe_studio import __version__
from moe_studio.engine.evaluation import Evaluation
from moe_studio.export.block import Block, Figure, Paragraph, Section
from moe_studio.export.compare import compare, comparison_sections
from moe_studio.export.section import SECTIONS
from moe_studio.export.svg import svg_text
from moe_studio.export.text import plain
from moe_studio.locator import resource
from moe_studio.view.view import view

if TYPE_CHECKING:
    from jinja2 import Environment

Format = Literal["md", "html"]

VIEWS = ("overview", "layer", "attention", "critical")
"""Drawings of an HTML report."""

MAX_DRAWN_NODES = 2000
"""Larger views do not stand in a report."""

_MAX_TEXT = 100_000
_MARKDOWN = re.compile(r"[\\`*\[\]~|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=www)\.|(?<=\w)[:](?=//)|@")
_AT_START = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^()([#+\-=])(?=[\s#+\-=]|$)")


def report(evaluation: Evaluation, *, format: Format = "md", reference: Evaluation | None = None) -> str:
    """The report of a design; with ``reference``, compared with that one, too."""
    title = evaluation.project.name
    sections = [section(evaluation) for section in SECTIONS]
    if reference is not None:
        sections[1:1] = comparison_sections(compare(reference, evaluation))
    if format == "html":
        sections.insert(-1, Section(title="Graphs", blocks=tuple(_figures(evaluation))))
    return document(title, sections, format=format)


def comparison_report(first: Evaluation, second: Evaluation, *, format: Format = "md") -> str:
    """A document that compares two designs and says nothing else."""
    comparison = compare(first, second)
    title = " and ".join(comparison.names)
    return document(title, comparison_sections(comparison), format=format)


def document(title: str, sections: list[Section], *, format: Format) -> str:
    """``sections`` as Markdown or as an HTML page."""
    text = _templates().get_template(f"report.{format}.j2").render(title=title, sections=sections, version=__version__)
    return text.rstrip() + "\n"


def _figures(evaluation: Evaluation) -> Iterator[Block]:
    """Drawings of the design; those that would swell the page are left to the exporter."""
    for name in VIEWS:
        drawn = view(evaluation, name)
        if sum(1 for _ in drawn.nodes) <= MAX_DRAWN_NODES:
            yield Figure(title=drawn.title, svg=inline_svg(svg_text(drawn)))
        else:
            text = (
                f"The view {name} is too large for a page; draw it with moe-studio export --view {name} -o {name}.svg."
            )
            yield Paragraph(text=text)


def inline_svg(svg: str) -> str:
    """The drawing without its XML declaration, to stand in a page."""
    return svg[svg.index("<svg") :]


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # the window opens sooner without

    environment = Environment(
        loader=FileSystemLoader(resource("templates")),
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["md"] = markdown_text
    environment.filters["fence"] = fence
    environment.filters["plain"] = plain_text
    return environment


def plain_text(text: str) -> str:
    """``text`` on one line, without control characters and marks that turn the reading direction."""
    return plain(text, limit=_MAX_TEXT)


def markdown_text(text: str) -> str:
    """``text`` so that Markdown shows it as it is: no markup, no HTML, no links."""
    escaped = plain_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = _MARKDOWN.sub(lambda match: f"\\{match.group()}", escaped)
    return _AT_START.sub(lambda match: f"{match.group(1) or ''}\\{match.group(2) or match.group(4)}", escaped)


def fence(text: str) -> str:
    """A fence of backticks that is longer than any run of them in ``text``."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)
