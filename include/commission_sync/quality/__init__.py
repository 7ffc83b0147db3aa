"""How good a company's data are: out of 100 by company and stream, weighted by money, each point explained by rows.

`Scoring(conn, company, settings, ScoredBy(actor)).run()` scores and keeps the result (docs/quality.md).
"""

from commission_sync.quality.scoring import Scored, Scoring
from commission_sync.store.quality import ScoredBy

__all__ = ["Scored", "ScoredBy", "Scoring"]
