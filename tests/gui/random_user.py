"""Somebody who does anything at all with the window: mouse, keys, actions, forms, dialogs, files, other programs."""

import json
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import (
    QCoreApplication,
    QEvent,
    QMimeData,
    QPoint,
    QPointF,
    QSettings,
    QSize,
    Qt,
    QThread,
    QTimer,
    QUrl,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QDrag,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtPrintSupport import QPrintDialog
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QWidget,
)
from shiboken6 import isValid

from moe_studio.document.document import Document
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui import looks
from moe_studio.gui.app import Session
from moe_studio.gui.canvas.palette import device_mime
from moe_studio.gui.main_window import MainWindow
from moe_studio.gui.start.keeper import Places
from moe_studio.gui.widgets.figure import figures
from moe_studio.locator import resource
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Parallel, Workload
from moe_studio.project.model import Attention, Block, FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.storage.writer import project_text

MOST_OPERATORS, MOST_GPUS = 1_500, 24
"""From here on the user takes changes back: a large design is slow and shows nothing that a small one does not."""

SELDOM = 0.04
"""How often an action that takes long is really done when its turn comes."""

SLOW = {
    *("light", "dark", "system", "english", "chinese", "language_system", "quit", "export", "help", "compare_file"),
    *("report_pdf", "view_pdf", "print_report", "print_view", "reset_layout", "palette", "shortcuts", "tour"),
    *("save", "save_as", "save_as_template", "start", "open", "reload"),
}

LETTERS = tuple(Qt.Key(key) for key in (*range(Qt.Key.Key_A, Qt.Key.Key_Z + 1), *range(Qt.Key.Key_0, Qt.Key.Key_9 + 1)))
_NAMES = (
    "Escape Return Tab Backtab Backspace Delete Left Right Up Down Home End PageUp PageDown Space F2 F3 F10 "
    "BracketLeft BracketRight Insert Plus Minus"
)
NAMED_KEYS = tuple(Qt.Key[f"Key_{name}"] for name in _NAMES.split())
NO_KEY = Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
MODIFIERS = (*[NO_KEY] * 7, CONTROL, CONTROL, SHIFT, CONTROL | SHIFT, ALT)
BUTTONS = (*[Qt.MouseButton.LeftButton] * 8, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton)
TYPED = ("1", "0", "7", "x", "-", "1e9", "nan", "inf", "2k", " ", "½", "<b>", "中", "16", "fp8", "9" * 40, "../a", "\t")
SIZES = (QSize(860, 600), QSize(900, 700), QSize(1000, 640), QSize(1240, 700), QSize(1440, 860))
CLIPS = (
    "cluster:\n  nodes:\n    - name: pasted\n      gpus: 2\n      device: h100-sxm\n",
    "cluster:\n  nodes:\n    - {name: <b>&amp;, gpus: 4, device: a100-sxm-80gb}\n",
    "placement:\n  moves:\n    - {expert: 0, slots: [1]}\n",
    "placement:\n  moves:\n    - {layers: 0-1, expert: 2, slots: [0, 3]}\n",
    "placement:\n  moves:\n    - {expert: 999, slots: [-1]}\n",
    "a: &a [*a]",
    "[" * 500,
    "",
)
CONFIG = {
    "model_type": "mixtral",
    "hidden_size": 1024,
    "intermediate_size": 2048,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "num_hidden_layers": 3,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "vocab_size": 32000,
    "torch_dtype": "bfloat16",
}


def little_design(seed: int) -> Project:
    """A design of a few hundred operators; the strategy is another with each seed."""
    strategies = ({"ep": 4}, {"dp": 2, "ep": 2}, {"pp": 2, "ep": 2}, {"tp": 2, "ep": 2, "etp": 2})
    return Project(
        name=f"Little {seed}",
        model=Model(
            hidden=512,
            attention=Attention(heads=8, head_dim=64),
            ffn={"moe": FeedForward(kind="swiglu", hidden=1024, experts=(4, 8)[seed % 2], top_k=2)},
            blocks=(Block(repeat=(2, 4)[seed // 2 % 2]),),
        ),
        cluster=Cluster(
            nodes=tuple(Node(name=f"node{number}", gpus=2, device="own") for number in range(2)),
            devices={"own": Device(memory_gb=80, memory_tb_s=3.0, peak_tflops={"bf16": 900})},
        ),
        parallel=Parallel(**strategies[seed % len(strategies)]),
        workload=Workload(batch=64, tokens=128),
    )


class Faults(logging.Handler):
    """Gathers what the program itself calls a defect: exceptions that its hook has caught."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what was said, with where it came from."""
        self.found.append(logging.Formatter().format(record))


class User:
    """Does one random thing after the other, and looks whether the window took it well."""

    def __init__(self, app: QApplication, folder: Path, seed: int, first: Project) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.done: list[str] = []
        self.faults = Faults()
        self.session = Session(
            app,
            QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat),
            Places(state=folder / "state", templates=folder / "templates"),
        )
        self._files = list(_files(folder))
        self._trail = (folder / "trail.txt").open("wb", buffering=0)
        self._begun: tuple[Document, str] | None = None
        self._widgets: list[QWidget] = []
        self._open(Document(first))
        self._watchdog = QTimer()
        self._watchdog.setInterval(50)
        self._watchdog.timeout.connect(self._leave_nested)
        self._watchdog.start()
        self._look_at_document()
        self._deeds: tuple[Callable[[], str], ...] = (
            *[self._trigger] * 9,
            *[self._click] * 20,
            *[self._drag] * 14,
            *[self._hover] * 14,
            *[self._wheel] * 12,
            *[self._key] * 20,
            *[self._type] * 6,
            *[self._undo_or_redo] * 5,
            *[self._tab] * 3,
            *[self._menu] * 2,
            *(self._resize, self._paste, self._paste, self._device, self._drop, self._example, self._outside),
        )

    @property
    def window(self) -> MainWindow:
        """The window that is open now."""
        assert self.session.window is not None
        return self.session.window

    def _open(self, document: Document) -> None:
        self.session.open_window(document)
        self.window.resize(SIZES[1])
        self._settle()

    # One thing after the other

    def act(self) -> None:
        """Do something, let the window answer, and use or close what has opened."""
        self._do(self.chance.choice(self._deeds))
        self._use_dialogs()
        self._stay_small()
        if not self.window.isVisible():
            self._note("reopen")
            self._open(self.window.document)
        self._look_at_document()
        assert not self.faults.found, f"{self.faults.found[0]}\nafter {self.done[-30:]}"

    def _do(self, deed: Callable[[], str]) -> None:
        self._note(deed())
        self._settle()

    def _note(self, deed: str) -> None:
        self.done.append(deed)
        self._trail.write(f"{deed}\n".encode())

    def _settle(self) -> None:
        QApplication.processEvents()
        # Outside of an event loop nobody else deletes what is to be deleted later.
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def _leave_nested(self) -> None:
        """A menu or dialog that waits for an answer in a loop of its own gets one."""
        if QThread.currentThread().loopLevel() == 0:
            return
        waiting = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        if isinstance(waiting, QMenu) and waiting.actions() and self.chance.random() < 0.6:
            self._note("choose in a menu that waits")
            self.chance.choice(waiting.actions()).trigger()
        if waiting is not None and isValid(waiting):
            waiting.close()

    def _use_dialogs(self) -> None:
        for widget in QApplication.topLevelWidgets():
            if not isValid(widget) or widget is self.window or not widget.isVisible():
                continue
            self._note(f"opened {type(widget).__name__}")
            for _ in range(self.chance.randrange(5)):
                if isValid(widget) and widget.isVisible():
                    self._do(lambda inside=widget: self._use(inside))
            if isValid(widget) and widget.isVisible():
                widget.close()
            self._settle()

    def _use(self, dialog: QWidget) -> str:
        if isinstance(dialog, QMenu):
            actions = [action for action in dialog.actions() if action.isEnabled() and not action.isSeparator()]
            if not actions:
                return "an empty menu"
            action = self.chance.choice(actions)
            dialog.close()  # as a menu does when something is chosen
            action.trigger()
            return f"choose {action.text()}"
        inside = [widget for widget in dialog.findChildren(QWidget) if widget.isVisible()]
        if not inside:
            return "an empty dialog"
        widget = self.chance.choice(inside)
        name = type(widget).__name__
        if isinstance(widget, QLineEdit | QAbstractSpinBox):
            widget.setFocus()
            self._enter(widget, self.chance.choice(TYPED))
        elif self.chance.random() < 0.3:
            self._press(widget, self.chance.choice(NAMED_KEYS), NO_KEY)
        else:
            self._mouse_click(widget, self._point(widget), Qt.MouseButton.LeftButton, NO_KEY)
        return f"use {name}"

    def _stay_small(self) -> None:
        document = self.window.document
        while document.history.undo_label and _is_large(document):
            self._note("too large")
            document.undo()

    def _look_at_document(self) -> None:
        """Another document begins: the one before, undone, must be what it was."""
        document = self.window.document
        if self._begun is None or self._begun[0] is not document:
            self.undo_all()
            self._begun = (document, project_text(document.history.entries[0].project))

    def undo_all(self) -> None:
        """Take back every change of the document that is or was open; what it began with must be there again."""
        if self._begun is None:
            return
        document, first = self._begun
        document.cancel()  # what is carried by keys is not yet done
        while document.history.undo_label:
            document.undo()
        assert project_text(document.project) == first, self.done[-30:]

    def end(self) -> None:
        """Undo everything, look at the window once more, and leave."""
        self.window.edits.finish()
        self.undo_all()
        self.window.bridge.refresh()
        self.window.workspace.finish()
        shown = self.window.strip.cards["Latency"].value.text()
        fresh = Document(self.window.document.project).evaluation
        assert shown == _latency(fresh), self.done[-30:]
        self._settle()
        assert not self.faults.found, self.faults.found[0]

    def leave(self) -> None:
        """Close the window whatever its state, and let go of everything."""
        self._watchdog.stop()
        window = self.window
        window.leave()
        window.hide()
        window.deleteLater()
        self._settle()
        self._trail.close()

    # Where

    def _target(self) -> QWidget:
        """What lies at a random point of the window, or any widget: small ones are hit seldom otherwise."""
        window = self.window
        workspace = window.workspace
        dice = self.chance.random()
        if dice < 0.25:
            return workspace.cluster.viewport()
        if dice < 0.4:
            return workspace.graph.view
        if dice < 0.75:
            return window.childAt(self._point(window)) or window
        if len(self.done) % 100 < 2 or not self._widgets:
            self._widgets = window.findChildren(QWidget)
        for widget in self.chance.sample(self._widgets, min(12, len(self._widgets))):
            if isValid(widget) and widget.isVisible():
                return widget
        self._widgets = []
        return window

    def _point(self, widget: QWidget) -> QPoint:
        return QPoint(self.chance.randrange(max(1, widget.width())), self.chance.randrange(max(1, widget.height())))

    # With the mouse

    def _click(self) -> str:
        widget, button = self._target(), self.chance.choice(BUTTONS)
        modifier, point = self.chance.choice(MODIFIERS), self._point(widget)
        name = f"click {button.name} {modifier} {_named(widget)} {point.x()},{point.y()}"
        self._mouse_click(widget, point, button, modifier)
        if self.chance.random() < 0.15:
            self._mouse(widget, QEvent.Type.MouseButtonDblClick, point, button, modifier)
            self._mouse(widget, QEvent.Type.MouseButtonRelease, point, button, modifier)
            name = f"double {name}"
        return name

    def _mouse_click(self, widget: QWidget, point: QPoint, button: Qt.MouseButton, keys: Qt.KeyboardModifier) -> None:
        self._mouse(widget, QEvent.Type.MouseButtonPress, point, button, keys)
        self._mouse(widget, QEvent.Type.MouseButtonRelease, point, button, keys)
        if button is Qt.MouseButton.RightButton and isValid(widget):
            place = widget.mapToGlobal(point)
            QApplication.sendEvent(widget, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, point, place, keys))

    def _drag(self) -> str:
        widget, button = self._target(), self.chance.choice(BUTTONS)
        modifier = self.chance.choice(MODIFIERS)
        points = [self._point(widget) for _ in range(self.chance.randrange(2, 5))]
        name = f"drag {button.name} {modifier} {_named(widget)} {[(point.x(), point.y()) for point in points]}"
        self._mouse(widget, QEvent.Type.MouseButtonPress, points[0], button, modifier)
        for point in points[1:]:
            self._mouse(widget, QEvent.Type.MouseMove, point, button, modifier)
        dice = self.chance.random()
        if dice < 0.4:
            QApplication.processEvents()
        if dice < 0.1:
            self._press(widget, Qt.Key.Key_Escape, NO_KEY)
        elif dice < 0.15:
            self.window.document.undo()
            name += " undo meanwhile"
        elif dice < 0.2:
            QTimer.singleShot(0, self.window, self.window.document.redo)
            QApplication.processEvents()
            name += " redo meanwhile"
        self._mouse(widget, QEvent.Type.MouseButtonRelease, points[-1], button, modifier)
        return name

    def _hover(self) -> str:
        widget = self._target()
        point = self._point(widget)
        name = f"hover {_named(widget)}"
        self._mouse(widget, QEvent.Type.MouseMove, point, Qt.MouseButton.NoButton, self.chance.choice(MODIFIERS))
        if self.chance.random() < 0.2 and isValid(widget):
            QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, point, widget.mapToGlobal(point)))
        elif self.chance.random() < 0.1 and isValid(widget):
            QApplication.sendEvent(widget, QEvent(QEvent.Type.Leave))
        return name

    def _mouse(
        self, widget: QWidget, kind: QEvent.Type, point: QPoint, button: Qt.MouseButton, keys: Qt.KeyboardModifier
    ) -> None:
        if not isValid(widget):
            return
        none, place = Qt.MouseButton.NoButton, QPointF(point)
        held = none if kind is QEvent.Type.MouseButtonRelease else button
        own = none if kind is QEvent.Type.MouseMove else button
        event = QMouseEvent(kind, place, QPointF(widget.mapToGlobal(point)), own, held, keys)
        QApplication.sendEvent(widget, event)

    def _wheel(self) -> str:
        widget = self._target()
        point, modifier = self._point(widget), self.chance.choice(MODIFIERS)
        turn = QPoint(self.chance.choice((0, 0, 120)), self.chance.choice((-480, -120, 120, 480)))
        name = f"wheel {turn.y()} {modifier} {_named(widget)}"
        event = QWheelEvent(
            QPointF(point), QPointF(widget.mapToGlobal(point)), QPoint(), turn, Qt.MouseButton.NoButton, modifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)
        return name

    def _menu(self) -> str:
        """Open a context menu, or choose in the menu of a button or of the menu bar."""
        if self.chance.random() < 0.5:
            widget = self._target()
            self._mouse_click(widget, self._point(widget), Qt.MouseButton.RightButton, NO_KEY)
            return f"context menu of {_named(widget)}"
        menus = [button.menu() for button in self.window.findChildren(QAbstractButton) if hasattr(button, "menu")]
        menus = [menu for menu in menus if menu is not None]
        if not menus:
            return "no menu"
        menu = self.chance.choice(menus)
        menu.aboutToShow.emit()
        actions = [action for action in menu.actions() if action.isEnabled()]
        if not actions:
            return "an empty menu"
        action = self.chance.choice(actions)
        action.trigger()
        return f"menu {action.text()}"

    # With the keyboard

    def _key(self) -> str:
        widget = QApplication.focusWidget() or self.window.workspace.cluster
        key = self.chance.choice(LETTERS if self.chance.random() < 0.45 else NAMED_KEYS)
        modifier = self.chance.choice(MODIFIERS)
        name = f"key {key.name} {modifier} in {_named(widget)}"
        if modifier in (CONTROL, ALT) and self.chance.random() > 0.3:
            modifier = NO_KEY
        self._press(widget, key, modifier)
        return name

    def _press(self, widget: QWidget, key: Qt.Key, keys: Qt.KeyboardModifier) -> None:
        """Press and release; what the key does may close the widget, and the release then goes nowhere."""
        if isValid(widget):
            QTest.keyPress(widget, key, keys)
        if isValid(widget):
            QTest.keyRelease(widget, key, keys)

    def _type(self) -> str:
        """Type into a field, and leave it in one way or another."""
        window = self.window
        fields = [field for kind in (QLineEdit, QComboBox) for field in window.findChildren(kind) if field.isVisible()]
        if not fields:
            return "no field"
        field = self.chance.choice(fields)
        name = f"type in {_named(field)}"
        field.setFocus()
        if isinstance(field, QComboBox) and not field.isEditable():
            index = self.chance.randrange(max(1, field.count()))
            field.setCurrentIndex(index)
            field.activated.emit(index)
            return f"choose {index} in {_named(field)}"
        if isinstance(field, QLineEdit):
            if self.chance.random() < 0.5:
                field.selectAll()
            self._enter(field, self.chance.choice(TYPED))
        if isValid(field) and self.chance.random() < 0.7:
            self._press(field, self.chance.choice((Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Tab)), NO_KEY)
        return name

    def _enter(self, field: QWidget, text: str) -> None:
        for letter in text:
            if isValid(field):
                QApplication.sendEvent(field, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_unknown, NO_KEY, letter))

    # With actions

    def _trigger(self) -> str:
        name, action = self.chance.choice(list(self.window.actions_by_name.items()))
        if name in SLOW and self.chance.random() > SELDOM:
            return f"thinks of {name}"
        self._note(f"action {name}")
        action.trigger()
        return f"did {name}"

    def _undo_or_redo(self) -> str:
        verb = self.chance.choice(("undo", "undo", "redo"))
        self.window.actions_by_name[verb].trigger()
        return verb

    def _tab(self) -> str:
        tabs = self.window.workspace.tabs
        tabs.setCurrentIndex(self.chance.randrange(tabs.count()))
        return f"tab {tabs.currentIndex()}"

    def _resize(self) -> str:
        size = self.chance.choice(SIZES)
        self.window.resize(size)
        return f"resize {size.width()}x{size.height()}"

    # With other things of the desk

    def _paste(self) -> str:
        number = self.chance.randrange(len(CLIPS))
        QGuiApplication.clipboard().setText(CLIPS[number])
        self.window.actions_by_name["paste"].trigger()
        return f"paste {number}"

    def _device(self) -> str:
        """Drag a device of the palette onto the canvas, and drop it or not."""
        port = self.window.workspace.cluster.viewport()
        data = device_mime(self.chance.choice(("h100-sxm", "b200")), self.chance.choice((0, 1, 2)))
        at, action, left = self._point(port), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        QApplication.sendEvent(port, QDragEnterEvent(at, action, data, left, NO_KEY))
        QApplication.sendEvent(port, QDragMoveEvent(at, action, data, left, NO_KEY))
        if self.chance.random() < 0.7:
            QApplication.sendEvent(port, QDropEvent(QPointF(at), action, data, left, NO_KEY))
        else:
            QApplication.sendEvent(port, QEvent(QEvent.Type.DragLeave))
        return f"device at {at.x()},{at.y()}"

    def _drop(self) -> str:
        """Drop a file on the window."""
        if self.chance.random() < 0.5:
            return "thinks of dropping a file"
        path, data = self.chance.choice(self._files), QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        at, action, left = self._point(self.window), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        QApplication.sendEvent(self.window, QDragEnterEvent(at, action, data, left, NO_KEY))
        QApplication.sendEvent(self.window, QDropEvent(QPointF(at), action, data, left, NO_KEY))
        return f"drop {path.name}"

    def _example(self) -> str:
        """Open something else: now and then an example, mostly a little file."""
        if self.chance.random() < 0.7:
            return "thinks of opening another"
        if self.chance.random() < 0.3:
            path = resource("examples", self.chance.choice(("seed1", "seed0-baseline", "seed4-proposed")) + ".moe.yaml")
            self.window.files.new_from_example(path)
        else:
            path = self.chance.choice(self._files)
            if self.window.files.may_lose():
                self.window.files.open_path(path)
        return f"open {path.name}"

    def _outside(self) -> str:
        """Another program changes or removes the file; the window looks when it is activated."""
        path = self.window.document.path
        if path is None or not path.is_relative_to(self.folder):
            return "nothing outside"
        if path.exists() and self.chance.random() < 0.7:
            path.write_text(f"{path.read_text(encoding='utf-8')}# {len(self.done)}\n", encoding="utf-8")
        else:
            path.unlink(missing_ok=True)
        QApplication.sendEvent(self.window, QEvent(QEvent.Type.WindowActivate))
        return f"outside {path.name}"

    # Answers to dialogs of the system

    def answers(self, patch: pytest.MonkeyPatch) -> None:
        """Answer the dialogs that would wait for a person."""
        chance = self.chance
        patch.setattr(QFileDialog, "getOpenFileName", staticmethod(lambda *_, **__: (self._to_open(), "")))
        patch.setattr(QFileDialog, "getSaveFileName", staticmethod(lambda *_, **__: (self._to_save(), "")))
        patch.setattr(QFileDialog, "getExistingDirectory", staticmethod(lambda *_, **__: ""))
        title = staticmethod(lambda *_, **__: (chance.choice(("", "A", "<b>x</b>", "a/b")), chance.random() < 0.7))
        patch.setattr(QInputDialog, "getText", title)
        buttons = QMessageBox.StandardButton
        patch.setattr(QMessageBox, "exec", lambda _: chance.choice((buttons.Save, buttons.Discard, buttons.Cancel)))
        patch.setattr(QPrintDialog, "exec", lambda _: QPrintDialog.DialogCode.Rejected)
        patch.setattr(QDrag, "exec", lambda *_: Qt.DropAction.IgnoreAction)
        patch.setattr(looks, "has_letters", lambda _: True)

    def _to_open(self) -> str:
        return "" if self.chance.random() < 0.3 else str(self.chance.choice(self._files))

    def _to_save(self) -> str:
        names = ("saved.moe.yaml", "other", "chart.svg", "a b.png", "no/such/folder/x.csv")
        return "" if self.chance.random() < 0.3 else str(self.folder / self.chance.choice(names))


def _files(folder: Path) -> Iterator[Path]:
    """Files of every kind that may be opened or dropped."""
    for seed in range(4):
        path = folder / f"little{seed}.moe.yaml"
        path.write_text(project_text(little_design(seed)), encoding="utf-8")
        yield path
    contents = {
        "config.json": json.dumps(CONFIG),
        "loads.csv": "\n".join(",".join(str(1 + expert) for expert in range(8)) for _ in range(2)),
        "broken.moe.yaml": "format: [",
        "later.moe.yaml": "format: 999\n",
        "picture.png": "",
    }
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8")
        yield folder / name
    yield folder / "gone.moe.yaml"
    yield folder


def _is_large(document: Document) -> bool:
    project = document.history.current
    return project.cluster.gpu_count > MOST_GPUS or len(document.committed_evaluation.graph) > MOST_OPERATORS


def _latency(evaluation: Evaluation) -> str:
    return figures(evaluation, None, ())[0].value


def _named(widget: QWidget) -> str:
    return f"{type(widget).__name__}:{widget.accessibleName() or widget.objectName()}"


@contextmanager
def random_user(app: QApplication, folder: Path, seed: int, first: Project) -> Iterator[User]:
    """A user with a window of their own; what the program calls a defect meanwhile is theirs to report."""
    with pytest.MonkeyPatch.context() as patch:
        user = User(app, folder, seed, first)
        user.answers(patch)
        logger = logging.getLogger("moe_studio")
        logger.addHandler(user.faults)
        try:
            yield user
        finally:
            logger.removeHandler(user.faults)
            user.leave()
