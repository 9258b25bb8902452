"""One entry for every format that needs no window: the suffix of the file decides."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from moe_studio.engine.evaluation import Evaluation
from moe_studio.errors import MoeStudioError, SaveError
from moe_studio.export.dot import write_dot
from moe_studio.export.graphml import write_graphml
from moe_studio.export.summary import summary_json
from moe_studio.export.svg import write_svg
from moe_studio.export.table import write_table
from moe_studio.export.trace import write_trace
from moe_studio.view.view import view as view_of


def write_summary(evaluation: Evaluation, file: TextIO) -> None:
    """Write the summary of ``evaluation`` as JSON."""
    file.write(summary_json(evaluation).rstrip("\n") + "\n")


VIEW_WRITERS = {".dot": write_dot, ".gv": write_dot, ".svg": write_svg, ".graphml": write_graphml}
"""Formats of one view, by suffix."""

WHOLE_WRITERS = {".csv": write_table, ".trace.json": write_trace, ".json": write_summary}
"""Formats of the whole evaluation, by suffix."""

FORMATS = (*VIEW_WRITERS, *WHOLE_WRITERS)
"""Every known suffix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an export wrote; ``view`` is empty for formats of the whole evaluation."""

    path: Path
    format: str
    view: str
    byte: int


def export(
    evaluation: Evaluation,
    path: Path | str,
    *,
    view: str = "overview",
    layer: int | None = None,
    gpu: int | None = None,
    format: str | None = None,
) -> Written:
    """Write ``evaluation`` to ``path`` in the format of its suffix, or of ``format``.

    Raises:
        MoeStudioError: if the format or the view is unknown.
        SaveError: if the file cannot be written; what was there before stays.
    """
    path = Path(path)
    suffix = format_of(path, format)
    if suffix in WHOLE_WRITERS:
        writer, name = WHOLE_WRITERS[suffix], ""
        byte = save_stream(path, lambda file: writer(evaluation, file))
    else:
        chosen = view_of(evaluation, view, layer=layer, gpu=gpu)
        draw, name = VIEW_WRITERS[suffix], chosen.name
        byte = save_stream(path, lambda file: draw(chosen, file))
    return Written(path=path, format=suffix.removeprefix("."), view=name, byte=byte)


def format_of(path: Path, format: str | None = None) -> str:
    """The known suffix that ``path`` ends in, or that ``format`` names: ``svg``, ``.svg``, ``trace``."""
    asked = path.name.lower() if format is None else f".{format.lower().removeprefix('.')}"
    if asked == ".trace":
        return ".trace.json"
    found = next((suffix for suffix in FORMATS if asked.endswith(suffix)), None)
    if found is None:
        what = f"{path.name} has no known suffix" if format is None else f"The format {format!r} is not known"
        raise MoeStudioError(f"{what}; the known ones are {', '.join(FORMATS)}.")
    return found


def save_stream(path: Path, write: Callable[[TextIO], None]) -> int:
    """Let ``write`` fill a file beside ``path`` and put it in its place; returns its size in bytes.

    Raises:
        SaveError: if that fails; what was there before stays.
    """
    temporary = path.with_name(f".moe-studio-{secrets.token_hex(8)}.tmp")
    try:
        try:
            with temporary.open("x", encoding="utf-8", newline="\n") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            size = temporary.stat().st_size
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SaveError(
            f"{path.name} was not written: {error.strerror or error}. What was there before is intact."
        ) from error
    return size
