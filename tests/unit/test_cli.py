"""The command line's flags, lists and exit codes, without a deployment."""

import base64
import importlib.util
import io
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streampay_export import errors
from streampay_export._core.job import Failure
from streampay_export.cli import keys as keys_module
from streampay_export.cli import main
from streampay_export.cli.deployment import operator
from streampay_export.cli.exporting import subject_id
from streampay_export.cli.handover import destination, leave
from streampay_export.cli.moments import instant, window
from streampay_export.cli.outcome import ExportFailed, exit_code
from streampay_export.cli.terminal import log_to_terminal
from streampay_export.verify import read_public_keys

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidRequest("as-of", "x"), 2),
        (errors.UnknownName.of("format", "x", ["csv"]), 2),
        (errors.InvalidConfiguration("x", "y"), 2),
        (errors.SourceMismatch("x", "y"), 2),
        (errors.KeysMissing("x"), 2),
        (errors.NullKey("x", "c", 1), 2),
        (errors.KeyForm("x", "c"), 2),
        (errors.RepeatedRow("x"), 1),
        (errors.ForeignRow("x"), 1),
        (errors.NotFound(), 1),
        (errors.ActiveExportDiffers("x"), 1),
        (errors.BundleRefused("", "x"), 1),
        (errors.LeaseLost("cancelled"), 1),
        (errors.SourceUnavailable("x"), 3),
        (errors.StorageUnavailable("x"), 3),
        (errors.ObjectMissing(), 3),
        (errors.Interrupted(), 130),
        (ExportFailed(Failure(slug="null-key", sentence="x")), 2),
        (ExportFailed(Failure(slug="storage-unavailable", sentence="x")), 3),
        (ExportFailed(Failure(slug="unwritable-value", sentence="x")), 1),
        (ExportFailed(Failure(slug="internal", sentence="x")), 3),
        (ExportFailed(Failure(slug="attempts-exhausted", sentence="x")), 1),
    ],
)
def test_exit_codes(error: errors.ExportError, code: int) -> None:
    """The exit code says whose fault it is, also for a failure that only the job's row remembers."""
    assert exit_code(error) == code


def test_header(capsys: Capture) -> None:
    """The header of one dataset is one line, as in its CSV, and holds nobody's data."""
    assert main(["header", "events"]) == 0
    assert capsys.readouterr().out == "id,type,stream_id,timestamp,description\n"


def test_headers(capsys: Capture) -> None:
    """Without a dataset every one is shown under its file's name."""
    assert main(["header", "--profile", "portability"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[::2] == [f"# data/{name}.csv" for name in ("account", "streams", "payouts", "events")]


def test_policy_list(capsys: Capture) -> None:
    """Every field is listed with rule and reason."""
    assert main(["policy", "list", "--profile", "self"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("profile self\n")
    assert "metadata" in said
    assert "left out until it is classified" in said


def test_policy_list_for_operators_hides_nothing(capsys: Capture) -> None:
    """What the person may not be told has a heading; where there is nothing of the kind, that is said."""
    assert main(["policy", "list", "--operator"]) == 0
    assert capsys.readouterr().out.endswith("\ninternal: the person is told all of it\n")


def test_policy_document_in_a_file(tmp_path: Path, capsys: Capture) -> None:
    """The document goes to standard output, or whole into a file under its own name."""
    assert main(["policy", "document"]) == 0
    printed = capsys.readouterr().out
    assert main(["policy", "document", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "policy.md").read_text() == printed
    assert capsys.readouterr().err == f"written to {tmp_path / 'policy.md'}\n"
    assert main(["policy", "document", "--out", str(tmp_path / "no" / "such.md")]) == 2


def test_policy_list_json(capsys: Capture) -> None:
    """For programs it has the form of GET /exports/policy."""
    assert main(["policy", "list", "--json"]) == 0
    form = json.loads(capsys.readouterr().out)
    assert list(form) == ["profile", "datasets"]
    assert [each["name"] for each in form["datasets"]] == ["account", "streams", "payouts", "events"]
    assert list(form["datasets"][0]["fields"][0]) == [
        "name",
        "rule",
        "reason",
        "category",
        "origin",
        "description",
        "how",
    ]


def test_what_is_too_much_is_named(capsys: Capture) -> None:
    """As when a shell made several files of one pattern."""
    assert main(["verify", "a.zip", "b.zip", "c\n.zip"]) == 2
    assert capsys.readouterr().err == "unexpected: 'b.zip', 'c\\n.zip'; see --help\n"


@pytest.mark.parametrize(
    "line",
    [
        ["frobnicate"],
        ["header", "nope"],
        ["header", "--profile", "nope"],
        ["header", "--bogus"],
        ["policy", "list", "--config", "no-such.toml"],
        ["policy", "check"],
        ["policy", "check", "--config", "no-such.toml"],
        ["export"],
        ["export", "--subject", "a"],
        ["export", "--config", "no-such.toml", "--subject", "a"],
        ["export", "--config", "no-such.toml", "--subject", "a", "--subject", "b"],
        ["export", "--config", "no-such.toml", "--subject", ""],
        ["export", "--config", "no-such.toml", "--subject", "a", "--from", "yesterday"],
        ["export", "--config", "no-such.toml", "--subject", "a", "--out", "/no/such/folder/x.zip"],
        ["keys", "init"],
        ["keys", "init", "--config", "a.toml", "--path", "b"],
        ["keys", "list", "--path", "no-such-folder"],
        ["keys", "rotate"],
        ["keys", "rotate", "--path", "no-such-folder"],
        ["keys", "rotate", "--path", "no-such-folder", "--purpose", "frobnicate"],
        ["verify"],
        ["verify", "a.zip", "b.zip"],
        ["verify", "no-such.zip"],
        ["verify", "no-such.zip", "--public-key", "k", "--integrity-only"],
        ["status", "--config", "no-such.toml"],
        ["worker", "--config", "no-such.toml"],
        ["sweep", "--config", "no-such.toml"],
    ],
)
def test_wrong_input(line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Wrong input is exit code 2 and one sentence on standard error; nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert main(line) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "slug"),
    [(["policy", "list", "--profile", "x"], "unknown-name"), (["policy", "list", "--bogus"], "wrong-flags")],
)
def test_errors_for_programs(line: list[str], slug: str, capsys: Capture) -> None:
    """With --json an error is one line of JSON on standard output too."""
    assert main([*line, "--json"]) == 2
    said = capsys.readouterr()
    error = json.loads(said.out)["error"]
    assert error["slug"] == slug
    assert said.err == error["detail"] + "\n"


def test_a_bug_tells_where_and_nothing_else(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """What an unknown error says may be somebody's data: its place and kind are shown, and the code is 3."""
    address = "ada@example.org"

    def broken(*_: object, **__: object) -> None:
        raise ValueError(address)

    monkeypatch.setattr("streampay_export.cli.documenting.policy_list", broken)
    assert main(["policy", "list", "--json"]) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["slug"] == "internal-error"
    assert "in broken" in said.err
    assert said.err.endswith("an internal error, ValueError: please report where it happened\n")
    assert address not in said.err + said.out


def test_missing_extra(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Without the extra the command says how to get it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert main(["header"]) == 2
    assert capsys.readouterr().err == "the command line needs: pip install 'streampay-export[cli]'\n"


def test_early_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Ctrl-C anywhere ends with 130 and says how to go on."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("streampay_export.cli.listing.header", interrupted)
    assert main(["header"]) == 130
    assert "run the same command again" in capsys.readouterr().err
    assert main(["policy", "list"]) == 0
    monkeypatch.setattr("streampay_export.cli.app.run", interrupted)
    assert main(["header"]) == 130


def test_keys(tmp_path: Path, capsys: Capture) -> None:
    """`keys init` makes keys once; the public ones are left beside them and can be listed."""
    folder = tmp_path / "keys"
    assert main(["keys", "init", "--path", str(folder)]) == 0
    assert (folder / "keys.json").stat().st_mode & 0o777 == 0o600
    before = (folder / "keys.json").read_bytes()
    assert main(["keys", "init", "--path", str(folder)]) == 2
    assert (folder / "keys.json").read_bytes() == before
    capsys.readouterr()
    assert main(["keys", "list", "--path", str(folder), "--public"]) == 0
    [key] = json.loads(capsys.readouterr().out)["keys"]
    assert (key["algorithm"], key["state"]) == ("Ed25519", "current")
    assert main(["keys", "list", "--path", str(folder), "--json"]) == 0
    assert key["key_id"] in {each["key_id"] for each in json.loads(capsys.readouterr().out)["keys"]}
    assert main(["keys", "list", "--path", str(folder)]) == 0
    assert key["key_id"] in capsys.readouterr().out
    assert (folder / "manifest-public.pem").read_text().startswith("-----BEGIN PUBLIC KEY-----\n")


def listed_keys(folder: Path, capsys: Capture, *flags: str) -> list[dict[str, str]]:
    """What `keys list` says for programs."""
    capsys.readouterr()
    assert main(["keys", "list", "--path", str(folder), *flags]) == 0
    keys: list[dict[str, str]] = json.loads(capsys.readouterr().out)["keys"]
    return keys


def test_keys_rotate(tmp_path: Path, capsys: Capture) -> None:
    """New keys are current, former ones retired; the public key beside them is new, and it says what is next."""
    folder = tmp_path / "keys"
    assert main(["keys", "init", "--path", str(folder)]) == 0
    [old] = listed_keys(folder, capsys, "--public")
    pem = (folder / "manifest-public.pem").read_text()

    assert main(["keys", "rotate", "--path", str(folder)]) == 0
    said = capsys.readouterr().out
    new, former = listed_keys(folder, capsys, "--public")
    assert (former, new["state"]) == ({**old, "state": "retired"}, "current")
    assert f"{new['key_id']}  now current\n" in said
    assert f"{old['key_id']}  now retired\n" in said
    assert "restart the workers, then the others" in said
    assert "streampay-export keys list --public" in said
    [current] = read_public_keys(folder / "manifest-public.pem")
    assert new["public_key"] == base64.b64encode(current.raw).decode()
    assert (folder / "manifest-public.pem").read_text() != pem
    assert sorted(path.name for path in folder.iterdir()) == ["keys.json", "manifest-public.pem"]


def test_keys_rotate_for_programs(tmp_path: Path, capsys: Capture) -> None:
    """What changed is the last line: purposes asked for, and keys named, and no others."""
    folder = tmp_path / "keys"
    assert main(["keys", "init", "--path", str(folder)]) == 0
    before = {each["purpose"]: each["key_id"] for each in listed_keys(folder, capsys, "--json")}
    purposes = ["--purpose", "ticket", "--purpose", "checkpoint"]
    assert main(["keys", "rotate", "--path", str(folder), *purposes, "--revoke", before["ticket"], "--json"]) == 0
    form = json.loads(capsys.readouterr().out)
    assert form["public_key"] == str(folder / "manifest-public.pem")
    states = [(each["purpose"], each["state"]) for each in form["keys"]]
    assert states == [
        ("checkpoint", "current"), ("checkpoint", "retired"), ("ticket", "current"), ("ticket", "revoked"),
    ]  # fmt: skip
    assert before["ticket"] == form["keys"][3]["key_id"]

    assert main(["keys", "rotate", "--path", str(folder), "--revoke", before["ticket"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["keys"] == []
    assert main(["keys", "rotate", "--path", str(folder), "--revoke", before["checkpoint"]]) == 0
    assert "now revoked" in (said := capsys.readouterr().out)
    assert "publish" not in said


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--purpose", "frobnicate"], "there is no purpose 'frobnicate'; there are: key-encryption, "),
        (["--purpose", "owner-tag"], "nobody would find the exports they have"),
        (["--revoke", "nokey"], "there is no key 'nokey'"),
        (["--purpose", "ticket", "--revoke", "MANIFEST"], "rotate the purpose manifest in the same step"),
    ],
)
def test_keys_are_not_rotated_by_mistake(tmp_path: Path, capsys: Capture, flags: list[str], problem: str) -> None:
    """An unknown purpose or key, one that is not rotated and one still in use: exit code 2, and no file changes."""
    folder = tmp_path / "keys"
    assert main(["keys", "init", "--path", str(folder)]) == 0
    [manifest] = listed_keys(folder, capsys, "--public")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    flags = [each.replace("MANIFEST", manifest["key_id"]) for each in flags]
    assert main(["keys", "rotate", "--path", str(folder), *flags]) == 2
    assert problem in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_public_key_is_that_of_the_last_rotation(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another rotation comes between the keys and the public one beside them."""
    folder = tmp_path / "keys"
    assert main(["keys", "init", "--path", str(folder)]) == 0
    leave = keys_module.leave_public_key

    def overtaken(*arguments: Any) -> Path:
        monkeypatch.setattr(keys_module, "leave_public_key", leave)
        assert main(["keys", "rotate", "--path", str(folder)]) == 0
        return leave(*arguments)

    monkeypatch.setattr(keys_module, "leave_public_key", overtaken)
    assert main(["keys", "rotate", "--path", str(folder)]) == 0
    last = listed_keys(folder, capsys, "--public")[0]
    [left] = read_public_keys(folder / "manifest-public.pem")
    assert last["public_key"] == base64.b64encode(left.raw).decode()


def test_a_public_key_that_cannot_be_written_is_said(tmp_path: Path, capsys: Capture) -> None:
    """The keys are rotated all the same, and the next run leaves the public one."""
    folder = tmp_path / "keys"
    assert main(["keys", "init", "--path", str(folder)]) == 0
    (folder / "manifest-public.pem").unlink()
    (folder / "manifest-public.pem").mkdir()
    assert main(["keys", "rotate", "--path", str(folder)]) == 2
    assert "manifest-public.pem cannot be written" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["keys.json", "manifest-public.pem"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31 12:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_instants(text: str, expected: datetime) -> None:
    """A day begins in UTC; an instant has an offset."""
    assert instant("from", text) == expected


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-02-30", "2026-01-31T12:00:00", "20260131", "0001-01-01T00:00+10:00"]
)
def test_wrong_instants(text: str) -> None:
    """Anything else is refused, naming the flag."""
    with pytest.raises(errors.InvalidRequest, match="from: a day such as"):
        instant("from", text)


def test_window() -> None:
    """A window that ends before it begins is refused."""
    assert window(None, None).start is None
    with pytest.raises(errors.InvalidRequest):
        window("2026-02-01", "2026-01-01")


def test_subject_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hyphen reads the id from standard input, so that no process list shows it."""
    monkeypatch.setattr("sys.stdin", io.StringIO("GABC\n"))
    assert subject_id("-") == "GABC"
    assert subject_id("x") == "x"
    for text in (b"\n", b"\xff\n"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text), "utf-8"))
        with pytest.raises(errors.InvalidRequest, match="standard input"):
            subject_id("-")


def test_operator_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that does not know who types has a name for them."""

    def unknown() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", unknown)
    assert operator().id == "command-line"


def test_bundle_is_left_whole_or_not_at_all(tmp_path: Path) -> None:
    """The file appears under its name once it is whole, 0600; what breaks off leaves nothing."""

    def broken() -> object:
        yield b"half"
        raise errors.StorageUnavailable("gone")

    with pytest.raises(errors.StorageUnavailable):
        leave(broken(), tmp_path, "b.zip")
    assert list(tmp_path.iterdir()) == []
    path = leave([b"who", b"le"], tmp_path, "b.zip")
    assert path.read_bytes() == b"whole"
    assert path.stat().st_mode & 0o777 == 0o600
    assert leave([b"again"], path, "other.zip") == path
    assert [each.name for each in tmp_path.iterdir()] == ["b.zip"]


def test_full_disk_at_out(tmp_path: Path) -> None:
    """A full disk is one sentence, exit code 3, and no partial file."""

    def full() -> object:
        yield b"half"
        raise OSError(28, "No space left on device")

    with pytest.raises(errors.StorageUnavailable, match="No space left on device") as caught:
        leave(full(), tmp_path, "b.zip")
    assert exit_code(caught.value) == 3
    assert list(tmp_path.iterdir()) == []


def test_destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be a bundle's place is refused before any work begins."""
    monkeypatch.chdir(tmp_path)
    assert destination(None) == tmp_path
    assert destination(Path("x.zip")) == tmp_path / "x.zip"
    with pytest.raises(errors.InvalidRequest, match="neither a folder nor a file"):
        destination(Path("/dev/full"))
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(errors.InvalidRequest, match="may not write"):
        destination(None)


def test_log_lines_have_no_traceback(capsys: Capture) -> None:
    """An unknown error's traceback might quote rows: its kind is all that is logged."""
    log_to_terminal()
    try:
        int("row: secret")
    except ValueError:
        logging.getLogger("streampay_export").exception("export x failed")
    assert capsys.readouterr().err == "error: export x failed (ValueError)\n"
