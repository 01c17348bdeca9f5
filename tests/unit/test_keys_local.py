"""
Keys in a file: made once, read by their owner alone, and missed loudly.
"""

import errno
import fcntl
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from streampay_export.errors import (
    InvalidConfiguration,
    InvalidRequest,
    KeysMissing,
    StorageUnavailable,
    UnknownName,
)
from streampay_export.keys.derivation import KeyPurpose
from streampay_export.keys.local import LocalKeys
from streampay_export.keys.table import LASTING, ROTATED_BY_DEFAULT, ROTATING
from streampay_export.ports.signing import KeyState
from streampay_export.testing.fakes import SeededRandomness

NOW = datetime(2026, 1, 2, tzinfo=UTC)
JOB_KEY = bytes(32)


@pytest.fixture
def folder(tmp_path):
    """
    A folder with new keys.
    """
    LocalKeys.init(tmp_path / "keys", created_at=NOW)
    return tmp_path / "keys"


@pytest.fixture
def file(folder):
    """
    The one file in it.
    """
    return folder / "keys.json"


def rewrite(file, change):
    """
    Change the key file as an operator or an accident does.
    """
    form = json.loads(file.read_text())
    change(form)
    file.write_text(json.dumps(form))


def test_new_keys_are_one_private_file(folder, file):
    """
    The folder is 0700 and holds one file, 0600, whatever the umask.
    """
    before = os.umask(0)
    try:
        LocalKeys.init(folder.parent / "more" / "keys", created_at=NOW)
    finally:
        os.umask(before)

    for made in (folder, folder.parent / "more" / "keys"):
        assert 0o700 == stat.S_IMODE(made.stat().st_mode)
        assert {"keys.json": 0o600} == {path.name: stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()}


def test_keys_are_described_without_their_secrets(folder, file):
    """
    Each purpose has one current key with an id of its own; no text of a key ring shows a root secret.
    """
    keys = LocalKeys.load(folder)
    rows = keys.describe()
    secrets = json.loads(file.read_text())["roots"].values()

    assert set(KeyPurpose) == {row.purpose for row in rows}
    assert [KeyState.CURRENT] * len(KeyPurpose) == [row.state for row in rows]
    assert len(KeyPurpose) == len({row.key_id for row in rows})
    assert {str(file)} == {row.where for row in rows}
    assert not [secret for secret in secrets if secret in repr(rows) + repr(keys) + repr(vars(keys))]


def test_the_key_encryption_key_can_be_destroyed_alone(file):
    """
    It has a root secret of its own: a version of it goes without taking any other key along.
    """
    rows = json.loads(file.read_text())["keys"]
    roots = {row["purpose"]: row["root"] for row in rows}

    assert 2 == len(set(roots.values()))
    assert ["key-encryption"] == [purpose for purpose, root in roots.items() if root == roots["key-encryption"]]


def test_loaded_keys_are_those_that_were_made(tmp_path):
    """
    After a restart everything opens, verifies and is tagged as before.
    """
    made = LocalKeys.init(tmp_path, created_at=NOW)
    loaded = LocalKeys.load(str(tmp_path))

    assert JOB_KEY == loaded.provider.unwrap(made.provider.wrap(JOB_KEY, b"job"), b"job")
    assert loaded.tickets.verify(b"m", made.tickets.sign(b"m"))
    assert loaded.cursors.verify(b"m", made.cursors.sign(b"m"))
    assert made.manifests.public_keys() == loaded.manifests.public_keys()
    assert made.tagger.owner_tag("default", "alice") == loaded.tagger.owner_tag("default", "alice")
    assert loaded.sealer(JOB_KEY).unseal(made.sealer(JOB_KEY).seal(b"alice")) == b"alice"


def test_keys_that_are_there_are_never_replaced(folder, file):
    """
    A second init refuses and changes nothing.
    """
    before = file.read_bytes()

    with pytest.raises(InvalidConfiguration, match="nothing was changed"):
        LocalKeys.init(folder, created_at=NOW)

    assert {"keys.json": before} == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_planted_link_is_never_written_through(tmp_path):
    """
    A link in place of the key file, also a dangling one, is refused.
    """
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "keys.json").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InvalidConfiguration):
        LocalKeys.init(tmp_path / "keys", created_at=NOW)
    assert not (tmp_path / "elsewhere").exists()


def test_missing_keys_say_where_and_what_to_do(tmp_path):
    """
    The file is named, and so are both ways out.
    """
    with pytest.raises(KeysMissing, match=r"keys\.json.*bring it back.*keys init"):
        LocalKeys.load(tmp_path / "keys")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666, 0o610, 0o601])
def test_a_key_file_that_others_can_read_is_refused(folder, file, mode):
    """
    The error names the chmod that mends it, and the mended file loads.
    """
    file.chmod(mode)
    with pytest.raises(KeysMissing) as refused:
        LocalKeys.load(folder)
    assert f"chmod 600 {file}" in str(refused.value)

    file.chmod(0o600)
    LocalKeys.load(folder)


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_can_write_is_refused(tmp_path, folder, mode):
    """
    Who can replace the file owns the keys: neither loaded nor made there.
    """
    folder.chmod(mode)
    with pytest.raises(KeysMissing, match="chmod 700"):
        LocalKeys.load(folder)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    with pytest.raises(KeysMissing, match="chmod 700"):
        LocalKeys.init(tmp_path / "open", created_at=NOW)
    assert [] == list((tmp_path / "open").iterdir())


def test_a_key_file_may_be_a_link_and_read_only(folder, tmp_path):
    """
    Secrets mounted by an orchestrator are links to files of mode 0400.
    """
    (folder / "keys.json").chmod(0o400)
    (tmp_path / "mounted").mkdir(mode=0o700)
    (tmp_path / "mounted" / "keys.json").symlink_to(folder / "keys.json")

    assert (
        LocalKeys.load(folder).manifests.public_keys()
        == LocalKeys.load(tmp_path / "mounted").manifests.public_keys()
    )


DAMAGE = {
    "another version": lambda form: form.update(version=2),
    "an unknown field": lambda form: form.update(more=1),
    "a missing field": lambda form: form.pop("keys"),
    "an unknown purpose": lambda form: form["keys"][0].update(purpose="none"),
    "an unknown state": lambda form: form["keys"][0].update(state="none"),
    "a time that is none": lambda form: form["keys"][0].update(created_at="yesterday"),
    "a purpose without key": lambda form: form["keys"].pop(),
    "a purpose without current key": lambda form: form["keys"][0].update(state="retired"),
    "two current keys": lambda form: form["keys"].append(form["keys"][0]),
    "a key in two states": lambda form: form["keys"].append({**form["keys"][0], "state": "revoked"}),
    "a root that is not there": lambda form: form["keys"][0].update(root="none"),
    "another key id": lambda form: form["keys"][0].update(key_id="none"),
    "a root cut short": lambda form: form["roots"].update({form["keys"][0]["root"]: "AAAA"}),
    "another root": lambda form: form["roots"].update({form["keys"][0]["root"]: "A" * 43 + "="}),
    "a root that is no base64": lambda form: form["roots"].update({form["keys"][0]["root"]: "*" * 44}),
    "a root that is no text": lambda form: form["roots"].update({form["keys"][0]["root"]: 5}),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_table_is_refused_without_its_secrets(folder, file, change):
    """
    Table and secrets that do not belong together stop every start; no error shows a secret.
    """
    secrets = list(json.loads(file.read_text())["roots"].values())
    rewrite(file, change)

    with pytest.raises(KeysMissing) as refused:
        LocalKeys.load(folder)

    assert not [secret for secret in secrets if secret in str(refused.value)]
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff", b"x" * 3_000_000], ids=lambda text: str(text[:9])
)
def test_a_file_that_is_no_table_is_refused(folder, file, content):
    """
    Empty, broken, binary and endless files are damaged, and said to be.
    """
    file.write_bytes(content)

    with pytest.raises(KeysMissing, match="damaged"):
        LocalKeys.load(folder)


def test_first_use_makes_keys_and_later_use_reads_them(tmp_path):
    """
    The first start makes them, with the randomness given; every later one reads the same.
    """
    made = LocalKeys.load_or_init(tmp_path / "keys", created_at=NOW, first_use=True, randomness=SeededRandomness())
    read = [LocalKeys.load_or_init(tmp_path / "keys", created_at=NOW, first_use=first) for first in (True, False)]
    same = LocalKeys.init(tmp_path / "same", created_at=NOW, randomness=SeededRandomness())

    assert 1 == len({keys.manifests.public_keys() for keys in (made, *read, same)})


def test_keys_lost_after_the_first_use_are_never_made_anew(tmp_path):
    """
    Where jobs exist, new keys would open nothing: the start stops and no file appears.
    """
    with pytest.raises(KeysMissing):
        LocalKeys.load_or_init(tmp_path / "keys", created_at=NOW, first_use=False)

    assert [] == list(tmp_path.iterdir())


def test_damaged_keys_are_not_replaced_at_first_use(folder, file):
    """
    A key file that is there is never written over, however little it holds.
    """
    file.write_bytes(b"")

    with pytest.raises(KeysMissing, match="damaged"):
        LocalKeys.load_or_init(folder, created_at=NOW, first_use=True)


def test_of_many_first_uses_one_makes_the_keys(tmp_path):
    """
    Sixteen starts at once agree on the keys of one, and leave no other file.
    """
    with ThreadPoolExecutor(16) as pool:
        rings = pool.map(
            lambda _: LocalKeys.load_or_init(tmp_path / "keys", created_at=NOW, first_use=True), range(16)
        )

        assert 1 == len({keys.manifests.public_keys() for keys in rings})
    assert ["keys.json"] == [path.name for path in (tmp_path / "keys").iterdir()]


@pytest.mark.parametrize("call", ["os.open", "os.fsync", "os.link"])
def test_a_disk_that_fails_leaves_no_keys(tmp_path, monkeypatch, call):
    """
    Keys that may not be there tomorrow were not made; the next init succeeds.
    """

    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(call, fail)
        with pytest.raises(KeysMissing, match="No space left"):
            LocalKeys.init(tmp_path / "keys", created_at=NOW)

    assert [] == list((tmp_path / "keys").iterdir())
    LocalKeys.init(tmp_path / "keys", created_at=NOW)


def test_a_file_in_place_of_the_folder_is_said(tmp_path):
    """
    It is not taken for keys that are there already.
    """
    (tmp_path / "keys").touch()

    with pytest.raises(KeysMissing, match="Not a directory"):
        LocalKeys.init(tmp_path / "keys", created_at=NOW)
    with pytest.raises(KeysMissing, match="Not a directory"):
        LocalKeys.load(tmp_path / "keys")


# --- rotation


def current(keys, purpose=KeyPurpose.MANIFEST):
    """
    The id of the key in use for a purpose.
    """
    return next(row.key_id for row in keys.describe() if (row.purpose, row.state) == (purpose, "current"))


def states(keys, purpose):
    """
    The states of a purpose's keys, in the table's order.
    """
    return [str(row.state) for row in keys.describe() if row.purpose is purpose]


def test_a_rotation_gives_every_purpose_that_can_a_new_key(folder):
    """
    By default those in daily use: the new key stands before the former one, which is retired; others stay.
    """
    before = LocalKeys.load(folder)
    after = LocalKeys.rotate(folder, created_at=NOW)

    for purpose in KeyPurpose:
        rotated = purpose in ROTATED_BY_DEFAULT
        assert (["current", "retired"] if rotated else ["current"]) == states(after, purpose)
        assert (current(before, purpose) != current(after, purpose)) is rotated
    assert {*ROTATED_BY_DEFAULT, KeyPurpose.CHECKPOINT} == set(ROTATING)
    assert after.describe() == LocalKeys.load(folder).describe()


def test_former_keys_open_and_verify_until_they_are_revoked(folder):
    """
    Retired keys unwrap and verify what they made; once revoked they refuse it, and the new ones go on.
    """
    before = LocalKeys.load(folder)
    wrapped = before.provider.wrap(JOB_KEY, b"job")
    signed = [before.tickets.sign(b"m"), before.cursors.sign(b"m")]
    after = LocalKeys.rotate(folder, created_at=NOW)

    assert JOB_KEY == after.provider.unwrap(wrapped, b"job")
    assert [True, True] == [s.verify(b"m", m) for s, m in zip((after.tickets, after.cursors), signed, strict=True)]
    assert ["current", "retired"] == [key.state for key in after.manifests.public_keys()]
    assert before.manifests.public_keys()[0].raw == after.manifests.public_keys()[1].raw
    assert before.tagger.owner_tag("t", "alice") == after.tagger.owner_tag("t", "alice")
    assert wrapped.key_id != after.provider.wrap(JOB_KEY, b"job").key_id

    revoked = LocalKeys.rotate(folder, revoke=[current(before, p) for p in ROTATED_BY_DEFAULT], created_at=NOW)

    with pytest.raises(KeysMissing, match=wrapped.key_id):
        revoked.provider.unwrap(wrapped, b"job")
    pairs = zip((revoked.tickets, revoked.cursors), signed, strict=True)
    assert [False, False] == [signer.verify(b"m", made) for signer, made in pairs]
    assert ["current", "revoked"] == [key.state for key in revoked.manifests.public_keys()]
    assert revoked.tickets.verify(b"m", after.tickets.sign(b"m"))
    assert [current(after, p) for p in KeyPurpose] == [current(revoked, p) for p in KeyPurpose]


def test_many_rotations_lose_no_key(folder, file):
    """
    Whatever was wrapped under any earlier key still opens; newest keys stand first, revoked ones last.
    """
    rings = [LocalKeys.load(folder), *(LocalKeys.rotate(folder, created_at=NOW) for _ in range(4))]
    last = LocalKeys.rotate(folder, revoke=[current(rings[2])], created_at=NOW)

    for ring in rings:
        assert JOB_KEY == last.provider.unwrap(ring.provider.wrap(JOB_KEY, b"job"), b"job")
    expected = [current(rings[each]) for each in (4, 3, 1, 0, 2)]
    assert expected == [key.key_id for key in last.manifests.public_keys()]
    assert ["keys.json"] == [path.name for path in folder.iterdir()]
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)


def test_a_current_key_is_revoked_together_with_its_rotation(folder):
    """
    Named without a purpose, its own alone is rotated; the key is revoked, never merely retired.
    """
    before = LocalKeys.load(folder)
    after = LocalKeys.rotate(folder, revoke=[current(before)], created_at=NOW)

    assert ["current", "revoked"] == states(after, KeyPurpose.MANIFEST)
    assert ["current"] == states(after, KeyPurpose.TICKET)


def test_new_keys_come_from_the_randomness_given(tmp_path):
    """
    A rotation draws fresh roots: one for wrapping, one for all else; drawing an old one again is refused.
    """
    twins = [tmp_path / "one", tmp_path / "two"]
    for twin in twins:
        LocalKeys.init(twin, created_at=NOW, randomness=SeededRandomness("one"))
    one, two = (LocalKeys.rotate(twin, created_at=NOW, randomness=SeededRandomness("two")) for twin in twins)

    assert one.manifests.public_keys() == two.manifests.public_keys()
    assert 4 == len(json.loads((twins[0] / "keys.json").read_text())["roots"])
    with pytest.raises(KeysMissing, match="listed twice"):
        LocalKeys.rotate(twins[0], created_at=NOW, randomness=SeededRandomness("one"))


WRONG = {
    **{
        f"the {purpose} key": ({"purposes": [KeyPurpose.TICKET, purpose]}, InvalidRequest, why)
        for purpose, why in LASTING.items()
    },
    "an unknown key": ({"revoke": ["nokey"]}, UnknownName, "there is no key 'nokey'"),
    "a current key alone": (
        {"revoke": ["CURRENT"], "purposes": [KeyPurpose.TICKET]},
        InvalidRequest,
        "rotate the purpose manifest in the same step",
    ),
}


@pytest.mark.parametrize(("asked", "kind", "problem"), WRONG.values(), ids=WRONG)
def test_a_rotation_that_would_lose_something_is_refused(folder, file, asked, kind, problem):
    """
    The error says why, and nothing is changed.
    """
    before = file.read_bytes()
    revoke = [current(LocalKeys.load(folder)) if each == "CURRENT" else each for each in asked.get("revoke", ())]

    with pytest.raises(kind, match=problem):
        LocalKeys.rotate(folder, **{**asked, "revoke": revoke}, created_at=NOW)

    assert {"keys.json": before} == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_lasting_key_in_use_is_not_revoked_either(folder, file):
    """
    Revoking it would need a new one in its place, which cannot find what the old one stored.
    """
    before = file.read_bytes()

    with pytest.raises(InvalidRequest, match="nobody would find the exports they have"):
        LocalKeys.rotate(folder, revoke=[current(LocalKeys.load(folder), KeyPurpose.OWNER_TAG)], created_at=NOW)

    assert before == file.read_bytes()


ROTATE = """
import sys
from datetime import UTC, datetime, timedelta
from streampay_export.keys.local import LocalKeys
for _ in range(3):
    LocalKeys.rotate(sys.argv[1], created_at=datetime(2026, 1, 2, tzinfo=UTC))
"""


def test_of_rotations_at_once_none_is_lost(folder):
    """
    Threads and processes rotate together: every key ever made is still in the table, one of them current.
    """
    first = LocalKeys.load(folder)
    others = [subprocess.Popen([sys.executable, "-c", ROTATE, folder]) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        rings = list(pool.map(lambda _: LocalKeys.rotate(folder, created_at=NOW), range(8)))
    assert [0, 0] == [other.wait() for other in others]

    last = LocalKeys.load(folder)
    assert ["current", *["retired"] * 14] == states(last, KeyPurpose.TICKET)
    assert {key.key_id for ring in (first, *rings) for key in ring.describe()} <= {
        key.key_id for key in last.describe()
    }
    assert ["keys.json"] == [path.name for path in folder.iterdir()]


def test_a_folder_that_others_hold_is_waited_for_and_then_given_up(folder, file, monkeypatch):
    """
    The wait is bounded, and says so.
    """
    before = file.read_bytes()
    monkeypatch.setattr("streampay_export.keys.key_file.LONGEST_WAIT", 0.03)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StorageUnavailable, match=r"held the keys for 0\.03 s"):
            LocalKeys.rotate(folder, created_at=NOW)
    finally:
        os.close(held)

    assert before == file.read_bytes()
    LocalKeys.rotate(folder, created_at=NOW)


@pytest.mark.parametrize("call", ["os.open", "os.fsync", "os.replace"])
def test_a_disk_that_fails_leaves_the_keys_as_they_were(folder, file, monkeypatch, call):
    """
    A rotation that cannot be written whole is none; the next one succeeds.
    """
    before = file.read_bytes()

    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(call, fail)
        with pytest.raises(KeysMissing, match="No space left"):
            LocalKeys.rotate(folder, created_at=NOW)

    assert {"keys.json": before} == {path.name: path.read_bytes() for path in folder.iterdir()}
    LocalKeys.rotate(folder, created_at=NOW)


def test_keys_that_are_missing_linked_or_full_are_not_rotated(folder, file, tmp_path, monkeypatch):
    """
    Each says what is wrong; a link is not replaced by a file, and no table grows beyond what is read back.
    """
    before = file.read_bytes()
    with pytest.raises(KeysMissing, match="bring it back"):
        LocalKeys.rotate(tmp_path / "nowhere", created_at=NOW)

    (tmp_path / "mounted").mkdir(mode=0o700)
    (tmp_path / "mounted" / "keys.json").symlink_to(file)
    with pytest.raises(KeysMissing, match="where the file itself is"):
        LocalKeys.rotate(tmp_path / "mounted", created_at=NOW)

    monkeypatch.setattr("streampay_export.keys.key_file.LARGEST_FILE", len(before) + 1)
    with pytest.raises(KeysMissing, match="is full"):
        LocalKeys.rotate(folder, created_at=NOW)
    assert before == file.read_bytes()


def test_a_process_sees_the_version_that_another_made(folder):
    """
    What one process wraps under a new version every other unwraps, and wraps under too, without a restart.
    """
    web, worker = LocalKeys.load(folder), LocalKeys.load(folder)
    before = web.provider.wrap(JOB_KEY, b"job")
    assert worker.versions.renew(NOW + timedelta(days=1))
    after = worker.provider.wrap(JOB_KEY, b"job")

    assert before.key_id != after.key_id == web.provider.wrap(JOB_KEY, b"job").key_id
    assert [JOB_KEY, JOB_KEY] == [web.provider.unwrap(each, b"job") for each in (before, after)]


def test_a_destroyed_version_is_in_no_file(folder, file):
    """
    Neither the table nor the file it replaced holds the root of a destroyed version; other roots stay.
    """
    keys = LocalKeys.load(folder)
    table = json.loads(file.read_text())
    (row,) = (row for row in table["keys"] if row["purpose"] == "key-encryption")
    root, (other,) = table["roots"].pop(row["root"]), table["roots"].values()
    keys.versions.renew(NOW + timedelta(days=1))
    with file.open("rb") as former:
        keys.versions.destroy(row["key_id"])
        wiped = former.read()
    left = b"".join(path.read_bytes() for path in folder.iterdir())

    assert root.encode() not in left
    assert other.encode() in left
    assert not wiped.strip(b"\0")
    assert 0o600 == file.stat().st_mode & 0o777


def test_of_renewals_at_once_one_makes_the_version(folder, file):
    """
    However many sweepers find the version a day old, there is one new one.
    """
    rings = [LocalKeys.load(folder) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda keys: keys.versions.renew(NOW + timedelta(days=1)), rings))

    assert 1 == sum(made)
    assert 1 == len(rings[0].versions.retired())


def test_keys_in_use_outlive_their_file(folder, file):
    """
    A process whose key file is taken away goes on with what it has read; it makes no new version of it.
    """
    keys = LocalKeys.load(folder)
    wrapped = keys.provider.wrap(JOB_KEY, b"job")
    file.unlink()

    assert JOB_KEY == keys.provider.unwrap(wrapped, b"job")
    with pytest.raises(KeysMissing):
        keys.versions.renew(NOW + timedelta(days=1))


def test_a_file_replaced_while_it_is_read_is_read_again(folder, file, monkeypatch):
    """
    What was opened may be wiped already: what counts is the file that is there now.
    """
    keys = LocalKeys.load(folder)
    checked = []

    def rotate_meanwhile(path, *rest):
        checked.append(path)
        if len(checked) == 1:
            keys.versions.renew(NOW + timedelta(days=1))

    monkeypatch.setattr("streampay_export.keys.key_file._check_mode", rotate_meanwhile)
    read = LocalKeys.load(folder)

    assert JOB_KEY == read.provider.unwrap(keys.provider.wrap(JOB_KEY, b"job"), b"job")
    assert len(checked) > 2


def test_keys_that_cannot_be_changed_have_no_versions(folder, tmp_path):
    """
    A key file that is a link to elsewhere is whoever's to renew that put it there.
    """
    linked = tmp_path / "linked"
    linked.mkdir(mode=0o700)
    (linked / "keys.json").symlink_to(folder / "keys.json")

    assert LocalKeys.load(linked).versions is None
    assert LocalKeys.load(folder).versions is not None


def test_a_copy_by_another_name_is_not_wiped(folder, file):
    """
    A hard link to the key file keeps what it held, and a read-only file is replaced all the same.
    """
    copy = folder.parent / "copy.json"
    copy.hardlink_to(file)
    file.chmod(0o400)
    before = copy.read_bytes()

    assert LocalKeys.load(folder).versions.renew(NOW + timedelta(days=1))
    assert before == copy.read_bytes() != file.read_bytes()
