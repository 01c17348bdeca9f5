import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.signer import SSlibKey
from tests.bundles import SIGNER

from streampay_export._core.dsse import (
    IN_TOTO,
    Envelope,
    pre_authentication_encoding,
    read_envelope,
    spell_envelope,
)
from streampay_export._core.figures import Figures, Held, Total, TotalKey, fold_figures
from streampay_export._core.manifest import (
    BundleFile,
    DatasetSummary,
    Digest,
    Manifest,
    MissingDataset,
    PartSummary,
)
from streampay_export._core.manifest_wire import read_manifest, spell_manifest
from streampay_export._core.selection import Census, Window

NOW = datetime(2026, 11, 20, 9, 30, 15, 123456, tzinfo=UTC)
XLM = TotalKey(amount="amount", asset="XLM", direction="in")
EURC = TotalKey(amount="amount", asset="EURC", direction="in")


def _part(number, rows, **figures):
    return PartSummary(
        dataset="payouts",
        number=number,
        expected=rows,
        rows=rows,
        read_at=NOW,
        files={"csv": Digest(size=rows, sha256="ab" * 32)},
        figures=Figures(first=(str(number), None), last=(str(rows), "z"), **figures),
    )


SUMMARY = DatasetSummary.of(
    "payouts",
    Census(included=5, later=1, outside=2, omitted=3),
    [
        _part(0, 3, totals={XLM: Total(rows=3, sum=Decimal("1.50"))}),
        _part(1, 2, totals={EURC: Total(rows=2, sum=Decimal(-1))}, invariants={"escrow": Held(rows=2, broken=1)}),
    ],
    recount=6,
)
MANIFEST = Manifest(
    job="job",
    profile="self",
    as_of=NOW,
    completed_at=NOW,
    completeness="partial",
    missing=(MissingDataset(name="events", slug="null-key", sentence="Some records are not in order."),),
    formats=("csv",),
    window=Window(start=NOW),
    datasets=(SUMMARY, DatasetSummary.of("account", Census(included=0), [], recount=0)),
    files=(
        BundleFile(path="data/payouts.csv", digest=Digest(size=7, sha256="cd" * 32), rows=5),
        BundleFile(path="index.html", digest=Digest(size=9, sha256="ef" * 32)),
    ),
    archive=Digest(size=11, sha256="01" * 32),
)


def test_a_dataset_is_the_fold_of_its_parts():
    """
    Written rows and totals are the sums over the parts; drift is the recount less what was written.
    """
    assert (SUMMARY.expected, SUMMARY.written, SUMMARY.drift) == (5, 5, 1)
    assert (SUMMARY.later, SUMMARY.outside, SUMMARY.omitted) == (1, 2, 3)
    assert SUMMARY.figures.totals == {
        EURC: Total(rows=2, sum=Decimal(-1)),
        XLM: Total(rows=3, sum=Decimal("1.50")),
    }
    assert (SUMMARY.figures.first, SUMMARY.figures.last) == (("0", None), ("2", "z"))


def test_totals_are_exact_far_beyond_28_digits():
    """
    Adding the largest i128 amounts loses no digit.
    """
    most = Decimal("170141183460469231731687303715884105727.0000001")
    folded = fold_figures([Figures(totals={XLM: Total(rows=1, sum=most)})] * 3)
    assert folded.totals[XLM] == Total(rows=3, sum=Decimal("510423550381407695195061911147652317181.0000003"))


def test_a_manifest_survives_its_json_form():
    """
    Reading what was spelled gives the same manifest.
    """
    assert read_manifest(spell_manifest(MANIFEST)) == MANIFEST


def test_the_statement_is_in_toto_v1_over_every_file():
    """
    Type, predicate type and subjects are as in-toto asks.
    """
    statement = json.loads(spell_manifest(MANIFEST))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:streampay-export:manifest:1"
    assert statement["subject"] == [
        {"name": "data/payouts.csv", "digest": {"sha256": "cd" * 32}},
        {"name": "index.html", "digest": {"sha256": "ef" * 32}},
    ]
    assert statement["predicate"]["datasets"]["payouts"]["totals"][1] == {
        "amount": "amount", "asset": "XLM", "direction": "in", "rows": 3, "sum": "1.50",
    }  # fmt: skip


def test_unknown_keys_are_passed_over():
    """
    A later version may say more in a manifest.
    """
    statement = json.loads(spell_manifest(MANIFEST))
    statement["predicate"]["more"] = statement["predicate"]["datasets"]["payouts"]["more"] = 1
    assert read_manifest(json.dumps(statement).encode()) == MANIFEST


WRONG = {
    "no json": lambda _: "{",
    "a list": lambda _: [],
    "another type": lambda s: {**s, "_type": "x"},
    "another predicate": lambda s: {**s, "predicateType": "x"},
    "no predicate": lambda s: {**s, "predicate": None},
    "a float count": lambda s: s["predicate"]["files"][0].update(rows=5.0) or s,
    "a boolean count": lambda s: s["predicate"]["files"][0].update(rows=True) or s,
    "an instant without offset": lambda s: s["predicate"].update(as_of="2026-01-01T00:00:00") or s,
    "a window that ends first": lambda s: s["predicate"]["window"].update(to="2000-01-01T00:00:00Z") or s,
    "a sum with an exponent": lambda s: (
        s["predicate"]["datasets"]["payouts"]["totals"][0].update(sum="1e9999999") or s
    ),
    "another subject": lambda s: {**s, "subject": s["subject"][:1]},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_no_manifest_is_a_value_error(wrong):
    """
    Anything that is not a statement of ours is refused in one way, and not repeated.
    """
    form = wrong(json.loads(spell_manifest(MANIFEST)))
    data = (form if isinstance(form, str) else json.dumps(form)).encode()
    with pytest.raises(ValueError, match=r"manifest of an export|its subject and its list") as caught:
        read_manifest(data)
    assert "9999999" not in str(caught.value)


def _signed(payload=b"hello"):
    return Envelope(payload=payload, signatures=(SIGNER.sign(pre_authentication_encoding(IN_TOTO, payload)),))


def test_securesystemslib_agrees_with_our_envelope():
    """
    The reference library reads our envelope, encodes it as we do, and verifies our signature.
    """
    ours = _signed(spell_manifest(MANIFEST))
    theirs = TheirEnvelope.from_dict(json.loads(spell_envelope(ours)))
    assert theirs.pae() == pre_authentication_encoding(IN_TOTO, ours.payload)
    (public,) = SIGNER.public_keys()
    key = SSlibKey(public.key_id, "ed25519", "ed25519", {"public": public.raw.hex()})
    assert theirs.verify([key], 1) == {public.key_id: key}


def test_an_envelope_survives_its_json_form():
    """
    Reading what was spelled gives the same envelope.
    """
    assert read_envelope(spell_envelope(_signed())) == _signed()


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b'{"payload": 1}', b"[" * 100_000, spell_envelope(_signed()).replace(b"  ", b" ")],
    ids=["nothing", "half", "list", "null", "number", "deep", "other spaces"],
)
def test_what_is_no_envelope_is_a_value_error(data):
    """
    An envelope has one spelling; everything else is refused.
    """
    with pytest.raises(ValueError, match="envelope"):
        read_envelope(data)
