"""
`bulk`: every subject of a list or query as one run, in one folder.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from attrs import frozen

from .._core.bulk import SUBJECTS_FILE, BulkTerms
from .._core.party import Subject
from ..bulk.journal import JOURNAL_FILE, Journal
from ..bulk.manifest import MANIFEST_FILE, SubjectLines, bulk_manifest
from ..bulk.run import BulkRun
from ..bulk.subjects import SubjectList, subjects_of_lines, subjects_of_rows
from ..configuration import Configuration, read_configuration
from ..embedded import Embedded
from ..errors import InvalidRequest, quoted_path
from ..requesting import resolve_request
from ..sources.sqlalchemy_query import query_rows
from ..stage import Stage
from .bulk_progress import shown
from .deployment import open_deployment, operator, source_of
from .exporting import stopping
from .handover import leave
from .outcome import DONE, NO, print_json

_RATE = re.compile(r"([1-9][0-9]{0,5})/min\Z")


@frozen(kw_only=True)
class Asked:
    """
    What the flags of `bulk` ask for, as they are.
    """

    subjects: str | None
    query: str | None
    basis: str
    profile: str
    formats: Sequence[str] | None
    datasets: Sequence[str] | None
    rate: str | None

    @property
    def pace(self) -> timedelta:
        """
        The least time between the beginnings of two exports. Raises `InvalidRequest`.
        """
        if self.rate is None:
            return timedelta(0)
        found = _RATE.match(self.rate)
        if found is None:
            raise InvalidRequest("rate", "a whole number of exports a minute is expected, such as 30/min")
        return timedelta(minutes=1) / int(found[1])


def bulk(config: Path, asked: Asked, out: Path, *, resume: bool, as_json: bool) -> int:
    """
    Run to the end and leave bundles and manifest in *out*; exit code 1 where a subject has no bundle.
    """
    if (asked.subjects is None) == (asked.query is None):
        raise InvalidRequest("subjects", "say whom: either --subjects FILE (or -) or --query SQL")
    pace = asked.pace
    configuration = read_configuration(config)
    with ExitStack() as stack:
        source = stack.enter_context(source_of(configuration))
        opened = stack.enter_context(open_deployment(configuration, source))
        terms = _terms(opened, asked)
        stage = stack.enter_context(Stage(opened.wiring.stage_folder))
        subjects = SubjectList(stack.enter_context(_subjects(configuration, asked)), stage)
        folder = _folder(out, resume=resume)
        journal = stack.enter_context(Journal(folder, terms))
        if differing := terms.differing(journal.terms):
            problem = f"the run in {quoted_path(folder)} has other {differing}; give the same, or another --out"
            raise InvalidRequest("resume", problem)
        with shown(len(subjects), quiet=as_json) as tell:
            run = BulkRun(
                wiring=opened.wiring,
                actor=operator(),
                journal=journal,
                deliver=lambda download: leave(download.read(), folder, download.file_name),
                tell=tell,
                pace=pace,
            )
            with stopping(run.stop):
                run.run(subjects)
        return _finish(opened, journal, folder, as_json=as_json)


def _terms(opened: Embedded, asked: Asked) -> BulkTerms:
    w = opened.wiring
    request = resolve_request(
        w, formats=asked.formats, datasets=asked.datasets, profile=asked.profile, window=None, as_of=None
    )
    return BulkTerms(
        run_id=w.make_id(),
        begun_at=w.jobs.now(),
        basis=asked.basis,
        profile=request.profile,
        formats=request.formats,
        datasets=request.datasets,
    )


@contextmanager
def _subjects(configuration: Configuration, asked: Asked) -> Iterator[Iterator[Subject]]:
    if asked.query is not None:
        yield subjects_of_rows(query_rows(configuration.source_url, asked.query))
    elif asked.subjects == "-":
        yield subjects_of_lines(sys.stdin)
    else:
        path = Path(asked.subjects or "")
        try:
            lines = path.open(encoding="utf-8")
        except OSError:
            raise InvalidRequest("subjects", f"no list can be read at {quoted_path(path)}") from None
        with lines:
            yield subjects_of_lines(lines)


def _folder(out: Path, *, resume: bool) -> Path:
    folder = out.absolute()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        begun = (folder / JOURNAL_FILE).exists()
    except OSError:
        problem = f"{quoted_path(folder)} is no folder and cannot be made one; give a folder in one that is there"
        raise InvalidRequest("out", problem) from None
    if begun and not resume:
        raise InvalidRequest("out", f"there is a run in {quoted_path(folder)}; --resume goes on with it")
    return folder


def _finish(opened: Embedded, journal: Journal, folder: Path, *, as_json: bool) -> int:
    lines = SubjectLines(journal)
    leave(lines, folder, SUBJECTS_FILE)
    w = opened.wiring
    manifest = bulk_manifest(journal, lines.digest, w.jobs.now(), w.manifests)
    path = leave([manifest], folder, MANIFEST_FILE)
    failures = dict(journal.counts())
    done = failures.pop("", 0)
    total = done + sum(failures.values())
    if as_json:
        form = {"run": journal.terms.run_id, "subjects": total, "done": done, "failures": failures}
        print_json({**form, "manifest": str(path)})
    else:
        print(f"run {journal.terms.run_id}: {done:,} of {total:,} subjects exported")
        for slug, count in failures.items():
            print(f"  {count:,} not: {slug}")
        print(f"manifest: {path}")
    return NO if failures else DONE
