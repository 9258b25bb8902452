"""What a fit found: errors on rows held out, as Markdown and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import isfinite, log10

import numpy as np

from moe_studio.kernel.device import FloatArray
from moe_studio.kernel.fitted import BandError, Calibration

_PANEL_WIDTH, _PANEL_HEIGHT, _MARGIN = 360, 200, 44
_COLUMNS = 2
_MAX_POINTS = 600
_MAX_RATIO = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residual:
    """Predicted over measured of the rows held out of the fit of one kernel variant."""

    family: str
    variant: str
    size_name: str
    size: FloatArray
    ratio: FloatArray

    def error(self) -> tuple[float, float]:
        """Median and 90th percentile of |predicted / measured − 1|."""
        return median_and_p90(self.ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Error of one kernel variant where more than its shape is new."""

    family: str
    variant: str
    about: str
    """What is new: ``without nodes 2``, ``with numbers of h200-sxm``."""
    rows: int
    median: float
    p90: float
    shared: float
    """Part of the variance that errors of rows of the same size have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitReport:
    """The calibration that was fitted, its residuals, harder checks, and what was not used."""

    calibration: Calibration
    residuals: tuple[Residual, ...]
    notes: tuple[str, ...]
    checks: tuple[Check, ...] = ()


def median_and_p90(ratio: FloatArray) -> tuple[float, float]:
    """Median and 90th percentile of |ratio − 1|; NaN without rows."""
    if not len(ratio):
        return float("nan"), float("nan")
    error = np.abs(ratio - 1)
    return float(np.median(error)), float(np.percentile(error, 90))


def shared_variance(ratio: FloatArray, group: FloatArray) -> float:
    """Correlation of the log errors of two different rows of a group, NaN without pairs; errors beyond e-fold count e.

    It is taken about zero, for what is common to all rows is an error, too.
    """
    error = np.clip(np.log(ratio), -1.0, 1.0)
    _, place, count = np.unique(group, return_inverse=True, return_counts=True)
    total, square = np.bincount(place.reshape(-1), error), np.bincount(place.reshape(-1), error**2)
    pairs = float((count * (count - 1.0)).sum())
    return float((total**2 - square).sum() / pairs / np.mean(error**2)) if pairs and square.any() else float("nan")


def band_errors(size: FloatArray, ratio: FloatArray, bands: Sequence[float]) -> tuple[BandError, ...]:
    """The error in each band that has rows; the last band has no upper end but that of its rows."""
    edges = [*bands, max(float(size.max(initial=0)), bands[-1]) * 2]
    found = []
    for low, high in pairwise(edges):
        inside = (size >= low) & (size < high)
        if inside.any():
            median, p90 = median_and_p90(ratio[inside])
            found.append(BandError(low=low, high=high, rows=int(inside.sum()), median=median, p90=p90))
    return tuple(found)


def markdown(report: FitReport) -> str:
    """The report as Markdown."""
    lines = [f"# Calibration of {report.calibration.facts.name}", "", "Error on whole shapes held out of the fit.", ""]
    lines += ["| family | variant | size | rows | median | 90th percentile |", "|---|---|---|--:|--:|--:|"]
    for item in report.residuals:
        median, p90 = item.error()
        lines.append(_line(item.family, item.variant, "all", len(item.ratio), median, p90))
        for band in report.calibration.families[item.family][item.variant].evidence.held_out:
            size = f"{band.low:,.0f} ≤ {item.size_name} < {band.high:,.0f}"
            lines.append(_line("", "", size, band.rows, band.median, band.p90))
    if report.checks:
        lines += ["", "## Where more than the shape is new", ""]
        lines += ["Shared is the part of the variance that errors of rows of the same size have in common.", ""]
        lines += ["| family | variant | check | rows | median | 90th percentile | shared |"]
        lines += ["|---|---|---|--:|--:|--:|--:|"]
        lines += [
            f"{_line(c.family, c.variant, c.about, c.rows, c.median, c.p90)} {c.shared:.2f} |" for c in report.checks
        ]
    if report.notes:
        lines += ["", "## Not used", "", *(f"* {note}" for note in report.notes)]
    return "\n".join(lines) + "\n"


def picture(report: FitReport) -> str:
    """Predicted over measured by size, one panel for each variant, as SVG."""
    rows = -(-len(report.residuals) // _COLUMNS)
    width, height = _COLUMNS * (_PANEL_WIDTH + _MARGIN) + _MARGIN, rows * (_PANEL_HEIGHT + 2 * _MARGIN) + _MARGIN
    panels = [_panel(item, index) for index, item in enumerate(report.residuals)]
    style = "text{font:12px sans-serif}.p{fill:#3584e4;fill-opacity:.35}.l{stroke:#888;stroke-width:1}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"><style>{style}</style>'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *panels, "</svg>"]) + "\n"


def _line(family: str, variant: str, about: str, rows: int, median: float, p90: float) -> str:
    return f"| {family} | {variant} | {about} | {rows:,} | {median * 100:.1f} % | {p90 * 100:.1f} % |"


def _panel(item: Residual, index: int) -> str:
    left = _MARGIN + index % _COLUMNS * (_PANEL_WIDTH + _MARGIN)
    top = _MARGIN + index // _COLUMNS * (_PANEL_HEIGHT + 2 * _MARGIN)
    step = max(1, -(-len(item.size) // _MAX_POINTS))
    size, ratio = np.maximum(item.size[::step], 1.0), np.clip(item.ratio[::step], 1 / _MAX_RATIO, _MAX_RATIO)
    low, high = log10(float(size.min(initial=1.0))), log10(float(size.max(initial=10.0)))
    x = left + (np.log10(size) - low) / max(high - low, 1e-9) * _PANEL_WIDTH
    y = top + (0.5 - np.log(ratio) / np.log(_MAX_RATIO) / 2) * _PANEL_HEIGHT
    median, p90 = item.error()
    errors = f": {median * 100:.1f} / {p90 * 100:.1f} %" if isfinite(median) else ""
    title = escape(f"{item.family} {item.variant}{errors}")
    parts = [f'<text x="{left}" y="{top - 8}">{title}</text>']
    for mark in (0.25, 0.5, 1.0, 2.0, 4.0):
        at = top + (0.5 - log10(mark) / log10(_MAX_RATIO) / 2) * _PANEL_HEIGHT
        parts.append(f'<line class="l" x1="{left}" x2="{left + _PANEL_WIDTH}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{left - 4}" y="{at + 4:.1f}" text-anchor="end">{mark:g}</text>')
    parts += [f'<circle class="p" cx="{a:.1f}" cy="{b:.1f}" r="2"/>' for a, b in zip(x, y, strict=True)]
    below = f"{escape(item.size_name)} from {10**low:,.0f} to {10**high:,.0f}; predicted / measured"
    return "\n".join([*parts, f'<text x="{left}" y="{top + _PANEL_HEIGHT + 16}">{below}</text>'])
