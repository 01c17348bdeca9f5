"""
What somebody without the chain key does to a trail, up to its last checkpoint, is found at its number.
"""

from datetime import UTC, datetime, timedelta

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from streampay_export._core.chain import ChainedEntry, Head, chained, origin
from streampay_export._core.checkpoint import Checkpoint
from streampay_export._core.tampering import Tampering
from streampay_export._core.verification import verify_chain
from streampay_export.testing.contracts.audit import TEST_CHAIN

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
entries_lists = st.lists(st.binary(min_size=1, max_size=3), min_size=3, max_size=12, unique=True)
junk = st.binary(min_size=32, max_size=32)


def grown(entries, stored=()):
    """
    Return a chain, grown by entries.
    """
    links = list(stored)
    head = Head(number=links[-1].number, link=links[-1].link) if links else origin(TEST_CHAIN, "default")
    for entry in entries:
        links.append(chained(TEST_CHAIN, head, entry))
        head = Head(number=links[-1].number, link=links[-1].link)
    return links


def checkpoint(links, size, **changes):
    """
    Return a checkpoint of a chain as it was at this size.
    """
    return Checkpoint(tenant="default", size=size, link=links[size - 1].link.hex(), **{"at": NOON, **changes})


def verdict(links, *checkpoints):
    """
    Return what verifying says.
    """
    return verify_chain(TEST_CHAIN, "default", links, checkpoints)


def finding(links, *checkpoints):
    """
    Return what was found, and where.
    """
    found = verdict(links, *checkpoints).finding
    return found and (found.kind, found.first, found.last)


def renumbered(links):
    """
    Number links anew, as somebody would who hides a gap.
    """
    return [evolve(each, number=n) for n, each in enumerate(links, 1)]


@st.composite
def places(draw, before_last=0):
    """
    Draw a chain, the number of one of its entries, and whether a change is hidden by new numbers.
    """
    links = grown(draw(entries_lists))
    return links, draw(st.integers(1, len(links) - before_last)), draw(st.sampled_from([list, renumbered]))


@given(entries_lists, st.data())
def test_an_untouched_trail_is_proven_up_to_its_last_checkpoint(entries, data):
    """
    Nothing is found in it, and it is proven as far as the last checkpoint reaches, in whatever order they are.
    """
    links = grown(entries)
    sizes = data.draw(st.lists(st.integers(1, len(links)), min_size=1))
    found = verdict(links, *(checkpoint(links, size) for size in sizes))
    assert (None, len(links), max(sizes)) == (found.finding, found.size, found.proven_to)
    assert checkpoint(links, max(sizes)) == found.by


@given(
    places(),
    st.binary(min_size=4, max_size=5),
    junk,
    st.sampled_from(["entry", "link", "number", "below", "beyond", "both"]),
)
def test_an_edit_is_located(place, entry, link, what):
    """
    An entry, its link or its number that was changed is found at its number.
    """
    links, n, _ = place
    changes = {
        "entry": {"entry": entry},
        "link": {"link": link},
        "number": {"number": n + 50},
        "below": {"number": -n},
        "beyond": {"number": 1 << 64},
        "both": {"entry": entry, "link": link},
    }
    links[n - 1] = evolve(links[n - 1], **changes[what])
    kind, first, _ = finding(links)
    assert n == first
    assert Tampering.EDITED is kind


@given(places(before_last=1), st.integers(0, 5))
def test_a_deletion_is_located(place, more):
    """
    Entries taken out are found at the first of them, whether or not the rest was given new numbers.
    """
    links, n, hide = place
    upto = min(n + more, len(links) - 1)
    whole = list(links)
    del links[n - 1 : upto]
    kind, first, last = finding(hide(links), checkpoint(whole, len(whole)))
    assert n == first
    if len(links) - n >= 1:
        assert (Tampering.DELETED, upto) == (kind, last)


def test_a_large_hole_is_measured():
    """
    More entries than are looked at behind a place may be missing there: then their numbers tell how many.
    """
    links = grown(b"%d" % n for n in range(800))
    assert (Tampering.DELETED, 101, 750) == finding([*links[:100], *links[750:]])


@given(places(before_last=1), st.binary(min_size=4, max_size=5), junk)
def test_an_insertion_is_located(place, entry, link):
    """
    An entry put in, of one's own or a copy of an earlier one, is found at its number.
    """
    links, n, hide = place
    for strange in (ChainedEntry(number=n, link=link, entry=entry), evolve(links[max(n - 2, 0)], number=n)):
        if n == 1 and strange.entry == links[0].entry:
            continue
        changed = hide([*links[: n - 1], strange, *links[n - 1 :]])
        assert (Tampering.INSERTED, n, n) == finding(changed, checkpoint(links, len(links)))


@given(places(before_last=1), st.data(), st.booleans())
def test_a_new_order_is_located(place, data, links_stay):
    """
    Two entries that changed places, with their links or without, are found at the first of the places.
    """
    links, n, hide = place
    m = data.draw(st.integers(n + 1, len(links)))
    a, b = links[n - 1], links[m - 1]
    links[n - 1], links[m - 1] = (evolve(a, entry=b.entry), evolve(b, entry=a.entry)) if links_stay else (b, a)
    assert (Tampering.REORDERED, n, n) == finding(hide(links))


@given(places(), st.data())
def test_a_cut_is_located(place, data):
    """
    A trail without its end is found at the first entry that is missing, by any checkpoint behind the cut.
    """
    links, n, _ = place
    sizes = data.draw(st.lists(st.integers(1, len(links)), min_size=1).filter(lambda sizes: max(sizes) >= n))
    checkpoints = [checkpoint(links, size) for size in sizes]
    found = verdict(links[: n - 1], *checkpoints)
    assert (Tampering.CUT, n, max(sizes)) == (found.finding.kind, found.finding.first, found.finding.last)
    assert max([0, *(size for size in sizes if size < n)]) == found.proven_to


@given(places(), entries_lists, st.data())
def test_a_cut_and_regrown_trail_is_located(place, entries, data):
    """
    Where other entries were recorded after a cut, the checkpoints on both sides of it say where it was; and
    no entry behind the cut is ever called proven.
    """
    links, n, _ = place
    sizes = data.draw(st.sets(st.integers(1, len(links)), min_size=1).filter(lambda sizes: max(sizes) >= n))
    regrown = grown([b"new " + entry for entry in entries], links[: n - 1])
    # Checkpoints go on being signed behind the cut: they agree with what has grown, and prove no more.
    later = [checkpoint(regrown, size, at=NOON + timedelta(1)) for size in range(1, len(regrown) + 1)]
    found = verdict(regrown, *later, *(checkpoint(links, size) for size in sizes))
    held = max([0, *(size for size in sizes if size < n)])
    behind = min(size for size in sizes if size >= n)
    assert held == found.proven_to
    if behind <= len(regrown):
        assert (held + 1, behind) == (found.finding.first, found.finding.last)
        assert (Tampering.REGROWN if held else Tampering.REPLACED) is found.finding.kind
    else:
        assert (Tampering.CUT, len(regrown) + 1) == (found.finding.kind, found.finding.first)


@given(places(), entries_lists)
def test_a_replaced_trail_is_detected(place, entries):
    """
    Another trail, under another key or of another tenant, is none of this one; under this key a checkpoint tells.
    """
    links, n, _ = place
    others = [evolve(each, link=bytes(b ^ 1 for b in each.link)) for each in links]
    assert (Tampering.REPLACED, 1, 1) == finding(others)
    assert 1 == verify_chain(TEST_CHAIN, "other", links, ()).finding.first
    mine = grown([b"new " + entry for entry in entries] + [b"x %d" % k for k in range(len(links))])
    assert (Tampering.REPLACED, 1, n) == finding(mine, checkpoint(links, n))


@given(places(before_last=1), st.booleans())
def test_only_a_pruned_checkpoint_excuses_a_missing_beginning(place, pruned):
    """
    A trail may begin behind a checkpoint that says pruned, and behind no other.
    """
    links, n, _ = place
    begun = checkpoint(links, n, pruned=pruned)
    found = verdict(links[n:], begun)
    if pruned:
        assert (None, n, begun) == (found.finding, found.proven_to, found.by)
        assert n + 1 == verdict([evolve(links[n], entry=b"edited"), *links[n + 1 :]], begun).finding.first
    else:
        assert (1, 0) == (found.finding.first, found.proven_to)
