"""Cost providers of other packages, found by their entry points and loaded only once the user has allowed them by name.

An entry point of the group ``moe_studio.providers`` leads to a function that takes `Kernels` and returns the run time
of each in microseconds, or None for kernels that it does not know.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_config_path

from moe_studio.calibration.family import Block, Family
from moe_studio.calibration.opinion import Ratio
from moe_studio.errors import MoeStudioError
from moe_studio.kernel.device import DeviceFacts, FloatArray
from moe_studio.kernel.fitted import Fitted
from moe_studio.storage.atomic import save_text
from moe_studio.storage.nearest import nearest_hint
from moe_studio.storage.plain_file import read_plain_text

GROUP = "moe_studio.providers"
BUILT_IN = ("auto", "fixed", "calibrated", "table")
_MAX_BYTE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kernels:
    """Kernels of one family that share their words, as a table of run times has them.

    ``columns`` are the numbers of each, shape (kernels,); ``words`` what they share, such as the data type;
    ``device`` the GPU by its datasheet; ``predicted_us`` what the kernel models say of each.
    """

    family: str
    words: Mapping[str, str]
    columns: Mapping[str, FloatArray]
    device: DeviceFacts
    predicted_us: FloatArray


RunTime = Callable[[Kernels], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """A plug-in that is installed, known by what its package declares."""

    name: str
    package: str
    version: str
    entry: EntryPoint

    @property
    def origin(self) -> str:
        """Its package and version."""
        return f"{self.package} {self.version}".strip()


def installed() -> tuple[PluginInfo, ...]:
    """The plug-ins that are installed, by name; none of their code is run."""
    found = [
        PluginInfo(
            name=entry.name,
            package=entry.dist.name if entry.dist else "",
            version=entry.dist.version if entry.dist else "",
            entry=entry,
        )
        for entry in entry_points(group=GROUP)
        if entry.name not in BUILT_IN
    ]
    return tuple(sorted(found, key=lambda item: (item.name, item.package)))


# What the user has allowed


def allow_list() -> Path:
    """The file that names the plug-ins which the user has allowed, one in each line."""
    return user_config_path("moe-studio", appauthor=False) / "allowed-providers.txt"


def allowed_names() -> tuple[str, ...]:
    """The plug-ins that the user has allowed for good."""
    path = allow_list()
    lines = read_plain_text(path, limit_byte=_MAX_BYTE).splitlines() if path.exists() else []
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip() and not line.startswith("#")))


def allow(name: str) -> PluginInfo:
    """Let the plug-in ``name`` be loaded from now on.

    Raises:
        MoeStudioError: if it is not installed.
    """
    found = _installed(name)
    _save((*allowed_names(), name))
    return found


def forbid(name: str) -> None:
    """Let the plug-in ``name`` be loaded no longer.

    Raises:
        MoeStudioError: if it was not allowed.
    """
    names = allowed_names()
    if name not in names:
        raise MoeStudioError(f"The provider {name[:60]!r} is not allowed anyway; {nearest_hint(name, names)}")
    _save(tuple(each for each in names if each != name))


def _save(names: Collection[str]) -> None:
    path = allow_list()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_text(path, "".join(f"{name}\n" for name in dict.fromkeys(names)))


# Loading and asking


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plugin:
    """A plug-in that was loaded."""

    info: PluginInfo
    run_time: RunTime

    def ratio(self, family: Family, fitted: Fitted, facts: DeviceFacts, block: Block) -> Ratio:
        """Its times over those of the kernel model; nothing where it knows none.

        Raises:
            MoeStudioError: if it fails, or gives anything but one time above zero for each kernel.
        """
        unknown = np.full(len(block.time_us), np.nan)
        columns = {name: _locked(value) for name, value in block.columns.items()}
        predicted = _locked(block.time_us)
        asked = Kernels(
            family=family.name, words=dict(block.words), columns=columns, device=facts, predicted_us=predicted
        )
        try:
            answer = self.run_time(asked)
            time = None if answer is None else np.asarray(answer, dtype=np.float64)
        # The code is somebody else's: whatever it raises must name it instead of ending the program.
        except (Exception, SystemExit) as error:
            raise self._fault(f"fails with {type(error).__name__}: {error}", asked, 0) from error
        if time is None:
            return Ratio(value=unknown, provenance="user", error=unknown)
        if time.shape != block.time_us.shape:
            raise self._fault(f"gives times of shape {time.shape} for {len(block.time_us)} kernels", asked, 0)
        wrong = np.flatnonzero(~(np.isfinite(time) & (time > 0)))
        if len(wrong):
            row = int(wrong[0])
            raise self._fault(f"gives {time[row]:g} µs; a time must be finite and above zero", asked, row)
        return Ratio(value=time / block.time_us, provenance="user", error=unknown)

    def _fault(self, what: str, asked: Kernels, row: int) -> MoeStudioError:
        """What is wrong, and of which kernel."""
        numbers = [f"{name} {values[row]:g}" for name, values in asked.columns.items()]
        words = [f"{name} {value}" for name, value in asked.words.items() if value]
        kernel = ", ".join([*words, *numbers])
        return MoeStudioError(
            f"The provider {self.info.name!r} ({self.info.origin}) {what}; asked for {asked.family} with {kernel} "
            f"on {asked.device.name}."
        )


def load(name: str, allowed: Collection[str] = ()) -> Plugin:
    """The plug-in ``name``, loaded; ``allowed`` are names that may be beside those allowed for good.

    Raises:
        MoeStudioError: if it is not installed, not allowed, or cannot be loaded.
    """
    info = _installed(name)
    if name not in allowed and name not in allowed_names():
        raise MoeStudioError(
            f"The provider {name!r} is a plug-in of {info.origin}, and plug-ins are off until you allow them: run "
            f"moe-studio providers --allow {name}, or add --allow-provider {name} to a command for once."
        )
    try:
        run_time = info.entry.load()
    except (Exception, SystemExit) as error:  # See above.
        raise MoeStudioError(
            f"The provider {name!r} ({info.origin}) cannot be loaded: {type(error).__name__}: {error}."
        ) from error
    if not callable(run_time):
        raise MoeStudioError(
            f"The provider {name!r} ({info.origin}) leads to {info.entry.value}, which is no function."
        )
    return Plugin(info=info, run_time=run_time)


def _installed(name: str) -> PluginInfo:
    found = [item for item in installed() if item.name == name]
    if not found:
        known = (*BUILT_IN, *(item.name for item in installed()))
        raise MoeStudioError(f"There is no cost provider {name[:60]!r}; {nearest_hint(name, known)}")
    if len(found) > 1:
        packages = " and ".join(item.package for item in found)
        raise MoeStudioError(f"The provider {name!r} is claimed by {packages}; uninstall all but one.")
    return found[0]


def _locked(values: FloatArray) -> FloatArray:
    """A copy that the plug-in can read only."""
    copy = values.copy()
    copy.flags.writeable = False
    return copy
