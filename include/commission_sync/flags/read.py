"""Reads a company's flags, once per run."""

from __future__ import annotations

import logging
from dataclasses import replace

import psycopg

from commission_sync.flags.snapshot import Flags, Rule, decide
from commission_sync.store.flags import flag_rules
from commission_sync.store.integrations import Integration

_log = logging.getLogger(__name__)


def read_flags(conn: psycopg.Connection, integration: Integration) -> Flags:
    """Return what counts for a company now, in the caller's transaction; pass it down instead of asking again."""
    rules = {
        row.flag: Rule(row.value, row.default_value, row.percentage, tuple(row.allow), tuple(row.deny))
        for row in flag_rules(conn, integration.id)
    }
    return decide(integration.company_id, rules, integration.feature_flags)


def with_flags(conn: psycopg.Connection, integration: Integration) -> Integration:
    """Return the integration with every flag decided; what begins a run calls it once and passes the result down."""
    flags = read_flags(conn, integration)
    for problem in flags.problems:
        _log.warning('flag ignored company=%s problem="%s"', flags.company, problem)
    return replace(integration, feature_flags=flags.settings())
