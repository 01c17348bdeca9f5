"""
Who is told what, when, and when nobody is any more.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from attrs import evolve

from streampay_export import Actor, Allowed, StepUp, Subject, Sweeper, Worker
from streampay_export._core.job import Failure
from streampay_export._core.lifecycle import State
from streampay_export._core.notification import Occasion, Recipient
from streampay_export._core.trail import Event
from streampay_export.access import owner_only
from streampay_export.errors import (
    InvalidConfiguration,
    NotifierUnavailable,
    RecipientRefused,
    SourceUnavailable,
)
from streampay_export.links.app import AppLinks
from streampay_export.notify.wording import TemplateWording, Text
from streampay_export.notifying import MOST_ATTEMPTS
from streampay_export.ports.notify import Notify
from streampay_export.service import ExportService
from streampay_export.testing.deployment import MemoryDeployment, keep_everything
from streampay_export.testing.fakes import NOON, RecordingEraser, RecordingNotifier

from .test_service import payouts, token

ALICE, OLGA, REX = (
    Actor(id="alice"),
    Actor(id="olga", capacity="operator"),
    Actor(id="rex", capacity="representative"),
)
WHOM = Subject("alice", ("GALICE",))
BOOK = {"alice": Recipient("alice@example.org", "Alice", "en")}
POWER = Allowed(relation="lawyer", basis="power of attorney", evidence="file 7", until=NOON + timedelta(days=60))


def anybody(access) -> Allowed | bool:
    """
    Let everybody do what may be allowed at all.
    """
    return POWER if access.actor.capacity == "representative" else True


def make_house(book=None, *, base_url="https://shop.example", **changes) -> MemoryDeployment:
    """
    Return a deployment that tells whoever is in the book; `house.mail` remembers.
    """
    mail = RecordingNotifier()
    known = BOOK if book is None else book
    notify = Notify(
        notifier=mail,
        recipients=lambda _, subject: known.get(subject.id),
        wording=TemplateWording(),
    )
    house = MemoryDeployment(
        {"payouts": payouts(3)},
        **{"notify": notify, "links": AppLinks(base_url), "authorize": anybody, "step_up": StepUp(erase=None)}
        | changes,
    )
    house.mail = mail
    return house


def requested(house: MemoryDeployment, actor: Actor = ALICE, **how) -> str:
    """
    Ask for Alice's history; return the export's id.
    """
    return house.service.request(actor, WHOM, **how).export.id


def told(house: MemoryDeployment) -> list[str]:
    """
    Sweep, and return on which occasions somebody was told so far.
    """
    house.sweeper.sweep()
    return [str(each.occasion) for each in house.mail.sent]


def test_a_ready_export_is_told_once_with_a_link_that_works() -> None:
    """
    One letter to the person's address, in both parts; its link is theirs alone, and lives as long as the copy.
    """
    house = make_house()
    job_id = requested(house)
    assert not told(house)
    house.worker.work()
    swept = house.sweeper.sweep()
    assert ["ready"] == told(house)
    (sent,) = house.mail.sent
    opened = house.service.look(ALICE, job_id, token(sent.url))

    assert 1 == swept.told
    assert (f"{job_id}:ready", job_id, "default", BOOK["alice"], house.clock()) == (
        sent.id,
        sent.job_id,
        sent.tenant,
        sent.recipient,
        sent.at,
    )
    assert sent.url.startswith(f"https://shop.example/exports/{job_id}/open?ticket=")
    assert f"\n\n{sent.url}\n\n" in sent.letter.text
    assert f'<a href="{sent.url}">' in sent.letter.html
    assert "2026-01-09 12:00 UTC" in sent.letter.text
    assert State.READY is opened.export.state
    assert 1 == house.audit.events(job_id).count(Event.LINK_ISSUED)


def test_a_letter_says_nothing_of_the_history() -> None:
    """
    No amount, no wallet, no subject id, no name of a dataset, in none of the letters.
    """
    house = make_house()
    requested(house)
    house.worker.work()
    told(house)
    (sent,) = house.mail.sent
    said = sent.letter.title + sent.letter.text.replace(sent.url, "") + sent.letter.html.replace(sent.url, "")

    assert not [each for each in ("alice", "GALICE", "0.25", "payouts", "bob") if each in said]


def test_without_a_base_url_the_letter_says_where_to_look() -> None:
    """
    A path is of no use in a mail: no link is made.
    """
    house = make_house(base_url=None)
    job_id = requested(house)
    house.worker.work()
    told(house)
    (sent,) = house.mail.sent

    assert (None, True) == (sent.url, "Sign in" in sent.letter.text)
    assert Event.LINK_ISSUED not in house.audit.events(job_id)


@pytest.mark.parametrize(("actor", "said"), [(REX, "represents you"), (OLGA, "our staff")])
def test_the_person_is_told_when_somebody_else_asks(actor: Actor, said: str) -> None:
    """
    At once, and of the ready copy too; by whom is said in kind and not by name. Asked again, nothing more.
    """
    house = make_house()
    requested(house, actor)
    requested(house, actor)
    assert ["asked"] == told(house)
    house.worker.work()

    assert ["asked", "ready"] == told(house)
    assert said in house.mail.sent[0].letter.text
    assert actor.id not in house.mail.sent[0].letter.text


def test_copies_for_staff_are_told_to_nobody() -> None:
    """
    They are not the person's.
    """
    house = make_house()
    policies = house.wiring.policies
    support = keep_everything(house.wiring.catalog, "support")
    both = type(policies).of(policies.profile("self"), support)
    house = make_house(policies=both)
    requested(house, OLGA, profile="support")
    house.worker.work()

    assert not told(house)
    assert not house.jobs.notification_keys()


def test_what_is_not_to_be_told_is_told_to_nobody() -> None:
    """
    Asked for without telling: nothing is even stored, whatever becomes of it.
    """
    house = make_house()
    requested(house, OLGA, tell=False)
    house.worker.work()
    job_id = requested(house, tell=False)
    house.service.extend(OLGA, job_id, "Many requests.")
    house.service.refuse(OLGA, job_id, "Asked every day.", "Complain to the CNIL.")

    assert not house.jobs.notification_keys()
    assert not told(house)


def test_refusal_and_extension_are_told_with_their_reasons() -> None:
    """
    Both outlive the job's key: a refused job is shredded, and the person still learns why, escaped in the HTML.
    """
    house = make_house()
    job_id = requested(house)
    house.service.extend(OLGA, job_id, "Many <requests> & few hands.")
    assert ["extended"] == told(house)
    house.service.refuse(OLGA, job_id, "Asked every day.", "Complain to the CNIL.")
    assert ["extended", "refused"] == told(house)
    extended, refused = house.mail.sent

    assert "2026-04-02 12:00 UTC" in extended.letter.text
    assert "Many <requests> & few hands." in extended.letter.text
    assert "Many &lt;requests&gt; &amp; few hands." in extended.letter.html
    assert "Asked every day.\n\nComplain to the CNIL.\n" in refused.letter.text
    assert house.jobs.get("default", job_id).wrapped_key is None


def test_a_failure_for_good_is_told_in_words_for_people() -> None:
    """
    By the worker or the sweeper that gives up; a failure that is tried again is told to nobody.
    """
    house = make_house(max_attempts=2)

    class Away:
        def __getattr__(self, name):
            raise SourceUnavailable("table secret_table")

    broken = Worker(evolve(house.wiring, source=Away()))
    requested(house)
    broken.work()
    assert not told(house)
    house.clock.advance(timedelta(minutes=10))
    broken.work()
    assert ["failed"] == told(house)
    assert "secret_table" not in house.mail.sent[0].letter.text

    requested(house)
    for _ in range(2):
        house.jobs.claim(lease=timedelta(0), max_attempts=2)
    house.sweeper.sweep()
    assert ["failed", "failed"] == told(house)


def test_an_erasure_is_told_when_it_is_done_though_nobody_knows_the_address_any_more() -> None:
    """
    With the receipt, once, and after that nothing of the address is kept.
    """
    eraser, book = RecordingEraser(), dict(BOOK)
    house = make_house(book, eraser=eraser)
    requested(house)
    eraser.failing = True
    receipt = house.service.erase(OLGA, WHOM, basis="Art. 17(1)(b)")
    house.sweeper.sweep()
    for _ in range(MOST_ATTEMPTS + 1):  # waiting for it is no failed try
        house.clock.advance(timedelta(minutes=2))
        house.sweeper.sweep()
    unfinished = told(house)
    book.clear()
    eraser.failing = False
    house.mail.problem = NotifierUnavailable("it is down")
    house.clock.advance(timedelta(minutes=2))
    house.sweeper.sweep()
    house.mail.problem = None
    house.clock.advance(timedelta(minutes=2))
    house.sweeper.sweep()
    house.sweeper.sweep()

    assert not unfinished
    assert ["erased"] == told(house)
    assert BOOK["alice"] == house.mail.sent[0].recipient
    assert receipt.id in house.mail.sent[0].letter.text
    assert not house.jobs.notification_keys()


def test_erasing_works_whatever_the_address_book_does() -> None:
    """
    One that raises, or knows nobody, holds no erasure up; its words are not logged.
    """

    def broken(tenant, subject):
        raise RuntimeError(f"no {subject.id}")

    for recipients in (broken, lambda *_: None):
        house = make_house()
        notify = evolve(house.wiring.notify, recipients=recipients)
        service = ExportService(evolve(house.wiring, notify=notify))
        assert service.erase(OLGA, WHOM, basis="Art. 17(1)(b)").finished_at is not None
        assert not told(house)


@pytest.mark.parametrize("ending", ["delete", "erase", "expire"])
def test_what_ended_while_queued_is_told_to_nobody(ending: str) -> None:
    """
    Erased, deleted or expired before the mail goes out: no mail, and no key is left in the outbox.
    """
    house = make_house()
    job_id = requested(house)
    house.worker.work()
    house.mail.problem = NotifierUnavailable("it is down")
    house.sweeper.sweep()
    book = house.wiring.notify
    if ending == "delete":
        house.service.delete(ALICE, job_id)
    elif ending == "erase":
        nobody = evolve(book, recipients=lambda *_: None)
        ExportService(evolve(house.wiring, notify=nobody)).erase(OLGA, WHOM, basis="Art. 17(1)(b)")
    else:
        house.clock.advance(timedelta(days=8))
    house.mail.problem = None
    house.sweeper.sweep()
    house.clock.advance(timedelta(days=1))

    assert not told(house)
    assert not house.jobs.notification_keys()


def test_what_is_untrue_by_now_is_not_told() -> None:
    """
    A later answer than the letter speaks of: an extension of what is ready, a copy that is about to be swept.
    """
    house = make_house()
    job_id = requested(house)
    house.service.extend(OLGA, job_id, "Many requests.")
    house.worker.work()
    assert ["ready"] == told(house)

    job_id = requested(house)
    house.worker.work()
    pending = house.jobs.claim_notification(lease=timedelta(0))
    job = house.jobs.get("default", job_id)
    house.jobs._jobs["default", job_id] = evolve(job, state=State.FAILED, failure=Failure(slug="x", sentence="y"))
    assert ["ready"] == told(house)
    del house.jobs._jobs["default", job_id]
    house.jobs._post((), [evolve(pending, job_id="unknown")])
    assert ["ready"] == told(house)


def test_an_outage_is_tried_again_ever_later_and_given_up_after_a_day(caplog) -> None:
    """
    The waits grow, with jitter; the person still sees READY; the log names the export and nobody's address.
    """
    house = make_house()
    job_id = requested(house)
    house.worker.work()
    house.mail.problem = NotifierUnavailable("it is down")
    tries = 0
    for _ in range(40 * 60 // 5):
        tries += house.sweeper.sweep().failures
        house.clock.advance(timedelta(minutes=5))

    assert MOST_ATTEMPTS == tries
    assert not house.jobs.notification_keys()
    assert State.READY is house.service.status(ALICE, job_id).state
    assert f"export {job_id}: nobody will be told that it is ready" in caplog.text
    assert "alice" not in caplog.text


def test_waits_between_tries_are_spread() -> None:
    """
    Two that failed together do not come back together.
    """
    book = {name: Recipient(f"{name}@example.org") for name in ("alice", "bob")}
    house = make_house(book, randomness=Random(7).randbytes)
    for name in book:
        house.service.request(Actor(id=name), Subject(name))
        house.worker.work()
    house.mail.problem = NotifierUnavailable("it is down")
    house.sweeper.sweep()
    waits = [(each.waits_from - house.clock()).total_seconds() for each in house.jobs._notifications.values()]

    assert all(30 <= wait <= 90 for wait in waits)
    assert 2 == len(set(waits))


def test_a_refusal_of_the_recipient_is_final() -> None:
    """
    550 once and never again; the person still sees READY.
    """
    house = make_house()
    job_id = requested(house)
    house.worker.work()
    house.mail.problem = RecipientRefused("550")
    assert 1 == house.sweeper.sweep().failures
    house.mail.problem = None
    house.clock.advance(timedelta(days=1))

    assert not told(house)
    assert State.READY is house.service.status(ALICE, job_id).state


def test_a_crash_after_sending_sends_the_same_again() -> None:
    """
    Killed between the mail and the note that it was sent: after the lease it goes out again under the same id.
    """
    house = make_house()
    requested(house)
    house.worker.work()

    class Killed(BaseException):
        pass

    def dies(*_):
        raise Killed

    house.jobs.notified = dies
    with pytest.raises(Killed):
        house.sweeper.sweep()
    del house.jobs.notified
    assert ["ready"] == told(house)
    house.clock.advance(timedelta(minutes=5))

    assert ["ready", "ready"] == told(house)
    assert 1 == len({each.id for each in house.mail.sent})
    house.clock.advance(timedelta(hours=1))
    assert 2 == len(told(house))


def test_a_revoked_link_does_not_come_back_with_the_next_try() -> None:
    """
    The mail that failed may have arrived after all: its link, once revoked, stays so.
    """
    house = make_house()
    job_id = requested(house)
    house.worker.work()
    house.jobs.notified = lambda *_: None
    told(house)
    house.service.revoke_export(OLGA, job_id, "A laptop was stolen.")
    house.clock.advance(timedelta(minutes=5))
    told(house)
    first, second = house.mail.sent
    links = {key[2] for key in house.jobs._links}

    assert first.url != second.url
    assert {"mail-2"} == links


def test_what_does_not_answer_is_not_waited_for_by_the_rest() -> None:
    """
    After three failures a sweep goes home; one person's trouble does not stop the others' mails.
    """
    book = {f"user{n}": Recipient(f"user{n}@example.org") for n in range(5)}
    house = make_house(book)
    for name in book:
        house.service.request(Actor(id=name), Subject(name))
        house.worker.work()
    house.mail.problem = NotifierUnavailable("it is down")
    assert 3 == house.sweeper.sweep().failures
    house.mail.problem = None
    assert 2 == len(told(house))
    house.clock.advance(timedelta(minutes=2))
    assert 5 == len(told(house))


def test_whoever_is_in_no_book_is_told_nothing() -> None:
    """
    It is no failure, and is not asked for again.
    """
    house = make_house({})
    requested(house)
    house.worker.work()
    swept = house.sweeper.sweep()

    assert (0, 0) == (swept.told, swept.failures)
    assert not house.jobs.notification_keys()


@pytest.mark.parametrize(
    ("problem", "again"), [(RuntimeError("alice@example.org"), 1), (None, 0)], ids=["raises", "no address"]
)
def test_an_address_book_that_errs_is_asked_again_unless_it_has_no_address(problem, again: int, caplog) -> None:
    """
    What it raises is not logged, as it may name the person; an address that is none is final.
    """
    house = make_house()

    def recipients(tenant, subject):
        if problem is None:
            return Recipient("alice@example.org\r\nBcc: eve@example.org")
        raise problem

    sweeper = Sweeper(evolve(house.wiring, notify=evolve(house.wiring.notify, recipients=recipients)))
    requested(house)
    house.worker.work()

    assert 1 == sweeper.sweep().failures
    assert again == len(house.jobs.notification_keys())
    assert not [each for each in ("alice", "eve") if each in caplog.text]


def test_who_tells_nobody_stores_nothing() -> None:
    """
    Without a notifier, the default, no row and no key is made.
    """
    house = make_house(notify=None)
    requested(house, OLGA)
    house.worker.work()

    assert not house.jobs.notification_keys()
    assert not told(house)


def test_a_shredded_key_sends_nothing() -> None:
    """
    Where the key that wrapped it is destroyed, the person is nobody: no mail, and no retry.
    """
    house = make_house()
    requested(house)
    house.worker.work()
    (((tenant, id_), stored),) = house.jobs._notifications.items()
    shredded = evolve(stored.pending.wrapped_key, key_id="destroyed")
    damaged = evolve(stored, pending=evolve(stored.pending, wrapped_key=shredded))
    house.jobs._notifications[tenant, id_] = damaged

    assert 1 == house.sweeper.sweep().failures
    assert not house.jobs.notification_keys()
    assert not told(house)


def test_a_key_version_stays_for_what_is_still_to_be_told_and_for_no_longer_than_a_week() -> None:
    """
    A retired version that only a notification needs is kept; after seven days it goes, and nobody is told.
    """
    house = make_house(notify=evolve(make_house().wiring.notify, recipients=lambda *_: None))
    job_id = requested(house)
    house.service.refuse(OLGA, job_id, "Asked every day.", "Complain to the CNIL.")
    (pending,) = (each.pending for each in house.jobs._notifications.values())
    sweeper = Sweeper(evolve(house.wiring, notify=None))
    kept = []
    for days in (0, 1, 2, 6):
        house.clock.advance(timedelta(days=days))
        sweeper.sweep()
        kept.append(pending.wrapped_key.key_id in house.wiring.versions.retired())

    assert [True, True, True, False] == kept
    assert pending.wrapped_key.key_id != house.wiring.keys.wrap(bytes(32), b"x").key_id


def test_a_subject_that_cannot_be_unsealed_holds_nothing_up() -> None:
    """
    Where the job's key does not open, the refusal stands and nobody is told.
    """
    house = make_house()
    job_id = requested(house)
    job = house.jobs.get("default", job_id)
    house.jobs.rewrap(job, evolve(job.wrapped_key, key_id="destroyed"))
    refused = house.service.refuse(OLGA, job_id, "Asked every day.", "Complain to the CNIL.")

    assert State.FAILED is refused.state
    assert not told(house)


def test_a_failed_export_is_extended_and_told_to_nobody() -> None:
    """
    Whom it was about is shredded by then.
    """
    house = make_house({}, max_attempts=1)
    job_id = requested(house)
    house.jobs.claim(lease=timedelta(0), max_attempts=1)
    house.sweeper.sweep()
    assert State.FAILED is house.service.status(ALICE, job_id).state
    house.service.extend(OLGA, job_id, "Many requests.")

    assert not house.jobs.notification_keys()


def test_letters_speak_the_persons_language_where_there_is_one() -> None:
    """
    As it is asked for, then without its region, then English; a language must know every occasion.
    """
    german = {each: Text(f"Titel {each}", "Hallo {{ until }}") for each in Occasion}
    swiss = {each: Text(f"Titel CH {each}", "Grüezi") for each in Occasion}
    wording = TemplateWording({"de": german, "de-CH": swiss})
    asked = ("de-CH", "DE-at", "fr", "en-GB")
    titles = [wording(Occasion.READY, language, {"until": "morgen"}).title for language in asked]

    assert ["Titel CH ready", "Titel ready", *["The copy of your data is ready"] * 2] == titles
    assert "Hallo morgen\n" == wording(Occasion.READY, "de", {"until": "morgen"}).text
    assert '<html lang="de">' in wording(Occasion.READY, "de", {}).html
    with pytest.raises(InvalidConfiguration, match="erased"):
        TemplateWording({"fr": {each: german[each] for each in Occasion if each is not Occasion.ERASED}})


@pytest.mark.parametrize("occasion", list(Occasion))
def test_every_letter_reads_well_with_and_without_its_facts(occasion: Occasion) -> None:
    """
    No gap, no template's leftovers, and both parts say the same.
    """
    facts = dict.fromkeys(("until", "due", "reason", "remedies", "receipt"), "FACT")
    shapes = (
        facts,
        facts
        | {"completeness": "partial", "capacity": "representative", "retained": "KEPT", "url": "https://x.example"},
    )
    for each in shapes:
        letter = TemplateWording()(occasion, "en", each)
        paragraphs = letter.text.strip().split("\n\n")
        assert letter.html.count("<p>") == len(paragraphs)
        assert not [mark for mark in ("{", "  ", " .", "\n\n\n") if mark in letter.text]


def test_only_the_owner_hears_of_it_by_default() -> None:
    """
    The default authoriser changes nothing about who is told: the person, of their own copy.
    """
    house = make_house(authorize=owner_only)
    requested(house)
    house.worker.work()

    assert ["ready"] == told(house)
