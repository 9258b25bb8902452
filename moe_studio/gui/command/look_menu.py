"""The View menu, second part: tabs, colours, languages and panels."""

from functools import partial

from moe_studio.gui.command.command import HISTORY, LOOK, Command
from moe_studio.gui.command.verbs import Verbs

SIZES = (100, 125, 150, 200, 300)
"""Per cent of the size that the system has."""


def _choose_size(percent: int, verbs: Verbs) -> None:
    verbs.looks.choose_size(percent)


def _is_size(percent: int, verbs: Verbs) -> bool:
    return verbs.looks.size == percent


LOOKS: tuple[Command, ...] = (
    Command(
        name="show_breakdown",
        text="Breakdown",
        tip="Where the time goes, by kind, layer and GPU",
        menu="View/Tabs",
        run=lambda w: w.workspace.show_tab("breakdown"),
        begins_group=True,
        twin="moe-studio screenshot design.moe.yaml -o window.png --tab breakdown",
    ),
    Command(
        name="show_timeline",
        text="Timeline",
        tip="Bars of all operators by GPU and stream",
        menu="View/Tabs",
        run=lambda w: w.workspace.show_tab("timeline"),
        twin="moe-studio screenshot design.moe.yaml -o window.png --tab timeline",
    ),
    Command(
        name="show_memory",
        text="Memory",
        tip="What each GPU must hold",
        menu="View/Tabs",
        run=lambda w: w.workspace.show_tab("memory"),
        twin="moe-studio screenshot design.moe.yaml -o window.png --tab memory",
    ),
    Command(
        name="show_load",
        text="Load",
        tip="Tokens of each GPU's experts, by layer",
        menu="View/Tabs",
        run=lambda w: w.workspace.show_tab("load"),
        twin="moe-studio screenshot design.moe.yaml -o window.png --tab load",
    ),
    Command(
        name="show_roofline",
        text="Roofline",
        tip="Operators under the roofs of arithmetic and memory",
        menu="View/Tabs",
        run=lambda w: w.workspace.show_tab("roofline"),
        twin="moe-studio screenshot design.moe.yaml -o window.png --tab roofline",
    ),
    Command(
        name="show_traffic",
        text="Traffic matrix",
        tip="What each node and GPU sends to each other",
        menu="View/Tabs",
        run=lambda w: w.workspace.show_tab("traffic"),
        twin="moe-studio screenshot design.moe.yaml -o window.png --tab traffic",
    ),
    Command(
        name="show_compare",
        text="Comparison",
        tip="This design beside the pinned reference",
        menu="View/Tabs",
        run=lambda w: w.workspace.show_tab("compare"),
        twin="moe-studio compare reference.moe.yaml design.moe.yaml",
    ),
    Command(
        name="show_problems",
        text="Problems",
        tip="What is wrong with the design",
        menu="View/Tabs",
        run=lambda w: w.workspace.show_tab("problems"),
        twin="moe-studio validate design.moe.yaml",
    ),
    Command(
        name="show_history",
        text="History",
        tip="Every step; a click goes back to it",
        menu="View/Tabs",
        run=lambda w: w.workspace.show_tab("history"),
        reason=HISTORY,
    ),
    Command(
        name="traffic",
        text="Traffic",
        tip="Show what dispatch and combine send between nodes and GPUs, or not",
        menu="View",
        keys=("T",),
        run=lambda w: w.canvas.toggle_traffic(),
        twin="moe-studio screenshot design.moe.yaml -o window.png --tab traffic",
    ),
    Command(
        name="light",
        text="Light",
        tip="Light colours",
        menu="View/Theme",
        run=lambda w: w.looks.choose_theme("light"),
        is_chosen=lambda w: w.looks.name == "light",
        is_general=True,
        twin="moe-studio screenshot design.moe.yaml -o window.png --theme light",
    ),
    Command(
        name="dark",
        text="Dark",
        tip="Dark colours",
        menu="View/Theme",
        run=lambda w: w.looks.choose_theme("dark"),
        is_chosen=lambda w: w.looks.name == "dark",
        is_general=True,
        twin="moe-studio screenshot design.moe.yaml -o window.png --theme dark",
    ),
    Command(
        name="system",
        text="As the system",
        tip="Colours that follow the system",
        menu="View/Theme",
        run=lambda w: w.looks.choose_theme("system"),
        is_chosen=lambda w: w.looks.name == "system",
        is_general=True,
        reason=LOOK,
    ),
    Command(
        name="english",
        text="English",
        tip="Speak English",
        menu="View/Language",
        run=lambda w: w.looks.choose_language("en"),
        is_chosen=lambda w: w.looks.language == "en",
        is_general=True,
        reason=LOOK,
    ),
    Command(
        name="chinese",
        text="中文",
        tip="Speak Chinese",
        menu="View/Language",
        run=lambda w: w.looks.choose_language("zh_CN"),
        is_chosen=lambda w: w.looks.language == "zh_CN",
        is_general=True,
        reason=LOOK,
    ),
    Command(
        name="language_system",
        text="Language of the system",
        tip="Speak the language of the system",
        menu="View/Language",
        run=lambda w: w.looks.choose_language("system"),
        is_chosen=lambda w: w.looks.language == "system",
        is_general=True,
        reason=LOOK,
    ),
    *(
        Command(
            name=f"size_{percent}",
            text=f"Size {percent} %",
            tip="How large everything is, from the next start on",
            menu="View/Size",
            run=partial(_choose_size, percent),
            is_chosen=partial(_is_size, percent),
            is_general=True,
            reason=LOOK,
        )
        for percent in SIZES
    ),
    Command(
        name="size_system",
        text="Size as the system",
        tip="As large as the system wants it, from the next start on",
        menu="View/Size",
        run=lambda w: w.looks.choose_size(0),
        is_chosen=lambda w: w.looks.size == 0,
        is_general=True,
        reason=LOOK,
    ),
    Command(
        name="reset_layout",
        text="Reset layout",
        tip="Put all panels back to their places",
        menu="View",
        run=lambda w: w.looks.reset_layout(),
        begins_group=True,
        reason=LOOK,
    ),
)
