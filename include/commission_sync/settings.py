"""The product's settings, read from the environment once and validated at the edge."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_HOUR = 60
_DAY = 24 * _HOUR


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
    exchange_rate_source: ExchangeRateSource = ExchangeRateSource.ECB
    exchange_rate_api_key: SecretStr | None = Field(default=None, validate_default=True)
    exchange_rate_url: str | None = None
    fx_max_staleness_days: int = Field(default=7, ge=0, le=366)

    @field_validator("sync_interval_minutes")
    @classmethod
    def _divides_the_clock(cls, minutes: int) -> int:
        # Data intervals have to follow each other without a gap and start at the same times every day.
        if minutes < 1 or (_HOUR % minutes if minutes < _HOUR else minutes % _HOUR or _DAY % minutes):
            raise ValueError(
                "use minutes that divide an hour (such as 5, 15, 30) or hours that divide a day (60, 120, 360)"
            )
        return minutes

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
    def schedule(self) -> str:
        """The cron expression of the sync DAGs, in UTC."""
        if self.sync_interval_minutes < _HOUR:
            return f"*/{self.sync_interval_minutes} * * * *"
        hours = self.sync_interval_minutes // _HOUR
        return "0 0 * * *" if hours == 24 else f"0 */{hours} * * *"

    @property
    def lookback(self) -> timedelta:
        """How far before the cursor an incremental run starts, to catch what search's index showed late."""
        return timedelta(minutes=self.sync_lookback_minutes)


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Read the settings from the environment.

    :raises InvalidSetting: naming the variable, its value and what is allowed.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        value = "***" if name.endswith("_KEY") and first["input"] else repr(first["input"])
        raise InvalidSetting(f"{name}={value} makes no sense: {first['msg']}") from None
