"""What a company has settled about its write-back: whether, how far, and who wins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from commission_sync.writeback.properties import KEYS, Layout

FLAG = "writeback"

# HubSpot: lower-case letters, digits and underscores, beginning with a letter.
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]


class InvalidWritebackSetting(ValueError):
    """A company's flag or setting of the write-back makes no sense."""


class Mode(StrEnum):
    """How far the write-back of a company goes.

    off: nothing. dry_run: plans, which are kept and never applied. approval: a person agrees to each plan. on: plans
    within the caps are applied at once, others once a person has agreed.
    """

    OFF = "off"
    DRY_RUN = "dry_run"
    APPROVAL = "approval"
    ON = "on"


class ConflictPolicy(StrEnum):
    """What to do when somebody changed a commission property in HubSpot since our last write."""

    OURS = "ours"
    THEIRS = "theirs"
    HOLD = "hold"


class WritebackSettings(BaseModel):
    """`crm_integrations.writeback_settings` of a company; every key may be left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    properties: dict[str, _Name] = Field(default_factory=dict)
    on_conflict: ConflictPolicy = ConflictPolicy.HOLD
    max_rows: int = Field(default=10_000, ge=1)
    # Of each currency on its own: by how much the amounts on the deals move, up and down added up.
    max_moved: Decimal | None = Field(default=None, gt=0)
    # Of each currency on its own: the sum of all commissions against that at the last applied plan.
    max_change_percent: Decimal | None = Field(default=None, gt=0)
    # A task fails when more rows fail than both allow; fewer are named in its log and tried again.
    max_failed_rows: int = Field(default=5, ge=0)
    max_failed_percent: Decimal = Field(default=Decimal(5), ge=0, le=100)
    plan_hours: int = Field(default=24, ge=1, le=24 * 31)

    @field_validator("properties")
    @classmethod
    def _names_each_once(cls, names: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(names) - set(KEYS)):
            raise ValueError(f"there is no property {', '.join(unknown)}; there are {', '.join(KEYS)}")
        if len(Layout(names).by_name) < len(KEYS):
            raise ValueError("two of the properties would have the same name")
        return names

    @property
    def layout(self) -> Layout:
        """The properties by the names that this company gave them."""
        return Layout(dict(self.properties))

    @property
    def plan_lives(self) -> timedelta:
        """For how long a plan may be applied."""
        return timedelta(hours=self.plan_hours)


def mode_of(feature_flags: Mapping[str, Any]) -> Mode:
    """Return the mode that a company's flags ask for; a dry run where they say nothing.

    :raises InvalidWritebackSetting: for a mode that there is not
    """
    wanted = feature_flags.get(FLAG, Mode.DRY_RUN.value)
    # YAML and hasty SQL write `off` and `on` as truth values.
    wanted = {False: "off", True: "on"}[wanted] if isinstance(wanted, bool) else wanted
    try:
        return Mode(wanted)
    except ValueError:
        allowed = ", ".join(mode.value for mode in Mode)
        raise InvalidWritebackSetting(
            f"feature_flags.{FLAG}={wanted!r} is no mode; set it to one of {allowed} in crm_integrations"
        ) from None


def parse_settings(document: Mapping[str, Any]) -> WritebackSettings:
    """Return a company's settings.

    :raises InvalidWritebackSetting: naming the key, its value and what is allowed
    """
    try:
        return WritebackSettings.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidWritebackSetting(
            f"writeback_settings.{where}={first['input']!r} makes no sense: {first['msg']}; correct it in "
            "crm_integrations (docs/writeback.md lists the keys)"
        ) from None
