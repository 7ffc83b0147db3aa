"""A small language for calculated fields: exact decimals, nulls that propagate, and nothing that can run away."""

from commission_sync.mapping.formula.compiler import Formula, typed
from commission_sync.mapping.formula.errors import FormulaError
from commission_sync.mapping.formula.kinds import Kind, Value
from commission_sync.mapping.formula.syntax import Parsed, parse

__all__ = ["Formula", "FormulaError", "Kind", "Parsed", "Value", "parse", "typed"]
