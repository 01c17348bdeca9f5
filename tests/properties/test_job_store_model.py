"""
SqlJobStore on SQLite beside its model: whatever is done to both, by whomever, both answer the same.
"""

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from streampay_export._core.closed_part import KeptPart
from streampay_export._core.deadline import Deadline, Extension
from streampay_export._core.erasure import Erasure
from streampay_export._core.job import REFUSED, Artifact, Claim, DatasetProgress, Failure, Job, WrappedKey
from streampay_export._core.lifecycle import FINAL, MOVES, State
from streampay_export._core.notification import Occasion
from streampay_export._core.request import ExportRequest
from streampay_export._core.ticket import Purpose
from streampay_export.errors import ExportError
from streampay_export.jobs.memory import MemoryJobStore
from streampay_export.jobs.sql import SqlJobStore
from streampay_export.jobs.sql.rows import change_job
from streampay_export.ports.jobs import Completion, Idempotency
from streampay_export.testing.contracts.erasure import make_tombstone
from streampay_export.testing.contracts.notifications import make_pending
from streampay_export.testing.contracts.outbox import make_entry
from streampay_export.testing.fakes import ManualClock

LEASE = timedelta(seconds=60)
TENANTS = st.sampled_from(["default", "other"])
PEOPLE = st.sampled_from(["ann", "bob"])
TAGS = st.lists(st.sampled_from(["tag-ann", "tag-bob", "tag-wallet"]), min_size=1, max_size=2)
SECONDS = st.sampled_from([0, 0.000001, 1, 29.999999, 60, 3600, 86400])
REQUESTS = st.builds(
    ExportRequest,
    profile=st.sampled_from(["self", "support"]),
    datasets=st.sampled_from([("streams",), ("streams", "payouts")]),
)
KEYS = st.none() | st.builds(Idempotency, key=st.sampled_from("kK"), digest=st.sampled_from("de"))
PROGRESS = st.lists(
    st.builds(
        DatasetProgress,
        name=st.text(max_size=3),
        state=st.sampled_from(["waiting", "running", "done", "failed"]),
        expected=st.none() | st.integers(0, 2**80),
        written=st.integers(0, 2**80),
    ),
    max_size=2,
)
FAILURES = st.none() | st.builds(
    Failure,
    slug=st.sampled_from(["a", REFUSED]),
    sentence=st.text(max_size=5),
    remedies=st.sampled_from(["", "Complain."]),
)


def told(tenant, job_id, occasion):
    """
    Return what is to be told about a job, sealed under a key of its own: the keys say which of them wait.
    """
    pending = make_pending(job_id, occasion)
    return evolve(pending, tenant=tenant, wrapped_key=WrappedKey(key_id=pending.id, ciphertext=b"\xff"))


class Both(RuleBasedStateMachine):
    """
    The model and the store, with workers that crash, are late, and come back.
    """

    jobs = Bundle("jobs")
    claims = Bundle("claims")
    links = Bundle("links")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.model = MemoryJobStore(self.clock)
        self.made = 0
        self.begin()
        self.store = self.open()

    def begin(self):
        """
        Leave nothing of an earlier example; a new folder is empty.
        """

    def open(self):
        """
        Open the store anew: what it knows is in the file.
        """
        store = SqlJobStore(f"sqlite:///{Path(self.folder.name) / 'jobs.db'}", clock=self.clock)
        store.create_tables()
        return store

    def teardown(self):
        """
        Close the store and remove its folder.
        """
        self.store.close()
        self.folder.cleanup()

    def both(self, act):
        """
        Do the same to both; the answers, or the errors, are the same.
        """
        answers = []
        for store in (self.model, self.store):
            try:
                answers.append(act(store))
            except ExportError as error:
                answers.append((type(error), str(error)))
        assert answers[0] == answers[1]
        return answers[0]

    def new_name(self, kind):
        """
        Return a name not used before.
        """
        self.made += 1
        return f"{kind}-{self.made}"

    def take_letter(self, lease, before=None):
        """
        Take what has waited longest to be told, or of what was stored before an instant the first.
        """
        terms = {"lease": timedelta(seconds=lease), "stored_before": before}
        return self.both(lambda store: store.claim_notification(**terms))

    @rule(
        target=jobs,
        tenant=TENANTS,
        owner=PEOPLE,
        requester=PEOPLE,
        request=REQUESTS,
        key=KEYS,
        delay=st.none() | SECONDS,
        ago=SECONDS,
        paused=st.booleans(),
        tell=st.booleans(),
        tags=TAGS,
        came_back=st.booleans(),
    )
    def add(self, *, tenant, owner, requester, request, key, delay, ago, paused, tell, tags, came_back):
        """
        Somebody asks for an export.
        """
        now = self.clock()
        job = Job(
            id=self.new_name("job"),
            tenant=tenant,
            owner_tag=owner,
            requester_tag=requester,
            capacity="subject",
            request=request,
            sealed=b"\x00\xff",
            wrapped_key=WrappedKey(key_id="k", ciphertext=b"\xff\x00"),
            created_at=now,
            received_at=now - timedelta(seconds=ago),
            due_at=now + timedelta(hours=1),
            paused_at=now if paused else None,
            told=tell,
            not_before=None if delay is None else now + timedelta(seconds=delay),
            datasets=[DatasetProgress(name=name) for name in request.datasets],
        )
        entry = make_entry(f"{job.id}:requested", tenant=tenant)
        known = self.model.erasure_of(tenant, tags)
        past = known.tombstone.receipt if known is not None and came_back else None
        terms = {"tags": tags, "past": past, "idempotency": key, "entries": [entry]}
        letters = [told(tenant, job.id, Occasion.ASKED)] if tell else []
        self.both(lambda store: store.add(job, **terms, notifications=letters))
        return (tenant, job.id)

    @rule(tenant=TENANTS, tags=TAGS, came_back=st.booleans())
    def begin_erasure(self, tenant, tags, came_back):
        """
        Somebody is to be erased, for the first time or not.
        """
        known = self.model.erasure_of(tenant, tags)
        past = known.tombstone.receipt if known is not None and came_back else None
        stone = evolve(make_tombstone(self.new_name("receipt"), *tags, tenant=tenant), at=self.clock())
        draft = Erasure(tombstone=stone, sealed=b"\x00", wrapped_key=WrappedKey(key_id="k", ciphertext=b"\xff"))
        self.both(lambda store: store.begin_erasure(draft, past=past))

    @rule(number=st.integers(1, 9), data=st.data())
    def erase(self, number, data):
        """
        An erasure goes on, is done again, or comes from a log.
        """
        stones = [each.tombstone for each in self.model.erasures()]
        stones.append(evolve(make_tombstone(self.new_name("receipt"), "tag-ann"), at=self.clock()))
        stone = data.draw(st.sampled_from(stones))
        letter = told(stone.tenant, stone.receipt, Occasion.ERASED)
        self.both(lambda store: store.erase(stone, number, [letter]))

    @rule(data=st.data())
    def finish_erasure(self, data):
        """
        All of an erasure is done.
        """
        stones = [each.tombstone for each in self.model.erasures()]
        if stones:
            stone = data.draw(st.sampled_from(stones))
            entry = make_entry(f"{stone.receipt}:erased", tenant=stone.tenant)
            self.both(lambda store: store.finish_erasure(stone.tenant, stone.receipt, [entry]))

    @rule(target=claims, max_attempts=st.integers(1, 3), tenant=st.none() | TENANTS)
    def claim(self, max_attempts, tenant):
        """
        A worker takes what waits.
        """
        claim = self.both(lambda store: store.claim(lease=LEASE, max_attempts=max_attempts, tenant=tenant))
        return multiple() if claim is None else claim

    @rule(target=claims, job=jobs)
    def claim_named(self, job):
        """
        A worker answers the bell for one job.
        """
        claim = self.both(lambda store: store.claim(lease=LEASE, max_attempts=3, tenant=job[0], job_id=job[1]))
        return multiple() if claim is None else claim

    @rule(seconds=SECONDS)
    def time_passes(self, seconds):
        """
        The clock moves.
        """
        self.clock.advance(timedelta(seconds=seconds))

    @rule()
    def the_process_dies(self):
        """
        A process ends, and another opens the same file.
        """
        self.store.close()
        self.store = self.open()

    @rule(claim=claims, seconds=SECONDS)
    def renew(self, claim, seconds):
        """
        A worker renews a claim it has, or had.
        """
        self.both(lambda store: store.renew(claim, timedelta(seconds=seconds)))

    @rule(claim=claims, datasets=PROGRESS)
    def progress(self, claim, datasets):
        """
        A worker reports on a claim it has, or had.
        """
        self.both(lambda store: store.progress(claim, self.clock(), datasets))

    @rule(claim=claims, dataset=st.sampled_from("de"), number=st.integers(0, 2), sealed=st.binary(max_size=3))
    def keep_part(self, claim, dataset, number, sealed):
        """
        A worker keeps a part of a claim it has, or had.
        """
        part = KeptPart(dataset=dataset, number=number, fence=claim.fence, sealed=sealed)
        self.both(lambda store: store.keep_part(claim, self.clock(), part))

    @rule(claim=claims, life=SECONDS, datasets=PROGRESS)
    def complete(self, claim, life, datasets):
        """
        A worker completes a claim it has, or had.
        """
        done = Completion(
            as_of=self.clock(),
            completeness="full",
            datasets=datasets,
            artifact=Artifact(key=f"{claim.job.id}/{claim.fence}", size=1, sha256="0" * 64),
            kept_for=timedelta(seconds=life),
        )
        entry = make_entry(f"{claim.job.id}:completed", tenant=claim.job.tenant)
        letter = told(claim.job.tenant, claim.job.id, Occasion.READY)
        self.both(lambda store: store.complete(claim, done, [entry], [letter]))

    @rule(claim=consumes(claims), delay=st.none() | SECONDS, give_back=st.booleans())
    def release(self, claim, delay, give_back):
        """
        A worker hands back a claim it has, or had.
        """
        not_before = None if delay is None else self.clock() + timedelta(seconds=delay)
        self.both(lambda store: store.release(claim, not_before=not_before, give_back=give_back))

    @rule(
        job=jobs,
        expected=st.sets(st.sampled_from(State)),
        state=st.sampled_from(State),
        fence=st.none() | st.integers(0, 3),
        failure=FAILURES,
    )
    def end_somehow(self, job, expected, state, fence, failure):
        """
        Somebody ends a job, whatever they believe about it.
        """
        entry, letter = make_entry(f"{job[1]}:{state}", tenant=job[0]), told(*job, Occasion.FAILED)
        change = {"expected": expected, "state": state, "fence": fence, "failure": failure}
        self.both(lambda store: store.end(*job, **change, entries=[entry], notifications=[letter]))

    @rule(job=jobs, state=st.sampled_from(sorted(FINAL)))
    def end(self, job, state):
        """
        Somebody ends a job in a way the lifecycle has.
        """
        expected = {before for before in State if state in MOVES[before]}
        self.both(lambda store: store.end(*job, expected=expected, state=state))

    @rule(
        job=jobs,
        expected=st.sets(st.sampled_from(State)),
        late=st.booleans(),
        seconds=SECONDS,
        extended=st.booleans(),
        paused=st.booleans(),
    )
    def reschedule(self, *, job, expected, late, seconds, extended, paused):
        """
        Somebody gives a job another deadline, having seen it as it is, or as it was.
        """
        now = self.clock()
        before = self.model.get(*job)
        if before is None:
            return
        if late:
            before = evolve(before, due_at=before.due_at - timedelta(seconds=1))
        deadline = Deadline(
            due_at=before.due_at + timedelta(seconds=seconds),
            extension=Extension(reason="…", at=now) if extended else None,
            paused_at=now if paused else None,
        )
        entry = make_entry(f"{job[1]}:{now}:{seconds}", tenant=job[0])
        change = {"expected": expected, "entries": [entry], "notifications": [told(*job, Occasion.EXTENDED)]}
        self.both(lambda store: store.reschedule(before, deadline, **change))

    @rule(job=jobs)
    def forget_artifact(self, job):
        """
        A sweeper has deleted an object.
        """
        self.both(lambda store: store.forget_artifact(*job))

    @rule(jobs_ago=SECONDS, keys_ago=SECONDS, limit=st.integers(1, 2))
    def prune(self, jobs_ago, keys_ago, limit):
        """
        A sweeper deletes what is past its period.
        """
        ended_before, keys_before = (self.clock() - timedelta(seconds=ago) for ago in (jobs_ago, keys_ago))
        self.both(lambda store: store.prune(ended_before=ended_before, keys_before=keys_before, limit=limit))

    @rule(job=jobs, seen=st.sampled_from("klm"), anew=st.sampled_from("klm"))
    def rewrap(self, job, seen, anew):
        """
        A sweeper wraps a key anew, having seen it under the key it is under, or under another.
        """
        before = self.model.get(*job)
        if before is not None:
            believed = evolve(before, wrapped_key=WrappedKey(key_id=seen, ciphertext=b"\xff\x00"))
            wrapped = WrappedKey(key_id=anew, ciphertext=b"\xff\x00")
            self.both(lambda store: store.rewrap(believed, wrapped))

    @rule(target=links, job=jobs, life=SECONDS)
    def add_link(self, job, life):
        """
        Somebody asks for a link.
        """
        link = (*job, self.new_name("link"))
        expires_at = self.clock() + timedelta(seconds=life)
        return link if self.both(lambda store: store.add_link(*link, expires_at=expires_at)) else multiple()

    @rule(target=links, job=jobs, life=SECONDS, limit=st.none() | st.integers(1, 2))
    def add_open_link(self, job, life, limit):
        """
        Somebody has a link mailed.
        """
        link = (*job, self.new_name("link"))
        terms = {"expires_at": self.clock() + timedelta(seconds=life), "purpose": Purpose.OPEN, "limit": limit}
        return link if self.both(lambda store: store.add_link(*link, **terms)) else multiple()

    @rule(target=links, opened=links, life=SECONDS)
    def open_link(self, opened, life):
        """
        Somebody presses the button that a link leads to.
        """
        link = (*opened[:2], self.new_name("link"))
        terms = {"expires_at": self.clock() + timedelta(seconds=life), "opened_from": opened[2]}
        self.both(lambda store: store.may_open(*opened))
        return link if self.both(lambda store: store.add_link(*link, **terms)) else multiple()

    @rule(link=links, of=st.sampled_from(["link", "job", "owner", "all"]), owner=PEOPLE)
    def revoke(self, link, of, owner):
        """
        Somebody revokes links.
        """
        tenant, job_id, link_id = link
        which = {
            "link": {"job_id": job_id, "link_id": link_id}, "job": {"job_id": job_id}, "owner": {"owner_tag": owner}
        }.get(of, {})  # fmt: skip
        self.both(lambda store: store.revoke_links(tenant, **which))

    @rule(link=links, session=SECONDS)
    def use_link(self, link, session):
        """
        Somebody uses a link.
        """
        self.both(lambda store: store.use_link(*link, session=timedelta(seconds=session)))

    @rule(limit=st.integers(1, 5))
    def deliver(self, limit):
        """
        A sweeper delivers what waits in the outbox.
        """
        entries = self.both(lambda store: list(store.pending(limit)))
        self.both(lambda store: store.delivered([entry.id for entry in entries]))

    @rule(
        lease=st.sampled_from([0, 60]),
        ago=st.none() | SECONDS,
        many=st.integers(1, 3),
        late=st.integers(0, 2),
        end=st.sampled_from(["told", "postponed", "given back", "crashed"]),
        seconds=st.sampled_from([0, 0.000001, 60]),
    )
    def tell(self, *, lease, ago, many, late, end, seconds):
        """
        Sweepers take what is to be told, or what is too old for it, one after the other; one of them, whose lease
        may be over by then, is done with it, postpones it, gives it back or dies, and another takes what waits.
        """
        before = None if ago is None else self.clock() - timedelta(seconds=ago)
        taken = [self.take_letter(lease, before) for _ in range(many)]
        pending = taken[late % many]
        if pending is not None and end == "told":
            entry = make_entry(f"{pending.id}:notified", tenant=pending.tenant)
            self.both(lambda store: store.notified(pending, [entry]))
        elif pending is not None and end != "crashed":
            until, given_back = self.clock() + timedelta(seconds=seconds), end == "given back"
            self.both(lambda store: store.postpone(pending, until, give_back=given_back))
        self.take_letter(0)

    @rule(tenant=TENANTS, tag=PEOPLE, limit=st.integers(1, 4))
    def list_all(self, tenant, tag, limit):
        """
        Somebody reads their list to its end.
        """
        before = None
        while page := self.both(lambda store, at=before: list(store.list(tenant, tag, limit=limit, before=at))):
            before = (page[-1].created_at, page[-1].id)

    @rule(tenant=TENANTS)
    def look_over(self, tenant):
        """
        An operator asks how things stand.
        """
        self.both(lambda store: store.overview(tenant))

    @invariant()
    def all_is_the_same(self):
        """
        Every job, queue and outbox is the same in both.
        """
        ids = [job_id for _, job_id in self.model._jobs]
        for tenant in ("default", "other"):
            self.both(lambda store, at=tenant: sorted(store.get_many(at, ids), key=lambda job: job.id))
        for tenant, job_id in self.model._jobs:
            self.both(lambda store, job=(tenant, job_id): store.get(*job))
            self.both(lambda store, job=(tenant, job_id): list(store.kept_parts(*job)))
        self.both(lambda store: list(store.waiting()))
        self.both(lambda store: list(store.exhausted(max_attempts=2)))
        self.both(lambda store: list(store.expired()))
        self.both(lambda store: list(store.orphans()))
        self.both(lambda store: list(store.pending()))
        self.both(lambda store: set(store.notification_keys()))
        self.both(lambda store: list(store.erasures()))
        self.both(lambda store: list(store.erasures(unfinished=True)))
        for key_id in "klm":
            self.both(lambda store, key_id=key_id: list(store.wrapped_under(key_id)))


def test_the_store_does_as_its_model():
    """
    Whatever callers, workers, sweepers, crashes and time do, store and model answer alike.
    """
    run_state_machine_as_test(Both, settings=settings(max_examples=15, stateful_step_count=30, deadline=None))


@pytest.mark.promise
@pytest.mark.timeout(600)
def test_a_thousand_interleavings():
    """
    1,000 random interleavings, and not one in which the store does otherwise than its model.
    """
    run_state_machine_as_test(Both, settings=settings(max_examples=1000, stateful_step_count=20, deadline=None))


class _LosesTheFence(SqlJobStore):
    def claim(self, **which):
        claim = super().claim(**which)
        if claim is None:
            return None
        with self._database.writing() as connection:
            job = change_job(connection, claim.job, fence=0, revision=claim.job.revision)
        return Claim(job=job, at=claim.at)


class _Broken(Both):
    def open(self):
        store = _LosesTheFence(f"sqlite:///{Path(self.folder.name) / 'jobs.db'}", clock=self.clock)
        store.create_tables()
        return store


@pytest.mark.promise
def test_a_store_that_loses_the_fence_is_caught():
    """
    The machine finds a store whose fence never rises.
    """
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            _Broken,
            settings=settings(
                max_examples=200,
                stateful_step_count=20,
                deadline=None,
                phases=[Phase.generate],
                derandomize=True,
                database=None,
            ),
        )
