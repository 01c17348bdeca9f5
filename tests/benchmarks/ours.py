"""
Us: one dataset through the exporter, from the database to a CSV file.
"""

from pathlib import Path

from streampay_export._core.catalog import Dataset, Field, FieldType
from streampay_export._core.cut import compile_cut
from streampay_export._core.manifest import Digest
from streampay_export._core.party import Subject
from streampay_export._core.policy import FieldRule, Policy
from streampay_export._core.rules import Keep, Mask, MaskKind, Pseudonymise
from streampay_export._core.selection import Query
from streampay_export.dataset_stage import DatasetStage
from streampay_export.exporter import DatasetExport
from streampay_export.packing import Plaintext
from streampay_export.sources.sqlalchemy import SqlAlchemySource
from streampay_export.stage import Stage
from streampay_export.writers import CsvWriter

from .payouts import FIELDS, PSEUDONYM_KEY, wallet

TYPES = {
    "id": FieldType.UUID,
    "stream_id": FieldType.UUID,
    "amount": FieldType.DECIMAL,
    "fee": FieldType.DECIMAL,
    "attempts": FieldType.INTEGER,
    "requested_at": FieldType.TIMESTAMP,
    "settled_at": FieldType.TIMESTAMP,
}
MONEY = {"asset": "asset", "scale": 7}
PAYOUTS = Dataset(
    name="payouts",
    table="payouts",
    key=["requested_at", "id"],
    subject=["wallet_address"],
    as_of="requested_at",
    direction="direction",
    fields=[
        Field(
            name=name,
            type=TYPES.get(name, FieldType.TEXT),
            **MONEY if TYPES.get(name) is FieldType.DECIMAL else {},
        )
        for name in FIELDS
    ],
)
RULES = {"email": Mask(MaskKind.EMAIL), "device": Pseudonymise()}
SELF = Policy(
    profile="self",
    rules={
        "payouts": {
            name: FieldRule(rule=RULES.get(name, Keep()), reason="The person's own payouts.") for name in FIELDS
        }
    },
)


class PlainStage(Stage):
    """
    A data file that is hashed as ours are, and not packed: `plain.py` packs nothing either.
    """

    packed_part = 0

    def __init__(self) -> None:
        super().__init__()
        self._part = Plaintext()

    piece = end = Stage.append

    def add(self, data: bytes) -> None:
        """
        Write more of the part under way.
        """
        self._part.add(data)
        self.append(data)

    def close_part(self) -> Digest:
        """
        Return the part's digest and begin the next.
        """
        closed, self._part = self._part.digest, Plaintext()
        return closed


# The function under measurement: counting, paging, redaction, totals, encoding, digests and staging included.
def ours(url: str, rows: int, out: Path) -> None:
    """
    Write the payouts of the person who has *rows* of them to *out*, as CSV.
    """
    subject = Subject(wallet(rows))
    cut = compile_cut(PAYOUTS, SELF, timezone="UTC", pseudonym_key=PSEUDONYM_KEY, owners=frozenset(subject.names))
    encoder = CsvWriter().encoder(PAYOUTS, cut.fields)
    with SqlAlchemySource(url, timezone="UTC") as source, PlainStage() as stage:
        DatasetExport(
            source=source,
            cut=cut,
            query=Query(selection=cut.selection, subject=subject, as_of=source.now()),
            stage=DatasetStage({"csv": encoder}, {"csv": stage}),
            watch=lambda *_: None,
        ).run()
        with out.open("wb") as file:
            file.writelines(stage.blocks())
