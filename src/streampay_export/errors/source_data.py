"""
The source's rows cannot be exported faithfully.
"""

from __future__ import annotations

from attrs import define

from .quoting import quoted
from .root import ExportError


@define
class SourceDataError(ExportError):
    """
    The rows of *dataset* cannot be exported faithfully, so nothing is exported.
    """

    slug = "source-data"
    person = "Some records cannot be copied faithfully as they are; operators have been told."

    dataset: str

    def __str__(self) -> str:
        return f"dataset {self.dataset}: {self.problem}"

    @property
    def problem(self) -> str:
        """
        What is wrong, without any row's values.
        """
        return "its rows cannot be exported"


@define
class NullKey(SourceDataError):
    """
    Rows have NULL in a key column: keyset paging would lose them without a word.
    """

    slug = "null-key"

    column: str
    rows: int

    @property
    def problem(self) -> str:
        """
        Which column, how many rows, and what to do.
        """
        return (
            f"{self.rows} {'row has' if self.rows == 1 else 'rows have'} NULL in key column {quoted(self.column)}; "
            "a key is never NULL: fill it in, or page by another key"
        )


@define
class KeyForm(SourceDataError):
    """
    A text timestamp that pages or bounds the dataset is not written in one fixed form.
    """

    slug = "key-form"

    column: str

    @property
    def problem(self) -> str:
        """
        Which column and what would be right.
        """
        return (
            f"column {quoted(self.column)} holds timestamps in more than one textual form; "
            "store one form (such as 2026-01-31T23:59:59.000000) or use another column"
        )


@define
class RowsOutOfOrder(SourceDataError):
    """
    A page's rows are not in key order.
    """

    slug = "rows-out-of-order"

    @property
    def problem(self) -> str:
        """
        What the source broke.
        """
        return "the source returned rows out of key order"


@define
class RepeatedRow(SourceDataError):
    """
    Two rows have the same key.
    """

    slug = "repeated-row"

    @property
    def problem(self) -> str:
        """
        What the source broke.
        """
        return "two rows have the same key; the key's columns must be unique together"


@define
class StuckCursor(SourceDataError):
    """
    A page begins at or before the cursor it was to follow: an endless export.
    """

    slug = "stuck-cursor"

    @property
    def problem(self) -> str:
        """
        What the source broke.
        """
        return "the source returned rows at or before the cursor they were to follow"


@define
class PageTooLarge(SourceDataError):
    """
    A page has more rows than were asked for.
    """

    slug = "page-too-large"

    asked: int
    got: int

    @property
    def problem(self) -> str:
        """
        How many were asked for and how many came.
        """
        return f"the source returned {self.got} rows where at most {self.asked} were asked for"


@define
class ForeignRow(SourceDataError):
    """
    A row is not the subject's: the export stops before a byte of the page is written.
    """

    slug = "foreign-row"

    @property
    def problem(self) -> str:
        """
        What the source broke.
        """
        return "the source returned a row that is not the subject's"


@define
class UnwritableValue(SourceDataError):
    """
    A value cannot be written exactly under its field's declared type.
    """

    slug = "unwritable-value"

    field: str
    reason: str

    @property
    def problem(self) -> str:
        """
        Which field and why.
        """
        return f"field {quoted(self.field)} holds {self.reason}"


@define
class CountMismatch(SourceDataError):
    """
    Inside one snapshot the rows counted and the rows read differ.
    """

    slug = "count-mismatch"

    expected: int
    written: int

    @property
    def problem(self) -> str:
        """
        Both counts.
        """
        return f"{self.expected} rows were counted but {self.written} were read in the same snapshot"
