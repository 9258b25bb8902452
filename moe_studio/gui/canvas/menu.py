"""What can be done to what is selected, as a menu; and what a tooltip says of it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QMenu

from moe_studio.document.document import Document
from moe_studio.document.network_edit import TIERS, tier_title
from moe_studio.document.node_place import Place
from moe_studio.document.placing import experts_phrase
from moe_studio.engine.memory import MEMORY_PARTS
from moe_studio.gui.canvas.hit import Hit
from moe_studio.gui.canvas.link_layer import link_texts
from moe_studio.gui.canvas.tile import Tile
from moe_studio.gui.text import tr
from moe_studio.storage.catalogue import cluster_names, device_names, load_device
from moe_studio.units import byte_text, counted

if TYPE_CHECKING:
    from moe_studio.gui.canvas.cluster_view import ClusterView

COUNTS = (1, 2, 4, 8, 16, 72)
Entry = tuple[str, Callable[[], object]]


def canvas_menu(view: "ClusterView", point: QPointF) -> QMenu:
    """The menu of what is selected, at a point of the scene."""
    menu = QMenu(view)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    spot = view.layout_shown.spot_at(point.x(), point.y())
    if view.picking.chips:
        _add(menu, _expert_entries(view))
    elif view.picking.gpus:
        _gpu_entries(menu, view, view.picking.gpus[0])
    elif view.picking.nodes:
        _node_entries(menu, view)
    if not view.picking.chips and not view.picking.gpus:
        menu.addSeparator()
        _layout_entries(menu, view, None if view.picking.nodes else spot)
    return menu


def _add(menu: QMenu, entries: Sequence[Entry]) -> None:
    for text, act in entries:
        menu.addAction(text).triggered.connect(lambda _=False, act=act: act())


def _expert_entries(view: "ClusterView") -> list[Entry]:
    what = experts_phrase({expert for expert, _ in view.picking.chips})
    entries: list[Entry] = [
        (tr("Carry {what}", what=tr(what)) + "\tG", lambda: view.experts.carry(view.picking.chips, is_keyboard=True))
    ]
    if len(view.picking.chips) == 2:
        entries.append((tr("Swap both") + "\tS", view.experts.swap))
    entries.append(
        (
            tr("Remove these copies") + "\tDel" if len(view.picking.chips) > 1 else tr("Remove this copy") + "\tDel",
            view.remove_chosen,
        )
    )
    gpu = view.picking.chips[0][1]
    entries.append(
        (tr("Select all experts of GPU {gpu}", gpu=gpu), lambda: view.picking.pick(view.picking.chips_of(gpu)))
    )
    return entries


def _gpu_entries(menu: QMenu, view: "ClusterView", gpu: int) -> None:
    cluster = view.document.project.cluster
    home, verbs, gpus = cluster.node_of_gpu()[gpu], view.verbs, view.picking.gpus
    entries: list[Entry] = [
        (tr("Select its experts"), lambda: view.picking.pick(view.picking.chips_of(gpu))),
        (tr("Carry all its experts") + "\tG", lambda: view.experts.carry(view.picking.chips_of(gpu), is_keyboard=True)),
        (tr("Select its node"), lambda: view.picking.pick_nodes([home])),
        (tr("Add a GPU to its node"), lambda: verbs.add_gpu(home)),
        (tr("Remove from its node") + "\tDel", lambda: verbs.remove_gpus(gpus)),
    ]
    _add(menu, entries)
    if len(cluster.nodes) > 1:
        others = menu.addMenu(tr("Move to node"))
        for number in range(len(cluster.nodes)):
            if number != home:
                text = cluster.node_title(number)
                others.addAction(text).triggered.connect(lambda _=False, chosen=number: verbs.move_gpus(gpus, chosen))
    _add(menu, [(tr("Frame") + "\tF", view.frame_selection)])


def _node_entries(menu: QMenu, view: "ClusterView") -> None:
    verbs = view.verbs
    cluster = view.document.project.cluster
    _add(menu, [(tr("Duplicate") + "\tCtrl+D", verbs.duplicate), (tr("Remove") + "\tDel", verbs.remove)])
    devices = menu.addMenu(tr("Device"))
    own = [name for name in cluster.devices if name not in device_names()]
    for name in (*own, *device_names()):
        title = name if name in own else load_device(name).title or name
        devices.addAction(title).triggered.connect(lambda _=False, chosen=name: verbs.change_device(chosen))
    counts = menu.addMenu(tr("GPUs"))
    now = cluster.nodes[view.picking.nodes[0]].gpus
    for count in sorted({*COUNTS, max(1, now - 1), now, now + 1}):
        action = counts.addAction(f"{count}")
        action.setCheckable(True)
        action.setChecked(count == now)
        action.triggered.connect(lambda _=False, chosen=count: verbs.change_gpus(chosen))
    if len(view.picking.nodes) > 1:
        _add(
            menu.addMenu(tr("Align")),
            [
                (tr("Align left"), lambda: verbs.align("column")),
                (tr("Align top"), lambda: verbs.align("row")),
                (tr("Distribute across"), lambda: verbs.distribute("row")),
                (tr("Distribute down"), lambda: verbs.distribute("column")),
            ],
        )
    racks: list[Entry] = [(tr("New rack"), verbs.put_in_rack)]
    for rack in dict.fromkeys(node.rack for node in cluster.nodes if node.rack):
        racks.append((rack, lambda chosen=rack: verbs.put_in_rack(chosen)))  # type: ignore[misc]
    if any(cluster.nodes[number].rack for number in view.picking.nodes):
        racks.append((tr("Out of the rack"), lambda: verbs.put_in_rack("")))
    _add(menu.addMenu(tr("Put into a rack")), racks)
    _add(menu, [(tr("Frame") + "\tF", view.frame_selection)])


def _layout_entries(menu: QMenu, view: "ClusterView", spot: Place | None) -> None:
    verbs = view.verbs
    _add(menu, [(tr("Add a node like the last") + "\tIns", lambda: verbs.add(at=spot))])
    _add(menu, [(tr("Add a rack like the last"), verbs.add_rack)])
    network = menu.addMenu(tr("Bandwidth"))
    cluster = view.document.project.cluster
    tiers = [tier for tier in TIERS if tier != "rack" or any(node.rack for node in cluster.nodes)]
    for tier in tiers:
        text = tr(tier_title(cluster, tier)).capitalize()
        _add(network, [(f"{text}…", lambda tier=tier: view.ask_rate(tier))])  # type: ignore[misc]
    if cluster.links.rack:
        _add(network, [(tr("Racks without links of their own"), lambda: verbs.set_tier("rack", None))])
    devices = menu.addMenu(tr("Add a node of"))
    for name in device_names():
        title = f"8 × {load_device(name).title or name}"
        devices.addAction(title).triggered.connect(lambda _=False, chosen=name: verbs.add(chosen, 8, spot))
    presets = menu.addMenu(tr("Generate from a preset"))
    for name in cluster_names():
        presets.addAction(name).triggered.connect(lambda _=False, chosen=name: verbs.use_preset(chosen))
    traffic = tr("Hide traffic") + "\tT" if view.traffic.is_on else tr("Show traffic") + "\tT"
    _add(
        menu, [(tr("Arrange nodes"), verbs.tidy), (traffic, view.toggle_traffic), (tr("Fit all") + "\tHome", view.fit)]
    )


def tip_text(hit: Hit, tiles: Sequence[Tile], document: Document) -> str:
    """What lies under the pointer, in a sentence."""
    if hit.kind == "chip":
        chip = next(item for item in tiles[hit.gpu].chips if item.expert == hit.expert)
        parts = [tr("Expert {expert}", expert=hit.expert)]
        if chip.is_partial:
            parts.append(tr("in {count} of the layers shown", count=chip.layers))
        if abs(chip.heat - 1) >= 0.005:
            parts.append(tr("{load} × the mean load", load=f"{chip.heat:g}"))
        return f"{', '.join(parts)}. {tr('Drag it to another GPU, or press G.')}"
    if hit.kind == "more":
        return tr("{count} more experts: click to show all of them.", count=tiles[hit.gpu].hidden)
    if hit.is_tile:
        state = tiles[hit.gpu].state
        parts = [f"GPU {hit.gpu} ({state.rank})", tr(counted(len(state.experts), "expert")), state.memory_text]
        if state.load:
            parts.append(tr("{load} × the mean load", load=f"{state.load:.2f}"))
        head = f" {tr('Drag its head to carry all its experts.')}" if hit.kind == "head" and state.experts else ""
        return f"{', '.join(parts)}.\n{_memory_text(document, hit.gpu)}{head}"
    if hit.kind == "link":
        cluster = document.project.cluster
        link = cluster.links.rack if hit.tier == "rack" and cluster.links.rack else cluster.links.inter
        rate = f"{link_texts(cluster).get(hit.tier, '')}, {link.latency_us:g} µs"
        return f"{rate}. {tr('Double-click to change it here; a click shows all of it in the inspector.')}"
    if hit.kind == "rack":
        return tr("{rack}: click selects its nodes; drag moves them; drop a node here to put it in.", rack=hit.rack)
    if hit.kind == "node":
        node = document.project.cluster.nodes[hit.node]
        return f"{node.name}: {node.gpus} × {node.device}. {tr('Drag it to another place; right-click for more.')}"
    return ""


def _memory_text(document: Document, gpu: int) -> str:
    """What fills a GPU, part by part."""
    memory = document.evaluation.memory
    parts = ((tr(part.replace("kv_cache", "KV cache")), float(getattr(memory, part)[gpu])) for part in MEMORY_PARTS)
    return f"{', '.join(f'{name} {byte_text(byte)}' for name, byte in parts)}."
