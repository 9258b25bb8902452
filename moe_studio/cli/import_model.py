"""``moe-studio import``: a project from somebody else's description of a model."""

from pathlib import Path
from typing import Annotated

import typer

from moe_studio.cli import new
from moe_studio.cli.option import Cluster, Force, Name, Output, Phase


def command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A Hugging Face config.json.", show_default=False)],
    output: Output,
    cluster: Cluster = None,
    phase: Phase = "decode",
    name: Name = None,
    force: Force = False,
) -> int:
    """Make a project from a Hugging Face config.json. What had to be assumed is printed.

    \b
    Examples:
      moe-studio import config.json -o model.moe.yaml
      moe-studio import config.json --cluster dgx-h200-4 --phase prefill -o model.moe.yaml
    """
    return new.command(output, hf=config, cluster=cluster, phase=phase, name=name, force=force)
