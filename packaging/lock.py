"""Writes the locked versions that bootstrap.py installs, and checks that every platform has their wheels.

    python packaging/lock.py           # newest versions that pyproject.toml allows
    python packaging/lock.py --check   # is there a wheel of each for every Python and platform?

Needs the package ``uv`` in the Python that runs it. The lock files hold versions and sha256
hashes and no address: whoever installs decides where packages come from.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
RUN_LOCK = PACKAGING / "requirements.lock.txt"
TEST_LOCK = PACKAGING / "requirements-test.lock.txt"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = (
    "x86_64-manylinux_2_34",
    "aarch64-manylinux_2_39",
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
# What installing the project itself needs: its build back-end, and that one's way to install a checkout in place.
BUILD = ("hatchling", "editables")
HEADER = "# Written by packaging/lock.py; do not edit. Versions and hashes of {what}.\n"


def main() -> int:
    """Lock, or check the lock."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only look for missing wheels")
    if parser.parse_args().check:
        return check()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [item for items in project["optional-dependencies"].values() for item in items]
    lock([*project["dependencies"], *BUILD], TEST_LOCK, "the program with all its extras and its tests", extras)
    lock([*project["dependencies"], *BUILD], RUN_LOCK, "the program", [], constraint=TEST_LOCK)
    return 0


def lock(needed: list[str], target: Path, what: str, extras: list[str], constraint: Path | None = None) -> None:
    """Write to ``target`` one version of each package, the same for every Python and platform."""
    constraints = ["--constraint", str(constraint)] if constraint else []
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--universal", "--fork-strategy", "fewest"]
    command += ["--python-version", PYTHONS[0], "--only-binary", ":all:", "--generate-hashes", *constraints]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--upgrade"]
    text = "\n".join([*needed, *extras])
    pins = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=True).stdout
    target.write_text(HEADER.format(what=what) + pins, "utf-8", newline="\n")


def check() -> int:
    """Name every Python and platform for which a locked version has no wheel; 1 if there is any."""
    gaps = 0
    for platform in PLATFORMS:
        for python in PYTHONS:
            fault = missing_wheel(platform, python)
            print(f"{platform} Python {python}: {fault or 'every wheel is there'}")
            gaps += bool(fault)
    return 1 if gaps else 0


def missing_wheel(platform: str, python: str) -> str:
    """Why the test lock cannot be installed there, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--require-hashes", "--target", folder]
        command += ["--only-binary", ":all:", "--python-platform", platform, "--python-version", python]
        result = subprocess.run([*command, "-r", str(TEST_LOCK)], capture_output=True, encoding="utf-8")
    return " ".join(result.stderr.split()) if result.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
