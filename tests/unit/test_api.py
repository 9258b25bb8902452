"""The Python API."""

import json
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

import moe_studio
from moe_studio.errors import FileError, MoeStudioError, ProjectError
from moe_studio.project.edit import move_expert
from moe_studio.storage.catalogue import cluster_names, example_path, model_names

SMALL = """# A note of the user's.
name: Small
model: {hidden: 64, ffn: {moe: {hidden: 64, experts: 4, top_k: 1}}, blocks: [{repeat: 2}]}
cluster: {nodes: [{name: n, gpus: 4, device: h100-sxm}]}
parallel: {ep: 4}   # one each
workload: {batch: 8, tokens: 16}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.moe.yaml"
    path.write_text(SMALL, "utf-8")
    return path


def test_a_design_is_opened_evaluated_and_reported(small: Path) -> None:
    design = moe_studio.open(small)
    result = design.evaluate()
    assert design.name == "Small"
    assert result.metrics.latency_s > 0
    assert result.is_valid()
    assert result.problems() == ()
    assert result.scheduled_path[0] == "l0_ln1_g0"
    assert result.report().startswith("# Small\n")
    assert result.summary()["project"] == "Small"
    assert json.loads(result.to_json()) == result.summary()
    assert "Get_Time" in result.symbolic
    assert result.path_text.startswith("input → ")


def test_the_graph_has_the_same_longest_path_for_networkx() -> None:
    result = moe_studio.example("seed1").evaluate()
    graph = result.to_networkx()
    assert nx.is_directed_acyclic_graph(graph)
    seconds = result.evaluation.dependency_path.seconds
    path = nx.dag_longest_path(graph, weight="weight")
    assert nx.path_weight(graph, path, "weight") == pytest.approx(seconds, rel=1e-9)


def test_an_edit_gives_another_design_and_leaves_the_first() -> None:
    design = moe_studio.example("seed0-proposed")
    other = design.set("parallel.attention", "data").edit(move_expert(0, 0, 1, layers=[0]))
    assert design.project.parallel.attention == "replicated"
    assert other.project.parallel.attention == "data"
    assert len(other.project.placement.moves) == 1


def test_a_setting_that_does_not_exist_or_contradicts_another_is_refused() -> None:
    design = moe_studio.example("seed1")
    with pytest.raises(ProjectError, match=r"no setting parallel\.speed"):
        design.set("parallel.speed", 3)
    with pytest.raises(ProjectError, match=r"tp"):
        design.set("parallel.tp", 3)


def test_saving_keeps_what_was_written_by_hand(small: Path, tmp_path: Path) -> None:
    changed = moe_studio.open(small).set("workload.batch", 16).save()
    assert "# A note of the user's." in small.read_text("utf-8")
    assert "batch: 16" in small.read_text("utf-8")
    assert changed.path == small
    again = moe_studio.open(small).save(tmp_path / "copy.moe.yaml")
    assert moe_studio.open(tmp_path / "copy.moe.yaml").project == again.project


def test_a_copy_elsewhere_keeps_comments_and_names_the_same_files(small: Path, tmp_path: Path) -> None:
    (tmp_path / "load.csv").write_text("3,1,1,1\n1,1,1,3\n", "utf-8")
    recorded = SMALL.replace("tokens: 16", "tokens: 16, routing: {kind: recorded, file: load.csv}")
    small.write_text(recorded, "utf-8")
    (tmp_path / "away").mkdir()
    design = moe_studio.open(small)
    saved = design.save(tmp_path / "away" / "copy.moe.yaml")
    design.evaluate().export(tmp_path / "away" / "export.moe.yaml")
    assert "# one each" in (tmp_path / "away" / "copy.moe.yaml").read_text("utf-8")
    for path in ("copy.moe.yaml", "export.moe.yaml"):
        assert moe_studio.open(tmp_path / "away" / path).project == saved.project
    assert saved.project.workload.routing.file == "../load.csv"


def test_a_design_without_a_file_must_be_given_one() -> None:
    with pytest.raises(MoeStudioError, match="no file yet"):
        moe_studio.example("seed1").save()


def test_exports_go_by_the_ending_of_the_file(small: Path, tmp_path: Path) -> None:
    result = moe_studio.open(small).evaluate()
    for name in ("a.svg", "a.dot", "a.json", "a.csv", "a.graphml", "a.trace.json", "a.yaml"):
        result.export(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 100
    assert moe_studio.open(tmp_path / "a.yaml").project == result.design.project
    assert result.svg("attention", layer=1, gpu=2).count("<svg") == 1
    with pytest.raises(MoeStudioError, match=r"known suffix; .*\.svg.*\.png.*\.yaml"):
        result.export(tmp_path / "a.xyz")
    with pytest.raises(MoeStudioError, match="command line"):
        result.export(tmp_path / "a.png")


def test_a_report_is_saved_in_the_format_of_its_ending(small: Path, tmp_path: Path) -> None:
    result = moe_studio.open(small).evaluate()
    text = result.report(tmp_path / "a.html", reference=moe_studio.example("seed1").evaluate())
    assert text.startswith("<!DOCTYPE html>")
    assert (tmp_path / "a.html").read_text("utf-8") == text
    with pytest.raises(MoeStudioError, match=r"ends in \.md or \.html"):
        result.report(tmp_path / "a.pdf")


def test_two_designs_are_compared() -> None:
    compared = moe_studio.compare(moe_studio.example("seed0-baseline"), moe_studio.example("seed0-proposed").evaluate())
    assert "2.93 times slower" in compared.headline
    assert any("replicated" in reason for reason in compared.reasons)
    assert compared.summary()["headline"] == compared.headline
    assert compared.headline in compared.report()


def test_get_time_is_arithmetic_that_anyone_can_check() -> None:
    found = moe_studio.get_time(640000, 8192, 32768, dtype="fp16", device="seed-64g")
    assert (found.bound, found.provenance, found.error) == ("compute", "fixed", None)
    assert found.seconds == pytest.approx(2 * 640000 * 8192 * 32768 / (400e12 * 0.6))
    moved = moe_studio.get_time(1, 4096, 4096, count=3, dtype="fp16", device="seed-64g", launch_us=2)
    assert moved.seconds == pytest.approx(3 * (4096 + 4096 * 4096 + 4096) * 2 / (1.8e12 * 0.8) + 2e-6)


def test_get_time_on_a_measured_device_is_calibrated_and_says_how_sure_it_is() -> None:
    found = moe_studio.get_time(4096, 7168, 2048, device="h100-sxm", provider="calibrated")
    assert found.provenance == "calibrated"
    assert found.error is not None
    assert 0 < found.error < 0.3
    assert 2 * 4096 * 7168 * 2048 / found.seconds < 989.5e12


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"m": 0}, "from 1 to 10"),
        ({"m": 10**16}, "from 1 to 10"),
        ({"dtype": "fp7"}, "data type"),
        ({"device": "tpu"}, "device"),
        ({"compute": 2}, "compute"),
    ],
)
def test_get_time_refuses_what_makes_no_sense(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(MoeStudioError, match=message):
        moe_studio.get_time(**{"m": 1, "k": 1, "n": 1, **wrong})


@pytest.mark.parametrize("model", model_names())
def test_a_new_design_of_every_model_of_the_catalogue_evaluates(model: str, tmp_path: Path) -> None:
    design = moe_studio.new(model, cluster="dgx-h100-4")
    assert design.evaluate().metrics.tokens_per_s > 0
    design.save(tmp_path / "new.moe.yaml")
    assert moe_studio.open(tmp_path / "new.moe.yaml").project == design.project


@pytest.mark.parametrize("cluster", cluster_names())
@pytest.mark.parametrize("phase", ["decode", "prefill", "forward"])
def test_a_new_design_on_every_cluster_evaluates(cluster: str, phase: str) -> None:
    design = moe_studio.new("mixtral-8x7b", cluster=cluster, phase=phase)
    assert design.evaluate().metrics.tokens_per_s > 0
    assert design.project.parallel.ep == (8 if design.project.cluster.gpu_count % 8 == 0 else 1)


def test_a_new_design_takes_the_smallest_cluster_that_it_fits_into() -> None:
    assert moe_studio.new("qwen3-8b").project.cluster.preset == "dgx-h100"
    assert moe_studio.new("deepseek-v3").project.cluster.preset == "dgx-h100-4"


def test_a_new_design_of_a_model_without_experts_is_split_over_as_few_gpus_as_it_fits_into() -> None:
    assert moe_studio.new("llama-3.1-8b", cluster="dgx-h100").project.parallel.tp == 1
    design = moe_studio.new("llama-3.1-70b", cluster="dgx-h100")
    tp = design.project.parallel.tp
    assert design.evaluate().memory.fits
    assert not design.set("parallel.tp", tp // 2).evaluate().memory.fits
    assert moe_studio.new("llama-3.1-70b").project.cluster.preset == "dgx-h100"


def test_a_new_design_has_one_model(tmp_path: Path) -> None:
    with pytest.raises(MoeStudioError, match="one model"):
        moe_studio.new("dbrx", hf_config=tmp_path / "config.json")
    with pytest.raises(MoeStudioError, match="no model"):
        moe_studio.new("nothing")


def test_a_faulty_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "bad.moe.yaml"
    path.write_text("format: 1\nmodel: {preset: dbrx}\nparalel: {}\n", "utf-8")
    with pytest.raises(FileError, match=r"line 3, column 1: paralel: is not a known key; did you mean 'parallel'"):
        moe_studio.open(path)


def test_examples_are_there() -> None:
    assert "seed0-proposed" in moe_studio.examples()
    assert moe_studio.example("seed3").name == moe_studio.open(example_path("seed3")).name


def test_importing_the_package_imports_none_of_it() -> None:
    code = (
        "import sys, moe_studio; moe_studio.__version__; before = 'numpy' in sys.modules; moe_studio.open;"
        "print(before, 'numpy' in sys.modules, hasattr(moe_studio, 'nothing'), 'open' in dir(moe_studio))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False", "True"]
