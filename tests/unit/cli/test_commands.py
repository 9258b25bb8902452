"""What single commands print and write."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from moe_studio.__main__ import main
from moe_studio.calibration import plugin
from moe_studio.cli import console
from moe_studio.engine.rule import RULES
from moe_studio.locator import resource
from moe_studio.storage.catalogue import example_names, example_path
from moe_studio.storage.loader import load_project

Capture = pytest.CaptureFixture[str]
HF = Path(__file__).resolve().parents[2] / "data" / "hf"


def seed(name: str) -> str:
    return str(example_path(name))


# evaluate and validate


def test_evaluate_prints_one_object_that_its_schema_describes(capsys: Capture) -> None:
    assert main(["evaluate", seed("seed0-proposed"), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert main(["schema", "--result"]) == 0
    jsonschema.validate(result, json.loads(capsys.readouterr().out))
    assert result["metrics"]["tokens_per_s"] == pytest.approx(48819.8, rel=1e-6)


def test_evaluate_prints_plain_text_where_nobody_reads_along(capsys: Capture) -> None:
    main(["evaluate", seed("seed0-proposed")])
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "It does not fit: GPU 0 needs 8.41 TB of 64.0 GB" in text
    assert "Longest path: input → l0_ln1_g0 → " in text
    assert "Run time: 4 × [4 × Get_Time(10240000, 8192, 8192) [q, k, v, o]" in text
    assert "450,000 tokens/s" in text


def test_evaluate_counts_the_operators_that_take_no_time_too(capsys: Capture) -> None:
    main(["evaluate", str(resource("examples", "real", "mixtral-8x7b-decode-h100.moe.yaml"))])
    lines = capsys.readouterr().out.splitlines()
    [times] = [line for line in lines if line.startswith("Times of operators: ")]
    [operators] = [line.split()[1] for line in lines if line.startswith("operators")]
    assert times.endswith(" take none")
    counts = [int(word.replace(",", "")) for word in times.split() if word[0].isdigit()]
    assert sum(counts) == int(operators.replace(",", ""))
    assert len(counts) == 3, "calibrated, datasheet, none"


def test_one_figure_is_not_called_figures(capsys: Capture) -> None:
    main(["accuracy", str(resource("examples", "real", "deepseek-v3-decode-h100.moe.yaml"))])
    assert "Median error of 1 figure: " in capsys.readouterr().out


def test_tables_are_drawn_on_a_terminal(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "is_terminal", lambda: True)
    console.show_table(("name", "value"), [("[bold]x[/bold]\x1b[31m", "1")], title="Title")
    text = capsys.readouterr().out
    assert "─" in text
    assert "[bold]x[/bold]" in text
    assert "\x1b[31m" not in text


def test_validate_lists_the_rules_and_the_problems(capsys: Capture) -> None:
    assert main(["validate", seed("seed0-proposed"), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["valid"] is False
    assert [rule["code"] for rule in result["rules"]] == [rule.code for rule in RULES]
    assert [problem["code"] for problem in result["problems"]] == ["memory", "replicated-work"]
    main(["validate", seed("seed0-proposed")])
    assert f"{len(RULES)} rules checked: 1 error, 1 warning." in capsys.readouterr().out


# check and schema


def test_check_prints_every_fault_on_its_line_with_line_and_column(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "bad.moe.yaml"
    path.write_text("model: {preset: dbrx}\nparallel: {tp: 0, attenton: 1}\nworkload: {phase: rest}\n", "utf-8")
    assert main(["check", str(path), seed("seed1")]) == 2
    written = capsys.readouterr()
    lines = written.out.splitlines()
    assert sorted(line.removeprefix(str(path)).split(" ")[0] for line in lines) == [":2:16:", ":2:19:", ":3:19:"]
    assert any("parallel.attenton: is not a known key; did you mean 'attention'?" in line for line in lines)
    assert written.err == "moe-studio: check: 3 faults found.\n"


def test_check_is_content_with_every_example(capsys: Capture) -> None:
    assert main(["check", *map(seed, example_names())]) == 0
    assert capsys.readouterr().out == "No faults.\n"


def test_schema_prints_the_published_schema(capsys: Capture) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == resource("schema", "project-1.schema.json").read_text("utf-8")


# compare and report


def test_compare_says_slower_with_the_reason(capsys: Capture) -> None:
    assert main(["compare", seed("seed0-baseline"), seed("seed0-proposed")]) == 1
    text = capsys.readouterr().out
    assert text.startswith("Seed 0 proposed, EP16 is 2.93 times slower than Seed 0 baseline, TP8 PP2")
    assert "Attention is replicated, so each of the 16 attention groups computes all 10,240,000 tokens" in text
    assert main(["compare", seed("seed0-baseline"), seed("seed0-proposed"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["tokens_per_s_ratio"] == pytest.approx(0.340885, rel=1e-5)


@pytest.mark.parametrize("name", ["a.md", "a.html"])
def test_compare_and_report_write_documents(name: str, tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / name
    assert main(["compare", seed("seed2-baseline"), seed("seed2-proposed"), "-o", str(target)]) == 1
    assert "2.36 times faster" in target.read_text("utf-8")
    assert main(["report", seed("seed1"), "--reference", seed("seed1"), "-o", str(target)]) == 1
    assert "as fast as" in target.read_text("utf-8")
    assert capsys.readouterr().out == ""


def test_report_prints_markdown_without_a_file(capsys: Capture) -> None:
    assert main(["report", seed("seed1")]) == 1
    assert capsys.readouterr().out.startswith("# Seed 1, TP8 PP2, two GPUs per expert\n")


# export


@pytest.mark.parametrize("name", ["a.svg", "a.dot", "a.json", "a.csv", "a.graphml", "a.trace.json", "a.yaml"])
def test_export_goes_by_the_ending(name: str, tmp_path: Path) -> None:
    assert main(["export", seed("seed1"), "-o", str(tmp_path / name)]) == 1
    assert (tmp_path / name).stat().st_size > 300


def test_export_draws_the_layer_and_gpu_that_are_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "a.svg"
    main(["export", seed("seed1"), "-o", str(target), "--view", "attention", "--layer", "2", "--gpu", "11"])
    text = target.read_text("utf-8")
    assert "l2_q_g11" in text
    assert "l2_q_g10" not in text


# new, import, examples


def test_new_writes_a_project_that_opens_and_is_not_replaced(tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "new.moe.yaml"
    assert main(["new", "--preset", "deepseek-v3", "--cluster", "dgx-h100-4", "-o", str(target), "--name", "Mine"]) == 0
    project = load_project(target)
    assert project.name == "Mine"
    assert project.parallel.ep == 32
    assert project.workload.phase == "decode"
    assert main(["validate", str(target)]) == 0
    before = target.read_bytes()
    assert main(["new", "-o", str(target)]) == 2
    assert "--force" in capsys.readouterr().err
    assert target.read_bytes() == before
    assert main(["new", "--phase", "prefill", "-o", str(target), "--force"]) == 0
    assert load_project(target).workload.phase == "prefill"


def test_import_reads_a_config_and_says_what_it_assumed(tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "new.moe.yaml"
    assert (
        main(["import", str(HF / "deepseek-ai--DeepSeek-V3.json"), "--cluster", "dgx-h100-4", "-o", str(target)]) == 0
    )
    project = load_project(target)
    assert project.model.layer_count == 61
    assert "Note: Layers that predict further tokens ahead (1) are left out." in capsys.readouterr().out
    assert "# Assumed on import: Layers that predict further tokens" in target.read_text("utf-8")
    other = tmp_path / "other.moe.yaml"
    assert main(["new", "--hf", str(HF / "Qwen--Qwen3-30B-A3B.json"), "-o", str(other)]) == 0
    assert load_project(other).model.layers[0].ffn.experts == 128


def test_a_copy_of_no_example_is_refused(tmp_path: Path, capsys: Capture) -> None:
    assert main(["examples", "-o", str(tmp_path / "a.moe.yaml")]) == 2
    assert "Name the example to copy" in capsys.readouterr().err


def test_examples_are_listed_and_copied(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["examples"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in example_names())
    assert main(["examples", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == list(example_names())
    monkeypatch.chdir(tmp_path)
    assert main(["examples", "seed1"]) == 0
    assert (tmp_path / "seed1.moe.yaml").read_bytes() == example_path("seed1").read_bytes()
    assert main(["examples", "seed1"]) == 2


def test_claimed_times_of_a_token_stand_in_evaluate_and_accuracy_with_their_unit(
    tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "claims.moe.yaml"
    path.write_text(
        "model: {hidden: 1024, ffn: {moe: {kind: swiglu, hidden: 1024, experts: 8, top_k: 2}}}\n"
        "cluster: {nodes: [{gpus: 8, device: h100-sxm}]}\nparallel: {ep: 8}\n"
        "workload: {phase: decode, batch: 256, context: 2048}\nreference: {tpot_ms: 20, ttft_ms: 30}\n",
        "utf-8",
    )
    assert main(["accuracy", str(path)]) == 0
    said = capsys.readouterr().out
    assert "time per output token (ms)" in said
    assert "time to first token (ms)" in said
    main(["evaluate", str(path)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["time", "per", "output", "token", "20", "ms"] in [row[:6] for row in rows]
    assert ["time", "to", "first", "token", "30", "ms", "–", "–"] in rows


# get-time


def test_get_time_prints_a_time_or_an_object(capsys: Capture) -> None:
    words = ["get-time", "640000", "8192", "32768", "--dtype", "fp16", "--device", "seed-64g"]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Get_Time(640000, 8192, 32768) = 1.432 s on seed-64g, fp16 (240.0 TFLOP/s, 60.0 % of peak)",
        "bound by compute; fixed: arithmetic at 60 % of the peak or traffic at 80 % of the bandwidth, whichever takes "
        "longer, and 0 µs to launch",
    ]
    assert main([*words, "--count", "2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["seconds"] == pytest.approx(2 * 2 * 640000 * 8192 * 32768 / 240e12)
    assert result["count"] == 2


def test_get_time_outside_of_what_was_measured_is_less_sure_and_says_so(capsys: Capture) -> None:
    def said(m: int) -> dict[str, Any]:
        assert main(["get-time", str(m), "4096", "4096", "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    near, far, farther = (said(m) for m in (32768, 65536, 10**7))
    assert (near["outside"], far["outside"], farther["outside"]) == (False, True, True)
    assert near["expected_error"] < far["expected_error"] < farther["expected_error"]
    assert farther["basis"].endswith("; outside what was measured: m 1 to 32,768")
    assert main(["get-time", "65536", "4096", "4096"]) == 0
    assert "outside what was measured" in capsys.readouterr().out


DATASHEET = "memory_gb: 96\nmemory_tb_s: 2.6\npeak_tflops: {bf16: 620}\n"


def test_get_time_and_predict_take_the_datasheet_of_an_own_gpu(tmp_path: Path, capsys: Capture) -> None:
    sheet, table, out = tmp_path / "my-gpu.yaml", tmp_path / "gemm.csv", tmp_path / "predicted.csv"
    sheet.write_text(DATASHEET, "utf-8")
    words = ["get-time", "64", "4096", "4096", "--device", str(sheet), "--provider", "calibrated"]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["device"], result["provenance"]) == ("my-gpu", "datasheet")
    assert result["notes"][0].startswith("The datasheet of my-gpu has no sms; ")
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[2:] == result["notes"]
    table.write_text("gpu,dtype,m,k,n\nMy GPU,bfloat16,64,4096,4096\n", "utf-8")
    assert main(["predict", str(table), "-o", str(out), "--device", str(sheet)]) == 0
    assert float(out.read_text("utf-8").splitlines()[1].split(",")[5]) == pytest.approx(1e6 * result["seconds"], 1e-4)


def test_calibrate_names_the_place_in_a_wrong_datasheet(tmp_path: Path, capsys: Capture) -> None:
    sheet = tmp_path / "my-gpu.yaml"
    sheet.write_text(DATASHEET + "sms: -3\n", "utf-8")
    assert main(["calibrate", "gemm.csv", "-o", str(tmp_path / "fit.yaml"), "--device", str(sheet)]) == 2
    assert "my-gpu.yaml: line 4, column 6: sms: must be at least 0, not -3." in capsys.readouterr().err


MEASURED = "gpu,dtype,m,k,n,time_us\nH100-SXM,bfloat16,64,4096,4096,21.5\nH100-SXM,bfloat16,128,4096,4096,24\n"


def test_measured_run_times_are_used_where_they_are(tmp_path: Path, capsys: Capture) -> None:
    table = tmp_path / "measured.csv"
    table.write_text(MEASURED, "utf-8")
    words = ["get-time", "64", "4096", "4096", "--table", str(table)]
    assert main(words) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("Get_Time(64, 4096, 4096) = 21.5")
    assert "measured" in second
    assert third == "measured.csv: 2 measured rows are used"
    assert main([*words[:1], "65536", *words[2:]]) == 0
    assert "calibrated" in capsys.readouterr().out
    design = tmp_path / "small.moe.yaml"
    design.write_text(
        "model: {hidden: 4096, ffn: {moe: {kind: gelu, hidden: 4096}}}\ncluster: {nodes: [{gpus: 1}]}\n"
        "workload: {batch: 1, tokens: 64}\n",
        "utf-8",
    )
    assert main(["evaluate", str(design), "--table", str(table), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["provenance"]["operators"]["measured"] == 2
    assert result["provenance"]["notes"] == ["measured.csv: 2 measured rows are used"]


def test_predict_reports_errors_and_what_it_set_aside(tmp_path: Path, capsys: Capture) -> None:
    table = tmp_path / "measured.csv"
    table.write_text(MEASURED + "H100-SXM,bfloat16,0,4096,4096,24\n", "utf-8")
    assert main(["predict", str(table), "-o", str(tmp_path / "out.csv")]) == 0
    printed = capsys.readouterr().out
    assert "2 of 3 rows of gemm predicted." in printed
    assert "Error on 2 rows with time_us: median" in printed
    assert "1 row set aside: m is zero or negative (line 4)" in printed


def test_predict_calls_a_share_of_bandwidth_too_high_not_too_long(tmp_path: Path, capsys: Capture) -> None:
    table = tmp_path / "shares.csv"
    table.write_text("Size,scale,table,bw_fraction\n1073741824,2Node-16GPU(NIC),nic,0.5\n", "utf-8")
    assert main(["predict", str(table), "-o", str(tmp_path / "out.csv")]) == 0
    printed = capsys.readouterr().out
    assert "1 of 1 rows of bandwidth predicted." in printed
    assert "% too high." in printed
    assert main(["predict", str(table), "-o", str(table)]) == 2
    assert "shares.csv is the table itself; write the predictions to another file." in capsys.readouterr().err


@pytest.mark.parametrize("command", ["evaluate design.moe.yaml", "predict kernels.csv -o out.csv"])
def test_a_table_beside_a_provider_that_ignores_it_is_refused(command: str, capsys: Capture) -> None:
    assert main([*command.split(), "--provider", "calibrated", "--table", "own.csv"]) == 2
    assert "The provider calibrated has no use for --table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--provider", "nope"], "no cost provider 'nope'; known are auto, fixed, calibrated, table."),
        (["--provider", "table"], "cost.table: The provider table needs a CSV file of measured run times."),
        (["--table", "missing.csv"], "There is no file missing.csv."),
        (["--calibration", "missing.yaml"], "There is no file missing.yaml."),
        (["--provider", "calibrated", "--compute", "0.5"], "compute is a share of the provider fixed"),
        (["--provider", "fixed", "--table", "own.csv"], "The provider fixed has no use for --table"),
        (["--provider", "fixed", "--calibration", "own.yaml"], "The provider fixed has no use for --calibration"),
    ],
)
def test_a_provider_that_cannot_answer_says_why(words: list[str], message: str, capsys: Capture) -> None:
    assert main(["get-time", "64", "4096", "4096", *words]) == 2
    assert message in capsys.readouterr().err


def test_providers_are_listed_and_only_installed_ones_allowed(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "user_config_path", lambda *_, **__: tmp_path)
    assert main(["providers", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)][:4] == ["auto", "fixed", "calibrated", "table"]
    assert main(["providers", "--allow", "acme"]) == 2
    assert "no cost provider 'acme'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
