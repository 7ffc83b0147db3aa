"""The state of a consent is sealed, short-lived, and its starter's alone."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from commission_sync.oauth.consent import CONSENT_SECONDS, Consent, ConsentRefused
from commission_sync.store.keyring import Keyring, new_key

RING = Keyring([new_key()])
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@given(company=st.text(min_size=1), user=st.text(min_size=1))
def test_what_is_sealed_comes_back_whole(company, user):
    consent = Consent(company, user, {"writeback": "on"})
    assert Consent.opened(consent.seal(RING), RING, user=user) == consent


def test_a_state_tells_nothing_and_no_two_are_alike():
    states = {Consent("acme", "admin").seal(RING) for _ in range(50)}
    assert len(states) == 50
    assert not any("acme" in state for state in states)


def test_a_state_is_too_old_after_ten_minutes():
    with time_machine.travel(NOW, tick=False) as clock:
        state = Consent("acme", "admin").seal(RING)
        clock.move_to(NOW + timedelta(seconds=CONSENT_SECONDS))
        assert Consent.opened(state, RING, user="admin").company == "acme"
        clock.move_to(NOW + timedelta(seconds=CONSENT_SECONDS + 1))
        with pytest.raises(ConsentRefused, match="more than 10 minutes ago"):
            Consent.opened(state, RING, user="admin")


def test_every_changed_character_is_noticed():
    state = Consent("acme", "admin").seal(RING)
    for place in range(0, len(state) - 2, 3):
        changed = state[:place] + ("A" if state[place] != "A" else "B") + state[place + 1 :]
        with pytest.raises(ConsentRefused):
            Consent.opened(changed, RING, user="admin")


@pytest.mark.parametrize(
    "text", ["null", "[]", '"x"', "access-token", json.dumps({"company": "acme", "user": "admin"})]
)
def test_another_sealed_text_is_no_state(text):
    with pytest.raises(ConsentRefused):
        Consent.opened(RING.encrypt(text), RING, user="admin")


def test_somebody_elses_state_is_refused():
    with pytest.raises(ConsentRefused, match="somebody else"):
        Consent.opened(Consent("acme", "admin").seal(RING), RING, user="second")
