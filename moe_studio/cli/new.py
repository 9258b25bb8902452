"""``moe-studio new``: a project from the catalogue."""

from pathlib import Path
from typing import Annotated

import typer

from moe_studio import api
from moe_studio.cli.console import one_line, say
from moe_studio.cli.option import Cluster, Force, Name, Output, Phase, refuse_existing
from moe_studio.storage.atomic import save_text


def command(
    output: Output,
    preset: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Model of the catalogue, such as deepseek-v3.", show_default=False),
    ] = None,
    hf: Annotated[
        Path | None, typer.Option("--hf", metavar="CONFIG", help="A Hugging Face config.json.", show_default=False)
    ] = None,
    cluster: Cluster = None,
    phase: Phase = "decode",
    name: Name = None,
    force: Force = False,
) -> int:
    """Make a project from a model and a cluster.

    Experts are spread as widely as they divide, attention is data-parallel. A model without experts that does not fit
    into one GPU is split over as few as it fits into. Without --cluster it is the smallest of a few that it fits into.

    \b
    Examples:
      moe-studio new -o first.moe.yaml
      moe-studio new --preset deepseek-v3 --cluster gb200-nvl72 -o v3.moe.yaml
      moe-studio new --hf config.json --phase prefill -o mine.moe.yaml
    """
    refuse_existing(output, force=force)
    design = api.new(preset, hf_config=hf, cluster=cluster, name=name, phase=phase)
    notes = [one_line(warning) for warning in design.project.model.warnings]
    # What was assumed stays with the file, where the next reader looks.
    save_text(output, "".join(f"# Assumed on import: {note}\n" for note in notes) + design.to_yaml())
    for note in notes:
        say(f"Note: {note}")
    say(f"{output}: {design.name}, {design.project.cluster.gpu_count} GPUs, ep {design.project.parallel.ep}.")
    return 0
