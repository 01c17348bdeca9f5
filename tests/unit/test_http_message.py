"""
Requests and responses as values.
"""

import pytest

from streampay_export.errors import InvalidRequest
from streampay_export.http import Headers, Request, Response


def test_header_fields_are_found_in_any_case_and_joined():
    """
    Fields that came twice are one, with a comma between.
    """
    pairs = [("X-Demo", " a "), ("x-demo", "b"), ("Range", "bytes=0-1")]

    assert "a, b" == Headers(pairs).get("X-DEMO")
    assert None is Headers(pairs).get("Cookie")
    assert "bytes=0-1" == Request(method="GET", path="/", headers=pairs).headers.get("range")
    assert "v" == Request(method="GET", path="/", headers={"K": "v"}).headers.get("k")
    assert "v" == Request(method="GET", path="/", headers=Headers([("K", "v")])).headers.get("k")


def test_values_stay_out_of_sight():
    """
    Cookies, tickets and bodies are in no repr.
    """
    request = Request(method="GET", path="/", query="ticket=secret", headers={"Cookie": "secret"}, body=b"secret")

    assert "secret" not in repr(request)
    assert "cookie" in repr(request)
    assert "secret" not in repr(Response(status=200, headers=(), body=b"secret"))


def test_a_parameter_comes_once():
    """
    Absent, empty, given, and given twice are four things.
    """
    request = Request(method="GET", path="/", query="a=1&b=&c=1&c=2&d=%20%ff")

    assert ("1", "", None, " \ufffd") == tuple(map(request.parameter, "abxd"))
    assert ("1", "2") == request.parameters("c")
    with pytest.raises(InvalidRequest) as refused:
        request.parameter("c")
    assert "c" == refused.value.field


def test_text_that_no_store_can_take_is_replaced():
    """
    Lone surrogates, which WSGI makes of undecodable bytes, become question marks.
    """
    request = Request(method="GET", path="/exports/\udcff", query="cursor=\udc80")

    assert "/exports/?" == request.path
    assert "?" == request.parameter("cursor")


@pytest.mark.parametrize(
    "pair", [("Location", "/a\r\nSet-Cookie: x"), ("A b", "x"), ("X", "é"), ("X\n", "y"), ("X", "\0")]
)
def test_a_header_field_cannot_be_split(pair):
    """
    Line ends, NUL and what is not ASCII never leave.
    """
    with pytest.raises(ValueError, match="no header field may"):
        Response(status=200, headers=[pair])


def test_a_response_is_closed_through_its_body():
    """
    Generators are closed, also one that never began; bytes need no closing; HEAD closes at once.
    """
    closed = []

    class Body:
        def __iter__(self):
            return self

        def __next__(self):
            return b"x"

        def close(self):
            closed.append(self)

    response = Response(status=200, headers=[("Content-Length", "5")], body=Body())

    assert b"x" == next(response.chunks())
    head = response.without_body()
    response.close()
    assert 2 == len(closed)
    assert (b"", "5", None) == (head.body, head.header("content-length"), head.header("etag"))
    plain = Response(status=200, headers=(), body=b"abc")
    plain.close()
    assert [b"abc"] == list(plain.chunks())
