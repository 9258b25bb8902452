"""Cost providers of other packages."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from moe_studio.calibration import plugin
from moe_studio.calibration.provider import provide, provide_anyway, provider_names
from moe_studio.engine.evaluation import evaluate
from moe_studio.engine.evidence import PROVENANCES
from moe_studio.engine.rule import problems
from moe_studio.errors import MoeStudioError
from moe_studio.locator import resource
from moe_studio.project.cluster import Cluster, Node
from moe_studio.project.design import Cost, Workload
from moe_studio.project.model import FeedForward, Model
from moe_studio.project.project import Project
from moe_studio.storage.catalogue import load_device

Install = Callable[..., Path]

TWICE = """
import numpy as np
def run_time(kernels):
    return 2 * kernels.predicted_us if kernels.family == "gemm" else None
"""


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The list of what is allowed, in a folder of the test."""
    monkeypatch.setattr(plugin, "user_config_path", lambda *_, **__: tmp_path / "settings")
    return tmp_path / "settings"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package with one plug-in; its module notes on the disk that it was imported."""
    before = set(sys.modules)

    def install_package(
        code: str = TWICE, *, name: str = "acme", package: str = "acme-costs", module: str = "acme_costs"
    ) -> Path:
        site = tmp_path / package
        info = site / f"{package.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[moe_studio.providers]\n{name} = {module}:run_time\n", "utf-8")
        mark = f"open({str(site / 'imported')!r}, 'w').close()\n"
        (site / f"{module}.py").write_text(mark + code, "utf-8")
        monkeypatch.syspath_prepend(str(site))
        return site / "imported"

    yield install_package
    for name in set(sys.modules) - before:
        if name.startswith("acme"):
            del sys.modules[name]


def project(provider: str = "acme") -> Project:
    """One dense layer on one H100."""
    return Project(
        model=Model(hidden=2048, ffn={"moe": FeedForward(kind="gelu", hidden=8192)}),
        cluster=Cluster(nodes=(Node(gpus=1),), catalogue={"h100-sxm": load_device("h100-sxm")}),
        workload=Workload(batch=1, tokens=64),
        cost=Cost(provider=provider, attention="fused"),
    )


def test_a_plug_in_is_not_even_imported_before_it_is_allowed(install: Install) -> None:
    imported = install()
    with pytest.raises(MoeStudioError, match=r"plug-in of acme-costs 1\.2.* moe-studio providers --allow acme, or add"):
        provide(project())
    assert [item.name for item in plugin.installed()] == ["acme"]
    assert "acme" not in provider_names()
    assert not imported.exists()
    plugin.allow("acme")
    assert not imported.exists()
    provide(project())
    assert imported.exists()


def test_a_plug_in_that_is_allowed_prices_what_it_knows(install: Install) -> None:
    install()
    base = evaluate(project("calibrated"), provide)
    found = evaluate(project(), lambda asked: provide(asked, allowed=["acme"]))
    is_gemm = np.array([found.graph.kind_name(row) in ("ffn_up", "ffn_down", "o") for row in range(len(found.graph))])
    assert {PROVENANCES[code] for code in found.evidence.provenance[is_gemm]} == {"user"}
    assert found.duration_s[is_gemm] == pytest.approx(2 * base.duration_s[is_gemm])
    other = np.array([found.graph.kind_name(row) in ("ln1", "scores") for row in range(len(found.graph))])
    assert found.duration_s[other] == pytest.approx(base.duration_s[other])
    assert any("acme-costs 1.2" in note for note in found.provider.notes)


def test_what_is_allowed_is_remembered_until_it_is_forbidden(install: Install, own_settings: Path) -> None:
    install()
    plugin.allow("acme")
    plugin.allow("acme")
    assert plugin.allowed_names() == ("acme",)
    assert "acme" in provider_names()
    plugin.forbid("acme")
    assert (own_settings / "allowed-providers.txt").read_text("utf-8") == ""
    with pytest.raises(MoeStudioError, match="is not allowed anyway"):
        plugin.forbid("acme")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "def run_time(kernels):\n    return kernels.predicted_us * float('nan')",
            r"gives nan µs.*finite and above zero",
        ),
        ("def run_time(kernels):\n    return -kernels.predicted_us", r"gives -\d.* µs.*asked for gemm with .*m 64"),
        ("def run_time(kernels):\n    return 0 * kernels.predicted_us", "gives 0 µs"),
        ("def run_time(kernels):\n    return [1.0, 2.0, 3.0]", r"gives times of shape \(3,\) for 1 kernels"),
        ("def run_time(kernels):\n    return 5.0", r"gives times of shape \(\) for 1 kernels"),
        ("def run_time(kernels):\n    return ['fast']", "fails with ValueError: could not convert"),
        ("def run_time(kernels):\n    return 1 / 0", "fails with ZeroDivisionError: division by zero"),
        ("def run_time(kernels):\n    raise SystemExit('bye')", "fails with SystemExit: bye"),
        ("def run_time(kernels):\n    kernels.predicted_us[:] = 1", "fails with ValueError: assignment destination is"),
        ("def run_time():\n    return 1", "fails with TypeError"),
        ("def run_time(kernels):", r"cannot be loaded: IndentationError"),
        ("import nowhere_to_be_found", "cannot be loaded: ModuleNotFoundError"),
        ("other = 1", "cannot be loaded: AttributeError"),
        ("run_time = 5", "leads to acme_costs:run_time, which is no function"),
    ],
)
def test_nonsense_of_a_plug_in_is_an_error_that_names_it(install: Install, code: str, message: str) -> None:
    install(code)
    with pytest.raises(MoeStudioError, match=r"provider 'acme' \(acme-costs 1\.2\)") as caught:
        evaluate(project(), lambda asked: provide(asked, allowed=["acme"]))
    assert re.search(message, str(caught.value)), caught.value


def test_a_window_goes_on_with_kernel_models_and_says_what_failed(install: Install) -> None:
    install("def run_time(kernels):\n    return -kernels.predicted_us")
    plugin.allow("acme")
    found, base = evaluate(project(), provide_anyway), evaluate(project("calibrated"), provide)
    assert (found.duration_s == base.duration_s).all()
    (problem,) = (item for item in problems(found) if item.code == "costs")
    assert (problem.where, problem.severity) == ("cost.provider", "warning")
    assert "provider 'acme' (acme-costs 1.2) gives -" in problem.message
    assert not [item for item in problems(base) if item.code == "costs"]


def test_a_window_shows_a_design_whose_plug_in_is_not_allowed(install: Install) -> None:
    install()
    found = evaluate(project(), provide_anyway)
    assert found.metrics == evaluate(project("auto"), provide).metrics
    (problem,) = (item for item in problems(found) if item.code == "costs")
    assert "moe-studio providers --allow acme" in problem.message


def test_a_name_that_is_built_in_or_claimed_twice_is_not_taken_over(install: Install) -> None:
    install(name="fixed")
    assert plugin.installed() == ()
    install(name="twice", package="acme-one", module="acme_one")
    install(name="twice", package="acme-two", module="acme_two")
    with pytest.raises(MoeStudioError, match="claimed by acme-one and acme-two; uninstall all but one"):
        plugin.load("twice", ["twice"])


def test_a_plug_in_that_is_not_installed_is_named_with_the_nearest(install: Install) -> None:
    install()
    with pytest.raises(MoeStudioError, match="no cost provider 'acne'; did you mean 'acme'"):
        plugin.allow("acne")


def test_the_plug_in_of_the_help_works(install: Install) -> None:
    page = resource("help", "calibration.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    install(code)
    assert re.search(r"acme = \"?acme_costs:run_time", page)
    found = evaluate(project(), lambda asked: provide(asked, allowed=["acme"]))
    assert Cost().provider == "auto"
    assert "user" in {PROVENANCES[code] for code in found.evidence.provenance}
