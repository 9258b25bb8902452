"""The comparison in words, which design is faster, by how much, and why; and the parts of the time as bars."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from moe_studio.document.difference import Difference
from moe_studio.document.difference_row import CHANGES
from moe_studio.gui.compare.bars import GroupBars
from moe_studio.gui.compare.mark import SIGNS
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.gui.widgets.label import plain_label

LEAST = 180
"""Width of the bars with their figures, beside a scroll bar."""


class Summary(QScrollArea):
    """Headline and reasons."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Why one is faster"))
        self.headline = _words("heading")
        self.counts = _words("fact")
        self.reasons = _words("figure")
        _stack(self, self.headline, self.counts, self.reasons)

    def show_difference(self, shown: Difference) -> None:
        """Say what differs in ``shown``."""
        self.headline.setText(tr(shown.headline))
        self.counts.setText(counts_text(shown))
        reasons = [tr(text) for text in (shown.claim, *shown.reasons) if text]
        self.reasons.setText("\n".join(f"• {text}" for text in reasons))

    def text(self) -> str:
        """All of it as plain text."""
        return "\n".join((self.headline.text(), self.counts.text(), self.reasons.text()))


class TimeBars(QScrollArea):
    """The parts of the longest path in both designs."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(tr("Time on the longest path"))
        self.setMinimumWidth(LEAST)
        self.bars = GroupBars(theme)
        key = _words("small")
        key.setText(tr("□ reference   ■ this design"))
        _stack(self, plain_label("Time on the longest path", "fact"), key, self.bars)

    def show_difference(self, shown: Difference) -> None:
        """Show the parts of ``shown``."""
        self.bars.show_groups(shown.groups)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.bars.set_theme(theme)


def counts_text(shown: Difference) -> str:
    """How many operators and experts differ: ``Operators: 16 → moved, 128 ≠ changed. Experts: 1 → moved.``"""
    experts = {change: sum(item.change == change for item in shown.experts) for change in CHANGES}
    parts = []
    for name, counts in (("Operators", shown.counts), ("Experts", experts)):
        found = [f"{counts[change]:,} {SIGNS[change]} {tr(change)}" for change in CHANGES if counts.get(change)]
        parts.append(tr(f"{name}: {', '.join(found) or tr('none differ')}."))
    return " ".join(parts)


def _stack(area: QScrollArea, *parts: QWidget) -> None:
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    inner = QWidget()
    column = QVBoxLayout(inner)
    column.setContentsMargins(0, 0, 10, 4)
    column.setSpacing(6)
    for part in parts:
        column.addWidget(part)
    column.addStretch(1)
    area.setWidget(inner)


def _words(role: str) -> QLabel:
    label = plain_label("", role)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
