"""
The contract of `ports.authorize`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import pytest

from ..._core.party import Actor, Capacity
from ...ports.authorize import Access, Action, Allowed, Authorizer

PROFILES = ("self", "portability", "portability_strict", "support", "auditor", "")


class AuthorizerContract:
    """
    What every `Authorizer` keeps. Give one fixture: *authorize*; and if it knows people by name,
    *actors* who may ask, and *subjects*, the ids of some whose history it is.
    """

    @pytest.fixture
    def authorize(self) -> Authorizer:
        """
        The authoriser under test.
        """
        raise NotImplementedError("give a fixture `authorize` that returns your authoriser")

    @pytest.fixture
    def actors(self) -> Sequence[Actor]:
        """
        Who asks: one of each capacity, whom nobody knows, unless told otherwise.
        """
        return [Actor(id="somebody", capacity=capacity) for capacity in Capacity]

    @pytest.fixture
    def subjects(self) -> Sequence[str]:
        """
        Whose history it is.
        """
        return ["somebody", "another"]

    def test_every_question_has_an_answer(
        self, authorize: Authorizer, actors: Sequence[Actor], subjects: Sequence[str]
    ) -> None:
        """
        True, False or `Allowed`: nothing that is only as good as true, and no exception, which hides a mistake.
        """
        for access in _questions(actors, ["", *subjects]):
            answer = authorize(access)
            assert isinstance(answer, Allowed) or answer is True or answer is False, access

    def test_nobody_but_staff_may_have_what_is_nobodys(
        self, authorize: Authorizer, actors: Sequence[Actor]
    ) -> None:
        """
        An id that is unknown is asked about too: neither owned nor requested, and about nobody.
        """
        for access in _questions(actors, [""]):
            if access.actor.capacity is not Capacity.OPERATOR and not (access.owns or access.requested):
                assert authorize(access) is False, access

    def test_whoever_represents_has_grounds(
        self, authorize: Authorizer, actors: Sequence[Actor], subjects: Sequence[str]
    ) -> None:
        """
        A yes to a representative says relation, basis, evidence and until; any other is refused all the same.
        """
        for access in _questions(actors, subjects):
            if access.actor.capacity is Capacity.REPRESENTATIVE and (answer := authorize(access)):
                assert isinstance(answer, Allowed), access
                assert {"relation", "basis", "evidence", "allowed_until"} == set(answer.facts), access

    def test_an_answer_is_not_a_matter_of_what_was_asked_before(
        self, authorize: Authorizer, actors: Sequence[Actor], subjects: Sequence[str]
    ) -> None:
        """
        Asked in the other order it says the same.
        """
        asked = list(_questions(actors, ["", *subjects]))
        forwards = [authorize(access) for access in asked]

        assert forwards == [authorize(access) for access in reversed(asked)][::-1]


def _questions(actors: Sequence[Actor], subjects: Sequence[str]) -> Iterator[Access]:
    for actor, action, profile, subject, requested in product(actors, Action, PROFILES, subjects, (True, False)):
        yield Access(
            actor=actor,
            action=action,
            profile=profile,
            owns=actor.capacity is Capacity.SUBJECT and actor.id == subject,
            requested=requested,
            about=subject.__eq__,
        )
