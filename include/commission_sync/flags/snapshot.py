"""What each flag is for one company: a function of the rules, the company's own settings, and its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from commission_sync.flags.declared import FALSE, FLAGS, TRUE, Flag

_BUCKETS = 100


@dataclass(frozen=True)
class Rule:
    """A rollout: companies in `allow`, and `percentage` of all, get `value`; the others get `default_value`."""

    value: str
    default_value: str | None = None
    percentage: int = 0
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flags:
    """The flags of one company as they were when its run began; `reasons` says how each came about."""

    company: str
    values: Mapping[str, str]
    reasons: Mapping[str, str]
    # Settings that make no sense, for the log.
    problems: tuple[str, ...] = ()

    def is_on(self, name: str) -> bool:
        """Whether a capability that is either there or not is there."""
        return self.values[name] == TRUE

    def settings(self) -> dict[str, Any]:
        """Return the values as `crm_integrations.feature_flags` writes them: true, false, or a word."""
        return {name: value == TRUE if FLAGS[name].off == FALSE else value for name, value in self.values.items()}

    def choice(self, name: str) -> str:
        """Return the value of a flag that has more than two."""
        return self.values[name]


def decide(company: str, rules: Mapping[str, Rule], overrides: Any) -> Flags:
    """Return a company's flags.

    The company's own setting (`crm_integrations.feature_flags`) goes before a rule, its deny list before its allow
    list, that before its percentage, and what the code declares comes last.
    """
    values, reasons, problems = {}, {}, []
    if not isinstance(overrides, Mapping):
        problems.append("crm_integrations.feature_flags has to be a JSON object; it counts as empty")
        overrides = {}
    for name, flag in FLAGS.items():
        if name in overrides and flag.read(overrides[name]) is None:
            problems.append(
                f"crm_integrations.feature_flags[{name!r}]={overrides[name]!r} makes no sense; "
                f"allowed: {', '.join(flag.choices)}; it counts as {flag.off}"
            )
        values[name], reasons[name] = _decide(flag, company, rules.get(name), overrides)
    problems += [
        f"crm_integrations.feature_flags has no flag {name!r}" for name in sorted(overrides.keys() - FLAGS.keys())
    ]
    return Flags(company, values, reasons, tuple(problems))


def _decide(flag: Flag, company: str, rule: Rule | None, overrides: Mapping[str, Any]) -> tuple[str, str]:
    if flag.name in overrides:
        return flag.read(overrides[flag.name]) or flag.off, "set for the company"
    if rule is None:
        return flag.default, "default"
    if company in rule.deny:
        return flag.off, "denied"
    if company in rule.allow:
        return rule.value, "allowed"
    if bucket(flag.name, company) < rule.percentage:
        return rule.value, f"in the first {rule.percentage} %"
    return rule.default_value or flag.default, "default"


def bucket(flag: str, company: str) -> int:
    """Return the hundredth that a company is in; a raised percentage only ever adds companies.

    The flag's name is part of it, so that not always the same companies come first.
    """
    return int.from_bytes(blake2b(f"{flag}/{company}".encode(), digest_size=8).digest()) % _BUCKETS
