"""Project files: values by the type of their field, every fault at once with its place."""

import copy
import json
import pickle
import random
import time
from pathlib import Path

import pytest
import yaml

from moe_studio.errors import FileError
from moe_studio.project.cluster import Link
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import example_names, example_path, load_model
from moe_studio.storage.loader import load_project, parse_project

SMALL = """\
model: {hidden: 16, ffn: {moe: {hidden: 16, experts: 4, top_k: 2}}}
cluster: {nodes: [{name: a, gpus: 4, device: seed-64g}]}
parallel: {ep: 4}
"""


def faults_of(text: str, folder: Path | None = None) -> list[str]:
    with pytest.raises(FileError) as refusal:
        parse_project(text, folder=folder)
    return [str(fault) for fault in refusal.value.faults]


@pytest.mark.parametrize("name", example_names())
def test_every_example_opens(name: str) -> None:
    project = load_project(example_path(name))
    assert project.cluster.catalogue["seed-64g"].peak_flop_s("fp16") == 400e12
    assert project.cluster.links.inter == Link(gb_s=50, latency_us=5)


def test_a_project_can_be_copied_and_sent_to_a_child_process() -> None:
    project = load_project(example_path("seed3"))
    assert pickle.loads(pickle.dumps(project)) == copy.deepcopy(project) == project


def test_omitted_keys_take_their_defaults() -> None:
    project = parse_project("model: {hidden: 16, ffn: {dense: {hidden: 64}}}\nlimits:\ncost: {overlap: false}\n")
    assert project.cluster.nodes[0].device == "h100-sxm"
    assert project.cost.compute == 0.6
    assert not project.cost.overlap
    assert project.limits.imbalance == 1.5
    assert project.reference is None


def test_part_of_a_default_can_be_changed_alone() -> None:
    project = parse_project(SMALL.replace("nodes", "links: {intra: {gb_s: 900}}, nodes"))
    assert project.cluster.links.intra == Link(gb_s=900, latency_us=2)


def test_all_faults_come_at_once_with_path_line_and_column() -> None:
    faults = faults_of(
        "model: {hidden: 0x10, ffn: {moe: {hidden: 012, experts: 4, kind: swigl}}, blocks: [{repeat: 0}]}\n"
        "cluster: {nodes: [{name: a, gpus: no, device: seed-64g}, {gpu: 3}], links: {intra: {gb_s: .nan}}}\n"
        "parallel: {tp: 1e400}\n"
        "cost: {overlap: yes, launch_us: -1}\n"
        "refrence: {}\n"
    )
    assert faults == [
        "line 1, column 17: model.hidden: must be a whole number such as 16, not '0x10'.",
        "line 1, column 43: model.ffn.moe.hidden: must not start with 0: some programs read that as an octal number.",
        "line 1, column 66: model.ffn.moe.kind: must be one of swiglu, gelu, single, not 'swigl'.",
        "line 1, column 93: model.blocks[0].repeat: must be at least 1, not 0.",
        "line 2, column 35: cluster.nodes[0].gpus: must be a whole number such as 16, not 'no'.",
        "line 2, column 59: cluster.nodes[1].gpu: is not a known key; did you mean 'gpus'?",
        "line 2, column 91: cluster.links.intra.gb_s: must be a finite number.",
        "line 3, column 16: parallel.tp: must be a whole number such as 16, not '1e400'.",
        "line 4, column 17: cost.overlap: must be true or false, not 'yes'.",
        "line 4, column 33: cost.launch_us: must be at least 0, not -1.",
        "line 5, column 1: refrence: is not a known key; did you mean 'reference'?",
    ]


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", ".inf", "-.inf", ".nan", "NaN", "inf", "9" * 30, "1_000", "1:30", "2001-01-01", "'1'"]
)
def test_no_odd_number_gets_through(number: str) -> None:
    for key in (f"cost: {{launch_us: {number}}}", f"workload: {{batch: {number}}}", f"limits: {{imbalance: {number}}}"):
        (fault,) = faults_of(SMALL + key)
        assert fault.startswith("line 4, column ")


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "True", "1", "null", "'true'"])
def test_only_true_and_false_are_booleans(word: str) -> None:
    assert "must be true or false" in faults_of(f"{SMALL}cost: {{overlap: {word}}}")[0]


def test_words_that_look_like_something_else_are_text_where_text_is_wanted() -> None:
    assert [parse_project(f"{SMALL}name: {word}\n").name for word in ("no", "012", "1:30", "2001-01-01", "true")] == [
        "no",
        "012",
        "1:30",
        "2001-01-01",
        "true",
    ]


def test_layers_of_a_move_may_be_a_number_or_a_range() -> None:
    text = SMALL + "placement: {moves: [{layers: 0, expert: 1, slots: [2]}, {layers: 0-0, expert: 2, slots: [0, 3]}]}"
    assert [move.layers for move in parse_project(text).placement.moves] == ["0", "0-0"]


def test_parts_that_contradict_each_other_are_located() -> None:
    faults = faults_of(
        SMALL.replace("ep: 4", "ep: 4, pp: 4")
        + "placement:\n  moves:\n    - {expert: 9, slots: [7]}\n    - {expert: 0, slots: [0, 0]}\n"
    )
    assert faults == [
        "line 7, column 7: placement.moves[1]: placement.moves: slots must be different numbers from 0 up."
    ]
    faults = faults_of(SMALL + "placement:\n  moves:\n    - {expert: 9, slots: [7], replica: 1}\n")
    assert [fault.split(": ")[:2] for fault in faults] == [
        ["line 6, column 16", "placement.moves[0].expert"],
        ["line 6, column 26", "placement.moves[0].slots"],
        ["line 6, column 40", "placement.moves[0].replica"],
    ]


def test_a_field_that_its_value_class_refuses_is_located() -> None:
    assert faults_of(SMALL.replace("top_k: 2", "top_k: 5")) == [
        "line 1, column 64: model.ffn.moe.top_k: must be at most experts (4), not 5."
    ]


def test_an_unknown_device_names_the_nearest() -> None:
    assert faults_of(SMALL.replace("seed-64g", "seed-64")) == [
        "line 2, column 46: cluster.nodes[0].device: the catalogue has no device 'seed-64'; did you mean 'seed-64g'?"
    ]


def test_a_preset_can_be_changed_in_part() -> None:
    project = parse_project("model: {preset: mixtral-8x7b, vocab: 0, ffn: {moe: {top_k: 1}}}")
    base = load_model("mixtral-8x7b")
    assert project.model.ffn["moe"].top_k == 1
    assert project.model.ffn["moe"].experts == base.ffn["moe"].experts
    assert (project.model.vocab, project.model.hidden, project.model.preset) == (0, base.hidden, "mixtral-8x7b")


def test_null_takes_an_entry_out_of_a_preset() -> None:
    text = "model: {preset: deepseek-v3, blocks: [{repeat: 2, ffn: moe}], ffn: {dense: null}}"
    assert set(parse_project(text).model.ffn) == {"moe"}


def test_a_cluster_preset_brings_its_devices() -> None:
    cluster = parse_project("model: {preset: mixtral-8x7b}\ncluster: {preset: dgx-h100}").cluster
    assert set(cluster.catalogue) == {node.device for node in cluster.nodes}


def test_unknown_presets_and_two_bases_are_refused() -> None:
    assert "did you mean 'mixtral-8x7b'" in faults_of("model: {preset: mixtral-8x7}")[0]
    assert "not on both" in faults_of("model: {preset: mixtral-8x7b, hf_config: a.json}")[0]


@pytest.mark.parametrize(
    "name", ["/etc/hosts", "C:\\a.json", "\\\\host\\share\\a.json", "https://a/b.json", "missing", "."]
)
def test_only_plain_files_below_the_project_are_read(tmp_path: Path, name: str) -> None:
    (fault,) = faults_of(f"model: {{hf_config: '{name}'}}", tmp_path)
    assert "model.hf_config" in fault


def test_a_hugging_face_configuration_is_the_base_of_a_model(tmp_path: Path) -> None:
    config = {"model_type": "mixtral", "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
    config |= {"num_hidden_layers": 2, "num_key_value_heads": 2, "num_local_experts": 4, "num_experts_per_tok": 2}
    (tmp_path / "config.json").write_text(json.dumps(config | {"vocab_size": 100}))
    project = parse_project("model: {hf_config: ./config.json, vocab: 0}", folder=tmp_path)
    assert (project.model.hidden, project.model.vocab, project.model.ffn["moe"].experts) == (64, 0, 4)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1e999}', "[]", "{", "9" * 9999]
)
def test_a_hostile_configuration_is_a_located_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    (fault,) = faults_of("name: a\nmodel: {hf_config: c.json}", tmp_path)
    assert fault.startswith("line 2, column 20: model.hf_config: c.json: ")


def test_recorded_counts_are_read_from_beside_the_project(tmp_path: Path) -> None:
    (tmp_path / "load.csv").write_text("1,2,3,4\n")
    text = SMALL + "workload: {routing: {kind: recorded, file: load.csv}}"
    assert parse_project(text, folder=tmp_path).workload.routing.counts == ((1.0, 2.0, 3.0, 4.0),)
    (tmp_path / "load.csv").write_text("1,2,3\n")
    assert faults_of(text, tmp_path) == ["line 4, column 44: workload.routing.file: layer 0 must have 4 counts, not 3."]


def test_absurd_layers_of_a_move_are_a_fault_like_any_other() -> None:
    for layers in ("9" * 30_000, "0-" + "9" * 5_000, "5-2", "-1", "1-", "a", "4096"):
        assert "layers" in faults_of(f'{SMALL}placement: {{moves: [{{expert: 0, slots: [0], layers: "{layers}"}}]}}')[0]


@pytest.mark.long
def test_very_many_nodes_and_faults_take_no_more_than_a_few_seconds() -> None:
    start = time.process_time()
    nodes = ",".join(f"{{name: n{number}, device: d{number}}}" for number in range(30_000))
    assert len(faults_of(SMALL.replace("{name: a", f"{nodes}, {{name: a"))) == 100
    nodes = ",".join(f"{{name: n{number}, gpus: 1, device: seed-64g}}" for number in range(20_000))
    assert parse_project(f"model: {{preset: mixtral-8x7b}}\ncluster: {{nodes: [{nodes}]}}").cluster.gpu_count == 20_000
    assert time.process_time() - start < 10


def test_no_value_may_hold_control_characters() -> None:
    assert "U+0085 is not allowed" in faults_of(SMALL + 'name: "a\\u0085b"')[0]


SLIPS = (
    *("&a ", "*a", "!!int ", "<<: ", "[", "]", "{", "}", "? ", ": ", "- ", "|\n", ">", "#", "'", '"', "\t", "\r"),
    *("0", "-1", "1e999", ".nan", "null", "9" * 50, "\n", "---\n", "%", "\\", "~", "0x1", "1_0", "no"),
)


def mutated(text: str, choice: random.Random) -> str:
    """``text`` after a few edits such as a slip of the hand, a merge gone wrong or an attacker would make."""
    for _ in range(choice.randint(1, 4)):
        place, other = sorted((choice.randrange(len(text) + 1), choice.randrange(len(text) + 1)))
        other = min(other, place + choice.choice((1, 3, 30)))
        anything = chr(choice.choice((choice.randrange(128), choice.randrange(0x11000))))
        piece = choice.choice(("", text[place:other] * 2, anything, *SLIPS))
        text = text[:place] + piece + text[other:]
        if not text:
            return text
    return text


def survives(seed: int, texts: list[str]) -> bool:
    """Whether the mutation with number ``seed`` opens as a project or is refused as a file should be."""
    choice = random.Random(seed)
    try:
        return isinstance(parse_project(mutated(choice.choice(texts), choice)), Project)
    except FileError as refusal:
        return bool(refusal.faults)


def test_mutated_files_open_or_are_refused_and_nothing_else() -> None:
    texts = [example_path(name).read_text(encoding="utf-8") for name in example_names()]
    assert all(survives(seed, texts) for seed in range(2_000))


@pytest.mark.long
def test_a_million_mutated_files_open_or_are_refused_and_nothing_else() -> None:
    texts = [example_path(name).read_text(encoding="utf-8") for name in example_names()]
    assert all(survives(seed, texts) for seed in range(1_000_000))


ODD = (
    "9" * 400,
    "-" + "9" * 39,
    "1e308",
    "-0.0",
    "5e-324",
    "''",
    "'x'",
    "[]",
    "{}",
    "[[]]",
    "{a: 1}",
    "~",
    "true",
    "'\\t'",
    "ä",
)


def paths(value: object) -> list[tuple[object, ...]]:
    """Where every value of plain data is."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((key, *rest) for key, inner in entries for rest in paths(inner))]


def test_odd_values_in_every_field_open_or_are_refused_and_nothing_else() -> None:
    sample = yaml.safe_load((Path(__file__).parent / "samples" / "format-1.moe.yaml").read_text(encoding="utf-8"))
    refused = 0
    for path in paths(sample)[1:]:
        for odd in ODD:
            data = copy.deepcopy(sample)
            place = data
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = "ODD"
            try:
                parse_project(json.dumps(data).replace('"ODD"', odd))
            except FileError as refusal:
                refused += all(fault.line == 1 and fault.path for fault in refusal.faults)
    assert refused > 1_000
