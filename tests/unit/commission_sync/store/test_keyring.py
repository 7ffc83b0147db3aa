"""The first key encrypts, all keys decrypt, and a missing one is named as the cause."""

import pytest

from commission_sync.store.keyring import Keyring, UnknownKey, new_key

OLD, NEW = new_key(), new_key()


def test_a_text_survives_a_change_of_keys_and_the_end_of_the_old_one():
    written = Keyring([OLD]).encrypt("secret")
    both = Keyring([NEW, OLD])
    assert both.decrypt(written) == "secret"
    assert not both.is_current(written)
    rotated = both.rotate(written)
    assert both.is_current(rotated)
    assert Keyring([NEW]).decrypt(rotated) == "secret"


def test_a_key_that_is_gone_is_told_with_the_thing_and_without_its_text():
    written = Keyring([OLD]).encrypt("secret")
    for attempt in (Keyring([NEW]).decrypt, Keyring([NEW]).rotate):
        with pytest.raises(UnknownKey, match="the token of acme cannot be decrypted") as raised:
            attempt(written, what="the token of acme")
        assert written not in str(raised.value)


@pytest.mark.parametrize(("keys", "said"), [([], "there is no key"), ([NEW, "short"], "key 2 of 2 is not 32 bytes")])
def test_keys_that_cannot_be_are_told_by_number(keys, said):
    with pytest.raises(ValueError, match=said) as raised:
        Keyring(keys)
    assert "short" not in str(raised.value)


def test_a_keyring_does_not_show_its_keys():
    assert NEW not in repr(Keyring([NEW]))
