"""
What is known of rows beyond their number: totals by month, states, invariants, first and last, latest.
"""

from decimal import Decimal

from attrs import evolve

from streampay_export._core.catalog import Constant, Dataset, Field, Invariant
from streampay_export._core.cut import compile_cut
from streampay_export._core.figures import (
    LATEST_ROWS,
    MOST_GROUPS,
    MOST_STATES,
    Figures,
    Held,
    MonthKey,
    Total,
    TotalKey,
    fold_figures,
)
from streampay_export._core.policy import FieldRule, Policy
from streampay_export._core.rules import Keep, Mask, Pseudonymise, Withhold

STREAMS = Dataset(
    name="streams",
    table="streams",
    key=["at", "id"],
    subject=["payer"],
    as_of="at",
    state="status",
    invariants=[Invariant(name="escrow", left=["paid", "back"], right=["locked"])],
    fields=[
        Field(name="at", type="timestamp"),
        Field(name="id", type="text"),
        Field(name="status", type="text"),
        Field(name="paid", type="decimal", asset=Constant("XLM")),
        Field(name="back", type="decimal", asset=Constant("XLM")),
        Field(name="locked", type="decimal", asset=Constant("XLM")),
    ],
)
ROWS = [
    ("2026-01-31T23:59:59", "a", "ended", Decimal("1.5"), Decimal("0.5"), Decimal(2), "G1"),
    ("2026-02-01T00:00:00", "b", "active", None, None, Decimal(7), "G1"),
    ("2026-02-01T00:00:00", "c", "ended", Decimal("1E-7"), Decimal(0), Decimal(1), "G1"),
]


def figures(rows=ROWS, dataset=STREAMS, **rules):
    """
    The figures of rows of which every field is kept, but for those with another rule.
    """
    given = {each.name: rules.get(each.name, Keep()) for each in dataset.fields}
    policy = Policy(
        profile="self",
        rules={dataset.name: {name: FieldRule(rule=rule, reason="x") for name, rule in given.items()}},
    )
    cut = compile_cut(dataset, policy, timezone="UTC", pseudonym_key=b"k" * 32, owners=("G1",))
    return cut.figures(rows, cut.columns(rows))


def paid(rows, amount):
    """
    A total over `paid`.
    """
    return {TotalKey(amount="paid", asset="XLM"): Total(rows=rows, sum=Decimal(amount))}


def test_totals_come_by_month_too():
    """
    A month's total is over the rows whose as-of column lies in it, in UTC; all months add up to the total.
    """
    found = figures()
    assert paid(2, "1.5000001").items() <= found.totals.items()
    key = TotalKey(amount="paid", asset="XLM")
    assert Total(rows=1, sum=Decimal("1.5")) == found.months[MonthKey(total=key, month="2026-01")]
    assert Total(rows=1, sum=Decimal("0.0000001")) == found.months[MonthKey(total=key, month="2026-02")]


def test_without_a_kept_time_there_are_totals_but_no_months():
    """
    A time that a rule alters tells no month, and a row without one is in none.
    """
    for altered in (figures(at=Pseudonymise()), figures(dataset=evolve(STREAMS, as_of=None, key=["id"]))):
        assert (paid(2, "1.5000001").items() <= altered.totals.items(), {}) == (True, altered.months)
    untimed = figures([(None, *ROWS[0][1:])])
    assert paid(1, "1.5").items() <= untimed.totals.items()
    assert {} == untimed.months


def test_rows_are_counted_by_state():
    """
    The values of the state field are counted; those of an altered field are not, and NULL counts as empty.
    """
    assert {"ended": 2, "active": 1} == figures().states
    assert {} == figures(status=Mask()).states
    assert {"": 1} == figures([(*ROWS[0][:2], None, *ROWS[0][3:])]).states


def test_an_invariant_is_checked_in_exact_decimals():
    """
    Rows with NULL are not looked at, the others hold or not; it is not checked where a field of it is altered.
    """
    assert {"escrow": Held(rows=2, broken=1)} == figures().invariants
    assert {} == figures(back=Pseudonymise()).invariants
    huge = Decimal("170141183460469231731687303715884105727.0000001")
    exact = [(*ROWS[0][:3], huge, huge, huge * 2 + Decimal("1E-7"), "G1")]
    assert {"escrow": Held(rows=1, broken=1)} == figures(exact).invariants


def test_first_and_last_key_are_told_as_written():
    """
    The key's columns come as the files have them: altered as the policy says, NULL where no field has them.
    """
    found = figures(id=Mask())
    assert ("2026-01-31T23:59:59.000000Z", "***") == found.first
    assert ("2026-02-01T00:00:00.000000Z", "***") == found.last
    unmapped = figures([row[:1] + row[2:6] + ("a", row[6]) for row in ROWS], id=Withhold())
    assert (None, None) == (unmapped.first[1], unmapped.last[1])


def test_the_latest_rows_are_the_last_ones_as_written():
    """
    Of many rows the last ten are kept, oldest first.
    """
    rows = [(f"2026-01-01T00:00:{second:02}", *ROWS[0][1:]) for second in range(LATEST_ROWS + 5)]
    latest = figures(rows).latest
    assert [row[0][-10:-8] for row in latest] == [f"{second:02}" for second in range(5, LATEST_ROWS + 5)]
    assert ("a", "ended", "1.5", "0.5", "2") == latest[0][1:]


def test_beyond_a_bound_groups_are_given_up_as_a_whole():
    """
    A sum over some assets would read like a sum over all; so does a count over some states.
    """

    def many(first, count):
        keys = [TotalKey(amount="paid", asset=str(number)) for number in range(first, first + count)]
        one = Total(rows=1, sum=Decimal(1))
        return Figures(
            totals=dict.fromkeys(keys, one),
            months={MonthKey(total=key, month="2026-01"): one for key in keys},
            states={str(number): 1 for number in range(first, first + count)},
        )

    assert MOST_STATES == len((many(0, MOST_STATES - 1) + many(MOST_STATES - 1, 1)).states)
    assert (many(0, MOST_STATES) + many(MOST_STATES, 1)).states is None
    most = many(0, MOST_GROUPS) + many(0, MOST_GROUPS)
    assert MOST_GROUPS == len(most.totals) == len(most.months)
    over = fold_figures([many(0, MOST_GROUPS), many(MOST_GROUPS, 1), Figures()])
    assert (None, None) == (over.totals, over.months)


def test_figures_of_no_row_add_nothing():
    """
    `Figures()` is neutral on either side.
    """
    some = figures()
    assert some == Figures() + some == some + Figures()
