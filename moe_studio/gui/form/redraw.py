"""Showing something that asks, while it is being shown, to be shown again."""

from collections.abc import Callable


class Redraw:
    """Calls ``show``; what asks for it meanwhile has it called once more afterwards, and never inside itself.

    A field that goes away while something is typed into it ends its step, which asks to be shown in turn.
    """

    def __init__(self, show: Callable[[], None]) -> None:
        self._show = show
        self._is_showing = self._is_stale = False

    def __call__(self) -> None:
        """Show it now, or again once it has been shown."""
        self._is_stale = True
        if self._is_showing:
            return
        self._is_showing = True
        try:
            while self._is_stale:
                self._is_stale = False
                self._show()
        finally:
            self._is_showing = False
