"""Tables of run times made from known parameters."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from moe_studio.calibration.store import facts_of
from moe_studio.kernel.device import DeviceFacts
from moe_studio.kernel.gemm import GemmParameters, gemm_us

KNOWN = GemmParameters(
    tiles="coarse",
    launch_us=3.0,
    wave_us=1.5,
    split_us=2.5,
    memory_share=0.8,
    math_share=0.7,
    load_ratio=6.0,
    step_us=0.01,
    quantum=0.9,
    overlap=2.0,
    reduce_ratio=2.0,
    throttle_share=0.05,
    throttle_ms=1.0,
)
HEADER = "gpu,dtype,m,k,n,time_us,kernel"


A100 = facts_of("a100-80g-sxm")


def gemm_rows(gpu: str = "A100-SXM", facts: DeviceFacts = A100) -> list[str]:
    """Rows of a GEMM table that `KNOWN` explains but for 3 % of scatter."""
    base = np.array([256, 768, 2048, 3072, 5120, 8192, 16384])
    m, k, n = (grid.ravel().astype(float) for grid in np.meshgrid([1, 16, 96, 256, 1024, 4096, 16384], base, base))
    time = gemm_us(KNOWN, facts, m=m, k=k, n=n, dtype="bf16")
    time = time * np.random.default_rng(1).normal(1.0, 0.03, len(time))
    return [f"{gpu},bfloat16,{a:.0f},{b:.0f},{c:.0f},{t:.5g},cublas" for a, b, c, t in zip(m, k, n, time, strict=True)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Sequence[str]], Path]:
    """Writes lines to a file ``table.csv``."""

    def write_lines(lines: Sequence[str]) -> Path:
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write_lines
