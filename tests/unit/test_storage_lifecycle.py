"""
Rules by which a bucket deletes by itself, and what is wrong with those that are there.
"""

import json
from datetime import timedelta

import pytest
from tests.requirements import library
from tests.toml_texts import NOTICE

from streampay_export.cli import main
from streampay_export.errors import InvalidConfiguration
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.storage.lifecycle import Gap, LifecycleRule

WEEK = timedelta(days=7)
RULE = LifecycleRule.of("bucket/live", WEEK)
OURS = RULE.for_s3()


@pytest.mark.parametrize(
    ("exports", "days"),
    [(timedelta(hours=1), 2), (timedelta(days=1), 2), (timedelta(days=1, hours=1), 3), (WEEK, 8)],
)
def test_a_bucket_waits_for_a_day_more(exports, days) -> None:
    """
    The sweeper is first: it shreds and records, which a bucket does not.
    """
    assert LifecycleRule(bucket="bucket", path="a/b/", days=days) == LifecycleRule.of("bucket/a/b", exports)


def test_a_rule_for_all_of_a_bucket_is_refused() -> None:
    """
    Whatever else is in the bucket would be deleted with ours.
    """
    with pytest.raises(InvalidConfiguration, match="add a path"):
        LifecycleRule.of("bucket", WEEK)


def test_every_cloud_has_its_form() -> None:
    """
    The same rule, as each cloud writes it: only what lies under the path, after the same days.
    """
    google, azure = RULE.for_google()["rule"], RULE.for_azure()["rules"]
    assert {("live/",)} == {tuple(each["condition"]["matchesPrefix"]) for each in google}
    assert {"type": "Delete"} == google[0]["action"]
    assert 8 == google[0]["condition"]["age"]
    assert [["bucket/live/"]] == [each["definition"]["filters"]["prefixMatch"] for each in azure]
    after = {"delete": {"daysAfterCreationGreaterThan": 8}}
    assert {"baseBlob": after, "version": after, "snapshot": after} == azure[0]["definition"]["actions"]


def test_a_storage_says_it_for_its_own_cloud() -> None:
    """
    From the URL alone; what cannot be asked for its rules, or take one, says so.
    """
    library("s3fs", package="streampay-export[s3]")
    library("adlfs", package="streampay-export[azure]")
    assert {"Rules": [OURS]} == FsspecStorage("s3://bucket/live/").lifecycle_document(WEEK)
    storage = FsspecStorage("az://bucket/live", account_name="nobody", account_key="bm9uZQ==")
    assert RULE.for_azure() == storage.lifecycle_document(WEEK)
    assert [Gap.CANNOT_TELL] == list(storage.lifecycle_gaps(WEEK))
    with pytest.raises(InvalidConfiguration, match="its own tools"):
        storage.put_lifecycle(WEEK)


def changed(**how):
    """
    Return our rule with something else in it; `None` leaves a part out.
    """
    return {name: value for name, value in (OURS | how).items() if value is not None}


PAST = {"Expiration": {"Date": "2026-01-01T00:00:00Z"}}
TAGGED = {"And": {"Prefix": "live/", "Tags": [{"Key": "a", "Value": "b"}]}}
SIZED = {"And": {"Prefix": "live/", "ObjectSizeGreaterThan": 5}}


@pytest.mark.parametrize(
    ("rules", "gaps"),
    [
        ([OURS], []),
        ([changed(Filter={"Prefix": ""})], []),
        ([changed(Filter=None, Prefix="live/")], []),
        ([changed(Expiration={"Days": 7})], []),
        ([changed(Expiration={"Days": 30})], []),
        ([], [Gap.MISSING, Gap.UPLOADS_STAY]),
        ([changed(Status="Disabled")], [Gap.MISSING, Gap.UPLOADS_STAY]),
        ([changed(Filter={"Prefix": "live/default/"})], [Gap.MISSING, Gap.UPLOADS_STAY]),
        ([changed(Filter={"Prefix": "livestock/"})], [Gap.MISSING, Gap.UPLOADS_STAY]),
        ([changed(Filter=TAGGED)], [Gap.MISSING, Gap.UPLOADS_STAY]),
        ([changed(Filter=SIZED)], [Gap.MISSING, Gap.UPLOADS_STAY]),
        ([changed(Expiration={"Days": 31})], [Gap.MISSING]),
        ([changed(Expiration=None)], [Gap.MISSING]),
        ([OURS, changed(Expiration={"Days": 6})], [Gap.TOO_EARLY]),
        ([OURS, changed(Filter={"Prefix": "live/default/"}, Expiration={"Days": 1})], [Gap.TOO_EARLY]),
        ([OURS, changed(Filter=SIZED, Expiration={"Days": 1})], [Gap.TOO_EARLY]),
        ([OURS, changed(Filter=TAGGED, Expiration={"Days": 1})], []),
        ([OURS, changed(Filter={"Prefix": "logs/"}, Expiration={"Days": 1})], []),
        ([OURS, changed(**PAST)], [Gap.TOO_EARLY]),
        ([changed(AbortIncompleteMultipartUpload=None)], [Gap.UPLOADS_STAY]),
    ],
)
def test_what_rules_lack_is_named(rules, gaps) -> None:
    """
    A rule counts where it reaches all of ours in time; one that deletes what is still good is worse than none.
    """
    assert gaps == list(RULE.gaps(rules, versions=False))


def test_versions_have_to_go_too() -> None:
    """
    Where the bucket keeps versions a rule has to end them.
    """
    assert [] == list(RULE.gaps([OURS], versions=True))
    assert [Gap.VERSIONS_STAY] == list(RULE.gaps([changed(NoncurrentVersionExpiration=None)], versions=True))


def test_a_folder_deletes_nothing_by_itself(tmp_path, capsys) -> None:
    """
    There the answer is no, and there is no rule to print or to put anywhere.
    """
    config = tmp_path / "shop.toml"
    config.write_text(f'[source]\nurl = "sqlite:///shop.db"\n{NOTICE}')
    assert 1 == main(["retention", "check", "--config", str(config), "--json"])
    found = [{"kind": "no-rules", "problem": Gap.NO_RULES.sentence}]
    assert {"in_place": False, "findings": found} == json.loads(capsys.readouterr().out)
    assert 1 == main(["retention", "check", "--config", str(config)])
    assert "no-rules: a folder deletes nothing" in capsys.readouterr().out
    assert [2, 2] == [main(["retention", verb, "--config", str(config)]) for verb in ("rule", "apply")]
