"""A small view of the graph: what is shown of it, laid out in a child process, and its painting."""

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.errors import MoeStudioError
from moe_studio.export.layout import Layout
from moe_studio.gui.dag.coloring import Look
from moe_studio.gui.dag.corner_map import CornerMap, in_small
from moe_studio.gui.dag.dag_view import DagView
from moe_studio.gui.dag.diagram import Diagram, Pen, draw_diagram
from moe_studio.gui.dag.mini_map import MapScene
from moe_studio.gui.dag.place import GraphPlace
from moe_studio.gui.dag.small_layout import Sizes, lay_out, row_layout, sizes_of
from moe_studio.gui.dag.words import in_words
from moe_studio.gui.text import tr
from moe_studio.gui.theme import Theme, ui_font
from moe_studio.gui.widgets.guard import painting
from moe_studio.gui.widgets.job import Job
from moe_studio.gui.widgets.label import plain_tip
from moe_studio.view.node import ViewGraph, ViewNode
from moe_studio.view.view import view

MARGIN, LEAST_SCALE, MOST_SCALE, READABLE = 16.0, 0.02, 3.0, 0.8
LIVE_NODES = 60
"""Views with more nodes follow a drag only once it is done."""

Structure = tuple[object, ...]


class DiagramCanvas(QWidget):
    """One small view of the design shown: laid out in a child process, and painted.

    Signals:
        missed: what is selected shall be seen and is not in this view.
    """

    missed = Signal()

    def __init__(self, document: Document, theme: Theme, lanes: DagView) -> None:
        super().__init__()
        self.setAccessibleName(tr("View of the graph"))
        self.document, self.theme, self.lanes = document, theme, lanes
        self.place = GraphPlace(view="overview")
        self.title = ""
        self.diagram: Diagram | None = None
        self.message = ""
        self.scale, self.origin = 1.0, QPointF()
        self._structure: Structure = ()
        self._wanted: tuple[Structure, ViewGraph, Sizes] | None = None
        self._is_stale = True
        self.job = Job(self)
        self.job.done.connect(self._on_laid_out)
        self.job.failed.connect(self._on_failed)
        self.map = CornerMap(self, self._map_scene)
        self.map.sought.connect(self.look_around)
        lanes.restyled.connect(self._on_restyled)

    # What is shown

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.document = document
        self._clear()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.theme = theme
        self._on_restyled()

    def _on_restyled(self) -> None:
        """Draw the view and, once a gesture is over, its map in other colours."""
        if not self.document.is_previewing:
            self.map.forget()
        self._on_moved()

    def show_place(self, place: GraphPlace) -> None:
        """Show another view."""
        self.place = place
        self._clear()
        self.refresh()

    def _clear(self) -> None:
        self.job.stop()
        self.diagram, self._structure, self._wanted, self._is_stale = None, (), None, True
        self._on_moved()

    def refresh(self) -> None:
        """Show what the document shows; laid out anew only if other nodes or edges are there."""
        if not self.isVisible():
            self._is_stale = True
            return
        count = len(self.diagram.nodes) if self.diagram is not None else 0
        if self.document.is_previewing and count > LIVE_NODES:
            return
        try:
            graph = self._graph()
            sections = tuple(map(in_words, graph.sections))
        except MoeStudioError as error:
            self._on_failed(str(error))
            return
        self._is_stale = False
        graph = ViewGraph(name=graph.name, title=graph.title, subtitle=graph.subtitle, sections=sections)
        structure, sizes = structure_of(graph), sizes_of(graph.nodes)
        if self.diagram is not None and structure == self._structure and self._has_room(sizes):
            # The same nodes in the same places: only what they say is new.
            self._show(graph, self.diagram.layout, self.diagram.sizes)
        elif self.document.is_previewing:
            return
        elif self.place.view == "critical":
            self._structure, is_first = structure, self.diagram is None
            self._show(graph, row_layout(sections, sizes), sizes)
            if is_first:
                self.first_look()
        else:
            self._wanted = structure, graph, sizes
            self.message = "" if self.diagram is not None else "Laying out…"
            self.job.start(lay_out, sections[0], sizes)
        self.update()

    def _has_room(self, sizes: Sizes) -> bool:
        """Whether all text fits into the nodes as they are; while dragging it need not."""
        assert self.diagram is not None
        old = self.diagram.sizes
        return self.document.is_previewing or all(size[0] <= old[name][0] + 1 for name, size in sizes.items())

    def _graph(self) -> ViewGraph:
        place = self.place
        name = f"operator {place.operator}" if place.view == "operator" else place.view
        layer, gpu, replica, stage = (
            number if number >= 0 else None for number in (place.layer, place.gpu, place.replica, place.stage)
        )
        return view(self.document.evaluation, name, layer=layer, gpu=gpu, replica=replica, stage=stage)

    def _show(self, graph: ViewGraph, layout: Layout, sizes: Sizes) -> None:
        self.diagram = Diagram(nodes={node.id: node for node in graph.nodes}, layout=layout, sizes=sizes)
        self.title, self.message = graph.title, ""
        self.setAccessibleName(tr("View of the graph") + f": {graph.title}")
        self._on_restyled()

    def _on_laid_out(self, layout: Layout) -> None:
        if self._wanted is None:
            return
        self._structure, graph, sizes = self._wanted
        self._wanted = None
        is_first = self.diagram is None
        self._show(graph, layout, sizes)
        if is_first:
            self.first_look()

    def _on_failed(self, message: str) -> None:
        self._wanted, self.diagram, self.message = None, None, message
        self._on_moved()

    def end(self) -> None:
        """Drop what is being laid out."""
        self.job.end()

    def show_selection(self) -> None:
        """Mark what is selected, and bring it into view."""
        chosen = self.chosen()
        if chosen and self.diagram is not None:
            self._reveal(self.diagram.box(chosen[0]))
        self.update()

    def _reveal(self, box: QRectF) -> None:
        """Put a node in the middle if it is partly out of sight or under the map."""
        corner = (box.topLeft() - self.origin) * self.scale
        is_covered = self.map.covers(QRectF(corner, box.size() * self.scale))
        if is_covered or not self._seen().contains(box):
            self._center(box.center())

    def chosen(self) -> list[str]:
        """Ids of the nodes that belong to what is selected."""
        if self.diagram is None:
            return []
        document, nodes = self.document, self.diagram.nodes.items()
        whole = [item for item in document.selected if item.kind == "layer"]
        layers = {item.layer for item in whole}
        is_chosen = np.zeros(len(document.evaluation.graph), bool)
        if len(whole) < len(document.selected):
            is_chosen[document.chosen_in(document.evaluation.graph).rows] = True
        # What is selected as a layer is marked where layers are nodes; its operators are all that is seen elsewhere.
        return [
            name
            for name, node in nodes
            # Until another layout is there, nodes may be of operators that are no more.
            if (node.is_operator and node.row < len(is_chosen) and is_chosen[node.row])
            or (not node.is_operator and any(node.layer <= layer < node.layer + node.layers for layer in layers))
        ]

    # Camera

    def _seen(self) -> QRectF:
        return QRectF(self.origin.x(), self.origin.y(), self.width() / self.scale, self.height() / self.scale)

    def _to_diagram(self, point: QPointF) -> QPointF:
        return point / self.scale + self.origin

    def first_look(self) -> None:
        """All of it if that can be read; else its beginning, or what is selected, at a readable size."""
        self.fit()
        if self.scale < READABLE and self.diagram is not None:
            self.scale = READABLE
            self.origin = QPointF(-MARGIN, -MARGIN) / self.scale
            chosen = self.chosen()
            start = chosen or [name for name, node in self.diagram.nodes.items() if node.on_path and node.is_operator]
            if start:
                self._center(self.diagram.box(start[0]).center())
            self._keep_inside()
            if start:
                self._reveal(self.diagram.box(start[0]))

    def _keep_inside(self) -> None:
        """Move so that no room is wasted beside the diagram; what is smaller than the room is in its middle."""
        assert self.diagram is not None
        seen, layout, margin = self._seen(), self.diagram.layout, MARGIN / self.scale
        x = inside(seen.x(), seen.width(), layout.width, margin)
        y = inside(seen.y(), seen.height(), layout.height, margin)
        self.origin = QPointF(x, y)
        self._on_moved()

    def fit(self) -> None:
        """Bring everything into view."""
        if self.diagram is not None:
            layout = self.diagram.layout
            self._frame(QRectF(0, 0, layout.width, layout.height), most=1.25)

    def frame_selection(self) -> None:
        """Bring what is selected into view, or everything."""
        boxes = [self.diagram.box(name) for name in self.chosen()] if self.diagram is not None else []
        if not boxes:
            self.fit()
            self.missed.emit()
            return
        whole = boxes[0]
        for box in boxes:
            whole = whole.united(box)
        self._frame(whole, most=1.25)

    def _frame(self, box: QRectF, *, most: float) -> None:
        room_x, room_y = max(40.0, self.width() - 2 * MARGIN), max(40.0, self.height() - 2 * MARGIN)
        fitting = min(room_x / max(1.0, box.width()), room_y / max(1.0, box.height()))
        self.scale = float(np.clip(fitting, LEAST_SCALE, most))
        self._center(box.center())

    def _center(self, point: QPointF) -> None:
        self.origin = point - QPointF(self.width(), self.height()) / (2 * self.scale)
        self._on_moved()

    def look_around(self, x: float, y: float) -> None:
        """Put a point in the middle, as far as there is something to see."""
        if self.diagram is not None:
            self._center(QPointF(x, y))
            self._keep_inside()

    def _on_moved(self) -> None:
        """Show another part, and on the map which."""
        self.map.arrange(self._map_scene(), self.size(), is_wanted=self.lanes.has_map)
        self.update()

    def pan(self, dx: float, dy: float) -> None:
        """Move by so many pixels."""
        self.origin = self.origin + QPointF(dx, dy) / self.scale
        self._on_moved()

    def zoom_by(self, factor: float) -> None:
        """Zoom, keeping the middle."""
        self._zoom(factor, QPointF(self.width() / 2, self.height() / 2))

    def _zoom(self, factor: float, at: QPointF) -> None:
        fixed = self._to_diagram(at)
        self.scale = float(np.clip(self.scale * factor, LEAST_SCALE, MOST_SCALE))
        self.origin = fixed - at / self.scale
        self._on_moved()

    # Painting

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        with painting(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        look = self.lanes.look
        if self.diagram is not None and look is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.save()
            painter.scale(self.scale, self.scale)
            painter.translate(-self.origin)
            draw_diagram(painter, self.diagram, self._pen(look), self._seen(), set(self.chosen()))
            painter.restore()
        if self.message:
            painter.setFont(ui_font(13))
            painter.setPen(self.theme.color("muted"))
            room = self.rect().adjusted(24, 24, -24, -24)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, tr(self.message))

    def _pen(self, look: Look) -> Pen:
        lanes = self.lanes
        return Pen(theme=self.theme, look=look, scale=self.scale, has_path=lanes.has_path, has_order=lanes.has_order)

    def _map_scene(self) -> MapScene | None:
        if self.diagram is None or self.lanes.look is None:
            return None
        return in_small(self.diagram, self._pen(self.lanes.look), self._seen())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        if event.oldSize().width() <= 0 and self.diagram is not None:
            self.first_look()
        self._on_moved()

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Show and self._is_stale:
            self.refresh()
        if isinstance(event, QHelpEvent):
            node = self._node_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), plain_tip(" · ".join(node.lines)) if node else "", self)
            return True
        return super().event(event)

    def _node_at(self, point: QPointF) -> ViewNode | None:
        return self.diagram.at(self._to_diagram(point)) if self.diagram is not None else None


def inside(start: float, seen: float, whole: float, margin: float) -> float:
    """Where to begin so that ``seen`` lies in ``whole`` with its margins, as near to ``start`` as possible."""
    if seen >= whole + 2 * margin:
        return (whole - seen) / 2
    return max(-margin, min(start, whole + margin - seen))


def structure_of(graph: ViewGraph) -> Structure:
    """What decides the layout of a view: its nodes with the boxes around them, and its edges."""
    nodes = tuple((node.id, node.shape, node.cluster) for node in graph.nodes)
    return nodes, tuple((edge.source, edge.target, edge.kind, edge.label) for edge in graph.edges)
