"""``moe-studio export``: graphs, tables, traces and pictures."""

from typing import Annotated

import typer

from moe_studio import api
from moe_studio.cli.option import Output, Project
from moe_studio.cli.window import missing_qt


def command(
    project: Project,
    output: Output,
    view: Annotated[
        str,
        typer.Option(help="overview, layer, attention, expert, routing, critical or full."),
    ] = "overview",
    layer: Annotated[int | None, typer.Option(min=0, help="Layer that the view is of.", show_default=False)] = None,
    gpu: Annotated[int | None, typer.Option(min=0, help="GPU that the view is of.", show_default=False)] = None,
) -> int:
    """Write a view of the operator graph, a table, a trace, or the project.

    The ending of FILE decides: .dot .svg .png .pdf .graphml draw a view; .csv lists operators; .json is the result of
    evaluate; .trace.json is the schedule for Perfetto; .yaml is the project. Exit status 1: the design breaks a rule.

    \b
    Examples:
      moe-studio export design.moe.yaml -o overview.svg
      moe-studio export design.moe.yaml -o layer3.dot --view layer --layer 3
      moe-studio export design.moe.yaml -o attention.png --view attention --layer 3 --gpu 5
      moe-studio export design.moe.yaml -o schedule.trace.json
    """
    result = api.open(project).evaluate()
    if output.suffix.lower() in api.PICTURES:
        # Only the window's library can draw pictures.
        try:
            from moe_studio.gui.render import render_svg
        except ImportError as error:
            raise missing_qt(error) from error

        render_svg(result.svg(view=view, layer=layer, gpu=gpu), output)
    else:
        result.export(output, view=view, layer=layer, gpu=gpu)
    return 0 if result.is_valid() else 1
