"""Secrets that a local Airflow needs: made up once, kept where only this user can read them."""

import base64
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from commission_sync.local.errors import LocalError
from commission_sync.local.private import write_private

ADMIN = "admin"
# Where Airflow's SimpleAuthManager looks for passwords, below AIRFLOW_HOME.
PASSWORDS_FILE = "simple_auth_manager_passwords.json.generated"


@dataclass(frozen=True)
class Keys:
    """Stable from start to start: with another Fernet key, Airflow could not read its own connections."""

    fernet: str = field(repr=False)
    api: str = field(repr=False)
    jwt: str = field(repr=False)
    tokens: str = field(repr=False)
    webhooks: str = field(repr=False)

    @classmethod
    def load(cls, home: Path) -> "Keys":
        """Read the keys below AIRFLOW_HOME, made up on the first call.

        :raises LocalError: the file is unreadable.
        """
        path = home / "keys.json"
        try:
            kept = json.loads(path.read_text()) if path.exists() else {}
            keys = cls(**{**_made_up(), **kept})
            if asdict(keys) != kept:
                write_private(path, json.dumps(asdict(keys)))
        except (OSError, ValueError, TypeError) as error:
            raise LocalError(
                f"Cannot use the keys in {path} ({type(error).__name__}): make it readable, or remove it "
                "to get new ones (connections stored in Airflow's own database must then be entered again)."
            ) from None
        return keys


def _made_up() -> dict[str, str]:
    return {
        "fernet": _fernet_key(),
        "api": secrets.token_urlsafe(48),
        "jwt": secrets.token_urlsafe(48),
        "tokens": _fernet_key(),
        "webhooks": secrets.token_urlsafe(24),
    }


def _fernet_key() -> str:
    # The form that `cryptography.fernet` asks for: 32 random bytes in URL-safe base64.
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def admin_password(home: Path) -> str:
    """Return the password of Airflow's local user `admin`, made up on the first call."""
    path = home / PASSWORDS_FILE
    passwords = json.loads(path.read_text()) if path.exists() else {}
    if ADMIN not in passwords:
        passwords[ADMIN] = secrets.token_urlsafe(12)
        write_private(path, json.dumps(passwords))
    return str(passwords[ADMIN])
