"""SVG: well-formed, inert, with selectable text and a title for every node, and readable."""

import itertools
import random
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import pytest

from moe_studio.engine.evaluation import evaluate
from moe_studio.export import layout
from moe_studio.export.color import PATH
from moe_studio.export.lane import BOX_HEIGHT, Band
from moe_studio.export.layout import LayoutError, graphviz_layout
from moe_studio.export.svg import is_small, svg_text
from moe_studio.export.text import plain
from moe_studio.view.node import Section, ViewGraph, ViewNode
from moe_studio.view.view import view
from tests.unit.export.drawing import HOSTILE, SMALL, VIEWS, example, renamed

SPACE = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "g", "title", "rect", "ellipse", "polygon", "circle", "path", "text"}


def parsed(text: str) -> ElementTree.Element:
    """The drawing, with nothing in it but shapes and text."""
    root = ElementTree.fromstring(text)
    for element in root.iter():
        assert element.tag.removeprefix(SPACE) in ELEMENTS
        assert not any("href" in name or name.startswith("on") or name == "style" for name in element.attrib)
    return root


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SPACE}text")]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("words", [words for words in VIEWS if words != "routing"])
def test_every_operator_is_drawn_with_text_and_a_title(name: str, words: str) -> None:
    drawn = view(example(name), words)
    root = parsed(svg_text(drawn))
    titles = {(element.text or "").split("\n")[0] for element in root.iter(f"{SPACE}title")}
    shown = set(texts(root))
    for node in drawn.nodes:
        if node.is_operator:
            assert node.id in titles
            assert (f"★ {node.id}" if node.on_path else node.id) in shown
            assert f"{node.lines[1]} · {node.lines[4]}" in shown
            assert {node.dims, node.lines[3]} <= shown


def boxes(root: ElementTree.Element) -> Iterator[tuple[float, float, float, float]]:
    """Bounds of the nodes that are drawn as rectangles."""
    for group in root.iter(f"{SPACE}g"):
        rectangle = group.find(f"{SPACE}rect")
        if group.find(f"{SPACE}title") is not None and rectangle is not None:
            x, y, width, height = (float(rectangle.attrib[name]) for name in ("x", "y", "width", "height"))
            yield x, y, x + width, y + height


@pytest.mark.parametrize("words", ["overview", "attention", "expert", "layer"])
def test_no_two_nodes_of_a_single_band_overlap(words: str) -> None:
    found = list(boxes(parsed(svg_text(view(example("seed0-baseline"), words)))))
    assert found
    for place, a in enumerate(found):
        for b in found[place + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


@pytest.mark.parametrize("name", ["seed0-baseline", "seed0-proposed", "seed1", "seed2-proposed"])
def test_the_full_view_of_sixteen_gpus_is_no_ribbon(name: str) -> None:
    root = parsed(svg_text(view(example(name), "full")))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert width < 10_000
    assert 1 / 5 < width / height < 5


def test_bands_have_a_lane_for_each_gpu_and_a_column_for_each_level() -> None:
    section = next(iter(view(example("seed0-proposed-dp"), "full").sections))
    band = Band(section)
    assert list(band.lanes) == list(range(16))
    assert [name for name, _, _ in band.node_tops] == ["node0", "node1"]
    tops = [top for top, _ in band.lanes.values()]
    assert all(after - before >= BOX_HEIGHT for before, after in itertools.pairwise(tops))
    for node in section.nodes:
        if node.is_operator:
            box, (top, height) = band.boxes[node.id], band.lanes[node.gpu]
            assert top <= box.top and box.top + BOX_HEIGHT <= top + height
            assert box.left == band.left[node.column]


def test_the_longest_path_is_thick_and_starred() -> None:
    root = parsed(svg_text(view(example("seed1"), "full")))
    thick = [
        path
        for path in root.iter(f"{SPACE}path")
        if path.get("stroke-width") == "3" and path.find(f"{SPACE}title") is not None
    ]
    assert thick and all(path.attrib["stroke"] == PATH for path in thick)
    assert sum(text.startswith("★ ") and "_g" in text for text in texts(root)) == len(
        example("seed1").scheduled_path.rows
    )


def test_communication_is_dashed_and_data_is_solid() -> None:
    root = parsed(svg_text(view(example("seed0-proposed-dp"), "routing")))
    lines = {(path.findtext(f"{SPACE}title") or "").split(",")[0]: path for path in root.iter(f"{SPACE}path")}
    assert lines["communication"].get("stroke-dasharray")
    assert not lines["data"].get("stroke-dasharray")


def test_small_views_are_laid_out_by_graphviz_and_large_ones_in_lanes() -> None:
    assert is_small(view(example("seed1"), "attention"))
    assert is_small(view(example("seed3"), "overview"))
    assert not is_small(view(example("seed3"), "layer 3"))
    assert not is_small(view(example("seed2-baseline"), "expert"))


def test_the_same_project_gives_the_same_bytes() -> None:
    first = example("seed1")
    again = evaluate(first.project)
    for words in VIEWS:
        assert svg_text(view(first, words)) == svg_text(view(again, words))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_text(name: str) -> None:
    for words in ("overview", "layer 0"):
        root = parsed(svg_text(renamed(view(example("seed1"), words), name)))
        assert (root.findtext(f"{SPACE}title") or "").startswith(plain(name).strip())


def one_node(name: str) -> ViewGraph:
    node = ViewNode(
        id="n", lines=(name, name), op="q", family="attention", shape="box", gpu=0, node=name, cluster=(name,)
    )
    section = Section(title=name, nodes=(node,), edges=())
    return ViewGraph(name="full", title=name, subtitle=name, sections=(section,))


def check_names(count: int) -> None:
    source = random.Random(11)
    for _ in range(count):
        letters = (chr(source.choice((source.randrange(128), source.randrange(0x11_0000)))) for _ in range(12))
        parsed(svg_text(one_node("".join(letters))))


def test_random_names_give_well_formed_drawings() -> None:
    check_names(300)


@pytest.mark.long
def test_ten_thousand_random_names_give_well_formed_drawings() -> None:
    check_names(10_000)


def test_a_slow_layout_is_ended_and_lanes_take_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = view(example("seed1"), "attention")
    (section,) = drawn.sections
    sizes = {node.id: (100.0, 50.0) for node in section.nodes}
    with pytest.raises(LayoutError, match=r"longer than 0\.001 s"):
        graphviz_layout(section, sizes, time_limit_s=0.001)
    monkeypatch.setattr(layout.subprocess, "run", _too_slow)
    assert "GPU 0" in texts(parsed(svg_text(drawn)))


def _too_slow(*arguments: object, **more: object) -> None:
    raise subprocess.TimeoutExpired("layout", 5.0)


@pytest.mark.long
def test_the_whole_of_the_large_example_streams_to_disk() -> None:
    code = """
import resource as limits, sys, time, io
from moe_studio.engine.evaluation import evaluate
from moe_studio.view.view import view
from moe_studio.export.dot import write_dot
from moe_studio.export.svg import write_svg
from moe_studio.locator import resource
from moe_studio.storage.loader import load_project
found = evaluate(load_project(resource("examples", "seed3.moe.yaml")))
for write in (write_svg, write_dot):
    begun = time.process_time()
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        write(view(found, "full"), file)
    print(time.process_time() - begun, limits.getrusage(limits.RUSAGE_SELF).ru_maxrss / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code, "/dev/null"], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        seconds, megabyte = map(float, line.split())
        assert seconds < 15 and megabyte < 1000
