"""``moe-studio report``: everything about a design, as a document."""

from pathlib import Path
from typing import Annotated

import typer

from moe_studio import api
from moe_studio.cli.option import Project
from moe_studio.cli.window import missing_qt


def command(
    project: Project,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE.{md,html,pdf}",
            help="File to write; Markdown is printed without.",
            show_default=False,
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="PROJECT", help="A design to compare it with.", show_default=False),
    ] = None,
) -> int:
    """Write a report: verdict, model, deployment, matrix multiplications, longest path, memory, checklist.

    The HTML page holds its drawings and needs nothing else. Exit status 1 says that the design breaks a rule.

    \b
    Examples:
      moe-studio report design.moe.yaml -o report.html
      moe-studio report proposed.moe.yaml --reference baseline.moe.yaml -o report.md
    """
    is_pdf = output is not None and output.suffix.lower() == ".pdf"
    if output is not None and not is_pdf:
        api.report_format(output)
    result = api.open(project).evaluate()
    other = api.open(reference).evaluate() if reference is not None else None
    text = result.report(None if is_pdf else output, reference=other)
    if output is None:
        print(text, end="")
    elif is_pdf:
        _write_pdf(text, output)
    return 0 if result.is_valid() else 1


def _write_pdf(report: str, path: Path) -> None:
    # Only the window's library can set pages.
    try:
        from moe_studio.gui.printing import report_pdf
    except ImportError as error:
        raise missing_qt(error) from error

    report_pdf(report, path)
