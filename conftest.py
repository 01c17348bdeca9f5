"""
The code blocks of README.md and docs/ are tests: a page that does not run is wrong.

Each page runs from top to bottom in an empty folder of its own. By the language of a block:

- `python` runs in the page's one namespace; a block beginning with `>>>` is a doctest.
- `bash` runs as one script and must succeed.
- `console` is a session: each `$ command` runs in a shell of its own and must succeed, and output shown under
  it must be the output (`...` stands for anything).
- `toml` and `json` must parse; one that begins with `# name.toml` is also saved under that name, for the
  blocks after it.
- `text` and `mermaid` are not code.

Any other language is refused, so that no block is left out unseen. What truly cannot run is skipped with its
reason: `<!-- skip: next "it needs the network" -->`.
"""

import contextlib
import doctest
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

COMMAND = re.compile(r"^\$ (?P<command>.+(?:\n> .*)*)\n?", re.MULTILINE)
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run(script: str) -> tuple[int, str]:
    """
    Run *script* in bash with this environment's programs first; return its status and all it printed.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
    return done.returncode, done.stdout


def run_bash(example: Example) -> str | None:
    """
    Say what a script printed if it failed.
    """
    status, printed = run(example.parsed)
    return f"exit code {status}:\n{printed}" if status else None


def run_console(example: Example) -> str | None:
    """
    Say which command of a session failed or printed something else than is shown.
    """
    parts = COMMAND.split(example.parsed)
    if parts[0].strip() or len(parts) == 1:
        return "a console block begins with `$ command`"
    checker = doctest.OutputChecker()
    for command, shown in zip(parts[1::2], parts[2::2], strict=True):
        status, printed = run(command.replace("\n> ", "\n"))
        if status:
            return f"$ {command}\nexit code {status}:\n{printed}"
        if shown.strip() and not checker.check_output(shown, printed, SAME):
            return f"$ {command}\n{checker.output_difference(doctest.Example('', shown), printed, SAME)}"
    return None


def run_data(example: Example) -> None:
    """
    Parse a file's text, and save it if its first line says under which name.
    """
    loads = tomllib.loads if example.region.lexemes["language"] == "toml" else json.loads
    loads(example.parsed)
    named = re.match(r"# ([a-z][a-z-]*\.toml)\n", example.parsed)
    if named:
        Path(named[1]).write_text(example.parsed, encoding="utf-8")


def refuse(example: Example) -> str:
    """
    Say that nothing runs this language.
    """
    return f"blocks of {example.region.lexemes['language']!r} are not run: see conftest.py for those that are"


EVALUATORS = {"bash": run_bash, "console": run_console, "toml": run_data, "json": run_data}
NOT_OURS = {"python", "text", "mermaid"}


def parse_fences(document: Document) -> Iterator[Region]:
    """
    Yield every fenced block that names a language, but for directives and what needs no running.
    """
    for region in FencedCodeBlockLexer(language=r"[\w+-]+")(document):
        if region.lexemes["language"] not in NOT_OURS:
            region.parsed = region.lexemes["source"]
            region.evaluator = EVALUATORS.get(region.lexemes["language"], refuse)
            yield region


def enter_folder(namespace: dict[str, Any]) -> None:
    """
    Give a page an empty folder to work in.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="docs-"))
        stack.enter_context(contextlib.chdir(folder))
        namespace["_leave_folder"] = stack.pop_all().close


def leave_folder(namespace: dict[str, Any]) -> None:
    """
    Go back to where the page found us.
    """
    namespace["_leave_folder"]()


pytest_collect_file = Sybil(
    parsers=[parse_fences, PythonCodeBlockParser(doctest_optionflags=SAME), SkipParser()],
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    setup=enter_folder,
    teardown=leave_folder,
).pytest()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Put a page's blocks back in their order after pytest-randomly shuffled them.
    """
    blocks = [item for item in items if isinstance(item, SybilItem)]
    blocks.sort(key=lambda item: (item.path, item.example.start))
    ordered = iter(blocks)
    items[:] = [next(ordered) if isinstance(item, SybilItem) else item for item in items]
