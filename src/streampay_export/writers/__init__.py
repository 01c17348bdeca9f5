"""
File formats: rows become bytes, page by page.
"""

from .._core.guard import GUARD_RULE, guard, unguard
from .csv import CsvWriter
from .json import JsonWriter
from .ndjson import NdjsonWriter

__all__ = ["GUARD_RULE", "CsvWriter", "JsonWriter", "NdjsonWriter", "guard", "unguard"]
