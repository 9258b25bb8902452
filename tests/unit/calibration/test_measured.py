"""A user's own measured run times as a provider."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from moe_studio.calibration.measured import read_measured
from moe_studio.calibration.predict import predict_file
from moe_studio.calibration.provider import provide, provide_anyway
from moe_studio.calibration.store import load_calibration
from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.engine.evidence import PROVENANCES
from moe_studio.errors import FileError, MoeStudioError, ProjectError
from moe_studio.kernel.device import FloatArray
from moe_studio.kernel.gemm import gemm_us
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Cost, Workload
from moe_studio.project.model import FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_device
from moe_studio.storage.loader import parse_project
from moe_studio.storage.snapshot import project_of, snapshot
from moe_studio.storage.writer import project_text, relocated

Write = Callable[[Sequence[str]], Path]
HEADER = "gpu,dtype,m,k,n,time_us"
SIZES = (512, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
ROWS = (16, 64, 256, 1024, 4096)


def modelled_us(m: ArrayLike, k: ArrayLike, n: ArrayLike) -> FloatArray:
    """What the shipped calibration says of GEMMs on the H100."""
    known = load_calibration("h100-sxm")
    sizes = {name: np.atleast_1d(np.asarray(value, float)) for name, value in (("m", m), ("k", k), ("n", n))}
    return gemm_us(known.fitted("gemm", "bf16").parameters, known.facts, **sizes, dtype="bf16")


def lines(factor: float | FloatArray = 1.25, gpu: str = "H100-SXM") -> list[str]:
    """A table of every weight of `SIZES`, on a GPU that takes ``factor`` times as long as the calibrated one.

    ``factor`` may be one for each weight.
    """
    k, n, m = (grid.reshape(-1, len(ROWS)) for grid in np.meshgrid(SIZES, SIZES, ROWS, indexing="ij"))
    time = np.broadcast_to(np.reshape(factor, (-1, 1)), k.shape) * modelled_us(m.ravel(), k.ravel(), n.ravel()).reshape(
        k.shape
    )
    rows = zip(*(grid.ravel().tolist() for grid in (m, k, n, time)), strict=True)
    return [f"{gpu},bfloat16,{a},{b},{c},{t:.6g}" for a, b, c, t in rows]


def project(path: Path, *, hidden: int = 2048, rows: int = 64) -> Project:
    """One dense layer on one H100."""
    device = load_device("h100-sxm")
    return Project(
        model=Model(hidden=hidden, dtype="bf16", ffn={"moe": FeedForward(kind="gelu", hidden=4 * hidden)}),
        cluster=Cluster(nodes=(Node(name="a", gpus=1, device="h100-sxm"),), catalogue={"h100-sxm": device}),
        workload=Workload(batch=1, tokens=rows),
        cost=Cost(provider="table", attention="fused", table=path.name, table_path=str(path)),
    )


def provenances(evaluation: Evaluation) -> dict[str, str]:
    """How the time of each kind of operator was got."""
    graph = evaluation.graph
    return {graph.kind_name(row): PROVENANCES[code] for row, code in enumerate(evaluation.evidence.provenance)}


def test_inside_the_measured_range_times_are_those_measured(write: Write) -> None:
    measured = evaluate(project(write([HEADER, *lines()])), provide)
    modelled = evaluate(replace(measured.project, cost=Cost(provider="calibrated", attention="fused")), provide)
    found = provenances(measured)
    assert (found["ffn_up"], found["ffn_down"], found["ln1"]) == ("measured", "measured", "datasheet")
    is_measured = np.array([found[measured.graph.kind_name(row)] == "measured" for row in range(len(measured.graph))])
    assert measured.duration_s[is_measured] == pytest.approx(1.25 * modelled.duration_s[is_measured], rel=0.02)
    assert measured.duration_s[~is_measured] == pytest.approx(modelled.duration_s[~is_measured])
    assert np.isfinite(measured.evidence.error[is_measured]).all()


def test_outside_the_measured_range_kernel_models_stand(write: Write) -> None:
    table = write([HEADER, *lines()])
    assert provenances(evaluate(project(table, rows=8), provide))["ffn_up"] == "calibrated"
    assert provenances(evaluate(project(table, hidden=16384), provide))["ffn_up"] == "calibrated"
    assert provenances(evaluate(project(table, hidden=2000), provide))["ffn_up"] == "measured"


def test_few_shapes_say_nothing_of_others(write: Write) -> None:
    table = write([HEADER, *(row for row in lines() if row.split(",")[3:5] in (["2048", "8192"], ["512", "512"]))])
    assert provenances(evaluate(project(table), provide))["ffn_up"] == "measured"
    assert provenances(evaluate(project(table, hidden=1024), provide))["ffn_up"] == "calibrated"


def test_a_table_that_scatters_between_shapes_is_used_for_its_own_shapes_only(write: Write) -> None:
    table = write([HEADER, *lines(np.random.default_rng(0).lognormal(0, 0.5, len(SIZES) ** 2))])
    assert provenances(evaluate(project(table), provide))["ffn_up"] == "measured"
    assert provenances(evaluate(project(table, hidden=1000), provide))["ffn_up"] == "calibrated"


def test_an_own_device_is_measured_by_its_own_name(write: Write) -> None:
    own = Device(memory_gb=80, memory_tb_s=3.35, peak_tflops={"bf16": 989}, sms=132)
    base = project(write([HEADER, *lines(gpu="My-GPU")]))
    cluster = Cluster(nodes=(Node(name="a", gpus=1, device="my-gpu"),), devices={"my-gpu": own})
    assert provenances(evaluate(replace(base, cluster=cluster), provide))["ffn_up"] == "measured"
    with pytest.raises(ProjectError, match=r"cost\.table: table\.csv has no usable row of h100-sxm; .* of My-GPU"):
        provide(base)


def test_unusable_rows_are_counted_with_their_lines(write: Write) -> None:
    bad = ["H100-SXM,bfloat16,0,512,512,9", "H100-SXM,bfloat16,4096,8192,8192,0.4", "H100-SXM,bfloat16,64,512,fast,9"]
    provider = provide(project(write([HEADER, *bad, *lines()])))
    assert [note.removeprefix("table.csv: ") for note in provider.notes] == [
        "320 measured rows are used",
        "1 row set aside: m is zero or negative (line 2)",
        "1 row set aside: n is not a finite number (line 4)",
        "1 row set aside: time_us is less than the datasheet of h100-sxm allows; it looks like milliseconds, and must "
        "be in microseconds (line 3)",
    ]


@pytest.mark.parametrize(
    ("scale", "word", "unit"),
    [(1e-6, "faster", "seconds"), (1e-3, "faster", "milliseconds"), (1e3, "slower", "nanoseconds")],
)
def test_a_table_in_another_unit_is_refused_with_a_line_and_the_unit(
    write: Write, tmp_path: Path, scale: float, word: str, unit: str
) -> None:
    other = [f"{row.rpartition(',')[0]},{float(row.rpartition(',')[2]) * scale:.9f}" for row in lines(1.0)]
    times, path = f"{max(scale, 1 / scale):,.0f}", write([HEADER, *other])
    said = (
        rf"half of the gemm rows of h100-sxm are more than {times} times {word} than such kernels can be expected to be"
    )
    said += (
        rf", as in line 2: time_us is [\d.e-]+ where about [\d.]+ is expected; time_us looks like {unit}, and must be"
    )
    with pytest.raises(ProjectError, match=said):
        provide(project(path))
    report = predict_file(path, tmp_path / "out.csv", opinion=read_measured(path))
    assert report.predicted == 0
    assert f"time_us looks like {unit}, and must be in microseconds" in report.aside.sentences()[0]


def test_single_rows_in_another_unit_are_set_aside_and_change_nothing(write: Write) -> None:
    sound = provide(project(write([HEADER, *lines()])))
    odd = [f"{row.rpartition(',')[0]},{float(row.rpartition(',')[2]) * 1000:.6f}" for row in lines()[:3]]
    provider = provide(project(write([HEADER, *lines(), *odd])))
    assert provider.notes[0] == sound.notes[0]
    assert "3 rows set aside: time_us is more than 200 times off half of the others" in provider.notes[1]
    found, expected = (evaluate(project(write([HEADER, *rows])), provide) for rows in ([*lines(), *odd], lines()))
    assert found.metrics == expected.metrics


def test_a_project_without_its_table_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"cost\.table: .*needs a CSV file"):
        provide(replace(project(tmp_path / "x.csv"), cost=Cost(provider="table")))
    with pytest.raises(ProjectError, match=r"cost\.table: x\.csv cannot be read"):
        provide(project(tmp_path / "x.csv"))
    with pytest.raises(MoeStudioError, match="no column time_us"):
        (tmp_path / "x.csv").write_text("gpu,dtype,m,k,n\nH100-SXM,bfloat16,1,2,3\n", encoding="utf-8")
        read_measured(tmp_path / "x.csv")


def test_a_window_shows_a_design_whose_table_is_gone(write: Write) -> None:
    table = write([HEADER, *lines()])
    shown = project(table)
    table.unlink()
    found = evaluate(shown, provide_anyway)
    assert found.metrics == evaluate(replace(shown, cost=Cost(attention="fused")), provide).metrics
    assert "table.csv cannot be read" in found.provider.faults[0]


def test_a_file_is_read_anew_when_it_has_changed(write: Write) -> None:
    path = write([HEADER, *lines()])
    assert read_measured(path) is read_measured(path)
    before = evaluate(project(path), provide).metrics.latency_s
    write([HEADER, *lines(2.0)])
    assert evaluate(project(path), provide).metrics.latency_s > 1.3 * before


FILE = """
name: Own costs
model: {hidden: 2048, ffn: {moe: {kind: gelu, hidden: 8192}}}
cluster: {nodes: [{gpus: 1}]}
cost: {provider: table, table: table.csv}   # ours
"""


def test_the_project_names_its_table_relative_to_itself(write: Write, tmp_path: Path) -> None:
    path = write([HEADER, *lines()])
    found = parse_project(FILE, folder=tmp_path)
    assert found.cost.table_path == str(path.resolve())
    (tmp_path / "deeper").mkdir()
    moved = relocated(found, tmp_path, tmp_path / "deeper")
    assert moved.cost.table == "../table.csv"
    assert parse_project(project_text(moved), folder=tmp_path / "deeper") == moved


@pytest.mark.parametrize("name", ["missing.csv", "/etc/hostname", "C:/x.csv", "https://example.org/x.csv", "."])
def test_a_table_that_is_not_there_or_not_beside_the_project_is_refused_with_its_place(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(FileError, match=r"line 5, column \d+: cost\.table: "):
        parse_project(FILE.replace("table.csv", name), folder=tmp_path)


def test_a_recovered_design_keeps_its_table_unless_that_is_gone(write: Write, tmp_path: Path) -> None:
    path = write([HEADER, *lines()])
    found = parse_project(FILE, folder=tmp_path)
    kept = snapshot(found)
    assert project_of(kept) == found
    path.unlink()
    assert project_of(kept).cost == Cost()


def test_a_table_corrects_predictions_of_other_tables(write: Write, tmp_path: Path) -> None:
    measured = read_measured(write([HEADER, *lines()]))
    asked = tmp_path / "asked.csv"
    asked.write_text("gpu,dtype,m,k,n\nH100-SXM,bfloat16,100,1000,2000\nH100-SXM,bfloat16,100,20000,2000\n", "utf-8")
    predict_file(asked, tmp_path / "out.csv", opinion=measured)
    inside, outside = (tmp_path / "out.csv").read_text("utf-8").splitlines()[1:]
    assert inside.endswith("measured: gemm bf16")
    assert float(inside.split(",")[5]) == pytest.approx(1.25 * modelled_us(100, 1000, 2000)[0], rel=0.02)
    assert outside.endswith("calibrated: gemm bf16")
    assert float(outside.split(",")[5]) == pytest.approx(modelled_us(100, 20000, 2000)[0], rel=1e-4)
