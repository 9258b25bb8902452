"""``moe-studio get-time``: one matrix multiplication."""

from typing import Annotated

import typer

from moe_studio import api
from moe_studio.cli.console import say
from moe_studio.cli.option import Json
from moe_studio.export.summary import json_text
from moe_studio.units import si_text, time_text


def command(
    m: Annotated[int, typer.Argument(metavar="M", help="Rows of the first matrix.", show_default=False)],
    k: Annotated[int, typer.Argument(metavar="K", help="What both share.", show_default=False)],
    n: Annotated[int, typer.Argument(metavar="N", help="Columns of the second.", show_default=False)],
    count: Annotated[int, typer.Option(help="How often, in one launch.")] = 1,
    dtype: Annotated[str, typer.Option(help="Data type: fp32, bf16, fp16, fp8, int8 or fp4.")] = "bf16",
    device: Annotated[str, typer.Option(help="Device of the catalogue.")] = "h100-sxm",
    compute: Annotated[float, typer.Option(help="Share of the arithmetic peak that is reached.")] = 0.6,
    memory: Annotated[float, typer.Option(help="Share of the memory bandwidth that is reached.")] = 0.8,
    launch_us: Annotated[float, typer.Option(help="Cost of starting a kernel, in µs.")] = 0.0,
    json: Json = False,
) -> int:
    """Time of one matrix multiplication: an m × k by a k × n matrix on one GPU.

    It takes as long as its arithmetic or its memory traffic, whichever is longer, and the launch.

    \b
    Examples:
      moe-studio get-time 640000 8192 32768 --dtype fp16 --device seed-64g
      moe-studio get-time 128 7168 2048 --device h200-sxm --json
    """
    seconds = api.get_time(
        m, k, n, count=count, dtype=dtype, device=device, compute=compute, memory=memory, launch_us=launch_us
    )
    flop = 2 * m * k * n * count
    if json:
        asked = {"m": m, "k": k, "n": n, "count": count, "dtype": dtype, "device": device}
        print(json_text({**asked, "seconds": seconds, "flop": flop, "flop_per_s": flop / seconds}), end="")
    else:
        times = f"{count} × " if count > 1 else ""
        rate = si_text(flop / seconds, "FLOP/s")
        say(f"{times}Get_Time({m}, {k}, {n}) = {time_text(seconds)} on {device}, {dtype} ({rate})")
    return 0
