"""
Keys in a file: made once, read by their owner alone, and missed loudly.
"""

import errno
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from streampay_export.errors import InvalidConfiguration, KeysMissing
from streampay_export.keys.derivation import KeyPurpose
from streampay_export.keys.local import LocalKeys
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


@pytest.mark.parametrize("state", ["retired", "revoked"])
def test_the_table_decides_what_older_keys_are_good_for(tmp_path, folder, file, state):
    """
    After a rotation by hand the old keys open and verify while retired, and nothing once revoked.
    """
    before = LocalKeys.load(folder)
    wrapped, ticket = before.provider.wrap(JOB_KEY, b"job"), before.tickets.sign(b"m")
    LocalKeys.init(tmp_path / "new", created_at=NOW)
    new = json.loads((tmp_path / "new" / "keys.json").read_text())

    def rotate(form):
        for row in form["keys"]:
            row["state"] = state
        form["keys"] = new["keys"] + form["keys"]
        form["roots"].update(new["roots"])

    rewrite(file, rotate)
    after = LocalKeys.load(folder)

    retired = state == "retired"
    assert after.tickets.verify(b"m", ticket) is retired
    assert ["current", state] == [key.state for key in after.manifests.public_keys()]
    assert before.manifests.public_keys()[0].raw == after.manifests.public_keys()[1].raw
    if retired:
        assert JOB_KEY == after.provider.unwrap(wrapped, b"job")
    else:
        with pytest.raises(KeysMissing, match=wrapped.key_id):
            after.provider.unwrap(wrapped, b"job")
    assert after.provider.wrap(JOB_KEY, b"job").key_id != wrapped.key_id


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
