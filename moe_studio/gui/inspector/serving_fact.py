"""What there is to say about serving: what a step gives a sequence, how even experts are, what would fit."""

import numpy as np

from moe_studio.engine.evaluation import Evaluation
from moe_studio.gui.inspector.fact import Fact
from moe_studio.gui.inspector.work_fact import seconds


def serving_facts(evaluation: Evaluation) -> list[Fact]:
    """Facts about the whole design, as far as they apply."""
    metrics, work, batch = evaluation.metrics, evaluation.project.workload, evaluation.room.batch_estimate
    facts = []
    if work.is_decode and work.draft_tokens:
        gained = f"{work.gained_tokens:.2f} of {work.new_tokens} verified"
        facts.append(Fact(label="Tokens per step", value=gained, amount=work.gained_tokens, better=1))
        facts.append(seconds("TPOT", metrics.tpot_s))
    if work.cached_tokens:
        computed = float(work.new_tokens)
        facts.append(Fact(label="Computed tokens", value=f"{work.new_tokens:,} of {work.tokens:,}", amount=computed))
    if evaluation.mean_imbalance > 1:
        worst = evaluation.mean_imbalance
        facts.append(Fact(label="Imbalance", value=f"{worst:.2f} ×, mean of the layers", amount=worst, better=-1))
    fitting = f"about {batch:,}" if batch else "none"
    facts.append(Fact(label="Batch that fits", value=fitting, amount=float(batch), better=1))
    return facts


def cache_room(evaluation: Evaluation, gpu: int) -> Fact:
    """Tokens and sequences whose cache fits on a GPU beside everything else."""
    tokens, sequences = (float(column[gpu]) for column in (evaluation.room.tokens, evaluation.room.sequences))
    if not np.isfinite(sequences):
        return Fact(label="Room for cache", value="nothing is cached")
    return Fact(
        label="Room for cache", value=f"{tokens:,.0f} tokens, {sequences:,.0f} sequences", amount=tokens, better=1
    )
