"""
The default wiring on a real folder: SQLite, local disk, threads.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
import zipfile
from pathlib import Path

import pytest

from streampay_export import Actor, ExportError, Policies, Subject
from streampay_export._core.lifecycle import State
from streampay_export.embedded import Embedded, Places, embedded
from streampay_export.errors import InvalidConfiguration, KeysMissing, SourceMismatch, StorageUnavailable
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.deployment import CATALOG, NOTICE, keep_everything
from streampay_export.verify import verify_bundle

ALICE = Actor(id="alice")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """
    A database with two people's payments.
    """
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE payouts (id INTEGER PRIMARY KEY, requested_at TEXT NOT NULL, payer TEXT, payee TEXT,"
            " amount DECIMAL(20,9), note TEXT, secret TEXT DEFAULT 'CANARY-COLUMN')"
        )
        for who in ("payer", "payee"):
            db.execute(f"CREATE INDEX by_{who} ON payouts ({who}, requested_at, id)")
        db.executemany(
            "INSERT INTO payouts (id, requested_at, payer, payee, amount, note) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (n, f"2025-01-01T00:{n // 60:02d}:{n % 60:02d}", *pair, "1.5", f"CANARY-{pair[0]}-{n}")
                for n in range(600)
                for pair in [("alice", "bob") if n % 3 else ("carol", "dave")]
            ],
        )
    db.close()
    return path


def deployed(shop: Path, folder: Path, **changes) -> Embedded:
    """
    Wire the default deployment over the shop.
    """
    source = SqlAlchemySource(f"sqlite:///{shop}", timezone="UTC")
    return embedded(
        Places.beside(folder),
        source=source,
        catalog=CATALOG,
        policies=Policies.of(keep_everything(CATALOG)),
        notice=NOTICE,
        **changes,
    )


def downloaded(house: Embedded, folder: Path) -> Path:
    """
    Ask as alice, wait, download.
    """
    job_id = house.service.request(ALICE, Subject("alice")).export.id
    deadline = time.monotonic() + 30
    while (export := house.service.status(ALICE, job_id)).state not in {State.READY, State.FAILED}:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert State.READY is export.state, export.failure
    link = house.service.link(ALICE, job_id)
    download = house.service.open(ALICE, job_id, link.url.partition("ticket=")[2])
    path = folder / download.file_name
    path.write_bytes(b"".join(download.read()))
    return path


INTENDED = ["requested", "started", "link_issued", "download_authorised", "download_finished"]


@pytest.mark.parametrize("trail", ["", "sqlite"])
def test_first_export_of_a_fresh_folder(shop: Path, tmp_path: Path, trail: str) -> None:
    """
    An empty folder becomes a deployment; the export holds the person's rows, verifies, and nothing else is in it.
    """
    folder = tmp_path / "deployment"
    places = Places.beside(folder)
    if trail:
        places = Places(
            storage=places.storage, jobs=places.jobs, keys=places.keys, audit=f"sqlite:///{folder / 'audit.db'}"
        )
    source = SqlAlchemySource(f"sqlite:///{shop}", timezone="UTC")
    house = embedded(
        places, source=source, catalog=CATALOG, policies=Policies.of(keep_everything(CATALOG)), notice=NOTICE
    )
    with source, house:
        house.start()
        assert house.keys_made
        path = downloaded(house, tmp_path)
        verdict = verify_bundle(path, house.wiring.manifests.public_keys())
        house.sweeper.sweep()
        events = [str(entry.event) for entry in house.wiring.audit.entries("default")]
    assert verdict.rows == 400
    # An outcome may be recorded a moment after others see it; intents stand before what they allow.
    assert sorted(events) == sorted(["completed", *INTENDED])
    assert [event for event in events if event != "completed"] == INTENDED
    with zipfile.ZipFile(path) as bundle:
        rows = json.loads(bundle.read("data/payouts.json"))
        everything = b"".join(bundle.read(name) for name in bundle.namelist())
    assert [n for n in range(600) if n % 3] == [row["id"] for row in rows]
    assert b"CANARY-COLUMN" not in everything
    assert b"carol" not in everything
    stored = [each for each in (folder / "exports").rglob("*") if each.is_file()]
    assert [0o600] == [each.stat().st_mode & 0o777 for each in stored]


def test_restart_keeps_keys_and_finishes_what_waits(shop: Path, tmp_path: Path) -> None:
    """
    A job that a dead process left is worked off by the next one, and old exports still open.
    """
    folder = tmp_path / "deployment"
    first = deployed(shop, folder, threads=0)
    job_id = first.service.request(ALICE, Subject("alice")).export.id
    first.close()
    second = deployed(shop, folder)
    assert not second.keys_made
    assert second.sweeper.sweep().rung == 1
    deadline = time.monotonic() + 30
    while second.service.status(ALICE, job_id).state is not State.READY:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    second.close()


def test_start_without_its_keys_is_refused(shop: Path, tmp_path: Path) -> None:
    """
    A deployment with jobs whose keys are gone does not make new ones: it stops and says so.
    """
    folder = tmp_path / "deployment"
    house = deployed(shop, folder, threads=0)
    house.service.request(ALICE, Subject("alice"))
    house.close()
    shutil.rmtree(folder / "keys")
    with pytest.raises(KeysMissing):
        deployed(shop, folder)
    assert not (folder / "keys").exists()


def test_catalog_that_does_not_fit_is_refused_before_anything_is_made(shop: Path, tmp_path: Path) -> None:
    """
    A column that is not there is named at start, and no folder, key or database is left.
    """
    with sqlite3.connect(shop) as db:
        db.execute("ALTER TABLE payouts RENAME COLUMN note TO remark")
    db.close()
    with pytest.raises(SourceMismatch, match="note"):
        deployed(shop, tmp_path / "deployment")
    assert not (tmp_path / "deployment").exists()


def test_nobodys_data_lies_about(shop: Path, tmp_path: Path) -> None:
    """
    After success and after failure no memo stands in any file of the deployment but the artifact, nor in any error.
    """
    folder = tmp_path / "deployment"
    house = deployed(shop, folder)
    downloaded(house, tmp_path)
    with sqlite3.connect(shop) as db:
        db.execute("UPDATE payouts SET amount = 'CANARY-AMOUNT' WHERE id = 1")
    db.close()
    job_id = house.service.request(ALICE, Subject("alice"), formats=["csv"]).export.id
    deadline = time.monotonic() + 30
    while (export := house.service.status(ALICE, job_id)).state is not State.FAILED:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    house.close()
    assert "CANARY" not in str(export.failure)
    assert "amount" in export.failure.detail
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix != ".zip":
            content = file.read_bytes()
            assert b"CANARY" not in content, file.name
            assert b"alice" not in content, file.name
    assert issubclass(KeysMissing, ExportError)


def test_a_storage_that_keeps_what_is_deleted_is_refused_first(shop: Path, tmp_path: Path, monkeypatch) -> None:
    """
    A start asks the storage before it makes anything of its own.
    """

    def keeps(storage: FsspecStorage) -> None:
        raise InvalidConfiguration("storage.url", "grant something")

    monkeypatch.setattr(FsspecStorage, "check", keeps)
    with pytest.raises(InvalidConfiguration, match="grant something"):
        deployed(shop, tmp_path / "live")
    assert not (tmp_path / "live").exists()


def test_a_storage_that_is_away_holds_up_no_start(shop: Path, tmp_path: Path, monkeypatch) -> None:
    """
    Revoking, shredding and erasing need no storage, so it is asked again when something is put there.
    """

    def away(storage: FsspecStorage) -> None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(FsspecStorage, "check", away)
    with deployed(shop, tmp_path / "live") as house:
        assert house.service.list(ALICE).items == ()
