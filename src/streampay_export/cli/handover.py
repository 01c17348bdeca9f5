"""
The plain bundle, as a file of whoever asked: whole or not at all, readable by nobody else.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from ..errors import InvalidRequest, StorageUnavailable, quoted_path

_RIGHT = "give a folder that is there, or a file's path in one"


def destination(out: Path | None) -> Path:
    """
    Return *out* made absolute, once it is clear that a bundle can be put there. Raises `InvalidRequest`.
    """
    place = (out or Path()).absolute()
    folder = place if place.is_dir() else place.parent
    if not folder.is_dir():
        raise InvalidRequest("out", f"there is no folder {quoted_path(folder)}; {_RIGHT}")
    if place.exists() and not place.is_dir() and not place.is_file():
        raise InvalidRequest("out", f"{quoted_path(place)} is neither a folder nor a file; {_RIGHT}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidRequest("out", f"you may not write into {quoted_path(folder)}; {_RIGHT}")
    return place


def leave(chunks: Iterable[bytes], place: Path, name: str) -> Path:
    """
    Write *chunks* to *place*, or as *name* into it where it is a folder; return the file's path.

    The file appears whole, under its name, with mode 0600. Raises `StorageUnavailable` when the disk
    is full.
    """
    path = place / name if place.is_dir() else place
    draft = path.with_name(f".{name}-{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(chunks)
                file.flush()
                os.fsync(descriptor)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync(path.parent)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise StorageUnavailable(
            f"the file cannot be written to {quoted_path(path.parent)} ({reason}); "
            "free some space or give another --out"
        ) from None
    return path


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
