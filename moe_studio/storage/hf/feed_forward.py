"""The feed-forward layers of a config.json: the dense one and the mixture of experts."""

from moe_studio.project.model import MAX_EXPERTS, FeedForward
from moe_studio.storage.hf.family import Family
from moe_studio.storage.hf.reader import Config


def dense(config: Config, family: Family) -> FeedForward:
    """The dense layer."""
    width = config.integer("dense_hidden", low=1)
    return FeedForward(kind=family.kind, hidden=width, extra_parameters=_bias(config, family, width))


def mixture(config: Config, family: Family) -> FeedForward:
    """The mixture of experts with its shared experts."""
    hidden, width = config.integer("hidden", low=1), config.integer("expert_hidden", low=1)
    experts = config.integer("experts", low=1, high=MAX_EXPERTS)
    identities = config.integer("zero_expert_num", 0, high=MAX_EXPERTS)
    shared, shared_hidden = _shared(config, width)
    expert_bias = hidden + width * 2 if family.expert_bias else 0
    extra = experts if family.router_bias else 0
    extra += hidden if family.gated_shared and shared else 0
    extra += _bias(config, family, shared * (shared_hidden or width)) if shared else 0
    latent = config.integer("latent", 0)
    if latent and latent != hidden:
        width, shared, shared_hidden, rest = _folded(config, family, latent, width, (shared, shared_hidden or width))
        extra += rest
    return FeedForward(
        kind=family.kind,
        hidden=width,
        experts=experts,
        top_k=_top_k(config, experts, identities),
        shared=shared,
        shared_hidden=0 if shared_hidden == width else shared_hidden,
        router_width=experts + identities if identities else 0,
        extra_parameters=extra,
        expert_extra_parameters=expert_bias,
    )


def _bias(config: Config, family: Family, width: int) -> int:
    """Biases of a dense layer, or of all shared experts as one, where the file has them."""
    rows = width * (2 if family.kind == "swiglu" else 1)
    return rows + config.integer("hidden", low=1) if config.flag("mlp_bias") else 0


def _top_k(config: Config, experts: int, identities: int) -> int:
    top_k = config.integer("top_k", low=1, high=MAX_EXPERTS)
    if top_k > experts + identities:
        config.contradict("num_experts_per_tok", f"must be at most the number of experts, {experts}, not {top_k}.")
        return 1
    if not identities:
        return top_k
    real = max(1, round(top_k * experts / (experts + identities)))
    config.warn(
        f"{identities} of the {experts + identities} experts return what they get; of {top_k} experts per token, "
        f"{real} are taken to do work, the mean under uniform routing."
    )
    return real


def _shared(config: Config, width: int) -> tuple[int, int]:
    """Number and width of the shared experts; width 0 means the experts' own."""
    if not config.has("shared") and config.has("shared_hidden"):
        shared_hidden = config.integer("shared_hidden", 0)
        return (1, shared_hidden) if shared_hidden else (0, 0)
    shared_hidden = config.integer("shared_hidden", 0)
    shared = config.integer("shared", 1 if shared_hidden else 0, high=MAX_EXPERTS)
    return (shared, shared_hidden) if shared else (0, 0)


def _folded(
    config: Config, family: Family, latent: int, width: int, shared: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Experts that work on a latent, as narrower experts on the hidden state.

    Weights and arithmetic of the experts stay the same. The projections into and out of the
    latent meet every token, as a shared expert does, so they become part of one. Returns the
    experts' width, the shared experts' number and width, and what is left over of the weights.
    """
    hidden, matrices = config.integer("hidden", low=1), 3 if family.kind == "swiglu" else 2
    folded, rest = divmod(width * latent, hidden)
    if rest:
        folded += 1
        config.warn("The width of the experts does not fold evenly into the hidden width; it is rounded up.")
    projection, left = divmod(2 * latent, matrices)
    config.warn(
        f"Experts work on a latent of {latent}; they are taken as experts {folded} wide on the hidden state, with the "
        "same weights and arithmetic, and the latent's projections as part of the shared experts. Dispatch and "
        f"combine carry {latent} of {hidden} elements per token in truth, so their traffic is overestimated."
    )
    return folded, 1, shared[0] * shared[1] + projection, left * hidden + (latent if family.kind == "swiglu" else 0)
