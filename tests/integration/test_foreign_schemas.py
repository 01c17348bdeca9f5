"""`export` on databases that are nothing like StreamPay's, described by TOML alone."""

import csv
import io
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from tests.toml_texts import KEEP, NOTICE

from streampay_export.cli import main

LIBRARY = """
[source]
url = "sqlite:///library.db"
[datasets.loans]
table = "Ausleihe 2024"
key = ["zeit_ms", "Nr."]
subject = ["leser", "bürge"]
as_of = "zeit_ms"
[datasets.loans.fields]
number = {column = "Nr.", type = "integer", KEEP}
at = {column = "zeit_ms", type = "timestamp", unit = "ms", KEEP}
fee = {column = "Gebühr", type = "decimal", asset = {const = "EUR"}, KEEP}
late = {column = "verspätet", type = "boolean", KEEP}
title = {column = "order", type = "text", KEEP}
[datasets.loans.fields.staff_note]
type = "text"
rule = "withhold"
reason = "Others'"
[datasets.reminders]
table = "mahnung"
key = ["id"]
[datasets.reminders.owner]
via = "loan"
table = "Ausleihe 2024"
key = "Nr."
subject = ["leser", "bürge"]
[datasets.reminders.fields]
id = {type = "integer", KEEP}
""".replace("KEEP", KEEP)
CLINIC = """
[source]
url = "URL"
timezone = "Europe/Paris"
schema = "Clinic"
[datasets.visits]
table = "Visit"
key = ["starts", "ref"]
subject = ["patient"]
as_of = "starts"
[datasets.visits.fields]
ref = {type = "uuid", KEEP}
starts = {type = "timestamp", KEEP}
day = {type = "date", KEEP}
price = {type = "decimal", asset = "cur", KEEP}
cur = {type = "text", KEEP}
notes = {type = "json", KEEP}
paid = {type = "boolean", KEEP}
""".replace("KEEP", KEEP)
KEPT = ("export_job", "export_audit")
SHOP = """
[source]
url = "URL"
timezone = "Europe/Paris"
[jobs]
url = "URL"
[audit]
url = "URL"
[datasets.purchases]
table = "einkauf"
key = ["wann", "ref"]
subject = ["kunde"]
as_of = "wann"
[datasets.purchases.fields]
ref = {type = "uuid", KEEP}
at = {column = "wann", type = "timestamp", KEEP}
price = {column = "preis", type = "decimal", asset = {const = "EUR"}, KEEP}
note = {column = "notiz", type = "text", KEEP}
extra = {type = "json", KEEP}
paid = {column = "bezahlt", type = "boolean", KEEP}
""".replace("KEEP", KEEP)


def exported(
    config: Path, subject: str, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[dict[str, Any], Any]:
    """Return what the command says and the bundle's data files."""
    code = main(
        ["export", "--config", str(config), "--subject", subject, "--out", str(config.parent), "--json", *more]
    )
    said = capsys.readouterr()
    assert code == 0, said.err
    result = json.loads(said.out.splitlines()[-1])
    with zipfile.ZipFile(result["bundle"]) as bundle:
        return result, {name: bundle.read(name).decode() for name in bundle.namelist() if name.startswith("data/")}


def library(folder: Path) -> Path:
    """Make a lending library and return its configuration."""
    with closing(sqlite3.connect(folder / "library.db")) as database, database:
        database.execute(
            'CREATE TABLE "Ausleihe 2024" ("Nr." INTEGER, zeit_ms INTEGER, leser INTEGER, "bürge" INTEGER,'
            ' "Gebühr" TEXT, "verspätet" INTEGER, "order" TEXT, staff_note TEXT, unnamed TEXT)'
        )
        database.executemany(
            'INSERT INTO "Ausleihe 2024" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
            [
                (1, 1735689600001, 7, None, "1.50", 0, "=cmd()", "note", "x"),
                (2, 1735689600000, 8, 7, "0.05", 1, 'a "b", c\n', "note", "x"),
                (3, 1735689600000, 8, 9, "9.99", 1, "not theirs", "note", "x"),
                (4, 1735689600009, 7, 7, None, None, None, None, None),
            ],
        )
        database.execute("CREATE TABLE mahnung (id INTEGER, loan INTEGER)")
        database.executemany("INSERT INTO mahnung VALUES (?, ?)", [(10, 1), (11, 3), (12, 2)])
    config = folder / "library.toml"
    config.write_text(LIBRARY + NOTICE, encoding="utf-8")
    return config


def test_sqlite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Integer subjects, epoch keys, umlauts, blanks, dots and keywords as names: each row once, in key order."""
    result, data = exported(library(tmp_path), "7", capsys)
    assert result["datasets"] == {
        "loans": {"expected": 3, "written": 3},
        "reminders": {"expected": 2, "written": 2},
    }
    assert list(csv.reader(io.StringIO(data["data/loans.csv"], newline=""))) == [
        ["number", "at", "fee", "late", "title"],
        ["2", "2025-01-01T00:00:00.000000Z", "0.05", "true", 'a "b", c\n'],
        ["1", "2025-01-01T00:00:00.001000Z", "1.50", "false", "'=cmd()"],
        ["4", "2025-01-01T00:00:00.009000Z", "", "", ""],
    ]
    assert [row["id"] for row in json.loads(data["data/reminders.json"])] == [10, 12]


def test_sqlite_identifiers_and_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A further identifier adds its rows, datasets can be picked, and a window is half-open."""
    window = ("--from", "2025-01-01", "--to", "2025-01-01T00:00:00.001Z")
    config = library(tmp_path)
    result, data = exported(
        config, "7", capsys, "--identifier", "9", "--dataset", "loans", "--format", "ndjson", *window
    )
    assert result["datasets"] == {"loans": {"expected": 2, "written": 2}}
    assert [json.loads(line)["number"] for line in data["data/loans.ndjson"].splitlines()] == [2, 3]


def test_id_of_another_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An id that the column's type cannot hold, such as a path, is nobody's: an empty, valid export."""
    result, data = exported(library(tmp_path), "../../etc/passwd", capsys)
    assert result["datasets"]["loans"] == {"expected": 0, "written": 0}
    assert data["data/loans.csv"] == "number,at,fee,late,title\r\n"


@pytest.mark.server
def test_postgresql(tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Uuid keys, numeric money, times without zone in Paris, jsonb and a schema of its own."""
    engine = sqlalchemy.create_engine(postgres_url, poolclass=sqlalchemy.pool.NullPool)
    with engine.begin() as connection:
        for statement in (
            'DROP SCHEMA IF EXISTS "Clinic" CASCADE',
            'CREATE SCHEMA "Clinic"',
            """CREATE TABLE "Clinic"."Visit" (ref uuid, starts timestamp, day date, price numeric(12,4),
            cur char(3), notes jsonb, paid boolean, patient bigint)""",
            """INSERT INTO "Clinic"."Visit" VALUES
            ('00000000-0000-0000-0000-000000000002', '2025-07-01 10:00',
             '2025-07-01', 12.5, 'EUR', '{"a": [1]}', true, 5),
            ('00000000-0000-0000-0000-000000000001', '2025-01-01 10:00',
             '2025-01-01', -0.0001, 'EUR', NULL, NULL, 5),
            ('00000000-0000-0000-0000-000000000003', '2025-01-01 10:00', '2025-01-01', 1, 'EUR', NULL, NULL, 6)""",
        ):
            connection.exec_driver_sql(statement)
    config = tmp_path / "clinic.toml"
    config.write_text(CLINIC.replace("URL", postgres_url) + NOTICE, encoding="utf-8")
    result, data = exported(config, "5", capsys)
    assert result["datasets"] == {"visits": {"expected": 2, "written": 2}}
    rows = json.loads(data["data/visits.json"])
    assert [row["starts"] for row in rows] == ["2025-01-01T09:00:00.000000Z", "2025-07-01T08:00:00.000000Z"]
    assert [row["price"] for row in rows] == ["-0.0001", "12.5000"]
    assert [row["paid"] for row in rows] == [None, True]
    assert rows[1]["ref"] == "00000000-0000-0000-0000-000000000002"


@pytest.mark.server
def test_mariadb(tmp_path: Path, mariadb_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """People whose ids the collation folds each get what is theirs, exactly; jobs and audit are there too."""
    engine = sqlalchemy.create_engine(mariadb_url, poolclass=sqlalchemy.pool.NullPool)
    name = f"{engine.url.database}_shop"
    url = engine.url.set(drivername="mariadb", database=name).render_as_string(hide_password=False)
    with engine.begin() as connection:
        for statement in (
            f"CREATE DATABASE {name}",
            f"USE {name}",
            """CREATE TABLE einkauf (ref binary(16) PRIMARY KEY, wann datetime(6) NOT NULL, kunde varchar(40),
            preis decimal(30,9), notiz text, extra json, bezahlt boolean, KEY (kunde, wann, ref))
            COLLATE utf8mb4_general_ci""",
            """INSERT INTO einkauf VALUES
            (X'00000000000000000000000000000002', '2025-07-01 10:00', 'alice', 123456789012345678901.000000001,
             '\N{PARTY POPPER} canary-a', '{"n": 1.10}', true),
            (X'00000000000000000000000000000001', '2025-01-01 10:00', 'alice', -0.5, NULL, NULL, NULL),
            (X'00000000000000000000000000000003', '2025-01-01 10:00', 'Alice', 1, 'canary-b', NULL, false),
            (X'00000000000000000000000000000004', '2025-01-01 10:00', 'alice ', 1, 'canary-c', NULL, false)""",
        ):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    config = tmp_path / "shop.toml"
    config.write_text(SHOP.replace("URL", url) + NOTICE, encoding="utf-8")
    result, data = exported(config, "alice", capsys)
    assert result["datasets"] == {"purchases": {"expected": 2, "written": 2}}
    assert json.loads(data["data/purchases.json"]) == [
        {
            "ref": "00000000-0000-0000-0000-000000000001", "at": "2025-01-01T09:00:00.000000Z",
            "price": "-0.500000000", "note": None, "extra": None, "paid": None,
        },
        {
            "ref": "00000000-0000-0000-0000-000000000002", "at": "2025-07-01T08:00:00.000000Z",
            "price": "123456789012345678901.000000001", "note": "\N{PARTY POPPER} canary-a",
            "extra": {"n": 1.1}, "paid": True,
        },
    ]  # fmt: skip
    _, data = exported(config, "Alice", capsys)
    assert ["canary-b"] == [row["note"] for row in json.loads(data["data/purchases.json"])]
    assert not [member for member, text in data.items() if "canary-a" in text or "canary-c" in text]
    with engine.begin() as connection:
        kept = [connection.exec_driver_sql(f"SELECT count(*) FROM {name}.{each}").scalar() for each in KEPT]
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    assert (2, True) == (kept[0], kept[1] > 2)
