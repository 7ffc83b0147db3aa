"""How all workers share one portal: the budget, the breaker and what is known of it, kept in PostgreSQL."""

from commission_sync.gate.cache import PortalCache
from commission_sync.gate.limiter import PostgresLimiter
from commission_sync.gate.session import GateSession

__all__ = ["GateSession", "PortalCache", "PostgresLimiter"]
