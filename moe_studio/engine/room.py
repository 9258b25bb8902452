"""How much more would fit: key/value cache beside everything else, and the largest batch."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from moe_studio.engine.memory import Memory, memory
from moe_studio.graph.column import FloatArray
from moe_studio.graph.graph import build_graph
from moe_studio.graph.size import sizes
from moe_studio.project.project import Project

MAX_BATCH = 10**9


@dataclass(frozen=True, kw_only=True, eq=False)
class Room:
    """What each GPU has room for beside weights, activations, buffers and the engine's reserve."""

    project: Project
    memory: Memory

    @cached_property
    def cache_byte(self) -> FloatArray:
        """Bytes that each GPU has for the cache of keys and values, shape (GPUs,)."""
        held = self.memory
        return np.maximum(0.0, held.capacity - held.total + held.kv_cache)

    @cached_property
    def sequences(self) -> FloatArray:
        """Sequences of this length whose cache fits on each GPU, shape (GPUs,); infinite where there is no cache."""
        own = sizes(self.project).sequences * self.project.workload.micro_batches
        with np.errstate(divide="ignore", invalid="ignore"):
            fit = np.floor(self.cache_byte / (self.memory.kv_cache / own) * (1 + 1e-12))
        return np.where(self.memory.kv_cache > 0, fit, np.inf)

    @cached_property
    def tokens(self) -> FloatArray:
        """Tokens of such sequences that fit on each GPU, in whole blocks, shape (GPUs,); infinite without a cache."""
        own = sizes(self.project).sequences * self.project.workload.micro_batches
        block = self.project.memory.block_tokens
        blocks = -(-self.project.workload.seen_tokens // block)
        with np.errstate(divide="ignore", invalid="ignore"):
            fit = np.floor(self.cache_byte / (self.memory.kv_cache / own / blocks) * (1 + 1e-12)) * block
        return np.where(self.memory.kv_cache > 0, fit, np.inf)

    @property
    def worst_gpu(self) -> int:
        """The GPU that has room for the fewest sequences."""
        return int(self.sequences.argmin())

    @cached_property
    def batch_estimate(self) -> int:
        """About the largest batch that fits: all but the weights grows with the batch."""
        held, batch = self.memory, self.project.workload.batch
        growing = held.kv_cache + held.activations + held.buffers
        with np.errstate(divide="ignore", invalid="ignore"):
            fit = np.where(growing > 0, (held.capacity - held.weights) / growing * batch, np.inf)
        return int(np.clip(np.nan_to_num(fit.min(), posinf=MAX_BATCH), 0, MAX_BATCH))

    @cached_property
    def largest_batch(self) -> int:
        """The largest batch that fits, everything else the same; 0 if none does, `MAX_BATCH` if any does."""
        low, high = 0, MAX_BATCH + 1
        guess = min(max(self.batch_estimate, 1), MAX_BATCH)
        while high - low > 1:
            found = Room(project=self._with(guess), memory=memory(build_graph(self._with(guess))))
            low, high = (guess, high) if found.memory.fits else (low, guess)
            # Memory grows nearly straight with the batch, so the next estimate is close; never outside what is known.
            guess = min(max(found.batch_estimate, low + 1), high - 1)
            guess = self._nudged(guess, low, high)
        return low

    def _with(self, batch: int) -> Project:
        return replace(self.project, workload=replace(self.project.workload, batch=batch))

    def _nudged(self, guess: int, low: int, high: int) -> int:
        """Once the known bounds are close, halve them: rounding up makes small steps."""
        return (low + high) // 2 if high < 1.05 * low + 2 else guess
