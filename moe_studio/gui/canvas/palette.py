"""The palette of devices: drag one onto the canvas, or press Enter on it."""

from PySide6.QtCore import QMimeData, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QDrag, QMouseEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLayout, QMenu, QToolButton, QWidget
from typing_extensions import override

from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import ElidedLabel, plain_tip
from moe_studio.storage.catalogue import cluster_names, device_names, load_cluster, load_device

MIME = "application/x-moe-studio-device"
COMMON = ("h100-sxm", "h200-sxm", "b200")


class PaletteButton(QToolButton):
    """A device, or a whole node, that can be dragged. ``gpus`` 0 stands for a single GPU."""

    def __init__(self, text: str, tip: str, device: str, gpus: int) -> None:
        super().__init__()
        self.device, self.gpus = device, gpus
        self.setText(tr(text))
        self.setToolTip(plain_tip(tr(tip)))
        self.setAccessibleName(tr(tip))
        self.setProperty("flat", True)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self._from: QPoint | None = None

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._from = event.position().toPoint()
        super().mousePressEvent(event)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        start = self._from
        if start is None or (event.position().toPoint() - start).manhattanLength() < QApplication.startDragDistance():
            return
        self._from = None
        self.setDown(False)
        drag = QDrag(self)
        drag.setMimeData(device_mime(self.device, self.gpus))
        picture = QPixmap(self.size() * self.devicePixelRatioF())
        picture.setDevicePixelRatio(self.devicePixelRatioF())
        picture.fill(Qt.GlobalColor.transparent)
        self.render(picture)
        drag.setPixmap(picture)
        drag.setHotSpot(QPoint(self.width() // 2, self.height() // 2))
        drag.exec(Qt.DropAction.CopyAction)


class DevicePalette(QWidget):
    """A row of devices, and clusters to start from.

    Signals:
        chosen: a device was pressed; carries its name and the number of GPUs, 0 for a single one.
        preset_chosen: a cluster of the catalogue was chosen; carries its name.
    """

    chosen = Signal(str, int)
    preset_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Devices"))
        self.buttons: list[PaletteButton] = []
        row = self._row = QHBoxLayout(self)
        row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        row.setContentsMargins(14, 2, 8, 6)
        row.setSpacing(4)
        self.label = ElidedLabel(tr("Drag to add"), "small")
        row.addWidget(self.label)
        for name in COMMON:
            if name in device_names():
                title = name.partition("-")[0].upper()
                about = load_device(name).title or name
                tip = tr("{device}: drop it on a node, or beside them for a new node", device=about)
                self._add(row, title, tip, name, 0)
        self._add(row, tr("Node 8×"), tr("A node with eight GPUs of the kind of the last node"), "", 8)
        row.addWidget(self._menu_button(tr("More"), tr("More kinds of GPU"), self._device_menu()))
        row.addStretch(1)
        row.addWidget(self._menu_button(tr("Presets"), tr("Generate the cluster from a preset"), self._preset_menu()))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is no room for all, the words fold away, then the devices, which the menu has, too."""
        folding = [self.label, *reversed(self.buttons)]
        for widget in folding:
            widget.show()
        self._row.invalidate()
        while folding and self._row.sizeHint().width() > self.width():
            folding.pop(0).hide()
            self._row.invalidate()
        self._row.activate()
        super().resizeEvent(event)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(0, self._row.sizeHint().height())

    def _add(self, row: QHBoxLayout, text: str, tip: str, device: str, gpus: int) -> None:
        button = PaletteButton(text, tip, device, gpus)
        button.clicked.connect(lambda: self.chosen.emit(device, gpus))
        self.buttons.append(button)
        row.addWidget(button)

    def _menu_button(self, text: str, tip: str, menu: QMenu) -> QToolButton:
        button = QToolButton()
        button.setText(f"{tr(text)} ▾")
        button.setToolTip(plain_tip(tr(tip)))
        button.setAccessibleName(tr(tip))
        button.setProperty("flat", True)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(menu)
        return button

    def _device_menu(self) -> QMenu:
        menu = QMenu(tr("More kinds of GPU"), self)
        for name in device_names():
            action = QAction(tr("Node 8× {device}", device=load_device(name).title or name), menu)
            action.triggered.connect(lambda _=False, chosen=name: self.chosen.emit(chosen, 8))
            menu.addAction(action)
        return menu

    def _preset_menu(self) -> QMenu:
        menu = QMenu(tr("Presets"), self)
        # Clusters are read from files, which the window need not wait for.
        menu.aboutToShow.connect(lambda: self._fill_presets(menu) if menu.isEmpty() else None)
        return menu

    def _fill_presets(self, menu: QMenu) -> None:
        for name in cluster_names():
            gpus = load_cluster(name).gpu_count
            action = QAction(tr("{name} · {count} GPUs", name=name, count=gpus), menu)
            action.triggered.connect(lambda _=False, chosen=name: self.preset_chosen.emit(chosen))
            menu.addAction(action)


def device_mime(device: str, gpus: int) -> QMimeData:
    """What is dragged."""
    data = QMimeData()
    data.setData(MIME, f"{device}\n{gpus}".encode())
    return data


def device_of(data: QMimeData) -> tuple[str, int] | None:
    """Device and number of GPUs of what is dragged; None for anything else."""
    if not data.hasFormat(MIME):
        return None
    device, _, gpus = bytes(data.data(MIME).data()).decode("utf-8", "replace").partition("\n")
    known = device == "" or device in device_names()
    return (device, int(gpus)) if known and gpus.isdigit() and len(gpus) < 6 else None
