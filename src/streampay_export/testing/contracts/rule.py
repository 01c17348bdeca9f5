"""
The contract of `ports.rule`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from ...ports.rule import Rule
from ..hostile import HOSTILE_TEXTS
from .writer import SAMPLES

LONG_TEXT = "an only history, 😀; " * 50_000
TEXTS: tuple[str, ...] = (*HOSTILE_TEXTS, *SAMPLES.values(), "anna@example.com", "p-" + "0a" * 20, "***", LONG_TEXT)


class RuleContract:
    """
    What every `Rule` keeps. Give a fixture *rule*; and *texts*, more texts that such a field may hold, if the
    usual ones leave parts of the rule untouched.
    """

    @pytest.fixture
    def rule(self) -> Rule:
        """
        The rule under test.
        """
        raise NotImplementedError("give a fixture `rule` that returns your rule")

    @pytest.fixture
    def texts(self) -> Sequence[str]:
        """
        Texts of the field that the rule is made for, in canonical form.
        """
        return ()

    def test_it_has_an_answer_for_every_text(self, rule: Rule, texts: Sequence[str]) -> None:
        """
        Empty, hostile, of other types, a megabyte long: each has an answer, a text with a UTF-8 form, or NULL.
        """
        for text in (*TEXTS, *texts):
            answer: object = rule(text)
            assert answer is None or isinstance(answer, str)
            assert answer is None or answer == answer.encode().decode()

    def test_its_own_answer_stays_as_it_is(self, rule: Rule, texts: Sequence[str]) -> None:
        """
        Applied twice it does what it does once.
        """
        answers = [rule(text) for text in (*TEXTS, *texts)]
        assert answers == [None if answer is None else rule(answer) for answer in answers]

    def test_an_answer_depends_on_the_text_alone(self, rule: Rule, texts: Sequence[str]) -> None:
        """
        Asked again, in another order and after other texts, it answers as before: a resumed export is the same.
        """
        forwards = [rule(text) for text in (*TEXTS, *texts)]
        backwards = [rule(text) for text in reversed((*TEXTS, *texts))]
        assert forwards == backwards[::-1]

    def test_it_may_be_shared_by_threads(self, rule: Rule, texts: Sequence[str]) -> None:
        """
        Asked by several threads at the same time it answers as when asked by one.
        """
        asked = (*TEXTS[:-1], *texts) * 8
        expected = [rule(text) for text in asked]
        with ThreadPoolExecutor(8) as threads:
            assert expected == list(threads.map(rule, asked))
