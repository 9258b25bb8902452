"""Recorded routing from CSV and JSON."""

from pathlib import Path

import pytest

from moe_studio.errors import FileError
from moe_studio.storage.counts import csv_counts, json_counts, load_counts

MATRIX = ((1.0, 2.0), (3.0, 4.5))


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4.5\n",
        "# tokens\n1, 2\r\n3, 4.5\r\n",
        "layer,expert,count\n0,0,1\n0,1,2\n1,0,3\n1,1,4\n1,1,0.5\n",
        "count,Expert,layer\n1,0,3\n2,1,3\n3,0,58\n4.5,1,58\n",
        "[[1, 2], [3, 4.5]]",
        '{"logical_count": [[1, 2], [3, 4.5]], "other": 1}',
        '{"logical_count": [[[0, 1], [1, 4]], [[1, 1], [2, 0.5]]]}',
    ],
)
def test_every_form_gives_the_same_matrix(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").write_text(text)
    assert load_counts(tmp_path / "a") == MATRIX


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n",
        "1,nan\n",
        "1,inf\n",
        "-1,2\n",
        "1_0,2\n",
        "1e300,2\n",
        "layer,expert,count\n0,0\n",
        '"' + "x" * 200_000,
        "layer,expert,count\n",
        "layer,expert,count\n0.5,0,1\n",
        "layer,expert,count\n0,99999999,1\n",
        "1," * 5000,
    ],
)
def test_bad_csv_is_refused(text: str) -> None:
    with pytest.raises(FileError):
        csv_counts(text, "load.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# counts\n1,2\n3,x\n", "load.csv: line 3, column 1: 'x' is not a number."),
        ("layer,expert,count\n0,1\n", "load.csv: line 2, column 1: the row '0,1' is too short."),
        ("op,m,seconds\ngemm,1,2\n", "nor measured run times, which have a column time_us."),
    ],
)
def test_a_fault_of_a_table_names_its_line_or_says_what_is_wanted(text: str, message: str) -> None:
    with pytest.raises(FileError) as refused:
        csv_counts(text, "load.csv")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[[]]",
        "{}",
        "[1]",
        "[[true]]",
        "[[null]]",
        '[["1"]]',
        "[[-1]]",
        "[[NaN]]",
        "[[1e999]]",
        "[[1],",
        "3",
        "null",
        "[" * 1000,
        '{"logical_count": [[[1]], [[1, 2]]]}',
        '{"logical_count": []}',
        "[[[1]], [1]]",
        '{"logical_count": "x"}',
    ],
)
def test_bad_json_is_refused(text: str) -> None:
    with pytest.raises(FileError):
        json_counts(text, "load.json")
