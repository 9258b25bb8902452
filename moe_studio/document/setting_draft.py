"""Wishes that wait until they make a valid design, alone or with others, and ways to make them do so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from moe_studio.calibration.provider import provide
from moe_studio.document.setting_field import Field, Words, label_of
from moe_studio.document.setting_value import changed, rough, value_edit
from moe_studio.engine.evaluation import check_size
from moe_studio.errors import MoeStudioError, ProjectError
from moe_studio.project.edit import Edit, reset_placement
from moe_studio.project.project import Project

DEGREES = ("dp", "pp", "tp", "ep", "etp")
MOST_TOGETHER = 6
"""So many waiting changes are tried in every combination; of more, only the newest."""

NO_SETTING = "There is no setting"
FITS_NOW = "It fits now: press Enter to apply it."

Key = tuple[Words, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Change:
    """What is wanted of the settings ``key``: as it was typed, and the values and edits that it means.

    With neither the text means no value; ``sentence`` says what is wrong, or why it still waits.
    """

    key: Key
    label: str
    text: str = ""
    values: Mapping[Words, Any] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    sentence: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it means anything."""
        return bool(self.values or self.edits)


def change_of(row: Sequence[Field], text: str, *, folder: Path | None = None) -> Change:
    """What typing ``text`` into a field means for all settings of its ``row``."""
    first, key = row[0], tuple(item.words for item in row)
    parsed = first.parsed(text)
    shown = next((choice.text for choice in first.choices if choice.value == text), text.strip()) or "nothing"
    owner = f" of {first.owner}" if first.owner and len(row) == 1 else f" of {len(row)}" if len(row) > 1 else ""
    label = f"Set {first.label}{owner} to {shown[:40]}"
    if parsed.sentence:
        return Change(key=key, label=label, text=text, sentence=parsed.sentence)
    edits = {words: value_edit(words, parsed.value, folder=folder) for words in key}
    return Change(
        key=key,
        label=label,
        text=text,
        values={words: parsed.value for words, edit in edits.items() if edit is None},
        edits=tuple(edit for edit in edits.values() if edit is not None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Changes that wait, oldest first."""

    changes: tuple[Change, ...] = ()

    @property
    def values(self) -> dict[Words, Any]:
        """The values that are wanted, whether or not they are valid."""
        return {words: value for change in self.changes for words, value in change.values.items()}

    def without(self, key: Key) -> "Draft":
        """What waits for no setting of ``key``."""
        return Draft(changes=tuple(change for change in self.changes if not set(change.key) & set(key)))

    def with_change(self, change: Change) -> "Draft":
        """With ``change`` as the newest, instead of what waited for its settings."""
        return Draft(changes=(*self.without(change.key).changes, change))

    def waiting_for(self, words: Words) -> Change | None:
        """The change that waits for the setting at ``words``."""
        return next((change for change in self.changes if words in change.key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A project with every change that it can take, and the draft that is left."""

    project: Project
    applied: tuple[Change, ...] = ()
    draft: Draft = Draft()

    @property
    def label(self) -> str:
        """What was done, for the history."""
        return joined(self.applied)


def joined(changes: Sequence[Change]) -> str:
    """What ``changes`` do together, for the history: ``Set PP to 2 and EP to 8``."""
    labels = [change.label for change in changes]
    return " and ".join([*labels[:1], *(label.removeprefix("Set ") for label in labels[1:])])


def outcome(project: Project, draft: Draft) -> Outcome:
    """Apply the newest change of ``draft``, with as many of the others as then give a valid design.

    What waited before the newest change is never applied without it: nothing happens by itself.
    """
    *older, newest = draft.changes
    if newest.is_ready:
        ready = [change for change in older if change.is_ready][-MOST_TOGETHER:]
        for count in range(len(ready), -1, -1):
            for chosen in combinations(ready, count):
                applied = (*chosen, newest)
                made = made_of(project, applied)
                if isinstance(made, Project):
                    rest = tuple(change for change in older if change not in applied)
                    return Outcome(project=made, applied=applied, draft=explained(made, Draft(changes=rest)))
    return Outcome(project=project, draft=explained(project, draft))


def explained(project: Project, draft: Draft) -> Draft:
    """``draft`` with every change saying why it waits; without those whose setting is gone."""
    kept = []
    for change in draft.changes:
        made = made_of(project, (change,)) if change.is_ready else project
        if isinstance(made, ProjectError) and str(made).startswith(NO_SETTING):
            continue
        if not change.is_ready:
            kept.append(change)
        elif isinstance(made, Project):
            kept.append(replace(change, sentence=FITS_NOW))
        else:
            kept.append(replace(change, sentence=why(made)))
    return Draft(changes=tuple(kept))


def made_of(project: Project, changes: Sequence[Change]) -> Project | MoeStudioError:
    """``project`` with all of ``changes`` at once; or what is wrong with that."""
    values = {words: value for change in changes for words, value in change.values.items()}
    try:
        made = changed(project, values, [edit for change in changes for edit in change.edits])
        check_size(made)
        provide(made)
    except MoeStudioError as error:
        return error
    return made


def why(error: MoeStudioError) -> str:
    """What ``error`` says, as sentences for a form."""
    faults = error.faults if isinstance(error, ProjectError) else ()
    said = [_sentence(path, message) for path, message in faults] or [f"{error}"]
    return " ".join(said[:2]) + (f" And {len(said) - 2} more faults." if len(said) > 2 else "")


def _sentence(path: str, message: str) -> str:
    if message.startswith("must"):
        name = label_of(path.rpartition(".")[2])
        return f"{name} of {path.rpartition('.')[0].split('.')[-1]} {message}" if "[" in path else f"{name} {message}"
    return message if message.startswith("ep ·") else message[:1].upper() + message[1:]


# Ways out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suggestion:
    """A way out that is one click away: what the button says, and changes that are valid together."""

    text: str
    changes: tuple[Change, ...]


def allowed(project: Project, item: Field) -> tuple[int, ...]:
    """Values of a degree of parallelism that are valid, everything else being as it is."""
    if item.words[:1] != ("parallel",) or item.words[-1] not in DEGREES:
        return ()
    values = _divisors(project.cluster.gpu_count)
    name = item.words[-1]
    return tuple(value for value in values if isinstance(made_of(project, (_degree(name, value),)), Project))


def allowed_because(project: Project, item: Field) -> str:
    """What the values of ``allowed`` follow from: ``W = 16``."""
    if item.words[-1] in ("dp", "pp"):
        return f"{project.cluster.gpu_count} GPUs, {project.model.layer_count} layers"
    return f"W = {project.width}"


def suggestions(project: Project, change: Change) -> tuple[Suggestion, ...]:
    """Changes of one degree of parallelism, or of the placement, with which ``change`` would be valid."""
    if not change.is_ready or isinstance(made_of(project, (change,)), Project):
        return ()
    found = [item for name in DEGREES if (item := _with_degree(project, change, name)) is not None]
    if found:
        return tuple(found)
    reset = Change(key=((),), label="reset placement", edits=(reset_placement(project.placement.policy),))
    if isinstance(made_of(project, (change, reset)), Project):
        return (Suggestion(text="with every move undone", changes=(change, reset)),)
    return ()


def _with_degree(project: Project, change: Change, name: str) -> Suggestion | None:
    """``change`` with the degree ``name`` at the value nearest to what it is."""
    words, present = ("parallel", name), int(getattr(project.parallel, name))
    if words in change.key:
        return None
    for value in sorted(_divisors(_gpus_with(project, change)), key=lambda value: (abs(value - present), value)):
        partner = _degree(name, value)
        if value != present and isinstance(made_of(project, (change, partner)), Project):
            return Suggestion(text=f"with {name.upper()} {value}", changes=(change, partner))
    return None


def _gpus_with(project: Project, change: Change) -> int:
    """GPUs of the cluster after ``change``, whether or not that is valid."""
    try:
        return rough(project, change.values, change.edits).cluster.gpu_count
    except MoeStudioError:
        return project.cluster.gpu_count


def _degree(name: str, value: int) -> Change:
    words = ("parallel", name)
    return Change(key=(words,), label=f"{name.upper()} to {value}", text=f"{value}", values={words: value})


def _divisors(number: int) -> list[int]:
    small = [value for value in range(1, int(number**0.5) + 1) if number % value == 0]
    return sorted({*small, *(number // value for value in small)})
