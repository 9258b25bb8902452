"""The JSON reader for files from outside."""

import pytest

from moe_studio.errors import FileError
from moe_studio.storage.json_text import MAX_DEPTH, parse_json


def test_brackets_in_texts_do_not_count_as_depth() -> None:
    text = '["' + "[{" * 500 + '", "\\"[[[", 1, 2.5, null, true]'
    assert parse_json(text, "file") == ["[{" * 500, '"[[[', 1, 2.5, None, True]


def test_the_deepest_allowed_list_is_read_and_one_deeper_is_not() -> None:
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH, "file")
    with pytest.raises(FileError, match="levels deep"):
        parse_json("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "file")


@pytest.mark.parametrize("depth", [100, 10_000, 1_000_000])
def test_any_depth_is_refused_and_never_crashes(depth: int) -> None:
    for text in ("[" * depth, '{"a":' * min(depth, 700_000)):
        with pytest.raises(FileError):
            parse_json(text, "file")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "'c' twice"),
        ("[NaN]", "not finite"),
        ("[-Infinity]", "not finite"),
        ("[1e999]", "not finite"),
        ("9" * 5000, "too long"),
        ('{"a": \n 1,}', "line 2, column "),
        ("", "line 1, column 1"),
        (" " * 5_000_000, "longer than"),
    ],
)
def test_what_no_file_of_ours_has_is_refused(text: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        parse_json(text, "file")
