"""
Bundles by people who mean harm: each is refused, the first file at fault named, nothing of theirs printed.
"""

import base64
import io
import json
import os
import zipfile

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests.bundles import OTHER_SIGNER, SIGNER, key_form, payout, save, small_bundle
from tests.forgeries import files_of, listed, packed_as_ours, restated, sealed, zipped

from streampay_export._core.layout import CENTRAL_ENTRY, MANIFEST, SUMS, Entry, directory
from streampay_export._core.signature import KeyState
from streampay_export._core.zip_records import TAIL, read_directory, read_end
from streampay_export.errors import BundleRefused, InvalidConfiguration, InvalidRequest
from streampay_export.ports.signing import Signature
from streampay_export.verify import read_public_keys, verify_bundle
from streampay_export.verify.__main__ import main
from streampay_export.verify.bundle import BLOCK

KEYS = SIGNER.public_keys()
BUNDLE = small_bundle()
FILES = files_of(BUNDLE)
OTHERS = files_of(small_bundle([payout(7), payout(8)]))


class Impostor:
    """
    Signs with a key of its own under the name of the right one.
    """

    def sign(self, message):
        """
        A good signature under a borrowed id.
        """
        return Signature(key_id=KEYS[0].key_id, value=OTHER_SIGNER.sign(message).value)

    public_keys = SIGNER.public_keys


@pytest.fixture
def refused(tmp_path, capsys):
    """
    Verifies bytes with the right keys and returns the refusal; looks at what the command says of it.
    """

    def refused(data, keys=KEYS):
        saved = save(tmp_path, data)
        with pytest.raises(BundleRefused) as caught:
            verify_bundle(saved.path, keys)
        assert 1 == main([str(saved.path), "--public-key", str(saved.key_file)])
        assert 1 == main([str(saved.path)])
        said = capsys.readouterr()
        for text in (said.out, said.err, str(caught.value)):
            assert text.isascii()
            assert not [each for each in text if not each.isprintable() and each != "\n"]
        assert f"refused: {caught.value}\n" in said.err
        return caught.value

    return refused


# --- rows, files and sums


def _without_a_row(path):
    lines = FILES[path].splitlines(keepends=True)
    if path.endswith(".json"):
        return b"".join(lines[:1] + lines[2:])
    at = 1 if path.endswith(".csv") else 0
    return b"".join(lines[:at] + lines[at + 1 :])


DROPPED = {path: {**FILES, path: _without_a_row(path)} for path in FILES if path.startswith("data/payouts")}


@pytest.mark.parametrize("path", DROPPED)
def test_a_row_dropped_at_a_line_end_is_seen(refused, path):
    """
    The file is named, whether or not SHA256SUMS was made to fit; so is the manifest, if that was made to fit too.
    """
    files = DROPPED[path]

    assert path == refused(zipped(files.items())).member
    assert path == refused(zipped(listed(files).items())).member
    assert "not one you gave" in (again := refused(sealed(files, signer=OTHER_SIGNER))).problem
    assert MANIFEST == again.member
    assert "is wrong" in (again := refused(sealed(files, signer=Impostor()))).problem
    assert MANIFEST == again.member
    assert f"{path!r}: it holds 2 rows where the manifest says 3" == str(refused(sealed(files)))


PAIRS = [
    ("data/account.csv", "data/payouts.csv"),
    ("data/payouts.json", "data/account.json"),
    ("notice.json", "withheld.json"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_swapped_files_are_seen(refused, one, other):
    """
    The first of the two is named, with and without sums that fit.
    """
    swapped = {**FILES, one: FILES[other], other: FILES[one]}
    first = min(one, other, key=list(FILES).index)

    assert first == refused(zipped(swapped.items())).member
    assert first == refused(zipped(listed(swapped).items())).member


def test_an_added_and_a_removed_file_are_seen(refused):
    """
    Sums that fit do not help: the signed manifest says what is there. A key put inside is one file too many.
    """
    more = {"data/extra.csv": b"x\r\n", **FILES}
    fewer = {name: data for name, data in FILES.items() if name != "withheld.json"}
    with_key = {**FILES, "manifest-public.pem": b"-----BEGIN PUBLIC KEY-----"}

    assert "data/extra.csv" == refused(zipped(listed(more).items())).member
    assert ("withheld.json", "it is missing") == (
        (error := refused(zipped(listed(fewer).items()))).member,
        error.problem,
    )
    assert "manifest-public.pem" == refused(zipped(listed(with_key).items())).member


def test_the_manifest_of_another_bundle_does_not_fit(refused):
    """
    Signed by the same maker as it is: the first file that differs is named.
    """
    assert "data/payouts.csv" == refused(zipped(listed({**FILES, MANIFEST: OTHERS[MANIFEST]}).items())).member
    mixed = {**OTHERS, "data/payouts.csv": FILES["data/payouts.csv"], MANIFEST: FILES[MANIFEST]}
    assert "data/payouts.ndjson" == refused(zipped(listed(mixed).items())).member


def test_a_bundle_of_another_service_and_a_zip_of_anything_are_refused(refused):
    """
    One is whole and signed by a key nobody gave; the other holds what no bundle holds.
    """
    assert "not one you gave" in refused(small_bundle(signer=OTHER_SIGNER)).problem
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as file:
        file.writestr("holiday.jpg", b"\xff\xd8")
    assert "a bundle has no such file" == refused(plain.getvalue()).problem


# --- the envelope


def _enveloped(change):
    envelope = FILES[MANIFEST]
    changed = change(envelope)
    assert changed != envelope
    return zipped(listed({**FILES, MANIFEST: changed}).items())


def _as_form(change):
    def changed(envelope):
        form = json.loads(envelope)
        change(form)
        return (json.dumps(form, indent=2) + "\n").encode()

    return changed


def _loose_end(text):
    """
    Base64 whose last bits say nothing, and are set.
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = text.rstrip("=")
    loose = body[:-1] + alphabet[alphabet.index(body[-1]) + 1] + "=" * (len(text) - len(body))
    assert base64.b64decode(loose) == base64.b64decode(text)
    return loose


def _set_signature(**changes):
    return _as_form(lambda form: form["signatures"][0].update(changes))


GARBAGE = {"keyid": "x", "sig": base64.b64encode(bytes(64)).decode()}
ENVELOPES = {
    "a name twice": (lambda e: e.replace(b'"payload":', b'"payload": "",\n  "payload":'), "one form"),
    "a name more": (_as_form(lambda form: form.update(publicKey="MCow")), "one form"),
    "other spaces": (lambda e: e.replace(b"  ", b"\t"), "one form"),
    "another order": (lambda e: (json.dumps(json.loads(e), indent=2, sort_keys=True) + "\n").encode(), "one form"),
    "base64 with loose ends": (
        _as_form(lambda f: f["signatures"][0].update(sig=_loose_end(f["signatures"][0]["sig"]))),
        "one form",
    ),
    "base64 with line ends": (_as_form(lambda f: f.update(payload=f["payload"] + "\n")), "no DSSE envelope"),
    "a byte order mark": (lambda e: b"\xef\xbb\xbf" + e, "one form"),
    "nested deep": (lambda _: b'{"a":' * 50_000, "no DSSE envelope"),
    "garbage after the signature": (_as_form(lambda f: f["signatures"].append(GARBAGE)), "has 2 signatures"),
    "garbage before the signature": (_as_form(lambda f: f["signatures"].insert(0, GARBAGE)), "has 2 signatures"),
    "the signature twice": (_as_form(lambda f: f["signatures"].append(f["signatures"][0])), "has 2 signatures"),
    "another key's name": (_set_signature(keyid=OTHER_SIGNER.public_keys()[0].key_id), "signed it"),
    "no key's name": (_set_signature(keyid=""), "does not name a key"),
    "a name that steers": (_set_signature(keyid="\x1b[2J\x9b31m\u202e"), "does not name a key"),
    "a name that is long": (_set_signature(keyid="x" * 201), "does not name a key"),
    "a short signature": (_set_signature(sig="AAAA"), "is wrong"),
    "no signature": (_set_signature(sig=""), "is wrong"),
    "another payload type": (_as_form(lambda form: form.update(payloadType="\x1b[31m")), "no signed statement"),
}  # fmt: skip
# Whose name stands beside a signature can only be told with a key at hand.
NEED_A_KEY = {"another key's name", "a short signature", "no signature"}


@pytest.mark.parametrize("case", ENVELOPES)
def test_an_envelope_has_one_form_and_one_signature(tmp_path, refused, case):
    """
    No byte of it is free, though SHA256SUMS was made to fit.
    """
    change, problem = ENVELOPES[case]
    data = _enveloped(change)

    if case in NEED_A_KEY:
        saved = save(tmp_path, data)
        with pytest.raises(BundleRefused, match=problem) as caught:
            verify_bundle(saved.path, KEYS)
        error = caught.value
    else:
        error = refused(data)
    assert MANIFEST == error.member
    assert problem in error.problem


def test_a_signer_is_never_what_the_bundle_says(tmp_path):
    """
    With a PEM key, which has no name, the signer is the key's own id, whatever stands beside the signature.
    """
    saved = save(tmp_path, _enveloped(_set_signature(keyid="The-Real-Bank")))
    saved.key_file.write_bytes(_pem(KEYS[0].raw))

    assert KEYS[0].key_id == verify_bundle(saved.path, read_public_keys(saved.key_file)).signer


# --- the statement


def _in(*path):
    """
    Returns a function that sets what stands at *path* in a statement's predicate.
    """

    def setting(value):
        def change(statement):
            place = statement["predicate"]
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = value
            return statement

        return change

    return setting


def _renamed(name):
    def change(statement):
        datasets = statement["predicate"]["datasets"]
        datasets[name] = datasets.pop("payouts")
        return statement

    return change


def _twice(statement):
    totals = statement["predicate"]["datasets"]["payouts"]["totals"]
    totals.insert(0, {**totals[0], "sum": "1"})
    return statement


def _missing(name):
    def change(statement):
        statement["predicate"]["completeness"] = "partial"
        statement["predicate"]["missing"] = {name: {"error": "null-key", "reason": "It is not in order."}}
        return statement

    return change


STATEMENTS = {
    "a missing dataset that steers": _missing("\x1b[31m"),
    "a missing dataset right to left": _missing("\u05d0"),
    "a missing dataset that is there": _missing("payouts"),
    "a completeness that is none": _in("completeness")("whole"),
    "an invariant below zero": _in("datasets", "payouts", "invariants")({"x": {"rows": 1, "broken": -1}}),
    "no format": _in("formats")([]),
    "an unknown format": _in("formats")(["xlsx"]),
    "formats that steer": _in("formats")(["\x1b[31m"]),
    "a format twice": _in("formats")(["csv", "ndjson", "json", "csv"]),
    "a completeness that steers": _in("completeness")("full\x1b[2J"),
    "a job that steers": _in("job")("\x9b31m"),
    "a job right to left": _in("job")("\u202e\u05d0"),
    "a job without a name": _in("job")(""),
    "a dataset that steers": _renamed("\x1b[31m"),
    "a dataset right to left": _renamed("\u05d0"),
    "a dataset that climbs": _renamed("../payouts"),
    "a negative count": _in("datasets", "payouts", "expected")(-1),
    "a count beyond all rows": _in("datasets", "payouts", "later")(1 << 63),
    "negative rows": _in("datasets", "payouts", "parts", 0, "rows")(-3),
    "a negative size": _in("archive", "bytes")(-1),
    "an instant before all": _in("as_of")("0001-01-01T00:00:00+14:00"),
    "an instant after all": _in("completed_at")("9999-12-31T23:59:59-14:00"),
    "an instant that is none": _in("as_of")(0),
    "a total twice": _twice,
    "parts that are none": _in("datasets", "payouts", "parts")({}),
    "datasets that are none": _in("datasets")([]),
}


@pytest.mark.parametrize("change", STATEMENTS.values(), ids=STATEMENTS)
def test_a_statement_that_no_export_makes_is_refused(refused, change):
    """
    Even signed: what it says is not printed, and never an error of another kind.
    """
    assert MANIFEST == refused(restated(FILES, change)).member


@pytest.mark.parametrize(
    "spelled",
    [
        lambda payload: payload.replace(b'"job":', b'"job":"other","job":', 1),
        lambda payload: payload.replace(b'"written":', b'"written":9,"written":', 1),
        lambda payload: payload[:-1] + b',"more":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        lambda payload: payload.replace(b'"drift":0', b'"drift":' + b"9" * 5000, 1),
        lambda payload: b"\xff" + payload,
    ],
    ids=["a name twice", "a count twice", "nested deep", "five thousand digits", "no text"],
)
def test_a_statement_that_readers_read_differently_is_refused(refused, spelled):
    """
    JSON of which another reader would see something else is no manifest.
    """
    assert MANIFEST == refused(sealed(FILES, spelled=spelled)).member


TOTALS = [{"amount": "a", "asset": str(n), "direction": "", "rows": 0, "sum": "0"} for n in range(5000)]
INVARIANTS = {str(n): {"rows": 0, "broken": 0} for n in range(1000)}


@pytest.mark.parametrize(("name", "many"), [("totals", TOTALS), ("invariants", INVARIANTS)])
def test_figures_that_would_take_hours_to_add_up_are_not_read(refused, name, many):
    """
    Each part costs as much time as the first has figures: more than any export has are refused when read.
    """
    change = _in("datasets", "payouts", "parts", 0, name)(many)
    assert "no manifest of an export" in refused(restated(FILES, change)).problem


def test_a_bundle_without_a_format_names_no_dataset(refused):
    """
    No file would then hold a dataset to its name, which is printed.
    """
    documents = {name: data for name, data in FILES.items() if not name.startswith("data/")}

    def change(statement):
        statement["predicate"]["formats"] = []
        return _renamed("\x1b[31m")(statement)

    assert "formats" in refused(restated(documents, change)).problem


def test_the_reason_why_something_is_missing_is_printed_escaped(tmp_path, capsys):
    """
    It is a sentence of the maker's; without a key nobody knows who that is.
    """

    def change(statement):
        steering = _missing("events")(statement)
        steering["predicate"]["missing"]["events"]["reason"] = "\x1b[2J \x9b31m \u202e \u05d0" * 20
        return steering

    assert 0 == main([str(save(tmp_path, restated(FILES, change)).path), "--integrity-only"])
    said = capsys.readouterr().out
    assert "events: MISSING, '" in said
    assert said.isascii()
    assert said.replace("\n", "").isprintable()


# --- the zip

NAMES = [
    b"data/\x1b[2J\x1b[31m.csv",
    b"data/\x9b31mred.csv",
    b"data/\xe2\x80\xaegpj.csv",
    b"data/\xd7\x90\xd7\x91.csv",
    b"data/a\nb: ok.csv",
    b"data/a\0.csv",
    b"\x07\x08\x7f\xff.csv",
    b"data/\x1b]0;title\x07.csv",
]


@pytest.mark.parametrize("name", NAMES, ids=[ascii(name)[2:-1] for name in NAMES])
def test_a_name_that_steers_a_terminal_is_shown_escaped(refused, name):
    """
    Control codes, text right to left and line ends, as a member's name: one line of plain ASCII says so.
    """
    stand_in = "x" * len(name)
    data = zipped([(stand_in, b""), *FILES.items()]).replace(stand_in.encode(), name)

    assert name.decode("ascii", "backslashreplace") == (error := refused(data)).member
    assert "\n" not in str(error)


def test_padding_in_front_and_behind_is_refused(refused):
    """
    A zip in front, a script in front, zeros behind.
    """
    assert "not where its end says" in refused(BUNDLE + BUNDLE).problem
    assert "no zip file" in refused(b"#!/bin/sh\n" + BUNDLE).problem
    assert "not where its end says" in refused(FILES["index.html"].join([b"PK\x03\x04", BUNDLE])).problem
    assert "1000 bytes follow the end" in refused(BUNDLE + bytes(1000)).problem


@pytest.mark.parametrize("name", [MANIFEST, SUMS])
def test_a_seal_that_claims_a_gigabyte_is_not_read(refused, name):
    """
    Its size is looked at first.
    """
    data = zipped(FILES.items(), size_of=lambda each, data: 1 << 30 if each == name else len(data))

    assert (name, "it is not kept as bundles keep it") == ((error := refused(data)).member, error.problem)


def test_packed_bytes_beyond_what_a_zip_can_say_are_refused():
    """
    A small file may not claim, in Zip64 fields it does not need, to be packed into more than four gigabytes.
    """
    large = Entry(name="data/a.csv", method=8, crc=1, packed=5_000_000_000, size=5_000_000_000, offset=0)
    tail = bytearray(directory([large], (2026, 1, 1, 0, 0, 0)))
    end = read_end(bytes(tail), large.end + len(tail))
    at = CENTRAL_ENTRY.size + len(large.name) + 4
    tail[at : at + 8] = (7).to_bytes(8, "little")

    with pytest.raises(BundleRefused, match="packed into far more bytes") as caught:
        read_directory(bytes(tail[: end.size]), end)
    assert "data/a.csv" == caught.value.member
    assert TAIL + end.size == len(tail)


def test_bytes_behind_a_files_last_block_are_refused(refused):
    """
    Also where the packed file ends just where a block of reading does, so that the rest is never unpacked.
    """
    content = b"a" * (BLOCK - 5 * 4)
    pieces = [content[at : at + 65_535] for at in range(0, len(content), 65_535)]
    stored = b"".join(
        bytes([piece is pieces[-1]])
        + len(piece).to_bytes(2, "little")
        + (len(piece) ^ 0xFFFF).to_bytes(2, "little")
        + piece
        for piece in pieces
    )
    assert BLOCK == len(stored)

    def packed(name, data):
        return stored + b"hidden" * BLOCK if name == "README.txt" else packed_as_ours(name, data)

    error = refused(sealed({**FILES, "README.txt": content}, packed_of=packed))
    assert "README.txt" == error.member
    assert "does not unpack to the" in error.problem


def test_a_name_twice_with_other_content_is_refused(refused):
    """
    The second of one name is never the one that is checked.
    """
    data = zipped([*FILES.items(), ("data/payouts.csv", b"id\r\n")])

    assert "data/payouts.csv" == refused(data).member
    assert [SUMS, SUMS] == [refused(zipped([*FILES.items(), (SUMS, each)])).member for each in (FILES[SUMS], b"")]


def test_sums_of_another_bundle_are_refused(refused):
    """
    SHA256SUMS covers these files and no others.
    """
    assert SUMS == refused(zipped({**FILES, SUMS: OTHERS[SUMS]}.items())).member


def test_a_path_through_a_file_is_no_bundle(tmp_path):
    """
    It is the caller's mistake, as a missing file is.
    """
    saved = save(tmp_path, BUNDLE)
    with pytest.raises(InvalidRequest, match="there is no file"):
        verify_bundle(saved.path / "bundle.zip")


def test_a_pipe_is_no_bundle():
    """
    A zip is read from its end, which a pipe has not.
    """
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(InvalidRequest, match="not a pipe"):
        verify_bundle(f"/dev/fd/{reading}")
    os.close(reading)


# --- key files


def _pem(raw):
    key = Ed25519PublicKey.from_public_bytes(raw)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _set(*forms):
    return json.dumps({"keys": forms}).encode()


FORM = key_form(KEYS[0])
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32)).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
KEY_FILES = {
    "two PEM keys": _pem(KEYS[0].raw) + _pem(OTHER_SIGNER.public_keys()[0].raw),
    "a private key": PRIVATE,
    "a certificate": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "a PEM key behind other text": b"the key:\n" + _pem(KEYS[0].raw),
    "one id on two keys": _set(FORM, {**key_form(OTHER_SIGNER.public_keys()[0]), "key_id": FORM["key_id"]}),
    "a state given twice": _set(FORM).replace(b'"state":', b'"state": "revoked", "state":'),
    "an id that steers": _set({**FORM, "key_id": "\x1b[31m"}),
    "an id without end": _set({**FORM, "key_id": "x" * 201}),
    "no id": _set({**FORM, "key_id": ""}),
    "an id that is no text": _set({**FORM, "key_id": 5}),
    "a key that is no text": _set({**FORM, "public_key": 5}),
    "keys that are no list": b'{"keys": 5}',
    "a bundle": BUNDLE,
    "a large file": b" " * ((1 << 20) + 1),
}


@pytest.mark.parametrize("data", KEY_FILES.values(), ids=KEY_FILES)
def test_a_key_file_that_could_be_read_two_ways_is_none(tmp_path, capsys, data):
    """
    Exit code 2: no key is guessed, none is passed over.
    """
    saved = save(tmp_path, BUNDLE)
    saved.key_file.write_bytes(data)

    with pytest.raises(InvalidConfiguration, match="public key"):
        read_public_keys(saved.key_file)
    assert 2 == main([str(saved.path), "--public-key", str(saved.key_file)])
    assert capsys.readouterr().err.startswith("public key: ")


def test_of_the_states_of_one_key_revoked_counts(tmp_path):
    """
    Key sets of several years, put together, list a key in several states.
    """
    saved = save(tmp_path, BUNDLE)
    saved.key_file.write_bytes(_set(FORM, FORM))
    assert KEYS[0].key_id == verify_bundle(saved.path, read_public_keys(saved.key_file)).signer

    saved.key_file.write_bytes(_set(FORM, {**FORM, "state": "revoked"}, {**FORM, "state": "retired"}))
    with pytest.raises(BundleRefused, match=f"'{KEYS[0].key_id}', was revoked"):
        verify_bundle(saved.path, read_public_keys(saved.key_file))


def test_a_revoked_key_refuses_by_its_own_name(tmp_path):
    """
    The signature's word for its key is not repeated; the id under which it was revoked is.
    """
    saved = save(tmp_path, _enveloped(_set_signature(keyid="another")))
    with pytest.raises(BundleRefused, match=KEYS[0].key_id):
        verify_bundle(saved.path, [evolve(KEYS[0], state=KeyState.REVOKED)])
