"""How evenly the experts of each layer are loaded: layers by GPUs, and the imbalance of each layer."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor
from typing_extensions import override

from moe_studio.document.selection import Selection, operator_selection
from moe_studio.document.table import Table
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import FloatArray
from moe_studio.gui.plots.chart import Chart
from moe_studio.gui.plots.legend import Entry
from moe_studio.gui.plots.style import Ticks, count_ticks, frame_pen, leave_margin
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme
from moe_studio.units import counted

TITLE = "Load of each GPU's experts, by layer"
NO_EXPERTS = "This model has no experts, so there is no load to compare."
FULL, DEEP = "#E69F00", {"light": "#7A3E00", "dark": "#FFE3AE"}
PALE = {"light": "#FBEBD0", "dark": "#4A3A1C"}
MIDDLE = 128
"""Index of the colour of an even load."""

FEW_COLUMNS, FEW_ROWS = 64, 32
"""Up to so many cells are told apart by lines."""

LEAST_TOP = 1.5
"""The scale never ends before this multiple of the mean: even loads should look even."""

BESIDE = 0.02, 0.16
"""Where the bars of imbalance begin, and how long the longest is, in widths of the map."""


class LoadChart(Chart):
    """A map of tokens: the deeper a cell, the more its GPU handles compared with the mean of its layer."""

    stem = "load"

    def __init__(self, theme: Theme) -> None:
        super().__init__(TITLE, theme)
        self.load: FloatArray = np.zeros((0, 0))
        self.relative: FloatArray = np.zeros((0, 0))
        self.imbalance: FloatArray = np.zeros(0)
        self.top = LEAST_TOP
        self._shape = (0, 0)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.bars = pg.BarGraphItem(x0=[0], y=[0], width=[0], height=0.74)
        self.worst = pg.ScatterPlotItem(symbol="d", size=7)
        self.grid = pg.PlotCurveItem(connect="pairs")
        for item in (self.image, self.grid, self.bars, self.worst):
            self.plot.addItem(item, ignoreBounds=True)
        self.plot.getViewBox().invertY(True)
        self.plot.getAxis("left").setWidth(58)
        leave_margin(self.plot, top=6)

    @override
    def take(self, evaluation: Evaluation, *, keeps_range: bool) -> None:
        self.load, self.imbalance = evaluation.load, evaluation.imbalance
        self.relative = relative_load(evaluation)
        self.empty = "" if self.load.any() else NO_EXPERTS
        most = float(self.imbalance.max(initial=0.0))
        self.title = TITLE + (f": imbalance at most {most:.2f} ×" if most else "")
        self.heading.setText(tr(self.title))
        if not keeps_range:
            self.top = max(LEAST_TOP, float(self.relative.max(initial=0.0)))
            self._set_range()

    def _set_range(self) -> None:
        layers, gpus = self.load.shape
        self.plot.setXRange(-0.5, gpus * (1 + sum(BESIDE) + 0.07) - 0.5, padding=0)
        self.plot.setYRange(-0.5, layers - 0.5, padding=0.01)
        if self._shape != (layers, gpus):
            self._shape = (layers, gpus)
            beside = (self._left + gpus * BESIDE[1] / 2, tr("imbalance"))
            self.plot.getAxis("bottom").setTicks([[*_named(count_ticks(gpus, 24), "GPU"), beside]])
            self.plot.getAxis("left").setTicks([_named(count_ticks(layers, 8), "layer")])

    @override
    def draw(self) -> None:
        layers, gpus = self.load.shape
        self.image.setImage(_colors(self.theme)[_codes(self.relative, self.top)], autoLevels=False)
        self.image.setRect(QRectF(-0.5, -0.5, gpus, layers))
        moe = np.flatnonzero(self.imbalance > 0)
        color = self.theme.color("handle")
        lengths = self.imbalance[moe] * self._unit
        height = 0.74 if layers <= FEW_ROWS else 1.0
        self.bars.setOpts(x0=np.full(len(moe), self._left), y=moe, width=lengths, height=height, brush=color, pen=None)
        uneven = moe[self.imbalance[moe] > 1.02]
        x, path = self.relative[uneven].argmax(axis=1), self.theme.color("path")
        self.worst.setData(x=x, y=uneven, brush=path, pen=pg.mkPen(self.theme.surface, width=1))
        self.grid.setVisible(gpus <= FEW_COLUMNS and layers <= FEW_ROWS)
        self.grid.setData(*grid_lines(gpus, layers), pen=frame_pen(self.theme.color("surface"), 1.5))

    @property
    def _left(self) -> float:
        """Where the bars of imbalance begin."""
        return float(self.load.shape[1] * (1 + BESIDE[0]) - 0.5)

    @property
    def _unit(self) -> float:
        """Length of an imbalance of 1."""
        return float(self.load.shape[1] * BESIDE[1] / self.top)

    @override
    def entries(self) -> tuple[Entry, ...]:
        table = _colors(self.theme)
        shades = [("none", 0), ("even", MIDDLE), (f"{self.top:.2f} × the mean", 255)]
        return tuple((text, QColor(*table[code].tolist())) for text, code in shades)

    @property
    @override
    def count(self) -> int:
        return int(self.load.size)

    @override
    def box(self, item: int) -> QRectF:
        layer, gpu = divmod(item, self.load.shape[1])
        return QRectF(gpu - 0.5, layer - 0.5, 1, 1)

    @override
    def item_at(self, x: float, y: float) -> int:
        layer, gpu = round(y), min(round(x), self.load.shape[1] - 1)
        is_inside = 0 <= layer < self.load.shape[0] and gpu >= 0
        return layer * self.load.shape[1] + gpu if is_inside else -1

    @override
    def stepped(self, item: int, dx: int, dy: int) -> int:
        after = item + dx + dy * int(self.load.shape[1])
        return after if 0 <= after < self.count else item

    @override
    def text_of(self, item: int) -> str:
        layer, gpu = divmod(item, self.load.shape[1])
        if not self.imbalance[layer]:
            return tr("Layer {layer} has no experts", layer=layer)
        tokens = float(self.load[layer, gpu])
        if not tokens:
            return tr("Layer {layer}: no token goes to GPU {gpu}", layer=layer, gpu=gpu)
        return tr(
            "Layer {layer}, GPU {gpu}: {tokens}, {load} × the mean; imbalance {most} ×",
            layer=layer,
            gpu=gpu,
            tokens=tr(counted(round(tokens), "token")),
            load=f"{self.relative[layer, gpu]:.2f}",
            most=f"{self.imbalance[layer]:.2f}",
        )

    @override
    def selection_of(self, item: int) -> Selection | None:
        """The expert with most tokens on that GPU; where there is none, the layer."""
        assert self.evaluation is not None
        layer, gpu = divmod(item, self.load.shape[1])
        return busiest_expert(self.evaluation, layer, gpu) or Selection(kind="layer", layer=layer)

    @override
    def item_of(self, selection: Selection) -> int:
        if 0 <= selection.layer < self.load.shape[0] and 0 <= selection.gpu < self.load.shape[1]:
            return selection.layer * int(self.load.shape[1]) + selection.gpu
        return -1

    @override
    def table(self) -> Table:
        columns = ("layer", "imbalance", *(f"GPU {gpu} (tokens)" for gpu in range(self.load.shape[1])))
        rows = zip(self.imbalance.tolist(), self.load.tolist(), strict=True)
        return Table(columns=columns, rows=tuple((layer, own, *load) for layer, (own, load) in enumerate(rows)))


def relative_load(evaluation: Evaluation) -> FloatArray:
    """Tokens of each GPU's experts over the mean of the layer's GPUs, shape (layers, GPUs); 0 without experts."""
    result = np.zeros(evaluation.load.shape)
    for stage, layers in zip(evaluation.graph.stages, evaluation.project.stage_layers(), strict=True):
        own = np.ix_(np.array(layers), stage.gpu)
        load = evaluation.load[own]
        mean = load.mean(axis=1, keepdims=True)
        result[own] = np.divide(load, mean, out=np.zeros_like(load), where=mean > 0)
    return result


def busiest_expert(evaluation: Evaluation, layer: int, gpu: int) -> Selection | None:
    """The operator of the expert that handles most tokens of ``layer`` on ``gpu``."""
    for part in evaluation.graph.parts:
        run = part.body.run_of.get("up") or part.body.run_of.get("linear")
        if part.layer == layer and run is not None:
            own = np.flatnonzero(part.body.stage.gpu[part.body.lane[run.rows]] == gpu)
            if not len(own):
                return None
            best = int(own[part.body.in_rows[run.rows][own].argmax()])
            return operator_selection(evaluation.graph, part.first + run.first + best)
    return None


def _codes(relative: FloatArray, top: float) -> NDArray[np.int64]:
    """Index into the colours: 0 for none, `MIDDLE` for the mean, 255 for ``top`` times the mean and more."""
    code = np.interp(relative, (0.0, 1.0, top), (1.0, MIDDLE, 255.0))
    return np.where(relative > 0, code, 0).astype(np.int64)


def grid_lines(gpus: int, layers: int) -> tuple[FloatArray, FloatArray]:
    """Lines between the cells, as pairs of points."""
    across, down = np.arange(1, gpus) - 0.5, np.arange(1, layers) - 0.5
    x = np.concatenate([np.repeat(across, 2), np.tile([-0.5, gpus - 0.5], len(down))])
    y = np.concatenate([np.tile([-0.5, layers - 0.5], len(across)), np.repeat(down, 2)])
    return x, y


def _colors(theme: Theme) -> NDArray[np.uint8]:
    """256 colours from pale to deep, shape (256, 3); the first is that of nothing."""
    stops = [QColor(color) for color in (PALE[theme.name], FULL, DEEP[theme.name])]
    table = np.array([(stop.red(), stop.green(), stop.blue()) for stop in stops], float)
    place = np.linspace(0, 2, 255)
    colors = np.stack([np.interp(place, (0, 1, 2), table[:, channel]) for channel in range(3)], axis=1)
    ground = theme.color("raised_edge")
    return np.concatenate([[(ground.red(), ground.green(), ground.blue())], colors]).astype(np.uint8)


def _named(ticks: Ticks, what: str) -> Ticks:
    """Ticks of which the first says what they count."""
    return [(value, tr(f"{what} {text}") if place == 0 else text) for place, (value, text) in enumerate(ticks)]
