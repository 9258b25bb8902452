"""Options that several commands share, and the endings of files that they write."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from moe_studio.errors import MoeStudioError

Project = Annotated[
    Path, typer.Argument(metavar="PROJECT", help="Project file, such as design.moe.yaml.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="File to write.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="PRESET", help="Cluster of the catalogue, such as dgx-h100-4.", show_default=False),
]
Name = Annotated[str | None, typer.Option(metavar="TITLE", help="Title of the design.", show_default=False)]
Phase = Annotated[Literal["decode", "prefill", "forward"], typer.Option(help="What the model is asked to do.")]

Provider = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Who prices: auto, fixed, calibrated, table, or a plug-in. Else as the design says.",
        show_default=False,
    ),
]
Table = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Own measured run times (CSV); chooses the provider table.", show_default=False),
]
Calibration = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Own calibration, made by moe-studio calibrate.", show_default=False),
]
Datasheet = Annotated[
    Path | None,
    typer.Option(metavar="FILE.yaml", help="Datasheet of a GPU that the catalogue does not have.", show_default=False),
]
AllowProvider = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Plug-in that may be loaded this time.", show_default=False),
]


def refuse_unused(provider: str | None, table: Path | None, calibration: Path | None) -> None:
    """Raise `MoeStudioError` if a file is named that the provider named beside it does not look at."""
    if table is not None and provider not in (None, "table"):
        raise MoeStudioError(f"The provider {provider} has no use for --table; leave one of them out.")
    if calibration is not None and provider == "fixed":
        raise MoeStudioError("The provider fixed has no use for --calibration; leave one of them out.")


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise `MoeStudioError` if ``path`` exists and must not be replaced."""
    if path.exists() and not force:
        raise MoeStudioError(f"{path} exists already; name another file, or add --force to replace it.")
