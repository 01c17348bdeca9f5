"""
How far a run is: a bar on a terminal, plain lines elsewhere, silence for programs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .._core.bulk import BulkItem
from .terminal import say

LINE_EVERY = 5.0
"""Seconds between two plain lines, but for failures, of which each has one."""


@contextmanager
def shown(total: int, *, quiet: bool) -> Iterator[Callable[[BulkItem], None]]:
    """
    Lend what is to be told of every subject; *quiet* shows nothing but on a terminal.
    """
    if sys.stderr.isatty():
        columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TextColumn("subjects"))
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
            task = progress.add_task("exporting", total=total)

            def advance(item: BulkItem) -> None:
                progress.advance(task)
                if not item.done:
                    progress.console.print(_failure(item), markup=False, highlight=False)

            yield advance
    else:
        yield (lambda _: None) if quiet else _Lines(total)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total = total
        self._told = 0
        self._failed = 0
        self._next = time.monotonic() + LINE_EVERY

    def __call__(self, item: BulkItem) -> None:
        self._told += 1
        if not item.done:
            self._failed += 1
            say(_failure(item))
        if time.monotonic() >= self._next or self._told == self._total:
            self._next = time.monotonic() + LINE_EVERY
            say(f"{self._told:,} of {self._total:,} subjects, {self._failed:,} failed")


def _failure(item: BulkItem) -> str:
    job = f" (export {item.job_id})" if item.job_id else ""
    return f"subject {item.number}: {item.slug}{job}"
