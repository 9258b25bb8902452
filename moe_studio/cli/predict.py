"""``moe-studio predict``: run times for a table of kernels."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from moe_studio.calibration.predict import predict_file
from moe_studio.calibration.provider import named_opinion
from moe_studio.calibration.report import median_and_p90
from moe_studio.calibration.store import loader
from moe_studio.cli.console import say
from moe_studio.cli.option import AllowProvider, Calibration, Datasheet, Output, Provider, Table, refuse_unused
from moe_studio.cli.output import refuse_inputs
from moe_studio.units import percent_text


def command(
    file: Annotated[
        Path, typer.Argument(metavar="IN.csv[.gz]", help="Table of kernels; its kind is told by its columns.")
    ],
    output: Output,
    table: Table = None,
    calibration: Calibration = None,
    device: Datasheet = None,
    provider: Provider = None,
    allow_provider: AllowProvider = None,
) -> int:
    """Predict the run time of every row of a table of kernels.

    Columns predicted_us and source are added; all others pass through, a source of their own as own_source. Rows that
    cannot be predicted stay and say why. Where times are measured, too, the error is printed. A GPU that the catalogue
    does not have is predicted by its own calibration, or, with --device, by its datasheet alone.

    \b
    Columns by kind (all with gpu; dtype and op where kernels differ by them):
      GEMM         m, k, n
      fused MoE    tokens, hidden, inter, topk, experts, moe_tp, moe_ep, routing
      attention    op, kv_dtype, batch, q_len, kv_len, heads, kv_heads, head_dim
      MLA          op, kv_dtype, batch, q_len, kv_len, heads
      elementwise  op, m, k
      collectives  op, gpus, nodes, bytes
      DeepEP       op, gpus, nodes, tokens, hidden, topk, experts, sms
      p2p          op, gpus, nodes, gpus_per_node, bytes
      served model model_path, system, isl, osl, batch_size, tp_size (time per output token)
      bandwidth    Size, scale, table (the share reached, as predicted_bw_fraction; without gpu on H100)

    \b
    Examples:
      moe-studio predict kernels.csv -o predicted.csv
      moe-studio predict gemm.csv.gz -o gemm-predicted.csv.gz
      moe-studio predict kernels.csv --table measured.csv -o predicted.csv
      moe-studio predict kernels.csv --calibration my-gpu-fit.yaml -o predicted.csv
    """
    refuse_unused(provider, table, calibration)
    refuse_inputs(output, table, calibration, device)
    report = predict_file(
        file, output, load=loader(calibration, device), opinion=named_opinion(provider, table, allow_provider or ())
    )
    say(f"{output}: {report.predicted:,} of {report.rows:,} rows of {report.family} predicted.")
    if len(report.ratio):
        middle, high = median_and_p90(report.ratio)
        bias = float(np.median(report.ratio)) - 1
        rows = f"{len(report.ratio):,} rows with {report.measured}"
        more, less = ("long", "short") if report.is_time else ("high", "low")
        side = f"half are more than {percent_text(abs(bias))} too {more if bias > 0 else less}"
        say(f"Error on {rows}: median {percent_text(middle)}, 90th percentile {percent_text(high)}; {side}.")
    for line in report.aside.sentences():
        say(f"  {line}")
    return 0
