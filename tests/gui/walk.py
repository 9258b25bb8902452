"""Walks the window: every text that a widget shows, and whether there is room for it."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QHelpEvent, QImage, QPainter, QRegion
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QScrollBar,
    QStyle,
    QStyleOptionComboBox,
    QTabBar,
    QToolBar,
    QToolTip,
    QWidget,
)
from shiboken6 import isValid

from moe_studio.gui.widgets.label import ElidedLabel

SLACK = 1
SHARP = 3
"""So many pixels for one, to find the full colour of thin strokes."""

Piece = tuple[QWidget, QRect, str]


def seen(root: QWidget) -> Iterator[QWidget]:
    """All widgets below ``root`` that can be seen, without those of other windows."""
    for widget in root.findChildren(QWidget):
        if isValid(widget) and widget.isVisible() and widget.window() is root.window():
            yield widget


def cut_texts(root: QWidget) -> set[str]:
    """What there is no room for: each as a sentence."""
    return {sentence for widget in seen(root) for sentence in (*_cut(widget), *_misplaced(widget))}


def _cut(widget: QWidget) -> Iterator[str]:
    name = type(widget).__name__
    if isinstance(widget, ElidedLabel):
        if widget.fontMetrics().horizontalAdvance(widget.text()) > widget.width() and bare(widget.text()) not in told(
            widget
        ):
            yield f"{name} ends in an ellipsis and has no tooltip: {widget.text()}"
    elif isinstance(widget, QLabel) and widget.wordWrap():
        if widget.heightForWidth(widget.width()) > widget.height() + SLACK:
            yield f"{name} is too low: {widget.text()}"
    elif isinstance(widget, QLabel | QAbstractButton) and widget.text():
        need = widget.sizeHint()
        if need.width() > widget.width() + SLACK or need.height() > widget.height() + 3:
            yield f"{name} is too small, {widget.size().toTuple()} for {need.toTuple()}: {widget.text()}"
    elif isinstance(widget, QComboBox):
        room = combo_room(widget).width()
        text = widget.currentText()
        if widget.fontMetrics().horizontalAdvance(text) > room and bare(text) not in told(widget):
            yield f"{name} has {room} pixels and no tooltip for {text}"
    elif isinstance(widget, QLineEdit) and not widget.text():
        if widget.fontMetrics().horizontalAdvance(widget.placeholderText()) > widget.width() - 12:
            yield f"{name} is too small for {widget.placeholderText()}"
    elif isinstance(widget, QTabBar):
        if widget.count() and not widget.usesScrollButtons() and widget.sizeHint().width() > widget.width():
            yield f"{name}: tabs out of sight"
    elif isinstance(widget, QHeaderView) and widget.orientation() is Qt.Orientation.Horizontal:
        for section, text in _heads(widget):
            if widget.fontMetrics().horizontalAdvance(text) + 8 > widget.sectionSize(section):
                yield f"{name} is too narrow: {text}"


def _heads(header: QHeaderView) -> Iterator[tuple[int, str]]:
    model: Any = header.model()
    for section in range(header.count() if model else 0):
        text = model.headerData(section, Qt.Orientation.Horizontal)
        if text and not header.isSectionHidden(section):
            yield section, str(text)


def _misplaced(widget: QWidget) -> Iterator[str]:
    """Widgets that stick out of their parent, or lie on each other."""
    parent, place = widget.parentWidget(), widget.geometry()
    if parent is None or widget.isWindow() or isinstance(widget, QScrollBar) or isinstance(parent, QTabBar | QToolBar):
        return
    holder = parent.parentWidget()
    is_scrolled = isinstance(holder, QAbstractScrollArea) and holder.viewport() is parent
    if not is_scrolled and not place.isEmpty() and not parent.rect().adjusted(-1, -1, 1, 1).contains(place):
        holders = f"{type(parent).__name__} {parent.size().toTuple()}"
        yield f"{type(widget).__name__} {place.getRect()} sticks out of {holders}"
    if not isinstance(widget, QLabel | QAbstractButton | QComboBox | QLineEdit):
        return
    for other in parent.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
        is_text = isinstance(other, QLabel | QAbstractButton | QComboBox | QLineEdit)
        if is_text and other.isVisible() and not other.isWindow() and id(other) < id(widget):
            shared = text_place(other).intersected(text_place(widget))
            if shared.width() > SLACK and shared.height() > SLACK:
                yield f"{told_by(widget)} and {told_by(other)} overlap by {shared.size().toTuple()}"


def text_place(widget: QWidget) -> QRect:
    """Where a widget is in its parent; of a label only the part that its words take."""
    if not isinstance(widget, QLabel):
        return widget.geometry()
    flags = int(widget.alignment().value) | (int(Qt.TextFlag.TextWordWrap.value) if widget.wordWrap() else 0)
    words = widget.fontMetrics().boundingRect(widget.contentsRect(), flags, widget.text())
    return words.intersected(widget.rect()).translated(widget.pos())


def told(widget: QWidget) -> str:
    """The tooltip that pointing at ``widget`` shows."""
    middle = widget.rect().center()
    QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, middle, widget.mapToGlobal(middle)))
    text = QToolTip.text()
    QToolTip.hideText()
    return bare(text)


def bare(text: str) -> str:
    """Letters alone: without markup, and without what the pseudo-locale adds."""
    return re.sub(r"[⟦⟧·]", "", unescape(text)).casefold()


def combo_room(box: QComboBox) -> QRect:
    """Where a combo box has its text."""
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    part = QStyle.SubControl.SC_ComboBoxEditField
    return box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, box)


def pieces(root: QWidget) -> Iterator[Piece]:
    """Texts that Qt paints for widgets, each with the place in its widget; disabled ones need no contrast."""
    for widget in seen(root):
        if not widget.isEnabled() or widget.visibleRegion().isEmpty():
            continue
        if isinstance(widget, QLabel | QAbstractButton) and widget.text():
            yield widget, widget.rect(), widget.text()
        elif isinstance(widget, QComboBox) and widget.currentText():
            yield widget, combo_room(widget), widget.currentText()
        elif isinstance(widget, QLineEdit) and (widget.text() or widget.placeholderText()):
            yield widget, widget.rect().adjusted(3, 3, -3, -3), widget.text() or widget.placeholderText()
        elif isinstance(widget, QTabBar):
            for index in range(widget.count()):
                yield widget, widget.tabRect(index).adjusted(0, 0, 0, -4), widget.tabText(index)
        elif isinstance(widget, QHeaderView) and widget.orientation() is Qt.Orientation.Horizontal:
            for section, text in _heads(widget):
                place = QRect(
                    widget.sectionViewportPosition(section), 0, widget.sectionSize(section), widget.height() - 2
                )
                yield widget, place, text


def sharp_picture(widget: QWidget, place: QRect) -> QImage:
    """How ``place`` of ``widget`` looks in its window, several pixels for one."""
    window = widget.window()
    corner = widget.mapTo(window, place.topLeft())
    image = QImage(place.size() * SHARP, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.scale(SHARP, SHARP)
    window.render(painter, QPoint(), QRegion(QRect(corner, place.size())))
    painter.end()
    return image


def told_by(widget: QWidget) -> str:
    """A widget by its kind and its text."""
    text = widget.currentText() if isinstance(widget, QComboBox) else getattr(widget, "text", str)()
    return f"{type(widget).__name__} “{text}”"
