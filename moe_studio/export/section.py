"""The parts of a report, in order."""

from collections.abc import Callable

from moe_studio.engine.evaluation import Evaluation
from moe_studio.export.block import Section
from moe_studio.export.section_check import change_section, checklist_section, verdict_section
from moe_studio.export.section_design import deployment_section, dimension_section, load_section, model_section
from moe_studio.export.section_hardware import communication_section, memory_section
from moe_studio.export.section_method import method_section
from moe_studio.export.section_time import breakdown_section, matmul_section, path_section, sum_section

SECTIONS: tuple[Callable[[Evaluation], Section], ...] = (
    verdict_section,
    lambda evaluation: model_section(evaluation.project),
    deployment_section,
    load_section,
    dimension_section,
    matmul_section,
    path_section,
    sum_section,
    breakdown_section,
    memory_section,
    communication_section,
    checklist_section,
    change_section,
    method_section,
)
"""The parts of a report, in order."""
