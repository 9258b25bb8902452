"""The toolbar: what the design is called, its phase, and the layers shown."""

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QSizePolicy, QToolBar, QWidget
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.placing import Span
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.choice import ChoiceBox
from moe_studio.gui.widgets.label import ElidedLabel, plain_label
from moe_studio.project.design import Workload
from moe_studio.project.setting import settings_of

PHASES = dict(settings_of(Workload))["phase"].choices
STATE_WIDTH, LAYER_LETTERS = 82, 14


class MainBar(QToolBar):
    """Title and state of the design, a few actions, the phase and the layers.

    Signals:
        phase_chosen: another phase was chosen; carries its name.
        layer_chosen: another layer was chosen; carries a `Span`.
    """

    phase_chosen = Signal(str)
    layer_chosen = Signal(object)

    def __init__(self, actions: Mapping[str, QAction]) -> None:
        super().__init__(tr("Main"))
        self.setObjectName("main")
        self.setMovable(False)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.title = ElidedLabel("", "title")
        self.title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.state = plain_label("", "muted")
        self.state.setMinimumWidth(STATE_WIDTH)
        self.phase = _choice("Phase", "What the model is asked to do")
        self.phase.addItems([tr(phase.capitalize()) for phase in PHASES])
        self.phase.activated.connect(lambda index: self.phase_chosen.emit(PHASES[index]))
        self.layer = _choice("Layers shown and edited", "Layers whose experts are shown, and which a drag changes")
        self.layer.setMinimumContentsLength(LAYER_LETTERS)
        self.layer.activated.connect(lambda index: self.layer_chosen.emit(self.layer.itemData(index)))
        self._fill(actions)

    def _fill(self, actions: Mapping[str, QAction]) -> None:
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(self.title)
        self.addWidget(self.state)
        self.addActions([actions["undo"], actions["redo"]])
        self.addSeparator()
        self.addWidget(self.phase)
        self.addWidget(self.layer)
        self.addWidget(space)
        self.addActions([actions["open"], actions["save"], actions["palette"]])

    def show_document(self, document: Document) -> None:
        """Show what the document is called, its phase, and its layers."""
        self.title.setText(document.title)
        self.state.setText(tr("● unsaved") if document.is_modified else "")
        self.phase.setCurrentText(tr(document.project.workload.phase.capitalize()))
        self._show_layers(document)

    def _show_layers(self, document: Document) -> None:
        layers, span = document.project.model.layers, document.span
        every = tr("All {count} layers", count=len(layers)) if len(layers) > 1 else tr("The only layer")
        wanted: list[tuple[str, Span]] = [(every, None)]
        if isinstance(span, tuple):
            wanted.append((tr("Layers {first}–{last}", first=span[0], last=span[1]), span))
        wanted += [
            (tr("Layer {number}", number=index), index) for index, layer in enumerate(layers) if layer.ffn.is_moe
        ]
        if [self.layer.itemText(index) for index in range(self.layer.count())] != [text for text, _ in wanted]:
            self.layer.clear()
            for text, number in wanted:
                self.layer.addItem(text, number)
        index = next((i for i, (_, number) in enumerate(wanted) if number == span), 0)
        self.layer.setCurrentIndex(index)

    @override
    def contextMenuEvent(self, event: object) -> None:
        """No menu that would hide the bar for good."""


def _choice(name: str, tip: str) -> QComboBox:
    box = ChoiceBox()
    box.setAccessibleName(tr(name))
    box.setToolTip(tr(tip))
    return box
