"""
Leaving encryption and the last step to the store: what is put there, what is said of it, who is sent there.
"""

import io
import zipfile
from datetime import timedelta

import pytest
from attrs import evolve
from tests.http_hosts import DirectHost, Site
from tests.unit.test_service import ALICE, BOB, payouts, ready, token

from streampay_export._core.job import Protection
from streampay_export._core.trail import Event
from streampay_export.errors import AuditUnavailable, ExportGone, InvalidConfiguration, NotFound, ObjectAltered
from streampay_export.http import HttpApi
from streampay_export.ports.links import CloudUrl
from streampay_export.service import ExportService
from streampay_export.storage.memory import MemoryStorage
from streampay_export.testing.deployment import MemoryDeployment


class RecordingUrls:
    """
    `CloudUrls` that sign nothing and remember what they were asked for.
    """

    def __init__(self):
        self.minted = []

    def mint(self, key, *, file_name, until, now):
        """
        Give a URL with a number in it.
        """
        self.minted.append((key, file_name, until, now))
        return CloudUrl(url=f"https://store.example/{len(self.minted)}", expires_at=now)


@pytest.fixture
def urls():
    """
    Whoever mints.
    """
    return RecordingUrls()


@pytest.fixture
def house(urls):
    """
    A deployment whose storage encrypts by itself and hands out by itself.
    """
    rows = {"payouts": payouts(3)}
    return MemoryDeployment(rows, storage=MemoryStorage(Protection.STORE), cloud_urls=urls)


def stored(house, job_id):
    """
    What lies in storage for an export.
    """
    return house.wiring.storage._objects[house.jobs.get("default", job_id).artifact.key]


def opened(house, job_id):
    """
    A download that has been authorised.
    """
    return house.service.open(ALICE, job_id, token(house.service.link(ALICE, job_id).url))


def test_the_store_is_given_the_bundle_itself(house):
    """
    What lies there is the zip, job and audit say who protects it, and what is read is the same.
    """
    job_id = ready(house)
    artifact = house.jobs.get("default", job_id).artifact
    facts = {entry.event: entry.facts for entry in house.audit.entries("default") if entry.job_id == job_id}

    assert zipfile.ZipFile(io.BytesIO(stored(house, job_id))).testzip() is None
    assert artifact.protection == "store"
    assert facts["completed"]["protection"] == "store"
    download = opened(house, job_id)
    assert stored(house, job_id) == b"".join(download.read())
    assert stored(house, job_id)[10:20] == b"".join(download.read(10, 20))


def test_each_click_mints_after_the_audit_has_it(house, urls):
    """
    For one key under our own name, at the end of the download's hour at the latest; told beforehand.
    """
    job_id = ready(house)
    artifact = house.jobs.get("default", job_id).artifact
    house.wiring.clock.advance(timedelta(minutes=1))
    download, ends = opened(house, job_id), house.clock() + timedelta(hours=1)
    (intent,) = [each for each in house.audit.entries("default") if each.event == Event.DOWNLOAD_AUTHORISED]
    assert (intent.facts["protection"], urls.minted) == ("store", [])

    assert ["https://store.example/1", "https://store.example/2"] == [download.hand_over().url for _ in range(2)]
    assert urls.minted == [(artifact.key, f"streampay-export-{job_id}.zip", ends, house.clock())] * 2


def test_no_url_outlives_the_export(house, urls):
    """
    In the last hour it is the export's end that counts.
    """
    job_id = ready(house)
    ends = house.service.status(ALICE, job_id).expires_at
    house.clock.advance(timedelta(days=7, seconds=-3))
    opened(house, job_id).hand_over()

    assert [ends] == [each[2] for each in urls.minted]


def test_the_later_clock_counts(house, urls):
    """
    A host whose clock is ahead signs for less, one whose clock is behind for no more.
    """
    job_id = ready(house)
    download = opened(house, job_id)
    now = house.clock()
    for skew in (timedelta(hours=1), timedelta(hours=-1)):
        evolve(download, wiring=evolve(house.wiring, clock=lambda skew=skew: now + skew)).hand_over()

    assert [now + timedelta(hours=1), now] == [each[3] for each in urls.minted]


def test_without_audit_nobody_is_sent_anywhere(house, urls):
    """
    No entry, no URL.
    """
    job_id = ready(house)
    ticket = token(house.service.link(ALICE, job_id).url)
    house.audit.down = True
    with pytest.raises(AuditUnavailable):
        house.service.open(ALICE, job_id, ticket)

    assert [] == urls.minted


def test_nobody_else_is_sent_anywhere(house, urls):
    """
    Somebody else's ticket mints nothing.
    """
    job_id = ready(house)
    ticket = token(house.service.link(ALICE, job_id).url)
    with pytest.raises(NotFound):
        house.service.open(BOB, job_id, ticket)

    assert [] == urls.minted


@pytest.mark.parametrize("end", ["deleted", "expired", "revoked", "an hour later"])
def test_what_is_gone_is_not_handed_over(house, urls, end):
    """
    Between the click and the URL it is asked again, of the job store.
    """
    job_id = ready(house)
    download = opened(house, job_id)
    ways = {
        "deleted": lambda: house.service.delete(ALICE, job_id),
        "expired": lambda: house.clock.advance(timedelta(days=7)),
        "revoked": lambda: house.jobs.revoke_links("default"),
        "an hour later": lambda: house.clock.advance(timedelta(hours=1)),
    }
    ways[end]()
    with pytest.raises(ExportGone):
        download.hand_over()

    assert [] == urls.minted


def test_a_row_that_vanishes_meanwhile_is_gone_too(house, urls, monkeypatch):
    """
    Whatever happens between two questions to the job store, no URL is minted without an end.
    """
    job_id = ready(house)
    download = opened(house, job_id)
    monkeypatch.setattr(house.jobs, "get", lambda *_: None)
    with pytest.raises(ExportGone):
        download.hand_over()

    assert [] == urls.minted


def test_where_it_was_not_chosen_nobody_is_handed_over(house, urls):
    """
    Without cloud URLs the application itself serves the plain file; what this library encrypted it always does.
    """
    job_id = ready(house)
    download = opened(house, job_id)
    assert evolve(download, wiring=evolve(house.wiring, cloud_urls=None)).hand_over() is None
    ours = evolve(download, artifact=evolve(download.artifact, protection=Protection.LIBRARY))
    assert ours.hand_over() is None
    assert [] == urls.minted


def test_cloud_urls_of_what_this_library_encrypts_are_refused(urls):
    """
    The store could hand out nothing but ciphertext, so the setting is a mistake.
    """
    with pytest.raises(InvalidConfiguration) as refused:
        MemoryDeployment(cloud_urls=urls)

    assert refused.value.key == "storage.protection"


def test_a_plain_file_of_another_size_is_refused(house):
    """
    Nothing but its size can be told of it beforehand.
    """
    job_id = ready(house)
    download = opened(house, job_id)
    house.wiring.storage._objects[download.artifact.key] += b"!"
    with pytest.raises(ObjectAltered):
        next(download.read())


def test_deleting_deletes_the_object_itself(house):
    """
    There is no key to shred: the object must go, and does.
    """
    job_id = ready(house)
    house.service.delete(ALICE, job_id)

    assert [] == list(house.wiring.storage.list())


@pytest.fixture
def site(urls):
    """
    The HTTP contract over such a deployment.
    """
    made = Site(DirectHost())
    storage = MemoryStorage(Protection.STORE)
    wiring = evolve(made.deployment.wiring, storage=storage, cloud_urls=urls)
    made.deployment.worker = type(made.deployment.worker)(wiring)
    made.host.api = HttpApi(
        service=ExportService(wiring),
        identify=made.host.api.identify,
        check_form=made.host.api.check_form,
    )
    return made


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_person_is_sent_to_the_store(site, method):
    """
    303 with the URL and no byte of ours, kept by nobody; a Range is the store's affair.
    """
    link = site.link(site.ready())
    answer = site.ask(method, link, Range="bytes=0-9")

    assert (303, b"") == (answer.status, answer.body)
    assert answer.headers["location"] == "https://store.example/1"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_who_has_it_already_is_sent_nowhere(site, urls):
    """
    A condition that holds is answered here.
    """
    job_id = site.ready()
    link = site.link(job_id)
    sha256 = site.ask("GET", f"/exports/{job_id}").json["sha256"]

    assert site.ask("GET", link, If_None_Match=f'"{sha256}"').status == 304
    assert [] == urls.minted


def test_refusals_mint_nothing(site, urls):
    """
    Nobody signed in, somebody else, an altered ticket, and what is gone: refused as ever.
    """
    job_id = site.ready()
    link = site.link(job_id)
    statuses = [
        site.ask("GET", link, None).status,
        site.ask("GET", link, "bob").status,
        site.ask("GET", link + "x").status,
    ]
    site.ask("DELETE", f"/exports/{job_id}")

    assert [401, 404, 403, 410] == [*statuses, site.ask("GET", link).status]
    assert [] == urls.minted
