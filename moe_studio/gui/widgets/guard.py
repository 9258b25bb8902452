"""Painting that may fail without harm to what else is painted."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

Paint = TypeVar("Paint", bound=Callable[..., None])


def guarded(paint: Paint) -> Paint:
    """A paint method that reports what fails in it, and lets the others paint.

    An exception that leaves one override of Qt while another waits above it, such as `viewportEvent`, stays
    pending while Qt goes on painting, which PySide 6.11.3 does not survive.
    """

    @wraps(paint)
    def safe(*given: Any, **named: Any) -> None:
        try:
            paint(*given, **named)
        except Exception:
            sys.excepthook(*sys.exc_info())

    return cast(Paint, safe)
