"""The published JSON Schema."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from moe_studio.errors import FileError
from moe_studio.storage.catalogue import example_names, example_path
from moe_studio.storage.loader import parse_project
from moe_studio.storage.schema import project_schema, schema_path, schema_text

VALIDATOR = Draft202012Validator(project_schema())
SMALL: dict[str, Any] = {"model": {"hidden": 16, "ffn": {"moe": {"hidden": 16, "experts": 4}}}}


def test_the_published_schema_is_the_one_that_the_values_give() -> None:
    assert schema_path().read_text(encoding="utf-8") == schema_text()


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(project_schema())


@pytest.mark.parametrize("name", example_names())
def test_every_example_is_valid(name: str) -> None:
    VALIDATOR.validate(yaml.safe_load(example_path(name).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"model": {"preset": "mixtral-8x7b", "ffn": {"moe": {"top_k": 1}}}},
        {"cluster": {"links": {"intra": {"gb_s": 900}}}},
        {"cluster": {"preset": "dgx-h100"}},
        {"placement": {"moves": [{"layers": 0, "expert": 1, "slots": [0]}]}},
        {"limits": None},
        {"reference": {"note": 12}},
    ],
)
def test_what_the_loader_reads_is_valid(more: dict[str, Any]) -> None:
    parse_project(json.dumps(SMALL | more))
    VALIDATOR.validate(SMALL | more)


@pytest.mark.parametrize(
    "more",
    [
        {"model": {}},
        {"model": {"hidden": 16}},
        {"clusters": {}},
        {"parallel": {"tp": 0}},
        {"parallel": {"tp": 1.5}},
        {"parallel": {"attention": "both"}},
        {"cost": {"overlap": "yes"}},
        {"cost": {"compute": 0}},
        {"placement": {"moves": [{"expert": 1}]}},
        {"workload": {"routing": {"counts": [[1]]}}},
        {"format": 2},
    ],
)
def test_what_the_loader_refuses_for_its_form_is_invalid(more: dict[str, Any]) -> None:
    with pytest.raises(FileError):
        parse_project(json.dumps(SMALL | more))
    assert not VALIDATOR.is_valid(SMALL | more)
