"""The operators at the ends of stages and of the model: embedding, sends, head, prediction of further tokens."""

from moe_studio.graph.maker import OperatorMaker
from moe_studio.graph.operator import Sync
from moe_studio.graph.size import shard
from moe_studio.graph.stage import stages
from moe_studio.graph.traffic import send


def add_send(make: OperatorMaker) -> None:
    """The residual, to the same position of the next stage."""
    stage, payload = make.stage, make.rows * make.hidden * make.act
    following = stages(make.project)[stage.index + 1]
    traffic = send(payload, stage, following.node, following.rack)
    make.communicate("send", traffic, Sync.NONE, make.rows, make.hidden)


def add_embedding(make: OperatorMaker) -> None:
    """A row of the embedding for each token."""
    make.elementwise("embed", 2, make.rows, make.hidden)
    make.reduce("embed_reduce", make.rows, make.hidden)


def add_prediction(make: OperatorMaker) -> None:
    """What the prediction module does before its layer: norms of state and embedding, and their joint projection.

    DeepSeek-V3, arXiv 2412.19437, equation 21: M · [RMSNorm(h); RMSNorm(Emb(t))].
    """
    make.elementwise("mtp_norm", 4, make.rows, make.hidden, out_width=2 * make.hidden)
    make.matmul("mtp_proj", make.rows, 2 * make.hidden, make.hidden)


def add_head(make: OperatorMaker) -> None:
    """Logits of the rows that need them, and the choice of a token; the prediction module uses the model's own head."""
    rows, vocab = make.size.head_rows, make.project.model.vocab
    make.elementwise("final_ln", 2, rows, make.hidden)
    is_copy = make.place.is_mtp or (make.project.model.tied and make.stage.count == 1)
    part = shard(vocab, make.stage.tp)
    make.matmul("lm_head", rows, make.hidden, part, resident=not is_copy)
    make.reduce("logits_gather", rows, vocab, passes=1, in_width=part)
    make.elementwise("sample", 1, rows, vocab)
