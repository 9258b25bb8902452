"""Every action of the window as a table, and the menus and the toolbar that are made from it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from moe_studio.gui.text import tr
from moe_studio.gui.widgets.label import plain_tip


class FileVerbs(Protocol):
    """What the actions ask of the document's life."""

    def show_start(self) -> None: ...
    def leave_start(self) -> None: ...
    def open_file(self) -> None: ...
    def save(self) -> None: ...
    def save_as(self) -> None: ...
    def save_as_template(self) -> None: ...
    def reload(self) -> None: ...
    def print_report(self) -> None: ...
    def print_view(self) -> None: ...
    def report_as_pdf(self) -> None: ...
    def view_as_pdf(self) -> None: ...


class ExportVerbs(Protocol):
    """What the actions ask for to take results away."""

    def show(self) -> None: ...
    def copy_picture(self) -> None: ...
    def copy_yaml(self) -> None: ...
    def copy_sum(self) -> None: ...


class EditVerbs(Protocol):
    """What the actions ask for to edit settings, nodes and placements."""

    def finish(self) -> None: ...
    def show_settings(self) -> None: ...
    def rename(self) -> None: ...
    def cut(self) -> None: ...
    def copy(self) -> bool: ...
    def paste(self) -> None: ...
    def duplicate(self) -> None: ...
    def select_all(self) -> None: ...


class NodeVerbs(Protocol):
    """What the actions ask for to lay out nodes."""

    def add(self) -> None: ...
    def tidy(self) -> None: ...


class CanvasVerbs(Protocol):
    """What the actions ask of the cluster canvas."""

    @property
    def verbs(self) -> NodeVerbs: ...
    def remove_chosen(self) -> None: ...
    def toggle_traffic(self) -> None: ...
    def toggle_one_replica(self) -> None: ...


class GraphVerbs(Protocol):
    """What the actions ask of the graph."""

    def find_operator(self) -> None: ...
    def find_step(self, step: int) -> None: ...
    def go_to(self) -> None: ...
    def upstream(self) -> None: ...
    def downstream(self) -> None: ...
    def show_everything(self) -> None: ...
    def show_view(self, name: str) -> None: ...
    def back(self) -> None: ...
    def forward(self) -> None: ...
    def leave(self) -> None: ...


class CompareVerbs(Protocol):
    """What the actions ask of the comparison."""

    def pin_state(self) -> None: ...
    def ask_file(self) -> None: ...
    def unpin(self) -> None: ...


class Verbs(Protocol):
    """What the actions ask the window to do."""

    @property
    def files(self) -> FileVerbs: ...
    @property
    def exports(self) -> ExportVerbs: ...
    @property
    def edits(self) -> EditVerbs: ...
    @property
    def compare(self) -> CompareVerbs: ...
    @property
    def canvas(self) -> CanvasVerbs: ...
    @property
    def graph(self) -> GraphVerbs: ...
    def show_help(self) -> None: ...
    def show_tour(self) -> None: ...
    def choose_language(self, name: str) -> None: ...
    def close(self) -> bool: ...
    def undo(self) -> None: ...
    def redo(self) -> None: ...
    def reset_placement(self) -> None: ...
    def choose_theme(self, name: str) -> None: ...
    def reset_layout(self) -> None: ...
    def fit(self) -> None: ...
    def frame_selection(self) -> None: ...
    def actual_size(self) -> None: ...
    def zoom(self, factor: float) -> None: ...
    def toggle_path(self) -> None: ...
    def walk_path(self, step: int) -> None: ...
    def show_tab(self, name: str) -> None: ...
    def save_chart(self, kind: str) -> None: ...
    def show_palette(self) -> None: ...
    def show_shortcuts(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One action: its text, what it does, its keys, and the menu it stands in."""

    name: str
    text: str
    tip: str
    menu: str
    run: Callable[[Verbs], object]
    keys: tuple[str, ...] = ()
    begins_group: bool = False
    is_general: bool = False
    """Whether it makes sense without a design, on the start page, too."""


COMMANDS: tuple[Command, ...] = (
    Command(
        name="start",
        text="New…",
        tip="Start page: a new design, examples, templates and recent files",
        menu="File",
        keys=("Ctrl+N",),
        run=lambda w: w.files.show_start(),
        is_general=True,
    ),
    Command(
        name="leave_start",
        text="Back to the design",
        tip="Leave the start page",
        menu="File",
        run=lambda w: w.files.leave_start(),
        is_general=True,
    ),
    Command(
        name="open",
        text="Open…",
        tip="Open a project file",
        menu="File",
        keys=("Ctrl+O",),
        run=lambda w: w.files.open_file(),
        is_general=True,
    ),
    Command(
        name="save",
        text="Save",
        tip="Write the design to its file",
        menu="File",
        keys=("Ctrl+S",),
        run=lambda w: w.files.save(),
        begins_group=True,
    ),
    Command(
        name="save_as",
        text="Save as…",
        tip="Write the design to another file",
        menu="File",
        keys=("Ctrl+Shift+S",),
        run=lambda w: w.files.save_as(),
    ),
    Command(
        name="save_as_template",
        text="Save as template…",
        tip="Keep the design as a start for others",
        menu="File",
        run=lambda w: w.files.save_as_template(),
    ),
    Command(
        name="reload",
        text="Reload from disk",
        tip="Show what the file holds now; undo returns",
        menu="File",
        run=lambda w: w.files.reload(),
    ),
    Command(
        name="export",
        text="Export…",
        tip="Graphs, tables, traces and reports, with a preview and the command that does the same",
        menu="File",
        keys=("Ctrl+E",),
        run=lambda w: w.exports.show(),
        begins_group=True,
    ),
    Command(
        name="report_pdf",
        text="Report as PDF…",
        tip="Write the report of the design to a PDF file",
        menu="File",
        run=lambda w: w.files.report_as_pdf(),
        begins_group=True,
    ),
    Command(
        name="view_pdf",
        text="View as PDF…",
        tip="Write the canvas that has the focus to a PDF file",
        menu="File",
        run=lambda w: w.files.view_as_pdf(),
    ),
    Command(
        name="print_report",
        text="Print report…",
        tip="Print the report of the design",
        menu="File",
        run=lambda w: w.files.print_report(),
    ),
    Command(
        name="print_view",
        text="Print view…",
        tip="Print the canvas that has the focus",
        menu="File",
        run=lambda w: w.files.print_view(),
    ),
    Command(
        name="save_chart_svg",
        text="Save chart as SVG…",
        tip="The chart that has the focus as a drawing",
        menu="File",
        keys=("Ctrl+Alt+S",),
        run=lambda w: w.save_chart("svg"),
        begins_group=True,
    ),
    Command(
        name="save_chart_png",
        text="Save chart as PNG…",
        tip="The chart that has the focus as a picture",
        menu="File",
        run=lambda w: w.save_chart("png"),
    ),
    Command(
        name="save_chart_csv",
        text="Save chart's values as CSV…",
        tip="The numbers of the chart that has the focus",
        menu="File",
        run=lambda w: w.save_chart("csv"),
    ),
    Command(
        name="quit",
        text="Quit",
        tip="Close the window",
        menu="File",
        keys=("Ctrl+Q", "Ctrl+W"),
        run=lambda w: w.close(),
        begins_group=True,
        is_general=True,
    ),
    Command(
        name="undo",
        text="Undo",
        tip="Take back the newest change",
        menu="Edit",
        keys=("Ctrl+Z",),
        run=lambda w: w.undo(),
    ),
    Command(
        name="redo",
        text="Redo",
        tip="Do again what was taken back",
        menu="Edit",
        keys=("Ctrl+Y", "Ctrl+Shift+Z"),
        run=lambda w: w.redo(),
    ),
    Command(
        name="cut",
        text="Cut nodes",
        tip="Copy the selected nodes and remove them",
        menu="Edit",
        keys=("Ctrl+X", "Shift+Del"),
        run=lambda w: w.edits.cut(),
        begins_group=True,
    ),
    Command(
        name="copy",
        text="Copy nodes or placement",
        tip="Copy the selected nodes, or where the selected experts are, as YAML",
        menu="Edit",
        keys=("Ctrl+C", "Ctrl+Ins"),
        run=lambda w: w.edits.copy(),
    ),
    Command(
        name="paste",
        text="Paste",
        tip="Add the nodes, or take over the placement, that stand in the clipboard as YAML",
        menu="Edit",
        keys=("Ctrl+V", "Shift+Ins"),
        run=lambda w: w.edits.paste(),
    ),
    Command(
        name="duplicate",
        text="Duplicate nodes",
        tip="Put a copy of each selected node beside it",
        menu="Edit",
        keys=("Ctrl+D",),
        run=lambda w: w.edits.duplicate(),
    ),
    Command(
        name="select_all",
        text="Select all",
        tip="Select all things of the kind that is selected; else all nodes",
        menu="Edit",
        keys=("Ctrl+A",),
        run=lambda w: w.edits.select_all(),
    ),
    Command(
        name="rename",
        text="Rename",
        tip="Change the name of the selected node, or of the design",
        menu="Edit",
        keys=("F2",),
        run=lambda w: w.edits.rename(),
    ),
    Command(
        name="settings",
        text="Settings…",
        tip="Find and change any setting of the design",
        menu="Edit",
        keys=("Ctrl+,",),
        run=lambda w: w.edits.show_settings(),
        begins_group=True,
    ),
    Command(
        name="add_node",
        text="Add node",
        tip="Add a node like the last one; the strategy is fitted to it where it must be",
        menu="Edit",
        keys=("Ins",),
        run=lambda w: w.canvas.verbs.add(),
        begins_group=True,
    ),
    Command(
        name="tidy",
        text="Arrange nodes",
        tip="Let the canvas find places for all nodes",
        menu="Edit",
        run=lambda w: w.canvas.verbs.tidy(),
    ),
    Command(
        name="remove",
        text="Remove",
        tip="Remove the selected nodes, or the selected copies of experts that have others",
        menu="Edit",
        keys=("Del",),
        run=lambda w: w.canvas.remove_chosen(),
    ),
    Command(
        name="one_replica",
        text="This replica only",
        tip="Let drags change the replica of the expert only, or all replicas alike",
        menu="Edit",
        run=lambda w: w.canvas.toggle_one_replica(),
        begins_group=True,
    ),
    Command(
        name="reset_placement",
        text="Reset placement",
        tip="Put every expert where the policy puts it",
        menu="Edit",
        run=lambda w: w.reset_placement(),
    ),
    Command(
        name="copy_picture",
        text="Copy picture",
        tip="Copy what the canvas that has the focus shows",
        menu="Edit",
        keys=("Ctrl+Shift+C",),
        run=lambda w: w.exports.copy_picture(),
        begins_group=True,
    ),
    Command(
        name="copy_yaml",
        text="Copy YAML",
        tip="Copy the design as text of a project file",
        menu="Edit",
        run=lambda w: w.exports.copy_yaml(),
    ),
    Command(
        name="copy_sum",
        text="Copy Get_Time sum",
        tip="Copy the run time as a sum of Get_Time(m, k, n) terms",
        menu="Edit",
        run=lambda w: w.exports.copy_sum(),
    ),
    Command(
        name="pin",
        text="Pin as reference",
        tip="Compare every later state with this one",
        menu="Edit",
        keys=("Ctrl+Shift+R",),
        run=lambda w: w.compare.pin_state(),
        begins_group=True,
    ),
    Command(
        name="compare_file",
        text="Compare with a file…",
        tip="Compare this design with the one in another file",
        menu="Edit",
        run=lambda w: w.compare.ask_file(),
    ),
    Command(
        name="unpin",
        text="Unpin the reference",
        tip="Compare with nothing",
        menu="Edit",
        run=lambda w: w.compare.unpin(),
    ),
    Command(
        name="fit",
        text="Fit all",
        tip="Bring everything into view",
        menu="View",
        keys=("Ctrl+0",),
        run=lambda w: w.fit(),
    ),
    Command(
        name="actual_size",
        text="Actual size",
        tip="Show the cluster at 100 %",
        menu="View",
        keys=("Ctrl+1",),
        run=lambda w: w.actual_size(),
    ),
    Command(
        name="zoom_in",
        text="Zoom in",
        tip="Show it larger",
        menu="View",
        keys=("Ctrl++", "Ctrl+="),
        run=lambda w: w.zoom(1.25),
    ),
    Command(
        name="zoom_out",
        text="Zoom out",
        tip="Show more of it",
        menu="View",
        keys=("Ctrl+-",),
        run=lambda w: w.zoom(0.8),
    ),
    Command(
        name="frame",
        text="Frame selection",
        tip="Bring what is selected into view (F in a canvas)",
        menu="View",
        run=lambda w: w.frame_selection(),
    ),
    Command(
        name="path",
        text="Longest path",
        tip="Mark the longest path, or not",
        menu="View",
        keys=("L",),
        run=lambda w: w.toggle_path(),
        begins_group=True,
    ),
    Command(
        name="path_next",
        text="Next on the longest path",
        tip="Walk along it",
        menu="View",
        keys=("]",),
        run=lambda w: w.walk_path(1),
    ),
    Command(
        name="path_before",
        text="Previous on the longest path",
        tip="Walk back along it",
        menu="View",
        keys=("[",),
        run=lambda w: w.walk_path(-1),
    ),
    Command(
        name="go_to",
        text="Go to…",
        tip="Select any GPU, node, layer, expert or operator by its name",
        menu="View",
        keys=("Ctrl+P",),
        run=lambda w: w.graph.go_to(),
        begins_group=True,
    ),
    Command(
        name="find",
        text="Find in the graph…",
        tip="Find operators by id, kind, expert, GPU or layer",
        menu="View",
        keys=("Ctrl+F",),
        run=lambda w: w.graph.find_operator(),
    ),
    Command(
        name="find_next",
        text="Find next",
        tip="Go to the next operator found",
        menu="View",
        keys=("F3",),
        run=lambda w: w.graph.find_step(1),
    ),
    Command(
        name="find_before",
        text="Find previous",
        tip="Go to the previous operator found",
        menu="View",
        keys=("Shift+F3",),
        run=lambda w: w.graph.find_step(-1),
    ),
    Command(
        name="graph_back",
        text="Back",
        tip="Show the view of the graph that was shown before",
        menu="View",
        keys=("Alt+Left",),
        run=lambda w: w.graph.back(),
    ),
    Command(
        name="graph_forward",
        text="Forward",
        tip="Show the view of the graph that was gone back from",
        menu="View",
        keys=("Alt+Right",),
        run=lambda w: w.graph.forward(),
    ),
    Command(
        name="graph_overview",
        text="Overview of the graph",
        tip="Show replicas, stages, layers and nodes",
        menu="View",
        run=lambda w: w.graph.show_view("overview"),
    ),
    Command(
        name="graph_full",
        text="All operators",
        tip="Show every operator in lanes",
        menu="View",
        run=lambda w: w.graph.show_view("full"),
    ),
    Command(
        name="graph_table",
        text="Table of operators",
        tip="Show the operators of the graph as a table",
        menu="View",
        run=lambda w: w.graph.show_view("table"),
    ),
    Command(
        name="upstream",
        text="Show upstream",
        tip="Fade all operators but those that the selection depends on",
        menu="View",
        run=lambda w: w.graph.upstream(),
    ),
    Command(
        name="downstream",
        text="Show downstream",
        tip="Fade all operators but those that depend on the selection",
        menu="View",
        run=lambda w: w.graph.downstream(),
    ),
    Command(
        name="show_everything",
        text="Show all operators",
        tip="Take the filter of the graph away",
        menu="View",
        run=lambda w: w.graph.show_everything(),
    ),
    Command(
        name="show_breakdown",
        text="Breakdown",
        tip="Where the time goes, by kind, layer and GPU",
        menu="View",
        run=lambda w: w.show_tab("breakdown"),
        begins_group=True,
    ),
    Command(
        name="show_timeline",
        text="Timeline",
        tip="Bars of all operators by GPU and stream",
        menu="View",
        run=lambda w: w.show_tab("timeline"),
    ),
    Command(
        name="show_memory",
        text="Memory",
        tip="What each GPU must hold",
        menu="View",
        run=lambda w: w.show_tab("memory"),
    ),
    Command(
        name="show_load",
        text="Load",
        tip="Tokens of each GPU's experts, by layer",
        menu="View",
        run=lambda w: w.show_tab("load"),
    ),
    Command(
        name="show_roofline",
        text="Roofline",
        tip="Operators under the roofs of arithmetic and memory",
        menu="View",
        run=lambda w: w.show_tab("roofline"),
    ),
    Command(
        name="traffic",
        text="Traffic",
        tip="Show what dispatch and combine send between nodes and GPUs, or not",
        menu="View",
        keys=("T",),
        run=lambda w: w.canvas.toggle_traffic(),
    ),
    Command(
        name="light",
        text="Light",
        tip="Light colours",
        menu="View",
        run=lambda w: w.choose_theme("light"),
        begins_group=True,
        is_general=True,
    ),
    Command(
        name="dark",
        text="Dark",
        tip="Dark colours",
        menu="View",
        run=lambda w: w.choose_theme("dark"),
        is_general=True,
    ),
    Command(
        name="system",
        text="As the system",
        tip="Colours that follow the system",
        menu="View",
        run=lambda w: w.choose_theme("system"),
        is_general=True,
    ),
    Command(
        name="english",
        text="English",
        tip="Speak English",
        menu="View",
        run=lambda w: w.choose_language("en"),
        begins_group=True,
        is_general=True,
    ),
    Command(
        name="chinese",
        text="中文",
        tip="Speak Chinese",
        menu="View",
        run=lambda w: w.choose_language("zh_CN"),
        is_general=True,
    ),
    Command(
        name="language_system",
        text="Language of the system",
        tip="Speak the language of the system",
        menu="View",
        run=lambda w: w.choose_language("system"),
        is_general=True,
    ),
    Command(
        name="reset_layout",
        text="Reset layout",
        tip="Put all panels back to their places",
        menu="View",
        run=lambda w: w.reset_layout(),
        begins_group=True,
    ),
    Command(
        name="palette",
        text="Command palette…",
        tip="Find any action by its name",
        menu="Help",
        keys=("Ctrl+Shift+P",),
        run=lambda w: w.show_palette(),
        is_general=True,
    ),
    Command(
        name="shortcuts",
        text="Shortcuts",
        tip="All keys",
        menu="Help",
        keys=("?",),
        run=lambda w: w.show_shortcuts(),
        is_general=True,
    ),
    Command(
        name="help",
        text="Help pages",
        tip="How things are done, with pictures",
        menu="Help",
        keys=("F1",),
        run=lambda w: w.show_help(),
        begins_group=True,
        is_general=True,
    ),
    Command(
        name="tour",
        text="Tour in five steps",
        tip="What stands where in the window",
        menu="Help",
        run=lambda w: w.show_tour(),
    ),
)

MENUS = ("File", "Edit", "View", "Help")

GESTURES: tuple[tuple[str, str], ...] = (
    ("Drag an expert", "Move it; the figures follow before the drop"),
    ("Drop on an expert", "Let both change places"),
    ("Ctrl while dragging", "Copy instead of moving"),
    ("Drag a GPU's head", "Carry all its experts"),
    ("Drag on empty ground", "Select experts and nodes in a frame; Ctrl-click adds one"),
    ("Drag a node's card", "Move it; it snaps to the grid"),
    ("Drop several on a node", "Spread them evenly over its GPUs"),
    ("Drag from the palette", "On a node: one more GPU, or another kind; beside: a new node"),
    ("Esc", "Cancel the gesture, or select nothing"),
    ("G, then arrows or a number", "Pick the selected expert up and aim at a GPU; Enter drops"),
    ("Ctrl+Enter, S while carrying", "Copy; swap with the experts of the GPU one by one"),
    ("Shift+arrows", "Select more experts, or more nodes"),
    ("S", "Let two selected experts change places"),
    ("Ctrl+arrows", "Shift the selected nodes; with Shift by a whole card"),
    ("Enter, Backspace", "From a node to its GPUs and their experts, and back"),
    ("Wheel", "Zoom at the pointer; Shift scrolls the graph"),
    ("Middle or Space drag", "Pan"),
    ("F, Home", "Frame the selection; fit all"),
    ("Arrows in the graph", "Go along edges"),
    ("Double-click in the graph", "Open the layer, the GPU or the experts; Backspace leaves"),
    ("Arrows on the timeline", "Go along a stream, and to other streams"),
    ("M on the timeline", "Measure; so does dragging on its axis"),
    ("N on the timeline", "Fold a node to one lane, or unfold it"),
    ("Shift-drag on the timeline", "Zoom to a range of time"),
    ("Arrows in a chart", "Read its values one by one; Enter selects"),
)
"""Keys and gestures that are no actions, for the shortcut sheet."""


def make_actions(parent: QWidget, verbs: Verbs, commands: Iterable[Command] = COMMANDS) -> dict[str, QAction]:
    """The actions of the table, by name; they work wherever the focus is in ``parent``."""
    made = {}
    for command in commands:
        action = QAction(tr(command.text), parent)
        action.setToolTip(plain_tip(tr(command.tip)))
        action.setStatusTip(tr(command.tip))
        action.setShortcuts([QKeySequence(key) for key in command.keys])
        action.triggered.connect(_runner(command, verbs))
        parent.addAction(action)
        made[command.name] = action
    return made


def _runner(command: Command, verbs: Verbs) -> Callable[[], None]:
    def run() -> None:
        # What is being typed into a form is a step of its own, before this one.
        verbs.edits.finish()
        command.run(verbs)

    return run
