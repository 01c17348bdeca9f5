"""
The table both exporters read, filled alike in every database.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

# On MariaDB an index wants a length, a time its fraction, and its own UUIDs are of some versions only.
UUID = sa.Uuid().with_variant(sa.Uuid(native_uuid=False), "mysql")
ADDRESS = sa.Text().with_variant(sa.String(56), "mysql")
INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
TABLE = sa.Table(
    "payouts",
    sa.MetaData(),
    sa.Column("id", UUID, primary_key=True),
    sa.Column("wallet_address", ADDRESS, nullable=False),
    sa.Column("stream_id", UUID, nullable=False),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("counterparty", sa.Text, nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric(20, 7), nullable=False),
    sa.Column("fee", sa.Numeric(20, 7), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("failure_code", sa.Text),
    sa.Column("transaction_hash", sa.Text),
    sa.Column("memo", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("device", sa.Text),
    sa.Column("risk_note", sa.Text),
    sa.Column("requested_at", INSTANT, nullable=False),
    sa.Column("settled_at", INSTANT),
    sa.Index("payouts_of_person", "wallet_address", "requested_at", "id"),
)

FIELDS = [column.name for column in TABLE.columns if column.name not in {"wallet_address", "risk_note"}]
"""What both export, in this order: `email` masked, `device` pseudonymised, everything else kept."""

PSEUDONYM_KEY = bytes(range(32))
START = datetime(2025, 1, 1)  # noqa: DTZ001 - stored without a zone, in UTC


def wallet(rows: int) -> str:
    """
    Return the address of the person who has this many payouts.
    """
    return f"G{rows:055d}"


def fill(url: str, *sizes: int) -> None:
    """
    Make the table, with one person of each size in it.
    """
    engine = sa.create_engine(url)
    TABLE.metadata.create_all(engine)
    lent = engine.raw_connection()
    names = ", ".join(column.name for column in TABLE.columns)
    mariadb = engine.dialect.name == "mysql"
    places = ", ".join("%s" if mariadb else "?" for _ in TABLE.columns)
    for size in sizes:
        cursor = lent.cursor()
        if engine.dialect.name == "postgresql":
            with cursor.copy(f"COPY payouts ({names}) FROM STDIN") as copy:
                for row in made_up(size):
                    copy.write_row(row)
        else:
            cursor.executemany(f"INSERT INTO payouts ({names}) VALUES ({places})", map(as_bound, made_up(size)))
    lent.commit()
    lent.close()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ANALYZE {'TABLE ' if mariadb else ''}payouts")
    engine.dispose()


def as_bound(row: tuple) -> tuple:
    """
    Return a row with its amounts as SQLAlchemy binds them on SQLite, whose own reading of digits is less exact.
    """
    return (*row[:6], float(row[6]), float(row[7]), *row[8:])


def made_up(size: int) -> Iterator[tuple]:
    """
    Yield one person's payouts: the same ones in every run and database.
    """
    pick = Random(size)
    owner = wallet(size)
    others = [f"G{pick.getrandbits(272):055X}"[:56] for _ in range(200)]
    devices = [f"device-{pick.getrandbits(64):016x}" for _ in range(50)]
    assets = ["XLM", "XLM", f"USDC:{others[0]}"]
    memos = ["Rent", 'Invoice "A-17", paid', "=1+1", "Miete März", "two\nlines", "thanks 😀"]
    for number in range(size):
        asked = START + timedelta(seconds=7 * number, microseconds=pick.randrange(1_000_000))
        pending = number % 16 == 0
        amount = pick.getrandbits(40)
        yield (
            f"{pick.getrandbits(128):032x}",
            owner,
            f"{number % 1000:032x}",
            "out" if number % 3 else "in",
            others[number % 200],
            assets[number % 3],
            f"{amount // 10**7}.{amount % 10**7:07d}",
            f"0.{amount % 9973:07d}",
            "pending" if pending else "succeeded" if number % 50 else "failed",
            number % 4,
            None if number % 50 else "tx_bad_seq",
            None if pending else f"{pick.getrandbits(256):064x}",
            memos[number % 6] if number % 20 == 0 else f"Payment {number} for March" if number % 2 else None,
            f"person{number % 500}@example.org",
            devices[number % 50],
            "not for the person",
            f"{asked:%Y-%m-%d %H:%M:%S.%f}",
            None if pending else f"{asked + timedelta(seconds=5):%Y-%m-%d %H:%M:%S.%f}",
        )
