"""
What the verifier needs where nothing else of the library works.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.bundles import save, small_bundle

from streampay_export.cli.public_keys import pem
from streampay_export.verify import read_public_keys

SCRIPT = Path(__file__).with_name("light_verify.py")


def verified(package, *arguments):
    """
    Run the verifier with the core, and *package*, alone.
    """
    command = [sys.executable, SCRIPT, package, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("package", "options", "code", "said"),
    [
        ("-", ["--integrity-only"], 0, "intact, signer unknown"),
        ("-", [], 1, "intact, signer unknown"),
        ("cryptography", ["--public-key", "keys.json"], 0, "intact, signed by"),
        ("cryptography", ["--public-key", "key.pem"], 0, "intact, signed by"),
    ],
    ids=["integrity", "no key", "key set", "PEM"],
)
def test_verifying_needs_the_core_alone(tmp_path, package, options, code, said):
    """
    `python -m streampay_export.verify` imports no adapter's library, and cryptography only to check a signature.
    """
    saved = save(tmp_path, small_bundle())
    (tmp_path / "key.pem").write_text(pem(read_public_keys(saved.key_file)[0]))
    done = verified(package, saved.path, *(tmp_path / each if "." in each else each for each in options))

    assert ("", code) == (done.stderr, done.returncode)
    assert done.stdout.startswith(said)


def test_a_refusal_needs_the_core_alone(tmp_path):
    """
    So does saying no, to a bundle and to a key file.
    """
    saved = save(tmp_path, small_bundle()[:-1])
    saved.key_file.write_text(json.dumps({"keys": []}))

    assert (1, "refused: ") == ((cut := verified("-", saved.path)).returncode, cut.stderr[:9])
    assert 2 == verified("-", saved.path, "--public-key", saved.key_file).returncode


def test_the_script_would_notice(tmp_path):
    """
    With a key to check, and without cryptography, it fails: what the test above refuses is refused.
    """
    saved = save(tmp_path, small_bundle())
    done = verified("-", saved.path, "--public-key", saved.key_file)

    assert "the verifier wants cryptography" in done.stderr
