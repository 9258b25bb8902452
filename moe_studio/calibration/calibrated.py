"""Prices the operators of a design with fitted kernel models: the provider `calibrated`.

What no kernel covers is priced by `fixed`, and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from moe_studio.calibration.asker import Answer, Asker, Known, basis
from moe_studio.calibration.expert_time import expert_answers, lane_rows
from moe_studio.calibration.fusion import FUSED_ATTENTION, matrix_question, moving_share
from moe_studio.calibration.host import is_issued, waiting_s
from moe_studio.calibration.network import network_factor
from moe_studio.calibration.question import (
    absorb_question,
    attention_question,
    collective_question,
    exchange_question,
    gemm_question,
    moving_question,
)
from moe_studio.calibration.side_work import expert_byte, has_packing, rotation_byte, token_byte
from moe_studio.engine.evidence import UNKNOWN, Basis, Evidence
from moe_studio.engine.provider import FixedProvider, Rates, is_exchange
from moe_studio.graph.column import FloatArray, IntArray, total_by
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.graph.stage import spread, sync_size
from moe_studio.project.cluster import Device
from moe_studio.project.project import Project

EXCHANGES = ("dispatch", "combine")

MOST_ALIKE = 200
"""Layers that are remembered for others that are like them; some 10 MB."""

_ASKED = ("m", "k", "n", "count", "flop", "byte", "launch", "dtype", "in_width")
"""Columns that the questions about operators with one row on each lane are put from."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibratedProvider:
    """Answers with the calibration of each device of ``project``.

    ``notes`` say what else it rests on, ``faults`` what it could not use; they may grow while it answers.
    """

    project: Project
    asker: Asker
    fixed: FixedProvider
    notes: tuple[str, ...] = ()
    faults: Sequence[str] = ()
    _rows: "_Memory" = field(default_factory=lambda: _Memory())
    _alike: "_Alike" = field(default_factory=lambda: _Alike())

    def work_s(self, body: LayerGraph, rows: IntArray, rates: Rates) -> FloatArray:
        """Time of operators that compute or move memory, shape (rows,)."""
        result = self._rows[body] = self._work(body, rates)
        return result.seconds[rows]

    def link_s(self, body: LayerGraph, run: Run, rates: Rates) -> FloatArray:
        """Time of operators that communicate, each for its own GPU, shape (rows,)."""
        result = self._link(body, run, rates)
        if body in self._rows:
            self._rows[body].take(run.rows, result)
        return result.seconds

    def evidence(self, body: LayerGraph, rates: Rates) -> Evidence:
        """How the time of each operator was got, and the error to expect; no rate changes that."""
        if body not in self._rows:
            self.work_s(body, np.arange(len(body)), rates)
            for run in body.runs:
                if run.on_comm:
                    self.link_s(body, run, rates)
        return self._rows[body].evidence()

    def get_time_s(self, m: float, k: float, n: float, *, count: float, dtype: str, device: Device) -> float:
        """Time of one GEMM, ``count`` times, on the first device of the project."""
        answer = self.asker.ask(gemm_question(m, k, n, dtype), 0, self.asker.base)
        if answer is None:
            return self.fixed.get_time_s(m, k, n, count=count, dtype=dtype, device=device)
        return count * answer.seconds

    def gemm_basis(self, m: float, k: float, n: float, dtype: str) -> Basis:
        """How the time of one GEMM on the first device was got."""
        answer = self.asker.ask(gemm_question(m, k, n, dtype), 0, self.asker.base)
        return self.fixed.gemm_basis(m, k, n, dtype) if answer is None else basis(answer.known)

    # Compute and memory

    def _work(self, body: LayerGraph, rates: Rates) -> "_Rows":
        result = _Rows(self.fixed.work_s(body, np.arange(len(body)), rates))
        self._lane_runs(body, rates, result)
        self._experts(body, rates, result)
        if is_issued(self.project):
            result.seconds += waiting_s(body, result.seconds, self.project.cost.host_us * 1e-6)
        return result

    def _lane_runs(self, body: LayerGraph, rates: Rates, result: "_Rows") -> None:
        """All runs with one row on each lane; layers that differ in their experts alone are asked for once."""
        runs = [run for run in body.runs if not run.on_comm and not run.kind.is_expert]
        rows = np.concatenate([np.arange(run.first, run.last) for run in runs])
        names = tuple(run.kind.name for run in body.runs)
        place, asked = body.place, tuple(body.columns[name][rows].tobytes() for name in _ASKED)
        key = (body.stage, body.size, place.attention, place.ffn, names, body.instances is None, rates, asked)
        if key in self._alike:
            result.adopt(rows, *self._alike[key])
            return
        for kind in np.unique(body.stage.device).tolist():
            lanes = np.flatnonzero(body.stage.device == kind)
            for run in runs:
                self._lane_run(body, run, lanes, kind, rates, result)
        if len(self._alike) >= MOST_ALIKE:
            self._alike.clear()
        self._alike[key] = result.of(rows)

    def _lane_run(self, body: LayerGraph, run: Run, lanes: IntArray, kind: int, rates: Rates, result: "_Rows") -> None:
        """A run with one row on each lane: rows that are alike are asked for once."""
        rows = run.first + lanes
        first = int(rows[0])
        if run.kind.name in FUSED_ATTENTION:
            self._fused(body, run, rows, kind, rates, result)
        elif run.kind.name in ("q_absorb", "v_absorb"):
            result.put(rows, self.asker.ask(absorb_question(body, run.kind.name, first), kind, rates))
        elif run.kind.is_matmul:
            question, share = matrix_question(body, run, first)
            result.put(rows, self.asker.ask(question, kind, rates), share)
        else:
            for byte in np.unique(body.byte[rows]).tolist():
                same = rows[body.byte[rows] == byte]
                question, share = moving_share(body, run, int(same[0]))
                result.put(same, self.asker.ask(question, kind, rates), share)
                if not share:
                    result.seconds[same] = 0.0
        if has_packing(body) and run.kind.name in ("route", "agg"):
            name = "dispatch" if run.kind.name == "route" else "combine"
            result.seconds[rows] += self._moving_s(token_byte(self.project, body, name), kind, rates)

    def _fused(self, body: LayerGraph, run: Run, rows: IntArray, kind: int, rates: Rates, result: "_Rows") -> None:
        """One fused kernel does scores, scale, softmax and av; scores and av share its time by their arithmetic."""
        if self.project.cost.attention != "fused":
            return
        whole = self.asker.ask(attention_question(self.project, body), kind, rates)
        if whole is None:
            return
        flop = {name: body.flop[body.run_of[name].first] for name in ("scores", "av")}
        share = flop.get(run.kind.name, 0.0) / max(sum(flop.values()), 1e-300)
        result.put(rows, whole, share)
        if run.kind.name == "scale":
            width = float(body.in_width[body.run_of["scores"].first])
            question = moving_question(rotation_byte(self.project, body), width)
            result.put(rows, self.asker.ask(question, kind, rates))

    def _moving_s(self, byte: float, kind: int, rates: Rates) -> float:
        """Time to move ``byte`` bytes of the residual stream's width; 0 where no such kernel is known."""
        answer = self.asker.ask(moving_question(byte, float(self.project.model.hidden)), kind, rates)
        return 0.0 if answer is None else answer.seconds

    def _experts(self, body: LayerGraph, rates: Rates, result: "_Rows") -> None:
        """One grouped kernel per GPU does all its experts; they share its time as `fixed` would have it."""
        runs = [run for run in body.runs if run.kind.is_expert and not run.on_comm]
        if not runs or not len(body.host.lane):
            return
        lanes, share = body.stage.lanes, result.seconds.copy()
        spent = sum((total_by(body.lane[run.rows], share[run.rows], lanes) for run in runs), np.zeros(lanes))
        for kind in np.unique(body.stage.device).tolist():
            found = expert_answers(self.project, self.asker, body, runs[0], kind, rates)
            if found is None:
                continue
            seconds, known = found
            if has_packing(body):
                seconds = seconds + sum(self._expert_copy_s(body, name, kind, rates) for name in EXCHANGES)
            for run in runs:
                rows = np.arange(run.first, run.last)[body.stage.device[body.lane[run.rows]] == kind]
                lane = body.lane[rows]
                result.seconds[rows] = share[rows] / np.maximum(spent[lane], 1e-300) * seconds[lane]
                result.note(rows, known)

    def _expert_copy_s(self, body: LayerGraph, name: str, kind: int, rates: Rates) -> FloatArray:
        """Time of each lane to unpack what its experts get, or to pack what they make, shape (lanes,)."""
        run = next(run for run in body.runs if run.kind.is_expert)
        byte, place = np.unique(expert_byte(self.project, lane_rows(body, run), name), return_inverse=True)
        return np.array([self._moving_s(each, kind, rates) for each in byte.tolist()])[place.reshape(-1)]

    # Communication

    def _link(self, body: LayerGraph, run: Run, rates: Rates) -> "_Rows":
        result = _Rows(self.fixed.link_s(body, run, rates))
        if run.first == run.last or not result.seconds.any():
            return result
        if is_exchange(body, run):
            self._exchange(body, run, rates, result)
        else:
            self._ring(body, run, rates, result)
        return result

    def _ring(self, body: LayerGraph, run: Run, rates: Rates, result: "_Rows") -> None:
        """Collectives of a ring, and sends: those that are alike are asked for once."""
        factor = network_factor(self.fixed, self.asker, body, run, rates)
        lane = body.lane[run.rows]
        nodes, _, _ = spread(body.stage, sync_size(run.sync, body.stage))
        is_far = body.inter_hop[run.rows] > 0
        table = np.stack(
            [
                body.byte[run.rows],
                nodes[lane].astype(float),
                body.stage.device[lane].astype(float),
                is_far.astype(float),
            ]
        )
        for shape in np.unique(table, axis=1).T:
            byte, node_count, kind, far = shape.tolist()
            question = collective_question(body, run, byte, int(node_count), is_far=bool(far))
            rows = np.flatnonzero((table == shape[:, None]).all(axis=0))
            result.put(rows, self.asker.ask(question, int(kind), rates), factor[rows])

    def _exchange(self, body: LayerGraph, run: Run, rates: Rates, result: "_Rows") -> None:
        """An all-to-all by DeepEP; more traffic than the mean takes longer."""
        traffic = body.intra_byte[run.rows] + body.inter_byte[run.rows]
        mean = max(float(traffic.mean()), 1e-300)
        factor = network_factor(self.fixed, self.asker, body, run, rates)
        question = exchange_question(self.project, body, run)
        for kind in np.unique(body.stage.device).tolist():
            rows = np.flatnonzero(body.stage.device == kind)
            share = factor[rows] * np.maximum(traffic[rows] / mean, 1.0)
            result.put(rows, self.asker.ask(question, kind, rates), share)
            if has_packing(body):
                copying = self._expert_copy_s(body, run.kind.name, kind, rates)[rows]
                copying += self._moving_s(token_byte(self.project, body, run.kind.name), kind, rates)
                # The kernel's measured time has packing and unpacking in it, which other operators bear.
                result.seconds[rows] = np.maximum(result.seconds[rows] - copying, 0.0)


class _Memory(WeakKeyDictionary[LayerGraph, "_Rows"]):
    """What was found of each layer; it lasts as long as the layer, and does not go to other processes."""

    def __reduce__(self) -> tuple[type["_Memory"], tuple[()]]:
        return _Memory, ()


class _Alike(dict[tuple[object, ...], tuple[FloatArray, list[Known | None], IntArray]]):
    """Times of rows that layers have in common, and how they are known; does not go to other processes."""

    def __reduce__(self) -> tuple[type["_Alike"], tuple[()]]:
        return _Alike, ()


class _Rows:
    """Times of rows while they are found, first those of `fixed`, and how they are known."""

    def __init__(self, seconds: FloatArray) -> None:
        self.seconds = seconds
        self._knowns: list[Known | None] = [None]
        self._place: dict[int, int] = {}
        self._known = np.zeros(len(seconds), np.int64)

    def put(self, rows: IntArray, answer: Answer | None, factor: float | FloatArray = 1.0) -> None:
        """Write ``answer`` times ``factor`` to ``rows``; none leaves what is there."""
        if answer is not None:
            self.seconds[rows] = answer.seconds * factor
            self.note(rows, answer.known)

    def note(self, rows: IntArray, known: Known) -> None:
        """Note how the times of ``rows`` are known."""
        if id(known) not in self._place:
            self._place[id(known)] = len(self._knowns)
            self._knowns.append(known)
        self._known[rows] = self._place[id(known)]

    def of(self, rows: IntArray) -> tuple[FloatArray, list[Known | None], IntArray]:
        """Times of ``rows``, and how they are known: numbers of a list."""
        return self.seconds[rows], list(self._knowns), self._known[rows]

    def adopt(self, rows: IntArray, seconds: FloatArray, knowns: list[Known | None], known: IntArray) -> None:
        """Write to ``rows`` what others have that are alike; before anything else is known."""
        self.seconds[rows] = seconds
        self._knowns, self._known[rows] = list(knowns), known
        self._place = {id(each): number for number, each in enumerate(knowns)}

    def take(self, rows: slice, other: "_Rows") -> None:
        """Take over how the times of ``rows`` are known."""
        self._known[rows] = 0
        for number, known in enumerate(other._knowns):
            if known is not None:
                self.note(np.flatnonzero(other._known == number) + rows.start, known)

    def evidence(self) -> Evidence:
        """How the times are known."""
        known = [
            (Evidence.code("fixed"), np.nan, np.nan, UNKNOWN, UNKNOWN, 1.0, False)
            if each is None
            else (
                Evidence.code(each.provenance),
                each.error,
                each.spread,
                each.family,
                each.kernel,
                each.shared,
                each.is_outside,
            )
            for each in self._knowns
        ]
        provenance, error, spread, family, kernel, shared, outside = zip(*known, strict=True)
        return Evidence(
            provenance=np.array(provenance, np.int8)[self._known],
            error=np.array(error)[self._known],
            spread=np.array(spread)[self._known],
            family=np.array(family)[self._known],
            kernel=np.array(kernel)[self._known],
            shared=np.array(shared)[self._known],
            outside=np.array(outside, bool)[self._known],
        )
