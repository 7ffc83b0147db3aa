"""A flag that a person sets for one company."""

from __future__ import annotations

from uuid import UUID

import psycopg

from commission_sync.flags.declared import FALSE, FLAGS, TRUE
from commission_sync.store.flags import set_override


class InvalidFlag(ValueError):
    """There is no such flag, or it has no such value; the text says what there is."""


def flag_value(name: str, written: str) -> str:
    """Return a value of a flag as `choices` has it.

    :raises InvalidFlag: when there is none.
    """
    if name not in FLAGS:
        raise InvalidFlag(f"there is no flag {name!r}; there are: {', '.join(FLAGS)}")
    value = FLAGS[name].read(written)
    if value is None:
        raise InvalidFlag(f"{written!r} is no value of {name}; allowed: {', '.join(FLAGS[name].choices)}")
    return value


def set_for_company(
    conn: psycopg.Connection, integration_id: UUID, name: str, written: str | None, *, actor: str
) -> None:
    """Set a flag for one company before all rules, or with None let the rules decide again.

    :raises InvalidFlag: when there is no such flag or value; nothing is set then.
    """
    if written is None and name in FLAGS:
        set_override(conn, integration_id, name, None, actor=actor)
        return
    value = flag_value(name, written or "")
    is_switch = FLAGS[name].off == FALSE
    set_override(conn, integration_id, name, value == TRUE if is_switch else value, actor=actor)
