"""Every kernel family that can be fitted and predicted."""

from moe_studio.calibration.family import Family

FAMILIES: tuple[Family, ...] = ()
