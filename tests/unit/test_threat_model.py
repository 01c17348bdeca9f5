"""
The threat model speaks of tests that exist: a promise without one is not made.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
PAGES = ("docs/explanation/threat-model.md", "SECURITY.md")


def named_in(page: str) -> list[tuple[str, str]]:
    """
    The tests that a page names: file and function, an empty one for the whole file.
    """
    return NAMED.findall((ROOT / page).read_text(encoding="utf-8"))


def functions_of(file: Path) -> set[str]:
    """
    The names of all test functions and methods in a file.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    named = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return {name for name in named if name.startswith("test_")}


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_exists(page):
    """
    A renamed or deleted test is missed here, and the answer it stood for is looked at again.
    """
    missing = []
    for file, name in named_in(page):
        known = functions_of(ROOT / file) if (ROOT / file).is_file() else set()
        if not (name in known if name else known):
            missing.append((file, name))
    assert named_in(page)
    assert [] == missing


def test_every_kind_of_threat_has_answers():
    """
    The table has rows for each letter of STRIDE, and every row names a test.
    """
    page = (ROOT / PAGES[0]).read_text(encoding="utf-8")
    rows = re.findall(r"^\| \*\*([STRIDE])\*\* .*$", page, re.MULTILINE)
    assert set("STRIDE") == set(rows)
    assert [] == [line for line in page.splitlines() if line.startswith("| **") and not NAMED.search(line)]
