"""Builds the operators of a layer: the table of DESIGN §4, line by line."""

from moe_studio.graph.attention import add_attention
from moe_studio.graph.end import add_embedding, add_head, add_prediction, add_send
from moe_studio.graph.feed_forward import add_dense, add_experts
from moe_studio.graph.layer import LayerGraph, LayerPlace
from moe_studio.graph.maker import OperatorMaker
from moe_studio.graph.resident import extra_weight_byte, kv_byte
from moe_studio.graph.stage import Stage
from moe_studio.project.instance import Instances
from moe_studio.project.project import Project


def build_layer(project: Project, stage: Stage, place: LayerPlace, instances: Instances | None) -> LayerGraph:
    """The operators of one layer of ``stage`` for one micro-batch."""
    make = OperatorMaker(project, stage, place, instances)
    has_vocab = project.model.vocab > 0
    if has_vocab and (place.is_first or place.is_mtp):
        add_embedding(make)
    if place.is_mtp:
        add_prediction(make)
    make.norm("ln1")
    add_attention(make, place.attention)
    make.reduce("attn_reduce", make.rows, make.hidden)
    make.elementwise("res1", 3, make.rows, make.hidden)
    make.norm("ln2")
    (add_experts if place.ffn.is_moe else add_dense)(make, place.ffn)
    make.elementwise("res2", 3, make.rows, make.hidden)
    if place.has_send:
        add_send(make)
    if place.is_last and has_vocab:
        add_head(make)
    return make.out.build(
        place=place,
        size=make.size,
        instances=instances,
        extra_weight_byte=extra_weight_byte(make),
        kv_byte=kv_byte(make, place.attention),
    )
