"""`bulk` on a small deployment: a list, a query, what is refused, what is left, and an interruption."""

import io
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from streampay_export._core.party import Subject
from streampay_export.cli import main
from streampay_export.cli.deployment import deployment, operator
from streampay_export.errors import InvalidRequest, SourceUnavailable
from streampay_export.sources.sqlalchemy_query import query_rows
from streampay_export.verify import verify_bundle

from .test_cli_export import CONFIG

Capture = pytest.CaptureFixture[str]
PEOPLE = ("ada", "bob", "cyd")
BASIS = ["--basis", "Order 4711"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A configuration over a database with a few sales of three people."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("CREATE TABLE sale (no INTEGER, at INTEGER, who TEXT, sum TEXT)")
        sales = [(n, 1700000000 + n, PEOPLE[n % 3], "1.50") for n in range(10)]
        database.executemany("INSERT INTO sale VALUES (?, ?, ?, ?)", sales)
        database.execute("CREATE INDEX sale_who ON sale (who, at, no)")
    config = tmp_path / "shop.toml"
    config.write_text(CONFIG, encoding="utf-8")
    (tmp_path / "people.txt").write_text("".join(f"{name}\n" for name in PEOPLE), encoding="utf-8")
    return config


def line(config: Path, *more: str, whom: tuple[str, ...] = ()) -> list[str]:
    """Return a whole command line."""
    people = whom or ("--subjects", str(config.parent / "people.txt"))
    return ["bulk", "--config", str(config), *people, "--out", str(config.parent / "run"), *more]


def last_json(capsys: Capture) -> Any:
    """Return the last line of standard output, read."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def listed(config: Path) -> list[dict[str, Any]]:
    """Return the lines about the subjects of a run."""
    return [json.loads(text) for text in (config.parent / "run" / "subjects.jsonl").read_text().splitlines()]


def requested(config: Path) -> int:
    """Return how many requests the audit trail has."""
    trail = (config.parent / "audit.jsonl").read_text().splitlines()
    return sum(json.loads(text)["entry"]["event"] == "requested" for text in trail)


def test_bulk(shop: Path, capsys: Capture) -> None:
    """Everybody's bundle is left in the folder, private and whole, beside a line for each and the manifest."""
    assert main(line(shop, *BASIS, "--json")) == 0
    result = last_json(capsys)
    assert list(result) == ["run", "subjects", "done", "failures", "manifest"]
    assert (result["subjects"], result["done"], result["failures"]) == (3, 3, {})
    folder = shop.parent / "run"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert [each["rows"] for each in listed(shop)] == [4, 3, 3]
    for each in listed(shop):
        bundle = folder / f"streampay-export-{each['job']}.zip"
        assert each["sha256"] == sha256(bundle.read_bytes()).hexdigest()
        assert verify_bundle(bundle).manifest.job == each["job"]
    trail = [json.loads(text)["entry"] for text in (shop.parent / "audit.jsonl").read_text().splitlines()]
    assert {each["facts"].get("basis") for each in trail if each["capacity"] == "operator"} == {"Order 4711"}


def test_a_run_goes_on(shop: Path, capsys: Capture) -> None:
    """What failed is told, with exit code 1; with --resume that alone is done, and 0 when it is."""
    with deployment(shop) as opened:
        bob = opened.service.request(operator(), Subject("bob"), formats=["ndjson"]).export.id
    assert main(line(shop, *BASIS)) == 1
    said = capsys.readouterr()
    assert "2 of 3 subjects exported\n  1 not: active-export-differs\n" in said.out
    assert said.err.splitlines()[-2:] == ["subject 2: active-export-differs", "3 of 3 subjects, 1 failed"]
    before = requested(shop)

    assert main(line(shop, *BASIS)) == 2
    assert "--resume goes on with it" in capsys.readouterr().err
    for flags in (["--basis", "Another"], [*BASIS, "--format", "csv"]):
        assert main(line(shop, *flags, "--resume")) == 2
        assert "has other" in capsys.readouterr().err
    with deployment(shop) as opened:
        opened.service.delete(operator(), bob)
    assert main(line(shop, *BASIS, "--resume", "--json")) == 0
    assert last_json(capsys)["failures"] == {}
    assert requested(shop) == before + 1
    assert [each["number"] for each in listed(shop)] == [1, 2, 3]


def test_whom(shop: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Subjects come from standard input or from a query too, with their identifiers."""
    monkeypatch.setattr(sys, "stdin", io.StringIO('ada\n{"subject": "nobody", "identifiers": ["bob", "cyd"]}\n'))
    assert main(line(shop, *BASIS, whom=("--subjects", "-"))) == 0
    assert [each["rows"] for each in listed(shop)] == [4, 6]
    sql = "SELECT DISTINCT who, NULL, 'cyd' FROM sale WHERE who LIKE 'b%' ORDER BY who"
    assert main([*line(shop, *BASIS, whom=("--query", sql)), "--resume"]) == 0
    assert sorted(each["rows"] for each in listed(shop)) == [4, 6, 6]


@pytest.mark.parametrize(
    ("whom", "flags", "says"),
    [
        ((), ["--basis", " "], "basis: say in 1 to 200 characters"),
        ((), [*BASIS, "--query", "SELECT 1"], "either --subjects FILE (or -) or --query SQL"),
        (("--subjects", "nowhere.txt"), BASIS, "no list can be read at 'nowhere.txt'"),
        (("--query", "SELEKT 1"), BASIS, "query: the database refuses it"),
        (("--query", "DELETE FROM sale"), BASIS, "query: the database refuses it"),
        (("--query", "SELECT NULL"), BASIS, "query: row 1: the first column is the subject's id"),
        ((), [*BASIS, "--rate", "fast"], "rate: a whole number of exports a minute"),
        ((), [*BASIS, "--profile", "nope"], "'nope'; there are: self"),
        ((), [*BASIS, "--dataset", "nope"], "'nope'; there are: sales"),
        ((), [*BASIS, "--out", "/proc/nowhere"], "is no folder and cannot be made one"),
    ],
)
def test_bad_input(shop: Path, capsys: Capture, whom: tuple[str, ...], flags: list[str], says: str) -> None:
    """Bad input is exit code 2 and one sentence, before anything is exported or a folder made."""
    words = line(shop, *flags, whom=whom)
    if "--out" in flags:
        del words[words.index("--out") : words.index("--out") + 2]
    assert main([*words, "--json"]) == 2
    said = capsys.readouterr()
    assert says in said.err.splitlines()[-1]
    assert "error" in json.loads(said.out)
    assert not (shop.parent / "run").exists()
    assert not (shop.parent / "audit.jsonl").exists() or not requested(shop)


def test_a_wrong_line_is_met_before_anything_is_exported(shop: Path, capsys: Capture) -> None:
    """A list is read whole before the first export begins."""
    (shop.parent / "people.txt").write_text("ada\n{}\n", encoding="utf-8")
    assert main(line(shop, *BASIS)) == 2
    assert "subjects: line 2: an id, or" in capsys.readouterr().err
    assert not (shop.parent / "run").exists()


def test_what_is_outside(shop: Path, capsys: Capture) -> None:
    """Where what is outside fails, the run ends with exit code 3."""
    (shop.parent / "run").mkdir()
    (shop.parent / "run" / "bulk.db").write_bytes(b"no journal" * 1000)
    assert main(line(shop, *BASIS, "--resume")) == 3
    assert "the run's journal cannot be read" in capsys.readouterr().err


def test_a_query_of_a_database_that_is_gone(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken connection is what is outside, and no fault of the query."""
    url = f"sqlite:///{shop.parent / 'shop.db'}"
    assert list(query_rows(url, "SELECT count(*), '100%' FROM sale")) == [(10, "100%")]
    assert len(list(query_rows(url, "SELECT a.no FROM sale a, sale b, sale c, sale d"))) == 10_000
    monkeypatch.setattr("streampay_export.sources.sqlalchemy_sqlite.Sqlite.broken", lambda *_: True)
    with pytest.raises(SourceUnavailable):
        list(query_rows(url, "SELECT nothing"))


@pytest.mark.server
def test_a_query_on_postgresql(postgres_url: str) -> None:
    """A percent sign is itself, rows come as they are asked for, and nothing can be written."""
    assert list(query_rows(postgres_url, "SELECT n, '100%' FROM generate_series(1, 2500) n"))[-1] == (2500, "100%")
    for sql in ("CREATE TABLE x (y int)", "SELECT nothing", "SELECT 1; SELECT 2"):
        with pytest.raises(InvalidRequest, match="the database refuses it"):
            list(query_rows(postgres_url, sql))


@pytest.mark.server
def test_a_query_on_mariadb(mariadb_url: str) -> None:
    """There too; and a zero date is not told from a source that broke off, but quoted by neither."""
    assert list(query_rows(mariadb_url, "SELECT seq, '100%' FROM seq_1_to_2500"))[-1] == (2500, "100%")
    for sql in ("CREATE TABLE x (y int)", "SELECT nothing", "SELECT 1; SELECT 2"):
        with pytest.raises(InvalidRequest, match="the database refuses it"):
            list(query_rows(mariadb_url, sql))
    with pytest.raises(SourceUnavailable, match="a value cannot be read"):
        list(query_rows(mariadb_url, "SELECT CAST('0000-00-00' AS DATE)"))


def test_ctrl_c(shop: Path) -> None:
    """Ctrl-C ends the run with 130 at the next page; the same command with --resume goes on from there."""
    people = "".join(f"person {n}\n" for n in range(400))
    (shop.parent / "people.txt").write_text(people, encoding="utf-8")
    words = [sys.executable, "-m", "streampay_export", *line(shop, *BASIS, "--rate", "6000/min", "--resume")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        folder = shop.parent / "run"
        while len(list(folder.glob("*.zip"))) < 3:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "run the same command again" in said
    left = len(list(folder.glob("*.zip")))
    assert 3 <= left < 400
    assert not (folder / "subjects.jsonl").exists()
    (shop.parent / "people.txt").write_text("".join(people.splitlines(keepends=True)[: left + 5]), encoding="utf-8")
    before = requested(shop)
    assert main(line(shop, *BASIS, "--resume")) == 0
    assert len(listed(shop)) == len(list(folder.glob("*.zip"))) == left + 5
    assert before + 5 <= requested(shop) <= before + 6


def test_a_bar_on_a_terminal(shop: Path) -> None:
    """On a terminal there is a bar, and a line for each failure."""
    with deployment(shop) as opened:
        opened.service.request(operator(), Subject("bob"), formats=["ndjson"])
    parent, child = pty.openpty()
    words = [sys.executable, "-m", "streampay_export", *line(shop, *BASIS, "--json")]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=child, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(child)
        shown = b""
        try:
            while piece := os.read(parent, 4096):
                shown += piece
        except OSError:
            pass  # how Linux says that the other end is closed
        assert process.stdout is not None
        printed = process.stdout.read()
    os.close(parent)
    assert process.returncode == 1
    assert b"3/3" in shown
    assert b"subject 2: active-export-differs" in shown
    assert json.loads(printed)["done"] == 2


@pytest.mark.promise
@pytest.mark.timeout(1800)
def test_ten_thousand_subjects(shop: Path) -> None:
    """10,000 subjects with tiny histories: all exported, and memory does not grow with their number."""
    peaks = []
    for count in (300, 10_000):
        (shop.parent / "people.txt").write_text("".join(f"p{n}\n" for n in range(count)), encoding="utf-8")
        script = (
            "import resource, sys; from streampay_export.cli import main; code = main(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
        )
        words = [sys.executable, "-c", script, *line(shop, *BASIS, "--resume", "--json", "--format", "csv")]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        result, peak = done.stdout.splitlines()
        assert json.loads(result)["done"] == count
        peaks.append(int(peak))
    assert peaks[1] < peaks[0] * 1.15, peaks
