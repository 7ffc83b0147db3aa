"""Tells a plan to the person who has to agree to it, in Markdown, and a run to its log."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from commission_sync.store.integrations import Integration
from commission_sync.store.plan_rows import PlanRow, weightiest_rows
from commission_sync.store.plans import Plan
from commission_sync.writeback.properties import KEYS

SHOWN = 20
_NOTHING = "(empty)"


def subject(integration: Integration, plan: Plan) -> str:
    """Return the headline of the question whether to apply a plan."""
    doing = "Take back" if plan.kind == "undo" else "Write"
    return (
        f"{doing} {plan.rows:,} commissions of {integration.company_id} {'in' if doing != 'Write' else 'to'} HubSpot?"
    )


def summarise(conn: psycopg.Connection, integration: Integration, plan: Plan) -> str:
    """Return what a plan would do: totals, expiry, why it is asked for, and its weightiest rows with links."""
    amount = plan.property_names["commission_amount"]
    with conn.transaction():
        rows = weightiest_rows(conn, plan.id, amount, limit=SHOWN)
    lines = [
        f"Asked because: {plan.approval_reason or 'nobody has to agree'}.",
        *([f"Takes back what run `{plan.undoes_run_id}` wrote."] if plan.kind == "undo" else []),
        f"Not applied after {plan.expires_at:%Y-%m-%d %H:%M} UTC. Rejecting leaves HubSpot as it is.",
        "",
        *_totals(plan.totals),
        "",
        *_table(integration.portal_id, plan, rows),
        "",
        f"All rows are in the table `commission_writebacks`, with the plan_id `{plan.id}`.",
    ]
    return "\n".join(lines)


def _totals(totals: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = ["| currency | rows | old amounts | new amounts | moved |", "|---|--:|--:|--:|--:|"]
    changed = [(currency, t) for currency, t in totals.items() if t["rows"]]
    return lines + [f"| {c} | {t['rows']:,} | {t['old']} | {t['new']} | {t['moved']} |" for c, t in changed]


def _table(portal_id: int, plan: Plan, rows: Sequence[PlanRow]) -> list[str]:
    # Not as jsonb keeps them, but as they are declared.
    names = [plan.property_names[key] for key in KEYS]
    lines = [f"| deal | currency | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    lines += [_row(portal_id, names, row) for row in rows]
    return lines + ([f"… and {plan.rows - len(rows):,} more rows that move less."] if plan.rows > len(rows) else [])


def _row(portal_id: int, names: Sequence[str], row: PlanRow) -> str:
    link = f"https://app.hubspot.com/contacts/{portal_id}/record/0-3/{row.crm_id}"
    deal = f"[{_plain(row.name or row.crm_id)}]({link})"
    if row.state == "failed":
        return f"| {deal} | {row.currency or ''} | not written: {_plain(row.last_error or '')} |"
    cells = [_change(row.before.get(name), row.properties.get(name)) for name in names]
    return f"| {deal} | {row.currency or ''} | {' | '.join(cells)} |"


def _change(before: str | None, after: str | None) -> str:
    if (before or "") == (after or ""):
        return _plain(after or _NOTHING)
    return f"{_plain(before or _NOTHING)} → **{_plain(after or _NOTHING)}**"


def _plain(text: str) -> str:
    """Return a text that Markdown takes as it is: a deal's name is anybody's."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#+!|<>~" else c for c in " ".join(text.split()))


def log_line(log: logging.Logger, level: int, event: str, **facts: object) -> None:
    """Write one line: an event, then key=value."""
    known = {key: value for key, value in facts.items() if value is not None}
    log.log(level, "%s %s", event, " ".join(f"{k}={_quoted(v)}" for k, v in known.items()), stacklevel=2)


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text
