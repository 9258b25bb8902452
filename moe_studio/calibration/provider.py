"""Finds the provider that a project asks for."""

from moe_studio.calibration.asker import Asker
from moe_studio.calibration.calibrated import CalibratedProvider
from moe_studio.calibration.opinion import Opinion
from moe_studio.calibration.question import DEEPEP_SMS
from moe_studio.calibration.store import calibration_of
from moe_studio.engine.provider import Provider, fixed_provider, rates
from moe_studio.errors import ProjectError
from moe_studio.graph.stage import device_names
from moe_studio.project.cluster import Cluster
from moe_studio.project.project import Project

PROVIDERS = ("auto", "fixed", "calibrated")


def provide(project: Project) -> Provider:
    """The provider that ``project`` asks for; ``auto`` is calibrated on devices of the catalogue, else fixed.

    Raises:
        ProjectError: if there is no provider of that name.
    """
    name = project.cost.provider
    if name == "auto":
        names = device_names(project.cluster)
        name = "calibrated" if all(is_known(project.cluster, each) for each in names) else "fixed"
    if name == "calibrated":
        return calibrated_provider(project)
    if name == "fixed":
        return fixed_provider(project)
    raise ProjectError(f"There is no cost provider {name!r}; the known ones are: {', '.join(PROVIDERS)}.")


def is_known(cluster: Cluster, name: str) -> bool:
    """Whether a device is one of the catalogue whose datasheet says enough for kernel models."""
    return name not in cluster.devices and cluster.device(name).sms > 0


def calibrated_provider(project: Project, opinion: Opinion | None = None) -> CalibratedProvider:
    """Fitted kernels for the devices of ``project``, corrected by ``opinion``."""
    names = device_names(project.cluster)
    calibrations = tuple(calibration_of(name, project.cluster.device(name)) for name in names)
    asker = Asker(calibrations=calibrations, base=rates(project), lent_sms=lent_sms(project), opinion=opinion)
    return CalibratedProvider(project=project, asker=asker, fixed=fixed_provider(project))


def lent_sms(project: Project) -> int:
    """SMs that DeepEP's normal kernels hold while another micro-batch computes beside them.

    Low-latency kernels send by the network card alone and hold none (README of DeepEP).
    """
    work = project.workload
    is_overlapped = project.cost.overlap and work.order == "interleaved" and work.micro_batches > 1
    has_exchange = not project.is_local and any(layer.ffn.is_moe for layer in project.model.layers)
    return int(DEEPEP_SMS) if is_overlapped and has_exchange and work.phase != "decode" else 0
