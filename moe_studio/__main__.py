"""Starts MoE Studio: ``moe-studio [PROJECT]`` opens the window, ``moe-studio COMMAND`` does one thing.

What must be quick, the version and opening the window, imports nothing that it does not need.
"""

import sys
from collections.abc import Sequence

from moe_studio import __version__
from moe_studio.cli import COMMANDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] in (["--version"], ["-V"]):
        print(f"MoE Studio {__version__}")
        return 0
    if not words or not (words[0].startswith("-") or words[0] in ("help", *COMMANDS)):
        words = ["open", "--", *words]
    # Imported here, so that the version is there at once.
    from moe_studio.cli.main import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main())
