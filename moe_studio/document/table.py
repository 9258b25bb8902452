"""What a chart shows as a table, to be read by spreadsheets."""

import csv
import io
from dataclasses import dataclass

from moe_studio.export.table import inert
from moe_studio.export.text import number


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of texts and numbers under the names of their columns; units stand in the names."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]

    def csv_text(self) -> str:
        """The table as CSV; no cell is taken for a formula."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_cell(value) for value in row] for row in self.rows)
        return file.getvalue()


def _cell(value: str | float) -> str:
    return inert(value) if isinstance(value, str) else number(value)
