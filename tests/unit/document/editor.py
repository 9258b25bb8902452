"""Somebody who edits a document in every way that there is, at random."""

import inspect
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moe_studio.document import arrange_edit, layout_edit, network_edit
from moe_studio.document.clipboard import copied_text, pasted
from moe_studio.document.document import Document
from moe_studio.document.dropped import replace_model, use_loads
from moe_studio.document.layout_change import LayoutChange
from moe_studio.document.network_edit import TIERS
from moe_studio.document.placing import Grab, drop_each, drop_of, grabbed, hosted_experts, removal_of, spread
from moe_studio.document.selection import Selection
from moe_studio.document.setting_draft import suggestions
from moe_studio.document.setting_edit import Editing
from moe_studio.document.setting_section import Section, all_fields, sections
from moe_studio.errors import MoeStudioError
from moe_studio.project.edit import place_expert, reset_placement, set_value
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import cluster_names, device_names
from moe_studio.storage.writer import project_text

LAYOUTS: dict[str, Callable[..., LayoutChange]] = {
    name: function
    for module in (layout_edit, arrange_edit, network_edit)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if not name.startswith("_") and inspect.signature(function).return_annotation is LayoutChange and name != "laid_out"
}
"""Every change of the cluster that there is: a new one is tried here without being named."""

TEXTS = ("", "0", "1", "2", "3", "4", "8", "16", "24", "0.5", "yes", "no", "x", "node0", "0-2", "2k", "<b>", "1e400")
DEGREES = {("parallel", name) for name in ("dp", "pp", "tp", "ep")}
MOST_GPUS, MOST_LAYERS = 64, 64
CONFIG = {
    "model_type": "mixtral",
    "hidden_size": 512,
    "intermediate_size": 1024,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "num_hidden_layers": 4,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "vocab_size": 32000,
    "torch_dtype": "bfloat16",
}


class Editor:
    """Edits one document, and remembers each state as it was when it was made."""

    def __init__(self, document: Document, seed: int, folder: Path) -> None:
        self.document, self.chance, self.folder = document, random.Random(seed), folder
        self.editing = Editing(document)
        self.kinds: Counter[str] = Counter()
        self._clip = ""
        self.states: list[tuple[Project, str]] = []
        self._deeds: dict[str, Callable[[], object]] = {
            "drop": self._drop,
            "swap": self._swap,
            "spread": self._spread,
            "remove a copy": self._remove,
            "place by number": self._place,
            "policy": lambda: self._commit(reset_placement(self.chance.choice(("contiguous", "round-robin")))),
            "type": self._type,
            "enter": self._type,
            "cancel": lambda: self.editing.cancel(),
            "list or table": self._act,
            "suggestion": self._follow,
            "copy and paste": self._paste,
            "model": self._model,
            "loads": self._loads,
            "phase": lambda: self._commit(set_value("workload.phase", self.chance.choice(("prefill", "decode")))),
            "reload": self._reload,
            "preview": self._preview,
            "undo": document.undo,
            "redo": document.redo,
            "jump": lambda: document.go_to(self.chance.randrange(len(document.history.entries) + 2) - 1),
            **{name: lambda name=name: self._lay_out(name) for name in LAYOUTS},
        }

    @property
    def all_kinds(self) -> set[str]:
        """Every kind of edit that there is."""
        return set(self._deeds)

    def edit(self) -> None:
        """Do one thing of one kind; what cannot be done changes nothing."""
        kind = self.chance.choice(list(self._deeds))
        before = self.document.history
        try:
            self._deeds[kind]()
        except MoeStudioError as error:
            assert str(error), kind
            assert self.document.history is before, f"{kind} was refused and changed something"
        if self.document.history is not before:
            self.kinds[kind] += 1
            now = self.document.history.current
            if now is not before.current:
                self.states.append((now, project_text(now)))
        if _is_large(self.document.history.current):
            self.document.undo()

    def check(self) -> None:
        """No state that was ever made is another now, and undoing all gives the first."""
        self.editing.finish()
        for project, text in self.states:
            assert project_text(project) == text, "a state was changed after it was made"
        while self.document.history.undo_label:
            self.document.undo()

    def _commit(self, edit: Any, label: str = "Edit") -> None:
        self.document.commit(label, edit)

    # Placement

    def _grab(self) -> Grab:
        held = hosted_experts(self.document.project, None)
        gpu = self.chance.randrange(len(held))
        experts = list(held[gpu]) or [0]
        return grabbed(self.document.project, self.chance.choice(experts), gpu, self._span())

    def _span(self) -> int | tuple[int, int] | None:
        last = self.document.project.model.layer_count - 1
        return self.chance.choice((None, None, last, (0, last // 2)))

    def _gpu(self) -> int:
        return self.chance.randrange(self.document.project.cluster.gpu_count)

    def _is_one(self) -> bool:
        return self.chance.random() < 0.3

    def _drop(self) -> None:
        mode = self.chance.choice(("move", "replicate"))
        drop = drop_of(self.document.project, self._grab(), self._gpu(), mode=mode, is_one_replica=self._is_one())
        self.document.preview(drop.edit)
        self._commit(drop.edit, drop.label)

    def _swap(self) -> None:
        gpu = self._gpu()
        other = next(iter(hosted_experts(self.document.project, None)[gpu]), -1)
        drop = drop_of(self.document.project, self._grab(), gpu, mode="swap", other=other)
        self._commit(drop.edit, drop.label)

    def _spread(self) -> None:
        project = self.document.project
        pairs = spread(project, [self._grab() for _ in range(3)], [self._gpu(), self._gpu()])
        drop = drop_each(project, pairs, is_copy=self._is_one())
        self._commit(drop.edit, drop.label)

    def _remove(self) -> None:
        drop = removal_of(self.document.project, [self._grab()], is_one_replica=self._is_one())
        self._commit(drop.edit, drop.label)

    def _place(self) -> None:
        project = self.document.project
        slots = self.chance.sample(range(project.slots), min(2, project.slots))
        self._commit(place_expert(self.chance.randrange(8), slots, layers=range(project.model.layer_count)))

    # The cluster

    def _lay_out(self, name: str) -> None:
        project, function = self.document.history.current, LAYOUTS[name]
        cluster = project.cluster
        nodes = self.chance.sample(range(len(cluster.nodes)), min(len(cluster.nodes), self.chance.randrange(1, 4)))
        gpus = self.chance.sample(range(cluster.gpu_count), min(cluster.gpu_count, self.chance.randrange(1, 3)))
        known: dict[str, object] = {
            "project": project,
            "device": self.chance.choice(("", *device_names())),
            "gpus": gpus if name.endswith("_gpus") and name != "set_gpus" else self.chance.choice((1, 2, 4, 8)),
            "at": self.chance.choice((None, (0.0, 2.0), (1.5, -1.0))),
            "chosen": nodes,
            "node": nodes[0],
            "target": nodes[-1],
            "count": self.chance.choice((1, 2)),
            "name": self.chance.choice(cluster_names()),
            "by": (self.chance.uniform(-3, 3), self.chance.uniform(-3, 3)),
            "along": self.chance.choice(("row", "column")),
            "tier": self.chance.choice(tuple(TIERS)),
            "gb_s": self.chance.choice((None, 25.0, 450.0, -1.0)),
            "rack": self.chance.choice(("", "rack0", "rack1")),
        }
        change = function(**{item: known[item] for item in inspect.signature(function).parameters})
        self._commit(change.edit, change.label)

    # Settings

    def _table(self) -> tuple[Section, ...]:
        return sections(self.document.project, self.editing.draft.values)

    def _type(self) -> None:
        rows = [row for section in self._table() for group in section.groups for row in group.rows]
        item = self.chance.choice([item for row in rows for item in row.fields])
        words = [choice.value for choice in item.choices]
        self.editing.type((item,), self.chance.choice(words) if words else self.chance.choice(TEXTS))
        if self.chance.random() < 0.7:
            self.editing.finish()

    def _act(self) -> None:
        groups = [group for section in self._table() for group in section.groups]
        actions = [
            action for group in groups for action in (*group.actions, *(a for row in group.rows for a in row.actions))
        ]
        if actions:
            self.editing.act(self.chance.choice(actions))

    def _follow(self) -> None:
        """Type what may have to wait, such as another degree, and do what is suggested to make room for it."""
        degrees = [item for item in all_fields(self.document.project) if item.words in DEGREES]
        self.editing.enter((self.chance.choice(degrees),), self.chance.choice(("2", "3", "4", "8")))
        changes = self.editing.draft.changes
        found = suggestions(self.document.history.current, changes[-1]) if changes else ()
        if found:
            self.editing.follow(found[0])

    # From elsewhere

    def _paste(self) -> None:
        """Paste what was copied some edits ago, and copy something else."""
        project = self.document.history.current
        chosen = self.chance.choice(
            (
                Selection(kind="node", node=len(project.cluster.nodes) - 1),
                Selection(kind="gpu", gpu=self._gpu()),
                Selection(kind="expert", expert=0),
                Selection(kind="layer", layer=0),
            )
        )
        before, self._clip = self._clip, copied_text(project, [chosen])
        if before:
            found = pasted(project, before)
            self._commit(found.edit, found.label)

    def _model(self) -> None:
        path = self.folder / "config.json"
        path.write_text(json.dumps(CONFIG | {"num_hidden_layers": self.chance.choice((2, 4))}), encoding="utf-8")
        self._commit(replace_model(path), "Model")

    def _loads(self) -> None:
        model = self.document.history.current.model
        rows = [layer.ffn.experts for layer in model.layers if layer.ffn.is_moe]
        path = self.folder / "loads.json"
        path.write_text(json.dumps([[self.chance.randrange(1, 9) for _ in range(count)] for count in rows]), "utf-8")
        self._commit(use_loads(self.document, path), "Loads")

    def _reload(self) -> None:
        """Another program changes the file, and changes it back once it is shown."""
        path = self.document.path
        assert path is not None
        before = path.read_bytes()
        path.write_bytes(before.replace(b"batch: 1024", b"batch: %d" % self.chance.randrange(1, 2000)))
        try:
            self.document.reload()
        finally:
            path.write_bytes(before)
            self.document.keep_mine()

    def _preview(self) -> None:
        drop = drop_of(self.document.project, self._grab(), self._gpu())
        self.document.preview(drop.edit)
        if self.chance.random() < 0.5:
            self.document.cancel()


def _is_large(project: Project) -> bool:
    return project.cluster.gpu_count > MOST_GPUS or project.model.layer_count > MOST_LAYERS
