"""
Links to the application's own route.
"""

import pytest

from streampay_export.errors import InvalidConfiguration
from streampay_export.links.app import AppLinks


@pytest.mark.parametrize(
    ("base_url", "prefix", "url"),
    [
        (None, "/exports", "/exports/job/download?ticket=tick-et_1"),
        (None, "/api/v1/exports", "/api/v1/exports/job/download?ticket=tick-et_1"),
        ("https://pay.example", "/exports", "https://pay.example/exports/job/download?ticket=tick-et_1"),
        ("https://pay.example/", "/exports", "https://pay.example/exports/job/download?ticket=tick-et_1"),
        ("https://pay.example:8443/app", "/e", "https://pay.example:8443/app/e/job/download?ticket=tick-et_1"),
        ("http://localhost:8000", "/e", "http://localhost:8000/e/job/download?ticket=tick-et_1"),
        ("http://127.0.0.9", "/e", "http://127.0.0.9/e/job/download?ticket=tick-et_1"),
        ("http://[::1]:8000", "/e", "http://[::1]:8000/e/job/download?ticket=tick-et_1"),
    ],
)
def test_a_link_leads_to_the_download_route(base_url, prefix, url):
    """
    The URL is base, prefix, job and ticket; without a base it is a path.
    """
    assert url == AppLinks(base_url, prefix).download_url("job", "tick-et_1")


def test_nothing_breaks_out_of_its_place_in_the_url():
    """
    Job and ticket are escaped, whatever they hold.
    """
    url = AppLinks().download_url("../a?b#c", "x&y=z#\r\n")

    assert url == "/exports/..%2Fa%3Fb%23c/download?ticket=x%26y%3Dz%23%0D%0A"


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "pay.example",
        "/exports",
        "//pay.example",
        "ftp://pay.example",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://user@pay.example",
        "https://user:secret@pay.example",
        "https://@pay.example",
        "https://pay.example?x=1",
        "https://pay.example?",
        "https://pay.example#x",
        "https://pay.example#",
        "https://pay.example\\@evil.example",
        "https://pay.example/\n",
        " https://pay.example",
        "https://pay .example",
        "https://päy.example",
        "https://pay.example:99999",
        "https://pay.example:port",
        "https://[::1",
        "http://pay.example",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
    ],
)
def test_a_base_url_that_is_none_is_refused(base_url):
    """
    Only https, or http to this machine, without user, query and fragment; the mistake is not repeated.
    """
    with pytest.raises(InvalidConfiguration) as refused:
        AppLinks(base_url)

    assert refused.value.key == "base_url"
    assert "https://host" in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "prefix", ["", "/", "exports", "/exports/", "//exports", "/../x", "/a?b", "/a b", "/é", "/a\n"]
)
def test_a_prefix_that_is_no_path_is_refused(prefix):
    """
    A prefix begins with a slash, does not end with one, and climbs nowhere.
    """
    with pytest.raises(InvalidConfiguration, match="prefix"):
        AppLinks(prefix=prefix)
