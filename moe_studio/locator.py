"""Finds the files that ship with the program, from a checkout or from a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Path of a shipped file or folder: ``resource("examples")``.

    A wheel carries ``resources/`` inside the package; a checkout has it beside it.
    """
    inside = _PACKAGE / "resources"
    root = inside if inside.is_dir() else _PACKAGE.parent / "resources"
    return root.joinpath(*parts)
