"""The catalogue: everything in it opens, and a wrong name is answered with the nearest."""

import pytest

from moe_studio.project.cluster import Device
from moe_studio.storage.catalogue import (
    CatalogueError,
    cluster_names,
    device_names,
    example_names,
    example_path,
    load_cluster,
    load_device,
    load_model,
    model_names,
)


def test_every_device_model_and_cluster_opens() -> None:
    assert all(isinstance(load_device(name), Device) for name in device_names())
    assert all(load_model(name).layer_count for name in model_names())
    assert all(load_cluster(name).gpu_count for name in cluster_names())


def test_the_device_of_the_source_documents_is_as_they_say() -> None:
    device = load_device("seed-64g")
    assert (device.memory_gb, device.memory_tb_s, device.link_gb_s) == (64, 1.8, 450)
    assert dict(device.peak_tflops) == {"fp16": 400, "bf16": 400}


def test_every_device_names_its_source() -> None:
    assert [name for name in device_names() if not load_device(name).source] == []


def test_the_nine_examples_are_there() -> None:
    assert len(example_names()) >= 9
    assert example_path("seed3").is_file()


@pytest.mark.parametrize("name", ["seed-64", "../devices/seed-64g", "", "x" * 1000])
def test_a_wrong_name_is_refused(name: str) -> None:
    for load in (load_device, load_model, load_cluster, example_path):
        with pytest.raises(CatalogueError, match="the catalogue has no"):
            load(name)
