"""The menu Edit / Lay out: bringing nodes into line, and drawing the network."""

from moe_studio.gui.command.command import TEXT, Command

MENU = "Edit/Lay out"

LAYOUT: tuple[Command, ...] = (
    Command(
        name="align_left",
        text="Align left",
        tip="Bring the selected nodes into the column of the first",
        menu=MENU,
        keys=("Ctrl+Shift+L",),
        run=lambda w: w.canvas.verbs.align("column"),
        begins_group=True,
        reason=TEXT,
    ),
    Command(
        name="align_top",
        text="Align top",
        tip="Bring the selected nodes into the row of the first",
        menu=MENU,
        keys=("Ctrl+Shift+T",),
        run=lambda w: w.canvas.verbs.align("row"),
        reason=TEXT,
    ),
    Command(
        name="distribute_across",
        text="Distribute across",
        tip="Make the steps between the selected nodes equal, from left to right",
        menu=MENU,
        keys=("Ctrl+Shift+H",),
        run=lambda w: w.canvas.verbs.distribute("row"),
        reason=TEXT,
    ),
    Command(
        name="distribute_down",
        text="Distribute down",
        tip="Make the steps between the selected nodes equal, from top to bottom",
        menu=MENU,
        keys=("Ctrl+Shift+V",),
        run=lambda w: w.canvas.verbs.distribute("column"),
        reason=TEXT,
    ),
    Command(
        name="put_in_rack",
        text="Put into a new rack",
        tip="Put the selected nodes into a rack of their own; dragging a card into a rack does so, too",
        menu=MENU,
        keys=("Ctrl+Shift+K",),
        run=lambda w: w.canvas.verbs.put_in_rack(),
        begins_group=True,
        reason=TEXT,
    ),
    Command(
        name="leave_rack",
        text="Take out of the rack",
        tip="Take the selected nodes out of their racks",
        menu=MENU,
        run=lambda w: w.canvas.verbs.put_in_rack(""),
        reason=TEXT,
    ),
    Command(
        name="add_rack",
        text="Add rack",
        tip="Add a rack with nodes like those of the last one",
        menu=MENU,
        keys=("Ctrl+Shift+Ins",),
        run=lambda w: w.canvas.verbs.add_rack(),
        reason=TEXT,
    ),
    Command(
        name="node_links",
        text="Bandwidth between nodes…",
        tip="Type the bandwidth of the links between nodes, or between racks that have links of their own",
        menu=MENU,
        run=lambda w: w.canvas.ask_rate("inter"),
        begins_group=True,
        reason=TEXT,
    ),
    Command(
        name="rack_links",
        text="Bandwidth inside racks…",
        tip="Give racks links of their own, by typing their bandwidth",
        menu=MENU,
        run=lambda w: w.canvas.ask_rate("rack"),
        reason=TEXT,
    ),
)
