"""
`keys`: making, listing and rotating a deployment's keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from .._core.signature import KeyState
from .._core.trail import Event
from ..configuration import read_configuration
from ..embedded import Places, open_trail
from ..errors import InvalidRequest, UnknownName
from ..jobs.sql import SqlJobStore
from ..keys.derivation import KeyPurpose
from ..keys.local import LocalKeys
from ..keys.ring import KeyDescription, KeyRing
from ..keys.table import ROTATING
from ..recording import Recorder
from .deployment import operator
from .outcome import print_json
from .public_keys import leave_public_key

_EVENTS = {KeyState.CURRENT: Event.KEYS_ROTATED, KeyState.REVOKED: Event.REVOKED}


def init(config: Path | None, path: Path | None) -> None:
    """
    Make keys where there are none, and leave the public one beside them.
    """
    folder = _folder(config, path)
    ring = LocalKeys.init(folder, created_at=datetime.now(UTC))
    public = leave_public_key(folder, ring.manifests.public_keys()[0])
    print(f"keys: {folder}: keep a copy apart from database and storage")
    print(f"public key, for verify --public-key: {public}")


def show(config: Path | None, path: Path | None, *, public: bool, as_json: bool) -> None:
    """
    Print what keys there are, without anything secret; *public*: the verification keys themselves.
    """
    ring = LocalKeys.load(_folder(config, path))
    if public:
        from ..http.representations import keys_form

        print_json(keys_form(ring.manifests.public_keys()))
    elif as_json:
        print_json({"keys": [_form(each) for each in ring.describe()]})
    else:
        for each in ring.describe():
            print(f"{each.purpose:16}  {each.key_id}  {each.state:8}  {each.where}")


def rotate(
    config: Path | None, path: Path | None, purposes: Sequence[str], revoke: Sequence[str], *, as_json: bool
) -> None:
    """
    Make new keys, retire or revoke former ones, renew the public one beside them, and say what is next.
    """
    folder = _folder(config, path)
    asked = [_purpose(each) for each in purposes] or None
    before = {each.key_id: each.state for each in LocalKeys.load(folder).describe()}
    ring = LocalKeys.rotate(folder, purposes=asked, revoke=revoke, created_at=datetime.now(UTC))
    public = _renew_public_key(folder, ring)
    changed = [each for each in ring.describe() if before.get(each.key_id) != each.state]
    if as_json:
        print_json({"keys": [_form(each) for each in changed], "public_key": str(public)})
    else:
        _tell(changed, folder, public)
    if config is not None:
        _record(read_configuration(config).places, ring, changed)


def _tell(changed: Sequence[KeyDescription], folder: Path, public: Path) -> None:
    for each in changed:
        print(f"{each.purpose:16}  {each.key_id}  now {each.state}")
    print(f"keys: {folder}: renew the copy you keep apart")
    print("running processes keep the former keys: restart the workers, then the others")
    if KeyPurpose.MANIFEST in {each.purpose for each in changed}:
        print(f"public key, for verify --public-key: {public}")
        print("publish all of them, for older bundles too: streampay-export keys list --public")


def _record(places: Places, ring: KeyRing, changed: Sequence[KeyDescription]) -> None:
    """
    Record new and revoked keys in the audit trail; should it be down, the sweeper brings it there later.
    """
    jobs = SqlJobStore(places.jobs, make_folder=True)
    trail = open_trail(places, ring, make=True)
    try:
        jobs.create_tables()
        recorder = Recorder(trail, jobs, ring.tagger)
        for each in changed:
            event = _EVENTS.get(each.state)
            if event is not None:
                facts = {"purpose": str(each.purpose), "key": each.key_id}
                entry_id = f"{each.key_id}:{event}"
                recorder.happened(recorder.by_actor(event, entry_id, operator(), "", "", jobs.now(), **facts))
    finally:
        trail.close()
        jobs.close()


def _renew_public_key(folder: Path, ring: LocalKeys) -> Path:
    current = ring.manifests.public_keys()[0]
    public = leave_public_key(folder, current)
    # Another rotation may have come between the two files; whoever writes the second one last looks again.
    while current != (now := LocalKeys.load(folder).manifests.public_keys()[0]):
        current = now
        leave_public_key(folder, current)
    return public


def _purpose(name: str) -> KeyPurpose:
    try:
        return KeyPurpose(name)
    except ValueError:
        raise UnknownName.of("purpose", name, ROTATING) from None


def _form(key: KeyDescription) -> dict[str, str]:
    return {"purpose": str(key.purpose), "key_id": key.key_id, "state": str(key.state), "where": key.where}


def _folder(config: Path | None, path: Path | None) -> Path:
    if (config is None) == (path is None):
        raise InvalidRequest("config", "give either --config FILE or --path FOLDER")
    return path.absolute() if path is not None else read_configuration(config or Path()).places.keys
