"""Tables of charts."""

from moe_studio.document.table import Table


def test_a_table_is_written_as_csv_with_numbers_that_read_back() -> None:
    table = Table(columns=("kind", "time (s)"), rows=(("up", 0.125), ("a, b", 1e-7)))
    assert table.csv_text() == 'kind,time (s)\nup,0.125\n"a, b",1e-07\n'


def test_no_cell_is_taken_for_a_formula() -> None:
    assert Table(columns=("name",), rows=(("=1+1",),)).csv_text() == "name\n'=1+1\n"
