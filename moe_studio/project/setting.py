"""Settings: dataclass fields that also say their range, unit and meaning.

The loader, the JSON Schema and the forms of the window are all made from these, so a
value's range and its explanation are written once, beside the value.
"""

import copyreg
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import MappingProxyType
from typing import Any

from moe_studio.errors import ProjectError

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def read_only(table: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """A view of ``table`` that cannot be changed."""
    return MappingProxyType(table)


# Values keep their mappings in read-only proxies, which Python can copy and send to a
# child process only when it is told how.
copyreg.pickle(MappingProxyType, lambda proxy: (read_only, (dict(proxy),)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is known of one field beside its type and default.

    ``low``/``high`` bound numbers (inclusive; ``above`` exclusive). ``choices`` lists the
    allowed words. A ``derived`` field is filled in by the loader and is never in a file.
    """

    doc: str
    unit: str = ""
    low: float | None = None
    above: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    derived: bool = False

    def fault(self, value: object) -> str | None:
        """What is wrong with ``value``, as a sentence, or None."""
        if isinstance(value, str):
            return self._text_fault(value)
        if isinstance(value, tuple | list):
            return next((fault for item in value if (fault := self.fault(item))), None)
        if isinstance(value, Mapping):
            return next((fault for item in value.values() if (fault := self.fault(item))), None)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return self._number_fault(value)

    def _text_fault(self, value: str) -> str | None:
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}, not {value[:60]!r}."
        if found := _CONTROL.search(value):
            return f"must not contain the control character U+{ord(found[0]):04X}."
        return None

    def _number_fault(self, value: float) -> str | None:
        if abs(value) == math.inf or value != value:
            return "must be a finite number."
        if self.low is not None and value < self.low:
            return f"must be at least {_short(self.low)}, not {_short(value)}."
        if self.above is not None and value <= self.above:
            return f"must be greater than {_short(self.above)}, not {_short(value)}."
        if self.high is not None and value > self.high:
            return f"must be at most {_short(self.high)}, not {_short(value)}."
        return None


def _short(value: float) -> str:
    """``value`` for a message; Python cannot format whole numbers beyond the largest float."""
    if abs(value) >= 1e300:
        return "a number this large"
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e12 else f"{value:g}"


def setting(
    doc: str,
    default: Any = MISSING,
    *,
    factory: Callable[[], Any] | None = None,
    unit: str = "",
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    derived: bool = False,
) -> Any:
    """A dataclass field that carries a `Setting`."""
    known = Setting(doc=doc, unit=unit, low=low, above=above, high=high, choices=choices, derived=derived)
    if factory is not None:
        return field(default_factory=factory, metadata={"setting": known})
    return field(default=default, metadata={"setting": known})


def settings_of(cls: type) -> Iterator[tuple[str, Setting]]:
    """The settings of a value class, by field name, in order; what it computes itself is none."""
    for item in fields(cls):
        if item.init:
            yield item.name, item.metadata["setting"]


def check_settings(value: Any, where: str) -> None:
    """Raise `ProjectError` for the first field of ``value`` that is out of range."""
    for name, known in settings_of(type(value)):
        fault = known.fault(getattr(value, name))
        if fault:
            raise ProjectError(f"{where}.{name} {fault}")
