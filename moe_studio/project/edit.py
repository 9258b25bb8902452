"""Edits: functions that make the next project from this one.

Placements are kept as few moves that a person can read: an expert that is back where the policy
puts it has no move left, so moving away and back gives the same project.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from moe_studio.errors import ProjectError
from moe_studio.project.design import Move, Placement, layer_ranges, layers_text
from moe_studio.project.instance import default_slot
from moe_studio.project.project import Project

Edit = Callable[[Project], Project]
Slots = tuple[int, ...]
Home = tuple[int, int, int]
"""Layer, replica, expert."""


def identity(project: Project) -> Project:
    """No change."""
    return project


def move_expert(expert: int, source: int, target: int, *, layers: Iterable[int], replica: int | None = None) -> Edit:
    """Take the instance of ``expert`` out of slot ``source`` and put it into slot ``target``.

    Layers in which the expert is not in ``source`` stay as they are.
    """

    def moved(slots: Slots) -> Slots:
        return tuple(sorted({target if slot == source else slot for slot in slots}))

    return _each(expert, layers, replica, moved)


def place_expert(expert: int, slots: Iterable[int], *, layers: Iterable[int], replica: int | None = None) -> Edit:
    """Put ``expert`` into exactly these slots."""
    wanted = tuple(sorted(set(slots)))
    return _each(expert, layers, replica, lambda _: wanted)


def replicate_expert(expert: int, target: int, *, layers: Iterable[int], replica: int | None = None) -> Edit:
    """Add an instance of ``expert`` in slot ``target``."""
    return _each(expert, layers, replica, lambda slots: tuple(sorted({*slots, target})))


def remove_instance(expert: int, slot: int, *, layers: Iterable[int], replica: int | None = None) -> Edit:
    """Take the instance of ``expert`` out of ``slot``, unless it is the only one."""

    def removed(slots: Slots) -> Slots:
        return tuple(item for item in slots if item != slot) or slots

    return _each(expert, layers, replica, removed)


def swap_experts(
    first: tuple[int, int], second: tuple[int, int], *, layers: Iterable[int], replica: int | None = None
) -> Edit:
    """Let two instances, each an (expert, slot), change places."""
    chosen = tuple(layers)

    def edit(project: Project) -> Project:
        (a, slot_a), (b, slot_b) = first, second
        project = move_expert(a, slot_a, slot_b, layers=chosen, replica=replica)(project)
        return move_expert(b, slot_b, slot_a, layers=chosen, replica=replica)(project)

    return edit


def reset_placement(policy: str) -> Edit:
    """Put every expert where ``policy`` puts it; redundant ones stay, as far as the policy has any."""

    def edit(project: Project) -> Project:
        redundant = 0 if policy == "explicit" else project.placement.redundant
        return replace(project, placement=Placement(policy=policy, redundant=redundant))

    return edit


def set_value(path: str, value: Any) -> Edit:
    """Give the setting at ``path``, such as ``parallel.tp`` or ``cluster.nodes[1].gpus``, another value."""
    return set_at(tuple(path.replace("[", ".").replace("]", "").split(".")), value)


def set_at(words: tuple[str, ...], value: Any) -> Edit:
    """Give the setting at the end of ``words`` another value; for names that a path in one text would break."""
    return set_all({words: value})


def set_all(values: Mapping[tuple[str, ...], Any]) -> Edit:
    """Give several settings other values at once, so that they need only be valid together."""
    return lambda project: _set(project, dict(values), ())


def rename(name: str) -> Edit:
    """Give the design another title."""
    return lambda project: replace(project, name=name)


def in_order(*edits: Edit) -> Edit:
    """Several edits as one."""

    def edit(project: Project) -> Project:
        for item in edits:
            project = item(project)
        return project

    return edit


def _set(value: Any, changes: Mapping[tuple[str, ...], Any], place: tuple[str, ...]) -> Any:
    """``value``, which stands at ``place``, with what ``changes`` say of its parts."""
    if () in changes:
        return changes[()]
    below: dict[str, dict[tuple[str, ...], Any]] = {}
    for words, new in changes.items():
        below.setdefault(words[0], {})[words[1:]] = new
    parts = {}
    for name, inner in below.items():
        here = (*place, name)
        parts[name] = _set(_part(value, name, here, is_new=() in inner), inner, here)
    if isinstance(value, tuple):
        return tuple(parts.get(str(index), item) for index, item in enumerate(value))
    return {**value, **parts} if isinstance(value, Mapping) else replace(value, **parts)


def _part(value: Any, name: str, place: tuple[str, ...], *, is_new: bool) -> Any:
    if isinstance(value, tuple) and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    if isinstance(value, Mapping) and (name in value or is_new):
        return value.get(name)
    if hasattr(value, "__dataclass_fields__") and name in {item.name for item in fields(value) if item.init}:
        return getattr(value, name)
    raise ProjectError(f"There is no setting {'.'.join(place)}.")


def _each(expert: int, layers: Iterable[int], replica: int | None, change: Callable[[Slots], Slots]) -> Edit:
    chosen = tuple(layers)

    def edit(project: Project) -> Project:
        table = expert_slots(project, expert)
        replicas = range(project.parallel.dp) if replica is None else (replica,)
        changed = dict(table)
        for layer in chosen:
            for number in replicas:
                if (layer, number) in changed:
                    changed[layer, number] = change(changed[layer, number])
        if changed == table:
            return project
        return _with_expert(project, expert, changed)

    return edit


def expert_slots(project: Project, expert: int) -> dict[tuple[int, int], Slots]:
    """The slots of ``expert`` in every MoE layer that has it, by (layer, replica)."""
    replicas = range(project.parallel.dp)
    homes = {layer: default_slot(project, layer, expert) for layer in _layers_with(project, expert)}
    table = {(layer, replica): home for layer, home in homes.items() for replica in replicas}
    for move in project.placement.moves:
        if move.expert != expert:
            continue
        for low, high in layer_ranges(move.layers) or ((0, project.model.layer_count - 1),):
            for layer in range(low, high + 1):
                for replica in replicas if move.replica is None else (move.replica,):
                    if (layer, replica) in table:
                        table[layer, replica] = tuple(sorted(move.slots))
    return table


def _layers_with(project: Project, expert: int) -> list[int]:
    layers = project.model.layers[: len(project.model.own_layers) + 1]
    return [index for index, layer in enumerate(layers) if expert < layer.ffn.experts]


def _with_expert(project: Project, expert: int, table: Mapping[tuple[int, int], Slots]) -> Project:
    """The project with ``expert`` exactly in the slots of ``table``; other experts' moves stay as written."""
    moves = project.placement.moves
    place = next((index for index, move in enumerate(moves) if move.expert == expert), len(moves))
    own = _moves(project, expert, table)
    before = tuple(move for move in moves[:place] if move.expert != expert)
    after = tuple(move for move in moves[place:] if move.expert != expert)
    return replace(project, placement=replace(project.placement, moves=(*before, *own, *after)))


def _moves(project: Project, expert: int, table: Mapping[tuple[int, int], Slots]) -> tuple[Move, ...]:
    """Fewest moves, one per different set of slots: first those of all replicas, then of single ones."""
    layers = _layers_with(project, expert)
    everywhere: dict[Slots, list[int]] = {}
    single: dict[tuple[int, Slots], list[int]] = {}
    for layer in layers:
        default = default_slot(project, layer, expert)
        given = [table[layer, replica] for replica in range(project.parallel.dp)]
        if all(slots == given[0] for slots in given):
            if given[0] and given[0] != default:
                everywhere.setdefault(given[0], []).append(layer)
            continue
        for replica, slots in enumerate(given):
            if slots and slots != default:
                single.setdefault((replica, slots), []).append(layer)

    def text(chosen: list[int]) -> str:
        return "" if chosen == layers else layers_text(chosen)

    return (
        *(Move(layers=text(chosen), expert=expert, slots=slots) for slots, chosen in everywhere.items()),
        *(
            Move(layers=text(chosen), expert=expert, slots=slots, replica=replica)
            for (replica, slots), chosen in single.items()
        ),
    )
