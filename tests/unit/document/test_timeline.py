"""The schedule as tracks."""

import numpy as np
import pytest

from moe_studio.document.selection import NOTHING, Selection, operator_selection
from moe_studio.document.timeline import Timeline, operator_sentence, operator_text, timeline, waits
from moe_studio.engine.evaluation import evaluate
from moe_studio.project.edit import replicate_expert, set_value
from moe_studio.project.project import Project


@pytest.fixture(scope="module")
def shown(small: Project) -> Timeline:
    return timeline(evaluate(small))


@pytest.fixture(scope="module")
def interleaved(small: Project) -> Timeline:
    project = set_value("workload.micro_batches", 4)(small)
    return timeline(evaluate(set_value("workload.order", "interleaved")(project)))


def _tracks(shown: Timeline) -> list[slice]:
    return [slice(int(a), int(b)) for a, b in zip(shown.first[:-1], shown.first[1:], strict=True)]


def test_every_operator_stands_once_on_the_track_of_its_stream(shown: Timeline) -> None:
    evaluation = shown.evaluation
    assert sorted(shown.row.tolist()) == list(range(len(evaluation.graph)))
    for track, own in enumerate(_tracks(shown)):
        rows = shown.row[own]
        assert set(evaluation.graph.gpu[rows].tolist()) <= {track // 2}
        assert set(evaluation.is_comm[rows].tolist()) <= {bool(track % 2)}
    np.testing.assert_array_equal(shown.row[shown.place], np.arange(len(evaluation.graph)))


@pytest.mark.parametrize("name", ["shown", "interleaved"])
def test_a_track_is_in_the_order_in_which_it_runs_and_never_runs_two_at_once(
    name: str, request: pytest.FixtureRequest
) -> None:
    lanes: Timeline = request.getfixturevalue(name)
    for own in _tracks(lanes):
        assert (np.diff(lanes.start[own]) >= 0).all()
        assert (lanes.start[own][1:] >= lanes.finish[own][:-1] - 1e-12 * lanes.span).all()


def test_without_overlap_a_gpu_has_one_track(small: Project) -> None:
    shown = timeline(evaluate(set_value("cost.overlap", False)(small)))
    assert shown.tracks == small.cluster.gpu_count
    assert shown.stream_of(3) == "all operators"


def test_a_moment_leads_to_the_operator_that_runs_then(shown: Timeline) -> None:
    for place in (0, 5, int(shown.first[4]) + 2):
        middle = float(shown.start[place] + shown.finish[place]) / 2
        assert shown.at(int(shown.track[place]), middle) == place
    assert shown.at(0, shown.span * 2) == -1
    last = int(shown.first[1]) - 1
    assert shown.at(0, shown.span * 2, within=shown.span * 2) == last


def test_neighbours_are_on_the_same_track_and_the_ends_have_none(shown: Timeline) -> None:
    first, last = int(shown.first[2]), int(shown.first[3]) - 1
    assert shown.beside(first, 1) == first + 1
    assert (shown.beside(first, -1), shown.beside(last, 1)) == (first, last)


def test_going_across_keeps_the_time_and_skips_empty_tracks(shown: Timeline) -> None:
    place = int(shown.first[0]) + 4
    below = shown.across(place, 1)
    assert shown.track[below] > shown.track[place]
    assert shown.across(int(shown.first[0]), -1) == int(shown.first[0])


def test_waits_and_work_fill_a_track(shown: Timeline) -> None:
    for track in range(0, shown.tracks, 2):
        gaps = waits(shown, track, 0.0, shown.span, 0.0)
        busy = float((shown.finish - shown.start)[_tracks(shown)[track]].sum())
        assert float((gaps[:, 1] - gaps[:, 0]).sum()) + busy == pytest.approx(shown.span)
    longest = waits(shown, 0, 0.0, shown.span, shown.span / 4)
    assert (longest[:, 1] - longest[:, 0] >= shown.span / 4).all()


def test_a_selection_stands_for_its_operators(shown: Timeline) -> None:
    graph = shown.evaluation.graph
    row = int(np.flatnonzero(graph.expert == 2)[0])
    assert shown.row[shown.matching(operator_selection(graph, row))].tolist() == [row]
    layer = shown.row[shown.matching(Selection(kind="layer", layer=1))]
    assert sorted(layer.tolist()) == np.flatnonzero(graph.layer == 1).tolist()
    both = shown.row[shown.matching(Selection(kind="expert", expert=2, layer=1))]
    assert len(both)
    assert set(graph.layer[both].tolist()) == {1}
    assert not len(shown.matching(NOTHING))


def test_a_copy_of_an_expert_is_that_copy_alone_and_where_there_is_none_the_expert(small: Project) -> None:
    layers = [number for number, layer in enumerate(small.model.layers) if layer.ffn.is_moe]
    shown = timeline(evaluate(replicate_expert(2, 0, layers=layers)(small)))
    graph = shown.evaluation.graph
    homes = set(graph.gpu[graph.expert == 2].tolist())
    assert len(homes) > 1
    for gpu in range(small.cluster.gpu_count):
        rows = shown.row[shown.matching(Selection(kind="expert", expert=2, gpu=gpu))]
        assert set(graph.expert[rows].tolist()) == {2}
        assert set(graph.gpu[rows].tolist()) == ({gpu} if gpu in homes else homes)


def test_an_operator_is_read_in_one_line(small: Project) -> None:
    shown = timeline(evaluate(set_value("workload.routing.kind", "zipf")(small)))
    evaluation = shown.evaluation
    place = int(shown.path[0])
    text = operator_sentence(shown, place)
    assert text.startswith(evaluation.graph.name(int(shown.row[place])))
    assert text.endswith("on the longest path")
    spare = int(shown.place[evaluation.slack_s.argmax()])
    assert "· slack " in operator_sentence(shown, spare)
    expert = int(shown.place[np.flatnonzero(evaluation.graph.expert == 3)[0]])
    assert operator_text(shown, expert).startswith("E3 ")
