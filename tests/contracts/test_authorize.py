"""
Our authorisers keep the contract of the port, and the contract catches those that do not.
"""

import pytest
from tests.house_rules import PEOPLE, POWER_OF_ATTORNEY, house_rules

from streampay_export import Actor, Capacity, operator_on_this_machine, owner_only
from streampay_export.testing.contracts.authorize import AuthorizerContract


class TestOwnerOnly(AuthorizerContract):
    @pytest.fixture
    def authorize(self):
        """
        The default.
        """
        return owner_only


class TestOperatorOnThisMachine(AuthorizerContract):
    @pytest.fixture
    def authorize(self):
        """
        That of the command line.
        """
        return operator_on_this_machine


class TestHouseRules(AuthorizerContract):
    @pytest.fixture
    def authorize(self):
        """
        A host's, which knows people.
        """
        return house_rules

    @pytest.fixture
    def actors(self):
        """
        Everybody of that house.
        """
        return list(PEOPLE.values())

    @pytest.fixture
    def subjects(self):
        """
        Ann, who is represented, and Bob, who is not.
        """
        return ["ann", "bob"]


def moody():
    """
    Say yes and no by turns.
    """
    answers = []

    def authorize(_):
        answers.append(len(answers) % 2 == 0)
        return answers[-1]

    return authorize


ANYBODY = [Actor(id="x", capacity=capacity) for capacity in Capacity]
EVERY_QUESTION = "test_every_question_has_an_answer"
NOBODYS = "test_nobody_but_staff_may_have_what_is_nobodys"
GROUNDS = "test_whoever_represents_has_grounds"


@pytest.mark.parametrize(
    ("authorize", "test", "given"),
    [
        (lambda _: 1, EVERY_QUESTION, [ANYBODY, ["x"]]),
        (lambda _: None, EVERY_QUESTION, [ANYBODY, ["x"]]),
        (lambda _: True, NOBODYS, [ANYBODY]),
        (lambda _: POWER_OF_ATTORNEY, NOBODYS, [ANYBODY]),
        (lambda access: access.about("x"), GROUNDS, [ANYBODY, ["x"]]),
        (moody(), "test_an_answer_is_not_a_matter_of_what_was_asked_before", [ANYBODY, ["x"]]),
    ],
)
def test_a_broken_authoriser_is_caught(authorize, test, given):
    """
    The contract fails for one that breaks one of its sentences, in the test that states it.
    """
    with pytest.raises(AssertionError):
        getattr(AuthorizerContract(), test)(authorize, *given)
