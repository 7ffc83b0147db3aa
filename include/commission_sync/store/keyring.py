"""Encrypts what must not stand in the database in clear; the keys come from TOKEN_ENCRYPTION_KEYS."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class UnknownKey(RuntimeError):
    """A text was encrypted with a key that is not at hand, or is no such text."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} cannot be decrypted: it was written with a key that is not in TOKEN_ENCRYPTION_KEYS. "
            "Put that key back, after the first one; if it is lost, the customers have to authorize the app again"
        )


class Keyring:
    """Fernet keys: the first encrypts, all of them decrypt."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take the keys in the order of TOKEN_ENCRYPTION_KEYS.

        :raises ValueError: when there is none, or one is not a Fernet key; the text tells which, not what it is.
        """
        if not keys:
            raise ValueError("there is no key")
        fernets = []
        for number, key in enumerate(keys, 1):
            try:
                fernets.append(Fernet(key))
            except ValueError:
                raise ValueError(f"key {number} of {len(keys)} is not 32 bytes in URL-safe base64") from None
        self._all, self._first = MultiFernet(fernets), fernets[0]

    def encrypt(self, text: str) -> str:
        """Return a text that only the keys make readable; it carries the time at which it was made."""
        return self._all.encrypt(text.encode()).decode()

    def decrypt(self, text: str, *, what: str = "the text", ttl_seconds: int | None = None) -> str:
        """Return what was encrypted.

        :param what: the thing's name, for the error
        :param ttl_seconds: how old it may be at most
        :raises UnknownKey: when it was encrypted with another key, changed, or is too old
        """
        try:
            return self._all.decrypt(text.encode(), ttl=ttl_seconds).decode()
        except (InvalidToken, UnicodeError):
            raise UnknownKey(what) from None

    def is_current(self, text: str) -> bool:
        """Whether a text was encrypted with the first key."""
        try:
            self._first.decrypt(text.encode())
        except InvalidToken:
            return False
        return True

    def rotate(self, text: str, *, what: str = "the text") -> str:
        """Return the text encrypted with the first key.

        :raises UnknownKey: when no key decrypts it
        """
        try:
            return self._all.rotate(text.encode()).decode()
        except InvalidToken:
            raise UnknownKey(what) from None

    def __repr__(self) -> str:
        return "Keyring(***)"


def new_key() -> str:
    """Return a fresh key for TOKEN_ENCRYPTION_KEYS."""
    return Fernet.generate_key().decode()
