"""A person's decisions: each once, with who and why, and on nothing of another company."""

from uuid import uuid4

import psycopg
import pytest

from commission_sync.writeback.decisions import NotDecidable, decide_review, decide_row


@pytest.fixture
def problems(acme, ids):
    """A conflict and a failure."""
    contested, refused = ids[:2]
    acme.pay(ids[:3])
    acme.run()
    acme.world.emulator.admin.override_deal(1001, contested, {"commission_amount": "555"})
    acme.world.emulator.admin.set_knobs(
        1001, conditional_requirement={"property": "commission_paid", "value": "true", "requires": "purchase_order"}
    )
    acme.world.emulator.admin.override_deal(1001, refused, {"purchase_order": None})
    acme.pay([contested, refused], "200", paid=True)
    acme.world.emulator.admin.override_deal(1001, contested, {"purchase_order": "PO-1"})
    acme.run()
    return dict(acme.world.query("SELECT state, id FROM writeback_problems"))


@pytest.fixture
def review(acme, ids):
    acme.pay(ids[:1])
    acme.run()
    acme.world.emulator.admin.override_deal(1001, ids[0], {"amount": "98765"})
    acme.world.sync()
    acme.plan()
    return acme.world.value("SELECT id FROM commission_reviews WHERE state = 'open'")


def decide(acme, function, subject, decision, company=None, **more):
    with psycopg.connect(acme.world.dsn) as conn:
        return function(conn, company or acme.world.integration_id, subject, decision, actor="ana", **more)


def audited(acme):
    return acme.world.query("SELECT entity, entity_id, action, changes, actor FROM audit_log WHERE actor = 'ana'")


def test_ours_is_written_by_the_next_run_and_a_dismissed_failure_is_left_alone(acme, problems, ids):
    assert decide(acme, decide_row, problems["conflict"], "ours") == ids[0]
    assert decide(acme, decide_row, problems["failed"], "dismissed", why=" no order ") == ids[1]
    assert acme.run().counts == {"sent": 1}
    assert acme.in_hubspot()[ids[0]][0] == "200"
    assert sorted(audited(acme)) == sorted(
        [
            ("deal", ids[0], "write-back ours", {}, "ana"),
            ("deal", ids[1], "write-back dismissed", {"why": "no order"}, "ana"),
        ]
    )


@pytest.mark.parametrize(
    ("state", "decision", "why", "said"),
    [
        ("conflict", "dismissed", "x", "decide for ours or theirs"),
        ("failed", "ours", None, "decide for dismissed"),
        ("failed", "dismissed", " ", "with a reason only"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(acme, problems, state, decision, why, said):
    with pytest.raises(NotDecidable, match=said):
        decide(acme, decide_row, problems[state], decision, why=why)
    assert (len(acme.problems()), audited(acme)) == (2, [])


def test_who_is_second_is_told_by_whom_it_was_decided(acme, problems):
    decide(acme, decide_row, problems["conflict"], "theirs")
    with pytest.raises(NotDecidable, match=r"ana has decided on deal .* already: theirs"):
        decide(acme, decide_row, problems["conflict"], "ours")


def test_nothing_is_decided_for_another_company_or_about_what_went_on(acme, problems, review, ids):
    for function, subject, decision in ((decide_row, problems["conflict"], "ours"), (decide_review, review, "keep")):
        with pytest.raises(NotDecidable, match="of this company"):
            decide(acme, function, subject, decision, company=uuid4())
    sent = acme.world.value("SELECT id FROM commission_writebacks WHERE state = 'sent' LIMIT 1")
    with pytest.raises(NotDecidable, match="went on meanwhile"):
        decide(acme, decide_row, sent, "ours")
    assert audited(acme) == []


@pytest.mark.parametrize("decision", ["keep", "reopen", "offset"])
def test_a_review_is_decided_once_with_a_note(acme, review, ids, decision):
    assert decide(acme, decide_review, review, decision, why="agreed with sales") == ids[0]
    assert acme.world.query("SELECT state, decided_by, note FROM commission_reviews") == [
        (decision, "ana", "agreed with sales")
    ]
    assert audited(acme) == [("deal", ids[0], f"review {decision}", {"why": "agreed with sales"}, "ana")]
    with pytest.raises(NotDecidable, match=f"is closed: {decision} by ana"):
        decide(acme, decide_review, review, "keep")


def test_an_unknown_decision_on_a_review_is_refused(acme, review):
    with pytest.raises(NotDecidable, match="keep, reopen, offset"):
        decide(acme, decide_review, review, "ignore")
