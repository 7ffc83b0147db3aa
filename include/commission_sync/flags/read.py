"""Reads a company's flags, once per run."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg

from commission_sync.flags.snapshot import Flags, Rule, decide
from commission_sync.store.flags import FlagRule, every_flag_rule, flag_rules
from commission_sync.store.integrations import Integration

# What `decided_off` takes.
COMPANIES = "SELECT id, company_id, feature_flags FROM crm_integrations"

_log = logging.getLogger(__name__)


def read_flags(conn: psycopg.Connection, integration: Integration) -> Flags:
    """Return what counts for a company now, in the caller's transaction; pass it down instead of asking again."""
    return _decided(integration.company_id, integration.feature_flags, flag_rules(conn, integration.id))


def _decided(company: str, own: Any, rules: Sequence[FlagRule]) -> Flags:
    found = {
        row.flag: Rule(row.value, row.default_value, row.percentage, tuple(row.allow), tuple(row.deny)) for row in rules
    }
    return decide(company, found, own)


def with_flags(conn: psycopg.Connection, integration: Integration) -> Integration:
    """Return the integration with every flag decided; what begins a run calls it once and passes the result down."""
    flags = read_flags(conn, integration)
    for problem in flags.problems:
        _log.warning('flag ignored company=%s problem="%s"', flags.company, problem)
    return replace(integration, feature_flags=flags.settings())


def switched_off(conn: psycopg.Connection, flag: str) -> set[UUID]:
    """Return the companies, active or not, that do not have a capability, in the caller's transaction."""
    return decided_off(flag, conn.execute(COMPANIES).fetchall(), every_flag_rule(conn))


def decided_off(
    flag: str, companies: Iterable[tuple[UUID, str, Any]], rules: Mapping[UUID | None, Sequence[FlagRule]]
) -> set[UUID]:
    """Return which of the companies, each with its name and its own settings, do not have a capability."""
    common = rules.get(None, [])
    return {one for one, name, own in companies if not _decided(name, own, [*common, *rules.get(one, [])]).is_on(flag)}


def all_with_flags(conn: psycopg.Connection, integrations: Sequence[Integration]) -> list[Integration]:
    """Do `with_flags` for many companies by one query; what makes no sense is for their runs to tell."""
    rules = every_flag_rule(conn)
    common = rules.get(None, [])
    return [
        # A rule for the company comes later and so takes the place of the one for all.
        replace(
            one,
            feature_flags=_decided(one.company_id, one.feature_flags, [*common, *rules.get(one.id, [])]).settings(),
        )
        for one in integrations
    ]
