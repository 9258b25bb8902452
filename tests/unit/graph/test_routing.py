"""Routing probabilities against their definitions."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_studio.graph.routing import ceil, reach_uniform
from moe_studio.project.load import visit_probability


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=40), st.data())
def test_visits_are_capped_shares_that_sum_to_top_k(weights: list[float], data: st.DataObject) -> None:
    top_k = data.draw(st.integers(1, len(weights)))
    share = np.array(weights) / sum(weights)
    visit = visit_probability(share, top_k)
    assert visit.sum() == pytest.approx(top_k, rel=1e-9)
    assert (visit <= 1).all()
    free = visit < 1 - 1e-12
    ratio = visit[free] / share[free]
    assert np.allclose(ratio, ratio[:1], rtol=1e-9)
    assert not free.any() or (share[~free] * ratio[0] >= 1 - 1e-9).all()


@given(st.integers(1, 64), st.data())
def test_reach_is_one_minus_the_chance_that_all_choices_lie_elsewhere(experts: int, data: st.DataObject) -> None:
    top_k, here = data.draw(st.integers(1, experts)), data.draw(st.integers(0, experts))
    exact = 1 - comb(experts - here, top_k) / comb(experts, top_k)
    assert reach_uniform(np.array([float(here)]), experts, top_k)[0] == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize(
    ("value", "above"), [(2.0, 2), (2.0000000000001, 2), (2.001, 3), (640000.0000000001, 640000), (0.0, 0), (1e-9, 1)]
)
def test_a_ceiling_forgives_rounding_errors(value: float, above: float) -> None:
    assert ceil(value) == above
