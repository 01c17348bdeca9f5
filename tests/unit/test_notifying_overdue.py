"""
Notifications that nothing sends: after a week they end, and it is said.
"""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from streampay_export import Sweeper
from streampay_export.ports.telemetry import Measure
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.testing.fakes import RecordingEraser

from .test_notifying import ALICE, OLGA, WHOM, make_house, requested, told
from .test_notifying_recorded import recorded

WEEK = timedelta(days=7)
MOMENT = timedelta(microseconds=1)


def refused() -> tuple[MemoryDeployment, str, Sweeper]:
    """
    Return a deployment that has a refusal to tell, its export, and a sweeper from whose configuration the notifier
    was removed.
    """
    house = make_house()
    job_id = requested(house)
    house.service.refuse(OLGA, job_id, "Asked every day.", "Complain to the CNIL.")
    return house, job_id, Sweeper(evolve(house.wiring, notify=None))


def test_without_a_notifier_what_waits_ends_after_a_week(caplog) -> None:
    """
    And no sooner: row and key are gone, and log, telemetry, trail and the sweep's own numbers say so.
    """
    house, job_id, sweeper = refused()
    house.clock.advance(WEEK)
    early = sweeper.sweep().failures
    kept = house.jobs.notification_keys()
    house.clock.advance(MOMENT)
    late = [sweeper.sweep().failures for _ in range(2)]
    (entry,) = recorded(house)

    assert (0, 1) == (early, len(kept))
    assert [1, 0] == late
    assert not house.jobs.notification_keys()
    assert f"export {job_id}: nobody will be told that it is refused: nothing has sent it for 7 days" in caplog.text
    assert (f"{job_id}:not_notified:refused", "not-notified-in-time") == (entry.id, entry.facts["error"])
    kind = (("occasion", "refused"), ("slug", "not-notified-in-time"), ("tenant", "default"))
    assert {(Measure.NOT_NOTIFIED, kind): 1} == {
        key: count for key, count in house.telemetry.counts.items() if key[0] is Measure.NOT_NOTIFIED
    }
    assert not [each for each in (caplog.text, repr(house.telemetry.counts)) if "alice" in each]


def test_a_notifier_put_back_within_the_week_sends_it() -> None:
    """
    What waited meanwhile is told.
    """
    house, _, sweeper = refused()
    house.clock.advance(WEEK)
    sweeper.sweep()

    assert ["refused"] == told(house)


def test_what_has_to_be_waited_for_ends_after_a_week_too() -> None:
    """
    An erasure that is never finished is told to nobody, and its address is not kept for good.
    """
    eraser = RecordingEraser()
    eraser.failing = True
    house = make_house(eraser=eraser)
    house.service.erase(OLGA, WHOM, basis="Art. 17(1)(b)")
    for _ in range(8):
        assert not house.mail.sent
        house.sweeper.sweep()
        house.clock.advance(timedelta(days=1))
    house.sweeper.sweep()

    assert not house.jobs.notification_keys()
    assert not house.mail.sent


def test_a_refusal_that_is_told_again_later_has_a_week_of_its_own() -> None:
    """
    Age is that of the notification, not of its last try; another's end leaves it alone.
    """
    house, first, sweeper = refused()
    house.clock.advance(timedelta(days=4))
    second = house.service.request(ALICE, WHOM).export.id
    house.service.refuse(OLGA, second, "Asked every day.", "Complain to the CNIL.")
    house.clock.advance(timedelta(days=4))
    sweeper.sweep()

    assert [f"{first}:not_notified:refused"] == [each.id for each in recorded(house)][:1]
    assert [second] == [each.job_id for each in house.mail.sent]
