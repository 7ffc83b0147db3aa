"""Keeps how deals are split among owners, where the portal's edition and the token's scopes have splits."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from airflow_hubspot.client import HubSpotClient, MissingScopes, NotFound
from airflow_hubspot.client.splits import BATCH_LIMIT, Split
from commission_sync.store.cursors import Cursor, advance_cursor, read_cursor
from commission_sync.store.splits import deals_with_splits, marks_split_deals, may_be_split, save_splits
from commission_sync.streams.step import StepContext
from commission_sync.streams.values import number

_log = logging.getLogger(__name__)

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_ASKED_AGAIN_AFTER = timedelta(days=1)
_DENIED = "deals/splits denied"
_WHY = "HubSpot splits the deal like this"
_READERS = 4
_DEALS_AT_ONCE = 10_000


def keep_marked_splits(context: StepContext) -> None:
    """Do `keep_splits` where HubSpot marks split deals, so that the others need not be asked for."""
    with context.conn.transaction():
        marked = marks_split_deals(context.conn, context.target.writing)
    if marked:
        keep_splits(context)


def keep_splits(context: StepContext) -> None:
    """Read the splits of deals that changed; a portal without splits is asked once a day."""
    feed, target, now = context.feed("deals/splits"), context.target, context.now()
    with context.conn.transaction():
        denied = read_cursor(context.conn, target.integration.id, _DENIED)
        if denied is not None and now - denied.at < _ASKED_AGAIN_AFTER:
            return
        # From the beginning: a first load brings no splits along.
        feed.begin(_EVER, from_start=True)
    for changed in feed.pages(most=_DEALS_AT_ONCE):
        with context.conn.transaction():
            asked = may_be_split(context.conn, target.writing, changed)
        if not read_splits(context, asked):
            return


def compare_splits(context: StepContext) -> None:
    """Read the splits of every deal that has some again; nothing promises that changing them shows elsewhere."""
    with context.conn.transaction():
        split = deals_with_splits(context.conn, context.target.writing)
    read_splits(context, split)


def read_splits(context: StepContext, deals: Sequence[str]) -> bool:
    """Read and keep the splits of some deals; False when the portal or the token has no splits."""
    target = context.target
    try:
        for found in _read(context.client, deals):
            with context.conn.transaction():
                shares = {deal: _shares(splits) for deal, splits in found.items()}
                save_splits(context.conn, target.stream.spec, target.writing, shares, _WHY)
    except (MissingScopes, NotFound) as error:
        _denied(context, error)
        return False
    return True


def _read(client: HubSpotClient, deals: Sequence[str]) -> Iterator[Mapping[str, Sequence[Split]]]:
    batches = [deals[start : start + BATCH_LIMIT] for start in range(0, len(deals), BATCH_LIMIT)]
    # The first one alone, as it tells whether there are splits at all.
    yield from map(client.splits.read, batches[:1])
    client.lists_share.make_room()
    readers = ThreadPoolExecutor(_READERS)
    try:
        yield from readers.map(client.splits.read, batches[1:])
    finally:
        readers.shutdown(cancel_futures=True)


def _denied(context: StepContext, error: Exception) -> None:
    integration = context.target.integration
    _log.info(
        "splits not read company=%s error=%r next=%s",
        integration.company_id,
        str(error),
        '"if the portal splits deals (Sales Hub Enterprise), grant crm.dealsplits.read_write: then all are read"',
    )
    now = context.now()
    with context.conn.transaction():
        advance_cursor(context.conn, integration.id, _DENIED, Cursor(now))


def _shares(splits: Sequence[Split]) -> Mapping[str, Decimal]:
    shares: dict[str, Decimal] = {}
    for split in splits:
        shares[split.owner_id] = shares.get(split.owner_id, Decimal()) + (number(split.percentage) or Decimal())
    return shares
