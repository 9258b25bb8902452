"""GPUs that the catalogue does not have: their datasheets, fits to them, and designs of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moe_studio import api
from moe_studio.calibration.fit import calibrate
from moe_studio.calibration.predict import predict_file
from moe_studio.calibration.provider import provide, provide_anyway
from moe_studio.calibration.store import (
    calibration_of,
    calibration_text,
    device_name,
    load_calibration,
    loader,
    read_calibration,
)
from moe_studio.engine.evaluation import evaluate
from moe_studio.engine.rule import problems
from moe_studio.errors import FileError, MoeStudioError
from moe_studio.kernel.device import device_facts
from moe_studio.kernel.gemm import gemm_us
from moe_studio.project.cluster import Cluster, Device, Node
from moe_studio.project.design import Cost, Parallel, Workload
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_device, load_model
from tests.unit.calibration.conftest import HEADER, KNOWN, gemm_rows

Write = Callable[[Sequence[str]], Path]

FIGURES = {
    "title": "Acme X900",
    "memory_gb": "96",
    "memory_tb_s": "2.6",
    "peak_tflops": "{bf16: 620, fp8: 1240}",
    "link_gb_s": "300",
    "sms": "112",
    "source": "invented",
}
X900 = Device(
    title="Acme X900",
    memory_gb=96,
    memory_tb_s=2.6,
    peak_tflops={"bf16": 620, "fp8": 1240},
    link_gb_s=300,
    sms=112,
    source="invented",
)
FACTS = device_facts("acme-x900", X900)
GEMM = [HEADER, *gemm_rows("Acme_X900", FACTS)]


def write_datasheet(folder: Path, name: str = "acme-x900", **figures: str) -> Path:
    """The datasheet of the X900 with other figures; an empty one is left out."""
    path = folder / f"{name}.yaml"
    found = FIGURES | figures
    path.write_text("".join(f"{key}: {value}\n" for key, value in found.items() if value), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibration of the X900, made from its datasheet and a table of GEMMs."""
    folder = tmp_path_factory.mktemp("fit")
    (folder / "gemm.csv").write_text("\n".join(GEMM) + "\n", encoding="utf-8")
    calibrate([folder / "gemm.csv"], folder / "fit.yaml", device=str(write_datasheet(folder)), date="2030-01-02")
    return folder / "fit.yaml"


def design(
    devices: Mapping[str, Device], *, name: str = "acme-x900", provider: str = "auto", calibration: Path | None = None
) -> Project:
    """Mixtral on a node of eight GPUs."""
    known = {} if name in devices else {name: load_device(name)}
    file = {"calibration": calibration.name, "calibration_path": str(calibration)} if calibration else {}
    return Project(
        model=load_model("mixtral-8x7b"),
        cluster=Cluster(nodes=(Node(name="node0", device=name),), devices=devices, catalogue=known),
        parallel=Parallel(ep=8),
        workload=Workload(phase="decode", batch=64, context=2048),
        cost=Cost(provider=provider, attention="fused", **file),
    )


def gemm_provenance(project: Project) -> str:
    """How the time of a matrix multiplication is known."""
    return provide(project).gemm_basis(64, 4096, 4096, "bf16").provenance


def cost_problems(project: Project) -> list[str]:
    return [found.message for found in problems(evaluate(project, provide_anyway)) if found.code == "costs"]


# The file


def test_a_fit_to_an_own_datasheet_finds_what_explains_the_times(fitted: Path) -> None:
    found = read_calibration(fitted)
    assert (found.facts, found.datasheet) == (FACTS, X900)
    kernel = found.fitted("gemm", "bf16")
    assert kernel.evidence.rows == len(GEMM) - 1
    assert kernel.expected_error(1024) < 0.035
    unseen = {"m": np.array([48.0, 700.0, 9000.0]), "k": np.array([3584.0] * 3), "n": np.array([9216.0] * 3)}
    ratio = gemm_us(kernel.parameters, FACTS, **unseen, dtype="bf16") / gemm_us(KNOWN, FACTS, **unseen, dtype="bf16")
    assert np.all(np.abs(ratio - 1) < 0.08)


def test_a_calibration_with_a_datasheet_is_the_text_of_what_it_holds(fitted: Path) -> None:
    text = fitted.read_text(encoding="utf-8")
    assert text.startswith("device: acme-x900\ndatasheet:\n  memory_gb: 96\n")
    assert calibration_text(read_calibration(fitted)) == text


def test_a_later_fit_knows_the_device_by_the_file_that_it_adds_to(fitted: Path, write: Write, tmp_path: Path) -> None:
    out = tmp_path / "fit.yaml"
    out.write_bytes(fitted.read_bytes())
    sizes = [(m, k) for m in (1, 64, 1024, 8192) for k in (64, 512, 1024, 2048, 4096, 7168, 8192, 16384, 32768, 65536)]
    rows = [f"scale,acme x900,fp8,{m},{k},{2 + m * k * 3 / 1.6e6:.4f},torch_ops" for m, k in sizes]
    calibrate([write(["op,gpu,dtype,m,k,time_us,kernel", *rows])], out)
    found = read_calibration(out)
    assert (found.datasheet, set(found.families)) == (X900, {"gemm", "elementwise"})


def test_a_file_cut_short_is_refused_or_holds_whole_kernels(fitted: Path, tmp_path: Path) -> None:
    data, path = fitted.read_bytes(), tmp_path / "cut.yaml"
    whole = read_calibration(fitted).fitted("gemm", "bf16")
    read = 0
    for size in range(0, len(data), 7):
        path.write_bytes(data[:size])
        try:
            found = read_calibration(path).fitted("gemm", "bf16")
        except FileError:
            continue
        read += 1
        bands = whole.evidence.held_out[: len(found.evidence.held_out)]
        assert found == replace(whole, evidence=replace(whole.evidence, held_out=bands))
    assert read < 0.02 * len(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("device: acme-x900\ngemm: {}\n", "device: is not a device of the catalogue, and has no datasheet"),
        ("device:\ndatasheet: {memory_gb: 96}\ngemm: {}\n", "device: is missing"),
        ("device: acme-x900\ndatasheet:\ngemm: {}\n", "line 2, column 11: datasheet.memory_gb: is missing"),
        ("device: acme-x900\ndatasheet: {memory_gb: -1}\n", r"line 2, column 24: datasheet.memory_gb: must be greater"),
        ("device: acme-x900\ndatasheet: 7\n", "datasheet: must be a mapping"),
        ("device: acme-x900\ndatasheet: {memory_gb: 9, memory_tb_s: 1, peak_tflops: {}}\n", "datasheet.peak_tflops: n"),
    ],
)
def test_a_wrong_datasheet_in_a_calibration_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "fit.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match=message):
        read_calibration(tmp_path / "fit.yaml")


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"sms": ""}, r"^acme-x900\.yaml: sms: is missing in the datasheet of acme-x900; kernels are fitted in waves"),
        ({"sms": "-3"}, r"line 6, column 6: sms: must be at least 0, not -3"),
        ({"memory_tb_s": "", "memory_gb": "-2"}, r"memory_tb_s: is missing.*memory_gb: must be greater than 0, not -2"),
        ({"peak_tflops": "{bf16: nan}"}, r"line 4, column 21: peak_tflops.bf16: must be"),
        ({"peak_tflops": "{bfloat: 3}"}, r"peak_tflops: 'bfloat' is not one of"),
        ({"sm": "3"}, r"sm: is not a known key; did you mean 'sms'\?"),
    ],
)
def test_a_datasheet_that_no_fit_can_rest_on_is_refused_with_the_place(
    write: Write, tmp_path: Path, figures: dict[str, str], message: str
) -> None:
    path = write_datasheet(tmp_path, **figures)
    with pytest.raises(FileError, match=message):
        calibrate([write(GEMM)], tmp_path / "fit.yaml", device=str(path))
    assert not (tmp_path / "fit.yaml").exists()


def test_times_of_links_need_the_link_of_the_datasheet(write: Write, tmp_path: Path) -> None:
    rows = [f"all_reduce,acme-x900,bfloat16,8,1,{2**power},{10 + 2**power / 2e5}" for power in range(10, 30)]
    table = write(["op,gpu,dtype,gpus,nodes,bytes,time_us", *rows, *rows, *rows])
    path = write_datasheet(tmp_path, link_gb_s="")
    with pytest.raises(FileError, match=r"acme-x900\.yaml: link_gb_s: is missing .* table\.csv has times of its links"):
        calibrate([table], device=str(path))
    assert "collective" in calibrate([table], device=str(write_datasheet(tmp_path))).calibration.families


def test_a_calibration_is_not_written_over_a_datasheet_or_what_is_of_another_device(
    fitted: Path, write: Write, tmp_path: Path
) -> None:
    table, sheet, out = write(GEMM), write_datasheet(tmp_path), tmp_path / "fit.yaml"
    before = sheet.read_bytes()
    with pytest.raises(MoeStudioError, match=r"acme-x900\.yaml is the datasheet itself"):
        calibrate([table], sheet, device=str(sheet))
    assert sheet.read_bytes() == before
    out.write_bytes(fitted.read_bytes())
    with pytest.raises(MoeStudioError, match=r"other figures of acme-x900; now memory_tb_s 3 ≠ 2\.6, sms 100 ≠ 112"):
        calibrate([table], out, device=str(write_datasheet(tmp_path, memory_tb_s="3", sms="100")))
    other = write([HEADER, *gemm_rows()])
    with pytest.raises(
        MoeStudioError, match=r"holds a calibration of acme-x900; write that of a100-80g-sxm to another"
    ):
        calibrate([other], out)
    assert out.read_bytes() == fitted.read_bytes()


def test_a_table_without_the_device_says_which_it_has(write: Write, tmp_path: Path) -> None:
    rows = [line.replace("Acme_X900", "Acme X901") for line in GEMM[:60]]
    with pytest.raises(
        MoeStudioError, match=r"no usable rows of acme-x900; they hold none\. .*no GPU 'Acme X901'; did"
    ):
        calibrate([write(rows)], device=str(write_datasheet(tmp_path)))


# Tables


@pytest.mark.parametrize("gpu", ["acme-x900", "ACME_X900", " Acme X900", "Acme-X900-SXM", "NVIDIA Acme X900"])
def test_an_own_device_is_found_in_tables_by_its_name_written_out(gpu: str) -> None:
    assert device_name(gpu, ["Acme-X900"]) == "Acme-X900"


def test_gpus_of_the_catalogue_stay_what_they_are_beside_an_own_one() -> None:
    assert device_name("H100-SXM", ["h100"]) == "h100-sxm"
    assert device_name("H100", ["h100"]) == "h100"
    with pytest.raises(MoeStudioError, match="no GPU 'Acme X900 Pro'"):
        device_name("Acme X900 Pro", ["acme-x900"])


def test_rows_of_an_own_device_are_predicted_by_its_fit(fitted: Path, write: Write, tmp_path: Path) -> None:
    out = tmp_path / "predicted.csv"
    report = predict_file(write(GEMM), out, load=loader(fitted))
    assert report.predicted == len(GEMM) - 1
    assert np.median(np.abs(report.ratio - 1)) < 0.03
    assert out.read_text(encoding="utf-8").splitlines()[1].endswith(",calibrated: gemm bf16")


def test_rows_of_an_own_device_are_predicted_by_its_datasheet_alone(write: Write, tmp_path: Path) -> None:
    out, sheet = tmp_path / "predicted.csv", write_datasheet(tmp_path)
    report = predict_file(write(GEMM[:50]), out, load=loader(None, sheet))
    assert report.predicted == 49
    assert "datasheet: gemm bf16 of h" in out.read_text(encoding="utf-8").splitlines()[1]


def test_models_served_by_an_own_device_are_put_together_from_its_kernels(fitted: Path, write: Write) -> None:
    header = "model_path,system,isl,osl,batch_size,tp_size,precision_filled"
    table = write([header, "meta-llama/Llama-3.1-8B-Instruct,Acme X900,512,128,8,1,bf16"])
    out = table.with_name("predicted.csv")
    assert predict_file(table, out, load=loader(fitted)).predicted == 1
    assert "calibrated: its kernels, " in out.read_text(encoding="utf-8")


def test_a_datasheet_and_a_calibration_that_disagree_are_not_mixed(fitted: Path, tmp_path: Path) -> None:
    loader(fitted, write_datasheet(tmp_path))
    with pytest.raises(MoeStudioError, match=r"give acme-x900 other figures: sms 100 ≠ 112"):
        loader(fitted, write_datasheet(tmp_path, sms="100"))


# Designs


def test_auto_is_calibrated_on_an_own_device_with_a_fit(fitted: Path) -> None:
    own = {"acme-x900": X900}
    assert gemm_provenance(design(own)) == "fixed"
    assert gemm_provenance(design(own, calibration=fitted)) == "calibrated"
    assert cost_problems(design(own, calibration=fitted)) == []
    seconds = provide(design(own, calibration=fitted)).get_time_s(64, 4096, 4096, count=1, dtype="bf16", device=X900)
    known = gemm_us(KNOWN, FACTS, m=np.array([64.0]), k=np.array([4096.0]), n=np.array([4096.0]), dtype="bf16")
    assert seconds == pytest.approx(float(known[0]) * 1e-6, rel=0.05)


def test_an_own_device_without_a_fit_is_carried_over_and_less_sure() -> None:
    project = design({"acme-x900": X900}, provider="calibrated")
    provider = provide(project)
    basis = provider.gemm_basis(64, 4096, 4096, "bf16")
    assert (basis.provenance, provider.notes) == ("datasheet", ())
    nearest = calibration_of("acme-x900", X900).fitted("gemm", "bf16")
    assert nearest.origin in ("h100-sxm", "h200-sxm")
    assert basis.error == pytest.approx(
        math.hypot(load_calibration(nearest.origin).fitted("gemm", "bf16").expected_error(64), 0.05)
    )


def test_what_a_datasheet_leaves_out_is_said() -> None:
    notes = provide(design({"acme-x900": replace(X900, sms=0, link_gb_s=0)}, provider="calibrated")).notes
    assert notes[0].startswith("The datasheet of acme-x900 has no sms; 83 are taken")
    assert notes[1].startswith("The datasheet of acme-x900 has no link_gb_s;")


def test_a_fit_to_other_figures_is_carried_over_and_a_problem(fitted: Path) -> None:
    faster = design({"acme-x900": replace(X900, memory_tb_s=3.0, sms=0)}, calibration=fitted)
    assert gemm_provenance(faster) == "datasheet"
    assert cost_problems(faster) == [
        "acme-x900 is not as fit.yaml was fitted to it: memory_tb_s 3 ≠ 2.6, sms – ≠ 112. "
        "Its numbers are carried over by both datasheets."
    ]
    larger = design({"acme-x900": replace(X900, memory_gb=192, title="X900 Max")}, calibration=fitted)
    assert gemm_provenance(larger) == "calibrated"
    assert cost_problems(larger) == []


def test_a_fit_to_another_device_is_a_problem(fitted: Path) -> None:
    own = {"Acme-X900": X900}
    unused = design(own, name="Acme-X900", calibration=fitted)
    assert gemm_provenance(unused) == "fixed"
    assert cost_problems(unused) == [
        "fit.yaml, fitted to acme-x900, is not used: auto is fixed, for there are no kernels of Acme-X900."
    ]
    carried = design(own, name="Acme-X900", provider="calibrated", calibration=fitted)
    assert gemm_provenance(carried) == "datasheet"
    assert cost_problems(carried) == [
        "fit.yaml was fitted to acme-x900, not to Acme-X900: its numbers serve only where others lack."
    ]
    assert cost_problems(design(own, name="Acme-X900", provider="fixed", calibration=fitted)) == []


def test_an_own_device_may_have_the_name_of_one_of_the_catalogue(write: Write, tmp_path: Path) -> None:
    out, own = tmp_path / "fit.yaml", {"h100-sxm": X900}
    table = write([line.replace("Acme_X900", "H100-SXM") for line in GEMM[::4]])
    calibrate([table], out, device=str(write_datasheet(tmp_path, "h100-sxm")))
    assert read_calibration(out).datasheet == X900
    assert loader(out)("H100-SXM").facts.sms == 112
    assert gemm_provenance(design(own, name="h100-sxm", calibration=out)) == "calibrated"
    without = provide(design(own, name="h100-sxm", provider="calibrated")).gemm_basis(64, 4096, 4096, "bf16")
    assert without.provenance == "datasheet"
    assert "of h100-sxm with other figures" in without.sentence
    catalogue = design({}, name="h100-sxm", calibration=out)
    assert gemm_provenance(catalogue) == "calibrated"
    assert "h100-sxm is not as fit.yaml was fitted to it: memory_tb_s 3.35 ≠ 2.6" in cost_problems(catalogue)[0]


# One kernel


def test_get_time_takes_the_device_of_a_calibration_or_of_a_datasheet(fitted: Path, tmp_path: Path) -> None:
    sheet = write_datasheet(tmp_path)
    found = api.get_time(64, 4096, 4096, calibration=fitted)
    assert (found.device, found.provenance, found.notes) == ("acme-x900", "calibrated", ())
    assert api.get_time(64, 4096, 4096, calibration=fitted, device="acme-x900") == found
    assert api.get_time(64, 4096, 4096, calibration=fitted, device=str(sheet)) == found
    assert api.get_time(64, 4096, 4096, device=str(sheet)).provenance == "fixed"
    assert api.get_time(64, 4096, 4096, device=str(sheet), provider="calibrated").provenance == "datasheet"
    assert api.get_time(64, 4096, 4096).device == "h100-sxm"
    (note,) = api.get_time(64, 4096, 4096, calibration=fitted, device="h100-sxm").notes
    assert "fitted to acme-x900, not to h100-sxm" in note
