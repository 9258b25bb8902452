"""Work in a child process: what takes long never holds up the window, and stops at once when it is not wanted."""

import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from moe_studio.gui.widgets.job_child import DEFECT, DONE, REFUSED, SIZE_BYTE, TELL

PATIENCE_MS = 120
"""How long a child that is asked to stop may tidy up before it is ended."""

_ROOT = str(Path(__file__).resolve().parents[3])

Tell = Callable[[str], None]
Work = Callable[..., object]


class Job(QObject):
    """One piece of work at a time; starting another drops the one before.

    The work is a function of a module, called with the arguments and with a ``tell`` that takes what it is doing.

    Signals:
        told: what the work is doing now.
        done: the work is finished; carries its result.
        failed: the work cannot be done; carries the sentence that says why.
    """

    told = Signal(str)
    done = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._read = bytearray()

    @property
    def is_running(self) -> bool:
        """Whether work is under way."""
        return self._process is not None

    def start(self, work: Work, *arguments: Any) -> None:
        """Begin ``work``; what was under way is dropped."""
        self.stop()
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        path = os.pathsep.join(part for part in (_ROOT, environment.value("PYTHONPATH")) if part)
        environment.insert("PYTHONPATH", path)
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(lambda: self._on_read(process))
        process.finished.connect(lambda: self._on_finished(process))
        process.errorOccurred.connect(lambda error: self._on_error(process, error))
        self._process, self._read = process, bytearray()
        # -P: what lies in the folder from which the program was started is not imported.
        process.start(sys.executable, ["-P", "-m", "moe_studio.gui.widgets.job_child"])
        process.write(pickle.dumps((work, arguments)))
        process.closeWriteChannel()

    def stop(self) -> None:
        """Drop what is under way; nothing more is heard of it."""
        process, self._process = self._process, None
        if process is None:
            return
        for signal in (process.readyReadStandardOutput, process.finished, process.errorOccurred):
            signal.disconnect()
        if process.state() is QProcess.ProcessState.NotRunning:
            process.deleteLater()
            return
        process.finished.connect(process.deleteLater)
        process.terminate()
        QTimer.singleShot(PATIENCE_MS, process, process.kill)

    def end(self) -> None:
        """Drop what is under way and wait until its process is gone, as a window does that closes."""
        self.stop()
        for process in self.findChildren(QProcess):
            process.kill()
            process.waitForFinished(1000)

    def _on_read(self, process: QProcess) -> None:
        self._read += process.readAllStandardOutput().data()
        while process is self._process and len(self._read) > SIZE_BYTE:
            size = int.from_bytes(self._read[:SIZE_BYTE], "little")
            if len(self._read) < SIZE_BYTE + size:
                return
            kind, value = pickle.loads(self._read[SIZE_BYTE : SIZE_BYTE + size])
            del self._read[: SIZE_BYTE + size]
            self._on_message(kind, value)

    def _on_message(self, kind: str, value: object) -> None:
        if kind == TELL:
            self.told.emit(str(value))
            return
        self.stop()
        if kind == DONE:
            self.done.emit(value)
        elif kind in (REFUSED, DEFECT):
            self.failed.emit(str(value))

    def _on_error(self, process: QProcess, error: QProcess.ProcessError) -> None:
        """A process that never started does not finish; every other one does."""
        if error is QProcess.ProcessError.FailedToStart:
            self._on_finished(process)

    def _on_finished(self, process: QProcess) -> None:
        """A child that ends without an answer was ended by somebody, or ran out of memory."""
        self._on_read(process)
        if process is self._process:
            self.stop()
            self.failed.emit("The work was ended before it was done; perhaps there was not enough memory for it.")
