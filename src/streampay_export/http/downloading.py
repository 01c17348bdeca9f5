"""
The bundle as a response: headers, conditions, ranges, and a body that says how far it was read.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..download import Download
from .conditional import matches, range_applies, require_match
from .message import Request, Response
from .ranges import ByteRange, read_range

# An artifact is one person's and is fetched once: nothing keeps, sniffs, embeds or refers to it.
PRIVATE = (
    ("Cache-Control", "private, no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "sandbox"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


class DownloadBody(Iterator[bytes]):
    """
    A download's bytes with the first chunk at hand, so that a store that is down is a 503 and no torn 200.

    `close` it when the receiver is done or gone. Raises what `Download.read` raises.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._first: bytes | None = next(chunks)

    def __next__(self) -> bytes:
        """
        Return the next chunk.
        """
        first, self._first = self._first, None
        return next(self._chunks) if first is None else first

    def close(self) -> None:
        """
        Record how far it came and close what is open.
        """
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


def download_response(request: Request, download: Download) -> Response:
    """
    Return 200, 206, 304, or 303 to the store, for an authorised download, or raise
    `PreconditionFailed` or `RangeNotSatisfiable`.
    """
    etag = f'"{download.sha256}"'
    fixed = (("ETag", etag), ("Accept-Ranges", "bytes"), *PRIVATE)
    require_match(request.headers.get("If-Match"), etag)
    if matches(request.headers.get("If-None-Match"), etag):
        return Response(status=304, headers=fixed)
    handed_over = download.hand_over()
    if handed_over is not None:
        return Response(status=303, headers=(("Location", handed_over.url), ("Content-Length", "0"), *PRIVATE))
    part = _part(request, download.size, etag)
    start, end = (part.start, part.end) if part else (0, download.size)
    headers = [
        ("Content-Type", "application/zip"),
        ("Content-Length", str(end - start)),
        ("Content-Disposition", f'attachment; filename="{download.file_name}"'),
        *fixed,
    ]
    if part:
        headers.append(("Content-Range", f"bytes {start}-{end - 1}/{download.size}"))
    body = b"" if request.method == "HEAD" else DownloadBody(download.read(start, end))
    return Response(status=206 if part else 200, headers=headers, body=body)


def _part(request: Request, size: int, etag: str) -> ByteRange | None:
    # Ranges are defined for GET alone.
    if request.method != "GET" or not range_applies(request.headers.get("If-Range"), etag):
        return None
    return read_range(request.headers.get("Range"), size)
