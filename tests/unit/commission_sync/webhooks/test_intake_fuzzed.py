"""Whatever the body of a webhook holds, it is refused as a whole or every event in it is kept as PostgreSQL can hold it."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commission_sync.webhooks.intake import Malformed, TooManyEvents, incoming

SMALL = settings(max_examples=100, deadline=None)

# Surrogates alone, NUL characters and numbers beyond 64 bits are what JSON allows and PostgreSQL does not.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = ("portalId", "occurredAt", "subscriptionType", "eventId", "objectId", "mergedObjectIds", "fromObjectId", "x")
EVENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)
SOUND = st.fixed_dictionaries(
    {
        "portalId": st.integers(1, 2**63 - 1),
        "occurredAt": st.integers(0, 253_402_300_799_999),
        "subscriptionType": st.sampled_from(["deal.propertyChange", "object.creation", "deal.merge"]),
        "objectId": st.integers(1, 2**63 - 1),
        "propertyValue": TEXT,
    }
)


@given(st.binary(max_size=200))
@SMALL
def test_bytes_are_events_or_refused(body):
    with suppress(Malformed, TooManyEvents):
        incoming(body, most=10)


@given(st.lists(EVENTS | SOUND, max_size=6))
@SMALL
def test_every_event_is_kept_once_and_can_be_stored(events):
    kept = incoming(json.dumps(events).encode(), most=10)
    assert len(kept) == len(events)
    for one in kept:
        assert "\x00" not in one.payload
        assert "\\u0000" not in one.payload.replace("\\\\", "")
        one.payload.encode("utf-8")
        assert isinstance(json.loads(one.payload), dict)
        assert one.portal_id is None or 0 <= one.portal_id < 2**63
        assert one.object_id is None or 0 <= one.object_id < 2**63
        assert one.occurred_at.tzinfo is not None


@given(SOUND)
@SMALL
def test_a_sound_event_has_no_problem_and_a_key_that_its_repetition_shares(event):
    (once,) = incoming(json.dumps([event]).encode(), most=1)
    (again,) = incoming(json.dumps([event | {"attemptNumber": 3}]).encode(), most=1)
    assert once.problem is None
    assert once.event_key == again.event_key


def test_nesting_without_end_is_refused():
    with pytest.raises(Malformed):
        incoming(b"[" * 100_000, most=10)
