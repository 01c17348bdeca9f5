"""
The command line: `streampay-export`, which needs the extra `cli`.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence

from ..errors import MissingExtra


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command and return its exit code: 0 done, 1 no, 2 wrong input, 3 something outside failed, 130 Ctrl-C.
    """
    if any(importlib.util.find_spec(name) is None for name in ("cyclopts", "rich")):
        sys.stderr.write(f"{MissingExtra('cli', 'the command line')}\n")
        return 2
    try:
        from .app import run

        return run(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:
        return 130
