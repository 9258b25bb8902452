"""Experts placed by load: instances for those that are asked most, and slots that all get as much.

The global policy of DeepSeek's EPLB (README of deepseek-ai/EPLB), with two differences: two instances of one expert are
never put into one slot, where the second would save nothing; and instances need not divide evenly by slots.
"""

from collections import Counter
from collections.abc import Sequence

Slots = tuple[int, ...]

ROUNDING = 1e-12
"""Loads that differ by less are equal: the last bits of a sum must not decide where an expert goes."""


def instance_counts(load: Sequence[float], redundant: int, most: int, order: Sequence[int] = ()) -> list[int]:
    """Instances of each expert: each one more goes where an instance has most to do; ``most`` of one at most.

    Of equal loads the first in ``order`` goes first, by default the lowest number.
    """
    counts = [1] * len(load)
    for _ in range(redundant):
        open_experts = [expert for expert in order or range(len(load)) if counts[expert] < most]
        if not open_experts:
            break
        # max() takes the first of equal loads.
        counts[max(open_experts, key=lambda expert: load[expert] / counts[expert])] += 1
    return counts


def packed(load: Sequence[float], redundant: int, slots: int) -> list[Slots]:
    """Slots of each expert: instances by falling load, each into the least loaded slot that has room."""
    load = _rounded(load)
    return _placed(load, instance_counts(load, redundant, slots), [()] * len(load), slots)


def with_redundant(load: Sequence[float], homes: Sequence[Slots], redundant: int, slots: int) -> list[Slots]:
    """``homes``, and a slot for each further instance: the least loaded of those that hold fewest."""
    load = _rounded(load)
    order = _in_turn(homes)
    return _placed(load, instance_counts(load, redundant, slots, order), homes, slots, order)


def _in_turn(homes: Sequence[Slots]) -> list[int]:
    """The experts, one of each slot after another: copies of one slot's experts alone would crowd into the others."""
    before: Counter[Slots] = Counter()
    turn = []
    for home in homes:
        turn.append(before[home])
        before[home] += 1
    return sorted(range(len(homes)), key=turn.__getitem__)


def _rounded(load: Sequence[float]) -> list[float]:
    return [float(f"{value:.12g}") for value in load]


def _placed(
    load: Sequence[float], counts: Sequence[int], homes: Sequence[Slots], slots: int, order: Sequence[int] = ()
) -> list[Slots]:
    room = -(-sum(counts) // slots)
    spent, held = [0.0] * slots, [0] * slots
    result = [list(home) for home in homes]
    for expert, home in enumerate(homes):
        for slot in home:
            spent[slot] += load[expert] / counts[expert]
            held[slot] += 1
    left = [expert for expert in order or range(len(load)) for _ in range(counts[expert] - len(homes[expert]))]
    # Sorting keeps the order of equal loads.
    for expert in sorted(left, key=lambda expert: -load[expert] / counts[expert]):
        others = [slot for slot in range(slots) if slot not in result[expert]]
        free = [slot for slot in others if held[slot] < room] or others
        least = min(spent[slot] for slot in free) * (1 + ROUNDING)
        slot = next(slot for slot in free if spent[slot] <= least)
        spent[slot] += load[expert] / counts[expert]
        held[slot] += 1
        result[expert].append(slot)
    return [tuple(sorted(found)) for found in result]
