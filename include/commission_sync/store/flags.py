"""The rules of feature flags, and each company's own settings; every change leaves an audit row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class FlagRule:
    """A row of `feature_flags`."""

    flag: str
    value: str
    default_value: str | None = None
    percentage: int = 0
    allow: Sequence[str] = ()
    deny: Sequence[str] = ()
    note: str = ""


_RULES = """
SELECT DISTINCT ON (flag) flag, value, default_value, percentage, allow, deny, note FROM feature_flags
WHERE integration_id IS NULL OR integration_id = %s
ORDER BY flag, integration_id NULLS LAST
"""


def flag_rules(conn: psycopg.Connection, integration_id: UUID | None) -> list[FlagRule]:
    """Return the rule of each flag that has one; one for the company goes before one for all."""
    with conn.cursor(row_factory=class_row(FlagRule)) as cursor:
        return cursor.execute(_RULES, (integration_id,)).fetchall()


_SAVE = """
INSERT INTO feature_flags AS f (flag, integration_id, value, default_value, percentage, allow, deny, note, updated_by)
VALUES (%(flag)s, NULL, %(value)s, %(default_value)s, %(percentage)s, %(allow)s, %(deny)s, %(note)s, %(actor)s)
ON CONFLICT (flag, integration_id) DO UPDATE
SET value = excluded.value, default_value = excluded.default_value, percentage = excluded.percentage,
    allow = excluded.allow, deny = excluded.deny, note = excluded.note, updated_by = excluded.updated_by,
    updated_at = now()
"""
ALL_RULES = """
SELECT integration_id, flag, value, default_value, percentage, allow, deny, note FROM feature_flags
"""


def every_flag_rule(conn: psycopg.Connection) -> dict[UUID | None, list[FlagRule]]:
    """Return the rules for single companies, and under None those for all."""
    return rules_by_company(conn.execute(ALL_RULES).fetchall())


def rules_by_company(rows: Iterable[Sequence[Any]]) -> dict[UUID | None, list[FlagRule]]:
    """Return what rows of `ALL_RULES` say, by company; under None the rules for all."""
    rules: dict[UUID | None, list[FlagRule]] = {}
    for integration_id, *rule in rows:
        rules.setdefault(integration_id, []).append(FlagRule(*rule))
    return rules


_CURRENT = """
SELECT flag, value, default_value, percentage, allow, deny, note FROM feature_flags
WHERE flag = %s AND integration_id IS NULL FOR UPDATE
"""
_TELL = """
INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
SELECT %(integration_id)s, 'feature_flag', %(flag)s, 'set', changes, %(actor)s
FROM json_difference(%(before)s, %(after)s) changes WHERE changes <> '{}'
"""


def change_rule(conn: psycopg.Connection, flag: str, actor: str, new: FlagRule, **changes: Any) -> FlagRule:
    """Change the rule of a flag for all companies and return it; `new` is what a flag without one begins with."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"feature_flag/{flag}",))
    with conn.cursor(row_factory=class_row(FlagRule)) as cursor:
        before = cursor.execute(_CURRENT, (flag,)).fetchone()
    after = replace(before or new, **changes)
    conn.execute(_SAVE, {**_columns(after), "actor": actor})
    told = {"before": Jsonb(_columns(before) if before else {}), "after": Jsonb(_columns(after))}
    conn.execute(_TELL, {"integration_id": None, "flag": flag, "actor": actor, **told})
    return after


def _columns(rule: FlagRule) -> dict[str, Any]:
    columns = ("flag", "value", "default_value", "percentage", "note")
    return {n: getattr(rule, n) for n in columns} | {"allow": list(rule.allow), "deny": list(rule.deny)}


_OVERRIDE = """
UPDATE crm_integrations
SET feature_flags = CASE WHEN %(value)s::jsonb IS NULL THEN feature_flags - %(flag)s::text
                         ELSE feature_flags || jsonb_build_object(%(flag)s::text, %(value)s::jsonb) END,
    updated_at = now()
WHERE id = %(integration_id)s
"""


def set_override(
    conn: psycopg.Connection, integration_id: UUID, flag: str, value: str | bool | None, *, actor: str
) -> None:
    """Set a flag for one company, or with None let the rules decide again."""
    row = conn.execute(
        "SELECT feature_flags FROM crm_integrations WHERE id = %s FOR UPDATE", (integration_id,)
    ).fetchone()
    before = (row[0] if row else {}).get(flag)
    document = None if value is None else Jsonb(value)
    conn.execute(_OVERRIDE, {"integration_id": integration_id, "flag": flag, "value": document})
    told = {"before": Jsonb({"company": before}), "after": Jsonb({"company": value})}
    conn.execute(_TELL, {"integration_id": integration_id, "flag": flag, "actor": actor, **told})
