"""
`erase` on a small deployment: a receipt for people and for programs, the replay of a backup, bad input.
"""

import io
import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from tests.toml_texts import NOTICE

from streampay_export.cli import main

CONFIG = """
[source]
url = "sqlite:///shop.db"
[erasure]
log = "elsewhere/erased.jsonl"
[datasets.sales]
table = "sale"
key = ["no"]
subject = ["who"]
[datasets.sales.fields.no]
type = "integer"
rule = "keep"
reason = "Theirs"
on_erasure = {does = "retain", basis = "Tax act", until = "ten years"}
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """
    A configuration over one sale of ada's, whose log of tombstones is elsewhere.
    """
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("CREATE TABLE sale (no INTEGER NOT NULL, who TEXT)")
        database.execute("INSERT INTO sale VALUES (1, 'ada-lovelace')")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "shop.toml").write_text(CONFIG + NOTICE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *arguments):
    """
    Run a command for programs; return its exit code and the last line it answered.
    """
    code = main([*arguments, "--config", "shop.toml", "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_receipt_for_programs_and_for_people(shop, capsys, monkeypatch):
    """
    The id may come by standard input; the same person again has the same receipt; the id is in no output.
    """
    assert main(["export", "--config", "shop.toml", "--subject", "ada-lovelace", "--out", "."]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("ada-lovelace\n"))
    code, receipt = run(capsys, "erase", "--subject", "-", "--identifier", "GADA", "--retain-until", "2033-01-01")
    assert (0, 1, "2033-01-01T00:00:00.000000Z") == (code, receipt["exports"], receipt["retain_until"])
    assert [{"dataset": "sales", "field": "no", "basis": "Tax act", "until": "ten years"}] == receipt["retained"]
    assert receipt["finished_at"] > receipt["at"]
    assert list((shop / "exports").rglob("*.zip")) == []

    assert main(["erase", "--config", "shop.toml", "--subject", "ada-lovelace"]) == 0
    said = capsys.readouterr()
    assert f"receipt {receipt['receipt']}: erased as of {receipt['at']}, exports: 1" in said.out
    assert "retained: sales.no: Tax act, until ten years" in said.out
    assert "the rows of your own database are as they were" in said.err
    for place in (said.out, said.err, (shop / "elsewhere" / "erased.jsonl").read_text()):
        assert "ada-lovelace" not in place


def test_a_backup_that_came_back_is_replayed(shop, capsys):
    """
    Everything is refused, exit code 2 and the command to run, until it was run.
    """
    assert main(["export", "--config", "shop.toml", "--subject", "ada-lovelace", "--out", "."]) == 0
    shutil.copy(shop / "exports.db", shop / "backup.db")
    assert run(capsys, "erase", "--subject", "ada-lovelace")[0] == 0
    for path in shop.glob("exports.db*"):
        path.unlink()
    shutil.copy(shop / "backup.db", shop / "exports.db")
    for command in (["status"], ["sweep"], ["worker", "--once"], ["export", "--subject", "bob", "--out", "."]):
        assert main([*command, "--config", "shop.toml"]) == 2
        assert "run: streampay-export erase --replay" in capsys.readouterr().err
    assert (0, {"tombstones": 1, "exports": 1, "written_back": 0}) == run(capsys, "erase", "--replay")
    assert main(["erase", "--config", "shop.toml", "--replay"]) == 0
    assert "tombstones 0, exports 0, written_back 0" in capsys.readouterr().out
    code, refused = run(capsys, "export", "--subject", "ada-lovelace", "--out", ".")
    assert (1, "subject-erased") == (code, refused["error"]["slug"])


def test_a_replay_says_what_it_cannot_know(shop, capsys):
    """
    For people there is a word on the application's own database, where something was replayed.
    """
    assert run(capsys, "erase", "--subject", "ada-lovelace")[0] == 0
    for path in shop.glob("exports.db*"):
        path.unlink()
    assert main(["erase", "--config", "shop.toml", "--replay"]) == 0
    said = capsys.readouterr()
    assert "tombstones 1, exports 0, written_back 0" in said.out
    assert "if your own database was restored too" in said.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "subject: say whom"),
        (["--subject", "ada", "--replay"], "replay: give either"),
        (["--subject", "ada", "--retain-until", "soon"], "retain-until: "),
        (["--subject", "ada-lovelace", "--basis", "Ada-Lovelace wrote"], "basis: "),
    ],
)
def test_wrong_flags_are_named(shop, capsys, arguments, problem):
    """
    Exit code 2, and nobody is erased.
    """
    assert main(["erase", "--config", "shop.toml", *arguments]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(problem)
    assert not (shop / "elsewhere" / "erased.jsonl").exists()


def test_what_is_not_finished_is_no_success(shop, capsys, monkeypatch):
    """
    With the storage away the exports are gone for everybody, exit code 3: the sweeper has to go on.
    """
    assert main(["export", "--config", "shop.toml", "--subject", "ada-lovelace", "--out", "."]) == 0
    folder = next((shop / "exports").rglob("*.zip")).parent
    folder.chmod(0o500)
    try:
        monkeypatch.setattr("os.unlink", _refuse)
        monkeypatch.setattr("os.remove", _refuse)
        code = main(["erase", "--config", "shop.toml", "--subject", "ada-lovelace"])
    finally:
        folder.chmod(0o700)
    assert code == 3
    assert "not finished: the sweeper goes on with it" in capsys.readouterr().err


def _refuse(*_, **__):
    raise PermissionError(13, "Permission denied")
