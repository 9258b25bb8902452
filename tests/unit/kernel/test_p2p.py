"""Laws of a send's run time, and the recovery of known parameters."""

import numpy as np
import pytest

from moe_studio.calibration.family import Block
from moe_studio.calibration.fit_p2p import P2P
from moe_studio.calibration.store import facts_of
from moe_studio.kernel.p2p import P2pParameters, p2p_us

H100 = facts_of("h100-sxm")
PARAMETERS = P2pParameters(
    start_us=8.0, link_share=0.82, chunk_us=0.05, network_start_us=20.0, network_gb_s=36.0, network_chunk_us=0.05
)
SIZES = 2.0 ** np.arange(32)


def test_time_grows_with_the_message_and_across_nodes() -> None:
    near, far = (p2p_us(PARAMETERS, H100, SIZES, np.full(32, float(nodes))) for nodes in (1, 2))
    assert (np.diff(near) > 0).all() and (np.diff(far) > 0).all()
    assert (far > near).all()
    assert (near > SIZES / H100.link_byte_s * 1e6).all()


def test_a_huge_message_reaches_the_link_and_the_network_given() -> None:
    byte, two = np.array([1e12]), np.array([2.0])
    assert p2p_us(PARAMETERS, H100, byte, two)[0] == pytest.approx(1e12 / 36e9 * 1e6, rel=0.01)
    given = p2p_us(PARAMETERS, H100, byte, two, network_byte_s=100e9)
    assert given[0] == pytest.approx(1e12 / 100e9 * 1e6, rel=0.01)


def test_a_fit_recovers_what_times_were_made_with() -> None:
    byte, nodes = (value.ravel() for value in np.meshgrid(np.geomspace(1e4, 7e7, 150), [1.0, 2.0]))
    ones = np.ones_like(byte)
    columns = {"bytes": byte, "nodes": nodes, "gpus": 2 * ones, "gpus_per_node": 2 / nodes}
    words = {"op": "send_recv", "dtype": "float16"}
    time = P2P.predict(PARAMETERS, H100, columns, words)
    noisy = time * np.exp(0.03 * np.random.default_rng(1).standard_normal(len(time)))
    found = P2P.fit([Block(words=words, columns=columns, time_us=noisy)], H100)
    assert found.start_us == pytest.approx(8, rel=0.1)
    assert found.network_gb_s == pytest.approx(36, rel=0.03)
    assert found.link_share == pytest.approx(0.82, rel=0.05)
