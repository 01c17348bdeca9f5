"""
A process of its own for the tests beside it: `python job_worker.py WHAT WHERE NAME COUNT`.

Prints a line for each thing done, once it is done.
"""

import sys
from datetime import timedelta

from streampay_export.audit.jsonl import JsonLinesAudit
from streampay_export.audit.sql import SqlAudit
from streampay_export.jobs.sql import SqlJobStore
from streampay_export.testing.contracts.audit import TEST_CHAIN
from streampay_export.testing.contracts.jobs import completion, make_job
from streampay_export.testing.contracts.outbox import make_entry


def claim(where, name, count):
    """
    Work off jobs until none waits.
    """
    store = SqlJobStore(where)
    while held := store.claim(lease=timedelta(seconds=60), max_attempts=5):
        store.renew(held, timedelta(seconds=60))
        store.complete(held, completion(store), [make_entry(f"{held.job.id}:completed")])
        print(held.job.id, flush=True)


def add(where, name, count):
    """
    Ask for the same export again and again.
    """
    store = SqlJobStore(where)
    for n in range(count):
        print(store.add(make_job(store, f"{name}-{n}")).job.id, flush=True)


def append(where, name, count):
    """
    Append entries of one's own, and such as others append too.
    """
    sink = SqlAudit(where, chain=TEST_CHAIN) if "://" in where else JsonLinesAudit(where, chain=TEST_CHAIN)
    for n in range(count):
        for entry_id in (f"shared-{n}", f"{name}-{n}"):
            sink.append(make_entry(entry_id))
            print(entry_id, flush=True)


if __name__ == "__main__":
    {"claim": claim, "add": add, "append": append}[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]))
