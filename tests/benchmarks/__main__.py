"""
Measure on SQLite, and on PostgreSQL and MariaDB where they answer, and print what was measured.

Only the standard library is imported here: a child's peak memory begins with its parent's.
"""

import argparse
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

SERVERS = {
    "PostgreSQL": ("STREAMPAY_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test"),
    "MariaDB": ("STREAMPAY_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/test"),
}
EXPORTERS = {"plain": "SQLAlchemy Core + csv.DictWriter", "ours": "streampay-export"}
HANDS = {"plain": "a plain copy", "ours": "encrypted, read back, hashed"}
STEPS = ("publish", "download", "grown")
HAND_OVER = "{:<34}{:>11}{:>13}{:>13}{:>12}{:>10}{:>10}"
FEW_ROWS = 200
PROCESSES = 8
SMALL = "{:<34}{:>10}{:>11}{:>11}{:>11}{:>10}{:>11}"
SHARED = "{:<34}{:>10}{:>9}{:>10}{:>11}{:>8}"
AUDIT = "{:<34}{:>12}{:>12}{:>12}{:>13}"
PROOF = "{:<34}{:>10}{:>9}{:>10}{:>10}{:>10}{:>10}"
LINE = "{:<11}{:<34}{:>10}{:>9}{:>9}{:>11}{:>11}{:>8}{:>8}"


def child(verb: str, *arguments: object) -> object:
    """
    Run a verb of `child.py` in a process of its own and return its answer.
    """
    command = [sys.executable, "-m", "tests.benchmarks.child", verb, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def measure(exporter: str, url: str, rows: int, out: Path, runs: int) -> dict[str, float]:
    """
    Return the medians over some runs: seconds, seconds of the exporter's own processor time, peak memory.
    """
    measured = [child("export", exporter, url, rows, out) for _ in range(runs)]
    return {name: statistics.median(each[name] for each in measured) for name in measured[0]}


def compare(database: str, url: str, sizes: list[int], runs: int, folder: Path) -> None:
    """
    Fill a database, measure every exporter at every size, and print a line for each.
    """
    child("fill", url, *sizes)
    for rows in sizes:
        found: dict[str, dict[str, float]] = {}
        for exporter, name in EXPORTERS.items():
            this = found[exporter] = measure(exporter, url, rows, folder / f"{exporter}.csv", runs)
            print(
                LINE.format(
                    database,
                    name,
                    f"{rows:,}",
                    f"{this['seconds']:.2f}",
                    f"{this['cpu']:.2f}",
                    f"{rows / this['seconds']:,.0f}",
                    f"{this['peak'] / 2**20:.1f} MiB",
                    f"x {found['plain']['seconds'] / this['seconds']:.2f}",
                    f"x {found['plain']['cpu'] / this['cpu']:.2f}",
                ),
                flush=True,
            )
        child("same", folder / "plain.csv", folder / "ours.csv", rows)


def prove(url: str, sizes: list[int], runs: int) -> None:
    """
    Say which share of a whole export its counts, totals and report take, in a small one and in large ones.
    """
    print(PROOF.format("completeness", "rows", "seconds", "counts", "totals", "report", "share"))
    for rows in sizes:
        measured = [child("prove", url, rows) for _ in range(runs)]
        found = {name: statistics.median(each[name] for each in measured) for name in measured[0]}
        parts = [found[name] for name in ("counts", "totals", "report")]
        shown = [f"{part * 1000:,.0f} ms" for part in parts]
        share = f"{sum(parts) / found['seconds']:.1%}"
        print(PROOF.format("a whole bundle, CSV and JSON", f"{rows:,}", f"{found['seconds']:.2f}", *shown, share))


def small(exports: int, runs: int) -> None:
    """
    Say how fast complete small exports are, one after the other, on the embedded default.
    """
    print(SMALL.format("200 rows, durable, audited", "a second", "p50", "p95", "CPU each", "commits", "progress"))
    measured = [child("small", exports) for _ in range(runs)]
    found = {name: statistics.median(each[name] for each in measured) for name in measured[0]}
    times = [f"{found[name] * 1000:,.1f} ms" for name in ("p50", "p95", "cpu")]
    asking = f"{found['asking'] * 1000:,.2f} ms"
    print(SMALL.format("embedded, one worker", f"{found['rate']:,.0f}", *times, f"{found['commits']:.1f}", asking))


def share(url: str, rows: int, runs: int) -> None:
    """
    Say how long one long export takes with one worker process and with two that share its parts.
    """
    print(SHARED.format("one long export, CSV and JSON", "rows", "workers", "seconds", "rows/s", "speed"))
    one = 0.0
    for processes in (1, 2):
        took = statistics.median(child("shared", url, rows, processes)["seconds"] for _ in range(runs))
        one = one or took
        speed = f"x {one / took:.2f}"
        shown = [f"{rows:,}", processes, f"{took:.2f}", f"{rows / took:,.0f}", speed]
        print(SHARED.format("embedded, parts shared", *shown))


def keep_trail(database: str, where: str, entries: int, runs: int) -> None:
    """
    Say how many audit entries a second are kept: as plain lines or rows, and by the trail in one thread and eight.
    """
    measured = [child("audit", where, entries) for _ in range(runs)]
    found = {name: statistics.median(each[name] for each in measured) for name in ("plain", "one", "eight")}
    rates = [f"{rate:,.0f}" for rate in found.values()]
    print(AUDIT.format(f"audit entries a second, {database}", *rates, f"x {found['one'] / found['plain']:.2f}"))


def hand_over(sizes: list[int], runs: int) -> None:
    """
    Publish and download files of these sizes, encrypted by us and as a plain copy, and print a line for each.
    """
    print(HAND_OVER.format("storage", "file", "publish", "download", "memory", "publish", "download"))
    for size in sizes:
        # In turns, so that a machine that slows down slows both.
        measured = [{name: child("transfer", name, size) for name in HANDS} for _ in range(runs)]
        found = {
            name: {step: statistics.median(run[name][step] for run in measured) for step in STEPS} for name in HANDS
        }
        for name, hands in HANDS.items():
            ratios = [f"x {found['plain'][step] / found[name][step]:.2f}" for step in STEPS[:2]]
            speeds = [f"{size / found[name][step] / 1e6:,.0f} MB/s" for step in STEPS[:2]]
            grown = f"+{found[name]['grown'] / 2**20:.1f} MiB"
            print(HAND_OVER.format(hands, f"{size / 2**20:.0f} MiB", *speeds, grown, *ratios), flush=True)


def hand_out(tickets: int, people: int, size: int) -> None:
    """
    Say how many tickets one thread checks a second, and what a crowd that downloads at once does to memory.
    """
    for kind in ("hmac", "ed25519"):
        print(f"{f'tickets checked, {kind}':<34}{child('tickets', kind, tickets):>11,.0f} a second")
    for each in (max(size // 10 // 2**20, 1) * 2**20, size):
        found = child("crowd", people, each)
        speed, grown = people * each / found["seconds"] / 1e6, found["grown"] / 2**20
        who = f"{people} at once, {each / 2**20:.0f} MiB each"
        print(f"{who:<34}{speed:>11,.0f} MB/s, memory +{grown:.1f} MiB", flush=True)


def databases(stack: ExitStack, folder: Path, only: str | None) -> Iterator[tuple[str, str]]:
    """
    Make an empty database of each kind, or of *only* that one, to be dropped with *stack*.
    """
    if only in {None, "sqlite"}:
        yield "SQLite", f"sqlite:///{folder / 'payouts.db'}"
    for database, (variable, usual) in SERVERS.items():
        if only not in {None, database.lower()}:
            continue
        server, name = os.environ.get(variable, usual), f"streampay_bench_{secrets.token_hex(4)}"
        url = child("create", server, name)
        if url is None:
            print(f"{database} is left out: none answers ({variable} says where)")
        else:
            stack.callback(child, "drop", server, name)
            yield database, str(url)


def main() -> None:
    """
    Parse the command line, make what is needed, measure, and leave nothing behind.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the larger of two exports, ten to one")
    parser.add_argument("--runs", type=int, default=3, help="of each measurement; the median counts")
    parser.add_argument("--only", choices=["sqlite", "postgresql", "mariadb"], help="leave the other databases out")
    parser.add_argument("--exports", type=int, default=400, help="small ones, one after the other")
    parser.add_argument("--mib", type=int, default=512, help="of the larger of two bundles, eight to one")
    parser.add_argument("--tickets", type=int, default=100_000, help="checked by one thread, of each kind")
    parser.add_argument("--people", type=int, default=200, help="who download at once")
    parser.add_argument("--entries", type=int, default=2_000, help="of the audit trail, appended to each")
    parser.add_argument("--jobs", type=int, default=2_000, help="that 8 processes claim")
    parser.add_argument("--each", type=int, default=50, help="MiB that each of them downloads")
    asked = parser.parse_args()
    sizes = [max(asked.rows // 10, 1), asked.rows]

    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, median of {asked.runs} runs")
    print(LINE.format("database", "exporter", "rows", "seconds", "CPU s", "rows/s", "peak RSS", "speed", "CPU"))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        trails = [("JSON lines", str(folder / "audit.jsonl"))]
        for database, url in databases(stack, folder, asked.only):
            compare(database, url, sizes, asked.runs, folder)
            if database == "SQLite":
                child("fill", url, FEW_ROWS)
                prove(url, [FEW_ROWS, *sizes], asked.runs)
                share(url, asked.rows, asked.runs)
                url = f"sqlite:///{folder / 'jobs.db'}"  # noqa: PLW2901  # a file of its own
            speed = child("claims", url, PROCESSES, asked.jobs)
            print(f"{f'claims by {PROCESSES} processes, {database}':<34}{speed:>11,.0f} a second", flush=True)
            trails.append((database, url))
        print(AUDIT.format("a durable audit trail", "plain", "1 thread", "8 threads", "1 to plain"))
        for database, url in trails:
            keep_trail(database, url, asked.entries, asked.runs)
    small(asked.exports, asked.runs)
    hand_over([max(asked.mib // 64, 1) * 8 * 2**20, asked.mib * 2**20], asked.runs)
    hand_out(asked.tickets, asked.people, asked.each * 2**20)
    print("both exporters said the same rows")


if __name__ == "__main__":
    main()
