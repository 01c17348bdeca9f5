"""
A download's body: what it says of how far it came.
"""

import pytest

from streampay_export.errors import ExportGone, StorageUnavailable
from streampay_export.http.downloading import DownloadBody


def chunks(*given, said):
    """
    Yield what is given, raising errors, and say when it is closed.
    """
    try:
        for each in given:
            if isinstance(each, Exception):
                raise each
            yield each
    finally:
        said.append("closed")


def test_the_first_chunk_is_fetched_before_anybody_reads():
    """
    So that a store that is down refuses while a status can still be chosen.
    """
    with pytest.raises(StorageUnavailable):
        DownloadBody(chunks(StorageUnavailable("away"), said=[]))


def test_every_chunk_comes_once_and_in_order():
    """
    The one fetched early included; reading to the end closes.
    """
    said = []

    assert [b"a", b"b", b"c"] == list(DownloadBody(chunks(b"a", b"b", b"c", said=said)))
    assert ["closed"] == said


def test_a_body_that_nobody_reads_is_closed_all_the_same():
    """
    Once, however often it is closed; iterators that cannot be closed need not be.
    """
    said = []
    body = DownloadBody(chunks(b"a", b"b", said=said))
    body.close()
    body.close()

    assert ["closed"] == said
    DownloadBody(iter([b"a"])).close()


def test_what_breaks_off_mid_way_breaks_the_transfer():
    """
    The error passes: a body that ended quietly would look whole.
    """
    body = DownloadBody(chunks(b"a", ExportGone("deleted"), said=[]))

    assert b"a" == next(body)
    with pytest.raises(ExportGone):
        next(body)
