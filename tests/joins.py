"""
An attacker with somebody's export and the whole public ledger, who joins the one with the other.
"""

from collections import Counter, defaultdict
from decimal import Decimal, InvalidOperation

# Of the ledger's columns; the attacker tries each exported cell against each, whole and by its first characters.
COLUMNS = ("hash", "sender", "receiver", "asset", "amount", "closed_at", "ledger", "contract", "status")
RECOGNISABLE = 8
BOUNDS = [Decimal(bound) for bound in (1, 100, 10_000)]
BANDS = ["under 1", "1 to under 100", "100 to under 10000", "10000 or more"]


def band(amount):
    """
    The band an amount lies in, worked out here once more.
    """
    return BANDS[sum(Decimal(amount) >= bound for bound in BOUNDS)]


class Attacker:
    """
    Knows every transaction of the ledger, by everything it says of it; does not know whose the export is.
    """

    def __init__(self, ledger):
        self.ledger = list(ledger)
        self._by = defaultdict(set)
        for place, each in enumerate(self.ledger):
            for column in COLUMNS:
                value = getattr(each, column)
                self._by[_normal(value)].add(place)
                if len(value) >= RECOGNISABLE:
                    self._by["begins", value[:RECOGNISABLE]].add(place)
            self._by[each.month].add(place)
            self._by[band(each.amount)].add(place)
            if each.asset != "XLM":
                self._by["another asset"].add(place)

    def transactions(self, row, columns=None):
        """
        The transactions that a row may be: those which agree with every cell that anything agrees with.
        """
        left = set(range(len(self.ledger)))
        for name, cell in row.items():
            if columns is not None and name not in columns:
                continue
            text = "" if cell is None else str(cell)
            agreeing = [self._by.get(_normal(text)), self._by.get(("begins", text[:RECOGNISABLE]))]
            if name in {"asset", "token"} and text != "XLM":
                agreeing.append(self._by["another asset"])
            for places in agreeing:
                if places:
                    left &= places
        return {self.ledger[place] for place in left}

    def parties(self, row, columns=None):
        """
        The people who may be the other side of a row.
        """
        return parties_of(row, self.transactions(row, columns))

    def assets(self, rows):
        """
        What each code for an asset stands for, by how often it occurs: the most frequent for the most frequent.
        """
        codes = Counter(row["token"] for row in rows if row["token"] != "XLM")
        traded = Counter(each.asset for each in self.ledger if each.asset != "XLM")
        return {
            code: asset for (code, _), (asset, _) in zip(codes.most_common(), traded.most_common(), strict=True)
        }


def parties_of(row, transactions):
    """
    Who is on the other side in these transactions, seen from the row's direction.
    """
    out = row["direction"] == "out" if "direction" in row else row["payer"] is not None
    return {each.receiver if out else each.sender for each in transactions}


def _normal(text):
    try:
        return str(Decimal(text).normalize())
    except InvalidOperation:
        return text
