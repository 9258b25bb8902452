"""Painting and answers to Qt that may fail without harm to what else is shown."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

Override = TypeVar("Override", bound=Callable[..., Any])


def guarded(override: Override) -> Override:
    """An override of Qt's, such as painting, that reports what fails in it, lets the others go on, and answers None.

    An exception that leaves one override of Qt while another waits above it, such as `viewportEvent`, stays
    pending while Qt goes on painting, which PySide 6.11.3 does not survive.
    """

    @wraps(override)
    def safe(*given: Any, **named: Any) -> Any:
        try:
            return override(*given, **named)
        except Exception:
            sys.excepthook(*sys.exc_info())
            return None

    return cast(Override, safe)


@contextmanager
def painting(widget: QWidget, instead: str = "", color: QColor | None = None) -> Iterator[QPainter]:
    """A painter on ``widget``; what fails is reported, and ``instead`` said in ``color`` over what there is."""
    painter = QPainter(widget)
    try:
        yield painter
    except Exception:
        # Painting is an edge of the program: whatever fails there is reported once and must not stop the rest.
        sys.excepthook(*sys.exc_info())
        if color is not None:
            painter.resetTransform()
            painter.setClipping(False)
            painter.setPen(color)
            painter.drawText(widget.rect(), Qt.AlignmentFlag.AlignCenter, instead)
    finally:
        # A painter that stays open would crash the next frame in C++.
        painter.end()
