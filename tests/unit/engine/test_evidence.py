"""How far a sum of run times may be off."""

import numpy as np
import pytest

from moe_studio.engine.evidence import UNKNOWN_SPREAD, Evidence, sum_spread_s
from moe_studio.graph.column import FloatArray


def evidence(family: list[int], kernel: list[int], *, spread: float = 0.1, shared: float = 0.0) -> Evidence:
    """Operators of these families and kernels, all as well known."""
    rows = len(family)
    return Evidence(
        provenance=np.full(rows, Evidence.code("calibrated"), np.int8),
        error=np.full(rows, 0.0674),
        spread=np.full(rows, spread),
        family=np.array(family),
        kernel=np.array(kernel),
        shared=np.full(rows, shared),
        outside=np.arange(rows) > 0,
    )


def simulated(seconds: FloatArray, known: Evidence) -> float:
    """The spread of the sum when errors are drawn as they are said to be."""
    draw = np.random.default_rng(0).normal(size=(40_000, 10))
    pairs = np.stack([known.family, known.kernel])
    of_kernel = np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1)
    error = np.sqrt(known.shared) * draw[:, known.family] + np.sqrt(1 - known.shared) * draw[:, 5 + of_kernel]
    return float((error * known.spread * seconds).sum(axis=1).std())


def test_the_same_kernel_errs_alike_wherever_it_runs() -> None:
    seconds = np.ones(100)
    assert sum_spread_s(seconds, evidence([0] * 100, [0] * 100)) == pytest.approx(10.0)


def test_different_kernels_partly_cancel() -> None:
    seconds = np.ones(4)
    assert sum_spread_s(seconds, evidence([0, 1, 2, 3], [0, 1, 2, 3], shared=1.0)) == pytest.approx(0.2)
    assert sum_spread_s(seconds, evidence([0] * 4, [0, 1, 2, 3])) == pytest.approx(0.2)
    assert sum_spread_s(seconds, evidence([0] * 4, [0, 1, 2, 3], shared=1.0)) == pytest.approx(0.4)


@pytest.mark.parametrize("shared", [0.0, 0.25, 0.9])
def test_the_spread_of_the_sum_is_that_of_drawn_errors(shared: float) -> None:
    seconds = np.array([1.0, 2.0, 3.0, 0.5, 4.0, 1.0])
    known = evidence([0, 0, 1, 1, 0, 2], [0, 1, 2, 2, 0, 3], shared=shared)
    assert sum_spread_s(seconds, known) == pytest.approx(simulated(seconds, known), rel=0.02)


def test_times_of_which_nobody_knows_anything_err_together() -> None:
    seconds = np.array([1.0, 2.0, 3.0])
    assert np.isnan(sum_spread_s(seconds, Evidence.fixed(3)))
    mixed = Evidence.joined([Evidence.fixed(2), evidence([0], [0])])
    assert sum_spread_s(seconds, mixed) == pytest.approx(np.hypot(3 * UNKNOWN_SPREAD, 0.3))


def test_how_a_time_was_got_is_told_in_words() -> None:
    assert evidence([0], [0]).text(0) == "calibrated, ±6.7 %"
    assert evidence([0, 0], [0, 1]).text(1) == "calibrated, ±6.7 %; outside what was measured"
    assert Evidence.fixed(1).text(0) == "fixed"
