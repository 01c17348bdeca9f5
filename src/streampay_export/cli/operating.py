"""
`worker`, `sweep` and `verify`: what operators and receivers run.
"""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from types import FrameType

from attrs import asdict

from ..errors import Interrupted, InvalidRequest
from ..verify import read_public_keys, verify_bundle
from ..verify.__main__ import summary
from ..worker import Worker
from .deployment import deployment
from .outcome import CTRL_C, DONE, NO, OUTSIDE, print_json
from .terminal import log_to_terminal, say


def work(config: Path, *, once: bool) -> int:
    """
    Work off jobs until told to stop, or with *once* until none waits; return the exit code.
    """
    log_to_terminal(logging.WARNING)
    with deployment(config) as opened:
        interrupted: list[int] = []

        def stop(number: int, _: FrameType | None) -> None:
            interrupted.append(number)
            opened.worker.stop.set()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            if once:
                _work_off(opened.worker)
            else:
                say("working; Ctrl-C or SIGTERM ends it after the page at hand")
                opened.worker.run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if interrupted:
        say("stopped; what was at hand waits in the queue, and the next worker takes it up")
    return CTRL_C if signal.SIGINT in interrupted else DONE


def _work_off(worker: Worker) -> None:
    try:
        while not worker.stop.is_set():
            job = worker.work()
            if job is None:
                return
            print(f"export {job.id}: {job.state}", flush=True)
    except Interrupted:
        return


def sweep(config: Path, *, brief: bool, as_json: bool) -> int:
    """
    Put right what nobody else will, once; exit code 3 where something has to wait for the next time.
    """
    log_to_terminal(logging.WARNING)
    with deployment(config) as opened:
        swept = asdict(opened.sweeper.sweep(tidy=not brief))
    if as_json:
        print_json(swept)
    else:
        print(", ".join(f"{name} {count}" for name, count in swept.items()))
    return OUTSIDE if swept["failures"] else DONE


def verify(bundle: Path, public_key: Path | None, *, integrity_only: bool, as_json: bool) -> int:
    """
    Check a bundle and return the exit code: without a key the signer is unknown, which is a no.
    """
    if public_key is not None and integrity_only:
        raise InvalidRequest("integrity-only", "give either --public-key FILE or --integrity-only, not both")
    verdict = verify_bundle(bundle, read_public_keys(public_key) if public_key is not None else ())
    if as_json:
        manifest = verdict.manifest
        print_json(
            {
                "intact": True,
                "signer": verdict.signer,
                "job": manifest.job,
                "completeness": manifest.completeness,
                "datasets": {
                    each.name: {"expected": each.expected, "written": each.written} for each in manifest.datasets
                },
            }
        )
    else:
        print(summary(verdict))
    return DONE if verdict.signer or integrity_only else NO
