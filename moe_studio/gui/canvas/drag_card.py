"""The card at the pointer that says what a drop would do, before it is done."""

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from moe_studio.document.effect import Effect
from moe_studio.document.placing import gpus_phrase
from moe_studio.gui.canvas.expert_drag import ExpertDrag
from moe_studio.gui.canvas.tile import Promise
from moe_studio.gui.text import tr
from moe_studio.gui.widgets.figure import NO_CHANGE, change_text, memory_text
from moe_studio.gui.widgets.label import plain_label, set_tone
from moe_studio.units import si_text, time_text


class DragCard(QFrame):
    """Three lines: what goes where, the change of the latency, memory and traffic."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._room = parent
        self.setProperty("role", "dragcard")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(tr("What the drop would do"))
        self.heading, self.latency, self.rest = plain_label("", "heading"), plain_label(""), plain_label("")
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 11)
        column.setSpacing(4)
        for label in (self.heading, self.latency, self.rest):
            column.addWidget(label)
        self.hide()

    def show_drag(self, drag: ExpertDrag, at: QPoint, *, is_keyboard: bool) -> None:
        """Say what ``drag`` would do, beside the point ``at`` of the parent."""
        self._show(*card_lines(drag, is_keyboard=is_keyboard), at)

    def show_text(self, text: str, at: QPoint) -> None:
        """Say one sentence beside the point ``at`` of the parent."""
        self._show(text, "", "", "", at)

    def _show(self, heading: str, latency: str, rest: str, tone: str, at: QPoint) -> None:
        self.heading.setText(tr(heading))
        self.latency.setText(tr(latency))
        self.rest.setText(tr(rest))
        set_tone(self.latency, tone)
        self.latency.setVisible(bool(latency))
        self.rest.setVisible(bool(rest))
        self.adjustSize()
        self.move(self._place(at))
        self.show()
        self.raise_()

    def _place(self, at: QPoint) -> QPoint:
        """Right below the point; on its other side where there is no room."""
        room = QRect(QPoint(4, 4), self._room.size()).adjusted(0, 0, -8, -8)
        x = at.x() + 26 if at.x() + 26 + self.width() <= room.right() else at.x() - 26 - self.width()
        y = at.y() + 14 if at.y() + 14 + self.height() <= room.bottom() else at.y() - 14 - self.height()
        return QPoint(max(room.left(), min(x, room.right() - self.width())), max(room.top(), y))


HINTS = {
    (False, False): "Drop on a GPU, or on an expert to swap. Ctrl copies, Esc cancels.",
    (False, True): "Drop on a GPU, or on a node to spread them over it. Ctrl copies, Esc cancels.",
    (True, False): "Arrows or a number choose a GPU. S swaps, C copies, Enter drops, Esc cancels.",
    (True, True): "Arrows or a number choose a GPU. N spreads over its node, C copies, Enter drops, Esc cancels.",
}
"""What can be done next: by keyboard or by pointer, with several experts or with one."""


def card_lines(drag: ExpertDrag, *, is_keyboard: bool = False) -> tuple[str, str, str, str]:
    """Heading, latency, the rest, and the tone of the latency."""
    name, target = drag.name, drag.target
    if target is None:
        hint = HINTS[is_keyboard, drag.is_many]
        return f"{name} from {gpus_phrase({grab.gpu for grab in drag.grabs})}, {drag.scope}", "", hint, ""
    cluster = drag.document.project.cluster
    place = cluster.node_title(target.node) if target.node >= 0 else f"GPU {target.gpu}"
    what = f"{'Copy ' if target.is_copy else ''}{name} → {place}"
    if target.other >= 0 and not target.is_copy:
        what = f"{name} ↔ E{target.other}, {place}"
    if drag.is_due:
        return f"{what}, {drag.scope}", "latency …", "", ""
    if drag.drop is None or drag.effect is None:
        return f"{name} cannot go to {place}", drag.refusal, "", "bad"
    effect = drag.effect
    return f"{what}, {drag.drop.scope}", latency_line(effect), rest_line(effect), latency_tone(effect)


def promise_of(effect: Effect) -> Promise:
    """What a tile says of a drop on it."""
    traffic = ""
    if abs(effect.cross_node_byte) > 1:
        sign = "+" if effect.cross_node_byte > 0 else "−"
        traffic = f"⇄ {sign}{si_text(abs(effect.cross_node_byte), 'B', 2)}"
    latency = change_text(effect.latency_s, effect.before_s)
    return Promise(
        latency=latency,
        tone="" if latency == NO_CHANGE else latency_tone(effect),
        memory=memory_text(effect.memory_byte, effect.capacity_byte),
        fits=effect.fits,
        traffic=traffic,
    )


def latency_line(effect: Effect) -> str:
    """The change of the latency: ``latency −1.39 s (−4.6 %)``."""
    change = effect.latency_s - effect.before_s
    if abs(change) <= 1e-9 * effect.before_s:
        return f"latency unchanged, {time_text(effect.latency_s)}"
    sign = "+" if change > 0 else "−"
    return f"latency {sign}{time_text(abs(change), 3)} ({change_text(effect.latency_s, effect.before_s)})"


def rest_line(effect: Effect) -> str:
    """Memory after, and the change of the traffic between nodes."""
    memory = f"memory {memory_text(effect.memory_byte, effect.capacity_byte)}"
    if not effect.fits:
        memory += ", too much"
    if not effect.cross_node_byte:
        return memory
    sign = "+" if effect.cross_node_byte > 0 else "−"
    return f"{memory} · cross-node {sign}{si_text(abs(effect.cross_node_byte), 'B', 3)}"


def latency_tone(effect: Effect) -> str:
    """Whether the latency gets better or worse."""
    if abs(effect.ratio) <= 1e-9:
        return ""
    return "good" if effect.ratio < 0 else "bad"
