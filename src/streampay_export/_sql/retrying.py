"""
Transactions that the database rolled back for the sake of others are run again, for a bounded time.
"""

from __future__ import annotations

import inspect
import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError

from ..errors import ExportError
from .engine import LOCK_WAIT, LONGEST_WAIT

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")
Store = TypeVar("Store")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.2
# deadlock_detected and serialization_failure; ER_LOCK_DEADLOCK and ER_LOCK_WAIT_TIMEOUT.
_SQLSTATES = frozenset({"40P01", "40001"})
_MARIADB_NUMBERS = frozenset({1213, 1205})


class RolledBack(Exception):
    """
    Others were in the way, and nothing was changed: the cause of an error after which the same call may succeed.
    """


def is_rolled_back(error: Exception) -> bool:
    """
    Say whether a transaction was ended because of others, rather than for what is wrong.
    """
    driver = error.orig if isinstance(error, DBAPIError) else None
    if driver is None:
        return False
    state = getattr(driver, "sqlstate", None)
    return state in _SQLSTATES or (bool(driver.args) and driver.args[0] in _MARIADB_NUMBERS)


def retried(call: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
    """
    Run a call that is one transaction again, as long as it is `RolledBack` and `LONGEST_WAIT` would not be over.

    Whoever lost waits for a random, growing while first, so that two do not meet again and again.
    """

    @wraps(call)
    def again_and_again(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        deadline = time.monotonic() + LONGEST_WAIT - LOCK_WAIT
        pause = _FIRST_PAUSE
        while True:
            try:
                return call(*args, **kwargs)
            except ExportError as error:
                if not isinstance(error.__cause__, RolledBack) or time.monotonic() > deadline:
                    raise
            time.sleep(pause * random.random())  # noqa: S311  # no secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    return again_and_again


def retrying(store: type[Store]) -> type[Store]:
    """
    Have every public method of a class, inherited or its own, `retried`: in each, one transaction writes.
    """
    for name, method in inspect.getmembers(store, inspect.isfunction):
        if not name.startswith("_"):
            again = retried(method)
            again.__doc__ = inspect.getdoc(method)  # which may be the port's
            setattr(store, name, again)
    return store
