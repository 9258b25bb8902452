"""Sets MoE Studio up on a fresh machine, then runs it or its tests. Standard library only.

    python3 packaging/bootstrap.py run [PROJECT]      # open the window on a project, or on an example
    python3 packaging/bootstrap.py test [ARGUMENT …]  # run the tests; arguments go to pytest

Makes ``.venv`` beside pyproject.toml and installs the locked versions into it. A second run
finds everything in place and starts at once.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OUT = ROOT / "out"
EXAMPLE = ROOT / "resources" / "examples" / "seed0-proposed.moe.yaml"
RUN_LOCK = ROOT / "packaging" / "requirements.lock.txt"
TEST_LOCK = ROOT / "packaging" / "requirements-test.lock.txt"  # holds all of RUN_LOCK, too
OLDEST = (3, 11)
USAGE = "Usage: bootstrap.py run [PROJECT], or bootstrap.py test [PYTEST ARGUMENTS]"

# Shared library -> the Debian and Ubuntu package that has it.
WINDOW_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libglib-2.0.so.0": "libglib2.0-0",
}
X11_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
X11_PROGRAMS = {"Xvfb": "xvfb", "xauth": "xauth", "xdotool": "xdotool"}

# What `run` writes where there is no display: file in out/ -> command and its options.
PICTURES = {
    "window.png": ["screenshot"],
    "report.html": ["report"],
    "report.md": ["report"],
    "overview.dot": ["export", "--view", "overview"],
    "overview.svg": ["export", "--view", "overview"],
    "full.dot": ["export", "--view", "full"],
    "full.svg": ["export", "--view", "full"],
    "project.moe.yaml": ["export"],
}


class SetupError(Exception):
    """Set-up cannot go on; the text says what to do."""


def main(arguments: list[str]) -> int:
    """Set up and run; the exit status of what was run, or 2 when set-up cannot go on."""
    try:
        check_python()
        if arguments[:1] == ["run"] and len(arguments) <= 2:
            return run(Path(arguments[1]).resolve() if arguments[1:] else EXAMPLE)
        if arguments[:1] == ["test"]:
            return test(arguments[1:])
        raise SetupError(USAGE)
    except SetupError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nbootstrap: interrupted; start it again to go on.", file=sys.stderr)
        return 130


def run(project: Path) -> int:
    """Open the window on ``project``; where there is no display, write what it shows to out/."""
    if not project.is_file():
        raise SetupError(f"There is no project file {project}.")
    require_libraries({**WINDOW_LIBRARIES, **X11_LIBRARIES} if os.environ.get("DISPLAY") else WINDOW_LIBRARIES)
    install(RUN_LOCK)
    if has_display():
        return subprocess.call([str(venv_python()), "-m", "moe_studio", str(project)])
    return write_pictures(project)


def test(arguments: list[str]) -> int:
    """Run the tests, two at a time unless told otherwise."""
    require_libraries(WINDOW_LIBRARIES)
    offer_packages("tests on a virtual screen", missing_libraries(X11_LIBRARIES) + missing_programs(X11_PROGRAMS))
    install(TEST_LOCK)
    is_chosen = any(re.match(r"-n|--numprocesses|no:xdist", argument) for argument in arguments)
    workers = [] if is_chosen else ["-n", "2"]
    return subprocess.call([str(venv_python()), "-m", "pytest", *workers, *arguments], cwd=str(ROOT))


def check_python() -> None:
    """Refuse a Python that is too old."""
    if sys.version_info < OLDEST:
        wanted, found = ".".join(map(str, OLDEST)), ".".join(map(str, sys.version_info[:3]))
        raise SetupError(f"MoE Studio needs Python {wanted} or newer; this is Python {found}, {sys.executable}.")


# --- The window -------------------------------------------------------------------------------


def has_display() -> bool:
    """Whether a window can be shown here."""
    if os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0] in ("offscreen", "minimal"):
        return False
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def write_pictures(project: Path) -> int:
    """Render the window offscreen and write it, with report and graphs, to out/."""
    print("There is no display here, so the window is rendered offscreen and written to out/:")
    OUT.mkdir(exist_ok=True)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    for name, (command, *options) in PICTURES.items():
        target = OUT / name
        target.unlink(missing_ok=True)
        call = [str(venv_python()), "-m", "moe_studio", command, str(project), "-o", str(target), *options]
        result = subprocess.run(call, env=environment, capture_output=True, encoding="utf-8", errors="replace")
        # Status 1 says that the design breaks a rule; the file is there all the same.
        if result.returncode not in (0, 1) or not target.is_file():
            raise SetupError(f"moe-studio {command} could not write {target}: {last_lines(result.stderr)}")
        print(f"  {target.relative_to(ROOT).as_posix()}  {target.stat().st_size:,} bytes")
    return 0


# --- Python packages --------------------------------------------------------------------------


def install(lock: Path) -> None:
    """Put the versions of ``lock`` and the project itself into .venv, unless they are there."""
    stamp = VENV / "moe-studio-stamp.txt"
    enough = [digest(each) for each in (lock, TEST_LOCK)]
    if is_usable() and stamp.is_file() and stamp.read_text("utf-8") in enough:
        return
    make_venv()
    stamp.unlink(missing_ok=True)
    count = len(re.findall(r"^[a-z0-9].*==", lock.read_text("utf-8"), re.MULTILINE))
    pip(["--require-hashes", "--only-binary", ":all:", "--requirement", str(lock)], count)
    pip(["--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT)], 0)
    stamp.write_text(digest(lock), "utf-8")


def digest(lock: Path) -> str:
    """What an installation depends on: Python, the lock, the project's own metadata, and where it lies."""
    parts = [sys.version.encode(), lock.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def venv_python() -> Path:
    """The Python of .venv."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_usable() -> bool:
    """Whether .venv has this Python and pip."""
    if not venv_python().exists():
        return False
    probe = [str(venv_python()), "-c", "import sys, pip; print(sys.version)"]
    result = subprocess.run(probe, capture_output=True, encoding="utf-8", errors="replace")
    return result.returncode == 0 and result.stdout.strip() == sys.version.strip()


def make_venv() -> None:
    """Make .venv, or make it anew when it is broken or of another Python."""
    if is_usable():
        return
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        if not can_apt() or not apt_install([package]):
            raise SetupError(f"This Python cannot make virtual environments. Run: sudo apt-get install -y {package}")
    show("making .venv")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    if result.returncode:
        show("")
        raise SetupError(f"Could not make {VENV}: {last_lines(result.stdout + result.stderr)}")


def pip(arguments: list[str], count: int) -> None:
    """Run pip install and show on one line how far it is."""
    command = [str(venv_python()), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *arguments]
    environment = {**os.environ, "PIP_PROGRESS_BAR": "off", "PIP_QUIET": "0", "PYTHONUTF8": "1"}
    lines: list[str] = []
    done = 0
    show(f"fetching {count} packages" if count else "installing MoE Studio")
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            lines.append(line)
            found = re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line)
            if found and count:
                done = min(done + 1, count)
                show(f"package {done} of {count}: {found.group(1)}")
            elif line.startswith("Installing collected packages") and count:
                show(f"installing {count} packages")
    show("")
    if process.returncode:
        log = VENV / "moe-studio-pip.log"
        log.write_text("".join(lines), "utf-8")
        raise SetupError(
            f"pip could not install packages (is there a network?); all it said is in {log}: {cause(lines)}"
        )


def cause(lines: list[str]) -> str:
    """What pip names as errors, or else its last lines."""
    errors = [line for line in lines if line.startswith("ERROR:")]
    return last_lines("".join(errors or lines))


def show(text: str) -> None:
    """Replace the progress line by ``text``; without a terminal, say nothing but the long steps."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{('Setting up: ' + text)[:width] if text else '':<{width}}\r")
    elif text and not text.startswith("package "):
        sys.stderr.write(f"Setting up: {text}\n")
    sys.stderr.flush()


def last_lines(text: str, count: int = 3) -> str:
    """The last lines that say something, as one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("[notice]")]
    return " | ".join(lines[-count:]) or "nothing"


# --- System libraries, on Linux ---------------------------------------------------------------


def require_libraries(libraries: dict[str, str]) -> None:
    """Install missing system libraries where apt runs as root, else stop and say how."""
    packages = missing_libraries(libraries)
    if packages and not (can_apt() and apt_install(packages)):
        raise SetupError(f"The window needs system libraries. Run: {apt_line(packages)}")


def offer_packages(purpose: str, packages: list[str]) -> None:
    """Install packages that are good to have where apt runs as root, else say how and go on."""
    if packages and not (can_apt() and apt_install(packages)):
        print(f"For {purpose}, run: {apt_line(packages)}", file=sys.stderr)


def missing_libraries(libraries: dict[str, str]) -> list[str]:
    """Packages of those shared libraries that the loader does not find; other systems than Linux need none."""
    if not sys.platform.startswith("linux"):
        return []
    return [package for library, package in libraries.items() if not is_loadable(library)]


def is_loadable(library: str) -> bool:
    """Whether the loader finds the shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_programs(programs: dict[str, str]) -> list[str]:
    """Packages of those programs that are not on the path; other systems than Linux need none."""
    if not sys.platform.startswith("linux"):
        return []
    return [package for program, package in programs.items() if shutil.which(program) is None]


def can_apt() -> bool:
    """Whether packages can be installed without asking anybody."""
    return sys.platform.startswith("linux") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_line(packages: list[str]) -> str:
    """The command to paste."""
    return "sudo apt-get install -y " + " ".join(packages)


def apt_install(packages: list[str]) -> bool:
    """Install with apt; a first failure is put down to stale lists and tried again with fresh ones."""
    show("apt-get install " + " ".join(packages))
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install_line = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    for command in (install_line, ["apt-get", "update"], install_line):
        result = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", errors="replace")
        if result.returncode == 0 and command is install_line:
            show("")
            return True
    show("")
    print(f"{shlex.join(install_line)} failed: {last_lines(result.stdout + result.stderr)}", file=sys.stderr)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
