"""
What lies about is ciphertext, at every moment; and when the key is shredded, it stays so.
"""

from __future__ import annotations

import base64
import io
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import zipfile
import zlib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve
from tests.canaries import holds

from streampay_export import Actor, Policies, Subject, Sweeper, Worker
from streampay_export._core.job import Job
from streampay_export._core.lifecycle import State
from streampay_export.access import operator_on_this_machine, owner_only
from streampay_export.artifact import artifact_file, sealer_of
from streampay_export.download import Download
from streampay_export.embedded import Embedded, Places, embedded
from streampay_export.errors import ExportGone, KeysMissing, ObjectAltered, StorageUnavailable
from streampay_export.jobs.sql import SqlJobStore
from streampay_export.keys.local import LocalKeys
from streampay_export.keys.sealing import JobSealer
from streampay_export.service import ExportService
from streampay_export.sources.iterable import IterableSource
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.deployment import CATALOG, NOTICE, keep_everything

ALICE = Actor(id="alice")
CANARY = b"CANARY-7f3a9c"


def payouts(count: int = 300) -> list[dict[str, object]]:
    """
    Return alice's payouts, a canary in each.
    """
    return [
        {
            "id": n,
            "requested_at": datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=n),
            "payer": "alice",
            "payee": "bob",
            "amount": f"{n}.5",
            "note": f"{CANARY.decode()} {n}",
        }
        for n in range(count)
    ]


@pytest.fixture
def house(tmp_path: Path):
    """
    The default deployment in one folder; nothing works in it until told to.
    """
    source = IterableSource({"payouts": payouts()}, now=lambda: datetime.now(UTC), timezone="UTC")
    made = embedded(
        Places.beside(tmp_path / "house"),
        source=source,
        catalog=CATALOG,
        policies=Policies.of(keep_everything(CATALOG)),
        notice=NOTICE,
        authorize=lambda access: owner_only(access) or operator_on_this_machine(access),
        threads=0,
    )
    with made:
        yield made


def delete(house: Embedded, job: Job) -> None:
    """
    Alice deletes her export.
    """
    house.service.delete(ALICE, job.id)


def erase(house: Embedded, _: Job) -> None:
    """
    An operator erases alice.
    """
    operator = Actor(id="olga", capacity="operator", authenticated_at=datetime.now(UTC))
    house.service.erase(operator, Subject("alice"), basis="GDPR Art. 17(1)(b)")


def exported(house: Embedded) -> Job:
    """
    Make alice's export and return its job.
    """
    house.service.request(ALICE, Subject("alice"))
    job = house.worker.work()
    assert State.READY is job.state
    return job


def opened(service: ExportService, job: Job) -> Download:
    """
    Open a download of it.
    """
    link = service.link(ALICE, job.id)
    return service.open(ALICE, job.id, link.url.partition("ticket=")[2])


def files(*folders: Path) -> dict[Path, bytes]:
    """
    Return what every file that a folder lists holds.
    """
    held = {}
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                held[path] = path.read_bytes()
            except (FileNotFoundError, IsADirectoryError):
                continue
    return held


def from_outside(path: Path) -> bytes:
    """
    Read a file in another process.
    """
    return subprocess.run(["cat", str(path)], stdout=subprocess.PIPE, check=True).stdout


def test_the_search_finds_what_hides() -> None:
    """
    The canary is found in the open, in hex, in base64 at every alignment, in a zip, and in a zip in base64.
    """
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("a/b.csv", b"x" * 1000 + CANARY)
    hiding = [
        CANARY,
        b"0" + CANARY.hex().upper().encode() + b"!",
        *(b"key=" + base64.urlsafe_b64encode(b"-" * n + CANARY) for n in range(3)),
        zipped.getvalue(),
        base64.b64encode(zipped.getvalue()),
    ]
    assert [True] * len(hiding) == [holds(content, CANARY) for content in hiding]
    assert not holds(zlib.compress(b"nothing") + b"PK\x03\x04" + bytes(100), CANARY)


class Looking:
    """
    A storage that has *look* called around everything it does.
    """

    def __init__(self, inner, look) -> None:
        self._inner, self._look = inner, look

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def put(self, key, stage) -> None:
        """
        Look before and after.
        """
        self._look()
        self._inner.put(key, stage)
        self._look()

    def read(self, key, start=0, end=None):
        """
        Look at every block.
        """
        for block in self._inner.read(key, start, end):
            self._look()
            yield block


def test_no_plaintext_lies_under_any_name_at_any_moment(
    house: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    From request to download, no file that a folder lists holds a memo or a name, packed or not.
    """
    temp = tmp_path / "temp"
    temp.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temp))
    seen: set[str] = set()
    leaks: list[str] = []
    house_folder = tmp_path / "house"

    def look() -> None:
        for path, content in files(temp, house_folder / "exports").items():
            seen.add(path.suffix)
            leaks.extend(path.name for canary in (CANARY, b"alice", b"streampay-export-") if holds(content, canary))

    page = IterableSource.snapshot

    def snapshot(source):
        look()
        return page(source)

    monkeypatch.setattr(IterableSource, "snapshot", snapshot)
    ended = threading.Event()

    def keep_looking() -> None:
        while not ended.wait(0.001):
            look()

    wiring = evolve(house.wiring, storage=Looking(house.wiring.storage, look))
    watcher = threading.Thread(target=keep_looking)
    watcher.start()
    try:
        service, worker = ExportService(wiring), Worker(wiring)
        service.request(ALICE, Subject("alice"))
        bundle = b"".join(opened(service, worker.work()).read())
    finally:
        ended.set()
        watcher.join()

    assert holds(bundle, CANARY)
    assert {".zip"} == seen
    # A database that is open here is read from outside: closing a file drops the locks this process has on it.
    for path in house_folder.iterdir():
        if path.is_file():
            assert not holds(from_outside(path), CANARY), path.name
            assert not holds(from_outside(path), b"alice"), path.name
    assert [] == leaks
    assert [] == list(temp.iterdir())


def test_a_range_is_a_slice_of_the_bundle(house: Embedded) -> None:
    """
    Whatever range is asked for, the bytes are those of the bundle.
    """
    job = exported(house)
    download = opened(house.service, job)
    bundle = b"".join(download.read())

    assert zipfile.is_zipfile(io.BytesIO(bundle))
    assert (len(bundle), "library") == (job.artifact.size, job.artifact.protection)
    for start, end in ((0, 0), (0, 1), (5, 70_000), (len(bundle) - 1, len(bundle)), (0, len(bundle))):
        assert bundle[start:end] == b"".join(download.read(start, end))


def dump(house_folder: Path, to: Path) -> Path:
    """
    Copy the job database as a backup would.
    """
    with closing(sqlite3.connect(house_folder / "exports.db")) as db:
        db.execute("VACUUM INTO ?", (str(to),))
    return to


def stolen(storage: Path, database: Path, keys: Path, job: Job) -> bytes:
    """
    Read an export with a copied storage, database and key folder.
    """
    store = SqlJobStore(f"sqlite:///{database}")
    try:
        held = store.get(job.tenant, job.id)
    finally:
        store.close()
    wiring = Attack(FsspecStorage(storage.as_uri()), LocalKeys.load(keys).provider)
    return b"".join(artifact_file(wiring, sealer_of(wiring, held), held, job.artifact).read())


class Attack:
    """
    As much of a deployment as a thief needs.
    """

    def __init__(self, storage, keys) -> None:
        self.storage, self.keys, self.sealer = storage, keys, JobSealer


@pytest.mark.parametrize("end", [delete, erase])
def test_stolen_storage_with_a_later_database_does_not_decrypt(house: Embedded, tmp_path: Path, end) -> None:
    """
    After shredding, storage, database and all keys together open nothing; a copy from before still does.
    """
    folder = tmp_path / "house"
    job = exported(house)
    bundle = b"".join(opened(house.service, job).read())
    storage, keys = tmp_path / "storage", tmp_path / "keys"
    shutil.copytree(folder / "exports", storage)
    shutil.copytree(folder / "keys", keys)
    keys.chmod(0o700)
    earlier = dump(folder, tmp_path / "earlier.db")
    trail = house.wiring.audit.entries("default", job.id)
    link_id = next(entry.id.partition(":")[0] for entry in trail if entry.event == "link_issued").encode()
    # A link's row is deleted whole, so that no newer version of it happens to overwrite the old one.
    shredded = [job.wrapped_key.ciphertext, job.sealed, link_id]
    assert [True] * 3 == [secret in earlier.read_bytes() for secret in shredded]

    end(house, job)
    later = dump(folder, tmp_path / "later.db")

    assert bundle == stolen(storage, earlier, keys, job)
    with pytest.raises(ExportGone):
        stolen(storage, later, keys, job)
    # Not in the live files either: neither in a freed page nor in the write-ahead log.
    for path in (later, *folder.glob("exports.db*")):
        content = from_outside(path)
        assert [False] * 3 == [secret in content for secret in shredded], path.name
        assert 0o600 == path.stat().st_mode & 0o777 or path is later


def test_stolen_storage_and_database_without_the_keys_do_not_decrypt(house: Embedded, tmp_path: Path) -> None:
    """
    Storage and an earlier database open nothing under another deployment's keys.
    """
    job = exported(house)
    earlier = dump(tmp_path / "house", tmp_path / "earlier.db")
    LocalKeys.init(tmp_path / "others", created_at=datetime.now(UTC))
    with pytest.raises(KeysMissing):
        stolen(tmp_path / "house" / "exports", earlier, tmp_path / "others", job)


@pytest.mark.parametrize("end", [delete, erase])
def test_an_earlier_database_opens_nothing_once_the_key_version_is_destroyed(
    house: Embedded, tmp_path: Path, end
) -> None:
    """
    Storage, keys as they are now and a database from before: enough until the version goes, and not after.
    """
    folder = tmp_path / "house"
    job = exported(house)
    storage = tmp_path / "storage"
    shutil.copytree(folder / "exports", storage)
    earlier = dump(folder, tmp_path / "earlier.db")
    end(house, job)
    versions = house.wiring.versions
    now = house.wiring.jobs.now()
    assert versions.renew(now + timedelta(days=1))
    assert stolen(storage, earlier, folder / "keys", job)

    later = evolve(house.wiring, jobs=Later(house.wiring.jobs, timedelta(days=1, hours=1)))
    assert Sweeper(later).sweep().key_versions_destroyed == 1
    with pytest.raises(KeysMissing):
        stolen(storage, earlier, folder / "keys", job)


class Later:
    """
    A job store whose clock is ahead.
    """

    def __init__(self, inner, ahead: timedelta) -> None:
        self._inner, self._ahead = inner, ahead

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def now(self):
        """
        Return a later instant.
        """
        return self._inner.now() + self._ahead


def test_an_altered_artifact_is_refused_and_recorded(house: Embedded, tmp_path: Path) -> None:
    """
    One flipped bit in storage ends a download before the chunk it is in, and the trail says why and how far.
    """
    job = exported(house)
    path = tmp_path / "house" / "exports" / job.artifact.key
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    got: list[bytes] = []
    with pytest.raises(ObjectAltered):
        got.extend(opened(house.service, job).read())

    *_, entry = house.wiring.audit.entries("default", job.id)
    assert b"" == b"".join(got)
    assert ("download_broken_off", "object-altered", "0") == (entry.event, entry.facts["why"], entry.facts["to"])


@pytest.mark.parametrize("fault", ["flipped", "cut", "gone"])
def test_what_does_not_read_back_never_becomes_ready(house: Embedded, fault: str) -> None:
    """
    A storage that gives back something else has it deleted, and the job is tried again later.
    """

    class Faulty(Looking):
        def put(self, key, stage) -> None:
            """
            Store something else.
            """
            content = bytearray(stage.read() if stage.seek(0) == 0 else b"")
            match fault:
                case "flipped":
                    content[100] ^= 1
                case "cut":
                    del content[-1:]
                case "gone":
                    return
            self._inner.put(key, io.BytesIO(bytes(content)))

    storage = Faulty(house.wiring.storage, lambda: None)
    worker = Worker(evolve(house.wiring, storage=storage))
    house.service.request(ALICE, Subject("alice"))

    assert State.QUEUED is worker.work().state
    assert [] == list(storage.list())


def test_a_lease_lost_while_reading_back_leaves_nothing(house: Embedded) -> None:
    """
    An export deleted while it is read back is let go, and its file too.
    """
    house.service.request(ALICE, Subject("alice"))

    class Slow(Looking):
        def read(self, key, start=0, end=None):
            """
            The export is deleted while its file is read.
            """
            for block in self._inner.read(key, start, end):
                for job in house.service.list(ALICE).items:
                    house.service.delete(ALICE, job.id)
                yield block

    storage = Slow(house.wiring.storage, lambda: None)
    assert State.CANCELLED is Worker(evolve(house.wiring, storage=storage)).work().state
    assert [] == list(storage.list())


def test_a_storage_that_breaks_off_while_reading_back_is_tried_again(house: Embedded) -> None:
    """
    What could not be read back is not ready.
    """

    class Broken(Looking):
        def read(self, key, start=0, end=None):
            """
            Breaks off at once.
            """
            raise StorageUnavailable("cut")

    house.service.request(ALICE, Subject("alice"))
    worker = Worker(evolve(house.wiring, storage=Broken(house.wiring.storage, lambda: None)))
    assert State.QUEUED is worker.work().state
