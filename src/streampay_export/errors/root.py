"""
The root of all errors.
"""

from __future__ import annotations

from typing import ClassVar


class ExportError(Exception):
    """
    Root of all errors of this library.
    """

    retry: ClassVar[bool] = False
    slug: ClassVar[str] = "export-error"
    person: ClassVar[str] = "Something went wrong at the service; its operators have been told."
