"""Finding operators by words, places to go to, and the filter of the graph."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from moe_studio.document.chosen import reach_mask
from moe_studio.document.placing import Span, hosted_experts
from moe_studio.document.selection import NOTHING, Selection, Toward, operator_selection
from moe_studio.document.timeline import FAMILY_OF_OP
from moe_studio.graph.column import IntArray
from moe_studio.graph.graph import Graph
from moe_studio.graph.operator import DESCRIPTIONS, FAMILIES, OP_KINDS, OP_NAMES

Mask = NDArray[np.bool_]

_NUMBERS: dict[str, Callable[[Graph], IntArray]] = {
    "gpu": lambda graph: graph.gpu,
    "layer": lambda graph: graph.layer,
    "expert": lambda graph: graph.expert,
    "stage": lambda graph: graph.stage,
    "replica": lambda graph: graph.replica,
    "batch": lambda graph: graph.micro_batch,
}
"""What an operator is numbered by."""

_LETTERS = {"g": "gpu", "l": "layer", "e": "expert", "m": "batch"}
_NAMED = re.compile(rf"\b({'|'.join(_NUMBERS)})s?\s*[:=]?\s*(?=\d)", re.IGNORECASE)
_RANGE = re.compile(r"([a-z]+):([\d,\-–]+)")
_FROM_TO = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_PIECE = re.compile(r"([glem])(\d{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFilter:
    """What the graph shows in full: operators that all of this fits; what is empty fits all.

    ``around``: only what comes before (``upstream``) or after it (``downstream``), by ``toward``.
    ``hides``: the rest is left out instead of faded.
    """

    families: frozenset[str] = frozenset()
    words: str = ""
    around: Selection = NOTHING
    toward: Toward = "downstream"
    hides: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether everything is shown."""
        return not (self.families or self.words.strip() or self.around.kind)

    def text(self) -> str:
        """The filter in words."""
        parts = [name for name in FAMILIES if name in self.families]
        parts += [self.words.strip()] if self.words.strip() else []
        parts += [f"{self.toward} of {self.around.op or self.around.kind}"] if self.around.kind else []
        return ", ".join(parts)


EVERYTHING = GraphFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A place to go to: its name, what it is, and what to select."""

    title: str
    detail: str
    selection: Selection


def found_rows(graph: Graph, words: str) -> IntArray:
    """Operators that every one of ``words`` fits, in program order; none without words.

    Words are ids or parts of them (``l3_up_e17_g17``, ``dispatch_g2``), kinds and families, and numbers such as
    ``gpu 3``, ``gpu:0-7``, ``layer 2``, ``expert 5``.
    """
    mask = word_mask(graph, words)
    return np.flatnonzero(mask) if mask is not None else np.zeros(0, np.int64)


def word_mask(graph: Graph, words: str) -> Mask | None:
    """Whether each operator fits all ``words``; None without words. Shape (operators,)."""
    pieces = _NAMED.sub(lambda found: f"{found[1]}:", words.lower()).split()
    masks = [_one_mask(graph, piece) for piece in pieces]
    return np.logical_and.reduce(masks) if masks else None


def _one_mask(graph: Graph, word: str) -> Mask:
    if (found := _RANGE.fullmatch(word)) and found[1] in _NUMBERS:
        return np.isin(_NUMBERS[found[1]](graph), list(_numbers(found[2])))
    head, _, rest = word.partition(":")
    if head == "node" and rest:
        names = [number for number, name in enumerate(graph.node_names) if rest in name.lower()]
        return np.isin(graph.node, names)
    return _id_mask(graph, rest if head in ("kind", "op") and rest else word)


def _numbers(text: str) -> Iterator[int]:
    """``0-3,7`` as 0, 1, 2, 3, 7; ends that are missing or far too large are left out."""
    for piece in text.replace("–", "-").split(","):
        if found := _FROM_TO.fullmatch(piece):
            low = int(found[1])
            yield from range(low, min(int(found[2] or low), low + 100_000) + 1)


def _id_mask(graph: Graph, word: str) -> Mask:
    """A kind, a family, or part of an id."""
    mask, rest = np.ones(len(graph), bool), []
    for piece in word.strip("_").split("_"):
        if found := _PIECE.fullmatch(piece):
            mask &= _NUMBERS[_LETTERS[found[1]]](graph) == int(found[2])
        else:
            rest.append(piece)
    if not rest:
        return mask
    is_id = len(rest) < word.count("_") + 1
    return mask & _kind_fits("_".join(rest), is_exact=is_id and "_".join(rest) in OP_NAMES)[graph.op]


def _kind_fits(name: str, *, is_exact: bool) -> Mask:
    """Whether each kind of operator fits ``name``; shape (kinds,)."""
    if is_exact or name in OP_NAMES:
        return np.array([kind.name == name for kind in OP_KINDS])
    if name in FAMILIES:
        return np.array([kind.family == name for kind in OP_KINDS])
    return np.array([name in kind.name or name in DESCRIPTIONS[kind.name].lower() for kind in OP_KINDS])


def filter_mask(graph: Graph, chosen: GraphFilter) -> Mask | None:
    """Whether each operator is shown in full, None if all are; shape (operators,)."""
    masks = []
    if chosen.families:
        wanted = np.array([name in chosen.families for name in FAMILIES])
        masks.append(wanted[FAMILY_OF_OP][graph.op])
    if (fits := word_mask(graph, chosen.words)) is not None:
        masks.append(fits)
    if chosen.around.kind:
        masks.append(reach_mask(graph, chosen.around, chosen.toward))
    return np.logical_and.reduce(masks) if masks else None


def with_family(chosen: GraphFilter, family: str, *, is_on: bool) -> GraphFilter:
    """``chosen`` with one family more or less."""
    families = chosen.families | {family} if is_on else chosen.families - {family}
    return replace(chosen, families=families)


def targets(graph: Graph, words: str, *, span: Span = None, most: int = 60) -> list[Target]:
    """Places of the whole design that fit ``words``: GPUs, nodes, experts and layers first, then operators."""
    plain = " ".join(words.lower().split())
    places = [target for target in _places(graph, span) if _fits(plain, target)]
    places.sort(key=lambda target: target.title.lower() != plain)
    rows = found_rows(graph, words)[: max(0, most - len(places))]
    operators = [
        Target(
            title=graph.name(row),
            detail=DESCRIPTIONS[OP_NAMES[graph.op[row]]],
            selection=operator_selection(graph, row),
        )
        for row in rows.tolist()
    ]
    return (places + operators)[:most]


def _fits(words: str, target: Target) -> bool:
    """Whether each word is a number of the title, or starts one of its words."""
    parts = target.title.lower().split()
    return all(_is_among(word, parts) for word in words.split())


def _is_among(word: str, parts: list[str]) -> bool:
    """Whether a number stands among ``parts``, or another word starts one of them."""
    return word in parts if word.isdigit() else any(part.startswith(word) for part in parts)


def _places(graph: Graph, span: Span) -> Iterator[Target]:
    project = graph.project
    nodes = project.cluster.node_of_gpu()
    for gpu in range(project.cluster.gpu_count):
        yield Target(title=f"GPU {gpu}", detail=graph.node_names[nodes[gpu]], selection=Selection(kind="gpu", gpu=gpu))
    for number, name in enumerate(graph.node_names):
        yield Target(title=f"Node {name}", detail="node", selection=Selection(kind="node", node=number))
    for number, spec in enumerate(project.model.layers):
        detail = "layer with experts" if spec.ffn.is_moe else "dense layer"
        yield Target(title=f"Layer {number}", detail=detail, selection=Selection(kind="layer", layer=number))
    homes: dict[int, list[int]] = {}
    for gpu, experts in enumerate(hosted_experts(project, span)):
        for expert in experts:
            homes.setdefault(int(expert), []).append(gpu)
    for expert in sorted(homes):
        where = ", ".join(f"{gpu}" for gpu in homes[expert][:6]) + (" …" if len(homes[expert]) > 6 else "")
        chosen = Selection(kind="expert", expert=expert, gpu=homes[expert][0])
        yield Target(title=f"Expert {expert}", detail=f"on GPU {where}", selection=chosen)
