"""What follows from the rows that a stream has merged."""

from __future__ import annotations

from commission_sync.fx.amounts import FLAG, Amounts
from commission_sync.settings import Settings
from commission_sync.store.conversion import DEALS
from commission_sync.store.integrations import Integration
from commission_sync.streams.landing import Derivation
from commission_sync.streams.stream import Stream


def derivations(stream: Stream, company: Integration, settings: Settings) -> tuple[Derivation, ...]:
    """Return what to work out for a company after each merge of a stream, in this order."""
    if stream.table == DEALS.table and company.feature_flags.get(FLAG, True):
        return (Amounts(company.id, settings).of_deals,)
    return ()
