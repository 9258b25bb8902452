"""Prices operators with fitted kernel models: the provider `calibrated`.

Every operator is put as a row of the same tables that the kernels were fitted to, and predicted by the same
functions as `moe-studio predict`. What no kernel covers is priced by `fixed`, and says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from moe_studio.calibration.family import Columns, Family, Words
from moe_studio.calibration.predict import choose
from moe_studio.calibration.registry import FAMILIES
from moe_studio.calibration.store import calibration_of
from moe_studio.engine.provider import Evidence, FixedProvider, Provider, Rates, fixed_provider, is_exchange, rates
from moe_studio.errors import ProjectError
from moe_studio.graph.column import FloatArray, IntArray, total_by
from moe_studio.graph.layer import LayerGraph, Run
from moe_studio.graph.size import head_count, key_count
from moe_studio.graph.stage import device_names, spread, sync_size
from moe_studio.kernel.device import DeviceFacts
from moe_studio.kernel.expert_load import RankLoad
from moe_studio.kernel.fitted import CALIBRATED, Calibration, NotCalibratedError
from moe_studio.kernel.mla import KV_LORA, QK_NOPE, QK_ROPE, V_DIM
from moe_studio.kernel.moe import HEIGHTS, moe_us
from moe_studio.project.cluster import Cluster, Device
from moe_studio.project.model import DTYPES
from moe_studio.project.project import Project

US = 1e-6
BY_NAME: Mapping[str, Family] = {family.name: family for family in FAMILIES}
TABLE_DTYPES = {
    "bf16": "bfloat16",
    "fp16": "bfloat16",
    "fp8": "fp8_block",
    "fp32": "bfloat16",
    "int8": "fp8",
    "fp4": "fp8",
}
"""What tables of measured kernels call a data type; 8-bit weights are scaled by blocks, as released models are."""

DEEPEP_SMS = 20.0
"""SMs that DeepEP's normal kernels use (its README's setting for H800)."""

FUSED = ("scores", "scale", "softmax", "av")
"""Operators that one fused attention kernel does."""

PROVIDERS = ("auto", "fixed", "calibrated")


def provide(project: Project) -> Provider:
    """The provider that ``project`` asks for; ``auto`` is calibrated on devices of the catalogue, else fixed.

    Raises:
        ProjectError: if there is no provider of that name.
    """
    name = project.cost.provider
    if name == "auto":
        name = (
            "calibrated" if all(is_known(project.cluster, name) for name in device_names(project.cluster)) else "fixed"
        )
    if name == "calibrated":
        return calibrated_provider(project)
    if name == "fixed":
        return fixed_provider(project)
    raise ProjectError(f"There is no cost provider {name!r}; the known ones are: {', '.join(PROVIDERS)}.")


def is_known(cluster: Cluster, name: str) -> bool:
    """Whether a device is one of the catalogue whose datasheet says enough for kernel models."""
    return name not in cluster.devices and cluster.device(name).sms > 0


def calibrated_provider(project: Project) -> "CalibratedProvider":
    """Fitted kernels for the devices of ``project``."""
    names = device_names(project.cluster)
    return CalibratedProvider(
        project=project,
        base=rates(project),
        calibrations=tuple(calibration_of(name, project.cluster.device(name)) for name in names),
        fixed=fixed_provider(project),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """Time of one kernel in seconds, how it was got (one of `PROVENANCES`), and the error to expect."""

    seconds: float
    provenance: str
    error: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibratedProvider:
    """Answers with the calibration of each device; ``base`` are the rates that its facts stand for."""

    project: Project
    base: Rates
    calibrations: tuple[Calibration, ...]
    fixed: FixedProvider
    _known: dict[tuple[object, ...], _Answer] = field(default_factory=dict)

    def work_s(self, body: LayerGraph, rows: IntArray, rates: Rates) -> FloatArray:
        """Time of operators that compute or move memory, shape (rows,)."""
        return self._work(body, rates).seconds[rows]

    def link_s(self, body: LayerGraph, run: Run, rates: Rates) -> FloatArray:
        """Time of operators that communicate, each for its own GPU, shape (rows,)."""
        return self._link(body, run, rates).seconds

    def evidence(self, body: LayerGraph, rates: Rates) -> Evidence:
        """How the time of each operator was got, and the error to expect."""
        result = self._work(body, rates)
        for run in body.runs:
            if run.on_comm:
                part = self._link(body, run, rates)
                result.provenance[run.rows], result.error[run.rows] = part.provenance, part.error
        return Evidence(provenance=result.provenance, error=result.error)

    def get_time_s(self, m: float, k: float, n: float, *, count: float, dtype: str, device: Device) -> float:
        """Time of one GEMM, ``count`` times, on the first device of the project."""
        answer = self._gemm(0, m, k, n, dtype, self.base)
        if answer is None:
            return self.fixed.get_time_s(m, k, n, count=count, dtype=dtype, device=device)
        return count * answer.seconds

    def gemm_evidence(self, m: float, k: float, n: float, dtype: str) -> tuple[str, float | None]:
        """How the time of one GEMM on the first device was got, and the relative error to expect."""
        answer = self._gemm(0, m, k, n, dtype, self.base)
        return ("fixed", None) if answer is None else (answer.provenance, answer.error)

    # Compute and memory

    def _work(self, body: LayerGraph, rates: Rates) -> "_Rows":
        every = np.arange(len(body))
        result = _Rows(self.fixed.work_s(body, every, rates))
        for kind in np.unique(body.stage.device).tolist():
            lanes = np.flatnonzero(body.stage.device == kind)
            for run in body.runs:
                if not run.on_comm and not run.kind.is_expert:
                    self._lane_run(body, run, lanes, kind, rates, result)
        self._experts(body, rates, result)
        return result

    def _lane_run(self, body: LayerGraph, run: Run, lanes: IntArray, kind: int, rates: Rates, result: "_Rows") -> None:
        """A run with one row on each lane: rows that are alike are asked for once."""
        rows = run.first + lanes
        name = run.kind.name
        if name in FUSED:
            self._fused(body, run, rows, kind, rates, result)
        elif name in ("q_absorb", "v_absorb"):
            result.put(rows, self._absorb(body, name, int(rows[0]), kind, rates))
        elif run.kind.is_matmul:
            m, k, n, dtype = (body.columns[column][rows[0]] for column in ("m", "k", "n", "dtype"))
            result.put(rows, self._gemm(kind, float(m), float(k), float(n), DTYPES[int(dtype)], rates))
        else:
            for byte in np.unique(body.byte[rows]).tolist():
                same = rows[body.byte[rows] == byte]
                width = float(body.in_width[same[0]])
                result.put(same, self._moving(kind, byte, width, rates))

    def _gemm(self, kind: int, m: float, k: float, n: float, dtype: str, rates: Rates) -> _Answer | None:
        words = {"dtype": TABLE_DTYPES[dtype], "kernel": ""}
        return self._ask("gemm", kind, words, {"m": m, "k": k, "n": n}, m, rates) if m else None

    def _moving(self, kind: int, byte: float, width: float, rates: Rates) -> _Answer | None:
        """An operator bound by memory: as a kernel on rows of ``width`` that moves as many bytes."""
        if not byte:
            return None
        words = {"op": "scale_matrix", "dtype": "fp8", "kernel": "torch_ops"}
        # The tables' kernel moves 3 bytes for each element.
        return self._ask("elementwise", kind, words, {"m": byte / (3 * width), "k": width}, byte / (3 * width), rates)

    def _absorb(self, body: LayerGraph, name: str, row: int, kind: int, rates: Rates) -> _Answer | None:
        """The heads' own products around latent attention, of DeepSeek's sizes."""
        attention = body.place.attention
        if (attention.qk_nope, attention.v_dim, attention.kv_lora) != (QK_NOPE, V_DIM, KV_LORA):
            return None
        words = {
            "op": "mla_gen_pre" if name == "q_absorb" else "mla_gen_post",
            "dtype": "bfloat16",
            "kv_dtype": "bfloat16",
        }
        columns = {"batch": body.m[row], "q_len": 1.0, "kv_len": 1.0, "heads": body.count[row]}
        return self._ask("mla", kind, words, columns, 1.0, rates)

    def _fused(self, body: LayerGraph, run: Run, rows: IntArray, kind: int, rates: Rates, result: "_Rows") -> None:
        """One fused kernel does scores, scale, softmax and av; scores and av share its time by their arithmetic."""
        if self.project.cost.attention != "fused":
            return
        whole = self._attention(body, kind, rates)
        if whole is None:
            return
        flop = {name: body.flop[body.run_of[name].first] for name in ("scores", "av")}
        share = flop.get(run.kind.name, 0.0) / max(sum(flop.values()), 1e-300)
        result.put(rows, replace(whole, seconds=whole.seconds * share))

    def _attention(self, body: LayerGraph, kind: int, rates: Rates) -> _Answer | None:
        attention, size, model = body.place.attention, body.size, self.project.model
        keys = float(key_count(self.project, attention))
        if not keys:
            return None
        heads, kv_heads = head_count(attention, body.stage.tp)
        kv_dtype = model.dtype_of("kv_cache")
        words = {"dtype": "bfloat16", "kv_dtype": "fp8" if kv_dtype == "fp8" else "bfloat16"}
        columns = {
            "batch": max(size.sequences, 1.0),
            "q_len": float(size.queries),
            "kv_len": keys,
            "heads": float(heads),
        }
        if attention.kind == "mla":
            is_known = (attention.qk_nope, attention.qk_rope, attention.v_dim) == (QK_NOPE, QK_ROPE, V_DIM)
            if not is_known or attention.kv_lora != KV_LORA:
                return None
            op = "mla_decode" if size.is_decode else "mla_prefill"
            return self._ask("mla", kind, words | {"op": op}, columns, keys, rates)
        full = "attn_prefill" if self.project.cost.causal else "attn_prefill_full"
        words |= {"op": "attn_decode" if size.is_decode else full}
        columns |= {"kv_heads": float(kv_heads), "head_dim": float(attention.head_dim)}
        return self._ask("attention", kind, words, columns, keys, rates)

    # Experts: one grouped kernel per GPU does all of them

    def _experts(self, body: LayerGraph, rates: Rates, result: "_Rows") -> None:
        runs = [run for run in body.runs if run.kind.is_expert and not run.on_comm]
        if not runs or not len(body.host.lane):
            return
        lanes = body.stage.lanes
        share = result.seconds.copy()
        for kind in np.unique(body.stage.device).tolist():
            whole = self._grouped(body, runs[0], kind, rates)
            if whole is None:
                continue
            time, provenance, error = whole
            spent = sum((total_by(body.lane[run.rows], share[run.rows], lanes) for run in runs), np.zeros(lanes))
            mine = body.stage.device == kind
            for run in runs:
                rows = np.arange(run.first, run.last)[mine[body.lane[run.rows]]]
                lane = body.lane[rows]
                result.seconds[rows] = share[rows] / np.maximum(spent[lane], 1e-300) * time[lane]
                result.provenance[rows], result.error[rows] = result.code(provenance), error

    def _grouped(self, body: LayerGraph, run: Run, kind: int, rates: Rates) -> tuple[FloatArray, str, float] | None:
        """Time of each lane's experts, shape (lanes,): lanes with the same loads are asked for once."""
        ffn, host, project = body.place.ffn, body.host, self.project
        dtype = TABLE_DTYPES[project.model.dtype_of("experts")]
        words = {"dtype": dtype, "routing": "balanced", "kernel": "triton"}
        family = BY_NAME["moe"]
        try:
            variant = choose(self.calibrations[kind], family, family.variants(words))[1]
        except NotCalibratedError:
            return None
        tokens = body.m[run.rows] if run.kind.is_matmul else body.in_rows[run.rows]
        weight = np.maximum(body.weight_byte[run.rows], 1e-300)
        touched = np.clip((body.byte[run.rows] - body.live_byte[run.rows]) / weight, 0.0, 1.0)
        lanes = body.stage.lanes
        rows, active = total_by(host.lane, tokens, lanes), total_by(host.lane, touched, lanes)
        tiles = np.stack([total_by(host.lane, np.ceil(tokens / height), lanes) for height in HEIGHTS], axis=1)
        count = np.bincount(host.lane, minlength=lanes).astype(float)
        n = body.size.rows * (1 if body.stage.is_local else body.stage.groups)
        table = np.stack([rows, active, count, *tiles.T])[:, host.hosts]
        alike, place = np.unique(table, axis=1, return_inverse=True)
        has_all = body.stage.is_local
        all_tokens = np.full(alike.shape[1], n) if has_all else np.ceil(alike[0] / ffn.top_k)
        time = moe_us(
            variant.parameters,
            self._facts(kind, rates),
            tokens=np.maximum(all_tokens, 1.0),
            hidden=np.full(alike.shape[1], float(project.model.hidden)),
            inter=np.full(alike.shape[1], -(-ffn.hidden // body.stage.etp) * 1.0),
            topk=np.full(alike.shape[1], float(ffn.top_k)),
            experts=alike[2] * (1 if count.max() >= ffn.experts else 2),
            moe_tp=np.ones(alike.shape[1]),
            moe_ep=np.full(alike.shape[1], 1.0 if count.max() >= ffn.experts else 2.0),
            routing="balanced",
            dtype=words["dtype"].replace("bfloat16", "bf16"),
            load=RankLoad(
                rows=np.maximum(alike[0], 1.0),
                active=np.maximum(alike[1], 1e-3),
                tokens=np.minimum(np.maximum(all_tokens, 1.0), np.maximum(alike[0], 1.0)),
                tiles=alike[3:].T,
            ),
        )
        result = np.zeros(lanes)
        result[host.hosts] = time[place.reshape(-1)] * US * ffn.matrices / 3
        return result, variant.provenance, variant.expected_error(float(n))

    # Communication

    def _link(self, body: LayerGraph, run: Run, rates: Rates) -> "_Rows":
        result = _Rows(self.fixed.link_s(body, run, rates))
        if run.first == run.last or not result.seconds.any():
            return result
        if is_exchange(body, run):
            self._exchange(body, run, rates, result)
            return result
        local = np.arange(run.last - run.first)
        lane = body.lane[run.rows]
        nodes, _, _ = spread(body.stage.node, sync_size(run.sync, body.stage))
        byte, device = body.byte[run.rows], body.stage.device[lane]
        table = np.stack(
            [byte, nodes[lane].astype(float), device.astype(float), (body.inter_hop[run.rows] > 0).astype(float)]
        )
        for shape in np.unique(table, axis=1).T:
            rows = local[(table == shape[:, None]).all(axis=0)]
            result.put(
                rows, self._collective(body, run, float(shape[0]), int(shape[1]), int(shape[2]), bool(shape[3]), rates)
            )
        return result

    def _collective(
        self, body: LayerGraph, run: Run, byte: float, nodes: int, kind: int, is_far: bool, rates: Rates
    ) -> _Answer | None:
        if not byte:
            return None
        words = {"dtype": "bfloat16", "kernel": ""}
        if run.kind.name == "send":
            columns = {
                "gpus": 2.0,
                "nodes": 2.0 if is_far else 1.0,
                "gpus_per_node": 1.0 if is_far else 2.0,
                "bytes": byte,
            }
            return self._ask("p2p", kind, words | {"op": "send_recv"}, columns, byte, rates)
        gathers = {"combine_gather", "logits_gather"}
        is_gather = run.kind.name in gathers or (run.kind.name == "combine" and body.place.ffn.top_k == 1)
        is_gather |= run.kind.name == "expert_reduce" and body.place.ffn.kind == "single"
        op = "all_gather" if is_gather else "all_reduce"
        columns = {"gpus": float(sync_size(run.sync, body.stage)), "nodes": float(nodes), "bytes": byte}
        return self._ask("collective", kind, words | {"op": op}, columns, byte, rates)

    def _exchange(self, body: LayerGraph, run: Run, rates: Rates, result: "_Rows") -> None:
        """DeepEP: low-latency kernels in decode, normal ones else; more traffic than the mean takes longer."""
        stage, ffn = body.stage, body.place.ffn
        mode = "ll" if body.size.is_decode else "normal"
        nodes, _, _ = spread(stage.node, stage.width)
        columns = {
            "gpus": float(stage.width),
            "nodes": float(nodes.max()),
            "tokens": max(body.size.rows / stage.tp, 1.0),
            "hidden": float(self.project.model.hidden),
            "topk": float(ffn.top_k),
            "experts": float(ffn.experts),
            "sms": 0.0 if mode == "ll" else DEEPEP_SMS,
        }
        words = {"op": f"deepep_{mode}_{run.kind.name}", "version": ""}
        traffic = body.intra_byte[run.rows] + body.inter_byte[run.rows]
        mean = max(float(traffic.mean()), 1e-300)
        for kind in np.unique(stage.device).tolist():
            answer = self._ask("deepep", kind, words, columns, columns["tokens"], rates)
            if answer is not None:
                rows = np.flatnonzero(stage.device == kind)
                result.put(rows, answer)
                result.seconds[rows] *= np.maximum(traffic[rows] / mean, 1.0)

    # Asking

    def _ask(
        self, family: str, kind: int, words: Words, columns: Mapping[str, float], size: float, rates: Rates
    ) -> _Answer | None:
        """The answer of one kernel; None where nothing was fitted."""
        scale = self._scale(kind, rates)
        key = (family, kind, scale, *words.values(), *columns.values())
        if key not in self._known:
            known = BY_NAME[family]
            try:
                _, fitted = choose(self.calibrations[kind], known, known.variants(words))
            except NotCalibratedError:
                return None
            table: Columns = {name: np.array([float(value)]) for name, value in columns.items()}
            time = known.predict(fitted.parameters, self._facts(kind, rates), table, words)
            self._known[key] = _Answer(
                seconds=float(time[0]) * US,
                provenance="calibrated" if fitted.provenance == CALIBRATED else "datasheet",
                error=fitted.expected_error(size),
            )
        return self._known[key]

    def _scale(self, kind: int, rates: Rates) -> tuple[float, float, float]:
        """How much more the device is given than its datasheet says: arithmetic, memory, link in the node."""
        base = self.base
        return (
            round(float(rates.peak_flop_s[kind, 0] / base.peak_flop_s[kind, 0]), 6),
            round(float(rates.memory_byte_s[kind] / base.memory_byte_s[kind]), 6),
            round(rates.intra_byte_s / base.intra_byte_s, 6),
        )

    def _facts(self, kind: int, rates: Rates) -> DeviceFacts:
        facts = self.calibrations[kind].facts
        compute, memory, link = self._scale(kind, rates)
        lent = lent_sms(self.project)
        if lent:
            left = max(1, facts.sms - int(lent))
            compute, facts = compute * left / facts.sms, replace(facts, sms=left)
        if (compute, memory, link) == (1.0, 1.0, 1.0):
            return facts
        return replace(
            facts,
            peak_flop_s={name: peak * compute for name, peak in facts.peak_flop_s.items()},
            memory_byte_s=facts.memory_byte_s * memory,
            link_byte_s=facts.link_byte_s * link,
        )


def lent_sms(project: Project) -> float:
    """SMs that DeepEP's normal kernels hold while another micro-batch computes beside them.

    Low-latency kernels send by the network card alone and hold none (README of DeepEP).
    """
    work = project.workload
    is_overlapped = project.cost.overlap and work.order == "interleaved" and work.micro_batches > 1
    has_exchange = not project.is_local and any(layer.ffn.is_moe for layer in project.model.layers)
    return DEEPEP_SMS if is_overlapped and has_exchange and work.phase != "decode" else 0.0


class _Rows:
    """Times of rows while they are found, first those of `fixed`."""

    def __init__(self, seconds: FloatArray) -> None:
        self.seconds = seconds
        self.provenance = np.full(len(seconds), self.code("fixed"), np.int8)
        self.error = np.full(len(seconds), np.nan)

    @staticmethod
    def code(provenance: str) -> int:
        """Index into `PROVENANCES`."""
        return Evidence.code(provenance)

    def put(self, rows: IntArray, answer: _Answer | None) -> None:
        """Write ``answer`` to ``rows``; none leaves what is there."""
        if answer is not None:
            self.seconds[rows] = answer.seconds
            self.provenance[rows] = self.code(answer.provenance)
            self.error[rows] = answer.error
