"""
`datapackage.json`: the bundle described as a Data Package v2 (https://datapackage.org).

CSV files are table resources. JSON and NDJSON files are file resources whose schema stands under a
property of our own, since stock tools take a JSON table with `bytes` for an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from .catalog import Constant, FieldType
from .contents import BundleContents, DatasetContents
from .cut import OutputField
from .guard import GUARD_RULE
from .manifest import BundleFile
from .wire import spell_instant

PACKAGE_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
SCHEMA_PROFILE = "https://datapackage.org/profiles/2.0/tableschema.json"

NULL_RULE = (
    "In CSV an empty cell without quotes is NULL (no value) and a cell of two double quotes is the empty text. "
    "Many programs do not tell the two apart; NDJSON and JSON do, by null and an empty string."
)
INEXACT_NOTE = (
    "The source keeps this amount as a binary floating-point number; "
    "what is written is the shortest decimal that stands for that number."
)

Json: TypeAlias = dict[str, Any]

_TABLE_TYPES: Mapping[FieldType, Json] = {
    FieldType.TEXT: {"type": "string"},
    FieldType.INTEGER: {"type": "integer"},
    FieldType.DECIMAL: {"type": "number"},
    FieldType.BOOLEAN: {"type": "boolean", "trueValues": ["true"], "falseValues": ["false"]},
    FieldType.TIMESTAMP: {"type": "datetime"},
    FieldType.DATE: {"type": "date"},
    FieldType.UUID: {"type": "string", "format": "uuid"},
    FieldType.JSON: {"type": "string"},
}
_DIALECT: Json = {
    "header": True,
    "delimiter": ",",
    "lineTerminator": "\r\n",
    "quoteChar": '"',
    "doubleQuote": True,
    "skipInitialSpace": False,
}


@frozen(kw_only=True)
class DataFile:
    """
    A data file of the bundle: whose rows, in which format, and of which media type.
    """

    dataset: str
    format: str
    media_type: str
    file: BundleFile


def data_package(contents: BundleContents, files: Sequence[DataFile]) -> Json:
    """
    Return the descriptor of a bundle with these data files.
    """
    by_name = {each.name: each for each in contents.datasets}
    return {
        "$schema": PACKAGE_PROFILE,
        "name": f"streampay-export-{contents.job_id}",
        "title": "A copy of one person's stream and payout history",
        "created": spell_instant(contents.completed_at),
        "streampay:as_of": spell_instant(contents.as_of),
        "streampay:profile": contents.profile,
        "streampay:csv_guard": GUARD_RULE,
        "streampay:null": NULL_RULE,
        "resources": [_resource(by_name[each.dataset], each) for each in files],
    }


def _resource(contents: DatasetContents, data: DataFile) -> Json:
    table = data.format == "csv"
    schema = _schema(contents)
    described: Json = {
        "name": f"{data.dataset}.{data.format}",
        "title": data.dataset,
        "type": "table" if table else "file",
        "path": data.file.path,
        "format": data.format,
        "mediatype": data.media_type,
        "encoding": "utf-8",
        "bytes": data.file.digest.size,
        "hash": f"sha256:{data.file.digest.sha256}",
        "streampay:rows": data.file.rows,
    }
    if contents.dataset.description:
        described["description"] = contents.dataset.description
    return (
        {**described, "dialect": _DIALECT, "schema": schema} if table else {**described, "streampay:schema": schema}
    )


def _schema(contents: DatasetContents) -> Json:
    return {
        "$schema": SCHEMA_PROFILE,
        "fieldsMatch": "exact",
        "missingValues": [""],
        "fields": [_field(contents, each) for each in contents.fields],
    }


def _field(contents: DatasetContents, written: OutputField) -> Json:
    described: Json = {"name": written.name, **_TABLE_TYPES[written.type]}
    if written.description:
        described["description"] = written.description
    if written.type is not FieldType.TEXT:
        described["streampay:type"] = str(written.type)
    catalogued = contents.dataset.field_named(written.name)
    if written.type is FieldType.DECIMAL:
        if isinstance(catalogued.asset, Constant):
            described["streampay:asset"] = {"const": catalogued.asset.const}
        elif catalogued.asset in {each.name for each in contents.fields}:
            described["streampay:asset"] = {"field": catalogued.asset}
        if catalogued.scale is not None:
            described["streampay:scale"] = catalogued.scale
        if written.name in contents.inexact:
            described["streampay:inexact"] = INEXACT_NOTE
    if catalogued.category:
        described["streampay:category"] = catalogued.category
    if catalogued.origin is not None:
        described["streampay:origin"] = str(catalogued.origin)
    return described
