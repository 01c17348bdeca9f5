"""
`python -m streampay_export.verify BUNDLE [--public-key FILE | --integrity-only]`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..errors import BundleRefused, ExportError, quoted
from .bundle import Verdict, verify_bundle
from .keys import read_public_keys


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Verify from the command line and return the exit code.

    0 intact (and signed by a given key, unless only integrity was asked for), 1 refused or signer unknown,
    2 wrong arguments, 3 the file could not be read.
    """
    parser = argparse.ArgumentParser(
        prog="python -m streampay_export.verify",
        description="Check that a bundle is whole, unchanged, and signed by a key you trust.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="the zip file")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--public-key", metavar="FILE", help="PEM, or the JSON of GET /exports/keys; never take it from the bundle"
    )
    how.add_argument("--integrity-only", action="store_true", help="do not ask who signed it")
    asked = parser.parse_args(arguments)
    try:
        keys = read_public_keys(asked.public_key) if asked.public_key else ()
        verdict = verify_bundle(asked.bundle, keys)
    except BundleRefused as refused:
        sys.stderr.write(f"refused: {refused}\n")
        return 1
    except ExportError as error:
        sys.stderr.write(f"{error}\n")
        return 3 if error.retry else 2
    sys.stdout.write(f"{summary(verdict)}\n")
    return 0 if verdict.signer or asked.integrity_only else 1


def summary(verdict: Verdict) -> str:
    """
    Return the verdict for a terminal: what it says of who signed, and what is inside.
    """
    who = f"signed by {quoted(verdict.signer)}" if verdict.signer else "signer unknown"
    manifest = verdict.manifest
    lines = [f"intact, {who}"]
    if not verdict.signer:
        lines.append("to learn who signed it: --public-key FILE, with the key from the service itself")
    lines.append(
        f"export {quoted(manifest.job)}, as of {manifest.as_of:%Y-%m-%d %H:%M:%S} UTC, {manifest.completeness}"
    )
    lines.extend(f"  {each.name}: {each.written} of {each.expected} rows" for each in manifest.datasets)
    for each in manifest.missing:
        sentence = each.sentence.encode("ascii", "backslashreplace").decode("ascii")
        lines.append(f"  {each.name}: MISSING, {quoted(sentence)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
