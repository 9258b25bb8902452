"""The table of operators."""

import csv
from io import StringIO

import pytest

from moe_studio.export.table import COLUMNS, inert, write_table
from tests.unit.export.drawing import example


def rows(name: str) -> list[dict[str, str]]:
    file = StringIO()
    write_table(example(name), file)
    return list(csv.DictReader(StringIO(file.getvalue())))


def test_every_operator_has_one_row_with_its_figures() -> None:
    evaluation = example("seed0-proposed-dp")
    table = rows("seed0-proposed-dp")
    assert tuple(table[0]) == COLUMNS
    assert [row["id"] for row in table] == evaluation.graph.names()
    up = next(row for row in table if row["id"] == "l3_up_e5_g5")
    assert [up[name] for name in ("m", "k", "n", "count")] == ["640000", "8192", "32768", "1"]
    assert [up[name] for name in ("layer", "expert", "gpu", "node", "dtype", "bound")] == [
        "3",
        "5",
        "5",
        "node0",
        "fp16",
        "compute",
    ]
    assert float(up["flop"]) == 2 * 640000 * 8192 * 32768
    assert sum(float(row["duration_s"]) for row in table) == pytest.approx(float(evaluation.duration_s.sum()))


def test_operators_on_the_path_are_told_apart_and_have_no_slack() -> None:
    marked = [row for row in rows("seed1") if row["on_path"] == "true"]
    assert len(marked) == len(example("seed1").scheduled_path.rows)
    assert all(row["slack_s"] == "0" for row in marked)


def test_levels_start_at_one_and_rise_along_the_layer() -> None:
    table = {row["id"]: int(row["level"]) for row in rows("seed1")}
    assert table["l0_ln1_g0"] == 1
    assert table["l0_q_g0"] == 2 < table["l0_scores_g0"] < table["l1_ln1_g0"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_a_spreadsheet_takes_no_name_for_a_formula(name: str) -> None:
    assert inert(name).startswith("'")


def test_an_ordinary_name_is_left_alone() -> None:
    assert inert("node0") == "node0"
