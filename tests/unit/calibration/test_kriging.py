"""Interpolation of scattered values."""

import numpy as np
import pytest

from moe_studio.calibration.kriging import surface


def test_between_two_neighbours_of_one_dimension_lies_a_line() -> None:
    points = np.linspace(0, 4, 9)[:, None]
    found = surface(points, np.where(points[:, 0] < 2, 0.1, 0.3))
    value, known = found.at(np.array([[0.25], [1.75], [3.8]]))
    assert value == pytest.approx([0.1, 0.2, 0.3], abs=0.01)
    assert (known > 0.9).all()


def test_a_value_at_its_own_point_is_kept_and_repeats_give_their_median() -> None:
    points = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    found = surface(points, np.array([0.1, 0.2, 9.0, 0.5, 0.4, 0.6]))
    assert len(found.points) == 4
    assert found.at(np.array([[0.0, 0.0]]))[0] == pytest.approx([0.2], abs=0.02)


def test_far_from_all_points_it_is_their_middle_and_little_is_known() -> None:
    points = np.random.default_rng(0).uniform(0, 3, (60, 2))
    found = surface(points, np.random.default_rng(1).normal(0.2, 0.05, 60))
    value, known = found.at(np.array([[90.0, 90.0]]))
    assert value == pytest.approx([found.middle], abs=1e-3)
    assert known[0] < 0.01


def test_what_is_left_out_of_a_smooth_surface_is_found_again() -> None:
    points = np.random.default_rng(0).uniform(0, 5, (400, 3))
    smooth = surface(points, np.sin(points).sum(axis=1) / 10)
    noise = surface(points, np.random.default_rng(2).normal(0, 0.1, 400))
    assert smooth.error < 0.03 < noise.error
