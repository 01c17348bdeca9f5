"""
What the audit trail says of notifications: that one was accepted, or for good was not, once, and no address.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from streampay_export._core.trail import AuditEntry, Event
from streampay_export.errors import NotifierUnavailable, RecipientRefused
from streampay_export.notifying import MOST_ATTEMPTS
from streampay_export.testing.deployment import MemoryDeployment

from .test_notifying import ALICE, OLGA, WHOM, make_house, requested


def recorded(house: MemoryDeployment) -> list[AuditEntry]:
    """
    Sweep, and return the entries about notifications.
    """
    house.sweeper.sweep()
    ends = {Event.NOTIFIED, Event.NOT_NOTIFIED}
    return [each for each in house.audit.entries("default") if each.event in ends]


def test_who_was_told_is_recorded_as_told() -> None:
    """
    Per occasion, as the system's act about the person, who finds it in their own trail; by whom they are reached
    is in none of it.
    """
    house = make_house()
    job_id = requested(house, OLGA)
    house.worker.work()
    entries = recorded(house)
    asked = next(each for each in house.audit.entries("default") if each.event is Event.REQUESTED)

    assert [f"{job_id}:notified:{occasion}" for occasion in ("asked", "ready")] == [each.id for each in entries]
    assert [{"occasion": "asked"}, {"occasion": "ready"}] == [each.facts for each in entries]
    assert {(Event.NOTIFIED, job_id, "system", asked.subject)} == {
        (each.event, each.job_id, each.actor, each.subject) for each in entries
    }
    assert 2 == [each.event for each in house.service.trail(ALICE)].count(Event.NOTIFIED)
    assert not [each for each in entries if "alice" in repr(each)]
    assert entries == recorded(house)


def test_a_mail_that_goes_out_twice_is_recorded_once() -> None:
    """
    Killed before it was noted, or noted by two at once: one entry, as one of them forgets the notification.
    """
    house = make_house()
    requested(house)
    house.worker.work()
    noted = house.jobs.notified
    house.jobs.notified = lambda *_: None
    assert not recorded(house)
    house.jobs.notified = lambda *ended: (noted(*ended), noted(*ended))
    house.clock.advance(timedelta(minutes=5))

    assert 1 == len(recorded(house))
    assert 2 == len(house.mail.sent)


@pytest.mark.parametrize(
    ("problem", "sweeps"),
    [(RecipientRefused("550"), 1), (NotifierUnavailable("it is down"), MOST_ATTEMPTS), (ValueError("ann"), 0)],
)
def test_what_was_given_up_is_recorded_by_its_kind(problem: Exception, sweeps: int) -> None:
    """
    A refusal at once, an outage after the last try; what is tried again is no entry.
    """
    house = make_house()
    requested(house)
    house.worker.work()
    house.mail.problem = problem
    for _ in range(sweeps - 1):
        assert not recorded(house)
        house.clock.advance(timedelta(hours=6))
    entries = recorded(house)
    house.clock.advance(timedelta(hours=6))

    slug = getattr(problem, "slug", "internal")
    expected = [(Event.NOT_NOTIFIED, {"occasion": "ready", "error": slug})] if sweeps else []
    assert expected == [(each.event, each.facts) for each in entries]


def test_nobody_told_is_nothing_recorded() -> None:
    """
    Of what became untrue, and of who is in no address book, there is no entry.
    """
    house = make_house({})
    requested(house)
    house.worker.work()

    assert not recorded(house)


def test_an_erasure_that_was_told_stands_under_its_receipt() -> None:
    """
    There is no export to name, and nobody knows any more who it was.
    """
    house = make_house()
    receipt = house.service.erase(OLGA, WHOM, basis="Art. 17(1)(b)")
    (entry,) = recorded(house)

    assert (Event.NOTIFIED, f"{receipt.id}:erased:notified", "", "") == (
        entry.event,
        entry.id,
        entry.job_id,
        entry.subject,
    )
    assert {"receipt": receipt.id, "occasion": "erased"} == entry.facts


def test_a_trail_that_is_down_holds_no_mail_up() -> None:
    """
    That a refusal was told is recorded when the trail is back: it waits in the outbox until then.
    """
    house = make_house()
    job_id = requested(house)
    house.service.refuse(OLGA, job_id, "Asked every day.", "Complain to the CNIL.")
    house.audit.down = True
    assert not recorded(house)
    assert 1 == len(house.mail.sent)
    house.audit.down = False

    assert [{"occasion": "refused"}] == [each.facts for each in recorded(house)]
