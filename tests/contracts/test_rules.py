"""
Our masks, pseudonyms, periods and bands keep the contract of a rule, and the contract catches rules that do not.
"""

import itertools
import time

import pytest

from streampay_export._core.generalising import banded, period
from streampay_export._core.masking import mask, pseudonyms
from streampay_export._core.rules import Band, MaskKind, Period
from streampay_export.testing.contracts.rule import RuleContract


class TestMasks(RuleContract):
    @pytest.fixture(params=MaskKind)
    def rule(self, request):
        """
        The mask of each kind.
        """
        return mask(request.param)

    @pytest.fixture
    def texts(self):
        """
        Addresses and names, odd ones too.
        """
        return ["anna.smith@mail.example.com", "@b", "a@", "a@b@c.de", "Émile Zola", "李小明", "***@***.com", "ß"]


class TestPseudonyms(RuleContract):
    @pytest.fixture
    def rule(self):
        """
        Under a key.
        """
        return pseudonyms(b"k" * 32)

    @pytest.fixture
    def texts(self):
        """
        Pseudonyms of this export and of another.
        """
        return [pseudonyms(b"k" * 32)("GABC"), pseudonyms(b"o" * 32)("GABC")]


class TestPeriods(RuleContract):
    @pytest.fixture(params=Period)
    def rule(self, request):
        """
        To the day, and to the month.
        """
        return period(request.param)

    @pytest.fixture
    def texts(self):
        """
        The calendar's ends.
        """
        return ["0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "2026-02-28", "2026-02"]


class TestBands(RuleContract):
    @pytest.fixture(params=[(10,), (-5, 0, "0.0000001", 10**30)], ids=["one bound", "several"])
    def rule(self, request):
        """
        With one bound, and with several.
        """
        return banded(Band(request.param))

    @pytest.fixture
    def texts(self):
        """
        Numbers at and beside the bounds, and what only looks like one.
        """
        return ["-5", "-5.01", "0", "0.00", "10", "9.99", "1E5", "+3", "-0", "NaN", "Infinity", "٣", "1_000", " 1"]


class TestFunction(RuleContract):
    @pytest.fixture
    def rule(self):
        """
        A plain function, as an application may give.
        """
        return str.upper


def counting():
    """
    A rule that remembers how often it was asked.
    """
    asked = itertools.count()
    return lambda _: f"{next(asked)}"


def forgetting_whose():
    """
    A rule that keeps the text it works on where other threads find it.
    """
    working = {}

    def replace(text):
        working["on"] = text[:99]
        time.sleep(0.0001)
        return working["on"]

    return replace


MISTAKES = {
    "raises where there is nothing": (lambda text: text[0], "test_it_has_an_answer_for_every_text"),
    "raises for other types": (lambda text: str(int(text)), "test_it_has_an_answer_for_every_text"),
    "answers with a number": (len, "test_it_has_an_answer_for_every_text"),
    "answers with half a character": (lambda _: "\ud83d", "test_it_has_an_answer_for_every_text"),
    "wraps its own answer again": (lambda text: f"<{text}>", "test_its_own_answer_stays_as_it_is"),
    "shows less each time": (lambda text: text[1:], "test_its_own_answer_stays_as_it_is"),
    "counts": (counting(), "test_an_answer_depends_on_the_text_alone"),
    "keeps its text where others write": (forgetting_whose(), "test_it_may_be_shared_by_threads"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_contract_catches(mistake):
    """
    Each mistake fails the test that is there for it.
    """
    rule, test = MISTAKES[mistake]

    with pytest.raises((AssertionError, IndexError, ValueError)):
        getattr(RuleContract(), test)(rule, ())


@pytest.mark.parametrize("test", sorted({test for _, test in MISTAKES.values()}))
def test_the_contract_passes_a_rule_without_a_mistake(test):
    """
    A plain function keeps the contract; so does one that answers with NULL.
    """
    for rule in (str.upper, lambda _: None, lambda text: text[:3]):
        getattr(RuleContract(), test)(rule, ("straße", "x"))


def test_the_contract_asks_for_its_fixture():
    """
    A subclass without a rule is told what to give.
    """
    with pytest.raises(NotImplementedError, match="give a fixture `rule`"):
        RuleContract.rule.__wrapped__(RuleContract())
