"""The help pages: Markdown files that ship with the program, and a search in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from moe_studio.locator import resource

PAGES = (
    "first-steps",
    "cluster-canvas",
    "graph",
    "timeline",
    "charts",
    "keyboard",
    "project-file",
    "costs",
    "calibration",
    "command-line",
    "troubleshooting",
)
"""Names of the pages, in order."""

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"[`*#>|]+|^\s*[-:|]+\s*$", re.MULTILINE)
AROUND = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One help page. ``text`` is what a reader sees of it, without marks."""

    name: str
    title: str
    markdown: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A page that has all the words searched for, how often, and the words around the first place."""

    page: Page
    count: int
    excerpt: str


def help_folder() -> Path:
    """Where the pages and their pictures are."""
    return resource("help")


@cache
def help_pages(language: str = "") -> tuple[Page, ...]:
    """All pages, in order; in ``language``, such as ``zh_CN``, those that are translated."""
    return tuple(_page(name, language) for name in PAGES)


def search_pages(words: str, pages: Sequence[Page]) -> tuple[Hit, ...]:
    """Pages that contain each of ``words``, those with most of them first."""
    wanted = words.casefold().split()
    hits = []
    for page in pages:
        text = page.text.casefold()
        counts = [text.count(word) for word in wanted]
        if wanted and all(counts):
            bonus = sum(100 for word in wanted if word in page.title.casefold())
            hits.append(Hit(page=page, count=sum(counts) + bonus, excerpt=_excerpt(page.text, wanted[0])))
    return tuple(sorted(hits, key=lambda hit: -hit.count))


def _page(name: str, language: str) -> Page:
    translated = help_folder() / language / f"{name}.md"
    path = translated if translated.is_file() else help_folder() / f"{name}.md"
    markdown = path.read_text(encoding="utf-8")
    title = markdown.partition("\n")[0].lstrip("# ").strip()
    text = _MARKS.sub(" ", _LINK.sub(r"\1", markdown))
    return Page(name=name, title=title, markdown=markdown, text=" ".join(text.split()))


def _excerpt(text: str, word: str) -> str:
    place = max(0, text.casefold().find(word))
    start, end = max(0, place - AROUND), place + len(word) + AROUND
    return f"{'…' if start else ''}{text[start:end].strip()}{'…' if end < len(text) else ''}"
