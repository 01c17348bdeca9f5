"""
Problem documents (RFC 9457), and the one table from errors to statuses.
"""

from __future__ import annotations

import json
import logging
import traceback

from ..errors import (
    AccessRefused,
    ActiveExportDiffers,
    BackendError,
    CallerError,
    CoolingOff,
    ExportGone,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    NotSignedIn,
    StateConflict,
    StepUpRequired,
    TooManyRequests,
)
from .message import Response
from .refusals import (
    BodyTooLarge,
    InvalidFormToken,
    MethodNotAllowed,
    PreconditionFailed,
    RangeNotSatisfiable,
    UnsupportedMediaType,
)

logger = logging.getLogger("streampay_export")

# The first line that fits decides.
STATUSES: tuple[tuple[type[CallerError], int], ...] = (
    (NotSignedIn, 401),
    (StepUpRequired, 401),
    (NotFound, 404),
    (AccessRefused, 403),
    (InvalidFormToken, 403),
    (ExportGone, 410),
    (StateConflict, 409),
    (TooManyRequests, 429),
    (MethodNotAllowed, 405),
    (PreconditionFailed, 412),
    (BodyTooLarge, 413),
    (UnsupportedMediaType, 415),
    (RangeNotSatisfiable, 416),
    (MalformedRequest, 400),
    (InvalidRequest, 422),
    (CallerError, 400),
)
# A `/` before the slug, so that it can be cut off; a URN, since nothing needs to be fetched there.
TYPE = "urn:streampay-export:problems/"
BACKEND_RETRY_AFTER = 5
"""Seconds after which a backend that failed may be asked again."""

GUARDED = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
"""Header fields of every answer that is not a download."""


def problem_of(error: Exception, *, prefix: str, challenge: str) -> Response:
    """
    Return the answer for whatever was raised. Only what is the caller's fault is told in detail.
    """
    if isinstance(error, CallerError):
        status = next(status for kind, status in STATUSES if isinstance(error, kind))
        more = {"field": error.field} if isinstance(error, InvalidRequest) else {}
        return _problem(status, error.slug, str(error), _fields(error, prefix, challenge), more)
    if isinstance(error, BackendError):
        logger.warning("http: %s", error)
        sentence = "something this service depends on does not answer; try again later"
        return _problem(503, error.slug, sentence, [("Retry-After", str(BACKEND_RETRY_AFTER))], {})
    # Where it was raised, but not its text, which may quote anybody's data.
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("http: a request met %s\n%s", type(error).__qualname__, frames)
    return _problem(500, "internal-error", "an internal error; the operators have been told", [], {})


def _problem(status: int, slug: str, detail: str, fields: list[tuple[str, str]], more: dict[str, str]) -> Response:
    title = slug.replace("-", " ").replace("_", " ").capitalize()
    document = {"type": TYPE + slug, "title": title, "status": status, "detail": detail, **more}
    body = json.dumps(document).encode("ascii")
    headers = (
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        *GUARDED,
        *fields,
    )
    return Response(status=status, headers=headers, body=body)


def _fields(error: CallerError, prefix: str, challenge: str) -> list[tuple[str, str]]:
    match error:
        case NotSignedIn():
            return [("WWW-Authenticate", challenge)]
        case StepUpRequired():
            # The parameters of RFC 9470, whatever the application's scheme is.
            join = "," if "=" in challenge else ""
            return [("WWW-Authenticate", f'{challenge}{join} error="{error.slug}", max_age="{error.max_age}"')]
        case MethodNotAllowed():
            return [("Allow", error.allow)]
        case ActiveExportDiffers():
            return [("Location", f"{prefix}/{error.job_id}")]
        case TooManyRequests() | CoolingOff():
            return [("Retry-After", str(error.retry_after))]
        case RangeNotSatisfiable():
            return [("Content-Range", f"bytes */{error.size}")]
        case _:
            return []
