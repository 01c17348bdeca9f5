"""
The small files of a bundle: `notice.json`, `withheld.json`, `README.txt`, `SHA256SUMS`.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from attrs import asdict

from .contents import BundleContents, DatasetContents
from .datapackage import INEXACT_NOTE, NULL_RULE
from .guard import GUARD_RULE
from .manifest import BundleFile
from .notice import HEADINGS
from .policy_listing import AlteredField
from .rules import Withhold, rule_name
from .wire import spell_instant

CHAIN_SENTENCE = (
    "What was recorded on the public ledger (addresses, amounts, times, transaction hashes) stays there: "
    "nobody can change or erase it, neither we nor you. Erasing your data here does not erase it there."
)
_OTHER_FILES = """\
  index.html          this copy, for people
  datapackage.json    what each file and column means, for programs
  notice.json         why your data is processed, who receives it, and your rights
  withheld.json       which fields were left out or altered, and why
  manifest.dsse.json  the signed list of all files with their counts and digests
  SHA256SUMS          the digests of all files"""
_SIGNED = (
    "Nothing was changed by anybody since it was made and signed (with the zip file and the public key that "
    "the service publishes; get the key from the service itself, never from this bundle):"
)


def spell_document(form: Any) -> bytes:
    """
    Return a JSON file of the bundle: UTF-8, two spaces of indentation, keys in the order given.
    """
    return (json.dumps(form, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def notice_document(contents: BundleContents) -> dict[str, Any]:
    """
    Return `notice.json`: the ten parts of the notice, and which export they accompany; the categories
    of the data in it, and the headings of all.
    """
    notice = contents.notice
    return {
        "job": contents.job_id,
        "as_of": spell_instant(contents.as_of),
        "profile": contents.profile,
        "language": notice.language,
        "headings": {part: notice.heading(part) for part in HEADINGS},
        "notice": notice.parts,
        "categories": [asdict(each) for each in contents.categories],
        "public_ledger": CHAIN_SENTENCE,
    }


def withheld_document(contents: BundleContents) -> dict[str, Any]:
    """
    Return `withheld.json`: which fields were left out or altered, and why.
    """
    left_out = rule_name(Withhold())
    told = [(each, field) for each in contents.datasets for field in each.withheld]
    return {
        "job": contents.job_id,
        "profile": contents.profile,
        "withheld": [_told(dataset, field) for dataset, field in told if field.rule == left_out],
        "altered": [
            {**_told(dataset, field), "rule": field.rule} for dataset, field in told if field.rule != left_out
        ],
        "omitted": [
            {"dataset": each.name, "rows": each.summary.omitted, "reason": each.dataset.omit.reason}
            for each in contents.datasets
            if each.dataset.omit is not None
        ],
    }


def _told(contents: DatasetContents, field: AlteredField) -> dict[str, str]:
    return {
        "dataset": contents.name,
        "field": field.field,
        "description": contents.dataset.field_named(field.field).description,
        "how": field.how,
        "reason": field.reason,
    }


def readme(contents: BundleContents, files: Iterable[BundleFile]) -> bytes:
    """
    Return `README.txt`: plain words about what is here and how to check it. UTF-8, CRLF line ends.
    """
    rows = {each.path: each.rows for each in files}
    width = max(map(len, rows), default=0)
    lacking = ", ".join(each.name for each in contents.missing)
    completeness = (
        f"NOT everything that was asked for is here. Missing: {lacking}."
        if lacking
        else "Everything that was asked for is here."
    )
    inexact = any(each.inexact for each in contents.datasets)
    paragraphs = [
        "A COPY OF YOUR DATA",
        f"Export {contents.job_id}, as of {spell_instant(contents.as_of)} (UTC). {completeness}",
        "Open index.html in a browser: it shows what is in this copy, and needs no network.",
        "WHAT IS INSIDE",
        "\n".join(
            f"  {path:<{width}}  {count:>12,} {'row' if count == 1 else 'rows'}"
            for path, count in rows.items()
            if count is not None
        ),
        _OTHER_FILES,
        "HOW TO CHECK IT",
        "Nothing was damaged on the way (in the unpacked folder):",
        "  sha256sum -c SHA256SUMS",
        _SIGNED,
        f"  streampay-export verify streampay-export-{contents.job_id}.zip --public-key KEYFILE",
        "HOW TO READ THE FILES",
        "Text is UTF-8. Amounts are decimals and are written out in full. Times are UTC.",
        NULL_RULE,
        GUARD_RULE,
        *([f"Some amounts are marked inexact in datapackage.json. {INEXACT_NOTE}"] if inexact else []),
        "WHAT CANNOT BE ERASED",
        CHAIN_SENTENCE,
        "Keep this copy safe: it is personal, and whoever has the file can read it.",
    ]
    text = "\n\n".join(_wrapped(each) for each in paragraphs) + "\n"
    return text.replace("\n", "\r\n").encode()


@lru_cache(maxsize=64)  # nearly all paragraphs are the same in every bundle
def _wrapped(paragraph: str) -> str:
    if paragraph.startswith("  "):
        return paragraph
    return textwrap.fill(paragraph, width=76, break_long_words=False, break_on_hyphens=False)


def sums(files: Iterable[BundleFile]) -> bytes:
    """
    Return `SHA256SUMS` in the form that `sha256sum -c` reads.
    """
    return "".join(f"{each.digest.sha256}  {each.path}\n" for each in files).encode("ascii")
