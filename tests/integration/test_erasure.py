"""
Erased means erased: on disk, in databases that come back from a backup, and in other people's exports.
"""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import zipfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve
from sqlalchemy.engine import make_url
from tests.canaries import holds
from tests.requirements import program

from streampay_export import STREAMPAY, STREAMPAY_POLICIES, Actor, Policies, Subject
from streampay_export._core.lifecycle import State
from streampay_export.access import operator_on_this_machine, owner_only
from streampay_export.embedded import Embedded, Places, embedded
from streampay_export.erasing import Replayed
from streampay_export.errors import ErasuresMissing, KeysMissing, NotFound, SubjectErased, TombstonesBroken
from streampay_export.jobs.sql import SqlJobStore
from streampay_export.service import ExportService
from streampay_export.sources.iterable import IterableSource
from streampay_export.testing.deployment import CATALOG, NOTICE, MemoryDeployment, keep_everything
from streampay_export.testing.fakes import RecordingEraser

WHO, WALLET = "CANARY-anna-7f3a9c", "GCANARY51B0E2D4"
ANNA, WHOM = Actor(id=WHO), Subject(WHO, (WALLET,))
BASIS = "GDPR Art. 17(1)(b)"


def staff_too(access):
    """
    Let people have their own copies, and operators do as they do on a command line.
    """
    return owner_only(access) or operator_on_this_machine(access)


def olga() -> Actor:
    """
    Return an operator who has just signed in.
    """
    return Actor(id="olga", capacity="operator", authenticated_at=datetime.now(UTC))


def opened(folder: Path) -> Embedded:
    """
    Open the default deployment in a folder, over anna's payouts; nothing works in it until told to.
    """
    row = {"requested_at": datetime(2025, 1, 1, tzinfo=UTC), "payee": "bob", "amount": "1.5", "note": "rent"}
    rows = [{"id": n, "payer": WHO if n % 2 else WALLET, **row} for n in range(1, 5)]
    return embedded(
        Places.beside(folder),
        source=IterableSource({"payouts": rows}, now=lambda: datetime.now(UTC), timezone="UTC"),
        catalog=CATALOG,
        policies=Policies.of(keep_everything(CATALOG)),
        notice=NOTICE,
        authorize=staff_too,
        threads=0,
    )


def exported(service, worker) -> str:
    """
    Make anna's export; return its id.
    """
    job_id = service.request(ANNA, WHOM).export.id
    assert State.READY is worker.work().state
    return job_id


def files(folder: Path) -> dict[str, bytes]:
    """
    Return what every file holds, read from outside: closing a database here would drop this process's locks.
    """
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name: subprocess.run(["cat", path], stdout=subprocess.PIPE, check=True).stdout for path in paths}


def test_nothing_names_the_person_any_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """
    After an erasure neither id nor wallet is in any file: database, log of tombstones, trail, storage, keys.
    """
    caplog.set_level(logging.DEBUG)
    with opened(tmp_path) as house:
        exported(house.service, house.worker)
        house.service.request(ANNA, WHOM, formats=["ndjson"])
        receipt = house.service.erase(olga(), WHOM, basis=BASIS)
        house.sweeper.sweep()
        held = files(tmp_path)
        assert {"exports.db", "tombstones.jsonl", "audit.jsonl", "keys.json"} <= held.keys()
        assert not [name for name in held if name.endswith((".zip", ".part"))]
        for canary in (WHO.encode(), WALLET.encode()):
            assert [] == [name for name, content in held.items() if holds(content, canary)]
            assert canary.decode() not in caplog.text
        tags = [house.wiring.tagger.owner_tag("default", WHO), house.wiring.tagger.tombstone_tag("default", WHO)]
        assert [False, True] == [tag.encode() in held["tombstones.jsonl"] for tag in tags]
        assert receipt.id.encode() in held["tombstones.jsonl"]


def test_what_was_being_erased_is_in_no_database_page(tmp_path: Path) -> None:
    """
    Whom an unfinished erasure is about is sealed, and the seal is gone from file and write-ahead log once it ends.
    """
    with opened(tmp_path) as house:
        failing = RecordingEraser()
        failing.failing = True
        service = ExportService(evolve(house.wiring, eraser=failing))
        assert service.erase(olga(), WHOM, basis=BASIS).finished_at is None
        (erasure,) = house.wiring.jobs.erasures()
        sealed = [erasure.sealed, erasure.wrapped_key.ciphertext]
        database = files(tmp_path)
        assert all(any(secret in content for content in database.values()) for secret in sealed)
        assert not any(holds(content, WHO.encode()) for content in database.values())
        failing.failing = False
        assert service.erase(olga(), WHOM, basis=BASIS).finished_at is not None
        for name, content in files(tmp_path).items():
            assert [False] * 2 == [secret in content for secret in sealed], name


# --- a backup comes back ------------------------------------------------------------------------------------


def test_a_restored_sqlite_backup_serves_nothing_until_it_is_replayed(tmp_path: Path) -> None:
    """
    The export of before is in the backup, whole and with its key; nobody gets it, and the replay ends it.
    """
    folder, backup = tmp_path / "house", tmp_path / "backup.db"
    with opened(folder) as house:
        job_id = exported(house.service, house.worker)
        with closing(sqlite3.connect(folder / "exports.db")) as db:
            db.execute("VACUUM INTO ?", (str(backup),))
        house.service.erase(olga(), WHOM, basis=BASIS)
    for path in folder.glob("exports.db*"):
        path.unlink()
    shutil.copy(backup, folder / "exports.db")

    with opened(folder) as house:
        assert State.READY is house.wiring.jobs.get("default", job_id).state
        for act in (
            lambda: house.service.link(ANNA, job_id),
            lambda: house.service.request(ANNA, WHOM),
            house.worker.work,
            house.sweeper.sweep,
        ):
            with pytest.raises(ErasuresMissing, match=r"1 people were erased .* erase --replay"):
                act()
        assert Replayed(tombstones=1, exports=1, written_back=0) == house.service.replay_erasures(olga())
    with opened(folder) as house:
        job = house.wiring.jobs.get("default", job_id)
        assert (State.ERASED, None, None, None) == (job.state, job.wrapped_key, job.sealed, job.artifact)
        with pytest.raises(NotFound):
            house.service.status(ANNA, job_id)
        with pytest.raises(SubjectErased):
            house.service.request(Actor(id=WALLET), Subject(WALLET))


def test_a_restored_postgresql_dump_serves_nothing_until_it_is_replayed(postgres_url: str, tmp_path: Path) -> None:
    """
    The same with `pg_dump` and `pg_restore`, in a database of its own.
    """
    server, name = make_url(postgres_url), f"streampay_restored_{os.getpid()}"
    admin, plain = (
        url.set(drivername="postgresql").render_as_string(hide_password=False)
        for url in (server, server.set(database=name))
    )
    dump = tmp_path / "jobs.dump"
    _run("psql", admin, "-qc", f"CREATE DATABASE {name}")
    jobs = SqlJobStore(server.set(database=name).render_as_string(hide_password=False))
    jobs.create_tables()
    row = {"id": 1, "requested_at": datetime(2025, 1, 1, tzinfo=UTC), "payer": WHO, "payee": "bob"}
    tables = {"payouts": [{**row, "amount": "1.5", "note": "rent"}]}
    house = MemoryDeployment(tables, authorize=staff_too, jobs=jobs, outbox=jobs, clock=lambda: datetime.now(UTC))
    try:
        job_id = exported(house.service, house.worker)
        _run("pg_dump", plain, "--format=custom", f"--file={dump}")
        house.service.erase(olga(), WHOM, basis=BASIS)
        assert State.ERASED is jobs.get("default", job_id).state
        jobs.close()
        _run("pg_restore", "--clean", f"--dbname={plain}", str(dump))
        assert State.READY is jobs.get("default", job_id).state

        restarted = ExportService(house.wiring)
        with pytest.raises(ErasuresMissing):
            restarted.status(ANNA, job_id)
        assert Replayed(tombstones=1, exports=1, written_back=0) == restarted.replay_erasures(olga())
        with pytest.raises(NotFound):
            restarted.status(ANNA, job_id)
        assert jobs.get("default", job_id).wrapped_key is None
    finally:
        jobs.close()
        _run("psql", admin, "-qc", f"DROP DATABASE {name} WITH (FORCE)")


def _run(name: str, *arguments: str) -> None:
    command = program(name, package="postgresql-client")
    subprocess.run([command, *arguments], check=True, capture_output=True)


def test_a_log_without_its_keys_starts_nothing(tmp_path: Path) -> None:
    """
    With keys and database gone and the log still there this is no first use: new keys would know nobody in it.
    """
    with opened(tmp_path) as house:
        house.service.erase(olga(), WHOM, basis=BASIS)
    for path in tmp_path.glob("exports.db*"):
        path.unlink()
    shutil.rmtree(tmp_path / "keys")
    with pytest.raises(KeysMissing):
        opened(tmp_path)


def test_a_log_that_was_changed_starts_nothing(tmp_path: Path) -> None:
    """
    A line less, and who starts is told at which number the log does not hold.
    """
    with opened(tmp_path) as house:
        for who in ("one-person", "another-person"):
            house.service.erase(olga(), Subject(who), basis=BASIS)
    log = tmp_path / "tombstones.jsonl"
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[1])
    with opened(tmp_path) as house, pytest.raises(TombstonesBroken, match="number 1"):
        house.service.list(ANNA)


# --- in other people's exports ------------------------------------------------------------------------------

ADA, BOB = "G" + "A" * 55, "G" + "B" * 55
CONTACTS = {"email": "ada@example.org", "partner_id": "partner-4711", "label": "Ada's rent", "labels": '["home"]'}


def streams(**contacts: object) -> dict[str, list[dict[str, object]]]:
    """
    Return StreamPay's tables with two streams of bob's: from ada, who left contacts there or did not, and to carol.
    """
    at = datetime(2025, 1, 1, tzinfo=UTC)
    blank = {each.column: None for each in STREAMPAY.dataset("streams").fields}
    row = {**blank, "status": "active", "token": "XLM", "total_amount": "5.0", "rate_per_second": "0.1"}
    return {
        "streams": [
            {
                **row,
                "id": "00000000-0000-4000-8000-000000000001",
                "payer": ADA,
                "recipient": BOB,
                "created_at": at,
                **contacts,
            },
            {
                **row,
                "id": "00000000-0000-4000-8000-000000000002",
                "payer": BOB,
                "recipient": "G" + "C" * 55,
                "created_at": at + timedelta(seconds=1),
                "email": "carol@example.org",
                "label": "For Carol",
            },
        ]
    }


def bobs_copy(tables, *, erased: str) -> bytes:
    """
    Return the bundle that bob gets, once somebody was erased.
    """
    eraser = RecordingEraser(tables)
    house = MemoryDeployment(
        tables, catalog=STREAMPAY, policies=STREAMPAY_POLICIES, authorize=staff_too, eraser=eraser
    )
    operator = Actor(id="olga", capacity="operator", authenticated_at=house.clock())
    house.service.erase(operator, Subject(erased), basis=BASIS)
    bob = Actor(id=BOB)
    export = house.service.request(bob, Subject(BOB), datasets=["streams"]).export
    assert State.READY is house.worker.work().state
    url = house.service.link(bob, export.id).url
    return b"".join(house.service.open(bob, export.id, url.partition("ticket=")[2]).read())


def rows_in(bundle: bytes):
    """
    Return the streams in a bundle.
    """
    with zipfile.ZipFile(io.BytesIO(bundle)) as unzipped:
        return json.loads(unzipped.read("data/streams.json"))


def test_an_erased_counterparty_reads_as_if_never_held() -> None:
    """
    In bob's copy ada's contacts and words are NULL; it is, byte for byte, that of a stream that never had any.
    """
    erased = bobs_copy(streams(**CONTACTS), erased=ADA)
    first, second = rows_in(erased)
    assert [None] * 4 == [first[name] for name in CONTACTS]
    assert (ADA, "active", "For Carol") == (first["payer"], first["status"], second["label"])
    assert bobs_copy(streams(), erased="somebody-else") == erased
    assert "Ada's rent" == rows_in(bobs_copy(streams(**CONTACTS), erased="somebody-else"))[0]["label"]
