"""
The second line of defence on a real S3 server: put there, found there, and said to be missing.
"""

import json
from datetime import timedelta

import fsspec
import pytest
from tests.remote_storage import REMOTE
from tests.toml_texts import NOTICE

from streampay_export.cli import main
from streampay_export.errors import InvalidConfiguration
from streampay_export.storage.fsspec import FsspecStorage

pytestmark = REMOTE
OTHERS = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 90}}


@pytest.fixture
def config(s3_options, tmp_path, monkeypatch):
    """
    The configuration of a deployment in a bucket that has a rule of somebody else.
    """
    files = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True, **s3_options)
    files.mkdir("rules")
    files.call_s3("put_bucket_lifecycle_configuration", Bucket="rules", LifecycleConfiguration={"Rules": [OTHERS]})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_options["secret"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_options["endpoint_url"])
    path = tmp_path / "shop.toml"
    storage = '[storage]\nurl = "s3://rules/live"\n[retention]\ndays = 3\n'
    path.write_text(f'[source]\nurl = "sqlite:///shop.db"\n{storage}{NOTICE}')
    yield path
    files.rmdir("rules")


def run(capsys, *arguments):
    """
    Run a command line; return its exit code and its last line.
    """
    code = main([str(argument) for argument in arguments])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_rule_is_missed_then_put_then_found(config, capsys, s3_options):
    """
    Without it the answer is no; once it was put, twice over, it is yes, and others' rules are as they were.
    """
    code, answer = run(capsys, "retention", "check", "--config", config, "--json")
    assert (1, ["missing", "uploads-stay"]) == (code, [each["kind"] for each in answer["findings"]])
    for _ in range(2):
        code, answer = run(capsys, "retention", "apply", "--config", config, "--json")
        assert (0, {"in_place": True, "findings": []}) == (code, answer)
    assert 0 == main(["retention", "apply", "--config", str(config)])
    assert "deletes by itself" in capsys.readouterr().out
    files = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True, **s3_options)
    rules = files.call_s3("get_bucket_lifecycle_configuration", Bucket="rules")["Rules"]
    (ours,) = run(capsys, "retention", "rule", "--config", config)[1]["Rules"]
    assert 4 == ours["Expiration"]["Days"]
    assert [OTHERS, ours] == rules


def test_a_server_that_is_away_is_no_answer(config, capsys, monkeypatch):
    """
    Then the exit code is 3.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    code, answer = run(capsys, "retention", "check", "--config", config, "--json")
    assert (3, "storage-unavailable") == (code, answer["error"]["slug"])


def test_a_bucket_without_a_path_takes_no_rule(config, s3_options):
    """
    The rule would delete what is not ours.
    """
    storage = FsspecStorage("s3://rules", **s3_options)
    for ask in (storage.lifecycle_gaps, storage.put_lifecycle, storage.lifecycle_document):
        with pytest.raises(InvalidConfiguration, match="add a path"):
            ask(timedelta(days=7))
