"""Experts of two designs that are on other GPUs."""

from dataclasses import dataclass

from moe_studio.document.difference_row import Change, Row, numbers_text
from moe_studio.document.selection import Selection
from moe_studio.project.instance import Instances, layer_instances
from moe_studio.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertChange:
    """An expert whose GPUs differ, in ``layers``: it was on ``was`` and is on ``now``."""

    expert: int
    layers: tuple[int, ...]
    was: tuple[int, ...]
    now: tuple[int, ...]

    @property
    def change(self) -> Change:
        """Added, removed, moved; or changed in how many copies it has."""
        if not self.was:
            return "added"
        if not self.now:
            return "removed"
        return "moved" if len(self.was) == len(self.now) else "changed"


def expert_changes(reference: Project, project: Project) -> tuple[ExpertChange, ...]:
    """Experts that are on other GPUs, equal changes of several layers together."""
    homes = (_Homes(reference), _Homes(project))
    layers: dict[tuple[object, object], list[int]] = {}
    for layer in range(max(reference.model.layer_count, project.model.layer_count)):
        layers.setdefault((homes[0].key(layer), homes[1].key(layer)), []).append(layer)
    together: dict[tuple[int, tuple[int, ...], tuple[int, ...]], list[int]] = {}
    for numbers in layers.values():
        was, now = homes[0].gpus(numbers[0]), homes[1].gpus(numbers[0])
        for expert in was.keys() | now.keys():
            change = (expert, was.get(expert, ()), now.get(expert, ()))
            if change[1] != change[2]:
                together.setdefault(change, []).extend(numbers)
    return tuple(
        ExpertChange(expert=expert, was=was, now=now, layers=tuple(sorted(numbers)))
        for (expert, was, now), numbers in sorted(together.items())
    )


class _Homes:
    """The GPUs of every expert of a design; layers placed alike share a key."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._instances = layer_instances(project)
        self._stage = {layer: stage for stage, layers in enumerate(project.stage_layers()) for layer in layers}

    def key(self, layer: int) -> object:
        """Equal for layers whose experts are on the same GPUs."""
        found = self._found(layer)
        return None if found is None else (id(found), self._stage[layer])

    def gpus(self, layer: int) -> dict[int, tuple[int, ...]]:
        """First GPU of each slot of each expert of one layer."""
        found = self._found(layer)
        if found is None:
            return {}
        parallel, width = self._project.parallel, self._project.width
        first = (found.replica * parallel.pp + self._stage[layer]) * width + found.slot * parallel.etp
        homes: dict[int, list[int]] = {}
        for expert, gpu in zip(found.expert.tolist(), first.tolist(), strict=True):
            homes.setdefault(expert, []).append(gpu)
        return {expert: tuple(sorted(gpus)) for expert, gpus in homes.items()}

    def _found(self, layer: int) -> Instances | None:
        return self._instances[layer] if layer < len(self._instances) else None


def expert_row(item: ExpertChange) -> Row:
    """A change of an expert in words."""
    gone = set(item.now) - set(item.was)
    return Row(
        category="experts",
        change=item.change,
        what=f"Expert {item.expert}, {numbers_text(item.layers, 'layer')}",
        was=numbers_text(item.was, "GPU") if item.was else "–",
        now=numbers_text(item.now, "GPU") if item.now else "–",
        selection=Selection(kind="expert", expert=item.expert, gpu=min(gone or item.now, default=-1)),
    )
