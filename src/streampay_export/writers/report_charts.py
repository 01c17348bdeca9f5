"""
Money in and out by month, ready to be drawn: a few numbers for each asset, however long the history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal, Inexact

from attrs import frozen

from .._core.contents import DatasetContents
from .._core.figures import Total

_EXACT = Context(prec=10_000, traps=[Inexact])

# More than this many charts nobody reads; the control totals have every asset.
MOST_CHARTS = 6
# Beyond three years a bar stands for a year, and beyond forty years the drawing begins forty years ago.
MOST_MONTHS = 36
MOST_YEARS = 40
# The larger side of a chart is this high, in units of its drawing.
HEIGHT = 100


@frozen(kw_only=True)
class Bar:
    """
    One month (`2026-01`) or year (`2026`): the exact sums, and how high each is drawn, 0 to `HEIGHT`.
    """

    period: str
    received: Decimal
    sent: Decimal
    up: int
    down: int


@frozen(kw_only=True)
class Chart:
    """
    What came in and went out in one asset; *bars* follow one another without a gap.
    """

    amount: str
    asset: str
    received: Decimal
    sent: Decimal
    rows: int
    bars: tuple[Bar, ...]

    @property
    def unit(self) -> str:
        """
        What a bar stands for: month or year.
        """
        return "month" if "-" in self.bars[0].period else "year"


@frozen(kw_only=True)
class Charts:
    """
    The charts of one dataset, the most used asset first, and how many *more* assets are not drawn.
    """

    drawn: tuple[Chart, ...]
    more: int


def charts_of(contents: DatasetContents) -> Charts:
    """
    Return the charts of the dataset's first amount whose direction is known; none where there is none.
    """
    months = contents.summary.figures.months or {}
    known = {group.total.amount for group in months if group.total.direction in {"in", "out"}}
    amount = next((each.name for each in contents.fields if each.name in known), "")
    by_asset: defaultdict[str, dict[tuple[str, str], Total]] = defaultdict(dict)
    for group, total in months.items():
        if group.total.amount == amount and group.total.direction in {"in", "out"}:
            by_asset[group.total.asset][group.month, group.total.direction] = total
    charts = [_chart(amount, asset, sums) for asset, sums in by_asset.items()]
    charts.sort(key=lambda chart: (-chart.rows, chart.asset))
    return Charts(drawn=tuple(charts[:MOST_CHARTS]), more=max(0, len(charts) - MOST_CHARTS))


def _chart(amount: str, asset: str, sums: Mapping[tuple[str, str], Total]) -> Chart:
    months = _following(min(month for month, _ in sums), max(month for month, _ in sums))
    length = len("2026-01") if len(months) <= MOST_MONTHS else len("2026")
    periods = list(dict.fromkeys(month[:length] for month in months))[-MOST_YEARS:]
    of_period: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for (month, way), total in sums.items():
        of_period[month[:length], way] = _EXACT.add(of_period[month[:length], way], total.sum)
    largest = max(of_period.values())
    return Chart(
        amount=amount,
        asset=asset,
        received=_sum(total.sum for (_, way), total in sums.items() if way == "in"),
        sent=_sum(total.sum for (_, way), total in sums.items() if way == "out"),
        rows=sum(total.rows for total in sums.values()),
        bars=tuple(_bar(period, of_period[period, "in"], of_period[period, "out"], largest) for period in periods),
    )


def _bar(period: str, received: Decimal, sent: Decimal, largest: Decimal) -> Bar:
    up, down = _height(received, largest), _height(sent, largest)
    return Bar(period=period, received=received, sent=sent, up=up, down=down)


def _height(amount: Decimal, largest: Decimal) -> int:
    """
    Return how high a sum is drawn: what is more than nothing is seen, what is less is not drawn.
    """
    return max(1, round(amount / largest * HEIGHT)) if amount > 0 else 0


def _following(first: str, last: str) -> Sequence[str]:
    """
    Return all months from the first to the last.
    """
    start, end = (int(month[:4]) * 12 + int(month[5:7]) - 1 for month in (first, last))
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(start, end + 1)]


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total
