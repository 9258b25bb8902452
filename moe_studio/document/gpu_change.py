"""How the GPUs of two designs differ: where each stands, what it is, and how many of its operators are others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from moe_studio.document.difference_row import CHANGES, Change, Row, numbers_text
from moe_studio.document.operator_change import OperatorChange
from moe_studio.document.placing import GpuPlace, Span, gpu_place, in_span
from moe_studio.document.selection import Selection
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """A GPU of a design: its place in the strategy, its node, its device, and how long it computes in a step."""

    place: GpuPlace
    node: int
    node_title: str
    device: str
    computing_s: float

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What may differ, in words."""
        place = self.place
        return (
            ("replica", str(place.replica)),
            ("stage", str(place.stage)),
            ("node", self.node_title),
            ("device", self.device),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCounts:
    """How many operators a design has, and how many of them differ from the other design, by layer and GPU.

    ``table`` are int32 of shape ``(1 + changes, layers, gpus)``: first all operators, then by change as in `CHANGES`.
    As bytes it is sent between processes, and compared, at once.
    """

    layers: int
    gpus: int
    table: bytes

    def by_gpu(self, span: Span) -> IntArray:
        """The table of the layers of ``span`` together, shape ``(1 + changes, gpus)``."""
        table = np.frombuffer(self.table, np.int32).reshape(1 + len(CHANGES), self.layers, self.gpus)
        chosen = [layer for layer in range(self.layers) if in_span(layer, span)]
        total: IntArray = table[:, chosen].sum(axis=1, dtype=np.int64)
        return total


def gpu_states(evaluation: Evaluation) -> tuple[GpuState, ...]:
    """Every GPU of a design, in their order."""
    project = evaluation.project
    cluster, seconds = project.cluster, evaluation.compute_s.tolist()
    return tuple(
        GpuState(
            place=gpu_place(project, gpu),
            node=node,
            node_title=cluster.node_title(node),
            device=cluster.nodes[node].device,
            computing_s=seconds[gpu],
        )
        for gpu, node in enumerate(cluster.node_of_gpu())
    )


def operator_counts(evaluation: Evaluation, found: Iterable[OperatorChange], *, is_first: bool) -> OperatorCounts:
    """Where the operators of the first or the second design are, and those that differ from the other."""
    parts, gpus = evaluation.graph.parts, evaluation.project.cluster.gpu_count
    table = np.zeros((1 + len(CHANGES), max(part.layer for part in parts) + 1, gpus), np.int32)
    for part in parts:
        table[0, part.layer] += np.bincount(part.body.stage.gpu[part.body.lane], minlength=gpus)
    for item in found:
        if item.change != ("added" if is_first else "removed"):
            where = [gpu for gpu, _ in item.where]
            if is_first and item.change == "moved" and item.was is not None:
                where = [item.was[2]] * len(where)
            layers = [layer for layer, _ in item.places]
            np.add.at(table[1 + CHANGES.index(item.change)], layers, np.bincount(where, minlength=gpus))
    return OperatorCounts(layers=table.shape[1], gpus=gpus, table=table.tobytes())


def gpu_change(was: GpuState | None, now: GpuState | None) -> Change | None:
    """How a GPU itself differs: it is new or gone, stands elsewhere, or is another device."""
    found = {change for change, _, _, _ in gpu_differences(was, now)}
    return next((change for change in CHANGES if change in found), None)


def gpu_rows(first: Sequence[GpuState], second: Sequence[GpuState]) -> list[Row]:
    """Differences of GPUs in words, those that read alike together."""
    groups: dict[tuple[Change, str, str, str], list[int]] = {}
    for gpu in range(max(len(first), len(second))):
        was, now = (side[gpu] if gpu < len(side) else None for side in (first, second))
        for change, what, before, after in gpu_differences(was, now):
            groups.setdefault((change, what, before, after), []).append(gpu)
    rows = [
        Row(
            category="GPUs",
            change=change,
            what=f"{what.capitalize()} of {numbers_text(gpus, 'GPU')}" if what else numbers_text(gpus, "GPU"),
            was=before,
            now=after,
            selection=Selection(kind="gpu", gpu=gpus[0]) if change != "removed" else Selection(kind="design"),
        )
        for (change, what, before, after), gpus in groups.items()
    ]
    return sorted(rows, key=lambda row: CHANGES.index(row.change))


def gpu_differences(was: GpuState | None, now: GpuState | None) -> Iterator[tuple[Change, str, str, str]]:
    """Everything in which a GPU differs: change, what (nothing for all of it), was, is."""
    if was is None or now is None:
        change: Change = "added" if was is None else "removed"
        yield change, "", was.device if was else "–", now.device if now else "–"
        return
    for (what, before), (_, after) in zip(was.facts, now.facts, strict=True):
        # A node that has only another name is the same node.
        if before != after and not (what == "node" and was.node == now.node):
            yield "changed" if what == "device" else "moved", what, before, after
