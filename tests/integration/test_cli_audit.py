"""
`audit verify` and `audit prune` over trails that were left alone, and over some that were not.
"""

import json
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from tests.toml_texts import NOTICE

from streampay_export.cli import main
from streampay_export.configuration import read_configuration
from streampay_export.embedded import open_trail
from streampay_export.keys.local import LocalKeys
from streampay_export.testing.contracts.outbox import make_entry

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture(params=['path = "trail.jsonl"', 'url = "sqlite:///trail.db"'], ids=["jsonl", "sql"])
def config(request, tmp_path):
    """
    The configuration of a deployment whose trail has 12 entries of one tenant and 3 of another.
    """
    file = tmp_path / "shop.toml"
    file.write_text(f'[source]\nurl = "sqlite:///shop.db"\n[audit]\n{request.param}\n{NOTICE}')
    places = read_configuration(file).places
    LocalKeys.init(places.keys, created_at=NOON)
    append(file, *range(12))
    append(file, *range(3), tenant="other")
    return file


def append(config, *names, tenant="default"):
    """
    Record entries an hour apart, as a process would that begins and ends.
    """
    places = read_configuration(config).places
    trail = open_trail(places, LocalKeys.load(places.keys), make=True)
    for n in names:
        trail.append(evolve(make_entry(str(n), tenant=tenant), at=NOON + timedelta(hours=n)))
    trail.close()


def run(capsys, *arguments):
    """
    Run a command for programs; return its exit code and what it answered.
    """
    code = main(["audit", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def meddle(config, statement, line):
    """
    Change a trail past its sink: a statement of SQL, or what is done to the file's lines.
    """
    file = config.parent / "trail.jsonl"
    if file.exists():
        lines = file.read_bytes().splitlines(keepends=True)
        line(lines)
        file.write_bytes(b"".join(lines))
        return
    connection = sqlite3.connect(config.parent / "trail.db")
    with connection:
        connection.execute(statement)
    connection.close()


def test_an_untouched_trail_is_intact(config, capsys):
    """
    Each tenant's chain holds, and the checkpoint at its end proves it whole; on one disk that is little, and said.
    """
    assert 0 == main(["audit", "verify", "--config", str(config)])
    said = capsys.readouterr()
    default, other = said.out.splitlines()
    assert default.startswith("default: intact up to number 12; proven up to number 12 by the checkpoint of 20")
    assert other.startswith("other: intact up to number 3; proven up to number 3 by")
    assert "they prove little" in said.err
    assert 0 == main(["audit", "verify", "--config", str(config), "--tenant", "other"])
    assert [other] == capsys.readouterr().out.splitlines()


EDIT = (
    "UPDATE export_audit SET entry = replace(entry, 'requested', 'failed') WHERE id = '4'",
    lambda lines: lines.__setitem__(4, lines[4].replace(b"requested", b"failed")),
)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (EDIT, ("edited", 5, 5)),
        (
            (
                "UPDATE export_audit SET job_id = 'job-2' WHERE tenant = 'default' AND number = 5",
                lambda lines: lines.__setitem__(4, lines[4].replace(b"job-1", b"job-2")),
            ),
            ("edited", 5, 5),
        ),
        (
            (
                "UPDATE export_audit SET link = 'none' WHERE tenant = 'default' AND number = 5",
                lambda lines: lines.__setitem__(4, lines[4].replace(b'"link":"', b'"link":"0')),
            ),
            ("edited", 5, 5),
        ),
        (
            (
                "DELETE FROM export_audit WHERE tenant = 'default' AND number BETWEEN 5 AND 7",
                lambda lines: lines.__delitem__(slice(4, 7)),
            ),
            ("deleted", 5, 7),
        ),
        (
            (
                "DELETE FROM export_audit WHERE tenant = 'default' AND number >= 5",
                lambda lines: lines.__delitem__(slice(4, 12)),
            ),
            ("cut", 5, 12),
        ),
        (
            ("DELETE FROM export_audit WHERE tenant = 'default'", lambda lines: lines.__delitem__(slice(0, 12))),
            ("cut", 1, 12),
        ),
    ],
    ids=["edited", "hidden", "unlinked", "deleted", "cut", "gone"],
)
def test_what_was_done_is_located(config, capsys, change, finding):
    """
    What somebody did to the file or table past the sink is found at its number, and other tenants are intact.
    """
    meddle(config, *change)
    code, answer = run(capsys, "verify", "--config", config)
    default, other = answer["tenants"]
    assert (1, False) == (code, answer["intact"])
    assert dict(zip(("kind", "first", "last"), finding, strict=True)) == default["finding"]
    assert None is other["finding"]
    assert 1 == main(["audit", "verify", "--config", str(config)])
    assert f": {finding[0]}: " in capsys.readouterr().out.splitlines()[0]


def test_a_trail_cut_and_regrown_is_found_by_a_copy_of_checkpoints(config, capsys):
    """
    Whoever cuts the trail and its checkpoints alike is found by checkpoints that were kept elsewhere.
    """
    copy = config.parent / "copy.jsonl"
    shutil.copy(config.parent / "audit-checkpoints.jsonl", copy)
    meddle(
        config,
        "DELETE FROM export_audit WHERE tenant = 'default' AND number > 4",
        lambda lines: lines.__delitem__(slice(4, 12)),
    )
    meddle(config, "DELETE FROM export_audit_head", list)
    (config.parent / "audit-checkpoints.jsonl").unlink()
    append(config, *range(100, 110))
    assert True is run(capsys, "verify", "--config", config)[1]["intact"]
    code, answer = run(capsys, "verify", "--config", config, "--checkpoint", copy)
    assert (1, True) == (code, answer["apart"])
    default = answer["tenants"][0]
    assert {"kind": "cut and regrown", "first": 2, "last": 12} == default["finding"]
    assert 1 == default["proven_to"]


def test_checkpoints_of_somebody_else_are_no_proof(config, capsys):
    """
    A checkpoint that was altered, or signed by other keys, is counted, and the answer is no.
    """
    file = config.parent / "audit-checkpoints.jsonl"
    file.write_text(file.read_text().replace('"size":3,', '"size":2,'))
    code, answer = run(capsys, "verify", "--config", config)
    assert (1, False, 1) == (code, answer["intact"], answer["strange_checkpoints"])
    file.write_text("torn\n" + file.read_text())
    assert 1 == main(["audit", "verify", "--config", str(config)])
    said = capsys.readouterr()
    assert "1 checkpoints are not signed by this deployment's keys" in said.out
    assert "a line that is no checkpoint" in said.err


def test_pruning_leaves_a_trail_that_verifies(config, capsys):
    """
    What is older is deleted behind a signed record; the rest is proven, and is added to as before.
    """
    assert (0, {"tenant": "default", "deleted": 5}) == run(
        capsys, "prune", "--config", config, "--before", "2026-01-02T17:00:00Z"
    )
    append(config, 12)
    code, answer = run(capsys, "verify", "--config", config)
    assert (0, 13, 13) == (code, answer["tenants"][0]["intact_to"], answer["tenants"][0]["proven_to"])
    assert 0 == main(["audit", "prune", "--config", str(config), "--before", "2026-01-02T17:00:00Z"])
    assert "default: 0 entries deleted\n" == capsys.readouterr().out
    meddle(
        config,
        "DELETE FROM export_audit WHERE tenant = 'default' AND number < 9",
        lambda lines: lines.__delitem__(slice(0, 3)),
    )
    finding = run(capsys, "verify", "--config", config)[1]["tenants"][0]["finding"]
    assert {"kind": "deleted", "first": 1, "last": 8} == finding


def test_everything_but_the_last_entry_can_be_pruned(config, capsys):
    """
    The last entry stays, so that the chain goes on from it.
    """
    assert 11 == run(capsys, "prune", "--config", config, "--before", "2030-01-01")[1]["deleted"]
    append(config, 500)
    code, answer = run(capsys, "verify", "--config", config, "--tenant", "default")
    assert (0, 13) == (code, answer["tenants"][0]["intact_to"])


def test_the_configuration_may_say_how_long_the_trail_is_kept(config, capsys):
    """
    Without a day what is older than `audit_days` goes; where there is neither, nothing does.
    """
    code, answer = run(capsys, "prune", "--config", config)
    assert (2, True) == (code, "audit_days" in answer["error"]["detail"])
    text = config.read_text()
    config.write_text(f"{text}[retention]\naudit_days = 36500\n")
    assert 0 == run(capsys, "prune", "--config", config)[1]["deleted"]
    config.write_text(f"{text}[retention]\naudit_days = 1\n")
    assert 11 == run(capsys, "prune", "--config", config)[1]["deleted"]


def test_a_trail_that_does_not_hold_is_not_pruned(config, capsys):
    """
    Evidence is not destroyed: the answer is no, with the number, and nothing was deleted.
    """
    meddle(config, *EDIT)
    code, answer = run(capsys, "prune", "--config", config, "--before", "2026-01-03")
    assert (1, "trail-broken") == (code, answer["error"]["slug"])
    assert "does not hold at number 5: edited" in answer["error"]["detail"]
    places = read_configuration(config).places
    trail = open_trail(places, LocalKeys.load(places.keys))
    assert 12 == len(list(trail.chain("default")))
    trail.close()


def test_what_cannot_be_verified_is_said(config, capsys):
    """
    A trail that is away is 3, a file of checkpoints that is not there is 2, and an empty trail is no finding.
    """
    arguments = ("verify", "--config", config, "--checkpoint", config.parent / "nowhere")
    assert (2, "invalid-request") == ((answer := run(capsys, *arguments))[0], answer[1]["error"]["slug"])
    (config.parent / "audit-checkpoints.jsonl").unlink()
    for name in ("trail.jsonl", "trail.db"):
        (config.parent / name).unlink(missing_ok=True)
    (config.parent / "trail.jsonl").mkdir()
    (config.parent / "trail.db").mkdir()
    arguments = ("verify", "--config", config)
    assert (3, "audit-unavailable") == ((answer := run(capsys, *arguments))[0], answer[1]["error"]["slug"])
    (config.parent / "trail.jsonl").rmdir()
    if "trail.jsonl" in config.read_text():
        assert 0 == main(["audit", "verify", "--config", str(config)])
        assert "the trail is empty" in capsys.readouterr().out
        assert 0 == main(["audit", "verify", "--config", str(config), "--tenant", "default"])
        assert "no checkpoint proves how much there was" in capsys.readouterr().out


def test_new_and_revoked_keys_are_recorded(config, capsys):
    """
    `keys rotate` leaves an entry for each key that is new, and for each that is revoked, by the operator's name.
    """
    places = read_configuration(config).places
    (ticket,) = (each.key_id for each in LocalKeys.load(places.keys).describe() if each.purpose == "ticket")
    assert 0 == main(["keys", "rotate", "--config", str(config), "--purpose", "ticket", "--revoke", ticket])
    trail = open_trail(places, LocalKeys.load(places.keys))
    entries = list(trail.entries("default"))[12:]
    assert {("keys_rotated", "ticket", "operator"), ("revoked", "ticket", "operator")} == {
        (each.event, each.facts["purpose"], each.capacity) for each in entries
    }
    assert ticket in {each.facts["key"] for each in entries}
    trail.close()
    assert 0 == main(["audit", "verify", "--config", str(config)])
