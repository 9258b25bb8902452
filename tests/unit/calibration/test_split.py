"""Holding shapes out of a fit."""

import numpy as np

from moe_studio.calibration.split import held_out

K, N = (grid.ravel().astype(float) for grid in np.meshgrid(np.arange(1, 21) * 128, np.arange(1, 21) * 128))


def test_a_shape_is_held_out_whole() -> None:
    columns = {"k": np.tile(K, 3), "n": np.tile(N, 3)}
    out = held_out(columns, ("k", "n")).reshape(3, -1)
    assert np.all(out == out[0])


def test_about_a_quarter_of_the_shapes_is_held_out() -> None:
    assert held_out({"k": K, "n": N}, ("k", "n")).mean() == 0.25
    assert held_out({"k": K[:20]}, ("k",)).sum() == 5


def test_the_same_shapes_are_held_out_in_any_order() -> None:
    order = np.random.default_rng(3).permutation(len(K))
    out = held_out({"k": K, "n": N}, ("k", "n"))
    assert np.all(held_out({"k": K[order], "n": N[order]}, ("k", "n")) == out[order])


def test_another_seed_holds_out_others() -> None:
    columns = {"k": K, "n": N}
    assert np.any(held_out(columns, ("k", "n")) != held_out(columns, ("k", "n"), seed=1))


def test_held_out_shapes_are_spread_over_both_columns() -> None:
    out = held_out({"k": K, "n": N}, ("k", "n")).reshape(20, 20)
    assert out.sum(axis=0).max() <= 12
    assert out.sum(axis=1).max() <= 12
