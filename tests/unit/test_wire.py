"""
JSON forms: one canonical spelling, read back as it was, refusing what is not one.
"""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streampay_export._core.job import DatasetProgress, DatasetState, WrappedKey
from streampay_export._core.party import Subject
from streampay_export._core.request import ExportRequest
from streampay_export._core.selection import Window
from streampay_export._core.trail import AuditEntry, Event
from streampay_export._core.wire import (
    make_converter,
    read_entry,
    read_instant,
    read_progress,
    read_request,
    read_subject,
    spell_decimal,
    spell_entry,
    spell_instant,
    spell_progress,
    spell_request,
    spell_subject,
)

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(timezones=ZONES).filter(lambda instant: 1 < instant.year < 9999)
TEXTS = st.text(max_size=20)
ENTRIES = st.builds(
    AuditEntry,
    id=TEXTS,
    event=st.sampled_from(Event),
    tenant=TEXTS,
    job_id=TEXTS,
    at=INSTANTS,
    actor=TEXTS,
    capacity=TEXTS,
    subject=TEXTS,
    facts=st.dictionaries(TEXTS, TEXTS, max_size=3),
)
REQUESTS = st.builds(
    ExportRequest,
    profile=TEXTS,
    formats=st.lists(TEXTS, max_size=3),
    datasets=st.lists(TEXTS, max_size=3),
    window=st.tuples(INSTANTS, INSTANTS)
    .filter(lambda both: both[0] != both[1])
    .map(lambda both: Window(start=min(both), end=max(both))),
    as_of=st.none() | INSTANTS,
)
PROGRESS = st.lists(
    st.builds(
        DatasetProgress,
        name=TEXTS,
        state=st.sampled_from(DatasetState),
        expected=st.none() | st.integers(0),
        written=st.integers(0),
    )
)


@given(ENTRIES)
def test_entries_come_back(entry):
    """
    An audit entry is one line of ASCII, and is the same when read.
    """
    line = spell_entry(entry)
    assert line.isascii()
    assert 1 == len(line.splitlines())
    assert entry == read_entry(line)


@given(REQUESTS)
def test_requests_come_back(request):
    """
    A request is the same when read, and equal requests have equal texts.
    """
    assert request == read_request(spell_request(request))
    assert spell_request(request) == spell_request(read_request(spell_request(request)))


@given(PROGRESS)
def test_progress_comes_back(datasets):
    """
    Counts of any size are exact.
    """
    assert tuple(datasets) == read_progress(spell_progress(datasets))


def test_subjects_come_back():
    """
    A person's id and identifiers are the same when unsealed.
    """
    subject = Subject("ann", ("GABC", "é\u202e".strip("\u202e")))
    assert subject == read_subject(spell_subject(subject))


@given(INSTANTS, INSTANTS)
def test_texts_of_instants_sort_as_instants(one, other):
    """
    Instants are spelled in UTC with six fractional digits, so that their texts sort as they do.
    """
    assert (one < other) == (spell_instant(one) < spell_instant(other))
    assert one == read_instant(spell_instant(one))
    assert UTC == read_instant(spell_instant(one)).tzinfo


def test_a_request_has_one_spelling():
    """
    The form is fixed: idempotency digests and the unique active request depend on it.
    """
    request = ExportRequest(datasets=("a",), window=Window(start=datetime(2026, 1, 1, tzinfo=UTC)))
    expected = (
        '{"as_of":null,"datasets":["a"],"formats":["csv","json"],"profile":"self",'
        '"window":{"end":null,"start":"2026-01-01T00:00:00.000000Z"}}'
    )
    assert expected == spell_request(request)


@pytest.mark.parametrize(
    ("number", "text"), [("1E+3", "1000"), ("-0.0000001", "-0.0000001"), ("1.10", "1.10"), ("0E-9", "0.000000000")]
)
def test_decimals_have_no_exponent(number, text):
    """
    A decimal is spelled digit for digit.
    """
    assert text == spell_decimal(Decimal(number))


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_is_refused(number):
    """
    NaN and infinity are not spelled.
    """
    with pytest.raises(ValueError, match="no amounts"):
        spell_decimal(Decimal(number))


def test_bytes_and_decimals_come_back():
    """
    The converter spells bytes as base64 and decimals as text.
    """
    converter = make_converter()
    key = WrappedKey(key_id="k", ciphertext=b"\x00\xff")
    assert {"key_id": "k", "ciphertext": "AP8="} == converter.unstructure(key)
    assert key == converter.structure(converter.unstructure(key), WrappedKey)
    assert Decimal("1.10") == converter.structure(converter.unstructure(Decimal("1.10")), Decimal)


@pytest.mark.parametrize(
    "text", ["", "secret", "[]", "{}", "null", '{"id": ["secret"], "at": "secret"}', '{"at": "2026-01-01"}']
)
def test_what_is_no_form_is_refused_unquoted(text):
    """
    Text that is not the form is a `ValueError` that repeats none of it.
    """
    for read in (read_entry, read_request, read_subject):
        with pytest.raises(ValueError, match="no JSON form") as caught:
            read(text)
        assert "secret" not in str(caught.value)
    for row in ('"state": "secret"', '"written": "1"', '"written": true', '"written": 1.5'):
        with pytest.raises(ValueError, match="no JSON form"):
            read_progress(f'[{{"name": "a", {row}}}]')


def test_an_instant_without_an_offset_is_refused():
    """
    A naive time is no instant.
    """
    with pytest.raises(ValueError, match="needs an offset"):
        read_instant("2026-01-01T00:00:00")


def test_unknown_keys_are_passed_over():
    """
    What a newer release added does not stop an older one.
    """
    assert (DatasetProgress(name="a"),) == read_progress('[{"name":"a","state":"waiting","colour":"red"}]')
