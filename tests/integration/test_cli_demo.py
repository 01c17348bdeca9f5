"""`demo`: the whole path over made-up people."""

import csv
import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from streampay_export._core.guard import unguard
from streampay_export.cli import main
from streampay_export.cli.demo_data import MEMOS, people


def test_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The demo runs to its end, shows every step, and leaves a bundle with 25,000 payouts and awkward text."""
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    said = capsys.readouterr().out
    for shown in ("26,000", "intact, signed by", "download_finished", "Where everything is", "Go on with"):
        assert shown in said
    place = tmp_path / "streampay-demo" / "run-1"
    next_steps = said.split("Go on with\n")[1].splitlines()
    for each in next_steps:
        assert 0 == subprocess.run(each.strip(), shell=True, check=False, capture_output=True).returncode, each  # noqa: S602
    assert (place / "copy" / "index.html").is_file()
    [bundle] = place.glob("*.zip")
    assert bundle.stat().st_mode & 0o777 == 0o600
    assert main(["verify", str(bundle), "--public-key", str(place / "keys" / "manifest-public.pem")]) == 0
    with zipfile.ZipFile(bundle) as archive:
        rows = list(csv.DictReader(io.TextIOWrapper(archive.open("data/streams.csv"), "utf-8", newline="")))
        payouts = json.loads(archive.read("data/payouts.json"))
    assert len(payouts) == 26_000
    assert {each["direction"] for each in payouts} == {"in", "out"}
    memos = {unguard(row["memo"]) for row in rows}
    assert memos <= {memo or "" for memo in MEMOS}
    assert len(memos) > 5
    assert people()[0].wallet not in (place / "audit.jsonl").read_text(encoding="utf-8")


def test_demo_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run has a folder of its own and touches nothing of the first."""
    monkeypatch.setattr("streampay_export.cli.demo_data.PAYOUTS_EACH_WAY", 20)
    assert main(["demo", "--folder", str(tmp_path)]) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "run-1").rglob("*") if path.is_file()}
    assert main(["demo", "--folder", str(tmp_path)]) == 0
    assert {path: path.read_bytes() for path in (tmp_path / "run-1").rglob("*") if path.is_file()} == before
    assert (tmp_path / "run-2" / "demo.toml").is_file()


def test_demo_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the demo leaves can be gone on with: its configuration exports anybody in it."""
    monkeypatch.setattr("streampay_export.cli.demo_data.PAYOUTS_EACH_WAY", 20)
    assert main(["demo", "--folder", str(tmp_path)]) == 0
    capsys.readouterr()
    config = str(tmp_path / "run-1" / "demo.toml")
    code = main(["export", "--config", config, "--subject", people()[1].wallet, "--out", str(tmp_path), "--json"])
    assert code == 0
    datasets = json.loads(capsys.readouterr().out.splitlines()[-1])["datasets"]
    assert datasets["account"] == {"expected": 1, "written": 1}
    assert datasets["payouts"]["written"] > 0


@pytest.mark.parametrize("inside", ["", "deeper"])
def test_demo_in_a_file(tmp_path: Path, inside: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is a file is refused in one sentence."""
    file = tmp_path / "file"
    file.write_text("mine")
    assert main(["demo", "--folder", str(file / inside)]) == 2
    assert capsys.readouterr().err.startswith("folder: ")
    assert file.read_text() == "mine"
