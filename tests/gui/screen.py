"""A private X server, and the hands to use a window on it: what the tests of the real window share."""

import mmap
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage

ROOT = Path(__file__).parents[2]
SIZE = (1600, 1000)
PATIENCE_S = float(os.environ.get("P", "90"))
"""How long anything may take on a machine that has much else to do."""

Result = TypeVar("Result")
Picture = NDArray[np.uint8]

MISSING = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
needs_screen = pytest.mark.skipif(
    bool(MISSING) or not sys.platform.startswith("linux"),
    reason=f"needs {' and '.join(MISSING) or 'Linux'}; on Debian: apt-get install xvfb xdotool",
)


def wait_for(what: Callable[[], Result | None], why: str) -> Result:
    """What ``what`` gives as soon as it gives something."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE_S:g} s in vain until {why}")


class Screen:
    """One X server without a window manager."""

    def __init__(self, folder: Path) -> None:
        reading, writing = os.pipe()
        size = f"{SIZE[0]}x{SIZE[1]}x24"
        words = ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-dpi", "96", "-nolisten", "tcp"]
        log = (folder / "xvfb.txt").open("wb")
        self.process = subprocess.Popen(
            [*words, "-noreset", "-fbdir", str(folder)], pass_fds=[writing], stdout=log, stderr=log
        )
        os.close(writing)
        with os.fdopen(reading) as stream:
            self.display = f":{stream.readline().strip()}"
        log.close()
        if self.display == ":":
            self.process.wait()
            raise AssertionError(f"Xvfb did not start: {(folder / 'xvfb.txt').read_text()}")
        self._frame = folder / "Xvfb_screen0"

    def close(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait()

    def picture(self) -> Picture:
        """What the screen shows, shape ``(height, width, 3)`` as red, green, blue.

        The server keeps it in a file: a header of big-endian words as `xwd` writes it, the colours, the pixels.
        """
        with self._frame.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            head = np.frombuffer(data, ">u4", 25).copy()
            start = int(head[0]) + 12 * int(head[19])
            width, height, line = int(head[4]), int(head[5]), int(head[12])
            rows = np.frombuffer(data, np.uint8, height * line, start).copy().reshape(height, line)
        return rows[:, : width * 4].reshape(height, width, 4)[:, :, 2::-1]

    def do(self, *words: object) -> str:
        """Run xdotool; what it prints."""
        call = ["xdotool", *map(str, words)]
        done = subprocess.run(
            call, env={**os.environ, "DISPLAY": self.display}, capture_output=True, timeout=PATIENCE_S
        )
        return done.stdout.decode()


class RealWindow:
    """The program in a process of its own, used as a person would: through the screen, keys, mouse and files."""

    def __init__(self, screen: Screen, home: Path, *arguments: object) -> None:
        self.screen = screen
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("QT_", "XDG_"))}
        environment |= {"DISPLAY": screen.display, "QT_QPA_PLATFORM": "xcb", "HOME": str(home), "LC_ALL": "C.UTF-8"}
        self._log = (home / "window.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moe_studio", *map(str, arguments)],
            cwd=ROOT, env=environment, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        self.log = home / "window.txt"
        self.id = wait_for(self._find, "the window is there")
        wait_for(self._has_focus, "the window has the focus")

    def _find(self) -> str:
        if self.process.poll() is not None:
            raise AssertionError(f"the program ended: {self.log.read_text()}")
        return self.screen.do("search", "--onlyvisible", "--name", "MoE Studio").strip().partition("\n")[0]

    def _has_focus(self) -> bool:
        # Without a window manager nobody gives the focus to a new window.
        self.screen.do("windowfocus", self.id)
        return self.screen.do("getwindowfocus").strip() == self.id

    @property
    def title(self) -> str:
        """What stands in the title bar."""
        return self.screen.do("getwindowname", self.id).strip()

    def wait_modified(self, is_modified: bool) -> None:
        """Wait until the title says that there are changes, or that there are none."""
        wait_for(lambda: ("*" in self.title) is is_modified, f"the title says modified: {is_modified}")

    def wait_picture(self, wanted: Picture, *, height: int = SIZE[1], share: float = 0.97) -> None:
        """Wait until at least ``share`` of the pixels, down to ``height``, are as in ``wanted``."""

        def is_same() -> bool:
            shown = self.screen.picture()[:height]
            return bool(np.mean(np.all(shown == wanted[:height], axis=2)) >= share)

        wait_for(is_same, "the screen shows what it should")

    def drag(self, start: QPoint, end: QPoint, *, key: str = "") -> None:
        """Press, move in steps, and let go; ``key`` is held at the end."""
        do = self.screen.do
        do("mousemove", start.x(), start.y())
        do("mousedown", 1)
        for part in (0.1, 0.5, 0.9, 1.0):
            place = start + (end - start) * part
            do("mousemove", place.x(), place.y())
        if key:
            do("keydown", key)
            do("mousemove_relative", "--", -1, 0)
        do("mouseup", 1)
        if key:
            do("keyup", key)

    def click(self, place: QPoint) -> None:
        """Click."""
        self.screen.do("mousemove", place.x(), place.y())
        self.screen.do("click", 1)

    def key(self, *names: str) -> None:
        """Press keys, one after the other."""
        self.screen.do("key", *names)

    def kill(self) -> None:
        """End the process as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """End the process if it still runs."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self._log.close()


@contextmanager
def real_window(screen: Screen, home: Path, *arguments: object) -> Iterator[RealWindow]:
    """A window that is gone afterwards."""
    window = RealWindow(screen, home, *arguments)
    try:
        yield window
    finally:
        window.close()


def picture_of(image: QImage) -> Picture:
    """An image of Qt as an array, shape ``(height, width, 3)``."""
    made = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(made.constBits(), np.uint8, made.sizeInBytes()).reshape(made.height(), made.bytesPerLine())
    return rows[:, : made.width() * 3].reshape(made.height(), made.width(), 3).copy()
