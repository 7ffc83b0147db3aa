"""The product's settings, read from the environment once and validated at the edge."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_HOUR = 60
_DAY = 24 * _HOUR


class InvalidSetting(ValueError):
    """An environment variable has a value that makes no sense."""


class Settings(BaseSettings):
    """What operators may set; every name is an environment variable in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    sync_interval_minutes: int = 30
    sync_lookback_minutes: int = Field(default=15, ge=1, le=_DAY)
    max_sync_retries: int = Field(default=3, ge=0, le=100)
    reconcile_hour: int = Field(default=2, ge=0, le=23)
    # How much of a company's stream one reconciliation may mark as archived before it stops and asks a person.
    reconcile_max_archived_percent: float = Field(default=5.0, ge=0, le=100)
    reconcile_min_archived_rows: int = Field(default=100, ge=0)
    # How many records of a large stream are compared value by value each night, in turns, and on which weekday
    # (0 is Monday, -1 none) all of them are.
    reconcile_sweep_records: int = Field(default=200, ge=0)
    reconcile_full_weekday: int = Field(default=6, ge=-1, le=6)

    @field_validator("sync_interval_minutes")
    @classmethod
    def _divides_the_clock(cls, minutes: int) -> int:
        # Data intervals have to follow each other without a gap and start at the same times every day.
        if minutes < 1 or (_HOUR % minutes if minutes < _HOUR else minutes % _HOUR or _DAY % minutes):
            raise ValueError(
                "use minutes that divide an hour (such as 5, 15, 30) or hours that divide a day (60, 120, 360)"
            )
        return minutes

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
        raise InvalidSetting(f"{name}={first['input']!r} makes no sense: {first['msg']}") from None
