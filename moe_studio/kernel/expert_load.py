"""How many rows each expert of the busiest rank gets, when tokens are spread evenly or by a power law."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from moe_studio.kernel.device import FloatArray

BALANCED = "balanced"
_POWER_LAW = "power_law_"
_MAX_POWER = 10.0
_MAX_SHARE = 0.8
"""A power law spreads loads from 1 to this share of the tokens (routing generator of aiconfigurator, Apache-2.0)."""
_SPARSE_RANGE = (0.01, 2.0)
"""The same with fewer assignments than experts."""
_SHUFFLES = 4
_CELLS = 2_000_000
"""Loads that are held at once."""
_MAX_KNOWN = 200_000
"""Layers whose loads are kept, 60 bytes or so for each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankLoad:
    """The busiest rank of each layer; shape (layers,), or (layers, heights) for ``tiles``."""

    rows: FloatArray
    """Token assignments to its experts."""
    active: FloatArray
    """Its experts with any assignment."""
    tokens: FloatArray
    """Tokens that have an assignment to it."""
    tiles: FloatArray
    """Tiles of each height that hold these rows, expert by expert."""


def rank_load(
    tokens: FloatArray,
    experts: FloatArray,
    topk: FloatArray,
    ranks: FloatArray,
    *,
    power: float | None,
    heights: tuple[int, ...],
) -> RankLoad:
    """The load of the busiest of ``ranks`` ranks; ``power`` is the exponent of a power law, None is balanced."""
    keys, place = np.unique(np.stack([experts, ranks, topk, tokens]), axis=1, return_inverse=True)
    found = _known_features(keys, power, heights)[:, place.reshape(-1)]
    rows, active, hit, *tiles = found
    return RankLoad(rows=rows, active=active, tokens=hit, tiles=np.stack(tiles, axis=1))


def _known_features(keys: FloatArray, power: float | None, heights: tuple[int, ...]) -> FloatArray:
    """`_features` of each key, shape (3 + heights, keys); models share their loads, so that they are kept."""
    known = _loads(power, heights)
    if len(known) > _MAX_KNOWN:
        known.clear()
    names = [tuple(key) for key in keys.T.tolist()]
    new = [index for index, name in enumerate(names) if name not in known]
    wanted = keys[:, new]
    for part in _parts(wanted):
        features = _features(*wanted[:, part], power=power, heights=heights)
        known.update(zip([names[index] for index in new[part]], features.T, strict=True))
    return np.array([known[name] for name in names]).reshape(len(names), 3 + len(heights)).T


@cache
def _loads(power: float | None, heights: tuple[int, ...]) -> dict[tuple[float, ...], FloatArray]:
    """The loads that were worked out so far."""
    return {}


def power_of(routing: str) -> float | None:
    """The exponent in a routing's name: 1.2 for ``power_law_1.2``, None for ``balanced``.

    Raises:
        ValueError: if it is neither.
    """
    if routing == BALANCED:
        return None
    exponent = routing.removeprefix(_POWER_LAW)
    power = float(exponent) if exponent != routing and exponent[:1].isdigit() else math.nan
    if not 0 <= power <= _MAX_POWER:
        raise ValueError(f"{routing!r} is neither {BALANCED} nor {_POWER_LAW} and an exponent")
    return power


def _parts(keys: FloatArray) -> Iterator[slice]:
    """Runs of layers with the same experts and ranks, short enough to hold their loads."""
    if not keys.shape[1]:
        return
    change = np.flatnonzero(np.any(keys[:2, 1:] != keys[:2, :-1], axis=0)) + 1
    for start, stop in zip([0, *change.tolist()], [*change.tolist(), keys.shape[1]], strict=True):
        step = max(1, int(_CELLS / max(1.0, keys[0, start])))
        for first in range(start, stop, step):
            yield slice(first, min(first + step, stop))


def _features(
    experts: FloatArray,
    ranks: FloatArray,
    topk: FloatArray,
    tokens: FloatArray,
    *,
    power: float | None,
    heights: tuple[int, ...],
) -> FloatArray:
    """Rows, active experts, tokens and tiles of each height, shape (3 + heights, layers)."""
    count, parts = int(experts[0]), int(min(ranks[0], experts[0]))
    here = max(1, count // parts)
    if power is None:
        return _summary(_even(tokens, topk, count, parts, here), tokens, topk, parts, heights)
    loads = _skewed(tokens, topk, count, power)
    shuffled = [_busiest(loads[:, order], parts, here) for order in _orders(count)]
    return np.asarray(np.mean([_summary(load, tokens, topk, parts, heights) for load in shuffled], axis=0))


def _even(tokens: FloatArray, topk: FloatArray, count: int, parts: int, here: int) -> FloatArray:
    """Assignments in turn to all experts: below one each, some experts get one and the others none."""
    rows = np.ceil(tokens * topk / parts - 1e-9)
    whole, rest = np.divmod(np.maximum(rows, 1.0), here)
    return np.asarray(whole[:, None] + (np.arange(here) < rest[:, None]))


def _skewed(tokens: FloatArray, topk: FloatArray, count: int, power: float) -> FloatArray:
    """Loads of all experts at even quantiles of a power law between bounds, at most one for each token."""
    dense = tokens * topk > count
    low = np.where(dense, 1.0, _SPARSE_RANGE[0])
    high = np.where(dense, np.maximum(_MAX_SHARE * tokens, 1.0), _SPARSE_RANGE[1])
    quantile = (np.arange(count) + 0.5) / count
    turn = 1.0 - power if power != 1.0 else 1e-9
    start, end = low[:, None] ** turn, high[:, None] ** turn
    share = ((end - start) * quantile + start) ** (1 / turn)
    rows = (tokens * topk)[:, None]
    load = np.minimum(share / share.sum(axis=1, keepdims=True) * rows, tokens[:, None])
    spare = rows - load.sum(axis=1, keepdims=True)
    room = tokens[:, None] - load
    load = load + spare * room / np.maximum(room.sum(axis=1, keepdims=True), 1e-9)
    return _rounded(load)


def _rounded(load: FloatArray) -> FloatArray:
    """Whole loads with the same total: the rounding error is carried from each expert to the next."""
    return np.diff(np.round(np.cumsum(load, axis=1)), axis=1, prepend=0.0)


@cache
def _orders(count: int) -> tuple[NDArray[np.int64], ...]:
    """Some fixed shuffles of the experts: which of them share a rank is chance."""
    draw = np.random.default_rng(count)
    return tuple(draw.permutation(count) for _ in range(_SHUFFLES))


def _busiest(loads: FloatArray, parts: int, here: int) -> FloatArray:
    """Loads of the experts on the rank with the most assignments, shape (layers, experts on a rank)."""
    by_rank = loads[:, : parts * here].reshape(len(loads), parts, here)
    return np.asarray(by_rank[np.arange(len(loads)), by_rank.sum(axis=2).argmax(axis=1)])


def _summary(
    load: FloatArray, tokens: FloatArray, topk: FloatArray, parts: int, heights: tuple[int, ...]
) -> FloatArray:
    rows = load.sum(axis=1)
    hit = np.minimum(tokens, rows) if parts > 1 else tokens
    tiles = [np.ceil(load / height).sum(axis=1) for height in heights]
    return np.stack([rows, (load > 0).sum(axis=1), hit, *tiles])
