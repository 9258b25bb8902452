"""Names the nearest of some known words."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest_hint(word: str, known: Iterable[str]) -> str:
    """What could have been meant by ``word``, as the second half of a sentence."""
    names = list(known)
    if close := get_close_matches(word[:80], names, n=1, cutoff=0.6):
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(names[:40]) + (", …" if len(names) > 40 else "")
    return f"known are {shown}." if names else "there is none."
