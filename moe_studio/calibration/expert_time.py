"""Time of all experts of a GPU: one grouped kernel over the rows that its experts really get."""

from weakref import WeakKeyDictionary

import numpy as np

from moe_studio.calibration.asker import US, Asker, Known
from moe_studio.calibration.question import expert_question
from moe_studio.engine.provider import Rates
from moe_studio.graph.column import FloatArray, IntArray, total_by
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.kernel.device import DeviceFacts
from moe_studio.kernel.expert_load import RankLoad
from moe_studio.kernel.moe import HEIGHTS, moe_us
from moe_studio.project.project import Project


def expert_answers(
    project: Project, asker: Asker, body: LayerGraph, run: Run, kind: int, rates: Rates
) -> tuple[FloatArray, Known] | None:
    """Seconds of each lane's experts, shape (lanes,), and how they are known; lanes with equal loads are asked once.

    ``run`` is one of the runs of experts. A second opinion on evenly spread tokens corrects every load alike.
    """
    question = expert_question(project, body)
    known = asker.known(question, kind)
    if known is None:
        return None
    alike, place = _alike_loads(body, run)
    seconds = np.zeros(body.stage.lanes)
    found = _loads_us(project, body, known, asker.facts(kind, rates), question.words["dtype"], alike)
    ffn = body.place.ffn
    seconds[body.host.hosts] = found[place] * known.ratio * US * ffn.matrices / 3
    return seconds, known


def _alike_loads(body: LayerGraph, run: Run) -> tuple[FloatArray, IntArray]:
    """Each load that GPUs with experts have, and which of them each has; remembered as long as the layer lives."""
    if body not in _LOADS:
        alike, place = np.unique(lane_loads(body, run)[:, body.host.hosts], axis=1, return_inverse=True)
        _LOADS[body] = alike, place.reshape(-1)
    return _LOADS[body]


_LOADS: "WeakKeyDictionary[LayerGraph, tuple[FloatArray, IntArray]]" = WeakKeyDictionary()


def lane_loads(body: LayerGraph, run: Run) -> FloatArray:
    """Rows, active experts, experts, and tiles of each of `HEIGHTS`, of each lane; shape (3 + heights, lanes).

    All are means over what tokens may choose: of few tokens most experts get none, where the graph rounds up to one.
    """
    lane, lanes = body.host.lane, body.stage.lanes
    touched = _touched(body, run)
    tokens = _mean_tokens(body, run, touched)
    active = np.maximum(touched, 1e-300)
    tiles = [total_by(lane, active * np.ceil(tokens / active / height - 1e-9), lanes) for height in HEIGHTS]
    count = np.bincount(lane, minlength=lanes).astype(float)
    return np.stack([total_by(lane, tokens, lanes), total_by(lane, touched, lanes), count, *tiles])


def lane_rows(body: LayerGraph, run: Run) -> FloatArray:
    """Rows of each lane's experts alone, shape (lanes,)."""
    return total_by(body.host.lane, _mean_tokens(body, run, _touched(body, run)), body.stage.lanes)


def _touched(body: LayerGraph, run: Run) -> FloatArray:
    """Probability that each instance gets a token at all, shape (expert rows,)."""
    weight = np.maximum(body.weight_byte[run.rows], 1e-300)
    return np.clip((body.byte[run.rows] - body.live_byte[run.rows]) / weight, 0.0, 1.0)


def _mean_tokens(body: LayerGraph, run: Run, touched: FloatArray) -> FloatArray:
    """Tokens that each instance gets on average, shape (expert rows,): touched is 1 − (1 − p)^n, and this n · p."""
    rounded = body.m[run.rows] if run.kind.is_matmul else body.in_rows[run.rows]
    n = max(body.size.rows * (1 if body.stage.is_local else body.stage.groups), 1.0)
    with np.errstate(divide="ignore"):
        mean = -n * np.expm1(np.log1p(-touched) / n)
    # Near 1 the probability says no more than that there are many.
    return np.where(touched < 1 - 1e-6, np.minimum(mean, rounded), rounded)


def _loads_us(
    project: Project, body: LayerGraph, known: Known, facts: DeviceFacts, dtype: str, loads: FloatArray
) -> FloatArray:
    """Time of the grouped kernel of each of ``loads``, shape (loads,)."""
    rows, active, count, *tiles = loads
    ffn, stage = body.place.ffn, body.stage
    every = np.ones(len(rows))
    n = body.size.rows * (1 if stage.is_local else stage.groups)
    tokens = np.maximum(np.full(len(rows), n) if stage.is_local else np.ceil(rows / ffn.top_k), 1.0)
    has_all = bool(count.max() >= ffn.experts)
    return moe_us(
        known.fitted.parameters,
        facts,
        tokens=tokens,
        hidden=every * project.model.hidden,
        inter=every * -(-ffn.hidden // stage.etp),
        topk=every * ffn.top_k,
        experts=count * (1 if has_all else 2),
        moe_tp=every,
        moe_ep=every * (1.0 if has_all else 2.0),
        routing="balanced",
        dtype=dtype.replace("bfloat16", "bf16"),
        load=RankLoad(
            rows=np.maximum(rows, 1.0),
            active=np.maximum(active, 1e-3),
            tokens=np.minimum(tokens, np.maximum(rows, 1.0)),
            tiles=np.stack(tiles, axis=1),
        ),
    )
