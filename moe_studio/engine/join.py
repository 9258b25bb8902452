"""Columns of units put where they stand in the whole graph."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from moe_studio.engine.program import Unit
from moe_studio.graph.column import FloatArray, IntArray
from moe_studio.graph.graph import Graph


@dataclass(slots=True)
class _Band:
    """Rows of one column of a unit that go to ``count`` places in the whole graph, ``step`` rows apart."""

    column: FloatArray
    replica: IntArray
    first: int
    step: int
    offsets: list[FloatArray]


def _bands(graph: Graph, placed: Iterable[tuple[Unit, Sequence[FloatArray], FloatArray]]) -> Iterator[_Band]:
    """Columns of placed units, with repeats of one unit at even distances together."""
    open_bands: dict[int, _Band] = {}
    for unit, columns, offset in placed:
        for place, (item, column) in enumerate(zip(unit.items, columns, strict=True)):
            body = item.cost.body
            low, high = body.runs[item.first].first, body.runs[item.last - 1].last
            first = graph.parts[item.part].first + low
            band = open_bands.get(place)
            if band is not None and band.column.base is column:
                step = first - (band.first + band.step * (len(band.offsets) - 1))
                if len(band.offsets) == 1 or step == band.step:
                    band.step = step
                    band.offsets.append(offset)
                    continue
            if band is not None:
                yield band
            open_bands[place] = _Band(column[low:high], body.replica[low:high], first, 0, [offset])
    yield from open_bands.values()


def joined(graph: Graph, placed: Iterable[tuple[Unit, Sequence[FloatArray], FloatArray]]) -> FloatArray:
    """Columns of all units at their place in the whole graph, made absolute; shape (operators,)."""
    result = np.empty(len(graph))
    for band in _bands(graph, placed):
        size, stride = len(band.column), result.itemsize
        rows = as_strided(
            result[band.first :], shape=(len(band.offsets), size), strides=(band.step * stride, stride), writeable=True
        )
        offsets = np.array(band.offsets)
        shift = offsets[:, :1] if (offsets == offsets[:, :1]).all() else offsets[:, band.replica]
        np.add(band.column, shift, out=rows)
    return result
