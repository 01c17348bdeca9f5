"""
Problem documents: every error has a status, and only the caller's own fault is told in detail.
"""

import json

import pytest

from streampay_export import errors
from streampay_export.errors import (
    AuditUnavailable,
    BackendError,
    CallerError,
    KeysMissing,
    SourceUnavailable,
)
from streampay_export.http import refusals
from streampay_export.http.problems import problem_of
from streampay_export.testing.fakes import NOON

CALLERS = {
    "NotSignedIn": (401, ()),
    "NotFound": (404, ()),
    "StepUpRequired": (401, (300,)),
    "CoolingOff": (403, (NOON, 7)),
    "InvalidTicket": (403, ()),
    "TicketExpired": (403, ()),
    "AccessRefused": (403, ()),
    "ActiveExportDiffers": (409, ("abc",)),
    "ExportNotReady": (409, ("queued",)),
    "ExportNotActive": (409, ("ready",)),
    "NotExtendable": (409, ("it was extended before",)),
    "SubjectErased": (409, (NOON,)),
    "ExportGone": (410, ("expired",)),
    "StateConflict": (409, ()),
    "TooManyRequests": (429, (7,)),
    "InvalidRequest": (422, ("formats", "a problem")),
    "UnknownName": (422, ("formats", "a problem", "x", ())),
    "InvalidCursor": (422, ()),
    "IdempotencyKeyReused": (422, ()),
    "MalformedRequest": (400, ("body", "a problem")),
    "BundleRefused": (400, ("a", "b")),
    "CallerError": (400, ()),
    "MethodNotAllowed": (405, ("GET",)),
    "PreconditionFailed": (412, ()),
    "BodyTooLarge": (413, ()),
    "UnsupportedMediaType": (415, ()),
    "RangeNotSatisfiable": (416, (7,)),
    "InvalidFormToken": (403, ()),
}


def below(kind):
    """
    A class and everything that derives from it.
    """
    return {kind, *(each for child in kind.__subclasses__() for each in below(child))}


def answer(error):
    """
    The response for an error, and its document.
    """
    response = problem_of(error, prefix="/exports", challenge="Session")
    return response, json.loads(response.body)


def test_every_error_of_a_caller_has_its_status():
    """
    A new error without a line here fails; the document names status, slug and sentence.
    """
    assert set(CALLERS) == {kind.__name__ for kind in below(CallerError)}
    for name, (status, facts) in CALLERS.items():
        error = getattr(refusals, name, None) or getattr(errors, name)
        response, document = answer(error(*facts))
        assert (name, status, status) == (name, response.status, document["status"])
        assert document["type"].endswith(f"/{error.slug}")
        assert str(error(*facts)) == document["detail"]
        assert document["title"][0].isupper()
        assert ("field" in document) == issubclass(error, errors.InvalidRequest)


def test_fields_that_some_answers_need():
    """
    Who to ask again, where, when, and with what.
    """
    wanted = {
        "WWW-Authenticate": ("Session", errors.NotSignedIn()),
        "Location": ("/exports/abc", errors.ActiveExportDiffers("abc")),
        "Retry-After": ("7", errors.TooManyRequests(7)),
        "Allow": ("GET", refusals.MethodNotAllowed("GET")),
        "Content-Range": ("bytes */7", refusals.RangeNotSatisfiable(7)),
    }
    for name, (value, error) in wanted.items():
        response, _ = answer(error)
        assert value == response.header(name)
        assert ("application/problem+json", "no-store", "nosniff") == tuple(
            map(response.header, ("Content-Type", "Cache-Control", "X-Content-Type-Options"))
        )
    assert "7" == answer(errors.CoolingOff(NOON, 7))[0].header("Retry-After")


@pytest.mark.parametrize(
    ("challenge", "said"),
    [
        ("Bearer", 'Bearer error="insufficient_user_authentication", max_age="300"'),
        ('Session realm="x"', 'Session realm="x", error="insufficient_user_authentication", max_age="300"'),
    ],
)
def test_a_step_up_is_asked_for_as_rfc_9470_says(challenge, said):
    """
    In the application's own scheme, with its parameters if it has any: the error, and how old a sign-in may be.
    """
    response = problem_of(errors.StepUpRequired(300), prefix="/exports", challenge=challenge)

    assert (401, said) == (response.status, response.header("WWW-Authenticate"))


@pytest.mark.parametrize(
    "error", [SourceUnavailable("db-3 is away"), AuditUnavailable("disk full"), errors.ObjectMissing()]
)
def test_what_failed_outside_is_503_without_its_words(error, caplog):
    """
    The person learns that a retry may help; the operator what it was.
    """
    response, document = answer(error)

    assert (503, "5") == (response.status, response.header("Retry-After"))
    assert document["type"].endswith(f"/{error.slug}")
    assert str(error) not in document["detail"]
    assert str(error) in caplog.text


def test_every_backend_error_is_503():
    """
    Also those to come.
    """
    every = [kind(*["x" for _ in getattr(kind, "__attrs_attrs__", ())]) for kind in below(BackendError)]

    assert len(every) > 6
    assert {503} == {answer(error)[0].status for error in every}


@pytest.mark.parametrize(
    "error", [KeysMissing("keys/table.json is gone"), KeyError("somebody"), errors.LeaseLost("x")]
)
def test_anything_else_is_500_without_details(error, caplog):
    """
    Neither the answer nor the log quotes it; the log names its type.
    """
    response, document = answer(error)

    assert (500, "an internal error; the operators have been told") == (response.status, document["detail"])
    assert type(error).__name__ in caplog.text
    assert "somebody" not in caplog.text
    assert "keys/table" not in caplog.text
