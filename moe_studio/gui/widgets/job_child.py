"""Runs one function in a process of its own: ``python -m moe_studio.gui.widgets.job_child``.

Reads the pickled function and its arguments from standard input, where only the window that started it
writes, and answers with messages on standard output, each after its size.
"""

import os
import pickle
import signal
import sys
import traceback
from types import FrameType
from typing import BinaryIO

from moe_studio.errors import MoeStudioError

TELL, DONE, REFUSED, DEFECT = "tell", "done", "refused", "defect"
"""Kinds of message: what is being done, the result, why it cannot be done, and a defect of the program."""

SIZE_BYTE = 8


def main() -> None:
    """Read, work, answer."""
    signal.signal(signal.SIGTERM, _leave)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever else is printed must not come between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(text: str) -> None:
        _answer(answers, TELL, text)

    try:
        work, arguments = pickle.load(sys.stdin.buffer)
        _answer(answers, DONE, work(*arguments, tell))
    except MoeStudioError as error:
        _answer(answers, REFUSED, str(error))
    except Exception as error:
        traceback.print_exc()
        _answer(answers, DEFECT, f"Something went wrong inside the program ({type(error).__name__}: {error}).")


def _answer(answers: BinaryIO, kind: str, value: object) -> None:
    data = pickle.dumps((kind, value))
    answers.write(len(data).to_bytes(SIZE_BYTE, "little") + data)
    answers.flush()


def _leave(number: int, frame: FrameType | None) -> None:
    """End as if by an exception, so that half-written files are removed."""
    raise SystemExit(1)


if __name__ == "__main__":
    main()
