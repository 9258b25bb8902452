"""Finds the provider that a project asks for."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from moe_studio.calibration.asker import Asker
from moe_studio.calibration.calibrated import CalibratedProvider
from moe_studio.calibration.measured import read_measured
from moe_studio.calibration.opinion import Forgiving, Opinion
from moe_studio.calibration.plugin import BUILT_IN, allowed_names, load
from moe_studio.calibration.question import DEEPEP_SMS
from moe_studio.calibration.store import calibration_of, datasheet_of, differences, read_calibration
from moe_studio.engine.provider import FixedProvider, Provider, fixed_provider, rates
from moe_studio.errors import MoeStudioError, ProjectError
from moe_studio.graph.stage import device_names
from moe_studio.kernel.fitted import Calibration
from moe_studio.project.cluster import Cluster
from moe_studio.project.design import Cost, without_files
from moe_studio.project.project import Project


def provide(project: Project, allowed: Collection[str] = ()) -> Provider:
    """The provider that ``project`` asks for; ``auto`` is calibrated on devices that it knows kernels of, else fixed.

    These are those of the catalogue, and any to which the project's own calibration was fitted.
    ``allowed`` names plug-ins that may be loaded beside those that the user has allowed for good.

    Raises:
        ProjectError: if there is no provider of that name, or what it needs is missing or wrong.
    """
    match _chosen(project):
        case "fixed":
            return replace(fixed_provider(project), faults=tuple(_unused(project)))
        case "calibrated":
            return calibrated_provider(project)
        case "table":
            return table_provider(project)
        case name:
            return plugin_provider(project, name, allowed)


def provide_anyway(project: Project) -> Provider:
    """The same for a window, which must always show something: `auto` where the provider fails, and a fault."""
    try:
        provider = provide(project)
    except ProjectError as error:
        bare = replace(without_files(project.cost), provider="auto")
        other = provide(replace(project, cost=bare))
        assert isinstance(other, FixedProvider | CalibratedProvider)
        return replace(other, faults=(f"{error} Until then run times are those of the provider auto.",))
    if not isinstance(provider, CalibratedProvider) or provider.asker.opinion is None:
        return provider
    forgiving = Forgiving(opinion=provider.asker.opinion, faults=[*provider.faults])
    return replace(provider, asker=replace(provider.asker, opinion=forgiving), faults=forgiving.faults)


def provider_names() -> tuple[str, ...]:
    """The providers that a project may name: those built in, and plug-ins that the user has allowed."""
    return (*BUILT_IN, *allowed_names())


def is_known(cluster: Cluster, name: str) -> bool:
    """Whether a device is one of the catalogue whose datasheet says enough for kernel models."""
    return name not in cluster.devices and cluster.device(name).sms > 0


def _chosen(project: Project) -> str:
    if project.cost.provider != "auto":
        return project.cost.provider
    return "fixed" if _unknown(project) else "calibrated"


def _unknown(project: Project) -> list[str]:
    """The devices of ``project`` of which no kernels are known."""
    fitted = {item.facts.name for item in own_calibration(project.cost)}
    names = device_names(project.cluster)
    return [name for name in names if name not in fitted and not is_known(project.cluster, name)]


def _unused(project: Project) -> Iterator[str]:
    """Why ``auto`` is fixed although ``project`` names a calibration."""
    if project.cost.provider == "auto":
        for item in own_calibration(project.cost):
            file, fitted, unknown = project.cost.calibration, item.facts.name, ", ".join(_unknown(project))
            yield f"{file}, fitted to {fitted}, is not used: auto is fixed, for there are no kernels of {unknown}."


def calibrated_provider(project: Project, opinion: Opinion | None = None) -> CalibratedProvider:
    """Fitted kernels for the devices of ``project``, corrected by ``opinion``."""
    own = own_calibration(project.cost)
    names = device_names(project.cluster)
    calibrations = tuple(calibration_of(name, project.cluster.device(name), own) for name in names)
    asker = Asker(calibrations=calibrations, base=rates(project), lent_sms=lent_sms(project), opinion=opinion)
    return CalibratedProvider(
        project=project,
        asker=asker,
        fixed=fixed_provider(project),
        notes=tuple(_estimates(project.cluster, calibrations)),
        faults=tuple(_unlike(project, calibrations, own)),
    )


def _estimates(cluster: Cluster, calibrations: Collection[Calibration]) -> Iterator[str]:
    """What datasheets leave out and kernel models need, and what is taken instead."""
    for facts in (item.facts for item in calibrations):
        device = cluster.device(facts.name)
        if not device.sms:
            yield f"The datasheet of {facts.name} has no sms; {facts.sms} are taken, as GPUs of such a peak have"
        if not device.link_gb_s and any(node.gpus > 1 for node in cluster.nodes if node.device == facts.name):
            share = f"in proportion to links of {facts.link_byte_s / 1e9:g} GB/s"
            yield f"The datasheet of {facts.name} has no link_gb_s; collectives follow the design's links, {share}"


def _unlike(project: Project, used: Collection[Calibration], own: Collection[Calibration]) -> Iterator[str]:
    """How devices of ``project`` are not those that its own calibration was fitted to."""
    here = {item.facts.name: item.facts for item in used}
    for item in own:
        file, name = project.cost.calibration, item.facts.name
        if name not in here:
            yield f"{file} was fitted to {name}, not to {', '.join(here)}: its numbers serve only where others lack."
        elif not here[name].is_like(item.facts):
            found = differences(project.cluster.device(name), datasheet_of(item))
            yield f"{name} is not as {file} was fitted to it: {found}. Its numbers are carried over by both datasheets."


def table_provider(project: Project) -> CalibratedProvider:
    """Fitted kernels, corrected by the measured run times that ``project`` names."""
    path = _path(project.cost, "table", "The provider table needs a CSV file of measured run times.")
    try:
        measured = read_measured(path)
        provider = calibrated_provider(project, measured)
        return replace(provider, notes=(*provider.notes, *measured.notes(provider.asker.calibrations)))
    except MoeStudioError as error:
        raise _at("table", error) from error


def plugin_provider(project: Project, name: str, allowed: Collection[str]) -> CalibratedProvider:
    """Fitted kernels, corrected by a plug-in."""
    try:
        plugin = load(name, allowed)
    except MoeStudioError as error:
        raise _at("provider", error) from error
    provider = calibrated_provider(project, plugin)
    note = f"Times of the kind user come from {name}, a plug-in of {plugin.info.origin}"
    return replace(provider, notes=(*provider.notes, note))


def named_opinion(provider: str | None, table: Path | None, allowed: Collection[str]) -> Opinion | None:
    """What corrects kernel models where there is no project: a table of measured run times, or a plug-in.

    Raises:
        MoeStudioError: if ``provider`` is no such thing.
    """
    if provider in ("auto", "calibrated") or (provider is None and table is None):
        return None
    if provider == "fixed":
        raise MoeStudioError("The provider fixed knows no kernels; predict needs calibrated, table, or a plug-in.")
    if provider not in (None, "table"):
        return load(provider, allowed)
    if table is None:
        raise MoeStudioError("The provider table needs a CSV file of measured run times; name it with --table.")
    return read_measured(table.resolve())


def own_calibration(cost: Cost) -> tuple[Calibration, ...]:
    """The user's own calibration, if the project names one."""
    if not cost.calibration:
        return ()
    path = _path(cost, "calibration", "")
    try:
        return (_read(path, path.stat().st_mtime_ns),)
    except (MoeStudioError, OSError) as error:
        raise _at("calibration", error) from error


@lru_cache(maxsize=8)
def _read(path: Path, _changed_ns: int) -> Calibration:
    return read_calibration(path)


def _path(cost: Cost, name: str, otherwise: str) -> Path:
    """Where a file that ``cost`` names lies."""
    place = getattr(cost, f"{name}_path")
    if not place:
        asked = getattr(cost, name)
        raise _at(name, MoeStudioError(f"{asked[:60]!r} has not been looked for yet." if asked else otherwise))
    return Path(place)


def _at(name: str, error: Exception) -> ProjectError:
    """``error`` as a fault of a setting of costs."""
    path = f"cost.{name}"
    return ProjectError(f"{path}: {error}", [(path, str(error))])


def lent_sms(project: Project) -> int:
    """SMs that DeepEP's normal kernels hold while another micro-batch computes beside them.

    Low-latency kernels send by the network card alone and hold none (README of DeepEP).
    """
    work = project.workload
    is_overlapped = project.cost.overlap and work.order == "interleaved" and work.micro_batches > 1
    has_exchange = not project.is_local and project.model.has_experts
    return int(DEEPEP_SMS) if is_overlapped and has_exchange and work.phase != "decode" else 0
