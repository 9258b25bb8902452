"""What an edit would do: the figures after it against those before."""

from dataclasses import dataclass

from moe_studio.engine.evaluation import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Figures after an edit; ``before_s`` is the latency without it, ``memory_byte`` what ``gpu`` then holds."""

    gpu: int
    latency_s: float
    before_s: float
    memory_byte: float
    capacity_byte: float
    cross_node_byte: float

    @property
    def ratio(self) -> float:
        """Relative change of the latency; negative is faster."""
        return self.latency_s / self.before_s - 1 if self.before_s else 0.0

    @property
    def fits(self) -> bool:
        """Whether the GPU has room for what it then holds."""
        return self.memory_byte <= self.capacity_byte


def effect_on(gpu: int, before: Evaluation, after: Evaluation) -> Effect:
    """What going from ``before`` to ``after`` does to the latency, and to the memory of ``gpu``."""
    memory = after.memory
    return Effect(
        gpu=gpu,
        latency_s=after.metrics.latency_s,
        before_s=before.metrics.latency_s,
        memory_byte=float(memory.total[gpu]),
        capacity_byte=float(memory.capacity[gpu]),
        cross_node_byte=float(after.cross_node_byte.sum() - before.cross_node_byte.sum()),
    )
