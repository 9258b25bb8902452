"""Makes the operators of a layer: its sizes and element widths, and the kinds of work that operators are made of."""

from moe_studio.graph.column import FloatArray
from moe_studio.graph.layer import LayerBuilder, LayerPlace
from moe_studio.graph.operator import Sync
from moe_studio.graph.size import Sizes, sizes
from moe_studio.graph.stage import Stage
from moe_studio.graph.traffic import Traffic, ring
from moe_studio.project.instance import Instances
from moe_studio.project.model import DTYPES
from moe_studio.project.project import Project


class OperatorMaker:
    """What is at hand while one layer of ``stage`` is built for one micro-batch."""

    def __init__(self, project: Project, stage: Stage, place: LayerPlace, instances: Instances | None) -> None:
        model = project.model
        self.project, self.stage, self.place, self.instances = project, stage, place, instances
        self.size: Sizes = sizes(project)
        self.rows, self.hidden = self.size.rows, float(model.hidden)
        self.act, self.weight = model.byte_of("activations"), model.byte_of("weights")
        self.act_dtype, self.weight_dtype = (
            DTYPES.index(model.dtype_of("activations")),
            DTYPES.index(model.dtype_of("weights")),
        )
        self.is_fused = project.cost.attention == "fused"
        self.out = LayerBuilder(stage)

    def matmul(
        self,
        name: str,
        m: float,
        k: float,
        n: float,
        *,
        count: float = 1.0,
        resident: bool = True,
        in_width: float = 0,
        takes: tuple[str, ...] | None = None,
    ) -> None:
        """A GEMM with weights, on every GPU; ``takes`` as in `LayerBuilder.add`."""
        byte = count * (m * k * self.act + k * n * self.weight + m * n * self.act)
        self.out.add(
            name,
            takes=takes,
            m=m,
            k=k,
            n=n,
            count=count,
            flop=2 * m * k * n * count,
            byte=byte,
            launch=1,
            dtype=self.weight_dtype,
            in_rows=m,
            in_width=in_width or k * count,
            out_rows=m,
            out_width=n * count,
            weight_byte=k * n * count * self.weight if resident else 0.0,
            live_byte=count * (m * k + m * n) * self.act,
        )

    def elementwise(
        self, name: str, passes: float, rows: float, width: float, *, byte: float | None = None, out_width: float = 0
    ) -> None:
        """Work bound by memory that reads or writes a tensor of rows × width ``passes`` times."""
        moved = passes * rows * width * self.act if byte is None else byte
        self.out.add(
            name,
            byte=moved,
            launch=float(moved > 0),
            dtype=self.act_dtype,
            in_rows=rows,
            in_width=width,
            out_rows=rows,
            out_width=out_width or width,
            live_byte=moved,
        )

    def norm(self, name: str) -> None:
        """A norm of the residual stream."""
        self.elementwise(name, 2, self.rows, self.hidden)

    def reduce(self, name: str, rows: float, width: float, *, passes: int = 2, in_width: float = 0) -> None:
        """All-reduce (2 passes) or all-gather (1) over the attention group, where there is one."""
        if self.stage.tp > 1:
            traffic = ring(rows * width * self.act, self.stage, self.stage.tp, passes)
            self.communicate(name, traffic, Sync.GROUP, rows, width, in_width=in_width)

    def communicate(
        self,
        name: str,
        traffic: Traffic,
        sync: Sync,
        rows: float | FloatArray,
        width: float,
        *,
        in_width: float = 0,
        sent: float | FloatArray = 0.0,
    ) -> None:
        """Work of the communication stream; ``sent``: bytes of its buffers."""
        self.out.add(
            name,
            sync=sync,
            on_comm=True,
            byte=traffic.payload,
            intra_byte=traffic.intra_byte,
            inter_byte=traffic.inter_byte,
            spine_byte=traffic.spine_byte,
            intra_hop=traffic.intra_hop,
            inter_hop=traffic.inter_hop,
            spine_hop=traffic.spine_hop,
            in_rows=rows,
            in_width=in_width or width,
            out_rows=rows,
            out_width=width,
            live_byte=rows * ((in_width or width) + width) * self.act,
            sent_byte=sent,
        )
