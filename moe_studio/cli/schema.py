"""``moe-studio schema``: what files and results look like, as JSON Schema."""

from typing import Annotated

import typer

from moe_studio.locator import resource
from moe_studio.storage.schema import schema_text


def command(
    result: Annotated[
        bool, typer.Option("--result", help="Of what evaluate --json prints, not of project files.")
    ] = False,
) -> int:
    """Print the JSON Schema of project files, or of results.

    \b
    Examples:
      moe-studio schema > project.schema.json
      moe-studio schema --result
    """
    print(resource("schema", "summary.schema.json").read_text("utf-8") if result else schema_text(), end="")
    return 0
