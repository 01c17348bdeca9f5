"""
One dataset in several files: pages, parts and what joins them.
"""

import hashlib
import zlib
from functools import partial
from importlib import import_module

import pytest
from tests.bundles import ACCOUNT, ACCOUNT_FIELDS

from streampay_export import deflating
from streampay_export._core.manifest import Digest
from streampay_export.dataset_stage import DatasetStage
from streampay_export.deflating import inflated
from streampay_export.errors import ObjectAltered, UnwritableValue
from streampay_export.packing import PackedStage
from streampay_export.stage import BLOCK
from streampay_export.writers import CsvWriter, JsonWriter

LIBRARIES = [import_module("zlib"), import_module("isal.isal_zlib")]
LOOKED_UP = deflating.library.__wrapped__


@pytest.fixture(params=LIBRARIES, ids=["zlib", "isal"], autouse=True)
def deflate(monkeypatch, request):
    """
    Every test here, with each of the libraries that may pack.
    """
    monkeypatch.setattr(deflating, "library", lambda: request.param)


def _digest(data):
    return Digest(size=len(data), sha256=hashlib.sha256(data).hexdigest())


ENCODERS = {writer.format: writer.encoder(ACCOUNT, ACCOUNT_FIELDS) for writer in (CsvWriter(), JsonWriter())}


def _written(pages, parts=()):
    with PackedStage() as csv, PackedStage() as json:
        stages = {"csv": csv, "json": json}
        stage = DatasetStage(ENCODERS, stages)
        stage.begin()
        closed = []
        for number, page in enumerate(pages):
            stage.page(page)
            if number in parts:
                closed.append(stage.close_part())
        closed.append(stage.close_part())
        stage.end()
        files = _files(stages)
    return files, closed


def _files(stages):
    files = {name: b"".join(inflated(each.blocks())) for name, each in stages.items()}
    assert {name: each.digest for name, each in stages.items()} == {n: _digest(data) for n, data in files.items()}
    assert {name: each.crc for name, each in stages.items()} == {n: zlib.crc32(data) for n, data in files.items()}
    return files


A, B, C = ([["a"], ["1"]], [["b"], ["2"]], [["c"], ["3"]])
WHOLE = [["a", "b", "c"], ["1", "2", "3"]]


def test_pages_and_parts_do_not_show_in_the_files():
    """
    One page, three pages, and three pages in two parts give the same bytes in each format.
    """
    once = _written([WHOLE])[0]
    assert once["csv"] == b'wallet,name\r\n"a","1"\r\n"b","2"\r\n"c","3"\r\n'
    assert once == _written([A, B, C])[0] == _written([A, B, C], parts={0})[0]


def test_no_page_gives_head_and_tail():
    """
    A dataset without rows has its heading in CSV and is an empty array in JSON; its part is empty.
    """
    files, closed = _written([])
    assert files == {"csv": b"wallet,name\r\n", "json": b"[\n\n]\n"}
    assert closed == [{"csv": _digest(b""), "json": _digest(b"")}]


def test_a_part_digest_is_over_its_pages_and_the_separators_between_them():
    """
    The separator that joins two parts belongs to neither.
    """
    closed = _written([A, B, C], parts={1})[1]
    a, b, c = (b'{"wallet":"%b","name":"%b"}' % pair for pair in ((b"a", b"1"), (b"b", b"2"), (b"c", b"3")))
    assert [part["json"] for part in closed] == [_digest(a + b",\n" + b), _digest(c)]


def test_a_page_that_cannot_be_written_leaves_no_trace():
    """
    When one format refuses a page, no format has any of it.
    """

    class Refusing:
        head, separator, tail = b"", b",", b""

        def page(self, columns):
            raise UnwritableValue(dataset="account", field="name", reason="a lone surrogate")

    with PackedStage() as csv, PackedStage() as other:
        stage = DatasetStage({"csv": ENCODERS["csv"], "other": Refusing()}, {"csv": csv, "other": other})
        with pytest.raises(UnwritableValue):
            stage.page(A)
        assert stage.close_part() == {"csv": _digest(b""), "other": _digest(b"")}
        assert (csv.packed, other.packed) == (0, 0)


def _part(page):
    """
    One part packed alone, as somebody else packs it: its digests and its packed bytes.
    """
    with PackedStage(whole=False) as csv, PackedStage(whole=False) as json:
        stage = DatasetStage(ENCODERS, {"csv": csv, "json": json})
        stage.page(page)
        closed = stage.close_part()
        packed = {name: b"".join(stage.part_blocks(name)) for name in ENCODERS}
    assert stage.packed_part == {name: len(data) for name, data in packed.items()}
    return closed, packed


def test_a_part_packed_elsewhere_makes_the_same_file():
    """
    Restored, between parts that were read here, it leaves the packed bytes as they would have been.
    """
    packed = []
    for restored in (set(), {0}, {1}, {0, 2}, {0, 1, 2}):
        with PackedStage() as csv, PackedStage() as json:
            stages = {"csv": csv, "json": json}
            stage = DatasetStage(ENCODERS, stages)
            stage.begin()
            for number, page in enumerate((A, B, C)):
                if number in restored:
                    closed, part = _part(page)
                    stage.restore(closed, {name: [data] for name, data in part.items()})
                else:
                    stage.page(page)
                    stage.close_part()
            stage.end()
            assert _files(stages) == _written([WHOLE])[0]
            packed.append({name: b"".join(each.blocks()) for name, each in stages.items()})
    assert packed[1:] == packed[:-1]


@pytest.mark.parametrize("piece", [b"\0", b'"GABC","12.5000000","2026-01-01"\r\n'], ids=["zeros", "rows"])
@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7])
def test_what_is_packed_is_unpacked_whole(piece, size):
    """
    However far it deflates, and however it is cut on its way.
    """
    data = (piece * (size // len(piece) + 1))[:size]
    packed = deflating.deflated(data)
    for step in (1000, len(packed)):
        blocks = list(inflated(packed[at : at + step] for at in range(0, len(packed), step)))
        assert b"".join(blocks) == data
        assert max(map(len, blocks)) <= BLOCK


def test_parts_packed_by_several_libraries_make_one_file(monkeypatch):
    """
    A worker without the faster one goes on where a worker with it stopped.
    """
    with PackedStage() as csv, PackedStage() as json:
        stages = {"csv": csv, "json": json}
        stage = DatasetStage(ENCODERS, stages)
        stage.begin()
        for page, library in zip((A, B, C), (*LIBRARIES, LIBRARIES[0]), strict=True):
            monkeypatch.setattr(deflating, "library", partial(import_module, library.__name__))
            closed, part = _part(page)
            stage.restore(closed, {name: [data] for name, data in part.items()})
        stage.end()
        assert _files(stages) == _written([WHOLE])[0]


def test_the_installed_library_packs(monkeypatch):
    """
    ISA-L where the extra `fast` is installed, else the standard library's.
    """
    assert LOOKED_UP() is LIBRARIES[1]
    monkeypatch.setattr(deflating, "find_spec", lambda _: None)
    assert LOOKED_UP() is LIBRARIES[0]


@pytest.mark.parametrize("harm", ["no deflate", "too short", "another of that size", "broken off"])
def test_a_part_that_is_not_what_it_was_leaves_no_trace(harm):
    """
    Whatever is wrong with one format, no format has any of the part.
    """

    def harmed(data):
        if harm == "broken off":
            yield data[:3]
            raise OSError(harm)
        yield {"no deflate": b"\xff" * 9, "too short": data[:-9], "another of that size": another["json"]}[harm]

    (closed, part), (_, another) = _part(B), _part(C)
    with PackedStage() as csv, PackedStage() as json:
        stages = {"csv": csv, "json": json}
        stage = DatasetStage(ENCODERS, stages)
        stage.begin()
        stage.page(A)
        stage.close_part()
        with pytest.raises((ObjectAltered, OSError)):
            stage.restore(closed, {"csv": [part["csv"]], "json": harmed(part["json"])})
        stage.page(B)
        stage.close_part()
        stage.end()
        assert _files(stages) == _written([A, B])[0]
