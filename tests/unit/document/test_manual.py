"""The help pages: all there, small pictures, links that lead somewhere, and a search."""

import re

import pytest

from moe_studio.cli import COMMANDS
from moe_studio.document.manual import PAGES, help_folder, help_pages, search_pages

LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
LINK_TARGET = re.compile(r"\]\(([^)\s]+)\)")


def test_every_page_has_a_title_and_says_something() -> None:
    for page in help_pages():
        assert page.title
        assert len(page.text) > 300, page.name
    assert {path.stem for path in help_folder().glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_links_and_pictures_are_there_and_ours(name: str) -> None:
    page = next(page for page in help_pages() if page.name == name)
    for is_picture, target in LINK.findall(page.markdown):
        path = help_folder() / target
        assert path.is_file() and path.parent == help_folder(), target
        assert path.suffix == (".png" if is_picture else ".md")
    assert "<" not in re.sub(r"`[^`]*`", "", page.markdown), "no markup in a page"


def test_pictures_are_small_and_all_are_used() -> None:
    used = {target for page in help_pages() for is_picture, target in LINK.findall(page.markdown) if is_picture}
    pictures = list(help_folder().glob("*.png"))
    assert {path.name for path in pictures} == used
    assert all(path.stat().st_size < 150_000 for path in pictures)


def test_the_search_finds_pages_with_every_word_best_first() -> None:
    hits = search_pages("longest path", help_pages())
    assert "graph" in [hit.page.name for hit in hits]
    assert all("longest" in hit.page.text.lower() and "path" in hit.page.text.lower() for hit in hits)
    assert search_pages("TIMELINE", help_pages())[0].page.name == "timeline"
    assert "longest" in hits[0].excerpt.lower()


def test_the_search_finds_nothing_where_there_is_nothing() -> None:
    assert search_pages("", help_pages()) == ()
    assert search_pages("longest zebra", help_pages()) == ()


def test_the_commands_that_a_page_names_are_there() -> None:

    page = next(page for page in help_pages() if page.name == "command-line")
    named = set(re.findall(r"^moe-studio ([a-z-]+)(?= )", page.markdown, re.MULTILINE))
    assert named <= set(COMMANDS) | {"mine"}
    assert len(named) > 8


SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"```[^`]*```")


@pytest.mark.parametrize("language", sorted(path.name for path in help_folder().iterdir() if path.is_dir()))
def test_translated_pages_have_the_same_keys_names_pictures_and_sections(language: str) -> None:
    for page, translated in zip(help_pages(), help_pages(language), strict=True):
        first, second = page.markdown, translated.markdown
        assert translated.title != page.title, f"{page.name} is not translated"
        assert sorted(set(SPAN.findall(FENCE.sub("", first)))) == sorted(set(SPAN.findall(FENCE.sub("", second))))
        assert LINK_TARGET.findall(first) == LINK_TARGET.findall(second)
        assert first.count("\n## ") == second.count("\n## ")
        assert first.count("\n|") == second.count("\n|")
        assert len(FENCE.findall(first)) == len(FENCE.findall(second))


def test_a_language_without_pages_has_the_english_ones() -> None:
    assert [page.title for page in help_pages("xx")] == [page.title for page in help_pages()]
