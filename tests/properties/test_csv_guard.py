"""
The CSV guard: held against its rule in words, lossless, and safe where a spreadsheet splits.
"""

import itertools
import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streampay_export._core.guard import guard_all
from streampay_export.testing.hostile import HOSTILE_TEXTS
from streampay_export.testing.strategies import texts
from streampay_export.writers import GUARD_RULE, guard, unguard

# Written out again from design decision 10, character by character, on purpose not from the code under test.
SEPARATORS = {";", "\t", "\r", "\n"}
LOOKED_PAST = {" ", '"', "\ufeff", "\u200b", "\u200c", "\u200d", "\u2060"}
LEADS = {"=", "+", "-", "@", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20"}


def by_the_rule(text: str) -> str:
    """
    Guard *text* as the rule in words says, slowly.
    """
    out = []
    for at in range(len(text) + 1):
        if at == 0 or text[at - 1] in SEPARATORS:
            ahead = at
            while ahead < len(text) and text[ahead] in LOOKED_PAST:
                ahead += 1
            follows = text[ahead : ahead + 1]
            if follows in LEADS | {"'"} or (at == 0 and follows in {"\t", "\r", "\n"}):
                out.append("'")
        out.append(text[at : at + 1])
    return "".join(out)


def undone_by_the_rule(text: str) -> str:
    """
    Undo the guard as the rule in words says, slowly.
    """
    return "".join(
        each for at, each in enumerate(text) if each != "'" or (at > 0 and text[at - 1] not in SEPARATORS)
    )


def check(text: str) -> None:
    """
    Hold one text to the whole promise.
    """
    guarded = guard(text)
    assert by_the_rule(text) == guarded
    assert undone_by_the_rule(guarded) == text == unguard(guarded)
    for number, piece in enumerate(re.split("[;\t\r\n]", guarded)):
        lead = piece.lstrip("".join(LOOKED_PAST))[:1]
        assert lead not in LEADS, f"piece {number} of the guarded text begins with a formula"


@pytest.mark.parametrize(
    "alphabet",
    [
        pytest.param("='; \n", id="one of each kind"),
        pytest.param("=';\"a\t", id="quotes and plain text"),
        pytest.param("-'\r\n\ufeff", id="line ends and BOM"),
        pytest.param("＝\0'\u200b;", id="wide, NUL and zero-width"),
    ],
)
def test_every_short_text(alphabet: str) -> None:
    """
    Every text up to length 6 over an alphabet is guarded by the rule, safe, and undone exactly.
    """
    for length in range(7):
        for letters in itertools.product(alphabet, repeat=length):
            check("".join(letters))


@pytest.mark.promise
def test_every_short_text_over_all_kinds() -> None:
    """
    The same over eight kinds of characters at once: 299,593 texts.
    """
    for length in range(7):
        for letters in itertools.product("=';\t\n \"a", repeat=length):
            check("".join(letters))


@pytest.mark.promise
def test_400_000_random_cells() -> None:
    """
    Long made-up cells keep it too.
    """
    pick = random.Random(131)
    letters = "=+-@'\";,\t\r\n\0 ＝＋－＠\ufeff\u200b\u200c\u200d\u2060 aé😀0\u202e"
    for _ in range(400_000):
        check("".join(pick.choices(letters, k=pick.randrange(30))))


@given(texts)
@example("'")
@example("''")
@example(";'=")
@example(' "\u200b=1+1')
@example(" \t=1")
def test_any_text(text: str) -> None:
    """
    Whatever the text, it is guarded by the rule, safe, and undone exactly.
    """
    check(text)


@given(st.text(st.characters(exclude_characters="=+-@'\0＝＋－＠\t\r\n")))
def test_text_without_a_lead_is_left_alone(text: str) -> None:
    """
    The guard adds nothing where there is nothing to guard against.
    """
    assert text == guard(text)


@given(st.lists(texts))
@example(["a", "=1"])
@example(["a;b", "c;=1"])
@example(["a-b", " -1"])
@example(["a-b", "c@d"])
def test_a_column_is_guarded_cell_by_cell(column: list[str]) -> None:
    """
    Guarding a whole column gives what guarding each cell gives.
    """
    assert [guard(text) for text in column] == list(guard_all(column))


def test_a_clean_column_is_not_copied() -> None:
    """
    The column that needs no guard comes back itself.
    """
    column = ["Rent", "a;b", "März"]
    assert column is guard_all(column)


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=ascii)
def test_hostile_texts(text: str) -> None:
    """
    Each text of the kit's collection keeps the promise.
    """
    check(text)


def test_a_megabyte_of_what_is_looked_past() -> None:
    """
    A long text is guarded at its one dangerous place only.
    """
    text = (' "\u200b' * 1000 + ";") * 300
    assert text + "'=1" == guard(text + "=1")


@pytest.mark.parametrize("lead", sorted(LEADS | {"'", "\t", "\r", "\n"}), ids=ascii)
def test_the_rule_in_words_names_every_character(lead: str) -> None:
    """
    A reader who has nothing but the rule in words can undo the guard.
    """
    named = {"\0": "NUL", "'": "apostrophe", "\t": "TAB", "\r": "CR", "\n": "LF"}
    assert named.get(lead, lead if lead.isascii() else f"U+{ord(lead):04X}") in GUARD_RULE
