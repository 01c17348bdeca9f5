import io
import json
import zipfile

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bundles import payout, small_bundle

from streampay_export._core.row_count import ROW_COUNTERS
from streampay_export.stage import BLOCK

ROWS = [payout(number, f'memo {number % 7}; "q"\r\n{number * 7919}') for number in range(400)]
MEMO = (
    st.none()
    | st.text(alphabet=st.sampled_from('ab"\\\r\n,;={}[]é😀'))
    | st.text(st.characters(exclude_categories=["Cs"]))
)


def _files(data):
    opened = zipfile.ZipFile(io.BytesIO(data))
    return {name: opened.read(name) for name in opened.namelist()}


ONCE = _files(small_bundle(ROWS, page=len(ROWS)))


@settings(max_examples=15)
@given(page=st.integers(1, 450), part=st.integers(40, 500))
def test_data_bytes_know_no_pages_and_no_parts(page, part):
    """
    Whatever the page and part sizes, every file but the manifest (and its digest) is the same.
    """
    files = _files(small_bundle(ROWS, page=page, part=part))
    assert {name for name in ONCE if files[name] != ONCE[name]} <= {"manifest.dsse.json", "SHA256SUMS"}


def test_packed_bytes_know_no_pages():
    """
    Over several blocks of deflate, two page sizes give the same zip, byte for byte.
    """
    rows = [payout(number, "m" * 300 + str(number * 7919)) for number in range(3000)]
    assert len(json.dumps(rows)) > 3 * BLOCK
    assert small_bundle(rows, page=3000) == small_bundle(rows, page=77)


@given(memos=st.lists(MEMO, max_size=20), cut=st.integers(1, 50))
def test_rows_are_counted_as_they_stream_by(memos, cut):
    """
    In every format, however the file is cut into blocks, the count is the number of rows written.
    """
    files = _files(small_bundle([payout(number, memo) for number, memo in enumerate(memos)]))
    for format_, counter_of in ROW_COUNTERS.items():
        data = files[f"data/payouts.{format_}"]
        counter = counter_of()
        for start in range(0, len(data), cut):
            counter.feed(data[start : start + cut])
        assert counter.rows == len(memos)
