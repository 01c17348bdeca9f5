"""
What people read beside the answer: sentences and the library's log, on standard error.
"""

from __future__ import annotations

import logging
import sys


def say(line: str) -> None:
    """
    Tell a person something, on standard error.
    """
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def log_to_terminal(level: int = logging.ERROR) -> None:
    """
    Log the library's messages to standard error, one line each and without tracebacks.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(levelname)s: %(message)s"))
    logger = logging.getLogger("streampay_export")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level)


class _OneLine(logging.Formatter):
    # A driver's traceback may quote rows: an error's kind is all that is shown of it.
    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0] if record.exc_info else None
        line = f"{record.levelname.lower()}: {record.getMessage()}"
        return f"{line} ({kind.__name__})" if kind else line
