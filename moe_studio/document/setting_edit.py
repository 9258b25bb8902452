"""Editing settings by typing: every key previews, leaving the field makes one step of the history.

What does not make a valid design waits in a `Draft`, with its sentence, until another change makes room for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from moe_studio.document.document import Document
from moe_studio.document.history import History
from moe_studio.document.setting_draft import (
    Change,
    Draft,
    Key,
    Outcome,
    Suggestion,
    change_of,
    explained,
    joined,
    made_of,
    outcome,
)
from moe_studio.document.setting_field import MANY, Field, path_of
from moe_studio.document.setting_section import Action
from moe_studio.engine.rule import ERROR, Problem
from moe_studio.graph.estimate import operator_estimate
from moe_studio.project.edit import identity
from moe_studio.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Session:
    """What is being typed into one field: the state before it, and what it gives so far."""

    row: tuple[Field, ...]
    key: Key
    history: History
    before: Draft
    result: Outcome


LIVE_OPERATORS = 1_000_000
"""Designs with more operators are worked out when their field is left, not at every key."""


class Editing:
    """Settings of one document, as forms edit them. Forms of the same document share one, and so its draft."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.draft = Draft()
        self.on_draft: list[Callable[[], None]] = []
        self.on_note: list[Callable[[str], None]] = []
        self._session: Session | None = None
        self._seen = document.history

    @property
    def is_typing(self) -> bool:
        """Whether something was typed that is not in the history yet."""
        return self._session is not None

    def is_typing_into(self, row: Sequence[Field]) -> bool:
        """Whether something is being typed into these settings."""
        return self._session is not None and self._session.key == tuple(item.words for item in row)

    def type(self, row: Sequence[Field], text: str) -> None:
        """Take ``text`` as what the settings of ``row`` shall be, and show what that gives."""
        key = tuple(item.words for item in row)
        if self._session is not None and self._session.key != key:
            self.finish()
        self._drop_stale()
        document = self.document
        before = self._session.before if self._session else self.draft
        is_back = row[0].value is not MANY and text == row[0].text and self._session is None
        # Its fields as they were before: a name that is being typed must not be called by its own beginning.
        row = self._session.row if self._session else tuple(row)
        change = change_of(row, text, folder=document.folder)
        result = outcome(document.history.current, before.with_change(change))
        if is_back and result.project == document.history.current:
            result = Outcome(project=document.history.current, draft=before.without(key))
        self._session = Session(row=row, key=key, history=document.history, before=before, result=result)
        self.draft = result.draft
        made = result.project
        is_shown = made != document.history.current and not self.is_held
        document.preview((lambda _: made) if is_shown else identity)
        self._tell()

    @property
    def is_held(self) -> bool:
        """Whether what is typed gives so large a design that it is not shown before it is final."""
        return self._session is not None and operator_estimate(self._session.result.project) > LIVE_OPERATORS

    def finish(self) -> bool:
        """Make what was typed a step of the history; False if nothing changes."""
        self._drop_stale()
        session, self._session = self._session, None
        if session is None:
            return False
        made = session.result.project
        is_new = self.document.commit(session.result.label, lambda _: made)
        self._seen = self.document.history
        self._tell()
        return is_new

    def cancel(self, row: Sequence[Field] = ()) -> None:
        """Forget what is being typed, and what waits for the settings of ``row``."""
        session, self._session = self._session, None
        if session is not None and session.history is self.document.history:
            self.draft = session.before
            self.document.cancel()
        self.draft = self.draft.without(tuple(item.words for item in row))
        self._tell()

    def enter(self, row: Sequence[Field], text: str) -> bool:
        """Type and finish at once."""
        self.type(row, text)
        return self.finish()

    def act(self, action: Action) -> bool:
        """Do something to a list or a table; it waits like a typed value while it breaks the design."""
        before = self.document.history.current
        is_new = self.want(Change(key=(("@", action.label),), label=action.label, edits=(action.edit,)))
        note = action.note(before) if is_new else ""
        if note:
            for listener in tuple(self.on_note):
                listener(note)
        return is_new

    def want(self, change: Change) -> bool:
        """Make ``change`` a step of the history, or let it wait until it gives a valid design."""
        self.finish()
        result = outcome(self.document.history.current, self.draft.with_change(change))
        self.draft = result.draft
        made = result.project
        is_new = self.document.commit(result.label, lambda _: made)
        self._seen = self.document.history
        self._tell()
        return is_new

    def follow(self, suggestion: Suggestion) -> bool:
        """Apply all changes of a suggestion as one step."""
        self.cancel(())
        made = made_of(self.document.history.current, suggestion.changes)
        if not isinstance(made, Project):
            return False
        label = joined(suggestion.changes)
        for change in suggestion.changes:
            self.draft = self.draft.without(change.key)
        is_new = self.document.commit(label, lambda _: made)
        self.refresh()
        self._tell()
        return is_new

    def discard(self, change: Change) -> None:
        """Let ``change`` wait no longer."""
        self.draft = self.draft.without(change.key)
        self._tell()

    def refresh(self) -> None:
        """Say anew why changes wait, after the document was changed by something else."""
        if self._session is None and self._seen is not self.document.history:
            self._seen = self.document.history
            self.draft = explained(self.document.history.current, self.draft)

    def problems(self) -> tuple[Problem, ...]:
        """What waits, for the list of problems."""
        return tuple(_problem(change) for change in self.draft.changes)

    def _drop_stale(self) -> None:
        """An undo while something is typed takes the ground away from under it."""
        if self._session is not None and self._session.history is not self.document.history:
            self._session = None
        self.refresh()

    def _tell(self) -> None:
        for listener in tuple(self.on_draft):
            listener()


def _problem(change: Change) -> Problem:
    wish = change.label[:1].lower() + change.label[1:]
    message = f"Not applied: {wish}. {change.sentence}"
    return Problem(code="setting", severity=ERROR, message=message, where=path_of(change.key[0]))
