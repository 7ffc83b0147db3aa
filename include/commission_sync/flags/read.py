"""Reads a company's flags, once per run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import psycopg

from commission_sync.flags.snapshot import Flags, Rule, decide
from commission_sync.store.flags import FlagRule, every_flag_rule, flag_rules
from commission_sync.store.integrations import Integration

_log = logging.getLogger(__name__)


def read_flags(conn: psycopg.Connection, integration: Integration) -> Flags:
    """Return what counts for a company now, in the caller's transaction; pass it down instead of asking again."""
    return _decided(integration, flag_rules(conn, integration.id))


def _decided(integration: Integration, rules: Sequence[FlagRule]) -> Flags:
    found = {
        row.flag: Rule(row.value, row.default_value, row.percentage, tuple(row.allow), tuple(row.deny)) for row in rules
    }
    return decide(integration.company_id, found, integration.feature_flags)


def with_flags(conn: psycopg.Connection, integration: Integration) -> Integration:
    """Return the integration with every flag decided; what begins a run calls it once and passes the result down."""
    flags = read_flags(conn, integration)
    for problem in flags.problems:
        _log.warning('flag ignored company=%s problem="%s"', flags.company, problem)
    return replace(integration, feature_flags=flags.settings())


def all_with_flags(conn: psycopg.Connection, integrations: Sequence[Integration]) -> list[Integration]:
    """Do `with_flags` for many companies by one query; what makes no sense is for their runs to tell."""
    rules = every_flag_rule(conn)
    common = rules.get(None, [])
    return [
        # A rule for the company comes later and so takes the place of the one for all.
        replace(one, feature_flags=_decided(one, [*common, *rules.get(one.id, [])]).settings())
        for one in integrations
    ]
