"""The wheel that a user installs."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_wheel_holds_program_and_resources_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("moe_studio-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "moe_studio/locator.py" in names
    assert "moe_studio/resources/examples/seed0-proposed.moe.yaml" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"moe_studio"}
    metadata = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert "moe-studio = moe_studio.__main__:main" in metadata
