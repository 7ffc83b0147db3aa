"""Links are the same from both sides whatever is done to them, and show only between records that are there."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hubspot_emulator.portal import Portal
from hubspot_emulator.spec import PortalSpec

SPEC = PortalSpec("acme", 1001, 12, "token", contacts_per_deal=0.7)
deeds = st.sampled_from(["attach", "detach", "archive", "restore", "merge", "third"])
operations = st.lists(st.tuples(deeds, st.integers(0, 15), st.integers(0, 25)), max_size=15)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["line_items", "emails", "contacts", "companies"]), operations)
def test_both_sides_agree_with_a_plain_set_of_pairs(name, done):
    portal = Portal(SPEC, seed=1, limits=False)
    links, _ = portal.linked("deals", name)
    deals, things = portal.records("deals"), portal.records(name)
    expected = {(d, n) for n in range(things.count) for d in links.of(n, 1)}
    for what, deal, thing in done:
        if deal < deals.count and thing < things.count:
            expected = applied(portal, name, expected, what, deal, thing)
    seen = {(d, n) for d, n in expected if deals.is_live(d) and things.is_live(n)}
    assert {(d, n) for d in range(deals.count) for n in links.of(d, 0)} == seen
    assert {(d, n) for n in range(things.count) for d in links.of(n, 1)} == seen
    for deal in range(deals.count):
        assert list(links.of(deal, 0)) == sorted(links.of(deal, 0))
        labelled = [n for n, labels in links.of(deal, 0).items() if labels]
        assert name != "companies" or len(labelled) <= 1


def applied(portal, name, pairs, what, deal, thing):
    links, deals = portal.linked("deals", name)[0], portal.records("deals")
    version, other = deals.version(deal), deals.version(thing % deals.count)
    if what == "attach":
        links.attach(deal, thing)
        kept = {p for p in pairs if p[1] != thing} if name == "line_items" else pairs
        return kept | {(deal, thing)}
    if what == "detach":
        links.detach(deal, thing)
        return pairs - {(deal, thing)}
    if what == "archive" and version.is_live:
        deals.archive(version)
    elif what == "restore" and version.archived_ms is not None:
        deals.restore(version, bump=False)
    elif what in {"merge", "third"} and version.is_live and other.is_live and version.number != other.number:
        target = portal.merge("deals", version, other, third=what == "third").number
        return {(target if d in {version.number, other.number} else d, n) for d, n in pairs}
    return pairs
