"""
A host's rules with everybody in them, and the people: what the tests of access are made of.
"""

from datetime import timedelta

from attrs import evolve

from streampay_export import Access, Actor, Allowed, Capacity, Subject, owner_only
from streampay_export._core.policy import Policies
from streampay_export.access import FOR_STAFF
from streampay_export.testing.deployment import CATALOG, MemoryDeployment, keep_everything
from streampay_export.testing.fakes import NOON

ANN = Subject("ann", ("GANN",))
PEOPLE = {
    "owner": Actor(id="ann"),
    "representative": Actor(id="rob", capacity=Capacity.REPRESENTATIVE),
    "other": Actor(id="bob"),
    "operator": Actor(id="olga", capacity=Capacity.OPERATOR),
    "auditor": Actor(id="ada", capacity=Capacity.AUDITOR),
    "other tenant": Actor(id="ann", tenant="elsewhere"),
}
"""Ann, whose history it is, and everybody else who may come by; nobody is not among them."""

POWER_OF_ATTORNEY = Allowed(
    relation="lawyer", basis="power of attorney", evidence="case 4711", until=NOON + timedelta(days=30)
)


def house_rules(access: Access) -> Allowed | bool:
    """
    Allow owners, Ann's lawyer, and staff the copies of their kind that they asked for; operators handle,
    revoke and erase.
    """
    match access.actor.capacity:
        case Capacity.REPRESENTATIVE:
            may = access.actor.id == "rob" and access.about("ann") and access.profile == "self"
            return POWER_OF_ATTORNEY if may and access.action not in FOR_STAFF else False
        case Capacity.OPERATOR if access.action in FOR_STAFF:
            return Allowed(relation="operator", basis="support case", evidence="case 12")
        case Capacity.OPERATOR | Capacity.AUDITOR:
            profile = {"operator": "support", "auditor": "auditor"}[access.actor.capacity]
            return access.requested and access.profile == profile and access.action not in FOR_STAFF
        case _:
            return owner_only(access)


def house(authorize=house_rules, **changes) -> MemoryDeployment:
    """
    Return a deployment with a copy for everybody and these rules.
    """
    profiles = ("self", "portability", "support", "auditor")
    policies = Policies.of(*(keep_everything(CATALOG, name) for name in profiles))
    return MemoryDeployment({"payouts": []}, policies=policies, authorize=authorize, **changes)


def fresh(actor: Actor, deployment: MemoryDeployment) -> Actor:
    """
    Return the actor as having proved just now who they are.
    """
    return evolve(actor, authenticated_at=deployment.clock())
