"""Reads small text files from outside without trusting them."""

import os
import stat
from pathlib import Path

from moe_studio.errors import Fault, FileError

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def read_plain_text(path: Path, *, limit_byte: int) -> str:
    """The UTF-8 text of a plain file of at most ``limit_byte`` bytes; a leading byte order mark is dropped."""
    return plain_text(read_plain_bytes(path, limit_byte=limit_byte), path)


def plain_text(data: bytes, path: Path) -> str:
    """The UTF-8 text that the file at ``path`` was read as; a leading byte order mark is dropped."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        raise _refusal(path, "is UTF-16 or UTF-32 text; save it as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise FileError(
            path.name, [Fault(path="", message="is not valid UTF-8 here.", line=line, column=column)]
        ) from None


def read_plain_bytes(path: Path, *, limit_byte: int) -> bytes:
    """The bytes of a plain file: no device, pipe or folder, and at most ``limit_byte`` of them."""
    try:
        descriptor = os.open(path, _FLAGS)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _refusal(path, "is not a plain file.")
            data = stream.read(limit_byte + 1)
    except (OSError, ValueError) as error:
        raise _refusal(path, f"cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if len(data) > limit_byte:
        raise _refusal(path, f"is larger than {limit_byte:,} bytes.")
    return data


def _refusal(path: Path, message: str) -> FileError:
    return FileError(path.name or str(path), [Fault(path="", message=message)])
