"""
What reading one dataset of one job needs, made ready once: its cut, its query, its encoders.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import frozen

from ._core.catalog import Dataset
from ._core.closed_part import fingerprint
from ._core.cut import Cut, compile_cut
from ._core.job import Job
from ._core.pager import owner_values
from ._core.party import Subject
from ._core.policy import Policy
from ._core.selection import Query
from .ports.keys import Sealer
from .ports.writer import Encoder
from .wiring import Wiring


@frozen(kw_only=True)
class Prepared:
    """
    One dataset of one job, ready to be read. *fingerprint* tells it from the same dataset cut otherwise.
    """

    dataset: Dataset
    policy: Policy
    cut: Cut
    query: Query
    encoders: Mapping[str, Encoder]
    fingerprint: str


def prepare(
    wiring: Wiring, job: Job, dataset: Dataset, *, sealer: Sealer, subject: Subject, as_of: datetime
) -> Prepared:
    """
    Compile the policy for the dataset, and the writers for what it leaves.
    """
    policy = wiring.policies.profile(job.request.profile)
    cut = compile_cut(
        dataset,
        policy,
        timezone=wiring.catalog.timezone,
        pseudonym_key=sealer.pseudonym_key(),
        owners=owner_values(subject),
    )
    return Prepared(
        dataset=dataset,
        policy=policy,
        cut=cut,
        query=Query(selection=cut.selection, subject=subject, as_of=as_of, window=job.request.window),
        encoders={name: wiring.writers[name].encoder(dataset, cut.fields) for name in job.request.formats},
        fingerprint=fingerprint(dataset, policy, wiring.catalog.timezone),
    )
