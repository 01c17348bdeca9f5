"""
How far an export is: a bar on a terminal, plain lines elsewhere, silence for programs.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .._core.export import Export
from .._core.job import Job
from ..errors import ExportError
from .terminal import say

LOOK_EVERY = 0.25
LINE_EVERY = 8
"""A plain line at most every so many looks."""


@contextmanager
def shown(read: Callable[[], Job | None], *, quiet: bool) -> Iterator[None]:
    """
    Show what *read* returns until the context is left; *quiet* shows nothing but on a terminal.
    """
    terminal = sys.stderr.isatty()
    if quiet and not terminal:
        yield
        return
    ended = threading.Event()
    show = _bar if terminal else _lines
    thread = threading.Thread(target=show, args=(read, ended), name="streampay-export-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _looks(read: Callable[[], Job | None], ended: threading.Event) -> Iterator[Export]:
    last = False
    while not last:
        last = ended.wait(LOOK_EVERY)
        try:
            job = read()
        except ExportError:
            return  # whoever works on the job meets the same and says so
        if job is not None:
            yield Export.of(job, datetime.now(UTC))


def _bar(read: Callable[[], Job | None], ended: threading.Event) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as progress:
        task = progress.add_task("exporting", total=None)
        for export in _looks(read, ended):
            progress.update(task, total=export.total, completed=export.rows, description=str(export.state))


def _lines(read: Callable[[], Job | None], ended: threading.Event) -> None:
    said = -1
    for look, export in enumerate(_looks(read, ended)):
        if export.rows != said and (look % LINE_EVERY == LINE_EVERY - 1 or ended.is_set()):
            said = export.rows
            total = "" if export.total is None else f" of {export.total:,}"
            say(f"export {export.id}: {export.rows:,}{total} rows")
