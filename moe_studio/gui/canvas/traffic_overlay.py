"""The traffic over the canvas: what dispatch and combine send, as flows between nodes or GPUs."""

from PySide6.QtWidgets import QGraphicsScene

from moe_studio.document.document import Document
from moe_studio.gui.canvas.flow import flows
from moe_studio.gui.canvas.flow_layer import Flow, FlowLayer
from moe_studio.gui.canvas.layout import ClusterLayout
from moe_studio.gui.theme import Theme


class TrafficOverlay:
    """Shows flows while it is switched on; ``what`` is ``dispatch``, ``combine`` or ``both``."""

    def __init__(self, scene: QGraphicsScene, theme: Theme) -> None:
        self.layer = FlowLayer(theme)
        scene.addItem(self.layer)
        self.is_on = False
        self.what = "both"

    def show(self, document: Document, layout: ClusterLayout | None) -> None:
        """Show the flows of what the document shows, those of one GPU or node when it is selected."""
        shown: tuple[Flow, ...] = ()
        if self.is_on and layout is not None:
            chosen = document.selection
            node = chosen.node if chosen.kind == "node" else -1
            gpu = chosen.gpu if chosen.gpu < len(layout.gpus) else -1
            shown = flows(document.evaluation, layout, self.what, document.span, gpu=gpu, node=node)
        self.layer.show_flows(layout, shown)
