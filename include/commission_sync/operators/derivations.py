"""What follows from the rows that a stream has merged."""

from __future__ import annotations

from commission_sync.fx.amounts import FLAG, Amounts
from commission_sync.settings import Settings
from commission_sync.store.conversion import DEALS, LINE_ITEMS
from commission_sync.store.integrations import Integration
from commission_sync.streams.landing import Derivation
from commission_sync.streams.stream import Stream


def derivations(stream: Stream, company: Integration, settings: Settings) -> tuple[Derivation, ...]:
    """Return what to work out for a company after each merge of a stream, in this order."""
    if not company.has_feature(FLAG):
        return ()
    amounts = Amounts(company.id, settings)
    by_table = {DEALS.table: (amounts.of_deals,), LINE_ITEMS.table: (amounts.of_line_items,)}
    return by_table.get(stream.table, ())
