"""Laws of DeepEP's run time, and the prediction of node counts that were not measured."""

from dataclasses import replace

import numpy as np
import pytest

from moe_studio.calibration.family import Block
from moe_studio.calibration.fit_deepep import DEEPEP
from moe_studio.calibration.store import facts_of
from moe_studio.kernel.deepep import DeepepParameters, low_latency_us, message_byte, normal_us, reached
from moe_studio.kernel.device import FloatArray

H100 = facts_of("h100-sxm")
LOW_LATENCY = DeepepParameters(
    start_us=8.0,
    hidden_us=0.2,
    expert_us=0.015,
    node_us=7.0,
    node_power=0.4,
    token_us=1.5,
    token_element_us=0.07,
    copy_us=0.05,
    element_us=0.05,
    node_copy=0.0,
    link_share=0.67,
    network_gb_s=48.0,
    congestion=0.02,
    relay_gb_s=1e6,
    absorbed_us=0.0,
    overlap=2.0,
)
NORMAL = DeepepParameters(
    start_us=25.0,
    hidden_us=0.1,
    expert_us=0.001,
    node_us=2.0,
    node_power=1.0,
    token_us=0.3,
    token_element_us=0.05,
    copy_us=0.05,
    element_us=0.05,
    node_copy=2.5,
    link_share=0.66,
    network_gb_s=42.0,
    congestion=0.4,
    relay_gb_s=60.0,
    absorbed_us=0.0,
    overlap=6.0,
)


def columns(**given: object) -> dict[str, FloatArray]:
    """DeepSeek-V3's layer on 8 GPUs for each node, except for what is ``given``."""
    values = {"nodes": 1, "tokens": 128, "hidden": 7168, "topk": 8, "experts": 256, "sms": 20, **given}
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values.values()))
    named = {name: np.atleast_1d(array) for name, array in zip(values, arrays, strict=True)}
    return {**named, "gpus": 8 * named["nodes"]}


def test_a_token_needs_as_many_groups_as_drawing_without_replacement_says() -> None:
    assert reached(np.array([8.0]), np.array([1.0]), np.array([256.0]))[0] == pytest.approx(1)
    assert reached(np.array([8.0]), np.array([2.0]), np.array([8.0]))[0] == pytest.approx(2)
    random = np.random.default_rng(0)
    drawn = np.array([len({int(x) // 32 for x in random.permutation(256)[:8]}) for _ in range(4000)])
    assert reached(np.array([8.0]), np.array([8.0]), np.array([256.0]))[0] == pytest.approx(drawn.mean(), rel=0.01)


def test_no_token_needs_more_groups_than_there_are_or_than_experts_are_drawn() -> None:
    groups, topk = (value.ravel() for value in np.meshgrid([1.0, 2.0, 8.0, 64.0], [1.0, 4.0, 8.0]))
    need = reached(groups, topk, np.full(len(groups), 256.0))
    assert (need <= np.minimum(groups, topk) + 1e-9).all() and (need > 0).all()


def test_dispatch_sends_fp8_with_scales_and_combine_bf16() -> None:
    assert message_byte(np.array([7168.0]), True)[0] == 7168 + 4 * 56
    assert message_byte(np.array([7168.0]), False)[0] == 2 * 7168


@pytest.mark.parametrize("name", ["tokens", "hidden", "topk", "nodes"])
@pytest.mark.parametrize("kernel", [low_latency_us, normal_us])
def test_more_of_anything_never_takes_less_time(name: str, kernel: object) -> None:
    values = {
        "tokens": 2.0 ** np.arange(17),
        "hidden": 1024.0 * np.arange(1, 16),
        "topk": np.arange(1.0, 23),
        "nodes": 2.0 ** np.arange(6),
    }
    parameters = LOW_LATENCY if kernel is low_latency_us else NORMAL
    time = kernel(parameters, H100, columns(**{"tokens": 512, name: values[name]}), is_dispatch=True)  # type: ignore[operator]
    assert (np.diff(time) >= 0).all()


def test_low_latency_dispatch_is_bound_by_the_network_in_the_limit() -> None:
    rows = columns(tokens=1e6, nodes=4)
    byte = 1e6 * 8 * 3 / 4 * message_byte(np.array([7168.0]), True)[0]
    expected = byte / (48e9 * 2**-0.02) * 1e6
    assert low_latency_us(LOW_LATENCY, H100, rows, is_dispatch=True)[0] == pytest.approx(expected, rel=0.1)


def test_normal_mode_sends_a_token_to_a_node_once() -> None:
    rows = columns(tokens=131072, nodes=8, sms=24)
    far = NORMAL.network_gb_s * 1e9 * 4**-NORMAL.congestion
    remote = float(reached(np.array([8.0]), np.array([8.0]), np.array([256.0]))[0]) * 7 / 8
    expected = 131072 * remote * message_byte(np.array([7168.0]), True)[0] / far * 1e6
    assert normal_us(NORMAL, H100, rows, is_dispatch=True)[0] == pytest.approx(expected, rel=0.1)


def test_chunks_cost_between_nodes_and_not_in_one() -> None:
    """A pipeline of chunks of the best size adds 2·√(chunk · carried)."""
    chunked = replace(NORMAL, chunk_us=3.0, network_gb_s=1e6, relay_gb_s=1e6)
    plain = replace(chunked, chunk_us=0.0)
    rows = columns(tokens=8192, nodes=[1, 2], sms=8)
    alone, across = (normal_us(item, H100, rows, is_dispatch=True) for item in (plain, chunked))
    assert across[0] == alone[0]
    carried = alone[1] - NORMAL.start_us - NORMAL.node_us
    assert across[1] - alone[1] == pytest.approx(2 * np.sqrt(3.0 * carried), rel=0.1)


def test_more_sms_help_until_the_links_are_full() -> None:
    time = normal_us(NORMAL, H100, columns(tokens=16384, sms=[4, 8, 24, 96, 960]), is_dispatch=True)
    assert time[0] / time[1] == pytest.approx(2, rel=0.05)
    assert time[3] / time[4] < 1.1


def test_few_experts_occupy_few_sms() -> None:
    few, many = low_latency_us(LOW_LATENCY, H100, columns(tokens=1024, topk=1, experts=[8, 128]), is_dispatch=True)
    assert few > 2 * many


@pytest.mark.parametrize(("op", "limit"), [("deepep_ll_dispatch", 0.07), ("deepep_normal_dispatch", 0.14)])
def test_a_fit_to_other_node_counts_predicts_four_nodes(op: str, limit: float) -> None:
    random = np.random.default_rng(2)
    rows = columns(
        nodes=random.choice([1, 2, 4, 8], 600),
        tokens=2 ** random.integers(0, 17 if "normal" in op else 10, 600),
        hidden=random.choice([4096, 7168], 600),
        sms=random.choice([8, 16, 24], 600),
    )
    words = {"op": op, "version": ""}
    truth = NORMAL if "normal" in op else LOW_LATENCY
    time = DEEPEP.predict(truth, H100, rows, words)
    noisy = time * np.exp(0.02 * random.standard_normal(600))
    seen = rows["nodes"] != 4
    part = {name: value[seen] for name, value in rows.items()}
    found = DEEPEP.fit([Block(words=words, columns=part, time_us=noisy[seen])], H100)
    error = np.abs(DEEPEP.predict(found, H100, rows, words) / time - 1)[~seen]
    assert np.median(error) < limit / 2 and np.percentile(error, 90) < 2 * limit


def test_the_four_kernels_have_records_of_their_own() -> None:
    ops = ("deepep_ll_dispatch", "deepep_ll_combine", "deepep_normal_dispatch", "deepep_normal_combine")
    assert len({DEEPEP.variants({"op": op}) for op in ops}) == 4
    assert DEEPEP.variants({"op": "all_reduce"}) == ()
