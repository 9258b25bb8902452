"""What there is to say about whatever is selected."""

from moe_studio.document.chosen import selected_rows
from moe_studio.document.selection import Selection, is_in, operator_row
from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.inspector.design_fact import design_facts, setting_facts
from moe_studio.gui.inspector.fact import Facts
from moe_studio.gui.inspector.operator_fact import operator_facts, reach_facts
from moe_studio.gui.inspector.place_fact import expert_facts, gpu_facts, layer_facts, node_facts


def facts(evaluation: Evaluation, selection: Selection, layer: int | None, *, is_quick: bool = False) -> Facts:
    """What there is to say about ``selection``; of what ``evaluation`` does not have, about the design.

    ``layer`` is the one shown, None for all; ``is_quick``: leave out what takes long to find.
    """
    # A reference may have fewer layers than the design that is shown.
    layer = None if layer is None or layer >= evaluation.project.model.layer_count else layer
    found = _facts(evaluation, selection, layer, is_quick=is_quick)
    return design_facts(evaluation, is_quick=is_quick) if found is None else found


def _facts(evaluation: Evaluation, selection: Selection, layer: int | None, *, is_quick: bool) -> Facts | None:
    project, kind = evaluation.project, selection.kind
    if kind == "operator":
        row = operator_row(evaluation.graph, selection)
        return operator_facts(evaluation, row, is_quick=is_quick) if row >= 0 else None
    if kind == "reach" and selection.of is not None and len(selected_rows(evaluation.graph, selection.of)):
        return reach_facts(evaluation, selection, is_quick=is_quick)
    if kind == "gpu" and 0 <= selection.gpu < project.cluster.gpu_count:
        return gpu_facts(evaluation, selection.gpu, layer, is_quick=is_quick)
    if kind == "node" and 0 <= selection.node < len(project.cluster.nodes):
        return node_facts(evaluation, selection.node, layer, is_quick=is_quick)
    if kind == "expert" and is_in(selection, project):
        return expert_facts(evaluation, selection, layer, is_quick=is_quick)
    if kind == "layer" and 0 <= selection.layer < project.model.layer_count:
        return layer_facts(evaluation, selection.layer, is_quick=is_quick)
    return setting_facts(evaluation, selection.path) if kind == "setting" else None
