"""The outline: racks, nodes and GPUs as a tree."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTreeWidgetItem

from moe_studio.document.network_edit import move_to_rack
from moe_studio.document.selection import Selection
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Workload
from moe_studio.project.model import Attention, Block, FeedForward, Model
from moe_studio.project.project import Project
from tests.gui.conftest import Driver

OWN = Device(memory_gb=80, memory_tb_s=3.0, peak_tflops={"bf16": 900})


def one_gpu() -> Project:
    """The smallest design: one layer on one GPU."""
    return Project(
        name="One",
        model=Model(
            hidden=1024,
            attention=Attention(heads=8, head_dim=128),
            ffn={"moe": FeedForward(kind="swiglu", hidden=2048, experts=4, top_k=2)},
            blocks=(Block(repeat=1),),
        ),
        cluster=Cluster(nodes=(Node(name="node0", gpus=1, device="own"),), devices={"own": OWN}),
        workload=Workload(batch=8, tokens=16),
    )


def below(item: QTreeWidgetItem, *places: int) -> QTreeWidgetItem:
    for place in places:
        child = item.child(place)
        assert child is not None
        item = child
    return item


def rows(item: QTreeWidgetItem) -> list[tuple[str, str]]:
    return [(below(item, place).text(0), below(item, place).text(1)) for place in range(item.childCount())]


@pytest.fixture
def cluster(driver: Driver) -> QTreeWidgetItem:
    found = driver.window.workspace.outline.topLevelItem(2)
    assert found is not None
    return found


def put_in_rack(driver: Driver, *nodes: int) -> None:
    change = move_to_rack(driver.document.project, nodes, "rack0")
    driver.document.commit(change.label, change.edit)
    driver.settle()


def test_nodes_stand_below_their_rack_and_others_by_themselves(driver: Driver, cluster: QTreeWidgetItem) -> None:
    assert rows(cluster) == [("node0", "8"), ("node1", "8")]
    put_in_rack(driver, 1)
    assert rows(cluster) == [("node0", "8"), ("rack0", "8")]
    assert rows(below(cluster, 1)) == [("node1", "8")]
    assert [name for name, _ in rows(below(cluster, 1, 0))] == [f"GPU {gpu}" for gpu in range(8, 16)]
    assert below(cluster, 1).isExpanded()
    driver.document.undo()
    driver.settle()
    assert rows(cluster) == [("node0", "8"), ("node1", "8")]
    assert [name for name, _ in rows(below(cluster, 1))] == [f"GPU {gpu}" for gpu in range(8, 16)]


def test_a_node_in_a_rack_is_selected_and_marked(driver: Driver, cluster: QTreeWidgetItem) -> None:
    outline = driver.window.workspace.outline
    put_in_rack(driver, 0, 1)
    assert rows(cluster) == [("rack0", "16")]
    second = below(cluster, 0, 1)
    QTest.mouseClick(outline.viewport(), Qt.MouseButton.LeftButton, pos=outline.visualItemRect(second).center())
    QApplication.processEvents()
    assert driver.document.selected == (Selection(kind="node", node=1),)
    driver.document.select(Selection(kind="gpu", gpu=3))
    assert outline.currentItem() is below(cluster, 0, 0, 3)


def test_what_the_outline_does_not_have_leaves_nothing_marked_in_it(driver: Driver) -> None:
    outline = driver.window.workspace.outline
    driver.document.select(Selection(kind="gpu", gpu=3))
    assert [item.text(0) for item in outline.selectedItems()] == ["GPU 3"]
    driver.document.select_all([Selection(kind="expert", expert=expert, gpu=expert) for expert in (1, 2)])
    assert not outline.selectedItems()


def test_keys_that_are_held_leave_nothing_marked_that_is_not_selected(driver: Driver) -> None:
    driver.document.select(Selection(kind="gpu", gpu=4))
    for key in (Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier):
        QTest.mouseClick(driver.cluster.viewport(), Qt.MouseButton.LeftButton, key, driver.gpu_point(9))
        assert QApplication.keyboardModifiers() == key
        driver.document.select(Selection(kind="gpu", gpu=7))
        driver.settle()
        assert [item.text(0) for item in driver.window.workspace.outline.selectedItems()] == ["GPU 7"]


def test_a_rack_stands_for_its_nodes_and_keys_go_past_it(driver: Driver, cluster: QTreeWidgetItem) -> None:
    outline = driver.window.workspace.outline
    put_in_rack(driver, 0, 1)
    rack = below(cluster, 0)
    QTest.mouseClick(outline.viewport(), Qt.MouseButton.LeftButton, pos=outline.visualItemRect(rack).center())
    QApplication.processEvents()
    assert driver.document.selected == tuple(Selection(kind="node", node=node) for node in (0, 1))
    assert [item.text(0) for item in outline.selectedItems()] == ["node0", "node1"]
    assert outline.currentItem() is rack
    QTest.keyClick(outline, Qt.Key.Key_Up)
    QApplication.processEvents()
    assert outline.currentItem() is cluster


def test_names_and_figures_stand_on_one_line(driver: Driver, cluster: QTreeWidgetItem) -> None:
    for item in (cluster, below(cluster, 0), below(cluster, 0, 0)):
        assert Qt.AlignmentFlag(item.textAlignment(1)) & Qt.AlignmentFlag.AlignVCenter


def test_one_of_a_thing_is_not_called_by_its_plural(driver: Driver, cluster: QTreeWidgetItem) -> None:
    driver.document.commit("Shrink", lambda _: one_gpu())
    driver.settle()
    assert (cluster.text(1), driver.window.workspace.outline.topLevelItem(1).text(1)) == ("1 GPU", "1 layer")  # type: ignore[union-attr]
    shown = driver.window.workspace.inspector.text()
    assert "Cluster\t1 GPU, 1 node\n" in shown and "Model\t1 layer, bf16\n" in shown
    assert driver.window.bar.layer.itemText(0) == "The only layer"
    assert not driver.window.workspace.cluster_panel.layers.slider.isVisible()
