"""
The benchmark still runs, and compares exporters that say the same.
"""

import subprocess
import sys


def test_a_small_benchmark_runs() -> None:
    """
    Both exporters are measured on SQLite at two sizes, and their files agree cell by cell.
    """
    small = ["--rows", "600", "--mib", "8", "--runs", "1", "--only", "sqlite"]
    command = [sys.executable, "-m", "tests.benchmarks", *small]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert ["60", "60", "600", "600"] == [line[45:55].strip() for line in lines if line.startswith("SQLite")]
    assert 3 == sum(line.startswith("a whole bundle") and line.endswith("%") for line in lines)
    assert 2 == sum(line.startswith("encrypted, read back, hashed") for line in lines)
    assert "both exporters said the same rows" == lines[-1]
