"""
The audit trail as a file of JSON lines.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .._core.trail import AuditEntry
from .._core.wire import read_entry, spell_entry
from ..errors import AuditUnavailable

LONGEST_WAIT = 5.0
"""Seconds to wait for other writers of the file."""


class JsonLinesAudit:
    """
    Audit sink and reader on one file: a line of JSON per entry, on disk before `append` returns.

    Thread-safe, and safe for several processes of one machine (flock); `close` has nothing to do. The file is
    made on first use, private to its owner (0600); its folder must be there. The first append reads
    the file to learn which ids it has, later ones read what others added. A file that is moved away
    is begun anew.

    A last line without its end was cut off by a crash and was never acknowledged: the next append
    removes it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._known: set[tuple[str, str]] = set()
        self._file = (0, 0)
        self._read_to = 0

    def append(self, entry: AuditEntry) -> None:
        """
        See `AuditSink.append`.
        """
        deadline = time.monotonic() + LONGEST_WAIT
        if not self._lock.acquire(timeout=LONGEST_WAIT):
            raise _held_by_others()
        try:
            with self._locked_file(deadline) as file:
                self._catch_up(file)
                if (entry.tenant, entry.id) not in self._known:
                    self._write(file, spell_entry(entry).encode("ascii") + b"\n")
                    self._known.add((entry.tenant, entry.id))
        except OSError as error:
            raise AuditUnavailable(error.strerror or "the file cannot be written") from None
        finally:
            self._lock.release()

    def close(self) -> None:
        """
        Do nothing: no file stays open between calls.
        """

    def entries(self, tenant: str, job_id: str | None = None) -> Iterator[AuditEntry]:
        """
        See `AuditReader.entries`. A last line without its end is left out.
        """
        try:
            with contextlib.suppress(FileNotFoundError), self._path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.endswith(b"\n"):
                        return
                    entry = _entry(number, line)
                    if entry.tenant == tenant and job_id in {None, entry.job_id}:
                        yield entry
        except OSError as error:
            raise AuditUnavailable(error.strerror or "the file cannot be read") from None

    @contextlib.contextmanager
    def _locked_file(self, deadline: float) -> Iterator[int]:
        file = self._open()
        try:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise _held_by_others() from None
                    time.sleep(0.002)
            yield file
        finally:
            os.close(file)

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            return os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_CREAT, 0o600)

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _catch_up(self, file: int) -> None:
        """
        Learn the ids that were added since the last time, and remove a line that a crash cut off.
        """
        found = os.fstat(file)
        if (found.st_dev, found.st_ino) != self._file or found.st_size < self._read_to:
            self._file, self._read_to, self._known = (found.st_dev, found.st_ino), 0, set()
            self._sync_folder()
        if found.st_size > self._read_to:
            # Whoever wrote these lines may have died before they were on disk, and one may be ours to confirm.
            os.fsync(file)
        with open(file, "rb", closefd=False) as lines:
            lines.seek(self._read_to)
            for line in lines:
                if not line.endswith(b"\n"):
                    os.ftruncate(file, self._read_to)
                    return
                self._known.add(_name(line))
                self._read_to += len(line)

    def _write(self, file: int, line: bytes) -> None:
        """
        Append a whole line durably, or leave the file as it was.
        """
        try:
            written = os.write(file, line)
            while written < len(line):
                # What is short once is mostly a full disk, and the next try says so.
                written += os.write(file, line[written:])
            os.fsync(file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file, self._read_to)
            raise
        self._read_to += len(line)


def _name(line: bytes) -> tuple[str, str]:
    try:
        form = json.loads(line)
        return form["tenant"], form["id"]
    except (ValueError, KeyError, TypeError):
        raise AuditUnavailable("the file has a line that is no audit entry; move the file aside") from None


def _entry(number: int, line: bytes) -> AuditEntry:
    try:
        return read_entry(line.decode("ascii"))
    except ValueError:
        raise AuditUnavailable(f"line {number} of the file is no audit entry") from None


def _held_by_others() -> AuditUnavailable:
    return AuditUnavailable(f"others held the file for {LONGEST_WAIT:g} s; see who has it open")
