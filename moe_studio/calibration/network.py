"""What the links of a design cost more, or less, than those on which the kernels were measured."""

from dataclasses import replace

import numpy as np

from moe_studio.calibration.asker import Asker
from moe_studio.engine.provider import FixedProvider, Rates
from moe_studio.graph.column import FloatArray
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.kernel.collective import typical_network
from moe_studio.project.cluster import Links

TYPICAL = Links()
"""Latencies of the links of clusters in the catalogue."""


def network_factor(fixed: FixedProvider, asker: Asker, body: LayerGraph, run: Run, rates: Rates) -> FloatArray:
    """By which the measured times of ``run`` are multiplied, shape (rows,).

    Collectives were measured over the links that a device is sold with. Other links, and tiers of them, change a
    time in proportion to what `fixed` has for both. More of the link in a node is the kernel model's own matter.
    """
    own = fixed.link_s(body, run, replace(rates, intra_byte_s=asker.base.intra_byte_s))
    factor = np.ones(len(own))
    device = body.stage.device[body.lane[run.rows]]
    for kind in np.unique(device).tolist():
        rows = np.flatnonzero(device == kind)
        typical = fixed.link_s(body, run, _typical(asker, kind))[rows]
        factor[rows] = np.where(typical > 0, own[rows] / np.where(typical > 0, typical, 1.0), 1.0)
    return factor


def _typical(asker: Asker, kind: int) -> Rates:
    facts, beyond_s = asker.calibrations[kind].facts, TYPICAL.inter.latency_s
    network = typical_network(facts).byte_s
    return replace(
        asker.base,
        intra_byte_s=facts.link_byte_s,
        inter_byte_s=network,
        spine_byte_s=network,
        intra_latency_s=TYPICAL.intra.latency_s,
        inter_latency_s=beyond_s,
        spine_latency_s=beyond_s,
    )
