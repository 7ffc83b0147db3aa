"""Which optional capabilities a company has: declared once, decided once per run, and never looked up in between."""

from commission_sync.flags.declared import FLAGS, Flag
from commission_sync.flags.snapshot import Flags, Rule, decide

__all__ = ["FLAGS", "Flag", "Flags", "Rule", "decide"]
