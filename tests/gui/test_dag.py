"""Lanes, their picture and their edges, as arrays."""

from dataclasses import replace

import numpy as np
import pytest

from moe_studio.document.document import Document
from moe_studio.document.timeline import FAMILY_OF_OP
from moe_studio.engine.evaluation import Evaluation
from moe_studio.graph.edge import ORDER, data_edges
from moe_studio.gui.canvas.tile_paint import short_change
from moe_studio.gui.dag.frame import Room, framed
from moe_studio.gui.dag.lanes import _place_in_cell, lanes
from moe_studio.gui.dag.link import links_between, step_along
from moe_studio.gui.dag.margin import nice_step
from moe_studio.gui.dag.node_text import short
from moe_studio.gui.dag.raster import picture
from moe_studio.gui.widgets.camera import Camera
from moe_studio.locator import resource
from moe_studio.project.edit import move_expert
from moe_studio.storage.loader import load_project

NAMES = ["seed0-baseline", "seed0-proposed-dp", "seed1", "seed4-proposed"]


@pytest.fixture(scope="module", params=NAMES)
def evaluation(request: pytest.FixtureRequest) -> Evaluation:
    return Document(load_project(resource("examples", f"{request.param}.moe.yaml"))).evaluation


def overlaps(left: np.ndarray, right: np.ndarray, row: np.ndarray) -> int:
    """How many operators begin before the one before them in their row ends."""
    order = np.lexsort((right, left, row))
    same = row[order][1:] == row[order][:-1]
    slack = 1e-9 * right.max()
    return int((same & (left[order][1:] < right[order][:-1] - slack)).sum())


def test_no_operator_hides_another(evaluation: Evaluation) -> None:
    for columns in ("level", "time"):
        shown = lanes(evaluation, columns, "scheduled")
        assert overlaps(shown.left, shown.right, shown.row) == 0
        gpu = np.searchsorted(shown.lane_first, shown.row, side="right") - 1
        assert (gpu == evaluation.graph.gpu).all()


def test_every_edge_is_drawn_from_left_to_right(evaluation: Evaluation) -> None:
    shown = lanes(evaluation, "level", "scheduled")
    links = links_between(evaluation, np.arange(len(evaluation.graph)))
    data = links.kind != ORDER
    assert (shown.right[links.source[data]] <= shown.left[links.target[data]]).all()
    for inputs, members in links.meetings:
        assert shown.right[inputs].max() <= shown.left[members].min()


def test_the_edges_drawn_are_those_of_the_graph(evaluation: Evaluation) -> None:
    edges = data_edges(evaluation.graph)
    inner = (edges.source < edges.operators) & (edges.target < edges.operators)
    links = links_between(evaluation, np.arange(len(evaluation.graph)))
    data = links.kind != ORDER
    drawn = sorted(zip(links.source[data].tolist(), links.target[data].tolist(), strict=True))
    assert drawn == sorted(zip(edges.source[inner].tolist(), edges.target[inner].tolist(), strict=True))
    into = (edges.target >= edges.operators) & (edges.target < edges.input)
    assert sum(len(inputs) for inputs, _ in links.meetings) == int(into.sum())


def test_steps_along_edges_lead_there_and_back(evaluation: Evaluation) -> None:
    graph = evaluation.graph
    row = graph.row_of["l0_ln2_g0"]
    seen = [row]
    while (after := step_along(evaluation, seen[-1], forward=True)) != seen[-1]:
        seen.append(after)
    assert evaluation.graph.layer[seen[-1]] == evaluation.project.model.layer_count - 1
    assert step_along(evaluation, seen[-1], forward=False) != seen[-1]


def test_the_picture_shows_each_operator_in_its_colour() -> None:
    document = Document(load_project(resource("examples", "seed0-proposed-dp.moe.yaml")))
    document.preview(move_expert(5, 5, 13, layers=range(4)))
    shown = lanes(document.evaluation, "time", "scheduled")
    width, height = 1200, 16 * 2 * 10
    camera = Camera(x=0, y=0, scale_x=width / shown.span, scale_y=10)
    colors = np.arange(1, 7)
    pixels = colors[FAMILY_OF_OP[document.evaluation.graph.op]]
    image = picture(shown, camera, width, height, pixels=pixels, path_color=99, ground=0)
    wide = np.flatnonzero((shown.right - shown.left) * camera.scale_x > 6)
    x = (camera.scale_x * (shown.left + shown.right) / 2).astype(int)[wide]
    y = (shown.row[wide] * 10 + 3).astype(int)
    assert (image[y, x] == pixels[wide]).all()
    on_path = wide[shown.is_path[wide]]
    x = (camera.scale_x * (shown.left + shown.right) / 2).astype(int)[on_path]
    assert (image[shown.row[on_path] * 10 + 7, x] == 99).all()
    assert image[0, width - 1] in (0, *colors)


def test_a_picture_of_what_is_not_there_is_empty() -> None:
    shown = lanes(Document(load_project(resource("examples", "seed1.moe.yaml"))).evaluation, "time", "dependency")
    for camera in (
        Camera(x=shown.span * 2, y=0, scale_x=1000, scale_y=10),
        Camera(x=0, y=1e4, scale_x=1000, scale_y=10),
        Camera(x=-1e6, y=-1e4, scale_x=1e-3, scale_y=0.01),
    ):
        image = picture(shown, camera, 50, 40, pixels=np.ones(len(shown.row), int), path_color=99, ground=7)
        assert image.shape == (40, 50)
        assert (image == 7).all()


@pytest.mark.parametrize(
    ("value", "text"), [(16, "16"), (8192, "8192"), (640_000, "640k"), (10_000, "10k"), (32_768, "32768")]
)
def test_dimensions_are_short_and_exact(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(("least", "step"), [(0.3, 0.5), (1.0, 1.0), (1.2, 2.0), (7.0, 10.0), (3e-5, 5e-5)])
def test_axes_count_in_ones_twos_and_fives(least: float, step: float) -> None:
    assert nice_step(least) == pytest.approx(step)


@pytest.mark.parametrize(
    ("text", "short_text"), [("+43.7 %", "+44 %"), ("−1.2 %", "−1 %"), ("± 0 %", "± 0 %"), ("", "")]
)
def test_changes_seen_from_afar_are_rounded(text: str, short_text: str) -> None:
    assert short_change(text) == short_text


@pytest.mark.parametrize("factor", [0.1, 0.8, 1.25, 5.0])
def test_zooming_keeps_the_point_under_the_pointer(factor: float) -> None:
    room = Room(width=600, height=400, span=1000.0, rows=300)
    before = Camera(x=400.0, y=120.0, scale_x=6.0, scale_y=8.0)
    after = room.zoomed(before, factor, 250, 180)
    if factor > 0.5:
        assert after.from_x(250) == pytest.approx(before.from_x(250))
        assert after.from_y(180) == pytest.approx(before.from_y(180))
    assert after.scale_x * room.span >= 0.6 * room.width - 1e-9


def test_of_a_lane_that_is_higher_than_the_view_the_top_is_seen_and_a_look_into_it_stays() -> None:
    room = Room(width=600, height=400, span=1000.0, rows=300)
    camera = Camera(x=10, y=0, scale_x=100, scale_y=40)  # ten rows are seen
    assert room.revealing(camera, 10, 10, 100, 60) == (10, 100)
    assert room.revealing(replace(camera, y=130), 10, 10, 100, 60) == (10, 130)
    assert room.revealing(replace(camera, y=200), 10, 10, 100, 60) == (10, 100)
    assert room.revealing(camera, 10, 10, 100, 4) == (10, 97), "what fits is in the middle"


def test_the_camera_does_not_leave_what_there_is_to_see() -> None:
    room = Room(width=600, height=400, span=1000.0, rows=300)
    camera = Camera(x=0, y=0, scale_x=6.0, scale_y=8.0)
    for x, y in ((-1e9, -1e9), (1e9, 1e9), (500.0, 100.0)):
        kept = room.kept(camera, x, y)
        assert -10 <= kept.x <= 1000 - 100 + 10
        assert -1 <= kept.y <= 300 - 50 + 1


def test_what_is_framed_is_in_view(evaluation: Evaluation) -> None:
    shown = lanes(evaluation, "level", "scheduled")
    room = Room(width=600, height=400, span=shown.span, rows=shown.rows)
    for rows in (np.array([0]), np.array([0, len(shown.row) - 1]), shown.path):
        camera = framed(room, shown, rows)
        assert camera.x <= shown.left[rows].min()
        assert shown.right[rows].max() <= camera.from_x(600)
        assert camera.y <= shown.row[rows].min()
        assert shown.row[rows].max() + 1 <= camera.from_y(400)


def test_places_of_alike_layers_are_those_found_one_by_one(evaluation: Evaluation) -> None:
    shown, graph, level = lanes(evaluation, "level", "scheduled"), evaluation.graph, evaluation.level
    place = shown.row - shown.lane_first[graph.gpu]
    assert (place == _place_in_cell(graph.gpu * (int(level.max()) + 1) + level)).all()
