"""Files dropped on the window, templates, and files that a project names when it is saved elsewhere."""

import json
from pathlib import Path

import pytest

from moe_studio.document.document import Document
from moe_studio.document.dropped import add_device, dropped, replace_model, use_calibration, use_loads, use_times
from moe_studio.document.template import (
    bring_back_template,
    from_template,
    remove_template,
    save_template,
    template_title,
    templates,
)
from moe_studio.engine.evaluation import evaluate
from moe_studio.errors import FileError, MoeStudioError, SaveError
from moe_studio.locator import resource
from moe_studio.project.edit import rename, set_value
from moe_studio.storage.loader import load_project

SHEET = "title: Acme X900\nmemory_gb: 96\nmemory_tb_s: 2.6\npeak_tflops: {bf16: 620}\nlink_gb_s: 300\nsms: 112\n"
EXAMPLE = resource("examples", "seed0-proposed.moe.yaml")
CONFIG = {
    "model_type": "mixtral",
    "architectures": ["MixtralForCausalLM"],
    "hidden_size": 1024,
    "intermediate_size": 2048,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "num_hidden_layers": 4,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "vocab_size": 32000,
    "torch_dtype": "bfloat16",
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(CONFIG))
    return path


@pytest.fixture
def loads(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "loads.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(",".join(str(expert + 1) for expert in range(16)) + "\n" for _ in range(4)))
    return path


def test_each_kind_of_file_is_known_by_its_content(config: Path, loads: Path, tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.json"
    recorded.write_text('{"logical_count": [[1, 2]]}')
    times = tmp_path / "times.csv"
    times.write_text(TIMES)
    sheet, broken = tmp_path / "acme.yaml", tmp_path / "broken.yaml"
    sheet.write_text(SHEET)
    broken.write_text("a: [")
    fitted = resource("calibration", "h100-sxm.yaml")
    assert [dropped(path).kind for path in (EXAMPLE, config, loads, recorded, times, fitted, sheet, broken)] == [
        "project", "model", "loads", "loads", "times", "calibration", "datasheet", "project",
    ]  # fmt: skip


def test_what_is_known_of_a_gpu_is_not_taken_for_a_broken_project(tmp_path: Path) -> None:
    sheet = tmp_path / "acme.yaml"
    sheet.write_text(SHEET)
    with pytest.raises(FileError, match=r"^acme\.yaml: is the datasheet of a GPU, not a project; .*cluster\.devices"):
        load_project(sheet)
    with pytest.raises(FileError, match=r"^h100-sxm\.yaml: is a calibration of a GPU, .*under cost\.calibration"):
        Document.load(resource("calibration", "h100-sxm.yaml"))


def test_a_dropped_calibration_prices_the_design_and_is_found_again_after_saving(tmp_path: Path) -> None:
    fitted = tmp_path / "in" / "mine.yaml"
    fitted.parent.mkdir()
    fitted.write_bytes(resource("calibration", "h100-sxm.yaml").read_bytes())
    document = Document(load_project(resource("examples", "real", "mixtral-8x7b-decode-h100.moe.yaml")))
    document.commit("Fixed", set_value("cost.provider", "fixed"))
    document.commit("Calibration", use_calibration(document, fitted))
    assert document.project.cost.provider == "auto"
    assert not document.evaluation.provider.faults
    (tmp_path / "out").mkdir()
    document.save_as(tmp_path / "out" / "design.moe.yaml")
    assert load_project(tmp_path / "out" / "design.moe.yaml").cost.calibration == "../in/mine.yaml"
    document.undo()
    assert document.project.cost.calibration == ""
    with pytest.raises(MoeStudioError, match=r"mine\.yaml was fitted to h100-sxm; the design has seed-64g\."):
        use_calibration(Document(load_project(EXAMPLE)), fitted)


def test_a_dropped_datasheet_is_a_gpu_that_nodes_can_have(tmp_path: Path) -> None:
    sheet = tmp_path / "acme.yaml"
    sheet.write_text(SHEET)
    document = Document(load_project(EXAMPLE))
    name, edit = add_device(sheet)
    document.commit("Datasheet", edit)
    assert document.project.cluster.devices["acme"].sms == 112
    document.commit("Device", set_value("cluster.nodes.0.device", name))
    document.save_as(tmp_path / "design.moe.yaml")
    assert load_project(tmp_path / "design.moe.yaml").cluster.device("acme").memory_gb == 96
    sheet.write_text("memory_gb: 96\nmemory_tb_s: fast\n")
    with pytest.raises(FileError, match="memory_tb_s"):
        add_device(sheet)


@pytest.mark.parametrize(("name", "text"), [("a.json", "{}"), ("a.json", "{"), ("a.png", ""), ("a.json", '"x"')])
def test_other_files_are_refused_with_a_sentence(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(FileError):
        dropped(path)


def test_a_dropped_configuration_replaces_the_model_in_one_undo_step(config: Path) -> None:
    document = Document.load(EXAMPLE)
    before = document.project
    document.commit("Model", replace_model(config))
    assert document.project.model.hidden == 1024
    assert document.project.parallel.ep == 8
    assert evaluate(document.project).metrics.latency_s > 0
    document.undo()
    assert document.project is before


TIMES = "gpu,dtype,m,k,n,time_us\nseed-64g,bfloat16,64,4096,4096,40\n"


def test_dropped_run_times_are_used_and_found_again_after_saving(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    times = tmp_path / "in" / "times.csv"
    times.write_text(TIMES)
    document = Document(load_project(EXAMPLE))
    document.commit("Times", use_times(document, times))
    assert document.evaluation.provider.notes[-1] == "times.csv: 1 measured row is used"
    (tmp_path / "out").mkdir()
    document.save_as(tmp_path / "out" / "design.moe.yaml")
    again = load_project(tmp_path / "out" / "design.moe.yaml")
    assert (again.cost.provider, again.cost.table) == ("table", "../in/times.csv")
    times.write_text(TIMES.replace("seed-64g", "H100-SXM"))
    with pytest.raises(MoeStudioError, match="no usable row of seed-64g"):
        use_times(document, times)


def test_dropped_loads_are_used_and_found_again_after_saving(loads: Path, tmp_path: Path) -> None:
    document = Document(load_project(EXAMPLE))
    document.commit("Loads", use_loads(document, loads))
    assert document.project.workload.routing.counts[0][15] == 16
    (tmp_path / "out").mkdir()
    document.save_as(tmp_path / "out" / "design.moe.yaml")
    again = load_project(tmp_path / "out" / "design.moe.yaml")
    assert again.workload.routing.file == "../in/loads.csv"
    assert again.workload.routing.counts == document.project.workload.routing.counts


def test_saving_elsewhere_keeps_comments_and_finds_the_files_that_the_project_names(
    config: Path, loads: Path, tmp_path: Path
) -> None:
    # Loads of the example's 16 experts do not fit this model's 8, so they are cut.
    loads.write_text("\n".join("1,2,3,4,5,6,7,8" for _ in range(4)))
    source = config.parent / "design.moe.yaml"
    source.write_text(
        "# mine\nformat: 1\nmodel: {hf_config: config.json}  # theirs\n"
        "cluster: {nodes: [{name: a, gpus: 8, device: h100-sxm}]}\nparallel: {ep: 8}\n"
        "workload: {batch: 64, routing: {kind: recorded, file: loads.csv}}\n"
    )
    document = Document.load(source)
    document.commit("Rename", rename("Elsewhere"))
    out = tmp_path / "out" / "deeper" / "design.moe.yaml"
    out.parent.mkdir(parents=True)
    document.save_as(out)
    assert not document.is_modified
    text = out.read_text()
    assert "# mine" in text
    assert "# theirs" in text
    again = load_project(out)
    assert again.model.hf_config == "../../in/config.json"
    assert again.model.layers == document.project.model.layers
    assert again.workload.routing.counts == document.project.workload.routing.counts
    document.undo()
    document.save()
    assert load_project(out).name == "Untitled"
    document.save_as(source.with_name("back.moe.yaml"))
    assert load_project(source.with_name("back.moe.yaml")).model.hf_config == "config.json"


def test_a_template_begins_a_new_design_and_needs_no_other_file(config: Path, tmp_path: Path) -> None:
    document = Document.load(EXAMPLE)
    document.commit("Model", replace_model(config))
    document.commit("Batch", set_value("workload.batch", 77))
    folder = tmp_path / "templates"
    path = save_template(folder, "Eight: experts", document.project)
    config.unlink()
    assert templates(folder) == (path,)
    assert template_title(path) == "Eight experts"
    made = from_template(path)
    assert made.path is None
    assert not made.is_modified
    assert made.project == rename("Eight experts")(document.project)
    kept = remove_template(path)
    assert templates(folder) == ()
    bring_back_template(path, kept)
    assert from_template(path).project == made.project
    with pytest.raises(MoeStudioError, match="Another template is called Eight experts"):
        bring_back_template(path, kept)


def test_recorded_loads_of_a_template_are_written_beside_the_first_file(loads: Path, tmp_path: Path) -> None:
    document = Document(load_project(EXAMPLE))
    document.commit("Loads", use_loads(document, loads))
    made = from_template(save_template(tmp_path / "templates", "Loads", document.project))
    loads.unlink()
    made.save_as(tmp_path / "design.moe.yaml")
    assert load_project(tmp_path / "design.moe.yaml").workload.routing.counts[0][15] == 16
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "loads.csv").write_text("1,2\n")
    another = from_template(templates(tmp_path / "templates")[0])
    with pytest.raises(SaveError, match="other counts"):
        another.save_as(tmp_path / "other" / "design.moe.yaml")


def test_a_template_without_a_name_or_content_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MoeStudioError, match="name"):
        save_template(tmp_path, "///", load_project(EXAMPLE))
    broken = tmp_path / "x.template.json"
    broken.write_text("[]")
    with pytest.raises(FileError):
        from_template(broken)
