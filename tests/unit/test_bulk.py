"""
A bulk run: every subject once, what failed about one told, and gone on with from wherever it was interrupted.
"""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64decode
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace

import pytest
from attrs import evolve

from streampay_export import Access, Actor, Allowed, Capacity, Recipient, Subject
from streampay_export._core.bulk import BulkItem, BulkTerms, read_terms, spell_terms
from streampay_export._core.dsse import pre_authentication_encoding, read_envelope
from streampay_export._core.lifecycle import State
from streampay_export.access import operator_on_this_machine
from streampay_export.bulk.journal import JOURNAL_FILE, Journal
from streampay_export.bulk.manifest import SubjectLines, bulk_manifest
from streampay_export.bulk.run import BulkRun, stated
from streampay_export.bulk.subjects import SubjectList, subjects_of_lines, subjects_of_rows
from streampay_export.errors import (
    AuditUnavailable,
    Interrupted,
    InvalidRequest,
    RunBrokenOff,
    SourceUnavailable,
    StorageUnavailable,
)
from streampay_export.stage import Stage
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.testing.fakes import NOON

from .test_notifying import make_house, told
from .test_service import payouts
from .test_worker import Meddling

OLGA = Actor(id="olga", capacity=Capacity.OPERATOR)
PEOPLE = [Subject(name) for name in ("ann", "bob", "cyd", "dan")]
ROWS = [row for n, each in enumerate(PEOPLE) for row in payouts(n + 1, payer=each.id, payee="shop")]
BASIS = "Order 4711 of the supervisory authority"
TERMS = BulkTerms(
    run_id="run1", begun_at=NOON, basis=BASIS, profile="self", formats=("csv",), datasets=("payouts",)
)


def deployed(**changes) -> MemoryDeployment:
    """
    Return a deployment of an operator's, with payouts of everybody.
    """
    return MemoryDeployment({"payouts": ROWS}, authorize=operator_on_this_machine, **changes)


class Running:
    """
    Runs over one folder, again and again, and keeps what was delivered.
    """

    def __init__(self, house, folder):
        self.house = house
        self.folder = folder
        self.bundles: list[bytes] = []
        self.told: list[BulkItem] = []

    def run(self, subjects=PEOPLE, **parts):
        """
        Run to the end, or to the error.
        """
        self.told = []
        with Journal(self.folder, TERMS) as journal:
            given = {"deliver": self.deliver, "tell": self.told.append} | parts
            BulkRun(wiring=self.house.wiring, actor=OLGA, journal=journal, **given).run(subjects)

    def deliver(self, download):
        """
        Read a bundle as whoever asked for it would.
        """
        self.bundles.append(b"".join(download.read()))

    @property
    def outcomes(self):
        """
        What was told of each subject.
        """
        return [(each.number, each.state, each.slug) for each in self.told]


@pytest.fixture
def running(tmp_path):
    """
    A run over a deployment in which nothing is wrong.
    """
    return Running(deployed(), tmp_path)


def jobs_of(house: MemoryDeployment):
    """
    Return the jobs that the operator asked for.
    """
    return house.jobs.list("default", house.wiring.tagger.owner_tag("default", OLGA.requester), limit=99)


def exported(bundle: bytes) -> list[str]:
    """
    Return the ids of the payouts in a bundle.
    """
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        lines = archive.read("data/payouts.csv").decode().splitlines()[1:]
    return [line.split(",")[0] for line in lines]


def test_every_subject_is_exported_once(running) -> None:
    """
    Each has a bundle of their own rows, under a key of its own; the outcome says job, rows and digest.
    """
    running.run()
    assert [1, 2, 3, 4] == [len(exported(bundle)) for bundle in running.bundles]
    assert [(n, "ready", "") for n in (1, 2, 3, 4)] == running.outcomes
    assert [1, 2, 3, 4] == [each.rows for each in running.told]
    assert [sha256(bundle).hexdigest() for bundle in running.bundles] == [each.sha256 for each in running.told]
    jobs = [running.house.jobs.get("default", each.job_id) for each in running.told]
    assert 4 == len({job.wrapped_key.ciphertext for job in jobs})


def test_basis_and_run_are_in_the_trail_of_everybody(running) -> None:
    """
    Request, link and download of each subject are authorised and audited, with the stated basis and the run.
    """
    running.run()
    for item in running.told:
        entries = list(running.house.audit.entries("default", item.job_id))
        events = ["requested", "started", "completed", "link_issued", "download_authorised", "download_finished"]
        assert events == [str(entry.event) for entry in entries]
        assert {entry.facts.get("basis") for entry in entries if entry.actor == "olga"} == {BASIS}
        assert {entry.facts.get("evidence") for entry in entries if entry.actor == "olga"} == {"bulk run run1"}
        assert 1 == len({entry.subject for entry in entries})


def test_nobody_is_mailed(tmp_path) -> None:
    """
    Neither that somebody asked nor that a copy is ready, also when a worker beside the run made it; but whoever
    asked by themselves is told of theirs.
    """
    house = make_house({each.id: Recipient(f"{each.id}@example.org") for each in PEOPLE})
    own = house.service.request(Actor(id="bob"), PEOPLE[1]).export.id
    house.worker.work()
    running = Running(house, tmp_path)
    running.run(PEOPLE[:2])
    house.wiring = evolve(house.wiring, dispatcher=SimpleNamespace(ring=house.worker.work))
    running.run(PEOPLE)

    assert ["ready"] * 4 == [each.state for each in running.told]
    assert ["ready"] == told(house)
    assert [own] == [each.job_id for each in house.mail.sent]


def test_the_authoriser_still_decides() -> None:
    """
    A basis is no permission: it stands in a yes, on whatever grounds, and in nothing else.
    """
    access = Access(actor=OLGA, action="request", profile="self", owns=False, requested=True)
    yes = Allowed(relation="operator", basis="a shell", until=NOON)
    for answer, expected in (
        (True, Allowed(basis=BASIS, evidence="run")),
        (yes, evolve(yes, basis=BASIS, evidence="run")),
        (False, False),
        ("yes", "yes"),
    ):
        assert expected == stated(lambda _, answer=answer: answer, BASIS, "run")(access)


def test_who_is_refused_is_told_and_the_next_is_on(tmp_path) -> None:
    """
    A subject whom the authoriser refuses is one failure of that subject.
    """

    def not_bob(access):
        return not access.about("bob") and operator_on_this_machine(access)

    running = Running(MemoryDeployment({"payouts": ROWS}, authorize=not_bob), tmp_path)
    running.run()
    assert [(1, "ready", ""), (2, "", "not-found"), (3, "ready", ""), (4, "ready", "")] == running.outcomes


def test_a_job_that_is_gone_is_told(running, monkeypatch) -> None:
    """
    A job whose row is no more is one failure of its subject.
    """
    monkeypatch.setattr(running.house.jobs, "get", lambda *_: None)
    running.run(PEOPLE[:1])
    assert [(1, "", "not-found")] == running.outcomes


def test_failures_are_each_their_own(tmp_path) -> None:
    """
    A job that fails, one that is paused, one cancelled and one with other parameters: told, and not fatal.
    """
    house = deployed()
    house.service.request(OLGA, PEOPLE[1], formats=["json"])
    cyd = house.service.request(OLGA, PEOPLE[2], formats=["csv"], identity_awaited=True).export.id

    def meddle(rows):
        if len(running.told) == 4:
            [running_job] = [job for job in jobs_of(house) if job.state is State.RUNNING]
            house.service.delete(OLGA, running_job.id)
        return rows[:-1] if len(running.told) == 3 else None

    running = Running(house, tmp_path)
    eves = payouts(1, payer="eve")
    house.wiring = evolve(house.wiring, source=Meddling({"payouts": [*ROWS, *eves]}, meddle))
    running.run([*PEOPLE, Subject("eve"), Subject("fay")])
    assert [
        (1, "ready", ""),
        (2, "", "active-export-differs"),
        (3, "", "not-ready"),
        (4, "failed", "count-mismatch"),
        (5, "cancelled", "gone"),
        (6, "ready", ""),
    ] == running.outcomes
    assert cyd == running.told[2].job_id


def test_what_is_done_is_not_done_again(running) -> None:
    """
    Run again over the same folder, only what has no bundle is exported: nobody's request is even made again.
    """
    running.run(PEOPLE[:2])
    before = len(list(running.house.audit.entries("default")))
    running.run(PEOPLE[:2])
    assert before == len(list(running.house.audit.entries("default")))
    running.run([*PEOPLE, PEOPLE[0]])
    assert 4 == len(running.bundles)
    assert [1, 2, 3, 4, 1] == [each.number for each in running.told]
    assert 4 == len(jobs_of(running.house))


@pytest.mark.parametrize("moment", ["working", "delivering"])
def test_an_interrupted_run_goes_on(running, moment) -> None:
    """
    Stopped in the middle of a subject, the next run goes on with the very job, and nobody has two.
    """
    house = running.house
    plain = house.wiring.source
    made: list[BulkRun] = []

    def stop(*_):
        if len(running.bundles) == 1:
            made[0].stop.set()

    def deliver(download):
        if moment == "delivering" and len(running.bundles) == 1:
            raise KeyboardInterrupt
        running.deliver(download)

    if moment == "working":
        house.wiring = evolve(house.wiring, source=Meddling({"payouts": ROWS}, stop))
    with Journal(running.folder, TERMS) as journal:
        made.append(BulkRun(wiring=house.wiring, actor=OLGA, journal=journal, deliver=deliver))
        with pytest.raises((Interrupted, KeyboardInterrupt)):
            made[0].run(PEOPLE)
    assert 1 == len(running.bundles)

    house.wiring = evolve(house.wiring, source=plain)
    running.run()
    assert [1, 2, 3, 4] == [len(exported(bundle)) for bundle in running.bundles]
    assert 4 == len(jobs_of(house))


def test_what_failed_is_tried_again_by_the_next_run(running) -> None:
    """
    A failure is not the end of it: with the cause gone, the next run makes a new export for that subject alone.
    """
    house = running.house

    def away(_):
        raise SourceUnavailable("away")

    good = house.wiring.source
    house.wiring = evolve(house.wiring, source=Meddling({"payouts": ROWS}, away))
    running.run(PEOPLE[:2])
    assert [(1, "failed", "source-unavailable"), (2, "failed", "source-unavailable")] == running.outcomes
    house.wiring = evolve(house.wiring, source=good)
    running.run(PEOPLE[:2])
    assert [(1, "ready", ""), (2, "ready", "")] == running.outcomes
    assert [2, 2] == [each.tries for each in running.told]


def test_what_is_outside_ends_the_run(running) -> None:
    """
    Three exports in a row that fail by something outside end the run; one in between that does not begins anew.
    """
    house = running.house
    failing = {0, 1, 3, 4, 5}
    people = [Subject(f"person {n}") for n in range(9)]

    def away(_):
        if len(running.told) in failing:
            raise SourceUnavailable("away")

    house.wiring = evolve(house.wiring, source=Meddling({"payouts": ROWS}, away))
    with pytest.raises(RunBrokenOff, match=r"3 exports in a row failed by source-unavailable.*--resume"):
        running.run(people)
    assert [1, 2, 3, 4, 5, 6] == [each.number for each in running.told]


def test_without_audit_or_room_the_run_ends(running) -> None:
    """
    What is not about a subject is no subject's failure: it ends the run at once, and nothing is noted.
    """

    def full(_):
        raise StorageUnavailable("full")

    with pytest.raises(StorageUnavailable):
        running.run(deliver=full)
    running.house.audit.down = True
    with pytest.raises(AuditUnavailable):
        running.run()
    assert [] == running.told
    running.house.audit.down = False
    running.run()
    assert 4 == len(running.bundles)


def test_exports_that_others_work_on_are_waited_for(running) -> None:
    """
    A job held by another worker is waited for; one that is to be tried again later is left to later.
    """
    house = running.house
    waits = []

    def wait(seconds):
        waits.append(seconds)
        house.clock.advance(timedelta(seconds=30))

    def held(subject):
        job = house.service.request(OLGA, subject, formats=["csv"]).export.id
        return house.jobs.claim(lease=timedelta(seconds=60), max_attempts=5, job_id=job)

    held(PEOPLE[0])
    later = held(PEOPLE[1])
    house.jobs.release(later, not_before=house.clock() + timedelta(hours=1))
    running.run(wait=wait)
    assert [1, 1] == waits
    assert ["", "not-ready", "", ""] == [each.slug for each in running.told]

    held(Subject("eve"))
    with pytest.raises(Interrupted):
        running.run([Subject("eve")], wait=lambda _: True)


def test_a_pace_is_kept(running) -> None:
    """
    Exports begin no closer than the pace, however long one took; what is done already takes no time.
    """
    begun = []

    def wait(seconds):
        running.house.clock.advance(timedelta(seconds=seconds))

    def deliver(download):
        begun.append((running.house.clock() - NOON).total_seconds())
        running.house.clock.advance(timedelta(seconds=3 if len(begun) == 2 else 0))

    running.run(pace=timedelta(seconds=2), wait=wait, deliver=deliver)
    assert [0, 2, 5, 7] == begun
    running.run([*PEOPLE, Subject("eve")], pace=timedelta(seconds=2), wait=wait, deliver=deliver)
    assert [0, 2, 5, 7, 7] == begun
    with pytest.raises(Interrupted):
        running.run([Subject("fay"), Subject("gus")], pace=timedelta(seconds=2), wait=lambda _: True)


def test_the_erased_are_told(running) -> None:
    """
    Whoever was erased is one outcome among the others.
    """
    house = running.house
    house.wiring = evolve(house.wiring, authorize=lambda _: Allowed(basis="x"))
    eraser = type(house.service)(house.wiring)
    eraser.erase(evolve(OLGA, authenticated_at=house.clock()), PEOPLE[1], basis="asked")
    running.run()
    assert ["", "subject-erased", "", ""] == [each.slug for each in running.told]
    assert State.READY == running.told[3].state


def test_the_manifest_speaks_of_all_and_names_nobody(running) -> None:
    """
    A line for each subject, and a statement over them signed as manifests are; no id is in either, nor beside them.
    """
    house = running.house
    house.service.request(OLGA, PEOPLE[1], formats=["json"])
    people = [evolve(each, identifiers=(f"wallet-of-{each.id}",)) for each in PEOPLE]
    running.run(people)
    with Journal(running.folder, TERMS) as journal:
        lines = SubjectLines(journal)
        subjects = b"".join(lines)
        data = bulk_manifest(journal, lines.digest, NOON + timedelta(hours=1), house.wiring.manifests)
    forms = [json.loads(line) for line in subjects.splitlines()]
    assert [1, 2, 3, 4] == [each["number"] for each in forms]
    first, failed = running.told[0], forms[1]
    assert {
        "number": 1, "owner": house.wiring.tagger.owner_tag("default", "ann"), "job": first.job_id,
        "state": "ready", "rows": 1, "sha256": first.sha256, "error": None,
    } == forms[0]  # fmt: skip
    nothing = {"job": None, "state": None, "rows": 0, "sha256": None}
    assert {"number": 2, "owner": failed["owner"], "error": "active-export-differs"} | nothing == failed

    envelope = read_envelope(data)
    statement = json.loads(envelope.payload)
    [key] = house.wiring.manifests.public_keys()
    assert key.key_id == envelope.signatures[0].key_id
    signed = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    assert house.wiring.manifests.sign(signed) == envelope.signatures[0]
    assert [{"name": "subjects.jsonl", "digest": {"sha256": sha256(subjects).hexdigest()}}] == statement["subject"]
    assert "urn:streampay-export:bulk:1" == statement["predicateType"]
    assert {
        "run": "run1", "basis": BASIS, "begun_at": "2026-01-02T12:00:00.000000Z", "profile": "self",
        "formats": ["csv"], "datasets": ["payouts"], "finished_at": "2026-01-02T13:00:00.000000Z", "subjects": 4,
        "done": 3, "failures": {"active-export-differs": 1}, "bytes": len(subjects),
    } == statement["predicate"]  # fmt: skip
    kept = b"".join(path.read_bytes() for path in running.folder.iterdir())
    for name in ("ann", "wallet", "dan"):
        for text in (subjects, b64decode(json.loads(data)["payload"]), kept):
            assert name.encode() not in text


def test_a_journal_is_private_and_one_process_has_it(tmp_path) -> None:
    """
    Nobody else reads it, a second run in the folder is refused, and the terms are those it was begun on.
    """
    with Journal(tmp_path, TERMS) as journal:
        assert 0o600 == (tmp_path / JOURNAL_FILE).stat().st_mode & 0o777
        journal.record(BulkItem(number=1, owner_tag="o"))
        with pytest.raises(StorageUnavailable, match="another run is at work"):
            Journal(tmp_path, TERMS)
    with Journal(tmp_path, evolve(TERMS, run_id="run2", basis="another")) as journal:
        assert TERMS == journal.terms
        assert [BulkItem(number=1, owner_tag="o")] == list(journal.items())
        assert "basis" == journal.terms.differing(evolve(TERMS, basis="another"))
        assert not journal.terms.differing(evolve(TERMS, run_id="run2"))


def test_a_journal_that_cannot_be_is_told(tmp_path) -> None:
    """
    A file that is no journal, and a place where none can be, are what is outside.
    """
    (tmp_path / JOURNAL_FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageUnavailable, match="cannot be read or written"):
        Journal(tmp_path, TERMS)
    with pytest.raises(StorageUnavailable, match="cannot be opened"):
        Journal(tmp_path / "nowhere", TERMS)


def test_terms_come_back() -> None:
    """
    Terms are what they were, and a basis has to be stated: on one line, and not too long.
    """
    assert TERMS == read_terms(spell_terms(TERMS))
    assert BASIS == evolve(TERMS, basis=f" {BASIS} ").basis
    for basis in ("", " \t", "a\nb", "x" * 201):
        with pytest.raises(InvalidRequest, match="basis"):
            evolve(TERMS, basis=basis)


def test_a_list_is_read_once_and_keeps_its_order() -> None:
    """
    Ids and JSON lines, empty lines passed over; the list may be read again.
    """
    lines = ["ann\n", "\n", '{"subject": "bob", "identifiers": ["GBOB"]}\n', '{"subject": "cyd"}\n', " dan "]
    with Stage() as stage:
        subjects = SubjectList(subjects_of_lines(lines), stage)
        expected = [Subject("ann"), Subject("bob", ["GBOB"]), Subject("cyd"), Subject("dan")]
        assert (4, expected, expected) == (len(subjects), list(subjects), list(subjects))
    with Stage() as stage:
        many = SubjectList((Subject(f"person {n:09}") for n in range(30_000)), stage)
        assert [Subject(f"person {n:09}") for n in range(30_000)] == list(many)


@pytest.mark.parametrize(
    "line",
    [
        '{"subject": "secret"',
        '{"subject": 7}',
        '{"identifiers": ["secret"]}',
        '{"subject": "secret", "wallet": "x"}',
        '{"subject": "secret", "identifiers": "GBOB"}',
        '{"subject": "secret", "identifiers": [7]}',
        '{"subject": "secret", "subject": "other"}',
        '{"subject": ""}',
        "secret\0",
        "secret" * 100,
        '{"subject": "secret"' + " " * 70_000 + "}",
    ],
)
def test_a_line_that_is_no_subject_is_named(line) -> None:
    """
    The second line is at fault, and nothing of it is quoted.
    """
    with pytest.raises(InvalidRequest, match="line 2") as caught:
        list(subjects_of_lines(["ann", line]))
    assert "subjects" == caught.value.field
    assert "secret" not in str(caught.value)


def test_a_list_that_is_no_text_is_refused(tmp_path) -> None:
    """
    Bytes that are not UTF-8 are told as such.
    """
    file = tmp_path / "list"
    file.write_bytes(b"ann\n\xff\n")
    with file.open(encoding="utf-8") as lines, pytest.raises(InvalidRequest, match="UTF-8"):
        list(subjects_of_lines(lines))


def test_rows_are_subjects() -> None:
    """
    The first column is the id, the others are identifiers, NULL is none; a number is its digits.
    """
    assert [Subject("7", ["GANN"]), Subject("x")] == list(subjects_of_rows([(7, "GANN", None), ("x", None, None)]))
    for row in ((None, "GANN"), ("",)):
        with pytest.raises(InvalidRequest, match="row 2"):
            list(subjects_of_rows([("ann",), row]))
