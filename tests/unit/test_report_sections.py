"""
What the report folds out of a dataset: charts, latest rows, states, control totals, and none of it without bound.
"""

from decimal import Decimal

import pytest
from attrs import evolve

from streampay_export._core.catalog import Constant, Dataset, Field, Invariant
from streampay_export._core.contents import DatasetContents
from streampay_export._core.cut import OutputField
from streampay_export._core.figures import Figures, Held, MonthKey, Total, TotalKey
from streampay_export._core.manifest import DatasetSummary
from streampay_export.writers.report_charts import HEIGHT, MOST_CHARTS, MOST_MONTHS, MOST_YEARS, charts_of
from streampay_export.writers.report_section import MOST_TOTALS, Section, grouped

PAYOUTS = Dataset(
    name="payouts",
    table="payouts",
    key=["at", "id"],
    subject=["wallet"],
    direction="direction",
    state="state",
    invariants=[Invariant(name="sum", left=["amount"], right=["fee"], description="Amount is fee")],
    fields=[
        Field(name="at", type="timestamp"),
        Field(name="id", type="text"),
        Field(name="direction", type="text"),
        Field(name="asset", type="text"),
        Field(name="amount", type="decimal", asset="asset"),
        Field(name="fee", type="decimal", asset=Constant("XLM")),
        Field(name="state", type="text"),
    ],
)


def contents(dataset=PAYOUTS, fields=None, written=1, **figures) -> DatasetContents:
    """
    A dataset with these figures, of which every field is written.
    """
    summary = DatasetSummary(
        name=dataset.name,
        expected=written,
        written=written,
        later=0,
        outside=0,
        omitted=0,
        drift=0,
        parts=(),
        figures=Figures(**figures),
    )
    written_fields = fields or [OutputField(name=each.name, type=each.type) for each in dataset.fields]
    return DatasetContents(dataset=dataset, fields=tuple(written_fields), summary=summary, stages={})


def months(*sums, amount="amount"):
    """
    Months from (month, direction, sum) or (month, direction, sum, asset).
    """
    return {
        MonthKey(
            total=TotalKey(amount=amount, asset=asset[0] if asset else "XLM", direction=way), month=month
        ): Total(rows=1, sum=Decimal(amount_of))
        for month, way, amount_of, *asset in sums
    }


def test_a_bar_for_each_month_from_the_first_to_the_last():
    """
    Months in which nothing moved have their place too, across the turn of a year.
    """
    [chart] = charts_of(contents(months=months(("2025-11", "in", "4"), ("2026-02", "out", "2.5")))).drawn
    assert ["2025-11", "2025-12", "2026-01", "2026-02"] == [bar.period for bar in chart.bars]
    assert [(HEIGHT, 0), (0, 0), (0, 0), (0, 62)] == [(bar.up, bar.down) for bar in chart.bars]
    assert (Decimal(4), Decimal("2.5"), 2, "month") == (chart.received, chart.sent, chart.rows, chart.unit)


def test_a_long_history_is_drawn_by_years():
    """
    Three years are drawn by month, more by year, and of very many the last forty; the sums are of all.
    """
    [by_month] = charts_of(contents(months=months(("2023-01", "in", "1"), ("2025-12", "in", "1")))).drawn
    assert (MOST_MONTHS, "month") == (len(by_month.bars), by_month.unit)
    [by_year] = charts_of(contents(months=months(("2022-12", "in", "1"), ("2025-12", "in", "1")))).drawn
    assert (["2022", "2023", "2024", "2025"], "year") == ([bar.period for bar in by_year.bars], by_year.unit)
    [long] = charts_of(contents(months=months(("1950-01", "in", "1"), ("2025-12", "in", "1")))).drawn
    assert (MOST_YEARS, "1986", Decimal(2)) == (len(long.bars), long.bars[0].period, long.received)


def test_what_is_little_is_seen_and_what_is_less_than_nothing_is_not_drawn():
    """
    A small sum beside a large one has a bar; a negative or empty sum has none, and its figure is exact.
    """
    [chart] = charts_of(contents(months=months(("2026-01", "in", "1"), ("2026-01", "out", "100000")))).drawn
    assert (1, HEIGHT) == (chart.bars[0].up, chart.bars[0].down)
    [minus] = charts_of(contents(months=months(("2026-01", "in", "-3"), ("2026-01", "out", "0")))).drawn
    assert ((0, 0), Decimal(-3)) == ((minus.bars[0].up, minus.bars[0].down), minus.bars[0].received)


def test_charts_are_of_the_most_used_assets():
    """
    Each asset is drawn by itself, the most used first; beyond six it is said how many more there are.
    """
    several = months(("2026-01", "in", "1", "EURC"), ("2026-01", "in", "1", "XLM"), ("2026-02", "in", "1", "XLM"))
    assert ["XLM", "EURC"] == [chart.asset for chart in charts_of(contents(months=several)).drawn]
    many = months(*(("2026-01", "in", "1", f"A{number}") for number in range(MOST_CHARTS + 3)))
    charts = charts_of(contents(months=many))
    assert (MOST_CHARTS, 3) == (len(charts.drawn), charts.more)


@pytest.mark.parametrize("without", [{}, None, months(("2026-01", "", "1"), ("2026-01", "self", "1"))])
def test_without_directions_nothing_is_drawn(without):
    """
    No months, too many to tell, or money that neither came nor went: no chart.
    """
    assert ((), 0) == (charts_of(contents(months=without)).drawn, charts_of(contents(months=without)).more)


def test_only_the_first_amount_is_drawn():
    """
    Of several amounts the first written one is drawn: fees would only repeat the picture.
    """
    both = months(("2026-01", "in", "1")) | months(("2026-01", "in", "9"), amount="fee")
    assert ["amount"] == [chart.amount for chart in charts_of(contents(months=both)).drawn]


ROW = ("2026-01-31T23:59:59.123456Z", "p" * 56, "out", "USDC:" + "G" * 56, "-1234567.5000000", None, "ended")


def test_the_latest_rows_come_newest_first_in_plain_form():
    """
    Times to the minute, amounts grouped, directions in words, long ids cut in the middle, NULL a dash.
    """
    section = Section.of(0, contents(latest=(("2020-01-01T00:00:00.000000Z", *ROW[1:]), ROW)))
    assert ("at", "id", "direction", "asset", "amount", "fee") == section.latest.headings
    newest = [(cell.text, cell.kind) for cell in section.latest.rows[0]]
    assert [
        ("2026-01-31 23:59", "time"),
        ("pppppppp…pppppp", "code"),
        ("sent", "text"),
        ("USDC:GGGGGGGG…GGGGGG", "code"),
        ("-1,234,567.5000000", "number"),
        ("—", "none"),
    ] == newest


def test_highlights_are_the_columns_shown():
    """
    A catalog says what to show; of that only what the files have is shown.
    """
    chosen = evolve(PAYOUTS, highlights=["state", "fee", "id"])
    fields = [OutputField(name=each.name, type=each.type) for each in PAYOUTS.fields if each.name != "fee"]
    section = Section.of(0, contents(chosen, fields, latest=(ROW[:5] + ROW[6:],)))
    assert ("state", "id") == section.latest.headings
    assert ("ended", "state") == (section.latest.rows[0][0].text, section.latest.rows[0][0].kind)


def test_a_long_text_is_begun():
    """
    Of a long text the page shows the beginning, of a whole number every digit, of an odd direction its text.
    """
    fields = [OutputField(name="id", type="text"), OutputField(name="direction", type="text")]
    row = ("word " * 100, "sideways " * 20)
    cells = Section.of(0, contents(fields=fields, latest=(row,))).latest.rows[0]
    assert all(cell.text.endswith("…") and len(cell.text) == 120 for cell in cells)
    number = [OutputField(name="id", type="integer")]
    assert "1234567" == Section.of(0, contents(fields=number, latest=(("1234567",),))).latest.rows[0][0].text


def test_states_totals_and_span():
    """
    States the most frequent first, totals the most used, and the days of the first and last row.
    """
    totals = {
        TotalKey(amount="fee_paid", asset=f"A{number}", direction="in"): Total(rows=number, sum=Decimal(1000))
        for number in range(MOST_TOTALS + 5)
    }
    section = Section.of(
        3,
        contents(
            totals=totals,
            states={"ended": 1, "active": 5, "": 1},
            first=(ROW[0], "a"),
            last=("2026-02-01T00:00:00.000000Z", "b"),
            invariants={"sum": Held(rows=2, broken=1)},
        ),
    )
    assert (("active", 5), ("", 1), ("ended", 1)) == section.states
    assert (MOST_TOTALS, MOST_TOTALS + 5) == (len(section.totals), section.all_totals)
    first = section.totals[0]
    assert ("fee paid", f"A{MOST_TOTALS + 4}", "received", "1,000") == (
        first.amount, first.asset, first.direction, first.sum,
    )  # fmt: skip
    assert ("2026-01-31", "2026-02-01") == section.span
    assert (("Amount is fee", Held(rows=2, broken=1)),) == section.invariants
    assert (section.directed, section.number, section.name, section.written) == (True, 3, "payouts", 1)


@pytest.mark.parametrize(
    ("changes", "figures"),
    [
        ({"key": ["id"]}, {"first": ("a",), "last": ("b",)}),
        ({}, {}),
        ({}, {"first": (None, "a"), "last": (None, "b")}),
    ],
    ids=["no time", "no row", "not written"],
)
def test_without_a_time_there_is_no_span(changes, figures):
    """
    A key that begins with no time, no row, or a time that is NULL: nothing is said.
    """
    assert Section.of(0, contents(evolve(PAYOUTS, **changes), **figures)).span is None


def test_an_altered_key_tells_no_span():
    """
    A pseudonym is no day.
    """
    fields = [OutputField(name="at", type="text")]
    assert Section.of(0, contents(fields=fields, first=("p-abcdefghij",), last=("p-abcdefghij",))).span is None


def test_an_invariant_that_was_not_looked_at_is_not_spoken_of():
    """
    No row had all of its fields, or the profile alters one of them.
    """
    plain = evolve(PAYOUTS, invariants=[evolve(PAYOUTS.invariants[0], description="")])
    held = {"sum": Held(rows=1, broken=0)}
    assert [("amount = fee", held["sum"])] == list(Section.of(0, contents(plain, invariants=held)).invariants)
    for told in ({}, {"sum": Held(rows=0, broken=0)}):
        assert () == Section.of(0, contents(plain, invariants=told)).invariants


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("0", "0"),
        ("999", "999"),
        ("1000", "1,000"),
        ("-1234567.0100", "-1,234,567.0100"),
        ("99812345678901234567.1", "99,812,345,678,901,234,567.1"),
    ],
)
def test_numbers_are_grouped_without_losing_a_digit(plain, shown):
    """
    Only commas are added.
    """
    assert shown == grouped(plain)
