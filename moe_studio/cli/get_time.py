"""``moe-studio get-time``: one matrix multiplication."""

from typing import Annotated

import typer

from moe_studio import api
from moe_studio.cli.console import say
from moe_studio.cli.option import AllowProvider, Calibration, Json, Provider, Table, refuse_unused
from moe_studio.export.summary import json_text
from moe_studio.units import percent_text, si_text, time_text


def command(
    m: Annotated[int, typer.Argument(metavar="M", help="Rows of the first matrix.", show_default=False)],
    k: Annotated[int, typer.Argument(metavar="K", help="What both share.", show_default=False)],
    n: Annotated[int, typer.Argument(metavar="N", help="Columns of the second.", show_default=False)],
    count: Annotated[int, typer.Option(help="How often, in one launch.")] = 1,
    dtype: Annotated[str, typer.Option(help="Data type: fp32, bf16, fp16, fp8, int8 or fp4.")] = "bf16",
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE.yaml",
            help="Device of the catalogue, or the datasheet of your own; else that of the calibration, else h100-sxm.",
            show_default=False,
        ),
    ] = "",
    provider: Provider = None,
    table: Table = None,
    calibration: Calibration = None,
    allow_provider: AllowProvider = None,
    compute: Annotated[
        float | None,
        typer.Option(help="fixed: share of the arithmetic peak that is reached (0.6).", show_default=False),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(help="fixed: share of the memory bandwidth that is reached (0.8).", show_default=False),
    ] = None,
    launch_us: Annotated[
        float | None, typer.Option(help="fixed: cost of starting a kernel, in µs (0).", show_default=False)
    ] = None,
    json: Json = False,
) -> int:
    """Time of one matrix multiplication: an m × k by a k × n matrix on one GPU.

    A device of the catalogue, or of the calibration, is priced by kernel models (calibrated), with the error to expect;
    fixed takes as long as the arithmetic or the memory traffic, whichever is longer, and the launch. It prices other
    devices of your own unless you ask for calibrated. Options of fixed choose fixed.

    \b
    Examples:
      moe-studio get-time 128 7168 2048 --device h200-sxm --dtype fp8
      moe-studio get-time 640000 8192 32768 --dtype fp16 --device seed-64g
      moe-studio get-time 64 4096 4096 --table measured.csv --json
      moe-studio get-time 64 4096 4096 --calibration my-gpu-fit.yaml
      moe-studio get-time 64 4096 4096 --device my-gpu.yaml --provider calibrated
    """
    refuse_unused(provider, table, calibration)
    found = api.get_time(
        m,
        k,
        n,
        count=count,
        dtype=dtype,
        device=device,
        provider=provider,
        table=table,
        calibration=calibration,
        allow=allow_provider or (),
        compute=compute,
        memory=memory,
        launch_us=launch_us,
    )
    flop = 2 * m * k * n * count
    if json:
        asked = {"m": m, "k": k, "n": n, "count": count, "dtype": dtype, "device": found.device}
        result = {"seconds": found.seconds, "flop": flop, "flop_per_s": flop / found.seconds, "bound": found.bound}
        how = {"share_of_peak": found.share_of_peak, "provenance": found.provenance, "expected_error": found.error}
        how |= {"outside": found.basis.is_outside, "basis": found.basis.sentence}
        print(json_text({**asked, **result, **how, "notes": found.notes}), end="")
    else:
        times = f"{count} × " if count > 1 else ""
        rate = si_text(flop / found.seconds, "FLOP/s")
        share = percent_text(found.share_of_peak)
        where = f"on {found.device}, {dtype} ({rate}, {share} of peak)"
        say(f"{times}Get_Time({m}, {k}, {n}) = {time_text(found.seconds)} {where}")
        error = f", expected error ±{percent_text(found.error)}" if found.error is not None else ""
        say(f"bound by {found.bound}; {found.provenance}{error}: {found.basis.sentence}")
        for note in found.notes:
            say(note)
    return 0
