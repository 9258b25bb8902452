"""How operators in the lanes are to look: what they are coloured by, and what fades or leaves some of them out."""

import numpy as np

from moe_studio.document.chosen import Chosen
from moe_studio.document.graph_filter import EVERYTHING, GraphFilter, Mask, filter_mask
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.column import IntArray
from moe_studio.gui.dag.coloring import ColorBy, Look, coloring
from moe_studio.gui.theme import Theme


class LaneLook:
    """What is chosen of the looks; ``found`` is the look that follows, None before there is a design.

    ``scope``: rows of the only operators that are drawn, None for all.
    """

    def __init__(self) -> None:
        self.color_by: ColorBy = "kind"
        self.filter: GraphFilter = EVERYTHING
        self.scope: IntArray | None = None
        self.found: Look | None = None
        self.has_faded = False
        self._known: tuple[object, GraphFilter, Mask | None] = (None, EVERYTHING, None)

    def find(self, evaluation: Evaluation, chosen: Chosen, theme: Theme) -> None:
        """Find the look of ``evaluation``; where all before or after something is selected, the rest fades."""
        graph = evaluation.graph
        if self.found is None or self._known[:2] != (graph, self.filter):
            self._known = graph, self.filter, filter_mask(graph, self.filter)
        mask = self._known[2]
        self.has_faded = chosen.is_reach
        if chosen.is_reach:
            mask = chosen.is_single if mask is None else mask & chosen.is_single
        self.found = Look(
            coloring=coloring(evaluation, self.color_by, theme),
            theme=theme,
            mask=mask,
            hides=self.filter.hides,
            scope=None if self.scope is None else np.isin(np.arange(len(graph)), self.scope),
        )
