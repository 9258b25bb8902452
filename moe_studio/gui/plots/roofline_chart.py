"""The roofline of the design with its operators."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QFontMetricsF, QResizeEvent
from typing_extensions import override

from moe_studio.document.roofline import Roof, Roofline, roofline
from moe_studio.document.selection import Selection, operator_row, operator_selection
from moe_studio.document.table import Table
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray
from moe_studio.graph.operator import FAMILIES, OP_NUMBER
from moe_studio.gui.plots.chart import Chart
from moe_studio.gui.plots.legend import Entry
from moe_studio.gui.plots.style import Ticks, frame_pen
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.units import counted, percent_text, si_text, significant, time_text

SYMBOLS = {"attention": "o", "dense": "s", "expert": "h", "memory": "t", "routing": "d", "communication": "x"}
SMALLEST, LARGEST = 8.0, 34.0
MOST_NAMES, MOST_ROOFS = 8, 4
REACH = 16.0
"""Pixels within which the pointer finds a point."""

LINE = 18.0
"""Pixels for words above the highest roof and below the lowest point."""

APART, GAP = 14.0, 2.0
"""Pixels from one roof's words to the next one's, and from the end of a roof to its words."""

MOST_BESIDE = 0.4
"""Share of the width that words beside the roofs take at most."""

NEAR = 2.0
"""Powers of ten below which they alone would be too few ticks."""

HAIR = 1e-9
"""What rounding may take of a place, in powers of ten."""


class RooflineChart(Chart):
    """Attained rate over arithmetic intensity, both in powers of ten. The larger a point, the longer it takes."""

    stem = "roofline"

    def __init__(self, theme: Theme) -> None:
        super().__init__("Roofline: operators that do arithmetic, the larger the longer", theme)
        self.shown: Roofline | None = None
        self.across: FloatArray = np.zeros(0)
        self.up: FloatArray = np.zeros(0)
        self.diameter: FloatArray = np.zeros(0)
        self.limits = (0.0, 1.0, 0.0, 1.0)
        self.roofs = [pg.PlotCurveItem(antialias=True) for _ in range(MOST_ROOFS)]
        self.reaches = [pg.PlotCurveItem(antialias=True) for _ in range(MOST_ROOFS)]
        self.points = pg.ScatterPlotItem(pxMode=True)
        self.roof_labels = [pg.TextItem(anchor=(1, 1)) for _ in range(MOST_ROOFS)]
        self.names = [pg.TextItem(anchor=(0.5, 0)) for _ in range(MOST_NAMES)]
        for item in (*self.roofs, *self.reaches, self.points, *self.roof_labels, *self.names):
            self.plot.addItem(item, ignoreBounds=True)
        for label in (*self.roof_labels, *self.names):
            label.setFont(ui_font(11))
        self.plot.getAxis("left").setWidth(92)

    @override
    def take(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        self.shown = shown = roofline(evaluation)
        self.empty = "" if len(shown.rate) else "No operator of this design does arithmetic."
        if self.empty:
            return
        self.across, self.up = np.log10(shown.intensity), np.log10(shown.rate)
        share = shown.seconds / shown.seconds.max()
        # A point's area stands for its time.
        self.diameter = np.maximum(SMALLEST, LARGEST * np.sqrt(share))
        if not keeps_range:
            self._set_range(shown)

    def _set_range(self, shown: Roofline) -> None:
        ridge = [np.log10(roof.ridge) for roof in shown.roofs]
        peak = [np.log10(roof.peak_flop_s) for roof in shown.roofs]
        left, right = min(self.across.min(), *ridge) - 0.5, max(self.across.max(), *ridge) + 0.6
        bottom, top = self._reach(float(self.up.min()), float(max(self.up.max(), *peak)))
        self.limits = (float(left), float(right), float(bottom), float(top))
        width = max(1.0, self.plot.getViewBox().width())
        self.plot.setXRange(left, left + (right - left) * width / (width - self._beside(shown, width)), padding=0)
        self.plot.setYRange(bottom, top, padding=0)
        self.plot.getAxis("bottom").setTicks([power_ticks(left, right, "FLOP/B")])
        self.plot.getAxis("left").setTicks([power_ticks(bottom, top, "FLOP/s")])

    def _beside(self, shown: Roofline, width: float) -> float:
        """Pixels right of the roofs for their words: those of several would lie on the lines of each other."""
        if len(shown.roofs) < 2:
            return 0.0
        metrics = QFontMetricsF(ui_font(11))
        longest = max(metrics.horizontalAdvance(roof_text(roof)) for roof in shown.roofs[:MOST_ROOFS])
        return min(MOST_BESIDE * width, longest + GAP + 10)

    def _reach(self, low: float, high: float) -> tuple[float, float]:
        """From where to where the scale goes, so that there is room for words below ``low`` and above ``high``."""
        below, above = LINE + self.diameter[self.up.argmin()] / 2, LINE
        room = max(2 * LINE, self.plot.getViewBox().height() - below - above)
        pixel = max(1.0, high - low) / room
        return low - below * pixel, high + above * pixel

    @override
    def draw(self) -> None:
        assert self.shown is not None
        family = self.shown.family.tolist()
        brushes, pens = [], []
        for name in FAMILIES:
            color = QColor(self.theme.family(name))
            color.setAlpha(190)
            brushes.append(pg.mkBrush(color))
            pens.append(pg.mkPen(self.theme.surface, width=1))
        self.points.setData(
            x=self.across,
            y=self.up,
            size=self.diameter,
            brush=[brushes[code] for code in family],
            pen=[pens[code] for code in family],
            symbol=[SYMBOLS[FAMILIES[code]] for code in family],
        )
        self._draw_roofs(self.shown.roofs)
        self._draw_names(self.shown)

    def _draw_roofs(self, roofs: tuple[Roof, ...]) -> None:
        theme = self.theme
        dashed = frame_pen(theme.color("muted"), 1.0)
        dashed.setStyle(Qt.PenStyle.DashLine)
        for number in range(MOST_ROOFS):
            parts = (self.roofs[number], self.reaches[number], self.roof_labels[number])
            for item in parts:
                item.setVisible(number < len(roofs))
            if number < len(roofs):
                roof = roofs[number]
                self.roofs[number].setData(*self._roof_line(roof, (1.0, 1.0)), pen=frame_pen(theme.color("text"), 1.6))
                self.reaches[number].setData(*self._roof_line(roof, roof.reach), pen=dashed)
        self._label_roofs(roofs[:MOST_ROOFS])

    def _label_roofs(self, roofs: tuple[Roof, ...]) -> None:
        """Words above the only roof, or beside the end of each of several, the highest first."""
        wide, tall = self.plot.getViewBox().viewPixelSize()
        metrics, lowest = QFontMetricsF(ui_font(11)), np.inf
        room = MOST_BESIDE * self.plot.getViewBox().width() - GAP - 10
        for roof, label in sorted(zip(roofs, self.roof_labels, strict=False), key=lambda pair: -pair[0].peak_flop_s):
            words, height = roof_text(roof), float(np.log10(roof.peak_flop_s))
            if len(roofs) > 1:
                words = metrics.elidedText(words, Qt.TextElideMode.ElideLeft, room)
                height = lowest = min(height, lowest - APART * tall)
            label.setText(words, color=self.theme.text)
            label.setAnchor((0, 0.5) if len(roofs) > 1 else (1, 1))
            label.setPos(self.limits[1] + (GAP * wide if len(roofs) > 1 else 0), height)

    def _roof_line(self, roof: Roof, reach: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
        peak, memory = np.log10(roof.peak_flop_s * reach[0]), np.log10(roof.memory_byte_s * reach[1])
        x = np.array([min(self.limits[0], peak - memory), peak - memory, max(self.limits[1], peak - memory)])
        return x, np.minimum(peak, memory + x)

    def _draw_names(self, shown: Roofline) -> None:
        """Names below or above the points that take longest, where they do not cover each other."""
        wide, tall = self.plot.getViewBox().viewPixelSize()
        metrics = QFontMetricsF(ui_font(11))
        taken = [*self._label_boxes(shown, metrics, (wide, tall)), *self._flat_boxes(shown.roofs, tall)]
        free, written = list(self.names), set()
        for label in self.names:
            label.setVisible(False)
        for point in np.argsort(-shown.seconds, kind="stable")[: 2 * MOST_NAMES].tolist():
            name, away = shown.name(point), self.diameter[point] / 2 * tall
            width, height = (metrics.horizontalAdvance(name) + 8) * wide, 16 * tall
            places = ((0, self.up[point] - away - height), (1, self.up[point] + away))
            boxes = [(end, QRectF(self.across[point] - width / 2, low, width, height)) for end, low in places]
            free_boxes = (item for item in boxes if self._has_room(item[1]) and not any(map(item[1].intersects, taken)))
            found = next(free_boxes, None)
            if not free or name in written or found is None:
                continue
            end, box = found
            taken.append(box)
            written.add(name)
            label = free.pop()
            label.setAnchor((0.5, end))
            label.setText(name, color=self.theme.text)
            label.setPos(box.center().x(), box.top() if end else box.bottom())
            label.setVisible(True)

    def _has_room(self, box: QRectF) -> bool:
        """Whether words in ``box`` are neither below nor above what is seen."""
        return self.limits[2] <= box.top() + HAIR and box.bottom() <= self.limits[3] + HAIR

    def _flat_boxes(self, roofs: tuple[Roof, ...], tall: float) -> list[QRectF]:
        """The level parts of the roofs, which would strike words out."""
        boxes = []
        for roof in roofs[:MOST_ROOFS]:
            for reach in ((1.0, 1.0), roof.reach):
                x, y = self._roof_line(roof, reach)
                boxes.append(QRectF(x[1], y[1] - tall, x[2] - x[1], 2 * tall))
        return boxes

    def _label_boxes(self, shown: Roofline, metrics: QFontMetricsF, pixel: tuple[float, float]) -> list[QRectF]:
        """Where the words of the roofs are; boxes have their smaller rate at the top."""
        left, right, bottom, top = self.limits
        if len(shown.roofs) != 1:
            return [QRectF(right, bottom, right - left, top - bottom)]
        (roof,) = shown.roofs
        width, height = metrics.horizontalAdvance(roof_text(roof)) * pixel[0], 18 * pixel[1]
        return [QRectF(right - width, float(np.log10(roof.peak_flop_s)), width, height)]

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Names are placed by pixels; the plot has its new size after its own event.
        QTimer.singleShot(0, self, self._place_names)

    def _place_names(self) -> None:
        if self.shown is not None and not self.empty:
            self._set_range(self.shown)
            self._label_roofs(self.shown.roofs[:MOST_ROOFS])
            self._draw_names(self.shown)
            self._mark()

    @override
    def entries(self) -> tuple[Entry, ...]:
        met = sorted(set(self.shown.family.tolist())) if self.shown is not None else []
        shown = [(FAMILIES[code], self.theme.family(FAMILIES[code])) for code in met]
        return (*shown, ("datasheet", self.theme.color("text")), ("reached", self.theme.color("muted")))

    @property
    @override
    def count(self) -> int:
        return len(self.across)

    @override
    def box(self, item: int) -> QRectF:
        wide, tall = self.plot.getViewBox().viewPixelSize()
        width, height = (self.diameter[item] + 6) * wide, (self.diameter[item] + 6) * tall
        return QRectF(self.across[item] - width / 2, self.up[item] - height / 2, width, height)

    @override
    def item_at(self, x: float, y: float) -> int:
        if not len(self.across):
            return -1
        wide, tall = self.plot.getViewBox().viewPixelSize()
        away = np.hypot((self.across - x) / wide, (self.up - y) / tall) - self.diameter / 2
        nearest = int(away.argmin())
        return nearest if away[nearest] <= REACH - SMALLEST else -1

    @override
    def text_of(self, item: int) -> str:
        assert self.shown is not None
        assert self.evaluation is not None
        shown = self.shown
        rate, intensity = float(shown.rate[item]), float(shown.intensity[item])
        roof = shown.roofs[shown.roof[item]]
        best = min(roof.peak_flop_s, roof.memory_byte_s * intensity)
        return tr(
            "{what}: {intensity} FLOP/B, {speed}, {share} of the roof, bound by {bound}; {operators}, {time} per GPU",
            what=shown.name(item),
            intensity=significant(intensity, 3),
            speed=si_text(rate, "FLOP/s", 3),
            share=percent_text(rate / best, 0),
            bound=tr(self.evaluation.bound_name(int(shown.row[item]))),
            operators=tr(counted(int(shown.count[item]), "operator")),
            time=time_text(self._mean_s(item), 3),
        )

    def _mean_s(self, item: int) -> float:
        assert self.shown is not None
        assert self.evaluation is not None
        return float(self.shown.seconds[item]) / self.evaluation.project.cluster.gpu_count

    @override
    def selection_of(self, item: int) -> Selection | None:
        assert self.shown is not None
        assert self.evaluation is not None
        return operator_selection(self.evaluation.graph, int(self.shown.row[item]))

    @override
    def item_of(self, selection: Selection) -> int:
        if self.shown is None or self.evaluation is None or selection.kind != "operator":
            return -1
        row = operator_row(self.evaluation.graph, selection)
        if row < 0:
            return -1
        part, local = self.evaluation.graph.part_of(row)
        flop, byte = float(part.body.flop[local]), float(part.body.byte[local])
        mine = np.flatnonzero(self.shown.kinds >> OP_NUMBER[selection.op] & 1)
        seconds = float(self.evaluation.duration_s[row])
        if not flop or not byte or not seconds or not len(mine):
            return -1
        away = np.hypot(self.across[mine] - np.log10(flop / byte), self.up[mine] - np.log10(flop / seconds))
        return int(mine[away.argmin()])

    @override
    def table(self) -> Table:
        assert self.shown is not None
        shown = self.shown
        names = [shown.name(item).replace(", ", " ") for item in range(self.count)]
        columns = ("operators", "intensity (FLOP/B)", "attained (FLOP/s)", "time on all GPUs (s)", "count")
        values = (shown.intensity, shown.rate, shown.seconds, shown.count)
        return Table(columns=columns, rows=tuple(zip(names, *(value.tolist() for value in values), strict=True)))


def roof_text(roof: Roof) -> str:
    """A roof in words."""
    peak, memory = si_text(roof.peak_flop_s, "FLOP/s", 3), si_text(roof.memory_byte_s, "B/s", 3)
    return f"{roof.device}, {roof.dtype}: {peak}, {memory}"


def power_ticks(low: float, high: float, unit: str) -> Ticks:
    """A tick for each power of ten between two logarithms; where those are near each other, for 2 and 5 times, too."""
    if high - low < NEAR:
        powers, shares = range(int(np.floor(low)), int(np.ceil(high))), (1.0, 2.0, 5.0)
        rates = [share * 10.0**power for power in powers for share in shares]
        return [(float(np.log10(rate)), si_text(rate, unit, 1)) for rate in rates if low <= np.log10(rate) <= high]
    powers = range(int(np.ceil(low)), int(np.floor(high)) + 1)
    step = max(1, -(-len(powers) // 6))
    return [(float(power), si_text(10.0**power, unit, 1)) for power in powers if power % step == 0]
