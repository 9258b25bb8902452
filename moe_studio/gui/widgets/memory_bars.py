"""What a GPU holds, part by part, against its capacity."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from moe_studio.engine.evaluation import Evaluation
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import guarded
from moe_studio.units import si_text

NAMES = {"weights": "weights", "kv_cache": "KV cache", "activations": "activations", "buffers": "buffers"}
ROW = 24
LABEL, VALUE = 78, 66


class MemoryBars(QWidget):
    """Four bars on one scale, with a line at the capacity when that is within it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._values: tuple[float, ...] = (0.0,) * 4
        self._room = 1.0
        self.setAccessibleName(tr("Memory by part"))
        self.setMinimumHeight(ROW * 4)

    def show_gpu(self, evaluation: Evaluation, gpu: int) -> None:
        """Show one GPU's memory."""
        memory = evaluation.memory
        values = tuple(float(getattr(memory, part)[gpu]) for part in MEMORY_PARTS)
        room = float(memory.capacity[gpu])
        if (values, room) != (self._values, self._room):
            self._values, self._room = values, room
            text = ", ".join(f"{tr(NAMES[p])} {si_text(v, 'B', 3)}" for p, v in zip(MEMORY_PARTS, values, strict=True))
            self.setAccessibleDescription(text)
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(220, ROW * 4)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = self.width() - LABEL - VALUE
        scale = width / max(self._room, *self._values)
        painter.setFont(ui_font(12))
        for row, (part, value) in enumerate(zip(MEMORY_PARTS, self._values, strict=True)):
            top = row * ROW
            painter.setPen(self._theme.color("muted"))
            painter.drawText(QRectF(0, top, LABEL, ROW), Qt.AlignmentFlag.AlignVCenter, tr(NAMES[part]))
            painter.setPen(self._theme.color("text"))
            right = QRectF(self.width() - VALUE, top, VALUE, ROW)
            painter.drawText(right, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, si_text(value, "B", 3))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("raised_edge"))
            painter.drawRoundedRect(QRectF(LABEL, top + 8, width, 8), 2, 2)
            painter.setBrush(QColor(self._theme.memory[part]))
            painter.drawRoundedRect(QRectF(LABEL, top + 8, max(value * scale, 1.5 if value else 0), 8), 2, 2)
        if max(self._values) > self._room:
            x = LABEL + self._room * scale
            painter.setBrush(self._theme.color("bad"))
            painter.drawRect(QRectF(x - 1, 2, 2, ROW * 4 - 4))
        painter.end()
