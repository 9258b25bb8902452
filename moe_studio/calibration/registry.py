"""Every kernel family that can be fitted and predicted."""

from moe_studio.calibration.family import Family
from moe_studio.calibration.fit_attention import ATTENTION
from moe_studio.calibration.fit_collective import COLLECTIVE
from moe_studio.calibration.fit_deepep import DEEPEP
from moe_studio.calibration.fit_elementwise import ELEMENTWISE
from moe_studio.calibration.fit_gemm import GEMM
from moe_studio.calibration.fit_mla import MLA
from moe_studio.calibration.fit_moe import MOE
from moe_studio.calibration.fit_p2p import P2P

FAMILIES: tuple[Family, ...] = (GEMM, MOE, ATTENTION, MLA, ELEMENTWISE, COLLECTIVE, DEEPEP, P2P)
