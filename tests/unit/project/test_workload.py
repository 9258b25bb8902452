"""What a step is asked to do."""

import pytest

from moe_studio.project.design import Workload


@pytest.mark.parametrize(
    ("drafts", "acceptance", "gained"),
    [(0, 0.9, 1), (1, 0.6, 1.6), (3, 0.5, 1 + 0.5 + 0.25 + 0.125), (2, 1, 3), (2, 0, 1)],
)
def test_drafts_bring_a_sequence_forward_as_far_as_they_hold(drafts: int, acceptance: float, gained: float) -> None:
    work = Workload(phase="decode", context=10, draft_tokens=drafts, acceptance=acceptance)
    assert work.new_tokens == 1 + drafts
    assert work.gained_tokens == pytest.approx(gained)


def test_a_cached_share_of_a_prompt_is_not_computed_but_seen() -> None:
    work = Workload(phase="prefill", tokens=100, context=7, cached_share=0.57)
    assert (work.cached_tokens, work.new_tokens, work.past_tokens, work.seen_tokens) == (57, 43, 64, 107)
    assert work.gained_tokens == 100


def test_at_least_one_token_of_a_prompt_is_computed() -> None:
    assert Workload(phase="prefill", tokens=8, cached_share=1).new_tokens == 1


def test_only_prefill_has_cached_prompts_and_only_decode_has_drafts() -> None:
    assert Workload(phase="forward", tokens=8, cached_share=0.5).new_tokens == 8
    assert Workload(phase="prefill", tokens=8, draft_tokens=3).gained_tokens == 8
