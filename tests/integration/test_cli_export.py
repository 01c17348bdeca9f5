"""`export`, `status`, `worker` and `sweep` on a small deployment; bad input; Ctrl-C."""

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.toml_texts import KEEP, NOTICE

from streampay_export._core.party import Actor, Subject
from streampay_export.access import owner_only
from streampay_export.cli import main
from streampay_export.cli.deployment import deployment, operator
from streampay_export.errors import KeysMissing, MissingExtra
from streampay_export.keys.local import LocalKeys
from streampay_export.service import ExportService
from streampay_export.telemetry.opentelemetry import OpenTelemetry

Capture = pytest.CaptureFixture[str]
CONFIG = (
    """
[source]
url = "sqlite:///shop.db"
[datasets.sales]
table = "sale"
key = ["at", "no"]
subject = ["who"]
as_of = "at"
[datasets.sales.fields]
no = {type = "integer", KEEP}
at = {type = "timestamp", unit = "s", KEEP}
sum = {type = "decimal", KEEP}
""".replace("KEEP", KEEP)
    + NOTICE
)


def make_database(file: Path, rows: int) -> None:
    """Make a database in which every sale is ada's."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE sale (no INTEGER, at INTEGER, who TEXT, sum TEXT)")
        database.executemany(
            "INSERT INTO sale VALUES (?, ?, 'ada', ?)", ((n, 1700000000 + n // 3, f"{n}.50") for n in range(rows))
        )
        database.execute("CREATE INDEX sale_who ON sale (who, at, no)")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A configuration over a database with ten sales of ada's."""
    make_database(tmp_path / "shop.db", 10)
    (tmp_path / "out").mkdir()
    config = tmp_path / "shop.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return config


def line(config: Path, *more: str, subject: str = "ada") -> list[str]:
    """Return a whole command line."""
    return ["export", "--config", str(config), "--subject", subject, "--out", str(config.parent / "out"), *more]


def left(config: Path) -> list[str]:
    """Return what lies at --out."""
    return [path.name for path in (config.parent / "out").iterdir()]


def last_json(capsys: Capture) -> Any:
    """Return the last line of standard output, read."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_export(shop: Path, capsys: Capture) -> None:
    """The bundle is left private at --out, an artifact in storage, and the last line says all of it."""
    assert main(line(shop, "--json")) == 0
    result = last_json(capsys)
    assert list(result) == [
        "job", "state", "completeness", "bundle", "sha256", "datasets", "as_of", "expires_at",
    ]  # fmt: skip
    assert (result["state"], result["completeness"]) == ("ready", "full")
    assert result["datasets"] == {"sales": {"expected": 10, "written": 10}}
    bundle = Path(result["bundle"])
    assert left(shop) == [bundle.name] == [f"streampay-export-{result['job']}.zip"]
    assert bundle.stat().st_mode & 0o777 == 0o600
    assert len(list((shop.parent / "exports").rglob("*.zip"))) == 1
    assert main(["verify", str(bundle), "--public-key", str(shop.parent / "keys" / "manifest-public.pem")]) == 0
    assert main(["verify", str(bundle)]) == 1
    assert main(["verify", str(bundle), "--integrity-only", "--json"]) == 0
    assert last_json(capsys)["signer"] is None
    events = [json.loads(text)["entry"]["event"] for text in (shop.parent / "audit.jsonl").read_text().splitlines()]
    assert events == [
        "requested", "started", "completed", "link_issued", "download_authorised", "download_finished",
    ]  # fmt: skip


def test_bundles_outlive_a_rotation(shop: Path, capsys: Capture) -> None:
    """What a retired key signed verifies, what a revoked one signed is refused; new bundles verify with the new."""
    keys = ["--path", str(shop.parent / "keys")]

    def exported() -> Path:
        assert main(line(shop, "--json")) == 0
        return Path(last_json(capsys)["bundle"])

    def verified(bundle: Path, name: str = "published.json") -> tuple[int, str]:
        capsys.readouterr()
        code = main(["verify", str(bundle), "--public-key", str(shop.parent / name)])
        said = capsys.readouterr()
        return code, (said.out + said.err).splitlines()[0]

    def publish() -> list[str]:
        capsys.readouterr()
        assert main(["keys", "list", *keys, "--public"]) == 0
        text = capsys.readouterr().out
        (shop.parent / "published.json").write_text(text, encoding="utf-8")
        return [key["key_id"] for key in json.loads(text)["keys"]]

    before = exported()
    [old] = publish()
    assert main(["keys", "rotate", *keys]) == 0
    [new, former] = publish()
    assert former == old
    after = exported()
    assert verified(before) == (0, f"intact, signed by '{old}'")
    assert verified(after) == (0, f"intact, signed by '{new}'")
    assert verified(after, "keys/manifest-public.pem") == (0, f"intact, signed by '{new}'")
    assert verified(before, "keys/manifest-public.pem")[0] == 1

    assert main(["keys", "rotate", *keys, "--revoke", old]) == 0
    assert publish() == [new, old]
    assert verified(before) == (1, f"refused: 'manifest.dsse.json': the key that signed it, '{old}', was revoked")
    assert verified(after) == (0, f"intact, signed by '{new}'")
    assert main(["status", "--config", str(shop)]) == 0


def test_what_waits_and_what_is_ready_outlive_a_rotation(shop: Path, capsys: Capture) -> None:
    """An export of one key-encryption key is made under the next, and downloaded until its own is revoked."""

    def downloaded() -> bytes:
        with deployment(shop) as opened:
            ticket = opened.service.link(operator(), job).url.partition("ticket=")[2]
            return b"".join(opened.service.open(operator(), job, ticket).read())

    with deployment(shop) as opened:
        job = opened.service.request(operator(), Subject("ada")).export.id
        [wrapping] = [key.key_id for key in LocalKeys.load(shop.parent / "keys").describe()][:1]
    assert main(["keys", "rotate", "--config", str(shop)]) == 0
    assert main(["worker", "--config", str(shop), "--once"]) == 0
    assert ": ready" in capsys.readouterr().out
    assert downloaded().startswith(b"PK")

    assert main(["keys", "rotate", "--config", str(shop), "--revoke", wrapping]) == 0
    with pytest.raises(KeysMissing, match=wrapping):
        downloaded()


def test_plain_lines(shop: Path, capsys: Capture) -> None:
    """For a person there are counts and the file's place; --out may be a file."""
    out = shop.parent / "mine.zip"
    assert main(["export", "--config", str(shop), "--subject", "ada", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "sales: 10 of 10 rows" in said.out
    assert f"bundle: {out}" in said.out
    assert "10 of 10 rows" in said.err
    assert "new keys were made in" in said.err
    assert out.is_file()


def test_unknown_subject(shop: Path, capsys: Capture) -> None:
    """An unknown subject, also one that looks like a path, has an empty, valid export."""
    assert main(line(shop, "--json", subject="../../etc/passwd")) == 0
    assert last_json(capsys)["datasets"] == {"sales": {"expected": 0, "written": 0}}


@pytest.mark.parametrize(
    ("change", "flags", "code", "says"),
    [
        (None, ["--dataset", "nope"], 2, "'nope'; there are: sales"),
        (None, ["--format", "xml"], 2, "'xml'; there are: csv, ndjson, json"),
        (None, ["--profile", "nope"], 2, "'nope'; there are: self"),
        (None, ["--as-of", "2999-01-01"], 2, "as-of: an instant that has passed"),
        (None, ["--from", "2026-02-01", "--to", "2026-01-01"], 2, "to: the window ends"),
        (None, ["--identifier", ""], 2, "identifier: an identifier is 1 to"),
        (('table = "sale"', 'table = "nope"'), [], 2, "nope"),
        (('key = ["at", "no"]', 'key = ["at", "nope"]'), [], 2, "nope"),
        (("sum = {", "summ = {"), [], 2, "summ"),
        (("as_of", "asof"), [], 2, "did you mean 'as_of'"),
        (("[notice]", "[notise]"), [], 2, "notise: there is no such key; did you mean 'notice'?"),
        (("shop.db", "gone.db"), [], 3, "gone.db"),
        (("sqlite:///shop.db", "nosuch://x"), [], 2, ""),
        (('type = "integer"', 'type = "uuid"'), [], 1, "field 'no' holds"),
    ],
)
def test_bad_input(
    *, shop: Path, capsys: Capture, change: tuple[str, str] | None, flags: list[str], code: int, says: str
) -> None:
    """Bad input is one clear sentence, the documented code, no traceback and no partial file."""
    if change is not None:
        assert change[0] in CONFIG
        shop.write_text(CONFIG.replace(*change), encoding="utf-8")
    assert main(line(shop, "--json", *flags)) == code
    said = capsys.readouterr()
    error = json.loads(said.out)["error"]
    assert says in error["detail"]
    assert said.err.splitlines()[-1] == error["detail"]
    assert "Traceback" not in said.err
    assert left(shop) == []
    assert list((shop.parent / "exports").rglob("*.zip")) == []


def test_places_that_cannot_be_are_named(shop: Path, capsys: Capture) -> None:
    """A port that is no number, a folder that is not there: the sentence says which."""
    whole = shop.read_text(encoding="utf-8")
    nowhere = shop.parent / "no" / "such"
    for section, code, says in (
        ('[jobs]\nurl = "postgresql://u:secret@h:port/d"', 2, "jobs.url: this is no database URL"),
        (f'[audit]\npath = "{nowhere}"', 3, f"'{nowhere}': No such file or directory"),
        (f'[jobs]\nurl = "sqlite:///{shop}/x.db"', 2, f"'{shop}/x.db' cannot be made"),
    ):
        shop.write_text(f"{whole}\n{section}\n", encoding="utf-8")
        assert (main(line(shop)), says) == (code, says)
        said = capsys.readouterr().err
        assert says in said
        assert "secret" not in said


def test_whose_tables_are_looked_for(shop: Path, capsys: Capture) -> None:
    """Without [datasets] the tables are StreamPay's: who has others learns where to say so."""
    whole = shop.read_text(encoding="utf-8")
    shop.write_text(whole[: whole.index("[datasets")] + whole[whole.index("[notice]") :], encoding="utf-8")
    assert main(line(shop)) == 2
    said = capsys.readouterr().err
    assert "dataset account: there is no table" in said
    assert "there are: sale" in said
    assert "The configuration has no [datasets]" in said


def test_null_key(shop: Path, capsys: Capture) -> None:
    """A NULL key would lose rows: the column is named, nobody's values are, and the code is 2."""
    with closing(sqlite3.connect(shop.parent / "shop.db")) as database, database:
        database.execute("INSERT INTO sale VALUES (99, NULL, 'ada', '123456.78')")
    assert main(line(shop, "--json")) == 2
    error = last_json(capsys)["error"]
    assert error["slug"] == "null-key"
    assert "'at'" in error["detail"]
    assert "123456" not in error["detail"]
    assert left(shop) == []
    assert main(["status", "--config", str(shop)]) == 0
    assert "failed" in capsys.readouterr().out


def test_full_disk(shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A storage without space is code 3; the job has ended, and the next command begins a new one."""
    with monkeypatch.context() as broken:
        broken.setattr("streampay_export.stage.unnamed_file", _full_stage)
        assert main(line(shop, "--json")) == 3
    error = last_json(capsys)["error"]
    assert "No space left on device" in error["detail"]
    assert left(shop) == []
    assert main(line(shop)) == 0


def _full_stage(directory: Path | None = None) -> Any:
    # /dev/full takes writes into the buffer and fails when they are flushed, as a full disk does.
    return Path("/dev/full").open("r+b", buffering=0)


def test_status(shop: Path, capsys: Capture) -> None:
    """One export or all; an unknown id, also one that is a path, is a no."""
    assert main(["status", "--config", str(shop)]) == 0
    said = capsys.readouterr().out
    assert "all exports: none\n" in said
    assert "no export yet" in said
    assert main(line(shop, "--json")) == 0
    job = last_json(capsys)["job"]
    assert main(["status", job, "--config", str(shop), "--json"]) == 0
    form = last_json(capsys)
    assert (form["id"], form["state"], form["progress"]) == (job, "ready", {"rows": 10, "total": 10})
    assert (form["capacity"], form["error"], "links" in form) == ("operator", None, False)
    assert main(["status", "--config", str(shop), "--json"]) == 0
    form = last_json(capsys)
    assert [each["id"] for each in form["items"]] == [job]
    assert {"ready": 1} == {state: count for state, count in form["overview"]["counts"].items() if count}
    assert (form["overview"]["waiting_since"], form["overview"]["overdue"]) == (None, [])
    assert main(["status", "../../etc/passwd", "--config", str(shop)]) == 1
    assert capsys.readouterr().err == "there is no such export\n"


def test_status_of_what_a_person_asked_for(shop: Path, capsys: Capture) -> None:
    """An operator sees why it failed, in detail; that it was erased is no operator's to see either."""
    shop.write_text(CONFIG.replace('type = "integer"', 'type = "uuid"'), encoding="utf-8")
    with deployment(shop) as opened:
        theirs = ExportService(evolve(opened.wiring, authorize=owner_only))
        job = theirs.request(Actor(id="ada"), Subject("ada")).export.id
        opened.worker.work()
    assert main(["status", job, "--config", str(shop), "--json"]) == 0
    form = last_json(capsys)
    assert (form["state"], form["capacity"], form["error"]["slug"]) == ("failed", "subject", "unwritable-value")
    assert "field 'no' holds" in form["error"]["detail"]
    assert main(["erase", "--subject", "ada", "--config", str(shop)]) == 0
    assert main(["status", job, "--config", str(shop), "--json"]) == 1
    assert last_json(capsys)["error"]["slug"] == "not-found"


def test_status_of_all(shop: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Operators see how many exports of each kind there are, whoever asked; the longest wait; what is overdue."""
    with deployment(shop) as opened:
        late = datetime(2026, 1, 31, 8, tzinfo=UTC)
        olga = Actor(id="olga", capacity="operator")
        job = opened.service.request(olga, Subject("ada"), received_at=late).export.id
        opened.service.request(olga, Subject("bob"))
    assert main(["status", "--config", str(shop)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "all exports: 2 queued"
    assert re.fullmatch(r"  the longest waiting has waited since \S+Z", said[1])
    overdue = f"  overdue: {job}  queued, an answer was due by 2026-02-28T08:00:00.000000Z"
    assert said[2:] == [overdue, "you have asked for no export yet"]
    assert main(["status", "--config", str(shop), "--json"]) == 0
    told = {"id": job, "state": "queued", "due_at": "2026-02-28T08:00:00.000000Z"}
    assert last_json(capsys)["overview"]["overdue"] == [told]

    monkeypatch.setattr("streampay_export.cli.listing.LARGEST_COUNT", 2)
    monkeypatch.setattr("streampay_export.cli.listing.MOST_OVERDUE", 1)
    assert main(["status", "--config", str(shop)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "all exports: 2 or more queued"
    assert "  there may be more overdue: those are the longest due" in said


def test_status_tells_the_clock_of_the_law(shop: Path, capsys: Capture) -> None:
    """When an answer is due, extended and paused, as words and as JSON; a refusal has its remedies."""
    with deployment(shop) as opened:
        asked = datetime(2026, 1, 31, 8, tzinfo=UTC)
        job = opened.service.request(operator(), Subject("ada"), received_at=asked, identity_awaited=True).export.id
        bob = opened.service.request(operator(), Subject("bob")).export.id
        opened.service.extend(operator(), bob, "There is much.")
        carl = opened.service.request(operator(), Subject("carl")).export.id
        opened.service.refuse(operator(), carl, "It is the ninth.", "You may complain.")
    assert main(["status", job, "--config", str(shop)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "asked for 2026-01-31T08:00:00.000000Z" in said[0]
    assert said[1] == "  an answer was due by 2026-02-28T08:00:00.000000Z"
    assert re.fullmatch(r"  paused since \S+Z until it is known who asks; it is due later by as long", said[2])
    assert main(["status", bob, "--config", str(shop)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("  an answer is due by ")
    assert re.fullmatch(r"  extended on \S+Z: There is much\.", said[2])
    assert main(["status", bob, "--config", str(shop), "--json"]) == 0
    form = last_json(capsys)
    assert (form["extension"]["reason"], form["paused_at"]) == ("There is much.", None)
    assert main(["status", carl, "--config", str(shop)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["  It is the ninth. You may complain."]
    assert main(["status", carl, "--config", str(shop), "--json"]) == 0
    assert last_json(capsys)["error"] == {
        "slug": "refused",
        "sentence": "It is the ninth.",
        "remedies": "You may complain.",
        "detail": "It is the ninth.",
    }


def test_a_paused_export_is_not_made(shop: Path, capsys: Capture) -> None:
    """While it is not known who asks, `export` answers no and says why, and hands out nothing."""
    with deployment(shop) as opened:
        opened.service.request(operator(), Subject("ada"), identity_awaited=True)
    assert main(line(shop, "--json")) == 1
    assert last_json(capsys)["error"]["slug"] == "not-ready"
    assert left(shop) == []


def test_left_behind_with_other_parameters(shop: Path, capsys: Capture) -> None:
    """A job left unfinished by an earlier command with other parameters is cancelled, and said so."""
    with deployment(shop) as opened:
        job = opened.service.request(operator(), Subject("ada"), formats=["json"]).export.id
    assert main(line(shop)) == 0
    assert f"export {job}, left unfinished with other parameters, is cancelled" in capsys.readouterr().err


def test_held_with_other_parameters(shop: Path, capsys: Capture) -> None:
    """One that a live worker holds is not touched: the answer is no, and says what to do."""
    with deployment(shop) as opened:
        job = opened.service.request(operator(), Subject("ada"), formats=["json"]).export.id
        assert opened.wiring.jobs.claim(lease=timedelta(minutes=1), max_attempts=5)
    assert main(line(shop, "--json")) == 1
    error = last_json(capsys)["error"]
    assert error["slug"] == "active-export-differs"
    assert job in error["detail"]


def test_held_by_another_worker(shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """The same export in other hands is waited for; a worker that died is taken over from."""
    monkeypatch.setattr("streampay_export.cli.exporting.ASK_AGAIN", 0.05)
    with deployment(shop) as opened:
        job = opened.service.request(operator(), Subject("ada")).export.id
        assert opened.wiring.jobs.claim(lease=timedelta(seconds=0.5), max_attempts=5)
    assert main(line(shop, "--json")) == 0
    said = capsys.readouterr()
    assert "was asked for before" in said.err
    assert said.err.count("is held by another worker") == 1
    assert json.loads(said.out.splitlines()[-1])["job"] == job


def test_worker_and_sweep(shop: Path, capsys: Capture) -> None:
    """`worker --once` works off what waits; `sweep` says what it did."""
    with deployment(shop) as opened:
        job = opened.service.request(operator(), Subject("ada")).export.id
    assert main(["worker", "--once", "--config", str(shop)]) == 0
    assert f"export {job}: ready" in capsys.readouterr().out
    assert main(["sweep", "--config", str(shop)]) == 0
    assert "expired 0" in capsys.readouterr().out
    assert main(["sweep", "--config", str(shop), "--json"]) == 0
    swept = last_json(capsys)
    assert (swept["failures"], swept["objects"]) == (0, 1)
    assert main(["sweep", "--brief", "--config", str(shop), "--json"]) == 0
    assert last_json(capsys)["objects"] == 0


def started(arguments: list[str]) -> subprocess.Popen[str]:
    """Start the command line as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "streampay_export", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.fixture
def large_shop(tmp_path: Path) -> Iterator[Path]:
    """A shop whose export takes some seconds."""
    make_database(tmp_path / "shop.db", 400_000)
    (tmp_path / "out").mkdir()
    config = tmp_path / "shop.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return config


def wait_for_start(config: Path) -> None:
    """Wait until a worker has begun with the export."""
    trail = config.parent / "audit.jsonl"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if trail.exists() and '"started"' in trail.read_text():
            return
        time.sleep(0.02)
    pytest.fail("the export never started")


def test_ctrl_c(large_shop: Path, capsys: Capture) -> None:
    """Ctrl-C ends at the next page with 130 and nothing half-written; the same command goes on."""
    command = line(large_shop, "--json")
    process = started(command)
    wait_for_start(large_shop)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "run the same command again" in err
    assert "Traceback" not in err
    assert json.loads(out)["error"]["slug"] == "interrupted"
    assert left(large_shop) == []
    assert list((large_shop.parent / "exports").rglob("*.zip")) == []
    assert main(command) == 0
    said = capsys.readouterr()
    assert "was asked for before and goes on" in said.err
    assert json.loads(said.out.splitlines()[-1])["datasets"]["sales"]["written"] == 400_000


def test_worker_ends_gracefully(shop: Path) -> None:
    """SIGTERM ends a worker with 0, Ctrl-C with 130."""
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        process = started(["worker", "--config", str(shop)])
        assert process.stderr is not None
        while "working" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
        assert process.returncode == code
        assert "stopped" in err


def test_bar_on_a_terminal(shop: Path) -> None:
    """On a terminal progress is a bar, and standard output stays the program's."""
    ours, theirs = pty.openpty()
    process = subprocess.run(
        [sys.executable, "-m", "streampay_export", *line(shop, "--json")],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        timeout=30,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        check=True,
    )
    os.close(theirs)
    drawn = os.read(ours, 65536).decode()
    os.close(ours)
    assert "10/10" in drawn
    assert "ready" in drawn
    assert len(process.stdout.splitlines()) == 1


def test_reader_that_went_away() -> None:
    """A pipe that nobody reads any more is no traceback."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "streampay_export", "policy", "list"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_deployment_may_be_watched(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the configuration says so, OpenTelemetry is told; without it the extra is named."""
    shop.write_text(f"[telemetry]\nopentelemetry = true\n{CONFIG}", encoding="utf-8")
    with deployment(shop) as opened:
        assert isinstance(opened.wiring.telemetry, OpenTelemetry)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtra, match="otel"), deployment(shop):
        pass
