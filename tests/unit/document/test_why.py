"""Why a design takes as long as it does."""

from dataclasses import replace

from moe_studio.document.why import imbalance_text, waiting_text, why
from moe_studio.engine.evaluation import evaluate
from moe_studio.project.edit import move_expert
from moe_studio.project.project import Project


def test_it_names_what_binds_and_what_would_help(small: Project) -> None:
    text = " ".join(why(evaluate(small)))
    assert "of the run time is bound by" in text
    assert "10 % more" in text


def test_the_gpu_that_others_wait_for_is_named_with_its_experts(small: Project) -> None:
    crowded = move_expert(0, 0, 1, layers=(0,))(small)
    evaluation = evaluate(crowded)
    text = imbalance_text(evaluation)
    gpu = int(evaluation.load[0].argmax())
    assert text.startswith(f"GPU {gpu} hosts 3 experts of layer 0 and handles 1.50 times the mean")
    assert imbalance_text(evaluate(small)) == ""


def test_what_lacks_room_comes_first(small: Project) -> None:
    device = replace(small.cluster.devices["own"], memory_gb=1e-3)
    tiny = replace(small, cluster=replace(small.cluster, devices={"own": device}))
    assert why(evaluate(tiny))[0].startswith("It does not fit")
    assert not any(text.startswith("It ") for text in why(evaluate(small)))


def test_a_pipeline_with_one_micro_batch_waits_half_of_the_time(small: Project) -> None:
    evaluation = evaluate(small)
    share = float(evaluation.idle_s.mean()) / evaluation.metrics.latency_s
    assert share > 0.4
    assert f"waits for {share * 100:.1f} % of the run time" in waiting_text(evaluation)
