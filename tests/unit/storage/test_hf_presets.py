"""The catalogue's models are what their configurations give, and its hardware is what its sources say."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from moe_studio.locator import resource
from moe_studio.project.parameter import parameters
from moe_studio.storage.catalogue import load_cluster, load_device, load_model

ROOT = Path(__file__).resolve().parents[3]
MODELS = sorted(path.stem for path in resource("models").glob("*.yaml"))
DEVICES = sorted(path.stem for path in resource("devices").glob("*.yaml"))
CLUSTERS = sorted(path.stem for path in resource("clusters").glob("*.yaml"))


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """The script that makes the models."""
    spec = importlib.util.spec_from_file_location("make_models", ROOT / "packaging" / "make_models.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_catalogue_has_the_models_of_the_script_and_no_others(maker: ModuleType) -> None:
    assert sorted(maker.PRESETS) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_a_model_file_is_what_the_script_writes(maker: ModuleType, name: str) -> None:
    written = (resource("models") / f"{name}.yaml").read_text("utf-8")
    assert written == maker.preset_text(maker.PRESETS[name])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_the_catalogue_equals_its_configuration(maker: ModuleType, name: str) -> None:
    made = replace(maker.imported(maker.PRESETS[name]), warnings=())
    loaded = replace(load_model(name), preset="", warnings=())
    assert loaded == made
    assert parameters(loaded) == parameters(made)


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_names_its_source_and_is_consistent(name: str) -> None:
    device = load_device(name)
    assert device.title and device.source
    assert device.peak_tflops["bf16"] == device.peak_tflops["fp16"]
    if "fp8" in device.peak_tflops:
        assert device.peak_tflops["fp8"] == pytest.approx(2 * device.peak_tflops["bf16"], rel=0.02)
    if "fp4" in device.peak_tflops:
        assert device.peak_tflops["fp4"] == 2 * device.peak_tflops["fp8"]


@pytest.mark.parametrize(
    ("name", "dtype", "tflops", "memory_gb", "memory_tb_s", "link_gb_s"),
    [
        ("a100-40g-sxm", "bf16", 312, 40, 1.555, 300),
        ("a100-80g-sxm", "int8", 624, 80, 2.039, 300),
        ("h100-sxm", "fp8", 1979, 80, 3.35, 450),
        ("h100-pcie", "bf16", 756.5, 80, 2.0, 64),
        ("h200-sxm", "bf16", 989.5, 141, 4.8, 450),
        ("h20", "fp8", 296, 96, 4.0, 450),
        ("h800-sxm", "bf16", 989.5, 80, 3.35, 200),
        ("b200", "fp4", 9000, 180, 7.7, 900),
        ("gb200", "fp8", 5000, 186, 8.0, 900),
        ("mi300x", "fp8", 2614.9, 192, 5.3, 448),
        ("mi325x", "bf16", 1307.4, 256, 6.0, 448),
        ("l40s", "fp8", 733, 48, 0.864, 32),
    ],
)
def test_devices_have_the_dense_peaks_of_their_datasheets(
    name: str, dtype: str, tflops: float, memory_gb: float, memory_tb_s: float, link_gb_s: float
) -> None:
    device = load_device(name)
    assert device.peak_tflops[dtype] == tflops
    assert (device.memory_gb, device.memory_tb_s, device.link_gb_s) == (memory_gb, memory_tb_s, link_gb_s)


def test_no_device_older_than_hopper_has_fp8_and_none_older_than_blackwell_fp4() -> None:
    with_fp8 = {name for name in DEVICES if load_device(name).has_peak("fp8")}
    assert not with_fp8 & {"a100-40g-sxm", "a100-80g-sxm", "seed-64g"}
    assert {name for name in DEVICES if load_device(name).has_peak("fp4")} == {"b200", "gb200"}


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_cluster_links_its_gpus_as_fast_as_their_datasheet_says(name: str) -> None:
    cluster = load_cluster(name)
    for node in cluster.nodes:
        assert load_device(node.device).link_gb_s == cluster.links.intra.gb_s
    assert cluster.links.inter.gb_s < cluster.links.intra.gb_s
    assert len({node.at for node in cluster.nodes}) == len(cluster.nodes)
    assert "Source" in (resource("clusters") / f"{name}.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "gpus", "nodes"),
    [("dgx-a100", 8, 1), ("dgx-h100-4", 32, 4), ("gb200-nvl72", 72, 1), ("seed-16", 16, 2), ("seed-128", 128, 16)],
)
def test_clusters_have_the_size_of_their_name(name: str, gpus: int, nodes: int) -> None:
    cluster = load_cluster(name)
    assert (cluster.gpu_count, len(cluster.nodes)) == (gpus, nodes)
