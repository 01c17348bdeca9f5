import hashlib
import io
import json
import struct
import subprocess
import zipfile
from contextlib import ExitStack
from importlib import import_module
from tempfile import NamedTemporaryFile

import pytest
from attrs import evolve
from tests.bundles import (
    ACCOUNT,
    ACCOUNT_FIELDS,
    AS_OF,
    MISSING,
    NOTICE,
    PAYOUT_FIELDS,
    PAYOUTS,
    contents_of,
    packed,
    payout,
    small_bundle,
    staged,
)
from tests.requirements import program

from streampay_export import deflating
from streampay_export._core.catalog import Field, FieldType, Omission
from streampay_export._core.cut import OutputField
from streampay_export._core.layout import Entry, directory, entry_time, local_header
from streampay_export._core.policy_listing import AlteredField
from streampay_export._core.selection import Census, Window

DATA = [f"data/{dataset}.{format_}" for dataset in ("account", "payouts") for format_ in ("csv", "ndjson", "json")]
DOCUMENTS = ["datapackage.json", "notice.json", "withheld.json", "README.txt", "index.html"]
ORDER = [*DATA, *DOCUMENTS, "manifest.dsse.json", "SHA256SUMS"]


def _opened(data):
    return zipfile.ZipFile(io.BytesIO(data))


def test_the_files_are_in_one_order():
    """
    Data first, then what describes it, then the manifest over those, then the digests.
    """
    assert _opened(small_bundle()).namelist() == ORDER


def test_every_entry_is_plain():
    """
    One time (the as-of), mode 0600, no flags (so no data descriptor), no comment, no extra field.
    """
    told = {
        (e.date_time, e.external_attr >> 16, e.create_system, e.flag_bits, e.comment, e.extra)
        for e in _opened(small_bundle()).infolist()
    }
    assert told == {((2026, 11, 20, 9, 30, 14), 0o100600, 3, 0, b"", b"")}


@pytest.mark.parametrize("library", ["zlib", "isal.isal_zlib"])
@pytest.mark.parametrize(("name", "package", "argument"), [("unzip", "unzip", "-tqq"), ("7z", "p7zip-full", "t")])
def test_other_programs_open_it(name, package, argument, library):
    """
    Info-ZIP and 7z find nothing wrong, whichever library packed it.
    """
    with pytest.MonkeyPatch.context() as patched, NamedTemporaryFile(suffix=".zip") as bundle:
        patched.setattr(deflating, "library", lambda: import_module(library))
        bundle.write(small_bundle())
        bundle.flush()
        command = [program(name, package=package), argument, bundle.name]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_digests_agree(tmp_path):
    """
    Python finds nothing wrong, and `sha256sum -c` agrees with every file.
    """
    bundle = _opened(small_bundle())
    assert bundle.testzip() is None
    bundle.extractall(tmp_path)
    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert checked.stdout.splitlines() == [f"{name}: OK" for name in ORDER[:-1]]


def test_the_same_arguments_give_the_same_bytes():
    """
    Page and part sizes show in nothing but the manifest's list of parts.
    """
    rows = [payout(number, f"memo {number}") for number in range(97)]
    assert small_bundle(rows) == small_bundle(rows, page=7)
    one, other = _opened(small_bundle(rows)), _opened(small_bundle(rows, page=7, part=10))
    differing = [name for name in ORDER if one.read(name) != other.read(name)]
    assert differing == ["manifest.dsse.json", "SHA256SUMS"]


def test_an_empty_history_is_a_whole_bundle():
    """
    Without a row each file has its frame, and counts are zero.
    """
    bundle = _opened(small_bundle([]))
    assert bundle.namelist() == ORDER
    assert bundle.read("data/account.csv") == b"wallet,name\r\n"
    assert bundle.read("data/account.ndjson") == b""
    assert json.loads(bundle.read("data/account.json")) == []
    assert b"There is no row about you" in bundle.read("index.html")


def test_only_the_asked_formats_are_there():
    """
    A bundle has the formats that were asked for, in their order.
    """
    assert _opened(small_bundle(formats=("json",))).namelist()[:2] == ["data/account.json", "data/payouts.json"]


def test_the_notice_and_what_was_withheld_stand_as_json():
    """
    `notice.json` has the ten parts, `withheld.json` every field with its reason.
    """
    bundle = _opened(small_bundle())
    notice = json.loads(bundle.read("notice.json"))
    assert notice["notice"] == {part: f"The {part} of this test." for part in notice["notice"]}
    assert len(notice["notice"]) == 10
    assert "nobody can change or erase it" in notice["public_ledger"]
    told = json.loads(bundle.read("withheld.json"))
    assert told["withheld"] == [
        {
            "dataset": "payouts",
            "field": "email",
            "description": "The other side's e-mail",
            "how": "left out",
            "reason": "It is somebody else's",
        }
    ]
    assert (told["altered"], told["omitted"]) == ([], [])


def test_altered_fields_and_omitted_rows_are_told():
    """
    A mask is no withholding and is told as what it is; so are rows left out on purpose.
    """
    with ExitStack() as stack:
        dataset = evolve(ACCOUNT, omit=Omission(column="deleted_at", reason="Drafts were never sent"))
        account = staged(
            stack, dataset, ACCOUNT_FIELDS, [], census=Census(included=0, later=1, outside=1, omitted=2)
        )
        told = AlteredField(dataset="account", field="name", rule="mask", reason="Shown in part", how="altered")
        bundle = _opened(packed(contents_of(evolve(account, withheld=(told,)), missing=(MISSING,))))
    withheld = json.loads(bundle.read("withheld.json"))
    assert withheld["altered"] == [
        {
            "dataset": "account",
            "field": "name",
            "description": "Your name",
            "how": "altered",
            "reason": "Shown in part",
            "rule": "mask",
        }
    ]
    assert withheld["omitted"] == [{"dataset": "account", "rows": 2, "reason": "Drafts were never sent"}]
    assert b"NOT everything" in bundle.read("README.txt")


def test_the_readme_says_how_to_check_and_read():
    """
    Plain words with CRLF: both checks, NULL and empty, the guard's undo, and what cannot be erased.
    """
    text = _opened(small_bundle()).read("README.txt").decode()
    assert text.count("\n") == text.count("\r\n")
    words = " ".join(text.split())
    for part in (
        "sha256sum -c SHA256SUMS",
        "streampay-export verify",
        "is NULL",
        "To undo it",
        "nobody can change",
    ):
        assert part in words
    assert "3 rows" in words


def _package(data):
    return json.loads(_opened(data).read("datapackage.json"))


def test_csv_is_a_table_and_json_a_file():
    """
    CSV files are table resources; JSON and NDJSON carry their schema under our own property.
    """
    by_path = {each["path"]: each for each in _package(small_bundle())["resources"]}
    table, file = by_path["data/payouts.csv"], by_path["data/payouts.json"]
    assert (table["type"], file["type"]) == ("table", "file")
    assert table["schema"] == file["streampay:schema"]
    assert "schema" not in file
    content = _opened(small_bundle()).read("data/payouts.csv")
    assert table["bytes"] == len(content)
    assert table["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_the_dictionary_names_types_assets_and_scales():
    """
    Amounts say their asset and scale, an inexact one says so, times and ids their type.
    """
    with ExitStack() as stack:
        catalogued = evolve(PAYOUTS, fields=(*PAYOUTS.fields, Field(name="rate", type="decimal")))
        columns = (*PAYOUT_FIELDS, OutputField(name="rate", type=FieldType.DECIMAL))
        dataset = evolve(staged(stack, catalogued, columns, [], formats=("csv",)), inexact=("fee",))
        bundle = packed(contents_of(dataset))
    fields = {each["name"]: each for each in _package(bundle)["resources"][0]["schema"]["fields"]}
    assert fields["amount"] == {
        "name": "amount",
        "type": "number",
        "description": "How much",
        "streampay:type": "decimal",
        "streampay:asset": {"field": "asset"},
        "streampay:scale": 7,
        "streampay:origin": "observed",
    }
    assert fields["fee"]["streampay:asset"] == {"const": "XLM"}
    assert "floating-point" in fields["fee"]["streampay:inexact"]
    assert "streampay:inexact" not in fields["amount"]
    assert fields["rate"] == {"name": "rate", "type": "number", "streampay:type": "decimal"}
    assert (fields["at"]["type"], fields["reference"]["format"], fields["memo"]["type"]) == (
        "datetime",
        "uuid",
        "string",
    )
    assert b"floating-point" in b" ".join(_opened(bundle).read("README.txt").split())


def test_the_time_of_entries_stays_within_what_a_zip_can_say():
    """
    A zip knows the years 1980 to 2107.
    """
    assert entry_time(AS_OF.replace(year=1970)) == (1980, 1, 1, 0, 0, 0)
    assert entry_time(AS_OF.replace(year=2200)) == (2107, 12, 31, 23, 59, 58)


def test_zip64_is_written_as_the_standard_library_reads_it(tmp_path):
    """
    A file over 4 GB and one that begins beyond 4 GiB are found where they are.
    """
    large = Entry(name="data/large.csv", method=0, crc=0, packed=5_000_000_000, size=5_000_000_000, offset=0)
    small = Entry(name="data/small.csv", method=0, crc=0xF7D18982, packed=2, size=2, offset=large.end)
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.write(local_header(large, entry_time(AS_OF)))
        file.seek(small.offset)
        file.write(local_header(small, entry_time(AS_OF)) + b"hi")
        file.write(directory([large, small], entry_time(AS_OF)))
    with zipfile.ZipFile(path) as opened:
        assert [(e.filename, e.file_size, e.compress_size, e.header_offset) for e in opened.infolist()] == [
            ("data/large.csv", 5_000_000_000, 5_000_000_000, 0),
            ("data/small.csv", 2, 2, large.end),
        ]
        assert opened.open("data/large.csv").read(3) == b"\0\0\0"
    assert local_header(large, entry_time(AS_OF))[-20:] == struct.pack("<HHQQ", 1, 16, large.size, large.packed)
    unzip = program("unzip", package="unzip")
    listed = subprocess.run([unzip, "-l", str(path)], capture_output=True, text=True, check=True).stdout
    assert "5000000000" in listed


def test_a_window_is_in_the_manifest_and_on_the_page():
    """
    What period was asked for is told to programs and to people.
    """
    with ExitStack() as stack:
        account = staged(stack, ACCOUNT, ACCOUNT_FIELDS, [])
        contents = contents_of(account)
        request = evolve(
            contents.request, window=Window(start=AS_OF.replace(year=2020), end=AS_OF.replace(year=2021))
        )
        page = _opened(packed(evolve(contents, request=request))).read("index.html").decode()
    assert "from <bdi>2020-11-20 09:30:15 UTC</bdi>" in page
    assert "up to <bdi>2021-11-20 09:30:15 UTC</bdi>" in page
    assert NOTICE.controller in page
