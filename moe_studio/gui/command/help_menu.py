"""The Help menu."""

from moe_studio.gui.command.command import LOOK, Command

HELP: tuple[Command, ...] = (
    Command(
        name="palette",
        text="Command palette…",
        tip="Find any action by its name",
        menu="Help",
        keys=("Ctrl+Shift+P",),
        run=lambda w: w.helps.show_palette(),
        is_general=True,
        twin="moe-studio --help",
    ),
    Command(
        name="shortcuts",
        text="Shortcuts",
        tip="All keys",
        menu="Help",
        keys=("?",),
        run=lambda w: w.helps.show_shortcuts(),
        is_general=True,
        reason=LOOK,
    ),
    Command(
        name="help",
        text="Help pages",
        tip="How things are done, with pictures",
        menu="Help",
        keys=("F1",),
        run=lambda w: w.helps.show_pages(),
        begins_group=True,
        is_general=True,
        twin="moe-studio --help",
    ),
    Command(
        name="tour",
        text="Tour in five steps",
        tip="What stands where in the window",
        menu="Help",
        run=lambda w: w.helps.show_tour(),
        reason=LOOK,
    ),
)
