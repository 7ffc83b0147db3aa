"""Keeps how deals are split among owners, where the portal's edition and the token's scopes have splits."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from airflow_hubspot.client import MissingScopes, NotFound
from airflow_hubspot.client.splits import BATCH_LIMIT, Split
from commission_sync.store.splits import save_splits, split_deals
from commission_sync.streams.step import StepContext
from commission_sync.streams.values import number

_log = logging.getLogger(__name__)

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_WHY = "HubSpot splits the deal like this"


def keep_splits(context: StepContext) -> None:
    """Read the splits of deals that changed and are, or were, split among owners; portals without any cost no call."""
    feed = context.feed("deals/splits")
    with context.conn.transaction():
        # From the beginning: splits are few, and a first load brings them all.
        feed.begin(_EVER, from_start=True)
        position, head = feed.position(), feed.head()
        assert position is not None
        changed = [deal.crm_id for deal in feed.changed(position, head)]
        target = context.target
        split = split_deals(context.conn, target.stream.spec, target.writing, changed)
    if read_splits(context, split):
        with context.conn.transaction():
            feed.move(replace(position, audit_id=head))


def read_splits(context: StepContext, deals: Sequence[str]) -> bool:
    """Read and keep the splits of some deals; False when the portal or the token has no splits."""
    target = context.target
    for start in range(0, len(deals), BATCH_LIMIT):
        try:
            found = context.client.splits.read(deals[start : start + BATCH_LIMIT])
        except (MissingScopes, NotFound) as error:
            _log.warning(
                "splits not read company=%s deals=%s error=%r next=%s",
                target.integration.company_id,
                len(deals),
                str(error),
                '"grant crm.dealsplits.read_write (Sales Hub Enterprise); the deals are read once it is there"',
            )
            return False
        with context.conn.transaction():
            shares = {deal: _shares(splits) for deal, splits in found.items()}
            save_splits(context.conn, target.stream.spec, target.writing, shares, _WHY)
    return True


def _shares(splits: Sequence[Split]) -> Mapping[str, Decimal]:
    shares: dict[str, Decimal] = {}
    for split in splits:
        shares[split.owner_id] = shares.get(split.owner_id, Decimal()) + (number(split.percentage) or Decimal())
    return shares
