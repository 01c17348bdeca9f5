import errno
import hashlib
import io
import json
import random
import zipfile
import zlib
from pathlib import Path

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.bundles import MISSING, OTHER_SIGNER, SIGNER, key_form, payout, save, small_bundle
from tests.forgeries import TIME, files_of, sealed, zipped

from streampay_export._core.dsse import (
    IN_TOTO,
    Envelope,
    pre_authentication_encoding,
    read_envelope,
    spell_envelope,
)
from streampay_export._core.encrypted_file import FileHeader
from streampay_export._core.layout import (
    CENTRAL_ENTRY,
    MANIFEST,
    SUMS,
    Entry,
    directory,
)
from streampay_export._core.manifest import Digest
from streampay_export._core.signature import KeyState
from streampay_export.errors import BundleRefused, InvalidConfiguration, InvalidRequest, StorageUnavailable
from streampay_export.stage import BLOCK
from streampay_export.verify import read_public_keys, verify_bundle
from streampay_export.verify.__main__ import main

KEYS = SIGNER.public_keys()
BUNDLE = small_bundle()
SMALL = small_bundle(formats=("csv",))


@pytest.fixture
def verify(tmp_path):
    """
    Verifies bytes as a file, with the right key unless told otherwise.
    """

    def verify(data, keys=KEYS):
        path = tmp_path / "bundle.zip"
        path.write_bytes(data)
        return verify_bundle(path, keys)

    return verify


def test_a_bundle_is_intact_and_signed(verify):
    """
    The verdict has the signer's key id, the manifest, and the rows.
    """
    verdict = verify(BUNDLE)
    assert verdict.signer == KEYS[0].key_id
    assert verdict.rows == 3
    assert [each.name for each in verdict.manifest.datasets] == ["account", "payouts"]


def test_without_a_key_a_bundle_has_no_signer(verify):
    """
    Integrity alone says nothing of who signed.
    """
    assert verify(BUNDLE, ()).signer is None


def test_an_empty_history_is_intact(verify):
    """
    A bundle without a row verifies like any other.
    """
    assert verify(small_bundle([])).rows == 0


def test_many_blocks_and_parts_are_intact(verify):
    """
    Files of several blocks in several parts verify.
    """
    assert verify(small_bundle([payout(n, "m" * 500) for n in range(1500)], part=400, page=90)).rows == 1500


def test_our_tests_can_make_a_bundle_by_hand(verify):
    """
    Taking a bundle apart and sealing it again gives the same bytes: what is refused below is the change.
    """
    assert sealed(files_of(BUNDLE)) == BUNDLE


# --- one byte


def _structure(data):
    """
    The places of all headers: whatever is not a file's packed bytes.
    """
    opened = zipfile.ZipFile(io.BytesIO(data))
    packed = set()
    for entry in opened.infolist():
        start = entry.header_offset + 30 + len(entry.filename)
        packed |= set(range(start, start + entry.compress_size))
    return sorted(set(range(len(data))) - packed), sorted(packed)


def test_one_changed_byte_anywhere_is_refused(verify):
    """
    Every byte of every header, and a sample of all others: one flipped bit is named, with and without a key.
    """
    headers, packed = _structure(SMALL)
    assert len(headers) > 700
    for place in headers + random.Random(5).sample(packed, 400):
        changed = bytearray(SMALL)
        changed[place] ^= 1 << (place % 8)
        with pytest.raises(BundleRefused):
            verify(bytes(changed), ())


@pytest.mark.promise
@pytest.mark.timeout(300)
def test_every_byte_counts(verify):
    """
    A bit of each byte of a whole bundle, flipped by itself, is refused.
    """
    for place in range(len(SMALL)):
        changed = bytearray(SMALL)
        changed[place] ^= 1 << (place % 8)
        with pytest.raises(BundleRefused):
            verify(bytes(changed), ())


# --- files


def _without(files, name):
    return {each: data for each, data in files.items() if each != name}


def _swapped(files, one, other):
    return {**files, one: files[other], other: files[one]}


FILES = files_of(BUNDLE)
ROWLESS = FILES["data/payouts.csv"].rpartition(b"\r\n3,")[0] + b"\r\n"
SAME_SIZE = FILES["data/payouts.csv"].replace(b"rent", b"vent")
TAMPERED = {
    "a dropped row": ({**FILES, "data/payouts.csv": ROWLESS}, "data/payouts.csv", "unpack to"),
    "a changed word": ({**FILES, "data/payouts.csv": SAME_SIZE}, "data/payouts.csv", "digest"),
    "a changed document": ({**FILES, "README.txt": b"?" * len(FILES["README.txt"])}, "README.txt", "digest"),
    "two files swapped": (
        _swapped(FILES, "data/account.json", "data/account.csv"),
        "data/account.csv",
        "unpack to",
    ),
    "a file added": ({"data/more.csv": b"x\r\n", **FILES}, "data/more.csv", "does not speak of it"),
    "a file missing": (_without(FILES, "data/payouts.json"), "data/payouts.json", "missing"),
    "no manifest": (_without(FILES, MANIFEST), MANIFEST, "missing"),
    "no sums": (_without(FILES, SUMS), SUMS, "missing"),
    "other sums": ({**FILES, SUMS: FILES[SUMS].replace(b"a", b"b", 1)}, SUMS, "does not list"),
    "another order": (dict(reversed(FILES.items())), SUMS, "stands where"),
    "a manifest that is none": ({**FILES, MANIFEST: b"{}"}, MANIFEST, "envelope"),
}


@pytest.mark.parametrize(("files", "member", "problem"), TAMPERED.values(), ids=TAMPERED)
def test_what_differs_from_the_manifest_is_named(verify, files, member, problem):
    """
    The first file that is not as signed is named, and what is wrong with it.
    """
    with pytest.raises(BundleRefused, match=problem) as caught:
        verify(zipped(files.items()))
    assert caught.value.member == member


@pytest.mark.parametrize("format_", ["csv", "ndjson", "json"])
def test_rows_are_counted(verify, format_):
    """
    A file that is not as long as the manifest says is refused, even when its digest is right.
    """
    path = f"data/payouts.{format_}"
    lines = FILES[path].splitlines(keepends=True)
    fewer = b"".join(lines[:1] + lines[2:]) if format_ != "ndjson" else b"".join(lines[1:])
    with pytest.raises(BundleRefused, match="rows where the manifest says 3") as caught:
        verify(sealed({**FILES, path: fewer}))
    assert caught.value.member == path


def _first_part(manifest, **changes):
    account, payouts = manifest.datasets
    part = evolve(payouts.parts[0], **changes)
    return evolve(manifest, datasets=(account, evolve(payouts, parts=(part, *payouts.parts[1:]))))


INCONSISTENT = {
    "rows of a part": lambda m: _first_part(m, rows=2),
    "number of a part": lambda m: _first_part(m, number=1),
    "totals of a part": lambda m: _first_part(m, figures=evolve(m.datasets[1].parts[0].figures, totals={})),
    "first key of a part": lambda m: _first_part(m, figures=evolve(m.datasets[1].parts[0].figures, first=("0",))),
    "partial with nothing missing": lambda m: evolve(m, completeness="partial"),
    "missing something, yet full": lambda m: evolve(m, missing=(MISSING,)),
    "another format": lambda m: evolve(m, formats=("csv",)),
    "a file too many": lambda m: evolve(m, files=(*m.files, m.files[-1])),
    "a file without rows": lambda m: evolve(m, files=(evolve(m.files[0], rows=None), *m.files[1:])),
    "another archive": lambda m: evolve(m, archive=Digest(size=m.archive.size, sha256="00" * 32)),
    "a longer archive": lambda m: evolve(m, archive=evolve(m.archive, size=1 << 40)),
    "a shorter archive": lambda m: evolve(m, archive=Digest(size=0, sha256=hashlib.sha256().hexdigest())),
}


@pytest.mark.parametrize("change", INCONSISTENT.values(), ids=INCONSISTENT)
def test_a_manifest_that_contradicts_itself_is_refused(verify, change):
    """
    Even signed, a manifest whose numbers do not add up is refused.
    """
    with pytest.raises(BundleRefused):
        verify(sealed(FILES, change))


def test_a_statement_of_another_kind_is_refused(verify):
    """
    A signed envelope around anything but our statement is no manifest.
    """
    for kind, payload in ((IN_TOTO, b"{}"), ("text/plain", read_envelope(FILES[MANIFEST]).payload)):
        signature = SIGNER.sign(pre_authentication_encoding(kind, payload))
        envelope = Envelope(payload_type=kind, payload=payload, signatures=(signature,))
        with pytest.raises(BundleRefused, match="manifest") as caught:
            verify(zipped({**FILES, MANIFEST: spell_envelope(envelope)}.items()))
        assert caught.value.member == MANIFEST


# --- the zip itself


def test_what_is_no_zip_is_refused(verify):
    """
    An empty file and a text are no bundle.
    """
    for data in (b"", b"PK", b"hello, world"):
        with pytest.raises(BundleRefused, match="no zip file"):
            verify(data)


def test_an_artifact_from_storage_is_told_from_a_broken_download(verify):
    """
    It is encrypted: whoever took it from there needs a download, not another try.
    """
    header = FileHeader(fence=1, salt=bytes(32)).spell()
    with pytest.raises(BundleRefused, match="as it lies in storage, encrypted"):
        verify(header + BUNDLE)


def test_a_zip_cut_anywhere_is_refused(verify):
    """
    Whatever is missing at the end, the answer is to get the file again.
    """
    for length in [*range(4, len(SMALL), 97), *range(len(SMALL) - 30, len(SMALL))]:
        with pytest.raises(BundleRefused, match="cut off"):
            verify(SMALL[:length])


@pytest.mark.parametrize("more", [b"\0", b"x" * 100, b"x" * 70_000, SMALL], ids=["one", "some", "many", "a zip"])
def test_bytes_behind_the_end_are_refused(verify, more):
    """
    Nothing may follow a bundle's end.
    """
    with pytest.raises(BundleRefused, match=r"follow the end|not where its end says"):
        verify(SMALL + more)


def test_bytes_before_and_between_files_are_refused(verify):
    """
    Nothing stands between files, nor before the first.
    """
    with pytest.raises(BundleRefused, match="does not begin where"):
        verify(zipped(FILES.items(), gap=b"hidden"))
    with pytest.raises(BundleRefused, match="not where its end says"):
        verify(b"PK\x03\x04" + SMALL)
    only = list(FILES.items())[:1]
    with pytest.raises(BundleRefused, match="belong to nothing"):
        verify(_gap_at_end(only))


def _gap_at_end(files):
    whole = zipped(files)
    bare = zipped(files, tail=False)
    end = bytearray(whole[len(bare) :])
    end[-6:-2] = (len(bare) + 6).to_bytes(4, "little")
    return bare + b"hidden" + bytes(end)


def test_a_name_given_twice_is_refused(verify):
    """
    Readers disagree on which of two files of one name they show.
    """
    with pytest.raises(BundleRefused, match="two files have this name") as caught:
        verify(zipped([*FILES.items(), *FILES.items()]))
    assert caught.value.member == "data/account.csv"


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "C:\\x", "data/../x.csv", "data/\x1b[31mx.csv", "x" * 300, "data/a b.csv"],
    ids=["up", "root", "drive", "inside", "escape", "long", "space"],
)
def test_a_name_that_no_bundle_has_is_refused_and_shown_escaped(verify, name):
    """
    Paths, control characters and long names are refused; the message holds none of them raw or whole.
    """
    with pytest.raises(BundleRefused, match="no such file") as caught:
        verify(zipped([(name, b""), *FILES.items()]))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 150


def test_a_header_that_names_the_file_otherwise_is_refused(verify):
    """
    Local and central names must be one: readers differ in which they believe.
    """
    with pytest.raises(BundleRefused, match="names it otherwise") as caught:
        verify(SMALL.replace(b"index.html", b"index.htm1", 1))
    assert caught.value.member == "index.html"


def test_a_bomb_is_not_unpacked(verify):
    """
    A file that declares more than the manifest says, or holds more than it declares, is refused at once.
    """
    bomb = {**FILES, "index.html": b"\0" * 50_000_000}
    with pytest.raises(BundleRefused, match="would unpack to 50000000 bytes") as caught:
        verify(zipped(bomb.items()))
    assert caught.value.member == "index.html"
    declared = len(FILES["index.html"])
    with pytest.raises(BundleRefused, match=f"more than the {declared} bytes") as caught:
        verify(zipped(bomb.items(), size_of=lambda name, data: declared if name == "index.html" else len(data)))
    assert caught.value.member == "index.html"


def test_a_file_shorter_than_declared_is_refused(verify):
    """
    A file that ends before its declared size is refused.
    """
    short = {**FILES, "index.html": b""}
    with pytest.raises(BundleRefused, match="does not unpack to the"):
        verify(zipped(short.items(), size_of=lambda name, _: len(FILES[name])))


def test_a_file_without_an_end_is_refused(verify):
    """
    Deflate marks its last block: without the mark more was to come.
    """
    changed = bytearray(SMALL)
    changed[SMALL.index(b"index.html") + len("index.html")] ^= 1
    with pytest.raises(BundleRefused, match="does not unpack to the") as caught:
        verify(bytes(changed))
    assert caught.value.member == "index.html"


@pytest.mark.parametrize("name", ["index.html", MANIFEST, SUMS])
def test_a_wrong_checksum_is_refused(verify, name):
    """
    Header and directory may agree on a checksum: it must also be the content's.
    """
    with pytest.raises(BundleRefused, match=r"changed: the checksum|digest differs") as caught:
        verify(zipped(FILES.items(), crc_of=lambda each, data: 1 if each == name else zlib.crc32(data)))
    assert caught.value.member == name


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 100, 2 * BLOCK + 300])
def test_files_that_deflate_far_are_unpacked_whole(verify, size):
    """
    What the decompressor still holds when its input is used up is not forgotten.
    """
    assert verify(sealed({**FILES, "README.txt": b"a" * size})).rows == 3


def test_a_huge_manifest_is_not_read(verify):
    """
    A manifest beyond its bound is refused before it is read.
    """
    with pytest.raises(BundleRefused, match="not kept as bundles keep it") as caught:
        verify(zipped([*_without(FILES, MANIFEST).items(), (MANIFEST, b" " * ((1 << 25) + 1))]))
    assert caught.value.member == MANIFEST


def test_a_deflated_manifest_is_refused(verify):
    """
    Seals are kept as they are; a data file is not.
    """
    swapped = bytearray(SMALL)
    place = SMALL.rfind(b"data/payouts.csv") - CENTRAL_ENTRY.size + 10
    swapped[place] = 0
    with pytest.raises(BundleRefused, match="not kept as bundles keep it") as caught:
        verify(bytes(swapped))
    assert caught.value.member == "data/payouts.csv"


def test_a_bundle_packed_anew_is_refused(verify):
    """
    The same files in another zip are whole, but no longer the maker's bundle.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as again:
        for name, data in FILES.items():
            info = zipfile.ZipInfo(name, TIME)
            info.external_attr = 0o100600 << 16
            again.writestr(info, data, zipfile.ZIP_STORED if name in {MANIFEST, SUMS} else zipfile.ZIP_DEFLATED)
    with pytest.raises(BundleRefused, match="packed anew"):
        verify(out.getvalue())


def _directory_with(change):
    start = SMALL.index(b"PK\x01\x02")
    changed = bytearray(SMALL)
    change(changed, start)
    return bytes(changed)


def _set(offset, value):
    def change(data, start):
        data[start + offset : start + offset + len(value)] = value

    return change


UNREADABLE = {
    "signature": _set(0, b"PK\x01\x03"),
    "name beyond the end": _set(28, b"\xff\xff"),
    "Zip64 without its field": _set(24, b"\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("change", UNREADABLE.values(), ids=UNREADABLE)
def test_a_directory_that_cannot_be_read_is_refused(verify, change):
    """
    A broken record is no crash.
    """
    with pytest.raises(BundleRefused, match="directory cannot be read"):
        verify(_directory_with(change))


def test_a_count_that_differs_is_refused(verify):
    """
    The zip's end and its directory must agree.
    """
    changed = bytearray(SMALL)
    changed[-12] += 1
    with pytest.raises(BundleRefused, match="speaks of 10 files, its directory of 9"):
        verify(bytes(changed))


def test_zip64_records_are_read():
    """
    What the layout writes for files beyond 4 GB is read back as it was.
    """
    from streampay_export._core.zip_records import TAIL, read_directory, read_end

    large = Entry(name="data/a.csv", method=8, crc=1, packed=4_500_000_000, size=5_000_000_000, offset=0)
    small = Entry(name="data/b.csv", method=8, crc=2, packed=3, size=4, offset=large.end)
    tail = directory([large, small], TIME)
    end = read_end(tail, small.end + len(tail))
    assert (end.count, end.start, end.size) == (2, small.end, len(tail) - TAIL)
    assert read_directory(tail[: end.size], end) == (large, small)
    broken = bytearray(tail)
    broken[CENTRAL_ENTRY.size + len(large.name)] = 9
    with pytest.raises(BundleRefused, match="cannot be read"):
        read_directory(bytes(broken[: end.size]), end)


# --- keys


def test_a_bundle_signed_again_with_another_key_is_refused(verify):
    """
    A consistent bundle by somebody else names their key, and says it is not one that was given.
    """
    forged = sealed({**FILES, "data/payouts.csv": SAME_SIZE}, signer=OTHER_SIGNER)
    with pytest.raises(BundleRefused, match="not one you gave") as caught:
        verify(forged)
    assert caught.value.member == MANIFEST
    assert OTHER_SIGNER.public_keys()[0].key_id in str(caught.value)


def test_a_signature_that_is_wrong_is_refused(verify):
    """
    A key's name on a signature that is not its own is a changed manifest.
    """
    envelope = read_envelope(FILES[MANIFEST])
    forged = evolve(envelope, signatures=(evolve(envelope.signatures[0], value=bytes(64)),))
    with pytest.raises(BundleRefused, match="is wrong"):
        verify(zipped({**FILES, MANIFEST: spell_envelope(forged)}.items()))
    unsigned = evolve(envelope, signatures=())
    with pytest.raises(BundleRefused, match="no signed statement"):
        verify(zipped({**FILES, MANIFEST: spell_envelope(unsigned)}.items()), ())


def test_a_retired_key_verifies_and_a_revoked_one_refuses(verify):
    """
    Retired keys verify what they signed; revoked ones refuse it at once, in any order.
    """
    assert verify(BUNDLE, [evolve(KEYS[0], state=KeyState.RETIRED)]).signer == KEYS[0].key_id
    revoked = evolve(KEYS[0], state=KeyState.REVOKED)
    for keys in ([revoked], [KEYS[0], revoked], [revoked, KEYS[0]]):
        with pytest.raises(BundleRefused, match="was revoked"):
            verify(BUNDLE, keys)


def _pem(raw):
    key = Ed25519PublicKey.from_public_bytes(raw)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_keys_are_read_from_pem_and_json(verify, tmp_path):
    """
    Both forms verify; a PEM key has no id and takes the signature's.
    """
    file = tmp_path / "key"
    file.write_bytes(_pem(KEYS[0].raw))
    assert verify(BUNDLE, read_public_keys(file)).signer == KEYS[0].key_id
    file.write_text(json.dumps({"keys": [key_form(KEYS[0])]}))
    assert read_public_keys(file) == KEYS


ELLIPTIC = ec.generate_private_key(ec.SECP256R1()).public_key()
NO_KEYS = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "no keys": b'{"keys": []}',
    "another algorithm": json.dumps({"keys": [{**key_form(KEYS[0]), "algorithm": "RSA"}]}).encode(),
    "another state": json.dumps({"keys": [{**key_form(KEYS[0]), "state": "?"}]}).encode(),
    "a short key": json.dumps({"keys": [{**key_form(KEYS[0]), "public_key": "AAAA"}]}).encode(),
    "broken PEM": b"-----BEGIN PUBLIC KEY-----\n?\n-----END PUBLIC KEY-----\n",
    "an unknown kind of key": b"-----BEGIN PUBLIC KEY-----\nMAowBQYDKgMEAwEA\n-----END PUBLIC KEY-----\n",
    "another kind of key": ELLIPTIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
}


@pytest.mark.parametrize("data", NO_KEYS.values(), ids=NO_KEYS)
def test_a_file_without_a_usable_key_is_a_setup_error(tmp_path, data):
    """
    The error says what a key file is.
    """
    file = tmp_path / "key"
    file.write_bytes(data)
    with pytest.raises(InvalidConfiguration, match="key"):
        read_public_keys(file)
    with pytest.raises(InvalidConfiguration, match="cannot be read"):
        read_public_keys(tmp_path / "missing")


# --- the command


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--public-key", "KEYS"], 0, "intact, signed by"),
        (["--integrity-only"], 0, "intact, signer unknown"),
        ([], 1, "intact, signer unknown"),
    ],
    ids=["key", "integrity", "none"],
)
def test_the_command_says_who_signed(tmp_path, capsys, options, code, said):
    """
    Exit code 0 needs a key, or the word that integrity is enough.
    """
    saved = save(tmp_path, BUNDLE)
    options = [str(saved.key_file) if each == "KEYS" else each for each in options]
    assert main([str(saved.path), *options]) == code
    assert said in capsys.readouterr().out


def test_the_command_refuses_and_names(tmp_path, capsys):
    """
    Exit code 1 for a bundle that is not as signed, with the file's name.
    """
    saved = save(tmp_path, zipped({**FILES, "data/payouts.csv": SAME_SIZE}.items()))
    assert main([str(saved.path), "--integrity-only"]) == 1
    assert "refused: 'data/payouts.csv': its content was changed" in capsys.readouterr().err


def test_the_command_tells_wrong_arguments_from_a_broken_disk(tmp_path, capsys, monkeypatch):
    """
    Exit code 2 for what the caller must change, 3 for what may go away.
    """
    saved = save(tmp_path, BUNDLE)
    assert main([str(tmp_path / "missing.zip")]) == 2
    assert main([str(tmp_path)]) == 2
    assert main([str(saved.path), "--public-key", str(saved.path)]) == 2
    with pytest.raises(SystemExit, match="2"):
        main([str(saved.path), "--public-key", str(saved.key_file), "--integrity-only"])

    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "open", broken)
    assert main([str(saved.path)]) == 3
    assert "there is no file" in capsys.readouterr().err


def test_errors_of_reading_are_typed(tmp_path, monkeypatch):
    """
    No file is the caller's fault; a disk that breaks off is not.
    """
    with pytest.raises(InvalidRequest, match="give the path of a bundle"):
        verify_bundle(tmp_path / "missing.zip")
    monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(StorageUnavailable, match="Input/output error"):
        verify_bundle(tmp_path / "bundle.zip")
