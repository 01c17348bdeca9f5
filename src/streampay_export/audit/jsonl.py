"""
The audit trail as a file of JSON lines.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .._core.chain import ChainedEntry, Head, Mac, chained, origin
from .._core.checkpoint import Checkpoint
from .._core.trail import AuditEntry
from .._core.wire import spell_entry
from ..errors import AuditUnavailable, quoted_path
from .checkpoints import Checkpoints
from .group_commit import GroupCommit
from .jsonl_lines import read_entry_of, read_link, read_name, spell_link

LONGEST_WAIT = 5.0
"""Seconds to wait for the disk; half of them for other writers of the file."""


class JsonLinesAudit:
    """
    Audit sink, reader and chained trail on one file: a line of JSON per entry, on disk before `append` returns.

    Thread-safe, and safe for several processes of one machine (flock). *chain* links the entries,
    *checkpoints* signs how far they go; `close` signs that once more. The file is made on first use,
    private to its owner (0600); its folder must be there. The first append reads the file to learn which
    ids it has, later ones read what others added. A file that is moved away is begun anew.

    A last line without its end was cut off by a crash and was never acknowledged: the next append
    removes it.
    """

    def __init__(self, path: str | os.PathLike[str], *, chain: Mac, checkpoints: Checkpoints | None = None) -> None:
        self._path = Path(path)
        self._chain = chain
        self._checkpoints = checkpoints
        self._commits = GroupCommit(self._commit, LONGEST_WAIT)
        self._forget()

    def append(self, entry: AuditEntry) -> None:
        """
        See `AuditSink.append`.
        """
        self._commits.append(entry)

    def close(self) -> None:
        """
        Sign how far the trail goes. No file stays open between calls.
        """
        if self._checkpoints is not None:
            self._checkpoints.close()

    def entries(
        self, tenant: str, job_id: str | None = None, *, subject: str | None = None
    ) -> Iterator[AuditEntry]:
        """
        See `AuditReader.entries`. A last line without its end is left out.
        """
        for number, line in enumerate(self._lines(), 1):
            try:
                entry = read_entry_of(line)
            except ValueError:
                raise AuditUnavailable(f"line {number} of the file is no audit entry") from None
            if entry.tenant == tenant and job_id in {None, entry.job_id} and subject in {None, entry.subject}:
                yield entry

    def tenants(self) -> Sequence[str]:
        """
        See `ChainedTrail.tenants`.
        """
        return sorted({named[0] for line in self._lines() if (named := read_name(line)) is not None})

    def chain(self, tenant: str) -> Iterator[ChainedEntry]:
        """
        See `ChainedTrail.chain`. A line that is no entry stands in every tenant's chain, and fits in none.
        """
        for line in self._lines():
            named = read_name(line)
            if named is None or named[0] == tenant:
                yield read_link(line) or ChainedEntry(number=0, link=b"", entry=line)

    def checkpoint(self) -> None:
        """
        See `ChainedTrail.checkpoint`.
        """
        if self._path.exists():
            self._commits.append(None)

    def prune(self, checkpoint: Checkpoint) -> int:
        """
        See `ChainedTrail.prune`. What stays is written to a new file, which takes the old one's place.
        """
        try:
            with self._locked_file(time.monotonic() + LONGEST_WAIT / 2) as file:
                return self._replace(file, checkpoint)
        except OSError as error:
            raise self._unavailable(error, "rewritten") from None

    def _lines(self) -> Iterator[bytes]:
        try:
            with contextlib.suppress(FileNotFoundError), self._path.open("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n"):
                        return
                    yield line
        except OSError as error:
            raise self._unavailable(error, "read") from None

    def _commit(self, entries: Sequence[AuditEntry]) -> None:
        try:
            with self._locked_file(time.monotonic() + LONGEST_WAIT / 2) as file:
                self._catch_up(file)
                self._add(file, entries)
        except OSError as error:
            raise self._unavailable(error, "written") from None
        if self._checkpoints is not None:
            for tenant in {entry.tenant for entry in entries} or self._heads:
                self._checkpoints.reached(tenant, self._heads[tenant])

    def _unavailable(self, error: OSError, done: str) -> AuditUnavailable:
        return AuditUnavailable(f"{quoted_path(self._path)}: {error.strerror or f'it cannot be {done}'}")

    def _add(self, file: int, entries: Sequence[AuditEntry]) -> None:
        heads: dict[str, Head] = {}
        lines: list[bytes] = []
        added: set[tuple[str, str]] = set()
        for entry in entries:
            named = entry.tenant, entry.id
            if named in self._known or named in added:
                continue
            head = heads.get(entry.tenant) or self._heads.get(entry.tenant) or origin(self._chain, entry.tenant)
            link = chained(self._chain, head, spell_entry(entry).encode("ascii"))
            heads[entry.tenant] = Head(number=link.number, link=link.link)
            lines.append(spell_link(link))
            added.add(named)
        if lines:
            self._write(file, b"".join(lines))
            self._known |= added
            self._heads |= heads

    @contextlib.contextmanager
    def _locked_file(self, deadline: float) -> Iterator[int]:
        while True:
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
                # Pruning puts another file here: what is written to the old one then is lost.
                if _same_file(self._path, file):
                    yield file
                    return
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

    def _forget(self) -> None:
        self._known: set[tuple[str, str]] = set()
        self._heads: dict[str, Head] = {}
        self._file = (0, 0)
        self._read_to = 0

    def _catch_up(self, file: int) -> None:
        """
        Learn what was added since the last time, and remove a line that a crash cut off.
        """
        found = os.fstat(file)
        if (found.st_dev, found.st_ino) != self._file or found.st_size < self._read_to:
            self._forget()
            self._file = (found.st_dev, found.st_ino)
            self._sync_folder()
        if found.st_size == self._read_to:
            return
        # Whoever wrote these lines may have died before they were on disk, and one may be ours to confirm.
        os.fsync(file)
        with open(file, "rb", closefd=False) as lines:
            lines.seek(self._read_to)
            for line in lines:
                if not line.endswith(b"\n"):
                    os.ftruncate(file, self._read_to)
                    return
                named, link = read_name(line), read_link(line)
                if named is None or link is None:
                    raise AuditUnavailable("the file has a line that is no audit entry; move the file aside")
                self._known.add(named)
                self._heads[named[0]] = Head(number=link.number, link=link.link)
                self._read_to += len(line)

    def _write(self, file: int, lines: bytes) -> None:
        """
        Append whole lines durably, or leave the file as it was.
        """
        try:
            written = os.write(file, lines)
            while written < len(lines):
                # What is short once is mostly a full disk, and the next try says so.
                written += os.write(file, lines[written:])
            os.fsync(file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file, self._read_to)
            raise
        self._read_to += len(lines)

    def _replace(self, file: int, checkpoint: Checkpoint) -> int:
        with open(file, "rb", closefd=False) as opened:
            lines = [line for line in opened if line.endswith(b"\n")]
        theirs = [n for n, line in enumerate(lines) if (read_name(line) or ("",))[0] == checkpoint.tenant]
        old = {n for n in theirs[:-1] if ((link := read_link(lines[n])) and link.number <= checkpoint.size)}
        draft = self._path.with_name(f".{self._path.name}.pruned")
        kept = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(kept, "wb") as opened:
            opened.writelines(line for n, line in enumerate(lines) if n not in old)
            opened.flush()
            os.fsync(kept)
        draft.replace(self._path)
        self._sync_folder()
        return len(old)


def _same_file(path: Path, file: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file))
    return False


def _held_by_others() -> AuditUnavailable:
    return AuditUnavailable(f"others held the file for {LONGEST_WAIT / 2:g} s; see who has it open")
