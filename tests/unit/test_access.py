"""
The default authoriser: a person's own copies are theirs, in each of the profiles cut for them.
"""

from itertools import product

import pytest

from streampay_export import STREAMPAY, STREAMPAY_POLICIES, Access, Action, Actor, Capacity, Subject, owner_only
from streampay_export.errors import NotFound
from streampay_export.testing.deployment import MemoryDeployment

OWN = ["self", "portability", "portability_strict"]
OTHERS = ["support", "auditor", "of their own making"]
QUESTIONS = list(product(Capacity, Action, [True, False], [True, False]))


def allowed(profile, question):
    """
    What the default authoriser answers.
    """
    capacity, action, owns, requested = question
    actor = Actor(id="ann", capacity=capacity)
    return owner_only(Access(actor=actor, action=action, profile=profile, owns=owns, requested=requested))


@pytest.mark.parametrize("profile", OWN)
def test_a_person_has_their_own_copies_and_nobody_else_has(profile):
    """
    In the capacity of subject, and of their own history, whoever asked for it; in no other capacity.
    """
    assert {(Capacity.SUBJECT, True)} == {(q[0], q[2]) for q in QUESTIONS if allowed(profile, q)}


@pytest.mark.parametrize("profile", OTHERS)
def test_copies_for_staff_are_not_the_persons(profile):
    """
    Not even of their own history, and not even if they asked for it.
    """
    assert not any(allowed(profile, question) for question in QUESTIONS)


@pytest.mark.parametrize("profile", OWN)
def test_a_person_may_ask_for_each_of_their_copies(profile):
    """
    Asked for by the subject it is queued; by a person of another capacity, or of other's, it is not found.
    """
    house = MemoryDeployment({}, catalog=STREAMPAY, policies=STREAMPAY_POLICIES)
    assert profile == house.service.request(Actor(id="ann"), Subject("ann"), profile=profile).export.profile
    for actor in (Actor(id="bob"), Actor(id="ann", capacity=Capacity.REPRESENTATIVE)):
        with pytest.raises(NotFound):
            house.service.request(actor, Subject("ann"), profile=profile)
