"""``moe-studio calibrate``: fits kernel models to measured run times."""

from pathlib import Path
from typing import Annotated

import typer

from moe_studio.calibration.fit import calibrate
from moe_studio.calibration.report import markdown, picture
from moe_studio.cli.console import say
from moe_studio.cli.option import Output
from moe_studio.cli.output import check_ending, refuse_inputs
from moe_studio.storage.atomic import save_text

REPORTS = (".md", ".svg")
"""Endings of what `--report` writes: text, or plots."""


def command(
    tables: Annotated[list[Path], typer.Argument(metavar="DATA…", help="Tables of measured run times, CSV or CSV.gz.")],
    output: Output,
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE.yaml",
            help="GPU to fit, when the tables hold several; or the datasheet of one that the catalogue does not have.",
            show_default=False,
        ),
    ] = "",
    source: Annotated[list[str] | None, typer.Option(help="Where the times come from, with licence.")] = None,
    date: Annotated[str, typer.Option(help="Day of the fit, for the file, as 2026-11-20; today if not given.")] = "",
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the residuals: .md as text, .svg as plots.")
    ] = None,
) -> int:
    """Fit a device to measured run times, and say how far the fit errs on shapes that it has not seen.

    The columns are those of moe-studio predict, with time_us in microseconds. Rows that are impossible
    (missing, zero, faster than the datasheet allows) are set aside, counted, and named by their lines.

    A GPU that the catalogue does not have needs its datasheet: a YAML file named as the GPU is in the tables, with
    memory_gb, memory_tb_s, peak_tflops by data type, sms and, for times of links, link_gb_s. The result holds it, too.

    \b
    Examples:
      moe-studio calibrate gemm.csv attention.csv -o my-h100.yaml --device H100-SXM --report residuals.md
      moe-studio calibrate gemm.csv --device my-gpu.yaml -o my-gpu-fit.yaml
    """
    refuse_inputs(output, *tables)
    if report is not None:
        check_ending(report, REPORTS)
        refuse_inputs(report, output, *tables)
    found = calibrate(tables, output, device=device, sources=source or (), date=date)
    text = markdown(found)
    if report is not None:
        save_text(report, picture(found) if report.suffix == ".svg" else text)
    for line in text.splitlines():
        say(line)
    return 0
