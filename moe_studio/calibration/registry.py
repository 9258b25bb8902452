"""Every kernel family that can be fitted and predicted."""

from moe_studio.calibration.family import Family
from moe_studio.calibration.fit_gemm import GEMM

FAMILIES: tuple[Family, ...] = (GEMM,)
