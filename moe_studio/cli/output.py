"""Where commands may write: never over a file that they read."""

from pathlib import Path

from moe_studio.errors import MoeStudioError


def refuse_inputs(output: Path, *inputs: Path | None) -> None:
    """Refuse to write over a file that the same command reads or writes.

    Raises:
        MoeStudioError: if ``output`` is one of ``inputs``, by whatever name.
    """
    for path in filter(None, inputs):
        if _same(output, path):
            raise MoeStudioError(f"{output} is used by this command already; name another file to write.")


def check_ending(output: Path, endings: tuple[str, ...]) -> None:
    """Refuse a file whose name promises what the command does not make.

    Raises:
        MoeStudioError: if ``output`` ends in none of ``endings``.
    """
    if output.suffix not in endings:
        raise MoeStudioError(f"{output} must end in {' or '.join(endings)}.")


def _same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, which need not be there yet."""
    return one.samefile(other) if one.exists() and other.exists() else one.resolve() == other.resolve()
