"""What the window offers for editing beside the canvases: settings, several things at once, copying and pasting."""

from collections.abc import Callable, Collection
from typing import Protocol

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from moe_studio.document.clipboard import copied_text, pasted
from moe_studio.document.document import Document
from moe_studio.document.layout_change import LayoutChange
from moe_studio.document.layout_edit import duplicate_gpus, duplicate_nodes, remove_nodes
from moe_studio.document.selection import Selection
from moe_studio.errors import MoeStudioError
from moe_studio.gui.messages import Toast
from moe_studio.gui.text import tr
from moe_studio.gui.workspace import Workspace
from moe_studio.project.edit import reset_placement
from moe_studio.project.project import Project

NODES_COPIED = "The nodes are in the clipboard, as YAML."
PLACEMENT_COPIED = "The placement is in the clipboard, as YAML."


class Host(Protocol):
    """What the window is to these verbs."""

    document: Document
    toast: Toast
    workspace: Workspace


class Edits(QObject):
    """Verbs for settings, nodes and placements."""

    def __init__(self, host: Host, parent: QWidget) -> None:
        super().__init__(parent)
        self._host = host

    def finish(self) -> None:
        """Make what is being typed a step of the history, before something else is done."""
        self._host.workspace.editing.finish()

    def undo(self) -> None:
        """Take back the newest change."""
        self._host.document.undo()

    def redo(self) -> None:
        """Do again what was taken back."""
        self._host.document.redo()

    def reset_placement(self) -> None:
        """Put every expert where the policy puts it."""
        document = self._host.document
        try:
            document.commit("Reset placement", reset_placement(document.project.placement.policy))
        except MoeStudioError as error:
            self._host.toast.say(tr(str(error)))

    def show_settings(self) -> None:
        """Let a setting be found and changed."""
        self._host.workspace.show_tab("settings")
        self._host.workspace.settings.start_search()

    def rename(self) -> None:
        """Go to the name of what is selected, in the inspector."""
        if not self._host.workspace.focus_name():
            self._host.toast.say(tr("What is selected has no name to change."))

    def copy(self) -> bool:
        """Copy the selected nodes, or where the selected experts are, as YAML."""
        label = QApplication.focusWidget()
        if isinstance(label, QLabel) and label.hasSelectedText():
            QGuiApplication.clipboard().setText(label.selectedText())
            return True
        document = self._host.document
        try:
            text = copied_text(document.history.current, document.selected, document.span)
        except MoeStudioError as error:
            self._host.toast.say(tr(str(error)))
            return False
        QGuiApplication.clipboard().setText(text)
        is_node = any(item.kind == "node" for item in document.selected)
        self._host.toast.say(tr(NODES_COPIED if is_node else PLACEMENT_COPIED))
        return True

    def cut(self) -> None:
        """Copy the selected nodes and remove them."""
        nodes = self._nodes()
        if not nodes:
            self._host.toast.say(tr("Only nodes can be cut: every expert must be somewhere. Copy it instead."))
        elif self.copy():
            self._lay_out(remove_nodes, nodes)

    def paste(self) -> None:
        """Paste the nodes or the placement that stand in the clipboard as YAML."""
        document = self._host.document
        try:
            found = pasted(document.history.current, QGuiApplication.clipboard().text())
            is_new = document.commit(found.label, found.edit)
        except MoeStudioError as error:
            self._host.toast.say(tr(str(error)))
            return
        document.select_all(found.selected)
        if not is_new:
            self._host.toast.say(tr("All of it is here already."))
        elif found.note:
            self._host.toast.say(tr(found.note), action=tr("Undo"), act=document.undo)

    def duplicate(self) -> None:
        """Put a copy of each selected node beside it, or one more GPU for each selected one into its node."""
        nodes, gpus = self._nodes(), self._gpus()
        if nodes:
            self._lay_out(duplicate_nodes, nodes)
        elif gpus:
            self._lay_out(duplicate_gpus, gpus)
        else:
            self._host.toast.say(tr("Select nodes to duplicate. To replicate an expert, hold Ctrl while dragging it."))

    def select_all(self) -> None:
        """Select all things of the kind that is selected: nodes, GPUs, layers or experts; else all nodes."""
        document = self._host.document
        project, kind = document.project, document.selection.kind
        if kind == "gpu":
            every = [Selection(kind="gpu", gpu=gpu) for gpu in range(project.cluster.gpu_count)]
        elif kind == "layer":
            every = [Selection(kind="layer", layer=layer) for layer in range(project.model.layer_count)]
        elif kind == "expert":
            experts = max(layer.ffn.experts for layer in project.model.layers)
            every = [Selection(kind="expert", expert=expert) for expert in range(experts)]
        else:
            every = [Selection(kind="node", node=node) for node in range(len(project.cluster.nodes))]
        document.select_all(every)

    def _nodes(self) -> list[int]:
        count = len(self._host.document.project.cluster.nodes)
        return [item.node for item in self._host.document.selected if item.kind == "node" and 0 <= item.node < count]

    def _gpus(self) -> list[int]:
        count = self._host.document.project.cluster.gpu_count
        return [item.gpu for item in self._host.document.selected if item.kind == "gpu" and 0 <= item.gpu < count]

    def _lay_out(self, change: Callable[[Project, Collection[int]], LayoutChange], nodes: list[int]) -> None:
        document = self._host.document
        before = len(document.history.current.cluster.nodes)
        try:
            made = change(document.history.current, nodes)
            document.commit(made.label, made.edit)
        except MoeStudioError as error:
            self._host.toast.say(tr(str(error)))
            return
        added = range(before, len(document.project.cluster.nodes))
        if added or change is remove_nodes:
            document.select_all([Selection(kind="node", node=node) for node in added])
        if made.note:
            self._host.toast.say(tr(made.note), action=tr("Undo"), act=document.undo)
