"""A rule of your own."""

from __future__ import annotations

from typing import Protocol


class Rule(Protocol):
    """
    What stands in a value's place: one call, so that a plain function will do. Given to `Custom`.

    It is total (defined for every text), idempotent (applied to its own answer it changes nothing) and
    pure: the same text gives the same answer, in any thread and process, so that a resumed export is
    the same export. `testing.contracts.rule.RuleContract` tests all of that. It sees neither the
    row nor whose it is: `ByRow` chooses between rules.
    """

    def __call__(self, text: str, /) -> str | None:
        """
        Return what to write for a value in its canonical form (see `_core/canonical.py`); `None` is NULL.

        Never called for NULL. Answers are remembered, so that it is asked about once per distinct text.
        An exception ends the export as `UnwritableValue`; its words are not repeated, as they may quote.
        """
