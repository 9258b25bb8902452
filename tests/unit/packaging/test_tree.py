"""What lies in the repository, and what must not."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
TOP = {"moe_studio", "resources", "tests", "packaging", "pyproject.toml", "README.md", "LICENSE"}
# Written in parts, so that this file does not name them.
REGISTRIES = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("anaconda", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("deb.debian", "org"),
        ("archive.ubuntu", "com"),
    ]
]


def committed() -> list[str]:
    """Paths of the committed files; of all files that are not hidden where this is no git checkout."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8")
    if listing.returncode == 0 and listing.stdout:
        return [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]
    paths = (path.relative_to(ROOT) for top in TOP for path in [ROOT / top, *(ROOT / top).rglob("*")] if path.is_file())
    return [path.as_posix() for path in paths if "__pycache__" not in path.parts]


def machine_paths() -> re.Pattern[str]:
    """Folders that a file might name by accident: that of this checkout, and anybody's home."""
    here = {f"{folder.as_posix().rstrip('/')}/" for folder in (ROOT, ROOT.parent, Path.home())} - {"/"}
    anybody = r"/(?:home|Users)/\w+/|[A-Z]:\\+Users\\"
    return re.compile(rf"(?<![\w.])(?:{'|'.join([*map(re.escape, sorted(here)), anybody])})")


def test_top_level_names_are_the_agreed_ones() -> None:
    names = {name.partition("/")[0] for name in committed()}
    assert {name for name in names if not name.startswith(".")} == TOP


def test_folders_that_are_no_packages_have_no_init() -> None:
    for folder in ("packaging", "resources", "tests"):
        assert not list((ROOT / folder).rglob("__init__.py"))


def test_no_file_names_a_registry_or_a_folder_of_a_machine() -> None:
    paths = machine_paths()
    found = []
    for name in committed():
        text = (ROOT / name).read_bytes().decode("utf-8", "replace")
        found += [f"{name} names {word}" for word in REGISTRIES + paths.findall(text) if word in text]
    assert not found


@pytest.mark.parametrize("name", ["requirements.lock.txt", "requirements-test.lock.txt"])
def test_a_lock_holds_versions_and_hashes_and_no_address(name: str) -> None:
    lines = (ROOT / "packaging" / name).read_text("utf-8").splitlines()
    pin = re.compile(
        r"[a-z0-9._-]+==[\w.]+( ; [^/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|# [^/:]+/lock\.py; [^/:]+"
    )
    assert [line for line in lines if not pin.fullmatch(line)] == []


def test_locked_versions_are_those_that_the_project_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [item for items in project["optional-dependencies"].values() for item in items]
    for name, needed in [
        ("requirements.lock.txt", project["dependencies"]),
        ("requirements-test.lock.txt", project["dependencies"] + extras),
    ]:
        pins = re.findall(r"^(\S+)==(\S+)", (ROOT / "packaging" / name).read_text("utf-8"), re.MULTILINE)
        versions = dict(pins)
        assert len(versions) == len(pins), "one version of each, for every Python"
        for requirement in map(Requirement, needed):
            assert versions[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_test_lock_holds_all_of_the_other() -> None:
    run, test = (
        set((ROOT / "packaging" / name).read_text("utf-8").splitlines()[1:])
        for name in ("requirements.lock.txt", "requirements-test.lock.txt")
    )
    assert {line.rstrip(" \\") for line in run} <= {line.rstrip(" \\") for line in test}
