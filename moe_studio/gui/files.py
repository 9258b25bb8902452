"""The life of a document in the window: opened, kept safe, saved, dropped on, left."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QMimeData, QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

from moe_studio import api
from moe_studio.document.document import Document
from moe_studio.document.dropped import add_device, dropped, replace_model, use_calibration, use_loads, use_times
from moe_studio.document.gallery import Offer
from moe_studio.document.journal import Copy, bring_back, discard
from moe_studio.document.lock import Owner
from moe_studio.document.recent import recent_files
from moe_studio.document.template import bring_back_template, from_template, remove_template, save_template
from moe_studio.errors import MoeStudioError, SaveError
from moe_studio.gui.messages import Toast
from moe_studio.gui.start.keeper import DocumentKeeper, Places
from moe_studio.gui.start.notice import NoticeBar
from moe_studio.gui.start.page import StartPage, copy_text
from moe_studio.gui.text import tr
from moe_studio.project.edit import Edit
from moe_studio.storage.loader import load_project

FILTER = "MoE Studio projects (*.moe.yaml *.yaml);;All files (*)"
SUFFIX = ".moe.yaml"
Act = Callable[[], object]


class Typing(Protocol):
    """What knows of values that are being typed."""

    def finish(self) -> None: ...


class Host(Protocol):
    """What the window is to its files."""

    document: Document
    toast: Toast

    @property
    def edits(self) -> Typing: ...

    def set_document(self, document: Document) -> None: ...


class Files(QObject):
    """Everything that concerns the file of the document, and the start page.

    Signals:
        start_shown: the start page shall be shown; False: the design.
    """

    start_shown = Signal(bool)

    def __init__(self, host: Host, parent: QWidget, places: Places | None = None) -> None:
        super().__init__(parent)
        self._host = host
        self._parent = parent
        self.places = places
        self.notice = NoticeBar()
        self.page = StartPage()
        self.keeper = DocumentKeeper(places, parent) if places else None
        self._connect()

    def _connect(self) -> None:
        self.page.chosen.connect(self._on_chosen)
        self.page.wanted.connect(self.new)
        self.page.open_wanted.connect(self.open_file)
        self.page.remove_wanted.connect(self.remove_template)
        self.page.recover_wanted.connect(self.recover)
        self.page.discard_wanted.connect(self.discard)
        if self.keeper is not None:
            self.keeper.changed_outside.connect(self._on_changed_outside)
            self.keeper.gone_outside.connect(self._on_gone_outside)
            self.keeper.held_elsewhere.connect(self._on_held_elsewhere)
            self.keeper.troubled.connect(self._host.toast.say)

    @property
    def _document(self) -> Document:
        return self._host.document

    # Beginning and end

    def begin(self) -> None:
        """Look after the document that the window opens with."""
        if self.keeper is not None:
            self.keeper.attach(self._document)
            self._offer_copies(self._document.path)

    def end(self) -> None:
        """Let go of the document: it is saved, or its changes are not wanted."""
        if self.keeper is not None:
            self.keeper.detach()

    def may_lose(self) -> bool:
        """Whether nothing would be lost, or the user lets it go; what is being typed counts, too."""
        self._host.edits.finish()
        document = self._document
        if not document.is_modified:
            return True
        box = QMessageBox(self._parent)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(tr("Save the changes to {title}?", title=document.title))
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        for button, word in ((buttons.Save, "Save"), (buttons.Discard, "Discard"), (buttons.Cancel, "Cancel")):
            box.button(button).setText(tr(word))
        answer = box.exec()
        if answer == buttons.Save:
            self.save()
            return not self._document.is_modified
        return answer == buttons.Discard

    # The start page

    def show_start(self) -> None:
        """Show examples, presets, templates, recent files and what a crash has left."""
        self.page.refresh(self.places, self.keeper.copies() if self.keeper else ())
        self.start_shown.emit(True)
        self.page.create_button.setFocus()

    def leave_start(self) -> None:
        """Show the design again."""
        self.start_shown.emit(False)

    def _on_chosen(self, offer: Offer) -> None:
        if not self.may_lose():
            return
        if offer.kind == "recent":
            self.open_path(offer.path)
        elif offer.kind == "template":
            self._try(lambda: self._show(from_template(offer.path)))
        else:
            self._try(lambda: self._show(Document(load_project(offer.path))))

    # Opening

    def new(self, model: str, cluster: str, phase: str) -> None:
        """Start a new design of a model and a cluster of the catalogue."""
        if self.may_lose():
            chosen: Any = phase
            self._try(lambda: self._show(Document(api.new(model, cluster=cluster, phase=chosen).project)))

    def new_from_example(self, path: Path) -> None:
        """Start a new design from an example; the example's own file is left alone."""
        if self.may_lose():
            self._try(lambda: self._show(Document(load_project(path))))

    def open_file(self) -> None:
        """Ask for a file and open it."""
        name, _ = QFileDialog.getOpenFileName(self._parent, tr("Open"), self._folder(), tr(FILTER))
        if name and self.may_lose():
            self.open_path(Path(name))

    def open_path(self, path: Path) -> None:
        """Open the file at ``path``, and offer what a crash has left of it."""
        if self._try(lambda: self._show(Document.load(path))):
            self._offer_copies(path)

    def recent(self) -> tuple[Offer, ...]:
        """Files that were open lately and are still there."""
        if self.places is None:
            return ()
        return tuple(
            Offer(kind="recent", path=Path(item.path), title=item.title)
            for item in recent_files(self.places.state)
            if not item.is_missing
        )

    def open_recent(self, offer: Offer) -> None:
        """Open a recent file."""
        if self.may_lose():
            self.open_path(offer.path)

    def _show(self, document: Document, copy: Copy | None = None) -> None:
        document.evaluation  # noqa: B018  (one that cannot be evaluated never replaces one that can)
        self.notice.close_subject("disk", "lock", "recovery")
        if self.keeper is not None and not self.keeper.attach(document, copy=copy):
            raise MoeStudioError(tr("Another window has restored these edits already."))
        self._host.set_document(document)
        self.leave_start()

    # Recovery

    def _offer_copies(self, path: Path | None) -> None:
        if self.keeper is None or path is None or self.notice.subject:
            return
        copies = self.keeper.copies(path)
        if copies:
            copy = copies[0]
            self.notice.ask(
                "recovery",
                f"{tr('Not saved when the program ended')}: {copy_text(copy)}",
                (tr("Restore"), lambda: self.recover(copy)),
                (tr("Discard"), lambda: self.discard(copy)),
                (tr("Later"), lambda: None),
            )

    def recover(self, copy: Copy) -> None:
        """Open what a crash has left; its own file changes only when it is saved."""
        if self.may_lose() and self._try(lambda: self._show(Document.recovered(copy), copy)):
            self._host.toast.say(tr("The edits are back. Save to keep them; undo returns to the file."))

    def discard(self, copy: Copy) -> None:
        """Offer a recovery copy no more."""
        discard(copy)
        self._refresh_start()
        self._host.toast.say(tr("The edits are discarded."), action=tr("Undo"), act=lambda: self._bring_back(copy))

    def _bring_back(self, copy: Copy) -> None:
        bring_back(copy)
        self._refresh_start()
        self._offer_copies(self._document.path)

    def _refresh_start(self) -> None:
        if self.page.isVisible() and self.keeper is not None:
            self.page.refresh(self.places, self.keeper.copies())

    # Saving

    def save(self) -> None:
        """Write the design to its file, or ask for one."""
        path = self._document.path
        if path is None:
            self.save_as()
        elif not self._try(lambda: self._save(path, self._document.save)) and self.keeper is not None:
            self.keeper.look()

    def save_as(self) -> None:
        """Ask for a file and write the design to it."""
        start = str(Path(self._folder()) / f"{file_stem(self._document.title)}{SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(self._parent, tr("Save as"), start, tr(FILTER))
        if name:
            path = Path(name if name.endswith((".yaml", ".yml")) else name + SUFFIX)
            self._try(lambda: self._save(path, lambda: self._document.save_as(path)))

    def _save(self, path: Path, write: Act) -> None:
        if self.keeper is not None:
            self.keeper.before_saving(path)
        write()
        if self.keeper is not None:
            self.keeper.after_saving()
        self.notice.close_subject("disk")
        self._host.toast.say(tr("Saved {name}.", name=path.name))

    def save_as_template(self) -> None:
        """Keep the design as a start for others."""
        if self.places is None:
            return
        folder = self.places.templates
        title, is_wanted = QInputDialog.getText(
            self._parent, tr("Save as template"), tr("Name of the template"), text=self._document.title
        )
        if is_wanted:
            self._try(lambda: save_template(folder, title, self._document.history.current), tr("Template saved."))

    def remove_template(self, offer: Offer) -> None:
        """Delete a template; undo brings it back."""
        self._try(lambda: self._remove_template(offer))

    def _remove_template(self, offer: Offer) -> None:
        kept = remove_template(offer.path)
        self._refresh_start()
        self._host.toast.say(
            tr("The template {title} is removed.", title=offer.title),
            action=tr("Undo"),
            act=lambda: self._bring_back_template(offer.path, kept),
        )

    def _bring_back_template(self, path: Path, kept: str) -> None:
        self._try(lambda: bring_back_template(path, kept))
        self._refresh_start()

    # Other programs and windows

    def _on_changed_outside(self) -> None:
        document = self._document
        name = document.path.name if document.path else ""
        text = tr("{name} was changed on disk by another program.", name=name)
        if document.is_modified:
            text += " " + tr("Reloading can be undone.")
        self.notice.ask(
            "disk", text, (tr("Reload"), self.reload), (tr("Keep mine"), lambda: self._try(document.keep_mine))
        )

    def _on_gone_outside(self) -> None:
        name = self._document.path.name if self._document.path else ""
        text = tr("{name} is not there any more: another program removed or renamed it.", name=name)
        self.notice.ask("disk", text, (tr("Save it again"), self.save), (tr("Save as…"), self.save_as))

    def _on_held_elsewhere(self, owner: Owner) -> None:
        name = self._document.path.name if self._document.path else ""
        text = tr(
            "{name} is open in another window, too ({owner}). Changes made here can be saved as another file.",
            name=name,
            owner=owner.text,
        )
        self.notice.ask("lock", text, (tr("Save as…"), self.save_as), (tr("Take over"), self._take_over))

    def _take_over(self) -> None:
        if self.keeper is not None:
            self.keeper.take_over()
            self._host.toast.say(tr("This window may save now; the other one may not."))

    def reload(self) -> None:
        """Show what the file holds now; undo returns to what was shown."""
        self._try(self._document.reload)

    # Dropped files

    def drop(self, paths: list[Path]) -> None:
        """Take files that were dropped on the window, each for what it is."""
        for path in paths:
            self._try(partial(self._drop, path))

    def _drop(self, path: Path) -> None:
        kind = dropped(path).kind
        if kind == "project":
            if self.may_lose():
                self.open_path(path)
        elif kind == "model" and self.page.isVisible():
            self._new_from_config(path)
        elif kind == "model":
            self._document.commit(f"Model of {path.name}", replace_model(path))
            self._host.toast.say(
                tr("The design has the model of {name} now.", name=path.name),
                action=tr("New design instead"),
                act=lambda: self._instead(path),
            )
        elif kind == "times":
            said = tr("Run times are those measured in {name}, where it has them.", name=path.name)
            self._take(f"Run times measured in {path.name}", use_times(self._document, path), said)
        elif kind == "calibration":
            said = tr("Kernels are priced by the calibration {name}, where it has them.", name=path.name)
            self._take(f"Calibration {path.name}", use_calibration(self._document, path), said)
        elif kind == "datasheet":
            device, edit = add_device(path)
            said = tr("The design knows the GPU {name} now; nodes can be changed to it.", name=device)
            self._take(f"Datasheet of {device}", edit, said)
        else:
            said = tr("Tokens are routed as recorded in {name}.", name=path.name)
            self._take(f"Recorded loads of {path.name}", use_loads(self._document, path), said)

    def _take(self, label: str, edit: Edit, said: str) -> None:
        """Commit what was dropped, say so, and offer to undo it."""
        self._document.commit(label, edit)
        self._host.toast.say(said, action=tr("Undo"), act=self._document.undo)

    def _instead(self, path: Path) -> None:
        self._document.undo()
        self._try(lambda: self._new_from_config(path))

    def _new_from_config(self, path: Path) -> None:
        if self.may_lose():
            self._show(Document(api.new(hf_config=path).project))

    def _folder(self) -> str:
        path = self._document.path
        return str(path.parent if path else Path.home())

    def _try(self, act: Act, done: str = "") -> bool:
        """Do it; what the user can mend is said, and makes it False."""
        try:
            act()
        except MoeStudioError as error:
            self._host.toast.say(tr(str(error)))
            return False
        except OSError as error:
            self._host.toast.say(str(SaveError(f"{error.filename}: {error.strerror}.")))
            return False
        if done:
            self._host.toast.say(done)
        return True


def file_stem(title: str) -> str:
    """A title as the beginning of a file name: ``Seed 3, EP64`` is ``seed-3-ep64``."""
    words = "".join(letter if letter.isalnum() else " " for letter in title.lower()).split()
    return "-".join(words) or "design"


def dropped_files(data: QMimeData) -> list[Path]:
    """The files of this machine that are dragged."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
