"""`policy check`: what is added to a database is in nothing but its output; what goes is named by both."""

import contextlib
import io
import json
import zipfile
from pathlib import Path

import pytest
import sqlalchemy
from tests.toml_texts import KEEP, NOTICE

from streampay_export.cli import main
from streampay_export.cli.demo import SETTINGS
from streampay_export.cli.demo_data import make_database
from streampay_export.cli.deployment import deployment
from streampay_export.configuration import read_configuration
from streampay_export.http import HttpApi, Request
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.testing.drift import assert_no_drift

CONFIG = """
[source]
url = "URL"
timezone = "UTC"
[datasets.sales]
table = "sale"
key = ["at", "no"]
subject = ["who"]
as_of = "at"
[datasets.sales.fields]
no = {type = "integer", KEEP}
at = {type = "timestamp", KEEP}
price = {type = "decimal", KEEP}
[datasets.sales.fields.note]
type = "text"
rule = "withhold"
reason = "Another's"
""".replace("KEEP", KEEP)
TABLE = (
    (
        "CREATE TABLE sale"
        " (no BIGINT NOT NULL PRIMARY KEY, at TIMESTAMP NOT NULL, who VARCHAR(40), price TEXT, note TEXT)"
    ),
    "CREATE INDEX sale_who ON sale (who, at, no)",
    "INSERT INTO sale VALUES (1, '2026-01-31 10:00:00', 'ada', '1.50', 'secret')",
    "INSERT INTO sale VALUES (2, '2026-01-31 11:00:00', 'ada', '2.50', NULL)",
)
COLUMN, CANARY, EXCUSE = "kanarienvogel", "c4n4ry-8f3a", "only-we-see-this-reason"


class Shop:
    """A configuration over a database with two sales of ada's."""

    def __init__(self, folder, url, capsys):
        self.config = folder / "shop.toml"
        self.config.write_text(CONFIG.replace("URL", url) + NOTICE, encoding="utf-8")
        self.engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
        self.capsys = capsys
        self.change("DROP TABLE IF EXISTS sale", *TABLE)

    def change(self, *statements):
        """Run the application's own SQL."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def add_to_config(self, text):
        """Add to the dataset's part of the configuration."""
        config = self.config.read_text(encoding="utf-8").replace("[notice]", f"{text}\n[notice]")
        self.config.write_text(config, encoding="utf-8")

    def run(self, *line):
        """Run a command and return its exit code and standard output."""
        self.capsys.readouterr()
        code = main([*line, "--config", str(self.config)])
        return code, self.capsys.readouterr().out

    def check(self):
        """Run `policy check --json`: its exit code, and kind and column of findings and of excused ones."""
        code, said = self.run("policy", "check", "--json")
        form = json.loads(said)
        return code, *([(each["kind"], each["column"]) for each in form[name]] for name in ("findings", "excused"))

    def bundle(self):
        """Every member of an export of ada's, with the bundle's own bytes and what the command said."""
        formats = [flag for each in ("csv", "ndjson", "json") for flag in ("--format", each)]
        code, said = self.run("export", "--subject", "ada", "--json", "--out", str(self.config.parent), *formats)
        assert code == 0
        whole = Path(json.loads(said.splitlines()[-1])["bundle"]).read_bytes()
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        return {"said": said.encode(), "whole": whole, "names": "\n".join(members).encode(), **members}

    def policy(self):
        """Every form in which the policy is shown."""
        lines = (["policy", "list"], ["policy", "list", "--json"], ["header"])
        shown = {" ".join(line): self.run(*line)[1].encode() for line in lines}
        with deployment(self.config) as opened:
            api = HttpApi(service=opened.service, identify=lambda _: None)
            for accept in ("text/html", "application/json"):
                asked = Request(method="GET", path="/exports/policy", headers={"Accept": accept})
                shown[accept] = api.handle(asked).body
        return shown


@pytest.fixture(
    params=["sqlite", *(pytest.param(each, marks=pytest.mark.server) for each in ("postgres_url", "mariadb_url"))]
)
def shop(request, tmp_path, capsys):
    """A shop on each kind of database."""
    url = f"sqlite:///{tmp_path}/shop.db"
    if request.param != "sqlite":
        url = request.getfixturevalue(request.param)
    opened = Shop(tmp_path, url, capsys)
    yield opened
    opened.change("DROP TABLE sale")


def tell_of(shown, *words):
    """The names of what holds any of the words."""
    return [name for name, content in shown.items() if any(word.encode() in content for word in words)]


def test_new_column(shop):
    """A column added to the database is in no export, no report and no policy page, and in `policy check`."""
    assert (0, [], []) == shop.check()
    before = shop.bundle()
    assert "index.html" in before
    shop.change(
        f"ALTER TABLE sale ADD COLUMN {COLUMN} TEXT DEFAULT '{CANARY}'", f"UPDATE sale SET {COLUMN} = '{CANARY}'"
    )
    after = shop.bundle()
    assert set(after) == set(before)
    assert after["data/sales.csv"] == before["data/sales.csv"]
    assert [] == tell_of(after | shop.policy(), COLUMN, CANARY)
    assert {f"data/sales.{each}" for each in ("csv", "ndjson", "json")} <= set(tell_of(after, "2.50"))
    assert (1, [("unclassified", COLUMN)], []) == shop.check()
    code, said = shop.run("policy", "check")
    assert (1, ["sale", "1 finding"]) == (code, [said.splitlines()[0], said.splitlines()[-1]])
    assert said.splitlines()[1].startswith(f"  unclassified  {COLUMN}  ")
    assert CANARY not in said


def test_ignored_column(shop):
    """An excuse ends the finding, and neither column nor reason is told to anybody else."""
    shop.change(f"ALTER TABLE sale ADD COLUMN {COLUMN} TEXT DEFAULT '{CANARY}'")
    shop.add_to_config(f'[datasets.sales.ignored]\n{COLUMN} = "{EXCUSE}"')
    assert (0, [], [("unclassified", COLUMN)]) == shop.check()
    assert [] == tell_of(shop.bundle() | shop.policy(), COLUMN, CANARY, EXCUSE)
    assert EXCUSE in shop.run("policy", "check", "--json")[1]
    assert (0, "no findings, 1 excused\n") == shop.run("policy", "check")
    shop.change(f"ALTER TABLE sale DROP COLUMN {COLUMN}")
    assert (1, [("stale-excuse", COLUMN)], []) == shop.check()


def test_dropped_column(shop):
    """A column that went is missing, and the export fails naming it."""
    shop.change("ALTER TABLE sale DROP COLUMN price")
    assert (1, [("missing", "price")], []) == shop.check()
    code, said = shop.run("export", "--subject", "ada", "--json", "--out", str(shop.config.parent))
    error = json.loads(said.splitlines()[-1])["error"]
    assert (2, "source-mismatch") == (code, error["slug"])
    assert "has no column 'price'" in error["detail"]


def test_changed_type(shop):
    """A column whose type no longer fits is a misfit, and money as floating point is inexact."""
    shop.change("ALTER TABLE sale DROP COLUMN price", "ALTER TABLE sale ADD COLUMN price DOUBLE PRECISION")
    assert (1, [("inexact", "price")], []) == shop.check()
    shop.change("ALTER TABLE sale DROP COLUMN price", "ALTER TABLE sale ADD COLUMN price JSON")
    assert (1, [("misfit", "price")], []) == shop.check()


def test_dropped_index(shop):
    """An index that went is found; a table that went too."""
    on = " ON sale" if shop.engine.dialect.name == "mysql" else ""
    shop.change(f"DROP INDEX sale_who{on}")
    assert (1, [("unindexed", "who")], []) == shop.check()
    shop.change("ALTER TABLE sale RENAME TO sold")
    assert (1, [("missing", None)], []) == shop.check()
    shop.change("ALTER TABLE sold RENAME TO sale")


def test_column_of_a_rule(shop):
    """A column on which a rule depends is nobody's news while it is there, and missing when it is not."""
    rule = """rule = "by_row"
when = {column = "author", is = "subject"}
then = {rule = "keep"}
otherwise = {rule = "withhold"}
"""
    config = shop.config.read_text(encoding="utf-8").replace('rule = "withhold"\n', rule)
    shop.config.write_text(config, encoding="utf-8")
    assert (1, [("missing", "author")], []) == shop.check()
    shop.change("ALTER TABLE sale ADD COLUMN author TEXT")
    assert (0, [], []) == shop.check()


def test_pytest_line(shop):
    """The same in an application's own tests."""
    configuration = read_configuration(shop.config)
    with SqlAlchemySource(shop.engine, timezone="UTC") as source:
        assert_no_drift(source, configuration.catalog, configuration.policies)
        shop.change(f"ALTER TABLE sale ADD COLUMN {COLUMN} TEXT")
        with pytest.raises(AssertionError, match=rf"sale\n  unclassified  {COLUMN}  "):
            assert_no_drift(source, configuration.catalog)


# --- exit codes and names


@pytest.fixture
def small(tmp_path, capsys):
    """A shop on SQLite."""
    return Shop(tmp_path, f"sqlite:///{tmp_path}/shop.db", capsys)


def test_wrong_configuration(small):
    """A wrong configuration is code 2, also an excuse without a reason."""
    small.add_to_config('[datasets.sales.ignored]\nrisk = " "')
    code, said = small.run("policy", "check", "--json")
    assert (2, "datasets.sales.ignored.risk: a non-empty text is required") == (
        code,
        json.loads(said)["error"]["detail"],
    )


def test_database_away(small):
    """A database that is away is code 3, which is no answer."""
    (small.config.parent / "shop.db").unlink()
    code, said = small.run("policy", "check", "--json")
    assert (3, "source-unavailable") == (code, json.loads(said)["error"]["slug"])


def test_names_are_escaped(small):
    """Whoever can name a column cannot write to the operator's terminal, nor end a line."""
    small.change('ALTER TABLE sale ADD COLUMN "\x1b]0;x\x07\n\u009b\u202eno findings" TEXT')
    for flags in ([], ["--json"]):
        code, said = small.run("policy", "check", *flags)
        assert code == 1
        assert said.isascii()
        assert [] == [sign for sign in said if not sign.isprintable() and sign != "\n"]
        assert [1, 3][not flags] == len(said.splitlines())
    assert json.loads(said)["findings"][0]["column"] == "\x1b]0;x\x07\n\u009b\u202eno findings"


def test_missing_table(small, capsys):
    """Of a table that is not there it is said which there are, and without [datasets] whose are looked for."""
    whole = small.config.read_text(encoding="utf-8")
    small.config.write_text(whole.replace('"sale"', '"sales"'), encoding="utf-8")
    code, said = small.run("policy", "check")
    assert (1, True) == (code, "there is no such table: name another in the catalog; there are: 'sale'" in said)

    without = whole[: whole.index("[datasets")] + whole[whole.index("[notice]") :]
    small.config.write_text(without, encoding="utf-8")
    capsys.readouterr()
    assert main(["policy", "check", "--config", str(small.config)]) == 1
    said = capsys.readouterr()
    assert said.out.count("there are: 'sale'") == said.out.count("no such table")
    assert said.err.startswith("The configuration has no [datasets]")


def test_streampay(tmp_path, capsys, monkeypatch):
    """The demo's own database has no drift; a column added to a table that is an owner's too is found once."""
    monkeypatch.setattr("streampay_export.cli.demo_data.PAYOUTS_EACH_WAY", 5)
    make_database(tmp_path / "streampay.db")
    config = tmp_path / "demo.toml"
    config.write_text(SETTINGS, encoding="utf-8")
    assert main(["policy", "check", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "no findings\n"
    with contextlib.closing(
        sqlalchemy.create_engine(f"sqlite:///{tmp_path}/streampay.db").raw_connection()
    ) as lent:
        lent.driver_connection.execute(f"ALTER TABLE streams ADD COLUMN {COLUMN}")
    assert main(["policy", "check", "--config", str(config), "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [("streams", "streams", COLUMN)] == [(e["dataset"], e["table"], e["column"]) for e in findings]
