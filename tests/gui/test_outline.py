"""The outline: racks, nodes and GPUs as a tree."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTreeWidgetItem

from moe_studio.document.network_edit import move_to_rack
from moe_studio.document.selection import Selection
from tests.gui.conftest import Driver


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
    before = driver.document.selected
    QTest.mouseClick(
        outline.viewport(), Qt.MouseButton.LeftButton, pos=outline.visualItemRect(below(cluster, 0)).center()
    )
    QApplication.processEvents()
    assert driver.document.selected == before, "a rack is no thing of its own"
