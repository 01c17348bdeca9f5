"""
Many threads that begin together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Answer = TypeVar("Answer")


def at_once(threads: int, act: Callable[[int], Answer]) -> list[Answer]:
    """
    Call *act* with 0, 1, … in so many threads, none before all are there; return the answers in that order.
    """
    together = threading.Barrier(threads)

    def begin(n: int) -> Answer:
        together.wait()
        return act(n)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))
