"""The rules that a design is checked against (DESIGN §7)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One rule that a design breaks, or a remark.

    ``code`` is stable; ``severity`` is error, warning or info; ``where`` names the place, such as
    ``gpu 3``, ``layer 0``, ``expert 5 of layer 0``, ``parallel.tp``, or an operator's id.
    """

    code: str
    severity: str
    message: str
    where: str
