"""
The tombstone log as a file of JSON lines.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .._core.chain import Mac
from .._core.erasure import Tombstone
from .._core.wire import read_tombstone, spell_tombstone
from ..errors import TombstonesBroken, TombstonesUnavailable

LONGEST_WAIT = 5.0
"""Seconds to wait for other writers of the file."""

_LINE = re.compile(rb'\{"number":([1-9][0-9]{0,17}),"mac":"([0-9a-f]{64})","tombstone":(\{.*\})\}')


class FileTombstones:
    """
    A `TombstoneLog`: a line for each tombstone, on disk before `append` returns, marked with *mac*.

    Thread-safe, and safe for several processes of one machine (flock); nothing to close. The file is made
    on first use, private to its owner (0600); its folder must be there. Keep it where the database is not,
    and out of its backups: it may only grow, and a copy of it is to be the newest.

    A last line without its end was cut off by a crash and was never acknowledged: the next append
    removes it.
    """

    def __init__(self, path: str | os.PathLike[str], mac: Mac) -> None:
        self._path = Path(path)
        self._mac = mac

    def append(self, tombstone: Tombstone) -> int:
        """
        See `TombstoneLog.append`.
        """
        with _unavailable(), self._locked() as file:
            held = os.pread(file, os.fstat(file).st_size, 0)
            whole = held[: held.rfind(b"\n") + 1]
            known = self._read(whole)
            for number, each in enumerate(known, 1):
                if (each.tenant, each.receipt) == (tombstone.tenant, tombstone.receipt):
                    # Whoever wrote it may have died before it was on disk.
                    os.fsync(file)
                    return number
            number = len(known) + 1
            try:
                os.ftruncate(file, len(whole))
                _write(file, self._line(number, spell_tombstone(tombstone).encode("ascii")))
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(file, len(whole))
                raise
            return number

    def read(self) -> Sequence[Tombstone]:
        """
        See `TombstoneLog.read`. A last line without its end is left out.
        """
        with _unavailable():
            try:
                held = self._path.read_bytes()
            except FileNotFoundError:
                return ()
        return self._read(held[: held.rfind(b"\n") + 1])

    def _read(self, held: bytes) -> Sequence[Tombstone]:
        return [self._parsed(number, line) for number, line in enumerate(held.split(b"\n")[:-1], 1)]

    def _parsed(self, number: int, line: bytes) -> Tombstone:
        found = _LINE.fullmatch(line)
        # The number stands in the mark, so that no line can go or change its place.
        if found is None or not hmac.compare_digest(self._line(number, found[3]), line + b"\n"):
            raise TombstonesBroken(number=number)
        return read_tombstone(found[3].decode("ascii"))

    def _line(self, number: int, tombstone: bytes) -> bytes:
        mark = self._mac(number.to_bytes(8) + tombstone).hex().encode("ascii")
        return b'{"number":%d,"mac":"%b","tombstone":%b}\n' % (number, mark, tombstone)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        deadline = time.monotonic() + LONGEST_WAIT
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise TombstonesUnavailable(f"others held it for {LONGEST_WAIT:g} s") from None
                    time.sleep(0.01)
            _sync_folder(self._path.parent)
            yield file
        finally:
            os.close(file)


def _write(file: int, line: bytes) -> None:
    written = os.write(file, line)
    while written < len(line):
        # What is short once is mostly a full disk, and the next try says so.
        written += os.write(file, line[written:])
    os.fsync(file)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TombstonesUnavailable(os.strerror(error.errno or 0)) from None
