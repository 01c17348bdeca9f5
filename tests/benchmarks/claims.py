"""
Claims: how many jobs a second some processes take from one store, each job once.
"""

import json
import subprocess
import sys
import time
from datetime import timedelta

from streampay_export.jobs.sql import SqlJobStore
from streampay_export.testing.contracts.jobs import make_job

LEASE = timedelta(minutes=5)
# Longer than Python takes to start eight times.
HEAD_START = 5.0


def claim_all(url: str, begin: float) -> dict[str, float]:
    """
    From an instant on, claim until nothing waits; return how many, and when the last was had.
    """
    store = SqlJobStore(url)
    store.now()
    time.sleep(max(begin - time.time(), 0))
    count, last = 0, begin
    while store.claim(lease=LEASE, max_attempts=1):
        count, last = count + 1, time.time()
    store.close()
    return {"count": count, "last": last}


def claims(url: str, processes: int, jobs: int) -> float:
    """
    Queue that many jobs and return how many claims a second that many processes make.
    """
    store = SqlJobStore(url)
    store.create_tables()
    for number in range(jobs):
        store.add(make_job(store, f"job-{number}", owner=str(number)))
    store.close()
    begin = time.time() + HEAD_START
    command = [sys.executable, "-m", "tests.benchmarks.child", "claim", url, str(begin)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    answers = [process.communicate()[0] for process in started]
    found = [json.loads(answer) for answer in answers]
    assert jobs == sum(each["count"] for each in found)
    return float(jobs / (max(each["last"] for each in found) - begin))
