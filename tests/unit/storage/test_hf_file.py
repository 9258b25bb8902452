"""Real config.json files are read from disk, with all that is in them."""

from pathlib import Path

import pytest

from moe_studio.storage.loader import load_hf_model

CONFIGS = sorted((Path(__file__).parents[2] / "data" / "hf").glob("*.json"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_on_disk_becomes_a_model(path: Path) -> None:
    assert load_hf_model(path).layer_count > 0
