"""What commands that use Qt need to know: whether it is there, and whether there is a display."""

import os
import sys

from moe_studio.errors import MoeStudioError


def missing_qt(error: ImportError) -> MoeStudioError:
    """What to say where Qt cannot be imported."""
    return MoeStudioError(
        f"This needs Qt, which cannot be loaded: {error}. Set MoE Studio up with packaging/bootstrap.py, "
        "or install PySide6-Essentials and the system libraries that Qt names."
    )


def has_display() -> bool:
    """Whether a window can be shown here."""
    if os.environ.get("QT_QPA_PLATFORM"):
        return True
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
