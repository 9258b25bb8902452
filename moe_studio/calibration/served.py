"""Served models: the time per output token of an engine that prefills and decodes in turn.

While B requests are served, each must be prefilled once for every ``osl`` tokens that it gets; so a step takes as long
as one of decode and B / osl of a prefill (in-flight batching; Yu et al., Orca, OSDI 2022).
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from moe_studio.calibration.asker import Asker
from moe_studio.calibration.calibrated import CalibratedProvider
from moe_studio.calibration.family import NOT_PREDICTED, Block, Family, Load, Prediction, no_floor
from moe_studio.calibration.opinion import Opinion
from moe_studio.calibration.store import datasheet_of
from moe_studio.engine.evaluation import evaluate
from moe_studio.engine.provider import fixed_provider, rates
from moe_studio.errors import MoeStudioError
from moe_studio.kernel.device import FloatArray
from moe_studio.kernel.fitted import CALIBRATED, DATASHEET, Calibration
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.design import Cost, Parallel, Workload
from moe_studio.project.model import DTYPES
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_model, model_names
from moe_studio.storage.nearest import nearest_hint

SAME_SHAPE = {"deepseek-r1": "deepseek-v3", "deepseek-v3-0324": "deepseek-v3"}
"""Models of the shape of another one that the catalogue has."""
_NUMBERS = ("isl", "osl", "batch_size", "tp_size")
_WHOLE = re.compile(r"0*[1-9]\d{0,6}(\.0*)?", re.ASCII)
_SUFFIXES = ("-instruct", "-chat", "-base", "-fp8")


def served(gpu: str, block: Block, load: Load, opinion: Opinion | None) -> Prediction:
    """Time per output token of each row; a row that makes no sense has a reason instead."""
    model, dtype = model_name(block.words["model_path"]), block.words["precision_filled"]
    groups, ep = (_whole_word(name, block.words[name]) for name in ("attention_dp_size", "moe_ep_size"))
    server = _Server(model=model, gpu=gpu, dtype=dtype, groups=groups, ep=ep, load=load, opinion=opinion)
    rows, place = np.unique(np.stack([block.columns[name] for name in _NUMBERS]), axis=1, return_inverse=True)
    basis = _origins(load(gpu), opinion)
    found = [_row(server, row, basis) for row in rows.T.tolist()]
    place = place.reshape(-1)
    return Prediction(
        time_us=np.array([time for time, _ in found])[place],
        source=np.array([source for _, source in found], dtype=object)[place],
    )


def _row(server: "_Server", row: list[float], basis: str) -> tuple[float, str]:
    """Time per output token in µs and how it was got; NaN and the reason where there is none."""
    for name, value in zip(_NUMBERS, row, strict=True):
        if value < 1 or value % 1:
            return np.nan, f"{NOT_PREDICTED}{name} is not a whole number of at least 1"
    try:
        return _token_us(server, *map(int, row)), basis
    except MoeStudioError as error:
        return np.nan, NOT_PREDICTED + str(error)


def _whole_word(name: str, text: str) -> int:
    """A whole number that tables may leave out: 1 then."""
    if not text.strip():
        return 1
    if not _WHOLE.fullmatch(text.strip()):
        raise MoeStudioError(f"{name} is not a whole number of at least 1: {text[:20]!r}.")
    return int(text.partition(".")[0])


def model_name(path: str) -> str:
    """The model of the catalogue that a name such as ``meta-llama/Llama-3.1-8B-Instruct`` means."""
    plain = path.strip().lower().rpartition("/")[2]
    for suffix in _SUFFIXES:
        plain = plain.removesuffix(suffix)
    plain = SAME_SHAPE.get(plain, plain)
    if plain not in model_names():
        raise MoeStudioError(f"The catalogue has no model {path[:60]!r}; {nearest_hint(plain, model_names())}")
    return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """What rows of a table share: ``groups`` attention groups serve a model, ``ep`` GPUs share its experts."""

    model: str
    gpu: str
    dtype: str
    groups: int
    ep: int
    load: Load
    opinion: Opinion | None

    def cluster(self, gpus: int) -> Cluster:
        """One node of such GPUs."""
        calibration = self.load(self.gpu)
        name = calibration.facts.name
        node = Node(name="node0", gpus=gpus, device=name)
        return Cluster(nodes=(node,), catalogue={name: datasheet_of(calibration)})


def _token_us(server: _Server, isl: int, osl: int, batch: int, tp: int) -> float:
    """Groups of ``tp`` GPUs each; the context is that of a request half done."""
    step = _step_s(server, tp, Workload(phase="decode", batch=batch, context=isl + osl // 2))
    prompt = _step_s(server, tp, Workload(phase="prefill", batch=server.groups, tokens=isl))
    return (step + batch / osl * prompt / server.groups) * 1e6


@lru_cache(maxsize=16384)
def _step_s(server: _Server, tp: int, work: Workload) -> float:
    """Run time of one step."""
    known = load_model(server.model)
    if server.dtype not in DTYPES:
        raise MoeStudioError(f"There is no data type {server.dtype[:20]!r}; known are {', '.join(DTYPES)}.")
    gpus, has_moe = tp * server.groups, known.has_experts
    if has_moe and gpus % server.ep:
        raise MoeStudioError(f"moe_ep_size {server.ep} does not divide the {gpus} GPUs.")
    project = Project(
        model=replace(known, dtypes=replace(known.dtypes, weights=server.dtype, experts=server.dtype)),
        cluster=server.cluster(gpus),
        parallel=Parallel(tp=tp, ep=server.ep, etp=gpus // server.ep if has_moe else 1),
        workload=work,
        cost=Cost(provider="calibrated", attention="fused", causal=True),
    )
    provider = CalibratedProvider(project=project, asker=_asker(server), fixed=fixed_provider(project))
    return evaluate(project, lambda _: provider).metrics.latency_s


@lru_cache(maxsize=64)
def _asker(server: _Server) -> Asker:
    """Remembers the kernels of a device: the steps of a server share most of theirs, whatever their contexts."""
    base = rates(Project(model=load_model(server.model), cluster=server.cluster(1)))
    return Asker(calibrations=(server.load(server.gpu),), base=base, opinion=server.opinion)


def _origins(calibration: Calibration, opinion: Opinion | None) -> str:
    """How the kernels of a whole model are known."""
    here = calibration.facts.name
    origins = {
        family: {fitted.origin for fitted in variants.values()} for family, variants in calibration.families.items()
    }
    far = {family: sorted(each) for family, each in origins.items() if here not in each}
    provenance = DATASHEET if len(far) == len(origins) else CALIBRATED
    others = ", ".join(sorted({name for each in far.values() for name in each}))
    lent = f", {'all' if provenance == DATASHEET else ', '.join(sorted(far))} of {others}" if far else ""
    return f"{provenance}: its kernels{lent}" + (", corrected by run times of your own" if opinion else "")


def _not_fitted(*_: object) -> FloatArray:
    raise MoeStudioError("Served models are put together from kernels; nothing is fitted to them.")


SERVED = Family(
    name="served",
    gpu="system",
    numbers=_NUMBERS,
    words=("model_path",),
    optional={"precision_filled": "bf16", "attention_dp_size": "1", "moe_ep_size": "1"},
    measured="silicon_tpot_ms",
    measured_us=1e3,
    variants=lambda words: ("tpot",),
    parameters=object,
    predict=_not_fitted,
    fit=_not_fitted,
    floor_us=no_floor,
    shape=("isl", "osl"),
    size="batch_size",
    bands=(1,),
    whole=served,
)
