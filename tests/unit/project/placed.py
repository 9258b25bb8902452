"""A placement as tests look at it: which slots hold each expert."""

from collections import defaultdict

from moe_studio.project.instance import layer_instances
from moe_studio.project.project import Project


def slots_of(project: Project, layer: int, replica: int) -> dict[int, tuple[int, ...]]:
    """The slots of each expert of one layer in one replica; experts without a slot are left out."""
    found: dict[int, tuple[int, ...]] = defaultdict(tuple)
    instances = layer_instances(project)[project.model.held_layer(layer)]
    assert instances is not None
    rows = zip(instances.replica.tolist(), instances.expert.tolist(), instances.slot.tolist(), strict=True)
    for own, expert, slot in rows:
        if own == replica:
            found[expert] += (slot,)
    return dict(found)
