"""
What some tests need from the machine: servers, and other people's programs.

Where it is missing the test skips and says so, unless STREAMPAY_REQUIRE_SERVERS=1 turns that into a failure.
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """
    Skip, or fail where everything is required.
    """
    if os.environ.get("STREAMPAY_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{reason}, and STREAMPAY_REQUIRE_SERVERS=1 asks for it", pytrace=False)
    pytest.skip(reason)


def program(name: str, *, package: str) -> str:
    """
    Return where a program is, of the machine or of this environment; *package* says where to get it.
    """
    here = Path(sys.executable).parent
    found = shutil.which(name) or shutil.which(name, path=str(here))
    return found or missing(f"no `{name}`: install {package}")


def library(name: str, *, package: str) -> None:
    """
    Ask for a library that is no part of every environment.
    """
    if find_spec(name) is None:
        missing(f"no `{name}`: install {package}")
