"""
Check a bundle, offline: `python -m streampay_export.verify BUNDLE [--public-key FILE | --integrity-only]`.

Stands on the standard library and the pure core, and for signatures on cryptography. Trusts nothing in
the bundle: a key inside it least of all.
"""

from __future__ import annotations

from .bundle import Verdict, verify_bundle
from .keys import read_public_keys

__all__ = ["Verdict", "read_public_keys", "verify_bundle"]
