"""The drift check: what facts about tables and a catalog make of each other."""

import pytest
from attrs import evolve

from streampay_export._core.catalog import Catalog, Dataset, Direction, Field, Omission, Owner
from streampay_export._core.drift import find_drift, tables_of
from streampay_export._core.finding import Drift, Finding, FindingKind
from streampay_export._core.policy import FieldRule, Policies, Policy
from streampay_export._core.rules import ByRow, Keep, SubjectIn, Withhold
from streampay_export._core.table_facts import ColumnFacts, IndexFacts, Stored, TableFacts
from streampay_export.drift import check_drift, lines_of
from streampay_export.errors import InvalidCatalog, InvalidConfiguration
from streampay_export.sources.iterable import IterableSource
from streampay_export.sources.sqlalchemy_database import in_one_direction
from streampay_export.testing.drift import assert_no_drift
from streampay_export.testing.fakes import ManualClock

INDEXES = (IndexFacts(ordered=("id",), unique=("id",)), IndexFacts(ordered=("who", "at", "id")))
AS_DECLARED = {
    "id": Stored.INTEGER,
    "at": Stored.AWARE_TIMESTAMP,
    "who": Stored.TEXT,
    "amount": Stored.DECIMAL,
}


def table(*, indexes=INDEXES, nullable=False, **columns):
    """The facts about a table: of every column what it stores."""
    facts = (
        ColumnFacts(name=name, stored=stored, declared=f"my {stored}", nullable=nullable)
        for name, stored in columns.items()
    )
    return TableFacts(columns=tuple(facts), indexes=indexes)


def sales(**changes):
    """A dataset of table `sale`, with some of its parts changed."""
    parts = {
        "name": "sales",
        "table": "sale",
        "key": ("at", "id"),
        "subject": ("who",),
        "as_of": "at",
        "fields": (
            Field(name="id", type="integer"),
            Field(name="at", type="timestamp"),
            Field(name="sum", type="decimal", column="amount"),
        ),
    }
    return Dataset(**{**parts, **changes})


def found(catalog, **facts):
    """Kind and column of each finding."""
    return [(str(each.kind), each.column) for each in find_drift(catalog, facts).findings]


def of_field(kind, stored, *, timezone=None, **more):
    """Kind and column of findings and notes about one field `x` on a column that stores something."""
    fields = (Field(name="x", type=kind, **more),)
    catalog = Catalog([sales(key=("id",), as_of=None, fields=fields)], timezone=timezone)
    indexes = (*INDEXES, IndexFacts(ordered=("who", "id")))
    drift = find_drift(catalog, {"sale": table(indexes=indexes, id=Stored.INTEGER, who=Stored.TEXT, x=stored)})
    return [str(each.kind) for each in (*drift.findings, *drift.notes)]


def by_row(dataset, column):
    """A policy with a rule that depends on a column."""
    rule = ByRow(when=SubjectIn(column=column), then=Keep(), otherwise=Withhold())
    rules = {dataset: {"id": FieldRule(rule=rule, reason="Theirs")}}
    return Policies.of(Policy(profile="self", rules=rules))


def test_nothing_found():
    """Nothing is said of a database that is as the catalog says."""
    assert Drift() == find_drift(Catalog([sales()]), {"sale": table(**AS_DECLARED)})


# --- columns


def test_unclassified():
    """A column that nobody names is found, once, under the first dataset on its table."""
    catalog = Catalog([sales(), sales(name="again")])
    (only,) = find_drift(catalog, {"sale": table(**AS_DECLARED, risk=Stored.TEXT)}).findings
    assert (FindingKind.UNCLASSIFIED, "sales", "sale", "risk") == (only.kind, only.dataset, only.table, only.column)
    assert only.problem.startswith("it is 'my text', and nobody has named it")
    assert only.problem.endswith("or ignore it with a reason")


def test_unclassified_of_no_type():
    """In SQLite a column may have no declared type: nothing is said of it then."""
    there = TableFacts(columns=(*table(**AS_DECLARED).columns, ColumnFacts(name="x", stored=Stored.UNKNOWN)))
    (only,) = find_drift(Catalog([sales()]), {"sale": evolve(there, indexes=INDEXES)}).findings
    assert only.problem.startswith("nobody has named it")


@pytest.mark.parametrize(
    "change",
    [
        {"fields": (*sales().fields, Field(name="risk", type="text"))},
        {"fields": (*sales().fields, Field(name="x", type="text", column="risk"))},
        {"omit": Omission(column="risk", reason="Gone")},
        {"direction": Direction(out="who", into="risk")},
        {"direction": Direction(out="risk", into="who")},
    ],
    ids=["field", "column", "omit", "direction.in", "direction.out"],
)
def test_classified(change):
    """A column is classified by whatever names it, in any of the datasets on its table."""
    catalog = Catalog([sales(), sales(name="again", **change)])
    assert [] == found(catalog, sale=table(**AS_DECLARED, risk=Stored.TEXT))


def test_subject_and_key_columns_are_classified():
    """Key, subject and as-of columns need no field."""
    indexes = (*INDEXES, IndexFacts(ordered=("payee", "at", "id")))
    catalog = Catalog(
        [sales(subject=("who", "payee"), fields=(Field(name="sum", type="decimal", column="amount"),))]
    )
    assert [] == found(catalog, sale=table(indexes=indexes, payee=Stored.TEXT, **AS_DECLARED))


@pytest.mark.parametrize("column", ["id", "at", "who", "amount"])
def test_missing_column(column):
    """A column that went is named once, with all it was needed for; nothing else is said of it."""
    there = {name: stored for name, stored in AS_DECLARED.items() if name != column}
    assert [("missing", column)] == found(Catalog([sales()]), sale=table(**there))


def test_missing_says_what_for():
    """The finding says which field or key names the column."""
    (only,) = find_drift(
        Catalog([sales()]), {"sale": table(id=Stored.INTEGER, who=Stored.TEXT, at=Stored.DATE)}
    ).findings[:1]
    assert only.problem.endswith("named as field 'sum'")


@pytest.mark.parametrize(
    ("columns", "said"), [({"author": Stored.TEXT}, []), ({}, [("missing", "author")])], ids=str
)
def test_columns_of_rules(columns, said):
    """A column on which a rule depends is named by it: it is no news, and is missed."""
    facts = {"sale": table(**AS_DECLARED, **columns)}
    drift = find_drift(Catalog([sales()]), facts, by_row("sales", "author"))
    assert said == [(str(each.kind), each.column) for each in drift.findings]


def test_rules_on_owners():
    """A rule may depend on a subject column of the owner table."""
    facts = {
        "line": table(indexes=LINE_INDEXES, **LINE_COLUMNS),
        "sale": table(indexes=OWNER_INDEXES, **OWNER_COLUMNS),
    }
    assert Drift() == find_drift(Catalog([LINES]), facts, by_row("lines", "payer"))


def test_missing_table():
    """A table that went is one finding about no column, and needs no excuse taken back."""
    assert [("missing", None)] == found(Catalog([sales(ignored={"risk": "Ours"})]), sale=None)


# --- types


FITS = {
    "text": {"TEXT", "INTEGER", "UUID", "JSON", "BYTES", "OTHER"},
    "integer": {"INTEGER", "DECIMAL"},
    "decimal": {"TEXT", "INTEGER", "DECIMAL"},
    "boolean": {"BOOLEAN", "INTEGER", "BYTES"},
    "timestamp": {"AWARE_TIMESTAMP", "NAIVE_TIMESTAMP", "TEXT"},
    "date": {"DATE", "TEXT"},
    "uuid": {"UUID", "TEXT", "BYTES"},
    "json": {"JSON", "TEXT", "BYTES", "OTHER"},
}


@pytest.mark.parametrize("kind", FITS)
def test_fitting_types(kind):
    """Of each type it is known which columns it fits; of a column that may hold anything nothing is said."""
    fitting = {stored.name for stored in Stored if "misfit" not in of_field(kind, stored, timezone="UTC")}
    assert FITS[kind] | {"UNKNOWN"} | ({"FLOAT"} if kind == "decimal" else set()) == fitting


def test_timestamps_as_numbers():
    """A number is a timestamp only with a unit."""
    numbers = (Stored.INTEGER, Stored.DECIMAL, Stored.FLOAT)
    assert [["misfit"]] * 3 == [of_field("timestamp", stored) for stored in numbers]
    assert [[]] * 3 == [of_field("timestamp", stored, unit="ms") for stored in numbers]


def test_inexact():
    """Money as binary floating point is inexact."""
    assert ["inexact"] == of_field("decimal", Stored.FLOAT)


def test_naive():
    """A timestamp without a zone needs a declared one; whether a text has one the database cannot tell."""
    assert ["naive"] == of_field("timestamp", Stored.NAIVE_TIMESTAMP)
    assert ["cannot-tell"] == of_field("timestamp", Stored.TEXT)
    assert [] == of_field("timestamp", Stored.AWARE_TIMESTAMP)
    assert [] == of_field("timestamp", Stored.NAIVE_TIMESTAMP, timezone="UTC")
    assert [] == of_field("timestamp", Stored.TEXT, timezone="UTC")


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (Stored.NAIVE_TIMESTAMP, [("naive", "at")]),
        (Stored.INTEGER, [("misfit", "at")]),
        (Stored.JSON, [("misfit", "at")]),
        (Stored.DATE, []),
        (Stored.TEXT, []),
        (Stored.UNKNOWN, []),
    ],
    ids=lambda value: str(value) if isinstance(value, Stored) else None,
)
def test_as_of_without_a_field(stored, said):
    """The as-of column holds instants also where no field maps it."""
    catalog = Catalog([sales(fields=(Field(name="id", type="integer"), *sales().fields[2:]))])
    assert said == found(catalog, sale=table(**AS_DECLARED | {"at": stored}))


def test_as_of_as_a_number():
    """A number is an as-of column where a field says in which unit it counts."""
    fields = (Field(name="at", type="timestamp", unit="s"), *sales().fields[2:])
    assert [] == found(Catalog([sales(fields=fields)]), sale=table(**AS_DECLARED | {"at": Stored.INTEGER}))


def test_subject_columns_hold_identifiers():
    """Of a subject column that no identifier can equal, every row would be nobody's, without a word."""
    of_type = {stored: found(Catalog([sales()]), sale=table(**AS_DECLARED | {"who": stored})) for stored in Stored}
    silent = {stored.name for stored, said in of_type.items() if said == []}
    assert {"TEXT", "INTEGER", "DECIMAL", "UUID", "OTHER", "UNKNOWN"} == silent
    assert [("misfit", "who")] == of_type[Stored.JSON]


# --- keys and indexes


def test_nullable_key():
    """Key columns are never NULL; others may be."""
    there = table(nullable=True, **AS_DECLARED)
    assert [("nullable-key", "id"), ("nullable-key", "at")] == found(Catalog([sales()]), sale=there)


@pytest.mark.parametrize(
    ("unique", "said"),
    [
        (("at", "id"), []),
        (("id", "at"), []),
        (("id",), []),
        (("id", "who"), [("not-unique", "id")]),
        ((), [("not-unique", "id")]),
    ],
    ids=str,
)
def test_unique_key(unique, said):
    """What is unique over the key's columns, or over some of them, keeps two rows from having one key."""
    indexes = (INDEXES[1], IndexFacts(ordered=unique, unique=unique))
    assert said == found(Catalog([sales()]), sale=table(indexes=indexes, **AS_DECLARED))


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (IndexFacts(ordered=("who", "at", "id")), []),
        (IndexFacts(ordered=("who", "at", "id", "amount")), []),
        (IndexFacts(ordered=("who",), unique=("who",)), []),
        (IndexFacts(ordered=("who", "at")), [("unindexed", "who")]),
        (IndexFacts(ordered=("who", "id", "at")), [("unindexed", "who")]),
        (IndexFacts(ordered=("at", "id", "who")), [("unindexed", "who")]),
        (IndexFacts(), [("unindexed", "who")]),
    ],
    ids=str,
)
def test_index_for_pages(index, said):
    """Pages are read from an index that begins with the subject column and goes on with the key."""
    assert said == found(Catalog([sales()]), sale=table(indexes=(INDEXES[0], index), **AS_DECLARED))


def test_subject_in_key():
    """A subject column that is in the key too stands in the index once."""
    indexes = (IndexFacts(ordered=("who", "id"), unique=("who", "id")),)
    assert [] == found(Catalog([sales(key=("id", "who"))]), sale=table(indexes=indexes, **AS_DECLARED))


def test_each_subject_column_has_an_index():
    """One index for one subject column serves no other."""
    catalog = Catalog([sales(subject=("who", "payee"))])
    assert [("unindexed", "payee")] == found(catalog, sale=table(**AS_DECLARED, payee=Stored.TEXT))


def test_views():
    """Of a view the database tells neither keys nor indexes: a note says so, and fails nothing."""
    drift = find_drift(Catalog([sales()]), {"sale": table(indexes=None, nullable=None, **AS_DECLARED)})
    assert () == drift.findings
    assert [("cannot-tell", None)] == [(str(each.kind), each.column) for each in drift.notes]


# --- owners

LINES = sales(
    name="lines",
    table="line",
    subject=(),
    owner=Owner(via="sale", table="sale", key="no", subject=("payer", "payee")),
)
LINE_INDEXES = (INDEXES[0], IndexFacts(ordered=("sale", "at", "id")))
OWNER_INDEXES = (
    IndexFacts(ordered=("no",), unique=("no",)),
    IndexFacts(ordered=("payer",)),
    IndexFacts(ordered=("payee", "no")),
)
LINE_COLUMNS = {name: stored for name, stored in AS_DECLARED.items() if name != "who"} | {"sale": Stored.INTEGER}
OWNER_COLUMNS = {"no": Stored.INTEGER, "payer": Stored.TEXT, "payee": Stored.TEXT}


def of_owner(*, lines=LINE_INDEXES, owners=OWNER_INDEXES, **more):
    """Table, kind and column of the findings for a dataset with an owner table."""
    facts = {
        "line": table(indexes=lines, **LINE_COLUMNS),
        "sale": table(indexes=owners, nullable=True, **OWNER_COLUMNS, **more),
    }
    findings = find_drift(Catalog([LINES]), facts).findings
    return [(each.table, str(each.kind), each.column) for each in findings]


def test_owner():
    """An owner table is held to less: its key may be NULL, and its other columns are nobody's concern."""
    assert [] == of_owner(secret=Stored.TEXT)
    assert ("line", "sale") == tables_of(Catalog([LINES]))


def test_owner_indexes():
    """The way from owner to rows is indexed, the owner's key unique, and each subject column indexed."""
    assert [("line", "unindexed", "sale")] == of_owner(lines=INDEXES)
    assert [("sale", "not-unique", "no"), ("sale", "unindexed", "payer")] == of_owner(owners=OWNER_INDEXES[2:])


def test_owner_subject_and_view():
    """An owner's subject columns hold identifiers too; of one that is a view, a note says what is not known."""
    lines = {"line": table(indexes=LINE_INDEXES, **LINE_COLUMNS)}
    odd = table(indexes=OWNER_INDEXES, **OWNER_COLUMNS | {"payer": Stored.DATE})
    assert [("misfit", "payer")] == found(Catalog([LINES]), sale=odd, **lines)
    view = table(indexes=None, nullable=None, **OWNER_COLUMNS)
    drift = find_drift(Catalog([LINES]), {**lines, "sale": view})
    assert ((), ["sale"]) == (drift.findings, [each.table for each in drift.notes])


def test_owner_gone():
    """An owner table, and a column of it, can go too."""
    gone = {"line": table(indexes=LINE_INDEXES, **LINE_COLUMNS), "sale": None}
    findings = find_drift(Catalog([LINES]), gone).findings
    assert [("sale", None)] == [(each.table, each.column) for each in findings]
    less = {**gone, "sale": table(indexes=OWNER_INDEXES, no=Stored.INTEGER, payer=Stored.TEXT)}
    assert [("missing", "payee")] == found(Catalog([LINES]), **less)


def test_owner_that_is_a_dataset_too():
    """Columns that make ownership are classified, also where a dataset is on the owner table."""
    owners = Dataset(
        name="sales", table="sale", key=("no",), subject=("payer",), fields=(Field(name="no", type="integer"),)
    )
    facts = {
        "line": table(indexes=LINE_INDEXES, **LINE_COLUMNS),
        "sale": table(indexes=(*OWNER_INDEXES, IndexFacts(ordered=("payer", "no"))), **OWNER_COLUMNS),
    }
    assert [] == found(Catalog([LINES, owners]), **facts)
    assert [("missing", None)] == found(Catalog([LINES, owners]), **facts | {"sale": None})


# --- excuses


def test_excuse():
    """An excuse covers every finding about its column, and keeps its reason."""
    there = table(**AS_DECLARED | {"amount": Stored.FLOAT, "risk": Stored.TEXT})
    drift = find_drift(Catalog([sales(ignored={"risk": "Ours", "amount": "Old"})]), {"sale": there})
    assert () == drift.findings
    assert [("inexact", "Old"), ("unclassified", "Ours")] == [
        (str(e.finding.kind), e.reason) for e in drift.excused
    ]


def test_excuse_covers_notes():
    """An excuse may also be for what the database cannot tell."""
    drift = find_drift(
        Catalog([sales(ignored={"at": "In UTC"})]), {"sale": table(**AS_DECLARED | {"at": Stored.TEXT})}
    )
    assert ((), ()) == (drift.findings, drift.notes)
    assert ["In UTC"] == [each.reason for each in drift.excused]


@pytest.mark.parametrize(
    ("column", "says"), [("gone", "no such column any more"), ("who", "nothing is wrong with it")]
)
def test_stale_excuse(column, says):
    """An excuse for a column that is gone, or of which there is nothing to say, is a finding itself."""
    (only,) = find_drift(Catalog([sales(ignored={column: "Ours"})]), {"sale": table(**AS_DECLARED)}).findings
    assert (FindingKind.STALE_EXCUSE, column) == (only.kind, only.column)
    assert says in only.problem


def test_missing_is_never_excused():
    """A column that a field needs and that went is missing, and its excuse is stale."""
    there = {name: stored for name, stored in AS_DECLARED.items() if name != "amount"}
    catalog = Catalog([sales(ignored={"amount": "Old"})])
    assert [("missing", "amount"), ("stale-excuse", "amount")] == found(catalog, sale=table(**there))


def test_excuses_of_several_datasets():
    """Any dataset on a table may excuse a column of it; where two do, the first one's reason counts."""
    catalog = Catalog(
        [sales(), sales(name="two", ignored={"risk": "Second"}), sales(name="three", ignored={"risk": "Third"})]
    )
    drift = find_drift(catalog, {"sale": table(**AS_DECLARED, risk=Stored.TEXT)})
    assert ((), ["Second"]) == (drift.findings, [each.reason for each in drift.excused])


def test_excuse_needs_a_reason():
    """An excuse without a reason is refused when the dataset is built."""
    with pytest.raises(InvalidCatalog, match="'risk': a column is ignored only for a reason"):
        sales(ignored={"risk": " "})


# --- order and lines


def test_order():
    """Findings come by table in catalog order: the table, what is gone by name, then column by column."""
    one = sales(fields=(*sales().fields, Field(name="z", type="text"), Field(name="b", type="text")))
    catalog = Catalog([one, sales(name="other", table="other")])
    there = table(zoo=Stored.TEXT, **AS_DECLARED | {"amount": Stored.FLOAT}, ark=Stored.TEXT)
    expected = [("missing", "b"), ("missing", "z")]
    expected += [("unclassified", "zoo"), ("inexact", "amount"), ("unclassified", "ark"), ("missing", None)]
    assert expected == found(catalog, other=None, sale=there)


def test_said_once():
    """What two datasets say of one table in the same words is said once, by the first."""
    drift = find_drift(Catalog([sales(), sales(name="again")]), {"sale": table(indexes=INDEXES[:1], **AS_DECLARED)})
    assert [("unindexed", "sales")] == [(str(each.kind), each.dataset) for each in drift.findings]


def test_lines():
    """A person reads a line for each finding, aligned, by table; names are escaped; the count comes last."""
    said = {"dataset": "d", "problem": "mend it"}
    one = Finding(kind="missing", table="a\x1b[31m", column="c\u202ed", **said)
    two = Finding(kind="unclassified", table="a\x1b[31m", column=None, **said)
    note = Finding(kind="cannot-tell", table="b", column=None, **said)
    assert [
        r"a\x1b[31m",
        r"  missing       c\u202ed  mend it",
        r"  unclassified            mend it",
        "b",
        "  cannot-tell    mend it",
        "2 findings, 1 note",
    ] == lines_of(Drift(findings=(one, two), notes=(note,)))
    assert ["no findings"] == lines_of(Drift())


# --- sources


class Declares:
    """An inspector of made-up facts."""

    def __init__(self, **facts):
        self.facts = facts

    def table_facts(self, table):
        """The facts given for the table."""
        return self.facts.get(table)

    def table_names(self):
        """The tables of which facts were given."""
        return list(self.facts)


def test_assert_no_drift():
    """An application's test is one line, whose failure lists the findings."""
    assert_no_drift(Declares(sale=table(**AS_DECLARED)), Catalog([sales()]))
    with pytest.raises(AssertionError, match=r"come apart\nsale\n  unclassified  risk  .*\n1 finding$"):
        assert_no_drift(Declares(sale=table(**AS_DECLARED, risk=Stored.TEXT)), Catalog([sales()]))


def test_missing_table_says_which_there_are():
    """Whoever misspelt a table, or renamed it, reads the names to choose from, escaped."""
    there = Declares(**{"sales": table(), "a\x1b[31m": table()})
    (only,) = check_drift(there, Catalog([sales()])).findings
    assert only.problem.endswith(r"name another in the catalog; there are: 'sales', 'a\x1b[31m'")
    (only,) = check_drift(Declares(), Catalog([sales()])).findings
    assert only.problem.endswith("; there are: none")


def test_source_without_declarations():
    """A source that declares nothing cannot be checked, and the error says so."""
    source = IterableSource({"sale": []}, now=ManualClock())
    with pytest.raises(InvalidConfiguration, match="IterableSource declares no columns, types or indexes"):
        check_drift(source, Catalog([sales()]))


@pytest.mark.parametrize(
    ("columns", "ordered"),
    [
        ([], ()),
        ([("a", False), ("b", False), ("c", False)], ("a", "b", "c")),
        ([("a", False), ("b", True), ("c", True)], ("a", "b", "c")),
        ([("a", True), ("b", False), ("c", True), ("d", False)], ("a", "b")),
        ([("a", False), (None, False), ("c", False)], ("a",)),
        ([(None, False), ("b", False)], ()),
    ],
    ids=str,
)
def test_one_direction(columns, ordered):
    """An index is in order up to an expression or a turn; the first column may run either way."""
    assert ordered == in_one_direction(columns)
