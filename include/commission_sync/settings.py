"""The product's settings, read from the environment once and validated at the edge."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_HOUR = 60
_DAY = 24 * _HOUR


_ADDRESS = re.compile(r"[^@\s,;]+@[^@\s,;]+")


class InvalidSetting(ValueError):
    """An environment variable has a value that makes no sense."""


class ExchangeRateSource(StrEnum):
    """Where exchange rates come from."""

    ECB = "ecb"
    EXCHANGERATE_API = "exchangerate-api"
    OPENEXCHANGERATES = "openexchangerates"
    HUBSPOT = "hubspot"

    @property
    def needs_key(self) -> bool:
        """Whether the source answers only to a key."""
        return self in {ExchangeRateSource.EXCHANGERATE_API, ExchangeRateSource.OPENEXCHANGERATES}


class Settings(BaseSettings):
    """What operators may set; every name is an environment variable in capitals."""

    # A line `NAME=` in `.env` means the default.
    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    sync_interval_minutes: int = 30
    sync_lookback_minutes: int = Field(default=15, ge=1, le=_DAY)
    max_sync_retries: int = Field(default=3, ge=0, le=100)
    # Beyond it, companies share tasks. Airflow refuses more tasks than AIRFLOW__CORE__MAX_MAP_LENGTH.
    mapped_tasks_at_most: int = Field(default=500, ge=1, le=10_000)
    daily_quota_share: float = Field(default=0.9, gt=0, le=1)
    hubspot_client_id: str = ""
    hubspot_client_secret: SecretStr = SecretStr("")
    token_encryption_keys: SecretStr = SecretStr("")
    sentry_dsn: SecretStr = SecretStr("")
    # The broker's URL may hold a password.
    redis_url: SecretStr = SecretStr("")
    freshness_sla_minutes: int = Field(default=60, ge=1, le=7 * _DAY)
    alert_emails: str = ""
    runbook_url: str = "docs/runbook.md"

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
    # How many records of a large stream are compared value by value each night, in turns, and on which weekday
    # (0 is Monday, -1 none) all of them are.
    reconcile_sweep_records: int = Field(default=200, ge=0)
    reconcile_full_weekday: int = Field(default=6, ge=-1, le=6)
    exchange_rate_source: ExchangeRateSource = ExchangeRateSource.ECB
    exchange_rate_api_key: SecretStr | None = Field(default=None, validate_default=True)
    exchange_rate_url: str | None = None
    fx_max_staleness_days: int = Field(default=7, ge=0, le=366)

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

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        if url.get_secret_value() and (parts.scheme not in {"redis", "rediss"} or not parts.hostname):
            raise ValueError("use a URL such as redis://:password@host:6379/0, or rediss:// for TLS")
        return url

    @property
    def token_keys(self) -> tuple[str, ...]:
        """The keys of the stored OAuth tokens: the first encrypts, all decrypt."""
        return _listed(self.token_encryption_keys)

    def secrets(self) -> tuple[str, ...]:
        """Return every secret among the settings, for whoever has to take them out of something."""
        values = [getattr(self, name) for name in type(self).model_fields]
        return tuple(part for value in values if isinstance(value, SecretStr) for part in _listed(value))

    @field_validator("alert_emails")
    @classmethod
    def _are_addresses(cls, emails: str) -> str:
        for address in _addresses(emails):
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{address!r} is no e-mail address; separate several by commas")
        return emails

    @property
    def alert_recipients(self) -> tuple[str, ...]:
        """Who is told when something is late or broken, and when it works again."""
        return tuple(_addresses(self.alert_emails))

    @property
    def freshness_sla(self) -> timedelta:
        """How old a company's data may become before people are told."""
        return timedelta(minutes=self.freshness_sla_minutes)

    @field_validator("exchange_rate_api_key")
    @classmethod
    def _is_there_where_needed(cls, key: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        source = others.data.get("exchange_rate_source")
        if key is None and source is not None and source.needs_key:
            raise ValueError(f"EXCHANGE_RATE_SOURCE={source.value} needs a key; set it, or use ecb or hubspot")
        return key

    @field_validator("exchange_rate_url")
    @classmethod
    def _can_be_asked(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
        if url and not is_web and not (parts.scheme == "file" and parts.path):
            raise ValueError("use a URL that starts with https://, http:// or file:///")
        return url

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
        is_secret = "SecretStr" in str(Settings.model_fields[name].annotation)
        value = "" if is_secret else f"={first['input']!r}"
        why = first["msg"].removeprefix("Value error, ")
        raise InvalidSetting(f"{name.upper()}{value} makes no sense: {why}") from None


def _addresses(emails: str) -> list[str]:
    return [address.strip() for address in emails.split(",") if address.strip()]
