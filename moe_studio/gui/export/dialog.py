"""The export dialog: what, in which format, how it will look, and where to."""

import os
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from moe_studio.document.document import Document
from moe_studio.document.reference import Reference
from moe_studio.gui.export.order import COMPARED, SUBJECTS, Order, Subject, command_line, with_suffix
from moe_studio.gui.export.work import Preview, preview, write
from moe_studio.gui.text import tr
from moe_studio.gui.theme import ui_font
from moe_studio.gui.widgets.guard import guarded
from moe_studio.gui.widgets.job import Job
from moe_studio.gui.widgets.label import ElidedLabel, plain_label
from moe_studio.gui.widgets.panel import fitting
from moe_studio.units import si_text

SETTLE_MS = 120
"""How long options must rest before a preview is made."""

BUSY_AFTER_MS = 300
AUTOMATIC = -1


class Picture(QWidget):
    """A picture as large as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Preview of the picture"))
        self.image = QImage()

    def show_picture(self, data: bytes) -> None:
        """Show this PNG."""
        self.image = QImage.fromData(data)
        self.update()

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        if self.image.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        ratio = self.devicePixelRatioF()
        room = self.size() * ratio
        size = self.image.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        size = size.boundedTo(self.image.size()) / ratio
        area = self.rect()
        area.setSize(size)
        area.moveCenter(self.rect().center())
        painter.drawImage(area, self.image)
        painter.end()


class ExportDialog(QDialog):
    """Everything that can be exported of the committed design.

    Signals:
        written: an export is finished; carries the path and the size in bytes.
    """

    written = Signal(object, object)

    def __init__(
        self,
        document: Document,
        folder: Path,
        stem: str,
        parent: QWidget | None = None,
        *,
        reference: Reference | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Export"))
        self.resize(fitting(QSize(980, 660), self))
        self.document = document
        self._folder, self._stem, self._reference = folder, stem, reference
        self._known = (*SUBJECTS, *COMPARED) if reference else SUBJECTS
        self._project = document.history.current
        self._named = False
        self._previewed: Order | None = None
        self.previewer, self.writer = Job(self), Job(self)
        self._target = Path()
        self._make_widgets()
        self._build()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(BUSY_AFTER_MS)
        self._connect()
        self.subjects.setCurrentRow(0)
        self.subjects.setFocus()

    # Building

    def _make_widgets(self) -> None:
        self.subjects = QListWidget()
        self.subjects.setAccessibleName(tr("What to export"))
        self.subjects.setFixedWidth(190)
        self.subjects.addItems([tr(subject.title) for subject in self._known])
        self.detail = plain_label("", "fact")
        self.format = QComboBox()
        self.format.setAccessibleName(tr("Format"))
        self.layer = _number(tr("Layer"), self._project.model.layer_count - 1)
        self.gpu = _number(tr("GPU"), self._project.cluster.gpu_count - 1)
        self.text = QPlainTextEdit()
        self.text.setAccessibleName(tr("Preview of the text"))
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(ui_font(12))
        self.picture = Picture()
        self.message = plain_label("", "muted")
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.message.setWordWrap(True)
        self.pages = QStackedWidget()
        for page in (self.message, self.text, self.picture):
            self.pages.addWidget(page)
        self.size_text = plain_label("", "small")
        self.path = QLineEdit()
        self.path.setAccessibleName(tr("File"))
        self.browse = QPushButton(tr("Browse…"))
        self.note = ElidedLabel("", "small")
        self.command = QLineEdit()
        self.command.setReadOnly(True)
        self.command.setAccessibleName(tr("Command line that does the same"))
        self.copy = QPushButton(tr("Copy"))
        self.copy.setAccessibleName(tr("Copy the command line"))
        self.busy = QProgressBar()
        self.busy.setAccessibleName(tr("Progress"))
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setFixedWidth(120)
        self.doing = plain_label("", "small")
        self.stop_button = QPushButton(tr("Cancel"))
        self.export_button = QPushButton(tr("Export"))
        self.export_button.setDefault(True)
        self.export_button.setProperty("primary", True)
        self.close_button = QPushButton(tr("Close"))

    def _build(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        self._labels: list[QLabel] = []
        options = QHBoxLayout()
        options.setSpacing(12)
        for title, field in ((tr("Format"), self.format), (tr("Layer"), self.layer), (tr("GPU"), self.gpu)):
            label = plain_label(title, "fact")
            label.setBuddy(field)
            options.addWidget(label)
            options.addWidget(field)
            self._labels.append(label)
        options.addStretch(1)
        options.addWidget(self.size_text)
        card = QWidget()
        card.setProperty("role", "dock")
        card.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        inner = QVBoxLayout(card)
        inner.setContentsMargins(8, 8, 8, 8)
        inner.addWidget(self.pages)
        file_row, command_row = QHBoxLayout(), QHBoxLayout()
        for row, parts in ((file_row, (self.path, self.browse)), (command_row, (self.command, self.copy))):
            row.setSpacing(8)
            row.addWidget(parts[0], 1)
            row.addWidget(parts[1])
        form.addRow(plain_label(tr("File"), "fact"), file_row)
        form.addRow(plain_label(tr("Command"), "fact"), command_row)
        right = QVBoxLayout()
        right.setSpacing(10)
        right.addWidget(self.detail)
        right.addLayout(options)
        right.addWidget(card, 1)
        right.addLayout(form)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addWidget(self.subjects)
        body.addLayout(right, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.note, 1)
        for widget in (self.doing, self.busy, self.stop_button, self.export_button, self.close_button):
            buttons.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(12)
        column.addLayout(body, 1)
        column.addLayout(buttons)
        for widget in (self.busy, self.stop_button, self.doing):
            widget.hide()

    def _connect(self) -> None:
        self.subjects.currentRowChanged.connect(self._on_subject)
        self.format.currentIndexChanged.connect(self._on_option)
        self.layer.valueChanged.connect(self._on_option)
        self.gpu.valueChanged.connect(self._on_option)
        self.path.textEdited.connect(self._on_path)
        self.browse.clicked.connect(self._on_browse)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command.text()))
        self.export_button.clicked.connect(self.export)
        self.stop_button.clicked.connect(self.stop)
        self.close_button.clicked.connect(self.reject)
        self._settle.timeout.connect(self._preview)
        self._late.timeout.connect(self._show_progress)
        self.previewer.done.connect(self._on_preview)
        self.previewer.failed.connect(self._on_no_preview)
        self.writer.told.connect(self.doing.setText)
        self.writer.done.connect(self._on_written)
        self.writer.failed.connect(self._on_failed)

    # What is asked for

    @property
    def subject(self) -> Subject:
        """What is chosen in the list."""
        return self._known[max(0, self.subjects.currentRow())]

    @property
    def order(self) -> Order:
        """What would be exported now."""
        subject = self.subject
        return Order(
            subject=subject,
            format=subject.formats[max(0, self.format.currentIndex())],
            layer=self.layer.value() if subject.has_layer and self.layer.value() != AUTOMATIC else None,
            gpu=self.gpu.value() if subject.has_gpu and self.gpu.value() != AUTOMATIC else None,
            reference=self._reference if subject in COMPARED else None,
        )

    @property
    def target(self) -> Path:
        """The file that is written: with the ending of its format, beside the project unless a folder is named."""
        # Not `expanduser` of pathlib: it raises where there is no such user.
        named = os.path.expanduser(self.path.text().strip())
        return self._folder / with_suffix(named, self.order.format.suffix)

    def choose(self, name: str, suffix: str = "") -> None:
        """Choose a subject and a format by name, as a user would in the lists."""
        self.subjects.setCurrentRow([subject.name for subject in self._known].index(name))
        if suffix:
            self.format.setCurrentIndex([item.suffix for item in self.subject.formats].index(suffix))

    def _on_subject(self) -> None:
        subject, before = self.subject, self.format.currentText()
        self.format.blockSignals(True)
        self.format.clear()
        self.format.addItems([tr(item.title) for item in subject.formats])
        self.format.setCurrentIndex(max(0, self.format.findText(before)))
        self.format.blockSignals(False)
        self.format.setEnabled(len(subject.formats) > 1)
        for place, is_asked in ((1, subject.has_layer), (2, subject.has_gpu)):
            self._labels[place].setVisible(is_asked)
            (self.layer, self.gpu)[place - 1].setVisible(is_asked)
        self.detail.setText(tr(subject.detail))
        self._on_option()

    def _on_option(self) -> None:
        order = self.order
        if not self._named:
            name = with_suffix(f"{self._stem}-{order.stem}", order.format.suffix)
            self.path.setText(str(self._folder / name))
        else:
            self.path.setText(with_suffix(self.path.text(), order.format.suffix))
        self._show_target()
        self.size_text.setText("")
        self._settle.start()

    def _on_path(self) -> None:
        written = self.path.text().strip().lower()
        self._named = bool(written)
        endings = [item.suffix for item in self.subject.formats]
        meant = next((place for place, ending in enumerate(endings) if written.endswith(ending)), -1)
        if meant not in (-1, self.format.currentIndex()):
            self.format.setCurrentIndex(meant)
        self._show_target()

    def _on_browse(self) -> None:
        order = self.order
        pattern = f"{tr(order.format.title)} (*{order.format.suffix})"
        name, _ = QFileDialog.getSaveFileName(self, tr("Export"), self.path.text(), pattern)
        if name:
            self._named = True
            self.path.setText(name if name.lower().endswith(order.format.suffix) else f"{name}{order.format.suffix}")
            self._show_target()

    def _show_target(self) -> None:
        path, known = self.target, self.document.path
        self.command.setText(command_line(self.order, str(known or f"{self._stem}.moe.yaml"), path))
        self.command.setCursorPosition(0)
        notes = []
        if os.path.isfile(path):  # a name that is too long is no file; `Path.is_file` raises
            notes.append(tr("The file is there already and will be replaced."))
        if self._reference is not None and self._reference.path is None and self.subject in COMPARED:
            notes.append(tr("The reference has no file: save that state as reference.moe.yaml for the command."))
        if known is None or self.document.is_modified:
            notes.append(tr("The command reads the project file: save the design first."))
        self.note.setText(" ".join(notes))
        self.export_button.setEnabled(bool(self.path.text().strip()) and not self.writer.is_running)

    # Preview

    def _preview(self) -> None:
        self._say(tr("Making a preview…"))
        self._previewed = self.order
        self.previewer.start(preview, self._project, self.document.path, self._previewed)

    def _on_preview(self, found: Preview) -> None:
        if self._previewed != self.order:
            return
        if found.picture:
            self.picture.show_picture(found.picture)
            self.pages.setCurrentWidget(self.picture)
        else:
            self.text.setPlainText(found.text)
            self.pages.setCurrentWidget(self.text)
        self.size_text.setText(size_text(found))

    def _on_no_preview(self, message: str) -> None:
        self._say(tr(message))

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.pages.setCurrentWidget(self.message)

    # Writing

    def export(self) -> None:
        """Write what is chosen to the file."""
        self._target = self.target
        self.previewer.stop()
        self.doing.setText(tr("Evaluating"))
        self.writer.start(write, self._project, self.document.path, self.order, self._target)
        self.export_button.setEnabled(False)
        self._late.start()

    def stop(self) -> None:
        """Leave what is being written unwritten; what was there before stays."""
        self.writer.stop()
        self._end_writing()
        self._settle.start()  # the preview had made way
        self.note.setText(tr("Cancelled. Nothing was written."))

    def _show_progress(self) -> None:
        for widget in (self.busy, self.stop_button, self.doing):
            widget.show()

    def _end_writing(self) -> None:
        self._late.stop()
        for widget in (self.busy, self.stop_button, self.doing):
            widget.hide()
        self.export_button.setEnabled(True)

    def _on_written(self, byte: int) -> None:
        self._end_writing()
        self.written.emit(self._target, byte)
        self.accept()

    def _on_failed(self, message: str) -> None:
        self._end_writing()
        self.note.setText(tr(message))
        self._say(tr(message))

    @override
    def done(self, result: int) -> None:
        for job in (self.previewer, self.writer):
            job.end()
        super().done(result)


def size_text(found: Preview) -> str:
    """How large an export will be, in words."""
    if found.byte < 0:
        return tr("Size: known when written")
    amount = si_text(found.byte, "B", 3)
    return amount if found.is_exact else tr("more than {size}", size=amount)


def _number(name: str, most: int) -> QSpinBox:
    """A field for the number of a layer or of a GPU; below 0 stands for a fitting one."""
    field = QSpinBox()
    field.setAccessibleName(name)
    field.setRange(AUTOMATIC, most)
    field.setSpecialValueText(tr("first"))
    field.setValue(AUTOMATIC)
    field.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)  # arrow keys, the wheel and typing do it
    field.setFixedWidth(72)
    return field
