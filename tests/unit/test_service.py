"""
The use cases, over a deployment in memory.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from streampay_export import Actor, Capacity, Subject, Window
from streampay_export._core.lifecycle import State
from streampay_export.access import operator_on_this_machine, owner_only
from streampay_export.errors import (
    ActiveExportDiffers,
    AuditUnavailable,
    ExportGone,
    ExportNotReady,
    IdempotencyKeyReused,
    InvalidConfiguration,
    InvalidCursor,
    InvalidRequest,
    InvalidTicket,
    NotFound,
    StorageUnavailable,
    TicketExpired,
    UnknownName,
)
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.testing.fakes import NOON
from streampay_export.verify import verify_bundle

ALICE, BOB = Actor(id="alice"), Actor(id="bob")


def payouts(count: int, payer: str = "alice", payee: str = "bob") -> list[dict[str, object]]:
    """
    Return made-up payouts, a second apart.
    """
    start = datetime(2025, 1, 1, tzinfo=UTC)
    return [
        {
            "id": n,
            "requested_at": start + timedelta(seconds=n),
            "payer": payer,
            "payee": payee,
            "amount": f"{n}.25",
            "note": f"=note {n}",
        }
        for n in range(count)
    ]


@pytest.fixture
def house() -> MemoryDeployment:
    """
    Alice has paid Bob three times; Carol has nothing to do with them.
    """
    return MemoryDeployment({"payouts": [*payouts(3), *payouts(1, payer="carol", payee="dave")][:3]})


def ready(house: MemoryDeployment, actor: Actor = ALICE) -> str:
    """
    Request and work off an export; return its id.
    """
    job_id = house.service.request(actor, Subject(actor.id)).export.id
    house.worker.work()
    assert house.service.status(actor, job_id).state is State.READY
    return job_id


def token(url: str) -> str:
    """
    Return the ticket in a link.
    """
    return url.split("ticket=")[1]


def test_request_to_download(house: MemoryDeployment, tmp_path) -> None:
    """
    A request becomes a bundle that verifies, holds every row, and is what the status says it is.
    """
    job_id = ready(house)
    export = house.service.status(ALICE, job_id)
    link = house.service.link(ALICE, job_id)
    download = house.service.open(ALICE, job_id, token(link.url))
    bundle = b"".join(download.read())
    path = tmp_path / download.file_name
    path.write_bytes(bundle)
    verdict = verify_bundle(path, house.wiring.manifests.public_keys())

    assert (len(bundle), hashlib.sha256(bundle).hexdigest()) == (export.size, export.sha256)
    assert verdict.rows == 3
    assert (export.rows, export.total) == (3, 3)
    with zipfile.ZipFile(io.BytesIO(bundle)) as unzipped:
        rows = json.loads(unzipped.read("data/payouts.json"))
        assert unzipped.read("data/payouts.csv").count(b"\r\n") == 4
    assert [row["amount"] for row in rows] == ["0.25", "1.25", "2.25"]
    assert house.audit.events(job_id) == [
        "requested",
        "started",
        "completed",
        "link_issued",
        "download_authorised",
        "download_finished",
    ]


def test_both_sides_are_exported_and_nobody_else(house: MemoryDeployment) -> None:
    """
    The payee's export holds the same payments; a stranger's is empty and valid.
    """
    for who, rows in ((BOB, 3), (Actor(id="zoe"), 0)):
        assert house.service.status(who, ready(house, who)).rows == rows


def test_same_request_hands_back_the_active_export(house: MemoryDeployment) -> None:
    """
    A double click makes one export; other parameters are refused while it is active.
    """
    first = house.service.request(ALICE, Subject("alice"))
    second = house.service.request(ALICE, Subject("alice"))

    assert (True, False) == (first.created, second.created)
    assert first.export.id == second.export.id
    with pytest.raises(ActiveExportDiffers) as differs:
        house.service.request(ALICE, Subject("alice"), formats=["csv"])
    assert first.export.id == differs.value.job_id


def test_idempotency_key(house: MemoryDeployment) -> None:
    """
    The same key and request give the same export even after it ended; with another request it is refused.
    """
    first = house.service.request(ALICE, Subject("alice"), idempotency_key="k").export.id
    house.worker.work()

    assert house.service.request(ALICE, Subject("alice"), idempotency_key="k").export.id == first
    with pytest.raises(IdempotencyKeyReused):
        house.service.request(ALICE, Subject("alice"), idempotency_key="k", formats=["ndjson"])
    for bad in ("", "x" * 256, "a\nb"):
        with pytest.raises(InvalidRequest, match="Idempotency-Key"):
            house.service.request(ALICE, Subject("alice"), idempotency_key=bad)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"formats": ["xml"]}, "formats"),
        ({"formats": []}, "formats"),
        ({"datasets": ["secrets"]}, "datasets"),
        ({"datasets": []}, "datasets"),
        ({"profile": "everything"}, "profile"),
        ({"as_of": NOON + timedelta(days=1)}, "as-of"),
    ],
)
def test_wrong_parameters_are_named(house: MemoryDeployment, parameters, field: str) -> None:
    """
    A wrong parameter is refused by its name, before anything is stored or audited.
    """
    with pytest.raises(InvalidRequest) as wrong:
        house.service.request(ALICE, Subject("alice"), **parameters)

    assert field == wrong.value.field
    assert [] == list(house.audit.entries("default"))
    assert not house.jobs.waiting()


def test_window_and_as_of_bound_the_rows(house: MemoryDeployment) -> None:
    """
    Rows before the window's start, at its end, and after the as-of are not in the export.
    """
    start = datetime(2025, 1, 1, tzinfo=UTC)
    window = Window(start=start + timedelta(seconds=1), end=start + timedelta(seconds=2))
    house.service.request(ALICE, Subject("alice"), window=window)
    assert house.worker.work().datasets[0].written == 1
    house.service.request(ALICE, Subject("alice"), as_of=start + timedelta(seconds=1))
    assert house.worker.work().datasets[0].written == 2


def test_nobody_reads_what_is_not_theirs(house: MemoryDeployment) -> None:
    """
    Unknown, foreign and other tenants' ids are refused alike by every method, and the refusal is recorded.
    """
    job_id = ready(house)
    ticket = token(house.service.link(ALICE, job_id).url)
    strangers = [
        (BOB, job_id),
        (ALICE, "a" * 26),
        (Actor(id="alice", tenant="other"), job_id),
        (Actor(id="alice", capacity="operator"), job_id),
    ]
    for actor, wanted in strangers:
        for call in (house.service.status, house.service.link, house.service.delete):
            with pytest.raises(NotFound):
                call(actor, wanted)
    with pytest.raises(NotFound):
        house.service.open(BOB, job_id, ticket)
    denied = [entry for entry in house.audit.entries("default") if entry.event == "denied"]
    assert len(denied) == 3 * 3 + 1
    assert house.service.status(ALICE, job_id).state is State.READY


def test_others_copies_are_not_asked_for(house: MemoryDeployment) -> None:
    """
    By default nobody asks for somebody else's history, nor for a support copy of their own.
    """
    with pytest.raises(NotFound):
        house.service.request(BOB, Subject("alice"))
    assert not house.jobs.waiting()


def test_authoriser_that_breaks_refuses() -> None:
    """
    No answer is no.
    """

    def broken(_: object) -> bool:
        raise RuntimeError

    with pytest.raises(NotFound):
        MemoryDeployment(authorize=broken).service.request(ALICE, Subject("alice"))


def test_operator_reads_only_what_they_asked_for() -> None:
    """
    An operator's export is theirs to read, not its subject's, and shows in the operator's list alone.
    """
    operator = Actor(id="ops", capacity=Capacity.OPERATOR)
    house = MemoryDeployment(authorize=operator_on_this_machine)
    job_id = house.service.request(operator, Subject("alice")).export.id

    assert house.service.status(operator, job_id).id == job_id
    assert [job_id] == [each.id for each in house.service.list(operator).items]
    assert () == house.service.list(ALICE).items
    (requested,) = house.audit.entries("default", job_id)
    assert (requested.actor, requested.capacity) == ("ops", "operator")


def test_list_pages_newest_first(house: MemoryDeployment) -> None:
    """
    Pages follow each other without gap or repeat, and a cursor is good only for whom it was given to.
    """
    ids = []
    for _ in range(5):
        ids.append(ready(house))
        house.clock.advance(timedelta(seconds=1))
    ready(house, BOB)
    seen, cursor = [], None
    for _ in range(3):
        page = house.service.list(ALICE, limit=2, cursor=cursor)
        seen += [each.id for each in page.items]
        cursor, last = page.next_cursor, cursor

    assert list(reversed(ids)) == seen
    assert cursor is None
    for actor, foreign in ((BOB, last), (ALICE, last[:-2] + "00"), (ALICE, "x"), (ALICE, "a.b.zz")):
        with pytest.raises(InvalidCursor):
            house.service.list(actor, cursor=foreign)
    for limit in (0, 101):
        with pytest.raises(InvalidRequest, match="limit"):
            house.service.list(ALICE, limit=limit)


def test_without_audit_nothing_is_handed_out(house: MemoryDeployment) -> None:
    """
    With the sink down there is no export, no link and no byte; denying and deleting go on and are recorded later.
    """
    job_id = ready(house)
    ticket = token(house.service.link(ALICE, job_id).url)
    house.audit.down = True
    with pytest.raises(AuditUnavailable):
        house.service.request(ALICE, Subject("alice"))
    with pytest.raises(AuditUnavailable):
        house.service.link(ALICE, job_id)
    with pytest.raises(AuditUnavailable):
        house.service.open(ALICE, job_id, ticket)
    with pytest.raises(NotFound):
        house.service.status(BOB, job_id)
    assert house.service.delete(ALICE, job_id).state is State.DELETED
    house.audit.down = False
    assert house.sweeper.sweep().delivered == 2
    assert {"denied", "deleted"} <= {entry.event for entry in house.audit.entries("default")}


def test_links_expire_and_sessions_end(house: MemoryDeployment) -> None:
    """
    A link must be begun within five minutes; once begun it is good for an hour, Range retries and all.
    """
    job_id = ready(house)
    late, used = (token(house.service.link(ALICE, job_id).url) for _ in range(2))
    house.service.open(ALICE, job_id, used)
    house.clock.advance(timedelta(minutes=5))
    with pytest.raises(TicketExpired):
        house.service.open(ALICE, job_id, late)
    house.clock.advance(timedelta(minutes=54, seconds=59))
    assert house.service.open(ALICE, job_id, used).size > 0
    house.clock.advance(timedelta(seconds=2))
    with pytest.raises(TicketExpired):
        house.service.open(ALICE, job_id, used)


def test_tickets_of_other_exports_are_invalid(house: MemoryDeployment) -> None:
    """
    A ticket opens one export, and an altered one opens nothing.
    """
    first, second = ready(house), ready(house, BOB)
    ticket = token(house.service.link(ALICE, first).url)
    for job_id, text in ((second, ticket), (first, ticket[:-1]), (first, ""), (first, "é")):
        with pytest.raises(InvalidTicket):
            house.service.open(ALICE, job_id, text)


def test_expiry_holds_without_a_sweeper(house: MemoryDeployment) -> None:
    """
    One second before its end an export is served; at its end it is expired, whatever its row says.
    """
    job_id = ready(house)
    house.clock.advance(timedelta(days=7) - timedelta(seconds=2))
    link = house.service.link(ALICE, job_id)
    assert b"".join(house.service.open(ALICE, job_id, token(link.url)).read())
    assert link.expires_at <= house.service.status(ALICE, job_id).expires_at
    house.clock.advance(timedelta(seconds=2))
    assert house.service.status(ALICE, job_id).state is State.EXPIRED
    with pytest.raises(ExportGone):
        house.service.link(ALICE, job_id)
    with pytest.raises(TicketExpired):
        house.service.open(ALICE, job_id, token(link.url))


def test_not_ready_has_no_link(house: MemoryDeployment) -> None:
    """
    A queued export has nothing to download.
    """
    job_id = house.service.request(ALICE, Subject("alice")).export.id
    with pytest.raises(ExportNotReady, match="queued"):
        house.service.link(ALICE, job_id)


def test_delete_shreds_and_removes(house: MemoryDeployment) -> None:
    """
    Deleting a ready export empties row and storage; the second time nothing more happens.
    """
    job_id = ready(house)
    ticket = token(house.service.link(ALICE, job_id).url)
    assert house.service.delete(ALICE, job_id).state is State.DELETED
    job = house.jobs.get("default", job_id)
    assert (None, None, None) == (job.wrapped_key, job.sealed, job.artifact)
    assert [] == list(house.storage.list())
    assert house.service.delete(ALICE, job_id).state is State.DELETED
    with pytest.raises(ExportGone):
        house.service.open(ALICE, job_id, ticket)
    assert house.audit.events(job_id).count("deleted") == 1


def test_delete_with_storage_down_is_swept_later(house: MemoryDeployment, monkeypatch) -> None:
    """
    With the storage away the export is gone for the person at once, and the file as soon as it can be.
    """
    job_id = ready(house)

    def away(_: str) -> None:
        raise StorageUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(house.storage, "delete", away)
        assert house.service.delete(ALICE, job_id).state is State.DELETED
        assert house.sweeper.sweep().failures == 1
    assert len(list(house.storage.list())) == 1
    assert house.sweeper.sweep().deleted == 1
    assert [] == list(house.storage.list())


def test_cancel_frees_the_way_for_another(house: MemoryDeployment) -> None:
    """
    A cancelled export is not worked on, and the person may ask for another at once.
    """
    job_id = house.service.request(ALICE, Subject("alice")).export.id
    assert house.service.delete(ALICE, job_id).state is State.CANCELLED
    assert house.worker.work() is None
    assert house.service.request(ALICE, Subject("alice"), formats=["csv"]).created


def test_running_transfer_feels_a_deletion() -> None:
    """
    A transfer that is under way when the export is deleted breaks off within seconds, and says how far it got.
    """
    house = MemoryDeployment({"payouts": payouts(60_000)})
    house.service.request(ALICE, Subject("alice"), formats=["ndjson"])
    job_id = house.worker.work().id
    download = house.service.open(ALICE, job_id, token(house.service.link(ALICE, job_id).url))
    bytes_ = download.read()
    got = len(next(bytes_))
    job = house.jobs.get("default", job_id)
    house.jobs.end("default", job_id, expected={State.READY}, state=State.DELETED)
    house.clock.advance(timedelta(seconds=4))
    with pytest.raises(ExportGone):
        list(bytes_)
    assert got < job.artifact.size
    (broken,) = (e for e in house.audit.entries("default", job_id) if e.event == "download_broken_off")
    assert broken.facts["to"] == str(got)


def test_receiver_that_goes_away_is_recorded(house: MemoryDeployment) -> None:
    """
    A transfer closed before its end is recorded as broken off, with how far it got; else as finished.
    """
    job_id = ready(house)
    download = house.service.open(ALICE, job_id, token(house.service.link(ALICE, job_id).url))
    half = download.read(10)
    next(half)
    half.close()
    broken = list(house.audit.entries("default", job_id))[-1]
    assert ("download_broken_off", "10", "10") == (broken.event, broken.facts["from"], broken.facts["to"])
    assert len(b"".join(download.read(0, 10))) == 10
    assert house.audit.events(job_id)[-1] == "download_broken_off"
    assert len(b"".join(download.read(5))) == download.size - 5
    assert house.audit.events(job_id)[-1] == "download_finished"


def test_policy_lists_the_fields(house: MemoryDeployment) -> None:
    """
    The policy says of every field what happens to it and why.
    """
    (name, fields), *_ = house.service.policy().items()
    assert name == "payouts"
    assert [f.name for f in fields] == ["id", "requested_at", "payee", "amount", "note"]
    with pytest.raises(UnknownName):
        house.service.policy("nobody")


def test_a_person_reads_their_own_trail() -> None:
    """
    Dates, events, profiles and capacities of what was done with their history, oldest first; nobody's name,
    and nothing about others.
    """
    house = MemoryDeployment(
        {"payouts": payouts(3)}, authorize=lambda a: owner_only(a) or operator_on_this_machine(a)
    )
    job_id = ready(house)
    house.clock.advance(timedelta(days=1))
    house.service.link(ALICE, job_id)
    house.service.request(BOB, Subject("bob"))
    support = Actor(id="agent-smith", capacity=Capacity.OPERATOR)
    theirs = house.service.request(support, Subject("alice")).export.id
    trail = house.service.trail(ALICE)
    assert [
        ("requested", job_id, "self", "subject"),
        ("started", job_id, "self", "system"),
        ("completed", job_id, "self", "system"),
        ("link_issued", job_id, "self", "subject"),
        ("requested", theirs, "self", "operator"),
    ] == [(each.event, each.job_id, each.profile, each.capacity) for each in trail]
    assert timedelta(days=1) == trail[3].at - trail[0].at
    assert "agent-smith" not in repr(trail)
    assert [("requested", "subject")] == [(each.event, each.capacity) for each in house.service.trail(BOB)]


@pytest.mark.parametrize("capacity", sorted(set(Capacity) - {Capacity.SUBJECT}))
def test_a_trail_is_for_its_subject_alone(capacity: Capacity) -> None:
    """
    To staff and representatives there is no trail, whatever the authoriser says, and to nobody where it says no;
    the refusal is recorded.
    """
    house = MemoryDeployment(authorize=lambda _: True)
    with pytest.raises(NotFound):
        house.service.trail(Actor(id="alice", capacity=capacity))
    (denied,) = (entry for entry in house.audit.entries("default") if entry.event == "denied")
    assert (capacity, "trail") == (denied.capacity, denied.facts["action"])
    with pytest.raises(NotFound):
        MemoryDeployment(authorize=lambda _: False).service.trail(ALICE)


def test_a_trail_that_cannot_be_read_is_said() -> None:
    """
    Where the sink only takes entries, the operator is told what is missing.
    """
    with pytest.raises(InvalidConfiguration, match="add a sink that can"):
        MemoryDeployment(trail=None).service.trail(ALICE)
