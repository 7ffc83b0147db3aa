"""How what is wrong becomes points: held for any sums of money."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from commission_sync.quality.points import Judged, Loss, combine

moneys = st.decimals(min_value=1, max_value=10**15, places=4)
WELL = Judged("other", 25, Decimal(1000))


def judged(name, weight, wrong, right):
    """A dimension in which the amounts `wrong` are wrong and `right` are not."""
    losses = [Loss("rule", str(n), money, "wrong") for n, money in enumerate(wrong)]
    lost = sum(wrong, Decimal())
    return Judged(name, weight, lost + sum(right, Decimal()), lost, len(losses), losses)


dimensions = st.lists(
    st.builds(
        judged,
        st.just("x"),
        st.integers(1, 100),
        st.lists(moneys, max_size=8),
        st.lists(moneys, min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=5,
).map(lambda found: [replace(one, dimension=str(n)) for n, one in enumerate(found)])


def losses(score):
    return [points for part in score.parts.values() for _, points in part.findings]


@given(dimensions)
def test_the_findings_explain_every_point(found):
    score = combine(found)
    missing = Decimal(100) - sum(losses(score), Decimal())
    assert Decimal("-0.0001") < missing - score.score < Decimal("0.0101")


@given(dimensions)
def test_only_what_is_flawless_scores_100(found):
    assert (combine(found).score == 100) == (not any(one.count for one in found))


@given(st.lists(moneys, min_size=1, max_size=5), moneys, moneys)
def test_the_same_fault_costs_more_the_more_money_hangs_on_it(right, one, other):
    small, large = sorted((one, other))
    cheap, dear = (combine([judged("x", 25, [money], right), WELL]) for money in (small, large))
    assert dear.score <= cheap.score
    assert losses(dear)[0] >= losses(cheap)[0]


def test_a_million_costs_more_than_ten():
    right = [Decimal(500_000)]
    ten, million = (combine([judged("x", 25, [Decimal(m)], right), WELL]).score for m in (10, 1_000_000))
    assert (ten, million) == (Decimal("99.99"), Decimal("66.66"))


@given(dimensions, st.lists(moneys, min_size=1, max_size=3))
def test_a_fault_lowers_its_own_dimension_and_no_other(found, wrong):
    first = found[0]
    total = sum(wrong, Decimal())
    damaged = replace(first, money=first.money + total, lost=first.lost + total, count=first.count + len(wrong))
    before, after = combine(found), combine([damaged, *found[1:]])
    assert after.parts["0"].score <= before.parts["0"].score
    assert [p.score for n, p in after.parts.items() if n != "0"] == [
        p.score for n, p in before.parts.items() if n != "0"
    ]


@given(dimensions, st.integers(2, 1000))
def test_the_currencys_unit_does_not_matter(found, factor):
    scaled = [replace(one, money=one.money * factor, lost=one.lost * factor, losses=[]) for one in found]
    assert combine(scaled).score == combine([replace(one, losses=[]) for one in found]).score


def test_what_cannot_be_judged_leaves_its_weight_to_the_others():
    half = judged("a", 25, [Decimal(50)], [Decimal(50)])
    score = combine([half, WELL, Judged("parity", 50, reason="nothing was compared")])
    assert score.score == 75
    assert (score.parts["parity"].score, score.parts["parity"].weight) == (None, 0)
    assert sum(part.weight for part in score.parts.values()) == 100


def test_nothing_to_judge_is_no_score_and_says_why():
    score = combine([Judged("parity", 15, reason="nothing was compared")])
    assert (score.score, score.reason) == (None, "parity: nothing was compared")


def test_the_same_money_is_not_lost_twice():
    both = replace(judged("a", 1, [Decimal(100), Decimal(100)], []), money=Decimal(100))
    score = combine([both])
    assert (score.score, losses(score)) == (0, [50, 50])
