"""Keeps the inbox's weeks: makes those that come, drops those that are over.

Dropping a week costs the same however many events it holds. What nobody has dealt with yet is moved out before, so that
no setting can lose an event or an open dead letter.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from typing import LiteralString

import psycopg

_WEEK = timedelta(days=7)
_AHEAD = 2
_PREFIX = "webhook_events_"
# Any number will do, as long as every version of this file takes the same one.
_TURN = 7_209_318_552

_log = logging.getLogger(__name__)

# Whoever waits for a lock holds up all who come after, the receiver too: rather later than that.
_BE_BRIEF = "SET LOCAL lock_timeout = '1s'"

_WEEKS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'webhook_events'::regclass AND c.relname ~ '^webhook_events_[0-9]{8}$'
"""

_MAKE = "SELECT make_webhook_week(%s)"
_DROP = "SELECT drop_webhook_week(%s)"

_SWEEP = """
DELETE FROM webhook_events_other
WHERE received_at < %s AND (state IN ('done', 'ignored') OR dismissed_at IS NOT NULL)
"""


def keep_weeks(conn: psycopg.Connection, *, keep: timedelta, now: datetime) -> list[str]:
    """Make the weeks around `now`, drop those that ended more than `keep` ago, and return what was done.

    Cheap when there is nothing to do, safe when several do it at once; what is locked is left for the next time.
    """
    monday = now.astimezone(UTC).date() - timedelta(days=now.astimezone(UTC).weekday())
    wanted = {monday + _WEEK * n for n in range(-1, _AHEAD + 1)}
    with conn.transaction():
        known = {_week_of(str(row[0])) for row in conn.execute(_WEEKS)}
    over = {week for week in known if _midnight(week + _WEEK) <= now - keep}
    done = [f"made {_name(week)}" for week in sorted(wanted - known) if _change(conn, _MAKE, week)]
    done += [f"dropped {_name(week)}" for week in sorted(over) if _change(conn, _DROP, week)]
    if done:
        with conn.transaction():
            conn.execute(_SWEEP, (now - keep,))
        _log.info("webhooks weeks %s", ", ".join(done))
    return done


def _change(conn: psycopg.Connection, statement: LiteralString, week: date) -> bool:
    try:
        with conn.transaction():
            conn.execute(_BE_BRIEF)
            if not _my_turn(conn):
                return False
            conn.execute(statement, (week,))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DuplicateTable) as error:
        _log.info("webhooks weeks left for later week=%s why=%r", _name(week), str(error).partition("\n")[0])
        return False
    return True


def _my_turn(conn: psycopg.Connection) -> bool:
    row = conn.execute("SELECT pg_try_advisory_xact_lock(%s)", (_TURN,)).fetchone()
    return row is not None and bool(row[0])


def _name(week: date) -> str:
    return f"{_PREFIX}{week:%Y%m%d}"


def _week_of(name: str) -> date:
    return datetime.strptime(name.removeprefix(_PREFIX), "%Y%m%d").replace(tzinfo=UTC).date()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
