"""Laws of collectives' run time, and the recovery of known parameters."""

from dataclasses import replace

import numpy as np
import pytest

from moe_studio.calibration.family import Block
from moe_studio.calibration.fit_collective import COLLECTIVE, fit_network
from moe_studio.calibration.store import facts_of
from moe_studio.kernel.collective import (
    ALL_GATHER,
    ALL_REDUCE,
    ALL_TO_ALL,
    OPERATIONS,
    RING_NETWORK,
    CollectiveParameters,
    Network,
    ProtocolParameters,
    across_us,
    bandwidth_share,
    collective_us,
    typical_network,
)
from moe_studio.kernel.device import FloatArray

H100, A100 = facts_of("h100-sxm"), facts_of("a100-80g-sxm")
PARAMETERS = CollectiveParameters(
    protocols=(
        ProtocolParameters(start_us=6.0, hop_us=1.2, link_share=0.02, chunk_us=0.0),
        ProtocolParameters(start_us=8.0, hop_us=1.2, link_share=0.4, chunk_us=0.0),
        ProtocolParameters(start_us=14.0, hop_us=1.2, link_share=0.87, chunk_us=1.5),
    ),
    pair_loss=0.25,
)
SIZES = 2.0 ** np.arange(6, 36)
NETWORK = Network(byte_s=50e9)


def inside_us(byte: object, ranks: object, operation: str = ALL_GATHER) -> FloatArray:
    size, gpus = np.broadcast_arrays(np.asarray(byte, dtype=float), np.asarray(ranks, dtype=float))
    return collective_us(PARAMETERS, H100, np.atleast_1d(size), np.atleast_1d(gpus), operation=operation)


def outside_us(byte: object, gpus: object, nodes: object, operation: str = ALL_REDUCE) -> FloatArray:
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (byte, gpus, nodes)))
    columns = {name: np.atleast_1d(array) for name, array in zip(("bytes", "gpus", "nodes"), arrays, strict=True)}
    return across_us(PARAMETERS, H100, columns, NETWORK, operation=operation)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_time_grows_with_the_message_and_with_the_gpus(operation: str) -> None:
    assert (np.diff(inside_us(SIZES, 8, operation)) > 0).all()
    assert (np.diff(inside_us(1024.0, [2, 4, 8], operation)) > 0).all()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_message_is_faster_than_the_link(operation: str) -> None:
    carried = SIZES * 7 / 8 * (2 if operation == ALL_REDUCE else 1)
    assert (inside_us(SIZES, 8, operation) > carried / H100.link_byte_s * 1e6).all()


def test_a_huge_message_reaches_the_share_of_the_largest_protocol() -> None:
    reached = 0.87 * (1 - 0.25 / 4) * H100.link_byte_s
    assert inside_us(2.0**40, 8)[0] == pytest.approx(2.0**40 * 7 / 8 / reached * 1e6, rel=0.01)


def test_the_protocol_that_ends_first_is_taken() -> None:
    only = [
        collective_us(replace(PARAMETERS, protocols=(one,)), H100, SIZES, np.full(30, 8.0), operation=ALL_GATHER)
        for one in PARAMETERS.protocols
    ]
    assert inside_us(SIZES, 8) == pytest.approx(np.minimum.reduce(only))
    assert {int(np.argmin(times)) for times in zip(*only, strict=True)} == {0, 1, 2}


def test_one_gpu_has_nothing_to_send() -> None:
    assert inside_us(1e9, 1)[0] == 0


def test_a_reduction_in_the_switch_is_for_large_sums_of_floats_over_eight_gpus() -> None:
    switched = replace(PARAMETERS, switch_start_us=70.0, switch_share=0.6)
    byte, eight = np.array([1e3, 1e9]), np.array([8.0, 8.0])

    def ratio(ranks: FloatArray, is_float: bool) -> list[float]:
        with_switch = collective_us(switched, H100, byte, ranks, operation=ALL_REDUCE, is_float=is_float)
        without = collective_us(PARAMETERS, H100, byte, ranks, operation=ALL_REDUCE, is_float=is_float)
        return (with_switch / without).tolist()

    assert ratio(eight, True)[0] == 1 and ratio(eight, True)[1] < 0.9
    assert ratio(eight, False) == [1, 1]
    assert ratio(eight / 2, True) == [1, 1]


def test_on_one_node_nothing_crosses_the_network() -> None:
    assert outside_us(1e8, 8, 1)[0] == inside_us(1e8, 8, ALL_REDUCE)[0]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_more_nodes_never_take_less_time(operation: str) -> None:
    for byte in (1e4, 1e7, 1e10):
        assert (np.diff(outside_us(byte, 8 * 2.0 ** np.arange(6), 2.0 ** np.arange(6), operation)) >= 0).all()


def test_an_exchange_of_huge_messages_is_bound_by_the_network() -> None:
    expected = 1e11 * 3 / 4 / (0.89 * NETWORK.byte_s) * 1e6
    assert outside_us(1e11, 32, 4, ALL_TO_ALL)[0] == pytest.approx(expected, rel=0.01)


def test_messages_too_small_for_many_nodes_reach_little_of_the_network() -> None:
    shares = bandwidth_share(RING_NETWORK, np.full(4, 2.0**24), np.array([2.0, 8, 32, 128]))
    assert (np.diff(shares) < 0).all()
    assert bandwidth_share(RING_NETWORK, np.array([1e13]), np.array([2.0]))[0] == pytest.approx(0.973, rel=1e-3)


def test_a_message_of_nothing_pays_for_the_start_alone_on_any_number_of_nodes() -> None:
    """NCCL's trees: the start grows with the logarithm of the nodes, 12 µs for each doubling."""
    for operation in OPERATIONS:
        time = outside_us(8.0, 8 * 2.0 ** np.arange(1, 8), 2.0 ** np.arange(1, 8), operation)
        assert np.diff(time) == pytest.approx(12.0, rel=0.05)


def test_the_typical_network_follows_the_generation() -> None:
    assert typical_network(H100).byte_s == 2 * typical_network(A100).byte_s


def test_a_fit_recovers_what_times_were_made_with() -> None:
    byte, ranks = (value.ravel() for value in np.meshgrid(SIZES[3:24], [2.0, 4.0, 8.0]))
    columns = {"bytes": byte, "gpus": ranks, "nodes": np.ones_like(byte)}
    words = {"op": ALL_GATHER, "dtype": "half", "kernel": ""}
    time = COLLECTIVE.predict(PARAMETERS, H100, columns, words)
    noisy = time * np.exp(0.02 * np.random.default_rng(1).standard_normal(len(time)))
    found = COLLECTIVE.fit([Block(words=words, columns=columns, time_us=noisy)], H100)
    error = np.abs(COLLECTIVE.predict(found, H100, columns, words) / time - 1)
    assert np.median(error) < 0.03 and np.percentile(error, 90) < 0.08
    assert found.protocols[-1].link_share == pytest.approx(0.87, rel=0.05)


def test_the_ramp_of_a_network_is_recovered() -> None:
    byte, nodes = (value.ravel() for value in np.meshgrid(2.0 ** np.arange(24, 35), [2.0, 4.0, 8.0, 32.0]))
    found = fit_network(byte, nodes, bandwidth_share(RING_NETWORK, byte, nodes))
    assert found.ramp_byte == pytest.approx(RING_NETWORK.ramp_byte, rel=0.05)
    assert found.node_power == pytest.approx(RING_NETWORK.node_power, rel=0.05)


def test_unknown_operations_are_not_modelled() -> None:
    assert COLLECTIVE.variants({"op": "broadcast", "dtype": "half"}) == ()
