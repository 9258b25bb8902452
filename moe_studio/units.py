"""Names for base units and the one place where quantities become text.

The whole program computes in seconds, bytes and flop. Scaling happens here, when a
number is shown.
"""

import math

GB = 1e9
GIB = 2.0**30
TB = 1e12
TFLOP = 1e12
US = 1e-6
MS = 1e-3

_SI = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_BINARY = ((2.0**50, "PiB"), (2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
_TIME = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def significant(value: float, digits: int = 4) -> str:
    """``value`` with ``digits`` significant digits and no exponent for ordinary sizes."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -9 or magnitude > 15:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - magnitude)}f}"


def counted(number: int, word: str) -> str:
    """How many of something: ``1 node``, ``1,024 nodes``."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def time_text(seconds: float, digits: int = 4) -> str:
    """A duration with the unit in which it is easiest to read."""
    if seconds == 0:
        return "0 s"
    for scale, name in _TIME:
        if abs(seconds) >= scale * 0.99995:
            return f"{significant(seconds / scale, digits)} {name}"
    return f"{significant(seconds / 1e-9, digits)} ns"


def byte_text(byte: float, digits: int = 3) -> str:
    """A size or an amount of traffic, in decimal units as in datasheets: 6.4e10 is ``64.0 GB``."""
    return si_text(byte, "B", digits)


def binary_text(byte: float, digits: int = 4) -> str:
    """A size in binary units, for figures that are powers of two: ``512 MiB``."""
    for scale, name in _BINARY:
        if abs(byte) >= scale:
            size = byte / scale
            return f"{size:.0f} {name}" if size == int(size) else f"{significant(size, digits)} {name}"
    return f"{significant(byte, digits)} B"


def si_text(value: float, unit: str, digits: int = 4) -> str:
    """A quantity with a decimal prefix: ``si_text(3.4e14, "FLOP")`` is ``340.0 TFLOP``."""
    for scale, prefix in _SI:
        if abs(value) >= scale:
            return f"{significant(value / scale, digits)} {prefix}{unit}".rstrip()
    return f"{significant(value, digits)} {unit}".rstrip()


def percent_text(ratio: float, digits: int = 1) -> str:
    """A ratio as a percentage: 0.471 is ``47.1 %``."""
    return f"{ratio * 100:.{digits}f} %" if math.isfinite(ratio) else "–"
