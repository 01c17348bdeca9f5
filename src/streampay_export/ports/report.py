"""The page a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .._core.contents import BundleContents
from .._core.manifest import BundleFile


class Report(Protocol):
    """
    Renders `index.html`: one self-contained page, no script, nothing from the network. Thread-safe.
    """

    def __call__(self, contents: BundleContents, files: Sequence[BundleFile]) -> bytes:
        """
        Return the page for these contents; *files* are the bundle's other files, as far as written.

        The same arguments give the same bytes.
        """
