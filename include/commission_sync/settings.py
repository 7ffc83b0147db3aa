"""The product's settings, read from the environment once and validated at the edge."""

from __future__ import annotations

import base64
from datetime import timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_HOUR = 60
_DAY = 24 * _HOUR


class InvalidSetting(ValueError):
    """An environment variable has a value that makes no sense."""


class Settings(BaseSettings):
    """What operators may set; every name is an environment variable in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    sync_interval_minutes: int = 30
    sync_lookback_minutes: int = Field(default=15, ge=1, le=_DAY)
    max_sync_retries: int = Field(default=3, ge=0, le=100)
    hubspot_client_id: str = ""
    hubspot_client_secret: SecretStr = SecretStr("")
    token_encryption_keys: SecretStr = SecretStr("")

    hubspot_webhook_secret: SecretStr = SecretStr("")
    hubspot_webhook_url: str | None = None
    hubspot_webhook_trust_proxy: bool = False
    hubspot_webhook_legacy_signatures: bool = False
    hubspot_app_id: int | None = None
    hubspot_developer_api_key: SecretStr = SecretStr("")
    hubspot_base_url: str = "https://api.hubapi.com"
    hubspot_webhook_max_bytes: int = Field(default=1024**2, ge=1_024)
    hubspot_webhook_max_events: int = Field(default=1_000, ge=100)
    webhook_retention_days: int = Field(default=30, ge=7)
    webhook_quiet_seconds: int = Field(default=15, ge=0, le=600)
    webhook_timer_minutes: int = Field(default=5, ge=1, le=_HOUR)
    reconcile_hour: int = Field(default=2, ge=0, le=23)
    # How much of a company's stream one reconciliation may mark as archived before it stops and asks a person.
    reconcile_max_archived_percent: float = Field(default=5.0, ge=0, le=100)
    reconcile_min_archived_rows: int = Field(default=100, ge=0)
    # How many records of a large stream are compared value by value each night, in turns.
    reconcile_sweep_records: int = Field(default=400, ge=0)

    @field_validator("hubspot_webhook_url")
    @classmethod
    def _is_a_whole_url(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        if url and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment):
            raise ValueError("use the URL as HubSpot calls it, such as https://sync.example.com/hubspot/webhooks")
        return url or None

    @field_validator("sync_interval_minutes")
    @classmethod
    def _divides_the_clock(cls, minutes: int) -> int:
        # Data intervals have to follow each other without a gap and start at the same times every day.
        if minutes < 1 or (_HOUR % minutes if minutes < _HOUR else minutes % _HOUR or _DAY % minutes):
            raise ValueError(
                "use minutes that divide an hour (such as 5, 15, 30) or hours that divide a day (60, 120, 360)"
            )
        return minutes

    @field_validator("token_encryption_keys")
    @classmethod
    def _are_fernet_keys(cls, keys: SecretStr) -> SecretStr:
        for number, key in enumerate(_listed(keys), 1):
            try:
                size = len(base64.urlsafe_b64decode(key))
            except ValueError:
                size = 0
            if size != 32:
                raise ValueError(
                    f"key {number} is not a Fernet key, 32 bytes in URL-safe base64; "
                    "python -m commission_sync.local.token_keys new prints one"
                )
        return keys

    @property
    def token_keys(self) -> tuple[str, ...]:
        """The keys of the stored OAuth tokens: the first encrypts, all decrypt."""
        return _listed(self.token_encryption_keys)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The client secrets that a webhook may be signed with; more than one while it is being rotated."""
        return _listed(self.hubspot_webhook_secret)

    @property
    def schedule(self) -> str:
        """The cron expression of the sync DAGs, in UTC."""
        if self.sync_interval_minutes < _HOUR:
            return f"*/{self.sync_interval_minutes} * * * *"
        hours = self.sync_interval_minutes // _HOUR
        return "0 0 * * *" if hours == 24 else f"0 */{hours} * * *"

    @property
    def reconcile_schedule(self) -> str:
        """The cron expression of the nightly reconciliation, in UTC."""
        return f"15 {self.reconcile_hour} * * *"

    @property
    def lookback(self) -> timedelta:
        """How far before the cursor an incremental run starts, to catch what search's index showed late."""
        return timedelta(minutes=self.sync_lookback_minutes)


def _listed(keys: SecretStr) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.get_secret_value().split(",") if key.strip())


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Read the settings from the environment.

    :raises InvalidSetting: naming the variable, its value and what is allowed.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        is_secret = Settings.model_fields[name].annotation is SecretStr
        value = "" if is_secret else f"={first['input']!r}"
        raise InvalidSetting(f"{name.upper()}{value} makes no sense: {first['msg']}") from None
