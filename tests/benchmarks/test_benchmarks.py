"""
The benchmark still runs, and compares exporters that say the same.
"""

import json
import subprocess
import sys

import pytest


@pytest.mark.promise
def test_a_small_benchmark_runs() -> None:
    """
    Both exporters are measured on SQLite at two sizes, and their files agree cell by cell.
    """
    small = ["--rows", "600", "--mib", "8", "--exports", "3", "--runs", "1", "--only", "sqlite"]
    small += ["--tickets", "200", "--people", "4", "--each", "2", "--jobs", "16", "--entries", "20"]
    command = [sys.executable, "-m", "tests.benchmarks", *small]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert ["60", "60", "600", "600"] == [line[45:55].strip() for line in lines if line.startswith("SQLite")]
    assert 3 == sum(line.startswith("a whole bundle") and line.endswith("%") for line in lines)
    assert 1 == sum(line.startswith("embedded, one worker") for line in lines)
    assert 2 == sum(line.startswith("embedded, parts shared") for line in lines)
    assert 2 == sum(line.startswith("encrypted, read back, hashed") for line in lines)
    assert 1 == sum(line.startswith("claims by 8 processes, SQLite") for line in lines)
    assert 2 == sum(line.startswith("audit entries a second, ") for line in lines)
    assert 2 == sum(line.startswith("tickets checked, ") for line in lines)
    assert ["1", "2"] == [line.split(" ")[3] for line in lines if line.startswith("4 at once, ")]
    assert "both exporters said the same rows" == lines[-1]


@pytest.mark.promise
@pytest.mark.parametrize("mib", [5, 50])
def test_two_hundred_downloads_at_once_take_no_more_memory_the_longer_they_are(mib: int) -> None:
    """
    Of 5 MiB or of 50: from their first bytes to their last, memory grows by less than half a MiB for each.
    """
    command = [sys.executable, "-m", "tests.benchmarks.child", "crowd", "200", str(mib * 2**20)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 200 * 2**19 > json.loads(done.stdout)["grown"]
