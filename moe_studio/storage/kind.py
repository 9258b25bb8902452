"""Which of the program's YAML files one is: a project, or what was fitted to a GPU, or a GPU's datasheet."""

from typing import Literal

from moe_studio.storage.yaml_tree import MappingNode, Node

Kind = Literal["project", "calibration", "datasheet"]

NO_PROJECT = {
    "calibration": "is a calibration of a GPU, not a project; a project names it under cost.calibration, the window "
    "takes it when it is dropped there, and commands with --calibration.",
    "datasheet": "is the datasheet of a GPU, not a project; a project has its figures under cluster.devices, the "
    "window takes it when it is dropped there, and calibrate, predict and get-time with --device.",
}
"""What is said of the others where a project is wanted."""


def yaml_kind(tree: Node) -> Kind:
    """What ``tree`` is, by keys that no project has."""
    keys = tree.entries.keys() if isinstance(tree, MappingNode) else ()
    if "model" in keys:
        return "project"
    if "device" in keys:
        return "calibration"
    return "datasheet" if "peak_tflops" in keys or "memory_tb_s" in keys else "project"
