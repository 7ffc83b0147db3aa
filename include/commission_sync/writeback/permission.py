"""Whether a company's plan may (still) be applied: asked of the database before each batch and each send."""

from __future__ import annotations

from uuid import UUID

import psycopg

from commission_sync.flags.read import read_flags
from commission_sync.store.company_page import is_active
from commission_sync.store.integrations import integration
from commission_sync.store.plans import Plan
from commission_sync.store.writebacks import writeback_settings
from commission_sync.writeback.company import Mode, WritebackSettings, mode_of, parse_settings


class PlanNotOpen(RuntimeError):
    """A plan may not be applied: rejected, expired, replaced by a later one, or the company's flag was turned down."""


class TurnedDown(PlanNotOpen):
    """The company's write-back was turned down, or settled otherwise, since the plan was made."""


def require_permission(conn: psycopg.Connection, integration_id: UUID, plan: Plan) -> WritebackSettings:
    """Return how the company wants its write-back now, in the caller's transaction.

    :raises TurnedDown: when it does not want this plan to be applied (any more)
    """
    why = _refusal(conn, integration_id, plan)
    settings = parse_settings(writeback_settings(conn, integration_id))
    names = {declared.key: name for name, declared in settings.layout.by_name.items()}
    if why is None and names != plan.property_names:
        why = "the company has given its properties other names since the plan was made"
    if why is not None:
        raise TurnedDown(f"{why}, so nothing (more) was written")
    return settings


def _refusal(conn: psycopg.Connection, integration_id: UUID, plan: Plan) -> str | None:
    mode = mode_of(read_flags(conn, integration(conn, integration_id)).settings())
    if mode in {Mode.OFF, Mode.DRY_RUN}:
        return f"the company's write-back is {mode} by now"
    if mode is Mode.APPROVAL and plan.decided_by is None:
        return "the company's plans need an approval by now, which this one has not got"
    if not is_active(conn, integration_id):
        return "the company is paused"
    return None
